"""Parts and who does them, with actors that come up, die and fail as they are told: no cluster, no photos."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import unittest
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from unittest import mock

import ray
from scene3d_ray.parts import MAX_DEATHS, Failed, Parts, run_all

PARTS = [f"part {number}" for number in range(8)]
DONE = json.dumps("done")
ITEMS = 3
FAILURE = {"code": "panicked", "stage": "match", "plugin": "hostile", "message": "it panicked", "help": "", "transient": False}
LONG_ENOUGH = 10

# what is lost here is no news
logging.getLogger("scene3d_ray").addHandler(logging.NullHandler())


class Cluster:
    """Actors whose deeds are `ready` and `run`, beside a replica whose deed is `here`; by default all are willing."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.told: list[int] = []
        self.actors: list[SimpleNamespace] = []
        self.killed: list[SimpleNamespace] = []
        self.deaths: Counter[str] = Counter()

    async def ready(self) -> None:
        await asyncio.sleep(0)

    async def run(self, part: str) -> tuple[str, int]:
        return await self.does("actor", part)

    async def here(self, part: str) -> tuple[str, int]:
        return await self.does("replica", part)

    async def does(self, who: str, part: str) -> tuple[str, int]:
        await asyncio.sleep(0)
        self.done.append((who, part))
        return DONE, ITEMS

    async def does_the_last(self, part: str) -> tuple[str, int]:
        await until(lambda: len(self.done) == len(PARTS) - 1)
        return await self.does("replica", part)

    async def dies(self, part: str) -> tuple[str, int]:
        await asyncio.sleep(0)
        self.deaths[part] += 1
        raise ray.exceptions.RayActorError

    def start(self) -> SimpleNamespace:
        ready, run = (SimpleNamespace(remote=deed) for deed in (self.ready, self.run))
        self.actors.append(SimpleNamespace(ready=ready, run=run))
        return self.actors[-1]

    async def do_all(self, parts: list[str] = PARTS, num_workers: int = 2) -> None:
        with mock.patch("ray.kill", self.killed.append):
            todo = run_all(Parts(parts, self.told.append), self.here, num_workers, self.start)
            await asyncio.wait_for(todo, LONG_ENOUGH)


async def until(holds: Callable[[], bool]) -> None:
    while not holds():
        await asyncio.sleep(0)


async def never(*_: str) -> None:
    await asyncio.Event().wait()


class AllParts(unittest.IsolatedAsyncioTestCase):
    def setUp(self) -> None:
        self.cluster = Cluster()

    def check_all_done(self, cluster: Cluster) -> None:
        """Each once, told as it was done; no actor holds its GPU any longer."""
        self.assertEqual(sorted(part for _, part in cluster.done), PARTS)
        self.assertEqual(cluster.told, [ITEMS * (number + 1) for number in range(len(PARTS))])
        self.assertEqual(cluster.killed, cluster.actors)

    async def test_each_is_done_once_by_whoever_is_free(self) -> None:
        await self.cluster.do_all()
        self.check_all_done(self.cluster)
        self.assertEqual({who for who, _ in self.cluster.done}, {"actor", "replica"})
        self.assertEqual(len(self.cluster.actors), 2)

    async def test_one_that_takes_down_its_actor_is_done_by_another(self) -> None:
        cluster = self.cluster

        async def run(part: str) -> tuple[str, int]:
            is_deadly = cluster.deaths.total() < MAX_DEATHS - 1
            return await (cluster.dies(part) if is_deadly else cluster.does("actor", part))

        cluster.run, cluster.here = run, cluster.does_the_last
        await cluster.do_all(num_workers=1)
        self.check_all_done(cluster)
        # the part that was lost comes first, and the deaths are its own
        self.assertEqual(cluster.deaths, {cluster.done[0][1]: MAX_DEATHS - 1})
        self.assertEqual(len(cluster.actors), MAX_DEATHS)

    async def test_the_last_one_is_waited_for_and_if_it_is_lost_the_replica_does_it(self) -> None:
        cluster = self.cluster

        async def run(part: str) -> tuple[str, int]:
            await until(lambda: len(cluster.done) == len(PARTS) - 1)
            return await cluster.dies(part)

        cluster.run = run
        await cluster.do_all(num_workers=1)
        self.check_all_done(cluster)
        self.assertEqual(cluster.deaths, {cluster.done[-1][1]: 1})

    async def test_one_that_takes_down_one_actor_after_the_other_fails_the_job(self) -> None:
        cluster = self.cluster
        cluster.run, cluster.here = cluster.dies, never
        with self.assertRaises(Failed) as raised:
            await cluster.do_all(num_workers=1)
        failure = raised.exception.failure
        self.assertEqual((failure["code"], failure["transient"]), ("worker_lost", False))
        self.assertIn(f"{MAX_DEATHS} workers", failure["message"])
        self.assertIn("memory", failure["help"])
        self.assertEqual(list(cluster.deaths.values()), [MAX_DEATHS])
        self.assertEqual((len(cluster.actors), cluster.done), (MAX_DEATHS, []))
        self.assertEqual(cluster.killed, cluster.actors)

    async def test_deaths_of_several_are_not_added_up(self) -> None:
        cluster = self.cluster

        async def run(part: str) -> tuple[str, int]:
            return await (cluster.does("actor", part) if cluster.deaths[part] else cluster.dies(part))

        cluster.run, cluster.here = run, cluster.does_the_last
        await cluster.do_all(num_workers=1)
        self.check_all_done(cluster)
        self.assertEqual(len(cluster.deaths), len(PARTS) - 1)

    async def test_where_no_actor_comes_up_the_replica_does_all(self) -> None:
        cluster, num_workers = self.cluster, 2

        async def ready() -> None:
            await asyncio.sleep(0)
            raise ray.exceptions.RayActorError

        async def here(part: str) -> tuple[str, int]:
            await until(lambda: len(cluster.actors) >= num_workers * MAX_DEATHS)
            return await cluster.does("replica", part)

        cluster.ready, cluster.here = ready, here
        with self.assertLogs("scene3d_ray.parts", "ERROR") as logged:
            await cluster.do_all(num_workers=num_workers)
        self.check_all_done(cluster)
        self.assertEqual({who for who, _ in cluster.done}, {"replica"})
        # and no more are started
        self.assertEqual((len(cluster.actors), len(logged.output)), (num_workers * MAX_DEATHS, num_workers))

    async def test_an_actor_that_waits_for_room_keeps_nobody_waiting(self) -> None:
        self.cluster.ready = never
        await self.cluster.do_all()
        self.check_all_done(self.cluster)

    async def test_one_that_fails_ends_the_work_on_the_others(self) -> None:
        cluster, given_up = self.cluster, []

        async def here(part: str) -> None:
            try:
                await never()
            finally:
                given_up.append(part)

        async def run(_: str) -> tuple[str, int]:
            await asyncio.sleep(0)
            return json.dumps({"failed": FAILURE}), 0

        cluster.run, cluster.here = run, here
        # of two that fail at once the other is no mistake of the application's
        with self.assertNoLogs("asyncio"):
            with self.assertRaises(Failed) as raised:
                await cluster.do_all()
            gc.collect()
        self.assertEqual(raised.exception.failure, FAILURE)
        self.assertEqual((given_up, cluster.done, cluster.told), (PARTS[:1], [], []))
        self.assertEqual(cluster.killed, cluster.actors)


if __name__ == "__main__":
    unittest.main()
