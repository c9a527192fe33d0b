"""The street footage the demo counts: the PETS 2009 S2.L1 clip out of Debian's `opencv-doc`.

Copyright University of Reading, for academic and industrial research; never part of this
repository. It is fetched once through the machine's own apt, checked, and kept in the user's
cache.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from edge_gateway.cli.terminal import CommandError, Exit, progress

PACKAGE = "opencv-doc"
MEMBER = "./usr/share/doc/opencv-doc/examples/data/vtest.avi"
SHA256 = "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf"
CREDIT = "PETS 2009 S2.L1 view 1, University of Reading (from Debian's opencv-doc)"

_OWN_VIDEO = "or give your own footage with --video FILE|URL|/dev/videoN"


def pets_clip(cache: Path) -> Path:
    """Return the clip in `cache`, fetching it at the first call; CommandError if it cannot."""
    clip = cache / "vtest.avi"
    if clip.exists() and _sha256(clip) == SHA256:
        return clip
    cache.mkdir(parents=True, exist_ok=True)
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise CommandError(
                f"the demo's footage comes from Debian's package {PACKAGE}, and {tool} is not "
                f"here; copy its vtest.avi to {clip}, {_OWN_VIDEO}",
                Exit.INPUT,
            )
    with tempfile.TemporaryDirectory(dir=cache) as work:
        package = _download(Path(work))
        fetched = Path(work) / "vtest.avi"
        _extract(package, fetched)
        if (found := _sha256(fetched)) != SHA256:
            raise CommandError(
                f"{MEMBER} of {package.name} is not the clip the demo knows: sha256 {found}, "
                f"expected {SHA256}; {_OWN_VIDEO}",
                Exit.INPUT,
            )
        fetched.replace(clip)
    return clip


def _download(folder: Path) -> Path:
    """Let apt fetch the package into `folder`, showing how far it is."""
    apt: list[str] = ["apt-get", "-q"]
    try:
        uri = _where(apt)
    except CommandError:
        # No package lists yet, as on a fresh machine: make our own beside the clip, which needs
        # no root and leaves the machine's alone.
        apt += _own_lists(folder)
        with progress("reading Debian's package lists", None, ""):
            _run([*apt, "update"], folder)
        uri = _where(apt)
    name, size = uri
    command = [*apt, "download", PACKAGE]
    with progress(f"fetching {PACKAGE}, once", size / 1e6, "MB") as report:
        _run(command, folder, lambda: report.update(_size(folder / "partial", folder) / 1e6))
    found = next(iter(folder.glob("*.deb")), None)
    if found is None:
        raise CommandError(f"apt-get fetched no {name}; {_OWN_VIDEO}", Exit.INPUT)
    return found


def _where(apt: Sequence[str]) -> tuple[str, int]:
    """Ask apt for the file's name and size in bytes."""
    command = [*apt, "download", "--print-uris", PACKAGE]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words
    match = re.search(r"^'\S+' (\S+) (\d+)", answer.stdout, re.MULTILINE)
    if not match:
        raise CommandError(
            f"apt knows no {PACKAGE}: {answer.stderr.strip()}; {_OWN_VIDEO}", Exit.INPUT
        )
    return match[1], int(match[2])


def _own_lists(folder: Path) -> list[str]:
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return ["-o", f"Dir::State::lists={folder}/lists", "-o", f"Dir::Cache={folder}/cache"]


def _run(command: Sequence[str], folder: Path, tick: Callable[[], None] | None = None) -> None:
    # `_apt` may not enter the folder, and says so at length while the download goes well.
    log = folder / "apt.log"
    with log.open("w", encoding="utf-8") as output:
        process = subprocess.Popen(command, cwd=folder, stdout=output, stderr=output)  # noqa: S603 - fixed words
        while True:
            try:
                code = process.wait(timeout=0.2)
                break
            except subprocess.TimeoutExpired:
                if tick:
                    tick()
    if code != 0:
        last = log.read_text(encoding="utf-8").strip().splitlines()[-3:]
        raise CommandError(
            f"{' '.join(command[:2])} failed: {' / '.join(last)}; {_OWN_VIDEO}", Exit.INPUT
        )


def _extract(package: Path, target: Path) -> None:
    """Take the clip out of the package; nothing else of it is unpacked."""
    with progress("unpacking the clip", None, ""), target.open("wb") as output:
        unpack = subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE)  # noqa: S603, S607 - Debian's own tool
        pick = subprocess.run(  # noqa: S603 - fixed words
            ["tar", "-xO", MEMBER],  # noqa: S607 - Debian's own tool
            stdin=unpack.stdout,
            stdout=output,
            stderr=subprocess.PIPE,
            check=False,
        )
        unpack.wait()
    if pick.returncode != 0:
        raise CommandError(f"{package.name} holds no {MEMBER}; {_OWN_VIDEO}", Exit.INPUT)


def _size(*folders: Path) -> int:
    return sum(file.stat().st_size for folder in folders for file in folder.glob("*.deb"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
