"""Writes resize.safetensors: what Pillow makes of parts of img0 and of noise. Run with Pillow 13 and numpy, from this folder."""

import json
import struct

import numpy as np
from PIL import Image


def read(path):
    data = open(path, "rb").read()
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    begin, end = header["img0"]["data_offsets"]
    return np.frombuffer(data[8 + length + begin : 8 + length + end], np.uint8).reshape(header["img0"]["shape"])


def write(path, tensors, metadata):
    header, blobs, at = {"__metadata__": metadata}, [], 0
    for name, tensor in tensors.items():
        blob = np.ascontiguousarray(tensor).tobytes()
        header[name] = {"dtype": "U8", "shape": list(tensor.shape), "data_offsets": [at, at + len(blob)]}
        blobs.append(blob)
        at += len(blob)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    open(path, "wb").write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


photo = read("images.safetensors")
noise = np.random.default_rng(7).integers(0, 2, (61, 97, 3)).astype(np.uint8) * 255
cases = {
    "lanczos_photo_128x96": (photo, (128, 96), Image.LANCZOS),
    "lanczos_photo_147x110": (photo, (147, 110), Image.LANCZOS),
    "lanczos_photo_320x31": (photo, (320, 31), Image.LANCZOS),
    "lanczos_noise_40x25": (noise, (40, 25), Image.LANCZOS),
    "bicubic_noise_160x101": (noise, (160, 101), Image.BICUBIC),
    "bicubic_photo_320x100": (photo[:50], (320, 100), Image.BICUBIC),
}
tensors = {"noise": noise}
for name, (source, size, method) in cases.items():
    tensors[name] = np.asarray(Image.fromarray(source).resize(size, method))
write("resize.safetensors", tensors, {"made_by": f"Pillow {Image.__version__}, make_resize.py"})
