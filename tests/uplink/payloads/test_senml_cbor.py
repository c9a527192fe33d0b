"""CBOR packs read by cbor2 hold, record for record, what the JSON pack holds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.outbox import encode as to_block
from edge_gateway.outbox import unpack
from edge_gateway.reading import Entry, Event, Flag, Measurand, Quantity, Reading, Stamp
from edge_gateway.uplink.batch import Arrival, Batch, Dates, Dating
from edge_gateway.uplink.payloads import cbor, senml, senml_cbor
from edge_gateway.uplink.rfc8428 import resolve

cbor2: Any = pytest.importorskip("cbor2", reason="the oracle cbor2 is not installed")

# RFC 8428 table 4.
LABELS = dict(enumerate(["n", "u", "v", "vs", "vb", "s", "t", "ut", "vd"]))
LABELS.update(zip(range(-1, -7, -1), ["bver", "bn", "bt", "bu", "bv", "bs"], strict=True))

Records = list[dict[str, Any]]


def records(payload: bytes) -> Records:
    """What a consumer sees: labels as in JSON, decimal fractions as cbor2 gives them."""
    found = cast("list[dict[int | str, Any]]", cbor2.loads(payload))
    return [
        {LABELS.get(cast("int", label), str(label)): value for label, value in record.items()}
        for record in found
    ]


def exact(batch: Batch) -> Records:
    """The JSON pack with its decimals as they are written."""
    return json.loads(senml.encode(batch), parse_float=Decimal)


stamps = st.integers(min_value=0, max_value=1 << 50)
numbers = st.floats(allow_nan=False, width=64) | st.just(float("nan"))
marks = st.tuples(
    st.sampled_from(Flag), st.lists(st.text(max_size=5), max_size=2), st.text(max_size=5)
)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    at = Stamp("b", draw(stamps) * 1000)
    if draw(st.integers(0, 5)) == 0:
        return Event(draw(st.text(max_size=9)), draw(st.text(max_size=9)), draw(st.text()), at)
    value = draw(numbers)
    flag, reasons, calibration_id = draw(marks)
    if value != value:  # noqa: PLR0124  NaN is what differs from itself
        flag = Flag.MISSING
    measurand = Measurand(draw(st.sampled_from(Quantity)), draw(st.text(max_size=4)))
    return Reading("dev", measurand, value, flag, at, tuple(reasons), calibration_id)


@st.composite
def batches(draw: st.DrawFn) -> Batch:
    dates = draw(
        st.sampled_from(
            [
                Dates(Dating.SYNCED, 1_785_733_200_000_000),
                Dates(Dating.HOLDOVER, 1_785_733_200_123_456),
                Dates(Dating.UNSET, -5_000_001),
                Dates(Dating.UNKNOWN, None),
                Dates(Dating.UNKNOWN, None, before_us=1_785_733_201_000_000),
                Dates(Dating.UNKNOWN, None, before_us=1_785_733_201_123_456),
            ]
        )
    )
    block = to_block(draw(st.lists(entries(), max_size=12)))
    return Batch("pole-1", "57043/7", "b", Arrival.LIVE, dates, unpack(block))


@given(batches())
def test_a_cbor_pack_holds_the_records_of_the_json_pack(batch: Batch) -> None:
    found = records(senml_cbor.encode(batch))
    as_floats = [
        {
            label: float(value) if isinstance(value, (int, Decimal)) else value
            for label, value in one.items()
        }
        for one in found
    ]
    expected = json.loads(senml.encode(batch), parse_int=float)
    assert as_floats == expected


@given(batches())
def test_times_are_exact(batch: Batch) -> None:
    def times(found: Records) -> list[Decimal]:
        return [
            Decimal(one[label])
            for one in found
            for label in ("bt", "t", "since_boot")
            if label in one
        ]

    assert times(records(senml_cbor.encode(batch))) == times(exact(batch))


def test_a_pack_resolves_by_the_rules_of_the_rfc(scenes: Mapping[str, Batch]) -> None:
    plain: Records = [
        {label: float(v) if isinstance(v, Decimal) else v for label, v in record.items()}
        for record in records(senml_cbor.encode(scenes["samples"]))
    ]
    found = {(one.name, one.time_s): one.value for one in resolve(plain)}
    assert found["urn:dev:ops:pole-1:wxt:air_temperature", 1785733260.0] == 33.4
    assert found["urn:dev:ops:pole-1:wxt:relative_humidity.qc", 1785733261.0] == 4


def test_labels_are_those_of_the_table_in_the_rfc(scenes: Mapping[str, Batch]) -> None:
    """RFC 8428 table 4: bn -2, bt -3, bu -4, n 0, v 2, vs 3, t 6."""
    found = cast("list[dict[int, Any]]", cbor2.loads(senml_cbor.encode(scenes["samples"])))
    assert found[0] == {
        -2: "urn:dev:ops:pole-1:",
        -3: 1785733260,
        0: "batch",
        3: "57043/7/live/synced",
    }
    name = "urn:dev:ops:pole-1:wxt:wind_speed"
    assert {-2: name, -4: "m/s", 6: 0, 2: Decimal("14.2")} in found


@given(st.integers())
def test_an_integer_of_any_size_is_read_back(value: int) -> None:
    assert cbor2.loads(cbor.integer(value)) == value


@given(st.text())
def test_a_text_is_read_back(text: str) -> None:
    assert cbor2.loads(cbor.text(text)) == text


@given(st.integers(), st.integers(min_value=1, max_value=24))
def test_a_decimal_fraction_is_read_back_exactly(mantissa: int, decimals: int) -> None:
    found = cbor2.loads(cbor.decimal(mantissa, decimals))
    assert Fraction(found) == Fraction(mantissa, 10**decimals)


@given(st.integers(), st.integers(min_value=0, max_value=6))
def test_a_scaled_value_is_read_back_exactly(scaled: int, decimals: int) -> None:
    found = cbor2.loads(cbor.scaled([scaled, None], decimals)[scaled])
    assert Fraction(found) == Fraction(scaled, 10**decimals)


@given(st.integers(min_value=0, max_value=70_000))
def test_an_array_head_counts_its_items(length: int) -> None:
    assert len(cbor2.loads(cbor.array_head(length) + b"\x00" * length)) == length


# RFC 8949 appendix A.
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0, "00"),
        (23, "17"),
        (24, "1818"),
        (1000, "1903e8"),
        (1_000_000, "1a000f4240"),
        (1_000_000_000_000, "1b000000e8d4a51000"),
        (18_446_744_073_709_551_616, "c249010000000000000000"),
        (-1, "20"),
        (-1000, "3903e7"),
        (-18_446_744_073_709_551_617, "c349010000000000000000"),
    ],
)
def test_integers_are_those_of_the_appendix_of_the_rfc(value: int, expected: str) -> None:
    assert cbor.integer(value).hex() == expected


def test_a_decimal_fraction_is_that_of_the_rfc() -> None:
    """RFC 8949 section 3.4.4: 273.15 is C4 82 21 19 6AB3."""
    assert cbor.decimal(27315, 2).hex() == "c48221196ab3"
