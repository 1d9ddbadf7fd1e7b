/* A normalization layer: parameters, running statistics and the last forward's statistics, whoever it belongs to. */
#ifndef NL_NORM_H
#define NL_NORM_H

#include "net/layer.h"

/* The sizes that a kernel wants, found from a tensor's shape: [n, c, s], or [n, c] for rows. */
typedef struct {
  int32_t n, c, s;
  int32_t stats; /* pairs of mean and invstd */
} nl_extent;

struct nl_norm {
  const nl_layer_type *type;
  int32_t features, dims, groups;
  int32_t normalized_ndim, normalized[NL_MAX_DIMS];
  double eps, momentum; /* NaN: cumulative average */
  bool track, unbiased;
  bool couples; /* samples of a batch see each other in eval mode too */
  bool frozen;  /* batchNorm: as in eval mode whatever the mode, and without gradients of its own */

  int32_t size[NL_ROLES];
  float *tensor[NL_ROLES]; /* in `owned`, or in the model's blocks */
  float *owned;
  double batches_tracked; /* -1 where nothing is tracked */

  bool renormalizes; /* batchRenorm */
  nl_renorm renorm;  /* its arrays are one block that begins at r, or none yet */
  double *work;      /* [2 * work_room], for backward: features, or channels where those may be others */
  int32_t work_room;
  double *mean, *invstd; /* [capacity], of which the last forward used extent.stats */
  int32_t capacity;
  nl_extent extent;
  bool ran, batch_stats;
};

struct nl_norm_type {
  /* Settings to fields and sizes. sample: shape without N where it is known (in a model), else NULL. */
  nl_status (*configure)(nl_norm *norm, const double *args, const int32_t *sample, int32_t ndim);
  /* Whether `shape` (with N) can pass in `mode`, in PyTorch's words, and its extent. */
  nl_status (*fit)(const nl_norm *norm, nl_extent *extent, const int32_t *shape, int32_t ndim, int32_t mode);
  /* Values that one mean and variance are taken over in training, of a batch of n with s values a channel: m. */
  double (*values)(const nl_norm *norm, double n, double s);
  /* With `relu`, y is the relu of the output; backward then gets y, otherwise NULL. */
  nl_status (*forward)(nl_norm *norm, float *y, const float *x, int32_t mode, bool relu);
  nl_status (*backward)(nl_norm *norm, float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                        const float *x);
  /* scale, shift [features]: an eval pass over `bias` + z as z * scale + shift; bias may be NULL. NULL: not to be had so.
     What has it is of BatchNorm's kind. */
  void (*fold)(const nl_norm *norm, float *scale, float *shift, const float *bias);
};

/** Whether it is of BatchNorm's kind and keeps running statistics, which may then be frozen, measured again and folded. */
static inline bool nl_norm_keeps_batches(const nl_norm *norm) { return norm && norm->track && norm->type->norm->fold; }

/** A layer without memory for parameters and passes yet: sizes are known, tensors NULL. */
nl_status nl_norm_configure(nl_norm **norm, const nl_layer_type *type, const double *args, int32_t count,
                            int32_t features, int32_t dims, const int32_t *sample, int32_t ndim);
/** Memory for passes: the statistics of `stats` rows, channels or groups, and the sums of a backward over `channels`. */
nl_status nl_norm_reserve(nl_norm *norm, int32_t stats, int32_t channels);
/** Weight 1, bias 0, fresh running statistics. */
void nl_norm_reset(nl_norm *norm);

/* What layers over trailing dimensions share. dims: a normalizedShape setting, NaN for the whole `sample`. */
nl_status nl_norm_configure_trailing(nl_norm *norm, const double *dims, const int32_t *sample, int32_t ndim);
nl_status nl_norm_fit_trailing(const nl_norm *norm, nl_extent *extent, const int32_t *shape, int32_t ndim);
double nl_norm_values_trailing(const nl_norm *norm, double n, double s);
/* Layers over channels need one, also where they have no tensors of that size. */
nl_status nl_norm_check_channels(const nl_norm *norm, int32_t channels, const int32_t *shape, int32_t ndim);
/* The product of shape [ndim] from dimension `from` on. */
int32_t nl_norm_product(const int32_t *shape, int32_t from, int32_t ndim);

/* The model's side of every normalization layer. */
nl_status nl_norm_node_setup(nl_model *model, nl_node *node, const double *args);
nl_status nl_norm_node_check(const nl_node *node, int32_t n, int32_t mode);
nl_status nl_norm_node_reserve(nl_node *node, int32_t n);
nl_status nl_norm_node_forward(nl_node *node, float *y, const float *x, const float *x2, int32_t n, int32_t mode);
nl_status nl_norm_node_forward_then(nl_node *node, float *y, const float *x, nl_after after, int32_t n, int32_t mode);
nl_status nl_norm_node_backward(nl_node *node, const nl_gradient *pass);

#define NL_NORM_NODE                                                                                      \
  .inputs = 1, .setup = nl_norm_node_setup, .check = nl_norm_node_check, .reserve = nl_norm_node_reserve, \
  .forward = nl_norm_node_forward, .forward_then = nl_norm_node_forward_then, .backward = nl_norm_node_backward

#endif
