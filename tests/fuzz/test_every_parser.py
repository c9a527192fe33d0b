"""A short round of `make fuzz` for every parser: any string of bytes, and strings that go on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_gateway.drivers import registry
from fuzz.growth import LENGTHS, PATTERNS
from fuzz.targets import DEVICES, Target, targets

EVERY = [pytest.param(target, id=target.name) for target in targets()]


@pytest.mark.parametrize("target", EVERY)
@settings(max_examples=60)
@given(data=st.binary(max_size=400))
def test_any_bytes_raise_nothing_but_what_the_parser_may_raise(target: Target, data: bytes) -> None:
    target(data)


@pytest.mark.parametrize("target", EVERY)
@settings(max_examples=40)
@given(chosen=st.data())
def test_a_good_input_with_one_byte_changed_raises_nothing_else(
    target: Target, chosen: st.DataObject
) -> None:
    seed = bytearray(chosen.draw(st.sampled_from(target.seeds)) or b"\x40")
    seed[chosen.draw(st.integers(0, len(seed) - 1))] = chosen.draw(st.integers(0, 255))
    target(bytes(seed))


@pytest.mark.parametrize("target", EVERY)
def test_a_string_that_never_ends_its_first_field_is_survived(target: Target) -> None:
    for pattern in PATTERNS:
        target((pattern * LENGTHS[0])[: LENGTHS[0] // 8])


def test_every_driver_that_decodes_bytes_is_a_target() -> None:
    built_in = set(registry.built_in_names())
    assert {name.partition(",")[0] for name in DEVICES} >= built_in
