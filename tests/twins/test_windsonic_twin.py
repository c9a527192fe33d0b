"""The simulated anemometer speaks the frames of the manual, at its pace, through a real pty."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from itertools import islice

import pytest

from edge_gateway.clock import SystemClock
from edge_gateway.drivers.windsonic import WindSonic, WindSonicConfig
from edge_gateway.links.errors import BadFrame, DeviceReset, DeviceSilent
from edge_gateway.links.serial import SerialPort
from edge_gateway.reading import Flag, Flagged, Quantity
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.weather import WeatherScene
from edge_gateway.twins.windsonic import WindSonicTwin, beats, frame

SPEED, DIRECTION = Quantity.WIND_SPEED, Quantity.WIND_DIRECTION


@pytest.fixture
def sensor(line: PtyLine, port: SerialPort) -> WindSonic:
    config = WindSonicConfig(id="wind", driver="windsonic", port=line.path)
    return WindSonic(config, port, SystemClock())


@pytest.fixture
def twin(line: PtyLine, scene: WeatherScene, sensor: WindSonic) -> WindSonicTwin:
    del sensor  # it listens before the first frame
    return WindSonicTwin(line, scene, rate_hz=200, seconds=lambda: 0.0)


@pytest.mark.parametrize(
    ("sent", "manual"),
    [
        (frame(2.74, 229), b"\x02Q,229,002.74,M,00,\x0316\r\n"),
        (frame(0.04, None), b"\x02Q,,000.04,M,00,\x032A\r\n"),
        (frame(12.3, 359), b"\x02Q,359,012.30,M,00,\x0311\r\n"),
        (frame(None, None, status="04"), b"\x02Q,,,M,04,\x0334\r\n"),
        (frame(0.51 * 1852 / 3600, 1, unit="N"), b"\x02Q,001,000.51,N,00,\x0318\r\n"),
    ],
)
def test_frames_are_those_of_the_manual(sent: bytes, manual: bytes) -> None:
    assert sent == manual


def test_a_direction_just_short_of_north_is_north() -> None:
    assert frame(1.0, 359.7).startswith(b"\x02Q,000,001.00,M,00,\x03")


def test_the_scene_s_wind_arrives_at_the_driver(
    twin: WindSonicTwin, sensor: WindSonic, scene: WeatherScene
) -> None:
    wind = scene.at(0.0)
    with twin:
        measured = list(islice(sensor.listen(), 4))
    assert measured == 4 * [
        {
            SPEED: pytest.approx(wind.wind_speed, abs=0.0051),
            DIRECTION: pytest.approx(wind.wind_direction, abs=0.51),
        }
    ]


@pytest.mark.parametrize("fault", ["crc", "half_frame"])
def test_a_spoilt_frame_is_a_bad_one_and_the_next_is_good(
    twin: WindSonicTwin, sensor: WindSonic, fault: str
) -> None:
    twin.fail(fault)
    with twin:
        with pytest.raises(BadFrame):
            next(sensor.listen())
        assert isinstance(next(sensor.listen())[SPEED], float)


@pytest.mark.parametrize("fault", ["silent", "split_frame", "joined_frames"])
def test_what_a_healthy_line_may_do_costs_no_frame(
    twin: WindSonicTwin, sensor: WindSonic, fault: str
) -> None:
    twin.fail(fault, times=2)
    with twin:
        assert len(list(islice(sensor.listen(), 6))) == 6


def test_noise_before_a_frame_costs_no_good_one(twin: WindSonicTwin, sensor: WindSonic) -> None:
    twin.fail("noise", times=5)
    measured = 0
    with twin:
        for _ in range(2 * 5):
            with contextlib.suppress(BadFrame):  # noise that begins as a frame does
                measured += isinstance(next(sensor.listen())[SPEED], float)
    assert measured >= 5


def test_a_missing_direction_is_flagged_and_the_speed_kept(
    twin: WindSonicTwin, sensor: WindSonic
) -> None:
    twin.fail("missing_direction")
    with twin:
        measured = next(sensor.listen())
    assert isinstance(measured[SPEED], float)
    direction = measured[DIRECTION]
    assert isinstance(direction, Flagged)
    assert direction.flag is Flag.MISSING


def test_a_status_error_is_flagged_with_its_reason(twin: WindSonicTwin, sensor: WindSonic) -> None:
    twin.fail("status_error")
    with twin:
        speed = next(sensor.listen())[SPEED]
    assert isinstance(speed, Flagged)
    assert "status 04" in speed.reason


@pytest.mark.parametrize("fault", ["reset", "lost_settings"])
def test_a_power_up_is_told_and_the_wind_comes_again(
    twin: WindSonicTwin, sensor: WindSonic, fault: str
) -> None:
    twin.fail(fault)
    with twin:
        with pytest.raises(DeviceReset):
            next(sensor.listen())
        if fault == "lost_settings":
            with pytest.raises(DeviceReset, match="factory defaults"):
                next(sensor.listen())
        assert isinstance(next(sensor.listen())[SPEED], float)


@pytest.fixture
def polled(line: PtyLine) -> Iterator[WindSonic]:
    port = SerialPort(line.path, 9600)
    port.discard_input()
    config = WindSonicConfig(
        id="wind", driver="windsonic", port=line.path, mode="polled", node="R", period_s=0.01
    )
    yield WindSonic(config, port, SystemClock())
    port.close()


def test_a_polled_one_answers_its_letter(
    line: PtyLine, polled: WindSonic, scene: WeatherScene
) -> None:
    with WindSonicTwin(line, scene, polled_node="R", seconds=lambda: 0.0):
        measured = list(islice(polled.listen(), 3))
    wind = scene.at(0.0)
    assert [one[SPEED] for one in measured] == 3 * [pytest.approx(wind.wind_speed, abs=0.0051)]


@pytest.mark.parametrize("fault", ["echo", "split_frame", "late"])
def test_what_a_polled_line_does_costs_no_answer(
    line: PtyLine, polled: WindSonic, scene: WeatherScene, fault: str
) -> None:
    with WindSonicTwin(line, scene, polled_node="R", late_s=0.02) as twin:
        twin.fail(fault, times=2)
        assert len(list(islice(polled.listen(), 4))) == 4


def test_a_star_silences_it(
    line: PtyLine, polled: WindSonic, scene: WeatherScene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_gateway.drivers.windsonic.SILENT_AFTER_S", 0.05)
    with WindSonicTwin(line, scene, polled_node="R"):
        polled.link.write(b"*")
        assert polled.link.read(9, 5.0)
        with pytest.raises(DeviceSilent):
            next(polled.listen())


class Pace:
    """A clock whose waits run a little over, as real ones do; sometimes a machine sleeps."""

    def __init__(self, *overruns_s: float) -> None:
        self.now_s = 50.0
        self.overruns_s = iter(overruns_s)

    def seconds(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> bool:
        overrun_s = next(self.overruns_s, None)
        self.now_s += seconds + (overrun_s or 0.0)
        return overrun_s is None


def test_being_late_never_adds_up() -> None:
    pace = Pace(*[0.01] * 400)
    due_s = list(beats(0.25, pace.seconds, pace.wait))
    assert len(due_s) == 400
    assert due_s[-1] == 50.0 + 399 * 0.25


def test_beats_that_were_slept_through_are_left_out() -> None:
    pace = Pace(0.0, 1.1, 0.0)
    assert list(beats(0.25, pace.seconds, pace.wait)) == [50.0, 50.25, 51.25]
