#!/usr/bin/env python3
"""How far the simulator is off for jobs that a Ray cluster does in parts, on this machine.

    cargo xtask build && cargo xtask python
    python3.11 benches/scale/check.py ../shared/data --json out/scale/check.json       # what this machine's threads take
    python3.11 benches/scale/check_cluster.py ../shared/data out/scale/check.json --rounds 3

A cluster of a head and a node does each job twice: its replica alone, and with one more worker. No figure is fitted to these
jobs: what Ray adds is measured before, the start of a worker by starting some, and what a part costs beside its work by jobs
whose plugins do next to nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from check import costs_of, kept, medians_of
from costs import Costs, Figure
from jobs import CHECKOUT, DUMMY, Done, Jobs, Service, of_seed
from measure import SCENE3D, Case
from model import Simulation
from plan import Job, on_cluster
from quiet import wait_for_quiet
from ray_cluster import HEAD_PORT, RayCluster, alone_on_loopback

HERE = Path(__file__).resolve().parent
FOUNTAIN, CASTLE = Path("fountain-p11/images"), Path("sceaux-castle/images")
# a worker is a thread
CASES = [
    Case(FOUNTAIN, "aliked+nearest", threads=1),
    Case(FOUNTAIN, "aliked+lightglue", threads=1),
    Case(FOUNTAIN, "aliked+lightglue", threads=1, pairs="sequential 3"),
    Case(CASTLE, "aliked+lightglue", threads=1, pairs="sequential 4"),
]
STAGES = ["extract", "match", "map"]
IMAGES_PER_SHARD, IMAGES_PER_BLOCK = 2, 6
# jobs of fewer images are not split: those by which is measured what a job costs that has no parts
MIN_IMAGES, NUM_FEW = 8, 5


@dataclass
class Probes:
    """What Ray and the service add, in seconds."""

    actor_secs: float
    part_secs: float
    around_secs: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with fountain-p11 and sceaux-castle")
    parser.add_argument("runs", type=Path, help="what check.py kept, to fit costs to")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--program", type=Path, default=SCENE3D)
    parser.add_argument("--python", type=Path, default=CHECKOUT / ".deps/ray/bin/python")
    parser.add_argument("--max-wait-secs", type=float, default=0, help="before each job, wait so long for other programs to be quiet")
    options = parser.parse_args()
    alone_on_loopback()
    medians = medians_of(kept(options.runs))
    rows, errors = [], []
    for num_actors in (0, 1):
        with tempfile.TemporaryDirectory() as folder:
            cluster = RayCluster(Path(folder) / "cluster", options.python, options.program.parent / "plugins")
            large = {"min_images": MIN_IMAGES, "images_per_shard": IMAGES_PER_SHARD, "images_per_block": IMAGES_PER_BLOCK,
                     "max_workers": num_actors, "worker": {"num_cpus": 1}}
            with cluster, Service(options.program, Path(folder) / "service", cluster.section(large)) as service:
                probes, times = asyncio.run(measured(service, cluster, options))
        print(f"{1 + num_actors} workers: {probes}", file=sys.stderr, flush=True)
        for case, rounds in times.items():
            row, error = compared(case, rounds, with_probes(costs_of(case.config, medians), probes, num_actors), 1 + num_actors)
            rows.append(row)
            errors.append(abs(error))
    print(HEAD + "\n".join(rows))
    print(f"\nError of the {len(errors)} jobs: median {statistics.median(errors):.1%}, maximum {max(errors):.1%}.")


async def measured(service: Service, cluster: RayCluster, options: argparse.Namespace) -> tuple[Probes, dict[Case, list[Done]]]:
    jobs = await Jobs.of(service)
    for photos in (FOUNTAIN, CASTLE):
        await jobs.upload(str(photos), sorted((options.data / photos).iterdir()))
    await jobs.upload("few", sorted((options.data / FOUNTAIN).iterdir())[:NUM_FEW])
    probes = await probed(jobs, cluster)
    times: dict[Case, list[Done]] = {case: [] for case in CASES}
    # the first is a warm-up: the replica loads plugins and weights
    for number in range(1 + options.rounds):
        for case in CASES:
            wait_for_quiet(options.max_wait_secs)
            done = await jobs.done(of_seed(configured(case), number), str(case.photos))
            print(f"{case.name}, {number}: {done.secs:.2f} s", file=sys.stderr, flush=True)
            if number:
                times[case].append(done)
    return probes, times


async def probed(jobs: Jobs, cluster: RayCluster) -> Probes:
    async def some(upload: str) -> list[Done]:
        # the first starts the replica
        return [await jobs.done(of_seed(DUMMY, seed), upload) for seed in range(6)][1:]

    whole, split = await some("few"), await some(str(FOUNTAIN))
    image_secs = statistics.median(done.stage_secs("extract") for done in whole) / NUM_FEW
    num_shards = -(-split[0].num_images // IMAGES_PER_SHARD)
    part_secs = statistics.median(done.stage_secs("extract") for done in split) / num_shards - image_secs * IMAGES_PER_SHARD
    return Probes(actor_secs(cluster), max(0.0, part_secs), statistics.median(done.around_secs for done in whole))


def actor_secs(cluster: RayCluster) -> float:
    command = [cluster.python, HERE / "actor_secs.py", f"127.0.0.1:{HEAD_PORT}", json.dumps(cluster.worker_options())]
    environment = os.environ | {"PYTHONPATH": str(CHECKOUT / "deploy/ray")}
    output = subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout
    return statistics.median(json.loads(output))


def configured(case: Case) -> str:
    text = (CHECKOUT / f"configs/{case.config}.toml").read_text()
    pairing = f'method = "{case.pairing.method}"' + (f"\nwindow = {case.pairing.reach}" if case.pairing.method == "sequential" else "")
    return text.replace('device = "auto"', f'device = "auto"\nthreads = {case.threads}').replace('method = "exhaustive"', pairing)


def with_probes(costs: Costs, probes: Probes, num_actors: int) -> Costs:
    figures = {
        "worker.actor_secs": probes.actor_secs,
        "driver.latency_secs": probes.part_secs,
        "run.around_secs": probes.around_secs,
        "map.threads": 1.0,
    }
    # all run on this machine
    slower = 1 + costs["worker.crowding"] * num_actors
    figures |= {name: slower * costs[name] for name in ("extract.image_secs", "match.pair_secs", "match.next_pair_secs")}
    return costs.with_figures({name: Figure(value, "measured", "before the jobs") for name, value in figures.items()})


HEAD = """| job | workers | whole, predicted / measured, s | error | extract | match | map |
| --- | --- | --- | --- | --- | --- | --- |
"""


def compared(case: Case, rounds: list[Done], costs: Costs, num_workers: int) -> tuple[str, float]:
    job = Job(rounds[0].num_images, case.pairing, images_per_shard=IMAGES_PER_SHARD, images_per_block=IMAGES_PER_BLOCK)
    outcome = Simulation(on_cluster(job, costs), costs, num_workers).run()
    secs = statistics.median(done.secs for done in rounds)
    took = {stage: statistics.median(done.stage_secs(stage) for done in rounds) for stage in STAGES}
    error = outcome.wall_secs / secs - 1
    cells = [f"{outcome.phase_secs[stage]:.1f} / {took[stage]:.1f}" for stage in STAGES]
    name = case.name.rsplit(",", 1)[0]
    return f"| {name} | {num_workers} | {outcome.wall_secs:.1f} / {secs:.1f} | {error:+.1%} | {' | '.join(cells)} |", error


if __name__ == "__main__":
    main()
