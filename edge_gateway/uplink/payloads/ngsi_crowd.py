"""CrowdFlowObserved: people over a line in a window, by direction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from edge_gateway.outbox import Mark, Series
from edge_gateway.reading import Flag, Measurand, Quantity, Statistic
from edge_gateway.uplink.payloads.ngsi import Context, Entity, Fact, Kind, Measured
from edge_gateway.uplink.payloads.ngsi_weather import Term, Timed, fitted
from edge_gateway.uplink.payloads.quality import SUPPRESSED, worst_of
from edge_gateway.uplink.payloads.series import Value, values

_MICRO = 10**6

# The model names two directions without saying towards what; ours are those of the line.
DIRECTIONS: Final[Mapping[str, str]] = {
    "forward": "peopleCountTowards",
    "backward": "peopleCountAway",
}
_COUNT: Final = "peopleCount"
_SPEED: Final = Term("averageCrowdSpeed", "KMH", 3.6, low=0.0)


def flows(columns: Iterable[Series], context: Context) -> Iterator[Timed]:
    """One entity by device, line, window and time, of all series of people and their coverage.

    Series of walking speeds give a line its average, weighted by the counts of its directions.
    """
    found: dict[tuple[str, str, int, int], Entity] = {}
    coverage: dict[tuple[str, int, int], Value] = {}
    speeds: dict[tuple[str, str, int, int], dict[str, Value]] = {}
    for series in columns:
        window_s = series.measurand.window_s
        if series.measurand.quantity is Quantity.COVERAGE:
            for value in values(series):
                coverage[series.device, window_s, value.time_us] = value
            continue
        line, name = _line_and_name(series.measurand.channel)
        if series.measurand.quantity is Quantity.WALKING_SPEED:
            for value in values(series):
                key = (series.device, line, window_s, value.time_us)
                speeds.setdefault(key, {})[name] = value
            continue
        for value in values(series):
            key = (series.device, line, window_s, value.time_us)
            entity = found.get(key)
            if entity is None:
                entity = found[key] = _entity(series, line, value.time_us, context)
            entity.attributes[name] = _counted(value, name, context)
    for (device, line, window_s, time_us), entity in found.items():
        _add_total(entity)
        _add_speed(entity, speeds.get((device, line, window_s, time_us), {}), context)
        share = coverage.get((device, window_s, time_us))
        if share is not None:
            term = Term("coverage", "C62", low=0.0, high=1.0)
            entity.attributes[term.name] = fitted(share, term, context)
        yield time_us, entity


def is_crowd(series: Series, with_people: set[str]) -> bool:
    """Whether it is of people, or the coverage of a device that counts them in this batch."""
    quantity = series.measurand.quantity
    return quantity is Quantity.PEOPLE or (
        quantity is Quantity.COVERAGE and series.device in with_people
    )


def is_mean_speed(measurand: Measurand) -> bool:
    """Whether it is the mean speed of those who crossed a line in a window."""
    kind = (measurand.quantity, measurand.statistic)
    return kind == (Quantity.WALKING_SPEED, Statistic.MEAN)


def _line_and_name(channel: str) -> tuple[str, str]:
    line, _, direction = channel.rpartition("/")
    if line and direction in DIRECTIONS:
        return line, DIRECTIONS[direction]
    return channel, _COUNT


def _counted(value: Value, name: str, context: Context) -> Measured:
    return fitted(value, Term(name, "C62", low=0.0), context)


def _entity(series: Series, line: str, time_us: int, context: Context) -> Entity:
    window_s = series.measurand.window_s
    window = f"{window_s}s" if window_s else ""
    entity = context.entity("CrowdFlowObserved", series.device, line, window, device=series.device)
    end = context.when(time_us)
    if not window_s:
        entity.attributes["dateObserved"] = Fact(Kind.TEXT, end)
        return entity
    start = context.when(time_us - window_s * _MICRO)
    entity.attributes.update(
        {
            "dateObserved": Fact(Kind.TEXT, f"{start}/{end}"),
            "dateObservedFrom": Fact(Kind.DATE, start),
            "dateObservedTo": Fact(Kind.DATE, end),
        }
    )
    return entity


def _add_speed(entity: Entity, speeds: Mapping[str, Value], context: Context) -> None:
    """The average of all who crossed, in km/h; none where a direction's count or speed is not."""
    walked, crossed = 0.0, 0.0
    for name, speed in speeds.items():
        way = entity.attributes.get(name)
        if not isinstance(way, Measured) or not isinstance(way.value, (int, float)):
            return
        if speed.number is None or speed.mark.flag is Flag.FAIL:
            return
        walked, crossed = walked + way.value * speed.number, crossed + way.value
    if crossed:
        worst = worst_of([speed.mark for speed in speeds.values()])
        when = next(iter(speeds.values())).time_us
        value = Value(when, walked / crossed, worst)
        entity.attributes[_SPEED.name] = fitted(value, _SPEED, context)


def _add_total(entity: Entity) -> None:
    """Both directions make a count; where one is missing or suppressed there is none to be had."""
    ways = [entity.attributes.get(name) for name in DIRECTIONS.values()]
    both = [way for way in ways if isinstance(way, Measured)]
    if len(both) != len(DIRECTIONS) or _COUNT in entity.attributes:
        return
    mark = worst_of([way.mark for way in both])
    numbers = [way.value for way in both if isinstance(way.value, (int, float))]
    total = sum(numbers) if len(numbers) == len(both) else None
    if total is None and mark.flag is not Flag.FAIL:
        reasons = (SUPPRESSED,) if any(SUPPRESSED in way.mark.reasons for way in both) else ()
        mark = Mark(Flag.MISSING, reasons)
    entity.attributes[_COUNT] = Measured(total, "C62", both[0].observed_at, mark)
