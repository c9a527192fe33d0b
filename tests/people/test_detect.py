"""Letterbox, decoding and suppression against slow or independent references; then the whole."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from numpy.typing import NDArray

from edge_gateway.people.detect import (
    Boxes,
    Detector,
    ModelError,
    cells_of,
    decode,
    letterbox,
    model_hash,
    shipped_model,
    suppress,
)

Floats = NDArray[np.float32]

LIKELY = 6.0  # logit of a score of 0.9975


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(shipped_model(320))


def no_cells(side: int) -> Floats:
    cells = np.zeros((45, sum((side // stride) ** 2 for stride in (8, 16, 32))), np.float32)
    cells[0] = -LIKELY
    return cells


def slow_decode(cells: Floats, side: int, min_score: float) -> list[list[float]]:
    boxes: list[list[float]] = []
    index = 0
    for stride in (8, 16, 32):
        for row in range(side // stride):
            for column in range(side // stride):
                score = 1 / (1 + math.exp(-cells[0, index]))
                distances: list[float] = []
                for first in (1, 12, 23, 34):
                    powers = [math.exp(cells[first + k, index]) for k in range(11)]
                    mean = sum(k * power for k, power in enumerate(powers)) / sum(powers)
                    distances.append(mean * stride)
                x, y = (column + 0.5) * stride, (row + 0.5) * stride
                left, top, right, bottom = distances
                if score >= min_score:
                    boxes.append([x - left, y - top, x + right, y + bottom, score])
                index += 1
    return boxes


@given(
    height=st.integers(20, 700),
    width=st.integers(20, 700),
    side=st.sampled_from([320, 416]),
    spot=st.tuples(*[st.floats(0, 1)] * 2),
)
@settings(max_examples=40, deadline=None)
def test_a_spot_in_the_letterbox_maps_back_to_its_source_pixels(
    height: int, width: int, side: int, spot: tuple[float, float]
) -> None:
    size = max(4, min(height, width) // 4)
    top, left = int(spot[0] * (height - size)), int(spot[1] * (width - size))
    frame = np.zeros((height, width, 3), np.uint8)
    frame[top : top + size, left : left + size] = 255
    square, scale_x, scale_y = letterbox(frame, side)
    weight = square[:, :, 0].astype(float)
    x = (weight.sum(axis=0) * (np.arange(side) + 0.5)).sum() / weight.sum()
    y = (weight.sum(axis=1) * (np.arange(side) + 0.5)).sum() / weight.sum()
    coarsest = max(1, 1 / min(scale_x, scale_y))
    assert x / scale_x == pytest.approx(left + size / 2, abs=coarsest)
    assert y / scale_y == pytest.approx(top + size / 2, abs=coarsest)


def test_a_wide_picture_fills_the_width_and_leaves_the_bottom_black() -> None:
    square, scale_x, scale_y = letterbox(np.full((576, 768, 3), 255, np.uint8), 416)
    assert (scale_x, scale_y) == (416 / 768, 312 / 576)
    assert square[:312].min() == 255
    assert square[312:].max() == 0


def test_a_tall_picture_fills_the_height_and_leaves_the_right_black() -> None:
    square, _scale_x, _scale_y = letterbox(np.full((1920, 1080, 3), 255, np.uint8), 320)
    assert square[:, :180].min() == 255
    assert square[:, 180:].max() == 0


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (1366, 768), (1919, 1079)])
def test_a_large_picture_is_averaged_and_not_sampled(width: int, height: int) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (height, width, 3), np.uint8)
    square, _scale_x, _scale_y = letterbox(noise, 416)
    inner = square[: round(height * 416 / width)].astype(float)
    # One pixel of noise deviates by 256 / sqrt(12) = 74; bilinear at this scale leaves 0.67 of it
    # or more, and a mean of 3 x 3 a third.
    assert inner.mean() == pytest.approx(127.5, abs=1)
    assert inner.std() < 74 / 2.5


def test_a_cell_s_sides_are_counted_in_strides_from_its_centre() -> None:
    cells = no_cells(416)
    # Stride 16 follows 52 x 52 cells of stride 8; row 3, column 5 is centred at (88, 56).
    index = 52 * 52 + 3 * 26 + 5
    cells[0, index] = LIKELY
    for first, strides_away in zip((1, 12, 23, 34), (2, 1, 3, 4), strict=True):
        cells[first + strides_away, index] = 50.0
    (box,) = decode(cells, *cells_of(416), 0.5)
    assert box.tolist() == pytest.approx([88 - 32, 56 - 16, 88 + 48, 56 + 64, 0.99753], abs=1e-4)


@given(cells=npst.arrays(np.float32, (45, 84), elements=st.floats(-8, 8, width=32)))
@settings(max_examples=30, deadline=None)
def test_decoding_agrees_with_a_slow_one_written_out(cells: Floats) -> None:
    found = decode(cells, *cells_of(64), 0.3)
    expected = slow_decode(cells, 64, 0.3)
    assert found.shape == (len(expected), 5)
    assert np.allclose(found, np.array(expected).reshape(-1, 5), atol=1e-2)


box_lists = npst.arrays(
    np.float32,
    st.tuples(st.integers(0, 30), st.just(5)),
    elements=st.floats(0.0625, 1, width=16),
    unique=True,
).map(lambda boxes: boxes * np.array([100, 100, 60, 60, 1], np.float32))


def overlap(first: Boxes, second: Boxes) -> float:
    low = np.maximum(first[:2], second[:2])
    high = np.minimum(first[:2] + first[2:4], second[:2] + second[2:4])
    shared = float(np.prod(np.clip(high - low, 0, None)))
    return shared / float(first[2] * first[3] + second[2] * second[3] - shared)


@given(boxes=box_lists)
@settings(max_examples=60, deadline=None)
def test_what_is_kept_is_apart_and_what_is_dropped_lies_under_a_better_one(boxes: Boxes) -> None:
    kept = suppress(boxes, 0.4)
    assert np.all(np.diff(kept[:, 4]) <= 0)
    for index, box in enumerate(kept):
        assert all(overlap(box, other) <= 0.4001 for other in kept[:index])
    for box in boxes:
        covered = any(overlap(box, k) >= 0.3999 and k[4] >= box[4] for k in kept)
        assert covered


@given(boxes=box_lists)
@settings(max_examples=60, deadline=None)
def test_suppression_agrees_with_opencv(boxes: Boxes) -> None:
    theirs = cv2.dnn.NMSBoxes(boxes[:, :4].tolist(), boxes[:, 4].tolist(), 0.0, 0.4)
    kept = suppress(boxes, 0.4)
    assert sorted(kept[:, 4].tolist()) == sorted(boxes[list(theirs), 4].tolist())


def slow_suppress(boxes: Boxes, allowed: float) -> list[list[float]]:
    """The best box left, then all it overlaps struck out, until none is left: the definition."""
    left = sorted(boxes, key=lambda box: -float(box[4]))
    kept: list[list[float]] = []
    while left:
        best, *others = left
        kept.append(best.tolist())
        left = [other for other in others if overlap(best, other) <= allowed]
    return kept


# Crowded, and more than are compared in one go: what a later part keeps hangs on an earlier one.
crowds = st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 300)).map(
    lambda drawn: np.random.default_rng(drawn[0]).uniform(
        (0, 0, 20, 40, 0.05), (200, 100, 60, 120, 1), (drawn[1], 5)
    )
)


@given(crowd=crowds, allowed=st.sampled_from([0.3, 0.6]))
@settings(max_examples=15, deadline=None)
def test_suppression_is_that_of_its_definition(crowd: NDArray[np.float64], allowed: float) -> None:
    boxes = crowd.astype(np.float32)
    assert suppress(boxes, allowed).tolist() == slow_suppress(boxes, allowed)


def test_of_a_chain_the_first_and_the_third_stay() -> None:
    # Each shares 80 of 120 px with the next (IoU 2/3) and 60 of 140 with the one after (3/7).
    chain = np.array(
        [[0, 0, 100, 10, 0.9], [20, 0, 100, 10, 0.8], [40, 0, 100, 10, 0.7]], np.float32
    )
    assert suppress(chain, 0.6)[:, 0].tolist() == [0, 40]


def test_suppressing_leaves_the_boxes_given_as_they_are() -> None:
    boxes = np.array([[0, 0, 10, 10, 0.3], [0, 0, 10, 10, 0.6]], np.float32)
    before = boxes.copy()
    suppress(boxes)
    assert np.array_equal(boxes, before)


@pytest.mark.parametrize("min_score", [0.0, 1.0])
def test_decoding_takes_the_ends_of_the_scale(min_score: float) -> None:
    cells = no_cells(64)
    cells[0, 3] = 100.0
    assert len(decode(cells, *cells_of(64), min_score)) == (1 if min_score else cells.shape[1])


@given(logits=npst.arrays(np.float32, 84, elements=st.floats(-20, 20, width=32)), data=st.data())
@settings(max_examples=40, deadline=None)
def test_a_score_of_just_the_threshold_is_enough(logits: Floats, data: st.DataObject) -> None:
    cells = no_cells(64)
    cells[0] = logits
    scores = 1 / (1 + np.exp(-logits))
    threshold = float(data.draw(st.sampled_from(scores.tolist())))
    expected = scores[scores >= threshold]
    assert decode(cells, *cells_of(64), threshold)[:, 4].tolist() == expected.tolist()


def test_a_picture_of_another_shape_leaves_nothing_behind(detector: Detector) -> None:
    noise = np.random.default_rng(1)
    frames = [
        noise.integers(0, 256, (*shape, 3), np.uint8) for shape in ((90, 40), (40, 90), (60, 60))
    ]
    for frame in (*frames, *frames):
        expected, scale_x, scale_y = letterbox(frame, detector.side)
        pixels, scale = detector.fit(frame)
        assert scale == (scale_x, scale_y)
        assert np.array_equal(pixels[0], expected)


@pytest.mark.parametrize("size", [416, 320])
def test_a_shipped_model_takes_pictures_of_its_size(size: int) -> None:
    assert Detector(shipped_model(size)).side == size


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_an_empty_picture_holds_nobody(detector: Detector, shade: int) -> None:
    frame = np.full((576, 768, 3), shade, np.uint8)
    assert len(detector.detect(frame, 0.3)) == 0


@given(frame=npst.arrays(np.uint8, st.tuples(st.integers(8, 90), st.integers(8, 90), st.just(3))))
@settings(max_examples=15, deadline=None)
def test_boxes_lie_in_the_picture_best_first(detector: Detector, frame: NDArray[np.uint8]) -> None:
    boxes = detector.detect(frame, 0.0)
    assert boxes.dtype == np.float32
    assert np.all(boxes[:, :4] >= 0)
    assert np.all(boxes[:, 0] + boxes[:, 2] <= frame.shape[1] + 1e-3)
    assert np.all(boxes[:, 1] + boxes[:, 3] <= frame.shape[0] + 1e-3)
    assert np.all(np.diff(boxes[:, 4]) <= 0)


def test_a_size_that_is_not_shipped_is_told_with_its_remedy() -> None:
    with pytest.raises(ModelError, match=r"nanodet-g-512-int8\.onnx: `python models/build\.py`"):
        shipped_model(512)


def test_a_missing_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"no model file .*gone\.onnx"):
        Detector(tmp_path / "gone.onnx")


@pytest.mark.parametrize("length", [0, 7, 100_000])
def test_a_damaged_model_is_told_as_such(tmp_path: Path, length: int) -> None:
    path = tmp_path / "damaged.onnx"
    path.write_bytes(shipped_model(320).read_bytes()[:length])
    with pytest.raises(ModelError, match=r"damaged\.onnx is no"):
        Detector(path)


def test_the_hash_is_the_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-4, example for SHA-256.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert model_hash(tmp_path / "abc") == expected
