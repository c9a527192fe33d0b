"""Battery sensors that advertise the scene's weather: RuuviTag, BTHome, pvvx and atc1441."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import ClassVar, Protocol

from cryptography.hazmat.primitives.ciphers.aead import AESCCM

from edge_gateway.drivers.formats import bthome, pvvx, ruuvi
from edge_gateway.twins.faults import Faults, flipped
from edge_gateway.twins.powered import Powered
from edge_gateway.twins.weather import Seconds, Weather, WeatherScene, stopwatch

PRESSURE_PA = 100_830.0
BATTERY_V, BATTERY_LEVEL = 2.977, 88.0
DEW_POINT_CEL, RAIN_MM = 9.5, 12.7
LX_PER_W_M2 = 110.0  # daylight
RSSI_DBM = -62
SATURATED_RH = 120.0
FIRST_COUNT = 1000  # as if it had run for a while: a lower count is seen to be one
UNKNOWN_OBJECT = b"\xee\x01"
INSIDE_OBJECTS = (2, 4, 6, 7)  # bytes: in the packet id, the battery level, the temperature


@dataclass(frozen=True, slots=True)
class Beacon:
    """One advertisement on the air. Service data goes by 128-bit UUID in lower case."""

    address: str
    manufacturer_data: Mapping[int, bytes] = field(default_factory=dict[int, bytes])
    service_data: Mapping[str, bytes] = field(default_factory=dict[str, bytes])
    rssi_dbm: int = RSSI_DBM
    address_type: str = "random"


class Air(Protocol):
    """Whatever carries advertisements to those who listen."""

    def advertise(self, beacon: Beacon) -> None:
        """Send one; lost where nobody scans."""
        ...


class BleSensor(Powered):
    """A sensor that measures and advertises every `interval_s`, in a thread of its own.

    Or call `advertise` for one step. `stale` repeats the last
    advertisement, `half_frame` cuts it, `reset` begins to count anew. `noise`, where a format can
    tell it from numbers, garbles it: on the air the radio's own checksum keeps noise away.
    """

    FAULTS: ClassVar[Sequence[str]] = ("silent", "half_frame", "stale", "reset")

    def __init__(
        self,
        air: Air,
        address: str,
        scene: WeatherScene,
        *,
        interval_s: float = 1.0,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        super().__init__()
        self.address = address
        self.faults = Faults(self.FAULTS, chance)
        self.count = FIRST_COUNT
        self._air = air
        self._scene = scene
        self._interval_s = interval_s
        self._seconds = seconds or stopwatch()
        self._last = b""

    def fail(self, kind: str, times: int = 1) -> None:
        """Have a fault of `FAULTS` for the next `times` advertisements."""
        self.faults.order(kind, times)

    def advertise(self) -> None:
        """Measure and send one advertisement."""
        take = self.faults.take
        if take("silent"):
            return
        if take("stale") and self._last:
            self._air.advertise(self.beacon(self._last))
            return
        self.count = 1 if take("reset") else self.count + 1
        data = self.payload(self._scene.at(self._seconds()))
        if take("half_frame"):
            data = data[: self.half(data)]
        elif "noise" in self.FAULTS and take("noise"):
            data = bytes((data[0] ^ 0xA5,)) + self.faults.chance.randbytes(len(data) - 1)
        else:
            self._last = data
        self._air.advertise(self.beacon(data))

    def half(self, data: bytes) -> int:
        """How many bytes a cut leaves, half at most: 13 of pvvx would be all of an atc1441."""
        return self.faults.chance.randrange(1, len(data) // 2)

    @abstractmethod
    def payload(self, weather: Weather) -> bytes:
        """The data of an advertisement, with the faults that are this sensor's own."""

    @abstractmethod
    def beacon(self, data: bytes) -> Beacon:
        """Put data where this sensor's advertisements have it."""

    def run(self) -> None:
        """Advertise until stopped."""
        while not self.stopped.is_set():
            self.advertise()
            self.stopped.wait(self._interval_s)


class RuuviTwin(BleSensor):
    """A RuuviTag. `nan` gives the codes for "not available", `saturated` 120 %RH."""

    FAULTS: ClassVar[Sequence[str]] = (*BleSensor.FAULTS, "noise", "nan", "saturated")

    def payload(self, weather: Weather) -> bytes:
        """Data format 5."""
        mac = bytes.fromhex(self.address.replace(":", ""))
        if self.faults.take("nan"):
            unknown = (ruuvi.NO_TEMPERATURE, ruuvi.NO_HUMIDITY, ruuvi.NO_PRESSURE)
            still = (ruuvi.NO_TEMPERATURE,) * 3
            return ruuvi.LAYOUT.pack(5, *unknown, *still, 0xFFFF, 0xFF, self.count & 0xFFFF, mac)
        rh = SATURATED_RH if self.faults.take("saturated") else weather.relative_humidity
        millivolts = round((BATTERY_V - ruuvi.BATTERY_OFFSET_V) / ruuvi.V_PER_COUNT)
        power = millivolts << ruuvi.BATTERY_SHIFT | 22  # +4 dBm
        return ruuvi.LAYOUT.pack(
            ruuvi.FORMAT,
            round(weather.air_temperature / ruuvi.CEL_PER_COUNT),
            round(rh / ruuvi.RH_PER_COUNT),
            round(PRESSURE_PA - ruuvi.PRESSURE_OFFSET_PA),
            *(4, -4, 1036, power, 66, self.count % ruuvi.NO_SEQUENCE, mac),
        )

    def beacon(self, data: bytes) -> Beacon:
        """Manufacturer data of Ruuvi Innovations."""
        return Beacon(self.address, manufacturer_data={ruuvi.COMPANY: data})


class PvvxTwin(BleSensor):
    """A thermometer with the firmware of pvvx, sending its own format or that of atc1441."""

    FAULTS: ClassVar[Sequence[str]] = (*BleSensor.FAULTS, "saturated")

    def __init__(
        self,
        air: Air,
        address: str,
        scene: WeatherScene,
        *,
        atc: bool = False,
        interval_s: float = 1.0,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        super().__init__(air, address, scene, interval_s=interval_s, seconds=seconds, chance=chance)
        self._atc = atc

    def payload(self, weather: Weather) -> bytes:
        """15 bytes of the custom format, or 13 of atc1441."""
        mac = bytes.fromhex(self.address.replace(":", ""))
        rh = SATURATED_RH if self.faults.take("saturated") else weather.relative_humidity
        battery_mv, count = round(BATTERY_V / pvvx.V_PER_COUNT), self.count & 0xFF
        if self._atc:
            cel = round(weather.air_temperature / pvvx.ATC_CEL_PER_COUNT)
            return pvvx.ATC.pack(mac, cel, round(rh), 88, battery_mv, count)
        cel = round(weather.air_temperature / pvvx.PVVX_CEL_PER_COUNT)
        counts_rh = round(rh / pvvx.PVVX_RH_PER_COUNT)
        return pvvx.PVVX.pack(mac[::-1], cel, counts_rh, battery_mv, 88, count, 0)

    def beacon(self, data: bytes) -> Beacon:
        """Service data of Environmental Sensing."""
        return Beacon(self.address, service_data={pvvx.SERVICE: data})


class BtHomeTwin(BleSensor):
    """A weather station that speaks BTHome v2, encrypted where it has a key.

    It sends all it knows at once, which takes an extended advertisement. `crc` spoils the check
    of an encrypted one; `plain` is a forged one in the clear, `replay` an old one sent again;
    `unknown_object` ends with an object of a future version, `saturated` has 120 %RH.
    """

    FAULTS: ClassVar[Sequence[str]] = (
        *BleSensor.FAULTS,
        "noise",
        "crc",
        "plain",
        "replay",
        "unknown_object",
        "saturated",
    )

    def __init__(
        self,
        air: Air,
        address: str,
        scene: WeatherScene,
        *,
        key: bytes | None = None,
        interval_s: float = 1.0,
        seconds: Seconds | None = None,
        chance: Random | None = None,
    ) -> None:
        super().__init__(air, address, scene, interval_s=interval_s, seconds=seconds, chance=chance)
        self._key = key
        self._first = b""

    def payload(self, weather: Weather) -> bytes:
        """Device information, objects and what encryption adds."""
        take = self.faults.take
        info = bthome.VERSION << bthome.VERSION_SHIFT
        if take("plain"):
            return bytes((info,)) + b"".join(_objects(_FORGED, 10.0))
        if take("replay") and self._first:
            return self._first
        rh = SATURATED_RH if take("saturated") else weather.relative_humidity
        body = bytes((bthome.PACKET_ID, self.count & 0xFF)) + b"".join(_objects(weather, rh))
        if take("unknown_object"):
            body += UNKNOWN_OBJECT
        if self._key is None:
            return bytes((info,)) + body
        info |= bthome.ENCRYPTED
        data = bytes((info,)) + seal(body, self.address, info, self.count, self._key)
        self._first = self._first or data
        return data[:1] + flipped(data[1:], self.faults.chance) if take("crc") else data

    def half(self, data: bytes) -> int:
        """Somewhere inside an object: cut between two, it would be a whole advertisement."""
        del data
        return self.faults.chance.choice(INSIDE_OBJECTS)

    def beacon(self, data: bytes) -> Beacon:
        """Service data of BTHome."""
        return Beacon(self.address, service_data={bthome.SERVICE: data})


_FORGED = Weather(50.0, 10.0, 30.0, 0.0, 1500.0)


def seal(body: bytes, address: str, info: int, count: int, key: bytes) -> bytes:
    """Encrypted objects, counter and check, as they stand behind the device information."""
    counter = count.to_bytes(bthome.COUNTER_BYTES, "little")
    cipher = AESCCM(key, tag_length=bthome.CHECK_BYTES)
    sealed = cipher.encrypt(bthome.nonce(address, info, counter), body, None)
    return sealed[: -bthome.CHECK_BYTES] + counter + sealed[-bthome.CHECK_BYTES :]


def _objects(weather: Weather, rh: float) -> Iterator[bytes]:
    values = {
        0x01: BATTERY_LEVEL,
        0x02: weather.air_temperature,
        0x03: rh,
        0x04: PRESSURE_PA,
        0x05: weather.global_irradiance * LX_PER_W_M2,
        0x08: DEW_POINT_CEL,
        0x0C: BATTERY_V,
        0x44: math.hypot(weather.wind_u, weather.wind_v),
        0x5E: weather.wind_direction,
        0x5F: RAIN_MM,
    }
    for identity, value in values.items():
        kind = bthome.KINDS[identity]
        counts = round(value / kind.per_count)
        yield bytes((identity,)) + counts.to_bytes(kind.length, "little", signed=kind.signed)
