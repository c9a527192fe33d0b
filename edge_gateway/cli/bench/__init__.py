"""`edge-gateway bench`: how fast this machine does it, stage by stage."""

from __future__ import annotations

import argparse
import importlib.util
from pathlib import Path

from edge_gateway.cli.terminal import CommandError, Exit, out, print_json
from edge_gateway.people.camera import COUNTER_NEEDS

MODEL_SIZES = (416, 320)
FEWEST_PICTURES = 5

_EPILOG = """\
CPU time is what counts: it holds on a machine that has other work too, wall time does not. Without
--source a street with walkers is drawn, and drawing it is not counted.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    what = parser.add_subparsers(title="what", metavar="WHAT", dest="what", required=True)
    about = "measure the camera counter: time of each stage, pictures a second, memory"
    camera = what.add_parser(
        "camera",
        help=about,
        description=f"{about.capitalize()}.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    camera.add_argument(
        "--source", metavar="FILE|URL", help="a video file, URL or /dev/videoN; else a drawn street"
    )
    camera.add_argument(
        "--model",
        type=int,
        choices=MODEL_SIZES,
        default=MODEL_SIZES[0],
        metavar="SIZE",
        help="416 (exact) or 320 (fast profile); default 416",
    )
    camera.add_argument(
        "--frames", type=int, default=150, metavar="N", help="pictures to look at; default 150"
    )
    camera.add_argument(
        "--threads", type=int, default=1, metavar="N", help="CPU cores for the model; default 1"
    )
    camera.add_argument("--json", action="store_true", help="print one JSON document")
    camera.add_argument(
        "--picture", type=Path, metavar="FILE.svg", help="draw the stages as bars into this file"
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Measure, print, and draw."""
    _check(arguments)
    # The camera's packages may be missing, and then that is the answer.
    from edge_gateway.cli.bench.camera import measure  # noqa: PLC0415
    from edge_gateway.cli.bench.picture import drawn  # noqa: PLC0415
    from edge_gateway.cli.bench.report import document, lines  # noqa: PLC0415

    figures = measure(
        arguments.source,
        model=arguments.model,
        pictures=arguments.frames,
        threads=arguments.threads,
    )
    if arguments.json:
        print_json(document(figures))
    else:
        for line in lines(figures):
            out().print(line, markup=False)
    if arguments.picture:
        _write(arguments.picture, drawn(figures))
    return Exit.DONE


def _check(arguments: argparse.Namespace) -> None:
    if arguments.frames < FEWEST_PICTURES:
        raise CommandError(
            f"--frames is {arguments.frames}: give {FEWEST_PICTURES} or more", Exit.USAGE
        )
    if arguments.threads < 1:
        raise CommandError(f"--threads is {arguments.threads}: give 1 or more", Exit.USAGE)
    if (picture := arguments.picture) and picture.suffix != ".svg":
        raise CommandError(f"--picture is {picture}: name a .svg file", Exit.USAGE)
    if picture and not picture.parent.is_dir():
        raise CommandError(
            f"--picture {picture.parent}: there is no such folder; make it first", Exit.USAGE
        )
    missing = [name for name in COUNTER_NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise CommandError(
            f"the camera counter needs {', '.join(missing)}: pip install 'edge-gateway[camera]'"
        )


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise CommandError(
            f"--picture {path}: cannot be written: {error.strerror}; check the folder"
        ) from None
