"""What is sent next: news first, the backlog beside it, each lane in order. No I/O but the outbox.

Blocks that were pending when the connection was made are the backlog, later ones are live. When
both wait they take turns, and the backlog never fills the whole window. A refused block holds its
lane back, is the first of it to be tried again, and leaves the other lanes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from edge_gateway.outbox import Handle, Outbox, StoredBlock
from edge_gateway.reading import Lane
from edge_gateway.uplink.backoff import Backoff
from edge_gateway.uplink.batch import Arrival

# So much of the backlog may be on its way at once: on a slow link live data waits behind it.
BACKLOG_BYTES = 64 << 10

# A refusal is cured by a person at the broker: asking more often than this only makes noise there.
HOLD_LEAST_S = 1.0
_HOLD_FIRST_S = 4.0
_HOLD_MOST_S = 300.0

_SECOND_NS = 10**9


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A block to be sent, and why it comes now."""

    block: StoredBlock
    arrival: Arrival


@dataclass(frozen=True, slots=True)
class _Sent:
    outgoing: Outgoing
    bytes: int


class Drain:
    """The position of one uplink in the outbox, and what it has under way."""

    def __init__(self, outbox: Outbox, random: Random) -> None:
        self._outbox = outbox
        self._random = random
        self._window = 1
        self._store = ""
        self._boundary = 0
        self._after: dict[tuple[Arrival, Lane], int] = {}
        self._dry: set[tuple[Arrival, Lane]] = set()
        self._sent: dict[int, _Sent] = {}
        self._held_until_ns: dict[Lane, int] = {}
        self._backoffs: dict[Lane, Backoff] = {}
        self._last = Arrival.BACKFILL

    @property
    def in_flight(self) -> int:
        """Messages sent and not yet answered."""
        return len(self._sent)

    def begin(self, window: int) -> None:
        """A connection stands: all that waits now is backlog; at most `window` go unanswered."""
        self._window = window
        self._sent.clear()
        self._restart()

    def next(self, now_ns: int, *, live_only: bool = False) -> Outgoing | None:
        """The next block to send, None when there is none or the window is full."""
        if self._outbox.store != self._store:
            self._restart()
        if len(self._sent) >= self._window:
            return None
        for arrival in self._turns(live_only=live_only):
            for lane in Lane:
                if self._held_until_ns.get(lane, now_ns) > now_ns:
                    continue
                block = self._take(arrival, lane)
                if block is not None:
                    self._last = arrival
                    return Outgoing(block, arrival)
        return None

    def committed(self) -> None:
        """There is news in the outbox."""
        self._dry = {place for place in self._dry if place[0] is Arrival.BACKFILL}

    def sent(self, number: int, outgoing: Outgoing, size: int) -> None:
        """A block went out as message `number`."""
        self._sent[number] = _Sent(outgoing, size)

    def acknowledged(self, number: int) -> Outgoing | None:
        """The broker has message `number`; None when that is none of ours."""
        sent = self._sent.pop(number, None)
        if sent is None:
            return None
        lane = sent.outgoing.block.lane
        self._backoffs.pop(lane, None)
        self._held_until_ns.pop(lane, None)
        return sent.outgoing

    def refused(self, number: int, now_ns: int) -> Outgoing | None:
        """The broker would not take message `number`: its lane waits, then starts from it again."""
        sent = self._sent.pop(number, None)
        if sent is None:
            return None
        self.hold(sent.outgoing, now_ns)
        return sent.outgoing

    def hold(self, outgoing: Outgoing, now_ns: int) -> None:
        """Put a block back and let its lane wait."""
        lane = outgoing.block.lane
        place = (outgoing.arrival, lane)
        self._after[place] = min(self._after[place], outgoing.block.handle.sequence - 1)
        self._dry.discard(place)
        if self._held_until_ns.get(lane, now_ns) > now_ns:
            return
        backoff = self._backoffs.setdefault(
            lane, Backoff(_HOLD_FIRST_S, _HOLD_MOST_S, self._random)
        )
        wait_s = HOLD_LEAST_S + backoff.next_s()
        self._held_until_ns[lane] = now_ns + int(wait_s * _SECOND_NS)

    def held_for_s(self, now_ns: int) -> float | None:
        """Seconds until the first held lane is tried again; None when none is held."""
        ends = [until_ns for until_ns in self._held_until_ns.values() if until_ns > now_ns]
        return (min(ends) - now_ns) / _SECOND_NS if ends else None

    def _restart(self) -> None:
        self._store = self._outbox.store
        self._boundary = self._outbox.newest_sequence()
        for lane in Lane:
            self._after[Arrival.BACKFILL, lane] = 0
            self._after[Arrival.LIVE, lane] = self._boundary
        self._dry.clear()

    def _turns(self, *, live_only: bool) -> tuple[Arrival, ...]:
        if live_only or not self._may_send_backlog():
            return (Arrival.LIVE,)
        if self._last is Arrival.LIVE:
            return (Arrival.BACKFILL, Arrival.LIVE)
        return (Arrival.LIVE, Arrival.BACKFILL)

    def _may_send_backlog(self) -> bool:
        sizes = [
            sent.bytes for sent in self._sent.values() if sent.outgoing.arrival is Arrival.BACKFILL
        ]
        return not sizes or (len(sizes) < self._window - 1 and sum(sizes) < BACKLOG_BYTES)

    def _take(self, arrival: Arrival, lane: Lane) -> StoredBlock | None:
        place = (arrival, lane)
        if place in self._dry:
            return None
        through = self._boundary if arrival is Arrival.BACKFILL else None
        under_way = self._under_way()
        while found := self._outbox.pending(lane, after=self._after[place], through=through):
            self._after[place] = found[0].handle.sequence
            if found[0].handle not in under_way:
                return found[0]
        self._dry.add(place)
        return None

    def _under_way(self) -> set[Handle]:
        return {sent.outgoing.block.handle for sent in self._sent.values()}
