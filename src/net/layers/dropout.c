#include "net/model.h"

static const char out_of_range[] = "dropout probability has to be between 0 and 1, but got %g";

static const nl_setting settings[] = {{.name = "p", .kind = NL_NUMBER, .standard = 0.5, .invalid = out_of_range}};

static nl_status setup(nl_model *model, nl_node *node, const double *args) {
  (void)model;
  NL_CHECK(args[0] <= 1, NL_ARGUMENT, out_of_range, args[0]);
  node->p = args[0];
  return NL_OK;
}

/* What `node` drops in the next training pass: a stream of the layer's own, and in it a generator of the pass. */
static nl_dropout_mask draw(const nl_node *node) {
  /* Streams of the same seed: 0 is that of initial weights, and orders of data take those from 1 on. */
  static const uint64_t first = (uint64_t)1 << 62;
  nl_rng layer = nl_rng_make(node->model->seed, first + (uint64_t)(node - node->model->nodes));
  const uint64_t high = nl_rng_next(&layer), low = nl_rng_next(&layer);
  nl_rng pass = nl_rng_make(high << 32 | low, node->model->passes);
  nl_dropout_mask mask = {.p = node->p};
  mask.key[0] = nl_rng_next(&pass);
  mask.key[1] = nl_rng_next(&pass);
  return mask;
}

static nl_status forward(nl_node *node, float *y, const float *x, const float *x2, int32_t n, int32_t mode) {
  (void)x2;
  node->mask = mode == NL_EVAL ? (nl_dropout_mask){.p = 0} : draw(node);
  return nl_dropout(y, x, &node->mask, n * node->size);
}

static nl_status backward(nl_node *node, const nl_gradient *pass) {
  return nl_dropout(pass->dx, pass->dy, &node->mask, pass->n * node->size);
}

const nl_layer_type nl_type_dropout = {.name = "dropout",
                                       .inputs = 1,
                                       .settings = settings,
                                       .setting_count = 1,
                                       .setup = setup,
                                       .forward = forward,
                                       .backward = backward};

nl_status nl_model_dropout_factors(const nl_model *model, float *factors, int32_t node, int32_t n) {
  NL_CHECK(model->finished, NL_STATE, "nl_model_dropout_factors: the model is not finished");
  NL_CHECK(node > 0 && node < model->count && model->nodes[node].type == &nl_type_dropout, NL_ARGUMENT,
           "nl_model_dropout_factors: node %d is no dropout", node);
  NL_TRY(nl_check_samples("nl_model_dropout_factors", n));
  const int32_t size = n * model->nodes[node].size;
  const nl_dropout_mask mask = draw(&model->nodes[node]);
  for (int32_t i = 0; i < size; i++) factors[i] = 1;
  return nl_dropout(factors, factors, &mask, size);
}
