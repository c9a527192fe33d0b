"""A USB camera under the name that stays its own, whichever /dev/videoN it comes back as.

udev links each camera under /dev/v4l/by-id by maker, model and serial number (Linux, udev rule
60-persistent-v4l).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import cv2

from edge_gateway.people.live import Capture

BY_ID: Final = Path("/dev/v4l/by-id")


def open_node(node: str) -> Capture:
    """Open a device node with OpenCV."""
    return cv2.VideoCapture(node, cv2.CAP_V4L2)


class V4l2Opener:
    """Opens the camera that was under `device` at first, wherever it is plugged in now.

    A /dev/videoN is exchanged for its fixed name as soon as it is there once: the number may be
    another camera's after a start or a replug.
    """

    def __init__(
        self,
        device: str,
        *,
        by_id: Path = BY_ID,
        open_device: Callable[[str], Capture] = open_node,
    ) -> None:
        self.name = device
        self._by_id = by_id
        self._open_device = open_device

    def __call__(self) -> Capture:
        """Open it, or try to: `isOpened` of what comes back says whether it is there."""
        self.name = fixed_name(self.name, self._by_id)
        return self._open_device(str(Path(self.name).resolve()))


def fixed_name(device: str, by_id: Path = BY_ID) -> str:
    """Return the name under `by_id` that leads to the same node as `device`, or `device` itself."""
    node = Path(device)
    if by_id in node.parents or not node.exists():
        return device
    links = sorted(by_id.glob("*")) if by_id.is_dir() else []
    return next((str(link) for link in links if link.resolve() == node.resolve()), device)
