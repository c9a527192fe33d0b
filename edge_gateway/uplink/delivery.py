"""From the outbox through one connection, and out of the outbox when the broker has it."""

from __future__ import annotations

from random import Random

from edge_gateway.clock import Clock
from edge_gateway.outbox import BadBlock, Handle, Outbox, unpack
from edge_gateway.uplink.batch import Batch, Dates, date
from edge_gateway.uplink.drain import Drain, Outgoing
from edge_gateway.uplink.mqtt import Accepted, Answer, Connection
from edge_gateway.uplink.payloads import Encoding, senml, squeeze
from edge_gateway.uplink.status import Ledger

# Topic, properties and headers of a message, at most; the rest of a packet is payload.
_PACKET_OVERHEAD = 512


class Delivery:
    """Sends what may go and removes what has arrived. `topic` is PREFIX/GATEWAY."""

    def __init__(
        self,
        outbox: Outbox,
        *,
        gateway_id: str,
        topic: str,
        inflight: int,
        clock: Clock,
        random: Random,
        ledger: Ledger,
    ) -> None:
        self._outbox = outbox
        self._gateway_id = gateway_id
        self._topic = topic
        self._inflight = inflight
        self._clock = clock
        self._ledger = ledger
        self._drain = Drain(outbox, random)

    @property
    def in_flight(self) -> int:
        """Messages sent and not yet answered."""
        return self._drain.in_flight

    def begin(self, accepted: Accepted) -> None:
        """A new connection stands; what waits now is the backlog."""
        # One place in the broker's window is left for the messages of state.
        self._drain.begin(min(self._inflight, max(accepted.receive_maximum - 1, 1)))

    def due_s(self) -> float | None:
        """Seconds until something held back is to be tried again; None when nothing is."""
        return self._drain.held_for_s(self._now_ns())

    def take(self, answers: list[Answer]) -> None:
        """Act on the broker's answers: remove what it took, hold back what it refused."""
        removed: list[Handle] = []
        for answer in answers:
            if answer.refusal:
                self._refused(answer)
                continue
            outgoing = self._drain.acknowledged(answer.number)
            if outgoing is not None:
                removed.append(outgoing.block.handle)
        if removed:
            self._outbox.remove(removed)
            self._ledger.acknowledged(
                len(removed), in_flight=self.in_flight, well=self.due_s() is None
            )

    def send(self, connection: Connection, *, live_only: bool = False) -> None:
        """Send until the window is full or nothing waits."""
        self._drain.committed()
        while not connection.ended:
            outgoing = self._drain.next(self._now_ns(), live_only=live_only)
            if outgoing is None:
                return
            self._send_one(connection, outgoing)

    def _send_one(self, connection: Connection, outgoing: Outgoing) -> None:
        block = outgoing.block
        dates = date(block, self._clock)
        try:
            columns = unpack(block.payload)
        except BadBlock as error:
            self._outbox.condemn(block, f"the block cannot be read: {error}")
            return
        batch = Batch(self._gateway_id, block.key, block.boot_id, outgoing.arrival, dates, columns)
        payload, encoding = squeeze(senml.encode(batch))
        if self._is_too_large(connection, len(payload)):
            self._drain.hold(outgoing, self._now_ns())
            return
        number = connection.publish(
            f"{self._topic}/{block.lane}",
            payload,
            content_type=senml.CONTENT_TYPE,
            user_properties=self._properties(outgoing, dates, encoding),
        )
        self._drain.sent(number, outgoing, len(payload))
        self._ledger.sent(outgoing.arrival, len(payload))

    def _properties(
        self, outgoing: Outgoing, dates: Dates, encoding: Encoding
    ) -> tuple[tuple[str, str], ...]:
        return (
            ("key", f"{self._gateway_id}/{outgoing.block.key}"),
            ("arrival", outgoing.arrival),
            ("clock", dates.dating),
            ("encoding", encoding),
        )

    def _is_too_large(self, connection: Connection, size: int) -> bool:
        largest = connection.accepted.largest_packet if connection.accepted else None
        if largest is None or size + _PACKET_OVERHEAD <= largest:
            return False
        self._ledger.refused(
            f"a batch of {size} bytes is more than the broker takes ({largest} with headers): "
            "raise its maximum packet size; the batch is kept and tried again",
            in_flight=self.in_flight,
        )
        return True

    def _refused(self, answer: Answer) -> None:
        outgoing = self._drain.refused(answer.number, self._now_ns())
        level = "state" if outgoing is None else outgoing.block.lane
        self._ledger.refused(
            f"the broker refuses messages on {self._topic}/{level}: {answer.refusal}. "
            "Allow this gateway to publish there; what was refused is kept and tried again",
            in_flight=self.in_flight,
        )

    def _now_ns(self) -> int:
        return self._clock.now().monotonic_ns
