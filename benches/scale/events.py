"""A clock, and processes that wait on it: what a discrete-event simulation needs, and no more.

A process is a generator that yields what it waits for. A wait is a function that is given what to call when it is over.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Generator

Wake = Callable[[], None]
Wait = Callable[[Wake], None]
Process = Generator[Wait, None, None]


class Clock:
    """Simulated seconds; goes from one thing that happens to the next."""

    def __init__(self) -> None:
        self.now = 0.0
        self._coming: list[tuple[float, int, Wake]] = []
        self._order = 0

    def call_at(self, secs: float, wake: Wake) -> None:
        """What comes at the same time happens in the order in which it was asked for."""
        self._order += 1
        heapq.heappush(self._coming, (max(secs, self.now), self._order, wake))

    def sleep(self, secs: float) -> Wait:
        return lambda wake: self.call_at(self.now + secs, wake)

    def start(self, process: Process) -> None:
        def go_on() -> None:
            wait = next(process, None)
            if wait is not None:
                wait(go_on)

        self.call_at(self.now, go_on)

    def run(self) -> None:
        """Until nothing more happens."""
        while self._coming:
            self.now, _, wake = heapq.heappop(self._coming)
            wake()


class Gate:
    """Closed until it is opened, then open for good."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._is_open = False
        self._waiting: list[Wake] = []

    def open(self) -> None:
        self._is_open = True
        for wake in self._waiting:
            self._clock.call_at(self._clock.now, wake)
        self._waiting.clear()

    def passed(self) -> Wait:
        def wait(wake: Wake) -> None:
            if self._is_open:
                self._clock.call_at(self._clock.now, wake)
            else:
                self._waiting.append(wake)

        return wait
