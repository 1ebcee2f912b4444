/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "batch/batch.h"
#include "batch/sightings.h"

static void rows_are_zeroed_and_copied(void **state)
{
    (void)state;
    struct batch *a = batch_new(STAGE_RECORD, 4), *b = batch_new(STAGE_RECORD, 4);
    assert_null(batch_local(a));
    size_t row = batch_add(a);
    batch_octets(a)[row] = 77;
    batch_set_text(a, FIELD_server_name, row, "example.com", 11);
    batch_clear(a);
    row = batch_add(a);
    assert_int_equal(batch_octets(a)[row], 0);
    assert_int_equal(batch_text(a, FIELD_server_name, row).len, 0);
    batch_octets(a)[row] = 78;
    batch_set_text(a, FIELD_server_name, row, "example.org", 11);
    size_t copy = batch_copy_row(b, a, row);
    assert_int_equal(batch_octets(b)[copy], 78);
    assert_true(bytes_equal(batch_text(b, FIELD_server_name, copy), bytes_of("example.org", 11)));
    assert_int_equal(batch_room(b), 3);
    batch_free(a);
    batch_free(b);
}

static void text_past_the_pool_is_counted(void **state)
{
    (void)state;
    struct batch *b = batch_new(STAGE_RECORD, 2);
    static char big[70000];
    size_t row = batch_add(b);
    batch_set_text(b, FIELD_server_name, row, big, sizeof big);
    assert_int_equal(b->text_lost, 1);
    assert_int_equal(batch_text(b, FIELD_server_name, row).len, 0);
    batch_free(b);
}

static void sightings_drop_the_oldest(void **state)
{
    (void)state;
    struct sightings s;
    sightings_init(&s, 2);
    struct ip ip = {{0}};
    for (uint64_t i = 1; i <= 3; i++)
        sightings_add(&s, i, &ip, &ip, 60, "a.example", 9);
    assert_int_equal(s.count, 2);
    assert_int_equal(s.lost, 1);
    assert_int_equal(s.rows[0].time_ms, 2);
    sightings_done(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_are_zeroed_and_copied),
        cmocka_unit_test(text_past_the_pool_is_counted),
        cmocka_unit_test(sightings_drop_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
