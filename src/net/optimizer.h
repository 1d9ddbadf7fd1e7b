/* An optimizer type: its settings, and a step over part of the flat parameter block. The table of all is optimizers.c. */
#ifndef NL_OPTIMIZER_H
#define NL_OPTIMIZER_H

#include "kernels/kernels.h"
#include "net/settings.h"

/* Every optimizer's settings begin with these two. */
enum { NL_LR = 0, NL_WEIGHT_DECAY = 1, NL_MOST_OPTIMIZER_ARGS = 8 };

/* What a step of any optimizer is told beside its settings. */
typedef struct {
  double lr, weight_decay; /* in place of the settings' */
  double step;             /* from 1 */
  size_t stride;           /* floats from one block of the state to the next */
} nl_step;

typedef struct {
  nl_settings settings;
  /* What no setting alone tells; NULL: nothing. */
  nl_status (*check)(const double *args);
  /* float32 values that it keeps for each parameter, and what torch.optim calls them: "exp_avg,exp_avg_sq". */
  int32_t (*kept)(const double *args);
  const char *keeps;
  /* param, state, grad [size]. */
  nl_status (*step)(float *param, float *state, const float *grad, const double *args, nl_step at, int32_t size);
} nl_optimizer_type;

extern const nl_optimizer_type *const nl_optimizer_types[];
extern const int32_t nl_optimizer_type_count;

/* Of nl_trainer_progress, in its order. */
extern const char nl_trainer_progress_names[];

/* What a trainer takes beside its optimizer and schedule. */
extern const nl_settings nl_trainer_settings;
enum {
  NL_CLIP_GRAD_NORM,
  NL_LABEL_SMOOTHING,
  NL_DECAY_NORMS,
  NL_DECAY_BIASES,
  NL_REPLICAS,
  NL_SYNC_BATCH_NORM,
  NL_ACCUMULATE,
  NL_GHOST_BATCH,
  NL_TRAINER_SETTINGS
};

#endif
