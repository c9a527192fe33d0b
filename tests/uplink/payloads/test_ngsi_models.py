"""NGSI-v2 and NGSI-LD against the Smart Data Models, and what must be visible in both.

`schemas/` holds what we use of the published schemas. The list of attributes comes from the models'
own Python package, where it is installed.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.outbox import encode, unpack
from edge_gateway.reading import Entry, Flag, Measurand, Quantity, Reading, Stamp, Statistic
from edge_gateway.uplink.batch import Arrival, Batch, Dates, Dating
from edge_gateway.uplink.payloads import Message, Pole, ngsi_ld, ngsi_v2
from edge_gateway.uplink.payloads.ngsi_entities import CONTROLLED
from edge_gateway.uplink.payloads.ngsi_weather import UNIT_CODES

SCHEMAS = Path(__file__).parent / "schemas"
MODELS = {
    "WeatherObserved": "weather_observed",
    "CrowdFlowObserved": "crowd_flow_observed",
    "Device": "device",
    "DeviceMeasurement": "device_measurement",
}
# What we add to the models; docs/payloads.md says what each is.
OURS = {
    *("clock", "quality", "qualityDetails", "windowSeconds", "undatedReadings", "refDevice"),
    "coverage",
}

PUBLISHED = re.compile(rf'"property":"(\w+)","dataModel":"({"|".join(MODELS)})"')

Entity = dict[str, Any]
Say = Callable[[Batch, Pole], list[Entity]]


def of_v2(batch: Batch, pole: Pole) -> list[Entity]:
    return [one for message in ngsi_v2.messages(batch, pole) for one in update(message)["entities"]]


def update(message: Message) -> dict[str, Any]:
    return json.loads(message.payload)


def of_ld(batch: Batch, pole: Pole) -> list[Entity]:
    return [
        one
        for message in ngsi_ld.messages(batch, pole)
        for one in cast("list[Entity]", json.loads(message.payload))
    ]


def key_values(entity: Entity) -> Entity:
    """The simplified form that the models' schemas are of (NGSI-v2 `keyValues`, LD `concise`)."""
    found: Entity = {}
    for name, attribute in entity.items():
        if name == "@context":
            continue
        value = attribute
        if isinstance(attribute, dict):
            one = cast("dict[str, Any]", attribute)
            value = one.get("object", one.get("value"))
            if isinstance(value, dict) and "@value" in value:
                value = cast("dict[str, Any]", value)["@value"]
        if value is not None:
            found[name] = value
    return found


def of_type(entities: list[Entity], kind: str) -> list[Entity]:
    return [key_values(entity) for entity in entities if entity["type"] == kind]


def violations(entity: Entity) -> list[str]:
    kind = entity["type"]
    return [f"{kind}: {error.message}" for error in validator(kind).iter_errors(entity)]


@cache
def validator(kind: str) -> Any:
    jsonschema: Any = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    text = (SCHEMAS / f"{MODELS[kind]}.json").read_text(encoding="utf-8")
    return jsonschema.Draft202012Validator(json.loads(text))


both = pytest.mark.parametrize("say", [of_v2, of_ld], ids=["v2", "ld"])


@both
def test_every_entity_is_valid_by_its_model(
    say: Say, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    entities = [key_values(one) for batch in scenes.values() for one in say(batch, pole)]
    assert {one["type"] for one in entities} == {*MODELS, "GatewayEvent"}
    found = [word for one in entities if one["type"] in MODELS for word in violations(one)]
    assert found == []


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("relativeHumidity", 55.0),
        ("solarRadiation", -3.2),
        ("windDirection", 361.0),
        ("temperature", None),
        ("dateObserved", "yesterday"),
    ],
)
def test_the_schema_refuses_what_a_careless_mapping_would_say(
    name: str, wrong: object, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    entity = key_values(of_v2(scenes["samples"], pole)[0])
    assert violations(entity) == []
    assert len(violations({**entity, name: wrong})) == 1


@st.composite
def readings(draw: st.DrawFn) -> Entry:
    quantity = draw(st.sampled_from(Quantity))
    nature = quantity.nature
    value = draw(st.floats(nature.low - 50, nature.high * 1.5) | st.just(math.nan))
    flag = Flag.MISSING if math.isnan(value) else draw(st.sampled_from(list(Flag)[:4]))
    statistic = draw(st.sampled_from(Statistic))
    window_s = 0 if statistic is Statistic.SAMPLE else 60
    measurand = Measurand(
        quantity, draw(st.sampled_from(["", "gate/forward"])), statistic, window_s
    )
    at = Stamp("b", draw(st.integers(60, 63)) * 10**9)
    return Reading(draw(st.sampled_from(["a", "b"])), measurand, value, flag, at, ("why=",))


@both
@given(entries=st.lists(readings(), max_size=20))
def test_whatever_is_measured_the_entities_are_valid(say: Say, entries: list[Entry]) -> None:
    dates = Dates(Dating.SYNCED, 1_785_733_200_000_000)
    batch = Batch("pole-1", "1/1", "b", Arrival.LIVE, dates, unpack(encode(entries)))
    pole = Pole("pole-1", latitude=35.6812, longitude=139.7671)
    assert [word for one in say(batch, pole) for word in violations(key_values(one))] == []


def published() -> Mapping[str, set[str]]:
    """Attributes of the models by the list that their own package ships."""
    spec = importlib.util.find_spec("pysmartdatamodels")
    if spec is None or spec.origin is None:
        pytest.skip("the oracle pysmartdatamodels is not installed")
    path = Path(spec.origin).parent / "model-assets" / "smartdatamodels.json.gz"
    names: dict[str, set[str]] = {model: set() for model in MODELS}
    # The list is 100 MB of all models: found by pattern, since reading it as JSON takes seconds.
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for attribute, model in PUBLISHED.findall(file.read()):
            names[model].add(attribute)
    assert all(names.values())
    return names


def test_every_attribute_is_the_models_or_named_as_ours(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    known = published()
    entities = [one for batch in scenes.values() for one in of_ld(batch, pole)]
    unknown = {
        (one["type"], name)
        for one in entities
        if one["type"] in MODELS
        for name in one.keys() - known[one["type"]] - OURS - {"@context"}
    }
    assert unknown == set()


@both
def test_humidity_is_a_share_and_pressure_is_in_hectopascals(
    say: Say, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    first = of_type(say(scenes["samples"], pole), "WeatherObserved")[0]
    assert first["relativeHumidity"] == 0.55
    assert first["atmosphericPressure"] == 1006.5


@both
def test_a_night_offset_of_the_pyranometer_is_no_sunlight_and_is_still_said(
    say: Say, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    first = of_type(say(scenes["samples"], pole), "WeatherObserved")[0]
    assert first["solarRadiation"] == 0.0
    assert first["qualityDetails"]["solarRadiation"] == {"quality": "good", "measured": -3.2}


@both
def test_a_suspect_value_is_said_with_its_reason(
    say: Say, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    first = of_type(say(scenes["samples"], pole), "WeatherObserved")[0]
    assert first["windSpeed"] == 14.2
    assert first["quality"] == "suspect"
    assert first["qualityDetails"]["windSpeed"] == {"quality": "suspect:step"}


@both
def test_a_failed_value_is_not_where_a_reader_takes_it_for_good(
    say: Say, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    second = of_type(say(scenes["samples"], pole), "WeatherObserved")[1]
    assert "relativeHumidity" not in second
    assert second["quality"] == "fail"
    assert second["qualityDetails"]["relativeHumidity"] == {
        "quality": "fail:range",
        "measured": 1.3,
    }


def test_in_v2_a_missing_value_is_null_so_that_the_old_one_goes(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    temperature = of_v2(scenes["samples"], pole)[1]["temperature"]
    assert temperature["value"] is None
    assert temperature["metadata"]["quality"]["value"] == "missing:no_answer"


def test_in_ld_a_missing_value_is_left_out_and_its_reason_said(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    second = of_ld(scenes["samples"], pole)[1]
    assert "temperature" not in second
    details = second["qualityDetails"]["value"]
    assert details["temperature"] == {"quality": "missing:no_answer"}


def test_in_ld_no_value_is_null(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    def nulls(value: object) -> Iterator[object]:
        if value is None:
            yield value
        elif isinstance(value, dict):
            for member in cast("dict[str, object]", value).values():
                yield from nulls(member)

    assert [one for batch in scenes.values() for e in of_ld(batch, pole) for one in nulls(e)] == []


def test_in_ld_a_value_carries_unit_time_quality_and_calibration(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    assert of_ld(scenes["samples"], pole)[0]["temperature"] == {
        "type": "Property",
        "value": 33.4,
        "unitCode": "CEL",
        "observedAt": "2026-08-03T05:01:00.000Z",
        "quality": {"type": "Property", "value": "good"},
        "calibration": {"type": "Property", "value": "cal-7"},
    }


def test_in_v2_quality_and_calibration_are_always_said_because_metadata_stay(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    humidity = of_v2(scenes["samples"], pole)[0]["relativeHumidity"]["metadata"]
    assert humidity["quality"]["value"] == "good"
    assert humidity["calibration"]["value"] == ""


@both
def test_means_and_samples_are_different_entities(
    say: Say, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    (minute,) = of_type(say(scenes["minutes"], pole), "WeatherObserved")
    assert minute["id"] == "urn:ngsi-ld:WeatherObserved:pole-1:wxt:60s"
    assert minute["windowSeconds"] == 60
    assert (minute["windSpeed"], minute["gustSpeed"]) == (2.31, 5.12)
    assert minute["airTemperatureTSA"] == {
        "averageValue": 33.21,
        "minOverTime": 33.0,
        "maxOverTime": 33.4,
    }


@both
def test_what_the_model_has_no_term_for_is_a_device_measurement(
    say: Say, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    (voltage,) = of_type(say(scenes["samples"], pole), "DeviceMeasurement")
    assert (voltage["numValue"], voltage["unit"], voltage["controlledProperty"]) == (
        12.1,
        "VLT",
        "supply_voltage",
    )


@both
def test_people_are_counted_by_line_and_window_with_both_ways_and_their_sum(
    say: Say, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    gate = of_type(say(scenes["counts"], pole), "CrowdFlowObserved")[0]
    assert gate["id"] == "urn:ngsi-ld:CrowdFlowObserved:pole-1:camera:gate:900s"
    assert (gate["peopleCountTowards"], gate["peopleCountAway"], gate["peopleCount"]) == (80, 0, 80)
    assert gate["dateObserved"] == "2026-08-03T05:15:00.000Z/2026-08-03T05:30:00.000Z"
    assert gate["dateObservedFrom"] == "2026-08-03T05:15:00.000Z"
    assert gate["dateObservedTo"] == "2026-08-03T05:30:00.000Z"
    assert gate["coverage"] == 0.98


@both
def test_a_suppressed_count_is_neither_said_nor_to_be_had_from_the_sum(
    say: Say, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    park = of_type(say(scenes["counts"], pole), "CrowdFlowObserved")[1]
    assert park["peopleCountAway"] == 14
    assert not {"peopleCountTowards", "peopleCount"} & park.keys()
    assert park["qualityDetails"]["peopleCountTowards"] == {"quality": "suppressed"}
    assert park["qualityDetails"]["peopleCount"] == {"quality": "suppressed"}


@both
def test_a_missing_count_is_missing_and_not_suppressed(
    say: Say, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    stairs = of_type(say(scenes["counts"], pole), "CrowdFlowObserved")[2]
    assert stairs["qualityDetails"]["peopleCountAway"] == {"quality": "missing:camera_blind"}
    assert stairs["qualityDetails"]["peopleCount"] == {"quality": "missing"}


@both
@pytest.mark.parametrize(("scene", "clock"), [("no clock", "unset"), ("earlier boot", "unknown")])
def test_without_a_date_readings_are_withheld_and_counted(
    say: Say, scene: str, clock: str, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    entities = [key_values(one) for one in say(scenes[scene], pole)]
    device = entities[0]
    assert (device["type"], device["undatedReadings"], device["clock"]) == ("Device", 2, clock)
    assert not {"dateObserved", "dateLastValueReported"} & {
        name for one in entities for name in one
    }


@both
def test_a_backlog_does_not_turn_back_what_is_known_of_a_device(
    say: Say, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    assert of_type(say(scenes["backlog"], pole), "Device") == []


@both
def test_a_device_says_its_worst_newest_quality(
    say: Say, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    (device,) = of_type(say(scenes["samples"], pole), "Device")
    assert device["deviceState"] == "fail"
    assert device["dateLastValueReported"] == "2026-08-03T05:01:01.250Z"


def test_in_v2_no_text_holds_what_orion_forbids(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    def texts(value: object) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            for member in cast("dict[str, object]", value).values():
                yield from texts(member)

    found = [text for batch in scenes.values() for e in of_v2(batch, pole) for text in texts(e)]
    assert [text for text in found if set(text) & set("<>\"'=;()")] == []


def test_in_ld_every_entity_brings_its_context(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    entities = [one for batch in scenes.values() for one in of_ld(batch, pole)]
    assert {one["@context"][-1] for one in entities} == {
        "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld"
    }
    weather = next(one for one in entities if one["type"] == "WeatherObserved")
    assert weather["@context"][0].endswith("dataModel.Weather/master/context.jsonld")


def test_a_long_backlog_is_several_updates(
    pole: Pole, batch_of: Callable[..., Batch], read: Callable[..., Reading]
) -> None:
    batch = batch_of(
        [read(Quantity.WIND_SPEED, 1.0, second) for second in range(450)],
        arrival=Arrival.BACKFILL,
    )
    sizes = [len(update(message)["entities"]) for message in ngsi_v2.messages(batch, pole)]
    assert sizes == [200, 200, 50]
    assert update(next(iter(ngsi_v2.messages(batch, pole))))["actionType"] == "append"


@pytest.mark.parametrize("quantity", Quantity)
def test_every_quantity_has_a_unit_code_and_a_controlled_property(quantity: Quantity) -> None:
    assert quantity in CONTROLLED
    assert quantity.nature.unit in UNIT_CODES
