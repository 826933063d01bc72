#!/usr/bin/env python3
"""What tracking costs a run: the same reconstruction, in turns, without tracking, with a spool only, with a server, with a
server that is killed for the middle third, and with one that takes connections and never answers.

    cargo xtask setup && cargo xtask build
    python3 benches/tracking/tracking.py --rounds 5      # a table of medians; needs Python 3.11 or newer, nothing else

`run` is the run's own time (`total_secs` of its report), `process` from start to exit, with the grace time in which what is
left is sent. Nothing is asserted: machines differ and are shared.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
SCENE3D = CHECKOUT / "target/release/scene3d"
PYTHON = CHECKOUT / ".deps/mlflow/bin/python"


class Mlflow:
    """A server on a free port, in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, wait: bool = True) -> None:
        command = [PYTHON, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port), "--workers", "1",
                   "--serve-artifacts", "--backend-store-uri", f"sqlite:///{self.folder}/mlflow.db",
                   "--artifacts-destination", self.folder / "artifacts"]
        environment = os.environ | {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        while wait and not self.answers():
            time.sleep(0.1)

    def answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            self.process = None


def hanging_server() -> tuple[socket.socket, str]:
    """Takes connections, as many as the system keeps, and says nothing."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    return listener, f"http://127.0.0.1:{listener.getsockname()[1]}"


def reconstruct(photos: Path, config: Path, out: Path, options: list[str]) -> dict[str, float]:
    command = [SCENE3D, "reconstruct", photos, "--config", config, "--out", out, *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SCENE3D_TRACKING")}
    started = time.monotonic()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    process = time.monotonic() - started
    return {"run": json.loads((out / "report.json").read_text())["run"]["total_secs"], "process": process}


def without_middle_third(mlflow: Mlflow, usual_secs: float, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    """Kills the server a third into the run and starts it again a third before its end."""
    kill = threading.Timer(usual_secs / 3, mlflow.kill)
    start = threading.Timer(2 * usual_secs / 3, lambda: mlflow.start(wait=False))
    kill.start()
    start.start()
    figures = measure()
    kill.join()
    start.join()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--photos", type=Path, help="by default a sample scene of --num-images photos")
    parser.add_argument("--num-images", type=int, default=24)
    parser.add_argument("--config", type=Path, default=CHECKOUT / "configs/aliked+nearest.toml")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure_all(args, Path(folder))


def measure_all(args: argparse.Namespace, folder: Path) -> None:
    photos = args.photos
    if photos is None:
        subprocess.run([SCENE3D, "sample", folder / "sample", "--num-images", str(args.num_images)], check=True,
                       capture_output=True)
        photos = folder / "sample/images"
    mlflow = Mlflow(folder)
    listener, hanging = hanging_server()
    usual = reconstruct(photos, args.config, folder / "warm-up", [])["run"]
    figures: dict[str, list[dict[str, float]]] = {}
    for round_ in range(args.rounds):
        for name in ["not tracked", "spool only", "server", "killed for the middle third", "server that never answers"]:
            out, spool = folder / f"out-{round_}-{len(figures)}-{name[0]}{name[-1]}", folder / f"spool-{round_}-{name}"
            track = lambda server: [f"--track={server}" if server else "--track", "--track-spool", str(spool)]
            options = {"not tracked": [], "spool only": track(None), "server that never answers": track(hanging)}
            measure = lambda: reconstruct(photos, args.config, out, options.get(name, track(mlflow.url)))
            if name in options:
                figures.setdefault(name, []).append(measure())
                continue
            mlflow.start()
            is_whole = name == "server"
            figures.setdefault(name, []).append(measure() if is_whole else without_middle_third(mlflow, usual, measure))
            mlflow.kill()
    listener.close()
    print_table(figures)


def print_table(figures: dict[str, list[dict[str, float]]]) -> None:
    def median(name: str, figure: str) -> float:
        return statistics.median(measured[figure] for measured in figures[name])

    print("| | run, s | process, s | run by that of not tracked |\n| --- | --- | --- | --- |")
    for name in figures:
        ratio = median(name, "run") / median("not tracked", "run")
        print(f"| {name} | {median(name, 'run'):.2f} | {median(name, 'process'):.2f} | {ratio:.3f} |")


if __name__ == "__main__":
    main()
