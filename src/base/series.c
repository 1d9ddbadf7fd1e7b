#include "base/series.h"

double nl_cosine(double x) {
  double sum = 0, term = 1;
  for (int k = 1; k < 30; term *= -x * x / (k * (k + 1)), k += 2) sum += term;
  return sum;
}

/* log(2^-n m) = 2 (t + t^3 / 3 + ...) - n log 2 with t = (m - 1) / (m + 1), |t| < 0.18. */
double nl_log(double x) {
  double sum = 0;
  for (; x < 0.7; x *= 2) sum -= 0.69314718055994530942;
  const double t = (x - 1) / (x + 1);
  double power = 2 * t;
  for (int k = 1; k < 15; power *= t * t, k += 2) sum += power / k;
  return sum;
}
