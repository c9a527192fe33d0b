"""A talk that was recorded says the same again, and a driver that strays from it is told where."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.links.contract import Advert
from edge_gateway.links.errors import DeviceSilent, LinkGone, Misconfigured
from edge_gateway.links.recorded import (
    Notebook,
    RecordedI2c,
    RecordedRadio,
    RecordedStream,
    RecordedW1,
)
from edge_gateway.links.replayed import (
    ReplayedI2c,
    ReplayedRadio,
    ReplayedStream,
    ReplayedW1,
    Script,
    TalkClock,
    TalkOver,
)
from edge_gateway.links.talk import BadTalk, Medium, parse
from edge_gateway.reading import Quantity

TAG, PASSER_BY = "CB:B8:33:4C:88:4F", "11:22:33:44:55:66"
SERVICE = "0000fcd2-0000-1000-8000-00805f9b34fb"


class Echo:
    """A stream that answers what was sent, and then nothing."""

    def __init__(self) -> None:
        self.waiting = b""

    def read(self, at_most: int, timeout_s: float) -> bytes:
        assert timeout_s > 0
        data, self.waiting = self.waiting[:at_most], self.waiting[at_most:]
        return data

    def write(self, data: bytes) -> None:
        if data == b"unplug":
            raise LinkGone("unplugged")
        self.waiting += data

    def discard_input(self) -> None:
        self.waiting = b""

    def close(self) -> None:
        pass


class Memory:
    """A chip at 0x44 that gives back what was written; nobody else answers."""

    def __init__(self) -> None:
        self.kept = b""

    def write(self, address: int, data: bytes) -> None:
        if address != 0x44:
            raise DeviceSilent("nothing acknowledges # here")
        self.kept = data

    def read(self, address: int, count: int) -> bytes:
        if address != 0x44:
            raise Misconfigured("no permission")
        return self.kept[:count]

    def write_read(self, address: int, data: bytes, count: int) -> bytes:
        self.write(address, data)
        return self.read(address, count)

    def close(self) -> None:
        pass


class Slaves:
    """A 1-Wire bus whose slave says what it was given; another one is not there."""

    def __init__(self, text: bytes) -> None:
        self.text = text

    def read(self, slave: str) -> bytes:
        if slave != "28-0316a2795bff":
            raise LinkGone("not on the bus")
        return self.text

    def close(self) -> None:
        pass


class Air:
    """A radio that mixes up what it hears: every listener gets all of it."""

    def __init__(self, *heard: Advert | None) -> None:
        self.heard = list(heard)

    def listen(self, address: str) -> Air:
        del address
        return self

    def read(self, timeout_s: float) -> Advert | None:
        del timeout_s
        if not self.heard:
            raise LinkGone("adapter gone")
        return self.heard.pop(0)

    def close(self) -> None:
        pass


def advert(address: str, companies: dict[int, bytes], services: dict[str, bytes]) -> Advert:
    return Advert(address, -62, companies, services, 1.25, "random")


def notebook(file: io.StringIO) -> Notebook:
    return Notebook(file, lambda: 1.25)


def script(text: str | io.StringIO, medium: Medium) -> Script:
    written = text if isinstance(text, str) else text.getvalue()
    return Script(parse(written.splitlines(), medium).turns, TalkClock())


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5))
def test_a_recorded_stream_says_the_same_again(sent: list[bytes]) -> None:
    file = io.StringIO()
    stream = RecordedStream(Echo(), notebook(file))
    for data in sent:
        stream.write(data)
        assert stream.read(100, 1.0) == data
    assert stream.read(100, 1.0) == b""
    again = ReplayedStream(script(file, "serial"))
    for data in sent:
        again.write(data)
        assert again.read(100, 1.0) == data
    assert again.read(100, 1.0) == b""
    with pytest.raises(TalkOver):
        again.read(1, 1.0)


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=5))
def test_a_recorded_bus_says_the_same_again(sent: list[bytes]) -> None:
    file = io.StringIO()
    bus = RecordedI2c(Memory(), notebook(file))
    for data in sent:
        bus.write(0x44, data)
        bus.read(0x44, len(data))
    again = ReplayedI2c(script(file, "i2c"))
    for data in sent:
        again.write(0x44, data)
        assert again.read(0x44, len(data)) == data


@given(
    st.binary(min_size=1, max_size=80)
    | st.text("0123456789abcdef :=tYESNO\n#", min_size=1, max_size=80).map(str.encode)
)
def test_a_recorded_slave_file_says_the_same_again(text: bytes) -> None:
    file = io.StringIO()
    RecordedW1(Slaves(text), notebook(file)).read("28-0316a2795bff")
    assert ReplayedW1(script(file, "w1")).read("28-0316a2795bff") == text


@given(
    st.dictionaries(st.integers(0, 0xFFFF), st.binary(max_size=31), max_size=3),
    st.dictionaries(
        st.uuids().map(str) | st.just(SERVICE) | st.just("0000181a-0000-1000-8000-00805f9b34fb"),
        st.binary(max_size=31),
        max_size=3,
    ),
    st.integers(-127, 20),
    st.sampled_from(["public", "random", ""]),
)
def test_a_recorded_advertisement_says_the_same_again(
    companies: dict[int, bytes], services: dict[str, bytes], rssi_dbm: int, kind: str
) -> None:
    heard = Advert(TAG, rssi_dbm, companies, services, 1.25, kind)
    file = io.StringIO()
    adverts = RecordedRadio(Air(heard, None), TAG, notebook(file)).listen(TAG)
    assert adverts.read(1.0) is heard
    assert adverts.read(1.0) is None
    again = ReplayedRadio(script(file, "ble")).listen(TAG)
    assert again.read(1.0) == heard
    assert again.read(1.0) is None


def test_a_slave_file_is_kept_as_its_lines() -> None:
    text = (
        b"91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n91 01 4b 46 7f ff 0f 10 25 t=25062\n"  # w1_therm
    )
    file = io.StringIO()
    RecordedW1(Slaves(text), notebook(file)).read("28-0316a2795bff")
    assert file.getvalue() == (
        "1.250 < 28-0316a2795bff 91 01 4b 46 7f ff 0f 10 25 : crc=25 YES\n"
        "1.250 + 91 01 4b 46 7f ff 0f 10 25 t=25062\n"
    )


def test_no_other_address_ever_stands_in_a_recording() -> None:
    mine = advert(TAG, {0x0499: b"\x05"}, {})
    other = advert(PASSER_BY, {0x004C: b"\x12\x02"}, {})
    file = io.StringIO()
    radio = RecordedRadio(Air(other, mine, other), TAG.lower(), notebook(file))
    adverts = radio.listen(TAG)
    assert [adverts.read(1.0) for _ in range(3)] == [other, mine, other]
    assert radio.listen(PASSER_BY).read is not None
    assert file.getvalue() == (f"1.250 < {TAG} -62 dBm random\n1.250 + manufacturer 0499 05\n")


def test_a_listener_to_another_device_is_not_recorded() -> None:
    file = io.StringIO()
    radio = RecordedRadio(Air(advert(PASSER_BY, {}, {})), TAG, notebook(file))
    assert radio.listen(PASSER_BY).read(1.0) is not None
    assert file.getvalue() == ""


def test_a_register_that_was_asked_for_is_asked_for_again() -> None:
    file = io.StringIO()
    RecordedI2c(Memory(), notebook(file)).write_read(0x44, b"\xd0", 1)
    again = ReplayedI2c(script(file, "i2c"))
    assert again.write_read(0x44, b"\xd0", 1) == b"\xd0"


def test_what_the_bus_raised_on_a_write_is_raised_on_that_write() -> None:
    file = io.StringIO()
    bus = RecordedI2c(Memory(), notebook(file))
    with pytest.raises(DeviceSilent):
        bus.write(0x45, b"\xfd")
    again = ReplayedI2c(script(file, "i2c"))
    with pytest.raises(DeviceSilent, match="nothing acknowledges"):
        again.write(0x45, b"\xfd")


def test_what_the_bus_raised_on_a_read_leaves_the_write_before_it_alone() -> None:
    again = ReplayedI2c(script("0.0 > 44 fd\n0.1 ! 44 silent: still converts", "i2c"))
    again.write(0x44, b"\xfd")
    with pytest.raises(DeviceSilent, match="still converts"):
        again.read(0x44, 6)


def test_a_missing_permission_comes_back_as_itself() -> None:
    file = io.StringIO()
    with pytest.raises(Misconfigured):
        RecordedI2c(Memory(), notebook(file)).read(0x50, 1)
    with pytest.raises(Misconfigured, match="no permission"):
        ReplayedI2c(script(file, "i2c")).read(0x50, 1)


def test_a_register_that_nobody_gave_is_not_given_again() -> None:
    file = io.StringIO()
    with pytest.raises(DeviceSilent):
        RecordedI2c(Memory(), notebook(file)).write_read(0x50, b"\x00", 1)
    with pytest.raises(DeviceSilent):
        ReplayedI2c(script(file, "i2c")).write_read(0x50, b"\x00", 1)


def test_a_slave_that_was_away_is_away_again() -> None:
    file = io.StringIO()
    with pytest.raises(LinkGone):
        RecordedW1(Slaves(b""), notebook(file)).read("28-000000000000")
    with pytest.raises(LinkGone, match="not on the bus"):
        ReplayedW1(script(file, "w1")).read("28-000000000000")


def test_an_adapter_that_was_away_is_away_again() -> None:
    file = io.StringIO()
    with pytest.raises(LinkGone):
        RecordedRadio(Air(), TAG, notebook(file)).listen(TAG).read(1.0)
    with pytest.raises(LinkGone, match="adapter gone"):
        ReplayedRadio(script(file, "ble")).listen(TAG).read(1.0)


def test_a_write_to_a_line_that_has_gone_is_kept_in_the_talk() -> None:
    file = io.StringIO()
    with pytest.raises(LinkGone):
        RecordedStream(Echo(), notebook(file)).write(b"unplug")
    with pytest.raises(LinkGone, match="unplugged"):
        ReplayedStream(script(file, "serial")).write(b"unplug")


def test_a_driver_that_sends_something_else_is_told_the_line() -> None:
    stream = ReplayedStream(script("# a talk\n0.000 > 01 03", "serial"))
    with pytest.raises(BadTalk, match="line 2: the driver sent 01 04"):
        stream.write(b"\x01\x04")


def test_a_driver_that_reads_another_number_of_bytes_is_told_the_line() -> None:
    with pytest.raises(BadTalk, match="line 1: the driver reads 6 bytes"):
        ReplayedI2c(script("0.000 < 44 66 66 93", "i2c")).read(0x44, 6)


def test_a_driver_that_asks_another_slave_is_told_the_line() -> None:
    with pytest.raises(BadTalk, match="line 1: the driver reads from 28-ff"):
        ReplayedW1(script("0.000 < 28-00 a", "w1")).read("28-ff")


def test_received_bytes_keep_their_chunks() -> None:
    stream = ReplayedStream(script("0.1 < 01 02\n0.2 < 03", "serial"))
    assert [stream.read(1, 1), stream.read(9, 1), stream.read(9, 1)] == [b"\x01", b"\x02", b"\x03"]


def test_bytes_that_were_never_read_are_skipped_before_the_next_request() -> None:
    stream = ReplayedStream(script("0.1 < 01 02\n0.2 > 05\n0.3 < 06", "serial"))
    stream.write(b"\x05")
    assert stream.read(9, 1) == b"\x06"


def test_a_lost_link_is_kept_in_the_talk() -> None:
    stream = ReplayedStream(script("0.1 ! gone: unplugged", "serial"))
    with pytest.raises(LinkGone, match="unplugged"):
        stream.read(1, 1)


def test_the_clock_of_a_talk_goes_with_its_turns_and_its_waits() -> None:
    talk = script("0.5 < 01\n0.7 .\n9.0 > 02", "serial")
    stream = ReplayedStream(talk)
    seconds: list[float] = []
    for _ in range(3):
        stream.read(1, 0.25)
        seconds.append(round(talk.clock.now().monotonic_ns / 1e9, 3))
    assert seconds == [0.5, 0.75, 1.0]


def test_what_a_driver_made_stands_behind_what_passed() -> None:
    file = io.StringIO()
    book = notebook(file)
    book.made({Quantity.AIR_TEMPERATURE: 25.0, Quantity.RELATIVE_HUMIDITY: 56.4994})
    book.made({})
    book.made(DeviceSilent("no # byte"))
    assert file.getvalue().splitlines() == [
        "1.250 = air_temperature 25.000 Cel",
        "1.250 + relative_humidity 56.499 %RH",
        "1.250 = nothing",
        "1.250 = DeviceSilent: no byte",
    ]


def test_nothing_is_written_behind_the_end() -> None:
    file = io.StringIO()
    book = notebook(file)
    book.end()
    book.received(b"\x01")
    assert file.getvalue() == ""
