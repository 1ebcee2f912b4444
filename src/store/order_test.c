/* SPDX-License-Identifier: Apache-2.0 */
/* The radix sort against qsort(), and rows in an order of one's own through the Native format. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "batch/block.h"
#include "store/order.h"
#include "store/tables.h"

enum { BATCHES = 7, ROWS = 1500 };

static struct ip random_ip(struct random *r, unsigned kinds)
{
    struct ip ip = ip_from_v4(
        (const uint8_t[]){10, (uint8_t)random_below(r, 3), 0, (uint8_t)random_below(r, 40)});
    if (random_below(r, kinds) == 1)
        for (int i = 0; i < IP_OCTETS; i++)
            ip.octet[i] = (uint8_t)(random_below(r, 4) ? 0x20 : random_u64(r));
    return ip;
}

static void make(struct batch *batches[BATCHES], unsigned kinds)
{
    struct random r;
    random_init(&r, kinds);
    for (int b = 0; b < BATCHES; b++) {
        size_t rows = b == 3 ? 0 : 1 + random_below(&r, ROWS);
        batches[b] = batch_new(STAGE_FLOW, ROWS);
        for (size_t n = 0; n < rows; n++) {
            size_t row = batch_add(batches[b]);
            uint64_t start = random_below(&r, 2) ? random_below(&r, 500) : random_u64(&r) >> 8;
            batch_start_ms(batches[b])[row] = start;
            batch_end_ms(batches[b])[row] = start + random_below(&r, 100000);
            batch_local(batches[b])[row] = random_ip(&r, kinds);
            batch_remote(batches[b])[row] = random_ip(&r, kinds);
            batch_octets_in(batches[b])[row] = random_u64(&r);
            batch_sampling(batches[b])[row] = 7;
            if (random_below(&r, 3) == 0)
                batch_set_text(batches[b], FIELD_server_name, row, "name.example", 1 + n % 12);
        }
    }
}

static struct batch **sorted_of;

static int compare(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const struct batch *p = sorted_of[x >> NATIVE_ORDER_SHIFT];
    const struct batch *q = sorted_of[y >> NATIVE_ORDER_SHIFT];
    size_t i = x & 0xffff, k = y & 0xffff;
    int order = memcmp(&batch_remote(p)[i], &batch_remote(q)[k], IP_OCTETS);
    if (order == 0)
        order = memcmp(&batch_local(p)[i], &batch_local(q)[k], IP_OCTETS);
    if (order == 0)
        order = (batch_start_ms(p)[i] > batch_start_ms(q)[k]) -
                (batch_start_ms(p)[i] < batch_start_ms(q)[k]);
    return order ? order : (x > y) - (x < y); /* equal ones as they came */
}

static void the_order_is_that_of_a_plain_sort(void **state)
{
    (void)state;
    struct order order = {0};
    for (unsigned kinds = 1; kinds <= 2; kinds++) {
        struct batch *batches[BATCHES];
        make(batches, kinds);
        size_t rows = order_flows(&order, (const struct batch *const *)batches, BATCHES), n = 0;
        uint32_t *plain = memory_array(rows, sizeof *plain);
        for (uint32_t b = 0; b < BATCHES; b++)
            for (uint32_t row = 0; row < batches[b]->rows; row++)
                plain[n++] = b << NATIVE_ORDER_SHIFT | row;
        assert_int_equal(n, rows);
        sorted_of = batches;
        qsort(plain, rows, sizeof *plain, compare);
        assert_memory_equal(plain, order.rows, rows * sizeof *plain);
        free(plain);
        for (int b = 0; b < BATCHES; b++)
            batch_free(batches[b]);
    }
    assert_int_equal(order_flows(&order, NULL, 0), 0);
    order_done(&order);
}

static void assert_row(const struct block *b, size_t n, const struct batch *from, size_t row)
{
    struct bytes name = batch_text(from, FIELD_server_name, row);
    assert_int_equal(block_u64(b, (size_t)block_find(b, "start_ms"), n), batch_start_ms(from)[row]);
    /* flow_encode() made lengths of the ends */
    assert_int_equal(block_u64(b, (size_t)block_find(b, FLOW_LENGTH), n), batch_end_ms(from)[row]);
    assert_memory_equal(block_bytes(b, (size_t)block_find(b, "remote"), n).at,
                        &batch_remote(from)[row], IP_OCTETS);
    assert_int_equal(block_u64(b, (size_t)block_find(b, "octets_in"), n),
                     batch_octets_in(from)[row]);
    assert_int_equal(block_u64(b, (size_t)block_find(b, "sampling"), n), 7);
    assert_true(bytes_equal(block_bytes(b, (size_t)block_find(b, "server_name"), n), name));
}

/* Rows come out in the order asked for; columns that are zero in all of them are left to the
 * engine. */
static void rows_are_encoded_in_that_order(void **state)
{
    (void)state;
    struct batch *batches[BATCHES];
    struct order order = {0};
    struct buf native, columns;
    struct block *b;
    buf_init(&native, 1 << 26);
    buf_init(&columns, 1 << 16);
    make(batches, 2);
    uint64_t end = batch_end_ms(batches[0])[0], start = batch_start_ms(batches[0])[0];
    size_t rows = order_flows(&order, (const struct batch *const *)batches, BATCHES);
    flow_encode(&native, &columns, batches, BATCHES, order.rows, rows);
    assert_int_equal(batch_end_ms(batches[0])[0], end - start);
    assert_int_equal(native_decode(bytes_of(native.at, native.len), &b, NULL), 0);
    assert_int_equal(block_rows(b), rows);
    assert_int_equal(block_find(b, "octets_out"), -1);
    assert_int_equal(block_find(b, "end_ms"), -1);
    assert_non_null(strstr(columns.at, "server_name"));
    assert_null(strstr(columns.at, "octets_out"));
    for (size_t n = 0; n < rows; n++)
        assert_row(b, n, batches[order.rows[n] >> NATIVE_ORDER_SHIFT], order.rows[n] & 0xffff);
    block_free(b);
    order_done(&order);
    buf_done(&native);
    buf_done(&columns);
    for (int k = 0; k < BATCHES; k++)
        batch_free(batches[k]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_order_is_that_of_a_plain_sort),
        cmocka_unit_test(rows_are_encoded_in_that_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
