"""For consumers: any message of a gateway, in any of its formats, back to readings and events.

Imports nothing but the standard library and its own neighbours, as consumer.py does:

decoder, repeats = Decoder(), Repeats()
told = decoder.decode(topic, payload, content_type)
for pack in told.packs:
    for reading in repeats.fresh(pack, told).readings: ...
"""

from __future__ import annotations

import json
import zlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Final

from edge_gateway.uplink.consumer import Pack, Received, ReceivedEvent, Seen
from edge_gateway.uplink.consumer import decode_all as decode_senml
from edge_gateway.uplink.decoders import (
    iot_agent,
    ngsi,
    open_data,
    senml_cbor,
    sparkplug_b,
)
from edge_gateway.uplink.decoders.home_assistant import Sensors
from edge_gateway.uplink.decoders.measurands import members, objects, text
from edge_gateway.uplink.rfc8428 import BadPack

__all__ = ["BadPack", "Decoder", "GatewayState", "Repeats", "Told"]

_GZIP = b"\x1f\x8b"
_LONGEST = 64 << 20

# RFC 8949: the first byte of an array of known or open length.
_CBOR_ARRAY = frozenset([*range(0x80, 0x9C), 0x9F])

# Formats whose key names the whole message: it alone tells a repetition.
_KEYED: Final = frozenset({"senml", "senml_cbor"})


@dataclass(frozen=True, slots=True)
class GatewayState:
    """A gateway came or went. `state` is `online` or `offline`; `details` is what else it said."""

    gateway: str
    state: str
    details: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Told:
    """What one message said. `format` as in docs/payloads.md, or `state` or `discovery`."""

    format: str
    packs: tuple[Pack, ...] = ()
    state: GatewayState | None = None


class Decoder:
    """Decodes message after message; remembers gateways and sensors for names that need them."""

    def __init__(self) -> None:
        self._sensors = Sensors()
        self._gateways: frozenset[str] = frozenset()

    def decode(
        self,
        topic: str,
        payload: bytes,
        content_type: str = "",
        properties: Mapping[str, str] | None = None,
        *,
        received_unix_s: float | None = None,
    ) -> Told:
        """Decode one message, gzip or not. Raises BadPack for what is none of a gateway's.

        `content_type` and `properties` are those of MQTT 5, empty under 3.1.1: the format is then
        known by topic and bytes. `received_unix_s` as in `consumer.decode`.
        """
        if topic.startswith(sparkplug_b.NAMESPACE):
            return _sparkplug(topic, payload)
        body = _inflated(payload)
        said = properties or {}
        key, arrival = said.get("key", ""), said.get("arrival", "")
        if body.startswith(open_data.BEGINS):
            return Told("csv", (open_data.decode(body, key, arrival),))
        if content_type == "application/senml+cbor" or (body[:1] and body[0] in _CBOR_ARRAY):
            return Told("senml_cbor", _senml(senml_cbor.as_json(body), received_unix_s))
        if content_type == "application/senml+json":
            return Told("senml", _senml(body, received_unix_s))
        return self._json(topic, body, key, arrival, received_unix_s)

    def _json(
        self, topic: str, body: bytes, key: str, arrival: str, received_unix_s: float | None
    ) -> Told:
        try:
            found: object = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise BadPack(f"of no format of an edge gateway: {error}") from error
        first = members(next(objects(found), None))
        if "bn" in first or "n" in first:
            return Told("senml", _senml(body, received_unix_s))
        ngsi_kind = ngsi.looks_like(found)
        if ngsi_kind:
            return Told(ngsi_kind, (ngsi.decode(found, key, arrival),))
        if topic.endswith(iot_agent.TOPIC_END) or iot_agent.looks_like(found):
            return Told("iot_agent", (iot_agent.decode(found, topic, self._gateways),))
        return self._object(topic, members(found))

    def _object(self, topic: str, body: Mapping[str, Any]) -> Told:
        if {"state", "gateway"} <= body.keys():
            return self._state(body)
        if {"state_topic", "unique_id"} <= body.keys():
            return Told("discovery", (self._sensors.discovered(body),))
        if {"value", "quality", "flag"} <= body.keys() or {"kind", "clock"} <= body.keys():
            return Told("home_assistant", (self._sensors.decode(body, topic),))
        raise BadPack("of no format of an edge gateway")

    def _state(self, body: Mapping[str, Any]) -> Told:
        gateway = text(body["gateway"])
        self._gateways |= {gateway}
        details = {
            name: value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            for name, value in body.items()
            if name not in {"state", "gateway"}
        }
        return Told("state", state=GatewayState(gateway, text(body["state"]), details))


class Repeats:
    """Tells what came before: by the key of a pack, or by what and when a reading is of.

    Only SenML says its key in the message itself, and what was sent as `live` may come again as
    `backfill`. What has no time at all is never taken for a repetition, and no format for that of
    another. `limit`: so many keys are remembered of each format.
    """

    def __init__(self, limit: int = 200_000) -> None:
        self._seen: defaultdict[str, Seen] = defaultdict(lambda: Seen(limit))

    def fresh(self, pack: Pack, told: Told) -> Pack:
        """The pack without what came before."""
        seen = self._seen[told.format]
        if told.format in _KEYED:
            return pack if seen.first(pack.key) else replace(pack, readings=(), events=())
        return replace(
            pack,
            readings=tuple(one for one in pack.readings if _is_first(one, pack.boot_id, seen)),
            events=tuple(one for one in pack.events if _is_first(one, pack.boot_id, seen)),
        )


def _is_first(one: Received | ReceivedEvent, boot_id: str, seen: Seen) -> bool:
    if one.unix_s is None and one.since_boot_s is None:
        return True
    said = (one.name, one.value) if isinstance(one, Received) else (one.kind, one.subject)
    mark = repr((one.gateway, *said, one.unix_s, one.since_boot_s, boot_id))
    return seen.first(blake2b(mark.encode(), digest_size=12).hexdigest())


def _senml(body: bytes, received_unix_s: float | None) -> tuple[Pack, ...]:
    return decode_senml(body, received_unix_s=received_unix_s)


def _sparkplug(topic: str, payload: bytes) -> Told:
    levels = topic.split("/")
    kind = levels[2] if len(levels) > 3 else ""  # noqa: PLR2004 - namespace, group, kind, node
    if kind == "NDEATH":
        return Told("sparkplug_b", state=GatewayState(levels[3], "offline", {"reason": "lost"}))
    if kind not in {"NBIRTH", "NDATA"}:
        raise BadPack(f"a gateway sends no Sparkplug message {kind!r}")
    state = GatewayState(levels[3], "online") if kind == "NBIRTH" else None
    return Told("sparkplug_b", (sparkplug_b.decode(payload, topic),), state)


def _inflated(payload: bytes) -> bytes:
    if payload[:2] != _GZIP:
        return payload
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        found = inflater.decompress(payload, _LONGEST)
    except zlib.error as error:
        raise BadPack(f"the gzip stream is broken: {error}") from error
    if not inflater.eof:
        raise BadPack("the gzip stream is cut short or too long")
    return found
