"""Any Modbus RTU slave by its register map: XY-MD02, RS-FSJT-N01, RS-FXJT-N01, or one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, cast

from pydantic import Field, model_validator

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers import contract
from edge_gateway.drivers.contract import Modbus, ModbusConfig, PolledDriver, Sighting, Waiter
from edge_gateway.drivers.formats import register_map as maps
from edge_gateway.links.errors import Misconfigured
from edge_gateway.reading import Lane, Measured, Quantity

OWN = "own"
"""What `profile` says of itself when `profile_file` is given."""


class ModbusProfileConfig(ModbusConfig):
    """A slave known by its register map; what is left out is as its factory set it.

    The shipped RS-FSJT-N01 and RS-FXJT-N01 both come as slave 1: give one of them another address
    before they share a line. A speed polled at 1 or 2 Hz shows no gust of 3 s.
    """

    profile: Annotated[
        str,
        Field(
            description="shipped register map: xy_md02, rs_fsjt_n01, rs_fxjt_n01; leave it out with"
            " profile_file. Of either come baud, parity and unit when they are left out",
            examples=["xy_md02"],
        ),
    ]
    profile_file: Annotated[
        Path | None,
        Field(
            description="register map of one's own, TOML",
            examples=["/etc/edge-gateway/my-slave.toml"],
        ),
    ] = None
    baud: contract.Baud = 9600
    parity: contract.Parity = "N"
    unit: contract.Unit = 1

    @model_validator(mode="before")
    @classmethod
    def _as_the_factory_set_it(cls, table: Any) -> Any:
        if not isinstance(table, dict):
            return table
        given = cast("dict[str, Any]", table)
        profile, file = given.get("profile"), given.get("profile_file")
        if profile not in {None, OWN} and file is not None:
            raise ValueError("profile and profile_file are both given: leave one out")
        if not isinstance(profile, str) and not isinstance(file, str | Path):
            return given
        found = maps.shipped_map(str(profile)) if file is None else maps.load_map(Path(file))
        factory = {"baud": found.baud, "parity": found.parity, "unit": found.unit}
        return {"profile": OWN, **factory, **given}

    def register_map(self) -> maps.RegisterMap:
        """Its register map; RegisterMapError when the file has gone or changed for the worse."""
        if self.profile_file is not None:
            return maps.load_map(self.profile_file)
        return maps.shipped_map(self.profile)


class ModbusProfile(PolledDriver[ModbusProfileConfig, Modbus]):
    """Reads all values of the map in as few requests as it allows."""

    title: ClassVar[str] = (
        "Modbus RTU slaves by register map: XY-MD02, RS-FSJT-N01, RS-FXJT-N01, or your own TOML"
    )
    config_model: ClassVar[type[DeviceConfig]] = ModbusProfileConfig
    quantities: ClassVar[tuple[Quantity, ...]] = tuple(
        quantity for quantity in Quantity if quantity.nature.lane is Lane.RAW
    )
    # As the shipped ones come from the factory; look-alikes of the XY-MD02 have a parity.
    modbus_lines: ClassVar[tuple[tuple[int, str], ...]] = ((9600, "N"), (4800, "N"), (9600, "E"))

    def __init__(self, config: ModbusProfileConfig, link: Modbus, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        try:
            self._map = config.register_map()
        except maps.RegisterMapError as error:
            raise Misconfigured(str(error)) from error

    def read(self) -> Measured:
        """Ask once for each span of registers."""
        return self._map.read(self.link, self.config.unit)

    @classmethod
    def recognise_slave(cls, line: Modbus, unit: int) -> Sighting | None:
        """By values that are in range; of maps that fit, the one that asks for most registers."""
        names = maps.fitting(line, unit)
        if not names:
            return None
        doubt = f"such slaves have no identity, and its registers fit {' and '.join(names)}"
        return Sighting({"profile": names[0]}, doubt=doubt)
