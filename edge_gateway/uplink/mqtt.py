"""One MQTT 5 connection, from TCP to DISCONNECT, driven by its owner's thread.

Each attempt is a new paho client with a clean start: the outbox is the only memory, so a session
kept at the broker or in paho could only repeat or reorder. (MQTT 3.1.1, where a denied message
cannot be told from a delivered one, is not spoken.)
"""

from __future__ import annotations

import os
import select
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, LogLevel, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_gateway.config import TlsConfig, UplinkConfig
from edge_gateway.uplink.trouble import LinkTrouble, in_words

# For TCP and for TLS, each; a stop never waits longer for a connection that is being made.
CONNECT_TIMEOUT_S = 5.0

# MQTT 5 section 3.2.2.3.3: what a broker allows that does not say.
_RECEIVE_MAXIMUM = 65_535

_UNREADABLE = select.POLLIN | select.POLLHUP | select.POLLERR


@dataclass(frozen=True, slots=True)
class Accepted:
    """What the broker allows: messages unanswered at once, bytes in a packet (None: any)."""

    receive_maximum: int
    largest_packet: int | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The broker's answer to message `number`; `refusal` is empty when it took it."""

    number: int
    refusal: str


class Connection:
    """An attempt to connect, and the connection if it succeeds. `ended` tells why it is over."""

    def __init__(self, config: UplinkConfig, client_id: str, *, topic: str, will: bytes) -> None:
        self.accepted: Accepted | None = None
        self.ended = ""
        self._config = config
        self._answers: list[Answer] = []
        self._said = ""
        client = paho.Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=MQTTProtocolVersion.MQTTv5,
            reconnect_on_failure=False,
        )
        client.connect_timeout = CONNECT_TIMEOUT_S
        # The window is kept by the owner, who knows the broker's maximum; paho's is switched off.
        client.max_inflight_messages = 0
        client.will_set(topic, will, qos=1, retain=True)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_log = self._on_log
        self._client = client

    def open(self) -> None:
        """Connect and send CONNECT; raises LinkTrouble. The answer comes with later turns."""
        config = self._config
        if config.username is not None:
            self._client.username_pw_set(config.username, _password(config))
        if config.tls is not False:
            cast("Any", self._client).tls_set_context(_tls_context(config.tls))
        try:
            self._client.connect(config.host, config.port, config.keepalive_s, clean_start=True)
        except OSError as error:
            raise LinkTrouble(in_words(error, config)) from error

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

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        content_type: str,
        user_properties: Iterable[tuple[str, str]] = (),
    ) -> int:
        """Send a message with QoS 1 and return its number."""
        properties: Any = Properties(PacketTypes.PUBLISH)  # its attributes exist at run time only
        properties.ContentType = content_type
        for pair in user_properties:
            properties.UserProperty = pair
        return self._client.publish(topic, payload, 1, retain, properties).mid

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
            self._end(_refused_connection(reason, self._config))
            return
        limits = _as_dict(properties)
        if limits.get("MaximumQoS") == 0:
            self._end("the broker takes QoS 0 only: nothing could be known to have arrived")
            return
        self.accepted = Accepted(
            int(limits.get("ReceiveMaximum", _RECEIVE_MAXIMUM)), limits.get("MaximumPacketSize")
        )

    def _on_disconnect(
        self,
        _client: paho.Client,
        _userdata: object,
        flags: paho.DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if flags.is_disconnect_packet_from_server:
            self._end(f"the broker ended the connection: {reason}")
        elif self._said:
            self._end(self._said)
        elif self.accepted is None:
            self._end(
                "the broker closed the connection without an answer: "
                "does this port want TLS, a client certificate, or MQTT 3.1.1?"
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
        self._answers.append(Answer(number, str(reason) if reason.is_failure else ""))

    def _on_log(self, _client: paho.Client, _userdata: object, level: int, message: str) -> None:
        # paho tells what a socket said only here; its own return codes say "unspecified".
        if level == LogLevel.MQTT_LOG_ERR:
            self._said = f"the connection was lost: {message}"


def _refused_connection(reason: ReasonCode, config: UplinkConfig) -> str:
    said = str(reason)
    if said in {"Bad user name or password", "Not authorized"}:
        who = config.username or "a client without a user name"
        return (
            f"the broker refuses {who}: {said}. "
            "Check uplink.username, uplink.password_file and the broker's access list"
        )
    return f"the broker refuses the connection: {said}"


def _password(config: UplinkConfig) -> str | None:
    path = config.password_file
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise LinkTrouble(f"uplink.password_file {path} cannot be read: {error}") from error


class _NamedContext(ssl.SSLContext):
    """Expects one certain name in the certificate, whatever host was dialled."""

    expected_name: str | None = None

    def wrap_socket(self, *args: Any, **kwargs: Any) -> ssl.SSLSocket:
        if self.expected_name is not None:
            kwargs["server_hostname"] = self.expected_name
        return super().wrap_socket(*args, **kwargs)


def _tls_context(tls: TlsConfig) -> ssl.SSLContext:
    context = _NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.expected_name = tls.server_name
    key, path = "ca_file", tls.ca_file
    try:
        if tls.ca_file is None:
            context.load_default_certs()
        else:
            context.load_verify_locations(tls.ca_file)
        key, path = "certificate_file or key_file", tls.certificate_file
        if tls.certificate_file is not None:
            context.load_cert_chain(tls.certificate_file, tls.key_file)
    except (OSError, ssl.SSLError) as error:
        raise LinkTrouble(f"uplink.tls.{key} ({path}) cannot be used: {error}") from error
    return context


def _as_dict(properties: Properties | None) -> dict[str, Any]:
    return {} if properties is None else cast("Any", properties).json()


def _buffered(socket: object) -> bool:
    return isinstance(socket, ssl.SSLSocket) and socket.pending() > 0
