"""The whole gateway with a camera full of canaries: none is in outbox or log, or at a broker."""

from __future__ import annotations

import logging
from pathlib import Path
from random import Random

import pytest

from edge_gateway.app import Gateway
from edge_gateway.cli.check import read
from edge_gateway.clock import SystemClock
from edge_gateway.health import Notifier
from edge_gateway.twins.broker import Broker, available
from edge_gateway.uplink.consumer import decode_all
from tests.people import canaries
from tests.people.watched_counter import write_clip
from tests.uplink.conftest import Listener

CONFIG = """
[gateway]
id = "pole-1"
[outbox]
folder = "{folder}/outbox"
[uplink]
host = "127.0.0.1"
port = {port}
tls = false
start_spread_s = 0.0
[privacy]
purpose = "width of the footway"
operator = "City"
contact = "city@example"
legal_basis = "ordinance 7"
retention = "counts: 5 years"
notice_posted = true
[[device]]
id = "camera-1"
driver = "camera"
source = "{folder}/clip.avi"
loop = true
model = 320
interval_s = 2
pictures = "scene"
picture_interval_s = 10.0
line = [{{ name = "gate", start = [20, 60], end = [150, 60] }}]
"""


@pytest.fixture(scope="module")
def leaving(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Every byte of a gateway that counted until its first picture, by where it was found."""
    if "mosquitto" not in available():
        pytest.skip("needs mosquitto: apt-get install mosquitto")
    folder = tmp_path_factory.mktemp("pole")
    write_clip(folder / "clip.avi", [canaries.scene(number) for number in range(canaries.PICTURES)])
    log = folder / "log"
    handler = logging.FileHandler(log, encoding="utf-8")
    logging.getLogger().addHandler(handler)
    with Broker("mosquitto") as broker, Listener(broker.port) as listener:
        path = folder / "gateway.toml"
        path.write_text(CONFIG.format(folder=folder, port=broker.port), encoding="utf-8")
        gateway = Gateway(
            read(path), clock=SystemClock(), random=Random(1), notifier=Notifier(None)
        )
        gateway.start()
        try:
            listener.wait(
                lambda: any("/picture/" in message.topic for message in listener.messages),
                "a picture",
            )
            # While it runs: the write-ahead log is emptied at the end.
            found = _files(folder / "outbox")
        finally:
            gateway.stop()
    logging.getLogger().removeHandler(handler)
    handler.close()
    found["the log"] = log.read_bytes()
    for number, message in enumerate(listener.messages):
        found[f"message {number} on {message.topic}"] = bytes(message.payload)
    return found


def test_nothing_of_the_pictures_is_in_the_outbox_the_log_or_at_the_broker(
    leaving: dict[str, bytes],
) -> None:
    assert not canaries.search(leaving, canaries.of_pictures() | canaries.of_tensors())


def test_counts_and_a_picture_did_leave(leaving: dict[str, bytes]) -> None:
    counts = [payload for name, payload in leaving.items() if name.endswith("/counts")]
    names = {
        reading.name
        for payload in counts
        for pack in decode_all(payload)
        for reading in pack.readings
    }
    assert {"people", "coverage"} <= {name.partition(".")[0].rpartition(":")[2] for name in names}
    assert any(name.endswith("picture/camera-1") for name in leaving)


def test_the_outbox_was_looked_at_with_its_log(leaving: dict[str, bytes]) -> None:
    assert any(name.endswith("-wal") for name in leaving)


def _files(folder: Path) -> dict[str, bytes]:
    return {f"file {path.name}": path.read_bytes() for path in folder.rglob("*") if path.is_file()}
