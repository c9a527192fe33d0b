"""`edge-gateway read`: what one device gives now."""

from __future__ import annotations

import argparse
import logging
import math

from edge_gateway.cli.device import Watch, add_device_arguments, choose
from edge_gateway.cli.terminal import CommandError, Exit
from edge_gateway.wiring import Openers


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_device_arguments(parser)
    parser.add_argument("--watch", action="store_true", help="go on until Ctrl-C")
    parser.add_argument("--json", action="store_true", help="one JSON object a reading")
    parser.add_argument(
        "--seconds", type=float, default=30.0, metavar="N", help="give up after so long; default 30"
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Print its first readings, or all of them; exit code 1 when none came."""
    logging.getLogger("edge_gateway").addHandler(logging.NullHandler())
    watch = Watch(choose(arguments), Openers(), as_json=arguments.json)
    try:
        health = watch.run(
            math.inf if arguments.watch else arguments.seconds, first_only=not arguments.watch
        )
    except KeyboardInterrupt:
        return Exit.DONE
    if not health.counts.readings:
        raise CommandError(f"{arguments.device} gave nothing: {health.last_error or 'no answer'}")
    return Exit.DONE
