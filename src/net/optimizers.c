#include "net/optimizer.h"

#define COUNT_OF(list) (int32_t)(sizeof(list) / sizeof *(list))
#define INVALID_LR "Invalid learning rate: %g (lr must be finite and >= 0)"
#define INVALID_DECAY "Invalid weight_decay value: %g (weightDecay must be finite and >= 0)"

/* ---- torch.optim.SGD ---- */

enum { MOMENTUM = 2, DAMPENING, NESTEROV };
static const nl_setting sgd_settings[] = {
    {.name = "lr", .kind = NL_NUMBER, .standard = 1e-3, .invalid = INVALID_LR},
    {.name = "weightDecay", .kind = NL_NUMBER, .standard = 0, .invalid = INVALID_DECAY},
    {.name = "momentum",
     .kind = NL_NUMBER,
     .standard = 0,
     .invalid = "Invalid momentum value: %g (momentum must be finite and >= 0)"},
    {.name = "dampening",
     .kind = NL_NUMBER,
     .standard = 0,
     .least = -INFINITY,
     .invalid = "Invalid dampening value: %g (dampening must be finite)"},
    {.name = "nesterov", .kind = NL_BOOL, .standard = 0},
};

static nl_status sgd_check(const double *args) {
  NL_CHECK(args[NESTEROV] == 0 || (args[MOMENTUM] > 0 && args[DAMPENING] == 0), NL_ARGUMENT,
           "Nesterov momentum requires a momentum and zero dampening (got momentum %g, dampening %g)", args[MOMENTUM],
           args[DAMPENING]);
  return NL_OK;
}

static int32_t sgd_kept(const double *args) { return args[MOMENTUM] != 0; }

static nl_status sgd_step(float *param, float *state, const float *grad, const double *args, nl_step at, int32_t size) {
  const nl_sgd sgd = {at.lr, args[MOMENTUM], args[DAMPENING], at.weight_decay, args[NESTEROV] != 0};
  return nl_sgd_step(param, state, grad, &sgd, at.step == 1, size);
}

static const nl_optimizer_type sgd = {
    {"sgd", sgd_settings, COUNT_OF(sgd_settings)}, sgd_check, sgd_kept, "momentum_buffer", sgd_step};

/* ---- torch.optim.Adam and AdamW ---- */

enum { BETAS = 2, EPS = 4, AMSGRAD };
#define ADAM_SETTINGS(decay)                                                                   \
  {.name = "lr", .kind = NL_NUMBER, .standard = 1e-3, .invalid = INVALID_LR},                  \
      {.name = "weightDecay", .kind = NL_NUMBER, .standard = decay, .invalid = INVALID_DECAY}, \
      {.name = "betas",                                                                        \
       .kind = NL_TWO,                                                                         \
       .standard = 0.9,                                                                        \
       .second = 0.999,                                                                        \
       .below = 1,                                                                             \
       .invalid = "Invalid beta parameter at index %d: %g (betas must be >= 0 and < 1)"},      \
      {.name = "eps",                                                                          \
       .kind = NL_NUMBER,                                                                      \
       .standard = 1e-8,                                                                       \
       .invalid = "Invalid epsilon value: %g (eps must be finite and >= 0)"},                  \
  {                                                                                            \
    .name = "amsgrad", .kind = NL_BOOL, .standard = 0                                          \
  }
static const nl_setting adam_settings[] = {ADAM_SETTINGS(0)}, adamw_settings[] = {ADAM_SETTINGS(1e-2)};

static int32_t adam_kept(const double *args) { return args[AMSGRAD] != 0 ? 3 : 2; }

static nl_status step_adam(float *param, float *state, const float *grad, const double *args, nl_step at,
                           bool decoupled, int32_t size) {
  const nl_adam adam = {.lr = at.lr,
                        .betas = {args[BETAS], args[BETAS + 1]},
                        .eps = args[EPS],
                        .weight_decay = at.weight_decay,
                        .decoupled = decoupled,
                        .step = at.step};
  float *largest = args[AMSGRAD] != 0 ? state + 2 * at.stride : NULL;
  return nl_adam_step(param, state, state + at.stride, largest, grad, &adam, size);
}

static nl_status adam_step(float *param, float *state, const float *grad, const double *args, nl_step at,
                           int32_t size) {
  return step_adam(param, state, grad, args, at, false, size);
}

static nl_status adamw_step(float *param, float *state, const float *grad, const double *args, nl_step at,
                            int32_t size) {
  return step_adam(param, state, grad, args, at, true, size);
}

#define ADAM_KEEPS "exp_avg,exp_avg_sq,max_exp_avg_sq"
static const nl_optimizer_type adam = {
    {"adam", adam_settings, COUNT_OF(adam_settings)}, NULL, adam_kept, ADAM_KEEPS, adam_step};
static const nl_optimizer_type adamw = {
    {"adamW", adamw_settings, COUNT_OF(adamw_settings)}, NULL, adam_kept, ADAM_KEEPS, adamw_step};

/* The one table of optimizers, whose places are their numbers. */
const nl_optimizer_type *const nl_optimizer_types[] = {&sgd, &adam, &adamw};
const int32_t nl_optimizer_type_count = COUNT_OF(nl_optimizer_types);

static const nl_setting trainer_settings[NL_TRAINER_SETTINGS] = {
    [NL_CLIP_GRAD_NORM] = {.name = "clipGradNorm", .kind = NL_NUMBER, .standard = NAN, .nullable = true},
    [NL_LABEL_SMOOTHING] = {.name = "labelSmoothing",
                            .kind = NL_NUMBER,
                            .standard = 0,
                            .below = 1,
                            .invalid = "label_smoothing must be at least 0.0 and less than 1.0. Got: %g"},
    [NL_DECAY_NORMS] = {.name = "decayNorms", .kind = NL_BOOL, .standard = 1},
    [NL_DECAY_BIASES] = {.name = "decayBiases", .kind = NL_BOOL, .standard = 1},
    [NL_REPLICAS] = {.name = "replicas", .kind = NL_INT, .standard = 1, .least = 1},
    [NL_SYNC_BATCH_NORM] = {.name = "syncBatchNorm", .kind = NL_BOOL, .standard = 0},
    [NL_ACCUMULATE] = {.name = "accumulate", .kind = NL_INT, .standard = 1, .least = 1},
    [NL_GHOST_BATCH] = {.name = "ghostBatch", .kind = NL_INT, .standard = NAN, .nullable = true, .least = 1},
};
const nl_settings nl_trainer_settings = {"trainer", trainer_settings, NL_TRAINER_SETTINGS};
