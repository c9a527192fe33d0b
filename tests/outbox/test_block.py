"""A block keeps what it was given, takes few bytes, and knows when it was damaged."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from edge_gateway.outbox import BadBlock, decode, encode, round_value
from edge_gateway.reading import (
    Entry,
    Event,
    Flag,
    Measurand,
    Quantity,
    Reading,
    Stamp,
    Statistic,
)

BOOT = "0123456789abcdef0123456789abcdef"
TEXT = st.text(max_size=12)
NAMES = st.sampled_from(["wind", "sun", "gate/forward", "東口"])


@st.composite
def readings(draw: st.DrawFn) -> Reading:
    quantity = draw(st.sampled_from(Quantity))
    value = round_value(quantity, draw(st.floats(allow_infinity=False)))
    flags = [Flag.MISSING] if math.isnan(value) else [f for f in Flag if f is not Flag.MISSING]
    measurand = Measurand(
        quantity,
        draw(NAMES | st.just("")),
        draw(st.sampled_from(Statistic)),
        draw(st.integers(0, 86_400)),
    )
    stamp_us = draw(st.integers(0, 1 << 52) | st.integers(0, 3000))
    at = Stamp(draw(st.sampled_from(["boot-a", "boot-b"])), stamp_us * 1000)
    reasons = tuple(draw(st.lists(TEXT, max_size=2)))
    return Reading(
        draw(NAMES), measurand, value, draw(st.sampled_from(flags)), at, reasons, draw(TEXT)
    )


EVENTS = st.builds(
    Event,
    TEXT,
    TEXT,
    TEXT,
    st.builds(Stamp, TEXT, st.integers(0, 1 << 52).map(lambda us: us * 1000)),
)


def kept_stamps_ns(stamps_ns: list[int]) -> list[int]:
    """To the millisecond where that tells all apart, else the microsecond, else the next free."""
    for unit_ns in (1_000_000, 1000):
        kept = [stamp_ns // unit_ns * unit_ns for stamp_ns in stamps_ns]
        if len(set(kept)) == len(kept):
            return kept
    kept: list[int] = []
    for stamp_ns in stamps_ns:
        free_ns = stamp_ns // 1000 * 1000
        while free_ns in kept:
            free_ns += 1000
        kept.append(free_ns)
    return kept


def as_kept(entries: Sequence[Entry]) -> list[Entry]:
    """What a block makes of entries: series by series, each with its stamps rounded."""
    series: dict[object, list[Reading]] = {}
    for entry in entries:
        if isinstance(entry, Reading):
            series.setdefault((entry.device, entry.measurand, entry.at.boot_id), []).append(entry)
    kept: list[Entry] = []
    for group in series.values():
        stamps_ns = kept_stamps_ns([reading.at.monotonic_ns for reading in group])
        for reading, stamp_ns in zip(group, stamps_ns, strict=True):
            kept.append(replace(reading, at=Stamp(reading.at.boot_id, stamp_ns)))
    return [*kept, *(entry for entry in entries if isinstance(entry, Event))]


def by_series(entries: Sequence[Entry]) -> dict[object, list[str]]:
    """The text of each reading, NaN and all, in its series' order."""
    series: dict[object, list[str]] = {}
    for entry in entries:
        key = (
            "event"
            if isinstance(entry, Event)
            else (entry.device, entry.measurand, entry.at.boot_id)
        )
        series.setdefault(key, []).append(repr(entry))
    return series


@given(st.lists(readings() | EVENTS, max_size=40))
@example([Event("", "", "\ud800", Stamp("", 0))])
def test_every_series_comes_back_as_it_was(entries: list[Entry]) -> None:
    back_again, before = by_series(decode(encode(entries))), by_series(as_kept(entries))
    assert back_again == before
    # Series keep their order of first appearance; events stand last.
    assert list(back_again) == sorted(before, key=lambda series: series == "event")


def one(value: float, quantity: Quantity = Quantity.AIR_TEMPERATURE, ns: int = 0) -> Reading:
    return Reading("dev", Measurand(quantity), value, Flag.GOOD, Stamp(BOOT, ns))


def back(reading: Reading) -> Reading:
    entry = decode(encode([reading]))[0]
    assert isinstance(entry, Reading)
    return entry


@pytest.mark.parametrize(
    ("quantity", "value", "kept"),
    [
        (Quantity.AIR_TEMPERATURE, 21.23456, 21.235),
        (Quantity.AIR_TEMPERATURE, -0.0004, 0.0),
        (Quantity.WIND_DIRECTION, 359.96, 360.0),
        (Quantity.GLOBAL_IRRADIANCE, -3.456, -3.46),
        (Quantity.PEOPLE, 17.0, 17.0),
        (Quantity.AIR_TEMPERATURE, 1e300, 1e300),
    ],
)
def test_a_value_is_kept_to_the_decimals_of_its_quantity(
    quantity: Quantity, value: float, kept: float
) -> None:
    assert back(one(value, quantity)).value == kept == round_value(quantity, value)


def test_a_stamp_is_kept_to_the_millisecond() -> None:
    assert back(one(1.0, ns=1_234_567_891_999)).at.monotonic_ns == 1_234_567_000_000


@pytest.mark.parametrize(
    ("given_ns", "kept_ns"),
    [
        ([1_000_000_999, 1_001_000_000], [1_000_000_000, 1_001_000_000]),
        ([1_000_000_999, 1_000_999_999], [1_000_000_000, 1_000_999_000]),
        ([5_000, 5_999, 6_000, 5_001], [5_000, 6_000, 7_000, 8_000]),
    ],
)
def test_two_readings_of_a_series_never_share_a_stamp(
    given_ns: list[int], kept_ns: list[int]
) -> None:
    entries = decode(encode([one(1.0, ns=stamp_ns) for stamp_ns in given_ns]))
    assert [entry.at.monotonic_ns for entry in entries] == kept_ns


def test_two_series_may_share_a_stamp_to_the_millisecond() -> None:
    pair = [one(1.0, ns=999), one(2.0, Quantity.WIND_SPEED, ns=999_999)]
    assert {entry.at.monotonic_ns for entry in decode(encode(pair))} == {0}


def test_an_infinite_value_is_missing_and_says_why() -> None:
    reading = back(one(-math.inf))
    assert (math.isnan(reading.value), reading.flag, reading.reasons) == (
        True,
        Flag.MISSING,
        ("not_finite",),
    )


def test_a_bad_value_is_kept_beside_its_flag() -> None:
    bad = Reading(
        "dev",
        Measurand(Quantity.AIR_TEMPERATURE),
        85.0,
        Flag.FAIL,
        Stamp(BOOT, 0),
        ("range",),
        "c1",
    )
    assert back(bad) == bad


def pole(seconds: int, seed: int = 1) -> list[Reading]:
    """A wind sensor at 4 Hz, a pyranometer at 1 Hz, a thermometer at 0.5 Hz; two quantities each.

    Stamps jitter by half a millisecond, as a serial line on a busy machine does.
    """
    random = Random(seed)
    devices = (
        ("wind", 0.25, (Quantity.WIND_SPEED, 2, 0.2), (Quantity.WIND_DIRECTION, 0, 8.0)),
        ("sun", 1.0, (Quantity.GLOBAL_IRRADIANCE, 2, 2.0), (Quantity.BODY_TEMPERATURE, 2, 0.02)),
        ("air", 2.0, (Quantity.AIR_TEMPERATURE, 3, 0.01), (Quantity.RELATIVE_HUMIDITY, 3, 0.05)),
    )
    made: list[Reading] = []
    for device, period_s, *quantities in devices:
        values = [50.0, 50.0]
        for number in range(int(seconds / period_s)):
            at = Stamp(BOOT, int((5000 + number * period_s + random.gauss(0, 0.0005)) * 1e9))
            for place, (quantity, decimals, step) in enumerate(quantities):
                values[place] = round(values[place] + random.gauss(0, step), decimals)
                made.append(Reading(device, Measurand(quantity), values[place], Flag.GOOD, at))
    return made


@pytest.mark.parametrize(("seconds", "most_bytes"), [(5, 6.5), (33, 2.4), (90, 1.9)])
def test_a_block_takes_few_bytes_a_reading(seconds: int, most_bytes: float) -> None:
    made = pole(seconds)
    assert len(encode(made)) / len(made) < most_bytes


def test_a_steady_clock_and_value_cost_next_to_nothing() -> None:
    made = [one(20.0, ns=number * 10**9) for number in range(1000)]
    assert len(encode(made)) < 150


@pytest.mark.parametrize("seconds", [5, 90])
def test_any_one_damaged_byte_is_noticed(seconds: int) -> None:
    good = encode(pole(seconds))
    for place in range(len(good)):
        bad = bytearray(good)
        bad[place] ^= 0x10
        with pytest.raises(BadBlock):
            decode(bytes(bad))


def test_a_block_cut_short_is_noticed() -> None:
    good = encode(pole(5))
    for length in range(len(good)):
        with pytest.raises(BadBlock):
            decode(good[:length])


@given(st.binary(max_size=200), st.sampled_from([1, 2, 3, 4]))
@settings(max_examples=300)
def test_well_sealed_nonsense_is_a_bad_block_and_nothing_worse(body: bytes, version: int) -> None:
    stored = zlib.compress(body) if version in {2, 4} else body
    sealed = bytes([version]) + zlib.crc32(stored).to_bytes(4, "little") + stored
    try:
        decode(sealed)
    except BadBlock:
        return
    assert decode(sealed) == decode(encode(decode(sealed)))


def test_a_block_of_an_unknown_version_says_so() -> None:
    with pytest.raises(BadBlock, match="version 77"):
        decode(b"\x4d" + encode([one(1.0)])[1:])
