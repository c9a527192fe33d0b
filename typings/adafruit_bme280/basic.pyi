# What the tests use of adafruit-circuitpython-bme280; its own types need a board's.
class Adafruit_BME280_I2C:
    temperature: float
    pressure: float
    humidity: float
    def __init__(self, i2c: object, address: int = ...) -> None: ...
