"""Processor time of a whole gateway that polls twelve devices at 1 Hz beside a 4 Hz WindSonic.

    python benchmarks/polling_cost.py [--seconds 60] [--warm-up 15] [--most 3.0] [--hot 25]

The gateway is a process of its own: drivers, supervision, flags, summaries, commits to disk and the
uplink to a real broker. Serial and 1-Wire devices are simulated in this one. Only the I2C chips
stand in the gateway's process; what they take is measured by their thread's clock and given apart.
Exits with 1 when the gateway takes more than `--most` percent of one core, or values are missing.
With `--hot` another run, under the profiler, shows the functions that take most.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import pstats
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from tempfile import TemporaryDirectory
from typing import Any

from pole_of_twelve import RATES_HZ, AccountedBus, PoleOfTwelve, accounted_ns

from edge_gateway.app import Gateway
from edge_gateway.cli.check import read
from edge_gateway.cli.demo.platform import Platform
from edge_gateway.clock import SystemClock
from edge_gateway.health import Notifier
from edge_gateway.links.i2c import I2cBus
from edge_gateway.reading import Measurand, Statistic
from edge_gateway.twins.broker import Broker
from edge_gateway.wiring import Openers

SETTINGS, ACCOUNT, NOTIFY, PROFILE = "gateway.toml", "i2c-account", "notify", "profile"
START_S = 20.0
# Batches leave every five seconds: so much may be under way at the end.
UNDER_WAY_S = 5.0
LEAST_SHARE = 0.95
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """The state of the gateway's process at one moment; times in seconds of the processor.

    `samples` are those of each device that the broker has passed on.
    """

    at_s: float
    process_s: float
    chips_s: float
    samples: Mapping[str, int]
    threads_s: dict[int, float]
    wakes: dict[int, int]


def main() -> int:
    """Measure, print, judge."""
    arguments = _arguments()
    if arguments.gateway is not None:
        return _be_the_gateway(arguments.gateway, profiled=arguments.hot > 0)
    with _pole(hot=0) as (process, names, sample):
        _pass(arguments.warm_up, process)
        before = sample()
        _pass(arguments.seconds, process)
        after = sample()
    is_good = _report(before, after, names, arguments.most)
    if arguments.hot:
        with _pole(arguments.hot) as (process, _, _):
            _pass(arguments.seconds, process)
    return 0 if is_good else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long to measure")
    parser.add_argument("--warm-up", type=float, default=15.0, help="seconds before that")
    parser.add_argument("--most", type=float, default=3.0, help="percent of one core allowed")
    parser.add_argument("--hot", type=int, default=0, help="functions to show of a profiled run")
    parser.add_argument("--gateway", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


@contextmanager
def _pole(
    hot: int,
) -> Generator[tuple[subprocess.Popen[str], dict[int, str], Callable[[], Sample]]]:
    """A running gateway, the names of its threads, and what takes a sample of it."""
    with TemporaryDirectory(prefix="polling-cost-") as name:
        folder = Path(name)
        with (
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd,
            Broker() as broker,
            Platform("127.0.0.1", broker.port, "edge") as platform,
            PoleOfTwelve(folder) as pole,
        ):
            systemd.bind(str(folder / NOTIFY))
            (folder / SETTINGS).write_text(pole.settings(broker.port), encoding="utf-8")
            command = [sys.executable, __file__, "--gateway", name, "--hot", str(hot)]
            process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - this file
            try:
                assert process.stdout is not None
                names = {
                    int(tid): name for tid, name in json.loads(process.stdout.readline()).items()
                }
                yield process, names, lambda: _sample(process.pid, folder, platform)
            finally:
                process.send_signal(signal.SIGTERM)
                process.wait(START_S)
        if hot:
            _show_profile(folder, hot)


def _pass(seconds: float, process: subprocess.Popen[str]) -> None:
    try:
        code = process.wait(seconds)
    except subprocess.TimeoutExpired:
        return
    raise SystemExit(f"the gateway ended by itself with exit code {code}")


def _sample(pid: int, folder: Path, platform: Platform) -> Sample:
    proc = Path(f"/proc/{pid}")
    # Behind the name in brackets the 12th and 13th fields are utime and stime, proc(5).
    fields = (proc / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    threads_s: dict[int, float] = {}
    wakes: dict[int, int] = {}
    for task in (proc / "task").iterdir():
        threads_s[int(task.name)] = int((task / "schedstat").read_text().split()[0]) / 1e9
        status = (task / "status").read_text().split("\nvoluntary_ctxt_switches:")[1]
        wakes[int(task.name)] = int(status.split()[0])
    return Sample(
        time.monotonic(),
        (int(fields[11]) + int(fields[12])) / TICKS_PER_S,
        accounted_ns(folder / ACCOUNT) / 1e9,
        _samples(platform),
        threads_s,
        wakes,
    )


def _samples(platform: Platform) -> Mapping[str, int]:
    """Of each device the samples of what it gave most often; missing ones are none."""
    given: Counter[tuple[str, Measurand]] = Counter()
    for (device, measurand, value), count in platform.delivered.read().items():
        if measurand.statistic is Statistic.SAMPLE and value:
            given[device, measurand] += count
    samples = dict.fromkeys(RATES_HZ, 0)
    for (device, _), count in given.items():
        samples[device] = max(samples[device], count)
    return samples


def _report(before: Sample, after: Sample, names: dict[int, str], most: float) -> bool:
    took_s = after.at_s - before.at_s
    process = 100 * (after.process_s - before.process_s) / took_s
    chips = 100 * (after.chips_s - before.chips_s) / took_s
    due = {name: rate_hz * max(0.0, took_s - UNDER_WAY_S) for name, rate_hz in RATES_HZ.items()}
    came = {name: after.samples[name] - before.samples[name] for name in due}
    short = [name for name in due if came[name] < LEAST_SHARE * due[name]]
    print(f"12 devices at 1 Hz and a WindSonic at 4 Hz, {took_s:.0f} s; percent of one core:")
    print(f"  {process:6.2f}  the process (utime + stime)")
    print(f"  {chips:6.2f}  of it the simulated I2C chips")
    print(f"  {process - chips:6.2f}  the gateway")
    print(
        f"{sum(came.values())} samples arrived behind the broker; devices that fell short: {short}"
    )
    print("   share   wakes/s  thread")
    for tid, spent_s in sorted(after.threads_s.items(), key=lambda row: -row[1]):
        share = 100 * (spent_s - before.threads_s.get(tid, 0.0)) / took_s
        wakes = (after.wakes[tid] - before.wakes.get(tid, 0)) / took_s
        print(f"  {share:6.2f} {wakes:9.1f}  {names.get(tid, '?')}")
    return process - chips <= most and not short


def _be_the_gateway(folder: Path, *, profiled: bool) -> int:
    """Run as `edge-gateway run` does, with simulated chips below the I2C link."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # for all threads to come
    profiles: list[cProfile.Profile] = []
    if profiled:
        threading.setprofile(_profiler(profiles))
    chips = AccountedBus(folder / ACCOUNT)
    gateway = Gateway(
        read(folder / SETTINGS),
        clock=SystemClock(trusted=True),
        random=SystemRandom(),
        notifier=Notifier(str(folder / NOTIFY)),
        openers=Openers(i2c=lambda number: I2cBus(number, open_bus=chips.open)),
    )
    gateway.start()
    print(
        json.dumps({thread.native_id: thread.name for thread in threading.enumerate()}), flush=True
    )
    signal.sigwait({signal.SIGTERM})
    gateway.stop()
    if profiles:
        stats = pstats.Stats(profiles[0])
        stats.add(*profiles[1:])
        stats.dump_stats(folder / PROFILE)
    return 0


def _profiler(profiles: list[cProfile.Profile]) -> Callable[..., Any]:
    """What starts a profiler of its own, by processor time, in each new thread."""

    def begin(*_: object) -> None:
        profile = cProfile.Profile(time.thread_time)
        profiles.append(profile)
        profile.enable()

    return begin


def _show_profile(folder: Path, hot: int) -> None:
    stats = pstats.Stats(str(folder / PROFILE))
    stats.strip_dirs().sort_stats("tottime").print_stats(hot)


if __name__ == "__main__":
    sys.exit(main())
