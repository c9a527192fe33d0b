"""A large damaged store is recovered beside the work; no power cut on the way costs anything."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable
from contextlib import closing
from random import Random

import pytest

from edge_gateway.outbox import Outbox
from edge_gateway.outbox.memory import seal
from edge_gateway.reading import Flag, Lane, Measurand, Quantity, Reading, Stamp
from tests.outbox.damaged_store import numbers, overwrite, told

MakeOutbox = Callable[..., Outbox]
PAGE = 1024
WIND = Measurand(Quantity.WIND_SPEED)
BOOT = "0123456789abcdef0123456789abcdef"


def many(outbox: Outbox, count: int) -> None:
    """Put blocks of one reading each into a closed store, in one transaction."""
    rows = [
        (BOOT, block.first_us, block.last_us, len(block.payload), block.payload)
        for number in range(1, count + 1)
        if (
            block := seal(
                Lane.RAW,
                BOOT,
                [Reading("dev", WIND, 1.0, Flag.GOOD, Stamp(BOOT, number * 10**9))],
            )
        )
    ]
    with closing(sqlite3.connect(outbox.path)) as connection, connection:
        connection.executemany(
            "INSERT INTO blocks (lane, boot, first_us, last_us, entries, bytes, origin, payload)"
            " VALUES ('raw', ?, ?, ?, 1, ?, '', ?)",
            rows,
        )


@pytest.fixture
def large(make_outbox: MakeOutbox) -> Outbox:
    """A closed outbox of 3000 blocks, damaged in the middle."""
    outbox = make_outbox()
    outbox.close()
    many(outbox, 3000)
    middle = outbox.path.stat().st_size // 2 // PAGE
    overwrite(outbox.path, middle * PAGE, b"\xff" * PAGE)
    return outbox


@pytest.mark.usefixtures("large")
def test_a_large_store_is_recovered_beside_the_work(
    make_outbox: MakeOutbox, sample: Callable[..., Reading]
) -> None:
    outbox = make_outbox(seed=2)
    at_start = numbers(outbox)
    outbox.append([sample(5000)])
    commits = 0
    while outbox.stats().recovering:
        outbox.commit()
        commits += 1
    found = numbers(outbox)
    assert len(at_start) == 500
    assert commits > 4
    # In order and complete but for what the page held, and before what came after the damage.
    assert found == sorted(set(found))
    assert found[-1] == 5000
    assert len(found) > 2950
    assert [event.kind for event in told(outbox)] == ["store_damaged", "store_recovered"]
    assert told(outbox)[-1].text.startswith(f"{len(found) - 1} entries in {len(found) - 1} blocks")


@pytest.mark.usefixtures("large")
def test_an_interrupted_recovery_goes_on_where_it_was(
    make_outbox: MakeOutbox,
) -> None:
    outbox = make_outbox(seed=2)
    outbox.commit()
    outbox.close()
    half = numbers(outbox := make_outbox(seed=3))
    while outbox.stats().recovering:
        outbox.commit()
    found = numbers(outbox)
    assert len(half) < len(found)
    assert len(found) > 2950
    assert found == sorted(set(found))
    assert not outbox.path.with_name("outbox.db.corrupt-2").exists()


@pytest.mark.usefixtures("large")
def test_recovered_blocks_announce_themselves_to_who_reads_by_position(
    make_outbox: MakeOutbox,
) -> None:
    outbox = make_outbox(seed=2)
    before = outbox.backlog_epoch
    outbox.commit()
    assert outbox.backlog_epoch == before + 1


@pytest.mark.parametrize("moved", ["none", "log", "all"])
def test_a_power_cut_while_a_store_is_set_aside_costs_nothing(
    filled: Outbox, make_outbox: MakeOutbox, moved: str
) -> None:
    """The states of the folder between two renames, as they are after the cut."""
    overwrite(filled.path, 10 * PAGE, b"\xff" * PAGE)
    kept = filled.path.with_name("outbox.db.corrupt-1")
    filled.path.with_name("outbox.db.recover").write_text(f"{kept.name}\nbad page", "utf-8")
    if moved == "log":
        filled.path.with_name("outbox.db-wal").write_bytes(b"")
        filled.path.with_name("outbox.db-wal").rename(kept.with_name(kept.name + "-wal"))
    if moved == "all":
        filled.path.rename(kept)
    outbox = make_outbox(seed=2)
    assert outbox.recovery is not None
    assert (outbox.recovery.kept_as, outbox.recovery.cause) == (kept, "bad page")
    assert len(numbers(outbox)) > 350
    outbox.close()
    outbox = make_outbox(seed=3)
    assert outbox.recovery is None
    assert [event.kind for event in told(outbox)] == ["store_damaged", "store_recovered"]


def test_what_consumers_had_removed_of_a_damaged_store_stays_removed(
    make_outbox: MakeOutbox, sample: Callable[..., Reading]
) -> None:
    outbox = make_outbox(consumers=("main", "city"))
    for number in range(100):
        outbox.append([sample(number)])
        outbox.commit()
    handles = [b.handle for b in outbox.pending(Lane.RAW, limit=60, consumer="main")]
    outbox.remove(handles, consumer="main")
    outbox.close()
    with closing(sqlite3.connect(outbox.path)) as connection:
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'blocks_by_lane'"
        ).fetchone()
    overwrite(outbox.path, (root - 1) * 1024, b"\xff" * 1024)
    outbox = make_outbox(seed=2, consumers=("main", "city"))
    assert outbox.recovery is not None
    waiting = outbox.stats().waiting
    assert (waiting["main"].entries - 2, waiting["city"].entries - 2) == (40, 100)


def test_damage_in_the_index_of_a_file_too_large_to_be_checked_stops_no_start(
    make_outbox: MakeOutbox,
) -> None:
    outbox = make_outbox()
    outbox.close()
    chance = Random(1)
    with closing(sqlite3.connect(outbox.path)) as connection, connection:
        connection.executemany(
            "INSERT INTO blocks (lane, boot, first_us, last_us, entries, bytes, origin, payload)"
            " VALUES ('raw', ?, 0, 0, 1, 3000, '', ?)",
            [(BOOT, sealed(chance.randbytes(2995))) for _ in range(1700)],
        )
        (root,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'blocks_by_lane'"
        ).fetchone()
    assert outbox.path.stat().st_size > 5_000_000
    overwrite(outbox.path, (root - 1) * 1024, b"\xff" * 1024)
    outbox = make_outbox(seed=2)
    while outbox.stats().recovering:
        outbox.commit()
    assert outbox.stats().lanes[Lane.RAW].blocks == 1700


def sealed(body: bytes) -> bytes:
    """A block whose head is right, whatever it holds."""
    return b"\x03" + zlib.crc32(body).to_bytes(4, "little") + body
