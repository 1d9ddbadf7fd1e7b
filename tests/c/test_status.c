/* The text of errors: formatting without stdio. */
#include "base/status.h"
#include "support.h"

#include <float.h>
#include <math.h>
#include <string.h>

static void check_text(const char *want, double value) {
  char text[64];
  const int32_t length = nl_format(text, sizeof text, "<%g>", value);
  char framed[64];
  assert_int_equal(length, nl_format(framed, sizeof framed, "<%s>", want));
  assert_string_equal(text, framed);
}

TEST(numbers) {
  check_text("nan", (double)NAN);
  check_text("inf", (double)INFINITY);
  check_text("-inf", (double)-INFINITY);
  check_text("0", 0);
  check_text("-0", -0.0);
  check_text("1", 1);
  check_text("-1", -1);
  check_text("0.1", 0.1);
  check_text("-0.25", -0.25);
  check_text("1.5", 1.5);
  check_text("0.333333", 1.0 / 3);
  check_text("0.00001", 1e-5);
  check_text("0.000012345", 1.2345e-5);
  check_text("1e-6", 1e-6);
  check_text("1.2e-7", 1.2e-7);
  check_text("1e20", 1e20);
  check_text("-1e20", -1e20);
  check_text("1.23457e20", 1.23456789e20);
  check_text("1e15", 1e15);
  check_text("999999999999999", 999999999999999.0);
  check_text("9007199254740", 9007199254740.0);
  check_text("-2147483648", -2147483648.0);
  check_text("123456", 123456);
  check_text("123457", 123456.789);
  check_text("99999.5", 99999.5);
  check_text("1e6", 999999.5);
  check_text("0.1", 0.09999999);
  check_text("1.79769e308", DBL_MAX);
  check_text("2.22507e-308", DBL_MIN);
  check_text("1e-300", 1e-300);
}

/* Below the normal range 10^exponent is not a number that a division can use. */
TEST(smallest_number) {
  char text[64];
  nl_format(text, sizeof text, "%g", 0x1p-1074);
  assert_true(strncmp(text, "4.9", 3) == 0);
  assert_non_null(strstr(text, "e-324"));
}

TEST(directives) {
  char text[128];
  const int32_t shape[] = {1, 10, 1}, empty[] = {0};
  nl_format(text, sizeof text, "%s of %S, %d and %d: %g", "shape", shape, 3, INT32_MIN, INT32_MAX, 0.5);
  assert_string_equal(text, "shape of [1, 10, 1], -2147483648 and 2147483647: 0.5");
  nl_format(text, sizeof text, "%S%S", empty, 0, shape, 1);
  assert_string_equal(text, "[][1]");
  nl_format(text, sizeof text, "100%%");
  assert_string_equal(text, "100%");
  assert_int_equal(nl_format(text, sizeof text, "%s", ""), 0);
  assert_string_equal(text, "");
}

/* The wanted length comes back; the text is cut and ended, and nothing beyond it is touched. */
TEST(truncation) {
  for (int32_t size = 0; size <= 12; size++) {
    char text[16];
    memset(text, '~', sizeof text);
    assert_int_equal(nl_format(text, size, "%s %d", "abcdef", 123), 10);
    const int32_t kept = size == 0 ? 0 : size > 10 ? 10 : size - 1;
    assert_memory_equal(text, "abcdef 123", (size_t)kept);
    if (size > 0) assert_int_equal(text[kept], 0);
    for (int32_t i = size > 10 ? 11 : size; i < COUNT_OF(text); i++) assert_int_equal(text[i], '~');
  }
}

TEST(failing) {
  assert_int_equal(nl_fail(NL_SHAPE, "%s: %d is not %g", "call", 2, 2.5), NL_SHAPE);
  assert_string_equal(nl_last_error(), "call: 2 is not 2.5");
  char long_name[2000];
  memset(long_name, 'x', sizeof long_name - 1);
  long_name[sizeof long_name - 1] = 0;
  assert_int_equal(nl_fail(NL_MEMORY, "%s", long_name), NL_MEMORY);
  assert_true(strlen(nl_last_error()) >= 255);
  assert_true(strlen(nl_last_error()) < sizeof long_name);
  assert_true(strspn(nl_last_error(), "x") == strlen(nl_last_error()));
}

/* A quoted string, or anything else that stands between commas and brackets. */
static const char *skip_value(const char *at) {
  assert_true(*at != 0);
  if (*at == '"') {
    for (at++; *at && *at != '"'; at++) assert_true(*at != '\\');
    assert_int_equal(*at, '"');
    return at + 1;
  }
  if (*at == '{' || *at == '[') {
    const char close = *at == '{' ? '}' : ']';
    const bool named = *at == '{';
    at++;
    while (*at != close) {
      if (named) {
        assert_int_equal(*at, '"');
        at = skip_value(at);
        assert_int_equal(*at++, ':');
      }
      at = skip_value(at);
      if (*at == ',') {
        at++;
        assert_true(*at != close);
      } else {
        assert_int_equal(*at, close);
      }
    }
    return at + 1;
  }
  const size_t length = strcspn(at, ",]}");
  assert_true(length > 0);
  const bool number = strspn(at, "-+.e0123456789") == length;
  const bool word =
      strncmp(at, "true", length) == 0 || strncmp(at, "false", length) == 0 || strncmp(at, "null", length) == 0;
  if (!number && !word) fail_msg("not JSON: %.20s", at);
  return at + length;
}

/* All of it must have found room in its buffer. */
TEST(table_is_json) {
  const char *json = nl_abi();
  assert_string_equal(skip_value(json), "");
  assert_ptr_equal(nl_abi(), json);
  static const char *const expected[] = {"\"version\":\"", "\"batchNorm\"",    "\"layerNorm\"",
                                         "\"groupNorm\"",  "\"instanceNorm\"", "\"rmsNorm\"",
                                         "\"eps\"",        "\"running_var\"",  "\"choices\":\"unbiased,biased\"",
                                         "\"maxDims\":5"};
  for (int i = 0; i < COUNT_OF(expected); i++)
    if (!strstr(json, expected[i])) fail_msg("nl_abi() lacks %s", expected[i]);
}

int main(void) {
  const struct CMUnitTest tests[] = {CASE(numbers),    CASE(smallest_number), CASE(directives),
                                     CASE(truncation), CASE(failing),         CASE(table_is_json)};
  return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
