"""This gateway, fed through its `local` driver."""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.peers.contract import Block, Ground, Peer, Started, launch
from benchmarks.peers.handovers import Lines

ROOT = Path(__file__).parents[2]
DEVICE = "bench"
LINE = '{"quantity":"number","channel":"%s","value":%d,"time":%.6f}\n'
_VALUES = ":number"
_GZIP = b"\x1f\x8b"

_SETTINGS = """\
[gateway]
id = "pole"
[clock]
source = "trusted"
[outbox]
folder = "{folder}/outbox"
{outbox}
[[uplink]]
host = "127.0.0.1"
port = {port}
tls = false
[[device]]
id = "{device}"
driver = "local"
socket = "{folder}/bench.sock"
"""


def ours(name: str = "ours", commit_interval_s: float | None = None) -> Peer:
    """The daemon of this repository as it comes; a `commit_interval_s` of None is its default."""
    pace = "default commit interval of 5 s"
    outbox = ""
    if commit_interval_s is not None:
        pace = f"commit interval of {commit_interval_s:g} s"
        outbox = f"commit_interval_s = {commit_interval_s}"
    return Peer(
        name,
        f"edge-gateway, {pace}, SenML JSON; fed by JSON lines through `local`",
        "`A<n>`: committed to disk (SQLite, write-ahead log, synchronous=FULL)",
        decode,
        rush_readings=1_000_000,
        backlog_readings=1_000_000,
        backlog_rate_hz=None,
        start=partial(_start, outbox),
    )


def _start(outbox: str, ground: Ground) -> Started:
    settings = ground.folder / "gateway.toml"
    settings.write_text(
        _SETTINGS.format(
            folder=ground.folder, port=ground.uplink_port, device=DEVICE, outbox=outbox
        ),
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "edge_gateway", "run", "--config", str(settings)]
    process = launch(command, ground.folder, PYTHONPATH=str(ROOT))
    return Started(process, partial(Lines, ground.folder / "bench.sock", LINE))


def decode(topic: str, payload: bytes) -> Iterator[Block]:
    """The blocks of a SenML pack (RFC 8428), by what docs/topics.md says of it."""
    if not topic.endswith("/raw"):
        return
    text = gzip.decompress(payload) if payload.startswith(_GZIP) else payload
    key, kind, base = "", "", ""
    numbers: list[int] = []
    for record in json.loads(text):
        base = record.get("bn", base)
        if "v" in record and base.endswith(_VALUES):
            numbers.append(int(record["v"]))
        elif record.get("n") == "batch":
            if key:
                yield Block(key, kind, numbers)
            numbers = []
            key, _, kind = record["vs"].rsplit("/", 1)[0].rpartition("/")
    if not key:
        raise ValueError("a pack without its batch record")
    yield Block(key, kind, numbers)
