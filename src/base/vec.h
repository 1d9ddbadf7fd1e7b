/*
 * Four float32 lanes (v4) and four float64 lanes (d4, for sums): one source, three compiles. The kernels are written over
 * these and nothing else, so that scalar, simd128 and relaxed modules differ in compiler flags alone.
 *
 * v4_load_n and v4_store_n touch exactly n < 4 values; lanes beyond are zero: a tail never reads past its array.
 * v4_madd(a, b, c) is a * b + c with one rounding or two: only the relaxed module, on hardware with FMA, rounds once.
 * v4_at_least leaves NaN what it is, as PyTorch's relu does, in one instruction: that of f32x4.max are six on x86.
 */
#ifndef NL_VEC_H
#define NL_VEC_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__wasm_simd128__) || defined(NL_VEC_SIMDE)
#include "base/vec_simd128.h"
#else
#include "base/vec_scalar.h"
#endif

/* For loops that are compiled twice, with an option and without: `inline` alone leaves them to the compiler, which calls some
   and reads their factors from memory again and again (ln_bwd 1024x768 0.72 ms instead of 0.43). */
#define NL_INLINE static inline __attribute__((always_inline))

/** The four values at p, or the n < 4 that are left there. */
static inline v4 v4_load_left(const float *p, int32_t n) { return n >= 4 ? v4_load(p) : v4_load_n(p, n); }
static inline void v4_store_left(float *p, v4 a, int32_t n) {
  if (n >= 4)
    v4_store(p, a);
  else
    v4_store_n(p, a, n);
}

static inline double d4_sum(d4 a) { return (d4_get(a, 0) + d4_get(a, 2)) + (d4_get(a, 1) + d4_get(a, 3)); }

/** Lanes 0 .. n-1 of a; zero elsewhere. */
static inline v4 v4_first(v4 a, int n) {
  float lanes[4];
  v4_store(lanes, a);
  return v4_load_n(lanes, n);
}

#endif
