"""The platform's side: subscribes with a persistent session and keeps account of every number."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Collection
from threading import Condition
from types import TracebackType
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from campaigns.check import TOLD, Findings
from edge_gateway.uplink.consumer import BadPack, Pack, Seen, decode_all

BROKER_SETTINGS = "allow_anonymous true\nmax_queued_messages 0\n"
"""For mosquitto: without the second line it drops what a subscriber takes in too slowly."""

NUMBERED = frozenset({"people", "number"})

_SESSION_S = 3600
_PATIENCE_S = 20.0


class Collector:
    """Counts what arrives at a broker on loopback; a message whose key was seen is no news.

    A number is the value of a sample of `NUMBERED`. Order is checked in each series of a gateway,
    for live and backfill each, because the one may overtake the other. Without `decodes` messages
    are counted and not looked at: those of other payloads than ours.
    """

    def __init__(self, port: int, *, decodes: bool = True) -> None:
        self.keys: dict[tuple[str, int], str] = {}
        self.findings = Findings()
        self.messages = self.readings = self.repeated = self.given_up = self.thinned = 0
        self.clocks: dict[str, int] = defaultdict(int)
        self.live_unix_s = 0.0
        self.live_readings = 0
        self._last: dict[tuple[str, str, str], int] = {}
        self._decodes = decodes
        self._seen = Seen(10_000_000)
        self._news = Condition()
        self._is_subscribed = False
        self._client = paho.Client(
            CallbackAPIVersion.VERSION2, "collector", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.reconnect_delay_set(1, 1)
        properties: Any = Properties(PacketTypes.CONNECT)  # its attributes exist at run time only
        properties.SessionExpiryInterval = _SESSION_S
        self._client.connect("127.0.0.1", port, clean_start=False, properties=properties)
        self._client.loop_start()

    def __enter__(self) -> Self:
        self.wait(lambda: self._is_subscribed, "the collector's subscription", _PATIENCE_S)
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def wait(self, condition: Any, what: str, patience_s: float) -> None:
        """Wait until something is so; what did not come is a finding."""
        with self._news:
            if not self._news.wait_for(condition, patience_s):
                self.findings.wrong.append(f"waited {patience_s:g} s in vain for {what}")

    def has(self, gateway: str, numbers: Collection[int]) -> bool:
        """Whether all of these numbers of a gateway are there."""
        return all((gateway, number) in self.keys for number in numbers)

    def missing(self, gateway: str, numbers: Collection[int]) -> list[int]:
        """Which of these numbers are not there."""
        return [number for number in numbers if (gateway, number) not in self.keys]

    def settle(self, quiet_s: float = 0.5, patience_s: float = _PATIENCE_S) -> None:
        """Wait until nothing has come for a while: repetitions come behind what was waited for."""
        ends_s = time.monotonic() + patience_s
        with self._news:
            while self._news.wait(quiet_s) and time.monotonic() < ends_s:
                pass

    def _on_connect(self, client: paho.Client, *_: object) -> None:
        client.subscribe("#", 1)

    def _on_subscribe(self, *_: object) -> None:
        with self._news:
            self._is_subscribed = True
            self._news.notify_all()

    def _on_message(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        lane = message.topic.rpartition("/")[2]
        if lane == "state":
            return
        with self._news:
            if not self._decodes:
                self.messages += 1
                return
            try:
                packs = decode_all(bytes(message.payload), received_unix_s=time.time())
            except BadPack as error:
                self.findings.wrong.append(f"{message.topic}: {error}")
                return
            self.messages += 1
            for pack in packs:
                self._take(pack, lane)
            self._news.notify_all()

    def _take(self, pack: Pack, lane: str) -> None:
        if not self._seen.first(pack.key):
            self.repeated += 1
            return
        self.clocks[pack.clock] += 1
        self.readings += len(pack.readings)
        for reading in pack.readings:
            if reading.quantity not in NUMBERED or reading.value is None or reading.window_s:
                continue
            number = round(reading.value)
            if self.keys.setdefault((pack.gateway, number), pack.key) != pack.key:
                self.findings.duplicated += 1
            place = (f"{pack.gateway}/{lane}", reading.name, pack.arrival)
            self.findings.disordered += number < self._last.get(place, -1)
            self._last[place] = number
            if pack.arrival == "live" and reading.unix_s is not None:
                self.live_unix_s = reading.unix_s
                self.live_readings += 1
        for event in pack.events:
            found = TOLD.match(event.text)
            if found is not None and found[2] == "thinned":
                self.thinned += int(found[1])
            elif found is not None:
                self.given_up += int(found[1])
