"""What runs the model must not talk to its maker."""

from __future__ import annotations

from importlib.metadata import files
from pathlib import Path

import pytest

CLIENTS = (b"events.data.microsoft.com", b"1DSCppSdk", b"ORT_DISABLE_TELEMETRY")


def libraries() -> list[Path]:
    installed = files("onnxruntime") or []
    return [Path(str(file.locate())) for file in installed if ".so" in file.name]


def test_there_are_libraries_to_look_into() -> None:
    assert any("onnxruntime" in library.name for library in libraries())


@pytest.mark.parametrize("library", libraries(), ids=lambda path: path.name)
def test_the_installed_onnxruntime_holds_no_telemetry_client(library: Path) -> None:
    content = library.read_bytes()
    assert [client for client in CLIENTS if client in content] == []
