"""Simulated Modbus slaves behind the real master: each value, each fault by its own error."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edge_gateway.clock import SystemClock
from edge_gateway.drivers.formats.register_map import RegisterMap, shipped_map
from edge_gateway.drivers.kipp_smp import KippSmp, KippSmpConfig
from edge_gateway.drivers.modbus_profile import ModbusProfile, ModbusProfileConfig
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceSilent, Misconfigured
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.links.serial import SerialPort
from edge_gateway.reading import Flag, Flagged, Quantity
from edge_gateway.twins.hukseflux import HuksefluxTwin
from edge_gateway.twins.kipp_smp import KippSmpTwin
from edge_gateway.twins.modbus_profile import ModbusProfileTwin, held_value
from edge_gateway.twins.modbus_slave import SharedLine
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.weather import WeatherScene

CLOCK = SystemClock()
SUN = Quantity.GLOBAL_IRRADIANCE


@pytest.fixture
def master(line: PtyLine) -> Iterator[ModbusLine]:
    port = SerialPort(line.path, 19200)
    port.discard_input()
    yield ModbusLine(port, CLOCK, timeout_s=0.15)
    port.close()


@pytest.fixture
def smp(master: ModbusLine) -> KippSmp:
    return KippSmp(KippSmpConfig(id="sun", driver="kipp_smp", port="/dev/null"), master, CLOCK)


def by_profile(master: ModbusLine, name: str) -> ModbusProfile:
    table = {"id": "any", "driver": "modbus_profile", "port": "/dev/null", "profile": name}
    return ModbusProfile(ModbusProfileConfig.model_validate(table), master, CLOCK)


@pytest.mark.parametrize(("scale", "resolution"), [(1, 0.1), (0, 1.0), (-1, 10.0)])
def test_the_scene_s_sun_arrives_whatever_the_scale_factor(
    line: PtyLine, smp: KippSmp, scene: WeatherScene, scale: int, resolution: float
) -> None:
    with KippSmpTwin(line, scene, scale=scale, seconds=lambda: 0.0):
        sun = smp.read()[SUN]
    assert sun == pytest.approx(scene.at(0.0).global_irradiance, abs=0.51 * resolution)


def test_what_does_not_fit_into_16_bits_is_an_overflow(
    line: PtyLine, smp: KippSmp, scene: WeatherScene
) -> None:
    with KippSmpTwin(line, scene, scale=2, seconds=lambda: 0.0):  # 327.67 W/m2 at most
        sun = smp.read()[SUN]
    assert isinstance(sun, Flagged)
    assert sun.reason == "status: overflow"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("void", "status: void signal"),
        ("saturated", "status: overflow"),
        ("underflow", "status: underflow"),
        ("hardware_error", "status: hardware error"),
        ("service_mode", "mode 2: not measuring normally"),
    ],
)
def test_a_fault_of_the_device_itself_is_flagged_once(
    line: PtyLine, smp: KippSmp, scene: WeatherScene, fault: str, reason: str
) -> None:
    with KippSmpTwin(line, scene) as twin:
        twin.fail(fault)
        sun = smp.read()[SUN]
        assert isinstance(sun, Flagged)
        assert (sun.flag, sun.reason) == (Flag.MISSING, reason)
        assert isinstance(smp.read()[SUN], float)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("crc", BadFrame),
        ("silent", DeviceSilent),
        ("half_frame", BadFrame),
        ("babble", BadFrame),
        ("wrong_slave", BadFrame),
        ("late", DeviceSilent),
        ("exception_2", Misconfigured),
        ("exception_4", BadFrame),
        ("exception_6", DeviceSilent),
    ],
)
def test_a_fault_has_its_error_and_the_next_answer_is_good(
    line: PtyLine, smp: KippSmp, scene: WeatherScene, fault: str, error: type[DeviceError]
) -> None:
    with KippSmpTwin(line, scene, late_s=0.2) as twin:
        twin.fail(fault)
        with pytest.raises(error):
            smp.read()
        assert smp.read()


@pytest.mark.parametrize("fault", ["split_frame", "joined_frames", "noise", "echo"])
def test_what_a_real_line_does_costs_no_answer(
    line: PtyLine, smp: KippSmp, scene: WeatherScene, fault: str
) -> None:
    with KippSmpTwin(line, scene) as twin:
        twin.fail(fault)
        assert smp.read()
        assert smp.read()


@pytest.mark.parametrize("name", ["xy_md02", "rs_fsjt_n01", "rs_fxjt_n01"])
def test_the_scene_arrives_through_every_shipped_map(
    line: PtyLine, master: ModbusLine, scene: WeatherScene, name: str
) -> None:
    found, weather = shipped_map(name), scene.at(0.0)
    with ModbusProfileTwin(line, scene, found, seconds=lambda: 0.0):
        measured = by_profile(master, name).read()
    assert measured == {
        one.quantity: pytest.approx(held_value(weather, one.quantity), abs=0.501 * one.scale)
        for one in found.registers
    }


NAMED = RegisterMap.model_validate(
    {
        "title": "one with a code for no value",
        "baud": 9600,
        "parity": "N",
        "register": [
            {
                "quantity": "wind_speed",
                "function": 4,
                "address": 0,
                "type": "f32",
                "valid": [0, 60],
            },
            {"quantity": "air_temperature", "function": 4, "address": 2, "type": "s32"}
            | {"word_order": "low_first", "nan": [0x80000001], "scale": 0.01, "valid": [-40, 80]},
        ],
    }
)


def test_a_code_for_no_value_is_sent_where_there_is_one(
    line: PtyLine, master: ModbusLine, scene: WeatherScene
) -> None:
    with ModbusProfileTwin(line, scene, NAMED) as twin:
        twin.fail("nan")
        speed, temperature = NAMED.decode([master.read_input(1, 0, 4)]).values()
    assert isinstance(speed, float)
    assert isinstance(temperature, Flagged)
    assert (temperature.flag, "80000001" in temperature.reason) == (Flag.MISSING, True)


def test_a_saturated_register_is_out_of_range(
    line: PtyLine, master: ModbusLine, scene: WeatherScene
) -> None:
    with ModbusProfileTwin(line, scene, shipped_map("rs_fsjt_n01")) as twin:
        twin.fail("saturated")
        speed = by_profile(master, "rs_fsjt_n01").read()[Quantity.WIND_SPEED]
    assert isinstance(speed, Flagged)
    assert (speed.value, speed.flag) == (pytest.approx(6553.5), Flag.FAIL)


def test_slaves_share_a_line_and_keep_their_faults_to_themselves(
    line: PtyLine, master: ModbusLine, smp: KippSmp, scene: WeatherScene
) -> None:
    other = HuksefluxTwin(line, scene, unit=2)
    other.fail("crc")
    with SharedLine(line, [KippSmpTwin(line, scene), other]):
        assert smp.read()
        with pytest.raises(BadFrame):
            master.read_holding(2, 2, 5)
        assert master.read_holding(2, 2, 5)
        with pytest.raises(DeviceSilent):
            master.read_holding(3, 2, 5)


def test_an_unknown_function_is_refused_by_a_map_that_has_none_of_it(
    line: PtyLine, master: ModbusLine, scene: WeatherScene
) -> None:
    with (
        ModbusProfileTwin(line, scene, shipped_map("xy_md02")),
        pytest.raises(Misconfigured, match="illegal function"),
    ):
        master.read_holding(1, 1, 2)
