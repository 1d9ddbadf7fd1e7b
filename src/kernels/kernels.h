/*
 * The kernels: pure functions over buffers that their caller owns. They allocate nothing, remember nothing and check their
 * arguments. Outputs first, gradients with a `d`, dimensions last; outputs are overwritten unless said otherwise.
 * `weight` and `bias` may be NULL (1 and 0), outputs only where said.
 */
#ifndef NL_KERNELS_H
#define NL_KERNELS_H

#include "base/status.h"

/* ---- normalization: y = (x - mean) * invstd * weight + bias, invstd = 1 / sqrt(var + eps), biased var ------------ */

/*
 * With `relu`, y is the relu of that, as the layer after would have it, to the bit. The backward pass is then given y, to go
 * through the relu on its way; NULL: there was none.
 */

/**
 * Batch normalization (Ioffe and Szegedy, https://arxiv.org/abs/1502.03167). x, y [N, C, S], S the product of the spatial
 * dimensions; y may be x. Statistics over N and S: mean, invstd [C] (float64, outputs, for the backward pass).
 * running_mean, running_var [C] or both NULL: moved by `momentum` towards the batch's mean and variance, the latter with
 * divisor N*S - 1 if `unbiased`. With N = 0 nothing but y, of no values, is written.
 */
nl_status nl_batchnorm_forward_train(float *y, double *mean, double *invstd, float *running_mean, float *running_var,
                                     const float *x, const float *weight, const float *bias, int32_t n, int32_t c,
                                     int32_t s, double eps, double momentum, bool unbiased, bool relu);
/** The same with given statistics, which are copied to mean, invstd [C] as the backward pass wants them. */
nl_status nl_batchnorm_forward_eval(float *y, double *mean, double *invstd, const float *x, const float *running_mean,
                                    const float *running_var, const float *weight, const float *bias, int32_t n,
                                    int32_t c, int32_t s, double eps, bool relu);
/**
 * dx [N, C, S], dweight, dbias [C]; each may be NULL. `batch_stats`: the statistics were functions of x (training), so
 * that their gradients enter dx; otherwise they were constants (eval). work: 2 * C float64, afterwards Σ dy and Σ dy xhat.
 */
nl_status nl_batchnorm_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                                const float *x, const double *mean, const double *invstd, const float *weight,
                                double *work, int32_t n, int32_t c, int32_t s, double eps, bool batch_stats);

/* What batch renormalization holds on to from forward to backward, [C] each. */
typedef struct {
  double r_max, d_max; /* >= 1, >= 0 */
  float *running_mean, *running_var;
  double *r, *d;        /* outputs */
  float *weight, *bias; /* outputs: weight r, and bias + weight d */
} nl_renorm;

/**
 * Batch renormalization (Ioffe, https://arxiv.org/abs/1702.03275): y = (xhat r + d) * weight + bias, with the batch's xhat,
 * r = std / running std within [1 / r_max, r_max] and d = (mean - running mean) / running std within [-d_max, d_max], which
 * have no gradients. Running statistics, of which the roots have eps too, are those before; as in batch normalization they
 * move afterwards if `moves`. With r_max 1 and d_max 0 it is batch normalization, to the bit.
 */
nl_status nl_batchrenorm_forward(float *y, double *mean, double *invstd, const nl_renorm *renorm, const float *x,
                                 const float *weight, const float *bias, int32_t n, int32_t c, int32_t s, double eps,
                                 double momentum, bool moves, bool unbiased, bool relu);
/** As nl_batchnorm_backward, of the last forward with `renorm`. */
nl_status nl_batchrenorm_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                                  const float *x, const double *mean, const double *invstd, const nl_renorm *renorm,
                                  double *work, int32_t n, int32_t c, int32_t s, double eps);

/**
 * Layer normalization (Ba et al., https://arxiv.org/abs/1607.06450). x, y [M, L], y may be x; statistics over L:
 * mean, invstd [M]; weight, bias [L].
 */
nl_status nl_layernorm_forward(float *y, double *mean, double *invstd, const float *x, const float *weight,
                               const float *bias, int32_t m, int32_t l, double eps, bool relu);
/** float64 values of scratch that the backward passes over rows need. */
#define NL_ROWS_WORK(l) (3 * (size_t)(l) + 3)
/** dx [M, L], dweight, dbias [L]; each may be NULL. work: NL_ROWS_WORK(L), unused where dweight and dbias are NULL. */
nl_status nl_layernorm_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                                const float *x, const double *mean, const double *invstd, const float *weight,
                                double *work, int32_t m, int32_t l, double eps);

/**
 * Group normalization (Wu and He, https://arxiv.org/abs/1803.08494). x, y [N, C, S], y may be x; statistics over the C / G
 * channels of a group and S: mean, invstd [N, G]; weight, bias [C].
 */
nl_status nl_groupnorm_forward(float *y, double *mean, double *invstd, const float *x, const float *weight,
                               const float *bias, int32_t n, int32_t c, int32_t s, int32_t g, double eps, bool relu);
/** dx [N, C, S], dweight, dbias [C]; each may be NULL. work: 2 * C float64, unused where dweight and dbias are NULL. */
nl_status nl_groupnorm_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                                const float *x, const double *mean, const double *invstd, const float *weight,
                                double *work, int32_t n, int32_t c, int32_t s, int32_t g, double eps);

/**
 * Instance normalization (Ulyanov et al., https://arxiv.org/abs/1607.08022). x, y [N, C, S], y may be x; statistics over
 * S: mean, invstd [N, C]; weight, bias [C]. running_mean, running_var [C] or both NULL: moved by `momentum` towards the
 * mean over N of the instances' means and of their variances, the latter with divisor S - 1. Without values nothing is
 * written. With given statistics it is nl_batchnorm_forward_eval.
 */
nl_status nl_instancenorm_forward(float *y, double *mean, double *invstd, float *running_mean, float *running_var,
                                  const float *x, const float *weight, const float *bias, int32_t n, int32_t c,
                                  int32_t s, double eps, double momentum, bool relu);
/** dx [N, C, S], dweight, dbias [C]; each may be NULL. work: 2 * C float64, unused where dweight and dbias are NULL. */
nl_status nl_instancenorm_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                                   const float *x, const double *mean, const double *invstd, const float *weight,
                                   double *work, int32_t n, int32_t c, int32_t s, double eps);

/**
 * Root mean square normalization (Zhang and Sennrich, https://arxiv.org/abs/1910.07467): no mean is subtracted.
 * x, y [M, L], y may be x: y = x * invstd * weight, invstd [M] = 1 / sqrt(mean of x² over L + eps); weight [L].
 */
nl_status nl_rmsnorm_forward(float *y, double *invstd, const float *x, const float *weight, int32_t m, int32_t l,
                             double eps, bool relu);
/** dx [M, L], dweight [L]; each may be NULL. work: NL_ROWS_WORK(L), unused where dweight is NULL. */
nl_status nl_rmsnorm_backward(float *dx, float *dweight, const float *dy, const float *y, const float *x,
                              const double *invstd, const float *weight, double *work, int32_t m, int32_t l);

/* ---- linear algebra ------------------------------------------------------------------------------------------------ */

/** A matrix read through strides: element (i, j) at data[i * row + j * col]. */
typedef struct {
  const float *data;
  int32_t row, col;
} nl_matrix;

/** Floats of scratch that nl_gemm needs, whatever the sizes. */
size_t nl_gemm_work(void);
/** c [m, n] with row stride ldc = (accumulate ? c : 0) + a [m, k] b [k, n]. */
nl_status nl_gemm(float *c, nl_matrix a, nl_matrix b, float *work, int32_t m, int32_t n, int32_t k, int32_t ldc,
                  bool accumulate);

/** What follows a sum of products, each output channel: y = y * scale + shift, [O] or NULL (1 and 0), then relu. */
typedef struct {
  const float *scale, *shift;
  bool relu;
} nl_after;

/** y [N, O] = x [N, I] weight^T, then `after`; weight [O, I]. work: nl_gemm_work(). */
nl_status nl_linear_forward(float *y, const float *x, const float *weight, nl_after after, float *work, int32_t n,
                            int32_t i, int32_t o);
/** dx [N, I], dweight [O, I], dbias [O]; each may be NULL. */
nl_status nl_linear_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *x,
                             const float *weight, float *work, int32_t n, int32_t i, int32_t o);

/** A 2-d window over [C, H, W] planes, as convolution and pooling use it. */
typedef struct {
  int32_t channels, height, width;          /* input */
  int32_t out_height, out_width;            /* output, from nl_window_fit */
  int32_t kernel[2], stride[2], padding[2]; /* height, width */
} nl_window;

/** Fills in the output size; NL_SHAPE where the window does not fit the padded input. */
nl_status nl_window_fit(nl_window *window);

/** Floats of scratch for the two functions below, with `o` output channels. */
size_t nl_conv2d_work(const nl_window *window, int32_t o);
/** y [N, O, OH, OW] = cross-correlation of x [N, C, H, W] with weight [O, C, KH, KW], then `after`. */
nl_status nl_conv2d_forward(float *y, const float *x, const float *weight, nl_after after, float *work, int32_t n,
                            int32_t o, const nl_window *window);
/** dx [N, C, H, W], dweight, dbias; each may be NULL. */
nl_status nl_conv2d_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *x,
                             const float *weight, float *work, int32_t n, int32_t o, const nl_window *window);

/* ---- the rest -------------------------------------------------------------------------------------------------------- */

/** Largest value of each window; `where` gets its offset in the input plane. Padding counts as -inf, NaN wins, as in PyTorch. */
nl_status nl_maxpool2d_forward(float *y, int32_t *where, const float *x, int32_t n, const nl_window *window);
nl_status nl_maxpool2d_backward(float *dx, const float *dy, const int32_t *where, int32_t n, const nl_window *window);
/** Mean of each window, padding counted as zeros (count_include_pad). */
nl_status nl_avgpool2d_forward(float *y, const float *x, int32_t n, const nl_window *window);
nl_status nl_avgpool2d_backward(float *dx, const float *dy, int32_t n, const nl_window *window);
/** y [P] = mean over S of x [P, S]; sums in float64. */
nl_status nl_globalavgpool_forward(float *y, const float *x, int32_t p, int32_t s);
nl_status nl_globalavgpool_backward(float *dx, const float *dy, int32_t p, int32_t s);

typedef enum { NL_RELU, NL_GELU, NL_SIGMOID, NL_TANH } nl_activation;

/** Elementwise; y may be x. GELU is the exact one, x * Phi(x). */
nl_status nl_activation_forward(float *y, const float *x, nl_activation kind, int32_t size);
nl_status nl_activation_backward(float *dx, const float *dy, const float *x, const float *y, nl_activation kind,
                                 int32_t size);

/** What of a tensor is dropped: a hash of key and index decides for each element on its own. */
typedef struct {
  double p; /* probability, 0 to 1 */
  uint32_t key[2];
} nl_dropout_mask;

/**
 * Dropout (Srivastava et al., https://jmlr.org/papers/v15/srivastava14a.html), elementwise: y = x / (1 - p), or x * 0 with
 * probability p; y may be x. With dx for y and dy for x it is its own backward pass. Equal masks drop the same elements
 * whatever the build; which these are, is not what PyTorch's generator would have drawn.
 */
nl_status nl_dropout(float *y, const float *x, const nl_dropout_mask *mask, int32_t size);
/** y = a + b; y may be either. */
nl_status nl_add(float *y, const float *a, const float *b, int32_t size);

typedef struct {
  double lr, momentum, dampening, weight_decay;
  bool nesterov;
} nl_sgd;

/** One torch.optim.SGD step over flat blocks; velocity [size] is written, not read, if `first`, and unused without momentum. */
nl_status nl_sgd_step(float *param, float *velocity, const float *grad, const nl_sgd *sgd, bool first, int32_t size);

typedef struct {
  double lr, betas[2], eps, weight_decay;
  bool decoupled; /* AdamW: the decay acts on the parameters, not by way of the gradient */
  double step;    /* from 1 */
} nl_adam;

/**
 * One torch.optim.Adam or AdamW step over flat blocks (Kingma and Ba, https://arxiv.org/abs/1412.6980; Loshchilov and Hutter,
 * https://arxiv.org/abs/1711.05101). mean, square [size]: running averages of the gradient and of its square, 0 before the
 * first step; largest [size]: amsgrad's, or NULL.
 */
nl_status nl_adam_step(float *param, float *mean, float *square, float *largest, const float *grad, const nl_adam *adam,
                       int32_t size);
/** base^exponent of a whole exponent >= 0; pow and its tables would be 7 KB of the module. */
double nl_power(double base, double exponent);
/** x *= scale, and y += scale x. */
void nl_multiply(float *x, float scale, int32_t size);
void nl_add_scaled(float *y, const float *x, float scale, int32_t size);
/** Sum of squares, in float64. */
double nl_sum_of_squares(const float *x, int32_t size);

#endif
