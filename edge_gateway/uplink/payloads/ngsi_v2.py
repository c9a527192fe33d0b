"""FIWARE NGSI-v2, normalized: each message is the body of a POST to /v2/op/update.

Orion keeps attributes and metadata until they are written again, so what could go stale is always
said: null for a value that is not there, `quality` and `calibration` with every value.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from edge_gateway.uplink.batch import Batch
from edge_gateway.uplink.payloads import Message, Pole, lane_of
from edge_gateway.uplink.payloads.names import without_forbidden
from edge_gateway.uplink.payloads.ngsi import Entity, Fact, Kind, Measured, parts
from edge_gateway.uplink.payloads.ngsi_entities import entities
from edge_gateway.uplink.payloads.quality import words
from edge_gateway.uplink.payloads.stateless import Stateless

CONTENT_TYPE = "application/json"

_TYPES: Final[Mapping[Kind, str]] = {
    Kind.TEXT: "Text",
    Kind.NUMBER: "Number",
    Kind.DATE: "DateTime",
    Kind.PLACE: "geo:json",
    Kind.REFERENCE: "Relationship",
    Kind.STRUCTURE: "StructuredValue",
    Kind.YES_NO: "Boolean",
}


def messages(batch: Batch, pole: Pole) -> Iterator[Message]:
    """One message per `MOST_ENTITIES`, on the topic of the batch's lane."""
    topic = pole.topic(lane_of(batch.columns))
    for part in parts(entities(batch, pole)):
        update = {"actionType": "append", "entities": [_rendered(entity) for entity in part]}
        body = json.dumps(update, ensure_ascii=False, separators=(",", ":"))
        yield Message(topic, body.encode(), CONTENT_TYPE)


FORMAT = Stateless("ngsi_v2", messages, needs=("latitude", "longitude"))


def _rendered(entity: Entity) -> dict[str, object]:
    return {
        "id": entity.id,
        "type": entity.type,
        **{name: _attribute(one) for name, one in entity.attributes.items()},
    }


def _attribute(one: Fact | Measured) -> dict[str, object]:
    if isinstance(one, Fact):
        return {"type": _TYPES[one.kind], "value": _allowed(one.value)}
    return {
        "type": "StructuredValue" if isinstance(one.value, dict) else "Number",
        "value": one.value,
        "metadata": {
            "unitCode": {"type": "Text", "value": one.unit_code},
            "TimeInstant": {"type": "DateTime", "value": one.observed_at},
            "quality": {"type": "Text", "value": without_forbidden(words(one.mark))},
            "calibration": {"type": "Text", "value": without_forbidden(one.mark.calibration_id)},
        },
    }


def _allowed(value: object) -> object:
    """The value with every text in it as Orion takes it."""
    if isinstance(value, str):
        return without_forbidden(value)
    if isinstance(value, dict):
        members = cast("dict[str, Any]", value)
        return {name: _allowed(member) for name, member in members.items()}
    return value
