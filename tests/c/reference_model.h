/* A model in float64: the references of reference.h, composed as the layers say. */
#ifndef TEST_REFERENCE_MODEL_H
#define TEST_REFERENCE_MODEL_H

#include "support.h"

enum { REF_MOST_NODES = 48 };

typedef struct {
  const layer_spec *layers;
  int32_t count; /* layers; node 0 is the input */
  int32_t ndim[REF_MOST_NODES], shape[REF_MOST_NODES][NL_MAX_DIMS], size[REF_MOST_NODES];
  double *tensor[REF_MOST_NODES][NL_ROLES];
  int32_t tensor_size[REF_MOST_NODES][NL_ROLES];
  double batches[REF_MOST_NODES];
  nl_model *model; /* asked for what its dropouts drop, by number of the pass, which is counted here */
  double passes;
  double *value[REF_MOST_NODES]; /* of the last pass */
  double *shift[REF_MOST_NODES]; /* added to a node's output where it is not NULL: to see what the output does */
} ref_model;

/** The model's shapes and the present values of its tensors. */
void ref_model_copy(ref_model *r, const int32_t *shape, int32_t ndim, nl_model *model, const layer_spec *layers,
                    int32_t count);
/** A pass over x [n, input], leaving each node's output in value; NL_TRAIN moves the running statistics. */
void ref_model_run(ref_model *r, const double *x, int32_t n, int32_t mode);
/** Mean cross-entropy of a pass. */
double ref_model_loss(ref_model *r, const double *x, const int32_t *labels, int32_t n, int32_t mode);
/** The gradient of that loss with respect to `values`, x or one of the tensors, by finite differences. */
double *ref_model_gradient(ref_model *r, double *values, int32_t size, const double *x, const int32_t *labels,
                           int32_t n, int32_t mode);

#endif
