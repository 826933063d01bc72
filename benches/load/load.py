#!/usr/bin/env python3
"""Loads the real service and says how it held: one call starts `scene3d serve` on a folder of its own, measures, stops it.

    cargo xtask build
    python3 benches/load/load.py --out out/load          # load.md and load.json; needs Python 3.11 or newer, nothing else

`--small` does everything with small numbers, so that a test can run it. A figure that must hold and does not makes it
exit with 1: a lost or doubled event, a second job of one key, an upload that fails, a slow client that is never cut off.
"""

from __future__ import annotations

import argparse
import asyncio
import datetime
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterator

import scenarios
from scenarios import Figures, Load
from service import CHECKOUT, PASSWORD, USER, Service


@dataclass
class Scale:
    config: str = "dummy"
    same_requests: int = 50
    uploads: int = 200
    photo_shrink: int = 1
    listeners: int = 1000
    job_photos: int = 12
    jobs_before: int = 1
    deaf_listeners: int = 100
    trickles: int = 50
    rate_secs: float = 5
    rate_connections: int = 32


SMALL = Scale(
    same_requests=5, uploads=6, photo_shrink=8, listeners=10, job_photos=3, deaf_listeners=3, trickles=2, rate_secs=0.5, rate_connections=2
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, default=CHECKOUT / "target/release/scene3d")
    parser.add_argument("--out", type=Path, default=Path("out/load"))
    parser.add_argument("--config", default="dummy", help="config of the jobs: dummy, or one of configs/")
    parser.add_argument("--serve", default="", help="more lines of serve.toml, with dotted keys")
    parser.add_argument("--only", default="", help="scenarios, by comma")
    parser.add_argument("--rounds", type=int, default=1, help="figures are medians of so many, each with a service of its own")
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    scale = SMALL if options.small else Scale()
    scale.config = options.config
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    only, rounds, failures = [name for name in options.only.split(",") if name], [], []
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory() as folder:
            with Service(options.program, Path(folder) / "service", options.serve) as service:
                rounds.append(asyncio.run(measured(service, scale, only)))
                failures += broken(rounds[-1]) + [f"error in the server's log: {line}" for line in service.errors()]
    report = {"headline": headline(options), "rows": medians(rounds), "failures": failures}
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "load.json").write_text(json.dumps(report, indent=1) + "\n")
    (options.out / "load.md").write_text(table(report))
    print(table(report))
    sys.exit("\n".join(failures) or 0)


async def measured(service: Service, scale: Scale, only: list[str]) -> dict[str, Figures]:
    load = Load(service, await service.api.log_in(USER, PASSWORD), scale)
    todo = {
        "one_key": lambda: scenarios.one_key(load),
        "get_healthz": lambda: scenarios.requests_per_sec(load, "/healthz"),
        "get_jobs": lambda: scenarios.requests_per_sec(load, "/api/v1/jobs"),
        "uploads_by_form": lambda: scenarios.uploads_by_form(load),
        "uploads_by_tus": lambda: scenarios.uploads_by_tus(load),
        "listeners": lambda: scenarios.listeners(load),
        "slow_clients": lambda: scenarios.slow_clients(load),
    }
    rows = {}
    for name, measure in todo.items():
        if not only or name in only:
            rows[name] = await measure()
            print(name, json.dumps(rows[name]), file=sys.stderr, flush=True)
    return rows


def broken(rows: dict[str, Figures]) -> list[str]:
    """What was promised and did not hold."""
    promises = {
        "one_key": lambda row: row["answers_202"] == row["requests"] and row["ids"] == row["jobs"] == 1,
        "uploads_by_form": lambda row: row["errors"] == 0,
        "uploads_by_tus": lambda row: row["errors"] == 0,
        "listeners": lambda row: row["wrong"] == 0,
        "slow_clients": lambda row: row["answered_408"] == row["trickles"] and row["upload_status"] == 201,
    }
    kept = lambda name, row: name not in promises or promises[name](row)
    return [f"{name}: {row}" for name, row in rows.items() if not kept(name, row)]


def medians(rounds: list[Any]) -> Any:
    """Of every number in figures of one shape; of words those of the first round."""
    first = rounds[0]
    if isinstance(first, dict):
        return {name: medians([figures[name] for figures in rounds]) for name in first}
    return statistics.median(rounds) if isinstance(first, (int, float)) else first


def table(report: dict) -> str:
    lines = [f"> {report['headline']}", "", "| what | figure | |", "| --- | --- | --- |"]
    for name, row in report["rows"].items():
        lines += [f"| {name.replace('_', ' ')} | {what.replace('_', ' ')} | {value} |" for what, value in flat(row)]
    return "\n".join(lines) + "\n"


def flat(figures: Figures, within: str = "") -> Iterator[tuple[str, str]]:
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from flat(value, f"{within}{name}_")
        else:
            yield within + name, f"{value:.4g}" if isinstance(value, float) else str(value)


def headline(options: argparse.Namespace) -> str:
    commit = subprocess.run(["git", "-C", CHECKOUT, "describe", "--always", "--dirty=-modified", "--abbrev=12"], capture_output=True, text=True)
    version = subprocess.run([options.program, "--version"], capture_output=True, text=True).stdout.strip()
    where = f"{scenarios.machine()}; {datetime.date.today()}, {version}, commit {commit.stdout.strip() or 'unknown'}"
    return f"{where}; jobs by `{options.config}`, rounds: {options.rounds}"


if __name__ == "__main__":
    main()
