"""What a person sees of the rig's devices."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from io import StringIO

import pytest
from rich.console import Console

from edge_gateway.cli.rig.readout import JsonLines, PlainLines, plain, row, table
from edge_gateway.device_health import DeviceCounts, DeviceHealth, DeviceState
from edge_gateway.health import GatewayHealth
from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp

NOW = Stamp("boot", 7_000_000_000)
SPEED, DIRECTION = Measurand(Quantity.WIND_SPEED), Measurand(Quantity.WIND_DIRECTION)


def reading(measurand: Measurand, value: float, flag: Flag = Flag.GOOD) -> Reading:
    return Reading("wind", measurand, value, flag, NOW)


WIND = DeviceHealth(
    "wind",
    "windsonic",
    DeviceState.UP,
    NOW,
    {SPEED: reading(SPEED, 3.218), DIRECTION: reading(DIRECTION, 214.0)},
    DeviceCounts(readings=42),
)
DOWN = replace(
    WIND,
    state=DeviceState.DOWN,
    last_reading={SPEED: reading(SPEED, math.nan, Flag.MISSING)},
    counts=DeviceCounts(readings=40, bad_frames=3, link_losses=1),
    last_error="/dev/wind is gone",
)
UPLINK = {"connected": False, "acknowledged": 0}
OUTBOX = {"entries": 5, "uncommitted": 2}


def health(*devices: DeviceHealth) -> GatewayHealth:
    return GatewayHealth("pole-0001", NOW, None, devices, OUTBOX, UPLINK)


def test_a_device_is_one_line_of_values_with_units() -> None:
    assert row(WIND).values == "3.22 m/s  214.0 deg"


def test_its_flag_is_the_worst_of_its_values() -> None:
    doubted = reading(DIRECTION, 214.0, Flag.SUSPECT)
    assert row(replace(WIND, last_reading={**WIND.last_reading, DIRECTION: doubted})).flag == (
        "suspect"
    )


def test_errors_are_counted_by_kind_and_only_where_there_are_any() -> None:
    assert row(DOWN).errors == "3 bad, 1 gone"
    assert row(WIND).errors == "-"


def test_a_device_that_is_down_says_why_in_place_of_values() -> None:
    assert row(DOWN).values == "/dev/wind is gone"


def test_an_old_error_of_a_device_that_is_up_is_not_shown() -> None:
    assert row(replace(WIND, last_error="a bad frame")).values == "3.22 m/s  214.0 deg"


def test_a_device_that_gave_nothing_yet_is_a_line_too() -> None:
    new = DeviceHealth("sun", "hukseflux", DeviceState.STARTING, NOW)
    assert (row(new).values, row(new).flag) == ("-", "-")


def test_plain_lines_stand_in_columns() -> None:
    first, *lines = plain(health(WIND, replace(DOWN, id="rooftop")), 61.2)
    assert first.startswith("   61 s  pole-0001  uplink down: readings are kept")
    assert lines == [
        "  device   state  flag     readings  errors         value",
        "  wind     up     good     42        -              3.22 m/s  214.0 deg",
        "  rooftop  down   missing  40        3 bad, 1 gone  /dev/wind is gone",
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_on_a_terminal_each_device_is_one_line_however_narrow(width: int) -> None:
    page = StringIO()
    console = Console(file=page, width=width, force_terminal=True)
    long = replace(DOWN, last_error="a sentence that is far too long for one line " * 9)
    console.print(table([row(WIND), row(long)]))
    lines = [line for line in page.getvalue().splitlines() if "wind" in line]
    assert len(lines) == 2


def test_plain_lines_come_every_five_seconds_and_at_the_end() -> None:
    page = StringIO()
    with PlainLines(Console(file=page, width=200)) as screen:
        for elapsed_s in (0.0, 1.0, 4.9, 5.0, 5.1):
            screen.show(health(), elapsed_s)
        screen.show(health(), 5.2, last=True)
    times = [int(line.split()[0]) for line in page.getvalue().splitlines() if "pole" in line]
    assert times == [0, 5, 5]


def test_json_lines_are_documents_without_nan(capsys: pytest.CaptureFixture[str]) -> None:
    with JsonLines() as screen:
        screen.show(health(DOWN), 1.0)
        screen.remark("wind: crc, the next time", 1.5)
    shown, remark = map(json.loads, capsys.readouterr().out.splitlines())
    assert shown["devices"]["wind"]["readings"]["wind_speed"]["value"] is None
    assert remark == {"elapsed_s": 1.5, "remark": "wind: crc, the next time"}
