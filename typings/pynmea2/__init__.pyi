from decimal import Decimal

class ParseError(ValueError): ...
class ChecksumError(ParseError): ...

class NMEASentence:
    wind_angle: Decimal | None
    reference: str
    wind_speed: Decimal | None
    wind_speed_units: str
    status: str

def parse(line: str, check: bool = ...) -> NMEASentence: ...
