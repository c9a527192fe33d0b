"""Benches of devices on serial lines: Modbus slaves with another on the line, and text."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from random import Random
from typing import Literal

from edge_gateway.drivers.formats.register_map import load_map
from edge_gateway.drivers.hukseflux import Hukseflux, HuksefluxConfig
from edge_gateway.drivers.kipp_smp import KippSmp, KippSmpConfig
from edge_gateway.drivers.modbus_profile import ModbusProfile, ModbusProfileConfig
from edge_gateway.drivers.nmea_mwv import NmeaMwv, NmeaMwvConfig
from edge_gateway.drivers.windsonic import WindSonic, WindSonicConfig
from edge_gateway.drivers.wxt530 import Wxt530, Wxt530Config
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.links.serial import SerialPort
from edge_gateway.reading import Quantity
from edge_gateway.twins.hukseflux import HEATED_BY_SUN_K_PER_W_M2, HuksefluxTwin
from edge_gateway.twins.kipp_smp import SUPPLY_V, KippSmpTwin
from edge_gateway.twins.modbus_profile import ModbusProfileTwin, held_value
from edge_gateway.twins.modbus_slave import ModbusTwin, SharedLine
from edge_gateway.twins.nmea_mwv import NmeaMwvTwin
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.weather import Weather
from edge_gateway.twins.windsonic import WindSonicTwin
from edge_gateway.twins.wxt530 import PRESSURE_PA, Wxt530Twin
from edge_gateway.twins.wxt530 import SUPPLY_V as WXT_SUPPLY_V
from tests.drivers.benches import CLOCK, AnyDriver, Bench, Device, JumpingWeather, own

T, RH, P = Quantity.AIR_TEMPERATURE, Quantity.RELATIVE_HUMIDITY, Quantity.AIR_PRESSURE
SPEED, DIRECTION = Quantity.WIND_SPEED, Quantity.WIND_DIRECTION
SUN, BODY, SUPPLY = (
    Quantity.GLOBAL_IRRADIANCE,
    Quantity.BODY_TEMPERATURE,
    Quantity.SUPPLY_VOLTAGE,
)
RAIN = (
    Quantity.PRECIPITATION_SINCE_RESET,
    Quantity.PRECIPITATION_INTENSITY,
    Quantity.HAIL_HITS_SINCE_RESET,
)
BESIDE = 100
TIMEOUT_S, LATE_S = 0.15, 0.22
ARRIVES_S = 0.02
Mode = Literal["polled", "talking"]


def sunshine(weather: Weather) -> Mapping[Quantity, float]:
    body = weather.air_temperature + HEATED_BY_SUN_K_PER_W_M2 * weather.global_irradiance
    return {SUN: weather.global_irradiance, BODY: body, SUPPLY: SUPPLY_V}


def wind(weather: Weather) -> Mapping[Quantity, float]:
    return {SPEED: weather.wind_speed, DIRECTION: weather.wind_direction}


def station(weather: Weather) -> Mapping[Quantity, float]:
    air = {T: weather.air_temperature, RH: weather.relative_humidity}
    return {
        **wind(weather),
        **air,
        **dict.fromkeys(RAIN, 0.0),
        P: PRESSURE_PA,
        SUPPLY: WXT_SUPPLY_V,
    }


def registers(weather: Weather) -> Mapping[Quantity, float]:
    return {quantity: held_value(weather, quantity) for quantity in ModbusProfile.quantities}


# Half a step of each device's resolution, in its coarsest unit, and a hair.
HUKSEFLUX_STEPS = {SUN: 0.0051, BODY: 0.0051}
KIPP_STEPS = {SUN: 0.051, BODY: 0.051, SUPPLY: 0.051}
PROFILE_STEPS = dict.fromkeys(ModbusProfile.quantities, 0.0051)
WINDSONIC_STEPS = {SPEED: 0.0051, DIRECTION: 0.51}
MWV_STEPS = {SPEED: 0.051, DIRECTION: 0.051}
WXT_STEPS = {
    **dict.fromkeys(RAIN, 0.0),
    SPEED: 0.051,
    DIRECTION: 0.51,
    T: 0.051,
    RH: 0.051,
    P: 170.0,
    SUPPLY: 0.051,
}


@contextmanager
def serial_line(path: Path, baud: int) -> Generator[tuple[PtyLine, SerialPort]]:
    line = PtyLine(by_id=path)
    port = SerialPort(line.path, baud)
    port.discard_input()
    yield line, port
    port.close()
    line.close()


@contextmanager
def slave_bench(
    chance: Random,
    folder: Path,
    twin: Callable[[PtyLine, JumpingWeather], ModbusTwin],
    device: Callable[[ModbusLine, str, JumpingWeather], Device],
) -> Generator[Bench]:
    """Beside every slave an SR05 at address 100."""
    scene = JumpingWeather(chance)
    with serial_line(folder / "line", 19200) as (line, port):
        master = ModbusLine(port, CLOCK, timeout_s=TIMEOUT_S)
        slave = twin(line, scene)
        other = HuksefluxTwin(line, scene, unit=BESIDE, chance=own(chance))
        config = HuksefluxConfig(id="beside", driver="hukseflux", port=line.path, unit=BESIDE)
        beside = Device(Hukseflux(config, master, CLOCK), scene, sunshine, HUKSEFLUX_STEPS)
        with SharedLine(line, [slave, other]):
            yield Bench(
                device(master, line.path, scene), slave, line.unplug, line.plug, beside=beside
            )


def hukseflux_bench(chance: Random, folder: Path) -> AbstractContextManager[Bench]:
    def device(master: ModbusLine, port: str, scene: JumpingWeather) -> Device:
        config = HuksefluxConfig(id="sun", driver="hukseflux", port=port)
        return Device(Hukseflux(config, master, CLOCK), scene, sunshine, HUKSEFLUX_STEPS)

    return slave_bench(
        chance,
        folder,
        lambda line, scene: HuksefluxTwin(line, scene, late_s=LATE_S, chance=own(chance)),
        device,
    )


def kipp_smp_bench(chance: Random, folder: Path) -> AbstractContextManager[Bench]:
    def device(master: ModbusLine, port: str, scene: JumpingWeather) -> Device:
        config = KippSmpConfig(id="sun", driver="kipp_smp", port=port)
        return Device(KippSmp(config, master, CLOCK), scene, sunshine, KIPP_STEPS)

    return slave_bench(
        chance,
        folder,
        lambda line, scene: KippSmpTwin(line, scene, late_s=LATE_S, chance=own(chance)),
        device,
    )


def modbus_profile_bench(chance: Random, folder: Path) -> AbstractContextManager[Bench]:
    """A slave that gives every quantity a register can hold, in 32 bits, low word first."""
    own = folder / "all.toml"
    own.write_text(
        'title = "all of them"\nbaud = 19200\nparity = "N"\n'
        + "".join(
            f'[[register]]\nquantity = "{quantity}"\nfunction = {3 + at % 2}\n'
            f'address = {2 * at}\ntype = "s32"\nword_order = "low_first"\nscale = 0.01\n'
            f"nan = [0x80000000]\nvalid = [{quantity.nature.low}, {quantity.nature.high}]\n"
            for at, quantity in enumerate(ModbusProfile.quantities)
        )
    )

    def device(master: ModbusLine, port: str, scene: JumpingWeather) -> Device:
        table = {"id": "any", "driver": "modbus_profile", "port": port, "profile_file": own}
        config = ModbusProfileConfig.model_validate(table)
        return Device(ModbusProfile(config, master, CLOCK), scene, registers, PROFILE_STEPS)

    return slave_bench(
        chance,
        folder,
        lambda line, scene: ModbusProfileTwin(
            line, scene, load_map(own), late_s=LATE_S, chance=chance
        ),
        device,
    )


class Paced:
    """A serial port at whose end a device talks in no time: each beat it waits for comes at once.

    What a read waits for is counted in beats, so that a silence of seconds takes none.
    """

    def __init__(self, port: SerialPort, beat: Callable[[float], None], rate_hz: float) -> None:
        self._port = port
        self._beat = beat
        self._rate_hz = rate_hz

    def read(self, at_most: int, timeout_s: float) -> bytes:
        data = self._port.read(at_most, 0.0)
        for _ in range(round(timeout_s * self._rate_hz)):
            if data:
                break
            self._beat(0.0)
            data = self._port.read(at_most, ARRIVES_S)
        return data

    def write(self, data: bytes) -> None:
        self._port.write(data)

    def discard_input(self) -> None:
        self._port.discard_input()

    def close(self) -> None:
        self._port.close()


@contextmanager
def nmea_mwv_bench(chance: Random, folder: Path) -> Generator[Bench]:
    scene = JumpingWeather(chance, at_each_look=True)
    with serial_line(folder / "wind", 4800) as (line, port):
        config = NmeaMwvConfig(id="wind", driver="nmea_mwv", port=line.path)
        twin = NmeaMwvTwin(line, scene, chance=own(chance))
        driver = NmeaMwv(config, Paced(port, twin.beat, 1.0), CLOCK)
        device = Device(driver, scene, wind, MWV_STEPS, present_only=False)
        yield Bench(device, twin, line.unplug, line.plug, silence=60)


@contextmanager
def windsonic_bench(chance: Random, folder: Path) -> Generator[Bench]:
    scene = JumpingWeather(chance, at_each_look=True)
    with serial_line(folder / "wind", 9600) as (line, port):
        config = WindSonicConfig(id="wind", driver="windsonic", port=line.path)
        twin = WindSonicTwin(line, scene, chance=own(chance))
        driver = WindSonic(config, Paced(port, twin.beat, 20.0), CLOCK)
        device = Device(driver, scene, wind, WINDSONIC_STEPS, present_only=False)
        yield Bench(device, twin, line.unplug, line.plug, silence=10)


@contextmanager
def polled_windsonic_bench(chance: Random, folder: Path) -> Generator[Bench]:
    scene = JumpingWeather(chance)
    with serial_line(folder / "wind", 9600) as (line, port):
        config = WindSonicConfig(
            id="wind", driver="windsonic", port=line.path, mode="polled", period_s=0.01
        )
        twin = WindSonicTwin(line, scene, polled_node="Q", late_s=LATE_S, chance=own(chance))
        driver: AnyDriver = WindSonic(config, port, CLOCK)
        with twin:
            device = Device(driver, scene, wind, WINDSONIC_STEPS)
            yield Bench(device, twin, line.unplug, line.plug)


@contextmanager
def wxt530_bench(chance: Random, folder: Path) -> Generator[Bench]:
    scene = JumpingWeather(chance, at_each_look=True)
    with serial_line(folder / "all", 19200) as (line, port):
        config = Wxt530Config(id="all", driver="wxt530", port=line.path, crc=True, interval_s=1)
        twin = Wxt530Twin(line, scene, crc=True, chance=own(chance))
        driver = Wxt530(config, Paced(port, twin.beat, 1.0), CLOCK)
        device = Device(driver, scene, station, WXT_STEPS, present_only=False)
        yield Bench(device, twin, line.unplug, line.plug, silence=3)


@contextmanager
def polled_wxt530_bench(chance: Random, folder: Path) -> Generator[Bench]:
    scene = JumpingWeather(chance)
    with serial_line(folder / "all", 19200) as (line, port):
        config = Wxt530Config(
            id="all", driver="wxt530", port=line.path, mode="polled", crc=True, period_s=0.01
        )
        twin = Wxt530Twin(line, scene, polled=True, crc=True, late_s=LATE_S, chance=own(chance))
        with twin:
            device = Device(Wxt530(config, port, CLOCK), scene, station, WXT_STEPS)
            yield Bench(device, twin, line.unplug, line.plug)


BENCHES: Mapping[str, Callable[[Random, Path], AbstractContextManager[Bench]]] = {
    "hukseflux": hukseflux_bench,
    "kipp_smp": kipp_smp_bench,
    "modbus_profile": modbus_profile_bench,
    "nmea_mwv": nmea_mwv_bench,
    "windsonic (continuous)": windsonic_bench,
    "windsonic (polled)": polled_windsonic_bench,
    "wxt530 (automatic)": wxt530_bench,
    "wxt530 (polled)": polled_wxt530_bench,
}
