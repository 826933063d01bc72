"""What each part of a job costs: figures by name, each with where it comes from, read from TOML.

`kind` is `measured` (our program, on the machine that the file is named after), `code` (what the program is written to do),
`elsewhere` (measured, but on another machine or with another program; `by` says which), or `assumed` (nobody measured it;
every table that rests on it says so).
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

KINDS = ("measured", "code", "elsewhere", "assumed")
NAMES = {
    "worker.start_secs": "a node and its container are there, but for the replica's",
    "worker.actor_secs": "a worker's process is there, once a stage",
    "worker.memory_bytes": "what a worker takes with plugins and weights loaded",
    "worker.threads": "threads beside a worker's network: they decode ahead of it, and describe images",
    "worker.failures_per_hour": "how often a worker dies; its task is done again",
    "worker.crowding": "by how much each further worker of the same machine slows all: 0.1 is 10 %",
    "extract.load_secs": "plugin and weights are loaded, once a worker and stage",
    "extract.image_secs": "the network and all around it, but decoding, for an image",
    "extract.decode_secs": "decoding a photo on one thread",
    "extract.photo_bytes": "a photo in the store",
    "extract.feature_bytes": "keypoints and descriptors of an image in the store",
    "pair.start_secs": "retrieval: the codebook is trained",
    "pair.image_secs": "retrieval: one vector of an image, on one thread",
    "pair.compare_secs": "retrieval: two vectors compared, on one thread",
    "pair.vector_bytes": "retrieval: memory of an image's vector",
    "pair.near_share": "retrieval: share of an image's neighbours that are near it in the order of names",
    "match.load_secs": "plugin and weights are loaded, once a worker and stage",
    "match.prepare_secs": "what is done once for each image of a block",
    "match.pair_secs": "a pair",
    "match.next_pair_secs": "a pair of photos of which one follows the other: LightGlue stops early (arXiv 2306.13643, 3.3)",
    "match.pair_bytes": "matches of a pair in the store",
    "match.piece_pairs": "pairs after which a worker puts its matches into the store, as an object, if the last one is there",
    "match.prepared_bytes": "memory that an image of a block takes",
    "match.block_bytes": "memory for what blocks hold of their images",
    "map.start_secs": "what mapping takes for no image",
    "map.pair_secs": "verifying a pair, on one thread",
    "map.far_pair_secs": "the same for photos that see little of the same, of whose matches most may be wrong",
    "map.image_secs": "growing the model by an image, times N to the power of `map.exponent - 1`, on one thread",
    "map.exponent": "power of the number of images by which growing takes longer",
    "map.parallel_share": "share of growing that more threads make faster",
    "map.threads": "threads of the replica's node",
    "map.image_bytes": "memory of the mapper for an image",
    "map.pair_memory_bytes": "memory of the mapper for a pair",
    "run.around_secs": "start and end of a run, and what is between its stages",
    "store.latency_secs": "until an object's first byte",
    "store.requests_at_once": "objects that a worker asks for at once",
    "store.worker_rate": "bytes a second between a worker and the store, at most",
    "store.total_rate": "bytes a second of the store, at most",
    "driver.task_secs": "what the replica does to give out a part, one after the other",
    "driver.pieces_at_once": "pieces of matches that the replica fetches at once",
    "driver.latency_secs": "from a part's being given out to its work",
    "price.worker_hour": "dollars for an hour of a worker",
}


@dataclass(frozen=True)
class Figure:
    value: float
    kind: str
    by: str = ""


@dataclass(frozen=True)
class Costs:
    """Figures by name; all of `NAMES` are there."""

    title: str
    figures: dict[str, Figure]

    def __getitem__(self, name: str) -> float:
        return self.figures[name].value

    def with_figures(self, changed: dict[str, Figure]) -> Costs:
        if unknown := changed.keys() - NAMES.keys():
            raise SystemExit(f"no cost has the name {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
        return Costs(self.title, self.figures | changed)

    def with_values(self, **values: float) -> Costs:
        """With `section__name=value`, as assumed."""
        return self.with_figures({name.replace("__", "."): Figure(value, "assumed", "given") for name, value in values.items()})

    def of_kind(self, kind: str) -> Iterator[tuple[str, Figure]]:
        return ((name, figure) for name, figure in self.figures.items() if figure.kind == kind)


def read(path: Path) -> Costs:
    table = tomllib.loads(path.read_text())
    title = table.pop("title")
    figures = {f"{section}.{name}": Figure(**figure) for section, names in table.items() for name, figure in names.items()}
    if wrong := [name for name, figure in figures.items() if figure.kind not in KINDS]:
        raise SystemExit(f"{path}: `kind` of {', '.join(wrong)} is none of {', '.join(KINDS)}")
    if missing := NAMES.keys() - figures.keys():
        raise SystemExit(f"{path}: {', '.join(sorted(missing))} missing")
    return Costs(title, {}).with_figures(figures)


def written(costs: Costs) -> str:
    """As a file that `read` reads."""
    lines, sections = [f'title = "{costs.title}"'], dict.fromkeys(name.split(".")[0] for name in NAMES)
    for section in sections:
        lines += ["", f"[{section}]"]
        for name, meaning in NAMES.items():
            if name.startswith(section + "."):
                figure = costs.figures[name]
                key = name.split(".")[1]
                lines.append(f'{key} = {{ value = {figure.value:.6g}, kind = "{figure.kind}", by = "{figure.by}" }}  # {meaning}')
    return "\n".join(lines) + "\n"
