"""Any program on the pole: hands in readings as JSON lines through a Unix socket."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, ClassVar, Self

from pydantic import Field, model_validator

from edge_gateway.config import DeviceConfig
from edge_gateway.drivers.contract import Handed, ReceivingDriver, Waiter
from edge_gateway.drivers.formats.handed_line import Columns, Decoder
from edge_gateway.links.local import LocalSocket
from edge_gateway.links.local_client import Client
from edge_gateway.reading import Quantity

FOLDER = Path("/run/edge-gateway")
# sockaddr_un has 108 bytes; the name is taken from one beside it that is somewhat longer.
LONGEST_PATH = 90


class LocalConfig(DeviceConfig):
    """A socket for programs; its readings bear the id of this device."""

    socket: Annotated[
        Path | None,
        Field(
            description="path of the socket; without it ID.sock in /run/edge-gateway",
            examples=["/run/edge-gateway/street-count.sock"],
        ),
    ] = None
    mode: Annotated[
        str, Field(pattern="^0?[0-7]{3}$", description="who may connect, as chmod writes it")
    ] = "0660"
    group: Annotated[
        str | None, Field(min_length=1, description="group of the socket", examples=["sensors"])
    ] = None
    summarise: Annotated[
        bool, Field(description="make minutes of it; period_s then says how often a value comes")
    ] = False

    @model_validator(mode="after")
    def _the_path_fits(self) -> Self:
        size = len(str(self.path).encode())
        if size > LONGEST_PATH:
            raise ValueError(f"socket: a path has at most {LONGEST_PATH} bytes, not {size}")
        return self

    @property
    def path(self) -> Path:
        """Where the socket is."""
        return self.socket or FOLDER / f"{self.id}.sock"

    @property
    def samples_per_s(self) -> float:
        """How often each of its values comes, where minutes are wanted."""
        return 1 / self.period_s if self.summarise else 0.0


class Local(ReceivingDriver[LocalConfig, LocalSocket]):
    """Takes readings from programs; each line is answered once what it says is durable."""

    title: ClassVar[str] = "Any program on the pole, by JSON lines through a Unix socket"
    config_model: ClassVar[type[DeviceConfig]] = LocalConfig
    quantities: ClassVar[tuple[Quantity, ...]] = tuple(Quantity)

    def __init__(self, config: LocalConfig, link: LocalSocket, waiter: Waiter) -> None:
        super().__init__(config, link, waiter)
        self._decoder = Decoder()
        self._taken: list[tuple[Client, int, int]] = []

    def receive(self) -> Handed:
        """Wait for lines, and refuse those that are wrong."""
        came = Columns()
        for piece in self.link.wait():
            first, client = piece.first, piece.client

            def refuse(place: int, why: str, first: int = first, client: Client = client) -> None:
                client.refuse(first + place, why)

            columns = self._decoder.decode(piece.lines, refuse)
            self._taken.append((client, piece.last, len(columns.values)))
            if came.values:
                came.extend(columns)
            else:
                came = columns
        return Handed(came.measurands, came.values, came.flags, came.reasons, came.unix_s)

    def keep(self, number: int) -> bool:
        """Note what the lines wait for."""
        for client, last, readings in self._taken:
            self.link.owe(client, last, readings, number)
        self._taken.clear()
        return self.link.is_awaited()

    def answer(self, through: int) -> None:
        """Answer the lines whose readings are durable."""
        self.link.settle(through)

    def wake(self) -> None:
        """Have `receive` return now; from any thread."""
        self.link.wake()
