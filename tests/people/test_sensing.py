"""Who counts people now, in the words of the retained state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import pytest

from edge_gateway.clock import ClockState, WallTime
from edge_gateway.config import Config, DeviceConfig
from edge_gateway.people.camera import CameraConfig
from edge_gateway.people.sensing import Sensing
from edge_gateway.reading import Stamp

BOOT = "0" * 32
# 2026-08-03T05:00:00Z, checked with `date -u -d @1785733200`.
START_NS = 1_785_733_200 * 10**9
CAMERA = CameraConfig.model_validate(
    {
        "id": "entrance",
        "driver": "camera",
        "source": "rtsp://user:secret@camera.example/stream",
        "pictures": "scene",
        "least_count": 10,
        "round_to": 5,
        "line": [{"name": "gate", "start": [100, 300], "end": [500, 300]}],
    }
)
PRIVACY = {
    "purpose": "width of the footway",
    "operator": "City",
    "contact": "city@example",
    "legal_basis": "ordinance 7",
    "retention": "five years",
    "notice_posted": True,
    "purpose_ja": "歩道幅員",
}


class Wall:
    """A clock whose dates drift by a second each time they are asked for."""

    def __init__(self, state: ClockState) -> None:
        self.state = state
        self.drift_s = 0

    def __call__(self, stamp: Stamp) -> WallTime:
        self.drift_s += 1
        unix_ns = START_NS + stamp.monotonic_ns + (self.drift_s - 1) * 10**9
        return WallTime(unix_ns, self.state, 0.0)


def sensing(*devices: DeviceConfig, state: ClockState = ClockState.SYNCED) -> Sensing:
    config = Config.model_validate(
        {
            "gateway": {"id": "pole-1"},
            "uplink": {"host": "broker.example"},
            "privacy": PRIVACY,
            "device": devices,
        }
    )
    return Sensing(config, Wall(state))


def camera_of(said: Mapping[str, object]) -> Mapping[str, Any]:
    return cast("list[Mapping[str, Any]]", said["devices"])[0]


def test_it_says_who_counts_why_and_for_whom() -> None:
    said = sensing(CAMERA).of({"entrance": Stamp(BOOT, 0)})
    assert said == {
        "counting": True,
        "purpose": "width of the footway",
        "operator": "City",
        "contact": "city@example",
        "legal_basis": "ordinance 7",
        "retention": "five years",
        "notice_posted": True,
        "devices": [
            {
                "id": "entrance",
                "driver": "camera",
                "counting": True,
                "since": "2026-08-03T05:00:00+00:00",
                "window_s": 900,
                "pictures": "scene",
                "least_count": 10,
                "round_to": 5,
            }
        ],
    }


def test_a_device_that_is_not_up_does_not_count() -> None:
    said = sensing(CAMERA).of({})
    assert (said["counting"], camera_of(said)["counting"], camera_of(said)["since"]) == (
        False,
        False,
        None,
    )


def test_the_source_of_the_camera_is_not_said() -> None:
    assert "secret" not in str(sensing(CAMERA).of({"entrance": Stamp(BOOT, 0)}))


def test_a_gateway_that_never_counts_says_nothing() -> None:
    thermometer = DeviceConfig(id="air", driver="sht")
    assert not sensing(thermometer).of({"air": Stamp(BOOT, 0)})


def test_the_same_state_is_said_in_the_same_words_though_the_clock_is_slewed() -> None:
    one = sensing(CAMERA)
    up = {"entrance": Stamp(BOOT, 0)}
    assert one.of(up) == one.of(up)


def test_a_device_that_begins_anew_has_a_new_date() -> None:
    one = sensing(CAMERA)
    dates = [
        camera_of(one.of({"entrance": Stamp(BOOT, second * 10**9)}))["since"] for second in (0, 60)
    ]
    assert dates == ["2026-08-03T05:00:00+00:00", "2026-08-03T05:01:01+00:00"]


@pytest.mark.parametrize("state", [ClockState.UNSET])
def test_a_clock_that_is_not_set_gives_no_date(state: ClockState) -> None:
    said = sensing(CAMERA, state=state).of({"entrance": Stamp(BOOT, 0)})
    assert (camera_of(said)["counting"], camera_of(said)["since"]) == (True, None)
