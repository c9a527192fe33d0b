"""Every format says what it said when its golden file was read by a person and approved.

The other tests here say why it is right. To write the files anew after a change that is meant, set
EDGE_GATEWAY_WRITE_GOLDEN=1, run this file, and read the difference.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_gateway.uplink.batch import Batch
from edge_gateway.uplink.payloads import FORMATS, Message, Pole, load

GOLDEN = Path(__file__).parent / "golden"
HEX_WIDTH = 80


def readable(message: Message) -> dict[str, object]:
    """A message with its body as a person and a diff can read it."""
    body: object
    if "json" in message.content_type:
        body = json.loads(message.payload)
    elif message.content_type.startswith("text/"):
        body = message.payload.decode().split("\r\n")
    else:
        text = message.payload.hex()
        body = [text[start : start + HEX_WIDTH] for start in range(0, len(text), HEX_WIDTH)]
    return {
        "topic": message.topic,
        "content_type": message.content_type,
        "retain": message.retain,
        "body": body,
    }


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_says_what_its_golden_file_holds(
    name: str, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    form = load(name)
    will = form.will(pole)
    form.begin()
    said = {"will": [readable(will)] if will else []}
    for scene, batch in scenes.items():
        said[scene] = [readable(message) for message in form.encode(batch, pole)]
    path = GOLDEN / f"{name}.json"
    text = json.dumps(said, ensure_ascii=False, indent=1) + "\n"
    if os.environ.get("EDGE_GATEWAY_WRITE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert json.loads(path.read_text(encoding="utf-8")) == said
