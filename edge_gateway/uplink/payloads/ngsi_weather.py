"""WeatherObserved, and DeviceMeasurement for what it has no term for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import inf
from typing import Final, TypeAlias

from edge_gateway.outbox import Mark, Series
from edge_gateway.reading import Flag, Measurand, Quantity, Statistic
from edge_gateway.uplink.payloads.names import attribute
from edge_gateway.uplink.payloads.ngsi import Context, Entity, Fact, Json, Kind, Measured
from edge_gateway.uplink.payloads.quality import worst_of
from edge_gateway.uplink.payloads.series import Value, values

Timed: TypeAlias = tuple[int, Entity]
"""An entity and the stamp it is of, in microseconds since the boot."""


@dataclass(frozen=True, slots=True)
class Term:
    """A model's word for a quantity: our value times `factor` is in `unit_code`, within limits."""

    name: str
    unit_code: str
    factor: float = 1.0
    low: float = -inf
    high: float = inf


# WeatherObserved's limits are those of its JSON schema.
TERMS: Final[Mapping[Quantity, Term]] = {
    Quantity.AIR_TEMPERATURE: Term("temperature", "CEL"),
    Quantity.RELATIVE_HUMIDITY: Term("relativeHumidity", "C62", 0.01, 0.0, 1.0),
    Quantity.AIR_PRESSURE: Term("atmosphericPressure", "A97", 0.01, 0.0),
    Quantity.WIND_SPEED: Term("windSpeed", "MTS", low=0.0),
    Quantity.WIND_DIRECTION: Term("windDirection", "DD", low=0.0, high=360.0),
    Quantity.GLOBAL_IRRADIANCE: Term("solarRadiation", "D54", low=0.0),
    Quantity.DEW_POINT: Term("dewPoint", "CEL"),
    Quantity.ILLUMINANCE: Term("illuminance", "LUX", low=0.0),
}
GUST: Final = Term("gustSpeed", "MTS", low=0.0)

OUTSIDE_MODEL: Final = "outside_model"
"""The reason of a value that the model's schema forbids, though no test of ours failed it."""

# A pyranometer gives a little less than nothing at night: down to here, where the quantity's
# plausible range ends too (Zahumensky 2004), that is its thermal offset and not a fault.
_NIGHT_OFFSET: Final = -10.0

# Air temperature alone has a term for what it was over a window.
_OVER_TIME: Final = {
    Statistic.MEAN: "averageValue",
    Statistic.MINIMUM: "minOverTime",
    Statistic.MAXIMUM: "maxOverTime",
}

UNIT_CODES: Final[Mapping[str, str]] = {
    "Cel": "CEL",
    "%RH": "P1",
    "m/s": "MTS",
    "deg": "DD",
    "W/m2": "D54",
    "Pa": "PAL",
    "lx": "LUX",
    "V": "VLT",
    "count": "C62",
    "/": "C62",
    "1/s": "HTZ",
    "mm": "MMT",
    "mm/h": "H67",
    "%EL": "P1",
    "s": "SEC",
}
"""UN/CEFACT recommendation 20 for the units of SenML."""


def observed(columns: Iterable[Series], context: Context) -> Iterator[Timed]:
    """WeatherObserved by device, channel, window and time, of all series it has a term for."""
    found: dict[tuple[str, str, int, int], Entity] = {}
    extremes: dict[tuple[str, str, int, int], dict[str, Value]] = {}
    for series in columns:
        measurand = series.measurand
        for value in values(series):
            key = (series.device, measurand.channel, measurand.window_s, value.time_us)
            entity = found.get(key)
            if entity is None:
                entity = found[key] = _entity(series, value, context)
            term = term_of(measurand)
            if term is not None:
                entity.attributes[term.name] = fitted(value, term, context)
            if measurand.quantity is Quantity.AIR_TEMPERATURE and measurand.window_s:
                extremes.setdefault(key, {})[_OVER_TIME[measurand.statistic]] = value
    for key, entity in found.items():
        if key in extremes:
            entity.attributes["airTemperatureTSA"] = _over_time(extremes[key], context)
        yield key[-1], entity


def measured(columns: Iterable[Series], context: Context) -> Iterator[Timed]:
    """DeviceMeasurement, one a reading: the value as it is, with what is known of it beside."""
    for series in columns:
        unit = series.measurand.quantity.nature.unit
        code = UNIT_CODES.get(unit, unit)
        name = attribute(series.measurand)
        for value in values(series):
            entity = context.entity("DeviceMeasurement", series.device, name, device=series.device)
            when = context.when(value.time_us)
            entity.attributes.update(
                {
                    "dateObserved": Fact(Kind.DATE, when),
                    "measurementType": Fact(Kind.TEXT, name),
                    "controlledProperty": Fact(Kind.TEXT, str(series.measurand.quantity)),
                    "unit": Fact(Kind.TEXT, code),
                    "numValue": Measured(value.number, code, when, value.mark),
                    "outlier": Fact(Kind.YES_NO, value.mark.flag is Flag.FAIL),
                }
            )
            yield value.time_us, entity


def is_weather(measurand: Measurand) -> bool:
    """Whether WeatherObserved has a term for it."""
    is_extreme = (
        measurand.quantity is Quantity.AIR_TEMPERATURE
        and measurand.statistic in _OVER_TIME
        and measurand.window_s > 0
    )
    return is_extreme or term_of(measurand) is not None


def term_of(measurand: Measurand) -> Term | None:
    """The term for a sample, a mean or a gust."""
    if measurand.statistic in {Statistic.SAMPLE, Statistic.MEAN}:
        return TERMS.get(measurand.quantity)
    is_gust = (measurand.quantity, measurand.statistic) == (Quantity.WIND_SPEED, Statistic.GUST)
    return GUST if is_gust else None


def fitted(value: Value, term: Term, context: Context) -> Measured:
    """In the model's unit and limits: what failed or cannot be there is said as `original` only."""
    when = context.when(value.time_us)
    if value.number is None:
        return Measured(None, term.unit_code, when, value.mark)
    is_ours = term.factor == 1.0
    number = value.number if is_ours else round(value.number * term.factor, 6)
    if value.mark.flag is Flag.FAIL:
        return Measured(None, term.unit_code, when, value.mark, number)
    if term.low <= number <= term.high:
        return Measured(number, term.unit_code, when, value.mark)
    if term.name == "solarRadiation" and _NIGHT_OFFSET <= number < 0.0:
        return Measured(0.0, term.unit_code, when, value.mark, number)
    reasons = (*value.mark.reasons, OUTSIDE_MODEL)
    outside = Mark(Flag.SUSPECT, reasons, value.mark.calibration_id)
    return Measured(None, term.unit_code, when, outside, number)


def _entity(series: Series, value: Value, context: Context) -> Entity:
    window_s = series.measurand.window_s
    window = f"{window_s}s" if window_s else ""
    entity = context.entity(
        "WeatherObserved", series.device, series.measurand.channel, window, device=series.device
    )
    entity.attributes["dateObserved"] = Fact(Kind.DATE, context.when(value.time_us))
    if window_s:
        entity.attributes["windowSeconds"] = Fact(Kind.NUMBER, window_s)
    return entity


def _over_time(parts: Mapping[str, Value], context: Context) -> Measured:
    value: dict[str, Json] = {
        name: part.number
        for name, part in parts.items()
        if part.number is not None and part.mark.flag is not Flag.FAIL
    }
    when = context.when(next(iter(parts.values())).time_us)
    return Measured(value or None, "CEL", when, worst_of([part.mark for part in parts.values()]))
