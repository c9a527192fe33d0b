"""What is drawn into a picture, and the sentences about what cannot work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.people.geometry import (
    Point,
    check_polygon,
    depth,
    errors,
    errors_in_picture,
    warnings,
)

SIZE = (768, 576)
HOLE: tuple[Point, ...] = ((100, 100), (300, 100), (300, 300), (100, 300))


@dataclass(frozen=True)
class Drawn:
    name: str = "gate"
    start: Point = (100, 400)
    end: Point = (600, 400)


@dataclass(frozen=True)
class Polygon:
    polygon: tuple[Point, ...] = HOLE
    name: str = "bench"


@dataclass(frozen=True)
class Plane:
    picture: tuple[Point, ...] = ((150, 300), (550, 300), (700, 560), (0, 560))
    metres: tuple[Point, ...] = ((0, 8), (6, 8), (6, 0), (0, 0))


@dataclass(frozen=True)
class Layout:
    line: Sequence[Drawn] = (Drawn(),)
    zone: Sequence[Polygon] = ()
    mask: Sequence[Polygon] = ()
    ground: Plane | None = None


def test_a_good_layout_has_nothing_said_of_it() -> None:
    layout = Layout(zone=(Polygon(),), mask=(Polygon(((600, 0), (700, 0), (700, 90))),))
    layout = Layout(layout.line, layout.zone, layout.mask, Plane())
    assert [*errors(layout), *errors_in_picture(layout, *SIZE), *warnings(layout)] == []


@pytest.mark.parametrize(
    ("corners", "says"),
    [
        (((0, 0), (100, 100), (100, 0), (0, 100)), r"crosses itself.*\[0, 0\] to \[100, 100\]"),
        (((0, 0), (50, 50), (100, 100)), "enclose no area"),
        (((0, 0), (0, 0), (100, 0), (0, 100)), "corner 1 at .* comes twice in a row"),
        (((0, 0), (100, 0), (0, 100), (0, 0)), "corner 4 at .* comes twice in a row"),
        (((0, 0), (100, 0), (100, 100), (50, -50), (0, 100)), "crosses itself"),
    ],
)
def test_corners_that_are_no_polygon_are_refused(corners: tuple[Point, ...], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        check_polygon(corners)


def test_a_hollow_polygon_is_one() -> None:
    ell = ((0, 0), (100, 0), (100, 100), (200, 100), (200, 200), (0, 200))
    assert check_polygon(ell) == ell


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (Drawn(end=(769, 400)), "line 'gate': end = [769, 400] is outside the picture"),
        (Drawn(start=(100, 577)), "line 'gate': start = [100, 577] is outside the picture"),
        # Three hundredths of 576 are 17 px, of 768 are 23.
        (Drawn(start=(0, 570), end=(768, 566)), "within 17 pixels of the bottom edge"),
        (Drawn(start=(0, 0), end=(768, 16)), "within 17 pixels of the top edge"),
        (Drawn(start=(3, 0), end=(22, 576)), "within 23 pixels of the left edge"),
        (Drawn(start=(750, 0), end=(760, 576)), "within 23 pixels of the right edge"),
    ],
)
def test_a_line_that_cannot_be_crossed_in_the_picture_is_named(line: Drawn, says: str) -> None:
    (said,) = errors_in_picture(Layout((line,)), *SIZE)
    assert says in said


def test_the_way_to_move_a_line_inwards_is_named() -> None:
    line = Drawn(start=(0, 590), end=(768, 592))
    (said,) = errors_in_picture(Layout((line,)), 768, 600)
    # 18 px are three hundredths of 600; its end nearest to the middle is 10 px from the edge.
    assert "move it 8 pixels inwards" in said


def test_a_line_from_edge_to_edge_is_well() -> None:
    lines = (Drawn(start=(0, 300), end=(768, 300)), Drawn("b", (400, 0), (400, 576)))
    assert not [*errors_in_picture(Layout(lines), *SIZE)]


def test_a_zone_outside_the_picture_is_named_with_its_corner() -> None:
    zone = Polygon(((100, 100), (800, 100), (100, 300)))
    (said,) = errors_in_picture(Layout(zone=(zone,)), *SIZE)
    assert said.startswith("zone 'bench': corner [800, 100] is outside the picture")


def test_a_mask_that_covers_nothing_is_named() -> None:
    mask = Polygon(((800, 0), (900, 0), (900, 90)))
    (said,) = errors_in_picture(Layout(mask=(mask,)), *SIZE)
    assert said.startswith("mask 1 covers nothing")


def test_a_line_inside_a_mask_is_an_error_and_one_partly_in_it_a_warning() -> None:
    inside, partly = (
        Drawn(start=(120, 200), end=(280, 200)),
        Drawn(start=(200, 200), end=(400, 200)),
    )
    layouts = [Layout((line,), mask=(Polygon(),)) for line in (inside, partly)]
    assert [len([*errors(layout)]) for layout in layouts] == [1, 0]
    assert "line 'gate' lies inside mask 1" in next(errors(layouts[0]))
    assert "lies to 52% inside mask 1" in next(warnings(layouts[1]))


def test_a_zone_inside_a_mask_is_an_error() -> None:
    zone = Polygon(((120, 120), (200, 120), (200, 200)))
    (said,) = errors(Layout(zone=(zone,), mask=(Polygon(),)))
    assert said.startswith("zone 'bench' lies inside mask 1")


def test_lines_that_cross_are_only_warned_of() -> None:
    layout = Layout((Drawn(), Drawn("door", (300, 300), (300, 500))))
    assert not [*errors(layout)]
    (said,) = warnings(layout)
    assert said.startswith("lines 'gate' and 'door' cross")


@pytest.mark.parametrize(
    "other", [Drawn("b", (100, 410), (600, 410)), Drawn("b", (601, 400), (700, 400))]
)
def test_lines_beside_or_behind_each_other_do_not_cross(other: Drawn) -> None:
    assert not [*warnings(Layout((Drawn(), other)))]


def test_a_line_beyond_the_horizon_is_named() -> None:
    # The sides of the trapezium meet at y = 105: (150, 300)-(0, 560) and (550, 300)-(700, 560)
    # are 400 px apart at 300 and 700 px at 560, so 0 at 300 - 400 / (300 / 260).
    line = Drawn(start=(100, 400), end=(600, -60))
    (said,) = errors(Layout((line,), ground=Plane()))
    assert said.startswith("line 'gate': end = [600, -60] lies beyond the horizon")


def test_a_line_where_pixels_are_too_coarse_is_named() -> None:
    # The horizon is at -46.7: at y the map goes with 1 / (y + 46.7).
    line = Drawn(start=(100, 400), end=(300, -40))
    (said,) = errors(Layout((line,), ground=Plane()))
    assert "so near the horizon of the ground plane that a pixel is" in said


points = st.tuples(st.integers(0, 50), st.integers(0, 50))


@given(st.lists(points, min_size=3, max_size=8))
def test_any_corners_are_refused_with_a_sentence_or_enclose_something(corners: list[Point]) -> None:
    try:
        polygon = check_polygon(tuple(corners))
    except ValueError as error:
        assert "; " in str(error)  # noqa: PT017 - either is right
    else:
        deepest = max(depth(polygon, (x / 4, y / 4)) for x in range(201) for y in range(201))
        assert deepest > 0


@given(st.lists(points, min_size=3, max_size=6), points)
def test_inside_does_not_depend_on_where_the_corners_begin_or_which_way_they_go(
    corners: list[Point], point: Point
) -> None:
    try:
        check_polygon(tuple(corners))
    except ValueError:
        return
    turned = [*corners[1:], corners[0]]
    found = [depth(order, point) for order in (corners, turned, corners[::-1])]
    assert found == pytest.approx([found[0]] * 3)
