"""The worker of a device that is handed readings: takes them in, and has them answered."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

from edge_gateway.clock import Clock, WallTime
from edge_gateway.config import DeviceConfig
from edge_gateway.device_health import DeviceHealth, DeviceState
from edge_gateway.drivers.contract import Handed, ReceivingDriver
from edge_gateway.links.errors import DeviceError
from edge_gateway.measured import stamped
from edge_gateway.reading import Event, Flag, Reading, Rows, Stamp
from edge_gateway.supervise import AnyDriver, Worker

# Before the end: the first takes in who has just come, the second what they brought.
LAST_LOOKS = 2


@dataclass(frozen=True, slots=True)
class Keeper:
    """Where readings are kept: `keep` numbers them, `through` says which are durable by now.

    `commit` makes all of them durable at once, if the disk lets it. Any thread may call them.
    """

    keep: Callable[[Rows], int]
    commit: Callable[[], None]
    through: Callable[[], int]


class Receiver(Worker):
    """Looks after a `ReceivingDriver`. Its owner calls `wake` whenever more has become durable."""

    def __init__(
        self,
        config: DeviceConfig,
        open_driver: Callable[[], AnyDriver],
        clock: Clock,
        random: Random,
        *,
        keeper: Keeper,
        deliver: Callable[[Sequence[Reading]], None],
        report: Callable[[Event], None],
        close_link: Callable[[], None] | None = None,
    ) -> None:
        super().__init__(
            config,
            open_driver,
            clock,
            random,
            deliver,
            report,
            close_link=close_link,
        )
        self._keeper = keeper

    def wake(self) -> None:
        """More is durable: have it answered; from any thread."""
        driver = self._driver
        if isinstance(driver, ReceivingDriver):
            driver.wake()

    def ask_to_stop(self) -> None:
        """Have it take in what has come, commit, answer and end; returns at once."""
        self._stopping.set()
        self.wake()

    def _take_turn(self, driver: AnyDriver) -> None:
        assert isinstance(driver, ReceivingDriver), "a Receiver is made for no other"
        if self._health.state is not DeviceState.UP:
            self._failures = 0
            self._come_up()
        self._pass_on(driver)

    def _pass_on(self, driver: ReceivingDriver[DeviceConfig, object]) -> None:
        handed = driver.receive()
        number = 0
        if handed.values:
            at = self._clock.now()
            rows = _stamped(self._config.id, handed, at, self._clock.wall(at))
            number = self._keeper.keep(rows)
            self._health = _after(self._health, rows)
        if driver.keep(number):
            self._keeper.commit()
        driver.answer(self._keeper.through())

    def _drop_driver(self) -> None:
        driver = self._driver
        if self._stopping.is_set() and isinstance(driver, ReceivingDriver):
            self._part_from(driver)
        super()._drop_driver()

    def _part_from(self, driver: ReceivingDriver[DeviceConfig, object]) -> None:
        try:
            for _ in range(LAST_LOOKS):
                driver.wake()
                self._pass_on(driver)
            self._keeper.commit()
            driver.answer(self._keeper.through())
        except DeviceError as error:
            self._note(error)


def _stamped(device: str, handed: Handed, at: Stamp, wall: WallTime | None) -> Rows:
    """As `stamped`, at once where no time was said at all."""
    count = len(handed.values)
    # Drivers write this very object where there is no time: it is counted without a comparison.
    if handed.unix_s.count(math.nan) < count:
        return stamped(device, handed, at, wall)
    times_ns = [at.monotonic_ns] * count
    columns = handed.measurands, handed.values, handed.flags, handed.reasons, times_ns
    return Rows(device, at.boot_id, *columns)


def _after(health: DeviceHealth, rows: Rows) -> DeviceHealth:
    """The same as `after_readings`, of many readings of few measurands."""
    given = len(rows) - rows.flags.count(Flag.MISSING)
    return replace(
        health,
        last_reading={
            **health.last_reading,
            **{measurand: rows.reading(row) for measurand, row in rows.kinds.items()},
        },
        counts=replace(health.counts, readings=health.counts.readings + given),
    )
