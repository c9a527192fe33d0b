"""Prove that nobody is left in anonymized pictures: `python -m benchmarks.privacy --help`.

Cases that were judged are kept beside the materials and not judged again, as long as neither the
anonymizer nor the proof has changed: an interrupted run goes on. Exits with 1 when anything is
found, and with 3 when materials cannot be had.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Final

import cv2

from benchmarks.privacy import report
from benchmarks.privacy.cases import FACES_PX, FIGURES, SEED, Case, matrix
from benchmarks.privacy.judges import Finder, all_judges
from benchmarks.privacy.materials import NoMaterialError
from benchmarks.privacy.proof import Outcome, bypassed, prove
from benchmarks.privacy.scenes import Scenes
from edge_gateway.people.detect import Detector, shipped_model

ROOT: Final = Path(__file__).parents[2]
BAR: Final = 30
LEARNT: Final = "learnt"
CANNOT_OBTAIN: Final = 3
PEOPLE: Final = ROOT / "edge_gateway" / "people"
JUDGED_CODE: Final = (
    *(PEOPLE / f"{name}.py" for name in ("anonymize", "background", "cells", "sketch")),
    PEOPLE / "responses.py",
    *sorted(Path(__file__).parent.glob("*.py")),
)


def main() -> int:
    """Run what was not yet run, and write the figures."""
    options = _arguments()
    os.nice(options.nice)
    cv2.setNumThreads(1)
    try:
        outcomes, learnt = _run(options)
    except NoMaterialError as error:
        print(error, file=sys.stderr)
        return CANNOT_OBTAIN
    summary = report.summarise(outcomes, learnt, options.seed)
    if options.json:
        options.json.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    if options.docs:
        text = options.docs.read_text(encoding="utf-8")
        options.docs.write_text(report.with_tables(text, summary), encoding="utf-8")
    print(report.tables(summary))
    for outcome in outcomes:
        for finding in outcome.findings:
            print(f"found: {outcome.name}: {finding}")
    return 1 if summary["found_after"] else 0


def _run(options: argparse.Namespace) -> tuple[list[Outcome], list[Outcome]]:
    judges = all_judges(options.cache)
    detector = Detector(shipped_model(320))
    scenes = Scenes(options.cache, options.data, detector)
    kept = _Kept(options.cache / "privacy" / f"{_digest()}-{options.seed}.jsonl")
    cases = matrix(options.seed)[options.first : options.cases]
    outcomes = [outcome for case in cases if (outcome := kept.get(case.name))]
    started_s, run = time.monotonic(), 0
    seen: set[str] = set()
    for case in cases:
        if kept.get(case.name) or _pictures(outcomes) >= options.enough:
            continue
        outcome = prove(case, scenes, detector, judges, seen)
        kept.put(outcome)
        outcomes.append(outcome)
        run += 1
        _show(len(outcomes), len(cases), outcomes, (time.monotonic() - started_s) / run)
    _control(cases, outcomes, scenes, detector, judges)
    return outcomes, _learnt(scenes, judges, kept, options.seed)


def _control(
    cases: list[Case],
    outcomes: list[Outcome],
    scenes: Scenes,
    detector: Detector,
    judges: Mapping[str, Finder],
) -> None:
    """Let judges who found somebody look at the same street without anybody."""
    by_name = {case.name: case for case in cases}
    for outcome in (one for one in outcomes if one.findings and one.face_px):
        asked = {name: judges[name] for name in map(report.judge_of, outcome.findings)}
        case = by_name[outcome.name]
        control = prove(case, scenes, detector, asked, set(), empty=True)
        false = {report.judge_of(finding) for finding in control.findings}
        outcome.false_alarms = [one for one in outcome.findings if report.judge_of(one) in false]


def _learnt(
    scenes: Scenes, judges: Mapping[str, Finder], kept: "_Kept", seed: int
) -> list[Outcome]:
    """Judge the drawing alone, which learning has nothing to do with."""
    outcomes = kept.learnt()
    if len(outcomes) < len(FIGURES) * len(FACES_PX):
        outcomes = [outcome for _figure, _size, outcome in bypassed(scenes, judges, seed)]
        for outcome in outcomes:
            kept.put(outcome)
    return outcomes


class _Kept:
    """Outcomes of this code, one a line, in a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        read = [Outcome.read(json.loads(line)) for line in lines]
        self._outcomes = {outcome.name: outcome for outcome in read}

    def get(self, name: str) -> Outcome | None:
        return self._outcomes.get(name)

    def learnt(self) -> list[Outcome]:
        """Return the outcomes of figures that were drawn as though learnt."""
        return [outcome for outcome in self._outcomes.values() if outcome.behaviour == LEARNT]

    def put(self, outcome: Outcome) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(outcome)) + "\n")


def _digest() -> str:
    code = hashlib.sha256()
    for path in JUDGED_CODE:
        if path.name not in {"__main__.py", "report.py"}:
            code.update(path.read_bytes())
    return code.hexdigest()[:16]


def _pictures(outcomes: list[Outcome]) -> int:
    return sum(outcome.after.pictures for outcome in outcomes)


def _show(done: int, cases: int, outcomes: list[Outcome], case_s: float) -> None:
    """Show how far it is, in one line that is written over where there is a terminal."""
    found = sum(len(outcome.findings) for outcome in outcomes)
    left_min = case_s * (cases - done) / 60
    filled = round(BAR * done / cases)
    line = (
        f"[{'#' * filled}{'.' * (BAR - filled)}] {done}/{cases} cases,"
        f" {_pictures(outcomes):,} pictures, {found} findings, {left_min:.0f} min left "
    )
    end = "\r" if sys.stderr.isatty() and done < cases else "\n"
    if sys.stderr.isatty() or done % 10 == 0 or done == cases:
        print(line, end=end, file=sys.stderr, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.privacy", description=(__doc__ or "").splitlines()[0]
    )
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "edge-gateway"
    data = Path(os.environ.get("EDGE_GATEWAY_TEST_DATA") or ROOT.parent / "shared" / "data")
    parser.add_argument("--cache", type=Path, default=cache, help="where materials are kept")
    parser.add_argument("--data", type=Path, default=data, help="folder of test footage")
    parser.add_argument("--seed", type=int, default=SEED, help="of scenes and order (%(default)s)")
    parser.add_argument("--cases", type=int, default=sys.maxsize, help="only the first n of them")
    parser.add_argument("--first", type=int, default=0, help="leave out so many of them")
    parser.add_argument(
        "--enough", type=int, default=sys.maxsize, help="stop after so many pictures"
    )
    parser.add_argument("--nice", type=int, default=10, help="priority given up (%(default)s)")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--docs", type=Path, help="write the tables into this document")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
