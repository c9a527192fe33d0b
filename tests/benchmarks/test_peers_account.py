"""The collector's books: every number is accounted for, however it comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers.board import Board, Tally
from benchmarks.peers.collector import Account
from benchmarks.peers.contract import Block


def booked(folder: Path, *blocks: Block, handed: int = 1000) -> Board:
    """The board after these blocks came, one message each, at second 1, 2 and so on."""
    path = folder / "board"
    path.unlink(missing_ok=True)
    board = Board(path, 1000)
    board[Tally.HANDED] = handed
    account = Account(board)
    for at_s, block in enumerate(blocks, start=1):

        def decode(_topic: str, _payload: bytes, block: Block = block) -> Iterator[Block]:
            yield block

        account.take(float(at_s), "topic", b"", decode)
    return board


def test_a_reading_is_delivered_when_it_first_came(tmp_path: Path) -> None:
    board = booked(tmp_path, Block(None, "", [7]), Block(None, "", [7]))
    assert (board[Tally.DELIVERED], board.delivered_s[7]) == (1, 1.0)


def test_a_reading_that_comes_again_is_a_duplicate(tmp_path: Path) -> None:
    board = booked(tmp_path, Block("a", "", [7]), Block("b", "", [7]))
    assert board[Tally.DUPLICATED] == 1


def test_a_key_that_comes_again_is_a_repetition_and_no_duplicate(tmp_path: Path) -> None:
    board = booked(tmp_path, Block("a", "", [7]), Block("a", "", [7]))
    assert (board[Tally.REPEATED], board[Tally.DUPLICATED]) == (1, 0)


def test_a_number_that_was_never_handed_in_is_strange(tmp_path: Path) -> None:
    board = booked(tmp_path, Block(None, "", [11]), handed=11)
    assert (board[Tally.STRANGE], board[Tally.DELIVERED]) == (1, 0)


def test_a_message_that_makes_no_sense_is_strange(tmp_path: Path) -> None:
    board = Board(tmp_path / "board", 10)

    def decode(_topic: str, _payload: bytes) -> Iterator[Block]:
        raise ValueError("nonsense")

    Account(board).take(1.0, "topic", b"?", decode)
    assert board[Tally.STRANGE] == 1


@pytest.mark.parametrize("size", [4, 40])
def test_a_reading_behind_a_later_one_of_its_sensor_is_out_of_order(
    tmp_path: Path, size: int
) -> None:
    # Sensor 3 gives 3, 53, 103 ...; the second block begins with the one before the last.
    numbers = [3 + 50 * turn for turn in range(1000 // 50)]
    rest = [number for number in range(size) if number % 50 != 3]
    late = numbers[-2]
    board = booked(tmp_path, Block(None, "", [numbers[-1]]), Block(None, "", [late, *rest]))
    assert board[Tally.DISORDERED] == 1


def test_live_readings_may_overtake_the_backlog(tmp_path: Path) -> None:
    board = booked(tmp_path, Block("a", "live", [53]), Block("b", "backfill", [3]))
    assert board[Tally.DISORDERED] == 0


def test_two_sensors_do_not_have_to_wait_for_each_other(tmp_path: Path) -> None:
    board = booked(tmp_path, Block(None, "", [54, 3]))
    assert board[Tally.DISORDERED] == 0


@given(st.lists(st.integers(-5, 320), min_size=32, max_size=80))
def test_many_numbers_are_booked_as_they_would_be_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("books")
    tallies = (Tally.DELIVERED, Tally.DUPLICATED, Tally.DISORDERED, Tally.STRANGE)
    together = booked(folder, Block(None, "", numbers), handed=300)
    told = [together[tally] for tally in tallies]
    single = booked(folder, *(Block(None, "", [number]) for number in numbers), handed=300)
    # One message sorts its sensors first: within a sensor the order is the same, so are the books.
    assert told == [single[tally] for tally in tallies]
