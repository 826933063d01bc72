"""Blocks hold every pair once and no more images than they may."""

import unittest

import here  # noqa: F401: makes the others importable

from blocks import Counts, Pairing, blocks, counts, cut, neighbor_pairs, pairs

PAIRINGS = [Pairing("exhaustive"), Pairing("sequential", 7), Pairing("retrieval", 6)]


class Blocks(unittest.TestCase):
    def test_pairs_are_counted_as_the_pipeline_makes_them(self) -> None:
        # the numbers of host/pipeline/src/pairing.rs
        self.assertEqual(counts(Pairing("exhaustive"), 11, 0), Counts(55, 10, 5 + 4 + 3 + 2 + 1))
        self.assertEqual(counts(Pairing("sequential", 3), 10, 0), Counts(9 + 8 + 7, 9, 0))
        self.assertEqual(counts(Pairing("sequential", 5), 2, 0), Counts(1, 1, 0))

    def test_all_pairs_by_formula_are_those_counted(self) -> None:
        for num_images in (1, 2, 6, 7, 8, 30):
            with self.subTest(num_images=num_images):
                formula, counted = (counts(Pairing("exhaustive"), num_images, 0, places) for places in (None, range(num_images)))
                self.assertEqual(formula, counted)

    def test_photos_that_were_left_out_lie_between_the_others(self) -> None:
        # 0-1 and 9-10 follow each other; 0-9, 0-10, 1-9, 1-10 are far apart
        self.assertEqual(counts(Pairing("exhaustive"), 4, 0, [0, 1, 9, 10]), Counts(6, 2, 4))

    def test_every_pair_is_in_one_block_and_no_block_is_too_large(self) -> None:
        for pairing in PAIRINGS:
            for num_images in (2, 9, 100, 257):
                for max_images in (2, 16, 40, 1000):
                    with self.subTest(pairing=pairing, num_images=num_images, max_images=max_images):
                        found = blocks(pairing, num_images, 0.5, max_images)
                        of_job = counts(pairing, num_images, 0.5)
                        self.assertEqual(sum(block.num_pairs for block in found), of_job.all)
                        self.assertEqual(sum(block.num_next for block in found), of_job.next)
                        self.assertLessEqual(max(block.num_images for block in found), max_images)
                        self.assertTrue(all(block.num_pairs <= block.num_images * (block.num_images - 1) // 2 for block in found))

    def test_there_are_as_many_blocks_as_the_host_makes(self) -> None:
        # the numbers of host/pipeline/src/split.rs
        self.assertEqual(len(blocks(Pairing("exhaustive"), 100, 0, 20)), 10 * 9 // 2)
        neighbors = {tuple(sorted((a, b))) for a in range(200) for b in ((a + 1) % 200, (a + 97) % 200)}
        self.assertLess(len(cut(sorted(neighbors), 20)), 40)

    def test_tiles_by_count_are_the_tiles_of_the_matrix(self) -> None:
        by_size = lambda found: sorted((block.num_images, block.num_pairs, block.num_next) for block in found)
        for num_images in (2, 10, 19, 20, 30, 40, 45, 90, 95):
            with self.subTest(num_images=num_images):
                exhaustive = Pairing("exhaustive")
                self.assertEqual(by_size(blocks(exhaustive, num_images, 0, 20)), by_size(cut(pairs(exhaustive, num_images, 0), 10)))

    def test_neighbours_are_near_by_the_share_asked_for(self) -> None:
        def share_of_near(near_share: float) -> float:
            pairs = neighbor_pairs(2000, 10, near_share)
            return sum(b - a <= 10 for a, b in pairs) / len(pairs)

        self.assertLess(share_of_near(0.0), 0.05)
        self.assertGreater(share_of_near(1.0), 0.95)


if __name__ == "__main__":
    unittest.main()
