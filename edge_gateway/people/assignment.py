"""Optimal one-to-one assignment of tracks to boxes, without scipy."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

Costs: TypeAlias = Sequence[Sequence[float]]


def assign(costs: Costs, refuse_above: float) -> list[tuple[int, int]]:
    """Pair rows with columns at the lowest total cost; return (row, column) in row order.

    A pair is made only where its cost is below `refuse_above`, and leaving a row unpaired costs
    `refuse_above`: two fair pairs win over a perfect one that blocks the other.
    """
    pairs: list[tuple[int, int]] = []
    for rows, columns in _islands(costs, refuse_above):
        if len(rows) == 1:
            row = rows[0]
            pairs.append((row, min(columns, key=costs[row].__getitem__)))
            continue
        # One private stand-in column a row, at the price of staying unpaired.
        table = [
            [min(costs[row][column], refuse_above) for column in columns]
            + [refuse_above] * len(rows)
            for row in rows
        ]
        for row, place in zip(rows, _cheapest_columns(table), strict=True):
            if place < len(columns) and costs[row][columns[place]] < refuse_above:
                pairs.append((row, columns[place]))
    return sorted(pairs)


def _islands(costs: Costs, refuse_above: float) -> list[tuple[list[int], list[int]]]:
    """Split into groups that share no possible pair; most hold one row and few columns."""
    islands: list[tuple[list[int], set[int]]] = []
    for row, prices in enumerate(costs):
        rows, columns = [row], {c for c, price in enumerate(prices) if price < refuse_above}
        if not columns:
            continue
        apart: list[tuple[list[int], set[int]]] = []
        for island in islands:
            if island[1].isdisjoint(columns):
                apart.append(island)
            else:
                rows, columns = island[0] + rows, island[1] | columns
        islands = [*apart, (rows, columns)]
    return [(rows, sorted(columns)) for rows, columns in islands]


def _cheapest_columns(table: Costs) -> list[int]:
    """The column of every row in the cheapest full assignment; needs columns >= rows.

    Hungarian method by shortest augmenting paths (Jonker and Volgenant 1987), O(rows^2 columns).
    """
    prices = _Prices([0.0] * len(table), [0.0] * len(table[0]))
    row_of = [-1] * len(table[0])
    for row in range(len(table)):
        column, reached_from = _shortest_path(table, prices, row_of, row)
        while column >= 0:
            before = reached_from[column]
            row_of[column] = row if before < 0 else row_of[before]
            column = before
    chosen = [-1] * len(table)
    for column, row in enumerate(row_of):
        if row >= 0:
            chosen[row] = column
    return chosen


@dataclass(frozen=True, slots=True)
class _Prices:
    rows: list[float]
    columns: list[float]


def _shortest_path(
    table: Costs, prices: _Prices, row_of: Sequence[int], start: int
) -> tuple[int, list[int]]:
    """From a new row to a free column; return that column and where each was reached from.

    Adjusts the prices so that no pair costs less than its row and column together.
    """
    distance, reached_from = [math.inf] * len(row_of), [-1] * len(row_of)
    ahead, done = set(range(len(row_of))), list[int]()
    row, column, shortest = start, -1, 0.0
    while True:
        for other in ahead:
            beyond = shortest + table[row][other] - prices.rows[row] - prices.columns[other]
            if beyond < distance[other]:
                distance[other], reached_from[other] = beyond, column
        column = min(ahead, key=distance.__getitem__)
        shortest = distance[column]
        if row_of[column] < 0:
            break
        ahead.remove(column)
        done.append(column)
        row = row_of[column]
    prices.rows[start] += shortest
    for other in done:
        prices.rows[row_of[other]] += shortest - distance[other]
        prices.columns[other] -= shortest - distance[other]
    return column, reached_from
