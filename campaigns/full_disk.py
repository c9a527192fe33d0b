"""The disk full, and the quota full, each drained again.

Disk: a file system of some megabytes is filled behind the gateway's back while the uplink is down.
Then the gateway is killed, started on the full disk, and drains it; what was answered for arrives.
Quota: far more is handed in than it holds; what is delivered and what is told as lost or thinned
must be, to the last reading, what was answered for.
"""

from __future__ import annotations

import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from campaigns import arguments
from campaigns.check import Findings, on_account
from campaigns.collector import BROKER_SETTINGS, Collector
from campaigns.feeder import Feeder, Ledger
from campaigns.loop_disk import LoopDisk, NoDisk, ran
from campaigns.pole import GATEWAY, Pole, settings_for
from edge_gateway.twins.broker import Broker, available
from edge_gateway.twins.cable import Cable

_DISK_BYTES = 12 << 20
_CHUNK_BYTES = 4096
_ANSWER_S = 20.0
_DRAIN_S = 120.0


class SmallDisk:
    """A file system of its own at `folder`: ext4 where loop devices may be used, or tmpfs."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder / "disk"
        try:
            stack.callback(LoopDisk(folder, _DISK_BYTES, "-b", "4096").unmount)
            self.kind = "ext4"
        except NoDisk:
            self.kind = "tmpfs"
            size = f"size={_DISK_BYTES}"
            if said := ran("mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.folder)):
                raise NoDisk(f"no small file system can be mounted: {said}") from None
            stack.callback(ran, "umount", str(self.folder))

    def fill(self) -> None:
        """Leave no byte free."""
        with (self.folder / "ballast").open("ab", buffering=0) as ballast:
            for size in (64 * _CHUNK_BYTES, _CHUNK_BYTES, 1):
                try:
                    while ballast.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue

    def free(self) -> None:
        """Give all of that back."""
        (self.folder / "ballast").unlink()


class Case:
    """A gateway that is fed with numbers that pack badly, its uplink down, and a collector."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder = folder
        broker = stack.enter_context(Broker("mosquitto", settings=BROKER_SETTINGS))
        self.collector = stack.enter_context(Collector(broker.port))
        self.cable = stack.enter_context(Cable(broker.port))
        self.cable.unplug()
        self.ledger = Ledger(channels=400)
        self.pole = Pole(folder, settings_for(folder, self.cable.port))
        stack.callback(self.pole.kill)

    @property
    def found(self) -> Findings:
        """What is wrong so far."""
        return self.collector.findings

    def empty(self) -> None:
        """All that is in the store has to leave it."""
        if not self.pole.until_empty(_DRAIN_S):
            self.found.wrong.append(f"{self.pole.entries()} entries do not leave")
        self.collector.settle(1.0)

    def row(self, what: str, report: arguments.Report) -> None:
        """Add what came of it."""
        if trace := self.pole.traceback():
            self.found.wrong.append(f"{what}: {trace}")
        report.row(
            self.found,
            what=what,
            given=self.ledger.next,
            acknowledged=len(self.ledger.acknowledged),
            delivered=len(self.collector.keys),
            **{"told lost": self.collector.given_up, "told thinned": self.collector.thinned},
        )


def main() -> int:
    """Run it."""
    options = arguments.parser(__doc__, count=400_000, seconds=6.0)
    options.add_argument("--only", default="", metavar="WORD", help="disk or quota")
    chosen = options.parse_args()
    if "mosquitto" not in available():
        return arguments.skipped("full disk", "it needs mosquitto: apt-get install mosquitto")
    report = arguments.Report("the disk full, the quota full", chosen.seed)
    with TemporaryDirectory(prefix="full-") as folder, ExitStack() as stack:
        if chosen.only in "disk":
            try:
                disk = SmallDisk(Path(folder), stack)
                _disk(Case(Path(folder), stack), disk, chosen.seconds, report)
            except NoDisk as error:
                report.rows.append({"what": f"disk full: skipped, {error}"})
    with TemporaryDirectory(prefix="full-") as folder, ExitStack() as stack:
        if chosen.only in "quota":
            _quota(Case(Path(folder), stack), chosen.count, report)
    return report.end(as_json=chosen.json)


def _disk(case: Case, disk: SmallDisk, seconds: float, report: arguments.Report) -> None:
    pole, ledger, found = case.pole, case.ledger, case.found
    pole.settings["outbox"]["folder"] = str(disk.folder / "outbox")
    pole.store = disk.folder / "outbox" / "outbox.db"
    pole.start()
    feeder = Feeder(pole.socket, ledger, burst=100)
    feeder.answered.wait(_ANSWER_S)
    time.sleep(seconds / 3)
    disk.fill()
    _until_silent(ledger, seconds)
    pole.kill()
    pole.start()
    time.sleep(seconds)
    if not pole.runs:
        found.wrong.append(f"the gateway does not run on a full disk: {pole.said()[-600:]}")
    full = len(ledger.acknowledged)
    case.cable.plug()
    _until_more(ledger, full, _DRAIN_S)
    if len(ledger.acknowledged) == full:
        found.wrong.append("drained, the full disk takes nothing new")
    disk.free()
    if not feeder.finish():
        found.wrong.append("not all that waited was answered for once there was room")
    case.empty()
    pole.stop()
    found.lost = len(case.collector.missing(GATEWAY, ledger.acknowledged))
    case.row(f"disk full ({disk.kind})", report)


def _quota(case: Case, count: int, report: arguments.Report) -> None:
    pole, ledger, found, collector = case.pole, case.ledger, case.found, case.collector
    pole.settings["outbox"].update(quota_mb=1, outage_hours=0)
    pole.start()
    feeder = Feeder(pole.socket, ledger, burst=2000, pause_s=0.05, window=20_000)
    while ledger.next < count and pole.runs:
        time.sleep(0.05)
    if not feeder.finish():
        found.wrong.append("not all was answered for")
    case.cable.plug()
    pole.until_empty(_DRAIN_S)
    # Losses are told at once, later ones every ten minutes; what is not told yet is at a start.
    pole.stop()
    pole.start()
    _until_told(pole)
    case.empty()
    pole.stop()
    told = collector.given_up + collector.thinned
    missing = len(ledger.acknowledged) - len(collector.keys) - told
    if missing or not told:
        found.wrong.append(
            f"{len(ledger.acknowledged)} answered for, {len(collector.keys)} delivered, {told} "
            f"told as lost: {missing} unaccounted for"
        )
    case.row("quota full (1 MB)", report)


def _until_silent(ledger: Ledger, seconds: float) -> None:
    """Wait until nothing was answered for so long."""
    known, since_s = -1, time.monotonic()
    while time.monotonic() - since_s < seconds / 2:
        if len(ledger.acknowledged) != known:
            known, since_s = len(ledger.acknowledged), time.monotonic()
        time.sleep(0.05)


def _until_told(pole: Pole) -> None:
    """Wait until no loss is left on the account that events are made of."""
    ends_s = time.monotonic() + _ANSWER_S
    while any(on_account(pole.store).values()) and time.monotonic() < ends_s:
        time.sleep(0.05)


def _until_more(ledger: Ledger, than: int, patience_s: float) -> None:
    ends_s = time.monotonic() + patience_s
    while len(ledger.acknowledged) <= than and time.monotonic() < ends_s:
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
