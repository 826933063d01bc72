#!/usr/bin/env python3
"""What changes by precision: matches kept and pose AUC of whole runs, in a table; docs/precision.md is made with it.

    cargo xtask build
    .deps/venv/bin/python benches/precision.py ../shared/data/fountain-p11 [--superpoint FILE] [--seeds 0,1,2]

PHOTO_SET has `images/` and `cameras/` (ground truth). A match is kept if the other run has one whose ends both lie within
1 px; a keypoint is kept if the other run has one within 1 px, and the descriptors of the two are compared.
"""

from __future__ import annotations

import argparse
import json
import os
import sqlite3
import statistics
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

CHECKOUT = Path(__file__).resolve().parent.parent
SCENE3D = CHECKOUT / "target/release/scene3d"
KEPT_PX = 1.0
SUPERPOINT = "superpoint_v6_from_tf.pth"  # the name its plugin asks for
MAX_IMAGES = 2147483647  # COLMAP's, in pair ids

EXTRACTOR, MATCHER = "features.0.extractor.precision", "features.0.matcher.precision"
# name, config, what is set for fp32, what is set instead
STUDIES = [
    ("ALIKED, matched by nearest", "aliked+nearest", {EXTRACTOR: "fp32"}, [{EXTRACTOR: "bf16"}]),
    ("ALIKED, matched by LightGlue in fp32", "aliked+lightglue", {EXTRACTOR: "fp32", MATCHER: "fp32"}, [{EXTRACTOR: "bf16"}]),
    ("LightGlue, on ALIKED in fp32", "aliked+lightglue", {EXTRACTOR: "fp32", MATCHER: "fp32"}, [{MATCHER: "bf16"}]),
    ("SuperPoint, matched by nearest", "superpoint+nearest", {EXTRACTOR: "fp32"}, [{EXTRACTOR: "bf16"}]),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo_set", type=Path)
    parser.add_argument("--superpoint", type=Path, help="its weights; without, it is left out")
    parser.add_argument("--only", default="", help="studies whose names contain this")
    parser.add_argument("--seeds", default="0,1,2", help="AUC and centre error are medians over these")
    options = parser.parse_args()
    seeds = options.seeds.split(",")
    print(f"medians of seeds {options.seeds}; matches, keypoints and descriptors of seed {seeds[0]}\n")
    print("| | precision | keypoints kept | moved, px: median, 95 % | descriptor cosine: median, least 5 % | "
          "matches | kept | AUC@1 | @3 | @5 | centre error, mm |\n|" + " --- |" * 11)
    known: dict[str, list[Run]] = {}
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "weights"
        weights.mkdir()
        if options.superpoint:
            (weights / SUPERPOINT).symlink_to(options.superpoint.resolve())
        for name, config, fp32, others in STUDIES:
            if options.only not in name or (config.startswith("superpoint") and not options.superpoint):
                continue
            base: list[Run] = []
            for settings in [fp32, *({**fp32, **other} for other in others)]:
                key = f"{config} {sorted(settings.items())}"
                if key not in known:
                    out = Path(folder) / str(len(known))
                    known[key] = [Run(options.photo_set, config, settings, seed, out / seed, {"SCENE3D_WEIGHTS": str(weights)}) for seed in seeds]
                base = base or known[key]
                changed = "+".join(sorted({value for setting, value in settings.items() if settings[setting] != fp32[setting]}))
                print(row(name, changed or "fp32", known[key], base), flush=True)


class Run:
    """A whole run and what came of it."""

    def __init__(self, photo_set: Path, config: str, settings: dict[str, str], seed: str, out: Path, env: dict[str, str]):
        words = ["reconstruct", photo_set / "images", "--config", CHECKOUT / f"configs/{config}.toml", "--out", out]
        for setting, value in {**settings, "pipeline.seed": seed}.items():
            words += ["--set", f"{setting}={value}"]
        scene3d(words, env)
        self.out = out
        self.evaluation = json.loads(scene3d(["eval", out, "--ground-truth", photo_set / "cameras", "--json"], env))
        with sqlite3.connect(out / "logs/mapper/database.db") as database:
            self.keypoints = {i: array(data, "<f4", columns) for i, columns, data in
                              database.execute("SELECT image_id, cols, data FROM keypoints")}
            self.matches = {i: array(data, "<u4", 2) for i, data in
                            database.execute("SELECT pair_id, data FROM matches WHERE rows > 0")}

    def auc(self, degrees: float) -> float:
        return next(entry["percent"] for entry in self.evaluation["pose_auc"] if entry["threshold_deg"] == degrees)

    def centre_error_mm(self) -> float:
        return 1e3 * self.evaluation["center_error"]["rms"]

    def descriptors(self) -> dict[int, np.ndarray]:
        """By image id: artifacts are named by what they are made of, so they are told by their keypoints."""
        found = {}
        for path in (self.out / "artifacts/features").glob("*.safetensors"):
            tensors = safetensors(path)
            for image, keypoints in self.keypoints.items():
                if np.array_equal(tensors["keypoints"], keypoints[:, :2]):
                    found[image] = tensors["descriptors"]
        return found

    def ends(self, pair: int) -> np.ndarray:
        """Positions of a pair's matches `[M, 4]`, px."""
        matches = self.matches.get(pair, np.zeros((0, 2), np.uint32))
        first, second = divmod(pair, MAX_IMAGES)
        return np.concatenate([self.keypoints[first][matches[:, 0], :2], self.keypoints[second][matches[:, 1], :2]], 1)


def scene3d(words: list[Any], env: dict[str, str]) -> str:
    done = subprocess.run([SCENE3D, *map(str, words)], capture_output=True, text=True, env=os.environ | env)
    if done.returncode:
        sys.exit(f"scene3d {' '.join(map(str, words))} failed:\n{done.stderr}")
    return done.stdout


def array(data: bytes, dtype: str, columns: int) -> np.ndarray:
    return np.frombuffer(data, dtype).reshape(-1, columns)


def safetensors(path: Path) -> dict[str, np.ndarray]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    wanted = {name: entry for name, entry in header.items() if name in ("keypoints", "descriptors")}
    body = data[8 + length :]
    return {name: np.frombuffer(body[slice(*entry["data_offsets"])], "<f4").reshape(entry["shape"]) for name, entry in wanted.items()}


def row(name: str, precision: str, runs: list[Run], base: list[Run]) -> str:
    run, fp32 = runs[0], base[0]
    num_matches = sum(map(len, run.matches.values()))
    cells = [name, precision, "", "", "", str(num_matches), ""]
    if run is not fp32:
        kept = [is_kept(fp32.ends(pair), run.ends(pair)) for pair in fp32.matches]
        cells[6] = f"{100 * np.concatenate(kept).mean():.2f} %"
        cells[2:5] = compared_keypoints(run, fp32)
    middle = lambda of: statistics.median(of(run) for run in runs)
    aucs = [f"{middle(lambda run: run.auc(degrees)):.1f}" for degrees in (1.0, 3.0, 5.0)]
    at_1 = [run.auc(1.0) for run in runs]
    aucs[0] += f" ({min(at_1):.1f} to {max(at_1):.1f})"
    return "| " + " | ".join([*cells, *aucs, f"{middle(Run.centre_error_mm):.2f}"]) + " |"


def is_kept(wanted: np.ndarray, found: np.ndarray) -> np.ndarray:
    if not len(found):
        return np.zeros(len(wanted), bool)
    apart = np.abs(wanted[:, None] - found[None])
    near = (np.hypot(apart[..., 0], apart[..., 1]) < KEPT_PX) & (np.hypot(apart[..., 2], apart[..., 3]) < KEPT_PX)
    return near.any(1)


def compared_keypoints(run: Run, fp32: Run) -> list[str]:
    moved, cosines, num_all = [], [], 0
    descriptors, others = fp32.descriptors(), run.descriptors()
    for image, wanted in fp32.keypoints.items():
        found = run.keypoints[image]
        apart = np.hypot(*(wanted[:, None, axis] - found[None, :, axis] for axis in (0, 1)))
        nearest = apart.argmin(1)
        near = apart.min(1) < KEPT_PX
        num_all += len(wanted)
        moved.append(apart.min(1)[near])
        cosines.append((descriptors[image][near] * others[image][nearest[near]]).sum(1))
    moved, cosines = np.concatenate(moved), np.concatenate(cosines)
    spread = f"{np.median(moved):.3f}, {np.percentile(moved, 95):.3f}"
    return [f"{100 * len(moved) / num_all:.2f} %", spread, f"{np.median(cosines):.5f}, {np.percentile(cosines, 5):.5f}"]


if __name__ == "__main__":
    main()
