"""Battery sensors heard by BLE advertisement: RuuviTag, BTHome v2, pvvx and atc1441 firmware."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import BleConfig, Sighting, TalkingDriver, Waiter
from edge_gateway.drivers.formats import bthome, pvvx, ruuvi
from edge_gateway.drivers.formats.advert import Sample, Succession
from edge_gateway.drivers.formats.bthome import bind_key
from edge_gateway.links.contract import Advert, Adverts
from edge_gateway.links.errors import BadFrame, DeviceSilent
from edge_gateway.reading import Measured, Quantity

Format = Literal["ruuvi", "bthome", "pvvx"]
FORMATS: Final[tuple[Format, ...]] = ("ruuvi", "bthome", "pvvx")

# The radio misses adverts all the time; six new values in a row it does not.
SILENT_INTERVALS = 6


class BleAdvConfig(BleConfig):
    """A sensor that advertises in one of the three formats."""

    advert_patterns: ClassVar = (ruuvi.PATTERN, bthome.PATTERN, pvvx.PATTERN)

    format: Annotated[
        Format, Field(description="what it sends; pvvx is for atc1441 as well", examples=["ruuvi"])
    ]
    interval_s: Annotated[
        float, Field(gt=0, le=3600, description="seconds between two new values, as set in it")
    ] = 10.0
    bind_key_file: Annotated[
        Path | None,
        Field(
            description="file whose first line is an encrypted BTHome sensor's key, 32 hex digits",
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
    if form == "ruuvi" and (data := advert.manufacturer_data.get(ruuvi.COMPANY)) is not None:
        return ruuvi.decode(data)
    if form == "bthome" and (data := advert.service_data.get(bthome.SERVICE)) is not None:
        return bthome.decode(data, advert.address, key)
    if form == "pvvx" and (data := advert.service_data.get(pvvx.SERVICE)) is not None:
        return pvvx.decode(data)
    return None


class BleAdv(TalkingDriver[BleAdvConfig, Adverts]):
    """Listens to one sensor; an advertisement that repeats the last sample gives nothing."""

    title: ClassVar[str] = "RuuviTag (format 5), BTHome v2, pvvx and atc1441 by BLE advertisement"
    config_model: ClassVar[type[DeviceConfig]] = BleAdvConfig
    quantities: ClassVar[tuple[Quantity, ...]] = tuple(
        dict.fromkeys(kind.quantity for kind in bthome.KINDS.values())  # the others give fewer
    )

    def __init__(self, config: BleAdvConfig, link: Adverts, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._key = None if config.bind_key_file is None else bind_key(config.bind_key_file)
        self._succession = Succession(config.interval_s)

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
            measured = self._succession.measured(sample, advert.heard_s, silent_after_s)
            if measured is not None:
                yield measured

    @classmethod
    def recognise_advert(cls, advert: Advert) -> Sighting | None:
        """By its format, where something is measured or it is encrypted."""
        if bthome.is_encrypted(advert.service_data.get(bthome.SERVICE, b"")):
            return Sighting({"format": "bthome"}, check="it is encrypted, so bind_key_file")
        for form in FORMATS:
            with suppress(BadFrame):
                if (sample := decode(advert, form)) and sample.measured:
                    return Sighting({"format": form})
        return None
