"""What drivers recognise by: any bytes give a sighting or nothing, and settings that are valid."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_gateway.drivers import registry
from edge_gateway.drivers.contract import Advert, Listening
from edge_gateway.drivers.formats import bthome, pvvx, ruuvi
from edge_gateway.links.errors import BadFrame, DeviceSilent, LinkGone, Misconfigured

FOUR = (BadFrame, DeviceSilent, LinkGone, Misconfigured)
TALKERS = [name for name in registry.built_in_names() if registry.load(name).bauds]
SLAVES = [name for name in registry.built_in_names() if registry.load(name).modbus_lines]

# Bytes alone never come near a frame; these make some that do.
PIECES = st.sampled_from(
    [
        b"\x02Q,229,002.74,M,00,\x0316\r\n",
        b"$WIMWV,350.0,R,5.1,M,A*22\r\n",
        b"0R1,Dm=283D,Sm=1.0M\r\n",
    ]
)
HEARD = st.lists(st.binary(max_size=40) | PIECES | st.sampled_from([b"\r\n", b"$", b"\x02"])).map(
    b"".join
)


class AnyRegisters:
    """A slave whose registers hold what a test draws."""

    def __init__(self, words: list[int]) -> None:
        self._words = words

    def read_holding(self, unit: int, first: int, count: int) -> tuple[int, ...]:
        del unit
        return tuple(self._words[(first + at) % len(self._words)] for at in range(count))

    read_input = read_holding

    def close(self) -> None:
        pass


@pytest.mark.parametrize("name", TALKERS)
@given(heard=HEARD, question=st.sampled_from([b"", b"Q", b"0R0\r\n"]))
def test_any_talk_gives_a_valid_sighting_or_none(name: str, heard: bytes, question: bytes) -> None:
    driver = registry.load(name)
    with suppress(*FOUR):
        sighting = driver.recognise_line(Listening(heard, 2.5, question))
        if sighting is not None:
            table = {"id": "a", "driver": name, "port": "/dev/ttyUSB0", **sighting.settings}
            driver.config_model.model_validate(table)


@pytest.mark.parametrize("name", SLAVES)
@given(words=st.lists(st.integers(0, 0xFFFF) | st.sampled_from([1, 100, 617]), min_size=1))
def test_any_registers_give_a_valid_sighting_or_none(name: str, words: list[int]) -> None:
    driver = registry.load(name)
    with suppress(*FOUR):
        sighting = driver.recognise_slave(AnyRegisters(words), 1)
        if sighting is not None:
            table = {"id": "a", "driver": name, "port": "/dev/ttyUSB0", **sighting.settings}
            driver.config_model.model_validate(table)


@given(
    made=st.dictionaries(st.sampled_from([ruuvi.COMPANY, 0x004C]), st.binary(max_size=30)),
    said=st.dictionaries(
        st.sampled_from([bthome.SERVICE, pvvx.SERVICE]), st.binary(max_size=30), max_size=2
    ),
)
def test_any_advertisement_gives_a_valid_sighting_or_none(
    made: dict[int, bytes], said: dict[str, bytes]
) -> None:
    driver = registry.load("ble_adv")
    address = "CB:B8:33:4C:88:4F"
    with suppress(*FOUR):
        sighting = driver.recognise_advert(Advert(address, -60, made, said, 0.0))
        if sighting is not None:
            table = {"id": "a", "driver": "ble_adv", "address": address, **sighting.settings}
            driver.config_model.model_validate(table)


@pytest.mark.parametrize("name", registry.built_in_names())
def test_no_question_and_no_talker_puts_a_windsonic_to_silence(name: str) -> None:
    assert not any(b"*" in question for question in registry.load(name).questions)
