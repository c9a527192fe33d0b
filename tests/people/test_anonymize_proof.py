"""Independent detectors find people in real clips, and nobody in what the anonymizer makes of them.

The larger proof, with more detectors, scenes and pictures, is `make privacy`.
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
STREET = (640, 480)
NOBODY = np.zeros((0, 5), np.float32)


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


def test_people_are_found_in_the_clips_but_none_in_a_drawing_of_them(
    clips: dict[str, list[tuple[Bgr, Boxes]]], finders: dict[str, Finder]
) -> None:
    before, after = dict.fromkeys(finders, 0), dict.fromkeys(finders, 0)
    for name in CLIPS:
        for frame, _boxes in clips[name][5::12]:
            for finder, find in finders.items():
                before[finder] += find(frame)
                after[finder] += find(drawn_whole(frame))
    assert min(before.values()) >= 2, before
    assert after == dict.fromkeys(finders, 0)


@pytest.mark.parametrize("height_px", [150, 300, 420])
def test_nobody_is_found_who_stands_from_the_first_frame_before_a_blind_detector(
    height_px: int, clips: dict[str, list[tuple[Bgr, Boxes]]], finders: dict[str, Finder]
) -> None:
    still = with_figure(worker(clips), height_px)
    anonymizer = Anonymizer(STREET[0], STREET[1])
    for step in range(int(PLAYED_S * RATE)):
        anonymizer.learn(still, NOBODY, step / RATE)
    assert anonymizer.known_fraction > 0.99
    drawn = anonymizer.picture([Marker(STREET[0] / 2, 10.0 + height_px, height_px)]).pixels
    assert finders["NanoDet 416"](still) > 0
    assert [find(drawn) for find in finders.values()] == [0] * len(finders)


@pytest.mark.parametrize("height_px", [150, 300, 420])
def test_a_figure_who_is_drawn_all_the_same_is_a_few_patches_of_colour(
    height_px: int, clips: dict[str, list[tuple[Bgr, Boxes]]]
) -> None:
    empty, figure = drawn_whole(street()), drawn_whole(with_figure(worker(clips), height_px))
    change = cv2.absdiff(empty, figure).astype(np.float32)
    across = cv2.resize(change, (16, 8), interpolation=cv2.INTER_AREA).max(axis=2)
    steps = np.abs(np.diff(across, axis=1)).max()
    assert steps < 20


def drawn_whole(frame: Bgr) -> Bgr:
    """Draw a frame as though everything in it had been learnt."""
    height, width = frame.shape[:2]
    rows = round(height * CELLS / width)
    scene = cv2.resize(frame, (2 * CELLS, 2 * rows), interpolation=cv2.INTER_AREA)
    everything = np.ones((rows, CELLS), np.bool_)
    return draw_scene(np.asarray(scene, np.uint8), everything, (width, height))


def worker(clips: dict[str, list[tuple[Bgr, Boxes]]]) -> Bgr:
    """Cut the person whom the detector is surest of out of the worker's clip."""
    frame, boxes = max(
        clips["worker-zone-detection"], key=lambda pair: pair[1][:, 4].max(initial=0)
    )
    left, top, width, height = boxes[boxes[:, 4].argmax(), :4].astype(int).tolist()
    return frame[top : top + height, left : left + width]


def street() -> Bgr:
    coarse = np.random.default_rng(3).uniform(90, 150, (6, 8, 3)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, STREET), np.uint8)


def with_figure(figure: Bgr, height_px: int) -> Bgr:
    """Put a figure, so many pixels high, into the middle of a street."""
    picture = street()
    width = round(figure.shape[1] * height_px / figure.shape[0])
    left = (STREET[0] - width) // 2
    part = cv2.resize(figure, (width, height_px), interpolation=cv2.INTER_CUBIC)
    picture[10 : 10 + height_px, left : left + width] = part
    return picture
