"""`edge-gateway privacy`: what a person types before the notice hangs, and after."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge_gateway.cli.main import main
from edge_gateway.people import notice_file

POLE = """\
[gateway]
id = "pole-1"
[uplink]
host = "broker.example"
[privacy]
purpose = "Width of the footway"
operator = "City of Example"
contact = "roads@city.example"
legal_basis = "Footway Ordinance, article 7"
retention = "five years"
notice_posted = true
[[device]]
id = "entrance"
driver = "camera"
source = "rtsp://camera.example/stream"
line = [{ name = "gate", start = [100, 300], end = [500, 300] }]
"""
WEATHER = """\
[gateway]
id = "pole-2"
[uplink]
host = "broker.example"
"""


@pytest.fixture
def pole(tmp_path: Path) -> Path:
    path = tmp_path / "gateway.toml"
    path.write_text(POLE)
    return path


def privacy(*words: str | Path) -> int:
    return main(["privacy", *map(str, words)])


@pytest.mark.parametrize(
    ("kind", "begins"), [("svg", b"<svg xmlns="), ("pdf", b"%PDF-")], ids=["svg", "pdf"]
)
def test_the_notice_is_written(
    pole: Path, kind: str, begins: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = pole.parent / f"sheet.{kind}"
    assert privacy("notice", "--config", pole, "--output", sheet) == 0
    assert sheet.read_bytes().startswith(begins)
    said = capsys.readouterr()
    assert said.out == ""
    assert "give purpose_ja, operator_ja, legal_basis_ja, contact_ja, retention_ja" in said.err


@pytest.mark.parametrize("posted", ["notice_posted = false\n", ""])
def test_it_can_be_made_before_it_hangs(pole: Path, posted: str) -> None:
    pole.write_text(POLE.replace("notice_posted = true\n", posted))
    assert privacy("notice", "--config", pole, "--output", pole.parent / "sheet.svg") == 0


def test_the_statement_says_that_it_does_not_hang_yet(
    pole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pole.write_text(POLE.replace("notice_posted = true", "notice_posted = false"))
    assert privacy("statement", "--config", pole, "--language", "en") == 0
    assert "not yet; counting does not start before" in capsys.readouterr().out


@pytest.mark.parametrize("key", ["purpose", "operator", "contact", "legal_basis", "retention"])
def test_a_key_that_is_missing_is_named(
    pole: Path, key: str, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = [line for line in POLE.splitlines() if not line.startswith(f"{key} =")]
    pole.write_text("\n".join(lines))
    assert privacy("notice", "--config", pole, "--output", pole.parent / "sheet.svg") == 3
    assert f"privacy.{key}: missing" in capsys.readouterr().err


@pytest.mark.parametrize("what", ["notice", "statement"])
def test_where_nobody_is_counted_nothing_is_made(
    tmp_path: Path, what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    weather = tmp_path / "weather.toml"
    weather.write_text(WEATHER)
    sheet = tmp_path / "sheet.svg"
    assert privacy(what, "--config", weather, "--output", sheet) == 1
    assert "nothing counts people at pole-2" in capsys.readouterr().err
    assert not sheet.exists()


def test_a_program_is_told_that_nobody_is_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weather = tmp_path / "weather.toml"
    weather.write_text(WEATHER)
    assert privacy("notice", "--config", weather, "--json") == 1
    assert json.loads(capsys.readouterr().out)["counting"] is False


def test_a_program_is_told_what_the_sheet_is_made_of(
    pole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert privacy("notice", "--config", pole, "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["qr"] == "mailto:roads@city.example"
    assert said["cameras"][0]["window_s"] == 900
    assert said["messages"] == ["Counts", "Coverage", "Health", "EncodedPicture"]
    assert said["sheet"]["ja"]["purpose"] == ["Width of the footway"]


def test_the_statement_is_printed_or_written(
    pole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = pole.parent / "statement.md"
    assert privacy("statement", "--config", pole) == 0
    assert privacy("statement", "--config", pole, "--output", text) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("# 個人情報の取扱い")
    assert text.read_text(encoding="utf-8") == printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--output", "sheet.png"), "made as .svg or .pdf"),
        ((), "name the sheet: --output"),
        (("--output", "sheet.svg", "--language", "de"), "give ja or en"),
        (("--output", "sheet.svg", "--language", "en,en"), "give ja or en"),
    ],
)
def test_a_wrong_command_line_is_a_sentence(
    pole: Path, words: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert privacy("notice", "--config", pole, *words) == 2
    assert said in capsys.readouterr().err


def test_a_folder_that_is_not_there_is_a_sentence(
    pole: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sheet = pole.parent / "nowhere" / "sheet.svg"
    assert privacy("notice", "--config", pole, "--output", sheet) == 1
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


def test_without_the_extra_the_cure_is_named(
    pole: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def find(name: str) -> str | None:
        return None if name == "reportlab" else name

    monkeypatch.setattr(notice_file, "find_spec", find)
    assert privacy("notice", "--config", pole, "--output", pole.parent / "sheet.svg") == 4
    assert "needs reportlab: pip install 'edge-gateway[notice]'" in capsys.readouterr().err
