"""What every built-in driver must do, whatever it measures: one bench each, the same demands.

A new driver is under test once its twin has a bench in `BENCHES`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from edge_gateway.clock import SystemClock
from edge_gateway.drivers import nmea_mwv, registry, windsonic, wxt530
from edge_gateway.drivers.ads1115 import TRANSMITTED, Ads1115, Ads1115Config
from edge_gateway.drivers.bh1750 import Bh1750, Bh1750Config
from edge_gateway.drivers.ble_adv import BleAdv, BleAdvConfig
from edge_gateway.drivers.bme280 import Bme280, Bme280Config
from edge_gateway.drivers.contract import Driver, PolledDriver, TalkingDriver
from edge_gateway.drivers.ds18b20 import Ds18b20, Ds18b20Config
from edge_gateway.drivers.formats.register_map import load_map
from edge_gateway.drivers.hukseflux import Hukseflux, HuksefluxConfig
from edge_gateway.drivers.kipp_smp import KippSmp, KippSmpConfig
from edge_gateway.drivers.modbus_profile import ModbusProfile, ModbusProfileConfig
from edge_gateway.drivers.nmea_mwv import NmeaMwv, NmeaMwvConfig
from edge_gateway.drivers.sht import Sht, ShtConfig
from edge_gateway.drivers.veml7700 import Veml7700, Veml7700Config
from edge_gateway.drivers.windsonic import WindSonic, WindSonicConfig
from edge_gateway.drivers.wxt530 import Wxt530, Wxt530Config
from edge_gateway.links.ble import BleRadio
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceSilent, LinkGone
from edge_gateway.links.i2c import I2cBus
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.links.serial import SerialPort
from edge_gateway.links.w1 import W1Folder
from edge_gateway.reading import Flagged, Measurand, Measured, Quantity
from edge_gateway.twins.ads1115 import Ads1115Twin, Voltages, current_loop, vane
from edge_gateway.twins.bh1750 import Bh1750Twin
from edge_gateway.twins.ble_sensors import BtHomeTwin
from edge_gateway.twins.bluez import SimulatedBluez
from edge_gateway.twins.bme280 import Bme280Twin
from edge_gateway.twins.ds18b20 import Ds18b20Twin
from edge_gateway.twins.hukseflux import HuksefluxTwin
from edge_gateway.twins.i2c_bus import RegisterChip, SimulatedI2cBus
from edge_gateway.twins.kipp_smp import KippSmpTwin
from edge_gateway.twins.modbus_profile import ModbusProfileTwin
from edge_gateway.twins.nmea_mwv import NmeaMwvTwin
from edge_gateway.twins.private_bus import PrivateBus
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.sht import ShtTwin
from edge_gateway.twins.veml7700 import Veml7700Twin
from edge_gateway.twins.w1_tree import SimulatedW1Tree
from edge_gateway.twins.weather import Weather, WeatherScene
from edge_gateway.twins.windsonic import WindSonicTwin
from edge_gateway.twins.wxt530 import Wxt530Twin

FOUR = (BadFrame, DeviceSilent, LinkGone)  # Misconfigured has tests of its own
TRIES = 4
CLOCK = SystemClock()


class StillAir(WeatherScene):
    """Weather that stands still: every good value is the same one."""

    def at(self, seconds: float) -> Weather:
        del seconds
        return super().at(0.0)


SCENE = StillAir(seed=5)


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

    def measure_on(self) -> None:
        """Use up what is still on its way, until an error comes."""
        for _ in range(TRIES):
            self.measure()

    def measure_again(self) -> Measured:
        """As the supervisor would: a few tries, without opening anything anew."""
        for _ in range(TRIES):
            with suppress(*FOUR):
                return self.measure()
        return self.measure()


@contextmanager
def windsonic_bench(folder: Path) -> Generator[Bench]:
    line = PtyLine(by_id=folder / "wind")
    port = SerialPort(line.path, 9600)
    port.discard_input()
    driver = WindSonic(WindSonicConfig(id="wind", driver="windsonic", port=line.path), port, CLOCK)
    with WindSonicTwin(line, SCENE, rate_hz=100) as twin:
        yield Bench(driver, twin.fail, line.unplug, line.plug, silence=100)
    port.close()
    line.close()


@contextmanager
def hukseflux_bench(folder: Path) -> Generator[Bench]:
    line = PtyLine(by_id=folder / "sun")
    port = SerialPort(line.path, 19200, "E")
    port.discard_input()
    config = HuksefluxConfig(id="sun", driver="hukseflux", port=line.path)
    driver = Hukseflux(config, ModbusLine(port, CLOCK, timeout_s=0.1), CLOCK)
    with HuksefluxTwin(line, SCENE, late_s=0.15) as twin:
        yield Bench(driver, twin.fail, line.unplug, line.plug)
    port.close()
    line.close()


@contextmanager
def serial_line(path: Path, baud: int) -> Generator[tuple[PtyLine, SerialPort]]:
    line = PtyLine(by_id=path)
    port = SerialPort(line.path, baud)
    port.discard_input()
    yield line, port
    port.close()
    line.close()


@contextmanager
def kipp_smp_bench(folder: Path) -> Generator[Bench]:
    with serial_line(folder / "sun", 19200) as (line, port):
        config = KippSmpConfig(id="sun", driver="kipp_smp", port=line.path)
        driver = KippSmp(config, ModbusLine(port, CLOCK, timeout_s=0.1), CLOCK)
        with KippSmpTwin(line, SCENE, late_s=0.15) as twin:
            yield Bench(driver, twin.fail, line.unplug, line.plug)


@contextmanager
def modbus_profile_bench(folder: Path) -> Generator[Bench]:
    """A slave that gives every quantity a register can hold, in 32 bits, low word first."""
    own = folder / "all.toml"
    own.write_text(
        'title = "all of them"\nbaud = 9600\nparity = "N"\n'
        + "".join(
            f'[[register]]\nquantity = "{quantity}"\nfunction = {3 + at % 2}\n'
            f'address = {2 * at}\ntype = "s32"\nword_order = "low_first"\nscale = 0.01\n'
            f"nan = [0x80000000]\nvalid = [{quantity.nature.low}, {quantity.nature.high}]\n"
            for at, quantity in enumerate(ModbusProfile.quantities)
        )
    )
    with serial_line(folder / "any", 9600) as (line, port):
        table = {"port": line.path, "profile_file": own}
        config = ModbusProfileConfig.model_validate(
            {"id": "any", "driver": "modbus_profile", **table}
        )
        driver = ModbusProfile(config, ModbusLine(port, CLOCK, timeout_s=0.1), CLOCK)
        with ModbusProfileTwin(line, SCENE, load_map(own), late_s=0.15) as twin:
            yield Bench(driver, twin.fail, line.unplug, line.plug)


@contextmanager
def nmea_mwv_bench(folder: Path) -> Generator[Bench]:
    with serial_line(folder / "wind", 4800) as (line, port):
        config = NmeaMwvConfig(id="wind", driver="nmea_mwv", port=line.path)
        with NmeaMwvTwin(line, SCENE, rate_hz=100) as twin:
            yield Bench(NmeaMwv(config, port, CLOCK), twin.fail, line.unplug, line.plug, 60)


@contextmanager
def wxt530_bench(folder: Path) -> Generator[Bench]:
    with serial_line(folder / "all", 19200) as (line, port):
        config = Wxt530Config(
            id="all", driver="wxt530", port=line.path, mode="polled", crc=True, period_s=0.01
        )
        with Wxt530Twin(line, SCENE, polled=True, crc=True) as twin:
            yield Bench(Wxt530(config, port, CLOCK), twin.fail, line.unplug, line.plug)


@contextmanager
def sht_bench(folder: Path) -> Generator[Bench]:
    del folder
    twin = ShtTwin(SCENE)
    bus = SimulatedI2cBus({0x44: twin})
    link = I2cBus(1, open_bus=bus.open)
    yield Bench(
        Sht(ShtConfig(id="air", driver="sht"), link, CLOCK), twin.fail, bus.unplug, bus.plug
    )
    link.close()


@contextmanager
def chip_bench(
    driver: Callable[[I2cBus], PolledDriver[Any, Any]], address: int, twin: RegisterChip
) -> Generator[Bench]:
    bus = SimulatedI2cBus({address: twin})
    link = I2cBus(1, open_bus=bus.open)
    yield Bench(driver(link), twin.fail, bus.unplug, bus.plug)
    link.close()


def bme280_bench(_: Path) -> AbstractContextManager[Bench]:
    config = Bme280Config(id="air", driver="bme280")
    return chip_bench(lambda bus: Bme280(config, bus, CLOCK), 0x76, Bme280Twin(SCENE))


def veml7700_bench(_: Path) -> AbstractContextManager[Bench]:
    config = Veml7700Config(id="light", driver="veml7700")
    return chip_bench(lambda bus: Veml7700(config, bus, CLOCK), 0x10, Veml7700Twin(SCENE))


def bh1750_bench(_: Path) -> AbstractContextManager[Bench]:
    config = Bh1750Config(id="light", driver="bh1750")
    return chip_bench(lambda bus: Bh1750(config, bus, CLOCK), 0x23, Bh1750Twin(SCENE))


def ads1115_bench(_: Path) -> AbstractContextManager[Bench]:
    """A pyranometer, a vane, and one current loop read as everything else."""
    loop = {"kind": "current_loop", "input": "AIN3", "shunt_ohm": 100.0}
    channels: list[dict[str, object]] = [
        {**loop, "quantity": q, "value_low": q.nature.low, "value_high": q.nature.high}
        for q in TRANSMITTED
        if q not in {Quantity.GLOBAL_IRRADIANCE, Quantity.WIND_DIRECTION}
    ]
    channels.append({"kind": "vane", "input": "AIN2"})
    sun = {"kind": "pyranometer", "input": "AIN0-AIN1", "sensitivity_uv_per_w_m2": 10.5}
    channels.append({**sun, "full_scale_mv": 256})
    config = Ads1115Config.model_validate(
        {"id": "adc", "driver": "ads1115", "rate_sps": 860, "channel": channels}
    )
    voltages: Voltages = {
        "AIN0": lambda weather: 10.5e-6 * weather.global_irradiance,
        "AIN2": lambda weather: vane(weather.wind_direction, 3.3),
        "AIN3": lambda _: current_loop(0.4, 100.0),
    }
    return chip_bench(lambda bus: Ads1115(config, bus, CLOCK), 0x48, Ads1115Twin(SCENE, voltages))


@contextmanager
def ds18b20_bench(folder: Path) -> Generator[Bench]:
    slave = "28-0316a2795bff"
    twin = Ds18b20Twin(SCENE)
    tree = SimulatedW1Tree(folder, {slave: twin})
    link = W1Folder(folder, read_file=tree.read_file)
    driver = Ds18b20(Ds18b20Config(id="road", driver="ds18b20", slave=slave), link, CLOCK)
    yield Bench(driver, twin.fail, tree.unplug, tree.plug)
    link.close()


@contextmanager
def ble_adv_bench(folder: Path) -> Generator[Bench]:
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is missing: apt-get install dbus")
    address, key = "CB:B8:33:4C:88:4F", folder / "sensor.key"
    key.write_text("231d39c1d7cc1ab1aee224cd096db932", encoding="ascii")
    config = BleAdvConfig(
        id="station",
        driver="ble_adv",
        address=address,
        format="bthome",
        interval_s=0.1,
        bind_key_file=key,
    )
    with (
        PrivateBus(folder) as bus,
        SimulatedBluez(bus.address) as bluez,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        radio = BleRadio(CLOCK, silence_s=0.2, retry_s=0.02)
        driver = BleAdv(config, radio.listen(address), CLOCK)

        def seen(*, trouble: bool) -> None:
            for _ in range(1000):
                if bool(radio.trouble) is trouble:
                    return
                CLOCK.sleep(0.01)

        def unplug() -> None:
            bluez.unplug()
            seen(trouble=True)

        def plug() -> None:
            bluez.plug()
            seen(trouble=False)

        bytes_of_key = bytes.fromhex(key.read_text(encoding="ascii"))
        with BtHomeTwin(bluez, address, SCENE, key=bytes_of_key, interval_s=0.02) as twin:
            yield Bench(driver, twin.fail, unplug, plug, silence=40)
        radio.close()


BENCHES: Mapping[str, tuple[Callable[[Path], AbstractContextManager[Bench]], Sequence[str]]] = {
    "windsonic": (windsonic_bench, WindSonicTwin.FAULTS),
    "hukseflux": (hukseflux_bench, HuksefluxTwin.FAULTS),
    "sht": (sht_bench, ShtTwin.FAULTS),
    "bme280": (bme280_bench, Bme280Twin.FAULTS),
    "ads1115": (ads1115_bench, Ads1115Twin.FAULTS),
    "veml7700": (veml7700_bench, Veml7700Twin.FAULTS),
    "bh1750": (bh1750_bench, Bh1750Twin.FAULTS),
    "kipp_smp": (kipp_smp_bench, KippSmpTwin.FAULTS),
    "modbus_profile": (modbus_profile_bench, ModbusProfileTwin.FAULTS),
    "nmea_mwv": (nmea_mwv_bench, NmeaMwvTwin.FAULTS),
    "wxt530": (wxt530_bench, Wxt530Twin.FAULTS),
    "ds18b20": (ds18b20_bench, Ds18b20Twin.FAULTS),
    "ble_adv": (ble_adv_bench, BtHomeTwin.FAULTS),
}
NAMES = registry.built_in_names()
# These say that the register or function does not exist, which is a wrong setting.
CASES = [
    (name, fault)
    for name, (_, faults) in BENCHES.items()
    for fault in faults
    if fault != "exception_2"
]


@pytest.fixture
def bench(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:
    monkeypatch.setattr(windsonic, "SILENT_AFTER_S", 0.5)
    monkeypatch.setattr(nmea_mwv, "SENTENCES_WITHOUT_WIND", 40)
    monkeypatch.setattr(wxt530, "ANSWER_TIMEOUT_S", 0.2)
    with BENCHES[name][0](tmp_path) as bench:
        yield bench


def quantity(key: Quantity | Measurand) -> Quantity:
    return key.quantity if isinstance(key, Measurand) else key


def good(measured: Measured) -> dict[Quantity, float]:
    """Values a driver gives without reserve."""
    return {
        quantity(key): value for key, value in measured.items() if not isinstance(value, Flagged)
    }


def test_every_driver_has_a_bench() -> None:
    assert set(BENCHES) == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_it_is_a_polled_or_a_talking_driver(name: str) -> None:
    driver = registry.load(name)
    assert issubclass(driver, (PolledDriver, TalkingDriver))
    assert driver.__base__ is not Driver


@pytest.mark.parametrize("name", NAMES)
def test_its_title_is_one_line_of_its_own(name: str) -> None:
    titles = [registry.load(other).title for other in NAMES]
    title = registry.load(name).title
    assert title.strip()
    assert "\n" not in title
    assert titles.count(title) == 1


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_its_configuration_is_described(name: str) -> None:
    fields = registry.load(name).config_model.model_fields
    assert not [key for key, field in fields.items() if not field.description]


@pytest.mark.parametrize("name", NAMES)
def test_an_unknown_key_of_its_configuration_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        registry.load(name).config_model(id="a", driver=name, no_such_key=1)  # pyright: ignore[reportCallIssue]  that is what is tested


@pytest.mark.parametrize("name", NAMES)
def test_it_gives_the_quantities_it_names_and_no_others(name: str, bench: Bench) -> None:
    given = {quantity(key) for key in bench.measure()}
    assert given == set(registry.load(name).quantities)


@pytest.mark.parametrize("name", NAMES)
def test_its_values_are_in_the_unit_and_range_of_their_quantity(bench: Bench) -> None:
    for measured, value in good(bench.measure()).items():
        assert measured.nature.low <= value <= measured.nature.high


@pytest.mark.parametrize("name", NAMES)
def test_a_silent_device_is_told_and_comes_back(bench: Bench) -> None:
    bench.measure()
    bench.fail("silent", bench.silence)
    with pytest.raises(DeviceSilent):
        bench.measure()
    assert bench.measure_again()


# A chip without a checksum has no fault "crc".
@pytest.mark.parametrize(
    ("name", "fault"), [case for case in CASES if case[1] in {"crc", "half_frame"}]
)
def test_a_spoilt_answer_is_a_bad_frame(bench: Bench, fault: str) -> None:
    bench.measure()
    bench.fail(fault, 1)
    with pytest.raises(BadFrame):
        bench.measure_on()


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_no_fault_makes_a_wrong_value_or_another_error(bench: Bench, fault: str) -> None:
    right = good(bench.measure())
    bench.fail(fault, 2)
    for _ in range(TRIES):
        with suppress(*FOUR):
            for key, value in good(bench.measure()).items():
                assert value == pytest.approx(right[key], abs=0.01)


@pytest.mark.parametrize(("name", "fault"), CASES)
def test_it_comes_back_from_every_fault_without_a_restart(bench: Bench, fault: str) -> None:
    right = good(bench.measure())
    bench.fail(fault, 2)
    for _ in range(TRIES):
        with suppress(*FOUR):
            bench.measure()
    assert good(bench.measure_again()) == pytest.approx(right, abs=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_an_unplugged_link_is_gone_and_comes_back_without_a_restart(bench: Bench) -> None:
    right = good(bench.measure())
    bench.unplug()
    for _ in range(2):
        with pytest.raises(LinkGone):
            bench.measure_on()
    bench.plug()
    assert good(bench.measure_again()) == pytest.approx(right, abs=0.01)


@pytest.mark.parametrize("name", NAMES)
def test_a_closed_link_is_gone(bench: Bench) -> None:
    bench.driver.link.close()
    with pytest.raises(LinkGone, match="was closed"):
        bench.measure()


@pytest.mark.parametrize("name", NAMES)
def test_every_error_says_something(bench: Bench) -> None:
    bench.unplug()
    with pytest.raises(DeviceError, match=r"\w+ \w+"):
        bench.measure()
