"""Suppressed, zero and missing stay three things from the driver to whoever reads a payload."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from typing import cast

import pytest

from edge_gateway.measured import readings_of
from edge_gateway.people.small_counts import suppress
from edge_gateway.reading import Flag, Flagged, Measurand, Measured, Quantity, Stamp, Statistic
from edge_gateway.trust.flags import RangeAndStep
from edge_gateway.uplink.batch import Batch
from edge_gateway.uplink.decoders import Decoder
from edge_gateway.uplink.decoders.measurands import members
from edge_gateway.uplink.payloads import FORMATS, Message, Pole, load

BOOT = "b007"
LINES = ("gate", "park", "stairs", "yard")

State = tuple[float | None, int, tuple[str, ...]]
ZERO: State = (0.0, 1, ())
SUPPRESSED: State = (None, 9, ("suppressed",))
MISSING: State = (None, 9, ("camera_blind",))
SAID: State = (25.0, 1, ())


def people(line: str, way: str) -> Measurand:
    return Measurand(Quantity.PEOPLE, f"{line}/{way}", Statistic.COUNT, 900)


def window() -> Measured:
    """As a camera counts: 0 and 24 at the gate, 7 and 0 at the park, blind at the stairs."""
    blind = Flagged(math.nan, Flag.MISSING, "camera_blind")
    counts: list[tuple[float | Flagged, float | Flagged]] = [(0, 24), (7, 0), (blind, 0), (41, 7)]
    return {
        people(line, way): count
        for line, pair in zip(LINES, counts, strict=True)
        for way, count in zip(("forward", "backward"), pair, strict=True)
    }


def messages(form: str, batch: Batch, pole: Pole) -> list[Message]:
    one = load(form)
    one.will(pole)
    one.begin()
    return list(one.encode(batch, pole))


def states(sent: Iterable[Message]) -> dict[str, State]:
    """What a consumer under MQTT 3.1.1 makes of the messages, by channel."""
    decoder = Decoder()
    return {
        one.channel: (one.value, one.flag, one.reasons)
        for message in sent
        for pack in decoder.decode(message.topic, message.payload).packs
        for one in pack.readings
        if one.quantity == "people"
    }


def entities_of(message: Message) -> list[dict[str, object]]:
    found: object = json.loads(message.payload)
    return cast("list[dict[str, object]]", members(found).get("entities", found))


@pytest.fixture
def published(batch_of: Callable[..., Batch]) -> Batch:
    """The window as it is published with the defaults: at least 10, rounded to 5."""
    judge = RangeAndStep()
    at = Stamp(BOOT, 1800 * 10**9)
    readings = [judge.assess(one) for one in readings_of("camera", suppress(window(), 10, 5), at)]
    return batch_of(readings)


@pytest.mark.parametrize("form", FORMATS)
def test_suppressed_zero_and_missing_are_three_things(
    form: str, published: Batch, pole: Pole
) -> None:
    found = states(messages(form, published, pole))
    assert found == {
        "gate/forward": ZERO,
        "gate/backward": SAID,
        "park/forward": SUPPRESSED,
        "park/backward": SUPPRESSED,
        "stairs/forward": MISSING,
        "stairs/backward": ZERO,
        "yard/forward": SUPPRESSED,
        "yard/backward": SUPPRESSED,
    }


@pytest.mark.parametrize("form", FORMATS)
def test_what_is_suppressed_is_the_same_whatever_was_counted(
    form: str, batch_of: Callable[..., Batch], pole: Pole
) -> None:
    """Not a bit of any message depends on the count behind `suppressed`."""

    def said(forward: float, backward: float) -> list[bytes]:
        counts: Measured = {
            people("gate", "forward"): forward,
            people("gate", "backward"): backward,
        }
        at = Stamp(BOOT, 1800 * 10**9)
        batch = batch_of(readings_of("camera", suppress(counts, 10, 5), at))
        return [message.payload for message in messages(form, batch, pole)]

    assert said(1, 0) == said(9, 9) == said(3, 4711)


@pytest.mark.parametrize("form", ["ngsi_v2", "ngsi_ld"])
def test_no_total_is_said_of_a_line_that_is_suppressed(
    form: str, published: Batch, pole: Pole
) -> None:
    entities = [one for message in messages(form, published, pole) for one in entities_of(message)]
    totals = {
        str(one["id"]).rsplit(":", 2)[-2]: members(one.get("peopleCount")).get("value")
        for one in entities
        if one["type"] == "CrowdFlowObserved"
    }
    assert totals == {"gate": 25, "park": None, "stairs": None, "yard": None}
