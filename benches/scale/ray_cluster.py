"""A Ray cluster of a head and one node with one replica, as the tests start it (`tests/src/ray.rs`).

It must run in a network namespace with a loopback interface only, for Ray's ports run whatever they are sent.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
DASHBOARD, SERVE_PORT, HEAD_PORT = "http://127.0.0.1:18265", 18001, 16379
MAX_START_SECS = 180
INSIDE = "SCENE3D_BENCH_ALONE"


def alone_on_loopback() -> None:
    """Starts this program again in a network namespace of its own, unless it runs there."""
    if os.environ.get(INSIDE):
        return
    again = ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable, *sys.argv]
    sys.exit(subprocess.run(again, env=os.environ | {INSIDE: "1"}).returncode)


class RayCluster:
    """Runs until it is left. The replica has as many threads as a worker of the service on this machine would."""

    def __init__(self, folder: Path, python: Path, plugins: Path) -> None:
        self.folder, self.python, self.plugins = folder, python, plugins
        self.nodes: list[subprocess.Popen[bytes]] = []
        folder.mkdir()
        (folder / "token").write_text("a token of the benchmark")

    def __enter__(self) -> RayCluster:
        try:
            self._start("--head", f"--port={HEAD_PORT}", "--dashboard-host=127.0.0.1", "--dashboard-port=18265", "--num-cpus=0",
                        "--ray-client-server-port=18301", f"--temp-dir={self.folder / 'ray'}")
            http = {"host": "127.0.0.1", "port": SERVE_PORT}
            call("PUT", "/api/serve/applications/", {"proxy_location": "HeadOnly", "applications": [], "http_options": http})
            self._start(f"--address=127.0.0.1:{HEAD_PORT}", f"--num-cpus={os.cpu_count()}")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for node in reversed(self.nodes):
            for pid in [node.pid, *descendants(node.pid)]:
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            node.wait()

    def section(self, large: dict[str, Any] | None = None) -> str:
        """Lines of `serve.toml` for a service that runs its jobs here; `large` says how the replica splits them."""
        application = {
            "name": "scene3d",
            "route_prefix": "/scene3d",
            "import_path": "scene3d_ray.application:build",
            "args": {"token_file": str(self.folder / "token"), **self.worker_options()},
            "deployments": [{"name": "Reconstructor", "num_replicas": 1, "ray_actor_options": {"num_cpus": os.cpu_count()}}],
        }
        if large:
            application["args"]["large"] = large
            # cores are for workers of parts too
            application["deployments"][0]["ray_actor_options"] = {"num_cpus": 1}
        (self.folder / "application.json").write_text(json.dumps(application))
        return (
            f'executor.kind = "ray"\nexecutor.url = "http://127.0.0.1:{SERVE_PORT}/scene3d"\n'
            f'executor.token_file = "{self.folder / "token"}"\nexecutor.dashboard_url = "{DASHBOARD}"\n'
            f'executor.application = "{self.folder / "application.json"}"\n'
        )

    def worker_options(self) -> dict[str, Any]:
        """What `scene3d.Worker` is given."""
        return {
            "cache_dir": str(self.folder / "cache"),
            "plugin_dirs": [str(self.plugins)],
            "weights_dirs": [str(CHECKOUT / ".deps/weights")],
        }

    def _start(self, *options: str) -> None:
        """Waits until the node is there: two that start at once keep each other waiting for too long."""
        index, num_alive = len(self.nodes), alive_nodes()
        workers = 20_000 + 1000 * index
        command = [self.python, "-c", "from ray.scripts.scripts import main; main()", "start", "--block",
                   "--node-ip-address=127.0.0.1", "--object-store-memory=100000000", "--disable-usage-stats",
                   "--include-log-monitor=false", f"--min-worker-port={workers}", f"--max-worker-port={workers + 999}",
                   f"--dashboard-agent-listen-port={18310 + index}", *options]
        environment = os.environ | {
            "PYTHONPATH": str(CHECKOUT / "deploy/ray"),
            "SCENE3D_PYCOLMAP_PYTHON": str(CHECKOUT / ".deps/venv/bin/python"),
            "PATH": f"{self.python.parent}:{os.environ['PATH']}",
        }
        with (self.folder / "log").open("ab") as log:
            self.nodes.append(subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log))
        until = time.monotonic() + MAX_START_SECS
        while alive_nodes() <= num_alive:
            if time.monotonic() > until or self.nodes[-1].poll() is not None:
                raise SystemExit(f"the cluster does not start:\n{(self.folder / 'log').read_text()}")
            time.sleep(0.2)


def alive_nodes() -> int:
    try:
        nodes = call("GET", "/nodes?view=summary")["data"]["summary"]
    except OSError:
        return 0
    return sum(node["raylet"].get("state") == "ALIVE" for node in nodes)


def call(method: str, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(DASHBOARD + path, data, {"content-type": "application/json"}, method=method)
    with urllib.request.urlopen(request, timeout=MAX_START_SECS) as answer:
        text = answer.read()
        return json.loads(text) if text.startswith(b"{") else None


def descendants(pid: int) -> list[int]:
    children = [int(child) for tasks in Path(f"/proc/{pid}/task").glob("*/children") for child in read(tasks).split()]
    return children + [below for child in children for below in descendants(child)]


def read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""
