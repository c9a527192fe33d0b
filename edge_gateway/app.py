"""The only file that knows everyone: it joins the stations into a running gateway."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from math import inf
from random import Random

from edge_gateway import __version__
from edge_gateway.clock import Clock, ClockState
from edge_gateway.config import Config, DeviceConfig
from edge_gateway.device_health import up_since
from edge_gateway.drivers.contract import ReceivingDriver
from edge_gateway.drivers.registry import load
from edge_gateway.handed import Keeper, Receiver
from edge_gateway.health import GatewayHealth, Notifier, Patience, Pulse, giving, one_line
from edge_gateway.outbox import BootClock, Committed, Outbox
from edge_gateway.people.gallery import Gallery
from edge_gateway.people.sensing import Sensing
from edge_gateway.reading import Entry, Event, Reading, Rows, Stamp
from edge_gateway.summarise.thinning import thinner
from edge_gateway.summarise.windows import Summariser
from edge_gateway.supervise import AnyDriver, Worker
from edge_gateway.trust.flags import RangeAndStep
from edge_gateway.uplink.pictures import Picture
from edge_gateway.uplink.uplinks import Uplinks
from edge_gateway.wiring import Openers, Wiring

SUMMARY_WINDOW_S = 60

# However short the commit intervals are, the committer does not spin.
_LEAST_WAIT_S = 0.01

# Live readings are not to wait long while a backlog drains: commits are this far apart at most.
DRAINING_COMMIT_S = 1.0

_LOG = logging.getLogger(__name__)

Tap = Callable[[Sequence[Entry]], None]
"""Sees every entry on its way into the outbox; the demo and the tests count with it."""


def _no_tap(_: Sequence[Entry]) -> None: ...


class Gateway:
    """A pole's firmware in one object: `start`, and `stop` within a deadline.

    `openers` open other wires than the machine's own; `tap` sees all that goes into the outbox.
    Raises OutboxError when the store cannot be used; a device that cannot be used never stops it.
    """

    def __init__(
        self,
        config: Config,
        *,
        clock: Clock,
        random: Random,
        notifier: Notifier,
        openers: Openers | None = None,
        tap: Tap = _no_tap,
    ) -> None:
        self._config, self._clock, self._notifier, self._tap = config, clock, notifier, tap
        rates = {device.id: device.samples_per_s for device in config.device}
        self._outbox = Outbox(
            config.outbox.folder,
            clock=clock,
            quota_bytes=config.outbox.quota_mb * 1_000_000,
            random=random,
            consumers=tuple(uplink.id for uplink in config.uplink),
            commit_interval_s=config.outbox.commit_intervals_s(),
            thin=thinner(rates),
        )
        self._uplinks = Uplinks(
            self._outbox, config, clock=clock, random=random, version=__version__
        )
        self._summariser = Summariser(rates, SUMMARY_WINDOW_S)
        self._summarising = threading.Lock()
        self._judge = RangeAndStep()
        self._wiring = Wiring(clock, config.privacy, openers or Openers(), config.device)
        self.drivers: dict[str, AnyDriver] = {}
        """The driver of each device that was opened, by device id, for what is no reading."""
        self._gallery = Gallery()
        self._sensing = Sensing(config, clock.wall)
        self._workers = [self._worker(device, random) for device in config.device]
        self._pulse = Pulse(Patience())
        # Each uplink has its own: one that advances says nothing of another.
        self._deliveries = {uplink.id: Pulse(Patience()) for uplink in config.uplink}
        self._answered = dict.fromkeys(self._deliveries, 0)
        self._cannot_commit = False
        self._stopping = threading.Event()
        self._committer = threading.Thread(target=self._commit_regularly, name="committer")

    def start(self) -> None:
        """Begin: uplink and devices at the same time, and neither waits for the other."""
        self._uplinks.tell_sensing(self._sensing.of({}))
        self._uplinks.start()
        for worker in self._workers:
            worker.start()
        self._committer.start()
        self._notifier.ready()
        _LOG.info("gateway %s started with %d devices", self._config.gateway.id, len(self._workers))

    def stop_devices(self, deadline_s: float = 3.0) -> None:
        """Stop the devices and commit what they gave; the uplink goes on."""
        ends_s = self._now_s() + deadline_s
        for worker in self._workers:
            worker.ask_to_stop()
        for worker in self._workers:
            worker.stop(max(0.1, ends_s - self._now_s()))
        self._stopping.set()
        self._committer.join()
        self._uplinks.tell_sensing(self._sensing.of({}))
        self._commit()

    def stop(self, deadline_s: float = 4.0) -> None:
        """Stop devices, commit, let acknowledgements come in, disconnect; then close the store."""
        self._notifier.stopping()
        ends_s = self._now_s() + deadline_s
        self.stop_devices(deadline_s - 1.0)
        self._uplinks.stop(max(0.5, ends_s - self._now_s()))
        self._outbox.close()
        self._wiring.close()
        _LOG.info("gateway %s stopped", self._config.gateway.id)

    def health(self) -> GatewayHealth:
        """How it is now."""
        now = self._clock.now()
        stats = self._outbox.stats()
        uplinks = {
            name: {**asdict(status), "waiting": stats.waiting[name].entries}
            for name, status in self._uplinks.status().items()
        }
        return GatewayHealth(
            self._config.gateway.id,
            now,
            self._clock.wall(now),
            tuple(worker.health() for worker in self._workers),
            {
                "blocks": stats.blocks,
                "entries": stats.entries,
                "uncommitted": stats.uncommitted,
                "disk_bytes": stats.disk_bytes,
                "hours_left": stats.hours_left,
                "oldest_age_s": stats.oldest_age_s,
                "lost": stats.lost,
                "trouble": stats.trouble,
            },
            next(iter(uplinks.values())),
            uplinks,
        )

    def _worker(self, device: DeviceConfig, random: Random) -> Worker:
        wire = self._wiring.wire(device)

        def open_driver() -> AnyDriver:
            driver = self.drivers[device.id] = wire.open_driver()
            return driver

        jitter = Random(random.getrandbits(64))  # noqa: S311 - jitter, no secret

        def report(event: Event) -> None:
            self._keep([event])

        if issubclass(load(device.driver), ReceivingDriver):
            keeper = self._keeper(is_summarised=device.samples_per_s > 0)
            receiver = Receiver(
                device,
                open_driver,
                self._clock,
                jitter,
                keeper=keeper,
                deliver=self._take,
                report=report,
                close_link=wire.close_link,
            )
            self._outbox.on_commit(receiver.wake)
            return receiver
        return Worker(
            device,
            open_driver,
            self._clock,
            jitter,
            self._take,
            report,
            assess=RangeAndStep().assess,
            close_link=wire.close_link,
        )

    def _keeper(self, *, is_summarised: bool) -> Keeper:
        """What a receiver needs: its readings come in batches, judged already."""

        def keep(rows: Rows) -> int:
            self._pulse.reading(self._clock.now())
            number = self._outbox.append_rows(rows)
            if self._tap is not _no_tap:
                self._tap(rows.readings())
            if is_summarised:
                self._summarise(lambda: self._summariser.add(rows.readings()))
            return number

        return Keeper(keep, self._commit, lambda: self._outbox.committed_through)

    def _take(self, readings: Sequence[Reading]) -> None:
        self._pulse.reading(readings[-1].at)
        self._keep(readings)
        self._summarise(lambda: self._summariser.add(readings))

    def _summarise(self, closed_windows: Callable[[], list[Reading]]) -> None:
        """Keep the summaries of the windows that are over; they are judged like any value."""
        with self._summarising:
            self._keep([self._judge.assess(summary) for summary in closed_windows()])

    def _keep(self, entries: Sequence[Entry]) -> None:
        if entries:
            self._outbox.append(entries)
            self._tap(entries)

    def _commit_regularly(self) -> None:
        wait_s = 0.0
        while not self._stopping.wait(max(wait_s, _LEAST_WAIT_S)):
            within_s = DRAINING_COMMIT_S if self._uplinks.are_draining else inf
            if self._outbox.next_commit_s(within_s) <= 0:
                self._summarise(lambda: self._summariser.advance(self._clock.now()))
                self._note_clock()
                self._told(self._outbox.commit_due(within_s))
                self._tell()
            self._show_pictures()
            # A drain may begin at any moment.
            wait_s = min(self._outbox.next_commit_s(within_s), DRAINING_COMMIT_S)

    def _show_pictures(self) -> None:
        now = self._clock.now()
        self._keep(list(self._gallery.events(self.drivers, now)))
        for device, picture in self._gallery.new(self.drivers):
            at = Stamp(now.boot_id, picture.monotonic_ns)
            self._uplinks.show(Picture(device, f"image/{picture.format}", picture.content, at))

    def _commit(self) -> None:
        self._note_clock()
        self._told(self._outbox.commit())

    def _note_clock(self) -> None:
        """Keep what this boot's clock is, for blocks that outlive the boot."""
        now = self._clock.now()
        wall = self._clock.wall(now)
        if wall is not None and wall.state is not ClockState.UNSET:
            offset_ns = wall.unix_ns - now.monotonic_ns
            self._outbox.note_clock(BootClock(now.boot_id, offset_ns, wall.error_s, wall.state))

    def _told(self, committed: Committed) -> None:
        if bool(committed.trouble) is not self._cannot_commit:
            self._cannot_commit = bool(committed.trouble)
            if committed.trouble:
                _LOG.error("the outbox cannot commit: %s", committed.trouble)
            else:
                _LOG.info("the outbox commits again")
        if committed.blocks and not committed.trouble:
            now = self._clock.now()
            for pulse in (self._pulse, *self._deliveries.values()):
                pulse.committed(now)

    def _tell(self) -> None:
        """Feed the watchdog, but only while the pipeline advances."""
        now = self._clock.now()
        devices = [worker.health() for worker in self._workers]
        # Programs hand readings in when they like: their silence is no fault of ours.
        paced = [w.health() for w in self._workers if not isinstance(w, Receiver)]
        self._pulse.expect(giving(paced), now)
        self._uplinks.tell_sensing(self._sensing.of(up_since(devices)))
        self._look_at_uplinks(now)
        stuck = [self._pulse.stuck(now)]
        for name, pulse in self._deliveries.items():
            what = pulse.stuck(now)
            stuck.append(what and f"uplink {name}: {what}")
        if any(stuck):
            _LOG.error("the pipeline does not advance: %s", "; ".join(filter(None, stuck)))
        else:
            self._notifier.alive()
        self._notifier.status(one_line(devices))

    def _look_at_uplinks(self, now: Stamp) -> None:
        waiting = self._outbox.stats().waiting
        for name, status in self._uplinks.status().items():
            pulse, more = self._deliveries[name], bool(waiting[name].blocks)
            # A refusal is an answer, too: starting anew would not change the broker's mind.
            answered = status.acknowledged + status.refused
            if answered > self._answered[name] or not more:
                self._answered[name] = answered
                pulse.acked(now, more=more)
            if status.connected:
                pulse.online(now)
            else:
                pulse.offline()

    def _now_s(self) -> float:
        return self._clock.now().monotonic_ns / 1e9
