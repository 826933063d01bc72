"""Makes the simulator importable for its tests, and gives them costs that are easy to reckon with."""

import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(FOLDER))

from costs import NAMES, Costs, Figure  # noqa: E402: it lies in the folder above

ENDLESS = 1e30


def free(**values: float) -> Costs:
    """Nothing takes any time but what is given, as `section__name=value`; the store and memory have no bounds."""
    zero = {name: Figure(0.0, "assumed") for name in NAMES}
    useful = {"store__worker_rate": ENDLESS, "store__total_rate": ENDLESS, "store__requests_at_once": 1.0, "map__threads": 1.0}
    memory = {"match__prepared_bytes": 1.0, "match__block_bytes": 1000.0, "worker__threads": 1.0, "map__exponent": 1.0, "match__piece_pairs": 1.0}
    return Costs("free", zero).with_values(**useful, **memory).with_values(**values)
