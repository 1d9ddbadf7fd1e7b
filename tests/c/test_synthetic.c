/* Sets that are made up: balanced, the same in any pieces, and what they say they are. */
#include "support.h"

#include <math.h>
#include <string.h>

enum { N = 53, C = 3, H = 6, W = 5, SIZE = C * H * W, CLASSES = 7 };
static const int32_t shape[] = {C, H, W};

/* Either kind as bytes. */
typedef struct {
  union {
    float values[N * SIZE];
    uint8_t bytes[N * SIZE];
  } images;
  int32_t labels[N];
} made;

static void make_of(made *set, bool blobs, int32_t classes, int32_t first, int32_t n, double noise, double seed,
                    int32_t part) {
  if (blobs)
    CHECK_OK(nl_blobs(set->images.values, set->labels, first, n, shape, classes, noise, seed, part));
  else
    CHECK_OK(nl_textures(set->images.bytes, set->labels, first, n, shape, classes, noise, seed, part));
}

static void make(made *set, bool blobs, int32_t first, int32_t n, double noise, double seed, int32_t part) {
  make_of(set, blobs, CLASSES, first, n, noise, seed, part);
}

static made *zeroed(void) { return (made *)floats(sizeof(made) / sizeof(float)); }

TEST(any_piece_is_part_of_the_whole) {
  static const int32_t starts[] = {0, 1, 6, 7, 8, 30, 52, N};
  for (int blobs = 0; blobs < 2; blobs++) {
    const size_t sample = SIZE * (blobs ? sizeof(float) : 1);
    made *whole = zeroed(), *pieces = zeroed();
    make(whole, blobs, 0, N, 0.5, 3, 0);
    for (int i = 0; i + 1 < COUNT_OF(starts); i++) {
      const int32_t first = starts[i], n = starts[i + 1] - first;
      made *piece = zeroed();
      make(piece, blobs, first, n, 0.5, 3, 0);
      memcpy((char *)&pieces->images + first * sample, &piece->images, n * sample);
      memcpy(pieces->labels + first, piece->labels, n * sizeof *piece->labels);
    }
    assert_memory_equal(pieces, whole, sizeof *whole);
  }
}

TEST(parts_seeds_and_noise_differ) {
  static const struct {
    double noise, seed;
    int32_t part;
  } others[] = {{0.5, 3, 1}, {0.5, 4, 0}, {0.5, 3 + 0x1p52, 0}, {0.4, 3, 0}};
  /* Of one class: not for their labels alone. */
  for (int blobs = 0; blobs < 2; blobs++)
    for (int32_t classes = 1; classes <= CLASSES; classes += CLASSES - 1) {
      made *set = zeroed();
      make_of(set, blobs, classes, 0, N, 0.5, 3, 0);
      for (int i = 0; i < COUNT_OF(others); i++) {
        made *other = zeroed();
        make_of(other, blobs, classes, 0, N, others[i].noise, others[i].seed, others[i].part);
        assert_memory_not_equal(&other->images, &set->images, N * SIZE);
        if (i < 3 && classes > 1) assert_memory_not_equal(other->labels, set->labels, sizeof set->labels);
      }
    }
}

/* One of each class in a round; each class in each place of a round about as often as the others. */
TEST(balanced) {
  enum { ROUNDS = 400 };
  int32_t *labels = ints(ROUNDS * CLASSES), places[CLASSES][CLASSES] = {{0}};
  float *images = floats(ROUNDS * CLASSES);
  CHECK_OK(nl_blobs(images, labels, 0, ROUNDS * CLASSES, (int32_t[]){1, 1, 1}, CLASSES, 1, 0, 0));
  for (int32_t round = 0; round < ROUNDS; round++) {
    uint32_t seen = 0;
    for (int32_t i = 0; i < CLASSES; i++) {
      const int32_t label = labels[round * CLASSES + i];
      assert_true(label >= 0 && label < CLASSES);
      seen |= 1u << label;
      places[label][i]++;
    }
    assert_int_equal(seen, (1 << CLASSES) - 1);
  }
  const double share = 1.0 / CLASSES;
  for (int32_t i = 0; i < CLASSES * CLASSES; i++)
    check_double("times", places[i / CLASSES][i % CLASSES], ROUNDS * share, 5 * sqrt(ROUNDS * share * (1 - share)));
}

/* Values about the centre of their class are independent and normal with the standard deviation that was asked for. */
TEST(blobs_are_gaussian) {
  enum { COUNT = 4000, VALUES = 16, K = 4 };
  static const int32_t shapes[][3] = {{VALUES, 1, 1}, {1, 4, 4}, {2, 2, 4}};
  static const double noise = 0.3;
  for (int s = 0; s < COUNT_OF(shapes); s++) {
    float *images = floats(COUNT * VALUES), *centres = floats(K * VALUES);
    int32_t *labels = ints(COUNT), *own = ints(K);
    CHECK_OK(nl_blobs(images, labels, 0, COUNT, shapes[s], K, noise, 5, 0));
    float *alone = floats(K * VALUES);
    CHECK_OK(nl_blobs(alone, own, 0, K, shapes[s], K, 0, 5, 1));
    for (int32_t i = 0; i < K; i++) memcpy(centres + own[i] * VALUES, alone + i * VALUES, VALUES * sizeof *alone);
    double length = 0, sum = 0, squares = 0, fourth = 0, neighbours = 0, followers = 0;
    for (int32_t i = 0; i < K * VALUES; i++) length += (double)centres[i] * centres[i] / K;
    for (int32_t i = 0; i < COUNT; i++)
      for (int32_t j = 0; j < VALUES; j++) {
        const double d = (images[i * VALUES + j] - centres[labels[i] * VALUES + j]) / noise;
        sum += d;
        squares += d * d;
        fourth += d * d * d * d;
        if (j > 0) neighbours += d * (images[i * VALUES + j - 1] - centres[labels[i] * VALUES + j - 1]) / noise;
        if (i > 0) followers += d * (images[(i - 1) * VALUES + j] - centres[labels[i - 1] * VALUES + j]) / noise;
      }
    const double n = COUNT * VALUES, error = 5 / sqrt(n);
    check_double("squared distance of centres from the origin", length, 1, 5 * sqrt(2.0 / (K * VALUES)));
    check_double("mean", sum / n, 0, error);
    check_double("variance", squares / n, 1, error * sqrt(2));
    check_double("fourth moment", fourth / n, 3, error * sqrt(96));
    check_double("correlation of values", neighbours / n, 0, error);
    check_double("correlation of samples", followers / n, 0, error);
  }
}

TEST(images_of_patches) {
  enum { HIGH = 9, WIDE = 4, CHANNELS = 2 };
  float *image = floats(CHANNELS * HIGH * WIDE);
  int32_t which;
  CHECK_OK(nl_blobs(image, &which, 0, 1, (int32_t[]){CHANNELS, HIGH, WIDE}, 3, 1, 8, 0));
  for (int32_t i = 0; i < CHANNELS * HIGH * WIDE; i++)
    for (int32_t j = 0; j < i; j++) {
      const bool same_row =
          i / WIDE / HIGH == j / WIDE / HIGH && i / WIDE % HIGH * 4 / HIGH == j / WIDE % HIGH * 4 / HIGH;
      assert_true((image[i] == image[j]) == (same_row && i % WIDE == j % WIDE));
    }
}

/*
 * Without noise: the orientation of a class by the structure tensor (J. Bigun, 1987), within the 0.02 turns that a sample may
 * be off and the error of differences; for checks, which have two, by neither.
 */
TEST(textures_have_orientations) {
  enum { COUNT = 200, SIDE = 48, K = 10 };
  uint8_t *images = (uint8_t *)floats(COUNT * SIDE * SIDE / 4);
  int32_t *labels = ints(COUNT);
  CHECK_OK(nl_textures(images, labels, 0, COUNT, (int32_t[]){1, SIDE, SIDE}, K, 0, 1, 0));
  for (int32_t i = 0; i < COUNT; i++) {
    const uint8_t *x = images + i * SIDE * SIDE;
    double xx = 0, xy = 0, yy = 0, squares = 0;
    for (int32_t p = 1; p < SIDE - 1; p++)
      for (int32_t q = 1; q < SIDE - 1; q++) {
        const int32_t at = p * SIDE + q;
        const double dx = (x[at + 1] - x[at - 1]) / 2.0, dy = (x[at + SIDE] - x[at - SIDE]) / 2.0;
        xx += dx * dx;
        xy += dx * dy;
        yy += dy * dy;
        squares += (x[at] - 127.5) * (x[at] - 127.5);
      }
    const double pi = acos(-1), coherence = hypot(xx - yy, 2 * xy) / (xx + yy);
    if (squares / (SIDE * SIDE) < 100) continue; /* a hue that this channel hardly has */
    if (labels[i] % 2) {
      assert_true(coherence < 0.6);
      continue;
    }
    const double off = remainder(atan2(2 * xy, xx - yy) / (4 * pi) - 0.5 * labels[i] / K, 0.5);
    assert_true(coherence > 0.8);
    check_double("orientation in turns", off, 0, 0.02 + 0.015);
    /* Differences over two pixels of a wave of f periods a pixel are sin(2 pi f) of it. */
    const double frequency = hypot(asin(sqrt(xx / squares)), asin(sqrt(yy / squares))) / (2 * pi);
    check_double("periods a pixel", frequency, 0.17, 0.15 * 0.17 + 0.005);
  }
}

/* The mean of many is grey, so that no class is known by its brightness; noise has the standard deviation asked for. */
TEST(textures_are_about_grey) {
  enum { COUNT = 600, SIDE = 16, CHANNELS = 3, PIXELS = SIDE * SIDE, K = 4 };
  static const double noises[] = {0, 0.1};
  uint8_t *images[2];
  int32_t *labels = ints(COUNT);
  for (int i = 0; i < 2; i++) {
    images[i] = (uint8_t *)floats(COUNT * CHANNELS * PIXELS / 4);
    CHECK_OK(nl_textures(images[i], labels, 0, COUNT, (int32_t[]){CHANNELS, SIDE, SIDE}, K, noises[i], 1, 0));
  }
  double means[K][CHANNELS] = {{0}}, corners[K][CHANNELS] = {{0}}, sum = 0, squares = 0, n = 0;
  for (int32_t i = 0; i < COUNT * CHANNELS * PIXELS; i++) {
    means[labels[i / PIXELS / CHANNELS]][i / PIXELS % CHANNELS] += images[0][i] / (COUNT / (double)K * PIXELS);
    if (i % PIXELS == 0)
      corners[labels[i / PIXELS / CHANNELS]][i / PIXELS % CHANNELS] += images[0][i] / (COUNT / (double)K);
    /* Where no noise is cut off. */
    if (images[0][i] < 60 || images[0][i] > 195) continue;
    const double d = (images[1][i] - images[0][i]) / 127.5;
    sum += d;
    squares += d * d;
    n++;
  }
  for (int32_t k = 0; k < K * CHANNELS; k++) {
    check_double("mean", means[k / CHANNELS][k % CHANNELS], 127.5, 6);
    /* One value of each: a wave's, of standard deviation 127.5 / sqrt 2 at most. */
    check_double("mean of one pixel", corners[k / CHANNELS][k % CHANNELS], 127.5, 4 * 90 / sqrt(COUNT / K));
  }
  check_double("mean noise", sum / n, 0, 5 * 0.1 / sqrt(n) + 0.001);
  check_double("noise", sqrt(squares / n), 0.1, 0.001);
}

/* Noise of any size stays within bytes and within float32. */
TEST(much_noise) {
  made *set = zeroed();
  make(set, false, 0, N, 1e6, 1, 0);
  int32_t low = 0, high = 0;
  for (int32_t i = 0; i < N * SIZE; i++) {
    low += set->images.bytes[i] == 0;
    high += set->images.bytes[i] == 255;
  }
  assert_true(low > N * SIZE / 3 && high > N * SIZE / 3);
  make(set, true, 0, N, 1e6, 1, 0);
  for (int32_t i = 0; i < N * SIZE; i++) assert_true(isfinite(set->images.values[i]));
}

TEST(what_is_no_set) {
  static const int32_t none[] = {3, 0, 4}, huge[] = {1 << 20, 1 << 20, 1 << 20};
  const struct {
    int32_t first, n;
    const int32_t *shape;
    int32_t classes;
    double noise, seed;
    int32_t part;
    nl_status status;
    const char *words;
  } cases[] = {
      {0, 1, none, 2, 0, 0, 0, NL_SHAPE, "there are no samples of shape [3, 0, 4]"},
      {0, 1, huge, 2, 0, 0, 0, NL_SHAPE, "there are no samples of shape [1048576, 1048576, 1048576]"},
      {-1, 1, shape, 2, 0, 0, 0, NL_ARGUMENT, "there are no 1 samples from -1 on"},
      {0, -1, shape, 2, 0, 0, 0, NL_ARGUMENT, "there are no -1 samples"},
      {INT32_MAX, 1, shape, 2, 0, 0, 0, NL_ARGUMENT, "there are no 1 samples from 2147483647 on"},
      {0, 1, shape, 0, 0, 0, 0, NL_ARGUMENT, "classes must be >= 1 and part >= 0, got 0 and 0"},
      {0, 1, shape, 2, 0, 0, -1, NL_ARGUMENT, "got 2 and -1"},
      {0, 1, shape, 2, -0.1, 0, 0, NL_ARGUMENT, "noise must be from 0 to 1e6, got -0.1"},
      {0, 1, shape, 2, NAN, 0, 0, NL_ARGUMENT, "noise must be from 0 to 1e6"},
      {0, 1, shape, 2, 2e6, 0, 0, NL_ARGUMENT, "noise must be from 0 to 1e6"},
      {0, 1, shape, 2, 0, 0.5, 0, NL_ARGUMENT, "seed: must be an integer in [0, 2^53), got 0.5"},
      {0, 1, shape, 2, 0, -1, 0, NL_ARGUMENT, "seed"},
      {0, 1, shape, 2, 0, 0x1p53, 0, NL_ARGUMENT, "seed"},
      {0, 1, shape, INT32_MAX, 0, 0, 0, NL_MEMORY, ""},
  };
  made *set = zeroed(), *before = zeroed();
  for (int i = 0; i < COUNT_OF(cases); i++) {
    check_failed(nl_blobs(set->images.values, set->labels, cases[i].first, cases[i].n, cases[i].shape, cases[i].classes,
                          cases[i].noise, cases[i].seed, cases[i].part),
                 cases[i].status, cases[i].words);
    check_failed(nl_textures(set->images.bytes, set->labels, cases[i].first, cases[i].n, cases[i].shape,
                             cases[i].classes, cases[i].noise, cases[i].seed, cases[i].part),
                 cases[i].status, cases[i].words);
    assert_memory_equal(set, before, sizeof *set);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {CASE(any_piece_is_part_of_the_whole),
                                     CASE(parts_seeds_and_noise_differ),
                                     CASE(balanced),
                                     CASE(blobs_are_gaussian),
                                     CASE(images_of_patches),
                                     CASE(textures_have_orientations),
                                     CASE(textures_are_about_grey),
                                     CASE(much_noise),
                                     CASE(what_is_no_set)};
  return cmocka_run_group_tests_name("synthetic", tests, NULL, NULL);
}
