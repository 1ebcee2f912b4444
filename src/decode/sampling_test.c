/* SPDX-License-Identifier: Apache-2.0 */
/* Sampling intervals and sequence numbers: what exporters tell of what they did not tell. */
#include "decode/fixture.h"

#define END_FIELDS                                                                                 \
    {                                                                                              \
        0, 0                                                                                       \
    }

static const uint64_t plain[][2] = {{8, 4}, {12, 4}, {1, 4}, END_FIELDS};
static const uint64_t with_sampler[][2] = {{8, 4}, {12, 4}, {1, 4}, {48, 2}, END_FIELDS};

static void put_plain(struct build *b)
{
    put(b, 1, 4), put(b, 2, 4), put(b, 3, 4);
}

static void one_data_set(struct build *b, uint16_t id, size_t records, const uint16_t *samplers)
{
    begin_set(b, id);
    for (size_t i = 0; i < records; i++) {
        put_plain(b);
        if (samplers)
            put(b, samplers[i], 2);
    }
    end_set(b);
}

/* Cisco's sampler table: records name their sampler, 0 is none. */
static void sampler_table(void **state)
{
    (void)state;
    static const uint64_t table[][2] = {{48, 2}, {84, 8}, {49, 1}, {50, 4}, END_FIELDS};
    static const uint16_t ids[] = {1, 2, 0, 9};
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, with_sampler);
    put_template_set(&b, 2, 257, plain);
    put_options_set(&b, 258, 1, table);
    begin_set(&b, 258);
    put(&b, 1, 2), put_text(&b, "one", 8), put(&b, 2, 1), put(&b, 100, 4);
    put(&b, 2, 2), put_text(&b, "two", 8), put(&b, 2, 1), put(&b, 2000, 4);
    end_set(&b);
    one_data_set(&b, 256, 4, ids);
    one_data_set(&b, 257, 1, NULL);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 5);
    static const uint32_t expected[] = {100, 2000, 1, 1, 1};
    assert_memory_equal(batch_sampling(f.out), expected, sizeof expected);
    assert_int_equal(coverage_rows(f.coverage)[0].sampling_min, 1);
    /* The interval changes over time. */
    b.len = 0;
    begin_ipfix(&b, 0, 0);
    begin_set(&b, 258);
    put(&b, 1, 2), put_text(&b, "one", 8), put(&b, 2, 1), put(&b, 50, 4);
    end_set(&b);
    one_data_set(&b, 256, 1, ids);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 1);
    assert_int_equal(batch_sampling(f.out)[0], 50);
    fixture_close(&f);
}

struct option_case {
    uint64_t fields[4][2];
    uint64_t values[3];
    uint32_t expected;
};

/* Every way in which an exporter tells one interval for all its records. */
static void intervals_of_the_exporter(void **state)
{
    (void)state;
    static const struct option_case cases[] = {
        {{{144, 4}, {34, 4}, {35, 1}, END_FIELDS}, {1, 512, 2}, 512},
        {{{144, 4}, {305, 4}, {306, 4}, END_FIELDS}, {1, 1, 999}, 1000},
        {{{302, 4}, {305, 4}, {306, 4}, END_FIELDS}, {7, 10, 990}, 100},
        {{{302, 8}, {309, 4}, {310, 4}, END_FIELDS}, {7, 1, 4096}, 4096},
        {{{144, 4}, {304, 2}, {50, 4}, END_FIELDS}, {1, 3, 30000}, 30000},
        {{{144, 4}, {311, 4}, {304, 2}, END_FIELDS}, {1, 0x3c23d70a, 3}, 100}, /* 0.01 */
        {{{144, 4}, {311, 8}, {304, 2}, END_FIELDS}, {1, 0x3f50624dd2f1a9fc, 3}, 1000},
        {{{144, 4}, {34, 4}, {35, 1}, END_FIELDS}, {1, 0, 0}, 77}, /* tells nothing */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct option_case *c = &cases[i];
        struct fixture f;
        struct build b = {0};
        fixture_open(&f, NULL);
        decoder_free(f.d);
        f.setting.sampling = 77; /* the study's, for exporters that do not tell */
        f.d = decoder_new(&f.setting);
        begin_ipfix(&b, 0, 0);
        put_template_set(&b, 2, 257, plain);
        one_data_set(&b, 257, 1, NULL);
        put_options_set(&b, 258, 1, c->fields);
        begin_set(&b, 258);
        for (int k = 0; k < 3; k++)
            put(&b, c->values[k], c->fields[k][1]);
        end_set(&b);
        one_data_set(&b, 257, 1, NULL);
        end_ipfix(&b);
        assert_int_equal(feed(&f, &b), 2);
        assert_int_equal(batch_sampling(f.out)[0], 77);
        assert_int_equal(batch_sampling(f.out)[1], c->expected);
        fixture_close(&f);
    }
}

/* NetFlow 9 options: scopes have numbers of their own, and lengths in octets (RFC 3954
 * section 6.1). */
static void netflow9_options(void **state)
{
    (void)state;
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_netflow9(&b, 1000, 0, 5);
    put_template_set(&b, 0, 256, plain);
    begin_set(&b, 1);
    put(&b, 300, 2), put(&b, 4, 2), put(&b, 8, 2);
    put(&b, 1, 2), put(&b, 4, 2); /* scope: system */
    put(&b, 34, 2), put(&b, 4, 2), put(&b, 35, 2), put(&b, 1, 2);
    put(&b, 0, 2); /* padding */
    end_set(&b);
    begin_set(&b, 1); /* no scope at all, and a scope of length 0 (Juniper) */
    put(&b, 301, 2), put(&b, 0, 2), put(&b, 4, 2), put(&b, 36, 2), put(&b, 2, 2);
    end_set(&b);
    begin_set(&b, 1);
    put(&b, 302, 2), put(&b, 4, 2), put(&b, 4, 2);
    put(&b, 1, 2), put(&b, 0, 2), put(&b, 36, 2), put(&b, 2, 2);
    end_set(&b);
    begin_set(&b, 300);
    put(&b, 0xc0000201, 4), put(&b, 10, 4), put(&b, 1, 1), put(&b, 0, 3);
    end_set(&b);
    begin_set(&b, 301);
    put(&b, 60, 2), put(&b, 61, 2);
    end_set(&b);
    begin_set(&b, 302);
    put(&b, 60, 2), put(&b, 61, 2);
    end_set(&b);
    one_data_set(&b, 256, 1, NULL);
    assert_int_equal(feed(&f, &b), 1);
    assert_int_equal(batch_sampling(f.out)[0], 10);
    assert_int_equal(f.tally.reasons[REASON_not_a_flow], 5);
    assert_int_equal(f.tally.rejected, 5);
    fixture_close(&f);
}

/* The record's own interval comes before all others; another domain's is another's. */
static void records_and_domains(void **state)
{
    (void)state;
    static const uint64_t own[][2] = {{8, 4}, {12, 4}, {1, 4}, {34, 4}, END_FIELDS};
    static const uint64_t options[][2] = {{144, 4}, {34, 4}, END_FIELDS};
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 1);
    put_options_set(&b, 258, 1, options);
    put_template_set(&b, 2, 257, own);
    begin_set(&b, 258);
    put(&b, 1, 4), put(&b, 10, 4);
    end_set(&b);
    begin_set(&b, 257);
    put_plain(&b), put(&b, 64, 4);
    put_plain(&b), put(&b, 0, 4);
    end_set(&b);
    end_ipfix(&b);
    begin_ipfix(&b, 0, 2);
    put_template_set(&b, 2, 257, plain);
    one_data_set(&b, 257, 1, NULL);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 3);
    static const uint32_t expected[] = {64, 10, 1};
    assert_memory_equal(batch_sampling(f.out), expected, sizeof expected);
    fixture_close(&f);
}

/* Data from one port, templates and options from another of the same device. */
static void kin_on_another_port(void **state)
{
    (void)state;
    static const uint64_t options[][2] = {{144, 4}, {34, 4}, END_FIELDS};
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 1);
    put_options_set(&b, 258, 1, options);
    put_template_set(&b, 2, 257, plain);
    begin_set(&b, 258);
    put(&b, 1, 4), put(&b, 10, 4);
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 0);
    b.len = 0;
    begin_ipfix(&b, 0, 1);
    one_data_set(&b, 257, 1, NULL);
    end_ipfix(&b);
    f.in.exporter_port++;
    assert_int_equal(feed(&f, &b), 1);
    assert_int_equal(batch_sampling(f.out)[0], 10);
    f.in.exporter.octet[15]++; /* but not another device's */
    assert_int_equal(feed(&f, &b), 0);
    fixture_close(&f);
}

/* ---- sequence numbers ---- */

static void send_ipfix(struct fixture *f, uint32_t sequence, size_t records)
{
    struct build b = {0};
    begin_ipfix(&b, sequence, 0);
    put_template_set(&b, 2, 257, plain);
    one_data_set(&b, 257, records, NULL);
    end_ipfix(&b);
    feed(f, &b);
}

static void send_netflow9(struct fixture *f, uint32_t sequence, uint32_t uptime_ms)
{
    struct build b = {0};
    begin_netflow9(&b, uptime_ms, sequence, 0);
    put_template_set(&b, 0, 257, plain);
    one_data_set(&b, 257, 3, NULL);
    feed(f, &b);
}

static void send_netflow5(struct fixture *f, uint32_t sequence, uint32_t uptime_ms, size_t records)
{
    struct build b = {0};
    put(&b, 5, 2), put(&b, records, 2), put(&b, uptime_ms, 4), put(&b, NOW_S, 4), put(&b, 0, 4);
    put(&b, sequence, 4), put(&b, 0, 4);
    for (size_t i = 0; i < records; i++) {
        put(&b, 1, 4), put(&b, 2, 4), put(&b, 0, 8), put(&b, 1, 4), put(&b, 40, 4);
        put(&b, uptime_ms, 4), put(&b, uptime_ms, 4), put(&b, 0, 16);
    }
    feed(f, &b);
}

/* IPFIX counts data records (RFC 7011 section 3.1), wrapping at 2^32. */
static void ipfix_counts_records(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    send_ipfix(&f, UINT32_MAX - 4, 3);
    send_ipfix(&f, UINT32_MAX - 1, 4); /* goes on, and over the end */
    assert_int_equal(lost_records(&f), 0);
    send_ipfix(&f, 12, 2); /* 10 are missing */
    assert_int_equal(lost_records(&f), 10);
    send_ipfix(&f, 2, 10); /* they were only late */
    assert_int_equal(lost_records(&f), 0);
    send_ipfix(&f, 14, 1);
    assert_int_equal(lost_records(&f), 0);
    fixture_close(&f);
}

/* NetFlow 9 counts datagrams (RFC 3954 section 5.1). */
static void netflow9_counts_datagrams(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    send_netflow9(&f, 100, 500000);
    send_netflow9(&f, 101, 501000);
    send_netflow9(&f, 105, 502000);
    assert_int_equal(lost_records(&f), 3);
    send_netflow9(&f, 103, 501500);
    assert_int_equal(lost_records(&f), 2);
    send_netflow9(&f, 1000, 1000); /* started again: the uptime says so */
    assert_int_equal(lost_records(&f), 2);
    send_netflow9(&f, 0, 200000); /* and from 0: the number says so */
    send_netflow9(&f, 1, 201000);
    assert_int_equal(lost_records(&f), 2);
    fixture_close(&f);
}

/* NetFlow 5 counts flows. */
static void netflow5_counts_flows(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    send_netflow5(&f, 70000, 500000, 5);
    send_netflow5(&f, 70005, 501000, 30);
    send_netflow5(&f, 70065, 502000, 30);
    assert_int_equal(lost_records(&f), 30);
    send_netflow5(&f, 70035, 501500, 30);
    assert_int_equal(lost_records(&f), 0);
    send_netflow5(&f, 0, 503000, 1);
    send_netflow5(&f, 1, 504000, 1);
    assert_int_equal(lost_records(&f), 0);
    send_netflow5(&f, 2, UINT32_MAX - 5, 1); /* the uptime wraps: no restart */
    send_netflow5(&f, 13, 1000, 1);
    assert_int_equal(lost_records(&f), 10);
    fixture_close(&f);
}

/* What cannot be counted makes the next number the new start. */
static void unknown_data_is_no_loss(void **state)
{
    (void)state;
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    send_ipfix(&f, 0, 3);
    begin_ipfix(&b, 3, 0);
    one_data_set(&b, 999, 7, NULL);
    end_ipfix(&b);
    feed(&f, &b);
    send_ipfix(&f, 10, 2);
    assert_int_equal(lost_records(&f), 0);
    send_ipfix(&f, 13, 2);
    assert_int_equal(lost_records(&f), 1);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sampler_table),
        cmocka_unit_test(intervals_of_the_exporter),
        cmocka_unit_test(netflow9_options),
        cmocka_unit_test(records_and_domains),
        cmocka_unit_test(kin_on_another_port),
        cmocka_unit_test(ipfix_counts_records),
        cmocka_unit_test(netflow9_counts_datagrams),
        cmocka_unit_test(netflow5_counts_flows),
        cmocka_unit_test(unknown_data_is_no_loss),
    };
    return cmocka_run_group_tests_name("decode/sampling", tests, NULL, NULL);
}
