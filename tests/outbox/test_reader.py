"""Looking into a store from outside: live, left behind or damaged, and never in anybody's way."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from edge_gateway.outbox import Outbox, OutboxError, OutboxReader, decode
from edge_gateway.reading import Lane, Quantity, Reading

Sample = Callable[..., Reading]
MakeOutbox = Callable[..., Outbox]


def fill(outbox: Outbox, sample: Sample, count: int, start: int = 0) -> None:
    for number in range(start, start + count):
        outbox.append([sample(number)])
        outbox.commit()


def numbers(reader: OutboxReader, limit: int | None = None) -> list[int]:
    return [
        entry.at.monotonic_ns // 10**9
        for block in reader.blocks(Lane.RAW, limit)
        for entry in decode(block.payload)
    ]


def test_a_live_store_shows_what_is_committed(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()
    fill(outbox, sample, 3)
    outbox.append([sample(9), sample(4, Quantity.PEOPLE)])
    with OutboxReader(outbox.path) as reader:
        assert (reader.store, numbers(reader)) == (outbox.store, [0, 1, 2])
        outbox.commit()
        assert numbers(reader) == [0, 1, 2, 9]
        assert reader.stats()[Lane.COUNTS].entries == 1


def test_a_reader_between_two_blocks_stops_nobody(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()
    fill(outbox, sample, 250)
    with OutboxReader(outbox.path) as reader:
        blocks = reader.blocks(Lane.RAW)
        next(blocks)
        fill(outbox, sample, 5, 250)
        outbox.remove(block.handle for block in outbox.pending(Lane.RAW, limit=1000))
        assert outbox.commit().trouble == ""
        assert 90 < sum(1 for _ in blocks) < 250


def test_a_limit_is_kept(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()
    fill(outbox, sample, 5)
    with OutboxReader(outbox.path) as reader:
        assert numbers(reader, 2) == [0, 1]
        assert numbers(reader, 0) == []


def test_a_store_left_behind_is_read_without_leaving_a_trace(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox()
    fill(outbox, sample, 3)
    outbox.close()
    before = sorted(outbox.path.parent.iterdir()), outbox.path.read_bytes()
    with OutboxReader(outbox.path) as reader:
        assert numbers(reader) == [0, 1, 2]
    assert (sorted(outbox.path.parent.iterdir()), outbox.path.read_bytes()) == before


def test_of_a_damaged_store_the_rest_is_read(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox()
    fill(outbox, sample, 400)
    outbox.close()
    kept = outbox.path.rename(outbox.path.with_name("outbox.db.corrupt-1"))
    with kept.open("r+b") as file:
        file.seek(20 << 10)
        file.write(b"\xff" * 1024)
    with OutboxReader(kept) as reader:
        found = numbers(reader)
    assert 350 < len(found) < 400


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000])
def test_what_is_no_store_is_an_error_that_says_so(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "outbox.db").write_bytes(content)
    with pytest.raises(OutboxError, match="cannot be read as an outbox"):
        OutboxReader(tmp_path / "outbox.db")


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(OutboxError, match="there is no store"):
        OutboxReader(tmp_path / "outbox.db")
    assert list(tmp_path.iterdir()) == []
