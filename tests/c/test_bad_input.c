/* Whatever is refused names its argument, changes nothing, and is followed by a call that works. */
#include "support.h"

#include <math.h>
#include <string.h>

static const double nan_ = (double)NAN, inf_ = (double)INFINITY;

/* ---- building a model ---- */

TEST(model_create) {
  static const struct {
    int32_t shape[6], ndim;
    double seed;
    const char *words;
  } cases[] = {
      {{1}, 0, 0, "input: must have 1 to 4 dimensions without N, got 0"},
      {{1, 1, 1, 1, 1}, 5, 0, "input: must have 1 to 4 dimensions without N, got 5"},
      {{1}, -1, 0, "input:"},
      {{3, 0, 2}, 3, 0, "input: sizes must be integers >= 1, got [3, 0, 2]"},
      {{3, -4}, 2, 0, "input: sizes must be integers >= 1, got [3, -4]"},
      {{65536, 65536}, 2, 0, "input:"},
      {{1}, 1, -1, "seed: must be an integer in [0, 2^53), got -1"},
      {{1}, 1, 0.5, "seed:"},
      {{1}, 1, 0x1p53, "seed:"},
      {{1}, 1, (double)NAN, "seed: must be an integer in [0, 2^53), got nan"},
  };
  for (int i = 0; i < COUNT_OF(cases); i++) {
    nl_model *model = NULL;
    check_failed(nl_model_create(&model, cases[i].shape, cases[i].ndim, cases[i].seed), NL_ARGUMENT, cases[i].words);
    assert_null(model);
  }
  nl_model *model = NULL;
  CHECK_OK(nl_model_create(&model, (int32_t[]){1, 2, 3, 4}, 4, 0x1p53 - 1));
  nl_model_destroy(model);
}

typedef struct {
  layer_spec layer;
  nl_status status;
  const char *words;
} refusal;

/* Node 0 is [3, 6, 5]; node 1 a conv to [4, 6, 5]; node 2 its flattening to [120]. */
static nl_model *begin_model(void) {
  nl_model *model = NULL;
  int32_t node;
  CHECK_OK(nl_model_create(&model, (int32_t[]){3, 6, 5}, 3, 7));
  CHECK_OK(nl_model_add(model, &node, type_of("conv2d"), 0, -1, (double[]){4, 3, 3, 1, 1, 1, 1, 1, 0}, 9));
  CHECK_OK(nl_model_add(model, &node, type_of("flatten"), 1, -1, NULL, 0));
  return model;
}

static void end_model(float *logits, nl_model *model, const float *x) {
  int32_t node = -1;
  CHECK_OK(nl_model_add(model, &node, type_of("batchNorm"), 2, -1, (double[]){1e-5, 0.1, 1, 1, 0, 1}, 6));
  assert_int_equal(node, 3);
  CHECK_OK(nl_model_add(model, &node, type_of("linear"), 3, -1, (double[]){2, 1}, 2));
  assert_int_equal(node, 4);
  CHECK_OK(nl_model_finish(model));
  CHECK_OK(nl_model_forward(model, logits, x, 2, NL_TRAIN));
}

/* Each layer refused on the way leaves a model that can go on, and comes out as if nothing had been. */
TEST(model_add) {
  const refusal cases[] = {
      {{"conv2d", 0, 0, {nan_, 3, 3, 1, 1, 0, 0, 1}},
       NL_ARGUMENT,
       "conv2d: outChannels must be an integer >= 1, got nan"},
      {{"conv2d", 0, 0, {0, 3, 3, 1, 1, 0, 0, 1}}, NL_ARGUMENT, "conv2d: outChannels must be an integer >= 1, got 0"},
      {{"conv2d", 0, 0, {2, 2.5, 3, 1, 1, 0, 0, 1}},
       NL_ARGUMENT,
       "conv2d: kernelSize must be an integer >= 1, got 2.5"},
      {{"conv2d", 0, 0, {2, 3, 0, 1, 1, 0, 0, 1}}, NL_ARGUMENT, "conv2d: kernelSize"},
      {{"conv2d", 0, 0, {2, 3, 3, 0, 1, 0, 0, 1}}, NL_ARGUMENT, "conv2d: stride must be an integer >= 1, got 0"},
      {{"conv2d", 0, 0, {2, 3, 3, 1, -1, 0, 0, 1}}, NL_ARGUMENT, "conv2d: stride must be an integer >= 1, got -1"},
      {{"conv2d", 0, 0, {2, 3, 3, 1, 1, -1, 0, 1}}, NL_ARGUMENT, "conv2d: padding must be an integer >= 0, got -1"},
      {{"conv2d", 0, 0, {2, 3, 3, 1, 1, 0, inf_, 1}}, NL_ARGUMENT, "conv2d: padding must be an integer >= 0, got inf"},
      {{"conv2d", 0, 0, {2, 3, 3, 1, 1, 0, 0, 2}}, NL_ARGUMENT, "conv2d: bias must be true or false, got 2"},
      {{"conv2d", 0, 0, {2, 3, 3, 1, 1, 0, 0, 1, 2}},
       NL_ARGUMENT,
       "conv2d: weightStandardization must be true or false, got 2"},
      {{"conv2d", 0, 0, {1e10, 3, 3, 1, 1, 0, 0, 1}}, NL_ARGUMENT, "conv2d: outChannels"},
      {{"conv2d", 0, 0, {2, 7, 3, 1, 1, 0, 0, 1}}, NL_SHAPE, "Kernel size: (7 x 3). Kernel size can't be greater"},
      {{"conv2d", 2, 0, {2, 3, 3, 1, 1, 0, 0, 1}}, NL_SHAPE, "conv2d: expected an input of shape [N, C, H, W]"},
      {{"conv2d", 0, 0, {2e9, 3, 3, 1, 1, 0, 0, 1}}, NL_MEMORY, "of shape [2000000000, 3, 3, 3], are too many"},
      {{"linear", 2, 0, {0, 1}}, NL_ARGUMENT, "linear: outFeatures must be an integer >= 1, got 0"},
      {{"linear", 2, 0, {nan_, 1}}, NL_ARGUMENT, "linear: outFeatures"},
      {{"linear", 2, 0, {3, -1}}, NL_ARGUMENT, "linear: bias"},
      {{"linear", 1, 0, {3, 1}},
       NL_SHAPE,
       "linear: expected an input of shape [N, features] (add a flatten before it)"},
      {{"linear", 2, 0, {2e9, 1}}, NL_MEMORY, "of shape [2000000000, 120], are too many"},
      {{"maxPool2d", 1, 0, {nan_, 2, 2, 2, 0, 0}}, NL_ARGUMENT, "maxPool2d: kernelSize"},
      {{"maxPool2d", 1, 0, {2, 2, 0, 2, 0, 0}}, NL_ARGUMENT, "maxPool2d: stride must be an integer >= 1, got 0"},
      {{"maxPool2d", 1, 0, {2, 2, 2, 2, 2, 0}},
       NL_ARGUMENT,
       "pad should be at most half of kernel size, but got pad=2 and kernel_size=2"},
      {{"maxPool2d", 1, 0, {7, 7, 1, 1, 0, 0}}, NL_SHAPE, "Kernel size can't be greater than actual input size"},
      {{"maxPool2d", 2, 0, {2, 2, 2, 2, 0, 0}}, NL_SHAPE, "maxPool2d: expected an input of shape [N, C, H, W]"},
      {{"avgPool2d", 2, 0, {2, 2, 2, 2, 0, 0}}, NL_SHAPE, "avgPool2d: expected an input"},
      {{"avgPool2d", 1, 0, {2, 2, nan_, nan_, 0, nan_}}, NL_ARGUMENT, "avgPool2d: padding"},
      {{"globalAvgPool2d", 2, 0, {0}}, NL_SHAPE, "globalAvgPool2d: expected an input"},
      {{"batchNorm", 1, 0, {-1, 0.1, 1, 1, 0, 1}}, NL_ARGUMENT, "batch_norm eps must be non-negative, but got -1"},
      {{"batchNorm", 1, 0, {nan_, 0.1, 1, 1, 0, 1}}, NL_ARGUMENT, "batchNorm: eps must be a finite number"},
      {{"batchNorm", 1, 0, {0, 0.1, 1, 0, 0, 1}},
       NL_ARGUMENT,
       "batch_norm eps must be positive during training, but got 0"},
      {{"batchNorm", 1, 0, {1e-5, 0.1, 1, 1, 0, 2}}, NL_ARGUMENT, "batchNorm: bias must be true or false, got 2"},
      {{"batchNorm", 1, 0, {1e-5, inf_, 1, 1, 0, 1}}, NL_ARGUMENT, "batchNorm: momentum"},
      {{"batchNorm", 1, 0, {1e-5, 0.1, 1, 1, 3, 1}},
       NL_ARGUMENT,
       "batchNorm: runningVar must be one of unbiased,biased"},
      {{"layerNorm", 1, 0, {1, 7, 0, 0, 0, 0, 1e-5, 1, 1}},
       NL_SHAPE,
       "Given normalized_shape=[7], expected input with shape [*, 7], but got input of size[2, 4, 6, 5]"},
      {{"layerNorm", 1, 0, {0, 0, 0, 0, 0, 0, 1e-5, 1, 1}},
       NL_ARGUMENT,
       "Expected normalized_shape to be at least 1-dimensional"},
      {{"groupNorm", 1, 0, {3, 1e-5, 1, 1}}, NL_ARGUMENT, "num_channels must be divisible by num_groups"},
      {{"groupNorm", 1, 0, {nan_, 1e-5, 1, 1}}, NL_ARGUMENT, "groupNorm: numGroups"},
      {{"groupNorm", 1, 0, {2, 1e-5, 1, nan_}}, NL_ARGUMENT, "groupNorm: bias must be true or false, got nan"},
      {{"instanceNorm", 1, 0, {-1, 0.1, 0, 0}}, NL_ARGUMENT, "instanceNorm: eps must be a finite number >= 0, got -1"},
      {{"instanceNorm", 1, 0, {1e-5, nan_, 0, 0}}, NL_ARGUMENT, "instanceNorm: momentum must be a finite number"},
      {{"instanceNorm", 1, 0, {1e-5, 0.1, 0.5, 0}}, NL_ARGUMENT, "instanceNorm: affine must be true or false, got 0.5"},
      {{"instanceNorm", 2, 0, {1e-5, 0.1, 0, 0}}, NL_SHAPE, "(got 2D input)"},
      {{"rmsNorm", 1, 0, {1, 7, 0, 0, 0, 0, nan_, 1}},
       NL_SHAPE,
       "Given normalized_shape=[7], expected input with shape [*, 7], but got input of size[2, 4, 6, 5]"},
      {{"rmsNorm", 1, 0, {0, 0, 0, 0, 0, 0, nan_, 1}},
       NL_ARGUMENT,
       "Expected normalized_shape to be at least 1-dimensional"},
      {{"rmsNorm", 1, 0, {1, 5, 0, 0, 0, 0, -1, 1}}, NL_ARGUMENT, "rmsNorm: eps must be a finite number >= 0, got -1"},
      {{"rmsNorm", 1, 0, {1, 5, 0, 0, 0, 0, nan_, 3}}, NL_ARGUMENT, "rmsNorm: elementwiseAffine"},
      {{"add", 0, 1, {0}},
       NL_SHAPE,
       "residual: body and shortcut must end in the same shape, got [3, 6, 5] and [4, 6, 5]"},
      {{"add", 1, 2, {0}}, NL_SHAPE, "got [4, 6, 5] and [120]"},
      {{"add", 1, 3, {0}}, NL_ARGUMENT, "there is no node 3 to read"},
      {{"add", 1, -1, {0}}, NL_ARGUMENT, "add: takes 2 inputs"},
      {{"relu", 3, 0, {0}}, NL_ARGUMENT, "relu: there is no node 3 to read"},
      {{"relu", -1, 0, {0}}, NL_ARGUMENT, "relu: there is no node -1 to read"},
  };
  seed_data(1);
  const float *x = normals(2 * 90, 0, 1);
  float want[4], got[4];
  nl_model *clean = begin_model(), *model = begin_model();
  end_model(want, clean, x);
  for (int i = 0; i < COUNT_OF(cases); i++) {
    const layer_spec *l = &cases[i].layer;
    int32_t node = -7;
    const nl_status status = nl_model_add(model, &node, type_of(l->type), l->from,
                                          strcmp(l->type, "add") == 0 ? l->from2 : -1, l->args, settings_of(l->type));
    check_failed(status, cases[i].status, cases[i].words);
    assert_int_equal(node, -7);
    assert_int_equal(nl_model_tensor_count(model), 2);
  }
  int32_t node = -7;
  check_failed(nl_model_add(model, &node, -1, 0, -1, NULL, 0), NL_ARGUMENT, "there is no layer type -1");
  check_failed(nl_model_add(model, &node, 999, 0, -1, NULL, 0), NL_ARGUMENT, "there is no layer type 999");
  check_failed(nl_model_add(model, &node, type_of("relu"), 0, 1, NULL, 0), NL_ARGUMENT, "relu: takes 1 inputs");
  check_failed(nl_model_add(model, &node, type_of("linear"), 2, -1, (double[]){3}, 1), NL_ARGUMENT,
               "linear: its settings take 2 values, got 1");
  assert_int_equal(node, -7);
  end_model(got, model, x);
  check_same("logits", got, want, 4);
  nl_model_destroy(model);
  nl_model_destroy(clean);
}

/* A model in the making is refused where a finished one is wanted, and the other way round. */
TEST(order_of_calls) {
  float x[90 * 2] = {0}, logits[4], *data;
  double figures[64], loss;
  const int32_t labels[2] = {0, 1};
  int32_t node;
  nl_model *model = NULL;
  nl_trainer *trainer = NULL;
  nl_dataset *dataset = NULL;
  CHECK_OK(nl_model_create(&model, (int32_t[]){3, 6, 5}, 3, 7));
  check_failed(nl_model_finish(model), NL_ARGUMENT, "layers: a model needs at least one layer");
  nl_model_destroy(model);
  model = begin_model();
  CHECK_OK(nl_dataset_create(&dataset, x, 1, labels, 2, 3, 30, 2, NULL, NULL));
  check_failed(nl_model_forward(model, logits, x, 1, NL_EVAL), NL_STATE, "nl_model_forward: the model is not finished");
  check_failed(nl_model_gradients(model, &loss, NULL, NULL, x, labels, 1, NL_EVAL), NL_STATE, "not finished");
  check_failed(nl_model_compare(model, figures, logits, logits, x, 1, 4), NL_STATE, "not finished");
  check_failed(nl_evaluate(model, figures, dataset, 1, NL_EVAL), NL_STATE, "not finished");
  check_failed(sgd_trainer(&trainer, model, 0.1, 0, 0, 0, 0), NL_STATE, "trainer: the model is not finished");
  assert_null(trainer);
  assert_null(nl_model_tensor_data(model, 0));
  assert_null(nl_model_tensor_grad(model, 0));
  end_model(logits, model, x);
  data = nl_model_tensor_data(model, 0);
  check_failed(nl_model_finish(model), NL_STATE, "the model is finished already");
  check_failed(nl_model_add(model, &node, type_of("relu"), 4, -1, NULL, 0), NL_STATE, "the model is finished");
  assert_ptr_equal(nl_model_tensor_data(model, 0), data);
  CHECK_OK(nl_model_forward(model, logits, x, 2, NL_EVAL));
  nl_dataset_destroy(dataset);
  nl_model_destroy(model);
}

/* ---- passes ---- */

static float *values_of(nl_model *model) {
  int32_t size = 0, at = 0;
  for (int32_t i = 0; i < nl_model_tensor_count(model); i++) size += tensor_size(model, i);
  float *all = floats(size);
  for (int32_t i = 0; i < nl_model_tensor_count(model); i++) {
    memcpy(all + at, nl_model_tensor_data(model, i), (size_t)tensor_size(model, i) * sizeof *all);
    at += tensor_size(model, i);
  }
  return all;
}

static void check_unchanged(nl_model *model, const float *before, int32_t node, double batches) {
  int32_t at = 0;
  for (int32_t i = 0; i < nl_model_tensor_count(model); i++) {
    check_same("the model is as it was", nl_model_tensor_data(model, i), before + at, tensor_size(model, i));
    at += tensor_size(model, i);
  }
  assert_true(nl_model_batches_tracked(model, node) == batches);
}

TEST(passes) {
  seed_data(2);
  enum { N = 3 };
  const float *x = normals(N * 90, 0, 1);
  float logits[2 * N], other[2 * N], again[2 * N];
  double loss = 7, figures[4 * 64], step[3];
  const int32_t labels[N] = {0, 1, 1}, high[N] = {0, 1, 2}, low[N] = {0, -1, 1};
  nl_model *model = begin_model();
  end_model(logits, model, x);
  nl_trainer *trainer = NULL;
  CHECK_OK(sgd_trainer(&trainer, model, 0.1, 0.9, 0, 0, 0));
  const float *before = values_of(model);
  CHECK_OK(nl_model_forward(model, logits, x, N, NL_EVAL));
  const char *no_sample = "a batch needs at least 1 sample, got ";
  check_failed(nl_model_forward(model, other, x, 0, NL_EVAL), NL_SHAPE, no_sample);
  check_failed(nl_model_forward(model, other, x, -3, NL_TRAIN), NL_SHAPE, no_sample);
  check_failed(nl_model_gradients(model, &loss, other, NULL, x, labels, 0, NL_TRAIN), NL_SHAPE, no_sample);
  check_failed(nl_model_compare(model, figures, logits, other, x, 0, 8), NL_SHAPE, no_sample);
  check_failed(nl_trainer_step(trainer, step, x, labels, 0), NL_SHAPE, no_sample);
  check_failed(nl_model_forward(model, other, x, N, 3), NL_ARGUMENT, "there is no mode 3");
  check_failed(nl_model_gradients(model, &loss, other, NULL, x, labels, N, -1), NL_ARGUMENT, "there is no mode -1");
  check_failed(nl_model_compare(model, figures, logits, other, x, N, 0), NL_ARGUMENT,
               "bins: must be an integer from 1 to 4096, got 0");
  check_failed(nl_model_compare(model, figures, logits, other, x, N, 4097), NL_ARGUMENT, "bins:");
  const char *target = "labels[2]: Target 2 is out of bounds. Expected 0 to 1";
  check_failed(nl_model_gradients(model, &loss, other, NULL, x, high, N, NL_TRAIN), NL_ARGUMENT, target);
  check_failed(nl_trainer_step(trainer, step, x, high, N), NL_ARGUMENT, target);
  check_failed(nl_model_gradients(model, &loss, other, NULL, x, low, N, NL_TRAIN), NL_ARGUMENT,
               "labels[1]: Target -1 is out of bounds");
  check_failed(nl_trainer_step(trainer, step, x, low, N), NL_ARGUMENT, "labels[1]: Target -1 is out of bounds");
  assert_true(loss == 7);
  check_unchanged(model, before, 3, 1);
  CHECK_OK(nl_model_forward(model, again, x, N, NL_EVAL));
  check_same("logits", again, logits, 2 * N);
  nl_trainer_destroy(trainer);
  nl_model_destroy(model);
}

/* PyTorch's best known message, from whichever node it is about, before anything was computed. */
TEST(one_value_per_channel) {
  seed_data(3);
  const float *x = normals(2 * 90, 0, 1);
  float logits[4];
  double step[3], loss;
  nl_model *model = begin_model();
  end_model(logits, model, x);
  nl_trainer *trainer = NULL;
  CHECK_OK(sgd_trainer(&trainer, model, 0.1, 0, 0, 0, 0));
  const float *before = values_of(model);
  assert_int_equal(nl_model_failed_node(model), -1);
  const char *words = "Expected more than 1 value per channel when training, got input size [1, 120]";
  const int32_t label = 0;
  for (int call = 0; call < 4; call++) {
    const nl_status status = call == 0   ? nl_model_forward(model, logits, x, 1, NL_TRAIN)
                             : call == 1 ? nl_model_forward(model, logits, x, 1, NL_PROBE)
                             : call == 2 ? nl_model_gradients(model, &loss, NULL, NULL, x, &label, 1, NL_TRAIN)
                                         : nl_trainer_step(trainer, step, x, &label, 1);
    check_failed(status, NL_SHAPE, words);
    assert_int_equal(nl_model_failed_node(model), 3);
    check_unchanged(model, before, 3, 1);
    /* A failure that no node is to blame for is not put on the one before. */
    check_failed(nl_model_forward(model, logits, x, 0, NL_EVAL), NL_SHAPE, "at least 1 sample");
    assert_int_equal(nl_model_failed_node(model), -1);
    CHECK_OK(nl_model_forward(model, logits, x, 1, NL_EVAL));
  }
  nl_trainer_destroy(trainer);
  nl_model_destroy(model);
}

/* A model that does not end in logits can be looked at but not learn, and a refusal leaves its statistics alone. */
TEST(no_logits) {
  seed_data(4);
  const layer_spec layers[] = {{"batchNorm", 0, 0, {1e-5, 0.1, 1, 1, 0, 1}},
                               {"conv2d", 1, 0, {2, 1, 1, 1, 1, 0, 0, 1}}};
  nl_model *model = NULL;
  nl_trainer *trainer = NULL;
  nl_dataset *dataset = NULL;
  CHECK_OK(build_model(&model, (int32_t[]){1, 2, 2}, 3, layers, 2, 0));
  CHECK_OK(sgd_trainer(&trainer, model, 0.1, 0, 0, 0, 0));
  const float *x = normals(12, 0, 1), *before = values_of(model);
  float y[24];
  double loss, step[3];
  const int32_t labels[3] = {0};
  CHECK_OK(nl_model_forward(model, y, x, 3, NL_PROBE));
  check_failed(nl_model_gradients(model, &loss, NULL, NULL, x, labels, 3, NL_TRAIN), NL_SHAPE,
               "logits of shape [N, K]");
  check_unchanged(model, before, 1, 0);
  check_failed(nl_trainer_step(trainer, step, x, labels, 3), NL_SHAPE, "logits of shape [N, K]");
  check_unchanged(model, before, 1, 0);
  CHECK_OK(nl_dataset_create(&dataset, x, 1, labels, 3, 1, 4, 2, NULL, NULL));
  check_failed(nl_trainer_begin(trainer, dataset, 1, 0, 0, 0, 0), NL_SHAPE,
               "do not fit a model whose output is [2, 2, 2]");
  nl_dataset_destroy(dataset);
  nl_trainer_destroy(trainer);
  nl_model_destroy(model);
}

/* ---- data and training ---- */

TEST(datasets) {
  const uint8_t bytes[24] = {0};
  const int32_t labels[4] = {0, 1, 2, 0}, high[4] = {0, 1, 3, 0}, low[4] = {-1, 0, 0, 0};
  const double mean[] = {0.5, 0.5}, std[] = {1, 1}, zero[] = {1, 0}, negative[] = {-1, 1}, nans[] = {nan_, 1};
  const double infs[] = {1, inf_};
  const struct {
    const int32_t *labels;
    int32_t count, channels, pixels, classes;
    const double *mean, *std;
    const char *words;
  } cases[] = {
      {labels, 0, 2, 3, 3, mean, std, "dataset: count, channels, pixels and classes must be >= 1, got 0, 2, 3 and 3"},
      {labels, 4, -2, 3, 3, mean, std, "channels"},
      {labels, 4, 2, 0, 3, mean, std, "pixels"},
      {labels, 4, 2, 3, 0, mean, std, "classes"},
      {high, 4, 2, 3, 3, mean, std, "labels[2]: Target 3 is out of bounds. Expected 0 to 2"},
      {low, 4, 2, 3, 3, mean, std, "labels[0]: Target -1 is out of bounds"},
      {labels, 4, 2, 3, 3, mean, zero, "std positive, got 0.5 and 0 for channel 1"},
      {labels, 4, 2, 3, 3, mean, negative, "std positive, got 0.5 and -1 for channel 0"},
      {labels, 4, 2, 3, 3, nans, std, "mean must be finite"},
      {labels, 4, 2, 3, 3, infs, std, "mean must be finite"},
      {labels, 4, 2, 3, 3, mean, nans, "std"},
  };
  nl_dataset *dataset = NULL;
  for (int i = 0; i < COUNT_OF(cases); i++) {
    check_failed(nl_dataset_create(&dataset, bytes, 0, cases[i].labels, cases[i].count, cases[i].channels,
                                   cases[i].pixels, cases[i].classes, cases[i].mean, cases[i].std),
                 NL_ARGUMENT, cases[i].words);
    assert_null(dataset);
  }
  CHECK_OK(nl_dataset_create(&dataset, bytes, 0, labels, 4, 2, 3, 3, mean, std));
  nl_dataset_destroy(dataset);
}

TEST(trainers) {
  float logits[4], x[180] = {0};
  nl_model *model = begin_model();
  end_model(logits, model, x);
  nl_trainer *trainer = NULL;
  const struct {
    double lr, momentum, dampening, weight_decay;
    int32_t nesterov;
    const char *words;
  } cases[] = {
      {nan_, 0, 0, 0, 0, "Invalid learning rate: nan"},
      {-1, 0, 0, 0, 0, "Invalid learning rate: -1"},
      {inf_, 0, 0, 0, 0, "Invalid learning rate: inf"},
      {1, -1, 0, 0, 0, "Invalid momentum value: -1"},
      {1, nan_, 0, 0, 0, "Invalid momentum value: nan"},
      {1, 0, nan_, 0, 0, "dampening"},
      {1, 0, 0, -1, 0, "Invalid weight_decay value: -1"},
      {1, 0, 0, inf_, 0, "Invalid weight_decay value: inf"},
      {1, 0, 0, 0, 1, "Nesterov momentum requires a momentum and zero dampening"},
      {1, 0.9, 0.1, 0, 1, "Nesterov momentum requires a momentum and zero dampening"},
  };
  for (int i = 0; i < COUNT_OF(cases); i++) {
    check_failed(sgd_trainer(&trainer, model, cases[i].lr, cases[i].momentum, cases[i].dampening, cases[i].weight_decay,
                             cases[i].nesterov),
                 NL_ARGUMENT, cases[i].words);
    assert_null(trainer);
  }
  CHECK_OK(sgd_trainer(&trainer, model, 0.5, 0.9, 0, 0.1, 1));
  check_failed(nl_trainer_set_lr(trainer, nan_), NL_ARGUMENT, "Invalid learning rate: nan");
  check_failed(nl_trainer_set_lr(trainer, -0.5), NL_ARGUMENT, "Invalid learning rate: -0.5");
  CHECK_OK(nl_trainer_set_lr(trainer, 0));
  nl_trainer_destroy(trainer);
  nl_model_destroy(model);
}

TEST(passes_over_data) {
  seed_data(5);
  enum { COUNT = 7 };
  const float *images = normals(COUNT * 90, 0, 1);
  float logits[4];
  const int32_t labels[COUNT] = {0, 1, 0, 1, 0, 1, 1};
  nl_model *model = begin_model();
  end_model(logits, model, images);
  nl_trainer *trainer = NULL;
  nl_dataset *good = NULL, *small = NULL, *many = NULL;
  CHECK_OK(sgd_trainer(&trainer, model, 0.1, 0, 0, 0, 0));
  CHECK_OK(nl_dataset_create(&good, images, 1, labels, COUNT, 3, 30, 2, NULL, NULL));
  CHECK_OK(nl_dataset_create(&small, images, 1, labels, COUNT, 3, 29, 2, NULL, NULL));
  CHECK_OK(nl_dataset_create(&many, images, 1, labels, COUNT, 3, 30, 3, NULL, NULL));
  double figures[3 * 4], pair[2] = {7, 7};
  int32_t done = 7;
  check_failed(nl_trainer_run(trainer, figures, &done, 1), NL_STATE, "call nl_trainer_begin first");
  assert_int_equal(done, 0);
  CHECK_OK(nl_trainer_begin(trainer, good, 2, 0, 1, 0, 0));
  CHECK_OK(nl_trainer_run(trainer, figures, &done, 1));
  const struct {
    const nl_dataset *dataset;
    int32_t batch_size, drop_last;
    double seed;
    nl_status status;
    const char *words;
  } cases[] = {
      {good, 0, 0, 0, NL_ARGUMENT, "batchSize must be an integer >= 1, got 0"},
      {good, -5, 0, 0, NL_ARGUMENT, "batchSize must be an integer >= 1, got -5"},
      {good, 8, 1, 0, NL_ARGUMENT,
       "batchSize must be at most the 7 samples of the data where the last batch is dropped, got 8"},
      {good, 2, 0, nan_, NL_ARGUMENT, "seed: must be an integer in [0, 2^53), got nan"},
      {good, 2, 0, -1, NL_ARGUMENT, "seed:"},
      {good, 2, 0, 1.5, NL_ARGUMENT, "seed:"},
      {good, 2, 0, 0x1p53, NL_ARGUMENT, "seed:"},
      {small, 2, 0, 0, NL_SHAPE,
       "dataset: samples of 3 channels and 29 pixels do not fit a model whose input is [3, 6, 5]"},
      {many, 2, 0, 0, NL_SHAPE, "dataset: 3 classes do not fit a model whose output is [2]"},
  };
  for (int i = 0; i < COUNT_OF(cases); i++) {
    check_failed(
        nl_trainer_begin(trainer, cases[i].dataset, cases[i].batch_size, 1, cases[i].drop_last, cases[i].seed, 0),
        cases[i].status, cases[i].words);
    assert_int_equal(nl_trainer_steps_per_epoch(trainer), 3);
  }
  /* The passes that were begun before go on: two steps of three are left. */
  CHECK_OK(nl_trainer_run(trainer, figures, &done, 4));
  assert_int_equal(done, 2);
  /* A step refused in the midst tells how many came before it. */
  CHECK_OK(nl_trainer_begin(trainer, good, 3, 0, 0, 0, 0));
  check_failed(nl_trainer_run(trainer, figures, &done, 3), NL_SHAPE, "got input size [1, 120]");
  assert_int_equal(done, 2);
  check_failed(nl_evaluate(model, pair, good, 0, NL_EVAL), NL_ARGUMENT, "batchSize must be an integer >= 1, got 0");
  check_failed(nl_evaluate(model, pair, good, 2, NL_TRAIN), NL_ARGUMENT, "mode must be 'eval' or 'train'");
  check_failed(nl_evaluate(model, pair, good, 2, 9), NL_ARGUMENT, "mode");
  check_failed(nl_evaluate(model, pair, small, 2, NL_EVAL), NL_SHAPE, "29 pixels");
  check_failed(nl_evaluate(model, pair, good, 1, NL_PROBE), NL_SHAPE, "Expected more than 1 value per channel");
  assert_true(pair[0] == 7 && pair[1] == 7);
  CHECK_OK(nl_evaluate(model, pair, good, 3, NL_PROBE));
  CHECK_OK(nl_evaluate(model, pair, good, 3, NL_EVAL));
  nl_trainer_destroy(trainer);
  nl_dataset_destroy(good);
  nl_dataset_destroy(small);
  nl_dataset_destroy(many);
  nl_model_destroy(model);
}

TEST(memory) {
  nl_free(NULL);
  char *none = nl_alloc(0), *some = nl_alloc(1000);
  assert_non_null(none);
  assert_non_null(some);
  assert_int_equal((uintptr_t)some % 16, 0);
  memset(some, 1, 1000);
  assert_null(nl_alloc((size_t)1 << 40));
  nl_free(none);
  nl_free(some);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(model_create), CASE(model_add), CASE(order_of_calls), CASE(passes),           CASE(one_value_per_channel),
      CASE(no_logits),    CASE(datasets),  CASE(trainers),       CASE(passes_over_data), CASE(memory),
  };
  return cmocka_run_group_tests_name("bad input", tests, NULL, NULL);
}
