"""docs/payloads.md says what the formats say."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from edge_gateway.uplink.payloads import FORMATS, load
from edge_gateway.uplink.payloads.ngsi_weather import GUST, TERMS

HERE = Path(__file__).parent
DOCUMENT = (HERE.parents[2] / "docs" / "payloads.md").read_text(encoding="utf-8")


def golden(name: str) -> Any:
    """What the format said of the document's example: the body of each message."""
    found = json.loads((HERE / "golden" / f"{name}.json").read_text(encoding="utf-8"))
    return [message["body"] for message in found["example"]]


def examples() -> list[Any]:
    return [json.loads(block) for block in re.findall(r"```json\n(.*?)```", DOCUMENT, re.DOTALL)]


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_its_row(name: str) -> None:
    row = re.search(rf"^\| `{name}`(?: \(default\))? \|(.*)\|$", DOCUMENT, re.MULTILINE)
    assert row is not None
    *_, squeezed, complete = [cell.strip() for cell in row[1].split("|")]
    form = load(name)
    assert (squeezed == "yes") == form.may_squeeze
    assert (complete == "yes") == form.is_lossless


def test_the_json_examples_are_what_the_formats_say() -> None:
    senml, iot_agent, ngsi_v2, ngsi_ld, home_assistant = examples()
    assert [senml] == golden("senml")
    assert [iot_agent] == golden("iot_agent")
    assert ngsi_v2 == golden("ngsi_v2")[0]["entities"][0]
    assert ngsi_ld == golden("ngsi_ld")[0][0]
    assert home_assistant == golden("home_assistant")[3]


def test_the_table_example_is_what_csv_says() -> None:
    example = re.search(r"```csv\n(.*?)```", DOCUMENT, re.DOTALL)
    assert example is not None
    assert [example[1].split("\n")] == golden("csv")


def test_every_term_of_the_weather_model_is_listed() -> None:
    rows = re.findall(r"^\| `(\w+)`[^|]*\| ([^|]*) \| (\w+)[^|]*\|[^|]*\|$", DOCUMENT, re.MULTILINE)
    listed = {(quantity, unit) for quantity, _, unit in rows}
    assert {(str(quantity), term.unit_code) for quantity, term in TERMS.items()} <= listed
    assert all(f"`{term.name}`" in DOCUMENT for term in [*TERMS.values(), GUST])
