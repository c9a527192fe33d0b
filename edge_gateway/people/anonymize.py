"""Pictures of the scene without the people in it: the only pictures that may leave the counter.

They are built up and not taken away from: their pixels come from the learnt background
(`background.py`), drawn as a sketch (`sketch.py`), and people are markers at foot points. A person
the detector misses is not in them either; a part not yet learnt is blank.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass
from typing import Final, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from edge_gateway.people.background import Background, LearningSettings
from edge_gateway.people.cells import Bgr
from edge_gateway.people.mask import Mask
from edge_gateway.people.responses import Boxes
from edge_gateway.people.sketch import UNKNOWN, Colour, draw_scene

Point: TypeAlias = tuple[float, float]
"""x and y in pixels of the source picture."""
NamedLine: TypeAlias = tuple[str, Point, Point]
"""Name, start, end of a counting line."""

Inspector: TypeAlias = Callable[[NDArray[np.uint8]], Boxes]

INSPECT_SCORE: Final = 0.2
LEGEND: Final = "anonymized: background only, people as markers"
MARKER: Final[Colour] = (0, 110, 230)
LINE: Final[Colour] = (160, 60, 20)
INK: Final[Colour] = (50, 50, 50)
BAR: Final[Colour] = (250, 250, 250)
MARKER_SHARE: Final = 1 / 64
"""Half the width of a marker without a known size, as a share of the longer side."""
MARKER_PER_HEIGHT: Final = 0.16
"""Half the width of a marker as a share of the person's height in the picture."""
FLATNESS: Final = 0.45
"""Height of the ellipse on the ground over its width."""
FONT: Final = cv2.FONT_HERSHEY_SIMPLEX
_MAKER: Final = object()


@dataclass(frozen=True, slots=True)
class Marker:
    """A person's place, and nothing else of the person.

    `x`, `y`: foot point in pixels; `height`: of the person in pixels, for the marker's size alone;
    `direction`: of walking in radians, 0 to the right and pi/2 down the picture.
    """

    x: float
    y: float
    height: float | None = None
    direction: float | None = None


@dataclass(frozen=True, slots=True)
class AnonymizedPicture:
    """A picture that may leave. Only an `Anonymizer` makes one: anybody else gets a TypeError."""

    pixels: NDArray[np.uint8]
    """Height x width x 3, blue green red, read-only."""
    known_fraction: float
    """Share of the scene that is learnt, 0 to 1; the rest is blank."""
    maker: InitVar[object]

    def __post_init__(self, maker: object) -> None:
        """Refuse every maker but the anonymizer."""
        if maker is not _MAKER:
            raise TypeError("an AnonymizedPicture is made by an Anonymizer and by nothing else")
        self.pixels.setflags(write=False)


class Anonymizer:
    """Learns the scene from every frame, and draws it on demand.

    `inspect`, where given, looks for people in the scene as drawn, before anything leaves: what it
    finds is withheld. The product's own detector will do. What `mask` covers stays blank.
    """

    def __init__(
        self,
        width: int,
        height: int,
        settings: LearningSettings | None = None,
        inspect: Inspector | None = None,
        mask: Mask | None = None,
    ) -> None:
        self._size = (width, height)
        self._inspect = inspect
        self._mask = mask
        self._background = Background(width, height, settings or LearningSettings())
        self._drawn: Bgr | None = None
        self._drawn_version = -1

    @property
    def known_fraction(self) -> float:
        """Share of the scene that is learnt, 0 to 1; what is masked is never learnt."""
        return float(np.mean(self._known()))

    def learn(self, frame_bgr: Bgr, boxes: Boxes, time_s: float) -> None:
        """Take in every frame, with all boxes of the detector down to a score of 0.05.

        `boxes` is (N, 5): left, top, width, height in pixels, score; `time_s` does not go back.
        Raises ValueError when the frame has another size than was promised.
        """
        self._background.learn(frame_bgr, boxes, time_s)

    def forget(self) -> None:
        """Withhold everything and learn anew: after a cut, or when the camera was moved."""
        self._background.forget()

    def picture(
        self, markers: Sequence[Marker] = (), lines: Sequence[NamedLine] = ()
    ) -> AnonymizedPicture:
        """Draw what is known of the scene, the counting lines, and a marker a person."""
        canvas = self._scene().copy()
        for name, start, end in lines:
            _draw_line(canvas, name, start, end)
        _draw_markers(canvas, markers)
        known = self.known_fraction
        _draw_legend(canvas, f"{LEGEND}; {known:.0%} of the scene learnt")
        return AnonymizedPicture(canvas, known, _MAKER)

    def _scene(self) -> Bgr:
        if self._drawn is None or self._drawn_version != self._background.version:
            self._drawn = self._draw()
            found = self._inspect(self._drawn) if self._inspect else None
            if found is not None and (found := found[found[:, 4] >= INSPECT_SCORE]).size:
                self._background.withhold(found)
                self._drawn = self._draw()
            self._drawn_version = self._background.version
        return self._drawn

    def _draw(self) -> Bgr:
        drawn = draw_scene(self._background.picture, self._known(), self._size)
        if self._mask is not None:
            drawn[self._mask.covered] = UNKNOWN
        return drawn

    def _known(self) -> NDArray[np.bool_]:
        known = self._background.known
        if self._mask is None:
            return known
        size = (known.shape[1], known.shape[0])
        share = cv2.resize(
            self._mask.covered.astype(np.float32), size, interpolation=cv2.INTER_AREA
        )
        return known & (np.asarray(share, np.float32) == 0)


def encode_png(picture: AnonymizedPicture) -> bytes:
    """Return the picture as PNG, without any metadata."""
    return _encoded(picture, ".png", [cv2.IMWRITE_PNG_COMPRESSION, 9])


def encode_jpeg(picture: AnonymizedPicture, quality: int = 85) -> bytes:
    """Return the picture as baseline JPEG (`quality` 1 to 100), without EXIF or comment."""
    return _encoded(picture, ".jpg", [cv2.IMWRITE_JPEG_QUALITY, quality])


def _encoded(picture: AnonymizedPicture, suffix: str, options: list[int]) -> bytes:
    done, content = cv2.imencode(suffix, picture.pixels, options)
    if not done:
        raise ValueError(f"OpenCV could not encode the picture as {suffix}")
    return content.tobytes()


def _draw_markers(canvas: Bgr, markers: Sequence[Marker]) -> None:
    """Draw discs that lie on the ground around the foot points, with a tick where they go."""
    under = canvas.copy()
    for marker in markers:
        centre, axes = _place(marker, max(canvas.shape))
        cv2.ellipse(under, centre, axes, 0, 0, 360, MARKER, cv2.FILLED, cv2.LINE_AA)
    cv2.addWeighted(under, 0.5, canvas, 0.5, 0, dst=canvas)
    for marker in markers:
        centre, axes = _place(marker, max(canvas.shape))
        cv2.ellipse(canvas, centre, axes, 0, 0, 360, MARKER, 1, cv2.LINE_AA)
        if marker.direction is not None:
            across = axes[0] * math.cos(marker.direction)
            down = axes[1] * math.sin(marker.direction)
            start = (round(centre[0] + across), round(centre[1] + down))
            end = (round(centre[0] + 1.8 * across), round(centre[1] + 1.8 * down))
            cv2.line(canvas, start, end, MARKER, 2, cv2.LINE_AA)


def _place(marker: Marker, longer_side: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return centre and half axes of a marker's ellipse in pixels."""
    half = MARKER_SHARE * longer_side
    if marker.height is not None:
        half = min(max(MARKER_PER_HEIGHT * marker.height, half / 2), 3 * half)
    return (round(marker.x), round(marker.y)), (max(2, round(half)), max(1, round(half * FLATNESS)))


def _draw_line(canvas: Bgr, name: str, start: Point, end: Point) -> None:
    """Draw a counting line as dots; the tick at its middle points forward, to its left.

    Dots, since a solid upright bar with a tick and a marker on it is a figure to a detector.
    """
    (x0, y0), (x1, y1) = start, end
    length = max(math.hypot(x1 - x0, y1 - y0), 1.0)
    gap = max(canvas.shape) / 64
    dots = max(1, round(length / gap))
    for i in range(dots + 1):
        place = (round(x0 + (x1 - x0) * i / dots), round(y0 + (y1 - y0) * i / dots))
        cv2.circle(canvas, place, 1, LINE, cv2.FILLED, cv2.LINE_AA)
    middle = ((x0 + x1) / 2, (y0 + y1) / 2)
    tip = (middle[0] + (y1 - y0) / length * gap, middle[1] - (x1 - x0) / length * gap)
    points = [(round(x), round(y)) for x, y in (middle, tip)]
    cv2.arrowedLine(canvas, points[0], points[1], LINE, 1, cv2.LINE_AA, tipLength=0.4)
    _write(canvas, name, (round(x0) + 6, round(y0) - 6), LINE)


def _draw_legend(canvas: Bgr, text: str) -> None:
    height = canvas.shape[0]
    bar = max(14, height // 26)
    canvas[height - bar :] = BAR
    _write(canvas, text, (6, height - bar // 3), INK)


def _write(canvas: Bgr, text: str, place: tuple[int, int], colour: Colour) -> None:
    scale = max(canvas.shape) / 1700
    cv2.putText(canvas, text, place, FONT, scale, BAR, 3, cv2.LINE_AA)
    cv2.putText(canvas, text, place, FONT, scale, colour, 1, cv2.LINE_AA)
