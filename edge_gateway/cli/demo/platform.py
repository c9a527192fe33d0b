"""The city's end of the demo: subscribes at the broker, decodes what comes, keeps its own books."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from edge_gateway.cli.demo.report import Ledger, mark
from edge_gateway.cli.terminal import CommandError
from edge_gateway.reading import Measurand, Quantity, Statistic
from edge_gateway.uplink.consumer import BadPack, Received, Seen, decode_all

CONNECT_S = 10.0


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What has come: messages by arrival, repeated ones, undecodable ones, readings."""

    live: int
    backfill: int
    repeated: int
    bad: int
    readings: int


class Platform:
    """Subscribes to all lanes of all gateways while the `with` block runs."""

    def __init__(self, host: str, port: int, topic_prefix: str) -> None:
        self._topic = f"{topic_prefix}/+/+"
        self._address = (host, port)
        self.delivered = Ledger()
        self._seen = Seen()
        self._messages: Counter[str] = Counter()
        self._readings = 0
        self._subscribed = threading.Event()
        self._lock = threading.Lock()
        self._client = Client(
            CallbackAPIVersion.VERSION2, "demo-platform", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message

    def __enter__(self) -> Self:
        """Connect and subscribe; CommandError when the broker does not answer."""
        self._client.connect(*self._address)
        self._client.loop_start()
        if not self._subscribed.wait(CONNECT_S):
            self._client.loop_stop()
            raise CommandError(f"the demo's broker did not answer within {CONNECT_S:.0f} s")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Disconnect."""
        self._client.disconnect()
        self._client.loop_stop()

    def arrivals(self) -> Arrivals:
        """What has come so far."""
        with self._lock:
            count = self._messages
            return Arrivals(
                count["live"], count["backfill"], count["repeated"], count["bad"], self._readings
            )

    def _on_connect(
        self,
        client: Client,
        _userdata: object,
        _flags: ConnectFlags,
        _reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        client.subscribe(self._topic, qos=1)

    def _on_subscribe(
        self,
        _client: Client,
        _userdata: object,
        _mid: int,
        _reasons: list[ReasonCode],
        _properties: Properties | None,
    ) -> None:
        self._subscribed.set()

    def _on_message(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        if message.topic.endswith("/state"):
            return
        try:
            packs = decode_all(bytes(message.payload))
        except BadPack:
            self._count("bad", 0)
            return
        for pack in packs:
            if self._seen.first(pack.key):
                self.delivered.write(_mark(reading) for reading in pack.readings)
                self._count(pack.arrival, len(pack.readings))
            else:
                self._count("repeated", 0)

    def _count(self, what: str, readings: int) -> None:
        with self._lock:
            self._messages[what] += 1
            self._readings += readings


def _mark(reading: Received) -> tuple[str, Measurand, str]:
    measurand = Measurand(
        Quantity(reading.quantity),
        reading.channel,
        Statistic(reading.statistic),
        reading.window_s,
    )
    return mark(reading.device, measurand, reading.value)
