#ifndef NL_DATASET_H
#define NL_DATASET_H

#include "base/status.h"

struct nl_dataset {
  const void *images; /* [count, channels, pixels] */
  const int32_t *labels;
  int32_t count, channels, pixels, classes;
  bool is_float;
  float *lookup; /* [channels, 256]: what a byte becomes */
};

/** x [n, channels, pixels], labels [n] of the samples at indices [n], or of `first` and its followers where it is NULL. */
void nl_dataset_gather(float *x, int32_t *labels, const nl_dataset *dataset, const int32_t *indices, int32_t first,
                       int32_t n);
/**
 * Samples of the batch that begins at `first`, at most batch_size + 1: a last one alone joins the batch before it, since one
 * value has no variance.
 */
int32_t nl_dataset_batch(const nl_dataset *dataset, int32_t first, int32_t batch_size);
/** Whether the model takes these samples and knows these classes. */
nl_status nl_dataset_check(const nl_dataset *dataset, const nl_model *model);

#endif
