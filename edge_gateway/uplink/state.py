"""What the state topic says: the birth, the farewell, and the last will."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from edge_gateway.uplink.encoder import Packet
from edge_gateway.uplink.payloads import Message, Pole

CONTENT_TYPE = "application/json"


LOST: Final = "lost"
STOPPED: Final = "stopped"


class Standing:
    """What the retained PREFIX/GATEWAY/state says of one gateway at one broker."""

    def __init__(self, pole: Pole, about: Mapping[str, str]) -> None:
        self._topic, self._gateway_id = pole.topic("state"), pole.gateway_id
        self._about = dict(about)
        self.sensing: Mapping[str, object] = {}
        """Who counts people now; empty where nobody ever does. Replaced whole, by any thread."""

    def online(self, store: str, boot_id: str, payload: str, mqtt: str) -> Packet:
        """The birth."""
        own = {"store": store, "boot": boot_id, "payload": payload, "mqtt": mqtt}
        more = {"sensing": self.sensing} if self.sensing else {}
        return self._packet({"state": "online", **self._about, **own, **more})

    def offline(self, reason: str) -> Packet:
        """The farewell or, with reason `lost`, what the broker says in our place.

        Who has stopped counts nobody. Of who was lost nothing is said: it may count on unheard.
        """
        more = {"sensing": {"counting": False}} if self.sensing and reason == STOPPED else {}
        return self._packet({"state": "offline", "reason": reason, **more})

    def _packet(self, words: Mapping[str, object]) -> Packet:
        said = {"state": words["state"], "gateway": self._gateway_id, **words}
        payload = json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
        return Packet(self._topic, payload, CONTENT_TYPE, retain=True)


def as_packet(message: Message) -> Packet:
    """A message of a format that has its own birth and will."""
    return Packet(message.topic, message.payload, message.content_type, message.retain)
