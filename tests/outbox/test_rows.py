"""Readings in columns become the same blocks as readings one by one."""

from __future__ import annotations

from itertools import chain

from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.outbox import memory
from edge_gateway.outbox.block import decode
from edge_gateway.outbox.columns import rows_to_columns, to_columns
from edge_gateway.outbox.memory import Waiting
from edge_gateway.reading import Flag, Lane, Measurand, Quantity, Reading, Rows

KINDS = [
    Measurand(Quantity.NUMBER, "a"),
    Measurand(Quantity.NUMBER, "b"),
    Measurand(Quantity.AIR_TEMPERATURE),
]
ROW = st.tuples(
    st.sampled_from(KINDS),
    st.floats(-50, 50),
    st.sampled_from([Flag.GOOD, Flag.GOOD, Flag.FAIL]),
    st.sampled_from([(), (), ("range",)]),
    st.integers(0, 10**12),
)
GOOD = st.tuples(
    st.sampled_from(KINDS), st.floats(-50, 50), st.just(Flag.GOOD), st.just(()), st.integers(0, 99)
)


def rows(table: list[tuple[Measurand, float, Flag, tuple[str, ...], int]]) -> Rows:
    return Rows("dev", "boot", *map(list, zip(*table, strict=True)))


@given(st.lists(st.lists(ROW | GOOD, min_size=1), min_size=1, max_size=3))
def test_columns_are_the_same_by_either_road(
    tables: list[list[tuple[Measurand, float, Flag, tuple[str, ...], int]]],
) -> None:
    parts = list(map(rows, tables))
    assert rows_to_columns(parts) == to_columns(chain(*(part.readings() for part in parts)))


@given(st.lists(st.integers(1, 9500), min_size=1, max_size=4))
def test_blocks_hold_every_row_once_and_none_too_many(sizes: list[int]) -> None:
    waiting, number = Waiting(), 0
    for size in sizes:
        values = list(map(float, range(number, number + size)))
        number += size
        plain = [Flag.GOOD] * size, [()] * size, [n * 10**6 for n in range(size)]
        assert waiting.add_rows(Rows("dev", "boot", KINDS[:1] * size, values, *plain)) == number
    assert len(waiting) == number
    taken = waiting.take()
    assert taken.through == number
    assert max(block.entries for block in taken.blocks) <= memory.MOST_ENTRIES
    entries = [entry for block in taken.blocks for entry in decode(block.payload)]
    assert [e.value for e in entries if isinstance(e, Reading)] == list(range(number))
    assert len(waiting) == 0


def test_rows_of_two_lanes_go_two_ways() -> None:
    waiting = Waiting()
    table = [(KINDS[0], 1.0, Flag.GOOD, (), 1), (Measurand(Quantity.PEOPLE), 2.0, Flag.GOOD, (), 2)]
    waiting.add_rows(rows(table))
    assert waiting.take([Lane.COUNTS]).through == 0
    assert waiting.take().through == 2
