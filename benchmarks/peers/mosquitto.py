"""A local mosquitto with a bridge to the upstream broker."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from functools import partial

from benchmarks.peers.contract import Block, Ground, Peer, Started, launch
from benchmarks.peers.handovers import Published
from edge_gateway.twins.broker import free_port

_SBIN = os.pathsep.join(("/usr/sbin", "/usr/bin", "/sbin", "/bin", "/usr/local/sbin"))

# max_queued_messages 0: its default of 1,000 would drop the rest of a backlog in silence.
# restart_timeout 1: as soon as it can try again.
_SETTINGS = """\
{user}listener {port} 127.0.0.1
allow_anonymous true
persistence true
persistence_location {folder}/
autosave_interval 10
max_queued_messages 0
connection upstream
address 127.0.0.1:{uplink_port}
remote_clientid bridge
local_clientid bridge-local
topic # out 1
cleansession false
notifications false
restart_timeout 1
bridge_protocol_version mqttv311
"""


def mosquitto() -> Peer:
    """Debian's mosquitto, saving its database every 10 s."""
    return Peer(
        "mosquitto",
        "mosquitto with a bridge, autosave_interval 10, max_queued_messages 0; "
        "fed by one MQTT message a reading, QoS 1",
        "PUBACK of the local broker: in its memory, on disk with the next save (10 s)",
        decode,
        rush_readings=200_000,
        backlog_readings=100_000,
        backlog_rate_hz=5000.0,
        start=_start,
        missing=_missing,
    )


def _missing() -> str | None:
    if shutil.which("mosquitto", path=_SBIN) is None:
        return "mosquitto is not installed: apt-get install mosquitto"
    return None


def _start(ground: Ground) -> Started:
    port = free_port()
    settings = ground.folder / "mosquitto.conf"
    # As root it would change to a user who may not write here.
    user = "user root\n" if os.geteuid() == 0 else ""
    settings.write_text(
        _SETTINGS.format(
            user=user, port=port, folder=ground.folder, uplink_port=ground.uplink_port
        ),
        encoding="utf-8",
    )
    program = shutil.which("mosquitto", path=_SBIN) or "mosquitto"
    process = launch([program, "-c", str(settings)], ground.folder)
    return Started(process, partial(Published, port))


def decode(topic: str, payload: bytes) -> Iterator[Block]:
    """One reading a message."""
    if topic.startswith("sensors/"):
        yield Block(None, "", (json.loads(payload)["v"],))
