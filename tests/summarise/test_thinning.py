"""What a full outbox keeps of old samples."""

from __future__ import annotations

from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp, Statistic
from edge_gateway.summarise.thinning import thinner

THIN = thinner({"air": 1.0})


def samples(quantity: Quantity, seconds: range) -> list[Reading]:
    return [
        Reading("air", Measurand(quantity), float(at % 2), Flag.GOOD, Stamp("boot", at * 10**9))
        for at in seconds
    ]


def test_ten_minutes_of_samples_become_their_mean_lowest_and_highest() -> None:
    made = THIN(samples(Quantity.AIR_TEMPERATURE, range(600, 1200)))
    assert {reading.measurand.statistic: reading.value for reading in made} == {
        Statistic.MEAN: 0.5,
        Statistic.MINIMUM: 0.0,
        Statistic.MAXIMUM: 1.0,
    }
    assert {reading.at.monotonic_ns for reading in made} == {1200 * 10**9}
    assert {reading.measurand.window_s for reading in made} == {600}


def test_part_of_a_window_has_no_summary() -> None:
    assert THIN(samples(Quantity.AIR_TEMPERATURE, range(600, 800))) == []


def test_what_is_not_summarised_has_no_summary() -> None:
    assert THIN(samples(Quantity.SUPPLY_VOLTAGE, range(600, 1200))) == []
