#include "kernels/kernels.h"

#include <math.h>

nl_status nl_cross_entropy(double *loss, int32_t *correct, float *dlogits, const float *logits, const int32_t *labels,
                           int32_t n, int32_t k) {
  NL_CHECK(n >= 1 && k >= 1, NL_SHAPE, "nl_cross_entropy: sizes must be N >= 1, K >= 1, got N=%d, K=%d", n, k);
  for (int32_t i = 0; i < n; i++)
    NL_CHECK(labels[i] >= 0 && labels[i] < k, NL_ARGUMENT, "labels[%d]: Target %d is out of bounds. Expected 0 to %d",
             i, labels[i], k - 1);
  double total = 0;
  int32_t hits = 0;
  for (int32_t i = 0; i < n; i++, logits += k) {
    int32_t best = 0;
    for (int32_t j = 1; j < k; j++)
      if (logits[j] > logits[best]) best = j;
    double sum = 0, highest = logits[best];
    for (int32_t j = 0; j < k; j++) sum += exp(logits[j] - highest);
    total += log(sum) + highest - logits[labels[i]];
    hits += best == labels[i];
    for (int32_t j = 0; dlogits && j < k; j++)
      *dlogits++ = (float)((exp(logits[j] - highest) / sum - (j == labels[i])) / n);
  }
  *loss = total / n;
  *correct = hits;
  return NL_OK;
}
