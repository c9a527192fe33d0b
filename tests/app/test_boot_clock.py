"""The gateway keeps in its store what each boot's clock was, as soon as it is known."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

from edge_gateway.app import Gateway
from edge_gateway.clock import ClockState, WallTime
from edge_gateway.config import Config
from edge_gateway.health import Notifier, as_json
from edge_gateway.outbox import BootClock, Outbox
from edge_gateway.reading import Stamp

TRUTH_NS = 1_785_733_200 * 10**9


class SettableClock:
    """The machine's monotonic clock, and a wall clock that is set by hand."""

    def __init__(self) -> None:
        self.state = ClockState.UNSET
        self.offset_ns = 0

    def now(self) -> Stamp:
        return Stamp("boot-a", time.monotonic_ns())

    def wall(self, stamp: Stamp) -> WallTime:
        return WallTime(stamp.monotonic_ns + self.offset_ns, self.state, 0.25)

    def sleep(self, seconds: float) -> None:
        del seconds


def gateway(folder: Path, clock: SettableClock, uplinks: int = 1) -> Gateway:
    tables = [
        {"id": f"u{number}", "host": "127.0.0.1", "port": number + 1, "tls": False}
        for number in range(uplinks)
    ]
    config = Config.model_validate(
        {"gateway": {"id": "pole-1"}, "outbox": {"folder": folder}, "uplink": tables}
    )
    return Gateway(config, clock=clock, random=Random(1), notifier=Notifier(None))


def kept(folder: Path) -> BootClock | None:
    outbox = Outbox(
        folder, clock=SettableClock(), quota_bytes=512_000_000, random=Random(1), consumers=["u0"]
    )
    try:
        return outbox.clock_of("boot-a")
    finally:
        outbox.close()


def run(made: Gateway) -> None:
    made.start()
    made.stop()


def test_a_clock_that_is_right_is_kept_for_the_boots_to_come(tmp_path: Path) -> None:
    clock = SettableClock()
    made = gateway(tmp_path, clock)
    clock.state, clock.offset_ns = ClockState.SYNCED, TRUTH_NS
    run(made)
    assert kept(tmp_path) == BootClock("boot-a", TRUTH_NS, 0.25, ClockState.SYNCED)


def test_one_that_nobody_has_set_is_not(tmp_path: Path) -> None:
    run(gateway(tmp_path, SettableClock()))
    assert kept(tmp_path) is None


def test_health_lists_every_uplink(tmp_path: Path) -> None:
    made = gateway(tmp_path, SettableClock(), uplinks=2)
    health = made.health()
    run(made)
    assert list(health.uplinks) == ["u0", "u1"]
    assert health.uplink == health.uplinks["u0"]
    assert [uplink["waiting"] for uplink in health.uplinks.values()] == [0, 0]
    assert set(as_json(health)) >= {"uplink", "uplinks"}
