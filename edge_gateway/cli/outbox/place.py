"""Which store is meant, and what the configuration says of it."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from edge_gateway.cli.check import read
from edge_gateway.cli.terminal import CommandError, Exit
from edge_gateway.config import OutboxConfig
from edge_gateway.outbox.store import FILE_NAME, ONLY_CONSUMER

CONFIG = Path("gateway.toml")
LOCK = "lock"


@dataclass(frozen=True, slots=True)
class Place:
    """A store. What only a configuration knows is None, or empty, where none was given."""

    store: Path
    gateway: str = ""
    consumers: tuple[str, ...] = ()
    quota_bytes: int | None = None
    is_clock_trusted: bool = False

    @property
    def folder(self) -> Path:
        """Where it lies."""
        return self.store.parent

    def set_aside(self) -> list[Path]:
        """Damaged stores that were kept beside it."""
        found = self.folder.glob(f"{FILE_NAME}.corrupt-*")
        return sorted(path for path in found if not path.name.endswith(("-wal", "-shm")))


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare where the store is."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--config", type=Path, metavar="FILE", help="the gateway.toml; default here, if there"
    )
    where.add_argument(
        "--folder", type=Path, metavar="PATH", help="the outbox folder, or a file of a store in it"
    )


def find(arguments: argparse.Namespace) -> Place:
    """The store that is meant, which is there and may be read; CommandError or ConfigError."""
    place = _named(arguments)
    try:
        if not place.store.parent.is_dir():
            raise CommandError(
                f"{place.store.parent}: no such folder; name the outbox folder with --folder, or "
                "the configuration with --config",
                Exit.INPUT,
            )
        if not place.store.is_file():
            raise CommandError(
                f"{place.store}: there is no store; a gateway makes it when it first runs",
                Exit.INPUT,
            )
    except PermissionError as error:
        raise _forbidden(place.store) from error
    if not os.access(place.store, os.R_OK):
        raise _forbidden(place.store)
    return place


def user_of(place: Place) -> int | None:
    """The process that uses the store, None when there is none that can be seen.

    Asks the kernel's list of locks and takes none: a gateway that starts must not meet ours.
    """
    try:
        lock = (place.folder / LOCK).stat()
        lines = Path("/proc/locks").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    device, numbers = lock.st_dev, lock.st_ino
    mark = f"{os.major(device):02x}:{os.minor(device):02x}:{numbers}"
    for line in lines:
        words = line.split()
        if mark in words and "FLOCK" in words and "->" not in words:
            return int(words[4])
    return None


def _named(arguments: argparse.Namespace) -> Place:
    folder: Path | None = arguments.folder
    if folder is not None:
        is_file = folder.is_file() if os.access(folder.parent, os.X_OK) else False
        return Place(folder if is_file else folder / FILE_NAME)
    config: Path | None = arguments.config
    if config is None and not CONFIG.exists():
        return Place(OutboxConfig().folder / FILE_NAME)
    said = read(config or CONFIG)
    return Place(
        said.outbox.folder / FILE_NAME,
        said.gateway.id,
        tuple(uplink.id for uplink in said.uplink),
        said.outbox.quota_mb * 1_000_000,
        said.clock.source == "trusted",
    )


def consumers_of(place: Place, known: Mapping[str, object]) -> tuple[str, ...]:
    """The configured ones, or without a configuration those the store remembers."""
    return place.consumers or tuple(sorted(known)) or (ONLY_CONSUMER,)


def _forbidden(path: Path) -> CommandError:
    return CommandError(
        f"{path}: no permission to read it: run this as the gateway's user, or with sudo",
        Exit.INPUT,
    )
