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

/* Of 14, 13, ..., 0. */
static const double one_over_factorial[15] = {
    1 / 87178291200., 1 / 6227020800., 1 / 479001600., 1 / 39916800., 1 / 3628800., 1 / 362880., 1 / 40320., 1 / 5040.,
    1 / 720.,         1 / 120.,        1 / 24.,        1 / 6.,        0.5,          1,           1};

/* exp(x) = 2^n exp(r) with |r| <= log(2) / 2, where 15 terms are all that float64 holds. n log 2 is taken off in two parts, of
   which the first has zeros enough at its end for the product to be exact. */
double nl_exp(double x) {
  if (!(x > -746 && x < 710)) return x < 0 ? 0 : x > 0 ? INFINITY : x;
  const double n = rint(x * 1.44269504088896340736);
  const double r = x - n * 0x1.62e42feep-1 - n * 0x1.a39ef35793c76p-33;
  double sum = 0;
  for (int k = 0; k < 15; k++) sum = sum * r + one_over_factorial[k];
  /* In two steps, since 2^1024 and 2^-1075 are no numbers. */
  const int half = (int)n / 2;
  return ldexp(ldexp(sum, half), (int)n - half);
}
