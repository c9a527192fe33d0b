"""Home Assistant: states and discoveries back to readings. Standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from edge_gateway.uplink.consumer import Pack
from edge_gateway.uplink.decoders.measurands import (
    MISSING,
    Envelope,
    Measured,
    Quality,
    When,
    attribute,
    date,
    device_and_attribute,
    event,
    members,
    number,
    received,
    text,
)
from edge_gateway.uplink.rfc8428 import BadPack


class Sensors:
    """Remembers what discoveries have said: DEVICE_ATTRIBUTE alone could be parted wrongly."""

    def __init__(self) -> None:
        self._devices: dict[str, str] = {}

    def discovered(self, body: Mapping[str, Any]) -> Pack:
        """Take in a discovery, which has no readings."""
        identifiers = members(body.get("device")).get("identifiers")
        first = next(iter(_texts(identifiers)), "")
        gateway, _, device = first.partition(":")
        if device:
            self._devices[text(body.get("state_topic"))] = device
        return Pack(gateway, "", "", "", "", (), ())

    def decode(self, body: Mapping[str, Any], topic: str) -> Pack:
        """The state of a sensor at PREFIX/GATEWAY/home_assistant/SENSOR. Raises BadPack."""
        head, _, sensor = topic.rpartition("/")
        gateway = head.removesuffix("/home_assistant").rpartition("/")[2]
        envelope = Envelope(gateway, "", "live", text(body.get("clock")))
        when = When(date(body.get("time")))
        if "kind" in body:
            kind, subject, words = (text(body.get(name)) for name in ("kind", "subject", "text"))
            events = (event(kind, subject, words, when, envelope),)
            return Pack(gateway, "", "live", envelope.clock, "", (), events)
        device, what = self._parted(topic, sensor)
        known = Quality(
            int(number(body.get("flag")) or MISSING),
            _texts(body.get("reasons")),
            text(body.get("calibration")),
        )
        value = number(body.get("value"))
        unit = text(body.get("unit"))
        reading = received(device, what, value, known, when=when, envelope=envelope, unit=unit)
        return Pack(gateway, "", "live", envelope.clock, "", (reading,), ())

    def _parted(self, topic: str, sensor: str) -> tuple[str, Measured]:
        device = self._devices.get(topic)
        if device is not None:
            what = attribute(sensor.removeprefix(f"{device}_"))
            if what is not None:
                return device, what
        parted = device_and_attribute(sensor)
        if parted is None:
            raise BadPack(f"{sensor!r} is no sensor of an edge gateway")
        return parted


def _texts(value: object) -> tuple[str, ...]:
    return tuple(map(text, cast("list[object]", value))) if isinstance(value, list) else ()
