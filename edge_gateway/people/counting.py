"""From a picture to crossings: detector, tracker and lines in one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from edge_gateway.people.detect import LOWEST_SCORE, Boxes, Picture
from edge_gateway.people.lines import Crossing, Line, LineCounter
from edge_gateway.people.track import Track, Tracker


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


class PeopleCounter:
    """Counts people over lines, picture by picture; times grow, frames count from 1."""

    def __init__(self, detector: FindsPeople, lines: Sequence[Line]) -> None:
        self._detector = detector
        self._tracker = Tracker()
        self._lines = LineCounter(lines)

    def update(self, picture: Picture, frame: int, time_s: float) -> CountedFrame:
        """Take the next picture."""
        boxes = self._detector.detect(picture)
        tracks = self._tracker.update(boxes, time_s)
        return CountedFrame(boxes, tracks, self._lines.update(tracks, frame, time_s))
