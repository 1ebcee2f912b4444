/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "base/random.h"
#include "flow/flow.h"
#include "schema/values.h"

/* Records below say what matters and leave the rest zero. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* Allocations are counted where no sanitizer replaces the allocator itself. */
#if !defined __SANITIZE_ADDRESS__ && defined __GLIBC__
#define COUNTS_ALLOCATIONS 1
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
static size_t allocations;
void *malloc(size_t size)
{
    allocations++;
    return __libc_malloc(size);
}
void *calloc(size_t count, size_t size)
{
    allocations++;
    return __libc_calloc(count, size);
}
void *realloc(void *old, size_t size)
{
    allocations++;
    return __libc_realloc(old, size);
}
#endif

enum { T0 = 1491004800 }; /* 2017-04-01, s */
#define MS(s) ((uint64_t)(T0)*1000 + (uint64_t)((s)*1000))

static struct ip ip_of(const char *text)
{
    struct ip ip;
    assert_true(ip_parse(text, strlen(text), &ip));
    return ip;
}

static struct prefix prefix_of(const char *text)
{
    struct prefix p;
    assert_true(prefix_parse(text, strlen(text), true, &p));
    return p;
}

/* A study by hand: a population, and one pivot valid in the second hour. */
static struct study *study_of(const char *population, const char *pivot)
{
    struct study *s = test_calloc(1, sizeof *s);
    struct prefix p = prefix_of(population);
    s->population_lpm = lpm_new();
    s->kept_lpm = lpm_new();
    lpm_add(s->population_lpm, &p, 0);
    lpm_add(s->kept_lpm, &p, 0);
    s->everywhere = strcmp(population, "0.0.0.0/0") == 0;
    if (pivot) {
        s->pivots = test_calloc(1, sizeof *s->pivots);
        s->pivots[0].prefix = prefix_of(pivot);
        s->pivots[0].from_ms = MS(3600);
        s->pivots[0].to_ms = MS(7200);
        s->pivot_count = 1;
        lpm_add(s->kept_lpm, &s->pivots[0].prefix, 1);
    }
    lpm_seal(s->population_lpm);
    lpm_seal(s->kept_lpm);
    return s;
}

static void study_done(struct study *s)
{
    lpm_free(s->population_lpm);
    lpm_free(s->kept_lpm);
    if (s->pivots)
        test_free(s->pivots);
    test_free(s);
}

/* One record, as a test writes it. */
struct record {
    double start_s, end_s;
    const char *src;
    uint16_t src_port;
    const char *dst;
    uint16_t dst_port;
    uint8_t protocol;
    uint64_t packets, octets, reverse_packets, reverse_octets;
    const char *flags, *reverse_flags;
    uint32_t exporter;
    uint8_t opener;
    const char *name;
    uint32_t sampling; /* 0: 1 */
};

static uint8_t flags_of(const char *letters)
{
    uint8_t flags = 0;
    for (; letters && *letters; letters++)
        flags |= (uint8_t)(1u << (strchr("FSRPAUEC", *letters) - "FSRPAUEC"));
    return flags;
}

static void put_record(struct batch *b, const struct record *r)
{
    size_t row = batch_add(b);
    batch_start_ms(b)[row] = MS(r->start_s);
    batch_end_ms(b)[row] = MS(r->end_s);
    batch_src_ip(b)[row] = ip_of(r->src);
    batch_dst_ip(b)[row] = ip_of(r->dst);
    batch_src_port(b)[row] = r->src_port;
    batch_dst_port(b)[row] = r->dst_port;
    batch_protocol(b)[row] = r->protocol;
    batch_packets(b)[row] = r->packets;
    batch_octets(b)[row] = r->octets;
    batch_reverse_packets(b)[row] = r->reverse_packets;
    batch_reverse_octets(b)[row] = r->reverse_octets;
    batch_tcp_flags(b)[row] = flags_of(r->flags);
    batch_reverse_tcp_flags(b)[row] = flags_of(r->reverse_flags);
    batch_exporter(b)[row] = r->exporter;
    batch_opener(b)[row] = r->opener;
    batch_sampling(b)[row] = r->sampling ? r->sampling : 1;
    batch_marks(b)[row] = r->reverse_packets ? MARK_BIFLOW : 0;
    if (r->name) {
        batch_set_text(b, FIELD_server_name, row, r->name, strlen(r->name));
        batch_name_kind(b)[row] = NAME_SNI;
    }
}

struct result {
    struct batch *out; /* all conversations */
    struct tally tally;
    struct flow_counts counts;
};

/* Runs all records through a pairer, `room` conversations at a time. */
static struct result run(const struct flow_setting *setting, const struct batch *records,
                         size_t room)
{
    struct result r = {.out = batch_new(STAGE_FLOW, records->rows + 16)};
    struct batch *part = batch_new(STAGE_FLOW, room);
    struct pairer *p = pairer_new(setting);
    tally_keep(&r.tally, records->rows);
    for (size_t at = 0; at < records->rows;) {
        at += pairer_add(p, records, at, part, &r.tally);
        for (size_t i = 0; i < part->rows; i++)
            batch_copy_row(r.out, part, i);
        batch_clear(part);
    }
    while (pairer_finish(p, part)) {
        for (size_t i = 0; i < part->rows; i++)
            batch_copy_row(r.out, part, i);
        batch_clear(part);
    }
    r.counts = pairer_counts(p);
    pairer_free(p);
    batch_free(part);
    assert_true(tally_balanced(&r.tally));
    assert_int_equal(r.counts.conversations, r.out->rows);
    return r;
}

static struct result run_records(const struct study *study, const struct record *records,
                                 size_t count)
{
    struct flow_setting setting = flow_setting_default;
    setting.study = study;
    setting.open_max = 1000;
    struct batch *b = batch_new(STAGE_RECORD, count);
    for (size_t i = 0; i < count; i++)
        put_record(b, &records[i]);
    struct result r = run(&setting, b, 64);
    batch_free(b);
    return r;
}

#define RUN(study, ...)                                                                            \
    run_records(study, (const struct record[]){__VA_ARGS__},                                       \
                sizeof((const struct record[]){__VA_ARGS__}) / sizeof(struct record))

static void assert_ip(const struct ip *ip, const char *text)
{
    char got[IP_TEXT_MAX];
    ip_print(ip, got);
    assert_string_equal(got, text);
}

/* ------------------------------------------------------------------ keep, orient, pair */

static void opposite_records_are_one_conversation(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
    struct result r =
        RUN(s, {0.05, 9, "31.13.86.36", 443, "175.45.176.9", 50000, 6, 20, 9000, .flags = "SAPF"},
            {0, 10, "175.45.176.9", 50000, "31.13.86.36", 443, 6, 10, 1000, .flags = "SAPF"});
    assert_int_equal(r.out->rows, 1);
    assert_ip(&batch_local(r.out)[0], "175.45.176.9");
    assert_ip(&batch_remote(r.out)[0], "31.13.86.36");
    assert_int_equal(batch_local_port(r.out)[0], 50000);
    assert_int_equal(batch_remote_port(r.out)[0], 443);
    assert_int_equal(batch_packets_out(r.out)[0], 10);
    assert_int_equal(batch_octets_in(r.out)[0], 9000);
    assert_int_equal(batch_start_ms(r.out)[0], MS(0));
    assert_int_equal(batch_end_ms(r.out)[0], MS(10));
    assert_int_equal(batch_role(r.out)[0], ROLE_CONSUMED);
    assert_int_equal(batch_opener(r.out)[0], OPENER_SOURCE);
    assert_int_equal(batch_marks(r.out)[0], MARK_PAIRED);
    assert_int_equal(batch_day(r.out)[0], 17257);
    assert_int_equal(r.counts.paired, 1);
    batch_free(r.out);
    study_done(s);
}

static void pivots_count_on_their_dates_only(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", "198.51.100.7/32");
    struct result r = RUN(s, {0, 1, "198.51.100.7", 1000, "8.8.8.8", 53, 17, 1, 60},
                          {3600, 3601, "198.51.100.7", 1001, "8.8.8.8", 53, 17, 1, 61},
                          {7200, 7201, "198.51.100.7", 1002, "8.8.8.8", 53, 17, 1, 62},
                          {3700, 3701, "175.45.176.1", 1003, "198.51.100.7", 22, 6, 9, 900},
                          {7300, 7301, "175.45.176.1", 1004, "198.51.100.7", 22, 6, 9, 900});
    assert_int_equal(r.out->rows, 3);
    assert_int_equal(r.tally.outside, 2);
    assert_int_equal(r.tally.kept, 3);
    for (size_t i = 0; i < 3; i++) {
        uint16_t port = batch_local_port(r.out)[i], marks = batch_marks(r.out)[i];
        assert_int_equal(marks, port == 1001   ? MARK_PIVOT
                                : port == 1003 ? MARK_INTERNAL /* population to pivot: both ours */
                                               : 0);
        if (port == 1003)
            assert_ip(&batch_local(r.out)[i], "175.45.176.1");
    }
    batch_free(r.out);
    study_done(s);
}

static void inside_both_the_client_is_local(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
    struct record in = {0, 1, "175.45.176.9", 80, "175.45.176.1", 50000, 6, 9, 900, 5, 500};
    struct result r = RUN(s, in);
    assert_ip(&batch_local(r.out)[0], "175.45.176.1");
    assert_int_equal(batch_packets_out(r.out)[0], 5);
    assert_int_equal(batch_role(r.out)[0], ROLE_CONSUMED);
    assert_int_equal(batch_marks(r.out)[0], MARK_INTERNAL | MARK_BIFLOW);
    assert_int_equal(r.counts.internal, 1);
    batch_free(r.out);
    study_done(s);
    s = study_of("0.0.0.0/0", NULL);
    r = RUN(s, in);
    assert_ip(&batch_local(r.out)[0], "175.45.176.1");
    assert_int_equal(batch_marks(r.out)[0], MARK_BIFLOW); /* everything is inside: no mark */
    batch_free(r.out);
    study_done(s);
}

static void slices_of_an_active_timeout_count_once(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
#define SLICE(from, to)                                                                            \
    {                                                                                              \
        from, to, "175.45.176.9", 5000, "192.0.2.1", 443, 6, 10, 1000, .exporter = 1               \
    }
    struct result r =
        RUN(s, SLICE(0, 60), SLICE(120, 180), SLICE(60, 119), SLICE(480, 500), SLICE(801, 802));
    assert_int_equal(r.out->rows, 2); /* 480 is 300 s after 180, 801 is 301 s after 500 */
    assert_int_equal(batch_packets_out(r.out)[0], 40);
    assert_int_equal(batch_marks(r.out)[0], MARK_CONTINUED);
    assert_int_equal(batch_end_ms(r.out)[0], MS(500));
    assert_int_equal(batch_marks(r.out)[1], 0);
    batch_free(r.out);
    /* What goes on for days is seen on each of them. */
    struct batch *b = batch_new(STAGE_RECORD, 4000);
    for (int i = 0; i < 3 * 1440; i += 2) {
        struct record slice = SLICE(i * 60, i * 60 + 60);
        put_record(b, &slice);
    }
    struct flow_setting setting = flow_setting_default;
    setting.study = s;
    setting.open_max = 10;
    r = run(&setting, b, 64);
    assert_int_equal(r.out->rows, 3);
    batch_free(b);
    batch_free(r.out);
    study_done(s);
}

static void used_again_ports_begin_a_new_conversation(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
#define ASK(from, to, f)                                                                           \
    {                                                                                              \
        from, to, "175.45.176.9", 5000, "192.0.2.1", 80, 6, 5, 500, .flags = f                     \
    }
#define SAY(from, to, f)                                                                           \
    {                                                                                              \
        from, to, "192.0.2.1", 80, "175.45.176.9", 5000, 6, 5, 700, .flags = f                     \
    }
    struct result r = RUN(s, ASK(0, 1, "SAPF"), SAY(0.1, 1, "SAPF"), ASK(30, 31, "SAPF"),
                          SAY(30.1, 31, "SAPF"), ASK(31.1, 32, "A"));
    assert_int_equal(r.out->rows, 2);
    assert_int_equal(batch_packets_in(r.out)[0], 5);
    assert_int_equal(batch_packets_out(r.out)[1], 10);
    batch_free(r.out);
    study_done(s);
}

/* ------------------------------------------------------------------ copies */

static void another_exporters_copy_counts_once(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
#define FROM(e, from, to, n)                                                                       \
    {                                                                                              \
        from, to, "175.45.176.9", 5000, "192.0.2.1", 443, 6, n, n * 100, .exporter = e             \
    }
#define BACK(e, from, to, n)                                                                       \
    {                                                                                              \
        from, to, "192.0.2.1", 443, "175.45.176.9", 5000, 6, n, n * 100, .exporter = e             \
    }
    struct result r = RUN(s, FROM(1, 0, 60, 10), FROM(2, 0.3, 60.2, 10), BACK(2, 0.4, 60.2, 7),
                          BACK(1, 0.1, 60, 7), FROM(2, 60.4, 120.1, 3), FROM(1, 60, 120, 3));
    assert_int_equal(r.out->rows, 1);
    assert_int_equal(r.tally.duplicates, 3);
    assert_int_equal(batch_packets_out(r.out)[0], 13);
    assert_int_equal(batch_packets_in(r.out)[0], 7);
    assert_int_equal(r.counts.copied_packets, 20);
    assert_int_equal(r.counts.copied_octets, 2000);
    batch_free(r.out);
    /* The route changed: after wait_ms of silence the other exporter's records count. */
    r = RUN(s, FROM(1, 0, 60, 10), FROM(2, 0, 60, 10), FROM(2, 60, 120, 10), FROM(2, 361, 400, 5));
    assert_int_equal(r.out->rows, 2);
    assert_int_equal(r.tally.duplicates, 2);
    batch_free(r.out);
    study_done(s);
}

static void a_repeated_record_counts_once(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
    struct result r = RUN(s, FROM(1, 0, 60, 10), FROM(1, 0, 60, 10), FROM(1, 0, 60, 11));
    assert_int_equal(r.tally.duplicates, 1);
    assert_int_equal(batch_packets_out(r.out)[0], 21);
    batch_free(r.out);
    /* Sampled packets are records of one packet each: equal ones are different packets. */
    r = RUN(s, FROM(1, 5, 5, 1), FROM(1, 5, 5, 1));
    assert_int_equal(r.tally.duplicates, 0);
    assert_int_equal(batch_packets_out(r.out)[0], 2);
    batch_free(r.out);
    /* Of a record of both directions, only what is new counts. */
    struct record both = {0, 60, "175.45.176.9", 5000, "192.0.2.1", 443,
                          6, 10, 1000,           8,    800,         .exporter = 2};
    r = RUN(s, FROM(1, 0, 60, 10), both, both);
    assert_int_equal(r.tally.duplicates, 1);
    assert_int_equal(batch_packets_out(r.out)[0], 10);
    assert_int_equal(batch_packets_in(r.out)[0], 8);
    assert_int_equal(batch_marks(r.out)[0], MARK_PAIRED | MARK_BIFLOW);
    batch_free(r.out);
    study_done(s);
}

static void the_first_name_stays(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
    char long_name[256];
    memset(long_name, 'x', 255);
    long_name[255] = 0;
    struct record a = FROM(1, 0, 60, 10), b = a, c = a;
    b.start_s = 61, b.end_s = 90, b.name = long_name;
    c.start_s = 91, c.end_s = 99, c.name = "www.example.org";
    struct result r = RUN(s, a, b, c);
    struct bytes name = batch_text(r.out, FIELD_server_name, 0);
    assert_int_equal(name.len, 255);
    assert_memory_equal(name.at, long_name, 255);
    assert_int_equal(batch_name_kind(r.out)[0], NAME_SNI);
    assert_int_equal(batch_marks(r.out)[0], MARK_CONTINUED | MARK_NAME_CONFLICT);
    batch_free(r.out);
    study_done(s);
}

/* ------------------------------------------------------------------ roles */

#define IN  "192.0.2.1"
#define LOC "175.45.176.9"

static const struct {
    const char *what;
    enum role role;
    struct record records[2];
} roles[] = {
    {"a client",
     ROLE_CONSUMED,
     {{0, 1, LOC, 50000, IN, 443, 6, 9, 900}, {0, 1, IN, 443, LOC, 50000, 6, 9, 900}}},
    {"only its half is exported", ROLE_CONSUMED, {{0, 1, LOC, 50000, IN, 443, 6, 9, 900}}},
    {"only the answer is exported",
     ROLE_CONSUMED,
     {{0, 9, IN, 443, LOC, 50000, 6, 90, 90000, .flags = "SAPF"}}},
    {"the same without flags", ROLE_CONSUMED, {{0, 9, IN, 443, LOC, 50000, 6, 90, 90000}}},
    {"asked in vain", ROLE_CONSUMED, {{0, 9, LOC, 50000, IN, 443, 6, 3, 180, .flags = "S"}}},
    {"refused by the remote",
     ROLE_CONSUMED,
     {{0, 0, LOC, 50000, IN, 443, 6, 1, 60, .flags = "S"},
      {0, 0, IN, 443, LOC, 50000, 6, 1, 40, .flags = "RA"}}},
    {"a web site",
     ROLE_SERVED,
     {{0, 1, IN, 50000, LOC, 80, 6, 9, 900, .flags = "SAPF"},
      {0, 1, LOC, 80, IN, 50000, 6, 9, 900, .flags = "SAPF"}}},
    {"a web site, without flags",
     ROLE_SERVED,
     {{0, 1, LOC, 80, IN, 50000, 6, 9, 900}, {0, 1, IN, 50000, LOC, 80, 6, 9, 900}}},
    {"served on an odd port, first packet told",
     ROLE_SERVED,
     {{0, 1, IN, 40000, LOC, 45678, 6, 9, 900, 9, 900, .opener = OPENER_SOURCE}}},
    {"a handshake beats the port",
     ROLE_SERVED,
     {{0, 1, IN, 443, LOC, 45678, 6, 9, 900, 9, 900, .opener = OPENER_SOURCE}}},
    {"a name server asked", ROLE_SERVED, {{0, 1, IN, 40000, LOC, 53, 17, 1, 60, 1, 200}}},
    {"the population asks one",
     ROLE_CONSUMED,
     {{0, 1, IN, 53, LOC, 40000, 17, 1, 200}, {0, 1, LOC, 40000, IN, 53, 17, 1, 60}}},
    {"a scan", ROLE_UNANSWERED, {{0, 0, IN, 40000, LOC, 23, 6, 1, 40, .flags = "S"}}},
    {"a scan without flags", ROLE_UNANSWERED, {{0, 0, IN, 40000, LOC, 23, 6, 2, 80}}},
    {"a scan refused",
     ROLE_UNANSWERED,
     {{0, 0, IN, 40000, LOC, 23, 6, 1, 40, .flags = "S"},
      {0, 0, LOC, 23, IN, 40000, 6, 1, 40, .flags = "RA"}}},
    {"a UDP scan", ROLE_UNANSWERED, {{0, 0, IN, 40000, LOC, 161, 17, 1, 60}}},
    {"backscatter, SYN-ACK",
     ROLE_UNANSWERED,
     {{0, 3, IN, 80, LOC, 40000, 6, 3, 120, .flags = "SA"}}},
    {"backscatter, RST", ROLE_UNANSWERED, {{0, 3, IN, 80, LOC, 40000, 6, 1, 40, .flags = "RA"}}},
    {"unreachable", ROLE_UNANSWERED, {{0, 3, IN, 0, LOC, 0x0301, 1, 1, 56}}},
    {"ping",
     ROLE_CONSUMED,
     {{0, 3, LOC, 0, IN, 0x0800, 1, 3, 252}, {0, 3, IN, 0, LOC, 0, 1, 3, 252}}},
    {"pinged",
     ROLE_SERVED,
     {{0, 3, LOC, 0, IN, 0, 1, 3, 252}, {0, 3, IN, 0, LOC, 0x0800, 1, 3, 252}}},
    {"pinged in vain", ROLE_UNANSWERED, {{0, 3, IN, 0, LOC, 0x0800, 1, 3, 252}}},
    {"BitTorrent", ROLE_PEER, {{0, 3, LOC, 50000, IN, 6881, 6, 30, 2520, 3, 500}}},
    {"BitTorrent from outside", ROLE_PEER, {{0, 3, IN, 50000, LOC, 51413, 17, 30, 2520, 3, 500}}},
    {"multicast", ROLE_PEER, {{0, 3, LOC, 5353, "224.0.0.251", 5353, 17, 3, 300}}},
    {"one sampled packet of an answer",
     ROLE_CONSUMED,
     {{0, 0, IN, 443, LOC, 50000, 6, 1, 1249, .flags = "A", .sampling = 100}}},
    {"the same without flags",
     ROLE_CONSUMED,
     {{0, 0, IN, 443, LOC, 50000, 6, 1, 1249, .sampling = 100}}},
    {"a sampled acknowledgement",
     ROLE_CONSUMED,
     {{0, 0, IN, 443, LOC, 50000, 6, 1, 40, .flags = "A", .sampling = 100}}},
    {"a sampled datagram of a service",
     ROLE_CONSUMED,
     {{0, 0, IN, 443, LOC, 50000, 17, 1, 900, .sampling = 100}}},
    {"a sampled visit to a web site",
     ROLE_SERVED,
     {{0, 0, IN, 50000, LOC, 80, 6, 1, 700, .flags = "PA", .sampling = 100}}},
    {"a sampled scan",
     ROLE_UNANSWERED,
     {{0, 0, IN, 40000, LOC, 23, 6, 1, 40, .flags = "S", .sampling = 100}}},
    {"a sampled scan without flags",
     ROLE_UNANSWERED,
     {{0, 0, IN, 40000, LOC, 23, 6, 1, 40, .sampling = 100}}},
    {"sampled backscatter",
     ROLE_UNANSWERED,
     {{0, 3, IN, 80, LOC, 40000, 6, 1, 40, .flags = "SA", .sampling = 100}}},
    {"a tunnel that the population opened",
     ROLE_CONSUMED,
     {{0, 9, LOC, 0, IN, 0, 47, 50, 9000}, {1, 9, IN, 0, LOC, 0, 47, 50, 9000}}},
};

static void roles_follow_from_the_evidence(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        size_t count = roles[i].records[1].src ? 2 : 1;
        struct result r = run_records(s, roles[i].records, count);
        assert_int_equal(r.out->rows, 1);
        if (batch_role(r.out)[0] != roles[i].role)
            print_message("# %s: %s\n", roles[i].what, role_text(batch_role(r.out)[0]));
        assert_int_equal(batch_role(r.out)[0], roles[i].role);
        assert_ip(&batch_local(r.out)[0], LOC);
        batch_free(r.out);
    }
    study_done(s);
}

static void one_socket_that_talks_to_many_is_a_peer(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
    struct record records[40];
    char remotes[40][32];
    for (int i = 0; i < 40; i++) {
        snprintf(remotes[i], sizeof remotes[i], "198.51.100.%d", i + 1);
        records[i] = (struct record){i,  i, LOC, 34567, remotes[i], (uint16_t)(10011 + 97 * i),
                                     17, 1, 100, 1,     300};
    }
    struct result r = run_records(s, records, 40);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(batch_role(r.out)[i], ROLE_PEER);
    batch_free(r.out);
    study_done(s);
}

static void file_sharing_is_known_by_its_application(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
    struct symbols *symbols = symbols_new(100);
    struct flow_setting setting = flow_setting_default;
    setting.study = s;
    setting.open_max = 10;
    setting.symbols = symbols;
    struct batch *b = batch_new(STAGE_RECORD, 1);
    struct record one = FROM(1, 0, 60, 10);
    put_record(b, &one);
    batch_application(b)[0] = symbols_code(symbols, SYMBOL_APPLICATION, "BitTorrent", 10);
    struct result r = run(&setting, b, 8);
    assert_int_equal(batch_role(r.out)[0], ROLE_PEER);
    batch_free(r.out);
    batch_free(b);
    symbols_free(symbols);
    study_done(s);
}

/* ------------------------------------------------------------------ random worlds */

/* A true conversation and what two exporters tell of it: cut by their own timeouts, in either or
 * both directions, late, and the second one only of some. */
struct truth {
    char local[32], remote[32];
    uint16_t local_port, remote_port;
    uint8_t protocol;
    bool served;
    uint64_t packets[2], octets[2]; /* out, in */
    uint64_t start_ms, end_ms;
};

struct arrival {
    uint64_t at_ms;
    size_t order;
    struct record r;
    uint64_t start_ms, end_ms;
};

struct world {
    struct truth *truth;
    size_t truth_count;
    struct arrival *arrivals;
    size_t arrival_count;
};

enum { ARRIVALS_MAX = 300000 };

static void tell(struct world *w, const struct truth *t, const uint64_t times[][2],
                 const uint64_t octets[], const int directions[], size_t count, int direction,
                 uint32_t exporter, uint64_t active_ms, int64_t skew_ms, struct random *r)
{
    for (size_t i = 0; i < count;) {
        if (directions[i] != direction) {
            i++;
            continue;
        }
        uint64_t first = times[i][0], last = first, packets = 0, sum = 0;
        for (; i < count && times[i][0] - first < active_ms; i++) {
            if (directions[i] != direction)
                continue;
            last = times[i][0];
            packets++;
            sum += octets[i];
        }
        assert_true(w->arrival_count < ARRIVALS_MAX);
        struct arrival *a = &w->arrivals[w->arrival_count];
        a->order = w->arrival_count++;
        a->start_ms = first + (uint64_t)skew_ms;
        a->end_ms = last + (uint64_t)skew_ms;
        a->at_ms = first + active_ms + random_below(r, 20000);
        a->r = (struct record){
            .protocol = t->protocol, .packets = packets, .octets = sum, .exporter = exporter};
        a->r.src = direction ? t->remote : t->local;
        a->r.dst = direction ? t->local : t->remote;
        a->r.src_port = direction ? t->remote_port : t->local_port;
        a->r.dst_port = direction ? t->local_port : t->remote_port;
    }
}

static void make_conversation(struct world *w, size_t number, struct random *r)
{
    enum { PACKETS_MAX = 400 };
    static uint64_t times[PACKETS_MAX][2], octets[PACKETS_MAX];
    static int directions[PACKETS_MAX];
    struct truth *t = &w->truth[number];
    *t = (struct truth){.protocol = random_below(r, 2) ? 6 : 17, .served = random_below(r, 5) == 0};
    snprintf(t->local, sizeof t->local, "175.45.176.%u", (unsigned)random_below(r, 4) + 1);
    snprintf(t->remote, sizeof t->remote, "198.51.100.%u", (unsigned)random_below(r, 8) + 1);
    uint16_t client = (uint16_t)(33000 + number), server = random_below(r, 2) ? 443 : 53;
    t->local_port = t->served ? server : client;
    t->remote_port = t->served ? client : server;
    size_t count = 2 + random_below(r, random_below(r, 8) ? 12 : PACKETS_MAX - 2);
    uint64_t at_ms = MS(random_below(r, 20000)) + random_below(r, 1000);
    for (size_t i = 0; i < count; i++) {
        times[i][0] = at_ms;
        octets[i] = 40 + random_below(r, 1400);
        /* The opener sends the first packet, the other answers the second. */
        directions[i] = i < 2 ? (int)(i ^ t->served) : (int)random_below(r, 2);
        t->packets[directions[i]]++;
        t->octets[directions[i]] += octets[i];
        t->end_ms = at_ms;
        if (i == 0)
            t->start_ms = at_ms;
        at_ms += i == 0 ? 2 : random_below(r, count > 20 ? 60000 : 3000);
    }
    bool twice = random_below(r, 3) == 0;
    for (int d = 0; d < 2; d++) {
        tell(w, t, times, octets, directions, count, d, 1, 60000, 0, r);
        if (twice)
            tell(w, t, times, octets, directions, count, d, 2, 45000, 137, r);
    }
}

static int by_arrival(const void *left, const void *right)
{
    const struct arrival *a = left, *b = right;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

static struct batch *records_of(struct world *w)
{
    qsort(w->arrivals, w->arrival_count, sizeof *w->arrivals, by_arrival);
    struct batch *b = batch_new(STAGE_RECORD, w->arrival_count);
    for (size_t i = 0; i < w->arrival_count; i++) {
        put_record(b, &w->arrivals[i].r);
        batch_start_ms(b)[i] = w->arrivals[i].start_ms;
        batch_end_ms(b)[i] = w->arrivals[i].end_ms;
    }
    return b;
}

static void check_truth(const struct world *w, const struct result *r, const struct batch *in)
{
    uint64_t told[2] = {0}, given[2] = {0};
    for (size_t i = 0; i < in->rows; i++) {
        told[0] += batch_packets(in)[i];
        told[1] += batch_octets(in)[i];
    }
    assert_int_equal(r->out->rows, w->truth_count);
    for (size_t i = 0; i < r->out->rows; i++) {
        uint16_t port = batch_local_port(r->out)[i];
        if (port < 33000)
            port = batch_remote_port(r->out)[i];
        const struct truth *t = &w->truth[port - 33000];
        assert_ip(&batch_local(r->out)[i], t->local);
        assert_int_equal(batch_packets_out(r->out)[i], t->packets[0]);
        assert_int_equal(batch_packets_in(r->out)[i], t->packets[1]);
        assert_int_equal(batch_octets_out(r->out)[i], t->octets[0]);
        assert_int_equal(batch_octets_in(r->out)[i], t->octets[1]);
        assert_int_equal(batch_role(r->out)[i], t->served ? ROLE_SERVED : ROLE_CONSUMED);
        assert_true(batch_start_ms(r->out)[i] - t->start_ms <= 137);
        assert_true(batch_end_ms(r->out)[i] - t->end_ms <= 137);
        given[0] += batch_packets_out(r->out)[i] + batch_packets_in(r->out)[i];
        given[1] += batch_octets_out(r->out)[i] + batch_octets_in(r->out)[i];
    }
    /* What came in went out or was a copy, exactly. */
    assert_int_equal(told[0], given[0] + r->counts.copied_packets);
    assert_int_equal(told[1], given[1] + r->counts.copied_octets);
}

static void random_worlds_come_out_as_they_were(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
    struct flow_setting setting = flow_setting_default;
    setting.study = s;
    setting.open_max = 4000;
    struct world w = {.truth = test_calloc(3000, sizeof *w.truth),
                      .arrivals = test_calloc(ARRIVALS_MAX, sizeof *w.arrivals)};
    for (uint64_t seed = 0; seed < 12; seed++) {
        struct random r;
        random_init(&r, seed);
        w.truth_count = 1 + random_below(&r, 3000);
        w.arrival_count = 0;
        for (size_t i = 0; i < w.truth_count; i++)
            make_conversation(&w, i, &r);
        struct batch *b = records_of(&w);
        struct result result = run(&setting, b, 1000);
        check_truth(&w, &result, b);
        /* The size of the output batch changes nothing. */
        struct result again = run(&setting, b, 16);
        assert_int_equal(again.out->rows, result.out->rows);
        assert_memory_equal(batch_start_ms(again.out), batch_start_ms(result.out),
                            8 * result.out->rows);
        assert_memory_equal(batch_octets_in(again.out), batch_octets_in(result.out),
                            8 * result.out->rows);
        batch_free(again.out);
        batch_free(result.out);
        batch_free(b);
    }
    test_free(w.truth);
    test_free(w.arrivals);
    study_done(s);
}

static void a_full_table_lets_the_quietest_go_and_loses_nothing(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
    struct flow_setting setting = flow_setting_default;
    setting.study = s;
    setting.open_max = 50;
    struct world w = {.truth = test_calloc(3000, sizeof *w.truth),
                      .arrivals = test_calloc(ARRIVALS_MAX, sizeof *w.arrivals)};
    struct random r;
    random_init(&r, 99);
    w.truth_count = 2000;
    for (size_t i = 0; i < w.truth_count; i++)
        make_conversation(&w, i, &r);
    struct batch *b = records_of(&w);
    uint64_t told = 0, given = 0;
    for (size_t i = 0; i < b->rows; i++)
        told += batch_octets(b)[i];
    struct result result = run(&setting, b, 100);
    for (size_t i = 0; i < result.out->rows; i++)
        given += batch_octets_out(result.out)[i] + batch_octets_in(result.out)[i];
    assert_true(result.counts.evicted > 0);
    assert_int_equal(told, given + result.counts.copied_octets);
    batch_free(result.out);
    batch_free(b);
    test_free(w.truth);
    test_free(w.arrivals);
    study_done(s);
}

static void a_wrong_clock_does_not_end_the_others(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
    struct batch *b = batch_new(STAGE_RECORD, 4000);
    for (int i = 0; i < 1000; i++) { /* every second exporter's clock is a year ahead */
        struct record mine = {i, i + 1, LOC, (uint16_t)(10000 + i), IN, 443,
                              6, 5,     500, .exporter = 1};
        struct record back = {i, i + 1, IN,  443,          LOC, (uint16_t)(10000 + i),
                              6, 5,     500, .exporter = 1};
        struct record wrong = {
            i + 31536000.0, i + 31536001.0, LOC, (uint16_t)(20000 + i), IN, 80, 6, 5, 500,
            .exporter = 2};
        put_record(b, &mine);
        put_record(b, &wrong);
        put_record(b, &back);
    }
    struct flow_setting setting = flow_setting_default;
    setting.study = s;
    setting.open_max = 10000;
    struct result r = run(&setting, b, 100);
    assert_int_equal(r.out->rows, 2000);
    assert_int_equal(r.counts.paired, 1000);
    batch_free(r.out);
    batch_free(b);
    study_done(s);
}

/* Any values at all: nothing is lost, nothing is added. */
static void senseless_records_keep_the_totals(void **state)
{
    (void)state;
    static const uint64_t times[] = {0, 1, MS(0), MS(1), MS(300), MS(700), MS(86400), UINT64_MAX};
    struct study *s = study_of("175.45.176.0/22", "198.51.100.0/24");
    struct flow_setting setting = flow_setting_default;
    setting.study = s;
    struct random r;
    random_init(&r, 8);
    for (int round = 0; round < 40; round++) {
        struct batch *b = batch_new(STAGE_RECORD, 5000);
        setting.open_max = 1 + random_below(&r, 200);
        for (size_t i = 0; i < 5000; i++) {
            struct record garbage = {0,
                                     0,
                                     LOC,
                                     (uint16_t)random_below(&r, 4),
                                     IN,
                                     (uint16_t)random_below(&r, 4),
                                     (uint8_t)random_below(&r, 8),
                                     random_below(&r, 3),
                                     random_below(&r, 3),
                                     random_below(&r, 3),
                                     random_below(&r, 3),
                                     .exporter = (uint32_t)random_below(&r, 3),
                                     .name = random_below(&r, 2) ? "a.example" : NULL};
            put_record(b, &garbage);
            batch_start_ms(b)[i] = times[random_below(&r, 8)];
            batch_end_ms(b)[i] = times[random_below(&r, 8)];
            batch_tcp_flags(b)[i] = (uint8_t)random_u64(&r);
            batch_opener(b)[i] = (uint8_t)random_below(&r, 7);
            batch_src_ip(b)[i].octet[15] = (uint8_t)random_below(&r, 3);
            batch_dst_ip(b)[i].octet[12] = random_below(&r, 9) ? 192 : 175;
            if (random_below(&r, 2)) {
                struct ip turn = batch_src_ip(b)[i];
                batch_src_ip(b)[i] = batch_dst_ip(b)[i];
                batch_dst_ip(b)[i] = turn;
            }
        }
        uint64_t told = 0, given = 0;
        for (size_t i = 0; i < b->rows; i++)
            told += batch_octets(b)[i] + batch_reverse_octets(b)[i];
        struct result result = run(&setting, b, 16);
        for (size_t i = 0; i < result.out->rows; i++) {
            given += batch_octets_out(result.out)[i] + batch_octets_in(result.out)[i];
            assert_true(batch_end_ms(result.out)[i] >= batch_start_ms(result.out)[i]);
            assert_in_range(batch_role(result.out)[i], ROLE_CONSUMED, ROLE_UNANSWERED);
        }
        assert_int_equal(told, given + result.counts.copied_octets);
        batch_free(result.out);
        batch_free(b);
    }
    study_done(s);
}

/* ------------------------------------------------------------------ cost */

static void fill_random(struct batch *b, struct random *r, uint64_t from_ms, uint64_t step_us)
{
    batch_clear(b);
    for (size_t i = 0; i < b->capacity; i++) {
        size_t row = batch_add(b);
        uint8_t local[4] = {175, 45, 176, (uint8_t)random_u64(r)};
        uint32_t pick = (uint32_t)random_below(r, 1 << 20);
        uint8_t remote[4] = {100, (uint8_t)(pick >> 14), (uint8_t)(pick >> 7), (uint8_t)pick};
        bool out = random_below(r, 2);
        local[3] = (uint8_t)(pick >> 3);
        batch_src_ip(b)[row] = ip_from_v4(out ? local : remote);
        batch_dst_ip(b)[row] = ip_from_v4(out ? remote : local);
        batch_src_port(b)[row] = out ? (uint16_t)(20000 + (pick & 0x3fff)) : 443;
        batch_dst_port(b)[row] = out ? 443 : (uint16_t)(20000 + (pick & 0x3fff));
        batch_protocol(b)[row] = 6;
        batch_packets(b)[row] = 10;
        batch_octets(b)[row] = 5000;
        batch_start_ms(b)[row] = from_ms + i * step_us / 1000;
        batch_end_ms(b)[row] = batch_start_ms(b)[row] + 500;
        batch_sampling(b)[row] = 1;
    }
}

static void a_million_open_cost_no_allocation(void **state)
{
    (void)state;
    enum { ROWS = 8192, ROUNDS = 480 };
    struct study *s = study_of("175.45.176.0/22", NULL);
    struct flow_setting setting = flow_setting_default;
    setting.study = s;
    struct pairer *p = pairer_new(&setting);
    struct batch *b = batch_new(STAGE_RECORD, ROWS), *out = batch_new(STAGE_FLOW, ROWS);
    struct random r;
    random_init(&r, 5);
    struct tally tally = {0};
    double s_spent = 0;
    size_t timed = 0, allocated = 0, given = 0;
    for (int round = 0; round < ROUNDS; round++) {
        /* About 1 M different conversations within the time they stay open. */
        fill_random(b, &r, MS(round * 5), 600);
        tally_keep(&tally, b->rows);
#ifdef COUNTS_ALLOCATIONS
        size_t before = allocations;
#endif
        struct timespec from, to;
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
        for (size_t at = 0; at < b->rows;) {
            at += pairer_add(p, b, at, out, &tally);
            given += out->rows;
            batch_clear(out);
        }
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
#ifdef COUNTS_ALLOCATIONS
        allocated += allocations - before;
#endif
        if (round >= 240) {
            s_spent +=
                (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
            timed += b->rows;
        }
    }
    assert_int_equal(allocated, 0);
    size_t open = 0, ended;
    while ((ended = pairer_finish(p, out))) {
        open += ended;
        batch_clear(out);
    }
    print_message("# %.2f M records/s with %zu open, %zu ended meanwhile\n",
                  (double)timed / s_spent / 1e6, open, given);
    pairer_free(p);
    batch_free(b);
    batch_free(out);
    study_done(s);
}

/* ------------------------------------------------------------------ devices, TLS, translation */

/* Two records of one conversation, the second turned round. */
static struct batch *opposite_pair(const struct record pair[2])
{
    struct batch *b = batch_new(STAGE_RECORD, 2);
    put_record(b, &pair[0]);
    put_record(b, &pair[1]);
    return b;
}

static struct result run_batch(const struct study *study, struct batch *b)
{
    struct flow_setting setting = flow_setting_default;
    setting.study = study;
    setting.open_max = 1000;
    struct result r = run(&setting, b, 64);
    batch_free(b);
    return r;
}

static const struct record opposite[2] = {
    {0, 9, "31.13.86.36", 443, "175.45.176.9", 50000, 6, 20, 9000, .flags = "SAPF"},
    {0.1, 10, "175.45.176.9", 50000, "31.13.86.36", 443, 6, 10, 1000, .flags = "SAPF"}};

static void a_platform_is_its_own_ends(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
    struct batch *b = opposite_pair(opposite);
    batch_platform(b)[0] = PLATFORM_LINUX; /* the server's own */
    batch_platform_basis(b)[0] = PLATFORM_BASIS_BANNER;
    batch_reverse_platform(b)[0] = PLATFORM_APPLE;
    batch_reverse_platform_basis(b)[0] = PLATFORM_BASIS_TLS;
    batch_platform(b)[1] = PLATFORM_IOS; /* stronger evidence of the same end */
    batch_platform_basis(b)[1] = PLATFORM_BASIS_USER_AGENT;
    batch_tls_faults(b)[0] = TLS_HELLO | TLS_EXPIRED;
    batch_tls_faults(b)[1] = TLS_HELLO | TLS_CERTIFICATE;
    batch_tls_version(b)[0] = 0x0303;
    batch_fingerprint(b)[1] = 7;
    struct result r = run_batch(s, b);
    assert_int_equal(r.out->rows, 1);
    assert_int_equal(batch_platform(r.out)[0], PLATFORM_IOS);
    assert_int_equal(batch_platform_basis(r.out)[0], PLATFORM_BASIS_USER_AGENT);
    assert_int_equal(batch_tls_faults(r.out)[0], TLS_HELLO | TLS_EXPIRED | TLS_CERTIFICATE);
    assert_int_equal(batch_tls_version(r.out)[0], 0x0303);
    assert_int_equal(batch_fingerprint(r.out)[0], 7);
    batch_free(r.out);
    study_done(s);
}

/* RFC 8158: the ends after translation go with the ends before it, whichever way a record runs. */
static void translated_ends_follow_their_ends(void **state)
{
    (void)state;
    struct study *s = study_of("175.45.176.0/22", NULL);
    struct batch *b = opposite_pair(opposite);
    batch_nat_dst_ip(b)[0] = ip_of("77.94.35.1");
    batch_nat_dst_port(b)[0] = 1024;
    batch_nat_src_ip(b)[1] = ip_of("77.94.35.2"); /* told already */
    batch_nat_dst_ip(b)[1] = ip_of("10.9.9.9");
    struct result r = run_batch(s, b);
    assert_int_equal(r.out->rows, 1);
    assert_ip(&batch_nat_local(r.out)[0], "77.94.35.1");
    assert_ip(&batch_nat_remote(r.out)[0], "10.9.9.9");
    assert_int_equal(batch_nat_local_port(r.out)[0], 1024);
    assert_int_equal(batch_nat_remote_port(r.out)[0], 0);
    batch_free(r.out);

    b = opposite_pair(opposite);
    r = run_batch(s, b);
    assert_ip(&batch_nat_local(r.out)[0], "::");
    batch_free(r.out);
    study_done(s);
}

/* Every conversation translated and named at its longest: the table keeps what it has room for and
 * gives all back. */
static void translated_ends_take_no_ones_place(void **state)
{
    (void)state;
    enum { COUNT = 20000, OPEN = 500 };
    struct study *s = study_of("175.45.176.0/22", NULL);
    struct flow_setting setting = flow_setting_default;
    setting.study = s;
    setting.open_max = OPEN;
    struct batch *b = batch_new(STAGE_RECORD, COUNT);
    char name[256];
    memset(name, 'a', sizeof name);
    for (size_t i = 0; i < COUNT; i++) {
        put_record(b, &(struct record){(double)i / 100, (double)i / 100 + 1, "175.45.176.9",
                                       (uint16_t)(1024 + i), "31.13.86.36", 443, 6, 1, 60, 1, 60});
        if (i % 2)
            batch_set_text(b, FIELD_server_name, i, name, 1 + i % 255);
        batch_nat_src_ip(b)[i] = ip_of("77.94.35.1");
        batch_nat_src_port(b)[i] = (uint16_t)(1 + i % 60000);
    }
    struct result r = run(&setting, b, 64);
    assert_int_equal(r.out->rows, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_int_equal(batch_nat_local_port(r.out)[i],
                         1 + (batch_local_port(r.out)[i] - 1024u) % 60000);
    batch_free(r.out);
    batch_free(b);
    study_done(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(opposite_records_are_one_conversation),
        cmocka_unit_test(pivots_count_on_their_dates_only),
        cmocka_unit_test(inside_both_the_client_is_local),
        cmocka_unit_test(slices_of_an_active_timeout_count_once),
        cmocka_unit_test(used_again_ports_begin_a_new_conversation),
        cmocka_unit_test(another_exporters_copy_counts_once),
        cmocka_unit_test(a_repeated_record_counts_once),
        cmocka_unit_test(the_first_name_stays),
        cmocka_unit_test(a_platform_is_its_own_ends),
        cmocka_unit_test(translated_ends_follow_their_ends),
        cmocka_unit_test(translated_ends_take_no_ones_place),
        cmocka_unit_test(roles_follow_from_the_evidence),
        cmocka_unit_test(one_socket_that_talks_to_many_is_a_peer),
        cmocka_unit_test(file_sharing_is_known_by_its_application),
        cmocka_unit_test(random_worlds_come_out_as_they_were),
        cmocka_unit_test(a_full_table_lets_the_quietest_go_and_loses_nothing),
        cmocka_unit_test(a_wrong_clock_does_not_end_the_others),
        cmocka_unit_test(senseless_records_keep_the_totals),
        cmocka_unit_test(a_million_open_cost_no_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
