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
from edge_gateway.people.sketch import draw_scene

Bgr = NDArray[np.uint8]
Finder = Callable[[Bgr], int]

DATA = Path(os.environ.get("EDGE_GATEWAY_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
CLIPS = {"store-aisle-detection": 12.0, "worker-zone-detection": 12.0, "people-detection": 12.0}
"""Names, and for how many seconds each is played to and fro."""
RATE = 12.5
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
    return frames


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(shipped_model(320))


@pytest.fixture(scope="module")
def finders() -> dict[str, Finder]:
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))
    other = Detector(shipped_model(416))

    def by_hog(picture: Bgr) -> int:
        doubled = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        return len(hog.detectMultiScale(doubled, winStride=(8, 8), scale=1.05)[0])

    return {"HOG": by_hog, "NanoDet 416": lambda picture: len(other.detect(picture, FOUND))}


@pytest.mark.parametrize("blinded", [False, True], ids=["seeing", "blinded"])
@pytest.mark.parametrize("name", CLIPS)
def test_nobody_is_found_in_the_anonymized_clip(
    name: str, blinded: bool, detector: Detector, finders: dict[str, Finder]
) -> None:
    frames = frames_of(name)
    boxes = [detector.detect(frame)[: 0 if blinded else None] for frame in frames]
    order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)]
    anonymizer = Anonymizer(frames[0].shape[1], frames[0].shape[0])
    found = dict.fromkeys(finders, 0)
    for step in range(int(CLIPS[name] * RATE)):
        index = order[step % len(order)]
        anonymizer.learn(frames[index], boxes[index], step / RATE)
        if step % 50 == 49:
            markers = [Marker(x + w / 2, y + h, h) for x, y, w, h, _score in boxes[index].tolist()]
            picture = anonymizer.picture(markers).pixels
            for finder, find in finders.items():
                found[finder] += find(picture)
    assert found == dict.fromkeys(finders, 0)


def test_the_detectors_find_people_in_the_clips_themselves(finders: dict[str, Finder]) -> None:
    found = dict.fromkeys(finders, 0)
    for name in CLIPS:
        for frame in frames_of(name)[::11]:
            for finder, find in finders.items():
                found[finder] += find(frame)
    assert min(found.values()) >= 5, found


def test_even_a_scene_with_people_in_it_is_drawn_so_that_hardly_any_is_found(
    finders: dict[str, Finder],
) -> None:
    before, after = 0, 0
    for name in CLIPS:
        for frame in frames_of(name)[::11]:
            height, width = frame.shape[:2]
            rows = round(height * CELLS / width)
            scene = cv2.resize(frame, (2 * CELLS, 2 * rows), interpolation=cv2.INTER_AREA)
            everything = np.ones((rows, CELLS), np.bool_)
            drawn = draw_scene(np.asarray(scene, np.uint8), everything, (width, height))
            before += sum(find(frame) for find in finders.values())
            after += sum(find(drawn) for find in finders.values())
    assert before >= 20
    assert after <= before / 5
