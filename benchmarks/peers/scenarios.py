"""What every gateway goes through: steady, flat out, outage and drain."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.peers.board import Board, Tally
from benchmarks.peers.contract import SENSORS, Peer
from benchmarks.peers.feeder import Feed, Now, Past
from benchmarks.peers.meters import Taken
from benchmarks.peers.results import Books, Options, Outage, Rush, Steady
from benchmarks.peers.stand import Failed, Stand

RATE_HZ = 500.0
_ENDLESS = 1 << 40
_START_S = 60.0
_FLAT_OUT_S = 600.0
# So long without a delivery, and what is missing is lost. Our reconnect waits up to 60 s.
_SILENCE_S = 75.0


def steady(peer: Peer, base: Path, options: Options) -> Steady:
    """500 readings a second."""
    seconds = options.steady_s
    capacity = int(RATE_HZ * (options.warm_up_s + seconds + 30))
    with Stand(peer, base, capacity) as stand:
        board = stand.board
        stand.feed(Feed(_ENDLESS, RATE_HZ, options.steady_window, Now.EXACT))
        _wait_for_first(stand)
        time.sleep(options.warm_up_s)
        taken, tallies = stand.meters.read(), board.all()
        time.sleep(seconds)
        tallies_after, after = board.all(), stand.meters.read()
        fed = stand.stop_feeding()
        stand.wait_for_all(_SILENCE_S)
        first, last = tallies[Tally.HANDED], tallies_after[Tally.HANDED]
        count = last - first
        late = _late_s(board, first, last)

        def each(tally: Tally) -> float:
            return (tallies_after[tally] - tallies[tally]) / count

        return Steady(
            count,
            after.at_s - taken.at_s,
            fed.held_up_s,
            _cpu_s(taken, after, count),
            after.rss_bytes / 1e6,
            stand.meters.highest_rss_bytes(taken.at_s) / 1e6,
            each(Tally.UP_BYTES),
            each(Tally.DOWN_BYTES),
            each(Tally.MESSAGES),
            (after.written_bytes - taken.written_bytes) / count,
            _device_bytes(taken, after, count),
            *_quantiles(late, 0.5, 0.99),
            *_load(taken, after),
            _books(board),
        )


def rush(peer: Peer, base: Path, options: Options) -> Rush:
    """As fast as it accepts, with a bounded window."""
    count = int(peer.rush_readings * options.scale)
    with Stand(peer, base, count + int(RATE_HZ * 60)) as stand:
        board = stand.board
        _warm_up(stand, options)
        taken, tallies = stand.meters.read(), board.all()
        first = tallies[Tally.HANDED]
        stand.feed(Feed(count, None, options.rush_window, Now.SPREAD))
        fed = stand.fed(_FLAT_OUT_S)
        stand.wait_for_all(_SILENCE_S)
        after = stand.meters.read()
        tallies_after = board.all()
        delivered = board.delivered_s[first : fed.last]
        ended_s = float(delivered.max())
        return Rush(
            count,
            count / (fed.accepted_s - fed.started_s),
            int((delivered > 0).sum()) / (ended_s - fed.started_s),
            _cpu_s(taken, after, count),
            stand.meters.highest_rss_bytes(taken.at_s) / 1e6,
            (tallies_after[Tally.UP_BYTES] - tallies[Tally.UP_BYTES]) / count,
            (tallies_after[Tally.MESSAGES] - tallies[Tally.MESSAGES]) / count,
            (after.written_bytes - taken.written_bytes) / count,
            _device_bytes(taken, after, count),
            *_load(taken, after),
            _books(board),
        )


def outage(peer: Peer, base: Path, options: Options) -> Outage:
    """The uplink is cut, a backlog builds up, the uplink comes back and live readings go on."""
    count = int(peer.backlog_readings * options.scale)
    with Stand(peer, base, count + int(RATE_HZ * 300)) as stand:
        board = stand.board
        _warm_up(stand, options)
        stand.cut()
        before, disk, first = stand.meters.read(), stand.disk_bytes(), board[Tally.HANDED]
        accepted_hz, rss_mb = _fill(stand, count, options)
        full, last = stand.meters.read(), board[Tally.HANDED]
        disk = stand.disk_bytes() - disk
        stand.feed(Feed(_ENDLESS, RATE_HZ, options.steady_window, Now.EXACT))
        mended_s = time.monotonic()
        stand.mend()
        stand.wait(lambda b: bool(b.delivered_s[first:last].all()), silence_s=_SILENCE_S)
        drained = stand.meters.read()
        stand.stop_feeding()
        stand.wait_for_all(_SILENCE_S)
        begin_s, end_s, came = _span(board, first, last)
        live, end = _handed_between(board, last, begin_s, end_s)
        return Outage(
            last - first,
            accepted_hz,
            disk / count,
            _device_bytes(before, full, count),
            (before.rss_bytes / 1e6, *rss_mb),
            stand.meters.highest_rss_bytes(before.at_s) / 1e6,
            begin_s - mended_s,
            end_s - begin_s,
            came / max(end_s - begin_s, 1e-3),
            _cpu_s(full, drained, count),
            end - live,
            *_quantiles(_late_s(board, live, end), 0.5, 1.0),
            float(_late_s(board, live, end, accepted=True).max(initial=0.0)),
            *_load(full, drained),
            _books(board),
        )


def _fill(stand: Stand, count: int, options: Options) -> tuple[float, list[float]]:
    """Hand in what is to wait: readings accepted a second, resident MB with each tenth of it."""
    past = _past(stand.board[Tally.HANDED], count)
    rss_mb: list[float] = []
    started_s = time.monotonic()
    for tenth in range(10):
        part = count * (tenth + 1) // 10 - count * tenth // 10
        stand.feed(Feed(part, stand.peer.backlog_rate_hz, options.rush_window, past))
        stand.fed(_FLAT_OUT_S)
        rss_mb.append(stand.meters.rss_bytes() / 1e6)
    lasted_s = time.monotonic() - started_s
    time.sleep(options.rest_s)
    rss_mb[-1] = stand.meters.rss_bytes() / 1e6
    return count / lasted_s, rss_mb


def _span(board: Board, first: int, last: int) -> tuple[float, float, int]:
    """When the first and the last of these readings were delivered, and how many were."""
    came = board.delivered_s[first:last]
    came = came[came > 0]
    return (float(came.min()), float(came.max()), came.size) if came.size else (0.0, 0.0, 0)


def _handed_between(board: Board, first: int, begin_s: float, end_s: float) -> tuple[int, int]:
    handed_s = board.handed_s[first : board[Tally.HANDED]]
    live, end = np.searchsorted(handed_s, (begin_s, end_s))
    return first + int(live), first + int(end)


def _past(first: int, count: int) -> Past:
    """The times of an outage at 500 readings a second that ends now, and began after the boot."""
    span_s = min(count / RATE_HZ, 0.9 * time.clock_gettime(time.CLOCK_BOOTTIME))
    return Past(first, time.time() - span_s, span_s / count * SENSORS)


def _warm_up(stand: Stand, options: Options) -> None:
    stand.feed(Feed(_ENDLESS, RATE_HZ, options.steady_window, Now.EXACT))
    _wait_for_first(stand)
    time.sleep(options.warm_up_s / 2)
    stand.stop_feeding()
    if not stand.wait_for_all(_SILENCE_S):
        raise Failed(f"{stand.peer.name} does not deliver what it was warmed up with")


def _wait_for_first(stand: Stand) -> None:
    if not stand.wait(lambda b: b[Tally.DELIVERED] > 0, silence_s=_START_S):
        raise Failed(f"{stand.peer.name} delivers nothing")


def _late_s(
    board: Board, first: int, last: int, *, accepted: bool = False
) -> npt.NDArray[np.float64]:
    """Delay of the readings that came; what came before it was accepted was not late."""
    came = board.delivered_s[first:last] > 0
    since_s = (board.accepted_s if accepted else board.handed_s)[first:last]
    return np.maximum(board.delivered_s[first:last] - since_s, 0.0)[came]


def _quantiles(late: npt.NDArray[np.float64], low: float, high: float) -> tuple[float, float]:
    if not late.size:
        return float("nan"), float("nan")
    return float(np.quantile(late, low)), float(np.quantile(late, high))


def _cpu_s(before: Taken, after: Taken, readings: int) -> float:
    return (after.cpu_s - before.cpu_s) / readings * 1e5


def _device_bytes(before: Taken, after: Taken, readings: int) -> float | None:
    if before.device_bytes is None or after.device_bytes is None:
        return None
    return (after.device_bytes - before.device_bytes) / readings


def _load(before: Taken, after: Taken) -> tuple[float, float]:
    """Cores that others kept busy, and cores of the harness itself."""
    lasted_s = after.at_s - before.at_s
    harness_s = after.harness_s - before.harness_s
    own_s = harness_s + after.cpu_s - before.cpu_s
    foreign_s = max(after.busy_s - before.busy_s - own_s, 0.0)
    return foreign_s / lasted_s, harness_s / lasted_s


def _books(board: Board) -> Books:
    tallies = board.all()
    return Books(
        tallies[Tally.HANDED],
        tallies[Tally.ACCEPTED] - tallies[Tally.DELIVERED],
        tallies[Tally.REPEATED],
        tallies[Tally.DUPLICATED],
        tallies[Tally.DISORDERED],
        tallies[Tally.STRANGE],
    )
