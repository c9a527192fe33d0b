"""Turns on a shared line, taken by real threads."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Thread

import pytest

from edge_gateway.links.turns import Turns

DEADLINE_S = 10.0


def order_of(*ranks: float) -> list[int]:
    """Who is let in after whom, of those that queue in this order while the line is taken."""
    turns, order, threads = Turns(), list[int](), list[Thread]()

    def take(place: int, rank: float) -> None:
        with turns.turn(rank):
            order.append(place)

    with turns.turn(0.0):
        for place, rank in enumerate(ranks):
            threads.append(Thread(target=take, args=(place, rank), daemon=True))
            threads[-1].start()
            ends_s = time.monotonic() + DEADLINE_S
            while len(turns) <= place:
                assert time.monotonic() < ends_s
                time.sleep(0.001)
    for thread in threads:
        thread.join(DEADLINE_S)
    return order


def test_those_of_one_rank_are_let_in_as_they_came() -> None:
    assert order_of(1.0, 1.0, 1.0, 1.0) == [0, 1, 2, 3]


def test_a_lower_rank_goes_before_those_that_wait_already() -> None:
    assert order_of(5.0, 5.0, 1.0, 3.0) == [2, 3, 0, 1]


def test_an_error_inside_lets_the_next_one_in() -> None:
    turns = Turns()
    with pytest.raises(ZeroDivisionError), turns.turn(0.0):
        _ = 1 / 0
    with turns.turn(0.0):
        assert len(turns) == 0


def test_there_is_never_more_than_one_inside() -> None:
    turns, inside, most = Turns(), 0, 0
    begin = Event()

    def take(rank: int) -> None:
        nonlocal inside, most
        begin.wait(DEADLINE_S)
        for _ in range(50):
            with turns.turn(rank):
                inside += 1
                most = max(most, inside)
                time.sleep(0)
                inside -= 1

    with ThreadPoolExecutor(8) as threads:
        taken = [threads.submit(take, rank % 3) for rank in range(8)]
        begin.set()
        for one in taken:
            one.result(DEADLINE_S)
    assert most == 1
