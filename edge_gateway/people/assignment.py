"""Optimal one-to-one assignment of tracks to boxes, without scipy."""

import math
from collections.abc import Sequence
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
    height, width = len(table), len(table[0])
    row_price, column_price = [0.0] * height, [0.0] * width
    row_of = [-1] * width
    for start in range(height):
        distance, reached_from = [math.inf] * width, [-1] * width
        done = [False] * width
        row, column, shortest = start, -1, 0.0
        while True:
            for other in range(width):
                if not done[other]:
                    step = shortest + table[row][other] - row_price[row] - column_price[other]
                    if step < distance[other]:
                        distance[other], reached_from[other] = step, column
            column = min((c for c in range(width) if not done[c]), key=distance.__getitem__)
            shortest, done[column] = distance[column], True
            if row_of[column] < 0:
                break
            row = row_of[column]
        row_price[start] += shortest
        for other in range(width):
            if done[other] and other != column:
                row_price[row_of[other]] += shortest - distance[other]
                column_price[other] -= shortest - distance[other]
        while column >= 0:
            before = reached_from[column]
            row_of[column] = start if before < 0 else row_of[before]
            column = before
    chosen = [-1] * height
    for column, row in enumerate(row_of):
        if row >= 0:
            chosen[row] = column
    return chosen
