#ifndef NL_DATASET_H
#define NL_DATASET_H

#include "net/settings.h"

struct nl_dataset {
  const void *images; /* [count, channels, pixels]; NULL where training is lent them */
  const int32_t *labels;
  int32_t count, channels, pixels, classes;
  bool is_float;
  float *lookup;  /* [channels, 256]: what a byte becomes */
  int32_t *order; /* [count]: samples class after class; NULL where they are passed as they lie */

  /* What training does to a sample of rows of `width`: none where the width is 0. */
  int32_t width, crop;
  bool flip;
  float *fill; /* [channels]: what stands beyond the edge */
};

/** What training may do to a sample, in the order of nl_abi()'s "augment". */
extern const nl_settings nl_augment_settings;

/** x [n, channels, pixels], labels [n] of the n samples from place `first` on. */
void nl_dataset_gather(float *x, int32_t *labels, const nl_dataset *dataset, int32_t first, int32_t n);
/** The order of an epoch [count]: a function of the data, of seed and epoch. Sorted data are shuffled class by class. */
void nl_dataset_draw_order(int32_t *order, const nl_dataset *dataset, bool shuffle, uint64_t seed, int32_t epoch);
/**
 * The same of an epoch's order, augmented as its seed, the epoch and a sample's place in it have it. lent [n]: images in
 * place of the set's, in that order; NULL for none.
 */
void nl_dataset_draw(float *x, int32_t *labels, const nl_dataset *dataset, const void *lent, const int32_t *order,
                     uint64_t seed, int32_t epoch, int32_t first, int32_t n);
/**
 * Samples of the batch that begins at `first`, at most batch_size + 1: a last one alone joins the batch before it, since one
 * value has no variance.
 */
int32_t nl_dataset_batch(const nl_dataset *dataset, int32_t first, int32_t batch_size);
/** Samples of the largest of these batches. */
int32_t nl_dataset_largest_batch(const nl_dataset *dataset, int32_t batch_size);
/** Whether the model takes these samples and knows these classes. */
nl_status nl_dataset_check(const nl_dataset *dataset, const nl_model *model);
/** The same, and whether it has images. */
nl_status nl_dataset_check_whole(const nl_dataset *dataset, const nl_model *model);

#endif
