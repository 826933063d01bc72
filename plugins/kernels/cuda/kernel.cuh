// One source for two machines: NVRTC compiles a kernel for the device, a C++ compiler for the host, where its blocks and
// threads run one after the other. A kernel is a sequence of phases; all threads of a block end one before the next.
//
//   KERNEL(name, int size, float* values) {    // parameters in the order in which they are launched
//     SHARED(float, sums, THREADS);
//     PHASE(t) sums[t] = values[blockIdx.x * THREADS + t];
//     PHASE(t) if (t == 0) ...                 // `continue` ends the phase for this thread
//   }
//
// The device is compiled without contraction to fused multiply-adds, and so is the host: where neither calls expf, both
// give the same bits.
#pragma once

typedef unsigned long long Key;

#if defined(__CUDACC_RTC__)

#define DEVICE __device__ __forceinline__
#define METHOD DEVICE
#define KERNEL(name, ...) extern "C" __global__ void __launch_bounds__(THREADS) name(__VA_ARGS__)
#define SHARED(type, name, size) __shared__ __align__(16) type name[size]
#define PHASE(t) for (unsigned t = threadIdx.x, phase_ = 1; phase_; phase_ = 0, __syncthreads())
#define UNROLL _Pragma("unroll")

// A value of each thread that lives from phase to phase: in registers.
template <class T>
struct PerThread {
  T value;
  METHOD T& operator[](unsigned) { return value; }
};

DEVICE int add_atomically(int* sum, int value) { return atomicAdd(sum, value); }
DEVICE void max_atomically(Key* largest, Key value) { atomicMax(largest, value); }
DEVICE unsigned bits_of(float value) { return __float_as_uint(value); }
DEVICE float float_of(unsigned bits) { return __uint_as_float(bits); }

struct Half {
  unsigned short bits;
};
DEVICE float to_float(Half value) {
  float wide;
  asm("cvt.f32.f16 %0, %1;" : "=f"(wide) : "h"(value.bits));
  return wide;
}
DEVICE void store(Half* out, float value) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(out->bits) : "f"(value)); }

#else

#include <cmath>
#include <cstddef>
#include <cstring>
#include <utility>

#define DEVICE static inline
#define METHOD inline
#define SHARED(type, name, size) static thread_local type name[size]
#define PHASE(t) for (unsigned t = 0; t < THREADS; ++t)
#define UNROLL

struct Position {
  unsigned x, y, z;
};
static thread_local Position blockIdx, gridDim;

template <class T>
struct PerThread {
  T values[1024];
  METHOD T& operator[](unsigned t) { return values[t]; }
};

DEVICE int add_atomically(int* sum, int value) {
  const int before = *sum;
  *sum += value;
  return before;
}
DEVICE void max_atomically(Key* largest, Key value) { *largest = value > *largest ? value : *largest; }
DEVICE unsigned bits_of(float value) {
  unsigned bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}
DEVICE float float_of(unsigned bits) {
  float value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

typedef _Float16 Half;
DEVICE float to_float(Half value) { return static_cast<float>(value); }
DEVICE void store(Half* out, float value) { *out = static_cast<Half>(value); }

template <class... P, std::size_t... I>
void run_blocks(void (*block)(P...), const unsigned* grid, void** arguments, std::index_sequence<I...>) {
  gridDim = {grid[0], grid[1], grid[2]};
  for (unsigned z = 0; z < grid[2]; ++z) {
    for (unsigned y = 0; y < grid[1]; ++y) {
      for (unsigned x = 0; x < grid[0]; ++x) {
        blockIdx = {x, y, z};
        block(*static_cast<P*>(arguments[I])...);
      }
    }
  }
}
template <class... P>
void run_grid(void (*block)(P...), const unsigned* grid, void** arguments) {
  run_blocks(block, grid, arguments, std::index_sequence_for<P...>());
}

// A launch on the host takes what a launch on the device takes: grid, and pointers to the arguments.
#define KERNEL(name, ...)                                                      \
  static void name##_block(__VA_ARGS__);                                       \
  extern "C" void scene3d_twin_##name(const unsigned* grid, void** arguments) { \
    run_grid(name##_block, grid, arguments);                                   \
  }                                                                            \
  static void name##_block(__VA_ARGS__)

#endif

// bfloat16: the upper half of a float, rounded to nearest, ties to even.
struct BFloat16 {
  unsigned short bits;
};
DEVICE float to_float(BFloat16 value) { return float_of(static_cast<unsigned>(value.bits) << 16); }
DEVICE void store(BFloat16* out, float value) {
  const unsigned bits = bits_of(value);
  const unsigned rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  out->bits = static_cast<unsigned short>(value == value ? rounded : 0x7fc0u);
}

DEVICE float to_float(float value) { return value; }
DEVICE void store(float* out, float value) { *out = value; }

// Below every score and product.
#define LOWEST float_of(0xff800000u)

DEVICE int clamp(int value, int low, int high) { return value < low ? low : value > high ? high : value; }
DEVICE float clamp(float value, float low, float high) { return value < low ? low : value > high ? high : value; }

// Keys that sort as pairs (value, index), a lower index above a higher one of an equal value.
DEVICE Key key_of(float value, unsigned index) {
  const unsigned bits = bits_of(value + 0.0f);  // -0 equals 0
  const unsigned ordered = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
  return static_cast<Key>(ordered) << 32 | (0xffffffffu - index);
}
DEVICE unsigned index_of(Key key) { return 0xffffffffu - static_cast<unsigned>(key); }
DEVICE float value_of(Key key) {
  const unsigned ordered = static_cast<unsigned>(key >> 32);
  return float_of(ordered & 0x80000000u ? ordered & 0x7fffffffu : ~ordered);
}
