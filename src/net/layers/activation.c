#include "net/model.h"

static nl_status setup(nl_model *model, nl_node *node, const double *args) {
  (void)model;
  (void)node;
  (void)args;
  return NL_OK;
}

static nl_status forward(nl_node *node, float *y, const float *x, const float *x2, int32_t n, int32_t mode) {
  (void)x2;
  (void)mode;
  return nl_activation_forward(y, x, (nl_activation)node->type->variant, n * node->size);
}

static nl_status backward(nl_node *node, const nl_gradient *pass) {
  return nl_activation_backward(pass->dx, pass->dy, pass->x, pass->y, (nl_activation)node->type->variant,
                                pass->n * node->size);
}

#define ACTIVATION(id, kind) \
  { .name = id, .inputs = 1, .variant = kind, .setup = setup, .forward = forward, .backward = backward }

const nl_layer_type nl_type_relu = {.name = "relu",
                                    .inputs = 1,
                                    .variant = NL_RELU,
                                    .relu = true,
                                    .setup = setup,
                                    .forward = forward,
                                    .backward = backward};
const nl_layer_type nl_type_gelu = ACTIVATION("gelu", NL_GELU);
const nl_layer_type nl_type_sigmoid = ACTIVATION("sigmoid", NL_SIGMOID);
const nl_layer_type nl_type_tanh = ACTIVATION("tanh", NL_TANH);
