"""The cases and the report of `make privacy`; the run itself needs downloads and half an hour."""

import json
from collections import Counter
from dataclasses import asdict
from pathlib import Path

from benchmarks.privacy.cases import BEHAVIOURS, CLIPS, DETECTORS, FACES_PX, FIGURES, matrix
from benchmarks.privacy.judges import Tally
from benchmarks.privacy.proof import Outcome
from benchmarks.privacy.report import summarise, tables, with_tables

ROOT = Path(__file__).parents[2]


def test_every_face_size_meets_every_behaviour_and_detector_once() -> None:
    composed = [case for case in matrix() if case.face_px]
    met = Counter((case.face_px, case.behaviour, case.detector) for case in composed)
    assert set(met.values()) == {1}
    assert len(met) == len(FACES_PX) * len(BEHAVIOURS) * len(DETECTORS)


def test_every_figure_does_everything() -> None:
    met = {(case.subject, case.behaviour) for case in matrix() if case.face_px}
    assert len(met) == len(FIGURES) * len(BEHAVIOURS)


def test_every_clip_is_seen_by_every_detector() -> None:
    met = {(case.subject, case.detector) for case in matrix() if not case.face_px}
    assert len(met) == len(CLIPS) * len(DETECTORS)


def test_the_same_seed_gives_the_same_cases_in_the_same_order() -> None:
    assert matrix(5) == matrix(5)
    assert matrix(5) != matrix(6)


def test_there_are_enough_pictures_though_a_third_should_be_blank() -> None:
    assert sum(case.pictures for case in matrix()) * 2 / 3 > 5000


def outcome(*findings: str) -> Outcome:
    before = Tally(4, {"HOG": 3}, {"HOG": 1.5})
    after = Tally(50, {"HOG": len(findings)}, {"HOG": 0.0})
    walks = ("lfw 40 px, walks, detector blind", "walks", 40, "blind")
    return Outcome(*walks, before, after, known=0.5, findings=list(findings))


def test_a_finding_is_in_the_table_and_in_the_sum() -> None:
    told = tables(summarise([outcome("HOG in picture 3")], [], 1))
    assert "50 different anonymized pictures" in told
    assert "found after: **1**" in told
    assert "| 4 | 3 | 50 | 50% | **1 HOG** |" in told


def test_what_is_found_in_the_empty_street_too_is_a_false_alarm() -> None:
    one = outcome("HOG in picture 3", "SSD in picture 4")
    one.false_alarms = ["HOG in picture 3"]
    summary = summarise([one], [], 1)
    assert (summary["found_after"], len(summary["false_alarms"])) == (1, 1)


def test_no_finding_is_a_zero() -> None:
    assert "| 4 | 3 | 50 | 50% | **0** |" in tables(summarise([outcome()], [], 1))


def test_the_tables_replace_those_of_the_run_before() -> None:
    text = "above\n<!-- proof -->\nold\n<!-- end of proof -->\nbelow\n"
    once = with_tables(text, summarise([outcome()], [], 1))
    assert once.startswith("above\n<!-- proof -->\n1 of 213 cases")
    assert once.endswith("<!-- end of proof -->\nbelow\n")
    assert with_tables(once, summarise([outcome()], [], 1)) == once


def test_an_outcome_is_read_as_it_was_written() -> None:
    assert Outcome.read(asdict(outcome("HOG in picture 3"))) == outcome("HOG in picture 3")


def test_the_document_shows_the_tables_of_the_run_whose_figures_are_kept() -> None:
    summary = json.loads((ROOT / "benchmarks/privacy/RESULTS.json").read_text(encoding="utf-8"))
    text = (ROOT / "docs/privacy.md").read_text(encoding="utf-8")
    assert with_tables(text, summary) == text
