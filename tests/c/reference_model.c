#include "reference_model.h"

#include "reference.h"

#include <math.h>
#include <string.h>

void ref_model_copy(ref_model *r, const int32_t *shape, int32_t ndim, nl_model *model, const layer_spec *layers,
                    int32_t count) {
  assert_true(count < REF_MOST_NODES);
  *r = (ref_model){.layers = layers, .count = count, .model = model, .passes = nl_model_passes(model)};
  r->ndim[0] = ndim;
  for (int32_t i = 0; i < ndim; i++) r->shape[0][i] = shape[i];
  for (int32_t i = 0; i <= count; i++) {
    if (i > 0) r->ndim[i] = nl_model_node_shape(model, i, r->shape[i]);
    r->size[i] = 1;
    for (int32_t j = 0; j < r->ndim[i]; j++) r->size[i] *= r->shape[i][j];
  }
  for (int32_t i = 0; i < nl_model_tensor_count(model); i++) {
    int32_t info[4 + NL_MAX_DIMS];
    CHECK_OK(nl_model_tensor_info(model, i, info));
    r->tensor[info[0]][info[1]] = widened(nl_model_tensor_data(model, i), info[2]);
    r->tensor_size[info[0]][info[1]] = info[2];
  }
}

/* BatchNorm and InstanceNorm, which may keep running statistics. */
static ref run_tracking(ref_model *r, int32_t node, const double *x, int32_t n, int32_t mode, bool instance) {
  double *const *t = r->tensor[node], *mean = t[NL_RUNNING_MEAN], *var = t[NL_RUNNING_VAR];
  const layer_spec *l = &r->layers[node - 1];
  const int32_t c = r->shape[l->from][0], s = r->size[l->from] / c;
  const bool running = mean && mode == NL_EVAL;
  const ref_layout layout = instance && !running ? ref_instance_layout(n, c, s) : ref_batch_layout(n, c, s);
  const ref_norm f =
      ref_norm_forward(&layout, x, t[NL_WEIGHT], t[NL_BIAS], running ? mean : NULL, running ? var : NULL, l->args[0]);
  if (mean && mode == NL_TRAIN) {
    const double momentum = isnan(l->args[1]) ? 1 / ++r->batches[node] : l->args[1];
    const ref_target target = instance ? ref_instance_target(&f, n, c) : ref_batch_target(&f, l->args[4] == 0);
    memcpy(mean, ref_moved(mean, target.mean, momentum, c).value, (size_t)c * sizeof *mean);
    memcpy(var, ref_moved(var, target.var, momentum, c).value, (size_t)c * sizeof *var);
  }
  return f.y;
}

/* The product of a normalizedShape setting; null is the whole sample. */
static int32_t trailing(const double *dims, int32_t sample) {
  if (isnan(dims[0])) return sample;
  int32_t width = 1;
  for (int32_t j = 0; j < (int32_t)dims[0]; j++) width *= (int32_t)dims[1 + j];
  return width;
}

/* Weight Standardization: the rows of w [rows, size / rows]. */
static const double *standardized(const double *w, int32_t rows, int32_t size) {
  const int32_t row = size / rows;
  double *standard = doubles(size);
  for (int32_t i = 0; i < size; i += row) {
    double mean = 0, var = 0;
    for (int32_t j = i; j < i + row; j++) mean += w[j] / row;
    for (int32_t j = i; j < i + row; j++) var += (w[j] - mean) * (w[j] - mean) / row;
    for (int32_t j = i; j < i + row; j++) standard[j] = (w[j] - mean) / sqrt(var + 1e-5);
  }
  return standard;
}

static ref run_dropout(ref_model *r, int32_t node, const double *x, int32_t n, int32_t mode) {
  const int32_t size = n * r->size[node];
  const double passes = nl_model_passes(r->model);
  float *factors = floats(size);
  CHECK_OK(nl_model_set_passes(r->model, r->passes));
  CHECK_OK(nl_model_dropout_factors(r->model, factors, node, n));
  CHECK_OK(nl_model_set_passes(r->model, passes));
  ref y = ref_new(size);
  for (int32_t i = 0; i < size; i++) y.value[i] = mode == NL_EVAL ? x[i] : x[i] * factors[i];
  return y;
}

static ref run_layer(ref_model *r, int32_t node, const double *x, const double *x2, int32_t n, int32_t mode) {
  const layer_spec *l = &r->layers[node - 1];
  const double *args = l->args, *weight = r->tensor[node][NL_WEIGHT], *bias = r->tensor[node][NL_BIAS];
  const int32_t *in = r->shape[l->from], size = n * r->size[node], in_size = r->size[l->from];
  ref_window w = {n, in[0], in[1], in[2], r->shape[node][0], 1, 1, 1, 1, 0, 0};
  static const char *const activations[] = {"relu", "gelu", "sigmoid", "tanh"};
  for (int i = 0; i < 4; i++)
    if (strcmp(l->type, activations[i]) == 0) return ref_activation_forward(x, (ref_activation)i, size);
  if (strcmp(l->type, "linear") == 0) return ref_linear_forward(x, weight, bias, n, in_size, r->size[node]);
  if (strcmp(l->type, "conv2d") == 0) {
    w.kernel_h = (int32_t)args[1], w.kernel_w = (int32_t)args[2];
    w.stride_h = (int32_t)args[3], w.stride_w = (int32_t)args[4];
    w.padding_h = (int32_t)args[5], w.padding_w = (int32_t)args[6];
    if (args[8] != 0) weight = standardized(weight, r->shape[node][0], r->tensor_size[node][NL_WEIGHT]);
    return ref_conv2d_forward(x, weight, bias, &w);
  }
  if (strcmp(l->type, "maxPool2d") == 0 || strcmp(l->type, "avgPool2d") == 0) {
    w.kernel_h = (int32_t)args[0], w.kernel_w = (int32_t)args[1];
    w.stride_h = isnan(args[2]) ? w.kernel_h : (int32_t)args[2];
    w.stride_w = isnan(args[3]) ? w.kernel_w : (int32_t)args[3];
    w.padding_h = (int32_t)args[4], w.padding_w = (int32_t)args[5];
    return l->type[0] == 'm' ? ref_maxpool_forward(NULL, x, &w) : ref_avgpool_forward(x, &w);
  }
  if (strcmp(l->type, "globalAvgPool2d") == 0) {
    w.kernel_h = in[1], w.kernel_w = in[2];
    return ref_avgpool_forward(x, &w);
  }
  if (strcmp(l->type, "dropout") == 0) return run_dropout(r, node, x, n, mode);
  if (strcmp(l->type, "batchNorm") == 0) return run_tracking(r, node, x, n, mode, false);
  if (strcmp(l->type, "instanceNorm") == 0) return run_tracking(r, node, x, n, mode, true);
  if (strcmp(l->type, "layerNorm") == 0) {
    const int32_t width = trailing(args, in_size);
    const ref_layout layout = ref_layer_layout(size / width, width);
    return ref_norm_forward(&layout, x, weight, bias, NULL, NULL, args[6]).y;
  }
  if (strcmp(l->type, "rmsNorm") == 0) {
    const int32_t width = trailing(args, in_size);
    const ref_layout layout = ref_rms_layout(size / width, width);
    return ref_norm_forward(&layout, x, weight, NULL, NULL, NULL, isnan(args[6]) ? 0x1p-23 : args[6]).y;
  }
  if (strcmp(l->type, "groupNorm") == 0) {
    const ref_layout layout = ref_group_layout(n, in[0], in_size / in[0], (int32_t)args[0]);
    return ref_norm_forward(&layout, x, weight, bias, NULL, NULL, args[1]).y;
  }
  const bool add = strcmp(l->type, "add") == 0;
  if (!add && strcmp(l->type, "flatten") != 0 && strcmp(l->type, "identity") != 0)
    fail_msg("no reference for %s", l->type);
  ref y = ref_new(size);
  for (int32_t i = 0; i < size; i++) y.value[i] = x[i] + (add ? x2[i] : 0);
  return y;
}

void ref_model_run(ref_model *r, const double *x, int32_t n, int32_t mode) {
  r->value[0] = doubles((int64_t)n * r->size[0]);
  memcpy(r->value[0], x, (size_t)n * (size_t)r->size[0] * sizeof *x);
  for (int32_t i = 1; i <= r->count; i++) {
    const layer_spec *l = &r->layers[i - 1];
    r->value[i] = run_layer(r, i, r->value[l->from], r->value[l->from2], n, mode).value;
    for (int32_t j = 0; r->shift[i] && j < n * r->size[i]; j++) r->value[i][j] += r->shift[i][j];
  }
  if (mode == NL_TRAIN) r->passes++;
}

double ref_model_loss(ref_model *r, const double *x, const int32_t *labels, int32_t n, int32_t mode) {
  ref_model_run(r, x, n, mode);
  return ref_cross_entropy(NULL, NULL, r->value[r->count], labels, n, r->size[r->count]);
}

typedef struct {
  ref_model *model;
  const double *x;
  const int32_t *labels;
  int32_t n, mode;
} pass;

static double loss_of(void *context) {
  const pass *p = context;
  const void *before = mark();
  const double loss = ref_model_loss(p->model, p->x, p->labels, p->n, p->mode);
  release_since(before);
  return loss;
}

double *ref_model_gradient(ref_model *r, double *values, int32_t size, const double *x, const int32_t *labels,
                           int32_t n, int32_t mode) {
  /* A gradient moves nothing, whatever the pass did. */
  pass p = {r, x, labels, n, mode == NL_TRAIN ? NL_PROBE : mode};
  return ref_differences(loss_of, &p, values, size, 1e-6);
}
