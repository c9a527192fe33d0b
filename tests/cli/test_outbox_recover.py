"""`outbox recover`: from a store that was set aside into the one in use, once, and only asked."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

import pytest

from edge_gateway.cli.main import main
from edge_gateway.cli.terminal import Exit
from edge_gateway.clock import ClockState, SystemClock
from edge_gateway.outbox import BootClock, Outbox, decode
from edge_gateway.reading import Event, Flag, Lane, Measurand, Quantity, Reading, Stamp

Captured = pytest.CaptureFixture[str]
MakeOutbox = Callable[..., Outbox]

BOOT = "b007" * 8
OLD_BOOT = "01d0" * 8


@pytest.fixture
def make(tmp_path: Path) -> Iterator[MakeOutbox]:
    made: list[Outbox] = []

    def new(name: str, *consumers: str, seed: int = 1) -> Outbox:
        outbox = Outbox(
            tmp_path / name,
            clock=SystemClock(trusted=True),
            quota_bytes=64 << 20,
            random=Random(seed),
            consumers=consumers or ("main",),
        )
        made.append(outbox)
        return outbox

    yield new
    for outbox in made:
        outbox.close()


def give(outbox: Outbox, numbers: range, boot: str = BOOT) -> None:
    for number in numbers:
        at = Stamp(boot, number * 10**9)
        outbox.append([Reading("d", Measurand(Quantity.WIND_SPEED), number, Flag.GOOD, at)])
        assert outbox.commit().trouble == ""


def values(outbox: Outbox, consumer: str = "main") -> list[float]:
    return [
        entry.value
        for block in outbox.pending(Lane.RAW, limit=10_000, consumer=consumer)
        for entry in decode(block.payload)
        if isinstance(entry, Reading)
    ]


def torn(outbox: Outbox) -> Path:
    """Close a store and break some of its pages."""
    outbox.close()
    with outbox.path.open("r+b") as file:
        file.seek(20 << 10)
        file.write(b"\xff" * 3000)
    return outbox.path


def recover(file: Path, into: Path, *more: str) -> int:
    return main(["outbox", "recover", str(file), "--folder", str(into), *more])


def test_what_can_be_read_is_sent_behind_what_waits(make: MakeOutbox, tmp_path: Path) -> None:
    old = make("old", seed=2)
    give(old, range(400), OLD_BOOT)
    old.note_clock(BootClock(OLD_BOOT, 10**18, 0.1, ClockState.SYNCED))
    old.commit()
    kept = torn(old)
    new = make("new")
    give(new, range(1000, 1005))
    new.close()
    assert recover(kept, tmp_path / "new", "--yes") == Exit.DONE
    found = make("new")
    got = values(found)
    assert got[:5] == [1000.0, 1001.0, 1002.0, 1003.0, 1004.0]
    assert 300 < len(got) - 5 < 400
    assert got[5:] == sorted(got[5:])
    assert found.clock_of(OLD_BOOT) == BootClock(OLD_BOOT, 10**18, 0.1, ClockState.SYNCED)


def test_blocks_keep_the_key_they_had(make: MakeOutbox, tmp_path: Path) -> None:
    old = make("old", seed=2)
    give(old, range(3))
    keys = [block.key for block in old.pending(Lane.RAW, limit=9)]
    old.close()
    make("new").close()
    recover(old.path, tmp_path / "new", "--yes")
    assert [block.key for block in make("new").pending(Lane.RAW, limit=9)] == keys


def test_every_consumer_is_owed_what_came_back(make: MakeOutbox, tmp_path: Path) -> None:
    old = make("old", seed=2)
    give(old, range(3))
    old.close()
    new = make("new", "main", "city")
    give(new, range(10, 20))
    blocks = new.pending(Lane.RAW, limit=9, consumer="main")
    new.remove([block.handle for block in blocks], consumer="main")
    new.close()
    recover(old.path, tmp_path / "new", "--yes")
    found = make("new", "main", "city")
    assert values(found, "main") == [19.0, 0.0, 1.0, 2.0]
    assert values(found, "city") == [*map(float, range(10, 20)), 0.0, 1.0, 2.0]


def test_a_second_time_nothing_comes_twice(
    make: MakeOutbox, tmp_path: Path, capsys: Captured
) -> None:
    old = make("old", seed=2)
    give(old, range(3))
    old.close()
    make("new").close()
    recover(old.path, tmp_path / "new", "--yes")
    capsys.readouterr()
    assert recover(old.path, tmp_path / "new", "--yes", "--json") == Exit.DONE
    assert json.loads(capsys.readouterr().out) == {
        "blocks": 0,
        "entries": 0,
        "known": 3,
        "lost": 0,
    }
    found = make("new")
    assert values(found) == [0.0, 1.0, 2.0]
    (event,) = found.pending(Lane.EVENTS, limit=9)
    (told,) = decode(event.payload)
    assert isinstance(told, Event)
    assert told.kind == "store_recovered"


def test_a_store_in_use_is_left_alone(make: MakeOutbox, tmp_path: Path, capsys: Captured) -> None:
    old = make("old", seed=2)
    give(old, range(3))
    old.close()
    live = make("new")
    assert recover(old.path, tmp_path / "new", "--yes") == Exit.FAILED
    assert "stop the gateway first" in capsys.readouterr().err
    assert values(live) == []


def test_looking_only_changes_nothing(make: MakeOutbox, tmp_path: Path, capsys: Captured) -> None:
    old = make("old", seed=2)
    give(old, range(3))
    old.close()
    new = make("new")
    new.close()
    before = new.path.read_bytes()
    assert recover(old.path, tmp_path / "new", "--dry-run", "--json") == Exit.DONE
    assert json.loads(capsys.readouterr().out)["entries"] == {"raw": 3}
    assert new.path.read_bytes() == before


@pytest.mark.parametrize("answer", ["", "n\n", "yes please\n"])
def test_without_a_clear_yes_nothing_is_moved(
    answer: str, make: MakeOutbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = make("old", seed=2)
    give(old, range(3))
    old.close()
    make("new").close()
    typed = io.StringIO(answer)
    typed.isatty = lambda: True
    monkeypatch.setattr("sys.stdin", typed)
    assert recover(old.path, tmp_path / "new") == Exit.FAILED
    assert values(make("new")) == []


def test_a_script_must_say_yes(make: MakeOutbox, tmp_path: Path, capsys: Captured) -> None:
    old = make("old", seed=2)
    give(old, range(3))
    old.close()
    make("new").close()
    assert recover(old.path, tmp_path / "new") == Exit.USAGE
    assert "--yes" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"", b"garbage" * 999])
def test_a_file_with_nothing_to_read_is_a_sentence(
    content: bytes | None, make: MakeOutbox, tmp_path: Path, capsys: Captured
) -> None:
    make("new").close()
    file = tmp_path / "file"
    if content is not None:
        file.write_bytes(content)
    assert recover(file, tmp_path / "new", "--yes") in {Exit.FAILED, Exit.INPUT}
    assert str(file) in capsys.readouterr().err


def test_a_recovery_that_the_gateway_began_goes_on_where_it_was(
    make: MakeOutbox, tmp_path: Path
) -> None:
    first = make("box")
    give(first, range(1200))
    path = torn(first)
    # A start sets the store aside and moves a first slice; the rest waits for the next commits.
    second = make("box")
    assert second.stats().recovering
    begun = len(values(second))
    second.close()
    assert recover(path.with_name("outbox.db.corrupt-1"), tmp_path / "box", "--yes") == Exit.DONE
    third = make("box")
    assert not third.stats().recovering
    got = values(third)
    assert got == sorted(set(got))
    assert begun < len(got) < 1200
