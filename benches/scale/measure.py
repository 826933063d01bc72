#!/usr/bin/env python3
"""Measures what stages take on this machine: runs `scene3d reconstruct` and reads its events, one run after the other.

    cargo xtask build
    python3 benches/scale/measure.py ../shared/data/fountain-p11/images --count 4,8,11 --threads 1,2 --json out/scale/runs.json

Prints a line for each run; Python 3.11 or newer and nothing else. `check.py` fits costs to such runs and predicts others.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import subprocess
import tempfile
import time
from datetime import datetime
from pathlib import Path

import costs as cost_files
from blocks import Pairing, counts
from fit import Run
from quiet import Others, wait_for_quiet

CHECKOUT = Path(__file__).resolve().parents[2]
SCENE3D = CHECKOUT / "target/release/scene3d"
COSTS = Path(__file__).resolve().parent / "costs/cpu-2-cores.toml"


@dataclasses.dataclass(frozen=True)
class Case:
    """What to run: so many photos of a folder, evenly spread over it."""

    photos: Path
    config: str = "aliked+nearest"
    count: int = 0  # 0 takes all
    threads: int = 2
    pairs: str = "all"  # or `sequential WINDOW`, or `retrieval NEIGHBORS`

    @property
    def name(self) -> str:
        scene = self.photos.parent.name if self.photos.name == "images" else self.photos.name
        pairs = "" if self.pairs == "all" else f", {self.pairs}"
        return f"{scene} {self.count or 'all'}, {self.config.removeprefix('aliked+')}{pairs}, {self.threads} threads"

    @property
    def pairing(self) -> Pairing:
        method, _, reach = self.pairs.partition(" ")
        return Pairing("exhaustive") if method == "all" else Pairing(method, int(reach))

    def settings(self) -> list[str]:
        keys = {"sequential": "window", "retrieval": "num_neighbors"}
        method, reach = self.pairing.method, self.pairing.reach
        chosen = [f"pairing.{keys[method]}={reach}"] if method in keys else []
        return [f"pipeline.threads={self.threads}", f"pairing.method={method}", *chosen]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--config", default="aliked+nearest")
    parser.add_argument("--count", default="0")
    parser.add_argument("--threads", default="2")
    parser.add_argument("--pairs", default="all", help="all, `sequential WINDOW`, or `retrieval NEIGHBORS`")
    parser.add_argument("--program", type=Path, default=SCENE3D)
    parser.add_argument("--max-wait-secs", type=float, default=0, help="wait so long for other programs to be quiet")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    runs = []
    for count in map(int, options.count.split(",")):
        for threads in map(int, options.threads.split(",")):
            wait_for_quiet(options.max_wait_secs)
            runs.append(measured(Case(options.photos, options.config, count, threads, options.pairs), options.program))
            print(runs[-1], flush=True)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps([dataclasses.asdict(run) for run in runs], indent=1) + "\n")


def measured(case: Case, program: Path = SCENE3D) -> Run:
    with tempfile.TemporaryDirectory() as folder:
        photos, out = Path(folder) / "photos", Path(folder) / "out"
        photos.mkdir()
        capture = sorted(case.photos.iterdir())
        places = evenly_spread(len(capture), case.count)
        for place in places:
            shutil.copy(capture[place], photos)
        command = [program, "reconstruct", photos, "--config", CHECKOUT / f"configs/{case.config}.toml", "--out", out, "--json"]
        for setting in case.settings():
            command += ["--set", setting]
        others, started = Others(), time.perf_counter()
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        wall_secs = time.perf_counter() - started
        return of_events(case, places, [json.loads(line) for line in output.splitlines()], wall_secs, others.cores())


def evenly_spread(num_photos: int, count: int) -> list[int]:
    """Places of so many of them, the first and the last among them."""
    if count == 0:
        return list(range(num_photos))
    return [round(index * (num_photos - 1) / (count - 1)) for index in range(count)]


def of_events(case: Case, places: list[int], events: list[dict], wall_secs: float, others_cores: float) -> Run:
    ends = {event["stage"]: event for event in events if event["event"] == "stage_finished"}
    map_began = next(at(event) for event in events if event["event"] == "stage_started" and event["stage"] == "map")
    of_mapping = [event for event in events if event["event"] == "progress" and event["stage"] == "map"]
    verified = next((at(event) for event in of_mapping if event["what"].startswith("mapping ")), map_began)
    # of what retrieval chose only the number is known
    pairs = counts(case.pairing, len(places), cost_files.read(COSTS)["pair.near_share"], places)
    return Run(
        name=case.name,
        num_images=ends["extract"]["items"],
        num_pairs=ends["pair"]["items"],
        num_next=min(pairs.next, ends["pair"]["items"]),
        num_far=pairs.far,
        threads=case.threads,
        places=places,
        wall_secs=wall_secs,
        extract_secs=ends["extract"]["secs"],
        pair_secs=ends["pair"]["secs"],
        match_secs=ends["match"]["secs"],
        map_secs=ends["map"]["secs"],
        verify_secs=verified - map_began,
        others_cores=others_cores,
    )


def at(event: dict) -> float:
    return datetime.fromisoformat(event["time"]).timestamp()


if __name__ == "__main__":
    main()
