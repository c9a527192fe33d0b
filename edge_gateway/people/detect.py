"""Find people in a picture with NanoDet-g: letterbox, network, decode, suppress.

Method: RangiLyu/nanodet (anchor-free, each side of a box a distribution over 0..10 strides).
The models, what goes in and what comes out: models/README.md.
"""

import hashlib
import math
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray
from onnxruntime.capi.onnxruntime_pybind11_state import (
    Fail,
    InvalidArgument,
    InvalidGraph,
    InvalidProtobuf,
)

from edge_gateway.people.frame import Picture

Boxes: TypeAlias = NDArray[np.float32]
"""Shape (N, 5): left, top, width, height in pixels of the source picture, score 0..1."""

STRIDES: Final = (8, 16, 32)
"""Pixels between neighbouring cells of the three output grids."""
BINS: Final = 11
"""A side's distance from the cell's centre is spread over 0..10 strides."""
LOWEST_SCORE: Final = 0.05
BILINEAR_DOWN_TO: Final = 0.5
"""Bilinear reads every source pixel down to half size; smaller pictures are averaged."""
HALVED_BELOW: Final = 1 / 3
"""Much larger pictures are first halved, which is exact and takes an eighth of the time. Between
this and half size exact means stay: what is published for 320 was measured with them."""
OVERLAP_ALLOWED: Final = 0.6
"""IoU beyond which the weaker of two boxes is dropped; the value NanoDet itself uses."""
AT_ONCE: Final = 128
"""Boxes compared with each other in one go: a street gives 250, and memory stays bounded."""
MOMENTS: Final = np.stack([np.ones(BINS), np.arange(BINS)]).astype(np.float32)
"""Rows that sum a distribution over its bins, and its mean before it is divided by that sum."""
ROUNDING: Final = 1e-6
"""A score so far below the threshold cannot reach it by rounding."""


class ModelError(Exception):
    """There is no usable detector model; the message says where and what to do."""


class Detector:
    """The network, loaded once. One `detect` at a time; `threads` bounds the CPU cores used.

    The bound holds for OpenCV too, in the whole process.

    `detect` is `fit`, `infer` and `people` in turn; they stand apart to be measured apart.
    """

    def __init__(self, model_path: Path, *, threads: int = 1) -> None:
        self._session = _open_session(model_path, threads)
        cv2.setNumThreads(threads)
        self.side = _input_side(self._session, model_path)
        """Height and width of the network's input, in pixels."""
        self._centres, self._strides = cells_of(self.side)
        self._square = np.zeros((1, self.side, self.side, 3), np.uint8)
        self._fitted: tuple[int, ...] = ()

    def detect(self, frame: Picture, min_score: float = LOWEST_SCORE) -> Boxes:
        """Return the people in `frame` scored `min_score` or more, best first."""
        pixels, scale = self.fit(frame)
        return self.people(self.infer(pixels), frame, scale, min_score)

    def fit(self, frame: Picture) -> tuple[Picture, tuple[float, float]]:
        """Return the letterboxed frame as the network takes it, and its scale in x and y.

        It is the detector's own memory, and holds until the next call.
        """
        if frame.shape != self._fitted:
            self._square[:] = 0
            self._fitted = frame.shape
        _square, scale_x, scale_y = letterbox(frame, self.side, self._square[0])
        return self._square, (scale_x, scale_y)

    def infer(self, pixels: Picture) -> NDArray[np.float32]:
        """Run the network: (1, side, side, 3) in, (45, cells) out."""
        (cells,) = self._session.run(None, {"pixels": pixels})
        return cells[0]

    def people(
        self,
        cells: NDArray[np.float32],
        frame: Picture,
        scale: tuple[float, float],
        min_score: float = LOWEST_SCORE,
    ) -> Boxes:
        """Read the boxes in pixels of `frame` out of the network's output, best first."""
        columns = decode(cells, self._centres, self._strides, min_score).T
        corners = columns[:4]
        corners /= np.array([scale * 2], np.float32).T
        np.maximum(corners, 0, out=corners)
        height, width = frame.shape[:2]
        np.minimum(corners, np.array([[width, height] * 2], np.float32).T, out=corners)
        corners[2:] -= corners[:2]
        return suppress(columns.T[(corners[2:] > 0).all(axis=0)])


def shipped_model(size: int = 416) -> Path:
    """Path of the model for pictures of `size` pixels (416 or 320) in this source tree."""
    path = Path(__file__).resolve().parents[2] / "models" / f"nanodet-g-{size}-int8.onnx"
    if not path.is_file():
        raise ModelError(f"no model at {path}: `python models/build.py` makes it")
    return path


def model_hash(path: Path) -> str:
    """Return the sha256 of a model file, as its card states it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def letterbox(
    frame: Picture, side: int, square: Picture | None = None
) -> tuple[Picture, float, float]:
    """Fit `frame` into the top left of a black square of `side` pixels.

    Draws into `square`, where given: black, or with another frame of this shape in it. Returns the
    square and how many of its pixels one source pixel takes across and down; the two differ by the
    rounding to whole pixels.
    """
    height, width = frame.shape[:2]
    scale = side / max(height, width)
    inner_height, inner_width = max(1, round(height * scale)), max(1, round(width * scale))
    if square is None:
        square = np.zeros((side, side, 3), np.uint8)
    if scale < HALVED_BELOW:
        frame = _halved(frame, side)
    is_near = side / max(frame.shape) >= BILINEAR_DOWN_TO
    method = cv2.INTER_LINEAR if is_near else cv2.INTER_AREA
    inner = square[:inner_height, :inner_width]
    cv2.resize(frame, (inner_width, inner_height), dst=inner, interpolation=method)
    return square, inner_width / width, inner_height / height


def cells_of(side: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the centres (2, N) and strides (N) of all cells, in the order of the output."""
    centres: list[NDArray[np.float32]] = []
    strides: list[NDArray[np.float32]] = []
    for stride in STRIDES:
        along = (np.arange(side // stride, dtype=np.float32) + 0.5) * stride
        down, across = np.meshgrid(along, along, indexing="ij")
        centres.append(np.stack([across.ravel(), down.ravel()]))
        strides.append(np.full(across.size, stride, np.float32))
    return np.concatenate(centres, axis=1), np.concatenate(strides)


def decode(
    cells: NDArray[np.float32],
    centres: NDArray[np.float32],
    strides: NDArray[np.float32],
    min_score: float,
) -> NDArray[np.float32]:
    """Turn the network's (45, N) output into left, top, right, bottom, score of good cells."""
    # Few cells are good, and the logistic function grows: only they are put through it.
    good = np.flatnonzero(cells[0] >= _logit(min_score - ROUNDING))
    scores = 1 / (1 + np.exp(-cells[0, good]))
    sure = scores >= min_score
    good, scores = good[sure], scores[sure]
    weights = cells[1:].take(good, axis=1).reshape(4, BINS, -1)
    weights -= weights.max(axis=1, keepdims=True)
    np.exp(weights, out=weights)
    sums = MOMENTS @ weights
    distances = sums[:, 1] / sums[:, 0] * strides[good]
    boxes = np.empty((5, good.size), np.float32)
    np.subtract(centres[:, good], distances[:2], out=boxes[:2])
    np.add(centres[:, good], distances[2:], out=boxes[2:4])
    boxes[4] = scores
    return boxes.T


def suppress(boxes: Boxes, overlap_allowed: float = OVERLAP_ALLOWED) -> Boxes:
    """Keep, best first, each box that no better kept one overlaps by more IoU than allowed."""
    boxes = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    kept: list[Boxes] = [boxes[:0]]
    while len(boxes):
        best, boxes = boxes[:AT_ONCE], boxes[AT_ONCE:]
        best = best[_best_of_each(_overlaps(best, best, overlap_allowed))]
        kept.append(best)
        boxes = boxes[~_overlaps(best, boxes, overlap_allowed).any(axis=0)]
    return np.concatenate(kept)


def _halved(frame: Picture, side: int) -> Picture:
    """Take means over 2 x 2 pixels until bilinear will do, or a side is odd."""
    while side / max(frame.shape) < BILINEAR_DOWN_TO and not any(n % 2 for n in frame.shape[:2]):
        half = (frame.shape[1] // 2, frame.shape[0] // 2)
        frame = np.asarray(cv2.resize(frame, half, interpolation=cv2.INTER_AREA), np.uint8)
    return frame


def _overlaps(boxes: Boxes, others: Boxes, allowed: float) -> NDArray[np.bool_]:
    """Say for each box (row) which of the others (column) share more IoU with it than allowed."""
    left, top, width, height, _ = boxes.T[:, :, np.newaxis]
    other_left, other_top, other_width, other_height, _ = others.T
    shared = np.minimum(left + width, other_left + other_width)
    shared -= np.maximum(left, other_left)
    np.maximum(shared, 0, out=shared)
    down = np.minimum(top + height, other_top + other_height)
    down -= np.maximum(top, other_top)
    shared *= down
    # Where they lie apart downwards this is below 0, and the union above it.
    union = width * height + other_width * other_height
    union -= shared
    union *= allowed
    return shared > union


def _best_of_each(overlaps: NDArray[np.bool_]) -> list[bool]:
    """Say which boxes, best first, no better one that stays overlaps."""
    stays = [True] * len(overlaps)
    # Pairs come in the order of their better box, which by then is decided.
    for better, worse in np.argwhere(np.triu(overlaps, 1)).tolist():
        if stays[better]:
            stays[worse] = False
    return stays


def _logit(score: float) -> float:
    # Scores beyond are one to a float32.
    return math.log(score / (1 - score)) if (score := min(score, 1 - 1e-6)) > 0 else -math.inf


def _open_session(model_path: Path, threads: int) -> ort.InferenceSession:
    if not model_path.is_file():
        raise ModelError(f"there is no model file {model_path}")
    # The rest is as it comes. Measured in turn, 60 pictures each: less graph optimisation takes 1.3
    # to 2.4 times as long, no prepacking 1.4 times; without the arena or the memory pattern, with
    # denormals as zero or with bound outputs it is within 1 %, and memory within 6 MB.
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # A spinning thread would burn a core of the pole between two frames.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        return ort.InferenceSession(str(model_path), options, providers=["CPUExecutionProvider"])
    except (Fail, InvalidArgument, InvalidGraph, InvalidProtobuf) as error:
        raise ModelError(f"{model_path} is no ONNX model that can be run: {error}") from error


def _input_side(session: ort.InferenceSession, model_path: Path) -> int:
    taken, given = session.get_inputs()[0].shape, session.get_outputs()[0].shape
    side = taken[1] if len(taken) == 4 else None  # noqa: PLR2004  (batch, height, width, colour)
    if isinstance(side, int) and taken == [1, side, side, 3]:
        cells = sum((side // stride) ** 2 for stride in STRIDES)
        if given == [1, 1 + 4 * BINS, cells]:
            return side
    raise ModelError(
        f"{model_path} is not one of the models of models/README.md: takes {taken}, gives {given}"
    )
