"""The run of the demo: the cable is pulled and put back, and the books are held."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edge_gateway.cli.demo.platform import Arrivals
from edge_gateway.cli.demo.pole import WIRED
from edge_gateway.cli.demo.report import Report, balances, people_of
from edge_gateway.cli.demo.screen import Screen, save_picture
from edge_gateway.cli.demo.snapshot import (
    DeviceRow,
    LineRow,
    OutboxRow,
    Snapshot,
    UplinkRow,
    ValueRow,
)
from edge_gateway.cli.demo.stage import Stage
from edge_gateway.cli.terminal import out
from edge_gateway.device_health import DeviceHealth
from edge_gateway.health import GatewayHealth
from edge_gateway.people.camera import Camera
from edge_gateway.reading import Flag, Quantity, Reading, Statistic

TICK_S = 0.25
OUTAGE_S = 20.0
# Devices stop this long before the end, so that the last readings have time to arrive.
LAST_READINGS_S = 3.0
LATEST_END_S = 20.0
# When the backlog has gone out and can still be seen on the screen.
PICTURE_AFTER_S = 6.0


class Show:
    """One run: `seconds` long, `picture` a file for the screen or None."""

    def __init__(self, stage: Stage, seconds: float, output: Path, picture: Path | None) -> None:
        self._stage, self._seconds = stage, seconds
        self._output, self._picture = output, picture
        self._outage_s = min(OUTAGE_S, seconds / 3)
        self._backlog: list[int] = []
        self._began_s = time.monotonic()

    def run(self) -> Report:
        """Run to the end and return the books."""
        console = out()
        console.print(
            f"A pole in a box for {self._seconds:.0f} s. Simulated: the instruments, byte for "
            f"byte, on real interfaces. People: {self._stage.footage}."
        )
        self._stage.gateway.start()
        with Screen(console) as screen:
            for elapsed_s in self._ticks(self._seconds - LAST_READINGS_S):
                self._pull_or_plug(elapsed_s, screen)
                screen.show(self._snapshot(elapsed_s))
            self._stage.gateway.stop_devices()
            self._drain(screen)
            snapshot = self._snapshot(self._elapsed_s())
            screen.show(replace(snapshot, elapsed_s=max(snapshot.elapsed_s, self._seconds)))
        return self._report()

    def _ticks(self, until_s: float) -> Iterator[float]:
        tick = 0
        while (elapsed_s := self._elapsed_s()) < until_s:
            yield elapsed_s
            tick += 1
            time.sleep(max(0.0, tick * TICK_S - self._elapsed_s()))

    def _pull_or_plug(self, elapsed_s: float, screen: Screen) -> None:
        begin_s = (self._seconds - self._outage_s) / 2
        cable = self._stage.cable
        if self._picture and elapsed_s > begin_s + self._outage_s + PICTURE_AFTER_S:
            save_picture(self._snapshot(elapsed_s), self._picture)
            self._picture = None
        is_outage = begin_s <= elapsed_s < begin_s + self._outage_s
        if is_outage and not cable.unplugged:
            cable.unplug()
            screen.remark(f"{elapsed_s:5.0f} s  the uplink's cable is pulled")
        elif cable.unplugged and not is_outage:
            cable.plug()
            screen.remark(f"{elapsed_s:5.0f} s  the cable is back")

    def _drain(self, screen: Screen) -> None:
        """Wait until the broker has everything, but not for ever: what is missing is lost."""
        for elapsed_s in self._ticks(self._seconds + LATEST_END_S):
            snapshot = self._snapshot(elapsed_s)
            screen.show(snapshot)
            arrived = self._stage.platform.delivered.read()
            everything = not (self._stage.produced.read() - arrived)
            if everything and snapshot.outbox.readings == 0 and elapsed_s >= self._seconds - 1:
                return

    def _report(self) -> Report:
        stage = self._stage
        produced, delivered = stage.produced.read(), stage.platform.delivered.read()
        arrivals = stage.platform.arrivals()
        devices = stage.gateway.health().devices
        wire = stage.cable.bytes_up + stage.cable.bytes_down
        people = {line: {"forward": 0, "backward": 0} for line in stage.lines}
        return Report(
            seconds=self._elapsed_s(),
            outage_s=self._outage_s,
            broker=stage.broker.name,
            footage=stage.footage,
            devices=balances((device.id for device in devices), produced, delivered),
            people={**people, **people_of(delivered)},
            messages={"live": arrivals.live, "backfill": arrivals.backfill},
            repeated_messages=arrivals.repeated,
            bytes_on_wire=wire,
            bytes_per_reading=wire / max(1, arrivals.readings),
            simulated=[text for name, text in WIRED.items() if name != "camera"],
            picture=self._save_scene(),
            notes=[
                f"{device.id} is {device.state.value}: {device.last_error or 'it gave nothing yet'}"
                for device in devices
                if not device.counts.readings
            ],
        )

    def _save_scene(self) -> str:
        driver = self._stage.gateway.drivers.get("camera")
        picture = driver.latest_picture if isinstance(driver, Camera) else None
        if picture is None:
            return ""
        path = self._output / "demo-scene.jpg"
        path.write_bytes(picture.content)
        return str(path)

    def _snapshot(self, elapsed_s: float) -> Snapshot:
        stage = self._stage
        health = stage.gateway.health()
        driver = stage.gateway.drivers.get("camera")
        watched = driver.latest_health if isinstance(driver, Camera) else None
        people = people_of(stage.produced.read())
        outbox = _outbox_row(health)
        self._backlog.append(outbox.readings + outbox.uncommitted)
        return Snapshot(
            elapsed_s,
            self._seconds,
            stage.footage,
            stage.broker.name,
            tuple(_device_row(device, health.at.monotonic_ns) for device in health.devices),
            tuple(
                LineRow(name, *(people.get(name, {}).get(d, 0) for d in ("forward", "backward")))
                for name in stage.lines
            ),
            watched.people if watched else 0,
            watched.frame_rate if watched else 0.0,
            outbox,
            self._uplink_row(health, stage.platform.arrivals()),
            tuple(self._backlog),
        )

    def _uplink_row(self, health: GatewayHealth, arrivals: Arrivals) -> UplinkRow:
        cable, uplink = self._stage.cable, health.uplink
        return UplinkRow(
            not cable.unplugged,
            bool(uplink["connected"]),
            int(uplink["live_sent"] or 0),
            int(uplink["backfill_sent"] or 0),
            arrivals.live,
            arrivals.backfill,
            arrivals.readings,
            cable.bytes_up + cable.bytes_down,
        )

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._began_s


def _outbox_row(health: GatewayHealth) -> OutboxRow:
    outbox = health.outbox
    hours = outbox["hours_left"]
    return OutboxRow(
        int(outbox["blocks"] or 0),
        int(outbox["entries"] or 0),
        int(outbox["uncommitted"] or 0),
        int(outbox["disk_bytes"] or 0),
        None if hours is None else float(hours),
    )


def _device_row(device: DeviceHealth, now_ns: int) -> DeviceRow:
    rows = [
        _value_row(reading, now_ns)
        for reading in device.last_reading.values()
        if reading.measurand.quantity is not Quantity.PEOPLE
        and reading.measurand.statistic in (Statistic.SAMPLE, Statistic.MEAN)
    ]
    return DeviceRow(device.id, WIRED.get(device.id, ""), device.state.value, tuple(rows))


def _value_row(reading: Reading, now_ns: int) -> ValueRow:
    nature = reading.measurand.quantity.nature
    return ValueRow(
        reading.measurand.quantity.value,
        None if reading.flag is Flag.MISSING else reading.value,
        nature.decimals,
        nature.unit,
        reading.flag.name.lower(),
        (now_ns - reading.at.monotonic_ns) / 1e9,
    )
