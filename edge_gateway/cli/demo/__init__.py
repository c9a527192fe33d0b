"""`edge-gateway demo`: a pole in a box, from simulated wires to a broker and back."""

from __future__ import annotations

import argparse
import logging
import signal
import tempfile
import threading
from contextlib import ExitStack
from pathlib import Path

from edge_gateway.cli.demo.report import Report, as_json
from edge_gateway.cli.demo.show import Show
from edge_gateway.cli.demo.stage import Footage, Stage
from edge_gateway.cli.footage import CREDIT, pets_clip
from edge_gateway.cli.terminal import CommandError, Exit, err, out, write_json
from edge_gateway.config import cache_folder
from edge_gateway.people.counter_settings import LineConfig

DEFAULT_S = 90
SHORTEST_S = 20

# Across the road of the clip, where its people walk, and across the way up to the car park.
PETS_LINES = (
    LineConfig(name="road", start=(330, 160), end=(330, 300)),
    LineConfig(name="car-park", start=(560, 215), end=(740, 290)),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--seconds",
        type=float,
        default=DEFAULT_S,
        metavar="N",
        help=f"how long it runs, {SHORTEST_S} or more; default {DEFAULT_S}",
    )
    parser.add_argument(
        "--video",
        metavar="FILE|URL|/dev/videoN",
        help="count people in this instead of the PETS clip",
    )
    parser.add_argument(
        "--no-camera", action="store_true", help="leave the camera out; nothing is fetched"
    )
    parser.add_argument(
        "--output",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="where demo-report.json and demo-scene.jpg go; default here",
    )
    parser.add_argument(
        "--picture", type=Path, metavar="FILE.svg", help="also save the screen as a picture"
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Run it; exit code 0 when every device gave readings and each arrived once."""
    if arguments.seconds < SHORTEST_S:
        raise CommandError(
            f"--seconds is {arguments.seconds:g}: give {SHORTEST_S} or more, "
            "there is an outage to be shown",
            Exit.USAGE,
        )
    if not arguments.output.is_dir():
        raise CommandError(f"--output {arguments.output}: no such folder; make it first")
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    # The screen shows what the log would say, and shares the terminal with nobody.
    logging.getLogger("edge_gateway").addHandler(logging.NullHandler())
    footage = _footage(arguments)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edge-gateway-demo-")))
        stage = stack.enter_context(Stage(folder, footage))
        report = Show(stage, arguments.seconds, arguments.output, arguments.picture).run()
    path = arguments.output / "demo-report.json"
    write_json(path, as_json(report))
    _summary(report, path)
    return Exit.DONE if report.is_good else Exit.FAILED


def _footage(arguments: argparse.Namespace) -> Footage | None:
    if arguments.no_camera:
        return None
    if arguments.video:
        return Footage(str(arguments.video), str(arguments.video), None)
    return Footage(str(pets_clip(cache_folder())), CREDIT, PETS_LINES)


def _summary(report: Report, path: Path) -> None:
    console = out()
    console.print()
    console.print(f"{report.seconds:.0f} s, of them {report.outage_s:.0f} s without uplink.")
    for device, balance in report.devices.items():
        console.print(
            f"  {device:<8} produced {balance.produced:>6}  delivered {balance.delivered:>6}  "
            f"lost {balance.lost}  duplicated {balance.duplicated}"
        )
    for line, counts in report.people.items():
        console.print(
            f"  people over {line!r}: forward {counts['forward']}, backward {counts['backward']}"
        )
    console.print(
        f"  {report.messages['live']} live and {report.messages['backfill']} backfill messages, "
        f"{report.bytes_per_reading:.1f} bytes a reading on the wire"
    )
    for note in report.notes:
        console.print(f"  note: {note}")
    console.print(f"instruments: {'; '.join(report.simulated)}")
    if report.picture:
        console.print(f"anonymized picture: {report.picture}")
    console.print(f"report: {path}")
    err().print(f"[bold {'green' if report.is_good else 'red'}]{_verdict(report)}[/]")


def _verdict(report: Report) -> str:
    faults = [
        f"{report.lost} readings were lost" if report.lost else "",
        f"{report.duplicated} came twice" if report.duplicated else "",
        f"nothing came from {', '.join(report.silent)}" if report.silent else "",
    ]
    return "; ".join(fault for fault in faults if fault) or "nothing was lost"
