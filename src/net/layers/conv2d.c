#include "net/model.h"

#include <string.h>

static const nl_setting settings[] = {
    {.name = "outChannels", .kind = NL_INT, .standard = NAN, .required = true, .least = 1},
    {.name = "kernelSize", .kind = NL_PAIR, .standard = NAN, .required = true, .least = 1},
    {.name = "stride", .kind = NL_PAIR, .standard = 1, .least = 1},
    {.name = "padding", .kind = NL_PAIR, .standard = 0, .least = 0},
    {.name = "bias", .kind = NL_BOOL, .standard = 1},
    {.name = "weightStandardization", .kind = NL_BOOL, .standard = 0},
};

/*
 * Weight Standardization (Qiao et al., https://arxiv.org/abs/1903.10520): what convolves is w' = (w - mean) / sqrt(var + eps)
 * of each output channel's weights, var biased. That is layer normalization of the rows of w [O, C * KH * KW].
 */
static const double EPS = 1e-5;

static int32_t row_of(const nl_node *node) {
  return node->window.channels * node->window.kernel[0] * node->window.kernel[1];
}

static nl_status check_standard(const nl_node *node) {
  const nl_window *w = &node->window;
  NL_CHECK(row_of(node) > 1, NL_SHAPE,
           "conv2d: weightStandardization needs more than 1 weight per output channel, got weights of shape %S",
           (int32_t[]){node->features, w->channels, w->kernel[0], w->kernel[1]}, 4);
  return NL_OK;
}

static nl_status reserve(nl_node *node, int32_t n) {
  (void)n;
  if (!node->standardizes || node->standard) return NL_OK;
  const uint64_t moments = 2 * (uint64_t)node->features;
  if (!node->moments) NL_TRY(nl_take((void **)&node->moments, moments, sizeof *node->moments));
  return nl_take((void **)&node->standard, (uint64_t)node->features * (uint64_t)row_of(node), sizeof *node->standard);
}

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
  node->standardizes = args[8] != 0;
  return node->standardizes ? check_standard(node) : NL_OK;
}

static nl_status forward_then(nl_node *node, float *y, const float *x, nl_after after, int32_t n, int32_t mode) {
  (void)mode;
  const float *weight = node->params[NL_WEIGHT];
  if (node->standardizes) {
    NL_TRY(nl_layernorm_forward(node->standard, node->moments, node->moments + node->features, weight, NULL, NULL,
                                node->features, row_of(node), EPS, false));
    weight = node->standard;
  }
  return nl_conv2d_forward(y, x, weight, after, node->work, n, node->features, &node->window);
}

static nl_status forward(nl_node *node, float *y, const float *x, const float *x2, int32_t n, int32_t mode) {
  (void)x2;
  return forward_then(node, y, x, (nl_after){.shift = node->params[NL_BIAS]}, n, mode);
}

static nl_status backward(nl_node *node, const nl_gradient *pass) {
  const float *weight = node->params[NL_WEIGHT];
  NL_TRY(nl_conv2d_backward(pass->dx, pass->dweight, pass->dbias, pass->dy, pass->x,
                            node->standardizes ? node->standard : weight, node->work, pass->n, node->features,
                            &node->window));
  if (!node->standardizes || !pass->dweight) return NL_OK;
  /* The next forward writes w' anew: until then its place holds its gradient. */
  memcpy(node->standard, pass->dweight, (size_t)node->features * row_of(node) * sizeof *node->standard);
  return nl_layernorm_backward(pass->dweight, NULL, NULL, node->standard, NULL, weight, node->moments,
                               node->moments + node->features, NULL, NULL, node->features, row_of(node), EPS);
}

const nl_layer_type nl_type_conv2d = {.name = "conv2d",
                                      .inputs = 1,
                                      .settings = settings,
                                      .setting_count = 6,
                                      .setup = setup,
                                      .reserve = reserve,
                                      .forward = forward,
                                      .forward_then = forward_then,
                                      .backward = backward};
