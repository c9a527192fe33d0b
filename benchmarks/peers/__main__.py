"""Measures the gateways in one run and writes the report: `python -m benchmarks.peers`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from benchmarks.peers import report
from benchmarks.peers.contract import Peer
from benchmarks.peers.mosquitto import mosquitto
from benchmarks.peers.ours import ours
from benchmarks.peers.results import Options
from benchmarks.peers.scenarios import outage, rush, steady
from benchmarks.peers.stand import Failed
from benchmarks.peers.thingsboard import thingsboard

ROOT = Path(__file__).parents[2]
SCENARIOS: Mapping[str, Callable[[Peer, Path, Options], Any]] = {
    "steady": steady,
    "rush": rush,
    "outage": outage,
}
# Measured in the outage only.
_SHORTER = "ours-1s"
QUICK = Options(steady_s=5.0, warm_up_s=2.0, rest_s=1.0, scale=0.02)


def main() -> int:
    """Run, print and write; 1 when a gateway could not be measured or a target is not met."""
    arguments = _arguments()
    peers = _peers(arguments)
    options = QUICK if arguments.quick else Options()
    nice = _prioritise(arguments.nice)
    command = " ".join(["python -m benchmarks.peers", *sys.argv[1:]])
    run = report.begin(command, peers, options, is_quick=arguments.quick, nice=nice)
    with tempfile.TemporaryDirectory(prefix="peers-", dir=arguments.folder) as folder:
        for name in arguments.scenarios:
            for peer in peers:
                if name != "outage" and peer.name == _SHORTER:
                    continue
                run.add(name, peer.name, _measured(peer, name, Path(folder), options))
    text = run.text()
    print(text)
    if arguments.json:
        arguments.json.write_text(json.dumps(asdict(run), indent=1), encoding="utf-8")
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    return 0 if run.is_good else 1


def _prioritise(nice: int) -> int:
    """Set the priority of everything here; it counts within a session's autogroup, sched(7)."""
    found = os.nice(nice)
    if nice:
        with suppress(OSError):
            os.setsid()
            Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")
    return found


def _measured(peer: Peer, scenario: str, folder: Path, options: Options) -> Any:
    missing = peer.missing()
    if missing is not None:
        return missing
    print(f"{scenario}: {peer.name}", file=sys.stderr, flush=True)
    try:
        return SCENARIOS[scenario](peer, folder, options)
    except Failed as failed:
        return str(failed)


def _peers(arguments: argparse.Namespace) -> Sequence[Peer]:
    known: Sequence[Peer] = (
        ours(),
        # Beside it with a shorter interval, since what waits for its commit is late as well.
        replace(ours(_SHORTER, 1.0), backlog_readings=300_000),
        mosquitto(),
        thingsboard(arguments.thingsboard),
    )
    left_out = {_SHORTER} if arguments.quick else set[str]()
    return [peer for peer in known if peer.name in arguments.peers and peer.name not in left_out]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything, below 2 minutes")
    parser.add_argument(
        "--peers",
        type=lambda text: text.split(","),
        default=["ours", _SHORTER, "mosquitto", "thingsboard"],
        help="ours,ours-1s,mosquitto,thingsboard",
    )
    parser.add_argument(
        "--scenarios",
        type=lambda text: text.split(","),
        default=list(SCENARIOS),
        help="steady,rush,outage",
    )
    parser.add_argument("--folder", type=Path, help="where the stores lie: on the disk to measure")
    parser.add_argument(
        "--thingsboard",
        type=Path,
        default=ROOT / ".venv-bench/bin/python",
        metavar="PYTHON",
        help="of the virtual environment that holds thingsboard-gateway",
    )
    parser.add_argument(
        "--nice", type=int, default=0, help="priority of everything here; below 0 needs root"
    )
    parser.add_argument("--output", type=Path, help="write the report there, as Markdown")
    parser.add_argument("--json", type=Path, help="write the figures there")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
