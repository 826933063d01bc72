"""A job run by simulated workers: they start, load plugins, take parts, fetch, compute, put, and sometimes die.

One of them is the replica that has the job. It is there from the start, gives out the parts, and does some as the others do;
between the stages and for mapping they wait for it (`deploy/ray/scene3d_ray/parts.py`).

Nothing is computed by formula but what a task takes alone. Who waits for whom, for the store, for the replica or for the last
one of a phase comes out of the simulation.
"""

from __future__ import annotations

import random
from collections import Counter, deque
from dataclasses import dataclass, field

from costs import Costs
from events import Clock, Gate, Process, Wait
from plan import Phase, Task
from store import Store

SECS_PER_HOUR = 3600.0
WORKER, REPLICA = "worker", "replica"


@dataclass
class Outcome:
    """Seconds are of the wall, or of workers where the name says so."""

    wall_secs: float = 0.0
    worker_secs: float = 0.0  # of all workers: the replica to the end, others until nothing is left for them
    phase_secs: dict[str, float] = field(default_factory=dict)
    spent_secs: Counter[tuple[str, str]] = field(default_factory=Counter)  # by phase and activity, of all workers
    bytes_moved: float = 0.0
    memory_bytes: dict[str, float] = field(default_factory=lambda: {WORKER: 0.0, REPLICA: 0.0})
    num_tasks: int = 0
    num_failures: int = 0

    def note(self, phase: str, who: str, task: Task, computing_secs: float, moving_secs: float) -> None:
        """What a task took, and whom."""
        self.num_tasks += 1
        where = "" if who == WORKER else "replica "
        self.spent_secs[phase, f"{where}computing"] += computing_secs
        self.spent_secs[phase, f"{where}at the store"] += moving_secs
        self.memory_bytes[who] = max(self.memory_bytes[who], task.memory_bytes)

    def dollars(self, costs: Costs) -> float:
        return self.worker_secs * costs["price.worker_hour"] / SECS_PER_HOUR

    def bottleneck(self, num_workers: int) -> str:
        """The phase that takes longest, and what it spends most of it on: what the replica does alone all wait for."""
        phase = max(self.phase_secs, key=self.phase_secs.__getitem__)
        share = lambda activity: 1.0 if activity.startswith("replica") else 1 / num_workers
        of_phase = {activity: secs * share(activity) for (name, activity), secs in self.spent_secs.items() if name == phase}
        activity = max(of_phase, key=of_phase.__getitem__, default="nothing")
        return f"{phase}: {activity}, {self.phase_secs[phase] / self.wall_secs:.0%} of the time"


class Open:
    """A phase that is under way."""

    def __init__(self, phase: Phase, clock: Clock) -> None:
        self.phase = phase
        self.waiting = deque(phase.tasks)
        self.num_left = len(phase.tasks)
        self.begun, self.ended = Gate(clock), Gate(clock)

    def finish_one(self) -> None:
        self.num_left -= 1
        if self.num_left == 0:
            self.ended.open()


class Simulation:
    def __init__(self, phases: list[Phase], costs: Costs, num_workers: int, seed: int = 0) -> None:
        self.costs, self.num_workers = costs, num_workers
        self.clock, self.outcome, self.random = Clock(), Outcome(), random.Random(seed)
        rates = (costs["store.worker_rate"], costs["store.total_rate"])
        self.store = Store(self.clock, *rates, costs["store.latency_secs"], costs["store.requests_at_once"])
        self.phases = [Open(phase, self.clock) for phase in phases if phase.tasks]
        self.driver_free_at = 0.0

    def run(self) -> Outcome:
        for place in range(self.num_workers):
            self.clock.start(self.worker(place))
        self.clock.start(self.replica())
        self.clock.run()
        self.outcome.wall_secs = self.clock.now
        self.outcome.worker_secs += self.clock.now
        self.outcome.bytes_moved = self.store.bytes_moved
        return self.outcome

    def replica(self) -> Process:
        """Opens one phase after the other, collects what it made, and does alone what is for it alone."""
        for opened in self.phases:
            begun = self.clock.now
            opened.begun.open()
            if opened.phase.is_on_replica:
                for task in opened.phase.tasks:
                    yield from self.work(opened, task, REPLICA)
                    opened.finish_one()
            yield opened.ended.passed()
            if opened.phase.collected:
                yield from self.work(opened, opened.phase.collected, REPLICA)
            self.outcome.phase_secs[opened.phase.name] = self.clock.now - begun

    def worker(self, place: int) -> Process:
        """The first is the replica's own."""
        of_workers = [opened for opened in self.phases if not opened.phase.is_on_replica]
        if not of_workers:
            return
        if place > 0:
            yield from self.spend(of_workers[0], "starting", self.clock.sleep(self.costs["worker.start_secs"]))
        for opened in of_workers:
            yield opened.begun.passed()
            # no more are started than there are parts
            if place < len(opened.phase.tasks):
                yield from self.tasks_of(opened, is_replica=place == 0)
        yield of_workers[-1].ended.passed()
        if place > 0:
            self.outcome.worker_secs += self.clock.now

    def tasks_of(self, opened: Open, is_replica: bool) -> Process:
        """Takes tasks until none waits. Plugins are loaded for the first; a worker that dies starts anew."""
        actor_secs = 0.0 if is_replica else self.costs["worker.actor_secs"]
        if opened.waiting:
            yield from self.spend(opened, "starting", self.clock.sleep(actor_secs))
        is_loaded = False
        while opened.waiting:
            task = opened.waiting.popleft()
            yield from self.spend(opened, "scheduling", self.turn_of_driver())
            if not is_loaded:
                yield from self.spend(opened, "loading", self.clock.sleep(opened.phase.load_secs))
                is_loaded = True
            dies_after = self.life_secs()
            if dies_after < task.compute_secs:
                self.outcome.num_failures += 1
                yield from self.spend(opened, "lost work", self.clock.sleep(dies_after))
                opened.waiting.append(task)
                yield from self.spend(opened, "starting", self.clock.sleep(self.costs["worker.actor_secs"]))
                is_loaded = False
                continue
            yield from self.work(opened, task, WORKER)
            opened.finish_one()
        left_at = self.clock.now
        yield opened.ended.passed()
        self.outcome.spent_secs[opened.phase.name, "waiting for the last"] += self.clock.now - left_at

    def work(self, opened: Open, task: Task, who: str) -> Process:
        begun = self.clock.now
        yield from self.store.moved(task.fetch_bytes, task.fetch_objects, task.fetch_at_once)
        fetched = self.clock.now
        yield self.clock.sleep(task.compute_secs)
        computed = self.clock.now
        yield from self.store.moved(task.put_bytes, task.put_objects)
        moving_secs = fetched - begun + self.clock.now - computed
        self.outcome.note(opened.phase.name, who, task, computed - fetched, moving_secs)

    def spend(self, opened: Open, activity: str, wait: Wait) -> Process:
        begun = self.clock.now
        yield wait
        self.outcome.spent_secs[opened.phase.name, activity] += self.clock.now - begun

    def turn_of_driver(self) -> Wait:
        """Parts are given out one after the other; what follows in the worker goes on beside that."""
        self.driver_free_at = max(self.clock.now, self.driver_free_at) + self.costs["driver.task_secs"]
        return self.clock.sleep(self.driver_free_at - self.clock.now + self.costs["driver.latency_secs"])

    def life_secs(self) -> float:
        per_hour = self.costs["worker.failures_per_hour"]
        return self.random.expovariate(per_hour / SECS_PER_HOUR) if per_hour else float("inf")
