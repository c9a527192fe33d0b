"""How faults spoil bytes: always really, and as the chance says."""

from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.twins.faults import Faults, cut, flipped, line_noise

SEEDS = st.integers(0, 2**32)


@given(st.binary(min_size=1, max_size=40), SEEDS)
def test_a_flip_turns_one_bit_over(data: bytes, seed: int) -> None:
    spoilt = flipped(data, Random(seed))
    difference = int.from_bytes(data) ^ int.from_bytes(spoilt)
    assert (len(spoilt), difference.bit_count()) == (len(data), 1)


@given(st.binary(min_size=2, max_size=40), SEEDS)
def test_a_cut_leaves_the_beginning(data: bytes, seed: int) -> None:
    left = cut(data, Random(seed))
    assert 0 < len(left) < len(data)
    assert data.startswith(left)


@given(SEEDS)
def test_noise_is_short_and_never_nothing(seed: int) -> None:
    assert 1 <= len(line_noise(Random(seed))) <= 6


def test_the_same_chance_strikes_the_same_places() -> None:
    data = bytes(100)
    assert flipped(data, Random(3)) == flipped(data, Random(3))
    assert len({flipped(data, Random(seed)) for seed in range(20)}) > 10


def test_it_tells_how_often_a_fault_is_still_to_come() -> None:
    faults = Faults(("crc", "silent"))
    faults.order("crc", 2)
    faults.take("crc")
    assert (faults.left("crc"), faults.left("silent")) == (1, 0)
