"""The shipped models on annotated frames of the first half of the PETS clip.

The floors leave room for the sampling of every eighth frame; the card states the full figures.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

FLOORS = {416: 0.90, 320: 0.87}


@pytest.fixture(scope="module")
def running(
    models: Path, pets_clip: Path, pets_truth: Path
) -> Generator[dict[int, subprocess.Popen[str]]]:
    """The evaluations of all models at once, one process each."""
    command = [sys.executable, str(models / "evaluate.py"), "--json"]
    command += ["--video", str(pets_clip), "--truth", str(pets_truth)]
    command += ["--last-frame", "397", "--every", "8", "--model"]
    started = {
        size: subprocess.Popen(
            [*command, str(models / f"nanodet-g-{size}-int8.onnx")],
            stdout=subprocess.PIPE,
            text=True,
        )
        for size in FLOORS
    }
    yield started
    for process in started.values():
        process.kill()
        process.wait()


@pytest.mark.parametrize("size", FLOORS)
def test_a_shipped_model_finds_the_people(
    running: dict[int, subprocess.Popen[str]], size: int
) -> None:
    said, _ = running[size].communicate()
    assert running[size].returncode == 0
    assert json.loads(said)["average_precision"] >= FLOORS[size]
