"""What a scan finds: devices with the settings of their tables, and remarks on everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from edge_gateway.drivers.contract import Driver, Sighting
from edge_gateway.links.errors import BadFrame, DeviceSilent, Misconfigured

AnyDriver = type[Driver[Any, Any]]
Drivers = Mapping[str, AnyDriver]
"""The drivers to look for, by name."""

Tell = Callable[[str], None]
"""Takes what the scan does now, for the person who waits."""


@dataclass(frozen=True, slots=True)
class Found:
    """A device: where it is, for a person, and the keys of its table without id and driver."""

    driver: str
    where: str
    settings: Mapping[str, object]
    doubt: str = ""
    check: str = ""
    notes: Sequence[str] = field(default=())


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know that is no device: an empty bus, a port in use, a chip nobody knows."""

    where: str
    what: str


Finding = Found | Remark


def found(
    driver: str, where: str, place: Mapping[str, object], sighting: Sighting, *notes: str
) -> Found:
    """A sighting at a place; what the driver says of the place goes before what the scan knows."""
    settings = {**place, **sighting.settings}
    return Found(driver, where, settings, sighting.doubt, sighting.check, notes)


def looked(recognise: Callable[[], Sighting | None]) -> Sighting | None:
    """What a driver says; what it cannot make sense of, or get an answer from, is not its device.

    LinkGone goes on: it is about the bus and not about the device.
    """
    try:
        return recognise()
    except (BadFrame, DeviceSilent, Misconfigured):
        return None


def surest(sightings: Iterable[Found]) -> list[Found]:
    """Those that identified themselves; where none did, all that may be it."""
    seen = list(sightings)
    return [one for one in seen if not one.doubt] or seen
