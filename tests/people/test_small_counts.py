"""What a small count must not tell: worked cases, and every table there is against an attacker."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.measured import readings_of
from edge_gateway.people.small_counts import (
    LEAST_COUNT,
    ROUND_TO,
    SUPPRESSED,
    is_small,
    rounded,
    suppress,
)
from edge_gateway.reading import (
    Flag,
    Flagged,
    Measurand,
    Measured,
    Quantity,
    Stamp,
    Statistic,
)
from edge_gateway.uplink.payloads import quality

COVERAGE = Measurand(Quantity.COVERAGE, "", Statistic.MEAN, 900)


def people(channel: str, statistic: Statistic = Statistic.COUNT) -> Measurand:
    return Measurand(Quantity.PEOPLE, channel, statistic, 900)


def window(**lines: tuple[float | Flagged, float | Flagged]) -> Measured:
    """Forward and backward of each line, and the share that was seen."""
    counts = {
        people(f"{line}/{way}"): count
        for line, ways in lines.items()
        for way, count in zip(("forward", "backward"), ways, strict=True)
    }
    return {**counts, COVERAGE: 0.98}


def told(measured: Measured, *channels: str) -> list[object]:
    """Numbers, and the reason where there is none."""
    values = [measured[people(channel)] for channel in channels]
    return [value.reason if isinstance(value, Flagged) else value for value in values]


def test_large_counts_and_zero_are_said() -> None:
    said = suppress(window(gate=(40, 0)), 10, 1)
    assert told(said, "gate/forward", "gate/backward") == [40, 0]


def test_a_small_count_takes_the_other_direction_with_it() -> None:
    said = suppress(window(gate=(3, 40)), 10, 1)
    assert told(said, "gate/forward", "gate/backward") == [SUPPRESSED, SUPPRESSED]


def test_a_zero_beside_a_small_count_is_suppressed_too() -> None:
    said = suppress(window(gate=(3, 0)), 10, 1)
    assert told(said, "gate/forward", "gate/backward") == [SUPPRESSED, SUPPRESSED]


def test_another_line_is_not_touched() -> None:
    said = suppress(window(gate=(3, 40), park=(12, 0)), 10, 1)
    assert told(said, "park/forward", "park/backward") == [12, 0]


def test_lines_that_are_named_together_fall_together() -> None:
    said = suppress(window(east=(3, 40), west=(50, 60), park=(20, 20)), 10, 1, [("east", "west")])
    assert told(said, "west/forward", "park/forward") == [SUPPRESSED, 20]


def test_sets_of_lines_that_share_one_fall_together() -> None:
    together = [("a", "b"), ("b", "c")]
    said = suppress(window(a=(3, 40), b=(50, 60), c=(20, 20)), 10, 1, together)
    assert told(said, "c/forward", "c/backward") == [SUPPRESSED, SUPPRESSED]


def test_just_the_least_count_is_said() -> None:
    assert told(suppress(window(gate=(10, 10)), 10, 1), "gate/forward") == [10]


@pytest.mark.parametrize("least_count", [0, 1])
def test_nothing_is_suppressed_without_a_least_count(least_count: int) -> None:
    assert told(suppress(window(gate=(1, 2)), least_count, 1), "gate/forward") == [1]


def test_the_coverage_of_the_window_is_always_said() -> None:
    assert suppress(window(gate=(3, 3)))[COVERAGE] == 0.98


def zone(entered: float, most: float, stays: tuple[float, float]) -> Measured:
    """People who entered, occupancy on average and at most, stays of two lengths."""

    def of(quantity: Quantity, statistic: Statistic, channel: str = "bench") -> Measurand:
        return Measurand(quantity, channel, statistic, 900)

    return {
        of(Quantity.PEOPLE, Statistic.COUNT, "bench/entered"): entered,
        of(Quantity.OCCUPANCY, Statistic.MEAN): 0.3,
        of(Quantity.OCCUPANCY, Statistic.MAXIMUM): most,
        of(Quantity.STAYS, Statistic.COUNT, "bench/0-5"): stays[0],
        of(Quantity.STAYS, Statistic.COUNT, "bench/5-"): stays[1],
        of(Quantity.DWELL_TIME, Statistic.MEAN): 21.5,
    }


def said_of(measured: Measured) -> str:
    """One letter a value in the order of `zone`: s is suppressed."""
    values = suppress(measured, 10, 1).values()
    return "".join("s" if isinstance(value, Flagged) else "." for value in values)


@pytest.mark.parametrize(
    ("measured", "expected"),
    [
        (zone(40, 12, (20, 20)), "......"),
        (zone(4, 12, (20, 20)), "ssssss"),
        (zone(40, 4, (20, 20)), ".ss..."),
        (zone(40, 12, (37, 3)), "...sss"),
        (zone(0, 0, (0, 0)), "......"),
        (zone(0, 12, (0, 3)), "...sss"),
    ],
    ids=["all are many", "few entered", "few at a time", "few long stays", "nobody", "few left"],
)
def test_a_zone_has_three_tables_that_are_said_or_not(measured: Measured, expected: str) -> None:
    assert said_of(measured) == expected


def test_the_mean_speed_of_a_few_goes_with_their_count() -> None:
    speed = Measurand(Quantity.WALKING_SPEED, "gate/forward", Statistic.MEAN, 900)
    said = suppress({**window(gate=(3, 40)), speed: 1.42}, 10, 1)[speed]
    assert isinstance(said, Flagged)
    assert said.reason == SUPPRESSED


def test_a_doubtful_small_count_is_suppressed_all_the_same() -> None:
    said = suppress(window(gate=(Flagged(3.0, Flag.SUSPECT, "step"), 40)), 10, 1)
    assert told(said, "gate/forward", "gate/backward") == [SUPPRESSED, SUPPRESSED]


def test_what_is_missing_stays_missing_for_its_own_reason() -> None:
    blind = Flagged(math.nan, Flag.MISSING, "camera_blind")
    said = suppress(window(gate=(blind, 3)), 10, 1)
    assert told(said, "gate/forward", "gate/backward") == ["camera_blind", SUPPRESSED]


def test_a_count_without_a_channel_stands_for_itself() -> None:
    presence = {Quantity.PEOPLE: 4.0, COVERAGE: 1.0}
    said = suppress(presence, 10, 1)
    assert [isinstance(value, Flagged) for value in said.values()] == [True, False]


# Multiples of 5 and of 10 by hand; half way goes to the even multiple.
@pytest.mark.parametrize(
    ("count", "round_to", "expected"),
    [(12, 5, 10), (13, 5, 15), (0, 5, 0), (15, 10, 20), (25, 10, 20), (7, 1, 7)],
)
def test_rounding_is_to_the_nearest_multiple(count: int, round_to: int, expected: int) -> None:
    assert rounded(count, round_to) == expected


def test_rounding_has_no_drift_over_all_remainders() -> None:
    errors = [rounded(count, 10) - count for count in range(1000, 1020)]
    assert sum(errors) == 0


def test_a_count_that_would_be_rounded_to_zero_is_suppressed() -> None:
    said = suppress(window(gate=(2, 40), park=(3, 40)), 0, 5)
    assert told(said, "gate/forward", "park/forward") == [SUPPRESSED, 5]


def test_the_defaults_are_those_of_the_note_on_disclosure() -> None:
    assert (LEAST_COUNT, ROUND_TO) == (10, 5)


def test_the_suppressed_value_is_in_no_reading() -> None:
    at = Stamp("0" * 32, 0)
    readings = readings_of("camera", suppress(window(gate=(7, 31))), at)
    of_people = [one for one in readings if one.measurand.quantity is Quantity.PEOPLE]
    assert [(math.isnan(one.value), one.flag, one.reasons) for one in of_people] == [
        (True, Flag.MISSING, (SUPPRESSED,))
    ] * 2


def test_the_payloads_have_a_word_for_the_same_reason() -> None:
    assert quality.SUPPRESSED == SUPPRESSED


@given(
    st.dictionaries(
        st.sampled_from(["a", "b", "c"]),
        st.tuples(st.integers(0, 60), st.integers(0, 60)),
        min_size=1,
    ),
    st.integers(0, 12),
    st.integers(1, 12),
)
def test_no_small_count_is_said_and_every_said_one_is_near(
    lines: dict[str, tuple[int, int]], least_count: int, round_to: int
) -> None:
    measured = window(**lines)
    for key, value in suppress(measured, least_count, round_to).items():
        if key == COVERAGE or isinstance(value, Flagged):
            continue
        truth = measured[key]
        assert not isinstance(truth, Flagged)
        assert not is_small(int(truth), least_count, round_to)
        assert abs(value - truth) <= round_to / 2
        assert (value == 0) == (truth == 0)


@given(st.tuples(st.integers(0, 40), st.integers(0, 40)), st.integers(0, 12))
def test_who_suppresses_twice_gets_the_same(ways: tuple[int, int], least_count: int) -> None:
    once = suppress(window(gate=ways), least_count, 1)
    assert str(suppress(once, least_count, 1)) == str(once)


@dataclass(frozen=True, slots=True)
class Tables:
    """Lines with a forward and a backward count each from 0 to `highest`, and the rule for them.

    `is_one_total`: the lines are named together and their sum is known, not that of each.
    """

    lines: int
    highest: int
    least_count: int
    round_to: int
    is_one_total: bool = False

    def seen(self, table: Sequence[int]) -> tuple[list[object], list[int | None]]:
        """All there is to see: what is said, and each total that is zero or the least or more."""
        names = "abc"[: self.lines]
        pairs = {name: (table[2 * at], table[2 * at + 1]) for at, name in enumerate(names)}
        together = [names] if self.is_one_total else []
        said = suppress(window(**pairs), self.least_count, self.round_to, together)
        channels = [f"{name}/{way}" for name in names for way in ("forward", "backward")]
        sums = [sum(table)] if self.is_one_total else [sum(pair) for pair in pairs.values()]
        return told(said, *channels), [
            total if total == 0 or total >= self.least_count else None for total in sums
        ]


@pytest.mark.parametrize(
    "tables",
    [
        Tables(1, 24, 5, 1),
        Tables(1, 24, 10, 5),
        Tables(1, 24, 2, 4),
        Tables(2, 7, 4, 1),
        Tables(2, 9, 3, 1, is_one_total=True),
    ],
    ids=str,
)
def test_who_knows_the_rule_and_the_totals_is_left_with_enough_values(tables: Tables) -> None:
    """All tables there are; where a total is above `highest`, some of its tables are not here."""
    possible: defaultdict[str, list[set[int]]] = defaultdict(
        lambda: [set() for _ in range(2 * tables.lines)]
    )
    suppressed: dict[str, list[int]] = {}
    for table in product(range(tables.highest + 1), repeat=2 * tables.lines):
        said, totals = tables.seen(table)
        view = f"{said} {totals}"
        for values, value in zip(possible[view], table, strict=True):
            values.add(value)
        if all(total is None or total <= tables.highest for total in totals):
            suppressed[view] = [at for at, one in enumerate(said) if one == SUPPRESSED]
    left = [len(possible[view][at]) for view, places in suppressed.items() for at in places]
    assert left
    assert min(left) >= tables.least_count - 1
