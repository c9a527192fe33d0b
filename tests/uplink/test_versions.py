"""Which version of MQTT is tried when, and what 3.1.1 costs and is said to cost."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from edge_gateway.config import UplinkConfig
from edge_gateway.twins.broker import Broker, available, free_port
from edge_gateway.uplink.consumer import decode_all
from edge_gateway.uplink.versions import Mqtt, Rejection, Versions
from tests.uplink.mqtt3_broker import LEVEL_3_1_1, Mqtt3Broker

if TYPE_CHECKING:
    from conftest import Gateway, Listener

MakeGateway = Callable[[UplinkConfig], "Gateway"]
Listen = Callable[[int], "Listener"]
Plain = Callable[..., UplinkConfig]

MINUTE = 60 * 10**9
LEVEL_5 = 5


def test_five_is_tried_first() -> None:
    assert Versions("auto").next(0) is Mqtt.V5


def test_a_broker_that_says_so_gets_3_1_1_for_an_hour() -> None:
    versions = Versions("auto")
    versions.rejected(Mqtt.V5, Rejection.SAID, 0)
    assert [versions.next(at * MINUTE) for at in (0, 59, 60)] == [Mqtt.V3, Mqtt.V3, Mqtt.V5]


def test_one_connection_closed_without_a_word_is_no_proof() -> None:
    versions = Versions("auto")
    versions.rejected(Mqtt.V5, Rejection.SILENT, 0)
    assert versions.next(0) is Mqtt.V5


def test_two_in_a_row_are_reason_enough_to_try_for_ten_minutes() -> None:
    versions = Versions("auto")
    versions.rejected(Mqtt.V5, Rejection.SILENT, 0)
    versions.rejected(Mqtt.V5, Rejection.SILENT, 0)
    assert [versions.next(at * MINUTE) for at in (0, 9, 10)] == [Mqtt.V3, Mqtt.V3, Mqtt.V5]


def test_a_connection_between_them_breaks_the_row() -> None:
    versions = Versions("auto")
    versions.rejected(Mqtt.V5, Rejection.SILENT, 0)
    versions.accepted()
    versions.rejected(Mqtt.V5, Rejection.SILENT, 0)
    assert versions.next(0) is Mqtt.V5


def test_where_3_1_1_is_not_taken_either_five_is_next() -> None:
    versions = Versions("auto")
    versions.rejected(Mqtt.V5, Rejection.SAID, 0)
    versions.rejected(Mqtt.V3, Rejection.SILENT, 0)
    assert versions.next(0) is Mqtt.V5


def test_3_1_1_is_never_tried_where_it_is_refused() -> None:
    versions = Versions("auto", refuse_3=True)
    versions.rejected(Mqtt.V5, Rejection.SAID, 0)
    assert versions.next(0) is Mqtt.V5


@pytest.mark.parametrize("choice", ["5", "3.1.1"])
def test_a_chosen_version_stays(choice: Literal["5", "3.1.1"]) -> None:
    versions = Versions(choice)
    versions.rejected(Mqtt(choice), Rejection.SAID, 0)
    assert versions.next(0) == choice


@pytest.mark.parametrize("says_so", [True, False])
def test_the_gateway_delivers_to_a_broker_of_3_1_1_and_says_what_that_is_worth(
    gateway: MakeGateway, plain: Plain, *, says_so: bool
) -> None:
    with Mqtt3Broker(says_so=says_so) as broker:
        pole = gateway(plain(broker.port))
        pole.give(5)
        pole.uplink.start()
        pole.until_empty()
        assert (pole.status.mqtt, pole.status.denial_is_visible) == ("3.1.1", False)
        assert broker.levels == ([LEVEL_5] * (1 if says_so else 2)) + [LEVEL_3_1_1]
    packs = [
        pack
        for topic, payload in broker.published
        if not topic.endswith("/state")
        for pack in decode_all(payload)
    ]
    assert [pack.key for pack in packs] == [f"pole-1/{pole.outbox.store}/{n}" for n in range(1, 6)]
    assert {(pack.arrival, pack.clock) for pack in packs} == {("backfill", "synced")}


def test_the_birth_names_the_version(gateway: MakeGateway, plain: Plain) -> None:
    with Mqtt3Broker() as broker:
        pole = gateway(plain(broker.port, mqtt="3.1.1"))
        pole.uplink.start()
        pole.until_connected()
        pole.give()
        pole.until_empty()
    assert json.loads(broker.published[0][1])["mqtt"] == "3.1.1"


def test_where_3_1_1_is_refused_nothing_is_sent_and_the_reason_told(
    gateway: MakeGateway, plain: Plain
) -> None:
    with Mqtt3Broker() as broker:
        pole = gateway(plain(broker.port, refuse_mqtt_3=True))
        pole.give()
        pole.uplink.start()
        pole.until_error("does not speak MQTT 5")
    assert set(broker.levels) == {LEVEL_5}
    assert pole.outbox.stats().blocks == 1


def test_mosquitto_is_spoken_to_in_3_1_1_where_that_is_chosen(
    broker: Broker, gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    listener = listen(broker.port)
    pole = gateway(plain(broker.port, mqtt="3.1.1"))
    pole.give(10)
    pole.uplink.start()
    pole.until_empty()
    listener.wait(lambda: len(listener.packs()) == 10, "all blocks")
    assert listener.numbers() == pole.all_numbers()
    assert pole.status.denial_is_visible is False


def test_a_denial_by_mosquitto_cannot_be_seen_in_3_1_1(
    mosquitto: Callable[[str], Broker],
    gateway: MakeGateway,
    plain: Plain,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Why status says so: the broker acknowledges what it throws away."""
    acl = tmp_path_factory.mktemp("acl") / "acl"
    acl.write_text("topic write edge/pole-1/state\n")
    acl.chmod(0o600)
    port = mosquitto(f"allow_anonymous true\nacl_file {acl}\n").port
    pole = gateway(plain(port, mqtt="3.1.1"))
    pole.give()
    pole.uplink.start()
    pole.until_empty()
    assert (pole.status.refused, pole.status.denial_is_visible) == (0, False)


RUMQTTD = """id = 0
[router]
id = 0
max_connections = 10
max_outgoing_packet_count = 200
max_segment_size = 1048576
max_segment_count = 10
[v4.1]
name = "mqtt-3"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[v4.1.connections]
connection_timeout_ms = 60000
max_payload_size = 1048576
max_inflight_count = 100
dynamic_filters = true
"""


@contextmanager
def rumqttd(folder: Path, port: int) -> Generator[None]:
    """The broker inside iotcore, with a listener for 3.1.1 and none for 5."""
    path = folder / "rumqttd.toml"
    path.write_text(RUMQTTD.format(port=port))
    command = [sys.executable, "-P", "-m", "iotcore", "--config", str(path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif("iotcore" not in available(), reason="needs iotcore: install the `demo` extra")
def test_a_real_broker_of_3_1_1_alone_is_found_out(
    gateway: MakeGateway, plain: Plain, tmp_path_factory: pytest.TempPathFactory
) -> None:
    port = free_port()
    with rumqttd(tmp_path_factory.mktemp("rumqttd"), port):
        pole = gateway(plain(port))
        pole.give(5)
        pole.uplink.start()
        pole.until_empty()
        assert (pole.status.mqtt, pole.status.denial_is_visible) == ("3.1.1", False)
