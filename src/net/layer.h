/*
 * A layer type: its settings, and what it does as a node of a model. The table of all types is layers.c; each type lives in
 * a file of layers/, where a kernel meets the model. To add one: a kernel, such a file, a line in layers.c.
 */
#ifndef NL_LAYER_H
#define NL_LAYER_H

#include "base/memory.h"
#include "kernels/kernels.h"
#include "net/settings.h"

typedef struct nl_node nl_node;
typedef struct nl_norm_type nl_norm_type;

/* What a node's backward pass reads and writes; shapes are the node's. */
typedef struct {
  float *dx;              /* gradient of the input at hand, overwritten; NULL where nobody wants it */
  float *dweight, *dbias; /* NULL where the layer has none, or on the second input */
  const float *dy, *x, *y;
  bool relu; /* dy and y are those of the relu after the node, which computed it along */
  int32_t n;
} nl_gradient;

typedef struct nl_layer_type {
  const char *name;
  int32_t inputs; /* 1, or 2 for the sum at a residual's end */
  const nl_setting *settings;
  int32_t setting_count;
  const nl_norm_type *norm; /* normalization layers: how to be one (norm.h) */
  int32_t variant;          /* for types that share functions: which one this is */
  bool relu;                /* what others can do along (forward_then) */
  bool alias;               /* the output is the input in another shape: no memory, no work */

  /* From node->shape (the input's, without N) and args: sets shape, tensors, saved, work. */
  nl_status (*setup)(nl_model *model, nl_node *node, const double *args);
  /* Whether a batch of n can pass in `mode`; called on all nodes before any of them computes. NULL: always. */
  nl_status (*check)(const nl_node *node, int32_t n, int32_t mode);
  /* Takes memory that depends on n beyond node->saved; NULL: nothing. */
  nl_status (*reserve)(nl_node *node, int32_t n);
  nl_status (*forward)(nl_node *node, float *y, const float *x, const float *x2, int32_t n, int32_t mode);
  /* forward with the relu after it, in layers of products also with scale and shift of channels in place of the bias. Of
     normalizations backward can go through that relu. NULL: cannot. */
  nl_status (*forward_then)(nl_node *node, float *y, const float *x, nl_after after, int32_t n, int32_t mode);
  nl_status (*backward)(nl_node *node, const nl_gradient *pass);
} nl_layer_type;

extern const nl_layer_type *const nl_layer_types[];
extern const int32_t nl_layer_type_count;

/** Checks args against the type's settings: count, kinds, ranges. */
nl_status nl_check_args(const nl_layer_type *type, const double *args, int32_t count);

#endif
