"""Stays in zones, by tracks made here: ten pictures a second, people 100 px high."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.people.track import FootPoint, Track
from edge_gateway.people.zones import LINGER_S, Zone, ZoneChange, ZoneCounter

Place = tuple[float, float]
HEIGHT = 100.0
# 200 px square; people of 100 px must stand 10 px clear of its border.
SQUARE = Zone("square", ((100, 100), (300, 100), (300, 300), (100, 300)))
INSIDE, OUTSIDE = (200.0, 200.0), (50.0, 200.0)


def track(number: int, steps: Iterable[FootPoint], height: float = HEIGHT) -> Track:
    steps = tuple(steps)
    x, y = (steps[-1].x, steps[-1].y) if steps else (0.0, 0.0)
    return Track(number, x - 20, y - height, 40, height, bool(steps), 0.9, steps)


def play(
    counter: ZoneCounter, walks: Mapping[int, Sequence[Place | None]], first_s: float = 0.0
) -> list[ZoneChange]:
    """Walk everybody at once, a step each tenth of a second; None is out of sight."""
    changes: list[ZoneChange] = []
    for k in range(max(map(len, walks.values()))):
        time_s = first_s + k / 10
        there = [
            track(number, [FootPoint(time_s, *place)])
            for number, places in walks.items()
            if k < len(places) and (place := places[k]) is not None
        ]
        changes += counter.update(there, time_s)
    return changes


def walk(*places: Place | None) -> list[ZoneChange]:
    return play(ZoneCounter([SQUARE]), {1: places})


def facts(change: ZoneChange) -> tuple[float, float | None, bool]:
    return change.start_s, change.end_s, change.seen_whole


def test_a_point_is_as_deep_as_its_distance_to_the_nearest_side() -> None:
    found = [SQUARE.depth(point) for point in [(110, 200), (200, 290), (60, 200), (0, 400)]]
    assert found == pytest.approx([10, 10, -40, -((100**2 + 100**2) ** 0.5)])


def test_the_notch_of_a_hollow_zone_is_outside() -> None:
    # An L: the upper right quarter of a 200 px square is not of it.
    ell = Zone("l", ((0, 0), (100, 0), (100, 100), (200, 100), (200, 200), (0, 200)))
    assert [ell.depth(point) for point in [(150, 50), (50, 50), (150, 150)]] == [-50, 50, 50]


def test_who_walks_in_enters_where_the_border_was_passed() -> None:
    # 90 -> 110 px passes 100 half way between 0.0 and 0.1 s.
    (entered,) = walk((90, 200), (110, 200))
    assert facts(entered) == (pytest.approx(0.05), None, True)


def test_who_walks_out_leaves_where_the_border_was_passed() -> None:
    _, left = walk(OUTSIDE, INSIDE, INSIDE, INSIDE, (110, 200), (90, 200))
    # In at a third of the first step (50 -> 200 passes 100), out half way through the last.
    assert facts(left) == (pytest.approx(0.1 / 3), pytest.approx(0.45), True)


def test_trembling_on_the_border_makes_no_entry() -> None:
    assert walk((95, 200), *[(107, 200), (93, 200)] * 50) == []


def test_trembling_on_the_border_ends_no_stay() -> None:
    changes = walk(OUTSIDE, INSIDE, *[(107, 200), (93, 200)] * 50, INSIDE)
    assert [change.end_s for change in changes] == [None]


@given(st.integers(0, 10**6), st.floats(-0.07, 0.07))
def test_jitter_of_who_stands_at_the_edge_makes_no_entry(seed: int, off: float) -> None:
    """A tracked foot point jitters by 0.02 body heights; however far in, it enters once at most."""
    draw = random.Random(seed)
    places = [(100 + HEIGHT * (off + draw.gauss(0, 0.02)), 200.0) for _ in range(300)]
    changes = walk(*places)
    assert [change.end_s for change in changes] in ([], [None])


def test_a_short_loss_of_the_track_ends_no_stay() -> None:
    changes = walk(OUTSIDE, INSIDE, *[None] * 45, INSIDE)
    assert [change.end_s for change in changes] == [None]


def test_a_long_loss_ends_the_stay_at_the_last_sight_and_says_so() -> None:
    lost = walk(OUTSIDE, INSIDE, INSIDE, *[None] * round(10 * LINGER_S + 2))
    assert facts(lost[-1]) == (pytest.approx(0.1 / 3), pytest.approx(0.2), False)


def test_who_is_there_at_the_first_sight_has_an_unseen_beginning() -> None:
    entered, left = walk(INSIDE, INSIDE, OUTSIDE)
    assert (entered.start_s, entered.seen_whole, left.seen_whole) == (0.0, False, False)


def test_a_new_track_near_a_lost_one_goes_on_with_its_stay() -> None:
    counter = ZoneCounter([SQUARE])
    changes = play(counter, {1: [OUTSIDE, INSIDE], 2: [*[None] * 30, (230, 200), OUTSIDE]})
    assert [change.end_s is None for change in changes] == [True, False]
    assert changes[-1].seen_whole


def test_a_new_track_far_from_a_lost_one_is_someone_else() -> None:
    counter = ZoneCounter([SQUARE])
    # Lost for a second: 1.6 body heights would be the farthest, and it is 2.3.
    changes = play(counter, {1: [OUTSIDE, (120, 120)], 2: [*[None] * 11, (280, 280)]})
    assert [change.zone for change in changes if change.end_s is None] == ["square"] * 2
    assert counter.people("square") == 2


def test_two_who_are_seen_together_are_two() -> None:
    counter = ZoneCounter([SQUARE])
    play(counter, {1: [OUTSIDE, INSIDE, INSIDE], 2: [None, INSIDE, INSIDE]})
    assert counter.people("square") == 2


def test_steps_that_are_told_late_begin_the_stay_when_they_were() -> None:
    counter = ZoneCounter([SQUARE])
    late = [FootPoint(0.1 * k, 90 + 10.0 * k, 200) for k in range(8)]
    (entered,) = counter.update([track(1, late)], 0.7)
    # 90 -> 100 px is at the border from 0.1 s on, 110 px clear of it.
    assert facts(entered) == (pytest.approx(0.1), None, True)


def test_after_a_cut_nobody_is_there_and_a_track_number_is_someone_else() -> None:
    counter = ZoneCounter([SQUARE])
    play(counter, {1: [OUTSIDE, INSIDE]})
    (left,) = counter.cut()
    assert (counter.people("square"), left.seen_whole) == (0, False)
    again = play(counter, {1: [INSIDE]}, first_s=1.0)
    assert [(change.start_s, change.seen_whole) for change in again] == [(1.0, False)]


def test_a_running_stay_is_as_long_as_until_the_latest_picture() -> None:
    counter = ZoneCounter([SQUARE])
    play(counter, {1: [(90, 200), (110, 200), *[INSIDE] * 19]})
    assert counter.running_s("square") == [pytest.approx(1.95)]


def test_people_of_another_height_have_to_stand_clear_by_as_much_of_theirs() -> None:
    counter = ZoneCounter([SQUARE])
    big = [track(1, [FootPoint(0, 90, 200)], 400), track(1, [FootPoint(0.1, 130, 200)], 400)]
    assert [counter.update([one], k / 10) for k, one in enumerate(big)] == [(), ()]


places = st.none() | st.tuples(st.floats(0, 400), st.floats(0, 400))
walks = st.lists(st.lists(places, min_size=1, max_size=40), min_size=1, max_size=5)


@given(walks)
def test_who_entered_and_has_not_left_is_there(paths: list[list[Place | None]]) -> None:
    counter = ZoneCounter([SQUARE])
    changes = play(counter, dict(enumerate(paths)))
    entered = sum(change.end_s is None for change in changes)
    assert entered - (len(changes) - entered) == counter.people("square")


@given(walks)
def test_a_stay_ends_after_it_began_and_after_a_cut_all_have(
    paths: list[list[Place | None]],
) -> None:
    counter = ZoneCounter([SQUARE])
    changes = [*play(counter, dict(enumerate(paths))), *counter.cut()]
    ended = [change for change in changes if change.end_s is not None]
    assert 2 * len(ended) == len(changes)
    assert all(change.start_s <= change.end_s for change in ended if change.end_s is not None)


@given(walks, st.permutations(range(5)))
def test_nothing_depends_on_the_numbers_of_tracks(
    paths: list[list[Place | None]], numbers: list[int]
) -> None:
    plain = play(ZoneCounter([SQUARE]), dict(enumerate(paths)))
    other = play(ZoneCounter([SQUARE]), {7 + numbers[k]: path for k, path in enumerate(paths)})
    assert sorted(map(repr, plain)) == sorted(map(repr, other))
