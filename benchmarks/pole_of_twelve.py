"""A pole with twelve devices that are read once a second and a WindSonic that talks at 4 Hz.

Serial devices hang on pseudo-terminals and the thermometer in a folder like the kernel's: their
twins live where the pole is switched on. The I2C chips live behind the link, in the gateway's own
process, on a bus that keeps an account of the processor time it takes itself.
"""

from __future__ import annotations

import mmap
import time
from contextlib import ExitStack
from pathlib import Path
from string import Template
from types import TracebackType
from typing import Self

from paced_line import PacedLine
from smbus2 import i2c_msg

from edge_gateway.drivers.formats.register_map import shipped_map
from edge_gateway.twins.ads1115 import Ads1115Twin
from edge_gateway.twins.bh1750 import Bh1750Twin
from edge_gateway.twins.bme280 import Bme280Twin
from edge_gateway.twins.ds18b20 import Ds18b20Twin
from edge_gateway.twins.hukseflux import HuksefluxTwin
from edge_gateway.twins.i2c_bus import I2cChip, SimulatedI2cBus
from edge_gateway.twins.kipp_smp import KippSmpTwin
from edge_gateway.twins.modbus_profile import ModbusProfileTwin
from edge_gateway.twins.modbus_slave import SharedLine
from edge_gateway.twins.nmea_mwv import NmeaMwvTwin
from edge_gateway.twins.sht import ShtTwin
from edge_gateway.twins.veml7700 import Veml7700Twin
from edge_gateway.twins.w1_tree import SimulatedW1Tree
from edge_gateway.twins.weather import WeatherScene, stopwatch
from edge_gateway.twins.windsonic import WindSonicTwin
from edge_gateway.twins.wxt530 import Wxt530Twin

SLAVE = "28-0316a2795bff"
ACCOUNT_BYTES = 8

_SETTINGS = """
gateway.id = "pole-of-twelve"
clock.source = "trusted"
outbox.folder = "$folder/outbox"
uplink = { host = "127.0.0.1", port = $broker, tls = false }
"""
# The lines and their baud rates: bytes come in pieces, as from a UART, and not in whole frames.
_LINES = {"wind": 9600, "bus": 9600, "cup": 4800, "nmea": 4800, "wxt": 19200}
# Each device's own settings; all have an id, and those that are asked are asked once a second.
_DEVICES = {
    "wind": 'driver = "windsonic"\nport = "$wind"',
    "sun": 'driver = "hukseflux"\nport = "$bus"\nbaud = 9600\nparity = "N"',
    "sun-2": 'driver = "kipp_smp"\nport = "$bus"\nbaud = 9600\nparity = "N"\nunit = 2',
    "air": 'driver = "modbus_profile"\nport = "$bus"\nprofile = "xy_md02"\nunit = 3',
    "cup": 'driver = "modbus_profile"\nport = "$cup"\nprofile = "rs_fsjt_n01"',
    "nmea": 'driver = "nmea_mwv"\nport = "$nmea"',
    "wxt": 'driver = "wxt530"\nport = "$wxt"\nmode = "polled"\ncrc = true',
    "air-2": 'driver = "sht"',
    "air-3": 'driver = "bme280"',
    "analog": """driver = "ads1115"
channel = [
  { kind = "pyranometer", input = "AIN0-AIN1", full_scale_mv = 256, sensitivity_uv_per_w_m2 = 10 },
  { kind = "vane", input = "AIN2" },
]""",
    "light": 'driver = "veml7700"',
    "light-2": 'driver = "bh1750"',
    "road": 'driver = "ds18b20"\nslave = "$slave"\nfolder = "$folder/w1"',
}

RATES_HZ = {name: 4.0 if name == "wind" else 1.0 for name in _DEVICES}
"""How often each device gives its values."""


class PoleOfTwelve:
    """The devices outside the gateway's process, switched on while the `with` block runs."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._power = ExitStack()
        self._lines = {name: PacedLine(baud) for name, baud in _LINES.items()}
        scene, seconds = WeatherScene(seed=12), stopwatch()
        bus, cup = self._lines["bus"], self._lines["cup"]
        slaves = [
            HuksefluxTwin(bus, scene, seconds=seconds),
            KippSmpTwin(bus, scene, unit=2, seconds=seconds),
            ModbusProfileTwin(bus, scene, shipped_map("xy_md02"), unit=3, seconds=seconds),
        ]
        self._twins = (
            WindSonicTwin(self._lines["wind"], scene, seconds=seconds),
            SharedLine(bus, slaves),
            ModbusProfileTwin(cup, scene, shipped_map("rs_fsjt_n01"), seconds=seconds),
            NmeaMwvTwin(self._lines["nmea"], scene, seconds=seconds),
            Wxt530Twin(self._lines["wxt"], scene, polled=True, crc=True, seconds=seconds),
            SimulatedW1Tree(folder / "w1", {SLAVE: Ds18b20Twin(scene, seconds=seconds)}),
        )

    def settings(self, broker_port: int) -> str:
        """Its gateway.toml."""
        ports = {name: line.path for name, line in self._lines.items()}
        tables = [
            f'[[device]]\nid = "{name}"\nperiod_s = 1\n{lines}\n'
            for name, lines in _DEVICES.items()
        ]
        text = Template("\n".join((_SETTINGS, *tables)))
        return text.substitute(ports, folder=self._folder, broker=broker_port, slave=SLAVE)

    def __enter__(self) -> Self:
        """Power on."""
        for line in self._lines.values():
            self._power.callback(line.close)
        for twin in self._twins:
            self._power.enter_context(twin)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Power off."""
        self._power.close()


class AccountedBus:
    """The I2C chips of the pole; the processor time they take goes into a file, in ns."""

    def __init__(self, account: Path) -> None:
        scene, seconds = WeatherScene(seed=12), stopwatch()
        chips: dict[int, I2cChip] = {
            0x44: ShtTwin(scene, seconds=seconds),
            0x76: Bme280Twin(scene, seconds=seconds),
            0x48: Ads1115Twin(
                scene,
                {
                    "AIN0": lambda weather: weather.global_irradiance * 10e-6,
                    "AIN2": lambda weather: weather.wind_direction / 360.0 * 3.3,
                },
                seconds=seconds,
            ),
            0x10: Veml7700Twin(scene, seconds=seconds),
            0x23: Bh1750Twin(scene, seconds=seconds),
        }
        self._bus = SimulatedI2cBus(chips)
        account.write_bytes(bytes(ACCOUNT_BYTES))
        with account.open("r+b") as file:
            self._account = memoryview(mmap.mmap(file.fileno(), ACCOUNT_BYTES)).cast("q")

    def open(self, number: int) -> AccountedBus:
        """What opening /dev/i2c-`number` gives."""
        self._bus.open(number)
        return self

    def i2c_rdwr(self, *i2c_msgs: i2c_msg) -> None:
        """Carry the messages to their chips."""
        began_ns = time.thread_time_ns()
        try:
            self._bus.i2c_rdwr(*i2c_msgs)
        finally:
            # One bus, one owner, one transaction at a time: nobody else writes here.
            self._account[0] += time.thread_time_ns() - began_ns

    def close(self) -> None:
        """As of an open file; the chips stay."""


def accounted_ns(account: Path) -> int:
    """Processor time of the chips so far."""
    return int.from_bytes(account.read_bytes(), "little", signed=True)
