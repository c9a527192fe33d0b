"""What a driver measured becomes readings: rounded, flagged, and never a missing zero."""

from __future__ import annotations

import math

import pytest

from edge_gateway.measured import readings_of
from edge_gateway.reading import Flag, Flagged, Measurand, Quantity, Stamp, Statistic


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (21.50049, (21.5, Flag.NOT_EVALUATED, ())),
        (-0.0004, (0.0, Flag.NOT_EVALUATED, ())),
        (0.0, (0.0, Flag.NOT_EVALUATED, ())),
        (Flagged(85.0, Flag.SUSPECT, "power_on"), (85.0, Flag.SUSPECT, ("power_on",))),
    ],
)
def test_a_value_is_rounded_to_its_resolution_and_keeps_its_flag(
    value: float | Flagged, expected: tuple[float, Flag, tuple[str, ...]]
) -> None:
    (reading,) = readings_of("roof", {Quantity.AIR_TEMPERATURE: value}, Stamp("b", 1))
    assert (reading.value, reading.flag, reading.reasons) == expected
    assert math.copysign(1, reading.value) == 1


@pytest.mark.parametrize("value", [math.nan, math.inf, Flagged(3.0, Flag.MISSING, "calm")])
def test_what_is_no_number_is_missing(value: float | Flagged) -> None:
    (reading,) = readings_of("roof", {Quantity.WIND_DIRECTION: value}, Stamp("b", 1))
    assert math.isnan(reading.value)
    assert reading.flag is Flag.MISSING
    assert reading.reasons == (("calm",) if isinstance(value, Flagged) else ("no_value",))


def test_a_measurand_of_several_channels_is_kept_as_it_is() -> None:
    gate = Measurand(Quantity.PEOPLE, "gate/forward", Statistic.COUNT, 60)
    (reading,) = readings_of("cam", {gate: 3.0}, Stamp("b", 1))
    assert reading.measurand == gate
