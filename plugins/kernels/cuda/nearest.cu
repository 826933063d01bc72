// Reciprocal nearest neighbours (MASt3R section 3.3): largest dot products tile by tile in registers, no product stored,
// and walkers that go to and fro on the device.
#include "kernel.cuh"

#define THREADS 256
// Queries and pixels of a tile; a thread has 8 of each.
#define QUERIES 64
#define PIXELS 256
#define SHARE 8
#define LANES (PIXELS / SHARE)
// Most channels of a descriptor.
#define MAX_DIM 32

// A walker's pixel in each view, and whether it still moves.
struct Walker {
  int at[2];
  int is_moving;
};

// The nearest pixel of `others [P, D]` to each walker's place in view `from`, as the largest key (product, pixel). A block
// is 64 walkers of the list and `num_tiles` tiles of pixels. Each product is one chain of fused multiply-adds over the
// channels, as on the CPU; of equal ones the lowest pixel wins.
KERNEL(nearest, const float* queries, const float* others, const Walker* walkers, const int* list, const int* count,
       Key* best, int from, int num_others, int dim, int num_tiles) {
  SHARED(float, query_tile, MAX_DIM * QUERIES);
  SHARED(float, pixel_tile, MAX_DIM * PIXELS);
  SHARED(Key, tile_best, QUERIES);
  const int first_query = blockIdx.x * QUERIES;
  if (first_query >= *count) return;
  const int num_queries = *count - first_query < QUERIES ? *count - first_query : QUERIES;
  PHASE(t) {
    for (int i = t; i < QUERIES * dim; i += THREADS) {
      const int row = i / dim;
      const int pixel = row < num_queries ? walkers[list[first_query + row]].at[from] : 0;
      query_tile[i % dim * QUERIES + row] = row < num_queries ? queries[static_cast<size_t>(pixel) * dim + i % dim] : 0.0f;
    }
    if (t < QUERIES) tile_best[t] = 0;
  }
  struct Best {
    float products[SHARE];
    unsigned pixels[SHARE];
  };
  PerThread<Best> bests;
  PHASE(t) {
    UNROLL for (int q = 0; q < SHARE; ++q) {
      bests[t].products[q] = LOWEST;
      bests[t].pixels[q] = 0;
    }
  }
  for (int tile = 0; tile < num_tiles; ++tile) {
    const int first_pixel = (blockIdx.y * num_tiles + tile) * PIXELS;
    if (first_pixel >= num_others) break;
    PHASE(t) {
      const int pixel = first_pixel + static_cast<int>(t);
      // beyond the last pixel stands the last one again: it is never before itself
      const float* row = others + static_cast<size_t>(pixel < num_others ? pixel : num_others - 1) * dim;
      for (int c = 0; c < dim; ++c) pixel_tile[c * PIXELS + t] = row[c];
    }
    PHASE(t) {
      const int lane = t % LANES, group = t / LANES;
      float products[SHARE][SHARE];
      UNROLL for (int q = 0; q < SHARE; ++q) {
        UNROLL for (int p = 0; p < SHARE; ++p) products[q][p] = 0.0f;
      }
      for (int c = 0; c < dim; ++c) {
        const float* query = query_tile + c * QUERIES + group * SHARE;
        // two runs of 4 pixels, so that the lanes of a warp read shared memory without conflicts
        const float* pixel = pixel_tile + c * PIXELS + lane * (SHARE / 2);
        UNROLL for (int q = 0; q < SHARE; ++q) {
          UNROLL for (int p = 0; p < SHARE; ++p) {
            const float other = pixel[p % (SHARE / 2) + p / (SHARE / 2) * (PIXELS / 2)];
            products[q][p] = fmaf(query[q], other, products[q][p]);
          }
        }
      }
      UNROLL for (int p = 0; p < SHARE; ++p) {
        const int column = lane * (SHARE / 2) + p % (SHARE / 2) + p / (SHARE / 2) * (PIXELS / 2);
        const unsigned number = first_pixel + column;
        UNROLL for (int q = 0; q < SHARE; ++q) {
          // strictly: a thread's pixels come in rising order, so the first of equals stays
          const bool is_better = products[q][p] > bests[t].products[q];
          bests[t].products[q] = is_better ? products[q][p] : bests[t].products[q];
          bests[t].pixels[q] = is_better ? number : bests[t].pixels[q];
        }
      }
    }
  }
  PHASE(t) {
    UNROLL for (int q = 0; q < SHARE; ++q) {
      max_atomically(&tile_best[t / LANES * SHARE + q], key_of(bests[t].products[q], bests[t].pixels[q]));
    }
  }
  PHASE(t) {
    if (static_cast<int>(t) < num_queries) max_atomically(&best[list[first_query + t]], tile_best[t]);
  }
}

// Moves the walkers of a list to what they found in the other view; who moved goes on to the next list.
KERNEL(walk, Walker* walkers, const int* list, const int* count, Key* best, int* next, int* num_next, int from) {
  PHASE(t) {
    const int i = blockIdx.x * THREADS + t;
    if (i >= *count) continue;
    const int number = list[i];
    const int found = index_of(best[number]);
    best[number] = 0;
    Walker& walker = walkers[number];
    walker.is_moving = walker.at[1 - from] != found;
    walker.at[1 - from] = found;
    if (walker.is_moving) next[add_atomically(num_next, 1)] = number;
  }
}
