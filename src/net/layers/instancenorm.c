#include "net/norm.h"

static const nl_setting settings[] = {
    {.name = "eps", .kind = NL_NUMBER, .standard = 1e-5},
    {.name = "momentum", .kind = NL_NUMBER, .standard = 0.1, .least = -INFINITY},
    {.name = "affine", .kind = NL_BOOL, .standard = 0},
    {.name = "trackRunningStats", .kind = NL_BOOL, .standard = 0},
};

static nl_status configure(nl_norm *norm, const double *args, const int32_t *sample, int32_t ndim) {
  (void)sample;
  (void)ndim;
  NL_CHECK(norm->features >= 1, NL_ARGUMENT, "instanceNorm: numFeatures must be an integer >= 1, got %d",
           norm->features);
  norm->eps = args[0];
  norm->momentum = args[1];
  norm->track = args[3] != 0;
  if (args[2] != 0) norm->size[NL_WEIGHT] = norm->size[NL_BIAS] = norm->features;
  if (norm->track) norm->size[NL_RUNNING_MEAN] = norm->size[NL_RUNNING_VAR] = norm->features;
  return NL_OK;
}

static bool uses_instance_stats(const nl_norm *norm, int32_t mode) { return mode != NL_EVAL || !norm->track; }

static nl_status fit(const nl_norm *norm, nl_extent *extent, const int32_t *shape, int32_t ndim, int32_t mode) {
  if (norm->dims > 0)
    NL_CHECK(ndim == norm->dims + 1 || ndim == norm->dims + 2, NL_SHAPE, "expected %dD or %dD input (got %dD input)",
             norm->dims + 1, norm->dims + 2, ndim);
  else
    NL_CHECK(ndim >= 3, NL_SHAPE, "expected 3D to 5D input (got %dD input)", ndim);
  /* A tensor without N is one instance, as in PyTorch. */
  int32_t batched[NL_MAX_DIMS] = {1};
  const int32_t channel_dim = norm->dims > 0 && ndim == norm->dims + 1 ? 0 : 1, ahead = 1 - channel_dim;
  for (int32_t i = 0; i < ndim; i++) batched[i + ahead] = shape[i];
  const bool any_tensor = norm->track || norm->size[NL_WEIGHT];
  NL_CHECK(batched[1] == norm->features || !any_tensor, NL_SHAPE,
           "expected input's size at dim=%d to match num_features (%d), but got: %d.", channel_dim, norm->features,
           batched[1]);
  NL_TRY(nl_norm_check_channels(norm, batched[1], shape, ndim));
  const int32_t spatial = nl_norm_product(batched, 2, ndim + ahead);
  if (uses_instance_stats(norm, mode)) {
    NL_CHECK(spatial != 1, NL_SHAPE, "Expected more than 1 spatial element when training, got input size %S", batched,
             ndim + ahead);
    *extent = (nl_extent){batched[0], batched[1], spatial, batched[0] * batched[1]};
  } else {
    *extent = (nl_extent){batched[0], batched[1], spatial, batched[1]};
  }
  return NL_OK;
}

static double values(const nl_norm *norm, double n, double s) {
  (void)norm;
  (void)n;
  return s;
}

static nl_status forward(nl_norm *norm, float *y, const float *x, int32_t mode, bool relu) {
  const nl_extent e = norm->extent;
  float *const *t = norm->tensor;
  norm->batch_stats = uses_instance_stats(norm, mode);
  if (!norm->batch_stats)
    return nl_batchnorm_forward_eval(y, norm->mean, norm->invstd, x, t[NL_RUNNING_MEAN], t[NL_RUNNING_VAR],
                                     t[NL_WEIGHT], t[NL_BIAS], e.n, e.c, e.s, norm->eps, relu);
  const bool update = mode == NL_TRAIN && norm->track;
  return nl_instancenorm_forward(y, norm->mean, norm->invstd, update ? t[NL_RUNNING_MEAN] : NULL,
                                 update ? t[NL_RUNNING_VAR] : NULL, x, t[NL_WEIGHT], t[NL_BIAS], e.n, e.c, e.s,
                                 norm->eps, norm->momentum, relu);
}

static nl_status backward(nl_norm *norm, float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                          const float *x) {
  const nl_extent e = norm->extent;
  if (!norm->batch_stats)
    return nl_batchnorm_backward(dx, dweight, dbias, dy, y, x, norm->mean, norm->invstd, norm->tensor[NL_WEIGHT],
                                 norm->work, e.n, e.c, e.s, norm->eps, false);
  return nl_instancenorm_backward(dx, dweight, dbias, dy, y, x, norm->mean, norm->invstd, norm->tensor[NL_WEIGHT],
                                  norm->work, e.n, e.c, e.s, norm->eps);
}

static const nl_norm_type norm_type = {
    .configure = configure, .fit = fit, .values = values, .forward = forward, .backward = backward};

const nl_layer_type nl_type_instancenorm = {
    .name = "instanceNorm", .settings = settings, .setting_count = 4, .norm = &norm_type, NL_NORM_NODE};
