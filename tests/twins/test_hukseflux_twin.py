"""The simulated pyranometer answers as the device does, register by register, fault by fault."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edge_gateway.clock import SystemClock
from edge_gateway.drivers.hukseflux import Hukseflux, HuksefluxConfig
from edge_gateway.links.errors import BadFrame, DeviceError, DeviceSilent, Misconfigured
from edge_gateway.links.frames import with_modbus_crc
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.links.serial import SerialPort
from edge_gateway.reading import Quantity
from edge_gateway.twins.hukseflux import HuksefluxTwin
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.weather import WeatherScene

READ_SERIAL = with_modbus_crc(bytes.fromhex("01 03 00 28 00 01"))


@pytest.fixture
def twin(line: PtyLine, scene: WeatherScene) -> HuksefluxTwin:
    return HuksefluxTwin(line, scene, late_s=0.22, seconds=lambda: 0.0)


@pytest.fixture
def port(line: PtyLine) -> Iterator[SerialPort]:
    port = SerialPort(line.path, 19200, "E")
    port.discard_input()
    yield port
    port.close()


@pytest.fixture
def sensor(line: PtyLine, port: SerialPort) -> Hukseflux:
    config = HuksefluxConfig(id="sun", driver="hukseflux", port=line.path)
    master = ModbusLine(port, SystemClock(), timeout_s=0.15)
    return Hukseflux(config, master, SystemClock())


def test_a_register_is_answered_as_on_the_wire(twin: HuksefluxTwin, port: SerialPort) -> None:
    with twin:
        port.write(READ_SERIAL)
        assert port.read(20, 2.0) == with_modbus_crc(bytes.fromhex("01 03 02 12 67"))  # 4711


@pytest.mark.parametrize(
    ("request_body", "answer_body"),
    [
        ("01 06 00 00 00 02", "01 86 01"),  # writing is not for this device
        ("01 03 00 0c 00 01", "01 83 02"),  # no register 12
        ("01 04 00 0b 00 02", "01 84 02"),  # from one it has into one it has not
        ("01 03 00 00 00 00", "01 83 03"),
        ("01 03 00 00 00 7e", "01 83 03"),
    ],
)
def test_a_wrong_request_is_answered_by_an_exception(
    twin: HuksefluxTwin, request_body: str, answer_body: str
) -> None:
    request = with_modbus_crc(bytes.fromhex(request_body))
    assert twin.answer(request) == with_modbus_crc(bytes.fromhex(answer_body))


@pytest.mark.parametrize(
    "request_frame",
    [
        with_modbus_crc(bytes.fromhex("02 03 00 28 00 01")),  # for another slave
        READ_SERIAL[:-1] + b"\x00",  # wrong checksum
        READ_SERIAL[:5],
        b"\x00\xff",
    ],
)
def test_what_is_not_for_it_is_not_answered(
    twin: HuksefluxTwin, port: SerialPort, request_frame: bytes
) -> None:
    with twin:
        port.write(request_frame)
        assert port.read(20, 0.05) == b""


def test_the_scene_s_sun_arrives_at_the_driver(
    twin: HuksefluxTwin, sensor: Hukseflux, scene: WeatherScene
) -> None:
    with twin:
        measured = sensor.read()
    weather = scene.at(0.0)
    assert measured[Quantity.GLOBAL_IRRADIANCE] == pytest.approx(
        weather.global_irradiance, abs=0.0051
    )
    warmer = weather.air_temperature + 0.004 * weather.global_irradiance
    assert measured[Quantity.BODY_TEMPERATURE] == pytest.approx(warmer, abs=0.0051)


def test_the_pv_variant_has_its_registers_elsewhere(
    line: PtyLine, port: SerialPort, scene: WeatherScene
) -> None:
    config = HuksefluxConfig(id="sun", driver="hukseflux", port=line.path, pv_variant=True)
    sensor = Hukseflux(config, ModbusLine(port, SystemClock()), SystemClock())
    with HuksefluxTwin(line, scene, pv_variant=True):
        assert sensor.read()


def test_a_wrong_variant_is_a_wrong_setting(
    line: PtyLine, sensor: Hukseflux, scene: WeatherScene
) -> None:
    with HuksefluxTwin(line, scene, pv_variant=True), pytest.raises(Misconfigured):
        sensor.read()


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ("crc", BadFrame),
        ("silent", DeviceSilent),
        ("half_frame", BadFrame),
        ("wrong_slave", BadFrame),
        ("late", DeviceSilent),
        ("exception_2", Misconfigured),
        ("exception_4", BadFrame),
        ("exception_6", DeviceSilent),
    ],
)
def test_a_fault_has_its_error_and_the_next_answer_is_good(
    twin: HuksefluxTwin, sensor: Hukseflux, fault: str, error: type[DeviceError]
) -> None:
    twin.fail(fault)
    with twin:
        with pytest.raises(error):
            sensor.read()
        assert sensor.read()


@pytest.mark.parametrize("fault", ["split_frame", "noise", "echo"])
def test_what_a_real_line_does_costs_no_answer(
    twin: HuksefluxTwin, sensor: Hukseflux, fault: str
) -> None:
    twin.fail(fault)
    with twin:
        assert sensor.read()
