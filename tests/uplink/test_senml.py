"""Packs against texts written by hand, and there and back through the decoder."""

from __future__ import annotations

import json
import math
import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.outbox import encode as to_block
from edge_gateway.outbox import round_value, unpack
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
from edge_gateway.uplink.batch import Arrival, Batch, Dates, Dating
from edge_gateway.uplink.consumer import Received, decode
from edge_gateway.uplink.payloads import Encoding, squeeze
from edge_gateway.uplink.payloads.senml import encode, measurand_name

BOOT = "b007"
# 2026-08-03T05:00:00Z is the start of the boot.
SYNCED = Dates(Dating.SYNCED, 1_785_733_200_000_000)
WIND = Measurand(Quantity.WIND_SPEED)


def at(seconds: float) -> Stamp:
    return Stamp(BOOT, round(seconds * 1e9))


def pack(entries: list[Entry], dates: Dates = SYNCED) -> bytes:
    columns = unpack(to_block(entries))
    return encode(Batch("pole-1", "57043/7", BOOT, Arrival.LIVE, dates, columns))


def test_a_pack_reads_as_documented() -> None:
    entries: list[Entry] = [
        Reading("wind", WIND, 2.31, Flag.GOOD, at(0.25)),
        Reading("wind", WIND, 14.2, Flag.SUSPECT, at(0.5), ("step",)),
        Event("device_down", "rain", "no answer for 60 s", at(1.5)),
    ]
    assert json.loads(pack(entries)) == [
        {"bn": "urn:dev:ops:pole-1:", "bt": 1785733200, "n": "batch", "vs": "57043/7/live/synced"},
        {"t": 1.5, "n": "event:device_down:rain", "vs": "no answer for 60 s"},
        {"bn": "urn:dev:ops:pole-1:wind:wind_speed.qc", "t": 0.5, "v": 3},
        {"bn": "urn:dev:ops:pole-1:wind:wind_speed.why", "t": 0.5, "vs": "step"},
        {"bn": "urn:dev:ops:pole-1:wind:wind_speed", "bu": "m/s", "t": 0.25, "v": 2.31},
        {"t": 0.5, "v": 14.2},
    ]


def test_a_pack_with_a_secondary_unit_says_so_in_its_version() -> None:
    rain = Measurand(Quantity.PRECIPITATION_SINCE_RESET)
    packed = pack([Reading("rain", rain, 13.02, Flag.GOOD, at(1))])
    records = json.loads(packed)
    assert (records[0]["bver"], records[1]["bu"]) == (26, "mm")
    assert [reading.value for reading in decode(packed).readings] == [13.02]


def test_a_missing_value_has_no_value_record() -> None:
    records = json.loads(pack([Reading("wind", WIND, math.nan, Flag.MISSING, at(1))]))
    assert records[1:] == [{"bn": "urn:dev:ops:pole-1:wind:wind_speed.qc", "t": 0, "v": 9}]


def test_zero_is_not_missing() -> None:
    records = json.loads(pack([Reading("wind", WIND, 0.0, Flag.GOOD, at(1))]))
    assert records[1]["v"] == 0


def test_a_calibration_is_named_where_it_begins_and_ends() -> None:
    entries: list[Entry] = [
        Reading("wind", WIND, 1.0, Flag.GOOD, at(second), (), calibration)
        for second, calibration in enumerate(["", "c1", "c1", "c2", ""])
    ]
    notes = [record for record in json.loads(pack(entries)) if "vs" in record][1:]
    assert [(note["t"], note["vs"]) for note in notes] == [(1, "c1"), (3, "c2"), (4, "")]


@pytest.mark.parametrize(
    ("measurand", "name"),
    [
        (Measurand(Quantity.WIND_SPEED), "dev:wind_speed"),
        (Measurand(Quantity.WIND_SPEED, "", Statistic.GUST, 600), "dev:wind_speed.gust_600s"),
        (
            Measurand(Quantity.PEOPLE, "gate/forward", Statistic.COUNT, 60),
            "dev:gate/forward:people.count_60s",
        ),
        (Measurand(Quantity.PEOPLE, "東:1.a"), "dev:-u6771--u3a-1-u2e-a:people"),
    ],
)
def test_names_follow_the_grammar(measurand: Measurand, name: str) -> None:
    assert measurand_name("dev", measurand) == name


@pytest.mark.parametrize(
    ("nanoseconds", "base", "rest"),
    [
        (0, 1785733200, "0"),
        (1_000_001_000_000, 1785734200, "0.001"),
        (250_000_000, 1785733200, "0.25"),
        (999_999_999_999, 1785734199, "0.999"),
    ],
)
def test_times_are_exact_to_the_millisecond(nanoseconds: int, base: int, rest: str) -> None:
    text = pack([Reading("wind", WIND, 1.0, Flag.GOOD, Stamp(BOOT, nanoseconds))])
    records = json.loads(text, parse_float=Decimal)
    assert (records[0]["bt"], str(records[1]["t"])) == (base, rest)


def test_two_readings_of_one_millisecond_are_told_apart_by_microseconds() -> None:
    stamps = [Stamp(BOOT, 1_000_000), Stamp(BOOT, 1_250_999)]
    text = pack([Reading("wind", WIND, 1.0, Flag.GOOD, stamp) for stamp in stamps])
    records = json.loads(text, parse_float=Decimal)
    assert [str(record["t"]) for record in records[1:]] == ["0.001", "0.00125"]


def test_an_offset_is_no_finer_than_the_stamps_it_dates() -> None:
    """Microseconds of an offset are the clock's noise, and would make every time longer."""
    dates = Dates(Dating.SYNCED, 1_785_733_200_000_789)
    records = json.loads(pack([Reading("wind", WIND, 1.0, Flag.GOOD, at(0.25))], dates))
    assert records[1]["t"] == 0.25


def test_with_no_clock_times_are_relative_to_the_sending() -> None:
    """Sent at 100 s after boot: a reading of 97.5 s is two and a half seconds old."""
    dates = Dates(Dating.UNSET, -100_000_000)
    records = json.loads(pack([Reading("wind", WIND, 1.0, Flag.GOOD, at(97.5))], dates))
    assert records[0]["vs"].endswith("/unset")
    assert records[0]["bt"] + records[1]["t"] == -2.5


def test_of_an_undated_boot_only_the_seconds_since_then_are_told() -> None:
    dates = Dates(Dating.UNKNOWN, None)
    records = json.loads(pack([Reading("wind", WIND, 1.0, Flag.GOOD, at(97.5))], dates))
    assert records[0]["vs"].endswith("/unknown")
    assert records[1] == {"n": "boot", "vs": BOOT}
    assert records[2]["since_boot"] == 97.5
    assert not any("t" in record or "bt" in record for record in records)


def test_no_record_inherits_a_unit_that_is_not_its_own() -> None:
    entries: list[Entry] = [
        Reading("wind", WIND, 1.0, Flag.SUSPECT, at(1), ("step",), "c1"),
        Reading("air", Measurand(Quantity.AIR_TEMPERATURE), 1.0, Flag.FAIL, at(1)),
        Event("a", "b", "c", at(2)),
    ]
    records = json.loads(pack(entries))
    first_unit = next(place for place, record in enumerate(records) if "bu" in record)
    names = [record.get("bn", "") + record.get("n", "") for record in records]
    assert all(not name.endswith((".qc", ".why", ".cal")) for name in names[first_unit:])
    assert [record["bu"] for record in records[first_unit:]] == ["m/s", "Cel"]


def test_text_is_kept_whatever_it_holds() -> None:
    text = 'quote " backslash \\ newline \n 東 \x00'
    (event,) = decode(pack([Event("a b", "c:d", text, at(1))])).events
    assert (event.kind, event.subject, event.text) == ("a-u20-b", "c-u3a-d", text)


def test_a_pack_worth_it_is_compressed_and_another_is_not() -> None:
    long, short = b"abcdefgh" * 100, bytes(range(200))
    assert squeeze(long)[1] is Encoding.GZIP
    assert squeeze(short) == (short, Encoding.IDENTITY)
    assert squeeze(b"a" * 100) == (b"a" * 100, Encoding.IDENTITY)


WORDS = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=8)
MEASURANDS = st.builds(
    Measurand,
    st.sampled_from(Quantity),
    st.just("") | WORDS | st.builds("{}/{}".format, WORDS, WORDS),
    st.sampled_from(Statistic),
    st.integers(0, 3600),
)


@st.composite
def series(draw: st.DrawFn) -> list[Reading]:
    """Readings of one measurand at distinct times in order, as a device gives them."""
    device, measurand = draw(WORDS), draw(MEASURANDS)
    made: list[Reading] = []
    times_us = st.integers(0, 10**13) | st.integers(0, 3000)
    for time_us in sorted(draw(st.sets(times_us, min_size=1, max_size=6))):
        value = round_value(measurand.quantity, draw(st.floats(allow_infinity=False)))
        flags = [Flag.MISSING] if math.isnan(value) else [f for f in Flag if f is not Flag.MISSING]
        reasons = tuple(draw(st.lists(WORDS, max_size=2)))
        made.append(
            Reading(
                device,
                measurand,
                value,
                draw(st.sampled_from(flags)),
                Stamp(BOOT, time_us * 1000),
                reasons,
                draw(st.sampled_from(["", "c1", "c2"])),
            )
        )
    return made


def as_received(reading: Reading, dates: Dates, unit_us: int) -> tuple[object, ...]:
    """What the decoder should make of a reading, worked out without it; times in microseconds.

    `unit_us`: how fine the pack's times are.
    """
    time_us = reading.at.monotonic_ns // 1000
    dated = dates.offset_us is not None
    return (
        reading.device,
        reading.measurand.channel,
        str(reading.measurand.quantity),
        str(reading.measurand.statistic),
        reading.measurand.window_s,
        None if math.isnan(reading.value) else reading.value,
        int(reading.flag),
        reading.reasons,
        reading.calibration_id,
        time_us + (dates.offset_us or 0) // unit_us * unit_us if dated else None,
        None if dated else time_us,
    )


def seen(received: Received) -> tuple[object, ...]:
    unix_s, since_boot_s = received.unix_s, received.since_boot_s
    return (
        received.device,
        received.channel,
        received.quantity,
        received.statistic,
        received.window_s,
        received.value,
        received.flag,
        received.reasons,
        received.calibration_id,
        None if unix_s is None else round(unix_s * 1e6),
        None if since_boot_s is None else round(since_boot_s * 1e6),
    )


@given(
    st.lists(st.integers(0, 3_300_000), min_size=8, max_size=40, unique=True).map(sorted),
    st.integers(0, 10**6),
    st.sampled_from([1, 10, 1000, 250_000]),
    st.sampled_from([0.0, 0.5]),
)
def test_times_of_many_are_written_exactly_and_in_the_fewest_digits(
    parts: list[int], start: int, step_us: int, fraction: float
) -> None:
    times_us = [10**9 + start + part * step_us for part in parts]
    what = Measurand(Quantity.NUMBER)
    made: list[Entry] = [
        Reading("d", what, time_us % 1000 + fraction, Flag.GOOD, Stamp(BOOT, time_us * 1000))
        for time_us in times_us
    ]
    text = pack(made).decode()
    records = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    kept = [one.at.monotonic_ns for one in unpack(to_block(made)).entries()]
    base = records[0]["bt"] * 10**6 - 1_785_733_200_000_000
    assert [base + record["t"] * 10**6 for record in records[1:]] == [ns // 1000 for ns in kept]
    values = [Decimal(time_us % 1000) + Decimal(str(fraction)) for time_us in times_us]
    assert [record["v"] for record in records[1:]] == values
    assert re.search(r"\.\d*0[,}]|\.[,}]|[,:]0\d", text) is None


def whose(made: list[Reading]) -> object:
    return (made[0].device, made[0].measurand)


@given(
    st.lists(series(), max_size=4, unique_by=whose),
    st.sampled_from([SYNCED, Dates(Dating.HOLDOVER, 10**15 + 1), Dates(Dating.UNKNOWN, None)]),
)
def test_every_reading_comes_back_from_the_decoder(made: list[list[Reading]], dates: Dates) -> None:
    readings = [reading for one in made for reading in one]
    received = decode(squeeze(pack([*readings], dates))[0]).readings
    # Series with notes come first; within each, the order is kept.
    by_series = sorted((seen(one) for one in received), key=lambda one: repr(one[:5]))
    kept = [one for one in unpack(to_block([*readings])).entries() if isinstance(one, Reading)]
    unit_us = 1 if any(one.at.monotonic_ns % 1_000_000 for one in kept) else 1000
    expected = sorted(
        (as_received(one, dates, unit_us) for one in kept), key=lambda one: repr(one[:5])
    )
    assert by_series == expected
