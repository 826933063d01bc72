"""MASt3R and reciprocal nearest neighbours in plain torch: what the reference's speed is measured by where its code is not.

Written from the specification, operation by operation as the reference runs them: attention with its scores in memory,
products with a block of 2^13 pixels and their argmax, every head.
"""

import json
import struct
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

DTYPES = {"F16": torch.float16, "F32": torch.float32, "U8": torch.uint8}
SUBSAMPLE, MAX_ROUNDS, BLOCK_PIXELS = 8, 10, 2**13


class Stack(NamedTuple):
    """Blocks of a transformer, and heads of attention in each."""

    depth: int
    num_heads: int


RELEASED_ENCODER, RELEASED_DECODER = Stack(24, 16), Stack(12, 12)


def read(path):
    """Tensors of a safetensors file, in their stored types."""
    with open(path, "rb") as file:
        data = bytearray(file.read())
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        tensors[name] = torch.frombuffer(data[begin:end], dtype=DTYPES[entry["dtype"]]).reshape(entry["shape"])
    return tensors


def write(path, tensors):
    """Writes tensors, all f32, as safetensors."""
    header, blobs, at = {}, [], 0
    for name, tensor in tensors.items():
        blob = bytes(tensor.float().contiguous().flatten().view(torch.uint8).tolist())
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


class Network:
    def __init__(self, weights: dict[str, Tensor], encoder: Stack = Stack(2, 2), decoder: Stack = Stack(12, 2)):
        self.weights, self.encoder, self.decoder = weights, encoder, decoder

    def linear(self, name, x):
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], 1e-6)

    def conv(self, name, x, **options):
        return F.conv2d(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"), **options)

    def mlp(self, name, x):
        return self.linear(f"{name}.fc2", F.gelu(self.linear(f"{name}.fc1", x)))

    def self_attention(self, name, x, positions, num_heads):
        batch, num, dim = x.shape
        parts = self.linear(f"{name}.qkv", x).reshape(batch, num, 3, num_heads, dim // num_heads)
        q, k, v = parts.transpose(1, 3).unbind(2)
        return self.linear(f"{name}.proj", attend(q, k, v, positions, positions))

    def cross_attention(self, name, x, y, positions):
        def heads(part, tokens):
            projected = self.linear(f"{name}.{part}", tokens)
            return projected.reshape(*tokens.shape[:2], self.decoder.num_heads, -1).transpose(1, 2)

        q, k, v = heads("projq", x), heads("projk", y), heads("projv", y)
        return self.linear(f"{name}.proj", attend(q, k, v, *positions))

    def encode(self, image):
        tokens = self.conv("patch_embed.proj", image, stride=16)
        grid = tokens.shape[-2:]
        tokens = tokens.flatten(2).transpose(1, 2)
        rows, columns = (torch.arange(side, device=image.device) for side in grid)
        positions = torch.cartesian_prod(rows, columns).float()
        for i in range(self.encoder.depth):
            name = f"enc_blocks.{i}"
            normal = self.norm(f"{name}.norm1", tokens)
            tokens = tokens + self.self_attention(f"{name}.attn", normal, positions, self.encoder.num_heads)
            tokens = tokens + self.mlp(f"{name}.mlp", self.norm(f"{name}.norm2", tokens))
        return self.norm("enc_norm", tokens), positions, grid

    def decoder_block(self, name, x, y, positions):
        normal = self.norm(f"{name}.norm1", x)
        x = x + self.self_attention(f"{name}.attn", normal, positions[0], self.decoder.num_heads)
        other = self.norm(f"{name}.norm_y", y)
        x = x + self.cross_attention(f"{name}.cross_attn", self.norm(f"{name}.norm2", x), other, positions)
        return x + self.mlp(f"{name}.mlp", self.norm(f"{name}.norm3", x))

    def decode(self, view1, view2):
        (encoded1, positions1, grid1), (encoded2, positions2, grid2) = view1, view2
        x, y = self.linear("decoder_embed", encoded1), self.linear("decoder_embed", encoded2)
        outputs = [(encoded1, encoded2)]
        for i in range(self.decoder.depth):
            next_x = self.decoder_block(f"dec_blocks.{i}", x, y, (positions1, positions2))
            y = self.decoder_block(f"dec_blocks2.{i}", y, x, (positions2, positions1))
            x = next_x
            outputs.append((x, y))
        outputs[-1] = (self.norm("dec_norm", x), self.norm("dec_norm", y))
        return self.head(1, [x for x, _ in outputs], grid1), self.head(2, [y for _, y in outputs], grid2)

    def residual_unit(self, name, x):
        inner = self.conv(f"{name}.conv1", F.relu(x), padding=1)
        return x + self.conv(f"{name}.conv2", F.relu(inner), padding=1)

    def fusion(self, name, path, finer=None):
        if finer is not None:
            path = path + self.residual_unit(f"{name}.resConfUnit1", finer)
        return self.conv(f"{name}.out_conv", doubled(self.residual_unit(f"{name}.resConfUnit2", path)))

    def head(self, view, outputs, grid):
        name = f"downstream_head{view}.dpt"
        depth = self.decoder.depth
        tokens = [outputs[i] for i in (0, depth // 2, depth * 3 // 4, depth)]
        maps = [x.transpose(1, 2).unflatten(2, grid) for x in tokens]
        layers = [self.conv(f"{name}.act_postprocess.{i}.0", x) for i, x in enumerate(maps)]
        for i, stride in ((0, 4), (1, 2)):
            up = f"{name}.act_postprocess.{i}.1"
            weight, bias = self.weights[f"{up}.weight"], self.weights[f"{up}.bias"]
            layers[i] = F.conv_transpose2d(layers[i], weight, bias, stride=stride)
        layers[3] = self.conv(f"{name}.act_postprocess.3.1", layers[3], stride=2, padding=1)
        layers = [self.conv(f"{name}.scratch.layer{i + 1}_rn", x, padding=1) for i, x in enumerate(layers)]
        path = self.fusion(f"{name}.scratch.refinenet4", layers[3])
        path = path[:, :, : layers[2].shape[2], : layers[2].shape[3]]
        for level in (3, 2, 1):
            path = self.fusion(f"{name}.scratch.refinenet{level}", path, layers[level - 1])
        half = self.conv(f"{name}.head.0", path, padding=1)
        full = F.relu(self.conv(f"{name}.head.2", doubled(half), padding=1))
        points = self.conv(f"{name}.head.4", full).permute(0, 2, 3, 1)
        features = self.mlp(f"downstream_head{view}.head_local_features", torch.cat((tokens[0], tokens[3]), -1))
        features = F.pixel_shuffle(features.transpose(1, 2).unflatten(2, grid), 16).permute(0, 2, 3, 1)
        return processed(points, features)


def attend(q, k, v, query_positions, key_positions):
    q, k = rotated(q, query_positions), rotated(k, key_positions)
    weights = (q @ k.transpose(-2, -1) * q.shape[-1] ** -0.5).softmax(-1)
    return (weights @ v).transpose(1, 2).flatten(2)


def rotated(x, positions):
    half = x.shape[-1] // 2
    frequencies = 100.0 ** (-torch.arange(0, half, 2, device=x.device).float() / half)

    def turned(part, position):
        angles = position[:, None] * frequencies
        angles = torch.cat((angles, angles), -1)
        partner = torch.cat((-part[..., half // 2 :], part[..., : half // 2]), -1)
        return part * angles.cos() + partner * angles.sin()

    return torch.cat((turned(x[..., :half], positions[:, 0]), turned(x[..., half:], positions[:, 1])), -1)


def doubled(x):
    return F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)


def processed(points, features):
    xyz, descriptors = points[..., :3], features[..., :24]
    distance = xyz.norm(dim=-1, keepdim=True)
    return {
        "pts3d": xyz / distance.clip(1e-8) * distance.expm1(),
        "conf": 1 + points[..., 3].exp(),
        "desc": descriptors / descriptors.norm(dim=-1, keepdim=True),
        "desc_conf": features[..., 24].exp(),
    }


def nearest(queries, others):
    best = torch.full((len(queries),), -float("inf"), device=queries.device)
    index = torch.zeros(len(queries), dtype=torch.long, device=queries.device)
    for start in range(0, len(others), BLOCK_PIXELS):
        products, rows = (queries @ others[start : start + BLOCK_PIXELS].T).max(1)
        better = products > best
        best, index = torch.where(better, products, best), torch.where(better, rows + start, index)
    return index


def reciprocal_pairs(map1, map2):
    height, width, dim = map1.shape
    values1, values2 = map1.reshape(-1, dim), map2.reshape(-1, dim)
    ys, xs = (torch.arange(SUBSAMPLE // 2, side, SUBSAMPLE, device=map1.device) for side in (height, width))
    place1 = (ys[:, None] * width + xs).reshape(-1)
    place2 = torch.full_like(place1, -1)
    old1, old2 = place1.clone(), place2.clone()
    active = torch.ones_like(place1, dtype=torch.bool)
    for _ in range(MAX_ROUNDS):
        if not active.any():
            break
        place2[active] = nearest(values1[place1[active]], values2)
        active &= place2 != old2
        place1[active] = nearest(values2[place2[active]], values1)
        active &= place1 != old1
        old1, old2 = place1.clone(), place2.clone()
    return torch.stack((place1, place2), 1)[~active].unique(dim=0)


def descriptor_maps(height=384, width=512):
    torch.manual_seed(3)
    rows, columns = height // 8 + 8, width // 8 + 8
    coarse = F.interpolate(torch.randn(1, 24, rows, columns), scale_factor=8, mode="bicubic")[0]
    fine = F.interpolate(torch.randn(1, 24, 4 * rows, 4 * columns), scale_factor=2, mode="bilinear")[0]
    scene = coarse + 0.3 * fine
    view1, view2 = scene[:, :height, :width], scene[:, 20 : 20 + height, 30 : 30 + width]
    view2 = view2 + 0.15 * torch.randn(24, height, width)
    return {name: F.normalize(x, dim=0).permute(1, 2, 0) for name, x in (("desc1", view1), ("desc2", view2))}
