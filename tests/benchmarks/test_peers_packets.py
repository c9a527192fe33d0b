"""The harness's own MQTT: bytes by the examples of the standard, and any cut of the stream."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from benchmarks.peers.packets import PUBACK, PUBLISH, Stream, connect, message, puback, publish


def test_a_publish_is_the_bytes_of_section_3_3() -> None:
    # Figures 3.10 to 3.12 of MQTT 3.1.1: topic a/b, packet identifier 10, here with QoS 1.
    assert publish(b"a/b", b"x", 10) == b"\x32\x08\x00\x03a/b\x00\x0ax"


def test_a_length_of_321_takes_two_bytes() -> None:
    # Section 2.2.3: 321 = 65 + 2 * 128 is 0xC1 0x02.
    packet = publish(b"a/b", bytes(321 - 2 - 3 - 2), 1)
    assert packet[1:3] == b"\xc1\x02"


def test_a_connect_asks_for_the_session_to_be_kept() -> None:
    assert connect("ab", clean=False) == b"\x10\x0e\x00\x04MQTT\x04\x00\x00\x00\x00\x02ab"


def test_a_message_of_qos_0_has_no_number() -> None:
    assert message(0, b"\x00\x01thello") == ("t", b"hello", 0)


@given(
    st.lists(st.tuples(st.binary(max_size=300), st.integers(1, 65535)), max_size=6),
    st.lists(st.integers(0, 2000), max_size=8),
)
def test_however_the_stream_is_cut_the_same_packets_come_out(
    sent: list[tuple[bytes, int]], cuts: list[int]
) -> None:
    packets = [publish(b"t", payload, number) + puback(number) for payload, number in sent]
    data = b"".join(packets)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    stream = Stream()
    found = [packet for start, end in pairwise(places) for packet in stream.feed(data[start:end])]
    assert [kind for kind, _, _ in found] == [PUBLISH, PUBACK] * len(sent)
    messages = [message(flags, body) for kind, flags, body in found if kind == PUBLISH]
    assert messages == [("t", payload, number) for payload, number in sent]
