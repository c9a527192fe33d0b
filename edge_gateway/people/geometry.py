"""Whether lines, zones, masks and the ground plane can do what they are there for.

Coordinates are pixels of the source picture: x grows to the right, y grows downwards. Known
without the picture: shapes and how they lie to each other. Known with its size: what lies outside
of it, or so near its edge that feet are not seen there.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import combinations, pairwise
from typing import Final, Protocol, TypeAlias

from edge_gateway.people.ground import GroundPlane

Point: TypeAlias = tuple[float, float]

EDGE_SHARE: Final = 0.03
"""Feet must be seen on both sides of a line, a tenth of a body beyond it: of people a third as
high as the picture that is this share of it, and at its edges bodies are cut."""
LEAST_AREA: Final = 16.0
"""Square pixels of a polygon; less holds no foot point for long."""
COARSEST_M_PER_PX: Final = 0.5
"""Where a pixel is more metres of ground than this, a jitter of two is a walker's pace."""
_SAMPLES: Final = 21


class Segment(Protocol):
    """A line as the configuration has it."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def start(self) -> Point:
        """One end."""
        ...

    @property
    def end(self) -> Point:
        """The other end."""
        ...


class Area(Protocol):
    """A mask."""

    @property
    def polygon(self) -> tuple[Point, ...]:
        """Its corners, in order around it."""
        ...


class NamedArea(Area, Protocol):
    """A zone."""

    @property
    def name(self) -> str:
        """Its name."""
        ...


class Ground(Protocol):
    """Four points in the picture and on the street."""

    @property
    def picture(self) -> tuple[Point, ...]:
        """In pixels."""
        ...

    @property
    def metres(self) -> tuple[Point, ...]:
        """In metres."""
        ...


class Layout(Protocol):
    """All that is drawn into one picture."""

    @property
    def line(self) -> Sequence[Segment]:
        """The lines."""
        ...

    @property
    def zone(self) -> Sequence[NamedArea]:
        """The zones."""
        ...

    @property
    def mask(self) -> Sequence[Area]:
        """The masks."""
        ...

    @property
    def ground(self) -> Ground | None:
        """The ground plane, where there is one."""
        ...


def check_polygon(corners: tuple[Point, ...]) -> tuple[Point, ...]:
    """Return the corners; ValueError says why they are no polygon, and what to do."""
    for number, (here, there) in enumerate(_sides(corners), start=1):
        if here == there:
            raise ValueError(
                f"corner {number} at {_shown(here)} comes twice in a row; leave one of them out"
            )
    if all(abs(_turn(corners[0], corners[1], corner)) < LEAST_AREA for corner in corners):
        raise ValueError(
            f"the {len(corners)} corners enclose no area: they lie on one line; move one aside"
        )
    sides = list(enumerate(_sides(corners), start=1))
    for (first, one), (second, other) in combinations(sides, 2):
        neighbours = second - first == 1 or (first == 1 and second == len(sides))
        if not neighbours and _meet(*one, *other):
            raise ValueError(
                f"it crosses itself: the side from {_shown(one[0])} to {_shown(one[1])} meets that"
                f" from {_shown(other[0])} to {_shown(other[1])}; give the corners in order around"
            )
    if abs(_area(corners)) < LEAST_AREA:
        raise ValueError(
            f"the {len(corners)} corners enclose less than {LEAST_AREA:g} square pixels; move them"
            " apart"
        )
    return corners


def errors(layout: Layout) -> Iterator[str]:
    """Say what cannot work, whatever the size of the picture."""
    for line in layout.line:
        for number, mask in enumerate(layout.mask, start=1):
            if _masked_share(line, mask) == 1:
                yield (
                    f"line {line.name!r} lies inside mask {number}, where nobody is seen; move the"
                    " line, or make the mask smaller"
                )
    for zone in layout.zone:
        for number, mask in enumerate(layout.mask, start=1):
            if all(depth(mask.polygon, corner) >= 0 for corner in zone.polygon):
                yield (
                    f"zone {zone.name!r} lies inside mask {number}, where nobody is seen; move the"
                    " zone, or make the mask smaller"
                )
    if layout.ground is not None:
        plane = GroundPlane(layout.ground.picture, layout.ground.metres)
        for line in layout.line:
            yield from _beyond_horizon(line, plane)


def warnings(layout: Layout) -> Iterator[str]:
    """Say what works and may not be what was meant."""
    for one, other in combinations(layout.line, 2):
        if _meet(one.start, one.end, other.start, other.end):
            yield (
                f"lines {one.name!r} and {other.name!r} cross: who passes there is counted at both;"
                " move one of them if their counts are to be added"
            )
    for line in layout.line:
        for number, mask in enumerate(layout.mask, start=1):
            share = _masked_share(line, mask)
            if 0 < share < 1:
                yield (
                    f"line {line.name!r} lies to {share:.0%} inside mask {number}, where nobody is"
                    " seen to cross it; shorten the line, or make the mask smaller"
                )


def errors_in_picture(layout: Layout, width: int, height: int) -> Iterator[str]:
    """Say what cannot work in a picture of width x height pixels."""
    size = f"the picture, which is {width} x {height} pixels"
    places = f"choose x from 0 to {width}, y from 0 to {height}"
    for line in layout.line:
        for key, (x, y) in (("start", line.start), ("end", line.end)):
            if not (0 <= x <= width and 0 <= y <= height):
                yield f"line {line.name!r}: {key} = {_shown((x, y))} is outside {size}; {places}"
        yield from _near_edge(line, width, height)
    for zone in layout.zone:
        for x, y in zone.polygon:
            if not (0 <= x <= width and 0 <= y <= height):
                yield f"zone {zone.name!r}: corner {_shown((x, y))} is outside {size}; {places}"
    for number, mask in enumerate(layout.mask, start=1):
        across, down = zip(*mask.polygon, strict=True)
        if min(across) >= width or min(down) >= height:
            yield f"mask {number} covers nothing: it lies outside {size}; {places}"


def depth(corners: Sequence[Point], point: Point) -> float:
    """Distance of a point to the border of a polygon in px: > 0 inside, < 0 outside."""
    x, y = point
    inside, nearest = False, math.inf
    for (ax, ay), (bx, by) in _sides(corners):
        dx, dy = bx - ax, by - ay
        along = ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)
        share = min(max(along, 0.0), 1.0)
        nearest = min(nearest, math.hypot(ax + share * dx - x, ay + share * dy - y))
        if (ay > y) != (by > y) and x < ax + (y - ay) * dx / dy:
            inside = not inside
    return nearest if inside else -nearest


def _sides(corners: Sequence[Point]) -> Iterator[tuple[Point, Point]]:
    return pairwise((*corners, corners[0]))


def _area(corners: Sequence[Point]) -> float:
    return sum(ax * by - bx * ay for (ax, ay), (bx, by) in _sides(corners)) / 2


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _meet(a: Point, b: Point, c: Point, d: Point) -> bool:
    """Whether the segments ab and cd have a point in common, ends included."""
    turns = (_turn(a, b, c), _turn(a, b, d), _turn(c, d, a), _turn(c, d, b))
    if any(turns):
        return turns[0] * turns[1] <= 0 and turns[2] * turns[3] <= 0
    return all(
        max(min(a[k], b[k]), min(c[k], d[k])) <= min(max(a[k], b[k]), max(c[k], d[k]))
        for k in (0, 1)
    )


def _masked_share(line: Segment, mask: Area) -> float:
    (ax, ay), (bx, by) = line.start, line.end
    shares = [k / (_SAMPLES - 1) for k in range(_SAMPLES)]
    hidden = [depth(mask.polygon, (ax + s * (bx - ax), ay + s * (by - ay))) >= 0 for s in shares]
    return sum(hidden) / _SAMPLES


def _near_edge(line: Segment, width: int, height: int) -> Iterator[str]:
    (ax, ay), (bx, by) = line.start, line.end
    across, down = EDGE_SHARE * width, EDGE_SHARE * height
    edges = (
        ("left", across, max(ax, bx)),
        ("right", across, width - min(ax, bx)),
        ("top", down, max(ay, by)),
        ("bottom", down, height - min(ay, by)),
    )
    for edge, margin, farthest in edges:
        if 0 <= farthest < margin:
            yield (
                f"line {line.name!r} lies within {margin:.0f} pixels of the {edge} edge of the"
                " picture, where feet are not seen to cross it; move it"
                f" {margin - farthest:.0f} pixels inwards"
            )


def _beyond_horizon(line: Segment, plane: GroundPlane) -> Iterator[str]:
    for key, point in (("start", line.start), ("end", line.end)):
        scale = plane.metres_per_px(point)
        if scale is None:
            yield (
                f"line {line.name!r}: {key} = {_shown(point)} lies beyond the horizon of the ground"
                " plane, where there is no ground; correct [device.ground], or move the line"
            )
        elif scale > COARSEST_M_PER_PX:
            yield (
                f"line {line.name!r}: {key} = {_shown(point)} is so near the horizon of the ground"
                f" plane that a pixel is {scale:.1f} m; correct [device.ground], or move the line"
            )


def _shown(point: Point) -> str:
    return f"[{point[0]:g}, {point[1]:g}]"
