#!/usr/bin/env python3
"""Prints what jobs of 1k, 10k and 100k photos would take on 1 to 256 GPUs, by simulation.

    python3 benches/scale/simulate.py                                   # Python 3.11 or newer and nothing else
    python3 benches/scale/simulate.py --pairing exhaustive --photos 1000,10000 --set price.worker_hour=4

A figure of the costs that nobody measured is named below the table; `--set NAME=VALUE` replaces one. GPU hours are those that
workers are held: from the start of the job until the last pair is matched, and the replica, which maps, to the end.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import costs as cost_files
from blocks import Pairing
from costs import Costs
from model import REPLICA, SECS_PER_HOUR, WORKER, Outcome, Simulation
from plan import Job, on_cluster

HERE = Path(__file__).resolve().parent
GIB, GB, TB = 2**30, 1e9, 1e12
METHODS = ["retrieval", "sequential", "exhaustive"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--costs", type=Path, default=HERE / "costs/h100.toml")
    parser.add_argument("--photos", default="1000,10000,100000")
    parser.add_argument("--gpus", default="1,4,16,64,256")
    parser.add_argument("--pairing", choices=METHODS, default="retrieval")
    parser.add_argument("--reach", type=int, default=20, help="neighbours of an image, or the window of a sequence")
    parser.add_argument("--images-per-block", type=int, default=Job.images_per_block)
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    options = parser.parse_args()
    given = dict(assignment.split("=", 1) for assignment in options.set)
    values = {name.replace(".", "__"): float(value) for name, value in given.items()}
    costs = cost_files.read(options.costs).with_values(**values)
    pairing = Pairing(options.pairing, options.reach)
    jobs = [Job(photos, pairing, images_per_block=options.images_per_block) for photos in numbers(options.photos)]
    print(table(jobs, numbers(options.gpus), costs))
    print(sources(costs))


def numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


def table(jobs: list[Job], gpus: list[int], costs: Costs) -> str:
    pairing = jobs[0].pairing
    lines = [
        f"{costs.title}; pairs: {pairing.method}" + ("" if pairing.method == "exhaustive" else f", {pairing.reach} an image"),
        "",
        "| photos | GPUs | wall | of it mapping | GPU hours | cost, $ | a worker's memory, GiB | the replica's, GiB | moved | bottleneck |",
        "| --- " * 10 + "|",
    ]
    for job in jobs:
        phases = on_cluster(job, costs)
        for num_gpus in gpus:
            lines.append(row(job, num_gpus, Simulation(phases, costs, num_gpus).run(), costs))
    return "\n".join(lines)


def row(job: Job, num_gpus: int, outcome: Outcome, costs: Costs) -> str:
    cells = [
        f"{job.num_images:,}",
        str(num_gpus),
        duration(outcome.wall_secs),
        duration(outcome.phase_secs["map"]),
        f"{outcome.worker_secs / SECS_PER_HOUR:,.1f}",
        f"{outcome.dollars(costs):,.0f}",
        f"{outcome.memory_bytes[WORKER] / GIB:.1f}",
        f"{outcome.memory_bytes[REPLICA] / GIB:.1f}",
        f"{outcome.bytes_moved / TB:.1f} TB" if outcome.bytes_moved > TB else f"{outcome.bytes_moved / GB:.0f} GB",
        outcome.bottleneck(num_gpus),
    ]
    return f"| {' | '.join(cells)} |"


def duration(secs: float) -> str:
    minutes, hours, days = secs / 60, secs / 3600, secs / 86400
    return f"{secs:.0f} s" if minutes < 3 else f"{minutes:.0f} min" if hours < 3 else f"{hours:.1f} h" if days < 3 else f"{days:.1f} d"


KINDS = {
    "measured": "Measured",
    "code": "As the program is written",
    "elsewhere": "Measured on another machine or with another program",
    "assumed": "Assumed",
}


def sources(costs: Costs) -> str:
    lines = []
    for kind, words in KINDS.items():
        figures = [f"`{name}` {figure.value:.3g}" for name, figure in costs.of_kind(kind)]
        lines += ["", f"{words}: {', '.join(figures) or 'nothing'}."]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
