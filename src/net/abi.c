/* The engine's table of itself, as JSON. */
#include "net/dataset.h"
#include "net/norm.h"
#include "net/optimizer.h"
#include "net/schedule.h"

#define NL_VERSION "0.1.0"

#if defined(__wasm_relaxed_simd__)
#define NL_VARIANT "relaxed"
#elif defined(__wasm_simd128__) || defined(NL_VEC_SIMDE)
#define NL_VARIANT "simd"
#else
#define NL_VARIANT "scalar"
#endif

static char json[16384];

static const char *const kind_names[] = {"int", "number", "bool", "choice", "pair", "dims", "two"};

static int32_t append(int32_t at, const char *format, const char *a, const char *b) {
  return at + nl_format(json + at, (int32_t)sizeof json - at, format, a, b);
}

static int32_t append_number(int32_t at, const char *format, double value) {
  return at + nl_format(json + at, (int32_t)sizeof json - at, format, value);
}

static int32_t append_setting(int32_t at, const nl_setting *s) {
  at = append(at, "{\"name\":\"%s\",\"kind\":\"%s\",", s->name, kind_names[s->kind]);
  at = append(at, "\"required\":%s,\"nullable\":%s,", s->required ? "true" : "false", s->nullable ? "true" : "false");
  if (s->kind == NL_CHOICE) at = append(at, "\"choices\":\"%s\",", s->choices, "");
  if (s->kind != NL_BOOL && s->kind != NL_CHOICE && isfinite(s->least))
    at = append_number(at, "\"least\":%g,", s->least);
  if (s->below != 0) at = append_number(at, "\"below\":%g,", s->below);
  at = append(at, "\"default\":", "", "");
  if (isnan(s->standard)) return append(at, "null}", "", "");
  if (s->kind != NL_TWO) return append_number(at, "%g}", s->standard);
  return append_number(append_number(at, "[%g,", s->standard), "%g]}", s->second);
}

static int32_t append_settings(int32_t at, const nl_setting *list, int32_t count) {
  at = append(at, "\"settings\":[", "", "");
  for (int32_t i = 0; i < count; i++) at = append_setting(i > 0 ? append(at, ",", "", "") : at, &list[i]);
  return append(at, "]}", "", "");
}

static int32_t append_type(int32_t at, bool first, const nl_settings *own) {
  return append_settings(append(at, "%s{\"type\":\"%s\",", first ? "" : ",", own->name), own->list, own->count);
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
    at = append(at, "\"norm\":%s,\"batch\":%s,", type->norm ? "true" : "false",
                type->norm && type->norm->fold ? "true" : "false");
    at = append_settings(at, type->settings, type->setting_count);
  }
  at = append(at, "],\"optimizers\":[", "", "");
  for (int32_t i = 0; i < nl_optimizer_type_count; i++) {
    const nl_optimizer_type *type = nl_optimizer_types[i];
    at = append(at, "%s{\"type\":\"%s\",", i > 0 ? "," : "", type->settings.name);
    at = append(at, "\"keeps\":\"%s\",", type->keeps, "");
    at = append_settings(at, type->settings.list, type->settings.count);
  }
  at = append(at, "],\"schedules\":[", "", "");
  for (int32_t i = 0; i < nl_schedule_type_count; i++) at = append_type(at, i == 0, &nl_schedule_types[i]->settings);
  at = append(at, "],\"trainer\":", "", "");
  at = append_type(at, true, &nl_trainer_settings);
  at = append(at, ",\"augment\":", "", "");
  at = append_type(at, true, &nl_augment_settings);
  append(at, ",\"progress\":\"%s\"}", nl_trainer_progress_names, "");
  return json;
}
