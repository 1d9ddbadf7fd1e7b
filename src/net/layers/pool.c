#include "net/model.h"

static const nl_setting settings[] = {
    {.name = "kernelSize", .kind = NL_PAIR, .standard = NAN, .required = true, .least = 1},
    {.name = "stride", .kind = NL_PAIR, .standard = NAN, .nullable = true, .least = 1}, /* null: the kernel's size */
    {.name = "padding", .kind = NL_PAIR, .standard = 0, .least = 0},
};

static nl_status setup_window(nl_node *node, const double *args) {
  NL_CHECK(node->ndim == 3, NL_SHAPE, "%s: expected an input of shape [N, C, H, W], got [N, ...] with %S",
           node->type->name, node->shape, node->ndim);
  nl_window *w = &node->window;
  *w = (nl_window){.channels = node->shape[0], .height = node->shape[1], .width = node->shape[2]};
  for (int i = 0; i < 2; i++) {
    w->kernel[i] = (int32_t)args[i];
    w->stride[i] = isnan(args[2 + i]) ? w->kernel[i] : (int32_t)args[2 + i];
    w->padding[i] = (int32_t)args[4 + i];
    NL_CHECK(w->padding[i] <= w->kernel[i] / 2, NL_ARGUMENT,
             "%s: pad should be at most half of kernel size, but got pad=%d and kernel_size=%d", node->type->name,
             w->padding[i], w->kernel[i]);
  }
  NL_TRY(nl_window_fit(w));
  node->shape[1] = w->out_height;
  node->shape[2] = w->out_width;
  return NL_OK;
}

static nl_status setup_max(nl_model *model, nl_node *node, const double *args) {
  (void)model;
  NL_TRY(setup_window(node, args));
  node->saved_size = node->shape[0] * node->shape[1] * node->shape[2];
  return NL_OK;
}

static nl_status forward_max(nl_node *node, float *y, const float *x, const float *x2, int32_t n, int32_t mode) {
  (void)x2;
  (void)mode;
  return nl_maxpool2d_forward(y, node->saved, x, n, &node->window);
}

static nl_status backward_max(nl_node *node, const nl_gradient *pass) {
  return nl_maxpool2d_backward(pass->dx, pass->dy, node->saved, pass->n, &node->window);
}

static nl_status setup_avg(nl_model *model, nl_node *node, const double *args) {
  (void)model;
  return setup_window(node, args);
}

static nl_status forward_avg(nl_node *node, float *y, const float *x, const float *x2, int32_t n, int32_t mode) {
  (void)x2;
  (void)mode;
  return nl_avgpool2d_forward(y, x, n, &node->window);
}

static nl_status backward_avg(nl_node *node, const nl_gradient *pass) {
  return nl_avgpool2d_backward(pass->dx, pass->dy, pass->n, &node->window);
}

static nl_status setup_global(nl_model *model, nl_node *node, const double *args) {
  (void)model;
  (void)args;
  NL_CHECK(node->ndim == 3, NL_SHAPE, "%s: expected an input of shape [N, C, H, W], got [N, ...] with %S",
           node->type->name, node->shape, node->ndim);
  node->features = node->shape[1] * node->shape[2];
  node->shape[1] = node->shape[2] = 1;
  return NL_OK;
}

static nl_status forward_global(nl_node *node, float *y, const float *x, const float *x2, int32_t n, int32_t mode) {
  (void)x2;
  (void)mode;
  return nl_globalavgpool_forward(y, x, n * node->shape[0], node->features);
}

static nl_status backward_global(nl_node *node, const nl_gradient *pass) {
  return nl_globalavgpool_backward(pass->dx, pass->dy, pass->n * node->shape[0], node->features);
}

const nl_layer_type nl_type_maxpool2d = {.name = "maxPool2d",
                                         .inputs = 1,
                                         .settings = settings,
                                         .setting_count = 3,
                                         .setup = setup_max,
                                         .forward = forward_max,
                                         .backward = backward_max};
const nl_layer_type nl_type_avgpool2d = {.name = "avgPool2d",
                                         .inputs = 1,
                                         .settings = settings,
                                         .setting_count = 3,
                                         .setup = setup_avg,
                                         .forward = forward_avg,
                                         .backward = backward_avg};
const nl_layer_type nl_type_globalavgpool2d = {.name = "globalAvgPool2d",
                                               .inputs = 1,
                                               .setup = setup_global,
                                               .forward = forward_global,
                                               .backward = backward_global};
