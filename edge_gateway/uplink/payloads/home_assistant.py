"""Home Assistant: MQTT discovery, and the newest value of each measurand as its state.

Home Assistant dates a state by its arrival and takes no history: backlog is not sent, and states
are not retained. Keys, device classes and units: its MQTT sensor and sensor integrations, 2026.2.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from edge_gateway.outbox import Series
from edge_gateway.reading import Event, Quantity, Statistic
from edge_gateway.uplink.batch import Arrival, Batch
from edge_gateway.uplink.payloads import Message, Pole
from edge_gateway.uplink.payloads.names import attribute
from edge_gateway.uplink.payloads.quality import word
from edge_gateway.uplink.payloads.series import Value, newest
from edge_gateway.uplink.payloads.times import date_offset_us, iso8601

CONTENT_TYPE = "application/json"

# A value that failed stays among the attributes; as a state it would be drawn like a good one.
VALUE_TEMPLATE: Final = (
    "{{ value_json.value if value_json.quality in ['good', 'not_evaluated', 'suspect'] else None }}"
)

_MOST_SHOWN: Final = 2


@dataclass(frozen=True, slots=True)
class _Class:
    device_class: str | None
    unit: str | None
    state_class: str = "measurement"


_TEMPERATURE: Final = _Class("temperature", "°C")
_VOLTAGE: Final = _Class("voltage", "V")
CLASSES: Final[Mapping[Quantity, _Class]] = {
    Quantity.AIR_TEMPERATURE: _TEMPERATURE,
    Quantity.RELATIVE_HUMIDITY: _Class("humidity", "%"),
    Quantity.WIND_SPEED: _Class("wind_speed", "m/s"),
    Quantity.WIND_DIRECTION: _Class("wind_direction", "°", "measurement_angle"),
    Quantity.GLOBAL_IRRADIANCE: _Class("irradiance", "W/m²"),
    Quantity.BODY_TEMPERATURE: _TEMPERATURE,
    Quantity.AIR_PRESSURE: _Class("atmospheric_pressure", "Pa"),
    Quantity.DEW_POINT: _TEMPERATURE,
    Quantity.SURFACE_TEMPERATURE: _TEMPERATURE,
    Quantity.ILLUMINANCE: _Class("illuminance", "lx"),
    Quantity.PRECIPITATION_SINCE_RESET: _Class("precipitation", "mm", "total_increasing"),
    Quantity.HAIL_HITS_SINCE_RESET: _Class(None, None, "total_increasing"),
    Quantity.PRECIPITATION_INTENSITY: _Class("precipitation_intensity", "mm/h"),
    Quantity.BATTERY_VOLTAGE: _VOLTAGE,
    Quantity.BATTERY_LEVEL: _Class("battery", "%"),
    Quantity.SUPPLY_VOLTAGE: _VOLTAGE,
    Quantity.PEOPLE: _Class(None, None),
    Quantity.OCCUPANCY: _Class(None, None),
    Quantity.DWELL_TIME: _Class("duration", "s"),
    Quantity.STAYS: _Class(None, None),
    Quantity.WALKING_SPEED: _Class("speed", "m/s"),
    Quantity.COVERAGE: _Class(None, None),
    Quantity.FRAME_RATE: _Class("frequency", "Hz"),
    Quantity.NUMBER: _Class(None, None),
}


class HomeAssistant:
    """Implements `Format`; remembers which sensors this connection has announced."""

    name = "home_assistant"
    needs: tuple[str, ...] = ()
    may_squeeze = False
    is_lossless = False

    def __init__(self) -> None:
        self._announced: set[str] = set()

    def will(self, pole: Pole) -> Message | None:  # noqa: ARG002  the contract's, not ours
        """None of its own: sensors are unavailable by the retained state of the gateway."""
        return None

    def begin(self) -> None:
        """Announce each sensor again when it next has a value: the broker may be another one."""
        self._announced.clear()

    def encode(self, batch: Batch, pole: Pole) -> Iterator[Message]:
        """The discovery of sensors not yet announced, then states; nothing of a backlog."""
        if batch.arrival is not Arrival.LIVE:
            return
        for series in batch.columns.series:
            value = newest(series)
            if value is not None:
                sensor = f"{series.device}_{attribute(series.measurand)}"
                yield from self._announce(sensor, _sensor(sensor, series, pole), pole)
                yield _message(_state_topic(sensor, pole), _state(series, value, batch))
        for event in batch.columns.events:
            yield from self._announce("event", _event_sensor(pole), pole)
            yield _message(_state_topic("event", pole), _event_state(event, batch))

    def _announce(
        self, sensor: str, discovery: Mapping[str, object], pole: Pole
    ) -> Iterator[Message]:
        if sensor not in self._announced:
            self._announced.add(sensor)
            topic = f"{pole.discovery_prefix}/sensor/{pole.gateway_id}/{sensor}/config"
            yield _message(topic, discovery, retain=True)


def _sensor(sensor: str, series: Series, pole: Pole) -> dict[str, object]:
    measurand = series.measurand
    kind = CLASSES.get(measurand.quantity, _Class(None, measurand.quantity.nature.unit))
    words = [str(measurand.quantity).replace("_", " "), measurand.channel.replace("/", " ")]
    if measurand.statistic is not Statistic.SAMPLE or measurand.window_s:
        words.append(f"{measurand.statistic} {measurand.window_s} s")
    discovery: dict[str, object] = {
        "name": " ".join(word for word in words if word),
        "value_template": VALUE_TEMPLATE,
        "state_class": kind.state_class,
        "suggested_display_precision": min(series.decimals, _MOST_SHOWN),
        "device": {
            "identifiers": [f"{pole.gateway_id}:{series.device}"],
            "name": f"{pole.name or pole.gateway_id} {series.device}",
        },
        **_everywhere(sensor, pole),
    }
    if kind.device_class is not None:
        discovery["device_class"] = kind.device_class
    if kind.unit is not None:
        discovery["unit_of_measurement"] = kind.unit
    return discovery


def _event_sensor(pole: Pole) -> dict[str, object]:
    return {
        "name": "last event",
        "value_template": "{{ value_json.kind }}",
        "entity_category": "diagnostic",
        "device": {"identifiers": [pole.gateway_id], "name": pole.name or pole.gateway_id},
        **_everywhere("event", pole),
    }


def _everywhere(sensor: str, pole: Pole) -> dict[str, object]:
    topic = _state_topic(sensor, pole)
    origin = {"name": "edge-gateway"}
    if pole.software_version:
        origin["sw_version"] = pole.software_version
    return {
        "unique_id": f"{pole.gateway_id}_{sensor}",
        "state_topic": topic,
        "json_attributes_topic": topic,
        "availability_topic": pole.topic("state"),
        "availability_template": "{{ value_json.state }}",
        "origin": origin,
    }


def _state(series: Series, value: Value, batch: Batch) -> dict[str, object]:
    mark = value.mark
    return {
        "value": value.number,
        "quality": word(mark),
        "flag": int(mark.flag),
        "reasons": list(mark.reasons),
        "calibration": mark.calibration_id,
        "time": _time(value.time_us, batch),
        "clock": batch.dates.dating,
        "unit": series.measurand.quantity.nature.unit,
    }


def _event_state(event: Event, batch: Batch) -> dict[str, object]:
    return {
        "kind": event.kind,
        "subject": event.subject,
        "text": event.text,
        "time": _time(event.at.monotonic_ns // 1000, batch),
        "clock": batch.dates.dating,
    }


def _time(time_us: int, batch: Batch) -> str | None:
    offset_us = date_offset_us(batch)
    return None if offset_us is None else iso8601(time_us + offset_us)


def _state_topic(sensor: str, pole: Pole) -> str:
    return pole.topic(f"home_assistant/{sensor}")


def _message(topic: str, body: Mapping[str, object], *, retain: bool = False) -> Message:
    payload = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    return Message(topic, payload, CONTENT_TYPE, retain)
