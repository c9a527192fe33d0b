from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
import pytest

from edge_gateway.people.boundary import EncodedPicture, Message
from edge_gateway.people.camera import Camera, CameraConfig
from edge_gateway.people.gallery import BEGUN, CALIBRATION_OVER_S, ENDED, Gallery
from edge_gateway.people.picture_format import PictureFormat
from edge_gateway.reading import Stamp

JPEG = cv2.imencode(".jpg", np.zeros((8, 8, 3), np.uint8))[1].tobytes()


class Silent:
    last_words = ""

    def receive(self, timeout_s: float) -> Message | None:
        del timeout_s


class Waiter:
    def sleep(self, seconds: float) -> None:
        del seconds


@pytest.mark.parametrize("mode", ["none", "calibration"])
def test_only_a_scene_is_handed_on(mode: str) -> None:
    assert not list(Gallery().new(_cameras(mode, 1.0)))


def test_each_picture_of_a_scene_is_handed_on_once() -> None:
    gallery, cameras = Gallery(), _cameras("scene", 1.0)
    assert [device for device, _ in gallery.new(cameras)] == ["camera-1"]
    assert not list(gallery.new(cameras))
    assert len(list(gallery.new(_cameras("scene", 2.0)))) == 1


def test_a_camera_without_a_picture_gives_none() -> None:
    assert not list(Gallery().new(_cameras("scene", None)))


def test_calibration_pictures_are_told_when_they_begin_and_when_they_end() -> None:
    gallery = Gallery()
    told = [
        [(event.kind, event.subject) for event in gallery.events(cameras, _at(now_s))]
        for cameras, now_s in [
            (_cameras("calibration", None), 1.0),
            (_cameras("calibration", 2.0), 2.5),
            (_cameras("calibration", 3.0), 3.5),
            (_cameras("calibration", 3.0), 3.5 + CALIBRATION_OVER_S),
            (_cameras("calibration", 3.0), 30.0),
        ]
    ]
    assert told == [[], [(BEGUN, "camera-1")], [], [(ENDED, "camera-1")], []]


@pytest.mark.parametrize("mode", ["none", "scene"])
def test_other_pictures_are_no_events(mode: str) -> None:
    assert not list(Gallery().events(_cameras(mode, 1.0), _at(1.0)))


def _at(seconds: float) -> Stamp:
    return Stamp("boot", round(seconds * 1e9))


def _cameras(mode: str, picture_s: float | None) -> Mapping[str, object]:
    config = CameraConfig.model_validate(
        {
            "id": "camera-1",
            "driver": "camera",
            "source": "clip.avi",
            "pictures": mode,
            "line": [{"name": "gate", "start": [10, 60], "end": [150, 60]}],
        }
    )
    camera = Camera(config, Silent(), Waiter())
    if picture_s is not None:
        camera.latest_picture = EncodedPicture(PictureFormat.JPEG, JPEG, round(picture_s * 1e9))
    return {"camera-1": camera, "thermometer": object()}
