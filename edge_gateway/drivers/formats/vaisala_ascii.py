"""The ASCII messages of the Vaisala WXT530 series (user guide M211840EN, appendix on ASCII)."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from edge_gateway.links.errors import BadFrame, DeviceReset
from edge_gateway.links.frames import crc16_letters, shown
from edge_gateway.reading import Flag, Flagged, Measurand, Measured, Quantity

CRC_LETTERS = 3
FULL_CIRCLE_DEG = 360.0
INVALID_UNIT = "#"
INVALID = "marked invalid by the device"
HEATING_VOLTAGE = Measurand(Quantity.SUPPLY_VOLTAGE, "heating")

# What the device says of itself after it lost what was measured, or its settings.
RESETS = frozenset({"Start-up", "Profile reset", "Factory reset", "Measurement reset"})


@dataclass(frozen=True, slots=True)
class Field:
    """What a key means, what each unit letter makes of its number, and the specified range."""

    key: Quantity | Measurand
    units: Mapping[str, tuple[float, float]]
    """Scale and offset to the quantity's own unit, by letter."""
    low: float
    high: float


_ANY_VOLTAGE = dict.fromkeys("VNWF", (1.0, 0.0))  # of the heating: the letter is its state
FIELDS: Mapping[str, Field] = {
    "Sm": Field(
        Quantity.WIND_SPEED,
        {"M": (1.0, 0.0), "K": (1 / 3.6, 0.0), "S": (0.44704, 0.0), "N": (1852 / 3600, 0.0)},
        0.0,
        60.0,
    ),
    "Dm": Field(Quantity.WIND_DIRECTION, {"D": (1.0, 0.0)}, 0.0, FULL_CIRCLE_DEG),
    "Ta": Field(Quantity.AIR_TEMPERATURE, {"C": (1.0, 0.0), "F": (5 / 9, -160 / 9)}, -52.0, 60.0),
    "Ua": Field(Quantity.RELATIVE_HUMIDITY, {"P": (1.0, 0.0)}, 0.0, 100.0),
    "Pa": Field(
        Quantity.AIR_PRESSURE,
        {
            "H": (100.0, 0.0),
            "P": (1.0, 0.0),
            "B": (1e5, 0.0),
            "M": (133.322387415, 0.0),
            "I": (3386.38864, 0.0),
        },
        60_000.0,
        110_000.0,
    ),
    "Vs": Field(Quantity.SUPPLY_VOLTAGE, {"V": (1.0, 0.0)}, 5.0, 32.0),
    "Vh": Field(HEATING_VOLTAGE, _ANY_VOLTAGE, 0.0, 32.0),
}
_MESSAGE = re.compile(r"(?P<address>[0-9A-Za-z])(?P<kind>[Rr][01235]|[Tt]X)(?:,(?P<rest>.*))?")
_KEY = re.compile(r"[A-Z][a-z]", re.ASCII)
_FREE_TEXT = "Id"
_NUMBER = re.compile(r"(?P<number>[+-]?\d{1,7}(?:\.\d{1,5})?)(?P<unit>[A-Za-z#])", re.ASCII)


def decode(line: bytes, address: str = "0", *, crc: bool = False) -> Measured:
    """Turn one message into m/s, degrees, degC, %RH, Pa and V; any subset of them.

    A value whose unit letter is `#` is MISSING, one outside the specified range FAIL. Extremes,
    rain, hail and the device's inner state are read and not published: a message of them alone
    gives nothing, as does an echo of the request. Raises BadFrame on a wrong checksum, a
    missing one where `crc` demands it, another address, a message of error or anything else, and
    DeviceReset where the device says that it started anew.
    """
    text = line.rstrip(b"\r\n").decode("latin-1")
    if text.encode("latin-1") == request(address, crc=crc).rstrip():
        return {}
    message = _MESSAGE.fullmatch(text)
    if message is None:
        raise BadFrame(f"no WXT message: {shown(line)}")
    has_crc = message["kind"][0].islower()
    if crc and not has_crc:
        raise BadFrame(f"message {text!r} has no checksum, and crc = true demands one")
    rest = message["rest"] or ""
    if has_crc:
        body, letters = text[:-CRC_LETTERS], text[-CRC_LETTERS:]
        if crc16_letters(body.encode("latin-1")).decode("ascii") != letters:
            raise BadFrame(f"message {body!r} fails its checksum {letters!r}")
        rest = rest[:-CRC_LETTERS]
    if message["address"] != address:
        raise BadFrame(f"WXT {message['address']} talks where {address} was expected: set address")
    if message["kind"][0] in "Tt":
        raise _said(rest)
    return _values(rest.split(","), text) if rest else {}


def request(address: str, *, crc: bool) -> bytes:
    """The bytes that ask for the composite message, which holds all that is switched on in it."""
    if not crc:
        return f"{address}R0\r\n".encode("ascii")
    body = f"{address}r0".encode("ascii")
    return body + crc16_letters(body) + b"\r\n"


def _said(what: str) -> BadFrame:
    if what in RESETS:
        return DeviceReset(f"the WXT says: {what}")
    return BadFrame(f"the WXT answers: {what or 'an error without a text'}")


def _values(parts: list[str], text: str) -> Measured:
    measured: dict[Quantity | Measurand, float | Flagged] = {}
    for part in parts:
        name, equals, written = part.partition("=")
        if not equals or not _KEY.fullmatch(name):
            raise BadFrame(f"{part!r} in message {text!r} is no key and value")
        if name == _FREE_TEXT:
            continue
        number = _NUMBER.fullmatch(written)
        if number is None:
            raise BadFrame(f"{part!r} in message {text!r} is no number and unit")
        field = FIELDS.get(name)
        if field is not None:
            measured[field.key] = _value(field, number, part)
    return measured


def _value(field: Field, number: re.Match[str], part: str) -> float | Flagged:
    if number["unit"] == INVALID_UNIT:
        return Flagged(math.nan, Flag.MISSING, INVALID)
    unit = field.units.get(number["unit"])
    if unit is None:
        raise BadFrame(f"unit {number['unit']!r} of {part!r} is not in the manual")
    scale, offset = unit
    value = float(number["number"]) * scale + offset
    if not field.low <= value <= field.high:
        return Flagged(value, Flag.FAIL, "outside the device's range")
    return 0.0 if value == field.high == FULL_CIRCLE_DEG else value
