/* The generator that seeds everything. */
#include "base/rng.h"
#include "base/series.h"
#include "support.h"

#include <math.h>

/* The first round of pcg32-demo in the author's C library (https://github.com/imneme/pcg-c-basic): seed 42, sequence 54. */
TEST(published_values) {
  static const uint32_t want[] = {0xa15c02b7, 0x7b47f409, 0xba1d3330, 0x83d2f293, 0xbfa4784b, 0xcbed606e};
  nl_rng rng = nl_rng_make(42, 54);
  for (int i = 0; i < COUNT_OF(want); i++) assert_int_equal(nl_rng_next(&rng), want[i]);
}

TEST(streams_differ) {
  nl_rng a = nl_rng_make(1, 0), again = nl_rng_make(1, 0), seed = nl_rng_make(2, 0), stream = nl_rng_make(1, 1);
  int32_t same_seed = 0, same_stream = 0;
  for (int i = 0; i < 100; i++) {
    const uint32_t value = nl_rng_next(&a);
    assert_int_equal(nl_rng_next(&again), value);
    same_seed += nl_rng_next(&seed) == value;
    same_stream += nl_rng_next(&stream) == value;
  }
  assert_true(same_seed <= 1 && same_stream <= 1);
}

/* All 53 bits of a seed count. */
TEST(large_seeds) {
  nl_rng low = nl_rng_make(5, 0), high = nl_rng_make(5 + ((uint64_t)1 << 52), 0);
  int32_t same = 0;
  for (int i = 0; i < 20; i++) same += nl_rng_next(&low) == nl_rng_next(&high);
  assert_true(same <= 1);
}

TEST(skips) {
  static const uint64_t counts[] = {0, 1, 2, 3, 7, 64, 1000};
  for (int i = 0; i < COUNT_OF(counts); i++) {
    nl_rng far = nl_rng_make(9, 4), step = nl_rng_make(9, 4);
    nl_rng_skip(&far, counts[i]);
    for (uint64_t k = 0; k < counts[i]; k++) nl_rng_next(&step);
    for (int k = 0; k < 5; k++) assert_int_equal(nl_rng_next(&far), nl_rng_next(&step));
  }
  /* The period is 2^64. */
  nl_rng rng = nl_rng_make(9, 4), start = rng;
  nl_rng_skip(&rng, UINT64_MAX);
  nl_rng_next(&rng);
  assert_true(rng.state == start.state);
}

/* Bounds of 5 standard errors: a right generator fails one in two million times, and this one always draws the same. */
TEST(uniform_values) {
  enum { DRAWS = 20000, BINS = 16 };
  nl_rng rng = nl_rng_make(7, 0), twin = nl_rng_make(7, 0);
  double sum = 0;
  int32_t bins[BINS] = {0};
  for (int i = 0; i < DRAWS; i++) {
    const float u = nl_rng_uniform(&rng);
    assert_true(u >= 0 && u < 1);
    assert_true(u == (float)(nl_rng_next(&twin) >> 8) / 16777216);
    sum += u;
    bins[(int32_t)(u * BINS)]++;
  }
  check_double("mean", sum / DRAWS, 0.5, 5 * sqrt(1.0 / 12 / DRAWS));
  for (int i = 0; i < BINS; i++) check_double("bin", bins[i], (double)DRAWS / BINS, 5 * sqrt((double)DRAWS / BINS));
}

TEST(below_covers) {
  nl_rng rng = nl_rng_make(3, 0);
  for (uint32_t bound = 1; bound <= 40; bound++) {
    int32_t counts[40] = {0};
    const int32_t draws = 200 * (int32_t)bound;
    for (int32_t i = 0; i < draws; i++) {
      const uint32_t value = nl_rng_below(&rng, bound);
      assert_true(value < bound);
      counts[value]++;
    }
    for (uint32_t i = 0; i < bound; i++) check_double("count", counts[i], 200, 5 * sqrt(200.0));
  }
}

/* A plain remainder of 32 bits by 3 * 2^30 would give the lowest third half of the draws. */
TEST(below_is_unbiased) {
  enum { DRAWS = 6000 };
  nl_rng rng = nl_rng_make(11, 0);
  int32_t lowest = 0;
  for (int i = 0; i < DRAWS; i++) lowest += nl_rng_below(&rng, 3u << 30) < 1u << 30;
  check_double("lowest third", (double)lowest / DRAWS, 1.0 / 3, 5 * sqrt(2.0 / 9 / DRAWS));
}

/* Moments, and how many lie below: (1 + erf(z / sqrt 2)) / 2. */
TEST(normal_values) {
  enum { DRAWS = 20001 };
  float *values = floats(DRAWS), *twin = floats(DRAWS);
  nl_rng rng = nl_rng_make(3, 0);
  nl_rng_normals(values, &rng, DRAWS);
  static const double bounds[] = {-3, -1.5, -0.5, 0, 0.7, 1, 2.5};
  for (int i = 0; i < COUNT_OF(bounds); i++) {
    double below = 0;
    for (int k = 0; k < DRAWS; k++) below += values[k] < bounds[i];
    const double want = (1 + erf(bounds[i] / sqrt(2))) / 2;
    check_double("share below", below / DRAWS, want, 5 * sqrt(want * (1 - want) / DRAWS));
  }
  double sum = 0, squares = 0, pairs = 0;
  for (int k = 0; k < DRAWS; k++) {
    sum += values[k];
    squares += (double)values[k] * values[k];
    if (k > 0) pairs += (double)values[k] * values[k - 1];
  }
  check_double("mean", sum / DRAWS, 0, 5 / sqrt(DRAWS));
  check_double("variance", squares / DRAWS, 1, 5 * sqrt(2.0 / DRAWS));
  check_double("correlation", pairs / DRAWS, 0, 5 / sqrt(DRAWS));
  rng = nl_rng_make(3, 0);
  nl_rng_normals(twin, &rng, DRAWS - 1);
  check_same("fewer", twin, values, DRAWS - 1);
}

TEST(series) {
  for (int i = 0; i <= 1000; i++) {
    const double x = acos(-1) / 2 * i / 1000, y = ldexp(1 - i / 2001.0, -i % 40);
    check_double("cosine", nl_cosine(x), cos(x), 4e-16);
    check_double("logarithm", nl_log(y), log(y), 1e-15 * fabs(log(y)));
    const double far = exp(-745 + 1.45 * i);
    check_double("logarithm of any size", nl_log(far), log(far), 1e-15 * fabs(log(far)));
    const double power = -745 + 1.4545 * i;
    check_double("exponential", nl_exp(power), exp(power), 4e-16 * exp(power) + 5e-324);
    check_double("exponential near 0", nl_exp(power / 700), exp(power / 700), 4e-16 * exp(power / 700));
  }
  assert_true(nl_exp(0) == 1 && nl_exp(-INFINITY) == 0 && nl_exp(INFINITY) == INFINITY && isnan(nl_exp(NAN)));
  assert_true(nl_log(0) == -INFINITY && nl_log(INFINITY) == INFINITY && isnan(nl_log(-1)) && isnan(nl_log(NAN)));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(published_values), CASE(streams_differ), CASE(large_seeds),    CASE(skips),
      CASE(normal_values),    CASE(series),         CASE(uniform_values), CASE(below_covers),
      CASE(below_is_unbiased)};
  return cmocka_run_group_tests_name("rng", tests, NULL, NULL);
}
