"""SuperPoint in eager torch, as its MIT re-training runs it: the reference's side where its code is in no package."""

import torch
import torch.nn.functional as F
from torch import Tensor

BATCH_NORM_EPS = 1e-3
CELL = 8
NMS_RADIUS, BORDER, THRESHOLD = 4, 4, 0.005
BACKBONE = [(1, 64), (64, 64), (64, 64), (64, 64), (64, 128), (128, 128), (128, 128), (128, 128)]
HEADS = {"detector": [(128, 256, 3), (256, 65, 1)], "descriptor": [(128, 256, 3), (256, 256, 1)]}


def shapes() -> dict[str, list[int]]:
    """Every parameter's shape."""
    units = {f"backbone.{i // 2}.{i % 2}": (a, b, 3) for i, (a, b) in enumerate(BACKBONE)}
    units |= {f"{head}.{i}": unit for head, both in HEADS.items() for i, unit in enumerate(both)}
    found = {}
    for name, (inputs, outputs, side) in units.items():
        found[f"{name}.conv.weight"] = [outputs, inputs, side, side]
        for vector in ("conv.bias", "bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"):
            found[f"{name}.{vector}"] = [outputs]
    return found


class SuperPoint:
    def __init__(self, weights: dict[str, Tensor], num_keypoints: int):
        self.weights, self.num_keypoints = weights, num_keypoints

    def unit(self, name: str, x: Tensor, has_relu: bool = True) -> Tensor:
        of = lambda part: self.weights[f"{name}.{part}"]
        x = F.conv2d(x, of("conv.weight"), of("conv.bias"), padding=of("conv.weight").shape[-1] // 2)
        x = F.relu(x) if has_relu else x
        statistics = of("bn.running_mean"), of("bn.running_var")
        return F.batch_norm(x, *statistics, of("bn.weight"), of("bn.bias"), eps=BATCH_NORM_EPS)

    def __call__(self, images: Tensor) -> list[tuple[Tensor, Tensor, Tensor]]:
        """Keypoints `[N, 2]` (pixel indices), scores `[N]` and descriptors `[N, 256]` of RGB `[B, 3, H, W]` in 0..1."""
        x = (images * images.new_tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(1, keepdim=True)
        for i in range(len(BACKBONE)):
            x = self.unit(f"backbone.{i // 2}.{i % 2}", x)
            x = F.max_pool2d(x, 2) if i in (1, 3, 5) else x
        logits = self.unit("detector.1", self.unit("detector.0", x), has_relu=False)
        maps = F.normalize(self.unit("descriptor.1", self.unit("descriptor.0", x), has_relu=False), dim=1)
        scores = F.pixel_shuffle(logits.softmax(1)[:, :-1], CELL)[:, 0]
        scores = suppressed(scores)
        return [self.selected(score, descriptors) for score, descriptors in zip(scores, maps)]

    def selected(self, scores: Tensor, descriptors: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        rows, columns = torch.where(scores > THRESHOLD)
        values, keypoints = scores[rows, columns], torch.stack((columns, rows), -1).float()
        if len(values) > self.num_keypoints:
            values, best = values.topk(self.num_keypoints)
            keypoints = keypoints[best]
        size = keypoints.new_tensor([descriptors.shape[2] * CELL, descriptors.shape[1] * CELL])
        grid = ((keypoints + 0.5) / size * 2 - 1).view(1, 1, -1, 2)
        sampled = F.grid_sample(descriptors[None], grid, align_corners=False)[0, :, 0]
        return keypoints, values, F.normalize(sampled, dim=0).T


def suppressed(scores: Tensor) -> Tensor:
    """Scores of local maxima alone, [B, H, W]; the border and all others are zero."""
    pooled = lambda x: F.max_pool2d(x[:, None], 2 * NMS_RADIUS + 1, 1, NMS_RADIUS)[:, 0]
    is_maximum = scores == pooled(scores)
    for _ in range(2):
        is_near = pooled(is_maximum.float()) > 0
        rest = torch.where(is_near, torch.zeros_like(scores), scores)
        is_maximum |= (rest == pooled(rest)) & ~is_near
    kept = torch.zeros_like(scores)
    inner = slice(BORDER, -BORDER)
    kept[:, inner, inner] = torch.where(is_maximum, scores, torch.zeros_like(scores))[:, inner, inner]
    return kept
