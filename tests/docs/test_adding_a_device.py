"""The page on adding a device is true: its driver is built from it, loaded and run."""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from edge_gateway.cli.main import main
from edge_gateway.cli.terminal import Exit
from edge_gateway.drivers.registry import load, names

PAGE = Path(__file__).parents[2] / "docs" / "adding-a-device.md"


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """A package made of the page alone, installed as far as Python can tell."""
    folder, info = tmp_path / "acme_sensors", tmp_path / "acme_sensors-1.0.dist-info"
    folder.mkdir()
    info.mkdir()
    (folder / "__init__.py").touch()
    (folder / "t1.py").write_text(block("python"), encoding="utf-8")
    (info / "METADATA").write_text("Name: acme-sensors\nVersion: 1.0\n", encoding="utf-8")
    entry = block("toml").replace('[project.entry-points."edge_gateway.drivers"]', "").strip()
    (info / "entry_points.txt").write_text(
        f"[edge_gateway.drivers]\n{entry.replace(chr(34), '')}\n", encoding="utf-8"
    )
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    yield tmp_path
    for module in [name for name in sys.modules if name.startswith("acme_sensors")]:
        del sys.modules[module]


@pytest.mark.usefixtures("package")
def test_the_driver_of_the_page_is_found_by_its_name() -> None:
    assert "acme_t1" in names()
    assert load("acme_t1").title == "Acme T1 thermometer (data sheet AC-T1)"


def test_the_talk_of_the_page_gives_its_temperature(
    package: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talk = package / "air.talk"
    talk.write_text(block("text"), encoding="utf-8")
    assert main(["replay", str(talk)]) == Exit.DONE
    assert "25.000 Cel" in capsys.readouterr().out


@pytest.mark.usefixtures("package")
def test_a_configuration_may_name_it(tmp_path: Path) -> None:
    path = tmp_path / "gateway.toml"
    text = '[gateway]\nid = "p"\n[uplink]\nhost = "b"\n[[device]]\nid = "air"\ndriver = "acme_t1"\n'
    path.write_text(text, encoding="utf-8")
    assert main(["check", str(path)]) == Exit.DONE
