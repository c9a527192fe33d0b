"""Feeds a gateway through its `local` driver, and follows every number to the broker.

A program hands in numbers as JSON lines, with a bounded number of them unanswered, flat out or at
a rate; a subscriber keeps what arrives. At the end each number that was answered has to be there,
once. Figures: accepted and delivered a second, CPU, memory and writes of the daemon.

    python benchmarks/local_feed.py --readings 500000                flat out
    python benchmarks/local_feed.py --readings 10000 --rate 500      steady
    python benchmarks/local_feed.py --readings 1000000 --outage      no broker, then the drain

In the drain, live readings come beside it at 500 a second. Needs `mosquitto`.
"""

from __future__ import annotations

import argparse
import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent

import psutil
from local_arrivals import Arrivals, arrivals, quiet_s

GATEWAY = "bench"
LIVE_PER_S = 500
DEADLINE_S = 300.0
CHUNK_LINES = 100
QUIET_S = 2.0


class Feeder:
    """A program on the pole: one connection, at most `window` lines unanswered."""

    def __init__(self, path: Path, window: int, sensors: int) -> None:
        self.sent = self.answered = 0
        self.refused: list[str] = []
        self._window, self._sensors = window, sensors
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))
        self._rest = b""

    def feed(self, readings: int, rate: float = 0.0) -> None:
        """Hand in so many more numbers, at so many a second or as fast as answers come."""
        begun, first = time.monotonic(), self.sent
        last = first + readings
        step = max(1, round(rate / 50)) if rate else CHUNK_LINES
        while self.sent < last:
            if rate:
                time.sleep(max(0.0, begun + (self.sent - first) / rate - time.monotonic()))
            part = range(self.sent, min(self.sent + step, last))
            while part.stop - self.answered > self._window:
                self._listen()
            self._socket.sendall(self._lines(part))
            self.sent = part.stop
            self._listen(socket.MSG_DONTWAIT)

    def finish(self) -> None:
        """Wait until all are answered."""
        while self.answered < self.sent:
            self._listen()

    def _lines(self, numbers: Sequence[int]) -> bytes:
        now_s, sensors = time.time(), self._sensors
        return "".join(
            f'{{"quantity":"number","channel":"s{number % sensors:02d}","value":{number},'
            f'"time":{now_s + number % CHUNK_LINES * 1e-6:.6f}}}\n'
            for number in numbers
        ).encode()

    def _listen(self, flags: int = 0) -> None:
        try:
            came = self._socket.recv(65536, flags)
        except BlockingIOError:
            return
        if not came:
            raise ConnectionError("the gateway has gone")
        *lines, self._rest = (self._rest + came).split(b"\n")
        self.refused += [line.decode() for line in lines if line[:1] == b"E"]
        self.answered = max([self.answered, *(int(x[1:]) for x in lines if x[:1] == b"A")])


@dataclass(frozen=True, slots=True)
class Cost:
    """What a process has taken so far."""

    cpu_s: float
    rss_mb: float
    written: int


def cost_of(process: psutil.Process) -> Cost:
    """Ask the kernel."""
    cpu, memory, traffic = process.cpu_times(), process.memory_info(), process.io_counters()
    return Cost(cpu.user + cpu.system, round(memory.rss / 1e6, 1), traffic.write_bytes)


@dataclass(frozen=True, slots=True)
class Bench:
    """Where everything is."""

    folder: Path
    port: int
    options: argparse.Namespace

    @property
    def socket(self) -> Path:
        """Where lines are handed in."""
        return self.folder / "feed.sock"

    @property
    def kept(self) -> Path:
        """Where the subscriber keeps what arrives."""
        return self.folder / "arrived"

    def configuration(self) -> Path:
        """Write the gateway's configuration."""
        path = self.folder / "gateway.toml"
        text = f"""
            [gateway]
            id = "{GATEWAY}"
            [clock]
            source = "trusted"
            [outbox]
            folder = "{self.folder / "outbox"}"
            [uplink]
            host = "127.0.0.1"
            port = {self.port}
            tls = false
            reconnect_max_s = 1.0
            [[device]]
            id = "feed"
            driver = "local"
            socket = "{self.socket}"
            """
        path.write_text(dedent(text), encoding="utf-8")
        return path

    @contextmanager
    def daemon(self) -> Generator[psutil.Process]:
        """The gateway, ready to be fed."""
        command = (sys.executable, "-m", "edge_gateway", "run", "--config", self.configuration())
        with _program(*command) as process:
            _wait_for(self.socket.exists)
            time.sleep(1.5)  # its first connection
            yield process

    @contextmanager
    def broker(self) -> Generator[None]:
        """A mosquitto without limits of its own, and a subscriber that keeps all that comes."""
        path = self.folder / "mosquitto.conf"
        lines = f"listener {self.port} 127.0.0.1", "allow_anonymous true", "max_queued_messages 0"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        found = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        listener = Path(__file__).with_name("local_arrivals.py")
        topic = f"edge/{GATEWAY}/raw"
        with _program(found, "-c", path):
            _wait_for(lambda: _listens(self.port))
            with _program(sys.executable, listener, self.port, topic, self.kept):
                _wait_for(self.kept.exists)
                yield

    def feeder(self) -> Feeder:
        """A program that hands in readings."""
        return Feeder(self.socket, self.options.window, self.options.sensors)

    def let_it_come(self) -> None:
        """Wait for what was just committed, and until nothing more comes."""
        time.sleep(QUIET_S)
        _wait_for(lambda: quiet_s(self.kept) > QUIET_S)

    def straight(self) -> dict[str, object]:
        """Feed with the uplink up."""
        readings, rate = self.options.readings, self.options.rate
        with self.broker(), self.daemon() as process:
            before, begun = cost_of(process), time.time()
            feeder = self.feeder()
            feeder.feed(readings, rate)
            feeder.finish()
            accepted_s = time.time() - begun
            self.let_it_come()
            after = cost_of(process)
        came = arrivals(self.kept)
        return {
            **_figures(came, feeder, before, after),
            "accepted_per_s": round(readings / accepted_s),
            "delivered_per_s": round(readings / (came.messages[-1].at_s - begun)),
        }

    def outage(self) -> dict[str, object]:
        """Feed without a broker, then let it drain."""
        readings, rate = self.options.readings, self.options.rate
        with self.daemon() as process:
            empty, begun = cost_of(process), time.time()
            feeder = self.feeder()
            feeder.feed(readings, rate)
            feeder.finish()
            accepted_s = time.time() - begun
            full = cost_of(process)
            process.suspend()  # until somebody listens at the broker
            with self.broker():
                process.resume()
                while not quiet_s(self.kept, backlog=True) > QUIET_S:
                    feeder.feed(LIVE_PER_S // 5, LIVE_PER_S)
                feeder.finish()
                self.let_it_come()
            drained = cost_of(process)
        came = arrivals(self.kept)
        backlog = [arrived for arrived in came.numbers if arrived.is_backlog]
        last_s = max(arrived.at_s for arrived in backlog)
        drain_s = last_s - min(arrived.at_s for arrived in backlog)
        live = [a for a in came.numbers if a.number >= readings and a.at_s <= last_s]
        return {
            **_figures(came, feeder, empty, drained),
            "accepted_per_s": round(readings / accepted_s),
            "buffered_cpu_us": round((full.cpu_s - empty.cpu_s) / readings * 1e6, 2),
            "rss_full_mb": full.rss_mb,
            "drained_per_s": round(len(backlog) / drain_s),
            "drain_s": round(drain_s, 2),
            "live_in_drain": len(live),
            # Of these, up to the commit interval is the time before the commit.
            "live_latest_s": round(max((a.at_s - a.unix_s for a in live), default=0.0), 2),
        }


def _figures(came: Arrivals, feeder: Feeder, before: Cost, after: Cost) -> dict[str, object]:
    return {
        "readings": feeder.sent,
        "refused": len(feeder.refused),
        **came.problems(feeder.sent),
        "messages": len(came.messages),
        "wire_bytes_per_reading": round(came.wire_bytes / feeder.sent, 2),
        "daemon_cpu_us_per_reading": round((after.cpu_s - before.cpu_s) / feeder.sent * 1e6, 2),
        "daemon_written_per_reading": round((after.written - before.written) / feeder.sent, 2),
        "rss_before_mb": before.rss_mb,
        "rss_after_mb": after.rss_mb,
    }


@contextmanager
def _program(*command: object) -> Generator[psutil.Process]:
    """A process of ours, ended with this."""
    process = subprocess.Popen(  # noqa: S603 - the programs named above
        list(map(str, command)), stdout=subprocess.DEVNULL
    )
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _wait_for(is_so: Callable[[], bool]) -> None:
    ends_s = time.monotonic() + DEADLINE_S
    while not is_so():
        if time.monotonic() > ends_s:
            raise TimeoutError(f"not within {DEADLINE_S:g} s")
        time.sleep(0.1)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def main() -> None:
    """Run one scenario and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--readings", type=int, default=500_000)
    parser.add_argument("--rate", type=float, default=0.0, help="a second; 0: flat out")
    parser.add_argument("--window", type=int, default=2000, help="unanswered lines, at most")
    parser.add_argument("--sensors", type=int, default=50)
    parser.add_argument("--outage", action="store_true")
    options = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with TemporaryDirectory() as folder:
        bench = Bench(Path(folder), port, options)
        print(json.dumps(bench.outage() if options.outage else bench.straight(), indent=1))


if __name__ == "__main__":
    main()
