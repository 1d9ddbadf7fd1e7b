/* Pooling, activations, the sum of a residual and the loss. */
#include "kernels/kernels.h"
#include "reference.h"
#include "support.h"
#include "window.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define POOL(n, c, h, w, kernel_h, kernel_w, stride_h, stride_w, padding_h, padding_w) \
  {n, c, h, w, c, kernel_h, kernel_w, stride_h, stride_w, padding_h, padding_w},
static const ref_window shapes[] = {
#include "kernels.inc"
};

#define FLAT(size) size,
static const int32_t sizes[] = {
#include "kernels.inc"
};

static char label[120];
#define NAMED(...) (snprintf(label, sizeof label, __VA_ARGS__), label)

static int64_t input_size(const ref_window *w) { return (int64_t)w->n * w->c * w->h * w->w; }

TEST(max_pool) {
  seed_data(1);
  for (int i = 0; i < COUNT_OF(shapes); i++)
    for (int ties = 0; ties < 2; ties++) {
      const ref_window *w = &shapes[i];
      const nl_window window = window_of(w);
      float *x = normals(input_size(w), -1, 2);
      for (int64_t j = 0; ties && j < input_size(w); j++) x[j] = (float)integer(-1, 1);
      const double *wide = widened(x, input_size(w));
      int32_t *want_where = ints((int64_t)w->n * w->c * window.out_height * window.out_width);
      const ref want = ref_maxpool_forward(want_where, wide, w);
      const float *dy = normals(want.size, 0, 1);
      float *y = floats(want.size), *dx = normals(input_size(w), 0, 9);
      int32_t *where = ints(want.size);
      CHECK_OK(nl_maxpool2d_forward(y, where, x, w->n, &window));
      check_close(NAMED("max pool %d", i), y, want.value, want.error, want.size);
      for (int32_t j = 0; j < want.size; j++) assert_int_equal(where[j], want_where[j]);
      const ref gradient = ref_maxpool_backward(widened(dy, want.size), wide, w);
      CHECK_OK(nl_maxpool2d_backward(dx, dy, where, w->n, &window));
      check_close(NAMED("max pool %d: dx", i), dx, gradient.value, gradient.error, gradient.size);
    }
}

/* Padding is -inf, not 0; NaN wins; -inf may be the largest there is. */
TEST(max_pool_of_odd_values) {
  const ref_window padded = {1, 1, 2, 2, 1, 2, 2, 1, 1, 1, 1}, plain = {1, 1, 2, 2, 1, 2, 2, 2, 2, 0, 0};
  const nl_window window = window_of(&padded), two = window_of(&plain);
  float y[9];
  int32_t where[9];
  CHECK_OK(nl_maxpool2d_forward(y, where, (float[]){-1, -2, -3, -4}, 1, &window));
  check_same("negative values", y, (float[]){-1, -1, -2, -1, -1, -2, -3, -3, -4}, 9);
  CHECK_OK(nl_maxpool2d_forward(y, where, (float[]){-INFINITY, -INFINITY, -INFINITY, -INFINITY}, 1, &window));
  check_all("all are -inf", y, -INFINITY, 9);
  for (int i = 0; i < 9; i++) assert_in_range(where[i], 0, 3);
  for (int at = 0; at < 4; at++) {
    float x[] = {5, 5, 5, 5};
    x[at] = NAN;
    CHECK_OK(nl_maxpool2d_forward(y, where, x, 1, &two));
    assert_true(isnan(y[0]));
    assert_int_equal(where[0], at);
    CHECK_OK(nl_maxpool2d_forward(y, where, x, 1, &window));
    assert_true(isnan(y[4]));
    assert_int_equal(where[4], at);
  }
}

/* Four windows at a time, and a fifth. */
TEST(max_pool_keeps_nan_in_its_window) {
  const ref_window row = {1, 1, 2, 10, 1, 2, 2, 2, 2, 0, 0};
  const nl_window window = window_of(&row);
  for (int at = 0; at < 20; at++) {
    float x[20], y[5];
    int32_t where[5];
    for (int i = 0; i < 20; i++) x[i] = i == at ? NAN : 5;
    CHECK_OK(nl_maxpool2d_forward(y, where, x, 1, &window));
    for (int i = 0; i < 5; i++) {
      const bool bad = at % 10 / 2 == i;
      assert_true(bad ? isnan(y[i]) : y[i] == 5);
      assert_int_equal(where[i], bad ? at : 2 * i);
    }
  }
}

TEST(average_pool) {
  seed_data(2);
  for (int i = 0; i < COUNT_OF(shapes); i++) {
    const ref_window *w = &shapes[i];
    const nl_window window = window_of(w);
    const float *x = normals(input_size(w), 1, 2);
    const ref want = ref_avgpool_forward(widened(x, input_size(w)), w);
    const float *dy = normals(want.size, 0, 1);
    const ref gradient = ref_avgpool_backward(widened(dy, want.size), w);
    float *y = floats(want.size), *dx = normals(input_size(w), 0, 9);
    CHECK_OK(nl_avgpool2d_forward(y, x, w->n, &window));
    check_close(NAMED("average pool %d", i), y, want.value, want.error, want.size);
    CHECK_OK(nl_avgpool2d_backward(dx, dy, w->n, &window));
    check_close(NAMED("average pool %d: dx", i), dx, gradient.value, gradient.error, gradient.size);
  }
}

/* Sums in float64: 32,768 values of 100 ± 0.01 keep their mean. */
TEST(global_average_pool) {
  static const int32_t cases[][2] = {{1, 1}, {3, 2}, {2, 3},  {5, 4},     {2, 5},
                                     {3, 7}, {4, 8}, {2, 49}, {1, 32768}, {0, 4}};
  seed_data(3);
  for (int i = 0; i < COUNT_OF(cases); i++) {
    const int32_t planes = cases[i][0], s = cases[i][1];
    const float *x = normals((int64_t)planes * s, 100, 0.01), *dy = normals(planes, 0, 1);
    float *y = floats(planes), *dx = floats((int64_t)planes * s);
    double *mean = doubles(planes), *error = doubles(planes);
    for (int32_t p = 0; p < planes; p++) {
      for (int32_t j = 0; j < s; j++) mean[p] += (double)x[p * s + j] / s;
      error[p] = 0x1p-24 * fabs(mean[p]);
    }
    CHECK_OK(nl_globalavgpool_forward(y, x, planes, s));
    check_close(NAMED("global average of %d", s), y, mean, error, planes);
    CHECK_OK(nl_globalavgpool_backward(dx, dy, planes, s));
    for (int64_t j = 0; j < (int64_t)planes * s; j++)
      check_double("dx", dx[j], (double)dy[j / s] / s, 8 * 0x1p-24 * fabs(dy[j / s]) / s);
  }
  float value = 0;
  check_failed(nl_globalavgpool_forward(&value, &value, 1, 0), NL_SHAPE, "S=0");
  check_failed(nl_globalavgpool_backward(&value, &value, -1, 1), NL_SHAPE, "P=-1");
}

static const float special[] = {0,   -0.0f, 1e-45f, -1e-45f, 1e-10f, -1e-10f, 1,    -1,    5,      -5,    12,
                                -12, 40,    -40,    87,      -87,    100,     -100, 1e10f, -1e10f, 3e38f, -3e38f};

TEST(activations) {
  seed_data(4);
  for (int i = 0; i < COUNT_OF(sizes) + 1; i++)
    for (int kind = NL_RELU; kind <= NL_TANH; kind++) {
      const bool odd = i == COUNT_OF(sizes);
      const int32_t size = odd ? COUNT_OF(special) : sizes[i];
      float *x = odd ? copy_of(special, size) : normals(size, 0, 2);
      const float *dy = normals(size, 0, 1);
      const double *wide = widened(x, size);
      const ref want = ref_activation_forward(wide, (ref_activation)kind, size);
      const ref gradient = ref_activation_backward(widened(dy, size), wide, (ref_activation)kind, size);
      float *y = floats(size), *dx = floats(size);
      CHECK_OK(nl_activation_forward(y, x, (nl_activation)kind, size));
      check_close(NAMED("activation %d of %d", kind, size), y, want.value, want.error, size);
      CHECK_OK(nl_activation_backward(dx, dy, x, y, (nl_activation)kind, size));
      check_close(NAMED("activation %d of %d: dx", kind, size), dx, gradient.value, gradient.error, size);
      CHECK_OK(nl_activation_forward(x, x, (nl_activation)kind, size));
      check_same("in place", x, y, size);
    }
}

TEST(activations_of_odd_values) {
  const float x[] = {NAN, INFINITY, -INFINITY, NAN, INFINITY};
  float y[5];
  CHECK_OK(nl_activation_forward(y, x, NL_RELU, 5));
  check_same("relu", y, (float[]){NAN, INFINITY, 0, NAN, INFINITY}, 5);
  CHECK_OK(nl_activation_forward(y, x, NL_SIGMOID, 5));
  check_same("sigmoid", y, (float[]){NAN, 1, 0, NAN, 1}, 5);
  CHECK_OK(nl_activation_forward(y, x, NL_TANH, 5));
  check_same("tanh", y, (float[]){NAN, 1, -1, NAN, 1}, 5);
  CHECK_OK(nl_activation_forward(y, x, NL_GELU, 2));
  check_same("gelu", y, (float[]){NAN, INFINITY}, 2);
  float dx[5];
  const float zero[] = {0, 0, -0.0f, 1, 0}, dy[] = {NAN, INFINITY, 1, 2, 3};
  CHECK_OK(nl_activation_backward(dx, dy, zero, zero, NL_RELU, 5));
  check_same("relu's gradient at 0 is 0", dx, (float[]){0, 0, 0, 2, 0}, 5);
  check_failed(nl_activation_forward(y, x, NL_RELU, -1), NL_SHAPE, "size must be >= 0, got -1");
  check_failed(nl_activation_backward(y, x, x, x, NL_GELU, -1), NL_SHAPE, "got -1");
}

TEST(addition) {
  seed_data(5);
  for (int i = 0; i < COUNT_OF(sizes); i++) {
    float *a = normals(sizes[i], 0, 1), *b = normals(sizes[i], 0, 1e3), *y = floats(sizes[i]), *sum = floats(sizes[i]);
    for (int32_t j = 0; j < sizes[i]; j++) sum[j] = a[j] + b[j];
    CHECK_OK(nl_add(y, a, b, sizes[i]));
    check_same("a + b", y, sum, sizes[i]);
    float *to_b = copy_of(b, sizes[i]);
    CHECK_OK(nl_add(to_b, a, to_b, sizes[i]));
    check_same("y is b", to_b, sum, sizes[i]);
    CHECK_OK(nl_add(a, a, b, sizes[i]));
    check_same("y is a", a, sum, sizes[i]);
  }
  float value = 0;
  check_failed(nl_add(&value, &value, &value, -4), NL_SHAPE, "got -4");
}

TEST(cross_entropy) {
  static const int32_t cases[][2] = {{1, 1}, {1, 2}, {3, 5}, {32, 10}, {7, 3}, {2, 1000}};
  static const double spreads[] = {0.1, 3, 100, 1e5};
  seed_data(6);
  for (int i = 0; i < COUNT_OF(cases); i++)
    for (int spread = 0; spread < COUNT_OF(spreads); spread++) {
      const int32_t n = cases[i][0], k = cases[i][1];
      const float *logits = normals((int64_t)n * k, 5, spreads[spread]);
      const int32_t *labels = random_labels(n, k);
      ref gradient;
      int32_t want_correct, correct = -1, again = -1;
      const double want = ref_cross_entropy(&want_correct, &gradient, widened(logits, (int64_t)n * k), labels, n, k);
      double loss, alone;
      float *dlogits = floats((int64_t)n * k);
      CHECK_OK(nl_cross_entropy(&loss, &correct, dlogits, logits, labels, 0, n, k));
      check_double("loss", loss, want, 1e-12 * (fabs(want) + spreads[spread]));
      assert_int_equal(correct, want_correct);
      check_close("dlogits", dlogits, gradient.value, gradient.error, gradient.size);
      CHECK_OK(nl_cross_entropy(&alone, &again, NULL, logits, labels, 0, n, k));
      assert_true(alone == loss && again == correct);
    }
}

/* The loss is linear in the target, which is a mixture: of the label, and of every class alike. */
TEST(label_smoothing) {
  enum { N = 5, K = 7 };
  static const double shares[] = {0, 0.1, 0.5, 0.99};
  seed_data(8);
  const float *logits = normals(N * K, 1, 3);
  const int32_t *labels = random_labels(N, K);
  double loss, plain, gradient[N * K], error[N * K];
  float dlogits[N * K];
  int32_t correct, hits;
  CHECK_OK(nl_cross_entropy(&plain, &hits, NULL, logits, labels, 0, N, K));
  for (int s = 0; s < COUNT_OF(shares); s++) {
    double want = (1 - shares[s]) * plain;
    memset(gradient, 0, sizeof gradient);
    for (int32_t c = -1; c < K; c++) {
      int32_t same[N];
      ref of;
      for (int32_t i = 0; i < N; i++) same[i] = c < 0 ? labels[i] : c;
      const double share = c < 0 ? 1 - shares[s] : shares[s] / K;
      const double found = ref_cross_entropy(&correct, &of, widened(logits, N * K), same, N, K);
      if (c >= 0) want += share * found;
      for (int32_t i = 0; i < N * K; i++) {
        gradient[i] += share * of.value[i];
        error[i] = 0x1p-24;
      }
    }
    CHECK_OK(nl_cross_entropy(&loss, &correct, dlogits, logits, labels, shares[s], N, K));
    check_double("loss", loss, want, 1e-12 * want);
    assert_int_equal(correct, hits);
    check_close("dlogits", dlogits, gradient, error, N * K);
  }
  check_failed(nl_cross_entropy(&loss, &correct, NULL, logits, labels, 1, N, K), NL_ARGUMENT, "label_smoothing");
  check_failed(nl_cross_entropy(&loss, &correct, NULL, logits, labels, -0.1, N, K), NL_ARGUMENT, "Got: -0.1");
}

/* ln 2 for two equal logits; the first of equals is the prediction; a loss of 3.4e38 is still a number. */
TEST(cross_entropy_by_hand) {
  double loss;
  int32_t correct;
  float dlogits[2];
  CHECK_OK(nl_cross_entropy(&loss, &correct, dlogits, (float[]){1, 1}, (int32_t[]){1}, 0, 1, 2));
  check_double("loss", loss, log(2), 1e-15);
  assert_int_equal(correct, 0);
  check_same("dlogits", dlogits, (float[]){0.5f, -0.5f}, 2);
  CHECK_OK(nl_cross_entropy(&loss, &correct, dlogits, (float[]){-3e38f, 3e38f}, (int32_t[]){0}, 0, 1, 2));
  check_double("loss", loss, 2 * (double)3e38f, 1e25);
  check_same("dlogits", dlogits, (float[]){-1, 1}, 2);
  CHECK_OK(nl_cross_entropy(&loss, &correct, NULL, (float[]){NAN, 1}, (int32_t[]){0}, 0, 1, 2));
  assert_true(isnan(loss));
}

TEST(cross_entropy_refusals) {
  const float logits[6] = {0};
  double loss = 7;
  int32_t correct = 7;
  float dlogits[6] = {7};
  check_failed(nl_cross_entropy(&loss, &correct, dlogits, logits, (int32_t[]){0, 3}, 0, 2, 3), NL_ARGUMENT,
               "labels[1]: Target 3 is out of bounds. Expected 0 to 2");
  check_failed(nl_cross_entropy(&loss, &correct, dlogits, logits, (int32_t[]){-1, 0}, 0, 2, 3), NL_ARGUMENT,
               "labels[0]: Target -1 is out of bounds");
  check_failed(nl_cross_entropy(&loss, &correct, dlogits, logits, (int32_t[]){0}, 0, 0, 3), NL_SHAPE, "N=0");
  check_failed(nl_cross_entropy(&loss, &correct, dlogits, logits, (int32_t[]){0}, 0, 1, 0), NL_SHAPE, "K=0");
  assert_true(loss == 7 && correct == 7 && dlogits[0] == 7);
}

TEST(pool_refusals) {
  float x[9] = {0}, y[9];
  int32_t where[9];
  nl_window window = window_of(&(ref_window){1, 1, 3, 3, 1, 2, 2, 1, 1, 1, 1});
  check_failed(nl_maxpool2d_forward(y, where, x, -1, &window), NL_SHAPE, "N must be >= 0, got -1");
  check_failed(nl_avgpool2d_backward(x, y, -1, &window), NL_SHAPE, "got -1");
  window.padding[1] = 2;
  const char *words = "pad should be at most half of kernel size, but got pad=2 and kernel_size=2";
  check_failed(nl_maxpool2d_forward(y, where, x, 1, &window), NL_ARGUMENT, words);
  check_failed(nl_maxpool2d_backward(x, y, where, 1, &window), NL_ARGUMENT, words);
  check_failed(nl_avgpool2d_forward(y, x, 1, &window), NL_ARGUMENT, words);
  check_failed(nl_avgpool2d_backward(x, y, 1, &window), NL_ARGUMENT, words);
  window.padding[1] = INT32_MAX;
  check_failed(nl_avgpool2d_forward(y, x, 1, &window), NL_ARGUMENT, "pad should be at most half of kernel size");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(max_pool),
      CASE(max_pool_of_odd_values),
      CASE(max_pool_keeps_nan_in_its_window),
      CASE(average_pool),
      CASE(global_average_pool),
      CASE(activations),
      CASE(activations_of_odd_values),
      CASE(addition),
      CASE(cross_entropy),
      CASE(label_smoothing),
      CASE(cross_entropy_by_hand),
      CASE(cross_entropy_refusals),
      CASE(pool_refusals),
  };
  return cmocka_run_group_tests_name("pool, activation, loss", tests, NULL, NULL);
}
