"""Who is found in a picture: by HOG, CenterFace and SSD, which had no part in anonymizing it.

The product's NanoDet looks too, as a further detector.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

import cv2
import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from edge_gateway.people.detect import Detector, shipped_model

Bgr: TypeAlias = NDArray[np.uint8]
Finder: TypeAlias = Callable[[Bgr], list[float]]
"""Returns the scores of all that counts as found."""

HOG_FOUND: Final = 0.0
NANODET_FOUND: Final = 0.3
FACE_FOUND: Final = 0.35
SSD_FOUND: Final = 0.5
SSD_SIDE: Final = 300
SSD_PERSON: Final = 4
"""Index of `Person` in the label map that ships with the model."""


def finders(face_model: Path | None, ssd_model: Path | None) -> dict[str, Finder]:
    """Return all detectors that can be had by name; two of them need a model file."""
    found: dict[str, Finder] = {"HOG": _hog()}
    found |= {f"NanoDet {side}": _nanodet(side) for side in (416, 320)}
    if face_model:
        found["CenterFace"] = _centerface(face_model)
    if ssd_model:
        found["SSD"] = _ssd(ssd_model)
    return found


def _hog() -> Finder:
    hog = cv2.HOGDescriptor()
    hog.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))

    def find(picture: Bgr) -> list[float]:
        # Twice the size, because its person is 96 pixels high and those of a street are smaller.
        doubled = cv2.resize(picture, None, fx=2, fy=2, interpolation=cv2.INTER_LINEAR)
        _boxes, weights = hog.detectMultiScale(doubled, winStride=(8, 8), scale=1.05)
        scores = np.asarray(weights, np.float64).ravel().tolist()
        return [score for score in scores if score > HOG_FOUND]

    return find


def _nanodet(side: int) -> Finder:
    detector = Detector(shipped_model(side))

    def find(picture: Bgr) -> list[float]:
        return detector.detect(picture, NANODET_FOUND)[:, 4].tolist()

    return find


def _centerface(path: Path) -> Finder:
    """CenterFace: a heat map of faces at a quarter of the size; sides are multiples of 32."""
    model: Any = onnx.ModelProto()  # Any: protobuf messages grow their fields at run time.
    model.ParseFromString(path.read_bytes())
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
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name

    def find(picture: Bgr) -> list[float]:
        height, width = (32 * math.ceil(side / 32) for side in picture.shape[:2])
        blob = cv2.dnn.blobFromImage(picture, 1.0, (width, height), swapRB=True)
        heat = np.asarray(session.run(None, {name: np.asarray(blob)})[0][0, 0])
        peaks = heat >= np.asarray(cv2.dilate(heat, np.ones((5, 5), np.uint8)))
        return heat[peaks & (heat > FACE_FOUND)].tolist()

    return find


def _ssd(path: Path) -> Finder:
    """SSD-MobileNetV2 on the square tiles at both ends of the picture."""
    net = cv2.dnn.readNetFromTFLite(str(path))

    def find(picture: Bgr) -> list[float]:
        height, width = picture.shape[:2]
        scores: list[float] = []
        for left in sorted({0, max(0, width - height)}):
            tile = picture[:, left : left + height]
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
