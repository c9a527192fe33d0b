"""A subscriber that keeps every message with the time it came, and what was in them afterwards.

As a process of its own: `python benchmarks/local_arrivals.py PORT TOPIC FILE`. Nothing is decoded
while it listens: what follows a run must not take part in it.
"""

from __future__ import annotations

import struct
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from edge_gateway.uplink.rfc8428 import parse, resolve

HEAD = struct.Struct("<dI?")


class Message(NamedTuple):
    """One message: when it came (UTC), whether it says backfill, and its bytes."""

    at_s: float
    is_backlog: bool
    payload: bytes


class Arrived(NamedTuple):
    """One number: its value, the time it bears, and its message's time and kind."""

    number: int
    unix_s: float
    at_s: float
    is_backlog: bool


@dataclass(frozen=True, slots=True)
class Arrivals:
    """All that came."""

    messages: list[Message]
    numbers: list[Arrived]

    @property
    def wire_bytes(self) -> int:
        """Payload bytes."""
        return sum(len(message.payload) for message in self.messages)

    def problems(self, expected: int) -> dict[str, int]:
        """How many of the numbers from 0 are lost, came twice, or were never handed in."""
        times = Counter(arrived.number for arrived in self.numbers)
        return {
            "lost": sum(number not in times for number in range(expected)),
            "duplicated": sum(count - 1 for count in times.values()),
            "strange": sum(not 0 <= number < expected for number in times),
        }


def messages(path: Path) -> Iterator[Message]:
    """What was kept so far."""
    with path.open("rb") as kept:
        while len(head := kept.read(HEAD.size)) == HEAD.size:
            at_s, size, is_backlog = HEAD.unpack(head)
            payload = kept.read(size)
            if len(payload) < size:
                return
            yield Message(at_s, is_backlog, payload)


def quiet_s(path: Path, *, backlog: bool = False) -> float:
    """Seconds since the last message, or the last one of the backlog; 0 before the first."""
    last_s = 0.0
    with path.open("rb") as kept:
        while len(head := kept.read(HEAD.size)) == HEAD.size:
            at_s, size, is_backlog = HEAD.unpack(head)
            kept.seek(size, 1)
            if is_backlog or not backlog:
                last_s = at_s
    return time.time() - last_s if last_s else 0.0


def arrivals(path: Path) -> Arrivals:
    """Decode what was kept."""
    kept = list(messages(path))
    return Arrivals(kept, [arrived for message in kept for arrived in _numbers(message)])


def _numbers(message: Message) -> Iterator[Arrived]:
    for record in resolve(parse(message.payload)):
        if record.name.endswith(":number") and record.value is not None:
            yield Arrived(round(record.value), record.time_s, message.at_s, message.is_backlog)


class Keeper:
    """Listens, and writes down what comes; its file is there once it is subscribed."""

    def __init__(self, topic: str, path: Path) -> None:
        self._path = path
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id="arrivals", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._topic = topic
        self._client.on_subscribe = self._begin
        self._client.on_message = self._keep

    def run(self, port: int) -> None:
        """Listen until killed."""
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(self._topic, qos=1)
        self._client.loop_forever()

    def _begin(self, *_: object) -> None:
        self._kept = self._path.open("wb", buffering=0)

    def _keep(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        said: list[tuple[str, str]] = getattr(message.properties, "UserProperty", [])
        head = HEAD.pack(time.time(), len(message.payload), ("arrival", "backfill") in said)
        self._kept.write(head + message.payload)


if __name__ == "__main__":
    Keeper(sys.argv[2], Path(sys.argv[3])).run(int(sys.argv[1]))
