/*
 * The operations in float64, written from their definitions and with no thought of speed: one loop an index, nothing
 * shared with the engine. tests/c/test_reference.c checks each backward here against finite differences of its forward.
 *
 * Beside each value stands the rounding error that a float32 computation of it is predicted to make, with u = 2^-24:
 *   - a sum or product of exact values, rounded once: u |value|;
 *   - a sum whose terms were rounded before: u times the sum of their magnitudes;
 *   - a float32 sum of k products: the partial sums are rounded too, k times, independently of each other. They grow to
 *     Σ|ab| at most, so that the root of their squares' sum is Σ|ab| sqrt(k / 3), and a rounding's own root mean square is
 *     u / sqrt(3): u sqrt(k) / 3 Σ|ab| in all;
 *   - a float64 sum of k values: the same with 2^-53 for u.
 * The tests allow 8 times that. How it adds up for normalization stands at ref_norm_forward in reference.c.
 */
#ifndef TEST_REFERENCE_H
#define TEST_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
  double *value, *error;
  int32_t size;
} ref;

ref ref_new(int32_t size);

/* ---- normalization: five ways to say which statistics and which weight an element belongs to ---- */

typedef struct {
  int32_t size, stats, params;
  int32_t *stat, *param; /* [size] */
  bool about_zero;       /* RMS norm: the mean that is subtracted, and around which var is taken, is 0 */
} ref_layout;

ref_layout ref_batch_layout(int32_t n, int32_t c, int32_t s);
ref_layout ref_layer_layout(int32_t m, int32_t l);
ref_layout ref_group_layout(int32_t n, int32_t c, int32_t s, int32_t g);
ref_layout ref_instance_layout(int32_t n, int32_t c, int32_t s);
ref_layout ref_rms_layout(int32_t m, int32_t l);

typedef struct {
  ref y, mean, invstd;
  double *var;   /* biased */
  int32_t count; /* values in one statistic */
} ref_norm;

/**
 * given_mean, given_var [stats], or NULL: those of x. weight, bias [params] or NULL. Where x has no variance and eps is 0,
 * invstd is 0.
 */
ref_norm ref_norm_forward(const ref_layout *layout, const double *x, const double *weight, const double *bias,
                          const double *given_mean, const double *given_var, double eps);

typedef struct {
  ref dx, dweight, dbias;
} ref_gradient;

ref_gradient ref_norm_backward(const ref_layout *layout, const double *dy, const double *x, const double *weight,
                               const double *given_mean, const double *given_var, double eps);

/** running = (1 - momentum) running + momentum batch. */
ref ref_moved(const double *running, const double *batch, double momentum, int32_t size);

/* What running statistics move towards, [C]. */
typedef struct {
  double *mean, *var;
} ref_target;

/** Of a batch layout: the batch's mean and variance, the latter with divisor N*S - 1 if `unbiased`. */
ref_target ref_batch_target(const ref_norm *batch, bool unbiased);
/** Of an instance layout: the mean over the n samples of their means, and of their variances with divisor S - 1. */
ref_target ref_instance_target(const ref_norm *instances, int32_t n, int32_t c);

/* ---- linear algebra ---- */

/** c [m, n] = start [m, n] (or NULL) + a [m, k] b [k, n]. */
ref ref_matmul(const double *start, const double *a, const double *b, int32_t m, int32_t n, int32_t k);

ref ref_linear_forward(const double *x, const double *weight, const double *bias, int32_t n, int32_t in, int32_t out);
ref_gradient ref_linear_backward(const double *dy, const double *x, const double *weight, int32_t n, int32_t in,
                                 int32_t out);

/* Pooling has as many channels out as in. */
typedef struct {
  int32_t n, c, h, w, out, kernel_h, kernel_w, stride_h, stride_w, padding_h, padding_w;
} ref_window;

int32_t ref_out_height(const ref_window *window);
int32_t ref_out_width(const ref_window *window);

ref ref_conv2d_forward(const double *x, const double *weight, const double *bias, const ref_window *window);
ref_gradient ref_conv2d_backward(const double *dy, const double *x, const double *weight, const ref_window *window);

/* ---- the rest ---- */

/** where [N, C, OH, OW] or NULL: the winner's offset in its plane; the first of equals. */
ref ref_maxpool_forward(int32_t *where, const double *x, const ref_window *window);
ref ref_maxpool_backward(const double *dy, const double *x, const ref_window *window);
ref ref_avgpool_forward(const double *x, const ref_window *window);
ref ref_avgpool_backward(const double *dy, const ref_window *window);

typedef enum { REF_RELU, REF_GELU, REF_SIGMOID, REF_TANH } ref_activation;

ref ref_activation_forward(const double *x, ref_activation kind, int32_t size);
ref ref_activation_backward(const double *dy, const double *x, ref_activation kind, int32_t size);

/** Mean over rows; *correct and dlogits may be NULL. */
double ref_cross_entropy(int32_t *correct, ref *dlogits, const double *logits, const int32_t *labels, int32_t n,
                         int32_t k);

typedef struct {
  ref param, velocity;
} ref_step;

/** One torch.optim.SGD step from param and velocity, which it leaves as they are. */
ref_step ref_sgd(const double *param, const double *velocity, const double *grad, double lr, double momentum,
                 double dampening, double weight_decay, bool nesterov, bool first, int32_t size);

/* ---- finite differences ---- */

typedef double (*ref_function)(void *context);

/** gradient [size] of f, which reads x: (f(x + h) - f(x - h)) / 2h, one coordinate after the other. */
double *ref_differences(ref_function f, void *context, double *x, int32_t size, double h);
/**
 * The derivative of f at x along `direction` [size], to the fourth order:
 * (8 (f(x + h) - f(x - h)) - (f(x + 2h) - f(x - 2h))) / 12h.
 */
double ref_slope(ref_function f, void *context, double *x, const double *direction, int32_t size, double h);

#endif
