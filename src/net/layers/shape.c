/* Layers that compute nothing of their own: a view, and the sum at the end of a residual. */
#include "net/model.h"

#include <string.h>

static nl_status setup_identity(nl_model *model, nl_node *node, const double *args) {
  (void)model;
  (void)node;
  (void)args;
  return NL_OK;
}

static nl_status setup_flatten(nl_model *model, nl_node *node, const double *args) {
  (void)model;
  (void)args;
  int64_t size = 1;
  for (int32_t i = 0; i < node->ndim; i++) size *= node->shape[i];
  node->ndim = 1;
  node->shape[0] = (int32_t)size;
  return NL_OK;
}

static nl_status setup_add(nl_model *model, nl_node *node, const double *args) {
  (void)args;
  const nl_node *other = &model->nodes[node->from2];
  bool same = other->ndim == node->ndim;
  for (int32_t i = 0; same && i < node->ndim; i++) same = other->shape[i] == node->shape[i];
  if (same) return NL_OK;
  char shape[96];
  nl_format(shape, sizeof shape, "%S", other->shape, other->ndim);
  return nl_fail(NL_SHAPE, "residual: body and shortcut must end in the same shape, got %S and %s", node->shape,
                 node->ndim, shape);
}

static nl_status forward_add(nl_node *node, float *y, const float *x, const float *x2, int32_t n, int32_t mode) {
  (void)mode;
  return nl_add(y, x, x2, n * node->size);
}

static nl_status backward_add(nl_node *node, const nl_gradient *pass) {
  memcpy(pass->dx, pass->dy, (size_t)pass->n * node->size * sizeof *pass->dx);
  return NL_OK;
}

const nl_layer_type nl_type_identity = {.name = "identity", .inputs = 1, .alias = true, .setup = setup_identity};
const nl_layer_type nl_type_flatten = {.name = "flatten", .inputs = 1, .alias = true, .setup = setup_flatten};
const nl_layer_type nl_type_add = {
    .name = "add", .inputs = 2, .setup = setup_add, .forward = forward_add, .backward = backward_add};
