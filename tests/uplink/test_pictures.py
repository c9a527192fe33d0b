"""Anonymized pictures through a real broker: after the readings, once, and never kept for later."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, cast

import paho.mqtt.client as paho
import pytest

from edge_gateway.clock import ClockState, WallTime
from edge_gateway.config import UplinkConfig
from edge_gateway.reading import Stamp
from edge_gateway.twins.broker import Broker, free_port
from edge_gateway.uplink.consumer import decode_all
from edge_gateway.uplink.payloads import Pole
from edge_gateway.uplink.pictures import Picture, packet_of
from tests.uplink.conftest import Gateway, Listener
from tests.uplink.waiting import until

JPEG = b"\xff\xd8" + Random(1).randbytes(20_000) + b"\xff\xd9"

Make = Callable[[UplinkConfig], Gateway]
Listen = Callable[[int], Listener]
Plain = Callable[..., UplinkConfig]


class Dated:
    """Ten seconds after boot, with a wall clock in the given state."""

    def __init__(self, state: ClockState) -> None:
        self._state = state

    def now(self) -> Stamp:
        return Stamp("boot", 10_000_000_000)

    def wall(self, stamp: Stamp) -> WallTime | None:
        # 2026-08-03T05:00:00Z, the offset of the examples in docs/topics.md.
        return WallTime(1_785_733_200_000_000_000 + stamp.monotonic_ns, self._state, 0.1)

    def sleep(self, seconds: float) -> None:
        del seconds


def shown(gateway: Gateway, content: bytes = JPEG, device: str = "camera-1") -> Picture:
    return Picture(device, "image/jpeg", content, gateway.clock.now())


def numbers(listener: Listener) -> list[int]:
    counts = [bytes(one.payload) for one in listener.data() if one.topic.endswith("/counts")]
    packs = [pack for payload in counts for pack in decode_all(payload)]
    return [int(one.value) for pack in packs for one in pack.readings if one.value is not None]


def pictures(listener: Listener) -> list[paho.MQTTMessage]:
    return [message for message in listener.messages if "/picture/" in message.topic]


def test_a_picture_arrives_with_its_type_and_time(
    broker: Broker, gateway: Make, listen: Listen, plain: Plain
) -> None:
    listener, ours = listen(broker.port), gateway(plain(broker.port))
    ours.uplink.start()
    ours.uplink.show(shown(ours))
    listener.wait(lambda: bool(pictures(listener)), "the picture")
    (message,) = pictures(listener)
    assert message.topic == "edge/pole-1/picture/camera-1"
    assert (message.payload, message.qos, message.retain) == (JPEG, 1, False)
    assert message.properties is not None
    said = cast("Any", message.properties).json()
    assert said["ContentType"] == "image/jpeg"
    assert [name for name, _ in said["UserProperty"]] == ["device", "clock", "time"]


def test_readings_that_wait_go_first(
    broker: Broker, gateway: Make, listen: Listen, plain: Plain
) -> None:
    listener, ours = listen(broker.port), gateway(plain(broker.port, inflight=1))
    ours.give(30)
    ours.uplink.show(shown(ours))
    ours.uplink.start()
    listener.wait(lambda: bool(pictures(listener)), "the picture")
    assert "/picture/" in listener.data()[-1].topic
    assert set(numbers(listener)) == set(ours.all_numbers())


def test_a_newer_picture_takes_the_place_of_one_that_waits(
    broker: Broker, gateway: Make, listen: Listen, plain: Plain
) -> None:
    listener, ours = listen(broker.port), gateway(plain(broker.port))
    for number in range(5):
        ours.uplink.show(shown(ours, JPEG[:-3] + bytes([number]) + JPEG[-2:]))
    ours.uplink.show(shown(ours, device="camera-2"))
    ours.uplink.start()
    listener.wait(lambda: len(pictures(listener)) > 1, "a picture of each camera")
    assert {bytes(one.payload)[-3] for one in pictures(listener)} == {4, JPEG[-3]}


def test_a_picture_is_never_on_disk(gateway: Make, plain: Plain, tmp_path: Path) -> None:
    ours = gateway(plain(free_port()))
    ours.uplink.start()
    ours.uplink.show(shown(ours))
    ours.give(2)
    until(lambda: ours.status.error != "", "a connection that fails")
    contents = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert contents
    assert not any(JPEG[2:40] in content for content in contents)


def test_another_format_sends_no_pictures(
    broker: Broker, gateway: Make, listen: Listen, plain: Plain
) -> None:
    listener, ours = listen(broker.port), gateway(plain(broker.port, payload="home_assistant"))
    ours.uplink.start()
    ours.uplink.show(shown(ours))
    ours.until_connected()
    ours.give(1)
    listener.wait(lambda: bool(listener.data()), "a reading")
    assert ours.uplink.stop(5.0)
    assert not pictures(listener)


def test_a_picture_too_large_is_left_out_and_told_once(
    broker: Broker, gateway: Make, listen: Listen, plain: Plain, caplog: pytest.LogCaptureFixture
) -> None:
    listener, ours = listen(broker.port), gateway(plain(broker.port, max_packet_kb=16))
    with caplog.at_level(logging.WARNING):
        ours.uplink.start()
        for _ in range(2):
            ours.uplink.show(shown(ours))
            ours.give(1)
            ours.until_empty()
        ours.uplink.show(shown(ours, JPEG[:1000]))
        listener.wait(lambda: bool(pictures(listener)), "the picture that fits")
    assert [len(one.payload) for one in pictures(listener)] == [1000]
    told = [record for record in caplog.records if "raise max_packet_kb" in record.getMessage()]
    assert len(told) == 1


@pytest.fixture
def strict(mosquitto: Callable[[str], Broker], tmp_path_factory: pytest.TempPathFactory) -> Broker:
    """A broker that lets nobody write pictures."""
    acl = tmp_path_factory.mktemp("acl") / "acl"
    allowed = "".join(f"topic write edge/pole-1/{last}\n" for last in ("counts", "state"))
    acl.write_text(f"topic read #\n{allowed}", encoding="ascii")
    acl.chmod(0o600)
    return mosquitto(f"allow_anonymous true\nacl_file {acl}\n")


def test_a_denied_picture_is_told_once_and_holds_up_no_reading(
    strict: Broker, gateway: Make, listen: Listen, plain: Plain, caplog: pytest.LogCaptureFixture
) -> None:
    listener, ours = listen(strict.port), gateway(plain(strict.port))
    with caplog.at_level(logging.WARNING):
        ours.uplink.start()
        ours.uplink.show(shown(ours))
        until(lambda: "refuses pictures" in caplog.text, "the refusal")
        ours.give(1)
        listener.wait(lambda: len(numbers(listener)) > 2, "the readings")
    assert not pictures(listener)


@pytest.mark.parametrize(
    ("state", "properties"),
    [
        (ClockState.SYNCED, {"clock": "synced", "time": "2026-08-03T05:00:07.500Z"}),
        (ClockState.HOLDOVER, {"clock": "holdover", "time": "2026-08-03T05:00:07.500Z"}),
        (ClockState.UNSET, {"clock": "unset", "age_s": "2.500"}),
    ],
)
def test_a_time_is_given_only_where_a_clock_was_set(
    state: ClockState, properties: dict[str, str]
) -> None:
    picture = Picture("camera-1", "image/jpeg", JPEG, Stamp("boot", 7_500_000_000))
    packet = packet_of(picture, Pole("pole-1", topic_prefix="city"), Dated(state))
    assert dict(packet.properties) == {"device": "camera-1", **properties}
    assert packet.topic == "city/pole-1/picture/camera-1"
