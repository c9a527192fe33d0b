"""Independent detectors find people in real clips, and nobody in what the anonymizer makes of them.

The larger proof, with more detectors and longer scenes, is benchmarks/anonymize_proof.py.
"""

import os
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge_gateway.people.anonymize import Anonymizer, Marker
from edge_gateway.people.detect import Detector, shipped_model
from edge_gateway.people.responses import Boxes
from edge_gateway.people.sketch import draw_scene

Bgr = NDArray[np.uint8]
Finder = Callable[[Bgr], int]

DATA = Path(os.environ.get("EDGE_GATEWAY_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
CLIPS = ("store-aisle-detection", "worker-zone-detection", "people-detection")
PLAYED_S = 11.0
"""Each clip is played to and fro for so long; the scene begins to be known after 8 s."""
RATE = 6.0
"""Every second frame or so of the clips: frames a second."""
FOUND = 0.35
CELLS = 192


def frames_of(name: str) -> list[Bgr]:
    path = DATA / "intel-sample-videos" / f"{name}.gif"
    if not path.is_file():
        pytest.skip(f"{path} is missing: set EDGE_GATEWAY_TEST_DATA to the folder of test footage")
    capture = cv2.VideoCapture(str(path))
    frames: list[Bgr] = []
    while (read := capture.read())[0]:
        frames.append(np.asarray(read[1], np.uint8))
    return frames[::2]


@pytest.fixture(scope="module")
def clips() -> dict[str, list[tuple[Bgr, Boxes]]]:
    """The frames of each clip, with what the product's detector responds to."""
    detector = Detector(shipped_model(320))
    return {name: [(frame, detector.detect(frame)) for frame in frames_of(name)] for name in CLIPS}


@pytest.fixture(scope="module")
def finders() -> dict[str, Finder]:
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))
    other = Detector(shipped_model(416))

    def by_hog(picture: Bgr) -> int:
        doubled = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        return len(hog.detectMultiScale(doubled, winStride=(8, 8), scale=1.05)[0])

    return {"HOG": by_hog, "NanoDet 416": lambda picture: len(other.detect(picture, FOUND))}


@pytest.mark.parametrize("detector", ["seeing", "blinded"])
@pytest.mark.parametrize("name", CLIPS)
def test_nobody_is_found_in_the_anonymized_clip(
    name: str, detector: str, clips: dict[str, list[tuple[Bgr, Boxes]]], finders: dict[str, Finder]
) -> None:
    clip = clips[name]
    order = [*range(len(clip)), *range(len(clip) - 2, 0, -1)]
    anonymizer = Anonymizer(clip[0][0].shape[1], clip[0][0].shape[0])
    found = dict.fromkeys(finders, 0)
    steps = int(PLAYED_S * RATE)
    for step in range(steps):
        frame, boxes = clip[order[step % len(order)]]
        anonymizer.learn(frame, boxes[: None if detector == "seeing" else 0], step / RATE)
        if step in (steps - 10, steps - 1):
            feet = [Marker(x + w / 2, y + h, h) for x, y, w, h, _score in boxes.tolist()]
            picture = anonymizer.picture(feet).pixels
            for finder, find in finders.items():
                found[finder] += find(picture)
    assert found == dict.fromkeys(finders, 0)


def test_people_are_found_in_the_clips_but_hardly_any_in_a_drawing_of_them(
    clips: dict[str, list[tuple[Bgr, Boxes]]], finders: dict[str, Finder]
) -> None:
    before, after = dict.fromkeys(finders, 0), 0
    for name in CLIPS:
        for frame, _boxes in clips[name][5::12]:
            height, width = frame.shape[:2]
            rows = round(height * CELLS / width)
            scene = cv2.resize(frame, (2 * CELLS, 2 * rows), interpolation=cv2.INTER_AREA)
            everything = np.ones((rows, CELLS), np.bool_)
            drawn = draw_scene(np.asarray(scene, np.uint8), everything, (width, height))
            for finder, find in finders.items():
                before[finder] += find(frame)
                after += find(drawn)
    assert min(before.values()) >= 2, before
    assert after <= sum(before.values()) / 5
