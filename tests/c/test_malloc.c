/* The modules' own allocator, over an arena in the place of wasm memory. */
#include "support.h"

#include <stdlib.h>
#include <string.h>

static _Alignas(64) char arena[1 << 20];
static size_t used, room;

/* Starts at an odd address, as a module's heap may. */
static void *arena_sbrk(intptr_t more) {
  if (more > 0 && (size_t)more > room - used) return (void *)-1;
  void *old = arena + 3 + used;
  used += (size_t)more;
  return old;
}

void *own_malloc(size_t bytes);
void *own_calloc(size_t count, size_t size);
void *own_realloc(void *memory, size_t bytes);
void own_free(void *memory);

#define sbrk arena_sbrk
#define malloc own_malloc
#define calloc own_calloc
#define realloc own_realloc
#define free own_free
#include "../../wasm/malloc.c"
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef sbrk

static void begin(size_t bytes) {
  first = NULL;
  used = 0;
  room = bytes;
  memset(arena, 0xa5, sizeof arena);
}

enum { SLOTS = 60, ROUNDS = 20000 };

typedef struct {
  unsigned char *memory;
  size_t size;
  unsigned char mark;
} slot;

static void check_slot(const slot *s) {
  for (size_t i = 0; i < s->size; i++) assert_int_equal(s->memory[i], s->mark);
}

static void fill_slot(slot *s, int round) {
  s->mark = (unsigned char)(round % 251);
  if (s->size) memset(s->memory, s->mark, s->size);
}

/* Whoever writes into another's block, or into the list between them, changes what is found later. */
TEST(blocks_are_apart) {
  begin(sizeof arena - 64);
  seed_data(1);
  slot slots[SLOTS] = {0};
  for (int round = 0; round < ROUNDS; round++) {
    slot *s = &slots[integer(0, SLOTS - 1)];
    const size_t size = (size_t)(integer(0, 9) ? integer(0, 200) : integer(0, 20000));
    if (!s->memory) {
      s->memory = own_malloc(size);
      assert_non_null(s->memory);
      s->size = size;
    } else if (integer(0, 2) == 0) {
      check_slot(s);
      const size_t kept = size < s->size ? size : s->size;
      s->memory = own_realloc(s->memory, size);
      assert_non_null(s->memory);
      s->size = kept;
      check_slot(s);
      s->size = size;
    } else {
      check_slot(s);
      own_free(s->memory);
      *s = (slot){0};
    }
    if (s->memory) {
      assert_int_equal((uintptr_t)s->memory % 16, 0);
      fill_slot(s, round);
    }
  }
  for (int i = 0; i < SLOTS; i++) {
    check_slot(&slots[i]);
    own_free(slots[i].memory);
  }
  /* All that was taken is one block again, and serves without more. */
  const size_t before = used;
  assert_non_null(first);
  assert_null(first->next);
  assert_non_null(own_malloc(first->size - ALIGNMENT));
  assert_int_equal(used, before);
}

TEST(the_smallest_that_fits) {
  begin(100000);
  void *large = own_malloc(5000), *wall = own_malloc(16), *small = own_malloc(500), *end = own_malloc(16);
  own_free(large);
  own_free(small);
  assert_ptr_equal(own_malloc(400), small);
  assert_ptr_equal(own_malloc(5000), large);
  own_free(wall);
  own_free(end);
}

/* What is asked for beyond the last free block is added to it. */
TEST(the_end_grows) {
  begin(100000);
  own_free(own_malloc(1000));
  const size_t before = used;
  assert_non_null(own_malloc(3000));
  assert_true(used < before + 2100);
}

TEST(refusals) {
  begin(4096);
  assert_null(own_malloc(5000));
  assert_null(own_malloc(SIZE_MAX));
  assert_null(own_malloc(PTRDIFF_MAX));
  assert_null(own_calloc(SIZE_MAX / 2, 4));
  unsigned char *held = own_malloc(64);
  assert_non_null(held);
  memset(held, 7, 64);
  assert_null(own_realloc(held, 5000));
  for (int i = 0; i < 64; i++) assert_int_equal(held[i], 7);
  own_free(held);
  own_free(NULL);
  const unsigned char *zeros = own_calloc(16, 4);
  for (int i = 0; i < 64; i++) assert_int_equal(zeros[i], 0);
  assert_non_null(own_realloc(NULL, 10));
  assert_non_null(own_malloc(0));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      CASE(blocks_are_apart),
      CASE(the_smallest_that_fits),
      CASE(the_end_grows),
      CASE(refusals),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
