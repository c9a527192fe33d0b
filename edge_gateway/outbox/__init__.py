"""Kept until acknowledged: the store of committed readings and events."""

from edge_gateway.outbox.block import decode, encode, unpack
from edge_gateway.outbox.capacity import holds, outage_bytes, quota_for
from edge_gateway.outbox.columns import Columns, Mark, Series, round_value
from edge_gateway.outbox.packing import BadBlock
from edge_gateway.outbox.reader import OutboxReader
from edge_gateway.outbox.records import (
    BootClock,
    Committed,
    Handle,
    LaneStats,
    OutboxError,
    OutboxStats,
    Recovery,
    StoredBlock,
)
from edge_gateway.outbox.store import ONLY_CONSUMER, Outbox
from edge_gateway.outbox.thinning import Thin

__all__ = [
    "ONLY_CONSUMER",
    "BadBlock",
    "BootClock",
    "Columns",
    "Committed",
    "Handle",
    "LaneStats",
    "Mark",
    "Outbox",
    "OutboxError",
    "OutboxReader",
    "OutboxStats",
    "Recovery",
    "Series",
    "StoredBlock",
    "Thin",
    "decode",
    "encode",
    "holds",
    "outage_bytes",
    "quota_for",
    "round_value",
    "unpack",
]
