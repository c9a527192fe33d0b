"""Every format back to the same readings: golden messages in, numbers of the scene out."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.reading import NATURES
from edge_gateway.uplink.consumer import Received
from edge_gateway.uplink.decoders import BadPack, Decoder, Repeats, Told, cbor
from edge_gateway.uplink.decoders.measurands import UNITS, Measured, attribute, device_and_attribute

GOLDEN = Path(__file__).parents[1] / "uplink" / "payloads" / "golden"
FORMATS = (
    "senml",
    "senml_cbor",
    "csv",
    "iot_agent",
    "ngsi_v2",
    "ngsi_ld",
    "sparkplug_b",
    "home_assistant",
)
# What every scene of the golden files dates from: 2026-08-03T05:00:00Z.
START_S = 1_785_733_200.0

Fact = tuple[str, float | None, int, tuple[str, ...], float]

# The scene `samples`, by name: value, flag, reasons, seconds since the start.
SAMPLES: tuple[Fact, ...] = (
    ("wxt:air_temperature", 33.4, 1, (), 60.0),
    ("wxt:air_temperature", None, 9, ("no_answer",), 61.0),
    ("wxt:relative_humidity", 55.0, 1, (), 60.0),
    ("wxt:relative_humidity", 130.0, 4, ("range",), 61.0),
    ("wxt:air_pressure", 100650.0, 1, (), 60.0),
    ("wxt:wind_speed", 14.2, 3, ("step",), 60.0),
    ("wxt:wind_direction", 215.0, 2, (), 60.0),
    ("wxt:global_irradiance", -3.2, 1, (), 60.0),
    ("wxt:supply_voltage", 12.1, 1, (), 61.25),
)
MINUTES: tuple[Fact, ...] = (
    ("wxt:air_temperature.mean_60s", 33.21, 1, (), 120.0),
    ("wxt:air_temperature.min_60s", 33.0, 1, (), 120.0),
    ("wxt:air_temperature.max_60s", 33.4, 1, (), 120.0),
    ("wxt:wind_speed.mean_60s", 2.31, 1, (), 120.0),
    ("wxt:wind_speed.gust_60s", 5.12, 1, (), 120.0),
)
COUNTS: tuple[Fact, ...] = (
    ("camera:gate/forward:people.count_900s", 80.0, 1, (), 1800.0),
    ("camera:gate/backward:people.count_900s", 0.0, 1, (), 1800.0),
    ("camera:park/forward:people.count_900s", None, 9, ("suppressed",), 1800.0),
    ("camera:park/backward:people.count_900s", 14.0, 1, (), 1800.0),
    ("camera:stairs/forward:people.count_900s", 12.0, 1, (), 1800.0),
    ("camera:stairs/backward:people.count_900s", None, 9, ("camera_blind",), 1800.0),
    ("camera:coverage.mean_900s", 0.98, 1, (), 1800.0),
)
SCENES = {"samples": SAMPLES, "minutes": MINUTES, "counts": COUNTS}


def messages(form: str, scene: str) -> Iterator[tuple[str, bytes]]:
    said = json.loads((GOLDEN / f"{form}.json").read_text(encoding="utf-8"))
    for message in said[scene]:
        body, content_type = message["body"], message["content_type"]
        if "json" in content_type:
            payload = json.dumps(body).encode()
        elif content_type.startswith("text/"):
            payload = "\r\n".join(body).encode()
        else:
            payload = bytes.fromhex("".join(body))
        yield message["topic"], payload


def told(form: str, scene: str) -> list[Told]:
    """As a consumer under MQTT 3.1.1 sees it: without properties."""
    decoder = Decoder()
    return [decoder.decode(topic, payload) for topic, payload in messages(form, scene)]


def readings(form: str, scene: str) -> list[Received]:
    """Without repetitions: births and entities say some things again."""
    repeats = Repeats()
    return [
        one
        for message in told(form, scene)
        for pack in message.packs
        for one in repeats.fresh(pack, message).readings
    ]


def facts(found: Sequence[Received]) -> set[Fact]:
    return {
        (
            one.name,
            one.value,
            one.flag,
            one.reasons,
            (one.unix_s or 0.0) - START_S,
        )
        for one in found
    }


@pytest.mark.parametrize("form", FORMATS)
def test_the_format_is_known_without_properties(form: str) -> None:
    assert {message.format for message in told(form, "samples")} - {"discovery"} == {form}


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("form", [form for form in FORMATS if form != "home_assistant"])
def test_every_format_gives_the_readings_of_the_scene(form: str, scene: str) -> None:
    found = readings(form, scene)
    # A birth also says what came before the scene; golden files are one session.
    wanted = {name for name, *_ in SCENES[scene]}
    relevant = [one for one in found if one.name in wanted and one.unix_s is not None]
    start = min(fact[-1] for fact in SCENES[scene])
    assert facts([one for one in relevant if (one.unix_s or 0) >= START_S + start]) == set(
        SCENES[scene]
    )
    assert {one.gateway for one in found} == {"pole-1"}


def test_home_assistant_gives_the_newest_value_of_each() -> None:
    newest = {(name, value) for name, value, _, _, second in SAMPLES if second != 60.0}
    got = {(one.name, one.value) for one in readings("home_assistant", "samples")}
    assert newest <= got
    assert len(got) == 7


@pytest.mark.parametrize("form", FORMATS)
def test_a_calibration_is_kept_where_a_format_says_it(form: str) -> None:
    found = {one.name: one for one in readings(form, "example")}
    assert found["wxt:air_temperature"].calibration_id == "cal-7"
    assert found["wxt:wind_speed"].calibration_id == ""
    assert found["wxt:wind_speed"].unit == "m/s"


@pytest.mark.parametrize("form", FORMATS)
def test_an_event_is_told_as_it_was(form: str) -> None:
    (event,) = [
        event for message in told(form, "events") for pack in message.packs for event in pack.events
    ]
    assert (event.kind, event.subject, event.text, event.unix_s) == (
        "device_down",
        "rain",
        'no answer for 60 s (the "WXT")',
        START_S + 61.5,
    )


@pytest.mark.parametrize("form", ["senml", "senml_cbor", "csv"])
def test_what_has_no_date_gets_none(form: str) -> None:
    found = readings(form, "earlier boot")
    assert [(one.unix_s, one.since_boot_s, one.clock) for one in found] == [
        (None, 60.0, "unknown"),
        (None, 60.0, "unknown"),
    ]


@pytest.mark.parametrize("form", ["iot_agent", "ngsi_v2", "ngsi_ld"])
def test_what_was_withheld_is_told(form: str) -> None:
    events = [
        event
        for message in told(form, "earlier boot")
        for pack in message.packs
        for event in pack.events
    ]
    assert [(event.kind, event.subject) for event in events] == [("undated", "wxt")]
    assert events[0].text.startswith("2 readings were withheld")


@pytest.mark.parametrize("form", ["senml", "senml_cbor", "sparkplug_b"])
def test_a_backlog_is_called_backfill(form: str) -> None:
    decoder, found = Decoder(), list[Received]()
    for topic, payload in messages(form, "backlog"):
        for pack in decoder.decode(topic, payload).packs:
            found.extend(pack.readings)
    assert "backfill" in {one.arrival for one in found}


def test_properties_say_what_a_table_does_not() -> None:
    ((topic, payload),) = messages("csv", "backlog")
    said = {"key": "pole-1/57043/7", "arrival": "backfill"}
    (pack,) = Decoder().decode(topic, payload, "text/csv", said).packs
    assert {(one.key, one.arrival) for one in pack.readings} == {("pole-1/57043/7", "backfill")}


@pytest.mark.parametrize("form", FORMATS)
def test_a_message_that_comes_twice_is_shown_once(form: str) -> None:
    decoder, repeats = Decoder(), Repeats()
    shown: list[int] = []
    for _ in range(2):
        for topic, payload in messages(form, "minutes"):
            message = decoder.decode(topic, payload)
            fresh = [repeats.fresh(pack, message) for pack in message.packs]
            shown.append(sum(len(pack.readings) for pack in fresh))
    assert sum(shown[: len(shown) // 2]) > 0
    assert sum(shown[len(shown) // 2 :]) == 0


def test_what_two_formats_say_is_shown_of_both() -> None:
    decoder, repeats = Decoder(), Repeats()
    shown: set[str] = set()
    for form in ("csv", "iot_agent", "ngsi_v2"):
        for topic, payload in messages(form, "example"):
            message = decoder.decode(topic, payload)
            shown |= {
                message.format for pack in message.packs if repeats.fresh(pack, message).readings
            }
    assert shown == {"csv", "iot_agent", "ngsi_v2"}


def test_the_state_of_a_gateway_is_told_with_what_it_says_of_itself() -> None:
    message = Decoder().decode(
        "edge/pole-1/state", b'{"state":"offline","gateway":"pole-1","reason":"lost"}'
    )
    assert message.state is not None
    assert (message.state.gateway, message.state.state) == ("pole-1", "offline")
    assert message.state.details == {"reason": "lost"}


def test_the_death_of_a_sparkplug_node_is_a_gateway_offline() -> None:
    ((topic, payload),) = messages("sparkplug_b", "will")
    message = Decoder().decode(topic, payload)
    assert message.state is not None
    assert (message.state.gateway, message.state.state) == ("pole-1", "offline")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("air_temperature", Measured("air_temperature")),
        ("wind_speed_gust_600s", Measured("wind_speed", "", "gust", 600)),
        ("people_gate_forward_count_900s", Measured("people", "gate/forward", "count", 900)),
        ("wind_direction_northu2d_1", Measured("wind_direction", "north-1")),
    ],
)
def test_an_attribute_is_taken_apart(name: str, what: Measured) -> None:
    assert attribute(name) == what


def test_a_device_may_have_underscores() -> None:
    assert device_and_attribute("roof_wxt_2_wind_speed_mean_60s") == (
        "roof_wxt_2",
        Measured("wind_speed", "", "mean", 60),
    )


def test_a_discovery_parts_what_a_name_leaves_open() -> None:
    decoder = Decoder()
    decoder.decode(
        "homeassistant/sensor/pole-1/my_people_cam_people/config",
        b'{"unique_id":"x","state_topic":"edge/pole-1/home_assistant/my_people_cam_people",'
        b'"device":{"identifiers":["pole-1:my_people_cam"]}}',
    )
    message = decoder.decode(
        "edge/pole-1/home_assistant/my_people_cam_people",
        b'{"value":3,"quality":"good","flag":1,"reasons":[],"calibration":"","time":null,'
        b'"clock":"unset","unit":"count"}',
    )
    assert message.packs[0].readings[0].device == "my_people_cam"


def test_the_units_are_those_of_the_quantities() -> None:
    assert {str(quantity): nature.unit for quantity, nature in NATURES.items()} == UNITS


# RFC 8949 appendix A.
@pytest.mark.parametrize(
    ("hexed", "value"),
    [
        ("00", 0),
        ("1864", 100),
        ("1bffffffffffffffff", 18446744073709551615),
        ("c249010000000000000000", 18446744073709551616),
        ("3903e7", -1000),
        ("f93c00", 1.0),
        ("fb3ff199999999999a", 1.1),
        ("f5", True),
        ("f6", None),
        ("64f0908591", "\U00010151"),
        ("8301820203820405", [1, [2, 3], [4, 5]]),
        ("a201020304", {1: 2, 3: 4}),
        ("9f018202039f0405ffff", [1, [2, 3], [4, 5]]),
        ("c48221196ab3", 273.15),
    ],
)
def test_the_examples_of_the_cbor_standard(hexed: str, value: object) -> None:
    assert cbor.loads(bytes.fromhex(hexed)) == value


@given(
    payload=st.binary(max_size=200),
    topic=st.sampled_from(["edge/p/raw", "spBv1.0/city/NDATA/p", "/json/k/p_d/attrs", "x"]),
    content_type=st.sampled_from(["", "application/senml+cbor", "application/senml+json"]),
)
def test_no_bytes_do_more_than_be_refused(payload: bytes, topic: str, content_type: str) -> None:
    try:
        Decoder().decode(topic, payload, content_type)
    except BadPack:
        return


_NAMES = (
    *("id", "type", "value", "object", "quality", "metadata", "qualityDetails", "entities"),
    *("actionType", "flag", "reasons", "state", "gateway", "bn", "n", "v", "t", "vs"),
    *("TimeInstant", "event", "undated", "kind", "clock", "device", "identifiers", "state_topic"),
    *("unique_id", "temperature", "airTemperatureTSA", "numValue", "measurementType"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(_NAMES),
            inner,
            max_size=5,
        )
    ),
    max_leaves=12,
)


@given(body=_JSON)
def test_no_json_does_more_than_be_refused(body: object) -> None:
    for topic in ("edge/p/raw", "/json/k/p_d/attrs", "edge/p/home_assistant/a_people"):
        try:
            Decoder().decode(topic, json.dumps(body).encode())
        except BadPack:
            continue


def test_the_decoder_imports_nothing_but_the_standard_library() -> None:
    code = (
        "import sys\n"
        "for name in ('paho', 'pydantic', 'serial', 'rich', 'smbus2', 'sqlite3'):\n"
        "    sys.modules[name] = None\n"
        "import edge_gateway.uplink.consumer, edge_gateway.uplink.decoders\n"
        "ours = {name for name in sys.modules if name.startswith('edge_gateway')}\n"
        "allowed = ('edge_gateway.uplink.consumer', 'edge_gateway.uplink.rfc8428',\n"
        "           'edge_gateway.uplink.decoders')\n"
        "other = {n for n in ours - {'edge_gateway', 'edge_gateway.uplink'}\n"
        "         if not n.startswith(allowed)}\n"
        "sys.exit(repr(other) if other else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
