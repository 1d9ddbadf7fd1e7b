#include "kernels/kernels.h"

#include <string.h>

/* A bijection of 32 bits, in which each bit of x sways each bit of the result: "lowbias32" of
   https://nullprogram.com/blog/2018/07/31/ */
static inline uint32_t mixed(uint32_t x) {
  x = (x ^ x >> 16) * 0x7feb352du;
  x = (x ^ x >> 15) * 0x846ca68bu;
  return x ^ x >> 16;
}

nl_status nl_dropout(float *y, const float *x, const nl_dropout_mask *mask, int32_t size) {
  NL_CHECK(size >= 0, NL_SHAPE, "nl_dropout: size must be >= 0, got %d", size);
  if (mask->p == 0) {
    if (y != x) memcpy(y, x, (size_t)size * sizeof *y);
    return NL_OK;
  }
  /* p = 1 is no threshold in 32 bits: there all are kept, and multiplied by 0. */
  const bool none = mask->p >= 1;
  const uint32_t least = none ? 0 : (uint32_t)(mask->p * 0x1p32), first = mask->key[0], second = mask->key[1];
  const float scale = none ? 0 : (float)(1 / (1 - mask->p));
  for (int32_t i = 0; i < size; i++) {
    const uint32_t drawn = mixed(mixed((uint32_t)i + first) ^ second);
    y[i] = x[i] * (drawn >= least ? scale : 0);
  }
  return NL_OK;
}
