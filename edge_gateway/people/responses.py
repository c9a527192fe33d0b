"""What the responses of a person detector say about the cells of a scene, for `background.py`."""

from dataclasses import dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_gateway.people.cells import FEWEST_CELLS, Mask

Boxes: TypeAlias = NDArray[np.float32]
"""Shape (N, 5): left, top, width, height in pixels of the source, and score."""
Edges: TypeAlias = NDArray[np.int64]

UNREST_SCORE: Final = 0.15
"""A response from this score on breaks the stillness; a weaker one prolongs it."""
PERSON_SCORE: Final = 0.3
"""From this score on a response is taken at its word."""
PASSING_SHARE: Final = 0.25
"""A person in whose box this share of the cells moved passes by, and stands not."""
GHOST_SHARE: Final = 0.05
"""A response in which fewer of the known cells than this differ is in the known scene."""


@dataclass(frozen=True, slots=True)
class Responses:
    """Per cell: where somebody may stand, where somebody passes, where one was learnt."""

    standing: Mask
    passing: Mask
    ghost: Mask
    """Known cells in which a person is seen though they look as they were learnt."""
    weight: NDArray[np.float32]
    """The best score of a response that is not of a passer-by, 0 where there is none."""


def read_responses(
    boxes: Boxes,
    moving: Mask,
    known: Mask,
    differs: Mask,
    *,
    scale: NDArray[np.float64],
    margin: float,
) -> Responses:
    """Spread boxes over cells, `scale` cells a pixel in x and y, with a margin (share of size).

    `moving` cells moved just now; `differs` are those of the `known` that do not look as learnt.
    """
    rows, columns = known.shape
    bodies = _edges(boxes, 0.0, scale, columns, rows)
    areas = np.maximum((bodies[:, 2:] - bodies[:, :2]).prod(axis=1), 1)
    passes = _inside(moving, bodies) >= PASSING_SHARE * areas
    learnt = _inside(known, bodies)
    ghosts = ~passes & (boxes[:, 4] >= PERSON_SCORE) & (learnt >= FEWEST_CELLS)
    ghosts &= _inside(differs, bodies) < GHOST_SHARE * learnt
    places = _edges(boxes, margin, scale, columns, rows)
    clear = boxes[:, 4] >= UNREST_SCORE
    weight = np.zeros(known.shape, np.float32)
    waiting = np.flatnonzero(~passes)
    # The better scores come last and stay.
    waiting = waiting[np.argsort(boxes[waiting, 4])]
    scores = boxes[waiting, 4].tolist()
    for (left, top, right, bottom), score in zip(places[waiting].tolist(), scores, strict=True):
        weight[top:bottom, left:right] = score
    passing = _painted(places[passes & clear], known.shape)
    ghost = _painted(places[ghosts], known.shape) & known
    return Responses(weight >= UNREST_SCORE, passing, ghost, weight)


def _painted(places: Edges, shape: tuple[int, ...]) -> Mask:
    mask = np.zeros(shape, np.bool_)
    for left, top, right, bottom in places.tolist():
        mask[top:bottom, left:right] = True
    return mask


def _edges(
    boxes: Boxes, margin: float, scale: NDArray[np.float64], columns: int, rows: int
) -> Edges:
    """Return left, top, right, bottom in cells, within the scene."""
    beyond = boxes[:, 2:4] * margin
    first = np.floor((boxes[:, :2] - beyond) * scale)
    last = np.ceil((boxes[:, :2] + boxes[:, 2:4] + beyond) * scale)
    edges = np.concatenate([first, last], axis=1)
    return np.clip(edges, 0, (columns, rows, columns, rows)).astype(np.int64)


def _inside(mask: Mask, edges: Edges) -> NDArray[np.int64]:
    """Count the cells of `mask` in each box, by the four corners of its summed-area table."""
    sums = np.asarray(cv2.integral(mask.astype(np.uint8)), np.int64)
    left, top, right, bottom = edges.T
    return sums[bottom, right] - sums[top, right] - sums[bottom, left] + sums[top, left]
