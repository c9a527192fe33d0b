"""What every driver must do, whatever it measures: the demands of the conformance table.

A new driver is under test once it has a row in `conformance.py` and a bench. `--seed N` draws
other weather, other places for the faults to strike, other orders and numbers of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from random import Random

import pytest

from edge_gateway.clock import Clock
from edge_gateway.drivers import nmea_mwv, registry, windsonic, wxt530
from edge_gateway.links import modbus
from edge_gateway.links.errors import (
    BadFrame,
    DeviceError,
    DeviceReset,
    DeviceSilent,
    LinkGone,
    Misconfigured,
)
from edge_gateway.reading import Event, Measured, Quantity
from edge_gateway.supervise import Worker
from tests.drivers import chip_benches, line_benches, radio_benches
from tests.drivers.benches import CLOCK, Bench, flagged, good, quantity_of
from tests.drivers.conformance import (
    ALL,
    ELSEWHERE,
    FAMILIES,
    ONE,
    RESET,
    SOME,
    TABLE,
    Reaction,
    driver_of,
)
from tests.drivers.conformance_page import KINDS

BENCHES: Mapping[str, Callable[[Random, Path], AbstractContextManager[Bench]]] = {
    **chip_benches.BENCHES,
    **line_benches.BENCHES,
    **radio_benches.BENCHES,
}
NAMES = registry.built_in_names()
CELLS = [
    (row, kind)
    for row, cells in TABLE.items()
    for kind, cell in cells.items()
    if isinstance(cell, Reaction) and kind != "unplug"
]
AT_ONCE = 6
TRIES = 12
FEW = 3
RETRIES = 3  # as many as the supervisor reads in one poll
SHORT_S, QUARANTINE_S = 0.15, 0.02


@pytest.fixture
def chance(seed: int, request: pytest.FixtureRequest) -> Random:
    return Random(f"{seed} {request.node.name}")


@pytest.fixture
def bench(
    row: str, chance: Random, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Bench]:
    """The row's device, which has measured once; what it may be late by is shortened."""
    monkeypatch.setattr(windsonic, "SILENT_AFTER_S", SHORT_S)
    monkeypatch.setattr(wxt530, "ANSWER_TIMEOUT_S", SHORT_S)
    monkeypatch.setattr(nmea_mwv, "SENTENCES_WITHOUT_WIND", 40)
    monkeypatch.setattr(modbus, "QUARANTINE_S", QUARANTINE_S)
    monkeypatch.setattr(modbus, "LONGEST_QUARANTINE_S", QUARANTINE_S)
    with BENCHES[row](chance, tmp_path) as bench:
        bench.gives = frozenset(map(quantity_of, bench.measure()))
        yield bench


def is_whole(bench: Bench, outcome: Measured | DeviceError) -> bool:
    """Whether it gives all the device has, without reserve."""
    if isinstance(outcome, DeviceError) or flagged(outcome):
        return False
    return frozenset(map(quantity_of, outcome)) == bench.gives


def is_demanded(reaction: Reaction, outcome: Measured | DeviceError) -> bool:
    """Whether this is what must come."""
    if isinstance(outcome, DeviceError):
        return type(outcome) in reaction.errors
    if reaction.empty:
        return not outcome
    if reaction.flagged is None:
        return not reaction.errors and bool(good(outcome))
    bad, kept = {quantity_of(key) for key in flagged(outcome)}, good(outcome)
    how = {ALL: bool(bad) and not kept, ONE: len(bad) == 1, SOME: bool(bad) and bool(kept)}
    if isinstance(reaction.flagged, str):
        return how[reaction.flagged]
    return frozenset(bad) == reaction.flagged


def look_beside(bench: Bench, *, may_be_gone: bool = False) -> None:
    """The other device on the link gives right values, within the retries of one poll."""
    if bench.beside is None:
        return
    for _ in range(RETRIES):
        try:
            if good(bench.beside.measure()):
                return
        except BadFrame:
            assert bench.bus is None  # a chip beside a chip needs no retry
        except (DeviceSilent, LinkGone):
            assert may_be_gone
    assert may_be_gone


def recover(bench: Bench) -> list[Measured | DeviceError]:
    """Measure until all values are there again; what came before."""
    before = list[Measured | DeviceError]()
    while not is_whole(bench, outcome := bench.attempt()):
        before.append(outcome)
        CLOCK.sleep(QUARANTINE_S if isinstance(outcome, DeviceSilent) else 0.0)
        assert len(before) < TRIES, before
    return before


def test_every_driver_is_in_the_table() -> None:
    registered = {*registry.names(), *NAMES}
    assert {driver_of(row) for row in TABLE} | set(ELSEWHERE) == registered


def test_every_row_has_a_bench() -> None:
    assert set(BENCHES) == set(TABLE)


def test_every_fault_is_described() -> None:
    assert set(KINDS) == {kind for cells in TABLE.values() for kind in cells}


@pytest.mark.parametrize("folder", ELSEWHERE.values())
def test_what_is_tested_elsewhere_is_tested_there(folder: str) -> None:
    assert list((Path(__file__).parents[2] / folder).glob("test_*.py"))


@pytest.mark.parametrize("row", TABLE)
def test_every_fault_of_its_device_and_its_bus_has_a_cell(row: str, bench: Bench) -> None:
    of_the_bus = () if bench.bus is None else (*bench.bus.FAULTS, "held")
    faults = {*bench.twin.FAULTS, *of_the_bus, "unplug"}
    assert faults <= set(TABLE[row])
    demanded = {kind for kind, cell in TABLE[row].items() if isinstance(cell, Reaction)}
    assert demanded <= faults


@pytest.mark.parametrize("family", FAMILIES)
def test_every_row_of_a_family_says_something_of_every_fault_of_it(family: str) -> None:
    rows = FAMILIES[family].values()
    assert all(set(row) == {kind for other in rows for kind in other} for row in rows)


@pytest.mark.parametrize("name", NAMES)
def test_its_devices_give_the_quantities_it_names_and_no_others(
    name: str, chance: Random, tmp_path: Path
) -> None:
    given = set[Quantity]()
    for at, row in enumerate(row for row in TABLE if driver_of(row) == name):
        folder = tmp_path / str(at)
        folder.mkdir()
        with BENCHES[row](chance, folder) as bench:
            given |= set(map(quantity_of, bench.measure()))
    assert given == set(registry.load(name).quantities)


@pytest.mark.parametrize("row", TABLE)
def test_its_values_are_in_the_unit_and_range_of_their_quantity(bench: Bench) -> None:
    for _ in range(FEW):
        measured = bench.measure()
        assert is_whole(bench, measured)
        for key, value in good(measured).items():
            assert quantity_of(key).nature.low <= value <= quantity_of(key).nature.high
        look_beside(bench)


@pytest.mark.parametrize(("row", "kind"), CELLS)
def test_a_fault_has_the_demanded_reaction_and_is_over_when_it_is_over(
    row: str, kind: str, bench: Bench, chance: Random
) -> None:
    """No wrong value at any time: `bench` looks at each. Others on the link are undisturbed."""
    reaction = TABLE[row][kind]
    assert isinstance(reaction, Reaction)
    for _ in range(1 if bench.silence > 1 and kind == "silent" else chance.randint(1, 2)):
        bench.fail(kind, bench.silence if kind == "silent" else 1)
        came = list[Measured | DeviceError]()
        while not any(is_demanded(reaction, outcome) for outcome in came) or bench.left(kind):
            came.append(bench.attempt())
            look_beside(bench, may_be_gone=reaction.with_neighbours)
            assert len(came) < TRIES, came
        came += recover(bench)
        errors = {type(outcome) for outcome in came if isinstance(outcome, DeviceError)}
        assert errors <= {*reaction.errors, *reaction.besides}, came
        look_beside(bench)
    if reaction.with_neighbours:
        assert bench.freed  # and not once for each device: see the test of the bus


@pytest.mark.parametrize(
    ("row", "kind"), [(row, kind) for row, kind in CELLS if TABLE[row][kind] is RESET]
)
def test_a_restart_is_told_once_and_its_first_sample_is_dropped(kind: str, bench: Bench) -> None:
    bench.fail(kind)
    came = [bench.attempt() for _ in range(FEW)]
    resets = [outcome for outcome in came if isinstance(outcome, DeviceReset)]
    assert resets
    assert len({str(reset) for reset in resets}) == len(resets)
    if not bench.device.present_only:
        # It talks: the weather of the frame behind the banner is never told.
        looks = len(bench.device.scene.had)
        told = len([outcome for outcome in came if not isinstance(outcome, DeviceError)])
        assert looks - 1 - told - 1 == 1  # the first look, and the dropped one
    assert is_whole(bench, came[-1])


@pytest.mark.parametrize(
    ("row", "kind"), [(row, kind) for row, kind in CELLS if TABLE[row][kind] is RESET]
)
def test_the_supervisor_records_a_restart_as_an_event_and_no_outage(
    kind: str, bench: Bench, chance: Random, frozen: Clock
) -> None:
    events, driver = list[Event](), bench.device.driver
    worker = Worker(driver.config, lambda: driver, frozen, chance, lambda _: None, events.append)
    for at in range(2 * FEW):
        if at == FEW:
            bench.fail(kind)
        frozen.sleep(worker.step())
    texts = [event.text for event in events]
    assert {event.kind for event in events} == {"device_reset"}
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("row", FAMILIES["I2C"])
def test_a_bus_held_low_is_freed_once_for_all_its_devices(bench: Bench) -> None:
    bench.fail("held")
    for _ in range(RETRIES):
        bench.attempt()
        look_beside(bench, may_be_gone=True)
    recover(bench)
    assert bench.freed == ["bus"]


@pytest.mark.parametrize("row", TABLE)
def test_faults_all_at_once_and_in_any_order_make_no_wrong_value(
    row: str, bench: Bench, chance: Random
) -> None:
    kinds = [
        kind
        for kind, cell in TABLE[row].items()
        if isinstance(cell, Reaction) and Misconfigured not in cell.errors and kind != "unplug"
    ]
    for _ in range(FEW):
        for kind in chance.sample(kinds, chance.randint(2, min(AT_ONCE, len(kinds)))):
            bench.fail(kind, chance.randint(1, 2))
            if chance.random() < 0.5:
                bench.attempt()
        while any(bench.left(kind) for kind in kinds):
            assert not isinstance(bench.attempt(), Misconfigured)
            look_beside(bench, may_be_gone=True)
    recover(bench)
    look_beside(bench, may_be_gone=False)


@pytest.mark.parametrize("row", TABLE)
def test_an_unplugged_link_is_gone_and_comes_back_under_any_name(bench: Bench) -> None:
    bench.unplug()
    came = [bench.attempt() for _ in range(FEW)]
    assert isinstance(came[-1], LinkGone)
    assert {type(outcome) for outcome in came if isinstance(outcome, DeviceError)} == {LinkGone}
    bench.plug()
    recover(bench)
    look_beside(bench)


@pytest.mark.parametrize("row", TABLE)
def test_a_closed_link_is_gone(bench: Bench) -> None:
    bench.device.driver.link.close()
    with pytest.raises(LinkGone, match="was closed"):
        bench.measure()


@pytest.mark.parametrize("row", TABLE)
def test_every_error_says_something(bench: Bench) -> None:
    bench.unplug()
    with pytest.raises(DeviceError, match=r"\w+ \w+"):
        [bench.measure() for _ in range(FEW)]
