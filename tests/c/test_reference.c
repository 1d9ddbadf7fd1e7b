/* The references against themselves: each backward is the gradient of its forward, by central differences in float64. */
#include "reference.h"
#include "support.h"

#include <math.h>

enum { NORM_OP, LINEAR_OP, CONV_OP, MAX_OP, AVG_OP, ACTIVATION_OP, LOSS_OP };

/* What a forward reads, and what it is weighed with: the objective is Σ dy y, whose gradient backward is to be. */
typedef struct {
  int op, kind;
  ref_layout layout;
  ref_window window;
  double *x, *weight, *bias, *dy, *given_mean, *given_var;
  int32_t n, in, out;
  int32_t *labels;
} problem;

static ref forward(const problem *p) {
  switch (p->op) {
  case NORM_OP: return ref_norm_forward(&p->layout, p->x, p->weight, p->bias, p->given_mean, p->given_var, 1e-5).y;
  case LINEAR_OP: return ref_linear_forward(p->x, p->weight, p->bias, p->n, p->in, p->out);
  case CONV_OP: return ref_conv2d_forward(p->x, p->weight, p->bias, &p->window);
  case MAX_OP: return ref_maxpool_forward(NULL, p->x, &p->window);
  case AVG_OP: return ref_avgpool_forward(p->x, &p->window);
  case ACTIVATION_OP: return ref_activation_forward(p->x, (ref_activation)p->kind, p->n);
  default: {
    ref y = ref_new(1);
    y.value[0] = ref_cross_entropy(NULL, NULL, p->x, p->labels, p->n, p->in);
    return y;
  }
  }
}

static double objective(void *context) {
  const problem *p = context;
  const ref y = forward(p);
  double sum = 0;
  for (int32_t i = 0; i < y.size; i++) sum += p->dy[i] * y.value[i];
  return sum;
}

static void check_gradient(const char *what, problem *p, double *x, const ref *gradient) {
  const double *want = ref_differences(objective, p, x, gradient->size, 1e-5);
  for (int32_t i = 0; i < gradient->size; i++)
    check_double(what, gradient->value[i], want[i], 1e-7 * (1 + fabs(want[i])));
}

static double *random_doubles(int32_t count) {
  double *values = doubles(count);
  for (int32_t i = 0; i < count; i++) values[i] = uniform(-2, 2);
  return values;
}

static void check_norm(ref_layout layout, bool given) {
  problem p = {.op = NORM_OP, .layout = layout};
  p.x = random_doubles(layout.size);
  p.dy = random_doubles(layout.size);
  p.weight = random_doubles(layout.params);
  p.bias = random_doubles(layout.params);
  if (given) {
    p.given_mean = random_doubles(layout.stats);
    p.given_var = doubles(layout.stats);
    for (int32_t i = 0; i < layout.stats; i++) p.given_var[i] = uniform(0.5, 2);
  }
  const ref_gradient g = ref_norm_backward(&layout, p.dy, p.x, p.weight, p.given_mean, p.given_var, 1e-5);
  check_gradient("dx", &p, p.x, &g.dx);
  check_gradient("dweight", &p, p.weight, &g.dweight);
  check_gradient("dbias", &p, p.bias, &g.dbias);
}

TEST(norm_backward) {
  seed_data(1);
  check_norm(ref_batch_layout(3, 2, 4), false);
  check_norm(ref_batch_layout(5, 3, 1), false);
  check_norm(ref_batch_layout(3, 2, 4), true);
  check_norm(ref_layer_layout(3, 7), false);
  check_norm(ref_group_layout(2, 6, 3, 2), false);
  check_norm(ref_instance_layout(2, 3, 5), false);
  check_norm(ref_rms_layout(3, 7), false);
  check_norm(ref_rms_layout(4, 1), false);
}

/* A statistic by hand, so that forward is not measured against itself alone. */
TEST(norm_forward) {
  double x[] = {1, 3, 5, 7, 2, 2, 4, 8}; /* [2, 2, 2] */
  const ref_layout batch = ref_batch_layout(2, 2, 2), group = ref_group_layout(2, 2, 2, 1),
                   rows = ref_layer_layout(4, 2);
  ref_norm f = ref_norm_forward(&batch, x, NULL, NULL, NULL, NULL, 0);
  check_double("batch mean", f.mean.value[0], 2, 1e-15);
  check_double("batch mean", f.mean.value[1], 6, 1e-15);
  check_double("batch variance", f.var[0], 0.5, 1e-15);
  check_double("batch variance", f.var[1], 2.5, 1e-15);
  check_double("y", f.y.value[2], -1 / sqrt(2.5), 1e-15);
  f = ref_norm_forward(&group, x, NULL, NULL, NULL, NULL, 0);
  check_double("group mean", f.mean.value[0], 4, 1e-15);
  check_double("group variance", f.var[0], 5, 1e-15);
  f = ref_norm_forward(&rows, x, (double[]){2, 3}, (double[]){1, 1}, NULL, NULL, 3);
  check_double("row y", f.y.value[0], -2 / 2.0 + 1, 1e-15);
  check_double("row y", f.y.value[1], 3 / 2.0 + 1, 1e-15);
  const ref_layout instance = ref_instance_layout(2, 2, 2), rms = ref_rms_layout(4, 2);
  f = ref_norm_forward(&instance, x, NULL, NULL, NULL, NULL, 0);
  const double means[] = {2, 6, 2, 6}, variances[] = {1, 1, 0, 4}, y[] = {-1, 1, -1, 1, 0, 0, -1, 1};
  for (int i = 0; i < 4; i++) check_double("instance mean", f.mean.value[i], means[i], 1e-15);
  for (int i = 0; i < 4; i++) check_double("instance variance", f.var[i], variances[i], 1e-15);
  for (int i = 0; i < 8; i++) check_double("instance y", f.y.value[i], y[i], 1e-15);
  f = ref_norm_forward(&rms, x, (double[]){1, 2}, NULL, NULL, NULL, 4);
  check_double("no mean", f.mean.value[0], 0, 0);
  check_double("mean square", f.var[0], 5, 1e-15);
  check_double("rms y", f.y.value[0], 1 / 3.0, 1e-15);
  check_double("rms y", f.y.value[1], 2, 1e-15);
}

/* The batch above: what running statistics are moved towards, and a move. */
TEST(running_statistics) {
  double x[] = {1, 3, 5, 7, 2, 2, 4, 8}; /* [2, 2, 2] */
  const ref_layout batch = ref_batch_layout(2, 2, 2), instance = ref_instance_layout(2, 2, 2);
  ref_norm f = ref_norm_forward(&batch, x, NULL, NULL, NULL, NULL, 0);
  check_double("biased", ref_batch_target(&f, false).var[1], 2.5, 1e-15);
  check_double("unbiased", ref_batch_target(&f, true).var[1], 10 / 3.0, 1e-15);
  check_double("batch mean", ref_batch_target(&f, true).mean[1], 6, 1e-15);
  f = ref_norm_forward(&instance, x, NULL, NULL, NULL, NULL, 0);
  const ref_target target = ref_instance_target(&f, 2, 2);
  check_double("mean of means", target.mean[0], 2, 1e-15);
  check_double("mean of means", target.mean[1], 6, 1e-15);
  check_double("mean of unbiased variances", target.var[0], 1, 1e-15);
  check_double("mean of unbiased variances", target.var[1], 5, 1e-15);
  check_double("moved", ref_moved((double[]){10}, (double[]){2}, 0.25, 1).value[0], 8, 1e-15);
}

/* d/dt of (1 + 3t)³ + 5 (2 - t) at 0 is 9 - 5; the five points are exact for a cubic. */
static double cubic(void *context) {
  const double *x = context;
  return x[0] * x[0] * x[0] + 5 * x[1];
}

TEST(slope) {
  double x[] = {1, 2};
  check_double("slope", ref_slope(cubic, x, x, (double[]){3, -1}, 2, 0.25), 4, 1e-13);
  assert_true(x[0] == 1 && x[1] == 2);
}

TEST(linear_backward) {
  seed_data(2);
  problem p = {.op = LINEAR_OP, .n = 3, .in = 4, .out = 2};
  p.x = random_doubles(12);
  p.dy = random_doubles(6);
  p.weight = random_doubles(8);
  p.bias = random_doubles(2);
  const ref_gradient g = ref_linear_backward(p.dy, p.x, p.weight, p.n, p.in, p.out);
  check_gradient("dx", &p, p.x, &g.dx);
  check_gradient("dweight", &p, p.weight, &g.dweight);
  check_gradient("dbias", &p, p.bias, &g.dbias);
}

TEST(conv2d_backward) {
  seed_data(3);
  problem p = {.op = CONV_OP, .window = {2, 2, 5, 4, 3, 3, 2, 2, 1, 1, 2}};
  p.x = random_doubles(2 * 2 * 5 * 4);
  p.dy = random_doubles(2 * 3 * ref_out_height(&p.window) * ref_out_width(&p.window));
  p.weight = random_doubles(3 * 2 * 3 * 2);
  p.bias = random_doubles(3);
  const ref_gradient g = ref_conv2d_backward(p.dy, p.x, p.weight, &p.window);
  check_gradient("dx", &p, p.x, &g.dx);
  check_gradient("dweight", &p, p.weight, &g.dweight);
  check_gradient("dbias", &p, p.bias, &g.dbias);
}

TEST(pool_backward) {
  seed_data(4);
  for (int op = MAX_OP; op <= AVG_OP; op++) {
    problem p = {.op = op, .window = {2, 2, 6, 5, 2, 3, 2, 2, 1, 1, 1}};
    p.x = random_doubles(2 * 2 * 6 * 5);
    p.dy = random_doubles(2 * 2 * ref_out_height(&p.window) * ref_out_width(&p.window));
    const ref g = op == MAX_OP ? ref_maxpool_backward(p.dy, p.x, &p.window) : ref_avgpool_backward(p.dy, &p.window);
    check_gradient("dx", &p, p.x, &g);
  }
}

TEST(activation_backward) {
  seed_data(5);
  for (int kind = REF_RELU; kind <= REF_TANH; kind++) {
    problem p = {.op = ACTIVATION_OP, .kind = kind, .n = 50};
    p.x = random_doubles(p.n);
    p.dy = random_doubles(p.n);
    const ref g = ref_activation_backward(p.dy, p.x, (ref_activation)kind, p.n);
    check_gradient("dx", &p, p.x, &g);
  }
}

TEST(loss_backward) {
  seed_data(6);
  problem p = {.op = LOSS_OP, .n = 4, .in = 5};
  p.x = random_doubles(p.n * p.in);
  p.labels = random_labels(p.n, p.in);
  p.dy = (double[]){1};
  ref g;
  ref_cross_entropy(NULL, &g, p.x, p.labels, p.n, p.in);
  check_gradient("dlogits", &p, p.x, &g);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(norm_forward),    CASE(norm_backward), CASE(running_statistics),  CASE(slope),         CASE(linear_backward),
      CASE(conv2d_backward), CASE(pool_backward), CASE(activation_backward), CASE(loss_backward),
  };
  return cmocka_run_group_tests_name("reference", tests, NULL, NULL);
}
