"""What a consumer is told of times, over syncs, jumps and reboots: clocks by hand, a real store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import cast

import pytest

from edge_gateway.clock import ClockState, WallTime
from edge_gateway.config import UplinkConfig
from edge_gateway.outbox import BootClock, Outbox
from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp
from edge_gateway.uplink.consumer import Pack, decode_all
from edge_gateway.uplink.delivery import Delivery
from edge_gateway.uplink.encoder import Encoder, Packet
from edge_gateway.uplink.mqtt import Accepted, Answer, Connection
from edge_gateway.uplink.payloads import Pole, load
from edge_gateway.uplink.status import Ledger

SECOND = 10**9
# 2026-08-03T05:00:00Z.
TRUTH_S = 1_785_733_200
UNSET = ClockState.UNSET
SYNCED = ClockState.SYNCED


class Clock:
    """One boot's clocks, set by hand; knows no other boot."""

    def __init__(self, boot_id: str) -> None:
        self.boot_id = boot_id
        self.monotonic_s = 0.0
        self.offset_s = 0.0
        self.state = UNSET

    def now(self) -> Stamp:
        return Stamp(self.boot_id, round(self.monotonic_s * SECOND))

    def wall(self, stamp: Stamp) -> WallTime | None:
        if stamp.boot_id != self.boot_id:
            return None
        return WallTime(stamp.monotonic_ns + round(self.offset_s * SECOND), self.state, 0.5)

    def sleep(self, seconds: float) -> None:
        self.monotonic_s += seconds

    def sync(self, offset_s: float) -> None:
        self.offset_s, self.state = offset_s, SYNCED


class Wire:
    """Stands where a connection stands, and has what was published."""

    def __init__(self) -> None:
        self.ended = ""
        self.packets: list[Packet] = []

    def publish(self, packet: Packet) -> int:
        self.packets.append(packet)
        return len(self.packets)


class Boot:
    """The gateway from power to power cut, on a store that stays."""

    def __init__(self, folder: Path, boot_id: str) -> None:
        self.clock = Clock(boot_id)
        self.outbox = Outbox(folder, clock=self.clock, quota_bytes=8 << 20, random=Random(1))

    def read(self, *seconds: float) -> None:
        """Readings of these seconds after the boot, in one commit."""
        self.clock.monotonic_s = max(seconds)
        self.outbox.append(
            Reading(
                "air",
                Measurand(Quantity.AIR_TEMPERATURE),
                at_s,
                Flag.GOOD,
                Stamp(self.clock.boot_id, round(at_s * SECOND)),
            )
            for at_s in seconds
        )
        self.outbox.commit()

    def note(self) -> None:
        """What the gateway does with each commit."""
        offset_ns = round(self.clock.offset_s * SECOND)
        boot = BootClock(self.clock.boot_id, offset_ns, 0.5, self.clock.state)
        self.outbox.note_clock(boot)
        self.outbox.commit()

    def deliver(self) -> list[Pack]:
        """Send all there is, and have it acknowledged."""
        config = UplinkConfig.model_validate({"host": "b", "tls": False})
        wire = Wire()
        connection = cast("Connection", wire)
        encoder = Encoder(load("senml"), Pole("pole-1"))
        ledger = Ledger(config, self.clock)
        delivery = Delivery(
            self.outbox,
            config,
            encoder,
            "pole-1",
            clock=self.clock,
            random=Random(1),
            ledger=ledger,
        )
        delivery.begin(Accepted(100, None))
        sent = -1
        while len(wire.packets) > sent:
            sent = len(wire.packets)
            delivery.send(connection)
            delivery.take([Answer(number + 1, "") for number in range(sent, len(wire.packets))])
        return [pack for packet in wire.packets for pack in decode_all(packet.payload)]

    def end(self) -> None:
        self.outbox.close()


@pytest.fixture
def boots() -> Iterator[list[Boot]]:
    """Boots so far, the last of them running; `start` adds one."""
    made: list[Boot] = []
    yield made
    if made:
        made[-1].end()


def start(boots: list[Boot], folder: Path, boot_id: str) -> Boot:
    if boots:
        boots[-1].end()
    boots.append(Boot(folder, boot_id))
    return boots[-1]


def told(packs: list[Pack]) -> list[tuple[float | None, float | None]]:
    """What each reading's value (its seconds after boot) was dated, and its `unix_s`."""
    return [(one.value, one.unix_s) for pack in packs for one in pack.readings]


def test_what_was_read_in_the_ten_minutes_before_the_first_sync_gets_its_true_date(
    boots: list[Boot], tmp_path: Path
) -> None:
    boot = start(boots, tmp_path, "a")
    boot.read(1, 2, 3)
    boot.read(299, 300)
    boot.clock.monotonic_s = 600
    boot.clock.sync(TRUTH_S)
    packs = boot.deliver()
    assert {pack.clock for pack in packs} == {"synced"}
    assert told(packs) == [(at_s, TRUTH_S + at_s) for at_s in (1, 2, 3, 299, 300)]


def test_without_a_clock_nothing_gets_a_date(boots: list[Boot], tmp_path: Path) -> None:
    boot = start(boots, tmp_path, "a")
    boot.clock.offset_s = TRUTH_S  # right, as it happens, and nobody knows
    boot.read(1, 2)
    (pack,) = boot.deliver()
    assert pack.clock == "unset"
    assert [one.unix_s for one in pack.readings] == [None, None]


@pytest.mark.parametrize("jump_s", [3600.0, -400 * 86_400.0])
def test_a_jump_tears_nothing_apart(boots: list[Boot], tmp_path: Path, jump_s: float) -> None:
    """A window's readings keep their distances, whatever the wall clock did within it."""
    boot = start(boots, tmp_path, "a")
    boot.clock.sync(TRUTH_S)
    boot.note()
    boot.read(58, 59, 60)
    boot.clock.sync(TRUTH_S + jump_s)
    boot.note()
    boot.read(61, 62)
    dates = [unix_s for _, unix_s in told(boot.deliver()) if unix_s is not None]
    assert [later - dates[0] for later in dates] == [0, 1, 2, 3, 4]


def test_a_boot_that_never_synced_is_sent_with_its_uncertainty(
    boots: list[Boot], tmp_path: Path
) -> None:
    """After the reboot the clock is right: of the boot before only the order is known."""
    start(boots, tmp_path, "a").read(1, 2)
    second = start(boots, tmp_path, "b")
    second.clock.sync(TRUTH_S)
    second.read(5)
    earlier, later = second.deliver()
    assert (earlier.clock, earlier.boot_id) == ("unknown", "a")
    assert [(one.unix_s, one.since_boot_s) for one in earlier.readings] == [(None, 1), (None, 2)]
    assert earlier.before_unix_s == TRUTH_S + 0.5
    assert (later.clock, told([later])) == ("synced", [(5, TRUTH_S + 5)])


def test_a_boot_that_synced_dates_its_backlog_after_a_reboot_without_a_clock(
    boots: list[Boot], tmp_path: Path
) -> None:
    first = start(boots, tmp_path, "a")
    first.read(1, 2)
    first.clock.sync(TRUTH_S)
    first.note()
    second = start(boots, tmp_path, "b")
    second.read(5)
    earlier, later = second.deliver()
    assert (earlier.clock, told([earlier])) == ("synced", [(1, TRUTH_S + 1), (2, TRUTH_S + 2)])
    assert (later.clock, [one.unix_s for one in later.readings]) == ("unset", [None])


def test_each_boot_is_dated_by_its_own_clock(boots: list[Boot], tmp_path: Path) -> None:
    for place, boot_id in enumerate("abc"):
        boot = start(boots, tmp_path, boot_id)
        boot.clock.sync(TRUTH_S + place * 1000)
        boot.read(1)
        boot.note()
    assert told(boots[-1].deliver()) == [(1, TRUTH_S + place * 1000 + 1) for place in range(3)]


def test_a_process_started_anew_in_a_boot_goes_on_with_what_was_learnt(
    boots: list[Boot], tmp_path: Path
) -> None:
    first = start(boots, tmp_path, "a")
    first.clock.sync(TRUTH_S)
    first.read(1)
    first.note()
    second = start(boots, tmp_path, "a")
    second.read(100)
    packs = second.deliver()
    assert {pack.clock for pack in packs} == {"holdover"}
    assert told(packs) == [(1, TRUTH_S + 1), (100, TRUTH_S + 100)]
