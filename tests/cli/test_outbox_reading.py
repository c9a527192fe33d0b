"""`outbox stats`, `ls` and `export`: what a store holds, live or damaged, and never changed."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import pytest

from edge_gateway.cli.main import main
from edge_gateway.cli.outbox.export import since
from edge_gateway.cli.outbox.stats import in_bytes, in_time
from edge_gateway.cli.terminal import Exit
from edge_gateway.clock import ClockState, SystemClock
from edge_gateway.outbox import BootClock, Outbox
from edge_gateway.reading import (
    Event,
    Flag,
    Lane,
    Measurand,
    Quantity,
    Reading,
    Stamp,
    Statistic,
)
from edge_gateway.uplink.consumer import decode_all

Captured = pytest.CaptureFixture[str]

# A boot of long ago whose clock was right: its stamp 0 is 2026-08-03T05:00:00Z.
BOOT = "b007" * 8
START_S = 1_785_733_200


class Store:
    """An outbox in a folder, and the readings it was given."""

    def __init__(self, folder: Path, consumers: Sequence[str] = ("main",)) -> None:
        self.folder = folder
        self.outbox = Outbox(
            folder,
            clock=SystemClock(trusted=True),
            quota_bytes=64 << 20,
            random=Random(1),
            consumers=consumers,
        )
        self.outbox.note_clock(BootClock(BOOT, START_S * 10**9, 0.1, ClockState.SYNCED))

    def give(self, *entries: Reading | Event) -> None:
        self.outbox.append(entries)
        assert self.outbox.commit().trouble == ""


def wind(seconds: float, value: float = 2.5, flag: Flag = Flag.GOOD, *why: str) -> Reading:
    at = Stamp(BOOT, round(seconds * 1e9))
    return Reading("wxt", Measurand(Quantity.WIND_SPEED), value, flag, at, why, "cal-7")


def people(seconds: float, value: float) -> Reading:
    measurand = Measurand(Quantity.PEOPLE, "gate/forward", Statistic.COUNT, 900)
    return Reading("camera", measurand, value, Flag.GOOD, Stamp(BOOT, round(seconds * 1e9)))


def down(seconds: float) -> Event:
    return Event("device_down", "wxt", "no answer", Stamp(BOOT, round(seconds * 1e9)))


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    made: list[Store] = []

    def new(*consumers: str) -> Store:
        made.append(Store(tmp_path / "outbox", consumers or ("main",)))
        return made[-1]

    yield new
    for store in made:
        store.outbox.close()


def said(capsys: Captured, *words: object) -> str:
    assert main(["outbox", *map(str, words)]) == Exit.DONE
    return capsys.readouterr().out


def document(capsys: Captured, store: Store) -> dict[str, Any]:
    return json.loads(said(capsys, "stats", "--json", "--folder", store.folder))


def trace(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_stats_of_a_live_store_count_what_is_committed(
    make: Callable[..., Store], capsys: Captured
) -> None:
    store = make()
    store.give(wind(1), wind(2), people(3, 7), down(4))
    store.outbox.append([wind(5)])
    found = document(capsys, store)
    assert {name: lane["entries"] for name, lane in found["lanes"].items()} == {
        "events": 1,
        "counts": 1,
        "summaries": 0,
        "raw": 2,
    }
    assert (found["entries"], found["blocks"], found["store"]) == (4, 3, store.outbox.store)


def test_stats_say_who_uses_the_store(make: Callable[..., Store], capsys: Captured) -> None:
    store = make()
    store.give(wind(1))
    assert document(capsys, store)["in_use_by"] is not None
    store.outbox.close()
    assert document(capsys, store)["in_use_by"] is None


def test_stats_say_what_waits_for_each_consumer(
    make: Callable[..., Store], capsys: Captured
) -> None:
    store = make("main", "city")
    store.give(wind(1), wind(2))
    store.give(wind(3))
    first = store.outbox.pending(Lane.RAW, consumer="main")
    store.outbox.remove([block.handle for block in first], consumer="main")
    store.outbox.commit()
    assert document(capsys, store)["consumers"] == {
        "main": {"blocks": 1, "entries": 1, "bytes": pytest.approx(60, abs=40)}
    }


def test_the_configuration_names_all_consumers_and_the_quota(
    make: Callable[..., Store], capsys: Captured, tmp_path: Path
) -> None:
    store = make("main", "city")
    store.give(wind(1))
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[gateway]\nid = "pole-1"\n[outbox]\nfolder = "{store.folder}"\nquota_mb = 100\n'
        '[[uplink]]\nid = "main"\nhost = "a"\n[[uplink]]\nid = "city"\nhost = "b"\n',
        encoding="utf-8",
    )
    found = json.loads(said(capsys, "stats", "--json", "--config", config))
    assert sorted(found["consumers"]) == ["city", "main"]
    assert (found["quota_bytes"], found["gateway"]) == (100_000_000, "pole-1")


def test_the_span_of_a_lane_is_counted_at_its_present_rate(
    make: Callable[..., Store], capsys: Captured
) -> None:
    store = make()
    for minute in range(11):
        store.give(wind(60 * minute))
    lane = document(capsys, store)["lanes"]["raw"]
    # Eleven equal blocks, one a minute: eleven minutes of readings.
    assert lane["hours"] == pytest.approx(11 / 60, rel=0.05)
    assert lane["oldest"] == "2026-08-03T05:00:00.000Z"


def test_stats_for_a_person_name_the_lanes(make: Callable[..., Store], capsys: Captured) -> None:
    store = make()
    store.give(wind(1), people(2, 3))
    shown = said(capsys, "stats", "--folder", store.folder)
    assert all(word in shown for word in ("counts", "raw", "waiting for main: 2 blocks", "disk:"))


def test_ls_shows_each_block_and_who_needs_it(make: Callable[..., Store], capsys: Captured) -> None:
    store = make("main", "city")
    store.give(wind(1), wind(2))
    store.give(wind(3))
    first = store.outbox.pending(Lane.RAW, consumer="main")
    store.outbox.remove([block.handle for block in first], consumer="main")
    store.outbox.commit()
    lines = said(capsys, "ls", "--json", "--folder", store.folder).splitlines()
    blocks = [json.loads(line) for line in lines]
    assert [block["needed_by"] for block in blocks] == [[], ["main"]]
    assert [(block["lane"], block["entries"]) for block in blocks] == [("raw", 2), ("raw", 1)]
    assert blocks[0]["first"] == "2026-08-03T05:00:01.000Z"


def test_ls_keeps_to_lane_and_limit(make: Callable[..., Store], capsys: Captured) -> None:
    store = make()
    for second in range(5):
        store.give(wind(second), people(second, 1))
    shown = said(capsys, "ls", "--lane", "raw", "--limit", 3, "--folder", store.folder)
    assert [line.split()[0] for line in shown.splitlines()[1:]] == ["raw"] * 3


def test_a_table_holds_every_field_of_every_entry(
    make: Callable[..., Store], capsys: Captured
) -> None:
    store = make()
    store.give(
        wind(1.5, 14.2, Flag.SUSPECT, "step", "gust"), wind(2, math.nan, Flag.MISSING), down(3)
    )
    text = said(capsys, "export", "--gateway", "pole-1", "--folder", store.folder)
    event, suspect, missing = csv.DictReader(io.StringIO(text))
    assert (event["record"], event["event"], event["time"]) == (
        "event",
        "device_down",
        "2026-08-03T05:00:03.000Z",
    )
    assert (suspect["value"], suspect["unit"], suspect["quality"]) == ("14.2", "m/s", "suspect")
    assert (suspect["reasons"], suspect["calibration"]) == ("step,gust", "cal-7")
    assert (suspect["gateway"], suspect["clock"]) == ("pole-1", "synced")
    assert (missing["value"], missing["flag"]) == ("", "9")


def test_entries_of_an_undated_boot_are_given_without_a_date(
    make: Callable[..., Store], capsys: Captured
) -> None:
    store = make()
    store.give(Reading("a", Measurand(Quantity.PEOPLE), 1, Flag.GOOD, Stamp("f" * 32, 2 * 10**9)))
    row = json.loads(said(capsys, "export", "--json", "--folder", store.folder))
    assert (row["time"], row["since_boot_s"], row["clock"]) == (None, 2.0, "unknown")
    assert row["boot"] == "f" * 32


def test_since_leaves_out_what_is_older(make: Callable[..., Store], capsys: Captured) -> None:
    store = make()
    store.give(*(wind(second) for second in range(10)))
    words = ("export", "--json", "--since", "2026-08-03T05:00:07Z", "--folder", store.folder)
    assert len(said(capsys, *words).splitlines()) == 3


def test_senml_is_what_the_consumers_decoder_reads(
    make: Callable[..., Store], capsys: Captured
) -> None:
    store = make()
    store.give(wind(1, 3.25), people(2, 7))
    text = said(
        capsys, "export", "--format", "senml", "--gateway", "pole-1", "--folder", store.folder
    )
    packs = [pack for line in text.splitlines() for pack in decode_all(line.encode())]
    got = [(one.name, one.value, one.unix_s) for pack in packs for one in pack.readings]
    assert got == [
        ("camera:gate/forward:people.count_900s", 7.0, START_S + 2),
        ("wxt:wind_speed", 3.25, START_S + 1),
    ]


def test_a_file_appears_whole_and_is_not_overwritten(
    make: Callable[..., Store], capsys: Captured, tmp_path: Path
) -> None:
    store = make()
    store.give(wind(1))
    target = tmp_path / "out.csv"
    words = ["outbox", "export", "--folder", str(store.folder), "-o", str(target)]
    assert main(words) == Exit.DONE
    assert len(target.read_text(encoding="utf-8").splitlines()) == 2
    assert main(words) == Exit.FAILED
    assert "there already" in capsys.readouterr().err
    assert main([*words, "--force"]) == Exit.DONE
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def damaged(make: Callable[..., Store], tmp_path: Path) -> Path:
    store = make()
    for second in range(400):
        store.give(wind(second))
    store.outbox.close()
    kept = tmp_path / "aside" / "outbox.db.corrupt-1"
    kept.parent.mkdir()
    store.outbox.path.rename(kept)
    with kept.open("r+b") as file:
        file.seek(20 << 10)
        file.write(b"\xff" * 3000)
    return kept


def test_of_a_damaged_store_the_rest_is_exported_and_nothing_is_changed(
    make: Callable[..., Store], capsys: Captured, tmp_path: Path
) -> None:
    kept = damaged(make, tmp_path)
    before = trace(kept.parent)
    lines = said(capsys, "export", "--json", "--folder", kept).splitlines()
    assert 300 < len(lines) < 400
    assert trace(kept.parent) == before


@pytest.mark.parametrize("what", ["stats", "ls", "export"])
def test_looking_at_a_store_left_behind_leaves_no_trace(
    what: str, make: Callable[..., Store], capsys: Captured
) -> None:
    store = make()
    store.give(wind(1), down(2))
    store.outbox.close()
    before = trace(store.folder)
    said(capsys, what, "--folder", store.folder)
    assert trace(store.folder) == before


@pytest.mark.parametrize("what", ["stats", "ls", "export"])
@pytest.mark.parametrize(
    ("name", "content"), [("nothing", None), ("empty", b""), ("garbage", b"garbage" * 999)]
)
def test_what_is_no_store_is_a_sentence(
    what: str, name: str, content: bytes | None, tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert main(["outbox", what, "--folder", str(path)]) == Exit.INPUT
    assert str(path) in capsys.readouterr().err


WRITER = """
import sys
from pathlib import Path
from random import Random
from edge_gateway.clock import SystemClock
from edge_gateway.outbox import Outbox
from edge_gateway.reading import Flag, Lane, Measurand, Quantity, Reading
clock = SystemClock(trusted=True)
outbox = Outbox(Path(sys.argv[1]), clock=clock, quota_bytes=64 << 20, random=Random(1))
number = 0
print("ready", flush=True)
while not sys.stdin.readline().startswith("stop"):
    for _ in range(50):
        outbox.append([Reading("d", Measurand(Quantity.PEOPLE), number, Flag.GOOD, clock.now())])
        assert outbox.commit().trouble == "", outbox.stats().trouble
        number += 1
    outbox.remove(block.handle for block in outbox.pending(Lane.COUNTS, limit=10))
    print(number, flush=True)
outbox.close()
"""


def test_looking_never_disturbs_a_writer_in_another_process(
    tmp_path: Path, capsys: Captured
) -> None:
    folder = tmp_path / "outbox"
    command = [sys.executable, "-c", WRITER, str(folder)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, stderr=-1, text=True) as writer:
        assert writer.stdin
        assert writer.stdout
        assert writer.stdout.readline() == "ready\n"
        for _ in range(5):
            writer.stdin.write("go\n")
            writer.stdin.flush()
            for what in ("stats", "ls", "export"):
                said(capsys, what, "--json", "--folder", folder)
            assert int(writer.stdout.readline()) > 0
        _, errors = writer.communicate("stop\n", timeout=60)
        assert (writer.returncode, errors) == (0, "")


def test_spans_and_sizes_are_said_for_people() -> None:
    assert [in_bytes(size) for size in (0, 999, 1200, 512_000_000)] == [
        "0 B",
        "999 B",
        "1.2 kB",
        "512.0 MB",
    ]
    assert [in_time(seconds) for seconds in (12, 120, 5400, 864_000)] == [
        "12 s",
        "2 min",
        "1.5 h",
        "10.0 days",
    ]


@pytest.mark.parametrize(
    ("text", "unix_s"),
    [
        ("2h", 1_000_000 - 7200),
        ("1.5d", 1_000_000 - 129_600),
        ("2026-08-03T05:00:00Z", START_S),
        ("2026-08-03T14:00:00+09:00", START_S),
        ("2026-08-03T05:00", START_S),
    ],
)
def test_since_takes_a_span_or_a_date(text: str, unix_s: float) -> None:
    assert since(text, 1_000_000) == unix_s


def test_since_refuses_a_word(make: Callable[..., Store], capsys: Captured) -> None:
    store = make()
    words = ["outbox", "export", "--since", "yesterday", "--folder", str(store.folder)]
    assert main(words) == Exit.USAGE
    assert "--since yesterday" in capsys.readouterr().err
