# What the tests use of adafruit-circuitpython-ads1x15; its own types need a board's.
from adafruit_ads1x15.ads1115 import ADS1115

class AnalogIn:
    voltage: float
    def __init__(self, ads: ADS1115, positive_pin: int, negative_pin: int | None = ...) -> None: ...
