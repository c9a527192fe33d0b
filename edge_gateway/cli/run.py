"""`edge-gateway run`: the daemon."""

from __future__ import annotations

import argparse
import gc
import logging
import signal
import sys
import threading
from pathlib import Path
from random import SystemRandom
from types import FrameType

from edge_gateway.app import Gateway
from edge_gateway.cli.check import notes_on, read
from edge_gateway.cli.terminal import CommandError, Exit
from edge_gateway.clock import SystemClock
from edge_gateway.config import notify_socket
from edge_gateway.health import Notifier
from edge_gateway.outbox.records import OutboxError

# New containers before Python looks for cycles; its own 700 suit short programs.
_COLLECT_AFTER = 50_000

LOG_FORMAT = "%(levelname)s %(name)s: %(message)s"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument(
        "--config", type=Path, required=True, metavar="FILE", help="the gateway.toml to run"
    )
    parser.add_argument("--verbose", action="store_true", help="log more than what changes")


def run(arguments: argparse.Namespace) -> Exit:
    """Run until SIGTERM or SIGINT, then commit, disconnect and return."""
    config = read(arguments.config)
    level = logging.DEBUG if arguments.verbose else logging.INFO
    # No time stamps: journald has better ones, and a wall clock may not be set yet.
    logging.basicConfig(level=level, format=LOG_FORMAT, stream=sys.stderr)
    for note in notes_on(config):
        logging.getLogger(__name__).warning("%s: %s", arguments.config, note)
    told_to_stop = _stop_signals()
    clock = SystemClock(trusted=config.clock.source == "trusted")
    try:
        gateway = Gateway(
            config, clock=clock, random=SystemRandom(), notifier=Notifier(notify_socket())
        )
    except OutboxError as error:
        raise CommandError(str(error)) from error
    # What is loaded stays: the collector need not look through it again and again. Readings make
    # no cycles, so that it finds next to nothing: 8 to 20 % of the processor at full load.
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    gateway.start()
    told_to_stop.wait()
    gateway.stop()
    return Exit.DONE


def _stop_signals() -> threading.Event:
    told_to_stop = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        told_to_stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, tell)
    return told_to_stop
