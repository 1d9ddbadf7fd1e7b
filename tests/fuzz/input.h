/*
 * What the fuzz targets share: a reader that turns bytes into numbers, shapes and buffers, and the checks that end a run.
 * Bytes that are not there read as 0, so that every input is a whole story.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include "normlab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
  const uint8_t *at, *end;
} input;

uint8_t take_byte(input *in);
/** True `odds` times in 256. */
bool take_chance(input *in, int odds);
/** low to high, both included. */
int32_t take_range(input *in, int32_t low, int32_t high);
/** A number that is likely to be refused: special values, or any eight bytes. */
double take_wild_number(input *in);
int32_t take_wild_integer(input *in);
/** `count` values in a block of exactly their size: ordinary, huge, denormal, equal, not finite, or any bytes. */
float *take_floats(input *in, int64_t count);

/** A block of exactly this size. The blocks are given back at the end of a run. */
void *block(int64_t count, size_t size);
#define BLOCK(type, count) ((type *)block((count), sizeof(type)))
/** A copy of `count` values. */
void *copied(const void *values, int64_t count, size_t size);
void give_back_blocks(void);

/** Ends the process unless `holds`. */
#define MUST(holds) must((holds), #holds, __FILE__, __LINE__)
void must(bool holds, const char *what, const char *file, int line);

/** The status is one of the header's; a failure has a text. */
void must_be_status(nl_status status);
/** Bit for bit, but any NaN equals any other. */
bool same_floats(const float *a, const float *b, int64_t count);
/** The place of a layer type in nl_abi()'s table. */
int32_t type_named(const char *name);
/** Whatever went before, a layer made now gives the right numbers. */
void must_still_work(void);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
