/* The trainer: its steps, its passes over data, and what it must not do. */
#include "reference.h"
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static char label[120];
#define NAMED(...) (snprintf(label, sizeof label, __VA_ARGS__), label)

static const int32_t input_shape[] = {1, 6, 5};
enum { INPUT = 30, CLASSES = 4, NODES = 7 };

static const layer_spec layers[NODES] = {
    {"conv2d", 0, 0, {4, 3, 3, 1, 1, 1, 1, 1}},
    {"batchNorm", 1, 0, {1e-5, 0.1, 1, 1, 0, 1}},
    {"relu", 2, 0, {0}},
    {"maxPool2d", 3, 0, {2, 2, 2, 2, 0, 0}},
    {"flatten", 4, 0, {0}},
    {"linear", 5, 0, {CLASSES, 1}},
    {"layerNorm", 6, 0, {1, 4, 0, 0, 0, 0, 1e-5, 1, 1}},
};

static nl_model *build(double seed) {
  nl_model *model = NULL;
  CHECK_OK(build_model(&model, input_shape, 3, layers, NODES, seed));
  return model;
}

static nl_trainer *trainer_of(nl_model *model, double lr, double momentum) {
  nl_trainer *trainer = NULL;
  CHECK_OK(sgd_trainer(&trainer, model, lr, momentum, 0, 0, 0));
  return trainer;
}

static void check_same_model(const char *what, nl_model *a, nl_model *b) {
  for (int32_t i = 0; i < nl_model_tensor_count(a); i++)
    check_same(NAMED("%s, tensor %d", what, i), nl_model_tensor_data(a, i), nl_model_tensor_data(b, i),
               tensor_size(a, i));
}

/* ---- steps ---- */

/*
 * Ten steps of the trainer beside ten of a loop made by hand: gradients of a second model, PyTorch's formula in float64.
 * Both models start each step from the same float32 weights, since the second takes over what the first has come to.
 */
static void check_steps(double momentum, double dampening, double weight_decay, bool nesterov) {
  enum { N = 6, STEPS = 10, TENSORS = 10 };
  seed_data(1);
  nl_model *model = build(3), *twin = build(3);
  nl_trainer *trainer = NULL;
  double lr = 0.05, *velocity[TENSORS] = {NULL}, *carried[TENSORS] = {NULL};
  CHECK_OK(sgd_trainer(&trainer, model, lr, momentum, dampening, weight_decay, nesterov));
  assert_true(nl_model_tensor_count(twin) == TENSORS);
  for (int32_t i = 0; i < TENSORS; i++) {
    velocity[i] = doubles(tensor_size(twin, i));
    carried[i] = doubles(tensor_size(twin, i));
  }
  for (int step = 0; step < STEPS; step++) {
    const float *x = normals(N * INPUT, 0, 1);
    const int32_t *labels = random_labels(N, CLASSES);
    if (step == 5) CHECK_OK(nl_trainer_set_lr(trainer, lr = 0.2));
    double figures[3], loss, squares = 0;
    float logits[N * CLASSES];
    int32_t correct;
    CHECK_OK(nl_trainer_step(trainer, figures, x, labels, N));
    CHECK_OK(nl_model_gradients(twin, &loss, logits, NULL, x, labels, N, NL_TRAIN));
    ref_cross_entropy(&correct, NULL, widened(logits, N * CLASSES), labels, N, CLASSES);
    assert_true(figures[0] == loss);
    check_double("accuracy", figures[1], (double)correct / N, 1e-15);
    for (int32_t i = 0; i < TENSORS; i++) {
      const int32_t size = tensor_size(twin, i);
      float *values = nl_model_tensor_data(twin, i);
      const float *grad = nl_model_tensor_grad(twin, i), *got = nl_model_tensor_data(model, i);
      if (!grad) {
        check_same("running statistics", got, values, size);
        continue;
      }
      for (int32_t j = 0; j < size; j++) squares += (double)grad[j] * grad[j];
      const ref_step want = ref_sgd(widened(values, size), velocity[i], widened(grad, size), lr, momentum, dampening,
                                    weight_decay, nesterov, step == 0, size);
      /* The velocity has been rounded in each step before, and fades by `momentum` in each since. */
      for (int32_t j = 0; j < size; j++) {
        carried[i][j] *= momentum;
        want.param.error[j] += lr * (nesterov ? momentum : 1) * carried[i][j];
        carried[i][j] += want.velocity.error[j];
      }
      check_close(NAMED("step %d, tensor %d", step, i), got, want.param.value, want.param.error, size);
      velocity[i] = want.velocity.value;
      memcpy(values, got, (size_t)size * sizeof *values);
    }
    check_double("gradient norm", figures[2], sqrt(squares), 1e-12 * sqrt(squares));
  }
  assert_true(nl_model_batches_tracked(model, 2) == STEPS);
  nl_trainer_destroy(trainer);
  nl_trainer_destroy(NULL);
  nl_model_destroy(model);
  nl_model_destroy(twin);
}

TEST(steps_are_sgd) {
  check_steps(0, 0, 0, false);
  check_steps(0, 0, 0.1, false);
  check_steps(0.9, 0, 0, false);
  check_steps(0.9, 0.5, 0.01, false);
  check_steps(0.9, 0, 0.01, true);
}

/* ---- what a trainer takes beside its optimizer ---- */

/* Gradients of one step of a model like `build`'s, by tensor; NULL for buffers. */
static const float *gradient_of(nl_model *twin, int32_t tensor, const float *x, const int32_t *labels, int32_t n) {
  double loss;
  CHECK_OK(nl_model_gradients(twin, &loss, NULL, NULL, x, labels, n, NL_PROBE));
  return nl_model_tensor_grad(twin, tensor);
}

/* One step of SGD at rate 1 and weight decay 0.5: where it acts, p - (g + p / 2). */
TEST(decay_spares) {
  enum { N = 6 };
  seed_data(11);
  const float *x = normals(N * INPUT, 0, 1);
  const int32_t *labels = random_labels(N, CLASSES);
  for (int which = 0; which < 4; which++) {
    nl_model *model = build(3), *twin = build(3);
    nl_trainer *trainer = NULL;
    const double norms = which & 1, biases = which >> 1;
    double figures[3];
    const double args[] = {1, 0.5, 0, 0, 0}, options[] = {NAN, 0, norms, biases, 1, 0, 1, NAN};
    CHECK_OK(nl_trainer_create(&trainer, model, 0, args, 5, options, 8));
    CHECK_OK(nl_trainer_step(trainer, figures, x, labels, N));
    for (int32_t i = 0; i < nl_model_tensor_count(model); i++) {
      const float *grad = gradient_of(twin, i, x, labels, N), *before = nl_model_tensor_data(twin, i);
      if (!grad) continue;
      int32_t info[4 + NL_MAX_DIMS];
      CHECK_OK(nl_model_tensor_info(model, i, info));
      const bool norm = info[0] == 2 || info[0] == 7;
      const bool decays = norm ? norms != 0 : info[1] == NL_WEIGHT || biases != 0;
      double want[400], error[400];
      for (int32_t j = 0; j < info[2]; j++) {
        want[j] = before[j] - (grad[j] + (decays ? 0.5 * before[j] : 0));
        error[j] = 0x1p-24 * (2 * fabs(before[j]) + 2 * fabs(grad[j]));
      }
      check_close(NAMED("decay %d, tensor %d", which, i), nl_model_tensor_data(model, i), want, error, info[2]);
    }
    nl_trainer_destroy(trainer);
    nl_model_destroy(model);
    nl_model_destroy(twin);
  }
}

/* A step whose gradients are longer than allowed is as long as allowed; one that is shorter stays what it is. */
TEST(clipping) {
  enum { N = 6 };
  static const double limits[] = {1e-3, 0.1, 1e6, NAN};
  seed_data(12);
  const float *x = normals(N * INPUT, 0, 1);
  const int32_t *labels = random_labels(N, CLASSES);
  for (int l = 0; l < COUNT_OF(limits); l++) {
    nl_model *model = build(3), *twin = build(3);
    nl_trainer *trainer = NULL;
    double figures[3], squares = 0;
    const double args[] = {1, 0, 0, 0, 0}, options[] = {limits[l], 0, 1, 1, 1, 0, 1, NAN};
    CHECK_OK(nl_trainer_create(&trainer, model, 0, args, 5, options, 8));
    CHECK_OK(nl_trainer_step(trainer, figures, x, labels, N));
    for (int32_t i = 0; i < nl_model_tensor_count(model); i++) {
      if (!nl_model_tensor_grad(model, i)) continue;
      const float *before = nl_model_tensor_data(twin, i), *after = nl_model_tensor_data(model, i);
      for (int32_t j = 0; j < tensor_size(model, i); j++) squares += pow((double)before[j] - after[j], 2);
    }
    const double want = limits[l] < figures[2] ? limits[l] : figures[2];
    check_double(NAMED("limit %g", limits[l]), sqrt(squares), want, 1e-3 * want + 1e-6);
    assert_true(figures[2] > 0.2 && figures[2] < 1e3);
    nl_trainer_destroy(trainer);
    nl_model_destroy(model);
    nl_model_destroy(twin);
  }
}

/*
 * A step at rate 1 without momentum shows the gradient: that of a batch in parts is the mean over samples of the parts' own.
 * 7 samples in 3 shards are 2, 2 and 3; in two micro-batches each 1 and 1, 1 and 1, 1 and 2.
 */
TEST(parts) {
  enum { N = 7 };
  static const struct {
    double replicas, sync, accumulate, ghost;
    int32_t starts[8], count, tracked;
  } cases[] = {
      {1, 0, 1, NAN, {0, 7}, 1, 1},
      {3, 0, 1, NAN, {0, 2, 4, 7}, 3, 1},
      {3, 1, 1, NAN, {0, 7}, 1, 1},
      {1, 0, 3, NAN, {0, 2, 4, 7}, 3, 3},
      {1, 0, 1, 3, {0, 2, 4, 7}, 3, 3},
      {1, 0, 1, 7, {0, 7}, 1, 1},
      {1, 0, 1, 50, {0, 7}, 1, 1},
      {3, 0, 2, NAN, {0, 1, 2, 3, 4, 5, 7}, 6, 2},
      {20, 0, 1, NAN, {0, 1, 2, 3, 4, 5, 6, 7}, 7, 1},
  };
  seed_data(14);
  const float *x = normals(N * INPUT, 0, 1);
  const int32_t *labels = random_labels(N, CLASSES);
  for (int i = 0; i < COUNT_OF(cases); i++) {
    nl_model *model = build(3), *twin = build(3);
    nl_trainer *trainer = NULL;
    double figures[3], loss = 0;
    const double args[] = {1, 0, 0, 0, 0};
    const double options[] = {NAN, 0, 1, 1, cases[i].replicas, cases[i].sync, cases[i].accumulate, cases[i].ghost};
    CHECK_OK(nl_trainer_create(&trainer, model, 0, args, 5, options, 8));
    CHECK_OK(nl_trainer_step(trainer, figures, x, labels, N));
    assert_true(nl_model_batches_tracked(model, 2) == cases[i].tracked);
    double *sums[10] = {NULL};
    for (int32_t p = 0; p < cases[i].count; p++) {
      const int32_t first = cases[i].starts[p], n = cases[i].starts[p + 1] - first;
      double own;
      CHECK_OK(nl_model_gradients(twin, &own, NULL, NULL, x + first * INPUT, labels + first, n, NL_PROBE));
      loss += own * n / N;
      for (int32_t t = 0; t < 10; t++) {
        const float *grad = nl_model_tensor_grad(twin, t);
        if (!grad) continue;
        if (!sums[t]) sums[t] = doubles(tensor_size(twin, t));
        for (int32_t j = 0; j < tensor_size(twin, t); j++) sums[t][j] += (double)grad[j] * n / N;
      }
    }
    check_double(NAMED("case %d: loss", i), figures[0], loss, 1e-12);
    for (int32_t t = 0; t < 10; t++) {
      if (!sums[t]) continue;
      const float *before = nl_model_tensor_data(twin, t), *grad = nl_model_tensor_grad(model, t);
      for (int32_t j = 0; j < tensor_size(twin, t); j++) {
        check_double(NAMED("case %d, tensor %d: gradient", i, t), grad[j], sums[t][j], 1e-6);
        const double want = before[j] - sums[t][j];
        check_double(NAMED("case %d, tensor %d", i, t), nl_model_tensor_data(model, t)[j], want, 1e-6);
      }
    }
    nl_trainer_destroy(trainer);
    nl_model_destroy(model);
    nl_model_destroy(twin);
  }
}

/* Rates by hand, over two rounds of passes, each of four steps; and a cosine that is never told of how many. */
TEST(schedules) {
  enum { COUNT = 4, STEPS = 8 };
  seed_data(13);
  const float *images = normals(COUNT * INPUT, 0, 1);
  const int32_t *labels = random_labels(COUNT, CLASSES);
  static const struct {
    int32_t schedule, count;
    double args[4], want[STEPS];
  } cases[] = {
      {0, 2, {0, NAN}, {1, 1, 1, 1, 1, 1, 1, 1}},
      {0, 2, {2, NAN}, {0.5, 1, 1, 1, 0.5, 1, 1, 1}},
      {0, 2, {4, 8}, {0.25, 0.5, 0.75, 1, 1, 1, 1, 1}},
      {1, 4, {1, NAN, 2, 0.5}, {1, 1, 1, 0.5, 1, 1, 1, 0.5}},
      {1, 4, {0, 8, 3, 0.5}, {1, 1, 1, 0.5, 0.5, 0.5, 0.25, 0.25}},
      {2, 3, {0, NAN, 0}, {1, 0.853553390593274, 0.5, 0.146446609406726, 1, 0.853553390593274, 0.5, 0.146446609406726}},
      {2, 3, {2, 6, 0.2}, {0.5, 1, 1, 0.882842712474619, 0.6, 0.317157287525381, 0.2, 0.2}},
      {3, 3, {0, NAN, 0.2}, {1, 0.8, 0.6, 0.4, 1, 0.8, 0.6, 0.4}},
      {3, 3, {4, 8, 0}, {0.25, 0.5, 0.75, 1, 1, 0.75, 0.5, 0.25}},
  };
  for (int i = 0; i < COUNT_OF(cases); i++) {
    nl_model *model = build(3);
    nl_trainer *trainer = trainer_of(model, 1, 0);
    nl_dataset *dataset = NULL;
    CHECK_OK(nl_dataset_create(&dataset, images, 1, labels, COUNT, 1, INPUT, CLASSES, NULL, NULL));
    CHECK_OK(nl_trainer_set_schedule(trainer, cases[i].schedule, cases[i].args, cases[i].count));
    for (int step = 0; step < STEPS; step++) {
      double figures[3];
      int32_t done;
      if (step % 4 == 0) CHECK_OK(nl_trainer_begin(trainer, dataset, 2, 0, 0, 0, 2));
      check_double(NAMED("schedule %d, step %d", i, step), nl_trainer_rate(trainer), cases[i].want[step], 1e-12);
      CHECK_OK(nl_trainer_run(trainer, figures, &done, 1));
      assert_int_equal(done, 1);
    }
    nl_trainer_destroy(trainer);
    nl_dataset_destroy(dataset);
    nl_model_destroy(model);
  }
  nl_model *model = build(3);
  nl_trainer *trainer = trainer_of(model, 1, 0);
  double figures[3];
  CHECK_OK(nl_trainer_set_schedule(trainer, 2, (double[]){0, NAN, 0}, 3));
  assert_true(isnan(nl_trainer_rate(trainer)));
  check_failed(nl_trainer_step(trainer, figures, images, labels, 2), NL_STATE, "the cosine schedule needs to know");
  check_failed(nl_trainer_set_schedule(trainer, 4, (double[]){0, NAN}, 2), NL_ARGUMENT, "there is no schedule 4");
  check_failed(nl_trainer_set_schedule(trainer, 1, (double[]){0, NAN, 0, 1}, 4), NL_ARGUMENT, "stepSize");
  nl_trainer_destroy(trainer);
  nl_model_destroy(model);
}

/* A net of this size learns 12 samples by heart. */
TEST(loss_falls) {
  enum { N = 12 };
  seed_data(2);
  nl_model *model = build(4);
  nl_trainer *trainer = trainer_of(model, 0.1, 0.9);
  const float *x = normals(N * INPUT, 0, 1);
  const int32_t *labels = random_labels(N, CLASSES);
  double first[3], last[3];
  CHECK_OK(nl_trainer_step(trainer, first, x, labels, N));
  for (int step = 1; step < 100; step++) CHECK_OK(nl_trainer_step(trainer, last, x, labels, N));
  assert_true(first[0] > 1 && last[0] < 0.1 && last[1] == 1);
  nl_trainer_destroy(trainer);
  nl_model_destroy(model);
}

/* A learning rate of 0 is legal and moves running statistics alone. */
TEST(no_learning_rate) {
  enum { N = 5 };
  seed_data(3);
  nl_model *model = build(5), *twin = build(5);
  nl_trainer *trainer = trainer_of(model, 0, 0.9);
  const float *x = normals(N * INPUT, 0, 1);
  const int32_t *labels = random_labels(N, CLASSES);
  double figures[3];
  for (int step = 0; step < 3; step++) {
    CHECK_OK(nl_trainer_step(trainer, figures, x, labels, N));
    CHECK_OK(nl_model_gradients(twin, NULL, NULL, NULL, x, labels, N, NL_TRAIN));
  }
  check_same_model("lr 0", model, twin);
  nl_trainer_destroy(trainer);
  nl_model_destroy(model);
  nl_model_destroy(twin);
}

/* ---- passes over data ---- */

/*
 * A model without weights whose loss tells which samples it saw: logits (-16 * 2^i, 0) with label 0 lose 16 * 2^i, up to
 * e^-16, so that the sum over a batch is a number whose bits are the samples.
 */
enum { MOST_SAMPLES = 20 };

static nl_dataset *tell_tale_data(int32_t count) {
  float *images = floats(2 * count);
  for (int32_t i = 0; i < count; i++) images[2 * i] = (float)-ldexp(16, i);
  nl_dataset *dataset = NULL;
  CHECK_OK(nl_dataset_create(&dataset, images, 1, ints(count), count, 1, 2, 2, NULL, NULL));
  return dataset;
}

static nl_model *tell_tale_model(void) {
  const layer_spec only = {"identity", 0, 0, {0}};
  nl_model *model = NULL;
  CHECK_OK(build_model(&model, (int32_t[]){2}, 1, &only, 1, 0));
  return model;
}

static uint32_t samples_in(double loss, int32_t n) {
  const double sum = loss * n / 16;
  assert_true(fabs(sum - round(sum)) < 1e-4);
  return (uint32_t)round(sum);
}

static int32_t bits(uint32_t set) {
  int32_t count = 0;
  for (; set; set &= set - 1) count++;
  return count;
}

/* The samples of each step of an epoch, as bits. */
static void run_epoch(uint32_t *sets, nl_trainer *trainer, int32_t count, int32_t batch) {
  const int32_t steps = nl_trainer_steps_per_epoch(trainer);
  for (int32_t i = 0; i < steps; i++) {
    double figures[3];
    int32_t done = -1;
    CHECK_OK(nl_trainer_run(trainer, figures, &done, 1));
    assert_int_equal(done, 1);
    const int32_t n = count - i * batch < batch ? count - i * batch : batch;
    sets[i] = samples_in(figures[0], n);
    assert_int_equal(bits(sets[i]), n);
  }
}

TEST(every_sample_once_an_epoch) {
  static const int32_t cases[][2] = {{20, 1}, {20, 4}, {20, 6}, {7, 7}, {7, 100}, {1, 1}, {19, 18}};
  nl_model *model = tell_tale_model();
  nl_trainer *trainer = trainer_of(model, 0.1, 0.9);
  for (int i = 0; i < COUNT_OF(cases); i++)
    for (int shuffle = 0; shuffle < 2; shuffle++)
      for (int drop_last = 0; drop_last < 2; drop_last++) {
        const int32_t count = cases[i][0], batch = cases[i][1];
        if (drop_last && batch > count) continue;
        nl_dataset *dataset = tell_tale_data(count);
        CHECK_OK(nl_trainer_begin(trainer, dataset, batch, shuffle, drop_last, 9, 0));
        const int32_t steps = drop_last ? count / batch : (count + batch - 1) / batch;
        assert_int_equal(nl_trainer_steps_per_epoch(trainer), steps);
        for (int epoch = 0; epoch < 3; epoch++) {
          uint32_t sets[MOST_SAMPLES], seen = 0;
          run_epoch(sets, trainer, count, batch);
          for (int32_t step = 0; step < steps; step++) {
            assert_true((seen & sets[step]) == 0);
            seen |= sets[step];
            if (!shuffle) assert_true(sets[step] == (((1u << bits(sets[step])) - 1) << step * batch));
          }
          assert_int_equal(bits(seen), drop_last ? steps * batch : count);
        }
        nl_dataset_destroy(dataset);
      }
  nl_trainer_destroy(trainer);
  nl_model_destroy(model);
}

/* The order of an epoch is a function of seed and epoch, whatever was done before. */
TEST(order_depends_on_seed_and_epoch) {
  enum { COUNT = 20, EPOCHS = 4 };
  nl_model *model = tell_tale_model();
  nl_dataset *dataset = tell_tale_data(COUNT);
  static const double seeds[] = {1, 2, 0x1p53 - 1, 1};
  uint32_t orders[COUNT_OF(seeds)][EPOCHS][COUNT];
  for (int i = 0; i < COUNT_OF(seeds); i++) {
    nl_trainer *trainer = trainer_of(model, 0.1 * (i + 1), 0);
    if (i == 3) {
      /* A pass that was given up leaves no trace. */
      CHECK_OK(nl_trainer_begin(trainer, dataset, 3, 1, 0, 77, 0));
      double figures[6];
      int32_t done;
      CHECK_OK(nl_trainer_run(trainer, figures, &done, 2));
    }
    CHECK_OK(nl_trainer_begin(trainer, dataset, 1, 1, 0, seeds[i], 0));
    for (int epoch = 0; epoch < EPOCHS; epoch++) run_epoch(orders[i][epoch], trainer, COUNT, 1);
    nl_trainer_destroy(trainer);
  }
  assert_memory_equal(orders[0], orders[3], sizeof orders[0]);
  for (int i = 0; i < 3; i++)
    for (int epoch = 0; epoch < EPOCHS; epoch++)
      for (int j = 0; j <= i; j++)
        for (int other = 0; other < (j == i ? epoch : EPOCHS); other++)
          assert_memory_not_equal(orders[i][epoch], orders[j][other], sizeof orders[0][0]);
  nl_dataset_destroy(dataset);
  nl_model_destroy(model);
}

/* Over 600 epochs each sample comes first in about a 6th of them; 5 standard errors. */
TEST(order_is_fair) {
  enum { COUNT = 6, EPOCHS = 600 };
  nl_model *model = tell_tale_model();
  nl_dataset *dataset = tell_tale_data(COUNT);
  nl_trainer *trainer = trainer_of(model, 0, 0);
  int32_t places[COUNT][COUNT] = {{0}};
  CHECK_OK(nl_trainer_begin(trainer, dataset, 1, 1, 0, 5, 0));
  for (int epoch = 0; epoch < EPOCHS; epoch++) {
    uint32_t sets[COUNT];
    run_epoch(sets, trainer, COUNT, 1);
    for (int32_t place = 0; place < COUNT; place++)
      for (int32_t sample = 0; sample < COUNT; sample++) places[place][sample] += sets[place] == 1u << sample;
  }
  for (int32_t place = 0; place < COUNT; place++)
    for (int32_t sample = 0; sample < COUNT; sample++)
      check_double("times", places[place][sample], EPOCHS / COUNT, 5 * sqrt(EPOCHS * (1.0 / 6) * (5.0 / 6)));
  nl_trainer_destroy(trainer);
  nl_dataset_destroy(dataset);
  nl_model_destroy(model);
}

TEST(run_stops_at_the_end_of_an_epoch) {
  nl_model *model = tell_tale_model();
  nl_dataset *dataset = tell_tale_data(10);
  nl_trainer *trainer = trainer_of(model, 0.1, 0);
  double figures[3 * 8];
  int32_t done = -1;
  assert_int_equal(nl_trainer_steps_per_epoch(trainer), 0);
  CHECK_OK(nl_trainer_begin(trainer, dataset, 3, 0, 0, 0, 0));
  CHECK_OK(nl_trainer_run(trainer, figures, &done, 0));
  assert_int_equal(done, 0);
  static const int32_t asked[] = {3, 3, 8, 1, 2, 1, 8}, got[] = {3, 1, 4, 1, 2, 1, 4};
  for (int i = 0; i < COUNT_OF(asked); i++) {
    CHECK_OK(nl_trainer_run(trainer, figures, &done, asked[i]));
    assert_int_equal(done, got[i]);
  }
  for (int32_t step = 0; step < 4; step++)
    assert_true(samples_in(figures[3 * step], step < 3 ? 3 : 1) == (step < 3 ? 7u << 3 * step : 1u << 9));
  nl_trainer_destroy(trainer);
  nl_dataset_destroy(dataset);
  nl_model_destroy(model);
}

/* run() is step() on batches that it cuts and standardizes itself: the same bits. */
TEST(run_is_steps) {
  enum { COUNT = 13, BATCH = 4, STEPS = 4 };
  seed_data(4);
  static uint8_t bytes[COUNT * INPUT];
  const double mean = 0.4, std = 0.3;
  float *x = floats(COUNT * INPUT);
  for (int32_t i = 0; i < COUNT * INPUT; i++) {
    bytes[i] = (uint8_t)integer(0, 255);
    x[i] = (float)((bytes[i] / 255.0 - mean) / std);
  }
  const int32_t *labels = random_labels(COUNT, CLASSES);
  nl_dataset *raw = NULL, *ready = NULL;
  CHECK_OK(nl_dataset_create(&raw, bytes, 0, labels, COUNT, 1, INPUT, CLASSES, &mean, &std));
  CHECK_OK(nl_dataset_create(&ready, x, 1, labels, COUNT, 1, INPUT, CLASSES, NULL, NULL));
  nl_model *models[3];
  nl_trainer *trainers[3];
  double figures[3][2 * STEPS * 3];
  for (int i = 0; i < 3; i++) {
    models[i] = build(6);
    trainers[i] = trainer_of(models[i], 0.1, 0.9);
    if (i < 2) CHECK_OK(nl_trainer_begin(trainers[i], i == 0 ? raw : ready, BATCH, 0, 0, 0, 0));
    for (int epoch = 0; epoch < 2; epoch++) {
      double *row = figures[i] + epoch * STEPS * 3;
      int32_t done;
      if (i < 2) {
        CHECK_OK(nl_trainer_run(trainers[i], row, &done, 100));
        assert_int_equal(done, STEPS);
      } else {
        for (int step = 0; step < STEPS; step++)
          CHECK_OK(nl_trainer_step(trainers[i], row + 3 * step, x + step * BATCH * INPUT, labels + step * BATCH,
                                   step < 3 ? BATCH : 1));
      }
    }
  }
  for (int i = 0; i < 2; i++) {
    assert_memory_equal(figures[i], figures[2], sizeof figures[2]);
    check_same_model("run", models[i], models[2]);
  }
  for (int i = 0; i < 3; i++) {
    nl_trainer_destroy(trainers[i]);
    nl_model_destroy(models[i]);
  }
  nl_dataset_destroy(raw);
  nl_dataset_destroy(ready);
}

TEST(equal_seeds_give_equal_bits) {
  enum { COUNT = 30, BATCH = 8, STEPS = 12 };
  seed_data(5);
  const float *x = normals(COUNT * INPUT, 0, 1);
  const int32_t *labels = random_labels(COUNT, CLASSES);
  nl_dataset *dataset = NULL;
  CHECK_OK(nl_dataset_create(&dataset, x, 1, labels, COUNT, 1, INPUT, CLASSES, NULL, NULL));
  nl_model *models[3];
  double figures[3][STEPS * 3];
  for (int i = 0; i < 3; i++) {
    models[i] = build(7);
    nl_trainer *trainer = trainer_of(models[i], 0.1, 0.9);
    CHECK_OK(nl_trainer_begin(trainer, dataset, BATCH, 1, 0, i == 2 ? 8 : 9, 0));
    /* In pieces of any size. */
    for (int32_t at = 0, done; at < STEPS; at += done)
      CHECK_OK(nl_trainer_run(trainer, figures[i] + 3 * at, &done, STEPS - at < i + 1 ? STEPS - at : i + 1));
    nl_trainer_destroy(trainer);
  }
  assert_memory_equal(figures[0], figures[1], sizeof figures[0]);
  check_same_model("equal seeds", models[0], models[1]);
  assert_memory_not_equal(figures[0], figures[2], sizeof figures[0]);
  for (int i = 0; i < 3; i++) nl_model_destroy(models[i]);
  nl_dataset_destroy(dataset);
}

/* The step whose loss is no number is the last of its call, and is counted. */
TEST(run_stops_where_the_loss_is_lost) {
  nl_model *model = tell_tale_model();
  const float images[] = {1, 2, 3, 4, NAN, 6, 7, 8};
  nl_dataset *dataset = NULL;
  CHECK_OK(nl_dataset_create(&dataset, images, 1, ints(4), 4, 1, 2, 2, NULL, NULL));
  nl_trainer *trainer = trainer_of(model, 0.1, 0);
  double figures[12];
  int32_t done;
  CHECK_OK(nl_trainer_begin(trainer, dataset, 1, 0, 0, 0, 0));
  CHECK_OK(nl_trainer_run(trainer, figures, &done, 10));
  assert_int_equal(done, 3);
  assert_true(isfinite(figures[3]) && isnan(figures[6]));
  CHECK_OK(nl_trainer_run(trainer, figures, &done, 10));
  assert_int_equal(done, 1);
  assert_true(isfinite(figures[0]));
  nl_trainer_destroy(trainer);
  nl_dataset_destroy(dataset);
  nl_model_destroy(model);
}

/* ---- memory ---- */

/* Of <sanitizer/allocator_interface.h>, which not every compiler's package has. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

static int32_t allocations, frees;
static void count_allocation(const volatile void *memory, size_t size) {
  (void)memory;
  (void)size;
  allocations++;
}
static void count_free(const volatile void *memory) {
  (void)memory;
  frees++;
}

TEST(steps_allocate_nothing) {
  enum { COUNT = 40, BATCH = 12 };
  seed_data(6);
  assert_true(__sanitizer_install_malloc_and_free_hooks(count_allocation, count_free) != 0);
  const int32_t before_anything = allocations;
  nl_model *model = build(8);
  assert_true(allocations > before_anything);
  nl_trainer *trainer = trainer_of(model, 0.1, 0.9);
  const float *x = normals(COUNT * INPUT, 0, 1);
  const int32_t *labels = random_labels(COUNT, CLASSES);
  nl_dataset *dataset = NULL;
  CHECK_OK(nl_dataset_create(&dataset, x, 1, labels, COUNT, 1, INPUT, CLASSES, NULL, NULL));
  double figures[3 * 4];
  CHECK_OK(nl_trainer_measure(trainer, 16));
  nl_status status = nl_trainer_step(trainer, figures, x, labels, BATCH);
  int32_t taken = allocations, given = frees;
  for (int step = 2; status == NL_OK && step <= 10; step++) {
    /* Measured or not. */
    if (step % 2 == 0) status = nl_trainer_measure(trainer, 16 - step);
    if (status == NL_OK) status = nl_trainer_step(trainer, figures, x, labels, 1 + step % BATCH);
  }
  taken = allocations - taken;
  given = frees - given;
  CHECK_OK(status);
  assert_int_equal(taken, 0);
  assert_int_equal(given, 0);
  /* Larger batches than any before: begin takes the memory, and not even the first step does. */
  CHECK_OK(nl_trainer_begin(trainer, dataset, BATCH + 2, 1, 0, 1, 0));
  taken = allocations;
  given = frees;
  int32_t done = 0;
  for (int call = 0; status == NL_OK && call < 5; call++) status = nl_trainer_run(trainer, figures, &done, 2);
  taken = allocations - taken;
  given = frees - given;
  CHECK_OK(status);
  assert_int_equal(taken, 0);
  assert_int_equal(given, 0);
  nl_trainer_destroy(trainer);
  nl_dataset_destroy(dataset);
  nl_model_destroy(model);
}

/* ---- what a state is made of ---- */

enum { RESUMED_COUNT = 20, RESUMED_BATCH = 6, RESUMED_STEPS = 4, RESUMED_EPOCHS = 3, OPTIMIZERS = 4 };

typedef struct {
  nl_model *model;
  nl_trainer *trainer;
} pair;

/* A model and a trainer whose rate changes with each step, in the passes of its last nl_trainer_begin. */
static pair resumable(int optimizer, double seed) {
  static const double options[] = {NAN, 0, 1, 1, 1, 0, 1, NAN};
  static const struct {
    int32_t type, count;
    double args[6];
  } optimizers[OPTIMIZERS] = {{0, 5, {0.1, 0, 0.9, 0, 1}},
                              {0, 5, {0.1, 0.01, 0.5, 0.1, 0}},
                              {1, 6, {0.01, 0, 0.9, 0.99, 1e-8, 1}},
                              {2, 6, {0.01, 0.1, 0.9, 0.99, 1e-8, 0}}};
  pair made = {.model = build(seed)};
  CHECK_OK(nl_trainer_create(&made.trainer, made.model, optimizers[optimizer].type, optimizers[optimizer].args,
                             optimizers[optimizer].count, options, COUNT_OF(options)));
  CHECK_OK(nl_trainer_set_schedule(made.trainer, 2, (double[]){3, NAN, 0.001}, 3));
  return made;
}

static void dispose(pair of) {
  nl_trainer_destroy(of.trainer);
  nl_model_destroy(of.model);
}

static void begin_resumable(nl_trainer *trainer, const nl_dataset *dataset) {
  CHECK_OK(nl_trainer_begin(trainer, dataset, RESUMED_BATCH, 1, 0, 11, RESUMED_EPOCHS));
}

static void run_steps(nl_trainer *trainer, int32_t k) {
  for (int32_t step = 0; step < k; step++) {
    double figures[3];
    int32_t done;
    CHECK_OK(nl_trainer_run(trainer, figures, &done, 1));
    assert_int_equal(done, 1);
  }
}

static void take_over(pair to, pair from, const nl_dataset *dataset) {
  double progress[4], began[4];
  assert_int_equal(nl_trainer_progress_count(), COUNT_OF(progress));
  nl_trainer_progress(from.trainer, progress);
  begin_resumable(to.trainer, dataset);
  nl_trainer_progress(to.trainer, began);
  /* As many planned, of the same data and epochs. */
  assert_true(began[2] == progress[2]);
  CHECK_OK(nl_trainer_set_progress(to.trainer, progress));
  for (int32_t i = 0; i < nl_model_tensor_count(to.model); i++) {
    const size_t bytes = (size_t)tensor_size(to.model, i) * sizeof(float);
    memcpy(nl_model_tensor_data(to.model, i), nl_model_tensor_data(from.model, i), bytes);
    for (int32_t which = 0; nl_trainer_kept(from.trainer, which, i); which++)
      memcpy(nl_trainer_kept(to.trainer, which, i), nl_trainer_kept(from.trainer, which, i), bytes);
  }
}

/* A trainer that has done other things before, put where another one is, ends where that one ends. */
TEST(progress_and_what_is_kept_are_all_there_is) {
  seed_data(12);
  const float *images = normals(RESUMED_COUNT * INPUT, 0, 1);
  const int32_t *labels = random_labels(RESUMED_COUNT, CLASSES);
  nl_dataset *dataset = NULL;
  CHECK_OK(nl_dataset_create(&dataset, images, 1, labels, RESUMED_COUNT, 1, INPUT, CLASSES, NULL, NULL));
  static const int32_t places[] = {0, 1, RESUMED_STEPS, RESUMED_STEPS + 3, RESUMED_EPOCHS * RESUMED_STEPS};
  for (int optimizer = 0; optimizer < OPTIMIZERS; optimizer++)
    for (int i = 0; i < COUNT_OF(places); i++) {
      const pair whole = resumable(optimizer, 6), rest = resumable(optimizer, 7);
      /* Passes before, so that the schedule does not begin with the first step. */
      begin_resumable(whole.trainer, dataset);
      run_steps(whole.trainer, 5);
      begin_resumable(whole.trainer, dataset);
      run_steps(whole.trainer, places[i]);
      begin_resumable(rest.trainer, dataset);
      run_steps(rest.trainer, 2);
      take_over(rest, whole, dataset);
      run_steps(whole.trainer, RESUMED_EPOCHS * RESUMED_STEPS - places[i]);
      run_steps(rest.trainer, RESUMED_EPOCHS * RESUMED_STEPS - places[i]);
      check_same_model(NAMED("optimizer %d, from step %d", optimizer, places[i]), rest.model, whole.model);
      assert_true(nl_trainer_rate(rest.trainer) == nl_trainer_rate(whole.trainer));
      dispose(whole);
      dispose(rest);
    }
  nl_dataset_destroy(dataset);
}

TEST(progress_that_cannot_be) {
  seed_data(13);
  const pair of = resumable(0, 6);
  static const struct {
    double values[4];
    const char *words;
  } cases[] = {
      {{-1, 0, 0, 0}, "progress 1 of steps"},      {{1, NAN, 0, 0}, "progress 2 of"},
      {{1, 0, INFINITY, 0}, "progress 3 of"},      {{1, 0, 0, 0.5}, "integer in [0, 2^53), got 0.5"},
      {{0x1p53, 0, 0, 0}, "integer in [0, 2^53)"}, {{3, 2, 9, 2}, "2 steps before the passes and 2 in them are more"},
      {{0x1p40, 0, 0, 0x1p40}, "too many epochs"},
  };
  const float *images = normals(2 * INPUT, 0, 1);
  nl_dataset *dataset = NULL;
  CHECK_OK(nl_dataset_create(&dataset, images, 1, ints(2), 2, 1, INPUT, CLASSES, NULL, NULL));
  CHECK_OK(nl_trainer_begin(of.trainer, dataset, 2, 0, 0, 0, 9));
  run_steps(of.trainer, 2);
  double before[4], after[4];
  nl_trainer_progress(of.trainer, before);
  assert_true(before[0] == 2 && before[1] == 0 && before[2] == 9 && before[3] == 2);
  for (int i = 0; i < COUNT_OF(cases); i++) {
    check_failed(nl_trainer_set_progress(of.trainer, cases[i].values), NL_ARGUMENT, cases[i].words);
    nl_trainer_progress(of.trainer, after);
    assert_memory_equal(after, before, sizeof before);
  }
  /* Momentum is kept of what is trained, and nothing else. */
  for (int32_t i = -1; i <= nl_model_tensor_count(of.model); i++) {
    const bool trained = i >= 0 && nl_model_tensor_grad(of.model, i) != NULL;
    assert_true((nl_trainer_kept(of.trainer, 0, i) != NULL) == trained);
    assert_null(nl_trainer_kept(of.trainer, 1, i));
    assert_null(nl_trainer_kept(of.trainer, -1, i));
  }
  dispose(of);
  nl_dataset_destroy(dataset);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(steps_are_sgd),
      CASE(decay_spares),
      CASE(clipping),
      CASE(parts),
      CASE(schedules),
      CASE(loss_falls),
      CASE(no_learning_rate),
      CASE(every_sample_once_an_epoch),
      CASE(order_depends_on_seed_and_epoch),
      CASE(order_is_fair),
      CASE(run_stops_at_the_end_of_an_epoch),
      CASE(run_is_steps),
      CASE(equal_seeds_give_equal_bits),
      CASE(run_stops_where_the_loss_is_lost),
      CASE(steps_allocate_nothing),
      CASE(progress_and_what_is_kept_are_all_there_is),
      CASE(progress_that_cannot_be),
  };
  return cmocka_run_group_tests_name("trainer", tests, NULL, NULL);
}
