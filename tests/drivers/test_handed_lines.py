"""What a line may say, what is said of a wrong one; and many are read as they are one by one."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.drivers.formats import handed_line
from edge_gateway.drivers.formats.handed_line import BadLine, Columns, Decoder
from edge_gateway.reading import Flag, Measurand, Quantity

Row = tuple[Measurand, str, Flag, tuple[str, ...], str]

AIR = '{"quantity":"air_temperature","value":21.5}'


def rows(columns: Columns) -> list[Row]:
    """The readings one by one, NaN made comparable."""
    texts = map(repr, columns.values), map(repr, columns.unix_s)
    return list(
        zip(columns.measurands, texts[0], columns.flags, columns.reasons, texts[1], strict=True)
    )


def one(line: str) -> Row:
    (row,) = rows(Decoder().line(line.encode()))
    return row


def in_one_go(lines: bytes) -> tuple[list[Row], dict[int, str]]:
    refused: dict[int, str] = {}
    return rows(Decoder().decode(lines, refused.__setitem__)), refused


def one_by_one(lines: bytes) -> tuple[list[Row], dict[int, str]]:
    decoder, kept, refused = Decoder(), list[Row](), dict[int, str]()
    for place, line in enumerate(lines.split(b"\n")):
        try:
            kept += rows(decoder.line(line))
        except BadLine as bad:
            refused[place] = str(bad)
    return kept, refused


def test_a_quantity_and_a_value_are_a_good_reading_without_a_time() -> None:
    assert one(AIR) == (Measurand(Quantity.AIR_TEMPERATURE), "21.5", Flag.GOOD, (), "nan")


def test_channel_and_time_are_taken() -> None:
    row = one('{"quantity":"number","value":3,"channel":"door/in","time":1780000000.25}')
    assert row == (Measurand(Quantity.NUMBER, "door/in"), "3.0", Flag.GOOD, (), "1780000000.25")


@pytest.mark.parametrize(
    ("said", "flag", "reasons"),
    [
        ('"good"', Flag.GOOD, ()),
        ('"not_evaluated"', Flag.GOOD, ()),
        ('"suspect"', Flag.SUSPECT, (handed_line.SAID,)),
        ("4", Flag.FAIL, (handed_line.SAID,)),
    ],
)
def test_a_program_flags_its_own_value(said: str, flag: Flag, reasons: tuple[str, ...]) -> None:
    row = one(AIR.replace("}", f',"flag":{said}}}'))
    assert row[2:4] == (flag, reasons)


def test_a_value_outside_the_range_of_its_quantity_fails_and_is_kept() -> None:
    row = one('{"quantity":"air_temperature","value":60.5,"flag":"good"}')
    assert row[1:4] == ("60.5", Flag.FAIL, (handed_line.RANGE,))


@pytest.mark.parametrize("rest", ['"value":null', '"flag":"missing"', '"value":null,"flag":9'])
def test_what_has_no_value_is_missing(rest: str) -> None:
    row = one(f'{{"quantity":"air_temperature",{rest}}}')
    assert row[1:4] == ("nan", Flag.MISSING, (handed_line.NO_VALUE,))


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("", "not JSON"),
        ("21.5", "object"),
        ("{}", "quantity is missing"),
        ('{"quantity":"air_temperature"}', "value is missing"),
        ('{"quantity":"air_temprature","value":1}', "unknown quantity 'air_temprature'"),
        ('{"quantity":["number"],"value":1}', "unknown quantity"),
        ('{"quantity":"number","value":"1"}', "value must be a number, not '1'"),
        ('{"quantity":"number","value":true}', "value must be a number"),
        ('{"quantity":"number","value":NaN}', "not JSON"),
        ('{"quantity":"number","value":1e999}', "beyond"),
        ('{"quantity":"number","value":1' + "0" * 400 + "}", "beyond"),
        ('{"quantity":"number","value":1,"time":"now"}', "time must be a number"),
        ('{"quantity":"number","value":1,"flag":"fine"}', "unknown flag"),
        ('{"quantity":"number","value":1,"flag":true}', "unknown flag"),
        ('{"quantity":"number","value":1,"flag":"missing"}', "has no value"),
        ('{"quantity":"number","value":1,"unit":"m"}', "unknown key 'unit'"),
        ('{"quantity":"number","value":1,"channel":7}', "channel must be text"),
        ('{"quantity":"number","value":1,"channel":"' + "x" * 65 + '"}', "64"),
        ('{"quantity":"number","value":1,"channel":"a\\u0007"}', "printed"),
        ('[{"quantity":"number","value":1},{}]', "reading 2 of the list: quantity is missing"),
    ],
)
def test_a_wrong_line_is_refused_and_says_why(line: str, why: str) -> None:
    with pytest.raises(BadLine, match=why.replace("[", r"\[")):
        Decoder().line(line.encode())


def test_a_list_is_many_readings_in_one_line() -> None:
    kept, refused = in_one_go(f"[{AIR},{AIR}]\n{AIR}".encode())
    assert len(kept) == 3
    assert refused == {}


def test_a_bad_line_takes_no_other_with_it() -> None:
    kept, refused = in_one_go(f"{AIR}\n{{\n{AIR}\n".encode())
    assert len(kept) == 2
    assert set(refused) == {1, 3}


def test_lines_that_are_only_together_an_object_are_refused() -> None:
    # Three lines that would be three objects if their newlines were only commas.
    lines = b'[{"quantity":"number","value":1}\n{"quantity":"number","value":2}]\n' + b",".join(
        [b'{"quantity":"number","value":3}'] * 2
    )
    assert in_one_go(lines) == ([], one_by_one(lines)[1])


def test_a_device_has_a_bounded_number_of_channels() -> None:
    most = handed_line.MOST_MEASURANDS
    lines = "\n".join(
        json.dumps({"quantity": "number", "value": 1, "channel": str(n)}) for n in range(most + 1)
    )
    kept, refused = in_one_go(lines.encode())
    assert len(kept) == most
    assert set(refused) == {most}


NUMBERS = st.one_of(st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6), st.sampled_from([1e16]))
READINGS = st.fixed_dictionaries(
    {"quantity": st.sampled_from(["number", "air_temperature", "people", "x"]), "value": NUMBERS},
    optional={
        "channel": st.sampled_from(["", "a", "b c", "]", "},{"]),
        "time": NUMBERS,
        "flag": st.sampled_from(["good", "fail", 3, None]),
    },
)
LINES = st.one_of(
    READINGS.map(json.dumps),
    st.lists(READINGS, max_size=3).map(json.dumps),
    st.sampled_from(["[", "]", "{", "}", AIR + "," + AIR, "[" + AIR, AIR + "]", '"', "", " "]),
)


@given(lines=st.lists(LINES, min_size=1, max_size=8))
def test_many_lines_are_read_as_they_are_one_by_one(lines: list[str]) -> None:
    together = "\n".join(lines).encode()
    assert in_one_go(together) == one_by_one(together)


@given(lines=st.lists(READINGS.map(json.dumps), min_size=1, max_size=8))
def test_readings_alone_are_read_as_they_are_one_by_one(lines: list[str]) -> None:
    together = "\n".join(lines).encode()
    assert in_one_go(together) == one_by_one(together)


FORMS = st.sampled_from(
    [
        '{"quantity":"number","value":%s}',
        '{"quantity": "number", "channel": "a", "value": %s, "time": %s}',
        '{"quantity":"people","value":%s,"time":1.5}',
        '{"time":2.5,"quantity":"air_temperature","value":%s}',
        '{"channel":"\\"value\\":1}","quantity":"number","value":%s,"time":%s}',
        '{"value":1,"quantity":"number","value":%s}',
        '{"quantity":"number","time":1,"value":%s,"time":%s}',
        '{"quantity":"x","value":%s}',
        '{"value":%s}',
        '[{"quantity":"number","value":%s}]',
        '{"quantity":"number","flag":"fail","value":%s}',
        '{"quantity":"number","value":%s,"channel":"a"}',
    ]
)
TOKENS = st.one_of(
    st.integers(-100, 10**6).map(str),
    st.floats(-1e3, 1e3).map(repr),
    st.sampled_from(["null", "1,2", "1,null,2", '1,"time":2', "", " 7 ", "1e400", "01", "true"]),
)


@given(data=st.data(), form=FORMS, count=st.integers(2, 7))
def test_lines_of_one_form_are_read_as_they_are_one_by_one(
    data: st.DataObject, form: str, count: int
) -> None:
    numbers = st.one_of(st.integers(0, 99).map(str), TOKENS)
    lines = [
        form % tuple(data.draw(st.lists(numbers, min_size=(n := form.count("%s")), max_size=n)))
        for _ in range(count)
    ]
    if data.draw(st.booleans()):
        lines.insert(data.draw(st.integers(0, count)), data.draw(LINES))
    together = "\n".join(lines).encode()
    assert in_one_go(together) == one_by_one(together)


def test_swapped_values_and_times_are_not_mistaken_for_each_other() -> None:
    right = '{"quantity":"number","value":1,"time":2}'
    swapped = '{"quantity":"number","time":1,"value":2}'
    lines = f"{right}\n{right}\n{swapped}\n{right}".encode()
    assert in_one_go(lines) == one_by_one(lines)


def test_a_bad_line_among_very_many_is_named_by_its_place() -> None:
    turns = [f'{{"quantity":"number","channel":"c{n % 3}","value":{n}}}' for n in range(1000)]
    turns[777] = "{"
    kept, refused = in_one_go("\n".join(turns).encode())
    assert len(kept) == 999
    assert list(refused) == [777]


@given(lines=st.binary(max_size=80))
def test_any_bytes_are_lines_that_are_kept_or_refused(lines: bytes) -> None:
    assert in_one_go(lines) == one_by_one(lines)


@given(said=st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=3), st.lists))
def test_any_value_is_a_finite_number_missing_or_refused(said: Any) -> None:
    line = json.dumps({"quantity": "number", "value": said}).encode()
    kept, _ = in_one_go(line)
    for _, value, flag, _, _ in kept:
        assert math.isfinite(float(value)) or flag is Flag.MISSING
