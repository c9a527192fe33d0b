"""Several consumers read one store, each at its own pace; a block goes when all have it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_gateway.outbox import Outbox, decode
from edge_gateway.outbox.cursors import Cursors
from edge_gateway.outbox.records import NewBlock
from edge_gateway.outbox.table import BlockTable
from edge_gateway.reading import Lane, Quantity, Reading

Sample = Callable[..., Reading]
MakeOutbox = Callable[..., Outbox]
TWO = ("main", "city")


def numbers(outbox: Outbox, consumer: str, lane: Lane = Lane.RAW) -> list[int]:
    blocks = outbox.pending(lane, limit=10_000, consumer=consumer)
    return [entry.at.monotonic_ns // 10**9 for block in blocks for entry in decode(block.payload)]


def fill(outbox: Outbox, sample: Sample, upto: int, start: int = 0) -> None:
    """One block for each number."""
    for number in range(start, upto):
        outbox.append([sample(number)])
        outbox.commit()


def take(outbox: Outbox, consumer: str, places: Sequence[int]) -> None:
    blocks = outbox.pending(Lane.RAW, limit=10_000, consumer=consumer)
    outbox.remove([blocks[place].handle for place in places], consumer=consumer)


def rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_one_removal_leaves_the_block_to_the_other(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox(consumers=TWO)
    fill(outbox, sample, 3)
    take(outbox, "main", [0])
    assert (numbers(outbox, "main"), numbers(outbox, "city")) == ([1, 2], [0, 1, 2])


def test_a_block_is_deleted_when_all_have_removed_it(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox(consumers=TWO)
    fill(outbox, sample, 3)
    take(outbox, "main", [0, 1])
    take(outbox, "city", [1, 2])
    outbox.commit()
    assert outbox.stats().blocks == rows(outbox.path, "blocks") == 2


def test_each_ones_removals_survive_a_restart(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox(consumers=TWO)
    fill(outbox, sample, 5)
    take(outbox, "main", [0, 1, 3])
    take(outbox, "city", [4])
    outbox.close()
    outbox = make_outbox(consumers=TWO)
    assert (numbers(outbox, "main"), numbers(outbox, "city")) == ([2, 4], [0, 1, 2, 3])


def test_stats_say_what_each_still_waits_for(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox(consumers=TWO)
    fill(outbox, sample, 4)
    take(outbox, "main", [0, 1, 2])
    waiting = outbox.stats().waiting
    assert (waiting["main"].entries, waiting["city"].entries) == (1, 4)
    outbox.close()
    waiting = make_outbox(consumers=TWO).stats().waiting
    assert (waiting["main"].entries, waiting["city"].entries) == (1, 4)


def test_a_consumer_that_is_not_configured_any_more_is_owed_nothing(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox(consumers=TWO)
    fill(outbox, sample, 4)
    take(outbox, "main", [0, 1, 2])
    outbox.close()
    outbox = make_outbox(consumers=("main",))
    outbox.commit()
    assert numbers(outbox, "main") == [3]
    assert (outbox.stats().blocks, rows(outbox.path, "blocks")) == (1, 1)


def test_a_new_consumer_begins_with_what_is_still_there(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox(consumers=("main",))
    fill(outbox, sample, 3)
    take(outbox, "main", [0])
    outbox.close()
    outbox = make_outbox(consumers=TWO)
    assert (numbers(outbox, "main"), numbers(outbox, "city")) == ([1, 2], [1, 2])


def test_a_set_that_is_exchanged_as_a_whole_begins_anew(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox(consumers=TWO)
    fill(outbox, sample, 3)
    take(outbox, "main", [0])
    outbox.close()
    assert numbers(make_outbox(consumers=("other",)), "other") == [0, 1, 2]


def test_a_lone_consumer_keeps_no_account_of_removals(
    make_outbox: MakeOutbox, sample: Sample
) -> None:
    outbox = make_outbox(consumers=("main",))
    fill(outbox, sample, 5)
    take(outbox, "main", [1, 3])
    outbox.commit()
    assert rows(outbox.path, "removed") == 0


def test_a_long_absence_of_one_costs_a_row_or_two(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox(consumers=TWO)
    for number in range(300):
        # Blocks of another lane lie between, and acknowledgements come out of order.
        outbox.append([sample(number), sample(number, Quantity.PEOPLE)])
        outbox.commit()
        if number % 3 == 2:
            take(outbox, "main", [2, 0, 1])
    outbox.commit()
    assert numbers(outbox, "main") == []
    assert rows(outbox.path, "removed") == 1


def test_a_condemned_block_is_gone_for_all(make_outbox: MakeOutbox, sample: Sample) -> None:
    outbox = make_outbox(consumers=TWO)
    fill(outbox, sample, 2)
    outbox.condemn(outbox.pending(Lane.RAW, consumer="city")[0], "it cannot be read")
    assert (numbers(outbox, "main"), numbers(outbox, "city")) == ([1], [1])
    assert outbox.stats().lost == 1


def test_where_there_are_several_a_method_must_be_told_which(make_outbox: MakeOutbox) -> None:
    outbox = make_outbox(consumers=TWO)
    with pytest.raises(ValueError, match="consumers"):
        outbox.pending(Lane.RAW)


def test_a_name_that_is_none_of_them_is_an_error(make_outbox: MakeOutbox) -> None:
    with pytest.raises(ValueError, match="'town'"):
        make_outbox(consumers=TWO).pending(Lane.RAW, consumer="town")


def test_two_consumers_of_one_name_are_an_error(make_outbox: MakeOutbox) -> None:
    with pytest.raises(ValueError, match="different names"):
        make_outbox(consumers=("main", "main"))


@given(
    st.lists(st.tuples(st.sampled_from(TWO), st.integers(1, 40)), max_size=60),
    st.sets(st.integers(1, 40)),
)
@settings(max_examples=60, deadline=None)
def test_ranges_say_exactly_what_was_removed(
    tmp_path_factory: pytest.TempPathFactory, removals: list[tuple[str, int]], others: set[int]
) -> None:
    """Against plain sets, with the blocks of another lane in between, saved and loaded again."""
    table = BlockTable(
        tmp_path_factory.mktemp("ranges") / "outbox.db", most_bytes=1 << 20, random=Random(1)
    )
    with table.transaction():
        for number in range(1, 41):
            lane = Lane.EVENTS if number in others else Lane.RAW
            table.insert(NewBlock(lane, "boot", 0, 0, 1, b"", "", number))
    cursors = Cursors(TWO, table)
    plain: dict[str, set[int]] = {name: set() for name in TWO}
    for name, number in removals:
        if number in others:
            continue
        plain[name].add(number)
        is_last = cursors.remove(name, Lane.RAW, number)
        assert is_last == all(number in removed for removed in plain.values())
    with table.transaction():
        cursors.save()
    loaded = Cursors(TWO, table)
    table.close()
    for name in TWO:
        raw = [number for number in range(1, 41) if number not in others]
        found = {n for n in raw if loaded.removed_until(name, Lane.RAW, n) is not None}
        assert found == plain[name]
