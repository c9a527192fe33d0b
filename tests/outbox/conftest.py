"""A clock that stands still, readings by the dozen, and an outbox in a temporary folder."""

from __future__ import annotations

import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from edge_gateway.clock import ClockState, WallTime
from edge_gateway.outbox import Outbox, Thin
from edge_gateway.outbox.memory import seal
from edge_gateway.reading import Event, Flag, Lane, Measurand, Quantity, Reading, Stamp

BOOT = "0123456789abcdef0123456789abcdef"


class StillClock:
    """Stands at `now_s` until it is moved; dates its own boot by `offset_s` when that is known."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.offset_s: float | None = None

    def now(self) -> Stamp:
        return Stamp(BOOT, int(self.now_s * 1e9))

    def wall(self, stamp: Stamp) -> WallTime | None:
        if stamp.boot_id != BOOT or self.offset_s is None:
            return None
        return WallTime(stamp.monotonic_ns + int(self.offset_s * 1e9), ClockState.SYNCED, 0.1)

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture(scope="session")
def still_clock() -> type[StillClock]:
    """For what more than one test looks at."""
    return StillClock


@pytest.fixture
def disk_of(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Makes a file system of the size given in the words of mount(8), and takes it away."""
    folder = tmp_path / "disk"

    def mount(size: str) -> Path:
        folder.mkdir()
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if mounted.returncode:
            pytest.skip(f"needs the right to mount a small file system: {mounted.stderr.strip()}")
        return folder

    yield mount
    if folder.is_mount():
        subprocess.run(["umount", str(folder)], check=True)


@pytest.fixture
def sample() -> Callable[..., Reading]:
    def make(number: int, quantity: Quantity = Quantity.WIND_SPEED, boot: str = BOOT) -> Reading:
        at = Stamp(boot, number * 10**9)
        return Reading("dev", Measurand(quantity), number % 60, Flag.GOOD, at)

    return make


@pytest.fixture
def event() -> Callable[[int], Event]:
    return lambda number: Event("test", "dev", f"event {number}", Stamp(BOOT, number * 10**9))


@pytest.fixture
def make_outbox(tmp_path: Path, clock: StillClock) -> Iterator[Callable[..., Outbox]]:
    """Opens the outbox of this test; opened a second time, it finds what the first one left."""
    opened: list[Outbox] = []

    def make(
        quota_bytes: int = 64 << 20,
        seed: int = 1,
        consumers: Sequence[str] = ("main",),
        commit_interval_s: Mapping[Lane, float] | None = None,
        thin: Thin | None = None,
    ) -> Outbox:
        outbox = Outbox(
            tmp_path / "outbox",
            clock=clock,
            quota_bytes=quota_bytes,
            random=Random(seed),
            consumers=consumers,
            commit_interval_s=commit_interval_s,
            thin=thin,
        )
        opened.append(outbox)
        return outbox

    yield make
    for outbox in opened:
        outbox.close()


@pytest.fixture
def filled(make_outbox: Callable[..., Outbox], sample: Callable[..., Reading]) -> Outbox:
    """A closed outbox of 400 blocks of one reading each, stamped with their numbers from 1."""
    outbox = make_outbox()
    blocks = [seal(Lane.RAW, BOOT, [sample(number)]) for number in range(1, 401)]
    with closing(sqlite3.connect(outbox.path)) as connection, connection:
        connection.executemany(
            "INSERT INTO blocks (lane, boot, first_us, last_us, entries, bytes, origin, payload)"
            " VALUES ('raw', ?, ?, ?, 1, ?, '', ?)",
            [(BOOT, b.first_us, b.last_us, len(b.payload), b.payload) for b in blocks],
        )
    outbox.close()
    return outbox
