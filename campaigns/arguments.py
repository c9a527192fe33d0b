"""What every campaign is told on its command line, and how it says what came of it."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from campaigns.check import Findings

Row = Mapping[str, str | float]


@dataclass(slots=True)
class Report:
    """The rows of a table, all that was found wrong, and where the processor time went."""

    title: str
    seed: int
    rows: list[Row] = field(default_factory=list[Row])
    findings: Findings = field(default_factory=Findings)
    began_s: float = field(default_factory=time.monotonic)

    def row(self, findings: Findings, **columns: str | float) -> None:
        """Add a line with its verdict."""
        verdict: dict[str, str | float] = {
            "lost": findings.lost,
            "duplicated": findings.duplicated,
            "out of order": findings.disordered,
            "wrong": len(findings.wrong),
        }
        self.rows.append({**columns, **verdict})
        self.findings.add(findings)

    def end(self, *, as_json: bool) -> int:
        """Print it; the exit code."""
        seconds = round(time.monotonic() - self.began_s, 1)
        if as_json:
            _say(json.dumps(self._facts(seconds)))
        else:
            _say(f"{self.title} (seed {self.seed})\n{table(self.rows)}")
            for sentence in self.findings.wrong[:20]:
                _say(f"  {sentence}")
            _say(f"{self.findings}" if self.findings.wrong == [] else "FAILED")
            _say(f"{seconds} s")
        return 0 if self.findings.good else 1

    def _facts(self, seconds: float) -> dict[str, Any]:
        return {
            "campaign": self.title,
            "seed": self.seed,
            "good": self.findings.good,
            "rows": self.rows,
            "wrong": self.findings.wrong,
            "seconds": seconds,
        }


def parser(
    description: str | None, *, count: int = 0, seconds: float = 0.0
) -> argparse.ArgumentParser:
    """The options of all campaigns; `count` and `seconds` are defaults, left out where 0."""
    made = argparse.ArgumentParser(description=description)
    made.add_argument("--seed", type=int, default=1, help="of all that is random; default 1")
    made.add_argument("--json", action="store_true", help="say it as one JSON object")
    if count:
        made.add_argument("--count", type=int, default=count, help=f"default {count}")
    if seconds:
        made.add_argument("--seconds", type=float, default=seconds, help=f"default {seconds:g}")
    return made


def seeded(seed: int, *words: object) -> Random:
    """A source of chance of its own for each part, so that parts may be run alone."""
    return Random(":".join(str(word) for word in (seed, *words)))  # noqa: S311 - what to try next


def table(rows: Sequence[Row]) -> str:
    """Rows as text, columns as wide as they need."""
    if not rows:
        return "nothing was run"
    heads = list(rows[0])
    cells = [heads, *([f"{row.get(head, '')}" for head in heads] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(heads))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if not place else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def skipped(campaign: str, reason: str) -> int:
    """Say why a campaign cannot be run here; that is no failure."""
    _say(f"{campaign}: skipped, {reason}")
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
