"""The resolver against the examples of RFC 8428 section 5.1, and against what it must refuse."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.uplink.rfc8428 import BadPack, Record, parse, resolve

WAND = "urn:dev:ow:10e2073a01080063"


def resolved(text: str) -> list[Record]:
    return list(resolve(parse(text.encode())))


def test_a_single_data_point() -> None:
    """Section 5.1.1."""
    (record,) = resolved(f'[{{"n":"{WAND}","u":"Cel","v":23.1}}]')
    assert (record.name, record.unit, record.value, record.time_s) == (WAND, "Cel", 23.1, 0.0)


def test_a_base_name_stands_before_each_name() -> None:
    """Section 5.1.2."""
    records = resolved(
        f'[{{"bn":"{WAND}:","n":"voltage","u":"V","v":120.1}},{{"n":"current","u":"A","v":1.2}}]'
    )
    assert [record.name for record in records] == [f"{WAND}:voltage", f"{WAND}:current"]


def test_base_time_and_unit_hold_for_the_records_behind_them() -> None:
    """Section 5.1.3, which is of version 5."""
    records = resolved(
        '[{"bn":"urn:dev:ow:10e2073a0108006:","bt":1.276020076001e+09,"bu":"A","bver":5,'
        '"n":"voltage","u":"V","v":120.1},'
        '{"n":"current","t":-5,"v":1.2},{"n":"current","t":-4,"v":1.3},'
        '{"n":"current","t":-3,"v":1.4},{"n":"current","t":-2,"v":1.5},'
        '{"n":"current","t":-1,"v":1.6},{"n":"current","v":1.7}]'
    )
    assert [record.unit for record in records] == ["V"] + ["A"] * 6
    assert records[1].time_s == pytest.approx(1276020071.001, abs=1e-6)
    assert records[6].time_s == pytest.approx(1276020076.001, abs=1e-6)


def test_a_moving_thing_has_one_name_and_many_units() -> None:
    """Section 5.1.5, its first and last records, resolved as section 5.1.6 shows."""
    records = resolved(
        f'[{{"bn":"{WAND}","bt":1.320067464e+09,"bu":"%RH","v":20}},'
        '{"u":"lon","v":24.30621},{"u":"lat","v":60.07965},{"t":60,"v":20.3},'
        '{"u":"%EL","t":150,"v":98}]'
    )
    assert [(record.unit, record.time_s, record.value) for record in records] == [
        ("%RH", 1320067464.0, 20.0),
        ("lon", 1320067464.0, 24.30621),
        ("lat", 1320067464.0, 60.07965),
        ("%RH", 1320067524.0, 20.3),
        ("%EL", 1320067614.0, 98.0),
    ]
    assert {record.name for record in records} == {WAND}


def test_a_pack_can_hold_texts_booleans_and_data() -> None:
    """Section 5.1.7."""
    records = resolved(
        f'[{{"bn":"{WAND}:","n":"temp","u":"Cel","v":23.1}},'
        '{"n":"label","vs":"Machine Room"},{"n":"open","vb":false},{"n":"nfc","vd":"aGkgCg"}]'
    )
    assert [(r.value, r.text, r.boolean, r.data) for r in records] == [
        (23.1, None, None, None),
        (None, "Machine Room", None, None),
        (None, None, False, None),
        (None, None, None, "aGkgCg"),
    ]


def test_base_value_and_sum_are_added() -> None:
    """Section 4.6: the base value and the value, the base sum and the sum."""
    first, second = resolved('[{"bn":"a","bv":100,"bs":7,"v":1,"s":2},{"n":"b","v":-1}]')
    assert (first.value, first.sum, second.value, second.sum) == (101.0, 9.0, 99.0, 7.0)


def test_a_record_of_base_fields_alone_says_nothing_itself() -> None:
    (record,) = resolved('[{"bn":"a:","bt":1300000000},{"n":"b","v":1}]')
    assert (record.name, record.time_s) == ("a:b", 1.3e9)


def test_a_label_that_must_be_understood_is_refused() -> None:
    """Section 4.4: labels that end in an underscore."""
    with pytest.raises(BadPack, match="new_"):
        resolved('[{"n":"a","v":1,"new_":2}]')


def test_other_unknown_labels_are_passed_over() -> None:
    assert resolved('[{"n":"a","v":1,"new":2}]')[0].value == 1.0


@pytest.mark.parametrize("version", [11, 27, 1000])
def test_a_newer_version_is_refused(version: int) -> None:
    with pytest.raises(BadPack, match=str(version)):
        resolved(f'[{{"bver":{version},"n":"a","v":1}}]')


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"{}",
        b"[1]",
        b"[",
        b"\xff",
        b"\x1f\x8b\x08nonsense",
        b'[{"v":1}]',
        b'[{"n":"a","v":[]}]',
    ],
)
def test_what_is_no_pack_is_refused(payload: bytes) -> None:
    with pytest.raises(BadPack):
        list(resolve(parse(payload)))


def test_a_pack_that_inflates_beyond_all_measure_is_refused() -> None:
    with pytest.raises(BadPack, match="too long"):
        parse(gzip.compress(b"[" + b" " * (65 << 20) + b"]", 1))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=3,
)
LABELS = st.sampled_from(["bn", "bt", "bu", "bv", "bs", "bver", "n", "u", "v", "vs", "t", "s", "x"])


@given(st.lists(st.dictionaries(LABELS, JSON, max_size=5), max_size=4))
def test_any_json_is_resolved_or_refused(records: list[dict[str, Any]]) -> None:
    try:
        list(resolve(parse(json.dumps(records).encode())))
    except BadPack:
        return
