"""Register maps as TOML says them: shipped ones against golden frames, own ones, wrong ones."""

from __future__ import annotations

import math
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge_gateway.clock import Clock
from edge_gateway.drivers.formats.register_map import (
    Register,
    RegisterMap,
    RegisterMapError,
    load_map,
    shipped,
    shipped_map,
)
from edge_gateway.drivers.modbus_profile import ModbusProfile, ModbusProfileConfig
from edge_gateway.links.errors import BadFrame, Misconfigured
from edge_gateway.links.modbus_answer import Request, registers
from edge_gateway.reading import Flag, Flagged, Measurand, Measured, Quantity

AIR, HUMIDITY = Quantity.AIR_TEMPERATURE, Quantity.RELATIVE_HUMIDITY
TYPES = {"u16": ">H", "s16": ">h", "u32": ">I", "s32": ">i", "f32": ">f"}

HEAD = 'title = "mine"\nbaud = 9600\nparity = "N"\n'
AIR_AT_0 = """[[register]]
quantity = "air_temperature"
function = 3
address = 0
type = "s16"
valid = [-40, 80]
"""


class Slave:
    """Answers each request with the next of its frames, and notes what was asked."""

    def __init__(self, *answers: str | tuple[int, ...]) -> None:
        self.answers = list(answers)
        self.asked: list[Request] = []

    def read_holding(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        return self.answer(Request(unit, 3, first, count))

    def read_input(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        return self.answer(Request(unit, 4, first, count))

    def answer(self, request: Request) -> tuple[int, ...]:
        self.asked.append(request)
        answer = self.answers.pop(0)
        return registers(bytes.fromhex(answer), request) if isinstance(answer, str) else answer

    def close(self) -> None: ...


def configured(**keys: Any) -> ModbusProfileConfig:
    return ModbusProfileConfig.model_validate(
        {"id": "any", "driver": "modbus_profile", "port": "/dev/null", **keys}
    )


def read(clock: Clock, slave: Slave, **keys: Any) -> Measured:
    return ModbusProfile(configured(**keys), slave, clock).read()


def one(**keys: Any) -> Register:
    table = {"quantity": "air_temperature", "function": 3, "address": 0, "type": "s16"}
    return Register.model_validate({**table, "valid": [-1e9, 1e9], **keys})


def mapped(*registers: dict[str, Any], read_over: int = 0) -> RegisterMap:
    table = {"function": 3, "type": "u16", "valid": [0, 70_000]}
    return RegisterMap.model_validate(
        {
            "title": "mine",
            "baud": 9600,
            "parity": "N",
            "read_over": read_over,
            "register": [
                {**table, "quantity": "wind_speed", "channel": str(at), **keys}
                for at, keys in enumerate(registers)
            ],
        }
    )


# devices.md 2.1 and 2.2: golden frames of the data sheets.
@pytest.mark.parametrize(
    ("answer", "temperature", "humidity"),
    [
        ("01 04 04 01 31 02 22 2a ce", 30.5, 54.6),
        ("01 04 04 ff 33 02 22 ba e6", -20.5, 54.6),
    ],
)
def test_an_xy_md02_is_read_by_one_request(
    frozen: Clock, answer: str, temperature: float, humidity: float
) -> None:
    slave = Slave(answer)
    measured = read(frozen, slave, profile="xy_md02")
    assert measured == {AIR: pytest.approx(temperature), HUMIDITY: pytest.approx(humidity)}
    assert [ask.frame.hex(" ") for ask in slave.asked] == ["01 04 00 01 00 02 20 0b"]


def test_an_rs_fsjt_n01_is_read(frozen: Clock) -> None:
    slave = Slave("01 03 02 00 56 38 7a")
    assert read(frozen, slave, profile="rs_fsjt_n01") == {Quantity.WIND_SPEED: pytest.approx(8.6)}
    assert [ask.frame.hex(" ") for ask in slave.asked] == ["01 03 00 00 00 01 84 0a"]


def test_an_rs_fxjt_n01_is_read() -> None:
    sector, degrees = registers(bytes.fromhex("02 03 04 00 05 00 e1 19 7a"), Request(2, 3, 0, 2))
    assert sector == 5
    assert shipped_map("rs_fxjt_n01").decode([[degrees]]) == {Quantity.WIND_DIRECTION: 225.0}


@pytest.mark.parametrize(("sent", "direction"), [(0, 0.0), (359, 359.0), (360, 0.0)])
def test_360_degrees_is_folded_to_0(sent: int, direction: float) -> None:
    assert shipped_map("rs_fxjt_n01").decode([[sent]]) == {Quantity.WIND_DIRECTION: direction}


def test_a_value_outside_the_range_fails_alone() -> None:
    measured = shipped_map("xy_md02").decode([[305, 1010]])
    assert measured[AIR] == pytest.approx(30.5)
    assert measured[HUMIDITY] == Flagged(101.0, Flag.FAIL, "outside the device's range")


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_map_is_valid_and_has_its_factory_setting(name: str) -> None:
    found, config = shipped_map(name), configured(profile=name)
    assert (config.baud, config.parity, config.unit) == (found.baud, found.parity, found.unit)
    assert found.title


def test_the_shipped_maps_are_those_of_the_documentation() -> None:
    assert shipped() == ("rs_fsjt_n01", "rs_fxjt_n01", "xy_md02")
    assert configured(profile="rs_fsjt_n01").baud == 4800


def test_what_the_configuration_says_goes_before_the_factory_setting() -> None:
    config = configured(profile="rs_fxjt_n01", baud=9600, unit=2)
    assert (config.baud, config.parity, config.unit) == (9600, "N", 2)


def test_the_slave_address_is_that_of_the_configuration(frozen: Clock) -> None:
    slave = Slave((86,))
    read(frozen, slave, profile="rs_fsjt_n01", unit=9)
    assert slave.asked == [Request(9, 3, 0, 1)]


@given(
    st.sampled_from(sorted(TYPES)),
    st.integers(0, 0xFFFFFFFF),
    st.sampled_from(["high_first", "low_first"]),
    st.sampled_from([1.0, 0.1, -0.01]),
    st.sampled_from([0.0, -40.0]),
)
def test_any_bits_are_the_number_the_type_says(
    kind: str, bits: int, order: str, scale: float, offset: float
) -> None:
    size = struct.calcsize(TYPES[kind])
    raw = (bits & (1 << 8 * size) - 1).to_bytes(size)
    words = struct.unpack(f">{size // 2}H", raw)
    sent = words if order == "high_first" else words[::-1]
    register = one(type=kind, word_order=order, scale=scale, offset=offset, valid=[-1e300, 1e300])
    value = register.value(sent)
    number = float(struct.unpack(TYPES[kind], raw)[0])
    if math.isfinite(number):
        assert value == pytest.approx(number * scale + offset)
    else:
        assert isinstance(value, Flagged)
        assert value.flag is Flag.MISSING


@given(
    st.sampled_from(sorted(TYPES)),
    st.floats(0, 60_000),
    st.sampled_from(["high_first", "low_first"]),
)
def test_what_a_twin_writes_is_what_a_driver_reads(kind: str, value: float, order: str) -> None:
    scale = 1.0 if kind in {"u16", "f32"} else 2.0
    register = one(type=kind, word_order=order, scale=scale)
    read_back = register.value(register.words_of(value))
    # half a count, or a single-precision number's resolution
    assert read_back == pytest.approx(value, abs=scale / 2, rel=1e-6)


@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("s16", 0x8000, (0x8000,)),
        ("u16", 0xFFFF, (0xFFFF,)),
        ("s32", 0x80000000, (0x8000, 0x0000)),
        ("f32", 0xFF800000, (0xFF80, 0x0000)),
    ],
)
def test_a_code_for_no_value_is_missing(kind: str, code: int, words: tuple[int, ...]) -> None:
    value = one(type=kind, nan=[code]).value(words)
    assert isinstance(value, Flagged)
    assert (value.flag, "code for no value" in value.reason) == (Flag.MISSING, True)


def test_nan_as_a_float_is_missing_without_being_named() -> None:
    value = one(type="f32").value((0x7FC0, 0))
    assert isinstance(value, Flagged)
    assert value.flag is Flag.MISSING


def spans(found: RegisterMap) -> list[tuple[int, int, int]]:
    return [(span.function, span.first, span.count) for span in found.spans]


def test_neighbours_are_read_together_and_others_apart() -> None:
    found = mapped({"address": 5}, {"address": 0}, {"address": 1}, {"address": 1, "function": 4})
    assert spans(found) == [(3, 0, 2), (3, 5, 1), (4, 1, 1)]


def test_what_may_be_read_over_saves_a_request() -> None:
    addresses = [{"address": at} for at in (0, 5, 11)]
    assert spans(mapped(*addresses, read_over=4)) == [(3, 0, 6), (3, 11, 1)]


def test_a_value_of_32_bits_is_never_cut_in_two() -> None:
    found = mapped(*({"address": 2 * at, "type": "f32"} for at in range(63)))
    assert spans(found) == [(3, 0, 124), (3, 124, 2)]


def test_several_spans_are_several_requests(frozen: Clock, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        HEAD + AIR_AT_0 + AIR_AT_0.replace("air_t", "body_t").replace("address = 0", "address = 9")
    )
    slave = Slave((215,), (0xFFFF,))
    measured = read(frozen, slave, profile_file=path)
    assert measured == {
        AIR: Flagged(215.0, Flag.FAIL, "outside the device's range"),
        Quantity.BODY_TEMPERATURE: -1.0,
    }
    assert slave.asked == [Request(1, 3, 0, 1), Request(1, 3, 9, 1)]


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.sampled_from(["u16", "f32"]), st.sampled_from([3, 4])),
        min_size=1,
        max_size=30,
    ),
    st.integers(0, 20),
)
def test_every_value_is_whole_in_a_span_and_no_span_is_too_long(
    values: list[tuple[int, str, int]], read_over: int
) -> None:
    keys = [{"address": a, "type": kind, "function": f} for a, kind, f in values]
    found = mapped(*keys, read_over=read_over)
    assert all(1 <= count <= 125 for _, _, count in spans(found))
    for register in found.registers:
        assert any(
            span.function == register.function
            and span.first <= register.address
            and register.stop <= span.first + span.count
            for span in found.spans
        )
    answers = [range(span.first, span.first + span.count) for span in found.spans]
    decoded = found.decode(answers)
    for register in found.registers:
        if register.type == "u16":  # each register held its own address
            assert decoded[register.key] == register.address


def test_a_channel_tells_two_of_a_quantity_apart() -> None:
    found = mapped({"address": 0, "channel": "mast"}, {"address": 1, "channel": ""})
    assert found.decode([[3, 4]]) == {
        Measurand(Quantity.WIND_SPEED, "mast"): 3.0,
        Quantity.WIND_SPEED: 4.0,
    }


@given(st.lists(st.lists(st.integers(0, 0xFFFF), max_size=3), max_size=2))
def test_any_answers_are_numbers_or_one_of_the_four(answers: list[list[int]]) -> None:
    try:
        assert set(shipped_map("xy_md02").decode(answers)) == {AIR, HUMIDITY}
    except BadFrame:
        assert [len(answer) for answer in answers] != [2]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD + AIR_AT_0 + 'colour = "red"\n', r"register\[0\]\.colour: Extra inputs"),
        (HEAD + AIR_AT_0.replace("s16", "i16"), r"register\[0\]\.type: Input should be 'u16'"),
        (HEAD + AIR_AT_0.replace("function = 3", "function = 6"), r"register\[0\]\.function"),
        (HEAD + AIR_AT_0.replace("air_temp", "air_tmp"), r"register\[0\]\.quantity"),
        (HEAD + AIR_AT_0.replace("address = 0\n", ""), r"register\[0\]\.address: Field required"),
        (HEAD + AIR_AT_0.replace("[-40, 80]", "[80, -40]"), r"register\[0\]: .*the lowest"),
        (HEAD + AIR_AT_0.replace("air_temperature", "people"), r"register\[0\]: .*is counted by"),
        (HEAD + AIR_AT_0 + "scale = 0\n", r"register\[0\]: .*scale not 0"),
        (HEAD + AIR_AT_0 + "nan = [-32768]\n", r"register\[0\]: .*unsigned"),
        (HEAD + AIR_AT_0 + AIR_AT_0, r"the map: .*air_temperature is given 2 times"),
        (HEAD, r"register: Field required"),
        (HEAD + "register = []\n", r"register: Tuple should have at least 1"),
        (AIR_AT_0, r"baud: Field required"),
        ("title = \n", "not TOML: .*line 1"),
        (
            HEAD + AIR_AT_0.replace("address = 0", "address = 65535").replace("s16", "u32"),
            "32 bits from the last address",
        ),
    ],
)
def test_what_is_wrong_with_a_map_is_said_with_file_and_key(
    tmp_path: Path, text: str, says: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ValidationError, match=f"(?s)mine\\.toml: .*{says}"):
        configured(profile_file=path)


def test_a_wrong_register_is_told_once(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + AIR_AT_0.replace("s16", "i16"))
    with pytest.raises(RegisterMapError) as told:
        load_map(path)
    assert str(told.value).startswith(f"{path}: register[0].type: Input should be")
    assert ";" not in str(told.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RegisterMapError, match=r"none\.toml: cannot be read: No such file"):
        load_map(tmp_path / "none.toml")


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(RegisterMapError, match=r"mine\.toml: not UTF-8"):
        load_map(path)


def test_an_unknown_profile_names_the_nearest() -> None:
    with pytest.raises(ValidationError, match=r"no profile 'xy_md20'\. Did you mean 'xy_md02'"):
        configured(profile="xy_md20")


def test_profile_and_file_at_once_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="leave one out"):
        configured(profile="xy_md02", profile_file=tmp_path / "mine.toml")


def test_neither_profile_nor_file_is_refused() -> None:
    with pytest.raises(ValidationError, match="profile\n  Field required"):
        configured()


def test_a_map_that_went_bad_after_the_check_is_a_wrong_setting(
    frozen: Clock, tmp_path: Path
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(HEAD + AIR_AT_0)
    config = configured(profile_file=path)
    path.write_text("")
    with pytest.raises(Misconfigured, match=r"mine\.toml"):
        ModbusProfile(config, Slave(), frozen)
