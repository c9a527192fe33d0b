"""models/evaluate.py as it is run, on hand-made annotation and detections."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

# Frame 1 holds A and B, frame 2 holds C.
TRUTH = """\
1,1,0,0,10,10,1,-1,-1,-1
1,2,100,0,10,20,1,-1,-1,-1
2,3,50,50,10,10,1,-1,-1,-1
"""
FOUND: list[dict[str, object]] = [
    # A exactly; A once more; B four pixels high: IoU = 16/24.
    {"frame": 1, "boxes": [[0, 0, 10, 10, 0.9], [0, 0, 10, 10, 0.8], [100, 4, 10, 20, 0.7]]},
    {"frame": 2, "boxes": []},
]


def judge(models: Path, folder: Path, found: list[dict[str, object]]) -> dict[str, float]:
    (folder / "truth.txt").write_text(TRUTH)
    (folder / "found.jsonl").write_text("".join(json.dumps(frame) + "\n" for frame in found))
    command = [sys.executable, str(models / "evaluate.py"), "--json", "--last-frame", "2"]
    command += ["--truth", str(folder / "truth.txt"), "--detections", str(folder / "found.jsonl")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_a_second_box_on_the_same_person_is_a_false_one(models: Path, tmp_path: Path) -> None:
    figures = judge(models, tmp_path, FOUND)
    # By falling score: hit, miss, hit. Precision 1, 1/2, 2/3 at recall 1/3, 1/3, 2/3.
    assert figures["average_precision"] == pytest.approx(1 / 3 + 2 / 3 * 1 / 3)


def test_the_working_point_is_where_f1_is_best(models: Path, tmp_path: Path) -> None:
    figures = judge(models, tmp_path, FOUND)
    assert figures["threshold"] == pytest.approx(0.7)
    assert figures["precision"] == pytest.approx(2 / 3)
    assert figures["recall"] == pytest.approx(2 / 3)


def test_the_count_error_is_three_for_two_and_none_for_one(models: Path, tmp_path: Path) -> None:
    assert judge(models, tmp_path, FOUND)["count_error"] == pytest.approx(1.0)


def test_less_than_half_an_overlap_is_no_hit(models: Path, tmp_path: Path) -> None:
    # Four of ten pixels aside: IoU = 60/140.
    shifted: list[dict[str, object]] = [{"frame": 1, "boxes": [[4, 0, 10, 10, 0.9]]}]
    assert judge(models, tmp_path, shifted)["average_precision"] == 0.0
