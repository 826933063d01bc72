// Keypoints of selected pixels: as they are (SuperPoint), or refined by a soft-argmax over the scores around them (DKD,
// ALIKED section III-B).
#include "kernel.cuh"

#define THREADS 128
// Temperature of the soft-argmax.
#define TEMPERATURE 0.1f

// Bilinear between the four pixels around a position in px; zero outside.
DEVICE float interpolate(const float* map, int height, int width, float x, float y) {
  const float left = floorf(x), top = floorf(y);
  const float fx = x - left, fy = y - top;
  float sum = 0.0f;
  UNROLL for (int corner = 0; corner < 4; ++corner) {
    const int column = static_cast<int>(left) + corner % 2, row = static_cast<int>(top) + corner / 2;
    const bool is_inside = column >= 0 && column < width && row >= 0 && row < height;
    const float value = is_inside ? map[static_cast<size_t>(row) * width + column] : 0.0f;
    sum += value * (corner % 2 ? fx : 1.0f - fx) * (corner / 2 ? fy : 1.0f - fy);
  }
  return sum;
}

// maps [B, H, W], keys [B, N] -> normalized [B, N, 2] as (x, y) in -1..1 over the centres of the corner pixels, scores
// [B, N] at the refined positions. The pixels lie at least a radius from the sides.
KERNEL(refine, const float* maps, const Key* keys, const int* counts, float* normalized, float* scores, int height,
       int width, int radius, int max_keypoints) {
  PHASE(t) {
    const int i = blockIdx.x * THREADS + t;
    if (i >= counts[blockIdx.z]) continue;
    const float* map = maps + static_cast<size_t>(blockIdx.z) * height * width;
    const size_t out = static_cast<size_t>(blockIdx.z) * max_keypoints + i;
    const int pixel = index_of(keys[out]);
    const float* corner = map + (pixel - radius * width - radius);
    const int side = 2 * radius + 1;
    float highest = corner[0];
    for (int step = 1; step < side * side; ++step) {
      const float score = corner[step / side * width + step % side];
      highest = score > highest ? score : highest;
    }
    float sum = 0.0f, sum_x = 0.0f, sum_y = 0.0f;
    for (int step = 0; step < side * side; ++step) {
      const float weight = expf((corner[step / side * width + step % side] - highest) / TEMPERATURE);
      sum += weight;
      sum_x += weight * static_cast<float>(step % side - radius);
      sum_y += weight * static_cast<float>(step / side - radius);
    }
    const float last_x = static_cast<float>(width) - 1.0f, last_y = static_cast<float>(height) - 1.0f;
    const float x = (static_cast<float>(pixel % width) + sum_x / sum) / last_x * 2.0f - 1.0f;
    const float y = (static_cast<float>(pixel / width) + sum_y / sum) / last_y * 2.0f - 1.0f;
    normalized[2 * out] = x;
    normalized[2 * out + 1] = y;
    scores[out] = interpolate(map, height, width, (x + 1.0f) / 2.0f * last_x, (y + 1.0f) / 2.0f * last_y);
  }
}

// keys [B, N] -> positions [B, N, 2] as (x, y), px index, whole numbers, and scores [B, N]
KERNEL(keypoints_of_keys, const Key* keys, const int* counts, float* positions, float* scores, int width,
       int max_keypoints) {
  PHASE(t) {
    const int i = blockIdx.x * THREADS + t;
    if (i >= counts[blockIdx.z]) continue;
    const size_t out = static_cast<size_t>(blockIdx.z) * max_keypoints + i;
    const int pixel = index_of(keys[out]);
    positions[2 * out] = static_cast<float>(pixel % width);
    positions[2 * out + 1] = static_cast<float>(pixel / width);
    scores[out] = value_of(keys[out]);
  }
}
