"""FIWARE IoT Agent JSON: multimeasures back to readings. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from urllib.parse import unquote

from edge_gateway.uplink.consumer import Pack, Received, ReceivedEvent
from edge_gateway.uplink.decoders.measurands import (
    Envelope,
    When,
    attribute,
    date,
    event,
    members,
    number,
    objects,
    quality,
    received,
    text,
    withheld,
)
from edge_gateway.uplink.rfc8428 import BadPack

TOPIC_END: Final = "/attrs"


def decode(body: object, topic: str, gateways: frozenset[str]) -> Pack:
    """One message. `gateways`: those known, for a topic says GATEWAY_DEVICE. Raises BadPack."""
    measures = _measures(body)
    if not measures:
        raise BadPack("an IoT Agent message holds measures, and this one has none")
    gateway, device = _parted(topic, gateways)
    first = measures[0]
    batch = text(first.get("batch"))
    key = f"{gateway}/{batch}" if batch else ""
    envelope = Envelope(gateway, key, text(first.get("arrival")), text(first.get("clock")))
    calibrations: dict[str, str] = {}
    readings: list[Received] = []
    events: list[ReceivedEvent] = []
    for measure in measures:
        when = When(date(measure.get("TimeInstant")), number(measure.get("event_since_boot_s")))
        if "event" in measure:
            kind, subject, words = (
                unquote(text(measure.get(name)))
                for name in ("event", "event_subject", "event_text")
            )
            events.append(event(kind, subject, words, when, envelope))
        else:
            readings.extend(_readings(measure, device, when, envelope, calibrations))
    undated = number(first.get("undated"))
    if undated and not events:
        events.append(withheld(device, undated, envelope))
    return Pack(gateway, key, envelope.arrival, envelope.clock, "", tuple(readings), tuple(events))


def looks_like(body: object) -> bool:
    """Whether a JSON body is a message of this format."""
    measure = members(next(iter(_measures(body)), None))
    return any(name in measure for name in ("TimeInstant", "undated", "event_since_boot_s"))


def _readings(
    measure: Mapping[str, Any],
    device: str,
    when: When,
    envelope: Envelope,
    calibrations: dict[str, str],
) -> Iterator[Received]:
    """`calibrations` by attribute: said once, it holds for what follows in the message."""
    for name, value in measure.items():
        words = measure.get(f"{name}_qc")
        what = attribute(name) if isinstance(words, str) else None
        if what is None or not isinstance(words, str):
            continue
        said = measure.get(f"{name}_cal")
        if isinstance(said, str):
            calibrations[name] = unquote(said)
        known = quality(words, calibrations.get(name, ""))
        yield received(device, what, number(value), known, when=when, envelope=envelope)


def _parted(topic: str, gateways: frozenset[str]) -> tuple[str, str]:
    """Gateway and device of /json/APIKEY/GATEWAY_DEVICE/attrs; events are of the gateway alone."""
    name = topic.removesuffix(TOPIC_END).rpartition("/")[2]
    fitting = [one for one in gateways if name == one or name.startswith(f"{one}_")]
    if fitting:
        gateway = max(fitting, key=len)
        return gateway, name[len(gateway) + 1 :]
    gateway, _, device = name.partition("_")
    return gateway, device


def _measures(body: object) -> list[Mapping[str, Any]]:
    """An array of measures, or one alone."""
    one = members(body)
    return [one] if one else list(objects(body))
