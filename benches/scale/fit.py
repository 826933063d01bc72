"""Costs of this machine from runs that were measured on it: least squares of relative errors, with no negative cost.

What is fitted are straight lines: a stage takes what it takes for nothing, and so much for each item of a thread.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from costs import Costs, Figure

EXPONENTS = [1 + step / 20 for step in range(21)]


@dataclass(frozen=True)
class Run:
    """What a run was, and what its stages took."""

    name: str
    num_images: int
    num_pairs: int
    num_next: int  # of them pairs of photos of which one follows the other
    num_far: int  # of them pairs of photos that are far apart
    threads: int
    places: list[int]  # of the photos in the capture that they are of
    wall_secs: float
    extract_secs: float
    pair_secs: float
    match_secs: float
    map_secs: float
    verify_secs: float  # of mapping, until its pairs are verified
    others_cores: float = 0.0  # that other programs kept busy meanwhile

    @property
    def around_secs(self) -> float:
        return self.wall_secs - self.extract_secs - self.pair_secs - self.match_secs - self.map_secs


def least_squares(rows: Sequence[Sequence[float]], secs: Sequence[float]) -> list[float]:
    """Coefficients of the columns, none below zero; columns that would be are left out, the worst first."""
    weighted = [[value / target for value in row] for row, target in zip(rows, secs)]
    used = list(range(len(rows[0])))
    while used:
        columns = [[row[index] for index in used] for row in weighted]
        found = solve(*normal_equations(columns))
        if min(found) >= 0:
            return [dict(zip(used, found)).get(index, 0.0) for index in range(len(rows[0]))]
        used.pop(found.index(min(found)))
    return [0.0] * len(rows[0])


def normal_equations(columns: list[list[float]]) -> tuple[list[list[float]], list[float]]:
    size = range(len(columns[0]))
    # a trace of ridge, so that columns that depend on each other share what they explain
    matrix = [[sum(row[i] * row[j] for row in columns) * (1 + 1e-9 * (i == j)) for j in size] for i in size]
    return matrix, [sum(row[i] for row in columns) for i in size]


def solve(matrix: list[list[float]], right: list[float]) -> list[float]:
    """Gaussian elimination with pivots by column."""
    rows = [[*row, value] for row, value in zip(matrix, right)]
    for pivot in range(len(rows)):
        best = max(range(pivot, len(rows)), key=lambda index: abs(rows[index][pivot]))
        rows[pivot], rows[best] = rows[best], rows[pivot]
        scaled = [value / (rows[pivot][pivot] or 1e-300) for value in rows[pivot]]
        rows = [scaled if index == pivot else [a - row[pivot] * b for a, b in zip(row, scaled)] for index, row in enumerate(rows)]
    return [row[-1] for row in rows]


def fitted(costs: Costs, runs: Sequence[Run], alike: Sequence[Run] = ()) -> Costs:
    """The costs with what these runs tell of a machine's own threads; those that are `alike` differ in their matcher."""
    extracted = extraction([*runs, *alike])
    found = [
        (extracted | retrieval([*runs, *alike]), [*runs, *alike]),
        (matching(runs, extracted["worker.crowding"]) | mapping(runs), runs),
        ({"run.around_secs": statistics.median(run.around_secs for run in runs)}, runs),
    ]
    for figures, told_by in found:
        by = f"fit to {len(told_by)} runs: " + ", ".join(run.name for run in told_by)
        costs = costs.with_figures({name: Figure(value, "measured", by) for name, value in figures.items()})
    return costs


def extraction(runs: Sequence[Run]) -> dict[str, float]:
    rounds = [-(-run.num_images // run.threads) for run in runs]
    rows = [[1.0, float(count), count * (run.threads - 1.0)] for count, run in zip(rounds, runs)]
    load, image, crowded = least_squares(rows, [run.extract_secs for run in runs])
    return {
        "extract.load_secs": load,
        "extract.image_secs": image,
        "extract.decode_secs": 0.0,
        "worker.crowding": crowded / image if image else 0.0,
    }


def retrieval(runs: Sequence[Run]) -> dict[str, float]:
    """Of the runs that chose pairs by it; the others take next to no time."""
    retrieved = [run for run in runs if run.pair_secs > 0.01]
    if len(retrieved) < 2:
        return {}
    start, image = least_squares([[1.0, run.num_images / run.threads] for run in retrieved], [run.pair_secs for run in retrieved])
    return {"pair.start_secs": start, "pair.image_secs": image}


def matching(runs: Sequence[Run], crowding: float) -> dict[str, float]:
    """With the crowding of extraction, so that a stage of few runs has three unknowns and not four."""

    def row(run: Run) -> list[float]:
        slower = 1 + crowding * (run.threads - 1)
        rounds, of_next = -(-run.num_pairs // run.threads), run.num_next / run.threads
        return [1.0, slower * (rounds - of_next), slower * of_next]

    load, pair, next_pair = least_squares([row(run) for run in runs], [run.match_secs for run in runs])
    seen = any(run.num_next for run in runs)
    return {"match.load_secs": load, "match.prepare_secs": 0.0, "match.pair_secs": pair, "match.next_pair_secs": next_pair if seen else pair}


def mapping(runs: Sequence[Run]) -> dict[str, float]:
    """Verifying by pairs; growing by a power of the images, the one that leaves the least error."""
    rows = [[1.0, (run.num_pairs - run.num_far) / run.threads, run.num_far / run.threads] for run in runs]
    start, pair, far_pair = least_squares(rows, [run.verify_secs for run in runs])
    growing = [max(run.map_secs - run.verify_secs, 1e-3) for run in runs]

    def of_power(power: float) -> tuple[float, list[float]]:
        rows = [[run.num_images**power, run.num_images**power / run.threads] for run in runs]
        found = least_squares(rows, growing)
        return sum((sum(map(float.__mul__, row, found)) / secs - 1) ** 2 for row, secs in zip(rows, growing)), found

    power = min(EXPONENTS, key=lambda power: of_power(power)[0])
    alone, shared = of_power(power)[1]
    return {
        "map.start_secs": start,
        "map.pair_secs": pair,
        "map.far_pair_secs": far_pair if any(run.num_far for run in runs) else pair,
        "map.exponent": power,
        "map.image_secs": alone + shared,
        "map.parallel_share": shared / (alone + shared) if alone + shared else 0.0,
    }
