// Sparse deformable descriptors (ALIKED section III-C), their sampling: patches of the feature map around keypoints, and
// samples at moved positions. Features are evaluated, and brought to unit length, only at the pixels that are read.
#include "branches.cuh"

// Channels: a thread has one.
#define THREADS 128
// Pixels of a patch.
#define PATCH 9
// Samples of a block, each between four pixels.
#define SAMPLES 4
#define CORNERS 4
// Least norm to divide by (torch's `normalize`).
#define MIN_NORM 1e-12f

// An image without its padding, px.
struct Frame {
  int height, width, top, left;
};

// A channel at `NUM` pixels.
template <int NUM>
struct Features {
  float values[NUM];
};

template <class T>
DEVICE float feature(const Branches<T>& branches, const Frame& frame, unsigned c, int y, int x) {
  const int quarter = branches.channels;
  if (static_cast<int>(c) >= BRANCHES * quarter) return 0.0f;
  return enlarged(branches, c / quarter, c % quarter, y + frame.top, x + frame.left);
}

// 1 / length of each row of `squares [rows, THREADS]`, one of each thread; left in its first column.
DEVICE void inverse_lengths(float* squares, int rows) {
  for (int half = THREADS / 2; half > 0; half /= 2) {
    PHASE(t) {
      if (static_cast<int>(t) >= half) continue;
      for (int row = 0; row < rows; ++row) squares[row * THREADS + t] += squares[row * THREADS + t + half];
    }
  }
  PHASE(t) {
    if (static_cast<int>(t) >= rows) continue;
    const float norm = sqrtf(squares[t * THREADS]);
    squares[t * THREADS] = 1.0f / (norm > MIN_NORM ? norm : MIN_NORM);
  }
}

// Pixel index of a normalised position. These f32 operations in this order: a keypoint meant at 5.0 may come back as
// 4.9999995 and then has its patch around 4, in the reference as here.
DEVICE float position(float normalized, int size) {
  return (normalized / 2.0f + 0.5f) * (static_cast<float>(size) - 1.0f);
}

// normalized [N, 2] -> patches [N, 9, C]. A block is a keypoint.
template <class T>
DEVICE void patches(const Branches<T>& branches, const Frame& frame, const float* normalized, float* out) {
  SHARED(float, squares, PATCH * THREADS);
  const unsigned keypoint = blockIdx.x;
  const int dim = BRANCHES * branches.channels;
  // three pixels around the anchor, shifted inwards as the reference does without its compiled operation: to at most
  // `size - 4`, not `size - 3`
  const int x0 = clamp(static_cast<int>(position(normalized[2 * keypoint], frame.width)) - 1, 0, frame.width - 4);
  const int y0 = clamp(static_cast<int>(position(normalized[2 * keypoint + 1], frame.height)) - 1, 0, frame.height - 4);
  PerThread<Features<PATCH>> features;
  PHASE(t) {
    UNROLL for (int i = 0; i < PATCH; ++i) {
      const float value = feature(branches, frame, t, y0 + i / 3, x0 + i % 3);
      features[t].values[i] = value;
      squares[i * THREADS + t] = value * value;
    }
  }
  inverse_lengths(squares, PATCH);
  PHASE(t) {
    if (static_cast<int>(t) >= dim) continue;
    UNROLL for (int i = 0; i < PATCH; ++i) {
      const size_t row = static_cast<size_t>(keypoint) * PATCH + i;
      out[row * dim + t] = features[t].values[i] * squares[i * THREADS];
    }
  }
}

// normalized [N, 2], offsets [N, 2 M] px as dx of all samples, then dy -> samples [N, M, C], bilinear, zero outside. A
// block is four samples of a keypoint.
template <class T>
DEVICE void samples(const Branches<T>& branches, const Frame& frame, const float* normalized, const float* offsets,
                    float* out, int num_samples) {
  SHARED(float, squares, (SAMPLES * CORNERS * THREADS));
  SHARED(int, pixels, (SAMPLES * CORNERS * 2));
  SHARED(float, shares, (SAMPLES * CORNERS));
  const unsigned keypoint = blockIdx.x;
  const int dim = BRANCHES * branches.channels;
  const int first = blockIdx.y * SAMPLES;
  // the offsets' bound: max(h, w) / 4 (ALIKED nets/aliked.py, SDDH)
  const float bound = (frame.height > frame.width ? frame.height : frame.width) / 4.0f;
  PHASE(t) {
    if (t >= SAMPLES * CORNERS) continue;
    const int sample = clamp(first + static_cast<int>(t / CORNERS), 0, num_samples - 1);
    const int column = t % CORNERS % 2, row = t % CORNERS / 2;
    const float* moves = offsets + static_cast<size_t>(keypoint) * 2 * num_samples + sample;
    const float x = position(normalized[2 * keypoint], frame.width) + clamp(moves[0], -bound, bound);
    const float y = position(normalized[2 * keypoint + 1], frame.height) + clamp(moves[num_samples], -bound, bound);
    const float left = floorf(x), top = floorf(y);
    const float fx = x - left, fy = y - top;
    const int px = static_cast<int>(left) + column, py = static_cast<int>(top) + row;
    const bool is_inside = px >= 0 && px < frame.width && py >= 0 && py < frame.height;
    pixels[2 * t] = is_inside ? px : 0;
    pixels[2 * t + 1] = is_inside ? py : 0;
    shares[t] = is_inside ? (row ? fy : 1.0f - fy) * (column ? fx : 1.0f - fx) : 0.0f;
  }
  PerThread<Features<SAMPLES * CORNERS>> features;
  PHASE(t) {
    UNROLL for (int i = 0; i < SAMPLES * CORNERS; ++i) {
      const float value = feature(branches, frame, t, pixels[2 * i + 1], pixels[2 * i]);
      features[t].values[i] = value;
      squares[i * THREADS + t] = value * value;
    }
  }
  inverse_lengths(squares, SAMPLES * CORNERS);
  PHASE(t) {
    if (static_cast<int>(t) >= dim) continue;
    UNROLL for (int sample = 0; sample < SAMPLES; ++sample) {
      if (first + sample >= num_samples) continue;
      float sum = 0.0f;
      UNROLL for (int corner = 0; corner < CORNERS; ++corner) {
        const int i = sample * CORNERS + corner;
        sum += features[t].values[i] * squares[i * THREADS] * shares[i];
      }
      out[(static_cast<size_t>(keypoint) * num_samples + first + sample) * dim + t] = sum;
    }
  }
}

#define SDDH(suffix, type)                                                                                          \
  KERNEL(sddh_patches_##suffix, const type* b1, const type* b2, const type* b3, const type* b4,                     \
         const float* normalized, float* out, int channels, int padded_height, int padded_width, int top, int left, \
         int height, int width) {                                                                                   \
    const Branches<type> branches = branches_of_image(b1, b2, b3, b4, channels, padded_height, padded_width);       \
    patches(branches, Frame{height, width, top, left}, normalized, out);                                            \
  }                                                                                                                 \
  KERNEL(sddh_samples_##suffix, const type* b1, const type* b2, const type* b3, const type* b4,                     \
         const float* normalized, const float* offsets, float* out, int channels, int padded_height,                \
         int padded_width, int top, int left, int height, int width, int num_samples) {                             \
    const Branches<type> branches = branches_of_image(b1, b2, b3, b4, channels, padded_height, padded_width);       \
    samples(branches, Frame{height, width, top, left}, normalized, offsets, out, num_samples);                      \
  }

SDDH(f32, float)
SDDH(bf16, BFloat16)
SDDH(f16, Half)

// rows [N, C], each brought to unit length; in place. A block is a row.
KERNEL(unit_rows, float* rows, int dim) {
  SHARED(float, squares, THREADS);
  float* row = rows + static_cast<size_t>(blockIdx.x) * dim;
  PHASE(t) {
    float sum = 0.0f;
    for (int c = t; c < dim; c += THREADS) sum += row[c] * row[c];
    squares[t] = sum;
  }
  inverse_lengths(squares, 1);
  PHASE(t) for (int c = t; c < dim; c += THREADS) row[c] *= squares[0];
}
