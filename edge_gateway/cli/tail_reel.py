"""From the messages that arrive to the rows that are shown: decoded, once each, as wished."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from edge_gateway.cli.tail_connection import Arrived
from edge_gateway.cli.tail_pages import (
    PICTURE,
    Page,
    Row,
    event_row,
    iso8601,
    lane_of,
    picture_row,
    reading_row,
    state_row,
)
from edge_gateway.reading import Lane
from edge_gateway.uplink.consumer import Pack, Received, ReceivedEvent
from edge_gateway.uplink.decoders import BadPack, Decoder, GatewayState, Repeats, Told


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be shown; None is anything.

    `since_unix_s`: only what was measured from then on. `count`: so many lines of data.
    """

    gateway: str | None = None
    lane: str | None = None
    since_unix_s: float | None = None
    count: int | None = None


class Reel:
    """Takes messages in and writes rows. `complain` is told, once a topic, what no decoder knows.

    `repeats` is None where repetitions are to be shown.
    """

    def __init__(
        self, page: Page, wish: Wish, repeats: Repeats | None, complain: Callable[[str], None]
    ) -> None:
        self._page, self._wish, self._repeats, self._complain = page, wish, repeats, complain
        self._decoder = Decoder()
        self._states: dict[str, GatewayState] = {}
        self._strange: set[str] = set()
        self.shown = 0
        self._messages = self._repeated = self._bad = 0

    @property
    def is_full(self) -> bool:
        """Whether as much was shown as was wished for."""
        return self._wish.count is not None and self.shown >= self._wish.count

    def take(self, arrived: Arrived) -> None:
        """Decode one message and show what is new and wished for."""
        self._messages += 1
        if _is_picture(arrived):
            self._take_picture(arrived)
            return
        try:
            told = self._decoder.decode(
                arrived.topic,
                arrived.payload,
                arrived.content_type,
                arrived.properties,
                received_unix_s=arrived.unix_s,
            )
        except BadPack as error:
            self._bad += 1
            if arrived.topic not in self._strange:
                self._strange.add(arrived.topic)
                self._complain(f"{arrived.topic}: not understood: {error}")
            return
        for row in self._rows(told, arrived):
            if self.is_full:
                return
            self._write(row, told.format, arrived)

    def _take_picture(self, arrived: Arrived) -> None:
        *_, gateway, _, device = arrived.topic.split("/")
        if self._wish.gateway in {None, gateway} and self._wish.lane is None and not self.is_full:
            row = picture_row(gateway, device, len(arrived.payload), arrived.properties)
            self._write(row, PICTURE, arrived)

    def _write(self, row: Row, form: str, arrived: Arrived) -> None:
        row |= {
            "received": iso8601(arrived.unix_s),
            "format": form,
            "topic": arrived.topic,
            "retained": arrived.is_retained,
        }
        self._page.write(row)
        self.shown += row["record"] != "state"

    def summary(self) -> str:
        """What there was, in a sentence."""
        said = f"{self.shown} shown of {self._messages} messages"
        if self._repeated:
            said += f", {self._repeated} repetitions left out"
        return f"{said}, {self._bad} not understood" if self._bad else said

    def _rows(self, told: Told, arrived: Arrived) -> Iterator[Row]:
        if told.state is not None:
            yield from self._changed(told.state, arrived)
        for pack in told.packs:
            if self._wish.gateway not in {None, pack.gateway}:
                continue
            yield from self._of_pack(self._fresh(pack, told), arrived)

    def _fresh(self, pack: Pack, told: Told) -> Pack:
        if self._repeats is None:
            return pack
        fresh = self._repeats.fresh(pack, told)
        before, now = (len(one.readings) + len(one.events) for one in (pack, fresh))
        self._repeated += before - now
        return fresh

    def _of_pack(self, pack: Pack, arrived: Arrived) -> Iterator[Row]:
        for one in pack.events:
            if self._wish.lane in {None, Lane.EVENTS} and self._is_recent(one, arrived):
                yield event_row(one, pack.boot_id)
        for one in pack.readings:
            if self._wish.lane in {None, lane_of(one)} and self._is_recent(one, arrived):
                yield reading_row(one, pack.boot_id)

    def _is_recent(self, one: Received | ReceivedEvent, arrived: Arrived) -> bool:
        since = self._wish.since_unix_s
        if since is None:
            return True
        if one.unix_s is not None:
            return one.unix_s >= since
        return one.arrival != "backfill" and not arrived.is_retained

    def _changed(self, state: GatewayState, arrived: Arrived) -> Iterator[Row]:
        """A state that is not the one before; with a lane, only where that is of the events."""
        wish = self._wish
        if wish.gateway not in {None, state.gateway} or wish.lane not in {None, Lane.EVENTS}:
            return
        if self._states.get(state.gateway) != state:
            self._states[state.gateway] = state
            yield state_row(state.gateway, state.state, state.details, arrived.unix_s)


def _is_picture(arrived: Arrived) -> bool:
    """By its topic, PREFIX/GATEWAY/picture/DEVICE, and by how it begins."""
    levels = arrived.topic.split("/")
    is_there = len(levels) > 3 and levels[-2] == PICTURE  # noqa: PLR2004 - as many as the topic has
    return is_there and arrived.payload.startswith((b"\xff\xd8", b"\x89PNG"))
