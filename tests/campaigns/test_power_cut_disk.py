"""The disk that a power cut leaves: what was synced is there, the rest sector by sector."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from campaigns.disk import ALL_LATE, NOTHING_LATE, Disk, Survival
from campaigns.operations import Kind, Operation

FILE = "/r/a"


def write(offset: int, data: bytes) -> Operation:
    return Operation(Kind.WRITE, FILE, offset, data)


def left(disk: Disk, folder: Path, survival: Survival, seed: int = 1) -> dict[str, bytes]:
    disk.cut(folder, survival, Random(seed))
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def disk(tmp_path: Path) -> Disk:
    """A disk with one safe file of two sectors of dots."""
    before = tmp_path / "before"
    before.mkdir()
    (before / "a").write_bytes(b"." * 1024)
    made = Disk("/r")
    made.load(before)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "after"
    made.mkdir()
    return made


def test_what_was_synced_survives(disk: Disk, folder: Path) -> None:
    disk.do(write(10, b"new"))
    disk.do(Operation(Kind.SYNC, FILE, 0, b""))
    assert left(disk, folder, NOTHING_LATE)["a"] == b"." * 10 + b"new" + b"." * 1011


def test_what_was_not_synced_may_be_gone(disk: Disk, folder: Path) -> None:
    disk.do(write(0, b"new"))
    assert left(disk, folder, NOTHING_LATE)["a"] == b"." * 1024


def test_a_disk_whose_syncs_do_nothing_keeps_nothing(tmp_path: Path, folder: Path) -> None:
    lying = Disk("/r", syncs=False)
    before = tmp_path / "lying"
    before.mkdir()
    (before / "a").write_bytes(b"old")
    lying.load(before)
    lying.do(write(0, b"new"))
    lying.do(Operation(Kind.SYNC, FILE, 0, b""))
    assert left(lying, folder, NOTHING_LATE)["a"] == b"old"


def test_a_write_over_three_sectors_is_torn_at_their_borders(disk: Disk, folder: Path) -> None:
    disk.do(write(500, b"x" * 600))  # 12 bytes of sector 0, all of 1, 76 of 2
    seen = {left(disk, folder, Survival(0.5, 1.0), seed)["a"][:1100] for seed in range(60)}
    parts = [(500, 512), (512, 1024), (1024, 1100)]
    assert len(seen) == 2 ** len(parts)
    for content in seen:
        for start, end in parts:
            assert content[start:end].strip(b"x") in (b"", content[start:end])


def test_a_renaming_is_there_once_its_folder_was_synced(disk: Disk, folder: Path) -> None:
    disk.do(Operation(Kind.RENAME, FILE, 0, b"/r/b"))
    disk.do(Operation(Kind.SYNC, "/r", 0, b""))
    assert set(left(disk, folder, NOTHING_LATE)) == {"b"}


def test_without_that_the_old_name_may_be_back(disk: Disk, folder: Path) -> None:
    disk.do(Operation(Kind.RENAME, FILE, 0, b"/r/b"))
    assert set(left(disk, folder, NOTHING_LATE)) == {"a"}


def test_a_new_file_that_was_synced_itself_may_still_lack_its_name(
    disk: Disk, folder: Path
) -> None:
    disk.do(Operation(Kind.CREATE, "/r/b", 0, b""))
    disk.do(Operation(Kind.WRITE, "/r/b", 0, b"new"))
    disk.do(Operation(Kind.SYNC, "/r/b", 0, b""))
    assert set(left(disk, folder, NOTHING_LATE)) == {"a"}


def test_with_all_that_was_late_it_is_as_after_a_kill(disk: Disk, folder: Path) -> None:
    disk.do(write(0, b"new"))
    disk.do(Operation(Kind.TRUNCATE, FILE, 3, b""))
    disk.do(Operation(Kind.CREATE, "/r/b", 0, b""))
    assert left(disk, folder, ALL_LATE) == {"a": b"new", "b": b""}
