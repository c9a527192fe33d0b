"""Black out windows and private land, before anything else sees a picture.

The guidebook for camera images asks for it (standards.md: lens framing and masking). It fails
closed: edges are drawn a pixel too far, and a polygon that crosses itself covers its holes too.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_gateway.people.cells import Bgr

Polygon: TypeAlias = Sequence[tuple[float, float]]
"""Corners in pixels of the picture, x and y; at least three."""

FARTHEST_PX: Final = 30_000
"""A corner farther out than this is a mistake, and beyond what OpenCV draws exactly."""
FEWEST_CORNERS: Final = 3
_SUBPIXEL_BITS: Final = 4


class Mask:
    """Polygons of a picture of `width` x `height` pixels that nobody is to see.

    Raises ValueError, naming the polygon by its number from 1, for one with fewer than three
    corners, with a corner that is no place, or that covers no pixel of the picture.
    """

    def __init__(self, polygons: Sequence[Polygon], width: int, height: int) -> None:
        self._shape = (height, width)
        self._covered = np.zeros(self._shape, np.uint8)
        for number, polygon in enumerate(polygons, start=1):
            self._covered |= _drawn(polygon, number, self._shape)
        left, top, across, down = cv2.boundingRect(self._covered)
        self._box = (slice(top, top + down), slice(left, left + across))
        self._hidden = np.ascontiguousarray(self._covered[self._box])
        self._black = np.zeros((down, across, 3), np.uint8)

    def __bool__(self) -> bool:
        """Whether anything is masked."""
        return self._black.size > 0

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Height x width: which pixels are blacked out."""
        return self._covered.astype(np.bool_)

    def apply(self, picture: Bgr) -> Bgr:
        """Black out the polygons in the picture itself, and return it; a read-only one is copied.

        Raises ValueError for a picture of another size: its polygons would lie elsewhere.
        """
        if picture.shape[:2] != self._shape:
            raise ValueError(
                f"the mask is for {self._shape[1]} x {self._shape[0]} pixels,"
                f" the picture has {picture.shape[1]} x {picture.shape[0]}"
            )
        if not self:
            return picture
        seen = picture if picture.flags.writeable else picture.copy()
        # The part is a view, and OpenCV writes into it.
        cv2.copyTo(self._black, self._hidden, seen[self._box])
        return seen


def _drawn(polygon: Polygon, number: int, shape: tuple[int, int]) -> NDArray[np.uint8]:
    """Return 1 for the pixels of one polygon, 0 elsewhere."""
    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    if len(corners) < FEWEST_CORNERS:
        raise ValueError(f"mask {number} has {len(corners)} corners: a polygon has at least three")
    if not (np.abs(corners) <= FARTHEST_PX).all():
        raise ValueError(f"mask {number} has a corner that is no place in a picture: {polygon}")
    canvas = np.zeros(shape, np.uint8)
    fixed = np.rint(corners * 2**_SUBPIXEL_BITS).astype(np.int32)
    cv2.fillPoly(canvas, [fixed], 1, cv2.LINE_8, _SUBPIXEL_BITS)
    outlines = cv2.findContours(canvas, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    cv2.drawContours(canvas, outlines, -1, 1, cv2.FILLED)
    grown = np.asarray(cv2.dilate(canvas, np.ones((3, 3), np.uint8)), np.uint8)
    if not grown.any():
        raise ValueError(
            f"mask {number} lies outside the picture of {shape[1]} x {shape[0]} pixels: {polygon}"
        )
    return grown
