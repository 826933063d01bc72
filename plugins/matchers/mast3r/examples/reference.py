"""Times plain torch on the same work as `times`: the small network and reciprocal nearest neighbours.

    python reference.py WEIGHTS.safetensors IMAGES.safetensors MAPS.safetensors THREADS

MAPS is made if it is not there: 512 x 384 px, 24 channels, view 2 a shifted and noisy view 1.
"""

import os
import sys
import time

import torch

from mast3r_torch import Network, descriptor_maps, read, reciprocal_pairs, write


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
    crops = [read(images)[name][40:200, 48:272].float() for name in ("img0", "img1")]
    crops = [((crop / 255 - 0.5) / 0.5).permute(2, 0, 1)[None] for crop in crops]
    network = Network({name: weight.float() for name, weight in read(weights).items()})
    views = [network.encode(crop) for crop in crops]
    report("encode an image", lambda: network.encode(crops[0]), 15)
    report("decode a pair", lambda: network.decode(*views), 15)
    maps = read(maps)
    print(len(reciprocal_pairs(maps["desc1"], maps["desc2"])), "pairs")
    report("walk from one side", lambda: reciprocal_pairs(maps["desc1"], maps["desc2"]), 3)


if __name__ == "__main__":
    main()
