"""Assignment against brute force; tracks of made-up walkers, hidden, doubled and flickering."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.people.assignment import assign
from edge_gateway.people.track import Boxes, Track, Tracker
from edge_gateway.people.track_settings import TrackerSettings

WIDTH, TALL = 30.0, 80.0
SURE, UNSURE = 0.8, 0.43  # above `high_score`; between 0.8 x `high_score` and `high_score`

Row = tuple[float, float, float, float, float]


def box(x: float, foot_y: float, score: float = SURE, height: float = TALL) -> Row:
    return (x - WIDTH / 2, foot_y - height, WIDTH, height, score)


def array(rows: Iterable[Row]) -> Boxes:
    return np.array(list(rows), np.float32).reshape(-1, 5)


def follow(
    pictures: Sequence[Sequence[Row]], *, step_s: float = 0.1, tracker: Tracker | None = None
) -> list[tuple[Track, ...]]:
    tracker = tracker or Tracker()
    return [tracker.update(array(rows), index * step_s) for index, rows in enumerate(pictures)]


def numbers(seen: Iterable[Iterable[Track]]) -> set[int]:
    return {track.id for tracks in seen for track in tracks}


def walker(frame: int, *, speed: float = 5.0, x: float = 100.0) -> Row:
    """5 px in 0.1 s: an ordinary walk for someone 80 px tall (1.1 m/s)."""
    return box(x + speed * frame, 300)


def test_a_walker_keeps_one_number() -> None:
    assert numbers(follow([[walker(n)] for n in range(40)])) == {1}


def test_the_foot_point_is_the_bottom_centre_and_follows_without_lag() -> None:
    (track,) = follow([[walker(n)] for n in range(40)])[-1]

    assert track.foot == pytest.approx((100 + 5 * 39, 300), abs=0.5)


def test_a_trial_is_reported_only_when_it_is_over() -> None:
    seen = follow([[walker(n)] for n in range(10)])

    assert [len(tracks) for tracks in seen] == [0] * 7 + [1] * 3


def test_the_steps_of_the_trial_are_reported_with_it() -> None:
    seen = follow([[walker(n)] for n in range(8)])

    assert [step.time_s for step in seen[7][0].steps] == pytest.approx([n / 10 for n in range(8)])


def test_each_step_is_reported_once() -> None:
    seen = follow([[walker(n)] for n in range(30)])

    times = [step.time_s for tracks in seen for track in tracks for step in track.steps]
    assert times == pytest.approx([n / 10 for n in range(30)])


def test_a_flicker_never_becomes_a_person() -> None:
    assert numbers(follow([[walker(0)] if n % 5 == 0 else [] for n in range(40)])) == set()


def test_unsure_boxes_start_no_track() -> None:
    assert numbers(follow([[box(100, 300, UNSURE)]] * 40)) == set()


def test_unsure_boxes_prolong_a_track() -> None:
    seen = follow([[(*walker(n)[:4], SURE if n < 10 else UNSURE)] for n in range(40)])

    assert [track.observed for tracks in seen[10:] for track in tracks] == [True] * 30


def test_boxes_far_below_the_threshold_are_no_one() -> None:
    seen = follow([[(*walker(n)[:4], SURE if n < 10 else 0.3)] for n in range(12)])

    assert not seen[-1][0].observed


def test_a_hidden_person_walks_on_unobserved() -> None:
    seen = follow([[walker(n)] if n < 20 else [] for n in range(25)])

    (track,) = seen[-1]
    assert (track.observed, track.steps) == (False, ())
    assert track.foot == pytest.approx((100 + 5 * 24, 300), abs=1)


def test_a_hidden_person_disappears_after_the_coasting_time() -> None:
    seen = follow([[walker(n)] if n < 20 else [] for n in range(40)])

    # Last seen at 1.9 s, shown up to 2.9 s.
    assert [len(tracks) for tracks in seen[28:32]] == [1, 1, 0, 0]


def test_who_reappears_soon_has_the_same_number() -> None:
    assert numbers(follow([[] if 20 <= n < 27 else [walker(n)] for n in range(50)])) == {1}


def test_who_reappears_after_a_long_post_is_linked_to_the_old_number() -> None:
    seen = follow([[] if 20 <= n < 40 else [walker(n)] for n in range(70)])

    assert numbers(seen) == {1}
    assert seen[-1][0].observed


def test_who_comes_in_where_another_went_out_is_someone_else() -> None:
    out = [[box(700 + 6 * n, 350)] for n in range(10)]
    into = [[box(754 - 6 * n, 350)] for n in range(20)]

    assert numbers(follow([*out, *[[]] * 10, *into])) == {1, 2}


def test_who_comes_long_after_is_someone_else() -> None:
    seen = follow([[] if 20 <= n < 60 else [box(200, 300)] for n in range(80)])

    assert numbers(seen) == {1, 2}


def test_a_number_is_never_given_to_two_tracks_at_once() -> None:
    rng = np.random.default_rng(7)
    seen = follow(
        [
            [box(float(x), float(y)) for x, y in rng.uniform((50, 200), (150, 240), (6, 2))]
            for _ in range(60)
        ]
    )

    assert all(len({track.id for track in tracks}) == len(tracks) for tracks in seen)


def test_two_who_meet_and_pass_keep_their_numbers() -> None:
    def picture(n: int) -> list[Row]:
        near, far = box(100 + 5 * n, 320, height=90), box(300 - 5 * n, 300)
        # The nearer one hides the other where their boxes overlap by more than half.
        return [near] if abs(near[0] - far[0]) < 15 else [near, far]

    first, *_, last = [tracks for tracks in follow([picture(n) for n in range(40)]) if tracks]

    going_right = min(first, key=lambda track: track.left).id
    assert max(last, key=lambda track: track.left).id == going_right
    assert len(last) == 2


def test_one_box_around_two_people_starts_no_third_track() -> None:
    def picture(n: int) -> list[Row]:
        pair = [box(100 + 4 * n, 300), box(135 + 4 * n, 300)]
        both = (85 + 4 * n, 220.0, 65.0, 80.0, 0.6)
        return [*pair, both] if n > 3 else pair

    assert numbers(follow([picture(n) for n in range(40)])) == {1, 2}


def test_half_a_person_starts_no_second_track() -> None:
    def picture(n: int) -> list[Row]:
        return [walker(n), box(100 + 5 * n, 262, score=0.6, height=40)]

    assert numbers(follow([picture(n) for n in range(40)])) == {1}


def test_hidden_feet_do_not_lift_the_foot_point() -> None:
    def picture(n: int) -> list[Row]:
        left, top, width, height, score = walker(n)
        return [(left, top, width, height - (25 if n >= 15 else 0), score)]

    (track,) = follow([picture(n) for n in range(20)])[-1]

    assert track.foot[1] == pytest.approx(300, abs=3)


@pytest.mark.parametrize("every", [2, 4])
def test_every_nth_picture_is_enough(every: int) -> None:
    seen = follow([[walker(n)] for n in range(0, 60, every)], step_s=every / 10)

    assert numbers(seen) == {1}
    assert seen[-1][0].foot == pytest.approx((100 + 5 * (60 - every), 300), abs=1)


def test_settings_are_in_body_heights_so_that_the_size_of_the_picture_does_not_matter() -> None:
    small = follow([[walker(n)] for n in range(30)])
    large = follow(
        [
            [(4 * a, 4 * b, 4 * c, 4 * d, s)]
            for ((a, b, c, d, s),) in ([walker(n)] for n in range(30))
        ]
    )

    assert [4 * t.foot[0] for tracks in small for t in tracks] == pytest.approx(
        [t.foot[0] for tracks in large for t in tracks]
    )


def test_settings_can_be_passed_in() -> None:
    tracker = Tracker(TrackerSettings(trial_s=0.2))

    assert [len(tracks) for tracks in follow([[walker(n)] for n in range(4)], tracker=tracker)] == [
        0,
        0,
        1,
        1,
    ]


def test_a_picture_without_boxes_is_fine() -> None:
    assert Tracker().update(np.empty((0, 5), np.float32), 0.0) == ()


def test_a_picture_that_is_not_later_is_refused() -> None:
    tracker = Tracker()
    tracker.update(array([]), 1.0)

    with pytest.raises(ValueError, match=r"1\.0 s after 1\.0 s"):
        tracker.update(array([]), 1.0)


def test_ten_people_take_a_millisecond() -> None:
    rng = np.random.default_rng(3)
    tracker = Tracker()
    took_s: list[float] = []
    for n in range(60):
        people = [box(60 + 70 * k + 4 * n, 300 + 10 * (k % 3)) for k in range(10)]
        stray = [
            box(float(x), float(y), 0.1) for x, y in rng.uniform((0, 80), (768, 576), (100, 2))
        ]
        rows = array([*people, *stray])
        started_s = time.perf_counter()
        tracker.update(rows, n / 10)
        took_s.append(time.perf_counter() - started_s)

    # The least is what the code needs; the rest is what else the machine had to do.
    assert min(took_s[20:]) < 0.001


@given(
    st.integers(1, 4).flatmap(
        lambda columns: st.lists(
            st.lists(st.floats(0, 1), min_size=columns, max_size=columns), min_size=1, max_size=4
        )
    ),
    st.sampled_from([0.3, 0.7, 2.0]),
)
def test_an_assignment_costs_as_little_as_the_best_of_all(
    costs: list[list[float]], refuse_above: float
) -> None:
    pairs = assign(costs, refuse_above)

    unpaired = len(costs) - len(pairs)
    cost = sum(costs[row][column] for row, column in pairs) + unpaired * refuse_above
    assert cost == pytest.approx(_least_cost(costs, refuse_above))
    assert len({column for _, column in pairs}) == len(pairs)
    assert all(costs[row][column] < refuse_above for row, column in pairs)


def _least_cost(costs: list[list[float]], refuse_above: float) -> float:
    """Try every assignment; -1 stands for staying unpaired."""
    choices = itertools.product(range(-1, len(costs[0])), repeat=len(costs))
    return min(
        sum(refuse_above if column < 0 else costs[row][column] for row, column in enumerate(choice))
        for choice in choices
        if all(choice.count(column) <= 1 for column in choice if column >= 0)
    )


def test_nothing_to_assign_gives_no_pairs() -> None:
    assert assign([], 1.0) == []


def test_two_fair_pairs_win_over_one_perfect_pair() -> None:
    # 0.0 + 0.9 (unpaired: 1.0) > 0.2 + 0.3
    assert assign([[0.0, 0.2], [0.3, 5.0]], 1.0) == [(0, 1), (1, 0)]
