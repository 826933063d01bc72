"""Pairs of images as blocks that are matched at once, cut as the host cuts them (`host/pipeline/src/split.rs`).

The pair matrix is gone through in square tiles: a tile of side `s` needs at most `2 s` images for `s^2` pairs. As many tiles
as have no more images make a block together: of a full matrix one with those on the diagonal beside it, of a sparse one more.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache


# by how many photos of fountain-p11 two are apart that see so little of the same that most of their matches are wrong
FAR = 6


@dataclass(frozen=True)
class Block:
    num_images: int
    num_pairs: int
    num_next: int  # pairs of photos of which one follows the other


@dataclass(frozen=True)
class Counts:
    """Pairs of a job. LightGlue stops early at those that follow each other, RANSAC goes on for long at those far apart."""

    all: int
    next: int
    far: int


@dataclass(frozen=True)
class Pairing:
    """`method` is exhaustive, sequential or retrieval; `reach` the window, or the number of neighbours."""

    method: str
    reach: int = 20


def counts(pairing: Pairing, num_images: int, near_share: float, places: Sequence[int] | None = None) -> Counts:
    """`places` says where the photos lie in a capture of which they are some."""
    if pairing.method == "exhaustive" and places is None:
        return Counts(below(num_images), num_images - 1, below(num_images - FAR + 1))
    where = places or range(num_images)
    apart = [where[b] - where[a] for a, b in pairs(pairing, num_images, near_share)]
    # what retrieval chooses is alike
    num_far = 0 if pairing.method == "retrieval" else sum(steps >= FAR for steps in apart)
    return Counts(len(apart), sum(steps == 1 for steps in apart), num_far)


def below(size: int) -> int:
    """Entries of a matrix below its diagonal."""
    return size * (size - 1) // 2 if size > 0 else 0


def pairs(pairing: Pairing, num_images: int, near_share: float) -> Iterable[tuple[int, int]]:
    match pairing.method:
        case "exhaustive":
            return window_pairs(num_images, num_images)
        case "sequential":
            return window_pairs(num_images, pairing.reach)
        case _:
            return neighbor_pairs(num_images, pairing.reach, near_share)


def blocks(pairing: Pairing, num_images: int, near_share: float, max_images: int) -> list[Block]:
    side = max(1, max_images // 2)
    if pairing.method == "exhaustive":
        return tiles(num_images, side)
    return cut(pairs(pairing, num_images, near_share), side)


def tiles(num_images: int, side: int) -> list[Block]:
    """Of the upper half of the whole matrix: what `cut` makes of all pairs, without going through them."""
    sides = [min(side, num_images - start) for start in range(0, num_images, side)]
    last = len(sides) - 1
    if last == 0:
        return [Block(num_images, below(num_images), num_images - 1)] if num_images > 1 else []

    def on_diagonal(row: int, column: int) -> list[int]:
        """Tiles of the diagonal that come right before or after this one, on the way to and fro."""
        if column != row + 1:
            return []
        before = row == 0 or row % 2 == 1
        after = row % 2 == 1 or column == last
        return [row] * before + [column] * after

    def block(row: int, column: int) -> Block:
        taken = [sides[place] for place in on_diagonal(row, column)]
        num_pairs = sides[row] * sides[column] + sum(map(below, taken))
        return Block(sides[row] + sides[column], num_pairs, (column == row + 1) + sum(count - 1 for count in taken))

    return [block(row, column) for row in range(last) for column in range(row + 1, last + 1)]


def window_pairs(num_images: int, window: int) -> Iterator[tuple[int, int]]:
    return ((a, b) for a in range(num_images) for b in range(a + 1, min(num_images, a + 1 + window)))


@lru_cache(maxsize=4)
def neighbor_pairs(num_images: int, neighbors: int, near_share: float) -> list[tuple[int, int]]:
    """A stand-in for what retrieval finds: some neighbours were taken just before or after, the others anywhere."""
    rng = random.Random(num_images)
    pairs, num_near = set(), round(neighbors * near_share)
    for image in range(num_images):
        near = [image + offset * sign for offset in range(1, num_near // 2 + 1) for sign in (-1, 1)]
        far = [rng.randrange(num_images) for _ in range(neighbors - len(near))]
        pairs.update((min(image, other), max(image, other)) for other in near + far if 0 <= other < num_images and other != image)
    return sorted(pairs)


def cut(pairs: Iterable[tuple[int, int]], side: int) -> list[Block]:
    """Rows of tiles are gone through to and fro, so that the last tile's images serve the next row too."""
    of_tiles: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for a, b in pairs:
        row, column = a // side, b // side
        of_tiles.setdefault((row, -column if row % 2 else column), []).append((a, b))
    found: list[Block] = []
    images: set[int] = set()
    num_pairs = num_next = 0
    for place in sorted(of_tiles):
        tile = of_tiles[place]
        images_of_tile = {image for pair in tile for image in pair}
        if num_pairs and len(images | images_of_tile) > 2 * side:
            found.append(Block(len(images), num_pairs, num_next))
            images, num_pairs, num_next = set(), 0, 0
        images |= images_of_tile
        num_pairs += len(tile)
        num_next += sum(b - a == 1 for a, b in tile)
    return found + ([Block(len(images), num_pairs, num_next)] if num_pairs else [])
