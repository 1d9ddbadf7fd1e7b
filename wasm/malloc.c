/*
 * Memory in blocks, in place of the C library's allocator, which is 11 KB of a module. Some hundreds of blocks live at a time,
 * so a list will do: the free ones in the order of their addresses, where neighbours become one, and the smallest that fits
 * is taken, so that large ones stay whole for what is large.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* POSIX's: moves the end of memory, and gives what it was. */
void *sbrk(intptr_t more);

/* At the start of each block, whose content begins ALIGNMENT later. `next` counts while it is free. */
typedef struct block {
  size_t size; /* with this header, a multiple of ALIGNMENT */
  struct block *next;
} block;

enum { ALIGNMENT = 16, SMALLEST = 2 * ALIGNMENT };

static block *first;

static char *end_of(block *of) { return (char *)of + of->size; }

/* Adds memory for a block of `size` behind all others, free as yet; gives the link to it. */
static block **grow(size_t size, block **last) {
  char *top = sbrk(0);
  if (top == (char *)-1) return NULL;
  block *tail = last ? *last : NULL;
  const bool joined = tail && end_of(tail) == top;
  const size_t gap = joined ? 0 : -(uintptr_t)top % ALIGNMENT;
  if (sbrk((intptr_t)(size - (joined ? tail->size : 0) + gap)) == (void *)-1) return NULL;
  if (joined) {
    tail->size = size;
    return last;
  }
  block **link = tail ? &tail->next : &first;
  *link = (block *)(top + gap);
  **link = (block){size, NULL};
  return link;
}

static void *take(size_t bytes) {
  if (bytes > PTRDIFF_MAX - SMALLEST) return NULL;
  const size_t size = (bytes + SMALLEST - 1) / ALIGNMENT * ALIGNMENT + (bytes == 0 ? ALIGNMENT : 0);
  block **best = NULL, **last = NULL;
  for (block **link = &first; *link; link = &(*link)->next) {
    if ((*link)->size >= size && (!best || (*link)->size < (*best)->size)) best = link;
    last = link;
  }
  if (!best) best = grow(size, last);
  if (!best) return NULL;
  block *taken = *best;
  if (taken->size - size >= SMALLEST) {
    block *rest = (block *)((char *)taken + size);
    *rest = (block){taken->size - size, taken->next};
    taken->size = size;
    *best = rest;
  } else {
    *best = taken->next;
  }
  return (char *)taken + ALIGNMENT;
}

static void give(void *memory) {
  if (!memory) return;
  block *given = (block *)((char *)memory - ALIGNMENT), *before = NULL, *after = first;
  for (; after && after < given; after = after->next) before = after;
  given->next = after;
  if (after && end_of(given) == (char *)after) {
    given->size += after->size;
    given->next = after->next;
  }
  if (before && end_of(before) == (char *)given) {
    before->size += given->size;
    before->next = given->next;
  } else if (before) {
    before->next = given;
  } else {
    first = given;
  }
}

void *malloc(size_t bytes) { return take(bytes); }

void free(void *memory) { give(memory); }

void *calloc(size_t count, size_t size) {
  if (size && count > PTRDIFF_MAX / size) return NULL;
  void *memory = take(count * size);
  return memory ? memset(memory, 0, count * size) : NULL;
}

void *realloc(void *memory, size_t bytes) {
  if (!memory) return take(bytes);
  const size_t held = ((block *)((char *)memory - ALIGNMENT))->size - ALIGNMENT;
  if (bytes <= held) return memory;
  void *moved = take(bytes);
  if (!moved) return NULL;
  memcpy(moved, memory, held);
  give(memory);
  return moved;
}
