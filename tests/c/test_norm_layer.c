/* The normalization layers of the public header: modes, running statistics, shapes. */
#include "reference.h"
#include "support.h"

#include <math.h>
#include <string.h>

static const double null = (double)NAN;

static nl_norm *batch_norm(int32_t features, int32_t dims) {
  return NORM_LAYER("batchNorm", features, dims, 1e-5, 0.1, 1, 1, 0, 1);
}

static nl_norm *layer_norm(int32_t width) { return NORM_LAYER("layerNorm", 0, 0, 1, width, 0, 0, 0, 0, 1e-5, 1, 1); }
static nl_norm *rms_norm(int32_t width) { return NORM_LAYER("rmsNorm", 0, 0, 1, width, 0, 0, 0, 0, null, 1); }
static nl_norm *group_norm(int32_t groups, int32_t channels) {
  return NORM_LAYER("groupNorm", channels, 0, groups, 1e-5, 1, 1);
}
static nl_norm *instance_norm(int32_t features, int32_t dims, bool affine, bool track) {
  return NORM_LAYER("instanceNorm", features, dims, 1e-5, 0.1, affine, track);
}

static void fill_tensor(nl_norm *norm, int32_t role, double mean, double std) {
  float *values = nl_norm_tensor(norm, role);
  for (int32_t i = 0; i < nl_norm_size(norm, role); i++) values[i] = (float)normal(mean, std);
}

/* Nothing neutral: weights away from 1, biases and running means from 0, running variances from 1. */
static void fill_all(nl_norm *norm) {
  fill_tensor(norm, NL_WEIGHT, 1, 0.5);
  fill_tensor(norm, NL_BIAS, 0, 0.5);
  fill_tensor(norm, NL_RUNNING_MEAN, 1, 0.5);
  fill_tensor(norm, NL_RUNNING_VAR, 3, 0.1);
}

/* Forward and backward of a layer against float64; `running`: with its running statistics. */
static void check_layer(nl_norm *norm, const ref_layout *layout, const int32_t *shape, int32_t ndim, int32_t mode,
                        double eps, bool running) {
  const int32_t size = layout->size;
  const float *x = normals(size, 2, 3), *dy = normals(size, 0, 1);
  float *y = floats(size), *dx = floats(size);
  float *dweight = floats(nl_norm_size(norm, NL_WEIGHT)), *dbias = floats(nl_norm_size(norm, NL_BIAS));
  const double *weight = widened(nl_norm_tensor(norm, NL_WEIGHT), layout->params);
  const double *bias = widened(nl_norm_tensor(norm, NL_BIAS), layout->params);
  const double *mean = running ? widened(nl_norm_tensor(norm, NL_RUNNING_MEAN), layout->stats) : NULL;
  const double *var = running ? widened(nl_norm_tensor(norm, NL_RUNNING_VAR), layout->stats) : NULL;
  const ref_norm f = ref_norm_forward(layout, widened(x, size), weight, bias, mean, var, eps);
  const ref_gradient g = ref_norm_backward(layout, widened(dy, size), widened(x, size), weight, mean, var, eps);
  CHECK_OK(nl_norm_forward(norm, y, x, shape, ndim, mode));
  check_close("y", y, f.y.value, f.y.error, size);
  assert_int_equal(nl_norm_saved_count(norm), layout->stats);
  for (int32_t i = 0; i < layout->stats; i++) {
    check_double("saved mean", nl_norm_saved_mean(norm)[i], f.mean.value[i], 8 * f.mean.error[i]);
    check_double("saved invstd", nl_norm_saved_invstd(norm)[i], f.invstd.value[i], 8 * f.invstd.error[i]);
  }
  CHECK_OK(nl_norm_backward(norm, dx, dweight, dbias, dy, x));
  check_close("dx", dx, g.dx.value, g.dx.error, size);
  check_close("dweight", dweight, g.dweight.value, g.dweight.error, nl_norm_size(norm, NL_WEIGHT));
  check_close("dbias", dbias, g.dbias.value, g.dbias.error, nl_norm_size(norm, NL_BIAS));
  float *again = floats(size);
  CHECK_OK(nl_norm_backward(norm, again, NULL, NULL, dy, x));
  check_same("dx alone", again, dx, size);
}

/* ---- what a layer starts with ---- */

TEST(fresh_layers) {
  const struct {
    const char *type;
    int32_t features;
    double args[9];
    int32_t sizes[NL_ROLES];
  } cases[] = {
      {"batchNorm", 5, {1e-5, 0.1, 1, 1, 0, 1}, {5, 5, 5, 5}},
      {"batchNorm", 5, {1e-5, 0.1, 1, 1, 0, 0}, {5, 0, 5, 5}},
      {"batchNorm", 5, {1e-5, 0.1, 1, 0, 0, 1}, {5, 5, 0, 0}},
      {"batchNorm", 5, {1e-5, 0.1, 0, 1, 0, 1}, {0, 0, 5, 5}},
      {"batchNorm", 5, {1e-5, 0.1, 0, 0, 1, 0}, {0, 0, 0, 0}},
      {"batchRenorm", 5, {1e-5, 0.1, 1, 1, 0, 1, 3, 5}, {5, 5, 5, 5}},
      {"layerNorm", 0, {2, 3, 4, 0, 0, 0, 1e-5, 1, 1}, {12, 12, 0, 0}},
      {"layerNorm", 0, {2, 3, 4, 0, 0, 0, 1e-5, 1, 0}, {12, 0, 0, 0}},
      {"layerNorm", 0, {2, 3, 4, 0, 0, 0, 1e-5, 0, 1}, {0, 0, 0, 0}},
      {"layerNorm", 0, {2, 3, 0, 0, 0, 0, 1e-5, 1, 1}, {0, 0, 0, 0}},
      {"groupNorm", 6, {3, 1e-5, 1, 1}, {6, 6, 0, 0}},
      {"groupNorm", 6, {3, 1e-5, 1, 0}, {6, 0, 0, 0}},
      {"groupNorm", 6, {3, 1e-5, 0, 1}, {0, 0, 0, 0}},
      {"instanceNorm", 4, {1e-5, 0.1, 0, 0}, {0, 0, 0, 0}},
      {"instanceNorm", 4, {1e-5, 0.1, 1, 0}, {4, 4, 0, 0}},
      {"instanceNorm", 4, {1e-5, 0.1, 0, 1}, {0, 0, 4, 4}},
      {"instanceNorm", 4, {1e-5, 0.1, 1, 1}, {4, 4, 4, 4}},
      {"rmsNorm", 0, {2, 3, 4, 0, 0, 0, null, 1}, {12, 0, 0, 0}},
      {"rmsNorm", 0, {2, 3, 4, 0, 0, 0, 1e-5, 0}, {0, 0, 0, 0}},
  };
  static const float neutral[] = {1, 0, 0, 1};
  for (int i = 0; i < COUNT_OF(cases); i++) {
    nl_norm *norm = norm_layer(cases[i].type, cases[i].features, 0, cases[i].args);
    for (int32_t role = 0; role < NL_ROLES; role++) {
      assert_int_equal(nl_norm_size(norm, role), cases[i].sizes[role]);
      assert_true((nl_norm_tensor(norm, role) != NULL) == (cases[i].sizes[role] > 0));
      check_all(cases[i].type, nl_norm_tensor(norm, role), neutral[role], cases[i].sizes[role]);
    }
    assert_int_equal(nl_norm_size(norm, -1), 0);
    assert_int_equal(nl_norm_size(norm, NL_ROLES), 0);
    assert_null(nl_norm_tensor(norm, -1));
    assert_null(nl_norm_tensor(norm, NL_ROLES));
    assert_true(nl_norm_batches_tracked(norm) == (cases[i].sizes[NL_RUNNING_MEAN] ? 0 : -1));
    assert_int_equal(nl_norm_saved_count(norm), 0);
    nl_norm_destroy(norm);
  }
  nl_norm_destroy(NULL);
}

/* ---- each layer in each mode ---- */

static int32_t product(const int32_t *shape, int32_t from, int32_t ndim) {
  int32_t size = 1;
  for (int32_t i = from; i < ndim; i++) size *= shape[i];
  return size;
}

TEST(batch_norm_modes) {
  static const int32_t shapes[][5] = {{4, 3}, {4, 3, 5}, {4, 3, 2, 5}, {2, 3, 2, 3, 2}};
  seed_data(1);
  for (int32_t i = 0; i < COUNT_OF(shapes); i++)
    for (int settings = 0; settings < 8; settings++) {
      const int affine = settings & 1, bias = settings >> 1 & 1, any_dims = settings >> 2;
      const int32_t ndim = i + 2, dims = any_dims ? 0 : ndim < 4 ? 1 : ndim - 2;
      const ref_layout layout = ref_batch_layout(shapes[i][0], 3, product(shapes[i], 2, ndim));
      nl_norm *norm = NORM_LAYER("batchNorm", 3, dims, 1e-3, 0.1, affine, 1, 0, bias);
      fill_all(norm);
      const float *mean = copy_of(nl_norm_tensor(norm, NL_RUNNING_MEAN), 3);
      const float *var = copy_of(nl_norm_tensor(norm, NL_RUNNING_VAR), 3);
      check_layer(norm, &layout, shapes[i], ndim, NL_EVAL, 1e-3, true);
      check_layer(norm, &layout, shapes[i], ndim, NL_PROBE, 1e-3, false);
      check_same("eval and probe move nothing", nl_norm_tensor(norm, NL_RUNNING_MEAN), mean, 3);
      check_same("eval and probe move nothing", nl_norm_tensor(norm, NL_RUNNING_VAR), var, 3);
      assert_true(nl_norm_batches_tracked(norm) == 0);
      check_layer(norm, &layout, shapes[i], ndim, NL_TRAIN, 1e-3, false);
      assert_true(nl_norm_tensor(norm, NL_RUNNING_MEAN)[0] != mean[0]);
      assert_true(nl_norm_batches_tracked(norm) == 1);
      nl_norm_destroy(norm);
    }
}

/* With N and without, by every dims that takes the shape; without tracking, eval mode uses the instances too. */
TEST(instance_norm_modes) {
  static const struct {
    int32_t dims, ndim, shape[5];
  } cases[] = {
      {1, 3, {4, 3, 5}}, {2, 4, {4, 3, 2, 5}}, {3, 5, {2, 3, 2, 3, 2}}, {0, 3, {4, 3, 5}},       {0, 4, {1, 3, 2, 5}},
      {1, 2, {3, 5}},    {2, 3, {3, 4, 2}},    {3, 4, {3, 2, 3, 2}},    {0, 5, {2, 3, 2, 3, 1}},
  };
  seed_data(2);
  for (int i = 0; i < COUNT_OF(cases); i++)
    for (int settings = 0; settings < 4; settings++) {
      const bool affine = settings & 1, track = settings & 2;
      const int32_t *shape = cases[i].shape, ndim = cases[i].ndim;
      const int32_t channel = cases[i].dims == ndim - 1 ? 0 : 1, n = channel ? shape[0] : 1;
      const int32_t s = product(shape, channel + 1, ndim);
      const ref_layout instances = ref_instance_layout(n, 3, s), channels = ref_batch_layout(n, 3, s);
      nl_norm *norm = instance_norm(3, cases[i].dims, affine, track);
      fill_all(norm);
      check_layer(norm, track ? &channels : &instances, shape, ndim, NL_EVAL, 1e-5, track);
      const float *mean = copy_of(nl_norm_tensor(norm, NL_RUNNING_MEAN), track ? 3 : 0);
      check_layer(norm, &instances, shape, ndim, NL_PROBE, 1e-5, false);
      if (track) check_same("eval and probe move nothing", nl_norm_tensor(norm, NL_RUNNING_MEAN), mean, 3);
      check_layer(norm, &instances, shape, ndim, NL_TRAIN, 1e-5, false);
      if (track) assert_true(nl_norm_tensor(norm, NL_RUNNING_MEAN)[0] != mean[0]);
      nl_norm_destroy(norm);
    }
}

/* Layers over trailing dimensions: x in rows. */
TEST(trailing_shapes) {
  const struct {
    const char *type;
    double args[9], eps;
    int32_t shape[5], ndim, rows;
  } cases[] = {
      {"layerNorm", {1, 5, 0, 0, 0, 0, 1e-5, 1, 1}, 1e-5, {3, 5}, 2, 3},
      {"layerNorm", {1, 5, 0, 0, 0, 0, 1e-5, 1, 1}, 1e-5, {5}, 1, 1},
      {"layerNorm", {2, 3, 4, 0, 0, 0, 1e-2, 1, 1}, 1e-2, {2, 3, 4}, 3, 2},
      {"layerNorm", {2, 3, 4, 0, 0, 0, 1e-5, 1, 0}, 1e-5, {2, 5, 3, 4}, 4, 10},
      {"layerNorm", {3, 2, 1, 7, 0, 0, 1e-5, 0, 1}, 1e-5, {3, 2, 1, 7}, 4, 3},
      {"layerNorm", {1, 7, 0, 0, 0, 0, 1e-5, 0, 0}, 1e-5, {2, 2, 2, 2, 7}, 5, 16},
      {"layerNorm", {5, 1, 2, 3, 1, 2, 0, 1, 1}, 0, {1, 2, 3, 1, 2}, 5, 1},
      {"rmsNorm", {1, 5, 0, 0, 0, 0, null, 1}, 0x1p-23, {3, 5}, 2, 3},
      {"rmsNorm", {1, 5, 0, 0, 0, 0, null, 1}, 0x1p-23, {5}, 1, 1},
      {"rmsNorm", {2, 3, 4, 0, 0, 0, 1e-2, 0}, 1e-2, {2, 5, 3, 4}, 4, 10},
      {"rmsNorm", {3, 2, 1, 7, 0, 0, 0, 1}, 0, {3, 2, 1, 7}, 4, 3},
      {"rmsNorm", {1, 1, 0, 0, 0, 0, 1, 1}, 1, {2, 2, 2, 2, 1}, 5, 16},
  };
  seed_data(3);
  for (int i = 0; i < COUNT_OF(cases); i++) {
    const double *args = cases[i].args;
    int32_t width = 1;
    for (int32_t j = 0; j < (int32_t)args[0]; j++) width *= (int32_t)args[1 + j];
    nl_norm *norm = norm_layer(cases[i].type, 0, 0, args);
    fill_all(norm);
    const ref_layout layout =
        cases[i].type[0] == 'r' ? ref_rms_layout(cases[i].rows, width) : ref_layer_layout(cases[i].rows, width);
    for (int32_t mode = NL_EVAL; mode <= NL_PROBE; mode++)
      check_layer(norm, &layout, cases[i].shape, cases[i].ndim, mode, cases[i].eps, false);
    nl_norm_destroy(norm);
  }
}

/* PyTorch's default is the machine epsilon of float32, which decides where x is small. */
TEST(rms_eps) {
  float x[] = {1e-4f, -2e-4f}, y[2];
  nl_norm *norm = rms_norm(2);
  CHECK_OK(nl_norm_forward(norm, y, x, (int32_t[]){1, 2}, 2, NL_EVAL));
  check_double("y", y[0], 1e-4 / sqrt(2.5e-8 + 1.1920929e-7), 1e-7);
  assert_true(nl_norm_saved_mean(norm)[0] == 0);
  nl_norm_destroy(norm);
}

TEST(group_norm_shapes) {
  seed_data(4);
  for (int32_t groups = 1; groups <= 6; groups++) {
    if (6 % groups != 0) continue;
    for (int settings = 0; settings < 4; settings++) {
      nl_norm *norm = NORM_LAYER("groupNorm", 6, 0, groups, 1e-4, settings & 1, settings >> 1);
      fill_all(norm);
      const ref_layout flat = ref_group_layout(3, 6, 1, groups), planes = ref_group_layout(2, 6, 10, groups);
      for (int32_t mode = NL_EVAL; mode <= NL_PROBE; mode++) {
        if (groups < 6) check_layer(norm, &flat, (int32_t[]){3, 6}, 2, mode, 1e-4, false);
        check_layer(norm, &planes, (int32_t[]){2, 6, 10}, 3, mode, 1e-4, false);
        check_layer(norm, &planes, (int32_t[]){2, 6, 5, 2}, 4, mode, 1e-4, false);
        check_layer(norm, &planes, (int32_t[]){2, 6, 5, 1, 2}, 5, mode, 1e-4, false);
      }
      nl_norm_destroy(norm);
    }
  }
}

/* ---- running statistics ---- */

enum { N = 6, C = 5, S = 7, BATCHES = 5 };

static double clipped(double value, double low, double high) { return fmin(fmax(value, low), high); }

/*
 * Training passes against float64: with r and d as constants it is a BatchNorm of weight r and bias + weight d, whose two
 * roundings to float32 come on top of what a BatchNorm is off by.
 */
static void check_renorm(int32_t n, int32_t c, int32_t s, double r_max, double d_max, bool affine, bool bias,
                         int32_t mode) {
  const double eps = 1e-3, momentum = 0.25, ulp = 0x1p-24;
  nl_norm *norm = NORM_LAYER("batchRenorm", c, 0, eps, momentum, affine, 1, 0, bias, r_max, d_max);
  fill_all(norm);
  const ref_layout layout = ref_batch_layout(n, c, s);
  const int32_t size = layout.size, shape[] = {n, c, s};
  const float *x = normals(size, 2, 3), *dy = normals(size, 0.3, 1);
  const float *weight = nl_norm_tensor(norm, NL_WEIGHT), *shift = nl_norm_tensor(norm, NL_BIAS);
  float *running_mean = nl_norm_tensor(norm, NL_RUNNING_MEAN), *running_var = nl_norm_tensor(norm, NL_RUNNING_VAR);
  const double *mean = widened(running_mean, c), *var = widened(running_var, c);
  const ref_norm plain = ref_norm_forward(&layout, widened(x, size), NULL, NULL, NULL, NULL, eps);
  double *r = doubles(c), *d = doubles(c), *scales = doubles(c), *shifts = doubles(c);
  for (int32_t j = 0; j < c; j++) {
    const double deviation = sqrt(var[j] + eps), w = weight ? weight[j] : 1;
    r[j] = clipped(1 / plain.invstd.value[j] / deviation, 1 / r_max, r_max);
    d[j] = clipped((plain.mean.value[j] - mean[j]) / deviation, -d_max, d_max);
    scales[j] = w * r[j];
    shifts[j] = (shift ? shift[j] : 0) + w * d[j];
  }
  ref_norm f = ref_norm_forward(&layout, widened(x, size), scales, shifts, NULL, NULL, eps);
  ref_gradient g = ref_norm_backward(&layout, widened(dy, size), widened(x, size), scales, NULL, NULL, eps);
  for (int32_t i = 0; i < size; i++) {
    const double b = fabs(shifts[i / s % c]);
    f.y.error[i] += ulp * (fabs(f.y.value[i]) + 2 * b);
    g.dx.error[i] += ulp * fabs(g.dx.value[i]);
  }
  float *y = floats(size), *dx = floats(size), *dweight = floats(c), *dbias = floats(c);
  CHECK_OK(nl_norm_forward(norm, y, x, shape, 3, mode));
  CHECK_OK(nl_norm_backward(norm, dx, dweight, dbias, dy, x));
  check_close("y", y, f.y.value, f.y.error, size);
  check_close("dx", dx, g.dx.value, g.dx.error, size);
  for (int32_t j = 0; j < c; j++) {
    g.dweight.value[j] = r[j] * g.dweight.value[j] + d[j] * g.dbias.value[j];
    g.dweight.error[j] = r[j] * g.dweight.error[j] + fabs(d[j]) * g.dbias.error[j] + ulp * fabs(g.dweight.value[j]);
  }
  if (affine) check_close("dweight", dweight, g.dweight.value, g.dweight.error, c);
  if (affine && bias) check_close("dbias", dbias, g.dbias.value, g.dbias.error, c);
  float *again = floats(c);
  CHECK_OK(nl_norm_backward(norm, NULL, again, NULL, dy, x));
  check_same("dweight alone", again, dweight, c);
  const ref_target target = ref_batch_target(&plain, true);
  const double share = mode == NL_TRAIN ? momentum : 0;
  const ref want_mean = ref_moved(mean, target.mean, share, c), want_var = ref_moved(var, target.var, share, c);
  check_close("running_mean", running_mean, want_mean.value, want_mean.error, c);
  check_close("running_var", running_var, want_var.value, want_var.error, c);
  nl_norm_destroy(norm);
}

TEST(batch_renorm) {
  static const int32_t shapes[][3] = {{6, 5, 1}, {9, 3, 1}, {4, 3, 7}, {3, 260, 5}, {40, 2, 3}};
  static const double limits[][2] = {{3, 5}, {1.2, 0.3}, {1, 5}, {3, 0}, {1e3, 1e3}, {1.01, 1e3}};
  seed_data(20);
  for (int i = 0; i < COUNT_OF(shapes); i++)
    for (int j = 0; j < COUNT_OF(limits); j++)
      for (int32_t mode = NL_TRAIN; mode <= NL_PROBE; mode++) {
        const int32_t *e = shapes[i];
        check_renorm(e[0], e[1], e[2], limits[j][0], limits[j][1], true, true, mode);
        check_renorm(e[0], e[1], e[2], limits[j][0], limits[j][1], true, false, mode);
        check_renorm(e[0], e[1], e[2], limits[j][0], limits[j][1], false, false, mode);
      }
}

/* Its eval mode is BatchNorm's; and with limits that leave nothing to renormalize so is all of it, to the bit. */
TEST(batch_renorm_is_batch_norm) {
  seed_data(21);
  for (int32_t n = 5; n <= 40; n += 35) {
    nl_norm *renorm = NORM_LAYER("batchRenorm", 6, 0, 1e-5, 0.1, 1, 1, 0, 1, 1, 0), *norm = batch_norm(6, 0);
    nl_norm *limited = NORM_LAYER("batchRenorm", 6, 0, 1e-5, 0.1, 1, 1, 0, 1, 3, 5);
    fill_all(norm);
    for (int role = 0; role < NL_ROLES; role++)
      for (int32_t j = 0; j < 6; j++)
        nl_norm_tensor(renorm, role)[j] = nl_norm_tensor(limited, role)[j] = nl_norm_tensor(norm, role)[j];
    const int32_t size = n * 6 * 3, shape[] = {n, 6, 3};
    for (int32_t mode = NL_EVAL; mode <= NL_PROBE; mode++)
      for (int which = 0; which < (mode == NL_EVAL ? 2 : 1); which++) {
        nl_norm *other = which == 0 ? renorm : limited;
        const float *x = normals(size, 1, 2), *dy = normals(size, 0, 1);
        float *y[2] = {floats(size), floats(size)}, *dx[2] = {floats(size), floats(size)};
        float *dweight[2] = {floats(6), floats(6)}, *dbias[2] = {floats(6), floats(6)};
        for (int i = 0; i < 2; i++) {
          CHECK_OK(nl_norm_forward(i ? other : norm, y[i], x, shape, 3, mode));
          CHECK_OK(nl_norm_backward(i ? other : norm, dx[i], dweight[i], dbias[i], dy, x));
        }
        check_same("y", y[1], y[0], size);
        check_same("dx", dx[1], dx[0], size);
        check_same("dweight", dweight[1], dweight[0], 6);
        check_same("dbias", dbias[1], dbias[0], 6);
        for (int role = NL_RUNNING_MEAN; role <= NL_RUNNING_VAR && which == 0; role++)
          check_same("running", nl_norm_tensor(renorm, role), nl_norm_tensor(norm, role), 6);
      }
    nl_norm_destroy(renorm);
    nl_norm_destroy(limited);
    nl_norm_destroy(norm);
  }
}

/* A running statistic that is no number is not limited to one. */
TEST(batch_renorm_of_nan) {
  nl_norm *norm = NORM_LAYER("batchRenorm", 2, 0, 1e-5, 0.1, 1, 1, 0, 1, 3, 5);
  nl_norm_tensor(norm, NL_RUNNING_MEAN)[1] = NAN;
  const float x[] = {1, 2, 3, 5};
  float y[4];
  CHECK_OK(nl_norm_forward(norm, y, x, (int32_t[]){2, 2}, 2, NL_PROBE));
  assert_true(isfinite(y[0]) && isfinite(y[2]) && isnan(y[1]) && isnan(y[3]));
  nl_norm_destroy(norm);
}

/* Batches followed in float64. A batch's rounding is forgotten as its weight is: their number bounds the sum. */
static void check_tracking(nl_norm *norm, bool instance, double momentum, bool unbiased) {
  const int32_t shape[] = {N, C, S};
  const ref_layout layout = instance ? ref_instance_layout(N, C, S) : ref_batch_layout(N, C, S);
  double mean[C] = {0}, var[C] = {1, 1, 1, 1, 1};
  for (int batch = 1; batch <= BATCHES; batch++) {
    const float *x = normals(layout.size, batch, 1 + batch);
    float *y = floats(layout.size);
    CHECK_OK(nl_norm_forward(norm, y, x, shape, 3, NL_TRAIN));
    /* PyTorch's InstanceNorm has the count and never moves it. */
    assert_true(nl_norm_batches_tracked(norm) == (instance ? 0 : batch));
    const ref_norm f = ref_norm_forward(&layout, widened(x, layout.size), NULL, NULL, NULL, NULL, 1e-5);
    const ref_target target = instance ? ref_instance_target(&f, N, C) : ref_batch_target(&f, unbiased);
    const double weight = isnan(momentum) ? 1.0 / batch : momentum;
    for (int j = 0; j < C; j++) {
      mean[j] += weight * (target.mean[j] - mean[j]);
      var[j] += weight * (target.var[j] - var[j]);
    }
    check_near("running_mean", nl_norm_tensor(norm, NL_RUNNING_MEAN), mean, 8 * batch, C);
    check_near("running_var", nl_norm_tensor(norm, NL_RUNNING_VAR), var, 8 * batch, C);
  }
  nl_norm_reset_running_stats(norm);
  assert_true(nl_norm_batches_tracked(norm) == 0);
  check_all("running_mean", nl_norm_tensor(norm, NL_RUNNING_MEAN), 0, C);
  check_all("running_var", nl_norm_tensor(norm, NL_RUNNING_VAR), 1, C);
  nl_norm_destroy(norm);
}

/* Constant momentum, and the cumulative average that null stands for. */
TEST(batch_norm_tracks) {
  static const double momenta[] = {0.1, 0.5, 0, 1, -0.5, (double)NAN};
  seed_data(5);
  for (int m = 0; m < COUNT_OF(momenta); m++)
    for (int biased = 0; biased < 2; biased++)
      check_tracking(NORM_LAYER("batchNorm", C, 1, 1e-5, momenta[m], 1, 1, biased, 1), false, momenta[m], !biased);
}

TEST(instance_norm_tracks) {
  static const double momenta[] = {0.1, 0.5, 0, 1, 1.5};
  seed_data(6);
  for (int m = 0; m < COUNT_OF(momenta); m++)
    check_tracking(NORM_LAYER("instanceNorm", C, 1, 1e-5, momenta[m], 0, 1), true, momenta[m], true);
}

/* Two samples of two values: PyTorch 1.13's own figures for momentum 1. */
TEST(tracking_by_hand) {
  const float x[] = {1, 3, 4, 8};
  float y[4];
  nl_norm *instance = NORM_LAYER("instanceNorm", 1, 1, 1e-5, 1, 0, 1);
  CHECK_OK(nl_norm_forward(instance, y, x, (int32_t[]){2, 1, 2}, 3, NL_TRAIN));
  assert_true(nl_norm_tensor(instance, NL_RUNNING_MEAN)[0] == 4);
  assert_true(nl_norm_tensor(instance, NL_RUNNING_VAR)[0] == 5);
  nl_norm_destroy(instance);
  nl_norm *batch = NORM_LAYER("batchNorm", 1, 1, 1e-5, 1, 1, 1, 0, 1),
          *biased = NORM_LAYER("batchNorm", 1, 1, 1e-5, 1, 1, 1, 1, 1);
  CHECK_OK(nl_norm_forward(batch, y, x, (int32_t[]){4, 1}, 2, NL_TRAIN));
  CHECK_OK(nl_norm_forward(biased, y, x, (int32_t[]){4, 1}, 2, NL_TRAIN));
  assert_true(nl_norm_tensor(batch, NL_RUNNING_MEAN)[0] == 4);
  check_double("unbiased", nl_norm_tensor(batch, NL_RUNNING_VAR)[0], 26 / 3.0, 1e-6);
  check_double("biased", nl_norm_tensor(biased, NL_RUNNING_VAR)[0], 6.5, 0);
  nl_norm_destroy(batch);
  nl_norm_destroy(biased);
}

/* A count that was loaded is where the cumulative average goes on. */
TEST(batches_tracked_can_be_set) {
  const float x[] = {1, 3};
  float y[2];
  const int32_t shape[] = {2, 1};
  nl_norm *norm = NORM_LAYER("batchNorm", 1, 1, 1e-5, null, 1, 1, 0, 1);
  nl_norm_set_batches_tracked(norm, 3);
  assert_true(nl_norm_batches_tracked(norm) == 3);
  nl_norm_tensor(norm, NL_RUNNING_MEAN)[0] = 10;
  CHECK_OK(nl_norm_forward(norm, y, x, shape, 2, NL_TRAIN));
  assert_true(nl_norm_batches_tracked(norm) == 4);
  assert_true(nl_norm_tensor(norm, NL_RUNNING_MEAN)[0] == 8);
  nl_norm_set_batches_tracked(norm, -5);
  assert_true(nl_norm_batches_tracked(norm) == 4);
  nl_norm_destroy(norm);
}

/* Without running statistics the batch's are used in every mode, as in PyTorch. */
TEST(without_running_statistics) {
  seed_data(7);
  const ref_layout layout = ref_batch_layout(4, 3, 6);
  const int32_t shape[] = {4, 3, 2, 3}, single[] = {1, 3, 1, 1};
  nl_norm *norm = NORM_LAYER("batchNorm", 3, 2, 1e-5, 0.1, 1, 0, 0, 1);
  nl_norm_set_batches_tracked(norm, 7);
  nl_norm_reset_running_stats(norm);
  assert_true(nl_norm_batches_tracked(norm) == -1);
  for (int32_t mode = NL_EVAL; mode <= NL_PROBE; mode++) {
    check_layer(norm, &layout, shape, 4, mode, 1e-5, false);
    float x[3] = {0}, y[3];
    check_failed(nl_norm_forward(norm, y, x, single, 4, mode), NL_SHAPE,
                 "Expected more than 1 value per channel when training, got input size [1, 3, 1, 1]");
  }
  nl_norm_destroy(norm);
}

/* A layer without any tensor is PyTorch's function of its name: it takes what channels come. */
TEST(any_channels_without_tensors) {
  seed_data(8);
  nl_norm *instance = instance_norm(4, 2, false, false), *batch = NORM_LAYER("batchNorm", 4, 2, 1e-5, 0.1, 0, 0, 0, 1);
  nl_norm *group = NORM_LAYER("groupNorm", 4, 0, 2, 1e-5, 0, 1);
  for (int32_t c = 1; c <= 6; c++) {
    const ref_layout instances = ref_instance_layout(3, c, 4), channels = ref_batch_layout(3, c, 4);
    const ref_layout one = ref_instance_layout(1, c, 4);
    for (int32_t mode = NL_EVAL; mode <= NL_PROBE; mode++) {
      check_layer(instance, &instances, (int32_t[]){3, c, 2, 2}, 4, mode, 1e-5, false);
      check_layer(instance, &one, (int32_t[]){c, 4, 1}, 3, mode, 1e-5, false);
      check_layer(batch, &channels, (int32_t[]){3, c, 2, 2}, 4, mode, 1e-5, false);
      if (c % 2 != 0) continue;
      const ref_layout groups = ref_group_layout(3, c, 4, 2);
      check_layer(group, &groups, (int32_t[]){3, c, 2, 2}, 4, mode, 1e-5, false);
    }
  }
  nl_norm_destroy(instance);
  nl_norm_destroy(batch);
  nl_norm_destroy(group);
}

/* ---- sizes ---- */

TEST(no_samples) {
  nl_norm *norms[] = {batch_norm(3, 2),
                      NORM_LAYER("batchNorm", 3, 2, 1e-5, null, 1, 1, 0, 1),
                      layer_norm(4),
                      group_norm(3, 3),
                      instance_norm(3, 2, true, false),
                      instance_norm(3, 2, true, true),
                      rms_norm(4)};
  const int32_t shape[] = {0, 3, 2, 4};
  for (int i = 0; i < COUNT_OF(norms); i++) {
    float *empty = floats(0), *dweight = normals(4, 1, 1), *dbias = normals(4, 1, 1);
    for (int32_t mode = NL_EVAL; mode <= NL_PROBE; mode++) {
      CHECK_OK(nl_norm_forward(norms[i], empty, empty, shape, 4, mode));
      CHECK_OK(nl_norm_backward(norms[i], empty, dweight, dbias, empty, empty));
      check_all("dweight", dweight, 0, nl_norm_size(norms[i], NL_WEIGHT));
      check_all("dbias", dbias, 0, nl_norm_size(norms[i], NL_BIAS));
    }
    if (nl_norm_size(norms[i], NL_RUNNING_MEAN)) {
      check_all("running_mean", nl_norm_tensor(norms[i], NL_RUNNING_MEAN), 0, 3);
      check_all("running_var", nl_norm_tensor(norms[i], NL_RUNNING_VAR), 1, 3);
      /* PyTorch's BatchNorm counts the batch all the same. */
      assert_true(nl_norm_batches_tracked(norms[i]) == (i < 2 ? 1 : 0));
    }
    nl_norm_destroy(norms[i]);
  }
}

/* Rows of no values are legal, and so are samples without pixels. */
TEST(no_values) {
  nl_norm *norms[] = {NORM_LAYER("layerNorm", 0, 0, 2, 3, 0, 0, 0, 0, 1e-5, 1, 1),
                      NORM_LAYER("rmsNorm", 0, 0, 2, 3, 0, 0, 0, 0, null, 1)};
  float *empty = floats(0);
  for (int i = 0; i < COUNT_OF(norms); i++) {
    CHECK_OK(nl_norm_forward(norms[i], empty, empty, (int32_t[]){4, 3, 0}, 3, NL_TRAIN));
    CHECK_OK(nl_norm_backward(norms[i], empty, empty, empty, empty, empty));
    assert_int_equal(nl_norm_saved_count(norms[i]), 4);
    nl_norm_destroy(norms[i]);
  }
  nl_norm *planes[] = {batch_norm(3, 2), group_norm(3, 3), instance_norm(3, 2, true, true)};
  for (int i = 0; i < COUNT_OF(planes); i++) {
    float *dweight = normals(3, 1, 1), *dbias = normals(3, 1, 1);
    CHECK_OK(nl_norm_forward(planes[i], empty, empty, (int32_t[]){2, 3, 0, 5}, 4, NL_TRAIN));
    CHECK_OK(nl_norm_backward(planes[i], empty, dweight, dbias, empty, empty));
    check_all("dweight", dweight, 0, 3);
    check_all("dbias", dbias, 0, 3);
    check_all("running_var", nl_norm_tensor(planes[i], NL_RUNNING_VAR), 1, nl_norm_size(planes[i], NL_RUNNING_VAR));
    nl_norm_destroy(planes[i]);
  }
}

TEST(in_place) {
  seed_data(9);
  nl_norm *norms[] = {batch_norm(3, 2), layer_norm(4), group_norm(3, 3), instance_norm(3, 2, true, true), rms_norm(4)};
  const int32_t shape[] = {2, 3, 2, 4};
  for (int i = 0; i < COUNT_OF(norms); i++)
    for (int32_t mode = NL_EVAL; mode <= NL_PROBE; mode += NL_PROBE) {
      float *x = normals(48, 1, 2), *y = floats(48);
      CHECK_OK(nl_norm_forward(norms[i], y, x, shape, 4, mode));
      CHECK_OK(nl_norm_forward(norms[i], x, x, shape, 4, mode));
      check_same("in place", x, y, 48);
      if (mode == NL_PROBE) nl_norm_destroy(norms[i]);
    }
}

/* Batches of changing size share one layer, whose memory for statistics grows; backward is that of the last forward. */
TEST(changing_sizes) {
  seed_data(10);
  static const int32_t sizes[] = {2, 9, 1, 30, 3};
  nl_norm *group = group_norm(2, 4), *row = rms_norm(3), *instance = instance_norm(4, 1, true, true);
  for (int i = 0; i < COUNT_OF(sizes); i++) {
    const int32_t n = sizes[i], shape[] = {n, 4, 3};
    const ref_layout groups = ref_group_layout(n, 4, 3, 2), rows = ref_rms_layout(n * 4, 3);
    const ref_layout instances = ref_instance_layout(n, 4, 3), channels = ref_batch_layout(n, 4, 3);
    check_layer(group, &groups, shape, 3, NL_TRAIN, 1e-5, false);
    check_layer(row, &rows, shape, 3, NL_TRAIN, 0x1p-23, false);
    check_layer(instance, &channels, shape, 3, NL_EVAL, 1e-5, true);
    check_layer(instance, &instances, shape, 3, NL_TRAIN, 1e-5, false);
  }
  nl_norm_destroy(group);
  nl_norm_destroy(row);
  nl_norm_destroy(instance);
}

/* The result of a batch in training mode is that batch's alone. */
TEST(train_repeats) {
  seed_data(11);
  nl_norm *norms[] = {batch_norm(3, 2), instance_norm(3, 2, true, true)};
  for (int i = 0; i < COUNT_OF(norms); i++) {
    const float *x = normals(48, 1, 2);
    float *first = floats(48), *again = floats(48);
    CHECK_OK(nl_norm_forward(norms[i], first, x, (int32_t[]){2, 3, 2, 4}, 4, NL_TRAIN));
    CHECK_OK(nl_norm_forward(norms[i], again, x, (int32_t[]){2, 3, 2, 4}, 4, NL_TRAIN));
    check_same("y", again, first, 48);
    nl_norm_destroy(norms[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(fresh_layers),
      CASE(batch_norm_modes),
      CASE(instance_norm_modes),
      CASE(trailing_shapes),
      CASE(rms_eps),
      CASE(group_norm_shapes),
      CASE(batch_renorm),
      CASE(batch_renorm_is_batch_norm),
      CASE(batch_renorm_of_nan),
      CASE(batch_norm_tracks),
      CASE(instance_norm_tracks),
      CASE(tracking_by_hand),
      CASE(batches_tracked_can_be_set),
      CASE(without_running_statistics),
      CASE(any_channels_without_tensors),
      CASE(no_samples),
      CASE(no_values),
      CASE(in_place),
      CASE(changing_sizes),
      CASE(train_repeats),
  };
  return cmocka_run_group_tests_name("norm layer", tests, NULL, NULL);
}
