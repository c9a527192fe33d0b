"""One MQTT connection, from TCP to DISCONNECT, driven by its owner's thread.

Each attempt is a new paho client with a clean start: the outbox is the only memory, so a session
kept at the broker or in paho could only repeat or reorder.
"""

from __future__ import annotations

import os
import select
import ssl
from dataclasses import dataclass
from typing import Any, cast

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_gateway.config_uplink import UplinkConfig
from edge_gateway.uplink.encoder import Packet
from edge_gateway.uplink.tls import first_line, tls_context
from edge_gateway.uplink.trouble import LinkTrouble, in_words, is_own_network
from edge_gateway.uplink.versions import Mqtt, Rejection

# For TCP and for TLS, each; a stop never waits longer for a connection that is being made.
CONNECT_TIMEOUT_S = 5.0

# MQTT 5 section 3.2.2.3.3: what a broker allows that does not say.
_RECEIVE_MAXIMUM = 65_535

# Below this not even the account of what was too large could be told.
_LEAST_PACKET = 1024

_PAHO = {Mqtt.V5: MQTTProtocolVersion.MQTTv5, Mqtt.V3: MQTTProtocolVersion.MQTTv311}
# What a broker says to a version it does not speak, or does not speak well.
_NOT_SPOKEN = {"Unsupported protocol version", "Protocol error", "Malformed packet"}

_UNREADABLE = select.POLLIN | select.POLLHUP | select.POLLERR


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the broker allows: messages unanswered at once, bytes in a packet (None: any)."""

    receive_maximum: int
    largest_packet: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The broker's answer to message `number` on `topic`; `refusal` is empty when it took it.

    With MQTT 3.1.1 it always is.
    """

    number: int
    refusal: str
    topic: str = ""


class Connection:
    """An attempt to connect, and the connection if it succeeds. `ended` tells why it is over.

    `rejection` tells whether it ended because of the version, as far as can be known.
    """

    def __init__(
        self, config: UplinkConfig, client_id: str, *, version: Mqtt, will: Packet
    ) -> None:
        self.accepted: Accepted | None = None
        self.ended = ""
        self.rejection: Rejection | None = None
        self._config = config
        self.version = version
        self._topics: dict[int, str] = {}
        self._answers: list[Answer] = []
        self._said = ""
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            # Of 5 it is told when it connects.
            clean_session=None if version is Mqtt.V5 else True,
            protocol=_PAHO[version],
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        # The window is kept by the owner, who knows the broker's maximum; paho's is switched off.
        client.max_inflight_messages = 0
        client.will_set(will.topic, will.payload, qos=1, retain=will.retain)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_log = self._on_log
        self._client = client

    def open(self) -> None:
        """Connect and send CONNECT; raises LinkTrouble. The answer comes with later turns."""
        config = self._config
        if config.username is not None:
            path = config.password_file
            password = None if path is None else first_line(path, "password_file")
            self._client.username_pw_set(config.username, password)
        if config.tls is not False:
            cast("Any", self._client).tls_set_context(tls_context(config.tls))
        start: dict[str, Any] = {"clean_start": True} if self.version is Mqtt.V5 else {}
        try:
            self._client.connect(config.host, config.port, config.keepalive_s, **start)
        except OSError as error:
            words = in_words(error, config)
            raise LinkTrouble(words, own_network=is_own_network(error)) from error

    def turn(self, timeout_s: float, wake: int) -> None:
        """Wait for the broker, for `wake` to be readable or for the time; then do what is due."""
        poll = select.poll()
        poll.register(wake, select.POLLIN)
        socket = self._client.socket()
        if socket is None:
            self._end("the connection was lost")
            return
        writing = select.POLLOUT if self._client.want_write() else 0
        poll.register(socket.fileno(), select.POLLIN | writing)
        ready = dict(poll.poll(max(timeout_s, 0.0) * 1000))
        if wake in ready:
            os.eventfd_read(wake)
        events = ready.get(socket.fileno(), 0)
        if events & _UNREADABLE:
            self._read()
        if events & select.POLLOUT and self._client.socket() is not None:
            self._client.loop_write()
        self._client.loop_misc()
        if self._client.socket() is None:
            self._end(self._said or "the connection was lost")

    def publish(self, packet: Packet) -> int:
        """Send a message with QoS 1 and return its number; 3.1.1 has no place for properties."""
        properties: Any = None
        if self.version is Mqtt.V5:
            properties = Properties(PacketTypes.PUBLISH)  # its attributes exist at run time only
            properties.ContentType = packet.content_type
            for pair in packet.properties:
                properties.UserProperty = pair
        sent = self._client.publish(packet.topic, packet.payload, 1, packet.retain, properties)
        self._topics[sent.mid] = packet.topic
        return sent.mid

    def take_answers(self) -> list[Answer]:
        """What the broker has answered since the last call."""
        answers, self._answers = self._answers, []
        return answers

    def close(self) -> None:
        """Say goodbye, so that the will is not sent, and drop the connection."""
        self._client.disconnect()
        self._end("closed")

    def abandon(self, reason: str) -> None:
        """Drop the connection without a word: the broker sends the will."""
        socket = self._client.socket()
        if socket is not None:
            socket.close()
        self._end(reason)

    def _read(self) -> None:
        self._client.loop_read()
        # TLS hands over whole records: what it has decrypted no longer wakes poll.
        while _buffered(self._client.socket()):
            self._client.loop_read()

    def _end(self, reason: str) -> None:
        self.ended = self.ended or reason

    def _on_connect(
        self,
        _client: paho.Client,
        _userdata: object,
        _flags: paho.ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            if str(reason) in _NOT_SPOKEN:
                self.rejection = Rejection.SAID
            self._end(_refused_connection(reason, self._config, self.version))
            return
        limits = _as_dict(properties)
        if limits.get("MaximumQoS") == 0:
            self._end("the broker takes QoS 0 only: nothing could be known to have arrived")
            return
        largest = limits.get("MaximumPacketSize")
        if largest is not None and largest < _LEAST_PACKET:
            self._end(
                f"the broker takes packets of {largest} bytes at most: "
                f"set its maximum packet size to {_LEAST_PACKET} or more"
            )
            return
        self.accepted = Accepted(int(limits.get("ReceiveMaximum", _RECEIVE_MAXIMUM)), largest)

    def _on_disconnect(
        self,
        _client: paho.Client,
        _userdata: object,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            if self.accepted is None and str(reason) in _NOT_SPOKEN:
                self.rejection = Rejection.SAID
            self._end(f"the broker ended the connection: {reason}")
        elif self._said:
            self._end(self._said)
        elif self.accepted is None:
            self.rejection = self.rejection or Rejection.SILENT
            self._end(
                "the broker closed the connection without an answer: "
                f"does this port want TLS, a client certificate, or not MQTT {self.version}?"
            )
        elif reason.is_failure and str(reason) != "Unspecified error":
            self._end(f"the connection was lost: {reason}")
        else:
            self._end("the connection was lost: the broker or the network closed it")

    def _on_publish(
        self,
        _client: paho.Client,
        _userdata: object,
        number: int,
        reason: ReasonCode,
        _properties: Properties,
    ) -> None:
        refusal = str(reason) if reason.is_failure else ""
        self._answers.append(Answer(number, refusal, self._topics.pop(number, "")))

    def _on_log(self, _client: paho.Client, _userdata: object, level: int, message: str) -> None:
        # paho tells what a socket said only here; its own return codes say "unspecified".
        if level == LogLevel.MQTT_LOG_ERR:
            self._said = f"the connection was lost: {message}"


def _refused_connection(reason: ReasonCode, config: UplinkConfig, version: Mqtt) -> str:
    said = str(reason)
    if said in _NOT_SPOKEN:
        advice = "3.1.1 is tried next"
        if config.mqtt != "auto" or config.refuse_mqtt_3:
            advice = 'with uplink.mqtt = "auto" and without refuse_mqtt_3 another one is tried'
        return f"the broker does not speak MQTT {version} ({said}): {advice}"
    if said in {"Bad user name or password", "Not authorized"}:
        who = config.username or "a client without a user name"
        return (
            f"the broker refuses {who}: {said}. "
            "Check uplink.username, uplink.password_file and the broker's access list"
        )
    return f"the broker refuses the connection: {said}"


def _as_dict(properties: Properties | None) -> dict[str, Any]:
    return {} if properties is None else cast("Any", properties).json()


def _buffered(socket: object) -> bool:
    return isinstance(socket, ssl.SSLSocket) and socket.pending() > 0
