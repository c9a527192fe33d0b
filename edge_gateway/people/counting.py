"""From a picture to crossings: detector, tracker and lines in one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_gateway.people.boundary import Direction
from edge_gateway.people.detect import LOWEST_SCORE, Boxes
from edge_gateway.people.frame import Picture
from edge_gateway.people.ground import GroundPlane
from edge_gateway.people.lines import Crossing, Line, LineCounter
from edge_gateway.people.track import Track, Tracker
from edge_gateway.people.track_settings import TrackerSettings


class FindsPeople(Protocol):
    """What is asked of a detector."""

    def detect(self, frame: Picture, min_score: float = LOWEST_SCORE) -> Boxes:
        """People of one picture: left, top, width, height in pixels, score."""
        ...


@dataclass(frozen=True, slots=True)
class CountedFrame:
    """What one picture gave: all boxes, the people followed, and the crossings now certain."""

    boxes: Boxes
    tracks: tuple[Track, ...]
    crossings: tuple[Crossing, ...]


@dataclass(frozen=True, slots=True)
class Totals:
    """How many people crossed a line each way."""

    forward: int
    backward: int


class PeopleCounter:
    """Counts people over lines, picture by picture; times grow, frames count from 1.

    Pictures may be left out, each second one say: everything is reckoned in seconds. With the
    ground plane each crossing has a speed.
    """

    def __init__(
        self,
        detector: FindsPeople,
        lines: Sequence[Line],
        settings: TrackerSettings | None = None,
        *,
        ground: GroundPlane | None = None,
    ) -> None:
        self._detector = detector
        self._tracker = Tracker(settings)
        self._lines = LineCounter(lines, speed_of=ground.speed_m_s if ground else _unknown)

    def update(self, picture: Picture, frame: int, time_s: float) -> CountedFrame:
        """Take the next picture; ValueError when its time is not after that of the last."""
        boxes = self._detector.detect(picture)
        tracks = self._tracker.update(boxes, time_s)
        return CountedFrame(boxes, tracks, self._lines.update(tracks, frame, time_s))


def _unknown(steps: object) -> None:
    """Without a ground plane nobody's speed is known."""
    del steps


def totals(crossings: Iterable[Crossing], lines: Iterable[Line]) -> dict[str, Totals]:
    """Count crossings per line, in the order of the lines; one that nobody crossed has zeros."""
    ways = Counter((crossing.line, crossing.direction) for crossing in crossings)
    return {
        line.name: Totals(
            forward=ways[line.name, Direction.FORWARD], backward=ways[line.name, Direction.BACKWARD]
        )
        for line in lines
    }
