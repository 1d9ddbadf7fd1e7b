/* The memory plan: spans that live at the same time never share memory. */
#include "net/plan.h"
#include "support.h"

#include <string.h>

static bool meet(const nl_span *a, const nl_span *b) { return a->first <= b->last && b->first <= a->last; }

/* `bytes`: what was asked for; placing may round it up. */
static void check_plan(const nl_span *spans, const uint64_t *bytes, int32_t count, uint64_t block) {
  for (int32_t i = 0; i < count; i++) {
    assert_int_equal(spans[i].offset % 64, 0);
    assert_true(spans[i].offset + bytes[i] <= block);
    for (int32_t j = 0; j < i; j++) {
      if (!meet(&spans[i], &spans[j]) || bytes[i] == 0 || bytes[j] == 0) continue;
      if (spans[i].offset < spans[j].offset + bytes[j] && spans[j].offset < spans[i].offset + bytes[i])
        fail_msg("spans %d and %d overlap", j, i);
    }
  }
}

TEST(random_spans) {
  enum { MOST = 60 };
  seed_data(1);
  for (int round = 0; round < 400; round++) {
    nl_span spans[MOST];
    uint64_t bytes[MOST], sum = 0, busiest = 0;
    const int32_t count = integer(1, MOST), steps = integer(1, 40);
    for (int32_t i = 0; i < count; i++) {
      const int32_t a = integer(0, steps), b = integer(0, steps);
      bytes[i] = integer(0, 4) == 0 ? 0 : (uint64_t)integer(1, 5000);
      spans[i] = (nl_span){bytes[i], a < b ? a : b, a < b ? b : a, 12345};
      sum += (bytes[i] + 63) / 64 * 64;
    }
    const uint64_t block = nl_plan_place(spans, count);
    check_plan(spans, bytes, count, block);
    for (int32_t step = 0; step <= steps; step++) {
      uint64_t alive = 0;
      for (int32_t i = 0; i < count; i++)
        if (spans[i].first <= step && step <= spans[i].last) alive += bytes[i];
      if (alive > busiest) busiest = alive;
    }
    assert_true(block >= busiest && block <= sum);
  }
}

/* Why there is a plan: what is dead makes room. */
TEST(memory_is_shared) {
  nl_span chain[10];
  uint64_t bytes[10];
  for (int32_t i = 0; i < 10; i++) {
    bytes[i] = 640;
    chain[i] = (nl_span){bytes[i], i, i + 1, 0};
  }
  const uint64_t block = nl_plan_place(chain, 10);
  check_plan(chain, bytes, 10, block);
  assert_int_equal(block, 1280);
  nl_span apart[] = {{100, 0, 0, 0}, {100, 1, 1, 0}, {100, 2, 2, 0}};
  assert_int_equal(nl_plan_place(apart, 3), 128);
  nl_span together[] = {{100, 0, 2, 0}, {100, 1, 1, 0}, {100, 2, 2, 0}};
  assert_int_equal(nl_plan_place(together, 3), 256);
}

/* The sum is right where 32 bits would have wrapped: whoever asks for the memory then refuses it. */
TEST(more_than_32_bits) {
  nl_span spans[] = {{3000000000u, 0, 1, 0}, {3000000000u, 1, 2, 0}, {3000000000u, 1, 1, 0}};
  const uint64_t bytes[] = {3000000000u, 3000000000u, 3000000000u}, block = nl_plan_place(spans, 3);
  check_plan(spans, bytes, 3, block);
  assert_true(block >= 9000000000u);
}

TEST(nothing_to_place) {
  assert_int_equal(nl_plan_place(NULL, 0), 0);
  nl_span empty[] = {{0, 0, 5, 7}, {0, 2, 3, 7}};
  assert_int_equal(nl_plan_place(empty, 2), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {CASE(random_spans), CASE(memory_is_shared), CASE(more_than_32_bits),
                                     CASE(nothing_to_place)};
  return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
