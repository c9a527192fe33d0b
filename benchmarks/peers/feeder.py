"""Hands readings to the gateway under test, never more than a window unaccepted. Own process."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.peers.board import Board, Tally
from benchmarks.peers.contract import SENSORS, Handover
from benchmarks.peers.packets import Refused

# Of a paced feed: ten readings a turn at 500 a second.
TURN_S = 0.02
# Flat out, readings go in pieces of this many at most, as a program with a full buffer writes.
_PIECE = 1000
_RETRY_S = 0.1
_SILENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Past:
    """Times of 50 sensors that are read every `period_s`; number `first` at `unix_s`."""

    first: int
    unix_s: float
    period_s: float


class Now(Enum):
    """Times of this moment. EXACT: to the millisecond, as sensors of 10 Hz have them.

    SPREAD: evenly over the time since the piece before, to the microsecond.
    """

    EXACT = "exact"
    SPREAD = "spread"


@dataclass(frozen=True, slots=True)
class Feed:
    """An order: so many readings at so many a second (None: as fast as they are accepted)."""

    readings: int
    rate_hz: float | None
    window: int
    times: Now | Past
    connect_within_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Fed:
    """What became of it: the numbers `first` to `last` excluded, and how long it took.

    `held_up_s`: for so long the window was full.
    """

    first: int
    last: int
    started_s: float
    handed_s: float
    accepted_s: float
    held_up_s: float
    trouble: str = ""


def run(orders: Connection, board: Path, capacity: int, handover: Callable[[], Handover]) -> None:
    """Carry out orders until None comes; each is answered with a Fed."""
    feeder = _Feeder(Board(board, capacity), handover())
    while (order := orders.recv()) is not None:
        orders.send(feeder.feed(order))


class _Feeder:
    def __init__(self, board: Board, handover: Handover) -> None:
        self._board = board
        self._handover = handover
        self._is_connected = False
        self._held_up_s = 0.0
        self._poll = select.poll()

    def feed(self, order: Feed) -> Fed:
        board = self._board
        first = board[Tally.HANDED]
        last = min(first + order.readings, board.capacity)
        try:
            self._connect(order.connect_within_s)
        except TimeoutError as error:
            return Fed(first, first, 0.0, 0.0, 0.0, 0.0, str(error))
        started_s = time.monotonic()
        self._held_up_s = 0.0
        clock = _clock(order.times)
        trouble = self._hand_in(order, first, last, clock, started_s)
        handed_s = time.monotonic()
        while not trouble and board[Tally.ACCEPTED] < board[Tally.HANDED]:
            trouble = self._await(_SILENCE_S)
        held_up_s, ended_s = self._held_up_s, time.monotonic()
        return Fed(first, board[Tally.HANDED], started_s, handed_s, ended_s, held_up_s, trouble)

    def _hand_in(self, order: Feed, first: int, last: int, clock: Times, started_s: float) -> str:
        board, place = self._board, first
        while place < last and not board[Tally.STOP]:
            room = order.window - (place - board[Tally.ACCEPTED])
            if room <= 0:
                before_s = time.monotonic()
                if trouble := self._await(_SILENCE_S):
                    return trouble
                self._held_up_s += time.monotonic() - before_s
                continue
            count = min(room, last - place, _PIECE)
            now_s = time.monotonic()
            if order.rate_hz is not None:
                due = int((now_s - started_s) * order.rate_hz) - (place - first)
                count = min(count, due)
                if count <= 0:
                    self._take(TURN_S)
                    continue
            # On the board first: the collector may have them before `send` returns.
            board.handed_s[place : place + count] = now_s
            board[Tally.HANDED] = place + count
            self._handover.send(place, clock(place, count))
            place += count
            self._take(TURN_S if order.rate_hz is not None else 0.0)
        return ""

    def _connect(self, within_s: float) -> None:
        until_s = time.monotonic() + within_s
        while not self._is_connected:
            try:
                self._handover.connect()
            except (OSError, Refused) as error:
                if time.monotonic() > until_s:
                    raise TimeoutError(f"nobody takes readings: {error}") from error
                time.sleep(_RETRY_S)
            else:
                self._is_connected = True
                self._poll.register(self._handover.fileno(), select.POLLIN)

    def _await(self, seconds: float) -> str:
        before = self._board[Tally.ACCEPTED]
        self._take(seconds)
        if self._board[Tally.ACCEPTED] == before and not self._board[Tally.STOP]:
            return f"nothing was accepted for {seconds:.0f} s"
        return ""

    def _take(self, seconds: float) -> None:
        """Take in what was accepted, for at most so long: until something came."""
        if self._poll.poll(seconds * 1000):
            before, now = self._board[Tally.ACCEPTED], self._handover.receive()
            self._board.accepted_s[before:now] = time.monotonic()
            self._board[Tally.ACCEPTED] = now


Times = Callable[[int, int], Sequence[float]]
"""The times, seconds since 1970, of so many readings from a number on."""


def _clock(times: Now | Past) -> Times:
    if isinstance(times, Past):
        return lambda place, many: [
            times.unix_s + (number - times.first) // SENSORS * times.period_s + _jitter_s(number)
            for number in range(place, place + many)
        ]
    if times is Now.EXACT:
        return lambda _place, many: [round(time.time(), 3)] * many
    before_s = time.time()

    def rush(_place: int, many: int) -> Sequence[float]:
        nonlocal before_s
        now_s = time.time()
        step_s = (now_s - before_s) / many
        times = [before_s + step_s * turn for turn in range(1, many + 1)]
        before_s = now_s
        return times

    return rush


def _jitter_s(number: int) -> float:
    """Milliseconds from 0 to 3, as a busy program reads its sensors late."""
    return (number * 2654435761 >> 7 & 3) / 1000
