"""A store of an older version is read on, and nothing of it is lost or numbered anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from edge_gateway.outbox import Outbox, decode
from edge_gateway.outbox.schema import SCHEMA_VERSION
from edge_gateway.reading import Event, Lane, Reading

MakeOutbox = Callable[..., Outbox]
OLD_STORE = Path(__file__).with_name("store_version_1.sql")


def old_store(folder: Path) -> None:
    folder.mkdir()
    with closing(sqlite3.connect(folder / "outbox.db")) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.executescript(OLD_STORE.read_text(encoding="utf-8"))


def test_what_an_older_version_stored_is_delivered(tmp_path: Path, make_outbox: MakeOutbox) -> None:
    old_store(tmp_path / "outbox")
    outbox = make_outbox()
    raw = [e for block in outbox.pending(Lane.RAW, limit=9) for e in decode(block.payload)]
    events = [e for block in outbox.pending(Lane.EVENTS, limit=9) for e in decode(block.payload)]
    # Blocks of ten: 10.0 up in tenths for each, 0.250123 s apart; the first was delivered.
    assert [(r.value, r.at.monotonic_ns) for r in raw if isinstance(r, Reading)] == [
        (round(20 + block + place / 10, 1), (block * 10 + place) * 250_123_000)
        for block in (1, 2, 3)
        for place in range(10)
    ]
    assert [event.text for event in events if isinstance(event, Event)] == ["e0", "e1", "e2", "e3"]


def test_keys_and_numbers_go_on(
    tmp_path: Path, make_outbox: MakeOutbox, sample: Callable[..., Reading]
) -> None:
    old_store(tmp_path / "outbox")
    outbox = make_outbox()
    outbox.append([sample(1)])
    outbox.commit()
    keys = [block.key for block in outbox.pending(Lane.RAW, limit=9)]
    assert keys == [f"4164d8399f767c45/{number}" for number in (4, 6, 8, 9)]


def test_after_the_upgrade_the_store_is_of_this_version(
    tmp_path: Path, make_outbox: MakeOutbox
) -> None:
    old_store(tmp_path / "outbox")
    make_outbox(consumers=("main", "city")).close()
    with closing(sqlite3.connect(tmp_path / "outbox" / "outbox.db")) as connection:
        version = connection.execute("PRAGMA user_version").fetchone()[0]
    assert version == SCHEMA_VERSION
    assert make_outbox().stats().entries == 34
