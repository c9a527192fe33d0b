"""The BLE sensor as a device: what is new, what is silence, and whose advertisements count."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESCCM
from pydantic import ValidationError

from edge_gateway.drivers.ble_adv import BleAdv, BleAdvConfig, bind_key, decode
from edge_gateway.drivers.formats import bthome, pvvx, ruuvi
from edge_gateway.links.contract import Advert
from edge_gateway.links.errors import BadFrame, DeviceSilent, Misconfigured
from edge_gateway.reading import Quantity

ADDRESS = "54:48:E6:8F:80:A5"
KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
T = Quantity.AIR_TEMPERATURE
TAG = bytes.fromhex("0512FC5394C37C0004FFFC040CAC364200CDCBB8334C884F")


def heard(at_s: float = 0.0, *, service: str = "", data: bytes = b"") -> Advert:
    service_data = {service: data} if service else {}
    manufacturer_data = {} if service else {ruuvi.COMPANY: data or TAG}
    return Advert(ADDRESS, -60, manufacturer_data, service_data, at_s)


def tag(sequence: int, at_s: float = 0.0) -> Advert:
    return heard(at_s, data=TAG[:16] + sequence.to_bytes(2) + TAG[18:])


def plain(text: str, at_s: float = 0.0) -> Advert:
    return heard(at_s, service=bthome.SERVICE, data=bytes.fromhex(text))


def sealed(count: int, at_s: float = 0.0) -> Advert:
    nonce = bytes.fromhex("5448e68f80a5d2fc41") + count.to_bytes(4, "little")
    data = AESCCM(KEY, tag_length=4).encrypt(nonce, b"\x02\xca\x09", None)
    body = b"\x41" + data[:-4] + count.to_bytes(4, "little") + data[-4:]
    return heard(at_s, service=bthome.SERVICE, data=body)


class Air:
    """Gives these advertisements, then nothing."""

    def __init__(self, adverts: Iterable[Advert]) -> None:
        self.adverts = list(adverts)
        self.waited_s: list[float] = []

    def read(self, timeout_s: float) -> Advert | None:
        self.waited_s.append(timeout_s)
        return self.adverts.pop(0) if self.adverts else None

    def close(self) -> None: ...

    def sleep(self, seconds: float) -> None: ...


def config(**settings: object) -> BleAdvConfig:
    return BleAdvConfig.model_validate(
        {"id": "tag", "driver": "ble_adv", "address": ADDRESS, "format": "ruuvi", **settings}
    )


def sensor(*adverts: Advert, **settings: object) -> BleAdv:
    air = Air(adverts)
    return BleAdv(config(**settings), air, air)


def new_ones(device: BleAdv) -> list[bool]:
    """For each advertisement, whether it gave something; up to the end of the air."""
    gave: list[bool] = []
    with pytest.raises(DeviceSilent):
        gave.extend(map(bool, device.listen()))
    return gave


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "sensor.key"
    path.write_text(f"{KEY.hex()}\n", encoding="ascii")
    return path


def test_each_format_is_found_in_its_place() -> None:
    atc = heard(service=pvvx.SERVICE, data=bytes.fromhex("aabbcc12345600d72d580b5f2a"))
    for advert, form, degrees in (
        (heard(), "ruuvi", 24.3),
        (plain("40 02ca09"), "bthome", 25.06),
        (atc, "pvvx", 21.5),
    ):
        sample = decode(advert, form)  # pyright: ignore[reportArgumentType]  a tuple forgets literals
        assert sample is not None
        assert sample.measured[T] == pytest.approx(degrees)


@pytest.mark.parametrize("form", ["bthome", "pvvx"])
def test_another_format_is_no_sample(form: str) -> None:
    assert decode(heard(), form) is None  # pyright: ignore[reportArgumentType]  it is one of them


def test_a_repeated_advert_gives_nothing() -> None:
    assert new_ones(sensor(tag(1), tag(1), tag(2), tag(2), tag(1))) == [
        *(True, False, True, False, True)
    ]


def test_a_repeated_packet_id_gives_nothing() -> None:
    adverts = (plain("40 0007 02ca09"), plain("40 0007 02cb09"), plain("40 0008 02ca09"))
    assert new_ones(sensor(*adverts, format="bthome")) == [True, False, True]


def test_a_repeated_payload_without_a_count_gives_nothing() -> None:
    adverts = (plain("40 02ca09"), plain("40 02ca09"), plain("40 02cb09"))
    assert new_ones(sensor(*adverts, format="bthome")) == [True, False, True]


def test_an_old_encrypted_advert_gives_nothing(key_file: Path) -> None:
    adverts = map(sealed, (500, 501, 500, 499, 501, 502))
    device = sensor(*adverts, format="bthome", bind_key_file=key_file)
    assert new_ones(device) == [True, True, False, False, False, True]


def test_a_new_battery_begins_to_count_anew(key_file: Path) -> None:
    adverts = map(sealed, (500, 0, 1, 1, 2))
    device = sensor(*adverts, format="bthome", bind_key_file=key_file)
    assert new_ones(device) == [True, True, True, False, True]


def test_counts_of_the_old_battery_give_nothing_under_the_new_one(key_file: Path) -> None:
    adverts = map(sealed, (500, 501, 0, 1, 500, 501, 2, 502, 503))
    device = sensor(*adverts, format="bthome", bind_key_file=key_file)
    assert new_ones(device) == [*(True,) * 4, False, False, *(True,) * 3]


def test_a_forged_plain_advert_is_a_bad_frame_and_the_true_one_follows(key_file: Path) -> None:
    device = sensor(plain("40 02ff7f"), sealed(5), format="bthome", bind_key_file=key_file)
    with pytest.raises(BadFrame, match="plain advertisement"):
        next(device.listen())
    assert next(device.listen()) == {T: pytest.approx(25.06)}


def test_nothing_heard_in_six_intervals_is_silence() -> None:
    device = sensor(interval_s=5)
    with pytest.raises(DeviceSilent, match="no advertisement in 30 s"):
        next(device.listen())
    assert isinstance(device.link, Air)
    assert device.link.waited_s == [30.0]


def test_repeating_for_six_intervals_is_silence() -> None:
    device = sensor(
        tag(1, 0.0), tag(1, 29.0), tag(1, 30.5), tag(1, 31.0), tag(2, 32.0), interval_s=5
    )
    frames = device.listen()
    assert next(frames)
    assert not next(frames)
    for _ in range(2):
        with pytest.raises(DeviceSilent, match="repeats its last sample"):
            next(device.listen())
    assert next(device.listen())


def test_advertising_something_else_for_six_intervals_is_silence() -> None:
    device = sensor(*(tag(1, at_s) for at_s in (0.0, 20.0, 31.0)), format="pvvx", interval_s=5)
    with pytest.raises(DeviceSilent, match="nothing in the `format` it is configured"):
        next(device.listen())


def test_its_rate_is_that_of_the_sensor() -> None:
    assert config(interval_s=4).samples_per_s == 0.25


def test_an_address_may_be_written_in_small_letters() -> None:
    assert config(address="54:48:e6:8f:80:a5").address == ADDRESS


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"address": "54:48:e6:8f:80"}, "address"),
        ({"format": "xiaomi"}, "format"),
        ({"adapter": "/dev/hci0"}, "adapter"),
        ({"bind_key_file": "/k"}, "take it out"),
        ({"scanning": "never"}, "scanning"),
    ],
)
def test_a_wrong_setting_is_refused(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        config(**settings)


def test_passive_scanning_listens_for_all_three_formats() -> None:
    # company 0x0499, UUIDs 0xfcd2 and 0x181a, least significant byte first as on the air
    assert BleAdvConfig.advert_patterns == (
        (0, 0xFF, b"\x99\x04"),
        (0, 0x16, b"\xd2\xfc"),
        (0, 0x16, b"\x1a\x18"),
    )


def test_a_key_file_is_read(key_file: Path) -> None:
    assert bind_key(key_file) == KEY


@pytest.mark.parametrize("content", ["", "231d39c1", "xyz" * 11, f"{KEY.hex()}00\n", "ключ"])
def test_a_key_file_with_something_else_names_itself(tmp_path: Path, content: str) -> None:
    path = tmp_path / "bad.key"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(Misconfigured, match=r"bind_key_file .*bad\.key"):
        sensor(format="bthome", bind_key_file=path)


def test_a_key_file_that_is_not_there_is_misconfigured(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"none\.key cannot be read"):
        sensor(format="bthome", bind_key_file=tmp_path / "none.key")


def test_what_decryption_needs_is_missed_at_once(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(Misconfigured, match=r"pip install 'edge-gateway\[ble\]'"):
        sensor(format="bthome", bind_key_file=key_file)
