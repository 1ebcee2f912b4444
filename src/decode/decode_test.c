/* SPDX-License-Identifier: Apache-2.0 */
/* What the RFCs say, message by message. */
#include "decode/fixture.h"

#include "decode/ie.h"
#include "decode/texts.h"

#define END_FIELDS                                                                                 \
    {                                                                                              \
        0, 0                                                                                       \
    }
#define PEN(pen, id) ((uint64_t)(pen) << 16 | (id))

static const uint64_t basic[][2] = {{8, 4}, {12, 4}, {7, 2},   {11, 2},  {4, 1},
                                    {2, 4}, {1, 4},  {152, 8}, {153, 8}, END_FIELDS};

static void put_basic(struct build *b, uint32_t src, unsigned packets)
{
    put(b, src, 4);
    put(b, 0xc6336401, 4); /* 198.51.100.1 */
    put(b, 1234, 2);
    put(b, 443, 2);
    put(b, 6, 1);
    put(b, packets, 4);
    put(b, packets * 100, 4);
    put(b, NOW_MS - 5000, 8);
    put(b, NOW_MS - 1000, 8);
}

/* RFC 7011, appendix A.1 to A.5: a template, three records, an options template and its data. */
static void rfc7011_appendix_a(void **state)
{
    (void)state;
    static const uint64_t fields[][2] = {{8, 4}, {12, 4}, {15, 4}, {2, 4}, {1, 4}, END_FIELDS};
    static const uint64_t options[][2] = {{141, 4}, {41, 2}, {42, 2}, END_FIELDS};
    static const uint32_t data[3][5] = {{0xc000020c, 0xc00002fe, 0xc0000201, 5009, 5344385},
                                        {0xc000021b, 0xc0000217, 0xc0000202, 748, 388934},
                                        {0xc0000238, 0xc0000241, 0xc0000203, 5, 6534}};
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, fields);
    put_options_set(&b, 258, 1, options);
    begin_set(&b, 256);
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 5; k++)
            put(&b, data[i][k], 4);
    end_set(&b);
    begin_set(&b, 258);
    put(&b, 1, 4), put(&b, 345, 2), put(&b, 10201, 2);
    put(&b, 2, 4), put(&b, 690, 2), put(&b, 20402, 2);
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 3);
    for (int i = 0; i < 3; i++) {
        char text[IP_TEXT_MAX];
        ip_print(&batch_src_ip(f.out)[i], text);
        assert_string_equal(text, i == 0 ? "192.0.2.12" : i == 1 ? "192.0.2.27" : "192.0.2.56");
        assert_int_equal(batch_packets(f.out)[i], data[i][3]);
        assert_int_equal(batch_octets(f.out)[i], data[i][4]);
        assert_int_equal(batch_start_ms(f.out)[i], NOW_MS);
        assert_int_equal(batch_marks(f.out)[i], MARK_EXPORT_TIME);
        assert_int_equal(batch_sampling(f.out)[i], 1);
        assert_string_equal(exporter_text(&f, (size_t)i), "192.0.2.1");
    }
    assert_int_equal(f.tally.records, 5);
    assert_int_equal(f.tally.kept, 3);
    assert_int_equal(f.tally.reasons[REASON_not_a_flow], 2);
    fixture_close(&f);
}

static void data_before_its_template_is_kept_back(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    for (int round = 0; round < 2; round++) {
        struct build data = {0}, templates = {0};
        begin_ipfix(&data, 0, 9);
        begin_set(&data, 300);
        put_basic(&data, 0x0a000001, 1);
        put_basic(&data, 0x0a000002, 2);
        end_set(&data);
        end_ipfix(&data);
        assert_int_equal(feed(&f, &data), 0);
        assert_int_equal(f.tally.records, 0);
        if (round == 1)
            break; /* nothing more comes */
        begin_ipfix(&templates, 2, 9);
        put_template_set(&templates, 2, 300, basic);
        end_ipfix(&templates);
        assert_int_equal(feed(&f, &templates), 2);
        assert_int_equal(batch_packets(f.out)[1], 2);
        assert_string_equal(exporter_text(&f, 0), "192.0.2.1#9");
        assert_int_equal(f.tally.kept, 2);
        f.tally = (struct tally){0};
        f.in.exporter.octet[15] = 2; /* another exporter, whose template never comes */
    }
    decoder_finish(f.d, &f.tally);
    assert_int_equal(f.tally.reasons[REASON_no_template], 1);
    assert_int_equal(f.tally.records, 1);
    fixture_close(&f);
}

static void templates_change_and_go(void **state)
{
    (void)state;
    static const uint64_t wide[][2] = {{8, 4}, {12, 4}, {2, 8}, {1, 8}, END_FIELDS};
    struct fixture f;
    fixture_open(&f, NULL);
    struct build b = {0};
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, basic);
    put_template_set(&b, 2, 256, basic); /* a refresh */
    begin_set(&b, 256);
    put_basic(&b, 0x0a000001, 7);
    end_set(&b);
    put_template_set(&b, 2, 256, wide); /* a redefinition */
    begin_set(&b, 256);
    put(&b, 0x0a000002, 4), put(&b, 0x0a000003, 4), put(&b, 70, 8), put(&b, 7000, 8);
    end_set(&b);
    begin_set(&b, 2); /* a withdrawal (RFC 7011 section 8.1) */
    put(&b, 256, 2), put(&b, 0, 2);
    end_set(&b);
    begin_set(&b, 256);
    put(&b, 0, 24);
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 2);
    assert_int_equal(batch_packets(f.out)[0], 7);
    assert_int_equal(batch_packets(f.out)[1], 70);
    decoder_finish(f.d, &f.tally);
    assert_int_equal(f.tally.reasons[REASON_no_template], 1);

    struct build all = {0};
    begin_ipfix(&all, 3, 0);
    put_template_set(&all, 2, 256, basic);
    put_template_set(&all, 2, 257, wide);
    begin_set(&all, 2); /* withdraws all of them */
    put(&all, 2, 2), put(&all, 0, 2);
    end_set(&all);
    begin_set(&all, 257);
    put(&all, 0, 24);
    end_set(&all);
    end_ipfix(&all);
    assert_int_equal(feed(&f, &all), 0);
    decoder_finish(f.d, &f.tally);
    assert_int_equal(f.tally.reasons[REASON_no_template], 2);
    fixture_close(&f);
}

/* RFC 7011 section 7: short and long lengths; values nobody reads are skipped by them (basicList).
 */
static void variable_lengths(void **state)
{
    (void)state;
    static const uint64_t fields[][2] = {{291, 65535}, {8, 4},     {460, 65535}, {12, 4},
                                         {95, 65535},  {2, 65535}, {1, 3},       END_FIELDS};
    struct fixture f;
    fixture_open(&f, NULL);
    struct build b = {0};
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 400, fields);
    begin_set(&b, 400);
    for (unsigned i = 0; i < 3; i++) {
        if (i == 1) { /* the long form, 300 octets */
            put(&b, 255, 1), put(&b, 300, 2);
            b.len += 300;
        } else {
            put(&b, i, 1);
            b.len += i;
        }
        put(&b, 0x0a000001 + i, 4);
        const char *host = i == 0 ? "WWW.Example.COM.:8080" : i == 1 ? "x.test" : "192.0.2.7";
        put(&b, strlen(host), 1);
        put_text(&b, host, strlen(host));
        put(&b, 0x0a0000ff, 4);
        put(&b, 0, 1); /* an empty value */
        put(&b, 2, 1), put(&b, 1000 + i, 2);
        put(&b, 70000 + i, 3);
    }
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 3);
    static const char *const names[] = {"www.example.com", "x.test", ""};
    for (size_t i = 0; i < 3; i++) {
        struct bytes name = batch_text(f.out, FIELD_server_name, i);
        assert_true(bytes_equal(name, bytes_of_text(names[i])));
        assert_int_equal(batch_name_kind(f.out)[i], i < 2 ? NAME_EXPORTER : NAME_NONE);
        assert_int_equal(batch_packets(f.out)[i], 1000 + i);
        assert_int_equal(batch_octets(f.out)[i], 70000 + i);
        assert_int_equal(batch_src_ip(f.out)[i].octet[15], 1 + i);
    }
    /* A length that leads out of the set: one rejected record, the ones before it stay. */
    b.at[b.len - 21] = 200;
    assert_int_equal(feed(&f, &b), 2);
    assert_int_equal(f.tally.reasons[REASON_bad_length], 1);
    fixture_close(&f);
}

/* RFC 5103: one record, two directions. */
static void biflows(void **state)
{
    (void)state;
    static const uint64_t fields[][2] = {{8, 4},
                                         {12, 4},
                                         {4, 1},
                                         {2, 4},
                                         {1, 4},
                                         {PEN(29305, 2), 4},
                                         {PEN(29305, 1), 8},
                                         {6, 2},
                                         {PEN(29305, 6), 1},
                                         {239, 1},
                                         END_FIELDS};
    static const uint8_t openers[] = {OPENER_SOURCE_GUESS, OPENER_SOURCE, OPENER_DESTINATION};
    struct fixture f;
    fixture_open(&f, NULL);
    struct build b = {0};
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, fields);
    begin_set(&b, 256);
    for (unsigned i = 0; i < 3; i++) {
        put(&b, 0x0a000001, 4), put(&b, 0x0a000002, 4), put(&b, 6, 1);
        put(&b, 10, 4), put(&b, 1000, 4), put(&b, 20, 4), put(&b, 30000, 8);
        put(&b, 0x102, 2), put(&b, 0x12, 1), put(&b, i, 1);
    }
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(batch_reverse_packets(f.out)[i], 20);
        assert_int_equal(batch_reverse_octets(f.out)[i], 30000);
        assert_int_equal(batch_tcp_flags(f.out)[i], 2);
        assert_int_equal(batch_reverse_tcp_flags(f.out)[i], 0x12);
        assert_true(batch_marks(f.out)[i] & MARK_BIFLOW);
        assert_int_equal(batch_opener(f.out)[i], openers[i]);
    }
    fixture_close(&f);
}

/* NetFlow 9's OUT counters: the way back beside IN counters, the only counters without. */
static void netflow9_out_counters(void **state)
{
    (void)state;
    static const uint64_t both[][2] = {{8, 4}, {12, 4}, {1, 4},    {23, 4},
                                       {2, 4}, {24, 4}, END_FIELDS};
    static const uint64_t out[][2] = {{8, 4}, {12, 4}, {23, 4}, {24, 4}, END_FIELDS};
    struct fixture f;
    fixture_open(&f, NULL);
    struct build b = {0};
    begin_netflow9(&b, 1000, 0, 0);
    put_template_set(&b, 0, 256, both);
    put_template_set(&b, 0, 257, out);
    begin_set(&b, 256);
    put(&b, 1, 4), put(&b, 2, 4), put(&b, 100, 4), put(&b, 200, 4), put(&b, 1, 4), put(&b, 2, 4);
    end_set(&b);
    begin_set(&b, 257);
    put(&b, 1, 4), put(&b, 2, 4), put(&b, 300, 4), put(&b, 3, 4);
    end_set(&b);
    assert_int_equal(feed(&f, &b), 2);
    assert_int_equal(batch_octets(f.out)[0], 100);
    assert_int_equal(batch_reverse_octets(f.out)[0], 200);
    assert_int_equal(batch_octets(f.out)[1], 300);
    assert_int_equal(batch_packets(f.out)[1], 3);
    assert_int_equal(batch_reverse_octets(f.out)[1], 0);
    fixture_close(&f);
}

static void legacy_header(struct build *b, unsigned version, unsigned count, uint32_t uptime_ms,
                          uint32_t sequence, unsigned sampling)
{
    put(b, version, 2), put(b, count, 2), put(b, uptime_ms, 4), put(b, NOW_S, 4);
    put(b, 500000000, 4);
    if (version == 1)
        return;
    put(b, sequence, 4);
    if (version == 5)
        put(b, 0, 1), put(b, 3, 1), put(b, sampling, 2);
    else
        put(b, 0, 4);
}

static void legacy_record(struct build *b, unsigned version, uint32_t first, uint32_t last)
{
    put(b, 0xaf2db001, 4), put(b, 0x0a000001, 4), put(b, 0, 4), put(b, 0, 4);
    put(b, 10, 4), put(b, 1500, 4), put(b, first, 4), put(b, last, 4);
    put(b, 40000, 2), put(b, 53, 2);
    if (version == 1)
        put(b, 0, 2), put(b, 6, 1), put(b, 0, 1), put(b, 0x1b, 1), put(b, 0, 7);
    else
        put(b, 0, 1), put(b, 0x1b, 1), put(b, 6, 1), put(b, 0, 1), put(b, 0, 8);
    if (version == 7)
        put(b, 0, 4);
}

static void netflow_1_5_and_7(void **state)
{
    (void)state;
    static const unsigned versions[] = {1, 5, 7};
    for (size_t v = 0; v < 3; v++) {
        struct fixture f;
        struct build b = {0};
        fixture_open(&f, NULL);
        legacy_header(&b, versions[v], 2, 100000, 7, 0x4000 | 100);
        legacy_record(&b, versions[v], 90000, 95000);
        legacy_record(&b, versions[v], 90001, 100000);
        assert_int_equal(export_guess(bytes_of(b.at, b.len)), 2);
        assert_int_equal(feed(&f, &b), 2);
        assert_int_equal(batch_start_ms(f.out)[0], NOW_MS + 500 - 10000);
        assert_int_equal(batch_end_ms(f.out)[0], NOW_MS + 500 - 5000);
        assert_int_equal(batch_end_ms(f.out)[1], NOW_MS + 500);
        assert_int_equal(batch_src_port(f.out)[0], 40000);
        assert_int_equal(batch_dst_port(f.out)[0], 53);
        assert_int_equal(batch_protocol(f.out)[0], 6);
        assert_int_equal(batch_tcp_flags(f.out)[0], 0x1b);
        assert_int_equal(batch_packets(f.out)[0], 10);
        assert_int_equal(batch_octets(f.out)[0], 1500);
        assert_int_equal(batch_sampling(f.out)[0], versions[v] == 5 ? 100 : 1);
        assert_string_equal(exporter_text(&f, 0), versions[v] == 5 ? "192.0.2.1#3" : "192.0.2.1");
        /* A count that the datagram cannot hold: nothing in it is believed. */
        set_at(&b, 2, 3);
        assert_int_equal(feed(&f, &b), 0);
        assert_int_equal(f.tally.reasons[REASON_bad_length], 1);
        fixture_close(&f);
    }
}

/* The uptime's 32 bits wrapped between the flow and the export, or between its ends. */
static void uptime_wraps(void **state)
{
    (void)state;
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    legacy_header(&b, 5, 3, 2000, 0, 0);
    legacy_record(&b, 5, UINT32_MAX - 7999, UINT32_MAX - 999);
    legacy_record(&b, 5, UINT32_MAX - 999, 1000);
    legacy_record(&b, 5, 1000, 2500); /* a little later than the header says */
    assert_int_equal(feed(&f, &b), 3);
    assert_int_equal(batch_start_ms(f.out)[0], NOW_MS + 500 - 10000);
    assert_int_equal(batch_end_ms(f.out)[0], NOW_MS + 500 - 3000);
    assert_int_equal(batch_start_ms(f.out)[1], NOW_MS + 500 - 3000);
    assert_int_equal(batch_end_ms(f.out)[1], NOW_MS + 500 - 1000);
    assert_int_equal(batch_end_ms(f.out)[2], NOW_MS + 500 + 500);
    fixture_close(&f);
}

struct time_case {
    uint16_t start, end;
    uint8_t width;
    uint64_t start_value, end_value;
    int64_t start_ms, end_ms; /* relative to NOW_MS */
    uint16_t marks;
    bool rejected;
};

#define NTP(ms)                                                                                    \
    ((((NOW_MS + (ms)) / 1000 + 2208988800u) << 32) | (((NOW_MS + (ms)) % 1000 << 32) / 1000 + 1))

static void every_form_of_time(void **state)
{
    (void)state;
    static const struct time_case cases[] = {
        {150, 151, 4, NOW_S - 60, NOW_S - 1, -60000, -1000, 0, false},
        {152, 153, 8, NOW_MS - 61234, NOW_MS - 7, -61234, -7, 0, false},
        {154, 155, 8, NTP(-5250), NTP(-125), -5250, -125, 0, false},
        {156, 157, 8, NTP(-5250), NTP(-125), -5250, -125, 0, false},
        /* microseconds since 1970 where NTP should be (Citrix) */
        {154, 155, 8, (NOW_MS - 3000) * 1000, (NOW_MS - 2000) * 1000, -3000, -2000, 0, false},
        {158, 159, 4, 7000000, 1999999, -7000, -2000, 0, false},
        {152, 153, 8, 0, 0, 0, 0, MARK_EXPORT_TIME, false},
        {152, 153, 8, NOW_MS - 9, 0, -9, -9, 0, false},
        {152, 153, 8, 0, NOW_MS - 9, -9, -9, 0, false},
        {152, 153, 8, NOW_MS - 1, NOW_MS - 9, -9, -1, 0, false}, /* the wrong way round */
        {152, 153, 8, NOW_MS, NOW_MS + 86400000, 0, 86400000, 0, false},
        {152, 153, 8, NOW_MS, NOW_MS + 86400001, 0, 0, 0, true},
        {152, 153, 8, 631151999999, NOW_MS, 0, 0, 0, true}, /* 1989 */
        {152, 153, 8, UINT64_MAX, UINT64_MAX, 0, 0, 0, true},
        {150, 151, 4, 1, 2, 0, 0, 0, true}, /* 1970 */
        /* without an uptime in the header or a start time, uptimes say nothing */
        {22, 21, 4, 1000, 2000, 0, 0, MARK_EXPORT_TIME, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct time_case *c = &cases[i];
        const uint64_t fields[][2] = {
            {8, 4}, {12, 4}, {1, 4}, {c->start, c->width}, {c->end, c->width}, END_FIELDS};
        struct fixture f;
        struct build b = {0};
        fixture_open(&f, NULL);
        begin_ipfix(&b, 0, 0);
        put_template_set(&b, 2, 256, fields);
        begin_set(&b, 256);
        put(&b, 1, 4), put(&b, 2, 4), put(&b, 3, 4);
        put(&b, c->start_value, c->width), put(&b, c->end_value, c->width);
        end_set(&b);
        end_ipfix(&b);
        assert_int_equal(feed(&f, &b), c->rejected ? 0 : 1);
        assert_int_equal(f.tally.reasons[REASON_bad_time], c->rejected);
        if (!c->rejected) {
            assert_int_equal(batch_start_ms(f.out)[0], (int64_t)NOW_MS + c->start_ms);
            assert_int_equal(batch_end_ms(f.out)[0], (int64_t)NOW_MS + c->end_ms);
            assert_int_equal(batch_marks(f.out)[0], c->marks);
        }
        fixture_close(&f);
    }
}

/* IPFIX with uptimes: systemInitTimeMilliseconds in the record, or in options. Durations. */
static void times_that_need_another_element(void **state)
{
    (void)state;
    static const uint64_t with_init[][2] = {{8, 4},  {12, 4},  {1, 4},    {22, 4},
                                            {21, 4}, {160, 8}, END_FIELDS};
    static const uint64_t without[][2] = {{8, 4}, {12, 4}, {1, 4}, {22, 4}, {21, 4}, END_FIELDS};
    static const uint64_t duration[][2] = {{8, 4}, {12, 4}, {1, 4}, {152, 8}, {161, 4}, END_FIELDS};
    static const uint64_t options[][2] = {{144, 4}, {160, 8}, END_FIELDS};
    const uint64_t init_ms = NOW_MS - (UINT64_C(1) << 33) - 100000; /* two wraps ago */
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, with_init);
    put_template_set(&b, 2, 257, without);
    put_template_set(&b, 2, 258, duration);
    put_options_set(&b, 259, 1, options);
    begin_set(&b, 256);
    put(&b, 1, 4), put(&b, 2, 4), put(&b, 3, 4);
    put(&b, 90000, 4), put(&b, 95000, 4), put(&b, init_ms, 8);
    end_set(&b);
    begin_set(&b, 259);
    put(&b, 1, 4), put(&b, init_ms, 8);
    end_set(&b);
    begin_set(&b, 257);
    put(&b, 1, 4), put(&b, 2, 4), put(&b, 3, 4), put(&b, 80000, 4), put(&b, 95000, 4);
    end_set(&b);
    begin_set(&b, 258);
    put(&b, 1, 4), put(&b, 2, 4), put(&b, 3, 4), put(&b, NOW_MS - 4000, 8), put(&b, 1500, 4);
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 3);
    assert_int_equal(batch_start_ms(f.out)[0], NOW_MS - 10000);
    assert_int_equal(batch_end_ms(f.out)[0], NOW_MS - 5000);
    assert_int_equal(batch_start_ms(f.out)[1], NOW_MS - 20000);
    assert_int_equal(batch_end_ms(f.out)[2], NOW_MS - 2500);
    fixture_close(&f);
}

/* An uptime that is not the header's tells nothing: the export time stands in. */
static void broken_uptime_is_marked(void **state)
{
    (void)state;
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    legacy_header(&b, 5, 1, 20412178, 0, 0);
    legacy_record(&b, 5, 621761700, 621770700);
    assert_int_equal(feed(&f, &b), 1);
    assert_int_equal(batch_start_ms(f.out)[0], NOW_MS + 500);
    assert_int_equal(batch_marks(f.out)[0], MARK_EXPORT_TIME);
    fixture_close(&f);
}

static void icmp_is_type_and_code(void **state)
{
    (void)state;
    static const uint64_t combined[][2] = {{8, 4}, {12, 4}, {4, 1},  {1, 4},
                                           {7, 2}, {11, 2}, {32, 2}, END_FIELDS};
    static const uint64_t separate[][2] = {{8, 4},   {12, 4},  {4, 1},  {1, 4},    {7, 2},
                                           {176, 1}, {177, 1}, {11, 2}, END_FIELDS};
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, combined);
    put_template_set(&b, 2, 257, separate);
    begin_set(&b, 256);
    put(&b, 1, 4), put(&b, 2, 4), put(&b, 1, 1), put(&b, 3, 4), put(&b, 99, 2), put(&b, 0, 2),
        put(&b, 0x0301, 2); /* in the element */
    put(&b, 1, 4), put(&b, 2, 4), put(&b, 1, 1), put(&b, 3, 4), put(&b, 0, 2), put(&b, 0x0800, 2),
        put(&b, 0, 2); /* in the port */
    put(&b, 1, 4), put(&b, 2, 4), put(&b, 17, 1), put(&b, 3, 4), put(&b, 99, 2), put(&b, 53, 2),
        put(&b, 0x0301, 2); /* not ICMP */
    end_set(&b);
    begin_set(&b, 257);
    put(&b, 1, 4), put(&b, 2, 4), put(&b, 1, 1), put(&b, 3, 4), put(&b, 99, 2), put(&b, 0, 1),
        put(&b, 0, 1), put(&b, 17549, 2); /* an echo's answer, the port is its id (ASA) */
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 4);
    static const uint16_t ports[][2] = {{0, 0x0301}, {0, 0x0800}, {99, 53}, {0, 0}};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(batch_src_port(f.out)[i], ports[i][0]);
        assert_int_equal(batch_dst_port(f.out)[i], ports[i][1]);
    }
    fixture_close(&f);
}

/* Two packets, one in the other: the elements of the outer come first (RFC 7011 section 8). */
static void tunnels_give_the_inner_packet(void **state)
{
    (void)state;
    static const uint64_t fields[][2] = {{27, 16}, {28, 16}, {7, 2}, {11, 2}, {4, 1}, {1, 4},
                                         {8, 4},   {12, 4},  {7, 2}, {11, 2}, {4, 1}, END_FIELDS};
    struct fixture f;
    struct build b = {0};
    char text[IP_TEXT_MAX];
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, fields);
    begin_set(&b, 256);
    for (int inner = 0; inner < 2; inner++) {
        put(&b, 0x20010db8, 4), put(&b, 1, 12), put(&b, 0x20010db8, 4), put(&b, 2, 12);
        put(&b, 0, 4), put(&b, 4, 1), put(&b, 100, 4);
        put(&b, inner ? 0x0a000001 : 0, 4), put(&b, inner ? 0x0a000002 : 0, 4);
        put(&b, 1111, 2), put(&b, 2222, 2), put(&b, 17, 1);
    }
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 2);
    ip_print(&batch_src_ip(f.out)[0], text);
    assert_string_equal(text, "2001:db8::1"); /* no inner addresses: the outer ones */
    ip_print(&batch_src_ip(f.out)[1], text);
    assert_string_equal(text, "10.0.0.1");
    assert_int_equal(batch_dst_port(f.out)[1], 2222);
    assert_int_equal(batch_protocol(f.out)[1], 17);
    fixture_close(&f);
}

/* RFC 7011 section 6.2: counters narrower than their type; and padding at the end of sets. */
static void reduced_sizes_and_padding(void **state)
{
    (void)state;
    static const uint64_t fields[][2] = {{8, 4}, {12, 4}, {1, 5},   {2, 3},
                                         {6, 1}, {4, 1},  {210, 2}, END_FIELDS};
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, fields);
    begin_set(&b, 256);
    for (int i = 0; i < 2; i++) {
        put(&b, 1, 4), put(&b, 2, 4), put(&b, UINT64_C(0x123456789a), 5), put(&b, 0xabcdef, 3);
        put(&b, 0x1f, 1), put(&b, 6, 1), put(&b, 0, 2);
    }
    put(&b, 0, 3);
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 2);
    assert_int_equal(batch_octets(f.out)[1], UINT64_C(0x123456789a));
    assert_int_equal(batch_packets(f.out)[1], 0xabcdef);
    assert_int_equal(batch_tcp_flags(f.out)[1], 0x1f);
    assert_int_equal(f.tally.records, 2);
    fixture_close(&f);
}

/* Records that are events: of firewalls (NSEL) the ones with counters, of translators (RFC 8158)
 * the creation of a session. */
static void events(void **state)
{
    (void)state;
    static const uint64_t firewall[][2] = {{8, 4},   {12, 4},  {4, 1},    {233, 1},
                                           {231, 4}, {232, 4}, {298, 4},  {299, 4},
                                           {152, 8}, {323, 8}, END_FIELDS};
    static const uint64_t nat[][2] = {{8, 4},   {225, 4}, {12, 4},   {4, 1},
                                      {230, 1}, {323, 8}, END_FIELDS};
    static const uint64_t ports[][2] = {{8, 4}, {225, 4}, {361, 2}, {230, 1}, {323, 8}, END_FIELDS};
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, firewall);
    put_template_set(&b, 2, 257, nat);
    put_template_set(&b, 2, 258, ports);
    begin_set(&b, 256);
    static const uint8_t kinds[] = {1, 3, 5, 2};
    for (size_t i = 0; i < 4; i++) {
        unsigned counted = kinds[i] == 5 || kinds[i] == 2;
        put(&b, 1, 4), put(&b, 2, 4), put(&b, 6, 1), put(&b, kinds[i], 1);
        put(&b, counted * 500, 4), put(&b, counted * 900, 4), put(&b, counted * 5, 4),
            put(&b, counted * 9, 4);
        put(&b, NOW_MS - 8000, 8), put(&b, NOW_MS - 1000 * i, 8);
    }
    end_set(&b);
    begin_set(&b, 257);
    for (unsigned i = 4; i <= 5; i++)
        put(&b, 1, 4), put(&b, 3, 4), put(&b, 2, 4), put(&b, 17, 1), put(&b, i, 1),
            put(&b, NOW_MS, 8);
    end_set(&b);
    begin_set(&b, 258);
    put(&b, 1, 4), put(&b, 3, 4), put(&b, 1024, 2), put(&b, 16, 1), put(&b, NOW_MS, 8);
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 3);
    assert_int_equal(f.tally.reasons[REASON_not_a_flow], 3);
    assert_int_equal(f.tally.reasons[REASON_no_address], 1);
    assert_int_equal(batch_octets(f.out)[0], 500);
    assert_int_equal(batch_reverse_octets(f.out)[0], 900);
    assert_int_equal(batch_reverse_packets(f.out)[0], 9);
    assert_int_equal(batch_opener(f.out)[0], OPENER_SOURCE);
    assert_int_equal(batch_start_ms(f.out)[0], NOW_MS - 8000);
    assert_int_equal(batch_end_ms(f.out)[0], NOW_MS - 2000);
    assert_int_equal(batch_octets(f.out)[2], 0);
    fixture_close(&f);
}

static void assert_address(const struct ip *ip, const char *expected)
{
    char text[IP_TEXT_MAX];
    ip_print(ip, text);
    assert_string_equal(text, expected);
}

/* RFC 8158: what each end became, and nothing for an end that stayed what it was. */
static void translated_ends(void **state)
{
    (void)state;
    static const uint64_t nat44[][2] = {{8, 4},  {225, 4}, {12, 4}, {226, 4}, {7, 2},   {227, 2},
                                        {11, 2}, {228, 2}, {4, 1},  {230, 1}, {323, 8}, END_FIELDS};
    static const uint64_t nat64[][2] = {{27, 16}, {28, 16}, {281, 16}, {225, 4},
                                        {226, 4}, {1, 4},   {2, 4},    END_FIELDS};
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, nat44);
    put_template_set(&b, 2, 257, nat64);
    begin_set(&b, 256);
    put(&b, 0x0a000001, 4), put(&b, 0xcb007101, 4), put(&b, 0x08080808, 4), put(&b, 0x08080808, 4);
    put(&b, 5000, 2), put(&b, 1024, 2), put(&b, 53, 2), put(&b, 53, 2);
    put(&b, 17, 1), put(&b, 4, 1), put(&b, NOW_MS, 8);
    /* Only the port of the destination changes; the source's are empty; ICMP has no ports. */
    put(&b, 0x0a000001, 4), put(&b, 0, 4), put(&b, 0x08080808, 4), put(&b, 0x08080808, 4);
    put(&b, 5000, 2), put(&b, 0, 2), put(&b, 53, 2), put(&b, 5353, 2);
    put(&b, 17, 1), put(&b, 4, 1), put(&b, NOW_MS, 8);
    put(&b, 0x0a000001, 4), put(&b, 0x0a000001, 4), put(&b, 0x08080808, 4), put(&b, 0x08080804, 4);
    put(&b, 77, 2), put(&b, 78, 2), put(&b, 0x800, 2), put(&b, 79, 2);
    put(&b, 1, 1), put(&b, 4, 1), put(&b, NOW_MS, 8);
    end_set(&b);
    begin_set(&b, 257);
    put(&b, 0x20010db8, 4), put(&b, 1, 12), put(&b, 0x0064ff9b, 4), put(&b, 0x08080808, 12);
    put(&b, 0, 16), put(&b, 0xcb007102, 4), put(&b, 0x08080808, 4), put(&b, 9, 4), put(&b, 1, 4);
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 4);
    const struct ip *src = batch_nat_src_ip(f.out), *dst = batch_nat_dst_ip(f.out);
    const uint16_t *src_port = batch_nat_src_port(f.out), *dst_port = batch_nat_dst_port(f.out);
    assert_address(&src[0], "203.0.113.1");
    assert_address(&dst[0], "::");
    assert_int_equal(src_port[0], 1024);
    assert_int_equal(dst_port[0], 0);
    assert_address(&src[1], "::");
    assert_address(&dst[1], "8.8.8.8");
    assert_int_equal(src_port[1], 0);
    assert_int_equal(dst_port[1], 5353);
    assert_address(&src[2], "::");
    assert_address(&dst[2], "8.8.8.4");
    assert_int_equal(src_port[2] | dst_port[2], 0);
    assert_address(&src[3], "203.0.113.2");
    assert_address(&dst[3], "8.8.8.8");
    fixture_close(&f);
}

/* Cisco ASA before 9.0: the translation in numbers of its own. */
static void translated_ends_of_an_old_firewall(void **state)
{
    (void)state;
    static const uint64_t fields[][2] = {{8, 4},     {12, 4},    {7, 2},     {11, 2},    {4, 1},
                                         {40001, 4}, {40002, 4}, {40003, 2}, {40004, 2}, {40005, 1},
                                         {85, 4},    {323, 8},   END_FIELDS};
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_netflow9(&b, 1000, 0, 0);
    put_template_set(&b, 0, 256, fields);
    begin_set(&b, 256);
    put(&b, 0x0a000001, 4), put(&b, 0xc0a80001, 4), put(&b, 5000, 2), put(&b, 80, 2);
    put(&b, 6, 1), put(&b, 0x0a000001, 4), put(&b, 0xcb007103, 4), put(&b, 5000, 2);
    put(&b, 8080, 2), put(&b, 2, 1), put(&b, 700, 4), put(&b, NOW_MS, 8);
    end_set(&b);
    assert_int_equal(feed(&f, &b), 1);
    assert_address(&batch_nat_src_ip(f.out)[0], "::");
    assert_address(&batch_nat_dst_ip(f.out)[0], "203.0.113.3");
    assert_int_equal(batch_nat_src_port(f.out)[0], 0);
    assert_int_equal(batch_nat_dst_port(f.out)[0], 8080);
    fixture_close(&f);
}

/* Begins a value whose length stands first, in three octets. */
static size_t begin_value(struct build *b)
{
    put(b, 255, 1), put(b, 0, 2);
    return b->len;
}

static void end_value(struct build *b, size_t at)
{
    set_at(b, at - 2, (uint16_t)(b->len - at));
}

/* A subTemplateMultiList's part. */
static size_t begin_part(struct build *b, uint16_t id)
{
    put(b, id, 2), put(b, 0, 2);
    return b->len;
}

static void end_part(struct build *b, size_t at)
{
    set_at(b, at - 2, (uint16_t)(b->len - at + 4));
}

/* A basicList of one element of CERT's with a text. */
static void put_basic_list(struct build *b, unsigned id, const char *text)
{
    size_t at = begin_value(b);
    put(b, 3, 1), put(b, 0x8000 | id, 2), put(b, 65535, 2), put(b, 6871, 4);
    put(b, strlen(text), 1), put_text(b, text, strlen(text));
    end_value(b, at);
}

enum { FLOW = 256, TCP, TLS, HTTP, CERTIFICATE, YAF3 };

static void put_nested_templates(struct build *b)
{
    static const uint64_t flow[][2] = {{8, 4}, {12, 4},      {4, 1},  {1, 4},
                                       {2, 4}, {293, 65535}, {11, 2}, END_FIELDS};
    static const uint64_t tcp[][2] = {
        {PEN(6871, 14), 1}, {PEN(6871, 15), 1}, {PEN(6871, 0x4000 + 14), 1}, {184, 4}, END_FIELDS};
    static const uint64_t tls[][2] = {
        {291, 65535}, {PEN(6871, 294), 65535}, {292, 65535}, {PEN(6871, 186), 1}, END_FIELDS};
    static const uint64_t http[][2] = {{291, 65535}, {291, 65535}, {291, 65535}, END_FIELDS};
    static const uint64_t certificate[][2] = {{PEN(6871, 244), 65535}, END_FIELDS};
    static const uint64_t yaf3[][2] = {{8, 4},  {12, 4},   {4, 1}, {1, 4}, {PEN(6871, 432), 65535},
                                       {11, 2}, END_FIELDS};
    put_template_set(b, 2, FLOW, flow);
    put_template_set(b, 2, TCP, tcp);
    put_template_set(b, 2, TLS, tls);
    put_template_set(b, 2, HTTP, http);
    put_template_set(b, 2, CERTIFICATE, certificate);
    put_template_set(b, 2, YAF3, yaf3);
}

static void put_flow_key(struct build *b)
{
    put(b, 1, 4), put(b, 2, 4), put(b, 6, 1), put(b, 500, 4);
}

/* As YAF 2 writes a TLS connection: flags in one part, the name in another beside lists. */
static void put_yaf_tls(struct build *b)
{
    put_flow_key(b), put(b, 5, 4);
    size_t list = begin_value(b);
    put(b, 255, 1);
    size_t part = begin_part(b, TCP);
    put(b, 0x02, 1), put(b, 0x18, 1), put(b, 0x12, 1), put(b, 77, 4);
    end_part(b, part);
    part = begin_part(b, 999); /* never defined */
    put(b, 0, 7);
    end_part(b, part);
    part = begin_part(b, TLS);
    put_basic_list(b, 185, "cipher");
    put(b, 15, 1), put_text(b, "WWW.Example.COM", 15);
    size_t inner = begin_value(b);
    put(b, 3, 1), put(b, CERTIFICATE, 2), put(b, 3, 1), put_text(b, "abc", 3);
    end_value(b, inner);
    put(b, 3, 1);
    end_part(b, part);
    end_value(b, list);
    put(b, 443, 2);
}

/* The same of an HTTP request, whose list is a list of lists. */
static void put_yaf_http(struct build *b)
{
    put_flow_key(b), put(b, 5, 4);
    size_t list = begin_value(b);
    put(b, 255, 1);
    size_t part = begin_part(b, HTTP);
    put_basic_list(b, 111, "agent/1.0");
    put_basic_list(b, 117, "files.example.net:8080");
    put_basic_list(b, 117, "later.example.net");
    end_part(b, part);
    end_value(b, list);
    put(b, 80, 2);
}

/* RFC 6313: lists inside lists are passed over exactly, and names and flags in them are read. */
static void structured_data(void **state)
{
    (void)state;
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 0);
    put_nested_templates(&b);
    begin_set(&b, FLOW);
    put_yaf_tls(&b);
    put_yaf_http(&b);
    put_flow_key(&b), put(&b, 5, 4), put(&b, 0, 1), put(&b, 22, 2); /* an empty list */
    end_set(&b);
    begin_set(&b, YAF3);
    put_flow_key(&b);
    size_t list = begin_value(&b);
    put(&b, 3, 1), put(&b, TLS, 2);
    put(&b, 0, 1), put(&b, 9, 1), put_text(&b, "sni.local", 9), put(&b, 0, 1), put(&b, 3, 1);
    end_value(&b, list);
    put(&b, 8443, 2);
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 4);
    static const struct {
        const char *name;
        unsigned port, flags, reverse_flags;
    } expected[] = {{"www.example.com", 443, 0x1a, 0x12},
                    {"files.example.net", 80, 0, 0},
                    {"", 22, 0, 0},
                    {"sni.local", 8443, 0, 0}};
    for (size_t i = 0; i < 4; i++) {
        struct bytes name = batch_text(f.out, FIELD_server_name, i);
        assert_int_equal(name.len, strlen(expected[i].name));
        assert_memory_equal(name.at, expected[i].name, name.len);
        assert_int_equal(batch_dst_port(f.out)[i], expected[i].port);
        assert_int_equal(batch_tcp_flags(f.out)[i], expected[i].flags);
        assert_int_equal(batch_reverse_tcp_flags(f.out)[i], expected[i].reverse_flags);
    }
    fixture_close(&f);
}

/* Any octet of the lists damaged, any length: as long as the record's own length holds, the records
 * and what stands beside the list are what they were. */
static void damaged_structured_data(void **state)
{
    (void)state;
    struct fixture f;
    struct build b = {0}, bad;
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 0);
    put_nested_templates(&b);
    begin_set(&b, FLOW);
    size_t record = b.len;
    put_yaf_tls(&b);
    size_t first = record + 17 + 3, end = b.len - 2;
    put_yaf_http(&b);
    end_set(&b);
    end_ipfix(&b);
    for (size_t at = first; at < end; at++) {
        for (unsigned value = 0; value < 256; value += 5) {
            memcpy(&bad, &b, sizeof b);
            bad.at[at] = (uint8_t)value;
            assert_int_equal(feed(&f, &bad), 2);
            assert_int_equal(batch_dst_port(f.out)[0], 443);
            assert_int_equal(batch_dst_port(f.out)[1], 80);
            assert_int_equal(batch_text(f.out, FIELD_server_name, 1).len, 17);
        }
    }
    /* A list that holds itself ends at some depth. */
    struct build deep = {0};
    begin_ipfix(&deep, 0, 0);
    put_nested_templates(&deep);
    begin_set(&deep, FLOW);
    for (int i = 0; i < 40; i++) {
        put_flow_key(&deep), put(&deep, 5, 4);
        put(&deep, 255, 1), put(&deep, (uint64_t)(40 - i) * 25, 2);
        put(&deep, 255, 1), put(&deep, FLOW, 2), put(&deep, (uint64_t)(40 - i) * 25 - 1, 2);
    }
    end_set(&deep);
    end_ipfix(&deep);
    feed(&f, &deep);
    fixture_close(&f);
}

static void applications_by_table_and_by_name(void **state)
{
    (void)state;
    static const uint64_t table[][2] = {{95, 4}, {96, 16}, END_FIELDS};
    static const uint64_t by_id[][2] = {{8, 4}, {12, 4}, {1, 4}, {95, 4}, END_FIELDS};
    static const uint64_t by_name[][2] = {
        {8, 4}, {12, 4}, {1, 4}, {PEN(35632, 119), 12}, {PEN(35632, 188), 65535}, END_FIELDS};
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 0);
    put_options_set(&b, 256, 1, table);
    put_template_set(&b, 2, 257, by_id);
    put_template_set(&b, 2, 258, by_name);
    begin_set(&b, 256);
    put(&b, 0x0d000050, 4), put_text(&b, "youtube", 16);
    end_set(&b);
    begin_set(&b, 257);
    put(&b, 1, 4), put(&b, 2, 4), put(&b, 3, 4), put(&b, 0x0d000050, 4);
    put(&b, 1, 4), put(&b, 2, 4), put(&b, 3, 4), put(&b, 0x0d000051, 4);
    end_set(&b);
    begin_set(&b, 258);
    put(&b, 1, 4), put(&b, 2, 4), put(&b, 3, 4), put_text(&b, "TLS.Netflix", 12);
    put(&b, 15, 1), put_text(&b, "www.netflix.com", 15);
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 3);
    const uint32_t *codes = batch_application(f.out);
    assert_string_equal(symbols_text(f.symbols, SYMBOL_APPLICATION, codes[0]), "youtube");
    assert_int_equal(codes[1], 0);
    assert_string_equal(symbols_text(f.symbols, SYMBOL_APPLICATION, codes[2]), "TLS.Netflix");
    assert_int_equal(batch_text(f.out, FIELD_server_name, 2).len, 15);
    fixture_close(&f);
}

static void put_sflow(struct build *b, uint32_t sequence, uint32_t samples)
{
    put(b, 5, 4), put(b, 1, 4), put(b, 0xc0000263, 4), put(b, 7, 4);
    put(b, sequence, 4), put(b, 100000, 4), put(b, samples, 4);
}

/* A flow sample with a sampled IPv4 record behind an extension that is skipped. */
static void put_sflow_sample(struct build *b, bool expanded, uint32_t rate, uint32_t number)
{
    put(b, expanded ? 3 : 1, 4), put(b, (expanded ? 44 : 32) + 16 + 40, 4);
    put(b, number, 4), put(b, 1, expanded ? 8 : 4), put(b, rate, 4), put(b, 0, expanded ? 24 : 16),
        put(b, 2, 4);
    put(b, 1001, 4), put(b, 8, 4), put(b, 0, 8);
    put(b, 3, 4), put(b, 32, 4);
    put(b, 900, 4), put(b, 6, 4), put(b, 0x0a000001, 4), put(b, 0x0a000002, 4);
    put(b, 50000, 4), put(b, 443, 4), put(b, 0x18, 4), put(b, 0, 4);
}

static void sflow(void **state)
{
    (void)state;
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    put_sflow(&b, 1, 4);
    put_sflow_sample(&b, false, 512, 1);
    put_sflow_sample(&b, true, 1024, 2);
    put(&b, 2, 4), put(&b, 8, 4), put(&b, 0, 8);                                 /* counters */
    put(&b, 1, 4), put(&b, 32, 4), put(&b, 1, 8), put(&b, 1, 4), put(&b, 0, 20); /* no record */
    assert_int_equal(export_guess(bytes_of(b.at, b.len)), 2);
    assert_int_equal(feed(&f, &b), 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(batch_sampling(f.out)[i], 512 << i);
        assert_int_equal(batch_packets(f.out)[i], 1);
        assert_int_equal(batch_octets(f.out)[i], 900);
        assert_int_equal(batch_dst_port(f.out)[i], 443);
        assert_int_equal(batch_start_ms(f.out)[i], NOW_MS);
        assert_int_equal(batch_marks(f.out)[i], MARK_EXPORT_TIME);
        assert_string_equal(exporter_text(&f, i), "192.0.2.1#7");
    }
    assert_int_equal(f.tally.reasons[REASON_not_a_flow], 1);
    assert_int_equal(f.tally.reasons[REASON_not_ip], 1);
    b.len = 0;
    put_sflow(&b, 5, 1); /* the sample is cut */
    put_sflow_sample(&b, false, 512, 9);
    b.len -= 4;
    assert_int_equal(feed(&f, &b), 0);
    assert_int_equal(f.tally.reasons[REASON_truncated], 1);
    assert_int_equal(lost_records(&f), 0);
    b.len = 0;
    put_sflow(&b, 6, UINT32_MAX); /* as many samples as it says would take minutes */
    assert_int_equal(feed(&f, &b), 0);
    assert_int_equal(f.tally.reasons[REASON_truncated], 2);
    fixture_close(&f);
}

static void feed_samples(struct fixture *f, const uint32_t (*samples)[2], size_t count,
                         uint32_t uptime_ms)
{
    struct build b = {0};
    put(&b, 5, 4), put(&b, 1, 4), put(&b, 0xc0000263, 4), put(&b, 7, 4);
    put(&b, 77, 4), put(&b, uptime_ms, 4), put(&b, count, 4);
    for (size_t i = 0; i < count; i++) {
        put_sflow_sample(&b, false, 512, samples[i][1]);
        set_at(&b, b.len - 82, (uint16_t)samples[i][0]);
    }
    assert_int_equal(feed(f, &b), count);
}

/* Each data source numbers its samples; the sub-agent's datagrams have another number. */
static void sflow_losses(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    feed_samples(&f, (const uint32_t[][2]){{3, 100}, {4, 7000}, {3, 101}}, 3, 500000);
    feed_samples(&f, (const uint32_t[][2]){{4, 7001}, {3, 102}}, 2, 500100);
    assert_int_equal(lost_records(&f), 0);
    feed_samples(&f, (const uint32_t[][2]){{4, 7004}, {3, 108}}, 2, 500200); /* 2 and 5 missing */
    assert_int_equal(lost_records(&f), 7);
    feed_samples(&f, (const uint32_t[][2]){{4, 7002}, {3, 105}}, 2, 500150); /* two came late */
    assert_int_equal(lost_records(&f), 5);
    feed_samples(&f, (const uint32_t[][2]){{4, 7005}, {3, 109}}, 2, 500300);
    assert_int_equal(lost_records(&f), 5);
    feed_samples(&f, (const uint32_t[][2]){{4, 1}, {3, 1}}, 2, 1000); /* restarted */
    feed_samples(&f, (const uint32_t[][2]){{4, 2}, {3, 3}}, 2, 1100);
    assert_int_equal(lost_records(&f), 6);
    fixture_close(&f);
}

/* sflow_version_5.txt's extended_nat (1007) and extended_nat_port (1020), behind the packet. */
static void sflow_translated_ends(void **state)
{
    (void)state;
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    put_sflow(&b, 1, 1);
    put(&b, 1, 4), put(&b, 32 + 40 + 24 + 16, 4);
    put(&b, 1, 8), put(&b, 256, 4), put(&b, 0, 16), put(&b, 3, 4);
    put(&b, 3, 4), put(&b, 32, 4);
    put(&b, 900, 4), put(&b, 6, 4), put(&b, 0x0a000001, 4), put(&b, 0x0a000002, 4);
    put(&b, 50000, 4), put(&b, 443, 4), put(&b, 0x18, 4), put(&b, 0, 4);
    put(&b, 1007, 4), put(&b, 16, 4);
    put(&b, 1, 4), put(&b, 0xcb007101, 4), put(&b, 1, 4), put(&b, 0x0a000002, 4);
    put(&b, 1020, 4), put(&b, 8, 4), put(&b, 1024, 4), put(&b, 443, 4);
    assert_int_equal(feed(&f, &b), 1);
    assert_address(&batch_nat_src_ip(f.out)[0], "203.0.113.1");
    assert_address(&batch_nat_dst_ip(f.out)[0], "::");
    assert_int_equal(batch_nat_src_port(f.out)[0], 1024);
    assert_int_equal(batch_nat_dst_port(f.out)[0], 0);
    fixture_close(&f);
}

static void hosts_in_their_plain_form(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"Example.ORG", "example.org"},
        {"a_b-c.d.", "a_b-c.d"},
        {"host:443", "host"},
        {" padded.test ", "padded.test"},
        {"192.0.2.1", ""},
        {"192.0.2.1:80", ""},
        {"[2001:db8::1]", ""},
        {"two words", ""},
        {"<empty>", ""},
        {"", ""},
        {".", ""},
        {"x", "x"},
    };
    char to[HOST_MAX];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = host_normalise(bytes_of_text(cases[i][0]), FORM_HOST, to);
        assert_true(bytes_equal(bytes_of(to, len), bytes_of_text(cases[i][1])));
    }
    static const uint8_t cisco[] = "\x03\x00\x00\x50\x34\x02www.Cisco.com";
    assert_int_equal(host_normalise(bytes_of(cisco, sizeof cisco - 1), FORM_CISCO_HOST, to), 13);
    assert_memory_equal(to, "www.cisco.com", 13);
    static const uint8_t url[] = "\x03\x00\x00\x50\x34\x01www.Cisco.com";
    assert_int_equal(host_normalise(bytes_of(url, sizeof url - 1), FORM_CISCO_HOST, to), 0);
    char longest[300];
    memset(longest, 'a', sizeof longest);
    assert_int_equal(host_normalise(bytes_of(longest, 254), FORM_HOST, to), 0);
    assert_int_equal(host_normalise(bytes_of(longest, 253), FORM_HOST, to), 253);
}

/* A device may give several messages in one datagram, of one protocol or of two. */
static void messages_one_after_the_other(void **state)
{
    (void)state;
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, basic);
    end_ipfix(&b);
    begin_ipfix(&b, 0, 0);
    begin_set(&b, 256);
    put_basic(&b, 0x0a000001, 1);
    end_set(&b);
    end_ipfix(&b);
    static const uint64_t v9[][2] = {{8, 4}, {12, 4}, {1, 4}, END_FIELDS};
    for (int i = 0; i < 2; i++) {
        begin_netflow9(&b, 1000, (uint32_t)i, 0);
        put_template_set(&b, 0, 256, v9);
        begin_set(&b, 256);
        put(&b, 1, 4), put(&b, 2, 4), put(&b, 3, 4);
        end_set(&b);
    }
    assert_int_equal(feed(&f, &b), 3);
    put(&b, 0, 40); /* zeros at the end are padding */
    assert_int_equal(feed(&f, &b), 3);
    assert_int_equal(f.tally.rejected, 0);
    b.len -= 40;
    put_text(&b, "what is this?", 13);
    assert_int_equal(feed(&f, &b), 3);
    assert_int_equal(f.tally.rejected, 1);
    fixture_close(&f);
}

static void population_decides(void **state)
{
    (void)state;
    struct fixture f;
    struct build b = {0};
    fixture_open(&f, NULL);
    struct lpm *population = lpm_new();
    struct prefix p;
    assert_true(prefix_parse("10.0.0.0/30", 11, true, &p));
    lpm_add(population, &p, 1);
    lpm_seal(population);
    decoder_free(f.d);
    f.setting.population = population;
    f.d = decoder_new(&f.setting);
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, basic);
    begin_set(&b, 256);
    for (unsigned i = 0; i < 1000; i++)
        put_basic(&b, 0x0a000000 + i, i);
    end_set(&b);
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 4);
    assert_int_equal(f.tally.records, 1000);
    assert_int_equal(f.tally.kept, 4);
    assert_int_equal(f.tally.outside, 996);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(batch_packets(f.out)[i], i);
    assert_int_equal(coverage_rows(f.coverage)[0].records, 1000);
    fixture_close(&f);
    lpm_free(population);
}

static void damage_is_counted(void **state)
{
    (void)state;
    struct fixture f;
    struct build b = {0};
    static const uint64_t no_address[][2] = {{1, 4}, {2, 4}, END_FIELDS};
    static const uint64_t no_counter[][2] = {{8, 4}, {12, 4}, END_FIELDS};
    fixture_open(&f, NULL);
    put(&b, 0x1234, 2), put(&b, 0, 30);
    assert_int_equal(feed(&f, &b), 0);
    assert_int_equal(f.tally.reasons[REASON_bad_version], 1);
    b.len = 1;
    feed(&f, &b);
    assert_int_equal(f.tally.reasons[REASON_truncated], 1);
    b.len = 0;
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, no_address);
    put_template_set(&b, 2, 257, no_counter);
    put_template_set(&b, 2, 17, basic); /* an id that is reserved */
    begin_set(&b, 256);
    put(&b, 0, 16);
    end_set(&b);
    begin_set(&b, 257);
    put(&b, 0, 16);
    end_set(&b);
    begin_set(&b, 77); /* a set number that is reserved */
    put(&b, 0, 8);
    end_set(&b);
    begin_set(&b, 256);
    end_set(&b);
    set_at(&b, b.len - 2, 3000); /* a set longer than its message */
    end_ipfix(&b);
    assert_int_equal(feed(&f, &b), 0);
    assert_int_equal(f.tally.reasons[REASON_no_address], 2);
    assert_int_equal(f.tally.reasons[REASON_no_counter], 2);
    assert_int_equal(f.tally.reasons[REASON_bad_template], 1);
    assert_int_equal(f.tally.reasons[REASON_not_a_flow], 1);
    assert_int_equal(f.tally.reasons[REASON_truncated], 2);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc7011_appendix_a),
        cmocka_unit_test(data_before_its_template_is_kept_back),
        cmocka_unit_test(templates_change_and_go),
        cmocka_unit_test(variable_lengths),
        cmocka_unit_test(biflows),
        cmocka_unit_test(netflow9_out_counters),
        cmocka_unit_test(netflow_1_5_and_7),
        cmocka_unit_test(uptime_wraps),
        cmocka_unit_test(every_form_of_time),
        cmocka_unit_test(times_that_need_another_element),
        cmocka_unit_test(broken_uptime_is_marked),
        cmocka_unit_test(icmp_is_type_and_code),
        cmocka_unit_test(tunnels_give_the_inner_packet),
        cmocka_unit_test(reduced_sizes_and_padding),
        cmocka_unit_test(events),
        cmocka_unit_test(translated_ends),
        cmocka_unit_test(translated_ends_of_an_old_firewall),
        cmocka_unit_test(structured_data),
        cmocka_unit_test(damaged_structured_data),
        cmocka_unit_test(applications_by_table_and_by_name),
        cmocka_unit_test(sflow),
        cmocka_unit_test(sflow_translated_ends),
        cmocka_unit_test(sflow_losses),
        cmocka_unit_test(hosts_in_their_plain_form),
        cmocka_unit_test(messages_one_after_the_other),
        cmocka_unit_test(population_decides),
        cmocka_unit_test(damage_is_counted),
    };
    return cmocka_run_group_tests_name("decode/decode", tests, NULL, NULL);
}
