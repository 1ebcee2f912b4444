/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "batch/block.h"
#include "schema/values.h"

/* Two columns, two rows, then the same columns with one row, written by hand from the format's
 * description. */
static const uint8_t hand[] = {
    2,   2,   1,   'n', 6,   'U', 'I', 'n', 't', '1', '6', 0x34, 0x12, 0xff, 0xff, 1,   's', 6,
    'S', 't', 'r', 'i', 'n', 'g', 2,   'h', 'i', 0,   2,   1,    1,    'n',  6,    'U', 'I', 'n',
    't', '1', '6', 7,   0,   1,   's', 6,   'S', 't', 'r', 'i',  'n',  'g',  1,    '!',
};
enum { HAND_FIRST = 28 };

/* Array(Int8): [1, -2], []; Array(String): ["a"], ["bc", ""]; Int64; Float64 1.5, -1;
 * DateTime('UTC') */
static const uint8_t arrays[] = {
    5,    2,    1,    'a', 11,  'A', 'r', 'r', 'a',  'y',  '(',  'I',  'n',  't',  '8',  ')',  2,
    0,    0,    0,    0,   0,   0,   0,   2,   0,    0,    0,    0,    0,    0,    0,    1,    0xfe,
    1,    'b',  13,   'A', 'r', 'r', 'a', 'y', '(',  'S',  't',  'r',  'i',  'n',  'g',  ')',  1,
    0,    0,    0,    0,   0,   0,   0,   3,   0,    0,    0,    0,    0,    0,    0,    1,    'a',
    2,    'b',  'c',  0,   1,   'c', 5,   'I', 'n',  't',  '6',  '4',  0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 0xff, 1,   0,   0,   0,   0,   0,    0,    0,    1,    'd',  7,    'F',  'l',  'o',
    'a',  't',  '6',  '4', 0,   0,   0,   0,   0,    0,    0xf8, 0x3f, 0,    0,    0,    0,    0,
    0,    0xf0, 0xbf, 1,   'e', 15,  'D', 'a', 't',  'e',  'T',  'i',  'm',  'e',  '(',  '\'', 'U',
    'T',  'C',  '\'', ')', 1,   0,   0,   0,   0xff, 0xff, 0xff, 0xff,
};

static void blocks_of_a_stream_become_one(void **state)
{
    (void)state;
    struct block *b;
    assert_int_equal(native_decode(bytes_of(hand, sizeof hand), &b, NULL), 0);
    assert_int_equal(block_rows(b), 3);
    assert_int_equal(block_columns(b), 2);
    assert_int_equal(block_find(b, "s"), 1);
    assert_int_equal(block_find(b, "t"), -1);
    assert_string_equal(block_column_type(b, 0), "UInt16");
    assert_int_equal(block_u64(b, 0, 0), 0x1234);
    assert_int_equal(block_i64(b, 0, 1), 65535);
    assert_int_equal(block_u64(b, 0, 2), 7);
    assert_true(bytes_equal(block_bytes(b, 1, 0), bytes_of_text("hi")));
    assert_int_equal(block_bytes(b, 1, 1).len, 0);
    assert_true(bytes_equal(block_bytes(b, 1, 2), bytes_of_text("!")));
    block_free(b);
}

static void blocks_come_one_by_one(void **state)
{
    (void)state;
    struct block *b;
    struct bytes rest = bytes_of(hand, HAND_FIRST + 5);
    assert_int_equal(native_decode_next(&rest, &b, NULL), 1);
    assert_int_equal(block_rows(b), 2);
    block_free(b);
    assert_int_equal(rest.len, 5);
    assert_int_equal(native_decode_next(&rest, &b, NULL), 0);
    assert_int_equal(rest.len, 5);
}

static void arrays_and_signs(void **state)
{
    (void)state;
    struct block *b;
    assert_int_equal(native_decode(bytes_of(arrays, sizeof arrays), &b, NULL), 0);
    assert_int_equal(block_array_len(b, 0, 0), 2);
    assert_int_equal(block_array_len(b, 0, 1), 0);
    assert_int_equal((int64_t)block_array_u64(b, 0, 0, 1), -2);
    assert_true(block_array_f64(b, 0, 0, 1) == -2.0);
    assert_int_equal(block_array_len(b, 1, 1), 2);
    assert_true(bytes_equal(block_array_bytes(b, 1, 1, 0), bytes_of_text("bc")));
    assert_int_equal(block_i64(b, 2, 0), -1);
    assert_true(block_f64(b, 2, 0) == -1.0);
    assert_true(block_f64(b, 3, 0) == 1.5);
    assert_int_equal(block_u64(b, 3, 1), 0);
    assert_int_equal(block_i64(b, 3, 1), -1);
    assert_int_equal(block_u64(b, 4, 1), UINT32_MAX);
    block_free(b);
}

static void truncations(const uint8_t *whole, size_t size, size_t good)
{
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *part = malloc(cut ? cut : 1);
        memcpy(part, whole, cut);
        struct block *b = NULL;
        struct error err = {0};
        int status = native_decode(bytes_of(part, cut), &b, &err);
        if (cut == 0 || cut == good) {
            assert_int_equal(status, 0);
            block_free(b);
        } else {
            assert_int_equal(status, ERROR_FAILED);
            assert_null(b);
            assert_non_null(strstr(err.text, "ends in the middle"));
        }
        free(part);
    }
}

static void every_truncation_is_an_error(void **state)
{
    (void)state;
    truncations(hand, sizeof hand, HAND_FIRST);
    truncations(arrays, sizeof arrays, sizeof arrays);
}

static void nonsense_is_an_error(void **state)
{
    (void)state;
    static const struct {
        uint8_t octets[24];
        size_t len;
    } bad[] = {
        {{0, 5}, 2},                                    /* rows without columns */
        {{1, 1, 1, 'x', 4, 'J', 'S', 'O', 'N', 0}, 10}, /* a type not known */
        {{1,   1,   1,   'x', 15,  'F', 'i', 'x', 'e', 'd', 'S',
          't', 'r', 'i', 'n', 'g', '(', '0', '1', ')', 0},
         21},
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, 10}, /* past 64 bits */
        {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0}, 11}, /* 2^64 - 1 columns */
        {{1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
          1, 1,    'x',  6,    'S',  't',  'r',  'i',  'n',  'g'},
         20},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct block *b;
        struct error err;
        int status = native_decode(bytes_of(bad[i].octets, bad[i].len), &b, &err);
        if (i == 2) /* FixedString(01) is one octet: it is whole */
            assert_int_equal(status, ERROR_NONE), block_free(b);
        else
            assert_int_equal(status, ERROR_FAILED);
    }
    uint8_t differ[sizeof hand];
    memcpy(differ, hand, sizeof hand);
    differ[HAND_FIRST + 3] = 'm';
    struct block *b;
    struct error err;
    assert_int_equal(native_decode(bytes_of(differ, sizeof differ), &b, &err), ERROR_FAILED);
    assert_non_null(strstr(err.text, "differ"));
}

static void a_built_block_encodes_as_by_hand(void **state)
{
    (void)state;
    struct block *b = block_new();
    block_column(b, "n", "UInt16");
    block_column(b, "s", "String");
    block_put_u64(b, 0x1234);
    block_put_bytes(b, "hi", 2);
    block_put_u64(b, 0xffff);
    block_put_bytes(b, "", 0);
    struct buf out;
    buf_init(&out, 1 << 20);
    native_encode_block(&out, b);
    assert_int_equal(out.len, HAND_FIRST);
    assert_memory_equal(out.at, hand, HAND_FIRST);
    buf_done(&out);
    block_free(b);
}

static void every_type_comes_back(void **state)
{
    (void)state;
    struct block *b = block_new(), *back;
    block_column(b, "i8", "Int8");
    block_column(b, "u64", "UInt64");
    block_column(b, "f", "Float64");
    block_column(b, "fixed", "FixedString(3)");
    block_column(b, "date", "Date");
    block_column(b, "time", "DateTime");
    char big[300];
    memset(big, 'x', sizeof big);
    block_column(b, "text", "String");
    for (int i = 0; i < 100; i++) {
        block_put_i64(b, -i);
        block_put_u64(b, UINT64_MAX - (uint64_t)i);
        block_put_f64(b, i / 7.0);
        block_put_bytes(b, "ab", 2);
        block_put_u64(b, 17000);
        block_put_u64(b, 1491004800);
        block_put_bytes(b, big, (size_t)i * 3);
    }
    struct buf out;
    buf_init(&out, 1 << 20);
    native_encode_block(&out, b);
    assert_int_equal(native_decode(bytes_of(out.at, out.len), &back, NULL), 0);
    assert_int_equal(block_rows(back), 100);
    assert_int_equal(block_i64(back, 0, 99), -99);
    assert_true(block_u64(back, 1, 1) == UINT64_MAX - 1);
    assert_true(block_f64(back, 2, 3) == 3 / 7.0);
    assert_true(bytes_equal(block_bytes(back, 3, 0), bytes_of("ab\0", 3)));
    assert_int_equal(block_u64(back, 4, 0), 17000);
    assert_int_equal(block_u64(back, 5, 0), 1491004800);
    assert_int_equal(block_bytes(back, 6, 99).len, 297);
    buf_done(&out);
    block_free(b);
    block_free(back);
}

static struct batch *two_flows(void)
{
    struct batch *b = batch_new(STAGE_FLOW, 4);
    for (unsigned i = 0; i < 2; i++) {
        size_t row = batch_add(b);
        batch_start_ms(b)[row] = 1491004800000 + i;
        batch_local(b)[row] = ip_from_v4((const uint8_t[]){175, 45, 176, (uint8_t)i});
        batch_octets_out(b)[row] = UINT64_MAX - i;
        batch_day(b)[row] = 17257;
        batch_country(b)[row] = country_code("KP");
        batch_set_text(b, FIELD_server_name, row, "example.org", i ? 11 : 0);
    }
    return b;
}

static void a_batch_becomes_a_block_and_back(void **state)
{
    (void)state;
    struct batch *b = two_flows(), *back = batch_new(STAGE_FLOW, 8);
    struct buf out, same;
    buf_init(&out, 1 << 20);
    buf_init(&same, 1 << 20);
    native_encode_batch(&out, b, 0, 2);
    native_encode_batch(&same, b, 0, 2);
    assert_int_equal(out.len, same.len);
    assert_memory_equal(out.at, same.at, out.len);
    struct block *block;
    assert_int_equal(native_decode(bytes_of(out.at, out.len), &block, NULL), 0);
    assert_int_equal(block_rows(block), 2);
    assert_string_equal(block_column_name(block, 0), "start_ms");
    assert_string_equal(block_column_type(block, (size_t)block_find(block, "local")),
                        "FixedString(16)");
    assert_int_equal(block_to_batch(block, 1, back, NULL), 1);
    assert_int_equal(batch_start_ms(back)[0], 1491004800001);
    assert_true(ip_equal(&batch_local(back)[0], &batch_local(b)[1]));
    assert_true(batch_octets_out(back)[0] == UINT64_MAX - 1);
    assert_int_equal(batch_day(back)[0], 17257);
    assert_true(bytes_equal(batch_text(back, FIELD_server_name, 0), bytes_of_text("example.org")));
    block_free(block);
    buf_clear(&out);
    native_encode_batch(&out, b, 1, 1);
    assert_int_equal(native_decode(bytes_of(out.at, out.len), &block, NULL), 0);
    assert_int_equal(block_rows(block), 1);
    block_free(block);
    buf_done(&out);
    buf_done(&same);
    batch_free(b);
    batch_free(back);
}

static void a_column_of_another_type_is_refused(void **state)
{
    (void)state;
    struct block *b = block_new();
    struct batch *back = batch_new(STAGE_FLOW, 8);
    struct error err;
    block_column(b, "start_ms", "UInt32");
    block_put_u64(b, 1);
    assert_int_equal(block_to_batch(b, 0, back, &err), ERROR_FAILED);
    assert_non_null(strstr(err.text, "start_ms"));
    assert_int_equal(back->rows, 0);
    block_free(b);
    batch_free(back);
}

/* A buffer past its limit must not give half a block. */
static void a_full_buffer_is_noticed(void **state)
{
    (void)state;
    struct batch *b = two_flows();
    struct buf out;
    buf_init(&out, 100);
    native_encode_batch(&out, b, 0, 2);
    assert_true(out.failed);
    buf_done(&out);
    batch_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_of_a_stream_become_one),
        cmocka_unit_test(blocks_come_one_by_one),
        cmocka_unit_test(arrays_and_signs),
        cmocka_unit_test(every_truncation_is_an_error),
        cmocka_unit_test(nonsense_is_an_error),
        cmocka_unit_test(a_built_block_encodes_as_by_hand),
        cmocka_unit_test(every_type_comes_back),
        cmocka_unit_test(a_batch_becomes_a_block_and_back),
        cmocka_unit_test(a_column_of_another_type_is_refused),
        cmocka_unit_test(a_full_buffer_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
