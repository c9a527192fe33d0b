"""The demo's books: what was lost or came twice is found by holding the two ends together."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.cli.demo.report import (
    Balance,
    Ledger,
    Report,
    balances,
    mark,
    people_of,
    tap_into,
)
from edge_gateway.cli.demo.screen import sparkline
from edge_gateway.reading import Event, Flag, Measurand, Quantity, Reading, Stamp, Statistic

AIR = Measurand(Quantity.AIR_TEMPERATURE)
GATE = Measurand(Quantity.PEOPLE, "gate/forward", Statistic.COUNT, 10)


def test_a_reading_that_did_not_arrive_is_lost() -> None:
    produced = Counter([mark("air", AIR, 21.5), mark("air", AIR, 21.6)])
    delivered = Counter([mark("air", AIR, 21.5)])
    assert balances(["air"], produced, delivered) == {"air": Balance(2, 1, 1, 0)}


def test_a_reading_that_arrived_twice_is_duplicated() -> None:
    produced = Counter([mark("air", AIR, 21.5)])
    delivered = Counter({mark("air", AIR, 21.5): 2})
    assert balances(["air"], produced, delivered) == {"air": Balance(1, 2, 0, 1)}


def test_a_value_that_was_changed_on_the_way_is_lost_and_not_made_up_for() -> None:
    produced, delivered = Counter([mark("air", AIR, 21.5)]), Counter([mark("air", AIR, 21.4)])
    assert balances(["air"], produced, delivered)["air"].lost == 1


def test_a_device_that_gave_nothing_stands_in_the_books_and_spoils_them() -> None:
    books = balances(
        ["air", "camera"], Counter([mark("air", AIR, 1)]), Counter([mark("air", AIR, 1)])
    )
    assert books["camera"] == Balance(0, 0, 0, 0)
    report = Report(
        seconds=1,
        outage_s=1,
        broker="",
        footage="",
        devices=books,
        people={},
        messages={},
        repeated_messages=0,
        bytes_on_wire=0,
        bytes_per_reading=0,
        simulated=(),
    )
    assert report.silent == ["camera"]
    assert not report.is_good


def test_a_missing_reading_counts_like_any_other() -> None:
    ledger = Ledger()
    at = Stamp("boot", 1)
    tap_into(ledger, [Reading("air", AIR, float("nan"), Flag.MISSING, at)])
    assert ledger.read() == Counter([mark("air", AIR, None)])


def test_events_are_no_readings() -> None:
    ledger = Ledger()
    tap_into(ledger, [Event("device_down", "air", "silent", Stamp("boot", 1))])
    assert not ledger.read()


def test_people_are_added_up_by_line_and_direction() -> None:
    delivered = Counter({mark("camera", GATE, 2): 3, mark("camera", GATE, 0): 5})
    assert people_of(delivered) == {"gate": {"forward": 6, "backward": 0}}


@given(st.lists(st.integers(0, 10_000), max_size=300), st.floats(0, 2), st.integers(1, 60))
def test_the_line_of_bars_never_outgrows_its_place(
    history: list[int], share: float, width: int
) -> None:
    assert 1 <= len(sparkline(history, width, share)) <= width


def test_no_peak_falls_between_two_bars() -> None:
    assert "█" in sparkline([0] * 99 + [7] + [0] * 200, 10, 1.0)
