#include "window.h"

#include "support.h"

nl_window window_of(const ref_window *w) {
  nl_window window = {.channels = w->c,
                      .height = w->h,
                      .width = w->w,
                      .kernel = {w->kernel_h, w->kernel_w},
                      .stride = {w->stride_h, w->stride_w},
                      .padding = {w->padding_h, w->padding_w}};
  CHECK_OK(nl_window_fit(&window));
  assert_int_equal(window.out_height, ref_out_height(w));
  assert_int_equal(window.out_width, ref_out_width(w));
  return window;
}
