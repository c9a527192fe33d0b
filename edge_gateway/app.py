"""The only file that knows everyone: it joins the stations into a running gateway."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict
from random import Random

from edge_gateway import __version__
from edge_gateway.clock import Clock
from edge_gateway.config import Config, DeviceConfig
from edge_gateway.health import GatewayHealth, Notifier, Patience, Pulse, giving, one_line
from edge_gateway.outbox.store import Outbox
from edge_gateway.reading import Entry, Reading
from edge_gateway.summarise.windows import Summariser
from edge_gateway.supervise import AnyDriver, Worker
from edge_gateway.trust.flags import RangeAndStep
from edge_gateway.uplink.publisher import Uplink
from edge_gateway.wiring import Openers, Wiring

SUMMARY_WINDOW_S = 60

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
        self._outbox = Outbox(
            config.outbox.folder,
            clock=clock,
            quota_bytes=config.outbox.quota_mb * 1_000_000,
            random=random,
        )
        self._uplink = Uplink(
            self._outbox,
            config.uplink,
            gateway_id=config.gateway.id,
            clock=clock,
            random=random,
            about={"version": __version__},
        )
        rates = {device.id: device.samples_per_s for device in config.device}
        self._summariser = Summariser(rates, SUMMARY_WINDOW_S)
        self._summarising = threading.Lock()
        self._judge = RangeAndStep()
        self._wiring = Wiring(clock, config.privacy, openers or Openers(), config.device)
        self.drivers: dict[str, AnyDriver] = {}
        """The driver of each device that was opened, by device id, for what is no reading."""
        self._workers = [self._worker(device, random) for device in config.device]
        self._pulse = Pulse(Patience())
        self._acknowledged = 0
        self._stopping = threading.Event()
        self._committer = threading.Thread(target=self._commit_regularly, name="committer")

    def start(self) -> None:
        """Begin: uplink and devices at the same time, and neither waits for the other."""
        self._uplink.start()
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
        self._commit()

    def stop(self, deadline_s: float = 4.0) -> None:
        """Stop devices, commit, let acknowledgements come in, disconnect; then close the store."""
        self._notifier.stopping()
        ends_s = self._now_s() + deadline_s
        self.stop_devices(deadline_s - 1.0)
        self._uplink.stop(max(0.5, ends_s - self._now_s()))
        self._outbox.close()
        self._wiring.close()
        _LOG.info("gateway %s stopped", self._config.gateway.id)

    def health(self) -> GatewayHealth:
        """How it is now."""
        now = self._clock.now()
        stats = self._outbox.stats()
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
            asdict(self._uplink.status()),
        )

    def _worker(self, device: DeviceConfig, random: Random) -> Worker:
        wire = self._wiring.wire(device)

        def open_driver() -> AnyDriver:
            driver = self.drivers[device.id] = wire.open_driver()
            return driver

        return Worker(
            device,
            open_driver,
            self._clock,
            Random(random.getrandbits(64)),  # noqa: S311 - jitter, no secret
            self._take,
            lambda event: self._keep([event]),
            assess=RangeAndStep().assess,
            close_link=wire.close_link,
        )

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
        while not self._stopping.wait(self._config.outbox.commit_interval_s):
            self._summarise(lambda: self._summariser.advance(self._clock.now()))
            self._commit()
            self._tell()

    def _commit(self) -> None:
        committed = self._outbox.commit()
        if committed.trouble:
            _LOG.error("the outbox could not commit: %s", committed.trouble)
        elif committed.blocks:
            self._pulse.committed(self._clock.now())

    def _tell(self) -> None:
        """Feed the watchdog, but only while the pipeline advances."""
        now = self._clock.now()
        devices = [worker.health() for worker in self._workers]
        self._pulse.expect(giving(devices), now)
        uplink = self._uplink.status()
        waiting = self._outbox.stats().blocks
        if uplink.acknowledged > self._acknowledged or not waiting:
            self._acknowledged = uplink.acknowledged
            self._pulse.acked(now, more=bool(waiting))
        if uplink.connected:
            self._pulse.online(now)
        else:
            self._pulse.offline()
        if stuck := self._pulse.stuck(now):
            _LOG.error("the pipeline does not advance: %s", stuck)
        else:
            self._notifier.alive()
        self._notifier.status(one_line(devices))

    def _now_s(self) -> float:
        return self._clock.now().monotonic_ns / 1e9
