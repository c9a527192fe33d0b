"""Payloads read by protobuf with Sparkplug's own description, and the rules of a session."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.outbox import encode, unpack
from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp
from edge_gateway.uplink.batch import Arrival, Batch, Dates, Dating
from edge_gateway.uplink.payloads import Message, Pole, protobuf
from edge_gateway.uplink.payloads.sparkplug_b import UNDATED, SparkplugB

sparkplug: Any = pytest.importorskip(
    "pysparkplug._protobuf", reason="the oracle pysparkplug is not installed"
)

TEMPERATURE = "wxt/air_temperature"


def decoded(message: Message) -> Any:
    return sparkplug.Payload.FromString(message.payload)


def kinds(messages: list[Message]) -> list[str]:
    return [message.topic.split("/")[2] for message in messages]


def metrics(message: Message, name: str) -> list[Any]:
    return [metric for metric in decoded(message).metrics if metric.name == name]


def properties(metric: Any) -> dict[str, object]:
    values = [getattr(one, one.WhichOneof("value")) for one in metric.properties.values]
    return dict(zip(metric.properties.keys, values, strict=True))


@pytest.fixture
def session(pole: Pole) -> SparkplugB:
    """A node whose connection just came up."""
    node = SparkplugB()
    node.will(pole)
    node.begin()
    return node


def test_the_birth_comes_before_the_first_data(
    session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    messages = list(session.encode(scenes["samples"], pole))
    assert [message.topic for message in messages] == [
        "spBv1.0/city/NBIRTH/pole-1",
        "spBv1.0/city/NDATA/pole-1",
    ]
    assert not any(message.retain for message in messages)


def test_a_birth_names_every_metric_with_its_type(
    session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    birth, data = session.encode(scenes["samples"], pole)
    typed = {metric.name: metric.datatype for metric in decoded(birth).metrics}
    assert {metric.name for metric in decoded(data).metrics} <= typed.keys()
    assert (typed[TEMPERATURE], typed["bdSeq"], typed["Node Control/Rebirth"]) == (10, 4, 11)


def test_data_leave_the_type_out(
    session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    _, data = session.encode(scenes["samples"], pole)
    assert not any(metric.HasField("datatype") for metric in decoded(data).metrics)


def test_a_value_comes_with_its_time_in_milliseconds(
    session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    _, data = session.encode(scenes["samples"], pole)
    first, _ = metrics(data, TEMPERATURE)
    assert (first.double_value, first.timestamp) == (33.4, 1785733260000)
    assert not first.is_historical


def test_a_good_value_needs_no_quality(
    session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    _, data = session.encode(scenes["samples"], pole)
    assert properties(metrics(data, "wxt/air_pressure")[0]) == {}


def test_a_suspect_value_is_bad_with_flag_and_reason(
    session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    _, data = session.encode(scenes["samples"], pole)
    (wind,) = metrics(data, "wxt/wind_speed")
    assert wind.double_value == 14.2
    assert properties(wind) == {"Quality": 0, "flag": 3, "qc": "suspect", "reasons": "step"}
    assert [one.type for one in wind.properties.values] == [3, 3, 12, 12]


def test_a_missing_metric_is_null_with_its_reason(
    session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    _, data = session.encode(scenes["samples"], pole)
    _, missing = metrics(data, TEMPERATURE)
    assert missing.is_null
    assert missing.WhichOneof("value") is None
    assert properties(missing)["reasons"] == "no_answer"


def test_zero_suppressed_and_missing_are_three_metrics(
    session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    _, data = session.encode(scenes["counts"], pole)

    def people(way: str) -> tuple[bool, int, object]:
        (metric,) = metrics(data, f"camera/{way}/people/count_900s")
        return metric.is_null, metric.long_value, properties(metric).get("qc")

    assert people("gate/backward") == (False, 0, None)
    assert people("park/forward") == (True, 0, "suppressed")
    assert people("stairs/backward") == (True, 0, "missing")


def test_a_backlog_is_historical_and_does_not_become_the_birth_value(
    session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    _, data = session.encode(scenes["backlog"], pole)
    assert metrics(data, TEMPERATURE)[0].is_historical
    session.begin()
    birth, _ = session.encode(scenes["backlog"], pole)
    assert metrics(birth, TEMPERATURE)[0].is_null


def test_a_birth_gives_the_last_live_value(
    session: SparkplugB,
    pole: Pole,
    batch_of: Callable[..., Batch],
    read: Callable[..., Reading],
) -> None:
    list(session.encode(batch_of([read(Quantity.AIR_TEMPERATURE, 21.5, 5)]), pole))
    session.begin()
    birth, _ = session.encode(batch_of([read(Quantity.AIR_TEMPERATURE, 22.0, 6)]), pole)
    assert metrics(birth, TEMPERATURE)[0].double_value == 21.5


def test_sequence_numbers_rise_by_one_and_a_birth_is_zero(
    session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    messages = [one for _ in range(600) for one in session.encode(scenes["backlog"], pole)]
    found = [(kind, decoded(one).seq) for kind, one in zip(kinds(messages), messages, strict=True)]
    assert found[:3] == [("NBIRTH", 0), ("NDATA", 1), ("NDATA", 2)]
    assert found[255:258] == [("NDATA", 255), ("NBIRTH", 0), ("NDATA", 1)]
    assert all((kind == "NBIRTH") == (seq == 0) for kind, seq in found)


def test_a_new_metric_is_born_before_it_has_data(
    session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    list(session.encode(scenes["backlog"], pole))
    assert kinds(list(session.encode(scenes["samples"], pole))) == ["NBIRTH", "NDATA"]
    assert kinds(list(session.encode(scenes["samples"], pole))) == ["NDATA"]


def test_the_will_is_the_death_of_the_session_that_is_born(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    node = SparkplugB()
    node.will(pole)
    will = node.will(pole)
    node.begin()
    assert will is not None
    assert will.topic == "spBv1.0/city/NDEATH/pole-1"
    (death,) = decoded(will).metrics
    birth, _ = node.encode(scenes["samples"], pole)
    assert (death.name, death.long_value) == ("bdSeq", 1)
    assert metrics(birth, "bdSeq")[0].long_value == 1
    assert not decoded(will).HasField("seq")


def test_the_birth_number_wraps_after_255(pole: Pole) -> None:
    node = SparkplugB()
    wills = [node.will(pole) for _ in range(257)]
    assert wills[256] is not None
    assert decoded(wills[256]).metrics[0].long_value == 0


@pytest.mark.parametrize("scene", ["no clock", "earlier boot"])
def test_without_a_date_nothing_is_said_but_how_many(
    scene: str, session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    assert list(session.encode(scenes[scene], pole)) == []
    _, data = session.encode(scenes["samples"], pole)
    assert metrics(data, UNDATED)[0].long_value == 2


def test_a_holdover_clock_is_said(
    session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    _, data = session.encode(scenes["minutes"], pole)
    (gust,) = metrics(data, "wxt/wind_speed/gust_60s")
    assert properties(gust)["clock"] == "holdover"


def test_an_event_is_a_text(session: SparkplugB, pole: Pole, scenes: Mapping[str, Batch]) -> None:
    _, data = session.encode(scenes["events"], pole)
    (event,) = metrics(data, "event/device_down")
    assert event.string_value == 'rain: no answer for 60 s (the "WXT")'


def test_a_count_that_no_integer_of_sparkplug_holds_is_null(
    session: SparkplugB,
    pole: Pole,
    batch_of: Callable[..., Batch],
    read: Callable[..., Reading],
) -> None:
    batch = batch_of([read(Quantity.PEOPLE, 1e300, 5, Flag.FAIL, "range", device="camera")])
    _, data = session.encode(batch, pole)
    assert metrics(data, "camera/people")[0].is_null


@given(
    st.lists(st.floats(-80, 60) | st.just(math.nan), min_size=1, max_size=20),
    st.sampled_from(Arrival),
)
def test_every_reading_is_read_back(values: list[float], arrival: Arrival) -> None:
    measurand = Measurand(Quantity.AIR_TEMPERATURE)
    entries = [
        Reading("dev", measurand, value, Flag.GOOD, Stamp("b", number * 10**9))
        for number, value in enumerate(values)
    ]
    dates = Dates(Dating.SYNCED, 1_785_733_200_000_000)
    batch = Batch("pole-1", "1/1", "b", arrival, dates, unpack(encode(entries)))
    node, pole = SparkplugB(), Pole("pole-1", group="city")
    _, data = node.encode(batch, pole)
    found = [
        None if one.is_null else one.double_value for one in metrics(data, "dev/air_temperature")
    ]
    # The store keeps whole thousandths.
    assert found == [None if math.isnan(value) else round(value * 1000) / 1000 for value in values]


@given(st.integers(-(1 << 63), (1 << 64) - 1))
def test_a_varint_is_read_back_as_64_bits(value: int) -> None:
    payload = sparkplug.Payload.FromString(protobuf.number(1, value))
    assert payload.timestamp == value % (1 << 64)


# protobuf.dev, "Encoding": 150 is 96 01; field 2 of "testing" is 12 07 74 65 73 74 69 6e 67.
def test_the_encoding_is_that_of_the_manual() -> None:
    assert protobuf.number(1, 150).hex() == "089601"
    assert protobuf.text(2, "testing").hex() == "120774657374696e67"
