"""Power cuts at every operation of the store: only what reached the disk is there afterwards.

Each scene of the outbox is recorded once, every write and sync of it. Then the disk is made up as a
cut after each single operation would leave it: with nothing of what was not synced, with all of it,
and with chance sectors of it; and the store is opened on that. Two controls must show losses, or
the campaign could not see one: a disk whose syncs do nothing, and SQLite's `synchronous = NORMAL`.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from campaigns import arguments, check
from campaigns.crash_points import copied
from campaigns.disk import ALL_LATE, NOTHING_LATE, Disk, Survival
from campaigns.operations import Kind, Operation, read_log
from campaigns.scenes import SCENES, Scene
from campaigns.shim import Fault, NoCompiler
from campaigns.stage import Line, Stage

CONTROLLED = "commit"
_HALF = Survival(0.5, 0.5)
_MOST = Survival(0.9, 0.5)


class Recording:
    """A scene acted out once, with all its operations."""

    def __init__(self, stage: Stage, scene: Scene) -> None:
        self.scene = scene
        self.prepared = stage.stores / f"{scene.name}-prepared"
        self.prepared.mkdir()
        failure = stage.prepare(scene.name, self.prepared).failure
        self.known = check.before(self.prepared)
        stage.log.write_bytes(b"")
        with copied(self.prepared) as folder:
            self.root = str(folder)
            failure = failure or stage.act(scene.name, folder, Fault(), record=True).failure
        if failure:
            raise RuntimeError(f"{scene.name!r} fails in peace: {failure}")
        self.operations = list(read_log(stage.log))

    def moments(self) -> list[int]:
        """After how many operations the power may be cut."""
        return [
            place
            for place, operation in enumerate(self.operations, start=1)
            if operation.kind is not Kind.MARK or operation.says("durable")
        ]

    def cuts(
        self, folder: Path, moments: set[int], seed: int, *, syncs: bool = True
    ) -> Iterator[tuple[int, Survival, check.Findings]]:
        """Cut the power at these moments, each in several ways, and look at what is left."""
        disk = Disk(self.root, syncs=syncs)
        disk.load(self.prepared)
        said: list[Line] = []
        for place, operation in enumerate(self.operations, start=1):
            disk.do(operation)
            if operation.kind is Kind.MARK:
                said.append(operation.said)
            if place not in moments:
                continue
            for number, survival in enumerate((NOTHING_LATE, ALL_LATE, _HALF, _HALF, _MOST)):
                random = arguments.seeded(seed, self.scene.name, place, number)
                disk.cut(folder, survival, random)
                yield place, survival, check.look(self.scene, folder, said, self.known)
                shutil.rmtree(folder)


def main() -> int:
    """Run it."""
    options = arguments.parser(__doc__, count=1_000_000)
    options.add_argument(
        "--only", default="", metavar="WORD", help="scenes with WORD in their name"
    )
    chosen = options.parse_args()
    report = arguments.Report("power cuts after every operation of the store", chosen.seed)
    scenes = [scene for scene in SCENES if chosen.only in scene.name]
    try:
        with TemporaryDirectory(prefix="campaign-") as folder, Stage(Path(folder)) as stage:
            for scene in scenes:
                recording = Recording(stage, scene)
                _cut(recording, Path(folder) / "after", chosen.count // len(scenes), report)
        for name, weak in (("syncs do nothing", False), ("synchronous = NORMAL", True)):
            with TemporaryDirectory(prefix="campaign-") as folder:
                most = chosen.count // len(scenes)
                _control(Path(folder), name, most, report, weak=weak)
    except NoCompiler as error:
        return arguments.skipped("power cut", str(error))
    return report.end(as_json=chosen.json)


def _cut(recording: Recording, folder: Path, most: int, report: arguments.Report) -> None:
    moments = _some(recording, most, report.seed)
    findings, cuts = check.Findings(), 0
    for place, survival, found in recording.cuts(folder, moments, report.seed):
        cuts += 1
        if not found.good:
            where = f"{recording.scene.name}, after operation {place}, {survival}"
            operation = recording.operations[place - 1]
            found.wrong = [f"{where} ({_words(operation)}): {found}"]
        findings.add(found)
    synced = sum(operation.kind is Kind.SYNC for operation in recording.operations)
    report.row(findings, scene=recording.scene.name, syncs=synced, moments=len(moments), cuts=cuts)


def _control(folder: Path, name: str, most: int, report: arguments.Report, *, weak: bool) -> None:
    """A store that is not safe must be seen to lose."""
    scene = next(scene for scene in SCENES if scene.name == CONTROLLED)
    with Stage(folder, weak=weak) as stage:
        recording = Recording(stage, scene)
    moments = _some(recording, most, report.seed)
    cuts = lost = 0
    for _, _, found in recording.cuts(folder / "after", moments, report.seed, syncs=weak):
        cuts += 1
        lost += found.lost
    findings = check.Findings()
    if not lost:
        findings.wrong.append(f"the control ({name}) loses nothing: a loss would not be seen")
    report.row(
        findings,
        scene=f"control: {name}: {lost} lost, as it must",
        syncs=sum(operation.kind is Kind.SYNC for operation in recording.operations),
        moments=len(moments),
        cuts=cuts,
    )


def _some(recording: Recording, most: int, seed: int) -> set[int]:
    """All moments, or so many of them by chance."""
    moments = recording.moments()
    if len(moments) > most:
        moments = arguments.seeded(seed, recording.scene.name).sample(moments, most)
    return set(moments)


def _words(operation: Operation) -> str:
    return f"{operation.kind} of {Path(operation.path).name} at {operation.offset}"


if __name__ == "__main__":
    sys.exit(main())
