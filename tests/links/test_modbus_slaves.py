"""A Modbus line with more than one slave: quarantine for the dead, no late answer for another's."""

from __future__ import annotations

import contextlib

import pytest

from edge_gateway.links.errors import BadFrame, DeviceSilent
from edge_gateway.links.frames import with_modbus_crc
from edge_gateway.links.modbus import ModbusLine
from tests.links.scripted_modbus import DAY, DAY_REGISTERS, Line, exception


class Quarantine:
    """A master with slave 1 dead from the beginning, and slave 2 well."""

    def __init__(self) -> None:
        self.alive: set[int] = {2}
        self.line = Line(self.answer)
        self.master = ModbusLine(self.line, self.line)

    def answer(self, ask: bytes) -> list[tuple[float, bytes]]:
        return [(0.01, with_modbus_crc(ask[:2] + b"\x02\x00\x07"))] * (ask[0] in self.alive)

    def cost_s(self, unit: int = 1) -> float:
        """How long a request takes that may fail."""
        began_s = self.line.now_s
        with contextlib.suppress(DeviceSilent):
            self.master.read_holding(unit, 0, 1)
        return self.line.now_s - began_s

    def dead_after(self, silences: int) -> None:
        for _ in range(silences):
            self.cost_s()


def test_a_slave_that_was_silent_three_times_is_not_asked_for_a_while() -> None:
    bench = Quarantine()
    bench.dead_after(3)
    asked = len(bench.line.sent)
    with pytest.raises(DeviceSilent, match=r"last 3 requests; not asked again for 2\.0 s"):
        bench.master.read_holding(1, 0, 1)
    assert len(bench.line.sent) == asked
    assert bench.cost_s() == 0.0


def test_two_silences_are_not_enough() -> None:
    bench = Quarantine()
    bench.dead_after(2)
    bench.alive.add(1)
    assert bench.master.read_holding(1, 0, 1) == (7,)


def test_the_others_are_asked_while_one_is_in_quarantine() -> None:
    bench = Quarantine()
    bench.dead_after(3)
    assert bench.master.read_holding(2, 0, 1) == (7,)


def test_quarantine_doubles_up_to_half_a_minute() -> None:
    bench = Quarantine()
    bench.dead_after(3)
    lengths_s = [2.0, 4.0, 8.0, 16.0, 30.0, 30.0]
    for length_s in lengths_s:
        bench.line.now_s += length_s - 0.01
        assert bench.cost_s() == 0.0
        bench.line.now_s += 0.02
        assert bench.cost_s() > 0.39
    assert len(bench.line.sent) == 3 + len(lengths_s)


def test_a_slave_that_answers_again_is_out_of_quarantine_for_good() -> None:
    bench = Quarantine()
    bench.dead_after(3)
    bench.line.now_s += 2.1
    bench.alive.add(1)
    assert bench.master.read_holding(1, 0, 1) == (7,)
    bench.alive.remove(1)
    assert bench.cost_s() > 0.39


def test_a_slave_that_answers_nonsense_is_never_in_quarantine() -> None:
    line = Line(lambda _: [(0.01, DAY[:-1] + b"\xb5")])
    master = ModbusLine(line, line)
    for _ in range(9):
        with pytest.raises(BadFrame, match="wrong checksum"):
            master.read_holding(1, 2, 5)
    assert len(line.sent) == 9


@pytest.mark.parametrize("code", [5, 6])
def test_a_busy_slave_is_never_in_quarantine(code: int) -> None:
    line = Line(lambda _: [(0.01, exception(code))])
    master = ModbusLine(line, line)
    for _ in range(9):
        with pytest.raises(DeviceSilent, match="exception"):
            master.read_holding(1, 2, 5)
    assert len(line.sent) == 9


def test_a_late_answer_is_not_taken_for_the_next_one() -> None:
    late, fresh = b"\x01\x03\x02\x00\x01", b"\x01\x03\x02\x00\x02"
    answers = iter([(0.7, with_modbus_crc(late)), (0.05, with_modbus_crc(fresh))])
    line = Line(lambda _: [next(answers)])
    master = ModbusLine(line, line)
    with pytest.raises(DeviceSilent):
        master.read_holding(1, 0, 1)
    assert master.read_holding(1, 7, 1) == (2,)


def test_a_silent_slave_does_not_delay_the_others() -> None:
    line = Line(lambda ask: [(0.01, with_modbus_crc(b"\x02\x03\x02\x00\x02"))] * (ask[0] == 2))
    master = ModbusLine(line, line)
    with pytest.raises(DeviceSilent):
        master.read_holding(1, 0, 1)
    began_s = line.now_s
    master.read_holding(2, 0, 1)
    assert line.now_s - began_s < 0.02


STRAY = with_modbus_crc(b"\x02\x03\x04\x00\x00\x00\x00")
SPOILT = b"".join(bytes(pair) for pair in zip(DAY, STRAY.ljust(len(DAY)), strict=True))


def beside_a_late_slave(*answers: list[tuple[float, bytes]]) -> tuple[ModbusLine, Line]:
    """Slave 1 has answered, slave 2 has just let its request pass."""
    script = iter([[(0.01, DAY)], [], *answers])
    line = Line(lambda _: next(script))
    master = ModbusLine(line, line)
    master.read_holding(1, 2, 5)
    with pytest.raises(DeviceSilent):
        master.read_holding(2, 0, 2)
    return master, line


@pytest.mark.parametrize("spoilt", [STRAY, SPOILT, b"\x00\xff\x01"])
def test_an_exchange_that_a_late_answer_spoils_is_repeated_in_its_turn(spoilt: bytes) -> None:
    master, line = beside_a_late_slave([(0.1, spoilt)], [(0.02, DAY)])
    began_s = line.now_s
    assert master.read_holding(1, 2, 5) == DAY_REGISTERS
    # the stray, the silence behind it, and the second answer
    assert line.now_s - began_s == pytest.approx(0.1 + 0.052 + 0.002 + 0.02, abs=0.003)


def test_a_late_answer_of_another_that_comes_first_costs_nothing() -> None:
    master, line = beside_a_late_slave([(0.01, STRAY), (0.03, DAY)])
    assert master.read_holding(1, 2, 5) == DAY_REGISTERS
    assert len(line.sent) == 3


def test_the_answer_to_the_first_of_two_askings_is_not_taken_for_the_next_question() -> None:
    late, fresh = with_modbus_crc(b"\x01\x03\x02\x00\x01"), with_modbus_crc(b"\x01\x03\x02\x00\x02")
    script: list[list[tuple[float, bytes]]] = [
        [(0.01, STRAY), (0.3, late)],
        [(0.05, late)],
        [(0.05, fresh)],
    ]
    master, _ = beside_a_late_slave(*script)
    assert master.read_holding(1, 0, 1) == (1,)
    assert master.read_holding(1, 7, 1) == (2,)


def test_both_askings_together_take_no_longer_than_one_timeout() -> None:
    master, line = beside_a_late_slave([(0.3, STRAY)], [])
    began_s = line.now_s
    with pytest.raises(BadFrame, match="slave 2 answered instead"):
        master.read_holding(1, 2, 5)
    assert line.now_s - began_s == pytest.approx(0.4 + 23 * 11 / 19200, abs=0.003)


def test_a_slave_that_fails_by_itself_is_asked_once_a_turn() -> None:
    wrong = [(0.01, DAY[:-1] + b"\xb5")]
    master, line = beside_a_late_slave(wrong, wrong, wrong)
    for asked in (2, 3):  # the first time nobody knows whose fault it was
        with pytest.raises(BadFrame, match="wrong checksum"):
            master.read_holding(1, 2, 5)
        assert len(line.sent) == 2 + asked
