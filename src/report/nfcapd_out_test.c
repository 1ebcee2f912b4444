/* SPDX-License-Identifier: Apache-2.0 */
/* What is written is read back by our reader (and by nfdump itself: tests/e2e/export.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "decode/nfcapd.h"
#include "report/flow_table.h"
#include "report/nfcapd_out.h"
#include "schema/values.h"

#define START UINT64_C(1491004800123)

static struct symbols *symbols;

static struct ip address(const char *text)
{
    struct ip ip;
    assert_true(ip_parse(text, strlen(text), &ip));
    return ip;
}

static uint32_t exporter(const char *text)
{
    return symbols_code(symbols, SYMBOL_EXPORTER, text, strlen(text));
}

static size_t add(struct batch *b, const char *src, const char *dst, uint8_t protocol,
                  uint64_t packets, uint64_t back, uint32_t sampling, const char *from)
{
    size_t i = batch_add(b);
    batch_start_ms(b)[i] = START + i;
    batch_end_ms(b)[i] = START + i + 5000;
    batch_src_ip(b)[i] = address(src);
    batch_dst_ip(b)[i] = address(dst);
    batch_src_port(b)[i] = protocol == 1 ? 0 : 40000;
    batch_dst_port(b)[i] = protocol == 1 ? 8 << 8 : 443;
    batch_protocol(b)[i] = protocol;
    batch_packets(b)[i] = packets;
    batch_octets(b)[i] = packets * 100;
    batch_reverse_packets(b)[i] = back;
    batch_reverse_octets(b)[i] = back * 1000;
    batch_tcp_flags(b)[i] = protocol == 6 ? 0x1b : 0;
    batch_reverse_tcp_flags(b)[i] = protocol == 6 ? 0x12 : 0;
    batch_sampling(b)[i] = sampling;
    batch_exporter(b)[i] = from ? exporter(from) : 0;
    return i;
}

/* Writes `rows`, reads the file and gives what came. */
static struct batch *there_and_back(const struct batch *rows, size_t times,
                                    struct nfcapd_out_counts *counts, struct tally *tally)
{
    char path[] = "/tmp/telltale-nfcapd-XXXXXX";
    struct error err;
    struct stream *stream;
    struct nfcapd *in;
    FILE *file = fdopen(mkstemp(path), "w+");
    assert_non_null(file);
    struct nfcapd_out *o = nfcapd_out_new(file, symbols);
    for (size_t i = 0; i < times; i++)
        nfcapd_out_rows(o, rows);
    nfcapd_out_end(o, counts);
    assert_int_equal(ferror(file), 0);
    fclose(file);
    struct decode_setting setting = {.limits = decode_limits_default, .symbols = symbols};
    assert_int_equal(stream_open(path, &stream, &err), 0);
    assert_int_equal(nfcapd_open(stream, &setting, &in, &err), 0);
    struct batch *back = batch_new(STAGE_RECORD, times * 2 * rows->rows + NFCAPD_ROWS_MAX);
    while (nfcapd_next(in, back, tally))
        ;
    nfcapd_free(in);
    unlink(path);
    return back;
}

static void assert_row(const struct batch *b, size_t i, const char *src, uint16_t src_port,
                       uint16_t dst_port, uint64_t packets, uint64_t octets, uint8_t flags,
                       uint32_t sampling)
{
    char text[IP_TEXT_MAX];
    ip_print(&batch_src_ip(b)[i], text);
    assert_string_equal(text, src);
    assert_int_equal(batch_src_port(b)[i], src_port);
    assert_int_equal(batch_dst_port(b)[i], dst_port);
    assert_int_equal(batch_packets(b)[i], packets);
    assert_int_equal(batch_octets(b)[i], octets);
    assert_int_equal(batch_tcp_flags(b)[i], flags);
    assert_int_equal(batch_sampling(b)[i], sampling);
}

static void both_directions_both_families_sampling_and_exporters(void **state)
{
    (void)state;
    struct nfcapd_out_counts counts;
    struct tally tally = {0};
    struct batch *rows = batch_new(STAGE_RECORD, 10);
    add(rows, "10.0.0.1", "192.0.2.1", 6, 3, 5, 1, "198.51.100.1");
    add(rows, "2001:db8::1", "2001:db8::2", 17, 2, 0, 1000, "198.51.100.1#7");
    add(rows, "10.0.0.2", "192.0.2.2", 1, 1, 1, 1, NULL);
    add(rows, "10.0.0.3", "192.0.2.3", 6, 0, 4, 10, "2001:db8::9");
    add(rows, "10.0.0.4", "192.0.2.4", 6, 1, 0, 2, "a name");
    struct batch *back = there_and_back(rows, 1, &counts, &tally);
    assert_int_equal(counts.rows, 5);
    assert_int_equal(counts.records, 7);
    assert_int_equal(counts.packets, 3 + 5 + 2000 + 1 + 1 + 40 + 2);
    assert_int_equal(counts.octets, 300 + 5000 + 200000 + 100 + 1000 + 40000 + 200);
    assert_int_equal(back->rows, 7);
    assert_int_equal(tally.records, 7);
    assert_int_equal(tally.kept, 7);
    assert_row(back, 0, "10.0.0.1", 40000, 443, 3, 300, 0x1b, 1);
    assert_row(back, 1, "192.0.2.1", 443, 40000, 5, 5000, 0x12, 1);
    assert_row(back, 2, "2001:db8::1", 40000, 443, 2, 200, 0, 1000);
    assert_row(back, 3, "10.0.0.2", 0, 8 << 8, 1, 100, 0, 1);
    assert_row(back, 4, "192.0.2.2", 0, 0, 1, 1000, 0, 1);
    assert_row(back, 5, "192.0.2.3", 443, 40000, 4, 4000, 0x12, 10);
    assert_row(back, 6, "10.0.0.4", 40000, 443, 1, 100, 0x1b, 2);
    assert_int_equal(batch_start_ms(back)[6], START + 4);
    assert_int_equal(batch_end_ms(back)[6], START + 5004);
    static const char *const exporters[] = {
        "198.51.100.1", "198.51.100.1", "198.51.100.1#7", "", "", "2001:db8::9", "::"};
    for (size_t i = 0; i < 7; i++)
        assert_string_equal(symbols_text(symbols, SYMBOL_EXPORTER, batch_exporter(back)[i]),
                            exporters[i]);
    batch_free(rows);
    batch_free(back);
}

static void many_blocks(void **state)
{
    (void)state;
    enum { TIMES = 300, ROWS = 200 };
    struct nfcapd_out_counts counts;
    struct tally tally = {0};
    struct batch *rows = batch_new(STAGE_RECORD, ROWS);
    for (size_t i = 0; i < ROWS; i++)
        add(rows, i % 3 ? "10.0.0.1" : "2001:db8::1", i % 3 ? "192.0.2.1" : "2001:db8::2", 6, i + 1,
            i % 2, 1 + (uint32_t)(i % 5), "198.51.100.1");
    struct batch *back = there_and_back(rows, TIMES, &counts, &tally);
    assert_int_equal(counts.records, TIMES * (ROWS + ROWS / 2));
    assert_int_equal(back->rows, counts.records);
    assert_int_equal(tally.rejected, 0);
    uint64_t packets = 0;
    for (size_t i = 0; i < back->rows; i++)
        packets += batch_packets(back)[i] * batch_sampling(back)[i];
    assert_int_equal(packets, counts.packets);
    batch_free(rows);
    batch_free(back);
}

static void nothing_is_a_file_too(void **state)
{
    (void)state;
    struct nfcapd_out_counts counts;
    struct tally tally = {0};
    struct batch *rows = batch_new(STAGE_RECORD, 1);
    struct batch *back = there_and_back(rows, 1, &counts, &tally);
    assert_int_equal(back->rows, 0);
    assert_int_equal(tally.records, 0);
    batch_free(rows);
    batch_free(back);
}

static void set_flow(struct batch *f, size_t i, uint8_t opener, uint8_t role)
{
    batch_local(f)[i] = address("10.0.0.1");
    batch_remote(f)[i] = address("192.0.2.1");
    batch_local_port(f)[i] = 1111;
    batch_remote_port(f)[i] = 22;
    batch_protocol(f)[i] = 6;
    batch_packets_out(f)[i] = 3;
    batch_packets_in(f)[i] = 4;
    batch_octets_out(f)[i] = 30;
    batch_octets_in(f)[i] = 40;
    batch_tcp_flags_out(f)[i] = 2;
    batch_tcp_flags_in(f)[i] = 18;
    batch_opener(f)[i] = opener;
    batch_role(f)[i] = role;
    batch_set_text(f, FIELD_server_name, i, "=a\"b,\x01", 6);
}

/* Who opened is the source, its counters come first; the table's cells are inert. */
static void the_opener_is_the_source(void **state)
{
    (void)state;
    struct batch *f = batch_new(STAGE_FLOW, 4), *r = batch_new(STAGE_RECORD, 4);
    for (size_t i = 0; i < 4; i++)
        batch_add(f);
    set_flow(f, 0, OPENER_SOURCE, ROLE_CONSUMED);
    set_flow(f, 1, OPENER_DESTINATION_GUESS, ROLE_SERVED);
    set_flow(f, 2, OPENER_UNKNOWN, ROLE_UNANSWERED);
    set_flow(f, 3, OPENER_UNKNOWN, ROLE_PEER);
    flow_to_records(f, r);
    for (size_t i = 0; i < 4; i++) {
        bool local = i == 0 || i == 3;
        assert_int_equal(batch_src_port(r)[i], local ? 1111 : 22);
        assert_int_equal(batch_packets(r)[i], local ? 3 : 4);
        assert_int_equal(batch_reverse_octets(r)[i], local ? 40 : 30);
        assert_int_equal(batch_reverse_tcp_flags(r)[i], local ? 18 : 2);
        assert_int_equal(batch_opener(r)[i], i == 3 ? OPENER_UNKNOWN : OPENER_SOURCE);
    }
    char *text = NULL;
    size_t len;
    FILE *out = open_memstream(&text, &len);
    struct flow_table *t = flow_table_new(out, false, symbols, 0);
    flow_table_rows(t, f, r);
    assert_int_equal(flow_table_end(t), 4);
    fclose(out);
    assert_non_null(strstr(text,
                           "start,end,src_ip,dst_ip,src_port,dst_port,protocol,packets,octets,"
                           "reverse_packets,reverse_octets,tcp_flags,reverse_tcp_flags,"));
    assert_non_null(strstr(text, "10.0.0.1,192.0.2.1,1111,22,6,3,30,4,40,2,18,1,,"));
    assert_non_null(strstr(text, "192.0.2.1,10.0.0.1,22,1111,6,4,40,3,30,18,2,1,,"));
    assert_null(strstr(text, ",=a"));
    free(text);
    batch_free(f);
    batch_free(r);
}

int main(void)
{
    symbols = symbols_new(100);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_directions_both_families_sampling_and_exporters),
        cmocka_unit_test(many_blocks),
        cmocka_unit_test(nothing_is_a_file_too),
        cmocka_unit_test(the_opener_is_the_source),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    symbols_free(symbols);
    return failed;
}
