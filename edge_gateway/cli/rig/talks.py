"""Recorded talks as twins: which device plays which file, and whether it can."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edge_gateway.cli.replay import read_talk
from edge_gateway.cli.terminal import CommandError, Exit
from edge_gateway.config import DeviceConfig
from edge_gateway.config_file import nearest
from edge_gateway.drivers.contract import I2cConfig, ModbusConfig, SerialConfig
from edge_gateway.links.talk import Turn

Turns = tuple[Turn, ...]


def talks_of(words: Sequence[str], devices: Sequence[DeviceConfig]) -> dict[str, Turns]:
    """What was said by which device, from words DEVICE=FILE; raises CommandError."""
    known = {device.id: device for device in devices}
    talks: dict[str, Turns] = {}
    for word in words:
        name, equals, file = word.partition("=")
        if not equals or not file:
            raise CommandError(f"--talk {word}: write DEVICE=FILE", Exit.USAGE)
        if name not in known:
            hint = nearest(name, known)
            raise CommandError(f"--talk {word}: no device {name!r}; {hint}", Exit.USAGE)
        path = Path(file)
        recorded, turns = recording(path)
        if recorded.driver != known[name].driver:
            raise CommandError(
                f"{path}: talk of a {recorded.driver}, and device {name!r} is a "
                f"{known[name].driver}",
                Exit.INPUT,
            )
        talks[name] = turns
        _see_that_it_is_alone(known[name], devices)
    return talks


def recording(path: Path) -> tuple[DeviceConfig, Turns]:
    """Whose talk it is, and what was said; raises CommandError for one that no twin can play."""
    device, talk = read_talk(path)
    if not isinstance(device, SerialConfig | ModbusConfig | I2cConfig):
        raise CommandError(
            f"{path}: talk of a {device.driver}; the rig plays those of serial lines and I2C",
            Exit.INPUT,
        )
    return device, talk.turns


def _see_that_it_is_alone(device: DeviceConfig, devices: Sequence[DeviceConfig]) -> None:
    """A talk is the whole line's: beside another slave it would answer in its place."""
    if not isinstance(device, ModbusConfig):
        return
    others = [
        other.id
        for other in devices
        if isinstance(other, ModbusConfig) and other.port == device.port and other != device
    ]
    if others:
        raise CommandError(
            f"device {device.id!r} shares {device.port} with {', '.join(others)}: for a talk give "
            "it a port of its own",
            Exit.CONFIG,
        )
