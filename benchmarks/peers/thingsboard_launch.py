"""Runs thingsboard-gateway with a connector that does as little as one can. In its own venv.

    python thingsboard_launch.py FOLDER/tb_gateway.json

The connector takes JSON lines at a Unix socket and answers `A<n>` when the gateway has taken n.
"""

# The stubs are ours, the package is in another virtual environment:
# pyright: reportMissingModuleSource=false

from __future__ import annotations

import json
import os
import socket
import sys
from contextlib import suppress
from threading import Thread
from typing import Any

from thingsboard_gateway.connectors.connector import Connector
from thingsboard_gateway.gateway.constant_enums import Status
from thingsboard_gateway.gateway.entities.converted_data import ConvertedData
from thingsboard_gateway.gateway.entities.datapoint_key import DatapointKey
from thingsboard_gateway.gateway.entities.telemetry_entry import TelemetryEntry
from thingsboard_gateway.gateway.tb_gateway_service import TBGatewayService
from thingsboard_gateway.tb_utility.tb_loader import TBModuleLoader

_PIECE = 64 << 10
_KEY = DatapointKey("v")


class BenchConnector(Connector):
    """Hands each line to `send_to_storage` as one reading of one device."""

    def __init__(self, gateway: TBGatewayService, config: dict[str, Any], _type: str) -> None:
        self.name = "bench"
        self._gateway = gateway
        self._config = config
        self._is_stopped = False

    def open(self) -> None:
        """Listen from now on, in a thread."""
        Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """It ends with its process."""
        self._is_stopped = True

    def get_id(self) -> str:
        """The id it was given."""
        return str(self._config["id"])

    def get_name(self) -> str:
        """Its name in the configuration."""
        return self.name

    def get_type(self) -> str:
        """Its type in the configuration."""
        return "bench"

    def get_config(self) -> dict[str, Any]:
        """Its configuration."""
        return self._config

    def is_connected(self) -> bool:
        """Always: there is no device behind it."""
        return True

    def is_stopped(self) -> bool:
        """Whether it was closed."""
        return self._is_stopped

    def on_attributes_update(self, content: object) -> None:
        """Nothing to set."""

    def server_side_rpc_handler(self, content: object) -> None:
        """Nothing to call."""

    def _serve(self) -> None:
        path: str = self._config["socket"]
        with suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108 - a path that another program wrote
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
            listener.bind(path)
            listener.listen(1)
            connection, _ = listener.accept()
            with connection:
                self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        rest, taken = b"", 0
        own_id = self.get_id()
        while data := connection.recv(_PIECE):
            *lines, rest = (rest + data).split(b"\n")
            for said in json.loads(b"[" + b",".join(lines) + b"]"):
                reading = ConvertedData(said["device"])
                reading.add_to_telemetry(TelemetryEntry({_KEY: said["value"]}, said["ts"]))
                if self._gateway.send_to_storage(self.name, own_id, reading) != Status.SUCCESS:
                    return
                taken += 1
            connection.sendall(b"A%d\n" % taken)


def main() -> None:
    """Run until killed."""
    TBModuleLoader.LOADED_CONNECTORS["bench" + BenchConnector.__name__] = BenchConnector
    TBGatewayService(sys.argv[1])


if __name__ == "__main__":
    main()
