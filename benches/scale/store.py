"""An object store whose rate is shared evenly among the transfers under way, each at most as fast as its worker.

All transfers go at one rate at any moment, so who ends first is who asked for the least beyond what each was given since:
the virtual time of Demers, Keshav, Shenker, "Analysis and simulation of a fair queueing algorithm", SIGCOMM 1989.
"""

from __future__ import annotations

import heapq

from events import Clock, Process, Wait, Wake


class Store:
    def __init__(self, clock: Clock, worker_rate: float, total_rate: float, latency_secs: float, requests_at_once: float) -> None:
        self._clock = clock
        self._worker_rate, self._total_rate = worker_rate, total_rate
        self._latency_secs, self._requests_at_once = latency_secs, requests_at_once
        self._given = 0.0  # bytes that each transfer got that has been there from the start
        self._given_at = 0.0
        self._active: list[tuple[float, int, Wake]] = []
        self._num_changes = 0
        self.bytes_moved = 0.0

    def moved(self, num_bytes: float, num_objects: float, at_once: float = 0) -> Process:
        """Moves so many bytes in so many objects, some at once: each group waits once for its first byte."""
        if num_objects:
            yield self._clock.sleep(self._latency_secs * -(-num_objects // (at_once or self._requests_at_once)))
        if num_bytes:
            self.bytes_moved += num_bytes
            yield self._transfer(num_bytes)

    def _transfer(self, num_bytes: float) -> Wait:
        def wait(wake: Wake) -> None:
            self._give()
            self._num_changes += 1
            heapq.heappush(self._active, (self._given + num_bytes, self._num_changes, wake))
            self._look_at_first()

        return wait

    def _rate(self) -> float:
        return min(self._worker_rate, self._total_rate / max(1, len(self._active)))

    def _give(self) -> None:
        self._given += (self._clock.now - self._given_at) * self._rate()
        self._given_at = self._clock.now

    def _look_at_first(self) -> None:
        """Comes back when the first one ends, unless the rate has changed by then."""
        if not self._active:
            return
        change = self._num_changes
        left = self._active[0][0] - self._given
        self._clock.call_at(self._clock.now + left / self._rate(), lambda: self._end_first(change))

    def _end_first(self, change: int) -> None:
        if change != self._num_changes:
            return
        self._give()
        end, _, wake = heapq.heappop(self._active)
        self._given = end  # no error of rounding adds up
        self._num_changes += 1
        self._clock.call_at(self._clock.now, wake)
        self._look_at_first()
