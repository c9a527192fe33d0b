"""Measure how well people are found in an annotated clip: average precision at IoU 0.5.

Either runs a model over `--video`, or judges `--detections`, the output of
`edge-gateway detect VIDEO --json` (one JSON object a frame, numbered from 1).
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from average_precision import Boxes, accuracy, read_truth


def main() -> int:
    """Measure once and print the result; return the exit code."""
    parser = argparse.ArgumentParser(description="Measure a detector on an annotated clip.")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--video", type=Path, help="clip to run a model over")
    source.add_argument("--detections", type=Path, help="what `edge-gateway detect` printed")
    parser.add_argument("--truth", type=Path, required=True, help="MOTChallenge annotation")
    parser.add_argument("--last-frame", type=int, required=True, help="last annotated frame")
    parser.add_argument("--every", type=int, default=1, help="judge every so many frames only")
    parser.add_argument("--model", type=Path, help="model file (the shipped one for 416)")
    parser.add_argument("--threads", type=int, default=1, help="cores to use (%(default)s)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    frames = range(1, arguments.last_frame + 1, arguments.every)
    milliseconds: list[float] = []
    if arguments.video:
        found = run_model(
            arguments.video,
            arguments.model,
            frames=frames,
            threads=arguments.threads,
            milliseconds=milliseconds,
        )
    else:
        found = read_detections(arguments.detections.read_text().splitlines())
    truth = read_truth(arguments.truth, frames)
    figures: dict[str, float] = asdict(accuracy(found, truth))
    if milliseconds:
        figures["ms_per_frame_least"] = min(milliseconds)
        figures["ms_per_frame_median"] = float(np.median(milliseconds))
    if arguments.json:
        print(json.dumps(figures))
    else:
        print(
            "\n".join(f"{name.replace('_', ' '):22} {value:.4g}" for name, value in figures.items())
        )
    return 0


def read_detections(lines: Iterable[str]) -> dict[int, Boxes]:
    """Read one JSON object a line: frame, and boxes of left, top, width, height, score."""
    frames = [json.loads(line) for line in lines]
    return {f["frame"]: np.array(f["boxes"], np.float64).reshape(-1, 5) for f in frames}


def run_model(
    video: Path, model: Path | None, *, frames: range, threads: int, milliseconds: list[float]
) -> dict[int, Boxes]:
    """Find people in the frames numbered by `frames`; note the time each took."""
    import cv2  # noqa: PLC0415  (judging a list of detections needs no camera stack)

    from edge_gateway.people.detect import Detector, shipped_model  # noqa: PLC0415  (as above)

    cv2.setNumThreads(threads)
    detector = Detector(model or shipped_model(), threads=threads)
    capture = cv2.VideoCapture(str(video))
    found: dict[int, Boxes] = {}
    for number in range(1, frames.stop):
        good, frame = capture.read()
        if not good:
            raise SystemExit(f"{video} ends after {number - 1} frames; --last-frame says more")
        if number not in frames:
            continue
        started = time.perf_counter()
        boxes = detector.detect(np.asarray(frame, np.uint8))
        milliseconds.append((time.perf_counter() - started) * 1000)
        found[number] = boxes.astype(np.float64)
        if sys.stderr.isatty():
            print(f"\rframe {number} of {frames[-1]}", end="", file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    sys.exit(main())
