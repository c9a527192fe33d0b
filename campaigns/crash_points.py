"""A fault at every single write, sync, renaming and removal that the store makes.

Every scene (first start, start after a kill, on an older version, on a damaged store, commit,
close, removal, thinning and so on) is acted out once for each of its operations and each way to be
hurt there: killed before or after it, EIO or ENOSPC once or until further notice, half a write and
then on, the end, or a full disk. Then the store is opened without the shim, and all that was said
to be durable must be in it, once, in order, under the keys it had.
"""

from __future__ import annotations

import shutil
import sys
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import dropwhile, takewhile
from pathlib import Path
from tempfile import TemporaryDirectory

from campaigns import arguments, check
from campaigns.operations import Kind, read_log
from campaigns.scenes import SCENES, Scene
from campaigns.shim import Fault, How, NoCompiler
from campaigns.stage import ARMED, OVER, Acted, Stage

_FOR_EVER = 1_000_000_000
_ANYWHERE = (
    (How.KILLED_BEFORE, 1),
    (How.KILLED_AFTER, 1),
    (How.EIO, 1),
    (How.ENOSPC, 1),
    (How.EIO, _FOR_EVER),
    (How.ENOSPC, _FOR_EVER),
)
_WRITES = (
    (How.SHORT, 1),
    (How.SHORT_THEN_KILLED, 1),
    (How.SHORT_THEN_ENOSPC, _FOR_EVER),
)


@dataclass(frozen=True, slots=True)
class Trial:
    """A scene with what is known of it, and the kinds of its operations in their order."""

    scene: Scene
    prepared: Path
    known: check.Before
    kinds: Sequence[Kind]

    def faults(self) -> list[Fault]:
        """Every way in which it can be hurt once."""
        return [
            Fault(how, at, times)
            for at, kind in enumerate(self.kinds, start=1)
            for how, times in (*_ANYWHERE, *(_WRITES if kind is Kind.WRITE else ()))
        ]


def prepare(stage: Stage, scene: Scene) -> Trial:
    """Prepare a scene and act it out unhurt: what it does is what can be hurt."""
    prepared = stage.stores / f"{scene.name}-prepared"
    prepared.mkdir()
    failure = stage.prepare(scene.name, prepared).failure
    known = check.before(prepared)
    stage.log.write_bytes(b"")
    with copied(prepared) as folder:
        acted = stage.act(scene.name, folder, Fault(), record=True)
        found = check.look(scene, folder, acted.said, known)
    if failure or acted.failure or not found.good:
        raise RuntimeError(f"{scene.name!r} fails unhurt: {failure} {acted.failure} {found}")
    since = dropwhile(lambda one: not one.says(ARMED), read_log(stage.log))
    armed = takewhile(lambda one: not one.says(OVER), since)
    kinds = [one.kind for one in armed if one.kind is not Kind.MARK]
    return Trial(scene, prepared, known, kinds)


def hurt(stage: Stage, trial: Trial, fault: Fault) -> check.Findings:
    """One fault in one scene, and what it left."""
    with copied(trial.prepared) as folder:
        acted = stage.act(trial.scene.name, folder, fault)
        found = check.look(trial.scene, folder, acted.said, trial.known)
    if acted.failure and not _may_fail(acted):
        found.wrong.append(f"the process would have died: {acted.failure}")
    if fault.how.kills and not acted.killed:
        found.wrong.append("the fault never came")
    where = (
        f"{trial.scene.name}, operation {fault.at} ({trial.kinds[fault.at - 1]}), {fault.how.name}"
    )
    found.wrong = [f"{where}: {sentence}" for sentence in found.wrong]
    if found.lost or found.duplicated or found.disordered:
        found.wrong.append(f"{where}: {found}")
    return found


@contextmanager
def copied(prepared: Path) -> Generator[Path]:
    """A copy of a prepared folder, gone afterwards."""
    folder = prepared.with_name(prepared.name.removesuffix("-prepared"))
    shutil.copytree(prepared, folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def main() -> int:
    """Run it."""
    options = arguments.parser(__doc__, count=1_000_000)
    options.add_argument(
        "--only", default="", metavar="WORD", help="scenes with WORD in their name"
    )
    chosen = options.parse_args()
    report = arguments.Report("a fault at every operation of the store", chosen.seed)
    scenes = [scene for scene in SCENES if chosen.only in scene.name]
    try:
        with TemporaryDirectory(prefix="campaign-") as folder, Stage(Path(folder)) as stage:
            for scene in scenes:
                _run(stage, scene, chosen.count // len(scenes), report)
    except NoCompiler as error:
        return arguments.skipped("crash points", str(error))
    return report.end(as_json=chosen.json)


def _run(stage: Stage, scene: Scene, most: int, report: arguments.Report) -> None:
    trial = prepare(stage, scene)
    faults = trial.faults()
    if len(faults) > most:
        faults = arguments.seeded(report.seed, scene.name).sample(faults, most)
    findings = check.Findings()
    for fault in faults:
        findings.add(hurt(stage, trial, fault))
    kinds = Counter(trial.kinds)
    report.row(
        findings,
        scene=scene.name,
        **{str(kind): kinds[kind] for kind in Kind if kind is not Kind.MARK},
        faults=len(faults),
    )


def _may_fail(acted: Acted) -> bool:
    """A start that the disk does not let happen is told in words; nothing was taken in yet."""
    words = [line[0] for line in acted.said]
    return "offered" not in words and acted.failure.startswith("OutboxError")


if __name__ == "__main__":
    sys.exit(main())
