#include "net/model.h"

#include <stdlib.h>
#include <string.h>

/* Grows *array to hold count + 1 elements. */
static nl_status grow(void **array, int32_t *capacity, int32_t count, size_t size) {
  if (count < *capacity) return NL_OK;
  int32_t wanted = *capacity ? 2 * *capacity : 16;
  void *grown = realloc(*array, (size_t)wanted * size);
  NL_CHECK(grown, NL_MEMORY, "out of memory: a list of %d entries was refused", wanted);
  *array = grown;
  *capacity = wanted;
  return NL_OK;
}

static int64_t product(const int32_t *shape, int32_t ndim) {
  int64_t size = 1;
  for (int32_t i = 0; i < ndim; i++) {
    if (shape[i] < 1 || size > INT32_MAX / shape[i]) return -1;
    size *= shape[i];
  }
  return size;
}

nl_status nl_model_create(nl_model **out, const int32_t *shape, int32_t ndim, double seed) {
  NL_CHECK(ndim >= 1 && ndim < NL_MAX_DIMS, NL_ARGUMENT, "input: must have 1 to %d dimensions without N, got %d",
           NL_MAX_DIMS - 1, ndim);
  NL_CHECK(product(shape, ndim) > 0, NL_ARGUMENT, "input: sizes must be integers >= 1, got %S", shape, ndim);
  NL_CHECK(seed >= 0 && seed < 0x1p53 && seed == floor(seed), NL_ARGUMENT,
           "seed: must be an integer in [0, 2^53), got %g", seed);
  nl_model *model;
  NL_TRY(nl_take((void **)&model, 1, sizeof *model));
  if (grow((void **)&model->nodes, &model->capacity, 0, sizeof *model->nodes) != NL_OK) {
    free(model);
    return NL_MEMORY;
  }
  model->seed = (uint64_t)seed;
  model->failed = model->nonfinite = -1;
  model->count = 1;
  nl_node *input = &model->nodes[0];
  *input = (nl_node){.from = -1, .from2 = -1, .weight = -1, .bias = -1, .ndim = ndim};
  for (int32_t i = 0; i < ndim; i++) input->shape[i] = shape[i];
  input->size = (int32_t)product(shape, ndim);
  *out = model;
  return NL_OK;
}

static void free_node(nl_node *node) {
  nl_norm_destroy(node->norm);
  free(node->moments);
  free(node->standard);
  free(node->fold);
}

void nl_model_destroy(nl_model *model) {
  if (!model) return;
  for (int32_t i = 0; i < model->count; i++) free_node(&model->nodes[i]);
  free(model->nodes);
  free(model->tensors);
  free(model->params);
  free(model->grads);
  free(model->buffers);
  free(model->block);
  free(model);
}

int32_t nl_model_declare(nl_model *model, nl_role role, const int32_t *shape, int32_t ndim) {
  int64_t size = product(shape, ndim);
  size_t *total = role <= NL_BIAS ? &model->param_size : &model->buffer_size;
  if (size < 0 || (int64_t)*total + size > NL_MOST_VALUES) {
    nl_fail(NL_MEMORY, "out of memory: parameters up to this one, of shape %S, are too many", shape, ndim);
    return -1;
  }
  if (grow((void **)&model->tensors, &model->tensor_capacity, model->tensor_count, sizeof *model->tensors) != NL_OK)
    return -1;
  nl_tensor *tensor = &model->tensors[model->tensor_count];
  *tensor = (nl_tensor){.node = model->count, .role = role, .size = (int32_t)size, .ndim = ndim};
  for (int32_t i = 0; i < ndim; i++) tensor->shape[i] = shape[i];
  tensor->at = *total;
  *total += ((size_t)size + 3) & ~(size_t)3;
  return model->tensor_count++;
}

nl_status nl_model_add(nl_model *model, int32_t *number, int32_t type, int32_t from, int32_t from2, const double *args,
                       int32_t count) {
  NL_CHECK(!model->finished, NL_STATE, "nl_model_add: the model is finished");
  NL_CHECK(type >= 0 && type < nl_layer_type_count, NL_ARGUMENT, "nl_model_add: there is no layer type %d", type);
  const nl_layer_type *layer = nl_layer_types[type];
  NL_CHECK(from >= 0 && from < model->count, NL_ARGUMENT, "%s: there is no node %d to read", layer->name, from);
  NL_CHECK(layer->inputs == 2 ? from2 >= 0 && from2 < model->count : from2 == -1, NL_ARGUMENT,
           "%s: takes %d inputs, and there is no node %d to read", layer->name, layer->inputs, from2);
  NL_TRY(nl_check_args(layer, args, count));
  NL_TRY(grow((void **)&model->nodes, &model->capacity, model->count, sizeof *model->nodes));
  nl_node *node = &model->nodes[model->count];
  const nl_node *input = &model->nodes[from];
  *node = (nl_node){.type = layer,
                    .model = model,
                    .from = from,
                    .from2 = from2,
                    .weight = -1,
                    .bias = -1,
                    .ndim = input->ndim,
                    .inputs = input->size,
                    .root = layer->alias ? input->root : model->count,
                    .joined = model->count,
                    .folded = model->count};
  memcpy(node->shape, input->shape, sizeof node->shape);
  const int32_t tensors = model->tensor_count;
  const size_t params = model->param_size, buffers = model->buffer_size;
  nl_status status = layer->setup(model, node, args);
  if (status == NL_OK && product(node->shape, node->ndim) < 0)
    status = nl_fail(NL_SHAPE, "%s: its output %S has no values or too many", layer->name, node->shape, node->ndim);
  if (status != NL_OK) {
    free_node(node);
    model->tensor_count = tensors;
    model->param_size = params;
    model->buffer_size = buffers;
    return status;
  }
  node->size = (int32_t)product(node->shape, node->ndim);
  if (node->norm && node->norm->couples) model->couples = true;
  node->trains = node->weight >= 0 || node->bias >= 0 || input->trains || (from2 >= 0 && model->nodes[from2].trains);
  *number = model->count++;
  return NL_OK;
}

static float *tensor_data(const nl_model *model, const nl_tensor *tensor) {
  return (tensor->role <= NL_BIAS ? model->params : model->buffers) + tensor->at;
}

/* PyTorch's reset_parameters for Linear and Conv2d: with a = sqrt(5), kaiming_uniform_ is U(-b, b) with b = 1 / sqrt(fan_in),
   and the bias is drawn from the same range. */
static void draw(nl_model *model, nl_rng *rng, const nl_node *node) {
  const nl_tensor *weight = &model->tensors[node->weight];
  const float bound = (float)(1 / sqrt((double)weight->size / weight->shape[0]));
  for (int32_t index = node->weight; index >= 0; index = index == node->weight ? node->bias : -1) {
    float *values = tensor_data(model, &model->tensors[index]);
    for (int32_t i = 0; i < model->tensors[index].size; i++) values[i] = (2 * nl_rng_uniform(rng) - 1) * bound;
  }
}

/* What layers compute along. reader [count]: who reads a node, 0 for none, -1 for several. */
static nl_status join(nl_model *model, const int32_t *reader) {
  for (int32_t i = 1; i < model->count; i++) {
    nl_node *node = &model->nodes[i];
    if (!node->type->forward_then || reader[i] < 1) continue;
    nl_node *next = &model->nodes[reader[i]];
    if (next->type->relu) {
      node->joined = node->folded = reader[i];
      next->in_joined = next->in_folded = true;
    }
    if (node->norm || !nl_norm_keeps_batches(next->norm)) continue;
    if (!node->fold) NL_TRY(nl_take((void **)&node->fold, 2 * (uint64_t)node->features, sizeof *node->fold));
    node->folded = reader[i];
    next->in_folded = true;
    const int32_t last = reader[reader[i]];
    if (last < 1 || !model->nodes[last].type->relu) continue;
    node->folded = last;
    model->nodes[last].in_folded = true;
  }
  return NL_OK;
}

static nl_status find_joined(nl_model *model) {
  int32_t *reader;
  NL_TRY(nl_take((void **)&reader, (uint64_t)model->count, sizeof *reader));
  for (int32_t i = 1; i < model->count; i++)
    for (int which = 0; which < model->nodes[i].type->inputs; which++) {
      const int32_t from = which == 0 ? model->nodes[i].from : model->nodes[i].from2;
      reader[from] = reader[from] ? -1 : i;
    }
  const nl_status status = join(model, reader);
  free(reader);
  return status;
}

nl_status nl_model_finish(nl_model *model) {
  NL_CHECK(!model->finished, NL_STATE, "nl_model_finish: the model is finished already");
  NL_CHECK(model->count > 1, NL_ARGUMENT, "layers: a model needs at least one layer");
  if (!model->params) NL_TRY(nl_take((void **)&model->params, model->param_size, sizeof(float)));
  if (!model->grads) NL_TRY(nl_take((void **)&model->grads, model->param_size, sizeof(float)));
  if (!model->buffers) NL_TRY(nl_take((void **)&model->buffers, model->buffer_size, sizeof(float)));
  NL_TRY(find_joined(model));
  nl_rng rng = nl_rng_make(model->seed, 0);
  for (int32_t i = 0; i < model->tensor_count; i++) {
    nl_tensor *tensor = &model->tensors[i];
    nl_node *node = &model->nodes[tensor->node];
    if (node->norm) node->norm->tensor[tensor->role] = tensor_data(model, tensor);
    if (tensor->role <= NL_BIAS) node->params[tensor->role] = tensor_data(model, tensor);
  }
  for (int32_t i = 1; i < model->count; i++) {
    nl_node *node = &model->nodes[i];
    if (node->norm)
      nl_norm_reset(node->norm);
    else if (node->weight >= 0)
      draw(model, &rng, node);
  }
  model->finished = true;
  return NL_OK;
}

int32_t nl_model_node_shape(const nl_model *model, int32_t node, int32_t *shape) {
  if (node < 0 || node >= model->count) return 0;
  memcpy(shape, model->nodes[node].shape, sizeof model->nodes[node].shape);
  return model->nodes[node].ndim;
}

int32_t nl_model_tensor_count(const nl_model *model) { return model->tensor_count; }

nl_status nl_model_tensor_info(const nl_model *model, int32_t index, int32_t *info) {
  NL_CHECK(index >= 0 && index < model->tensor_count, NL_ARGUMENT, "nl_model_tensor_info: there is no tensor %d",
           index);
  const nl_tensor *tensor = &model->tensors[index];
  info[0] = tensor->node;
  info[1] = tensor->role;
  info[2] = tensor->size;
  info[3] = tensor->ndim;
  memcpy(info + 4, tensor->shape, sizeof tensor->shape);
  return NL_OK;
}

float *nl_model_tensor_data(nl_model *model, int32_t index) {
  if (!model->finished || index < 0 || index >= model->tensor_count) return NULL;
  return tensor_data(model, &model->tensors[index]);
}

const float *nl_model_tensor_grad(const nl_model *model, int32_t index) {
  if (!model->finished || index < 0 || index >= model->tensor_count) return NULL;
  const nl_tensor *tensor = &model->tensors[index];
  return tensor->role <= NL_BIAS ? model->grads + tensor->at : NULL;
}

static nl_norm *norm_at(const nl_model *model, int32_t node) {
  return node > 0 && node < model->count ? model->nodes[node].norm : NULL;
}

double nl_model_batches_tracked(const nl_model *model, int32_t node) {
  const nl_norm *norm = norm_at(model, node);
  return norm ? norm->batches_tracked : -1;
}

void nl_model_set_batches_tracked(nl_model *model, int32_t node, double batches) {
  nl_norm *norm = norm_at(model, node);
  if (norm) nl_norm_set_batches_tracked(norm, batches);
}

double nl_model_values_per_statistic(const nl_model *model, int32_t node, int32_t n) {
  const nl_norm *norm = norm_at(model, node);
  if (!norm) return 0;
  const nl_node *at = &model->nodes[node];
  return norm->type->norm->values(norm, n, (double)at->size / at->shape[0]);
}

double nl_model_passes(const nl_model *model) { return (double)model->passes; }

nl_status nl_model_set_passes(nl_model *model, double passes) {
  NL_CHECK(passes >= 0 && passes < 0x1p53 && passes == floor(passes), NL_ARGUMENT,
           "passes: must be an integer in [0, 2^53), got %g", passes);
  model->passes = (uint64_t)passes;
  return NL_OK;
}

nl_status nl_model_set_frozen(nl_model *model, int32_t node, int32_t frozen) {
  nl_norm *norm = norm_at(model, node);
  NL_CHECK(nl_norm_keeps_batches(norm), NL_ARGUMENT,
           "only a batchNorm with running statistics can be frozen, and node %d is none", node);
  for (int32_t i = 0; i < model->tensor_count; i++) {
    const nl_tensor *tensor = &model->tensors[i];
    if (tensor->node == node && tensor->role <= NL_BIAS && model->grads)
      memset(model->grads + tensor->at, 0, (size_t)tensor->size * sizeof *model->grads);
  }
  norm->frozen = frozen != 0;
  model->thaws++;
  return NL_OK;
}

nl_status nl_model_enter(nl_model *model, const char *call) {
  NL_CHECK(model->finished, NL_STATE, "%s: the model is not finished", call);
  model->failed = -1;
  return NL_OK;
}

int32_t nl_model_nonfinite_node(const nl_model *model) { return model->nonfinite; }

int32_t nl_model_failed_node(const nl_model *model) { return model->failed; }
