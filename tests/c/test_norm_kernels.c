/* Batch, layer and group normalization, forward and backward, against float64 on ordinary and on hard inputs. */
#include "kernels/kernels.h"
#include "reference.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct {
  int32_t n, c, s, g;
} extent;

#define NORM(n, c, s, g) {n, c, s, g},
static const extent shapes[] = {
#include "kernels.inc"
};

typedef enum { BATCH, BATCH_EVAL, LAYER, GROUP, KINDS } kernel;
static const char *const kind_names[] = {"batchnorm", "batchnorm eval", "layernorm", "groupnorm"};

/* One call of a kernel: its arguments and its results. */
typedef struct {
  kernel kind;
  extent e;
  double eps;
  ref_layout layout;
  float *x, *dy, *weight, *bias;
  float *given_mean, *given_var; /* BATCH_EVAL */
  float *y, *dx, *dweight, *dbias;
  double *mean, *invstd, *work;
} call;

static ref_layout layout_of(kernel kind, extent e) {
  if (kind == LAYER) return ref_layer_layout(e.n, e.c * e.s);
  return kind == GROUP ? ref_group_layout(e.n, e.c, e.s, e.g) : ref_batch_layout(e.n, e.c, e.s);
}

/* Buffers of exactly the documented sizes. x and dy are the caller's. */
static call prepare(kernel kind, extent e, float *x, float *dy, bool weight, bool bias) {
  call k = {.kind = kind, .e = e, .eps = 1e-5, .layout = layout_of(kind, e), .x = x, .dy = dy};
  if (weight) k.weight = normals(k.layout.params, 1, 0.5);
  if (bias) k.bias = normals(k.layout.params, 0, 0.5);
  if (kind == BATCH_EVAL) {
    k.given_mean = normals(k.layout.stats, 0, 1);
    k.given_var = floats(k.layout.stats);
    for (int32_t i = 0; i < k.layout.stats; i++) k.given_var[i] = (float)uniform(0.5, 3);
  }
  k.y = floats(k.layout.size);
  k.dx = floats(k.layout.size);
  k.dweight = floats(k.layout.params);
  k.dbias = floats(k.layout.params);
  k.mean = doubles(k.layout.stats);
  k.invstd = doubles(k.layout.stats);
  k.work = doubles(2 * k.layout.params);
  return k;
}

static nl_status run_forward(call *k) {
  const extent e = k->e;
  switch (k->kind) {
  case BATCH:
    return nl_batchnorm_forward_train(k->y, k->mean, k->invstd, NULL, NULL, k->x, k->weight, k->bias, e.n, e.c, e.s,
                                      k->eps, 0.1, true);
  case BATCH_EVAL:
    return nl_batchnorm_forward_eval(k->y, k->mean, k->invstd, k->x, k->given_mean, k->given_var, k->weight, k->bias,
                                     e.n, e.c, e.s, k->eps);
  case LAYER: return nl_layernorm_forward(k->y, k->mean, k->invstd, k->x, k->weight, k->bias, e.n, e.c * e.s, k->eps);
  default: return nl_groupnorm_forward(k->y, k->mean, k->invstd, k->x, k->weight, k->bias, e.n, e.c, e.s, e.g, k->eps);
  }
}

static nl_status run_backward(call *k) {
  const extent e = k->e;
  switch (k->kind) {
  case BATCH:
  case BATCH_EVAL:
    return nl_batchnorm_backward(k->dx, k->dweight, k->dbias, k->dy, k->x, k->mean, k->invstd, k->weight, e.n, e.c, e.s,
                                 k->kind == BATCH);
  case LAYER:
    return nl_layernorm_backward(k->dx, k->dweight, k->dbias, k->dy, k->x, k->mean, k->invstd, k->weight, k->work, e.n,
                                 e.c * e.s);
  default:
    return nl_groupnorm_backward(k->dx, k->dweight, k->dbias, k->dy, k->x, k->mean, k->invstd, k->weight, k->work, e.n,
                                 e.c, e.s, e.g);
  }
}

static void check_statistics(const char *what, const double *got, const ref *want) {
  for (int32_t i = 0; i < want->size; i++) check_double(what, got[i], want->value[i], 8 * want->error[i]);
}

static void check_call(call *k) {
  char what[80];
  const double *x = widened(k->x, k->layout.size), *dy = widened(k->dy, k->layout.size);
  const double *weight = widened(k->weight, k->layout.params), *bias = widened(k->bias, k->layout.params);
  const double *mean = widened(k->given_mean, k->layout.stats), *var = widened(k->given_var, k->layout.stats);
  const ref_norm f = ref_norm_forward(&k->layout, x, weight, bias, mean, var, k->eps);
  const ref_gradient g = ref_norm_backward(&k->layout, dy, x, weight, mean, var, k->eps);
#define NAMED(result) \
  (snprintf(what, sizeof what, "%s [%d, %d, %d] %s", kind_names[k->kind], k->e.n, k->e.c, k->e.s, (result)), what)
  CHECK_OK(run_forward(k));
  check_close(NAMED("y"), k->y, f.y.value, f.y.error, k->layout.size);
  check_statistics(NAMED("mean"), k->mean, &f.mean);
  check_statistics(NAMED("invstd"), k->invstd, &f.invstd);
  CHECK_OK(run_backward(k));
  check_close(NAMED("dx"), k->dx, g.dx.value, g.dx.error, k->layout.size);
  check_close(NAMED("dweight"), k->dweight, g.dweight.value, g.dweight.error, k->layout.params);
  check_close(NAMED("dbias"), k->dbias, g.dbias.value, g.dbias.error, k->layout.params);
#undef NAMED
}

static int64_t size_of(extent e) { return (int64_t)e.n * e.c * e.s; }

TEST(all_shapes) {
  seed_data(1);
  for (int i = 0; i < COUNT_OF(shapes); i++)
    for (int which = 0; which < KINDS; which++)
      for (int affine = 0; affine < 4; affine++) {
        const int64_t size = size_of(shapes[i]);
        call k =
            prepare((kernel)which, shapes[i], normals(size, 0.5, 2), normals(size, 0.1, 1), affine & 1, affine & 2);
        check_call(&k);
      }
}

/* What E[x²] - E[x]² in float32, or sums in float32, would not survive. */
TEST(far_from_zero) {
  static const struct {
    double mean, std;
    extent e;
  } cases[] = {
      {1e4, 1, {4, 3, 49, 3}},       {1e4, 1, {16, 5, 1, 5}},      {-1e4, 1, {2, 8, 25, 2}},
      {100, 0.01, {1, 1, 32768, 1}}, {100, 0.01, {8, 2, 4096, 1}}, {100, 0.01, {8192, 4, 1, 2}},
      {1e18, 1e15, {3, 4, 21, 2}},   {0, 1e18, {3, 4, 21, 2}},     {1e-3, 1e-9, {2, 3, 100, 3}},
      {1e6, 0.2, {5, 2, 31, 1}},
  };
  seed_data(2);
  for (int i = 0; i < COUNT_OF(cases); i++)
    for (int which = 0; which < KINDS; which++) {
      if (which == BATCH_EVAL) continue;
      const int64_t size = size_of(cases[i].e);
      call k = prepare((kernel)which, cases[i].e, normals(size, cases[i].mean, cases[i].std), normals(size, 0, 1), true,
                       true);
      check_call(&k);
    }
}

/* Running statistics as hard as the data. */
TEST(far_from_zero_in_eval) {
  seed_data(3);
  for (int32_t s = 1; s <= 50; s += 49) {
    const extent e = {6, 5, s, 1};
    call k = prepare(BATCH_EVAL, e, normals(size_of(e), 1e4, 1), normals(size_of(e), 0, 1), true, true);
    for (int32_t j = 0; j < e.c; j++) k.given_mean[j] = (float)normal(1e4, 1);
    check_call(&k);
  }
}

/* Equal values have no deviation: the result is the bias, to the last bit, and dx is what float64 says. */
TEST(constant_rows) {
  static const double values[] = {0, 1, 0.1, -3.3e-7, 1e4, 123456.789, 1e18, 1e-40, 3.4e38};
  seed_data(4);
  for (int v = 0; v < COUNT_OF(values); v++)
    for (int i = 0; i < COUNT_OF(shapes); i++)
      for (int which = 0; which < KINDS; which++) {
        if (which == BATCH_EVAL) continue;
        const int64_t size = size_of(shapes[i]);
        call k = prepare((kernel)which, shapes[i], normals(size, values[v], 0), normals(size, 0, 1), true, true);
        CHECK_OK(run_forward(&k));
        for (int64_t j = 0; j < size; j++) check_same(kind_names[which], &k.y[j], &k.bias[k.layout.param[j]], 1);
        check_call(&k);
      }
}

TEST(denormals) {
  seed_data(5);
  for (int which = 0; which < KINDS; which++) {
    if (which == BATCH_EVAL) continue;
    const extent e = {4, 6, 9, 3};
    call k = prepare((kernel)which, e, normals(size_of(e), 0, 1e-40), normals(size_of(e), 0, 1), true, false);
    check_call(&k);
    /* With so small an eps the deviations decide. */
    k = prepare((kernel)which, e, normals(size_of(e), 3e-38, 1e-38), normals(size_of(e), 0, 1e-30), true, true);
    k.eps = 0;
    CHECK_OK(run_forward(&k));
    for (int64_t i = 0; i < size_of(e); i++) assert_true(isfinite(k.y[i]));
  }
}

TEST(eps_is_inside_the_root) {
  seed_data(6);
  for (int which = 0; which < KINDS; which++)
    for (int i = 0; i < 3; i++) {
      const extent e = {3, 4, 5, 2};
      call k = prepare((kernel)which, e, normals(size_of(e), 0, 0.1), normals(size_of(e), 0, 1), true, true);
      k.eps = (double[]){0, 0.5, 100}[i];
      check_call(&k);
    }
}

/* y = x takes the value in place of the copy, with the same bits. */
TEST(in_place) {
  seed_data(7);
  for (int i = 0; i < COUNT_OF(shapes); i++)
    for (int which = 0; which < KINDS; which++) {
      const int64_t size = size_of(shapes[i]);
      call k = prepare((kernel)which, shapes[i], normals(size, 1, 1), NULL, true, true);
      CHECK_OK(run_forward(&k));
      const float *apart = k.y;
      k.y = k.x;
      CHECK_OK(run_forward(&k));
      check_same(kind_names[which], k.x, apart, size);
    }
}

/* One bad value makes its own statistic useless and touches no other. */
TEST(not_a_number_stays) {
  seed_data(8);
  const float bad_values[] = {NAN, INFINITY};
  for (int i = 0; i < COUNT_OF(shapes); i++)
    for (int which = 0; which < KINDS; which++)
      for (int b = 0; b < 2; b++) {
        const int64_t size = size_of(shapes[i]);
        call k = prepare((kernel)which, shapes[i], normals(size, 0, 1), normals(size, 0, 1), true, true);
        CHECK_OK(run_forward(&k));
        CHECK_OK(run_backward(&k));
        const float *clean_y = copy_of(k.y, size), *clean_dx = copy_of(k.dx, size);
        const int32_t bad = integer(0, (int32_t)size - 1);
        k.x[bad] = bad_values[b];
        CHECK_OK(run_forward(&k));
        CHECK_OK(run_backward(&k));
        for (int64_t j = 0; j < size; j++) {
          const bool hit = which == BATCH_EVAL ? j == bad : k.layout.stat[j] == k.layout.stat[bad];
          if (!hit) {
            check_same("y elsewhere", &k.y[j], &clean_y[j], 1);
            check_same("dx elsewhere", &k.dx[j], &clean_dx[j], 1);
          } else if (which == BATCH_EVAL) {
            assert_false(isfinite(k.y[j]));
          } else if (j == bad || b == 0) {
            assert_true(isnan(k.y[j]));
          }
        }
      }
}

/* Whoever wants only one of the gradients gets the same bits. */
TEST(outputs_may_be_left_out) {
  seed_data(9);
  for (int i = 0; i < COUNT_OF(shapes); i++)
    for (int which = 0; which < KINDS; which++) {
      const int64_t size = size_of(shapes[i]);
      call k = prepare((kernel)which, shapes[i], normals(size, 0, 1), normals(size, 0, 1), true, false);
      CHECK_OK(run_forward(&k));
      CHECK_OK(run_backward(&k));
      for (int wanted = 0; wanted < 8; wanted++) {
        call part = k;
        part.dx = wanted & 1 ? floats(size) : NULL;
        part.dweight = wanted & 2 ? floats(k.layout.params) : NULL;
        part.dbias = wanted & 4 ? floats(k.layout.params) : NULL;
        CHECK_OK(run_backward(&part));
        if (part.dx) check_same("dx", part.dx, k.dx, size);
        if (part.dweight) check_same("dweight", part.dweight, k.dweight, k.layout.params);
        if (part.dbias) check_same("dbias", part.dbias, k.dbias, k.layout.params);
      }
    }
}

/* Biased variance normalizes; what running_var gets is up to `unbiased`. */
TEST(running_statistics) {
  static const double momenta[] = {0, 0.1, 0.25, 1, -0.5, 1.5};
  seed_data(10);
  for (int i = 0; i < COUNT_OF(shapes); i++)
    for (int m = 0; m < COUNT_OF(momenta); m++)
      for (int unbiased = 0; unbiased < 2; unbiased++) {
        const extent e = shapes[i];
        const double count = (double)e.n * e.s;
        if (count < 2) continue;
        call k = prepare(BATCH, e, normals(size_of(e), 3, 2), NULL, true, true);
        CHECK_OK(run_forward(&k));
        const float *y = copy_of(k.y, size_of(e));
        float *mean = normals(e.c, 1, 1), *var = normals(e.c, 2, 0.3);
        const double *old_mean = widened(mean, e.c), *old_var = widened(var, e.c);
        CHECK_OK(nl_batchnorm_forward_train(k.y, k.mean, k.invstd, mean, var, k.x, k.weight, k.bias, e.n, e.c, e.s,
                                            k.eps, momenta[m], unbiased));
        check_same("y does not depend on running statistics", k.y, y, size_of(e));
        ref_norm f = ref_norm_forward(&k.layout, widened(k.x, size_of(e)), NULL, NULL, NULL, NULL, k.eps);
        for (int32_t j = 0; unbiased && j < e.c; j++) f.var[j] *= count / (count - 1);
        const ref want_mean = ref_moved(old_mean, f.mean.value, momenta[m], e.c);
        const ref want_var = ref_moved(old_var, f.var, momenta[m], e.c);
        check_close("running_mean", mean, want_mean.value, want_mean.error, e.c);
        check_close("running_var", var, want_var.value, want_var.error, e.c);
      }
}

/* Two values a channel show the divisor best: 1 and 3 have variance 1 or 2. */
TEST(running_variance_by_hand) {
  float mean = 0, var = 0, y[2];
  double saved[2];
  const float x[] = {1, 3};
  CHECK_OK(nl_batchnorm_forward_train(y, saved, saved + 1, &mean, &var, x, NULL, NULL, 2, 1, 1, 0, 1, true));
  assert_true(mean == 2 && var == 2 && y[0] == -1 && y[1] == 1 && saved[0] == 2 && saved[1] == 1);
  CHECK_OK(nl_batchnorm_forward_train(y, saved, saved + 1, &mean, &var, x, NULL, NULL, 1, 1, 2, 0, 0.5, false));
  assert_true(mean == 2 && var == 1.5f);
}

TEST(no_samples) {
  static const extent none[] = {{0, 4, 3, 2}, {0, 5, 1, 5}, {3, 4, 0, 2}, {0, 2, 0, 1}};
  for (int i = 0; i < COUNT_OF(none); i++)
    for (int which = 0; which < KINDS; which++) {
      call k = prepare((kernel)which, none[i], floats(0), floats(0), true, true);
      memset(k.dweight, 0x7f, (size_t)k.layout.params * sizeof *k.dweight);
      memset(k.dbias, 0x7f, (size_t)k.layout.params * sizeof *k.dbias);
      CHECK_OK(run_forward(&k));
      CHECK_OK(run_backward(&k));
      check_all("dweight of nothing", k.dweight, 0, k.layout.params);
      check_all("dbias of nothing", k.dbias, 0, k.layout.params);
    }
  float mean[] = {1, 2}, var[] = {3, 4}, y[1];
  double saved[4] = {0};
  CHECK_OK(nl_batchnorm_forward_train(y, saved, saved + 2, mean, var, y, NULL, NULL, 0, 2, 3, 1e-5, 0.1, true));
  assert_true(mean[0] == 1 && mean[1] == 2 && var[0] == 3 && var[1] == 4);
}

TEST(bad_arguments) {
  static const struct {
    extent e;
    double eps;
    nl_status status;
    const char *words;
  } cases[] = {
      {{-1, 2, 2, 1}, 1e-5, NL_SHAPE, "got"},
      {{2, 2, -1, 1}, 1e-5, NL_SHAPE, "got"},
      {{2, 2, 2, 1}, -1e-5, NL_ARGUMENT, "eps must be finite and non-negative, got -0.00001"},
      {{2, 2, 2, 1}, (double)NAN, NL_ARGUMENT, "eps must be finite and non-negative, got nan"},
      {{2, 2, 2, 1}, (double)INFINITY, NL_ARGUMENT, "eps must be finite and non-negative, got inf"},
  };
  seed_data(11);
  for (int i = 0; i < COUNT_OF(cases); i++)
    for (int which = 0; which < KINDS; which++) {
      call k = prepare((kernel)which, (extent){2, 2, 2, 1}, normals(8, 0, 1), normals(8, 0, 1), true, true);
      k.e = cases[i].e;
      k.eps = cases[i].eps;
      check_failed(run_forward(&k), cases[i].status, cases[i].words);
      if (cases[i].status == NL_SHAPE) check_failed(run_backward(&k), NL_SHAPE, cases[i].words);
      check_all("y is as it was", k.y, 0, 8);
      k.e = (extent){2, 2, 2, 1};
      k.eps = 1e-5;
      check_call(&k);
    }
  call k = prepare(GROUP, (extent){2, 6, 2, 1}, normals(24, 0, 1), normals(24, 0, 1), true, true);
  for (int32_t g = -1; g < 8; g++) {
    k.e.g = g;
    if (g > 0 && 6 % g == 0) continue;
    check_failed(run_forward(&k), NL_ARGUMENT, "num_groups");
    check_failed(run_backward(&k), NL_ARGUMENT, "num_channels (6) must be divisible by num_groups");
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(all_shapes),
      CASE(far_from_zero),
      CASE(far_from_zero_in_eval),
      CASE(constant_rows),
      CASE(denormals),
      CASE(eps_is_inside_the_root),
      CASE(in_place),
      CASE(not_a_number_stays),
      CASE(outputs_may_be_left_out),
      CASE(running_statistics),
      CASE(running_variance_by_hand),
      CASE(no_samples),
      CASE(bad_arguments),
  };
  return cmocka_run_group_tests_name("norm kernels", tests, NULL, NULL);
}
