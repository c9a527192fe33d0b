"""SenML CBOR (RFC 8428 section 6) as the same records in JSON. Standard library only."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final, cast

from edge_gateway.uplink.decoders import cbor
from edge_gateway.uplink.rfc8428 import BadPack

LABELS: Final[Mapping[int, str]] = {
    -1: "bver",
    -2: "bn",
    -3: "bt",
    -4: "bu",
    -5: "bv",
    -6: "bs",
    0: "n",
    1: "u",
    2: "v",
    3: "vs",
    4: "vb",
    5: "s",
    6: "t",
    7: "ut",
    8: "vd",
}
"""RFC 8428 table 4."""


def as_json(payload: bytes) -> bytes:
    """The pack in SenML JSON, whose decoder then says what it means. Raises BadPack."""
    found = cbor.loads(payload)
    if not isinstance(found, list):
        raise BadPack("a SenML pack is an array")
    records = [_record(record) for record in cast("list[object]", found)]
    try:
        return json.dumps(records, allow_nan=False).encode()
    except (TypeError, ValueError) as error:
        raise BadPack(f"a SenML record holds what it cannot: {error}") from error


def _record(record: object) -> dict[str, object]:
    if not isinstance(record, dict):
        raise BadPack("a SenML record is a map")
    pairs = cast("dict[int | str, object]", record).items()
    return {_label(label): value for label, value in pairs}


def _label(label: int | str) -> str:
    if isinstance(label, str):
        return label
    if label not in LABELS:
        raise BadPack(f"the SenML label {label} is not known")
    return LABELS[label]
