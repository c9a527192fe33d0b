"""`edge-gateway detect`: the detector alone, frame by frame, to measure it from outside."""

from __future__ import annotations

import argparse
from pathlib import Path

from edge_gateway.cli.terminal import CommandError, Exit, out, print_json, progress
from edge_gateway.cli.video import add_video_arguments, open_video, the_detector
from edge_gateway.people.detect import LOWEST_SCORE, Boxes

# Without --json a person is what the counter would follow.
SURE = 0.4


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_video_arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object a frame")
    parser.add_argument(
        "--min-score",
        type=float,
        default=None,
        metavar="S",
        help=f"lowest score of a box, 0 to 1 (default {LOWEST_SCORE}; {SURE} without --json)",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Print the boxes of each frame: left, top, width, height in source pixels, and score."""
    lowest = arguments.min_score
    if lowest is None:
        lowest = LOWEST_SCORE if arguments.json else SURE
    if not 0 <= lowest <= 1:
        raise CommandError(f"--min-score is {lowest}: give a number from 0 to 1", Exit.USAGE)
    detector = the_detector(arguments)
    with (
        open_video(arguments) as source,
        progress(
            f"detecting people in {Path(str(arguments.video)).name}", source.frame_count, "frames"
        ) as report,
    ):
        for frame in source:
            boxes = detector.detect(frame.picture, lowest)
            if arguments.json:
                print_json({"frame": frame.number, "boxes": rows(boxes)}, indent=None)
            else:
                out().print(f"frame {frame.number}: {len(boxes)} people")
            report.update(frame.number)
    return Exit.DONE


def rows(boxes: Boxes) -> list[list[float]]:
    """Boxes as plain numbers: pixels to a hundredth, scores to a ten-thousandth."""
    return [[*(round(side, 2) for side in box[:4]), round(box[4], 4)] for box in boxes.tolist()]
