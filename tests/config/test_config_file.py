"""A mistake in gateway.toml is said with its file, line, key and cure."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.config import DeviceConfig
from edge_gateway.config_file import ConfigError, load_config, locate
from edge_gateway.drivers.contract import I2cConfig, ModbusConfig, SerialConfig

GOOD = """\
[gateway]
id = "pole-0001"

[uplink]
host = "broker.example.org"
[uplink.tls]
ca_file = "/etc/ca.pem"

[[device]]
id = "air"
driver = "thermometer"
address = 0x44

[[device]]
id = "wind"
driver = "anemometer"
port = "/dev/ttyS0"
baud = 9600
"""


class Counting(SerialConfig):
    counts_people = True


MODELS: dict[str, type[DeviceConfig]] = {
    "thermometer": I2cConfig,
    "anemometer": SerialConfig,
    "pyranometer": ModbusConfig,
    "camera": Counting,
}


def models(driver: str) -> type[DeviceConfig]:
    try:
        return MODELS[driver]
    except KeyError:
        raise ValueError(f"unknown driver {driver!r}") from None


def complaints(folder: Path, text: str) -> list[str]:
    path = folder / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_config(path, models)
    return [line.removeprefix(f"{path}:") for line in caught.value.lines()]


def test_a_good_file_gives_the_devices_with_their_drivers_models(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text(GOOD, encoding="utf-8")
    config = load_config(path, models)
    assert [type(device) for device in config.device] == [I2cConfig, SerialConfig]


# What is done to the good file, and what must be said, with the line it is said of.
BROKEN = {
    "syntax": ('id = "air"', 'id = "air', "10: not valid TOML, column"),
    "unknown key": ("port =", "prot =", "17: device[1].prot: unknown key 'prot'; did you mean"),
    "unknown table": ("[uplink.tls]", "[uplink.tsl]", "6: uplink.tsl: unknown key 'tsl'; did you"),
    "missing key": ("address = 0x44", "", "9: device[0].address: missing (7-bit address"),
    "out of range": ("0x44", "0x88", "12: device[0].address: input should be less than"),
    "wrong type": ("9600", '"fast"', "18: device[1].baud: input should be a valid integer"),
    "unknown driver": ("anemometer", "anemometre", "16: device[1].driver: unknown driver"),
    "one bracket": ("[[device]]", "[device]", "not valid TOML"),
    "twice the same id": ('id = "wind"', 'id = "air"', "device id 'air' is used 2 times"),
    "no host": ('host = "broker.example.org"', "", "4: uplink.host: missing"),
    "bad identifier": ("pole-0001", "Pole 1", "2: gateway.id: string should match pattern"),
    "half a certificate": ("ca_file", "key_file", "certificate_file and key_file go together"),
    "tls of a wrong kind": ('[uplink.tls]\nca_file = "/etc/ca.pem"', "tls = 5", "6: uplink.tls"),
    "no driver": ('driver = "thermometer"', "", "9: device[0]: driver is missing"),
    "counting without permission": ("anemometer", "camera", "there is no [privacy] table"),
    "password without user": ("[uplink.tls]", 'password_file = "p"\n[uplink.tls]', "add username"),
    "notice not posted": (
        "[uplink]",
        (
            '[privacy]\npurpose = "a"\noperator = "b"\ncontact = "c"\n'
            'legal_basis = "d"\nretention = "e"\nnotice_posted = false\n[uplink]'
        ),
        "10: privacy.notice_posted: input should be True",
    ),
}


@pytest.mark.parametrize("mistake", BROKEN)
def test_a_mistake_is_named_with_its_line_and_key(tmp_path: Path, mistake: str) -> None:
    good, bad, expected = BROKEN[mistake]
    said = complaints(tmp_path, GOOD.replace(good, bad, 1))
    assert any(expected in line for line in said), said


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    text = GOOD.replace("port =", "prot =").replace("0x44", "0x88").replace("[uplink]", "[uplnk]")
    assert len(complaints(tmp_path, text)) >= 4


@pytest.mark.parametrize("mistake", BROKEN)
def test_no_mistake_is_said_twice(tmp_path: Path, mistake: str) -> None:
    good, bad, _ = BROKEN[mistake]
    said = complaints(tmp_path, GOOD.replace(good, bad, 1))
    assert len(said) == len(set(said))


def test_a_file_that_is_not_there_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="config sample"):
        load_config(tmp_path / "none.toml", models)


def test_a_folder_is_not_a_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="folder"):
        load_config(tmp_path, models)


def test_a_file_that_is_not_text_says_so(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_config(path, models)


def test_the_line_of_every_key_is_found() -> None:
    where = locate(GOOD)
    assert where["device", 1, "baud"] == 18
    assert where["uplink", "tls", "ca_file"] == 7


@given(st.text(max_size=300))
def test_locating_never_fails_on_any_text(text: str) -> None:
    locate(text)


@given(st.text(max_size=200))
def test_any_text_gives_a_configuration_or_its_problems(
    tmp_path_factory: pytest.TempPathFactory, text: str
) -> None:
    path = tmp_path_factory.mktemp("any") / "gateway.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        load_config(path, models)
