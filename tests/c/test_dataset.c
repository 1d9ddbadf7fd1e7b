/* Data sets as trainers and evaluation read them: their order, and what training does to each sample. */
#include "support.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static char label[120];
#define NAMED(...) (snprintf(label, sizeof label, __VA_ARGS__), label)

/* ---- what a trainer sees ---- */

/*
 * A linear model of weights 0 gives each of four classes a quarter, so that a step of rate 1 on one sample leaves -x / 4,
 * exactly, in the weights of a class that is not its own: the last, which no sample has.
 */
enum { CLASSES = 4, PIXELS = 12, CHANNELS = 2, SAMPLE = CHANNELS * PIXELS };

typedef struct {
  nl_model *model;
  nl_trainer *trainer;
  float x[SAMPLE];
} witness;

static witness witness_of(int32_t channels, int32_t height, int32_t width) {
  static const layer_spec layers[] = {{"flatten", 0, 0, {0}}, {"linear", 1, 0, {CLASSES, 0}}};
  witness w = {0};
  CHECK_OK(build_model(&w.model, (int32_t[]){channels, height, width}, 3, layers, 2, 0));
  CHECK_OK(sgd_trainer(&w.trainer, w.model, 1, 0, 0, 0, 0));
  return w;
}

/* The sample of the next step. */
static const float *next(witness *w) {
  const int32_t size = tensor_size(w->model, 0) / CLASSES;
  float *weights = nl_model_tensor_data(w->model, 0);
  memset(weights, 0, (size_t)size * CLASSES * sizeof *weights);
  double figures[3];
  int32_t done = 0;
  CHECK_OK(nl_trainer_run(w->trainer, figures, &done, 1));
  assert_int_equal(done, 1);
  for (int32_t i = 0; i < size; i++) w->x[i] = -4 * weights[(CLASSES - 1) * size + i];
  return w->x;
}

static void forget(witness *w) {
  nl_trainer_destroy(w->trainer);
  nl_model_destroy(w->model);
}

/* ---- order ---- */

enum { COUNT = 13 };
static const int32_t classes_of[COUNT] = {2, 0, 1, 0, 0, 2, 1, 1, 0, 2, 2, 0, 1};
static const int32_t sorted[COUNT] = {1, 3, 4, 8, 11, 2, 6, 7, 12, 0, 5, 9, 10};

/* One value a sample: its number, from 1. */
static nl_dataset *numbered(bool sort) {
  float *images = floats(COUNT);
  for (int32_t i = 0; i < COUNT; i++) images[i] = (float)(i + 1);
  nl_dataset *dataset = NULL;
  CHECK_OK(nl_dataset_create(&dataset, images, 1, classes_of, COUNT, 1, 1, CLASSES, NULL, NULL));
  if (sort) CHECK_OK(nl_dataset_sort(dataset));
  return dataset;
}

static void see_epoch(int32_t *order, witness *w) {
  for (int32_t i = 0; i < COUNT; i++) order[i] = (int32_t)next(w)[0] - 1;
}

TEST(class_after_class) {
  witness w = witness_of(1, 1, 1);
  nl_dataset *dataset = numbered(true);
  CHECK_OK(nl_dataset_sort(dataset));
  int32_t order[COUNT];
  CHECK_OK(nl_trainer_begin(w.trainer, dataset, 1, 0, 0, 3, 0));
  for (int epoch = 0; epoch < 2; epoch++) {
    see_epoch(order, &w);
    assert_memory_equal(order, sorted, sizeof sorted);
  }
  forget(&w);
  nl_dataset_destroy(dataset);
}

/* Each of the five samples of class 0 comes first in a fifth of 500 epochs, and so on; 5 standard errors. */
TEST(shuffled_within_classes) {
  enum { EPOCHS = 500 };
  static const int32_t firsts[] = {0, 5, 9, COUNT};
  witness w = witness_of(1, 1, 1);
  nl_dataset *dataset = numbered(true);
  int32_t order[COUNT], places[COUNT][COUNT] = {{0}}, again[COUNT];
  CHECK_OK(nl_trainer_begin(w.trainer, dataset, 1, 1, 0, 3, 0));
  for (int epoch = 0; epoch < EPOCHS; epoch++) {
    see_epoch(order, &w);
    for (int32_t i = 0; i < COUNT; i++) {
      assert_int_equal(classes_of[order[i]], classes_of[sorted[i]]);
      places[order[i]][i]++;
    }
    if (epoch == 0) memcpy(again, order, sizeof order);
  }
  for (int32_t c = 0; c < 3; c++) {
    const double share = 1.0 / (firsts[c + 1] - firsts[c]);
    for (int32_t i = firsts[c]; i < firsts[c + 1]; i++)
      for (int32_t place = firsts[c]; place < firsts[c + 1]; place++)
        check_double("times", places[sorted[i]][place], EPOCHS * share, 5 * sqrt(EPOCHS * share * (1 - share)));
  }
  CHECK_OK(nl_trainer_begin(w.trainer, dataset, 1, 1, 0, 3, 0));
  see_epoch(order, &w);
  assert_memory_equal(order, again, sizeof order);
  CHECK_OK(nl_trainer_begin(w.trainer, dataset, 1, 1, 0, 4, 0));
  see_epoch(order, &w);
  assert_memory_not_equal(order, again, sizeof order);
  forget(&w);
  nl_dataset_destroy(dataset);
}

/* Lent a few at a time, they are what they are in a set that has them: over epochs, of any batches, and where a step is left. */
TEST(lent_images) {
  enum { BATCH = 3, LENT = 2 * BATCH };
  float *images = floats(COUNT);
  for (int32_t i = 0; i < COUNT; i++) images[i] = (float)(i + 1);
  for (int sort = 0; sort < 2; sort++) {
    nl_dataset *whole = numbered(sort), *without = NULL;
    CHECK_OK(nl_dataset_create(&without, NULL, 1, classes_of, COUNT, 1, 1, CLASSES, NULL, NULL));
    if (sort) CHECK_OK(nl_dataset_sort(without));
    witness own = witness_of(1, 1, 1), lent = witness_of(1, 1, 1);
    CHECK_OK(nl_trainer_begin(own.trainer, whole, BATCH, 1, 0, 3, 0));
    assert_int_equal(nl_trainer_upcoming(lent.trainer, NULL, 1), 0);
    CHECK_OK(nl_trainer_begin(lent.trainer, without, BATCH, 1, 0, 3, 0));
    double figures[2][3];
    int32_t done = 0;
    check_failed(nl_trainer_run(lent.trainer, figures[1], &done, 1), NL_STATE, "images of this step were not lent");
    check_failed(nl_evaluate(lent.model, figures[1], without, BATCH, NL_EVAL), NL_ARGUMENT, "it has no images");
    check_failed(nl_recalibrate(lent.model, without, BATCH, 0), NL_ARGUMENT, "it has no images");
    /* Of the five steps of each of three epochs, two at a time and the last alone. */
    for (int32_t step = 0; step < 15; step++) {
      if (step % 5 % 2 == 0) {
        int32_t samples[LENT];
        float *some = floats(LENT);
        const int32_t n = nl_trainer_upcoming(lent.trainer, samples, 2);
        assert_int_equal(n, step % 5 < 4 ? LENT : COUNT % BATCH);
        for (int32_t i = 0; i < n; i++) some[i] = images[samples[i]];
        nl_trainer_lend(lent.trainer, some, n);
      }
      CHECK_OK(nl_trainer_run(own.trainer, figures[0], &done, 1));
      CHECK_OK(nl_trainer_run(lent.trainer, figures[1], &done, 1));
      assert_memory_equal(figures[0], figures[1], sizeof figures[0]);
    }
    check_same("weights", nl_model_tensor_data(lent.model, 0), nl_model_tensor_data(own.model, 0), CLASSES);
    check_failed(nl_trainer_run(lent.trainer, figures[1], &done, 1), NL_STATE, "images of this step were not lent");
    forget(&own);
    forget(&lent);
    nl_dataset_destroy(whole);
    nl_dataset_destroy(without);
  }
}

/* As a set whose samples lie in that order, bit for bit; and it matters to batch statistics. */
TEST(sorted_for_evaluation) {
  enum { C = 3 };
  static const layer_spec layers[] = {{"batchNorm", 0, 0, {1e-5, 0.1, 1, 1, 0, 1}}, {"linear", 1, 0, {CLASSES, 1}}};
  seed_data(1);
  const float *images = normals(COUNT * C, 0, 1);
  float *lying = floats(COUNT * C);
  int32_t *labels = ints(COUNT);
  for (int32_t i = 0; i < COUNT; i++) {
    memcpy(lying + i * C, images + sorted[i] * C, C * sizeof *lying);
    labels[i] = classes_of[sorted[i]];
  }
  nl_dataset *sets[3];
  CHECK_OK(nl_dataset_create(&sets[0], lying, 1, labels, COUNT, C, 1, CLASSES, NULL, NULL));
  for (int i = 1; i < 3; i++)
    CHECK_OK(nl_dataset_create(&sets[i], images, 1, classes_of, COUNT, C, 1, CLASSES, NULL, NULL));
  CHECK_OK(nl_dataset_sort(sets[1]));
  nl_model *model = NULL;
  CHECK_OK(build_model(&model, (int32_t[]){C}, 1, layers, 2, 5));
  double figures[3][2];
  for (int i = 0; i < 3; i++) CHECK_OK(nl_evaluate(model, figures[i], sets[i], 4, NL_PROBE));
  assert_memory_equal(figures[1], figures[0], sizeof figures[0]);
  assert_true(figures[2][0] != figures[0][0]);
  float means[3][C];
  for (int i = 0; i < 3; i++) {
    CHECK_OK(nl_recalibrate(model, sets[i], 4, 2));
    memcpy(means[i], nl_model_tensor_data(model, tensor_of(model, 1, NL_RUNNING_MEAN)), sizeof means[i]);
  }
  check_same("running means", means[1], means[0], C);
  assert_true(means[2][0] != means[0][0]);
  for (int i = 0; i < 3; i++) nl_dataset_destroy(sets[i]);
  nl_model_destroy(model);
}

/* ---- crop and flip ---- */

enum { HEIGHT = 3, WIDTH = 4, CROP = 2, SHIFTS = 2 * CROP + 1, VARIANTS = 2 * SHIFTS * SHIFTS, IMAGES = 3 };
static const double black[CHANNELS] = {-8, -4};

/* As torchvision has it: pad by CROP of black, cut a piece of HEIGHT x WIDTH at (top, left), then mirror it. */
static void crop_and_flip(float *y, const float *x, int32_t top, int32_t left, bool flip) {
  enum { HIGH = HEIGHT + 2 * CROP, WIDE = WIDTH + 2 * CROP };
  for (int32_t c = 0; c < CHANNELS; c++) {
    float padded[HIGH][WIDE];
    for (int32_t i = 0; i < HIGH * WIDE; i++) padded[i / WIDE][i % WIDE] = (float)black[c];
    for (int32_t i = 0; i < PIXELS; i++) padded[CROP + i / WIDTH][CROP + i % WIDTH] = x[c * PIXELS + i];
    for (int32_t i = 0; i < PIXELS; i++) {
      const int32_t column = flip ? WIDTH - 1 - i % WIDTH : i % WIDTH;
      y[c * PIXELS + i] = padded[top + i / WIDTH][left + column];
    }
  }
}

/* Bytes that become integers, no two of an image alike: v - 8 in the first channel, v - 4 in the second. */
static nl_dataset *images_of(float *ready, bool floating) {
  static uint8_t bytes[IMAGES * SAMPLE];
  static const double mean[CHANNELS] = {8 / 255.0, 4 / 255.0}, std[CHANNELS] = {1 / 255.0, 1 / 255.0};
  for (int32_t i = 0; i < IMAGES * SAMPLE; i++) {
    bytes[i] = (uint8_t)(20 + i);
    ready[i] = (float)((bytes[i] / 255.0 - mean[i / PIXELS % CHANNELS]) / std[i / PIXELS % CHANNELS]);
  }
  nl_dataset *dataset = NULL;
  CHECK_OK(nl_dataset_create(&dataset, floating ? (void *)ready : (void *)bytes, floating, ints(IMAGES), IMAGES,
                             CHANNELS, PIXELS, CLASSES, mean, std));
  return dataset;
}

static void augment(nl_dataset *dataset, double crop, double flip) {
  CHECK_OK(nl_dataset_set_augment(dataset, (double[]){crop, flip}, 2, WIDTH, black));
}

/* Which of the variants of one of the images it is. */
static int32_t variant_of(const float *seen, const float *image) {
  int32_t found = -1;
  for (int32_t v = 0; v < VARIANTS; v++) {
    float y[SAMPLE];
    crop_and_flip(y, image, v / 2 / SHIFTS, v / 2 % SHIFTS, v % 2 != 0);
    if (memcmp(y, seen, sizeof y) != 0) continue;
    assert_int_equal(found, -1);
    found = v;
  }
  assert_true(found >= 0);
  return found;
}

/* Every variant comes up as often as the others in the long run, whatever the sample, the epoch and the kind of images. */
TEST(crops_and_flips) {
  enum { EPOCHS = 2000 };
  for (int floating = 0; floating < 2; floating++) {
    witness w = witness_of(CHANNELS, HEIGHT, WIDTH);
    float *ready = floats(IMAGES * SAMPLE);
    nl_dataset *dataset = images_of(ready, floating);
    augment(dataset, CROP, 1);
    CHECK_OK(nl_trainer_begin(w.trainer, dataset, 1, 0, 0, 11, 0));
    int32_t times[IMAGES][VARIANTS] = {{0}}, pairs = 0, last = -1;
    for (int32_t i = 0; i < EPOCHS * IMAGES; i++) {
      const int32_t variant = variant_of(next(&w), ready + i % IMAGES * SAMPLE);
      times[i % IMAGES][variant]++;
      pairs += variant == last;
      last = variant;
    }
    const double share = 1.0 / VARIANTS, spread = 5 * sqrt(EPOCHS * share * (1 - share));
    for (int32_t i = 0; i < IMAGES * VARIANTS; i++)
      check_double("times", times[i / VARIANTS][i % VARIANTS], EPOCHS * share, spread);
    check_double("alike one after the other", pairs, IMAGES * EPOCHS * share, sqrt(IMAGES) * spread);
    forget(&w);
    nl_dataset_destroy(dataset);
  }
}

TEST(crop_or_flip_alone) {
  float *ready = floats(IMAGES * SAMPLE);
  for (int which = 0; which < 3; which++) {
    witness w = witness_of(CHANNELS, HEIGHT, WIDTH);
    nl_dataset *dataset = images_of(ready, false);
    augment(dataset, which == 0 ? CROP : 0, which == 1);
    CHECK_OK(nl_trainer_begin(w.trainer, dataset, 1, 0, 0, 11, 0));
    bool moved = false, flipped = false;
    for (int32_t i = 0; i < 40 * IMAGES; i++) {
      const int32_t variant = variant_of(next(&w), ready + i % IMAGES * SAMPLE);
      moved = moved || variant / 2 != VARIANTS / 4;
      flipped = flipped || variant % 2 != 0;
    }
    assert_true(moved == (which == 0) && flipped == (which == 1));
    forget(&w);
    nl_dataset_destroy(dataset);
  }
}

/* A sample's draws are a function of seed, epoch and its place in it: of no batch size and of nothing before. */
TEST(draws_have_a_place) {
  enum { EPOCHS = 3, VIEWS = 5 };
  static const double seeds[VIEWS] = {5, 5, 5, 6, 5};
  static const int32_t batches[VIEWS] = {1, 2, 3, 1, 1};
  float *ready = floats(IMAGES * SAMPLE), seen[VIEWS][EPOCHS][SAMPLE];
  for (int view = 0; view < VIEWS; view++) {
    witness w = witness_of(CHANNELS, HEIGHT, WIDTH);
    nl_dataset *dataset = images_of(ready, false);
    augment(dataset, CROP, 1);
    if (view == 4) {
      CHECK_OK(nl_trainer_begin(w.trainer, dataset, 1, 0, 0, 77, 0));
      next(&w);
    }
    CHECK_OK(nl_trainer_begin(w.trainer, dataset, batches[view], 0, 0, seeds[view], 0));
    for (int epoch = 0; epoch < EPOCHS; epoch++) {
      memset(seen[view][epoch], 0, sizeof seen[0][0]);
      for (int32_t left = IMAGES; left > 0; left -= batches[view]) {
        const int32_t n = left < batches[view] ? left : batches[view];
        const float *mean = next(&w);
        /* The sum over an epoch: the gradient of a batch is the mean of its samples'. */
        for (int32_t i = 0; i < SAMPLE; i++) seen[view][epoch][i] += (float)n * mean[i];
      }
    }
    forget(&w);
    nl_dataset_destroy(dataset);
  }
  for (int view = 1; view < VIEWS; view++)
    for (int epoch = 0; epoch < EPOCHS; epoch++)
      for (int32_t i = 0; view != 3 && i < SAMPLE; i++)
        check_double(NAMED("view %d, epoch %d", view, epoch), seen[view][epoch][i], seen[0][epoch][i], 1e-4);
  assert_memory_not_equal(seen[3], seen[0], sizeof seen[0]);
  assert_memory_not_equal(seen[0][1], seen[0][0], sizeof seen[0][0]);
}

/* Neither evaluation nor statistics that are measured again see anything but the images. */
TEST(only_training_is_augmented) {
  static const layer_spec layers[] = {
      {"batchNorm", 0, 0, {1e-5, 0.1, 1, 1, 0, 1}}, {"flatten", 1, 0, {0}}, {"linear", 2, 0, {CLASSES, 1}}};
  float *ready = floats(IMAGES * SAMPLE);
  nl_model *model = NULL;
  CHECK_OK(build_model(&model, (int32_t[]){CHANNELS, HEIGHT, WIDTH}, 3, layers, 3, 5));
  nl_dataset *dataset = images_of(ready, false);
  double figures[2][2];
  float means[2][CHANNELS];
  for (int i = 0; i < 2; i++) {
    if (i == 1) augment(dataset, CROP, 1);
    CHECK_OK(nl_recalibrate(model, dataset, 2, 0));
    memcpy(means[i], nl_model_tensor_data(model, tensor_of(model, 1, NL_RUNNING_MEAN)), sizeof means[i]);
    CHECK_OK(nl_evaluate(model, figures[i], dataset, 2, NL_PROBE));
  }
  assert_memory_equal(figures[0], figures[1], sizeof figures[0]);
  check_same("running means", means[0], means[1], CHANNELS);
  nl_dataset_destroy(dataset);
  nl_model_destroy(model);
}

TEST(augmentations_that_are_none) {
  float *ready = floats(IMAGES * SAMPLE);
  nl_dataset *dataset = images_of(ready, false);
  const struct {
    double crop, flip;
    int32_t width, count;
    nl_status status;
    const char *words;
  } cases[] = {
      {-1, 0, WIDTH, 2, NL_ARGUMENT, "augment: crop must be an integer >= 0, got -1"},
      {0.5, 0, WIDTH, 2, NL_ARGUMENT, "augment: crop must be an integer >= 0, got 0.5"},
      {NAN, 0, WIDTH, 2, NL_ARGUMENT, "crop"},
      {1, 2, WIDTH, 2, NL_ARGUMENT, "augment: flip must be true or false, got 2"},
      {HEIGHT, 0, WIDTH, 2, NL_ARGUMENT, "crop must be less than the smaller side of images of 3 x 4, got 3"},
      {1, 0, 5, 2, NL_SHAPE, "rows of 5 pixels do not make an image of 12"},
      {0, 0, 0, 2, NL_SHAPE, "rows of 0 pixels"},
      {1, 1, WIDTH, 3, NL_ARGUMENT, "its settings take 2 values, got 3"},
  };
  for (int i = 0; i < COUNT_OF(cases); i++)
    check_failed(nl_dataset_set_augment(dataset, (double[]){cases[i].crop, cases[i].flip, 0}, cases[i].count,
                                        cases[i].width, black),
                 cases[i].status, cases[i].words);
  witness w = witness_of(CHANNELS, HEIGHT, WIDTH);
  CHECK_OK(nl_trainer_begin(w.trainer, dataset, 1, 0, 0, 0, 0));
  check_same("a set that refused them", next(&w), ready, SAMPLE);
  forget(&w);
  nl_dataset_destroy(dataset);
}

int main(void) {
  const struct CMUnitTest tests[] = {CASE(class_after_class),
                                     CASE(shuffled_within_classes),
                                     CASE(sorted_for_evaluation),
                                     CASE(crops_and_flips),
                                     CASE(crop_or_flip_alone),
                                     CASE(draws_have_a_place),
                                     CASE(only_training_is_augmented),
                                     CASE(augmentations_that_are_none),
                                     CASE(lent_images)};
  return cmocka_run_group_tests_name("dataset", tests, NULL, NULL);
}
