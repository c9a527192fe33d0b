"""What every driver is demanded to do at every fault: the table that tests and documents share.

Rows are devices (a driver in one of its modes), columns the faults of its simulated device, of its
bus and of its plug. A cell is the demanded reaction, or the reason why the fault cannot happen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from edge_gateway.links.errors import (
    BadFrame,
    DeviceError,
    DeviceReset,
    DeviceSilent,
    LinkGone,
    Misconfigured,
)
from edge_gateway.reading import Quantity

ALL, ONE, SOME = "all", "one", "some"


@dataclass(frozen=True, slots=True)
class Reaction:
    """What comes instead of a value, or with it; what is not named here may not come.

    One of `errors` must come, those of `besides` may. `flagged` values must come: these
    quantities, ALL of them, exactly ONE, or SOME, the others without reserve. `empty` is a
    measurement without values. `with_neighbours`: whoever shares the link goes with it.
    """

    word: str
    errors: tuple[type[DeviceError], ...] = ()
    besides: tuple[type[DeviceError], ...] = ()
    flagged: frozenset[Quantity] | str | None = None
    empty: bool = False
    with_neighbours: bool = False


Cell = Reaction | str

RIGHT: Final = Reaction("right")
RIGHT_OR_BAD: Final = Reaction("right or bad frame", besides=(BadFrame,))
BAD: Final = Reaction("bad frame", (BadFrame,))
BAD_OR_RESET: Final = Reaction("bad frame or reset", (BadFrame, DeviceReset), (BadFrame,))
BAD_OR_SILENT: Final = Reaction("bad frame or silent", (BadFrame, DeviceSilent))
SILENT: Final = Reaction("silent", (DeviceSilent,))
SILENT_AND_RESET: Final = Reaction("silent, then reset", (DeviceSilent,), (DeviceReset,))
RESET: Final = Reaction("reset", (DeviceReset,))
GONE: Final = Reaction("link gone", (LinkGone,))
ALL_GONE: Final = Reaction("link gone", (LinkGone,), (DeviceReset,), with_neighbours=True)
OFF: Final = Reaction("misconfigured", (Misconfigured,))
NOTHING: Final = Reaction("nothing", empty=True)
FLAGGED: Final = Reaction("flagged", flagged=ALL)
ONE_FLAGGED: Final = Reaction("one flagged", flagged=ONE)
SOME_FLAGGED: Final = Reaction("some flagged", flagged=SOME)


def _flagged(*quantities: Quantity) -> Reaction:
    names = ", ".join(quantity.value.rpartition("_")[2] for quantity in quantities)
    return Reaction(f"{names} flagged", flagged=frozenset(quantities))


PLUG: Mapping[str, Cell] = {"unplug": GONE}
I2C: Mapping[str, Cell] = {
    **PLUG,
    "silent": SILENT,
    "nak": SILENT,
    "stuck": Reaction("link gone", (LinkGone,)),
    "held": ALL_GONE,
}
NO_CHECKSUM = "it sends no checksum: two readings must agree, see noise"
NO_CODE = "it has no code for a value that is missing"
NO_CHANNELS = "it has no channels that are skipped"
NO_CONVERSION = "it measures on its own: a value is there at any time"
NO_HEATER = "it has no heater"
NO_LIMIT = "its registers reach beyond what it can measure"
CHECKED = "its checksum sees it, as crc"
_CHIP: Mapping[str, Cell] = {
    **I2C,
    "crc": NO_CHECKSUM,
    "all_ones": NO_CHECKSUM,
    "all_zeros": NO_CHECKSUM,
    "heating": NO_HEATER,
    "nan_pressure": NO_CHANNELS,
    "nan_humidity": NO_CHANNELS,
    "nan": NO_CODE,
    "saturated": NO_LIMIT,
    "reset_measuring": RESET,
    "noise": RIGHT_OR_BAD,
    "half_frame": BAD_OR_RESET,
    "reset": RESET,
}
_SHT: Mapping[str, Cell] = {
    **_CHIP,
    "crc": BAD,
    "half_frame": BAD,
    "noise": BAD,
    "all_ones": BAD,
    "all_zeros": BAD,
    "slow": SILENT,
}
CHIPS: Mapping[str, Mapping[str, Cell]] = {
    "ads1115": {**_CHIP, "saturated": ONE_FLAGGED, "slow": BAD},
    "bh1750": {
        **_CHIP,
        "half_frame": BAD,
        "noise": BAD,
        "reset": RIGHT,
        "reset_measuring": RIGHT,
        "saturated": FLAGGED,
        "slow": "it does not say when it is done: its longest time is waited for",
    },
    "bme280": {
        **_CHIP,
        "nan": FLAGGED,
        "nan_pressure": _flagged(Quantity.AIR_PRESSURE),
        "nan_humidity": _flagged(Quantity.RELATIVE_HUMIDITY),
        "slow": BAD,
    },
    "sht (SHT3x)": {**_SHT, "reset_measuring": SILENT_AND_RESET, "heating": RESET},
    "sht (SHT4x)": {
        **_SHT,
        "reset": RIGHT,
        "reset_measuring": SILENT,
        "heating": "its heater ends by itself within a second",
    },
    "veml7700": {**_CHIP, "saturated": FLAGGED, "slow": NO_CONVERSION},
}

_THERMOMETER: Mapping[str, Cell] = {
    **PLUG,
    "crc": BAD,
    "silent": SILENT,
    "half_frame": BAD,
    "stale": BAD,
    "nan": FLAGGED,
    "reset": RESET,
    "stuck": BAD,
}
ONE_WIRE: Mapping[str, Mapping[str, Cell]] = dict.fromkeys(
    ("ds18b20 (air)", "ds18b20 (surface)"), _THERMOMETER
)

_SLAVE: Mapping[str, Cell] = {
    **PLUG,
    "crc": BAD,
    "silent": SILENT,
    "half_frame": BAD,
    "split_frame": RIGHT,
    "joined_frames": RIGHT,
    "noise": RIGHT,
    "babble": BAD_OR_SILENT,
    "echo": RIGHT,
    "wrong_slave": BAD,
    "late": SILENT,
    "exception_2": OFF,
    "exception_4": BAD,
    "exception_6": SILENT,
    "nan": NO_CODE,
    "saturated": NO_LIMIT,
    **dict.fromkeys(
        ("void", "underflow", "hardware_error", "service_mode"), "it has no status register"
    ),
    "scale": "its scale never changes",
    "reset": "nothing in its registers tells of a restart, and it keeps its settings: it is silent"
    " until it answers again",
}
_SUN = _flagged(Quantity.GLOBAL_IRRADIANCE)
SLAVES: Mapping[str, Mapping[str, Cell]] = {
    "hukseflux": _SLAVE,
    "kipp_smp": {
        **_SLAVE,
        "nan": "it has status flags instead",
        **dict.fromkeys(("void", "saturated", "underflow", "hardware_error", "service_mode"), _SUN),
        "scale": RIGHT,
    },
    "modbus_profile": {**_SLAVE, "nan": SOME_FLAGGED, "saturated": SOME_FLAGGED},
}

UNASKED = "it talks by itself: nothing is sent to it that could come back or be answered late"
NO_STATUS = "its frames have no such thing"
_TALKER: Mapping[str, Cell] = {
    **PLUG,
    "crc": BAD,
    "missing_checksum": CHECKED,
    "silent": SILENT,
    "half_frame": BAD,
    "split_frame": RIGHT,
    "joined_frames": RIGHT,
    "noise": RIGHT_OR_BAD,
    "unit": RIGHT,
    **dict.fromkeys(("echo", "late"), UNASKED),
    **dict.fromkeys(
        (
            *("empty_angle", "missing_direction", "status_error", "nines", "error", "too_long"),
            *("rain", "lost_settings", "invalid", "invalid_wind"),
        ),
        NO_STATUS,
    ),
}
_WIND = _flagged(Quantity.WIND_SPEED, Quantity.WIND_DIRECTION)
_DIRECTION = _flagged(Quantity.WIND_DIRECTION)
_ASKED: Mapping[str, Cell] = {"echo": RIGHT, "late": SILENT}
_GILL: Mapping[str, Cell] = {
    **_TALKER,
    "missing_direction": _DIRECTION,
    "nines": FLAGGED,
    "status_error": FLAGGED,
    "reset": RESET,
    "lost_settings": RESET,
}
_VAISALA: Mapping[str, Cell] = {
    **_TALKER,
    "noise": BAD,
    "invalid": FLAGGED,
    "invalid_wind": _WIND,
    "error": BAD,
    "rain": RIGHT,
    "reset": RESET,
}
TALKERS: Mapping[str, Mapping[str, Cell]] = {
    "nmea_mwv": {
        **_TALKER,
        "missing_checksum": BAD,
        "invalid": FLAGGED,
        "empty_angle": _DIRECTION,
        "nines": BAD,
        "too_long": BAD,
        "reset": "NMEA 0183 has no word for a restart, and nothing is set by us",
    },
    "windsonic (continuous)": _GILL,
    "windsonic (polled)": {**_GILL, **_ASKED},
    "wxt530 (automatic)": _VAISALA,
    "wxt530 (polled)": {**_VAISALA, **_ASKED},
}

RADIO_CHECKED = "the radio's own checksum drops what was spoilt on the air"
_SENSOR: Mapping[str, Cell] = {
    **PLUG,
    "silent": SILENT,
    "half_frame": BAD,
    "noise": RADIO_CHECKED,
    "crc": RADIO_CHECKED,
    "stale": NOTHING,
    "reset": RIGHT,
    "saturated": _flagged(Quantity.RELATIVE_HUMIDITY),
    "nan": NO_CODE,
    **dict.fromkeys(("plain", "replay"), "it is not encrypted: nothing tells who sends"),
    "unknown_object": "its format has no objects",
}
SENSORS: Mapping[str, Mapping[str, Cell]] = {
    "ble_adv (BTHome)": {
        **_SENSOR,
        "noise": BAD,
        "crc": BAD,
        "plain": BAD,
        "replay": NOTHING,
        "unknown_object": RIGHT,
    },
    "ble_adv (pvvx)": _SENSOR,
    "ble_adv (Ruuvi)": {**_SENSOR, "noise": BAD, "nan": FLAGGED},
}

FAMILIES: Mapping[str, Mapping[str, Mapping[str, Cell]]] = {
    "I2C": CHIPS,
    "1-Wire": ONE_WIRE,
    "Modbus RTU": SLAVES,
    "Serial text": TALKERS,
    "BLE": SENSORS,
}
TABLE: Mapping[str, Mapping[str, Cell]] = {
    name: row for rows in FAMILIES.values() for name, row in rows.items()
}
# Drivers whose devices are programs of our own, and where their faults are tested.
ELSEWHERE: Mapping[str, str] = {"camera": "tests/people", "local": "tests/drivers"}


def driver_of(row: str) -> str:
    """The driver's registered name."""
    return row.partition(" ")[0]
