/* Whole models: shapes, passes, gradients, memory, and the figures that are read off them. */
#include "net/model.h"
#include "reference.h"
#include "reference_model.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const double null = (double)NAN;

/* ---- the models under test ---- */

typedef struct {
  const char *name;
  int32_t ndim, shape[4];
  int32_t count;
  layer_spec layers[16];
} net;

static const net nets[] = {
    {"cnn",
     3,
     {2, 6, 5},
     10,
     {{"conv2d", 0, 0, {4, 3, 3, 1, 1, 1, 1, 1}},
      {"batchNorm", 1, 0, {1e-5, 0.1, 1, 1, 0, 1}},
      {"relu", 2, 0, {0}},
      {"maxPool2d", 3, 0, {2, 2, null, null, 0, 0}},
      {"conv2d", 4, 0, {6, 3, 2, 2, 1, 1, 1, 0}},
      {"groupNorm", 5, 0, {3, 1e-5, 1, 1}},
      {"gelu", 6, 0, {0}},
      {"globalAvgPool2d", 7, 0, {0}},
      {"flatten", 8, 0, {0}},
      {"linear", 9, 0, {3, 1}}}},
    {"mlp",
     3,
     {2, 3, 2},
     9,
     {{"flatten", 0, 0, {0}},
      {"linear", 1, 0, {7, 1}},
      {"batchNorm", 2, 0, {1e-3, null, 1, 1, 1, 1}},
      {"tanh", 3, 0, {0}},
      {"linear", 4, 0, {5, 0}},
      {"layerNorm", 5, 0, {null, 0, 0, 0, 0, 0, 1e-5, 1, 1}},
      {"sigmoid", 6, 0, {0}},
      {"identity", 7, 0, {0}},
      {"linear", 8, 0, {4, 1}}}},
    {"residual without a shortcut",
     3,
     {3, 4, 4},
     9,
     {{"conv2d", 0, 0, {4, 3, 3, 1, 1, 1, 1, 0}},
      {"batchNorm", 1, 0, {1e-5, 0.1, 1, 1, 0, 1}},
      {"relu", 2, 0, {0}},
      {"conv2d", 3, 0, {4, 3, 3, 1, 1, 1, 1, 0}},
      {"batchNorm", 4, 0, {1e-5, 0.1, 1, 1, 0, 1}},
      {"add", 5, 3, {0}},
      {"relu", 6, 0, {0}},
      {"flatten", 7, 0, {0}},
      {"linear", 8, 0, {3, 1}}}},
    {"residual with a shortcut, from the input",
     3,
     {3, 6, 6},
     9,
     {{"conv2d", 0, 0, {2, 3, 3, 2, 2, 1, 1, 0}},
      {"batchNorm", 1, 0, {1e-5, 0.1, 1, 1, 0, 1}},
      {"tanh", 2, 0, {0}},
      {"conv2d", 0, 0, {2, 1, 1, 2, 2, 0, 0, 0}},
      {"batchNorm", 4, 0, {1e-5, 0.1, 0, 1, 0, 1}},
      {"add", 3, 5, {0}},
      {"layerNorm", 6, 0, {3, 2, 3, 3, 0, 0, 1e-5, 1, 0}},
      {"flatten", 7, 0, {0}},
      {"linear", 8, 0, {3, 1}}}},
    /* What layers of products compute along, in eval mode and in both; and such as is read twice, which they must not. */
    {"joined",
     3,
     {8, 2, 3},
     13,
     {{"conv2d", 0, 0, {9, 3, 3, 1, 1, 1, 1, 1}},
      {"batchNorm", 1, 0, {1e-5, 0.1, 1, 1, 0, 1}},
      {"relu", 2, 0, {0}},
      {"conv2d", 3, 0, {3, 3, 3, 1, 1, 1, 1, 1}},
      {"relu", 4, 0, {0}},
      {"conv2d", 5, 0, {9, 1, 1, 1, 1, 0, 0, 0}},
      {"batchNorm", 6, 0, {1e-5, 0.1, 0, 1, 0, 1}},
      {"maxPool2d", 7, 0, {2, 2, null, null, 0, 0}},
      {"flatten", 8, 0, {0}},
      {"linear", 9, 0, {6, 1}},
      {"batchNorm", 10, 0, {1e-2, 0.1, 1, 1, 0, 0}},
      {"relu", 11, 0, {0}},
      {"linear", 12, 0, {4, 1}}}},
    /* Normalizations compute the relu after them along, and go back through it. */
    {"relus after norms",
     3,
     {3, 3, 2},
     13,
     {{"conv2d", 0, 0, {4, 3, 3, 1, 1, 1, 1, 1}},
      {"groupNorm", 1, 0, {2, 1e-2, 1, 1}},
      {"relu", 2, 0, {0}},
      {"instanceNorm", 3, 0, {1e-2, 0.1, 1, 1}},
      {"relu", 4, 0, {0}},
      {"layerNorm", 5, 0, {null, 0, 0, 0, 0, 0, 1e-2, 1, 1}},
      {"relu", 6, 0, {0}},
      {"add", 7, 5, {0}},
      {"flatten", 8, 0, {0}},
      {"linear", 9, 0, {6, 1}},
      {"rmsNorm", 10, 0, {null, 0, 0, 0, 0, 0, 1e-2, 1}},
      {"relu", 11, 0, {0}},
      {"linear", 12, 0, {3, 1}}}},
    {"read twice",
     3,
     {2, 4, 4},
     13,
     {{"conv2d", 0, 0, {3, 3, 3, 1, 1, 1, 1, 1}},
      {"batchNorm", 1, 0, {1e-5, 0.1, 1, 1, 0, 1}},
      {"add", 2, 1, {0}},
      {"conv2d", 3, 0, {3, 3, 3, 1, 1, 1, 1, 1}},
      {"batchNorm", 4, 0, {1e-5, 0.1, 1, 1, 0, 1}},
      {"relu", 5, 0, {0}},
      {"add", 6, 5, {0}},
      {"conv2d", 7, 0, {3, 3, 3, 1, 1, 1, 1, 1}},
      {"add", 8, 7, {0}},
      {"relu", 8, 0, {0}},
      {"add", 9, 10, {0}},
      {"flatten", 11, 0, {0}},
      {"linear", 12, 0, {3, 1}}}},
    /* Views of the input, of each other and of the output; sums of a node with itself and with a view of itself. */
    {"aliases",
     1,
     {6},
     9,
     {{"identity", 0, 0, {0}},
      {"flatten", 1, 0, {0}},
      {"add", 2, 0, {0}},
      {"linear", 3, 0, {6, 1}},
      {"identity", 4, 0, {0}},
      {"add", 5, 4, {0}},
      {"tanh", 6, 0, {0}},
      {"add", 7, 7, {0}},
      {"flatten", 8, 0, {0}}}},
    /* Without weights: normalization that is not affine, and pooling. */
    {"not affine",
     3,
     {4, 4, 6},
     6,
     {{"groupNorm", 0, 0, {2, 1e-5, 0, 1}},
      {"batchNorm", 1, 0, {1e-5, 0.1, 0, 0, 0, 1}},
      {"avgPool2d", 2, 0, {3, 2, 2, 2, 1, 1}},
      {"layerNorm", 3, 0, {2, 2, 4, 0, 0, 0, 1e-5, 0, 1}},
      {"maxPool2d", 4, 0, {2, 2, 1, 2, 0, 0}},
      {"flatten", 5, 0, {0}}}},
    /* A branch that nobody reads, and nodes with two readers. */
    {"a loose end",
     1,
     {5},
     8,
     {{"linear", 0, 0, {4, 1}},
      {"linear", 1, 0, {4, 1}},
      {"gelu", 1, 0, {0}},
      {"linear", 2, 0, {9, 1}},
      {"add", 2, 3, {0}},
      {"linear", 5, 0, {4, 0}},
      {"add", 6, 1, {0}},
      {"sigmoid", 7, 0, {0}}}},
    {"rows",
     2,
     {3, 5},
     5,
     {{"layerNorm", 0, 0, {1, 5, 0, 0, 0, 0, 1e-5, 1, 1}},
      {"batchNorm", 1, 0, {1e-5, 0.2, 1, 1, 0, 1}},
      {"groupNorm", 2, 0, {3, 1e-5, 1, 1}},
      {"flatten", 3, 0, {0}},
      {"linear", 4, 0, {2, 1}}}},
    {"instances and root mean squares",
     3,
     {4, 5, 3},
     9,
     {{"instanceNorm", 0, 0, {1e-5, 0.3, 1, 1}},
      {"conv2d", 1, 0, {4, 3, 3, 1, 1, 1, 1, 1}},
      {"batchNorm", 2, 0, {1e-5, 0.1, 1, 1, 0, 0}},
      {"tanh", 3, 0, {0}},
      {"rmsNorm", 4, 0, {1, 3, 0, 0, 0, 0, null, 1}},
      {"groupNorm", 5, 0, {2, 1e-3, 1, 0}},
      {"instanceNorm", 6, 0, {1e-3, 0.1, 0, 0}},
      {"flatten", 7, 0, {0}},
      {"rmsNorm", 8, 0, {null, 0, 0, 0, 0, 0, 1e-4, 1}}}},
    /* Alone, with what is computed along and folded, in a branch, and twice in a row. */
    {"standardized weights",
     3,
     {2, 5, 5},
     12,
     {{"conv2d", 0, 0, {4, 3, 3, 1, 1, 1, 1, 1, 1}},
      {"relu", 1, 0, {0}},
      {"conv2d", 2, 0, {4, 3, 3, 1, 1, 1, 1, 0, 1}},
      {"batchNorm", 3, 0, {1e-2, 0.1, 1, 1, 0, 1}},
      {"relu", 4, 0, {0}},
      {"conv2d", 2, 0, {4, 1, 1, 1, 1, 0, 0, 1, 1}},
      {"add", 5, 6, {0}},
      {"conv2d", 7, 0, {3, 2, 3, 2, 1, 0, 1, 1, 1}},
      {"groupNorm", 8, 0, {1, 1e-2, 1, 1}},
      {"tanh", 9, 0, {0}},
      {"flatten", 10, 0, {0}},
      {"linear", 11, 0, {3, 1}}}},
    /* Of the input, after a relu that is computed along, in the branch of a sum, and two in a row. */
    {"dropouts",
     3,
     {2, 4, 4},
     12,
     {{"dropout", 0, 0, {0.2}},
      {"conv2d", 1, 0, {3, 3, 3, 1, 1, 1, 1, 1}},
      {"batchNorm", 2, 0, {1e-2, 0.1, 1, 1, 0, 1}},
      {"relu", 3, 0, {0}},
      {"dropout", 4, 0, {0.5}},
      {"conv2d", 5, 0, {3, 3, 3, 1, 1, 1, 1, 1}},
      {"dropout", 6, 0, {0.3}},
      {"add", 7, 5, {0}},
      {"flatten", 8, 0, {0}},
      {"dropout", 9, 0, {0.25}},
      {"dropout", 10, 0, {0}},
      {"linear", 11, 0, {3, 1}}}},
    {"rows of root mean squares",
     2,
     {3, 7},
     4,
     {{"rmsNorm", 0, 0, {null, 0, 0, 0, 0, 0, 1e-2, 0}},
      {"instanceNorm", 1, 0, {1e-5, 1, 0, 1}},
      {"flatten", 2, 0, {0}},
      {"linear", 3, 0, {2, 1}}}},
};

static nl_model *build(const net *n, double seed) {
  nl_model *model = NULL;
  CHECK_OK(build_model(&model, n->shape, n->ndim, n->layers, n->count, seed));
  return model;
}

static int32_t product(const int32_t *shape, int32_t ndim) {
  int32_t size = 1;
  for (int32_t i = 0; i < ndim; i++) size *= shape[i];
  return size;
}

static int32_t output_of(const nl_model *model, int32_t node) {
  int32_t shape[NL_MAX_DIMS];
  const int32_t ndim = nl_model_node_shape(model, node, shape);
  return product(shape, ndim);
}

static char label[160];
#define NAMED(...) (snprintf(label, sizeof label, __VA_ARGS__), label)

/* ---- passes ---- */

/*
 * What each node's float32 output is off by grows from node to node; each node adds a few roundings of its largest value.
 * 8 times the number of nodes, in units of 2^-24 of the largest value, is the prediction for logits and gradients.
 */
static double allowed(int32_t nodes) { return 8.0 * nodes; }

TEST(forward) {
  seed_data(1);
  for (int i = 0; i < COUNT_OF(nets); i++) {
    const net *t = &nets[i];
    nl_model *model = build(t, i);
    disturb(model);
    const int32_t in = product(t->shape, t->ndim), out = output_of(model, t->count);
    ref_model want;
    ref_model_copy(&want, t->shape, t->ndim, model, t->layers, t->count);
    for (int32_t n = 2; n <= 9; n += 7)
      for (int32_t mode = NL_EVAL; mode <= NL_PROBE; mode++) {
        const float *x = normals((int64_t)n * in, 0.5, 1);
        float *logits = floats((int64_t)n * out);
        CHECK_OK(nl_model_forward(model, logits, x, n, mode));
        ref_model_run(&want, widened(x, (int64_t)n * in), n, mode);
        check_near(NAMED("%s, mode %d", t->name, mode), logits, want.value[t->count], allowed(t->count), n * out);
        for (int32_t node = 1; node <= t->count; node++)
          for (int32_t role = NL_RUNNING_MEAN; role <= NL_RUNNING_VAR; role++) {
            const int32_t tensor = tensor_of(model, node, role);
            if (tensor < 0) continue;
            check_near(NAMED("%s, mode %d, node %d, role %d", t->name, mode, node, role),
                       nl_model_tensor_data(model, tensor), want.tensor[node][role], allowed(t->count),
                       want.tensor_size[node][role]);
          }
      }
    nl_model_destroy(model);
  }
}

/* Every parameter and the input, against finite differences of the same model in float64. */
static void check_gradients(const char *name, nl_model *model, ref_model *want, const float *x, const int32_t *labels,
                            int32_t n, int32_t mode) {
  const int32_t in = want->size[0], out = want->size[want->count];
  double loss, *wide = widened(x, (int64_t)n * in);
  float *logits = floats((int64_t)n * out), *dinput = floats((int64_t)n * in);
  CHECK_OK(nl_model_gradients(model, &loss, logits, dinput, x, labels, n, mode));
  double *gradient[REF_MOST_NODES][2] = {{NULL}}, largest = 0;
  double *input = ref_model_gradient(want, wide, n * in, wide, labels, n, mode);
  for (int32_t i = 0; i < n * in; i++) largest = fmax(largest, fabs(input[i]));
  for (int32_t node = 1; node <= want->count; node++)
    for (int32_t role = NL_WEIGHT; role <= NL_BIAS; role++) {
      if (!want->tensor[node][role]) continue;
      const int32_t size = want->tensor_size[node][role];
      gradient[node][role] = ref_model_gradient(want, want->tensor[node][role], size, wide, labels, n, mode);
      for (int32_t i = 0; i < size; i++) largest = fmax(largest, fabs(gradient[node][role][i]));
    }
  /* What cancels to 0, like a bias before BatchNorm, is off by as much as what it cancels from. */
  const double tolerance = allowed(want->count) * 0x1p-24 * largest;
  const double exact = ref_model_loss(want, wide, labels, n, mode == NL_TRAIN ? NL_PROBE : mode);
  check_double(NAMED("%s, mode %d: loss", name, mode), loss, exact, allowed(want->count) * 0x1p-24 * (1 + exact));
  check_near(NAMED("%s, mode %d: logits", name, mode), logits, want->value[want->count], allowed(want->count), n * out);
  for (int32_t i = 0; i < n * in; i++)
    check_double(NAMED("%s, mode %d: dinput[%d]", name, mode, i), dinput[i], input[i], tolerance);
  for (int32_t node = 1; node <= want->count; node++)
    for (int32_t role = NL_WEIGHT; role <= NL_BIAS; role++) {
      if (!gradient[node][role]) continue;
      const float *grad = nl_model_tensor_grad(model, tensor_of(model, node, role));
      for (int32_t i = 0; i < want->tensor_size[node][role]; i++)
        check_double(NAMED("%s, mode %d, node %d, role %d [%d]", name, mode, node, role, i), grad[i],
                     gradient[node][role][i], tolerance);
    }
}

TEST(gradients) {
  seed_data(2);
  for (int i = 0; i < COUNT_OF(nets); i++)
    for (int32_t mode = NL_EVAL; mode <= NL_PROBE; mode++) {
      const net *t = &nets[i];
      nl_model *model = build(t, 10 + i);
      disturb(model);
      const int32_t n = 4, in = product(t->shape, t->ndim), out = output_of(model, t->count);
      ref_model want;
      ref_model_copy(&want, t->shape, t->ndim, model, t->layers, t->count);
      check_gradients(t->name, model, &want, normals((int64_t)n * in, 0.3, 1), random_labels(n, out), n, mode);
      nl_model_destroy(model);
    }
}

/* The net of that name by itself: the last weights are small, so that eps is part of their deviation. */
TEST(standardized_weights) {
  seed_data(30);
  const net *t = NULL;
  for (int i = 0; i < COUNT_OF(nets); i++)
    if (strcmp(nets[i].name, "standardized weights") == 0) t = &nets[i];
  assert_non_null(t);
  for (int32_t mode = NL_EVAL; mode <= NL_PROBE; mode++) {
    nl_model *model = build(t, 5);
    disturb(model);
    const int32_t tensor = tensor_of(model, 8, NL_WEIGHT), in = product(t->shape, t->ndim);
    for (int32_t i = 0; i < tensor_size(model, tensor); i++) nl_model_tensor_data(model, tensor)[i] *= 0.02f;
    ref_model want;
    ref_model_copy(&want, t->shape, t->ndim, model, t->layers, t->count);
    check_gradients(t->name, model, &want, normals(3 * in, 0.3, 1), random_labels(3, 3), 3, mode);
    nl_model_destroy(model);
  }
  const double one[] = {4, 1, 1, 1, 1, 0, 0, 1, 1};
  nl_model *model = NULL;
  int32_t node;
  CHECK_OK(nl_model_create(&model, (int32_t[]){1, 5, 5}, 3, 0));
  check_failed(nl_model_add(model, &node, type_of("conv2d"), 0, -1, one, 9), NL_SHAPE,
               "weightStandardization needs more than 1 weight per output channel, got weights of shape [4, 1, 1, 1]");
  nl_model_destroy(model);
}

/* Nodes that read any node before them: whatever lives when, the plan must keep it. No relu comes near its kink. */
TEST(gradients_of_random_graphs) {
  for (int round = 0; round < 60; round++) {
    seed_data(1000 + (uint64_t)round);
    const int32_t sizes[] = {integer(2, 7), integer(2, 7)}, count = integer(3, 14);
    const int32_t classes = integer(0, 1) ? 3 : 19;
    char name[40];
    snprintf(name, sizeof name, "random graph %d", round);
    net t = {.name = name, .ndim = 1, .shape = {sizes[0]}, .count = count + 1};
    int32_t width[REF_MOST_NODES] = {sizes[0]};
    for (int32_t node = 1; node <= count; node++) {
      const int32_t from = integer(0, 3) ? node - 1 : integer(0, node - 1), other = integer(0, node - 1);
      layer_spec *l = &t.layers[node - 1];
      width[node] = width[from];
      switch (integer(0, 9)) {
      case 0: *l = (layer_spec){"identity", from, 0, {0}}; break;
      case 1: *l = (layer_spec){"flatten", from, 0, {0}}; break;
      case 2: *l = (layer_spec){"tanh", from, 0, {0}}; break;
      case 3: *l = (layer_spec){"batchNorm", from, 0, {1e-2, 0.1, 1, 1, 0, 1}}; break;
      case 4: *l = (layer_spec){"layerNorm", from, 0, {null, 0, 0, 0, 0, 0, 1e-2, 1, 1}}; break;
      case 5: *l = (layer_spec){"relu", from, 0, {0}}; break;
      case 6:
      case 7:
        if (width[other] == width[from]) {
          *l = (layer_spec){"add", from, other, {0}};
          break;
        } /* fall through */
      default: width[node] = sizes[integer(0, 1)]; *l = (layer_spec){"linear", from, 0, {width[node], integer(0, 1)}};
      }
    }
    t.layers[count] = (layer_spec){"linear", count, 0, {classes, 1}};
    nl_model *model = build(&t, round);
    disturb(model);
    const int32_t n = integer(2, 6);
    ref_model want;
    ref_model_copy(&want, t.shape, t.ndim, model, t.layers, t.count);
    check_gradients(name, model, &want, normals((int64_t)n * sizes[0], 0, 1), random_labels(n, classes), n, NL_PROBE);
    nl_model_destroy(model);
    release(NULL);
  }
}

/* Any output may be left out, and none changes what the others are. */
TEST(outputs_may_be_left_out) {
  seed_data(3);
  for (int i = 0; i < COUNT_OF(nets); i++) {
    const net *t = &nets[i];
    nl_model *model = build(t, 1);
    disturb(model);
    const int32_t n = 3, in = product(t->shape, t->ndim), out = output_of(model, t->count);
    const float *x = normals((int64_t)n * in, 0, 1);
    const int32_t *labels = random_labels(n, out);
    double loss = 0;
    float *logits = floats((int64_t)n * out), *dinput = floats((int64_t)n * in);
    CHECK_OK(nl_model_gradients(model, &loss, logits, dinput, x, labels, n, NL_PROBE));
    float *grads[2 * REF_MOST_NODES];
    for (int32_t j = 0; j < nl_model_tensor_count(model); j++)
      grads[j] = nl_model_tensor_grad(model, j) ? copy_of(nl_model_tensor_grad(model, j), tensor_size(model, j)) : NULL;
    for (int wanted = 0; wanted < 8; wanted++) {
      double again = loss;
      float *logits2 = wanted & 2 ? floats((int64_t)n * out) : NULL,
            *dinput2 = wanted & 4 ? floats((int64_t)n * in) : NULL;
      CHECK_OK(nl_model_gradients(model, wanted & 1 ? &again : NULL, logits2, dinput2, x, labels, n, NL_PROBE));
      assert_true(again == loss);
      if (logits2) check_same("logits", logits2, logits, n * out);
      if (dinput2) check_same("dinput", dinput2, dinput, n * in);
      for (int32_t j = 0; j < nl_model_tensor_count(model); j++)
        if (grads[j]) check_same(t->name, nl_model_tensor_grad(model, j), grads[j], tensor_size(model, j));
    }
    nl_model_destroy(model);
  }
}

/* Everything a model holds, to see whether a call changed it. */
typedef struct {
  float *tensors[2 * REF_MOST_NODES];
  double batches[REF_MOST_NODES], passes;
} snapshot;

static snapshot state_of(nl_model *model, int32_t nodes) {
  snapshot s = {.passes = nl_model_passes(model)};
  for (int32_t i = 0; i < nl_model_tensor_count(model); i++)
    s.tensors[i] = copy_of(nl_model_tensor_data(model, i), tensor_size(model, i));
  for (int32_t i = 0; i <= nodes; i++) s.batches[i] = nl_model_batches_tracked(model, i);
  return s;
}

static void check_state(const char *what, nl_model *model, int32_t nodes, const snapshot *s) {
  for (int32_t i = 0; i < nl_model_tensor_count(model); i++)
    check_same(what, nl_model_tensor_data(model, i), s->tensors[i], tensor_size(model, i));
  for (int32_t i = 0; i <= nodes; i++) check_double(what, nl_model_batches_tracked(model, i), s->batches[i], 0);
  check_double(what, nl_model_passes(model), s->passes, 0);
}

TEST(only_training_updates) {
  seed_data(4);
  for (int i = 0; i < COUNT_OF(nets); i++) {
    const net *t = &nets[i];
    nl_model *model = build(t, 2);
    const int32_t n = 5, in = product(t->shape, t->ndim), out = output_of(model, t->count);
    const float *x = normals((int64_t)n * in, 1, 2);
    const int32_t *labels = random_labels(n, out);
    float *logits = floats((int64_t)n * out), *other = floats((int64_t)n * out);
    double *figures = doubles((int64_t)t->count * nl_model_compare_row(4));
    const snapshot before = state_of(model, t->count);
    for (int pass = 0; pass < 2; pass++) {
      const int32_t mode = pass == 0 ? NL_EVAL : NL_PROBE;
      CHECK_OK(nl_model_forward(model, logits, x, n, mode));
      CHECK_OK(nl_model_gradients(model, NULL, NULL, NULL, x, labels, n, mode));
    }
    CHECK_OK(nl_model_compare(model, figures, logits, other, x, n, 4));
    check_state(t->name, model, t->count, &before);
    float *train = floats((int64_t)n * out), *eval = floats((int64_t)n * out);
    CHECK_OK(nl_model_compare(model, NULL, train, eval, x, n, 4));
    check_state(t->name, model, t->count, &before);
    check_same(t->name, train, logits, n * out);
    check_same(t->name, eval, other, n * out);
    /* Weights are the optimizer's affair: training mode moves running statistics alone. */
    CHECK_OK(nl_model_forward(model, logits, x, n, NL_TRAIN));
    CHECK_OK(nl_model_gradients(model, NULL, NULL, NULL, x, labels, n, NL_TRAIN));
    bool tracks = false;
    for (int32_t j = 0; j < nl_model_tensor_count(model); j++) {
      int32_t info[4 + NL_MAX_DIMS];
      CHECK_OK(nl_model_tensor_info(model, j, info));
      if (info[1] <= NL_BIAS) check_same("weights", nl_model_tensor_data(model, j), before.tensors[j], info[2]);
      if (info[1] != NL_RUNNING_MEAN) continue;
      tracks = true;
      /* PyTorch's InstanceNorm has the count and leaves it at 0. */
      const bool instance = strcmp(t->layers[info[0] - 1].type, "instanceNorm") == 0;
      assert_true(nl_model_batches_tracked(model, info[0]) == (instance ? 0 : 2));
      assert_true(nl_model_tensor_data(model, j)[0] != before.tensors[j][0]);
    }
    for (int32_t node = 0; !tracks && node <= t->count; node++)
      assert_true(nl_model_batches_tracked(model, node) == -1);
    nl_model_destroy(model);
  }
}

/* In eval mode samples do not see each other: a large batch gives what its parts give. */
TEST(eval_in_parts) {
  seed_data(5);
  for (int i = 0; i < COUNT_OF(nets); i++) {
    const net *t = &nets[i];
    if (strcmp(t->name, "not affine") == 0)
      continue; /* its BatchNorm tracks nothing: see untracked_eval_is_one_batch */
    nl_model *model = build(t, 3);
    disturb(model);
    const int32_t n = 150, in = product(t->shape, t->ndim), out = output_of(model, t->count);
    const float *x = normals((int64_t)n * in, 0, 1);
    float *whole = floats((int64_t)n * out), *one = floats(out);
    CHECK_OK(nl_model_forward(model, whole, x, n, NL_EVAL));
    for (int32_t s = 0; s < n; s++) {
      CHECK_OK(nl_model_forward(model, one, x + s * in, 1, NL_EVAL));
      check_near(NAMED("%s, sample %d", t->name, s), whole + s * out, widened(one, out), allowed(t->count), out);
    }
    nl_model_destroy(model);
  }
}

/* Without running statistics eval mode takes the batch's, all of it. */
TEST(untracked_eval_is_one_batch) {
  seed_data(6);
  const net t = {"untracked", 1, {3}, 1, {{"batchNorm", 0, 0, {1e-5, 0.1, 1, 0, 0, 1}}}};
  nl_model *model = build(&t, 0);
  const int32_t n = 150;
  float *x = normals((int64_t)n * 3, 0, 1), *eval = floats(n * 3), *probe = floats(n * 3);
  for (int32_t i = 0; i < n * 3; i++) x[i] += i < n ? 5 : 0;
  CHECK_OK(nl_model_forward(model, eval, x, n, NL_EVAL));
  CHECK_OK(nl_model_forward(model, probe, x, n, NL_PROBE));
  check_same("eval", eval, probe, n * 3);
  nl_model_destroy(model);
}

/* GroupNorm with one value a group is refused for one sample alone; 65 of them are no such thing. */
TEST(no_part_is_too_small) {
  seed_data(7);
  const net t = {"single values", 1, {2}, 1, {{"groupNorm", 0, 0, {2, 1e-5, 1, 1}}}};
  nl_model *model = build(&t, 0);
  float *x = normals(130, 0, 1), *y = floats(130);
  CHECK_OK(nl_model_forward(model, y, x, 65, NL_EVAL));
  check_all("a value alone has no deviation", y, 0, 130);
  check_failed(nl_model_forward(model, y, x, 1, NL_EVAL), NL_SHAPE, "Expected more than 1 value per channel");
  nl_model_destroy(model);
}

/* ---- memory ---- */

TEST(growing_keeps_results) {
  seed_data(8);
  for (int i = 0; i < COUNT_OF(nets); i++) {
    const net *t = &nets[i];
    nl_model *model = build(t, 4), *fresh = build(t, 4);
    const int32_t most = 40, in = product(t->shape, t->ndim), out = output_of(model, t->count);
    const float *x = normals((int64_t)most * in, 0, 1);
    const int32_t *labels = random_labels(most, out);
    float *logits = floats((int64_t)most * out), *again = floats((int64_t)most * out);
    float *dinput = floats((int64_t)most * in), *dinput_again = floats((int64_t)most * in);
    static const int32_t batches[] = {2, 40, 3, 2};
    for (int b = 0; b < COUNT_OF(batches); b++) {
      const int32_t n = batches[b];
      CHECK_OK(nl_model_forward(model, logits, x, n, NL_PROBE));
      CHECK_OK(nl_model_gradients(model, NULL, again, dinput, x, labels, n, NL_PROBE));
      check_same("the plan for training gives the same", again, logits, n * out);
      nl_model *alone = build(t, 4);
      CHECK_OK(nl_model_gradients(alone, NULL, again, dinput_again, x, labels, n, NL_PROBE));
      check_same(t->name, again, logits, n * out);
      check_same(t->name, dinput_again, dinput, n * in);
      for (int32_t j = 0; j < nl_model_tensor_count(model); j++)
        if (nl_model_tensor_grad(model, j))
          check_same(t->name, nl_model_tensor_grad(model, j), nl_model_tensor_grad(alone, j), tensor_size(model, j));
      nl_model_destroy(alone);
    }
    nl_model_destroy(model);
    nl_model_destroy(fresh);
  }
}

/* A batch for which there is no memory is refused, and the model goes on with what it has. */
TEST(memory_refused) {
  seed_data(9);
  const net *t = &nets[0];
  nl_model *model = build(t, 5);
  const int32_t n = 3, in = product(t->shape, t->ndim), out = output_of(model, t->count);
  const float *x = normals((int64_t)n * in, 0, 1);
  const int32_t *labels = random_labels(n, out);
  float *logits = floats((int64_t)n * out), *again = floats((int64_t)n * out);
  CHECK_OK(nl_model_gradients(model, NULL, logits, NULL, x, labels, n, NL_PROBE));
  const snapshot before = state_of(model, t->count);
  check_failed(nl_model_forward(model, again, x, INT32_MAX / 1000, NL_TRAIN), NL_MEMORY,
               "out of memory: a batch of 2147483");
  check_state("refused", model, t->count, &before);
  CHECK_OK(nl_model_gradients(model, NULL, again, NULL, x, labels, n, NL_PROBE));
  check_same("logits", again, logits, n * out);
  nl_model_destroy(model);
  const net wide = {"wide", 1, {30000}, 1, {{"linear", 0, 0, {30000, 0}}}};
  check_failed(build_model(&model, wide.shape, wide.ndim, wide.layers, wide.count, 0), NL_MEMORY, "out of memory");
  nl_model_destroy(model);
  nl_model_destroy(NULL);
}

/* ---- building ---- */

TEST(shapes) {
  const net *t = &nets[0];
  nl_model *model = build(t, 0);
  static const int32_t want[][4] = {{3, 2, 6, 5}, {3, 4, 6, 5}, {3, 4, 6, 5}, {3, 4, 6, 5}, {3, 4, 3, 2}, {3, 6, 2, 3},
                                    {3, 6, 2, 3}, {3, 6, 2, 3}, {3, 6, 1, 1}, {1, 6},       {1, 3}};
  for (int32_t node = 0; node < COUNT_OF(want); node++) {
    int32_t shape[NL_MAX_DIMS];
    assert_int_equal(nl_model_node_shape(model, node, shape), want[node][0]);
    for (int32_t i = 0; i < want[node][0]; i++) assert_int_equal(shape[i], want[node][1 + i]);
  }
  int32_t shape[NL_MAX_DIMS];
  assert_int_equal(nl_model_node_shape(model, -1, shape), 0);
  assert_int_equal(nl_model_node_shape(model, COUNT_OF(want), shape), 0);
  nl_model_destroy(model);
}

TEST(tensors) {
  nl_model *model = build(&nets[0], 0);
  static const int32_t want[][8] = {
      {1, NL_WEIGHT, 72, 4, 4, 2, 3, 3},
      {1, NL_BIAS, 4, 1, 4},
      {2, NL_WEIGHT, 4, 1, 4},
      {2, NL_BIAS, 4, 1, 4},
      {2, NL_RUNNING_MEAN, 4, 1, 4},
      {2, NL_RUNNING_VAR, 4, 1, 4},
      {5, NL_WEIGHT, 6 * 4 * 6, 4, 6, 4, 3, 2},
      {6, NL_WEIGHT, 6, 1, 6},
      {6, NL_BIAS, 6, 1, 6},
      {10, NL_WEIGHT, 18, 2, 3, 6},
      {10, NL_BIAS, 3, 1, 3},
  };
  assert_int_equal(nl_model_tensor_count(model), COUNT_OF(want));
  for (int32_t i = 0; i < COUNT_OF(want); i++) {
    int32_t info[4 + NL_MAX_DIMS];
    CHECK_OK(nl_model_tensor_info(model, i, info));
    for (int32_t j = 0; j < 4 + want[i][3]; j++) assert_int_equal(info[j], want[i][j]);
    assert_non_null(nl_model_tensor_data(model, i));
    assert_true((nl_model_tensor_grad(model, i) != NULL) == (want[i][1] <= NL_BIAS));
  }
  int32_t info[4 + NL_MAX_DIMS];
  check_failed(nl_model_tensor_info(model, -1, info), NL_ARGUMENT, "there is no tensor -1");
  check_failed(nl_model_tensor_info(model, 11, info), NL_ARGUMENT, "there is no tensor 11");
  assert_null(nl_model_tensor_data(model, -1));
  assert_null(nl_model_tensor_data(model, 11));
  assert_null(nl_model_tensor_grad(model, 11));
  nl_model_destroy(model);
  model = build(&nets[3], 0);
  CHECK_OK(nl_model_tensor_info(model, tensor_of(model, 7, NL_WEIGHT), info));
  assert_true(info[3] == 3 && info[4] == 2 && info[5] == 3 && info[6] == 3);
  assert_int_equal(tensor_of(model, 7, NL_BIAS), -1);
  assert_int_equal(tensor_of(model, 5, NL_WEIGHT), -1);
  nl_model_destroy(model);
}

/* torch.nn.Linear and Conv2d: U(-b, b), b = 1 / sqrt(fan_in), for weight and bias; normalization starts neutral. */
TEST(initial_weights) {
  const net t = {"wide",
                 3,
                 {8, 5, 5},
                 4,
                 {{"conv2d", 0, 0, {32, 3, 5, 1, 1, 1, 1, 1}},
                  {"batchNorm", 1, 0, {1e-5, 0.1, 1, 1, 0, 1}},
                  {"flatten", 2, 0, {0}},
                  {"linear", 3, 0, {20, 1}}}};
  nl_model *model = build(&t, 12345678901), *twin = build(&t, 12345678901), *other = build(&t, 12345678902);
  const int32_t fan_in[] = {0, 8 * 3 * 5, 0, 0, 32 * 5 * 3};
  for (int32_t node = 1; node <= 4; node += 3)
    for (int32_t role = NL_WEIGHT; role <= NL_BIAS; role++) {
      const int32_t tensor = tensor_of(model, node, role), size = tensor_size(model, tensor);
      const float *values = nl_model_tensor_data(model, tensor);
      const double bound = 1 / sqrt(fan_in[node]);
      double sum = 0, squares = 0, largest = 0;
      for (int32_t i = 0; i < size; i++) {
        sum += values[i];
        squares += (double)values[i] * values[i];
        largest = fmax(largest, fabs(values[i]));
      }
      assert_true(largest <= bound * (1 + 1e-6));
      if (role == NL_WEIGHT) {
        assert_true(largest > 0.99 * bound);
        check_double("mean", sum / size, 0, 5 * bound / sqrt(3.0 * size));
        check_double("variance", squares / size, bound * bound / 3, 5 * bound * bound * sqrt(4 / 45.0 / size));
      } else {
        assert_true(largest > 0.5 * bound);
      }
      check_same("equal seeds", nl_model_tensor_data(twin, tensor), values, size);
      int32_t same = 0;
      for (int32_t i = 0; i < size; i++) same += nl_model_tensor_data(other, tensor)[i] == values[i];
      assert_true(same <= 2);
    }
  static const float neutral[] = {1, 0, 0, 1};
  for (int32_t role = 0; role < NL_ROLES; role++)
    check_all("batchNorm", nl_model_tensor_data(model, tensor_of(model, 2, role)), neutral[role], 32);
  nl_model_destroy(model);
  nl_model_destroy(twin);
  nl_model_destroy(other);
}

TEST(batches_tracked) {
  nl_model *model = build(&nets[0], 0);
  assert_true(nl_model_batches_tracked(model, 2) == 0);
  assert_true(nl_model_batches_tracked(model, 6) == -1);
  assert_true(nl_model_batches_tracked(model, 0) == -1);
  assert_true(nl_model_batches_tracked(model, 99) == -1);
  nl_model_set_batches_tracked(model, 2, 41);
  nl_model_set_batches_tracked(model, 6, 41);
  nl_model_set_batches_tracked(model, 99, 41);
  assert_true(nl_model_batches_tracked(model, 2) == 41);
  assert_true(nl_model_batches_tracked(model, 6) == -1);
  nl_model_destroy(model);
}

/* A model with more nodes and tensors than its first lists hold. */
TEST(deep_model) {
  seed_data(10);
  enum { DEPTH = 46 };
  layer_spec layers[DEPTH];
  for (int32_t i = 0; i < DEPTH; i++)
    layers[i] = i % 2 ? (layer_spec){"batchNorm", i, 0, {1e-5, 0.1, 1, 1, 0, 1}} : (layer_spec){"linear", i, 0, {4, 1}};
  nl_model *model = NULL;
  CHECK_OK(build_model(&model, (int32_t[]){4}, 1, layers, DEPTH, 1));
  assert_int_equal(nl_model_tensor_count(model), DEPTH / 2 * 6);
  ref_model want;
  ref_model_copy(&want, (int32_t[]){4}, 1, model, layers, DEPTH);
  const float *x = normals(24, 0, 1);
  float logits[24];
  CHECK_OK(nl_model_forward(model, logits, x, 6, NL_EVAL));
  ref_model_run(&want, widened(x, 24), 6, NL_EVAL);
  check_near("logits", logits, want.value[DEPTH], allowed(DEPTH), 24);
  nl_model_destroy(model);
}

/* ---- train against eval ---- */

/* A product of more than 256 terms reads its input again after its first writes: what it computes along must lie elsewhere. */
TEST(joined_output_lies_apart) {
  enum { N = 64, IN = 300, OUT = 5 };
  static const layer_spec last[] = {{"batchNorm", 2, 0, {1e-5, 0.1, 1, 1, 0, 1}}, {"relu", 2, 0, {0}}};
  seed_data(22);
  for (int i = 0; i < COUNT_OF(last); i++) {
    const net t = {"joined", 1, {IN}, 3, {{"tanh", 0, 0, {0}}, {"linear", 1, 0, {OUT, 1}}, last[i]}};
    nl_model *model = build(&t, 4);
    disturb(model);
    ref_model want;
    ref_model_copy(&want, t.shape, t.ndim, model, t.layers, t.count);
    const float *x = normals(N * IN, 0, 1);
    float *y = floats(N * OUT);
    CHECK_OK(nl_model_forward(model, y, x, N, NL_EVAL));
    ref_model_run(&want, widened(x, N * IN), N, NL_EVAL);
    check_near(last[i].type, y, want.value[3], allowed(3), N * OUT);
    nl_model_destroy(model);
  }
}

/* Without a finite scale there is nothing to fold: each layer says for itself what comes of it. */
TEST(eval_without_variance) {
  seed_data(21);
  const net bare = {
      "bare",
      3,
      {2, 6, 5},
      3,
      {{"conv2d", 0, 0, {3, 3, 3, 1, 1, 1, 1, 1}}, {"batchNorm", 1, 0, {0, 0.1, 1, 1, 0, 1}}, {"relu", 2, 0, {0}}}};
  nl_model *model = build(&bare, 3);
  disturb(model);
  nl_model_tensor_data(model, tensor_of(model, 2, NL_RUNNING_VAR))[1] = 0;
  const int32_t n = 3, out = output_of(model, 3);
  const float *x = normals((int64_t)n * 2 * 6 * 5, 0.5, 1);
  float *y = floats((int64_t)n * out);
  CHECK_OK(nl_model_forward(model, y, x, n, NL_EVAL));
  CHECK_OK(nl_model_run(model, x, n, NL_EVAL));
  check_same("y", y, nl_model_value(model, 3), n * out);
  int32_t infinite = 0;
  for (int32_t i = 0; i < n * out; i++) infinite += isinf(y[i]) != 0;
  assert_true(infinite > 0);
  nl_model_destroy(model);
}

TEST(compare) {
  seed_data(11);
  for (int i = 0; i < COUNT_OF(nets); i++) {
    const net *t = &nets[i];
    nl_model *model = build(t, 6);
    disturb(model);
    const int32_t n = 6, bins = 7, in = product(t->shape, t->ndim), out = output_of(model, t->count);
    const int32_t row = nl_model_compare_row(bins);
    assert_int_equal(row, 16 + 2 * bins);
    const float *x = normals((int64_t)n * in, 0.5, 1);
    double *figures = doubles((int64_t)t->count * row);
    float *train = floats((int64_t)n * out), *eval = floats((int64_t)n * out), *want = floats((int64_t)n * out);
    CHECK_OK(nl_model_compare(model, figures, train, eval, x, n, bins));
    CHECK_OK(nl_model_forward(model, want, x, n, NL_PROBE));
    check_same("logits in train mode", train, want, n * out);
    CHECK_OK(nl_model_forward(model, want, x, n, NL_EVAL));
    check_same("logits in eval mode", eval, want, n * out);
    /* Each node's outputs, kept from a pass in either mode. */
    float *outputs[2][REF_MOST_NODES];
    CHECK_OK(nl_model_reserve(model, n, true));
    for (int which = 0; which < 2; which++) {
      CHECK_OK(nl_model_run(model, x, n, which == 0 ? NL_PROBE : NL_EVAL));
      for (int32_t node = 1; node <= t->count; node++)
        outputs[which][node] = copy_of(nl_model_value(model, node), (int64_t)n * output_of(model, node));
    }
    for (int32_t node = 1; node <= t->count; node++) {
      const double *f = figures + (node - 1) * row;
      const float *a = outputs[0][node], *b = outputs[1][node];
      const int32_t size = n * output_of(model, node);
      NAMED("%s, node %d", t->name, node);
      const double *wide[2] = {widened(a, size), widened(b, size)};
      check_moments(label, f, wide[0], 0, size);
      check_moments(label, f + 5, wide[1], 0, size);
      double most = 0, mean = 0, squares = 0, dot = 0, length_a = 0, length_b = 0;
      for (int32_t j = 0; j < size; j++) {
        const double d = fabs((double)a[j] - b[j]);
        most = fmax(most, d);
        mean += d / size;
        squares += d * d / size;
        dot += (double)a[j] * b[j];
        length_a += (double)a[j] * a[j];
        length_b += (double)b[j] * b[j];
      }
      check_double(label, f[10], most, 0);
      check_double(label, f[11], mean, 1e-12 * (1 + mean));
      check_double(label, f[12], sqrt(squares), 1e-12 * (1 + sqrt(squares)));
      check_double(label, f[13], dot / sqrt(length_a * length_b), 1e-12);
      check_double(label, f[14], fmin(f[2], f[7]), 0);
      check_double(label, f[15], fmax(f[3], f[8]), 0);
      check_histogram(label, f + 16, bins, f + 14, wide[0], 0, size);
      check_histogram(label, f + 16 + bins, bins, f + 14, wide[1], 0, size);
    }
    nl_model_destroy(model);
  }
}

/* Constant outputs, zeros and values that are no numbers still give a histogram with edges apart. */
TEST(compare_of_odd_values) {
  const net t = {"relu", 1, {2}, 1, {{"relu", 0, 0, {0}}}};
  nl_model *model = build(&t, 0);
  enum { BINS = 4, ROW = 16 + 2 * BINS };
  assert_int_equal(nl_model_compare_row(BINS), ROW);
  double f[ROW];
  float train[4], eval[4];
  CHECK_OK(nl_model_compare(model, f, train, eval, (float[]){-1, -2, -3, -4}, 2, BINS));
  assert_true(f[10] == 0 && f[13] == 1 && f[14] < 0 && f[15] > 0);
  double counted = 0;
  for (int b = 0; b < BINS; b++) counted += f[16 + b];
  assert_true(counted == 4);
  CHECK_OK(nl_model_compare(model, f, train, eval, (float[]){1e30f, 1e30f, 1e30f, 1e30f}, 2, BINS));
  assert_true(f[14] < (double)1e30f && f[15] > (double)1e30f);
  CHECK_OK(nl_model_compare(model, f, train, eval, (float[]){NAN, 1, 2, INFINITY}, 2, BINS));
  check_moments("beside NaN and infinity", f, (double[]){NAN, 1, 2, INFINITY}, 0, 4);
  assert_true(f[14] == 1 && f[15] == 2);
  CHECK_OK(nl_model_compare(model, f, train, eval, (float[]){NAN, NAN, NAN, INFINITY}, 2, BINS));
  assert_true(isnan(f[0]) && isnan(f[1]) && isnan(f[2]) && isnan(f[3]) && f[4] == 4 && f[14] < f[15]);
  nl_model_destroy(model);
}

/* ---- evaluating ---- */

static const net classifier = {"classifier",
                               3,
                               {2, 3, 3},
                               5,
                               {{"conv2d", 0, 0, {3, 2, 2, 1, 1, 0, 0, 1}},
                                {"batchNorm", 1, 0, {1e-5, 0.1, 1, 1, 0, 1}},
                                {"relu", 2, 0, {0}},
                                {"flatten", 3, 0, {0}},
                                {"linear", 4, 0, {4, 1}}}};

/* The figures of batches that a test cuts by itself. */
static void evaluate_by_hand(double *figures, nl_model *model, const float *x, const int32_t *labels, int32_t count,
                             int32_t batch, int32_t mode) {
  const int32_t in = 18, k = 4;
  double loss = 0, hits = 0;
  for (int32_t i = 0, n; i < count; i += n) {
    n = count - i < batch ? count - i : batch;
    if (batch > 1 && count - i - n == 1) n++;
    float *logits = floats((int64_t)n * k);
    CHECK_OK(nl_model_forward(model, logits, x + i * in, n, mode));
    int32_t correct;
    loss += n * ref_cross_entropy(&correct, NULL, widened(logits, (int64_t)n * k), labels + i, n, k);
    hits += correct;
  }
  figures[0] = loss / count;
  figures[1] = hits / count;
}

/* `tracks`: without running statistics eval mode is about batches too, down to the last. */
static void check_evaluate(bool tracks) {
  enum { COUNT = 31, CHANNELS = 2, PIXELS = 9 };
  seed_data(12);
  net t = classifier;
  t.layers[1].args[3] = tracks;
  nl_model *model = build(&t, 7);
  disturb(model);
  static uint8_t bytes[COUNT * CHANNELS * PIXELS];
  const double mean[] = {0.3, 0.6}, std[] = {0.2, 0.4};
  float *x = floats(COUNT * CHANNELS * PIXELS);
  for (int32_t i = 0; i < COUNT_OF(bytes); i++) {
    const int32_t c = i / PIXELS % CHANNELS;
    bytes[i] = (uint8_t)integer(0, 255);
    x[i] = (float)((bytes[i] / 255.0 - mean[c]) / std[c]);
  }
  const int32_t *labels = random_labels(COUNT, 4);
  nl_dataset *raw = NULL, *ready = NULL;
  CHECK_OK(nl_dataset_create(&raw, bytes, 0, labels, COUNT, CHANNELS, PIXELS, 4, mean, std));
  CHECK_OK(nl_dataset_create(&ready, x, 1, labels, COUNT, CHANNELS, PIXELS, 4, NULL, NULL));
  static const int32_t batches[] = {1, 2, 5, 6, 10, 30, 31, 32, 1000};
  for (int i = 0; i < COUNT_OF(batches); i++)
    for (int pass = 0; pass < 2; pass++) {
      const int32_t mode = pass == 0 ? NL_EVAL : NL_PROBE;
      double got[2], want[2];
      evaluate_by_hand(want, model, x, labels, COUNT, batches[i], mode);
      CHECK_OK(nl_evaluate(model, got, raw, batches[i], mode));
      check_double(NAMED("loss, batches of %d, mode %d", batches[i], mode), got[0], want[0], 1e-6 * want[0]);
      check_double(NAMED("accuracy, batches of %d, mode %d", batches[i], mode), got[1], want[1], 1e-15);
      CHECK_OK(nl_evaluate(model, want, ready, batches[i], mode));
      assert_true(got[0] == want[0] && got[1] == want[1]);
    }
  nl_dataset_destroy(raw);
  nl_dataset_destroy(ready);
  nl_dataset_destroy(NULL);
  nl_model_destroy(model);
}

TEST(evaluate) {
  check_evaluate(true);
  check_evaluate(false);
}

/* ---- running statistics by other means ---- */

static const int32_t six[] = {6};
static const layer_spec normed[] = {{"batchNorm", 0, 0, {1e-5, 0.1, 1, 1, 0, 1}}, {"linear", 1, 0, {3, 1}}};

/* The mean over batches of 4, 4 and 5 of their means and unbiased variances; of batches of 4 and 4 where two are asked for. */
TEST(recalibrate) {
  enum { COUNT = 13, C = 6 };
  static const int32_t starts[] = {0, 4, 8, COUNT};
  seed_data(21);
  const float *images = normals(COUNT * C, 2, 3);
  const int32_t *labels = random_labels(COUNT, 3);
  nl_model *model = NULL;
  nl_dataset *dataset = NULL;
  CHECK_OK(build_model(&model, six, 1, normed, 2, 3));
  CHECK_OK(nl_dataset_create(&dataset, images, 1, labels, COUNT, 1, C, 3, NULL, NULL));
  disturb(model);
  for (int32_t batches = 0; batches < 4; batches++) {
    const int32_t used = batches == 0 ? 3 : batches;
    CHECK_OK(nl_recalibrate(model, dataset, 4, batches));
    assert_true(nl_model_batches_tracked(model, 1) == used);
    for (int32_t j = 0; j < C; j++) {
      double mean = 0, var = 0;
      for (int32_t b = 0; b < used; b++) {
        const int32_t n = starts[b + 1] - starts[b];
        double sum = 0, squares = 0;
        for (int32_t i = starts[b]; i < starts[b + 1]; i++) sum += images[i * C + j];
        for (int32_t i = starts[b]; i < starts[b + 1]; i++) squares += pow(images[i * C + j] - sum / n, 2);
        mean += sum / n / used;
        var += squares / (n - 1) / used;
      }
      check_double("running_mean", nl_model_tensor_data(model, tensor_of(model, 1, NL_RUNNING_MEAN))[j], mean, 1e-5);
      check_double("running_var", nl_model_tensor_data(model, tensor_of(model, 1, NL_RUNNING_VAR))[j], var, 1e-4);
    }
  }
  float before[C];
  memcpy(before, nl_model_tensor_data(model, tensor_of(model, 1, NL_RUNNING_MEAN)), sizeof before);
  check_failed(nl_recalibrate(model, dataset, 1, 0), NL_SHAPE, "Expected more than 1 value per channel");
  check_failed(nl_recalibrate(model, dataset, 0, 0), NL_ARGUMENT, "batchSize must be an integer >= 1, got 0");
  check_failed(nl_recalibrate(model, dataset, 4, -1), NL_ARGUMENT, "batches must be an integer >= 0, got -1");
  check_same("kept", nl_model_tensor_data(model, tensor_of(model, 1, NL_RUNNING_MEAN)), before, C);
  nl_dataset_destroy(dataset);
  nl_model_destroy(model);
}

/* Training mode of a frozen BatchNorm is eval mode, also where it has one value per channel; thawed it is itself again. */
/* BatchRenorms are BatchNorms while their statistics are measured, so that those behind them see the same; then no more. */
TEST(recalibrate_renorm) {
  enum { COUNT = 12, C = 6 };
  seed_data(23);
  layer_spec layers[] = {{"batchRenorm", 0, 0, {1e-5, 0.1, 1, 1, 0, 1, 3, 5}},
                         {"tanh", 1, 0, {0}},
                         {"batchRenorm", 2, 0, {1e-5, 0.1, 1, 1, 0, 1, 3, 5}},
                         {"linear", 3, 0, {3, 1}}};
  const float *images = normals(COUNT * C, 2, 3);
  nl_dataset *dataset = NULL;
  nl_model *models[2];
  float logits[2][COUNT * 3];
  CHECK_OK(nl_dataset_create(&dataset, images, 1, ints(COUNT), COUNT, 1, C, 3, NULL, NULL));
  for (int i = 0; i < 2; i++) {
    if (i == 1) layers[0].type = layers[2].type = "batchNorm";
    CHECK_OK(build_model(&models[i], six, 1, layers, 4, 3));
    CHECK_OK(nl_recalibrate(models[i], dataset, 4, 0));
    CHECK_OK(nl_model_forward(models[i], logits[i], images, COUNT, NL_PROBE));
  }
  for (int32_t i = 0; i < nl_model_tensor_count(models[0]); i++)
    check_same("tensor", nl_model_tensor_data(models[0], i), nl_model_tensor_data(models[1], i),
               tensor_size(models[0], i));
  assert_memory_not_equal(logits[0], logits[1], sizeof logits[0]);
  CHECK_OK(nl_model_set_frozen(models[0], 1, 1));
  for (int i = 0; i < 2; i++) nl_model_destroy(models[i]);
  nl_dataset_destroy(dataset);
}

TEST(frozen) {
  enum { N = 5, C = 6 };
  seed_data(22);
  const float *x = normals(N * C, 1, 2);
  const int32_t *labels = random_labels(N, 3);
  nl_model *model = NULL;
  CHECK_OK(build_model(&model, six, 1, normed, 2, 3));
  disturb(model);
  float eval[N * 3], train[N * 3], deval[N * C], dtrain[N * C];
  double loss;
  CHECK_OK(nl_model_gradients(model, &loss, eval, deval, x, labels, N, NL_EVAL));
  const float *mean = nl_model_tensor_data(model, tensor_of(model, 1, NL_RUNNING_MEAN)), *kept = copy_of(mean, C);
  CHECK_OK(nl_model_set_frozen(model, 1, 1));
  for (int32_t mode = NL_TRAIN; mode <= NL_PROBE; mode++) {
    CHECK_OK(nl_model_gradients(model, &loss, train, dtrain, x, labels, N, mode));
    check_same("logits", train, eval, N * 3);
    check_same("dinput", dtrain, deval, N * C);
    for (int role = NL_WEIGHT; role <= NL_BIAS; role++)
      check_all("no gradient", nl_model_tensor_grad(model, tensor_of(model, 1, role)), 0, C);
  }
  CHECK_OK(nl_model_gradients(model, &loss, train, NULL, x, labels, 1, NL_TRAIN));
  check_same("running mean", mean, kept, C);
  assert_true(nl_model_batches_tracked(model, 1) == 0);
  CHECK_OK(nl_model_set_frozen(model, 1, 0));
  check_failed(nl_model_gradients(model, &loss, train, NULL, x, labels, 1, NL_TRAIN), NL_SHAPE, "more than 1 value");
  CHECK_OK(nl_model_gradients(model, &loss, train, NULL, x, labels, N, NL_TRAIN));
  assert_true(nl_model_tensor_grad(model, tensor_of(model, 1, NL_WEIGHT))[0] != 0 && mean[0] != kept[0]);
  check_failed(nl_model_set_frozen(model, 2, 1), NL_ARGUMENT, "only a batchNorm with running statistics");
  check_failed(nl_model_set_frozen(model, 9, 1), NL_ARGUMENT, "node 9 is none");
  nl_model_destroy(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(forward),
      CASE(gradients),
      CASE(standardized_weights),
      CASE(gradients_of_random_graphs),
      CASE(outputs_may_be_left_out),
      CASE(only_training_updates),
      CASE(eval_in_parts),
      CASE(untracked_eval_is_one_batch),
      CASE(no_part_is_too_small),
      CASE(growing_keeps_results),
      CASE(memory_refused),
      CASE(shapes),
      CASE(tensors),
      CASE(initial_weights),
      CASE(batches_tracked),
      CASE(deep_model),
      CASE(joined_output_lies_apart),
      CASE(eval_without_variance),
      CASE(compare),
      CASE(compare_of_odd_values),
      CASE(evaluate),
      CASE(recalibrate),
      CASE(recalibrate_renorm),
      CASE(frozen),
  };
  return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
