/* The normalization layers of the public header: modes, running statistics, and PyTorch's words where they refuse. */
#include "reference.h"
#include "support.h"

#include <math.h>
#include <string.h>

enum { BATCH_ARGS = 5, LAYER_ARGS = 9, GROUP_ARGS = 3 };

/* eps, momentum, affine, trackRunningStats, runningVar */
static nl_norm *batch_norm(int32_t features, int32_t dims, const double *args) {
  nl_norm *norm = NULL;
  CHECK_OK(nl_norm_create(&norm, type_of("batchNorm"), args, BATCH_ARGS, features, dims));
  return norm;
}

static nl_norm *layer_norm(const double *args) {
  nl_norm *norm = NULL;
  CHECK_OK(nl_norm_create(&norm, type_of("layerNorm"), args, LAYER_ARGS, 0, 0));
  return norm;
}

static nl_norm *group_norm(int32_t channels, const double *args) {
  nl_norm *norm = NULL;
  CHECK_OK(nl_norm_create(&norm, type_of("groupNorm"), args, GROUP_ARGS, channels, 0));
  return norm;
}

static const double batch_defaults[] = {1e-5, 0.1, 1, 1, 0};

static void fill_tensor(nl_norm *norm, int32_t role, double mean, double std) {
  float *values = nl_norm_tensor(norm, role);
  for (int32_t i = 0; i < nl_norm_size(norm, role); i++) values[i] = (float)normal(mean, std);
}

/* Forward and backward of a layer against float64. given_mean, given_var: constant statistics, or NULL. */
static void check_layer(nl_norm *norm, const ref_layout *layout, const int32_t *shape, int32_t ndim, int32_t mode,
                        double eps, bool running) {
  const int32_t size = layout->size;
  const float *x = normals(size, 2, 3), *dy = normals(size, 0, 1);
  float *y = floats(size), *dx = floats(size);
  float *dweight = floats(layout->params), *dbias = floats(layout->params);
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
  if (nl_norm_size(norm, NL_WEIGHT)) check_close("dweight", dweight, g.dweight.value, g.dweight.error, layout->params);
  if (nl_norm_size(norm, NL_BIAS)) check_close("dbias", dbias, g.dbias.value, g.dbias.error, layout->params);
  float *again = floats(size);
  CHECK_OK(nl_norm_backward(norm, again, NULL, NULL, dy, x));
  check_same("dx alone", again, dx, size);
}

TEST(fresh_layer) {
  nl_norm *norm = batch_norm(5, 2, batch_defaults);
  check_all("weight", nl_norm_tensor(norm, NL_WEIGHT), 1, 5);
  check_all("bias", nl_norm_tensor(norm, NL_BIAS), 0, 5);
  check_all("running_mean", nl_norm_tensor(norm, NL_RUNNING_MEAN), 0, 5);
  check_all("running_var", nl_norm_tensor(norm, NL_RUNNING_VAR), 1, 5);
  for (int32_t role = 0; role < NL_ROLES; role++) assert_int_equal(nl_norm_size(norm, role), 5);
  assert_int_equal(nl_norm_size(norm, -1), 0);
  assert_int_equal(nl_norm_size(norm, NL_ROLES), 0);
  assert_null(nl_norm_tensor(norm, -1));
  assert_null(nl_norm_tensor(norm, NL_ROLES));
  assert_true(nl_norm_batches_tracked(norm) == 0);
  assert_int_equal(nl_norm_saved_count(norm), 0);
  nl_norm_destroy(norm);
  nl_norm_destroy(NULL);
}

TEST(batch_norm_modes) {
  static const int32_t shapes[][5] = {{4, 3}, {4, 3, 5}, {4, 3, 2, 5}, {2, 3, 2, 3, 2}};
  seed_data(1);
  for (int32_t i = 0; i < COUNT_OF(shapes); i++)
    for (int dims = 0; dims < 2; dims++)
      for (int affine = 0; affine < 2; affine++) {
        const int32_t ndim = i + 2, layer_dims = dims ? (ndim < 4 ? 1 : ndim - 2) : 0;
        int32_t s = 1;
        for (int32_t j = 2; j < ndim; j++) s *= shapes[i][j];
        const ref_layout layout = ref_batch_layout(shapes[i][0], 3, s);
        nl_norm *norm = batch_norm(3, layer_dims, (double[]){1e-3, 0.1, affine, 1, 0});
        assert_int_equal(nl_norm_size(norm, NL_WEIGHT), affine ? 3 : 0);
        fill_tensor(norm, NL_WEIGHT, 1, 0.5);
        fill_tensor(norm, NL_BIAS, 0, 0.5);
        fill_tensor(norm, NL_RUNNING_MEAN, 1, 0.5);
        fill_tensor(norm, NL_RUNNING_VAR, 3, 0.1);
        const float *mean = copy_of(nl_norm_tensor(norm, NL_RUNNING_MEAN), 3);
        check_layer(norm, &layout, shapes[i], ndim, NL_EVAL, 1e-3, true);
        check_layer(norm, &layout, shapes[i], ndim, NL_PROBE, 1e-3, false);
        check_same("eval and probe move nothing", nl_norm_tensor(norm, NL_RUNNING_MEAN), mean, 3);
        assert_true(nl_norm_batches_tracked(norm) == 0);
        check_layer(norm, &layout, shapes[i], ndim, NL_TRAIN, 1e-3, false);
        assert_true(nl_norm_tensor(norm, NL_RUNNING_MEAN)[0] != mean[0]);
        assert_true(nl_norm_batches_tracked(norm) == 1);
        nl_norm_destroy(norm);
      }
}

/* Five batches, followed in float64: constant momentum, and the cumulative average that null stands for. */
TEST(running_statistics) {
  static const double momenta[] = {0.1, 0.5, 0, 1, (double)NAN};
  seed_data(2);
  for (int m = 0; m < COUNT_OF(momenta); m++)
    for (int biased = 0; biased < 2; biased++) {
      enum { N = 6, C = 5, S = 7 };
      const int32_t shape[] = {N, C, S};
      const ref_layout layout = ref_batch_layout(N, C, S);
      nl_norm *norm = batch_norm(C, 1, (double[]){1e-5, momenta[m], 1, 1, biased});
      double mean[C] = {0}, var[C] = {1, 1, 1, 1, 1};
      for (int batch = 1; batch <= 5; batch++) {
        const float *x = normals(layout.size, batch, 1 + batch);
        float *y = floats(layout.size);
        CHECK_OK(nl_norm_forward(norm, y, x, shape, 3, NL_TRAIN));
        assert_true(nl_norm_batches_tracked(norm) == batch);
        const ref_norm f = ref_norm_forward(&layout, widened(x, layout.size), NULL, NULL, NULL, NULL, 1e-5);
        const double momentum = isnan(momenta[m]) ? 1.0 / batch : momenta[m];
        for (int j = 0; j < C; j++) {
          mean[j] += momentum * (f.mean.value[j] - mean[j]);
          var[j] += momentum * (f.var[j] * (biased ? 1 : N * S / (N * S - 1.0)) - var[j]);
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
}

/* A count that was loaded is where the cumulative average goes on. */
TEST(batches_tracked_can_be_set) {
  const float x[] = {1, 3};
  float y[2];
  const int32_t shape[] = {2, 1};
  nl_norm *norm = batch_norm(1, 1, (double[]){1e-5, (double)NAN, 1, 1, 0});
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
  seed_data(3);
  const ref_layout layout = ref_batch_layout(4, 3, 6);
  const int32_t shape[] = {4, 3, 2, 3}, single[] = {1, 3, 1, 1};
  nl_norm *norm = batch_norm(3, 2, (double[]){1e-5, 0.1, 1, 0, 0});
  assert_int_equal(nl_norm_size(norm, NL_RUNNING_MEAN), 0);
  assert_null(nl_norm_tensor(norm, NL_RUNNING_VAR));
  assert_true(nl_norm_batches_tracked(norm) == -1);
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

TEST(layer_norm_shapes) {
  static const struct {
    double args[LAYER_ARGS];
    int32_t shape[5], ndim, rows;
  } cases[] = {
      {{1, 5, 0, 0, 0, 0, 1e-5, 1, 1}, {3, 5}, 2, 3},       {{1, 5, 0, 0, 0, 0, 1e-5, 1, 1}, {5}, 1, 1},
      {{2, 3, 4, 0, 0, 0, 1e-2, 1, 1}, {2, 3, 4}, 3, 2},    {{2, 3, 4, 0, 0, 0, 1e-5, 1, 0}, {2, 5, 3, 4}, 4, 10},
      {{3, 2, 1, 7, 0, 0, 1e-5, 0, 1}, {3, 2, 1, 7}, 4, 3}, {{1, 7, 0, 0, 0, 0, 1e-5, 0, 0}, {2, 2, 2, 2, 7}, 5, 16},
      {{5, 1, 2, 3, 1, 2, 0, 1, 1}, {1, 2, 3, 1, 2}, 5, 1},
  };
  seed_data(4);
  for (int i = 0; i < COUNT_OF(cases); i++) {
    const double *args = cases[i].args;
    int32_t size = 1;
    for (int32_t j = 0; j < (int32_t)args[0]; j++) size *= (int32_t)args[1 + j];
    nl_norm *norm = layer_norm(args);
    assert_int_equal(nl_norm_size(norm, NL_WEIGHT), args[7] != 0 ? size : 0);
    assert_int_equal(nl_norm_size(norm, NL_BIAS), args[7] != 0 && args[8] != 0 ? size : 0);
    assert_int_equal(nl_norm_size(norm, NL_RUNNING_MEAN), 0);
    assert_true(nl_norm_batches_tracked(norm) == -1);
    fill_tensor(norm, NL_WEIGHT, 1, 0.5);
    fill_tensor(norm, NL_BIAS, 0, 0.5);
    const ref_layout layout = ref_layer_layout(cases[i].rows, size);
    for (int32_t mode = NL_EVAL; mode <= NL_PROBE; mode++)
      check_layer(norm, &layout, cases[i].shape, cases[i].ndim, mode, args[6], false);
    nl_norm_destroy(norm);
  }
}

TEST(group_norm_shapes) {
  seed_data(5);
  for (int32_t groups = 1; groups <= 6; groups++) {
    if (6 % groups != 0) continue;
    for (int affine = 0; affine < 2; affine++) {
      nl_norm *norm = group_norm(6, (double[]){groups, 1e-4, affine});
      assert_int_equal(nl_norm_size(norm, NL_WEIGHT), affine ? 6 : 0);
      fill_tensor(norm, NL_WEIGHT, 1, 0.5);
      fill_tensor(norm, NL_BIAS, 0, 0.5);
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

/* PyTorch 1.13 printed these for the same mistakes; its Size([...]) is here as [...]. */
TEST(words_of_refusal) {
  static const double layer_10[] = {1, 10, 0, 0, 0, 0, 1e-5, 1, 1}, layer_3_4[] = {2, 3, 4, 0, 0, 0, 1e-5, 1, 1};
  static const double untracked[] = {1e-5, 0.1, 1, 0, 0}, bare[] = {1e-5, 0.1, 0, 0, 0}, groups[] = {2, 1e-5, 1};
  nl_norm *one = batch_norm(10, 1, batch_defaults), *two = batch_norm(10, 2, batch_defaults);
  nl_norm *three = batch_norm(10, 3, batch_defaults), *any = batch_norm(10, 0, batch_defaults);
  nl_norm *no_stats = batch_norm(10, 2, untracked), *nothing = batch_norm(10, 2, bare);
  nl_norm *row = layer_norm(layer_10), *matrix = layer_norm(layer_3_4);
  nl_norm *group = group_norm(10, groups), *pair = group_norm(2, groups);
  const struct {
    nl_norm *norm;
    int32_t shape[5], ndim, mode;
    const char *words;
  } cases[] = {
      {one, {1, 10}, 2, NL_TRAIN, "Expected more than 1 value per channel when training, got input size [1, 10]"},
      {one, {1, 10, 1}, 3, NL_TRAIN, "Expected more than 1 value per channel when training, got input size [1, 10, 1]"},
      {two,
       {1, 10, 1, 1},
       4,
       NL_PROBE,
       "Expected more than 1 value per channel when training, got input size [1, 10, 1, 1]"},
      {one, {10}, 1, NL_EVAL, "expected 2D or 3D input (got 1D input)"},
      {one, {2, 10, 1, 1}, 4, NL_TRAIN, "expected 2D or 3D input (got 4D input)"},
      {two, {1, 10}, 2, NL_TRAIN, "expected 4D input (got 2D input)"},
      {three, {1, 10, 2, 2}, 4, NL_TRAIN, "expected 5D input (got 4D input)"},
      {any, {10}, 1, NL_TRAIN, "got 1D input"},
      {two, {2, 5, 2, 2}, 4, NL_EVAL, "running_mean should contain 5 elements not 10"},
      {two, {2, 5, 2, 2}, 4, NL_TRAIN, "running_mean should contain 5 elements not 10"},
      {no_stats, {2, 5, 2, 2}, 4, NL_TRAIN, "weight should contain 5 elements not 10"},
      {row,
       {2, 5},
       2,
       NL_TRAIN,
       "Given normalized_shape=[10], expected input with shape [*, 10], but got input of size[2, 5]"},
      {matrix,
       {2, 5},
       2,
       NL_EVAL,
       "Given normalized_shape=[3, 4], expected input with shape [*, 3, 4], but got input of size[2, 5]"},
      {matrix,
       {4},
       1,
       NL_EVAL,
       "Given normalized_shape=[3, 4], expected input with shape [*, 3, 4], but got input of size[4]"},
      {group, {10}, 1, NL_TRAIN, "Expected at least 2 dimensions for input tensor but received 1"},
      {group,
       {2, 5},
       2,
       NL_TRAIN,
       "Expected number of channels in input to be divisible by num_groups, but got input of shape [2, 5] and "
       "num_groups=2"},
      {group,
       {2, 6},
       2,
       NL_TRAIN,
       "Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape [10] "
       "and input of shape [2, 6]"},
      {pair, {1, 2}, 2, NL_EVAL, "Expected more than 1 value per channel when training, got input size [1, 2]"},
      {two, {65536, 10, 65536, 2}, 4, NL_EVAL, "batchNorm: too many values: [65536, 10, 65536, 2]"},
      {row, {0, 65536, 65536, 10}, 4, NL_EVAL, "layerNorm: too many values: [0, 65536, 65536, 10]"},
      {two, {2, 10, -1, 2}, 4, NL_TRAIN, "sizes must be >= 0, got [2, 10, -1, 2]"},
  };
  seed_data(6);
  const float *x = normals(100, 0, 1);
  float *y = floats(100);
  for (int i = 0; i < COUNT_OF(cases); i++) {
    check_failed(nl_norm_forward(cases[i].norm, y, x, cases[i].shape, cases[i].ndim, cases[i].mode), NL_SHAPE,
                 cases[i].words);
    check_all("y is as it was", y, 0, 100);
    if (nl_norm_tensor(cases[i].norm, NL_RUNNING_MEAN))
      check_all("running_mean is as it was", nl_norm_tensor(cases[i].norm, NL_RUNNING_MEAN), 0, 10);
    assert_true(nl_norm_batches_tracked(cases[i].norm) <= 0);
  }
  /* In eval mode one value is enough, and PyTorch takes a layer without tensors at any width. */
  CHECK_OK(nl_norm_forward(one, y, x, (int32_t[]){1, 10}, 2, NL_EVAL));
  nl_norm *all[] = {one, two, three, any, no_stats, nothing, row, matrix, group, pair};
  for (int i = 0; i < COUNT_OF(all); i++) nl_norm_destroy(all[i]);
}

/* A refusal leaves the forward before it to be gone back over. */
TEST(goes_on_after_a_refusal) {
  seed_data(7);
  enum { SIZE = 24 };
  const int32_t shape[] = {2, 3, 4}, bad[] = {2, 4, 4};
  nl_norm *norm = batch_norm(3, 1, batch_defaults);
  const float *x = normals(SIZE, 0, 1), *dy = normals(SIZE, 0, 1);
  float *y = floats(SIZE), *dx = floats(SIZE), *again = floats(SIZE);
  check_failed(nl_norm_backward(norm, dx, NULL, NULL, dy, x), NL_STATE, "backward needs a forward before it");
  CHECK_OK(nl_norm_forward(norm, y, x, shape, 3, NL_TRAIN));
  CHECK_OK(nl_norm_backward(norm, dx, NULL, NULL, dy, x));
  check_failed(nl_norm_forward(norm, y, x, bad, 3, NL_TRAIN), NL_SHAPE, "running_mean should contain 4 elements not 3");
  assert_true(nl_norm_batches_tracked(norm) == 1);
  assert_int_equal(nl_norm_saved_count(norm), 3);
  CHECK_OK(nl_norm_backward(norm, again, NULL, NULL, dy, x));
  check_same("dx", again, dx, SIZE);
  nl_norm_destroy(norm);
}

TEST(settings_refused) {
  const double nan = (double)NAN, inf = (double)INFINITY;
  const struct {
    const char *type, *words;
    double args[LAYER_ARGS];
    int32_t features, dims;
  } cases[] = {
      {"batchNorm", "eps", {nan, 0.1, 1, 1, 0}, 3, 1},
      {"batchNorm", "eps", {-1, 0.1, 1, 1, 0}, 3, 1},
      {"batchNorm", "eps", {inf, 0.1, 1, 1, 0}, 3, 1},
      {"batchNorm", "momentum", {1e-5, inf, 1, 1, 0}, 3, 1},
      {"batchNorm", "affine", {1e-5, 0.1, 2, 1, 0}, 3, 1},
      {"batchNorm", "trackRunningStats", {1e-5, 0.1, 1, nan, 0}, 3, 1},
      {"batchNorm", "runningVar must be one of unbiased,biased", {1e-5, 0.1, 1, 1, 2}, 3, 1},
      {"batchNorm", "runningVar", {1e-5, 0.1, 1, 1, 0.5}, 3, 1},
      {"batchNorm", "numFeatures must be an integer >= 1, got 0", {1e-5, 0.1, 1, 1, 0}, 0, 1},
      {"batchNorm", "dims must be 0 to 3, got 4", {1e-5, 0.1, 1, 1, 0}, 3, 4},
      {"batchNorm", "dims", {1e-5, 0.1, 1, 1, 0}, 3, -1},
      {"layerNorm", "at least 1-dimensional", {0, 0, 0, 0, 0, 0, 1e-5, 1, 1}, 0, 0},
      {"layerNorm", "at least 1-dimensional", {nan, 0, 0, 0, 0, 0, 1e-5, 1, 1}, 0, 0},
      {"layerNorm", "normalizedShape must have at most 5 dimensions, got 6", {6, 1, 1, 1, 1, 1, 1e-5, 1, 1}, 0, 0},
      {"layerNorm", "normalizedShape", {-1, 1, 1, 1, 1, 1, 1e-5, 1, 1}, 0, 0},
      {"layerNorm", "normalizedShape must be an integer >= 0, got 2.5", {1, 2.5, 0, 0, 0, 0, 1e-5, 1, 1}, 0, 0},
      {"layerNorm", "normalizedShape must be an integer >= 0, got -3", {1, -3, 0, 0, 0, 0, 1e-5, 1, 1}, 0, 0},
      {"layerNorm",
       "normalizedShape [65536, 65536] holds too many values",
       {2, 65536, 65536, 0, 0, 0, 1e-5, 1, 1},
       0,
       0},
      {"layerNorm", "eps", {1, 4, 0, 0, 0, 0, nan, 1, 1}, 0, 0},
      {"layerNorm", "elementwiseAffine", {1, 4, 0, 0, 0, 0, 1e-5, 7, 1}, 0, 0},
      {"layerNorm", "bias", {1, 4, 0, 0, 0, 0, 1e-5, 1, -1}, 0, 0},
      {"groupNorm", "numGroups must be an integer >= 1, got 0", {0, 1e-5, 1}, 6, 0},
      {"groupNorm", "numGroups", {nan, 1e-5, 1}, 6, 0},
      {"groupNorm", "num_channels must be divisible by num_groups", {4, 1e-5, 1}, 6, 0},
      {"groupNorm", "numChannels must be an integer >= 1, got -6", {3, 1e-5, 1}, -6, 0},
      {"groupNorm", "eps", {3, -1, 1}, 6, 0},
      {"groupNorm", "affine", {3, 1e-5, 3}, 6, 0},
      {"conv2d", "type must be a normalization layer", {0}, 6, 0},
  };
  for (int i = 0; i < COUNT_OF(cases); i++) {
    nl_norm *norm = NULL;
    check_failed(nl_norm_create(&norm, type_of(cases[i].type), cases[i].args, settings_of(cases[i].type),
                                cases[i].features, cases[i].dims),
                 NL_ARGUMENT, cases[i].words);
    assert_null(norm);
  }
  nl_norm *norm = NULL;
  check_failed(nl_norm_create(&norm, -1, batch_defaults, 5, 3, 1), NL_ARGUMENT,
               "type must be a normalization layer, got -1");
  check_failed(nl_norm_create(&norm, 1000, batch_defaults, 5, 3, 1), NL_ARGUMENT, "got 1000");
  check_failed(nl_norm_create(&norm, type_of("batchNorm"), batch_defaults, 4, 3, 1), NL_ARGUMENT,
               "its settings take 5 values, got 4");
  assert_null(norm);
}

TEST(no_samples) {
  nl_norm *norms[] = {batch_norm(3, 2, batch_defaults), batch_norm(3, 2, (double[]){1e-5, (double)NAN, 1, 1, 0}),
                      layer_norm((double[]){1, 4, 0, 0, 0, 0, 1e-5, 1, 1}), group_norm(3, (double[]){3, 1e-5, 1})};
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
      /* PyTorch counts the batch all the same. */
      assert_true(nl_norm_batches_tracked(norms[i]) == 1);
    }
    nl_norm_destroy(norms[i]);
  }
}

TEST(in_place) {
  seed_data(8);
  nl_norm *norms[] = {batch_norm(3, 2, batch_defaults), layer_norm((double[]){1, 4, 0, 0, 0, 0, 1e-5, 1, 1}),
                      group_norm(3, (double[]){3, 1e-5, 1})};
  const int32_t shape[] = {2, 3, 2, 4};
  for (int i = 0; i < COUNT_OF(norms); i++) {
    float *x = normals(48, 1, 2), *y = floats(48);
    CHECK_OK(nl_norm_forward(norms[i], y, x, shape, 4, NL_PROBE));
    CHECK_OK(nl_norm_forward(norms[i], x, x, shape, 4, NL_PROBE));
    check_same("in place", x, y, 48);
    nl_norm_destroy(norms[i]);
  }
}

/* Batches of changing size share one layer, whose memory for statistics grows. */
TEST(changing_sizes) {
  seed_data(9);
  nl_norm *norm = group_norm(4, (double[]){2, 1e-5, 1});
  static const int32_t sizes[] = {2, 9, 1, 30, 3};
  for (int i = 0; i < COUNT_OF(sizes); i++) {
    const ref_layout layout = ref_group_layout(sizes[i], 4, 3, 2);
    check_layer(norm, &layout, (int32_t[]){sizes[i], 4, 3}, 3, NL_TRAIN, 1e-5, false);
  }
  nl_norm_destroy(norm);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(fresh_layer),
      CASE(batch_norm_modes),
      CASE(running_statistics),
      CASE(batches_tracked_can_be_set),
      CASE(without_running_statistics),
      CASE(layer_norm_shapes),
      CASE(group_norm_shapes),
      CASE(words_of_refusal),
      CASE(goes_on_after_a_refusal),
      CASE(settings_refused),
      CASE(no_samples),
      CASE(in_place),
      CASE(changing_sizes),
  };
  return cmocka_run_group_tests_name("norm layer", tests, NULL, NULL);
}
