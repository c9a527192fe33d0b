"""A talk as the input of a simulated device: the driver above it reads what was recorded."""

from __future__ import annotations

import itertools
import math
from collections.abc import Generator
from pathlib import Path

import pytest

from edge_gateway.clock import SystemClock
from edge_gateway.drivers.hukseflux import Hukseflux, HuksefluxConfig
from edge_gateway.drivers.sht import Sht, ShtConfig
from edge_gateway.drivers.windsonic import WindSonic, WindSonicConfig
from edge_gateway.links.errors import BadFrame, DeviceSilent, LinkGone
from edge_gateway.links.i2c import I2cBus
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.links.serial import SerialPort
from edge_gateway.links.talk import Medium, Turn, parse
from edge_gateway.reading import Measured, Quantity
from edge_gateway.twins.i2c_bus import SimulatedI2cBus
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.talk import Exchange, TalkChip, TalkTwin, exchanges

CLOCK = SystemClock()
# Frames of the WindSonic's manual and of the Hukseflux's register table.
FRAME = b"\x02Q,229,002.74,M,00,\x0316\r\n"
CALM = b"\x02Q,,000.04,M,00,\x032A\r\n"
ASKED = "01 03 00 02 00 05 24 09"
DAY = "01 03 0a 00 01 3d 52 00 00 00 00 09 e6 1f b4"
NIGHT = "01 03 0a ff ff fe bf 00 00 00 00 fe 00 d4 d2"
WIND = f"0.0 < {FRAME.hex(' ')}\n0.25 < {CALM[:8].hex(' ')}\n0.26 < {CALM[8:].hex(' ')}"
SUN = f"0.0 > {ASKED}\n0.03 < {DAY}\n10.0 > {ASKED}\n10.03 < {NIGHT}"
AIR = "0.0 > 44 fd\n0.01 < 44 66 66 93 7f ff 8f"


def turns(text: str, medium: Medium = "serial") -> tuple[Turn, ...]:
    return parse(text.splitlines(), medium).turns


@pytest.fixture
def line(tmp_path: Path) -> Generator[PtyLine]:
    line = PtyLine(by_id=tmp_path / "line")
    yield line
    line.close()


def wind(port: SerialPort) -> WindSonic:
    return WindSonic(WindSonicConfig(id="w", driver="windsonic", port="x", baud=9600), port, CLOCK)


def sun(port: SerialPort) -> Hukseflux:
    config = HuksefluxConfig(id="s", driver="hukseflux", port="x")
    return Hukseflux(config, ModbusLine(port, CLOCK, timeout_s=0.2), CLOCK)


def sht(text: str, chip: TalkChip | None = None) -> Sht:
    bus = SimulatedI2cBus({0x44: chip or TalkChip(turns(text, "i2c"))})
    return Sht(ShtConfig(id="a", driver="sht"), I2cBus(1, open_bus=bus.open), CLOCK)


def irradiances(driver: Hukseflux, count: int) -> list[float]:
    return [value(driver.read(), Quantity.GLOBAL_IRRADIANCE) for _ in range(count)]


def value(measured: Measured, quantity: Quantity) -> float:
    found = measured[quantity]
    assert isinstance(found, float)
    return found


def test_a_talk_is_questions_and_what_came_how_much_later() -> None:
    found = list(exchanges(turns("0.5 < 00\n1.0 > 01\n1.5 .\n1.75 < 02\n2.0 ! gone: x\n3.0 > 03")))
    assert found == [
        Exchange(b"", ((0.5, b"\x00"),), 1.0),
        Exchange(b"\x01", ((0.75, b"\x02"),), 2.0),
        Exchange(b"\x03", (), 0.0),
    ]


def test_a_talking_device_says_it_again_and_again(line: PtyLine, port: SerialPort) -> None:
    with TalkTwin(line, turns(WIND), speed=25):
        frames = list(itertools.islice(wind(port).listen(), 4))
    speeds = [value(frame, Quantity.WIND_SPEED) for frame in frames]
    assert sorted(speeds[:2]) == [0.04, 2.74]
    assert speeds[2:] == speeds[:2]


def test_a_talk_that_is_not_repeated_ends(line: PtyLine, port: SerialPort) -> None:
    twin = TalkTwin(line, turns(WIND), speed=1000, repeat=False)
    with twin:
        assert len(list(itertools.islice(wind(port).listen(), 2))) == 2
        assert port.read(64, 0.05) == b""


def test_an_asked_device_answers_what_it_answered_then(line: PtyLine, port: SerialPort) -> None:
    with TalkTwin(line, turns(SUN), speed=10):
        found = irradiances(sun(port), 3)
    assert found == [pytest.approx(812.34), pytest.approx(-3.21), pytest.approx(812.34)]


def test_to_what_was_never_asked_it_says_nothing(line: PtyLine, port: SerialPort) -> None:
    with TalkTwin(line, turns(SUN), speed=10):
        with pytest.raises(DeviceSilent):
            sun(port).link.read_input(1, 100, 2)
        assert irradiances(sun(port), 1) == [pytest.approx(812.34)]


def test_real_time_is_kept(line: PtyLine, port: SerialPort) -> None:
    late = turns(f"0.0 > {ASKED}\n0.35 < {DAY}")
    with TalkTwin(line, late), pytest.raises(DeviceSilent):
        sun(port).read()


@pytest.mark.parametrize(
    ("fault", "error"), [("crc", BadFrame), ("half_frame", BadFrame), ("silent", DeviceSilent)]
)
def test_a_fault_strikes_once(
    line: PtyLine, port: SerialPort, fault: str, error: type[Exception]
) -> None:
    with TalkTwin(line, turns(f"0.0 > {ASKED}\n0.03 < {DAY}"), speed=10) as twin:
        twin.fail(fault)
        with pytest.raises(error):
            sun(port).read()
        assert irradiances(sun(port), 1) == [pytest.approx(812.34)]


def test_a_split_answer_is_a_whole_one(line: PtyLine, port: SerialPort) -> None:
    with TalkTwin(line, turns(SUN), speed=10) as twin:
        twin.fail("split_frame")
        assert irradiances(sun(port), 1) == [pytest.approx(812.34)]


def test_a_chip_answers_as_in_its_talk() -> None:
    driver = sht(AIR)
    found = [driver.read() for _ in range(2)]
    assert [value(one, Quantity.AIR_TEMPERATURE) for one in found] == [pytest.approx(25.0)] * 2


def test_a_chip_that_gave_no_answer_gives_none() -> None:
    driver = sht(f"{AIR}\n1.0 > 44 fd\n1.1 ! 44 silent: converts\n2.0 > 44 fd ! gone: stuck")
    assert math.isclose(value(driver.read(), Quantity.AIR_TEMPERATURE), 25.0)
    with pytest.raises(DeviceSilent):
        driver.read()
    with pytest.raises(LinkGone):
        driver.read()


def test_a_chip_that_lost_power_begins_anew() -> None:
    chip = TalkChip(turns(f"{AIR}\n1.0 > 44 fd\n1.1 ! 44 silent: converts", "i2c"))
    driver = sht("", chip)
    driver.read()
    chip.power_up()
    assert math.isclose(value(driver.read(), Quantity.AIR_TEMPERATURE), 25.0)


def test_a_chip_that_is_told_to_be_silent_is_silent_once() -> None:
    chip = TalkChip(turns(AIR, "i2c"))
    chip.fail("silent")
    driver = sht("", chip)
    with pytest.raises(DeviceSilent):
        driver.read()
    assert driver.read()


def test_a_command_that_no_talk_holds_is_not_acknowledged() -> None:
    with pytest.raises(DeviceSilent):
        sht("0.0 > 44 e0").read()
