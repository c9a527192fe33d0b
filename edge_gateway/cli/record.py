"""`edge-gateway record`: the talk of a live device, as a file to read, replay and send in."""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from edge_gateway.cli.device import Watch, add_device_arguments, choose
from edge_gateway.cli.terminal import CommandError, Exit, err
from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import (
    BleConfig,
    I2cConfig,
    ModbusConfig,
    PolledDriver,
    SerialConfig,
    TalkingDriver,
    W1Config,
)
from edge_gateway.links.ble import BleRadio
from edge_gateway.links.errors import DeviceError
from edge_gateway.links.i2c import I2cBus
from edge_gateway.links.recorded import (
    Notebook,
    RecordedI2c,
    RecordedRadio,
    RecordedStream,
    RecordedW1,
)
from edge_gateway.links.talk import Medium
from edge_gateway.links.w1 import W1Folder
from edge_gateway.reading import Measured
from edge_gateway.supervise import AnyDriver
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
    if medium_of(chosen.device) is None:
        raise CommandError(f"device {chosen.device.id!r} has no wire that could be written down")
    try:
        # A line at a time: what was written before a crash is what is wanted most.
        with arguments.file.open("w", encoding="utf-8", buffering=1) as file:
            write_header(file, chosen.device)
            began_s = time.monotonic()
            notebook = Notebook(file, lambda: time.monotonic() - began_s)
            watch = Watch(
                chosen,
                recording(notebook, chosen.device),
                as_json=False,
                wrap=lambda driver: noted(driver, notebook),
                before_the_end=notebook.end,
            )
            health = watch.run(arguments.seconds, first_only=False)
    except OSError as error:
        raise CommandError(f"{arguments.file}: cannot be written: {error.strerror}") from error
    err().print(f"{health.counts.readings} readings; the talk is in {arguments.file}")
    return Exit.DONE if health.counts.readings else Exit.FAILED


def medium_of(device: DeviceConfig) -> Medium | None:
    """What kind of wire the device talks on; None where there is none, as with a camera."""
    match device:
        case I2cConfig():
            return "i2c"
        case SerialConfig() | ModbusConfig():
            return "serial"
        case W1Config():
            return "w1"
        case BleConfig():
            return "ble"
        case _:
            return None


def write_header(file: TextIO, device: DeviceConfig) -> None:
    """Say whose talk it is: the device's whole table, so that the file is enough to replay it."""
    table = device.model_dump(mode="json", exclude_none=True)
    file.write(f"{HEADER}\n{DEVICE}{json.dumps(table, ensure_ascii=False)}\n")


def recording(notebook: Notebook, device: DeviceConfig) -> Openers:
    """The machine's own wires, written down; of all that a radio hears only the device."""
    address = device.address if isinstance(device, BleConfig) else ""
    return Openers(
        i2c=lambda number: RecordedI2c(I2cBus(number), notebook),
        stream=lambda config: RecordedStream(open_stream(config), notebook),
        w1=lambda folder: RecordedW1(W1Folder(folder), notebook),
        radio=lambda clock, adapter, patterns: RecordedRadio(
            BleRadio(clock, adapter, patterns), address, notebook
        ),
    )


def noted(driver: AnyDriver, notebook: Notebook) -> AnyDriver:
    """The driver, with what it gives and raises written down."""
    if isinstance(driver, PolledDriver):
        return _NotedPolled(driver, notebook)
    return _NotedTalking(driver, notebook)


class _NotedPolled(PolledDriver[Any, Any]):
    def __init__(self, driver: PolledDriver[Any, Any], notebook: Notebook) -> None:
        super().__init__(driver.config, driver.link, driver.waiter)
        self._driver, self._notebook = driver, notebook

    def read(self) -> Measured:
        try:
            measured = self._driver.read()
        except DeviceError as error:
            self._notebook.made(error)
            raise
        self._notebook.made(measured)
        return measured


class _NotedTalking(TalkingDriver[Any, Any]):
    def __init__(self, driver: TalkingDriver[Any, Any], notebook: Notebook) -> None:
        super().__init__(driver.config, driver.link, driver.waiter)
        self._driver, self._notebook = driver, notebook

    def listen(self) -> Iterator[Measured]:
        try:
            for measured in self._driver.listen():
                self._notebook.made(measured)
                yield measured
        except DeviceError as error:
            self._notebook.made(error)
            raise
