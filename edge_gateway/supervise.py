"""One worker a device: pace, retry, back-off, health. Here alone is decided what an error costs.

BadFrame      read again at once, twice; then the poll is missing. Three such polls: down
DeviceSilent  down; a polled device is asked again after 1, 2, 4 ... 60 s, a talking one listened to
LinkGone      down; link and driver are opened anew after the same back-off
Misconfigured this device is off, the others go on; it is opened anew every 10 minutes
anything else is a bug: logged, driver opened anew, and the device stopped at the sixth in a minute

A device goes down once and comes back once: one line in the log, one event, and on the way down
one missing reading for each measurand it has given, however long the retries go on.
"""

from __future__ import annotations

import logging
import math
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from edge_gateway.clock import Clock
from edge_gateway.config import DeviceConfig
from edge_gateway.device_health import Counter, DeviceHealth, DeviceState
from edge_gateway.drivers.contract import PolledDriver, TalkingDriver
from edge_gateway.links.errors import (
    BadFrame,
    DeviceError,
    DeviceReset,
    DeviceSilent,
    LinkGone,
    Misconfigured,
)
from edge_gateway.measured import readings_of
from edge_gateway.reading import Event, Flag, Flagged, Measured, Reading

BACK_OFF_LONGEST_S, MISCONFIGURED_S = 60.0, 600.0
# Waits are up to this share shorter, so that devices that fell together do not return together.
BACK_OFF_JITTER = 0.2
READS_PER_POLL = 3
BAD_POLLS_BEFORE_DOWN = 3
# A talking device speaks whether we listen or not: a longer pause would make its frames stale.
TALKER_PAUSE_S = 0.1
MINUTE_NS = 60_000_000_000
RESTARTS_PER_MINUTE = 5
STOP_DEADLINE_S = 3.0

# Whatever its configuration and its link are: the worker looks at neither.
AnyDriver = PolledDriver[Any, Any] | TalkingDriver[Any, Any]

_LOG = logging.getLogger(__name__)
# What each error is called in a missing reading, and which count it goes to.
_ERRORS: tuple[tuple[type[Exception], str, Counter | None], ...] = (
    (DeviceReset, "device_reset", "resets"),
    (BadFrame, "bad_frame", "bad_frames"),
    (DeviceSilent, "device_silent", "silences"),
    (LinkGone, "link_gone", "link_losses"),
    (Misconfigured, "misconfigured", None),
    (Exception, "fault", "restarts"),
)


class Worker:
    """Looks after one device, on a thread of its own or, in `step()`, on the caller's.

    `open_driver` opens link and driver and may raise the four errors; it is called again after
    LinkGone. `deliver` and `report` take readings and events on the worker's thread, quickly and
    without raising. `assess` is what trust makes of each reading before anyone sees it.
    `close_link`, where given, closes what `open_driver` opened; it may be called twice and from
    another thread, and then makes a blocked read return.
    """

    def __init__(  # noqa: PLR0917  the six a worker is made of; what is optional is named
        self,
        config: DeviceConfig,
        open_driver: Callable[[], AnyDriver],
        clock: Clock,
        random: Random,
        deliver: Callable[[Sequence[Reading]], None],
        report: Callable[[Event], None],
        *,
        assess: Callable[[Reading], Reading] | None = None,
        close_link: Callable[[], None] | None = None,
    ) -> None:
        self._config = config
        self._name = f"device {config.id} ({config.driver})"
        self._open_driver = open_driver
        self._clock = clock
        self._random = random
        self._deliver = deliver
        self._report = report
        self._assess = assess
        self._close_link = close_link
        now = clock.now()
        self._health = DeviceHealth(config.id, config.driver, DeviceState.STARTING, now)
        self._driver: AnyDriver | None = None
        self._frames: Iterator[Measured] | None = None
        self._first_slot_ns = self._due_ns = now.monotonic_ns
        self._reason = ""
        self._failures = 0
        self._bad_in_a_row = 0
        self._restarts_ns: deque[int] = deque(maxlen=RESTARTS_PER_MINUTE)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"device-{config.id}", daemon=True)

    def start(self) -> None:
        """Begin; the first poll is at once."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Interrupt what the worker waits for and return at once; from any thread."""
        self._stopping.set()
        if isinstance(self._driver, TalkingDriver) and self._close_link is not None:
            self._close_link()

    def stop(self, deadline_s: float = STOP_DEADLINE_S) -> bool:
        """Stop and wait for the end; False when the device still blocks after `deadline_s`."""
        self.ask_to_stop()
        if self._thread.is_alive():
            self._thread.join(deadline_s)
        return not self._thread.is_alive()

    def health(self) -> DeviceHealth:
        """How the device is now; from any thread."""
        # Replaced as a whole by the worker's thread, never changed: needs no lock.
        return self._health

    def step(self) -> float:
        """Do what is due; return the seconds until something is due again, inf when given up."""
        if not self._health.given_up and self._clock.now().monotonic_ns >= self._due_ns:
            self._attend()
        if self._health.given_up:
            return math.inf
        return max(0.0, (self._due_ns - self._clock.now().monotonic_ns) / 1e9)

    def _run(self) -> None:
        try:
            while not self._stopping.is_set() and not self._health.given_up:
                self._stopping.wait(min(self.step(), threading.TIMEOUT_MAX))
        finally:
            self._drop_driver()
            if not self._health.given_up:
                self._enter(DeviceState.STOPPED)

    def _attend(self) -> None:
        try:
            self._take_turn(self._driver or self._open())
        except DeviceError as error:
            if not self._stopping.is_set():
                self._pay_for(error)
        # The one blanket handler: a bug in one driver must not end the readings of the others.
        except Exception as error:  # noqa: BLE001
            if not self._stopping.is_set():
                self._restart_after(error)

    def _open(self) -> AnyDriver:
        self._driver = self._open_driver()
        return self._driver

    def _take_turn(self, driver: AnyDriver) -> None:
        self._accept(self._measure(driver))

    def _measure(self, driver: AnyDriver) -> Measured:
        if isinstance(driver, PolledDriver):
            return driver.read()
        if self._frames is None:
            self._frames = iter(driver.listen())
        frame = next(self._frames, None)
        if frame is None:
            raise LinkGone("the device has ended its talk")
        return frame

    def _accept(self, measured: Measured) -> None:
        at = self._clock.now()
        readings = readings_of(self._config.id, measured, at)
        if self._assess is not None:
            readings = [self._assess(reading) for reading in readings]
        self._failures = self._bad_in_a_row = 0
        self._due_ns = self._next_slot_ns()
        if self._health.state is not DeviceState.UP:
            self._come_up()
        self._hand_over(readings)

    def _pay_for(self, error: DeviceError) -> None:
        self._frames = None
        self._note(error)
        if isinstance(error, Misconfigured):
            self._give_up(DeviceState.MISCONFIGURED, "it is tried again every 10 minutes")
            self._due_in(MISCONFIGURED_S)
        elif self._driver is None or isinstance(error, LinkGone):
            self._drop_driver()
            self._go_down()
            self._back_off()
        elif isinstance(error, BadFrame):
            self._after_a_bad_frame()
        else:
            self._go_down()
            if isinstance(self._driver, PolledDriver):
                self._back_off()
            else:
                self._due_in(TALKER_PAUSE_S)

    def _after_a_bad_frame(self) -> None:
        self._bad_in_a_row += 1
        bad_polls, bad_reads = divmod(self._bad_in_a_row, READS_PER_POLL)
        if bad_reads:
            return  # it is due at once, as it was
        if isinstance(self._driver, PolledDriver):
            self._due_ns = self._next_slot_ns()
        else:
            self._due_in(TALKER_PAUSE_S)
        if bad_polls >= BAD_POLLS_BEFORE_DOWN:
            self._go_down()
        elif self._health.state is DeviceState.UP:
            self._hand_over(self._missing())

    def _restart_after(self, error: Exception) -> None:
        now_ns = self._clock.now().monotonic_ns
        _LOG.error("%s: bug in its driver", self._name, exc_info=error)
        self._note(error)
        self._drop_driver()
        recent = [then for then in self._restarts_ns if now_ns - then < MINUTE_NS]
        if len(recent) == RESTARTS_PER_MINUTE:
            self._give_up(DeviceState.STOPPED, "it stays off until the gateway is started again")
            return
        self._restarts_ns.append(now_ns)
        self._go_down()
        self._back_off()

    def _note(self, error: Exception) -> None:
        self._reason, counter = next(row[1:] for row in _ERRORS if isinstance(error, row[0]))
        self._health = self._health.after_error(str(error) or type(error).__name__, counter)
        if isinstance(error, DeviceReset):
            self._tell("device_reset", self._health.last_error)

    def _go_down(self) -> None:
        if self._health.is_off:
            return
        self._enter(DeviceState.DOWN)
        _LOG.warning("%s is down: %s", self._name, self._health.last_error)
        self._tell("device_down", self._health.last_error)
        self._hand_over(self._missing())

    def _come_up(self) -> None:
        was_off = self._health.is_off
        self._enter(DeviceState.UP)
        _LOG.info("%s is up", self._name)
        if was_off:
            self._tell("device_up", "readings come again")

    def _give_up(self, state: DeviceState, until: str) -> None:
        self._drop_driver()
        if self._health.state is state:
            return
        if not self._health.is_off:
            self._hand_over(self._missing())
        self._enter(state)
        what = f"{self._health.last_error}; {until}"
        _LOG.error("%s is %s: %s", self._name, state.value, what)
        self._tell(f"device_{state.value}", what)

    def _hand_over(self, readings: Sequence[Reading]) -> None:
        if readings:
            self._health = self._health.after_readings(readings)
            self._deliver(readings)

    def _missing(self) -> list[Reading]:
        nothing = Flagged(math.nan, Flag.MISSING, self._reason)
        known: Measured = dict.fromkeys(self._health.last_reading, nothing)
        return readings_of(self._config.id, known, self._clock.now())

    def _enter(self, state: DeviceState) -> None:
        self._health = replace(self._health, state=state, since=self._clock.now())

    def _tell(self, kind: str, text: str) -> None:
        self._report(Event(kind, self._config.id, text, self._clock.now()))

    def _drop_driver(self) -> None:
        self._driver = self._frames = None
        if self._close_link is not None:
            self._close_link()

    def _back_off(self) -> None:
        wait_s = min(2.0**self._failures, BACK_OFF_LONGEST_S)
        self._failures += 1
        self._due_in(wait_s * self._random.uniform(1 - BACK_OFF_JITTER, 1))

    def _due_in(self, seconds: float) -> None:
        self._due_ns = self._clock.now().monotonic_ns + round(seconds * 1e9)

    def _next_slot_ns(self) -> int:
        # Counted from the first poll, so that pace never drifts; slots gone by are left out.
        now_ns = self._clock.now().monotonic_ns
        if isinstance(self._driver, TalkingDriver):
            return now_ns
        period_ns = max(1, round(self._config.period_s * 1e9))
        slot = (now_ns - self._first_slot_ns) // period_ns + 1
        return self._first_slot_ns + slot * period_ns
