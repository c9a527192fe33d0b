"""docs/topics.md says what the code does."""

from __future__ import annotations

import json
import re
from pathlib import Path

from edge_gateway.config import UplinkConfig
from edge_gateway.reading import Lane, Quantity, Statistic
from edge_gateway.uplink.consumer import decode
from edge_gateway.uplink.drain import BACKLOG_BYTES, MERGED_BLOCKS, MERGED_READINGS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "topics.md").read_text(encoding="utf-8")


def test_the_example_is_a_pack() -> None:
    example = re.search(r"```json\n(\[.*?)```", DOCUMENT, re.DOTALL)
    assert example is not None
    pack = decode(example[1].encode())
    assert [(one.value, one.flag, one.reasons) for one in pack.readings] == [
        (2.31, 1, ()),
        (14.2, 3, ("step",)),
    ]
    assert pack.events[0].subject == "rain"


def test_every_lane_has_a_topic() -> None:
    assert all(f"`PREFIX/GATEWAY/{lane}`" in DOCUMENT for lane in Lane)


def test_every_quantity_has_its_row() -> None:
    rows = re.findall(r"^\| `(\w+)` \| `(.+)` \| ([\d.e-]+) \|$", DOCUMENT, re.MULTILINE)
    assert rows == [
        (str(quantity), quantity.nature.unit, f"{10**-quantity.nature.decimals:.4g}")
        for quantity in Quantity
    ]


def test_every_statistic_is_named() -> None:
    listed = re.search(r"statistic = (.*?);", DOCUMENT)
    assert listed is not None
    statistics = [str(statistic) for statistic in Statistic if statistic is not Statistic.SAMPLE]
    assert sorted(listed[1].split(" | ")) == sorted(statistics)


def test_the_birth_is_shown_with_all_it_says() -> None:
    example = re.search(r'```json\n(\{"state":"online".*?)```', DOCUMENT, re.DOTALL)
    assert example is not None
    own = {"store", "boot", "payload", "mqtt"}
    assert set(json.loads(example[1])) == {"state", "gateway", "version", "config", *own}


def test_the_bounds_of_a_shared_message_are_those_of_the_code() -> None:
    said = " ".join(DOCUMENT.split())
    assert f"at most {MERGED_READINGS} readings, {MERGED_BLOCKS} blocks" in said
    assert f"never more than {BACKLOG_BYTES >> 10} kB" in said


def test_the_defaults_are_those_of_the_configuration() -> None:
    uplink = UplinkConfig(host="b")
    assert (uplink.max_packet_kb, uplink.start_spread_s, uplink.backlog_share) == (128, 30, 0.5)
