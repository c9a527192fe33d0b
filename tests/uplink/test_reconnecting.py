"""How long an uplink waits before it tries again, by whether the broker felt the attempt."""

from __future__ import annotations

import errno
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from threading import Event

import pytest

from edge_gateway.clock import SystemClock
from edge_gateway.outbox import Outbox
from edge_gateway.uplink.mqtt import Connection
from edge_gateway.uplink.payloads import Pole
from edge_gateway.uplink.publisher import Uplink
from edge_gateway.uplink.trouble import LinkTrouble, is_own_network
from tests.uplink.conftest import plain_config

ATTEMPTS = 9


class Ceilings(Random):
    """Chance that never waits, and remembers how long it might have been told to."""

    def __init__(self) -> None:
        super().__init__(1)
        self.asked: list[float] = []
        self.enough = Event()

    def uniform(self, a: float, b: float) -> float:
        self.asked.append(b)
        if len(self.asked) >= ATTEMPTS:
            self.enough.set()
            return 60.0
        return a


@contextmanager
def trying(folder: Path, chance: Ceilings, **settings: object) -> Generator[None]:
    clock = SystemClock()
    outbox = Outbox(folder, clock=clock, quota_bytes=8 << 20, random=Random(1))
    config = plain_config(1, **{"reconnect_max_s": 30.0, **settings})
    uplink = Uplink(outbox, config, Pole("pole-1"), clock=clock, random=chance)
    uplink.start()
    try:
        assert chance.enough.wait(10)
        yield
    finally:
        uplink.stop(2.0)
        outbox.close()


def fails(monkeypatch: pytest.MonkeyPatch, *, own_network: bool) -> None:
    def open_(_: Connection) -> None:
        raise LinkTrouble("no way out", own_network=own_network)

    monkeypatch.setattr(Connection, "open", open_)


def test_a_broker_that_fails_is_asked_less_and_less_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(monkeypatch, own_network=False)
    chance = Ceilings()
    with trying(tmp_path, chance):
        assert chance.asked == [1, 2, 4, 8, 16, 30, 30, 30, 30]


def test_while_the_own_network_is_down_it_looks_again_every_few_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(monkeypatch, own_network=True)
    chance = Ceilings()
    with trying(tmp_path, chance):
        assert chance.asked == [10] * ATTEMPTS


def test_a_longest_wait_that_is_shorter_holds_there_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fails(monkeypatch, own_network=True)
    chance = Ceilings()
    with trying(tmp_path, chance, reconnect_max_s=3.0):
        assert chance.asked == [3] * ATTEMPTS


@pytest.mark.parametrize(
    ("error", "is_own"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "try again"), True),
        (OSError(errno.ENETUNREACH, "network is unreachable"), True),
        (OSError(errno.EHOSTUNREACH, "no route to host"), True),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), False),
        (TimeoutError(errno.ETIMEDOUT, "timed out"), False),
        (ConnectionResetError(errno.ECONNRESET, "reset"), False),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, OSError) else str(value),
)
def test_only_errors_of_this_machine_are_its_own_networks(error: OSError, *, is_own: bool) -> None:
    assert is_own_network(error) is is_own
