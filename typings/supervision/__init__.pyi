from collections.abc import Iterable
from enum import Enum

import numpy as np
from numpy.typing import NDArray

class Position(Enum):
    BOTTOM_CENTER = "BOTTOM_CENTER"
    TOP_LEFT = "TOP_LEFT"
    TOP_RIGHT = "TOP_RIGHT"
    BOTTOM_LEFT = "BOTTOM_LEFT"
    BOTTOM_RIGHT = "BOTTOM_RIGHT"

class Point:
    def __init__(self, x: float, y: float) -> None: ...

class Detections:
    def __init__(
        self,
        xyxy: NDArray[np.float32],
        *,
        confidence: NDArray[np.float32] | None = None,
        class_id: NDArray[np.int64] | None = None,
        tracker_id: NDArray[np.int64] | None = None,
    ) -> None: ...
    def __len__(self) -> int: ...

class LineZone:
    def __init__(
        self,
        start: Point,
        end: Point,
        triggering_anchors: Iterable[Position] = ...,
        minimum_crossing_threshold: int = 1,
    ) -> None: ...
    def trigger(self, detections: Detections) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]: ...
