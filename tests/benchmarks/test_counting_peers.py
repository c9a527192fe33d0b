"""The two sides of the counting benchmark, the peer's played by a few lines."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from benchmarks.counting_peers import AS_IT_COMES, Peer, ours
from edge_gateway.people.boundary import Direction
from edge_gateway.people.detect import Boxes
from edge_gateway.people.lines import Line

DOOR = Line("door", (150, 400), (150, 100))
GATE = Line("gate", (900, 400), (900, 100))

PLAYED = """\
import json, sys
import numpy as np

stored = np.load(sys.argv[2])
assert stored["counts"].tolist() == [1] * 40 and stored["boxes"].shape == (40, 5)
print(json.dumps({"trackers": "played"}), flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    assert asked["lines"] == [[[150, 400], [150, 100]], [[900, 400], [900, 100]]]
    answer = {"events": [[1, False, 20]], "tracking_s": 0.4, "lines_s": 0.2}
    print(json.dumps(answer), flush=True)
"""


@pytest.fixture
def walk() -> list[Boxes]:
    """One walker to the right for 4 s: the foot point is 150 px in picture 20, from 0."""
    return [np.array([[35 + 5 * n, 220, 30, 80, 0.8]], np.float32) for n in range(40)]


def test_ours_counts_the_walker_over_the_line(walk: list[Boxes]) -> None:
    counted = ours(walk, [DOOR, GATE], 10.0)

    # The line runs up the picture: who walks to the right leaves its left hand.
    (crossing,) = counted.crossings
    assert (crossing.line, crossing.direction) == ("door", Direction.BACKWARD)
    assert crossing.time_s == pytest.approx(2.0, abs=0.15)


def test_the_peer_s_events_are_named_as_ours(walk: list[Boxes], tmp_path: Path) -> None:
    script = tmp_path / "played.py"
    script.write_text(PLAYED, encoding="utf-8")
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n', encoding="utf-8")
    python.chmod(0o755)

    with Peer(python, walk, 10.0, tmp_path) as peer:
        counted = peer.count(AS_IT_COMES, [DOOR, GATE])

    (crossing,) = counted.crossings
    assert (crossing.line, crossing.direction, crossing.frame) == ("gate", Direction.BACKWARD, 21)
    assert (counted.tracking_ms, counted.lines_ms) == pytest.approx((10.0, 5.0))
