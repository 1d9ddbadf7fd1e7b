#include "net/norm.h"

static const nl_setting settings[] = {
    {.name = "numGroups", .kind = NL_INT, .standard = NAN, .required = true, .least = 1},
    {.name = "eps", .kind = NL_NUMBER, .standard = 1e-5},
    {.name = "affine", .kind = NL_BOOL, .standard = 1},
    {.name = "bias", .kind = NL_BOOL, .standard = 1},
};

static nl_status configure(nl_norm *norm, const double *args, const int32_t *sample, int32_t ndim) {
  (void)sample;
  (void)ndim;
  NL_CHECK(norm->features >= 1, NL_ARGUMENT, "groupNorm: numChannels must be an integer >= 1, got %d", norm->features);
  norm->groups = (int32_t)args[0];
  NL_CHECK(norm->features % norm->groups == 0, NL_ARGUMENT,
           "num_channels must be divisible by num_groups: num_channels (%d), num_groups (%d)", norm->features,
           norm->groups);
  norm->eps = args[1];
  if (args[2] != 0) norm->size[NL_WEIGHT] = norm->features;
  if (args[2] != 0 && args[3] != 0) norm->size[NL_BIAS] = norm->features;
  return NL_OK;
}

static nl_status fit(const nl_norm *norm, nl_extent *extent, const int32_t *shape, int32_t ndim, int32_t mode) {
  (void)mode;
  NL_CHECK(ndim >= 2, NL_SHAPE, "Expected at least 2 dimensions for input tensor but received %d", ndim);
  NL_CHECK(shape[1] % norm->groups == 0, NL_SHAPE,
           "Expected number of channels in input to be divisible by num_groups, but got input of shape %S and "
           "num_groups=%d",
           shape, ndim, norm->groups);
  NL_CHECK(shape[1] == norm->features || !norm->size[NL_WEIGHT], NL_SHAPE,
           "Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape "
           "[%d] and input of shape %S",
           norm->features, shape, ndim);
  NL_TRY(nl_norm_check_channels(norm, shape[1], shape, ndim));
  const int32_t spatial = nl_norm_product(shape, 2, ndim);
  NL_CHECK((int64_t)shape[0] * spatial * (shape[1] / norm->groups) != 1, NL_SHAPE,
           "Expected more than 1 value per channel when training, got input size %S", shape, ndim);
  *extent = (nl_extent){shape[0], shape[1], spatial, shape[0] * norm->groups};
  return NL_OK;
}

static double values(const nl_norm *norm, double n, double s) {
  (void)n;
  return s * (norm->features / norm->groups);
}

static nl_status forward(nl_norm *norm, float *y, const float *x, int32_t mode, bool relu) {
  (void)mode;
  const nl_extent e = norm->extent;
  return nl_groupnorm_forward(y, norm->mean, norm->invstd, x, norm->tensor[NL_WEIGHT], norm->tensor[NL_BIAS], e.n, e.c,
                              e.s, norm->groups, norm->eps, relu);
}

static nl_status backward(nl_norm *norm, float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                          const float *x) {
  const nl_extent e = norm->extent;
  return nl_groupnorm_backward(dx, dweight, dbias, dy, y, x, norm->mean, norm->invstd, norm->tensor[NL_WEIGHT],
                               norm->work, e.n, e.c, e.s, norm->groups, norm->eps);
}

static const nl_norm_type norm_type = {
    .configure = configure, .fit = fit, .values = values, .forward = forward, .backward = backward};

const nl_layer_type nl_type_groupnorm = {
    .name = "groupNorm", .settings = settings, .setting_count = 4, .norm = &norm_type, NL_NORM_NODE};
