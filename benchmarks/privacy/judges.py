"""Who is found in a picture, by detectors that had no part in anonymizing it.

One more looks that did: the product's NanoDet.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import onnx
import onnxruntime as ort

from benchmarks.privacy import materials
from benchmarks.privacy.materials import Bgr
from edge_gateway.people.detect import Detector, shipped_model

Finder = Callable[[Bgr], list[float]]
"""Returns the scores of all that counts as found."""

HOG_FOUND: Final = 0.0
HOG_STEP: Final = 1.1
SMALL_PEOPLE_PX: Final = 768
"""HOG's person is 96 pixels high: pictures this wide, of streets, are looked at doubled."""
NANODET_FOUND: Final = 0.3
FACE_FOUND: Final = 0.35
SSD_FOUND: Final = 0.4
SSD_SIDE: Final = 300
SSD_PERSON: Final = 4
"""Index of `Person` in the label map that ships with the model."""
BLAZE_FOUND: Final = 0.5
BLAZE_SIDE: Final = 256
CASCADE_NEIGHBOURS: Final = 4


@dataclass(slots=True)
class Tally:
    """Pictures looked at, in how many a judge found somebody, and its best score."""

    pictures: int = 0
    found: dict[str, int] = field(default_factory=dict[str, int])
    best: dict[str, float] = field(default_factory=dict[str, float])

    def add(self, picture: Bgr, judges: Mapping[str, Finder]) -> list[str]:
        """Look at a picture with every judge; return those who found somebody."""
        self.pictures += 1
        finders: list[str] = []
        for name, find in judges.items():
            scores = find(picture)
            self.found[name] = self.found.get(name, 0) + bool(scores)
            self.best[name] = round(max([self.best.get(name, 0.0), *scores]), 3)
            if scores:
                finders.append(name)
        return finders


def all_judges(cache: Path) -> dict[str, Finder]:
    """Return every judge by name. NoMaterialError when a model cannot be had."""
    return {
        "CenterFace": _centerface(materials.centerface(cache)),
        "BlazeFace": _blazeface(materials.blazeface(cache)),
        "HOG": _hog(),
        "SSD": _ssd(materials.ssd(cache)),
        "NanoDet": _nanodet(),
    }


def _hog() -> Finder:
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))

    def find(picture: Bgr) -> list[float]:
        factor = 2 if picture.shape[1] >= SMALL_PEOPLE_PX else 1
        seen = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
        _boxes, weights = hog.detectMultiScale(seen, winStride=(8, 8), scale=HOG_STEP)
        scores = np.asarray(weights, np.float64).ravel().tolist()
        return [score for score in scores if score > HOG_FOUND]

    return find


def _nanodet() -> Finder:
    detector = Detector(shipped_model(320))
    return lambda picture: detector.detect(picture, NANODET_FOUND)[:, 4].tolist()


def _centerface(content: bytes) -> Finder:
    """CenterFace: a heat map of faces at a quarter of the size; sides are multiples of 32."""
    model: Any = onnx.ModelProto()  # Any: protobuf messages grow their fields at run time.
    model.ParseFromString(content)
    # An old exporter lists weights as inputs, and some that nothing uses: the runtime complains.
    del model.graph.input[1:]
    used = {name for node in model.graph.node for name in node.input}
    for tensor in [weight for weight in model.graph.initializer if weight.name not in used]:
        model.graph.initializer.remove(tensor)
    tensors = [model.graph.input[0], *model.graph.output]
    for number, tensor in enumerate(tensors):
        for axis in (2, 3):
            tensor.type.tensor_type.shape.dim[axis].dim_param = f"side{number}{axis}"
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
    session = _session(model.SerializeToString())
    name = session.get_inputs()[0].name

    def find(picture: Bgr) -> list[float]:
        height, width = (32 * math.ceil(side / 32) for side in picture.shape[:2])
        blob = cv2.dnn.blobFromImage(picture, 1.0, (width, height), swapRB=True)
        heat = np.asarray(session.run(None, {name: np.asarray(blob)})[0][0, 0])
        peaks = heat >= np.asarray(cv2.dilate(heat, np.ones((5, 5), np.uint8)))
        return heat[peaks & (heat > FACE_FOUND)].tolist()

    return find


def _session(content: bytes) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])


def _ssd(content: bytes) -> Finder:
    """SSD-MobileNetV2 on the square tiles at both ends of a wide picture, else on all of it."""
    net = cv2.dnn.readNetFromTFLite(np.frombuffer(content, np.uint8))

    def find(picture: Bgr) -> list[float]:
        scores: list[float] = []
        for tile in _tiles(picture):
            half = 127.5
            blob = cv2.dnn.blobFromImage(
                tile, 1 / half, (SSD_SIDE, SSD_SIDE), (half, half, half), swapRB=True
            )
            net.setInput(blob)
            logits = np.asarray(net.forward("raw_outputs/class_predictions"))[0, :, SSD_PERSON]
            tile_scores = 1 / (1 + np.exp(-logits))
            scores += tile_scores[tile_scores > SSD_FOUND].tolist()
        return scores

    return find


def _blazeface(content: bytes) -> Finder:
    net = cv2.dnn.readNetFromTFLite(np.frombuffer(content, np.uint8))
    outputs = net.getUnconnectedOutLayersNames()

    def find(picture: Bgr) -> list[float]:
        scores: list[float] = []
        for tile in _tiles(picture):
            half = 127.5
            blob = cv2.dnn.blobFromImage(
                tile, 1 / half, (BLAZE_SIDE, BLAZE_SIDE), (half, half, half), swapRB=True
            )
            net.setInput(blob)
            for output in (np.asarray(given) for given in net.forward(outputs)):
                if output.shape[-1] == 1:
                    certain = 1 / (1 + np.exp(-np.clip(output.ravel(), -80, 80)))
                    scores += certain[certain > BLAZE_FOUND].tolist()
        return scores

    return find


def _tiles(picture: Bgr) -> list[Bgr]:
    height, width = picture.shape[:2]
    if width < SMALL_PEOPLE_PX:
        return [picture]
    return [picture[:, left : left + height] for left in sorted({0, max(0, width - height)})]
