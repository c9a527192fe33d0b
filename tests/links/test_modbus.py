"""The master above a scripted line: golden frames, every fault by its own name, no late answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.clock import Clock
from edge_gateway.links.errors import (
    BadFrame,
    DeviceError,
    DeviceSilent,
    LinkGone,
    Misconfigured,
)
from edge_gateway.links.frames import has_modbus_crc, with_modbus_crc
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.links.modbus_answer import Request, find_answer
from tests.chopped import chopped
from tests.links.scripted_modbus import DAY, DAY_REGISTERS, Line, exception, read_sr05, talking

# devices.md 2.3: registers 2-6 of an SR05 by day, the request.
ASK = bytes.fromhex("01 03 00 02 00 05 24 09")
SR05 = Request(1, 3, 2, 5)


def test_the_request_is_that_of_the_manual() -> None:
    master, line = talking(DAY)
    master.read_holding(1, 2, 5)
    assert line.sent == [ASK]


def test_the_answer_of_the_manual_is_read() -> None:
    assert read_sr05(DAY) == DAY_REGISTERS


def test_input_registers_are_read_by_function_4() -> None:
    # devices.md 2.4: an SMP, registers 2-9.
    answer = "01 04 10 00 01 00 00 00 00 03 e5 03 e5 00 00 00 f8 00 ea 66 12"
    master, line = talking(bytes.fromhex(answer))
    assert master.read_input(1, 2, 8) == (1, 0, 0, 997, 997, 0, 248, 234)
    assert line.sent == [bytes.fromhex("01 04 00 02 00 08 50 0c")]


def test_an_answer_in_single_bytes_is_read() -> None:
    assert read_sr05(*(DAY[at : at + 1] for at in range(len(DAY)))) == DAY_REGISTERS


def test_an_echo_of_the_request_is_passed_over() -> None:
    assert read_sr05(ASK + DAY) == DAY_REGISTERS


def test_noise_before_the_answer_is_passed_over() -> None:
    assert read_sr05(b"\x00\xff\x01\x03", DAY) == DAY_REGISTERS


def test_another_slaves_answer_before_ours_is_passed_over() -> None:
    assert read_sr05(with_modbus_crc(b"\x02" + DAY[1:-2]), DAY) == DAY_REGISTERS


@pytest.mark.parametrize(
    ("heard", "error", "says"),
    [
        (b"", DeviceSilent, "no answer$"),
        (ASK, DeviceSilent, "only its own echo"),
        (b"\x00\xff\x00", DeviceSilent, "noise was heard"),
        (DAY[:-1] + b"\xb5", BadFrame, "wrong checksum: 01 03 0a"),
        (DAY[:7], BadFrame, "ends after 7 of 15 bytes"),
        (with_modbus_crc(b"\x02" + DAY[1:-2]), BadFrame, "slave 2 answered instead"),
        (exception(2, unit=9), BadFrame, "slave 9 answered instead"),
        (with_modbus_crc(b"\x01\x03\x02\x00\x07"), BadFrame, "of another length"),
        (b"\x31\x32\x33", BadFrame, "only noise came: 31 32 33"),
        (exception(2)[:-1] + b"\x00", BadFrame, "wrong checksum of a refusal: 01 83 02"),
        (b"27.5C,51.2%\r\n", BadFrame, "text came, not Modbus: '27.5C,51.2%'"),
        (bytes(range(256)) * 5, BadFrame, "slave 1"),
    ],
)
def test_what_is_no_answer_is_told_apart(heard: bytes, error: type[DeviceError], says: str) -> None:
    with pytest.raises(error, match=says):
        read_sr05(heard)


@pytest.mark.parametrize(
    ("code", "error", "name"),
    [
        (1, Misconfigured, "illegal function"),
        (2, Misconfigured, "illegal data address"),
        (3, Misconfigured, "illegal data value"),
        (4, BadFrame, "device failure"),
        (6, DeviceSilent, "device busy"),
        (11, DeviceSilent, "gateway target"),
        (77, BadFrame, "unknown to the standard"),
    ],
)
def test_an_exception_is_named(code: int, error: type[DeviceError], name: str) -> None:
    with pytest.raises(error, match=rf"slave 1, registers 2-6: .* {code} \({name}"):
        read_sr05(exception(code))


def test_a_silent_slave_costs_its_timeout_and_the_time_on_the_wire() -> None:
    line = Line(lambda _: [])
    master = ModbusLine(line, line, baud=9600, timeout_s=0.3)
    with pytest.raises(DeviceSilent):
        master.read_holding(1, 2, 5)
    # 8 bytes out and 15 back, 11 bits each
    assert line.now_s - 100.0 == pytest.approx(0.3 + 23 * 11 / 9600)


def cost_s(*parts: tuple[float, bytes]) -> float:
    """How long a request is waited for when these parts come, each so many seconds later."""
    line = Line(lambda _: parts)
    with pytest.raises(DeviceError):
        ModbusLine(line, line).read_holding(1, 2, 5)
    return line.now_s - 100.0


@pytest.mark.parametrize(
    "wrong",
    [
        DAY[:-1] + b"\xb5",  # a wrong checksum
        with_modbus_crc(b"\x02" + DAY[1:-2]),  # another slave
        exception(2, unit=9),
        with_modbus_crc(b"\x01\x03\x02\x00\x07"),  # another length
        exception(2)[:-1] + b"\x00",
        ASK + b"\x00\xff" + DAY[:-1] + b"\xb5",
    ],
)
def test_after_a_whole_wrong_answer_the_rest_of_the_timeout_is_not_waited(wrong: bytes) -> None:
    assert cost_s((0.02, wrong[:3]), (0.03, wrong[3:])) == pytest.approx(0.03 + 0.052, abs=0.001)


@pytest.mark.parametrize("part", [b"", ASK, b"\x00\xff", DAY[:9], b"\x31\x32\x33"])
def test_what_may_still_become_an_answer_is_waited_for(part: bytes) -> None:
    assert cost_s((0.02, part)) == pytest.approx(0.4 + 23 * 11 / 19200)


def test_an_answer_that_follows_a_wrong_one_after_a_pause_is_still_taken() -> None:
    line = Line(lambda _: [(0.02, with_modbus_crc(b"\x02" + DAY[1:-2])), (0.06, DAY)])
    assert ModbusLine(line, line).read_holding(1, 2, 5) == DAY_REGISTERS


def test_the_own_answer_after_a_strangers_is_not_taken_for_the_next_one() -> None:
    stranger = with_modbus_crc(b"\x02\x03\x02\x00\x09")
    late, fresh = with_modbus_crc(b"\x01\x03\x02\x00\x01"), with_modbus_crc(b"\x01\x03\x02\x00\x02")
    answers = iter([[(0.01, stranger), (0.3, late)], [(0.05, fresh)]])
    line = Line(lambda _: next(answers))
    master = ModbusLine(line, line)
    with pytest.raises(BadFrame, match="slave 2 answered instead"):
        master.read_holding(1, 0, 1)
    assert line.now_s < 100.1
    assert master.read_holding(1, 7, 1) == (2,)


def test_a_babbling_line_does_not_hold_the_master() -> None:
    line = Line(lambda _: [(0.001 * at, b"U" * 50) for at in range(1000)])
    with pytest.raises(BadFrame, match="only noise"):
        ModbusLine(line, line).read_holding(1, 2, 5)
    assert line.now_s < 100.1


def test_what_came_before_the_request_is_forgotten() -> None:
    master, line = talking(DAY)
    line.coming.append((99.0, with_modbus_crc(b"\x01\x03\x0a" + bytes(10))))
    assert master.read_holding(1, 2, 5) == DAY_REGISTERS


@pytest.mark.parametrize(("baud", "gap_s"), [(4800, 3.5 * 11 / 4800), (115200, 0.00175)])
def test_requests_keep_the_gap_of_the_standard(baud: int, gap_s: float) -> None:
    line = Line(lambda _: [(0.01, DAY)])
    master = ModbusLine(line, line, baud=baud)
    master.read_holding(1, 2, 5)
    ended_s = line.now_s
    master.read_holding(1, 2, 5)
    assert line.sent_at_s[1] - ended_s == pytest.approx(gap_s)


def test_closing_the_line_closes_its_port() -> None:
    master, line = talking()
    master.close()
    assert line.closed


def test_a_lost_port_passes_through() -> None:
    def gone(_: bytes) -> list[tuple[float, bytes]]:
        raise LinkGone("unplugged")

    line = Line(gone)
    with pytest.raises(LinkGone, match="unplugged"):
        ModbusLine(line, line).read_holding(1, 2, 5)


@pytest.mark.parametrize(("first", "count"), [(0, 0), (0, 126), (65535, 2), (-1, 1)])
def test_registers_that_cannot_be_asked_for_are_refused(first: int, count: int) -> None:
    master, _ = talking()
    with pytest.raises(ValueError, match="registers"):
        master.read_holding(1, first, count)


@given(
    st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=125),
    st.integers(1, 247),
    st.binary(max_size=40),
    st.lists(st.integers(1, 60), max_size=30),
)
def test_any_answer_survives_noise_echo_and_chopping(
    values: list[int], unit: int, noise: bytes, cuts: list[int]
) -> None:
    body = b"".join(value.to_bytes(2) for value in values)
    answer = with_modbus_crc(bytes((unit, 3, len(body))) + body)
    request = Request(unit, 3, 100, len(values))
    whole = request.frame + noise + answer
    master, _ = talking(*(part for part in chopped(whole, cuts) if part))
    assert master.read_holding(unit, 100, len(values)) == tuple(values)


@given(st.binary(max_size=700))
def test_any_bytes_give_registers_with_a_good_checksum_or_one_of_the_four(heard: bytes) -> None:
    try:
        read_sr05(heard)
    except DeviceError:
        return
    answer = find_answer(heard, SR05)
    assert answer is not None
    assert has_modbus_crc(answer)


def test_looking_for_an_answer_among_its_own_heads_takes_no_quadratic_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    checks = 0
    line = Line(lambda _: [(0.0, bytes((byte,))) for byte in b"\x01\x03\x0a" * 400])
    master = ModbusLine(line, line)

    def counted(frame: bytes) -> bool:
        nonlocal checks
        checks += len(frame)
        return False

    monkeypatch.setattr("edge_gateway.links.modbus_answer.has_modbus_crc", counted)
    with pytest.raises(BadFrame):
        master.read_holding(1, 2, 5)
    assert checks < 600 * 15 * 2


def test_a_frozen_clock_is_a_clock(frozen: Clock) -> None:
    line = Line(lambda _: [(0.0, DAY)])
    assert ModbusLine(line, frozen).read_holding(1, 2, 5) == DAY_REGISTERS
