/* Convolution of stride 1 straight from the image: what conv2d.c chooses where it pays. See conv2d_direct.c. */
#ifndef NL_CONV2D_DIRECT_H
#define NL_CONV2D_DIRECT_H

#include "kernels/kernels.h"

/** Whether the forward pass to `o` channels is best done so. */
bool nl_direct_pays(const nl_window *window, int32_t o);
/** Floats of scratch for it. */
size_t nl_direct_work(const nl_window *window, int32_t o);
/**
 * y [N, O, OH, OW] = x [N, C, H, W] with weight [O, C, KH, KW], then `after`. `turned`: weight is
 * [C, O, KH, KW] and read from its end, as the gradient of the input wants it.
 */
void nl_direct_forward(float *y, const float *x, const float *weight, nl_after after, bool turned, float *work,
                       int32_t n, int32_t o, const nl_window *window);

/** Whether there is a gradient of the weights for this window. */
bool nl_direct_weight_fits(const nl_window *window, int32_t o);
/** Floats of scratch for it. */
size_t nl_direct_weight_work(const nl_window *window, int32_t o);
/** dweight [O, C, KH, KW], overwritten. */
void nl_direct_weight(float *dweight, const float *dy, const float *x, float *work, int32_t n, int32_t o,
                      const nl_window *window);

#endif
