"""Draw a learnt scene so that a technician knows the street and nobody knows a person.

The second defence behind `background.py`, and one that does not ask how large a person is: the
whole picture is drawn with 32 colours, four across and eight down, and with its longest straight
edges (kerbs, walls, posts). A face that should not have been learnt, and fills the picture, is
four points wide; faces and figures have no contour that is so long and straight.
"""

from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_gateway.people.cells import Bgr, Mask, spread

Colour: TypeAlias = tuple[int, int, int]

COLOUR_GRID: Final = (4, 8)
"""Points of colour across and down, whatever the picture's size: streets lie in layers, so that
their colours change from top to bottom, while what makes a figure changes from side to side."""
SHORTEST_EDGE: Final = 1 / 6
"""Length of the shortest edge drawn, as a share of the longer side."""
KNOWN_SHARE: Final = 0.5
"""So much of a point of colour must be known for it to be drawn; only what is known colours it."""
EDGE_MARGIN_CELLS: Final = 1
"""An edge lies in the known scene where everything within this many cells is known."""
EDGE_KNOWN_SHARE: Final = 0.9
"""An edge is drawn when so much of it lies in the known scene."""
EDGE_TOLERANCE_DEG: Final = 30.0
EDGE_DENSITY: Final = 0.5
"""How much the gradients along an edge may turn, and how many must not: the LSD finder (von Gioi
et al., IPOL 2012) takes 22.5 and 0.7; shrinking has softened these edges."""
SAMPLES: Final = 17
"""Points looked at along an edge."""
WASH: Final = 0.5
"""Share of paper white in the colours, so that markers and lines stand out."""
PAPER: Final = 240.0
UNKNOWN: Final[Colour] = (222, 222, 222)
EDGE: Final[Colour] = (70, 70, 70)
EDGE_OPACITY: Final = 0.85
HATCH_PITCH_PX: Final = 6
HATCH_LEVELS: Final = 16
"""Fine hatching over everything, as in an engraving: gradients of the blurred colours, which
detectors normalise up to figures, drown in it."""


def draw_scene(scene: Bgr, known: Mask, size: tuple[int, int]) -> Bgr:
    """Draw the part of `scene` whose cells are `known` at `size` (width, height), the rest blank.

    A cell is a block of pixels of `scene`; nothing of an unknown cell's pixels is drawn.
    """
    width, height = size
    share = _shrunk(known.astype(np.float32), COLOUR_GRID)
    cells = _shrunk(scene.astype(np.float32), (known.shape[1], known.shape[0]))
    sums = _shrunk(cells * known[..., np.newaxis], COLOUR_GRID)
    drawn = share >= KNOWN_SHARE
    colours = _filled(sums, share)
    smooth = np.asarray(cv2.resize(colours, size, interpolation=cv2.INTER_CUBIC), np.float32)
    washed = np.clip(smooth * (1 - WASH) + PAPER * WASH, 0, 255).astype(np.uint8)
    mask = cv2.resize(drawn.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST)
    picture = np.full((height, width, 3), UNKNOWN, np.uint8)
    cv2.copyTo(washed, mask, picture)
    _draw_edges(picture, _without_holes(scene, known, colours), known)
    across, down = np.arange(width, dtype=np.int32), np.arange(height, dtype=np.int32)
    hatched = (across[np.newaxis] + down[:, np.newaxis]) % HATCH_PITCH_PX == 0
    return np.asarray(
        cv2.subtract(picture, cv2.merge([hatched * np.uint8(HATCH_LEVELS)] * 3)), np.uint8
    )


def _without_holes(scene: Bgr, known: Mask, colours: NDArray[np.float32]) -> Bgr:
    """Fill the unknown with the colours around it, so that it brings no edges of its own."""
    size = (scene.shape[1], scene.shape[0])
    around = np.clip(cv2.resize(colours, size, interpolation=cv2.INTER_LINEAR), 0, 255)
    seen = spread(known, scene.shape[0] // known.shape[0])
    return np.where(seen[..., np.newaxis] > 0, scene, around.astype(np.uint8))


def _filled(sums: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean colour of what is known of each point, and of its surroundings for others.

    So that smoothing between points brings no colour that is not there.
    """
    colours = sums / np.maximum(share, 1e-6)[..., np.newaxis]
    around = np.asarray(cv2.GaussianBlur(sums, (0, 0), 2), np.float32)
    weight = np.asarray(cv2.GaussianBlur(share, (0, 0), 2), np.float32)
    spread = around / np.maximum(weight, 1e-6)[..., np.newaxis]
    return np.where(share[..., np.newaxis] >= KNOWN_SHARE, colours, spread).astype(np.float32)


def _draw_edges(picture: Bgr, scene: Bgr, known: Mask) -> None:
    """Draw the long straight edges of the scene that lie in its known part."""
    kernel = np.ones((2 * EDGE_MARGIN_CELLS + 1,) * 2, np.uint8)
    inside = np.asarray(cv2.erode(known.astype(np.uint8), kernel, borderValue=1), np.bool_)
    finder = cv2.createLineSegmentDetector(
        cv2.LSD_REFINE_STD, ang_th=EDGE_TOLERANCE_DEG, density_th=EDGE_DENSITY
    )
    edges = _segments(finder.detect(cv2.cvtColor(scene, cv2.COLOR_BGR2GRAY))[0])
    lengths = np.hypot(*(edges[:, 1] - edges[:, 0]).T)
    edges = edges[lengths >= SHORTEST_EDGE * max(scene.shape)]
    along = np.linspace(0, 1, SAMPLES, dtype=np.float32)[:, np.newaxis]
    rows, columns = known.shape
    per_cell = scene.shape[0] // rows
    scale = np.array([picture.shape[1] / scene.shape[1], picture.shape[0] / scene.shape[0]])
    drawn = picture.copy()
    for start, end in edges:
        path = ((start + (end - start) * along) / per_cell).astype(np.int64)
        x, y = np.clip(path, 0, (columns - 1, rows - 1)).T
        if np.mean(inside[y, x]) >= EDGE_KNOWN_SHARE:
            (x0, y0), (x1, y1) = np.rint(np.stack([start, end]) * scale).astype(np.int64).tolist()
            cv2.line(drawn, (x0, y0), (x1, y1), EDGE, 1, cv2.LINE_AA)
    cv2.addWeighted(drawn, EDGE_OPACITY, picture, 1 - EDGE_OPACITY, 0, dst=picture)


def _segments(found: object) -> NDArray[np.float32]:
    """Return what the finder gives, None when it finds nothing, as (N, 2, 2): start, end; x, y."""
    return np.asarray(() if found is None else found, np.float32).reshape(-1, 2, 2)


def _shrunk(picture: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.float32)
