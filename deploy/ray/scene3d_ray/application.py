"""The application that a service with `[executor] kind = "ray"` sends its jobs to.

Each replica holds one worker (`scene3d.Worker`), the same that the service would run as a child process, with its plugins
and weights loaded. `POST jobs` takes a job and answers with a line of JSON for whatever happens, the last says how it ended.
Closing the connection cancels. What the job finishes lies in the object store; a replica has nothing that must be kept.
A large job is split into parts that the whole cluster works on (`parts.py`).
"""

import asyncio
import hmac
import json
import subprocess
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ray
import scene3d
from ray import serve
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse

from scene3d_ray.parts import Failed, Parts, PartWorker, run_all, run_part

# the service takes a replica for gone that is silent for 45 s (host/service/src/jobs/ray/mod.rs)
HEARTBEAT_SECS = 10
# a driver that does not answer by then will not
GPU_ANSWER_SECS = 20


@serve.deployment(max_ongoing_requests=1, health_check_period_s=10, health_check_timeout_s=30, graceful_shutdown_timeout_s=10)
class Reconstructor:
    """A worker, given one job after the other."""

    def __init__(self, options: dict[str, Any]) -> None:
        token_file = options.pop("token_file", None)
        self._token = Path(token_file).read_text().strip() if token_file else None
        large = options.pop("large", None)
        self._split = Split(options, **large) if large else None
        self._worker = scene3d.Worker(**options, split=self._split.sizes if self._split else None)
        # a cancelled job that is still stopping makes the next one wait
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._parts_thread = ThreadPoolExecutor(max_workers=1)
        self._retires = False

    def check_health(self) -> None:
        if self._retires:
            raise RuntimeError("a plugin of this worker is disabled, or its state is in doubt")
        check_gpus(ray.get_gpu_ids())

    async def __call__(self, request: Request) -> Response:
        if not self._may(request):
            return PlainTextResponse("expected `Authorization: Bearer` with the application's token", 401)
        if request.method != "POST" or request.url.path.rsplit("/", 1)[-1] != "jobs":
            return PlainTextResponse("expected POST jobs", 404)
        try:
            job = json.loads(body := await request.body())["job_id"]
        except (ValueError, KeyError, TypeError) as error:
            return PlainTextResponse(f"the body is no job: {error!r}", 422)
        return StreamingResponse(self._lines(job, body.decode()), media_type="application/x-ndjson")

    def _may(self, request: Request) -> bool:
        if self._token is None:
            return True
        given = request.headers.get("authorization", "")
        return hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode())

    async def _lines(self, job: str, request: str) -> AsyncIterator[str]:
        loop, lines = asyncio.get_running_loop(), asyncio.Queue[str | None]()

        def tell(line: str) -> None:
            loop.call_soon_threadsafe(lines.put_nowait, line)

        def run() -> None:
            try:
                self._worker.run(request, tell)
            finally:
                loop.call_soon_threadsafe(lines.put_nowait, None)

        running = loop.run_in_executor(self._thread, run)
        split: asyncio.Task[None] | None = None
        try:
            while True:
                try:
                    line = await asyncio.wait_for(lines.get(), HEARTBEAT_SECS)
                except TimeoutError:
                    yield "\n"
                    continue
                if line is None:
                    break
                told = json.loads(line)["told"]
                if "parts" in told:
                    # the one before has been answered
                    split = asyncio.create_task(self._do_parts(job, told["parts"]))
                    continue
                # with its last word a worker says whether it takes another job
                self._retires |= bool(told.get("ended", {}).get("retires"))
                yield line.rstrip("\n") + "\n"
            # a request that can't be read is told by the end of the stream, and by the log
            await running
        finally:
            # nobody listens any more, or it has ended
            self._worker.cancel(job)
            if split:
                split.cancel()

    async def _do_parts(self, job: str, parts: list[Any]) -> None:
        """Has parts of a job done, here and by the cluster, and answers the job."""
        loop = asyncio.get_running_loop()

        def here(part: str) -> asyncio.Future[tuple[str, int]]:
            return loop.run_in_executor(self._parts_thread, run_part, self._worker, part)

        def tell(done: int) -> None:
            self._worker.answer(job, json.dumps({"progress": done}))

        try:
            split = self._split
            todo = Parts([json.dumps(part) for part in parts], tell)
            await run_all(todo, here, min(split.max_workers, len(parts) - 1), split.start_worker)
            answer: Any = "done"
        except Failed as failed:
            answer = {"failed": failed.failure}
        except Exception as error:
            # a job that is not answered waits for ever
            answer = {"failed": cluster_failed(error)}
        self._worker.answer(job, json.dumps(answer))


class Split:
    """How large jobs are split: `args.large` of the application."""

    def __init__(
        self,
        options: dict[str, Any],
        *,
        min_images: int = 500,
        images_per_shard: int = 64,
        images_per_block: int = 128,
        max_workers: int = 8,
        worker: dict[str, Any],
    ) -> None:
        self.sizes = (min_images, images_per_shard, images_per_block)
        self.max_workers = max_workers
        self._options = options
        self._actor = ray.remote(PartWorker).options(**worker)

    def start_worker(self) -> Any:
        """An actor of `PartWorker`, up when the cluster has what `worker` asks for."""
        return self._actor.remote(self._options)


def cluster_failed(error: Exception) -> dict[str, Any]:
    return {
        "code": "unavailable",
        "stage": None,
        "plugin": None,
        "message": f"the cluster could not do the parts of the job: {error!r}",
        "help": "look at the application's log on the cluster, then retry the job",
        "transient": True,
    }


def check_gpus(ids: list[int]) -> None:
    """Raises if the driver does not answer for a GPU of this replica, as one does that hangs or fell off the bus."""
    if not ids:
        return
    command = ["nvidia-smi", f"--id={','.join(map(str, ids))}", "--query-gpu=uuid,memory.used", "--format=csv,noheader"]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=GPU_ANSWER_SECS, check=False)
    except subprocess.TimeoutExpired as expired:
        raise RuntimeError(f"GPU {ids}: the driver does not answer within {GPU_ANSWER_SECS} s") from expired
    if answer.returncode != 0 or "ERR" in answer.stdout.upper() or len(answer.stdout.split("\n")) <= len(ids):
        raise RuntimeError(f"GPU {ids}: {answer.stdout.strip()} {answer.stderr.strip()}")


def build(options: dict[str, Any]) -> serve.Application:
    """The application, with what `scene3d.Worker` is given; `token_file`, the file with the token of the service; and `large`."""
    return Reconstructor.bind(options)
