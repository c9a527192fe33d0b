"""The uplink: one thread that keeps a connection and empties the outbox through it."""

from __future__ import annotations

import logging
import os
import select
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from random import Random
from threading import Thread

from edge_gateway.clock import Clock
from edge_gateway.config_uplink import UplinkConfig
from edge_gateway.outbox import Outbox
from edge_gateway.uplink.backoff import Backoff
from edge_gateway.uplink.delivery import Delivery
from edge_gateway.uplink.encoder import Encoder, Packet
from edge_gateway.uplink.mqtt import Accepted, Connection
from edge_gateway.uplink.payloads import Pole, load
from edge_gateway.uplink.pictures import Picture, Pictures
from edge_gateway.uplink.state import LOST, STOPPED, Standing, as_packet
from edge_gateway.uplink.status import Ledger, UplinkStatus
from edge_gateway.uplink.tls import first_line
from edge_gateway.uplink.trouble import LinkTrouble
from edge_gateway.uplink.versions import Mqtt, Versions

# The answer to CONNECT may take a round trip over the slowest link and a broker's look-up.
_CONNACK_WAIT_S = 10.0
_RECONNECT_FIRST_S = 1.0
# While the pole's own network is down no broker feels the attempts, however long it takes.
_OWN_NETWORK_S = 10.0

# Where the machine has been up for longer, no power has just come back to a whole city.
_COLD_START_NS = 300 * 10**9

# Of the time a stop is given, this much is kept for the goodbye.
_FAREWELL_S = 0.5
# And this much for the thread to end.
_ENDING_S = 0.1

# paho looks at its keepalive when it is asked to: this often in each keepalive time.
_LOOKS = 4

_Birth = Callable[[], Packet]

_log = logging.getLogger(__name__)


class Uplink:
    """Delivers an outbox to one broker, as the consumer `config.id` of it.

    `pole` is what payloads say of the gateway, `about` is added to the retained birth message.
    `random` spreads the connections of a fleet. Trouble with the broker never raises: it is in
    `status`, and logged once when the link goes down and once when it is back.
    """

    def __init__(
        self,
        outbox: Outbox,
        config: UplinkConfig,
        pole: Pole,
        *,
        clock: Clock,
        random: Random,
        about: Mapping[str, str] | None = None,
    ) -> None:
        self._outbox = outbox
        self._config = config
        self._clock = clock
        self._random = random
        self._gateway_id = pole.gateway_id
        self._format = load(config.payload)
        self._ledger = Ledger(config, clock)
        self._encoder = Encoder(self._format, _as_seen(pole, config))
        self._standing = Standing(self._encoder.pole, about or {})
        self._delivery = Delivery(
            outbox,
            config,
            self._encoder,
            pole.gateway_id,
            clock=clock,
            random=random,
            ledger=self._ledger,
        )
        self._pictures = Pictures(config.id, clock)
        self._versions = Versions(config.mqtt, refuse_3=config.refuse_mqtt_3)
        self._backoff = Backoff(_RECONNECT_FIRST_S, config.reconnect_max_s, random)
        self._own_network_s = min(_OWN_NETWORK_S, config.reconnect_max_s)
        self._down_reason = ""
        self._is_warned = False
        self._stop_by_ns: int | None = None
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._thread = Thread(target=self._run, name=f"uplink {config.id}", daemon=True)
        outbox.on_commit(self.wake)

    def start(self) -> None:
        """Connect and deliver from now on, until `stop`."""
        self._thread.start()

    def stop(self, deadline_s: float) -> bool:
        """Deliver what is live, say goodbye and end within `deadline_s`; whether it did end.

        The backlog stays in the outbox. False means that a connection was just being made: the
        thread ends with the process and has nothing to lose.
        """
        self.ask_to_stop(deadline_s)
        return self.join(deadline_s)

    def ask_to_stop(self, deadline_s: float) -> None:
        """Begin to stop, and do not wait for it."""
        self._stop_by_ns = self._now_ns() + int((deadline_s - _ENDING_S) * 1e9)
        self.wake()

    def join(self, deadline_s: float) -> bool:
        """Wait for the end of a stop; whether it did end."""
        if self._thread.is_alive():
            self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def show(self, picture: Picture) -> None:
        """Send a picture when no reading waits, where the format is our own. Any thread may."""
        if self._config.payload.startswith("senml"):
            self._pictures.show(picture)
            self.wake()

    def wake(self) -> None:
        """Have the thread look at the outbox now; called after each commit. Any thread may."""
        os.eventfd_write(self._wake, 1)

    def tell_sensing(self, sensing: Mapping[str, object]) -> None:
        """Say in the retained state who counts people now; any thread may."""
        if sensing != self._standing.sensing:
            self._standing.sensing = sensing
            self.wake()

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def status(self) -> UplinkStatus:
        """The state at this moment, from any thread."""
        return self._ledger.status()

    def _run(self) -> None:
        self._spread_the_start()
        while self._stop_by_ns is None:
            wait_s = None
            try:
                self._connect()
            except LinkTrouble as trouble:
                self._is_down(str(trouble))
                if trouble.own_network:
                    wait_s = self._random.uniform(0.0, self._own_network_s)
            self._pause(self._backoff.next_s() if wait_s is None else wait_s)

    def _spread_the_start(self) -> None:
        spread_s = self._config.start_spread_s
        if spread_s and self._now_ns() < _COLD_START_NS:
            wait_s = self._random.uniform(0.0, spread_s)
            self._ledger.disconnected(f"the first connection waits {wait_s:.0f} s: start_spread_s")
            self._pause(wait_s)

    def _connect(self) -> None:
        if self._config.api_key_file is not None:
            key = first_line(self._config.api_key_file, "api_key_file")
            self._encoder.pole = replace(self._encoder.pole, api_key=key)
        version = self._versions.next(self._now_ns())
        own_will = self._format.will(self._encoder.pole)
        will = self._standing.offline(LOST) if own_will is None else as_packet(own_will)
        # A format with a will of its own has its own birth too: one will cannot end both.
        birth = partial(self._birth, version) if own_will is None else None
        client_id = self._config.client_name(self._gateway_id)
        connection = Connection(self._config, client_id, version=version, will=will)
        connection.open()
        self._wait_for_answer(connection)
        if connection.accepted is not None and not connection.ended:
            self._versions.accepted()
            self._serve(connection, connection.accepted, birth, will)
        if connection.rejection is not None:
            self._versions.rejected(version, connection.rejection, self._now_ns())
        self._is_down(connection.ended)

    def _wait_for_answer(self, connection: Connection) -> None:
        until_ns = self._now_ns() + int(_CONNACK_WAIT_S * 1e9)
        while connection.accepted is None and not connection.ended:
            connection.turn((until_ns - self._now_ns()) / 1e9, self._wake)
            if self._stop_by_ns is not None:
                connection.abandon("stopped")
            elif self._now_ns() >= until_ns:
                connection.abandon("the broker took the connection and does not answer")

    def _serve(
        self, connection: Connection, accepted: Accepted, birth: _Birth | None, will: Packet
    ) -> None:
        said = self._standing.sensing
        born = None if birth is None else connection.publish(birth())
        self._delivery.begin(accepted)
        self._pictures.begin(accepted.receive_maximum)
        self._ledger.connected(connection.version)
        if connection.version is Mqtt.V3 and not self._is_warned:
            self._is_warned = True
            _log.warning(
                "uplink %s: %s speaks MQTT 3.1.1 with us, where a message it denies is lost unseen",
                self._config.id,
                self._ledger.broker,
            )
        is_greeted = born is None
        while not connection.ended and self._stop_by_ns is None:
            # The birth counts in the broker's window too, which may be one.
            news = self._standing.sensing
            if birth and is_greeted and news != said and self._in_flight < accepted.receive_maximum:
                said, is_greeted, born = news, False, connection.publish(birth())
            if is_greeted:
                self._is_up()
                self._delivery.send(connection)
                if self._delivery.is_idle:
                    self._pictures.send(connection, self._encoder)
            connection.turn(self._patience_s(), self._wake)
            answers = self._pictures.take(connection.take_answers())
            is_greeted = is_greeted or born in {answer.number for answer in answers}
            self._delivery.take(answers)
        if self._stop_by_ns is not None and not connection.ended:
            goodbye = will if birth is None else self._standing.offline(STOPPED)
            self._part(connection, accepted, goodbye, self._stop_by_ns)

    def _part(
        self, connection: Connection, accepted: Accepted, goodbye: Packet, stop_by_ns: int
    ) -> None:
        """Send what is live, wait for the answers, say goodbye: as far as the time goes."""
        goodbye_ns = stop_by_ns - int(_FAREWELL_S * 1e9)
        self._delivery.send(connection, live_only=True)
        while self._delivery.in_flight and not connection.ended and self._now_ns() < goodbye_ns:
            connection.turn((goodbye_ns - self._now_ns()) / 1e9, self._wake)
            self._delivery.take(self._pictures.take(connection.take_answers()))
            self._delivery.send(connection, live_only=True)
        is_heard = False
        if not connection.ended and self._in_flight < accepted.receive_maximum:
            number = connection.publish(goodbye)
            while not (connection.ended or is_heard or self._now_ns() >= stop_by_ns):
                connection.turn((stop_by_ns - self._now_ns()) / 1e9, self._wake)
                answers = self._pictures.take(connection.take_answers())
                is_heard = number in {answer.number for answer in answers}
                self._delivery.take(answers)
        if is_heard:
            connection.close()
        else:
            connection.abandon("stopped")  # then the broker says offline in our place

    @property
    def _in_flight(self) -> int:
        return self._delivery.in_flight + self._pictures.under_way

    def _birth(self, version: Mqtt) -> Packet:
        boot_id = self._clock.now().boot_id
        return self._standing.online(self._outbox.store, boot_id, self._config.payload, version)

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
            _log.info("uplink %s: %s is back", self._config.id, self._ledger.broker)
        self._down_reason = ""

    def _is_down(self, reason: str) -> None:
        self._ledger.disconnected(reason if self._stop_by_ns is None else "")
        if self._stop_by_ns is None and not self._down_reason:
            _log.warning("uplink %s: %s is down: %s", self._config.id, self._ledger.broker, reason)
            self._down_reason = reason

    def _now_ns(self) -> int:
        return self._clock.now().monotonic_ns


def _as_seen(pole: Pole, config: UplinkConfig) -> Pole:
    """The pole with what its topics are made of at this broker."""
    return replace(
        pole,
        topic_prefix=config.topic_prefix,
        group=config.group or "",
        discovery_prefix=config.discovery_prefix,
    )
