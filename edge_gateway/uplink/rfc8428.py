"""SenML JSON packs as RFC 8428 resolves them, whoever wrote them. Standard library only."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, cast

# RFC 8428's own version; the drafts before it counted up to it. RFC 9100 adds 16 for the
# secondary units of RFC 8798, which change no field.
_VERSION = 10
_WITH_SECONDARY_UNITS = 26
_LONGEST_PACK = 64 << 20
_BASE_LABELS = {"bn", "bt", "bu", "bv", "bs", "bver"}


class BadPack(ValueError):
    """Bytes that are no SenML pack, or none that an edge gateway sent."""


@dataclass(frozen=True, slots=True)
class Record:
    """One resolved SenML record; `time_s` is a date or, below 2**28, relative to now.

    `since_boot_s` is our own label `since_boot`: seconds since the start of a boot without a date.
    """

    name: str
    time_s: float
    unit: str | None = None
    value: float | None = None
    text: str | None = None
    boolean: bool | None = None
    data: str | None = None
    sum: float | None = None
    update_s: float | None = None
    since_boot_s: float | None = None


def parse(payload: bytes) -> list[dict[str, Any]]:
    """The JSON records of a pack, gzip or not. Raises BadPack."""
    try:
        if payload[:2] == b"\x1f\x8b":
            inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
            payload = inflater.decompress(payload, _LONGEST_PACK)
            if not inflater.eof:
                raise BadPack("the gzip stream is cut short or too long")
        found = json.loads(payload)
    except (ValueError, zlib.error, RecursionError) as error:
        raise BadPack(f"not a SenML pack: {error}") from error
    if not isinstance(found, list):
        raise BadPack("a SenML pack is an array")
    records = cast("list[object]", found)
    if not all(isinstance(record, dict) for record in records):
        raise BadPack("a SenML record is an object")
    return cast("list[dict[str, Any]]", records)


def resolve(records: Iterable[Mapping[str, Any]]) -> Iterator[Record]:
    """Apply the base fields (RFC 8428 section 4.6). Raises BadPack."""
    base: dict[str, Any] = {}
    for record in records:
        for label, value in record.items():
            if label in _BASE_LABELS:
                base[label] = value
            elif label.endswith("_"):
                raise BadPack(f"the label {label!r} must be understood and is not")
        version = _number(base, "bver") or _VERSION
        if not (version <= _VERSION or version == _WITH_SECONDARY_UNITS):
            raise BadPack(f"SenML version {version:g} is not known")
        # A record of base fields alone sets them for the others and says nothing itself.
        if record.keys() - _BASE_LABELS:
            yield _resolved(record, base)


def _resolved(record: Mapping[str, Any], base: Mapping[str, Any]) -> Record:
    name = (_text(base, "bn") or "") + (_text(record, "n") or "")
    if not name:
        raise BadPack("a record has no name")
    is_other = bool(record.keys() & {"vs", "vb", "vd"})
    boolean = record.get("vb")
    return Record(
        name,
        (_number(base, "bt") or 0.0) + (_number(record, "t") or 0.0),
        _text(record, "u") if "u" in record else _text(base, "bu"),
        _number(record, "v") if is_other else _sum(base, "bv", record, "v"),
        _text(record, "vs"),
        boolean if isinstance(boolean, bool) else None,
        _text(record, "vd"),
        _sum(base, "bs", record, "s"),
        _number(record, "ut"),
        _number(record, "since_boot"),
    )


def _sum(
    base: Mapping[str, Any], base_label: str, record: Mapping[str, Any], label: str
) -> float | None:
    base_part, part = _number(base, base_label), _number(record, label)
    if base_part is None:
        return part
    return base_part + (part or 0.0)


def _number(record: Mapping[str, Any], label: str) -> float | None:
    value = record.get(label)
    if value is None:
        return None
    try:
        if isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value):
            return float(value)
    except OverflowError:
        pass  # an integer that no double holds
    raise BadPack(f"{label!r} is no number that can be used: {value!r:.40}")


def _text(record: Mapping[str, Any], label: str) -> str | None:
    value = record.get(label)
    if value is None or isinstance(value, str):
        return value
    raise BadPack(f"{label!r} is no text: {value!r:.40}")
