"""`edge-gateway devices`: the table of supported devices, and the scan for connected ones."""

from __future__ import annotations

import argparse
import sys

from edge_gateway.cli import scan
from edge_gateway.cli.terminal import Exit, print_json
from edge_gateway.drivers.registry import load, names

# Drivers that can give almost anything would fill the table with it.
MOST_SHOWN = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="print the list as JSON")
    what = parser.add_subparsers(title="what", metavar="[WHAT]", dest="what")
    find = "find what is connected, and print its configuration to paste"
    description = f"{find[0].upper()}{find[1:]}. Exit code 1: nothing new was found."
    scan.add_arguments(what.add_parser("scan", help=find, description=description))


def run(arguments: argparse.Namespace) -> Exit:
    """Print what is supported, or scan."""
    if arguments.what == "scan":
        return scan.run(arguments)
    if arguments.json:
        print_json(
            [
                {"driver": name, "title": title, "quantities": quantities}
                for name, title, quantities in supported()
            ]
        )
    else:
        sys.stdout.write(table())
    return Exit.DONE


def supported() -> list[tuple[str, str, list[str]]]:
    """Every driver: its name, its title, and what it gives with units."""
    rows: list[tuple[str, str, list[str]]] = []
    for name in names():
        driver = load(name)
        given = [f"{quantity} [{quantity.nature.unit}]" for quantity in driver.quantities]
        rows.append((name, driver.title, given))
    return rows


def table() -> str:
    """The supported devices as a Markdown table."""
    lines = ["| driver | device | gives |", "|---|---|---|"]
    for name, title, gives in supported():
        shown = ", ".join(gives) if len(gives) <= MOST_SHOWN else "what it is configured for"
        lines.append(f"| `{name}` | {title} | {shown} |")
    return "\n".join(lines) + "\n"
