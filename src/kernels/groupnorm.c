#include "kernels/gradients.h"
#include "kernels/kernels.h"

static nl_status check(const char *name, int32_t n, int32_t c, int32_t s, int32_t g, double eps) {
  NL_TRY(nl_check_planes(name, n, c, s, eps));
  NL_CHECK(g >= 1 && c % g == 0, NL_ARGUMENT, "num_channels (%d) must be divisible by num_groups (%d)", c, g);
  return NL_OK;
}

nl_status nl_groupnorm_forward(float *y, double *mean, double *invstd, const float *x, const float *weight,
                               const float *bias, int32_t n, int32_t c, int32_t s, int32_t g, double eps, bool relu) {
  NL_TRY(check("nl_groupnorm_forward", n, c, s, g, eps));
  const int32_t per_group = c / g, count = per_group * s;
  if (count == 0) return NL_OK;
  for (int32_t row = 0; row < n * g; row++) {
    size_t at = (size_t)row * count;
    double var;
    nl_moments(&mean[row], &var, x + at, count);
    invstd[row] = nl_invstd(var, eps);
    for (int32_t k = 0; k < per_group; k++, at += s) {
      int32_t channel = row % g * per_group + k;
      const double scale = invstd[row] * (weight ? weight[channel] : 1);
      nl_normalize(y + at, x + at, nl_affine_of(mean[row], scale, bias ? bias[channel] : 0), relu, s);
    }
  }
  return NL_OK;
}

/*
 * Per channel of one sample, Σ over S: p = Σ dy, q = Σ dy xhat with xhat = (x - mean) invstd of its group. Then, with
 * m = C / G * S,
 *   dx = invstd (weight dy - Σ weight p / m - xhat Σ weight q / m), sums over the channels of the group;
 *   dweight = Σ over samples of q      dbias = Σ over samples of p, both summed in float64 in `work`.
 */
nl_status nl_groupnorm_backward(float *dx, float *dweight, float *dbias, const float *dy, const float *y,
                                const float *x, const double *mean, const double *invstd, const float *weight,
                                double *work, int32_t n, int32_t c, int32_t s, int32_t g, double eps) {
  NL_TRY(check("nl_groupnorm_backward", n, c, s, g, eps));
  const int32_t per_group = c / g, count = per_group * s;
  const bool params = dweight || dbias;
  const double per_value = 1.0 / count;
  double *weight_sum = work, *bias_sum = params ? work + c : NULL;
  for (int32_t j = 0; params && j < 2 * c; j++) work[j] = 0;
  for (int32_t row = 0; count > 0 && row < n * g; row++) {
    const size_t at = (size_t)row * count;
    const int32_t first = row % g * per_group;
    const nl_hat hat = nl_hat_of(mean[row], invstd[row], eps);
    double sum = 0, dot = 0;
    for (int32_t k = 0; k < per_group; k++) {
      double p = 0, q = 0, scale = weight ? weight[first + k] : 1;
      const size_t plane = at + (size_t)k * s;
      nl_gradient_sums(&p, &q, dy + plane, y ? y + plane : NULL, x + plane, hat, s);
      q = nl_dot_of(hat, p, q);
      if (params) {
        weight_sum[first + k] += q;
        bias_sum[first + k] += p;
      }
      sum += scale * p;
      dot += scale * q;
    }
    if (!dx) continue;
    const double share = -invstd[row] * per_value;
    for (int32_t k = 0; k < per_group; k++) {
      const size_t plane = at + (size_t)k * s;
      const double scale = invstd[row] * (weight ? weight[first + k] : 1);
      nl_normalize_backward(dx + plane, dy + plane, y ? y + plane : NULL, x + plane,
                            nl_factors_of(hat, scale, share * dot, share * sum), s);
    }
  }
  for (int32_t j = 0; j < c; j++) {
    if (dweight) dweight[j] = (float)weight_sum[j];
    if (dbias) dbias[j] = (float)bias_sum[j];
  }
  return NL_OK;
}
