/* Settings that are legal numbers each but make no sizes that fit 32 bits: refused, never wrapped around. */
#include "support.h"

#include <math.h>
#include <string.h>

static const double null = (double)NAN;

TEST(layers) {
  const double most = INT32_MAX;
  const layer_spec cases[] = {
      {"conv2d", 0, 0, {1, 3, 3, 1, 1, most, most, 0}},
      {"conv2d", 0, 0, {1, 3, 3, 1, 1, most, 0, 0}},
      {"conv2d", 0, 0, {1, 3, 3, 1, 1, 0, most, 0}},
      {"conv2d", 0, 0, {1, 3, 3, 1, 1, 50000, 50000, 0}},
      {"conv2d", 0, 0, {1, 3, 3, most, most, most, most, 0}},
      {"conv2d", 0, 0, {1, 1, 30, 1, 1, most, 0, 0}},
      {"conv2d", 0, 0, {1, 60000, 60000, 1, 1, 30000, 30000, 0}},
      {"conv2d", 0, 0, {most, most, most, 1, 1, most, most, 0}},
      {"maxPool2d", 0, 0, {2, 2, 1, 1, most, most}},
      {"avgPool2d", 0, 0, {2, 2, 1, 1, most, 0}},
      {"maxPool2d", 0, 0, {most, most, null, null, 0, 0}},
      {"linear", 1, 0, {most, 1}},
      {"layerNorm", 0, 0, {3, most, most, most, 0, 0, 1e-5, 1, 1}},
      {"groupNorm", 0, 0, {most, 1e-5, 1, 1}},
  };
  seed_data(1);
  nl_model *model = NULL;
  int32_t node = -7;
  CHECK_OK(nl_model_create(&model, (int32_t[]){2, 8, 8}, 3, 0));
  CHECK_OK(nl_model_add(model, &node, type_of("flatten"), 0, -1, NULL, 0));
  node = -7;
  for (int i = 0; i < COUNT_OF(cases); i++) {
    const layer_spec *l = &cases[i];
    const nl_status status = nl_model_add(model, &node, type_of(l->type), l->from, -1, l->args, settings_of(l->type));
    if (status != NL_ARGUMENT && status != NL_SHAPE && status != NL_MEMORY)
      fail_msg("case %d, %s: status %d", i, l->type, status);
    assert_int_equal(node, -7);
    assert_true(strlen(nl_last_error()) > 0);
  }
  CHECK_OK(nl_model_add(model, &node, type_of("linear"), 1, -1, (double[]){2, 1}, 2));
  CHECK_OK(nl_model_finish(model));
  float logits[2];
  CHECK_OK(nl_model_forward(model, logits, normals(128, 0, 1), 1, NL_EVAL));
  nl_model_destroy(model);
}

/* A window of 65536 x 65536 over 28 x 28 is legal; its mean is the image's sum over 2^32. */
TEST(large_window) {
  const double size = 65536, half = 32768;
  nl_model *model = NULL;
  const layer_spec pool = {"avgPool2d", 0, 0, {size, size, size, size, half, half}};
  const nl_status status = build_model(&model, (int32_t[]){1, 4, 4}, 3, &pool, 1, 0);
  if (status == NL_OK) {
    float x[16], y[1] = {-1};
    for (int i = 0; i < 16; i++) x[i] = 1;
    CHECK_OK(nl_model_forward(model, y, x, 1, NL_EVAL));
    check_double("mean", y[0], 16 * 0x1p-32, 1e-15);
  }
  nl_model_destroy(model);
}

int main(void) {
  const struct CMUnitTest tests[] = {CASE(layers), CASE(large_window)};
  return cmocka_run_group_tests_name("huge sizes", tests, NULL, NULL);
}
