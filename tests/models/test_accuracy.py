"""The shipped models on annotated frames of the first half of the PETS clip.

The floors leave room for the sampling of every eighth frame; the card states the full figures.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.parametrize(("size", "floor"), [(416, 0.90), (320, 0.87)])
def test_a_shipped_model_finds_the_people(
    models: Path, pets_clip: Path, pets_truth: Path, size: int, floor: float
) -> None:
    command = [sys.executable, str(models / "evaluate.py"), "--json"]
    command += ["--video", str(pets_clip), "--truth", str(pets_truth)]
    command += ["--last-frame", "397", "--every", "8"]
    command += ["--model", str(models / f"nanodet-g-{size}-int8.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["average_precision"] >= floor
