"""What is said to a context broker: entities of the Smart Data Models, before NGSI-v2 or NGSI-LD.

Models: WeatherObserved 0.3.4, CrowdFlowObserved 0.0.3, Device 0.0.9, DeviceMeasurement 0.1.0
(smart-data-models, dataModel.Weather, .Transportation, .Device). Units: UN/CEFACT rec. 20.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import islice
from typing import Final, TypeAlias

from edge_gateway.outbox import Mark
from edge_gateway.reading import Flag
from edge_gateway.uplink.batch import Arrival, Batch
from edge_gateway.uplink.payloads import Pole
from edge_gateway.uplink.payloads.names import identifier
from edge_gateway.uplink.payloads.quality import words, worst
from edge_gateway.uplink.payloads.times import date_offset_us, iso8601

MOST_ENTITIES: Final = 200
"""In one message: a platform posts it as one request, and Orion takes 1 MB."""

Json: TypeAlias = float | str | list[str] | list[float] | Mapping[str, "Json"]


class Kind(StrEnum):
    """What an attribute is that is no measurement."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    PLACE = "place"
    REFERENCE = "reference"
    STRUCTURE = "structure"
    YES_NO = "yes_no"


@dataclass(frozen=True, slots=True)
class Fact:
    """An attribute that was not measured."""

    kind: Kind
    value: Json


@dataclass(frozen=True, slots=True)
class Measured:
    """A measurement in the model's unit. `value` is None where the model can have none.

    `original` is the value as measured, in the model's unit, where it is not `value`.
    """

    value: Json | None
    unit_code: str
    observed_at: str
    mark: Mark
    original: float | None = None


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity and its attributes by name."""

    id: str
    type: str
    attributes: dict[str, Fact | Measured] = field(default_factory=dict[str, "Fact | Measured"])


@dataclass(frozen=True, slots=True)
class Context:
    """What all entities of a batch share."""

    batch: Batch
    pole: Pole
    offset_us: int

    def when(self, time_us: int) -> str:
        """A stamp's date."""
        return iso8601(time_us + self.offset_us)

    def entity(self, kind: str, *parts: str, device: str = "") -> Entity:
        """An entity of the pole, at its place, that refers to a device of it."""
        made = entity_of(kind, self.batch, self.pole, *parts)
        if device:
            made.attributes["refDevice"] = Fact(Kind.REFERENCE, device_id(self.pole, device))
        return made


def context_of(batch: Batch, pole: Pole) -> Context | None:
    """What the batch's entities share; None where it has no dates, for every model asks for one."""
    offset_us = date_offset_us(batch)
    return None if offset_us is None else Context(batch, pole, offset_us)


def entity_of(kind: str, batch: Batch, pole: Pole, *parts: str) -> Entity:
    """An entity of the pole with what all of them say: where, by what clock, whose."""
    assert pole.latitude is not None
    assert pole.longitude is not None
    made = Entity(_id(kind, pole, *parts), kind)
    coordinates = [pole.longitude, pole.latitude]  # GeoJSON: longitude first
    made.attributes["location"] = Fact(Kind.PLACE, {"type": "Point", "coordinates": coordinates})
    made.attributes["clock"] = Fact(Kind.TEXT, str(batch.dates.dating))
    if pole.operator:
        made.attributes["dataProvider"] = Fact(Kind.TEXT, pole.operator)
    return made


def device_id(pole: Pole, device: str) -> str:
    """The entity of a device of the pole."""
    return _id("Device", pole, device)


def with_quality(entities: Iterable[Entity]) -> Iterator[Entity]:
    """Add `quality`, the worst word of its measurements, and `qualityDetails` of those not good."""
    for entity in entities:
        measured = {
            name: one for name, one in entity.attributes.items() if isinstance(one, Measured)
        }
        if measured:
            entity.attributes["quality"] = Fact(
                Kind.TEXT, worst(one.mark for one in measured.values())
            )
            entity.attributes["qualityDetails"] = Fact(
                Kind.STRUCTURE,
                {
                    name: _detail(one)
                    for name, one in measured.items()
                    if one.mark.flag is not Flag.GOOD or one.original is not None
                },
            )
        yield entity


def _detail(one: Measured) -> Json:
    detail: dict[str, Json] = {"quality": words(one.mark)}
    if one.original is not None:
        detail["measured"] = one.original
    return detail


def parts(entities: Iterable[Entity]) -> Iterator[list[Entity]]:
    """The entities in messages of `MOST_ENTITIES` at most."""
    rest = iter(entities)
    while part := list(islice(rest, MOST_ENTITIES)):
        yield part


def is_live(batch: Batch) -> bool:
    """Whether the batch is news: only then does it say how a device is."""
    return batch.arrival is Arrival.LIVE


def _id(kind: str, pole: Pole, *parts: str) -> str:
    return f"urn:ngsi-ld:{kind}:{identifier(pole.gateway_id, *parts)}"
