"""`edge-gateway rig faults`: what the devices of a running rig can have, and have it."""

from __future__ import annotations

import argparse
import textwrap
from pathlib import Path
from typing import Any

from edge_gateway.cli.rig.control import Request, ask, default_path
from edge_gateway.cli.terminal import CommandError, Exit, out, print_json
from edge_gateway.config_file import nearest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("device", nargs="?", metavar="DEVICE", help="id of a device of the rig")
    parser.add_argument(
        "fault", nargs="?", metavar="FAULT", help="one of its faults, as the list names them"
    )
    parser.add_argument(
        "--times", type=int, default=1, metavar="N", help="how often it happens; default 1"
    )
    add_control_argument(parser)
    parser.add_argument("--json", action="store_true", help="print the answer as JSON")


def add_control_argument(parser: argparse.ArgumentParser) -> None:
    """Declare where the rig listens."""
    parser.add_argument(
        "--control",
        type=Path,
        metavar="SOCKET",
        help="Unix socket the rig listens at; default one in the user's runtime folder",
    )


def run(arguments: argparse.Namespace) -> Exit:
    """List the faults, or order one; an unknown word is answered with the nearest, exit code 2."""
    path = arguments.control or default_path()
    if arguments.fault is None:
        devices = _chosen(_asked(path, Request(do="list"))["devices"], arguments.device)
        if arguments.json:
            print_json(devices)
        else:
            _show(devices)
        return Exit.DONE
    request = Request(
        do="fault", device=arguments.device, fault=arguments.fault, times=arguments.times
    )
    answer = _asked(path, request)
    if arguments.json:
        print_json(answer)
    else:
        out().print(answer["done"], markup=False)
    return Exit.DONE


def _asked(path: Path, request: Request) -> dict[str, Any]:
    answer = ask(path, request)
    if not answer.get("ok"):
        raise CommandError(str(answer.get("error")), Exit.USAGE)
    return answer


def _chosen(devices: list[dict[str, Any]], wanted: str | None) -> list[dict[str, Any]]:
    if wanted is None:
        return devices
    chosen = [device for device in devices if device["device"] == wanted]
    if not chosen:
        hint = nearest(wanted, (str(device["device"]) for device in devices))
        raise CommandError(f"the rig has no device {wanted!r}; {hint}", Exit.USAGE)
    return chosen


def _show(devices: list[dict[str, Any]]) -> None:
    console = out()
    for device in devices:
        others = device["shared_with"]
        beside = f", shared with {', '.join(others)}" if others else ""
        console.print(
            f"[bold]{device['device']}[/]  {device['driver']} on {device['place']}{beside}"
        )
        words = textwrap.fill(
            ", ".join(device["faults"]),
            width=max(40, console.width),
            initial_indent="    ",
            subsequent_indent="    ",
        )
        console.print(words, markup=False)
    if not devices:
        console.print("the rig has no device with a twin")
