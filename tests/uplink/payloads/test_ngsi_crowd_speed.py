"""The average speed of a line: of both directions, weighted by who crossed, in km/h."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from edge_gateway.outbox import encode, unpack
from edge_gateway.reading import Entry, Flag, Measurand, Quantity, Reading, Stamp, Statistic
from edge_gateway.uplink.batch import Arrival, Batch, Dates, Dating
from edge_gateway.uplink.payloads import Pole, ngsi_v2

SPEED = Quantity.WALKING_SPEED


def gate(quantity: Quantity, way: str, value: float, flag: Flag = Flag.GOOD) -> Reading:
    statistic = Statistic.COUNT if quantity is Quantity.PEOPLE else Statistic.MEAN
    measurand = Measurand(quantity, f"gate/{way}", statistic, 900)
    reasons = ("suppressed",) if flag is Flag.MISSING else ()
    return Reading("camera", measurand, value, flag, Stamp("b", 1800 * 10**9), reasons)


def entities(entries: Sequence[Entry]) -> list[Mapping[str, Any]]:
    dates = Dates(Dating.SYNCED, 1_785_733_200_000_000)
    batch = Batch("pole-1", "1/1", "b", Arrival.LIVE, dates, unpack(encode(list(entries))))
    return [
        entity
        for message in ngsi_v2.messages(batch, Pole("pole-1", latitude=35.6812, longitude=139.7671))
        for entity in json.loads(message.payload)["entities"]
    ]


def flow(*entries: Entry) -> Mapping[str, Any]:
    (found,) = [one for one in entities(entries) if one["type"] == "CrowdFlowObserved"]
    return found


FORWARD, BACKWARD = gate(Quantity.PEOPLE, "forward", 30), gate(Quantity.PEOPLE, "backward", 10)


def test_both_directions_are_weighted_by_who_crossed() -> None:
    found = flow(FORWARD, BACKWARD, gate(SPEED, "forward", 1.5), gate(SPEED, "backward", 1.1))
    # (30 * 1.5 + 10 * 1.1) / 40 = 1.4 m/s = 5.04 km/h
    assert found["averageCrowdSpeed"]["value"] == pytest.approx(5.04)


def test_a_direction_that_nobody_took_needs_no_speed() -> None:
    nobody = gate(Quantity.PEOPLE, "backward", 0)
    found = flow(FORWARD, nobody, gate(SPEED, "forward", 1.5))
    assert found["averageCrowdSpeed"]["value"] == pytest.approx(5.4)


def test_without_speeds_there_is_no_average() -> None:
    assert "averageCrowdSpeed" not in flow(FORWARD, BACKWARD)


def test_where_a_count_is_suppressed_there_is_no_average_that_could_tell_it() -> None:
    hidden = gate(Quantity.PEOPLE, "backward", math.nan, Flag.MISSING)
    found = flow(FORWARD, hidden, gate(SPEED, "forward", 1.5), gate(SPEED, "backward", 1.1))
    assert "averageCrowdSpeed" not in found


def test_each_directions_own_speed_is_a_measurement() -> None:
    found = [
        (one["measurementType"]["value"], one["numValue"]["value"], one["unit"]["value"])
        for one in entities([FORWARD, gate(SPEED, "forward", 1.5)])
        if one["type"] == "DeviceMeasurement"
    ]
    assert found == [(found[0][0], 1.5, "MTS")]
