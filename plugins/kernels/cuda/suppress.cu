// Non-maximum suppression of score maps (SuperPoint's `simple_nms`, as DKD uses it), border and threshold in one pass: a
// block loads a tile with the margin that all five maximum filters need, and appends what it keeps to a list.
#include "kernel.cuh"

#define THREADS 256
#define TILE 32
// Rounds that recover maxima hidden by a suppressed neighbour.
#define ROUNDS 2
#define KEPT 1
#define SUPPRESSED 2

template <int RADIUS>
struct Tile {
  static const int MARGIN = (2 * ROUNDS + 1) * RADIUS;
  static const int SIDE = TILE + 2 * MARGIN;
  static const int AREA = SIDE * SIDE;
};

// Position of a tile's pixel in the map.
struct Place {
  int x, y;
  bool is_inside;
};
template <int RADIUS>
DEVICE Place place(int i, int height, int width) {
  const int x = static_cast<int>(blockIdx.x * TILE) - Tile<RADIUS>::MARGIN + i % Tile<RADIUS>::SIDE;
  const int y = static_cast<int>(blockIdx.y * TILE) - Tile<RADIUS>::MARGIN + i / Tile<RADIUS>::SIDE;
  return {x, y, x >= 0 && x < width && y >= 0 && y < height};
}

// Largest of the values within the radius along a line of the tile; what lies beyond the tile can't reach its centre.
template <int RADIUS, int STEP, class Values>
DEVICE float largest(int i, const Values& values) {
  const int at = STEP == 1 ? i % Tile<RADIUS>::SIDE : i / Tile<RADIUS>::SIDE;
  float best = values.at(i);
  UNROLL for (int shift = -RADIUS; shift <= RADIUS; ++shift) {
    if (at + shift < 0 || at + shift >= Tile<RADIUS>::SIDE) continue;
    const float value = values.at(i + shift * STEP);
    best = value > best ? value : best;
  }
  return best;
}

// Scores that no kept pixel suppresses; -inf outside of the map.
struct Remaining {
  const float* scores;
  const unsigned char* flags;
  METHOD float at(int i) const { return flags[i] & SUPPRESSED ? 0.0f : scores[i]; }
};

struct Kept {
  const unsigned char* flags;
  METHOD float at(int i) const { return flags[i] & KEPT ? 1.0f : 0.0f; }
};

struct Plain {
  const float* values;
  METHOD float at(int i) const { return values[i]; }
};

template <int RADIUS>
DEVICE void suppress(const float* maps, Key* keys, int* counts, int height, int width, int border, float threshold,
                     int capacity) {
  const int SIDE = Tile<RADIUS>::SIDE, AREA = Tile<RADIUS>::AREA, MARGIN = Tile<RADIUS>::MARGIN;
  SHARED(float, scores, (Tile<RADIUS>::AREA));
  SHARED(float, rows, (Tile<RADIUS>::AREA));
  SHARED(unsigned char, flags, (Tile<RADIUS>::AREA));
  SHARED(int, num_found, 1);
  SHARED(int, first_out, 1);
  const float* map = maps + static_cast<size_t>(blockIdx.z) * height * width;
  PHASE(t) {
    for (int i = t; i < AREA; i += THREADS) {
      const Place at = place<RADIUS>(i, height, width);
      scores[i] = at.is_inside ? map[static_cast<size_t>(at.y) * width + at.x] : LOWEST;
      flags[i] = 0;
    }
  }
  for (int round = 0; round <= ROUNDS; ++round) {
    if (round > 0) {
      PHASE(t) for (int i = t; i < AREA; i += THREADS) rows[i] = largest<RADIUS, 1>(i, Kept{flags});
      PHASE(t) {
        for (int i = t; i < AREA; i += THREADS) {
          const bool is_near = largest<RADIUS, Tile<RADIUS>::SIDE>(i, Plain{rows}) > 0.0f;
          const bool is_suppressed = is_near && place<RADIUS>(i, height, width).is_inside;
          flags[i] = (flags[i] & KEPT) | (is_suppressed ? SUPPRESSED : 0);
        }
      }
    }
    PHASE(t) for (int i = t; i < AREA; i += THREADS) rows[i] = largest<RADIUS, 1>(i, Remaining{scores, flags});
    PHASE(t) {
      for (int i = t; i < AREA; i += THREADS) {
        const bool is_max = scores[i] == largest<RADIUS, Tile<RADIUS>::SIDE>(i, Plain{rows});
        const bool is_new = is_max && !(flags[i] & SUPPRESSED) && place<RADIUS>(i, height, width).is_inside;
        if (is_new) flags[i] |= KEPT;
      }
    }
  }
  Key* found = reinterpret_cast<Key*>(rows);
  PHASE(t) if (t == 0) num_found[0] = 0;
  PHASE(t) {
    for (int pixel = t; pixel < TILE * TILE; pixel += THREADS) {
      const int i = (pixel / TILE + MARGIN) * SIDE + pixel % TILE + MARGIN;
      const Place at = place<RADIUS>(i, height, width);
      const bool is_inside = at.x >= border && at.x < width - border && at.y >= border && at.y < height - border;
      if (is_inside && flags[i] & KEPT && scores[i] > threshold) {
        found[add_atomically(&num_found[0], 1)] = key_of(scores[i], at.y * width + at.x);
      }
    }
  }
  PHASE(t) if (t == 0) first_out[0] = add_atomically(&counts[blockIdx.z], num_found[0]);
  PHASE(t) {
    Key* out = keys + static_cast<size_t>(blockIdx.z) * capacity + first_out[0];
    for (int i = t; i < num_found[0]; i += THREADS) out[i] = found[i];
  }
}

// maps [B, H, W] -> keys [B, capacity] in any order, counts [B], which begin at 0
#define SUPPRESS(name, RADIUS)                                                                               \
  KERNEL(name, const float* maps, Key* keys, int* counts, int height, int width, int border, float threshold, \
         int capacity) {                                                                                     \
    suppress<RADIUS>(maps, keys, counts, height, width, border, threshold, capacity);                        \
  }

SUPPRESS(suppress_r1, 1)
SUPPRESS(suppress_r2, 2)
SUPPRESS(suppress_r3, 3)
SUPPRESS(suppress_r4, 4)
