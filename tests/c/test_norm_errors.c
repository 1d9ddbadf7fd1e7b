/* What normalization layers refuse: in PyTorch's words where it has them, changing nothing, and going on afterwards. */
#include "support.h"

#include <math.h>

static const double null = (double)NAN, infinite = (double)INFINITY;

/* A layer's tensors, count and last forward, to see whether a call changed them. */
typedef struct {
  float *tensor[NL_ROLES];
  double batches;
  int32_t saved;
  double *mean, *invstd;
} snapshot;

static snapshot state_of(nl_norm *norm) {
  snapshot s = {{NULL}, nl_norm_batches_tracked(norm), nl_norm_saved_count(norm), NULL, NULL};
  for (int32_t role = 0; role < NL_ROLES; role++)
    s.tensor[role] = copy_of(nl_norm_tensor(norm, role), nl_norm_size(norm, role));
  s.mean = doubles(s.saved);
  s.invstd = doubles(s.saved);
  for (int32_t i = 0; i < s.saved; i++) {
    s.mean[i] = nl_norm_saved_mean(norm)[i];
    s.invstd[i] = nl_norm_saved_invstd(norm)[i];
  }
  return s;
}

static void check_state(nl_norm *norm, const snapshot *s) {
  for (int32_t role = 0; role < NL_ROLES; role++)
    check_same("a tensor is as it was", nl_norm_tensor(norm, role), s->tensor[role], nl_norm_size(norm, role));
  assert_true(nl_norm_batches_tracked(norm) == s->batches);
  assert_int_equal(nl_norm_saved_count(norm), s->saved);
  for (int32_t i = 0; i < s->saved; i++) {
    assert_true(nl_norm_saved_mean(norm)[i] == s->mean[i]);
    assert_true(nl_norm_saved_invstd(norm)[i] == s->invstd[i]);
  }
}

/* A forward that is refused, into a y that keeps its values. */
static void check_refused(nl_norm *norm, const int32_t *shape, int32_t ndim, int32_t mode, nl_status status,
                          const char *words) {
  const snapshot before = state_of(norm);
  float *x = floats(100), *y = floats(100);
  for (int i = 0; i < 100; i++) y[i] = 7;
  check_failed(nl_norm_forward(norm, y, x, shape, ndim, mode), status, words);
  check_all("y is as it was", y, 7, 100);
  check_state(norm, &before);
}

/* ---- shapes ---- */

typedef struct {
  nl_norm *norm;
  int32_t shape[6], ndim, mode;
  const char *words;
} refusal;

static void check_shapes(const refusal *cases, int32_t count) {
  for (int32_t i = 0; i < count; i++)
    check_refused(cases[i].norm, cases[i].shape, cases[i].ndim, cases[i].mode, NL_SHAPE, cases[i].words);
}

/* PyTorch 1.13 printed these for the same mistakes; its Size([...]) is here as [...]. */
TEST(batch_norm_shapes) {
  nl_norm *layers[6];
  for (int32_t dims = 0; dims <= 3; dims++) layers[dims] = NORM_LAYER("batchNorm", 10, dims, 1e-5, 0.1, 1, 1, 0, 1);
  layers[4] = NORM_LAYER("batchNorm", 10, 2, 1e-5, 0.1, 1, 0, 0, 1);
  layers[5] = NORM_LAYER("batchNorm", 10, 2, 1e-5, 0.1, 0, 0, 0, 1);
  nl_norm *any = layers[0], *one = layers[1], *two = layers[2], *three = layers[3], *untracked = layers[4];
  const refusal cases[] = {
      {one, {1, 10}, 2, NL_TRAIN, "Expected more than 1 value per channel when training, got input size [1, 10]"},
      {one, {1, 10, 1}, 3, NL_TRAIN, "Expected more than 1 value per channel when training, got input size [1, 10, 1]"},
      {two,
       {1, 10, 1, 1},
       4,
       NL_PROBE,
       "Expected more than 1 value per channel when training, got input size [1, 10, 1, 1]"},
      {three,
       {1, 10, 1, 1, 1},
       5,
       NL_TRAIN,
       "Expected more than 1 value per channel when training, got input size [1, 10, 1, 1, 1]"},
      {untracked,
       {1, 10, 1, 1},
       4,
       NL_EVAL,
       "Expected more than 1 value per channel when training, got input size [1, 10, 1, 1]"},
      {layers[5], {1, 3, 1, 1}, 4, NL_EVAL, "Expected more than 1 value per channel when training"},
      {one, {10}, 1, NL_EVAL, "expected 2D or 3D input (got 1D input)"},
      {one, {2, 10, 1, 1}, 4, NL_TRAIN, "expected 2D or 3D input (got 4D input)"},
      {two, {1, 10}, 2, NL_TRAIN, "expected 4D input (got 2D input)"},
      {two, {2, 10, 3}, 3, NL_TRAIN, "expected 4D input (got 3D input)"},
      {two, {2, 10, 3, 1, 1}, 5, NL_TRAIN, "expected 4D input (got 5D input)"},
      {three, {1, 10, 2, 2}, 4, NL_TRAIN, "expected 5D input (got 4D input)"},
      {any, {10}, 1, NL_TRAIN, "got 1D input"},
      {two, {2, 5, 2, 2}, 4, NL_EVAL, "running_mean should contain 5 elements not 10"},
      {two, {2, 5, 2, 2}, 4, NL_TRAIN, "running_mean should contain 5 elements not 10"},
      {untracked, {2, 5, 2, 2}, 4, NL_TRAIN, "weight should contain 5 elements not 10"},
      {two, {65536, 10, 65536, 2}, 4, NL_EVAL, "batchNorm: too many values: [65536, 10, 65536, 2]"},
      {two, {2, 10, -1, 2}, 4, NL_TRAIN, "sizes must be >= 0, got [2, 10, -1, 2]"},
      {any, {1, 10, 1, 1, 1, 1}, 6, NL_EVAL, "batchNorm: a tensor has at most 5 dimensions, got 6"},
      {any, {1}, -1, NL_EVAL, "batchNorm: a tensor has at most 5 dimensions, got -1"},
      {any, {1}, 0, NL_EVAL, "got 0D input"},
  };
  check_shapes(cases, COUNT_OF(cases));
  /* In eval mode one value is enough. */
  float x[10] = {0}, y[10];
  CHECK_OK(nl_norm_forward(one, y, x, (int32_t[]){1, 10}, 2, NL_EVAL));
  for (int i = 0; i < COUNT_OF(layers); i++) nl_norm_destroy(layers[i]);
}

TEST(trailing_shapes) {
  nl_norm *row = NORM_LAYER("layerNorm", 0, 0, 1, 10, 0, 0, 0, 0, 1e-5, 1, 1);
  nl_norm *matrix = NORM_LAYER("layerNorm", 0, 0, 2, 3, 4, 0, 0, 0, 1e-5, 1, 1);
  nl_norm *rms = NORM_LAYER("rmsNorm", 0, 0, 2, 2, 3, 0, 0, 0, null, 1);
  const refusal cases[] = {
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
      {rms,
       {3},
       1,
       NL_PROBE,
       "Given normalized_shape=[2, 3], expected input with shape [*, 2, 3], but got input of size[3]"},
      {rms, {5, 3, 2}, 3, NL_TRAIN, "but got input of size[5, 3, 2]"},
      {rms, {0}, 0, NL_TRAIN, "but got input of size[]"},
      {row, {0, 65536, 65536, 10}, 4, NL_EVAL, "layerNorm: too many values: [0, 65536, 65536, 10]"},
      {rms, {65536, 65536, 2, 3}, 4, NL_EVAL, "rmsNorm: too many values: [65536, 65536, 2, 3]"},
      {rms, {1, 1, 1, 1, 2, 3}, 6, NL_EVAL, "rmsNorm: a tensor has at most 5 dimensions, got 6"},
      {row, {-1, 10}, 2, NL_EVAL, "sizes must be >= 0, got [-1, 10]"},
  };
  check_shapes(cases, COUNT_OF(cases));
  nl_norm_destroy(row);
  nl_norm_destroy(matrix);
  nl_norm_destroy(rms);
}

TEST(group_norm_shapes) {
  nl_norm *group = NORM_LAYER("groupNorm", 10, 0, 2, 1e-5, 1, 1), *pair = NORM_LAYER("groupNorm", 2, 0, 2, 1e-5, 1, 1);
  const refusal cases[] = {
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
      {pair, {1, 2, 1}, 3, NL_TRAIN, "Expected more than 1 value per channel when training, got input size [1, 2, 1]"},
  };
  check_shapes(cases, COUNT_OF(cases));
  nl_norm_destroy(group);
  nl_norm_destroy(pair);
}

TEST(instance_norm_shapes) {
  nl_norm *bare[4], *affine[4], *tracking[4];
  for (int32_t dims = 0; dims <= 3; dims++) {
    bare[dims] = NORM_LAYER("instanceNorm", 10, dims, 1e-5, 0.1, 0, 0);
    affine[dims] = NORM_LAYER("instanceNorm", 4, dims, 1e-5, 0.1, 1, 0);
    tracking[dims] = NORM_LAYER("instanceNorm", 4, dims, 1e-5, 0.1, 0, 1);
  }
  const refusal cases[] = {
      {bare[1], {2, 10, 1, 1}, 4, NL_TRAIN, "expected 2D or 3D input (got 4D input)"},
      {bare[1], {10}, 1, NL_EVAL, "expected 2D or 3D input (got 1D input)"},
      {bare[2], {2, 10}, 2, NL_TRAIN, "expected 3D or 4D input (got 2D input)"},
      {bare[2], {2, 10, 1, 1, 2}, 5, NL_TRAIN, "expected 3D or 4D input (got 5D input)"},
      {bare[3], {2, 10, 3}, 3, NL_EVAL, "expected 4D or 5D input (got 3D input)"},
      {bare[0], {2, 10}, 2, NL_TRAIN, "(got 2D input)"},
      {bare[1],
       {1, 10, 1},
       3,
       NL_TRAIN,
       "Expected more than 1 spatial element when training, got input size [1, 10, 1]"},
      {bare[1], {1, 10, 1}, 3, NL_EVAL, "Expected more than 1 spatial element when training"},
      {bare[1], {10, 1}, 2, NL_PROBE, "Expected more than 1 spatial element when training, got input size [1, 10, 1]"},
      {bare[2],
       {10, 1, 1},
       3,
       NL_TRAIN,
       "Expected more than 1 spatial element when training, got input size [1, 10, 1, 1]"},
      {bare[3],
       {10, 1, 1, 1},
       4,
       NL_TRAIN,
       "Expected more than 1 spatial element when training, got input size [1, 10, 1, 1, 1]"},
      {tracking[2],
       {10, 4, 1, 1},
       4,
       NL_TRAIN,
       "Expected more than 1 spatial element when training, got input size [10, 4, 1, 1]"},
      {affine[2], {3, 2, 2, 2}, 4, NL_TRAIN, "expected input's size at dim=1 to match num_features (4), but got: 2."},
      {affine[2], {2, 2, 2}, 3, NL_EVAL, "expected input's size at dim=0 to match num_features (4), but got: 2."},
      {tracking[1], {5, 3}, 2, NL_TRAIN, "expected input's size at dim=0 to match num_features (4), but got: 5."},
      {tracking[3],
       {1, 5, 2, 2, 2},
       5,
       NL_EVAL,
       "expected input's size at dim=1 to match num_features (4), but got: 5."},
      {tracking[0], {1, 5, 2}, 3, NL_EVAL, "expected input's size at dim=1 to match num_features (4), but got: 5."},
      {bare[2], {65536, 10, 65536, 2}, 4, NL_EVAL, "instanceNorm: too many values: [65536, 10, 65536, 2]"},
      {bare[2], {2, -3, 2}, 3, NL_EVAL, "instanceNorm: sizes must be >= 0, got [2, -3, 2]"},
  };
  check_shapes(cases, COUNT_OF(cases));
  /* With running statistics eval mode needs no second value. */
  float x[40] = {0}, y[40];
  CHECK_OK(nl_norm_forward(tracking[2], y, x, (int32_t[]){10, 4, 1, 1}, 4, NL_EVAL));
  for (int32_t dims = 0; dims <= 3; dims++) {
    nl_norm_destroy(bare[dims]);
    nl_norm_destroy(affine[dims]);
    nl_norm_destroy(tracking[dims]);
  }
}

/* ---- eps ---- */

/* BatchNorm's depends on the mode; the others take 0, in training too. */
TEST(eps) {
  const int32_t shape[] = {2, 3, 2};
  float x[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 8, 7, 7}, y[12];
  nl_norm *zero = NORM_LAYER("batchNorm", 3, 1, 0, 0.1, 1, 1, 0, 1),
          *below = NORM_LAYER("batchNorm", 3, 1, -1, 0.1, 1, 1, 0, 1);
  nl_norm *untracked = NORM_LAYER("batchNorm", 3, 1, 0, 0.1, 1, 0, 0, 1);
  CHECK_OK(nl_norm_forward(zero, y, x, shape, 3, NL_EVAL));
  check_same("running variance 1, eps 0", y, x, 12);
  for (int32_t mode = NL_TRAIN; mode <= NL_PROBE; mode++) {
    check_refused(zero, shape, 3, mode, NL_ARGUMENT, "batch_norm eps must be positive during training, but got 0");
    check_refused(below, shape, 3, mode, NL_ARGUMENT, "batch_norm eps must be positive during training, but got -1");
  }
  for (int32_t mode = NL_EVAL; mode <= NL_PROBE; mode++)
    check_refused(untracked, shape, 3, mode, NL_ARGUMENT, "batch_norm eps must be positive during training, but got 0");
  check_refused(below, shape, 3, NL_EVAL, NL_ARGUMENT, "batch_norm eps must be non-negative, but got -1");
  nl_norm_destroy(zero);
  nl_norm_destroy(below);
  nl_norm_destroy(untracked);
  nl_norm *others[] = {NORM_LAYER("layerNorm", 0, 0, 1, 2, 0, 0, 0, 0, 0, 1, 1),
                       NORM_LAYER("groupNorm", 3, 0, 3, 0, 1, 1), NORM_LAYER("instanceNorm", 3, 1, 0, 0.1, 1, 1)};
  for (int i = 0; i < COUNT_OF(others); i++) {
    CHECK_OK(nl_norm_forward(others[i], y, x, shape, 3, NL_TRAIN));
    check_same("pairs of neighbours", y, (float[]){-1, 1, -1, 1, -1, 1, -1, 1, 1, -1, 0, 0}, 12);
    nl_norm_destroy(others[i]);
  }
  nl_norm *rms = NORM_LAYER("rmsNorm", 0, 0, 1, 2, 0, 0, 0, 0, 0, 1);
  CHECK_OK(nl_norm_forward(rms, y, (float[]){0, 0, 3, 3}, (int32_t[]){2, 2}, 2, NL_TRAIN));
  assert_true(y[0] == 0 && y[1] == 0 && y[2] == 1 && y[3] == 1);
  nl_norm_destroy(rms);
}

/* ---- settings ---- */

TEST(settings_refused) {
  const struct {
    const char *type, *words;
    double args[9];
    int32_t features, dims;
  } cases[] = {
      {"batchNorm", "eps", {null, 0.1, 1, 1, 0, 1}, 3, 1},
      {"batchNorm", "eps", {infinite, 0.1, 1, 1, 0, 1}, 3, 1},
      {"batchNorm", "eps", {-infinite, 0.1, 1, 1, 0, 1}, 3, 1},
      {"batchNorm", "momentum", {1e-5, infinite, 1, 1, 0, 1}, 3, 1},
      {"batchNorm", "momentum", {1e-5, -infinite, 1, 1, 0, 1}, 3, 1},
      {"batchNorm", "affine must be true or false, got 2", {1e-5, 0.1, 2, 1, 0, 1}, 3, 1},
      {"batchNorm", "trackRunningStats", {1e-5, 0.1, 1, null, 0, 1}, 3, 1},
      {"batchNorm", "runningVar must be one of unbiased,biased", {1e-5, 0.1, 1, 1, 2, 1}, 3, 1},
      {"batchNorm", "runningVar", {1e-5, 0.1, 1, 1, 0.5, 1}, 3, 1},
      {"batchNorm", "bias must be true or false, got -1", {1e-5, 0.1, 1, 1, 0, -1}, 3, 1},
      {"batchNorm", "numFeatures must be an integer >= 1, got 0", {1e-5, 0.1, 1, 1, 0, 1}, 0, 1},
      {"batchNorm", "dims must be 0 to 3, got 4", {1e-5, 0.1, 1, 1, 0, 1}, 3, 4},
      {"batchNorm", "dims", {1e-5, 0.1, 1, 1, 0, 1}, 3, -1},
      {"layerNorm", "at least 1-dimensional", {0, 0, 0, 0, 0, 0, 1e-5, 1, 1}, 0, 0},
      {"layerNorm", "at least 1-dimensional", {null, 0, 0, 0, 0, 0, 1e-5, 1, 1}, 0, 0},
      {"layerNorm", "normalizedShape must have at most 5 dimensions, got 6", {6, 1, 1, 1, 1, 1, 1e-5, 1, 1}, 0, 0},
      {"layerNorm", "normalizedShape", {-1, 1, 1, 1, 1, 1, 1e-5, 1, 1}, 0, 0},
      {"layerNorm", "normalizedShape must be an integer >= 0, got 2.5", {1, 2.5, 0, 0, 0, 0, 1e-5, 1, 1}, 0, 0},
      {"layerNorm", "normalizedShape must be an integer >= 0, got nan", {2, 3, null, 0, 0, 0, 1e-5, 1, 1}, 0, 0},
      {"rmsNorm", "normalizedShape must be an integer >= 0, got nan", {1, null, 0, 0, 0, 0, null, 1}, 0, 0},
      {"layerNorm", "normalizedShape must be an integer >= 0, got -3", {1, -3, 0, 0, 0, 0, 1e-5, 1, 1}, 0, 0},
      {"layerNorm",
       "normalizedShape [65536, 65536] holds too many values",
       {2, 65536, 65536, 0, 0, 0, 1e-5, 1, 1},
       0,
       0},
      {"layerNorm", "eps", {1, 4, 0, 0, 0, 0, null, 1, 1}, 0, 0},
      {"layerNorm", "layerNorm: eps must be a finite number >= 0, got -1", {1, 4, 0, 0, 0, 0, -1, 1, 1}, 0, 0},
      {"layerNorm", "elementwiseAffine", {1, 4, 0, 0, 0, 0, 1e-5, 7, 1}, 0, 0},
      {"layerNorm", "bias", {1, 4, 0, 0, 0, 0, 1e-5, 1, -1}, 0, 0},
      {"groupNorm", "numGroups must be an integer >= 1, got 0", {0, 1e-5, 1, 1}, 6, 0},
      {"groupNorm", "numGroups", {null, 1e-5, 1, 1}, 6, 0},
      {"groupNorm", "num_channels must be divisible by num_groups", {4, 1e-5, 1, 1}, 6, 0},
      {"groupNorm", "num_channels must be divisible by num_groups", {INT32_MAX, 1e-5, 1, 1}, 6, 0},
      {"groupNorm", "numChannels must be an integer >= 1, got -6", {3, 1e-5, 1, 1}, -6, 0},
      {"groupNorm", "groupNorm: eps must be a finite number >= 0, got -1", {3, -1, 1, 1}, 6, 0},
      {"groupNorm", "affine", {3, 1e-5, 3, 1}, 6, 0},
      {"groupNorm", "bias", {3, 1e-5, 1, 0.5}, 6, 0},
      {"instanceNorm", "instanceNorm: eps must be a finite number >= 0, got -0.5", {-0.5, 0.1, 0, 0}, 3, 1},
      {"instanceNorm", "eps", {null, 0.1, 0, 0}, 3, 1},
      {"instanceNorm", "momentum must be a finite number", {1e-5, null, 0, 0}, 3, 1},
      {"instanceNorm", "momentum", {1e-5, infinite, 0, 0}, 3, 1},
      {"instanceNorm", "affine", {1e-5, 0.1, 2, 0}, 3, 1},
      {"instanceNorm", "trackRunningStats", {1e-5, 0.1, 0, -1}, 3, 1},
      {"instanceNorm", "numFeatures must be an integer >= 1, got -1", {1e-5, 0.1, 0, 0}, -1, 1},
      {"rmsNorm", "at least 1-dimensional", {0, 0, 0, 0, 0, 0, null, 1}, 0, 0},
      {"rmsNorm",
       "rmsNorm: normalizedShape [65536, 65536] holds too many values",
       {2, 65536, 65536, 0, 0, 0, null, 1},
       0,
       0},
      {"rmsNorm", "rmsNorm: eps must be a finite number >= 0, got -1", {1, 4, 0, 0, 0, 0, -1, 1}, 0, 0},
      {"rmsNorm", "eps", {1, 4, 0, 0, 0, 0, infinite, 1}, 0, 0},
      {"rmsNorm", "elementwiseAffine", {1, 4, 0, 0, 0, 0, null, null}, 0, 0},
      {"conv2d", "type must be a normalization layer", {0}, 6, 0},
  };
  for (int i = 0; i < COUNT_OF(cases); i++) {
    nl_norm *norm = NULL;
    check_failed(nl_norm_create(&norm, type_of(cases[i].type), cases[i].args, settings_of(cases[i].type),
                                cases[i].features, cases[i].dims),
                 NL_ARGUMENT, cases[i].words);
    assert_null(norm);
  }
}

TEST(number_of_settings) {
  static const struct {
    const char *type, *words;
    int32_t count;
  } cases[] = {
      {"batchNorm", "its settings take 6 values, got ", 6}, {"layerNorm", "its settings take 9 values, got ", 9},
      {"groupNorm", "its settings take 4 values, got ", 4}, {"instanceNorm", "its settings take 4 values, got ", 4},
      {"rmsNorm", "its settings take 8 values, got ", 8},
  };
  static const double args[10] = {1};
  nl_norm *norm = NULL;
  for (int i = 0; i < COUNT_OF(cases); i++) {
    assert_int_equal(settings_of(cases[i].type), cases[i].count);
    for (int32_t count = -1; count <= 10; count++)
      if (count != cases[i].count)
        check_failed(nl_norm_create(&norm, type_of(cases[i].type), args, count, 3, 1), NL_ARGUMENT, cases[i].words);
  }
  check_failed(nl_norm_create(&norm, -1, args, 6, 3, 1), NL_ARGUMENT, "type must be a normalization layer, got -1");
  check_failed(nl_norm_create(&norm, 1000, args, 6, 3, 1), NL_ARGUMENT, "got 1000");
  assert_null(norm);
}

/* More features than memory, or than a product of sizes may be. */
TEST(too_many_features) {
  static const struct {
    const char *type;
    double args[9];
  } cases[] = {{"batchNorm", {1e-5, 0.1, 1, 1, 0, 1}},
               {"instanceNorm", {1e-5, 0.1, 1, 1}},
               {"groupNorm", {1, 1e-5, 1, 1}},
               {"layerNorm", {1, INT32_MAX, 0, 0, 0, 0, 1e-5, 1, 1}},
               {"rmsNorm", {1, INT32_MAX, 0, 0, 0, 0, NAN, 1}}};
  for (int i = 0; i < COUNT_OF(cases); i++) {
    nl_norm *norm = NULL;
    const nl_status status =
        nl_norm_create(&norm, type_of(cases[i].type), cases[i].args, settings_of(cases[i].type), INT32_MAX, 0);
    check_failed(status, NL_MEMORY, "");
    assert_null(norm);
  }
}

/* ---- order ---- */

/* A refusal leaves the forward before it to be gone back over. */
TEST(goes_on_after_a_refusal) {
  seed_data(1);
  enum { SIZE = 24 };
  const int32_t shape[] = {2, 3, 4}, bad[] = {2, 4, 4};
  nl_norm *layers[] = {NORM_LAYER("batchNorm", 3, 1, 1e-5, 0.1, 1, 1, 0, 1),
                       NORM_LAYER("layerNorm", 0, 0, 2, 3, 4, 0, 0, 0, 1e-5, 1, 1),
                       NORM_LAYER("groupNorm", 3, 0, 3, 1e-5, 1, 1), NORM_LAYER("instanceNorm", 3, 1, 1e-5, 0.1, 1, 1),
                       NORM_LAYER("rmsNorm", 0, 0, 2, 3, 4, 0, 0, 0, null, 1)};
  for (int i = 0; i < COUNT_OF(layers); i++) {
    const float *x = normals(SIZE, 0, 1), *dy = normals(SIZE, 0, 1);
    float *y = floats(SIZE), *dx = floats(SIZE), *again = floats(SIZE);
    check_failed(nl_norm_backward(layers[i], dx, NULL, NULL, dy, x), NL_STATE, "backward needs a forward before it");
    check_all("dx is as it was", dx, 0, SIZE);
    CHECK_OK(nl_norm_forward(layers[i], y, x, shape, 3, NL_TRAIN));
    CHECK_OK(nl_norm_backward(layers[i], dx, NULL, NULL, dy, x));
    check_refused(layers[i], bad, 3, NL_TRAIN, NL_SHAPE, "4");
    CHECK_OK(nl_norm_backward(layers[i], again, NULL, NULL, dy, x));
    check_same("dx", again, dx, SIZE);
    nl_norm_destroy(layers[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(batch_norm_shapes),
      CASE(trailing_shapes),
      CASE(group_norm_shapes),
      CASE(instance_norm_shapes),
      CASE(eps),
      CASE(settings_refused),
      CASE(number_of_settings),
      CASE(too_many_features),
      CASE(goes_on_after_a_refusal),
  };
  return cmocka_run_group_tests_name("norm errors", tests, NULL, NULL);
}
