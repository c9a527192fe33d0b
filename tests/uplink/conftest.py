"""Real brokers on loopback, somebody who listens, and gateways to deliver to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from random import Random
from threading import Condition
from typing import Any, Self, cast

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_gateway.clock import SystemClock
from edge_gateway.config import UplinkConfig
from edge_gateway.outbox import Outbox
from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp
from edge_gateway.twins.broker import Broker, available
from edge_gateway.uplink.consumer import Pack, Seen, decode_all
from edge_gateway.uplink.payloads import Pole
from edge_gateway.uplink.publisher import Uplink
from edge_gateway.uplink.status import UplinkStatus
from tests.uplink.waiting import PATIENCE_S, until


class Listener:
    """Subscribes to everything and keeps what comes."""

    def __init__(self, port: int) -> None:
        self.messages: list[paho.MQTTMessage] = []
        self._news = Condition()
        self._subscribed = False
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, "listener", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def __enter__(self) -> Self:
        self.wait(lambda: self._subscribed, "the listener's subscription")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        with self._news:
            assert self._news.wait_for(condition, PATIENCE_S), f"waited in vain: {what}"

    def packs(self) -> list[Pack]:
        return [pack for message in self.data() for pack in decode_all(bytes(message.payload))]

    def data(self) -> list[paho.MQTTMessage]:
        return [message for message in self.messages if not message.topic.endswith("/state")]

    def states(self) -> list[bytes]:
        return [
            bytes(message.payload) for message in self.messages if message.topic.endswith("/state")
        ]

    def numbers(self, arrival: str | None = None) -> list[int]:
        """The values received, repetitions dropped by key, in the order they came."""
        seen = Seen()
        return [
            int(reading.value)
            for pack in self.packs()
            if seen.first(pack.key) and arrival in {None, pack.arrival}
            for reading in pack.readings
            if reading.value is not None
        ]

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe("#", 1)

    def _on_subscribe(self, *_: object) -> None:
        with self._news:
            self._subscribed = True
            self._news.notify_all()

    def _on_message(self, _client: object, _userdata: object, message: paho.MQTTMessage) -> None:
        with self._news:
            self.messages.append(message)
            self._news.notify_all()


class Gateway:
    """An outbox and its uplink, fed with numbers that count up."""

    def __init__(self, folder: Path, config: UplinkConfig) -> None:
        clock = SystemClock(trusted=True)
        self.clock = clock
        self.outbox = Outbox(folder, clock=clock, quota_bytes=64 << 20, random=Random(1))
        self.uplink = Uplink(
            self.outbox,
            config,
            Pole("pole-1"),
            clock=clock,
            random=Random(2),
            about={"version": "1"},
        )
        self.next_number = 0

    def give(self, blocks: int = 1, *, quantity: Quantity = Quantity.PEOPLE) -> None:
        """Commit blocks of three readings each."""
        for _ in range(blocks):
            now = self.clock.now()
            self.outbox.append(
                Reading(
                    "dev",
                    Measurand(quantity),
                    self.next_number + place,
                    Flag.GOOD,
                    Stamp(now.boot_id, now.monotonic_ns + place * 1_000_000),
                )
                for place in range(3)
            )
            self.next_number += 3
            assert self.outbox.commit().trouble == ""

    def all_numbers(self) -> list[int]:
        return list(range(self.next_number))

    @property
    def status(self) -> UplinkStatus:
        return self.uplink.status()

    def until_empty(self) -> None:
        until(lambda: self.outbox.stats().blocks == 0, f"an empty outbox: {self.status}")

    def until_connected(self) -> None:
        until(lambda: self.status.connected, f"a connection: {self.status}")

    def until_error(self, words: str) -> None:
        until(lambda: words in self.status.error, f"an error with {words!r}: {self.status}")

    def close(self) -> None:
        self.uplink.stop(5.0)
        self.outbox.close()


def plain_config(port: int, **more: object) -> UplinkConfig:
    settings = {
        "host": "127.0.0.1",
        "port": port,
        "tls": False,
        "reconnect_max_s": 1.0,
        "start_spread_s": 0.0,
        **more,
    }
    return UplinkConfig.model_validate(settings)


@pytest.fixture(params=["mosquitto", "iotcore"])
def any_broker(request: pytest.FixtureRequest) -> Iterator[Broker]:
    """Every broker the product may meet in the box."""
    yield from _started(Broker, cast("str", request.param))


@pytest.fixture
def broker() -> Iterator[Broker]:
    yield from _started(lambda kind: Broker(kind, persistence=True), "mosquitto")


@pytest.fixture
def mosquitto() -> Iterator[Callable[[str], Broker]]:
    """Starts mosquitto with lines of its configuration."""
    if "mosquitto" not in available():
        pytest.skip("needs mosquitto: apt-get install mosquitto")
    with ExitStack() as stack:
        yield lambda settings: stack.enter_context(Broker("mosquitto", settings=settings))


def _started(make: Callable[[Any], Broker], kind: str) -> Iterator[Broker]:
    if kind not in available():
        pytest.skip(f"needs the broker {kind}: {_ADVICE[kind]}")
    with make(kind) as broker:
        yield broker


_ADVICE = {"mosquitto": "apt-get install mosquitto", "iotcore": "install the `demo` extra"}


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Callable[[UplinkConfig], Gateway]]:
    """Makes the gateway of this test; its uplink is not started."""
    with ExitStack() as stack:

        def make(config: UplinkConfig) -> Gateway:
            made = Gateway(tmp_path / "outbox", config)
            stack.callback(made.close)
            return made

        yield make


@pytest.fixture
def listen() -> Iterator[Callable[[int], Listener]]:
    """Subscribes to everything at a port; returns when the subscription stands."""
    with ExitStack() as stack:

        def start(port: int) -> Listener:
            return stack.enter_context(Listener(port))

        yield start


@pytest.fixture
def plain() -> Callable[..., UplinkConfig]:
    return plain_config
