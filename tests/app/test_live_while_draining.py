"""While a backlog drains, what is new is committed and sent within two seconds."""

from __future__ import annotations

import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest

from edge_gateway.app import Gateway
from edge_gateway.cli.check import read
from edge_gateway.clock import Clock, SystemClock
from edge_gateway.config import Config
from edge_gateway.health import Notifier
from edge_gateway.outbox import Outbox
from edge_gateway.reading import Flag, Measurand, Quantity, Reading
from edge_gateway.twins.broker import Broker, available

BLOCKS, EACH = 200, 20
LATE_S = 2.0
DEADLINE_S = 10.0


def _configured(folder: Path, port: int) -> Config:
    path = folder / "gateway.toml"
    path.write_text(
        f"""
        [gateway]
        id = "pole-0001"
        [outbox]
        folder = "{folder / "outbox"}"
        commit_interval_s = 60.0
        [uplink]
        host = "127.0.0.1"
        port = {port}
        tls = false
        start_spread_s = 0.0
        backlog_max_per_s = 500.0
        [[device]]
        id = "hand"
        driver = "local"
        socket = "{folder / "hand.sock"}"
        """
    )
    return read(path)


def _fill(folder: Path, clock: Clock) -> None:
    outbox = Outbox(folder, clock=clock, quota_bytes=8 << 20, random=Random(1))
    for block in range(BLOCKS):
        now = clock.now()
        outbox.append(
            Reading("air", Measurand(Quantity.NUMBER), float(block * EACH + n), Flag.GOOD, now)
            for n in range(EACH)
        )
        outbox.commit()
    outbox.close()


@contextmanager
def _running(config: Config, clock: Clock) -> Generator[Gateway]:
    gateway = Gateway(config, clock=clock, random=Random(1), notifier=Notifier(None))
    gateway.start()
    try:
        yield gateway
    finally:
        gateway.stop()


def _is_draining(gateway: Gateway) -> bool:
    return gateway.health().uplinks["main"]["draining"] is True


def _until_it_drains(gateway: Gateway) -> None:
    ends_s = time.monotonic() + DEADLINE_S
    while not _is_draining(gateway):
        assert time.monotonic() < ends_s, "the backlog does not drain"
        time.sleep(0.02)


def test_a_reading_handed_in_while_a_backlog_drains_is_acknowledged_within_two_seconds(
    tmp_path: Path,
) -> None:
    if "mosquitto" not in available():
        pytest.skip("needs mosquitto: apt-get install mosquitto")
    clock = SystemClock()
    _fill(tmp_path / "outbox", clock)
    with Broker("mosquitto") as broker, _running(_configured(tmp_path, broker.port), clock) as it:
        _until_it_drains(it)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as program:
            program.settimeout(DEADLINE_S)
            program.connect(str(tmp_path / "hand.sock"))
            handed_s = time.monotonic()
            program.sendall(b'{"quantity": "number", "value": 1}\n')
            assert program.recv(16) == b"A1\n"
            assert time.monotonic() - handed_s < LATE_S
        assert _is_draining(it)
