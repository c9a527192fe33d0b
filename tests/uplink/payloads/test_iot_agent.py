"""Multimeasures as iotagent-json takes them, and what stays visible in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.outbox import encode, round_value, unpack
from edge_gateway.reading import Event, Flag, Measurand, Quantity, Reading, Stamp
from edge_gateway.uplink.batch import Arrival, Batch, Dates, Dating
from edge_gateway.uplink.payloads import Message, Pole, iot_agent
from edge_gateway.uplink.payloads.names import attribute, without_forbidden

FORBIDDEN = set("<>\"'=;()")


def measures(message: Message) -> list[dict[str, Any]]:
    return json.loads(message.payload)


def said(batch: Batch, pole: Pole) -> list[dict[str, Any]]:
    return [one for message in iot_agent.messages(batch, pole) for one in measures(message)]


def test_the_topic_is_the_agents_with_a_leading_slash(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    (message,) = iot_agent.messages(scenes["samples"], pole)
    assert message.topic == "/json/4jggokgpepnvsb2uv4s40d59ov/pole-1_wxt/attrs"


def test_readings_of_one_time_are_one_measure(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    first = said(scenes["samples"], pole)[0]
    assert first["TimeInstant"] == "2026-08-03T05:01:00.000Z"
    assert (first["air_temperature"], first["relative_humidity"]) == (33.4, 55.0)


def test_measures_come_in_the_order_of_their_times(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    times = [one["TimeInstant"] for one in said(scenes["samples"], pole)]
    assert times == sorted(times)
    assert len(set(times)) == len(times)


def test_a_bad_flag_stands_beside_its_value(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    first = said(scenes["samples"], pole)[0]
    assert (first["wind_speed"], first["wind_speed_qc"]) == (14.2, "suspect:step")


def test_good_is_said_too_because_the_broker_keeps_the_last_word(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    assert said(scenes["samples"], pole)[0]["air_temperature_qc"] == "good"


def test_a_missing_value_is_null_with_its_reason(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    second = said(scenes["samples"], pole)[1]
    assert second["air_temperature"] is None
    assert second["air_temperature_qc"] == "missing:no_answer"


def test_zero_suppressed_and_missing_are_three_things(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    (measure,) = said(scenes["counts"], pole)

    def people(way: str) -> tuple[float | None, str]:
        name = f"people_{way}_count_900s"
        return measure[name], measure[f"{name}_qc"]

    assert people("gate_backward") == (0, "good")
    assert people("park_forward") == (None, "suppressed")
    assert people("stairs_backward") == (None, "missing:camera_blind")


def test_a_calibration_is_said_once_a_series_and_when_it_ends(
    pole: Pole, batch_of: Callable[..., Batch], read: Callable[..., Reading]
) -> None:
    temperature = Quantity.AIR_TEMPERATURE
    entries = [read(temperature, 1.0, second, calibration_id="cal-7") for second in (1, 2)]
    entries.append(read(temperature, 1.0, 3))
    found = [one.get("air_temperature_cal") for one in said(batch_of(entries), pole)]
    assert found == ["cal-7", None, ""]


def test_without_a_date_only_the_number_of_what_was_withheld_is_said(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    first = said(scenes["no clock"], pole)[0]
    assert first == {"batch": "57043/7", "arrival": "live", "clock": "unset", "undated": 2}


def test_an_event_without_a_date_says_so(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    last = said(scenes["no clock"], pole)[-1]
    assert "TimeInstant" not in last
    assert (last["event"], last["event_since_boot_s"], last["clock"]) == (
        "device_down",
        61.5,
        "unset",
    )


def test_texts_are_without_what_orion_forbids(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    (measure,) = said(scenes["events"], pole)
    assert measure["event_text"] == "no answer for 60 s %28the %22WXT%22%29"


def test_two_channels_that_would_share_an_attribute_are_both_said(
    pole: Pole, batch_of: Callable[..., Batch], read: Callable[..., Reading]
) -> None:
    entries = [
        read(Quantity.PEOPLE, 1, 5, channel="a/b_c"),
        read(Quantity.PEOPLE, 2, 5, channel="a_b/c"),
    ]
    assert [one["people_a_b_c"] for one in said(batch_of(entries), pole)] == [1, 2]


def test_a_long_backlog_is_several_messages(
    pole: Pole, batch_of: Callable[..., Batch], read: Callable[..., Reading]
) -> None:
    entries = [read(Quantity.WIND_SPEED, 1.0, second) for second in range(450)]
    found = [measures(message) for message in iot_agent.messages(batch_of(entries), pole)]
    assert [len(one) for one in found] == [200, 200, 50]
    assert all(one[0]["batch"] == "57043/7" for one in found)


@given(st.lists(st.tuples(st.floats(-50, 50), st.integers(0, 10**9)), max_size=30))
def test_every_reading_is_in_the_measures_with_its_time(
    values: list[tuple[float, int]],
) -> None:
    pole = Pole("pole-1", api_key="key")
    start_us = 1_785_733_200_000_000
    batch = _batch(values)
    found = {
        (datetime.fromisoformat(one["TimeInstant"]).timestamp(), one["air_temperature"])
        for one in said(batch, pole)
    }
    (series,) = batch.columns.series or (None,)
    times = series.times_us if series else ()
    assert found == {
        ((time_us + start_us) / 1e6, round_value(Quantity.AIR_TEMPERATURE, value))
        for time_us, (value, _) in zip(times, values, strict=True)
    }


def _batch(values: list[tuple[float, int]]) -> Batch:
    measurand = Measurand(Quantity.AIR_TEMPERATURE)
    entries = [
        Reading("dev", measurand, value, Flag.GOOD, Stamp("b", milliseconds * 1_000_000))
        for value, milliseconds in values
    ]
    dates = Dates(Dating.SYNCED, 1_785_733_200_000_000)
    return Batch("pole-1", "1/1", "b", Arrival.LIVE, dates, unpack(encode(entries)))


@given(st.text())
def test_no_forbidden_sign_is_left_and_the_text_can_be_had_back(text: str) -> None:
    encoded = without_forbidden(text)
    assert not FORBIDDEN & set(encoded)
    assert unquote(encoded) == text


@given(st.text(max_size=10))
def test_an_attribute_name_is_letters_digits_and_underscores(channel: str) -> None:
    name = attribute(Measurand(Quantity.PEOPLE, channel))
    assert name.isascii()
    assert name.replace("_", "a").isalnum()


def test_events_of_the_pole_are_measures_of_the_pole(
    pole: Pole, batch_of: Callable[..., Batch]
) -> None:
    batch = batch_of([Event("loss", "raw", "12 readings", Stamp("b007", 10**9))])
    (message,) = iot_agent.messages(batch, pole)
    assert message.topic.endswith("/pole-1/attrs")
    assert measures(message)[0]["event_subject"] == "raw"
