"""Directions from hand-drawn cases, jitter, gaps, and every mistake in a file of lines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.people.lines import (
    Crossing,
    Direction,
    Line,
    LineCounter,
    LinesError,
    check_inside,
    load_lines,
)
from edge_gateway.people.track import FootPoint, Track

TALL = 100.0  # px; with the default settle, 8 px make a side certain
DOWN = Line("down", (100, 100), (100, 400))
RIGHTWARDS = Line("across", (100, 200), (500, 200))

Place = tuple[float, float]


def person(steps: Sequence[tuple[float, Place]], number: int = 1) -> Track:
    x, y = steps[-1][1] if steps else (0.0, 0.0)
    feet = tuple(FootPoint(time_s, x, y) for time_s, (x, y) in steps)
    return Track(
        id=number,
        left=x - 20,
        top=y - TALL,
        width=40,
        height=TALL,
        observed=bool(steps),
        score=0.8,
        steps=feet,
    )


def walk(line: Line, places: Sequence[Place | None]) -> list[Crossing]:
    """One picture a tenth of a second, frames from 1; None is a picture without the person."""
    counter = LineCounter([line])
    crossings: list[Crossing] = []
    for index, place in enumerate(places):
        steps = [(index / 10, place)] if place else []
        crossings += counter.update([person(steps)], index + 1, index / 10)
    return crossings


def ways(crossings: Sequence[Crossing]) -> list[Direction]:
    return [crossing.direction for crossing in crossings]


@pytest.mark.parametrize(
    ("start", "end", "walked_from", "walked_to"),
    [
        # Facing down the picture, the left hand points to the picture's right.
        pytest.param((100, 100), (100, 400), (50, 250), (150, 250), id="down, walked rightwards"),
        pytest.param((100, 400), (100, 100), (150, 250), (50, 250), id="up, walked leftwards"),
        # Facing right, the left hand points up the picture, to smaller y.
        pytest.param((100, 200), (500, 200), (300, 250), (300, 150), id="right, walked upwards"),
        pytest.param((500, 200), (100, 200), (300, 150), (300, 250), id="left, walked downwards"),
        # Facing down to the right, the left hand points up to the right.
        pytest.param((0, 0), (300, 300), (100, 200), (200, 100), id="diagonal, walked up-right"),
    ],
)
class TestDirection:
    def test_from_the_right_hand_to_the_left_hand_is_forward(
        self, start: Place, end: Place, walked_from: Place, walked_to: Place
    ) -> None:
        line = Line("gate", start, end)

        assert ways(walk(line, [walked_from, walked_to])) == [Direction.FORWARD]

    def test_the_way_back_is_backward(
        self, start: Place, end: Place, walked_from: Place, walked_to: Place
    ) -> None:
        line = Line("gate", start, end)

        assert ways(walk(line, [walked_to, walked_from])) == [Direction.BACKWARD]


def test_a_line_drawn_the_other_way_round_swaps_the_directions() -> None:
    turned = Line("turned", DOWN.end, DOWN.start)

    assert ways(walk(turned, [(50, 250), (150, 250)])) == [Direction.BACKWARD]


def test_the_height_above_a_line_is_in_pixels_and_positive_on_the_left_hand() -> None:
    # 3-4-5 triangle: (0, 0) -> (4, 3), the point (0, 5) is 4 px away, down the picture.
    assert Line("slope", (0, 0), (4, 3)).height_above((0, 5)) == pytest.approx(-4)


@pytest.mark.parametrize("y", [99, 401])
def test_who_walks_past_the_end_of_a_line_is_not_counted(y: float) -> None:
    assert walk(DOWN, [(50, y), (150, y)]) == []


def test_who_walks_round_the_end_and_back_over_the_line_is_counted_once() -> None:
    round_the_end: list[Place] = [(50, 90), (150, 90), (150, 200), (50, 200)]

    assert ways(walk(DOWN, round_the_end)) == [Direction.BACKWARD]


def test_trembling_on_the_line_counts_nobody() -> None:
    assert walk(DOWN, [(80, 250), (103, 250), (97, 250), (104, 250), (98, 250), (80, 250)]) == []


def test_trembling_on_the_way_over_counts_once() -> None:
    crossings = walk(DOWN, [(80, 250), (103, 250), (97, 250), (103, 250), (120, 250)])

    assert ways(crossings) == [Direction.FORWARD]


def test_who_turns_back_beyond_the_line_is_counted_both_ways() -> None:
    crossings = walk(DOWN, [(80, 250), (120, 250), (80, 250)])

    assert ways(crossings) == [Direction.FORWARD, Direction.BACKWARD]


def test_who_appears_just_before_the_line_is_counted() -> None:
    assert ways(walk(DOWN, [(98, 250), (110, 250), (130, 250)])) == [Direction.FORWARD]


def test_who_appears_just_beyond_the_line_is_not_counted() -> None:
    assert walk(DOWN, [(102, 250), (110, 250), (150, 250)]) == []


def test_the_event_carries_the_frame_of_the_passage_not_of_the_report() -> None:
    # 97 -> 101 px passes 100 at three quarters of 0.1 to 0.2 s; 8 px clear of it only in frame 5,
    # and 20 px from the first in frame 6.
    slow: list[Place] = [(96, 250), (97, 250), (101, 250), (105, 250), (109, 250), (126, 250)]

    (crossing,) = walk(DOWN, slow)

    assert (crossing.frame, crossing.time_s) == (3, pytest.approx(0.175))


def test_who_was_hidden_while_crossing_is_counted_at_the_middle_of_the_gap() -> None:
    hidden: list[Place | None] = [(50, 250), None, None, None, (150, 250)]

    (crossing,) = walk(DOWN, hidden)

    assert (crossing.frame, crossing.time_s) == (3, pytest.approx(0.2))


def test_who_is_not_among_the_tracks_for_a_while_keeps_the_side() -> None:
    counter = LineCounter([DOWN])
    counter.update([person([(0.0, (50, 250))])], 1, 0.0)
    for frame in range(2, 30):
        counter.update([], frame, (frame - 1) / 10)

    crossings = counter.update([person([(2.9, (150, 250))])], 30, 2.9)

    assert ways(crossings) == [Direction.FORWARD]


def test_a_number_unseen_for_long_is_forgotten() -> None:
    counter = LineCounter([DOWN])
    counter.update([person([(0.0, (50, 250))])], 1, 0.0)
    counter.update([], 2, 60.0)

    assert counter.update([person([(60.1, (150, 250))])], 3, 60.1) == ()


def test_a_crossing_during_the_trial_is_reported_with_its_own_frame() -> None:
    counter = LineCounter([DOWN])
    for frame in range(1, 8):
        counter.update([], frame, (frame - 1) / 10)
    trial = [(n / 10, (60.0 + 20 * n, 250.0)) for n in range(8)]

    (crossing,) = counter.update([person(trial)], 8, 0.7)

    # x = 60 + 20 n passes 100 at n = 2: the third frame.
    assert crossing.frame == 3


def test_two_people_and_two_lines_are_kept_apart() -> None:
    counter = LineCounter([DOWN, RIGHTWARDS])
    counter.update(
        [person([(0.0, (50, 150))], number=1), person([(0.0, (300, 150))], number=2)], 1, 0.0
    )
    crossings = counter.update(
        [person([(0.1, (150, 150))], number=1), person([(0.1, (300, 250))], number=2)], 2, 0.1
    )

    assert [(c.line, c.direction, c.track) for c in crossings] == [
        ("down", Direction.FORWARD, 1),
        ("across", Direction.BACKWARD, 2),
    ]


@given(st.lists(st.tuples(st.floats(0, 200), st.floats(100, 400)), min_size=2, max_size=30))
def test_forward_and_backward_differ_by_the_sides_of_the_first_and_last_step(
    places: list[Place],
) -> None:
    clear: list[Place] = [(10.0, 250.0), *places, (190.0, 250.0)]

    crossed = ways(walk(DOWN, clear))

    assert crossed.count(Direction.FORWARD) - crossed.count(Direction.BACKWARD) == 1


@given(st.lists(st.tuples(st.floats(0, 200), st.floats(100, 400)), max_size=30))
def test_the_two_directions_of_one_person_take_turns(places: list[Place]) -> None:
    crossed = ways(walk(DOWN, [(10.0, 250.0), *places]))

    assert crossed == [Direction.FORWARD, Direction.BACKWARD] * (len(crossed) // 2) + [
        Direction.FORWARD
    ] * (len(crossed) % 2)


GOOD = '[[line]]\nname = "path"\nstart = [10, 20]\nend = [30.5, 40]\n'


def written(folder: Path, text: str) -> Path:
    path = folder / "LINES.toml"
    path.write_text(text)
    return path


def test_lines_are_read_from_toml(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD + '[[line]]\nname = "gate"\nstart = [0, 0]\nend = [9, 0]\n')

    assert load_lines(path) == (
        Line("path", (10.0, 20.0), (30.5, 40.0)),
        Line("gate", (0.0, 0.0), (9.0, 0.0)),
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[line]\n", ["is not valid TOML", "line 1"]),
        ("", ["has no line", "[[line]]"]),
        ("line = 5\n", ["has no line", "[[line]]"]),
        ("line = [5]\n", ["[[line]] 1", "not a table"]),
        ('[line]\nname = "a"\n', ["two brackets"]),
        ("[[lines]]\n", ["'lines'", "[[line]]"]),
        ("[[line]]\nstart = [1, 2]\nend = [3, 4]\n", ["[[line]] 1", "name is missing"]),
        (
            GOOD + '[[line]]\nname = "b"\nstart = [1, 2]\n',
            ["[[line]] 2", "end is missing", "[x, y]"],
        ),
        (GOOD + "strat = [1, 2]\n", ["[[line]] 1", "'strat'", "nearest valid key is 'start'"]),
        (GOOD.replace("[10, 20]", "[10]"), ["[[line]] 1 (path)", "start", "two numbers"]),
        (GOOD.replace("[10, 20]", "[1, 2, 3]"), ["start", "two numbers"]),
        (GOOD.replace("[10, 20]", '["1", 2]'), ["start", "two numbers"]),
        (GOOD.replace("[10, 20]", "[true, 2]"), ["start", "two numbers"]),
        (GOOD.replace("[10, 20]", "[nan, 2]"), ["start", "two numbers"]),
        (GOOD.replace("[10, 20]", "7"), ["start", "two numbers"]),
        (GOOD.replace("[30.5, 40]", "[10, 20]"), ["[[line]] 1 (path)", "same point"]),
        (GOOD + GOOD, ["[[line]] 2", "'path'", "[[line]] 1", "own name"]),
        (GOOD.replace('"path"', "7"), ["[[line]] 1", "name = 7"]),
        (GOOD.replace('"path"', '" "'), ["[[line]] 1", "name"]),
    ],
)
def test_a_mistake_names_file_table_key_and_cure(
    tmp_path: Path, text: str, told: list[str]
) -> None:
    path = written(tmp_path, text)

    with pytest.raises(LinesError) as caught:
        load_lines(path)

    assert [part for part in [str(path), *told] if part not in str(caught.value)] == []


def test_a_file_that_is_not_there_is_told_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(LinesError, match=r"LINES\.toml: cannot be read"):
        load_lines(tmp_path / "LINES.toml")


def test_a_file_that_is_no_text_is_told(tmp_path: Path) -> None:
    path = tmp_path / "LINES.toml"
    path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(LinesError, match="UTF-8"):
        load_lines(path)


def test_a_line_along_the_border_is_inside_the_picture() -> None:
    check_inside([Line("border", (0, 0), (768, 576))], 768, 576)


@pytest.mark.parametrize("end", [(769, 10), (10, 577), (-1, 10), (10, -1)])
def test_a_line_outside_the_picture_is_told_with_the_size(end: Place) -> None:
    with pytest.raises(LinesError, match=r"'far': end = .* outside .* 768 x 576"):
        check_inside([Line("far", (5, 5), end)], 768, 576)


def test_who_is_pushed_over_a_line_without_walking_is_not_counted() -> None:
    # A box that half hides somebody moves their feet by almost a fifth of a body, for good.
    assert walk(DOWN, [(91, 250), *[(109, 250)] * 30]) == []


def test_who_then_walks_on_is_counted_at_the_passage() -> None:
    (crossing,) = walk(DOWN, [(91, 250), *[(109, 250)] * 5, (125, 250)])

    assert crossing.time_s == pytest.approx(0.05)


def test_a_way_that_took_longer_than_anybody_walks_is_none() -> None:
    creep: list[Place] = [(85 + 0.4 * k, 250) for k in range(80)]

    assert walk(DOWN, creep) == []


def test_a_crossing_has_the_speed_of_the_steps_around_it() -> None:
    asked: list[list[float]] = []

    def speed_of(steps: Sequence[FootPoint]) -> float:
        asked.append([step.time_s for step in steps])
        return 1.25

    counter = LineCounter([DOWN], speed_of=speed_of)
    crossings = [
        crossing
        for k in range(50)
        for crossing in counter.update([person([(k / 10, (10 + 3.0 * k, 250))])], k + 1, k / 10)
    ]

    # 100 px are passed at 3.0 s, and 8 px clear of the line it is at 3.3 s.
    assert [crossing.speed_m_s for crossing in crossings] == [1.25]
    assert (asked[0][0], asked[0][-1]) == (pytest.approx(1.0), pytest.approx(3.3))
