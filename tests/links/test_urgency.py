"""Who waits for the answer is told from who merely talks in bursts. Time is virtual."""

from __future__ import annotations

from itertools import pairwise

import pytest

from edge_gateway.links.urgency import Urgency

MS = 1_000_000
SECOND = 1000 * MS
COMMIT = 5 * SECOND
END = 60 * SECOND


def commits_of_a_talker(burst: int, every_ns: int) -> list[int]:
    """When commits are made early for one that gives `burst` readings at a time and never waits."""
    urgency, early = Urgency(), list[int]()
    next_burst, next_commit = 0, COMMIT
    for now in range(0, END, MS):
        if now >= next_burst:
            urgency.took(burst, now)
            next_burst += every_ns
        if urgency.is_urgent(now):
            early.append(now)
        if now >= next_commit or urgency.is_urgent(now):
            urgency.answered(urgency.waiting, now)
            next_commit = now + COMMIT
    return early


def seconds_of_a_window(window: int, readings: int) -> float:
    """How long one takes that gives a window in 5 ms and then waits for all answers."""
    urgency, now, given, next_commit = Urgency(), 0, 0, COMMIT
    urgency.took(window, now)
    while given < readings:
        now += MS
        if now >= next_commit or urgency.is_urgent(now):
            given += urgency.waiting
            urgency.answered(urgency.waiting, now)
            next_commit = now + COMMIT
            urgency.took(window, now + 5 * MS)
            now += 5 * MS
    return now / SECOND


@pytest.mark.parametrize(
    ("burst", "every_ms"), [(1, 2), (10, 20), (50, 100), (100, 200), (250, 500), (500, 1000)]
)
def test_five_hundred_a_second_are_never_urgent_after_the_first_answer(
    burst: int, every_ms: int
) -> None:
    early = commits_of_a_talker(burst, every_ms * MS)
    assert len(early) <= 1
    assert not [now for now in early if now > COMMIT]


@pytest.mark.parametrize(("burst", "every_ms"), [(1, 2), (50, 100), (100, 250)])
def test_small_bursts_are_not_urgent_at_all(burst: int, every_ms: int) -> None:
    assert commits_of_a_talker(burst, every_ms * MS) == []


@pytest.mark.parametrize("window", [200, 500, 1000, 2000, 10_000])
def test_a_program_that_waits_for_answers_is_not_held_up(window: int) -> None:
    assert seconds_of_a_window(window, 100 * window) < 100 * 0.05


@pytest.mark.parametrize("window", [250, 500, 900])
def test_a_window_that_was_seen_once_is_answered_when_it_is_full_again(window: int) -> None:
    # 5 ms to give it and 1 ms to be answered; only the first wait needed the pause to be seen.
    assert seconds_of_a_window(window, 100 * window) == pytest.approx(0.6, abs=0.1)


def test_one_that_goes_on_while_it_is_answered_is_not_taken_for_a_small_window() -> None:
    urgency = Urgency()
    urgency.took(300, 0)
    urgency.took(10, 26 * MS)
    urgency.answered(300, 27 * MS)
    urgency.took(290, 28 * MS)
    assert not urgency.is_urgent(29 * MS)


def test_a_window_too_small_for_a_commit_waits_for_the_regular_one() -> None:
    assert seconds_of_a_window(100, 300) == pytest.approx(15, abs=0.1)


def test_a_fast_talker_is_answered_every_thousand() -> None:
    early = commits_of_a_talker(100, 20 * MS)  # 5,000 a second
    assert {later - earlier for earlier, later in pairwise(early)} == {200 * MS}


def test_it_says_when_to_look_again() -> None:
    urgency = Urgency()
    urgency.took(300, 10 * MS)
    assert urgency.due_in_ns(15 * MS) == 20 * MS
    assert not urgency.is_urgent(34 * MS)
    assert urgency.is_urgent(35 * MS)
