"""One connection of `tail` to a broker: subscribed, read in the caller's thread, and closed."""

from __future__ import annotations

import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_gateway.cli.tail_address import Address
from edge_gateway.cli.tail_trouble import BrokerTrouble, refused, unanswered, unreachable

Version = Literal["5", "3.1.1"]

KEEPALIVE_S = 15
CONNECT_S = 10.0
_LOOK_S = 0.1

_VERSIONS = {"5": MQTTProtocolVersion.MQTTv5, "3.1.1": MQTTProtocolVersion.MQTTv311}


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message as it came; `content_type` and `properties` are empty under MQTT 3.1.1."""

    topic: str
    payload: bytes
    is_retained: bool
    unix_s: float
    content_type: str = ""
    properties: dict[str, str] = field(default_factory=dict[str, str])


class Listening:
    """A connection that is subscribed to `topics`, once `open` has returned."""

    def __init__(
        self,
        address: Address,
        topics: Sequence[str],
        version: Version,
        *,
        client_id: str,
        password: str | None,
        context: ssl.SSLContext | None,
    ) -> None:
        self._address = address
        self._topics = topics
        self._asked: dict[int, str] = {}
        self._answers: dict[int, str] = {}
        self._arrived: deque[Arrived] = deque()
        self._accepted = False
        self._ended: BrokerTrouble | None = None
        self._said = ""
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=_VERSIONS[version],
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_S
        if address.username is not None:
            client.username_pw_set(address.username, password)
        if context is not None:
            cast("Any", client).tls_set_context(context)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_log = self._on_log
        self._client = client

    def open(self) -> list[str]:
        """Connect and subscribe; the topics that the broker would not let us read, and why.

        Raises BrokerTrouble, also when it lets us read none.
        """
        try:
            self._client.connect(self._address.host, self._address.port, KEEPALIVE_S)
        except OSError as error:
            raise unreachable(error, self._address) from error
        self._until(lambda: self._accepted, "takes the connection and does not answer")
        for topic in self._topics:
            _, number = self._client.subscribe(topic, qos=1)
            if number is not None:
                self._asked[number] = topic
        self._until(lambda: len(self._answers) >= len(self._topics), "does not answer SUBSCRIBE")
        denied = [
            f"{self._address} does not let us read {self._asked.get(number)}: {why}"
            for number, why in self._answers.items()
            if why
        ]
        if len(denied) == len(self._topics):
            raise BrokerTrouble("; ".join(denied), is_final=True)
        return denied

    def turn(self, timeout_s: float) -> list[Arrived]:
        """What has come, or comes within this time; raises BrokerTrouble when it is over."""
        if not self._arrived:
            self._step(timeout_s)
        arrived = list(self._arrived)
        self._arrived.clear()
        if not arrived and self._ended is not None:
            raise self._ended
        return arrived

    def close(self) -> None:
        """Say goodbye."""
        self._client.disconnect()

    def _until(self, is_done: Callable[[], bool], otherwise: str) -> None:
        until_s = time.monotonic() + CONNECT_S
        while not is_done():
            if self._ended is not None:
                raise self._ended
            if time.monotonic() > until_s:
                raise BrokerTrouble(f"{self._address} {otherwise}")
            self._step(_LOOK_S)

    def _step(self, timeout_s: float) -> None:
        if self._client.loop(timeout_s) is not MQTTErrorCode.MQTT_ERR_SUCCESS:
            self._end(BrokerTrouble(self._said or f"the connection to {self._address} was lost"))

    def _end(self, trouble: BrokerTrouble) -> None:
        self._ended = self._ended or trouble

    def _on_connect(
        self,
        _client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._end(refused(str(reason), self._address))
        else:
            self._accepted = True

    def _on_disconnect(
        self,
        _client: Client,
        _userdata: object,
        flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._end(BrokerTrouble(f"{self._address} ended the connection: {reason}"))
        elif not self._accepted:
            self._end(unanswered(self._address))
        else:
            self._end(BrokerTrouble(self._said or f"the connection to {self._address} was lost"))

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: object,
        number: int,
        reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        self._answers[number] = next((str(one) for one in reasons if one.is_failure), "")

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        # Kept until the caller looks: what the caller's output raises is no business of paho's.
        said: dict[str, Any] = {}
        if message.properties is not None:
            said = cast("Any", message.properties).json()
        pairs = cast("list[tuple[str, str]]", said.get("UserProperty", []))
        self._arrived.append(
            Arrived(
                message.topic,
                bytes(message.payload),
                message.retain,
                time.time(),
                str(said.get("ContentType", "")),
                dict(pairs),
            )
        )

    def _on_log(self, _client: Client, _userdata: object, level: int, message: str) -> None:
        # paho tells what a socket said only here; its own return codes say "unspecified".
        if level == LogLevel.MQTT_LOG_ERR:
            self._said = f"the connection to {self._address} was lost: {message}"
