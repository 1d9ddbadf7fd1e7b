/* The vector layer: each operation, lane by lane, and tails that touch nothing beyond their end. */
#include "base/vec.h"
#include "support.h"

#include <math.h>
#include <string.h>

static const float special[] = {0,       -0.0f,    1,        -1,        0x1p-149f, -0x1p-126f,
                                3.4e38f, -3.4e38f, INFINITY, -INFINITY, 0.1f,      7};

static void draw(float lanes[4]) {
  for (int i = 0; i < 4; i++)
    lanes[i] = integer(0, 3) == 0 ? special[integer(0, COUNT_OF(special) - 1)] : (float)uniform(-10, 10);
}

static void lanes_of(float lanes[4], v4 a) { v4_store(lanes, a); }
static void sums_of(double lanes[4], d4 a) { d4_store(lanes, a); }

TEST(arithmetic) {
  seed_data(1);
  for (int round = 0; round < 500; round++) {
    float a[4], b[4], c[4], got[4];
    draw(a);
    draw(b);
    draw(c);
    const v4 va = v4_load(a), vb = v4_load(b), vc = v4_load(c);
    for (int i = 0; i < 4; i++) {
      float want;
      lanes_of(got, v4_add(va, vb));
      want = a[i] + b[i];
      check_same("add", &got[i], &want, 1);
      lanes_of(got, v4_sub(va, vb));
      want = a[i] - b[i];
      check_same("sub", &got[i], &want, 1);
      lanes_of(got, v4_mul(va, vb));
      want = a[i] * b[i];
      check_same("mul", &got[i], &want, 1);
      lanes_of(got, v4_splat(a[i]));
      check_same("splat", got, (float[]){a[i], a[i], a[i], a[i]}, 4);
      lanes_of(got, v4_where_positive(va, vb));
      want = a[i] > 0 ? b[i] : 0.0f;
      check_same("where_positive", &got[i], &want, 1);
      if (a[i] != b[i]) {
        lanes_of(got, v4_at_least(va, vb));
        want = a[i] > b[i] ? a[i] : b[i];
        check_same("max", &got[i], &want, 1);
      }
      /* One rounding or two, as the build has it. */
      lanes_of(got, v4_madd(va, vb, vc));
      const float twice = a[i] * b[i] + c[i], once = fmaf(a[i], b[i], c[i]);
      if (memcmp(&got[i], &once, sizeof once) != 0) check_same("madd", &got[i], &twice, 1);
    }
  }
}

TEST(not_a_number) {
  float got[4];
  const v4 a = v4_load((float[]){NAN, 1, NAN, -1});
  lanes_of(got, v4_at_least(a, v4_splat(0)));
  check_same("relu", got, (float[]){NAN, 1, NAN, 0}, 4);
  lanes_of(got, v4_at_least(v4_load((float[]){NAN, -3, INFINITY, -INFINITY}), v4_splat(-INFINITY)));
  check_same("no floor", got, (float[]){NAN, -3, INFINITY, -INFINITY}, 4);
  lanes_of(got,
           v4_where_less(v4_load((float[]){NAN, 1, 2, 3}), v4_load((float[]){9, NAN, 2, 4}), v4_splat(7), v4_splat(8)));
  check_same("no number is less", got, (float[]){8, 8, 8, 7}, 4);
  for (int i = 0; i < 4; i++) {
    float lanes[4] = {1, -INFINITY, INFINITY, 0};
    assert_false(v4_any_nan(v4_load(lanes)));
    lanes[i] = NAN;
    assert_true(v4_any_nan(v4_load(lanes)));
  }
  lanes_of(got, v4_where_positive(a, v4_splat(5)));
  check_same("a gate that is no number is closed", got, (float[]){0, 5, 0, 0}, 4);
  lanes_of(got, v4_where_positive(v4_load((float[]){-1, 0, 1, 1}), v4_load((float[]){NAN, NAN, NAN, 4})));
  check_same("a closed gate gives 0 whatever is behind it", got, (float[]){0, 0, NAN, 4}, 4);
}

TEST(transpose) {
  float in[16], got[16];
  int32_t whole[4];
  v4 row[4];
  for (int i = 0; i < 16; i++) in[i] = (float)i;
  for (int i = 0; i < 4; i++) row[i] = v4_load(in + 4 * i);
  lanes_of(got, v4_even(row[0], row[1]));
  check_same("even", got, (float[]){0, 2, 4, 6}, 4);
  lanes_of(got, v4_odd(row[0], row[1]));
  check_same("odd", got, (float[]){1, 3, 5, 7}, 4);
  lanes_of(got, v4_zip_low(row[0], row[1]));
  check_same("zip_low", got, (float[]){0, 4, 1, 5}, 4);
  lanes_of(got, v4_zip_high(row[0], row[1]));
  check_same("zip_high", got, (float[]){2, 6, 3, 7}, 4);
  v4_store_int(whole, v4_load((float[]){0, 1, 16777215, -3}));
  assert_memory_equal(whole, ((int32_t[]){0, 1, 16777215, -3}), sizeof whole);
  v4_transpose(&row[0], &row[1], &row[2], &row[3]);
  for (int i = 0; i < 4; i++) v4_store(got + 4 * i, row[i]);
  for (int i = 0; i < 16; i++) assert_true(got[i] == in[i % 4 * 4 + i / 4]);
}

/* Heap blocks of exactly n values: AddressSanitizer sees a load or store beyond. */
TEST(tails) {
  for (int n = 0; n < 4; n++) {
    float *source = floats(n), *target = floats(n), got[4];
    for (int i = 0; i < n; i++) source[i] = (float)(i + 1);
    lanes_of(got, v4_load_n(source, n));
    for (int i = 0; i < 4; i++) assert_true(got[i] == (i < n ? (float)(i + 1) : 0));
    v4_store_n(target, v4_load((float[]){5, 6, 7, 8}), n);
    for (int i = 0; i < n; i++) assert_true(target[i] == (float)(5 + i));
    lanes_of(got, v4_first(v4_load((float[]){5, NAN, INFINITY, 8}), n));
    check_same("first", got, (float[]){n > 0 ? 5 : 0, n > 1 ? NAN : 0, n > 2 ? INFINITY : 0, 0}, 4);
  }
  float *unaligned = floats(9), got[4];
  for (int i = 0; i < 9; i++) unaligned[i] = (float)i;
  lanes_of(got, v4_load(unaligned + 5));
  check_same("unaligned load", got, (float[]){5, 6, 7, 8}, 4);
  v4_store(unaligned + 1, v4_splat(-1));
  check_same("unaligned store", unaligned, (float[]){0, -1, -1, -1, -1, 5, 6, 7, 8}, 9);
}

/* In float64 the product of two float32 is exact, so that each lane is off by no more than its additions. */
TEST(float64_lanes) {
  seed_data(2);
  double want[4] = {0}, other[4] = {0}, got[4];
  d4 sum = d4_zero(), dot = d4_zero();
  for (int round = 0; round < 300; round++) {
    float a[4], b[4];
    for (int i = 0; i < 4; i++) {
      a[i] = (float)uniform(-1, 1);
      b[i] = (float)uniform(-1e10, 1e10);
      want[i] += (double)a[i];
      other[i] += (double)a[i] * (double)b[i];
    }
    sum = d4_add(sum, v4_load(a));
    dot = d4_madd(dot, v4_load(a), v4_load(b));
  }
  sums_of(got, sum);
  assert_memory_equal(got, want, sizeof want);
  for (int i = 0; i < 4; i++) assert_true(d4_get(sum, i) == want[i]);
  sums_of(got, dot);
  assert_memory_equal(got, other, sizeof other);
  sums_of(got, d4_load((double[]){1, 2, 3, 4}));
  assert_memory_equal(got, ((double[]){1, 2, 3, 4}), sizeof got);
  assert_true(d4_sum(d4_load((double[]){1, 20, 300, 4000})) == 4321);
  sums_of(got, d4_zero());
  assert_memory_equal(got, ((double[]){0, 0, 0, 0}), sizeof got);
}

int main(void) {
  const struct CMUnitTest tests[] = {CASE(arithmetic), CASE(not_a_number), CASE(transpose), CASE(tails),
                                     CASE(float64_lanes)};
  return cmocka_run_group_tests_name("vec", tests, NULL, NULL);
}
