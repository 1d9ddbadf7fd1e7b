#include "net/norm.h"

static const nl_setting settings[] = {
    {.name = "normalizedShape", .kind = NL_DIMS, .standard = NAN, .nullable = true, .least = 0},
    {.name = "eps", .kind = NL_NUMBER, .standard = 1e-5},
    {.name = "elementwiseAffine", .kind = NL_BOOL, .standard = 1},
    {.name = "bias", .kind = NL_BOOL, .standard = 1},
};

static nl_status configure(nl_norm *norm, const double *args, const int32_t *sample, int32_t ndim) {
  const double *dims = args, *rest = args + 1 + NL_MAX_DIMS;
  if (isnan(dims[0])) {
    norm->normalized_ndim = ndim;
    for (int32_t i = 0; i < ndim; i++) norm->normalized[i] = sample[i];
  } else {
    norm->normalized_ndim = (int32_t)dims[0];
    for (int32_t i = 0; i < norm->normalized_ndim; i++) norm->normalized[i] = (int32_t)dims[1 + i];
  }
  NL_CHECK(norm->normalized_ndim >= 1, NL_ARGUMENT,
           "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
           "normalized_shape = []");
  int64_t size = 1;
  for (int32_t i = 0; i < norm->normalized_ndim; i++) {
    size *= norm->normalized[i];
    NL_CHECK(size <= INT32_MAX, NL_ARGUMENT, "layerNorm: normalizedShape %S holds too many values", norm->normalized,
             norm->normalized_ndim);
  }
  norm->features = (int32_t)size;
  norm->eps = rest[0];
  if (rest[1] != 0) norm->size[NL_WEIGHT] = norm->features;
  if (rest[1] != 0 && rest[2] != 0) norm->size[NL_BIAS] = norm->features;
  return NL_OK;
}

static nl_status fit(const nl_norm *norm, nl_extent *extent, const int32_t *shape, int32_t ndim, int32_t mode) {
  (void)mode;
  const int32_t leading = ndim - norm->normalized_ndim;
  bool same = leading >= 0;
  for (int32_t i = 0; same && i < norm->normalized_ndim; i++) same = shape[leading + i] == norm->normalized[i];
  if (!same) {
    char trailing[96];
    nl_format(trailing, sizeof trailing, "%S", norm->normalized, norm->normalized_ndim);
    return nl_fail(NL_SHAPE, "Given normalized_shape=%s, expected input with shape [*, %s, but got input of size%S",
                   trailing, trailing + 1, shape, ndim);
  }
  int64_t rows = 1;
  for (int32_t i = 0; i < leading; i++) rows *= shape[i];
  *extent = (nl_extent){(int32_t)rows, norm->features, 1, (int32_t)rows};
  return NL_OK;
}

static nl_status forward(nl_norm *norm, float *y, const float *x, int32_t mode) {
  (void)mode;
  return nl_layernorm_forward(y, norm->mean, norm->invstd, x, norm->tensor[NL_WEIGHT], norm->tensor[NL_BIAS],
                              norm->extent.n, norm->extent.c, norm->eps);
}

static nl_status backward(nl_norm *norm, float *dx, float *dweight, float *dbias, const float *dy, const float *x) {
  return nl_layernorm_backward(dx, dweight, dbias, dy, x, norm->mean, norm->invstd, norm->tensor[NL_WEIGHT], norm->work,
                               norm->extent.n, norm->extent.c);
}

static const nl_norm_type norm_type = {configure, fit, forward, backward};

const nl_layer_type nl_type_layernorm = {
    .name = "layerNorm", .settings = settings, .setting_count = 4, .norm = &norm_type, NL_NORM_NODE};
