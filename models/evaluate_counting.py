"""Measure how well line crossings are counted on an annotated clip: event precision and recall.

Truth and counter go through the same definition of a crossing. An event is right when an
annotated one of the same line and direction lies within the tolerance, one to one. Lines come
from a file, or `--random N` draws lines all over the picture.
"""

import argparse
import itertools
import math
import random
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from edge_gateway.people.assignment import assign
from edge_gateway.people.boundary import Direction
from edge_gateway.people.counting import totals
from edge_gateway.people.lines import (
    LEAST_PATH,
    SETTLE,
    Crossing,
    Line,
    LineCounter,
    check_inside,
    load_lines,
)
from edge_gateway.people.track import FootPoint, Track, Tracker

TOLERANCES_S: Final = (0.5, 1.0, 2.0)
INTERVAL_S: Final = 10.0
Tracks = dict[int, tuple[Track, ...]]
"""The tracks of each frame looked at."""


@dataclass(frozen=True, slots=True)
class Score:
    """How found events agree with the annotated ones."""

    right: int
    found: int
    annotated: int

    @property
    def precision(self) -> float:
        """Share of the found events that happened; 1 where none was found."""
        return self.right / self.found if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of the events that were found; 1 where none happened."""
        return self.right / self.annotated if self.annotated else 1.0


@dataclass(frozen=True, slots=True)
class IntervalError:
    """How far counts per interval, line and direction are off: mean absolute error, and bias."""

    mean: float
    bias: float
    annotated: float
    """The mean of the annotated counts."""
    intervals: int


def main() -> int:
    """Measure once and print the result; return the exit code."""
    arguments = _arguments()
    video = _Video(arguments.video, arguments.last, arguments.every, arguments.model)
    found_tracks = video.follow(arguments.threads)
    truth_tracks = truth(arguments.truth, video.frame_rate, arguments.last)
    if arguments.lines:
        lines = load_lines(arguments.lines)
        check_inside(lines, video.width, video.height)
    else:
        lines = random_lines(
            truth_tracks,
            arguments.random,
            size=(video.width, video.height),
            frame_rate=video.frame_rate,
            seed=arguments.seed,
        )
    span = range(arguments.first, arguments.last + 1)
    found = events(found_tracks, lines, video.frame_rate, span=span)
    annotated = events(truth_tracks, lines, video.frame_rate, span=span, settle=0.0)
    if arguments.lines:
        _print_totals(lines, found, annotated)
    for tolerance_s in TOLERANCES_S:
        score = compare(found, annotated, tolerance_s)
        print(
            f"within {tolerance_s} s: precision {score.precision:.4f}, recall {score.recall:.4f}"
            f" ({score.right} right of {score.found} found, {score.annotated} annotated)"
        )
    seconds = (arguments.first - 1) / video.frame_rate, arguments.last / video.frame_rate
    error = interval_error(found, annotated, lines, *seconds)
    print(
        f"per {INTERVAL_S:g} s, line and direction: off by {error.mean:.4f} in the mean"
        f" of {error.annotated:.3f} crossings (bias {error.bias:+.4f}, {error.intervals} counts)"
    )
    return 0


def truth(path: Path, frame_rate: float, last: int) -> Tracks:
    """Read MOTChallenge text (frame, id, left, top, width, height, ...) up to frame `last`."""
    rows: NDArray[np.float64] = np.loadtxt(path, delimiter=",", ndmin=2)
    tracks: dict[int, list[Track]] = {frame: [] for frame in range(1, last + 1)}
    for frame, number, left, top, width, height in rows[:, :6].tolist():
        if frame <= last:
            foot = FootPoint((frame - 1) / frame_rate, left + width / 2, top + height)
            track = Track(int(number), left, top, width, height, True, 1.0, (foot,))  # noqa: FBT003  (the fields of a box in their order)
            tracks[int(frame)].append(track)
    return {frame: tuple(there) for frame, there in tracks.items()}


def events(
    tracks: Tracks,
    lines: Sequence[Line],
    frame_rate: float,
    *,
    span: range | None = None,
    settle: float = SETTLE,
    least_path: float | None = None,
) -> list[Crossing]:
    """Crossings of the lines by the tracks, those of frames within `span` only.

    Without `settle` each passage is one, however short the way: an annotation does not jitter.
    """
    if least_path is None:
        least_path = LEAST_PATH if settle else 0.0
    counter = LineCounter(lines, settle=settle, least_path=least_path)
    crossings = [
        crossing
        for frame, there in tracks.items()
        for crossing in counter.update(there, frame, (frame - 1) / frame_rate)
    ]
    return [crossing for crossing in crossings if span is None or crossing.frame in span]


def compare(found: Iterable[Crossing], annotated: Iterable[Crossing], tolerance_s: float) -> Score:
    """Match events one to one, within each line and direction, nearest in time first of all."""
    groups: dict[tuple[str, str], tuple[list[float], list[float]]] = {}
    for place, crossings in enumerate((found, annotated)):
        for crossing in crossings:
            key = (crossing.line, crossing.direction.value)
            groups.setdefault(key, ([], []))[place].append(crossing.time_s)
    right = sum(
        len(assign([[abs(a - b) for b in times[1]] for a in times[0]], tolerance_s + 1e-9))
        for times in groups.values()
    )
    return Score(
        right=right,
        found=sum(len(times[0]) for times in groups.values()),
        annotated=sum(len(times[1]) for times in groups.values()),
    )


def interval_error(
    found: Iterable[Crossing],
    annotated: Iterable[Crossing],
    lines: Iterable[Line],
    start_s: float,
    end_s: float,
) -> IntervalError:
    """Compare the counts of each line and direction in the intervals from `start_s` to `end_s`.

    The last interval may be cut short; an interval that nobody crossed in is one like the others.
    """
    intervals = max(1, math.ceil((end_s - start_s) / INTERVAL_S - 1e-9))
    sides = list(itertools.product([line.name for line in lines], Direction, range(intervals)))
    counts: list[Counter[tuple[str, Direction, int]]] = [
        Counter(
            (
                crossing.line,
                crossing.direction,
                # A moment between two pictures may lie just before the first one judged.
                min(max(int((crossing.time_s - start_s) // INTERVAL_S), 0), intervals - 1),
            )
            for crossing in crossings
        )
        for crossings in (found, annotated)
    ]
    differences = [counts[0][side] - counts[1][side] for side in sides]
    return IntervalError(
        mean=sum(map(abs, differences)) / len(sides),
        bias=sum(differences) / len(sides),
        annotated=counts[1].total() / len(sides),
        intervals=len(sides),
    )


def random_lines(
    tracks: Tracks,
    count: int,
    *,
    size: tuple[int, int],
    frame_rate: float,
    seed: int,
    crossings: int = 4,
) -> tuple[Line, ...]:
    """Draw `count` lines of any direction that tell something about counting.

    Lengths run from a quarter to three quarters of the picture's width. A line is kept where at
    least `crossings` annotated people cross it, and as many whether or not they must stand clear
    of it: an annotator's hand decides elsewhere.
    """
    draw = random.Random(seed)  # noqa: S311  (a repeatable choice of lines, no secret)
    width, height = size
    lines: list[Line] = []
    while len(lines) < count:
        x, y = draw.uniform(0, width), draw.uniform(0, height)
        half, angle = draw.uniform(width / 8, width * 3 / 8), draw.uniform(0, 2 * math.pi)
        dx, dy = half * math.cos(angle), half * math.sin(angle)
        line = Line(f"random {len(lines) + 1}", (x - dx, y - dy), (x + dx, y + dy))
        if not all(0 <= px <= width and 0 <= py <= height for px, py in (line.start, line.end)):
            continue
        loose, strict = (
            len(events(tracks, [line], frame_rate, settle=settle, least_path=0.0))
            for settle in (0.0, 0.1)
        )
        if loose == strict >= crossings:
            lines.append(line)
    return tuple(lines)


def _print_totals(
    lines: Sequence[Line], found: Sequence[Crossing], annotated: Sequence[Crossing]
) -> None:
    counted, true = totals(found, lines), totals(annotated, lines)
    for line in lines:
        ours, theirs = counted[line.name], true[line.name]
        print(
            f"{line.name}: forward {ours.forward} (annotated {theirs.forward}),"
            f" backward {ours.backward} (annotated {theirs.backward})"
        )


class _Video:
    def __init__(self, path: Path, last: int, every: int, model: Path | None) -> None:
        import cv2  # noqa: PLC0415  (comparing events needs no camera stack)

        self._capture = cv2.VideoCapture(str(path))
        if not self._capture.isOpened():
            raise SystemExit(f"{path} is not a video that OpenCV can read")
        self.width = int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH))
        self.height = int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT))
        self.frame_rate = self._capture.get(cv2.CAP_PROP_FPS)
        self._path, self._last, self._every, self._model = path, last, every, model

    def follow(self, threads: int) -> Tracks:
        """Run detector and tracker over the clip up to the last frame wanted."""
        from edge_gateway.people.detect import (  # noqa: PLC0415  (needs onnxruntime)
            Detector,
            shipped_model,
        )

        detector = Detector(self._model or shipped_model(), threads=threads)
        tracker = Tracker()
        tracks: Tracks = {}
        for number in range(1, self._last + 1):
            good, picture = self._capture.read()
            if not good:
                raise SystemExit(f"{self._path} ends after {number - 1} frames; lower --last")
            if (number - 1) % self._every == 0:
                boxes = detector.detect(np.asarray(picture, np.uint8))
                tracks[number] = tracker.update(boxes, (number - 1) / self.frame_rate)
            if sys.stderr.isatty():
                print(f"\rframe {number} of {self._last}", end="", file=sys.stderr, flush=True)
        return tracks


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measure line counting on an annotated clip.")
    parser.add_argument("--video", type=Path, required=True, help="the clip")
    parser.add_argument("--truth", type=Path, required=True, help="MOTChallenge annotation")
    lines = parser.add_mutually_exclusive_group(required=True)
    lines.add_argument("--lines", type=Path, help="the lines, as for `edge-gateway count`")
    lines.add_argument("--random", type=int, metavar="N", help="draw N lines instead")
    parser.add_argument("--seed", type=int, default=1, help="for --random (%(default)s)")
    parser.add_argument("--first", type=int, default=1, help="first frame judged (%(default)s)")
    parser.add_argument("--last", type=int, required=True, help="last frame judged")
    parser.add_argument("--every", type=int, default=1, help="look at each N-th frame only")
    parser.add_argument("--model", type=Path, help="model file (the shipped one for 416)")
    parser.add_argument("--threads", type=int, default=1, help="cores to use (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
