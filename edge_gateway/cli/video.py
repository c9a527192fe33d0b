"""What `count` and `detect` share: the video, the model, and what can be wrong with them."""

from __future__ import annotations

import argparse

from edge_gateway.cli.terminal import CommandError, Exit
from edge_gateway.links.errors import DeviceError
from edge_gateway.people.detect import Detector, ModelError, shipped_model
from edge_gateway.people.frame import Source
from edge_gateway.people.sources import open_source

MODEL_SIZES = (416, 320)


def add_video_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the video, the model and the threads."""
    parser.add_argument("video", metavar="VIDEO", help="a video file, URL or /dev/videoN")
    parser.add_argument(
        "--model",
        type=int,
        choices=MODEL_SIZES,
        default=MODEL_SIZES[0],
        metavar="SIZE",
        help="416 (exact) or 320 (fast profile); default 416",
    )
    parser.add_argument(
        "--threads", type=int, default=1, metavar="N", help="CPU cores for the model; default 1"
    )


def the_detector(arguments: argparse.Namespace) -> Detector:
    """Load the chosen model; raises CommandError."""
    if arguments.threads < 1:
        raise CommandError(f"--threads is {arguments.threads}: give 1 or more", Exit.USAGE)
    try:
        return Detector(shipped_model(arguments.model), threads=arguments.threads)
    except ModelError as error:
        raise CommandError(str(error), Exit.INPUT) from error


def open_video(arguments: argparse.Namespace) -> Source:
    """Open the video, every frame of it; raises CommandError."""
    try:
        return open_source(str(arguments.video), realtime=False)
    except DeviceError as error:
        raise CommandError(str(error), Exit.INPUT) from error
