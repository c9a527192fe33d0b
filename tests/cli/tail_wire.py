"""What the tests of `tail` publish, and how they call it."""

from __future__ import annotations

import threading
from typing import Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge_gateway.cli.main import main

PATIENCE_S = 60
# 2026-08-03T05:00:00Z.
START_S = 1_785_733_200
END = "over"


def pack(number: int, *records: str, gateway: str = "pole-1", arrival: str = "live") -> bytes:
    head = (
        f'{{"bn":"urn:dev:ops:{gateway}:","bt":{START_S},"n":"batch",'
        f'"vs":"57043/{number}/{arrival}/synced"}}'
    )
    shown = records or ('{"n":"wxt:wind_speed","u":"m/s","t":0.5,"v":2.5}',)
    return f"[{','.join([head, *shown])}]".encode()


class Publisher:
    """Publishes; what is retained is there for whoever subscribes later."""

    def __init__(self, port: int, *, version: MQTTProtocolVersion, **login: str) -> None:
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "publisher", protocol=version)
        if login:
            self._client.username_pw_set(login["username"], login["password"])
        self._is_5 = version is MQTTProtocolVersion.MQTTv5
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def keep(self, topic: str, payload: bytes, content_type: str = "") -> None:
        self._send(topic, payload, content_type, retain=True)

    def _send(self, topic: str, payload: bytes, content_type: str, *, retain: bool) -> None:
        properties = None
        if content_type and self._is_5:
            properties = Properties(PacketTypes.PUBLISH)
            properties.ContentType = content_type
        sent = self._client.publish(topic, payload, 1, retain, properties)
        sent.wait_for_publish(PATIENCE_S)


def forget(port: int) -> None:
    """Let the broker keep nothing: all retained messages are replaced by empty ones."""
    client = paho.Client(CallbackAPIVersion.VERSION2, "forgetting")
    over = threading.Event()
    kept: list[str] = []

    def hear(_client: paho.Client, _data: object, message: paho.MQTTMessage) -> None:
        if message.topic == END:
            over.set()
        elif message.retain:
            kept.append(message.topic)

    client.on_message = hear
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.subscribe("#")
    # What is retained comes before what is published after it was subscribed to.
    client.publish(END, b"", 1).wait_for_publish(PATIENCE_S)
    assert over.wait(PATIENCE_S)
    for topic in kept:
        client.publish(topic, b"", 1, retain=True).wait_for_publish(PATIENCE_S)
    client.disconnect()
    client.loop_stop()


def tail(port: int, count: int, *more: str, prefix: str = "edge") -> int:
    url = f"mqtt://127.0.0.1:{port}/{prefix}"
    return main(["tail", url, "--count", str(count), "--seconds", "30", *more])
