/*
 * Emscripten's memcpy hands blocks of 512 bytes and more to emscripten_memcpy_big, a function of its JavaScript glue, which
 * these modules do without: linked as they are, such a copy would trap. With bulk memory a copy is one instruction.
 */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes) { return __builtin_memcpy(to, from, bytes); }
