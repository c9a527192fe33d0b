"""The counter's loop with sight, mask and pictures: what is counted, learnt, drawn and said."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_gateway.config import PrivacyConfig
from edge_gateway.people.boundary import Coverage, EncodedPicture, Health, Message, SourceState
from edge_gateway.people.counter_settings import CounterSettings, LineConfig, MaskConfig
from edge_gateway.people.detect import Boxes
from edge_gateway.people.eyes import Eyes
from edge_gateway.people.frame import Frame, Picture, Source
from edge_gateway.people.lines import Crossing
from edge_gateway.people.picture_format import PictureFormat
from edge_gateway.people.sight import View
from edge_gateway.people.track import Track
from edge_gateway.people.watch import run_counter

PNG: Final = cv2.imencode(".png", np.zeros((4, 4, 3), np.uint8))[1].tobytes()
SETTINGS: Final = CounterSettings(
    permission=PrivacyConfig(
        purpose="width of the footway",
        operator="City",
        contact="city@example",
        legal_basis="ordinance 7",
        retention="counts: 5 years",
        notice_posted=True,
    ),
    source="played",
    line=(LineConfig(name="gate", start=(30, 60), end=(130, 60)),),
    interval_s=10,
)
GOOD: Final = View()
DOUBT: Final = View(doubtful=True)
COVERED: Final = View(SourceState.BLOCKED)
MOVED: Final = View(moved=True)


class Played(Source):
    """Ten white pictures a second on a clock of its own; some repeat the one before."""

    def __init__(self, repeats: Callable[[float], bool]) -> None:
        self.frame_rate = 10.0
        self.now_s = 0.0
        self.frozen = False
        self._repeats = repeats
        self._number = 0

    @property
    def state(self) -> SourceState:
        return SourceState.FROZEN if self.frozen else SourceState.SEEING

    def next_frame(self, timeout_s: float) -> Frame | None:
        del timeout_s
        self.now_s = round(self.now_s + 0.1, 6)
        self._number += 1
        picture = np.full((120, 160, 3), 255, np.uint8)
        repeats = self._repeats(self.now_s)
        return Frame(self._number, self.now_s, picture, repeats=repeats)

    def close(self) -> None:
        pass


@dataclass(frozen=True)
class Nobody:
    boxes: Boxes = field(default_factory=lambda: np.zeros((0, 5), np.float32))
    tracks: tuple[Track, ...] = ()
    crossings: tuple[Crossing, ...] = ()


@dataclass
class Run:
    """What the parts of one run of the counter were given, and what it sent and said."""

    messages: list[Message] = field(default_factory=list[Message])
    said: list[str] = field(default_factory=list[str])
    counted: list[tuple[float, Picture]] = field(default_factory=list[tuple[float, Picture]])
    learnt: list[tuple[float, Picture]] = field(default_factory=list[tuple[float, Picture]])
    judged: list[Picture] = field(default_factory=list[Picture])
    chains: int = 0
    forgotten: int = 0
    view_at: Callable[[float], View] = lambda _now_s: GOOD

    def look(self, picture: Picture, now_s: float) -> View:
        self.judged.append(picture)
        return self.view_at(now_s)

    def update(self, picture: Picture, frame_number: int, time_s: float, /) -> Nobody:
        del frame_number
        self.counted.append((time_s, picture))
        return Nobody()

    def learn(self, picture: Picture, boxes: Boxes, time_s: float) -> None:
        del boxes
        self.learnt.append((time_s, picture))

    def forget(self) -> None:
        self.forgotten += 1

    def draw(self, tracks: Iterable[Track], monotonic_ns: int) -> EncodedPicture:
        del tracks
        return EncodedPicture(PictureFormat.PNG, PNG, monotonic_ns)

    def chain(self) -> Run:
        self.chains += 1
        return self

    @property
    def coverages(self) -> list[Coverage]:
        return [m for m in self.messages if isinstance(m, Coverage)]

    @property
    def picture_times_s(self) -> list[float]:
        return [m.monotonic_ns / 1e9 for m in self.messages if isinstance(m, EncodedPicture)]


def played(
    seconds: float,
    view_at: Callable[[float], View] = lambda _now_s: GOOD,
    *,
    repeats: Callable[[float], bool] = lambda _now_s: False,
    frozen_from_s: float = 1e9,
    **settings: object,
) -> Run:
    """Run the counter for so many seconds of its own clock."""
    run, source = Run(view_at=view_at), Played(repeats)

    def clock() -> float:
        source.frozen = source.now_s >= frozen_from_s
        return source.now_s

    def scene(width: int, height: int) -> Run:
        assert (width, height) == (160, 120)
        return run

    def sight(hidden: NDArray[np.bool_]) -> Run:
        assert hidden.shape == (120, 160)
        return run

    run_counter(
        SETTINGS.model_copy(update=settings),
        run.messages.append,
        source=source,
        eyes=Eyes(run.chain, scene, "ab" * 32, sight),
        stop=lambda: source.now_s >= seconds,
        say=run.said.append,
        clock=clock,
    )
    return run


def test_what_cannot_be_seen_is_neither_counted_nor_learnt_from() -> None:
    run = played(9.95, lambda t: COVERED if 3 < t < 7 else GOOD, pictures="scene")
    assert not [t for t, _ in run.counted if 3 < t < 7]
    assert not [t for t, _ in run.learnt if 3 < t < 7]


def test_time_without_sight_is_told_with_its_cause_from_the_first_doubt_on() -> None:
    def view(now_s: float) -> View:
        return DOUBT if 3 < now_s < 6 else COVERED if 6 <= now_s < 8 else GOOD

    coverage = played(10.5, view).coverages[0]
    assert coverage.observed_s == pytest.approx(5.0, abs=0.3)
    assert [part.state for part in coverage.unseen_s] == [SourceState.BLOCKED]
    assert coverage.unseen_s[0].seconds == pytest.approx(5.0, abs=0.3)


def test_a_doubt_that_proves_wrong_costs_nothing() -> None:
    coverage = played(10.5, lambda t: DOUBT if 3 < t < 6 else GOOD).coverages[0]
    assert coverage.ratio == pytest.approx(1.0, abs=0.02)
    assert coverage.unseen_s == ()


def test_a_picture_that_repeats_for_ever_costs_the_time_since_it_first_came() -> None:
    run = played(10.5, repeats=lambda t: t > 4, frozen_from_s=9.0)
    assert run.coverages[0].observed_s == pytest.approx(4.0, abs=0.3)
    assert run.coverages[0].unseen_s[0].seconds == pytest.approx(6.0, abs=0.3)


def test_a_thrifty_encoder_that_repeats_for_some_seconds_costs_nothing() -> None:
    run = played(10.5, repeats=lambda t: t % 3 > 0.5)
    assert run.coverages[0].ratio > 0.95


def test_a_window_without_any_sight_has_no_observed_second() -> None:
    coverages = played(30.5, lambda t: COVERED if 5 < t < 25 else GOOD).coverages
    assert [coverage.observed_s for coverage in coverages] == [
        pytest.approx(5.0, abs=0.3),
        0.0,
        pytest.approx(5.0, abs=0.3),
    ]


def test_a_pulse_names_what_is_wrong_and_people_are_told_once_each_way() -> None:
    run = played(9.95, lambda t: COVERED if 3 < t < 7 else GOOD)
    states = [m.source for m in run.messages if isinstance(m, Health)]
    assert states.count(SourceState.BLOCKED) == pytest.approx(4, abs=1)
    assert [said.split(";")[0] for said in run.said] == [
        "something covers the lens",
        "pictures come",
    ]


def test_after_time_without_sight_nobody_is_followed_on() -> None:
    run = played(9.95, lambda t: COVERED if 3 < t < 7 else GOOD)
    assert run.chains == played(9.95).chains + 1


def test_a_moved_camera_is_a_cut_and_its_scene_is_forgotten() -> None:
    run = played(9.95, lambda t: MOVED if t == 5.0 else GOOD, pictures="scene")
    assert run.forgotten == 1
    assert run.chains == played(9.95).chains + 1
    assert "looks elsewhere" in run.said[0]


def test_a_mask_is_applied_before_anything_else_sees_the_picture() -> None:
    window = MaskConfig(polygon=((0, 0), (20, 0), (20, 20), (0, 20)))
    run = played(2.0, pictures="scene", mask=(window,))
    seen = [*run.judged, *(p for _, p in run.counted), *(p for _, p in run.learnt)]
    assert len(seen) >= 50
    assert not any(picture[:20, :20].any() for picture in seen)
    assert all(picture[40:, 40:].all() for picture in seen)


def test_by_default_no_picture_leaves() -> None:
    assert not played(30.0).picture_times_s


def test_a_scene_leaves_at_its_interval_and_not_while_nothing_is_seen() -> None:
    run = played(
        45.0,
        lambda t: COVERED if 15 < t < 25 else GOOD,
        pictures="scene",
        picture_interval_s=10.0,
    )
    assert run.picture_times_s == pytest.approx([10.0, 25.0, 35.0], abs=0.35)


def test_calibration_ends_by_itself_and_says_so() -> None:
    run = played(610.0, pictures="calibration", interval_s=900)
    assert len(run.picture_times_s) == pytest.approx(599, abs=1)
    assert max(run.picture_times_s) < 600
    assert "10 minutes" in run.said[0]
    assert "calibration has ended" in run.said[-1]
    assert max(t for t, _ in run.learnt) <= 600.1
