"""Arithmetic on the cells of a scene: shares, differences, neighbourhoods."""

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Bgr: TypeAlias = NDArray[np.uint8]
"""A picture: height x width x 3, blue green red."""
Mask: TypeAlias = NDArray[np.bool_]

FEWEST_CELLS: Final = 50
"""Below this number of cells a share says nothing."""


def spread(cells: Mask, times: int) -> NDArray[np.uint8]:
    """Make of each cell a block of `times` x `times` pixels, as OpenCV's masks."""
    return np.repeat(np.repeat(cells.astype(np.uint8), times, axis=0), times, axis=1)


def share(part: Mask, whole: Mask) -> float:
    """Return the share of `whole` that is `part`; 0 where `whole` is too small to say."""
    cells = np.count_nonzero(whole)
    return np.count_nonzero(part) / cells if cells >= FEWEST_CELLS else 0.0


def largest_channel(picture: Bgr) -> NDArray[np.uint8]:
    """Return the largest of blue, green and red of each pixel."""
    blue, green, red = cv2.split(picture)
    return np.asarray(cv2.max(cv2.max(blue, green), red), np.uint8)


def largest_difference(picture: Bgr, other: Bgr) -> NDArray[np.uint8]:
    """Return how far two pictures differ, in the channel where they differ most."""
    return largest_channel(np.asarray(cv2.absdiff(picture, other), np.uint8))


def shrunk(picture: Bgr, size: tuple[int, int]) -> Bgr:
    """Return a picture of `size` (width, height) made of means."""
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def grown(cells: Mask, radius: int) -> Mask:
    """Add to `cells` all within `radius` of one of them."""
    return np.asarray(cv2.dilate(cells.astype(np.uint8), disc(radius)), np.bool_)


def disc(radius: int) -> NDArray[np.uint8]:
    """Return a disc for OpenCV's morphology."""
    side = 2 * radius + 1
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)), np.uint8)
