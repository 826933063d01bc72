"""The table: what was measured on which machine, a row a case."""

from __future__ import annotations

import platform
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

TITLES = {
    "aliked": ("ALIKED n16rot", "image"),
    "superpoint": ("SuperPoint", "image"),
    "lightglue-prepare": ("LightGlue, what one image needs", "image"),
    "lightglue-full": ("LightGlue, full depth, images prepared for each pair", "pair"),
    "lightglue-adaptive": ("LightGlue, adaptive, images prepared for each pair", "pair"),
    "mast3r-encode": ("MASt3R encoder", "image"),
    "mast3r-decode": ("MASt3R decoder and all heads, one direction", "pair"),
    "mast3r-descriptors": ("MASt3R decoder and descriptor heads, one direction", "pair"),
    "mast3r-match": ("MASt3R reciprocal matching, one direction", "pair"),
    "mast3r-all-pairs": ("MASt3R, all pairs of {photos} photos", "run"),
}
# ms on one H100, of the plan; at these batches and above
REACH = {
    "aliked": (8, 1.5),
    "superpoint": (8, 1.2),
    "lightglue-full": (16, 1.5),
    "mast3r-encode": (16, 2.0),
    "mast3r-decode": (8, 4.5),
    "mast3r-match": (1, 1.5),
    "mast3r-all-pairs": (8, 1200.0),
}


def facts(has_cuda: bool, size: dict[str, Any], commit: str, rounds: int) -> dict[str, Any]:
    import torch

    device = torch.cuda.get_device_name(0) if has_cuda else cpu_name()
    (width, height), (network_width, network_height) = size["photo"], size["network"]
    sizes = (
        f"photos {width} x {height}, {size['keypoints']} keypoints, "
        f"MASt3R {size['mast3r']} at {network_width} x {network_height}"
    )
    headline = f"{device}: {sizes}" if has_cuda else f"no CUDA device: small sizes on {device}: {sizes}"
    return {
        "headline": headline,
        "device": device,
        "is_cuda": has_cuda,
        "sizes": size,
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "commit": commit,
        "torch": torch.__version__,
        "rounds": rounds,
    }


def cpu_name() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return f"{names[0]}, {len(names)} threads" if names else platform.processor() or platform.machine()


def line(row: dict[str, Any]) -> str:
    return f"{row['case']} batch {row['batch']}: ours {digits(row['ours_ms'])} ms, theirs {digits(row['theirs_ms'])} ms"


def markdown(facts: dict[str, Any], rows: list[dict[str, Any]]) -> str:
    has_reach = facts["is_cuda"]
    heads = ["ms per item", "batch", "reference", "ours", "ratio", "least of theirs, ours", "precision: theirs, ours"]
    heads += ["reach"] if has_reach else []
    text = [
        f"{facts['headline']}; {facts['date']}, commit {facts['commit']}, torch {facts['torch']}.",
        f"Medians of {facts['rounds']} rounds in which both sides take turns, after a warm-up, the device idle at both ends of the clock.",
        f"SuperPoint: {facts['superpoint']} on both sides. MASt3R: ours has weights by formula, the reference is {facts['mast3r_reference']}.",
        "",
        "| " + " | ".join(heads) + " |",
        "|" + " --- |" * len(heads),
    ]
    for row in rows:
        title, item = TITLES[row["case"]]
        ours, theirs = row["ours_ms"], row["theirs_ms"]
        cells = [
            f"{title.format(**facts['sizes'])}, per {item}",
            str(row["batch"]),
            digits(theirs) if theirs else f"reference not given: {row['why']}",
            digits(ours),
            f"{theirs / ours:.2f}" if theirs else "",
            f"{digits(row.get('theirs_least_ms'))}, {digits(row['ours_least_ms'])}",
            f"{row['theirs_precision'] if theirs else '-'}; {row['ours_precision']}",
        ]
        if has_reach:
            batch, reach = REACH.get(row["case"], (0, None))
            cells.append(digits(reach) if reach and row["batch"] >= batch else "")
        text.append("| " + " | ".join(cells) + " |")
    return "\n".join(text) + "\n"


def digits(ms: float | None) -> str:
    if ms is None:
        return "-"
    return f"{ms:.0f}" if ms >= 100 else f"{ms:.1f}" if ms >= 10 else f"{ms:.2f}"
