// The best keys of each list, in order: a radix selection finds the last one that fits, a bitonic sort orders them.
#include "kernel.cuh"

#define THREADS 1024
// Most keys that are selected: what a block's shared memory sorts.
#define MAX_SELECTED 4096
#define DIGIT_BITS 8
#define NUM_DIGITS (1 << DIGIT_BITS)

// The digit of the last key that fits, and how many keys with this prefix have a higher one.
struct Found {
  int digit, num_above;
};

// What decides the order: the whole key, or the index alone, so that the list comes in raster order.
DEVICE Key rank(Key key, bool by_index) { return by_index ? key << 32 : key; }

// keys [B, capacity], of which counts [B] are there -> selected [B, max_selected], num_selected [B]; zeros fill up.
// With `raster`, lists that fit as a whole come in rising order of index, else the best first.
KERNEL(select_keys, const Key* keys, const int* counts, Key* selected, int* num_selected, int capacity, int max_selected,
       int raster) {
  SHARED(Key, best, MAX_SELECTED);
  SHARED(int, histogram, NUM_DIGITS);
  SHARED(Key, limit, 1);
  SHARED(int, wanted, 1);
  SHARED(Found, found, 1);
  const Key* list = keys + static_cast<size_t>(blockIdx.x) * capacity;
  const int count = counts[blockIdx.x];
  const int num_kept = count < max_selected ? count : max_selected;
  PHASE(t) {
    if (t == 0) {
      limit[0] = 0;
      wanted[0] = max_selected;
    }
  }
  // the digits of the last key that fits, the highest first; keys are distinct
  for (int shift = 64 - DIGIT_BITS; shift >= 0 && count > max_selected; shift -= DIGIT_BITS) {
    PHASE(t) for (int i = t; i < NUM_DIGITS; i += THREADS) histogram[i] = 0;
    PHASE(t) {
      const Key above = shift + DIGIT_BITS < 64 ? limit[0] >> (shift + DIGIT_BITS) : 0;
      for (int i = t; i < count; i += THREADS) {
        const bool has_prefix = shift + DIGIT_BITS == 64 || list[i] >> (shift + DIGIT_BITS) == above;
        if (has_prefix) add_atomically(&histogram[list[i] >> shift & (NUM_DIGITS - 1)], 1);
      }
    }
    PHASE(t) {
      if (t >= NUM_DIGITS) continue;
      int num_above = 0;
      for (int digit = t + 1; digit < NUM_DIGITS; ++digit) num_above += histogram[digit];
      if (num_above < wanted[0] && num_above + histogram[t] >= wanted[0]) found[0] = {static_cast<int>(t), num_above};
    }
    PHASE(t) {
      if (t != 0) continue;
      limit[0] |= static_cast<Key>(found[0].digit) << shift;
      wanted[0] -= found[0].num_above;
    }
  }
  int size = 1;
  while (size < num_kept) size *= 2;
  PHASE(t) {
    for (int i = t; i < size; i += THREADS) best[i] = 0;
    if (t == 0) wanted[0] = 0;
  }
  PHASE(t) {
    for (int i = t; i < count; i += THREADS) {
      if (list[i] >= limit[0]) best[add_atomically(&wanted[0], 1)] = list[i];
    }
  }
  const bool by_index = raster && count <= max_selected;
  for (int width = 2; width <= size; width *= 2) {
    for (int step = width / 2; step > 0; step /= 2) {
      PHASE(t) {
        for (int i = t; i < size; i += THREADS) {
          const int other = i ^ step;
          const bool is_falling = (i & width) == 0;
          if (other < i || (rank(best[i], by_index) > rank(best[other], by_index)) == is_falling) continue;
          const Key swapped = best[i];
          best[i] = best[other];
          best[other] = swapped;
        }
      }
    }
  }
  PHASE(t) {
    Key* out = selected + static_cast<size_t>(blockIdx.x) * max_selected;
    for (int i = t; i < max_selected; i += THREADS) out[i] = i < num_kept ? best[i] : 0;
    if (t == 0) num_selected[blockIdx.x] = num_kept;
  }
}
