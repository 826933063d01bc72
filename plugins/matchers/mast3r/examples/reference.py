"""Times plain torch on the same work as `compare`: the small network and reciprocal nearest neighbours.

    python reference.py WEIGHTS.safetensors IMAGES.safetensors MAPS.safetensors THREADS

Written from the specification, operation by operation as the reference runs them: attention with its scores in memory,
products with a block of 2^13 pixels and their argmax, every head. MAPS is made if it is not there: 512 x 384 px,
24 channels, view 2 a shifted and noisy view 1.
"""

import json
import os
import struct
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F

DTYPES = {"F16": np.float16, "F32": np.float32, "U8": np.uint8}
ENCODER_DEPTH, DECODER_DEPTH, NUM_HEADS = 2, 12, 2
SUBSAMPLE, MAX_ROUNDS, BLOCK_PIXELS = 8, 10, 2**13


def read(path):
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        values = np.frombuffer(data[begin:end], DTYPES[entry["dtype"]]).reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy()).float()
    return tensors


def write(path, tensors):
    header, blobs, at = {}, [], 0
    for name, tensor in tensors.items():
        blob = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


class Network:
    def __init__(self, weights):
        self.weights = weights

    def linear(self, name, x):
        return F.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], 1e-6)

    def conv(self, name, x, **options):
        return F.conv2d(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"), **options)

    def mlp(self, name, x):
        return self.linear(f"{name}.fc2", F.gelu(self.linear(f"{name}.fc1", x)))

    def self_attention(self, name, x, positions):
        batch, num, dim = x.shape
        parts = self.linear(f"{name}.qkv", x).reshape(batch, num, 3, NUM_HEADS, dim // NUM_HEADS)
        q, k, v = parts.transpose(1, 3).unbind(2)
        return self.linear(f"{name}.proj", attend(q, k, v, positions, positions))

    def cross_attention(self, name, x, y, positions):
        def heads(part, tokens):
            projected = self.linear(f"{name}.{part}", tokens)
            return projected.reshape(*tokens.shape[:2], NUM_HEADS, -1).transpose(1, 2)

        q, k, v = heads("projq", x), heads("projk", y), heads("projv", y)
        return self.linear(f"{name}.proj", attend(q, k, v, *positions))

    def encode(self, image):
        tokens = self.conv("patch_embed.proj", image, stride=16)
        grid = tokens.shape[-2:]
        tokens = tokens.flatten(2).transpose(1, 2)
        positions = torch.cartesian_prod(torch.arange(grid[0]), torch.arange(grid[1])).float()
        for i in range(ENCODER_DEPTH):
            name = f"enc_blocks.{i}"
            tokens = tokens + self.self_attention(f"{name}.attn", self.norm(f"{name}.norm1", tokens), positions)
            tokens = tokens + self.mlp(f"{name}.mlp", self.norm(f"{name}.norm2", tokens))
        return self.norm("enc_norm", tokens), positions, grid

    def decoder_block(self, name, x, y, positions):
        x = x + self.self_attention(f"{name}.attn", self.norm(f"{name}.norm1", x), positions[0])
        other = self.norm(f"{name}.norm_y", y)
        x = x + self.cross_attention(f"{name}.cross_attn", self.norm(f"{name}.norm2", x), other, positions)
        return x + self.mlp(f"{name}.mlp", self.norm(f"{name}.norm3", x))

    def decode(self, view1, view2):
        (encoded1, positions1, grid1), (encoded2, positions2, grid2) = view1, view2
        x, y = self.linear("decoder_embed", encoded1), self.linear("decoder_embed", encoded2)
        outputs = [(encoded1, encoded2)]
        for i in range(DECODER_DEPTH):
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
        tokens = [outputs[i] for i in (0, DECODER_DEPTH // 2, DECODER_DEPTH * 3 // 4, DECODER_DEPTH)]
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
    frequencies = 100.0 ** (-torch.arange(0, half, 2).float() / half)

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
    best = torch.full((len(queries),), -float("inf"))
    index = torch.zeros(len(queries), dtype=torch.long)
    for start in range(0, len(others), BLOCK_PIXELS):
        products, rows = (queries @ others[start : start + BLOCK_PIXELS].T).max(1)
        better = products > best
        best, index = torch.where(better, products, best), torch.where(better, rows + start, index)
    return index


def reciprocal_pairs(map1, map2):
    height, width, dim = map1.shape
    values1, values2 = map1.reshape(-1, dim), map2.reshape(-1, dim)
    ys, xs = torch.arange(SUBSAMPLE // 2, height, SUBSAMPLE), torch.arange(SUBSAMPLE // 2, width, SUBSAMPLE)
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


def descriptor_maps():
    torch.manual_seed(3)
    height, width = 384, 512
    coarse = F.interpolate(torch.randn(1, 24, 56, 72), scale_factor=8, mode="bicubic")[0]
    fine = F.interpolate(torch.randn(1, 24, 224, 288), scale_factor=2, mode="bilinear")[0]
    scene = coarse + 0.3 * fine
    view1, view2 = scene[:, :height, :width], scene[:, 20 : 20 + height, 30 : 30 + width]
    view2 = view2 + 0.15 * torch.randn(24, height, width)
    return {name: F.normalize(x, dim=0).permute(1, 2, 0) for name, x in (("desc1", view1), ("desc2", view2))}


def report(name, run, num_runs):
    run()
    millis = []
    for _ in range(num_runs):
        start = time.perf_counter()
        run()
        millis.append((time.perf_counter() - start) * 1e3)
    millis.sort()
    print(f"{name}: median {millis[num_runs // 2]:.2f} ms, least {millis[0]:.2f} ms", flush=True)


def main():
    weights, images, maps, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.set_grad_enabled(False)
    if not os.path.exists(maps):
        write(maps, descriptor_maps())
    crops = [read(images)[name][40:200, 48:272] for name in ("img0", "img1")]
    crops = [((crop / 255 - 0.5) / 0.5).permute(2, 0, 1)[None] for crop in crops]
    network = Network(read(weights))
    views = [network.encode(crop) for crop in crops]
    report("encode an image", lambda: network.encode(crops[0]), 15)
    report("decode a pair", lambda: network.decode(*views), 15)
    maps = read(maps)
    print(len(reciprocal_pairs(maps["desc1"], maps["desc2"])), "pairs")
    report("walk from one side", lambda: reciprocal_pairs(maps["desc1"], maps["desc2"]), 3)


if __name__ == "__main__":
    main()
