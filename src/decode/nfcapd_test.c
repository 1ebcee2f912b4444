/* SPDX-License-Identifier: Apache-2.0 */
/* nfcapd files: put together by hand, written by nfdump with each compression, and against what
 * nfdump prints of them; cut at each octet and damaged at random. */
#include "decode/fixture.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/random.h"
#include "decode/lzo.h"
#include "decode/nfcapd.h"

/* Rows of a whole file as sorted lines. */
struct rows {
    char (*line)[200];
    size_t count, room;
};

static void rows_add(struct rows *r, const char *line)
{
    if (r->count == r->room) {
        r->room = r->room ? 2 * r->room : 64;
        r->line = realloc(r->line, r->room * sizeof *r->line);
        assert_non_null(r->line);
    }
    snprintf(r->line[r->count++], sizeof *r->line, "%s", line);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void rows_sort(struct rows *r)
{
    if (r->count)
        qsort(r->line, r->count, sizeof *r->line, by_text);
}

static void rows_equal(struct rows *got, struct rows *want, const char *name)
{
    rows_sort(got);
    rows_sort(want);
    for (size_t i = 0; i < got->count && i < want->count; i++)
        if (strcmp(got->line[i], want->line[i]) != 0)
            fail_msg("%s: row %zu is\n  %s, not\n  %s", name, i, got->line[i], want->line[i]);
    if (got->count != want->count)
        fail_msg("%s: %zu rows, not %zu", name, got->count, want->count);
    free(got->line);
    free(want->line);
    *got = *want = (struct rows){0};
}

/* How rows are compared with nfdump's: `exact` has milliseconds, else seconds; `no_end` leaves the
 * end out (nfdump has none where we take the event's time). */
enum show { SHOW_EXACT, SHOW_SECONDS, SHOW_NO_END };

static void show_row(const struct batch *b, size_t i, enum show show, char line[200])
{
    char src[IP_TEXT_MAX], dst[IP_TEXT_MAX];
    src[ip_print(&batch_src_ip(b)[i], src)] = 0;
    dst[ip_print(&batch_dst_ip(b)[i], dst)] = 0;
    uint64_t start = batch_start_ms(b)[i], end = batch_end_ms(b)[i], n = batch_sampling(b)[i];
    uint64_t duration = show == SHOW_NO_END ? 0 : end - start;
    if (batch_marks(b)[i] & MARK_EXPORT_TIME)
        start = 0;
    snprintf(line, 200, "%s %s %u %u %u %lu %lu %lu %lu %lu %lu", src, dst, batch_src_port(b)[i],
             batch_dst_port(b)[i], batch_protocol(b)[i], batch_packets(b)[i] * n,
             batch_octets(b)[i] * n, batch_reverse_packets(b)[i] * n,
             batch_reverse_octets(b)[i] * n, show == SHOW_EXACT ? start : start / 1000, duration);
}

struct reading {
    struct fixture f;
    struct rows rows;
    enum show show;
};

static void read_stream(struct reading *r, struct stream *in)
{
    struct nfcapd *n;
    struct error err = {0};
    if (nfcapd_open(in, &r->f.setting, &n, &err) != 0)
        fail_msg("%s", err.text);
    bool more;
    do {
        more = nfcapd_next(n, r->f.out, &r->f.tally);
        assert_true(r->f.out->rows <= NFCAPD_ROWS_MAX);
        for (size_t i = 0; i < r->f.out->rows; i++) {
            char line[200];
            show_row(r->f.out, i, r->show, line);
            rows_add(&r->rows, line);
        }
        assert_true(tally_balanced(&r->f.tally));
        assert_int_equal(r->f.tally.kept, r->rows.count);
        if (more)
            batch_clear(r->f.out);
    } while (more);
    nfcapd_free(n);
}

static void read_bytes(struct reading *r, const void *at, size_t len)
{
    fixture_open(&r->f, NULL);
    read_stream(r, stream_of_bytes(bytes_of(at, len)));
}

static void read_path(struct reading *r, const char *path)
{
    struct stream *in;
    struct error err = {0};
    fixture_open(&r->f, NULL);
    if (stream_open(path, &in, &err) != 0)
        fail_msg("%s", err.text);
    read_stream(r, in);
}

static void reading_close(struct reading *r)
{
    fixture_close(&r->f);
    free(r->rows.line);
    *r = (struct reading){0};
}

/* ---- files by hand ---- */

static void le(struct build *b, uint64_t value, size_t width)
{
    for (size_t i = 0; i < width; i++)
        b->at[b->len++] = (uint8_t)(i < 8 ? value >> (8 * i) : 0);
}

static void begin_file(struct build *b, unsigned layout, unsigned packing)
{
    b->len = 0;
    le(b, 0xa50c, 2);
    le(b, layout, 2);
    if (layout == 1) {
        le(b, packing, 4);
        le(b, 1, 4);
        put_text(b, "by hand", 128);
        put(b, 0, 136);
        return;
    }
    le(b, 0x01070100, 4);
    le(b, NOW_S, 8);
    le(b, packing, 1);
    le(b, 0, 1 + 2 + 4 + 8 + 4);
    le(b, 1, 4);
}

static void begin_block(struct build *b, uint32_t records, unsigned type)
{
    b->set = b->len;
    le(b, records, 4);
    le(b, 0, 4);
    le(b, type, 2);
    le(b, 0, 2);
}

static void end_block(struct build *b)
{
    uint32_t octets = (uint32_t)(b->len - b->set - 12);
    memcpy(b->at + b->set + 4, &octets, 4);
}

static void begin_record(struct build *b, unsigned type)
{
    b->message = b->len;
    le(b, type, 2);
    le(b, 0, 2);
}

static void end_record(struct build *b)
{
    uint16_t octets = (uint16_t)(b->len - b->message);
    memcpy(b->at + b->message + 2, &octets, 2);
}

static void put_exporter(struct build *b, unsigned sysid, uint32_t ip)
{
    begin_record(b, 7);
    le(b, 9, 4);
    le(b, 0, 8);
    le(b, ip, 8);
    le(b, 2, 2);
    le(b, sysid, 2);
    le(b, 0, 4);
    end_record(b);
}

static void put_sampler(struct build *b, unsigned sysid, uint64_t id, uint32_t taken,
                        uint32_t space)
{
    begin_record(b, 15);
    le(b, sysid, 2);
    le(b, 0, 2);
    le(b, id, 8);
    le(b, taken, 4);
    le(b, space, 4);
    end_record(b);
}

static void begin_v3(struct build *b, unsigned elements, unsigned sysid, unsigned flags)
{
    begin_record(b, 11);
    le(b, elements, 2);
    le(b, 0, 2);
    le(b, sysid, 2);
    le(b, flags, 1);
    le(b, 5, 1);
}

static void put_flow(struct build *b, uint64_t packets, uint64_t octets)
{
    le(b, 1, 2);
    le(b, 52, 2);
    le(b, NOW_MS + 5, 8);
    le(b, NOW_MS + 1005, 8);
    le(b, NOW_MS + 2000, 8);
    le(b, packets, 8);
    le(b, octets, 8);
    le(b, 40000, 2);
    le(b, 443, 2);
    le(b, 6, 1);
    le(b, 0x1b, 1);
    le(b, 0, 2);
}

static void put_v4(struct build *b, uint32_t src, uint32_t dst)
{
    le(b, 2, 2);
    le(b, 12, 2);
    le(b, src, 4);
    le(b, dst, 4);
}

static void put_v6(struct build *b)
{
    le(b, 3, 2);
    le(b, 36, 2);
    le(b, UINT64_C(0x20010db800000000), 8);
    le(b, 1, 8);
    le(b, UINT64_C(0x20010db800000000), 8);
    le(b, 2, 8);
}

static void put_element(struct build *b, unsigned id, size_t octets)
{
    le(b, id, 2);
    le(b, 4 + octets, 2);
    put(b, 0, octets);
}

enum { SRC = 0x0a000001, DST = 0x0a000002 };

/* One of everything in layout 2. */
static void everything(struct build *b)
{
    begin_file(b, 2, 0);
    begin_block(b, 9, 3);
    put_exporter(b, 3, 0xc0000201);
    put_sampler(b, 3, UINT64_MAX, 1, 99);
    begin_v3(b, 2, 3, 0);
    put_flow(b, 10, 1000);
    put_v4(b, SRC, DST);
    end_record(b);
    begin_v3(b, 4, 3, 2); /* multiplied by 100 when collected */
    put_element(b, 200, 7);
    put_flow(b, 10000, 1000000);
    put_v6(b);
    put_element(b, 14, 40);
    end_record(b);
    begin_v3(b, 2, 3, 2); /* does not divide */
    put_flow(b, 10001, 1000000);
    put_v4(b, SRC, DST);
    end_record(b);
    begin_v3(b, 3, 3, 0);
    put_flow(b, 10, 1000);
    put_v4(b, SRC, DST);
    le(b, 5, 2);
    le(b, 28, 2);
    le(b, 1, 8);
    le(b, 7, 8);
    le(b, 700, 8);
    end_record(b);
    begin_v3(b, 1, 3, 0);
    put_flow(b, 10, 1000);
    end_record(b);
    begin_v3(b, 3, 3, 1); /* a firewall's "created" */
    put_flow(b, 0, 0);
    put_v4(b, SRC, DST);
    le(b, 19, 2);
    le(b, 20, 2);
    le(b, NOW_MS, 8);
    le(b, 0, 6);
    le(b, 1, 2);
    end_record(b);
    begin_record(b, 99);
    end_record(b);
    end_block(b);
}

static void all_kinds_of_records(void **state)
{
    (void)state;
    static struct build b;
    struct reading r = {0};
    everything(&b);
    assert_true(nfcapd_is(bytes_of(b.at, b.len)));
    read_bytes(&r, b.at, b.len);
    assert_int_equal(r.f.tally.records, 7);
    assert_int_equal(r.f.tally.kept, 4);
    assert_int_equal(r.f.tally.reasons[REASON_no_address], 1);
    assert_int_equal(r.f.tally.reasons[REASON_not_a_flow], 2);
    assert_string_equal(symbols_text(r.f.symbols, SYMBOL_EXPORTER, 1), "192.0.2.1");
    rows_sort(&r.rows);
    assert_int_equal(r.rows.count, 4);
    assert_string_equal(r.rows.line[0],
                        "10.0.0.1 10.0.0.2 40000 443 6 10 1000 0 0 1491004800005 1000");
    reading_close(&r);
}

/* Rows of one small file, still in the batch. */
static void read_small(struct fixture *f, const struct build *b)
{
    struct nfcapd *n;
    assert_int_equal(nfcapd_open(stream_of_bytes(bytes_of(b->at, b->len)), &f->setting, &n, NULL),
                     0);
    while (nfcapd_next(n, f->out, &f->tally))
        ;
    nfcapd_free(n);
}

static void counters_are_as_exported(void **state)
{
    (void)state;
    static struct build b;
    struct fixture f;
    everything(&b);
    fixture_open(&f, NULL);
    read_small(&f, &b);
    assert_int_equal(f.out->rows, 4);
    assert_int_equal(batch_sampling(f.out)[0], 1); /* not multiplied: never scale it */
    assert_int_equal(batch_packets(f.out)[0], 10);
    assert_int_equal(batch_start_ms(f.out)[0], NOW_MS + 5);
    assert_int_equal(batch_end_ms(f.out)[0], NOW_MS + 1005);
    assert_int_equal(batch_tcp_flags(f.out)[0], 0x1b);
    assert_int_equal(batch_sampling(f.out)[1], 100);
    assert_int_equal(batch_packets(f.out)[1], 100);
    assert_int_equal(batch_octets(f.out)[1], 10000);
    assert_int_equal(batch_sampling(f.out)[2], 1);
    assert_int_equal(batch_packets(f.out)[2], 10001);
    assert_int_equal(batch_reverse_packets(f.out)[3], 7);
    assert_int_equal(batch_reverse_octets(f.out)[3], 700);
    assert_true(batch_marks(f.out)[3] & MARK_BIFLOW);
    char text[IP_TEXT_MAX];
    text[ip_print(&batch_dst_ip(f.out)[1], text)] = 0;
    assert_string_equal(text, "2001:db8::2");
    const struct coverage_row *rows = coverage_rows(f.coverage);
    assert_int_equal(coverage_count(f.coverage), 1);
    assert_int_equal(rows[0].hour_s, NOW_S);
    assert_int_equal(rows[0].records, 7);
    assert_int_equal(rows[0].rejected, 3);
    assert_int_equal(rows[0].sampling_max, 100);
    fixture_close(&f);
}

static void only_the_population(void **state)
{
    (void)state;
    static struct build b;
    struct fixture f;
    struct prefix p;
    struct lpm *population = lpm_new();
    assert_true(prefix_parse("2001:db8::/64", 13, true, &p));
    lpm_add(population, &p, 1);
    lpm_seal(population);
    everything(&b);
    fixture_open(&f, NULL);
    f.setting.population = population;
    read_small(&f, &b);
    assert_int_equal(f.tally.kept, 1);
    assert_int_equal(f.tally.outside, 4);
    assert_int_equal(f.tally.records, 7);
    fixture_close(&f);
    lpm_free(population);
}

static void put_map(struct build *b, unsigned id, const uint16_t *ids, size_t count,
                    unsigned octets)
{
    begin_record(b, 2);
    le(b, id, 2);
    le(b, octets, 2);
    for (size_t i = 0; i < count; i++)
        le(b, ids[i], 2);
    le(b, 0, 2);
    end_record(b);
}

static void put_common(struct build *b, unsigned type, unsigned flags, unsigned map)
{
    begin_record(b, type);
    le(b, flags | (type == 1 ? 4u << 8 : 0), 2);
    le(b, map, 2);
    le(b, 5, 2);
    le(b, 6, 2);
    le(b, NOW_S, 4);
    le(b, NOW_S + 1, 4);
    le(b, 0, 1);
    le(b, 2, 1);
    le(b, 17, 1);
    le(b, 0, 1);
    le(b, 53, 2);
    le(b, 5353, 2);
    if (type == 10) {
        le(b, 4, 2);
        le(b, 0, 2);
    }
    if (flags & 1) {
        le(b, 1, 8), le(b, 2, 8), le(b, 3, 8), le(b, 4, 8);
    } else {
        le(b, SRC, 4), le(b, DST, 4);
    }
    le(b, 6, flags & 2 ? 8 : 4);
    le(b, 600, flags & 4 ? 8 : 4);
}

static void the_older_layout(void **state)
{
    (void)state;
    static struct build b;
    struct fixture f;
    begin_file(&b, 1, 0);
    begin_block(&b, 9, 2);
    put_exporter(&b, 4, 0xc0000202);
    put_map(&b, 7, (const uint16_t[]){4, 14, 17, 23}, 4, 20);
    begin_record(&b, 9); /* a sampler of 1.6: 1 in 3 */
    le(&b, 0xffffffff, 4), le(&b, 3, 4), le(&b, 0, 2), le(&b, 4, 2);
    end_record(&b);
    put_common(&b, 10, 2, 7);
    le(&b, 0, 4), le(&b, 11, 4), le(&b, 1100, 8), le(&b, 0xc0000209, 4);
    end_record(&b);
    put_common(&b, 1, 128 | 5, 7);
    le(&b, 0, 4), le(&b, 12, 4), le(&b, 1200, 8), le(&b, 0xc0000209, 4);
    end_record(&b);
    put_common(&b, 10, 0, 8); /* no such map */
    end_record(&b);
    put_common(&b, 10, 0, 7); /* extensions missing */
    end_record(&b);
    end_block(&b);
    fixture_open(&f, NULL);
    read_small(&f, &b);
    assert_int_equal(f.tally.records, 4);
    assert_int_equal(f.tally.reasons[REASON_no_template], 1);
    assert_int_equal(f.tally.reasons[REASON_bad_length], 1);
    assert_int_equal(f.out->rows, 2);
    assert_int_equal(batch_start_ms(f.out)[0], NOW_MS + 5);
    assert_int_equal(batch_end_ms(f.out)[0], NOW_MS + 1006);
    assert_int_equal(batch_packets(f.out)[0], 6);
    assert_int_equal(batch_octets(f.out)[0], 600);
    assert_int_equal(batch_reverse_packets(f.out)[0], 11);
    assert_int_equal(batch_reverse_octets(f.out)[0], 1100);
    assert_int_equal(batch_tcp_flags(f.out)[0], 0); /* UDP has none */
    assert_int_equal(batch_sampling(f.out)[0], 1);
    assert_int_equal(batch_sampling(f.out)[1], 3);
    assert_int_equal(batch_packets(f.out)[1], 2);
    assert_int_equal(batch_reverse_octets(f.out)[1], 400);
    assert_string_equal(symbols_text(f.symbols, SYMBOL_EXPORTER, batch_exporter(f.out)[1]),
                        "192.0.2.2");
    fixture_close(&f);
}

static void assert_address(const struct ip *ip, const char *want)
{
    char text[IP_TEXT_MAX];
    ip_print(ip, text);
    assert_string_equal(text, want);
}

/* Both layouts: the source translated, the destination not. */
static void translated_ends(void **state)
{
    (void)state;
    static struct build b[2];
    begin_file(&b[0], 2, 0);
    begin_block(&b[0], 1, 3);
    begin_v3(&b[0], 4, 3, 0);
    put_flow(&b[0], 10, 1000); /* ports 40000 and 443 */
    put_v4(&b[0], SRC, DST);
    le(&b[0], 20, 2), le(&b[0], 12, 2), le(&b[0], 0xcb007101, 4), le(&b[0], DST, 4);
    le(&b[0], 22, 2), le(&b[0], 8, 2), le(&b[0], 1024, 2), le(&b[0], 443, 2);
    end_record(&b[0]);
    end_block(&b[0]);
    begin_file(&b[1], 1, 0);
    begin_block(&b[1], 2, 2);
    put_map(&b[1], 7, (const uint16_t[]){4, 38, 39}, 3, 16);
    put_common(&b[1], 10, 0, 7); /* ports 53 and 5353 */
    le(&b[1], 0, 4), le(&b[1], 1024, 2), le(&b[1], 5353, 2);
    le(&b[1], 0xcb007101, 4), le(&b[1], DST, 4);
    end_record(&b[1]);
    end_block(&b[1]);
    for (int i = 0; i < 2; i++) {
        struct fixture f;
        fixture_open(&f, NULL);
        read_small(&f, &b[i]);
        assert_int_equal(f.out->rows, 1);
        assert_address(&batch_nat_src_ip(f.out)[0], "203.0.113.1");
        assert_address(&batch_nat_dst_ip(f.out)[0], "::");
        assert_int_equal(batch_nat_src_port(f.out)[0], 1024);
        assert_int_equal(batch_nat_dst_port(f.out)[0], 0);
        fixture_close(&f);
    }
}

static void what_is_lost_is_counted(void **state)
{
    (void)state;
    static struct build b;
    struct fixture f;
    everything(&b);
    for (size_t cut = 12; cut < b.len; cut++) {
        struct build part = {.len = cut};
        memcpy(part.at, b.at, cut);
        fixture_open(&f, NULL);
        read_small(&f, &part);
        assert_true(f.tally.reasons[REASON_truncated] >= 1);
        if (cut >= 52) /* the block's header is there, which states 9 */
            assert_in_range(f.tally.records, 7, 9);
        fixture_close(&f);
    }
    b.at[52 + 2] = 0; /* the first record's length */
    fixture_open(&f, NULL);
    read_small(&f, &b);
    assert_int_equal(f.tally.reasons[REASON_bad_length], 9);
    fixture_close(&f);
}

static void files_that_are_none(void **state)
{
    (void)state;
    static struct build b;
    struct fixture f;
    struct nfcapd *n;
    struct error err;
    fixture_open(&f, NULL);
    assert_false(nfcapd_is(bytes_of_text("")));
    assert_false(nfcapd_is(bytes_of_text("start,end,src_ip,dst_ip,src_port\n")));
    begin_file(&b, 2, 9);
    assert_int_equal(nfcapd_open(stream_of_bytes(bytes_of(b.at, b.len)), &f.setting, &n, &err),
                     ERROR_FAILED);
    begin_file(&b, 2, 0);
    b.at[17] = 1;
    assert_int_equal(nfcapd_open(stream_of_bytes(bytes_of(b.at, b.len)), &f.setting, &n, &err),
                     ERROR_FAILED);
    assert_string_equal(err.text, "the nfcapd file is encrypted");
    uint8_t big[300] = {0xa5, 0x0c, 0, 1};
    assert_true(nfcapd_is(bytes_of(big, sizeof big)));
    assert_int_equal(nfcapd_open(stream_of_bytes(bytes_of(big, sizeof big)), &f.setting, &n, &err),
                     ERROR_FAILED);
    fixture_close(&f);
}

/* ---- LZO by hand: each instruction of the format ---- */

static void lzo_is(const uint8_t *in, size_t len, const char *want)
{
    char out[600];
    memset(out, 0, sizeof out);
    assert_int_equal(lzo_decompress((uint8_t *)out, sizeof out - 1, bytes_of(in, len)),
                     strlen(want));
    assert_string_equal(out, want);
    for (size_t cut = 0; cut < len; cut++)
        assert_int_equal(lzo_decompress((uint8_t *)out, sizeof out, bytes_of(in, cut)), -1);
    for (size_t room = 0; room < strlen(want); room++)
        assert_int_equal(lzo_decompress((uint8_t *)out, room, bytes_of(in, len)), -1);
}

#define LZO(want, ...)                                                                             \
    do {                                                                                           \
        const uint8_t lzo_in[] = {__VA_ARGS__, 0x11, 0, 0};                                        \
        lzo_is(lzo_in, sizeof lzo_in, want);                                                       \
    } while (0)

static void lzo_instructions(void **state)
{
    (void)state;
    LZO("abcd", 21, 'a', 'b', 'c', 'd');
    LZO("abcdefgh", 5, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
    LZO("abcdabcx", 21, 'a', 'b', 'c', 'd', 0x40 | 3 << 2 | 1, 0, 'x');         /* 3 back 4 */
    LZO("aaaaaaaaa", 21, 'a', 'a', 'a', 'a', 0x80 | 0 << 2, 0);                 /* 5 back 1 */
    LZO("abcdabcdabcd", 21, 'a', 'b', 'c', 'd', 0xe0 | 3 << 2, 0);              /* 8 back 4 */
    LZO("abcdabcdabcdx", 21, 'a', 'b', 'c', 'd', 0x20 | 6, 3 << 2 | 1, 0, 'x'); /* 8 back 4 */
    LZO("abab", 19, 'a', 'b', 0x04, 0); /* 2 back 2, after 2 literals */
    LZO("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 18, 'a', 0x20, 1, 0, 0); /* 34 back 1 */
    LZO("abcdefghijklmnopqrstabc0123", 0, 2, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j', 'k',
        'l', 'm', 'n', 'o', 'p', 'q', 'r', 's', 't', 0x20 | 1, 19 << 2 | 0, 0, 1, '0', '1', '2',
        '3');
}

/* ---- real files ---- */

static bool captures_path(char path[600], const char *file)
{
    const char *source = getenv("TELLTALE_SOURCE");
    snprintf(path, 600, "%s/../shared/data/captures/%s", source ? source : ".", file);
    return access(path, R_OK) == 0;
}

/* "2018-01-12 15:37:30" to s since 1970, 0 for the first days of 1970. */
static uint64_t seconds_of(const char *text)
{
    struct tm t = {0};
    if (!strptime(text, "%Y-%m-%d %H:%M:%S", &t) || t.tm_year == 70)
        return 0;
    return (uint64_t)timegm(&t);
}

/* A line of nfdump's csv to a row; false for its other lines and flows without addresses. */
static bool csv_row(char *text, enum show show, char line[200])
{
    char *field[16];
    size_t count = 0;
    for (char *save, *f = strtok_r(text, ",", &save); f && count < 16;
         f = strtok_r(NULL, ",", &save))
        field[count++] = f;
    if (count < 16 || strcmp(field[0], "ts") == 0 || !strchr(field[0], '-') ||
        (strcmp(field[3], "0.0.0.0") == 0 && strcmp(field[4], "0.0.0.0") == 0))
        return false;
    int protocol = protocol_value(field[7], strlen(field[7]));
    uint64_t start = seconds_of(field[0]), end = seconds_of(field[1]);
    bool icmp = protocol == 1 || protocol == 58;
    uint64_t duration = start && end ? (uint64_t)(strtod(field[2], NULL) * 1000 + 0.5) : 0;
    snprintf(line, 200, "%s %s %s %s %d %s %s %s %s %lu %lu", field[3], field[4],
             icmp ? "0" : field[5], field[6], protocol, field[11], field[12], field[13], field[14],
             start, show == SHOW_NO_END ? 0 : duration);
    return true;
}

static void read_truth(const char *path, enum show show, struct rows *ret)
{
    char text[2000], line[200];
    gzFile in = gzopen(path, "rb");
    assert_non_null(in);
    while (gzgets(in, text, sizeof text))
        if (csv_row(text, show, line))
            rows_add(ret, line);
    gzclose(in);
}

static const struct {
    const char *name;
    enum show show;
    unsigned no_address;
} captures[] = {
    {"empty", SHOW_SECONDS, 0},
    {"slips-test1", SHOW_SECONDS, 0},
    {"small-lzo", SHOW_SECONDS, 0},
    {"ref-ipfix-barracuda-firewall-lz4", SHOW_SECONDS, 0},
    {"ref-ipfix-netscaler-with-variable-length-fields-lzo", SHOW_SECONDS, 0},
    {"ref-ipfix-openbsd-pflow-lz4", SHOW_SECONDS, 0},
    {"ref-ipfix-vmware-virtual-distributed-switch-bz2", SHOW_SECONDS, 0},
    {"ref-netflow-5-valid-01-none", SHOW_SECONDS, 0},
    {"ref-netflow-9-cisco-asa-bz2", SHOW_NO_END, 0},
    {"ref-netflow-9-cisco-asr-9000-series-template-260-none", SHOW_SECONDS, 0},
    {"ref-netflow-9-cisco-asr1001-x-bz2", SHOW_SECONDS, 0},
    {"ref-netflow-9-cisco-wlc-lzo", SHOW_SECONDS, 19},
    {"ref-netflow-9-h3c-bz2", SHOW_SECONDS, 0},
    {"ref-netflow-9-ipt-netflow-reduced-size-encoding-lzo", SHOW_SECONDS, 0},
    {"ref-netflow-9-streamcore-none", SHOW_SECONDS, 0},
    {"ref-netflow-9-template-with-0-length-fields-lz4", SHOW_SECONDS, 0},
    {"ref-netflow-9-ubiquiti-edgerouter-with-mpls-labels-lz4", SHOW_SECONDS, 0},
    {"ref-netflow-9-valid-01-lzo", SHOW_SECONDS, 0},
    {"ref-netflow5-juniper-mx80-none", SHOW_SECONDS, 0},
};
enum { CAPTURES = sizeof captures / sizeof captures[0] };

static void as_nfdump_prints_them(void **state)
{
    (void)state;
    char path[600], name[200];
    if (!captures_path(path, "nfcapd"))
        skip();
    size_t all = 0;
    for (size_t i = 0; i < CAPTURES; i++) {
        struct reading r = {.show = captures[i].show};
        struct rows want = {0};
        snprintf(name, sizeof name, "nfcapd/%s.nfcapd", captures[i].name);
        assert_true(captures_path(path, name));
        read_path(&r, path);
        snprintf(name, sizeof name, "truth/nfcapd/%s.nfcapd.nfdump.csv.gz", captures[i].name);
        assert_true(captures_path(path, name));
        read_truth(path, captures[i].show, &want);
        all += want.count;
        assert_int_equal(r.f.tally.rejected, captures[i].no_address);
        assert_int_equal(r.f.tally.reasons[REASON_no_address], captures[i].no_address);
        rows_equal(&r.rows, &want, captures[i].name);
        reading_close(&r);
    }
    print_message("# %zu flows of %d files are nfdump's\n", all, CAPTURES);
}

static bool run(const char *format, const char *a, const char *b)
{
    char command[2000];
    snprintf(command, sizeof command, format, a, b);
    return system(command) == 0;
}

static uint8_t *read_whole(const char *path, size_t *ret_len)
{
    FILE *in = fopen(path, "rb");
    assert_non_null(in);
    uint8_t *octets = malloc(8 << 20);
    assert_non_null(octets);
    *ret_len = fread(octets, 1, 8 << 20, in);
    fclose(in);
    return octets;
}

/* A file of layout 2 without compression, its blocks put into zstd (nfdump 1.7.1 does not write
 * it, later ones do). */
static size_t to_zstd(uint8_t *to, size_t room, const uint8_t *from, size_t len)
{
    memcpy(to, from, 40);
    to[16] = 4;
    size_t at = 40, out = 40;
    while (at + 12 <= len) {
        uint32_t octets;
        memcpy(&octets, from + at + 4, 4);
        memcpy(to + out, from + at, 12);
        size_t packed = ZSTD_compress(to + out + 12, room - out - 12, from + at + 12, octets, 1);
        assert_false(ZSTD_isError(packed));
        uint32_t packed32 = (uint32_t)packed;
        memcpy(to + out + 4, &packed32, 4);
        out += 12 + packed;
        at += 12 + octets;
    }
    return out;
}

/* What nfdump writes with each compression reads as the file it was written from. */
static void each_compression(void **state)
{
    (void)state;
    char path[600], made[100], truth[600];
    if (!captures_path(path, "nfcapd/slips-test1.nfcapd") || system("which nfdump >/dev/null") != 0)
        skip();
    assert_true(captures_path(truth, "truth/nfcapd/slips-test1.nfcapd.nfdump.csv.gz"));
    static const char *const options[] = {"", "-z", "-y", "-j"};
    snprintf(made, sizeof made, "/tmp/telltale-nfcapd-test-%d", (int)getpid());
    for (size_t i = 0; i < 4; i++) {
        struct reading r = {.show = SHOW_SECONDS};
        struct rows want = {0};
        char command[100];
        snprintf(command, sizeof command, "nfdump %s -r '%%s' -w '%%s' >/dev/null 2>&1",
                 options[i]);
        assert_true(run(command, path, made));
        read_path(&r, made);
        read_truth(truth, SHOW_SECONDS, &want);
        rows_equal(&r.rows, &want, options[i]);
        reading_close(&r);
        if (i > 0)
            continue;
        size_t len;
        uint8_t *plain = read_whole(made, &len), *packed = malloc(8 << 20);
        r.show = SHOW_SECONDS;
        read_bytes(&r, packed, to_zstd(packed, 8 << 20, plain, len));
        read_truth(truth, SHOW_SECONDS, &want);
        rows_equal(&r.rows, &want, "zstd");
        reading_close(&r);
        free(plain);
        free(packed);
    }
    unlink(made);
}

/* Flows that nfpcapd meters from packets, IPv6 and ICMP among them, as nfdump prints them. */
static void files_of_nfpcapd(void **state)
{
    (void)state;
    char path[600], dir[100], text[2000], line[200];
    if (!captures_path(path, "pcap") || system("which nfpcapd >/dev/null") != 0)
        skip();
    snprintf(dir, sizeof dir, "/tmp/telltale-nfpcapd-test-%d", (int)getpid());
    assert_true(run("mkdir -p '%s%s'", dir, ""));
    static const char *const options[] = {"-z", "-y", "-j"};
    FILE *list =
        popen("find \"$TELLTALE_SOURCE/../shared/data/captures/pcap\" -name '*.pcap' -size "
              "+20k -size -400k | sort | awk 'NR % 6 == 0'",
              "r");
    size_t files = 0, flows = 0;
    while (list && fgets(path, sizeof path, list)) {
        char command[1000];
        path[strcspn(path, "\n")] = 0;
        snprintf(command, sizeof command, "nfpcapd %s -r '%%s' -l '%%s' >/dev/null 2>&1",
                 options[files % 3]);
        run(command, path, dir);
        struct reading r = {.show = SHOW_SECONDS};
        struct rows want = {0};
        snprintf(command, sizeof command,
                 "for f in %s/nfcapd.*; do TZ=UTC nfdump -q -r $f -o csv; "
                 "done 2>/dev/null",
                 dir);
        FILE *csv = popen(command, "r");
        uint64_t times_of_1970 = 0;
        while (csv && fgets(text, sizeof text, csv))
            if (strncmp(text, "1970-", 5) == 0)
                times_of_1970++; /* not believed */
            else if (csv_row(text, SHOW_SECONDS, line))
                rows_add(&want, line);
        pclose(csv);
        snprintf(command, sizeof command, "ls %s/nfcapd.* 2>/dev/null", dir);
        FILE *made = popen(command, "r");
        fixture_open(&r.f, NULL);
        while (made && fgets(text, sizeof text, made)) {
            struct stream *in;
            text[strcspn(text, "\n")] = 0;
            assert_int_equal(stream_open(text, &in, NULL), 0);
            batch_clear(r.f.out);
            read_stream(&r, in);
        }
        pclose(made);
        flows += want.count;
        assert_int_equal(r.f.tally.reasons[REASON_bad_time], times_of_1970);
        rows_equal(&r.rows, &want, path);
        reading_close(&r);
        run("rm -f '%s'/nfcapd.*%s", dir, "");
        files++;
    }
    pclose(list);
    run("rm -rf '%s'%s", dir, "");
    print_message("# %zu flows of %zu captures metered by nfpcapd are nfdump's\n", flows, files);
}

static void read_quietly(struct fixture *f, const uint8_t *at, size_t len)
{
    struct nfcapd *n;
    if (nfcapd_open(stream_of_bytes(bytes_of(at, len)), &f->setting, &n, NULL) != 0)
        return;
    while (nfcapd_next(n, f->out, &f->tally))
        batch_clear(f->out);
    nfcapd_free(n);
    batch_clear(f->out);
    assert_true(tally_balanced(&f->tally));
}

static void each_truncation(void **state)
{
    (void)state;
    char path[600], name[200];
    if (!captures_path(path, "nfcapd"))
        skip();
    struct fixture f;
    fixture_open(&f, NULL);
    for (size_t i = 0; i < CAPTURES; i++) {
        size_t len;
        snprintf(name, sizeof name, "nfcapd/%s.nfcapd", captures[i].name);
        assert_true(captures_path(path, name));
        uint8_t *octets = read_whole(path, &len);
        size_t step = len < 10000 ? 1 : len < 100000 ? 97 : 4999;
        for (size_t cut = 12; cut < len; cut += step) {
            uint64_t before = f.tally.reasons[REASON_truncated];
            uint8_t *part = malloc(cut); /* so that a sanitizer sees reads behind it */
            memcpy(part, octets, cut);
            read_quietly(&f, part, cut);
            free(part);
            if (cut + 180 < len) /* before the last block, of statistics */
                assert_true(f.tally.reasons[REASON_truncated] > before);
        }
        free(octets);
    }
    fixture_close(&f);
}

static void mutations(void **state)
{
    (void)state;
    char path[600], name[200];
    if (!captures_path(path, "nfcapd"))
        skip();
    struct random random;
    random_init(&random, 7);
    struct fixture f;
    fixture_open(&f, NULL);
    for (size_t i = 0; i < CAPTURES; i++) {
        size_t len;
        snprintf(name, sizeof name, "nfcapd/%s.nfcapd", captures[i].name);
        assert_true(captures_path(path, name));
        uint8_t *octets = read_whole(path, &len), *copy = malloc(len);
        for (size_t n = 0; n < (len < 10000 ? 610u : 50u); n++) {
            memcpy(copy, octets, len);
            for (uint64_t k = random_below(&random, 8) + 1; k > 0; k--)
                copy[random_below(&random, len)] = (uint8_t)random_below(&random, 256);
            read_quietly(&f, copy, len);
        }
        free(octets);
        free(copy);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds_of_records),
        cmocka_unit_test(counters_are_as_exported),
        cmocka_unit_test(only_the_population),
        cmocka_unit_test(the_older_layout),
        cmocka_unit_test(what_is_lost_is_counted),
        cmocka_unit_test(files_that_are_none),
        cmocka_unit_test(lzo_instructions),
        cmocka_unit_test(as_nfdump_prints_them),
        cmocka_unit_test(translated_ends),
        cmocka_unit_test(each_compression),
        cmocka_unit_test(files_of_nfpcapd),
        cmocka_unit_test(each_truncation),
        cmocka_unit_test(mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
