"""A live device is recorded, and the file alone tells again what its driver made of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from threading import Thread

import pytest

from edge_gateway.cli import record
from edge_gateway.cli.main import main
from edge_gateway.cli.record import medium_of
from edge_gateway.cli.replay import differences, read_talk
from edge_gateway.cli.terminal import Exit
from edge_gateway.config import DeviceConfig
from edge_gateway.links.i2c import I2cBus
from edge_gateway.links.talk import Result
from edge_gateway.twins.ble_sensors import RuuviTwin
from edge_gateway.twins.bluez import SimulatedBluez
from edge_gateway.twins.ds18b20 import Ds18b20Twin
from edge_gateway.twins.hukseflux import HuksefluxTwin
from edge_gateway.twins.i2c_bus import SimulatedI2cBus
from edge_gateway.twins.private_bus import PrivateBus
from edge_gateway.twins.pty_line import PtyLine
from edge_gateway.twins.sht import ShtTwin
from edge_gateway.twins.talk import TalkTwin
from edge_gateway.twins.w1_tree import SimulatedW1Tree
from edge_gateway.twins.weather import WeatherScene
from edge_gateway.twins.windsonic import WindSonicTwin

Captured = pytest.CaptureFixture[str]
Recorded = Callable[..., Path]

HEAD = '# edge-gateway talk 1\n# device {"id": "air", "driver": "sht"}\n'
# 0x6666 is 25 degC and 0x7fff 56.499 %RH in an SHT4x (data sheet, section 4.6).
AIR = "0.0 > 44 fd\n0.01 < 44 66 66 93 7f ff 8f\n"


@pytest.fixture
def line(tmp_path: Path) -> Generator[PtyLine]:
    line = PtyLine(by_id=tmp_path / "line")
    yield line
    line.close()


@pytest.fixture
def recorded(tmp_path: Path) -> Recorded:
    """Records the device of a table for some time; gives the file."""

    def recorded(table: str, *, seconds: float = 0.7, name: str = "a") -> Path:
        config, talk = tmp_path / "gateway.toml", tmp_path / f"{name}.talk"
        head = '[gateway]\nid = "p"\n[uplink]\nhost = "b"\n'
        config.write_text(f'{head}[[device]]\nid = "a"\n{table}', encoding="utf-8")
        words = ["record", "a", str(talk), "--config", str(config), "--seconds", str(seconds)]
        assert main(words) == Exit.DONE
        return talk

    return recorded


def checked(talk: Path) -> int:
    return main(["replay", "--check", str(talk)])


def lines(talk: Path, sign: str) -> list[str]:
    text = talk.read_text(encoding="utf-8").splitlines()
    return [line for line in text if line.split()[1] == sign]


def written(tmp_path: Path, text: str) -> Path:
    talk = tmp_path / "t.talk"
    talk.write_text(text, encoding="utf-8")
    return talk


def test_a_talking_device_is_recorded_and_checked(
    line: PtyLine, scene: WeatherScene, recorded: Recorded, capsys: Captured
) -> None:
    with WindSonicTwin(line, scene, rate_hz=20) as twin:
        for fault in ("crc", "split_frame", "joined_frames", "status_error"):
            twin.fail(fault)
        talk = recorded(f'driver = "windsonic"\nport = "{line.path}"\nbaud = 9600\n')
    assert len(lines(talk, "=")) > 10
    assert checked(talk) == Exit.DONE
    assert "all as the talk says" in capsys.readouterr().out


def test_a_modbus_slave_with_faults_is_recorded_and_checked(
    line: PtyLine, scene: WeatherScene, recorded: Recorded
) -> None:
    with HuksefluxTwin(line, scene) as twin:
        for fault in ("crc", "noise", "echo", "exception_4"):
            twin.fail(fault)
        talk = recorded(f'driver = "hukseflux"\nport = "{line.path}"\nperiod_s = 0.1\n')
    assert any("BadFrame" in result for result in lines(talk, "="))
    assert checked(talk) == Exit.DONE


def test_an_unplugged_adapter_is_recorded_and_checked(
    line: PtyLine, scene: WeatherScene, recorded: Recorded, tmp_path: Path
) -> None:
    path = line.path
    line.unplug()

    def plug_in_when_missed() -> None:
        talk = tmp_path / "a.talk"
        for _ in range(500):
            if talk.exists() and "LinkGone" in talk.read_text(encoding="utf-8"):
                break
            time.sleep(0.01)
        line.plug()

    hand = Thread(target=plug_in_when_missed)
    hand.start()
    with WindSonicTwin(line, scene, rate_hz=20):
        talk = recorded(f'driver = "windsonic"\nport = "{path}"\nbaud = 9600\n', seconds=2.5)
    hand.join()
    assert any("LinkGone" in result for result in lines(talk, "="))
    assert any("wind_speed" in result for result in lines(talk, "="))
    assert checked(talk) == Exit.DONE


def test_a_recording_played_by_a_simulated_device_gives_the_same_values(
    line: PtyLine, scene: WeatherScene, recorded: Recorded
) -> None:
    table = f'driver = "hukseflux"\nport = "{line.path}"\nperiod_s = 0.2\n'
    with HuksefluxTwin(line, scene):
        first = recorded(table)
    _, talk = read_talk(first)
    with TalkTwin(line, talk.turns, speed=5):
        second = recorded(table, name="again")
    _, again = read_talk(second)
    assert {result.told for result in again.results} <= {result.told for result in talk.results}
    assert checked(second) == Exit.DONE


def test_a_thermometer_on_1_wire_is_recorded_and_checked(
    tmp_path: Path, scene: WeatherScene, recorded: Recorded
) -> None:
    slave, folder = "28-0316a2795bff", tmp_path / "w1"
    with SimulatedW1Tree(folder, {slave: Ds18b20Twin(scene)}, period_s=0.05) as tree:
        tree.convert(slave)
        table = f'driver = "ds18b20"\nslave = "{slave}"\nfolder = "{folder}"\nperiod_s = 0.2\n'
        talk = recorded(table)
    assert f" < {slave} " in talk.read_text(encoding="utf-8")
    assert checked(talk) == Exit.DONE


def test_a_chip_is_recorded_and_checked(
    scene: WeatherScene, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    twin = ShtTwin(scene)
    bus = SimulatedI2cBus({0x44: twin})
    for fault in ("crc", "silent", "half_frame"):
        twin.fail(fault)
    monkeypatch.setattr(record, "I2cBus", partial(I2cBus, open_bus=bus.open))
    talk = recorded('driver = "sht"\nperiod_s = 0.2\n', seconds=2.5)
    assert any("BadFrame" in result for result in lines(talk, "="))
    assert checked(talk) == Exit.DONE


def test_of_all_that_a_radio_hears_only_the_device_is_recorded(
    tmp_path: Path, scene: WeatherScene, recorded: Recorded, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("dbus-daemon") is None:
        pytest.skip("dbus-daemon is missing: apt-get install dbus")
    mine, other = "CB:B8:33:4C:88:4F", "D1:22:33:44:55:66"
    with PrivateBus(tmp_path) as bus, SimulatedBluez(bus.address) as bluez:
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", bus.address)
        with _tag(bluez, mine, scene), _tag(bluez, other, scene):
            talk = recorded(f'driver = "ble_adv"\nformat = "ruuvi"\naddress = "{mine}"\n')
    text = talk.read_text(encoding="utf-8").upper()
    assert f" < {mine} " in text
    assert other not in text
    assert other.replace(":", " ") not in text
    assert checked(talk) == Exit.DONE


def _tag(
    bluez: SimulatedBluez, address: str, scene: WeatherScene
) -> AbstractContextManager[object]:
    return RuuviTwin(bluez, address, scene, interval_s=0.05)


def test_a_changed_value_is_told_in_a_sentence(tmp_path: Path, capsys: Captured) -> None:
    results = "0.01 = air_temperature 26.19 Cel\n0.01 + relative_humidity 56.499 %RH\n"
    talk = written(tmp_path, HEAD + AIR + results)
    assert checked(talk) == Exit.FAILED
    assert capsys.readouterr().err == (
        f"{talk}: line 5: the talk says air_temperature 26.190 Cel, "
        "the driver makes it air_temperature 25.000 Cel\n"
    )


def test_another_error_than_in_the_talk_is_told(tmp_path: Path, capsys: Captured) -> None:
    talk = written(tmp_path, f"{HEAD}{AIR}0.01 = BadFrame: whatever\n")
    assert checked(talk) == Exit.FAILED
    assert "the talk says BadFrame: whatever, the driver makes it" in capsys.readouterr().err


def test_the_text_of_an_error_may_differ(tmp_path: Path) -> None:
    spoilt = AIR.replace("93", "94")
    assert checked(written(tmp_path, f"{HEAD}{spoilt}0.01 = BadFrame: whatever\n")) == Exit.DONE


def test_no_more_than_five_differences_are_told(tmp_path: Path, capsys: Captured) -> None:
    turn = f"{AIR}0.01 = air_temperature 1 Cel\n0.01 + relative_humidity 1 %RH\n"
    assert checked(written(tmp_path, HEAD + 7 * turn)) == Exit.FAILED
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 6
    assert said[-1].endswith("and 2 more")


def test_what_was_cut_off_behind_the_last_result_does_not_count(tmp_path: Path) -> None:
    results = "0.01 = air_temperature 25 Cel\n0.01 + relative_humidity 56.499 %RH\n"
    assert checked(written(tmp_path, f"{HEAD}{AIR}{results}1.0 > 44 fd\n")) == Exit.DONE


def test_a_driver_that_sends_something_else_is_told_the_line(
    tmp_path: Path, capsys: Captured
) -> None:
    talk = written(tmp_path, f"{HEAD}0.0 > 44 f6\n0.01 = nothing\n")
    assert checked(talk) == Exit.FAILED
    assert f"{talk}: line 3: the driver sent fd to 44 instead" in capsys.readouterr().err


def test_a_talk_without_results_cannot_be_checked(tmp_path: Path, capsys: Captured) -> None:
    assert checked(written(tmp_path, HEAD + AIR)) == Exit.INPUT
    assert "says nothing of results" in capsys.readouterr().err


def test_without_check_the_readings_are_printed(tmp_path: Path, capsys: Captured) -> None:
    assert main(["replay", str(written(tmp_path, HEAD + AIR))]) == Exit.DONE
    assert "25.000 Cel" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("hello\n", "no talk"),
        (f"{HEAD}0.0 ? 00\n", "line 3"),
        ('# edge-gateway talk 1\n# device {"id": "a", "driver": "no"}\n', "no driver 'no'"),
        ("# edge-gateway talk 1\n# device {\n", "Expecting"),
    ],
)
def test_a_file_that_is_no_talk_is_told_why(
    tmp_path: Path, capsys: Captured, text: str, what: str
) -> None:
    assert main(["replay", str(written(tmp_path, text))]) == Exit.INPUT
    assert what in capsys.readouterr().err


def test_a_device_without_a_wire_is_not_recorded() -> None:
    assert medium_of(DeviceConfig(id="a", driver="camera")) is None


def test_a_file_that_cannot_be_written_is_told(
    tmp_path: Path, line: PtyLine, capsys: Captured
) -> None:
    config = tmp_path / "gateway.toml"
    config.write_text(
        '[gateway]\nid = "p"\n[uplink]\nhost = "b"\n[[device]]\nid = "a"\ndriver = "windsonic"\n'
        f'port = "{line.path}"\nbaud = 9600\n',
        encoding="utf-8",
    )
    words = ["record", "a", str(tmp_path / "no" / "a.talk"), "--config", str(config)]
    assert main(words) == Exit.FAILED
    assert "cannot be written" in capsys.readouterr().err


def test_results_that_are_left_over_on_either_side_are_told() -> None:
    result = Result(7, 0.0, ("nothing",))
    assert list(differences([result], [])) == [
        "line 7: the talk says nothing, and the driver comes to nothing"
    ]
    assert list(differences([result], [("nothing",), ("BadFrame: x",)])) == [
        "behind line 7: the driver also makes it BadFrame: x"
    ]
    assert list(differences([result], [("nothing",)])) == []
