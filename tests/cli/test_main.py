"""The command line answers a wrong word with a sentence, and every command explains itself."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from edge_gateway.cli.main import COMMANDS, main
from edge_gateway.cli.terminal import EXIT_CODES, Exit

Captured = pytest.CaptureFixture[str]


def test_a_mistyped_command_is_answered_with_the_nearest(capsys: Captured) -> None:
    assert main(["chek"]) == Exit.USAGE
    assert "did you mean 'check'?" in capsys.readouterr().err


def test_no_command_shows_the_help(capsys: Captured) -> None:
    assert main([]) == Exit.USAGE
    assert "commands:" in capsys.readouterr().out


def test_a_missing_argument_points_to_the_help(capsys: Captured) -> None:
    assert main(["check"]) == Exit.USAGE
    assert "edge-gateway check --help" in capsys.readouterr().err


def test_an_unknown_option_is_named(capsys: Captured) -> None:
    assert main(["devices", "--jsn"]) == Exit.USAGE
    assert "--jsn" in capsys.readouterr().err


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"edge-gateway {command}" in capsys.readouterr().out


def test_every_exit_code_is_explained(capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    assert all(meaning in shown for meaning in EXIT_CODES.values())


def test_a_broken_configuration_ends_with_its_own_exit_code(
    tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text("[gateway]\nid = 5\n", encoding="utf-8")
    assert main(["check", str(path)]) == Exit.CONFIG
    said = capsys.readouterr().err
    assert f"{path}:2: gateway.id" in said
    assert "uplink: missing" in said


def test_check_tells_its_problems_as_json_too(tmp_path: Path, capsys: Captured) -> None:
    path = tmp_path / "gateway.toml"
    path.write_text("[gatway]\n", encoding="utf-8")
    assert main(["check", "--json", str(path)]) == Exit.CONFIG
    document = json.loads(capsys.readouterr().out)
    assert not document["ok"]
    assert {problem["key"] for problem in document["problems"]} >= {"gatway", "gateway", "uplink"}


def test_a_good_configuration_is_called_good(tmp_path: Path, capsys: Captured) -> None:
    main(["config", "sample"])
    path = tmp_path / "gateway.toml"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["check", str(path)]) == Exit.DONE
    assert "good" in capsys.readouterr().out


def test_devices_are_listed_as_json_with_units(capsys: Captured) -> None:
    assert main(["devices", "--json"]) == Exit.DONE
    listed = {row["driver"]: row for row in json.loads(capsys.readouterr().out)}
    assert "air_temperature [Cel]" in listed["sht"]["quantities"]


def test_run_without_a_configuration_file_says_what_to_do(capsys: Captured) -> None:
    assert main(["run", "--config", "nowhere.toml"]) == Exit.CONFIG
    assert "config sample" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["count", "detect"])
def test_a_video_that_is_not_there_is_named(command: str, tmp_path: Path, capsys: Captured) -> None:
    lines = tmp_path / "lines.toml"
    lines.write_text('[[line]]\nname = "a"\nstart = [0, 0]\nend = [9, 9]\n', encoding="utf-8")
    more = ["--lines", str(lines)] if command == "count" else []
    assert main([command, str(tmp_path / "no.avi"), *more]) == Exit.INPUT
    assert "no.avi: there is no such file" in capsys.readouterr().err


def test_output_that_nobody_reads_is_no_error() -> None:
    command = f"{sys.executable} -m edge_gateway config sample | head -1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stderr == ""


def test_piped_output_has_no_colour() -> None:
    command = [sys.executable, "-m", "edge_gateway", "nothing"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "\x1b" not in done.stdout + done.stderr


def test_the_light_commands_load_neither_opencv_nor_onnxruntime() -> None:
    code = (
        "import sys; from edge_gateway.cli.main import main; main(['config', 'sample']); "
        "import edge_gateway.app; "
        "sys.exit(bool({'cv2', 'onnxruntime', 'numpy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
