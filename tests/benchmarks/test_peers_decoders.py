"""What comes out of each gateway is read as its own documents say."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from benchmarks.peers import mosquitto, ours, thingsboard

# By docs/topics.md; two blocks, an event, a note on a value, and a quantity that is not ours.
PACK = b"""[
{"bn":"urn:dev:ops:pole:","bt":1785733200,"n":"batch","vs":"57043/7/backfill/synced"},
{"t":1.5,"n":"event:device_up:bench","vs":"it is back"},
{"bn":"urn:dev:ops:pole:bench:s00:number.qc","t":0.5,"v":3},
{"bn":"urn:dev:ops:pole:bench:s00:number","bu":"/","t":0.25,"v":100},{"t":0.5,"v":150},
{"bn":"urn:dev:ops:pole:bench:s01:number","t":0.25,"v":101},
{"bn":"urn:dev:ops:pole:","bt":1785733200,"n":"batch","vs":"57043/8/backfill/synced"},
{"bn":"urn:dev:ops:pole:bench:s00:number","bu":"/","t":0.75,"v":200},
{"bn":"urn:dev:ops:pole:bench:s00:air_temperature","bu":"Cel","t":0.75,"v":21.5}]"""


@pytest.mark.parametrize("payload", [PACK, gzip.compress(PACK)], ids=["plain", "gzip"])
def test_a_pack_of_ours_holds_its_blocks_with_their_keys(payload: bytes) -> None:
    blocks = list(ours.decode("edge/pole/raw", payload))
    assert [(block.key, block.kind, list(block.numbers)) for block in blocks] == [
        ("57043/7", "backfill", [100, 150, 101]),
        ("57043/8", "backfill", [200]),
    ]


def test_a_pack_without_its_batch_record_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="batch record"):
        list(ours.decode("edge/pole/raw", b'[{"bn":"urn:dev:ops:pole:a:s00:number","v":1}]'))


def test_what_is_not_a_sample_of_ours_is_passed_over() -> None:
    assert list(ours.decode("edge/pole/state", b'{"state":"online"}')) == []


def test_a_bridge_passes_single_readings_on() -> None:
    assert [b.numbers for b in mosquitto.decode("sensors/s07", b'{"v":57,"t":1}')] == [(57,)]


def test_a_thingsboard_message_holds_readings_by_device() -> None:
    payload = json.dumps(
        {
            "s00": [{"ts": 1, "values": {"v": 0}}, {"ts": 2, "values": {"v": 50}}],
            "s01": [{"ts": 1, "values": {"v": 1}}],
        }
    ).encode()
    blocks = list(thingsboard.decode("v1/gateway/telemetry", payload))
    assert [block.numbers for block in blocks] == [[0, 50], [1]]


def test_the_platform_answers_a_request_at_its_own_number() -> None:
    said = thingsboard.answer("v1/devices/me/rpc/request/4", b"{}")
    assert said is not None
    assert said[0] == "v1/devices/me/rpc/response/4"


def test_the_platform_answers_nothing_else() -> None:
    assert thingsboard.answer("v1/gateway/telemetry", b"{}") is None


def test_a_missing_virtual_environment_is_told_in_a_sentence() -> None:
    peer = thingsboard.thingsboard(Path("/nowhere/bin/python"))
    assert "make bench" in (peer.missing() or "")
