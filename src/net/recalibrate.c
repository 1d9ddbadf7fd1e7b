/* Running statistics of weights that stand still. */
#include "net/dataset.h"
#include "net/model.h"

#include <stdlib.h>

/* As torch.optim.swa_utils.update_bn: of the BatchNorms alone, whatever else keeps statistics; none that is frozen. */
static nl_norm *tracking(const nl_model *model, int32_t node) {
  nl_norm *norm = model->nodes[node].norm;
  return nl_norm_keeps_batches(norm) && !norm->frozen ? norm : NULL;
}

/* How a norm uses its running statistics. */
typedef struct {
  double momentum, r_max, d_max;
} usage;

static usage exchange(nl_norm *norm, usage given) {
  const usage before = {norm->momentum, norm->renorm.r_max, norm->renorm.d_max};
  norm->momentum = given.momentum;
  norm->renorm.r_max = given.r_max;
  norm->renorm.d_max = given.d_max;
  return before;
}

static nl_status pass_batches(nl_model *model, float *x, int32_t *labels, const nl_dataset *dataset, int32_t batch_size,
                              int32_t batches) {
  for (int32_t first = 0, n; first < dataset->count && batches > 0; first += n, batches--) {
    n = nl_dataset_batch(dataset, first, batch_size);
    nl_dataset_gather(x, labels, dataset, first, n);
    NL_TRY(nl_model_run_joined(model, x, n, NL_TRAIN, false));
  }
  return NL_OK;
}

nl_status nl_recalibrate(nl_model *model, const nl_dataset *dataset, int32_t batch_size, int32_t batches) {
  NL_TRY(nl_model_enter(model, "nl_recalibrate"));
  NL_TRY(nl_dataset_check_whole(dataset, model));
  NL_CHECK(batch_size >= 1, NL_ARGUMENT, "batchSize must be an integer >= 1, got %d", batch_size);
  NL_CHECK(batches >= 0, NL_ARGUMENT, "batches must be an integer >= 0, got %d", batches);
  const int32_t count = dataset->count, most = nl_dataset_largest_batch(dataset, batch_size);
  int32_t wanted = 0;
  /* Nothing may change if a batch cannot pass. */
  for (int32_t first = 0, n; first < count && (batches == 0 || wanted < batches); first += n, wanted++) {
    n = nl_dataset_batch(dataset, first, batch_size);
    NL_TRY(nl_model_check_batch(model, n, NL_TRAIN));
  }
  NL_TRY(nl_model_reserve(model, most, false));
  float *x = NULL;
  int32_t *labels = NULL;
  usage *before = NULL;
  nl_status status = nl_take((void **)&x, (uint64_t)most * (uint64_t)model->nodes[0].size, sizeof *x);
  if (status == NL_OK) status = nl_take((void **)&labels, (uint64_t)most, sizeof *labels);
  if (status == NL_OK) status = nl_take((void **)&before, (uint64_t)model->count, sizeof *before);
  if (status == NL_OK) {
    for (int32_t i = 1; i < model->count; i++) {
      nl_norm *norm = tracking(model, i);
      if (!norm) continue;
      /* As a cumulative average; no batch is renormalized by what is being measured. */
      before[i] = exchange(norm, (usage){NAN, 1, 0});
      nl_norm_reset_running_stats(norm);
    }
    status = pass_batches(model, x, labels, dataset, batch_size, wanted);
    for (int32_t i = 1; i < model->count; i++)
      if (tracking(model, i)) exchange(tracking(model, i), before[i]);
  }
  free(x);
  free(labels);
  free(before);
  return status;
}
