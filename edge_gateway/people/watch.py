"""The counter's loop: pictures in, windows, pulses and anonymized pictures out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from edge_gateway.people import geometry
from edge_gateway.people.boundary import (
    Counts,
    Health,
    Message,
    SourceState,
)
from edge_gateway.people.counter_settings import CounterSettings, check_layout
from edge_gateway.people.eyes import Eyes, Judge, Scene
from edge_gateway.people.frame import Frame, Picture, Source
from edge_gateway.people.lines import Line, LinesError
from edge_gateway.people.mask import Mask
from edge_gateway.people.observation import RunningWindow
from edge_gateway.people.rate import Pace
from edge_gateway.people.sight import View
from edge_gateway.people.track import Track
from edge_gateway.people.vigil import SAID_OF, Vigil
from edge_gateway.people.zones import Zone

POLL_S: Final = 0.1
PULSE_S: Final = 1.0
_CALIBRATION_SAYS: Final = "calibration: a picture of the place leaves each second, for {} minutes"


def run_counter(
    settings: CounterSettings,
    out: Callable[[Message], None],
    *,
    source: Source,
    eyes: Eyes,
    stop: Callable[[], bool],
    say: Callable[[str], None],
    clock: Callable[[], float] = time.monotonic,
    pace: Pace | None = None,
) -> None:
    """Count what `source` shows until `stop()`, and hand every message to `out`.

    `say` takes sentences for people; `pace` leaves out pictures, None looks at each `every`-th.
    Raises LinesError when a line lies outside the picture.
    """
    watch = _Watch(settings, out, source=source, eyes=eyes, say=say, start_s=clock(), pace=pace)
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
        pace: Pace | None,
    ) -> None:
        self._settings = settings
        self._pace = pace
        self._out = out
        self._source = source
        self._eyes = eyes
        self._say = say
        self._lines = lines_of(settings)
        names = [line.name for line in settings.line]
        self._window = RunningWindow(names, start_s, zones_of(settings))
        self._window_end_s = start_s + settings.interval_s
        self._vigil = Vigil(self._window, start_s)
        self._mask: Mask | None = None
        self._sight: Judge | None = None
        self._view = View()
        self._pulse_s = start_s
        self._picture_s = start_s + settings.picture_spacing_s
        self._pictures_end_s = start_s + settings.pictures_for_s
        self._pictures_are_over = False
        self._shape: tuple[int, ...] = ()
        self._counting = eyes.counting()
        self._scene: Scene | None = None
        self._tracks: Sequence[Track] = ()
        self._number = 0
        self._state = source.state
        self._looked = 0
        self._busy_s = 0.0
        if settings.pictures == "calibration":
            say(_CALIBRATION_SAYS.format(round(settings.pictures_for_s / 60)))

    def is_due(self, frame: Frame) -> bool:
        """Whether this picture is looked at: each `every`-th of the source, and each cut."""
        first = self._number == 0 or frame.cut
        stride = self._pace.stride if self._pace else self._settings.every
        return first or frame.number - self._number >= stride

    def look(self, frame: Frame, clock: Callable[[], float]) -> None:
        """Count in one picture, if it shows anything."""
        started_s = clock()
        if self._pace:
            self._pace.begin()
        if frame.picture.shape != self._shape:
            self._begin(frame.picture)
        elif frame.cut:
            self._start_anew()
        self._number = frame.number
        picture = self._mask.apply(frame.picture) if self._mask else frame.picture
        if self._judge(picture, started_s):
            self._count(picture, frame, started_s)
        self._busy_s += clock() - started_s
        self._looked += 1
        if self._pace:
            self._pace.end()

    def _judge(self, picture: Picture, now_s: float) -> bool:
        """Whether this picture shows anything; after a while without sight all begins anew."""
        was_blind = self._view.state is not SourceState.SEEING
        if self._sight:
            self._view = self._sight.look(picture, now_s)
        if self._view.moved:
            self._say("the camera looks elsewhere now; check its mounting and its lines")
            self._vigil.looked_away()
            self._start_anew()
        if self._view.state is not SourceState.SEEING:
            self._tracks = ()
            return False
        if was_blind:
            self._follow_nobody()
        return True

    def _count(self, picture: Picture, frame: Frame, now_s: float) -> None:
        counted = self._counting.update(picture, frame.number, frame.time_s)
        self._tracks = counted.tracks
        rate = self._source.frame_rate
        is_doubtful = self._view.doubtful or frame.repeats
        book = self._vigil.doubted if is_doubtful else self._vigil.seen
        book(now_s, self._settings.every / rate if rate else 0.0)
        self._window.take(counted, frame.time_s)
        if self._scene is not None and not (self._view.doubtful or self._view.elsewhere):
            self._scene.learn(picture, counted.boxes, frame.time_s)

    def tick(self, now_s: float) -> None:
        """Send what is due."""
        state = self._current_state()
        while now_s >= self._window_end_s:
            if state is not SourceState.SEEING:
                self._vigil.blind(state, self._window_end_s)
            self._end_window()
        if state is not SourceState.SEEING:
            self._vigil.blind(state, now_s)
        if self._pace:
            self._pace.tick(now_s, self._source.frame_rate)
        if now_s - self._pulse_s >= PULSE_S:
            self._out(self._pulse(now_s))
        if self._scene is not None:
            self._draw(self._scene, now_s, state)

    def _draw(self, scene: Scene, now_s: float, state: SourceState) -> None:
        """Send a picture when one is due and there is sight; after the last one learn no more."""
        if now_s >= self._pictures_end_s:
            self._scene, self._pictures_are_over = None, True
            self._say("calibration has ended: no more pictures leave until the next start")
        elif now_s >= self._picture_s and state is SourceState.SEEING:
            self._picture_s = now_s + self._settings.picture_spacing_s
            self._out(scene.draw(self._tracks, round(now_s * 1e9)))

    def _current_state(self) -> SourceState:
        """What the source gives; of a picture that stays the same, what it shows comes first."""
        state = self._source.state
        if state in (SourceState.SEEING, SourceState.FROZEN):
            return state if self._view.state is SourceState.SEEING else self._view.state
        return state

    def _follow_nobody(self) -> None:
        self._counting = self._eyes.counting()
        self._window.cut()
        self._tracks = ()

    def _start_anew(self) -> None:
        """Follow nobody over a cut; a camera may come back in another place, a file does not."""
        self._follow_nobody()
        if self._scene is not None and not self._source.is_file:
            self._scene.forget()

    def _begin(self, picture: Picture) -> None:
        """Start over with pictures of another size; lines are in pixels and must fit."""
        height, width = picture.shape[:2]
        check_drawn(self._settings, width, height)
        for warning in geometry.warnings(self._settings):
            self._say(warning)
        self._shape = picture.shape
        self._follow_nobody()
        self._mask = _mask_of(self._settings, width, height)
        self._sight = self._eyes.sight and self._eyes.sight(self._mask.covered)
        self._view = View()
        if self._settings.pictures != "none" and not self._pictures_are_over:
            self._scene = self._eyes.scene(width, height)

    def _end_window(self) -> None:
        coverage, lines, zones = self._window.close(self._window_end_s)
        self._vigil.window_began(self._window_end_s)
        self._window_end_s += self._settings.interval_s
        method = f"nanodet-g-{self._settings.model}/every-{self._settings.every}"
        self._out(coverage)
        self._out(Counts(coverage.window_s, lines, method, self._eyes.model, zones))

    def _pulse(self, now_s: float) -> Health:
        state = self._current_state()
        if state is not self._state:
            self._state = state
            self._say(SAID_OF[state])
        people = sum(track.observed for track in self._tracks) if self._looked else 0
        health = Health(
            frame_rate=self._looked / (now_s - self._pulse_s),
            inference_ms=1000 * self._busy_s / self._looked if self._looked else 0.0,
            source=state,
            people=people,
            rate_limit=self._pace.limit if self._pace else "none",
        )
        self._pulse_s, self._looked, self._busy_s = now_s, 0, 0.0
        return health


def lines_of(settings: CounterSettings) -> tuple[Line, ...]:
    """The lines of the settings, as the counting takes them."""
    return tuple(Line(line.name, line.start, line.end) for line in settings.line)


def check_drawn(settings: CounterSettings, width: int, height: int) -> None:
    """Raise LinesError where what is drawn in pixels does not fit this picture."""
    if settings.picture_size not in (None, (width, height)):
        stated = " x ".join(map(str, settings.picture_size or ()))
        raise LinesError(
            f"the camera's picture is {width} x {height} pixels, and picture_size says {stated};"
            " draw lines and zones for the size that comes, and correct picture_size"
        )
    try:
        check_layout(settings, (width, height))
    except ValueError as error:
        raise LinesError(str(error)) from None


def zones_of(settings: CounterSettings) -> tuple[Zone, ...]:
    """The zones of the settings, as the counting takes them."""
    return tuple(Zone(zone.name, zone.polygon) for zone in settings.zone)


def _mask_of(settings: CounterSettings, width: int, height: int) -> Mask:
    try:
        return Mask([part.polygon for part in settings.mask], width, height)
    except ValueError as error:
        raise LinesError(str(error)) from None
