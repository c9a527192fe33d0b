"""Names, units and quality words of our formats, taken apart again. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, cast
from urllib.parse import unquote

from edge_gateway.uplink.consumer import Received, ReceivedEvent

UNITS: Final[Mapping[str, str]] = {
    "air_temperature": "Cel",
    "relative_humidity": "%RH",
    "wind_speed": "m/s",
    "wind_direction": "deg",
    "global_irradiance": "W/m2",
    "body_temperature": "Cel",
    "air_pressure": "Pa",
    "dew_point": "Cel",
    "surface_temperature": "Cel",
    "illuminance": "lx",
    "precipitation_since_reset": "mm",
    "hail_hits_since_reset": "count",
    "precipitation_intensity": "mm/h",
    "battery_voltage": "V",
    "battery_level": "%EL",
    "supply_voltage": "V",
    "people": "count",
    "occupancy": "count",
    "dwell_time": "s",
    "stays": "count",
    "walking_speed": "m/s",
    "coverage": "/",
    "frame_rate": "1/s",
    "number": "/",
}
"""The unit of each quantity (docs/topics.md), for formats that do not say it."""

SUPPRESSED: Final = "suppressed"
MISSING: Final = 9
FLAGS: Final[Mapping[str, int]] = {
    "good": 1,
    "not_evaluated": 2,
    "suspect": 3,
    "fail": 4,
    "missing": MISSING,
    SUPPRESSED: MISSING,
}

_QUANTITY = "|".join(sorted(UNITS, key=len, reverse=True))
_STATISTIC = "sample|mean|min|max|gust|count"
_ATTRIBUTE = re.compile(rf"({_QUANTITY})(?:_(.+?))??(?:_({_STATISTIC})_(\d+)s)?")
_WINDOW = re.compile(rf"({_STATISTIC})_(\d+)s")
_DIRECTION = re.compile(r"_(forward|backward)$")
_NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9/_-]")
# What an attribute cannot hold is written uHEX_: only signs of ASCII are taken for that.
_ESCAPED = re.compile(r"u([2-7][0-9a-f])_")


@dataclass(frozen=True, slots=True)
class Measured:
    """What of a measurand a name says."""

    quantity: str
    channel: str = ""
    statistic: str = "sample"
    window_s: int = 0


@dataclass(frozen=True, slots=True)
class Envelope:
    """What all readings of a message share; empty where the message does not say it."""

    gateway: str = ""
    key: str = ""
    arrival: str = ""
    clock: str = ""


@dataclass(frozen=True, slots=True)
class When:
    """A date in seconds since 1970 UTC, or seconds since the start of a boot, or neither."""

    unix_s: float | None = None
    since_boot_s: float | None = None


@dataclass(frozen=True, slots=True)
class Quality:
    """A flag, its reasons, and the record of the calibration."""

    flag: int = 1
    reasons: tuple[str, ...] = ()
    calibration_id: str = ""


def attribute(name: str) -> Measured | None:
    """QUANTITY[_CHANNEL][_STATISTIC_WINDOWs] taken apart; None when it begins with no quantity."""
    found = _ATTRIBUTE.fullmatch(name)
    if found is None:
        return None
    channel = _ESCAPED.sub(lambda code: chr(int(code[1], 16)), found[2] or "")
    # Of a slash an underscore is left; before the two words for a direction it was one.
    channel = _DIRECTION.sub(r"/\1", channel)
    return Measured(found[1], channel, found[3] or "sample", int(found[4] or 0))


def device_and_attribute(name: str) -> tuple[str, Measured] | None:
    """DEVICE_QUANTITY...: the first place where a quantity can begin parts them."""
    for place in re.finditer("_", name):
        measured = attribute(name[place.end() :]) if place.start() else None
        if measured is not None:
            return name[: place.start()], measured
    return None


def path(name: str) -> tuple[str, Measured] | None:
    """DEVICE[/CHANNEL]/QUANTITY[/STATISTIC_WINDOWs] taken apart; None when it is no such name."""
    levels = name.split("/")
    window = _WINDOW.fullmatch(levels[-1])
    if window is not None:
        levels.pop()
    if len(levels) < 2 or levels[-1] not in UNITS:  # noqa: PLR2004 - a device and a quantity
        return None
    statistic, window_s = (window[1], int(window[2])) if window else ("sample", 0)
    return levels[0], Measured(levels[-1], "/".join(levels[1:-1]), statistic, window_s)


def quality(words: str, calibration_id: str = "") -> Quality:
    """WORD[:REASON,REASON] as flag and reasons; a suppressed count is missing for that reason."""
    word, _, rest = unquote(words).partition(":")
    reasons = tuple(reason for reason in rest.split(",") if reason)
    if word == SUPPRESSED and SUPPRESSED not in reasons:
        reasons = (SUPPRESSED, *reasons)
    return Quality(FLAGS.get(word, FLAGS["not_evaluated"]), reasons, calibration_id)


def date(text: object) -> float | None:
    """ISO 8601 with an offset as seconds since 1970 UTC; None of anything else."""
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    if moment is None:
        return None
    # A date without an offset is not ours; UTC is what every model here asks for.
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def number(value: object) -> float | None:
    """A JSON number; None of anything else, of a boolean too."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    return None


def text(value: object) -> str:
    """A JSON text; an empty one of anything else."""
    return value if isinstance(value, str) else ""


def members(value: object) -> Mapping[str, Any]:
    """A JSON object; an empty one of anything else."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else {}


def objects(value: object) -> Iterator[Mapping[str, Any]]:
    """The JSON objects of an array; nothing of anything else."""
    if isinstance(value, list):
        for one in cast("list[object]", value):
            if isinstance(one, dict):
                yield cast("Mapping[str, Any]", one)


def received(
    device: str,
    what: Measured,
    value: float | None,
    known: Quality,
    *,
    when: When,
    envelope: Envelope,
    unit: str | None = None,
) -> Received:
    """A reading as the SenML decoder gives it; a value that is not there is MISSING."""
    head = ":".join(_NOT_IN_A_NAME.sub(_escape, part) for part in (device, what.channel) if part)
    window = f".{what.statistic}_{what.window_s}s" if what.window_s else ""
    return Received(
        f"{head}:{what.quantity}{window}",
        device,
        what.channel,
        what.quantity,
        what.statistic,
        what.window_s,
        UNITS.get(what.quantity, "") if unit is None else unit,
        value,
        known.flag,
        known.reasons,
        known.calibration_id,
        when.unix_s,
        when.since_boot_s,
        envelope.gateway,
        envelope.key,
        envelope.arrival,
        envelope.clock,
    )


def event(kind: str, subject: str, words: str, when: When, envelope: Envelope) -> ReceivedEvent:
    """An event as the SenML decoder gives it."""
    return ReceivedEvent(
        kind,
        subject,
        words,
        when.unix_s,
        when.since_boot_s,
        envelope.gateway,
        envelope.key,
        envelope.arrival,
        envelope.clock,
    )


def withheld(device: str, count: float, envelope: Envelope) -> ReceivedEvent:
    """Readings that a format could not say because no clock had dated them, told as an event."""
    words = f"{count:.0f} readings were withheld: no clock could date them"
    return event("undated", device, words, When(), envelope)


def _escape(found: re.Match[str]) -> str:
    return f"-u{ord(found[0]):x}-"
