"""What the outbox writes to the card, what a reading takes on disk and wire, and what it costs.

    python benchmarks/storage_writes.py [--folder DIR] [--seconds 60] [--rate 500] [--fast]

Runs a pole of `--rate` readings a second against an outbox at its default commit interval, with
deliveries (removals) going on, in real time: the file system's journal and the write-back of what
SQLite maps go by the clock, so that a run at full speed (`--fast`) shows less than the truth.

Counts `write_bytes` of /proc/self/io, and the sectors written to the block device that holds the
folder, with a final sync, less what the device wrote in an idle control of a quarter of the time
before. The device is shared: a folder on a file system of its own gives the exact figure, for
example `mkfs.ext4 -q IMAGE; mount -o loop IMAGE DIR`.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random

from edge_gateway.clock import SystemClock
from edge_gateway.outbox import Columns, Outbox, encode, unpack
from edge_gateway.outbox.block import pack
from edge_gateway.outbox.columns import to_columns
from edge_gateway.outbox.memory import Waiting
from edge_gateway.reading import Flag, Lane, Measurand, Quantity, Reading, Stamp
from edge_gateway.twins.weather import Weather, WeatherScene
from edge_gateway.uplink.batch import Arrival, Batch, Dates, Dating
from edge_gateway.uplink.payloads import senml, squeeze

COMMIT_S = 5.0
BOOT = "0123456789abcdef0123456789abcdef"
SECTOR_BYTES = 512
# Commits between writing a block and its acknowledgement.
LAG = 2

# Device, seconds between two frames, and what a frame holds; resolutions are of the real devices.
POLE: tuple[
    tuple[str, float, tuple[tuple[Quantity, int, Callable[[Weather], float]], ...]], ...
] = (
    (
        "wind",
        0.25,
        (
            (Quantity.WIND_SPEED, 2, lambda now: now.wind_speed),
            (Quantity.WIND_DIRECTION, 0, lambda now: now.wind_direction),
        ),
    ),
    ("sun", 1.0, ((Quantity.GLOBAL_IRRADIANCE, 2, lambda now: now.global_irradiance),)),
    (
        "air",
        2.0,
        (
            (Quantity.AIR_TEMPERATURE, 3, lambda now: now.air_temperature),
            (Quantity.RELATIVE_HUMIDITY, 3, lambda now: now.relative_humidity),
        ),
    ),
)


def street_pole(start_s: float, seconds: float, copies: int = 1) -> list[Reading]:
    """A pole of 10 readings a second and copy; stamps jitter by half a millisecond."""
    random = Random(int(start_s) + 1)  # noqa: S311 - weather, no secret
    made: list[Reading] = []
    for copy in range(copies):
        scene = WeatherScene(copy + 1)
        for device, period_s, quantities in POLE:
            for number in range(int(seconds / period_s)):
                now_s = start_s + number * period_s
                at = Stamp(BOOT, int((now_s + random.gauss(0.01, 0.0005)) * 1e9))
                weather = scene.at(now_s)
                made += [
                    Reading(
                        f"{device}-{copy}",
                        Measurand(quantity),
                        round(value(weather), decimals),
                        Flag.GOOD,
                        at,
                    )
                    for quantity, decimals, value in quantities
                ]
    return sorted(made, key=lambda reading: reading.at.monotonic_ns)


def harness(start: int, count: int, rate: float) -> list[Reading]:
    """Fifty sensors in turn, whose values count up: what a benchmark of gateways feeds."""
    return [
        Reading(
            f"s{number % 50:02d}",
            Measurand(Quantity.AIR_TEMPERATURE),
            float(number),
            Flag.GOOD,
            Stamp(BOOT, int(number / rate * 1e9)),
        )
        for number in range(start, start + count)
    ]


def sizes() -> Iterator[str]:
    """Bytes a reading in a block and on the wire, for growing batches."""
    yield "batch                    readings   block B   SenML B   SenML+gzip B   (a reading)"
    batches = [(f"street pole, {s} s", street_pole(100.0, s)) for s in (5, 36, 90, 240)]
    batches += [(f"50 counting sensors, {n}", harness(10**6, n, 500)) for n in (500, 2500)]
    for name, made in batches:
        stored = encode(made)
        pack_bytes = _senml(unpack(stored))
        short, _ = squeeze(pack_bytes)
        count = len(made)
        yield (
            f"{name:24} {count:8}  {len(stored) / count:8.2f}  {len(pack_bytes) / count:8.2f}"
            f"   {len(short) / count:12.2f}"
        )


def costs() -> Iterator[str]:
    """CPU microseconds a reading, each step alone, best of many."""
    made = harness(0, 4000, 60_000)
    columns = to_columns(made)
    stored = pack(columns)
    text = _senml(columns)
    steps: dict[str, Callable[[], object]] = {
        "append": lambda: Waiting().add(made),
        "to_columns": lambda: to_columns(made),
        "pack": lambda: pack(columns),
        "unpack": lambda: unpack(stored),
        "SenML": lambda: _senml(columns),
        "gzip": lambda: squeeze(text),
    }
    for name, step in steps.items():
        yield f"{name:12} {_best_s(step) * 1e6 / len(made):6.2f} us of CPU a reading"


def writes(folder: Path, seconds: float, rate: int, *, is_fast: bool) -> Iterator[str]:
    """Bytes written for each reading, removal going on."""
    clock = SystemClock(trusted=True)
    chance = Random(1)  # noqa: S311 - the id of a store that lives for a minute
    outbox = Outbox(folder / "outbox", clock=clock, quota_bytes=256 << 20, random=chance)
    os.sync()
    control = 0.0
    if not is_fast:
        before = _device_bytes(folder)
        time.sleep(seconds / 4)
        os.sync()
        control = (_device_bytes(folder) - before) / (seconds / 4)
    own, device, begin_s = _own_bytes(), _device_bytes(folder), time.monotonic()
    cpu_s = 0.0
    readings = 0
    copies = max(rate // 10, 1)
    for number in range(int(seconds / COMMIT_S)):
        made = street_pole(number * COMMIT_S, COMMIT_S, copies)
        if not is_fast:
            time.sleep(max(0.0, begin_s + (number + 1) * COMMIT_S - time.monotonic()))
        start_s = time.process_time()
        for place in range(0, len(made), 10):
            outbox.append(made[place : place + 10])
        outbox.commit()
        done = outbox.pending(Lane.RAW, limit=100, through=outbox.newest_sequence() - LAG)
        outbox.remove(block.handle for block in done)
        cpu_s += time.process_time() - start_s
        readings += len(made)
    lasted_s = time.monotonic() - begin_s
    own = _own_bytes() - own
    os.sync()
    device = _device_bytes(folder) - device
    outbox.close()
    yield f"{readings} readings in {lasted_s:.0f} s, {readings / (seconds / COMMIT_S):.0f} a commit"
    yield f"process      {own / readings:6.2f} B a reading (write_bytes of /proc/self/io)"
    yield f"device       {device / readings:6.2f} B a reading, with {control:.0f} B/s when idle"
    yield f"  less idle  {(device - control * lasted_s) / readings:6.2f} B a reading"
    yield f"append, commit, remove {cpu_s * 1e6 / readings:6.2f} us of CPU a reading"


def _senml(columns: Columns) -> bytes:
    dates = Dates(Dating.SYNCED, 1_785_733_200_123_456)
    key = "5506df878875b0aa/895"
    return senml.encode(Batch("pole-0001", key, BOOT, Arrival.LIVE, dates, columns))


def _best_s(step: Callable[[], object], times: int = 30) -> float:
    best_s = float("inf")
    for _ in range(times):
        start_s = time.process_time()
        step()
        best_s = min(best_s, time.process_time() - start_s)
    return best_s


def _own_bytes() -> int:
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes"))


def _device_bytes(folder: Path) -> int:
    number = folder.stat().st_dev
    stat = Path(f"/sys/dev/block/{os.major(number)}:{os.minor(number)}/stat")
    return int(stat.read_text(encoding="ascii").split()[6]) * SECTOR_BYTES


def main() -> None:
    """Print all figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the outbox is made; a new temporary one")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--fast", action="store_true", help="do not wait for the time to pass")
    options = parser.parse_args()
    for line in (*sizes(), *costs()):
        print(line, flush=True)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        for line in writes(Path(folder), options.seconds, options.rate, is_fast=options.fast):
            print(line, flush=True)


if __name__ == "__main__":
    main()
