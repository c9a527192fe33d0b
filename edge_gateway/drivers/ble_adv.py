"""Battery sensors heard by BLE advertisement: RuuviTag, BTHome v2, pvvx and atc1441 firmware."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, model_validator

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import (
    Advert,
    AdvertPattern,
    Adverts,
    BleConfig,
    TalkingDriver,
    Waiter,
)
from edge_gateway.drivers.formats import bthome, pvvx, ruuvi
from edge_gateway.drivers.formats.advert import Sample
from edge_gateway.links.errors import DeviceSilent, Misconfigured
from edge_gateway.reading import Measured, Quantity

Format = Literal["ruuvi", "bthome", "pvvx"]

# The radio misses adverts all the time; six new values in a row it does not.
SILENT_INTERVALS = 6
# An encrypted counter below this may have begun anew with a new battery; above, a lower one than
# the last is an old advertisement played again.
BEGUN_ANEW = 100

MANUFACTURER_FIELD, SERVICE_FIELD = 0xFF, 0x16  # types of advertising fields
_KEY = re.compile("[0-9A-Fa-f]{32}")


class BleAdvConfig(BleConfig):
    """A sensor that advertises in one of the three formats."""

    advert_patterns: ClassVar[tuple[AdvertPattern, ...]] = (
        (0, MANUFACTURER_FIELD, ruuvi.COMPANY.to_bytes(2, "little")),
        (0, SERVICE_FIELD, bthome.SERVICE_ON_AIR),
        (0, SERVICE_FIELD, pvvx.SERVICE_ON_AIR),
    )

    format: Annotated[
        Format,
        Field(description="what it sends; pvvx is for atc1441 as well", examples=["ruuvi"]),
    ]
    interval_s: Annotated[
        float,
        Field(gt=0, le=3600, description="seconds between two new values, as set in the sensor"),
    ] = 10.0
    bind_key_file: Annotated[
        Path | None,
        Field(
            description="file whose first line is the key of an encrypted BTHome sensor, 32 hex"
            " digits",
            examples=["/etc/edge-gateway/sensor.key"],
        ),
    ] = None

    @property
    def samples_per_s(self) -> float:
        """Its own rate; `period_s` is for devices that are asked."""
        return 1 / self.interval_s

    @model_validator(mode="after")
    def _only_bthome_is_encrypted(self) -> Self:
        if self.bind_key_file is not None and self.format != "bthome":
            raise ValueError('bind_key_file is for format = "bthome" only: take it out')
        return self


def decode(advert: Advert, form: Format, key: bytes | None = None) -> Sample | None:
    """What an advertisement measured; None where it holds nothing in this format.

    Raises BadFrame where what it holds is spoilt.
    """
    if form == "ruuvi":
        data = advert.manufacturer_data.get(ruuvi.COMPANY)
        return None if data is None else ruuvi.decode(data)
    if form == "bthome":
        data = advert.service_data.get(bthome.SERVICE)
        return None if data is None else bthome.decode(data, advert.address, key)
    data = advert.service_data.get(pvvx.SERVICE)
    return None if data is None else pvvx.decode(data)


class BleAdv(TalkingDriver[BleAdvConfig, Adverts]):
    """Listens to one sensor; an advertisement that repeats the last sample gives nothing."""

    title: ClassVar[str] = "RuuviTag (format 5), BTHome v2, pvvx and atc1441 by BLE advertisement"
    config_model: ClassVar[type[DeviceConfig]] = BleAdvConfig
    quantities: ClassVar[tuple[Quantity, ...]] = (
        Quantity.AIR_TEMPERATURE,
        Quantity.RELATIVE_HUMIDITY,
        Quantity.AIR_PRESSURE,
        Quantity.ILLUMINANCE,
        Quantity.WIND_SPEED,
        Quantity.WIND_DIRECTION,
        Quantity.BATTERY_VOLTAGE,
    )

    def __init__(self, config: BleAdvConfig, link: Adverts, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._key = None if config.bind_key_file is None else bind_key(config.bind_key_file)
        if self._key is not None:
            bthome.opener(self._key)
        self._mark: int | bytes | None = None
        self._fresh_s: float | None = None

    def listen(self) -> Iterator[Measured]:
        """Yield each new sample, and nothing for a repeated one.

        Raises DeviceSilent when six intervals have brought no new sample, whatever else was heard.
        """
        silent_after_s = SILENT_INTERVALS * self.config.interval_s
        while True:
            advert = self.link.read(silent_after_s)
            if advert is None:
                raise DeviceSilent(f"no advertisement in {silent_after_s:g} s")
            sample = decode(advert, self.config.format, self._key)
            if sample is not None and self._is_new(sample):
                self._mark, self._fresh_s = sample.mark, advert.heard_s
                yield sample.measured
                continue
            if self._fresh_s is None:
                self._fresh_s = advert.heard_s
            if advert.heard_s - self._fresh_s > silent_after_s:
                raise DeviceSilent(self._nothing_new(sample))
            if sample is not None:
                yield {}

    def _is_new(self, sample: Sample) -> bool:
        last, mark = self._mark, sample.mark
        if sample.only_rises and isinstance(mark, int) and isinstance(last, int):
            return mark > last or mark < min(last, BEGUN_ANEW)
        return mark != last

    def _nothing_new(self, sample: Sample | None) -> str:
        if sample is None:
            return f"it advertises, but nothing in format {self.config.format!r}"
        return "it repeats its last sample, or an old one, and measures nothing new"


def bind_key(path: Path) -> bytes:
    """The 16 bytes of a key file; Misconfigured names the file and what is wrong with it."""
    try:
        first = path.read_text(encoding="ascii").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"bind_key_file {path} cannot be read: {error}") from error
    if _KEY.fullmatch(first) is None:
        raise Misconfigured(f"bind_key_file {path}: its first line is not 32 hex digits")
    return bytes.fromhex(first)
