/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "report/rows.h"
#include "report/text.h"
#include "schema/values.h"

static void hostile_text_is_inert(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 16);
    text_csv(&b, bytes_of_text("=cmd|' /C calc'!A0"));
    assert_string_equal(b.at, "\"'=cmd|' /C calc'!A0\"");
    buf_clear(&b);
    text_csv(&b, bytes_of_text("a,\"b\"\n"));
    assert_string_equal(b.at, "\"a,\"\"b\"\"\n\"");
    buf_clear(&b);
    text_csv(&b, bytes_of_text("plain.example"));
    assert_string_equal(b.at, "plain.example");
    buf_clear(&b);
    text_json(&b, bytes_of("a\0\"\\\x1b\xff\xe2\x80\xae", 9));
    assert_string_equal(b.at, "\"a\\u0000\\\"\\\\\\u001b\xef\xbf\xbd\xe2\x80\xae\"");
    buf_clear(&b);
    text_utf8(&b, bytes_of("a\xe2\x80\xae""b\x07", 6), true);
    assert_string_equal(b.at, "a\xef\xbf\xbd""b\xef\xbf\xbd");
    /* Overlong, surrogate and cut sequences are no UTF-8 (RFC 3629). */
    buf_clear(&b);
    text_utf8(&b, bytes_of("\xc0\x80|\xed\xa0\x80|\xf0\x9f\x98", 10), false);
    assert_null(strstr(b.at, "\xc0"));
    assert_null(strstr(b.at, "\xed\xa0"));
    assert_null(strstr(b.at, "\xf0\x9f\x98"));
    buf_done(&b);
}

static void json_of_any_octets_parses(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    unsigned seed = 7;
    for (int round = 0; round < 2000; round++) {
        uint8_t noise[40];
        for (size_t i = 0; i < sizeof noise; i++)
            noise[i] = (uint8_t)(rand_r(&seed) >> 7);
        buf_clear(&b);
        text_json(&b, bytes_of(noise, sizeof noise));
        json_t *parsed = json_loadb(b.at, b.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(parsed);
        json_decref(parsed);
    }
    buf_done(&b);
}

static struct block *one_flow(void)
{
    struct block *b = block_new();
    struct ip local, remote;
    ip_parse("175.45.176.1", 12, &local);
    ip_parse("2001:db8::1", 11, &remote);
    block_column(b, "remote", "FixedString(16)");
    block_column(b, "local", "FixedString(16)");
    block_column(b, "start_ms", "UInt64");
    block_column(b, "protocol", "UInt8");
    block_column(b, "tcp_flags_out", "UInt8");
    block_column(b, "role", "UInt8");
    block_column(b, "service", "UInt16");
    block_column(b, "server_name", "String");
    block_column(b, "country", "UInt16");
    block_column(b, "source", "UInt32");
    block_column(b, "opener", "UInt8");
    block_put_bytes(b, remote.octet, 16);
    block_put_bytes(b, local.octet, 16);
    block_put_u64(b, 1491004800123u);
    block_put_u64(b, 6);
    block_put_u64(b, 0x12);
    block_put_u64(b, ROLE_CONSUMED);
    block_put_u64(b, 1);
    block_put_bytes(b, "-evil.example", 13);
    block_put_u64(b, country_code("IN"));
    block_put_u64(b, 3);
    block_put_u64(b, 1);
    return b;
}

static const char *path_of(void *ctx, uint32_t id)
{
    (void)ctx;
    return id == 3 ? "a, b.pcap" : NULL;
}

static char *printed(enum rows_format format, const struct block *b)
{
    struct symbols *symbols = symbols_new(10);
    symbols_code(symbols, SYMBOL_SERVICE, "facebook", 8);
    struct rows_setting setting = {.format = format, .symbols = symbols, .source_path = path_of, .width = 100};
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct rows_writer *w = rows_new(&setting, out);
    if (b)
        rows_block(w, b);
    assert_int_equal(rows_end(w), b ? 1 : 0);
    rows_free(w);
    fclose(out);
    symbols_free(symbols);
    return text;
}

static void rows_print_in_the_order_of_the_fields(void **state)
{
    (void)state;
    struct block *b = one_flow();
    char *csv = printed(ROWS_CSV, b);
    assert_string_equal(csv, "start,local,remote,protocol,tcp_flags_out,role,service,server_name,country,source\r\n"
                             "2017-04-01T00:00:00.123Z,175.45.176.1,2001:db8::1,6,SA,consumed,facebook,"
                             "\"'-evil.example\",IN,\"a, b.pcap\"\r\n");
    char *json = printed(ROWS_JSON, b);
    json_t *rows = json_loads(json, 0, NULL);
    assert_int_equal(json_array_size(rows), 1);
    const json_t *row = json_array_get(rows, 0);
    assert_string_equal(json_string_value(json_object_get(row, "server_name")), "-evil.example");
    assert_int_equal(json_integer_value(json_object_get(row, "protocol")), 6);
    assert_null(json_object_get(row, "opener"));
    char *table = printed(ROWS_TABLE, b);
    assert_non_null(strstr(table, " tcp "));
    json_decref(rows);
    free(csv);
    free(json);
    free(table);
    block_free(b);
}

static void no_rows_are_still_a_document(void **state)
{
    (void)state;
    char *json = printed(ROWS_JSON, NULL), *csv = printed(ROWS_CSV, NULL);
    assert_string_equal(json, "[]\n");
    assert_non_null(strstr(csv, "start,end,local,remote,local_port,remote_port,protocol,packets_out"));
    free(json);
    free(csv);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_text_is_inert),
        cmocka_unit_test(json_of_any_octets_parses),
        cmocka_unit_test(rows_print_in_the_order_of_the_fields),
        cmocka_unit_test(no_rows_are_still_a_document),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
