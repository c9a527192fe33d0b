"""Kept until acknowledged: the store of committed readings and events."""

from edge_gateway.outbox.block import decode, encode, unpack
from edge_gateway.outbox.columns import Columns, Mark, Series, round_value
from edge_gateway.outbox.packing import BadBlock
from edge_gateway.outbox.records import (
    Committed,
    Handle,
    LaneStats,
    OutboxError,
    OutboxStats,
    Recovery,
    StoredBlock,
)
from edge_gateway.outbox.store import Outbox

__all__ = [
    "BadBlock",
    "Columns",
    "Committed",
    "Handle",
    "LaneStats",
    "Mark",
    "Outbox",
    "OutboxError",
    "OutboxStats",
    "Recovery",
    "Series",
    "StoredBlock",
    "decode",
    "encode",
    "round_value",
    "unpack",
]
