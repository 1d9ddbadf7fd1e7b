/* How the learning rate changes from step to step. The table of all schedules is schedules.c. */
#ifndef NL_SCHEDULE_H
#define NL_SCHEDULE_H

#include "net/settings.h"

/* Every schedule's settings begin with these two. */
enum { NL_WARMUP = 0, NL_SCHEDULE_STEPS = 1, NL_MOST_SCHEDULE_ARGS = 4 };

typedef struct {
  nl_settings settings;
  bool ends; /* needs to know of how many steps it is */
  /* The rate after warm-up at step `at` of `steps`, both counted from its end. */
  double (*rate)(double lr, const double *args, double at, double steps);
} nl_schedule_type;

extern const nl_schedule_type *const nl_schedule_types[];
extern const int32_t nl_schedule_type_count;

/** The rate of step `at`, from 0, of `steps` in all. */
double nl_schedule_rate(const nl_schedule_type *schedule, const double *args, double lr, double at, double steps);

#endif
