"""Jobs of a service, as a client sees them: photos are uploaded once, each job is timed and asked for its report."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "benches/load"))
from client import Api  # noqa: E402: it lies in another folder
from service import DUMMY, PASSWORD, USER, Service  # noqa: E402, F401: it lies in another folder


@dataclass
class Done:
    secs: float  # from `POST /jobs` to the last of its events
    report: dict[str, Any]

    def stage_secs(self, name: str) -> float:
        return next(stage["secs"] for stage in self.report["stages"] if stage["name"] == name)

    @property
    def num_images(self) -> int:
        return len(self.report["images"])

    @property
    def around_secs(self) -> float:
        return self.secs - sum(stage["secs"] for stage in self.report["stages"])


class Jobs:
    """Of one user of a service."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.uploads: dict[str, str] = {}

    @classmethod
    async def of(cls, service: Service) -> Jobs:
        return cls(await service.api.log_in(USER, PASSWORD))

    async def upload(self, name: str, photos: list[Path]) -> None:
        bodies: list[bytes] = []
        for photo in photos:
            part = f'--scene\r\ncontent-disposition: form-data; name="file"; filename="{photo.name}"\r\n\r\n'
            bodies += [part.encode(), photo.read_bytes(), b"\r\n"]
        head = {"content-type": "multipart/form-data; boundary=scene"}
        answer = await self.api.call("POST", "/api/v1/uploads", head, *bodies, b"--scene--\r\n")
        assert answer.status == 201, answer
        self.uploads[name] = answer.json()["id"]

    async def done(self, config: str, upload: str) -> Done:
        begun = time.perf_counter()
        asked = {"upload_id": self.uploads[upload], "config_toml": config}
        answer = await self.api.call_json("POST", "/api/v1/jobs", asked)
        assert answer.status == 202, answer
        path = f"/api/v1/jobs/{answer.json()['id']}"
        heard = await self.api.listen(answer.json()["id"])
        job = (await self.api.call("GET", path)).json()
        assert job["state"] == "succeeded", job
        report = await self.api.call("GET", f"{path}/artifacts/report.json")
        assert report.status == 200, report
        return Done(heard.last_at - begun, report.json())


def of_seed(config: str, seed: int) -> str:
    """A config of which nothing is known yet."""
    if "[pipeline]" not in config:
        return f"[pipeline]\nseed = {seed}\n{config}"
    return config.replace("seed = 0", f"seed = {seed}")
