#include "net/settings.h"

static bool is_integer(double value) { return value == floor(value) && fabs(value) <= INT32_MAX; }

static bool in_range(const nl_setting *setting, double value) {
  return isfinite(value) && value >= setting->least && (setting->below == 0 || value < setting->below);
}

static nl_status check_value(const char *name, const nl_setting *setting, double value) {
  if (setting->nullable && setting->kind != NL_DIMS && isnan(value)) return NL_OK;
  switch (setting->kind) {
  case NL_INT:
  case NL_PAIR:
  case NL_DIMS:
    NL_CHECK(is_integer(value) && value >= setting->least, NL_ARGUMENT, "%s: %s must be an integer >= %g, got %g", name,
             setting->name, setting->least, value);
    break;
  case NL_TWO: /* check_two */
  case NL_NUMBER:
    if (setting->invalid) {
      NL_CHECK(in_range(setting, value), NL_ARGUMENT, setting->invalid, value);
      break;
    }
    NL_CHECK(isfinite(value) || isfinite(setting->least), NL_ARGUMENT, "%s: %s must be a finite number, got %g", name,
             setting->name, value);
    NL_CHECK(isfinite(value) && value >= setting->least, NL_ARGUMENT, "%s: %s must be a finite number >= %g, got %g",
             name, setting->name, setting->least, value);
    break;
  case NL_BOOL:
    NL_CHECK(value == 0 || value == 1, NL_ARGUMENT, "%s: %s must be true or false, got %g", name, setting->name, value);
    break;
  case NL_CHOICE: {
    int32_t choices = 1;
    for (const char *c = setting->choices; *c; c++) choices += *c == ',';
    NL_CHECK(is_integer(value) && value >= 0 && value < choices, NL_ARGUMENT, "%s: %s must be one of %s, got number %g",
             name, setting->name, setting->choices, value);
    break;
  }
  }
  return NL_OK;
}

int32_t nl_settings_width(const nl_settings *settings) {
  int32_t width = 0;
  for (int32_t i = 0; i < settings->count; i++) width += nl_setting_width(settings->list[i].kind);
  return width;
}

static nl_status check_dims(const char *name, const nl_setting *setting, const double *args) {
  if (setting->nullable && isnan(args[0])) return NL_OK;
  NL_CHECK(is_integer(args[0]) && args[0] >= 0 && args[0] <= NL_MAX_DIMS, NL_ARGUMENT,
           "%s: %s must have at most %d dimensions, got %g", name, setting->name, NL_MAX_DIMS, args[0]);
  for (int32_t j = 0; j < (int32_t)args[0]; j++) NL_TRY(check_value(name, setting, args[1 + j]));
  return NL_OK;
}

/* PyTorch's words say which of the two. */
static nl_status check_two(const nl_setting *setting, const double *args) {
  for (int32_t j = 0; j < 2; j++) NL_CHECK(in_range(setting, args[j]), NL_ARGUMENT, setting->invalid, j, args[j]);
  return NL_OK;
}

nl_status nl_settings_check(const nl_settings *settings, const double *args, int32_t count) {
  const int32_t wanted = nl_settings_width(settings);
  NL_CHECK(count == wanted, NL_ARGUMENT, "%s: its settings take %d values, got %d", settings->name, wanted, count);
  for (int32_t i = 0; i < settings->count; i++) {
    const nl_setting *setting = &settings->list[i];
    const int32_t width = nl_setting_width(setting->kind);
    if (setting->kind == NL_DIMS)
      NL_TRY(check_dims(settings->name, setting, args));
    else if (setting->kind == NL_TWO)
      NL_TRY(check_two(setting, args));
    else
      for (int32_t j = 0; j < width; j++) NL_TRY(check_value(settings->name, setting, args[j]));
    args += width;
  }
  return NL_OK;
}
