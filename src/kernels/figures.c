#include "kernels/figures.h"

#include "kernels/kernels.h"

#include <math.h>

enum { BLOCK = 256 };

/* Values from `first` on, as many as *count says: in place, or behind their gate in `kept`. */
static const float *block_at(float kept[BLOCK], int32_t *count, nl_values of, int32_t first) {
  *count = of.size - first < BLOCK ? of.size - first : BLOCK;
  if (!of.gate) return of.x + first;
  (void)nl_activation_backward(kept, of.x + first, NULL, of.gate + first, NL_RELU, *count);
  return kept;
}

/* In one pass, from the first value on: the variance is at least a `size`th of the square of that one's distance from the
   mean, so that float64 loses no more than `size` roundings of it. */
void nl_describe(double moments[NL_MOMENTS], nl_values values) {
  double first = NAN, sum = 0, squares = 0, low = INFINITY, high = -INFINITY;
  int32_t finite = 0;
  float kept[BLOCK];
  int32_t n;
  for (int32_t i = 0; i < values.size; i += n) {
    const float *x = block_at(kept, &n, values, i);
    for (int32_t j = 0; j < n; j++) {
      if (!isfinite(x[j])) continue;
      if (finite++ == 0) first = x[j];
      const double d = x[j] - first;
      sum += d;
      squares += d * d;
      low = x[j] < low ? x[j] : low;
      high = x[j] > high ? x[j] : high;
    }
  }
  const double count = (double)finite, shift = sum / count, variance = squares / count - shift * shift;
  moments[NL_MEAN] = first + shift;
  moments[NL_STD] = sqrt(variance > 0 || isnan(variance) ? variance : 0);
  moments[NL_MIN] = finite > 0 ? low : NAN;
  moments[NL_MAX] = finite > 0 ? high : NAN;
  moments[NL_NONFINITE] = values.size - count;
}

nl_status nl_check_bins(int32_t bins) {
  NL_CHECK(bins >= 1 && bins <= 4096, NL_ARGUMENT, "bins: must be an integer from 1 to 4096, got %d", bins);
  return NL_OK;
}

void nl_histogram_edges(double edges[2], double min, double max) {
  edges[0] = min;
  edges[1] = max;
  if (max > min) return;
  const double middle = isfinite(min) ? min : 0, half = fmax(0.5, fabs(middle) * 1e-6);
  edges[0] = middle - half;
  edges[1] = middle + half;
}

void nl_histogram(double *counts, nl_values values, const double edges[2], int32_t bins) {
  const double scale = bins / (edges[1] - edges[0]);
  for (int32_t i = 0; i < bins; i++) counts[i] = 0;
  float kept[BLOCK];
  int32_t n;
  for (int32_t i = 0; i < values.size; i += n) {
    const float *x = block_at(kept, &n, values, i);
    for (int32_t j = 0; j < n; j++) {
      if (!(x[j] >= edges[0] && x[j] <= edges[1])) continue;
      const int32_t bin = (int32_t)((x[j] - edges[0]) * scale);
      counts[bin < bins ? bin : bins - 1]++;
    }
  }
}
