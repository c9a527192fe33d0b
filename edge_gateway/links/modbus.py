"""Modbus RTU master for one line: one request at a time, every fault told apart.

Source: Modbus over serial line V1.02 (frame gap of 3.5 characters, section 2.5.1.1).
"""

from __future__ import annotations

from dataclasses import dataclass

from edge_gateway.clock import Clock
from edge_gateway.links.contract import ByteStream
from edge_gateway.links.errors import DeviceSilent
from edge_gateway.links.modbus_answer import (
    READ_HOLDING,
    READ_INPUT,
    Request,
    answers_begun,
    diagnose,
    find_answer,
    registers,
    whole_but_wrong,
)
from edge_gateway.links.turns import Turns

# Two slaves that let it pass and a third that answers fit into a second, down to 9600 baud.
ANSWER_TIMEOUT_S = 0.4
BITS_PER_CHARACTER = 11
LEAST_GAP_S = 0.00175  # above 19200 baud the gap is fixed, section 2.5.1.1

# A USB adapter hands bytes over every 16 ms or so: after this long a frame has no more to come.
SETTLED_S = 0.05

SILENCES_BEFORE_QUARANTINE = 3
# Shorter than the supervisor's back-off after as many failures, so that it never adds to it.
QUARANTINE_S = 2.0
LONGEST_QUARANTINE_S = 30.0

# Who failed in one of its last exchanges queues as if it had come so many timeouts later.
LAST_EXCHANGES = 8
HANDICAP = 2

# The longest answer is 255 bytes, and an echo and noise may come before it.
_MOST_HEARD = 600


@dataclass(slots=True)
class _Slave:
    """What the line remembers of a slave: silences in a row, and when it may be asked again.

    `doubts` is how many good exchanges it takes until it is trusted as before.
    """

    doubts: int = 0
    silences: int = 0
    quarantined_until_s: float = 0.0
    late_until_s: float = 0.0


class ModbusLine:
    """Master of the line behind `stream`, shared by its slaves: one exchange at a time.

    A slave gets `timeout_s` and the time the bytes take at `baud`; a whole but wrong answer ends
    the wait. One that let it pass is not asked again before as much time again has gone by: its
    late answer, which nothing in a Modbus frame tells from the answer to a newer question, has
    then come and is thrown away. One that let it pass three times in a row is in quarantine: for
    2 s, then 4, 8 ... 30 s, each request to it fails at once, and the line is free for the others.
    Nobody waits on the line for another slave's punishment, and a slave that answers goes before
    those that have failed lately: it waits for one exchange that runs, not for many timeouts.
    Where another slave's late answer spoils its exchange, it is asked again in the same turn.
    """

    def __init__(
        self,
        stream: ByteStream,
        clock: Clock,
        *,
        baud: int = 19200,
        timeout_s: float = ANSWER_TIMEOUT_S,
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._timeout_s = timeout_s
        self._character_s = BITS_PER_CHARACTER / baud
        self._gap_s = max(LEAST_GAP_S, 3.5 * self._character_s)
        self._quiet_from_s = 0.0
        self._slaves: dict[int, _Slave] = {}
        self._turns = Turns()

    def read_holding(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        """Read `count` (at most 125) registers from `first` of slave `unit` (function 03).

        Raises DeviceSilent (no answer, busy, in quarantine), BadFrame (checksum, half frame, wrong
        slave, device failure), Misconfigured (it knows no such function or register) or LinkGone.
        """
        return self._exchange(Request(unit, READ_HOLDING, first, count))

    def read_input(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        """The same for input registers (function 04)."""
        return self._exchange(Request(unit, READ_INPUT, first, count))

    def close(self) -> None:
        """Give the line back; a request that waits for its answer ends with LinkGone."""
        self._stream.close()

    def _exchange(self, request: Request) -> tuple[int, ...]:
        slave = self._slaves.setdefault(request.unit, _Slave())
        self._refuse_in_quarantine(slave, request)
        self._sleep_until(slave.late_until_s)
        handicap_s = HANDICAP * self._timeout_s if slave.doubts else 0.0
        with self._turns.turn(self._seconds() + handicap_s):
            heard, answer = self._converse(request, slave)
        if answer is None:
            slave.doubts = LAST_EXCHANGES
            error = diagnose(heard, request)
            self._count(slave, silent=isinstance(error, DeviceSilent))
            raise error
        slave.doubts = max(0, slave.doubts - 1)
        self._count(slave, silent=False)
        return registers(answer, request)

    def _converse(self, request: Request, slave: _Slave) -> tuple[bytes, bytes | None]:
        """Ask, and once more within the same time where another slave may have spoilt it."""
        self._sleep_until(self._quiet_from_s + self._gap_s)
        on_the_wire_s = (len(request.frame) + request.answer_bytes) * self._character_s
        deadline_s = self._seconds() + self._timeout_s + on_the_wire_s
        strays, asked = not slave.doubts and self._strays_may_come(slave), 1
        heard, answer = self._ask(request, deadline_s, strays=strays)
        if heard and answer is None and strays:
            # An answer to the first time of asking is as good: the question is the same.
            asked = 2
            again, answer = self._ask(request, deadline_s, strays=False)
            heard += again
        if answers_begun(heard, request) < asked:
            slave.late_until_s = max(deadline_s, self._seconds()) + self._timeout_s
        return heard, answer

    def _ask(
        self, request: Request, deadline_s: float, *, strays: bool
    ) -> tuple[bytes, bytes | None]:
        self._sleep_until(self._quiet_from_s + self._gap_s)
        self._stream.discard_input()
        self._stream.write(request.frame)
        heard, answer = self._listen(request, deadline_s, strays=strays)
        self._quiet_from_s = self._seconds()
        return heard, answer

    def _strays_may_come(self, slave: _Slave) -> bool:
        """Whether an answer that another slave owes may come into an exchange with this one."""
        now_s = self._seconds()
        others = list(self._slaves.values())  # at once: other threads add to it
        return any(other.late_until_s > now_s for other in others if other is not slave)

    def _listen(
        self, request: Request, deadline_s: float, *, strays: bool
    ) -> tuple[bytes, bytes | None]:
        heard = b""
        judged = True
        while len(heard) < _MOST_HEARD and (left_s := deadline_s - self._seconds()) > 0:
            wait_s = left_s if judged else min(left_s, SETTLED_S + self._gap_s)
            part = self._stream.read(_MOST_HEARD - len(heard), wait_s)
            if not part:
                if not judged and (strays or whole_but_wrong(heard, request) is not None):
                    break
                judged = True
                continue
            heard += part
            judged = False
            answer = find_answer(heard, request, len(heard) - len(part))
            if answer is not None:
                return heard, answer
        return heard, None

    def _refuse_in_quarantine(self, slave: _Slave, request: Request) -> None:
        left_s = slave.quarantined_until_s - self._seconds()
        if left_s > 0:
            raise DeviceSilent(
                f"{request}: no answer to the last {slave.silences} requests;"
                f" not asked again for {left_s:.1f} s, so that it does not stall the line"
            )

    def _count(self, slave: _Slave, *, silent: bool) -> None:
        slave.silences = slave.silences + 1 if silent else 0
        further = slave.silences - SILENCES_BEFORE_QUARANTINE
        if further >= 0:
            # 2 to the 10th is beyond the longest already.
            quarantine_s = min(QUARANTINE_S * 2 ** min(further, 10), LONGEST_QUARANTINE_S)
            slave.quarantined_until_s = self._seconds() + quarantine_s

    def _sleep_until(self, due_s: float) -> None:
        wait_s = due_s - self._seconds()
        if wait_s > 0:
            self._clock.sleep(wait_s)

    def _seconds(self) -> float:
        return self._clock.now().monotonic_ns / 1e9
