"""`edge-gateway record`: the talk of a live device, as a file to read, replay and send in."""

from __future__ import annotations

import argparse
import json
import logging
import time
from pathlib import Path
from typing import TextIO

from edge_gateway.cli.device import Watch, add_device_arguments, choose
from edge_gateway.cli.terminal import CommandError, Exit, err
from edge_gateway.config import DeviceConfig
from edge_gateway.links.i2c import I2cBus
from edge_gateway.links.recorded import Notebook, RecordedI2c, RecordedStream
from edge_gateway.wiring import Openers, open_stream

HEADER = "# edge-gateway talk 1"
DEVICE = "# device "


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    add_device_arguments(parser)
    parser.add_argument("file", type=Path, metavar="FILE", help="where the talk is written")
    parser.add_argument(
        "--seconds", type=float, default=30.0, metavar="N", help="how long; default 30"
    )


def run(arguments: argparse.Namespace) -> Exit:
    """Read the device as the gateway would, print its readings, write what passed on the wire."""
    logging.getLogger("edge_gateway").addHandler(logging.NullHandler())
    chosen = choose(arguments)
    try:
        with arguments.file.open("w", encoding="utf-8") as file:
            write_header(file, chosen.device)
            watch = Watch(chosen, recording(file), as_json=False)
            health = watch.run(arguments.seconds, first_only=False)
    except OSError as error:
        raise CommandError(f"{arguments.file}: cannot be written: {error.strerror}") from error
    err().print(f"{health.counts.readings} readings; the talk is in {arguments.file}")
    return Exit.DONE if health.counts.readings else Exit.FAILED


def write_header(file: TextIO, device: DeviceConfig) -> None:
    """Say whose talk it is: the device's whole table, so that the file is enough to replay it."""
    table = device.model_dump(mode="json", exclude_none=True)
    file.write(f"{HEADER}\n{DEVICE}{json.dumps(table, ensure_ascii=False)}\n")


def recording(file: TextIO) -> Openers:
    """The machine's own wires, written down."""
    began_s = time.monotonic()
    notebook = Notebook(file, lambda: time.monotonic() - began_s)
    return Openers(
        i2c=lambda number: RecordedI2c(I2cBus(number), notebook),
        stream=lambda config: RecordedStream(open_stream(config), notebook),
    )
