# What the tests use of the sensirion-i2c-sht package, which brings no types.
class Sht3xTemperature:
    degrees_celsius: float
    def __init__(self, ticks: int) -> None: ...

class Sht3xHumidity:
    percent_rh: float
    def __init__(self, ticks: int) -> None: ...
