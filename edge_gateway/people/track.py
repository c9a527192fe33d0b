"""Follow people from picture to picture: a detector's boxes in, tracks out.

Two-stage association (strong boxes first, then weaker ones for people already known; idea of
ByteTrack, Zhang et al. 2022) on a constant-velocity Kalman filter of the foot point. Lengths are
measured in body heights of the person at hand, times in seconds: the same settings hold near and
far, for large and small pictures, for every picture and for every second one.
"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from edge_gateway.people.assignment import assign
from edge_gateway.people.track_settings import TrackerSettings

Boxes: TypeAlias = NDArray[np.float32]
"""Rows of left, top, width, height (px of the source picture) and score (0 to 1)."""


@dataclass(frozen=True, slots=True)
class FootPoint:
    """Where a person stood (px, bottom centre of the body) at a moment of the video's clock."""

    time_s: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Track:
    """One person now, in px of the source picture; the box is the smoothed one.

    `observed` is false while the person is hidden and the place is a guess; `score` is that of
    the latest box. `steps` are the observed foot points not reported before: one in general, none
    while hidden, all since the beginning when the track passes its trial.
    """

    id: int
    left: float
    top: float
    width: float
    height: float
    observed: bool
    score: float
    steps: tuple[FootPoint, ...] = ()

    @property
    def foot(self) -> tuple[float, float]:
        """Bottom centre of the box."""
        return self.left + self.width / 2, self.top + self.height


class Tracker:
    """Gives each person a number for as long as they can be followed; one per camera."""

    def __init__(self, settings: TrackerSettings | None = None) -> None:
        self._settings = settings or TrackerSettings()
        self._people: list[_Person] = []
        self._ids = itertools.count(1)
        self._time_s = -math.inf
        self._patience_s = 0.0

    def update(self, boxes: Boxes, time_s: float) -> tuple[Track, ...]:
        """Take all boxes (N x 5) of the picture at `time_s`; return who is there, by id.

        Raises ValueError when time does not grow.
        """
        if not time_s > self._time_s:
            raise ValueError(f"pictures must follow in time: {time_s} s after {self._time_s} s")
        # However slow the camera, one missed picture ends no track.
        self._patience_s, self._time_s = 1.5 * (time_s - self._time_s), time_s
        settings = self._settings
        for person in self._people:
            person.predict(time_s)
        self._associate(_sorted_boxes(boxes, settings.high_score * settings.low_ratio))
        self._settle_trials()
        self._people = [
            person
            for person in self._people
            if self._unseen(person, settings.link_s if person.id else settings.trial_gap_s)
        ]
        return tuple(
            person.report(time_s)
            for person in sorted(self._people, key=lambda person: person.id)
            if person.id and self._unseen(person, settings.coast_s)
        )

    def _associate(self, boxes: Sequence["_Box"]) -> None:
        settings = self._settings
        strong = [box for box in boxes if box.score >= settings.high_score]
        weak = [box for box in boxes if box.score < settings.high_score]
        known = [p for p in self._people if p.id and self._unseen(p, settings.coast_s)]
        trial = [p for p in self._people if not p.id]
        for people in (known, trial):
            missing, strong = self._match(people, strong)
            _, weak = self._match(missing, weak)
        for box in strong:
            seen = (p for p in self._people if p.last.time_s == self._time_s)
            if sum(person.share_of(box) for person in seen) < settings.newcomer_overlap:
                self._people.append(_Person(box, self._time_s, settings))

    def _match(
        self, people: list["_Person"], boxes: list["_Box"]
    ) -> tuple[list["_Person"], list["_Box"]]:
        """Give people their boxes; return the people and the boxes left over."""
        costs = [[person.distance(box) for box in boxes] for person in people]
        pairs = assign(costs, self._settings.gate)
        for row, column in pairs:
            people[row].observe(boxes[column], self._time_s)
        rows, columns = {row for row, _ in pairs}, {column for _, column in pairs}
        return (
            [person for row, person in enumerate(people) if row not in rows],
            [box for column, box in enumerate(boxes) if column not in columns],
        )

    def _unseen(self, person: "_Person", at_most_s: float) -> bool:
        """Whether a person has been out of sight for no longer than that, or for one picture."""
        unseen_s = self._time_s - person.last.time_s
        return unseen_s <= max(at_most_s, self._patience_s) + ROUNDING_S

    def _settle_trials(self) -> None:
        """Number those whose trial is over, with the number of a lost person where one fits."""
        for person in [p for p in self._people if not p.id]:
            lasted_s = person.last.time_s - person.first.time_s
            if person.hits < LEAST_HITS or lasted_s < self._settings.trial_s - ROUNDING_S:
                continue
            lost = min((p for p in self._people if p.id), key=person.break_from, default=person)
            if person.break_from(lost) < 1:
                person.id = lost.id
                self._people.remove(lost)
            else:
                person.id = next(self._ids)


LEAST_HITS: Final = 3
"""Boxes a track needs at least, however slow the camera; also before its height is believed."""
ROUNDING_S: Final = 1e-6
HEIGHT_GAIN: Final = 0.2
CUT_BOX: Final = 0.1
"""A box whose height is off by more than this ratio is taken for one with a hidden edge."""
CUT_BOX_GAIN: Final = HEIGHT_GAIN / 10
LINK_HEIGHT_RATIO: Final = 1.35
"""People keep their height across a link; perspective and cut boxes take up to a third."""


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    top: float
    width: float
    height: float
    score: float


def _sorted_boxes(boxes: Boxes, lowest: float) -> list[_Box]:
    rows: list[list[float]] = boxes[boxes[:, 4] >= lowest].tolist()
    return sorted((_Box(*row) for row in rows if row[2] > 0 < row[3]), key=lambda box: -box.score)


class _Axis:
    """Kalman filter of one coordinate: place, speed, white acceleration of density `drift`."""

    __slots__ = ("_cross", "_speed_var", "place", "speed", "variance")

    def __init__(self, place: float, variance: float, speed_variance: float) -> None:
        self.place, self.speed = place, 0.0
        self.variance, self._cross, self._speed_var = variance, 0.0, speed_variance

    def predict(self, dt_s: float, drift: float) -> None:
        self.place += self.speed * dt_s
        self.variance += dt_s * (2 * self._cross + dt_s * self._speed_var) + drift * dt_s**3 / 3
        self._cross += dt_s * self._speed_var + drift * dt_s**2 / 2
        self._speed_var += drift * dt_s

    def observe(self, place: float, noise: float) -> None:
        gain = self.variance / (self.variance + noise)
        speed_gain = self._cross / (self.variance + noise)
        error = place - self.place
        self.place += gain * error
        self.speed += speed_gain * error
        self._speed_var -= speed_gain * self._cross
        self._cross *= 1 - gain
        self.variance *= 1 - gain


class _Person:
    def __init__(self, box: _Box, time_s: float, settings: TrackerSettings) -> None:
        self._settings = settings
        self.id = 0
        self.hits = 1
        self.width, self.height, self.score = box.width, box.height, box.score
        speed_variance = (settings.start_speed * box.height) ** 2
        self.x = _Axis(box.left + box.width / 2, self._noise(), speed_variance)
        self.y = _Axis(box.top + box.height, self._noise(), speed_variance)
        self._time_s = time_s
        self.first = self.last = FootPoint(time_s, self.x.place, self.y.place)
        self.velocity = (0.0, 0.0)
        self._unreported = [self.first]

    def predict(self, time_s: float) -> None:
        drift = (self._settings.wander * self.height) ** 2
        self.x.predict(time_s - self._time_s, drift)
        self.y.predict(time_s - self._time_s, drift)
        self._time_s = time_s

    def distance(self, box: _Box) -> float:
        """Standard deviations between the guess and a box; infinite beyond reach."""
        dx = box.left + box.width / 2 - self.x.place
        dy = self._foot_y(box) - self.y.place
        if math.hypot(dx, dy) > self._settings.reach * self.height:
            return math.inf
        grown = math.log(box.height / self.height) / self._settings.height_noise
        return math.sqrt(
            dx**2 / (self.x.variance + self._noise())
            + dy**2 / (self.y.variance + self._noise())
            + grown**2
        )

    def observe(self, box: _Box, time_s: float) -> None:
        self.x.observe(box.left + box.width / 2, self._noise())
        self.y.observe(self._foot_y(box), self._noise())
        gain = CUT_BOX_GAIN if self._is_cut(box) else max(HEIGHT_GAIN, 1 / (self.hits + 1))
        self.width += gain * (box.width - self.width)
        self.height += gain * (box.height - self.height)
        self.score = box.score
        self.hits += 1
        self.last = FootPoint(time_s, self.x.place, self.y.place)
        self.velocity = (self.x.speed, self.y.speed)
        self._unreported.append(self.last)

    def share_of(self, box: _Box) -> float:
        """How much of a box (0 to 1) this person's box covers."""
        left, top = self.x.place - self.width / 2, self.y.place - self.height
        across = min(box.left + box.width, left + self.width) - max(box.left, left)
        down = min(box.top + box.height, top + self.height) - max(box.top, top)
        return max(across, 0.0) * max(down, 0.0) / (box.width * box.height)

    def break_from(self, lost: "_Person") -> float:
        """How badly this track continues a lost one: below 1 it may be the same person."""
        gap_s = self.first.time_s - lost.last.time_s
        ratio = self.height / lost.height
        turn_x, turn_y = self.velocity[0] - lost.velocity[0], self.velocity[1] - lost.velocity[1]
        if (
            not 0 < gap_s <= self._settings.link_s
            or not 1 / LINK_HEIGHT_RATIO < ratio < LINK_HEIGHT_RATIO
            or math.hypot(turn_x, turn_y) > self._settings.turn * lost.height
        ):
            return math.inf
        off_x = self.first.x - lost.last.x - gap_s * (self.velocity[0] + lost.velocity[0]) / 2
        off_y = self.first.y - lost.last.y - gap_s * (self.velocity[1] + lost.velocity[1]) / 2
        return math.hypot(off_x, off_y) / (lost.height * self._settings.reach * (1 + gap_s))

    def report(self, time_s: float) -> Track:
        steps, self._unreported = tuple(self._unreported), []
        return Track(
            id=self.id,
            left=self.x.place - self.width / 2,
            top=self.y.place - self.height,
            width=self.width,
            height=self.height,
            observed=self.last.time_s == time_s,
            score=self.score,
            steps=steps,
        )

    def _noise(self) -> float:
        return (self._settings.place_noise * self.height) ** 2

    def _is_cut(self, box: _Box) -> bool:
        return self.hits >= LEAST_HITS and abs(box.height / self.height - 1) > CUT_BOX

    def _foot_y(self, box: _Box) -> float:
        """The feet in a box; where one edge is hidden, from the edge that is where it should be."""
        bottom = box.top + box.height
        if not self._is_cut(box):
            return bottom
        return min(bottom, box.top + self.height, key=lambda y: abs(y - self.y.place))
