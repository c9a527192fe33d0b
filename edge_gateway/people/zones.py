"""Areas of the ground: who is in them, and how long people stay, without saying who.

Coordinates are pixels of the source picture; a person is where their foot point is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from edge_gateway.people.geometry import Point, depth
from edge_gateway.people.track import FootPoint, Track

SETTLE: Final = 0.1
"""Body heights a person must stand clear of the border, inside to enter and outside to leave."""
LINGER_S: Final = 8.0
"""A stay goes on for so long without sight of the person."""
REACH: Final = 0.8
"""Someone first seen inside takes over the stay of one lost this many body heights away, and as
many more for each second between.

The three were measured together on PETS 2009 S2.L1, frames 1-397, 40 zones in windows of 10 s: at
5 s every second stay above 15 s was cut in two, and entries are within a tenth for `SETTLE` from
0.08 to 0.16."""


@dataclass(frozen=True, slots=True)
class Zone:
    """A polygon on the ground; `corners` go around it, the last joins the first."""

    name: str
    corners: tuple[Point, ...]

    def depth(self, point: Point) -> float:
        """Distance to the border in px: > 0 inside, < 0 outside."""
        return depth(self.corners, point)


@dataclass(frozen=True, slots=True)
class ZoneChange:
    """Someone entered a zone (`end_s` is None) or left it; times are those of the pictures.

    `seen_whole` is false where the stay was longer than from `start_s` to `end_s`: its person was
    first seen inside, or last.
    """

    zone: str
    start_s: float
    end_s: float | None
    seen_whole: bool


class ZoneCounter:
    """Turns tracks into stays. What entered and has not left is there: nothing else changes it.

    A stay begins and ends where the border was passed, though it is told later, once the person
    stands clear of it. One whose person is out of sight ends after `LINGER_S`, then at the last
    sight; a track that begins inside near there in time is taken for the same person.
    """

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = tuple(zones)
        self._walks: dict[int, _Walk] = {}
        self._stays: dict[str, list[_Stay]] = {zone.name: [] for zone in zones}
        self._time_s = -math.inf

    def update(self, tracks: Iterable[Track], time_s: float) -> tuple[ZoneChange, ...]:
        """Take the tracks of one picture (time grows) and report who entered and who left."""
        linger_s = max(LINGER_S, 1.5 * (time_s - self._time_s) if self._walks else 0.0)
        self._time_s = time_s
        changes: list[ZoneChange] = []
        for track in tracks:
            for step in track.steps:
                changes.extend(self._follow(track, step))
        for zone in self._zones:
            lost = [s for s in self._stays[zone.name] if time_s - s.last.time_s > linger_s]
            changes += [self._end(zone, stay, stay.last.time_s, seen=False) for stay in lost]
        for gone in [n for n, walk in self._walks.items() if time_s - walk.last.time_s > linger_s]:
            del self._walks[gone]
        return tuple(changes)

    def cut(self) -> tuple[ZoneChange, ...]:
        """Follow nobody on: every stay ends at its last sight, and track numbers begin anew."""
        changes = [
            self._end(zone, stay, stay.last.time_s, seen=False)
            for zone in self._zones
            for stay in list(self._stays[zone.name])
        ]
        self._walks.clear()
        self._time_s = -math.inf
        return tuple(changes)

    def people(self, zone: str) -> int:
        """How many are in a zone."""
        return len(self._stays[zone])

    def running_s(self, zone: str) -> list[float]:
        """How long those who are in a zone have been there, at the latest picture."""
        return [self._time_s - stay.start_s for stay in self._stays[zone]]

    def _follow(self, track: Track, step: FootPoint) -> Iterator[ZoneChange]:
        walk = self._walks.setdefault(track.id, _Walk(step, step))
        before, walk.last = walk.last, step
        clear = SETTLE * track.height
        for zone in self._zones:
            depth = zone.depth((step.x, step.y))
            border = walk.borders.setdefault(zone.name, _Border(depth))
            border.note(before, step, depth)
            stay = next((s for s in self._stays[zone.name] if s.track == track.id), None)
            if stay is None:
                if depth >= clear:
                    yield from self._begin(zone, track, walk, border.passed_s)
                continue
            stay.last, stay.height = step, track.height
            if depth <= -clear and border.passed_s is not None:
                yield self._end(zone, stay, border.passed_s, seen=True)

    def _begin(
        self, zone: Zone, track: Track, walk: _Walk, passed_s: float | None
    ) -> Iterator[ZoneChange]:
        """Open a stay, or go on with that of someone lost near where this track began."""
        stays = self._stays[zone.name]
        if passed_s is None:
            lost = min(stays, key=lambda stay: stay.break_to(walk.first), default=None)
            if lost is not None and lost.break_to(walk.first) < 1:
                # Were the lost track found after all, it would begin anew.
                self._walks.pop(lost.track, None)
                lost.track, lost.last, lost.height = track.id, walk.last, track.height
                return
        seen = passed_s is not None
        start_s = walk.first.time_s if passed_s is None else passed_s
        stays.append(_Stay(track.id, start_s, seen, walk.last, track.height))
        yield ZoneChange(zone.name, start_s, None, seen)

    def _end(self, zone: Zone, stay: _Stay, end_s: float, *, seen: bool) -> ZoneChange:
        self._stays[zone.name].remove(stay)
        return ZoneChange(zone.name, stay.start_s, end_s, stay.seen_start and seen)


@dataclass(slots=True)
class _Stay:
    track: int
    start_s: float
    seen_start: bool
    last: FootPoint
    height: float

    def break_to(self, first: FootPoint) -> float:
        """How badly a track that begins at `first` continues this stay: below 1 it may."""
        gap_s = first.time_s - self.last.time_s
        if not 0 < gap_s <= LINGER_S:
            return math.inf
        off = math.hypot(first.x - self.last.x, first.y - self.last.y)
        return off / (self.height * REACH * (1 + gap_s))


@dataclass(slots=True)
class _Border:
    """How one track stands to one border: its depth at the last step, when it last passed."""

    depth: float
    passed_s: float | None = None

    def note(self, before: FootPoint, now: FootPoint, depth: float) -> None:
        if (depth > 0) != (self.depth > 0):
            share = self.depth / (self.depth - depth)
            self.passed_s = before.time_s + share * (now.time_s - before.time_s)
        self.depth = depth


@dataclass(slots=True)
class _Walk:
    first: FootPoint
    last: FootPoint
    borders: dict[str, _Border] = field(default_factory=dict[str, _Border])
