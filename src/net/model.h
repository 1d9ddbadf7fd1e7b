/* Inside a model: nodes, their tensors, and one plan for all memory that a pass needs. */
#ifndef NL_MODEL_H
#define NL_MODEL_H

#include "base/rng.h"
#include "net/measure.h"
#include "net/norm.h"

struct nl_node {
  const nl_layer_type *type; /* NULL for node 0, the input */
  const nl_model *model;     /* whose it is */
  int32_t from, from2;       /* nodes read; -1 for none */
  int32_t root;              /* the node whose memory holds this one's output: itself unless the type is an alias */
  int32_t ndim, shape[NL_MAX_DIMS];
  int32_t size;         /* values per sample */
  int32_t weight, bias; /* tensors, -1 for none */
  bool trains;          /* has parameters or reads a node that does */
  /* The node whose output this one computes along, with those between, where nothing else reads these: the relu after it,
     and of a layer of products in eval mode a BatchNorm with running statistics and the relu after that. Itself without. */
  int32_t joined, folded;
  bool in_joined, in_folded; /* such a node itself, or one between */

  /* What setup learns from the settings; which of these a type uses is its own affair. */
  nl_window window;
  int32_t inputs, features; /* values per sample that come in, channels or features that go out */
  nl_norm *norm;
  nl_dropout_mask mask; /* of the last pass */
  double p;             /* with which dropout draws it */
  bool standardizes;
  double *moments; /* conv2d's weightStandardization: mean and invstd [2, features], and the weights that it makes */
  float *standard;
  float *fold;      /* [2, features]: scale and shift of the BatchNorm that is folded into this node */
  float *params[2]; /* weight and bias once the model is finished, NULL for none */

  int32_t saved_size; /* values per sample kept from forward to backward beside y */
  size_t work_size;   /* floats of scratch */

  /* Of the current plan and pass. */
  float *y, *dy, *work;
  int32_t *saved;
  bool has_gradient;
};

typedef struct {
  int32_t node, role, size, ndim, shape[NL_MAX_DIMS];
  size_t at; /* in params and grads, or in buffers */
} nl_tensor;

struct nl_model {
  nl_node *nodes;
  int32_t count, capacity;
  nl_tensor *tensors;
  int32_t tensor_count, tensor_capacity;
  uint64_t seed;
  bool finished;
  uint64_t passes;   /* training forwards, of which each drops other elements */
  int32_t thaws;     /* how often some layer was frozen or thawed */
  bool couples;      /* some layer does: a batch is then never passed in parts */
  int32_t nonfinite; /* node, see nl_model_nonfinite_node */
  int32_t failed;    /* node at which the last pass failed, -1 for none */

  /* One flat block each, so that an optimizer step is one loop; tensors start at multiples of 4 values. */
  float *params, *grads, *buffers;
  size_t param_size, buffer_size;

  /* The plan: room for batches of `room`, with everything that backward needs if `room_trains`. */
  int32_t room;
  bool room_trains;
  char *block;
  nl_measurement *watch; /* who wants to see each gradient of a backward pass; NULL: nobody */
  float *spare;          /* [room, largest output], where a node has a second reader whose gradient is added */
  const float *input;
};

/** Declares a tensor of a node under construction; its index. -1 when memory was refused. */
int32_t nl_model_declare(nl_model *model, nl_role role, const int32_t *shape, int32_t ndim);
/** Memory for passes of n samples; keeps what is there when it is enough. */
nl_status nl_model_reserve(nl_model *model, int32_t n, bool trains);
/** One pass over x [n, input]; outputs stay in the nodes until the next. */
nl_status nl_model_run(nl_model *model, const float *x, int32_t n, int32_t mode);
/**
 * The same, with relus computed by the layers before them, and with `fold`, in eval mode, BatchNorms by layers of products.
 * Outputs within are not there afterwards; the backward pass needs those that folding leaves out.
 */
nl_status nl_model_run_joined(nl_model *model, const float *x, int32_t n, int32_t mode, bool fold);
/** Whether a batch of n can pass in `mode`; the node at which it cannot is model->failed. */
nl_status nl_model_check_batch(nl_model *model, int32_t n, int32_t mode);
/** Sets model->nonfinite from the outputs of the last pass, where its logits are not finite. */
void nl_model_find_nonfinite(nl_model *model, int32_t n);
/** Whether the model ends in logits and these labels are among them: to be asked before a pass changes anything. */
nl_status nl_model_check_targets(const nl_model *model, const int32_t *labels, int32_t n);
/** Backward over the last pass that was not folded, from mean cross-entropy. dinput, correct may be NULL. */
nl_status nl_model_learn(nl_model *model, double *loss, int32_t *correct, float *dinput, const int32_t *labels,
                         double smoothing, int32_t n);
/** Starts a public call: NL_STATE unless the model is finished; forgets where the last failure was. */
nl_status nl_model_enter(nl_model *model, const char *call);
/** The output of a node in the last pass. */
const float *nl_model_value(const nl_model *model, int32_t node);

/** NL_SHAPE for a batch of none, in the name of the call. */
nl_status nl_check_samples(const char *call, int32_t n);

#endif
