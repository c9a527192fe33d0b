"""Accuracy of a detector against hand-annotated boxes: average precision, best working point.

As in PASCAL VOC since 2010 (all-points interpolation): within a frame, boxes are matched in
order of score, each to the free annotation it overlaps most, from IoU 0.5 on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
"""Shape (N, 4 or more): left, top, width, height in pixels, and where known the score."""

IOU_NEEDED = 0.5


@dataclass(frozen=True, slots=True)
class Accuracy:
    """What a detector reached on annotated frames."""

    frames: int
    annotated: int
    average_precision: float
    precision: float
    """At `threshold`, as the two below."""
    recall: float
    count_error: float
    """Mean absolute error of the number of people in a frame."""
    threshold: float
    """The score with the best F1; picked on these very frames, so a little flattering."""


def read_truth(path: Path, frames: range) -> dict[int, Boxes]:
    """Read MOTChallenge text: frame, id, left, top, width, height, ...; frames without count."""
    rows = np.loadtxt(path, delimiter=",", ndmin=2)
    return {frame: rows[rows[:, 0] == frame, 2:6] for frame in frames}


def iou(box: Boxes, others: Boxes) -> NDArray[np.float64]:
    """Intersection over union of one box with each of the others."""
    left_top = np.maximum(box[:2], others[:, :2])
    right_bottom = np.minimum(box[:2] + box[2:4], others[:, :2] + others[:, 2:4])
    shared = np.clip(right_bottom - left_top, 0, None).prod(axis=1)
    return shared / (box[2:4].prod() + others[:, 2:4].prod(axis=1) - shared)


def accuracy(found: Mapping[int, Boxes], truth: Mapping[int, Boxes]) -> Accuracy:
    """Compare the boxes found in every annotated frame with the annotation."""
    matches = [_match(found.get(f, np.empty((0, 5))), boxes) for f, boxes in truth.items()]
    scores = np.concatenate([score for score, _hit in matches])
    order = np.argsort(-scores, kind="stable")
    hits = np.concatenate([hit for _score, hit in matches])[order]
    scores = scores[order]
    annotated = sum(len(boxes) for boxes in truth.values())
    true_so_far = np.cumsum(hits)
    precision = true_so_far / np.arange(1, len(hits) + 1)
    recall = true_so_far / annotated
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(float).tiny)
    best = int(np.argmax(f1))
    threshold = float(scores[best])
    errors = [
        abs(int((score >= threshold).sum()) - len(boxes))
        for (score, _hit), boxes in zip(matches, truth.values(), strict=True)
    ]
    return Accuracy(
        frames=len(truth),
        annotated=annotated,
        average_precision=_area(precision, recall),
        precision=float(precision[best]),
        recall=float(recall[best]),
        count_error=float(np.mean(errors)),
        threshold=threshold,
    )


def _match(found: Boxes, annotated: Boxes) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Scores in falling order, and for each whether it is a hit."""
    found = found[np.argsort(-found[:, 4], kind="stable")]
    free = np.ones(len(annotated), bool)
    hits = np.zeros(len(found), bool)
    for index, box in enumerate(found):
        overlaps = np.where(free, iou(box, annotated), -1.0)
        if len(overlaps) and overlaps.max() >= IOU_NEEDED:
            free[overlaps.argmax()] = False
            hits[index] = True
    return found[:, 4], hits


def _area(precision: NDArray[np.float64], recall: NDArray[np.float64]) -> float:
    """Area under the curve of the best precision reached at each recall or beyond."""
    best_beyond = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.sum(np.diff(recall, prepend=0.0) * best_beyond))
