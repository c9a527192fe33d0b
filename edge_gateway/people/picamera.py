"""A camera on the Raspberry Pi's own connector, through picamera2 (Picamera2 manual, RP-008156).

OpenCV does not read these cameras. picamera2 comes with Raspberry Pi OS and not from PyPI alone,
so it is imported only when such a camera is asked for.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from edge_gateway.links.errors import Misconfigured
from edge_gateway.people.frame import Picture

PREFIX: Final = "picamera2:"
SIZE: Final = (1280, 720)
PIXELS: Final = "RGB888"
"""Named from the highest byte down: in memory it is blue, green, red, as OpenCV has it."""
READ_TIMEOUT_S: Final = 3.0
HIGHEST_NUMBER: Final = 9


class PiCamera(Protocol):
    """What is used of `picamera2.Picamera2`."""

    def create_video_configuration(self, main: Mapping[str, object]) -> dict[str, Any]:
        """Describe a stream of pictures."""
        ...

    def configure(self, camera_config: dict[str, Any]) -> None:
        """Set the camera up."""
        ...

    def start(self) -> None:
        """Begin."""
        ...

    def capture_array(self, name: str, wait: float) -> NDArray[np.uint8]:
        """The next picture; TimeoutError after `wait` seconds."""
        ...

    def close(self) -> None:
        """Give the camera back."""
        ...


class PicameraCapture:
    """A camera of the connector, read as OpenCV's captures are."""

    def __init__(self, open_camera: Callable[[], PiCamera]) -> None:
        self._camera: PiCamera | None = None
        try:
            camera = open_camera()
        except (IndexError, OSError, RuntimeError):
            # No camera of that number, or another program has it; a retry may help.
            return
        try:
            stream = {"size": SIZE, "format": PIXELS}
            camera.configure(camera.create_video_configuration(main=stream))
            camera.start()
        except (OSError, RuntimeError):
            camera.close()
        else:
            self._camera = camera

    def isOpened(self) -> bool:  # noqa: N802 - OpenCV's name
        """Whether it is there and free."""
        return self._camera is not None

    def read(self) -> tuple[bool, Picture]:
        """The next picture, or False when none comes in time."""
        nothing = np.zeros((0, 0, 3), np.uint8)
        if self._camera is None:
            return False, nothing
        try:
            picture = self._camera.capture_array("main", wait=READ_TIMEOUT_S)
        except (TimeoutError, OSError, RuntimeError):
            return False, nothing
        return True, np.ascontiguousarray(picture)

    def release(self) -> None:
        """Give the camera back."""
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.close()


def picamera_opener(source: str) -> Callable[[], PicameraCapture]:
    """Return what opens `picamera2:N`, the N-th camera of `rpicam-hello --list-cameras`.

    Raises Misconfigured for another name, and where picamera2 is not installed.
    """
    number = source.removeprefix(PREFIX)
    if not number.isdecimal() or int(number) > HIGHEST_NUMBER:
        raise Misconfigured(
            f"{source}: is no camera of the connector; write {PREFIX}0 for the first one"
        )
    if importlib.util.find_spec("picamera2") is None:
        raise Misconfigured(
            f"{source}: picamera2 is not installed; on Raspberry Pi OS: sudo apt install "
            "python3-picamera2, and make the virtual environment with --system-site-packages"
        )
    return lambda: PicameraCapture(lambda: _open(int(number)))


def _open(number: int) -> PiCamera:
    module = importlib.import_module("picamera2")
    return cast("PiCamera", module.Picamera2(number))
