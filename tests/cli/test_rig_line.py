"""One twin on a pseudo-terminal of its own, spoken to by somebody else."""

from __future__ import annotations

import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from edge_gateway.cli.check import config_model
from edge_gateway.cli.main import main
from edge_gateway.cli.terminal import Exit
from edge_gateway.clock import SystemClock
from edge_gateway.drivers.contract import SerialConfig
from edge_gateway.drivers.windsonic import WindSonic, WindSonicConfig
from edge_gateway.links.errors import BadFrame, DeviceSilent, LinkGone
from edge_gateway.links.serial import SerialPort
from edge_gateway.reading import Quantity
from edge_gateway.supervise import AnyDriver
from edge_gateway.wiring import Openers, Wiring

Captured = pytest.CaptureFixture[str]
CLOCK = SystemClock()
END_S = 10.0
TRIES = 50


class Line:
    """A running `rig line`; its first lines are the table that reads it."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process

    def said(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().rstrip("\n")

    def table(self, keys: int) -> dict[str, Any]:
        assert self.said() == "[[device]]"
        return tomllib.loads("\n".join(self.said() for _ in range(keys)))

    def told(self, words: str) -> str:
        assert self.process.stdin
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()
        return self.said()


@contextmanager
def line(*words: str, stdin: int = subprocess.PIPE) -> Generator[Line]:
    process = subprocess.Popen(
        [sys.executable, "-m", "edge_gateway", "rig", "line", *words],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield Line(process)
    finally:
        process.kill()
        process.communicate()


@contextmanager
def windsonic(link: Path) -> Generator[WindSonic]:
    port = SerialPort(str(link), 9600)
    yield WindSonic(WindSonicConfig(id="wind", driver="windsonic", port=str(link)), port, CLOCK)
    port.close()


def until(error: type[Exception], act: Callable[[], object]) -> bool:
    """Whether this error comes within a few tries, whatever else comes first."""
    for _ in range(TRIES):
        try:
            act()
        except error:
            return True
        except (BadFrame, DeviceSilent, LinkGone):
            continue
    return False


def measured(driver: WindSonic) -> float:
    """The next good wind speed."""
    for _ in range(TRIES):
        with suppress(BadFrame, DeviceSilent, LinkGone):
            value = next(driver.listen())[Quantity.WIND_SPEED]
            assert isinstance(value, float)
            return value
    raise AssertionError("no good frame came")


@pytest.fixture(scope="module")
def wind(tmp_path_factory: pytest.TempPathFactory) -> Generator[tuple[Line, Path]]:
    """One running line and its link, for all tests that leave it plugged in."""
    link = tmp_path_factory.mktemp("line") / "port"
    with line("windsonic", str(link)) as running:
        running.table(keys=3)
        yield running, link


def test_another_program_reads_the_twin_through_the_link(wind: tuple[Line, Path]) -> None:
    _, link = wind
    with windsonic(link) as driver:
        assert 0.0 <= measured(driver) < 30.0


def test_the_table_it_prints_is_the_one_that_reads_it(tmp_path: Path) -> None:
    link = tmp_path / "port"
    with line("kipp_smp", str(link), "--option", "unit=7") as running:
        table = running.table(keys=4)
        device = config_model(table["driver"]).model_validate(table)
        wiring = Wiring(CLOCK, None, Openers(), [device])
        driver: AnyDriver = wiring.wire(device).open_driver()
        assert Quantity.GLOBAL_IRRADIANCE in getattr(driver, "read")()  # noqa: B009
        wiring.close()


def test_a_fault_on_stdin_spoils_as_many_frames(wind: tuple[Line, Path]) -> None:
    running, link = wind
    with windsonic(link) as driver:
        measured(driver)
        assert running.told("crc 2") == "windsonic: crc, the next 2 times"
        assert until(BadFrame, lambda: next(driver.listen()))
        assert measured(driver) >= 0.0


def test_the_plug_can_be_pulled_and_put_back(wind: tuple[Line, Path]) -> None:
    running, link = wind
    with windsonic(link) as driver:
        measured(driver)
        assert running.told("unplug") == "windsonic: the line is unplugged"
        assert not link.is_symlink()
        assert until(LinkGone, lambda: next(driver.listen()))
        assert running.told("plug") == "windsonic: the line is plugged in"
        assert measured(driver) >= 0.0


def test_its_faults_are_listed_on_demand(wind: tuple[Line, Path]) -> None:
    running, _ = wind
    assert running.told("faults").split(", ")[-2:] == ["unplug", "plug"]


def test_a_wrong_word_on_stdin_is_answered_and_it_goes_on(tmp_path: Path) -> None:
    with line("windsonic", str(tmp_path / "port")) as running:
        running.table(keys=3)
        assert running.process.stdin
        running.process.stdin.write("crk\ncrc many\n\n")
        assert running.told("crc") == "windsonic: crc, the next time"
        running.process.send_signal(signal.SIGINT)
        _, said = running.process.communicate(timeout=END_S)
        assert "did you mean 'crc'?" in said
        assert "crc many: write a fault and how often" in said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_at_its_end_the_link_is_gone(tmp_path: Path, number: signal.Signals) -> None:
    link = tmp_path / "port"
    with line("nmea_mwv", str(link)) as running:
        running.table(keys=3)
        assert link.is_symlink()
        running.process.send_signal(number)
        _, said = running.process.communicate(timeout=END_S)
        assert running.process.returncode == Exit.DONE, said
        assert "Traceback" not in said
    assert not link.is_symlink()


def test_the_end_of_stdin_is_not_its_end(tmp_path: Path) -> None:
    link = tmp_path / "port"
    with line("windsonic", str(link), stdin=subprocess.DEVNULL) as running:
        running.table(keys=3)
        with windsonic(link) as driver:
            assert measured(driver) >= 0.0
        assert running.process.poll() is None


def test_a_link_that_a_killed_line_left_behind_is_replaced(tmp_path: Path) -> None:
    link = tmp_path / "port"
    link.symlink_to("/dev/pts/no-such-terminal")
    with line("windsonic", str(link)) as running:
        running.table(keys=3)
        with windsonic(link) as driver:
            assert measured(driver) >= 0.0


def test_a_file_in_the_way_is_kept(tmp_path: Path, capsys: Captured) -> None:
    link = tmp_path / "port"
    link.write_text("mine", encoding="utf-8")
    assert main(["rig", "line", "windsonic", str(link)]) == Exit.USAGE
    assert "is there already" in capsys.readouterr().err
    assert link.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["windsnic", "port"], "did you mean 'windsonic'?"),
        (["sht", "port"], "driver 'sht' has no twin for a line"),
        (["windsonic", "port", "--option", "mode"], "write KEY=VALUE"),
        (["windsonic", "port", "--option", "mod=polled"], "did you mean 'mode'?"),
        (["windsonic", "port", "--option", "mode=sleeping"], "--option mode"),
        (["windsonic", "port", "--option", "port=/dev/x"], "DRIVER and LINK say it already"),
        (["modbus_profile", "port"], "give --option profile=..."),
        (["modbus_profile", "port", "--option", "profile=xy"], "there is no profile 'xy'"),
        (["windsonic", "nowhere/port"], "no such folder"),
        (["port"], "name a DRIVER, or a --talk FILE"),
        (["windsonic", "port", "--talk", "wind.talk"], "leave DRIVER and --option out"),
    ],
)
def test_a_wrong_word_is_answered_with_a_sentence(
    words: list[str],
    hint: str,
    tmp_path: Path,
    capsys: Captured,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["rig", "line", *words]) == Exit.USAGE
    assert hint in capsys.readouterr().err


def test_options_are_words_or_numbers_as_toml_has_them(tmp_path: Path) -> None:
    link = tmp_path / "port"
    options = ("--option", "mode=polled", "--option", "crc=true", "--option", "address='5'")
    with line("wxt530", str(link), *options) as running:
        table = running.table(keys=6)
        config = config_model("wxt530").model_validate(table)
        assert isinstance(config, SerialConfig)
        assert (table["mode"], table["crc"], table["address"]) == ("polled", True, "5")


# Two frames of the WindSonic's manual, 229 degrees at 2.74 m/s.
TALK = """# edge-gateway talk 1
# device {"id": "wind", "driver": "windsonic", "port": "/dev/field", "baud": 9600}
0.000 < 02 51 2c 32 32 39 2c 30 30 32 2e 37 34 2c 4d 2c 30 30 2c 03 31 36 0d 0a
0.100 < 02 51 2c 32 32 39 2c 30 30 32 2e 37 34 2c 4d 2c 30 30 2c 03 31 36 0d 0a
"""


def test_a_recorded_talk_is_played_as_the_device(tmp_path: Path) -> None:
    link, file = tmp_path / "port", tmp_path / "wind.talk"
    file.write_text(TALK, encoding="utf-8")
    with line(str(link), "--talk", str(file)) as running:
        assert running.table(keys=4)["port"] == str(link)
        with windsonic(link) as driver:
            assert measured(driver) == pytest.approx(2.74)
            assert running.told("crc") == "wind: crc, the next time"


def test_the_talk_of_a_chip_is_no_lines(tmp_path: Path, capsys: Captured) -> None:
    file = tmp_path / "air.talk"
    header = '# edge-gateway talk 1\n# device {"id": "air", "driver": "sht"}\n'
    file.write_text(f"{header}0.0 > 44 fd\n0.01 < 44 66 66 93 7f ff 8f\n", encoding="utf-8")
    assert main(["rig", "line", str(tmp_path / "port"), "--talk", str(file)]) == Exit.INPUT
    assert "which hangs on no line" in capsys.readouterr().err
