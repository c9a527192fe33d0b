"""The street as a plan: from pixels of the picture to metres of the ground, and to speeds.

Four points of flat ground, known in the picture and on the street, fix a homography (Hartley and
Zisserman, Multiple View Geometry, 2nd edition, section 4.1); it goes through the unit square,
whose map to four corners is closed (Heckbert, Fundamentals of Texture Mapping, 1989, section
2.2.3).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import combinations
from statistics import median
from typing import Final, Protocol, TypeAlias

Point: TypeAlias = tuple[float, float]
Matrix: TypeAlias = tuple[float, float, float, float, float, float, float, float, float]
"""Three rows of three."""

CORNERS: Final = 4
FLATTEST: Final = 0.03
"""A corner must stand off the line through two others by this share of the longest side."""
BASELINE_S: Final = 1.0
"""A foot point jitters by some centimetres: steps this far apart are compared, and no nearer."""
FASTEST_M_S: Final = 15.0
"""Who is faster was not one person: the track jumped."""


class Step(Protocol):
    """Where somebody stood, in pixels, and when."""

    @property
    def time_s(self) -> float:
        """When."""
        ...

    @property
    def x(self) -> float:
        """Pixels to the right."""
        ...

    @property
    def y(self) -> float:
        """Pixels down."""
        ...


class GroundPlane:
    """Maps a place in the picture (px) to a place on the ground (m).

    Both are four points in the same order around; ValueError says what is wrong with them.
    """

    def __init__(self, picture: Sequence[Point], metres: Sequence[Point]) -> None:
        _check_corners("picture", picture)
        _check_corners("metres", metres)
        to_square = _adjugate(_from_square(picture))
        matrix = _product(_from_square(metres), to_square)
        # The four points themselves are before the camera: there the last row is positive.
        sign = math.copysign(1.0, _scale(matrix, picture[0]))
        a, b, c, d, e, f, g, h, i = (sign * value for value in matrix)
        self._matrix: Matrix = (a, b, c, d, e, f, g, h, i)
        self._inverse = _adjugate(self._matrix)

    def to_metres(self, point: Point) -> Point | None:
        """The place on the ground; None at the horizon and beyond it."""
        if _scale(self._matrix, point) <= 0:
            return None
        return _mapped(self._matrix, point)

    def to_picture(self, place: Point) -> Point:
        """Where a place on the ground that is before the camera stands in the picture."""
        return _mapped(self._inverse, place)

    def metres_per_px(self, point: Point) -> float | None:
        """How many metres the next pixel is away, in the direction where it is farthest."""
        here = self.to_metres(point)
        if here is None:
            return None
        steps = [(math.cos(k * math.pi / 8), math.sin(k * math.pi / 8)) for k in range(16)]
        places = [self.to_metres((point[0] + dx, point[1] + dy)) for dx, dy in steps]
        return max(math.inf if place is None else math.dist(here, place) for place in places)

    def speed_m_s(self, steps: Sequence[Step]) -> float | None:
        """How fast somebody walked; None where it cannot be told.

        Along each axis it is the median of the slopes between all steps at least `BASELINE_S`
        apart (Theil-Sen), so no single step decides.
        """
        places = [
            (step.time_s, place)
            for step in steps
            if (place := self.to_metres((step.x, step.y))) is not None
        ]
        slopes = [
            ((there[0] - here[0]) / (later - sooner), (there[1] - here[1]) / (later - sooner))
            for (sooner, here), (later, there) in combinations(places, 2)
            if later - sooner >= BASELINE_S - 1e-6
        ]
        if not slopes:
            return None
        speed = math.hypot(median(x for x, _ in slopes), median(y for _, y in slopes))
        return speed if speed <= FASTEST_M_S else None


def _check_corners(what: str, corners: Sequence[Point]) -> None:
    if len(corners) != CORNERS:
        raise ValueError(f"{what} has {len(corners)} points; give four")
    for trio in combinations(range(CORNERS), 3):
        a, b, c = (corners[k] for k in trio)
        longest = max(math.dist(a, b), math.dist(b, c), math.dist(a, c))
        if longest == 0 or abs(_turn(a, b, c)) < FLATTEST * longest**2:
            named = ", ".join(str(k + 1) for k in trio)
            raise ValueError(
                f"points {named} of {what} lie almost on one line; choose four corners of an area"
                " as long and as wide as the street allows"
            )
    turns = [
        _turn(corners[k], corners[(k + 1) % CORNERS], corners[(k + 2) % CORNERS]) > 0
        for k in range(CORNERS)
    ]
    if len(set(turns)) > 1:
        raise ValueError(
            f"the points of {what} do not go around an area; give them in order around it, the same"
            " order in picture and metres"
        )


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _from_square(corners: Sequence[Point]) -> Matrix:
    """The homography that takes (0, 0), (1, 0), (1, 1), (0, 1) to the corners."""
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = corners
    sum_x, sum_y = x0 - x1 + x2 - x3, y0 - y1 + y2 - y3
    dx1, dy1, dx2, dy2 = x1 - x2, y1 - y2, x3 - x2, y3 - y2
    whole = dx1 * dy2 - dx2 * dy1
    g = (sum_x * dy2 - dx2 * sum_y) / whole
    h = (dx1 * sum_y - sum_x * dy1) / whole
    across = (x1 - x0 + g * x1, x3 - x0 + h * x3, x0)
    down = (y1 - y0 + g * y1, y3 - y0 + h * y3, y0)
    return (*across, *down, g, h, 1.0)


def _adjugate(m: Matrix) -> Matrix:
    """The inverse but for a factor, which a homography does not feel."""
    a, b, c, d, e, f, g, h, i = m
    return (
        *(e * i - f * h, c * h - b * i, b * f - c * e),
        *(f * g - d * i, a * i - c * g, c * d - a * f),
        *(d * h - e * g, b * g - a * h, a * e - b * d),
    )


def _product(m: Matrix, n: Matrix) -> Matrix:
    rows, columns = (m[0:3], m[3:6], m[6:9]), (n[0::3], n[1::3], n[2::3])
    a, b, c, d, e, f, g, h, i = (_dot(row, column) for row in rows for column in columns)
    return a, b, c, d, e, f, g, h, i


def _dot(row: Iterable[float], column: Iterable[float]) -> float:
    return sum(left * right for left, right in zip(row, column, strict=True))


def _scale(m: Matrix, point: Point) -> float:
    return m[6] * point[0] + m[7] * point[1] + m[8]


def _mapped(m: Matrix, point: Point) -> Point:
    scale = _scale(m, point)
    x, y = point
    return (m[0] * x + m[1] * y + m[2]) / scale, (m[3] * x + m[4] * y + m[5]) / scale
