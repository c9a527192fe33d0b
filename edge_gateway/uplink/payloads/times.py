"""Stamps as ISO 8601 texts, where a batch has dates to give."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from edge_gateway.uplink.batch import Batch, Dating

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DATED = frozenset({Dating.SYNCED, Dating.HOLDOVER})


def date_offset_us(batch: Batch) -> int | None:
    """Microseconds to add to a stamp for its date; None where the batch has no dates to give."""
    return batch.dates.offset_us if batch.dates.dating in _DATED else None


def iso8601(unix_us: int, zone: tzinfo = UTC) -> str:
    """Milliseconds where they say it all, else microseconds; `Z` for UTC."""
    moment = (_EPOCH + timedelta(microseconds=unix_us)).astimezone(zone)
    text = moment.isoformat(timespec="microseconds" if unix_us % 1000 else "milliseconds")
    return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
