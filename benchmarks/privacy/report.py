"""The figures of a run, as JSON and as the tables of docs/privacy.md."""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

from benchmarks.privacy.cases import BEHAVIOURS, CLIPS, DETECTORS, FACES_PX, matrix
from benchmarks.privacy.judges import Tally
from benchmarks.privacy.proof import Outcome

PART: Final = "proof"
LEARNT: Final = (
    "The drawing alone, learning left out: figures drawn as though all of them had been learnt"
    " (not part of the count above)."
)


def summarise(outcomes: Sequence[Outcome], learnt: Sequence[Outcome], seed: int) -> dict[str, Any]:
    """Add up outcomes by what people do, how near they are and who sees them."""
    composed = [outcome for outcome in outcomes if outcome.face_px]
    clips = [outcome for outcome in outcomes if not outcome.face_px]
    rows = {
        about: [outcome for outcome in composed if outcome.behaviour == behaviour]
        for behaviour, about in BEHAVIOURS.items()
    }
    rows |= {
        f"{clip}: as it is, lights, shaken, noisy": [
            outcome for outcome in clips if outcome.name.startswith(f"{clip},")
        ]
        for clip in CLIPS
    }
    return {
        "seed": seed,
        "cases": len(outcomes),
        "cases_of": len(matrix(seed)),
        "pictures": sum(outcome.after.pictures for outcome in outcomes),
        "repeated": sum(outcome.repeated for outcome in outcomes),
        "blank": sum(outcome.blank for outcome in outcomes),
        "found_after": sum(
            len(outcome.findings) - len(outcome.false_alarms) for outcome in outcomes
        ),
        "false_alarms": [
            f"{outcome.name}: {alarm}" for outcome in outcomes for alarm in outcome.false_alarms
        ],
        "by_behaviour": {name: _added(part) for name, part in rows.items() if part},
        "by_face": {
            f"{face_px} px": _added(part)
            for face_px in FACES_PX
            if (part := [outcome for outcome in composed if outcome.face_px == face_px])
        },
        "by_detector": {
            detector: _added([outcome for outcome in outcomes if outcome.detector == detector])
            for detector in DETECTORS
        },
        "learnt": {
            f"{face_px} px": _added([outcome for outcome in learnt if outcome.face_px == face_px])
            for face_px in FACES_PX
        },
        "findings": [
            f"{outcome.name}: {finding}" for outcome in outcomes for finding in outcome.findings
        ],
    }


def judge_of(finding: str) -> str:
    """Return who made a finding."""
    return finding.partition(" in picture ")[0]


def tables(summary: dict[str, Any]) -> str:
    """Return the tables in Markdown."""
    total = (
        f"{summary['cases']} of {summary['cases_of']} cases, in an order of chance:"
        f" {summary['pictures']:,} different anonymized pictures"
        f" ({summary['repeated']:,} more were the same as one of these, byte for byte, and"
        f" {summary['blank']:,} showed next to nothing; neither are counted),"
        f" seed {summary['seed']}: found after: **{summary['found_after']}**"
        f" and {len(summary['false_alarms'])} false alarms (findings of a judge who also finds"
        " somebody in the same made street when nobody is in it)."
    )
    parts = [
        total,
        _table("Who is there, and what happens", summary["by_behaviour"]),
        _table("Height of the face", summary["by_face"]),
        _table("The product's own detector", summary["by_detector"]),
        LEARNT,
        _table("Height of the face", summary["learnt"]),
    ]
    return "\n\n".join(parts) + "\n"


def with_tables(text: str, summary: dict[str, Any]) -> str:
    """Replace what stands between the marks of the tables."""
    pattern = rf"(<!-- {PART} -->\n).*?(<!-- end of {PART} -->)"
    return re.sub(pattern, lambda mark: mark[1] + tables(summary) + mark[2], text, flags=re.DOTALL)


def _table(head: str, rows: dict[str, Any]) -> str:
    judges = list(next(iter(rows.values()))["before"]["found"]) if rows else []
    lines = [
        f"| {head} | originals | " + " | ".join(judges) + " | anonymized | learnt | found |",
        "|---|--:|" + "--:|" * len(judges) + "--:|--:|--:|",
    ]
    for name, row in rows.items():
        before, after = row["before"], row["after"]
        found = [f"{before['found'].get(judge, 0)}" for judge in judges]
        among = {judge: count for judge, count in after["found"].items() if count}
        told = ", ".join(f"{count} {judge}" for judge, count in among.items()) or "0"
        shown = [f"{after['pictures']:,}", f"{row['known']:.0%}", f"**{told}**"]
        cells = [name, f"{before['pictures']}", *found, *shown]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _added(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    before, after, known = Tally(), Tally(), list[float]()
    for outcome in outcomes:
        known.append(outcome.known)
        for total, part in ((before, outcome.before), (after, outcome.after)):
            total.pictures += part.pictures
            for judge, count in part.found.items():
                total.found[judge] = total.found.get(judge, 0) + count
                total.best[judge] = max(total.best.get(judge, 0.0), part.best[judge])
    return {
        "known": round(sum(known) / len(known), 3) if known else 0.0,
        "before": {"pictures": before.pictures, "found": before.found},
        "after": {"pictures": after.pictures, "found": after.found, "best": after.best},
    }
