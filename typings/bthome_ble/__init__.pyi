# What the tests use of bthome-ble 3.25; its own types need the heavy habluetooth.
from collections.abc import Mapping

class DeviceKey:
    key: str

class SensorValue:
    native_value: float

class SensorUpdate:
    entity_values: Mapping[DeviceKey, SensorValue]

class BTHomeBluetoothDeviceData:
    def __init__(self, bindkey: bytes | None = None) -> None: ...
    def update(self, data: object) -> SensorUpdate: ...
