"""The words of the gateway: quantity, flag, stamp, reading, event, window.

Imports nothing of ours; every station speaks in these types.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum


class Flag(IntEnum):
    """Quality of a value, QARTOD vocabulary (IOC 54:V3). The value itself is always kept."""

    GOOD = 1
    NOT_EVALUATED = 2
    SUSPECT = 3
    FAIL = 4
    MISSING = 9


class Lane(StrEnum):
    """What a batch holds, in order of priority: the first is dropped last when space ends."""

    EVENTS = "events"
    COUNTS = "counts"
    SUMMARIES = "summaries"
    RAW = "raw"


class Statistic(StrEnum):
    """How a value stands for its window; a sample has no window."""

    SAMPLE = "sample"
    MEAN = "mean"
    MINIMUM = "min"
    MAXIMUM = "max"
    GUST = "gust"
    COUNT = "count"


SECONDARY_UNITS = frozenset({"mm", "mm/h"})


@dataclass(frozen=True, slots=True)
class Nature:
    """What never changes about a quantity: unit (SenML registry), resolution, plausible range."""

    unit: str
    decimals: int
    low: float
    high: float
    lane: Lane = Lane.RAW

    @property
    def has_secondary_unit(self) -> bool:
        """Whether the unit is one of RFC 8798, of which a SenML pack must warn its reader."""
        return self.unit in SECONDARY_UNITS


class Quantity(StrEnum):
    """What is measured. The name fixes unit, resolution and range through `NATURES`."""

    AIR_TEMPERATURE = "air_temperature"
    RELATIVE_HUMIDITY = "relative_humidity"
    WIND_SPEED = "wind_speed"
    WIND_DIRECTION = "wind_direction"
    GLOBAL_IRRADIANCE = "global_irradiance"
    BODY_TEMPERATURE = "body_temperature"
    AIR_PRESSURE = "air_pressure"
    DEW_POINT = "dew_point"
    SURFACE_TEMPERATURE = "surface_temperature"
    ILLUMINANCE = "illuminance"
    # Counters of the device, which begin anew when it does: what fell in a span of time is the
    # difference of two of them, or the later one alone where it is the lower.
    PRECIPITATION_SINCE_RESET = "precipitation_since_reset"
    HAIL_HITS_SINCE_RESET = "hail_hits_since_reset"
    PRECIPITATION_INTENSITY = "precipitation_intensity"
    BATTERY_VOLTAGE = "battery_voltage"
    BATTERY_LEVEL = "battery_level"
    SUPPLY_VOLTAGE = "supply_voltage"
    PEOPLE = "people"
    # Of a zone: how many are there; how long a stay is, and how many stays of each length.
    OCCUPANCY = "occupancy"
    DWELL_TIME = "dwell_time"
    STAYS = "stays"
    WALKING_SPEED = "walking_speed"
    COVERAGE = "coverage"
    FRAME_RATE = "frame_rate"
    # Whatever a program on the pole counts or computes that has no name here.
    NUMBER = "number"

    @property
    def nature(self) -> Nature:
        """Unit, resolution and range of this quantity."""
        return NATURES[self]


# Ranges: Zahumensky 2004 / WMO-No. 488 App. VI.2 for the weather, WMO-No. 8 Vol. I annex 1.A for
# precipitation; units: RFC 8428 section 12.1, and mm and mm/h of RFC 8798.
NATURES: Mapping[Quantity, Nature] = {
    Quantity.AIR_TEMPERATURE: Nature("Cel", 3, -80.0, 60.0),
    Quantity.RELATIVE_HUMIDITY: Nature("%RH", 3, 0.0, 100.0),
    Quantity.WIND_SPEED: Nature("m/s", 3, 0.0, 75.0),
    Quantity.WIND_DIRECTION: Nature("deg", 1, 0.0, 360.0),
    Quantity.GLOBAL_IRRADIANCE: Nature("W/m2", 2, -10.0, 1600.0),
    Quantity.BODY_TEMPERATURE: Nature("Cel", 2, -40.0, 100.0),
    Quantity.AIR_PRESSURE: Nature("Pa", 1, 50_000.0, 110_000.0),
    Quantity.DEW_POINT: Nature("Cel", 2, -80.0, 35.0),
    Quantity.SURFACE_TEMPERATURE: Nature("Cel", 3, -80.0, 100.0),
    Quantity.ILLUMINANCE: Nature("lx", 2, 0.0, 200_000.0),
    Quantity.PRECIPITATION_SINCE_RESET: Nature("mm", 2, 0.0, 100_000.0),
    Quantity.HAIL_HITS_SINCE_RESET: Nature("count", 0, 0.0, 1e6),
    Quantity.PRECIPITATION_INTENSITY: Nature("mm/h", 2, 0.0, 2000.0),
    Quantity.BATTERY_VOLTAGE: Nature("V", 3, 0.0, 60.0),
    Quantity.BATTERY_LEVEL: Nature("%EL", 0, 0.0, 100.0),
    Quantity.SUPPLY_VOLTAGE: Nature("V", 3, 0.0, 60.0),
    Quantity.PEOPLE: Nature("count", 0, 0.0, 1e6, Lane.COUNTS),
    Quantity.OCCUPANCY: Nature("count", 2, 0.0, 10_000.0, Lane.COUNTS),
    # A stay may go on for years; what is longer is no stay.
    Quantity.DWELL_TIME: Nature("s", 1, 0.0, 9e7, Lane.COUNTS),
    Quantity.STAYS: Nature("count", 0, 0.0, 1e6, Lane.COUNTS),
    # Cyclists cross lines too.
    Quantity.WALKING_SPEED: Nature("m/s", 2, 0.0, 15.0, Lane.COUNTS),
    # "/" is SenML's ratio of one: 1 is all of the window seen.
    Quantity.COVERAGE: Nature("/", 4, 0.0, 1.0, Lane.COUNTS),
    Quantity.FRAME_RATE: Nature("1/s", 2, 0.0, 240.0, Lane.COUNTS),
    # As far as a double holds six decimals exactly.
    Quantity.NUMBER: Nature("/", 6, -9e9, 9e9),
}


@dataclass(frozen=True, slots=True)
class Measurand:
    """One thing a device gives: a quantity, where it has several a channel, and over what window.

    `channel` names a part of the device, for example `gate/forward` of a camera.
    `window_s` is 0 for a sample and the length of the window, ending at the stamp, otherwise.
    """

    quantity: Quantity
    channel: str = ""
    statistic: Statistic = Statistic.SAMPLE
    window_s: int = 0

    @property
    def lane(self) -> Lane:
        """The outbox lane its readings travel in."""
        if self.quantity.nature.lane is Lane.RAW and self.statistic is not Statistic.SAMPLE:
            return Lane.SUMMARIES
        return self.quantity.nature.lane


@dataclass(frozen=True, slots=True)
class Stamp:
    """When, on the clock that never jumps: the boot it counts from, and nanoseconds since then."""

    boot_id: str
    monotonic_ns: int


@dataclass(frozen=True, slots=True)
class Window:
    """A span of one boot's monotonic clock, `start_ns` included and `end_ns` not."""

    start_ns: int
    end_ns: int

    @property
    def seconds(self) -> float:
        """Its length in seconds."""
        return (self.end_ns - self.start_ns) / 1e9


@dataclass(frozen=True, slots=True)
class Flagged:
    """A value that its driver already knows something about; NaN where there is no value."""

    value: float
    flag: Flag
    reason: str


# What a driver gives for one frame or one poll: a bare quantity is that quantity's only sample.
Measured = Mapping[Quantity | Measurand, float | Flagged]


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one measurand of one device at one time, with what is known of its quality.

    `value` is NaN exactly when `flag` is MISSING: zero is never missing.
    `reasons` names the tests or faults behind a flag that is not good.
    `calibration_id` is empty where no calibration record was applied.
    """

    device: str
    measurand: Measurand
    value: float
    flag: Flag
    at: Stamp
    reasons: tuple[str, ...] = ()
    calibration_id: str = ""


@dataclass(frozen=True, slots=True)
class Rows:
    """Many readings of one device in one boot as columns of equal length: cheap where they flow.

    `times_ns` count since the boot. The columns are never changed once they are here.
    """

    device: str
    boot_id: str
    measurands: Sequence[Measurand]
    values: Sequence[float]
    flags: Sequence[Flag]
    reasons: Sequence[tuple[str, ...]]
    times_ns: Sequence[int]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def is_plain(self) -> bool:
        """Whether all are good and nothing more is known of any."""
        count = len(self.values)
        return self.flags.count(Flag.GOOD) == count and self.reasons.count(()) == count

    @property
    def kinds(self) -> dict[Measurand, int]:
        """Its measurands and the last row of each. Those that are one object are counted fast."""
        count = len(self.values)
        # A comparison of two that differ costs more than all else: the ends mostly tell.
        ends = self.measurands[:2], self.measurands[-1:]
        is_one = len({id(measurand) for end in ends for measurand in end}) == 1
        if is_one and self.measurands.count(self.measurands[0]) == count:
            return {self.measurands[0]: count - 1}
        last = dict(zip(map(id, self.measurands), range(count), strict=True))
        return {self.measurands[row]: row for row in sorted(last.values())}

    def part(self, start: int, stop: int) -> Rows:
        """The rows from `start` to before `stop`."""
        cut = slice(start, stop)
        return Rows(
            self.device,
            self.boot_id,
            self.measurands[cut],
            self.values[cut],
            self.flags[cut],
            self.reasons[cut],
            self.times_ns[cut],
        )

    def reading(self, row: int) -> Reading:
        """One row alone."""
        at = Stamp(self.boot_id, self.times_ns[row])
        return Reading(
            self.device,
            self.measurands[row],
            self.values[row],
            self.flags[row],
            at,
            self.reasons[row],
        )

    def readings(self) -> list[Reading]:
        """All rows one by one."""
        return list(map(self.reading, range(len(self))))


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to the gateway: a device down, a loss, a change of mode."""

    kind: str
    subject: str
    text: str
    at: Stamp


# What the outbox keeps.
Entry = Reading | Event
