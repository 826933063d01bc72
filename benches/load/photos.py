"""Photos of a wanted size without an image library: baseline JPEGs (ITU-T T.81) of noise, 4:2:0 as phones write them.

A row of blocks ends at a restart marker, behind which nothing depends on what came before; so rows of noise are coded once
and put together at random, which makes a photo of megabytes in no time.
"""

from __future__ import annotations

import random
import struct

# what a photo consists of, in order
Pieces = tuple[bytes, memoryview]
BLOCKS_PER_MCU = 6  # four of brightness, one of each colour
DISTINCT_ROWS = 4
# every code has four bits; sixteen would be all ones, which T.81 keeps free
DC_SIZES = [0, 1, 2, 3, 4, 5, 6, 7]
AC_SYMBOLS = [0x00, 0x01, 0x02, 0x03, 0x11, 0x12, 0x21]


def photo(width: int, height: int, num_bytes: int, seed: int) -> bytes:
    """A photo of about so many bytes."""
    rng = random.Random(seed)
    columns, rows = -(-width // 16), -(-height // 16)
    bits_per_block = max(8, num_bytes * 8 // (columns * rows * BLOCKS_PER_MCU))
    coded = [row(columns, bits_per_block, rng) for _ in range(DISTINCT_ROWS)]
    scan = bytearray()
    for index in range(rows):
        scan += rng.choice(coded)
        if index + 1 < rows:
            scan += bytes([0xFF, 0xD0 + index % 8])
    return header(width, height, columns) + bytes(scan) + b"\xff\xd9"


def marked(jpeg: bytes, mark: str) -> Pieces:
    """Other bytes, the same pixels: with a comment behind the start of the image (T.81, B.2.4.5). Nothing is copied."""
    text = mark.encode()
    return jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text, memoryview(jpeg)[2:]


def row(columns: int, bits_per_block: int, rng: random.Random) -> bytes:
    bits = "".join(block(bits_per_block, index % BLOCKS_PER_MCU, rng) for index in range(columns * BLOCKS_PER_MCU))
    bits += "1" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")


def block(num_bits: int, place: int, rng: random.Random) -> str:
    # the first of a colour says how bright it is, the next ones that nothing changes
    bits = f"{DC_SIZES.index(0):04b}" if place else f"{DC_SIZES.index(2):04b}{rng.choice(['00', '01', '10', '11'])}"
    position = 1
    while len(bits) < num_bits - 4:
        symbol = rng.choice(AC_SYMBOLS[1:])
        run, size = symbol >> 4, symbol & 15
        if position + run > 62:
            break
        bits += f"{AC_SYMBOLS.index(symbol):04b}{rng.getrandbits(size):0{size}b}"
        position += run + 1
    return bits + f"{AC_SYMBOLS.index(0):04b}"


def header(width: int, height: int, columns: int) -> bytes:
    components = bytes([1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0])
    return b"".join([
        b"\xff\xd8",
        segment(0xDB, bytes([0]) + bytes([4] * 64)),
        segment(0xC0, struct.pack(">BHHB", 8, height, width, 3) + components),
        segment(0xC4, table(0x00, DC_SIZES) + table(0x10, AC_SYMBOLS)),
        segment(0xDD, struct.pack(">H", columns)),
        segment(0xDA, bytes([3, 1, 0, 2, 0, 3, 0, 0, 63, 0])),
    ])


def table(kind: int, symbols: list[int]) -> bytes:
    lengths = [0] * 16
    lengths[3] = len(symbols)
    return bytes([kind, *lengths, *symbols])


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
