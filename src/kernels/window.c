#include "kernels/kernels.h"

nl_status nl_window_fit(nl_window *window) {
  const int32_t size[2] = {window->height, window->width};
  int32_t out[2];
  for (int i = 0; i < 2; i++) {
    NL_CHECK(window->kernel[i] >= 1 && window->stride[i] >= 1 && window->padding[i] >= 0, NL_ARGUMENT,
             "kernel_size and stride must be >= 1 and padding >= 0, got %d, %d and %d", window->kernel[i],
             window->stride[i], window->padding[i]);
    int64_t room = (int64_t)size[i] + 2 * (int64_t)window->padding[i] - window->kernel[i];
    NL_CHECK(
        room >= 0, NL_SHAPE,
        "Calculated padded input size per channel: (%g x %g). Kernel size: (%d x %d). Kernel size can't be greater "
        "than actual input size",
        size[0] + 2.0 * window->padding[0], size[1] + 2.0 * window->padding[1], window->kernel[0], window->kernel[1]);
    NL_CHECK(room < INT32_MAX, NL_ARGUMENT, "padding must leave a size below 2^31, got %d", window->padding[i]);
    out[i] = (int32_t)(room / window->stride[i]) + 1;
  }
  window->out_height = out[0];
  window->out_width = out[1];
  return NL_OK;
}
