/* SPDX-License-Identifier: Apache-2.0 */
/* The assembly against a plain map of octets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "meter/assembly.h"

static void test_in_order_and_not(void **state)
{
    (void)state;
    struct assembly *a = memory_alloc(sizeof *a);
    assembly_start(a, 0xfffffffe); /* positions wrap */
    assert_int_equal(assembly_head(a).len, 0);
    assert_false(assembly_add(a, 2, bytes_of("efgh", 4)));
    assert_int_equal(assembly_head(a).len, 0);
    assert_true(assembly_add(a, 0xfffffffe, bytes_of("abcd", 4)));
    assert_int_equal(assembly_head(a).len, 8);
    assert_memory_equal(assembly_head(a).at, "abcdefgh", 8);
    assert_false(assembly_add(a, 0, bytes_of("cd", 2)));
    /* A part before the base moves the base. */
    assert_true(assembly_add(a, 0xfffffffc, bytes_of("xy", 2)));
    assert_memory_equal(assembly_head(a).at, "xyabcdefgh", 10);
    free(a);
}

static void test_limits(void **state)
{
    (void)state;
    struct assembly *a = memory_alloc(sizeof *a);
    uint8_t part[ASSEMBLY_OCTETS] = {1};
    assembly_start(a, 0);
    for (uint32_t i = 0; i < ASSEMBLY_PIECES; i++)
        assembly_add(a, 10 + 10 * i, bytes_of(part, 5));
    assert_int_equal(a->pieces, ASSEMBLY_PIECES);
    assembly_add(a, 10000, bytes_of(part, 5)); /* one island too many: left out */
    assert_int_equal(a->pieces, ASSEMBLY_PIECES);
    assert_true(assembly_add(a, 0, bytes_of(part, 1000)));
    assert_int_equal(a->pieces, 1);
    assert_true(assembly_add(a, 1000, bytes_of(part, ASSEMBLY_OCTETS)));
    assert_int_equal(assembly_head(a).len, ASSEMBLY_OCTETS);
    assert_false(assembly_add(a, ASSEMBLY_OCTETS, bytes_of(part, 5)));
    assert_false(assembly_add(a, 0x80000000, bytes_of(part, 5)));
    assert_int_equal(assembly_head(a).len, ASSEMBLY_OCTETS);
    free(a);
}

/* Random parts of a known text: the head is what a plain map says. */
static void test_against_plain(void **state)
{
    (void)state;
    struct assembly *a = memory_alloc(sizeof *a);
    uint8_t text[4000], have[4000];
    struct random r;
    random_init(&r, 7);
    for (size_t i = 0; i < sizeof text; i++)
        text[i] = (uint8_t)random_u64(&r);
    for (int round = 0; round < 300; round++) {
        memset(have, 0, sizeof have);
        assembly_start(a, 1000);
        size_t most = 1 + random_below(&r, 600);
        for (int step = 0; step < 60; step++) {
            size_t from = random_below(&r, sizeof text - 1);
            size_t len = 1 + random_below(&r, most);
            len = len > sizeof text - from ? sizeof text - from : len;
            uint8_t islands = a->pieces;
            assembly_add(a, 1000 + (uint32_t)from, bytes_of(text + from, len));
            bool left_out = islands == ASSEMBLY_PIECES && a->pieces == islands;
            for (size_t i = 0; !left_out && i < len; i++)
                have[from + i] = 1;
            size_t head = 0;
            while (head < sizeof have && have[head])
                head++;
            if (left_out)
                break;
            assert_int_equal(assembly_head(a).len, head);
            assert_memory_equal(assembly_head(a).at, text, head);
        }
    }
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_in_order_and_not),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_against_plain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
