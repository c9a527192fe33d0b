"""Checksums against data sheets and an independent library; framing against any chopping."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer.rtu import FramerRTU
from sensirion_i2c_driver import CrcCalculator

from edge_gateway.links.errors import BadFrame, DeviceReset
from edge_gateway.links.frames import (
    Deframer,
    Lines,
    crc8,
    crc16_letters,
    crc16_modbus,
    has_modbus_crc,
    shown,
    with_modbus_crc,
    xor_checksum,
)
from tests.chopped import chopped


def deframer() -> Deframer:
    return Deframer(start=b"<", end=b">", trailer=2, longest=12, longest_gap=40)


def frames_and_faults(pieces: list[bytes]) -> tuple[list[bytes], int]:
    cutter, frames, faults = deframer(), list[bytes](), 0
    for piece in pieces:
        cutter.feed(piece)
        while True:
            try:
                frame = cutter.take()
            except BadFrame:
                faults += 1
                continue
            if frame is None:
                break
            frames.append(frame)
    return frames, faults


@pytest.mark.parametrize(("word", "checksum"), [("beef", 0x92), ("0000", 0x81), ("ffff", 0xAC)])
def test_the_crc_of_sensirion_is_that_of_the_data_sheet(word: str, checksum: int) -> None:
    assert crc8(bytes.fromhex(word), polynomial=0x31, start=0xFF) == checksum


@given(st.binary(max_size=40))
def test_the_crc_of_sensirion_is_that_of_sensirions_own_library(data: bytes) -> None:
    assert crc8(data, polynomial=0x31, start=0xFF) == CrcCalculator(8, 0x31, 0xFF)(data)


@pytest.mark.parametrize(
    "frame",
    [
        "01 03 00 02 00 05 24 09",
        "01 03 0a 00 01 3d 52 00 00 00 00 09 e6 1f b4",
        "40 03 10 00 00 04 4f d8",
        "01 04 10 00 01 00 00 00 00 03 e5 03 e5 00 00 00 f8 00 ea 66 12",
    ],
)
def test_frames_of_the_manuals_carry_their_modbus_crc(frame: str) -> None:
    assert has_modbus_crc(bytes.fromhex(frame))


@given(st.binary(min_size=1, max_size=260))
def test_the_modbus_crc_is_that_of_pymodbus(data: bytes) -> None:
    assert crc16_modbus(data).to_bytes(2, "little") == FramerRTU.compute_CRC(data).to_bytes(2)


@given(st.binary(min_size=1, max_size=60), st.integers(0, 511))
def test_a_flipped_bit_breaks_the_modbus_crc(body: bytes, bit: int) -> None:
    frame = bytearray(with_modbus_crc(body))
    frame[bit // 8 % len(frame)] ^= 1 << bit % 8
    assert not has_modbus_crc(bytes(frame))


def test_nothing_has_no_modbus_crc() -> None:
    assert not has_modbus_crc(b"\xff\xff")


def test_the_xor_checksum_is_that_of_the_windsonic_manual() -> None:
    assert xor_checksum(b"Q,229,002.74,M,00,") == 0x16


def test_frames_are_cut_out_of_what_stands_around_them() -> None:
    assert frames_and_faults([b"banner\r\n<abc>12\r\n<>34"]) == ([b"<abc>12", b"<>34"], 0)


def test_a_frame_waits_for_its_trailer() -> None:
    cutter = deframer()
    cutter.feed(b"<abc>1")
    assert cutter.take() is None
    cutter.feed(b"2")
    assert cutter.take() == b"<abc>12"


def test_half_a_frame_costs_itself_alone() -> None:
    assert frames_and_faults([b"<ab<abc>12"]) == ([b"<abc>12"], 1)


def test_a_frame_that_lost_its_trailer_costs_itself_alone() -> None:
    assert frames_and_faults([b"<ab>1<abc>12"]) == ([b"<abc>12"], 1)


def test_a_frame_without_an_end_is_dropped_at_its_longest() -> None:
    assert frames_and_faults([b"<" + b"x" * 11 + b"<abc>12"]) == ([b"<abc>12"], 1)


def test_a_long_gap_without_a_start_is_a_fault() -> None:
    assert frames_and_faults([b"x" * 41 + b"<abc>12"]) == ([b"<abc>12"], 1)


def test_a_cleared_deframer_does_not_join_old_and_new() -> None:
    cutter = deframer()
    cutter.feed(b"<ab")
    cutter.clear()
    cutter.feed(b"c>12")
    assert cutter.take() is None


@given(st.lists(st.sampled_from([b"<", b">", b"a", b"1", b"<abc>12", b"\r\n"]), max_size=60))
def test_how_the_line_chops_the_bytes_changes_nothing(pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    single = [whole[at : at + 1] for at in range(len(whole))]
    assert frames_and_faults(pieces)[0] == frames_and_faults(single)[0]
    assert frames_and_faults([whole])[0] == frames_and_faults(single)[0]


@given(st.lists(st.binary(max_size=50), max_size=30))
def test_no_bytes_make_a_deframer_grow(pieces: list[bytes]) -> None:
    cutter = deframer()
    for piece in pieces:
        cutter.feed(piece)
        while True:
            try:
                if cutter.take() is None:
                    break
            except BadFrame:
                continue
        assert len(cutter) <= 12 + 2


def test_long_data_are_shown_cut() -> None:
    assert shown(bytes(100)).endswith("... (100 bytes)")


@pytest.mark.parametrize(
    ("text", "letters"),
    [
        ("0+3.14", "OqZ"),  # SDI-12 V1.4, section 4.4.12.2
        ("0r1", "Goe"),  # the rest: WXT530 user guide M211840EN
        ("0r2", "Gje"),
        ("0r3", "Kid"),
        ("0r5", "Kcd"),
        ("0r0", "Kld"),
        ("0tX,Use chksum Goe", "IU~"),
        ("0r1,Dn=000#,Dm=000#,Dx=000#,Sn=0.0#,Sm=0.0#,Sx=0.0#", "LFj"),
    ],
)
def test_the_crc_in_letters_is_that_of_the_standards(text: str, letters: str) -> None:
    assert crc16_letters(text.encode()) == letters.encode()


def lines_and_faults(pieces: list[bytes]) -> tuple[list[bytes], int]:
    cutter, lines, faults = Lines(longest=12), list[bytes](), 0
    for piece in pieces:
        cutter.feed(piece)
        while True:
            try:
                line = cutter.take()
            except BadFrame:
                faults += 1
                continue
            if line is None:
                break
            lines.append(line)
        assert len(cutter) <= 12
    return lines, faults


def test_lines_are_cut_at_their_ends() -> None:
    assert lines_and_faults([b"one\r\ntwo", b"\r", b"\n\n", b"thr"]) == (
        [b"one\r\n", b"two\r\n", b"\n"],
        0,
    )


def test_a_line_that_is_too_long_is_dropped_whole_and_told_once() -> None:
    assert lines_and_faults([b"x" * 8, b"x" * 8, b"x" * 8 + b"\ngood\n"]) == ([b"good\n"], 1)


@given(
    st.lists(st.sampled_from([b"a\n", b"0123456789\n", b"0123456789ab\n", b"x" * 30, b"\n"])),
    st.lists(st.integers(1, 9), max_size=60),
)
def test_how_the_line_chops_the_bytes_changes_no_line(pieces: list[bytes], cuts: list[int]) -> None:
    whole = b"".join(pieces)
    assert lines_and_faults(chopped(whole, cuts)) == lines_and_faults([whole])


def test_a_half_line_is_forgotten() -> None:
    cutter = Lines(longest=12)
    cutter.feed(b"hal")
    cutter.clear()
    cutter.feed(b"f\n")
    assert cutter.take() == b"f\n"


def told(pieces: list[bytes]) -> list[str]:
    """What a deframer that knows two words of a banner makes of some bytes, in order."""
    words = {b"HELLO": "hello", b"AGAIN": "again"}
    cutter = Deframer(start=b"<", end=b">", trailer=0, longest=12, longest_gap=400, resets=words)
    heard: list[str] = []
    for piece in pieces:
        cutter.feed(piece)
        while True:
            try:
                frame = cutter.take()
            except DeviceReset as reset:
                heard.append(str(reset))
                continue
            except BadFrame:
                heard.append("bad")
                continue
            if frame is None:
                break
            heard.append(frame.decode())
    return heard


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([b"<a>HELLO\r\n<b>"], ["<a>", "hello", "<b>"]),
        ([b"HEL", b"LO", b"<b>"], ["hello", "<b>"]),
        ([b"HELLO AGAIN<b>"], ["hello", "again", "<b>"]),
        ([b"HEL<b>LO"], ["<b>"]),  # a word is not put together around a frame
        ([b"<HELLO>"], ["<HELLO>"]),  # nor found inside of one
        ([b"<cutHELLO<b>"], ["bad", "hello", "<b>"]),  # power lost in the middle of a frame
        ([b"<cut and then HELLO", b" AGAIN<b>"], ["bad", "hello", "again", "<b>"]),
    ],
)
def test_a_word_of_the_banner_between_frames_is_a_reset(
    pieces: list[bytes], expected: list[str]
) -> None:
    assert told(pieces) == expected


@given(
    st.lists(st.sampled_from([b"<a>", b"HELLO", b"AGAIN", b"<cut", b"..", b"x" * 14])),
    st.lists(st.integers(1, 9), max_size=60),
)
def test_how_the_line_chops_the_bytes_changes_no_reset(
    pieces: list[bytes], cuts: list[int]
) -> None:
    whole = b"".join(pieces)
    assert told(chopped(whole, cuts)) == told([whole])


def test_a_line_that_never_starts_a_frame_is_not_kept() -> None:
    deframer = Deframer(start=b"$", end=b"\n", trailer=0, longest=90, longest_gap=400)
    tracemalloc.start()
    for _ in range(2000):
        deframer.feed(b"\xff" * 100)
        with suppress(BadFrame):
            deframer.take()
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held < 20_000
