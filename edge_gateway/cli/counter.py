"""`edge-gateway counter`: the camera's own process. The gateway starts it; people do not."""

from __future__ import annotations

import argparse

from edge_gateway.cli.terminal import Exit


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--fd", type=int, required=True, help="the inherited end of its socket")


def run(arguments: argparse.Namespace) -> Exit:
    """Count until the gateway closes the socket."""
    from edge_gateway.people.counter import counter_main  # noqa: PLC0415 - only this process loads OpenCV

    return Exit(counter_main(arguments.fd))
