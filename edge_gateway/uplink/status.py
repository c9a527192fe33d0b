"""What the uplink says of itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge_gateway.clock import Clock
from edge_gateway.uplink.batch import Arrival


@dataclass(frozen=True, slots=True)
class UplinkStatus:
    """The state of one uplink; counts are messages since start.

    `since_s`: how long it has been connected, or not. `last_ack_age_s` is None before the first
    acknowledgement. `bytes_sent` counts payloads. `error` is the last trouble in words, empty
    when there was none since the last acknowledgement.
    """

    broker: str
    connected: bool
    since_s: float
    last_ack_age_s: float | None
    in_flight: int
    live_sent: int
    backfill_sent: int
    acknowledged: int
    refused: int
    bytes_sent: int
    error: str


@dataclass(frozen=True, slots=True)
class _Facts:
    since_ns: int
    connected: bool = False
    last_ack_ns: int | None = None
    in_flight: int = 0
    live_sent: int = 0
    backfill_sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    bytes_sent: int = 0
    error: str = ""


class Ledger:
    """Written by the uplink's thread alone; `status` may be asked from any."""

    def __init__(self, broker: str, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        # Replaced whole at each change, so that no reader sees half of one.
        self._facts = _Facts(since_ns=clock.now().monotonic_ns)

    def status(self) -> UplinkStatus:
        """The state at this moment."""
        now_ns, facts = self._clock.now().monotonic_ns, self._facts
        ack_ns = facts.last_ack_ns
        return UplinkStatus(
            self._broker,
            facts.connected,
            (now_ns - facts.since_ns) / 1e9,
            None if ack_ns is None else (now_ns - ack_ns) / 1e9,
            facts.in_flight,
            facts.live_sent,
            facts.backfill_sent,
            facts.acknowledged,
            facts.refused,
            facts.bytes_sent,
            facts.error,
        )

    def connected(self) -> None:
        """The broker has accepted the connection."""
        self._facts = replace(self._facts, connected=True, since_ns=self._clock.now().monotonic_ns)

    def disconnected(self, reason: str) -> None:
        """The connection is over, or an attempt failed."""
        facts = self._facts
        since_ns = self._clock.now().monotonic_ns if facts.connected else facts.since_ns
        self._facts = replace(facts, connected=False, since_ns=since_ns, in_flight=0, error=reason)

    def sent(self, arrival: Arrival, size: int) -> None:
        """A message of `size` bytes of payload went out."""
        facts = self._facts
        is_live = arrival is Arrival.LIVE
        self._facts = replace(
            facts,
            live_sent=facts.live_sent + is_live,
            backfill_sent=facts.backfill_sent + (not is_live),
            bytes_sent=facts.bytes_sent + size,
            in_flight=facts.in_flight + 1,
        )

    def acknowledged(self, count: int, *, in_flight: int, well: bool) -> None:
        """The broker has `count` more messages; `well` says that no lane is held back."""
        facts = self._facts
        self._facts = replace(
            facts,
            last_ack_ns=self._clock.now().monotonic_ns,
            acknowledged=facts.acknowledged + count,
            in_flight=in_flight,
            error="" if well else facts.error,
        )

    def refused(self, reason: str, *, in_flight: int) -> None:
        """The broker would not take a message."""
        facts = self._facts
        self._facts = replace(facts, refused=facts.refused + 1, in_flight=in_flight, error=reason)
