// Deformable convolution (Dai et al., ICCV 2017), its sampling; the product with the weights is one matrix product.
#include "kernel.cuh"

#define THREADS 256
#define TAPS 9

template <class T>
DEVICE float pixel(const T* channel, int y, int x, int height, int width, int channels) {
  const bool is_inside = y >= 0 && y < height && x >= 0 && x < width;
  return is_inside ? to_float(channel[(y * width + x) * channels]) : 0.0f;
}

// input [B, H, W, C], offsets [B, H, W, 18] as (dy, dx) of each tap in px -> columns [B, H, W, 9, C]
template <class T>
DEVICE void sample_taps(unsigned element, const T* input, const T* offsets, T* columns, int height, int width,
                        int channels) {
  const unsigned c = element % channels;
  const unsigned tap = element / channels % TAPS;
  const unsigned at = element / channels / TAPS;
  const int x = at % width, y = at / width % height;
  const unsigned image = at / width / height;
  // the offsets' bound: max(h, w) / 4 (ALIKED nets/blocks.py, DeformableConv2d)
  const float bound = (height > width ? height : width) / 4.0f;
  const T* moves = offsets + (at * TAPS + tap) * 2;
  const float py = static_cast<float>(y + static_cast<int>(tap / 3)) - 1.0f + clamp(to_float(moves[0]), -bound, bound);
  const float px = static_cast<float>(x + static_cast<int>(tap % 3)) - 1.0f + clamp(to_float(moves[1]), -bound, bound);
  const float top = floorf(py), left = floorf(px);
  const float fy = py - top, fx = px - left;
  const int y0 = static_cast<int>(top), x0 = static_cast<int>(left);
  const T* channel = input + static_cast<size_t>(image) * height * width * channels + c;
  const float a = pixel(channel, y0, x0, height, width, channels);
  const float b = pixel(channel, y0, x0 + 1, height, width, channels);
  const float d = pixel(channel, y0 + 1, x0, height, width, channels);
  const float e = pixel(channel, y0 + 1, x0 + 1, height, width, channels);
  store(&columns[element], a * ((1.0f - fy) * (1.0f - fx)) + b * ((1.0f - fy) * fx) + d * (fy * (1.0f - fx)) + e * (fy * fx));
}

#define DEFORM_COLUMNS(name, type)                                                                             \
  KERNEL(name, const type* input, const type* offsets, type* columns, int height, int width, int channels,    \
         unsigned num_elements) {                                                                              \
    PHASE(t) {                                                                                                 \
      const unsigned element = blockIdx.x * THREADS + t;                                                       \
      if (element < num_elements) sample_taps(element, input, offsets, columns, height, width, channels);     \
    }                                                                                                          \
  }

DEFORM_COLUMNS(deform_columns_f32, float)
DEFORM_COLUMNS(deform_columns_bf16, BFloat16)
DEFORM_COLUMNS(deform_columns_f16, Half)
