from __future__ import annotations

import math

import pytest

from edge_gateway.people.boundary import Counts, Coverage, Direction, LineCount, ZoneCount
from edge_gateway.people.window_readings import measured_of
from edge_gateway.reading import Flag, Flagged, Measurand, Quantity, Statistic

MODEL = "ab" * 32
LINES = (LineCount("gate", Direction.FORWARD, 12), LineCount("gate", Direction.BACKWARD, 0))
COUNTS = Counts(900.0, LINES, "nanodet-g-416/every-1", MODEL)
COVERAGE = Coverage(450.0, 900.0, 4500)
# Two stays of 5 to below 15 s and one of half an hour ended; two go on, one entered in the window.
BENCH = ZoneCount(
    "bench", 1.25, 3, 2, (0, 2, 0, 0, 0, 0, 0, 0, 1), 607.0, (1, 0, 0, 1, *[0] * 5), 1
)


def test_a_window_becomes_people_per_line_and_direction_with_coverage_and_method() -> None:
    assert measured_of(COUNTS, COVERAGE) == {
        Measurand(Quantity.PEOPLE, "gate/forward", Statistic.COUNT, 900): 12,
        Measurand(Quantity.PEOPLE, "gate/backward", Statistic.COUNT, 900): 0,
        Measurand(Quantity.COVERAGE, "", Statistic.MEAN, 900): 0.5,
        Measurand(
            Quantity.COVERAGE, "nanodet-g-416/every-1/abababababab", Statistic.MEAN, 900
        ): 0.5,
    }


def test_a_speed_stands_beside_its_count_and_one_not_known_is_left_out() -> None:
    lines = (LineCount("gate", Direction.FORWARD, 12, 1.37), LINES[1])
    measured = measured_of(Counts(900.0, lines, "m", MODEL), COVERAGE)
    speeds = {key: value for key, value in measured.items() if _is(key, Quantity.WALKING_SPEED)}
    assert speeds == {Measurand(Quantity.WALKING_SPEED, "gate/forward", Statistic.MEAN, 900): 1.37}


def test_a_zone_becomes_entries_occupancy_stays_and_their_mean() -> None:
    measured = measured_of(Counts(900.0, (), "m", MODEL, (BENCH,)), Coverage(900.0, 900.0, 9000))
    of_zone = {
        (str(key.quantity), key.channel, str(key.statistic)): value
        for key, value in measured.items()
        if isinstance(key, Measurand) and key.quantity is not Quantity.COVERAGE
    }
    stays = {"0-5": 0, "5-15": 2, "15-30": 0, "30-60": 0, "60-120": 0, "120-300": 0, "300-600": 0}
    stays |= {"600-1800": 0, "1800-": 1, "running": 2, "cut_short": 1}
    assert of_zone == {
        ("people", "bench/entered", "count"): 2,
        ("occupancy", "bench", "mean"): 1.25,
        ("occupancy", "bench", "max"): 3,
        ("dwell_time", "bench", "mean"): 607.0,
        **{("stays", f"bench/{which}", "count"): count for which, count in stays.items()},
    }


def test_where_no_stay_ended_there_is_no_mean() -> None:
    empty = ZoneCount("bench", 0.0, 0, 0, (0,) * 9, None)
    measured = measured_of(Counts(900.0, (), "m", MODEL, (empty,)), COVERAGE)
    assert not [key for key in measured if _is(key, Quantity.DWELL_TIME)]


def test_small_counts_are_suppressed_and_the_others_rounded() -> None:
    counts = Counts(900.0, (*LINES, LineCount("door", Direction.FORWARD, 3)), "m", MODEL)
    measured = measured_of(counts, COVERAGE, least_count=10, round_to=5)
    gate, door = (
        measured[Measurand(Quantity.PEOPLE, f"{line}/forward", Statistic.COUNT, 900)]
        for line in ("gate", "door")
    )
    assert gate == 10
    assert isinstance(door, Flagged)
    assert (math.isnan(door.value), door.flag, door.reason) == (True, Flag.MISSING, "suppressed")


def test_what_is_suppressed_of_a_zone_is_all_of_it() -> None:
    counts = Counts(900.0, (), "m", MODEL, (BENCH,))
    measured = measured_of(counts, COVERAGE, least_count=10)
    assert {
        isinstance(value, Flagged)
        for key, value in measured.items()
        if not _is(key, Quantity.COVERAGE)
    } == {True}


def test_coverage_is_never_suppressed() -> None:
    measured = measured_of(Counts(900.0, (), "m", MODEL, (BENCH,)), COVERAGE, least_count=10)
    shares = [value for key, value in measured.items() if _is(key, Quantity.COVERAGE)]
    assert shares == [pytest.approx(0.5)] * 2


def _is(key: Quantity | Measurand, quantity: Quantity) -> bool:
    return isinstance(key, Measurand) and key.quantity is quantity
