"""What every simulated device with a thread of its own has: power on, power off."""

from __future__ import annotations

from abc import ABC, abstractmethod
from threading import Event, Thread
from typing import Self


class Powered(ABC):
    """Runs from `start` to `stop`, or as long as its `with` block; may be started again."""

    def __init__(self) -> None:
        self.stopped = Event()
        self._thread: Thread | None = None

    def start(self) -> Self:
        """Power on."""
        if self._thread is None:
            self.stopped.clear()
            self._thread = Thread(target=self.run, name=type(self).__name__, daemon=True)
            self._thread.start()
        return self

    def stop(self) -> None:
        """Power off and wait until the thread has ended; safe to call twice."""
        self.stopped.set()
        self.wake()
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.join()

    @abstractmethod
    def run(self) -> None:
        """Behave as the device until `stopped` is set."""

    def wake(self) -> None:  # noqa: B027  most have nothing else to wait for
        """End what `run` waits for, where it waits for more than `stopped`."""

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
