"""What a job consists of: phases of tasks on a cluster, as Ray runs them, or on the threads of one machine.

On a cluster a replica has the run, and parts of it done by workers: shards of the photos are extracted and described, blocks
of the pair matrix matched (docs/decisions/0018-parts.md). Workers fetch what they need from the object store and put there
what they make; after each stage the replica fetches that too (`put_back` in `host/service/src/jobs/worker/keeper.rs`).
"""

from __future__ import annotations

from dataclasses import dataclass

from blocks import Block, Counts, Pairing, blocks, counts
from costs import Costs


# a part asks whether it is there before it fetches it (`restore_if_there`)
REQUESTS_PER_FEATURE = 2


@dataclass(frozen=True)
class Task:
    compute_secs: float
    fetch_bytes: float = 0.0
    fetch_objects: float = 0.0
    fetch_at_once: float = 0.0  # 0: as many as any worker
    put_bytes: float = 0.0
    put_objects: float = 0.0
    memory_bytes: float = 0.0


@dataclass(frozen=True)
class Phase:
    """Tasks that may run side by side; the next phase begins when all are done, and collected."""

    name: str
    tasks: list[Task]
    load_secs: float = 0.0
    is_on_replica: bool = False
    collected: Task | None = None


@dataclass(frozen=True)
class Job:
    num_images: int
    pairing: Pairing
    places: tuple[int, ...] | None = None  # where its photos lie in a capture; None: all of one, in its order
    images_per_shard: int = 64
    images_per_block: int = 128


    def pairs(self, costs: Costs) -> Counts:
        return counts(self.pairing, self.num_images, costs["pair.near_share"], self.places)


def on_cluster(job: Job, costs: Costs) -> list[Phase]:
    pairs = job.pairs(costs)
    images_that_fit = int(costs["match.block_bytes"] / costs["match.prepared_bytes"])
    cut = blocks(job.pairing, job.num_images, costs["pair.near_share"], min(job.images_per_block, images_that_fit))
    extracted = [shard(size, costs) for size in shards(job)]
    matched = [block_task(block, costs) for block in cut]
    all_photos = Task(0.0, job.num_images * costs["extract.photo_bytes"], job.num_images)
    all_features = Task(0.0, job.num_images * costs["extract.feature_bytes"], job.num_images)
    phases = [
        Phase("read", [all_photos], is_on_replica=True),
        Phase("extract", extracted, costs["extract.load_secs"], collected=all_features),
    ]
    if job.pairing.method == "retrieval":
        phases += retrieval(job, costs)
    mapping = Task(
        compute_secs=mapping_secs(job.num_images, pairs, costs, costs["map.threads"]) + costs["run.around_secs"],
        memory_bytes=job.num_images * costs["map.image_bytes"] + pairs.all * costs["map.pair_memory_bytes"],
    )
    return phases + [
        Phase("match", matched, costs["match.load_secs"], collected=all_matches(matched, costs)),
        Phase("map", [mapping], is_on_replica=True),
    ]


def on_threads(job: Job, costs: Costs, num_threads: int) -> list[Phase]:
    """`scene3d reconstruct` on one machine: a worker is a thread, and memory takes the place of the store."""
    slower = 1 + costs["worker.crowding"] * (num_threads - 1)
    pairs = job.pairs(costs)
    extracted = [Task(slower * (costs["extract.image_secs"] + costs["extract.decode_secs"]))] * job.num_images
    prepared = [Task(slower * costs["match.prepare_secs"])] * job.num_images
    matched = [Task(slower * costs["match.pair_secs"])] * (pairs.all - pairs.next)
    matched += [Task(slower * costs["match.next_pair_secs"])] * pairs.next
    described = job.num_images * costs["pair.image_secs"] / num_threads
    paired_secs = training_secs(costs) + described + ranking_secs(job.num_images, costs, num_threads)
    return [
        Phase("extract", extracted, costs["extract.load_secs"]),
        Phase("pair", [Task(paired_secs if job.pairing.method == "retrieval" else 0.0)], is_on_replica=True),
        Phase("match", prepared + matched, costs["match.load_secs"]),
        Phase("map", [Task(mapping_secs(job.num_images, pairs, costs, num_threads))], is_on_replica=True),
        Phase("around", [Task(costs["run.around_secs"])], is_on_replica=True),
    ]


def shards(job: Job) -> list[int]:
    starts = range(0, job.num_images, job.images_per_shard)
    return [min(job.images_per_shard, job.num_images - start) for start in starts]


def shard(num_images: int, costs: Costs) -> Task:
    # photos are decoded ahead while the network works: the slower of the two counts
    image_secs = max(costs["extract.image_secs"], costs["extract.decode_secs"] / costs["worker.threads"])
    return Task(
        compute_secs=num_images * image_secs,
        fetch_bytes=num_images * costs["extract.photo_bytes"],
        fetch_objects=num_images,
        put_bytes=num_images * costs["extract.feature_bytes"],
        put_objects=num_images,
        memory_bytes=costs["worker.memory_bytes"],
    )


def retrieval(job: Job, costs: Costs) -> list[Phase]:
    """The replica trains the codebook, workers describe their shards, the replica ranks (`host/pipeline/src/describe.rs`)."""

    def described(num_images: int) -> Task:
        return Task(
            compute_secs=num_images * costs["pair.image_secs"] / costs["worker.threads"],
            fetch_bytes=num_images * costs["extract.feature_bytes"],
            fetch_objects=REQUESTS_PER_FEATURE * num_images,
            put_bytes=num_images * costs["pair.vector_bytes"],
            put_objects=1,
            memory_bytes=costs["worker.memory_bytes"],
        )

    vectors_bytes, of_shards = job.num_images * costs["pair.vector_bytes"], shards(job)
    all_vectors = Task(0.0, vectors_bytes, len(of_shards), memory_bytes=vectors_bytes)
    ranked = Task(ranking_secs(job.num_images, costs, costs["map.threads"]), memory_bytes=vectors_bytes)
    return [
        Phase("train", [Task(training_secs(costs))], is_on_replica=True),
        Phase("describe", [described(size) for size in of_shards], collected=all_vectors),
        Phase("rank", [ranked], is_on_replica=True),
    ]


def training_secs(costs: Costs) -> float:
    """The sample that the codebook is trained on does not grow with the images."""
    return costs["pair.start_secs"]


def ranking_secs(num_images: int, costs: Costs, threads: float) -> float:
    """Each image's vector is compared with all others."""
    return num_images**2 * costs["pair.compare_secs"] / threads


def block_task(block: Block, costs: Costs) -> Task:
    matching_secs = (block.num_pairs - block.num_next) * costs["match.pair_secs"] + block.num_next * costs["match.next_pair_secs"]
    return Task(
        compute_secs=block.num_images * costs["match.prepare_secs"] + matching_secs,
        fetch_bytes=block.num_images * costs["extract.feature_bytes"],
        fetch_objects=REQUESTS_PER_FEATURE * block.num_images,
        put_bytes=block.num_pairs * costs["match.pair_bytes"],
        # all but the last piece goes out beside the work
        put_objects=1,
        memory_bytes=costs["worker.memory_bytes"] + block.num_images * costs["match.prepared_bytes"],
    )


def all_matches(matched: list[Task], costs: Costs) -> Task:
    """In as many pieces as they were put there: after each batch of pairs, but the next goes out when the last one is there."""
    piece_secs = max(costs["match.piece_pairs"] * costs["match.pair_secs"], costs["store.latency_secs"])
    num_pieces = sum(1 + (task.compute_secs // piece_secs if piece_secs else 0) for task in matched)
    return Task(0.0, sum(task.put_bytes for task in matched), num_pieces, costs["driver.pieces_at_once"])


def mapping_secs(num_images: int, pairs: Counts, costs: Costs, threads: float) -> float:
    """Verifying scales with threads; growing the model by Amdahl's law, as far as it can be shared out."""
    shared = costs["map.parallel_share"]
    verifying = ((pairs.all - pairs.far) * costs["map.pair_secs"] + pairs.far * costs["map.far_pair_secs"]) / threads
    growing = num_images ** costs["map.exponent"] * costs["map.image_secs"] * (1 - shared + shared / threads)
    return costs["map.start_secs"] + verifying + growing
