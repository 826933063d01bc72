"""The clock, gates and the shared store."""

import unittest

from here import ENDLESS

from events import Clock, Gate, Process
from store import Store


class Events(unittest.TestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.ends: dict[str, float] = {}

    def sleeper(self, name: str, secs: float) -> Process:
        yield self.clock.sleep(secs)
        self.ends[name] = self.clock.now

    def mover(self, name: str, store: Store, after_secs: float, num_bytes: float, num_objects: float = 0) -> Process:
        yield self.clock.sleep(after_secs)
        yield from store.moved(num_bytes, num_objects)
        self.ends[name] = self.clock.now

    def test_time_passes_from_event_to_event(self) -> None:
        for name, secs in {"long": 5.0, "short": 2.0}.items():
            self.clock.start(self.sleeper(name, secs))
        self.clock.run()
        self.assertEqual(list(self.ends.items()), [("short", 2.0), ("long", 5.0)])

    def test_a_gate_lets_all_through_once_it_is_open_and_then_for_good(self) -> None:
        gate = Gate(self.clock)

        def passer(name: str, after_secs: float) -> Process:
            yield self.clock.sleep(after_secs)
            yield gate.passed()
            self.ends[name] = self.clock.now

        def opener() -> Process:
            yield self.clock.sleep(3)
            gate.open()

        for process in [passer("early", 1), passer("late", 4), opener()]:
            self.clock.start(process)
        self.clock.run()
        self.assertEqual(self.ends, {"early": 3.0, "late": 4.0})

    def test_transfers_share_the_store_evenly(self) -> None:
        store = Store(self.clock, worker_rate=10, total_rate=10, latency_secs=0, requests_at_once=1)
        # a alone for 1 s, both at half the rate until a's 20 are there at 3 s, then b alone
        self.clock.start(self.mover("a", store, 0, 20))
        self.clock.start(self.mover("b", store, 1, 30))
        self.clock.run()
        self.assertAlmostEqual(self.ends["a"], 3.0)
        self.assertAlmostEqual(self.ends["b"], 5.0)
        self.assertEqual(store.bytes_moved, 50)

    def test_no_transfer_is_faster_than_its_worker(self) -> None:
        store = Store(self.clock, worker_rate=10, total_rate=1000, latency_secs=0, requests_at_once=1)
        for name in "abc":
            self.clock.start(self.mover(name, store, 0, 20))
        self.clock.run()
        self.assertEqual(self.ends, {"a": 2.0, "b": 2.0, "c": 2.0})

    def test_objects_wait_for_their_first_byte_in_groups(self) -> None:
        store = Store(self.clock, ENDLESS, ENDLESS, latency_secs=0.5, requests_at_once=4)
        self.clock.start(self.mover("a", store, 0, 0, num_objects=9))
        self.clock.run()
        self.assertEqual(self.ends, {"a": 1.5})


if __name__ == "__main__":
    unittest.main()
