"""Prints how long a worker for parts takes to start on a cluster, in seconds, once for each time that it was tried.

    .deps/ray/bin/python benches/scale/actor_secs.py ADDRESS OPTIONS        # what `scene3d.Worker` is given, as JSON

`check_cluster.py` starts it, for Ray and the wheel are in a Python of their own.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import ray
from scene3d_ray.parts import PartWorker

TIMES = 4


def started_secs(options: dict[str, Any]) -> float:
    begun = time.perf_counter()
    worker = ray.remote(PartWorker).options(num_cpus=1).remote(options)
    ray.get(worker.ready.remote())
    secs = time.perf_counter() - begun
    ray.kill(worker)
    return secs


if __name__ == "__main__":
    ray.init(address=sys.argv[1], log_to_driver=False)
    print(json.dumps([started_secs(json.loads(sys.argv[2])) for _ in range(TIMES)]))
