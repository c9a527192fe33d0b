# What the tests use of RPi.bme280, which brings no types. (PyPI's `bme280` is another package.)
from collections.abc import Sequence
from typing import Protocol

class _Bus(Protocol):
    def read_byte_data(self, address: int, register: int) -> int: ...
    def read_word_data(self, address: int, register: int) -> int: ...

class params(dict[str, int]): ...

class uncompensated_readings:
    def __init__(self, block: Sequence[int]) -> None: ...

class compensated_readings:
    temperature: float
    pressure: float
    humidity: float
    def __init__(
        self, raw_readings: uncompensated_readings, compensation_params: params
    ) -> None: ...

def load_calibration_params(bus: _Bus, address: int = ...) -> params: ...
