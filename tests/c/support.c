#include "support.h"

#include "base/rng.h"
#include "net/layer.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Memory that is refused is a test of its own, not the end of the program. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "allocator_may_return_null=1:max_allocation_size_mb=1024"; }

/* ONLY=pattern in the environment runs the tests whose names match it: `*` stands for any text, `?` for a character. */
__attribute__((constructor)) static void choose_tests(void) {
  const char *only = getenv("ONLY");
  if (only) cmocka_set_test_filter(only);
}

/* ---- memory ---- */

typedef struct block {
  struct block *next;
  void *memory;
} block;

static block *blocks;

static void *take(int64_t count, size_t size) {
  block *entry = malloc(sizeof *entry);
  void *memory = calloc(1, count > 0 ? (size_t)count * size : 1);
  if (!entry || !memory) abort();
  *entry = (block){blocks, memory};
  blocks = entry;
  return memory;
}

double *doubles(int64_t count) { return take(count, sizeof(double)); }
float *floats(int64_t count) { return take(count, sizeof(float)); }
int32_t *ints(int64_t count) { return take(count, sizeof(int32_t)); }

const void *mark(void) { return blocks; }

void release_since(const void *until) {
  while (blocks && blocks != until) {
    block *next = blocks->next;
    free(blocks->memory);
    free(blocks);
    blocks = next;
  }
}

int release(void **state) {
  (void)state;
  release_since(NULL);
  return 0;
}

/* ---- data ---- */

/* Not the engine's generator, which is itself under test: splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t sequence;

static uint64_t next_bits(void) {
  uint64_t z = sequence += 0x9e3779b97f4a7c15u;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
  z = (z ^ z >> 27) * 0x94d049bb133111ebu;
  return z ^ z >> 31;
}

void seed_data(uint64_t seed) { sequence = seed; }
double uniform(double low, double high) { return low + (high - low) * (double)(next_bits() >> 11) * 0x1p-53; }
int32_t integer(int32_t low, int32_t high) {
  return low + (int32_t)(next_bits() % (uint64_t)((int64_t)high - low + 1));
}

/* Twelve uniforms: near enough to a normal distribution, and no library function that machines round differently. */
double normal(double mean, double std) {
  double sum = -6;
  for (int i = 0; i < 12; i++) sum += uniform(0, 1);
  return mean + std * sum;
}

float *normals(int64_t count, double mean, double std) {
  float *values = floats(count);
  for (int64_t i = 0; i < count; i++) values[i] = (float)normal(mean, std);
  return values;
}

int32_t *random_labels(int32_t count, int32_t classes) {
  int32_t *labels = ints(count);
  for (int32_t i = 0; i < count; i++) labels[i] = integer(0, classes - 1);
  return labels;
}

float *copy_of(const float *values, int64_t count) {
  float *copy = floats(count);
  if (count > 0) memcpy(copy, values, (size_t)count * sizeof *copy);
  return copy;
}

double *widened(const float *values, int64_t count) {
  if (!values) return NULL;
  double *wide = doubles(count);
  for (int64_t i = 0; i < count; i++) wide[i] = values[i];
  return wide;
}

/* ---- comparisons ---- */

static bool agree(double got, double want, double tolerance) {
  if (isnan(want) || isnan(got)) return isnan(want) && isnan(got);
  if (isinf(want) || isinf(got)) return want == got;
  return fabs(got - want) <= tolerance;
}

/* What float32 holds of a value beyond its range. */
static double in_range(double value) { return fabs(value) > FLT_MAX ? copysign((double)INFINITY, value) : value; }

void check_close(const char *what, const float *got, const double *want, const double *error, int64_t size) {
  for (int64_t i = 0; i < size; i++) {
    /* Below the normal range a result and what it is the sum of round to multiples of 2^-149, however small they are. */
    const double tolerance = 8 * (error[i] + 0x1p-149);
    if (agree(got[i], in_range(want[i]), tolerance)) continue;
    fail_msg("%s[%lld]: got %.9g, want %.9g; off by %.3g, allowed %.3g", what, (long long)i, (double)got[i], want[i],
             fabs(got[i] - want[i]), tolerance);
  }
}

void check_near(const char *what, const float *got, const double *want, double ulps, int64_t size) {
  double largest = 0;
  for (int64_t i = 0; i < size; i++)
    if (fabs(want[i]) > largest) largest = fabs(want[i]);
  for (int64_t i = 0; i < size; i++)
    if (!agree(got[i], want[i], ulps * 0x1p-24 * largest))
      fail_msg("%s[%lld]: got %.9g, want %.9g; off by %.3g, allowed %g x 2^-24 x %.3g", what, (long long)i,
               (double)got[i], want[i], fabs(got[i] - want[i]), ulps, largest);
}

void check_double(const char *what, double got, double want, double tolerance) {
  if (!agree(got, want, tolerance))
    fail_msg("%s: got %.17g, want %.17g; off by %.3g, allowed %.3g", what, got, want, fabs(got - want), tolerance);
}

void check_moments(const char *what, const double *got, const double *values, double tolerance, int32_t size) {
  double mean = 0, var = 0, low = INFINITY, high = -INFINITY;
  int32_t finite = 0;
  for (int32_t i = 0; i < size; i++) finite += isfinite(values[i]);
  for (int32_t i = 0; i < size; i++) {
    if (!isfinite(values[i])) continue;
    mean += values[i] / finite;
    low = fmin(low, values[i]);
    high = fmax(high, values[i]);
  }
  for (int32_t i = 0; i < size; i++)
    if (isfinite(values[i])) var += (values[i] - mean) * (values[i] - mean) / finite;
  check_double(what, got[0], mean, tolerance + 1e-12 * (1 + fabs(mean)));
  check_double(what, got[1], sqrt(var), tolerance + 1e-12 * (1 + sqrt(var)));
  check_double(what, got[2], low, tolerance);
  check_double(what, got[3], high, tolerance);
  check_double(what, got[4], size - finite, 0);
}

void check_histogram(const char *what, const double *counts, int32_t bins, const double *edges, const double *values,
                     double tolerance, int32_t size) {
  const double low = edges[0], width = (edges[1] - low) / bins, slack = tolerance / width + 1e-9;
  for (int32_t b = 0; b < bins; b++) {
    double want = 0;
    int32_t near_edge = 0;
    for (int32_t i = 0; i < size; i++) {
      const double place = (values[i] - low) / width;
      if (!isfinite(place)) continue;
      want += (place >= b || b == 0) && (place < b + 1 || b == bins - 1);
      for (int32_t edge = b; edge <= b + 1; edge++) near_edge += fabs(place - edge) < slack && edge > 0 && edge < bins;
    }
    check_double(what, counts[b], want, near_edge);
  }
}

void check_same(const char *what, const float *got, const float *want, int64_t size) {
  for (int64_t i = 0; i < size; i++)
    if (memcmp(&got[i], &want[i], sizeof *got) != 0 && !(isnan(got[i]) && isnan(want[i])))
      fail_msg("%s[%lld]: got %.9g, want exactly %.9g", what, (long long)i, (double)got[i], (double)want[i]);
}

void check_all(const char *what, const float *got, float want, int64_t size) {
  for (int64_t i = 0; i < size; i++) check_same(what, &got[i], &want, 1);
}

void check_failed(nl_status status, nl_status wanted, const char *words) {
  if (status != wanted) fail_msg("status %d instead of %d: %s", status, wanted, status ? nl_last_error() : "no error");
  if (wanted != NL_OK && !strstr(nl_last_error(), words))
    fail_msg("the error should have had \"%s\" in it: %s", words, nl_last_error());
}

/* ---- layers and models ---- */

int32_t type_of(const char *name) {
  for (int32_t i = 0; i < nl_layer_type_count; i++)
    if (strcmp(nl_layer_types[i]->name, name) == 0) return i;
  fail_msg("there is no layer type %s", name);
  return -1;
}

int32_t settings_of(const char *name) {
  const nl_layer_type *type = nl_layer_types[type_of(name)];
  int32_t width = 0;
  for (int32_t i = 0; i < type->setting_count; i++) width += nl_setting_width(type->settings[i].kind);
  return width;
}

nl_norm *norm_layer(const char *type, int32_t features, int32_t dims, const double *args) {
  nl_norm *norm = NULL;
  CHECK_OK(nl_norm_create(&norm, type_of(type), args, settings_of(type), features, dims));
  return norm;
}

nl_status build_model(nl_model **model, const int32_t *shape, int32_t ndim, const layer_spec *layers, int32_t count,
                      double seed) {
  nl_status status = nl_model_create(model, shape, ndim, seed);
  for (int32_t i = 0; status == NL_OK && i < count; i++) {
    const layer_spec *l = &layers[i];
    int32_t node = -1;
    status = nl_model_add(*model, &node, type_of(l->type), l->from, strcmp(l->type, "add") == 0 ? l->from2 : -1,
                          l->args, settings_of(l->type));
    if (status == NL_OK) assert_int_equal(node, i + 1);
  }
  return status == NL_OK ? nl_model_finish(*model) : status;
}

int32_t tensor_of(const nl_model *model, int32_t node, int32_t role) {
  for (int32_t i = 0; i < nl_model_tensor_count(model); i++) {
    int32_t info[4 + NL_MAX_DIMS];
    CHECK_OK(nl_model_tensor_info(model, i, info));
    if (info[0] == node && info[1] == role) return i;
  }
  return -1;
}

int32_t tensor_size(const nl_model *model, int32_t index) {
  int32_t info[4 + NL_MAX_DIMS];
  CHECK_OK(nl_model_tensor_info(model, index, info));
  return info[2];
}

void disturb(nl_model *model) {
  for (int32_t i = 0; i < nl_model_tensor_count(model); i++) {
    int32_t info[4 + NL_MAX_DIMS];
    CHECK_OK(nl_model_tensor_info(model, i, info));
    float *values = nl_model_tensor_data(model, i);
    for (int32_t j = 0; j < info[2]; j++)
      values[j] += (float)(info[1] == NL_RUNNING_VAR ? uniform(0, 1) : uniform(-0.3, 0.3));
  }
}

nl_status sgd_trainer(nl_trainer **trainer, nl_model *model, double lr, double momentum, double dampening,
                      double weight_decay, int32_t nesterov) {
  const double args[] = {lr, weight_decay, momentum, dampening, nesterov}, options[] = {NAN, 0, 1, 1, 1, 0, 1, NAN};
  return nl_trainer_create(trainer, model, 0, args, 5, options, 8);
}
