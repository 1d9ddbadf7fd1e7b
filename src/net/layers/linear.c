#include "net/model.h"

static const nl_setting settings[] = {
    {.name = "outFeatures", .kind = NL_INT, .standard = NAN, .required = true, .least = 1},
    {.name = "bias", .kind = NL_BOOL, .standard = 1},
};

static nl_status setup(nl_model *model, nl_node *node, const double *args) {
  NL_CHECK(node->ndim == 1, NL_SHAPE,
           "linear: expected an input of shape [N, features] (add a flatten before it), got "
           "[N, ...] with %S",
           node->shape, node->ndim);
  node->features = (int32_t)args[0];
  const int32_t weight[2] = {node->features, node->shape[0]};
  if ((node->weight = nl_model_declare(model, NL_WEIGHT, weight, 2)) < 0) return NL_MEMORY;
  if (args[1] != 0 && (node->bias = nl_model_declare(model, NL_BIAS, &node->features, 1)) < 0) return NL_MEMORY;
  node->work_size = nl_gemm_work();
  node->shape[0] = node->features;
  return NL_OK;
}

static nl_status forward_then(nl_node *node, float *y, const float *x, nl_after after, int32_t n, int32_t mode) {
  (void)mode;
  return nl_linear_forward(y, x, node->params[NL_WEIGHT], after, node->work, n, node->inputs, node->features);
}

static nl_status forward(nl_node *node, float *y, const float *x, const float *x2, int32_t n, int32_t mode) {
  (void)x2;
  return forward_then(node, y, x, (nl_after){.shift = node->params[NL_BIAS]}, n, mode);
}

static nl_status backward(nl_node *node, const nl_gradient *pass) {
  return nl_linear_backward(pass->dx, pass->dweight, pass->dbias, pass->dy, pass->x, node->params[NL_WEIGHT],
                            node->work, pass->n, node->inputs, node->features);
}

const nl_layer_type nl_type_linear = {.name = "linear",
                                      .inputs = 1,
                                      .settings = settings,
                                      .setting_count = 2,
                                      .setup = setup,
                                      .forward = forward,
                                      .forward_then = forward_then,
                                      .backward = backward};
