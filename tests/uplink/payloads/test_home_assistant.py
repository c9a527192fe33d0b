"""Discovery as Home Assistant takes it, and states that claim no more than is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from edge_gateway.reading import Quantity, Reading, Statistic
from edge_gateway.uplink.batch import Batch
from edge_gateway.uplink.payloads import Message, Pole
from edge_gateway.uplink.payloads.home_assistant import CLASSES, VALUE_TEMPLATE, HomeAssistant

# Units that Home Assistant allows a device class: components/sensor/const.py, 2026.2.
UNITS = {
    "temperature": {"°C", "°F", "K"},
    "humidity": {"%"},
    "battery": {"%"},
    "wind_speed": {"m/s", "km/h", "mph", "kn", "ft/s", "Beaufort", "in/s", "mm/s", "m/min"},
    "wind_direction": {"°"},
    "irradiance": {"W/m²", "BTU/(h⋅ft²)"},
    "atmospheric_pressure": {"Pa", "hPa", "kPa", "mbar", "bar", "psi", "inHg", "mmHg"},
    "illuminance": {"lx"},
    "voltage": {"V", "mV", "μV", "kV", "MV"},
    "frequency": {"Hz", "kHz", "MHz", "GHz"},
    "precipitation": {"mm", "cm", "in"},
    "precipitation_intensity": {"mm/h", "mm/d", "in/h", "in/d"},
    "duration": {"d", "h", "min", "s", "ms", "μs"},
    "speed": {"ft/s", "in/s", "km/h", "kn", "m/min", "m/s", "mph", "mm/s"},
}


def said(form: HomeAssistant, batch: Batch, pole: Pole) -> list[tuple[Message, dict[str, Any]]]:
    return [(message, json.loads(message.payload)) for message in form.encode(batch, pole)]


def discoveries(batch: Batch, pole: Pole) -> dict[str, dict[str, Any]]:
    found = said(HomeAssistant(), batch, pole)
    return {message.topic: body for message, body in found if message.retain}


def states(batch: Batch, pole: Pole) -> dict[str, dict[str, Any]]:
    found = said(HomeAssistant(), batch, pole)
    return {message.topic.rpartition("/")[2]: body for message, body in found if not message.retain}


def test_a_sensor_is_announced_once_and_retained(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    form = HomeAssistant()
    topic = "homeassistant/sensor/pole-1/wxt_air_temperature/config"
    first = [message for message, _ in said(form, scenes["samples"], pole)]
    again = [message.topic for message, _ in said(form, scenes["samples"], pole)]
    assert [message.retain for message in first if message.topic == topic] == [True]
    assert topic not in again


def test_a_new_connection_announces_again(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    form = HomeAssistant()
    first = said(form, scenes["samples"], pole)
    form.begin()
    assert said(form, scenes["samples"], pole) == first


def test_a_discovery_is_valid_by_home_assistants_own_fields(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    models: Any = pytest.importorskip(
        "ha_mqtt_models_pydantic.components.sensor",
        reason="the oracle ha-mqtt-models-pydantic is not installed",
    )
    found = [body for batch in scenes.values() for body in discoveries(batch, pole).values()]
    known = set(models.Sensor.model_fields)
    assert found
    for body in found:
        assert set(body) <= known
        assert models.Sensor.model_validate(body).state_topic == body["state_topic"]


def test_a_sensor_is_unavailable_when_the_gateway_is_offline(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    body = discoveries(scenes["samples"], pole)["homeassistant/sensor/pole-1/wxt_wind_speed/config"]
    assert body["availability_topic"] == "edge/pole-1/state"
    assert body["availability_template"] == "{{ value_json.state }}"


@pytest.mark.parametrize("quantity", Quantity)
def test_a_device_class_has_a_unit_that_it_allows(quantity: Quantity) -> None:
    kind = CLASSES[quantity]
    assert kind.device_class is None or kind.unit in UNITS[kind.device_class]
    assert (kind.device_class == "wind_direction") == (kind.state_class == "measurement_angle")


def test_a_state_says_value_quality_and_time(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    assert states(scenes["samples"], pole)["wxt_wind_speed"] == {
        "value": 14.2,
        "quality": "suspect",
        "flag": 3,
        "reasons": ["step"],
        "calibration": "",
        "time": "2026-08-03T05:01:00.000Z",
        "clock": "synced",
        "unit": "m/s",
    }


def test_only_the_newest_value_is_a_state(
    pole: Pole, batch_of: Callable[..., Batch], read: Callable[..., Reading]
) -> None:
    batch = batch_of([read(Quantity.WIND_SPEED, second, second) for second in (1, 3, 2)])
    assert states(batch, pole)["wxt_wind_speed"]["value"] == 3


@pytest.mark.parametrize(
    ("quality", "shown"),
    [
        ("good", "14.2"),
        ("not_evaluated", "14.2"),
        ("suspect", "14.2"),
        ("fail", "None"),
        ("missing", "None"),
        ("suppressed", "None"),
    ],
)
def test_the_template_shows_only_what_may_be_used(quality: str, shown: str) -> None:
    """`None` is what Home Assistant takes for an unknown state."""
    jinja2: Any = pytest.importorskip("jinja2", reason="jinja2 renders Home Assistant's templates")
    template = jinja2.Template(VALUE_TEMPLATE)
    assert template.render(value_json={"value": 14.2, "quality": quality}) == shown


def test_zero_suppressed_and_missing_are_three_states(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    found = states(scenes["counts"], pole)

    def people(way: str) -> tuple[float | None, str]:
        body = found[f"camera_people_{way}_count_900s"]
        return body["value"], body["quality"]

    assert people("gate_backward") == (0, "good")
    assert people("park_forward") == (None, "suppressed")
    assert people("stairs_backward") == (None, "missing")


def test_without_a_clock_a_state_has_no_time(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    state = states(scenes["no clock"], pole)["wxt_air_temperature"]
    assert (state["value"], state["time"], state["clock"]) == (33.4, None, "unset")


@pytest.mark.parametrize("scene", ["backlog", "earlier boot"])
def test_what_is_not_news_is_not_said(scene: str, pole: Pole, scenes: Mapping[str, Batch]) -> None:
    assert said(HomeAssistant(), scenes[scene], pole) == []


def test_a_window_is_a_sensor_of_its_own(
    pole: Pole, batch_of: Callable[..., Batch], read: Callable[..., Reading]
) -> None:
    mean = read(Quantity.WIND_SPEED, 1.0, 60, statistic=Statistic.MEAN, window_s=60)
    found = discoveries(batch_of([mean, read(Quantity.WIND_SPEED, 1.0, 60)]), pole)
    assert {body["name"] for body in found.values()} == {"wind speed mean 60 s", "wind speed"}


def test_an_event_is_a_diagnostic_sensor(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    (discovery,) = discoveries(scenes["events"], pole).values()
    assert discovery["entity_category"] == "diagnostic"
    assert states(scenes["events"], pole)["event"]["kind"] == "device_down"
