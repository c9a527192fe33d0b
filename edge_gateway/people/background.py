"""Learn the empty scene in front of a camera, withholding whatever may be a person.

Fails closed: a part of the scene is known only after evidence that nothing moved in it and that
no person detector responded there; all else is unknown and has no pixels. Evidence against a
known part withdraws it, and then much more is needed to bring it back.

What is kept of the frames is a running mean over half a second, the extremes of each cell since
it last moved, and the learnt scene: never a frame.
"""

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_gateway.people.cells import (
    FEWEST_CELLS,
    Bgr,
    Mask,
    disc,
    grown,
    largest_channel,
    largest_difference,
    share,
    shrunk,
    spread,
)
from edge_gateway.people.responses import Boxes, Responses, read_responses

Seconds: TypeAlias = NDArray[np.float32]

CELLS: Final = 192
"""Cells along the longer side: evidence is kept a cell, on means of some 4 x 4 pixels."""
DETAIL: Final = 2
"""Pixels of the learnt picture along a cell."""
TOGETHER: Final = 3
"""Of 3 x 3 cells so many must change at once; one alone is noise of sensor or compression."""
BRIDGE_CELLS: Final = 7
"""Stillness between two places of unrest within twice this distance is not trusted either."""
DIFFERS_TIMES: Final = 1.5
"""A cell was learnt from anywhere in the span that counts as still, so it may be this far off."""

LONGEST_STEP_S: Final = 0.5
"""What was not looked at is not known to be still: a longer gap counts as this much."""
DECIDE_EVERY_S: Final = 0.5
RECENT_S: Final = 0.5
"""Time constant of the running mean that pixels are learnt from."""
CALM_S: Final = 2.0
"""After unrest, stillness begins to count after this time."""
CLEAR_S: Final = 3.0
"""After unrest, pixels can be learnt after this time: six time constants of the running mean."""
MEMORY_S: Final = 60.0
"""How long unrest at a place is held against it: each second of it asks for one more of rest."""

MOTION_S: Final = 0.5
"""What moved within this time moves."""
PASSED_S: Final = 1.0
"""Unrest is a passer-by's for so long after."""
GHOST_S: Final = 1.0
"""Seconds, of those remembered, that a person is seen in the known scene until it is withdrawn."""

FOLLOW_SHARE: Final = 0.025
"""Share of a change of light that known pixels take up at each decision: 20 s to follow it."""
GAIN_SPAN: Final = (0.5, 2.0)
"""A change of all light together is taken for one within this span; beyond, for another scene."""
WHOLE_SHARE: Final = 0.4
"""With more of the known cells changed than this, the whole scene has changed."""
TEXTURED_SHARE: Final = 0.5
"""The same for cells with edges in them, which a shaken camera changes while flat ones stay."""
EDGE_LEVELS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningSettings:
    """How much evidence the scene needs. Longer and larger is safer, and shows less."""

    settle_s: float = 8.0
    """Stillness before a part never seen is learnt; not below CLEAR_S."""
    replace_s: float = 600.0
    """Stillness before a part is learnt anew after something came to stand in it, or left it."""
    change_levels: int = 12
    """Levels of 255 that a cell may vary by, noise and compression included, and count as still."""
    box_margin: float = 0.2
    """Share of a person box's width and height that is withheld around it, on each side."""
    island_share: float = 0.05
    """A still region smaller than this share of the picture, shut in by unrest, is withheld."""

    def __post_init__(self) -> None:
        """Refuse what would let the running mean carry a passer-by into the scene."""
        if self.settle_s < CLEAR_S:
            raise ValueError(f"settle_s = {self.settle_s}: at least {CLEAR_S} s is needed")
        if self.replace_s < self.settle_s:
            raise ValueError(f"replace_s = {self.replace_s} must not be shorter than settle_s")


class Background:
    """The empty scene as far as known, in fixed memory. ValueError for less than 2 x 2 pixels."""

    def __init__(self, width: int, height: int, settings: LearningSettings) -> None:
        if width < DETAIL or height < DETAIL:
            raise ValueError(f"a picture of {width} x {height} pixels is too small to learn")
        scale = min(CELLS / max(width, height), 1 / DETAIL)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        shape = (size[1], size[0])
        self._scale = np.array([size[0] / width, size[1] / height])
        self._source = (height, width, 3)
        self._size = size
        self._settings = settings
        self.version = 0
        """Grows whenever the scene may look different."""
        self.known: Mask = np.zeros(shape, np.bool_)
        """The cells that are known; each is DETAIL x DETAIL of `picture`."""
        self._scene = np.zeros((DETAIL * shape[0], DETAIL * shape[1], 3), np.float32)
        self._recent = np.zeros_like(self._scene)
        self._reference = np.zeros((*shape, 3), np.float32)
        self._textured: Mask = np.zeros(shape, np.bool_)
        self._lowest: Bgr = np.zeros((*shape, 3), np.uint8)
        self._highest: Bgr = self._lowest.copy()
        self._steady: Bgr = self._lowest.copy()
        self._last_time_s: float | None = None
        self._undecided_s = 0.0
        # Seconds since, a cell: any interruption; motion that no passer-by explains; a response;
        # any motion; a passer-by. They stop at `replace_s`, the longest that anything asks for.
        self._ages: Seconds = np.zeros((5, *shape), np.float32)
        self._quiet_s, self._settled_s, self._unboxed_s = self._ages[:3]
        self._motionless_s, self._passed_s = self._ages[3:]
        self._passed_s[:] = PASSED_S
        # Seconds of: stillness, suspicion remembered, a person seen in the known scene.
        self._still_s: Seconds = np.zeros(shape, np.float32)
        self._suspicion_s: Seconds = self._still_s.copy()
        self._ghost_s: Seconds = self._still_s.copy()
        self._needed_s: Seconds = np.full(shape, settings.settle_s, np.float32)

    @property
    def picture(self) -> Bgr:
        """The learnt scene, DETAIL pixels a cell; black where it is not known."""
        return np.asarray(cv2.convertScaleAbs(self._scene), np.uint8)

    def learn(self, frame: Bgr, boxes: Boxes, time_s: float) -> None:
        """Take in a frame, with every response of the person detector down to a low score.

        `time_s` is seconds on a clock that does not go back.
        """
        if frame.shape != self._source:
            raise ValueError(f"a frame of {frame.shape} where {self._source} was promised")
        step_s = self._elapsed(time_s)
        small = shrunk(frame, (DETAIL * self._size[0], DETAIL * self._size[1]))
        cells = shrunk(small, self._size)
        cv2.accumulateWeighted(small, self._recent, 1 - math.exp(-step_s / RECENT_S))
        moved = self._moved(cells)
        differs = self._differs(cells)
        if self._whole_scene_changed(differs):
            self._withdraw(differs, self._settings.replace_s)
            self.forget()
            moved[:] = True
        self._motionless_s[moved] = 0
        moving = self._motionless_s < MOTION_S
        margin = self._settings.box_margin
        responses = read_responses(
            boxes, moving, self.known, differs, scale=self._scale, margin=margin
        )
        self._take_responses(responses, step_s)
        self._count(cells, step_s, moved, responses.standing)
        self._undecided_s += step_s
        if self._undecided_s >= DECIDE_EVERY_S:
            self._undecided_s = 0.0
            self._decide(differs)

    def forget(self) -> None:
        """Withhold the whole scene and learn it anew: the camera was moved, or another is used."""
        self._withdraw(np.ones_like(self.known), self._settings.settle_s)
        self._quiet_s[:] = 0
        self._settled_s[:] = 0

    def withhold(self, boxes: Boxes) -> None:
        """Withdraw the places of boxes: a person was seen in what is known there."""
        none, margin = np.zeros_like(self.known), self._settings.box_margin
        found = read_responses(boxes, none, none, none, scale=self._scale, margin=margin)
        self._withdraw(found.weight > 0, self._settings.replace_s)

    def _elapsed(self, time_s: float) -> float:
        step_s = 0.0 if self._last_time_s is None else time_s - self._last_time_s
        self._last_time_s = time_s
        step_s = min(max(step_s, 0.0), LONGEST_STEP_S)
        self._ages += step_s
        np.minimum(self._ages, self._settings.replace_s, out=self._ages)
        fading = math.exp(-step_s / MEMORY_S)
        self._suspicion_s *= fading
        self._ghost_s *= fading
        return step_s

    def _moved(self, cells: Bgr) -> Mask:
        """Say which cells left the span they kept since they last moved, and their neighbours."""
        cv2.min(self._lowest, cells, dst=self._lowest)
        cv2.max(self._highest, cells, dst=self._highest)
        span = largest_channel(self._highest - self._lowest)
        beyond = (span > self._settings.change_levels).astype(np.uint8)
        cv2.copyTo(cells, beyond, self._lowest)
        cv2.copyTo(cells, beyond, self._highest)
        return grown(self._together(span), 1)

    def _together(self, difference: NDArray[np.uint8], times: float = 1.0) -> Mask:
        """Say which cells differ by more than noise does, with neighbours that do so too."""
        beyond = (difference > times * self._settings.change_levels).astype(np.uint8)
        neighbours = np.asarray(cv2.boxFilter(beyond, -1, (3, 3), normalize=False), np.uint8)
        return (beyond * neighbours) >= TOGETHER

    def _differs(self, cells: Bgr) -> Mask:
        """Say which known cells show something else than what is known, whatever the light."""
        places = np.flatnonzero(self.known)
        if len(places) < FEWEST_CELLS:
            return np.zeros_like(self.known)
        sample = places[:: 1 + len(places) // 1000]
        seen = cells.reshape(-1, 3)[sample].astype(np.float32)
        gain = np.median((seen + 1) / (self._reference.reshape(-1, 3)[sample] + 1), axis=0)
        gain = np.clip(gain, *GAIN_SPAN).astype(np.float32)
        expected = np.asarray(cv2.convertScaleAbs(self._reference * gain), np.uint8)
        return self._together(largest_difference(cells, expected), DIFFERS_TIMES) & self.known

    def _whole_scene_changed(self, differs: Mask) -> bool:
        if share(differs, self.known) > WHOLE_SHARE:
            return True
        textured = self._textured & self.known
        return share(differs & textured, textured) > TEXTURED_SHARE

    def _take_responses(self, responses: Responses, step_s: float) -> None:
        """Hold responses against their place; a person in the known scene withdraws it."""
        self._suspicion_s += responses.weight * step_s
        self._unboxed_s[responses.standing | responses.passing] = 0
        self._passed_s[responses.passing] = 0
        self._ghost_s[responses.ghost] += step_s
        ghosts = responses.ghost & (self._ghost_s >= GHOST_S)
        if ghosts.any():
            self._withdraw(ghosts, self._settings.replace_s)

    def _count(self, cells: Bgr, step_s: float, moved: Mask, standing: Mask) -> None:
        """Count each cell's stillness; it outlasts a passer-by, if the same comes back after."""
        unexplained = self._passed_s >= PASSED_S
        self._settled_s[moved & unexplained] = 0
        upset = (moved | standing) & unexplained
        self._suspicion_s[upset] += step_s
        self._still_s[upset] = 0
        self._quiet_s[moved | standing | (self._passed_s == 0)] = 0
        calm = self._quiet_s >= CALM_S
        other = self._together(largest_difference(cells, self._steady))
        anew = calm & (other | (self._still_s == 0))
        cv2.copyTo(cells, anew.astype(np.uint8), self._steady)
        self._still_s[anew] = 0
        self._still_s[calm] += step_s
        # Above any need, so that a float32 still counts a frame's time after a year.
        np.minimum(self._still_s, 2 * self._settings.replace_s, out=self._still_s)

    def _withdraw(self, cells: Mask, needed_s: float) -> None:
        self.known &= ~cells
        self._needed_s[cells] = np.maximum(self._needed_s[cells], needed_s)
        self._still_s[cells] = 0
        self._scene[spread(cells, DETAIL) > 0] = 0
        self.version += 1

    def _decide(self, differs: Mask) -> None:
        """Withdraw what changed for good, learn what was still for long, follow the light."""
        settings = self._settings
        unboxed = self._unboxed_s >= settings.settle_s
        changed = differs & unboxed & (self._quiet_s >= settings.settle_s)
        if changed.any():
            self._withdraw(grown(changed, 2), settings.replace_s)
        ripe = self._still_s >= self._needed_s + self._suspicion_s
        ripe &= ~self.known & (self._quiet_s >= CLEAR_S)
        ripe &= ~self._shut_in(self._settled_s < settings.settle_s)
        self.known |= ripe
        self._needed_s[ripe] = settings.settle_s
        cv2.copyTo(self._recent, spread(ripe, DETAIL), self._scene)
        calm = self.known & ~differs & unboxed & (self._quiet_s >= CLEAR_S)
        cv2.accumulateWeighted(self._recent, self._scene, FOLLOW_SHARE, spread(calm, DETAIL))
        self._see_reference()

    def _see_reference(self) -> None:
        """Keep what cells are compared with: their value, and whether they have edges in them."""
        reference = cv2.resize(self._scene, self._size, interpolation=cv2.INTER_AREA)
        gray = cv2.cvtColor(cv2.convertScaleAbs(reference), cv2.COLOR_BGR2GRAY)
        edges = np.asarray(cv2.morphologyEx(gray, cv2.MORPH_GRADIENT, disc(1)), np.uint8)
        self._reference = np.asarray(reference, np.float32)
        # Where known meets unknown there is an edge that is not in the scene.
        self._textured = (edges > EDGE_LEVELS) & ~grown(~self.known, 1)
        self.version += 1

    def _shut_in(self, unrest: Mask) -> Mask:
        """Add to the unrest its gaps, and still islands too small to be the scene itself."""
        around = np.ones((2 * BRIDGE_CELLS + 1,) * 2, np.uint8)
        closed = cv2.morphologyEx(grown(unrest, 1).astype(np.uint8), cv2.MORPH_CLOSE, around)
        _count, labels, stats, _centres = cv2.connectedComponentsWithStats(1 - closed)
        areas = np.asarray(stats, np.int64)[:, cv2.CC_STAT_AREA]
        small = areas < self._settings.island_share * labels.size
        small[0] = True
        return small[np.asarray(labels, np.int64)]
