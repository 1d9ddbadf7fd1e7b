/* The simd128 path also compiles natively through SIMDe, so that sanitizers see it. */
#ifdef NL_VEC_SIMDE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/wasm/simd128.h>
#else
#include <wasm_simd128.h>
#endif

typedef v128_t v4;
typedef struct {
  v128_t lo, hi;
} d4;

static inline v4 v4_load(const float *p) { return wasm_v128_load(p); }
static inline v4 v4_load_n(const float *p, int n) {
  return wasm_f32x4_make(n > 0 ? p[0] : 0.0f, n > 1 ? p[1] : 0.0f, n > 2 ? p[2] : 0.0f, n > 3 ? p[3] : 0.0f);
}
static inline void v4_store(float *p, v4 a) { wasm_v128_store(p, a); }
static inline void v4_store_n(float *p, v4 a, int n) {
  if (n > 0) p[0] = wasm_f32x4_extract_lane(a, 0);
  if (n > 1) p[1] = wasm_f32x4_extract_lane(a, 1);
  if (n > 2) p[2] = wasm_f32x4_extract_lane(a, 2);
  if (n > 3) p[3] = wasm_f32x4_extract_lane(a, 3);
}
static inline v4 v4_splat(float s) { return wasm_f32x4_splat(s); }
static inline v4 v4_add(v4 a, v4 b) { return wasm_f32x4_add(a, b); }
static inline v4 v4_sub(v4 a, v4 b) { return wasm_f32x4_sub(a, b); }
static inline v4 v4_mul(v4 a, v4 b) { return wasm_f32x4_mul(a, b); }
static inline v4 v4_madd(v4 a, v4 b, v4 c) {
#ifdef __wasm_relaxed_simd__
  return wasm_f32x4_relaxed_madd(a, b, c);
#else
  return wasm_f32x4_add(wasm_f32x4_mul(a, b), c);
#endif
}
static inline v4 v4_div(v4 a, v4 b) { return wasm_f32x4_div(a, b); }
static inline v4 v4_sqrt(v4 a) { return wasm_f32x4_sqrt(a); }
/** Lanes of a, and of floor where a is less. */
static inline v4 v4_at_least(v4 a, v4 floor) { return wasm_f32x4_pmax(a, floor); }
/** Lanes of a where gate > 0, zero elsewhere. */
static inline v4 v4_where_positive(v4 gate, v4 a) { return wasm_v128_and(wasm_f32x4_gt(gate, wasm_f32x4_splat(0)), a); }

/** Lanes 0, 2 and 1, 3 of a, then of b. */
static inline v4 v4_even(v4 a, v4 b) { return wasm_i32x4_shuffle(a, b, 0, 2, 4, 6); }
static inline v4 v4_odd(v4 a, v4 b) { return wasm_i32x4_shuffle(a, b, 1, 3, 5, 7); }
/** Lanes 0 0 1 1 and 2 2 3 3 of a and b in turn: v4_even and v4_odd undo it. */
static inline v4 v4_zip_low(v4 a, v4 b) { return wasm_i32x4_shuffle(a, b, 0, 4, 1, 5); }
static inline v4 v4_zip_high(v4 a, v4 b) { return wasm_i32x4_shuffle(a, b, 2, 6, 3, 7); }
/** Lanes of yes where a is less than b, lanes of no elsewhere. */
static inline v4 v4_where_less(v4 a, v4 b, v4 yes, v4 no) { return wasm_v128_bitselect(yes, no, wasm_f32x4_lt(a, b)); }
static inline bool v4_any_nan(v4 a) { return wasm_v128_any_true(wasm_f32x4_ne(a, a)); }
/** Lanes that are whole numbers, as such. */
static inline void v4_store_int(int32_t *p, v4 a) { wasm_v128_store(p, wasm_i32x4_trunc_sat_f32x4(a)); }

/** The rows of a 4 x 4 matrix become its columns. */
static inline void v4_transpose(v4 *a, v4 *b, v4 *c, v4 *d) {
  const v4 ab = v4_zip_low(*a, *b), AB = v4_zip_high(*a, *b), cd = v4_zip_low(*c, *d), CD = v4_zip_high(*c, *d);
  *a = wasm_i32x4_shuffle(ab, cd, 0, 1, 4, 5);
  *b = wasm_i32x4_shuffle(ab, cd, 2, 3, 6, 7);
  *c = wasm_i32x4_shuffle(AB, CD, 0, 1, 4, 5);
  *d = wasm_i32x4_shuffle(AB, CD, 2, 3, 6, 7);
}

static inline d4 d4_zero(void) { return (d4){wasm_f64x2_splat(0), wasm_f64x2_splat(0)}; }
static inline v128_t v4_upper(v4 v) { return wasm_i32x4_shuffle(v, v, 2, 3, 2, 3); }
/** a + v, lane by lane, in float64. */
static inline d4 d4_add(d4 a, v4 v) {
  return (d4){wasm_f64x2_add(a.lo, wasm_f64x2_promote_low_f32x4(v)),
              wasm_f64x2_add(a.hi, wasm_f64x2_promote_low_f32x4(v4_upper(v)))};
}
/** a + u * v in float64, where the product of two float32 is exact. */
static inline d4 d4_madd(d4 a, v4 u, v4 v) {
  v128_t lo = wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(u), wasm_f64x2_promote_low_f32x4(v));
  v128_t hi = wasm_f64x2_mul(wasm_f64x2_promote_low_f32x4(v4_upper(u)), wasm_f64x2_promote_low_f32x4(v4_upper(v)));
  return (d4){wasm_f64x2_add(a.lo, lo), wasm_f64x2_add(a.hi, hi)};
}
static inline d4 d4_splat(double s) { return (d4){wasm_f64x2_splat(s), wasm_f64x2_splat(s)}; }
/** sum + (x - origin) and squares + (x - origin)^2, all in float64. */
static inline void d4_deviate(d4 *sum, d4 *squares, v4 x, d4 origin) {
  const v128_t lo = wasm_f64x2_sub(wasm_f64x2_promote_low_f32x4(x), origin.lo);
  const v128_t hi = wasm_f64x2_sub(wasm_f64x2_promote_low_f32x4(v4_upper(x)), origin.hi);
  sum->lo = wasm_f64x2_add(sum->lo, lo);
  sum->hi = wasm_f64x2_add(sum->hi, hi);
  squares->lo = wasm_f64x2_add(squares->lo, wasm_f64x2_mul(lo, lo));
  squares->hi = wasm_f64x2_add(squares->hi, wasm_f64x2_mul(hi, hi));
}
static inline d4 d4_load(const double *p) { return (d4){wasm_v128_load(p), wasm_v128_load(p + 2)}; }
static inline void d4_store(double *p, d4 a) {
  wasm_v128_store(p, a.lo);
  wasm_v128_store(p + 2, a.hi);
}
static inline double d4_get(d4 a, int lane) {
  switch (lane) {
  case 0: return wasm_f64x2_extract_lane(a.lo, 0);
  case 1: return wasm_f64x2_extract_lane(a.lo, 1);
  case 2: return wasm_f64x2_extract_lane(a.hi, 0);
  default: return wasm_f64x2_extract_lane(a.hi, 1);
  }
}
