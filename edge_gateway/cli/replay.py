"""`edge-gateway replay`: what the driver makes of a recorded talk."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge_gateway.cli.check import config_model
from edge_gateway.cli.device import ReadingPage
from edge_gateway.cli.record import DEVICE, HEADER
from edge_gateway.cli.terminal import CommandError, Exit, err
from edge_gateway.clock import Clock, WallTime
from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import I2cConfig, TalkingDriver
from edge_gateway.links.errors import DeviceError
from edge_gateway.links.recorded import (
    BadTalk,
    ReplayedI2c,
    ReplayedStream,
    TalkOver,
    Turn,
    parse,
)
from edge_gateway.measured import readings_of
from edge_gateway.reading import Measured, Stamp
from edge_gateway.trust.flags import RangeAndStep
from edge_gateway.wiring import Openers, Wiring


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a talk made by `record`")
    parser.add_argument("--json", action="store_true", help="one JSON object a reading")


def run(arguments: argparse.Namespace) -> Exit:
    """Print the readings of the talk; exit code 1 when the driver does not follow it."""
    device, turns = read_talk(arguments.file)
    clock = TalkClock()
    page = ReadingPage(clock, as_json=arguments.json)
    judge = RangeAndStep()
    given = 0
    try:
        for outcome in outcomes(device, turns, clock):
            if isinstance(outcome, DeviceError):
                err().print(f"{type(outcome).__name__}: {outcome}", markup=False)
                continue
            readings = readings_of(device.id, outcome, clock.now())
            page.write([judge.assess(reading) for reading in readings])
            given += len(readings)
    except BadTalk as error:
        raise CommandError(f"{arguments.file}: {error}") from error
    if not given:
        raise CommandError(f"{arguments.file}: gave no reading")
    return Exit.DONE


def outcomes(
    device: DeviceConfig, turns: Sequence[Turn], clock: Clock
) -> Iterator[Measured | DeviceError]:
    """What the driver gives or raises, in the order of the talk. Raises BadTalk."""
    wire = Wiring(clock, None, replaying(turns), [device]).wire(device)
    driver = wire.open_driver()
    while True:
        try:
            if isinstance(driver, TalkingDriver):
                yield from driver.listen()
            else:
                yield driver.read()
        except TalkOver:
            return
        except DeviceError as error:
            yield error


def read_talk(path: Path) -> tuple[DeviceConfig, list[Turn]]:
    """Read whose talk it is and its turns; raises CommandError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: cannot be read: {error}", Exit.INPUT) from error
    if lines[:1] != [HEADER] or len(lines) == 1 or not lines[1].startswith(DEVICE):
        raise CommandError(f"{path}: no talk; `edge-gateway record` makes one", Exit.INPUT)
    try:
        table: dict[str, object] = json.loads(lines[1].removeprefix(DEVICE))
        device = config_model(str(table.get("driver"))).model_validate(table)
        return device, parse(lines, addressed=isinstance(device, I2cConfig))
    except (BadTalk, ValueError) as error:
        raise CommandError(f"{path}: {error}", Exit.INPUT) from error


class TalkClock:
    """A clock that runs on as it is asked, so that no time-out of the talk takes time."""

    def __init__(self) -> None:
        self._ns = 0

    def now(self) -> Stamp:
        """A hundredth of a second later than the last time."""
        self._ns += 10_000_000
        return Stamp("talk", self._ns)

    def wall(self, stamp: Stamp) -> WallTime | None:
        """A talk has no date."""
        del stamp

    def sleep(self, seconds: float) -> None:
        """Over at once."""
        self._ns += round(seconds * 1e9)


def replaying(turns: Sequence[Turn]) -> Openers:
    """Wires that say what the talk says."""
    return Openers(i2c=lambda _: ReplayedI2c(turns), stream=lambda _: ReplayedStream(turns))
