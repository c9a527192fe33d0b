"""The counter's loop in this process, on pictures and times made here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest

from edge_gateway.config import PrivacyConfig
from edge_gateway.people.boundary import (
    Counts,
    Coverage,
    Direction,
    EncodedPicture,
    Health,
    Message,
    SourceState,
)
from edge_gateway.people.counter_settings import CounterSettings, LineConfig, ZoneConfig
from edge_gateway.people.detect import Boxes
from edge_gateway.people.frame import Frame, Picture, Source
from edge_gateway.people.lines import Crossing, LinesError
from edge_gateway.people.lines import Direction as Way
from edge_gateway.people.picture_format import PictureFormat
from edge_gateway.people.track import FootPoint, Track
from edge_gateway.people.watch import Eyes, run_counter

MODEL = "ab" * 32
PNG = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
SETTINGS = CounterSettings(
    permission=PrivacyConfig(
        purpose="width of the footway",
        operator="City",
        contact="city@example",
        legal_basis="ordinance 7",
        retention="counts: 5 years",
        notice_posted=True,
    ),
    source="played",
    line=(LineConfig(name="gate", start=(10, 20), end=(30, 20)),),
    interval_s=10,
)


class Clock:
    """Time passes only by hand."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Played(Source):
    """Ten pictures a second, for every tenth of a second that is not dark; time is the clock's."""

    def __init__(
        self,
        clock: Clock,
        *,
        dark: Callable[[float], bool] = lambda _now_s: False,
        cuts: Sequence[int] = (),
        shape: tuple[int, int] = (120, 160),
    ) -> None:
        self.frame_rate = 10.0
        self._clock = clock
        self._dark = dark
        self._cuts = cuts
        self._shape = shape
        self._number = 0

    @property
    def state(self) -> SourceState:
        return SourceState.LOST if self._dark(self._clock.now_s) else SourceState.SEEING

    def next_frame(self, timeout_s: float) -> Frame | None:
        del timeout_s
        self._clock.now_s = round(self._clock.now_s + 0.1, 6)
        self._number += 1
        if self._dark(self._clock.now_s):
            return None
        picture = np.zeros((*self._shape, 3), np.uint8)
        return Frame(self._number, self._clock.now_s, picture, self._number in self._cuts)

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Seen:
    boxes: Boxes
    tracks: Sequence[Track]
    crossings: Sequence[Crossing]


@dataclass
class Chain:
    """Counting that sees one person, who crosses at the given picture numbers."""

    crossings: Iterable[int] = ()
    stands: tuple[float, float] | None = None
    numbers: list[int] = field(default_factory=list[int])

    def update(self, picture: Picture, frame_number: int, time_s: float) -> Seen:
        del picture
        self.numbers.append(frame_number)
        crossed = [
            Crossing(frame_number, time_s, "gate", Way.FORWARD, 1)
            for number in self.crossings
            if number == frame_number
        ]
        tracks: list[Track] = []
        if self.stands is not None:
            x, y = self.stands
            step = FootPoint(time_s, x, y)
            tracks.append(Track(1, x, y, 5, 20, observed=True, score=0.9, steps=(step,)))
        return Seen(np.zeros((0, 5), np.float32), tracks, crossed)


class Sketch:
    """A scene that draws the same small picture and notes when."""

    def __init__(self) -> None:
        self.learnt = 0
        self.forgotten = 0

    def forget(self) -> None:
        self.forgotten += 1

    def learn(self, picture: Picture, boxes: Boxes, time_s: float) -> None:
        del picture, boxes, time_s
        self.learnt += 1

    def draw(self, tracks: Iterable[Track], monotonic_ns: int) -> EncodedPicture:
        del tracks
        return EncodedPicture(PictureFormat.PNG, PNG, monotonic_ns)


@dataclass
class Run:
    """What one run of the counter sent and said."""

    messages: list[Message] = field(default_factory=list[Message])
    said: list[str] = field(default_factory=list[str])
    chains: list[Chain] = field(default_factory=list[Chain])
    sketches: list[Sketch] = field(default_factory=list[Sketch])

    def of(self, kind: type[Message]) -> list[Message]:
        return [message for message in self.messages if isinstance(message, kind)]


def test_each_window_sends_its_coverage_and_then_its_counts() -> None:
    run = _run(20.5, crossings=[5, 7, 150])
    windows = [m for m in run.messages if isinstance(m, (Coverage, Counts))]
    assert [type(message) for message in windows] == [Coverage, Counts, Coverage, Counts]
    assert [_forward(message) for message in windows[1::2]] == [2, 1]


def test_a_window_that_is_not_over_sends_nothing() -> None:
    assert not _run(9.9, crossings=[5]).of(Counts)


def test_a_window_has_the_length_of_the_settings() -> None:
    lengths = [m.window_s for m in _run(30.5).messages if isinstance(m, (Coverage, Counts))]
    assert lengths == pytest.approx([10.0] * 6)


def test_counts_name_their_method_and_model() -> None:
    settings = SETTINGS.model_copy(update={"every": 2, "model": 320})
    counts = _run(10.5, settings).of(Counts)[0]
    assert isinstance(counts, Counts)
    assert (counts.method, counts.model) == ("nanodet-g-320/every-2", MODEL)


def test_four_dark_seconds_lower_the_coverage_by_four_tenths() -> None:
    coverage = _run(10.5, dark=lambda now_s: 3.0 < now_s < 7.0).of(Coverage)[0]
    assert isinstance(coverage, Coverage)
    assert coverage.ratio == pytest.approx(0.6, abs=0.02)


def test_a_pulse_comes_each_second_with_the_rate_that_was_kept() -> None:
    pulses = _run(5.05).of(Health)
    assert len(pulses) == 5
    assert [p.frame_rate for p in pulses if isinstance(p, Health)] == pytest.approx([9, *[10] * 4])


def test_a_pulse_says_when_the_camera_is_lost_and_people_are_told_once() -> None:
    run = _run(8.05, dark=lambda now_s: 3.0 < now_s < 6.5)
    states = [p.source for p in run.messages if isinstance(p, Health)]
    assert states == [SourceState.SEEING] * 3 + [SourceState.LOST] * 3 + [SourceState.SEEING] * 2
    assert run.said == ["no picture comes; trying again", "pictures come"]


def test_every_second_picture_is_looked_at_when_the_settings_say_so() -> None:
    settings = SETTINGS.model_copy(update={"every": 2})
    assert _run(0.95, settings).chains[-1].numbers == [1, 3, 5, 7, 9]


def test_nobody_is_followed_over_a_cut() -> None:
    run = _run(0.95, cuts=[6])
    assert [chain.numbers for chain in run.chains if chain.numbers] == [
        [1, 2, 3, 4, 5],
        [6, 7, 8, 9, 10],
    ]


def test_a_cut_is_seen_also_between_the_pictures_that_are_looked_at() -> None:
    settings = SETTINGS.model_copy(update={"every": 4})
    numbers = [chain.numbers for chain in _run(1.15, settings, cuts=[6]).chains if chain.numbers]
    assert numbers == [[1, 5], [6, 10]]


def test_by_default_no_picture_leaves_and_none_is_learnt_from() -> None:
    run = _run(30.0)
    assert not run.of(EncodedPicture)
    assert not run.sketches


def test_pictures_leave_at_their_interval_when_the_settings_say_so() -> None:
    run = _run(9.95, SETTINGS.model_copy(update={"pictures": "scene", "picture_interval_s": 4.0}))
    times = [m.monotonic_ns / 1e9 for m in run.messages if isinstance(m, EncodedPicture)]
    assert times == pytest.approx([4.0, 8.0], abs=0.11)
    assert run.sketches[0].learnt == 100


def test_a_camera_that_comes_back_may_look_at_another_place() -> None:
    run = _run(
        1.0,
        SETTINGS.model_copy(update={"pictures": "scene", "picture_interval_s": 4.0}),
        cuts=[4, 8],
    )
    assert run.sketches[0].forgotten == 2


def test_calibration_pictures_come_each_second_and_end_after_ten_minutes() -> None:
    run = _run(602.0, SETTINGS.model_copy(update={"pictures": "calibration"}))
    times = [m.monotonic_ns / 1e9 for m in run.messages if isinstance(m, EncodedPicture)]
    assert len(times) == pytest.approx(600, abs=60)
    assert max(times) < 600


def test_a_picture_of_another_size_than_stated_is_refused() -> None:
    settings = SETTINGS.model_copy(update={"picture_size": (320, 240)})
    with pytest.raises(LinesError, match="160 x 120 pixels, and picture_size says 320 x 240"):
        _run(1.0, settings)


def test_lines_that_cross_are_told_once_the_picture_is_there() -> None:
    lines = (*SETTINGS.line, LineConfig(name="door", start=(20, 10), end=(20, 90)))
    run = _run(1.0, SETTINGS.model_copy(update={"line": lines}))
    assert ["'gate' and 'door' cross" in sentence for sentence in run.said] == [True]


def test_zones_are_counted_in_each_window_and_a_cut_ends_their_stays() -> None:
    zone = ZoneConfig(name="square", polygon=((50, 10), (150, 10), (150, 100), (50, 100)))
    run = _run(20.5, SETTINGS.model_copy(update={"zone": (zone,)}), cuts=[51], stands=(100.0, 60.0))
    zones = [m.zones[0] for m in run.messages if isinstance(m, Counts)]
    assert [(part.entered, sum(part.dwell), sum(part.running)) for part in zones] == [
        (2, 1, 1),
        (0, 0, 1),
    ]
    assert [part.mean_people for part in zones] == pytest.approx([1.0, 1.0], abs=0.03)


def test_a_line_outside_the_picture_is_refused() -> None:
    with pytest.raises(LinesError, match="gate"):
        _run(1.0, shape=(18, 160))


def _run(
    seconds: float,
    settings: CounterSettings = SETTINGS,
    *,
    crossings: Iterable[int] = (),
    dark: Callable[[float], bool] = lambda _now_s: False,
    cuts: Sequence[int] = (),
    shape: tuple[int, int] = (120, 160),
    stands: tuple[float, float] | None = None,
) -> Run:
    """Run the counter for so many seconds of its own clock."""
    run, clock = Run(), Clock()

    def counting() -> Chain:
        run.chains.append(Chain(crossings, stands))
        return run.chains[-1]

    def scene(width: int, height: int) -> Sketch:
        del width, height
        run.sketches.append(Sketch())
        return run.sketches[-1]

    run_counter(
        settings,
        run.messages.append,
        source=Played(clock, dark=dark, cuts=cuts, shape=shape),
        eyes=Eyes(counting, scene, MODEL),
        stop=lambda: clock.now_s >= seconds,
        say=run.said.append,
        clock=clock,
    )
    return run


def _forward(message: Message) -> int:
    assert isinstance(message, Counts)
    return next(part.count for part in message.lines if part.direction is Direction.FORWARD)
