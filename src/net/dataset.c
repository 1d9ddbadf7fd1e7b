#include "net/dataset.h"

#include "net/model.h"

#include <stdlib.h>
#include <string.h>

nl_status nl_dataset_create(nl_dataset **out, const void *images, int32_t is_float, const int32_t *labels,
                            int32_t count, int32_t channels, int32_t pixels, int32_t classes, const double *mean,
                            const double *std) {
  NL_CHECK(count >= 1 && channels >= 1 && pixels >= 1 && classes >= 1, NL_ARGUMENT,
           "dataset: count, channels, pixels and classes must be >= 1, got %d, %d, %d and %d", count, channels, pixels,
           classes);
  for (int32_t i = 0; i < count; i++)
    NL_CHECK(labels[i] >= 0 && labels[i] < classes, NL_ARGUMENT,
             "labels[%d]: Target %d is out of bounds. Expected 0 to %d", i, labels[i], classes - 1);
  for (int32_t c = 0; !is_float && c < channels; c++)
    NL_CHECK(isfinite(mean[c]) && isfinite(std[c]) && std[c] > 0, NL_ARGUMENT,
             "dataset: mean must be finite and std positive, got %g and %g for channel %d", mean[c], std[c], c);
  nl_dataset *dataset;
  NL_TRY(nl_take((void **)&dataset, 1, sizeof *dataset));
  *dataset = (nl_dataset){images, labels, count, channels, pixels, classes, is_float != 0, NULL};
  if (!is_float) {
    nl_status status = nl_take((void **)&dataset->lookup, (size_t)channels * 256, sizeof(float));
    if (status != NL_OK) {
      free(dataset);
      return status;
    }
    for (int32_t c = 0; c < channels; c++)
      for (int32_t v = 0; v < 256; v++) dataset->lookup[c * 256 + v] = (float)((v / 255.0 - mean[c]) / std[c]);
  }
  *out = dataset;
  return NL_OK;
}

void nl_dataset_destroy(nl_dataset *dataset) {
  if (!dataset) return;
  free(dataset->lookup);
  free(dataset);
}

void nl_dataset_gather(float *x, int32_t *labels, const nl_dataset *dataset, const int32_t *indices, int32_t first,
                       int32_t n) {
  const size_t sample = (size_t)dataset->channels * dataset->pixels;
  for (int32_t i = 0; i < n; i++) {
    const size_t index = (size_t)(indices ? indices[i] : first + i);
    labels[i] = dataset->labels[index];
    if (dataset->is_float) {
      memcpy(x, (const float *)dataset->images + index * sample, sample * sizeof *x);
      x += sample;
      continue;
    }
    const uint8_t *image = (const uint8_t *)dataset->images + index * sample;
    for (int32_t c = 0; c < dataset->channels; c++)
      for (int32_t p = 0; p < dataset->pixels; p++) *x++ = dataset->lookup[c * 256 + *image++];
  }
}

int32_t nl_dataset_batch(const nl_dataset *dataset, int32_t first, int32_t batch_size) {
  const int32_t left = dataset->count - first, n = left < batch_size ? left : batch_size;
  return batch_size > 1 && left - n == 1 ? n + 1 : n;
}

nl_status nl_dataset_check(const nl_dataset *dataset, const nl_model *model) {
  const nl_node *input = &model->nodes[0], *output = &model->nodes[model->count - 1];
  NL_CHECK((int64_t)dataset->channels * dataset->pixels == input->size, NL_SHAPE,
           "dataset: samples of %d channels and %d pixels do not fit a model whose input is %S", dataset->channels,
           dataset->pixels, input->shape, input->ndim);
  NL_CHECK(output->ndim == 1 && dataset->classes <= output->size, NL_SHAPE,
           "dataset: %d classes do not fit a model whose output is %S", dataset->classes, output->shape, output->ndim);
  return NL_OK;
}

nl_status nl_evaluate(nl_model *model, double *figures, const nl_dataset *dataset, int32_t batch_size, int32_t mode) {
  NL_TRY(nl_model_enter(model, "nl_evaluate"));
  NL_TRY(nl_dataset_check(dataset, model));
  NL_CHECK(batch_size >= 1, NL_ARGUMENT, "batchSize must be an integer >= 1, got %d", batch_size);
  NL_CHECK(mode == NL_EVAL || mode == NL_PROBE, NL_ARGUMENT, "mode must be 'eval' or 'train'");
  const int32_t count = dataset->count, in = model->nodes[0].size, out = model->nodes[model->count - 1].size;
  const int32_t most = (batch_size < count ? batch_size : count - 1) + 1;
  NL_TRY(nl_model_reserve(model, most, false));
  float *x;
  int32_t *labels;
  NL_TRY(nl_take((void **)&x, (uint64_t)most * (uint64_t)in, sizeof *x));
  nl_status status = nl_take((void **)&labels, (size_t)most, sizeof *labels);
  /* Each batch drops other elements, and the next training pass those that it would have. */
  const uint64_t passes = model->passes;
  double total = 0;
  int32_t hits = 0;
  for (int32_t i = 0, n; status == NL_OK && i < count; i += n) {
    n = nl_dataset_batch(dataset, i, batch_size);
    nl_dataset_gather(x, labels, dataset, NULL, i, n);
    status = nl_model_run_joined(model, x, n, mode, true);
    if (status != NL_OK) break;
    model->passes++;
    double loss;
    int32_t correct;
    status = nl_cross_entropy(&loss, &correct, NULL, nl_model_value(model, model->count - 1), labels, 0, n, out);
    total += loss * n;
    hits += correct;
  }
  model->passes = passes;
  free(x);
  free(labels);
  if (status != NL_OK) return status;
  figures[0] = total / count;
  figures[1] = (double)hits / count;
  return NL_OK;
}
