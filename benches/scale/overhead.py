#!/usr/bin/env python3
"""What `[executor] kind = "ray"` costs a job: the same jobs in turns by a service with a local worker and by one with Ray.

    cargo xtask setup && cargo xtask build && cargo xtask python        # .deps/ray has Ray and the wheel then
    python3.11 benches/scale/overhead.py ../shared/data/fountain-p11/images --rounds 5 --json out/scale/overhead.json

Both services run all the time, each with a warm worker: a child process, or a replica on a node beside the cluster's head.
Every job has a seed of its own, so that nothing is reused. A job's time is from `POST /jobs` to the last of its events, as a
client sees it. The tiny job has stages that do next to nothing: its difference is what Ray costs a job of no length.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from pathlib import Path

from jobs import CHECKOUT, DUMMY, Jobs, Service, of_seed
from measure import SCENE3D
from quiet import wait_for_quiet
from ray_cluster import RayCluster, alone_on_loopback

Times = dict[str, dict[str, list[float]]]  # by job and side
TINY = "tiny job"
JOBS = {TINY: (DUMMY, "two"), "aliked+nearest": (None, "all"), "aliked+lightglue": (None, "all")}
SIDES = ["local", "ray"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tiny-rounds", type=int, default=20)
    parser.add_argument("--program", type=Path, default=SCENE3D)
    parser.add_argument("--python", type=Path, default=CHECKOUT / ".deps/ray/bin/python")
    parser.add_argument("--max-wait-secs", type=float, default=0, help="before each round, wait so long for other programs to be quiet")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    alone_on_loopback()
    with tempfile.TemporaryDirectory() as folder:
        cluster = RayCluster(Path(folder) / "cluster", options.python, options.program.parent / "plugins")
        with cluster, Service(options.program, Path(folder) / "local") as local:
            with Service(options.program, Path(folder) / "with-ray", cluster.section()) as with_ray:
                times = asyncio.run(measured(dict(zip(SIDES, [local, with_ray])), options))
    print(table(times))


async def measured(services: dict[str, Service], options: argparse.Namespace) -> Times:
    photos = sorted(options.photos.iterdir())
    sides = {side: await Jobs.of(service) for side, service in services.items()}
    for jobs in sides.values():
        await jobs.upload("all", photos)
        await jobs.upload("two", photos[:2])
    times: Times = {}
    for job, (text, upload) in JOBS.items():
        config = text or (CHECKOUT / f"configs/{job}.toml").read_text()
        times[job] = {side: [] for side in SIDES}
        # the first is a warm-up: plugins and weights are loaded, and the application is put on the cluster
        for number in range(1 + (options.tiny_rounds if job == TINY else options.rounds)):
            if job != TINY or number == 0:
                wait_for_quiet(options.max_wait_secs)
            # who goes first changes, for a job leaves the machine warm, or busy, to the next one
            for side in SIDES if number % 2 else SIDES[::-1]:
                secs = (await sides[side].done(of_seed(config, number), upload)).secs
                print(f"{job} {number} {side}: {secs:.3f} s", file=sys.stderr, flush=True)
                if number:
                    times[job][side].append(secs)
        if options.json:
            options.json.parent.mkdir(parents=True, exist_ok=True)
            options.json.write_text(json.dumps(times, indent=1) + "\n")
    return times


def table(times: Times) -> str:
    medians = {job: {side: statistics.median(secs) for side, secs in of_job.items()} for job, of_job in times.items()}
    constant = medians[TINY]["ray"] - medians[TINY]["local"]
    lines = [
        "| job | rounds | local, s | Ray, s | Ray - local, s | ratio | ratio without the tiny job's difference |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for job, of_job in medians.items():
        local, ray = of_job["local"], of_job["ray"]
        rest = "" if job == TINY else f"{(ray - constant) / local:.3f}"
        rounds = len(times[job]["local"])
        lines.append(f"| {job} | {rounds} | {local:.2f} | {ray:.2f} | {ray - local:+.2f} | {ray / local:.3f} | {rest} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
