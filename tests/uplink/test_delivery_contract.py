"""The delivery contract against real brokers: nothing lost, nothing twice, each lane in order."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import pytest

from edge_gateway.config import UplinkConfig
from edge_gateway.outbox import decode as unpack_entries
from edge_gateway.reading import Lane, Quantity
from edge_gateway.twins.broker import Broker
from edge_gateway.twins.cable import Cable

if TYPE_CHECKING:
    from conftest import Gateway, Listener

MakeGateway = Callable[[UplinkConfig], "Gateway"]
Listen = Callable[[int], "Listener"]
Plain = Callable[..., UplinkConfig]


def test_what_is_committed_arrives_and_leaves_the_outbox(
    any_broker: Broker, gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    listener = listen(any_broker.port)
    pole = gateway(plain(any_broker.port))
    pole.uplink.start()
    pole.until_connected()
    pole.give(10)
    pole.until_empty()
    listener.wait(lambda: len(listener.data()) == 10, "ten messages")
    assert listener.numbers("live") == pole.all_numbers()


def test_after_an_outage_the_backlog_arrives_whole_and_in_order(
    any_broker: Broker, gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    listener = listen(any_broker.port)
    with Cable(any_broker.port) as cable:
        pole = gateway(plain(cable.port))
        pole.uplink.start()
        pole.until_connected()
        pole.give(5)
        pole.until_empty()
        cable.unplug()
        pole.give(100)
        assert pole.outbox.stats().blocks == 100
        cable.plug()
        pole.until_empty()
        listener.wait(lambda: len(set(listener.numbers())) == 315, "all numbers")
    assert listener.numbers("live") == list(range(15))
    assert listener.numbers("backfill") == list(range(15, 315))


def test_a_flapping_cable_neither_loses_nor_repeats(
    broker: Broker, gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    listener = listen(broker.port)
    with Cable(broker.port) as cable:
        pole = gateway(plain(cable.port))
        pole.uplink.start()
        for _ in range(6):
            pole.give(40)
            cable.unplug()
            pole.give(5)
            cable.plug()
            pole.until_connected()
        pole.until_empty()
        listener.wait(lambda: len(set(listener.numbers())) == pole.next_number, "all numbers")
    assert sorted(listener.numbers()) == pole.all_numbers()
    for arrival in ("live", "backfill"):
        assert listener.numbers(arrival) == sorted(listener.numbers(arrival))


def test_live_data_does_not_wait_for_the_backlog(
    broker: Broker, gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    listener = listen(broker.port)
    pole = gateway(plain(broker.port, inflight=2, backlog_max_per_s=500))
    pole.give(300)
    pole.uplink.start()
    pole.until_connected()
    pole.give(1)
    pole.until_empty()
    listener.wait(lambda: len(listener.packs()) == 301, "all blocks")
    arrivals = [pack.arrival for pack in listener.packs()]
    assert arrivals.count("live") == 1
    assert arrivals.index("live") < 300


def test_a_message_says_in_its_properties_what_its_pack_says(
    any_broker: Broker, gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    listener = listen(any_broker.port)
    pole = gateway(plain(any_broker.port))
    pole.give()
    pole.uplink.start()
    listener.wait(lambda: bool(listener.data()), "a message")
    (message,), (pack,) = listener.data(), listener.packs()
    assert message.topic == "edge/pole-1/counts"
    assert message.properties is not None
    said: dict[str, Any] = cast("Any", message.properties).json()
    assert said["ContentType"] == "application/senml+json"
    assert dict(said["UserProperty"]) == {
        "key": pack.key,
        "arrival": "backfill",
        "clock": "synced",
        "encoding": "gzip" if message.payload[:2] == b"\x1f\x8b" else "identity",
    }
    assert pack.key == f"pole-1/{pole.outbox.store}/1"


def test_a_broker_that_is_killed_and_comes_back_misses_nothing(
    broker: Broker, gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    pole = gateway(plain(broker.port))
    pole.uplink.start()
    pole.until_connected()
    broker.kill()
    pole.give(50)
    broker.start()
    listener = listen(broker.port)
    pole.until_empty()
    listener.wait(lambda: len(set(listener.numbers())) == 150, "all numbers")
    assert sorted(listener.numbers()) == pole.all_numbers()


def test_a_broker_that_hangs_is_noticed_within_twice_the_keepalive(
    broker: Broker, gateway: MakeGateway, plain: Plain
) -> None:
    pole = gateway(plain(broker.port, keepalive_s=2))
    pole.uplink.start()
    pole.until_connected()
    broker.pause()
    start_s = time.monotonic()
    pole.give()
    pole.until_error("connection was lost")
    assert time.monotonic() - start_s < 7.0
    broker.go_on()
    pole.until_empty()


ACL = "allow_anonymous true\nacl_file {path}\n"


def test_a_denied_publish_keeps_the_block_and_is_told(
    mosquitto: Callable[[str], Broker],
    gateway: MakeGateway,
    plain: Plain,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    acl = tmp_path_factory.mktemp("acl") / "acl"
    acl.write_text("topic write edge/pole-1/state\ntopic write edge/pole-1/raw\n")
    acl.chmod(0o600)
    pole = gateway(plain(mosquitto(ACL.format(path=acl)).port))
    pole.uplink.start()
    pole.until_connected()
    pole.give(3)
    pole.until_error("edge/pole-1/counts: Not authorized")
    pole.give(3, quantity=Quantity.WIND_SPEED)
    pole.until_error("edge/pole-1/counts")
    while pole.outbox.stats().lanes[Lane.RAW].blocks:
        pole.until_error("counts")
    kept = pole.outbox.pending(Lane.COUNTS, limit=9)
    assert [len(unpack_entries(block.payload)) for block in kept] == [3, 3, 3]
    # Asked once in the first place, and then not more often than the hold allows.
    assert pole.status.refused <= 3 + 3


def test_a_broker_that_takes_few_at_a_time_is_not_overrun(
    mosquitto: Callable[[str], Broker], gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    port = mosquitto("allow_anonymous true\nmax_inflight_messages 3\n").port
    listener = listen(port)
    pole = gateway(plain(port, inflight=100))
    pole.give(200)
    pole.uplink.start()
    pole.until_empty()
    listener.wait(lambda: len(listener.packs()) == 200, "all blocks")
    assert listener.numbers() == pole.all_numbers()


def test_state_is_online_after_connecting_and_offline_after_a_stop(
    any_broker: Broker, gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    pole = gateway(plain(any_broker.port))
    pole.uplink.start()
    pole.until_connected()
    listener = listen(any_broker.port)
    listener.wait(lambda: bool(listener.states()), "the retained birth")
    assert json.loads(listener.states()[0]) == {
        "state": "online",
        "gateway": "pole-1",
        "version": "1",
        "store": pole.outbox.store,
        "boot": pole.clock.now().boot_id,
        "payload": "senml",
        "mqtt": "5",
    }
    assert pole.uplink.stop(5.0)
    listener.wait(lambda: len(listener.states()) == 2, "the goodbye")
    assert json.loads(listener.states()[1]) == {
        "state": "offline",
        "gateway": "pole-1",
        "reason": "stopped",
    }


def test_the_broker_says_offline_for_a_gateway_that_is_cut_off(
    any_broker: Broker, gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    listener = listen(any_broker.port)
    with Cable(any_broker.port) as cable:
        pole = gateway(plain(cable.port))
        pole.uplink.start()
        listener.wait(lambda: len(listener.states()) == 1, "the birth")
        cable.unplug()
        listener.wait(lambda: len(listener.states()) == 2, "the will")
    assert json.loads(listener.states()[1])["reason"] == "lost"


def test_a_stop_delivers_what_is_live(
    broker: Broker, gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    listener = listen(broker.port)
    pole = gateway(plain(broker.port))
    pole.uplink.start()
    pole.until_connected()
    pole.give(20)
    assert pole.uplink.stop(5.0)
    listener.wait(lambda: len(listener.data()) == 20, "all messages")
    assert pole.outbox.stats().blocks == 0


def test_a_stop_ends_in_time_while_nothing_answers(
    broker: Broker, gateway: MakeGateway, plain: Plain
) -> None:
    pole = gateway(plain(broker.port))
    pole.uplink.start()
    pole.until_connected()
    broker.pause()
    pole.give(3)
    start_s = time.monotonic()
    ended = pole.uplink.stop(1.0)
    took_s = time.monotonic() - start_s
    broker.go_on()
    assert ended
    assert took_s < 2.0
    assert pole.outbox.stats().blocks == 3


def test_a_stop_is_at_once_while_there_is_no_broker(gateway: MakeGateway, plain: Plain) -> None:
    pole = gateway(plain(1, reconnect_max_s=3600.0))
    pole.uplink.start()
    pole.until_error("nothing listens at 127.0.0.1:1")
    assert pole.uplink.stop(1.0)


def test_a_damaged_block_does_not_stop_the_ones_behind_it(
    broker: Broker, gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    listener = listen(broker.port)
    pole = gateway(plain(broker.port))
    pole.give(3)
    # Bit rot below SQLite, which notices nothing: another connection writes it.
    with closing(sqlite3.connect(pole.outbox.path)) as other, other:
        other.execute("UPDATE blocks SET payload = x'00' WHERE sequence = 2")
    pole.uplink.start()
    listener.wait(lambda: len(listener.packs()) == 2, "the two good blocks")
    pole.outbox.commit()
    listener.wait(lambda: len(listener.packs()) == 3, "the event")
    assert listener.numbers() == [0, 1, 2, 6, 7, 8]
    (told,) = listener.packs()[-1].events
    assert told.text.startswith("3 entries in 1 blocks given up")
