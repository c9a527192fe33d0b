"""What the documents take from the code is what the code says."""

from __future__ import annotations

import importlib.util
import re
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

from edge_gateway.cli.check import read

REPOSITORY = Path(__file__).parents[2]


def the_generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", REPOSITORY / "docs" / "generate.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


DOCUMENTS: dict[Path, str] = the_generator().documents()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_a_generated_document_is_up_to_date(path: Path) -> None:
    assert path.read_text(encoding="utf-8") == DOCUMENTS[path], "run `make docs`"


def test_the_configuration_in_the_readme_is_valid(tmp_path: Path) -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    assert blocks
    path = tmp_path / "gateway.toml"
    path.write_text(blocks[0], encoding="utf-8")
    assert read(path).device


def test_every_make_target_the_readme_names_exists() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"`(?:[A-Z_]+=\S+ )?make ([a-z-]+)", text))
    assert named
    assert {name for name in named if not re.search(rf"^{name}:", makefile, re.MULTILINE)} == set()


def test_every_file_the_readme_points_to_exists() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (REPOSITORY / link).exists()] == []


def test_the_locks_hold_no_index_address() -> None:
    locks = [path.read_text(encoding="utf-8") for path in REPOSITORY.glob("requirements/*.lock")]
    assert locks
    assert not [line for lock in locks for line in lock.splitlines() if "://" in line]


def test_every_locked_package_has_hashes() -> None:
    for path in REPOSITORY.glob("requirements/*.lock"):
        text = path.read_text(encoding="utf-8").replace("\\\n", " ")
        assert all("--hash=sha256:" in line for line in text.splitlines() if line.strip()), path


def test_the_package_data_is_complete() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert (REPOSITORY / project["project"]["readme"]).exists()
