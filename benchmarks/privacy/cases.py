"""The matrix of cases: who is in front of the camera, how near, doing what, and who sees it."""

import random
from dataclasses import dataclass
from typing import Final

from benchmarks.privacy.materials import GIFS

SEED: Final = 20261122
FIGURES: Final = ("astronaut", "camera", "lfw")
FACES_PX: Final = (20, 40, 80, 150, 300)
BEHAVIOURS: Final = {
    "walks": "walks through, again and again",
    "sways": "stands from the first frame, swaying by two pixels",
    "stands": "stands from the first frame, perfectly still",
    "leaves": "stands from the first frame, and leaves",
    "arrives": "arrives when the scene is learnt, and stands",
    "outstays": "arrives, and stands still for longer than the configured time",
    "approaches": "comes nearer until the face is full size, and stands",
    "crowd": "six people, three pixels a second",
    "lights": "stands while the light is switched off and on",
    "shaken": "stands while the camera is shaken",
    "noisy": "stands before a noisy camera (deviation 5 of 255)",
}
CLIP_BEHAVIOURS: Final = ("as it is", "lights", "shaken", "noisy")
CLIPS: Final = ("PETS", *GIFS)
DETECTORS: Final = {"seeing": 1, "every third": 3, "blind": 0}
"""On which frames the anonymizer gets the detector's boxes: each n-th; 0 for none ever."""
PICTURES: Final = 72
CLIP_PICTURES: Final = 12


@dataclass(frozen=True, slots=True)
class Case:
    """One scene to anonymize: a made one with a figure, or a clip (`face_px` is 0 then)."""

    subject: str
    face_px: int
    behaviour: str
    detector: str
    seed: int
    pictures: int

    @property
    def name(self) -> str:
        """What it is called in the report."""
        size = f" {self.face_px} px" if self.face_px else ""
        return f"{self.subject}{size}, {self.behaviour}, detector {self.detector}"


def matrix(seed: int = SEED) -> list[Case]:
    """Every face size with every behaviour and detector, figures in turn; then every clip.

    In an order of chance, so that a part of it is a sample of it all.
    """
    chance = random.Random(seed)  # noqa: S311  (a seeded order is wanted)
    cases: list[Case] = []
    for size_number, face_px in enumerate(FACES_PX):
        for number, behaviour in enumerate(BEHAVIOURS):
            for detector_number, detector in enumerate(DETECTORS):
                figure = FIGURES[(size_number + number + detector_number) % len(FIGURES)]
                number_of_case = chance.randrange(2**31)
                cases.append(Case(figure, face_px, behaviour, detector, number_of_case, PICTURES))
    cases += [
        Case(clip, 0, behaviour, detector, chance.randrange(2**31), CLIP_PICTURES)
        for clip in CLIPS
        for behaviour in CLIP_BEHAVIOURS
        for detector in DETECTORS
    ]
    chance.shuffle(cases)
    return cases
