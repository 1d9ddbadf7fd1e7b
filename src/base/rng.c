#include "base/rng.h"

#include "base/series.h"

#include <math.h>

nl_rng nl_rng_make(uint64_t seed, uint64_t stream) {
  nl_rng rng = {0, stream << 1 | 1};
  nl_rng_next(&rng);
  rng.state += seed;
  nl_rng_next(&rng);
  return rng;
}

uint32_t nl_rng_next(nl_rng *rng) {
  uint64_t old = rng->state;
  rng->state = old * 6364136223846793005u + rng->increment;
  uint32_t mixed = (uint32_t)((old >> 18 ^ old) >> 27);
  uint32_t rotate = (uint32_t)(old >> 59);
  return mixed >> rotate | mixed << (-rotate & 31);
}

/* F. Brown, "Random number generation with arbitrary strides" (1994): `count` steps are one multiplication and one addition. */
void nl_rng_skip(nl_rng *rng, uint64_t count) {
  uint64_t factor = 6364136223846793005u, addend = rng->increment;
  for (; count > 0; count >>= 1) {
    if (count & 1) rng->state = rng->state * factor + addend;
    addend *= factor + 1;
    factor *= factor;
  }
}

float nl_rng_uniform(nl_rng *rng) { return (float)(nl_rng_next(rng) >> 8) * 0x1p-24f; }

uint32_t nl_rng_below(nl_rng *rng, uint32_t bound) {
  uint32_t reject_below = -bound % bound;
  for (;;) {
    uint32_t value = nl_rng_next(rng);
    if (value >= reject_below) return value % bound;
  }
}

/* G. Marsaglia's polar method: points of a disc, two values each. */
void nl_rng_normals(float *values, nl_rng *rng, int32_t n) {
  for (int32_t i = 0; i < n;) {
    const double u = 2 * (double)nl_rng_uniform(rng) - 1, v = 2 * (double)nl_rng_uniform(rng) - 1, s = u * u + v * v;
    if (s >= 1 || s == 0) continue;
    const double scale = sqrt(-2 * nl_log(s) / s);
    values[i++] = (float)(u * scale);
    if (i < n) values[i++] = (float)(v * scale);
  }
}
