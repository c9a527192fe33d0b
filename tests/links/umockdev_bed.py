"""Serves /dev/i2c-1 to another program: umockdev-wrapper /usr/bin/python3 umockdev_bed.py CMD...

Runs under Debian's own Python, which has PyGObject, and imports nothing of the gateway. The chips
answer by the data sheet SHT4x: 25 degC, 56.5 %RH at 0x44; at 0x45 the second half is missing; at
0x46 a chip holds the bus. At 0x76 are the registers of a BME280 that measures 25.08 degC,
1006.5 hPa and 55.36 %RH; the one at 0x77 forgets its settings each time it has measured.
"""

from __future__ import annotations

import errno
import struct
import subprocess
import sys
from threading import Thread

# PyGObject is Debian's, never in the virtual environment.
import gi  # pyright: ignore[reportMissingModuleSource]

gi.require_version("UMockdev", "1.0")
gi.require_version("GLib", "2.0")
# The versions are chosen first.
from gi.repository import GLib, UMockdev  # noqa: E402  # pyright: ignore[reportMissingModuleSource]

I2C_FUNCS, I2C_RDWR = 0x705, 0x707  # linux/i2c-dev.h
I2C_FUNC_I2C = 0x00000001
I2C_M_RD = 0x0001
DEVICE = """P: /devices/pci0/i2c-1/i2c-dev/i2c-1
N: i2c-1
E: DEVNAME=/dev/i2c-1
E: SUBSYSTEM=i2c-dev
E: MAJOR=89
E: MINOR=1
A: name=simulated\\n

"""
MEASURE = b"\xfd"
STUCK = 0x46
ANSWERS = {0x44: bytes.fromhex("666693 7fff8f"), 0x45: bytes.fromhex("666693 ffffff")}
# Registers of a BME280 from 0x88, 0xE1 and 0xF7.
BME280 = {
    0x88: bytes.fromhex("706b436718fc7d8e43d6d00b270b8c00f9ff8c3cf8c67017004b"),
    0xD0: b"\x60",
    0xE1: bytes.fromhex("6a01001328031e"),
    0xF7: bytes.fromhex("800000 800000 8000"),
}
MEASURED = bytes.fromhex("655ac07eed007530")
FORGETFUL = 0x77


class Registers:
    """A BME280 at this address of the bus."""

    def __init__(self, address: int) -> None:
        self.forgets = address == FORGETFUL
        self.register = 0
        self.reset()

    def reset(self) -> None:
        """As after power-up."""
        self.held = bytearray(256)
        for register, data in BME280.items():
            self.held[register : register + len(data)] = data

    def write(self, data: bytes) -> None:
        """Register and value, or the register alone."""
        self.register = data[0]
        if data[0] == 0xE0:
            self.reset()
        elif len(data) > 1:
            self.held[data[0]] = data[1]
        if data[:2] == b"\xf4\x25":
            if self.forgets:
                self.reset()
            self.held[0xF4] = 0x24
            self.held[0xF7:0xFF] = MEASURED

    def read(self, count: int) -> bytes:
        """From the register on."""
        return bytes(self.held[self.register : self.register + count])


class Bus(UMockdev.IoctlBase):
    """Carries out I2C_RDWR on the chips."""

    def __init__(self) -> None:
        super().__init__()
        self.measured: set[int] = set()
        self.registers = {address: Registers(address) for address in (0x76, FORGETFUL)}

    def do_handle_ioctl(self, client: UMockdev.IoctlClient) -> bool:
        try:
            client.complete(self.carried_out(client), 0)
        except OSError as error:
            client.complete(-1, error.errno or errno.EIO)
        return True

    def carried_out(self, client: UMockdev.IoctlClient) -> int:
        request, argument = client.get_request() & 0xFFFFFFFF, client.get_arg()
        if request == I2C_FUNCS:
            argument.resolve(0, 8).update(0, struct.pack("L", I2C_FUNC_I2C))
            return 0
        if request != I2C_RDWR:
            raise OSError(errno.ENOTTY, "not simulated")
        transfer = argument.resolve(0, 16)
        (count,) = struct.unpack("=8xI4x", bytes(transfer.retrieve()))
        messages = transfer.resolve(0, 16 * count)
        heads = bytes(messages.retrieve())
        for at in range(0, 16 * count, 16):
            address, flags, length = struct.unpack_from("=HHH", heads, at)
            data = messages.resolve(at + 8, length)
            if flags & I2C_M_RD:
                data.update(0, self.read(address, length)[:length])
            else:
                self.write(address, bytes(data.retrieve()))
        return int(count)

    def write(self, address: int, data: bytes) -> None:
        if address in self.registers:
            self.registers[address].write(data)
            return
        if address == STUCK:
            raise OSError(errno.ETIMEDOUT, "SCL held low")
        if address not in ANSWERS or data != MEASURE:
            raise OSError(errno.EREMOTEIO, "no acknowledge")
        self.measured.add(address)

    def read(self, address: int, count: int) -> bytes:
        if address in self.registers:
            return self.registers[address].read(count)
        if address not in self.measured:
            raise OSError(errno.EREMOTEIO, "no acknowledge")
        self.measured.remove(address)
        return ANSWERS[address]


def main() -> int:
    """Run the command on the bed and pass its exit code on."""
    bed = UMockdev.Testbed.new()
    bed.add_from_string(DEVICE)
    bed.attach_ioctl("/dev/i2c-1", Bus())
    loop = GLib.MainLoop()
    codes: list[int] = []

    def run() -> None:
        codes.append(subprocess.run(sys.argv[1:], check=False).returncode)
        loop.quit()

    command = Thread(target=run)
    command.start()
    loop.run()
    command.join()
    return codes[0]


if __name__ == "__main__":
    sys.exit(main())
