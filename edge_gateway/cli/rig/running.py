"""`edge-gateway rig run`: the gateway of a configuration, with a twin for every device."""

from __future__ import annotations

import argparse
import contextlib
import logging
import math
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from queue import Empty, SimpleQueue
from random import SystemRandom

from edge_gateway.app import Gateway
from edge_gateway.cli.check import read
from edge_gateway.cli.rig.bench import Bench
from edge_gateway.cli.rig.control import ControlSocket, default_path
from edge_gateway.cli.rig.ending import told_to_stop
from edge_gateway.cli.rig.faults import add_control_argument
from edge_gateway.cli.rig.readout import JsonLines, LiveTable, PlainLines, Readout
from edge_gateway.cli.rig.talks import talks_of
from edge_gateway.cli.rig.twins import surroundings
from edge_gateway.cli.terminal import CommandError, Exit, err, out
from edge_gateway.clock import SystemClock
from edge_gateway.config import Config
from edge_gateway.health import GatewayHealth, Notifier
from edge_gateway.outbox.records import OutboxError
from edge_gateway.reading import Entry, Event

TICK_S = 0.25
LONGEST_DRAIN_S = 5.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("config", type=Path, metavar="CONFIG", help="the gateway.toml to run")
    parser.add_argument(
        "--seconds", type=float, default=math.inf, metavar="N", help="stop after so long"
    )
    parser.add_argument(
        "--seed",
        type=int,
        default=1,
        metavar="N",
        help="of the weather and of where faults strike; default 1",
    )
    parser.add_argument(
        "--talk",
        action="append",
        default=[],
        metavar="DEVICE=FILE",
        help="let this device say what `record` wrote of it; again for more",
    )
    add_control_argument(parser)
    parser.add_argument(
        "--outbox",
        type=Path,
        metavar="FOLDER",
        help="keep the store there; default one that goes with the rig, never the configured one",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")


def run(arguments: argparse.Namespace) -> Exit:
    """Run it; after --seconds exit code 1 when a device gave nothing."""
    if not arguments.seconds > 0:
        raise CommandError(f"--seconds is {arguments.seconds:g}: give more than 0", Exit.USAGE)
    config = read(arguments.config)
    # What the log would say is said as remarks.
    logging.getLogger("edge_gateway").addHandler(logging.NullHandler())
    around, talks = surroundings(arguments.seed), talks_of(arguments.talk, config.device)
    with ExitStack() as stack:
        told = stack.enter_context(told_to_stop())
        temporary = tempfile.TemporaryDirectory(prefix="edge-gateway-rig-")
        folder = Path(stack.enter_context(temporary))
        bench = stack.enter_context(Bench(config.device, folder, around, talks))
        store = arguments.outbox or folder / "outbox"
        remarks: SimpleQueue[str] = SimpleQueue()
        path = arguments.control or default_path()
        stack.enter_context(ControlSocket(path, bench.subjects, remarks.put))
        gateway = _gateway(config, bench, store, remarks)
        _introduce(config, bench, path)
        with _readout(as_json=arguments.json) as screen:
            session = _Session(gateway, screen, remarks, told)
            health = session.run(arguments.seconds)
    return _verdict(health, is_kept=arguments.outbox is not None, was_told=told.is_set())


class _Session:
    """The time between start and stop of a gateway, shown on a screen."""

    def __init__(
        self,
        gateway: Gateway,
        screen: Readout,
        remarks: SimpleQueue[str],
        told: threading.Event,
    ) -> None:
        self._gateway, self._screen, self._remarks, self._told = gateway, screen, remarks, told
        self._began_s = time.monotonic()

    def run(self, seconds: float) -> GatewayHealth:
        """Run for so long, or until told to stop; how it was at the end, all stopped."""
        self._gateway.start()
        try:
            while not self._told.wait(TICK_S) and self._elapsed_s() < seconds:
                self._show()
            running = {device.id: device.state for device in self._show().devices}
            self._gateway.stop_devices()
            health = self._drained()
            # How a device was is of interest, not that it has been stopped with all others.
            devices = (replace(device, state=running[device.id]) for device in health.devices)
            health = replace(health, devices=tuple(devices))
            self._screen.show(health, self._elapsed_s(), last=True)
            return health
        finally:
            self._gateway.stop()

    def _drained(self) -> GatewayHealth:
        """Let what is kept go out while it does; how it is then."""
        ends_s = self._elapsed_s() + LONGEST_DRAIN_S
        while True:
            health = self._gateway.health()
            is_over = not (health.outbox["entries"] and health.uplink["connected"])
            if is_over or self._elapsed_s() > ends_s:
                return health
            time.sleep(TICK_S)

    def _show(self) -> GatewayHealth:
        with contextlib.suppress(Empty):
            while True:
                self._screen.remark(self._remarks.get_nowait(), self._elapsed_s())
        health = self._gateway.health()
        self._screen.show(health, self._elapsed_s())
        return health

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began_s


def _gateway(config: Config, bench: Bench, store: Path, remarks: SimpleQueue[str]) -> Gateway:
    outbox = config.outbox.model_copy(update={"folder": store})
    uplinks = tuple(uplink.model_copy(update={"start_spread_s": 0.0}) for uplink in config.uplink)
    try:
        return Gateway(
            config.model_copy(
                update={"device": bench.devices, "outbox": outbox, "uplink": uplinks}
            ),
            clock=SystemClock(trusted=config.clock.source == "trusted"),
            random=SystemRandom(),
            notifier=Notifier(None),
            openers=bench.openers,
            tap=lambda entries: _tell(entries, remarks),
        )
    except OutboxError as error:
        raise CommandError(str(error)) from error


def _tell(entries: Sequence[Entry], remarks: SimpleQueue[str]) -> None:
    for entry in entries:
        if isinstance(entry, Event):
            kind = entry.kind.removeprefix("device_").replace("_", " ")
            remarks.put(f"{entry.subject} {kind}: {entry.text}")


def _introduce(config: Config, bench: Bench, path: Path) -> None:
    console = err()
    brokers = " and ".join(f"{uplink.host}:{uplink.port}" for uplink in config.uplink)
    console.print(
        f"Simulated readings go to {brokers} as gateway {config.gateway.id!r}. "
        f"Faults: edge-gateway rig faults{_option(path)}",
        markup=False,
    )
    for device, why in bench.left_out.items():
        console.print(f"left out: {device}: {why}", markup=False)


def _option(path: Path) -> str:
    return "" if path == default_path() else f" --control {path}"


def _readout(*, as_json: bool) -> Readout:
    if as_json:
        return JsonLines()
    console = out()
    return LiveTable(console) if console.is_terminal else PlainLines(console)


def _verdict(health: GatewayHealth, *, is_kept: bool, was_told: bool) -> Exit:
    waiting = int(health.outbox["entries"] or 0)
    if waiting and not is_kept:
        err().print(f"{waiting} readings were not delivered and are gone; --outbox keeps them")
    silent = [
        f"nothing came from {device.id}: {device.last_error or 'its time had not come yet'}"
        for device in health.devices
        if not device.counts.readings
    ]
    if silent and not was_told:
        raise CommandError("\n".join(silent))
    return Exit.DONE
