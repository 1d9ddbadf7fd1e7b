/*
 * Settings of layers, optimizers and schedules: tables that check what comes in and that nl_abi() hands to the binding, so
 * that names, defaults and ranges stand once.
 */
#ifndef NL_SETTINGS_H
#define NL_SETTINGS_H

#include "base/status.h"

#include <math.h>
#include <stdbool.h>

typedef enum {
  NL_INT,    /* an integer */
  NL_NUMBER, /* a finite number */
  NL_BOOL,
  NL_CHOICE, /* index into `choices` */
  NL_PAIR,   /* height and width, both integers */
  NL_DIMS,   /* a list of integers: its length, then NL_MAX_DIMS values; NaN as length is null */
  NL_TWO     /* two finite numbers */
} nl_setting_kind;

typedef struct {
  const char *name; /* as in the public interface */
  nl_setting_kind kind;
  double standard, second; /* the default, of NL_TWO both; NaN is null */
  bool required, nullable;
  double least;        /* smallest legal value of NL_INT, NL_NUMBER, NL_PAIR, NL_TWO */
  double below;        /* of NL_NUMBER and NL_TWO, where it is not 0: what they must be less than */
  const char *choices; /* of NL_CHOICE: "unbiased,biased" */
  const char *invalid; /* PyTorch's words for an NL_NUMBER outside, with %g for it; of NL_TWO always, with %d %g */
} nl_setting;

/* Whose they are, in messages, and how many. */
typedef struct {
  const char *name;
  const nl_setting *list;
  int32_t count;
} nl_settings;

/* float64 values that a setting of this kind takes in an argument array. */
static inline int32_t nl_setting_width(nl_setting_kind kind) {
  return kind == NL_PAIR || kind == NL_TWO ? 2 : kind == NL_DIMS ? 1 + NL_MAX_DIMS : 1;
}

/** Values that all of them take. */
int32_t nl_settings_width(const nl_settings *settings);
/** Checks args against them: count, kinds, ranges. */
nl_status nl_settings_check(const nl_settings *settings, const double *args, int32_t count);

#endif
