/* SPDX-License-Identifier: Apache-2.0 */
/* Damage, floods and chance: nothing crashes, sums stay exact, memory stays bounded; and compiled
 * templates read what a plain walk over the fields reads. */
#include "decode/fixture.h"

#include <dirent.h>
#include <malloc.h>
#include <stdio.h>

#include "base/memory.h"
#include "base/random.h"
#include "input/capture.h"
#include "wire/packet.h"

#define END_FIELDS                                                                                 \
    {                                                                                              \
        0, 0                                                                                       \
    }

#ifndef __SANITIZE_ADDRESS__
/* Counts what the decoder asks the heap for. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);
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

static const uint64_t basic[][2] = {{8, 4}, {12, 4}, {7, 2},   {11, 2},  {4, 1},    {6, 2},
                                    {2, 4}, {1, 4},  {152, 8}, {153, 8}, END_FIELDS};
static const uint64_t named[][2] = {{8, 4},   {12, 4},  {2, 4},    {460, 65535},
                                    {152, 8}, {153, 8}, END_FIELDS};

static void put_basic(struct build *b, uint32_t i)
{
    put(b, 0x0a000000 + i, 4), put(b, 0x0b000000 + i, 4), put(b, i, 2), put(b, 443, 2);
    put(b, 6, 1), put(b, 2, 2), put(b, i, 4), put(b, i, 4);
    put(b, NOW_MS - 50, 8), put(b, NOW_MS - 20, 8);
}

static void put_named(struct build *b, uint32_t i)
{
    put(b, 0x0a000000 + i, 4), put(b, 0x0b000000 + i, 4), put(b, i, 4);
    put(b, 11, 1), put_text(b, "example.com", 11);
    put(b, NOW_MS - 50, 8), put(b, NOW_MS - 20, 8);
}

static void nothing_is_allocated_for_data(void **state)
{
    (void)state;
#ifdef __SANITIZE_ADDRESS__
    skip();
#else
    struct fixture f;
    struct build b = {0}, data = {0};
    fixture_open(&f, NULL);
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, basic);
    put_template_set(&b, 2, 257, named);
    end_ipfix(&b);
    feed(&f, &b);
    begin_ipfix(&data, 0, 0);
    begin_set(&data, 256);
    for (uint32_t i = 0; i < 700; i++)
        put_basic(&data, i);
    end_set(&data);
    begin_set(&data, 257);
    for (uint32_t i = 0; i < 300; i++)
        put_named(&data, i);
    end_set(&data);
    put_template_set(&data, 2, 256, basic); /* a refresh costs nothing either */
    end_ipfix(&data);
    assert_int_equal(feed(&f, &data), 1000); /* the exporter's symbol, the coverage row */
    size_t before = allocations;
    for (int i = 0; i < 10; i++)
        feed(&f, &data);
    assert_int_equal(allocations, before);
    assert_int_equal(f.tally.kept, 11000);
    fixture_close(&f);
#endif
}

/* ---- floods ---- */

/* Forged sources, each with a template, some with data before it. */
static void forged(struct fixture *f, struct random *r, uint32_t i, struct build *b)
{
    static const uint64_t wide[][2] = {{460, 65535}, {461, 65535}, {462, 65535},
                                       {463, 65535}, {464, 65535}, {8, 4},
                                       {12, 4},      {1, 4},       END_FIELDS};
    b->len = 0;
    begin_ipfix(b, i, (uint32_t)random_u64(r));
    if (i % 3 == 0) {
        begin_set(b, 400);
        put_basic(b, i);
        end_set(b);
    }
    put_template_set(b, 2, (uint16_t)(401 + random_below(r, 60000)), i % 2 ? wide : basic);
    end_ipfix(b);
    for (int k = 0; k < 4; k++)
        f->in.exporter.octet[12 + k] = (uint8_t)random_u64(r);
    f->in.exporter_port = (uint16_t)random_u64(r);
    feed(f, b);
}

static void known(struct fixture *f, struct build *b)
{
    f->in.exporter = ip_from_v4((const uint8_t[]){192, 0, 2, 1});
    f->in.exporter_port = 4000;
    b->len = 0;
    begin_ipfix(b, 0, 0);
    begin_set(b, 256);
    put_basic(b, 1);
    end_set(b);
    end_ipfix(b);
    assert_int_equal(feed(f, b), 1);
}

static size_t heap_octets(void)
{
    return mallinfo2().uordblks + mallinfo2().hblkhd;
}

static void floods_stay_within_the_limit(void **state)
{
    (void)state;
    static struct build b;
    struct fixture f;
    struct random r;
    fixture_open(&f, NULL);
    decoder_free(f.d);
    size_t before = heap_octets();
    f.d = decoder_new(&f.setting);
    random_init(&r, 7);
    b.len = 0;
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, basic);
    end_ipfix(&b);
    feed(&f, &b);
    for (int i = 0; i < 10; i++)
        known(&f, &b);
    const char *wanted = getenv("TELLTALE_FLOOD"); /* 10000000: a minute */
    uint32_t flood = wanted ? (uint32_t)strtoul(wanted, NULL, 10) : 400000;
    for (uint32_t i = 0; i < flood; i++) {
        forged(&f, &r, i, &b);
        if (i % 40000 == 0)
            known(&f, &b);
    }
    known(&f, &b);
#ifndef __SANITIZE_ADDRESS__
    assert_true(heap_octets() - before < (size_t)64 << 20);
#else
    (void)before;
#endif
    assert_true(symbols_count(f.symbols, SYMBOL_EXPORTER) <= 2);
    fixture_close(&f);
}

static void small_limits_hold(void **state)
{
    (void)state;
    static struct build b;
    const struct decode_limits limits = {
        .exporters = 3, .templates = 5, .templates_an_exporter = 2, .held_octets = 400};
    struct fixture f;
    struct random r;
    fixture_open(&f, &limits);
    random_init(&r, 9);
    for (uint32_t i = 0; i < 20000; i++)
        forged(&f, &r, i, &b);
    decoder_finish(f.d, &f.tally);
    assert_int_equal(f.tally.records, (20000 + 2) / 3);
    assert_int_equal(f.tally.reasons[REASON_no_template], f.tally.records);
    fixture_close(&f);
}

/* ---- damage ---- */

static void feed_octets(struct fixture *f, const uint8_t *at, size_t len)
{
    /* A copy of exactly that size, so that a sanitizer sees one octet too many. */
    uint8_t *copy = memory_alloc(len ? len : 1);
    memcpy(copy, at, len);
    f->in.payload = bytes_of(copy, len);
    batch_clear(f->out);
    size_t rows = decoder_datagram(f->d, &f->in, f->out, &f->tally);
    assert_int_equal(rows, f->out->rows);
    assert_true(tally_balanced(&f->tally));
    free(copy);
}

static void finish(struct fixture *f)
{
    decoder_finish(f->d, &f->tally);
    fixture_close(f);
}

struct sample {
    uint8_t at[2048];
    size_t len;
};

static struct sample samples[1024];
static size_t sample_count;

static void take_capture(const char *path)
{
    struct stream *in;
    struct capture *c;
    struct error err;
    struct capture_packet p;
    if (stream_open(path, &in, &err) || capture_open(in, &c, &err))
        return;
    while (capture_next(c, &p) == CAPTURE_PACKET && sample_count < 1024) {
        struct packet k;
        struct sample *s = &samples[sample_count];
        if (packet_parse(p.link_type, p.frame, p.original_len, &k) != REASON_COUNT ||
            k.protocol != 17 || k.payload.len > sizeof s->at)
            continue;
        memcpy(s->at, k.payload.at, k.payload.len);
        s->len = k.payload.len;
        sample_count++;
    }
    capture_free(c);
}

static void take_folder(const char *dir)
{
    DIR *d = opendir(dir);
    if (!d)
        return;
    for (struct dirent *e; (e = readdir(d));) {
        char path[1024];
        int len = snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        if (e->d_name[0] == '.' || len >= (int)sizeof path)
            continue;
        if (e->d_type == DT_DIR)
            take_folder(path);
        else if (strcmp(path + len - 5, ".pcap") == 0)
            take_capture(path);
    }
    closedir(d);
}

static int take_samples(void **state)
{
    (void)state;
    char dir[1024];
    const char *source = getenv("TELLTALE_SOURCE");
    snprintf(dir, sizeof dir, "%s/../shared/data/captures/export",
             source ? source : "/nonexistent");
    take_folder(dir);
    /* Our own, so that there is something without the shared data. */
    static struct build b;
    begin_ipfix(&b, 0, 0);
    put_template_set(&b, 2, 256, basic);
    put_template_set(&b, 2, 257, named);
    begin_set(&b, 256);
    put_basic(&b, 1), put_basic(&b, 2);
    end_set(&b);
    begin_set(&b, 257);
    put_named(&b, 1), put_named(&b, 2);
    end_set(&b);
    end_ipfix(&b);
    if (sample_count == 1024)
        sample_count--;
    memcpy(samples[sample_count].at, b.at, b.len);
    samples[sample_count++].len = b.len;
    return 0;
}

static void every_truncation(void **state)
{
    (void)state;
    struct fixture f;
    fixture_open(&f, NULL);
    for (size_t s = 0; s < sample_count; s++)
        for (size_t len = 0; len <= samples[s].len; len += len < 256 ? 1 : 7)
            feed_octets(&f, samples[s].at, len);
    finish(&f);
}

static void random_mutations(void **state)
{
    (void)state;
    struct fixture f;
    struct random r;
    random_init(&r, 11);
    fixture_open(&f, NULL);
    for (size_t round = 0; round < 30; round++) {
        for (size_t s = 0; s < sample_count; s++) {
            struct sample mutant = samples[s];
            for (uint64_t k = random_below(&r, 8); k-- > 0 && mutant.len;) {
                size_t at = (size_t)random_below(&r, mutant.len);
                mutant.at[at] = random_below(&r, 4) ? (uint8_t)random_u64(&r)
                                                    : (uint8_t)(random_below(&r, 2) * 255);
            }
            f.in.exporter.octet[15] = (uint8_t)(s & 63);
            feed_octets(&f, mutant.at, mutant.len);
        }
    }
    finish(&f);
}

/* ---- the plain decoder ---- */

static const struct plain {
    uint16_t id;
    uint8_t least, most;
} elements[] = {{8, 4, 4}, {12, 4, 4}, {7, 1, 2},   {11, 1, 2},  {4, 1, 1},
                {2, 1, 8}, {1, 1, 8},  {152, 8, 8}, {153, 8, 8}, {34, 1, 4}};
enum { ELEMENTS = sizeof elements / sizeof elements[0], FIELDS_MOST = 40 };

struct plain_row {
    uint64_t value[ELEMENTS];
};

struct world {
    struct random r;
    uint64_t fields[FIELDS_MOST + 1][2];
    int element[FIELDS_MOST]; /* of each field; -1: one that nobody reads */
    size_t count;
    struct plain_row rows[300];
    size_t row_count;
};

/* All elements in random order among others, with random widths, some variable. */
static void random_template(struct world *w)
{
    int order[ELEMENTS], left = ELEMENTS;
    for (int i = 0; i < ELEMENTS; i++)
        order[i] = i;
    w->count = 0;
    while (left > 0 && w->count < FIELDS_MOST) {
        size_t i = w->count++;
        bool other = w->count + (size_t)left < FIELDS_MOST && random_below(&w->r, 2);
        if (other) {
            w->element[i] = -1;
            w->fields[i][0] = 5000 + random_below(&w->r, 1000);
            w->fields[i][1] = random_below(&w->r, 3) ? random_below(&w->r, 20) : 65535;
            continue;
        }
        int pick = (int)random_below(&w->r, (uint64_t)left), e = order[pick];
        order[pick] = order[--left];
        const struct plain *p = &elements[e];
        bool variable = p->most > p->least && random_below(&w->r, 4) == 0;
        w->element[i] = e;
        w->fields[i][0] = p->id;
        w->fields[i][1] =
            variable ? 65535 : p->least + random_below(&w->r, p->most - p->least + 1u);
    }
    w->fields[w->count][0] = w->fields[w->count][1] = 0;
}

static void random_record(struct world *w, struct build *b)
{
    struct plain_row *row = &w->rows[w->row_count++];
    for (size_t i = 0; i < w->count; i++) {
        int e = w->element[i];
        uint64_t width = w->fields[i][1];
        if (width == 65535) {
            width = e < 0 ? random_below(&w->r, 400) : 1 + random_below(&w->r, elements[e].most);
            if (width < 255 && random_below(&w->r, 4))
                put(b, width, 1);
            else
                put(b, 255, 1), put(b, width, 2);
        }
        if (e < 0) {
            for (uint64_t k = 0; k < width; k++)
                put(b, random_u64(&w->r) & 0xff, 1);
            continue;
        }
        uint64_t value = random_u64(&w->r);
        if (width < 8)
            value &= (UINT64_C(1) << (8 * width)) - 1;
        if (elements[e].id == 4)
            value = 17;
        if (elements[e].id == 152 || elements[e].id == 153)
            value = NOW_MS - 1000 + elements[e].id;
        put(b, value, width);
        row->value[e] = value;
    }
}

static void check_rows(const struct world *w, const struct fixture *f, size_t rows)
{
    assert_int_equal(rows, w->row_count);
    for (size_t i = 0; i < rows; i++) {
        const uint64_t *v = w->rows[i].value;
        uint32_t src, dst;
        memcpy(&src, batch_src_ip(f->out)[i].octet + 12, 4);
        memcpy(&dst, batch_dst_ip(f->out)[i].octet + 12, 4);
        assert_int_equal(__builtin_bswap32(src), v[0]);
        assert_int_equal(__builtin_bswap32(dst), v[1]);
        assert_int_equal(batch_src_port(f->out)[i], v[2]);
        assert_int_equal(batch_dst_port(f->out)[i], v[3]);
        assert_int_equal(batch_protocol(f->out)[i], v[4]);
        assert_int_equal(batch_packets(f->out)[i], v[5]);
        assert_int_equal(batch_octets(f->out)[i], v[6]);
        assert_int_equal(batch_start_ms(f->out)[i], v[7]);
        assert_int_equal(batch_end_ms(f->out)[i], v[8]);
        assert_int_equal(batch_sampling(f->out)[i], v[9] ? v[9] : 1);
    }
}

static void compiled_reads_what_a_plain_walk_reads(void **state)
{
    (void)state;
    static struct world w;
    static struct build b;
    struct fixture f;
    fixture_open(&f, NULL);
    random_init(&w.r, 5);
    for (int round = 0; round < 400; round++) {
        random_template(&w);
        b.len = 0;
        begin_ipfix(&b, 0, 0);
        put_template_set(&b, 2, 256, (const uint64_t(*)[2])w.fields);
        begin_set(&b, 256);
        w.row_count = 0;
        uint64_t want = 1 + random_below(&w.r, 290);
        while (w.row_count < want && b.len < 40000)
            random_record(&w, &b);
        end_set(&b);
        end_ipfix(&b);
        check_rows(&w, &f, feed(&f, &b));
    }
    assert_int_equal(f.tally.rejected, 0);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_allocated_for_data),
        cmocka_unit_test(floods_stay_within_the_limit),
        cmocka_unit_test(small_limits_hold),
        cmocka_unit_test(every_truncation),
        cmocka_unit_test(random_mutations),
        cmocka_unit_test(compiled_reads_what_a_plain_walk_reads),
    };
    return cmocka_run_group_tests_name("decode/robust", tests, take_samples, NULL);
}
