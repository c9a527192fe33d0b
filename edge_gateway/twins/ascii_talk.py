"""Faults that every device has which talks in lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edge_gateway.twins.faults import Faults, cut, flipped, line_noise

LINE_FAULTS: Sequence[str] = (
    "crc",
    "silent",
    "half_frame",
    "split_frame",
    "joined_frames",
    "noise",
)


class SpoiltLines:
    """Turns each line into what goes on the wire, with the faults that were ordered.

    `joined_frames` holds a line back for the next one, as a talker's buffer does; a device that
    was asked (`holds` is False) sends its line twice.
    """

    def __init__(self, faults: Faults, *, holds: bool = True) -> None:
        self._faults = faults
        self._holds = holds
        self._held = b""

    def talk(self, line: bytes, body: slice) -> Iterator[bytes]:
        """Yield the parts of one line; `crc` flips a bit of its `body`."""
        take, chance = self._faults.take, self._faults.chance
        held, self._held = self._held, b""
        data = held + line
        if take("silent"):
            return
        if take("noise"):
            yield line_noise(chance)
        if take("joined_frames"):
            if self._holds:
                self._held = data
            else:
                yield data + data
        elif take("crc"):
            yield held + line[: body.start] + flipped(line[body], chance) + line[body.stop :]
        elif take("half_frame"):
            yield held + cut(line, chance)
        elif take("split_frame"):
            yield from (data[at : at + 1] for at in range(len(data)))
        else:
            yield data
