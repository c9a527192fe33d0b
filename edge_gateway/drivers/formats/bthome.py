"""BTHome version 2 (bthome.io, "Format"): objects of id and value, plain or encrypted."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_gateway.drivers.formats.advert import SERVICE_FIELD, Sample
from edge_gateway.drivers.formats.flags import in_range
from edge_gateway.links.errors import BadFrame, Misconfigured
from edge_gateway.links.frames import shown
from edge_gateway.reading import Flagged, Measurand, Quantity

SERVICE = "0000fcd2-0000-1000-8000-00805f9b34fb"
SERVICE_ON_AIR = b"\xd2\xfc"
PATTERN = (0, SERVICE_FIELD, SERVICE_ON_AIR)

ENCRYPTED, WITH_ADDRESS = 0x01, 0x02
VERSION, VERSION_SHIFT = 2, 5
ADDRESS_BYTES, COUNTER_BYTES, CHECK_BYTES, KEY_BYTES = 6, 4, 4, 16

PACKET_ID = 0x00
TEXT, RAW, COMMAND = 0x53, 0x54, 0x3B  # a length byte follows the id
COMMAND_LENGTH = 0x1F  # of a command it counts only the arguments, in its low five bits


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object that is measured: bytes of its value, unit per count, sign, range."""

    length: int
    quantity: Quantity
    per_count: float
    signed: bool = False
    span: tuple[float, float] = (float("-inf"), float("inf"))


HUMIDITY_RH = LEVEL = (0.0, 100.0)
DIRECTION_DEG = (0.0, 360.0)
KINDS: Mapping[int, Kind] = {
    0x01: Kind(1, Quantity.BATTERY_LEVEL, 1.0, span=LEVEL),
    0x02: Kind(2, Quantity.AIR_TEMPERATURE, 0.01, signed=True),
    0x03: Kind(2, Quantity.RELATIVE_HUMIDITY, 0.01, span=HUMIDITY_RH),
    0x04: Kind(3, Quantity.AIR_PRESSURE, 1.0),  # 0.01 hPa
    0x05: Kind(3, Quantity.ILLUMINANCE, 0.01),
    0x08: Kind(2, Quantity.DEW_POINT, 0.01, signed=True),
    0x0C: Kind(2, Quantity.BATTERY_VOLTAGE, 0.001),
    0x2E: Kind(1, Quantity.RELATIVE_HUMIDITY, 1.0, span=HUMIDITY_RH),
    0x44: Kind(2, Quantity.WIND_SPEED, 0.01),
    0x45: Kind(2, Quantity.AIR_TEMPERATURE, 0.1, signed=True),
    0x57: Kind(1, Quantity.AIR_TEMPERATURE, 1.0, signed=True),
    0x58: Kind(1, Quantity.AIR_TEMPERATURE, 0.35, signed=True),
    0x5E: Kind(2, Quantity.WIND_DIRECTION, 0.01, span=DIRECTION_DEG),
    0x5F: Kind(2, Quantity.PRECIPITATION_SINCE_RESET, 0.1),
}
# Kinds that are stepped over: only their length matters. Counts, masses, energies, gases, buttons,
# doors and the like.
_ONE = {PACKET_ID, 0x09, *range(0x0F, 0x12), *range(0x15, 0x2E), 0x2F, 0x3A, 0x46, 0x59}
_TWO = {0x06, 0x07, 0x0D, 0x0E, *range(0x12, 0x15), 0x3C, 0x3D, 0x3F, 0x40, 0x41, 0x43}
_THREE = {0x0A, 0x0B, 0x42, 0x4B, 0xF2}
_FOUR = {0x3E, *range(0x4C, 0x51), 0x55, 0x5B, 0x5C, 0x62, 0x63, 0xF1}
LENGTHS: Mapping[int, int] = {
    **dict.fromkeys(_ONE | {0x60, 0x64, 0x65}, 1),
    **dict.fromkeys(_TWO | {*range(0x47, 0x4B), 0x51, 0x52, 0x56, 0x5A, 0x5D, 0x61, 0xF0}, 2),
    **dict.fromkeys(_THREE, 3),
    **dict.fromkeys(_FOUR, 4),
    **{identity: kind.length for identity, kind in KINDS.items()},
}
_KEY = re.compile("[0-9A-Fa-f]{32}")


def decode(data: bytes, address: str = "", key: bytes | None = None) -> Sample:
    """Turn service data 0xFCD2 into degC, %RH, Pa, lx, V, m/s, degrees and mm.

    The second object of one quantity, as the gust behind the wind, is its channel "2". An unknown
    object ends the reading, for nothing tells its length; what stood before it is kept. `key` are
    the 16 bytes for encrypted data, `address` the device's; with a key plain data is refused.
    Raises BadFrame on another version, half an object, or data that the key does not open, and
    Misconfigured where the package for decryption is missing.
    """
    if len(data) < 1 or data[0] >> VERSION_SHIFT != VERSION:
        raise BadFrame(f"no BTHome version 2: {shown(data)}")
    body = data[1:]
    if data[0] & WITH_ADDRESS:
        if len(body) < ADDRESS_BYTES:
            raise BadFrame(f"half an address in BTHome {shown(data)}")
        address, body = body[ADDRESS_BYTES - 1 :: -1].hex(), body[ADDRESS_BYTES:]
    counter: int | None = None
    if data[0] & ENCRYPTED:
        counter, body = _opened(body, data[0], address, key)
    elif key is not None:
        # Who may send in the clear can send anything under this address.
        raise BadFrame("a plain advertisement from a device whose data is encrypted")
    mark: int | bytes = data
    measured: dict[Quantity | Measurand, float | Flagged] = {}
    for identity, value in _objects(body):
        if identity == PACKET_ID:
            mark = value[0]
        elif identity in KINDS:
            kind = KINDS[identity]
            number = int.from_bytes(value, "little", signed=kind.signed) * kind.per_count
            measured[_free(kind.quantity, measured)] = in_range(number, kind.span)
    if counter is not None:
        return Sample(measured, counter, only_rises=True)
    return Sample(measured, mark)


def is_encrypted(data: bytes) -> bool:
    """Whether it is service data 0xFCD2 that only a key opens."""
    return len(data) > 0 and data[0] >> VERSION_SHIFT == VERSION and bool(data[0] & ENCRYPTED)


def bind_key(path: Path) -> bytes:
    """The 16 bytes of a key file; Misconfigured names the file and what is wrong with it.

    Also Misconfigured where the package for decryption is missing.
    """
    try:
        first = path.read_text(encoding="ascii").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"bind_key_file {path} cannot be read: {error}") from error
    if _KEY.fullmatch(first) is None:
        raise Misconfigured(f"bind_key_file {path}: its first line is not 32 hex digits")
    key = bytes.fromhex(first)
    opener(key)  # now, and not at the first advertisement
    return key


def nonce(address: str, info: int, counter: bytes) -> bytes:
    """The nonce of an encrypted advertisement (bthome.io, "Encryption")."""
    return bytes.fromhex(address.replace(":", "")) + SERVICE_ON_AIR + bytes((info,)) + counter


def opener(key: bytes) -> Callable[[bytes, bytes], bytes]:
    """What opens sealed bytes (value and check) by their nonce: AES-CCM with a 4-byte check.

    It raises BadFrame where the key does not fit. Misconfigured where `cryptography` is missing.
    """
    # Part of the extra `ble`, which a pole without radio sensors does not have.
    try:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESCCM  # noqa: PLC0415
    except ImportError as error:
        raise Misconfigured(
            "encrypted BTHome needs the package cryptography: pip install 'edge-gateway[ble]'"
        ) from error
    cipher = AESCCM(key, tag_length=CHECK_BYTES)

    def opened(nonce: bytes, sealed: bytes) -> bytes:
        try:
            return cipher.decrypt(nonce, sealed, None)
        except InvalidTag as error:
            raise BadFrame("the bind key does not open the advertisement") from error

    return opened


def _opened(body: bytes, info: int, address: str, key: bytes | None) -> tuple[int, bytes]:
    if key is None:
        # Not Misconfigured: anybody can send such a thing, and it must not end the readings.
        raise BadFrame("an encrypted advertisement: give the device's key as `bind_key_file`")
    head, check = body[:-CHECK_BYTES], body[-CHECK_BYTES:]
    sealed, counter = head[:-COUNTER_BYTES], head[-COUNTER_BYTES:]
    if not sealed:
        raise BadFrame(f"an encrypted advertisement of {len(body)} bytes")
    opened = opener(key)(nonce(address, info, counter), sealed + check)
    return int.from_bytes(counter, "little"), opened


def _objects(body: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(body):
        identity, at = body[at], at + 1
        if identity in {TEXT, RAW, COMMAND}:
            head = body[at : at + 1]
            length = (head[0] & COMMAND_LENGTH) + 1 if identity == COMMAND and head else sum(head)
            at += 1
        elif identity in LENGTHS:
            length = LENGTHS[identity]
        else:
            return
        if at + length > len(body):
            raise BadFrame(f"half an object {identity:#04x} in BTHome {shown(body)}")
        yield identity, body[at : at + length]
        at += length


def _free(
    quantity: Quantity, measured: Mapping[Quantity | Measurand, object]
) -> Quantity | Measurand:
    nth = 1 + sum(
        (key.quantity if isinstance(key, Measurand) else key) is quantity for key in measured
    )
    return quantity if nth == 1 else Measurand(quantity, channel=str(nth))
