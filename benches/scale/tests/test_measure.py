"""Events of a run become its figures, and the table is made of such runs."""

import unittest
from pathlib import Path

import here  # noqa: F401: makes the others importable

import check
from measure import Case, evenly_spread, of_events


def events(num_images: int, num_pairs: int, threads: int) -> list[dict]:
    """As `scene3d reconstruct --json` prints them."""
    ended = lambda stage, items, secs: {"event": "stage_finished", "stage": stage, "items": items, "secs": secs}
    return [
        ended("extract", num_images, 1 + 0.5 * num_images / threads),
        ended("pair", num_pairs, 0.5),
        ended("match", num_pairs, 0.25 * num_pairs / threads),
        {"event": "stage_started", "stage": "map", "time": "2026-11-26T10:00:00.000Z"},
        {"event": "progress", "stage": "match", "time": "2026-11-26T10:00:00.000Z", "what": "1 x 2"},
        {"event": "progress", "stage": "map", "time": "2026-11-26T10:00:00.000Z", "what": "verifying 3 pairs"},
        {"event": "progress", "stage": "map", "time": "2026-11-26T10:00:00.250Z", "what": "mapping 3 images"},
        {"event": "progress", "stage": "map", "time": "2026-11-26T10:00:01.000Z", "what": "registered 2 of 3 images"},
        ended("map", num_images, 0.25 + 0.125 * num_images),
    ]


class Measure(unittest.TestCase):
    def test_figures_are_read_from_events(self) -> None:
        run = of_events(Case(Path("fountain/images"), count=4), [0, 1, 2, 9], events(4, 6, 2), wall_secs=9.0, others_cores=0.0)
        self.assertEqual((run.name, run.num_images, run.num_pairs), ("fountain 4, nearest, 2 threads", 4, 6))
        self.assertEqual((run.num_next, run.num_far), (2, 3))
        self.assertEqual((run.extract_secs, run.match_secs, run.map_secs, run.verify_secs), (2.0, 0.75, 0.75, 0.25))
        self.assertAlmostEqual(run.around_secs, 9.0 - 2.0 - 0.5 - 0.75 - 0.75)

    def test_photos_are_spread_over_the_folder(self) -> None:
        self.assertEqual(evenly_spread(11, 6), [0, 2, 4, 6, 8, 10])
        self.assertEqual(evenly_spread(11, 0), list(range(11)))

    def test_cases_say_what_is_set(self) -> None:
        case = Case(Path("x/images"), pairs="sequential 3", threads=1)
        self.assertEqual(case.settings(), ["pipeline.threads=1", "pairing.method=sequential", "pairing.window=3"])

    def test_the_table_has_every_run_once(self) -> None:
        medians = {}
        for case in check.cases(Path("data")):
            num_pairs = case.count * (case.count - 1) // 2
            made = events(case.count, num_pairs, case.threads)
            medians[case.name] = of_events(case, evenly_spread(11, case.count), made, wall_secs=20.0, others_cores=0.0)
        rows = [line for line in check.table(medians, 1).splitlines() if "threads" in line]
        self.assertEqual(len(rows), len(medians))
        self.assertEqual(sum("(fitted)" in row for row in rows), sum(map(len, check.FITTED.values())))


if __name__ == "__main__":
    unittest.main()
