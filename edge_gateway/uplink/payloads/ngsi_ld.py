"""NGSI-LD, normalized: each message is the body of a POST to entityOperations/upsert.

Upsert replaces an entity whole (ETSI GS CIM 009 section 5.6.8), so what is not there is left out:
NGSI-LD has no null. `qualityDetails` then says why.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Final

from edge_gateway.uplink.batch import Batch
from edge_gateway.uplink.payloads import Message, Pole, lane_of
from edge_gateway.uplink.payloads.ngsi import Entity, Fact, Kind, Measured, parts
from edge_gateway.uplink.payloads.ngsi_entities import entities
from edge_gateway.uplink.payloads.quality import words
from edge_gateway.uplink.payloads.stateless import Stateless

CONTENT_TYPE = "application/ld+json"

_MODELS = "https://raw.githubusercontent.com/smart-data-models/dataModel.{}/master/context.jsonld"
CONTEXTS: Final[Mapping[str, str]] = {
    "WeatherObserved": _MODELS.format("Weather"),
    "CrowdFlowObserved": _MODELS.format("Transportation"),
    "Device": _MODELS.format("Device"),
    "DeviceMeasurement": _MODELS.format("Device"),
}
CORE_CONTEXT: Final = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"


def messages(batch: Batch, pole: Pole) -> Iterator[Message]:
    """One message per `MOST_ENTITIES`, on the topic of the batch's lane."""
    topic = pole.topic(lane_of(batch.columns))
    for part in parts(entities(batch, pole)):
        body = json.dumps(
            [_rendered(entity) for entity in part], ensure_ascii=False, separators=(",", ":")
        )
        yield Message(topic, body.encode(), CONTENT_TYPE)


FORMAT = Stateless("ngsi_ld", messages, needs=("latitude", "longitude"))


def _rendered(entity: Entity) -> dict[str, object]:
    rendered: dict[str, object] = {"id": entity.id, "type": entity.type}
    for name, one in entity.attributes.items():
        attribute = _fact(one) if isinstance(one, Fact) else _measured(one)
        if attribute is not None:
            rendered[name] = attribute
    model = CONTEXTS.get(entity.type)
    rendered["@context"] = [model, CORE_CONTEXT] if model else [CORE_CONTEXT]
    return rendered


def _fact(one: Fact) -> dict[str, object] | None:
    match one.kind:
        case Kind.DATE:
            return {"type": "Property", "value": {"@type": "DateTime", "@value": one.value}}
        case Kind.PLACE:
            return {"type": "GeoProperty", "value": one.value}
        case Kind.REFERENCE:
            return {"type": "Relationship", "object": one.value}
        case Kind.STRUCTURE if not one.value:
            return None
        case _:
            return {"type": "Property", "value": one.value}


def _measured(one: Measured) -> dict[str, object] | None:
    if one.value is None:
        return None
    rendered: dict[str, object] = {
        "type": "Property",
        "value": one.value,
        "unitCode": one.unit_code,
        "observedAt": one.observed_at,
        "quality": {"type": "Property", "value": words(one.mark)},
    }
    if one.mark.calibration_id:
        rendered["calibration"] = {"type": "Property", "value": one.mark.calibration_id}
    return rendered
