"""The words: one nature for each quantity, lanes, windows, and values that never change."""

from __future__ import annotations

import dataclasses

import pytest

from edge_gateway.reading import (
    NATURES,
    Event,
    Flag,
    Flagged,
    Lane,
    Measurand,
    Nature,
    Quantity,
    Reading,
    Stamp,
    Statistic,
    Window,
)

# RFC 8428 section 12.1, the SenML units registry: those of the weather, and the two counts.
SENML_UNITS = {"Cel", "%RH", "m/s", "deg", "W/m2", "count", "/", "1/s", "Pa", "lx", "s", "V", "%EL"}
# RFC 8798, table 2: those of rain.
SECONDARY_UNITS = {"mm", "mm/h"}

AT = Stamp("boot", 1)
Value = Stamp | Window | Flagged | Measurand | Reading | Event | Nature
VALUES: tuple[Value, ...] = (
    Stamp("boot", 1),
    Window(0, 1),
    Flagged(1.0, Flag.SUSPECT, "why"),
    Measurand(Quantity.PEOPLE),
    Reading("roof", Measurand(Quantity.AIR_TEMPERATURE), 1.0, Flag.GOOD, AT),
    Event("device_down", "roof", "silent", AT),
    NATURES[Quantity.AIR_TEMPERATURE],
)


@pytest.mark.parametrize("quantity", Quantity)
def test_every_quantity_has_a_unit_of_the_senml_registries(quantity: Quantity) -> None:
    nature = quantity.nature
    assert nature.unit in (SECONDARY_UNITS if nature.has_secondary_unit else SENML_UNITS)


@pytest.mark.parametrize("quantity", Quantity)
def test_every_quantity_has_a_range_and_a_resolution_within_it(quantity: Quantity) -> None:
    nature = quantity.nature
    assert nature.low < nature.high
    assert 10**-nature.decimals <= nature.high - nature.low


def test_the_flags_bear_the_numbers_of_qartod() -> None:
    assert [int(flag) for flag in Flag] == [1, 2, 3, 4, 9]


def test_the_events_are_dropped_last_and_raw_samples_first() -> None:
    assert list(Lane) == [Lane.EVENTS, Lane.COUNTS, Lane.SUMMARIES, Lane.RAW]


@pytest.mark.parametrize(
    ("measurand", "lane"),
    [
        (Measurand(Quantity.WIND_SPEED), Lane.RAW),
        (Measurand(Quantity.WIND_SPEED, "", Statistic.GUST, 60), Lane.SUMMARIES),
        (Measurand(Quantity.AIR_TEMPERATURE, "", Statistic.MEAN, 60), Lane.SUMMARIES),
        (Measurand(Quantity.PEOPLE, "gate/forward", Statistic.COUNT, 60), Lane.COUNTS),
        (Measurand(Quantity.FRAME_RATE), Lane.COUNTS),
    ],
)
def test_a_measurand_knows_its_lane(measurand: Measurand, lane: Lane) -> None:
    assert measurand.lane is lane


def test_a_window_has_its_length_in_seconds() -> None:
    assert Window(500_000_000, 60_500_000_000).seconds == 60.0


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_never_changes(value: Value) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(value, dataclasses.fields(value)[0].name, None)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_a_value_carries_no_dictionary(value: Value) -> None:
    assert not hasattr(value, "__dict__")
