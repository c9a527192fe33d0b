"""What `read`, `record` and `replay` share: one device of a configuration, read for a while."""

from __future__ import annotations

import argparse
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import NamedTuple

from edge_gateway.cli.check import read
from edge_gateway.cli.terminal import CommandError, Exit, err, print_json
from edge_gateway.clock import Clock, SystemClock
from edge_gateway.config import Config, DeviceConfig
from edge_gateway.config_file import nearest
from edge_gateway.device_health import DeviceHealth
from edge_gateway.health import measurand_name
from edge_gateway.reading import Event, Flag, Reading
from edge_gateway.supervise import AnyDriver, Worker
from edge_gateway.trust.flags import RangeAndStep
from edge_gateway.wiring import Openers, Wiring

LOOK_S = 0.1


class Chosen(NamedTuple):
    """One device and the configuration it stands in."""

    config: Config
    device: DeviceConfig


def add_device_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the device and the configuration."""
    parser.add_argument("device", metavar="DEVICE", help="id of a [[device]] of the configuration")
    parser.add_argument(
        "--config",
        type=Path,
        default=Path("gateway.toml"),
        metavar="FILE",
        help="the gateway.toml; default here",
    )


def choose(arguments: argparse.Namespace) -> Chosen:
    """Find the device; raises CommandError with the nearest id, or ConfigError."""
    config = read(arguments.config)
    known = {device.id: device for device in config.device}
    if arguments.device not in known:
        hint = nearest(arguments.device, known) if known else "it has no devices"
        raise CommandError(
            f"{arguments.config}: no device {arguments.device!r}; {hint}", Exit.CONFIG
        )
    return Chosen(config, known[arguments.device])


class ReadingPage:
    """Prints readings: a line or a JSON object each."""

    def __init__(self, clock: Clock, *, as_json: bool) -> None:
        self._clock, self._as_json = clock, as_json

    def write(self, readings: Sequence[Reading]) -> None:
        """Print them, and let them be seen at once."""
        for reading in readings:
            self._write(reading)
        sys.stdout.flush()

    def _write(self, reading: Reading) -> None:
        nature = reading.measurand.quantity.nature
        value = None if reading.flag is Flag.MISSING else reading.value
        name, flag, at = (
            measurand_name(reading.measurand),
            reading.flag.name.lower(),
            self._at(reading),
        )
        if self._as_json:
            row = {"time": at, "name": name, "value": value, "unit": nature.unit, "flag": flag}
            print_json({**row, "reasons": list(reading.reasons)}, indent=None)
            return
        shown = "missing" if value is None else f"{value:.{nature.decimals}f} {nature.unit}"
        why = f"  ({', '.join(reading.reasons)})" if reading.reasons else ""
        sys.stdout.write(f"{at}  {name:<24} {shown:>16}  {flag}{why}\n")

    def _at(self, reading: Reading) -> str:
        wall = self._clock.wall(reading.at)
        if wall is None:
            return f"{reading.at.monotonic_ns / 1e9:.2f} s"
        return datetime.fromtimestamp(wall.unix_ns / 1e9, UTC).isoformat(timespec="milliseconds")


class Watch:
    """Prints the readings of one device as its worker delivers them.

    `wrap` may put something around each driver that is opened; `before_the_end` is called before
    the device is told to stop.
    """

    def __init__(
        self,
        chosen: Chosen,
        openers: Openers,
        *,
        as_json: bool,
        wrap: Callable[[AnyDriver], AnyDriver] = lambda driver: driver,
        before_the_end: Callable[[], None] = lambda: None,
    ) -> None:
        clock = SystemClock(trusted=True)
        self._page = ReadingPage(clock, as_json=as_json)
        self._got = threading.Event()
        self._before_the_end = before_the_end
        self._wiring = Wiring(clock, chosen.config.privacy, openers, [chosen.device])
        wire = self._wiring.wire(chosen.device)
        self._worker = Worker(
            chosen.device,
            lambda: wrap(wire.open_driver()),
            clock,
            Random(),  # noqa: S311 - jitter, no secret
            self._print,
            self._tell,
            assess=RangeAndStep().assess,
            close_link=wire.close_link,
        )

    def run(self, seconds: float, *, first_only: bool) -> DeviceHealth:
        """Watch for so long, or until the first readings; returns how the device is then."""
        self._worker.start()
        ends_s = time.monotonic() + seconds
        enough = self._got if first_only else threading.Event()
        try:
            while time.monotonic() < ends_s and not self._worker.health().waits_for_a_person:
                if enough.wait(LOOK_S):
                    break
            health = self._worker.health()
        finally:
            self._before_the_end()
            self._worker.stop()
            self._wiring.close()
        return health

    def _print(self, readings: Sequence[Reading]) -> None:
        self._page.write(readings)
        if any(reading.flag is not Flag.MISSING for reading in readings):
            self._got.set()

    def _tell(self, event: Event) -> None:
        err().print(f"{event.kind.replace('_', ' ')}: {event.text}", markup=False)
