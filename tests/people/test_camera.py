from __future__ import annotations

import ast
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from edge_gateway.config import Config, PrivacyConfig
from edge_gateway.config_sample import sample
from edge_gateway.links.errors import DeviceSilent, LinkGone
from edge_gateway.people.boundary import (
    Counts,
    Coverage,
    Direction,
    EncodedPicture,
    Health,
    LineCount,
    Message,
    SourceState,
)
from edge_gateway.people.camera import (
    BLIND_PULSES,
    Camera,
    CameraConfig,
    counter_settings,
)
from edge_gateway.people.counter_settings import CounterSettings
from edge_gateway.people.picture_format import PictureFormat
from edge_gateway.people.window_readings import measured_of
from edge_gateway.reading import Flagged, Measurand, Measured, Quantity, Statistic

GATE: dict[str, Any] = {"name": "gate", "start": [10, 20], "end": [30, 20]}
BENCH: dict[str, Any] = {"name": "bench", "polygon": [[50, 50], [90, 50], [90, 90], [50, 90]]}
# The left and right sides meet at y = 13.3, which is the horizon.
GROUND: dict[str, Any] = {
    "picture": [[40, 20], [60, 20], [90, 50], [10, 50]],
    "metres": [[0, 0.8], [0.6, 0.8], [0.6, 0], [0, 0]],
}
TABLE: dict[str, Any] = {
    "id": "camera-1",
    "driver": "camera",
    "source": "rtsp://camera.example/stream",
    "line": [GATE],
    "least_count": 0,
    "round_to": 1,
}
PERMISSION = PrivacyConfig(
    purpose="width of the footway",
    operator="City",
    contact="city@example",
    legal_basis="ordinance 7",
    retention="counts: 5 years",
    notice_posted=True,
)
COUNTS = Counts(
    900.0,
    (LineCount("gate", Direction.FORWARD, 12), LineCount("gate", Direction.BACKWARD, 0)),
    "nanodet-g-416/every-1",
    "ab" * 32,
)
COVERAGE = Coverage(450.0, 900.0, 4500)
SEEING = Health(9.5, 20.0, SourceState.SEEING, 3)
LOST = Health(0.0, 0.0, SourceState.LOST, 0)
BLACK = np.zeros((4, 4, 3), np.uint8)
PICTURE = EncodedPicture(PictureFormat.PNG, cv2.imencode(".png", BLACK)[1].tobytes(), 7)


class Channel:
    """A link that plays messages; None is a silence, and after the last the counter is gone."""

    def __init__(self, messages: Iterable[Message | None]) -> None:
        self._messages = iter(messages)
        self.waits_s: list[float] = []
        self.last_words = ""

    def receive(self, timeout_s: float) -> Message | None:
        self.waits_s.append(timeout_s)
        for message in self._messages:
            return message
        raise LinkGone("the counter ended")


class Waiter:
    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"the driver slept for {seconds} s")


def test_the_frame_rate_comes_at_the_start_and_once_a_window() -> None:
    pulses = [SEEING, SEEING, SEEING, COVERAGE, COUNTS, SEEING, SEEING]
    rate: Measured = {Quantity.FRAME_RATE: 9.5}
    assert _heard(pulses) == [rate, measured_of(COUNTS, COVERAGE), rate]


def test_a_window_in_which_nothing_was_seen_is_missing_and_not_zero() -> None:
    assert _heard([Coverage(0.0, 900.0, 0), COUNTS]) == []


def test_small_counts_are_suppressed_where_the_table_says_so() -> None:
    config = CameraConfig.model_validate(TABLE | {"least_count": 20, "round_to": 5})
    frames = Camera(config, Channel([COVERAGE, COUNTS]), Waiter()).listen()
    forward = next(frames)[Measurand(Quantity.PEOPLE, "gate/forward", Statistic.COUNT, 900)]
    assert isinstance(forward, Flagged)
    assert forward.reason == "suppressed"


def test_counts_without_their_coverage_are_not_believed() -> None:
    assert _heard([COVERAGE, COUNTS, COUNTS]) == [measured_of(COUNTS, COVERAGE)]


def test_a_counter_that_says_nothing_for_ten_seconds_is_silent() -> None:
    channel = Channel([SEEING, None])
    frames = _camera(channel).listen()
    next(frames)
    with pytest.raises(DeviceSilent, match="10 s"):
        next(frames)
    assert channel.waits_s[-1] == 10.0


def test_a_counter_that_stays_silent_hangs_and_is_a_gone_link() -> None:
    camera = _camera(Channel([SEEING, None, None]))
    with pytest.raises(DeviceSilent):
        list(camera.listen())
    with pytest.raises(LinkGone, match="hangs"):
        next(camera.listen())


def test_a_counter_has_longer_to_load_before_its_first_word() -> None:
    channel = Channel([None])
    with pytest.raises(DeviceSilent, match="45 s"):
        next(_camera(channel).listen())


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (SourceState.LOST, "gives no picture"),
        (SourceState.OPENING, "gives no picture"),
        (SourceState.FROZEN, "same picture"),
        (SourceState.DARK, "is dark"),
        (SourceState.BLOCKED, "covers the camera's lens"),
        (SourceState.BLURRED, "out of focus"),
        (SourceState.ENDED, "loop = true"),
    ],
)
def test_a_camera_blind_for_ten_pulses_is_silent_and_says_why(
    state: SourceState, says: str
) -> None:
    channel = Channel([Health(0.0, 0.0, state, 0)] * BLIND_PULSES)
    channel.last_words = "counter: no picture from rtsp://camera.example/stream"
    with pytest.raises(DeviceSilent, match=says) as error:
        next(_camera(channel).listen())
    assert "camera.example" in str(error.value)
    assert len(channel.waits_s) == BLIND_PULSES


def test_a_camera_that_only_blinks_is_not_silent() -> None:
    blinks = [SEEING, *[LOST] * (BLIND_PULSES - 1), SEEING, *[LOST] * (BLIND_PULSES - 1)]
    assert len(_heard(blinks)) == 1


def test_sight_that_comes_back_is_told_at_once() -> None:
    camera = _camera(Channel([SEEING, *[LOST] * BLIND_PULSES, SEEING]))
    frames = camera.listen()
    next(frames)
    with pytest.raises(DeviceSilent):
        next(frames)
    assert next(camera.listen()) == {Quantity.FRAME_RATE: 9.5}


def test_a_counter_that_ended_is_a_gone_link() -> None:
    with pytest.raises(LinkGone):
        next(_camera(Channel([])).listen())


def test_picture_health_and_counts_stand_beside_the_measurements() -> None:
    camera = _camera(Channel([SEEING, PICTURE, COVERAGE, COUNTS]))
    before = (camera.latest_picture, camera.latest_health, camera.latest_counts)
    with pytest.raises(LinkGone):
        list(camera.listen())
    after = (camera.latest_picture, camera.latest_health, camera.latest_counts)
    assert (before, after) == ((None, None, None), (PICTURE, SEEING, COUNTS))


def test_a_table_needs_only_source_and_lines() -> None:
    config = CameraConfig.model_validate(TABLE)
    assert (config.model, config.interval_s, config.pictures) == (416, 900, "none")
    assert (config.every, config.threads, config.loop) == (1, 1, False)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"line": []}, "at least 1"),
        ({"line": [GATE, GATE]}, "'gate' is used 2 times"),
        ({"line": [GATE | {"end": [10, 20]}]}, "starts and ends at"),
        ({"line": [GATE | {"name": "My gate"}]}, "pattern"),
        ({"line": [GATE | {"start": [-1, 20]}]}, "greater than or equal to 0"),
        ({"line": [GATE | {"start": [1, 2, 3]}]}, "at most 2"),
        ({"line": [GATE | {"colour": "red"}]}, "colour"),
        ({"model": 640}, "416 or 320"),
        ({"interval_s": 0}, "greater than or equal to 1"),
        ({"every": 0}, "greater than or equal to 1"),
        ({"source": ""}, "at least 1"),
        ({"zone": [BENCH, BENCH]}, "zone name 'bench' is used 2 times"),
        ({"zone": [BENCH | {"name": "gate"}]}, "names both a line and a zone"),
        ({"zone": [BENCH | {"polygon": [[0, 0], [9, 9]]}]}, "at least 3"),
        (
            {"zone": [BENCH | {"polygon": [[0, 0], [90, 90], [90, 0], [0, 90]]}]},
            "zone.0.polygon\n.*crosses itself: the side from .0, 0. to .90, 90.",
        ),
        ({"mask": [{"polygon": [[0, 0], [5, 5], [9, 9]]}]}, "mask.0.polygon\n.*enclose no area"),
        (
            {"mask": [{"polygon": [[0, 0], [90, 0], [90, 90], [0, 90]]}]},
            "'gate' lies inside mask 1",
        ),
        ({"picture_size": [320, 15]}, "picture_size.1\n.*greater than or equal to 16"),
        ({"picture_size": [640, 18]}, "start = .10, 20. is outside the picture"),
        ({"picture_size": [1024, 1024]}, "'gate' lies within 31 pixels of the left edge"),
        ({"ground": GROUND | {"metres": [[0, 0], [1, 0], [2, 0], [0, 9]]}}, "of metres lie almost"),
        ({"ground": GROUND | {"metres": [[0, 8], [6, 0], [6, 8], [0, 0]]}}, "go around an area"),
        ({"ground": GROUND, "line": [GATE | {"end": [30, 0]}]}, "beyond the horizon"),
        ({"pictures": "all"}, "'none', 'scene' or 'calibration'"),
        ({"picture_interval_s": 9}, "greater than or equal to 10"),
        ({"max_cpu": 0}, "greater than 0"),
        ({"stand_still_s": 10}, "greater than or equal to 60"),
    ],
)
def test_a_wrong_table_says_what_is_wrong(change: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        CameraConfig.model_validate(TABLE | change)


def test_the_counter_is_told_what_the_table_says() -> None:
    config = CameraConfig.model_validate(
        TABLE
        | {"model": 320, "interval_s": 60, "pictures": "scene", "every": 2, "loop": True}
        | {"zone": [BENCH], "mask": [{"polygon": [[0, 0], [8, 0], [8, 8]]}], "ground": GROUND}
        | {"picture_size": [320, 240], "max_cpu": 0.5, "max_celsius": 70, "stand_still_s": 900}
    )
    settings = counter_settings(config, PERMISSION)
    assert settings.permission == PERMISSION
    told = CounterSettings.model_fields.keys() - {"permission"}
    assert {key: getattr(settings, key) for key in told} == {
        key: getattr(config, key) for key in told
    }


def test_a_camera_without_the_privacy_table_is_no_valid_configuration() -> None:
    config = CameraConfig.model_validate(TABLE)
    with pytest.raises(ValidationError, match="privacy"):
        Config.model_validate(
            {"gateway": {"id": "pole"}, "uplink": {"host": "broker"}, "device": [config]}
        )


def test_the_sample_shows_the_camera_and_keeps_it_off() -> None:
    text = sample({"camera": (Camera.title, CameraConfig)})
    assert '# # pictures = "none"' in text
    assert "# [[device.line]]" in text


def test_the_driver_knows_neither_time_nor_threads() -> None:
    import edge_gateway.people.camera as module  # noqa: PLC0415 - only its file is of interest

    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
    assert names.isdisjoint({"time", "threading", "sqlite3", "paho"})


def _camera(channel: Channel) -> Camera:
    return Camera(CameraConfig.model_validate(TABLE), channel, Waiter())


def _heard(messages: Iterable[Message]) -> list[Measured]:
    """All that the driver yields until the counter is gone."""
    heard: list[Measured] = []
    with pytest.raises(LinkGone):
        heard.extend(_camera(Channel(messages)).listen())
    return heard


def test_as_shipped_counts_below_ten_are_suppressed_and_others_rounded_to_five() -> None:
    table = {key: TABLE[key] for key in TABLE if key not in {"least_count", "round_to"}}
    config = CameraConfig.model_validate(table)
    assert (config.least_count, config.round_to, config.interval_s) == (10, 5, 900)
