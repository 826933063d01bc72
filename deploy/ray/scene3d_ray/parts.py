"""Parts of a large job, shards of its photos and blocks of its pairs, done by actors of the cluster and by the replica itself.

Actors take parts as they come up: one that waits for a GPU keeps no part waiting, and where the cluster has no room at all
the replica does them alone. A part that is lost with its node is done again; what it had finished is in the object store.
"""

import asyncio
import contextlib
import json
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import ray
import scene3d

log = logging.getLogger(__name__)

# a part that takes down so many workers is not given to another
MAX_DEATHS = 3
Do = Callable[[str], Awaitable[tuple[str, int]]]


class Failed(Exception):
    """A part failed; the service's `JobFailure`."""

    def __init__(self, failure: dict[str, Any]) -> None:
        super().__init__(failure["message"])
        self.failure = failure


class PartWorker:
    """A worker of the cluster, with its plugins and weights, that does one part after the other."""

    def __init__(self, options: dict[str, Any]) -> None:
        self._worker = scene3d.Worker(**options)

    def ready(self) -> None:
        """Answers when it is up."""

    def run(self, part: str) -> tuple[str, int]:
        """How the part ended, and how many items it did."""
        return run_part(self._worker, part)


def run_part(worker: scene3d.Worker, part: str) -> tuple[str, int]:
    """How a part ended, and how many items it did."""
    done = 0

    def hear(line: str) -> None:
        nonlocal done
        event = json.loads(line)["told"].get("event", {})
        if event.get("event") == "progress":
            done = event["done"]

    return worker.run_part(part, hear), done


class Parts:
    """Parts that wait to be done, and how far they are."""

    def __init__(self, parts: list[str], tell: Callable[[int], None]) -> None:
        self._waiting = deque((part, 0) for part in parts)
        self._in_work = 0
        self._done_items = 0
        self._tell = tell
        self._changed = asyncio.Condition()

    async def work(self, do: Do) -> None:
        """Does parts until there are none left that anyone may give back."""
        while (taken := await self._take()) is not None:
            part, deaths = taken
            given_back = True
            try:
                ending, items = await do(part)
                given_back = False
                check(ending)
                self._done_items += items
                self._tell(self._done_items)
            except ray.exceptions.RayActorError as lost:
                if deaths + 1 >= MAX_DEATHS:
                    given_back = False
                    raise Failed(worker_lost(deaths + 1, lost)) from lost
                deaths += 1
                raise
            finally:
                async with self._changed:
                    self._in_work -= 1
                    if given_back:
                        self._waiting.appendleft((part, deaths))
                    self._changed.notify_all()

    async def _take(self) -> tuple[str, int] | None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting or self._in_work == 0)
            if not self._waiting:
                return None
            self._in_work += 1
            return self._waiting.popleft()


async def run_all(parts: Parts, here: Do, num_workers: int, start: Callable[[], Any]) -> None:
    """Does all parts, by so many actors that `start` starts and by the one who calls."""
    local = asyncio.create_task(parts.work(here))
    tasks = pending = {local, *(asyncio.create_task(run_there(parts, start)) for _ in range(num_workers))}
    try:
        # when nothing is left to do here, nothing is in work elsewhere
        while not local.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def run_there(parts: Parts, start: Callable[[], Any]) -> None:
    """Does parts with an actor; with another where it is lost."""
    num_failed = 0
    while num_failed < MAX_DEATHS:
        actor = start()
        try:
            await actor.ready.remote()
            num_failed = 0
            return await parts.work(actor.run.remote)
        except ray.exceptions.RayActorError as lost:
            num_failed += 1
            log.warning("a worker for parts was lost: %s", lost)
        finally:
            # what it works on is lost too; it has a GPU that the next stage, or another job, may need
            with contextlib.suppress(Exception):
                ray.kill(actor)
    log.error("no worker for parts can be started; others go on")


def check(ending: str) -> None:
    """Raises why a part was not done."""
    match json.loads(ending):
        case "done" | "cancelled":
            # cancelled is the job, which ends by itself
            return
        case {"failed": failure}:
            raise Failed(failure)


def worker_lost(deaths: int, why: Exception) -> dict[str, Any]:
    return {
        "code": "worker_lost",
        "stage": None,
        "plugin": None,
        "message": f"{deaths} workers were lost while they did the same part of the job; the last: {why}",
        "help": "fewer or smaller images, or more memory for each worker",
        "transient": False,
    }
