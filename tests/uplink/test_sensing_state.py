"""The retained state says who counts people: again at each change, and not after the end."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from edge_gateway.config import UplinkConfig
from edge_gateway.twins.broker import Broker
from edge_gateway.twins.cable import Cable

if TYPE_CHECKING:
    from conftest import Gateway, Listener

MakeGateway = Callable[[UplinkConfig], "Gateway"]
Listen = Callable[[int], "Listener"]

COUNTS = {"counting": True, "operator": "City"}
COUNTS_NOT = {"counting": False, "operator": "City"}


def plain(port: int) -> UplinkConfig:
    return UplinkConfig.model_validate(
        {"host": "127.0.0.1", "port": port, "tls": False, "start_spread_s": 0.0}
    )


def said(listener: Listener) -> list[Any]:
    return [json.loads(state).get("sensing") for state in listener.states()]


def test_what_is_known_at_the_start_is_in_the_birth(
    any_broker: Broker, gateway: MakeGateway, listen: Listen
) -> None:
    listener = listen(any_broker.port)
    pole = gateway(plain(any_broker.port))
    pole.uplink.tell_sensing(COUNTS)
    pole.uplink.start()
    listener.wait(lambda: bool(listener.states()), "the birth")
    assert said(listener) == [COUNTS]


def test_a_change_is_said_at_once_and_retained(
    any_broker: Broker, gateway: MakeGateway, listen: Listen
) -> None:
    listener = listen(any_broker.port)
    pole = gateway(plain(any_broker.port))
    pole.uplink.start()
    pole.until_connected()
    pole.uplink.tell_sensing(COUNTS)
    pole.uplink.tell_sensing(dict(COUNTS))
    listener.wait(lambda: len(listener.states()) == 2, "the change")
    later = listen(any_broker.port)
    later.wait(lambda: bool(later.states()), "the retained state")
    assert (said(listener), said(later)) == ([None, COUNTS], [COUNTS])


def test_a_change_is_said_while_readings_flow_and_loses_none(
    any_broker: Broker, gateway: MakeGateway, listen: Listen
) -> None:
    listener = listen(any_broker.port)
    pole = gateway(plain(any_broker.port))
    pole.uplink.start()
    pole.until_connected()
    for number in range(20):
        pole.give()
        pole.uplink.tell_sensing({"counting": number % 2 == 0})
    pole.until_empty()
    listener.wait(lambda: len(listener.packs()) == 20, "all readings")
    listener.wait(lambda: said(listener)[-1] == {"counting": False}, "the last change")
    assert listener.numbers() == pole.all_numbers()


def test_a_broker_with_a_window_of_one_hears_it_too(
    mosquitto: Callable[[str], Broker], gateway: MakeGateway, listen: Listen
) -> None:
    broker = mosquitto("allow_anonymous true\nmax_inflight_messages 1\n")
    listener = listen(broker.port)
    pole = gateway(plain(broker.port))
    pole.uplink.start()
    pole.until_connected()
    pole.give(5)
    pole.uplink.tell_sensing(COUNTS)
    pole.give(5)
    pole.until_empty()
    listener.wait(lambda: COUNTS in said(listener), "the change")
    listener.wait(lambda: len(listener.packs()) == 10, "all readings")
    assert listener.numbers() == pole.all_numbers()


def test_who_stops_counts_nobody(any_broker: Broker, gateway: MakeGateway, listen: Listen) -> None:
    listener = listen(any_broker.port)
    pole = gateway(plain(any_broker.port))
    pole.uplink.tell_sensing(COUNTS)
    pole.uplink.start()
    pole.until_connected()
    assert pole.uplink.stop(5.0)
    listener.wait(lambda: len(listener.states()) == 2, "the goodbye")
    assert said(listener)[-1] == {"counting": False}


def test_the_last_will_takes_the_word_back(
    any_broker: Broker, gateway: MakeGateway, listen: Listen
) -> None:
    listener = listen(any_broker.port)
    with Cable(any_broker.port) as cable:
        pole = gateway(plain(cable.port))
        pole.uplink.tell_sensing(COUNTS)
        pole.uplink.start()
        listener.wait(lambda: len(listener.states()) == 1, "the birth")
        cable.unplug()
        listener.wait(lambda: len(listener.states()) == 2, "the will")
    assert (json.loads(listener.states()[1])["reason"], said(listener)[1]) == ("lost", None)


def test_a_new_connection_says_it_again(
    any_broker: Broker, gateway: MakeGateway, listen: Listen
) -> None:
    listener = listen(any_broker.port)
    with Cable(any_broker.port) as cable:
        pole = gateway(plain(cable.port))
        pole.uplink.tell_sensing(COUNTS)
        pole.uplink.start()
        listener.wait(lambda: len(listener.states()) == 1, "the birth")
        cable.unplug()
        listener.wait(lambda: len(listener.states()) == 2, "the will")
        pole.uplink.tell_sensing(COUNTS_NOT)
        cable.plug()
        listener.wait(lambda: said(listener)[-1] == COUNTS_NOT, "the second birth")
