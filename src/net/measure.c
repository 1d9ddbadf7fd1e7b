#include "base/series.h"
#include "kernels/figures.h"
#include "net/model.h"

#include <stdlib.h>
#include <string.h>

enum { LOW = NL_MOMENTS, HIGH, DESCRIBED };
enum {
  OUTPUT = 0,
  GRADIENT = DESCRIBED,
  GRAD_NORM = 2 * DESCRIBED,
  WEIGHT_NORM,
  VALUES,
  MEAN_SHIFT,
  VAR_RATIO,
  COUNTS
};
/* For what a layer has none of: no norm, count or distance is negative, and NaN may be one that was measured. */
enum { NONE = -1 };

int32_t nl_trainer_measured_row(int32_t bins) { return COUNTS + 2 * bins; }

static double *row_of(const nl_measurement *of, int32_t node) {
  return of->figures + (size_t)(node - 1) * (size_t)nl_trainer_measured_row(of->bins);
}

nl_status nl_measure_reserve(nl_measurement *of, const nl_model *model, int32_t bins) {
  NL_TRY(nl_check_bins(bins));
  if (!of->buffers) NL_TRY(nl_take((void **)&of->buffers, model->buffer_size, sizeof *of->buffers));
  if (bins > of->room) {
    double *figures;
    const uint64_t rows = (uint64_t)model->count - 1;
    NL_TRY(nl_take((void **)&figures, rows * (uint64_t)nl_trainer_measured_row(bins), sizeof *figures));
    free(of->figures);
    of->figures = figures;
    of->room = bins;
  }
  of->bins = bins;
  return NL_OK;
}

void nl_measure_free(nl_measurement *of) {
  free(of->figures);
  free(of->buffers);
}

void nl_measure_begin(nl_measurement *of, const nl_model *model) {
  memcpy(of->buffers, model->buffers, model->buffer_size * sizeof *of->buffers);
}

static void describe(double *figures, double *counts, nl_values values, int32_t bins) {
  nl_describe(figures, values);
  nl_histogram_edges(figures + LOW, figures[NL_MIN], figures[NL_MAX]);
  nl_histogram(counts, values, figures + LOW, bins);
}

/* Of batch statistics and running ones of before: by meanShift's and varRatio's definitions. */
static void measure_distance(double *row, const nl_norm *norm) {
  const float *mean = norm->tensor[NL_RUNNING_MEAN], *var = norm->tensor[NL_RUNNING_VAR];
  const int32_t count = norm->extent.stats;
  double squares = 0, logs = 0;
  for (int32_t i = 0; i < count; i++) {
    const int32_t channel = i % norm->features;
    const double shift = norm->mean[i] - (double)mean[channel], variance = var[channel] + norm->eps;
    squares += shift * shift / variance;
    logs += fabs(nl_log(variance * norm->invstd[i] * norm->invstd[i]));
  }
  row[MEAN_SHIFT] = sqrt(squares / count);
  row[VAR_RATIO] = exp(logs / count);
}

static nl_status measure_outputs(nl_measurement *of, nl_model *model, int32_t n) {
  for (int32_t i = 1; i < model->count; i++) {
    nl_node *node = &model->nodes[i];
    const nl_norm *norm = node->norm;
    double *row = row_of(of, i);
    if (node->joined != i)
      NL_TRY(node->type->forward(node, node->y, nl_model_value(model, node->from), NULL, n, NL_PROBE));
    describe(row + OUTPUT, row + COUNTS, (nl_values){nl_model_value(model, i), NULL, n * node->size}, of->bins);
    row[VALUES] = norm ? nl_model_values_per_statistic(model, i, n) : NONE;
    row[MEAN_SHIFT] = row[VAR_RATIO] = NONE;
    if (norm && norm->track && norm->batch_stats) measure_distance(row, norm);
  }
  return NL_OK;
}

static void exchange(float *a, float *b, size_t size) {
  for (size_t i = 0; i < size; i++) {
    const float kept = a[i];
    a[i] = b[i];
    b[i] = kept;
  }
}

nl_status nl_measure_outputs(nl_measurement *of, nl_model *model, int32_t n) {
  /* With the running statistics of before: batchRenorm, computed again, is to come to what its backward pass needs. */
  exchange(of->buffers, model->buffers, model->buffer_size);
  const nl_status status = measure_outputs(of, model, n);
  exchange(of->buffers, model->buffers, model->buffer_size);
  return status;
}

void nl_measure_gradient(nl_measurement *of, const nl_model *model, int32_t i, int32_t n) {
  const nl_node *node = &model->nodes[i];
  double *row = row_of(of, i);
  if (node->root > 0 && node->root != i) return; /* told with its root, whose memory it shares */
  /* A normalization has no gradient of its own where it goes back through a relu: it reads that one's. */
  const nl_node *from = node->norm ? &model->nodes[node->joined] : node;
  double *counts = row + COUNTS + of->bins;
  if (node->root > 0 && from->has_gradient) {
    const nl_values dy = {from->dy, from == node ? NULL : from->y, n * node->size};
    describe(row + GRADIENT, counts, dy, of->bins);
  } else {
    for (int j = 0; j < DESCRIBED; j++) row[GRADIENT + j] = NONE;
    memset(counts, 0, (size_t)of->bins * sizeof *counts);
  }
  for (int32_t j = i + 1; node->root == i && j < model->count; j++) {
    if (model->nodes[j].root != i) continue;
    double *same = row_of(of, j);
    memcpy(same + GRADIENT, row + GRADIENT, DESCRIBED * sizeof *row);
    memcpy(same + COUNTS + of->bins, counts, (size_t)of->bins * sizeof *counts);
  }
}

void nl_measure_parameters(nl_measurement *of, const nl_model *model) {
  for (int32_t i = 1; i < model->count; i++) {
    const nl_node *node = &model->nodes[i];
    const int32_t own[] = {node->weight, node->bias};
    double gradients = 0, weights = 0;
    for (int j = 0; j < 2; j++) {
      if (own[j] < 0) continue;
      const nl_tensor *tensor = &model->tensors[own[j]];
      gradients += nl_sum_of_squares(model->grads + tensor->at, tensor->size);
      weights += nl_sum_of_squares(model->params + tensor->at, tensor->size);
    }
    const bool any = node->weight >= 0 || node->bias >= 0;
    row_of(of, i)[GRAD_NORM] = any ? sqrt(gradients) : NONE;
    row_of(of, i)[WEIGHT_NORM] = any ? sqrt(weights) : NONE;
  }
}
