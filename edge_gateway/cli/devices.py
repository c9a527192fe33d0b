"""`edge-gateway devices`, and the table of supported devices in the README."""

from __future__ import annotations

import argparse
import sys

from edge_gateway.cli.terminal import Exit, print_json
from edge_gateway.drivers.registry import load, names


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("--json", action="store_true", help="print the list as JSON")


def run(arguments: argparse.Namespace) -> Exit:
    """Print what is supported."""
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
    lines += [f"| `{name}` | {title} | {', '.join(gives)} |" for name, title, gives in supported()]
    return "\n".join(lines) + "\n"
