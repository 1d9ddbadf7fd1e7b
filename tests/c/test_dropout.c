/* What dropout drops: how much, of what, and when the same again. */
#include "kernels/kernels.h"
#include "support.h"

#include <math.h>

#define FLAT(size) size,
static const int32_t sizes[] = {
#include "kernels.inc"
};

enum { MANY = 100000 };

static nl_dropout_mask mask_of(double p, uint32_t first, uint32_t second) {
  return (nl_dropout_mask){.p = p, .key = {first, second}};
}

/* Of `count` that are each so with probability p, 5 standard deviations: once in 1.7 million. */
static void check_share(const char *what, int32_t got, double p, int32_t count) {
  check_double(what, (double)got / count, p, 5 * sqrt(p * (1 - p) / count));
}

/* The share that p says is dropped, and the rest is so much larger that the mean stays. */
TEST(share_and_scale) {
  static const double shares[] = {0.01, 0.1, 0.25, 0.5, 0.9, 0.999};
  seed_data(1);
  const float *x = normals(MANY, 2, 1);
  float *y = floats(MANY);
  for (int i = 0; i < COUNT_OF(shares); i++) {
    const double p = shares[i];
    const nl_dropout_mask mask = mask_of(p, 7, 11 + (uint32_t)i);
    CHECK_OK(nl_dropout(y, x, &mask, MANY));
    int32_t dropped = 0;
    double sum = 0, given = 0, squares = 0;
    for (int32_t j = 0; j < MANY; j++) {
      dropped += y[j] == 0;
      if (y[j] != 0) check_double("kept", y[j], x[j] / (1 - p), 2 * 0x1p-24 * fabs(x[j]) / (1 - p));
      sum += y[j];
      given += x[j];
      squares += (double)x[j] * x[j];
    }
    check_share("dropped", dropped, p, MANY);
    check_double("mean", sum / MANY, given / MANY, 5 * sqrt(squares * p / (1 - p)) / MANY);
  }
}

TEST(nothing_and_all) {
  seed_data(2);
  for (int i = 0; i < COUNT_OF(sizes); i++) {
    const float *x = normals(sizes[i], 0, 1);
    float *y = floats(sizes[i]);
    const nl_dropout_mask nothing = mask_of(0, 1, 2), all = mask_of(1, 1, 2);
    CHECK_OK(nl_dropout(y, x, &nothing, sizes[i]));
    check_same("p = 0", y, x, sizes[i]);
    CHECK_OK(nl_dropout(y, x, &all, sizes[i]));
    for (int32_t j = 0; j < sizes[i]; j++) assert_true(y[j] == 0);
  }
  float y;
  const nl_dropout_mask mask = mask_of(0.5, 1, 2);
  check_failed(nl_dropout(&y, &y, &mask, -1), NL_SHAPE, "nl_dropout: size must be >= 0, got -1");
}

/* Which is dropped is the index's affair, not that of the size, of the place or of the values. */
TEST(each_on_its_own) {
  const nl_dropout_mask mask = mask_of(0.4, 3, 4);
  float *ones = floats(2000), *all = floats(2000);
  for (int32_t i = 0; i < 2000; i++) ones[i] = 1;
  CHECK_OK(nl_dropout(all, ones, &mask, 2000));
  seed_data(3);
  for (int i = 0; i < COUNT_OF(sizes); i++) {
    float *x = normals(sizes[i], 0, 1), *y = floats(sizes[i]);
    CHECK_OK(nl_dropout(y, x, &mask, sizes[i]));
    for (int32_t j = 0; j < sizes[i]; j++) assert_true((y[j] == 0) == (all[j] == 0));
    CHECK_OK(nl_dropout(x, x, &mask, sizes[i]));
    check_same("in place", x, y, sizes[i]);
  }
}

/* Two masks agree in half of their elements, however alike their keys; and so does one with itself some places on. */
TEST(masks_are_independent) {
  float *ones = floats(MANY), *a = floats(MANY), *b = floats(MANY);
  for (int32_t i = 0; i < MANY; i++) ones[i] = 1;
  for (int bit = 0; bit < 64; bit++) {
    const nl_dropout_mask one = mask_of(0.5, 123, 456);
    nl_dropout_mask other = one;
    other.key[bit / 32] ^= (uint32_t)1 << bit % 32;
    CHECK_OK(nl_dropout(a, ones, &one, MANY));
    CHECK_OK(nl_dropout(b, ones, &other, MANY));
    int32_t equal = 0, next = 0;
    for (int32_t i = 0; i < MANY; i++) equal += a[i] == b[i];
    check_share("of neighbouring keys", equal, 0.5, MANY);
    for (int32_t i = 0; i + bit + 1 < MANY; i++) next += a[i] == a[i + bit + 1];
    check_share("of neighbours", next, 0.5, MANY - bit - 1);
  }
}

/* ---- in a model ---- */

enum { N = 64, WIDTH = 300, SIZE = N * WIDTH };
static const int32_t shape[] = {WIDTH};
static const layer_spec layers[] = {{"dropout", 0, 0, {0.5}}, {"dropout", 1, 0, {0.5}}, {"linear", 2, 0, {3, 1}}};

static nl_model *build(double seed) {
  nl_model *model = NULL;
  CHECK_OK(build_model(&model, shape, 1, layers, 3, seed));
  return model;
}

static const float *factors_of(nl_model *model, int32_t node, double passes) {
  float *factors = floats(SIZE);
  CHECK_OK(nl_model_set_passes(model, passes));
  CHECK_OK(nl_model_dropout_factors(model, factors, node, N));
  return factors;
}

static void check_independent(const char *what, const float *a, const float *b) {
  int32_t equal = 0;
  for (int32_t i = 0; i < SIZE; i++) equal += a[i] == b[i];
  check_share(what, equal, 0.5, SIZE);
}

TEST(seed_layer_and_pass) {
  nl_model *model = build(1), *twin = build(1), *other = build(2);
  const float *first = factors_of(model, 1, 0);
  check_same("of equal seeds", factors_of(twin, 1, 0), first, SIZE);
  check_independent("seeds", first, factors_of(other, 1, 0));
  check_independent("layers", first, factors_of(model, 2, 0));
  for (int pass = 1; pass < 40; pass++) check_independent("passes", first, factors_of(model, 1, pass));
  check_independent("passes far apart", first, factors_of(model, 1, 0x1p52));
  check_independent("pass of one layer, next of the other", factors_of(model, 1, 1), factors_of(model, 2, 0));
  check_independent("pass of one seed, next of the other", factors_of(model, 1, 1), factors_of(other, 1, 0));
  nl_model_destroy(model);
  nl_model_destroy(twin);
  nl_model_destroy(other);
}

/* Each training forward drops other elements, those that were asked for before it; the backward pass the same. */
TEST(passes_follow_the_count) {
  static const layer_spec alone[] = {{"dropout", 0, 0, {0.5}}};
  nl_model *model = NULL;
  CHECK_OK(build_model(&model, shape, 1, alone, 1, 3));
  seed_data(4);
  const float *x = normals(SIZE, 3, 1);
  const int32_t *labels = random_labels(N, WIDTH);
  float *y = floats(SIZE), *dx = floats(SIZE), *factors = floats(SIZE), *last = floats(SIZE);
  for (int pass = 0; pass < 6; pass++) {
    CHECK_OK(nl_model_dropout_factors(model, factors, 1, N));
    if (pass > 0) check_independent("one pass and the next", factors, last);
    if (pass % 2 == 0)
      CHECK_OK(nl_model_forward(model, y, x, N, NL_TRAIN));
    else
      CHECK_OK(nl_model_gradients(model, NULL, y, dx, x, labels, N, NL_TRAIN));
    for (int32_t i = 0; i < SIZE; i++) assert_true(y[i] == x[i] * factors[i]);
    /* No logit has a gradient of exactly 0. */
    for (int32_t i = 0; pass % 2 == 1 && i < SIZE; i++) assert_true((dx[i] == 0) == (factors[i] == 0));
    assert_true(nl_model_passes(model) == pass + 1);
    last = copy_of(factors, SIZE);
  }
  CHECK_OK(nl_model_forward(model, y, x, N, NL_EVAL));
  check_same("eval mode", y, x, SIZE);
  check_failed(nl_model_forward(model, y, x, 0, NL_TRAIN), NL_SHAPE, "a batch needs at least 1 sample");
  assert_true(nl_model_passes(model) == 6);
  nl_model_destroy(model);
}

/* Micro-batches and shards are passes of their own. */
TEST(parts_are_passes) {
  static const double sgd[] = {0.1, 0, 0, 0, 0};
  static const struct {
    double replicas, sync, accumulate;
    int passes;
  } cases[] = {{1, 0, 1, 1}, {4, 0, 1, 4}, {4, 1, 1, 1}, {1, 0, 3, 3}, {2, 0, 3, 6}};
  seed_data(5);
  const float *x = normals(SIZE, 0, 1);
  const int32_t *labels = random_labels(N, 3);
  for (int i = 0; i < COUNT_OF(cases); i++) {
    nl_model *model = build(4);
    nl_trainer *trainer = NULL;
    const double options[] = {NAN, 0, 1, 1, cases[i].replicas, cases[i].sync, cases[i].accumulate, NAN};
    double figures[3];
    CHECK_OK(nl_trainer_create(&trainer, model, 0, sgd, 5, options, 8));
    for (int step = 1; step <= 3; step++) {
      CHECK_OK(nl_trainer_step(trainer, figures, x, labels, N));
      assert_true(nl_model_passes(model) == step * cases[i].passes);
    }
    nl_trainer_destroy(trainer);
    nl_model_destroy(model);
  }
}

/*
 * Batches of an evaluation with batch statistics are like training passes, each another one, but are not counted. The data
 * are one sample again and again; so are the logits of a whole batch where every batch drops the same.
 */
TEST(evaluation_is_not_counted) {
  enum { COUNT = 40 };
  nl_model *model = build(5);
  seed_data(6);
  const float *sample = normals(WIDTH, 0, 3);
  float *x = floats(COUNT * WIDTH);
  for (int32_t i = 0; i < COUNT * WIDTH; i++) x[i] = sample[i % WIDTH];
  const int32_t *labels = ints(COUNT);
  nl_dataset *data = NULL;
  CHECK_OK(nl_dataset_create(&data, x, 1, labels, COUNT, 1, WIDTH, 3, NULL, NULL));
  CHECK_OK(nl_model_set_passes(model, 9));
  double figures[2], losses[4];
  for (int i = 0; i < 2; i++) {
    CHECK_OK(nl_evaluate(model, figures, data, 4, i == 0 ? NL_EVAL : NL_PROBE));
    losses[i] = figures[0];
    assert_true(nl_model_passes(model) == 9);
  }
  float *logits = floats(3 * COUNT);
  int32_t hits;
  /* What batches of 4 would come to, if each dropped what the first does. */
  CHECK_OK(nl_model_forward(model, logits, x, 4, NL_PROBE));
  CHECK_OK(nl_cross_entropy(&losses[2], &hits, NULL, logits, labels, 0, 4, 3));
  assert_true(fabs(losses[1] - losses[0]) > 1e-3 && fabs(losses[1] - losses[2]) > 1e-3);
  nl_dataset_destroy(data);
  nl_model_destroy(model);
}

TEST(refused) {
  static const double bad[] = {-0.1, 1.5, NAN, INFINITY, -INFINITY};
  nl_model *model = NULL;
  int32_t node;
  CHECK_OK(nl_model_create(&model, shape, 1, 0));
  for (int i = 0; i < COUNT_OF(bad); i++)
    check_failed(nl_model_add(model, &node, type_of("dropout"), 0, -1, &bad[i], 1), NL_ARGUMENT,
                 "dropout probability has to be between 0 and 1, but got ");
  const double p = 1;
  float factors[WIDTH];
  CHECK_OK(nl_model_add(model, &node, type_of("dropout"), 0, -1, &p, 1));
  check_failed(nl_model_dropout_factors(model, factors, 1, 1), NL_STATE, "the model is not finished");
  CHECK_OK(nl_model_finish(model));
  CHECK_OK(nl_model_dropout_factors(model, factors, 1, 1));
  check_all("p = 1", factors, 0, WIDTH);
  check_failed(nl_model_dropout_factors(model, factors, 0, 1), NL_ARGUMENT, "node 0 is no dropout");
  check_failed(nl_model_dropout_factors(model, factors, 2, 1), NL_ARGUMENT, "node 2 is no dropout");
  check_failed(nl_model_dropout_factors(model, factors, 1, 0), NL_SHAPE, "a batch needs at least 1 sample, got 0");
  static const double counts[] = {-1, 0.5, 0x1p53, NAN, INFINITY};
  for (int i = 0; i < COUNT_OF(counts); i++)
    check_failed(nl_model_set_passes(model, counts[i]), NL_ARGUMENT, "passes: must be an integer in [0, 2^53), got ");
  assert_true(nl_model_passes(model) == 0);
  CHECK_OK(nl_model_set_passes(model, 0x1p53 - 1));
  assert_true(nl_model_passes(model) == 0x1p53 - 1);
  nl_model_destroy(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(share_and_scale),       CASE(nothing_and_all),           CASE(each_on_its_own),
      CASE(masks_are_independent), CASE(seed_layer_and_pass),       CASE(passes_follow_the_count),
      CASE(parts_are_passes),      CASE(evaluation_is_not_counted), CASE(refused),
  };
  return cmocka_run_group_tests_name("dropout", tests, NULL, NULL);
}
