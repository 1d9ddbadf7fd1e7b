#include "base/memory.h"

#include <stdlib.h>

nl_status nl_take(void **memory, uint64_t count, size_t size) {
  *memory = count <= PTRDIFF_MAX / size ? calloc(count ? (size_t)count : 1, size) : NULL;
  NL_CHECK(*memory, NL_MEMORY, "out of memory: %g MB were refused", (double)count * (double)size / 1048576);
  return NL_OK;
}

void *nl_alloc(size_t bytes) { return malloc(bytes ? bytes : 1); }
void nl_free(void *memory) { free(memory); }
