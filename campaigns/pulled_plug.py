"""The plug is pulled out of a mounted file system while the whole daemon writes to it.

An ext4 in a loop device holds the store, a program hands in 500 to 2,000 readings a second through
the `local` driver, with the uplink up, down or flapping. At a random moment the daemon stands still
and the ioctl EXT4_IOC_SHUTDOWN stops the file system without flushing its journal: nothing reaches
the device any more. The daemon is killed and the file system mounted again, which replays its
journal; all that was answered for must be in the store or at the broker. After ten cuts everything
is delivered. Two controls must lose: a store with `synchronous` NORMAL, and one with OFF.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import cycle, product
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from threading import Event

from campaigns import arguments
from campaigns.check import Findings
from campaigns.collector import BROKER_SETTINGS, NUMBERED, Collector
from campaigns.feeder import Feeder, Ledger
from campaigns.kills import UPLINKS, Flapping
from campaigns.loop_disk import LoopDisk, NoDisk, go_on_alone
from campaigns.pole import Pole, settings_for
from edge_gateway.outbox import OutboxError, OutboxReader, decode
from edge_gateway.reading import Lane, Reading
from edge_gateway.twins.broker import Broker, available
from edge_gateway.twins.cable import Cable

MOUNTS = ("defaults", "data=ordered,commit=5", "data=writeback,commit=60")
UNSAFE = ("NORMAL", "OFF")

# Sparse: large enough for mkfs to make what it makes of a card.
_DISK_BYTES = 1 << 30
_QUOTA_MB = 4
_MOST_IN_A_ROUND = 10
_CUTS_A_CONTROL_CUT = 50
_SHARE_WHILE_STARTING = 0.4
_START_S = 1.5  # until one was seen
_WORKING_S = 0.8
_ANSWER_S = 60.0
_DRAIN_S = 120.0
_ARRIVE_S = 10.0
_LOST_S = 1.0
_BURSTS = (25, 50, 100)
_BURST_EVERY_S = 0.05
_PACES = (
    {"commit_interval_s": 0.2},
    {"commit_interval_s": 0.02},
    {"commit_interval_s": 0.1, "lane_commit_interval_s": {"counts": 0.0}},
)


@dataclass(frozen=True, slots=True)
class Plan:
    """One round: how the disk is mounted, what the uplink does, how often the plug is pulled.

    `unsafe` is what a control says to SQLite for `synchronous`.
    """

    name: str
    mount: str
    uplink: str
    cuts: int
    unsafe: str = ""


class Round:
    """A fresh disk and a gateway on it, cut again and again, then drained. Raises NoDisk."""

    def __init__(
        self, plan: Plan, folder: Path, collector: Collector, port: int, random: Random
    ) -> None:
        self.plan = plan
        self.ledger = Ledger()
        self.found = Findings()
        self.cuts = self.starting = self.replayed = 0
        self._collector = collector
        self._random = random
        self._start_s = _START_S
        self._looked_at = folder / "looked-at"
        folder.mkdir()
        with ExitStack() as undo:
            self._disk = LoopDisk(folder, _DISK_BYTES, options=plan.mount)
            undo.callback(self._disk.unmount)
            self._cable = undo.enter_context(Cable(port))
            store = self._disk.mounted / "outbox"
            self.pole = Pole(folder, settings_for(folder, self._cable.port, plan.name))
            self.pole.settings["outbox"].update(
                folder=str(store), quota_mb=_QUOTA_MB, outage_hours=0
            )
            self.pole.store = store / "outbox.db"
            undo.callback(self.pole.kill)
            self._stack = undo.pop_all()

    def run(self, over: Event) -> None:
        """Do what is planned, or until it is over; what is wrong is in `found` then."""
        with self._stack:
            if self.plan.uplink == "down":
                self._cable.unplug()
            if self.plan.unsafe:
                self.pole.program = ("campaigns.unsafe", self.plan.unsafe)
            flapping = None
            if self.plan.uplink == "flapping":
                flapping = Flapping(self._cable, self._random)
            while self.cuts < self.plan.cuts and not over.is_set():
                self._cut()
            if flapping is not None:
                flapping.close()
            self._deliver()

    def _cut(self) -> None:
        random = self._random
        self.pole.settings["outbox"].update(random.choice(_PACES))
        burst = random.choice(_BURSTS)
        feeder = Feeder(self.pole.socket, self.ledger, burst=burst, pause_s=_BURST_EVERY_S)
        self.pole.start()
        began_s = time.monotonic()
        if not self.plan.unsafe and random.random() < _SHARE_WHILE_STARTING:
            self.starting += 1
            time.sleep(random.uniform(0.3, 1.1) * self._start_s)
        else:
            if not feeder.answered.wait(_ANSWER_S):
                self._wrong(f"no answer for {_ANSWER_S:g} s: {self.pole.said()[-600:]}")
            self._start_s = time.monotonic() - began_s
            time.sleep(random.uniform(0.0, _WORKING_S))
        # A sync under way when the ioctl comes may be told that it is done, and is not: with a real
        # plug nobody would be there to hear it either.
        self.pole.freeze()
        self._disk.pull()
        self.pole.kill()
        feeder.stop()
        self._disk.unmount()
        self.cuts += 1
        self.replayed += self._disk.needs_replay
        self._disk.mount()
        if not self.plan.unsafe:
            self._look()

    def _look(self) -> None:
        """Before the next start: what was answered for is in the store or was delivered."""
        due = self.ledger.acknowledged - self._kept()
        if missing := self._missing(due):
            self._wrong(f"{len(missing)} lost, of {min(missing)} to {max(missing)}")
        for path in self.pole.store.parent.glob("*.corrupt-*"):
            self._wrong(f"set aside as damaged: {path.name}")

    def _kept(self) -> set[int]:
        """The numbers in the store; none where a cut came before it was made."""
        # A reader beside a log makes an index: it is done on a copy, not on what is to be tested.
        if not self.pole.store.is_file():
            return set()
        shutil.copytree(self.pole.store.parent, self._looked_at)
        try:
            with OutboxReader(self._looked_at / self.pole.store.name) as reader:
                return {
                    round(entry.value)
                    for lane in Lane
                    for block in reader.blocks(lane)
                    for entry in decode(block.payload)
                    if isinstance(entry, Reading) and entry.measurand.quantity in NUMBERED
                }
        except OutboxError:
            return set()
        finally:
            shutil.rmtree(self._looked_at)

    def _missing(self, numbers: Iterable[int]) -> list[int]:
        """Those that are not at the collector; some may still be on their way from the broker."""
        ends_s = time.monotonic() + (_LOST_S if self.plan.unsafe else _ARRIVE_S)
        missing = self._collector.missing(self.plan.name, list(numbers))
        while missing and time.monotonic() < ends_s:
            time.sleep(_BURST_EVERY_S)
            missing = self._collector.missing(self.plan.name, missing)
        return missing

    def _deliver(self) -> None:
        self._cable.plug()
        self.pole.program = ("edge_gateway",)
        self.pole.start()
        if not self.pole.until_empty(_DRAIN_S):
            self._wrong(f"{self.pole.entries()} entries do not leave")
        self.found.lost = len(self._missing(self.ledger.acknowledged))
        self.pole.kill()
        for sentence in (*self.ledger.refused[:5], self.pole.traceback()):
            if sentence:
                self._wrong(sentence)

    def _wrong(self, sentence: str) -> None:
        where = f"{self.plan.name} ({self.plan.mount}, uplink {self.plan.uplink}), cut {self.cuts}"
        self.found.wrong.append(f"{where}: {sentence}")


def main() -> int:
    """Run it."""
    options = arguments.parser(__doc__)
    options.add_argument("--cuts", type=int, default=200, help="default 200")
    options.add_argument("--jobs", type=int, default=2, help="gateways at a time; default 2")
    chosen = options.parse_args()
    if "mosquitto" not in available():
        return arguments.skipped("pulled plug", "it needs mosquitto: apt-get install mosquitto")
    report = arguments.Report("the plug pulled out of a mounted ext4", chosen.seed)
    try:
        go_on_alone("campaigns.pulled_plug")
        _try()
    except NoDisk as error:
        return arguments.skipped("pulled plug", str(error))
    _safe(chosen.cuts, chosen.jobs, report)
    _controls(max(chosen.cuts // _CUTS_A_CONTROL_CUT, 1), chosen.jobs, report)
    return report.end(as_json=chosen.json)


def _try() -> None:
    """Mount a disk and pull its plug, with nothing on it."""
    with TemporaryDirectory(prefix="plug-") as folder:
        disk = LoopDisk(Path(folder), _DISK_BYTES)
        try:
            disk.pull()
        finally:
            disk.unmount()


def _safe(cuts: int, jobs: int, report: arguments.Report) -> None:
    kinds = list(product(MOUNTS, UPLINKS))
    size = min(max(cuts // len(kinds), 1), _MOST_IN_A_ROUND)
    plans = [
        Plan(f"pole-{done}", mount, uplink, min(size, cuts - done))
        for done, (mount, uplink) in zip(range(0, cuts, size), cycle(kinds), strict=False)
    ]
    ended, collector = _run(plans, jobs, report.seed)
    for mount in MOUNTS:
        rounds = [one for one in ended if one.plan.mount == mount]
        findings = Findings()
        for one in rounds:
            findings.add(one.found)
        if rounds:
            report.row(findings, **_columns(mount, rounds))
    report.row(collector.findings, **_columns("all, at the broker", ended))


def _controls(cuts: int, jobs: int, report: arguments.Report) -> None:
    """A store that is not safe must be seen to lose."""
    plans = [Plan(f"control-{level.lower()}", MOUNTS[0], "down", cuts, level) for level in UNSAFE]
    for one in _run(plans, jobs, report.seed)[0]:
        name, findings = f"synchronous = {one.plan.unsafe}", Findings()
        if not one.found.lost:
            findings.wrong.append(f"the control ({name}) loses nothing: a loss would not be seen")
            findings.wrong += one.found.wrong
        lost = f"control: {name}: {one.found.lost} lost, as it must"
        report.row(findings, **_columns(lost, [one]))


def _run(plans: Sequence[Plan], jobs: int, seed: int) -> tuple[list[Round], Collector]:
    over = Event()
    with (
        TemporaryDirectory(prefix="plug-") as folder,
        Broker("mosquitto", settings=BROKER_SETTINGS) as broker,
        Collector(broker.port) as collector,
        ThreadPoolExecutor(jobs) as pool,
    ):

        def run(plan: Plan) -> Round:
            random = arguments.seeded(seed, plan.name)
            one = Round(plan, Path(folder) / plan.name, collector, broker.port, random)
            one.run(over)
            return one

        try:
            ended = list(pool.map(run, plans))
        finally:
            over.set()
        collector.settle(1.0)
    return ended, collector


def _columns(what: str, rounds: Sequence[Round]) -> dict[str, str | int]:
    cuts = Counter[str]()
    for one in rounds:
        cuts[one.plan.uplink] += one.cuts
    return {
        "file system": what,
        **{f"cuts, uplink {uplink}": cuts[uplink] for uplink in UPLINKS},
        "while starting": sum(one.starting for one in rounds),
        "journals replayed": sum(one.replayed for one in rounds),
        "given": sum(one.ledger.next for one in rounds),
        "acknowledged": sum(len(one.ledger.acknowledged) for one in rounds),
    }


if __name__ == "__main__":
    sys.exit(main())
