"""What holds for every simulated job: work is kept, more workers are never slower, nothing is faster than its longest part."""

import unittest

from here import FOLDER, free

import costs as cost_files
from blocks import Pairing
from costs import Costs
from model import Outcome, Simulation
from plan import Job, Phase, Task, on_cluster, on_threads, shard

PAIRINGS = [Pairing("exhaustive"), Pairing("sequential", 10), Pairing("retrieval", 10)]


def simulated(phases: list[Phase], costs: Costs, num_workers: int, seed: int = 0) -> Outcome:
    return Simulation(phases, costs, num_workers, seed).run()


class Phases(unittest.TestCase):
    """Of tasks that are given."""

    def test_one_worker_takes_the_sum_of_its_work(self) -> None:
        phases = [Phase("a", [Task(1.0), Task(2.5)], load_secs=3), Phase("b", [Task(4.0)], load_secs=5)]
        outcome = simulated(phases, free(worker__start_secs=10, worker__actor_secs=10), 1)
        self.assertAlmostEqual(outcome.wall_secs, 3 + 1 + 2.5 + 5 + 4, msg="the replica need not start")
        self.assertEqual(outcome.num_tasks, 3)

    def test_work_is_the_same_on_any_number_of_workers(self) -> None:
        phases = [Phase("a", [Task(1.0 + index / 7) for index in range(50)])]
        for num_workers in (1, 3, 50, 80):
            spent = simulated(phases, free(), num_workers).spent_secs["a", "computing"]
            self.assertAlmostEqual(spent, sum(task.compute_secs for task in phases[0].tasks))

    def test_a_phase_is_as_long_as_its_share_or_its_longest_task(self) -> None:
        tasks = [Task(1.0)] * 30 + [Task(20.0)]
        for num_workers in (1, 2, 5, 31):
            wall = simulated([Phase("a", tasks)], free(), num_workers).wall_secs
            self.assertGreaterEqual(wall, max(20.0, 50.0 / num_workers) - 1e-9)
            self.assertLessEqual(wall, 50.0 / num_workers + 20.0)

    def test_a_phase_begins_when_the_last_one_is_done(self) -> None:
        phases = [Phase("a", [Task(1.0), Task(9.0)]), Phase("b", [Task(1.0), Task(1.0)])]
        self.assertAlmostEqual(simulated(phases, free(), 2).wall_secs, 10.0)

    def test_parts_are_given_out_one_after_the_other(self) -> None:
        outcome = simulated([Phase("a", [Task(0.0)] * 100)], free(driver__task_secs=0.1, driver__latency_secs=1), 100)
        self.assertAlmostEqual(outcome.wall_secs, 100 * 0.1 + 1)

    def test_a_full_store_keeps_workers_waiting(self) -> None:
        tasks = [Task(1.0, fetch_bytes=10.0, fetch_objects=1)] * 8
        outcome = simulated([Phase("a", tasks)], free(store__worker_rate=10, store__total_rate=20), 8)
        self.assertAlmostEqual(outcome.wall_secs, 80 / 20 + 1)
        self.assertEqual(outcome.bytes_moved, 80)
        self.assertEqual(outcome.bottleneck(8), "a: at the store, 100% of the time")

    def test_what_a_phase_made_is_collected_before_the_next_one(self) -> None:
        collected = Task(0.0, fetch_objects=10, fetch_at_once=2)
        phases = [Phase("a", [Task(1.0)] * 4, collected=collected), Phase("b", [Task(1.0)])]
        outcome = simulated(phases, free(store__latency_secs=3), 2)
        self.assertAlmostEqual(outcome.wall_secs, 2 + 5 * 3 + 1)
        self.assertEqual(outcome.bottleneck(2), "a: replica at the store, 94% of the time")

    def test_workers_start_once_and_their_processes_once_a_phase(self) -> None:
        # the replica does the first task of a while the other starts
        phases = [Phase("a", [Task(50.0), Task(6.0)]), Phase("b", [Task(9.0), Task(9.0)])]
        outcome = simulated(phases, free(worker__start_secs=30, worker__actor_secs=5), 2)
        self.assertAlmostEqual(outcome.wall_secs, 50 + 5 + 9)
        self.assertAlmostEqual(outcome.spent_secs["a", "starting"] + outcome.spent_secs["b", "starting"], 30 + 5 + 5)

    def test_workers_are_held_until_nothing_is_left_for_them_and_the_replica_to_the_end(self) -> None:
        phases = [Phase("a", [Task(6.0)]), Phase("map", [Task(100.0)], is_on_replica=True)]
        costs = free(price__worker_hour=3600)
        outcome = simulated(phases, costs, 4)
        self.assertAlmostEqual(outcome.worker_secs, 3 * 6.0 + 106)
        self.assertAlmostEqual(outcome.dollars(costs), 124)

    def test_a_worker_that_dies_costs_time_and_no_work(self) -> None:
        phases = [Phase("a", [Task(60.0)] * 40)]
        alive = simulated(phases, free(), 4)
        for seed in range(5):
            dying = simulated(phases, free(worker__failures_per_hour=20, worker__actor_secs=5), 4, seed)
            self.assertGreater(dying.num_failures, 0)
            self.assertGreater(dying.wall_secs, alive.wall_secs)
            self.assertAlmostEqual(dying.spent_secs["a", "computing"], alive.spent_secs["a", "computing"])


class Jobs(unittest.TestCase):
    """Of the costs that are in the repository."""

    def setUp(self) -> None:
        self.costs = cost_files.read(FOLDER / "costs/h100.toml")

    def on(self, num_workers: int, pairing: Pairing, num_images: int = 2000) -> Outcome:
        return simulated(on_cluster(Job(num_images, pairing), self.costs), self.costs, num_workers)

    def test_more_workers_are_not_slower(self) -> None:
        for pairing in PAIRINGS:
            walls = [self.on(num_workers, pairing).wall_secs for num_workers in (1, 2, 4, 8, 16, 32, 64)]
            for more, fewer in zip(walls[1:], walls):
                self.assertLess(more, fewer * 1.02, "but for smaller blocks, which fetch some images more often")

    def test_more_photos_take_longer(self) -> None:
        for pairing in PAIRINGS:
            walls = [self.on(8, pairing, num_images).wall_secs for num_images in (100, 500, 1000, 3000)]
            self.assertEqual(walls, sorted(walls))

    def test_no_job_is_faster_than_what_must_follow_one_another(self) -> None:
        for pairing in PAIRINGS:
            phases = on_cluster(Job(2000, pairing), self.costs)
            longest = sum(phase.load_secs + max(task.compute_secs for task in phase.tasks) for phase in phases)
            self.assertGreater(self.on(64, pairing).wall_secs, longest)

    def test_a_slower_store_is_never_a_faster_job(self) -> None:
        walls = []
        for rate in (1e11, 1e10, 1e9, 1e8):
            self.costs = self.costs.with_values(store__total_rate=rate)
            walls.append(self.on(16, Pairing("retrieval", 10)).wall_secs)
        self.assertEqual(walls, sorted(walls))

    def test_a_shard_takes_what_the_slower_of_network_and_decoding_takes(self) -> None:
        costs = free(extract__image_secs=1, extract__decode_secs=8, worker__threads=4)
        self.assertEqual([shard(10, costs).compute_secs, shard(10, costs.with_values(worker__threads=16)).compute_secs], [20, 10])

    def test_pieces_that_are_fetched_one_by_one_hold_up_the_job(self) -> None:
        one_by_one = self.on(64, PAIRINGS[0]).wall_secs
        self.costs = self.costs.with_values(driver__pieces_at_once=64)
        self.assertLess(self.on(64, PAIRINGS[0]).wall_secs, one_by_one)

    def test_threads_of_one_machine_take_what_the_work_is(self) -> None:
        costs = free(extract__image_secs=2, match__pair_secs=3, match__next_pair_secs=1, map__image_secs=1, map__pair_secs=0.5,
                     map__far_pair_secs=1.5, run__around_secs=7)
        job = Job(4, Pairing("exhaustive"), (0, 1, 2, 9))
        one, two = (simulated(on_threads(job, costs, threads), costs, threads) for threads in (1, 2))
        matching, verifying = 4 * 3 + 2 * 1, 3 * 0.5 + 3 * 1.5
        self.assertAlmostEqual(one.wall_secs, 4 * 2 + matching + 4 * 1 + verifying + 7)
        self.assertAlmostEqual(two.wall_secs, (4 * 2 + matching + verifying) / 2 + 4 * 1 + 7)


if __name__ == "__main__":
    unittest.main()
