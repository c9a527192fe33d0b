"""The counter's loop: pictures in, windows, pulses and anonymized pictures out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from edge_gateway.people.boundary import (
    Counts,
    EncodedPicture,
    Health,
    Message,
    SourceState,
)
from edge_gateway.people.counter_settings import CounterSettings
from edge_gateway.people.detect import Boxes
from edge_gateway.people.frame import Frame, Picture, Source
from edge_gateway.people.lines import Crossing, Line, check_inside
from edge_gateway.people.observation import RunningWindow
from edge_gateway.people.track import Track

POLL_S: Final = 0.1
PULSE_S: Final = 1.0


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


@dataclass(frozen=True, slots=True)
class Eyes:
    """What pictures are looked at with.

    `counting` makes the chain of detector, tracker and lines, anew after every cut; `scene` the
    anonymizer for a width and height, called only when pictures may leave at all; `model` is the
    hash of the detector's file.
    """

    counting: Callable[[], Counting]
    scene: Callable[[int, int], Scene]
    model: str


def run_counter(
    settings: CounterSettings,
    out: Callable[[Message], None],
    *,
    source: Source,
    eyes: Eyes,
    stop: Callable[[], bool],
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Count what `source` shows until `stop()`, and hand every message to `out`.

    `say` takes sentences for people. Raises LinesError when a line lies outside the picture.
    """
    watch = _Watch(settings, out, source=source, eyes=eyes, say=say, start_s=clock())
    while not stop():
        frame = source.next_frame(POLL_S)
        watch.tick(clock())
        if frame is not None and watch.is_due(frame):
            watch.look(frame, clock)


class _Watch:
    def __init__(
        self,
        settings: CounterSettings,
        out: Callable[[Message], None],
        *,
        source: Source,
        eyes: Eyes,
        say: Callable[[str], None],
        start_s: float,
    ) -> None:
        self._settings = settings
        self._out = out
        self._source = source
        self._eyes = eyes
        self._say = say
        self._lines = lines_of(settings)
        self._window = RunningWindow((line.name for line in self._lines), start_s)
        self._window_end_s = start_s + settings.interval_s
        self._pulse_s = start_s
        self._picture_s = start_s + settings.picture_interval_s
        self._shape: tuple[int, ...] = ()
        self._counting = eyes.counting()
        self._scene: Scene | None = None
        self._tracks: Sequence[Track] = ()
        self._number = 0
        self._state = source.state
        self._looked = 0
        self._busy_s = 0.0

    def is_due(self, frame: Frame) -> bool:
        """Whether this picture is looked at: each `every`-th of the source, and each cut."""
        first = self._number == 0 or frame.cut
        return first or frame.number - self._number >= self._settings.every

    def look(self, frame: Frame, clock: Callable[[], float]) -> None:
        """Count in one picture."""
        started_s = clock()
        if frame.picture.shape != self._shape:
            self._begin(frame.picture)
        elif frame.cut:
            self._start_anew()
        self._number = frame.number
        counted = self._counting.update(frame.picture, frame.number, frame.time_s)
        self._busy_s += clock() - started_s
        self._looked += 1
        self._tracks = counted.tracks
        for crossing in counted.crossings:
            self._window.cross(crossing.line, crossing.direction)
        rate = self._source.frame_rate
        self._window.see(started_s, self._settings.every / rate if rate else 0.0)
        if self._scene is not None:
            self._scene.learn(frame.picture, counted.boxes, frame.time_s)

    def tick(self, now_s: float) -> None:
        """Send what is due."""
        while now_s >= self._window_end_s:
            self._end_window()
        if now_s - self._pulse_s >= PULSE_S:
            self._out(self._pulse(now_s))
        if self._scene is not None and now_s >= self._picture_s:
            self._picture_s = now_s + self._settings.picture_interval_s
            self._out(self._scene.draw(self._tracks, round(now_s * 1e9)))

    def _start_anew(self) -> None:
        """Follow nobody over a cut; a camera may come back in another place, a file does not."""
        self._counting = self._eyes.counting()
        if self._scene is not None and not self._source.is_file:
            self._scene.forget()

    def _begin(self, picture: Picture) -> None:
        """Start over with pictures of another size; lines are in pixels and must fit."""
        height, width = picture.shape[:2]
        check_inside(self._lines, width, height)
        self._shape = picture.shape
        self._counting = self._eyes.counting()
        if self._settings.picture_interval_s:
            self._scene = self._eyes.scene(width, height)

    def _end_window(self) -> None:
        coverage, lines = self._window.close(self._window_end_s)
        self._window_end_s += self._settings.interval_s
        method = f"nanodet-g-{self._settings.model}/every-{self._settings.every}"
        self._out(coverage)
        self._out(Counts(coverage.window_s, lines, method, self._eyes.model))

    def _pulse(self, now_s: float) -> Health:
        state = self._source.state
        if state is not self._state:
            self._state = state
            self._say(_STATES[state])
        people = sum(track.observed for track in self._tracks) if self._looked else 0
        health = Health(
            frame_rate=self._looked / (now_s - self._pulse_s),
            inference_ms=1000 * self._busy_s / self._looked if self._looked else 0.0,
            source=state,
            people=people,
        )
        self._pulse_s, self._looked, self._busy_s = now_s, 0, 0.0
        return health


def lines_of(settings: CounterSettings) -> tuple[Line, ...]:
    """The lines of the settings, as the counting takes them."""
    return tuple(Line(line.name, line.start, line.end) for line in settings.line)


_STATES: Final = {
    SourceState.OPENING: "the camera is being opened",
    SourceState.SEEING: "pictures come",
    SourceState.FROZEN: "the same picture comes again and again",
    SourceState.LOST: "no picture comes; trying again",
    SourceState.ENDED: "the recording has ended",
}
