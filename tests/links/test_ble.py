"""The BLE radio: who gets what, and a scan that comes back from everything by itself."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator, Sequence
from threading import Event, Thread
from types import SimpleNamespace

import pytest

from edge_gateway.clock import Clock, SystemClock
from edge_gateway.links.ble import LONGEST_QUEUE, BleRadio
from edge_gateway.links.bluez import Bluetooth, OnAdvert, Pattern, load_bleak
from edge_gateway.links.errors import LinkGone, Misconfigured
from tests.links.ble_air import COMPANY, DEADLINE_S, PASSER_BY, TAG, wait_until


class FakeScan:
    """A scan that a test plays by hand."""

    def __init__(self, on_advert: OnAdvert) -> None:
        self.on_advert = on_advert
        self.began = Event()
        self.fault: Exception | None = None

    async def start(self) -> None:
        self.began.set()
        if self.fault is not None:
            raise self.fault

    async def stop(self) -> None:
        raise OSError("it had died")

    def hear(self, address: str, data: bytes = b"\x05", address_type: str = "random") -> None:
        heard = SimpleNamespace(
            rssi=-60,
            manufacturer_data={COMPANY: data},
            service_data={},
            platform_data=("/dev", {"AddressType": address_type}),
        )
        self.on_advert(SimpleNamespace(address=address), heard)


class FakeBluetooth:
    """Keeps the scans it was asked for; `faults` are what the next ones fail with."""

    def __init__(self, *faults: Exception | None) -> None:
        self.scans: list[FakeScan] = []
        self.asked: list[tuple[str | None, Sequence[Pattern]]] = []
        self.faults = list(faults)

    def load(self) -> Bluetooth:
        return Bluetooth(self.scan, (OSError, TimeoutError))

    def scan(
        self, on_advert: OnAdvert, adapter: str | None, patterns: Sequence[Pattern]
    ) -> FakeScan:
        self.asked.append((adapter, patterns))
        scan = FakeScan(on_advert)
        scan.fault = self.faults.pop(0) if self.faults else None
        self.scans.append(scan)
        return scan

    def scanning(self) -> FakeScan:
        wait_until(lambda: self.scans and self.scans[-1].began.is_set())
        return self.scans[-1]


@pytest.fixture
def fake() -> FakeBluetooth:
    return FakeBluetooth()


@pytest.fixture
def radio(fake: FakeBluetooth) -> Iterator[BleRadio]:
    radio = BleRadio(SystemClock(), retry_s=0.01, load=fake.load)
    yield radio
    radio.close()


def test_a_listener_gets_all_of_an_advert(radio: BleRadio, fake: FakeBluetooth) -> None:
    listener = radio.listen(TAG.lower())
    fake.scanning().hear(TAG, b"\x05\x01")
    advert = listener.read(DEADLINE_S)
    assert advert is not None
    assert (advert.address, advert.rssi_dbm, advert.address_type) == (TAG, -60, "random")
    assert (advert.manufacturer_data, advert.service_data) == ({COMPANY: b"\x05\x01"}, {})


def test_adverts_are_timed_by_the_clock_that_was_passed_in(
    frozen: Clock, fake: FakeBluetooth
) -> None:
    radio = BleRadio(frozen, load=fake.load)
    listener = radio.listen(TAG)
    frozen.sleep(2.5)
    fake.scanning().hear(TAG)
    advert = listener.read(DEADLINE_S)
    radio.close()
    assert advert is not None
    assert advert.heard_s == pytest.approx(3.5)  # the frozen clock begins at one second


def test_two_listeners_to_one_address_both_get_it(radio: BleRadio, fake: FakeBluetooth) -> None:
    listeners = [radio.listen(TAG), radio.listen(TAG)]
    fake.scanning().hear(TAG)
    assert all(listener.read(DEADLINE_S) for listener in listeners)


def test_all_share_one_scan_in_one_thread(radio: BleRadio, fake: FakeBluetooth) -> None:
    for address in (TAG, PASSER_BY):
        radio.listen(address)
    fake.scanning()
    assert len(fake.scans) == 1


def test_whoever_was_not_asked_for_is_dropped_at_once(
    radio: BleRadio, fake: FakeBluetooth, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    listener = radio.listen(TAG)
    fake.scanning().hear(PASSER_BY)
    assert listener.read(0.0) is None
    assert PASSER_BY not in repr(vars(radio)) + caplog.text


def test_nothing_heard_in_time_is_none(radio: BleRadio) -> None:
    assert radio.listen(TAG).read(0.01) is None


def test_what_nobody_reads_is_kept_up_to_a_bound_newest_last(
    radio: BleRadio, fake: FakeBluetooth
) -> None:
    listener = radio.listen(TAG)
    scan = fake.scanning()
    for count in range(LONGEST_QUEUE + 5):
        scan.hear(TAG, bytes((count,)))
    got = [listener.read(0.0) for _ in range(LONGEST_QUEUE + 1)]
    counts = [advert.manufacturer_data[COMPANY][0] for advert in got if advert is not None]
    assert counts == list(range(5, LONGEST_QUEUE + 5))


def test_the_scan_goes_on_when_one_of_two_stops_listening(
    radio: BleRadio, fake: FakeBluetooth
) -> None:
    first, second = radio.listen(TAG), radio.listen(TAG)
    first.close()
    fake.scanning().hear(TAG)
    assert second.read(DEADLINE_S)
    with pytest.raises(LinkGone, match="was closed"):
        first.read(0.0)


@pytest.mark.parametrize("close", [BleRadio.close, None])
def test_closing_ends_a_read_that_waits(
    radio: BleRadio, close: Callable[[BleRadio], None] | None
) -> None:
    listener = radio.listen(TAG)
    ended = Event()

    def read() -> None:
        with pytest.raises(LinkGone, match="was closed"):
            listener.read(DEADLINE_S)
        ended.set()

    Thread(target=read, daemon=True).start()
    if close is None:
        listener.close()
    else:
        close(radio)
    assert ended.wait(DEADLINE_S)


def test_after_closing_nobody_can_listen(radio: BleRadio) -> None:
    radio.close()
    radio.close()
    with pytest.raises(LinkGone, match="was closed"):
        radio.listen(TAG)


def test_a_scan_that_cannot_begin_is_told_and_tried_again() -> None:
    fake = FakeBluetooth(OSError("no adapter"), OSError("no adapter"))
    radio = BleRadio(SystemClock(), "hci1", retry_s=0.01, load=fake.load)
    listener = radio.listen(TAG)
    with pytest.raises(LinkGone, match=r"hci1 cannot scan \(no adapter\): .*rfkill"):
        listener.read(DEADLINE_S)
    wait_until(lambda: len(fake.scans) == 3 and not radio.trouble)
    fake.scanning().hear(TAG)
    assert listener.read(DEADLINE_S)
    radio.close()


def test_a_bug_in_the_scan_is_told_and_the_next_listener_begins_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def quiet(_: object) -> None:
        """Of what is expected nothing is printed."""

    monkeypatch.setattr("threading.excepthook", quiet)
    fake = FakeBluetooth(ZeroDivisionError())
    radio = BleRadio(SystemClock(), load=fake.load)
    with pytest.raises(LinkGone, match="has ended"):
        radio.listen(TAG).read(DEADLINE_S)
    wait_until(lambda: radio.trouble)
    listener = radio.listen(TAG)
    wait_until(lambda: len(fake.scans) == 2)
    fake.scanning().hear(TAG)
    assert listener.read(DEADLINE_S)
    radio.close()


def test_without_bleak_a_device_is_misconfigured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "bleak", None)
    radio = BleRadio(SystemClock())
    for _ in range(2):
        with pytest.raises(Misconfigured, match=r"bleak: pip install 'edge-gateway\[ble\]'"):
            radio.listen(TAG)
    radio.close()


def test_bleak_is_kept_from_logging_what_it_hears() -> None:
    pytest.importorskip("bleak", reason="the extra ble is not installed")
    load_bleak()
    for name in ("bleak.backends.bluezdbus.manager", "dbus_fast.message_bus"):
        assert not logging.getLogger(name).isEnabledFor(logging.DEBUG)
