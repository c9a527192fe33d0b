"""The peer of `counting_peers.py`, in an environment of its own: ByteTrack and LineZone.

It is given one file of boxes, then one question a line (JSON), and answers each with one line.
"""

# It runs where these two are installed, which is not where types are checked.
# pyright: reportMissingModuleSource=false

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TypeAlias

import numpy as np
import supervision as sv
from numpy.typing import NDArray
from trackers import ByteTrackTracker

Ends: TypeAlias = Sequence[Sequence[float]]
"""Start and end of a line, in pixels."""

CORNERS = (
    sv.Position.TOP_LEFT,
    sv.Position.TOP_RIGHT,
    sv.Position.BOTTOM_LEFT,
    sv.Position.BOTTOM_RIGHT,
)
FOOT = (sv.Position.BOTTOM_CENTER,)


@dataclass(frozen=True, slots=True)
class Answer:
    """Events as line, whether in, and picture (from 0); and the CPU seconds it took."""

    events: list[tuple[int, bool, int]]
    tracking_s: float
    lines_s: float


def main() -> int:
    """Answer questions until there are none; return the exit code."""
    stored = np.load(sys.argv[1])
    pictures = np.split(stored["boxes"], np.cumsum(stored["counts"])[:-1])
    rate = float(stored["rate"])
    _tell({name: version(name) for name in ("trackers", "supervision", "numpy")})
    for line in sys.stdin:
        question = json.loads(line)
        tracker = ByteTrackTracker(frame_rate=rate, **question["tracker"])
        zones = [
            sv.LineZone(
                sv.Point(*start),
                sv.Point(*end),
                CORNERS if question["corners"] else FOOT,
                minimum_crossing_threshold=question["sustained"],
            )
            for start, end in question["lines"]
        ]
        _tell(asdict(count(pictures, tracker, zones, question["floor"])))
    return 0


def count(
    pictures: Sequence[NDArray[np.float32]],
    tracker: ByteTrackTracker,
    zones: Sequence[sv.LineZone],
    floor: float,
) -> Answer:
    """Follow and count over the boxes scored `floor` or more."""
    events: list[tuple[int, bool, int]] = []
    tracking_s = lines_s = 0.0
    for number, boxes in enumerate(pictures):
        began_s = time.process_time()
        good = boxes[boxes[:, 4] >= floor]
        corners = np.concatenate([good[:, :2], good[:, :2] + good[:, 2:4]], axis=1)
        people = sv.Detections(
            corners, confidence=good[:, 4], class_id=np.zeros(len(good), np.int64)
        )
        tracked = tracker.update(people)
        followed_s = time.process_time()
        for index, zone in enumerate(zones):
            inward, outward = zone.trigger(tracked)
            events += [(index, True, number)] * int(inward.sum())
            events += [(index, False, number)] * int(outward.sum())
        tracking_s += followed_s - began_s
        lines_s += time.process_time() - followed_s
    return Answer(events, tracking_s, lines_s)


def _tell(answer: object) -> None:
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    sys.exit(main())
