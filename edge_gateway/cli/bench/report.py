"""The figures of a machine as text and as JSON."""

from __future__ import annotations

from edge_gateway.cli.bench.stages import EXPLAINED, Figures, Stage, verdict
from edge_gateway.people.counter_settings import CounterSettings

MAX_CPU: float = CounterSettings.model_fields["max_cpu"].default
"""The share of a core that the counter keeps to, as shipped."""


def lines(figures: Figures) -> list[str]:
    """A table of the stages, then what it comes to."""
    width, height = figures.size
    inference = figures.costs[Stage.INFERENCE].cpu_ms
    rows = [
        f"{figures.machine}, {figures.cores} cores",
        f"{figures.pictures} pictures of {width} x {height} px from {figures.source},",
        f"{figures.people:.1f} people at a time",
        "",
        f"{'stage':<10} {'CPU ms':>8} {'wall ms':>8} {'of inference':>13}",
    ]
    for stage, cost in figures.costs.items():
        share = f"{cost.cpu_ms / inference:.1%}"
        rows.append(
            f"{stage.value:<10} {cost.cpu_ms:>8.2f} {cost.wall_ms:>8.2f} {share:>13}"
            f"  {EXPLAINED[stage]}"
        )
    wall_ms = sum(cost.wall_ms for cost in figures.costs.values())
    around = (
        f"around inference: {figures.around_share:.1%} of its CPU time, neither decoding nor the"
        f" anonymized picture counted; that picture: {figures.scene_share:.1%}"
    )
    rates = (
        f"{figures.rate:.1f} pictures/s of one core by CPU time, {1000 / wall_ms:.1f} by the clock"
        f" with {figures.threads} thread{'s' if figures.threads > 1 else ''};"
        f" memory at most {figures.rss_mb:.0f} MB, both models loaded"
    )
    total = f"{'in all':<10} {figures.cpu_ms:>8.2f} {wall_ms:>8.2f}"
    return [*rows, total, "", around, rates, "", verdict(figures, MAX_CPU)]


def document(figures: Figures) -> dict[str, object]:
    """The same for programs; times are milliseconds a picture."""
    return {
        "machine": figures.machine,
        "cores": figures.cores,
        "source": figures.source,
        "size": list(figures.size),
        "pictures": figures.pictures,
        "model": figures.model,
        "threads": figures.threads,
        "stages": {
            stage.value: {"cpu_ms": round(cost.cpu_ms, 4), "wall_ms": round(cost.wall_ms, 4)}
            for stage, cost in figures.costs.items()
        },
        "cpu_ms": round(figures.cpu_ms, 4),
        "around_share": round(figures.around_share, 4),
        "scene_share": round(figures.scene_share, 4),
        "pictures_per_s_of_a_core": round(figures.rate, 3),
        "other_model": figures.other_model,
        "other_model_pictures_per_s_of_a_core": round(figures.other_rate, 3),
        "people": round(figures.people, 3),
        "rss_mb": round(figures.rss_mb, 1),
        "verdict": verdict(figures, MAX_CPU),
    }
