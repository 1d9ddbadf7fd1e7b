/* Convolution 3 x 3 of stride 1 with fewer products: what conv2d.c chooses where it pays. See conv2d_winograd.c. */
#ifndef NL_CONV2D_WINOGRAD_H
#define NL_CONV2D_WINOGRAD_H

#include "kernels/kernels.h"

/** Whether the forward pass to `o` channels is best done so, where nl_direct_pays. */
bool nl_winograd_pays(const nl_window *window, int32_t o);
/** Floats of scratch for it, with batches of any size. */
size_t nl_winograd_work(const nl_window *window, int32_t o);
/** As nl_direct_forward; where values are not finite, or near the largest, more of y is NaN than should be. */
void nl_winograd_forward(float *y, const float *x, const float *weight, nl_after after, bool turned, float *work,
                         int32_t n, int32_t o, const nl_window *window);

/** Whether the gradient of the weights is best taken so, where nl_direct_weight_fits. */
bool nl_winograd_weight_pays(const nl_window *window, int32_t o);
/** Floats of scratch for it. */
size_t nl_winograd_weight_work(const nl_window *window, int32_t o);
/** dweight [O, C, 3, 3], overwritten; NaN likewise. */
void nl_winograd_weight(float *dweight, const float *dy, const float *x, float *work, int32_t n, int32_t o,
                        const nl_window *window);

#endif
