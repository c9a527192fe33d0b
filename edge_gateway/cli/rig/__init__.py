"""`edge-gateway rig`: a gateway among simulated devices, and their faults by hand."""

from __future__ import annotations

import argparse

from edge_gateway.cli.rig import faults, line, running
from edge_gateway.cli.terminal import Exit

_PARTS = {
    "run": (running, "run a configuration with a twin in place of every device"),
    "faults": (faults, "list the faults of a running rig's devices, or inject one"),
    "line": (line, "one serial or Modbus twin on a pseudo-terminal for other programs"),
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parts = parser.add_subparsers(title="parts", metavar="PART", dest="part", required=True)
    for name, (part, summary) in _PARTS.items():
        description = f"{summary[0].upper()}{summary[1:]}."
        part.add_arguments(parts.add_parser(name, help=summary, description=description))


def run(arguments: argparse.Namespace) -> Exit:
    """Do the part that was named."""
    return _PARTS[arguments.part][0].run(arguments)
