# What the tests use of adafruit-circuitpython-bh1750; its own types need a board's.
class BH1750:
    resolution: int
    lux: float
    def __init__(self, i2c: object, address: int = ...) -> None: ...

class Resolution:
    MID: int
