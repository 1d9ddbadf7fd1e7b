#include "net/layer.h"

#include "base/status.h"

extern const nl_layer_type nl_type_conv2d, nl_type_linear, nl_type_relu, nl_type_gelu, nl_type_sigmoid, nl_type_tanh,
    nl_type_maxpool2d, nl_type_avgpool2d, nl_type_globalavgpool2d, nl_type_flatten, nl_type_identity, nl_type_add,
    nl_type_batchnorm, nl_type_layernorm, nl_type_groupnorm, nl_type_instancenorm, nl_type_rmsnorm;

/* The one table of layer types. nl_abi() hands it to the binding, whose numbers for types are the places here. */
const nl_layer_type *const nl_layer_types[] = {
    &nl_type_conv2d,          &nl_type_linear,    &nl_type_relu,      &nl_type_gelu,
    &nl_type_sigmoid,         &nl_type_tanh,      &nl_type_maxpool2d, &nl_type_avgpool2d,
    &nl_type_globalavgpool2d, &nl_type_flatten,   &nl_type_identity,  &nl_type_add,
    &nl_type_batchnorm,       &nl_type_layernorm, &nl_type_groupnorm, &nl_type_instancenorm,
    &nl_type_rmsnorm,
};
const int32_t nl_layer_type_count = sizeof nl_layer_types / sizeof *nl_layer_types;

static bool is_integer(double value) { return value == floor(value) && fabs(value) <= INT32_MAX; }

static nl_status check_value(const nl_layer_type *type, const nl_setting *setting, double value) {
  if (setting->nullable && setting->kind != NL_DIMS && isnan(value)) return NL_OK;
  switch (setting->kind) {
  case NL_INT:
  case NL_PAIR:
  case NL_DIMS:
    NL_CHECK(is_integer(value) && value >= setting->least, NL_ARGUMENT, "%s: %s must be an integer >= %g, got %g",
             type->name, setting->name, setting->least, value);
    break;
  case NL_NUMBER:
    NL_CHECK(isfinite(value) || isfinite(setting->least), NL_ARGUMENT, "%s: %s must be a finite number, got %g",
             type->name, setting->name, value);
    NL_CHECK(isfinite(value) && value >= setting->least, NL_ARGUMENT, "%s: %s must be a finite number >= %g, got %g",
             type->name, setting->name, setting->least, value);
    break;
  case NL_BOOL:
    NL_CHECK(value == 0 || value == 1, NL_ARGUMENT, "%s: %s must be true or false, got %g", type->name, setting->name,
             value);
    break;
  case NL_CHOICE: {
    int32_t choices = 1;
    for (const char *c = setting->choices; *c; c++) choices += *c == ',';
    NL_CHECK(is_integer(value) && value >= 0 && value < choices, NL_ARGUMENT, "%s: %s must be one of %s, got number %g",
             type->name, setting->name, setting->choices, value);
    break;
  }
  }
  return NL_OK;
}

nl_status nl_check_args(const nl_layer_type *type, const double *args, int32_t count) {
  int32_t wanted = 0;
  for (int32_t i = 0; i < type->setting_count; i++) wanted += nl_setting_width(type->settings[i].kind);
  NL_CHECK(count == wanted, NL_ARGUMENT, "%s: its settings take %d values, got %d", type->name, wanted, count);
  for (int32_t i = 0; i < type->setting_count; i++) {
    const nl_setting *setting = &type->settings[i];
    int32_t width = nl_setting_width(setting->kind);
    if (setting->kind == NL_DIMS) {
      if (setting->nullable && isnan(args[0])) {
        args += width;
        continue;
      }
      NL_CHECK(is_integer(args[0]) && args[0] >= 0 && args[0] <= NL_MAX_DIMS, NL_ARGUMENT,
               "%s: %s must have at most %d dimensions, got %g", type->name, setting->name, NL_MAX_DIMS, args[0]);
      for (int32_t j = 0; j < (int32_t)args[0]; j++) NL_TRY(check_value(type, setting, args[1 + j]));
    } else {
      for (int32_t j = 0; j < width; j++) NL_TRY(check_value(type, setting, args[j]));
    }
    args += width;
  }
  return NL_OK;
}
