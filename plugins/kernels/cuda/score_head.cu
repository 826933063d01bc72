// ALIKED's score head over its four branches, tile by tile in shared memory: enlargement, sum, SELU, three 3x3
// convolutions, sigmoid, crop. The head's first layer is 1x1, so it was applied at each branch's own resolution: it and
// enlargement are both linear.
#include "branches.cuh"

#define THREADS 256
#define TILE 16
// Channels of the four layers.
#define C0 8
#define C1 4
#define C2 4
// Weights [out, in, 3, 3] of three layers, then their biases.
#define WEIGHTS1 (C1 * C0 * 9)
#define WEIGHTS2 (C2 * C1 * 9)
#define WEIGHTS3 (C2 * 9)
#define NUM_PARAMETERS (WEIGHTS1 + WEIGHTS2 + WEIGHTS3 + C1 + C2 + 1)

DEVICE float selu(float value) {
  const float alpha = 1.6732632423543772f, scale = 1.0507009873554805f;
  return scale * (value > 0.0f ? value : alpha * expm1f(value));
}

// One output of a 3x3 convolution over planes [C, side, side].
DEVICE float convolve(const float* planes, int channels, int side, int y, int x, const float* weights, float bias) {
  float sum = bias;
  for (int c = 0; c < channels; ++c) {
    UNROLL for (int tap = 0; tap < 9; ++tap) {
      sum = fmaf(weights[c * 9 + tap], planes[(c * side + y + tap / 3) * side + x + tap % 3], sum);
    }
  }
  return sum;
}

// A layer over a tile with `margin` pixels around: planes [c_in, side + 2, ..] -> out [c_out, side, ..]. What lies outside
// of the padded image is zero, as convolutions pad.
template <int MARGIN, int C_IN, int C_OUT>
DEVICE void layer(unsigned t, const float* planes, const float* weights, const float* biases, float* out, int height,
                  int width) {
  const int side = TILE + 2 * MARGIN;
  for (int i = t; i < side * side; i += THREADS) {
    const int y = i / side, x = i % side;
    const int row = static_cast<int>(blockIdx.y * TILE) + y - MARGIN, column = static_cast<int>(blockIdx.x * TILE) + x - MARGIN;
    const bool is_inside = row >= 0 && row < height && column >= 0 && column < width;
    for (int c = 0; c < C_OUT; ++c) {
      const float sum = convolve(planes, C_IN, side + 2, y, x, weights + c * C_IN * 9, biases[c]);
      out[c * side * side + i] = is_inside ? selu(sum) : 0.0f;
    }
  }
}

// slices [B, h_i, w_i, 8] of the first layer -> scores [B, H, W] of the image without its padding
template <class T>
DEVICE void score_head(const T* s1, const T* s2, const T* s3, const T* s4, const float* parameters, float* scores,
                       int padded_height, int padded_width, int top, int left, int height, int width) {
  const int SIDE = TILE + 6;
  SHARED(float, weights, NUM_PARAMETERS);
  SHARED(float, planes0, (C0 * (TILE + 6) * (TILE + 6)));
  SHARED(float, planes1, (C1 * (TILE + 4) * (TILE + 4)));
  SHARED(float, planes2, (C2 * (TILE + 2) * (TILE + 2)));
  const Branches<T> slices = branches_of_image(s1, s2, s3, s4, C0, padded_height, padded_width);
  const float* biases = weights + WEIGHTS1 + WEIGHTS2 + WEIGHTS3;
  PHASE(t) {
    for (int i = t; i < NUM_PARAMETERS; i += THREADS) weights[i] = parameters[i];
    for (int i = t; i < C0 * SIDE * SIDE; i += THREADS) {
      const int c = i % C0, y = i / C0 / SIDE, x = i / C0 % SIDE;
      const int row = static_cast<int>(blockIdx.y * TILE) + y - 3, column = static_cast<int>(blockIdx.x * TILE) + x - 3;
      float sum = 0.0f;
      if (row >= 0 && row < padded_height && column >= 0 && column < padded_width) {
        UNROLL for (int branch = 0; branch < BRANCHES; ++branch) sum += enlarged(slices, branch, c, row, column);
      }
      planes0[(c * SIDE + y) * SIDE + x] = selu(sum);
    }
  }
  PHASE(t) layer<2, C0, C1>(t, planes0, weights, biases, planes1, padded_height, padded_width);
  PHASE(t) layer<1, C1, C2>(t, planes1, weights + WEIGHTS1, biases + C1, planes2, padded_height, padded_width);
  PHASE(t) {
    const int y = t / TILE, x = t % TILE;
    const int row = static_cast<int>(blockIdx.y * TILE) + y - top, column = static_cast<int>(blockIdx.x * TILE) + x - left;
    if (row < 0 || row >= height || column < 0 || column >= width) continue;
    const float sum = convolve(planes2, C2, TILE + 2, y, x, weights + WEIGHTS1 + WEIGHTS2, biases[C1 + C2]);
    scores[(static_cast<size_t>(blockIdx.z) * height + row) * width + column] = 1.0f / (1.0f + expf(-sum));
  }
}

#define SCORE_HEAD(name, type)                                                                                    \
  KERNEL(name, const type* s1, const type* s2, const type* s3, const type* s4, const float* parameters,           \
         float* scores, int padded_height, int padded_width, int top, int left, int height, int width) {          \
    score_head(s1, s2, s3, s4, parameters, scores, padded_height, padded_width, top, left, height, width);        \
  }

SCORE_HEAD(score_head_f32, float)
SCORE_HEAD(score_head_bf16, BFloat16)
SCORE_HEAD(score_head_f16, Half)
