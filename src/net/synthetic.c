/*
 * Sets of labelled samples made up from a seed. Each sample has a stream of its own, so that any piece of a set can be made
 * without the rest; equal seeds give equal bits wherever arithmetic is IEEE's.
 */
#include "base/memory.h"
#include "base/rng.h"
#include "base/series.h"

#include <math.h>
#include <stdlib.h>

/* What a stream is for; the parts of a set follow, each with its rounds of labels and its samples. */
enum { CENTRES = 0, PARTS = 1 };
#define ROUNDS ((uint64_t)1 << 32)

/* Streams of neighbouring numbers are too much alike; splitmix64's mixing (http://xorshift.di.unimi.it/splitmix64.c). */
static nl_rng stream_of(double seed, int32_t what, uint64_t place) {
  uint64_t mixed = ((uint64_t)what << 40 | place) + 0x9e3779b97f4a7c15u;
  mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9u;
  mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111ebu;
  return nl_rng_make((uint64_t)seed, mixed ^ mixed >> 31);
}

/* Of each round of as many samples as there are classes, one of each, in an order of the round's own. */
static nl_status draw_labels(int32_t *labels, int32_t first, int32_t n, int32_t classes, double seed, int32_t part) {
  int32_t *order;
  NL_TRY(nl_take((void **)&order, (uint64_t)classes, sizeof *order));
  for (int32_t i = 0; i < n; i++) {
    const int32_t round = (first + i) / classes, place = (first + i) % classes;
    if (i == 0 || place == 0) {
      nl_rng rng = stream_of(seed, PARTS + part, ROUNDS + (uint64_t)round);
      for (int32_t k = 0; k < classes; k++) {
        const int32_t other = (int32_t)nl_rng_below(&rng, (uint32_t)k + 1);
        order[k] = order[other];
        order[other] = k;
      }
    }
    labels[i] = order[place];
  }
  free(order);
  return NL_OK;
}

/* *labels follow, once all is legal. */
static nl_status begin(const char *name, int32_t *labels, int32_t first, int32_t n, const int32_t *shape,
                       int32_t classes, double noise, double seed, int32_t part) {
  int64_t size = 1;
  for (int i = 0; i < 3; i++) {
    NL_CHECK(shape[i] >= 1 && size * shape[i] <= NL_MOST_VALUES, NL_SHAPE, "%s: there are no samples of shape %S", name,
             shape, 3);
    size *= shape[i];
  }
  NL_CHECK(first >= 0 && n >= 0 && first <= INT32_MAX - n, NL_ARGUMENT, "%s: there are no %d samples from %d on", name,
           n, first);
  NL_CHECK(classes >= 1 && part >= 0, NL_ARGUMENT, "%s: classes must be >= 1 and part >= 0, got %d and %d", name,
           classes, part);
  NL_CHECK(noise >= 0 && noise <= 1e6, NL_ARGUMENT, "%s: noise must be from 0 to 1e6, got %g", name, noise);
  NL_CHECK(seed >= 0 && seed < 0x1p53 && seed == floor(seed), NL_ARGUMENT,
           "%s: seed: must be an integer in [0, 2^53), got %g", name, seed);
  return draw_labels(labels, first, n, classes, seed, part);
}

/* ---- blobs ---- */

/* Patches along a side of an image. */
enum { PATCHES = 4 };
static int32_t patches(int32_t side) { return side < PATCHES ? side : PATCHES; }

static int32_t cell(int32_t at, int32_t cells, int32_t side) { return (int32_t)((int64_t)at * cells / side); }

nl_status nl_blobs(float *images, int32_t *labels, int32_t first, int32_t n, const int32_t *shape, int32_t classes,
                   double noise, double seed, int32_t part) {
  NL_TRY(begin("blobs", labels, first, n, shape, classes, noise, seed, part));
  const int32_t height = shape[1], width = shape[2], rows = patches(height), columns = patches(width);
  const int32_t size = shape[0] * rows * columns;
  float *centres, *values;
  NL_TRY(nl_take((void **)&centres, ((uint64_t)classes + 1) * (uint64_t)size, sizeof *centres));
  for (int32_t k = 0; k < classes; k++) {
    nl_rng rng = stream_of(seed, CENTRES, (uint64_t)k);
    nl_rng_normals(centres + (size_t)k * size, &rng, size);
  }
  values = centres + (size_t)classes * size;
  const double scale = 1 / sqrt(size);
  for (int32_t i = 0; i < n; i++) {
    const float *centre = centres + (size_t)labels[i] * size;
    nl_rng rng = stream_of(seed, PARTS + part, (uint64_t)(first + i));
    nl_rng_normals(values, &rng, size);
    for (int32_t j = 0; j < size; j++) values[j] = (float)(scale * centre[j] + noise * values[j]);
    for (int32_t c = 0; c < shape[0]; c++)
      for (int32_t y = 0; y < height; y++)
        for (int32_t x = 0; x < width; x++)
          *images++ = values[(c * rows + cell(y, rows, height)) * columns + cell(x, columns, width)];
  }
  free(centres);
  return NL_OK;
}

/* ---- textures ---- */

/* One period of a cosine; angles and phases are shares of a turn, which unsigned integers take modulo 1 by themselves. */
enum { WAVE = 1024 };
#define QUARTER ((uint32_t)1 << 30)
static float wave[WAVE];

/* Hues that many classes have far from each other. */
static const double GOLDEN = 0.61803398874989485;

static void fill_wave(void) {
  const double step = 3.14159265358979323846 / (WAVE / 2);
  for (int32_t i = 0; i <= WAVE / 4; i++) {
    const float value = (float)nl_cosine(step * i);
    wave[i] = value;
    wave[WAVE / 2 - i] = -value;
    wave[(WAVE / 2 + i) % WAVE] = -value;
    wave[(WAVE - i) % WAVE] = value;
  }
}

static uint32_t turns(double share) { return (uint32_t)(int64_t)floor(share * 0x1p32); }
static float cosine_at(uint32_t turn) { return wave[turn >> 22]; }
/* Of mean 0 and standard deviation 1, near enough to normal to be rounded to a byte: the sum of a draw's four bytes. */
static double grain(nl_rng *rng) {
  const uint32_t draw = nl_rng_next(rng), two = (draw & 0xff00ff) + (draw >> 8 & 0xff00ff);
  return ((double)(two >> 16) + (double)(two & 0xffff) - 510) / 147.801;
}
/* Uniform in [-1, 1). */
static double either_way(nl_rng *rng) { return 2.0 * (double)nl_rng_uniform(rng) - 1; }

nl_status nl_textures(uint8_t *images, int32_t *labels, int32_t first, int32_t n, const int32_t *shape, int32_t classes,
                      double noise, double seed, int32_t part) {
  NL_TRY(begin("textures", labels, first, n, shape, classes, noise, seed, part));
  const int32_t height = shape[1], width = shape[2];
  fill_wave();
  for (int32_t i = 0; i < n; i++) {
    nl_rng rng = stream_of(seed, PARTS + part, (uint64_t)(first + i));
    const bool checks = labels[i] % 2 != 0;
    const uint32_t angle = turns(0.5 * labels[i] / classes + 0.02 * either_way(&rng));
    const uint32_t hue = turns(GOLDEN * labels[i] + 0.12 * either_way(&rng));
    const double frequency = (checks ? 0.11 : 0.17) * (1 + 0.15 * either_way(&rng));
    const double contrast = 0.7 + 0.3 * either_way(&rng);
    const uint32_t start = nl_rng_next(&rng), other = nl_rng_next(&rng);
    const uint32_t along = turns(frequency * cosine_at(angle)), across = turns(frequency * cosine_at(angle - QUARTER));
    for (int32_t c = 0; c < shape[0]; c++) {
      const double colour = contrast * cosine_at(hue - turns((double)c / shape[0]));
      for (int32_t y = 0; y < height; y++)
        for (int32_t x = 0; x < width; x++) {
          const uint32_t column = (uint32_t)x, row = (uint32_t)y;
          double value = colour * cosine_at(start + column * along + row * across);
          if (checks) value *= cosine_at(other + row * along - column * across);
          const double byte = 127.5 * (1 + value + noise * grain(&rng));
          *images++ = (uint8_t)(byte < 0 ? 0 : byte > 255 ? 255 : byte + 0.5);
        }
    }
  }
  return NL_OK;
}
