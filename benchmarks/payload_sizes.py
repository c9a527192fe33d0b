"""How long the payloads are and what they cost, by format and number of readings.

    python benchmarks/payload_sizes.py > sizes.md

Batches are the samples of a weather pole (temperature, humidity and sunlight each second, wind four
times), from the weather of the twins with one reading in fifty suspect. CPU is `process_time`, the
least of several runs. Bodies are as they are said; gzip is level 6, as the uplink sends it.
"""

from __future__ import annotations

import gzip
import sys
from collections.abc import Callable, Iterator
from itertools import islice
from time import process_time_ns
from typing import Final

from edge_gateway.outbox import encode, unpack
from edge_gateway.reading import Flag, Measurand, Quantity, Reading, Stamp
from edge_gateway.twins.weather import WeatherScene
from edge_gateway.uplink.batch import Arrival, Batch, Dates, Dating
from edge_gateway.uplink.payloads import FORMATS, Message, Pole, load

SIZES: Final = (1, 2, 3, 5, 10, 30, 60, 100, 360, 1000)
RUNS: Final = 5
WIND_HZ: Final = 4
SUSPECT_EVERY: Final = 50
MILLISECOND_NS: Final = 10**6

POLE: Final = Pole(
    "pole-0001",
    latitude=43.0687,
    longitude=141.3508,
    operator="City of Example",
    time_zone="Asia/Tokyo",
    api_key="4jggokgpepnvsb2uv4s40d59ov",
    group="city",
)


def samples() -> Iterator[Reading]:
    """The samples of the pole, in the order of their times, for ever."""
    scene = WeatherScene(7)
    number = 0
    tick = 0
    while True:
        weather = scene.at(tick / WIND_HZ)
        values = {
            Quantity.WIND_SPEED: weather.wind_speed,
            Quantity.WIND_DIRECTION: weather.wind_direction,
        }
        if tick % WIND_HZ == 0:
            values[Quantity.AIR_TEMPERATURE] = weather.air_temperature
            values[Quantity.RELATIVE_HUMIDITY] = weather.relative_humidity
            values[Quantity.GLOBAL_IRRADIANCE] = weather.global_irradiance
        # What polls a device is not on the millisecond.
        stamp = Stamp("b007", (3_600_000 + tick * 250 + tick * tick % 7) * MILLISECOND_NS)
        for quantity, value in values.items():
            number += 1
            is_suspect = number % SUSPECT_EVERY == 0
            flag, reasons = (Flag.SUSPECT, ("step",)) if is_suspect else (Flag.GOOD, ())
            yield Reading("wxt", Measurand(quantity), value, flag, stamp, reasons)
        tick += 1


def batch_of(count: int) -> Batch:
    """A live batch of `count` samples."""
    dates = Dates(Dating.SYNCED, 1_785_733_200_123_000)
    columns = unpack(encode(list(islice(samples(), count))))
    return Batch("pole-0001", "5506df878875b0aa/895", "b007", Arrival.LIVE, dates, columns)


def talk(name: str, batch: Batch) -> Callable[[], list[Message]]:
    """What a format says of a batch on a connection that has said all that is said once."""
    form = load(name)
    list(form.encode(batch, POLE))
    return lambda: list(form.encode(batch, POLE))


def microseconds(work: Callable[[], object]) -> float:
    """The CPU time of one run, by the best of several that last some milliseconds each."""
    work()
    least = float("inf")
    for _ in range(RUNS):
        count, started = 0, process_time_ns()
        while process_time_ns() - started < 4 * MILLISECOND_NS:
            work()
            count += 1
        least = min(least, (process_time_ns() - started) / count / 1000)
    return least


def compress(bodies: list[bytes]) -> list[bytes]:
    """The bodies with gzip, as the uplink does it."""
    return [gzip.compress(body, 6, mtime=0) for body in bodies]


def row(name: str, count: int) -> str:
    """One line of the table: bytes and CPU a reading, plain and with gzip."""
    batch = batch_of(count)
    say = talk(name, batch)
    bodies = [message.payload for message in say()]
    plain, short = sum(map(len, bodies)), sum(map(len, compress(bodies)))
    encoding_us = microseconds(say)
    squeezing_us = microseconds(lambda: compress(bodies))
    cells = [
        name,
        f"{count}",
        f"{plain}",
        f"{short}",
        f"{plain / count:.1f}",
        f"{short / count:.1f}",
        f"{encoding_us / count:.2f}",
        f"{squeezing_us / count:.2f}",
    ]
    return f"| {' | '.join(cells)} |"


def main() -> None:
    """Print the table; formats named on the command line, all without any."""
    print("| payload | readings | B | B gzip | B a reading | gzip | us a reading | gzip |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name in sys.argv[1:] or FORMATS:
        for count in SIZES:
            print(row(name, count))


if __name__ == "__main__":
    main()
