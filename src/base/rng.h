/* PCG32 (M. O'Neill, https://www.pcg-random.org): 64 bits of state, independent streams, the same bits on every machine. */
#ifndef NL_RNG_H
#define NL_RNG_H

#include <stdint.h>

typedef struct {
  uint64_t state, increment;
} nl_rng;

/** A generator for `seed`; different streams of one seed are independent. */
nl_rng nl_rng_make(uint64_t seed, uint64_t stream);
uint32_t nl_rng_next(nl_rng *rng);
/** As if nl_rng_next had been called `count` times, in time that grows with its logarithm. */
void nl_rng_skip(nl_rng *rng, uint64_t count);
/** Uniform in [0, 1), 24 bits. */
float nl_rng_uniform(nl_rng *rng);
/** Uniform in [0, bound), without bias; bound >= 1. */
uint32_t nl_rng_below(nl_rng *rng, uint32_t bound);
/** n values of mean 0 and standard deviation 1. */
void nl_rng_normals(float *values, nl_rng *rng, int32_t n);

#endif
