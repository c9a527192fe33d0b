"""What the state topic says: the birth, the farewell, and the last will."""

from __future__ import annotations

import json
from collections.abc import Mapping

from edge_gateway.uplink.encoder import Packet
from edge_gateway.uplink.payloads import Message

CONTENT_TYPE = "application/json"


def online(topic: str, gateway_id: str, about: Mapping[str, str]) -> Packet:
    """The retained birth; `topic` is PREFIX/GATEWAY/state."""
    return _state(topic, {"state": "online", "gateway": gateway_id, **about})


def offline(topic: str, gateway_id: str, reason: str) -> Packet:
    """The retained farewell or, with reason `lost`, what the broker says in our place."""
    return _state(topic, {"state": "offline", "gateway": gateway_id, "reason": reason})


def as_packet(message: Message) -> Packet:
    """A message of a format that has its own birth and will."""
    return Packet(message.topic, message.payload, message.content_type, message.retain)


def _state(topic: str, words: Mapping[str, str]) -> Packet:
    payload = json.dumps(words, ensure_ascii=False, separators=(",", ":")).encode()
    return Packet(topic, payload, CONTENT_TYPE, retain=True)
