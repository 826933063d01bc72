// SuperPoint's dense output at keypoints: the softmax of a cell as a score map, and descriptors between cells. The dense
// descriptors are brought to unit length only where they are read.
#include "kernel.cuh"

#define THREADS 256
#define CELL 8
#define NUM_LOGITS (CELL * CELL + 1)
// Least norm to divide by (torch's `normalize`).
#define MIN_NORM 1e-12f

// logits [B, h, w, 65] -> maps [B, 8 h, 8 w]; logit 8a + b is that of row a, column b of a cell. A block is 4 cells of a
// row, a thread a pixel.
KERNEL(cell_scores, const float* logits, float* maps, int height, int width) {
  const int cells = THREADS / (CELL * CELL);
  SHARED(float, exponentials, THREADS / (CELL * CELL) * NUM_LOGITS);
  SHARED(float, highest, THREADS / (CELL * CELL));
  SHARED(float, sums, THREADS / (CELL * CELL));
  const int first = blockIdx.x * cells;
  const int row = blockIdx.y;
  const float* from = logits + ((static_cast<size_t>(blockIdx.z) * height + row) * width + first) * NUM_LOGITS;
  const int num_values = (width - first < cells ? width - first : cells) * NUM_LOGITS;
  PHASE(t) for (int i = t; i < num_values; i += THREADS) exponentials[i] = from[i];
  PHASE(t) {
    if (t >= cells) continue;
    float best = LOWEST;
    for (int i = 0; i < NUM_LOGITS && static_cast<int>(t) * NUM_LOGITS < num_values; ++i) {
      const float logit = exponentials[t * NUM_LOGITS + i];
      best = logit > best ? logit : best;
    }
    highest[t] = best;
  }
  PHASE(t) {
    for (int i = t; i < num_values; i += THREADS) exponentials[i] = expf(exponentials[i] - highest[i / NUM_LOGITS]);
  }
  PHASE(t) {
    if (t >= cells) continue;
    float sum = 0.0f;
    for (int i = 0; i < NUM_LOGITS && static_cast<int>(t) * NUM_LOGITS < num_values; ++i) {
      sum += exponentials[t * NUM_LOGITS + i];
    }
    sums[t] = sum;
  }
  // threads in the order of the map's columns
  PHASE(t) {
    const int x = t % (cells * CELL), y = t / (cells * CELL);
    const int cell = x / CELL;
    if (first + cell >= width) continue;
    const size_t line = (static_cast<size_t>(blockIdx.z) * height + row) * CELL + y;
    maps[(line * width + first) * CELL + x] = exponentials[cell * NUM_LOGITS + y * CELL + x % CELL] / sums[cell];
  }
}

// dense [B, h, w, C] of any length, positions [B, N, 2] px index -> descriptors [B, N, C] of unit length: bilinear between
// the centres of cells, zero outside. A block is a keypoint.
KERNEL(sample_cells, const float* dense, const float* positions, const int* counts, float* descriptors, int height,
       int width, int channels, int max_keypoints) {
  SHARED(float, squares, 4 * THREADS);
  SHARED(float, norms, 4);
  const int keypoint = blockIdx.x;
  if (keypoint >= counts[blockIdx.z]) return;
  const size_t row = static_cast<size_t>(blockIdx.z) * max_keypoints + keypoint;
  const float x = (positions[2 * row] + 0.5f) / CELL - 0.5f, y = (positions[2 * row + 1] + 0.5f) / CELL - 0.5f;
  const float left = floorf(x), top = floorf(y);
  const float fx = x - left, fy = y - top;
  const float* map = dense + static_cast<size_t>(blockIdx.z) * height * width * channels;
  float* out = descriptors + row * channels;
  int corners[4];
  float shares[4];
  UNROLL for (int i = 0; i < 4; ++i) {
    const int column = static_cast<int>(left) + i % 2, line = static_cast<int>(top) + i / 2;
    const bool is_inside = column >= 0 && column < width && line >= 0 && line < height;
    corners[i] = (is_inside ? line * width + column : 0) * channels;
    shares[i] = is_inside ? (i / 2 ? fy : 1.0f - fy) * (i % 2 ? fx : 1.0f - fx) : 0.0f;
  }
  PHASE(t) {
    UNROLL for (int i = 0; i < 4; ++i) {
      float sum = 0.0f;
      for (int c = t; c < channels; c += THREADS) sum += map[corners[i] + c] * map[corners[i] + c];
      squares[i * THREADS + t] = sum;
    }
  }
  for (int half = THREADS / 2; half > 0; half /= 2) {
    PHASE(t) {
      if (static_cast<int>(t) >= half) continue;
      UNROLL for (int i = 0; i < 4; ++i) squares[i * THREADS + t] += squares[i * THREADS + t + half];
    }
  }
  PHASE(t) {
    if (t >= 4) continue;
    const float norm = sqrtf(squares[t * THREADS]);
    norms[t] = norm > MIN_NORM ? norm : MIN_NORM;
  }
  PHASE(t) {
    float square = 0.0f;
    for (int c = t; c < channels; c += THREADS) {
      float sum = 0.0f;
      UNROLL for (int i = 0; i < 4; ++i) sum += shares[i] * (map[corners[i] + c] / norms[i]);
      out[c] = sum;
      square += sum * sum;
    }
    squares[t] = square;
  }
  for (int half = THREADS / 2; half > 0; half /= 2) {
    PHASE(t) if (static_cast<int>(t) < half) squares[t] += squares[t + half];
  }
  PHASE(t) {
    const float norm = sqrtf(squares[0]);
    for (int c = t; c < channels; c += THREADS) out[c] /= norm > MIN_NORM ? norm : MIN_NORM;
  }
}
