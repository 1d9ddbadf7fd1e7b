/*
 * With warm-up of w steps the rate is lr (t + 1) / w at step t < w (https://arxiv.org/abs/1706.02677), and then, with
 * t and T counted from there:
 *   constant  lr
 *   step      lr gamma^floor(t / stepSize)                          torch.optim.lr_scheduler.StepLR
 *   cosine    etaMin + (lr - etaMin) (1 + cos(pi t / T)) / 2        CosineAnnealingLR
 *   linear    lr (1 + (endFactor - 1) t / T)                        LinearLR
 * each as PyTorch has it where its scheduler steps after every batch.
 */
#include "net/schedule.h"

#include "base/series.h"
#include "kernels/kernels.h"

#define COUNT_OF(list) (int32_t)(sizeof(list) / sizeof *(list))

static const double PI = 3.14159265358979323846;

#define WARMUP \
  { .name = "warmup", .kind = NL_INT, .standard = 0 }
#define STEPS \
  { .name = "steps", .kind = NL_INT, .standard = NAN, .nullable = true, .least = 1 }
enum { FIRST = 2, SECOND };

static const nl_setting constant_settings[] = {WARMUP, STEPS};
static const nl_setting step_settings[] = {
    WARMUP,
    STEPS,
    {.name = "stepSize", .kind = NL_INT, .required = true, .least = 1},
    {.name = "gamma", .kind = NL_NUMBER, .standard = 0.1},
};
static const nl_setting cosine_settings[] = {WARMUP, STEPS, {.name = "etaMin", .kind = NL_NUMBER, .standard = 0}};
static const nl_setting linear_settings[] = {WARMUP, STEPS, {.name = "endFactor", .kind = NL_NUMBER, .standard = 0}};

static double constant_rate(double lr, const double *args, double at, double steps) {
  (void)args;
  (void)at;
  (void)steps;
  return lr;
}

static double step_rate(double lr, const double *args, double at, double steps) {
  (void)steps;
  return lr * nl_power(args[SECOND], floor(at / args[FIRST]));
}

static double cosine_rate(double lr, const double *args, double at, double steps) {
  /* (1 + cos(2 x)) / 2 = cos(x)^2 */
  const double half = nl_cosine(PI / 2 * at / steps);
  return args[FIRST] + (lr - args[FIRST]) * half * half;
}

static double linear_rate(double lr, const double *args, double at, double steps) {
  return lr * (1 + (args[FIRST] - 1) * at / steps);
}

static const nl_schedule_type constant = {
    {"constant", constant_settings, COUNT_OF(constant_settings)}, false, constant_rate};
static const nl_schedule_type step = {{"step", step_settings, COUNT_OF(step_settings)}, false, step_rate};
static const nl_schedule_type cosine = {{"cosine", cosine_settings, COUNT_OF(cosine_settings)}, true, cosine_rate};
static const nl_schedule_type linear = {{"linear", linear_settings, COUNT_OF(linear_settings)}, true, linear_rate};

/* The one table of schedules, whose places are their numbers. */
const nl_schedule_type *const nl_schedule_types[] = {&constant, &step, &cosine, &linear};
const int32_t nl_schedule_type_count = COUNT_OF(nl_schedule_types);

double nl_schedule_rate(const nl_schedule_type *schedule, const double *args, double lr, double at, double steps) {
  const double warmup = args[NL_WARMUP];
  if (at < warmup) return lr * (at + 1) / warmup;
  const double rest = fmax(steps - warmup, 1);
  return schedule->rate(lr, args, schedule->ends ? fmin(at - warmup, rest) : at - warmup, rest);
}
