"""Advert decoders against the parsers of others, over random payloads."""

from __future__ import annotations

import importlib.util
import math
import sys
from collections.abc import Sequence
from types import ModuleType, SimpleNamespace

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.drivers.formats import bthome, ruuvi
from edge_gateway.drivers.formats.bthome import KINDS, LENGTHS
from edge_gateway.reading import Flagged, Measurand, Measured, Quantity

pytest.importorskip("ruuvitag_sensor", reason="the oracle ruuvitag-sensor is not installed")
if importlib.util.find_spec("habluetooth") is None:
    # bthome-ble asks it for two names of annotations, and it would bring ten packages more.
    names = ModuleType("habluetooth")
    vars(names).update(BluetoothServiceInfo=object, BluetoothServiceInfoBleak=object)
    sys.modules["habluetooth"] = names
pytest.importorskip("bthome_ble", reason="the oracle bthome-ble is not installed")
from bthome_ble import BTHomeBluetoothDeviceData
from ruuvitag_sensor.decoders.df5_decoder import Df5Decoder

ADDRESS = "54:48:E6:8F:80:A5"
T, RH, WIND = Quantity.AIR_TEMPERATURE, Quantity.RELATIVE_HUMIDITY, Quantity.WIND_SPEED
PRESSURE, BATTERY = Quantity.AIR_PRESSURE, Quantity.BATTERY_VOLTAGE
# What the other parser calls each quantity, and its unit in ours.
THEIR_NAMES = {
    T: ("temperature", 1.0),
    RH: ("humidity", 1.0),
    PRESSURE: ("pressure", 100.0),
    Quantity.ILLUMINANCE: ("illuminance", 1.0),
    Quantity.DEW_POINT: ("dew_point", 1.0),
    BATTERY: ("voltage", 1.0),
    Quantity.BATTERY_LEVEL: ("battery", 1.0),
    Quantity.PRECIPITATION_SINCE_RESET: ("precipitation", 1.0),
    WIND: ("speed", 1.0),
    Quantity.WIND_DIRECTION: ("direction", 1.0),
}
PACKET_ID = 0x00


def value(measured: float | Flagged) -> float:
    return measured.value if isinstance(measured, Flagged) else measured


@given(st.binary(min_size=23, max_size=23))
def test_it_agrees_with_ruuvitag_sensor(body: bytes) -> None:
    data = b"\x05" + body
    theirs = Df5Decoder().decode_data(data.hex())
    assert theirs is not None
    ours = ruuvi.decode(data)
    # That library rounds to two decimals, and gives hPa and mV.
    for key, name, scale, step in (
        (T, "temperature", 1, 0.0051),
        (RH, "humidity", 1, 0.0051),
        (PRESSURE, "pressure", 100, 0.51),
        (BATTERY, "battery", 1e-3, 1e-9),
    ):
        number, got = theirs[name], value(ours.measured[key])
        if number is None:
            assert math.isnan(got)
        else:
            assert got == pytest.approx(number * scale, abs=step)
    if ours.mark != data:
        assert ours.mark == theirs["measurement_sequence_number"]


Object = tuple[int, bytes]


@st.composite
def objects(draw: st.DrawFn) -> list[Object]:
    """Objects in the order of their ids, as the format wants them; some of them not measured."""
    kinds = draw(st.lists(st.sampled_from(sorted(set(LENGTHS) - {PACKET_ID})), max_size=8))
    return [
        (kind, draw(st.binary(min_size=LENGTHS[kind], max_size=LENGTHS[kind])))
        for kind in sorted(kinds)
    ]


def their_values(data: bytes, key: bytes | None = None) -> dict[str, float]:
    heard = SimpleNamespace(
        name="sensor", address=ADDRESS, rssi=-60, time=1.0, service_data={bthome.SERVICE: data}
    )
    values = BTHomeBluetoothDeviceData(key).update(heard).entity_values
    return {key.key: value.native_value for key, value in values.items()}


def compare(ours: Measured, theirs: dict[str, float], sent: Sequence[Object]) -> None:
    kinds = {kind for kind, _ in sent}
    assert {key for key in ours if key in THEIR_NAMES} == {
        KINDS[kind].quantity for kind in kinds & set(KINDS)
    }
    # Objects we step over, and which share the name and the numbering of ours in that parser.
    confused = {key for key, kind in ((BATTERY, 0x4A), (WIND, 0x62)) if kind in kinds}
    for key, got in ours.items():
        measurand = key if isinstance(key, Measurand) else Measurand(key)
        if measurand.quantity in confused:
            continue
        name, scale = THEIR_NAMES[measurand.quantity]
        number = theirs.get(name, theirs.get(f"{name}_{measurand.channel or 1}", math.nan))
        # It rounds to the decimals of the factor, and 0.35 to one.
        rounding = 0.051 if 0x58 in kinds else 1e-6
        assert value(got) == pytest.approx(number * scale, abs=rounding)


@given(objects())
def test_it_agrees_with_bthome_ble(sent: list[Object]) -> None:
    data = b"\x40" + b"".join(bytes((kind,)) + raw for kind, raw in sent)
    compare(bthome.decode(data).measured, their_values(data), sent)


@given(objects().filter(bool), st.binary(min_size=16, max_size=16), st.integers(0, 2**32 - 1))
def test_it_agrees_with_bthome_ble_on_encrypted_data(
    sent: list[Object], key: bytes, count: int
) -> None:
    body = b"".join(bytes((kind,)) + raw for kind, raw in sent)
    counter = count.to_bytes(4, "little")
    nonce = bytes.fromhex(ADDRESS.replace(":", "")) + b"\xd2\xfc\x41" + counter
    sealed = AESCCM(key, tag_length=4).encrypt(nonce, body, None)
    data = b"\x41" + sealed[:-4] + counter + sealed[-4:]
    sample = bthome.decode(data, ADDRESS, key)
    assert sample.mark == count
    compare(sample.measured, their_values(data, key), sent)
