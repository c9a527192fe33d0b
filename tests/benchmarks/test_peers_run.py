"""A short run of the whole harness against this gateway and a real broker."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from benchmarks.peers.ours import ours
from benchmarks.peers.results import Options
from benchmarks.peers.scenarios import steady
from edge_gateway.twins.broker import available


def test_every_reading_of_a_short_steady_run_is_accounted_for() -> None:
    if "mosquitto" not in available():
        pytest.skip("mosquitto is not installed: apt-get install mosquitto")
    # Not in pytest's folder: the name of a socket has at most 90 bytes.
    with TemporaryDirectory(prefix="peers-") as folder:
        figures = steady(ours("short", 0.5), Path(folder), Options(steady_s=2.0, warm_up_s=0.5))
    assert figures.books.handed >= 1000
    assert figures.books.lost == 0
    assert figures.books.duplicated == 0
    assert figures.wire_up_bytes > 1
