"""How much other programs use this machine: cores that are busy, by /proc/stat (proc(5))."""

from __future__ import annotations

import os
import resource
import sys
import time
from pathlib import Path

MAX_CORES = 0.3
SAMPLE_SECS = 2.0
TICKS_PER_SEC = os.sysconf("SC_CLK_TCK")


class Others:
    """Cores that others keep busy from here on, beside this program and those that it started and that have ended."""

    def __init__(self) -> None:
        self.began, self.busy, self.own = time.monotonic(), busy_secs(), own_secs()

    def cores(self) -> float:
        used = busy_secs() - self.busy - (own_secs() - self.own)
        return max(0.0, used / (time.monotonic() - self.began))


def busy_secs() -> float:
    """Of all cores; what another guest of the host took from this one counts as busy."""
    user, nice, system, _idle, _wait, irq, soft_irq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + soft_irq + steal) / TICKS_PER_SEC


def own_secs() -> float:
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def wait_for_quiet(max_secs: float) -> None:
    """Waits until others leave the machine alone, but not for ever; says how busy it is then."""
    until = time.monotonic() + max_secs
    while True:
        others = Others()
        time.sleep(SAMPLE_SECS)
        cores = others.cores()
        if cores <= MAX_CORES or time.monotonic() >= until:
            print(f"others use {cores:.2f} cores", file=sys.stderr, flush=True)
            return
