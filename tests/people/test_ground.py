"""The ground plane, by numbers worked by hand and by a camera made here of its own formulas."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.people.ground import FASTEST_M_S, GroundPlane
from edge_gateway.people.track import FootPoint

Place = tuple[float, float]
SQUARE: list[Place] = [(0, 0), (2, 0), (2, 1), (0, 1)]
# Straight down from 10 m: 100 px a metre, both ways.
ABOVE = GroundPlane([(0, 0), (400, 0), (400, 200), (0, 200)], [(0, 0), (4, 0), (4, 2), (0, 2)])


@dataclass(frozen=True)
class Camera:
    """A pinhole at `height_m`, looking along +y and down by `tilt` (rad); x to the right."""

    height_m: float = 4.0
    tilt: float = math.radians(30)
    focal_px: float = 600.0
    middle: Place = (384.0, 288.0)

    def see(self, place: Place) -> Place:
        x, y = place
        ahead = y * math.cos(self.tilt) + self.height_m * math.sin(self.tilt)
        below = self.height_m * math.cos(self.tilt) - y * math.sin(self.tilt)
        return (
            self.middle[0] + self.focal_px * x / ahead,
            self.middle[1] + self.focal_px * below / ahead,
        )

    @property
    def horizon_px(self) -> float:
        return self.middle[1] - self.focal_px * math.tan(self.tilt)

    def plane(self) -> GroundPlane:
        corners: list[Place] = [(-2, 12), (2, 12), (2, 5), (-2, 5)]
        return GroundPlane([self.see(corner) for corner in corners], corners)


def test_the_four_points_are_where_they_were_measured() -> None:
    picture: list[Place] = [(150, 300), (550, 300), (700, 560), (0, 560)]
    metres: list[Place] = [(0, 8), (6, 8), (6, 0), (0, 0)]
    plane = GroundPlane(picture, metres)
    found = [place for point in picture if (place := plane.to_metres(point))]
    assert [x for x, _ in found] == pytest.approx([0, 6, 6, 0], abs=1e-9)
    assert [y for _, y in found] == pytest.approx([8, 8, 0, 0], abs=1e-9)


def test_from_straight_above_a_pixel_is_a_centimetre_everywhere() -> None:
    assert ABOVE.to_metres((350, 50)) == pytest.approx((3.5, 0.5))
    assert ABOVE.metres_per_px((10, 10)) == pytest.approx(0.01)


def test_the_middle_of_a_trapezium_is_where_its_diagonals_cross() -> None:
    # A square metre seen as a trapezium: diagonals (0,0)-(3,2) and (4,0)-(1,2) cross at (2, 4/3).
    plane = GroundPlane([(0, 0), (4, 0), (3, 2), (1, 2)], [(0, 0), (1, 0), (1, 1), (0, 1)])
    assert plane.to_metres((2, 4 / 3)) == pytest.approx((0.5, 0.5))


def test_beyond_the_horizon_there_is_no_ground() -> None:
    camera = Camera()
    plane = camera.plane()
    assert plane.to_metres((384, camera.horizon_px + 1)) is not None
    assert plane.to_metres((384, camera.horizon_px - 1)) is None


def test_far_away_a_pixel_is_more_metres() -> None:
    camera = Camera()
    plane = camera.plane()
    near, far = (plane.metres_per_px(camera.see((0, y))) for y in (5.0, 12.0))
    assert near is not None
    assert far is not None
    assert far > 2 * near


@pytest.mark.parametrize(
    ("picture", "says"),
    [
        ([(0, 0), (1, 0), (2, 0), (0, 1)], "points 1, 2, 3 of picture lie almost on one line"),
        ([(0, 0), (0, 0), (2, 2), (0, 1)], "points 1, 2, 3 of picture lie almost on one line"),
        ([(0, 0), (100, 0), (200, 1), (0, 100)], "points 1, 2, 3 of picture"),
        ([(0, 0), (2, 1), (2, 0), (0, 1)], "do not go around an area"),
        ([(0, 0), (4, 0), (1, 1), (0, 4)], "do not go around an area"),
        ([(0, 0), (4, 0), (1, 1)], "has 3 points; give four"),
    ],
)
def test_points_that_span_no_plane_are_refused(picture: list[Place], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        GroundPlane(picture, SQUARE)


def test_the_measured_side_is_checked_as_well() -> None:
    with pytest.raises(ValueError, match="of metres"):
        GroundPlane(SQUARE, [(0, 0), (2, 1), (2, 0), (0, 1)])


cameras = st.builds(
    Camera,
    height_m=st.floats(2, 12),
    tilt=st.floats(math.radians(15), math.radians(80)),
    focal_px=st.floats(300, 1500),
)


@given(cameras, st.floats(-3, 3), st.floats(3, 15))
def test_ground_to_picture_and_back_is_the_same_place(camera: Camera, x: float, y: float) -> None:
    plane = camera.plane()
    point = plane.to_picture((x, y))
    assert point == pytest.approx(camera.see((x, y)), rel=1e-6, abs=1e-6)
    assert plane.to_metres(point) == pytest.approx((x, y), abs=1e-5)


@given(st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 1000)), min_size=4, max_size=4))
def test_any_four_points_are_refused_or_map_to_themselves(points: list[Place]) -> None:
    try:
        plane = GroundPlane(points, SQUARE)
    except ValueError:
        return
    for point, place in zip(points, SQUARE, strict=True):
        assert plane.to_metres(point) == pytest.approx(place, abs=1e-6)


def walk(camera: Camera, heading: float, jitter_px: float, draw: random.Random) -> list[FootPoint]:
    """Two seconds at 1.4 m/s through (0, 7), ten pictures a second."""
    steps: list[FootPoint] = []
    for k in range(21):
        along = 1.4 * (k / 10 - 1)
        x, y = camera.see((along * math.cos(heading), 7 + along * math.sin(heading)))
        x, y = x + draw.gauss(0, jitter_px), y + draw.gauss(0, jitter_px)
        steps.append(FootPoint(k / 10, x, y))
    return steps


@given(cameras, st.floats(0, 2 * math.pi))
def test_a_walker_is_read_exactly_where_feet_are(camera: Camera, heading: float) -> None:
    steps = walk(camera, heading, 0, random.Random(1))
    assert camera.plane().speed_m_s(steps) == pytest.approx(1.4, rel=1e-6)


@given(st.floats(0, 2 * math.pi), st.integers(0, 10**6))
def test_a_walker_is_read_within_three_per_cent(heading: float, seed: int) -> None:
    """With feet that jitter by half a pixel."""
    steps = walk(Camera(), heading, 0.5, random.Random(seed))
    assert Camera().plane().speed_m_s(steps) == pytest.approx(1.4, rel=0.03)


def test_the_mean_of_fifty_walkers_is_right_within_three_per_cent_as_feet_are_tracked() -> None:
    """A body of 1.7 m is about 120 px high there; tracked feet jitter by 0.02 of that."""
    draw, plane = random.Random(7), Camera().plane()
    walks = [walk(Camera(), draw.uniform(0, 2 * math.pi), 2.4, draw) for _ in range(50)]
    speeds = [speed for steps in walks if (speed := plane.speed_m_s(steps)) is not None]
    assert sum(speeds) / 50 == pytest.approx(1.4, rel=0.03)
    assert max(abs(speed / 1.4 - 1) for speed in speeds) < 0.12


def test_one_step_that_jumped_changes_nothing() -> None:
    steps = [FootPoint(k / 10, 14.0 * k, 100.0) for k in range(21)]
    steps[10] = FootPoint(1.0, 390.0, 0.0)
    assert ABOVE.speed_m_s(steps) == pytest.approx(1.4)


def test_who_was_seen_for_less_than_a_second_has_no_speed() -> None:
    assert ABOVE.speed_m_s([FootPoint(k / 10, 14.0 * k, 100.0) for k in range(10)]) is None


def test_who_stands_has_the_speed_of_zero() -> None:
    assert ABOVE.speed_m_s([FootPoint(k / 10, 200.0, 100.0) for k in range(20)]) == 0


def test_a_speed_that_nobody_has_is_none() -> None:
    jump = 200 * FASTEST_M_S
    assert ABOVE.speed_m_s([FootPoint(0, 0, 0), FootPoint(1, jump, 0)]) is None
