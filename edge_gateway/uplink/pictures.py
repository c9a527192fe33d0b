"""Anonymized pictures on their way to a broker: the newest of each camera, when nothing else waits.

A picture is no reading: it is kept in memory alone, a newer one takes its place, and one that a
connection lost is not sent again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from threading import Lock

from edge_gateway.clock import Clock, ClockState
from edge_gateway.reading import Stamp
from edge_gateway.uplink.encoder import Encoder, Packet
from edge_gateway.uplink.mqtt import Answer, Connection
from edge_gateway.uplink.payloads import Pole
from edge_gateway.uplink.payloads.times import iso8601

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded picture of what `device` sees, made at `at`; `content_type` is a MIME type."""

    device: str
    content_type: str
    content: bytes
    at: Stamp


class Pictures:
    """The pictures of one uplink. `show` is for any thread, all else for the uplink's own."""

    def __init__(self, uplink_id: str, clock: Clock) -> None:
        self._uplink_id = uplink_id
        self._clock = clock
        self._lock = Lock()
        self._waiting: dict[str, Picture] = {}
        self._number: int | None = None
        self._has_room = False
        self._complaint = ""

    def show(self, picture: Picture) -> None:
        """Have it sent when there is time; an older one of the same device is forgotten."""
        with self._lock:
            self._waiting[picture.device] = picture

    def begin(self, receive_maximum: int) -> None:
        """A new connection stands; what the last one had under way is lost."""
        self._number = None
        # One unanswered message more than the readings' own: a broker may not allow it.
        self._has_room = receive_maximum > 1

    @property
    def under_way(self) -> int:
        """Pictures sent and not yet answered: one at most."""
        return int(self._number is not None)

    def send(self, connection: Connection, encoder: Encoder) -> None:
        """Send one, if one waits and none is under way."""
        if self._number is not None or not self._has_room or connection.ended:
            return
        with self._lock:
            device = next(iter(self._waiting), None)
            picture = None if device is None else self._waiting.pop(device)
        if picture is None:
            return
        packet = packet_of(picture, encoder.pole, self._clock)
        if packet.size > encoder.largest:
            self._complain(
                f"a picture of {picture.device} has {len(picture.content)} bytes, and a packet "
                f"may have {encoder.largest}: raise max_packet_kb, or the broker's own limit"
            )
        else:
            self._number = connection.publish(packet)

    def take(self, answers: Sequence[Answer]) -> list[Answer]:
        """Act on the answer to a picture; return those to all else."""
        others = [answer for answer in answers if answer.number != self._number]
        for answer in answers:
            if answer.number == self._number:
                if answer.refusal:
                    self._complain(
                        f"the broker refuses pictures on {answer.topic}: {answer.refusal}"
                    )
                else:
                    self._complaint = ""
        if len(others) < len(answers):
            self._number = None
        return others

    def _complain(self, sentence: str) -> None:
        # Sizes and topics differ a little each time: once is enough until one arrives again.
        if not self._complaint:
            _log.warning("uplink %s: %s", self._uplink_id, sentence)
        self._complaint = sentence


def packet_of(picture: Picture, pole: Pole, clock: Clock) -> Packet:
    """The message that says a picture; without a set clock it says its age and no date."""
    wall = clock.wall(picture.at)
    properties = [("device", picture.device)]
    if wall is None or wall.state is ClockState.UNSET:
        age_ns = clock.now().monotonic_ns - picture.at.monotonic_ns
        properties += [("clock", str(ClockState.UNSET)), ("age_s", f"{age_ns / 1e9:.3f}")]
    else:
        time = iso8601(wall.unix_ns // 1_000_000 * 1000)
        properties += [("clock", str(wall.state)), ("time", time)]
    topic = pole.topic(f"picture/{picture.device}")
    return Packet(topic, picture.content, picture.content_type, properties=tuple(properties))
