"""Recovered blocks and new ones share one row of numbers, and never get into each other's way."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from edge_gateway.outbox import Outbox, decode
from edge_gateway.outbox.memory import seal
from edge_gateway.outbox.quota import insert_all
from edge_gateway.outbox.records import NewBlock
from edge_gateway.outbox.table import BlockTable
from edge_gateway.reading import Lane, Reading

MakeOutbox = Callable[..., Outbox]
Sample = Callable[..., Reading]
BOOT = "0123456789abcdef0123456789abcdef"
PAGE = 1024


def numbers(outbox: Outbox, consumer: str | None = None) -> list[int]:
    return [
        entry.at.monotonic_ns // 10**9
        for block in outbox.pending(Lane.RAW, limit=10_000, consumer=consumer)
        for entry in decode(block.payload)
    ]


def fill(outbox: Outbox, blocks: list[NewBlock]) -> None:
    """Put blocks into a closed store, in one transaction."""
    with closing(sqlite3.connect(outbox.path)) as connection, connection:
        connection.executemany(
            "INSERT INTO blocks (lane, boot, first_us, last_us, entries, bytes, origin, payload)"
            " VALUES ('raw', ?, ?, ?, 1, ?, '', ?)",
            [(BOOT, b.first_us, b.last_us, len(b.payload), b.payload) for b in blocks],
        )


def root_of(path: Path, name: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        return int(connection.execute(query, (name,)).fetchone()[0])


def break_pages(path: Path, *pages: int) -> None:
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE)
            file.write(b"\xff" * PAGE)


def recovered(outbox: Outbox) -> Outbox:
    """The same after so many commits that any recovery is done, or stuck."""
    for _ in range(20):
        outbox.commit()
    assert not outbox.stats().recovering
    return outbox


@pytest.fixture
def table(tmp_path: Path) -> BlockTable:
    return BlockTable(tmp_path / "outbox.db", most_bytes=1 << 20, random=Random(1))


def block(sequence: int | None, origin: str = "") -> NewBlock:
    return NewBlock(Lane.RAW, BOOT, 0, 0, 1, b"payload", origin, sequence)


def keys(table: BlockTable) -> dict[int, str]:
    return {found.handle.sequence: found.key for found in table.scan(Lane.RAW)}


def test_a_block_without_a_number_takes_none_that_comes_with_another(table: BlockTable) -> None:
    with table.transaction():
        insert_all(table, [block(None, "old/9"), block(1, "old/1"), block(2, "old/2")])
    assert keys(table) == {1: "old/1", 2: "old/2", 3: "old/9"}
    table.close()


def test_a_block_whose_number_is_taken_gets_a_new_one_and_keeps_its_key(table: BlockTable) -> None:
    with table.transaction():
        insert_all(table, [block(1, "new/1")])
        insert_all(table, [block(1, "old/1"), block(2, "old/2")])
    assert keys(table) == {1: "new/1", 2: "old/2", 3: "old/1"}
    table.close()


def test_a_store_whose_highest_number_cannot_be_read_is_recovered_in_order(
    filled: Outbox, make_outbox: MakeOutbox, sample: Sample
) -> None:
    """The account of numbers, the index and the youngest blocks are broken at once."""
    last = filled.path.stat().st_size // PAGE
    roots = [root_of(filled.path, name) for name in ("sqlite_sequence", "blocks_by_lane")]
    break_pages(filled.path, *roots, *range(last - 5, last + 1))
    outbox = make_outbox(seed=2)
    outbox.append([sample(1000)])
    found = numbers(recovered(outbox))
    assert len(found) > 300
    assert found == sorted(set(found))
    assert found[-1] == 1000


def test_a_consumer_far_ahead_still_gets_what_is_recovered_later(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    """Its removals before and behind the gap of what is not yet recovered stay two ranges."""
    two = ("main", "city")
    outbox = make_outbox(consumers=two)
    outbox.close()
    fill(outbox, [seal(Lane.RAW, BOOT, [sample(number)]) for number in range(1, 2001)])
    break_pages(outbox.path, root_of(outbox.path, "blocks_by_lane"))
    outbox = make_outbox(seed=2, consumers=two)
    outbox.append([sample(5000)])
    outbox.commit()
    ahead = outbox.pending(Lane.RAW, limit=10_000, consumer="main")
    seen = numbers(outbox, "main")
    outbox.remove([block.handle for block in ahead], consumer="main")
    seen += numbers(recovered(outbox), "main")
    assert sorted(seen) == [*range(1, 2001), 5000]


def test_numbers_that_only_damage_makes_are_not_taken(
    filled: Outbox, make_outbox: MakeOutbox, sample: Sample
) -> None:
    """A store that numbered on above the highest number there is could take nothing any more."""
    with closing(sqlite3.connect(filled.path)) as connection, connection:
        connection.execute("UPDATE blocks SET sequence = ? WHERE sequence = 400", (2**63 - 1,))
        connection.execute("UPDATE sqlite_sequence SET seq = ?", (2**63 - 1,))
    break_pages(filled.path, root_of(filled.path, "blocks_by_lane"))
    outbox = make_outbox(seed=2)
    outbox.append([sample(1000)])
    found = numbers(recovered(outbox))
    assert found == [*range(1, 400), 1000]


def test_a_store_that_was_set_aside_is_read_without_a_trace(
    filled: Outbox, make_outbox: MakeOutbox
) -> None:
    break_pages(filled.path, root_of(filled.path, "blocks_by_lane"))
    outbox = recovered(make_outbox(seed=2))
    found = sorted(path.name for path in outbox.path.parent.glob("*.corrupt-*"))
    assert found == ["outbox.db.corrupt-1"]
