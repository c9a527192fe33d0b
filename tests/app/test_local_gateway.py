"""From the line to the outbox and back to the answer: a receiver with a real socket and store."""

from __future__ import annotations

import json
import math
import socket
from collections.abc import Generator, Iterable
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.clock import ClockState, SystemClock, WallTime
from edge_gateway.device_health import DeviceState
from edge_gateway.drivers.contract import Handed
from edge_gateway.drivers.local import Local, LocalConfig
from edge_gateway.handed import Keeper, Receiver
from edge_gateway.links.local import MOST_WAITING
from edge_gateway.measured import AHEAD_S, stamped
from edge_gateway.outbox import Outbox, decode
from edge_gateway.reading import Event, Flag, Lane, Measurand, Quantity, Reading, Rows, Stamp
from edge_gateway.wiring import open_socket

DEADLINE_S = 10.0
AT = Stamp("boot", 500_000_000_000)
WALL = WallTime(1_780_000_500_000_000_000, ClockState.SYNCED, 0.1)
NUMBER = Measurand(Quantity.NUMBER)


def handed(*unix_s: float) -> Handed:
    rows = len(unix_s)
    return Handed(
        [NUMBER] * rows, [1.0 * row for row in range(rows)], [Flag.GOOD] * rows, [()] * rows, unix_s
    )


def since_boot_s(reading: Reading) -> float:
    return reading.at.monotonic_ns / 1e9


def test_a_time_becomes_a_stamp_by_its_distance_to_now() -> None:
    (reading,) = stamped("a", handed(1_780_000_300.25), AT, WALL).readings()
    assert since_boot_s(reading) == pytest.approx(300.25, abs=1e-6)
    assert (reading.flag, reading.reasons) == (Flag.GOOD, ())


def test_a_reading_without_a_time_bears_that_of_its_coming() -> None:
    first, second = stamped("a", handed(math.nan, 1_780_000_300.0), AT, WALL).readings()
    assert (since_boot_s(first), round(since_boot_s(second), 3)) == (500.0, 300.0)
    assert first.reasons == ()


@pytest.mark.parametrize("state", ClockState)
def test_what_the_clock_is_worth_changes_nothing(state: ClockState) -> None:
    wall = WallTime(WALL.unix_ns, state, math.inf)
    (reading,) = stamped("a", handed(1_780_000_300.0), AT, wall).readings()
    assert since_boot_s(reading) == pytest.approx(300.0, abs=1e-6)


@pytest.mark.parametrize(
    ("unix_s", "wall", "reason"),
    [
        (1_779_999_999.0, WALL, "time 1779999999.000000 is before this boot"),
        (1_780_000_502.0, WALL, "time 1780000502.000000 is ahead of the clock"),
        (1_780_000_300.0, None, "time 1780000300.000000 is no clock here"),
    ],
)
def test_a_time_of_another_clock_is_kept_as_a_reason(
    unix_s: float, wall: WallTime | None, reason: str
) -> None:
    good, doubtful = stamped("a", handed(math.nan, unix_s), AT, wall).readings()
    assert (good.flag, good.reasons) == (Flag.GOOD, ())
    assert (doubtful.flag, doubtful.reasons) == (Flag.SUSPECT, (reason,))
    assert since_boot_s(doubtful) == 500.0


@given(st.lists(st.floats(allow_nan=True, allow_infinity=False), min_size=1))
def test_any_time_gives_a_stamp_of_this_boot_that_is_not_ahead(unix_s: list[float]) -> None:
    for reading in stamped("a", handed(*unix_s), AT, WALL).readings():
        assert 0 <= since_boot_s(reading) <= 500.0 + AHEAD_S


class Pole:
    """A receiver on its thread, and the outbox it hands readings to."""

    def __init__(self, folder: Path) -> None:
        clock = SystemClock(trusted=True)
        self.config = LocalConfig(id="prog", driver="local", socket=folder / "prog.sock")
        self.outbox = Outbox(folder / "outbox", clock=clock, quota_bytes=32 << 20, random=Random(1))
        self.refuses = False
        self.taken = self.commits = 0
        self.events: list[Event] = []
        self.receiver = Receiver(
            self.config,
            self.open,
            clock,
            Random(1),
            keeper=Keeper(self.keep, self.commit, lambda: self.outbox.committed_through),
            deliver=lambda _: None,
            report=self.events.append,
            close_link=self.close,
        )
        self.outbox.on_commit(self.receiver.wake)
        self.receiver.start()

    def open(self) -> Local:
        clock = SystemClock(trusted=True)
        self.link = open_socket(self.config, clock)
        return Local(self.config, self.link, clock)

    def close(self) -> None:
        self.link.close()

    def keep(self, rows: Rows) -> int:
        self.taken = self.outbox.append_rows(rows)
        return self.taken

    def commit(self) -> None:
        self.commits += 1
        if not self.refuses:
            self.outbox.commit()

    def connect(self) -> socket.socket:
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(DEADLINE_S)
        for _ in range(1000):
            try:
                client.connect(str(self.config.path))
            except (FileNotFoundError, ConnectionRefusedError):
                SystemClock().sleep(0.01)
            else:
                return client
        raise TimeoutError

    def kept(self) -> list[float]:
        blocks = self.outbox.pending(Lane.RAW, limit=10_000)
        entries = [entry for block in blocks for entry in decode(block.payload)]
        return [entry.value for entry in entries if isinstance(entry, Reading)]


@pytest.fixture
def pole(tmp_path: Path) -> Generator[Pole]:
    pole = Pole(tmp_path)
    yield pole
    assert pole.receiver.stop(DEADLINE_S)
    pole.outbox.close()


def lines(numbers: Iterable[int]) -> bytes:
    said = (json.dumps({"quantity": "number", "value": number}) for number in numbers)
    return "".join(f"{line}\n" for line in said).encode()


def until(client: socket.socket, answer: bytes) -> bytes:
    got = b""
    while answer not in got:
        came = client.recv(4096)
        assert came, got
        got += came
    return got


def test_an_answer_comes_with_the_regular_commit_and_not_before(pole: Pole) -> None:
    with pole.connect() as client:
        client.sendall(lines(range(3)) + b"nonsense\n")
        assert until(client, b"\n").startswith(b"E4 not JSON")
        assert pole.kept() == []
        pole.outbox.commit()
        assert until(client, b"\n") == b"A4\n"
        assert pole.kept() == [0, 1, 2]
    assert pole.commits == 0


def test_a_full_window_is_committed_at_once(pole: Pole) -> None:
    with pole.connect() as client:
        client.sendall(lines(range(500)))
        until(client, b"A500\n")
    assert pole.kept() == list(range(500))
    assert pole.commits == 1


def test_an_outbox_that_refuses_gives_no_answer_and_stops_the_reading(pole: Pole) -> None:
    pole.refuses = True
    with pole.connect() as client:
        client.settimeout(0.5)
        given = 0
        try:
            while given < 50 * MOST_WAITING:
                client.sendall(lines(range(given, given + 1000)))
                given += 1000
        except TimeoutError:
            pass  # it is not read from any more
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert MOST_WAITING <= pole.taken < given
        assert pole.commits == 1
        pole.refuses = False
        pole.outbox.commit()
        client.settimeout(DEADLINE_S)
        until(client, b"A%d\n" % given)
    assert pole.kept()[:given] == list(range(given))


def test_the_end_takes_in_what_came_commits_and_answers(pole: Pole) -> None:
    with pole.connect() as client:
        client.sendall(lines(range(7)))
        assert pole.receiver.stop(DEADLINE_S)
        assert client.recv(99) == b"A7\n"
        assert client.recv(99) == b""
    assert pole.kept() == list(range(7))
    assert not pole.config.path.exists()


def test_what_a_program_left_behind_is_kept(pole: Pole) -> None:
    with pole.connect() as client:
        client.sendall(lines(range(2)) + b'{"quantity":"num')
    with pole.connect() as another:
        another.sendall(lines([2]))
        pole.receiver.stop(DEADLINE_S)
        assert another.recv(99) == b"A1\n"
    assert sorted(pole.kept()) == [0, 1, 2]


def test_health_counts_readings_and_knows_the_last(pole: Pole) -> None:
    with pole.connect() as client:
        client.sendall(lines(range(5)))
        pole.receiver.stop(DEADLINE_S)
    health = pole.receiver.health()
    assert health.state is DeviceState.STOPPED
    assert health.counts.readings == 5
    assert health.last_reading[NUMBER].value == 4


def test_a_path_that_no_socket_can_have_is_refused() -> None:
    with pytest.raises(ValueError, match="at most 90 bytes"):
        LocalConfig(id="prog", driver="local", socket=Path("/" + "x" * 90))


def test_without_a_path_the_socket_bears_the_name_of_its_device() -> None:
    assert str(LocalConfig(id="prog", driver="local").path) == "/run/edge-gateway/prog.sock"


def test_minutes_are_made_only_when_wanted() -> None:
    assert LocalConfig(id="prog", driver="local", period_s=1).samples_per_s == 0
    wanted = LocalConfig(id="prog", driver="local", period_s=2, summarise=True)
    assert wanted.samples_per_s == 0.5
