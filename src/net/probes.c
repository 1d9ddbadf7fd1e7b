/* What can be read off a model: how far train mode and eval mode are apart. */
#include "kernels/figures.h"
#include "net/model.h"

#include <stdlib.h>
#include <string.h>

enum { TRAIN = 0, EVAL = NL_MOMENTS, MAX_ABS = 2 * NL_MOMENTS, MEAN_ABS, RMS, COSINE, EDGES, COUNTS = EDGES + 2 };

int32_t nl_model_compare_row(int32_t bins) { return COUNTS + 2 * bins; }

static void compare(double *row, const float *train, const float *eval, size_t size, int32_t bins) {
  const nl_values in_train = {train, NULL, (int32_t)size}, in_eval = {eval, NULL, (int32_t)size};
  nl_describe(row + TRAIN, in_train);
  nl_describe(row + EVAL, in_eval);
  double most = 0, sum = 0, squares = 0, dot = 0, norm_train = 0, norm_eval = 0;
  for (size_t i = 0; i < size; i++) {
    double a = train[i], b = eval[i], d = fabs(a - b);
    if (d > most || isnan(d)) most = d;
    sum += d;
    squares += d * d;
    dot += a * b;
    norm_train += a * a;
    norm_eval += b * b;
  }
  row[MAX_ABS] = most;
  row[MEAN_ABS] = sum / (double)size;
  row[RMS] = sqrt(squares / (double)size);
  /* Two zero vectors point the same way; a zero and another do not. */
  const double norms = sqrt(norm_train) * sqrt(norm_eval);
  row[COSINE] = norms != 0 ? dot / norms : norm_train == norm_eval ? 1 : 0;
  nl_histogram_edges(row + EDGES, fmin(row[TRAIN + NL_MIN], row[EVAL + NL_MIN]),
                     fmax(row[TRAIN + NL_MAX], row[EVAL + NL_MAX]));
  nl_histogram(row + COUNTS, in_train, row + EDGES, bins);
  nl_histogram(row + COUNTS + bins, in_eval, row + EDGES, bins);
}

static nl_status logits_of(nl_model *model, float *logits, const float *x, int32_t n, int32_t mode) {
  /* As nl_model_forward gives them, to the bit. */
  NL_TRY(nl_model_run_joined(model, x, n, mode, true));
  const size_t values = (size_t)n * model->nodes[model->count - 1].size;
  memcpy(logits, nl_model_value(model, model->count - 1), values * sizeof *logits);
  return NL_OK;
}

nl_status nl_model_compare(nl_model *model, double *figures, float *logits_train, float *logits_eval, const float *x,
                           int32_t n, int32_t bins) {
  NL_TRY(nl_model_enter(model, "nl_model_compare"));
  NL_TRY(nl_check_samples("nl_model_compare", n));
  NL_TRY(nl_check_bins(bins));
  if (!figures) {
    NL_TRY(nl_model_reserve(model, n, false));
    NL_TRY(logits_of(model, logits_train, x, n, NL_PROBE));
    return logits_of(model, logits_eval, x, n, NL_EVAL);
  }
  /* The plan for training keeps all outputs of a pass at once. */
  NL_TRY(nl_model_reserve(model, n, true));
  NL_TRY(nl_model_run(model, x, n, NL_PROBE));
  uint64_t total = 0;
  for (int32_t i = 1; i < model->count; i++) total += (uint64_t)n * (uint64_t)model->nodes[i].size;
  float *kept;
  NL_TRY(nl_take((void **)&kept, total, sizeof *kept));
  float *at = kept;
  for (int32_t i = 1; i < model->count; at += (size_t)n * model->nodes[i++].size)
    memcpy(at, nl_model_value(model, i), (size_t)n * model->nodes[i].size * sizeof *at);
  const size_t out = (size_t)n * model->nodes[model->count - 1].size;
  memcpy(logits_train, at - out, out * sizeof *at);
  nl_status status = nl_model_run(model, x, n, NL_EVAL);
  at = kept;
  for (int32_t i = 1; status == NL_OK && i < model->count; i++) {
    size_t size = (size_t)n * model->nodes[i].size;
    compare(figures + (size_t)(i - 1) * nl_model_compare_row(bins), at, nl_model_value(model, i), size, bins);
    at += size;
  }
  if (status == NL_OK) status = logits_of(model, logits_eval, x, n, NL_EVAL);
  free(kept);
  return status;
}
