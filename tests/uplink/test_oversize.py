"""A broker of small packets gets all there is; what fits in none of them blocks nothing."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import TYPE_CHECKING

from edge_gateway.config import UplinkConfig
from edge_gateway.reading import Event, Flag, Measurand, Quantity, Reading, Stamp
from edge_gateway.twins.broker import Broker
from tests.uplink.waiting import until

if TYPE_CHECKING:
    from conftest import Gateway, Listener

MakeGateway = Callable[[UplinkConfig], "Gateway"]
Listen = Callable[[int], "Listener"]
Plain = Callable[..., UplinkConfig]
SMALL = "allow_anonymous true\nmax_packet_size 2048\n"


def give_much(pole: Gateway, count: int = 2000) -> list[float]:
    """Commit one block of random values, which no compression makes small."""
    chance, now = Random(1), pole.clock.now()
    values = [chance.randrange(60_000) / 1000 for _ in range(count)]
    pole.outbox.append(
        Reading(
            "dev",
            Measurand(Quantity.WIND_SPEED),
            value,
            Flag.GOOD,
            Stamp(now.boot_id, now.monotonic_ns + place * 1_000_000),
        )
        for place, value in enumerate(values)
    )
    pole.outbox.commit()
    return values


def test_a_large_block_arrives_in_parts(
    mosquitto: Callable[[str], Broker], gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    port = mosquitto(SMALL).port
    listener = listen(port)
    pole = gateway(plain(port))
    values = give_much(pole)
    pole.uplink.start()
    pole.until_empty()
    listener.wait(lambda: sum(len(p.readings) for p in listener.packs()) == 2000, "all readings")
    came = [one.value for pack in listener.packs() for one in pack.readings]
    assert came == values
    keys = [pack.key for pack in listener.packs()]
    assert len(set(keys)) == len(keys) > 2
    assert pole.status.acknowledged == 1


def test_an_entry_no_packet_can_hold_is_told_as_lost_and_blocks_nothing(
    mosquitto: Callable[[str], Broker], gateway: MakeGateway, listen: Listen, plain: Plain
) -> None:
    port = mosquitto(SMALL).port
    listener = listen(port)
    pole = gateway(plain(port))
    now = pole.clock.now()
    long = "".join(map(chr, Random(1).choices(range(0x4E00, 0x9FFF), k=4000)))
    for text in ("before", long, "after"):
        pole.outbox.append([Event("note", "dev", text, now)])
    pole.outbox.commit()
    pole.uplink.start()
    until(lambda: pole.status.too_large == 1, "the end of the third")
    pole.outbox.commit()
    pole.until_empty()
    listener.wait(lambda: len(listener.packs()) == 3, "the loss")
    events = [event for pack in listener.packs() for event in pack.events]
    assert [event.text for event in events[:2]] == ["before", "after"]
    assert (events[2].kind, events[2].subject) == ("loss", "events")


def test_a_broker_whose_packets_hold_nothing_is_told_so(
    mosquitto: Callable[[str], Broker], gateway: MakeGateway, plain: Plain
) -> None:
    pole = gateway(plain(mosquitto("allow_anonymous true\nmax_packet_size 200\n").port))
    pole.give()
    pole.uplink.start()
    pole.until_error("takes packets of 200 bytes at most")
    assert pole.outbox.stats().blocks == 1
