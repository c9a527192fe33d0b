"""Takes everything from the upstream broker and accounts for every reading. Own process."""

from __future__ import annotations

import select
import socket
import time
from collections import deque
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.peers.board import Board, Tally
from benchmarks.peers.contract import SENSORS, Answer, Block, Decode
from benchmarks.peers.packets import PUBLISH, Stream, dial, message, puback, publish, subscribe

_PIECE = 256 << 10
_IDLE_S = 0.2
# From so many numbers on it is worth to leave Python for numpy.
_MANY = 32


@dataclass(frozen=True, slots=True)
class Place:
    """Where the collector listens and what it understands."""

    port: int
    board: Path
    capacity: int
    decode: Decode
    answer: Answer | None


def collect(orders: Connection, place: Place) -> None:
    """Collect until an order comes. What is read waits undecoded while more comes."""
    account = Account(Board(place.board, place.capacity))
    connection = dial(place.port, "collector", clean=False)
    connection.sendall(subscribe("#"))
    orders.send("ready")
    stream, spool = Stream(), deque[tuple[float, str, bytes]]()
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    poll.register(orders, select.POLLIN)
    while True:
        ready = dict(poll.poll(0 if spool else _IDLE_S * 1000))
        if connection.fileno() in ready:
            _receive(connection, stream, spool, place.answer)
        elif orders.fileno() in ready:
            return
        elif spool:
            account.take(*spool.popleft(), place.decode)


def _receive(
    connection: socket.socket,
    stream: Stream,
    spool: deque[tuple[float, str, bytes]],
    answer: Answer | None,
) -> None:
    data = connection.recv(_PIECE)
    if not data:
        raise ConnectionError("the upstream broker is gone")
    now_s = time.monotonic()
    replies: list[bytes] = []
    for kind, flags, body in stream.feed(data):
        if kind != PUBLISH:
            continue
        topic, payload, number = message(flags, body)
        if number:
            replies.append(puback(number))
        said = answer(topic, payload) if answer else None
        if said is not None:
            replies.append(publish(said[0].encode(), said[1], 1))
        spool.append((now_s, topic, payload))
    connection.sendall(b"".join(replies))


class Account:
    """Keeps the books of the readings that have come."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._keys: set[str] = set()
        self._latest: dict[str, npt.NDArray[np.int64]] = {}

    def take(self, at_s: float, topic: str, payload: bytes, decode: Decode) -> None:
        """Account for a message that came at `at_s`."""
        tallies = self._board.tallies
        try:
            blocks = tuple(decode(topic, payload))
        except ValueError:
            tallies[Tally.STRANGE] += 1
            return
        tallies[Tally.MESSAGES] += bool(blocks)
        for block in blocks:
            if block.key is not None and block.key in self._keys:
                tallies[Tally.REPEATED] += len(block.numbers)
                continue
            if block.key is not None:
                self._keys.add(block.key)
            if len(block.numbers) < _MANY:
                self._one_by_one(at_s, block)
            else:
                self._together(at_s, block)

    def _one_by_one(self, at_s: float, block: Block) -> None:
        board = self._board
        latest = self._of(block.kind)
        for number in block.numbers:
            if not 0 <= number < board[Tally.HANDED]:
                board.tallies[Tally.STRANGE] += 1
            elif board.delivered_s[number]:
                board.tallies[Tally.DUPLICATED] += 1
            else:
                board.delivered_s[number] = at_s
                board.tallies[Tally.DELIVERED] += 1
                sensor = number % SENSORS
                board.tallies[Tally.DISORDERED] += number <= latest[sensor]
                latest[sensor] = number

    def _together(self, at_s: float, block: Block) -> None:
        board = self._board
        came = np.asarray(block.numbers, dtype=np.int64)
        known = came[(came >= 0) & (came < board[Tally.HANDED])]
        board.tallies[Tally.STRANGE] += came.size - known.size
        _, places = np.unique(known, return_index=True)
        fresh = known[np.sort(places)]
        fresh = fresh[board.delivered_s[fresh] == 0]
        board.tallies[Tally.DUPLICATED] += known.size - fresh.size
        board.delivered_s[fresh] = at_s
        board.tallies[Tally.DELIVERED] += fresh.size
        board.tallies[Tally.DISORDERED] += self._disordered(fresh, self._of(block.kind))

    @staticmethod
    def _disordered(fresh: npt.NDArray[np.int64], latest: npt.NDArray[np.int64]) -> int:
        by_sensor = fresh[np.argsort(fresh % SENSORS, kind="stable")]
        sensors = by_sensor % SENSORS
        is_first = np.ones(by_sensor.size, dtype=bool)
        is_first[1:] = sensors[1:] != sensors[:-1]
        before = np.empty_like(by_sensor)
        before[1:] = by_sensor[:-1]
        before[is_first] = latest[sensors[is_first]]
        is_last = np.roll(is_first, -1)
        latest[sensors[is_last]] = by_sensor[is_last]
        return int((by_sensor <= before).sum())

    def _of(self, kind: str) -> npt.NDArray[np.int64]:
        if kind not in self._latest:
            self._latest[kind] = np.full(SENSORS, -1, dtype=np.int64)
        return self._latest[kind]
