#include "net/norm.h"

static const nl_setting settings[] = {
    {.name = "normalizedShape", .kind = NL_DIMS, .standard = NAN, .nullable = true, .least = 0},
    {.name = "eps", .kind = NL_NUMBER, .standard = NAN, .nullable = true},
    {.name = "elementwiseAffine", .kind = NL_BOOL, .standard = 1},
};

static nl_status configure(nl_norm *norm, const double *args, const int32_t *sample, int32_t ndim) {
  const double *rest = args + 1 + NL_MAX_DIMS;
  NL_TRY(nl_norm_configure_trailing(norm, args, sample, ndim));
  /* PyTorch's torch.finfo(torch.float32).eps. */
  norm->eps = isnan(rest[0]) ? 0x1p-23 : rest[0];
  if (rest[1] != 0) norm->size[NL_WEIGHT] = norm->features;
  return NL_OK;
}

static nl_status fit(const nl_norm *norm, nl_extent *extent, const int32_t *shape, int32_t ndim, int32_t mode) {
  (void)mode;
  return nl_norm_fit_trailing(norm, extent, shape, ndim);
}

static nl_status forward(nl_norm *norm, float *y, const float *x, int32_t mode, bool relu) {
  (void)mode;
  for (int32_t i = 0; i < norm->extent.stats; i++) norm->mean[i] = 0;
  return nl_rmsnorm_forward(y, norm->invstd, x, norm->tensor[NL_WEIGHT], norm->extent.n, norm->extent.c, norm->eps,
                            relu);
}

static nl_status backward(nl_norm *norm, float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                          const float *x) {
  (void)dbias;
  return nl_rmsnorm_backward(dx, dweight, dy, y, x, norm->invstd, norm->tensor[NL_WEIGHT], norm->work, norm->extent.n,
                             norm->extent.c);
}

static const nl_norm_type norm_type = {
    .configure = configure, .fit = fit, .values = nl_norm_values_trailing, .forward = forward, .backward = backward};

const nl_layer_type nl_type_rmsnorm = {
    .name = "rmsNorm", .settings = settings, .setting_count = 3, .norm = &norm_type, NL_NORM_NODE};
