/* The engine's table of itself, as JSON. */
#include "net/layer.h"

#define NL_VERSION "0.1.0"

#if defined(__wasm_relaxed_simd__)
#define NL_VARIANT "relaxed"
#elif defined(__wasm_simd128__) || defined(NL_VEC_SIMDE)
#define NL_VARIANT "simd"
#else
#define NL_VARIANT "scalar"
#endif

static char json[8192];

static const char *const kind_names[] = {"int", "number", "bool", "choice", "pair", "dims"};

static int32_t append(int32_t at, const char *format, const char *a, const char *b) {
  return at + nl_format(json + at, (int32_t)sizeof json - at, format, a, b);
}

const char *nl_abi(void) {
  if (json[0]) return json;
  int32_t at = append(0,
                      "{\"version\":\"%s\",\"variant\":\"%s\",\"statuses\":[\"ok\",\"argument\",\"shape\",\"state\","
                      "\"memory\",\"format\"],"
                      "\"roles\":[\"weight\",\"bias\",\"running_mean\",\"running_var\"],",
                      NL_VERSION, NL_VARIANT);
  at += nl_format(json + at, (int32_t)sizeof json - at, "\"maxDims\":%d,\"layers\":[", NL_MAX_DIMS);
  for (int32_t i = 0; i < nl_layer_type_count; i++) {
    const nl_layer_type *type = nl_layer_types[i];
    at = append(at, "%s{\"type\":\"%s\",", i > 0 ? "," : "", type->name);
    at = append(at, "\"norm\":%s,\"settings\":[", type->norm ? "true" : "false", "");
    for (int32_t j = 0; j < type->setting_count; j++) {
      const nl_setting *s = &type->settings[j];
      at = append(at, "%s{\"name\":\"%s\",", j > 0 ? "," : "", s->name);
      at = append(at, "\"kind\":\"%s\",\"required\":%s,", kind_names[s->kind], s->required ? "true" : "false");
      if (s->kind == NL_CHOICE) at = append(at, "\"choices\":\"%s\",", s->choices, "");
      if (s->kind != NL_BOOL && s->kind != NL_CHOICE && isfinite(s->least))
        at += nl_format(json + at, (int32_t)sizeof json - at, "\"least\":%g,", s->least);
      at = append(at, "\"nullable\":%s,\"default\":", s->nullable ? "true" : "false", "");
      if (isnan(s->standard))
        at = append(at, "null}", "", "");
      else
        at += nl_format(json + at, (int32_t)sizeof json - at, "%g}", s->standard);
    }
    at = append(at, "]}", "", "");
  }
  append(at, "]}", "", "");
  return json;
}
