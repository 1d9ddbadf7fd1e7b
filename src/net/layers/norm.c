/* Every normalization layer as a node of a model. */
#include "net/model.h"

nl_status nl_norm_node_setup(nl_model *model, nl_node *node, const double *args) {
  int32_t width = 0;
  for (int32_t i = 0; i < node->type->setting_count; i++) width += nl_setting_width(node->type->settings[i].kind);
  NL_TRY(nl_norm_configure(&node->norm, node->type, args, width, node->shape[0], 0, node->shape, node->ndim));
  const nl_norm *norm = node->norm;
  for (int role = 0; role < NL_ROLES; role++) {
    if (!norm->size[role]) continue;
    const bool by_shape = norm->normalized_ndim > 0;
    int32_t tensor = nl_model_declare(model, (nl_role)role, by_shape ? norm->normalized : &norm->size[role],
                                      by_shape ? norm->normalized_ndim : 1);
    if (tensor < 0) return NL_MEMORY;
    if (role == NL_WEIGHT) node->weight = tensor;
    if (role == NL_BIAS) node->bias = tensor;
  }
  int32_t shape[NL_MAX_DIMS] = {2};
  for (int32_t i = 0; i < node->ndim; i++) shape[i + 1] = node->shape[i];
  nl_extent extent;
  return norm->type->norm->fit(norm, &extent, shape, node->ndim + 1, NL_EVAL);
}

static nl_status fit_node(const nl_node *node, nl_extent *extent, int32_t n, int32_t mode) {
  int32_t shape[NL_MAX_DIMS] = {n};
  for (int32_t i = 0; i < node->ndim; i++) shape[i + 1] = node->shape[i];
  return node->norm->type->norm->fit(node->norm, extent, shape, node->ndim + 1, mode);
}

nl_status nl_norm_node_check(const nl_node *node, int32_t n, int32_t mode) {
  nl_extent extent;
  return fit_node(node, &extent, n, mode);
}

nl_status nl_norm_node_reserve(nl_node *node, int32_t n) {
  nl_extent extent, batch;
  /* A single sample may be illegal, which is for the check before the pass to say. */
  const int32_t legal = n < 2 ? 2 : n;
  NL_TRY(fit_node(node, &extent, legal, NL_EVAL));
  /* The batch may have more statistics than the running ones: InstanceNorm's of each sample. */
  if (fit_node(node, &batch, legal, NL_TRAIN) == NL_OK && batch.stats > extent.stats) extent = batch;
  return nl_norm_reserve(node->norm, extent.stats, extent.c);
}

static nl_status run(nl_node *node, float *y, const float *x, int32_t n, int32_t mode, bool relu) {
  nl_norm *norm = node->norm;
  NL_TRY(fit_node(node, &norm->extent, n, mode));
  NL_TRY(norm->type->norm->forward(norm, y, x, mode, relu));
  norm->ran = true;
  return NL_OK;
}

nl_status nl_norm_node_forward(nl_node *node, float *y, const float *x, const float *x2, int32_t n, int32_t mode) {
  (void)x2;
  return run(node, y, x, n, mode, false);
}

nl_status nl_norm_node_forward_then(nl_node *node, float *y, const float *x, nl_after after, int32_t n, int32_t mode) {
  return run(node, y, x, n, mode, after.relu);
}

nl_status nl_norm_node_backward(nl_node *node, const nl_gradient *pass) {
  nl_norm *norm = node->norm;
  return norm->type->norm->backward(norm, pass->dx, pass->dweight, pass->dbias, pass->dy, pass->relu ? pass->y : NULL,
                                    pass->x);
}
