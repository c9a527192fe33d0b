"""NGSI-v2 and NGSI-LD entities back to readings in our units. Standard library only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias, cast
from urllib.parse import unquote

from edge_gateway.uplink.consumer import Pack, Received, ReceivedEvent
from edge_gateway.uplink.decoders.measurands import (
    Envelope,
    Measured,
    Quality,
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


class _Term(NamedTuple):
    """Ours for a model's word; the model's number times `factor` is in our unit."""

    quantity: str
    factor: float = 1.0
    statistic: str = ""


TERMS: Final[Mapping[str, _Term]] = {
    "temperature": _Term("air_temperature"),
    "relativeHumidity": _Term("relative_humidity", 100.0),
    "atmosphericPressure": _Term("air_pressure", 100.0),
    "windSpeed": _Term("wind_speed"),
    "gustSpeed": _Term("wind_speed", statistic="gust"),
    "windDirection": _Term("wind_direction"),
    "solarRadiation": _Term("global_irradiance"),
    "dewPoint": _Term("dew_point"),
    "illuminance": _Term("illuminance"),
}
_WAYS: Final[Mapping[str, str]] = {
    "peopleCountTowards": "forward",
    "peopleCountAway": "backward",
}
_EXTREMES: Final[Mapping[str, str]] = {
    "minOverTime": "min",
    "maxOverTime": "max",
    "averageValue": "mean",
}
_OVER_TIME: Final = "airTemperatureTSA"
_EVENT: Final = ("kind", "subject", "text")
_DECIMALS: Final = 6

# What an id cannot hold is written -uHEX-.
_ESCAPED: Final = re.compile(r"-u([0-9a-f]{1,5})-")

_Said: TypeAlias = Received | ReceivedEvent


@dataclass(frozen=True, slots=True)
class _Attribute:
    """One attribute, whichever of the two said it; `original` where the model has no place."""

    value: object
    words: str
    calibration_id: str
    original: float | None

    @property
    def known(self) -> Quality:
        return quality(self.words, self.calibration_id)

    @property
    def measured(self) -> float | None:
        """As it was measured, in the model's unit."""
        return number(self.value) if self.original is None else self.original


@dataclass(frozen=True, slots=True)
class _Entity:
    """`parts` of its id behind the device's; attributes by name."""

    type: str
    gateway: str
    device: str
    parts: tuple[str, ...]
    attributes: Mapping[str, _Attribute]
    envelope: Envelope

    def fact(self, name: str) -> object:
        found = self.attributes.get(name)
        return None if found is None else found.value

    @property
    def window_s(self) -> int:
        last = self.parts[-1] if self.parts else ""
        return int(last[:-1]) if last[-1:] == "s" and last[:-1].isdigit() else 0

    @property
    def channel(self) -> str:
        return "/".join(self.parts[:-1] if self.window_s else self.parts)

    @property
    def when(self) -> When:
        return When(
            date(self.fact("dateObservedTo")) or date(self.fact("dateObserved")),
            number(self.fact("sinceBootSeconds")),
        )


def looks_like(body: object) -> str:
    """`ngsi_v2`, `ngsi_ld`, or nothing."""
    if "actionType" in members(body):
        return "ngsi_v2"
    first = next(objects(body), None) or members(body)
    return "ngsi_ld" if text(first.get("id")).startswith("urn:ngsi-ld:") else ""


def decode(body: object, key: str, arrival: str) -> Pack:
    """One message. `key` and `arrival` are not in it: MQTT 5 properties have them."""
    update = members(body)
    raw = objects(update.get("entities") if "actionType" in update else body)
    entities = [_entity(one, key, arrival) for one in raw]
    said = [one for entity in entities for one in _said(entity)]
    first = entities[0].envelope if entities else Envelope()
    return Pack(
        first.gateway,
        key,
        arrival,
        first.clock,
        "",
        tuple(one for one in said if isinstance(one, Received)),
        tuple(one for one in said if isinstance(one, ReceivedEvent)),
    )


def _said(entity: _Entity) -> Iterator[_Said]:
    match entity.type:
        case "WeatherObserved":
            yield from _weather(entity)
        case "CrowdFlowObserved":
            yield from _crowd(entity)
        case "DeviceMeasurement":
            yield from _measurement(entity)
        case "GatewayEvent":
            kind, subject, words = (unquote(text(entity.fact(name))) for name in _EVENT)
            yield event(kind, subject, words, entity.when, entity.envelope)
        case "Device":
            undated = number(entity.fact("undatedReadings"))
            if undated:
                yield withheld("/".join(entity.parts), undated, entity.envelope)
        case _:
            return


def _weather(entity: _Entity) -> Iterator[Received]:
    window_s = entity.window_s
    usual = "mean" if window_s else "sample"
    for name, term in TERMS.items():
        one = entity.attributes.get(name)
        if one is not None:
            statistic = term.statistic or usual
            what = Measured(term.quantity, entity.channel, statistic, window_s)
            yield _reading(entity, what, one.measured, one.known, term.factor)
    over_time = entity.attributes.get(_OVER_TIME)
    for name, value in members(over_time.value).items() if over_time else ():
        # The mean is in `temperature` too, with a quality of its own.
        statistic = _EXTREMES.get(name, "")
        if over_time and statistic and not (statistic == "mean" and _has_mean(entity)):
            what = Measured("air_temperature", entity.channel, statistic, window_s)
            yield _reading(entity, what, number(value), over_time.known)


def _has_mean(entity: _Entity) -> bool:
    return "temperature" in entity.attributes


def _crowd(entity: _Entity) -> Iterator[Received]:
    window_s, line = entity.window_s, entity.channel
    statistic = "count" if window_s else "sample"
    ways = [name for name in _WAYS if name in entity.attributes]
    for name in ways or ["peopleCount"]:
        one = entity.attributes.get(name)
        if one is not None:
            channel = f"{line}/{_WAYS[name]}" if name in _WAYS else line
            what = Measured("people", channel, statistic, window_s)
            yield _reading(entity, what, one.measured, one.known)
    coverage = entity.attributes.get("coverage")
    if coverage is not None:
        what = Measured("coverage", "", "mean" if window_s else "sample", window_s)
        yield _reading(entity, what, coverage.measured, coverage.known)


def _measurement(entity: _Entity) -> Iterator[Received]:
    what = attribute(text(entity.fact("measurementType")))
    one = entity.attributes.get("numValue")
    if what is not None and one is not None:
        yield _reading(entity, what, one.measured, one.known)


def _reading(
    entity: _Entity, what: Measured, value: float | None, known: Quality, factor: float = 1.0
) -> Received:
    ours = value if value is None or factor == 1.0 else round(value * factor, _DECIMALS)
    return received(entity.device, what, ours, known, when=entity.when, envelope=entity.envelope)


def _entity(raw: Mapping[str, Any], key: str, arrival: str) -> _Entity:
    details = members(_plain(raw.get("qualityDetails")))
    names = dict.fromkeys([*raw, *details])
    attributes = {
        name: _attribute(raw.get(name), members(details.get(name)))
        for name in names
        if name not in {"id", "type", "@context"}
    }
    ids = _parts(text(raw.get("id")))
    device = _parts(text(_plain(raw.get("refDevice"))))[1:]
    gateway = ids[0] if ids else ""
    clock = text(_plain(raw.get("clock")))
    return _Entity(
        text(raw.get("type")),
        gateway,
        "/".join(device),
        ids[1 + len(device) :],
        attributes,
        Envelope(gateway, key, arrival, clock),
    )


def _attribute(raw: object, detail: Mapping[str, Any]) -> _Attribute:
    one = members(raw)
    beside = members(one.get("metadata")) or one
    words = text(_plain(beside.get("quality"))) or text(detail.get("quality")) or "good"
    calibration_id = unquote(text(_plain(beside.get("calibration"))))
    return _Attribute(_plain(raw), words, calibration_id, number(detail.get("measured")))


def _plain(raw: object) -> object:
    """The value of an attribute of either kind, a relationship's and a date's too."""
    one = members(raw)
    value = one.get("value", one.get("object"))
    typed = members(cast("object", value))
    return typed.get("@value", cast("object", value))


def _parts(identifier: str) -> tuple[str, ...]:
    """Of urn:ngsi-ld:TYPE:GATEWAY:... what stands behind the type."""
    return tuple(
        _ESCAPED.sub(lambda sign: chr(int(sign[1], 16)), part) for part in identifier.split(":")[3:]
    )
