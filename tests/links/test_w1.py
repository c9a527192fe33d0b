"""The 1-Wire link on a folder that looks like sysfs: what each error of the kernel means."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from edge_gateway.links.errors import DeviceError, DeviceSilent, LinkGone, Misconfigured
from edge_gateway.links.w1 import SLAVES, W1Folder

SLAVE = "28-0316a2795bff"
TEXT = b"91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / SLAVE).mkdir()
    (tmp_path / SLAVE / "w1_slave").write_bytes(TEXT)
    return tmp_path


def failing(code: int, path: Path) -> W1Folder:
    def fail(_: Path) -> bytes:
        raise OSError(code, os.strerror(code))

    return W1Folder(path, read_file=fail)


def test_the_text_of_a_slave_comes_as_it_is(tree: Path) -> None:
    assert W1Folder(tree).read(SLAVE) == TEXT


def test_each_read_opens_the_file_anew(tree: Path) -> None:
    link = W1Folder(tree)
    link.read(SLAVE)
    (tree / SLAVE / "w1_slave").write_bytes(b"other")
    assert link.read(SLAVE) == b"other"


def test_never_more_than_a_page_is_read(tree: Path) -> None:
    (tree / SLAVE / "w1_slave").write_bytes(b"x" * 10_000)
    assert len(W1Folder(tree).read(SLAVE)) == 4096


def test_the_kernels_folder_is_the_default() -> None:
    assert Path("/sys/bus/w1/devices") == SLAVES


def test_an_empty_file_is_a_silent_device(tree: Path) -> None:
    (tree / SLAVE / "w1_slave").write_bytes(b"")
    with pytest.raises(DeviceSilent, match=f"{SLAVE} made no conversion"):
        W1Folder(tree).read(SLAVE)


def test_a_slave_that_has_vanished_is_gone(tree: Path) -> None:
    with pytest.raises(LinkGone, match=r"28-000000000000 is not on the bus: .*`ls "):
        W1Folder(tree).read("28-000000000000")


def test_a_bus_that_was_never_there_says_how_to_switch_it_on(tmp_path: Path) -> None:
    with pytest.raises(LinkGone, match="dtoverlay=w1-gpio"):
        W1Folder(tmp_path / "devices").read(SLAVE)


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (errno.EIO, DeviceSilent),
        (errno.ETIMEDOUT, DeviceSilent),
        (errno.ENODEV, LinkGone),
        (errno.ENXIO, LinkGone),
        (errno.EACCES, Misconfigured),
        (errno.EPERM, Misconfigured),
    ],
)
def test_an_errno_has_its_error(tree: Path, code: int, error: type[DeviceError]) -> None:
    with pytest.raises(error, match=r"\w+ \w+"):
        failing(code, tree).read(SLAVE)


def test_a_slave_that_comes_back_is_read_again(tree: Path) -> None:
    link = W1Folder(tree)
    (tree / SLAVE).rename(tree / "away")
    with pytest.raises(LinkGone):
        link.read(SLAVE)
    (tree / "away").rename(tree / SLAVE)
    assert link.read(SLAVE) == TEXT


def test_a_closed_bus_is_gone_and_may_be_closed_twice(tree: Path) -> None:
    link = W1Folder(tree)
    link.close()
    link.close()
    with pytest.raises(LinkGone, match="was closed"):
        link.read(SLAVE)
