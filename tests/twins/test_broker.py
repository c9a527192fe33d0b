"""A broker in a box comes up, can be killed and started again, and leaves nothing behind."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import cast

import psutil
import pytest

from edge_gateway.twins.broker import Broker, Kind, NoBroker, available


@pytest.fixture(params=["mosquitto", "iotcore"])
def kind(request: pytest.FixtureRequest) -> Kind:
    name = cast("Kind", request.param)
    if name not in available():
        pytest.skip(f"needs the broker {name}")
    return name


def reachable(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5.0).close()
    except ConnectionRefusedError:
        return False
    return True


def test_it_listens_on_loopback_while_the_context_lasts(kind: Kind) -> None:
    with Broker(kind) as broker:
        assert broker.pid is not None
        process = psutil.Process(broker.pid)
        listening = [c.laddr for c in process.net_connections("inet") if c.status == "LISTEN"]
        assert (broker.name, reachable(broker.port)) == (kind, True)
    assert {address.ip for address in listening} == {"127.0.0.1"}
    assert not process.is_running()
    assert not reachable(broker.port)


def test_it_runs_in_a_process_of_its_own(kind: Kind) -> None:
    with Broker(kind):
        maps = Path("/proc/self/maps").read_text(encoding="utf-8")
    assert "iotcore" not in maps


def test_killed_it_comes_back_on_the_same_port(kind: Kind) -> None:
    with Broker(kind) as broker:
        broker.kill()
        assert not reachable(broker.port)
        broker.start()
        assert reachable(broker.port)


def test_ending_it_twice_is_the_same_as_once(kind: Kind) -> None:
    with Broker(kind) as broker:
        broker.stop()
        broker.stop()
        broker.kill()
    assert broker.pid is None


def test_a_wrong_setting_is_told_in_the_brokers_words() -> None:
    if "mosquitto" not in available():
        pytest.skip("needs mosquitto: apt-get install mosquitto")
    with pytest.raises(NoBroker, match=r"mosquitto does not start.*nonsense"):
        Broker("mosquitto", settings="nonsense true\n").start()
