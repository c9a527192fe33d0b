"""Simulated devices that talk in lines of text, through a real pty, by the real drivers."""

from __future__ import annotations

from itertools import islice

import pytest

from edge_gateway.clock import SystemClock
from edge_gateway.drivers.nmea_mwv import NmeaMwv, NmeaMwvConfig
from edge_gateway.drivers.wxt530 import Wxt530, Wxt530Config
from edge_gateway.links.errors import BadFrame, DeviceReset, DeviceSilent
from edge_gateway.links.serial import SerialPort
from edge_gateway.reading import Flagged, Quantity
from edge_gateway.twins.nmea_mwv import NmeaMwvTwin, mwv
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.weather import WeatherScene
from edge_gateway.twins.wxt530 import Wxt530Twin

CLOCK = SystemClock()
SPEED, DIRECTION = Quantity.WIND_SPEED, Quantity.WIND_DIRECTION


@pytest.fixture
def wind(line: PtyLine, port: SerialPort) -> NmeaMwv:
    config = NmeaMwvConfig(id="wind", driver="nmea_mwv", port=line.path, mounting_offset_deg=30)
    return NmeaMwv(config, port, CLOCK)


@pytest.fixture
def anemometer(line: PtyLine, scene: WeatherScene, wind: NmeaMwv) -> NmeaMwvTwin:
    del wind  # it listens before the first sentence
    return NmeaMwvTwin(line, scene, rate_hz=2000, mounting_offset_deg=30, seconds=lambda: 0.0)


@pytest.mark.parametrize(
    ("sent", "standard"),
    [
        (mwv(5.1, 350), b"$WIMWV,350.0,R,5.1,M,A*22\r\n"),
        (mwv(9.8 * 1852 / 3600, 10, unit="N"), b"$WIMWV,010.0,R,9.8,N,A*23\r\n"),
        (mwv(10, 180, unit="K"), b"$WIMWV,180.0,R,36.0,K,A*1A\r\n"),
        (mwv(None, None, status="V"), b"$WIMWV,,R,,M,V*37\r\n"),
        (mwv(1.0, 359.96)[:14], b"$WIMWV,000.0,R"),
    ],
)
def test_sentences_are_those_of_the_standard(sent: bytes, standard: bytes) -> None:
    assert sent == standard


def test_the_scene_s_wind_arrives_through_the_mounting_offset(
    anemometer: NmeaMwvTwin, wind: NmeaMwv, scene: WeatherScene
) -> None:
    with anemometer:
        measured = list(islice(wind.listen(), 3))
    weather = scene.at(0.0)
    assert measured == 3 * [
        {
            SPEED: pytest.approx(weather.wind_speed, abs=0.06),
            DIRECTION: pytest.approx(weather.wind_direction, abs=0.1),
        }
    ]


@pytest.mark.parametrize("unit", ["K", "N", "S"])
def test_another_unit_makes_no_other_wind(
    line: PtyLine, wind: NmeaMwv, scene: WeatherScene, unit: str
) -> None:
    with NmeaMwvTwin(line, scene, rate_hz=200, unit=unit, seconds=lambda: 0.0):
        speed = next(wind.listen())[SPEED]
    assert speed == pytest.approx(scene.at(0.0).wind_speed, abs=0.051)


@pytest.mark.parametrize("fault", ["crc", "half_frame", "missing_checksum", "too_long"])
def test_a_spoilt_sentence_is_a_bad_frame_and_the_next_is_good(
    anemometer: NmeaMwvTwin, wind: NmeaMwv, fault: str
) -> None:
    anemometer.fail(fault)
    with anemometer:
        with pytest.raises(BadFrame):
            next(wind.listen())
        assert isinstance(next(wind.listen())[SPEED], float)


@pytest.mark.parametrize("fault", ["silent", "split_frame", "joined_frames", "noise"])
def test_what_a_real_line_does_costs_no_sentence(
    anemometer: NmeaMwvTwin, wind: NmeaMwv, fault: str
) -> None:
    anemometer.fail(fault, times=2)
    with anemometer:
        assert len(list(islice(wind.listen(), 5))) == 5


def test_status_v_is_missing(anemometer: NmeaMwvTwin, wind: NmeaMwv) -> None:
    anemometer.fail("invalid")
    with anemometer:
        assert isinstance(next(wind.listen())[SPEED], Flagged)


def wxt(line: PtyLine, port: SerialPort, *, polled: bool, crc: bool) -> Wxt530:
    config = Wxt530Config(
        id="all",
        driver="wxt530",
        port=line.path,
        mode="polled" if polled else "automatic",
        crc=crc,
        period_s=0.01,
    )
    return Wxt530(config, port, CLOCK)


@pytest.mark.parametrize("crc", [False, True])
@pytest.mark.parametrize("polled", [False, True])
def test_the_scene_s_weather_arrives(
    line: PtyLine, port: SerialPort, scene: WeatherScene, *, polled: bool, crc: bool
) -> None:
    sensor, weather = wxt(line, port, polled=polled, crc=crc), scene.at(0.0)
    with Wxt530Twin(line, scene, polled=polled, crc=crc, rate_hz=2000, seconds=lambda: 0.0):
        for measured in islice(sensor.listen(), 3):
            assert measured[SPEED] == pytest.approx(weather.wind_speed, abs=0.06)
            assert measured[DIRECTION] == pytest.approx(weather.wind_direction, abs=0.55)
            assert measured[Quantity.AIR_TEMPERATURE] == pytest.approx(
                weather.air_temperature, abs=0.051
            )
            assert measured[Quantity.AIR_PRESSURE] == pytest.approx(100_830.0)
            assert measured[Quantity.SUPPLY_VOLTAGE] == 12.1


def test_other_units_make_no_other_weather(
    line: PtyLine, port: SerialPort, scene: WeatherScene
) -> None:
    units = {"Sm": "N", "Ta": "F", "Pa": "I"}
    with Wxt530Twin(line, scene, polled=True, units=units, seconds=lambda: 0.0):
        measured = next(wxt(line, port, polled=True, crc=False).listen())
    weather = scene.at(0.0)
    assert measured[SPEED] == pytest.approx(weather.wind_speed, abs=0.03)
    assert measured[Quantity.AIR_TEMPERATURE] == pytest.approx(weather.air_temperature, abs=0.03)
    assert measured[Quantity.AIR_PRESSURE] == pytest.approx(100_830.0, abs=170)


@pytest.mark.parametrize("polled", [False, True])
@pytest.mark.parametrize(
    ("fault", "error"), [("crc", BadFrame), ("error", BadFrame), ("reset", DeviceReset)]
)
def test_a_fault_has_its_error_and_the_next_message_is_good(
    line: PtyLine,
    port: SerialPort,
    scene: WeatherScene,
    fault: str,
    error: type[BadFrame],
    *,
    polled: bool,
) -> None:
    sensor = wxt(line, port, polled=polled, crc=True)
    with Wxt530Twin(line, scene, polled=polled, crc=True, rate_hz=100) as twin:
        next(sensor.listen())
        twin.fail(fault)
        with pytest.raises(error):
            list(islice(sensor.listen(), 9))
        assert isinstance(next(sensor.listen())[SPEED], float)


@pytest.mark.parametrize("fault", ["echo", "split_frame", "rain"])
def test_what_a_polled_line_does_costs_no_answer(
    line: PtyLine, port: SerialPort, scene: WeatherScene, fault: str
) -> None:
    sensor = wxt(line, port, polled=True, crc=True)
    with Wxt530Twin(line, scene, polled=True, crc=True) as twin:
        twin.fail(fault, times=2)
        assert len(list(islice(sensor.listen(), 4))) == 4


def test_half_an_answer_is_a_bad_frame_and_none_is_silence(
    line: PtyLine, port: SerialPort, scene: WeatherScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_gateway.drivers.wxt530.ANSWER_TIMEOUT_S", 0.1)
    sensor = wxt(line, port, polled=True, crc=False)
    with Wxt530Twin(line, scene, polled=True) as twin:
        for fault, error in (("half_frame", BadFrame), ("silent", DeviceSilent)):
            twin.fail(fault)
            with pytest.raises(error):
                next(sensor.listen())
            assert next(sensor.listen())


@pytest.mark.parametrize(
    ("request_line", "answer"),
    [
        (b"0r0Kld\r\n", b"0r0,Dm="),
        (b"0r1Goe\r\n", b"0r1,Dm="),
        (b"0r3Kid\r\n", b"0r3,Rc=0.00M,"),
        (b"0r5Kcd\r\n", b"0r5,Vh=0.0N,Vs=12.1V"),
        (b"0r1xxx\r\n", b"0tX,Use chksum GoeIU~\r\n"),
        (b"0R1\r\n", b"0tX,Unknown cmd error"),
        (b"0r9xxx\r\n", b"0tX,Unknown cmd error"),
        (b"1r1Goe\r\n", b""),
    ],
)
def test_a_request_is_answered_as_in_the_manual(
    line: PtyLine, port: SerialPort, scene: WeatherScene, request_line: bytes, answer: bytes
) -> None:
    with Wxt530Twin(line, scene, polled=True, crc=True):
        port.write(request_line)
        got = port.read(400, 2.0 if answer else 0.05)
    assert got.startswith(answer)
    assert bool(got) == bool(answer)
