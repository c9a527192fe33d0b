"""What the uplink says of itself."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge_gateway.clock import Clock
from edge_gateway.config_uplink import UplinkConfig
from edge_gateway.uplink.batch import Arrival
from edge_gateway.uplink.mqtt import Answer
from edge_gateway.uplink.versions import Mqtt

# Two messages of a backlog are no further apart, but on a link that is slow to answer.
_DRAINING_NS = 3 * 10**9


@dataclass(frozen=True, slots=True)
class UplinkStatus:
    """The state of one uplink; counts are since start.

    `since_s`: how long it has been connected, or not. `last_ack_age_s` is None before the first
    acknowledgement. `live_sent` and `backfill_sent` count messages and `bytes_sent` their payloads,
    `acknowledged` the batches of the outbox that the broker has, `refused` messages it would not
    take, `too_large` entries given up because no packet could hold them. `error` is the last
    trouble in words, empty when there was none since the last acknowledgement. `draining`: a
    backlog goes out at this moment.

    `mqtt` is the version spoken, empty before the first connection. `denial_is_visible` is False
    with MQTT 3.1.1: a broker that denies a message acknowledges it all the same, and it is lost.
    """

    id: str
    broker: str
    payload: str
    mqtt: str
    denial_is_visible: bool | None
    connected: bool
    since_s: float
    last_ack_age_s: float | None
    in_flight: int
    live_sent: int
    backfill_sent: int
    acknowledged: int
    refused: int
    too_large: int
    bytes_sent: int
    error: str
    draining: bool


@dataclass(frozen=True, slots=True)
class _Facts:
    since_ns: int
    mqtt: str = ""
    connected: bool = False
    last_ack_ns: int | None = None
    in_flight: int = 0
    live_sent: int = 0
    backfill_sent: int = 0
    acknowledged: int = 0
    refused: int = 0
    too_large: int = 0
    bytes_sent: int = 0
    error: str = ""
    backfill_ns: int | None = None


class Ledger:
    """Written by the uplink's thread alone; `status` may be asked from any."""

    def __init__(self, config: UplinkConfig, clock: Clock) -> None:
        scheme = "mqtt" if config.tls is False else "mqtts"
        self.broker = f"{scheme}://{config.host}:{config.port}"
        self._config = config
        self._clock = clock
        # Replaced whole at each change, so that no reader sees half of one.
        self._facts = _Facts(since_ns=clock.now().monotonic_ns)

    def status(self) -> UplinkStatus:
        """The state at this moment."""
        now_ns, facts = self._clock.now().monotonic_ns, self._facts
        ack_ns = facts.last_ack_ns
        return UplinkStatus(
            self._config.id,
            self.broker,
            self._config.payload,
            facts.mqtt,
            (facts.mqtt == Mqtt.V5) if facts.mqtt else None,
            facts.connected,
            (now_ns - facts.since_ns) / 1e9,
            None if ack_ns is None else (now_ns - ack_ns) / 1e9,
            facts.in_flight,
            facts.live_sent,
            facts.backfill_sent,
            facts.acknowledged,
            facts.refused,
            facts.too_large,
            facts.bytes_sent,
            facts.error,
            facts.connected
            and facts.backfill_ns is not None
            and now_ns - facts.backfill_ns < _DRAINING_NS,
        )

    def connected(self, mqtt: Mqtt) -> None:
        """The broker has accepted the connection."""
        now_ns = self._clock.now().monotonic_ns
        self._facts = replace(self._facts, connected=True, mqtt=str(mqtt), since_ns=now_ns)

    def disconnected(self, reason: str) -> None:
        """The connection is over, or an attempt failed."""
        facts = self._facts
        since_ns = self._clock.now().monotonic_ns if facts.connected else facts.since_ns
        self._facts = replace(facts, connected=False, since_ns=since_ns, in_flight=0, error=reason)

    def sent(self, arrival: Arrival, size: int, *, in_flight: int) -> None:
        """A message of `size` bytes of payload went out."""
        facts = self._facts
        is_live = arrival is Arrival.LIVE
        backfill_ns = facts.backfill_ns if is_live else self._clock.now().monotonic_ns
        self._facts = replace(
            facts,
            live_sent=facts.live_sent + is_live,
            backfill_sent=facts.backfill_sent + (not is_live),
            bytes_sent=facts.bytes_sent + size,
            in_flight=in_flight,
            backfill_ns=backfill_ns,
        )

    def acknowledged(self, count: int, *, in_flight: int, well: bool) -> None:
        """The broker has `count` more batches; `well` says that no lane is held back."""
        facts = self._facts
        self._facts = replace(
            facts,
            last_ack_ns=self._clock.now().monotonic_ns,
            acknowledged=facts.acknowledged + count,
            in_flight=in_flight,
            error="" if well else facts.error,
        )

    def refused(self, answer: Answer, *, in_flight: int) -> None:
        """The broker would not take a message."""
        error = (
            f"the broker refuses messages on {answer.topic}: {answer.refusal}. "
            "Allow this gateway to publish there; what was refused is kept and tried again"
        )
        facts = self._facts
        self._facts = replace(facts, refused=facts.refused + 1, in_flight=in_flight, error=error)

    def gave_up(self) -> None:
        """An entry is larger than any packet may be."""
        self._facts = replace(self._facts, too_large=self._facts.too_large + 1)
