"""The real `scene3d serve` on a folder of its own, and what its processes take of memory."""

from __future__ import annotations

import subprocess
from pathlib import Path

from client import Api

USER, PASSWORD = "load", "correct horse battery staple"
CHECKOUT = Path(__file__).resolve().parent.parent.parent
DUMMY = """[[features]]
extractor = { plugin = "dummy-extractor" }
matcher = { plugin = "dummy-matcher" }
[mapper]
plugin = "dummy-mapper"
"""


class Service:
    """Runs until it is left; all load comes from one user at one address, so that rates and counts of jobs are no limit."""

    def __init__(self, program: Path, folder: Path, more: str = "") -> None:
        self.program, self.folder = program, folder
        configs = folder / "configs"
        configs.mkdir(parents=True)
        (configs / "dummy.toml").write_text(DUMMY)
        many = 10_000_000
        (folder / "serve.toml").write_text(
            f'server.bind = "127.0.0.1:0"\n'
            f"server.address_requests_per_sec = {many}\nserver.address_request_burst = {many}\n"
            f"quotas.requests_per_sec = {many}\nquotas.request_burst = {many}\nquotas.max_active_jobs = 1000\n"
            f"auth.access_token_secs = 86400\nstorage.min_free_bytes = 0\n"
            f'storage.data_dir = "{folder / "data"}"\njobs.config_dirs = ["{configs}", "{CHECKOUT / "configs"}"]\n{more}'
        )

    def __enter__(self) -> Service:
        config = str(self.folder / "serve.toml")
        add_user = [self.program, "user", "add", USER, "--scopes", "jobs:read,jobs:write", "--config", config]
        subprocess.run(add_user, input=PASSWORD + "\n", text=True, check=True, stdout=subprocess.DEVNULL)
        self.log = open(self.folder / "log", "w")
        serve = [self.program, "serve", "--config", config, "--log-format", "json"]
        self.process = subprocess.Popen(serve, stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening on http://"):
            raise SystemExit(f"the service does not start:\n{(self.folder / 'log').read_text()}")
        host, port = line.removeprefix("listening on http://").strip().rsplit(":", 1)
        self.api = Api(host, int(port))
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(60)
        self.log.close()

    def forget_peaks(self) -> None:
        for pid in (self.process.pid, *self.workers()):
            # the peak of resident memory begins anew (proc(5), clear_refs)
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(pid) for child in children for pid in child.read_text().split()]

    def resident_mib(self) -> float:
        return status_mib(self.process.pid, "VmRSS")

    def peak_mib(self) -> float:
        return status_mib(self.process.pid, "VmHWM")

    def worker_peak_mib(self) -> float:
        return sum(status_mib(pid, "VmHWM") for pid in self.workers())

    def num_files(self) -> int:
        return sum(1 for _ in Path(f"/proc/{self.process.pid}/fd").iterdir())

    def errors(self) -> list[str]:
        lines = (self.folder / "log").read_text().splitlines()
        return [line for line in lines if '"level":"ERROR"' in line or "panicked" in line]


def status_mib(pid: int, name: str) -> float:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith(name + ":")), 0.0)
