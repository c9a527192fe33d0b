"""`tail` as a process of its own: how it ends, and how it connects again."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from edge_gateway.cli.terminal import Exit
from edge_gateway.twins.broker import Broker
from tests.cli.tail_wire import PATIENCE_S, Publisher, pack

Mosquitto = Callable[..., Broker]


def started(port: int, *more: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "edge_gateway", "tail", f"mqtt://127.0.0.1:{port}/edge"]
    return subprocess.Popen(
        [*command, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_told_to_stop_it_ends_well(how: signal.Signals, port: int, publisher: Publisher) -> None:
    publisher.keep("edge/pole-1/raw", pack(1))
    with started(port) as process:
        assert process.stdout
        assert "wind_speed" in process.stdout.readline()
        process.send_signal(how)
        _, errors = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, errors) == (Exit.DONE, "")


def test_when_nobody_reads_any_more_it_ends_well(port: int, publisher: Publisher) -> None:
    publisher.keep("edge/pole-1/raw", pack(1))
    with started(port) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        # No further message comes: that the pipe is closed is seen all the same.
        assert process.wait(PATIENCE_S) == Exit.DONE
        assert process.stderr.read() == ""


def test_it_connects_again_by_itself(mosquitto: Mosquitto) -> None:
    broker = mosquitto(persistence=True)
    with Publisher(broker.port, version=MQTTProtocolVersion.MQTTv5) as publisher:
        publisher.keep("edge/pole-1/raw", pack(1))
    with started(broker.port, "--count", "2") as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        broker.kill()
        assert "connecting again" in process.stderr.readline()
        broker.start()
        with Publisher(broker.port, version=MQTTProtocolVersion.MQTTv5) as publisher:
            publisher.keep("edge/pole-1/counts", pack(2))
            assert "connected again" in process.stderr.readline()
            assert "wind_speed" in process.stdout.readline()
        assert process.wait(PATIENCE_S) == Exit.DONE
