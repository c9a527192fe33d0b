"""Serves /dev/i2c-1 to another program: umockdev-wrapper /usr/bin/python3 umockdev_bed.py CMD...

Runs under Debian's own Python, which has PyGObject, and imports nothing of the gateway. The chips
answer by the data sheet SHT4x: 25 degC, 56.5 %RH at 0x44; at 0x45 the second half is missing; at
0x46 a chip holds the bus.
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


class Bus(UMockdev.IoctlBase):
    """Carries out I2C_RDWR on the chips."""

    def __init__(self) -> None:
        super().__init__()
        self.measured: set[int] = set()

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
                data.update(0, self.read(address)[:length])
            else:
                self.write(address, bytes(data.retrieve()))
        return int(count)

    def write(self, address: int, data: bytes) -> None:
        if address == STUCK:
            raise OSError(errno.ETIMEDOUT, "SCL held low")
        if address not in ANSWERS or data != MEASURE:
            raise OSError(errno.EREMOTEIO, "no acknowledge")
        self.measured.add(address)

    def read(self, address: int) -> bytes:
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
