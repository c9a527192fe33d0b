"""The models folder, and the footage and annotation that are not part of this repository."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def models() -> Path:
    return REPOSITORY / "models"


@pytest.fixture(scope="session")
def pets_clip() -> Path:
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    clip = cache / "edge-gateway" / "vtest.avi"
    if not clip.is_file():
        pytest.skip(f"the PETS clip is not at {clip}: `make demo` fetches it")
    return clip


@pytest.fixture(scope="session")
def pets_truth() -> Path:
    data = Path(os.environ.get("EDGE_GATEWAY_TEST_DATA") or REPOSITORY.parent / "shared" / "data")
    truth = data / "pets2009-s2l1" / "gt_first_half.txt"
    if not truth.is_file():
        pytest.skip(
            f"the PETS annotation is not at {truth}: name its folder in EDGE_GATEWAY_TEST_DATA"
        )
    return truth
