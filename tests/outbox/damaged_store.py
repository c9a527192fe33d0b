"""What the tests of a recovery do to a store, and what they look at afterwards."""

from __future__ import annotations

from pathlib import Path

from edge_gateway.outbox import Outbox, decode
from edge_gateway.reading import Event, Lane


def numbers(outbox: Outbox) -> list[int]:
    """The samples that wait, by their stamps in seconds."""
    return [
        entry.at.monotonic_ns // 10**9
        for block in outbox.pending(Lane.RAW, limit=10_000)
        for entry in decode(block.payload)
    ]


def told(outbox: Outbox) -> list[Event]:
    """The events that wait."""
    blocks = outbox.pending(Lane.EVENTS, limit=99)
    entries = [entry for block in blocks for entry in decode(block.payload)]
    return [entry for entry in entries if isinstance(entry, Event)]


def overwrite(path: Path, start: int, data: bytes) -> None:
    """Put other bytes into a file, which stays as long as it is."""
    with path.open("r+b") as file:
        file.seek(start)
        file.write(data)
