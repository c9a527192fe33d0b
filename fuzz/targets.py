"""Every parser as a function of one byte string, with the errors it may raise and no others."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, get_args

from edge_gateway.cli.check import read as read_config
from edge_gateway.config import DeviceConfig
from edge_gateway.config_file import ConfigError
from edge_gateway.drivers import registry
from edge_gateway.drivers.contract import (
    BleConfig,
    Driver,
    I2cConfig,
    ModbusConfig,
    PolledDriver,
    SerialConfig,
    TalkingDriver,
    W1Config,
)
from edge_gateway.links.contract import Advert
from edge_gateway.links.errors import BadFrame, DeviceError, LinkGone
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.links.talk import BadTalk, Medium, parse
from edge_gateway.outbox import BadBlock
from edge_gateway.outbox.block import decode as decode_block
from edge_gateway.outbox.block import encode as encode_block
from edge_gateway.outbox.block import unpack
from edge_gateway.people.boundary import Decoder
from edge_gateway.people.counter_settings import read_settings
from edge_gateway.reading import Event, Flag, Flagged, Measurand, Measured, Quantity, Reading, Stamp
from edge_gateway.uplink import consumer
from edge_gateway.uplink.batch import Arrival, Batch, Dates, Dating
from edge_gateway.uplink.payloads import senml
from fuzz import wires

TALKS = Path(registry.__file__).parent / "talks"

# After an error the supervisor asks again later; it is longer than any quarantine of a line.
BACK_OFF_S = 60.0

_REPAIRS: Mapping[str, Callable[[bytes, bytes], bytes]] = {
    "windsonic": wires.gill_repaired,
    "nmea_mwv": wires.nmea_repaired,
    "wxt530": wires.vaisala_repaired,
}
_ADDRESS = "CB:B8:33:4C:88:4F"
_CHANNELS = [
    {"kind": "pyranometer", "input": "AIN0-AIN1", "sensitivity_uv_per_w_m2": 10.5},
    {"kind": "vane", "input": "AIN2"},
]

# What to add to `id` and `driver` to have a valid device, and each way of speaking once.
DEVICES: Mapping[str, Mapping[str, Any]] = {
    "ads1115": {"channel": _CHANNELS},
    "bh1750": {},
    "bme280": {},
    "veml7700": {},
    "sht": {"model": "sht4x"},
    "sht, SHT3x": {"model": "sht3x"},
    "ds18b20": {"slave": "28-0316a2795bff"},
    "hukseflux": {},
    "kipp_smp": {},
    "modbus_profile, XY-MD02": {"profile": "xy_md02"},
    "modbus_profile, RS-FSJT-N01": {"profile": "rs_fsjt_n01"},
    "modbus_profile, RS-FXJT-N01": {"profile": "rs_fxjt_n01"},
    "windsonic": {},
    "windsonic, polled": {"mode": "polled"},
    "nmea_mwv": {},
    "wxt530": {},
    "wxt530, checksums": {"crc": True},
    "wxt530, polled": {"mode": "polled", "crc": True},
    "ble_adv, RuuviTag": {"address": _ADDRESS, "format": "ruuvi"},
    "ble_adv, BTHome": {"address": _ADDRESS, "format": "bthome"},
    "ble_adv, pvvx": {"address": _ADDRESS, "format": "pvvx"},
}


@dataclass(frozen=True, slots=True)
class Target:
    """A parser. `run` raises nothing but what is in `allowed`; `seeds` are good inputs of it."""

    name: str
    run: Callable[[bytes], object]
    allowed: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...] = field(default=(b"",))

    def __call__(self, data: bytes) -> None:
        """Try one string; whatever is not allowed comes out."""
        with suppress(*self.allowed):
            self.run(data)


def targets() -> Iterator[Target]:
    """All of them: each device in each way of speaking, then what the gateway itself reads."""
    for name in DEVICES:
        yield Target(name, partial(_drive, name), (), _seeds(name))
    for medium in get_args(Medium):
        yield Target(f"talk, {medium}", partial(_parse_talk, medium=medium), (BadTalk,), _talks())
    yield Target("block of the outbox", decode_block, (BadBlock,), (_block(),))
    yield Target("message, by the consumer", consumer.decode, (consumer.BadPack,), (_message(),))
    yield Target("message of the counter", _read_messages, (BadFrame,))
    yield Target("settings of the counter", _read_settings, (BadFrame,))
    yield Target("gateway.toml", _load_config, (ConfigError,), (b'[gateway]\nid = "a"\n',))


def _seeds(name: str) -> tuple[bytes, ...]:
    """What was received in the recorded talks of the driver, each talk as one string."""
    driver = name.partition(",")[0]
    return (b"", *(_string(path, name) for path in sorted(TALKS.glob(f"{driver}*.talk"))))


def _string(path: Path, name: str) -> bytes:
    medium = _medium(registry.load(name.partition(",")[0]).config_model)
    turns = parse(path.read_text(encoding="utf-8").splitlines(), medium).turns
    heard = [turn for turn in turns if turn.sign == "<"]
    if medium == "ble":
        return b"".join(_advert_string(turn.advert) for turn in heard if turn.advert)
    if medium == "serial":
        return b"\x20" + b"".join(bytes([0, len(turn.data)]) + turn.data for turn in heard)
    return b"".join(turn.data for turn in heard)


def _advert_string(advert: Advert) -> bytes:
    data = b"".join((*advert.manufacturer_data.values(), *advert.service_data.values()))
    return bytes([0, len(data)]) + data


def _medium(model: type[DeviceConfig]) -> Medium:
    if issubclass(model, I2cConfig):
        return "i2c"
    if issubclass(model, W1Config):
        return "w1"
    return "ble" if issubclass(model, BleConfig) else "serial"


@cache
def _device(name: str) -> tuple[type[Driver[Any, Any]], DeviceConfig]:
    kind = registry.load(name.partition(",")[0])
    table = {"id": "any", "driver": name.partition(",")[0], **DEVICES[name]}
    if "port" in kind.config_model.model_fields:
        table["port"] = "hostile"
    return kind, kind.config_model.model_validate(table)


def _block() -> bytes:
    entries = [
        Reading("air", Measurand(quantity), value, flag, Stamp("boot", at * 10**9), ("why",))
        for at in range(4)
        for quantity, value, flag in (
            (Quantity.AIR_TEMPERATURE, 21.5 + at, Flag.GOOD),
            (Quantity.WIND_SPEED, math.nan, Flag.MISSING),
        )
    ]
    return encode_block([*entries, Event("up", "air", "it is back", Stamp("boot", 5))])


def _message() -> bytes:
    dates = Dates(Dating.SYNCED, 1_800_000_000_000_000)
    return senml.encode(Batch("pole", "store/1", "boot", Arrival.LIVE, dates, unpack(_block())))


def _talks() -> tuple[bytes, ...]:
    return (b"", *(path.read_bytes() for path in sorted(TALKS.glob("*.talk"))))


def _drive(name: str, data: bytes) -> None:
    """Let a driver read until the string is over; what it gives must be numbers or say why not."""
    kind, config = _device(name)
    clock = wires.RunningClock()
    driver: Driver[Any, Any] = kind(config, _wire(name, config, data, clock), clock)
    for _ in range(len(data) + wires.EMPTY_READS + 2):
        try:
            for measured in _some(driver):
                _check(measured)
        except LinkGone:
            return
        except DeviceError:
            clock.sleep(BACK_OFF_S)
    raise AssertionError(f"{name} reads on and on from a wire that has nothing more")


def _some(driver: Driver[Any, Any]) -> Iterator[Measured]:
    if isinstance(driver, PolledDriver):
        yield driver.read()
    elif isinstance(driver, TalkingDriver):
        yield from driver.listen()


def _check(measured: Measured) -> None:
    for what, value in measured.items():
        if isinstance(value, Flagged):
            if not value.reason:
                raise AssertionError(f"{what} is flagged {value.flag} and does not say why")
        elif not math.isfinite(value):
            raise AssertionError(f"{what} is {value} and carries no flag")


def _wire(name: str, config: DeviceConfig, data: bytes, clock: wires.RunningClock) -> object:
    match config:
        case I2cConfig():
            return wires.HostileI2c(data, crc=config.driver == "sht")
        case ModbusConfig():
            answers = wires.HostileAnswers(data, clock, wires.modbus_repaired)
            return ModbusLine(answers, clock, timeout_s=0.1)
        case W1Config():
            return wires.HostileW1(data)
        case SerialConfig():
            return _line(data, clock, _REPAIRS[config.driver], polled="polled" in name)
        case _:
            return wires.HostileAdverts(data, _ADDRESS)


def _line(
    data: bytes, clock: wires.RunningClock, repair: Callable[[bytes, bytes], bytes], *, polled: bool
) -> wires.HostileLine:
    if polled:
        return wires.HostileAnswers(data, clock, repair)
    if data[:1] < b"\x40":
        return wires.HostileLine(data[1:], clock)
    return wires.HostileLine(_repaired(data, repair), clock)


def _repaired(data: bytes, repair: Callable[[bytes, bytes], bytes]) -> bytes:
    """The string as frames with right checksums, each as long as a byte of it says."""
    string, frames = wires.Bytes(data), bytearray(b"\x20")
    while len(string):
        frames += repair(b"0", string.take(string.number() % 96))
    return bytes(frames)


def _parse_talk(data: bytes, medium: Medium) -> None:
    parse(data.decode("utf-8", "replace").splitlines(), medium)


def _read_messages(data: bytes) -> None:
    decoder, string = Decoder(), wires.Bytes(data)
    most = 1 + string.number()
    while len(string):
        decoder.feed(string.take(most))


def _read_settings(data: bytes) -> None:
    read_settings(wires.Bytes(data).take)


def _load_config(data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "gateway.toml"
        path.write_bytes(data)
        read_config(path)
