/* The normalization kernels behind one face, so that a test is a loop over kernels and shapes. */
#ifndef TEST_NORM_CALLS_H
#define TEST_NORM_CALLS_H

#include "reference.h"
#include "support.h"

/* [N, C, S] and the groups that C is divided in; layer and RMS norm read it as N rows of C * S. */
typedef struct {
  int32_t n, c, s, g;
} extent;

/* The shapes of kernels.inc. */
extern const extent norm_shapes[];
extern const int32_t norm_shape_count;
/* Those that are timed, which are large; rows have S = 1. */
extern const extent timed_norm_shapes[];
extern const int32_t timed_norm_shape_count;

typedef enum { BATCH, BATCH_EVAL, LAYER, GROUP, INSTANCE, RMS, NORM_KERNELS } norm_kernel;

/* One call: its arguments and its results, in buffers of exactly the documented sizes. What a kernel has not is NULL. */
typedef struct {
  norm_kernel kernel;
  extent e;
  double eps;
  bool relu;
  ref_layout layout;
  float *x, *dy, *weight, *bias;
  float *given_mean, *given_var; /* BATCH_EVAL */
  float *y, *dx, *dweight, *dbias;
  double *mean, *invstd, *work; /* RMS saves no mean */
} norm_call;

const char *norm_name(const norm_call *call);
int64_t extent_size(extent e);
/** x and dy are the caller's; weight and bias are drawn where wanted, given statistics where needed. eps is 1e-5, without relu. */
norm_call norm_prepare(norm_kernel kernel, extent e, float *x, float *dy, bool weight, bool bias);
nl_status norm_forward(norm_call *call);
nl_status norm_backward(norm_call *call);

/** Forward and backward, all results against float64. */
void check_norm_call(norm_call *call);

#endif
