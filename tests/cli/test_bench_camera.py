"""`edge-gateway bench camera`: its sums by hand, its answers, and one short run of the whole."""

from __future__ import annotations

import importlib.util
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree as ET

import cv2
import numpy as np
import pytest

from edge_gateway.cli.bench.picture import BAR_WIDTH, drawn
from edge_gateway.cli.bench.report import document, lines
from edge_gateway.cli.bench.stages import Cost, Figures, Stage, Stopwatch, verdict
from edge_gateway.cli.bench.street import DrawnStreet
from edge_gateway.cli.main import main
from edge_gateway.people.detect import Detector, shipped_model

SVG = "{http://www.w3.org/2000/svg}"


def figures(
    inference_ms: float, other_ms: float, *, model: int = 416, machine: str = "a machine"
) -> Figures:
    """Around inference 1 + 2 + 3 + 4 + 5 + 5 = 20 ms; decoding 6 ms; the scene 14 ms."""
    around = dict(
        zip(
            ("mask", "sight", "letterbox", "boxes", "tracking", "counting"),
            (1.0, 2.0, 3.0, 4.0, 5.0, 5.0),
            strict=True,
        )
    )
    spent = {**around, "decode": 6.0, "inference": inference_ms, "scene": 14.0}
    return Figures(
        machine=machine,
        cores=4,
        source="a drawn street",
        size=(640, 480),
        pictures=10,
        model=model,
        threads=1,
        costs={stage: Cost(spent[stage.value], 2 * spent[stage.value]) for stage in Stage},
        other_model=320 if model == 416 else 416,
        other_model_cpu_ms=other_ms,
        people=2.5,
        rss_mb=120.0,
    )


def bench(*words: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    code = main(["bench", "camera", *words])
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_stopwatch_adds_up_by_stage() -> None:
    cpu = itertools.count(0, 3)
    wall = itertools.count(0, 5)
    watch = Stopwatch(lambda: float(next(cpu)), lambda: float(next(wall)))

    for stage in (Stage.MASK, Stage.BOXES, Stage.MASK):
        with watch.time(stage):
            pass

    costs = watch.costs(pictures=2)
    assert costs[Stage.MASK] == Cost(cpu_ms=3000, wall_ms=5000)
    assert costs[Stage.BOXES] == Cost(cpu_ms=1500, wall_ms=2500)
    assert costs[Stage.SCENE] == Cost(cpu_ms=0, wall_ms=0)


def test_around_inference_is_neither_decoding_nor_the_scene() -> None:
    assert figures(80, 40).around_share == pytest.approx(20 / 80)
    assert figures(80, 40).scene_share == pytest.approx(14 / 80)


def test_the_rate_is_that_of_all_stages() -> None:
    # 20 + 6 + 14 + 85 = 125 ms.
    assert figures(85, 40).rate == pytest.approx(8.0)


def test_the_other_model_changes_letterbox_inference_and_boxes_alone() -> None:
    # 125 - (3 + 85 + 4) = 33 ms stay; with 17 of the other that is 50.
    assert figures(85, 17).other_rate == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        (figures(60, 17), "at 416 with one core; max_cpu = 0.75 leaves 7.5, and that is enough"),
        (figures(160, 47), "holds 5.0 pictures/s at 416 with one core; set model = 320 for 12"),
        (figures(360, 147), "set model = 320 for 5.6 and max_cpu = 0.9: 5 pictures/s are needed"),
        (figures(960, 467), "holds 1.0 pictures/s at 416 with one core; model = 320 holds 2.0,"),
        (figures(60, 167, model=320), "holds 10 pictures/s at 320 with one core; model = 416"),
        (figures(60, 67, model=320), "model = 416 holds 10, and that is enough"),
    ],
)
def test_the_answer_says_what_to_set(measured: Figures, said: str) -> None:
    assert said in verdict(measured, max_cpu=0.75)


def test_the_bars_are_as_long_as_the_stages_take() -> None:
    tree = ET.fromstring(drawn(figures(100, 40)))

    widths = [float(bar.attrib["width"]) for bar in tree.findall(f"{SVG}rect")[1:]]
    times_ms = [6.0, 1.0, 2.0, 3.0, 100.0, 4.0, 5.0, 5.0, 14.0]
    assert widths == pytest.approx([BAR_WIDTH * ms / 100 for ms in times_ms], abs=0.06)


def test_a_machine_s_name_cannot_break_the_picture() -> None:
    tree = ET.fromstring(drawn(figures(100, 40, machine="<R&D> board")))

    assert any("<R&D> board" in (text.text or "") for text in tree.findall(f"{SVG}text"))


def test_the_table_has_a_line_a_stage() -> None:
    table = lines(figures(100, 40))

    assert [row.split()[0] for row in table if row.endswith(")") or "%  " in row] == [
        stage.value for stage in Stage
    ]
    assert any("around inference: 20.0%" in row for row in table)


def test_the_document_is_whole() -> None:
    told = document(figures(85, 17))

    assert told["pictures_per_s_of_a_core"] == 8.0
    assert told["other_model_pictures_per_s_of_a_core"] == 20.0
    assert json.loads(json.dumps(told)) == told


def test_the_drawn_street_is_the_same_at_every_run() -> None:
    first, second = (DrawnStreet().frame(12) for _ in range(2))

    assert np.array_equal(first.picture, second.picture)
    assert first.time_s == pytest.approx(1.1)


def test_the_detector_takes_the_drawn_walkers_for_people() -> None:
    found = Detector(shipped_model(416)).detect(DrawnStreet().frame(5).picture, 0.5)

    assert len(found) >= 5


def test_a_run_on_the_drawn_street_tells_all_stages_but_decoding(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "stages.svg"

    code, told, _ = bench("--frames", "5", "--json", "--picture", str(sheet), capsys=capsys)

    document = json.loads(told)
    assert code == 0
    assert list(document["stages"]) == [stage.value for stage in Stage if stage != Stage.DECODE]
    assert document["pictures"] == 5
    assert document["stages"]["inference"]["cpu_ms"] > 0
    assert ET.fromstring(sheet.read_text(encoding="utf-8")).tag == f"{SVG}svg"


def video(path: Path, pictures: int, size: tuple[int, int] = (160, 120)) -> Path:
    fourcc = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), fourcc, 10.0, size)
    for level in range(pictures):
        writer.write(np.full((size[1], size[0], 3), 40 + level, np.uint8))
    writer.release()
    return path


def test_a_short_video_is_measured_as_far_as_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(video(tmp_path / "short.avi", 7))

    code, told, _ = bench("--source", source, "--model", "320", "--json", capsys=capsys)

    document = json.loads(told)
    # Three of the seven warm up.
    assert (code, document["pictures"], document["size"]) == (0, 4, [160, 120])
    assert list(document["stages"]) == [stage.value for stage in Stage]
    assert document["stages"]["decode"]["cpu_ms"] > 0


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--frames", "4"], 2, "--frames is 4: give 5 or more"),
        (["--threads", "0"], 2, "--threads is 0: give 1 or more"),
        (["--picture", "bars.png"], 2, "--picture is bars.png: name a .svg file"),
        (["--source", "gone.avi"], 4, "gone.avi: there is no such file; check the path"),
    ],
)
def test_a_mistake_is_said_in_a_sentence(
    words: Sequence[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    returned, _, told = bench(*words, capsys=capsys)

    assert returned == code
    assert said in told


def test_a_video_too_short_to_measure_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(video(tmp_path / "two.avi", 2))

    code, _, said = bench("--source", source, "--model", "320", capsys=capsys)

    assert code == 4
    assert "two.avi gave 2 pictures: more than 3 are needed" in said


def test_a_picture_in_no_folder_is_said_before_anything_is_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = tmp_path / "no folder" / "stages.svg"

    code, _, said = bench("--picture", str(sheet), capsys=capsys)

    assert code == 2
    assert "no folder: there is no such folder; make it first" in said
    assert "measuring" not in said


def test_without_the_camera_s_packages_the_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def nowhere(_name: str) -> None:
        return None

    monkeypatch.setattr(importlib.util, "find_spec", nowhere)

    code, _, said = bench(capsys=capsys)

    assert code == 1
    assert "needs numpy, cv2, onnxruntime: pip install 'edge-gateway[camera]'" in said
