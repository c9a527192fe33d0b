"""Where power comes back to a whole city, its poles do not come at once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from edge_gateway.clock import WallTime
from edge_gateway.config import UplinkConfig
from edge_gateway.outbox import Outbox
from edge_gateway.reading import Event, Stamp
from edge_gateway.twins.broker import free_port
from edge_gateway.uplink.payloads import Pole
from edge_gateway.uplink.publisher import Uplink
from tests.uplink.waiting import until


class Uptime:
    """A machine that booted so many seconds before the test."""

    def __init__(self, seconds: float) -> None:
        self._start_ns = time.monotonic_ns() - int(seconds * 1e9)

    def now(self) -> Stamp:
        return Stamp("boot", time.monotonic_ns() - self._start_ns)

    def wall(self, stamp: Stamp) -> WallTime | None:
        del stamp

    def sleep(self, seconds: float) -> None:
        del seconds


class Started:
    """An uplink to nobody, on a machine that has been up for so long."""

    def __init__(self, folder: Path, uptime_s: float, spread_s: float) -> None:
        clock = Uptime(uptime_s)
        settings = {"port": free_port(), "tls": False, "start_spread_s": spread_s}
        config = UplinkConfig.model_validate({"host": "127.0.0.1", **settings})
        self.clock = clock
        self.outbox = Outbox(folder, clock=clock, quota_bytes=8 << 20, random=Random(1))
        self.uplink = Uplink(self.outbox, config, Pole("pole-1"), clock=clock, random=Random(1))
        self.uplink.start()

    def error(self) -> str:
        return self.uplink.status().error


@pytest.fixture
def made() -> Iterator[list[Started]]:
    started: list[Started] = []
    yield started
    for one in started:
        one.uplink.stop(1.0)
        one.outbox.close()


def test_after_a_boot_the_first_connection_waits_and_what_is_read_is_safe(
    made: list[Started], tmp_path: Path
) -> None:
    made.append(Started(tmp_path, uptime_s=40, spread_s=600))
    until(lambda: "start_spread_s" in made[0].error(), "the word of the wait")
    made[0].outbox.append([Event("note", "dev", "text", made[0].clock.now())])
    assert made[0].outbox.commit().blocks == 1


def test_a_stop_does_not_wait_for_it(made: list[Started], tmp_path: Path) -> None:
    made.append(Started(tmp_path, uptime_s=40, spread_s=600))
    assert made[0].uplink.stop(1.0)


@pytest.mark.parametrize(("uptime_s", "spread_s"), [(301, 600), (40, 0)])
def test_a_process_started_anew_and_one_told_so_connect_at_once(
    made: list[Started], tmp_path: Path, uptime_s: float, spread_s: float
) -> None:
    made.append(Started(tmp_path, uptime_s, spread_s))
    until(lambda: "nothing listens" in made[0].error(), "an attempt to connect")


def test_a_fleet_spreads_over_all_of_the_time() -> None:
    """A thousand poles in 30 s: no second sees twice what an even spread would send it."""
    chance = Random(7)
    seconds = [int(chance.uniform(0.0, 30.0)) for _ in range(1000)]
    assert max(seconds.count(second) for second in range(30)) < 2 * 1000 / 30
