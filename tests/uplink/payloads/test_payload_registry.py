"""The formats by name, and what they demand of the pole."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

import pytest

from edge_gateway.uplink.batch import Batch
from edge_gateway.uplink.payloads import FORMATS, Pole, PoleIncomplete, lacking, load


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_bears_the_name_it_is_asked_for_by(name: str) -> None:
    assert load(name).name == name


def test_an_unknown_format_is_refused_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="'xml': choose one of senml, senml_cbor"):
        load("xml")


def test_two_uplinks_do_not_share_what_a_format_remembers() -> None:
    assert load("sparkplug_b") is not load("sparkplug_b")


def test_a_format_is_imported_only_when_it_is_loaded() -> None:
    code = (
        "import sys, edge_gateway.uplink.payloads as payloads;"
        "payloads.load('senml');"
        "print('edge_gateway.uplink.payloads.sparkplug_b' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("senml", ()),
        ("senml_cbor", ()),
        ("csv", ()),
        ("home_assistant", ()),
        ("iot_agent", ("api_key",)),
        ("ngsi_v2", ("latitude", "longitude")),
        ("ngsi_ld", ("latitude", "longitude")),
        ("sparkplug_b", ("group",)),
    ],
)
def test_what_a_bare_pole_lacks_is_named(name: str, fields: tuple[str, ...]) -> None:
    assert lacking(load(name), Pole("pole-1")) == fields


@pytest.mark.parametrize("name", ["iot_agent", "ngsi_v2", "ngsi_ld", "sparkplug_b"])
def test_a_format_refuses_a_pole_that_lacks_what_it_needs(
    name: str, scenes: Mapping[str, Batch]
) -> None:
    with pytest.raises(PoleIncomplete, match=name):
        list(load(name).encode(scenes["samples"], Pole("pole-1")))


def test_a_pole_on_the_equator_and_the_meridian_lacks_nothing() -> None:
    assert lacking(load("ngsi_v2"), Pole("pole-1", latitude=0.0, longitude=0.0)) == ()


@pytest.mark.parametrize("name", FORMATS)
def test_an_empty_batch_raises_nothing(name: str, pole: Pole, scenes: Mapping[str, Batch]) -> None:
    batch = scenes["samples"]
    empty = Batch(
        batch.gateway_id,
        batch.key,
        batch.boot_id,
        batch.arrival,
        batch.dates,
        type(batch.columns)(()),
    )
    list(load(name).encode(empty, pole))
