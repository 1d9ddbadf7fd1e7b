#include "net/model.h"

static const nl_setting settings[] = {
    {.name = "outChannels", .kind = NL_INT, .standard = NAN, .required = true, .least = 1},
    {.name = "kernelSize", .kind = NL_PAIR, .standard = NAN, .required = true, .least = 1},
    {.name = "stride", .kind = NL_PAIR, .standard = 1, .least = 1},
    {.name = "padding", .kind = NL_PAIR, .standard = 0, .least = 0},
    {.name = "bias", .kind = NL_BOOL, .standard = 1},
};

static nl_status setup(nl_model *model, nl_node *node, const double *args) {
  NL_CHECK(node->ndim == 3, NL_SHAPE, "conv2d: expected an input of shape [N, C, H, W], got [N, ...] with %S",
           node->shape, node->ndim);
  const int32_t *in = node->shape;
  node->features = (int32_t)args[0];
  node->window = (nl_window){.channels = in[0],
                             .height = in[1],
                             .width = in[2],
                             .kernel = {(int32_t)args[1], (int32_t)args[2]},
                             .stride = {(int32_t)args[3], (int32_t)args[4]},
                             .padding = {(int32_t)args[5], (int32_t)args[6]}};
  NL_TRY(nl_window_fit(&node->window));
  const int32_t weight[4] = {node->features, in[0], node->window.kernel[0], node->window.kernel[1]};
  if ((node->weight = nl_model_declare(model, NL_WEIGHT, weight, 4)) < 0) return NL_MEMORY;
  if (args[7] != 0 && (node->bias = nl_model_declare(model, NL_BIAS, &node->features, 1)) < 0) return NL_MEMORY;
  const int64_t columns = (int64_t)node->window.out_height * node->window.out_width;
  const int64_t rows = (int64_t)in[0] * node->window.kernel[0] * node->window.kernel[1];
  NL_CHECK(columns <= NL_MOST_VALUES / 2 / rows, NL_MEMORY, "out of memory: %g windows of %g values are too many",
           (double)columns, (double)rows);
  node->work_size = nl_conv2d_work(&node->window, node->features);
  node->shape[0] = node->features;
  node->shape[1] = node->window.out_height;
  node->shape[2] = node->window.out_width;
  return NL_OK;
}

static nl_status forward_then(nl_node *node, float *y, const float *x, nl_after after, int32_t n, int32_t mode) {
  (void)mode;
  return nl_conv2d_forward(y, x, node->params[NL_WEIGHT], after, node->work, n, node->features, &node->window);
}

static nl_status forward(nl_node *node, float *y, const float *x, const float *x2, int32_t n, int32_t mode) {
  (void)x2;
  return forward_then(node, y, x, (nl_after){.shift = node->params[NL_BIAS]}, n, mode);
}

static nl_status backward(nl_node *node, const nl_gradient *pass) {
  return nl_conv2d_backward(pass->dx, pass->dweight, pass->dbias, pass->dy, pass->x, node->params[NL_WEIGHT],
                            node->work, pass->n, node->features, &node->window);
}

const nl_layer_type nl_type_conv2d = {.name = "conv2d",
                                      .inputs = 1,
                                      .settings = settings,
                                      .setting_count = 5,
                                      .setup = setup,
                                      .forward = forward,
                                      .forward_then = forward_then,
                                      .backward = backward};
