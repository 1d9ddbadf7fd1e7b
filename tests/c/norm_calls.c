#include "norm_calls.h"

#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>

#define NORM(n, c, s, g) {n, c, s, g},
const extent norm_shapes[] = {
#include "kernels.inc"
};
const int32_t norm_shape_count = COUNT_OF(norm_shapes);

#define NORM_TIMED(n, c, h, w) {n, c, (h) * (w), 8},
#define ROWS_TIMED(m, l) {m, l, 1, 8},
const extent timed_norm_shapes[] = {
#include "kernels.inc"
};
const int32_t timed_norm_shape_count = COUNT_OF(timed_norm_shapes);

const char *norm_name(const norm_call *k) {
  static const char *const names[] = {"batchnorm", "batchnorm eval", "layernorm",
                                      "groupnorm", "instancenorm",   "rmsnorm"};
  return names[k->kernel];
}

int64_t extent_size(extent e) { return (int64_t)e.n * e.c * e.s; }

static ref_layout layout_of(norm_kernel kernel, extent e) {
  switch (kernel) {
  case LAYER: return ref_layer_layout(e.n, e.c * e.s);
  case RMS: return ref_rms_layout(e.n, e.c * e.s);
  case GROUP: return ref_group_layout(e.n, e.c, e.s, e.g);
  case INSTANCE: return ref_instance_layout(e.n, e.c, e.s);
  default: return ref_batch_layout(e.n, e.c, e.s);
  }
}

norm_call norm_prepare(norm_kernel kernel, extent e, float *x, float *dy, bool weight, bool bias) {
  norm_call k = {.kernel = kernel, .e = e, .eps = 1e-5, .layout = layout_of(kernel, e), .x = x, .dy = dy};
  const int32_t size = k.layout.size, stats = k.layout.stats, params = k.layout.params;
  if (weight) k.weight = normals(params, 1, 0.5);
  if (bias && kernel != RMS) k.bias = normals(params, 0, 0.5);
  if (kernel == BATCH_EVAL) {
    k.given_mean = normals(stats, 0, 1);
    k.given_var = floats(stats);
    for (int32_t i = 0; i < stats; i++) k.given_var[i] = (float)uniform(0.5, 3);
  }
  k.y = floats(size);
  k.dx = floats(size);
  k.dweight = floats(params);
  if (kernel != RMS) k.dbias = floats(params);
  if (kernel != RMS) k.mean = doubles(stats);
  k.invstd = doubles(stats);
  k.work = doubles(kernel == LAYER || kernel == RMS ? (int64_t)NL_ROWS_WORK(params) : 2 * params);
  return k;
}

nl_status norm_forward(norm_call *k) {
  const extent e = k->e;
  switch (k->kernel) {
  case BATCH:
    return nl_batchnorm_forward_train(k->y, k->mean, k->invstd, NULL, NULL, k->x, k->weight, k->bias, e.n, e.c, e.s,
                                      k->eps, 0.1, true, k->relu);
  case BATCH_EVAL:
    return nl_batchnorm_forward_eval(k->y, k->mean, k->invstd, k->x, k->given_mean, k->given_var, k->weight, k->bias,
                                     e.n, e.c, e.s, k->eps, k->relu);
  case LAYER:
    return nl_layernorm_forward(k->y, k->mean, k->invstd, k->x, k->weight, k->bias, e.n, e.c * e.s, k->eps, k->relu);
  case GROUP:
    return nl_groupnorm_forward(k->y, k->mean, k->invstd, k->x, k->weight, k->bias, e.n, e.c, e.s, e.g, k->eps,
                                k->relu);
  case INSTANCE:
    return nl_instancenorm_forward(k->y, k->mean, k->invstd, NULL, NULL, k->x, k->weight, k->bias, e.n, e.c, e.s,
                                   k->eps, 0.1, k->relu);
  default: return nl_rmsnorm_forward(k->y, k->invstd, k->x, k->weight, e.n, e.c * e.s, k->eps, k->relu);
  }
}

nl_status norm_backward(norm_call *k) {
  const extent e = k->e;
  const float *y = k->relu ? k->y : NULL;
  switch (k->kernel) {
  case BATCH:
  case BATCH_EVAL:
    return nl_batchnorm_backward(k->dx, k->dweight, k->dbias, k->dy, y, k->x, k->mean, k->invstd, k->weight, k->work,
                                 e.n, e.c, e.s, k->eps, k->kernel == BATCH);
  case LAYER:
    return nl_layernorm_backward(k->dx, k->dweight, k->dbias, k->dy, y, k->x, k->mean, k->invstd, k->weight, k->work,
                                 e.n, e.c * e.s, k->eps);
  case GROUP:
    return nl_groupnorm_backward(k->dx, k->dweight, k->dbias, k->dy, y, k->x, k->mean, k->invstd, k->weight, k->work,
                                 e.n, e.c, e.s, e.g, k->eps);
  case INSTANCE:
    return nl_instancenorm_backward(k->dx, k->dweight, k->dbias, k->dy, y, k->x, k->mean, k->invstd, k->weight, k->work,
                                    e.n, e.c, e.s, k->eps);
  default: return nl_rmsnorm_backward(k->dx, k->dweight, k->dy, y, k->x, k->invstd, k->weight, k->work, e.n, e.c * e.s);
  }
}

static void check_statistics(const char *what, const double *got, const ref *want) {
  for (int32_t i = 0; i < want->size; i++) check_double(what, got[i], want->value[i], 8 * want->error[i]);
}

void check_norm_call(norm_call *k) {
  char what[80];
  const int32_t size = k->layout.size, stats = k->layout.stats, params = k->layout.params;
  const double *x = widened(k->x, size), *dy = widened(k->dy, size);
  const double *weight = widened(k->weight, params), *bias = widened(k->bias, params);
  const double *mean = widened(k->given_mean, stats), *var = widened(k->given_var, stats);
  const ref_norm f = ref_norm_forward(&k->layout, x, weight, bias, mean, var, k->eps);
  const ref_gradient g = ref_norm_backward(&k->layout, dy, x, weight, mean, var, k->eps);
#define NAMED(result) \
  (snprintf(what, sizeof what, "%s [%d, %d, %d] %s", norm_name(k), k->e.n, k->e.c, k->e.s, (result)), what)
  CHECK_OK(norm_forward(k));
  check_close(NAMED("y"), k->y, f.y.value, f.y.error, size);
  if (k->mean) check_statistics(NAMED("mean"), k->mean, &f.mean);
  check_statistics(NAMED("invstd"), k->invstd, &f.invstd);
  CHECK_OK(norm_backward(k));
  check_close(NAMED("dx"), k->dx, g.dx.value, g.dx.error, size);
  check_close(NAMED("dweight"), k->dweight, g.dweight.value, g.dweight.error, params);
  if (k->dbias) check_close(NAMED("dbias"), k->dbias, g.dbias.value, g.dbias.error, params);
#undef NAMED
}
