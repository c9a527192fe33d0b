"""Any Modbus RTU slave by its register map: XY-MD02, RS-FSJT-N01, RS-FXJT-N01, or one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, ClassVar, cast

from pydantic import Field, model_validator

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import Modbus, ModbusConfig, PolledDriver, Waiter
from edge_gateway.drivers.formats.register_map import (
    RegisterMap,
    RegisterMapError,
    load_map,
    shipped_map,
)
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
            description="shipped register map: xy_md02, rs_fsjt_n01, rs_fxjt_n01;"
            " leave it out with profile_file",
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
    baud: Annotated[
        int, Field(ge=300, le=921600, description="bits per second; the profile's when left out")
    ] = 9600
    parity: Annotated[
        str, Field(pattern="^[NEO]$", description="N, E or O; the profile's when left out")
    ] = "N"
    unit: Annotated[
        int, Field(ge=1, le=247, description="slave address; the profile's when left out")
    ] = 1

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
        found = shipped_map(str(profile)) if file is None else load_map(Path(file))
        factory = {"baud": found.baud, "parity": found.parity, "unit": found.unit}
        return {"profile": OWN, **factory, **given}

    def register_map(self) -> RegisterMap:
        """Its register map; RegisterMapError when the file has gone or changed for the worse."""
        if self.profile_file is not None:
            return load_map(self.profile_file)
        return shipped_map(self.profile)


class ModbusProfile(PolledDriver[ModbusProfileConfig, Modbus]):
    """Reads all values of the map in as few requests as it allows."""

    title: ClassVar[str] = (
        "Modbus RTU slaves by register map: XY-MD02, RS-FSJT-N01, RS-FXJT-N01, or your own TOML"
    )
    config_model: ClassVar[type[DeviceConfig]] = ModbusProfileConfig
    quantities: ClassVar[tuple[Quantity, ...]] = tuple(
        quantity for quantity in Quantity if quantity.nature.lane is Lane.RAW
    )

    def __init__(self, config: ModbusProfileConfig, link: Modbus, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        try:
            self._map = config.register_map()
        except RegisterMapError as error:
            raise Misconfigured(str(error)) from error

    def read(self) -> Measured:
        """Ask once for each span of registers."""
        unit, read = self.config.unit, {3: self.link.read_holding, 4: self.link.read_input}
        return self._map.decode(
            [read[span.function](unit, span.first, span.count) for span in self._map.spans]
        )
