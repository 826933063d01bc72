"""Writes drift.json: samples, and what scipy and numpy say of them. Run with scipy 1.17: python make_drift.py"""

import json
import pathlib
import warnings

import numpy as np
from scipy import stats

SEED = 20240501


def grid(size, shift, power):
    """Values that JSON need not hold: anyone can make them again from three numbers."""
    return [shift + (i / size) ** power for i in range(size)]


def compared(name, a, b, stored=None):
    test = stats.ks_2samp(a, b, method="auto")
    return {
        "name": name,
        **(stored or {"a": list(map(float, a)), "b": list(map(float, b))}),
        "ks": float(test.statistic),
        "p": float(test.pvalue),
        "wasserstein": float(stats.wasserstein_distance(a, b)),
        "psi": psi(np.asarray(a), np.asarray(b)),
    }


def psi(baseline, sample):
    """Over the baseline's deciles, and what lies beyond it; half a value is added to each bin."""
    deciles = np.unique(np.quantile(baseline, np.arange(1, 11) / 10))

    def shares(values):
        place = np.where(values < baseline.min(), 0, 1 + np.searchsorted(deciles, values, side="left"))
        counts = np.bincount(place, minlength=len(deciles) + 2) + 0.5
        return counts / counts.sum()

    p, q = shares(baseline), shares(sample)
    return float(np.sum((q - p) * np.log(q / p)))


def small_samples(random):
    yield "normal, same", random.normal(0, 1, 25), random.normal(0, 1, 40)
    yield "normal, shifted", random.normal(0, 1, 60), random.normal(0.8, 1, 30)
    yield "equal sizes", random.normal(5, 2, 32), random.normal(5.5, 1, 32)
    yield "one size divides the other", random.gamma(2, 1, 20), random.gamma(3, 1, 60)
    yield "coprime sizes", random.uniform(0, 1, 37), random.uniform(0.1, 1.1, 23)
    yield "tied", random.integers(0, 5, 50).astype(float), random.integers(1, 6, 45).astype(float)
    yield "constant and equal", np.full(20, 3.0), np.full(12, 3.0)
    yield "constant and apart", np.full(20, 4000.0), np.full(12, 2000.0)
    yield "apart", random.uniform(0, 1, 40), random.uniform(2, 3, 30)
    yield "far", random.normal(0, 1, 60), random.normal(1.8, 1, 45)
    yield "far, sizes divide", random.normal(0, 1, 40), random.normal(2, 0.5, 80)
    yield "one value", random.normal(0, 1, 20), np.array([0.3])
    yield "identical", np.arange(15.0), np.arange(15.0)
    yield "heavy tail", random.standard_cauchy(70).round(6), random.standard_cauchy(55).round(6)


def large_samples():
    """Sizes, and powers of the second grid: exact up to 10,000 values, asymptotic above, in every branch."""
    yield (1000, 300), (0.0, 1.0)
    yield (1000, 300), (0.03, 1.0)
    yield (1000, 300), (0.25, 1.0)
    yield (10_000, 997), (0.01, 1.02)
    yield (10_001, 1), (0.2, 1.0)
    yield (10_001, 12), (0.1, 1.0)
    yield (10_001, 12), (0.45, 1.0)
    yield (12_000, 50), (0.02, 1.0)
    yield (12_000, 50), (0.1, 1.0)
    yield (12_000, 50), (0.3, 1.0)
    yield (12_000, 140), (0.05, 1.0)
    yield (20_000, 1000), (0.0, 1.0)
    yield (20_000, 1000), (0.004, 1.0)
    yield (20_000, 1000), (0.02, 1.0)
    yield (20_000, 1000), (0.04, 1.0)
    yield (20_000, 1000), (0.08, 1.0)
    yield (20_000, 1000), (0.15, 1.0)
    yield (20_000, 1000), (0.7, 1.0)
    yield (30_000, 15_000), (0.005, 1.0)
    yield (30_000, 15_000), (0.01, 1.01)


def main():
    random = np.random.default_rng(SEED)
    warnings.simplefilter("error")
    samples = [compared(name, a, b) for name, a, b in small_samples(random)]
    for (m, n), (shift, power) in large_samples():
        stored = {"grids": {"sizes": [m, n], "shift": shift, "power": power}}
        name = f"{m} and {n}, {shift}, {power}"
        samples.append(compared(name, grid(m, 0.0, 1.0), grid(n, shift, power), stored))
    p_values = [sorted(random.uniform(0, 1, 13)), list(random.uniform(0, 0.02, 13)), [0.01, 0.01, 0.5, 1.0, 0.0], [0.03]]
    adjusted = [{"p": list(map(float, p)), "adjusted": stats.false_discovery_control(p).tolist()} for p in p_values]
    golden = {"samples": samples, "adjusted": adjusted}
    path = pathlib.Path(__file__).with_name("drift.json")
    path.write_text(json.dumps(golden, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
