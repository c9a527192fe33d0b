"""BTHome v2: vectors of bthome.io, encryption, and everything that can be wrong."""

from __future__ import annotations

import contextlib
import sys

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.drivers.formats.bthome import decode
from edge_gateway.links.errors import BadFrame, DeviceError, Misconfigured
from edge_gateway.reading import Flag, Flagged, Measurand, Quantity

ADDRESS = "54:48:E6:8F:80:A5"
KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
ENCRYPTED = bytes.fromhex("41a47266c95f730011223378237214")
T, RH, WIND = Quantity.AIR_TEMPERATURE, Quantity.RELATIVE_HUMIDITY, Quantity.WIND_SPEED


def payload(text: str) -> bytes:
    return bytes.fromhex(text)


# devices.md section 3 and bthome.io, "Format" and its table of objects.
@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ("40 02ca09 03bf13", {T: 25.06, RH: 50.55}),
        ("40 04138a01 05138a14", {Quantity.AIR_PRESSURE: 100_883, Quantity.ILLUMINANCE: 13460.67}),
        ("40 444e34 5e9f8c", {WIND: 133.90, Quantity.WIND_DIRECTION: 359.99}),
        ("40 451101", {T: 27.3}),
        ("40 57ea", {T: -22.0}),
        ("40 58ea", {T: -7.7}),
        ("40 2e23", {RH: 35.0}),
        ("40 0c020c", {Quantity.BATTERY_VOLTAGE: 3.074}),
        # 97 %, 40.01 degC, 1.0 mm, 17.38 degC
        (
            "40 00ff 0161 02a10f 5f0a00 08ca06",
            {
                T: 40.01,
                Quantity.BATTERY_LEVEL: 97.0,
                Quantity.PRECIPITATION_SINCE_RESET: 1.0,
                Quantity.DEW_POINT: 17.38,
            },
        ),
        ("40 09ff 02ca09", {T: 25.06}),  # a count is stepped over
        ("44 530548656c6c6f 02ca09", {T: 25.06}),
        # A command of two arguments: its length counts those, and not the operation before them.
        ("40 3b0201abcd 02ca09", {T: 25.06}),
    ],
)
def test_vectors_of_the_format_are_read(text: str, measured: dict[Quantity, float]) -> None:
    assert decode(payload(text)).measured == pytest.approx(measured)


def test_an_encrypted_vector_is_opened() -> None:
    sample = decode(ENCRYPTED, ADDRESS, KEY)
    assert sample.measured == {T: pytest.approx(25.06), RH: pytest.approx(50.55)}
    assert (sample.mark, sample.only_rises) == (0x33221100, True)


def test_the_packet_id_is_the_mark() -> None:
    sample = decode(payload("40 0009 02ca09"))
    assert (sample.mark, sample.only_rises) == (9, False)


def test_without_a_packet_id_the_payload_is_the_mark() -> None:
    assert decode(payload("40 02ca09")).mark == payload("40 02ca09")


def test_a_second_wind_is_a_channel_of_its_own() -> None:
    # A weather station's frame: wind 2.50 m/s, then gust 4.00 m/s.
    measured = decode(payload("40 44fa00 449001")).measured
    assert measured == {WIND: pytest.approx(2.5), Measurand(WIND, "2"): pytest.approx(4.0)}


def test_an_unknown_object_ends_the_reading_and_what_came_before_is_kept() -> None:
    assert decode(payload("40 02ca09 ee 03bf13")).measured == {T: pytest.approx(25.06)}


def test_a_device_that_measures_nothing_gives_nothing() -> None:
    assert decode(payload("44 3a01")).measured == {}


@pytest.mark.parametrize(
    ("text", "key", "says"),
    [
        ("40 03 1027", RH, None),
        ("40 03 1127", RH, "outside the device's range"),
        ("40 2e 65", RH, "outside the device's range"),
        ("40 5e a08c", Quantity.WIND_DIRECTION, None),
        ("40 5e a18c", Quantity.WIND_DIRECTION, "outside the device's range"),
    ],
)
def test_a_value_that_cannot_be_is_flagged_and_kept(
    text: str, key: Quantity, says: str | None
) -> None:
    measured = decode(payload(text)).measured[key]
    if says is None:
        assert not isinstance(measured, Flagged)
    else:
        assert isinstance(measured, Flagged)
        assert (measured.flag, measured.reason) == (Flag.FAIL, says)
        assert measured.value > 100.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no BTHome version 2"),
        ("20 02ca09", "no BTHome version 2"),
        ("60 02ca09", "no BTHome version 2"),
        ("40 02ca", "half an object 0x02"),
        ("40 02ca09 03", "half an object 0x03"),
        ("40 53", "half an object 0x53"),
        ("40 5305 4865", "half an object 0x53"),
        ("42 a5808f", "half an address"),
    ],
)
def test_spoilt_data_is_a_bad_frame(text: str, says: str) -> None:
    with pytest.raises(BadFrame, match=says):
        decode(payload(text))


def test_an_address_inside_is_stepped_over() -> None:
    assert decode(payload("42 a5808fe64854 02ca09")).measured == {T: pytest.approx(25.06)}


def test_an_address_inside_is_the_one_for_decryption() -> None:
    nonce = payload("5448e68f80a5 d2fc 43 00112233")
    sealed = AESCCM(KEY, tag_length=4).encrypt(nonce, payload("02ca09"), None)
    data = payload("43 a5808fe64854") + sealed[:-4] + payload("00112233") + sealed[-4:]
    assert decode(data, "00:00:5E:00:53:01", KEY).measured == {T: pytest.approx(25.06)}


@pytest.mark.parametrize(
    ("data", "key", "address", "says"),
    [
        (ENCRYPTED, None, ADDRESS, "bind_key_file"),
        (ENCRYPTED, bytes(16), ADDRESS, "bind key does not open"),
        (ENCRYPTED, KEY, "54:48:E6:8F:80:A6", "bind key does not open"),
        (ENCRYPTED[:9], KEY, ADDRESS, "of 8 bytes"),
        (payload("40 02ca09"), KEY, ADDRESS, "plain advertisement"),
    ],
)
def test_what_the_key_does_not_open_is_a_bad_frame(
    data: bytes, key: bytes | None, address: str, says: str
) -> None:
    with pytest.raises(BadFrame, match=says):
        decode(data, address, key)


@given(st.integers(0, len(ENCRYPTED) * 8 - 1))
def test_any_flipped_bit_of_an_encrypted_advert_is_a_bad_frame(bit: int) -> None:
    data = bytearray(ENCRYPTED)
    data[bit // 8] ^= 1 << bit % 8
    with pytest.raises(BadFrame):
        decode(bytes(data), ADDRESS, KEY)


def test_without_the_package_for_it_decryption_is_misconfigured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(Misconfigured, match=r"pip install 'edge-gateway\[ble\]'"):
        decode(ENCRYPTED, ADDRESS, KEY)


@given(
    st.binary(max_size=64) | st.binary(max_size=64).map(lambda body: b"\x40" + body),
    st.sampled_from([None, KEY]),
)
def test_any_bytes_are_numbers_or_one_of_the_four(data: bytes, key: bytes | None) -> None:
    with contextlib.suppress(DeviceError):
        assert decode(data, ADDRESS, key).mark is not None


@given(st.binary(max_size=64))
def test_any_encrypted_bytes_are_one_of_the_four(body: bytes) -> None:
    for info in (b"\x41", b"\x43", b"\x45"):
        with pytest.raises(BadFrame):
            decode(info + body, ADDRESS, KEY)
