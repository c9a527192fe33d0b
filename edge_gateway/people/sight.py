"""Whether the camera shows what it is there to show: dark, covered, out of focus, turned away.

Thresholds stand on four clips (a car park, a shop, two rooms) with darkness, noise, blur and
covers put in, and on the share of people that the shipped detector then still found.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_gateway.people.boundary import SourceState
from edge_gateway.people.detail import (
    Band,
    Bands,
    Detail,
    Layout,
    aligned,
    bands_of,
    detail_of,
    likeness,
    shift_between,
    small_copy,
)
from edge_gateway.people.frame import Picture

LOOK_EVERY_S: Final = 0.3
"""Two pictures are compared so far apart at least; what lies between them is not looked at."""
DARK_LEVEL: Final = 20
"""The brightest level, short of lamps, of a dark picture. The detector lost half of the people
between 12 (car park) and 28 (a room)."""
LAMP_SHARE: Final = 0.02
"""A smaller share of the picture above that level is a lamp or a clock, and does not light it."""
BLIND_LEVEL: Final = 40.0
"""A picture without detail is dark up to this mean level: a covered sensor's gain lifts its noise
to 16 or so; above it something is in front of a lens that light reaches."""
LEAST_CONTRAST: Final = 0.6
"""Levels of coarse detail. The clips have 10 to 25, at a tenth of the light 0.95 to 2.5; with a
hand on the lens it is 0.2, with nothing but noise of 15 levels 0.2 to 0.4."""
LEAST_SHARPNESS: Final = 0.22
"""In focus the clips have 0.57 to 1.04, whatever light and noise; where a blur has cost half of
the people (a standard deviation of 5/768 of the width) 0.19 to 0.24."""
SHARPNESS_PAIRS: Final = 5
"""The median of so many pairs of pictures counts: in the dark one alone may be 0.06 off."""
SHARPNESS_SHARE: Final = 0.33
"""A lens that was sharper is out of focus already below this share of what it was: a blur of 3
to 4/768, which cost 7 to 57 % of the people."""
BLANK_SHARE: Final = 0.03
"""A cell is blank with so much of the power it had at the same light. Fog that leaves 0.4 of the
contrast leaves 0.16 of the power."""
LEAST_GAIN: Final = 0.3
"""Less light than this share of the usual is no excuse for fewer edges: it may be the cover's."""
BLOCKED_SHARE: Final = 0.6
"""So much of the place that had edges is blank when the lens is covered."""
TEXTURED_SHARE: Final = 0.5
"""The cells that count for that are the half with most edges."""
LEAST_LIKENESS: Final = 0.5
"""How like the learnt place a view is at least, and two pictures of a camera that stands still.
The clips have 0.69 to 1.0 also at a tenth of the light, moved by 8/768 of the width 0.34 to
0.61, by 12/768 at most 0.23, and mirrored at most 0.13."""
EASE: Final = 1.3
"""What was lost is back when it is so much better than it must be: states do not flicker."""
CONFIRM_S: Final = {
    SourceState.DARK: 2.0,
    SourceState.BLOCKED: 3.0,
    SourceState.BLURRED: 4.0,
}
"""So long it must last to be believed: somebody walks past the lens, an autofocus hunts."""
BACK_S: Final = 0.25
MOVED_S: Final = 2.5
"""A view must stay away so long, and still, to be another one: a pole swings in the wind."""
LEARN_FIRST_S: Final = 2.0
LEARN_S: Final = 120.0
"""Time constant of what the place looks like: the light changes in minutes."""
FADE_S: Final = 6 * 3600.0
"""Time constant by which it is forgotten how sharp the lens was: dew takes minutes."""
FARTHEST_SHAKE: Final = 1 / 20
"""Share of the width by which two pictures of a shaking camera may lie apart."""
_JITTER_S: Final = 0.02


@dataclass(frozen=True, slots=True)
class View:
    """What is thought of the pictures now.

    `state` is SEEING, DARK, BLOCKED or BLURRED. While `doubtful` the last pictures say otherwise,
    and may be proved right. While `elsewhere` they do not show the learnt place; `moved` is set
    once when that has lasted.
    """

    state: SourceState = SourceState.SEEING
    doubtful: bool = False
    elsewhere: bool = False
    moved: bool = False


class Sight:
    """Judges pictures of one size by each other and by what it has learnt of the place."""

    def __init__(self, hidden: NDArray[np.bool_] | None = None) -> None:
        """`hidden`, rows x columns, says which pixels a mask has blacked out."""
        self._hidden = hidden
        self._layout: Layout | None = None
        self._last: Bands | None = None
        self._last_s = -math.inf
        self._state = SourceState.SEEING
        self._tendency = SourceState.SEEING
        self._tendency_s = 0.0
        self._sharpness: deque[float] = deque(maxlen=SHARPNESS_PAIRS)
        self._place = _Place()
        self._away_s: float | None = None
        self._view = View()

    def look(self, picture: Picture, now_s: float) -> View:
        """Judge the next picture; times are seconds that grow."""
        elapsed_s = now_s - self._last_s
        if elapsed_s < LOOK_EVERY_S - _JITTER_S:
            return replace(self._view, moved=False)
        bands = bands_of(small_copy(picture))
        layout = self._layout = self._layout or Layout(bands, self._hidden)
        bands = layout.seen(bands)
        last, self._last, self._last_s = self._last, bands, now_s
        if last is None:
            return self._view
        detail, fault = self._judged(last, bands, layout)
        self._settle(fault, now_s)
        clear = self._state is SourceState.SEEING and self._tendency is SourceState.SEEING
        moved = clear and self._has_moved(last, bands, now_s)
        if moved:
            self._place, self._away_s = _Place(), None
        elif clear and self._away_s is None:
            self._place.learn(bands, detail, min(elapsed_s, LEARN_FIRST_S))
        doubtful = self._tendency is not self._state
        self._view = View(self._state, doubtful, self._away_s is not None, moved)
        return self._view

    def _judged(self, last: Bands, bands: Bands, layout: Layout) -> tuple[Detail, SourceState]:
        """Measure a pair of pictures; one that a shaking camera took is laid over the other."""
        detail = detail_of(last, bands, layout)
        fault = self._fault(bands, detail, detail.sharpness)
        if fault in (SourceState.BLOCKED, SourceState.BLURRED):
            shift = shift_between(last.coarse, bands.coarse)
            if shift != (0, 0) and max(map(abs, shift)) <= FARTHEST_SHAKE * max(last.grey.shape):
                steadied = detail_of(*aligned(last, bands, shift), layout)
                detail = steadied if steadied.contrast > detail.contrast else detail
        self._sharpness.append(detail.sharpness)
        if fault is not SourceState.SEEING or self._state is not SourceState.SEEING:
            fault = self._fault(bands, detail, sorted(self._sharpness)[len(self._sharpness) // 2])
        return detail, fault

    def _fault(self, bands: Bands, detail: Detail, sharpness: float) -> SourceState:
        """Name what is wrong with one pair of pictures; what is wrong already ends later."""
        ease = {state: EASE if state is self._state else 1.0 for state in CONFIRM_S}
        seen = self._layout.seen_share if self._layout else 1.0
        if bands.share_above(DARK_LEVEL * ease[SourceState.DARK]) < LAMP_SHARE * seen:
            return SourceState.DARK
        if detail.contrast < LEAST_CONTRAST * max(ease.values()):
            dark = float(np.mean(bands.grey)) < BLIND_LEVEL
            return SourceState.DARK if dark else SourceState.BLOCKED
        level = float(np.mean(bands.grey))
        blank = self._place.blank_share(detail.power, level, ease[SourceState.BLOCKED])
        if blank > BLOCKED_SHARE / ease[SourceState.BLOCKED]:
            return SourceState.BLOCKED
        needed = max(LEAST_SHARPNESS, SHARPNESS_SHARE * self._place.sharpness)
        if sharpness < needed * ease[SourceState.BLURRED]:
            return SourceState.BLURRED
        return SourceState.SEEING

    def _settle(self, fault: SourceState, now_s: float) -> None:
        """Believe what has lasted; two faults in turn are still no sight."""
        if fault is self._state:
            self._tendency = fault
            return
        fresh = self._tendency is self._state
        if fresh or SourceState.SEEING in (fault, self._tendency):
            self._tendency_s = self._tendency_s if self._tendency is fault else now_s
        self._tendency = fault
        if now_s - self._tendency_s >= CONFIRM_S.get(fault, BACK_S) - _JITTER_S:
            self._state = fault

    def _has_moved(self, last: Bands, bands: Bands, now_s: float) -> bool:
        """Whether the view has been another one than the learnt for long, and the same."""
        known = self._place.edges
        if known is None or likeness(known, bands.coarse) >= LEAST_LIKENESS:
            self._away_s = None
            return False
        if self._away_s is None or likeness(last.coarse, bands.coarse) < LEAST_LIKENESS:
            self._away_s = now_s
        return now_s - self._away_s >= MOVED_S


class _Place:
    """What the place looked like while it was seen well."""

    def __init__(self) -> None:
        self.sharpness = 0.0
        self.edges: Band | None = None
        self._power: Band | None = None
        self._level = 0.0
        self._age_s = 0.0

    def learn(self, bands: Bands, detail: Detail, elapsed_s: float) -> None:
        """Take in a pair of pictures that is beyond doubt."""
        self._age_s += elapsed_s
        share = elapsed_s / min(self._age_s, LEARN_S)
        fades = detail.sharpness < self.sharpness and self._age_s >= LEARN_S
        pace = elapsed_s / FADE_S if fades else share
        self.sharpness += pace * (detail.sharpness - self.sharpness)
        self._level += share * (float(np.mean(bands.grey)) - self._level)
        if self.edges is None or self._power is None:
            self.edges, self._power = bands.coarse.copy(), detail.power.copy()
        cv2.accumulateWeighted(bands.coarse, self.edges, share)
        cv2.accumulateWeighted(detail.power, self._power, share)

    def blank_share(self, power: Band, level: float, ease: float) -> float:
        """Share of the cells that had edges and have lost them beyond what the light explains."""
        if self._power is None or self._age_s < LEARN_FIRST_S:
            return 0.0
        gain = min(1.0, max(LEAST_GAIN, level / max(self._level, 1.0)))
        usual = self._power
        textured = np.argsort(usual)[round(usual.size * (1 - TEXTURED_SHARE)) :]
        blank = power[textured] < BLANK_SHARE * ease * gain**2 * usual[textured]
        return float(np.count_nonzero(blank)) / textured.size
