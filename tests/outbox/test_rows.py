"""Readings in columns become the same blocks as readings one by one."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import chain

from hypothesis import given, settings
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
NOT_FINITE = st.sampled_from([math.nan, math.inf])
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


TURN = st.lists(st.sampled_from(KINDS), min_size=1, max_size=3)
VALUES = st.one_of(st.integers(0, 10**7).map(float), st.floats(-1e300, 1e300), NOT_FINITE)


@given(TURN, st.lists(st.tuples(VALUES, st.integers(0, 5000)), min_size=1, max_size=40))
def test_sensors_that_are_read_in_turn_are_taken_apart_as_any_others(
    turn: list[Measurand], table: list[tuple[float, int]]
) -> None:
    measurands = (turn * len(table))[: len(table)]
    values = [value for value, _ in table]
    flags = [Flag.MISSING if math.isnan(value) else Flag.GOOD for value in values]
    times_ns = [time * 100 for _, time in table]
    whole = Rows("dev", "boot", measurands, values, flags, [()] * len(table), times_ns)
    assert rows_to_columns([whole]) == to_columns(whole.readings())
    middle = len(table) // 2
    if middle:
        parts = [whole.part(0, middle), whole.part(middle, len(table))]
        assert rows_to_columns(parts) == rows_to_columns([whole])


def test_rows_of_two_devices_stay_those_of_two_devices() -> None:
    one = rows([(KINDS[0], 1.0, Flag.GOOD, (), 1)])
    columns = rows_to_columns([one, replace(one, device="other"), one])
    assert [(part.device, len(part.times_us)) for part in columns.series] == [
        ("dev", 2),
        ("other", 1),
    ]


@given(st.lists(st.sampled_from(KINDS), max_size=20))
def test_the_last_row_of_each_measurand_is_found(measurands: list[Measurand]) -> None:
    plain = [0.0] * len(measurands), [Flag.GOOD] * len(measurands), [()] * len(measurands)
    found = Rows("dev", "boot", measurands, *plain, [0] * len(measurands)).kinds
    assert found == {measurand: row for row, measurand in enumerate(measurands)}


# Some 18,000 rows an example.
@settings(max_examples=40)
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
