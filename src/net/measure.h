/* What a training step shows of itself: figures of each node's output, gradient, parameters and statistics. */
#ifndef NL_MEASURE_H
#define NL_MEASURE_H

#include "base/status.h"

/* Rows as nl_trainer_measured has them. */
typedef struct {
  double *figures;
  float *buffers; /* the model's, as they were before the pass */
  int32_t bins, room;
} nl_measurement;

/** Memory for the figures of a model with `bins`, kept for as long as it is enough; changes nothing where it is refused. */
nl_status nl_measure_reserve(nl_measurement *of, const nl_model *model, int32_t bins);
void nl_measure_free(nl_measurement *of);

/** Before a pass in training mode: what it is going to update. */
void nl_measure_begin(nl_measurement *of, const nl_model *model);
/**
 * After nl_model_run_joined over n samples, in a plan for training. What layers computed along is computed again, apart,
 * into memory that nothing else reads: the pass itself is the one that is not measured, to the bit.
 */
nl_status nl_measure_outputs(nl_measurement *of, nl_model *model, int32_t n);
/** When the gradient of a node's output is complete, and its own backward pass has not begun. */
void nl_measure_gradient(nl_measurement *of, const nl_model *model, int32_t node, int32_t n);
/** When model->grads are those of the whole batch. */
void nl_measure_parameters(nl_measurement *of, const nl_model *model);

#endif
