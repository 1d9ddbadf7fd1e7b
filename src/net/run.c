/* Passes over a model's nodes, and the memory that they need. */
#include "kernels/planes.h"
#include "net/model.h"
#include "net/plan.h"

#include <stdlib.h>
#include <string.h>

nl_status nl_check_samples(const char *call, int32_t n) {
  NL_CHECK(n >= 1, NL_SHAPE, "%s: a batch needs at least 1 sample, got %d", call, n);
  return NL_OK;
}

/* Whether a normalization computes this relu along, and goes back through it. */
static bool through_norm(const nl_model *model, const nl_node *node) {
  return node->type->relu && node->in_joined && model->nodes[node->from].norm;
}

static int32_t root_of(const nl_model *model, int32_t node) { return model->nodes[node].root; }

/*
 * Steps of a pass: node i computes at step i, and its gradient is taken at step 2 * count - i.
 * spans: three a node, y, dy and saved, at 3 * i; those of node 0 stay free.
 */
static void find_lifetimes(nl_span *spans, const nl_model *model, int32_t n, bool trains) {
  const int32_t end = 2 * model->count;
  for (int32_t i = 1; i < model->count; i++) {
    const nl_node *node = &model->nodes[i];
    nl_span *y = &spans[3 * i], *dy = y + 1, *saved = y + 2;
    const bool own = node->root == i;
    const uint64_t bytes = own ? (uint64_t)n * (uint64_t)node->size * sizeof(float) : 0;
    *y = (nl_span){bytes, i, trains ? end - i : i, 0};
    *dy = (nl_span){trains ? bytes : 0, end - i, end - i, 0};
    *saved = (nl_span){(uint64_t)n * (uint64_t)node->saved_size * sizeof(int32_t), i, trains ? end - i : i, 0};
  }
  /* What a layer computes along is written at that layer's step already. */
  for (int32_t i = 1; i < model->count; i++) {
    const nl_node *node = &model->nodes[i];
    if (spans[3 * node->folded].first > i) spans[3 * node->folded].first = i;
  }
  /* A normalization goes back through the relu that it computed along: it reads that one's output and its gradient. */
  for (int32_t i = 1; trains && i < model->count; i++) {
    const nl_node *node = &model->nodes[i];
    if (!node->norm || node->joined == i) continue;
    spans[3 * i].last = model->count;
    spans[3 * i + 1] = (nl_span){0, end - i, end - i, 0};
    spans[3 * node->joined].last = spans[3 * node->joined + 1].last = end - i;
  }
  for (int32_t i = 1; i < model->count; i++)
    for (int which = 0; which < 2; which++) {
      int32_t from = which == 0 ? model->nodes[i].from : model->nodes[i].from2;
      if (from < 1 || root_of(model, from) == 0) continue;
      nl_span *y = &spans[3 * root_of(model, from)], *dy = y + 1;
      if (y->last < i) y->last = i;
      if (dy->first > end - i) dy->first = end - i;
    }
  /* The model's output is read after the pass, and its gradient written before the backward steps. */
  nl_span *output = &spans[3 * root_of(model, model->count - 1)];
  if (output->last < model->count) output->last = model->count;
  if (output[1].first > model->count) output[1].first = model->count;
}

nl_status nl_model_reserve(nl_model *model, int32_t n, bool trains) {
  if (n <= model->room && (model->room_trains || !trains)) return NL_OK;
  if (model->room_trains) trains = true;
  if (n < model->room) n = model->room;
  for (int32_t i = 0; i < model->count; i++)
    NL_CHECK((int64_t)n * model->nodes[i].size <= NL_MOST_VALUES, NL_MEMORY,
             "out of memory: a batch of %d is too large for a layer of %d values", n, model->nodes[i].size);
  const int32_t count = 3 * model->count + 2;
  nl_span *spans;
  NL_TRY(nl_take((void **)&spans, (size_t)count, sizeof *spans));
  find_lifetimes(spans, model, n, trains);
  size_t work = 0, largest = 0;
  bool shared = false;
  for (int32_t i = 0; i < model->count; i++) {
    const nl_node *node = &model->nodes[i];
    if (node->work_size > work) work = node->work_size;
    if ((size_t)node->size > largest) largest = (size_t)node->size;
    shared = shared || node->from2 >= 0;
  }
  spans[0] = (nl_span){work * sizeof(float), 0, 2 * model->count, 0};
  spans[count - 1] = (nl_span){trains && shared ? (uint64_t)n * largest * sizeof(float) : 0, 0, 2 * model->count, 0};
  const uint64_t bytes = nl_plan_place(spans, count);
  /* malloc aligns to 16; the kernels ask for no more than that. */
  char *block = bytes <= PTRDIFF_MAX ? malloc(bytes ? (size_t)bytes : 1) : NULL;
  nl_status status =
      block ? NL_OK : nl_fail(NL_MEMORY, "out of memory: a batch of %d needs %g MB", n, (double)bytes / 1048576);
  for (int32_t i = 1; status == NL_OK && i < model->count; i++)
    if (model->nodes[i].type->reserve) status = model->nodes[i].type->reserve(&model->nodes[i], n);
  if (status != NL_OK) {
    free(block);
    free(spans);
    return status;
  }
  free(model->block);
  model->block = block;
  model->room = n;
  model->room_trains = trains;
  for (int32_t i = 1; i < model->count; i++) {
    nl_node *node = &model->nodes[i];
    node->y = (float *)(void *)(block + (size_t)spans[3 * i].offset);
    node->dy = trains ? (float *)(void *)(block + spans[3 * i + 1].offset) : NULL;
    node->saved = (int32_t *)(void *)(block + spans[3 * i + 2].offset);
    node->work = (float *)(void *)(block + spans[0].offset);
  }
  model->spare = (float *)(void *)(block + spans[count - 1].offset);
  free(spans);
  return NL_OK;
}

const float *nl_model_value(const nl_model *model, int32_t node) {
  int32_t root = root_of(model, node);
  return root == 0 ? model->input : model->nodes[root].y;
}

/* How much is computed along with the layers before. */
typedef enum { APART, JOINED, FOLDED } joining;

/* Scales and shifts of what is to be folded; false where a statistic has no finite ones, which is then for its layer to say. */
static bool fold(const nl_model *model) {
  bool finite = true;
  for (int32_t i = 1; i < model->count; i++) {
    const nl_node *node = &model->nodes[i];
    if (!node->fold) continue;
    const nl_node *last = &model->nodes[node->folded];
    const nl_norm *norm = last->norm ? last->norm : model->nodes[last->from].norm;
    norm->type->norm->fold(norm, node->fold, node->fold + node->features, node->params[NL_BIAS]);
    for (int32_t j = 0; j < 2 * node->features; j++) finite = finite && isfinite(node->fold[j]);
  }
  return finite;
}

static nl_status compute(nl_model *model, nl_node *node, int32_t n, int32_t mode, joining how) {
  const int32_t self = (int32_t)(node - model->nodes);
  const int32_t last = how == FOLDED ? node->folded : how == JOINED ? node->joined : self;
  const float *x = nl_model_value(model, node->from);
  if (last == self)
    return node->type->forward(node, node->y, x, node->from2 >= 0 ? nl_model_value(model, node->from2) : NULL, n, mode);
  const bool folds = how == FOLDED && node->fold;
  const nl_after after = {.scale = folds ? node->fold : NULL,
                          .shift = folds ? node->fold + node->features : node->params[NL_BIAS],
                          .relu = model->nodes[last].type->relu};
  return node->type->forward_then(node, model->nodes[last].y, x, after, n, mode);
}

nl_status nl_model_check_batch(nl_model *model, int32_t n, int32_t mode) {
  model->failed = -1;
  for (int32_t i = 1; i < model->count; i++) {
    const nl_node *node = &model->nodes[i];
    const nl_status status = node->type->check ? node->type->check(node, n, mode) : NL_OK;
    if (status == NL_OK) continue;
    model->failed = i;
    return status;
  }
  return NL_OK;
}

static nl_status run(nl_model *model, const float *x, int32_t n, int32_t mode, joining how) {
  NL_TRY(nl_model_check_batch(model, n, mode));
  model->input = x;
  for (int32_t i = 1; i < model->count; i++) {
    nl_node *node = &model->nodes[i];
    if (node->type->alias || (how == JOINED && node->in_joined) || (how == FOLDED && node->in_folded)) continue;
    NL_TRY(compute(model, node, n, mode, how));
  }
  if (mode == NL_TRAIN) model->passes++;
  return NL_OK;
}

nl_status nl_model_run(nl_model *model, const float *x, int32_t n, int32_t mode) {
  return run(model, x, n, mode, APART);
}

nl_status nl_model_run_joined(nl_model *model, const float *x, int32_t n, int32_t mode, bool folding) {
  return run(model, x, n, mode, folding && mode == NL_EVAL && fold(model) ? FOLDED : JOINED);
}

void nl_model_find_nonfinite(nl_model *model, int32_t n) {
  const nl_node *last = &model->nodes[model->count - 1];
  if (nl_all_finite(nl_model_value(model, model->count - 1), n * last->size)) return;
  for (int32_t i = 1; i < model->count; i++) {
    const nl_node *node = &model->nodes[i];
    if (node->type->alias || node->in_joined) continue;
    /* With the relu that was computed along, if any: only -inf is lost in it. */
    if (nl_all_finite(model->nodes[node->joined].y, n * node->size)) continue;
    model->nonfinite = i;
    return;
  }
}

/* One node's backward, from `output`'s gradient, itself or the relu it computed along, towards its `which`-th input. */
static nl_status pass_gradient(nl_model *model, nl_node *node, const nl_node *output, float *dinput, int which,
                               int32_t n) {
  nl_node *input = &model->nodes[root_of(model, which == 0 ? node->from : node->from2)];
  const bool is_input = input == model->nodes;
  float *target = is_input ? dinput : dinput || input->trains ? input->dy : NULL;
  if (!target && (which > 0 || (node->weight < 0 && node->bias < 0))) return NL_OK;
  const bool add = target && input->has_gradient, learns = which == 0 && !(node->norm && node->norm->frozen);
  const nl_gradient pass = {
      .dx = add ? model->spare : target,
      .dweight = learns && node->weight >= 0 ? model->grads + model->tensors[node->weight].at : NULL,
      .dbias = learns && node->bias >= 0 ? model->grads + model->tensors[node->bias].at : NULL,
      .dy = output->dy,
      .x = nl_model_value(model, which == 0 ? node->from : node->from2),
      .y = output->y,
      .relu = output != node,
      .n = n,
  };
  NL_TRY(node->type->backward(node, &pass));
  if (add) NL_TRY(nl_add(target, target, model->spare, n * input->size));
  if (target) input->has_gradient = true;
  return NL_OK;
}

nl_status nl_model_check_targets(const nl_model *model, const int32_t *labels, int32_t n) {
  const nl_node *last = &model->nodes[model->count - 1];
  NL_CHECK(last->ndim == 1, NL_SHAPE,
           "cross-entropy needs logits of shape [N, K], but the model ends in [N, ...] with %S", last->shape,
           last->ndim);
  for (int32_t i = 0; i < n; i++)
    NL_CHECK(labels[i] >= 0 && labels[i] < last->size, NL_ARGUMENT,
             "labels[%d]: Target %d is out of bounds. Expected 0 to %d", i, labels[i], last->size - 1);
  return NL_OK;
}

nl_status nl_model_learn(nl_model *model, double *loss, int32_t *correct, float *dinput, const int32_t *labels,
                         double smoothing, int32_t n) {
  const nl_node *last = &model->nodes[model->count - 1];
  for (int32_t i = 0; i < model->count; i++) model->nodes[i].has_gradient = false;
  nl_node *output = &model->nodes[last->root];
  float *dlogits = last->root == 0 ? dinput : output->dy;
  int32_t hits;
  NL_TRY(nl_cross_entropy(loss, &hits, dlogits, nl_model_value(model, model->count - 1), labels, smoothing, n,
                          last->size));
  if (correct) *correct = hits;
  output->has_gradient = true;
  for (int32_t i = model->count - 1; i >= 1; i--) {
    nl_node *node = &model->nodes[i];
    const nl_node *from = node->norm ? &model->nodes[node->joined] : node;
    if (model->watch) nl_measure_gradient(model->watch, model, i, n);
    if (node->type->alias || through_norm(model, node) || !from->has_gradient) continue;
    NL_TRY(pass_gradient(model, node, from, dinput, 0, n));
    if (node->from2 >= 0) NL_TRY(pass_gradient(model, node, from, dinput, 1, n));
  }
  return NL_OK;
}

static nl_status check_mode(const char *call, int32_t mode) {
  NL_CHECK(mode == NL_EVAL || mode == NL_TRAIN || mode == NL_PROBE, NL_ARGUMENT, "%s: there is no mode %d", call, mode);
  return NL_OK;
}

nl_status nl_model_forward(nl_model *model, float *logits, const float *x, int32_t n, int32_t mode) {
  NL_TRY(nl_model_enter(model, "nl_model_forward"));
  NL_TRY(check_mode("nl_model_forward", mode));
  NL_TRY(nl_check_samples("nl_model_forward", n));
  /* In eval mode samples do not see each other, so a large batch is as well done in parts that fit the plan. */
  enum { PART = 64 };
  const int32_t most = model->room > PART ? model->room : PART;
  /* Of nearly equal size, since a last part of one sample could be too small for what the whole is not. */
  const int32_t parts = mode == NL_EVAL && !model->couples ? (n - 1) / most + 1 : 1;
  NL_TRY(nl_model_reserve(model, (n - 1) / parts + 1, false));
  const int32_t in = model->nodes[0].size, out = model->nodes[model->count - 1].size;
  for (int32_t i = 0; i < parts; i++) {
    const int32_t from = (int32_t)((int64_t)n * i / parts), to = (int32_t)((int64_t)n * (i + 1) / parts);
    NL_TRY(nl_model_run_joined(model, x + (size_t)from * in, to - from, mode, true));
    memcpy(logits + (size_t)from * out, nl_model_value(model, model->count - 1),
           (size_t)(to - from) * out * sizeof *logits);
  }
  return NL_OK;
}

nl_status nl_model_gradients(nl_model *model, double *loss, float *logits, float *dinput, const float *x,
                             const int32_t *labels, int32_t n, int32_t mode) {
  NL_TRY(nl_model_enter(model, "nl_model_gradients"));
  NL_TRY(check_mode("nl_model_gradients", mode));
  NL_TRY(nl_check_samples("nl_model_gradients", n));
  const int32_t out = model->nodes[model->count - 1].size;
  NL_TRY(nl_model_check_targets(model, labels, n));
  NL_TRY(nl_model_reserve(model, n, true));
  NL_TRY(nl_model_run_joined(model, x, n, mode, false));
  /* Before the backward pass, which reuses the memory of outputs that it has read. */
  if (logits) memcpy(logits, nl_model_value(model, model->count - 1), (size_t)n * out * sizeof *logits);
  double mean_loss;
  NL_TRY(nl_model_learn(model, &mean_loss, NULL, dinput, labels, 0, n));
  if (loss) *loss = mean_loss;
  return NL_OK;
}
