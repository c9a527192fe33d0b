from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.config import PrivacyConfig
from edge_gateway.links.errors import BadFrame
from edge_gateway.people.boundary import MOST_LINES, MOST_ZONES, framed
from edge_gateway.people.counter_settings import (
    LONGEST_SETTINGS,
    MOST_CORNERS,
    MOST_MASKS,
    CounterSettings,
    LineConfig,
    encode_settings,
    read_settings,
)


def test_settings_come_back_as_they_were() -> None:
    sent = _settings()
    stream = encode_settings(sent)
    parts = iter([stream[:3], stream[3:4], stream[4:40], stream[40:]])
    assert read_settings(lambda _at_most: next(parts)) == sent


def test_settings_without_the_permission_are_refused() -> None:
    body = _settings().model_dump(mode="json")
    del body["permission"]
    stream = framed(b"S", json.dumps(body).encode())
    parts = iter([stream[:4], stream[4:]])
    with pytest.raises(BadFrame, match="permission"):
        read_settings(lambda _at_most: next(parts))


def test_the_most_that_can_be_drawn_fits_into_the_settings() -> None:
    angles = [2 * math.pi * k / MOST_CORNERS for k in range(MOST_CORNERS)]
    around = [
        (8000 + 7999.1 * math.cos(angle), 8000 + 7999.1 * math.sin(angle)) for angle in angles
    ]
    names = [f"{k:02d}{'n' * 60}" for k in range(64)]
    most = CounterSettings.model_validate(
        _settings().model_dump()
        | {
            "line": [
                {"name": name, "start": (k + 0.123456, 8000.123456), "end": (9000.123456, 8000.5)}
                for k, name in enumerate(names[:MOST_LINES])
            ],
            "zone": [{"name": n, "polygon": around} for n in names[MOST_LINES:][:MOST_ZONES]],
            "mask": [{"polygon": around[:MOST_CORNERS]}] * MOST_MASKS,
        }
    )
    stream = encode_settings(most)
    assert len(stream) <= LONGEST_SETTINGS
    left = bytearray(stream)

    def receive(at_most: int) -> bytes:
        part = bytes(left[:at_most])
        del left[:at_most]
        return part

    assert read_settings(receive) == most


@pytest.mark.parametrize(
    ("pictures", "spacing_s", "for_s"),
    [("none", 30.0, 0.0), ("scene", 30.0, math.inf), ("calibration", 1.0, 600.0)],
)
def test_pictures_leave_as_often_and_as_long_as_their_mode_says(
    pictures: str, spacing_s: float, for_s: float
) -> None:
    settings = CounterSettings.model_validate(
        _settings().model_dump() | {"pictures": pictures, "picture_interval_s": 30}
    )
    assert (settings.picture_spacing_s, settings.pictures_for_s) == (spacing_s, for_s)


@given(st.binary(max_size=100))
def test_settings_of_any_bytes_are_a_bad_frame(stream: bytes) -> None:
    left = bytearray(stream)

    def receive(at_most: int) -> bytes:
        part = bytes(left[:at_most])
        del left[:at_most]
        return part

    with pytest.raises(BadFrame):
        read_settings(receive)


def _settings() -> CounterSettings:
    return CounterSettings(
        permission=PrivacyConfig(
            purpose="width of the footway",
            operator="City",
            contact="city@example",
            legal_basis="ordinance 7",
            retention="counts: 5 years",
            notice_posted=True,
        ),
        source="rtsp://camera.example/stream",
        line=(LineConfig(name="gate", start=(10, 20), end=(30, 20)),),
    )
