"""Packets fit the broker, whatever a batch holds; keys of parts say the same for ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.outbox import Columns
from edge_gateway.outbox.columns import to_columns
from edge_gateway.reading import Entry, Event, Flag, Measurand, Quantity, Reading, Stamp
from edge_gateway.uplink.batch import Arrival, Batch, Dates, Dating, halves
from edge_gateway.uplink.consumer import Pack, Seen, decode, decode_all
from edge_gateway.uplink.encoder import Encoded, Encoder
from edge_gateway.uplink.payloads import Pole, load

BOOT = "b007"
SYNCED = Dates(Dating.SYNCED, 1_785_733_200_000_000)
QUANTITIES = (Quantity.WIND_SPEED, Quantity.AIR_TEMPERATURE, Quantity.GLOBAL_IRRADIANCE)


def readings(count: int, devices: int = 1, *, flag: Flag = Flag.GOOD) -> list[Entry]:
    chance = Random(count)
    return [
        Reading(
            f"dev{place % devices}",
            Measurand(QUANTITIES[place % devices % len(QUANTITIES)]),
            chance.uniform(0, 60),
            flag,
            Stamp(BOOT, place * 1_000_000),
        )
        for place in range(count)
    ]


def batch(entries: Sequence[Entry], key: str = "57043/7", dates: Dates = SYNCED) -> Batch:
    return Batch("pole-1", key, BOOT, Arrival.BACKFILL, dates, to_columns(entries))


def encoded(batches: Sequence[Batch], largest: int, payload: str = "senml") -> Encoded:
    encoder = Encoder(load(payload), Pole("pole-1"))
    encoder.begin(largest)
    return encoder.encode(batches)


def packs(found: Encoded) -> list[Pack]:
    return [pack for packet in found.packets for pack in decode_all(packet.payload)]


def values(found: list[Pack]) -> list[float]:
    return sorted(one.value or 0.0 for pack in found for one in pack.readings)


def test_a_batch_that_fits_is_one_packet_under_its_own_key() -> None:
    found = encoded([batch(readings(100))], 100_000)
    assert [pack.key for pack in packs(found)] == ["pole-1/57043/7"]


def test_one_that_does_not_fit_goes_in_parts_that_do() -> None:
    whole = batch(readings(1000, devices=3))
    found = encoded([whole], 2000)
    assert len(found.packets) > 2
    assert all(packet.size <= 2000 for packet in found.packets)
    assert values(packs(found)) == values([decode(encoded([whole], 10**6).packets[0].payload)])


def test_parts_have_keys_of_their_own_below_that_of_the_block() -> None:
    keys = [pack.key for pack in packs(encoded([batch(readings(1000, devices=3))], 2000))]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith("pole-1/57043/7.") for key in keys)


def test_a_key_means_the_same_whatever_the_broker_allows() -> None:
    whole = batch(readings(1000, devices=3))
    narrow = {pack.key: values([pack]) for pack in packs(encoded([whole], 1500))}
    wide = {pack.key: values([pack]) for pack in packs(encoded([whole], 4000))}
    for key, content in wide.items():
        below = [
            value
            for other, part in narrow.items()
            if other == key or other.startswith(f"{key}.")
            for value in part
        ]
        assert sorted(below) == content


def test_who_has_seen_the_whole_takes_no_part_of_it() -> None:
    seen = Seen()
    assert seen.first("pole-1/57043/7")
    assert [seen.first(f"pole-1/57043/{part}") for part in ("7.1", "7.2.1", "71", "8.7")] == [
        False,
        False,
        True,
        True,
    ]


def test_an_entry_that_no_packet_holds_is_named_and_the_others_go() -> None:
    text = "".join(map(chr, Random(1).choices(range(0x4E00, 0x9FFF), k=4000)))
    events = [Event("note", "dev", word, Stamp(BOOT, 0)) for word in ("before", text, "after")]
    found = encoded([batch(events)], 4096)
    assert [event.text for pack in packs(found) for event in pack.events] == ["before", "after"]
    assert [one.columns.events[0].text for one in found.too_large] == [text]


def test_small_blocks_share_a_packet_and_keep_their_keys() -> None:
    batches = [batch(readings(5), key=f"57043/{number}") for number in range(1, 9)]
    (packet,) = encoded(batches, 100_000).packets
    assert [pack.key for pack in decode_all(packet.payload)] == [
        f"pole-1/57043/{number}" for number in range(1, 9)
    ]
    assert [value for name, value in packet.properties if name == "key"] == [
        f"pole-1/57043/{number}" for number in range(1, 9)
    ]
    assert [len(pack.readings) for pack in decode_all(packet.payload)] == [5] * 8


def test_together_too_large_they_go_in_fewer_together() -> None:
    batches = [batch(readings(90 + number), key=f"57043/{number}") for number in range(1, 9)]
    found = encoded(batches, 3000)
    assert 1 < len(found.packets) < 8
    assert [pack.key for pack in packs(found)] == [
        f"pole-1/57043/{number}" for number in range(1, 9)
    ]


@pytest.mark.parametrize("dates", [SYNCED, Dates(Dating.UNKNOWN, None, before_us=1_500_000)])
def test_a_block_in_a_shared_message_says_what_it_says_alone(dates: Dates) -> None:
    kinds: list[list[Entry]] = [
        readings(4, devices=2),
        [Event("note", "dev", "text", Stamp(BOOT, 5))],
        readings(3, flag=Flag.SUSPECT),
        [Reading("rain", Measurand(Quantity.PRECIPITATION_INTENSITY), 1.0, Flag.GOOD, at(2))],
    ]
    batches = [batch(kind, f"57043/{place}", dates) for place, kind in enumerate(kinds)]
    (packet,) = encoded(batches, 100_000).packets
    alone = [decode(encoded([one], 100_000).packets[0].payload) for one in batches]
    assert list(decode_all(packet.payload)) == alone


def at(seconds: float) -> Stamp:
    return Stamp(BOOT, round(seconds * 1e9))


def leaves(whole: Batch) -> Iterator[Batch]:
    parts = halves(whole)
    if parts is None:
        yield whole
        return
    for part in parts:
        yield from leaves(part)


def count(columns: Columns) -> int:
    return len(columns.events) + sum(len(series.times_us) for series in columns.series)


ENTRIES = st.lists(
    st.builds(
        Reading,
        st.sampled_from(["a", "b"]),
        st.builds(Measurand, st.sampled_from(QUANTITIES)),
        st.floats(0, 50),
        st.sampled_from([Flag.GOOD, Flag.SUSPECT]),
        st.builds(Stamp, st.just(BOOT), st.integers(0, 10**12)),
        st.sampled_from([(), ("step",)]),
    )
    | st.builds(Event, st.just("k"), st.just("s"), st.text(max_size=3), st.just(Stamp(BOOT, 0))),
    min_size=1,
    max_size=20,
)


@given(ENTRIES)
def test_halved_to_the_end_every_entry_is_in_one_part_alone(entries: list[Entry]) -> None:
    whole = batch(entries)
    parts = list(leaves(whole))
    assert all(count(part.columns) == 1 for part in parts)
    assert len({part.key for part in parts}) == len(parts)
    kept = [entry for part in parts for entry in part.columns.entries()]
    assert sorted(map(repr, kept)) == sorted(map(repr, whole.columns.entries()))


@pytest.mark.parametrize("payload", ["senml_cbor", "csv"])
def test_other_formats_go_in_parts_too(payload: str) -> None:
    found = encoded([batch(readings(1000, devices=3))], 4000, payload)
    assert len(found.packets) > 1
    assert all(packet.size <= 4000 for packet in found.packets)
