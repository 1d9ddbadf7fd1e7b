#include "net/norm.h"

static const nl_setting settings[] = {
    /* What it may be depends on the mode: see fit. */
    {.name = "eps", .kind = NL_NUMBER, .standard = 1e-5, .least = -INFINITY},
    {.name = "momentum", .kind = NL_NUMBER, .standard = 0.1, .nullable = true, .least = -INFINITY},
    {.name = "affine", .kind = NL_BOOL, .standard = 1},
    {.name = "trackRunningStats", .kind = NL_BOOL, .standard = 1},
    {.name = "runningVar", .kind = NL_CHOICE, .standard = 0, .choices = "unbiased,biased"},
    {.name = "bias", .kind = NL_BOOL, .standard = 1},
    /* Of batchRenorm alone. */
    {.name = "rMax", .kind = NL_NUMBER, .standard = 3, .least = 1},
    {.name = "dMax", .kind = NL_NUMBER, .standard = 5, .least = 0},
};

extern const nl_layer_type nl_type_batchrenorm;

static nl_status configure_renorm(nl_norm *norm, double r_max, double d_max) {
  NL_CHECK(norm->track, NL_ARGUMENT,
           "batchRenorm: trackRunningStats must be true: running statistics are what it renormalizes by");
  norm->renormalizes = true;
  norm->renorm.r_max = r_max;
  norm->renorm.d_max = d_max;
  return NL_OK;
}

static nl_status configure(nl_norm *norm, const double *args, const int32_t *sample, int32_t ndim) {
  (void)sample;
  (void)ndim;
  NL_CHECK(norm->features >= 1, NL_ARGUMENT, "%s: numFeatures must be an integer >= 1, got %d", norm->type->name,
           norm->features);
  norm->eps = args[0];
  norm->momentum = args[1];
  norm->track = args[3] != 0;
  norm->couples = !norm->track;
  norm->unbiased = args[4] == 0;
  if (args[2] != 0) norm->size[NL_WEIGHT] = norm->features;
  if (args[2] != 0 && args[5] != 0) norm->size[NL_BIAS] = norm->features;
  if (norm->track) norm->size[NL_RUNNING_MEAN] = norm->size[NL_RUNNING_VAR] = norm->features;
  return norm->type == &nl_type_batchrenorm ? configure_renorm(norm, args[6], args[7]) : NL_OK;
}

static bool uses_batch_stats(const nl_norm *norm, int32_t mode) {
  return (mode != NL_EVAL && !norm->frozen) || !norm->track;
}

static nl_status fit(const nl_norm *norm, nl_extent *extent, const int32_t *shape, int32_t ndim, int32_t mode) {
  if (norm->dims == 1)
    NL_CHECK(ndim == 2 || ndim == 3, NL_SHAPE, "expected 2D or 3D input (got %dD input)", ndim);
  else if (norm->dims > 1)
    NL_CHECK(ndim == norm->dims + 2, NL_SHAPE, "expected %dD input (got %dD input)", norm->dims + 2, ndim);
  else
    NL_CHECK(ndim >= 2, NL_SHAPE, "expected 2D to 5D input (got %dD input)", ndim);
  if (norm->track)
    NL_CHECK(shape[1] == norm->features, NL_SHAPE, "running_mean should contain %d elements not %d", shape[1],
             norm->features);
  else if (norm->size[NL_WEIGHT])
    NL_CHECK(shape[1] == norm->features, NL_SHAPE, "weight should contain %d elements not %d", shape[1],
             norm->features);
  NL_TRY(nl_norm_check_channels(norm, shape[1], shape, ndim));
  const int32_t spatial = nl_norm_product(shape, 2, ndim);
  if (uses_batch_stats(norm, mode)) {
    NL_CHECK((int64_t)shape[0] * spatial != 1, NL_SHAPE,
             "Expected more than 1 value per channel when training, got input size %S", shape, ndim);
    NL_CHECK(norm->eps > 0, NL_ARGUMENT, "batch_norm eps must be positive during training, but got %g", norm->eps);
  }
  NL_CHECK(norm->eps >= 0, NL_ARGUMENT, "batch_norm eps must be non-negative, but got %g", norm->eps);
  *extent = (nl_extent){shape[0], shape[1], spatial, shape[1]};
  return NL_OK;
}

static double values(const nl_norm *norm, double n, double s) {
  (void)norm;
  return n * s;
}

static nl_status forward(nl_norm *norm, float *y, const float *x, int32_t mode, bool relu) {
  const nl_extent e = norm->extent;
  float *const *t = norm->tensor;
  norm->batch_stats = uses_batch_stats(norm, mode);
  if (!norm->batch_stats)
    return nl_batchnorm_forward_eval(y, norm->mean, norm->invstd, x, t[NL_RUNNING_MEAN], t[NL_RUNNING_VAR],
                                     t[NL_WEIGHT], t[NL_BIAS], e.n, e.c, e.s, norm->eps, relu);
  const bool update = mode == NL_TRAIN && norm->track && !norm->frozen;
  if (update) norm->batches_tracked++;
  const double momentum = isnan(norm->momentum) ? 1 / norm->batches_tracked : norm->momentum;
  if (norm->renormalizes) {
    norm->renorm.running_mean = t[NL_RUNNING_MEAN];
    norm->renorm.running_var = t[NL_RUNNING_VAR];
    return nl_batchrenorm_forward(y, norm->mean, norm->invstd, &norm->renorm, x, t[NL_WEIGHT], t[NL_BIAS], e.n, e.c,
                                  e.s, norm->eps, momentum, update, norm->unbiased, relu);
  }
  return nl_batchnorm_forward_train(y, norm->mean, norm->invstd, update ? t[NL_RUNNING_MEAN] : NULL,
                                    update ? t[NL_RUNNING_VAR] : NULL, x, t[NL_WEIGHT], t[NL_BIAS], e.n, e.c, e.s,
                                    norm->eps, momentum, norm->unbiased, relu);
}

static nl_status backward(nl_norm *norm, float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                          const float *x) {
  const nl_extent e = norm->extent;
  if (norm->renormalizes && norm->batch_stats)
    return nl_batchrenorm_backward(dx, dweight, dbias, dy, y, x, norm->mean, norm->invstd, &norm->renorm, norm->work,
                                   e.n, e.c, e.s, norm->eps);
  return nl_batchnorm_backward(dx, dweight, dbias, dy, y, x, norm->mean, norm->invstd, norm->tensor[NL_WEIGHT],
                               norm->work, e.n, e.c, e.s, norm->eps, norm->batch_stats);
}

static void fold(const nl_norm *norm, float *scale, float *shift, const float *bias) {
  float *const *t = norm->tensor;
  for (int32_t j = 0; j < norm->features; j++) {
    const double factor = (t[NL_WEIGHT] ? t[NL_WEIGHT][j] : 1) / sqrt(t[NL_RUNNING_VAR][j] + norm->eps);
    const double from = (bias ? bias[j] : 0) - (double)t[NL_RUNNING_MEAN][j];
    scale[j] = (float)factor;
    shift[j] = (float)((t[NL_BIAS] ? t[NL_BIAS][j] : 0) + from * factor);
  }
}

static const nl_norm_type norm_type = {
    .configure = configure, .fit = fit, .values = values, .forward = forward, .backward = backward, .fold = fold};

const nl_layer_type nl_type_batchnorm = {
    .name = "batchNorm", .settings = settings, .setting_count = 6, .norm = &norm_type, NL_NORM_NODE};
const nl_layer_type nl_type_batchrenorm = {
    .name = "batchRenorm", .settings = settings, .setting_count = 8, .norm = &norm_type, NL_NORM_NODE};
