"""Our master against pymodbus's real RTU server, over two pseudo-terminals and a relay."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymodbus.server import ModbusSerialServer
from pymodbus.simulator import DataType, SimData, SimDevice

from edge_gateway.clock import SystemClock
from edge_gateway.drivers.hukseflux import Hukseflux, HuksefluxConfig
from edge_gateway.drivers.kipp_smp import KippSmp, KippSmpConfig
from edge_gateway.drivers.modbus_profile import ModbusProfile, ModbusProfileConfig
from edge_gateway.links.errors import Misconfigured
from edge_gateway.links.modbus import ModbusLine
from edge_gateway.links.serial import SerialPort
from edge_gateway.reading import Measurand, Quantity
from edge_gateway.twins.pty_line import PtyLine

# Registers 0-6 of an SR05 by day (devices.md 2.3), and an SMP's input registers (2.4).
HOLDING = [1, 5, 0x0001, 0x3D52, 0, 0, 0x09E6]
INPUT = [617, 102, 1, 0, 0, 997, 997, 0, 248, 234]


def serve(path: str, ready: Event, stop: Event) -> None:
    """Run the server until stopped, in a loop of its own."""

    async def run() -> None:
        coils = SimData(0, count=1, values=False, datatype=DataType.BITS)
        holding = SimData(0, values=HOLDING, datatype=DataType.REGISTERS)
        inputs = SimData(0, values=INPUT, datatype=DataType.REGISTERS)
        device = SimDevice(1, simdata=([coils], [coils], [holding], [inputs]))
        server = ModbusSerialServer(device, port=path, baudrate=19200, parity="N")
        await server.serve_forever(background=True)
        ready.set()
        await asyncio.to_thread(stop.wait)
        await server.shutdown()

    asyncio.run(run())


def relay(here: PtyLine, there: PtyLine, stop: Event) -> None:
    while not stop.is_set():
        there.write(here.read(0.2))


@pytest.fixture(scope="module")
def master() -> Iterator[ModbusLine]:
    ours, theirs, ready, stop = PtyLine(), PtyLine(), Event(), Event()
    threads = [
        Thread(target=serve, args=(theirs.path, ready, stop)),
        Thread(target=relay, args=(ours, theirs, stop)),
        Thread(target=relay, args=(theirs, ours, stop)),
    ]
    for thread in threads:
        thread.start()
    assert ready.wait(10)
    line = ModbusLine(SerialPort(ours.path, 19200), SystemClock())
    yield line
    line.close()
    stop.set()
    for pty in (ours, theirs):
        pty.wake()
    for thread in threads:
        thread.join(10)
    for pty in (ours, theirs):
        pty.close()


def test_the_driver_reads_what_the_server_holds(master: ModbusLine) -> None:
    config = HuksefluxConfig(id="sun", driver="hukseflux", port="/dev/null")
    measured = Hukseflux(config, master, SystemClock()).read()
    assert measured == {
        Quantity.GLOBAL_IRRADIANCE: pytest.approx(812.34),
        Quantity.BODY_TEMPERATURE: pytest.approx(25.34),
    }


def test_an_smp_is_read_as_the_server_holds_it(master: ModbusLine) -> None:
    config = KippSmpConfig(id="sun", driver="kipp_smp", port="/dev/null")
    assert KippSmp(config, master, SystemClock()).read() == {
        Quantity.GLOBAL_IRRADIANCE: 997.0,
        Quantity.BODY_TEMPERATURE: pytest.approx(24.8),
        Quantity.SUPPLY_VOLTAGE: pytest.approx(23.4),
    }


def test_a_register_map_reads_the_same_from_the_server(master: ModbusLine, tmp_path: Path) -> None:
    path = tmp_path / "both.toml"
    path.write_text("""
        title = "an SR05 and an SMP in one"
        baud = 19200
        parity = "E"
        [[register]]
        quantity = "global_irradiance"
        channel = "sr05"
        function = 3
        address = 2
        type = "s32"
        scale = 0.01
        valid = [-50, 2000]
        [[register]]
        quantity = "body_temperature"
        function = 4
        address = 8
        type = "s16"
        scale = 0.1
        valid = [-40, 80]
        [[register]]
        quantity = "global_irradiance"
        channel = "smp"
        function = 4
        address = 5
        type = "s16"
        valid = [-50, 4000]
    """)
    config = ModbusProfileConfig.model_validate(
        {"id": "any", "driver": "modbus_profile", "port": "/dev/null", "profile_file": path}
    )
    assert ModbusProfile(config, master, SystemClock()).read() == {
        Measurand(Quantity.GLOBAL_IRRADIANCE, "sr05"): pytest.approx(812.34),
        Quantity.BODY_TEMPERATURE: pytest.approx(24.8),
        Measurand(Quantity.GLOBAL_IRRADIANCE, "smp"): 997.0,
    }


# One line for all examples is the point: no answer may be taken for the next one.
@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_span_of_registers_comes_as_it_is(master: ModbusLine, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, len(INPUT) - 1))
    count = data.draw(st.integers(1, len(INPUT) - first))
    assert master.read_input(1, first, count) == tuple(INPUT[first : first + count])


def test_registers_the_server_does_not_have_are_a_wrong_setting(master: ModbusLine) -> None:
    with pytest.raises(Misconfigured, match="exception 2"):
        master.read_holding(1, 400, 2)
