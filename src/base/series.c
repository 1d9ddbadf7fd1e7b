#include "base/series.h"

#include <float.h>
#include <math.h>

double nl_cosine(double x) {
  double sum = 0, term = 1;
  for (int k = 1; k < 30; term *= -x * x / (k * (k + 1)), k += 2) sum += term;
  return sum;
}

/* log(2^n m) = n log 2 + 2 (t + t^3 / 3 + ...) with t = (m - 1) / (m + 1), |t| < 0.18. */
double nl_log(double x) {
  if (!(x > 0 && x <= DBL_MAX)) return x == 0 ? -INFINITY : x < 0 ? NAN : x;
  int n;
  double m = frexp(x, &n);
  if (m < 0.7) {
    m *= 2;
    n--;
  }
  const double t = (m - 1) / (m + 1);
  double sum = 0, power = 2 * t;
  for (int k = 1; k < 23; power *= t * t, k += 2) sum += power / k;
  return sum + n * 0.69314718055994530942;
}
