"""The demo runs beside the other tests of this folder: nearly all of its time is waiting."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

Demo = tuple[subprocess.Popen[str], Path]


@pytest.fixture(scope="session", autouse=True)
def demo_beside_all(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Generator[Demo | None]:
    """It begins with the first test of the folder, where one of those to come asks for `demo`."""
    if not any("demo" in getattr(item, "fixturenames", ()) for item in request.session.items):
        yield None
        return
    folder = tmp_path_factory.mktemp("demo")
    command = [sys.executable, "-m", "edge_gateway", "demo", "--no-camera", "--seconds", "20"]
    process = subprocess.Popen(
        [*command, "--output", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process, folder
    process.kill()
    process.communicate()


@pytest.fixture
def demo(demo_beside_all: Demo | None) -> Demo:
    """A demo without a camera that was started before, and the folder it writes to."""
    assert demo_beside_all is not None
    return demo_beside_all
