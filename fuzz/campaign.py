"""`make fuzz`: every parser for its share of the time, and a table of what came of it.

Exit code 1 when a string made a parser raise what it may not, hang, or grow without bound; the
string is kept in `fuzz/found/` under the target's name.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from fuzz.growth import TIMES, growth
from fuzz.targets import Target, targets

FOUND = Path(__file__).parent / "found"
LONGEST = 4096

# One string may take so long (seconds) and the process so much memory (megabytes).
SLOWEST_S = 10
MOST_MB = 768

MOST_TIMES_LONGER = 2 * TIMES
MOST_PEAK_BYTES = 8 << 20
_STAT = re.compile(r"stat::(\w+):\s+(\d+)")


@dataclass(frozen=True, slots=True)
class Result:
    """What fuzzing one target came to."""

    name: str
    runs: int
    paths: int
    peak_mb: int
    failure: str


def fuzz(target: Target, seconds: int, folder: Path, seed: int) -> Result:
    """Fuzz one target in a process of its own."""
    plain = re.sub(r"\W+", "_", target.name)
    corpus = folder / plain
    limits = [
        f"-max_total_time={seconds}",
        f"-max_len={LONGEST}",
        f"-timeout={SLOWEST_S}",
        f"-rss_limit_mb={MOST_MB}",
        f"-artifact_prefix={FOUND}/{plain}-",
        f"-seed={seed}",
        "-print_final_stats=1",
    ]
    command = [sys.executable, "-m", "fuzz.one", target.name, str(corpus), *limits]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)  # noqa: S603 - this program
    stats = {name: int(value) for name, value in _STAT.findall(done.stderr)}
    failure = "" if done.returncode == 0 else _failure(done.stderr)
    return Result(
        target.name,
        stats.get("number_of_executed_units", 0),
        len(list(corpus.iterdir())) if corpus.exists() else 0,
        stats.get("peak_rss_mb", 0),
        failure,
    )


def _failure(said: str) -> str:
    lines = [
        line for line in said.splitlines() if re.search(r"Error|Exception|ERROR|Test unit", line)
    ]
    return " / ".join(lines[:3]) or said[-300:]


def main() -> int:
    """Fuzz, measure growth, print the table."""
    arguments = _arguments()
    chosen = [target for target in targets() if arguments.only in target.name]
    share = max(1, arguments.seconds * arguments.jobs // len(chosen))
    FOUND.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder, ThreadPoolExecutor(arguments.jobs) as pool:
        results = list(
            pool.map(partial(fuzz, seconds=share, folder=Path(folder), seed=arguments.seed), chosen)
        )
    failed = sum(bool(result.failure) for result in results)
    print(f"{'target':<28} {'strings':>9} {'paths':>6} {'MB':>5}  {'4x bytes':>9} {'KB held':>8}")
    for target, result in zip(chosen, results, strict=True):
        grown = growth(target)
        grows = grown.times_longer > MOST_TIMES_LONGER or grown.peak_bytes > MOST_PEAK_BYTES
        failed += grows
        print(
            f"{target.name:<28} {result.runs:>9} {result.paths:>6} {result.peak_mb:>5}"
            f"  {grown.times_longer:>7.1f} x {grown.peak_bytes >> 10:>8}"
            f"{f'  GROWS on {grown.pattern!r}' if grows else ''}"
            f"{f'  FAILED: {result.failure}' if result.failure else ''}"
        )
    total = sum(result.runs for result in results)
    print(f"{total} strings, {len(chosen)} targets, {share} s each, {failed} failed")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=600, help="for all together; default 600")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time; default 2")
    parser.add_argument(
        "--only", default="", metavar="WORD", help="targets with WORD in their name"
    )
    parser.add_argument("--seed", type=int, default=1, help="of libFuzzer; default 1")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
