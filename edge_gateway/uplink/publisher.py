"""The uplink: one thread that keeps a connection and empties the outbox through it."""

from __future__ import annotations

import json
import logging
import os
import select
from collections.abc import Mapping
from random import Random
from threading import Thread

from edge_gateway.clock import Clock
from edge_gateway.config import UplinkConfig
from edge_gateway.outbox import Outbox
from edge_gateway.uplink.backoff import Backoff
from edge_gateway.uplink.delivery import Delivery
from edge_gateway.uplink.mqtt import Accepted, Connection
from edge_gateway.uplink.status import Ledger, UplinkStatus
from edge_gateway.uplink.trouble import LinkTrouble

# The answer to CONNECT may take a round trip over the slowest link and a broker's look-up.
_CONNACK_WAIT_S = 10.0
_RECONNECT_FIRST_S = 1.0

# Of the time a stop is given, this much is kept for the goodbye.
_FAREWELL_S = 0.5
# And this much for the thread to end.
_ENDING_S = 0.1

# paho looks at its keepalive when it is asked to: this often in each keepalive time.
_LOOKS = 4

_log = logging.getLogger(__name__)


class Uplink:
    """Delivers an outbox to one broker. `about` is added to the retained birth message.

    `random` spreads the reconnections of a fleet. Trouble with the broker never raises: it is in
    `status`, and logged once when the link goes down and once when it is back.
    """

    def __init__(
        self,
        outbox: Outbox,
        config: UplinkConfig,
        gateway_id: str,
        *,
        clock: Clock,
        random: Random,
        about: Mapping[str, str] | None = None,
    ) -> None:
        self._config = config
        self._gateway_id = gateway_id
        self._clock = clock
        self._about = dict(about or {})
        self._topic = f"{config.topic_prefix}/{gateway_id}"
        scheme = "mqtt" if config.tls is False else "mqtts"
        self._ledger = Ledger(f"{scheme}://{config.host}:{config.port}", clock)
        self._delivery = Delivery(
            outbox,
            gateway_id=gateway_id,
            topic=self._topic,
            inflight=config.inflight,
            clock=clock,
            random=random,
            ledger=self._ledger,
        )
        self._backoff = Backoff(_RECONNECT_FIRST_S, config.reconnect_max_s, random)
        self._down_reason = ""
        self._stop_by_ns: int | None = None
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = Thread(target=self._run, name="uplink", daemon=True)
        outbox.on_commit(self.wake)

    def start(self) -> None:
        """Connect and deliver from now on, until `stop`."""
        self._thread.start()

    def stop(self, deadline_s: float) -> bool:
        """Deliver what is live, say goodbye and end within `deadline_s`; whether it did end.

        The backlog stays in the outbox. False means that a connection was just being made: the
        thread ends with the process and has nothing to lose.
        """
        self._stop_by_ns = self._now_ns() + int((deadline_s - _ENDING_S) * 1e9)
        self.wake()
        if self._thread.is_alive():
            self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def wake(self) -> None:
        """Have the thread look at the outbox now; called after each commit. Any thread may."""
        os.eventfd_write(self._wake, 1)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def status(self) -> UplinkStatus:
        """The state at this moment, from any thread."""
        return self._ledger.status()

    def _run(self) -> None:
        while self._stop_by_ns is None:
            connection = Connection(
                self._config,
                self._gateway_id,
                topic=f"{self._topic}/state",
                will=self._state("offline", reason="lost"),
            )
            try:
                connection.open()
            except LinkTrouble as trouble:
                self._is_down(str(trouble))
            else:
                self._wait_for_answer(connection)
                if connection.accepted is not None and not connection.ended:
                    self._serve(connection, connection.accepted)
                self._is_down(connection.ended)
            self._pause(self._backoff.next_s())

    def _wait_for_answer(self, connection: Connection) -> None:
        until_ns = self._now_ns() + int(_CONNACK_WAIT_S * 1e9)
        while connection.accepted is None and not connection.ended:
            connection.turn((until_ns - self._now_ns()) / 1e9, self._wake)
            if self._stop_by_ns is not None:
                connection.abandon("stopped")
            elif self._now_ns() >= until_ns:
                connection.abandon("the broker took the connection and does not answer")

    def _serve(self, connection: Connection, accepted: Accepted) -> None:
        birth = self._publish_state(connection, self._state("online", **self._about))
        self._delivery.begin(accepted)
        self._ledger.connected()
        is_greeted = False
        while not connection.ended and self._stop_by_ns is None:
            connection.turn(self._patience_s(), self._wake)
            answers = connection.take_answers()
            if not is_greeted and birth in {answer.number for answer in answers}:
                is_greeted = True
                self._is_up()
            self._delivery.take(answers)
            # The birth counts in the broker's window too, which may be one.
            if is_greeted:
                self._delivery.send(connection)
        if self._stop_by_ns is not None and not connection.ended:
            self._part(connection, accepted, self._stop_by_ns)

    def _part(self, connection: Connection, accepted: Accepted, stop_by_ns: int) -> None:
        """Send what is live, wait for the answers, say goodbye: as far as the time goes."""
        goodbye_ns = stop_by_ns - int(_FAREWELL_S * 1e9)
        self._delivery.send(connection, live_only=True)
        while self._delivery.in_flight and not connection.ended and self._now_ns() < goodbye_ns:
            connection.turn((goodbye_ns - self._now_ns()) / 1e9, self._wake)
            self._delivery.take(connection.take_answers())
            self._delivery.send(connection, live_only=True)
        is_heard = False
        if not connection.ended and self._delivery.in_flight < accepted.receive_maximum:
            goodbye = self._publish_state(connection, self._state("offline", reason="stopped"))
            while not (connection.ended or is_heard or self._now_ns() >= stop_by_ns):
                connection.turn((stop_by_ns - self._now_ns()) / 1e9, self._wake)
                answers = connection.take_answers()
                is_heard = goodbye in {answer.number for answer in answers}
                self._delivery.take(answers)
        if is_heard:
            connection.close()
        else:
            connection.abandon("stopped")  # then the broker says offline in our place

    def _publish_state(self, connection: Connection, state: bytes) -> int:
        return connection.publish(
            f"{self._topic}/state", state, retain=True, content_type="application/json"
        )

    def _state(self, state: str, **more: str) -> bytes:
        words = {"state": state, "gateway": self._gateway_id, **more}
        return json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode()

    def _patience_s(self) -> float:
        due_s = self._delivery.due_s()
        look_s = self._config.keepalive_s / _LOOKS
        return look_s if due_s is None else min(look_s, due_s)

    def _pause(self, seconds: float) -> None:
        until_ns = self._now_ns() + int(seconds * 1e9)
        poll = select.poll()
        poll.register(self._wake, select.POLLIN)
        while self._stop_by_ns is None and (left_ns := until_ns - self._now_ns()) > 0:
            if poll.poll(left_ns / 1e6):
                os.eventfd_read(self._wake)

    def _is_up(self) -> None:
        self._backoff.reset()
        if self._down_reason:
            _log.info("uplink: %s is back", self.status().broker)
        self._down_reason = ""

    def _is_down(self, reason: str) -> None:
        self._ledger.disconnected(reason if self._stop_by_ns is None else "")
        if self._stop_by_ns is None and not self._down_reason:
            _log.warning("uplink: %s is down: %s", self.status().broker, reason)
            self._down_reason = reason

    def _now_ns(self) -> int:
        return self._clock.now().monotonic_ns
