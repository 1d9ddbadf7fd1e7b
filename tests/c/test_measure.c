/* What a measured step shows: against the model in float64, its finite differences, and the same step unmeasured. */
#include "net/model.h"
#include "reference.h"
#include "reference_model.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static char label[160];
#define NAMED(...) (snprintf(label, sizeof label, __VA_ARGS__), label)

static const double null = (double)NAN;
enum { BINS = 7, N = 3, MOST_LAYERS = 16 };
/* Places in a row. */
enum {
  GRADIENT = 7,
  EDGES = 5,
  GRAD_NORM = 14,
  WEIGHT_NORM,
  VALUES,
  MEAN_SHIFT,
  VAR_RATIO,
  COUNTS,
  ROW = COUNTS + 2 * BINS
};

typedef struct {
  const char *name;
  int32_t ndim, shape[4], count;
  layer_spec layers[MOST_LAYERS];
  double values[MOST_LAYERS]; /* per statistic, by layer; 0 of what is no normalization */
} net;

static const net nets[] = {
    {"cnn: norms and products with relus computed along",
     3,
     {2, 4, 3},
     11,
     {{"conv2d", 0, 0, {3, 3, 3, 1, 1, 1, 1, 1}},
      {"batchNorm", 1, 0, {1e-2, 0.3, 1, 1, 0, 1}},
      {"relu", 2, 0, {0}},
      {"avgPool2d", 3, 0, {2, 1, null, null, 0, 0}},
      {"conv2d", 4, 0, {6, 3, 3, 1, 1, 1, 1, 1}},
      {"relu", 5, 0, {0}},
      {"groupNorm", 6, 0, {3, 1e-2, 1, 1}},
      {"relu", 7, 0, {0}},
      {"instanceNorm", 8, 0, {1e-2, 0.2, 1, 1}},
      {"flatten", 9, 0, {0}},
      {"linear", 10, 0, {3, 1}}},
     {0, N * 12, 0, 0, 0, 0, 2 * 2 * 3, 0, 2 * 3}},
    {"residual, its shortcut a view",
     3,
     {2, 3, 3},
     11,
     {{"conv2d", 0, 0, {3, 3, 3, 1, 1, 1, 1, 0}},
      {"batchNorm", 1, 0, {1e-2, 0.1, 1, 1, 0, 1}},
      {"relu", 2, 0, {0}},
      {"identity", 3, 0, {0}},
      {"conv2d", 4, 0, {3, 3, 3, 1, 1, 1, 1, 0}},
      {"batchNorm", 5, 0, {1e-3, null, 0, 1, 1, 1}},
      {"identity", 3, 0, {0}},
      {"add", 6, 7, {0}},
      {"relu", 8, 0, {0}},
      {"globalAvgPool2d", 9, 0, {0}},
      {"flatten", 10, 0, {0}}},
     {0, N * 9, 0, 0, 0, N * 9}},
    /* Nothing is trained before the linear layer, and nothing reads the last but one. */
    {"rows, and a loose end",
     2,
     {3, 4},
     9,
     {{"rmsNorm", 0, 0, {1, 4, 0, 0, 0, 0, 1e-2, 0}},
      {"flatten", 1, 0, {0}},
      {"linear", 2, 0, {6, 0}},
      {"layerNorm", 3, 0, {null, 0, 0, 0, 0, 0, 1e-2, 1, 1}},
      {"relu", 4, 0, {0}},
      {"batchNorm", 5, 0, {1e-2, 0.1, 1, 0, 0, 1}},
      {"tanh", 6, 0, {0}},
      {"linear", 7, 0, {4, 1}},
      {"linear", 7, 0, {3, 1}}},
     {4, 0, 0, 6, 0, N}},
};

static nl_model *build(const net *t, double seed) {
  nl_model *model = NULL;
  CHECK_OK(build_model(&model, t->shape, t->ndim, t->layers, t->count, seed));
  seed_data((uint64_t)seed);
  disturb(model);
  return model;
}

/* SGD at rate 1, or with something else asked for. */
static nl_trainer *trainer_of(nl_model *model, double clip, double accumulate) {
  nl_trainer *trainer = NULL;
  const double args[] = {0.1, 0, 0.9, 0, 0}, options[] = {clip, 0, 1, 1, 1, 0, accumulate, NAN};
  CHECK_OK(nl_trainer_create(&trainer, model, 0, args, 5, options, 8));
  return trainer;
}

static void check_same_model(const char *what, nl_model *a, nl_model *b) {
  for (int32_t i = 0; i < nl_model_tensor_count(a); i++)
    check_same(what, nl_model_tensor_data(a, i), nl_model_tensor_data(b, i), tensor_size(a, i));
}

static bool is_view(const net *t, int32_t node) {
  const char *type = t->layers[node - 1].type;
  return strcmp(type, "flatten") == 0 || strcmp(type, "identity") == 0;
}

/* The node whose output this one hands on; itself if it computes one. */
static int32_t source_of(const net *t, int32_t node) {
  while (node > 0 && is_view(t, node)) node = t->layers[node - 1].from;
  return node;
}

static bool is_add(const layer_spec *l) { return strcmp(l->type, "add") == 0; }

/* Whether a step has the gradient of a node: parameters come in at or before it, and the loss reads it. */
static bool has_gradient(const net *t, const ref_model *r, int32_t node) {
  bool trains[MOST_LAYERS + 1] = {false}, read[MOST_LAYERS + 1] = {false};
  for (int32_t i = 1; i <= t->count; i++) {
    const layer_spec *l = &t->layers[i - 1];
    trains[i] = r->tensor[i][NL_WEIGHT] || trains[l->from] || (is_add(l) && trains[l->from2]);
  }
  read[t->count] = true;
  for (int32_t i = t->count; i >= 1; i--) {
    const layer_spec *l = &t->layers[i - 1];
    if (!read[i]) continue;
    read[l->from] = true;
    if (is_add(l)) read[l->from2] = true;
  }
  return trains[node] && read[node];
}

static void check_distance(const net *t, const ref_model *r, int32_t node, const double *row, int32_t n) {
  const layer_spec *l = &t->layers[node - 1];
  const double *mean = r->tensor[node][NL_RUNNING_MEAN], *var = r->tensor[node][NL_RUNNING_VAR];
  if (!mean) {
    assert_true(row[MEAN_SHIFT] == -1 && row[VAR_RATIO] == -1);
    return;
  }
  const bool instance = strcmp(l->type, "instanceNorm") == 0;
  const int32_t c = r->shape[node][0], s = r->size[node] / c, groups = instance ? n : 1, per = instance ? 1 : n;
  const double *x = r->value[l->from], eps = l->args[0];
  double shifts = 0, logs = 0;
  for (int32_t g = 0; g < groups; g++)
    for (int32_t j = 0; j < c; j++) {
      double sum = 0, squares = 0;
      for (int32_t i = 0; i < per * s; i++) sum += x[((g + i / s) * c + j) * s + i % s] / (per * s);
      for (int32_t i = 0; i < per * s; i++) squares += pow(x[((g + i / s) * c + j) * s + i % s] - sum, 2) / (per * s);
      shifts += pow((sum - mean[j]) / sqrt(var[j] + eps), 2) / (groups * c);
      logs += fabs(log((squares + eps) / (var[j] + eps))) / (groups * c);
    }
  check_double(NAMED("%s, node %d: meanShift", t->name, node), row[MEAN_SHIFT], sqrt(shifts), 1e-5 * sqrt(shifts));
  check_double(NAMED("%s, node %d: varRatio", t->name, node), row[VAR_RATIO], exp(logs), 1e-5 * exp(logs));
  /* What eval mode would have used is not what the step used, nor what it left: the test can tell. */
  assert_true(row[MEAN_SHIFT] > 0.01 && row[VAR_RATIO] > 1.01);
}

/* Rows of a step on x [n], by a model whose values before the step `r` has. */
static void check_rows(const net *t, const double *rows, ref_model *r, nl_model *after, nl_model *before,
                       const float *x, const int32_t *labels, int32_t n) {
  const double ulp = 0x1p-24, *wide = widened(x, (int64_t)n * r->size[0]);
  double *gradients[MOST_LAYERS + 1] = {NULL}, largest = 0;
  for (int32_t i = 1; i <= t->count; i++) {
    const int32_t from = source_of(t, i), size = n * r->size[i];
    if (from != i || !has_gradient(t, r, i)) continue;
    r->shift[i] = doubles(size);
    gradients[i] = ref_model_gradient(r, r->shift[i], size, wide, labels, n, NL_PROBE);
    r->shift[i] = NULL;
    for (int32_t j = 0; j < size; j++) largest = fmax(largest, fabs(gradients[i][j]));
  }
  ref_model_run(r, wide, n, NL_PROBE);
  CHECK_OK(nl_model_reserve(before, n, true));
  CHECK_OK(nl_model_run(before, x, n, NL_PROBE));
  for (int32_t i = 1; i <= t->count; i++) {
    const double *row = rows + (i - 1) * ROW;
    const int32_t size = n * r->size[i], from = source_of(t, i);
    double scale = 0, squares[2] = {0};
    for (int32_t j = 0; j < size; j++) scale = fmax(scale, fabs(r->value[i][j]));
    NAMED("%s, node %d: output", t->name, i);
    check_moments(label, row, r->value[i], 16 * t->count * ulp * scale, size);
    /* To the bit, those of a pass in which nothing is computed along. */
    const double *output = widened(nl_model_value(before, i), size);
    check_moments(label, row, output, 0, size);
    check_double(label, row[EDGES], row[2], 0);
    check_double(label, row[EDGES + 1], row[3], 0);
    check_histogram(label, row + COUNTS, BINS, row + EDGES, output, 0, size);

    NAMED("%s, node %d: gradient", t->name, i);
    const double *gradient = from > 0 ? gradients[from] : NULL, *counts = row + COUNTS + BINS;
    if (gradient) {
      const double tolerance = 16 * t->count * ulp * largest;
      check_moments(label, row + GRADIENT, gradient, tolerance, size);
      check_double(label, row[GRADIENT + EDGES], row[GRADIENT + 2], 0);
      check_double(label, row[GRADIENT + EDGES + 1], row[GRADIENT + 3], 0);
      check_histogram(label, counts, BINS, row + GRADIENT + EDGES, gradient, tolerance, size);
    }
    for (int32_t j = 0; !gradient && j < 7; j++) check_double(label, row[GRADIENT + j], -1, 0);
    for (int32_t j = 0; !gradient && j < BINS; j++) check_double(label, counts[j], 0, 0);

    for (int32_t role = NL_WEIGHT; role <= NL_BIAS; role++)
      for (int32_t j = 0; j < r->tensor_size[i][role]; j++) {
        squares[0] += pow((double)nl_model_tensor_grad(before, tensor_of(before, i, role))[j], 2);
        squares[1] += pow(r->tensor[i][role][j], 2);
      }
    const bool any = r->tensor[i][NL_WEIGHT] != NULL;
    check_double(NAMED("%s, node %d: gradNorm", t->name, i), row[GRAD_NORM], any ? sqrt(squares[0]) : -1,
                 1e-6 * sqrt(squares[0]));
    check_double(NAMED("%s, node %d: weightNorm", t->name, i), row[WEIGHT_NORM], any ? sqrt(squares[1]) : -1, 1e-12);
    const double values = t->values[i - 1];
    check_double(NAMED("%s, node %d: values", t->name, i), row[VALUES], values > 0 ? values : -1, 0);
    assert_true(nl_model_values_per_statistic(after, i, n) == values);
    check_distance(t, r, i, row, n);
  }
}

/* The first step and, with a history behind it, the third; of the last model also with gradients clipped. */
TEST(figures) {
  for (int i = 0; i < COUNT_OF(nets); i++)
    for (int clipped = 0; clipped < (i == COUNT_OF(nets) - 1 ? 2 : 1); clipped++) {
      const net *t = &nets[i];
      nl_model *model = build(t, i), *twin = build(t, i), *before = build(t, i);
      const double clip = clipped ? 1e-2 : null;
      nl_trainer *trainer = trainer_of(model, clip, 1), *other = trainer_of(twin, clip, 1);
      assert_int_equal(nl_trainer_measured_row(BINS), ROW);
      assert_null(nl_trainer_measured(trainer));
      for (int step = 0; step < 3; step++) {
        ref_model r;
        ref_model_copy(&r, t->shape, t->ndim, model, t->layers, t->count);
        const float *x = normals((int64_t)N * r.size[0], 0.5, 1.5);
        const int32_t *labels = random_labels(N, r.size[t->count]);
        double measured[3], plain[3];
        for (int32_t j = 0; j < nl_model_tensor_count(model); j++)
          memcpy(nl_model_tensor_data(before, j), nl_model_tensor_data(model, j),
                 (size_t)tensor_size(model, j) * sizeof(float));
        CHECK_OK(nl_model_gradients(before, NULL, NULL, NULL, x, labels, N, NL_PROBE));
        if (step != 1) CHECK_OK(nl_trainer_measure(trainer, BINS));
        CHECK_OK(nl_trainer_step(trainer, measured, x, labels, N));
        CHECK_OK(nl_trainer_step(other, plain, x, labels, N));
        assert_memory_equal(measured, plain, sizeof plain);
        check_same_model(t->name, model, twin);
        for (int32_t node = 1; node <= t->count; node++)
          assert_true(nl_model_batches_tracked(model, node) == nl_model_batches_tracked(twin, node));
        if (step != 1) check_rows(t, nl_trainer_measured(trainer), &r, model, before, x, labels, N);
      }
      nl_trainer_destroy(trainer);
      nl_trainer_destroy(other);
      nl_model_destroy(model);
      nl_model_destroy(twin);
      nl_model_destroy(before);
    }
}

/* Of a batch in three parts: output and gradient of the first two samples and of their own mean loss, norms of all. */
TEST(parts) {
  const net *t = &nets[0];
  nl_model *model = build(t, 1), *first = build(t, 1), *whole = build(t, 1);
  nl_trainer *trainers[] = {trainer_of(model, null, 3), trainer_of(first, null, 1), trainer_of(whole, null, 3)};
  enum { ALL = 7, FIRST = 2 };
  const float *x = normals(ALL * 24, 0, 1);
  const int32_t *labels = random_labels(ALL, 3);
  double figures[3];
  CHECK_OK(nl_trainer_measure(trainers[0], BINS));
  CHECK_OK(nl_trainer_measure(trainers[1], BINS));
  CHECK_OK(nl_trainer_step(trainers[0], figures, x, labels, ALL));
  CHECK_OK(nl_trainer_step(trainers[1], figures, x, labels, FIRST));
  CHECK_OK(nl_trainer_step(trainers[2], figures, x, labels, ALL));
  check_same_model("in parts", model, whole);
  double total = 0;
  for (int32_t i = 1; i <= t->count; i++) {
    const double *row = nl_trainer_measured(trainers[0]) + (i - 1) * ROW;
    const double *alone = nl_trainer_measured(trainers[1]) + (i - 1) * ROW;
    assert_memory_equal(row, alone, GRAD_NORM * sizeof *row);
    assert_memory_equal(row + WEIGHT_NORM, alone + WEIGHT_NORM, (ROW - WEIGHT_NORM) * sizeof *row);
    if (row[GRAD_NORM] >= 0) total += row[GRAD_NORM] * row[GRAD_NORM];
  }
  check_double("gradient norm", sqrt(total), figures[2], 1e-6 * figures[2]);
  assert_true(nl_trainer_measured(trainers[0])[ROW + VALUES] == FIRST * 12);
  for (int i = 0; i < 3; i++) nl_trainer_destroy(trainers[i]);
  nl_model_destroy(model);
  nl_model_destroy(first);
  nl_model_destroy(whole);
}

/* A frozen BatchNorm has statistics, but none of the batch. */
TEST(frozen) {
  const net *t = &nets[0];
  nl_model *model = build(t, 2);
  nl_trainer *trainer = trainer_of(model, null, 1);
  double figures[3];
  CHECK_OK(nl_model_set_frozen(model, 2, 1));
  CHECK_OK(nl_trainer_measure(trainer, BINS));
  CHECK_OK(nl_trainer_step(trainer, figures, normals(N * 24, 0, 1), random_labels(N, 3), N));
  const double *row = nl_trainer_measured(trainer) + ROW;
  assert_true(row[GRAD_NORM] == 0 && row[WEIGHT_NORM] > 0 && row[MEAN_SHIFT] == -1 && row[VAR_RATIO] == -1);
  assert_true(row[GRADIENT + 1] > 0);
  nl_trainer_destroy(trainer);
  nl_model_destroy(model);
}

/* Values that are not finite are counted and described by the others. */
TEST(values_that_are_not_finite) {
  const net t = {"linear", 1, {2}, 2, {{"linear", 0, 0, {2, 0}}, {"identity", 1, 0, {0}}}, {0}};
  nl_model *model = build(&t, 3);
  nl_trainer *trainer = trainer_of(model, null, 1);
  memcpy(nl_model_tensor_data(model, 0), (float[]){1, 0, 0, 2}, 4 * sizeof(float));
  const float x[] = {1, 2, 3, 4, -INFINITY, 5, 6, 1e38f};
  double figures[3];
  CHECK_OK(nl_trainer_measure(trainer, BINS));
  CHECK_OK(nl_trainer_step(trainer, figures, x, (int32_t[]){0, 1, 0, 1}, 4));
  const double *row = nl_trainer_measured(trainer);
  /* 0 times infinity is no number. */
  const double y[] = {1, 4, 3, 8, -INFINITY, NAN, 6, 2 * (double)1e38f};
  check_moments("output", row, y, 0x1p-23 * 2e38, 8);
  check_histogram("output", row + COUNTS, BINS, row + EDGES, y, 0, 8);
  assert_true(row[4] == 2 && row[GRADIENT + 4] > 0 && row[GRADIENT + EDGES] < row[GRADIENT + EDGES + 1]);
  assert_true(isnan(row[GRAD_NORM]));
  nl_trainer_destroy(trainer);
  nl_model_destroy(model);
}

/* A step that fails is not measured, and neither is the one after it; bins may change from step to step. */
TEST(one_step_each) {
  const net *t = &nets[2];
  nl_model *model = build(t, 4);
  nl_trainer *trainer = trainer_of(model, null, 1);
  const float *x = normals(N * 12, 0, 1);
  double figures[3];
  static const int32_t labels[N] = {0, 1, 2}, wrong[N] = {0, 3, 2};
  check_failed(nl_trainer_measure(trainer, 0), NL_ARGUMENT, "bins: must be an integer from 1 to 4096, got 0");
  check_failed(nl_trainer_measure(trainer, 4097), NL_ARGUMENT, "bins: ");
  CHECK_OK(nl_trainer_measure(trainer, BINS));
  check_failed(nl_trainer_step(trainer, figures, x, wrong, N), NL_ARGUMENT, "out of bounds");
  CHECK_OK(nl_trainer_step(trainer, figures, x, labels, N));
  assert_null(nl_trainer_measured(trainer));
  static const int32_t bins[] = {3, 4096, 1};
  for (int i = 0; i < COUNT_OF(bins); i++) {
    CHECK_OK(nl_trainer_measure(trainer, bins[i]));
    CHECK_OK(nl_trainer_step(trainer, figures, x, labels, N));
    const double *last = nl_trainer_measured(trainer) + (t->count - 1) * nl_trainer_measured_row(bins[i]);
    double counted[2] = {0};
    for (int32_t b = 0; b < 2 * bins[i]; b++) counted[b / bins[i]] += last[COUNTS + b];
    assert_true(counted[0] == 3 * N && counted[1] == 3 * N);
  }
  nl_trainer_destroy(trainer);
  nl_model_destroy(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(figures), CASE(parts), CASE(frozen), CASE(values_that_are_not_finite), CASE(one_step_each),
  };
  return cmocka_run_group_tests_name("measure", tests, NULL, NULL);
}
