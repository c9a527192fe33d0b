"""The window that runs: who crossed in it, who stayed where, and how much of it was seen."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Protocol

from edge_gateway.people.boundary import (
    DWELL_BINS,
    DWELL_EDGES_S,
    Coverage,
    Direction,
    LineCount,
    SourceState,
    Unseen,
    ZoneCount,
)
from edge_gateway.people.lines import Crossing
from edge_gateway.people.track import Track
from edge_gateway.people.zones import Zone, ZoneChange, ZoneCounter

# Up to this spacing a walker (1.4 m/s) moves less than their own width and height between two
# pictures and stays the same track, whatever rate the camera promises.
LONGEST_GAP_S: Final = 0.5
# What was observed since a moment is known for so many pictures back.
REMEMBERED_PICTURES: Final = 1024


class Counted(Protocol):
    """What the counting of one picture gives to the window."""

    @property
    def tracks(self) -> Sequence[Track]:
        """The people followed at the moment."""
        ...

    @property
    def crossings(self) -> Sequence[Crossing]:
        """Who crossed a line."""
        ...


class Ended(NamedTuple):
    """What a window came to."""

    coverage: Coverage
    lines: tuple[LineCount, ...]
    zones: tuple[ZoneCount, ...]


class RunningWindow:
    """Counts and coverage from `start_s` on; all times are seconds of one monotonic clock.

    The time between two pictures is observed when it is no longer than the spacing allowed
    there; of a longer gap nothing is. Pictures carry times of their own clock, which runs as
    fast: people are there from the moment they passed a border, not from when that was certain.
    """

    def __init__(self, lines: Iterable[str], start_s: float, zones: Sequence[Zone] = ()) -> None:
        self._keys = [(line, direction) for line in lines for direction in Direction]
        self._crossings: Counter[tuple[str, Direction]] = Counter()
        self._speeds: dict[tuple[str, Direction], list[float]] = {key: [] for key in self._keys}
        self._areas = {zone.name: _Area() for zone in zones}
        self._people = ZoneCounter(zones)
        self._start_s = start_s
        self._seen_s: float | None = None
        self._allowed_s = LONGEST_GAP_S
        self._observed_s = 0.0
        self._frames = 0
        self._unseen: list[tuple[SourceState, float, float]] = []
        # Times of pictures, and what had been observed until then in all windows.
        self._pictures: deque[tuple[float, float]] = deque(maxlen=REMEMBERED_PICTURES)
        self._ever_observed_s = 0.0

    def see(self, now_s: float, spacing_s: float) -> None:
        """A picture was looked at; the source means to give one every `spacing_s`."""
        self._allowed_s = max(LONGEST_GAP_S, 2 * spacing_s)
        self._credit_until(now_s)
        self._seen_s = now_s
        self._frames += 1

    def unseen(self, state: SourceState, from_s: float, to_s: float) -> None:
        """Nothing was seen in this span for that reason, whatever pictures lie around it."""
        self._credit_until(from_s)
        self._seen_s = None
        if self._unseen and self._unseen[-1][0] is state and self._unseen[-1][2] == from_s:
            from_s = self._unseen.pop()[1]
        self._unseen.append((state, from_s, to_s))

    def take(self, counted: Counted, time_s: float) -> None:
        """Take what the picture at `time_s` of its own clock gave, after its `see`."""
        for crossing in counted.crossings:
            self.cross(crossing.line, crossing.direction, crossing.speed_m_s)
        self._pictures.append((time_s, self._ever_observed_s))
        for change in self._people.update(counted.tracks, time_s):
            self._note(change)
        for name, area in self._areas.items():
            area.most = max(area.most, self._people.people(name))

    def cut(self) -> None:
        """Nothing ties the pictures from here on to those before: every stay ends."""
        for change in self._people.cut():
            self._note(change)
        self._pictures.clear()

    def cross(self, line: str, direction: Direction, speed_m_s: float | None = None) -> None:
        """Someone crossed, so fast where it is known."""
        self._crossings[line, direction] += 1
        if speed_m_s is not None:
            self._speeds[line, direction].append(speed_m_s)

    def close(self, end_s: float) -> Ended:
        """Give what the window came to, and begin the next one at `end_s`."""
        if self._seen_s is not None and end_s - self._seen_s <= self._allowed_s:
            # The rest of this gap is judged and credited in the next window.
            self._credit_until(end_s)
            self._seen_s = end_s
        window_s = end_s - self._start_s
        observed_s = min(self._observed_s, window_s)
        unseen = self._take_unseen(end_s, window_s - observed_s)
        ended = Ended(
            Coverage(observed_s, window_s, self._frames, unseen),
            tuple(
                LineCount(*key, self._crossings[key], _mean(self._speeds[key]))
                for key in self._keys
            ),
            tuple(
                area.count(name, observed_s, self._people.running_s(name))
                for name, area in self._areas.items()
            ),
        )
        self._crossings.clear()
        self._speeds = {key: [] for key in self._keys}
        self._areas = {name: _Area(most=self._people.people(name)) for name in self._areas}
        self._start_s, self._observed_s, self._frames = end_s, 0.0, 0
        return ended

    def _credit_until(self, now_s: float) -> None:
        if self._seen_s is not None and 0 <= now_s - self._seen_s <= self._allowed_s:
            step_s = now_s - self._seen_s
            self._observed_s += step_s
            self._ever_observed_s += step_s
            for name, area in self._areas.items():
                area.person_s += self._people.people(name) * step_s

    def _note(self, change: ZoneChange) -> None:
        """Book a change, and make good that it is known later than it was."""
        area = self._areas[change.zone]
        if change.end_s is None:
            area.entered += 1
            area.person_s += self._observed_since(change.start_s)
        else:
            area.person_s -= self._observed_since(change.end_s)
            area.stays_s.append(change.end_s - change.start_s)
            area.cut_short += not change.seen_whole

    def _observed_since(self, time_s: float) -> float:
        """Seconds of this window that were observed since the picture at `time_s`."""
        until_s = next((seen for when, seen in self._pictures if when >= time_s), 0.0)
        return min(self._ever_observed_s - until_s, self._observed_s) if self._pictures else 0.0

    def _take_unseen(self, end_s: float, at_most_s: float) -> tuple[Unseen, ...]:
        """The window's seconds of each cause; what lies after its end stays for the next."""
        seconds = {state: 0.0 for state, _, _ in self._unseen}
        for state, from_s, to_s in self._unseen:
            seconds[state] += max(0.0, min(to_s, end_s) - max(from_s, self._start_s))
        self._unseen = [
            (state, max(from_s, end_s), to_s)
            for state, from_s, to_s in self._unseen
            if to_s > end_s
        ]
        # A span told late may reach into what was credited before.
        total_s = sum(seconds.values())
        share = min(1.0, at_most_s / total_s) if total_s > 0 else 0.0
        return tuple(Unseen(state, share * s) for state, s in seconds.items() if share * s > 0)


@dataclass(slots=True)
class _Area:
    """One zone in the running window."""

    person_s: float = 0.0
    most: int = 0
    entered: int = 0
    cut_short: int = 0
    stays_s: list[float] = field(default_factory=list[float])

    def count(self, name: str, observed_s: float, running_s: Iterable[float]) -> ZoneCount:
        return ZoneCount(
            zone=name,
            mean_people=max(0.0, self.person_s / observed_s) if observed_s > 0 else 0.0,
            most_people=self.most,
            entered=self.entered,
            dwell=_histogram(self.stays_s),
            dwell_mean_s=_mean(self.stays_s),
            running=_histogram(running_s),
            cut_short=self.cut_short,
        )


def _histogram(stays_s: Iterable[float]) -> tuple[int, ...]:
    bins = Counter(bisect_right(DWELL_EDGES_S, stay_s) for stay_s in stays_s)
    return tuple(bins[place] for place in range(DWELL_BINS))


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None
