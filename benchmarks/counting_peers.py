"""Count the same detector's boxes twice: our tracker and lines, and ByteTrack with LineZone.

`python -m benchmarks.counting_peers --python PEERS/bin/python --video CLIP --truth GT.txt`, where
PEERS is an environment with `trackers` and `supervision`. The thresholds of ByteTrack are the best
of several on the very frames that are judged; ours are those that ship.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np

from edge_gateway.people.boundary import Direction
from edge_gateway.people.detect import Boxes, Detector, shipped_model
from edge_gateway.people.lines import Crossing, Line, LineCounter
from edge_gateway.people.track import Tracker
from models.evaluate_counting import compare, events, interval_error, random_lines, truth

SEED = 7
LINES_TIMED = 4
"""A pole has a few lines; all of them are for the errors."""
LINES_CHOSEN_BY = 40
ROUNDS = 5
TOLERANCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Case:
    """How the peer is set: ByteTrack's thresholds, the weakest box it sees, LineZone's ways."""

    name: str
    tracker: dict[str, float]
    floor: float = 0.0
    sustained: int = 1
    corners: bool = False


@dataclass(frozen=True, slots=True)
class Counted:
    """What a pipeline found, and its CPU time a picture in ms."""

    crossings: list[Crossing]
    tracking_ms: float
    lines_ms: float


AS_IT_COMES = Case("ByteTrack + LineZone as they come", {}, corners=True)
CASES = tuple(
    Case(
        f"ByteTrack + LineZone, score {score}, floor {floor:.2f}, held for {sustained}",
        {"track_activation_threshold": score, "high_conf_det_threshold": score},
        floor,
        sustained,
    )
    for score, share, sustained in itertools.product((0.4, 0.5, 0.6, 0.7), (0.8, 0.5, 0.25), (2, 4))
    if (floor := share * score)
)


class Peer:
    """The other environment's process; one question at a time."""

    def __init__(self, python: Path, boxes: Sequence[Boxes], rate: float, folder: Path) -> None:
        self._rate, self._count = rate, len(boxes)
        stored = folder / "boxes.npz"
        counts = [len(found) for found in boxes]
        np.savez(stored, boxes=np.concatenate(boxes), counts=counts, rate=rate)
        script = Path(__file__).with_name("counting_peer.py")
        self._process = subprocess.Popen(  # noqa: S603  (the environment the caller names)
            [python, script, stored], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.versions: dict[str, str] = self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def count(self, case: Case, lines: Sequence[Line]) -> Counted:
        """Count over these lines; its "in" is a passage to the left hand, our forward."""
        question = {
            "tracker": case.tracker,
            "floor": case.floor,
            "sustained": case.sustained,
            "corners": case.corners,
            "lines": [(line.start, line.end) for line in lines],
        }
        assert self._process.stdin
        print(json.dumps(question), file=self._process.stdin, flush=True)
        answer = self._answer()
        found: list[tuple[int, bool, int]] = answer["events"]
        crossings = [
            Crossing(
                frame=picture + 1,
                time_s=picture / self._rate,
                line=lines[index].name,
                direction=Direction.FORWARD if inward else Direction.BACKWARD,
                track=0,
            )
            for index, inward, picture in found
        ]
        return Counted(
            crossings,
            1000 * answer["tracking_s"] / self._count,
            1000 * answer["lines_s"] / self._count,
        )

    def _answer(self) -> Any:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit("the peers' environment has ended; has it trackers and supervision?")
        return json.loads(line)


def ours(boxes: Sequence[Boxes], lines: Sequence[Line], rate: float) -> Counted:
    """Count by what ships."""
    tracker, counter = Tracker(), LineCounter(lines)
    crossings: list[Crossing] = []
    tracking_s = lines_s = 0.0
    for number, found in enumerate(boxes):
        began_s = time.process_time()
        tracks = tracker.update(found, number / rate)
        followed_s = time.process_time()
        crossings += counter.update(tracks, number + 1, number / rate)
        tracking_s += followed_s - began_s
        lines_s += time.process_time() - followed_s
    return Counted(crossings, 1000 * tracking_s / len(boxes), 1000 * lines_s / len(boxes))


def main() -> int:
    """Measure once and print Markdown; return the exit code."""
    arguments = _arguments()
    boxes, rate, size = _found(arguments.video, arguments.last, arguments.model)
    tracks = truth(arguments.truth, rate, arguments.last)
    lines = random_lines(tracks, arguments.random, size=size, frame_rate=rate, seed=SEED)
    annotated = events(tracks, lines, rate, settle=0.0)
    judge = _Judge(lines, annotated, arguments.last / rate)
    with (
        tempfile.TemporaryDirectory() as folder,
        Peer(arguments.python, boxes, rate, Path(folder)) as peer,
    ):
        best = _best(peer, judge.on(lines[:LINES_CHOSEN_BY]))
        foot = replace(AS_IT_COMES, name=f"{AS_IT_COMES.name}, foot point", corners=False)
        corners = replace(best, name=f"{best.name}, four corners", corners=True)
        rows = [
            ("**ours**, as it ships", ours(boxes, lines, rate)),
            *((case.name, peer.count(case, lines)) for case in (best, corners, AS_IT_COMES, foot)),
        ]
        few = lines[:LINES_TIMED]
        timed = [(ours(boxes, few, rate), peer.count(best, few)) for _ in range(ROUNDS)]
        _report(arguments, judge, rows, timed, peer.versions)
    return 0


class _Judge:
    def __init__(self, lines: Sequence[Line], annotated: Sequence[Crossing], end_s: float) -> None:
        self.lines, self.annotated, self._end_s = lines, annotated, end_s

    def on(self, lines: Sequence[Line]) -> _Judge:
        names = {line.name for line in lines}
        mine = [crossing for crossing in self.annotated if crossing.line in names]
        return _Judge(lines, mine, self._end_s)

    def errors(self, found: Sequence[Crossing]) -> tuple[float, float, float, float]:
        """Precision, recall, mean absolute error and bias per interval, line and direction."""
        score = compare(found, self.annotated, TOLERANCE_S)
        error = interval_error(found, self.annotated, self.lines, 0.0, self._end_s)
        return score.precision, score.recall, error.mean, error.bias


def _best(peer: Peer, judge: _Judge) -> Case:
    """Return the case with the least error per interval on some of the lines."""
    errors = {case.name: judge.errors(peer.count(case, judge.lines).crossings) for case in CASES}
    for name, (precision, recall, off, _bias) in errors.items():
        print(f"{name}: {precision:.3f}/{recall:.3f}, off by {off:.3f}", file=sys.stderr)
    return min(CASES, key=lambda case: errors[case.name][2])


def _found(video: Path, last: int, model: int) -> tuple[list[Boxes], float, tuple[int, int]]:
    """Run the shipped detector over the clip up to frame `last`."""
    cv2.setNumThreads(1)
    capture = cv2.VideoCapture(str(video))
    detector = Detector(shipped_model(model))
    boxes: list[Boxes] = []
    width = height = 0
    for number in range(1, last + 1):
        good, picture = capture.read()
        if not good:
            raise SystemExit(f"{video} ends after {number - 1} frames; lower --last")
        height, width = picture.shape[:2]
        boxes.append(detector.detect(np.asarray(picture, np.uint8)))
        if sys.stderr.isatty():
            print(f"\rframe {number} of {last}", end="", file=sys.stderr, flush=True)
    return boxes, capture.get(cv2.CAP_PROP_FPS), (width, height)


def _report(
    arguments: argparse.Namespace,
    judge: _Judge,
    rows: Iterable[tuple[str, Counted]],
    timed: Sequence[tuple[Counted, Counted]],
    versions: dict[str, str],
) -> None:
    print("## Counting behind one detector\n")
    given = (
        *("--python", "PEERS/bin/python", "--video", arguments.video.name),
        *("--truth", arguments.truth.name, "--last", str(arguments.last)),
        *("--random", str(arguments.random), "--model", str(arguments.model)),
    )
    print(f"`python -m benchmarks.counting_peers {shlex.join(given)}`\n")
    print(
        f"Frames 1-{arguments.last}, NanoDet-g {arguments.model} int8, {len(judge.lines)} random"
        f" lines (seed {SEED}), {len(judge.annotated)} annotated crossings; an event is right"
        f" within {TOLERANCE_S:g} s. Peers: "
        + ", ".join(f"{name} {number}" for name, number in versions.items())
        + f"; their thresholds are the best of {len(CASES)} on {LINES_CHOSEN_BY} of the lines.\n"
    )
    print("| pipeline | precision | recall | error per 10 s, line and direction | bias |")
    print("|---|---|---|---|---|")
    for name, counted in rows:
        precision, recall, off, bias = judge.errors(counted.crossings)
        print(f"| {name} | {precision:.3f} | {recall:.3f} | {off:.4f} | {bias:+.4f} |")
    print(
        f"\nCPU behind the detector with {LINES_TIMED} lines, median of {ROUNDS} rounds in turn:\n"
    )
    print("| pipeline | tracking, ms a picture | lines, ms | pictures/s of one core |")
    print("|---|---|---|---|")
    for name, counts in zip(
        ("**ours**", "ByteTrack + LineZone"), zip(*timed, strict=True), strict=False
    ):
        tracking = float(np.median([counted.tracking_ms for counted in counts]))
        on_lines = float(np.median([counted.lines_ms for counted in counts]))
        whole = tracking + on_lines
        print(f"| {name} | {tracking:.3f} | {on_lines:.3f} | {1000 / whole:,.0f} |")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Compare line counting with its peer.")
    parser.add_argument("--python", type=Path, required=True, help="of the peers' environment")
    parser.add_argument("--video", type=Path, required=True, help="the clip")
    parser.add_argument("--truth", type=Path, required=True, help="MOTChallenge annotation")
    parser.add_argument("--last", type=int, default=397, help="last frame (%(default)s)")
    parser.add_argument("--random", type=int, default=300, metavar="N", help="lines (%(default)s)")
    parser.add_argument("--model", type=int, default=416, choices=(416, 320), help="(%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
