"""The demo as one starts it: a pole in a box, with an outage."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

PATIENCE_S = 90.0


def test_the_demo_loses_nothing_in_its_outage_and_writes_its_report(
    demo: tuple[subprocess.Popen[str], Path],
) -> None:
    process, folder = demo
    _, said = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, said
    report = json.loads((folder / "demo-report.json").read_text(encoding="utf-8"))
    assert report["lost"] == 0
    assert report["duplicated"] == 0
    assert report["messages"]["backfill"] > 0
    assert set(report["devices"]) == {"air", "sun", "wind"}
    assert all(device["produced"] > 0 for device in report["devices"].values())
