"""What the counter's loop looks at pictures with: roles that tests can play too."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from edge_gateway.people.boundary import EncodedPicture
from edge_gateway.people.detect import Boxes
from edge_gateway.people.frame import Picture
from edge_gateway.people.lines import Crossing
from edge_gateway.people.sight import View
from edge_gateway.people.track import Track


class Counted(Protocol):
    """What the counting of one picture gives."""

    @property
    def boxes(self) -> Boxes:
        """Every response of the detector, down to a low score."""
        ...

    @property
    def tracks(self) -> Sequence[Track]:
        """The people followed at the moment."""
        ...

    @property
    def crossings(self) -> Sequence[Crossing]:
        """Who crossed a line."""
        ...


class Counting(Protocol):
    """Detector, tracker and lines, from one cut of the source to the next."""

    def update(self, picture: Picture, frame_number: int, time_s: float, /) -> Counted:
        """Look at the next picture."""
        ...


class Scene(Protocol):
    """What may be shown of a place: learnt from its pictures, without anyone in it."""

    def learn(self, picture: Picture, boxes: Boxes, time_s: float) -> None:
        """Take in a picture and where people may be in it."""
        ...

    def forget(self) -> None:
        """Withhold what was learnt: it may be another place now."""
        ...

    def draw(self, tracks: Iterable[Track], monotonic_ns: int) -> EncodedPicture:
        """Draw people as markers on what is learnt."""
        ...


class Judge(Protocol):
    """Whether the pictures show anything."""

    def look(self, picture: Picture, now_s: float) -> View:
        """Judge the next picture."""
        ...


@dataclass(frozen=True, slots=True)
class Eyes:
    """What pictures are looked at with.

    `counting` makes the chain of detector, tracker and lines, anew after every cut; `scene` the
    anonymizer for a width and height, called only when pictures may leave at all; `model` is the
    hash of the detector's file. `sight` makes the judge of pictures whose masked pixels it is
    told; None trusts them all.
    """

    counting: Callable[[], Counting]
    scene: Callable[[int, int], Scene]
    model: str
    sight: Callable[[NDArray[np.bool_]], Judge] | None = None
