"""Several uplinks: each at its own pace, with its own name, version and payload."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from edge_gateway.clock import SystemClock
from edge_gateway.config import Config
from edge_gateway.outbox import Outbox
from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp
from edge_gateway.twins.broker import Broker, free_port
from edge_gateway.twins.cable import Cable
from edge_gateway.uplink.status import UplinkStatus
from edge_gateway.uplink.uplinks import Uplinks
from tests.uplink.waiting import until

if TYPE_CHECKING:
    from conftest import Listener

Listen = Callable[[int], "Listener"]
PEOPLE = Measurand(Quantity.PEOPLE)


class Pole:
    """A store and all its uplinks, fed with numbers that count up."""

    def __init__(self, folder: Path, tables: list[dict[str, Any]]) -> None:
        shared = {"host": "127.0.0.1", "tls": False, "start_spread_s": 0.0, "reconnect_max_s": 1.0}
        config = Config.model_validate(
            {"gateway": {"id": "pole-1"}, "uplink": [{**shared, **table} for table in tables]}
        )
        self._clock = SystemClock(trusted=True)
        self.outbox = Outbox(
            folder,
            clock=self._clock,
            quota_bytes=64 << 20,
            random=Random(1),
            consumers=[one.id for one in config.uplink],
        )
        self.uplinks = Uplinks(
            self.outbox, config, clock=self._clock, random=Random(2), version="1"
        )
        self._next = 0

    def give(self, blocks: int) -> None:
        for _ in range(blocks):
            now = self._clock.now()
            at = Stamp(now.boot_id, now.monotonic_ns)
            self.outbox.append([Reading("dev", PEOPLE, float(self._next), Flag.GOOD, at)])
            self.outbox.commit()
            self._next += 1

    def status(self, name: str) -> UplinkStatus:
        return self.uplinks.status()[name]

    def until_empty(self, name: str) -> None:
        until(
            lambda: not self.outbox.stats().waiting[name].blocks,
            f"nothing waiting for {name}: {self.status(name)}",
        )

    def close(self) -> None:
        self.uplinks.stop(2.0)
        self.outbox.close()


@pytest.fixture
def pole(tmp_path: Path) -> Iterator[Callable[..., Pole]]:
    with ExitStack() as stack:

        def make(*tables: dict[str, Any]) -> Pole:
            made = Pole(tmp_path / "outbox", list(tables))
            stack.callback(made.close)
            return made

        yield make


def test_a_dead_broker_does_not_hold_back_the_other(
    broker: Broker, pole: Callable[..., Pole], listen: Listen
) -> None:
    listener = listen(broker.port)
    made = pole({"id": "city", "port": broker.port}, {"id": "dead", "port": free_port()})
    made.uplinks.start()
    until(lambda: made.status("city").connected, "the city's connection")
    made.give(50)
    made.until_empty("city")
    listener.wait(lambda: len(listener.numbers("live")) == 50, "all numbers, live")
    waiting = made.outbox.stats().waiting
    assert (waiting["city"].blocks, waiting["dead"].blocks) == (0, 50)
    assert not made.status("dead").connected


def test_a_broker_that_comes_back_gets_all_it_missed(
    broker: Broker, mosquitto: Callable[[str], Broker], pole: Callable[..., Pole], listen: Listen
) -> None:
    other = mosquitto("allow_anonymous true\n")
    listener = listen(other.port)
    with Cable(other.port) as cable:
        cable.unplug()
        made = pole({"id": "city", "port": broker.port}, {"id": "late", "port": cable.port})
        made.uplinks.start()
        made.give(50)
        made.until_empty("city")
        cable.plug()
        made.until_empty("late")
        listener.wait(lambda: len(listener.numbers()) == 50, "all numbers")
        made.outbox.commit()
        assert made.outbox.stats().blocks == 0


def test_each_says_in_its_birth_what_it_sends(
    broker: Broker, mosquitto: Callable[[str], Broker], pole: Callable[..., Pole], listen: Listen
) -> None:
    other = mosquitto("allow_anonymous true\n")
    made = pole(
        {"port": broker.port}, {"id": "open", "port": other.port, "payload": "csv", "mqtt": "3.1.1"}
    )
    births: list[dict[str, str]] = []
    for port in (broker.port, other.port):
        listener = listen(port)
        if port == broker.port:
            made.uplinks.start()
        listener.wait(lambda at=listener: bool(at.states()), "a birth")
        births.append(json.loads(listener.states()[0]))
    assert [(birth["payload"], birth["mqtt"]) for birth in births] == [
        ("senml", "5"),
        ("csv", "3.1.1"),
    ]
    assert births[0]["config"] == births[1]["config"]
    assert births[0]["store"] == made.outbox.store


def test_they_stop_together_within_the_time_of_one(
    broker: Broker, pole: Callable[..., Pole]
) -> None:
    tables = [{"id": f"u{n}", "port": broker.port, "topic_prefix": f"edge{n}"} for n in range(4)]
    made = pole(*tables)
    made.uplinks.start()
    until(lambda: all(one.connected for one in made.uplinks.status().values()), "connections")
    assert made.uplinks.stop(5.0)
