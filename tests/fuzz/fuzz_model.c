/*
 * A model through the public header: any small graph of any layers, any batches in any mode, a trainer. Beside what the
 * sanitizers see, it must hold that a refused call changes nothing, that only training moves anything, that inputs are read
 * only, that equal calls give equal bits, and that the engine works afterwards.
 */
#include "input.h"

#include <math.h>
#include <string.h>

enum {
  MOST_LAYERS = 8,
  MOST_TENSORS = 4 * MOST_LAYERS,
  MOST_NODE = 1024,
  MOST_WEIGHTS = 1 << 16,
  MOST_CALLS = 6,
  BINS = 4
};

typedef enum {
  END,     /* of the settings */
  SIZE,    /* 1 to 4 */
  PAIR,    /* two of them */
  STRIDE,  /* the same, or null */
  PADDING, /* two of 0 or 1 */
  BOOL,
  EPS,
  EPS_OR_NULL,
  MOMENTUM,
  MOMENTUM_OR_NULL,
  SHARE, /* 0 to 1 */
  LIMIT, /* 1 or 3 */
  DIMS   /* null, or any list */
} setting;

static const struct {
  const char *name;
  setting settings[9];
} types[] = {
    {"conv2d", {SIZE, PAIR, STRIDE, PADDING, BOOL, BOOL}},
    {"linear", {SIZE, BOOL}},
    {"relu", {END}},
    {"gelu", {END}},
    {"sigmoid", {END}},
    {"tanh", {END}},
    {"maxPool2d", {PAIR, STRIDE, PADDING}},
    {"avgPool2d", {PAIR, STRIDE, PADDING}},
    {"globalAvgPool2d", {END}},
    {"flatten", {END}},
    {"identity", {END}},
    {"dropout", {SHARE}},
    {"add", {END}},
    {"batchNorm", {EPS, MOMENTUM_OR_NULL, BOOL, BOOL, BOOL, BOOL}},
    {"batchRenorm", {EPS, MOMENTUM_OR_NULL, BOOL, BOOL, BOOL, BOOL, LIMIT, SHARE}},
    {"layerNorm", {DIMS, EPS, BOOL, BOOL}},
    {"groupNorm", {SIZE, EPS, BOOL, BOOL}},
    {"instanceNorm", {EPS, MOMENTUM, BOOL, BOOL}},
    {"rmsNorm", {DIMS, EPS_OR_NULL, BOOL}},
};
enum { TYPES = sizeof types / sizeof *types };

/* ---- building ---- */

static int32_t take_setting(input *in, setting kind, double *to) {
  static const double eps[] = {1e-5, 1e-3, 1, 0}, momenta[] = {0.1, 0, 1, 0.5, -0.5, 2};
  switch (kind) {
  case SIZE: to[0] = take_range(in, 1, 4); return 1;
  case PAIR: to[0] = take_range(in, 1, 3), to[1] = take_range(in, 1, 3); return 2;
  case STRIDE: {
    const bool null = take_chance(in, 64);
    for (int i = 0; i < 2; i++) to[i] = null ? (double)NAN : take_range(in, 1, 3);
    return 2;
  }
  case PADDING: to[0] = take_byte(in) & 1, to[1] = take_byte(in) & 1; return 2;
  case BOOL: to[0] = take_byte(in) & 1; return 1;
  case LIMIT: to[0] = take_chance(in, 64) ? 1 : 3; return 1;
  case SHARE: to[0] = take_range(in, 0, 4) / 4.0; return 1;
  case EPS: to[0] = eps[take_byte(in) % 4]; return 1;
  case EPS_OR_NULL: to[0] = take_chance(in, 64) ? (double)NAN : eps[take_byte(in) % 4]; return 1;
  case MOMENTUM: to[0] = momenta[take_byte(in) % 6]; return 1;
  case MOMENTUM_OR_NULL: to[0] = take_chance(in, 64) ? (double)NAN : momenta[take_byte(in) % 6]; return 1;
  case DIMS:
    to[0] = take_chance(in, 96) ? take_range(in, 1, 3) : (double)NAN;
    for (int i = 1; i <= NL_MAX_DIMS; i++) to[i] = take_range(in, 1, 5);
    return 1 + NL_MAX_DIMS;
  default: return 0;
  }
}

/* A layer more. False where the model has become too large to be tried. */
static bool add(input *in, nl_model *model, int32_t *nodes) {
  const uint8_t which = take_byte(in) % TYPES, wild = take_byte(in);
  double usual[16] = {0};
  int32_t count = 0, type = type_named(types[which].name);
  for (int i = 0; types[which].settings[i] != END; i++)
    count += take_setting(in, types[which].settings[i], usual + count);
  const int32_t back = take_chance(in, 64) ? take_range(in, 0, *nodes - 1) : 0;
  int32_t from = *nodes - 1 - back, from2 = strcmp(types[which].name, "add") == 0 ? take_range(in, 0, *nodes - 1) : -1;
  if (wild == 255) count = take_range(in, 0, 12);
  if (wild == 254) type = take_range(in, -1, 40);
  if (wild == 253) from = take_wild_integer(in);
  if (wild == 252) from2 = take_wild_integer(in);
  double *args = copied(usual, count, sizeof *args);
  for (int i = 0; count > 0 && wild >= 240 && wild < 252 && i < wild - 239; i++)
    args[take_byte(in) % count] = take_wild_number(in);
  const int32_t tensors = nl_model_tensor_count(model);
  int32_t node = -7;
  const nl_status status = nl_model_add(model, &node, type, from, from2, args, count);
  must_be_status(status);
  if (status != NL_OK) {
    int32_t shape[NL_MAX_DIMS];
    MUST(node == -7 && nl_model_tensor_count(model) == tensors && nl_model_node_shape(model, *nodes, shape) == 0);
    return true;
  }
  MUST(node == *nodes);
  ++*nodes;
  int64_t weights = 0;
  for (int32_t i = 0; i < nl_model_tensor_count(model); i++) {
    int32_t info[4 + NL_MAX_DIMS];
    MUST(nl_model_tensor_info(model, i, info) == NL_OK && info[0] < *nodes && info[2] >= 0);
    weights += info[2];
  }
  return weights <= MOST_WEIGHTS;
}

static int64_t size_of(const nl_model *model, int32_t node) {
  int32_t shape[NL_MAX_DIMS];
  int64_t size = 1;
  for (int32_t i = nl_model_node_shape(model, node, shape) - 1; i >= 0; i--) size *= shape[i];
  return size;
}

/* ---- what a model holds ---- */

typedef struct {
  int32_t tensors;
  float *value[MOST_TENSORS];
  double batches[1 + MOST_LAYERS], passes;
} state;

static int32_t tensor_info(nl_model *model, int32_t index, int32_t which) {
  int32_t info[4 + NL_MAX_DIMS];
  MUST(nl_model_tensor_info(model, index, info) == NL_OK);
  return info[which];
}

static state state_of(nl_model *model) {
  state s = {.tensors = nl_model_tensor_count(model), .passes = nl_model_passes(model)};
  MUST(s.tensors <= MOST_TENSORS);
  for (int32_t i = 0; i < s.tensors; i++)
    s.value[i] = copied(nl_model_tensor_data(model, i), tensor_info(model, i, 2), sizeof(float));
  for (int32_t i = 0; i <= MOST_LAYERS; i++) s.batches[i] = nl_model_batches_tracked(model, i);
  return s;
}

/* Tensors of the roles up to `last`, from weights on. */
static void must_keep_tensors(nl_model *model, const state *s, int32_t last) {
  for (int32_t i = 0; i < s->tensors; i++)
    if (tensor_info(model, i, 1) <= last)
      MUST(same_floats(nl_model_tensor_data(model, i), s->value[i], tensor_info(model, i, 2)));
}

static void must_keep_all(nl_model *model, const state *s) {
  must_keep_tensors(model, s, NL_RUNNING_VAR);
  for (int32_t i = 0; i <= MOST_LAYERS; i++) MUST(nl_model_batches_tracked(model, i) == s->batches[i]);
  MUST(nl_model_passes(model) == s->passes);
}

/* ---- passes ---- */

typedef struct {
  int64_t in, out;
  int32_t n, mode;
  const float *x;
  const int32_t *labels;
} batch;

static batch take_batch(input *in, nl_model *model, int32_t nodes) {
  batch b = {.in = size_of(model, 0), .out = size_of(model, nodes - 1)};
  b.n = take_chance(in, 12) ? take_range(in, -1, 70) : take_range(in, 1, 5);
  b.mode = take_chance(in, 8) ? take_wild_integer(in) : take_range(in, NL_EVAL, NL_PROBE);
  const int64_t n = b.n > 0 ? b.n : 0;
  b.x = take_floats(in, n * b.in);
  int32_t *labels = BLOCK(int32_t, n);
  for (int64_t i = 0; i < n; i++)
    labels[i] = take_chance(in, 4) ? take_wild_integer(in) : (int32_t)(take_byte(in) % b.out);
  b.labels = labels;
  return b;
}

static void forward(nl_model *model, const batch *b) {
  const int64_t n = b->n > 0 ? b->n : 0;
  float *y = BLOCK(float, n * b->out), *again = BLOCK(float, n * b->out);
  const state before = state_of(model);
  const nl_status status = nl_model_forward(model, y, b->x, b->n, b->mode);
  must_be_status(status);
  MUST(status == NL_OK || nl_model_failed_node(model) < MOST_LAYERS + 1);
  if (status != NL_OK || b->mode != NL_TRAIN) must_keep_all(model, &before);
  must_keep_tensors(model, &before, NL_BIAS);
  if (status != NL_OK || b->mode == NL_TRAIN) return;
  MUST(nl_model_forward(model, again, b->x, b->n, b->mode) == NL_OK);
  MUST(same_floats(y, again, n * b->out));
}

static void gradients(input *in, nl_model *model, const batch *b) {
  const int64_t n = b->n > 0 ? b->n : 0;
  const uint8_t wanted = take_byte(in);
  double loss = 7;
  float *logits = wanted & 1 ? NULL : BLOCK(float, n * b->out), *dinput = wanted & 2 ? NULL : BLOCK(float, n * b->in);
  const state before = state_of(model);
  const nl_status status =
      nl_model_gradients(model, wanted & 4 ? NULL : &loss, logits, dinput, b->x, b->labels, b->n, b->mode);
  must_be_status(status);
  if (status != NL_OK || b->mode != NL_TRAIN) must_keep_all(model, &before);
  must_keep_tensors(model, &before, NL_BIAS);
  if (status != NL_OK) {
    MUST(loss == 7);
    return;
  }
  for (int32_t i = 0; i < nl_model_tensor_count(model); i++)
    MUST((nl_model_tensor_grad(model, i) != NULL) == (tensor_info(model, i, 1) <= NL_BIAS));
}

static void compare(nl_model *model, const batch *b, int32_t nodes) {
  const int64_t n = b->n > 0 ? b->n : 0;
  double *figures = BLOCK(double, (int64_t)(nodes - 1) * nl_model_compare_row(BINS));
  float *train = BLOCK(float, n * b->out), *eval = BLOCK(float, n * b->out);
  const state before = state_of(model);
  must_be_status(nl_model_compare(model, figures, train, eval, b->x, b->n, BINS));
  must_keep_all(model, &before);
}

static void step(input *in, nl_model *model, const batch *b) {
  nl_trainer *trainer = NULL;
  double figures[3];
  const bool plain = !take_chance(in, 32);
  const double lr = plain ? 0.1 : take_wild_number(in), momentum = plain ? 0.9 : take_wild_number(in);
  const state before = state_of(model);
  const int32_t optimizer = take_byte(in) % 4;
  const double decay = plain ? 0.01 : take_wild_number(in), flag = take_byte(in) & 1;
  const double sgd[] = {lr, decay, momentum, 0, flag}, adam[] = {lr, decay, momentum, 0.99, 1e-8, flag};
  const double options[] = {plain ? 1 : take_wild_number(in),
                            plain ? 0.1 : take_wild_number(in),
                            flag,
                            1 - flag,
                            1 + take_byte(in) % 3,
                            flag,
                            1 + take_byte(in) % 3,
                            flag != 0 ? 2 : NAN};
  nl_status status =
      nl_trainer_create(&trainer, model, optimizer, optimizer == 0 ? sgd : adam, optimizer == 0 ? 5 : 6, options, 8);
  must_be_status(status);
  MUST((status == NL_OK) == (trainer != NULL));
  for (int i = 0; trainer && i < 2; i++) {
    const state now = state_of(model);
    const bool measures = take_chance(in, 128);
    if (measures) must_be_status(nl_trainer_measure(trainer, BINS));
    status = nl_trainer_step(trainer, figures, b->x, b->labels, b->n);
    must_be_status(status);
    if (status != NL_OK) must_keep_all(model, &now);
  }
  if (!trainer) must_keep_all(model, &before);
  nl_trainer_destroy(trainer);
}

static void write_tensor(input *in, nl_model *model) {
  const int32_t count = nl_model_tensor_count(model);
  if (count == 0) return;
  const int32_t index = take_range(in, 0, count - 1), size = tensor_info(model, index, 2);
  const float *values = take_floats(in, size);
  for (int32_t i = 0; i < size; i++) nl_model_tensor_data(model, index)[i] = values[i];
}

static void use(input *in, nl_model *model, int32_t nodes) {
  for (int call = 0; call < MOST_CALLS && (call < 2 || in->at < in->end); call++) {
    const int32_t kind = take_range(in, 0, 6);
    if (kind == 6) {
      must_be_status(nl_model_set_passes(model, take_wild_number(in)));
      continue;
    }
    if (kind == 4) {
      write_tensor(in, model);
      continue;
    }
    const batch b = take_batch(in, model, nodes);
    const float *x = copied(b.x, b.n > 0 ? b.n * b.in : 0, sizeof *x);
    if (kind == 0) gradients(in, model, &b);
    if (kind == 1) forward(model, &b);
    if (kind == 2) compare(model, &b, nodes);
    if (kind == 3) step(in, model, &b);
    if (kind == 5) nl_model_set_batches_tracked(model, take_range(in, -1, MOST_LAYERS), take_wild_number(in));
    MUST(same_floats(b.x, x, b.n > 0 ? b.n * b.in : 0));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  input in = {data, data + size};
  int32_t usual[6], ndim = take_range(&in, 1, 4);
  for (int i = 0; i < 6; i++) usual[i] = take_range(&in, 1, 6);
  const uint8_t wild = take_byte(&in);
  if (wild == 255) ndim = take_range(&in, -1, 6);
  if (wild == 254) usual[take_byte(&in) % 4] = take_wild_integer(&in);
  const int32_t *shape = copied(usual, ndim > 0 ? ndim : 0, sizeof *shape);
  nl_model *model = NULL;
  const nl_status status = nl_model_create(&model, shape, ndim, wild == 253 ? take_wild_number(&in) : take_byte(&in));
  must_be_status(status);
  MUST((status == NL_OK) == (model != NULL));
  if (model && size_of(model, 0) <= MOST_NODE) {
    int32_t nodes = 1;
    bool small = true;
    const int layers = take_range(&in, 1, MOST_LAYERS);
    for (int i = 0; small && i < layers; i++) small = add(&in, model, &nodes) && size_of(model, nodes - 1) <= MOST_NODE;
    if (small) {
      const nl_status finished = nl_model_finish(model);
      must_be_status(finished);
      MUST((finished == NL_OK) == (nodes > 1));
      if (finished == NL_OK) use(&in, model, nodes);
    }
  }
  nl_model_destroy(model);
  must_still_work();
  give_back_blocks();
  return 0;
}
