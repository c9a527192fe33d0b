"""A damaged store never stops the start; it is kept, and what can be read of it goes on."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from edge_gateway.outbox import Outbox, OutboxError, decode
from edge_gateway.reading import Lane, Reading
from tests.outbox.damaged_store import numbers, overwrite, told

MakeOutbox = Callable[..., Outbox]
PAGE = 4096


def test_a_file_of_garbage_is_set_aside_as_it_was(filled: Outbox, make_outbox: MakeOutbox) -> None:
    filled.path.write_bytes(b"garbage" * 1000)
    outbox = make_outbox()
    kept = filled.path.with_name("outbox.db.corrupt-1")
    assert kept.read_bytes() == b"garbage" * 1000
    assert numbers(outbox) == []


def test_a_set_aside_store_is_told_as_an_event(filled: Outbox, make_outbox: MakeOutbox) -> None:
    filled.path.write_bytes(b"garbage" * 1000)
    outbox = make_outbox()
    outbox.commit()
    first, last = told(outbox)
    assert (first.kind, first.subject) == ("store_damaged", "outbox")
    assert "outbox.db.corrupt-1" in first.text
    assert (last.kind, last.text.split()[0]) == ("store_recovered", "0")


@pytest.mark.parametrize("page", [5, 10, 15])
def test_around_a_damaged_page_everything_is_recovered(
    filled: Outbox, make_outbox: MakeOutbox, page: int
) -> None:
    overwrite(filled.path, page * PAGE, b"\xff" * PAGE)
    outbox = make_outbox()
    assert outbox.recovery is not None
    found = numbers(outbox)
    assert outbox.recovery.blocks == len(found) >= 350
    assert found == sorted(set(found))


def test_of_a_file_cut_short_the_beginning_is_recovered(
    filled: Outbox, make_outbox: MakeOutbox
) -> None:
    data = filled.path.read_bytes()
    filled.path.write_bytes(data[: len(data) // PAGE // 2 * PAGE])
    outbox = make_outbox()
    found = numbers(outbox)
    assert len(found) > 100
    assert found == sorted(set(found))


def test_recovered_blocks_keep_the_keys_they_had(filled: Outbox, make_outbox: MakeOutbox) -> None:
    overwrite(filled.path, 10 * PAGE, b"\xff" * PAGE)
    outbox = make_outbox(seed=2)
    assert outbox.store != filled.store
    for block in outbox.pending(Lane.RAW, limit=10_000):
        (entry,) = decode(block.payload)
        assert block.key == f"{filled.store}/{entry.at.monotonic_ns // 10**9}"


def test_a_recovered_block_can_be_recovered_again_under_its_first_key(
    filled: Outbox, make_outbox: MakeOutbox
) -> None:
    overwrite(filled.path, 10 * PAGE, b"\xff" * PAGE)
    make_outbox(seed=2).close()
    overwrite(filled.path, 12 * PAGE, b"\xff" * PAGE)
    outbox = make_outbox(seed=3)
    assert filled.path.with_name("outbox.db.corrupt-2").exists()
    keys = [block.key for block in outbox.pending(Lane.RAW, limit=10_000)]
    assert len(keys) > 300
    assert all(key.startswith(f"{filled.store}/") for key in keys)


def test_a_block_with_a_damaged_payload_is_not_taken_for_a_good_one(
    filled: Outbox, make_outbox: MakeOutbox
) -> None:
    with closing(sqlite3.connect(filled.path)) as connection, connection:
        connection.execute("UPDATE blocks SET payload = x'0011' WHERE sequence = 7")
    overwrite(filled.path, 15 * PAGE, b"\xff" * PAGE)
    found = numbers(make_outbox())
    assert 7 not in found
    assert {6, 8} <= set(found)


def test_a_database_of_something_else_is_set_aside(filled: Outbox, make_outbox: MakeOutbox) -> None:
    filled.path.unlink()
    with closing(sqlite3.connect(filled.path)) as connection, connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    outbox = make_outbox()
    assert outbox.recovery is not None
    assert numbers(outbox) == []


def test_an_empty_file_becomes_a_store(filled: Outbox, make_outbox: MakeOutbox) -> None:
    filled.path.write_bytes(b"")
    assert make_outbox().recovery is None


def test_damage_found_while_running_costs_only_what_it_hit(
    filled: Outbox, make_outbox: MakeOutbox, sample: Callable[..., Reading]
) -> None:
    outbox = make_outbox()
    # Somebody else's write empties the cache of the open connection, so that it reads the damage.
    with closing(sqlite3.connect(filled.path)) as other:
        with other:
            other.execute("UPDATE blocks SET last_us = 0 WHERE sequence = 400")
        overwrite(filled.path, 10 * PAGE, b"\xff" * PAGE)
        outbox.pending(Lane.RAW, limit=10_000)
    outbox.append([sample(1000)])
    assert outbox.commit().trouble == ""
    found = numbers(outbox)
    assert len(found) > 350
    assert found[-1] == 1000
    assert filled.path.with_name("outbox.db.corrupt-1").exists()


def test_a_store_of_a_newer_version_is_left_alone(filled: Outbox, make_outbox: MakeOutbox) -> None:
    with closing(sqlite3.connect(filled.path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    before = filled.path.read_bytes()
    with pytest.raises(OutboxError, match="newer edge-gateway"):
        make_outbox()
    assert filled.path.read_bytes() == before
