/*
 * What the test programs share: memory that the end of a test gives back, data that is the same on every machine, and
 * comparisons that say what was wrong.
 */
#ifndef TEST_SUPPORT_H
#define TEST_SUPPORT_H

#include "normlab.h"

#include <stdbool.h>
#include <stdint.h>

/* In this order, which cmocka asks for. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT_OF(array) ((int32_t)(sizeof(array) / sizeof *(array)))

#define TEST(name) static void name(void **state __attribute__((unused)))
#define CASE(name) cmocka_unit_test_teardown(name, release)

/* Zeroed blocks of exactly this size, so that AddressSanitizer sees a step beyond. They live to the end of the test. */
double *doubles(int64_t count);
float *floats(int64_t count);
int32_t *ints(int64_t count);
/** Gives back the blocks that were taken after the mark. */
const void *mark(void);
void release_since(const void *until);
/** The teardown of every test. */
int release(void **state);

/** Begins the sequence that the functions below draw from. */
void seed_data(uint64_t seed);
/** Uniform in [low, high]. */
double uniform(double low, double high);
int32_t integer(int32_t low, int32_t high);
double normal(double mean, double std);
float *normals(int64_t count, double mean, double std);
int32_t *random_labels(int32_t count, int32_t classes);
float *copy_of(const float *values, int64_t count);
/** float32 to float64; NULL stays NULL. */
double *widened(const float *values, int64_t count);

/**
 * Float32 values against float64 ones: |got - want| <= 8 error, where `error` is the rounding error that float32
 * arithmetic is predicted to leave (reference.h). A want that is not finite must come out the same.
 */
void check_close(const char *what, const float *got, const double *want, const double *error, int64_t size);
/** The same with one error for all, relative to the largest |want|: `ulps` roundings of 2^-24. */
void check_near(const char *what, const float *got, const double *want, double ulps, int64_t size);
void check_double(const char *what, double got, double want, double tolerance);
/** mean, std, min, max and nonfinite, of the finite ones of these values; 1e-12 beside the tolerance for their sums. */
void check_moments(const char *what, const double *got, const double *values, double tolerance, int32_t size);
/** counts [bins] of the finite ones between edges[0] and edges[1]; what is within `tolerance` of an edge may be on either side. */
void check_histogram(const char *what, const double *counts, int32_t bins, const double *edges, const double *values,
                     double tolerance, int32_t size);
/** Bit for bit, except that any NaN equals any other. */
void check_same(const char *what, const float *got, const float *want, int64_t size);
void check_all(const char *what, const float *got, float want, int64_t size);

/** The call failed with this status, and its text has `words` in it. */
void check_failed(nl_status status, nl_status wanted, const char *words);
#define CHECK_OK(call) check_failed((call), NL_OK, "")

/** The place of a layer type in nl_abi()'s table. */
int32_t type_of(const char *name);
/** float64 values that its settings take. */
int32_t settings_of(const char *name);

/** A normalization layer with these settings, which must be legal. */
nl_norm *norm_layer(const char *type, int32_t features, int32_t dims, const double *args);
#define NORM_LAYER(type, features, dims, ...) norm_layer((type), (features), (dims), (const double[]){__VA_ARGS__})

/* One layer of a model under test. `args` as in nl_model_add; `from2` is read for "add" alone. */
typedef struct {
  const char *type;
  int32_t from, from2;
  double args[9];
} layer_spec;

/** torch.optim.SGD, and nothing else asked for. */
nl_status sgd_trainer(nl_trainer **trainer, nl_model *model, double lr, double momentum, double dampening,
                      double weight_decay, int32_t nesterov);
/** A finished model, or the failure of its first bad layer. */
nl_status build_model(nl_model **model, const int32_t *shape, int32_t ndim, const layer_spec *layers, int32_t count,
                      double seed);
/** The index of the tensor of a node with this role; -1 if there is none. */
int32_t tensor_of(const nl_model *model, int32_t node, int32_t role);
int32_t tensor_size(const nl_model *model, int32_t index);
/** Weights away from 1, biases away from 0, running statistics away from 0 and 1: nothing is neutral. */
void disturb(nl_model *model);

#endif
