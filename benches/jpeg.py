#!/usr/bin/env python3
"""Photos a second: our JPEG decoder against libjpeg-turbo (as Pillow links it), in turns; a table.

    cargo build --release -p scene3d-benches --bin jpeg-bench
    .deps/reference/bin/python benches/jpeg.py [--rounds 5]

Photos of the synthetic scene, quality 92, with the chroma of phones (4:2:0) and without subsampling (4:4:4). `reduced`
lets libjpeg-turbo decode at the smallest scale (1/2, 1/4, 1/8) that is not below a long side of 1024 px.
"""

from __future__ import annotations

import argparse
import io
import statistics
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image, features

PROGRAM = Path(__file__).resolve().parent.parent / "target/release/jpeg-bench"
SIZES = [(4032, 3024), (1536, 1024)]
SECS = 1.5
LONG_SIDE_PX = 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    assert features.check("libjpeg_turbo"), "this Pillow has another JPEG library"
    print(f"photos/s, medians of {options.rounds} rounds; Pillow {Image.__version__}, libjpeg-turbo {features.version('libjpeg_turbo')}\n")
    print("| photo | threads | libjpeg-turbo | ours | ours / theirs | libjpeg-turbo, reduced |\n| --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        rendered = Path(folder) / "rendered.jpg"
        for width, height in SIZES:
            subprocess.run([PROGRAM, "render", str(width), str(height), rendered], check=True)
            for name, subsampling in (("4:2:0", 2), ("4:4:4", 0)):
                photo = Path(folder) / "photo.jpg"
                Image.open(rendered).save(photo, quality=92, subsampling=subsampling)
                for threads in (1, 2):
                    print(row(f"{width} x {height}, {name}", photo, threads, options.rounds), flush=True)


def row(title: str, photo: Path, threads: int, rounds: int) -> str:
    sides = {
        "theirs": lambda: theirs(photo, threads, is_reduced=False),
        "ours": lambda: ours(photo, threads),
        "reduced": lambda: theirs(photo, threads, is_reduced=True),
    }
    rates: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(rounds):
        for side, measure in sides.items():
            rates[side].append(measure())
    a, b, c = (statistics.median(rates[side]) for side in sides)
    return f"| {title} | {threads} | {a:.1f} | {b:.1f} | {b / a:.2f} | {c:.1f} |"


def ours(photo: Path, threads: int) -> float:
    words = [PROGRAM, "decode", photo, str(threads), str(SECS)]
    return float(subprocess.run(words, check=True, capture_output=True, text=True).stdout)


def theirs(photo: Path, threads: int, is_reduced: bool) -> float:
    data = photo.read_bytes()

    def decode() -> None:
        image = Image.open(io.BytesIO(data))
        if is_reduced:
            image.draft("RGB", (LONG_SIDE_PX, LONG_SIDE_PX * image.height // image.width))
        image.load()  # lets other threads run meanwhile

    def serve(_: int) -> float:
        decode()
        begun, count = time.perf_counter(), 0
        while time.perf_counter() - begun < SECS:
            decode()
            count += 1
        return count / (time.perf_counter() - begun)

    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(serve, range(threads)))


if __name__ == "__main__":
    main()
