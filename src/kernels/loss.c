#include "base/series.h"
#include "kernels/kernels.h"

#include <math.h>

nl_status nl_cross_entropy(double *loss, int32_t *correct, float *dlogits, const float *logits, const int32_t *labels,
                           double smoothing, int32_t n, int32_t k) {
  NL_CHECK(n >= 1 && k >= 1, NL_SHAPE, "nl_cross_entropy: sizes must be N >= 1, K >= 1, got N=%d, K=%d", n, k);
  NL_CHECK(smoothing >= 0 && smoothing < 1, NL_ARGUMENT,
           "label_smoothing must be at least 0.0 and less than 1.0. Got: %g", smoothing);
  for (int32_t i = 0; i < n; i++)
    NL_CHECK(labels[i] >= 0 && labels[i] < k, NL_ARGUMENT, "labels[%d]: Target %d is out of bounds. Expected 0 to %d",
             i, labels[i], k - 1);
  /* The target is (1 - smoothing) at the label and smoothing / K everywhere. */
  const double apart = smoothing / k;
  double total = 0;
  int32_t hits = 0;
  for (int32_t i = 0; i < n; i++, logits += k) {
    int32_t best = 0;
    for (int32_t j = 1; j < k; j++)
      if (logits[j] > logits[best]) best = j;
    double sum = 0, highest = logits[best];
    for (int32_t j = 0; j < k; j++) sum += exp(logits[j] - highest);
    const double log_sum = nl_log(sum) + highest;
    total += (1 - smoothing) * (log_sum - logits[labels[i]]);
    for (int32_t j = 0; smoothing != 0 && j < k; j++) total += apart * (log_sum - logits[j]);
    hits += best == labels[i];
    for (int32_t j = 0; dlogits && j < k; j++)
      *dlogits++ = (float)((exp(logits[j] - highest) / sum - (j == labels[i]) * (1 - smoothing) - apart) / n);
  }
  *loss = total / n;
  *correct = hits;
  return NL_OK;
}
