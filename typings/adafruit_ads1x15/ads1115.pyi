# What the tests use of adafruit-circuitpython-ads1x15; its own types need a board's.
class ADS1115:
    gain: float
    data_rate: int
    def __init__(
        self, i2c: object, gain: float = ..., data_rate: int | None = ..., *, address: int = ...
    ) -> None: ...
