"""A broker for the tests of `tail`, and somebody who publishes there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from edge_gateway.twins.broker import Broker, available
from tests.cli.tail_wire import Publisher, forget

Mosquitto = Callable[..., Broker]


@pytest.fixture
def mosquitto() -> Iterator[Mosquitto]:
    if "mosquitto" not in available():
        pytest.skip("needs mosquitto: apt-get install mosquitto")
    with ExitStack() as stack:

        def start(settings: str = "", *, persistence: bool = False) -> Broker:
            broker = Broker("mosquitto", settings=settings, persistence=persistence)
            return stack.enter_context(broker)

        yield start


@pytest.fixture(scope="session")
def shared_port() -> Iterator[int]:
    if "mosquitto" not in available():
        pytest.skip("needs mosquitto: apt-get install mosquitto")
    with Broker("mosquitto") as broker:
        yield broker.port


@pytest.fixture
def port(shared_port: int) -> Iterator[int]:
    """The port of a broker that keeps nothing when the test begins."""
    yield shared_port
    forget(shared_port)


@pytest.fixture
def publisher(port: int) -> Iterator[Publisher]:
    with Publisher(port, version=MQTTProtocolVersion.MQTTv5) as one:
        yield one
