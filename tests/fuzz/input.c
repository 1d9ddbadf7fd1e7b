#include "input.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory that is refused is part of the story, not the end of the run; libFuzzer itself needs some. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1:max_allocation_size_mb=64"; }

/* ---- bytes to values ---- */

uint8_t take_byte(input *in) { return in->at < in->end ? *in->at++ : 0; }

bool take_chance(input *in, int odds) { return take_byte(in) > 255 - odds; }

int32_t take_range(input *in, int32_t low, int32_t high) { return low + take_byte(in) % (high - low + 1); }

static void take_bytes(input *in, void *to, size_t size) {
  for (size_t i = 0; i < size; i++) ((uint8_t *)to)[i] = take_byte(in);
}

double take_wild_number(input *in) {
  static const double specials[] = {0,          -0.0,   1,    -1,       0.5,       2,          1e-5,   1e-320,
                                    1e300,      -1e300, NAN,  INFINITY, -INFINITY, 2147483647, 0x1p31, -0x1p31,
                                    0x1p24 + 1, 0.1,    -0.1, 0x1p-23,  2.5,       65536,      3,      4};
  const uint8_t choice = take_byte(in);
  if (choice < 2 * sizeof specials / sizeof *specials) return specials[choice / 2];
  double any;
  take_bytes(in, &any, sizeof any);
  return any;
}

int32_t take_wild_integer(input *in) {
  static const int32_t specials[] = {0, -1, 1, INT32_MAX, INT32_MIN, 65536, 1 << 30, 2, -2, 1 << 27};
  const uint8_t choice = take_byte(in);
  if (choice < 128) return specials[choice % (sizeof specials / sizeof *specials)];
  int32_t any;
  take_bytes(in, &any, sizeof any);
  return any;
}

float *take_floats(input *in, int64_t count) {
  float *values = BLOCK(float, count);
  const uint8_t kind = take_byte(in) % 12, seed = take_byte(in);
  static const double scales[] = {1, 1, 1e4, 1e18, 1e30, 1e-40, 1e-20, 0};
  uint32_t state = 2654435769u * (seed + 1u);
  for (int64_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    const double uniform = (double)(state >> 8) * 0x1p-24 - 0.5;
    values[i] = (float)((kind == 2 ? 1 : 0) * 1e4 + uniform * (kind < 8 ? scales[kind] : 1));
    if (kind == 7) values[i] = (float)(seed - 128) * 1.1f;
    if (kind == 11) take_bytes(in, &values[i], sizeof *values);
  }
  /* One value, anywhere, that is no number. */
  if (count > 0 && kind >= 8 && kind < 11) values[seed % count] = kind == 8 ? NAN : kind == 9 ? INFINITY : -INFINITY;
  return values;
}

/* ---- memory ---- */

enum { MOST_BLOCKS = 4096 };
static void *blocks[MOST_BLOCKS];
static int block_count;

void *block(int64_t count, size_t size) {
  void *memory = calloc(1, (size_t)count * size);
  MUST(memory != NULL && block_count < MOST_BLOCKS);
  return blocks[block_count++] = memory;
}

void *copied(const void *values, int64_t count, size_t size) {
  void *copy = block(count, size);
  if (count > 0) memcpy(copy, values, (size_t)count * size);
  return copy;
}

void give_back_blocks(void) {
  while (block_count > 0) free(blocks[--block_count]);
}

/* ---- checks ---- */

void must(bool holds, const char *what, const char *file, int line) {
  if (holds) return;
  fprintf(stderr, "%s:%d: must hold: %s (last error: %s)\n", file, line, what, nl_last_error());
  abort();
}

void must_be_status(nl_status status) {
  MUST(status >= NL_OK && status <= NL_FORMAT);
  if (status != NL_OK) MUST(strlen(nl_last_error()) > 0);
}

bool same_floats(const float *a, const float *b, int64_t count) {
  for (int64_t i = 0; i < count; i++)
    if (memcmp(&a[i], &b[i], sizeof *a) != 0 && !(isnan(a[i]) && isnan(b[i]))) return false;
  return true;
}

int32_t type_named(const char *name) {
  char wanted[64];
  snprintf(wanted, sizeof wanted, "{\"type\":\"%s\"", name);
  const char *at = nl_abi(), *found = strstr(at, wanted);
  MUST(found != NULL);
  int32_t place = 0;
  for (at = strstr(at, "{\"type\":"); at != found; at = strstr(at + 1, "{\"type\":")) place++;
  return place;
}

/* LayerNorm of two values without eps: -1 and 1, weight 2 and 3, bias 5 and 7. */
void must_still_work(void) {
  const double args[] = {1, 2, 0, 0, 0, 0, 0, 1, 1};
  const float x[] = {1, 3};
  float y[2];
  nl_norm *norm = NULL;
  MUST(nl_norm_create(&norm, type_named("layerNorm"), args, 9, 0, 0) == NL_OK);
  float *weight = nl_norm_tensor(norm, NL_WEIGHT), *bias = nl_norm_tensor(norm, NL_BIAS);
  weight[0] = 2, weight[1] = 3, bias[0] = 5, bias[1] = 7;
  MUST(nl_norm_forward(norm, y, x, (const int32_t[]){1, 2}, 2, NL_EVAL) == NL_OK);
  MUST(y[0] == 3 && y[1] == 10);
  nl_norm_destroy(norm);
}
