#include "kernels/kernels.h"
#include "kernels/moments.h"

/* var [N, C] is the biased one. */
static void track(float *running_mean, float *running_var, const double *mean, const double *var, int32_t n, int32_t c,
                  int32_t s, double momentum) {
  const double unbiased = s / (s - 1.0);
  for (int32_t j = 0; j < c; j++) {
    double means = 0, variances = 0;
    for (int32_t i = 0; i < n; i++) {
      means += mean[i * c + j];
      variances += var[i * c + j] * unbiased;
    }
    running_mean[j] = (float)((1 - momentum) * running_mean[j] + momentum * (means / n));
    running_var[j] = (float)((1 - momentum) * running_var[j] + momentum * (variances / n));
  }
}

nl_status nl_instancenorm_forward(float *y, double *mean, double *invstd, float *running_mean, float *running_var,
                                  const float *x, const float *weight, const float *bias, int32_t n, int32_t c,
                                  int32_t s, double eps, double momentum, bool relu) {
  NL_TRY(nl_check_planes("nl_instancenorm_forward", n, c, s, eps));
  if (n == 0 || s == 0) return NL_OK;
  double *var = invstd;
  for (int32_t plane = 0; plane < n * c; plane++) {
    const size_t at = (size_t)plane * s;
    const int32_t j = plane % c;
    nl_moments(&mean[plane], &var[plane], x + at, s);
    const double scale = nl_invstd(var[plane], eps) * (weight ? weight[j] : 1);
    nl_normalize(y + at, x + at, nl_affine_of(mean[plane], scale, bias ? bias[j] : 0), relu, s);
  }
  if (running_mean) track(running_mean, running_var, mean, var, n, c, s, momentum);
  for (int32_t plane = 0; plane < n * c; plane++) invstd[plane] = nl_invstd(var[plane], eps);
  return NL_OK;
}

/* An instance is a group of one channel. */
nl_status nl_instancenorm_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                                   const float *x, const double *mean, const double *invstd, const float *weight,
                                   double *work, int32_t n, int32_t c, int32_t s, double eps) {
  NL_TRY(nl_check_planes("nl_instancenorm_backward", n, c, s, eps));
  return nl_groupnorm_backward(dx, dweight, dbias, dy, y, x, mean, invstd, weight, work, n, c, s, c, eps);
}
