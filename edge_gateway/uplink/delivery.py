"""From the outbox through one connection, and out of the outbox when the broker has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from random import Random

from edge_gateway.clock import Clock
from edge_gateway.config_uplink import UplinkConfig
from edge_gateway.outbox import BadBlock, Handle, Outbox, unpack
from edge_gateway.reading import Event
from edge_gateway.uplink.batch import Batch, date
from edge_gateway.uplink.drain import Drain, Outgoing
from edge_gateway.uplink.encoder import Encoder, Packet
from edge_gateway.uplink.mqtt import Accepted, Answer, Connection
from edge_gateway.uplink.share import Share
from edge_gateway.uplink.status import Ledger

# Of a backlog of which a format has nothing to say, so much is passed over in one go: between them
# the connection wants to be looked at.
_MOST_PREPARED = 50


class Delivery:
    """Sends what may go and removes what has arrived, for one consumer of the outbox."""

    def __init__(
        self,
        outbox: Outbox,
        config: UplinkConfig,
        encoder: Encoder,
        gateway_id: str,
        *,
        clock: Clock,
        random: Random,
        ledger: Ledger,
    ) -> None:
        self._outbox = outbox
        self._config = config
        self._encoder = encoder
        self._gateway_id = gateway_id
        self._clock = clock
        self._ledger = ledger
        self._drain = Drain(
            outbox,
            random,
            consumer=config.id,
            share=Share(config.backlog_share, config.backlog_max_per_s),
            merges=encoder.merges,
        )
        # The packets of what is being sent, and how many there are in all.
        self._outgoing: Outgoing | None = None
        self._unsent: deque[Packet] = deque()
        self._packets = 0
        self._is_silent = False
        self._too_large: dict[Handle, list[Batch]] = {}

    @property
    def in_flight(self) -> int:
        """Messages sent and not yet answered."""
        return self._drain.in_flight

    @property
    def is_idle(self) -> bool:
        """Whether nothing waits, neither live nor backlog, and nothing is unanswered."""
        is_busy = self.in_flight or self._unsent or self.due_s() is not None
        return not is_busy

    def begin(self, accepted: Accepted) -> None:
        """A new connection stands; what waits now is the backlog."""
        largest = self._config.max_packet_kb * 1024
        self._encoder.begin(min(largest, accepted.largest_packet or largest))
        self._unsent.clear()
        self._too_large.clear()
        # One place in the broker's window is left for the messages of state.
        self._drain.begin(min(self._config.inflight, max(accepted.receive_maximum - 1, 1)))

    def due_s(self) -> float | None:
        """Seconds until there is more to do than to wait for the broker and for commits."""
        return 0.0 if self._is_silent else self._drain.due_s(self._now_ns())

    def take(self, answers: list[Answer]) -> None:
        """Act on the broker's answers: remove what it took, hold back what it refused."""
        complete: list[Outgoing] = []
        for answer in answers:
            if answer.refusal:
                self._refused(answer)
                continue
            outgoing = self._drain.acknowledged(answer.number)
            if outgoing is not None:
                complete.append(outgoing)
        if complete:
            self._has_arrived(complete)

    def send(self, connection: Connection, *, live_only: bool = False) -> None:
        """Send until the window is full or nothing waits."""
        self._drain.committed()
        prepared, self._is_silent = 0, False
        while self._drain.has_room and not connection.ended:
            if self._unsent:
                self._send_one(connection, self._unsent.popleft())
            elif prepared >= _MOST_PREPARED:
                self._is_silent = True
                return
            elif not self._prepare(live_only=live_only):
                return
            else:
                prepared += 1

    def _prepare(self, *, live_only: bool) -> bool:
        """Write the packets of what comes next; False when nothing does."""
        outgoing = self._drain.next(self._now_ns(), live_only=live_only)
        if outgoing is None:
            return False
        batches = list(self._batches(outgoing))
        encoded = self._encoder.encode(batches) if batches else None
        if encoded is not None and encoded.too_large:
            self._too_large[outgoing.block.handle] = encoded.too_large
        packets = [] if encoded is None else encoded.packets
        if not packets:
            # Nothing of it can be read, or this format has nothing to say of it.
            self._has_arrived([outgoing])
        self._outgoing, self._packets = outgoing, len(packets)
        self._unsent.extend(packets)
        return True

    def _batches(self, outgoing: Outgoing) -> Iterable[Batch]:
        # One offset for all, which have one boot.
        dates = date(outgoing.blocks[-1], self._clock, self._outbox.clock_of)
        for block in outgoing.blocks:
            try:
                columns = unpack(block.payload)
            except BadBlock as error:
                self._outbox.condemn(block, f"the block cannot be read: {error}")
                continue
            yield Batch(
                self._gateway_id, block.key, block.boot_id, outgoing.arrival, dates, columns
            )

    def _send_one(self, connection: Connection, packet: Packet) -> None:
        if self._outgoing is not None:
            number = connection.publish(packet)
            size = len(packet.payload)
            self._drain.sent(number, self._outgoing, size, messages=self._packets)
            self._ledger.sent(self._outgoing.arrival, size, in_flight=self.in_flight)

    def _has_arrived(self, complete: list[Outgoing]) -> None:
        handles = [block.handle for outgoing in complete for block in outgoing.blocks]
        for outgoing in complete:
            for batch in self._too_large.pop(outgoing.block.handle, []):
                self._give_up(batch, outgoing)
        self._outbox.remove(handles, consumer=self._config.id)
        is_well = self._drain.held_for_s(self._now_ns()) is None
        self._ledger.acknowledged(len(handles), in_flight=self.in_flight, well=is_well)

    def _give_up(self, batch: Batch, outgoing: Outgoing) -> None:
        """Tell that an entry is lost to this uplink; it is in the outbox with the removal."""
        text = (
            f"1 entries in 1 blocks given up, of {batch.key}: more than a packet to "
            f"{self._ledger.broker} may have ({self._encoder.largest} bytes)"
        )
        self._outbox.append([Event("loss", outgoing.block.lane, text, self._clock.now())])
        self._ledger.gave_up()

    def _refused(self, answer: Answer) -> None:
        outgoing = self._drain.refused(answer.number, self._now_ns())
        if outgoing is not None and outgoing is self._outgoing:
            self._unsent.clear()
        self._ledger.refused(answer, in_flight=self.in_flight)

    def _now_ns(self) -> int:
        return self._clock.now().monotonic_ns
