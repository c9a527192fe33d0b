"""Three slaves on one RS-485 line, ten faults at once on some: what the healthy ones lose.

    python benchmarks/shared_line.py [--seconds 60] [--seeds 1 2 3 4] [--baud 9600 19200]

Each combination of seed and baud rate is a line of its own, all at the same time: a pseudo-terminal
on which bytes take the time they take on a wire, three simulated slaves (SR05, SMP, XY-MD02) and
the gateway's Modbus master. On odd seeds one slave is sick, on even ones two. A sick slave has all
ten faults ordered at once, and again when they are used up. A healthy one is polled once a second
by a supervisor's worker. So is a sick one on one half of the lines; on the other it is asked
without mercy, again as soon as it has failed, which no supervisor does: the line is never free.

A slot is a second of a worker's schedule. It is lost when no good reading comes before the next
one begins, be it that the reading is missing or that the line was taken for so long. A healthy
slave loses no more than its own retries when it loses no slot: a request to it may fail because
another slave talked into its answer, and then it is asked again within its slot, and that is all
it pays. Exits with 1 when a healthy slave lost a slot.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from random import Random
from threading import Event, Thread
from typing import Any

from paced_line import PacedLine

from edge_gateway.clock import SystemClock
from edge_gateway.drivers.contract import PolledDriver
from edge_gateway.drivers.formats.register_map import shipped_map
from edge_gateway.drivers.hukseflux import Hukseflux, HuksefluxConfig
from edge_gateway.drivers.kipp_smp import KippSmp, KippSmpConfig
from edge_gateway.drivers.modbus_profile import ModbusProfile, ModbusProfileConfig
from edge_gateway.links.errors import DeviceError
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.links.serial import SerialPort
from edge_gateway.reading import Flag, Reading, Stamp
from edge_gateway.supervise import Worker
from edge_gateway.twins.hukseflux import HuksefluxTwin
from edge_gateway.twins.kipp_smp import KippSmpTwin
from edge_gateway.twins.modbus_profile import ModbusProfileTwin
from edge_gateway.twins.modbus_slave import ModbusTwin, SharedLine
from edge_gateway.twins.weather import WeatherScene

KINDS = (
    "crc",
    "silent",
    "half_frame",
    "split_frame",
    "noise",
    "echo",
    "wrong_slave",
    "late",
    "exception_4",
    "exception_6",
)
PERIOD_S = 1.0
LOOK_S, PESTER_S = 0.1, 0.02
# No slot begins in it, and the last one has ended by then.
BREATH_S = 0.1
NAMES: Mapping[int, str] = {1: "SR05", 2: "SMP", 3: "XY-MD02"}


@dataclass(frozen=True, slots=True)
class Line:
    """One line: its baud rate, its faults, and whether its sick slaves are asked without mercy."""

    baud: int
    seed: int
    is_merciless: bool

    @property
    def sick(self) -> frozenset[int]:
        """Units that have faults."""
        chance = Random(self.seed)  # noqa: S311 - faults, no secret
        return frozenset(chance.sample(tuple(NAMES), 1 + (self.seed + 1) % 2))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one slave's slots; `delays_s` from each slot's begin to its good reading."""

    line: Line
    unit: int
    slots: int
    asked: int
    delays_s: Mapping[int, float]
    last_error: str

    @property
    def is_sick(self) -> bool:
        """Whether it had faults."""
        return self.unit in self.line.sick

    @property
    def lost(self) -> int:
        """Slots without a good reading."""
        return self.slots - len(self.delays_s)

    @property
    def repeated(self) -> int:
        """Requests beyond the one that each slot needs: its own retries."""
        return self.asked - self.slots


class Slave:
    """A simulated slave, and what polls it."""

    def __init__(self, twin: ModbusTwin, driver: PolledDriver[Any, Any]) -> None:
        self.twin = twin
        self._driver = driver
        self._clock = SystemClock()
        self._began_ns = self._clock.now().monotonic_ns
        self._delays_s: dict[int, float] = {}
        self._worker = Worker(
            driver.config,
            lambda: driver,
            self._clock,
            Random(twin.unit),  # noqa: S311 - jitter, no secret
            self._deliver,
            lambda _: None,
        )
        self._stopping = Event()
        self._pesterer = Thread(target=self._pester)

    def start(self, *, is_merciless: bool) -> None:
        """Poll it once a second from now on, or all the time."""
        if is_merciless:
            self._pesterer.start()
        else:
            self._worker.start()

    def stop(self) -> None:
        """Ask it no more."""
        self._stopping.set()
        self._worker.stop()
        if self._pesterer.is_alive():
            self._pesterer.join()

    def outcome(self, line: Line, slots: int, asked: int) -> Outcome:
        """What became of its slots."""
        last_error = self._worker.health().last_error
        return Outcome(line, self.twin.unit, slots, asked, dict(self._delays_s), last_error)

    def _pester(self) -> None:
        while not self._stopping.wait(PESTER_S):
            with contextlib.suppress(DeviceError):
                self._note(self._clock.now() if self._driver.read() else None)

    def _deliver(self, readings: Sequence[Reading]) -> None:
        good = [reading for reading in readings if reading.flag is not Flag.MISSING]
        self._note(good[0].at if good else None)

    def _note(self, at: Stamp | None) -> None:
        if at is not None:
            slot, delay_s = divmod((at.monotonic_ns - self._began_ns) / 1e9, PERIOD_S)
            self._delays_s.setdefault(int(slot), delay_s)


class CountedPort(SerialPort):
    """Counts the requests to each slave as they go onto the wire."""

    def __init__(self, path: str, baud: int) -> None:
        super().__init__(path, baud)
        self.asked = dict.fromkeys(NAMES, 0)

    def write(self, data: bytes) -> None:
        """Hand the request to the port."""
        self.asked[data[0]] += 1
        super().write(data)


def main() -> int:
    """Run all lines, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seconds", type=int, default=60, help="how long each line runs")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4], help="of the faults")
    parser.add_argument("--baud", type=int, nargs="+", default=[9600, 19200], help="of the lines")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)  # that sick slaves go down is what this is about
    lines = [
        Line(baud, seed, is_merciless)
        for baud in arguments.baud
        for is_merciless in (False, True)
        for seed in arguments.seeds
    ]
    with ThreadPoolExecutor(len(lines)) as threads:
        runs = [threads.submit(run_line, line, arguments.seconds) for line in lines]
        return report([outcome for run in runs for outcome in run.result()])


def run_line(line: Line, seconds: int) -> list[Outcome]:
    """One line with its sick and its healthy slaves for so many slots."""
    with ExitStack() as stack:
        wire = PacedLine(line.baud)
        stack.callback(wire.close)
        port = CountedPort(wire.path, line.baud)
        stack.callback(port.close)
        port.discard_input()
        slaves = slaves_of(wire, ModbusLine(port, SystemClock(), baud=line.baud))
        stack.enter_context(SharedLine(wire, [slave.twin for slave in slaves]))
        for slave in slaves:
            stack.callback(slave.stop)
            slave.start(is_merciless=line.is_merciless and slave.twin.unit in line.sick)
        sick = [slave.twin for slave in slaves if slave.twin.unit in line.sick]
        torment(sick, port.asked, seconds * PERIOD_S - BREATH_S)
        return [slave.outcome(line, seconds, port.asked[slave.twin.unit]) for slave in slaves]


def slaves_of(wire: PacedLine, master: ModbusLine) -> list[Slave]:
    """The three slaves of a line."""
    scene, clock = WeatherScene(seed=3), SystemClock()
    table: dict[str, Any] = {"port": wire.path, "period_s": PERIOD_S}
    sun = HuksefluxConfig(id="sun", driver="hukseflux", unit=1, **table)
    smp = KippSmpConfig(id="smp", driver="kipp_smp", unit=2, **table)
    air = ModbusProfileConfig(id="air", driver="modbus_profile", profile="xy_md02", unit=3, **table)
    air_twin = ModbusProfileTwin(wire, scene, shipped_map("xy_md02"), unit=3)
    return [
        Slave(HuksefluxTwin(wire, scene, unit=1), Hukseflux(sun, master, clock)),
        Slave(KippSmpTwin(wire, scene, unit=2), KippSmp(smp, master, clock)),
        Slave(air_twin, ModbusProfile(air, master, clock)),
    ]


def torment(twins: Sequence[ModbusTwin], asked: Mapping[int, int], seconds: float) -> None:
    """Order all ten faults at once, and again when they are used up, for so long."""
    ends_s, over = time.monotonic() + seconds, Event()
    ordered_at = {twin.unit: -len(KINDS) for twin in twins}
    while (left_s := ends_s - time.monotonic()) > 0:
        for twin in twins:
            # Each request takes one fault at least.
            if asked[twin.unit] - ordered_at[twin.unit] >= len(KINDS):
                ordered_at[twin.unit] = asked[twin.unit]
                for kind in KINDS:
                    twin.fail(kind)
        over.wait(min(LOOK_S, left_s))


def report(outcomes: Sequence[Outcome]) -> int:
    """Print a row a slave; 1 when a healthy one lost a slot."""
    print("  baud seed sick are   slave            slots asked good lost   delay in slot, ms")
    print("                                                              median    p95    max")
    for outcome in outcomes:
        line = outcome.line
        delays_ms = sorted(1000 * delay_s for delay_s in outcome.delays_s.values()) or [0.0]
        middle, late = delays_ms[len(delays_ms) // 2], delays_ms[int(len(delays_ms) * 0.95)]
        name = f"{NAMES[outcome.unit]} {'sick' if outcome.is_sick else 'healthy'}"
        print(
            f"{line.baud:6d} {line.seed:4d} {'pestered' if line.is_merciless else 'polled':<10}"
            f" {name:<16} {outcome.slots:5d} {outcome.asked:5d} {len(outcome.delays_s):4d}"
            f" {outcome.lost:4d} {middle:8.0f} {late:6.0f} {delays_ms[-1]:6.0f}"
        )
        if outcome.lost and not outcome.is_sick:
            print(f"       lost: {outcome.last_error or 'the line was taken for too long'}")
    healthy = [outcome for outcome in outcomes if not outcome.is_sick]
    slots, lost = sum(o.slots for o in healthy), sum(o.lost for o in healthy)
    repeated = sum(o.repeated for o in healthy)
    print(f"healthy slaves: {slots} slots, {repeated} requests repeated, {lost} slots lost")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
