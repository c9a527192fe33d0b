"""How what passed on a wire reads in a talk, and back: bytes, 1-Wire slave files, BLE adverts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from edge_gateway.links.contract import Advert

_BASE_UUID = "-0000-1000-8000-00805f9b34fb"
_HEAD = re.compile(r"(-?\d{1,3}) dBm(?: (public|random))?")
_PART = re.compile(r"(manufacturer|service) ([0-9a-f-]+)((?: [0-9a-f]{2})*)")
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHORT_UUID = re.compile("[0-9a-f]{4}")
_HIGHEST_COMPANY = 0xFFFF
_AS_HEX = "hex "


def plain(text: str) -> str:
    """The text on one line, without the sign that begins a comment."""
    return " ".join(text.replace("#", "").split())


def remark(data: bytes) -> str:
    """What bytes say as ASCII, as a comment behind them; empty where most of them say nothing."""
    shown = "".join(chr(byte) if 0x20 <= byte < 0x7F and byte != ord("#") else "." for byte in data)  # noqa: PLR2004 - printable ASCII but the sign of a comment
    return f"  # {shown}" if 2 * shown.count(".") < len(data) else ""


def w1_lines(data: bytes) -> tuple[str, ...]:
    """The text of a slave's file as lines of a talk; in hex where lines would not give it back."""
    lines = tuple(data.decode("latin-1").removesuffix("\n").split("\n"))
    readable = all(line.isascii() and line.isprintable() and "#" not in line for line in lines)
    if readable and not lines[0].startswith(_AS_HEX):
        back = all(line and line == line.strip() for line in lines)
        if back and data == w1_bytes(lines):
            return lines
    return (f"{_AS_HEX}{data.hex(' ')}",)


def w1_bytes(lines: Sequence[str]) -> bytes:
    """What `w1_lines` was given; ValueError for hex that is none."""
    if lines[0].startswith(_AS_HEX):
        if len(lines) > 1:
            raise ValueError("hex bytes stand on one line")
        return bytes.fromhex(lines[0].removeprefix(_AS_HEX))
    return "".join(f"{line}\n" for line in lines).encode("latin-1")


def advert_lines(advert: Advert) -> tuple[str, ...]:
    """An advertisement but for its address: how loud, then a line for each part of its data."""
    head = f"{advert.rssi_dbm} dBm {advert.address_type}".rstrip()
    companies = (
        f"manufacturer {company:04x} {data.hex(' ')}".rstrip()
        for company, data in advert.manufacturer_data.items()
    )
    services = (
        f"service {_short(uuid)} {data.hex(' ')}".rstrip()
        for uuid, data in advert.service_data.items()
    )
    return (head, *companies, *services)


def advert_of(address: str, heard_s: float, head: str, parts: Sequence[str]) -> Advert:
    """What `advert_lines` was given; ValueError says which line is none of its."""
    loudness = _HEAD.fullmatch(head)
    if loudness is None:
        raise ValueError(f"{head!r} is not `RSSI dBm`, public or random behind it where known")
    companies: dict[int, bytes] = {}
    services: dict[str, bytes] = {}
    for part in parts:
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(f"{part!r} is not `manufacturer|service ID BYTES`")
        kind, identity, data = match[1], match[2], bytes.fromhex(match[3])
        if kind == "service":
            services[_full(identity)] = data
        else:
            companies[_company(identity)] = data
    return Advert(address, int(loudness[1]), companies, services, heard_s, loudness[2] or "")


def _short(uuid: str) -> str:
    begins, ends = uuid.startswith("0000"), uuid.endswith(_BASE_UUID)
    return uuid[4:8] if begins and ends else uuid


def _full(written: str) -> str:
    if _SHORT_UUID.fullmatch(written):
        return f"0000{written}{_BASE_UUID}"
    if not _UUID.fullmatch(written):
        raise ValueError(f"{written!r} is no UUID of a service")
    return written


def _company(written: str) -> int:
    company = int(written, 16)
    if not 0 <= company <= _HIGHEST_COMPANY:
        raise ValueError(f"{written!r} is no company id")
    return company
