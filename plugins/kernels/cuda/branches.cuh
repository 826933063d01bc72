// ALIKED's aggregated map, evaluated where it is needed: four branches at 1, 1/2, 1/8 and 1/32 of the padded image, each
// enlarged bilinearly with `align_corners=true`. At full resolution the map is never stored.
#pragma once
#include "kernel.cuh"

#define BRANCHES 4

// Channels-last maps of one image.
template <class T>
struct Branches {
  const T* maps[BRANCHES];
  int channels;
  int height, width;  // of the padded image, px
};

DEVICE int reduced(int side, int branch) { return side >> (branch == 0 ? 0 : 2 * branch - 1); }

// Where an output position lies between two input positions.
struct Tap {
  int low, high;
  float fraction;
};

DEVICE Tap tap(int at, int input, int output) {
  // in f32, as torch's upsample_bilinear2d: taps must agree to the last bit near integers
  const float scale = output > 1 ? static_cast<float>(input - 1) / static_cast<float>(output - 1) : 0.0f;
  const float position = scale * static_cast<float>(at);
  const int low = clamp(static_cast<int>(position), 0, input - 1);
  return {low, low + 1 < input ? low + 1 : input - 1, clamp(position - static_cast<float>(low), 0.0f, 1.0f)};
}

// One channel of a branch at a pixel of the padded image.
template <class T>
DEVICE float enlarged(const Branches<T>& branches, int branch, int channel, int y, int x) {
  const int height = reduced(branches.height, branch), width = reduced(branches.width, branch);
  const T* map = branches.maps[branch] + channel;
  if (branch == 0) return to_float(map[(static_cast<size_t>(y) * width + x) * branches.channels]);
  const Tap row = tap(y, height, branches.height), column = tap(x, width, branches.width);
  const float a = to_float(map[(row.low * width + column.low) * branches.channels]);
  const float b = to_float(map[(row.low * width + column.high) * branches.channels]);
  const float c = to_float(map[(row.high * width + column.low) * branches.channels]);
  const float d = to_float(map[(row.high * width + column.high) * branches.channels]);
  const float left = a * (1.0f - row.fraction) + c * row.fraction;
  const float right = b * (1.0f - row.fraction) + d * row.fraction;
  return left * (1.0f - column.fraction) + right * column.fraction;
}

template <class T>
DEVICE Branches<T> branches_of_image(const T* b1, const T* b2, const T* b3, const T* b4, int channels, int height,
                                     int width) {
  Branches<T> branches = {{b1, b2, b3, b4}, channels, height, width};
  for (int branch = 0; branch < BRANCHES; ++branch) {
    const size_t pixels = static_cast<size_t>(reduced(height, branch)) * reduced(width, branch);
    branches.maps[branch] += blockIdx.z * pixels * channels;
  }
  return branches;
}
