"""Costs are found again in runs made from them, and files of costs say what they must."""

import dataclasses
import tempfile
import unittest
from pathlib import Path

from here import FOLDER, free

import costs as cost_files
from blocks import Counts, Pairing, counts
from costs import NAMES
from fit import Run, fitted, least_squares
from model import Simulation
from plan import Job, mapping_secs, on_threads


def run_of(costs: cost_files.Costs, num_images: int, pairing: Pairing, threads: int) -> Run:
    outcome = Simulation(on_threads(Job(num_images, pairing), costs, threads), costs, threads).run()
    pairs = counts(pairing, num_images, 0)
    growing = mapping_secs(num_images, Counts(0, 0, 0), costs, threads) - costs["map.start_secs"]
    secs = outcome.phase_secs
    return Run("made", num_images, pairs.all, pairs.next, pairs.far, threads, list(range(num_images)), outcome.wall_secs,
               secs["extract"], secs["pair"], secs["match"], secs["map"], secs["map"] - growing)


class Fit(unittest.TestCase):
    def test_costs_are_found_again_and_predict_other_runs(self) -> None:
        truth = free(extract__load_secs=0.8, extract__image_secs=0.3, worker__crowding=0.2, match__load_secs=0.2, match__pair_secs=0.4,
                     match__next_pair_secs=0.2, map__start_secs=0.1, map__pair_secs=0.02, map__far_pair_secs=0.05, map__image_secs=0.3, map__exponent=1.25, map__parallel_share=0.4,
                     run__around_secs=0.2)
        all_pairs, near = Pairing("exhaustive"), Pairing("sequential", 1)
        made = [(4, all_pairs, 1), (9, all_pairs, 2), (8, all_pairs, 1), (9, near, 2), (10, near, 1)]
        found = fitted(free(), [run_of(truth, *what) for what in made])
        for name in ("extract.load_secs", "extract.image_secs", "worker.crowding", "match.pair_secs", "match.next_pair_secs", "map.pair_secs",
                     "map.far_pair_secs", "map.exponent"):
            self.assertAlmostEqual(found[name], truth[name], places=3, msg=name)
        guess, real = (run_of(costs, 20, all_pairs, 2) for costs in (found, truth))
        self.assertAlmostEqual(guess.wall_secs / real.wall_secs, 1, places=3)

    def test_pairs_of_a_kind_that_no_run_had_cost_what_others_do(self) -> None:
        truth = free(extract__image_secs=0.3, match__pair_secs=0.4, match__next_pair_secs=0.4, map__pair_secs=0.02, map__far_pair_secs=0.02)
        runs = [dataclasses.replace(run_of(truth, num, Pairing("exhaustive"), 1), num_next=0, num_far=0) for num in (4, 8)]
        found = fitted(free(), runs)
        self.assertAlmostEqual(found["match.next_pair_secs"], 0.4, places=3)
        self.assertAlmostEqual(found["map.far_pair_secs"], 0.02, places=3)

    def test_no_cost_is_negative(self) -> None:
        # the line through these falls below zero at zero
        self.assertEqual(least_squares([[1.0, 1.0], [1.0, 2.0]], [1.0, 3.0])[0], 0.0)


class Files(unittest.TestCase):
    def test_the_files_are_complete_and_say_where_figures_come_from(self) -> None:
        for path in sorted((FOLDER / "costs").glob("*.toml")):
            costs = cost_files.read(path)
            self.assertEqual(costs.figures.keys(), NAMES.keys())
            # some need no more words than that they are assumed
            self.assertFalse([name for kind in ("measured", "code", "elsewhere") for name, figure in costs.of_kind(kind) if not figure.by])

    def test_what_is_written_is_read_again(self) -> None:
        costs = free(match__pair_secs=0.25)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "costs.toml"
            path.write_text(cost_files.written(costs))
            self.assertEqual({name: costs[name] for name in NAMES}, {name: cost_files.read(path)[name] for name in NAMES})

    def test_a_name_that_is_none_is_told(self) -> None:
        with self.assertRaisesRegex(SystemExit, "match.pear_secs"):
            free().with_values(match__pear_secs=1)


if __name__ == "__main__":
    unittest.main()
