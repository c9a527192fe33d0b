"""What is sent next: news first, the backlog beside it, each lane in order. No I/O but the outbox.

Blocks that were pending when the connection was made are the backlog, later ones are live. When
both wait they share the rate, and the backlog never fills the whole window. A refused block holds
its lane back, is the first of it to be tried again, and leaves the other lanes alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from edge_gateway.outbox import ONLY_CONSUMER, Handle, Outbox, StoredBlock
from edge_gateway.reading import Lane
from edge_gateway.uplink.backoff import Backoff
from edge_gateway.uplink.batch import Arrival
from edge_gateway.uplink.share import Share

# So much of the backlog may be on its way at once: on a slow link live data waits behind it.
BACKLOG_BYTES = 64 << 10

# Small blocks of the backlog share a message up to these: as large as one full block. A message
# has its price (50 us here, a place in the window and a round trip on the way), and each block
# that shares one pays 60 bytes for its key.
MERGED_READINGS = 4000
MERGED_BYTES = 24 << 10
MERGED_BLOCKS = 64

# A refusal is cured by a person at the broker: asking more often than this only makes noise there.
HOLD_LEAST_S = 1.0
_HOLD_FIRST_S = 4.0
_HOLD_MOST_S = 300.0

_SECOND_NS = 10**9


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Blocks to be sent and removed together, of one lane and boot, and why they come now."""

    blocks: tuple[StoredBlock, ...]
    arrival: Arrival

    @property
    def block(self) -> StoredBlock:
        """The first of them."""
        return self.blocks[0]


@dataclass(slots=True)
class _Shipment:
    """What is under way; `unanswered` counts its messages, those not yet sent included."""

    outgoing: Outgoing
    unanswered: int
    bytes: int = 0


class Drain:
    """The position of one consumer in the outbox, and what it has under way.

    `merges`: small blocks of the backlog may go together.
    """

    def __init__(
        self,
        outbox: Outbox,
        random: Random,
        *,
        consumer: str = ONLY_CONSUMER,
        share: Share | None = None,
        merges: bool = False,
    ) -> None:
        self._outbox = outbox
        self._random = random
        self._consumer = consumer
        self._share = share or Share()
        self._merges = merges
        self._window = 1
        self._store = ""
        self._epoch = -1
        self._boundary = 0
        self._after: dict[tuple[Arrival, Lane], int] = {}
        self._dry: set[tuple[Arrival, Lane]] = set()
        self._sent: dict[int, _Shipment] = {}
        self._shipments: dict[Handle, _Shipment] = {}
        self._held_until_ns: dict[Lane, int] = {}
        self._backoffs: dict[Lane, Backoff] = {}

    @property
    def in_flight(self) -> int:
        """Messages sent and not yet answered."""
        return len(self._sent)

    @property
    def has_room(self) -> bool:
        """Whether one more message may be sent."""
        return len(self._sent) < self._window

    def begin(self, window: int) -> None:
        """A connection stands: all that waits now is backlog; at most `window` go unanswered."""
        self._window = window
        self._sent.clear()
        self._shipments.clear()
        self._restart(self._outbox.newest_sequence())

    def next(self, now_ns: int, *, live_only: bool = False) -> Outgoing | None:
        """What to send next, None when there is nothing or the window is full."""
        if self._outbox.store != self._store:
            self._restart(self._outbox.newest_sequence())
        elif self._outbox.backlog_epoch != self._epoch:
            self._restart(self._boundary)
        if not self.has_room:
            return None
        for arrival in self._turns(now_ns, live_only=live_only):
            for lane in Lane:
                if self._held_until_ns.get(lane, now_ns) > now_ns:
                    continue
                blocks = self._take(arrival, lane)
                if blocks:
                    self._share.took(arrival, blocks, now_ns)
                    return Outgoing(blocks, arrival)
            self._share.passed()
        return None

    def committed(self) -> None:
        """There is news in the outbox."""
        self._dry = {place for place in self._dry if place[0] is Arrival.BACKFILL}

    def sent(self, number: int, outgoing: Outgoing, size: int, *, messages: int = 1) -> None:
        """A message of `size` bytes went out as `number`, one of the `messages` that say it all."""
        shipment = self._shipments.setdefault(
            outgoing.block.handle, _Shipment(outgoing, unanswered=messages)
        )
        shipment.bytes += size
        self._sent[number] = shipment

    def acknowledged(self, number: int) -> Outgoing | None:
        """The broker has message `number`; what it completes, None when more is to come."""
        shipment = self._sent.pop(number, None)
        if shipment is None or not self._is_under_way(shipment):
            return None
        shipment.unanswered -= 1
        if shipment.unanswered:
            return None
        outgoing = shipment.outgoing
        del self._shipments[outgoing.block.handle]
        self._backoffs.pop(outgoing.block.lane, None)
        self._held_until_ns.pop(outgoing.block.lane, None)
        return outgoing

    def refused(self, number: int, now_ns: int) -> Outgoing | None:
        """The broker would not take message `number`: its lane waits, then starts from it again."""
        shipment = self._sent.pop(number, None)
        if shipment is None:
            return None
        if self._is_under_way(shipment):
            # What else of it is on its way may be acknowledged: it is sent again all the same.
            del self._shipments[shipment.outgoing.block.handle]
            self._hold(shipment.outgoing, now_ns)
        return shipment.outgoing

    def held_for_s(self, now_ns: int) -> float | None:
        """Seconds until the first held lane is tried again; None when none is held."""
        ends = [until_ns for until_ns in self._held_until_ns.values() if until_ns > now_ns]
        return (min(ends) - now_ns) / _SECOND_NS if ends else None

    def due_s(self, now_ns: int) -> float | None:
        """Seconds until there is more to do than to wait for answers and commits; None: never."""
        held_s, backlog_s = self.held_for_s(now_ns), self._share.backlog_in_s(now_ns)
        waits = [seconds for seconds in (held_s, backlog_s) if seconds]
        return min(waits, default=None)

    def _hold(self, outgoing: Outgoing, now_ns: int) -> None:
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

    def _restart(self, boundary: int) -> None:
        self._store, self._epoch = self._outbox.store, self._outbox.backlog_epoch
        self._boundary = boundary
        for lane in Lane:
            self._after[Arrival.BACKFILL, lane] = 0
            self._after[Arrival.LIVE, lane] = boundary
        self._dry.clear()

    def _turns(self, now_ns: int, *, live_only: bool) -> tuple[Arrival, ...]:
        may_drain = not self._share.backlog_in_s(now_ns) and self._has_room_for_backlog()
        return (Arrival.LIVE,) if live_only or not may_drain else self._share.turns()

    def _has_room_for_backlog(self) -> bool:
        messages = sum(s.outgoing.arrival is Arrival.BACKFILL for s in self._sent.values())
        if not messages:
            return True
        size = sum(
            shipment.bytes
            for shipment in self._shipments.values()
            if shipment.outgoing.arrival is Arrival.BACKFILL
        )
        return messages < self._window - 1 and size < BACKLOG_BYTES

    def _is_under_way(self, shipment: _Shipment) -> bool:
        return self._shipments.get(shipment.outgoing.block.handle) is shipment

    def _take(self, arrival: Arrival, lane: Lane) -> tuple[StoredBlock, ...]:
        place = (arrival, lane)
        if place in self._dry:
            return ()
        under_way = self._under_way()
        while found := self._pending(place):
            self._after[place] = found[0].handle.sequence
            if found[0].handle not in under_way:
                return self._with_neighbours(found[0], place, under_way)
        self._dry.add(place)
        return ()

    def _with_neighbours(
        self, first: StoredBlock, place: tuple[Arrival, Lane], under_way: set[Handle]
    ) -> tuple[StoredBlock, ...]:
        """The block and those behind it that fit into one message with it."""
        fitting = min(MERGED_READINGS // max(first.entries, 1), MERGED_BLOCKS)
        if not self._merges or place[0] is not Arrival.BACKFILL or fitting < 2:  # noqa: PLR2004
            return (first,)
        blocks, entries, size = [first], first.entries, len(first.payload)
        for block in self._pending(place, limit=fitting - 1):
            entries, size = entries + block.entries, size + len(block.payload)
            is_strange = block.boot_id != first.boot_id or block.handle in under_way
            if is_strange or entries > MERGED_READINGS or size > MERGED_BYTES:
                break
            blocks.append(block)
            self._after[place] = block.handle.sequence
        return tuple(blocks)

    def _pending(self, place: tuple[Arrival, Lane], limit: int = 1) -> tuple[StoredBlock, ...]:
        arrival, lane = place
        through = self._boundary if arrival is Arrival.BACKFILL else None
        return self._outbox.pending(
            lane, after=self._after[place], through=through, limit=limit, consumer=self._consumer
        )

    def _under_way(self) -> set[Handle]:
        return {block.handle for one in self._shipments.values() for block in one.outgoing.blocks}
