"""Tables read by Python's csv module, and the mesh against published codes."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.outbox import encode, unpack
from edge_gateway.reading import Event, Flag, Measurand, Quantity, Reading, Stamp
from edge_gateway.uplink.batch import Arrival, Batch, Dates, Dating
from edge_gateway.uplink.payloads import Pole, open_data
from edge_gateway.uplink.payloads.open_data import mesh_code


def lines(batch: Batch, pole: Pole) -> list[dict[str, str]]:
    return [
        line
        for message in open_data.messages(batch, pole)
        for line in csv.DictReader(io.StringIO(message.payload.decode(), newline=""), strict=True)
    ]


def test_a_reading_is_one_line_with_its_place_and_local_time(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    assert lines(scenes["samples"], pole)[0] == {
        "time": "2026-08-03T14:01:00.000+09:00",
        "clock": "synced",
        "boot": "",
        "since_boot_s": "",
        "gateway": "pole-1",
        "latitude": "35.681200",
        "longitude": "139.767100",
        "mesh": "53394611",
        "device": "wxt",
        "channel": "",
        "quantity": "air_temperature",
        "statistic": "sample",
        "window_s": "0",
        "value": "33.400",
        "unit": "Cel",
        "quality": "good",
        "flag": "1",
        "reasons": "",
        "calibration": "cal-7",
    }


def test_a_missing_value_is_an_empty_cell_with_its_reason(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    (missing,) = [one for one in lines(scenes["samples"], pole) if one["flag"] == "9"]
    assert (missing["value"], missing["quality"], missing["reasons"]) == (
        "",
        "missing",
        "no_answer",
    )


def test_a_failed_value_is_kept_and_said_to_have_failed(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    (failed,) = [one for one in lines(scenes["samples"], pole) if one["flag"] == "4"]
    assert (failed["value"], failed["quality"], failed["reasons"]) == ("130.000", "fail", "range")


def test_zero_suppressed_and_missing_counts_are_three_things(
    pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    found = {
        one["channel"]: (one["value"], one["quality"]) for one in lines(scenes["counts"], pole)
    }
    assert found["gate/backward"] == ("0", "good")
    assert found["park/forward"] == ("", "suppressed")
    assert found["stairs/backward"] == ("", "missing")


@pytest.mark.parametrize(("scene", "clock"), [("no clock", "unset"), ("earlier boot", "unknown")])
def test_without_a_date_a_line_gives_boot_and_seconds_since(
    scene: str, clock: str, pole: Pole, scenes: Mapping[str, Batch]
) -> None:
    first = lines(scenes[scene], pole)[0]
    found = (first["time"], first["clock"], first["boot"], first["since_boot_s"])
    assert found == ("", clock, "b007", "60.000000")


def test_a_pole_without_coordinates_has_empty_cells(scenes: Mapping[str, Batch]) -> None:
    first = lines(scenes["samples"], Pole("pole-1"))[0]
    assert (first["latitude"], first["longitude"], first["mesh"]) == ("", "", "")
    assert first["time"] == "2026-08-03T05:01:00.000Z"


def test_events_are_a_table_of_their_own(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    (message,) = open_data.messages(scenes["events"], pole)
    (event,) = lines(scenes["events"], pole)
    assert message.topic == "edge/pole-1/events"
    assert (event["event"], event["text"]) == ("device_down", 'no answer for 60 s (the "WXT")')


def test_a_text_cannot_become_a_formula(pole: Pole, batch_of: Callable[..., Batch]) -> None:
    batch = batch_of([Event("note", "x", "=1+1", Stamp("b007", 0))])
    assert lines(batch, pole)[0]["text"] == "'=1+1"


def test_a_negative_number_stays_a_number(pole: Pole, scenes: Mapping[str, Batch]) -> None:
    found = {one["quantity"]: one["value"] for one in lines(scenes["samples"], pole)}
    assert found["global_irradiance"] == "-3.20"


# Tokyo station, Sapporo's and Naha's city halls; JIS X 0410 has the first as its example region.
@pytest.mark.parametrize(
    ("latitude", "longitude", "code"),
    [
        (35.6812, 139.7671, "53394611"),
        (43.0621, 141.3544, "64414278"),
        (26.2124, 127.6792, "39272554"),
        (48.8566, 2.3522, ""),
    ],
)
def test_the_mesh_is_that_of_the_standard(latitude: float, longitude: float, code: str) -> None:
    assert mesh_code(latitude, longitude) == code


@given(st.floats(20.0, 45.99), st.floats(122.0, 153.99))
def test_a_place_lies_in_its_mesh(latitude: float, longitude: float) -> None:
    """The south-west corner from the digits: 40' and 1 degree, an eighth, a tenth of it."""
    digits = [int(digit) for digit in mesh_code(latitude, longitude)]
    south = (digits[0] * 10 + digits[1]) / 1.5 + digits[4] / 12 + digits[6] / 120
    west = 100 + digits[2] * 10 + digits[3] + digits[5] / 8 + digits[7] / 80
    assert south - 1e-9 <= latitude < south + 1 / 120 + 1e-9
    assert west - 1e-9 <= longitude < west + 1 / 80 + 1e-9


TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)


@given(st.lists(st.tuples(TEXTS, TEXTS, st.floats(-1e6, 1e6)), max_size=6))
def test_any_text_comes_back_from_its_cell(rows: list[tuple[str, str, float]]) -> None:
    entries = [
        Reading(
            "dev",
            Measurand(Quantity.ILLUMINANCE),
            value,
            Flag.FAIL,
            Stamp("b", number * 10**9),
            (reason,),
            calibration_id,
        )
        for number, (reason, calibration_id, value) in enumerate(rows)
    ]
    dates = Dates(Dating.SYNCED, 0)
    batch = Batch("pole-1", "1/1", "b", Arrival.LIVE, dates, unpack(encode(entries)))
    found = [
        (one["reasons"].removeprefix("'"), one["calibration"].removeprefix("'"), one["value"])
        for one in lines(batch, Pole("pole-1"))
    ]
    expected = [
        (
            reason.removeprefix("'"),
            calibration_id.removeprefix("'"),
            f"{round(value * 100) / 100:.2f}",
        )
        for reason, calibration_id, value in rows
    ]
    assert found == expected
