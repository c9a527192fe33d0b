"""What a picture shows of edges: two bands of a small grey copy, and what two pictures share.

Noise differs from picture to picture and edges do not: the mean product of the same band of two
pictures holds the edges alone, in the dark as well as by day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_gateway.people.frame import Picture

Band: TypeAlias = NDArray[np.float32]

LONGER_SIDE: Final = 192
"""Pixels of the small copy; the detector's own picture is 416 or 320 wide."""
FINE_BOX: Final = 3
COARSE_BOX: Final = 9
CELL: Final = 12
"""Pixels of the small copy along a cell."""
KEPT_SHARE: Final = 0.5
"""A cell is looked at when so much of it is not hidden."""
LEAST_POWER: Final = 1e-3
HIGHEST_SHARPNESS: Final = 2.0


@dataclass(frozen=True, slots=True)
class Bands:
    """The small grey copy, its finest detail, and the detail about three times as coarse."""

    grey: NDArray[np.uint8]
    fine: Band
    coarse: Band

    def share_above(self, level: float) -> float:
        """Share of the pixels above a level."""
        return float(np.count_nonzero(self.grey > level)) / self.grey.size


@dataclass(frozen=True, slots=True)
class Detail:
    """What two pictures of one place have in common.

    `contrast` is the coarse detail, in levels, of the cell that has more of it than three in four;
    `sharpness` how much fine detail there is to a part of it, in the middle of the half of the
    cells that have most: about 0.6 to 1 in focus. A clock written into the picture is in few
    cells, and changes neither. `power` is that of the coarse detail in each cell.
    """

    contrast: float
    sharpness: float
    power: Band


class Layout:
    """Which pixels and cells of a small copy are looked at: all but those near a hidden pixel.

    `hidden`, of the picture's own size, says what is blacked out; None hides nothing.
    """

    def __init__(self, bands: Bands, hidden: NDArray[np.bool_] | None = None) -> None:
        height, width = bands.grey.shape
        self._grid = (max(1, width // CELL), max(1, height // CELL))
        self._keep: Band | None = None
        self.seen_share = 1.0
        self._cells = np.arange(self._grid[0] * self._grid[1])
        if hidden is None or not hidden.any():
            return
        size = (width, height)
        small = np.asarray(
            cv2.resize(hidden.astype(np.float32), size, interpolation=cv2.INTER_AREA), np.float32
        )
        reach = COARSE_BOX + FINE_BOX
        around = np.ones((reach, reach), np.uint8)
        near = np.asarray(cv2.dilate(small, around), np.float32)
        keep = np.asarray(near == 0, np.float32)
        hidden_pixels = int(np.count_nonzero(small))
        self.seen_share = max(small.size - hidden_pixels, 1) / small.size
        kept = np.asarray(cv2.resize(keep, self._grid, interpolation=cv2.INTER_AREA), np.float32)
        whole = np.flatnonzero(kept.ravel() > KEPT_SHARE)
        self._keep = keep
        self._cells = whole if whole.size else self._cells

    def seen(self, bands: Bands) -> Bands:
        """Leave out the edges that hiding has made."""
        if self._keep is None:
            return bands
        return Bands(bands.grey, bands.fine * self._keep, bands.coarse * self._keep)

    def in_cells(self, product: Band) -> Band:
        """The mean of each cell that is looked at."""
        cells = cv2.resize(product, self._grid, interpolation=cv2.INTER_AREA)
        return np.asarray(cells, np.float32).ravel()[self._cells]


def small_copy(picture: Picture) -> NDArray[np.uint8]:
    """Shrink to `LONGER_SIDE` and to grey; a smaller picture keeps its size."""
    height, width = picture.shape[:2]
    scale = min(1.0, LONGER_SIDE / max(height, width))
    size = (max(CELL, round(width * scale)), max(CELL, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)


def bands_of(grey: NDArray[np.uint8]) -> Bands:
    """Split a small copy into its bands."""
    level = grey.astype(np.float32)
    smooth = np.asarray(cv2.blur(level, (FINE_BOX, FINE_BOX)), np.float32)
    around = np.asarray(cv2.blur(smooth, (COARSE_BOX, COARSE_BOX)), np.float32)
    return Bands(grey, level - smooth, smooth - around)


def detail_of(one: Bands, other: Bands, layout: Layout) -> Detail:
    """Measure what two pictures of one size share, in the cells that are not hidden."""
    coarse = layout.in_cells(one.coarse * other.coarse)
    fine = layout.in_cells(one.fine * other.fine)
    order = np.argsort(coarse)
    textured = order[order.size // 2 :]
    strong = np.maximum(coarse[textured], LEAST_POWER)
    # Sorted, half of the half is the upper quarter.
    contrast = float(strong[strong.size // 2])
    shares = np.sort(fine[textured] / strong)
    sharpness = max(float(shares[shares.size // 2]), 0.0)
    return Detail(contrast**0.5, min(sharpness**0.5, HIGHEST_SHARPNESS), coarse)


def likeness(one: Band, other: Band) -> float:
    """How much two bands are the same but for contrast: 1 the same, 0 nothing in common."""
    power = cv2.norm(one) * cv2.norm(other)
    return float(np.vdot(one, other)) / max(power, LEAST_POWER)


def shift_between(one: Band, other: Band) -> tuple[int, int]:
    """How many pixels of the small copy lie between two pictures, right and down."""
    (right, down), _response = cv2.phaseCorrelate(one, other)
    return round(right), round(down)


def aligned(one: Bands, other: Bands, shift: tuple[int, int]) -> tuple[Bands, Bands]:
    """Cut both to what they share when `other` lies `shift` right and down of `one`."""
    right, down = shift
    return _cut(one, -right, -down), _cut(other, right, down)


def _cut(bands: Bands, right: int, down: int) -> Bands:
    """Leave out so many columns at the left (at the right when negative), and so many rows."""
    height, width = bands.grey.shape
    rows = slice(max(down, 0), height + min(down, 0))
    columns = slice(max(right, 0), width + min(right, 0))
    return Bands(bands.grey[rows, columns], bands.fine[rows, columns], bands.coarse[rows, columns])
