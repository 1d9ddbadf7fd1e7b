#include "net/layer.h"

#include "base/status.h"

extern const nl_layer_type nl_type_conv2d, nl_type_linear, nl_type_relu, nl_type_gelu, nl_type_sigmoid, nl_type_tanh,
    nl_type_maxpool2d, nl_type_avgpool2d, nl_type_globalavgpool2d, nl_type_flatten, nl_type_identity, nl_type_dropout,
    nl_type_add, nl_type_batchnorm, nl_type_batchrenorm, nl_type_layernorm, nl_type_groupnorm, nl_type_instancenorm,
    nl_type_rmsnorm;

/* The one table of layer types. nl_abi() hands it to the binding, whose numbers for types are the places here. */
const nl_layer_type *const nl_layer_types[] = {
    &nl_type_conv2d,    &nl_type_linear,    &nl_type_relu,
    &nl_type_gelu,      &nl_type_sigmoid,   &nl_type_tanh,
    &nl_type_maxpool2d, &nl_type_avgpool2d, &nl_type_globalavgpool2d,
    &nl_type_flatten,   &nl_type_identity,  &nl_type_dropout,
    &nl_type_add,       &nl_type_batchnorm, &nl_type_batchrenorm,
    &nl_type_layernorm, &nl_type_groupnorm, &nl_type_instancenorm,
    &nl_type_rmsnorm,
};
const int32_t nl_layer_type_count = sizeof nl_layer_types / sizeof *nl_layer_types;

nl_status nl_check_args(const nl_layer_type *type, const double *args, int32_t count) {
  return nl_settings_check(&(nl_settings){type->name, type->settings, type->setting_count}, args, count);
}
