"""Every driver has a talk beside it: bytes with their source, and what the driver makes of them."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import edge_gateway.drivers
from edge_gateway.cli.replay import differences, outcomes, read_talk
from edge_gateway.clock import SystemClock
from edge_gateway.config import DeviceConfig
from edge_gateway.drivers import registry
from edge_gateway.drivers.contract import I2cConfig, ModbusConfig, SerialConfig, TalkingDriver
from edge_gateway.drivers.formats.register_map import SHIPPED
from edge_gateway.links.errors import DeviceError
from edge_gateway.links.i2c import I2cBus
from edge_gateway.links.serial import SerialPort
from edge_gateway.links.talk import Talk
from edge_gateway.links.talk_result import told
from edge_gateway.reading import Measured
from edge_gateway.twins.i2c_bus import SimulatedI2cBus
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.talk import TalkChip, TalkTwin
from edge_gateway.wiring import Openers, Wiring

FOLDER = Path(edge_gateway.drivers.__file__).parent / "talks"
TALKS = sorted(path.stem for path in FOLDER.glob("*.talk"))
# Where one driver speaks in several ways, each of them: the keys of its table that say which.
WAYS: list[dict[str, object]] = [
    {"driver": "sht", "model": "sht3x"},
    {"driver": "sht", "model": "sht4x"},
    {"driver": "windsonic", "mode": "continuous"},
    {"driver": "windsonic", "mode": "polled"},
    {"driver": "wxt530", "mode": "automatic", "crc": False},
    {"driver": "wxt530", "mode": "automatic", "crc": True},
    {"driver": "wxt530", "mode": "polled"},
    {"driver": "hukseflux", "pv_variant": False},
    {"driver": "hukseflux", "pv_variant": True},
    {"driver": "ble_adv", "format": "ruuvi"},
    {"driver": "ble_adv", "format": "bthome", "bind_key_file": None},
    {"driver": "ble_adv", "format": "bthome", "bind_key_file": FOLDER / "bthome_encrypted.key"},
    {"driver": "ble_adv", "format": "pvvx"},
]
SPEED = 50.0
TRIES = 3
CLOCK = SystemClock()


def talk(name: str) -> tuple[DeviceConfig, Talk]:
    return read_talk(FOLDER / f"{name}.talk")


DEVICES = {name: talk(name)[0] for name in TALKS}
ON_A_WIRE = [
    name
    for name, device in DEVICES.items()
    if isinstance(device, (I2cConfig, SerialConfig, ModbusConfig))
]


@pytest.mark.parametrize("driver", registry.built_in_names())
def test_every_driver_has_a_talk(driver: str) -> None:
    assert driver in {device.driver for device in DEVICES.values()}


@pytest.mark.parametrize("profile", sorted(path.stem for path in SHIPPED.glob("*.toml")))
def test_every_shipped_register_map_has_a_talk(profile: str) -> None:
    assert profile in {getattr(device, "profile", None) for device in DEVICES.values()}


@pytest.mark.parametrize("way", WAYS, ids=lambda way: " ".join(map(str, way.values())))
def test_every_way_of_speaking_has_a_talk(way: dict[str, object]) -> None:
    assert any(
        all(getattr(device, key, None) == value for key, value in way.items())
        for device in DEVICES.values()
    )


def test_every_kind_of_analog_sensor_has_a_talk() -> None:
    kinds = re.findall(r'"kind": "(\w+)"', (FOLDER / "ads1115.talk").read_text(encoding="utf-8"))
    assert set(kinds) >= {"pyranometer", "vane", "current_loop"}


@pytest.mark.parametrize("name", TALKS)
def test_the_driver_makes_of_it_what_it_says(name: str) -> None:
    device, said = talk(name)
    assert said.turns_judged == len(said.turns)
    assert not list(differences(said.results, [told(one) for one in outcomes(device, said.turns)]))


@pytest.mark.parametrize("name", TALKS)
def test_it_holds_good_values_and_faults(name: str) -> None:
    _, said = talk(name)
    firsts = [result.told[0] for result in said.results]
    assert any(re.fullmatch(r"[a-z_/]+ -?[\d.]+ \S+", first) for first in firsts)
    assert any(first[0].isupper() for first in firsts)


@pytest.mark.parametrize("name", TALKS)
def test_it_says_where_its_bytes_come_from(name: str) -> None:
    lines = (FOLDER / f"{name}.talk").read_text(encoding="utf-8").splitlines()
    about = " ".join(lines[3 : lines.index("#", 3)])
    assert re.search(r"manual|data sheet|note|guide|protocols|bthome\.io|README|Bosch|NMEA", about)


@pytest.mark.parametrize("name", TALKS)
def test_another_value_in_it_would_be_noticed(name: str) -> None:
    device, said = talk(name)
    made = [told(one) for one in outcomes(device, said.turns)]
    first = next(result for result in said.results if re.search(r" -?[\d.]+ ", result.told[0]))
    at = said.results.index(first)
    other = replace(first, told=(re.sub(r" -?[\d.]+ ", " 9999.0 ", first.told[0]), *first.told[1:]))
    results = (*said.results[:at], other, *said.results[at + 1 :])
    (found,) = differences(results, made)
    assert found.startswith(
        f"line {first.line}: the talk says {other.told[0]}, the driver makes it"
    )


@contextmanager
def played(device: DeviceConfig, said: Talk, folder: Path) -> Generator[Openers]:
    """Wires with the talk's device at their other end."""
    if isinstance(device, I2cConfig):
        bus = SimulatedI2cBus({device.address: TalkChip(said.turns)})
        yield Openers(i2c=lambda number: I2cBus(number, open_bus=bus.open))
        return
    line = PtyLine(by_id=folder / "line")
    port = SerialPort(line.path, 9600)
    port.discard_input()
    with TalkTwin(line, said.turns, speed=SPEED):
        yield Openers(stream=lambda _: port)
    port.close()
    line.close()


@pytest.mark.parametrize("name", ON_A_WIRE)
def test_a_simulated_device_that_plays_it_gives_its_first_values(name: str, tmp_path: Path) -> None:
    device, said = talk(name)
    with played(device, said, tmp_path) as openers:
        driver = Wiring(CLOCK, None, openers, [device]).wire(device).open_driver()

        def measure() -> Measured | DeviceError:
            try:
                if isinstance(driver, TalkingDriver):
                    return next(driver.listen())
                return driver.read()
            except DeviceError as error:
                return error

        # A talking device does not wait for its listener: its first frame may have gone by.
        tries = TRIES if isinstance(driver, TalkingDriver) else 1
        values = [one.told for one in said.results if one.told[0][0].islower()][:tries]
        assert any(told(measure()) in values for _ in range(tries))
