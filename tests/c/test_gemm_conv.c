/* Matrix product, linear layer and convolution against float64 sums. */
#include "kernels/kernels.h"
#include "reference.h"
#include "support.h"
#include "window.h"

#include <math.h>
#include <stdio.h>

#define GEMM(m, n, k) {m, n, k},
static const int32_t gemm_shapes[][3] = {
#include "kernels.inc"
};

#define LINEAR(n, in, out) {n, in, out},
static const int32_t linear_shapes[][3] = {
#include "kernels.inc"
};

#define CONV(n, c, h, w, out, kernel_h, kernel_w, stride_h, stride_w, padding_h, padding_w) \
  {n, c, h, w, out, kernel_h, kernel_w, stride_h, stride_w, padding_h, padding_w},
static const ref_window conv_shapes[] = {
#include "kernels.inc"
};

static char label[120];
#define NAMED(...) (snprintf(label, sizeof label, __VA_ARGS__), label)

/* What may follow a product. */
static const struct {
  bool scale, shift, relu;
} followings[] = {{0, 0, 0}, {0, 1, 0}, {0, 0, 1}, {1, 0, 0}, {1, 1, 0}, {1, 1, 1}};

static nl_after following(int which, int32_t outs) {
  return (nl_after){.scale = followings[which].scale ? normals(outs, 0, 1) : NULL,
                    .shift = followings[which].shift ? normals(outs, 0, 1) : NULL,
                    .relu = followings[which].relu};
}

/* Sums y [N, outs, plane], and what follows; a product and a sum are rounded once each. */
static ref followed(const ref *y, nl_after after, int32_t outs, int32_t plane) {
  ref out = ref_new(y->size);
  for (int32_t i = 0; i < y->size; i++) {
    const int32_t j = i / plane % outs;
    const double scale = after.scale ? after.scale[j] : 1;
    const double product = y->value[i] * scale, sum = product + (after.shift ? after.shift[j] : 0);
    out.value[i] = after.relu && sum < 0 ? 0 : sum;
    out.error[i] = fabs(scale) * y->error[i];
    out.error[i] += 0x1p-24 * ((after.scale ? fabs(product) : 0) + (after.shift ? fabs(sum) : 0));
  }
  return out;
}

/* Scratch may hold anything. Not NaN here, which a convolution would find in its results and compute them again otherwise. */
static float *spoiled(float *work, size_t size) {
  for (size_t i = 0; i < size; i++) work[i] = 7;
  return work;
}

static float *gemm_work(void) { return spoiled(floats((int64_t)nl_gemm_work()), nl_gemm_work()); }

/* [rows, cols] stored transposed. */
static float *transposed(const float *values, int32_t rows, int32_t cols) {
  float *out = floats((int64_t)rows * cols);
  for (int32_t i = 0; i < rows; i++)
    for (int32_t j = 0; j < cols; j++) out[j * rows + i] = values[i * cols + j];
  return out;
}

/* All four ways to store a and b, with and without a c to add to, in rows longer than n. */
TEST(gemm) {
  seed_data(1);
  for (int i = 0; i < COUNT_OF(gemm_shapes); i++) {
    const int32_t m = gemm_shapes[i][0], n = gemm_shapes[i][1], k = gemm_shapes[i][2], ldc = n + i % 3;
    const float *a = normals((int64_t)m * k, 0.2, 1), *b = normals((int64_t)k * n, 0.1, 1);
    const float *start = normals((int64_t)m * n, 0, 3);
    const double *wide_a = widened(a, (int64_t)m * k), *wide_b = widened(b, (int64_t)k * n);
    const ref plain = ref_matmul(NULL, wide_a, wide_b, m, n, k);
    const ref added = ref_matmul(widened(start, (int64_t)m * n), wide_a, wide_b, m, n, k);
    const float *at = transposed(a, m, k), *bt = transposed(b, k, n);
    for (int way = 0; way < 8; way++) {
      const bool accumulate = way & 4;
      const nl_matrix ma = way & 1 ? (nl_matrix){at, 1, m} : (nl_matrix){a, k, 1};
      const nl_matrix mb = way & 2 ? (nl_matrix){bt, 1, k} : (nl_matrix){b, n, 1};
      /* The last row ends with its last value. */
      float *c = floats((int64_t)(m - 1) * ldc + n);
      for (int32_t r = 0; r < m; r++)
        for (int32_t j = 0; j < ldc && (r < m - 1 || j < n); j++) c[r * ldc + j] = j < n ? start[r * n + j] : -7;
      CHECK_OK(nl_gemm(c, ma, mb, gemm_work(), m, n, k, ldc, accumulate));
      const ref *want = accumulate ? &added : &plain;
      for (int32_t r = 0; r < m; r++) {
        check_close(NAMED("gemm %d x %d x %d, way %d, row %d", m, n, k, way, r), c + r * ldc, want->value + r * n,
                    want->error + r * n, n);
        if (r < m - 1) check_all("beyond the row", c + r * ldc + n, -7, ldc - n);
      }
    }
    float *c = floats((int64_t)m * n), *work = floats((int64_t)nl_matmul_work());
    CHECK_OK(nl_matmul(c, a, b, work, m, n, k));
    check_close(NAMED("matmul %d x %d x %d", m, n, k), c, plain.value, plain.error, m * n);
  }
}

TEST(gemm_of_nothing) {
  float *work = gemm_work(), c[] = {1, 2, 3, 4, 5, 6};
  const nl_matrix none = {floats(0), 1, 1}, some = {floats(6), 3, 1};
  CHECK_OK(nl_gemm(c, none, none, work, 2, 2, 0, 3, true));
  check_same("nothing is added", c, (float[]){1, 2, 3, 4, 5, 6}, 6);
  CHECK_OK(nl_gemm(c, none, some, work, 0, 3, 2, 3, false));
  CHECK_OK(nl_gemm(c, some, none, work, 2, 0, 2, 3, false));
  check_same("no rows, no columns", c, (float[]){1, 2, 3, 4, 5, 6}, 6);
  CHECK_OK(nl_gemm(c, none, none, work, 2, 2, 0, 3, false));
  check_same("an empty sum is 0", c, (float[]){0, 0, 3, 0, 0, 6}, 6);
}

/* The zeros that fill up a tile meet no value of the neighbours. */
TEST(gemm_keeps_bad_values_apart) {
  seed_data(2);
  enum { M = 7, N = 11, K = 5 };
  float *a = normals(M * K, 0, 1), *b = normals(K * N, 0, 1), c[M * N];
  a[2 * K + 1] = NAN;
  b[3 * N + 9] = INFINITY;
  CHECK_OK(nl_gemm(c, (nl_matrix){a, K, 1}, (nl_matrix){b, N, 1}, gemm_work(), M, N, K, N, false));
  for (int i = 0; i < M; i++)
    for (int j = 0; j < N; j++) {
      if (i == 2)
        assert_true(isnan(c[i * N + j]));
      else
        assert_true(j == 9 ? isinf(c[i * N + j]) : isfinite(c[i * N + j]));
    }
}

TEST(peak) {
  const float result = nl_peak(1000);
  assert_true(isfinite(result) && result != 0);
}

TEST(linear) {
  seed_data(3);
  for (int i = 0; i < COUNT_OF(linear_shapes); i++) {
    const int32_t n = linear_shapes[i][0], in = linear_shapes[i][1], out = linear_shapes[i][2];
    const float *x = normals((int64_t)n * in, 0.3, 1), *dy = normals((int64_t)n * out, 0, 1);
    const float *weight = normals((int64_t)out * in, 0, 1);
    const double *wide_x = widened(x, (int64_t)n * in), *wide_weight = widened(weight, (int64_t)out * in);
    const ref plain = ref_linear_forward(wide_x, wide_weight, NULL, n, in, out);
    const ref_gradient g = ref_linear_backward(widened(dy, (int64_t)n * out), wide_x, wide_weight, n, in, out);
    for (int f = 0; f < COUNT_OF(followings); f++) {
      const nl_after after = following(f, out);
      const ref want = followed(&plain, after, out, 1);
      float *y = normals((int64_t)n * out, 0, 9);
      CHECK_OK(nl_linear_forward(y, x, weight, after, gemm_work(), n, in, out));
      check_close(NAMED("linear [%d, %d] to %d: y, following %d", n, in, out, f), y, want.value, want.error, want.size);
    }
    for (int wanted = 1; wanted < 8; wanted++) {
      float *dx = wanted & 1 ? normals(g.dx.size, 0, 9) : NULL;
      float *dweight = wanted & 2 ? normals(g.dweight.size, 0, 9) : NULL;
      float *dbias = wanted & 4 ? normals(out, 0, 9) : NULL;
      CHECK_OK(nl_linear_backward(dx, dweight, dbias, dy, x, weight, gemm_work(), n, in, out));
      NAMED("linear [%d, %d] to %d: gradient", n, in, out);
      if (dx) check_close(label, dx, g.dx.value, g.dx.error, g.dx.size);
      if (dweight) check_close(label, dweight, g.dweight.value, g.dweight.error, g.dweight.size);
      if (dbias) check_close(label, dbias, g.dbias.value, g.dbias.error, out);
    }
  }
}

/* Shapes take turns at what follows, and at which gradients are wanted beside all three. */
TEST(conv2d) {
  seed_data(4);
  for (int i = 0; i < COUNT_OF(conv_shapes); i++) {
    const ref_window *w = &conv_shapes[i];
    const nl_window window = window_of(w);
    const int64_t x_size = (int64_t)w->n * w->c * w->h * w->w;
    const int64_t weight_size = (int64_t)w->out * w->c * w->kernel_h * w->kernel_w;
    const int32_t plane = window.out_height * window.out_width;
    const int64_t y_size = (int64_t)w->n * w->out * plane;
    const float *x = normals(x_size, 0.3, 1), *dy = normals(y_size, 0.1, 1), *weight = normals(weight_size, 0, 1);
    const double *wide_x = widened(x, x_size), *wide_weight = widened(weight, weight_size);
    const ref plain = ref_conv2d_forward(wide_x, wide_weight, NULL, w);
    const ref_gradient g = ref_conv2d_backward(widened(dy, y_size), wide_x, wide_weight, w);
    const size_t work_size = nl_conv2d_work(&window, w->out);
    float *work = floats((int64_t)work_size);
    for (int f = i % 2; f < COUNT_OF(followings); f += 2) {
      const nl_after after = following(f, w->out);
      const ref want = followed(&plain, after, w->out, plane);
      float *y = normals(y_size, 0, 9);
      CHECK_OK(nl_conv2d_forward(y, x, weight, after, spoiled(work, work_size), w->n, w->out, &window));
      check_close(NAMED("conv2d %d: y, following %d", i, f), y, want.value, want.error, y_size);
    }
    for (int turn = 0; turn < 2; turn++) {
      const int wanted = turn == 0 ? 7 : 1 + i % 6;
      float *dx = wanted & 1 ? normals(x_size, 0, 9) : NULL;
      float *dweight = wanted & 2 ? normals(weight_size, 0, 9) : NULL;
      float *dbias = wanted & 4 ? normals(w->out, 0, 9) : NULL;
      CHECK_OK(nl_conv2d_backward(dx, dweight, dbias, dy, x, weight, spoiled(work, work_size), w->n, w->out, &window));
      NAMED("conv2d %d: gradient", i);
      if (dx) check_close(label, dx, g.dx.value, g.dx.error, x_size);
      if (dweight) check_close(label, dweight, g.dweight.value, g.dweight.error, weight_size);
      if (dbias) check_close(label, dbias, g.dbias.value, g.dbias.error, w->out);
    }
  }
}

/* Positions that are computed only to be dropped must leave nothing behind. */
TEST(conv2d_keeps_nan_in_its_windows) {
  seed_data(9);
  for (int i = 0; i < COUNT_OF(conv_shapes); i++) {
    const ref_window *w = &conv_shapes[i];
    const nl_window window = window_of(w);
    const int64_t x_size = (int64_t)w->n * w->c * w->h * w->w;
    const int64_t weight_size = (int64_t)w->out * w->c * w->kernel_h * w->kernel_w;
    const int64_t y_size = (int64_t)w->n * w->out * window.out_height * window.out_width;
    float *x = normals(x_size, 0, 1), *mark = floats(x_size), *ones = floats(weight_size), *dy = floats(y_size);
    const int64_t corners[] = {w->w - 1, (int64_t)(w->h - 1) * w->w};
    for (int64_t k = 0; k < x_size; k++) mark[k] = 0;
    for (int64_t k = 0; k < weight_size; k++) ones[k] = 1;
    for (int64_t k = 0; k < y_size; k++) dy[k] = 1;
    for (int k = 0; k < COUNT_OF(corners); k++) {
      x[corners[k]] = NAN;
      mark[corners[k]] = 1;
    }
    const ref seen = ref_conv2d_forward(widened(mark, x_size), widened(ones, weight_size), NULL, w);
    const ref_gradient used =
        ref_conv2d_backward(widened(dy, y_size), widened(mark, x_size), widened(ones, weight_size), w);
    float *y = floats(y_size), *dweight = floats(weight_size);
    float *work = floats((int64_t)nl_conv2d_work(&window, w->out));
    CHECK_OK(nl_conv2d_forward(y, x, ones, (nl_after){0}, work, w->n, w->out, &window));
    CHECK_OK(nl_conv2d_backward(NULL, dweight, NULL, dy, x, ones, work, w->n, w->out, &window));
    for (int64_t k = 0; k < y_size; k++) assert_int_equal(isnan(y[k]), seen.value[k] != 0);
    for (int64_t k = 0; k < weight_size; k++) assert_int_equal(isnan(dweight[k]), used.dweight.value[k] != 0);
  }
}

/*
 * What is infinite comes out as infinite, in every window that holds it and in no other, whatever a kernel does on its way; and
 * no sample is the worse for another. All values are positive, so that no sum is of both infinities.
 */
TEST(conv2d_keeps_infinity) {
  seed_data(10);
  for (int i = 0; i < COUNT_OF(conv_shapes); i++) {
    const ref_window *w = &conv_shapes[i];
    const nl_window window = window_of(w);
    const int64_t x_size = (int64_t)w->n * w->c * w->h * w->w;
    const int64_t weight_size = (int64_t)w->out * w->c * w->kernel_h * w->kernel_w;
    const int32_t plane = window.out_height * window.out_width, bad = w->n / 2;
    const int64_t y_size = (int64_t)w->n * w->out * plane, sample = y_size / w->n;
    float *x = normals(x_size, 6, 1), *weight = normals(weight_size, 6, 1), *bias = normals(w->out, 6, 1);
    float *dy = normals(y_size, 6, 1), *calm = floats(y_size), *y = floats(y_size), *dx = floats(x_size);
    float *dweight = floats(weight_size), *dbias = floats(w->out);
    float *work = floats((int64_t)nl_conv2d_work(&window, w->out));
    const double *wide_weight = widened(weight, weight_size), *calm_x = widened(x, x_size);
    const double *calm_dy = widened(dy, y_size);
    CHECK_OK(nl_conv2d_forward(calm, x, weight, (nl_after){.shift = bias}, work, w->n, w->out, &window));
    x[bad * (x_size / w->n) + w->h / 2 * w->w + w->w / 2] = INFINITY;
    dy[bad * sample + plane / 2] = INFINITY;
    const double *wide_x = widened(x, x_size);
    const ref want = ref_conv2d_forward(wide_x, wide_weight, widened(bias, w->out), w);
    const ref_gradient of_x = ref_conv2d_backward(calm_dy, wide_x, wide_weight, w);
    const ref_gradient of_dy = ref_conv2d_backward(widened(dy, y_size), calm_x, wide_weight, w);
    NAMED("conv2d %d", i);
    CHECK_OK(nl_conv2d_forward(y, x, weight, (nl_after){.shift = bias}, work, w->n, w->out, &window));
    check_close(label, y, want.value, want.error, y_size);
    check_same(label, y, calm, bad * sample);
    check_same(label, y + (bad + 1) * sample, calm + (bad + 1) * sample, y_size - (bad + 1) * sample);
    CHECK_OK(nl_conv2d_backward(dx, NULL, dbias, dy, x, weight, work, w->n, w->out, &window));
    check_close(label, dx, of_dy.dx.value, of_dy.dx.error, x_size);
    check_close(label, dbias, of_dy.dbias.value, of_dy.dbias.error, w->out);
    dy[bad * sample + plane / 2] = (float)calm_dy[bad * sample + plane / 2];
    CHECK_OK(nl_conv2d_backward(NULL, dweight, NULL, dy, x, weight, work, w->n, w->out, &window));
    check_close(label, dweight, of_x.dweight.value, of_x.dweight.error, weight_size);
  }
}

/* Cross-correlation, not convolution with a flipped kernel; and no samples are none. */
TEST(conv2d_by_hand) {
  const nl_window window = window_of(&(ref_window){1, 1, 2, 3, 1, 1, 2, 1, 1, 0, 0});
  const float x[] = {1, 2, 3, 4, 5, 6}, weight[] = {10, 1}, bias[] = {0.5f};
  float y[4], *work = floats((int64_t)nl_conv2d_work(&window, 1)), dweight[] = {7, 7}, dbias[] = {7};
  CHECK_OK(nl_conv2d_forward(y, x, weight, (nl_after){.shift = bias}, work, 1, 1, &window));
  check_same("y", y, (float[]){12.5f, 23.5f, 45.5f, 56.5f}, 4);
  CHECK_OK(nl_conv2d_forward(NULL, NULL, weight, (nl_after){.shift = bias}, work, 0, 1, &window));
  CHECK_OK(nl_conv2d_backward(floats(0), dweight, dbias, NULL, NULL, weight, work, 0, 1, &window));
  assert_true(dweight[0] == 0 && dweight[1] == 0 && dbias[0] == 0);
}

TEST(bad_arguments) {
  float value = 0, *work = gemm_work();
  const nl_matrix one = {&value, 1, 1};
  check_failed(nl_gemm(&value, one, one, work, -1, 1, 1, 1, false), NL_SHAPE, "m=-1");
  check_failed(nl_gemm(&value, one, one, work, 1, -2, 1, 1, false), NL_SHAPE, "n=-2");
  check_failed(nl_gemm(&value, one, one, work, 1, 1, -3, 1, false), NL_SHAPE, "k=-3");
  check_failed(nl_gemm(&value, one, one, work, 1, 2, 1, 1, false), NL_SHAPE, "ldc=1");
  check_failed(nl_matmul(&value, &value, &value, work, 1, 1, -3), NL_SHAPE, "k=-3");
  check_failed(nl_linear_forward(&value, &value, &value, (nl_after){0}, work, -1, 1, 1), NL_SHAPE, "N=-1");
  check_failed(nl_linear_forward(&value, &value, &value, (nl_after){0}, work, 1, 0, 1), NL_SHAPE, "I=0");
  check_failed(nl_linear_backward(&value, NULL, NULL, &value, &value, &value, work, 1, 1, 0), NL_SHAPE, "O=0");
  nl_window window = {.channels = 1, .height = 1, .width = 1, .kernel = {1, 1}, .stride = {1, 1}};
  CHECK_OK(nl_window_fit(&window));
  check_failed(nl_conv2d_forward(&value, &value, &value, (nl_after){0}, work, -1, 1, &window), NL_SHAPE, "N=-1");
  check_failed(nl_conv2d_backward(&value, NULL, NULL, &value, &value, &value, work, 1, 0, &window), NL_SHAPE, "O=0");
  window.channels = 0;
  check_failed(nl_conv2d_forward(&value, &value, &value, (nl_after){0}, work, 1, 1, &window), NL_SHAPE, "C=0");
}

static nl_status fit(int32_t size, int32_t kernel, int32_t stride, int32_t padding) {
  nl_window window = {
      .channels = 1, .height = 9, .width = size, .kernel = {1, kernel}, .stride = {1, stride}, .padding = {0, padding}};
  return nl_window_fit(&window);
}

TEST(windows_that_do_not_fit) {
  check_failed(fit(5, 0, 1, 0), NL_ARGUMENT, "kernel_size and stride must be >= 1 and padding >= 0, got 0, 1 and 0");
  check_failed(fit(5, 3, 0, 0), NL_ARGUMENT, "stride must be >= 1");
  check_failed(fit(5, 3, -2, 0), NL_ARGUMENT, "-2");
  check_failed(fit(5, 3, 1, -1), NL_ARGUMENT, "padding >= 0");
  check_failed(fit(5, 6, 1, 0), NL_SHAPE,
               "Calculated padded input size per channel: (9 x 5). Kernel size: (1 x 6). Kernel size can't be greater "
               "than actual input size");
  check_failed(fit(5, 8, 1, 1), NL_SHAPE, "(9 x 7). Kernel size: (1 x 8)");
  CHECK_OK(fit(5, 7, 1, 1));
  CHECK_OK(fit(5, 5, 9, 0));
  /* Sizes that leave 32 bits are refused, not wrapped into small ones. */
  assert_int_not_equal(fit(28, 3, 1, INT32_MAX), NL_OK);
  assert_int_not_equal(fit(INT32_MAX, 1, 1, 1), NL_OK);
}

/* The message itself must stand sizes that it cannot add. */
TEST(window_message_with_large_padding) {
  nl_window window = {.channels = 1, .height = 9, .width = 5, .kernel = {1, 9}, .stride = {1, 1}};
  window.padding[0] = INT32_MAX;
  assert_int_not_equal(nl_window_fit(&window), NL_OK);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(gemm),
      CASE(gemm_of_nothing),
      CASE(gemm_keeps_bad_values_apart),
      CASE(peak),
      CASE(linear),
      CASE(conv2d),
      CASE(conv2d_by_hand),
      CASE(conv2d_keeps_nan_in_its_windows),
      CASE(conv2d_keeps_infinity),
      CASE(bad_arguments),
      CASE(windows_that_do_not_fit),
      CASE(window_message_with_large_padding),
  };
  return cmocka_run_group_tests_name("gemm and conv", tests, NULL, NULL);
}
