"""Waiting before the next attempt: full jitter under a ceiling that doubles."""

from __future__ import annotations

from random import Random

from edge_gateway.uplink.backoff import Backoff


class Upmost(Random):
    """Draws the upper end, always."""

    def uniform(self, a: float, b: float) -> float:
        return max(a, b)


def test_the_ceiling_doubles_up_to_the_longest_wait() -> None:
    backoff = Backoff(1.0, 20.0, Upmost())
    assert [backoff.next_s() for _ in range(7)] == [1, 2, 4, 8, 16, 20, 20]


def test_after_a_success_it_starts_anew() -> None:
    backoff = Backoff(1.0, 20.0, Upmost())
    waits = [backoff.next_s(), backoff.next_s()]
    backoff.reset()
    assert (waits, backoff.next_s()) == ([1, 2], 1)


def test_any_wait_from_nothing_to_the_ceiling_can_come() -> None:
    random = Random(1)
    waits = [Backoff(8.0, 60.0, random).next_s() for _ in range(1000)]
    assert min(waits) < 0.1
    assert max(waits) > 7.9
    assert 3.5 < sum(waits) / len(waits) < 4.5


def test_a_year_of_failures_overflows_nothing() -> None:
    backoff = Backoff(1.0, 60.0, Random(1))
    assert all(backoff.next_s() <= 60.0 for _ in range(100_000))
