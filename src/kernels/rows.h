/* What normalizations of rows share (layernorm.c, rmsnorm.c): the pass back. */
#ifndef NL_ROWS_H
#define NL_ROWS_H

#include "kernels/kernels.h"

/**
 * dx [M, L], dweight, dbias [L]; each may be NULL, as may y, of a relu that came along. mean [M], or NULL where none was subtracted: then xhat = x invstd.
 * work: NL_ROWS_WORK(L) float64, unused where dweight and dbias are NULL.
 */
void nl_rows_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *y, const float *x,
                      const double *mean, const double *invstd, const float *weight, double *work, int32_t m, int32_t l,
                      double eps);

#endif
