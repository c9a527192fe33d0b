"""SenML JSON packs as RFC 8428 resolves them, whoever wrote them. Standard library only."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

# RFC 8428's own version, and the same with the secondary units of RFC 8798 (RFC 9100).
_VERSIONS = {10, 26}
_LONGEST_PACK = 64 << 20


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
    base: dict[str, Any] = {"bn": "", "bt": 0, "bu": None, "bv": None, "bs": None, "bver": 10}
    for record in records:
        for label, value in record.items():
            if label in base:
                base[label] = value
            elif label.endswith("_"):
                raise BadPack(f"the label {label!r} must be understood and is not")
        if base["bver"] not in _VERSIONS:
            raise BadPack(f"SenML version {base['bver']} is not known")
        try:
            resolved = _resolved(record, base)
        except (TypeError, ValueError) as error:
            raise BadPack(f"a field of {dict(record)} has the wrong type: {error}") from error
        # A record of base fields alone sets them for the others and says nothing itself.
        if record.keys() - base.keys():
            if not resolved.name:
                raise BadPack("a record has no name")
            yield resolved


def _resolved(record: Mapping[str, Any], base: Mapping[str, Any]) -> Record:
    value, total = record.get("v"), record.get("s")
    if base["bv"] is not None and (value is not None or not record.keys() & {"vs", "vb", "vd"}):
        value = base["bv"] + (value or 0)
    if base["bs"] is not None:
        total = base["bs"] + (total or 0)
    return Record(
        str(base["bn"]) + str(record.get("n", "")),
        float(base["bt"] + record.get("t", 0)),
        record.get("u", base["bu"]),
        None if value is None else float(value),
        record.get("vs"),
        record.get("vb"),
        record.get("vd"),
        None if total is None else float(total),
        record.get("ut"),
        record.get("since_boot"),
    )
