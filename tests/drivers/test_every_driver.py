"""What every built-in driver must do, whatever it measures: one bench each, the same demands.

A new driver is under test once its twin has a bench in `BENCHES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge_gateway.clock import SystemClock
from edge_gateway.drivers import registry, windsonic
from edge_gateway.drivers.contract import Driver, PolledDriver, TalkingDriver
from edge_gateway.drivers.hukseflux import Hukseflux, HuksefluxConfig
from edge_gateway.drivers.sht import Sht, ShtConfig
from edge_gateway.drivers.windsonic import WindSonic, WindSonicConfig
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceSilent, LinkGone
from edge_gateway.links.i2c import I2cBus
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.links.serial import SerialPort
from edge_gateway.reading import Flag, Flagged, Measurand, Measured, Quantity
from edge_gateway.twins.hukseflux import HuksefluxTwin
from edge_gateway.twins.i2c_bus import SimulatedI2cBus
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.sht import ShtTwin
from edge_gateway.twins.weather import WeatherScene
from edge_gateway.twins.windsonic import WindSonicTwin

FOUR = (BadFrame, DeviceSilent, LinkGone)  # Misconfigured has tests of its own
TRIES = 4
# Weather that stands still: every good value is the same one.
SCENE = WeatherScene(seed=5)
CLOCK = SystemClock()


@dataclass(frozen=True)
class Bench:
    """A driver on its link, with its twin at the other end."""

    driver: PolledDriver[Any, Any] | TalkingDriver[Any, Any]
    fail: Callable[[str, int], None]
    unplug: Callable[[], None]
    plug: Callable[[], None]
    silence: int = 1
    """How many answers left out make the device silent."""

    def measure(self) -> Measured:
        if isinstance(self.driver, PolledDriver):
            return self.driver.read()
        return next(self.driver.listen())

    def measure_again(self) -> Measured:
        """As the supervisor would: a few tries, without opening anything anew."""
        for _ in range(TRIES):
            with suppress(*FOUR):
                return self.measure()
        return self.measure()


@contextmanager
def windsonic_bench(folder: Path) -> Iterator[Bench]:
    line = PtyLine(by_id=folder / "wind")
    port = SerialPort(line.path, 9600)
    port.discard_input()
    driver = WindSonic(
        WindSonicConfig(id="wind", driver="windsonic", port=line.path), port, CLOCK
    )
    with WindSonicTwin(line, SCENE, rate_hz=100, seconds=lambda: 0.0) as twin:
        yield Bench(driver, twin.fail, line.unplug, line.plug, silence=60)
    port.close()
    line.close()


@contextmanager
def hukseflux_bench(folder: Path) -> Iterator[Bench]:
    line = PtyLine(by_id=folder / "sun")
    port = SerialPort(line.path, 19200, "E")
    port.discard_input()
    config = HuksefluxConfig(id="sun", driver="hukseflux", port=line.path)
    driver = Hukseflux(config, ModbusLine(port, CLOCK, timeout_s=0.06), CLOCK)
    with HuksefluxTwin(line, SCENE, late_s=0.1, seconds=lambda: 0.0) as twin:
        yield Bench(driver, twin.fail, line.unplug, line.plug)
    port.close()
    line.close()


@contextmanager
def sht_bench(folder: Path) -> Iterator[Bench]:
    del folder
    twin = ShtTwin(SCENE, seconds=lambda: CLOCK.now().monotonic_ns / 1e9)
    still = ShtTwin(SCENE, seconds=lambda: 0.0)
    del still
    bus = SimulatedI2cBus({0x44: twin})
    link = I2cBus(1, open_bus=bus.open)
    yield Bench(Sht(ShtConfig(id="air", driver="sht"), link, CLOCK), twin.fail, bus.unplug, bus.plug)
    link.close()


BENCHES: Mapping[
    str, tuple[Callable[[Path], AbstractContextManager[Bench]], Sequence[str]]
] = {
    "windsonic": (windsonic_bench, WindSonicTwin.FAULTS),
    "hukseflux": (hukseflux_bench, HuksefluxTwin.FAULTS),
    "sht": (sht_bench, ShtTwin.FAULTS),
}
NAMES = registry.built_in_names()
# These say that the register or function does not exist, which is a wrong setting.
CASES = [
    (name, fault)
    for name, (_, faults) in BENCHES.items()
    for fault in faults
    if fault != "exception_2"
]
