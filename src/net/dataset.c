#include "net/dataset.h"

#include "base/rng.h"
#include "net/model.h"

#include <stdlib.h>
#include <string.h>

/* Streams of fit's seed: an epoch's order, and what is done to the samples in their order. */
enum { ORDERS = 1 };
#define AUGMENTATIONS ((uint64_t)1 << 32)

static const nl_setting augment_settings[] = {
    {.name = "crop", .kind = NL_INT, .standard = 0},
    {.name = "flip", .kind = NL_BOOL, .standard = 0},
};
enum { CROP, FLIP };
const nl_settings nl_augment_settings = {"augment", augment_settings, 2};

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
  *dataset = (nl_dataset){.images = images,
                          .labels = labels,
                          .count = count,
                          .channels = channels,
                          .pixels = pixels,
                          .classes = classes,
                          .is_float = is_float != 0};
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
  free(dataset->order);
  free(dataset->fill);
  free(dataset);
}

nl_status nl_dataset_sort(nl_dataset *dataset) {
  if (dataset->order) return NL_OK;
  int32_t *next;
  NL_TRY(nl_take((void **)&next, (uint64_t)dataset->classes, sizeof *next));
  nl_status status = nl_take((void **)&dataset->order, (uint64_t)dataset->count, sizeof *dataset->order);
  if (status == NL_OK) {
    for (int32_t i = 0; i < dataset->count; i++) next[dataset->labels[i]]++;
    for (int32_t c = 0, sum = 0; c < dataset->classes; c++) {
      const int32_t size = next[c];
      next[c] = sum;
      sum += size;
    }
    for (int32_t i = 0; i < dataset->count; i++) dataset->order[next[dataset->labels[i]]++] = i;
  }
  free(next);
  return status;
}

nl_status nl_dataset_set_augment(nl_dataset *dataset, const double *args, int32_t count, int32_t width,
                                 const double *fill) {
  NL_TRY(nl_settings_check(&nl_augment_settings, args, count));
  NL_CHECK(width >= 1 && dataset->pixels % width == 0, NL_SHAPE,
           "augment: rows of %d pixels do not make an image of %d", width, dataset->pixels);
  const int32_t height = dataset->pixels / width, side = width < height ? width : height;
  NL_CHECK(args[CROP] < side, NL_ARGUMENT,
           "augment: crop must be less than the smaller side of images of %d x %d, got %g", height, width, args[CROP]);
  if (!dataset->fill) NL_TRY(nl_take((void **)&dataset->fill, (uint64_t)dataset->channels, sizeof *dataset->fill));
  for (int32_t c = 0; c < dataset->channels; c++) dataset->fill[c] = (float)fill[c];
  dataset->width = width;
  dataset->crop = (int32_t)args[CROP];
  dataset->flip = args[FLIP] != 0;
  return NL_OK;
}

static void copy_sample(float *x, const nl_dataset *dataset, const void *images, int32_t index) {
  const size_t sample = (size_t)dataset->channels * dataset->pixels, at = (size_t)index * sample;
  if (dataset->is_float) {
    memcpy(x, (const float *)images + at, sample * sizeof *x);
    return;
  }
  const uint8_t *image = (const uint8_t *)images + at;
  for (int32_t c = 0; c < dataset->channels; c++)
    for (int32_t p = 0; p < dataset->pixels; p++) *x++ = dataset->lookup[c * 256 + *image++];
}

/* The image moved up and left, then mirrored. */
static void copy_moved(float *x, const nl_dataset *dataset, const void *images, int32_t index, int32_t up, int32_t left,
                       bool mirrored) {
  const int32_t width = dataset->width, height = dataset->pixels / width;
  size_t plane = (size_t)index * dataset->channels * dataset->pixels;
  for (int32_t c = 0; c < dataset->channels; c++, plane += dataset->pixels)
    for (int32_t y = up; y < height + up; y++)
      for (int32_t i = 0; i < width; i++) {
        const int32_t column = (mirrored ? width - 1 - i : i) + left;
        const bool inside = y >= 0 && y < height && column >= 0 && column < width;
        const size_t at = plane + (size_t)(inside ? y * width + column : 0);
        *x++ = !inside             ? dataset->fill[c]
               : dataset->is_float ? ((const float *)images)[at]
                                   : dataset->lookup[c * 256 + ((const uint8_t *)images)[at]];
      }
}

void nl_dataset_gather(float *x, int32_t *labels, const nl_dataset *dataset, int32_t first, int32_t n) {
  for (int32_t i = 0; i < n; i++, x += dataset->channels * dataset->pixels) {
    const int32_t index = dataset->order ? dataset->order[first + i] : first + i;
    labels[i] = dataset->labels[index];
    copy_sample(x, dataset, dataset->images, index);
  }
}

/* Fisher and Yates, from a stream of the epoch's own. */
void nl_dataset_draw_order(int32_t *order, const nl_dataset *dataset, bool shuffle, uint64_t seed, int32_t epoch) {
  const int32_t count = dataset->count, *labels = dataset->labels;
  for (int32_t i = 0; i < count; i++) order[i] = dataset->order ? dataset->order[i] : i;
  if (!shuffle) return;
  nl_rng rng = nl_rng_make(seed, ORDERS + (uint64_t)epoch);
  for (int32_t first = 0, end = dataset->order ? 0 : count; first < count; first = end) {
    while (end < count && labels[order[end]] == labels[order[first]]) end++;
    for (int32_t i = end - 1; i > first; i--) {
      const int32_t j = first + (int32_t)nl_rng_below(&rng, (uint32_t)(i - first) + 1), swap = order[i];
      order[i] = order[j];
      order[j] = swap;
    }
  }
}

/* An integer in [0, bound) from one draw, so that a sample's draws have a place in the stream; bound < 2^17. */
static int32_t one_of(nl_rng *rng, int32_t bound) {
  return (int32_t)((uint64_t)nl_rng_next(rng) * (uint64_t)bound >> 32);
}

void nl_dataset_draw(float *x, int32_t *labels, const nl_dataset *dataset, const void *lent, const int32_t *order,
                     uint64_t seed, int32_t epoch, int32_t first, int32_t n) {
  const int32_t crop = dataset->crop;
  nl_rng rng = nl_rng_make(seed, AUGMENTATIONS + (uint64_t)epoch);
  nl_rng_skip(&rng, 3 * (uint64_t)first);
  for (int32_t i = first; i < first + n; i++, x += dataset->channels * dataset->pixels) {
    *labels++ = dataset->labels[order[i]];
    const void *images = lent ? lent : dataset->images;
    const int32_t index = lent ? i - first : order[i];
    if (dataset->width == 0) {
      copy_sample(x, dataset, images, index);
      continue;
    }
    const int32_t up = one_of(&rng, 2 * crop + 1) - crop, left = one_of(&rng, 2 * crop + 1) - crop;
    const bool mirrored = one_of(&rng, 2) != 0;
    copy_moved(x, dataset, images, index, up, left, mirrored && dataset->flip);
  }
}

int32_t nl_dataset_batch(const nl_dataset *dataset, int32_t first, int32_t batch_size) {
  const int32_t left = dataset->count - first, n = left < batch_size ? left : batch_size;
  return batch_size > 1 && left - n == 1 ? n + 1 : n;
}

int32_t nl_dataset_largest_batch(const nl_dataset *dataset, int32_t batch_size) {
  const int32_t count = dataset->count;
  if (batch_size >= count) return count;
  return batch_size > 1 && count % batch_size == 1 ? batch_size + 1 : batch_size;
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

nl_status nl_dataset_check_whole(const nl_dataset *dataset, const nl_model *model) {
  NL_CHECK(dataset->images, NL_ARGUMENT, "dataset: it has no images");
  return nl_dataset_check(dataset, model);
}

nl_status nl_evaluate(nl_model *model, double *figures, const nl_dataset *dataset, int32_t batch_size, int32_t mode) {
  NL_TRY(nl_model_enter(model, "nl_evaluate"));
  NL_TRY(nl_dataset_check_whole(dataset, model));
  NL_CHECK(batch_size >= 1, NL_ARGUMENT, "batchSize must be an integer >= 1, got %d", batch_size);
  NL_CHECK(mode == NL_EVAL || mode == NL_PROBE, NL_ARGUMENT, "mode must be 'eval' or 'train'");
  const int32_t count = dataset->count, in = model->nodes[0].size, out = model->nodes[model->count - 1].size;
  const int32_t most = nl_dataset_largest_batch(dataset, batch_size);
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
    nl_dataset_gather(x, labels, dataset, i, n);
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
