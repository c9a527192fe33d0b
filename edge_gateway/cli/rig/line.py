"""`edge-gateway rig line`: one serial or Modbus twin on a pseudo-terminal, for other programs."""

from __future__ import annotations

import argparse
import json
import os
import select
import sys
import threading
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from edge_gateway.cli.rig.ending import told_to_stop
from edge_gateway.cli.rig.subject import BadOrder, Subject, Switch
from edge_gateway.cli.rig.talks import Turns, recording
from edge_gateway.cli.rig.twins import MODBUS, SERIAL, Surroundings, surroundings
from edge_gateway.cli.terminal import CommandError, Exit, err, out
from edge_gateway.config_file import nearest
from edge_gateway.drivers.contract import ModbusConfig, SerialConfig
from edge_gateway.drivers.registry import load
from edge_gateway.twins.pty_line import LineTwin, PtyLine
from edge_gateway.twins.talk import TalkTwin

LOOK_S = 0.25
LONGEST_WORDS = 4096
# What the twin makes no use of, and the line itself decides.
_OURS = frozenset({"id", "driver", "port"})


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "driver",
        nargs="?",
        metavar="DRIVER",
        help=f"one of {', '.join(_known())}; not with --talk",
    )
    parser.add_argument(
        "link", type=Path, metavar="LINK", help="path to make for others to open; goes at the end"
    )
    parser.add_argument(
        "--option",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="a key of the driver's [[device]] table, as mode=polled; again for more",
    )
    parser.add_argument(
        "--talk", type=Path, metavar="FILE", help="say what `record` wrote of a device instead"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        metavar="N",
        help="of the weather and of where faults strike; default 1",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Let it talk until Ctrl-C; a line of stdin, as `crc 2`, is a fault and how often."""
    config, turns = _what(arguments)
    link: Path = arguments.link.absolute()
    _make_way(link)
    around = surroundings(arguments.seed)
    try:
        line = PtyLine(by_id=link)
    except OSError as error:
        raise CommandError(f"{link}: cannot be made: {error.strerror}") from error
    try:
        twin = _twin(config, turns, line, around)
        with told_to_stop() as told, twin:
            _introduce(config, link)
            _obey(_subject(config, twin, line), told)
    finally:
        line.close()
    return Exit.DONE


def _what(arguments: argparse.Namespace) -> tuple[SerialConfig | ModbusConfig, Turns | None]:
    """Which device it is, and its talk where it plays one."""
    if arguments.talk is None:
        if arguments.driver is None:
            raise CommandError("name a DRIVER, or a --talk FILE", Exit.USAGE)
        return _config(arguments.driver, arguments.link, _options(arguments.option)), None
    if arguments.driver is not None or arguments.option:
        raise CommandError(
            "--talk FILE says whose talk it is: leave DRIVER and --option out", Exit.USAGE
        )
    device, turns = recording(arguments.talk)
    if not isinstance(device, SerialConfig | ModbusConfig):
        raise CommandError(
            f"{arguments.talk}: talk of a {device.driver}, which hangs on no line", Exit.INPUT
        )
    return device.model_copy(update={"port": str(arguments.link)}), turns


def _twin(
    config: SerialConfig | ModbusConfig, turns: Turns | None, line: PtyLine, around: Surroundings
) -> LineTwin:
    if turns is not None:
        return TalkTwin(line, turns, chance=around.of(config)["chance"])
    factories = MODBUS if isinstance(config, ModbusConfig) else SERIAL
    return factories[config.driver](config, line, around)


def _known() -> Sequence[str]:
    return sorted({*SERIAL, *MODBUS})


def _options(words: Sequence[str]) -> dict[str, object]:
    options: dict[str, object] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.isidentifier():
            raise CommandError(f"--option {word}: write KEY=VALUE, as mode=polled", Exit.USAGE)
        if key in _OURS:
            raise CommandError(f"--option {key}: DRIVER and LINK say it already", Exit.USAGE)
        options[key] = _value(value)
    return options


def _value(text: str) -> object:
    """As TOML has it; any other text is itself."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _config(driver: str, link: Path, options: dict[str, object]) -> SerialConfig | ModbusConfig:
    if driver not in _known():
        raise CommandError(
            f"driver {driver!r} has no twin for a line; {nearest(driver, _known())}", Exit.USAGE
        )
    model = load(driver).config_model
    table: dict[str, object] = {"id": driver.replace("_", "-"), "driver": driver, "port": str(link)}
    try:
        config = model.model_validate({**table, **options})
    except ValidationError as error:
        raise CommandError(_explained(error, [*model.model_fields]), Exit.USAGE) from error
    assert isinstance(config, SerialConfig | ModbusConfig)  # the tables hold no others
    return config


def _explained(error: ValidationError, known: Iterable[str]) -> str:
    lines: list[str] = []
    for problem in error.errors():
        key = ".".join(map(str, problem["loc"]))
        what = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            what = f"unknown key; {nearest(key, {*known} - _OURS)}"
        elif problem["type"] == "missing":
            what = f"missing: give --option {key}=..."
        lines.append(f"--option {key}: {what}" if key else what)
    return "\n".join(lines)


def _make_way(link: Path) -> None:
    """Take away a link that an earlier line left behind; nothing else."""
    if link.is_symlink() and not link.exists():
        link.unlink()
    elif link.is_symlink() or link.exists():
        raise CommandError(f"{link} is there already: remove it, or name another", Exit.USAGE)
    if not link.parent.is_dir():
        raise CommandError(f"{link.parent}: no such folder; make it first", Exit.USAGE)


def _introduce(config: SerialConfig | ModbusConfig, link: Path) -> None:
    """The table that reads it, ready to paste."""
    table = config.model_dump(mode="json", exclude_unset=True) | {"port": str(link)}
    console = out()
    console.print("[[device]]", markup=False)
    for key, value in table.items():
        console.print(f"{key} = {json.dumps(value, ensure_ascii=False)}", markup=False)
    sys.stdout.flush()
    err().print("Ctrl-C ends it. A line here is a fault: `crc 2`; `faults` lists them.")


def _subject(config: SerialConfig | ModbusConfig, twin: LineTwin, line: PtyLine) -> Subject:
    switches = {
        "unplug": Switch(line.unplug, "the line is unplugged"),
        "plug": Switch(line.plug, "the line is plugged in"),
    }
    return Subject(config.id, config.driver, config.port, twin, switches)


def _obey(subject: Subject, told: threading.Event) -> None:
    for words in _words(told):
        try:
            out().print(_obeyed(subject, words), markup=False)
            sys.stdout.flush()
        except BadOrder as error:
            err().print(str(error), markup=False)


def _obeyed(subject: Subject, words: Sequence[str]) -> str:
    """Do what a line of stdin says; what was done. Raises BadOrder."""
    fault, *times = words
    if fault == "faults" and not times:
        return ", ".join(subject.faults)
    if len(times) > 1 or not all(word.isdecimal() for word in times):
        raise BadOrder(f"{' '.join(words)}: write a fault and how often, as `crc 2`")
    return subject.order(fault, *map(int, times))


def _words(told: threading.Event) -> Iterator[list[str]]:
    """Each line of stdin as words; after its end nothing more comes, and the line lives on."""
    descriptor, heard = sys.stdin.fileno(), b""
    while not told.is_set():
        if not select.select([descriptor], [], [], LOOK_S)[0]:
            continue
        data = os.read(descriptor, LONGEST_WORDS)
        if not data:
            told.wait()
            return
        *lines, heard = (heard + data).split(b"\n")
        heard = heard[-LONGEST_WORDS:]
        for line in lines:
            if words := line.decode(errors="replace").split():
                yield words
