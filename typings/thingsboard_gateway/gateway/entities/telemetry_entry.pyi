from collections.abc import Mapping

from thingsboard_gateway.gateway.entities.datapoint_key import DatapointKey

class TelemetryEntry:
    def __init__(self, values: Mapping[DatapointKey, object], ts: int | None = None) -> None: ...
