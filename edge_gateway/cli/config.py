"""`edge-gateway config sample`."""

from __future__ import annotations

import argparse
import sys

from edge_gateway.cli.terminal import Exit
from edge_gateway.config_sample import sample
from edge_gateway.drivers.registry import load, names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    what = parser.add_subparsers(title="what", metavar="WHAT", required=True)
    what.add_parser("sample", help="a complete gateway.toml with every key explained")


def run(arguments: argparse.Namespace) -> Exit:
    """Print the sample."""
    del arguments
    drivers = {name: load(name) for name in names()}
    sys.stdout.write(sample({name: (d.title, d.config_model) for name, d in drivers.items()}))
    return Exit.DONE
