"""Lines are cut from the stream however it is split, and no line makes memory grow."""

from __future__ import annotations

from itertools import cycle

from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.links import local_client
from edge_gateway.links.local_client import CHUNK, LONGEST_LINE, LineCutter

SHORT = st.binary(max_size=12).map(lambda line: line.replace(b"\n", b"."))


def cut(stream: bytes, sizes: list[int]) -> list[bytes | None]:
    """The lines of a stream that comes in pieces of these sizes; None for one that is too long."""
    cutter, size_of = LineCutter(), cycle(sizes or [CHUNK])
    lines: list[bytes | None] = []
    while stream:
        size = next(size_of)
        found, stream = cutter.feed(stream[:size]), stream[size:]
        lines += [None] * found.is_too_long
        lines += [] if found.lines is None else found.lines.split(b"\n")
    end = cutter.end()
    return lines if end.lines is None else [*lines, end.lines]


@given(lines=st.lists(SHORT), sizes=st.lists(st.integers(1, 20)))
def test_lines_are_the_same_however_they_are_split(lines: list[bytes], sizes: list[int]) -> None:
    assert cut(b"".join(line + b"\n" for line in lines), sizes) == lines


def test_what_is_left_without_a_newline_is_the_last_line() -> None:
    assert cut(b"one\ntwo", [2, 2]) == [b"one", b"two"]


def test_a_line_of_the_longest_length_is_taken() -> None:
    longest = b"x" * LONGEST_LINE
    assert cut(longest + b"\nnext\n", [CHUNK] * 3) == [longest, b"next"]


def test_a_longer_line_is_left_out_and_the_next_one_is_not() -> None:
    too_long = b"x" * (LONGEST_LINE + 1)
    assert cut(b"before\n" + too_long + b"\nnext\n", [CHUNK] * 4) == [b"before", None, b"next"]


def test_a_line_without_end_takes_no_more_memory_than_the_longest() -> None:
    cutter = LineCutter()
    cuts = [cutter.feed(b"x" * CHUNK) for _ in range(40)]
    assert sum(found.is_too_long for found in cuts) == 1
    assert cutter.end().lines is None


@given(
    sizes=st.lists(st.integers(1, 9), min_size=1), lengths=st.lists(st.integers(0, 12), min_size=1)
)
def test_long_lines_keep_their_place(sizes: list[int], lengths: list[int]) -> None:
    before = local_client.LONGEST_LINE
    local_client.LONGEST_LINE = 9
    try:
        found = cut(b"".join(b"x" * length + b"\n" for length in lengths), sizes)
    finally:
        local_client.LONGEST_LINE = before
    assert [None if line is None else len(line) for line in found] == [
        None if length > 9 else length for length in lengths
    ]
