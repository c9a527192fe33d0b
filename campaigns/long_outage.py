"""72 hours without an uplink at a street pole's rate, in accelerated time, then the drain.

The outbox is given what a pole gives (49 readings a commit, a commit every 5 s) on a clock that
runs as fast as the processor lets it. Then a real uplink delivers all of it to a real broker.
"""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from campaigns import arguments
from campaigns.collector import BROKER_SETTINGS, Collector
from campaigns.pole import GATEWAY
from edge_gateway.clock import SystemClock, WallTime
from edge_gateway.config import UplinkConfig
from edge_gateway.outbox import Outbox
from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp
from edge_gateway.twins.broker import Broker, available
from edge_gateway.uplink.payloads import Pole
from edge_gateway.uplink.publisher import Uplink

_COMMIT_S = 5
_BOOT = "feedc0de0123456789abcdef01234567"
_MB = 1_000_000
_QUOTA_BYTES = 512 * _MB
_DRAIN_S = 900.0
_STOP_S = 5.0

# 44 samples of weather in 5 s, and a number each second.
_WEATHER = (
    (Quantity.WIND_SPEED, 12, 0.4),
    (Quantity.WIND_DIRECTION, 12, 8.0),
    (Quantity.AIR_TEMPERATURE, 5, 0.01),
    (Quantity.RELATIVE_HUMIDITY, 5, 0.05),
    (Quantity.AIR_PRESSURE, 5, 1.0),
    (Quantity.GLOBAL_IRRADIANCE, 5, 3.0),
)
_NUMBER = Measurand(Quantity.PEOPLE)


class FastClock:
    """Stands until it is moved; knows no date."""

    def __init__(self) -> None:
        self.now_ns = 10**9

    def now(self) -> Stamp:
        """The present."""
        return Stamp(_BOOT, self.now_ns)

    def wall(self, stamp: Stamp) -> WallTime | None:
        """No stamp has a date."""
        del stamp

    def sleep(self, seconds: float) -> None:
        """Pass at once."""
        self.now_ns += int(seconds * 1e9)


def main() -> int:
    """Run it."""
    options = arguments.parser(__doc__)
    options.add_argument("--hours", type=float, default=72.0, help="of outage; default 72")
    chosen = options.parse_args()
    if "mosquitto" not in available():
        return arguments.skipped("long outage", "it needs mosquitto: apt-get install mosquitto")
    report = arguments.Report(f"{chosen.hours:g} h of outage at a street pole's rate", chosen.seed)
    with TemporaryDirectory(prefix="outage-") as folder, ExitStack() as stack:
        _run(Path(folder), stack, chosen.hours, report)
    return report.end(as_json=chosen.json)


def _run(folder: Path, stack: ExitStack, hours: float, report: arguments.Report) -> None:
    clock, random = FastClock(), arguments.seeded(report.seed, "weather")
    outbox = Outbox(folder / "outbox", clock=clock, quota_bytes=_QUOTA_BYTES, random=random)
    stack.callback(outbox.close)
    began_cpu_s, commits = time.process_time(), int(hours * 3600 / _COMMIT_S)
    weather = _Weather(random)
    small_kb = 0
    for commit in range(commits):
        outbox.append(weather.readings(commit, clock.now_ns))
        clock.now_ns += _COMMIT_S * 10**9
        trouble = outbox.commit().trouble
        if trouble:
            report.findings.wrong.append(f"commit {commit}: {trouble}")
            break
        if commit == commits // 100:
            small_kb = _largest_kb()
    stored_cpu_s, stats = time.process_time() - began_cpu_s, outbox.stats()
    grown_mb = (_largest_kb() - small_kb) / 1000
    began_s = time.monotonic()
    broker = stack.enter_context(Broker("mosquitto", settings=BROKER_SETTINGS))
    collector = stack.enter_context(Collector(broker.port))
    _drain(outbox, broker.port, collector)
    found, numbers = collector.findings, range(commits * _COMMIT_S)
    found.lost = len(collector.missing(GATEWAY, numbers)) + stats.entries - collector.readings
    report.row(
        found,
        **{
            "readings": stats.entries,
            "stored MB": round(stats.disk_bytes / _MB, 1),
            "B/reading": round(stats.disk_bytes / stats.entries, 2),
            "quota left, h": round(stats.hours_left or 0),
            "memory grown MB": round(grown_mb, 1),
            "CPU to store, s": round(stored_cpu_s, 1),
            "drain, s": round(time.monotonic() - began_s, 1),
            "messages": collector.messages,
        },
    )


def _drain(outbox: Outbox, port: int, collector: Collector) -> None:
    config = UplinkConfig.model_validate({"host": "127.0.0.1", "port": port, "tls": False})
    system = SystemClock(trusted=True)
    uplink = Uplink(outbox, config, Pole(GATEWAY), clock=system, random=Random(1))  # noqa: S311 - jitter
    uplink.start()
    ends_s = time.monotonic() + _DRAIN_S
    while outbox.stats().blocks and time.monotonic() < ends_s:
        time.sleep(0.2)
        outbox.commit()
    collector.settle(1.0)
    uplink.stop(_STOP_S)


class _Weather:
    """Values that wander, and numbers that count up."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._values = {quantity: 50.0 for quantity, _, _ in _WEATHER}

    def readings(self, commit: int, now_ns: int) -> Iterator[Reading]:
        """What comes in the 5 s before one commit."""
        for quantity, count, step in _WEATHER:
            measurand = Measurand(quantity)
            for place in range(count):
                self._values[quantity] += self._random.gauss(0.0, step)
                at = Stamp(_BOOT, now_ns + place * (_COMMIT_S * 10**9 // count))
                yield Reading("pole", measurand, self._values[quantity], Flag.GOOD, at)
        for second in range(_COMMIT_S):
            at = Stamp(_BOOT, now_ns + second * 10**9)
            yield Reading("pole", _NUMBER, commit * _COMMIT_S + second, Flag.GOOD, at)


def _largest_kb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    sys.exit(main())
