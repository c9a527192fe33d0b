"""Every payload over a real broker: removed when all of its messages are acknowledged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, get_args

import pytest

from edge_gateway.config import UplinkConfig
from edge_gateway.config_uplink import Payload
from edge_gateway.reading import Quantity
from edge_gateway.twins.broker import Broker
from edge_gateway.uplink.payloads import FORMATS, Pole, lacking, load
from edge_gateway.uplink.publisher import Uplink
from tests.uplink.waiting import until

if TYPE_CHECKING:
    from conftest import Gateway, Listener

MakeGateway = Callable[[UplinkConfig], "Gateway"]
Listen = Callable[[int], "Listener"]
Plain = Callable[..., UplinkConfig]
PLACE = Pole("pole-1", latitude=35.6812, longitude=139.7671)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, dict[str, object]]:
    key = tmp_path / "api-key"
    key.write_text("secret-key\n")
    return {"iot_agent": {"api_key_file": key}, "sparkplug_b": {"group": "ekimae"}}


def test_the_configuration_knows_every_format() -> None:
    assert sorted(get_args(Payload)) == sorted(FORMATS)


@pytest.mark.parametrize("payload", FORMATS)
def test_what_a_format_needs_is_asked_for_by_the_configuration(payload: str) -> None:
    """Sparkplug's group, the agent's key and the place are checked before anything runs."""
    form = load(payload)
    given = replace(PLACE, group="ekimae", api_key="secret-key")
    assert lacking(form, given) == ()
    asked_for = {"group", "api_key", "latitude", "longitude"}
    assert set(form.needs) <= asked_for


@pytest.mark.parametrize("payload", FORMATS)
def test_a_batch_leaves_the_outbox_when_its_messages_are_acknowledged(
    payload: str,
    broker: Broker,
    gateway: MakeGateway,
    plain: Plain,
    settings: dict[str, dict[str, object]],
) -> None:
    config = plain(broker.port, payload=payload, inflight=2, **settings.get(payload, {}))
    pole = gateway(config)
    pole.uplink = Uplink(pole.outbox, config, PLACE, clock=pole.clock, random=Random(2))
    pole.uplink.start()
    pole.until_connected()
    pole.give(20)
    pole.give(20, quantity=Quantity.AIR_TEMPERATURE)
    pole.until_empty()
    assert (pole.status.acknowledged, pole.status.refused) == (40, 0)


def test_home_assistant_is_told_of_a_sensor_once_in_a_connection_and_it_is_retained(
    broker: Broker, gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    listener = listen(broker.port)
    pole = gateway(plain(broker.port, payload="home_assistant"))
    pole.uplink.start()
    pole.until_connected()
    pole.give(5)
    pole.until_empty()
    listener.wait(lambda: len(listener.data()) == 6, "discovery and five states")
    late = listen(broker.port)
    late.wait(lambda: bool(late.data()), "what is retained")
    (discovery,) = late.data()
    assert discovery.topic.startswith("homeassistant/sensor/pole-1/")
    assert json.loads(discovery.payload)["availability_topic"] == "edge/pole-1/state"


def test_a_long_backlog_of_which_a_format_says_nothing_is_passed_over(
    broker: Broker, gateway: MakeGateway, plain: Plain
) -> None:
    pole = gateway(plain(broker.port, payload="home_assistant"))
    pole.give(300)
    pole.uplink.start()
    pole.until_empty()
    assert pole.status.backfill_sent == 0


def test_sparkplug_ends_with_its_own_death_and_has_no_state_beside_it(
    broker: Broker, gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    listener = listen(broker.port)
    pole = gateway(plain(broker.port, payload="sparkplug_b", group="ekimae"))
    pole.uplink.start()
    pole.until_connected()
    pole.give(1)
    pole.until_empty()
    assert pole.uplink.stop(5.0)
    listener.wait(lambda: len(listener.messages) == 3, "birth, data and death")
    kinds = [message.topic.split("/")[2] for message in listener.messages]
    assert kinds == ["NBIRTH", "NDATA", "NDEATH"]


def test_a_key_file_that_cannot_be_read_is_told(
    gateway: MakeGateway, plain: Plain, tmp_path: Path
) -> None:
    missing = tmp_path / "none"
    pole = gateway(plain(1, payload="iot_agent", api_key_file=missing))
    pole.uplink.start()
    until(lambda: "uplink.api_key_file" in pole.status.error, "the trouble")
