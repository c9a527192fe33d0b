"""Analog sensors: what a voltage says, by the kind of sensor it comes from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Final, Literal, Self, TypeVar

from pydantic import AfterValidator, Field, model_validator

from edge_gateway.config import Identifier, Section
from edge_gateway.drivers.formats.circle import folded
from edge_gateway.drivers.formats.flags import OUT_OF_RANGE
from edge_gateway.reading import Flag, Flagged, Measurand, Quantity

# NAMUR NE 43: a transmitter measures from 3.8 to 20.5 mA, and says below 3.6 and above 21 mA that
# it does not; a cut wire gives none at all.
LIVE_ZERO_MA, SPAN_MA = 4.0, 16.0
BROKEN_BELOW_MA, FAILED_ABOVE_MA = 3.6, 21.0
MEASURES_MA = (3.8, 20.5)
# Noise and offset may bring a voltage this share of its span beyond its ends.
OVERSHOOT = 0.02

Kind = Literal["pyranometer", "current_loop", "voltage", "vane"]
# Keys of a kind: those it needs, and those it may have.
KEYS: Mapping[Kind, tuple[frozenset[str], frozenset[str]]] = {
    "pyranometer": (frozenset({"sensitivity_uv_per_w_m2"}), frozenset()),
    "current_loop": (frozenset({"quantity", "shunt_ohm", "value_low", "value_high"}), frozenset()),
    "voltage": (
        frozenset({"quantity", "low_v", "high_v", "value_low", "value_high"}),
        frozenset(),
    ),
    "vane": (frozenset(), frozenset({"reference_v", "north_offset_deg", "dead_band_deg"})),
}
_OF_SOME_KIND = frozenset[str]().union(*(needed | allowed for needed, allowed in KEYS.values()))
TRANSMITTED: Final = (
    Quantity.AIR_TEMPERATURE,
    Quantity.RELATIVE_HUMIDITY,
    Quantity.AIR_PRESSURE,
    Quantity.WIND_SPEED,
    Quantity.WIND_DIRECTION,
    Quantity.GLOBAL_IRRADIANCE,
    Quantity.ILLUMINANCE,
    Quantity.SURFACE_TEMPERATURE,
    Quantity.BATTERY_VOLTAGE,
    Quantity.SUPPLY_VOLTAGE,
)


def _is_transmitted(quantity: Quantity) -> Quantity:
    if quantity not in TRANSMITTED:
        raise ValueError(f"{quantity} comes from no transmitter: {', '.join(TRANSMITTED)}")
    return quantity


Transmitted = Annotated[Quantity, AfterValidator(_is_transmitted)]


class SensorConfig(Section):
    """A sensor that speaks in volts; `kind` decides which of the other keys it has."""

    kind: Annotated[
        Kind, Field(description="what is connected; decides which keys follow", examples=["vane"])
    ]
    name: Annotated[
        Identifier | None,
        Field(description="tells two channels of one quantity apart", examples=["north"]),
    ] = None
    sensitivity_uv_per_w_m2: Annotated[
        float | None,
        Field(gt=0, description="pyranometer: uV per W/m2, from its label", examples=[10.5]),
    ] = None
    quantity: Annotated[
        Transmitted | None,
        Field(description="current_loop, voltage: what it measures", examples=["air_temperature"]),
    ] = None
    shunt_ohm: Annotated[
        float | None,
        Field(gt=0, description="current_loop: resistor it flows through", examples=[100.0]),
    ] = None
    low_v: Annotated[
        float | None, Field(description="voltage: where its span begins", examples=[0.0])
    ] = None
    high_v: Annotated[
        float | None, Field(description="voltage: where its span ends", examples=[1.0])
    ] = None
    value_low: Annotated[
        float | None,
        Field(description="value at 4 mA or low_v, in the quantity's unit", examples=[-40.0]),
    ] = None
    value_high: Annotated[
        float | None,
        Field(description="value at 20 mA or high_v, in the quantity's unit", examples=[60.0]),
    ] = None
    reference_v: Annotated[
        float, Field(gt=0, description="vane: voltage over its potentiometer")
    ] = 3.3
    north_offset_deg: Annotated[
        float,
        Field(ge=-360, le=360, description="vane: true bearing of its north mark"),
    ] = 0.0
    dead_band_deg: Annotated[
        float, Field(ge=0, le=30, description="vane: gap at its north mark, given as that mark")
    ] = 5.0

    @model_validator(mode="after")
    def _has_the_keys_of_its_kind(self) -> Self:
        needed, allowed = KEYS[self.kind]
        given = self.model_fields_set & _OF_SOME_KIND
        if missing := needed - given:
            raise ValueError(f"a {self.kind} channel needs {', '.join(sorted(missing))}")
        if foreign := given - needed - allowed:
            raise ValueError(f"a {self.kind} channel takes no {', '.join(sorted(foreign))}")
        if self.low_v is not None and self.low_v == self.high_v:
            raise ValueError(f"low_v and high_v are both {self.low_v:g}: there is no span")
        return self

    @property
    def measurand(self) -> Measurand:
        """What it gives."""
        fixed = {
            "pyranometer": Quantity.GLOBAL_IRRADIANCE,
            "vane": Quantity.WIND_DIRECTION,
        }.get(self.kind)
        quantity = fixed or self.quantity
        assert quantity is not None  # its kind needs one
        return Measurand(quantity, self.name or "")


SensorT = TypeVar("SensorT", bound=SensorConfig)


def give_different_things(sensors: tuple[SensorT, ...]) -> tuple[SensorT, ...]:
    """The sensors; ValueError where there is none, or two that nothing tells apart."""
    if not sensors:  # a least length would be complained of beside every wrong channel
        raise ValueError("nothing is connected: write a [[device.channel]] table")
    given = [sensor.measurand for sensor in sensors]
    for one in given:
        if given.count(one) > 1:
            raise ValueError(f"{given.count(one)} channels give {one.quantity}: give each a name")
    return sensors


def value_of(volts: float, sensor: SensorConfig) -> float | Flagged:
    """The value of the sensor's quantity, in its unit.

    Where the voltage says that the sensor cannot measure it is flagged with the reason and kept.
    """
    return _VALUE[sensor.kind](volts, sensor)


def _irradiance(volts: float, sensor: SensorConfig) -> float | Flagged:
    assert sensor.sensitivity_uv_per_w_m2 is not None  # its kind needs it; so below
    return volts * 1e6 / sensor.sensitivity_uv_per_w_m2


def _current_loop(volts: float, sensor: SensorConfig) -> float | Flagged:
    assert sensor.shunt_ohm is not None
    current_ma = 1000 * volts / sensor.shunt_ohm
    value = _mapped((current_ma - LIVE_ZERO_MA) / SPAN_MA, sensor)
    if current_ma < BROKEN_BELOW_MA:
        return Flagged(value, Flag.FAIL, "below 3.6 mA: wire broken or transmitter failed")
    if current_ma > FAILED_ABOVE_MA:
        return Flagged(value, Flag.FAIL, "above 21 mA: short circuit or transmitter failed")
    low_ma, high_ma = MEASURES_MA
    if not low_ma <= current_ma <= high_ma:
        return Flagged(value, Flag.SUSPECT, "the transmitter is at the end of its range")
    return value


def _voltage(volts: float, sensor: SensorConfig) -> float | Flagged:
    assert sensor.low_v is not None
    assert sensor.high_v is not None
    share = (volts - sensor.low_v) / (sensor.high_v - sensor.low_v)
    value = _mapped(share, sensor)
    if -OVERSHOOT <= share <= 1 + OVERSHOOT:
        return value
    return Flagged(value, Flag.FAIL, OUT_OF_RANGE)


def _vane(volts: float, sensor: SensorConfig) -> float | Flagged:
    share = volts / sensor.reference_v
    from_mark = 360.0 * share
    half_gap = sensor.dead_band_deg / 2
    if not -OVERSHOOT <= share <= 1 + OVERSHOOT:
        direction = folded(from_mark + sensor.north_offset_deg)
        return Flagged(direction, Flag.FAIL, "outside 0 V to reference_v: is reference_v right?")
    if not half_gap <= from_mark <= 360.0 - half_gap:
        from_mark = 0.0  # in the gap the voltage says no more than this
    return folded(from_mark + sensor.north_offset_deg)


def _mapped(share: float, sensor: SensorConfig) -> float:
    assert sensor.value_low is not None
    assert sensor.value_high is not None
    value = sensor.value_low + (sensor.value_high - sensor.value_low) * share
    return folded(value) if sensor.quantity is Quantity.WIND_DIRECTION else value


_VALUE: Mapping[Kind, Callable[[float, SensorConfig], float | Flagged]] = {
    "pyranometer": _irradiance,
    "current_loop": _current_loop,
    "voltage": _voltage,
    "vane": _vane,
}
