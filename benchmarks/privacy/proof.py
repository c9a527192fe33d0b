"""Anonymize one case, and let the judges look at originals and at what came of them."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import cv2
import numpy as np

from benchmarks.privacy.cases import DETECTORS, Case
from benchmarks.privacy.judges import Finder, Tally
from benchmarks.privacy.materials import Bgr
from benchmarks.privacy.scenes import FACE_AT, RATE, SIZES, Scenes, compose, made_street
from edge_gateway.people.anonymize import Anonymizer, Marker
from edge_gateway.people.background import LearningSettings
from edge_gateway.people.detect import Detector
from edge_gateway.people.responses import Boxes
from edge_gateway.people.sketch import draw_scene

NOBODY: Final[Boxes] = np.zeros((0, 5), np.float32)
ORIGINALS: Final = 3
LEAST_KNOWN: Final = 0.02
"""Pictures that show less of the scene are blank, and neither judged nor counted."""
SETTLE_S: Final = 4.0
"""Half of what the product waits before it learns anything: more is let in, and sooner."""
FIRST_KNOWN: Final = 0.16
"""Pictures are taken from this share of a scene on; before it, nothing is learnt yet."""
OUTSTAYED_S: Final = 8.0
"""The time after which a newcomer may be learnt, in the cases in which he outstays it."""
CELLS: Final = 192
BYPASSED: Final = 12
"""Pictures of each figure and face size that are drawn as though learning had let them in."""


@dataclass(slots=True)
class Outcome:
    """What the judges said about one case."""

    name: str
    behaviour: str
    face_px: int
    detector: str
    before: Tally = field(default_factory=Tally)
    after: Tally = field(default_factory=Tally)
    repeated: int = 0
    """Pictures that were the same, byte for byte, as one judged before, and do not count."""
    blank: int = 0
    """Pictures that showed next to nothing, and were not judged."""
    known: float = 0.0
    """Share of the scene that was learnt at the end."""
    findings: list[str] = field(default_factory=list[str])
    false_alarms: list[str] = field(default_factory=list[str])
    """Findings of judges who find somebody in the same street, anonymized, with nobody in it."""

    @staticmethod
    def read(written: dict[str, Any]) -> "Outcome":
        """Read an outcome back from its dictionary."""
        before, after = Tally(**written.pop("before")), Tally(**written.pop("after"))
        return Outcome(**written, before=before, after=after)


def prove(
    case: Case,
    scenes: Scenes,
    detector: Detector,
    judges: Mapping[str, Finder],
    seen: set[str],
    *,
    empty: bool = False,
) -> Outcome:
    """Anonymize a case; `seen` holds the digests of all pictures judged, and grows.

    With `empty` it is the control: the same street with the same markers, and nobody there.
    """
    outcome = Outcome(case.name, case.behaviour, case.face_px, case.detector)
    anonymizer: Anonymizer | None = None
    views = list(scenes.play(case, empty=empty))
    every = DETECTORS[case.detector]
    chosen = set(_spread(round(FIRST_KNOWN * len(views)), len(views), case.pictures))
    originals = set(_spread(0, len(views), ORIGINALS))
    for number, view in enumerate(views):
        anonymizer = anonymizer or _anonymizer(case, view.frame)
        looks = every and number % every == 0
        boxes = detector.detect(view.frame) if looks else NOBODY
        anonymizer.learn(view.frame, boxes, number / RATE)
        if number in originals:
            outcome.before.add(view.frame, judges)
        if number in chosen:
            picture = anonymizer.picture([Marker(x, y, height) for x, y, height in view.feet])
            if picture.known_fraction < LEAST_KNOWN:
                outcome.blank += 1
            else:
                _judge(outcome, picture.pixels, judges, seen, number)
        outcome.known = anonymizer.known_fraction
    return outcome


def bypassed(
    scenes: Scenes, judges: Mapping[str, Finder], seed: int
) -> Iterator[tuple[str, int, Outcome]]:
    """Draw figures as though all of them had been learnt: what the drawing alone withholds.

    Yields the figure, the height of its face, and what was found.
    """
    for figure_name, face_at in FACE_AT.items():
        for face_px, (width, height) in SIZES.items():
            rng = np.random.default_rng((seed, face_px, face_at[0]))
            outcome = Outcome(f"{figure_name} {face_px} px, learnt", "learnt", face_px, "blind")
            for number in range(BYPASSED):
                frame = made_street(width, height, rng)
                figure = scenes.figure(figure_name, rng)
                place = (rng.uniform(0.3, 0.7) * width, rng.uniform(0.3, 0.6) * height, 1.0)
                compose(frame, figure, face_at, place, face_px)
                outcome.before.add(frame, judges)
                _judge(outcome, drawn_whole(frame), judges, set(), number)
            outcome.known = 1.0
            yield figure_name, face_px, outcome


def drawn_whole(frame: Bgr) -> Bgr:
    """Draw a frame as though all in it were a learnt scene."""
    height, width = frame.shape[:2]
    scale = CELLS / max(width, height)
    columns, rows = round(width * scale), round(height * scale)
    scene = cv2.resize(frame, (2 * columns, 2 * rows), interpolation=cv2.INTER_AREA)
    everything = np.ones((rows, columns), np.bool_)
    return draw_scene(np.asarray(scene, np.uint8), everything, (width, height))


def _judge(
    outcome: Outcome, picture: Bgr, judges: Mapping[str, Finder], seen: set[str], number: int
) -> None:
    digest = hashlib.sha256(picture.tobytes()).hexdigest()
    if digest in seen:
        outcome.repeated += 1
        return
    seen.add(digest)
    found = outcome.after.add(picture, judges)
    outcome.findings += [f"{name} in picture {number}" for name in found]


def _anonymizer(case: Case, frame: Bgr) -> Anonymizer:
    settings = LearningSettings(settle_s=SETTLE_S)
    if case.behaviour == "outstays":
        settings = LearningSettings(settle_s=SETTLE_S, replace_s=OUTSTAYED_S)
    return Anonymizer(frame.shape[1], frame.shape[0], settings)


def _spread(first: int, end: int, number: int) -> list[int]:
    """Return `number` whole numbers from `first` to before `end`, as evenly as they go."""
    return [int(place) for place in np.linspace(first, end - 1, number)]
