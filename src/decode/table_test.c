/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "decode/table_log.h"
#include "decode/table_value.h"

/* ---- values ---- */

static void times_are_read_as_tables_write_them(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms; /* 0: none */
    } cases[] = {
        {"2017-05-01T10:00:00Z", 1493632800000},
        {"2017-05-01T10:00:00.2509Z", 1493632800250},
        {"2017-05-01 10:00:00", 1493632800000},
        {"2017/05/01 10:00:00.5", 1493632800500},
        {"2017-05-01T19:00:00+09:00", 1493632800000},
        {"2017-05-01T12:00:00.000000+0200", 1493632800000},
        {"2017-05-01 10:00:00 UTC", 1493632800000},
        {"2017-05-01", 1493596800000},
        {"1493632800", 1493632800000},
        {"1493632800.250999", 1493632800250},
        {"1493632800250", 1493632800250},
        {"1493632800250999", 1493632800250},
        {"1493632800250999999", 1493632800250},
        {"279.103822", 279103},
        {"2017-02-29T00:00:00Z", 0},
        {"2017-13-01T00:00:00Z", 0},
        {"2017-05-01T25:00:00Z", 0},
        {"2017-05-01T10:00:00Zx", 0},
        {"2017-05-01T10:00:00+", 0},
        {"-5", 0},
        {"", 0},
        {"yesterday", 0},
        {"99999999999999999999", 0},
        {"9999-01-01", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t ms = 0;
        bool is = value_moment(bytes_of_text(cases[i].text), &ms);
        if (is != (cases[i].ms != 0) || ms != cases[i].ms)
            fail_msg("'%s': %llu", cases[i].text, (unsigned long long)ms);
    }
}

static void numbers_flags_and_durations(void **state)
{
    uint64_t n = 7;
    uint8_t f = 0;
    (void)state;
    assert_true(value_number(bytes_of_text("18446744073709551615"), &n) && n == UINT64_MAX);
    assert_false(value_number(bytes_of_text("18446744073709551616"), &n));
    assert_true(value_number(bytes_of_text("12.0"), &n) && n == 12);
    assert_false(value_number(bytes_of_text("12.5"), &n));
    assert_false(value_number(bytes_of_text("-1"), &n));
    assert_true(value_number(bytes_of_text("0x0303"), &n) && n == 0x303);
    assert_true(value_duration(bytes_of_text("1:02:03.5"), &n) && n == 3723500);
    assert_true(value_duration(bytes_of_text("0.0002"), &n) && n == 0);
    assert_true(value_tcp_flags(bytes_of_text("27"), false, &f) && f == 27);
    assert_true(value_tcp_flags(bytes_of_text("1b"), true, &f) && f == 0x1b);
    assert_true(value_tcp_flags(bytes_of_text("...AP.SF"), false, &f) && f == 0x1b);
    assert_false(value_tcp_flags(bytes_of_text("xyz"), false, &f));
    assert_true(value_absent(bytes_of_text("-")) && value_absent(bytes_of_text("(empty)")));
}

/* ---- texts ---- */

struct fixture {
    struct symbols *symbols;
    struct batch *out;
    struct sightings seen;
    struct tally tally;
    struct table_names *names, *certificates;
    struct table_log_setting setting;
    char format[32];
};

static void begin(struct fixture *f, size_t names)
{
    *f = (struct fixture){.symbols = symbols_new(1000), .out = batch_new(STAGE_RECORD, 4096)};
    f->names = table_names_new(names);
    f->certificates = table_names_new(names);
    sightings_init(&f->seen, 64);
    f->setting = (struct table_log_setting){
        .row = {.symbols = f->symbols}, .names = f->names, .certificates = f->certificates};
}

static void end(struct fixture *f)
{
    batch_free(f->out);
    symbols_free(f->symbols);
    sightings_done(&f->seen);
    table_names_free(f->names);
    table_names_free(f->certificates);
}

static bool read_all(struct fixture *f, const char *text, size_t len)
{
    struct table_log *log;
    struct error err;
    f->tally = (struct tally){0};
    batch_clear(f->out);
    f->seen.count = 0;
    if (table_log_open(stream_of_bytes(bytes_of(text, len)), &f->setting, "t", &log, &err) < 0)
        return false;
    snprintf(f->format, sizeof f->format, "%s", table_log_format(log));
    while (batch_room(f->out) && table_log_line(log, f->out, &f->seen, &f->tally))
        ;
    table_log_free(log);
    assert_true(tally_balanced(&f->tally));
    assert_int_equal(f->tally.kept, f->out->rows);
    return true;
}

static const char zeek_conn[] =
    "#separator \\x09\n#path\tconn\n"
    "#fields\tts\tuid\tid.orig_h\tid.orig_p\tid.resp_h\tid.resp_p\tproto\tservice\tduration\t"
    "history\torig_pkts\torig_ip_bytes\tresp_pkts\tresp_ip_bytes\n"
    "1601998366.785668\tC1\t10.0.0.1\t4000\t192.0.2.1\t443\ttcp\tssl\t1."
    "5\tShADadFf\t4\t500\t3\t600\n"
    "1601998367.0\tC2\t10.0.0.1\t8\t192.0.2.1\t0\ticmp\t-\t-\t-\t1\t84\t1\t84\n"
    "1601998368.0\tC3\t10.0.0.1\t13\t192.0.2.1\t14\ticmp\t-\t-\t-\t1\t40\t1\t40\n"
    "1601998369.0\tC4\t10.0.0.1\t3\t192.0.2.1\t1\ticmp\t-\t-\t-\t1\t70\t0\t0\n"
    "#close\t2020-10-06-18-00-00\n";

static void zeek_ports_flags_and_openers(void **state)
{
    struct fixture f;
    (void)state;
    begin(&f, 16);
    assert_true(read_all(&f, zeek_conn, sizeof zeek_conn - 1));
    assert_string_equal(f.format, "zeek conn");
    assert_int_equal(f.out->rows, 4);
    assert_int_equal(batch_start_ms(f.out)[0], 1601998366785);
    assert_int_equal(batch_end_ms(f.out)[0], 1601998368285);
    assert_int_equal(batch_tcp_flags(f.out)[0], 0x13);
    assert_int_equal(batch_reverse_tcp_flags(f.out)[0], 0x13);
    assert_int_equal(batch_opener(f.out)[0], OPENER_SOURCE);
    assert_int_equal(batch_marks(f.out)[0], MARK_BIFLOW);
    assert_string_equal(symbols_text(f.symbols, SYMBOL_APPLICATION, batch_application(f.out)[0]),
                        "TLS");
    assert_int_equal(batch_dst_port(f.out)[1], 8 << 8);
    assert_int_equal(batch_dst_port(f.out)[2], 13 << 8);
    assert_int_equal(batch_dst_port(f.out)[3], 3 << 8 | 1);
    assert_int_equal(batch_src_port(f.out)[3], 0);
    end(&f);
}

/* A name nearer to the wire counts; certificates only where they name one server. */
static void logs_in_one_file_name_connections(void **state)
{
    static const char text[] =
        "{\"_path\":\"x509\",\"fingerprint\":\"aa\",\"san.dns\":[\"*.one.example\",\"one.example\"]"
        "}\n"
        "{\"_path\":\"x509\",\"fingerprint\":\"bb\",\"san.dns\":[\"a.example\",\"b.example\"]}\n"
        "{\"_path\":\"ssl\",\"uid\":\"C1\",\"id.orig_h\":\"10.0.0.1\",\"id.resp_h\":\"192.0.2.1\","
        "\"cert_chain_fps\":[\"aa\",\"cc\"]}\n"
        "{\"_path\":\"ssl\",\"uid\":\"C2\",\"id.orig_h\":\"10.0.0.1\",\"id.resp_h\":\"192.0.2.1\","
        "\"cert_chain_fps\":[\"bb\"]}\n"
        "{\"_path\":\"http\",\"uid\":\"C3\",\"id.orig_h\":\"10.0.0.1\",\"id.resp_h\":\"192.0.2.1\","
        "\"host\":\"Three.Example:8080\"}\n"
        "{\"_path\":\"dns\",\"ts\":1601998360.5,\"uid\":\"C9\",\"id.orig_h\":\"10.0.0.1\",\"id."
        "resp_h\":"
        "\"192.0.2.53\",\"query\":\"Four.Example\",\"answers\":[\"alias.example\",\"192.0.2.4\"],"
        "\"TTLs\":[30.0,300.0]}\n"
        "{\"_path\":\"conn\",\"ts\":1601998366.5,\"uid\":\"C1\",\"id.orig_h\":\"10.0.0.1\",\"id."
        "orig_p\":1,"
        "\"id.resp_h\":\"192.0.2.1\",\"id.resp_p\":443,\"proto\":\"tcp\",\"orig_pkts\":1,\"orig_ip_"
        "bytes\":40}\n"
        "{\"_path\":\"conn\",\"ts\":1601998366.5,\"uid\":\"C2\",\"id.orig_h\":\"10.0.0.1\",\"id."
        "orig_p\":2,"
        "\"id.resp_h\":\"192.0.2.1\",\"id.resp_p\":443,\"proto\":\"tcp\",\"orig_pkts\":1,\"orig_ip_"
        "bytes\":40}\n"
        "{\"_path\":\"conn\",\"ts\":\"2020-10-06T15:32:46.5Z\",\"uid\":\"C3\",\"id.orig_h\":\"10.0."
        "0.1\","
        "\"id.orig_p\":3,\"id.resp_h\":\"192.0.2.1\",\"id.resp_p\":80,\"proto\":\"tcp\",\"orig_"
        "pkts\":1,"
        "\"orig_ip_bytes\":40}\n";
    static const char *const names[] = {"one.example", "", "three.example"};
    static const uint8_t kinds[] = {NAME_EXPORTER, NAME_NONE, NAME_HTTP};
    struct fixture f;
    (void)state;
    begin(&f, 64);
    /* The first line's log is x509: only a line of another one shows that the file is mixed. */
    f.setting.map = NULL;
    char *twice = memory_alloc(2 * sizeof text);
    int len = snprintf(twice, 2 * sizeof text, "{\"_path\":\"weird\",\"ts\":1}\n%s", text);
    assert_true(read_all(&f, twice, (size_t)len));
    free(twice);
    assert_int_equal(f.out->rows, 3);
    assert_int_equal(f.tally.reasons[REASON_not_a_flow], 7);
    for (size_t i = 0; i < 3; i++) {
        struct bytes name = batch_text(f.out, FIELD_server_name, i);
        assert_true(bytes_equal(name, bytes_of_text(names[i])));
        assert_int_equal(batch_name_kind(f.out)[i], kinds[i]);
        assert_int_equal(batch_start_ms(f.out)[i], 1601998366500);
    }
    assert_int_equal(f.seen.count, 1);
    assert_int_equal(f.seen.rows[0].ttl_s, 30);
    assert_int_equal(f.seen.rows[0].time_ms, 1601998360500);
    assert_memory_equal(f.seen.rows[0].name, "four.example", f.seen.rows[0].name_len);
    end(&f);
}

/* Versions 1, 2 and 3 of Suricata's dns events, and who asked in each. */
static void suricatas_answers_are_sightings(void **state)
{
    static const char *const lines[] = {
        "\"src_ip\":\"192.0.2.53\",\"src_port\":53,\"dest_ip\":\"10.0.0.1\",\"dest_port\":5000,"
        "\"dns\":{"
        "\"type\":\"answer\",\"rrname\":\"a.example\",\"rrtype\":\"A\",\"ttl\":60,\"rdata\":\"192."
        "0.2.9\"}}\n",
        "\"src_ip\":\"10.0.0.1\",\"src_port\":5000,\"dest_ip\":\"192.0.2.53\",\"dest_port\":53,"
        "\"dns\":{"
        "\"version\":2,\"type\":\"answer\",\"rrname\":\"a.example\",\"answers\":[{\"rrname\":\"a."
        "example\","
        "\"ttl\":60,\"rdata\":\"b.example\"},{\"ttl\":90,\"rdata\":\"192.0.2.9\"}]}}\n",
        "\"src_ip\":\"10.0.0.1\",\"src_port\":5000,\"dest_ip\":\"192.0.2.53\",\"dest_port\":53,"
        "\"dns\":{"
        "\"version\":3,\"type\":\"response\",\"queries\":[{\"rrname\":\"a.example\"}],"
        "\"answers\":[{\"ttl\":60,\"rdata\":\"192.0.2.9\"}]}}\n",
    };
    struct fixture f;
    struct ip client, ip;
    (void)state;
    assert_true(ip_parse("10.0.0.1", 8, &client) && ip_parse("192.0.2.9", 9, &ip));
    for (size_t i = 0; i < 3; i++) {
        char text[1024];
        int len = snprintf(text, sizeof text,
                           "{\"timestamp\":\"2021-06-06T10:00:00.1+0200\",\"flow_id\":1,"
                           "\"event_type\":\"dns\",\"proto\":\"UDP\",%s",
                           lines[i]);
        begin(&f, 16);
        assert_true(read_all(&f, text, (size_t)len));
        assert_string_equal(f.format, "suricata eve");
        assert_int_equal(f.seen.count, 1);
        assert_true(ip_equal(&f.seen.rows[0].client, &client));
        assert_true(ip_equal(&f.seen.rows[0].ip, &ip));
        assert_int_equal(f.seen.rows[0].ttl_s, 60);
        end(&f);
    }
}

/* Where only sums are told, the parts still add up to them. */
static void argus_sums_stay_exact(void **state)
{
    static const char text[] =
        "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,TotPkts,TotBytes,SrcBytes\n"
        "2011/08/10 09:46:53.047277,3550.18,tcp,10.0.0.1,4000,   "
        "<-,192.0.2.1,443,SPA_FSPA,7,1000,400\n"
        "2011/08/10 09:46:53.047277,1.5,udp,10.0.0.1,4000,  <->,192.0.2.1,53,CON,3,300,300\n"
        "2011/08/10 09:46:53.047277,0,icmp,10.0.0.1,0x0303,->,192.0.2.1,0xd35c,URP,1,70,70\n";
    struct fixture f;
    (void)state;
    begin(&f, 16);
    assert_true(read_all(&f, text, sizeof text - 1));
    assert_string_equal(f.format, "argus binetflow");
    assert_int_equal(f.out->rows, 3);
    assert_int_equal(batch_packets(f.out)[0] + batch_reverse_packets(f.out)[0], 7);
    assert_int_equal(batch_reverse_octets(f.out)[0], 600);
    assert_int_equal(batch_opener(f.out)[0], OPENER_DESTINATION);
    assert_int_equal(batch_tcp_flags(f.out)[0], 0x1a);
    assert_int_equal(batch_reverse_tcp_flags(f.out)[0], 0x1b);
    assert_int_equal(batch_packets(f.out)[1], 3);
    assert_int_equal(batch_reverse_packets(f.out)[1], 0);
    assert_int_equal(batch_dst_port(f.out)[2], 0x0303);
    end(&f);
}

static void better_names_of_columns_win(void **state)
{
    /* nfdump's "sa" beside our own "src_ip": ours counts, wherever it stands. */
    static const char text[] = "ts,sa,src_ip,da,sp,dp,pr,ipkt,ibyt\n"
                               "2017-05-01 10:00:00,10.9.9.9,10.0.0.1,192.0.2.1,0,8.0,ICMP,1,84\n";
    struct fixture f;
    struct ip ip;
    (void)state;
    begin(&f, 16);
    assert_true(read_all(&f, text, sizeof text - 1));
    assert_true(ip_parse("10.0.0.1", 8, &ip) && ip_equal(&batch_src_ip(f.out)[0], &ip));
    assert_int_equal(batch_dst_port(f.out)[0], 8 << 8);
    end(&f);
}

static void names_are_bounded(void **state)
{
    struct table_names *n = table_names_new(1000);
    struct bytes name;
    enum name_kind kind;
    char key[16];
    (void)state;
    for (int i = 0; i < 100000; i++) {
        int len = snprintf(key, sizeof key, "C%d", i);
        table_names_set(n, bytes_of(key, (size_t)len), bytes_of_text("x.example"), NAME_SNI);
    }
    assert_true(table_names_get(n, bytes_of_text("C99999"), &name, &kind));
    assert_true(table_names_get(n, bytes_of_text("C99600"), &name, &kind));
    assert_false(table_names_get(n, bytes_of_text("C5"), &name, &kind));
    assert_true(table_names_forgotten(n) >= 99000 && table_names_forgotten(n) < 100000);
    table_names_set(n, bytes_of_text("k"), bytes_of_text("h.example"), NAME_HTTP);
    table_names_set(n, bytes_of_text("k"), bytes_of_text("s.example"), NAME_SNI);
    table_names_set(n, bytes_of_text("k"), bytes_of_text("t.example"), NAME_SNI);
    assert_true(table_names_get(n, bytes_of_text("k"), &name, &kind) && kind == NAME_SNI);
    assert_true(bytes_equal(name, bytes_of_text("s.example")));
    table_names_free(n);
}

/* Every cut and thousands of mutations: no crash, and each line is accounted for. */
static void damage_is_counted(void **state)
{
    static const char vpc[] = "2 123456789010 eni-1 198.51.100.1 192.0.2.1 443 49152 6 10 840 "
                              "1439387263 1439387264 ACCEPT OK\n"
                              "2 123456789010 eni-1 - - - - - - - 1431280876 1431280934 - NODATA\n";
    static const char csv[] =
        "\"start\",end,src_ip,dst_ip,protocol,packets\n\"2017-05-01\",,\"10.0.0.1\",::1,6,\"1\"\n";
    static const char eve[] = "{\"timestamp\":\"2021-06-06T10:00:00.1+0200\",\"flow_id\":1,\"event_"
                              "type\":\"flow\",\"src_ip\":"
                              "\"10.0.0.1\",\"dest_ip\":\"::1\",\"proto\":\"TCP\",\"flow\":{\"pkts_"
                              "toserver\":1,\"start\":"
                              "\"2021-06-06T10:00:00.1+0200\"}}\n";
    const struct {
        const char *text;
        size_t len;
    } samples[] = {{zeek_conn, sizeof zeek_conn - 1},
                   {vpc, sizeof vpc - 1},
                   {csv, sizeof csv - 1},
                   {eve, sizeof eve - 1}};
    struct fixture f;
    struct random r;
    (void)state;
    begin(&f, 64);
    random_init(&r, 1);
    for (size_t s = 0; s < sizeof samples / sizeof *samples; s++) {
        for (size_t len = 0; len <= samples[s].len; len++)
            read_all(&f, samples[s].text, len);
        char *copy = memory_alloc(samples[s].len);
        for (int i = 0; i < 2000; i++) {
            memcpy(copy, samples[s].text, samples[s].len);
            for (int k = 0; k < 4; k++)
                copy[random_below(&r, samples[s].len)] = (char)random_below(&r, 256);
            read_all(&f, copy, samples[s].len);
        }
        free(copy);
    }
    end(&f);
}

static void lines_longer_than_the_limit_cost_one_record(void **state)
{
    static const char header[] = "start,src_ip,dst_ip,protocol,packets\n";
    static const char row[] = "2017-05-01,10.0.0.1,192.0.2.1,6,1\n";
    struct fixture f;
    size_t len = 0, size = 6 * TABLE_LINE_MAX;
    char *text = memory_alloc(size);
    (void)state;
    len += (size_t)snprintf(text, size, "%s%s", header, row);
    memset(text + len, 'x', 5 * TABLE_LINE_MAX);
    len += 5 * TABLE_LINE_MAX;
    len += (size_t)snprintf(text + len, size - len, "\n%s", row);
    begin(&f, 16);
    assert_true(read_all(&f, text, len));
    assert_int_equal(f.tally.kept, 2);
    assert_int_equal(f.tally.reasons[REASON_over_limit], 1);
    assert_int_equal(f.tally.records, 3);
    free(text);
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_read_as_tables_write_them),
        cmocka_unit_test(numbers_flags_and_durations),
        cmocka_unit_test(zeek_ports_flags_and_openers),
        cmocka_unit_test(logs_in_one_file_name_connections),
        cmocka_unit_test(suricatas_answers_are_sightings),
        cmocka_unit_test(argus_sums_stay_exact),
        cmocka_unit_test(better_names_of_columns_win),
        cmocka_unit_test(names_are_bounded),
        cmocka_unit_test(damage_is_counted),
        cmocka_unit_test(lines_longer_than_the_limit_cost_one_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
