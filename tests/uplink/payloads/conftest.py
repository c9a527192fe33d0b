"""One pole and what it might have to say, for every format alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping

import pytest

from edge_gateway.outbox import encode as to_block
from edge_gateway.outbox import unpack
from edge_gateway.reading import (
    Entry,
    Event,
    Flag,
    Measurand,
    Quantity,
    Reading,
    Stamp,
    Statistic,
)
from edge_gateway.uplink.batch import Arrival, Batch, Dates, Dating
from edge_gateway.uplink.payloads import Pole

BOOT = "b007"
# 2026-08-03T05:00:00Z is the start of the boot.
START_US = 1_785_733_200_000_000

MakeBatch = Callable[..., Batch]


def make(
    entries: Iterable[Entry],
    dating: Dating = Dating.SYNCED,
    arrival: Arrival = Arrival.LIVE,
) -> Batch:
    """A batch as the uplink makes it: through the outbox's own block."""
    offsets = {Dating.UNSET: -1_000_000_000, Dating.UNKNOWN: None}
    dates = Dates(dating, offsets.get(dating, START_US))
    return Batch("pole-1", "57043/7", BOOT, arrival, dates, unpack(to_block(list(entries))))


def at(seconds: float) -> Stamp:
    return Stamp(BOOT, round(seconds * 1e9))


def reading(
    quantity: Quantity,
    value: float,
    seconds: float,
    flag: Flag = Flag.GOOD,
    *reasons: str,
    device: str = "wxt",
    channel: str = "",
    statistic: Statistic = Statistic.SAMPLE,
    window_s: int = 0,
    calibration_id: str = "",
) -> Reading:
    measurand = Measurand(quantity, channel, statistic, window_s)
    return Reading(device, measurand, value, flag, at(seconds), reasons, calibration_id)


def samples() -> list[Entry]:
    return [
        reading(Quantity.AIR_TEMPERATURE, 33.4, 60, calibration_id="cal-7"),
        reading(Quantity.RELATIVE_HUMIDITY, 55.0, 60),
        reading(Quantity.AIR_PRESSURE, 100650.0, 60),
        reading(Quantity.WIND_SPEED, 14.2, 60, Flag.SUSPECT, "step"),
        reading(Quantity.WIND_DIRECTION, 215.0, 60, Flag.NOT_EVALUATED),
        reading(Quantity.GLOBAL_IRRADIANCE, -3.2, 60),
        reading(Quantity.AIR_TEMPERATURE, math.nan, 61, Flag.MISSING, "no_answer"),
        reading(Quantity.RELATIVE_HUMIDITY, 130.0, 61, Flag.FAIL, "range"),
        reading(Quantity.SUPPLY_VOLTAGE, 12.1, 61.25),
    ]


def minutes() -> list[Entry]:
    def minute(quantity: Quantity, statistic: Statistic, value: float) -> Reading:
        return reading(quantity, value, 120, statistic=statistic, window_s=60)

    return [
        minute(Quantity.AIR_TEMPERATURE, Statistic.MEAN, 33.21),
        minute(Quantity.AIR_TEMPERATURE, Statistic.MINIMUM, 33.0),
        minute(Quantity.AIR_TEMPERATURE, Statistic.MAXIMUM, 33.4),
        minute(Quantity.WIND_SPEED, Statistic.MEAN, 2.31),
        minute(Quantity.WIND_SPEED, Statistic.GUST, 5.12),
    ]


def people(line: str, way: str, count: float, flag: Flag = Flag.GOOD, *reasons: str) -> Reading:
    return reading(
        Quantity.PEOPLE,
        count,
        1800,
        flag,
        *reasons,
        device="camera",
        channel=f"{line}/{way}",
        statistic=Statistic.COUNT,
        window_s=900,
    )


def counts() -> list[Entry]:
    """Many, none; few enough to be suppressed, and lost."""
    return [
        people("gate", "forward", 80),
        people("gate", "backward", 0),
        people("park", "forward", math.nan, Flag.MISSING, "suppressed"),
        people("park", "backward", 14),
        people("stairs", "forward", 12),
        people("stairs", "backward", math.nan, Flag.MISSING, "camera_blind"),
        reading(
            Quantity.COVERAGE, 0.98, 1800, device="camera", statistic=Statistic.MEAN, window_s=900
        ),
    ]


def events() -> list[Entry]:
    return [Event("device_down", "rain", 'no answer for 60 s (the "WXT")', at(61.5))]


@pytest.fixture
def pole() -> Pole:
    return Pole(
        "pole-1",
        name="Ekimae 1",
        latitude=35.6812,
        longitude=139.7671,
        operator="City of Example",
        time_zone="Asia/Tokyo",
        api_key="4jggokgpepnvsb2uv4s40d59ov",
        group="city",
        software_version="0.1.0",
    )


@pytest.fixture
def batch_of() -> MakeBatch:
    """Makes a batch of entries, with its dating and arrival."""
    return make


@pytest.fixture
def read() -> Callable[..., Reading]:
    """Makes a reading: quantity, value, seconds since boot, flag, reasons."""
    return reading


@pytest.fixture
def scenes() -> Mapping[str, Batch]:
    """What the golden files hold, batch by batch; `example` is that of docs/payloads.md."""
    return {
        "example": make([samples()[0], samples()[3]]),
        "samples": make(samples()),
        "minutes": make(minutes(), Dating.HOLDOVER),
        "counts": make(counts()),
        "events": make(events()),
        "backlog": make(samples()[:2], arrival=Arrival.BACKFILL),
        "no clock": make([*samples()[:2], *events()], Dating.UNSET),
        "earlier boot": make(samples()[:2], Dating.UNKNOWN, Arrival.BACKFILL),
    }
