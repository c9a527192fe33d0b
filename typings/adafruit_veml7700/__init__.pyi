# What the tests use of adafruit-circuitpython-veml7700; its own types need a board's.
class VEML7700:
    gain_values: dict[int, float]
    integration_time_values: dict[int, int]
    light_gain: int
    light_integration_time: int
    lux: float
    def __init__(self, i2c_bus: object, address: int = ...) -> None: ...
    def compute_lux(self, als: int, use_correction: bool) -> float: ...
