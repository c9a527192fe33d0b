"""The ASCII messages of the Vaisala WXT530 series (user guide M211840EN, appendix on ASCII)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from edge_gateway.drivers.formats.flags import in_range, missing
from edge_gateway.links.errors import BadFrame, DeviceReset
from edge_gateway.links.frames import crc16_letters, shown
from edge_gateway.reading import Flagged, Measurand, Quantity

CRC_LETTERS = 3
LONGEST_MESSAGE = 320  # a composite of all its parameters is some 200 characters
INVALID_UNIT = "#"
INVALID = "marked invalid by the device"

# What the device says of itself after it lost what was measured, or its settings.
RESETS = frozenset({"Start-up", "Profile reset", "Factory reset", "Measurement reset"})

Units = Mapping[str, tuple[float, float]]
"""Scale and offset to the quantity's own unit, by the letter behind the number."""

SPEED: Units = {"M": (1.0, 0.0), "K": (1 / 3.6, 0.0), "S": (0.44704, 0.0), "N": (1852 / 3600, 0.0)}
DIRECTION: Units = {"D": (1.0, 0.0)}
TEMPERATURE: Units = {"C": (1.0, 0.0), "F": (5 / 9, -160 / 9)}
HUMIDITY: Units = {"P": (1.0, 0.0)}
PRESSURE: Units = {
    "H": (100.0, 0.0),
    "P": (1.0, 0.0),
    "B": (1e5, 0.0),
    "M": (133.322387415, 0.0),  # mm of mercury
    "I": (3386.38864, 0.0),  # inches of mercury
}
RAIN: Units = {"M": (1.0, 0.0), "I": (25.4, 0.0)}  # mm and inches, also those an hour
COLLECTING_CM2 = 60.0
HITS: Units = {
    "M": (COLLECTING_CM2, 0.0),  # a square centimetre
    "I": (COLLECTING_CM2 / 2.54**2, 0.0),  # a square inch
    "H": (1.0, 0.0),
}
VOLTAGE: Units = {"V": (1.0, 0.0)}
ANY_VOLTAGE: Units = dict.fromkeys("VNWF", (1.0, 0.0))  # of the heating: the letter is its state


@dataclass(frozen=True, slots=True)
class Field:
    """What a key of a message gives, its unit letters, and the range it is specified for."""

    key: Quantity | Measurand
    units: Units
    low: float
    high: float

    def value(self, number: float, letter: str) -> float | Flagged:
        """The value in the quantity's unit; BadFrame where the manual has no such letter."""
        if letter == INVALID_UNIT:
            return missing(INVALID)
        if letter not in self.units:
            known = ", ".join(self.units)
            raise BadFrame(f"unit {letter!r} of {number:g} is not in the manual, which has {known}")
        scale, offset = self.units[letter]
        return in_range(number * scale + offset, (self.low, self.high))


HEATING_VOLTAGE = Measurand(Quantity.SUPPLY_VOLTAGE, "heating")
# Ranges as specified, in the quantity's unit. The counters have none and get the quantity's, as
# does the intensity: beyond 200 mm/h it is still measured, less accurately.
FIELDS: Mapping[str, Field] = {
    "Sm": Field(Quantity.WIND_SPEED, SPEED, 0.0, 60.0),
    "Dm": Field(Quantity.WIND_DIRECTION, DIRECTION, 0.0, 360.0),
    "Ta": Field(Quantity.AIR_TEMPERATURE, TEMPERATURE, -52.0, 60.0),
    "Ua": Field(Quantity.RELATIVE_HUMIDITY, HUMIDITY, 0.0, 100.0),
    "Pa": Field(Quantity.AIR_PRESSURE, PRESSURE, 60_000.0, 110_000.0),
    "Rc": Field(Quantity.PRECIPITATION_SINCE_RESET, RAIN, 0.0, 100_000.0),
    "Ri": Field(Quantity.PRECIPITATION_INTENSITY, RAIN, 0.0, 2000.0),
    "Hc": Field(Quantity.HAIL_HITS_SINCE_RESET, HITS, 0.0, 1e6),
    "Vs": Field(Quantity.SUPPLY_VOLTAGE, VOLTAGE, 5.0, 32.0),
    "Vh": Field(HEATING_VOLTAGE, ANY_VOLTAGE, 0.0, 32.0),
}

QUANTITIES = tuple(
    dict.fromkeys(
        one.key.quantity if isinstance(one.key, Measurand) else one.key for one in FIELDS.values()
    )
)

_MESSAGE = re.compile(r"(?P<address>[0-9A-Za-z])(?P<kind>[Rr][01235]|[Tt]X)(?:,(?P<rest>.*))?")
_KEY = re.compile(r"[A-Z][a-z]", re.ASCII)
_FREE_TEXT = "Id"
_NUMBER = re.compile(r"(?P<number>[+-]?\d{1,7}(?:\.\d{1,5})?)(?P<unit>[A-Za-z#])", re.ASCII)


def parse(line: bytes, address: str, *, crc: bool) -> dict[str, tuple[float, str]]:
    """The numbers of one message and the letters behind them, by key.

    An echo of the request gives nothing. Raises BadFrame on a wrong checksum, a missing one
    where `crc` demands it, another address, a message of error or anything else, and DeviceReset
    where the device says that it started anew.
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
    return _numbers(rest.split(","), text) if rest else {}


def values(line: bytes, address: str, *, crc: bool) -> dict[Quantity | Measurand, float | Flagged]:
    """What one message says in the quantities' units, of the keys in `FIELDS`; errors as `parse`.

    Also BadFrame where a unit letter is not in the manual.
    """
    said = parse(line, address, crc=crc)
    return {
        FIELDS[key].key: FIELDS[key].value(*number) for key, number in said.items() if key in FIELDS
    }


def address_in(heard: bytes) -> dict[str, object] | None:
    """`address` and `crc` of the first message in a talk that holds a value; None without one."""
    for line in heard.split(b"\r\n"):
        address, crc = line[:1].decode("latin-1"), line[1:2].islower()
        with suppress(BadFrame):
            if line[:1].isalnum() and values(line, address, crc=crc):
                return {"address": address, "crc": crc}
    return None


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


def _numbers(parts: list[str], text: str) -> dict[str, tuple[float, str]]:
    numbers: dict[str, tuple[float, str]] = {}
    for part in parts:
        name, equals, written = part.partition("=")
        if not equals or not _KEY.fullmatch(name):
            raise BadFrame(f"{part!r} in message {text!r} is no key and value")
        if name == _FREE_TEXT:
            continue
        number = _NUMBER.fullmatch(written)
        if number is None:
            raise BadFrame(f"{part!r} in message {text!r} is no number and unit")
        numbers[name] = (float(number["number"]), number["unit"])
    return numbers
