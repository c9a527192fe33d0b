"""Moving scenes with people in them: figures composed into made streets, and real clips."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.privacy import materials
from benchmarks.privacy.cases import Case
from benchmarks.privacy.materials import Bgr
from edge_gateway.people.detect import Detector

RATE: Final = 4.0
SCENE_S: Final = 40.0
SIZES: Final = {20: (320, 240), 40: (320, 240), 80: (320, 240), 150: (400, 304), 300: (480, 368)}
"""Width and height of the made picture by the height of the face in it."""
FACE_AT: Final = {
    "astronaut": (222, 115, 115),
    "camera": (225, 112, 60),
    "lfw": (12, 12, 18),
}
"""Centre and height of the face in the figure's own pixels."""
MARKED_SCORE: Final = 0.45
CROWD: Final = 6
CROWD_PX_S: Final = 3.0
SHAKE_PX: Final = 4
DARK: Final = 0.5
NOISE: Final = 2.0
MORE_NOISE: Final = 5.0
SHAKE_S: Final = 2.0
SHAKE_EVERY_S: Final = 10.0
PASSER_BY_FROM: Final = 0.3
"""Share of a scene after which somebody walks along its lower edge, again and again."""
PASSER_BY_PX: Final = 24
PASSER_BY_S: Final = 9.0


@dataclass(frozen=True, slots=True)
class View:
    """A frame, and the foot points (x, y, height) of those in it: what a tracker would mark."""

    frame: Bgr
    feet: tuple[tuple[float, float, float], ...]


class Scenes:
    """Makes the frames of a case; holds pictures of people in memory."""

    def __init__(self, cache: Path, data: Path, detector: Detector) -> None:
        self._detector = detector
        self._feet: dict[tuple[str, int], tuple[tuple[float, float, float], ...]] = {}
        self._portraits = materials.portraits(cache)
        self._faces = materials.faces(cache)
        self._clips: dict[str, list[Bgr]] = {
            "PETS": materials.clip_frames(cache, every=2),
            **{name: materials.gif_frames(data, name) for name in materials.GIFS},
        }

    def play(self, case: Case, *, empty: bool = False) -> Iterator[View]:
        """Yield the frames of a case at RATE; those of a made street also with nobody in it."""
        rng = np.random.default_rng(case.seed)
        plain = self._clip(case) if case.face_px == 0 else self._street(case, rng, empty=empty)
        for number, view in enumerate(plain):
            frame = _weather(view.frame, case.behaviour, number / RATE, rng)
            yield View(frame, view.feet)

    def figure(self, name: str, rng: np.random.Generator) -> Bgr:
        """Return a picture of a person."""
        if name == "lfw":
            return self._faces[int(rng.integers(len(self._faces)))]
        return self._portraits[name]

    def _clip(self, case: Case) -> Iterator[View]:
        """Play a clip to and fro, with markers where the detector sees people in it."""
        frames = self._clips[case.subject]
        order = [*range(len(frames)), *range(len(frames) - 2, 0, -1)]
        start = case.seed % len(order)
        for number in range(int(SCENE_S * RATE)):
            place = order[(start + number) % len(order)]
            yield View(frames[place], self._marked(case.subject, place))

    def _marked(self, clip: str, place: int) -> tuple[tuple[float, float, float], ...]:
        if (clip, place) not in self._feet:
            boxes = self._detector.detect(self._clips[clip][place], MARKED_SCORE).tolist()
            self._feet[clip, place] = tuple((x + w / 2, y + h, h) for x, y, w, h, _score in boxes)
        return self._feet[clip, place]

    def _street(self, case: Case, rng: np.random.Generator, *, empty: bool) -> Iterator[View]:
        width, height = SIZES[case.face_px]
        street = made_street(width, height, rng)
        people = CROWD if case.behaviour == "crowd" else 1
        figures = [self.figure(case.subject, rng) for _ in range(people)]
        homes = [(rng.uniform(0.3, 0.7) * width, rng.uniform(0.35, 0.6) * height) for _ in figures]
        passer_by = self.figure("lfw", rng)
        for number in range(int(SCENE_S * RATE)):
            frame = street.copy()
            feet: list[tuple[float, float, float]] = []
            for person, (figure, home) in enumerate(zip(figures, homes, strict=True)):
                place = _place(case.behaviour, number / RATE, home, width, person)
                if place is not None:
                    feet += compose(frame, figure, FACE_AT[case.subject], place, case.face_px)
            if number > PASSER_BY_FROM * SCENE_S * RATE:
                way = number / RATE % PASSER_BY_S / PASSER_BY_S * 1.2 - 0.1
                place = (way * width, 0.88 * height, 1.0)
                feet += compose(frame, passer_by, FACE_AT["lfw"], place, PASSER_BY_PX)
            yield View(street.copy() if empty else frame, tuple(feet))


def made_street(width: int, height: int, rng: np.random.Generator) -> Bgr:
    """Return an empty street: soft patches of colour, and kerbs, walls and posts."""
    coarse = rng.uniform(70, 160, (9, 12, 1)) + rng.uniform(-12, 12, (9, 12, 3))
    street = np.clip(cv2.resize(coarse, (width, height)), 0, 255).astype(np.uint8)
    for _edge in range(24):
        ends = rng.integers(0, (width, height), (2, 2)).tolist()
        cv2.line(street, ends[0], ends[1], (60, 70, 80), 2)
    return street


def compose(
    frame: Bgr,
    figure: Bgr,
    face_at: tuple[int, int, int],
    place: tuple[float, float, float],
    face_px: float,
) -> list[tuple[float, float, float]]:
    """Put a figure into a frame, its face centred on `place` (x, y, share of its size).

    Returns its foot point as far as it is in the picture: one, or none.
    """
    face_x, face_y, face_height = face_at
    scale = face_px * place[2] / face_height
    height, width = frame.shape[:2]
    left, top = place[0] - face_x * scale, place[1] - face_y * scale
    turn = np.array([[scale, 0, left], [0, scale, top]], np.float64)
    shrinks = scale < 1
    small = figure
    if shrinks:
        size = (max(1, round(figure.shape[1] * scale)), max(1, round(figure.shape[0] * scale)))
        small = np.asarray(cv2.resize(figure, size, interpolation=cv2.INTER_AREA), np.uint8)
        turn[:, :2] = np.eye(2)
    cv2.warpAffine(small, turn, (width, height), dst=frame, borderMode=cv2.BORDER_TRANSPARENT)
    right, bottom = left + figure.shape[1] * scale, min(top + figure.shape[0] * scale, height - 1.0)
    if right <= 0 or left >= width:
        return []
    return [((max(left, 0) + min(right, width)) / 2, bottom, bottom - max(top, 0))]


def _place(
    behaviour: str, time_s: float, home: tuple[float, float], width: int, person: int
) -> tuple[float, float, float] | None:
    """Return where a figure's face is at a time: x, y, share of its full size; None when away."""
    x, y = home
    part = time_s / SCENE_S
    away = {"leaves": part > 0.6, "arrives": part < 0.45, "outstays": part < 0.35}  # noqa: PLR2004  (shares of a scene)
    if away.get(behaviour):
        return None
    size = 1.0
    match behaviour:
        case "walks":
            x = (time_s % 12.0) / 12.0 * 1.6 * width - 0.3 * width
        case "sways":
            x += 2.0 * math.sin(1.7 * time_s)
        case "approaches":
            size = min(1.0, 0.3 + 0.7 * part / 0.4)
        case "crowd":
            way = CROWD_PX_S * time_s * (1 if person % 2 else -1)
            x = (person + 0.5) / CROWD * width + way
        case _:
            pass
    return x, y, size


def _weather(frame: Bgr, behaviour: str, time_s: float, rng: np.random.Generator) -> Bgr:
    """Switch the light, shake the camera, and add the sensor's noise."""
    seen: NDArray[np.float32] = frame.astype(np.float32)
    if behaviour == "lights" and int(time_s / 7.0) % 2:
        seen *= DARK
    if behaviour == "shaken" and time_s % SHAKE_EVERY_S > SHAKE_EVERY_S - SHAKE_S:
        shift = rng.integers(-SHAKE_PX, SHAKE_PX + 1, 2)
        turn = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float64)
        size = (frame.shape[1], frame.shape[0])
        seen = np.asarray(
            cv2.warpAffine(seen, turn, size, borderMode=cv2.BORDER_REPLICATE), np.float32
        )
    deviation = MORE_NOISE if behaviour == "noisy" else NOISE
    noise = np.zeros(seen.shape, np.int16)
    cv2.setRNGSeed(int(rng.integers(2**31)))
    cv2.randn(noise, np.zeros(3), np.full(3, deviation))
    return np.clip(seen + noise, 0, 255).astype(np.uint8)
