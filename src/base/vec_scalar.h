#include <math.h>
#include <string.h>

typedef struct {
  float f[4];
} v4;
typedef struct {
  double f[4];
} d4;

#define V4_EACH(expression)                          \
  v4 r;                                              \
  for (int i = 0; i < 4; i++) r.f[i] = (expression); \
  return r
#define D4_EACH(expression)                          \
  d4 r;                                              \
  for (int i = 0; i < 4; i++) r.f[i] = (expression); \
  return r

static inline v4 v4_load(const float *p) { V4_EACH(p[i]); }
static inline v4 v4_load_n(const float *p, int n) { V4_EACH(i < n ? p[i] : 0.0f); }
static inline void v4_store(float *p, v4 a) { memcpy(p, a.f, sizeof a.f); }
static inline void v4_store_n(float *p, v4 a, int n) {
  for (int i = 0; i < n; i++) p[i] = a.f[i];
}
static inline v4 v4_splat(float s) { V4_EACH(s); }
static inline v4 v4_add(v4 a, v4 b) { V4_EACH(a.f[i] + b.f[i]); }
static inline v4 v4_sub(v4 a, v4 b) { V4_EACH(a.f[i] - b.f[i]); }
static inline v4 v4_mul(v4 a, v4 b) { V4_EACH(a.f[i] * b.f[i]); }
static inline v4 v4_madd(v4 a, v4 b, v4 c) { V4_EACH(a.f[i] * b.f[i] + c.f[i]); }
static inline v4 v4_div(v4 a, v4 b) { V4_EACH(a.f[i] / b.f[i]); }
static inline v4 v4_sqrt(v4 a) { V4_EACH(sqrtf(a.f[i])); }
/** Lanes of a, and of floor where a is less. */
static inline v4 v4_at_least(v4 a, v4 floor) { V4_EACH(a.f[i] < floor.f[i] ? floor.f[i] : a.f[i]); }
/** Lanes of a where gate > 0, zero elsewhere. */
static inline v4 v4_where_positive(v4 gate, v4 a) { V4_EACH(gate.f[i] > 0 ? a.f[i] : 0.0f); }

/** Lanes 0, 2 and 1, 3 of a, then of b. */
static inline v4 v4_even(v4 a, v4 b) { V4_EACH(i < 2 ? a.f[2 * i] : b.f[2 * i - 4]); }
static inline v4 v4_odd(v4 a, v4 b) { V4_EACH(i < 2 ? a.f[2 * i + 1] : b.f[2 * i - 3]); }
/** Lanes 0 0 1 1 and 2 2 3 3 of a and b in turn: v4_even and v4_odd undo it. */
static inline v4 v4_zip_low(v4 a, v4 b) { V4_EACH(i % 2 ? b.f[i / 2] : a.f[i / 2]); }
static inline v4 v4_zip_high(v4 a, v4 b) { V4_EACH(i % 2 ? b.f[2 + i / 2] : a.f[2 + i / 2]); }
/** Lanes of yes where a is less than b, lanes of no elsewhere. */
static inline v4 v4_where_less(v4 a, v4 b, v4 yes, v4 no) { V4_EACH(a.f[i] < b.f[i] ? yes.f[i] : no.f[i]); }
static inline bool v4_any_nan(v4 a) {
  return a.f[0] != a.f[0] || a.f[1] != a.f[1] || a.f[2] != a.f[2] || a.f[3] != a.f[3];
}
/** Lanes that are whole numbers, as such. */
static inline void v4_store_int(int32_t *p, v4 a) {
  for (int i = 0; i < 4; i++) p[i] = (int32_t)a.f[i];
}

/** The rows of a 4 x 4 matrix become its columns. */
static inline void v4_transpose(v4 *a, v4 *b, v4 *c, v4 *d) {
  v4 *rows[4] = {a, b, c, d}, before[4] = {*a, *b, *c, *d};
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) rows[i]->f[j] = before[j].f[i];
}

static inline d4 d4_zero(void) { D4_EACH(0 * i); }
/** a + v, lane by lane, in float64. */
static inline d4 d4_add(d4 a, v4 v) { D4_EACH(a.f[i] + (double)v.f[i]); }
/** a + u * v in float64, where the product of two float32 is exact. */
static inline d4 d4_madd(d4 a, v4 u, v4 v) { D4_EACH(a.f[i] + (double)u.f[i] * (double)v.f[i]); }
static inline d4 d4_splat(double s) { D4_EACH(s + 0 * i); }
/** sum + (x - origin) and squares + (x - origin)^2, all in float64. */
static inline void d4_deviate(d4 *sum, d4 *squares, v4 x, d4 origin) {
  for (int i = 0; i < 4; i++) {
    double d = (double)x.f[i] - origin.f[i];
    sum->f[i] += d;
    squares->f[i] += d * d;
  }
}
static inline d4 d4_load(const double *p) { D4_EACH(p[i]); }
static inline void d4_store(double *p, d4 a) { memcpy(p, a.f, sizeof a.f); }
static inline double d4_get(d4 a, int lane) { return a.f[lane]; }

#undef V4_EACH
#undef D4_EACH
