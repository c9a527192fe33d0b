"""`edge-gateway replay`: what the driver makes of a recorded talk, shown or held against it."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path

from edge_gateway.cli.check import config_model
from edge_gateway.cli.device import ReadingPage
from edge_gateway.cli.record import DEVICE, HEADER, medium_of
from edge_gateway.cli.terminal import CommandError, Exit, err, out
from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import TalkingDriver
from edge_gateway.links.errors import DeviceError, LinkGone, Misconfigured
from edge_gateway.links.replayed import (
    ReplayedI2c,
    ReplayedRadio,
    ReplayedStream,
    ReplayedW1,
    Script,
    TalkClock,
    TalkOver,
)
from edge_gateway.links.talk import BadTalk, Result, Talk, Turn, parse
from edge_gateway.links.talk_result import told, without_remark
from edge_gateway.measured import readings_of
from edge_gateway.reading import Measured
from edge_gateway.supervise import AnyDriver
from edge_gateway.trust.flags import RangeAndStep
from edge_gateway.wiring import Openers, Wiring

MOST_SHOWN = 5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="a talk made by `record`")
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--json", action="store_true", help="one JSON object a reading")
    how.add_argument(
        "--check",
        action="store_true",
        help="show nothing; exit code 1 unless the driver makes of it what the talk says",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Print the readings of the talk, or check them; exit code 1 when the driver strays from it."""
    device, talk = read_talk(arguments.file)
    try:
        if arguments.check:
            return _check(arguments.file, device, talk)
        given = _show(device, talk, as_json=arguments.json)
    except BadTalk as error:
        raise CommandError(f"{arguments.file}: {error}") from error
    if not given:
        raise CommandError(f"{arguments.file}: gave no reading")
    return Exit.DONE


def read_talk(path: Path) -> tuple[DeviceConfig, Talk]:
    """Read whose talk it is, and what was said; raises CommandError.

    Files that the device's table names stand beside the talk unless their path is absolute.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: cannot be read: {error}", Exit.INPUT) from error
    if lines[:1] != [HEADER] or len(lines) == 1 or not lines[1].startswith(DEVICE):
        raise CommandError(f"{path}: no talk; `edge-gateway record` makes one", Exit.INPUT)
    try:
        table: dict[str, object] = json.loads(lines[1].removeprefix(DEVICE))
        device = _beside(path, config_model(str(table.get("driver"))).model_validate(table))
        medium = medium_of(device)
        if medium is None:
            raise BadTalk(f"line 2: driver {device.driver!r} talks on no wire")
        return device, parse(lines, medium)
    except ValueError as error:
        raise CommandError(f"{path}: {error}", Exit.INPUT) from error


def outcomes(device: DeviceConfig, turns: Sequence[Turn]) -> Iterator[Measured | DeviceError]:
    """What the driver gives or raises, in the order of the talk. Raises BadTalk."""
    return _outcomes(device, Script(turns, TalkClock()))


def differences(results: Sequence[Result], made: Sequence[tuple[str, ...]]) -> Iterator[str]:
    """Where the driver makes something else of the talk than stands in it, a sentence each.

    Remarks, as the text of an error, may differ.
    """
    last = 0
    for result, lines in zip_longest(results, made):
        if result is None:
            yield f"behind line {last}: the driver also makes it {'; '.join(lines)}"
            continue
        last = result.line
        if lines is None:
            said = "; ".join(result.told)
            yield f"line {last}: the talk says {said}, and the driver comes to nothing"
            continue
        said, got = _only_in(result.told, lines), _only_in(lines, result.told)
        if said or got:
            yield (
                f"line {last}: the talk says {said or 'nothing more'}, "
                f"the driver makes it {got or 'nothing more'}"
            )


def _show(device: DeviceConfig, talk: Talk, *, as_json: bool) -> int:
    """Print every reading; returns how many."""
    clock = TalkClock()
    page, judge = ReadingPage(clock, as_json=as_json), RangeAndStep()
    given = 0
    for outcome in _outcomes(device, Script(talk.turns, clock)):
        if isinstance(outcome, DeviceError):
            err().print(f"{type(outcome).__name__}: {outcome}", markup=False)
            continue
        readings = readings_of(device.id, outcome, clock.now())
        page.write([judge.assess(reading) for reading in readings])
        given += len(readings)
    return given


def _check(path: Path, device: DeviceConfig, talk: Talk) -> Exit:
    if not talk.results:
        raise CommandError(
            f"{path}: says nothing of results (lines with =): `record` writes them", Exit.INPUT
        )
    # What passed behind the last result was cut off before the driver came to one.
    judged = talk.turns[: talk.turns_judged]
    found = list(differences(talk.results, [told(one) for one in outcomes(device, judged)]))
    for difference in islice(found, MOST_SHOWN):
        err().print(f"{path}: {difference}", markup=False)
    if len(found) > MOST_SHOWN:
        err().print(f"{path}: and {len(found) - MOST_SHOWN} more", markup=False)
    if found:
        return Exit.FAILED
    out().print(f"{path}: {len(talk.results)} results, all as the talk says", markup=False)
    return Exit.DONE


def _outcomes(device: DeviceConfig, script: Script) -> Iterator[Measured | DeviceError]:
    """As the supervisor would: opened anew after LinkGone, ended by Misconfigured."""
    wire = Wiring(script.clock, None, _replaying(script), [device]).wire(device)
    driver: AnyDriver | None = None
    while True:
        try:
            driver = driver or wire.open_driver()
            if isinstance(driver, TalkingDriver):
                yield from driver.listen()
                return
            if script.peek() is None:
                return
            script.go_on()
            yield driver.read()
        except TalkOver:
            return
        except DeviceError as error:
            yield error
            if isinstance(error, Misconfigured):
                return
            if isinstance(error, LinkGone):
                driver = None


def _replaying(script: Script) -> Openers:
    return Openers(
        i2c=lambda _: ReplayedI2c(script),
        stream=lambda _: ReplayedStream(script),
        w1=lambda _: ReplayedW1(script),
        radio=lambda _clock, _adapter, _patterns: ReplayedRadio(script),
    )


def _beside(path: Path, device: DeviceConfig) -> DeviceConfig:
    named = {
        key: path.parent / value
        for key, value in device
        if isinstance(value, Path) and not value.is_absolute()
    }
    return device.model_copy(update=named) if named else device


def _only_in(lines: Sequence[str], others: Sequence[str]) -> str:
    known = {without_remark(line) for line in others}
    return "; ".join(line for line in lines if without_remark(line) not in known)
