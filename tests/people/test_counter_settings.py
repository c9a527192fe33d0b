from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.config import PrivacyConfig
from edge_gateway.links.errors import BadFrame
from edge_gateway.people.boundary import framed
from edge_gateway.people.counter_settings import (
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
            notice_posted=True,
        ),
        source="rtsp://camera.example/stream",
        line=(LineConfig(name="gate", start=(10, 20), end=(30, 20)),),
    )
