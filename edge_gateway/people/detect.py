"""Find people in a picture with NanoDet-g: letterbox, network, decode, suppress.

Method: RangiLyu/nanodet (anchor-free, each side of a box a distribution over 0..10 strides).
The models, what goes in and what comes out: models/README.md.
"""

import hashlib
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
OVERLAP_ALLOWED: Final = 0.6
"""IoU beyond which the weaker of two boxes is dropped; the value NanoDet itself uses."""


class ModelError(Exception):
    """There is no usable detector model; the message says where and what to do."""


class Detector:
    """The network, loaded once. One `detect` at a time; `threads` bounds the CPU cores used."""

    def __init__(self, model_path: Path, *, threads: int = 1) -> None:
        self._session = _open_session(model_path, threads)
        self.side = _input_side(self._session, model_path)
        """Height and width of the network's input, in pixels."""
        self._centres, self._strides = cells_of(self.side)

    def detect(self, frame: Picture, min_score: float = LOWEST_SCORE) -> Boxes:
        """Return the people in `frame` scored `min_score` or more, best first."""
        pixels, scale_x, scale_y = letterbox(frame, self.side)
        (cells,) = self._session.run(None, {"pixels": pixels[np.newaxis]})
        boxes = decode(cells[0], self._centres, self._strides, min_score)
        boxes[:, [0, 2]] = np.clip(boxes[:, [0, 2]] / scale_x, 0, frame.shape[1])
        boxes[:, [1, 3]] = np.clip(boxes[:, [1, 3]] / scale_y, 0, frame.shape[0])
        boxes[:, 2:4] -= boxes[:, :2]
        return suppress(boxes[(boxes[:, 2:4] > 0).all(axis=1)])


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


def letterbox(frame: Picture, side: int) -> tuple[Picture, float, float]:
    """Fit `frame` into the top left of a black square of `side` pixels.

    Returns the square and how many of its pixels one source pixel takes across and down; the
    two differ by the rounding to whole pixels.
    """
    height, width = frame.shape[:2]
    scale = side / max(height, width)
    inner_height, inner_width = max(1, round(height * scale)), max(1, round(width * scale))
    square = np.zeros((side, side, 3), np.uint8)
    method = cv2.INTER_LINEAR if scale >= BILINEAR_DOWN_TO else cv2.INTER_AREA
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
    scores = 1 / (1 + np.exp(-cells[0]))
    good = np.flatnonzero(scores >= min_score)
    logits = cells[1:, good].reshape(4, BINS, -1)
    weights = np.exp(logits - logits.max(axis=1, keepdims=True))
    bins = np.arange(BINS, dtype=np.float32)
    distances = np.einsum("sbn,b->sn", weights, bins) / weights.sum(axis=1) * strides[good]
    left_top = centres[:, good] - distances[:2]
    right_bottom = centres[:, good] + distances[2:]
    return np.concatenate([left_top, right_bottom, scores[np.newaxis, good]]).T


def suppress(boxes: Boxes, overlap_allowed: float = OVERLAP_ALLOWED) -> Boxes:
    """Keep, best first, each box that no better kept one overlaps by more IoU than allowed."""
    boxes = boxes[np.argsort(-boxes[:, 4], kind="stable")]
    corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:4]], axis=1)
    areas = boxes[:, 2] * boxes[:, 3]
    left = np.arange(len(boxes))
    kept: list[int] = []
    while left.size:
        best, left = int(left[0]), left[1:]
        kept.append(best)
        low = np.maximum(corners[best, :2], corners[left, :2])
        high = np.minimum(corners[best, 2:], corners[left, 2:])
        shared = np.clip(high - low, 0, None).prod(axis=1)
        left = left[shared <= overlap_allowed * (areas[best] + areas[left] - shared)]
    return boxes[kept]


def _open_session(model_path: Path, threads: int) -> ort.InferenceSession:
    if not model_path.is_file():
        raise ModelError(f"there is no model file {model_path}")
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
