"""Devices that say what a recorded talk says: at the far end of a line, and on an I2C bus."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import ClassVar, Protocol

from edge_gateway.twins.faults import Faults, cut, flipped
from edge_gateway.twins.i2c_bus import no_acknowledge
from edge_gateway.twins.pty_line import LineTwin, PtyLine

_PATIENCE_S = 0.5
_BETWEEN_TWO_ROUNDS_S = 1.0


class Said(Protocol):
    """What is used of the turns that `links.talk` reads from a file."""

    @property
    def at_s(self) -> float:
        """When, in seconds since the talk began."""
        ...

    @property
    def sign(self) -> str:
        """`>` was sent to the device, `<` came from it."""
        ...

    @property
    def data(self) -> bytes:
        """The bytes."""
        ...

    @property
    def failure(self) -> str:
        """`silent`, `gone` or empty."""
        ...


@dataclass(frozen=True, slots=True)
class Exchange:
    """What the device was asked, empty where it talked by itself, and what it said how much later.

    `lasts_s` is the time until the next exchange.
    """

    request: bytes
    answers: tuple[tuple[float, bytes], ...]
    lasts_s: float


class TalkTwin(LineTwin):
    """Plays the talk of a serial device, `speed` times as fast as it was, over and over.

    Asked for something, it looks for the next time that this was asked in the talk and says what
    came then; to what was never asked it says nothing. Faults strike a chunk of what it says.
    """

    FAULTS: ClassVar[Sequence[str]] = ("crc", "silent", "half_frame", "split_frame")

    def __init__(
        self,
        line: PtyLine,
        turns: Sequence[Said],
        *,
        speed: float = 1.0,
        repeat: bool = True,
        chance: Random | None = None,
    ) -> None:
        super().__init__(line, chance)
        self._exchanges = tuple(exchanges(turns))
        self._speed = speed
        self._repeat = repeat
        self._heard = b""

    def run(self) -> None:
        """Talk until stopped, or until the end of a talk that is not repeated."""
        at = 0
        while self._exchanges and not self.stopped.is_set():
            if self._exchanges[at].request:
                asked = self._asked_from(at)
                if asked is None:
                    continue
                at = asked
            self._say(self._exchanges[at])
            at += 1
            if at == len(self._exchanges):
                if not self._repeat:
                    return
                at = 0
                if not self._exchanges[at].request:
                    self.stopped.wait(_BETWEEN_TWO_ROUNDS_S / self._speed)

    def _asked_from(self, at: int) -> int | None:
        """The next exchange, from the one at `at` on, that begins with what was heard."""
        self._heard += self.line.read(_PATIENCE_S)
        order = (*range(at, len(self._exchanges)), *range(at))
        for index in order:
            request = self._exchanges[index].request
            if request and request in self._heard:
                self._heard = self._heard.partition(request)[2]
                return index
        longest = max(len(exchange.request) for exchange in self._exchanges)
        self._heard = self._heard[-longest:]
        return None

    def _say(self, exchange: Exchange) -> None:
        gone_by_s = 0.0
        for after_s, data in exchange.answers:
            if self.stopped.wait((after_s - gone_by_s) / self._speed):
                return
            gone_by_s = after_s
            for part in self._spoilt(data):
                self.line.write(part)
        if not exchange.request:
            self.stopped.wait((exchange.lasts_s - gone_by_s) / self._speed)

    def _spoilt(self, data: bytes) -> Iterator[bytes]:
        take, chance = self.faults.take, self.faults.chance
        if take("silent"):
            return
        if take("crc"):
            yield flipped(data, chance)
        elif take("half_frame") and len(data) > 1:
            yield cut(data, chance)
        elif take("split_frame"):
            yield from (data[at : at + 1] for at in range(len(data)))
        else:
            yield data


class TalkChip:
    """A chip for `SimulatedI2cBus` that answers as in a talk, over and over.

    Asked for something, it looks for the next time that this was written in the talk and gives
    what was read then. What was never written it does not acknowledge. Fault `silent`: it
    acknowledges nothing.
    """

    FAULTS: ClassVar[Sequence[str]] = ("silent",)

    def __init__(self, turns: Sequence[Said]) -> None:
        self._turns = [turn for turn in turns if turn.sign in "<>!"]
        self._next = 0
        self.faults = Faults(self.FAULTS)

    def fail(self, kind: str, times: int = 1) -> None:
        """Have a fault of `FAULTS` the next `times` times."""
        self.faults.order(kind, times)

    def power_up(self) -> None:
        """Begin the talk anew."""
        self._next = 0

    def write(self, data: bytes) -> None:
        """Find where the master wrote this."""
        if self.faults.take("silent"):
            raise no_acknowledge()
        for index in (*range(self._next, len(self._turns)), *range(self._next)):
            turn = self._turns[index]
            if turn.sign == ">" and turn.data == data:
                self._next = index + 1
                _raise_as_then(turn)
                return
        raise no_acknowledge()

    def read(self, count: int) -> bytes:
        """What was read then; nothing is acknowledged where nothing was, or not as much."""
        turn = self._turns[self._next] if self._next < len(self._turns) else None
        if turn is None or turn.sign == ">" or self.faults.take("silent"):
            raise no_acknowledge()
        self._next += 1
        _raise_as_then(turn)
        if len(turn.data) != count:
            raise no_acknowledge()
        return turn.data


def exchanges(turns: Sequence[Said]) -> Iterator[Exchange]:
    """The talk of a serial line as questions and answers; what the link raised is left out."""
    request, answers = b"", list[tuple[float, bytes]]()
    began_s = 0.0
    for turn in turns:
        if turn.sign == ">":
            if request or answers:
                yield Exchange(request, tuple(answers), turn.at_s - began_s)
            request, answers, began_s = turn.data, [], turn.at_s
        elif turn.sign == "<":
            answers.append((turn.at_s - began_s, turn.data))
    if request or answers:
        yield Exchange(request, tuple(answers), turns[-1].at_s - began_s)


def _raise_as_then(turn: Said) -> None:
    if turn.failure == "silent":
        raise no_acknowledge()
    if turn.failure:
        raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
