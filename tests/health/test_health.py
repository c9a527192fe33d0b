"""Health as JSON and in one line; the pulse that feeds the watchdog; the words for systemd."""

from __future__ import annotations

import json
import math
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from edge_gateway.clock import ClockState, WallTime
from edge_gateway.device_health import DeviceCounts, DeviceHealth, DeviceState
from edge_gateway.health import (
    GatewayHealth,
    Notifier,
    Patience,
    Pulse,
    as_json,
    giving,
    measurand_name,
    one_line,
    watchdog_interval_s,
)
from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp, Statistic

TEMPERATURE = Measurand(Quantity.AIR_TEMPERATURE)


def at(seconds: float) -> Stamp:
    return Stamp("boot", round(seconds * 1e9))


def device(name: str = "roof", state: DeviceState = DeviceState.UP) -> DeviceHealth:
    reading = Reading(name, TEMPERATURE, 21.5, Flag.GOOD, at(98))
    last = {TEMPERATURE: reading}
    return DeviceHealth(name, "sht", state, at(40), last, DeviceCounts(readings=7), "crc")


def gateway(wall: WallTime | None = None) -> GatewayHealth:
    uplink = {"online": False, "rate": math.inf}
    return GatewayHealth("pole-1", at(100), wall, (device(),), {"rows": 12}, uplink)


def test_health_says_how_old_a_reading_is_and_since_when_a_device_is_so() -> None:
    shown = as_json(gateway())["devices"]
    assert shown == {
        "roof": {
            "driver": "sht",
            "state": "up",
            "for_s": 60.0,
            "error": "crc",
            "counts": {
                "readings": 7,
                "bad_frames": 0,
                "resets": 0,
                "silences": 0,
                "link_losses": 0,
                "restarts": 0,
            },
            "readings": {
                "air_temperature": {
                    "value": 21.5,
                    "unit": "Cel",
                    "flag": "good",
                    "reasons": [],
                    "age_s": 2.0,
                }
            },
        }
    }


def test_health_is_valid_json_even_where_a_value_is_missing() -> None:
    missing = Reading("roof", TEMPERATURE, math.nan, Flag.MISSING, at(99), ("device_silent",))
    health = gateway()
    silent = replace(health.devices[0], last_reading={TEMPERATURE: missing})
    text = json.dumps(as_json(replace(health, devices=(silent,))), allow_nan=False)
    assert '"value": null' in text


@pytest.mark.parametrize("wall", [None, WallTime(1_000, ClockState.UNSET, math.inf)])
def test_an_unset_wall_time_is_not_shown(wall: WallTime | None) -> None:
    assert as_json(gateway(wall))["clock"] == {"state": "unset", "error_s": None, "time": None}


def test_a_synced_wall_time_is_shown_in_utc() -> None:
    wall = WallTime(1_785_733_200_500_000_000, ClockState.SYNCED, 0.02)
    clock = as_json(gateway(wall))["clock"]
    assert clock == {"state": "synced", "error_s": 0.02, "time": "2026-08-03T05:00:00Z"}


def test_one_line_names_only_what_is_not_up() -> None:
    devices = [device("roof"), device("wind", DeviceState.DOWN)]
    assert one_line(devices) == "1 of 2 devices up; wind down"


def test_readings_are_expected_of_devices_that_are_up_or_starting() -> None:
    assert giving([device(state=state) for state in DeviceState]) == 2


@pytest.mark.parametrize(
    ("measurand", "name"),
    [
        (TEMPERATURE, "air_temperature"),
        (Measurand(Quantity.WIND_SPEED, "", Statistic.GUST, 60), "wind_speed.gust.60s"),
        (
            Measurand(Quantity.PEOPLE, "gate/forward", Statistic.COUNT, 60),
            "people.gate/forward.count.60s",
        ),
    ],
)
def test_a_measurand_has_a_name_for_people(measurand: Measurand, name: str) -> None:
    assert measurand_name(measurand) == name


def pulse() -> Pulse:
    return Pulse(Patience(reading_s=30, commit_s=10, ack_s=20))


def test_a_gateway_without_devices_is_not_stuck() -> None:
    assert pulse().stuck(at(9999)) == ""


def test_devices_that_should_give_and_do_not_are_a_stuck_pipeline() -> None:
    beat = pulse()
    beat.expect(1, at(0))
    assert beat.stuck(at(30)) == ""
    assert beat.stuck(at(31)) == "no reading came for 31 s"


def test_devices_that_are_all_known_to_be_down_are_not() -> None:
    beat = pulse()
    beat.expect(1, at(0))
    beat.expect(0, at(5))
    assert beat.stuck(at(9999)) == ""


def test_readings_that_are_not_committed_are_a_stuck_outbox() -> None:
    beat = pulse()
    beat.reading(at(0))
    beat.reading(at(9))
    assert beat.stuck(at(11)) == "the outbox did not commit for 11 s"


def test_a_commit_ends_the_wait_for_it() -> None:
    beat = pulse()
    beat.reading(at(0))
    beat.committed(at(9))
    assert beat.stuck(at(11)) == ""


def test_a_broker_that_is_there_and_acknowledges_nothing_is_a_stuck_uplink() -> None:
    beat = pulse()
    beat.online(at(0))
    beat.committed(at(0))
    beat.committed(at(15))
    assert beat.stuck(at(21)) == "the broker acknowledged nothing for 21 s"


def test_an_acknowledgement_gives_the_rest_of_the_backlog_new_time() -> None:
    beat = pulse()
    beat.online(at(0))
    beat.committed(at(0))
    beat.acked(at(15), more=True)
    assert beat.stuck(at(35)) == ""
    assert beat.stuck(at(36)) != ""


def test_known_offline_is_not_stuck_however_long_it_lasts() -> None:
    beat = pulse()
    beat.online(at(0))
    beat.committed(at(0))
    beat.offline()
    assert beat.stuck(at(9999)) == ""


def test_the_wait_for_an_acknowledgement_begins_when_the_broker_is_back() -> None:
    beat = pulse()
    beat.committed(at(0))
    beat.online(at(1000))
    assert beat.stuck(at(1020)) == ""


@pytest.mark.parametrize("form", ["path", "abstract"])
def test_systemd_hears_each_word(form: str, tmp_path: Path) -> None:
    name = str(tmp_path / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.settimeout(5)
        systemd.bind(name if form == "path" else "\0" + name)
        notifier = Notifier(name if form == "path" else "@" + name)
        assert notifier.ready()
        assert notifier.alive()
        assert notifier.status("2 of 2\ndevices up")
        assert notifier.stopping()
        heard = [systemd.recv(100) for _ in range(4)]
    assert heard == [b"READY=1", b"WATCHDOG=1", b"STATUS=2 of 2 devices up", b"STOPPING=1"]


def test_without_systemd_nothing_is_said() -> None:
    assert not Notifier(None).ready()


def test_a_systemd_that_has_gone_stops_nobody(tmp_path: Path) -> None:
    assert not Notifier(str(tmp_path / "gone")).alive()


def test_a_socket_of_another_form_is_refused() -> None:
    with pytest.raises(ValueError, match="neither a path nor an @abstract name"):
        Notifier("vsock:2:1234")


@pytest.mark.parametrize(
    ("usec", "pid", "seconds"),
    [
        ("200000", None, 0.1),
        ("200000", "42", 0.1),
        ("200000", "43", None),
        ("0", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
)
def test_the_watchdog_is_fed_twice_in_its_time_and_only_if_it_is_ours(
    usec: str | None, pid: str | None, seconds: float | None
) -> None:
    assert watchdog_interval_s(usec, pid, own_pid=42) == seconds
