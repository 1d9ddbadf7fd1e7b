#include "net/norm.h"

#include <stdlib.h>

static nl_status reserve_work(nl_norm *norm, int32_t room) {
  if (norm->work && room <= norm->work_room) return NL_OK;
  double *work;
  NL_TRY(nl_take((void **)&work, NL_ROWS_WORK(room), sizeof *work));
  free(norm->work);
  norm->work = work;
  norm->work_room = room;
  return NL_OK;
}

nl_status nl_norm_configure(nl_norm **out, const nl_layer_type *type, const double *args, int32_t count,
                            int32_t features, int32_t dims, const int32_t *sample, int32_t ndim) {
  NL_TRY(nl_check_args(type, args, count));
  nl_norm *norm;
  NL_TRY(nl_take((void **)&norm, 1, sizeof *norm));
  norm->type = type;
  norm->features = features;
  norm->dims = dims;
  norm->batches_tracked = -1;
  nl_status status = type->norm->configure(norm, args, sample, ndim);
  if (status != NL_OK) {
    nl_norm_destroy(norm);
    return status;
  }
  if (norm->track) norm->batches_tracked = 0;
  *out = norm;
  return NL_OK;
}

nl_status nl_norm_create(nl_norm **out, int32_t type, const double *args, int32_t count, int32_t features,
                         int32_t dims) {
  NL_CHECK(type >= 0 && type < nl_layer_type_count && nl_layer_types[type]->norm, NL_ARGUMENT,
           "nl_norm_create: type must be a normalization layer, got %d", type);
  NL_CHECK(dims >= 0 && dims <= 3, NL_ARGUMENT, "nl_norm_create: dims must be 0 to 3, got %d", dims);
  nl_norm *norm;
  NL_TRY(nl_norm_configure(&norm, nl_layer_types[type], args, count, features, dims, NULL, 0));
  size_t total = 0;
  for (int role = 0; role < NL_ROLES; role++) total += (size_t)norm->size[role];
  nl_status status = reserve_work(norm, norm->features);
  if (status == NL_OK && total) status = nl_take((void **)&norm->owned, total, sizeof *norm->owned);
  if (status != NL_OK) {
    nl_norm_destroy(norm);
    return status;
  }
  float *at = norm->owned;
  for (int role = 0; role < NL_ROLES; role++) {
    if (!norm->size[role]) continue;
    norm->tensor[role] = at;
    at += norm->size[role];
  }
  nl_norm_reset(norm);
  *out = norm;
  return NL_OK;
}

void nl_norm_destroy(nl_norm *norm) {
  if (!norm) return;
  free(norm->owned);
  free(norm->work);
  free(norm->mean);
  free(norm->renorm.r);
  free(norm);
}

static void fill(float *values, int32_t size, float value) {
  for (int32_t i = 0; values && i < size; i++) values[i] = value;
}

void nl_norm_reset_running_stats(nl_norm *norm) {
  fill(norm->tensor[NL_RUNNING_MEAN], norm->size[NL_RUNNING_MEAN], 0);
  fill(norm->tensor[NL_RUNNING_VAR], norm->size[NL_RUNNING_VAR], 1);
  if (norm->batches_tracked > 0) norm->batches_tracked = 0;
}

void nl_norm_reset(nl_norm *norm) {
  fill(norm->tensor[NL_WEIGHT], norm->size[NL_WEIGHT], 1);
  fill(norm->tensor[NL_BIAS], norm->size[NL_BIAS], 0);
  nl_norm_reset_running_stats(norm);
}

int32_t nl_norm_size(const nl_norm *norm, int32_t role) { return role >= 0 && role < NL_ROLES ? norm->size[role] : 0; }
float *nl_norm_tensor(nl_norm *norm, int32_t role) { return role >= 0 && role < NL_ROLES ? norm->tensor[role] : NULL; }
double nl_norm_batches_tracked(const nl_norm *norm) { return norm->batches_tracked; }
void nl_norm_set_batches_tracked(nl_norm *norm, double batches) {
  if (norm->batches_tracked >= 0 && batches >= 0) norm->batches_tracked = batches;
}

static nl_status reserve_renorm(nl_norm *norm) {
  nl_renorm *renorm = &norm->renorm;
  if (!norm->renormalizes || renorm->r) return NL_OK;
  NL_TRY(nl_take((void **)&renorm->r, 3 * (uint64_t)norm->features, sizeof *renorm->r));
  renorm->d = renorm->r + norm->features;
  renorm->weight = (float *)(void *)(renorm->d + norm->features);
  renorm->bias = renorm->weight + norm->features;
  return NL_OK;
}

nl_status nl_norm_reserve(nl_norm *norm, int32_t stats, int32_t channels) {
  NL_TRY(reserve_work(norm, channels));
  NL_TRY(reserve_renorm(norm));
  if (stats <= norm->capacity) return NL_OK;
  double *both;
  NL_TRY(nl_take((void **)&both, 2 * (size_t)stats, sizeof *both));
  free(norm->mean);
  norm->mean = both;
  norm->invstd = both + stats;
  norm->capacity = stats;
  norm->ran = false;
  return NL_OK;
}

nl_status nl_norm_check_channels(const nl_norm *norm, int32_t channels, const int32_t *shape, int32_t ndim) {
  NL_CHECK(channels >= 1, NL_SHAPE, "%s: expected at least 1 channel, got input size %S", norm->type->name, shape,
           ndim);
  return NL_OK;
}

int32_t nl_norm_product(const int32_t *shape, int32_t from, int32_t ndim) {
  int32_t product = 1;
  for (int32_t i = from; i < ndim; i++) product *= shape[i];
  return product;
}

nl_status nl_norm_configure_trailing(nl_norm *norm, const double *dims, const int32_t *sample, int32_t ndim) {
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
    NL_CHECK(size <= INT32_MAX, NL_ARGUMENT, "%s: normalizedShape %S holds too many values", norm->type->name,
             norm->normalized, norm->normalized_ndim);
  }
  norm->features = (int32_t)size;
  return NL_OK;
}

nl_status nl_norm_fit_trailing(const nl_norm *norm, nl_extent *extent, const int32_t *shape, int32_t ndim) {
  const int32_t leading = ndim - norm->normalized_ndim;
  bool same = leading >= 0;
  for (int32_t i = 0; same && i < norm->normalized_ndim; i++) same = shape[leading + i] == norm->normalized[i];
  if (!same) {
    char trailing[96];
    nl_format(trailing, sizeof trailing, "%S", norm->normalized, norm->normalized_ndim);
    return nl_fail(NL_SHAPE, "Given normalized_shape=%s, expected input with shape [*, %s, but got input of size%S",
                   trailing, trailing + 1, shape, ndim);
  }
  const int32_t rows = nl_norm_product(shape, 0, leading);
  *extent = (nl_extent){rows, norm->features, 1, rows};
  return NL_OK;
}

double nl_norm_values_trailing(const nl_norm *norm, double n, double s) {
  (void)n;
  (void)s;
  return norm->features;
}

nl_status nl_norm_forward(nl_norm *norm, float *y, const float *x, const int32_t *shape, int32_t ndim, int32_t mode) {
  NL_CHECK(mode == NL_EVAL || mode == NL_TRAIN || mode == NL_PROBE, NL_ARGUMENT, "%s: there is no mode %d",
           norm->type->name, mode);
  NL_CHECK(ndim >= 0 && ndim <= NL_MAX_DIMS, NL_SHAPE, "%s: a tensor has at most %d dimensions, got %d",
           norm->type->name, NL_MAX_DIMS, ndim);
  nl_extent extent;
  int64_t size = 1;
  bool empty = false;
  for (int32_t i = 0; i < ndim; i++) {
    NL_CHECK(shape[i] >= 0, NL_SHAPE, "%s: sizes must be >= 0, got %S", norm->type->name, shape, ndim);
    /* Zeros do not count: the other sizes of an empty tensor are multiplied too. */
    size *= shape[i] > 0 ? shape[i] : 1;
    NL_CHECK(size <= INT32_MAX, NL_SHAPE, "%s: too many values: %S", norm->type->name, shape, ndim);
    empty = empty || shape[i] == 0;
  }
  NL_TRY(norm->type->norm->fit(norm, &extent, shape, ndim, mode));
  NL_TRY(nl_norm_reserve(norm, extent.stats, extent.c));
  norm->extent = extent;
  for (int32_t i = 0; empty && i < extent.stats; i++) norm->mean[i] = norm->invstd[i] = 0;
  NL_TRY(norm->type->norm->forward(norm, y, x, mode, false));
  norm->ran = true;
  return NL_OK;
}

nl_status nl_norm_backward(nl_norm *norm, float *dx, float *dweight, float *dbias, const float *dy, const float *x) {
  NL_CHECK(norm->ran, NL_STATE, "%s: backward needs a forward before it", norm->type->name);
  return norm->type->norm->backward(norm, dx, norm->size[NL_WEIGHT] ? dweight : NULL,
                                    norm->size[NL_BIAS] ? dbias : NULL, dy, NULL, x);
}

int32_t nl_norm_saved_count(const nl_norm *norm) { return norm->ran ? norm->extent.stats : 0; }
const double *nl_norm_saved_mean(const nl_norm *norm) { return norm->mean; }
const double *nl_norm_saved_invstd(const nl_norm *norm) { return norm->invstd; }
