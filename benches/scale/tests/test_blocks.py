"""Blocks hold every pair once and no more images than they may."""

import unittest

import here  # noqa: F401: makes the others importable

from blocks import Pairing, blocks, cut, neighbor_pairs, num_pairs

PAIRINGS = [Pairing("exhaustive"), Pairing("sequential", 7), Pairing("retrieval", 6)]


class Blocks(unittest.TestCase):
    def test_pairs_are_counted_as_the_pipeline_makes_them(self) -> None:
        # the numbers of host/pipeline/src/pairing.rs
        self.assertEqual(num_pairs(Pairing("exhaustive"), 11, 0), 55)
        self.assertEqual(num_pairs(Pairing("sequential", 3), 10, 0), 9 + 8 + 7)
        self.assertEqual(num_pairs(Pairing("sequential", 5), 2, 0), 1)

    def test_every_pair_is_in_one_block_and_no_block_is_too_large(self) -> None:
        for pairing in PAIRINGS:
            for num_images in (2, 9, 100, 257):
                for max_images in (2, 16, 40, 1000):
                    with self.subTest(pairing=pairing, num_images=num_images, max_images=max_images):
                        found = blocks(pairing, num_images, 0.5, max_images)
                        self.assertEqual(sum(block.num_pairs for block in found), num_pairs(pairing, num_images, 0.5))
                        self.assertLessEqual(max(block.num_images for block in found), max_images)
                        self.assertTrue(all(block.num_pairs <= block.num_images * (block.num_images - 1) // 2 for block in found))

    def test_there_are_as_many_blocks_as_the_host_makes(self) -> None:
        # the numbers of host/pipeline/src/split.rs
        self.assertEqual(len(blocks(Pairing("exhaustive"), 100, 0, 20)), 10 * 9 // 2)
        neighbors = {tuple(sorted((a, b))) for a in range(200) for b in ((a + 1) % 200, (a + 97) % 200)}
        self.assertLess(len(cut(sorted(neighbors), 20)), 40)

    def test_tiles_by_count_are_the_tiles_of_the_matrix(self) -> None:
        by_size = lambda found: sorted((block.num_images, block.num_pairs) for block in found)
        for num_images in (2, 10, 19, 20, 30, 40, 45, 90, 95):
            with self.subTest(num_images=num_images):
                matrix = [(a, b) for a in range(num_images) for b in range(a + 1, num_images)]
                self.assertEqual(by_size(blocks(Pairing("exhaustive"), num_images, 0, 20)), by_size(cut(matrix, 10)))

    def test_neighbours_are_near_by_the_share_asked_for(self) -> None:
        def share_of_near(near_share: float) -> float:
            pairs = neighbor_pairs(2000, 10, near_share)
            return sum(b - a <= 10 for a, b in pairs) / len(pairs)

        self.assertLess(share_of_near(0.0), 0.05)
        self.assertGreater(share_of_near(1.0), 0.95)


if __name__ == "__main__":
    unittest.main()
