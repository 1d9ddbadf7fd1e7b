#include "base/status.h"

#include <math.h>
#include <stdbool.h>

static char last_error[512];

typedef struct {
  char *text;
  int32_t size, length;
} writer;

static void put(writer *w, char c) {
  if (w->length + 1 < w->size) w->text[w->length] = c;
  w->length++;
}

static void put_string(writer *w, const char *s) {
  for (; *s; s++) put(w, *s);
}

static void put_digits(writer *w, uint64_t value, int min_digits) {
  char digits[20];
  int count = 0;
  do digits[count++] = (char)('0' + value % 10);
  while ((value /= 10) != 0 || count < min_digits);
  while (count > 0) put(w, digits[--count]);
}

static void put_int(writer *w, int64_t value) {
  if (value < 0) put(w, '-');
  put_digits(w, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, 1);
}

/* Six significant digits, as %g; integers below 1e15 in full. The C library's own formatting is stdio, which would more
   than double the size of the module. */
static void put_double(writer *w, double value) {
  if (isnan(value)) {
    put_string(w, "nan");
    return;
  }
  if (signbit(value)) {
    put(w, '-');
    value = -value;
  }
  if (isinf(value)) {
    put_string(w, "inf");
    return;
  }
  if (value < 1e15 && value == floor(value)) {
    put_digits(w, (uint64_t)value, 1);
    return;
  }
  /* One division or product by a power of ten rounds once; that of denormal numbers would overflow. */
  int exponent = 0;
  double power = 1;
  if (value < 1e-300) {
    value *= 1e300;
    exponent = -300;
  }
  const bool large = value >= 1;
  while (large ? value / power >= 10 : value * power < 1) {
    power *= 10;
    exponent += large ? 1 : -1;
  }
  const double scaled = large ? value / power : value * power;
  uint64_t digits = (uint64_t)(scaled * 1e5 + 0.5);
  if (digits >= 1000000) {
    digits /= 10;
    exponent++;
  }
  int places = 5;
  while (places > 0 && digits % 10 == 0) {
    digits /= 10;
    places--;
  }
  if (exponent >= 0 && exponent < 6) {
    uint64_t unit = 1;
    for (int i = exponent; i < places; i++) unit *= 10;
    for (int i = places; i < exponent; i++) digits *= 10;
    put_digits(w, digits / unit, 1);
    if (places > exponent) {
      put(w, '.');
      put_digits(w, digits % unit, places - exponent);
    }
  } else if (exponent < 0 && exponent >= -5) {
    put_string(w, "0.");
    put_digits(w, digits, places - exponent);
  } else {
    uint64_t unit = 1;
    for (int i = 0; i < places; i++) unit *= 10;
    put_digits(w, digits / unit, 1);
    if (places > 0) {
      put(w, '.');
      put_digits(w, digits % unit, places);
    }
    put(w, 'e');
    put_int(w, exponent);
  }
}

int32_t nl_vformat(char *text, int32_t size, const char *format, va_list args) {
  writer w = {text, size, 0};
  for (const char *f = format; *f; f++) {
    if (*f != '%') {
      put(&w, *f);
      continue;
    }
    switch (*++f) {
    case 's': put_string(&w, va_arg(args, const char *)); break;
    case 'd': put_int(&w, va_arg(args, int32_t)); break;
    case 'g': put_double(&w, va_arg(args, double)); break;
    case 'S': {
      const int32_t *shape = va_arg(args, const int32_t *);
      int32_t ndim = va_arg(args, int32_t);
      put(&w, '[');
      for (int32_t i = 0; i < ndim; i++) {
        if (i > 0) put_string(&w, ", ");
        put_int(&w, shape[i]);
      }
      put(&w, ']');
      break;
    }
    default: put(&w, *f);
    }
  }
  if (size > 0) text[w.length < size ? w.length : size - 1] = 0;
  return w.length;
}

int32_t nl_format(char *text, int32_t size, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int32_t length = nl_vformat(text, size, format, args);
  va_end(args);
  return length;
}

nl_status nl_fail(nl_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  nl_vformat(last_error, sizeof last_error, format, args);
  va_end(args);
  return status;
}

const char *nl_last_error(void) { return last_error; }
