"""All entities of a batch: observations in the order of their times, then devices and events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from edge_gateway.outbox import Columns, Series
from edge_gateway.reading import Event, Quantity
from edge_gateway.uplink.batch import Batch
from edge_gateway.uplink.payloads import Pole
from edge_gateway.uplink.payloads.ngsi import (
    Context,
    Entity,
    Fact,
    Kind,
    context_of,
    entity_of,
    is_live,
    with_quality,
)
from edge_gateway.uplink.payloads.ngsi_crowd import flows, is_crowd, is_mean_speed
from edge_gateway.uplink.payloads.ngsi_weather import Timed, is_weather, measured, observed
from edge_gateway.uplink.payloads.quality import worst
from edge_gateway.uplink.payloads.series import by_device, newest

# Device's own list of what a device can sense.
CONTROLLED: Final[Mapping[Quantity, str]] = {
    Quantity.AIR_TEMPERATURE: "temperature",
    Quantity.RELATIVE_HUMIDITY: "humidity",
    Quantity.WIND_SPEED: "windSpeed",
    Quantity.WIND_DIRECTION: "windDirection",
    Quantity.GLOBAL_IRRADIANCE: "solarRadiation",
    Quantity.BODY_TEMPERATURE: "temperature",
    Quantity.AIR_PRESSURE: "atmosphericPressure",
    Quantity.DEW_POINT: "humidity",
    Quantity.SURFACE_TEMPERATURE: "temperature",
    Quantity.ILLUMINANCE: "light",
    Quantity.PRECIPITATION_SINCE_RESET: "precipitation",
    Quantity.HAIL_HITS_SINCE_RESET: "precipitation",
    Quantity.PRECIPITATION_INTENSITY: "precipitation",
    Quantity.BATTERY_VOLTAGE: "power",
    Quantity.BATTERY_LEVEL: "power",
    Quantity.SUPPLY_VOLTAGE: "power",
    Quantity.PEOPLE: "occupancy",
    Quantity.OCCUPANCY: "occupancy",
    Quantity.DWELL_TIME: "occupancy",
    Quantity.STAYS: "occupancy",
    Quantity.WALKING_SPEED: "occupancy",
    Quantity.COVERAGE: "occupancy",
    Quantity.FRAME_RATE: "occupancy",
    # The list has nothing for any number, and a device must have something: most are counts.
    Quantity.NUMBER: "occupancy",
}

EVENT_TYPE: Final = "GatewayEvent"
"""No model fits what happens to a gateway: a type of ours, whose state is the last event."""


def entities(batch: Batch, pole: Pole) -> Iterator[Entity]:
    """Every model asks for a date: without one a batch gives its devices, and what was withheld."""
    context = context_of(batch, pole)
    if context is None:
        yield from _undated(batch, pole)
        return
    timed = [*_observations(batch.columns, context)]
    timed += [_event(event, context) for event in batch.columns.events]
    timed.sort(key=lambda one: one[0])
    yield from with_quality(entity for _, entity in timed)
    if is_live(batch):
        yield from _devices(context)


def _observations(columns: Columns, context: Context) -> Iterator[Timed]:
    with_people = {
        series.device for series in columns.series if series.measurand.quantity is Quantity.PEOPLE
    }
    crowd = [series for series in columns.series if is_crowd(series, with_people)]
    others = [series for series in columns.series if not is_crowd(series, with_people)]
    speeds = [one for one in others if is_mean_speed(one.measurand)]
    yield from flows([*crowd, *speeds], context)
    yield from observed([one for one in others if is_weather(one.measurand)], context)
    yield from measured([one for one in others if not is_weather(one.measurand)], context)


def _devices(context: Context) -> Iterator[Entity]:
    for device, group in by_device(context.batch.columns.series).items():
        entity = _device(device, group, context.batch, context.pole)
        entity.attributes["undatedReadings"] = Fact(Kind.NUMBER, 0)
        last = [value for value in map(newest, group) if value is not None]
        if last:
            latest = context.when(max(value.time_us for value in last))
            entity.attributes["dateLastValueReported"] = Fact(Kind.DATE, latest)
            state = worst(value.mark for value in last)
            entity.attributes["deviceState"] = Fact(Kind.TEXT, state)
        yield entity


def _undated(batch: Batch, pole: Pole) -> Iterator[Entity]:
    for device, group in by_device(batch.columns.series).items():
        entity = _device(device, group, batch, pole)
        count = sum(len(series.times_us) for series in group)
        entity.attributes["undatedReadings"] = Fact(Kind.NUMBER, count)
        yield entity
    for event in batch.columns.events:
        entity = entity_of(EVENT_TYPE, batch, pole)
        entity.attributes.update(_what_happened(event))
        since_boot_s = event.at.monotonic_ns // 1000 / 1e6
        entity.attributes["sinceBootSeconds"] = Fact(Kind.NUMBER, since_boot_s)
        yield entity


def _device(device: str, group: Iterable[Series], batch: Batch, pole: Pole) -> Entity:
    entity = entity_of("Device", batch, pole, device)
    quantities = [one.measurand.quantity for one in group]
    controlled = list(dict.fromkeys(CONTROLLED[one] for one in quantities if one in CONTROLLED))
    entity.attributes["category"] = Fact(Kind.STRUCTURE, ["sensor"])
    entity.attributes["controlledProperty"] = Fact(Kind.STRUCTURE, controlled)
    if pole.software_version:
        entity.attributes["softwareVersion"] = Fact(Kind.TEXT, pole.software_version)
    return entity


def _event(event: Event, context: Context) -> Timed:
    time_us = event.at.monotonic_ns // 1000
    entity = context.entity(EVENT_TYPE)
    entity.attributes["dateObserved"] = Fact(Kind.DATE, context.when(time_us))
    entity.attributes.update(_what_happened(event))
    return time_us, entity


def _what_happened(event: Event) -> dict[str, Fact]:
    return {
        "kind": Fact(Kind.TEXT, event.kind),
        "subject": Fact(Kind.TEXT, event.subject),
        "text": Fact(Kind.TEXT, event.text),
    }
