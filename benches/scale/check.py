#!/usr/bin/env python3
"""How far the simulator is off: costs are fitted to some runs on this machine, others are predicted and then compared.

    cargo xtask build
    python3 benches/scale/check.py ../shared/data --rounds 3 --json out/scale/check.json    # about 10 minutes on a quiet machine
    python3 benches/scale/check.py --again out/scale/check.json                             # the table from figures kept

Every round runs all cases once, one after the other; figures are medians over the rounds. A worker is a thread here: on the
CPU each has an instance of its own. What is predicted has more photos, other pairs or another scene than what was fitted.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import costs as cost_files
from costs import Costs
from fit import Run, fitted
from measure import COSTS, SCENE3D, Case, measured
from model import Simulation
from plan import Job, on_threads
from quiet import wait_for_quiet

# photos, threads, pairs
FITTED = {
    "aliked+nearest": [(4, 1, "all"), (6, 2, "all"), (8, 1, "all"), (8, 2, "sequential 4"), (5, 1, "retrieval 2"), (8, 1, "retrieval 3")],
    "aliked+lightglue": [(4, 1, "all"), (6, 2, "all"), (7, 2, "sequential 2"), (11, 1, "sequential 1")],
}
PREDICTED = {
    "fountain-p11": {
        "aliked+nearest": [(11, 1, "all"), (11, 2, "all"), (11, 2, "sequential 3"), (9, 1, "sequential 2"), (11, 2, "retrieval 4")],
        "aliked+lightglue": [(11, 2, "all"), (8, 1, "all"), (11, 2, "sequential 3")],
    },
    "sceaux-castle": {"aliked+nearest": [(11, 2, "all"), (7, 1, "all")], "aliked+lightglue": [(11, 2, "sequential 4")]},
}
# threads are there, and take the next item themselves
ON_ONE_MACHINE = {"worker__start_secs": 0.0, "driver__task_secs": 0.0, "driver__latency_secs": 0.0}
Times = tuple[str, Callable[[Run], float]]
STAGES: list[Times] = [
    ("whole", lambda run: run.wall_secs),
    ("extract", lambda run: run.extract_secs),
    ("match", lambda run: run.match_secs),
    ("map", lambda run: run.map_secs),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="?", help="folder with fountain-p11 and sceaux-castle")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", type=Path, default=SCENE3D)
    parser.add_argument("--max-wait-secs", type=float, default=0, help="before each run, wait so long for other programs to be quiet")
    parser.add_argument("--json", type=Path, help="keep all figures here, after each round")
    parser.add_argument("--again", type=Path, help="measure nothing; use the figures kept in this file")
    parser.add_argument("--write-costs", type=Path, help="write what was fitted with LightGlue here")
    options = parser.parse_args()
    if (options.data is None) == (options.again is None):
        parser.error("give either DATA or --again FILE")
    rounds = kept(options.again) if options.again else measure_all(options)
    medians = medians_of(rounds)
    print(table(medians, len(rounds)))
    if options.write_costs:
        options.write_costs.write_text(cost_files.written(costs_of("aliked+lightglue", medians)))


def cases(data: Path) -> list[Case]:
    fountain = data / "fountain-p11/images"
    found = [Case(fountain, config, *what) for config, runs in FITTED.items() for what in runs]
    for scene, configs in PREDICTED.items():
        found += [Case(data / scene / "images", config, *what) for config, runs in configs.items() for what in runs]
    return found


def is_for_fit(case: Case) -> bool:
    return case.photos.parent.name == "fountain-p11" and (case.count, case.threads, case.pairs) in FITTED[case.config]


def measure_all(options: argparse.Namespace) -> list[dict[str, Run]]:
    rounds: list[dict[str, Run]] = []
    for _ in range(options.rounds):
        runs: dict[str, Run] = {}
        for case in cases(options.data):
            wait_for_quiet(options.max_wait_secs)
            runs[case.name] = measured(case, options.program)
            print(runs[case.name], file=sys.stderr, flush=True)
        rounds.append(runs)
        if options.json:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps([[dataclasses.asdict(run) for run in of.values()] for of in rounds], indent=1) + "\n")
    return rounds


def kept(path: Path) -> list[dict[str, Run]]:
    return [{run["name"]: Run(**run) for run in runs} for runs in json.loads(path.read_text())]


def medians_of(rounds: list[dict[str, Run]]) -> dict[str, Run]:
    return {name: median([of_round[name] for of_round in rounds]) for name in rounds[0]}


def median(runs: Sequence[Run]) -> Run:
    numbers = [field.name for field in dataclasses.fields(Run) if field.name.endswith(("_secs", "_cores"))]
    return dataclasses.replace(runs[0], **{name: statistics.median(getattr(run, name) for run in runs) for name in numbers})


def costs_of(config: str, medians: dict[str, Run]) -> Costs:
    """This machine's, fitted to the runs that are for that."""
    photos = Path("fountain-p11/images")
    runs = {of: [medians[Case(photos, of, *what).name] for what in whats] for of, whats in FITTED.items()}
    alike = [run for of, others in runs.items() if of != config for run in others]
    return fitted(cost_files.read(COSTS), runs[config], alike)


def predicted(case: Case, run: Run, costs: Costs) -> Run:
    """What the simulator says of a run, of which it is told photos, pairing and threads."""
    phases = on_threads(Job(run.num_images, case.pairing, tuple(run.places)), costs, case.threads)
    outcome = Simulation(phases, costs.with_values(**ON_ONE_MACHINE), case.threads).run()
    secs = {f"{name}_secs": outcome.phase_secs.get(name, 0.0) for name in ("extract", "pair", "match", "map")}
    return dataclasses.replace(run, wall_secs=outcome.wall_secs, **secs)


def table(medians: dict[str, Run], num_rounds: int) -> str:
    lines = [
        f"Medians of {num_rounds} rounds; seconds as predicted / measured. Other programs kept at most "
        f"{max(run.others_cores for run in medians.values()):.2f} cores busy.",
        "",
        "| run | whole | error | extract | match | map |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    of_kind = {}
    data = Path("data")
    for is_fitted in (True, False):
        errors = of_kind[is_fitted] = []
        for case in cases(data):
            if is_for_fit(case) != is_fitted:
                continue
            run = medians[case.name]
            guess = predicted(case, run, costs_of(case.config, medians))
            errors.append(guess.wall_secs / run.wall_secs - 1)
            cells = [f"{secs(guess):.1f} / {secs(run):.1f}" for _, secs in STAGES]
            lines.append(f"| {case.name}{' (fitted)' if is_fitted else ''} | {cells[0]} | {errors[-1]:+.1%} | {' | '.join(cells[1:])} |")
    for is_fitted, words in {True: "fitted to", False: "predicted"}.items():
        absolute = [abs(error) for error in of_kind[is_fitted]]
        lines.append(f"\nError of the {len(absolute)} runs {words}: median {statistics.median(absolute):.1%}, maximum {max(absolute):.1%}.")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
