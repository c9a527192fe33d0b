"""What a consumer is told: keys, repetitions, times that are not facts."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from edge_gateway.uplink import consumer, rfc8428
from edge_gateway.uplink.consumer import BadPack, Seen, decode, split_name

HEAD = '{"bn":"urn:dev:ops:pole-1:","bt":%s,"n":"batch","vs":"57043/7/backfill/%s"}'


def pack(base: object, clock: str, *records: str) -> bytes:
    return f"[{','.join([HEAD % (base, clock), *records])}]".encode()


def test_a_pack_tells_its_key_and_how_it_came() -> None:
    got = decode(pack(1785733200, "synced"))
    assert (got.gateway, got.key, got.arrival, got.clock) == (
        "pole-1",
        "pole-1/57043/7",
        "backfill",
        "synced",
    )


def test_a_reading_carries_the_words_of_its_pack() -> None:
    (reading,) = decode(pack(1785733200, "synced", '{"n":"air:air_temperature","v":1}')).readings
    assert (reading.gateway, reading.key, reading.arrival) == (
        "pole-1",
        "pole-1/57043/7",
        "backfill",
    )


def test_relative_times_become_dates_only_with_the_time_of_arrival() -> None:
    payload = pack(-10, "unset", '{"n":"air:air_temperature","t":2.5,"v":1}')
    assert decode(payload).readings[0].unix_s is None
    assert decode(payload, received_unix_s=1785733200.0).readings[0].unix_s == 1785733192.5


def test_an_event_is_told_with_its_time() -> None:
    (event,) = decode(pack(1785733200, "synced", '{"n":"event:loss:raw","t":1,"vs":"x"}')).events
    assert (event.kind, event.subject, event.text, event.unix_s) == ("loss", "raw", "x", 1785733201)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("wind:wind_speed", ("wind", "", "wind_speed", "sample", 0)),
        ("wind:wind_speed.gust_600s", ("wind", "", "wind_speed", "gust", 600)),
        ("cam:gate/forward:people.count_60s", ("cam", "gate/forward", "people", "count", 60)),
        ("event:people", ("event", "", "people", "sample", 0)),
    ],
)
def test_a_name_is_split_into_its_parts(name: str, parts: tuple[object, ...]) -> None:
    assert split_name(name) == parts


def test_a_device_called_event_is_no_event() -> None:
    got = decode(pack(1785733200, "synced", '{"n":"event:gate:people","v":3}'))
    assert (got.events, got.readings[0].device) == ((), "event")


@pytest.mark.parametrize(
    "payload",
    [
        b"[]",
        b'[{"n":"urn:dev:ow:10e2073a01080063","u":"Cel","v":23.1}]',
        b'[{"bn":"urn:dev:ops:pole-1:","n":"batch","vs":"only/three/parts"}]',
    ],
)
def test_a_pack_of_somebody_else_is_refused(payload: bytes) -> None:
    with pytest.raises(BadPack, match="edge gateway"):
        decode(payload)


def test_a_key_is_new_only_once() -> None:
    seen = Seen()
    assert [seen.first(key) for key in ("a", "b", "a", "b", "c")] == [
        True,
        True,
        False,
        False,
        True,
    ]


def test_the_memory_of_keys_is_bounded() -> None:
    seen = Seen(limit=2)
    assert [seen.first(key) for key in ("a", "b", "c", "c", "a")] == [True, True, True, False, True]


def test_the_decoder_needs_nothing_but_the_standard_library() -> None:
    for module in (consumer, rfc8428):
        tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            for name in names:
                ours = name == "edge_gateway.uplink.rfc8428"
                assert ours or name.partition(".")[0] in sys.stdlib_module_names
