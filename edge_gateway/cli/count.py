"""`edge-gateway count`: the camera counter over a file."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from edge_gateway.cli.anonymized_video import AnonymizedVideo
from edge_gateway.cli.terminal import CommandError, Exit, out, print_json, progress
from edge_gateway.cli.video import add_video_arguments, open_video, the_detector
from edge_gateway.people.counting import PeopleCounter, totals
from edge_gateway.people.frame import Source
from edge_gateway.people.lines import (
    Crossing,
    Line,
    LinesError,
    check_inside,
    load_lines,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_video_arguments(parser)
    parser.add_argument(
        "--lines",
        type=Path,
        required=True,
        metavar="LINES.toml",
        help="the lines: [[line]] tables with name, start = [x, y] and end = [x, y] in pixels",
    )
    parser.add_argument(
        "--json", action="store_true", help="print totals and every crossing as one JSON document"
    )
    parser.add_argument(
        "--anonymized",
        type=Path,
        metavar="OUT.mp4",
        help="write a video of the learnt background with people as markers",
    )
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="look at each N-th frame; default 1"
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Count, and print totals per line and direction."""
    if arguments.every < 1:
        raise CommandError(f"--every is {arguments.every}: give 1 or more", Exit.USAGE)
    try:
        lines = load_lines(arguments.lines)
        with open_video(arguments) as source:
            check_inside(lines, source.width, source.height)
            crossings, frames = _count(arguments, source, lines)
    except LinesError as error:
        raise CommandError(str(error), Exit.INPUT) from error
    if arguments.json:
        print_json(_document(arguments, lines, crossings, frames))
    else:
        for line in lines:
            total = totals(crossings, lines)[line.name]
            out().print(f"{line.name}: forward {total.forward}, backward {total.backward}")
    return Exit.DONE


def _count(
    arguments: argparse.Namespace, source: Source, lines: tuple[Line, ...]
) -> tuple[list[Crossing], int]:
    detector = the_detector(arguments)
    counter = PeopleCounter(detector, lines)
    crossings: list[Crossing] = []
    frames = 0
    with ExitStack() as stack:
        title = f"counting people in {Path(str(arguments.video)).name}"
        report = stack.enter_context(progress(title, source.frame_count, "frames"))
        video = None
        if arguments.anonymized:
            rate = source.frame_rate / arguments.every
            out_path: Path = arguments.anonymized
            video = stack.enter_context(
                AnonymizedVideo(out_path, source, rate, lines, detector.detect)
            )
        for frame in source:
            frames = frame.number
            if (frame.number - 1) % arguments.every == 0:
                counted = counter.update(frame.picture, frame.number, frame.time_s)
                crossings += counted.crossings
                if video:
                    video.add(frame, counted)
            report.update(frame.number)
    return crossings, frames


def _document(
    arguments: argparse.Namespace,
    lines: tuple[Line, ...],
    crossings: list[Crossing],
    frames: int,
) -> dict[str, object]:
    return {
        "video": str(arguments.video),
        "frames": frames,
        "every": arguments.every,
        "model": arguments.model,
        "totals": {name: asdict(total) for name, total in totals(crossings, lines).items()},
        "events": [
            {
                "frame": crossing.frame,
                "time_s": round(crossing.time_s, 3),
                "line": crossing.line,
                "direction": crossing.direction.value,
                "track": crossing.track,
            }
            for crossing in sorted(crossings, key=lambda crossing: crossing.frame)
        ],
    }
