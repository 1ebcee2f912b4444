/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of store.h on both engines: chDB in this process and Debian's ClickHouse 18.16. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/zone.h"
#include "engine/clickhouse_fixture.h"
#include "schema/values.h"
#include "store/store_in.h"
#include "store/tables.h"

#define DAY_MS UINT64_C(86400000)
/* 2017-04-01 00:00 in Pyongyang (+08:30). */
#define APRIL_MS UINT64_C(1490974200000)

/* In memory where it can be: what the disk does is not in question here. */
static char folder[64];

static bool make_folder(void)
{
    snprintf(folder, sizeof folder, "%s/telltale-store-XXXXXX",
             access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
    return mkdtemp(folder) != NULL;
}
static struct clickhouse *server;
static char server_missing[1024], chdb_missing[1024];

/* --- a study and its store --- */

struct place {
    struct study study;
    char store[PATH_MAX];
    struct zone *zone;
};

static void set_zone(struct place *p, const char *name)
{
    struct error err;
    zone_free(p->zone);
    if (zone_open(name, &p->zone, &err))
        fail_msg("%s", err.text);
    p->study.zone = p->zone;
    p->study.timezone = name;
}

static void place_at(struct place *p, const char *store)
{
    memset(p, 0, sizeof *p);
    snprintf(p->store, sizeof p->store, "%s", store);
    p->study.store = p->store;
    p->study.store_is_server = strncmp(store, "clickhouse://", 13) == 0;
    p->study.from_ms = APRIL_MS;
    p->study.to_ms = APRIL_MS + 97 * DAY_MS;
    set_zone(p, "Asia/Pyongyang");
}

/* Skips the test where the engine is absent: before it makes anything. */
static bool need(const char *kind)
{
    bool is_chdb = strcmp(kind, "chdb") == 0;
    if (*(is_chdb ? chdb_missing : server_missing)) {
        print_message("# skipped: %s\n", is_chdb ? chdb_missing : server_missing);
        skip();
    }
    return is_chdb;
}

static void place_named(struct place *p, const char *kind, const char *name)
{
    char store[PATH_MAX];
    if (need(kind))
        snprintf(store, sizeof store, "%s/%s", folder, name);
    else
        snprintf(store, sizeof store, "clickhouse://default@127.0.0.1:%u/%s",
                 clickhouse_port(server), name);
    place_at(p, store);
}

static struct store *must_open(struct place *p, enum store_mode mode)
{
    struct store *s;
    struct error err;
    if (store_open(&p->study, mode, &s, &err))
        fail_msg("%s", err.text);
    return s;
}

static void must_run(struct store *s, const char *sql)
{
    struct error err;
    if (engine_run(store_engine(s), sql, &err))
        fail_msg("%s: %s", sql, err.text);
}

static void must_verify(struct store *s)
{
    struct error err;
    if (store_verify(s, &err))
        fail_msg("%s", err.text);
}

static struct block *must_query(struct store *s, const char *sql)
{
    struct error err;
    struct block *b;
    if (engine_query(store_engine(s), sql, &b, &err))
        fail_msg("%s: %s", sql, err.text);
    return b;
}

static uint64_t ask_u64(struct store *s, const char *sql)
{
    struct block *b = must_query(s, sql);
    uint64_t value = block_rows(b) ? block_u64(b, 0, 0) : 0;
    block_free(b);
    return value;
}

/* --- conversations --- */

/* `count` conversations over `days` days from `from_ms` on, any order, the same for the same seed.
 */
static struct batch *flows_of(uint64_t seed, size_t count, uint64_t from_ms, uint64_t days)
{
    struct batch *b = batch_new(STAGE_FLOW, count);
    struct random r;
    char name[32];
    random_init(&r, seed);
    for (size_t i = 0; i < count; i++) {
        size_t row = batch_add(b);
        uint64_t start = from_ms + random_below(&r, days * DAY_MS);
        uint64_t length = random_below(&r, 10) ? random_below(&r, 9000000) : 0;
        uint8_t n = (uint8_t)random_below(&r, 20);
        batch_start_ms(b)[row] = start;
        batch_end_ms(b)[row] = start + length;
        batch_local(b)[row] = ip_from_v4((const uint8_t[]){175, 45, 176, n});
        batch_remote(b)[row] = ip_from_v4((const uint8_t[]){8, 8, n, (uint8_t)random_below(&r, 3)});
        batch_local_port(b)[row] = (uint16_t)random_u64(&r);
        batch_remote_port(b)[row] = 443;
        batch_protocol(b)[row] = 6;
        batch_packets_out(b)[row] = random_below(&r, 1000);
        batch_packets_in(b)[row] = random_below(&r, 1000);
        batch_octets_out(b)[row] = random_below(&r, 10000000);
        batch_octets_in(b)[row] = random_u64(&r) >> 20;
        batch_role(b)[row] = (uint8_t)(1 + random_below(&r, 4));
        batch_service(b)[row] = (uint16_t)random_below(&r, 4);
        batch_category(b)[row] = (uint16_t)(batch_service(b)[row] / 2);
        batch_basis(b)[row] = (uint8_t)random_below(&r, 7);
        batch_candidates(b)[row] = (uint32_t)random_below(&r, 2);
        batch_country(b)[row] = country_code(random_below(&r, 2) ? "IN" : "CN");
        batch_asn(b)[row] = 64496 + n;
        batch_marks(b)[row] = random_below(&r, 3) ? MARK_PAIRED : MARK_PAIRED | MARK_PIVOT;
        batch_sampling(b)[row] = (uint32_t[]){1, 1, 1000, 0}[random_below(&r, 4)];
        snprintf(name, sizeof name, "host-%u.example", (unsigned)random_below(&r, 50));
        batch_set_text(b, FIELD_server_name, row, name, random_below(&r, 2) ? strlen(name) : 0);
    }
    return b;
}

/* 0 is "not told" and counts as 1. */
static uint64_t scale_of(const struct batch *b, size_t row)
{
    return batch_sampling(b)[row] ? batch_sampling(b)[row] : 1;
}

static struct source source_of(uint8_t number, const struct batch *b)
{
    struct source s = {.format = "test", .conversations = b->rows};
    snprintf(s.path, sizeof s.path, "test-%u.pcap", number);
    memset(s.sha256, number, sizeof s.sha256);
    tally_keep(&s.tally, b->rows);
    tally_reject(&s.tally, REASON_truncated, 2);
    s.first_ms = APRIL_MS;
    s.last_ms = APRIL_MS + DAY_MS;
    return s;
}

static struct coverage *coverage_of(const struct batch *b)
{
    struct coverage *c = coverage_new(10000);
    for (size_t i = 0; i < b->rows; i++)
        coverage_at(c, batch_start_ms(b)[i], 0)->records++;
    return c;
}

/* Hands `b` over in portions of `portion`; `stop_after` conversations it is abandoned (0: never).
 */
static enum store_seen import_all(struct store *s, uint8_t number, const struct batch *b,
                                  size_t portion, size_t stop_after)
{
    struct error err;
    struct import *i;
    enum store_seen seen;
    struct source source = source_of(number, b);
    struct batch *some = batch_new(STAGE_FLOW, portion);
    if (import_begin(s, &source, &i, &seen, &err))
        fail_msg("%s", err.text);
    for (size_t at = 0; seen != STORE_DONE && at < b->rows && (!stop_after || at < stop_after);) {
        batch_clear(some);
        while (at < b->rows && batch_room(some))
            batch_copy_row(some, b, at++);
        if (import_rows(i, some, &err))
            fail_msg("%s", err.text);
    }
    batch_free(some);
    if (seen == STORE_DONE)
        return seen;
    if (stop_after) {
        /* What is in the buffers goes, as it would when killed; write some of it first. */
        import_abandon(i);
        return seen;
    }
    struct coverage *c = coverage_of(b);
    if (import_end(i, &source, c, &err))
        fail_msg("%s", err.text);
    coverage_free(c);
    return seen;
}

static void assert_totals(struct store *s, const struct batch *b, unsigned times)
{
    uint64_t octets = 0, scaled = 0, pivots = 0;
    for (size_t i = 0; i < b->rows; i++) {
        pivots += (batch_marks(b)[i] & MARK_PIVOT) != 0;
        octets += batch_octets_out(b)[i] + batch_octets_in(b)[i];
        scaled += (batch_octets_out(b)[i] + batch_octets_in(b)[i]) * scale_of(b, i);
    }
    assert_int_equal(ask_u64(s, "SELECT count() AS n FROM flow"), b->rows * times);
    assert_true(ask_u64(s, "SELECT sum(octets_out + octets_in) AS n FROM flow") == octets * times);
    assert_true(ask_u64(s, "SELECT sum(octets_out + octets_in) AS n FROM activity") ==
                scaled * times);
    assert_true(ask_u64(s, "SELECT sum(octets) AS n FROM daily") == scaled * times);
    assert_true(ask_u64(s, "SELECT sum(octets) AS n FROM contact") == scaled * times);
    assert_int_equal(ask_u64(s, "SELECT sum(flows) AS n FROM activity"), b->rows * times);
    assert_int_equal(ask_u64(s, "SELECT sum(flows) AS n FROM daily"), b->rows * times);
    assert_int_equal(ask_u64(s, "SELECT sum(flows) AS n FROM contact"), b->rows * times);
    assert_int_equal(ask_u64(s, "SELECT sum(flows * pivot) AS n FROM activity"), pivots * times);
    assert_int_equal(ask_u64(s, "SELECT sum(flows * pivot) AS n FROM daily"), pivots * times);
    assert_int_equal(ask_u64(s, "SELECT sum(flows * pivot) AS n FROM contact"), pivots * times);
    assert_int_equal(ask_u64(s, "SELECT sum(records) AS n FROM coverage"), b->rows * times);
    assert_int_equal(ask_u64(s, "SELECT sum(rows) AS n FROM ledger"), b->rows * times);
}

/* --- importing --- */

struct compare {
    const struct batch *b;
    const size_t *order;
    struct batch *got;
    size_t rows;
};

static int compare_block(void *ctx, const struct block *block)
{
    struct compare *c = ctx;
    struct error err;
    for (size_t at = 0; at < block_rows(block);) {
        batch_clear(c->got);
        int n = block_to_batch(block, at, c->got, &err);
        if (n <= 0)
            fail_msg("%s", err.text);
        for (size_t i = 0; i < (size_t)n; i++, c->rows++) {
            size_t row = c->order[c->rows];
            assert_int_equal(batch_start_ms(c->got)[i], batch_start_ms(c->b)[row]);
            assert_true(ip_equal(&batch_remote(c->got)[i], &batch_remote(c->b)[row]));
            assert_int_equal(batch_octets_in(c->got)[i], batch_octets_in(c->b)[row]);
            assert_int_equal(batch_sampling(c->got)[i], batch_sampling(c->b)[row]);
            assert_int_equal(batch_country(c->got)[i], batch_country(c->b)[row]);
            assert_int_equal(batch_source(c->got)[i], 1);
            assert_int_equal(batch_day(c->got)[i], batch_start_ms(c->b)[row] / DAY_MS);
            assert_true(bytes_equal(batch_text(c->got, FIELD_server_name, i),
                                    batch_text(c->b, FIELD_server_name, row)));
        }
        at += (size_t)n;
    }
    return 0;
}

static const struct batch *sorted_batch;

static int by_start(const void *a, const void *b)
{
    uint64_t x = batch_start_ms(sorted_batch)[*(const size_t *)a];
    uint64_t y = batch_start_ms(sorted_batch)[*(const size_t *)b];
    return x < y ? -1 : x > y;
}

static void a_file_counts_once(void **state)
{
    struct place p;
    place_named(&p, *state, "once");
    struct batch *b = flows_of(1, 5000, APRIL_MS, 10);
    struct store *s = must_open(&p, STORE_WRITE);
    assert_int_equal(import_all(s, 1, b, 700, 0), STORE_NEW);
    assert_totals(s, b, 1);
    assert_int_equal(import_all(s, 1, b, 700, 0), STORE_DONE);
    assert_totals(s, b, 1);
    store_close(s);
    s = must_open(&p, STORE_READ);
    assert_totals(s, b, 1);

    struct error err;
    struct source again = source_of(1, b);
    struct import *none;
    enum store_seen seen;
    again.tally = (struct tally){0};
    again.path[0] = 0;
    assert_int_equal(import_begin(s, &again, &none, &seen, &err), 0);
    assert_int_equal(seen, STORE_DONE);
    assert_null(none);
    assert_int_equal(again.tally.records, 5002);
    assert_int_equal(again.tally.reasons[REASON_truncated], 2);
    assert_string_equal(again.path, "test-1.pcap");
    assert_string_equal(again.format, "test");
    assert_int_equal(again.conversations, 5000);

    json_t *sources;
    assert_int_equal(store_sources(s, &sources, &err), 0);
    json_t *o = json_array_get(sources, 0);
    assert_string_equal(json_string_value(json_object_get(o, "state")), "done");
    assert_string_equal(json_string_value(json_object_get(o, "first")), "2017-03-31T15:30:00.000Z");
    assert_int_equal(json_integer_value(json_object_get(o, "kept")), 5000);
    json_decref(sources);

    /* What comes back is what went in. */
    size_t *order = memory_array(b->rows, sizeof *order);
    for (size_t i = 0; i < b->rows; i++)
        order[i] = i;
    sorted_batch = b;
    qsort(order, b->rows, sizeof *order, by_start);
    struct compare c = {.b = b, .order = order, .got = batch_new(STAGE_FLOW, 1000)};
    if (store_flow_query(s, "", NULL, 0, compare_block, &c, &err))
        fail_msg("%s", err.text);
    assert_int_equal(c.rows, 5000);
    must_verify(s);
    free(order);
    batch_free(c.got);
    batch_free(b);
    store_close(s);
    zone_free(p.zone);
}

static void windows_add_up(void **state)
{
    struct place p;
    place_named(&p, *state, "windows");
    struct batch *b = flows_of(2, 2000, APRIL_MS, 3);
    struct store *s = must_open(&p, STORE_WRITE);
    struct error err;
    import_all(s, 1, b, 2000, 0);
    uint64_t cut = APRIL_MS + DAY_MS + 12345678, counts[3] = {0}, plain[3] = {0}, n;
    for (int basis = 0; basis < 3; basis++) {
        struct store_window before = {0, cut, (enum store_basis)basis};
        struct store_window after = {cut, UINT64_MAX, (enum store_basis)basis};
        struct store_window day = {cut, cut + 3600000, (enum store_basis)basis};
        assert_int_equal(store_flow_count(s, "remote_port = 443", &before, &counts[0], &err), 0);
        assert_int_equal(store_flow_count(s, NULL, &after, &counts[1], &err), 0);
        if (basis != STORE_BASIS_OVERLAP)
            assert_int_equal(counts[0] + counts[1], 2000);
        assert_int_equal(store_flow_count(s, "", &day, &counts[2], &err), 0);
        plain[basis] = 0;
        for (size_t i = 0; i < b->rows; i++) {
            uint64_t start = batch_start_ms(b)[i], end = batch_end_ms(b)[i];
            uint64_t from = basis == STORE_BASIS_START ? start : end;
            uint64_t to = basis == STORE_BASIS_END ? end : start;
            plain[basis] += from >= cut && to < cut + 3600000;
        }
        assert_int_equal(counts[2], plain[basis]);
    }
    assert_true(plain[STORE_BASIS_OVERLAP] > plain[STORE_BASIS_START]);
    struct store_window none = {0, 0, STORE_BASIS_START};
    assert_int_equal(store_flow_count(s, "", &none, &n, &err), 0);
    assert_int_equal(n, 0);
    store_close(s);
    batch_free(b);
    zone_free(p.zone);
}

static void an_interrupted_import_is_taken_up(void **state)
{
    struct place p;
    place_named(&p, *state, "resume");
    /* In order of time, and more than one batch a day: some are written before the end. */
    struct batch *b = flows_of(3, 4000, APRIL_MS, 30), *other = flows_of(4, 3000, APRIL_MS, 20);
    struct store *s = must_open(&p, STORE_WRITE);
    struct error err;
    struct import *i;
    enum store_seen seen;
    struct source source = source_of(1, b);
    assert_int_equal(import_begin(s, &source, &i, &seen, &err), 0);
    assert_int_equal(import_rows(i, b, &err), 0);
    import_abandon(i);
    store_close(s);
    s = must_open(&p, STORE_READ);
    json_t *sources;
    assert_int_equal(store_sources(s, &sources, &err), 0);
    assert_string_equal(json_string_value(json_object_get(json_array_get(sources, 0), "state")),
                        "interrupted");
    json_decref(sources);
    store_close(s);
    s = must_open(&p, STORE_WRITE);
    assert_int_equal(import_all(s, 1, b, 4000, 0), STORE_RESUME);
    assert_totals(s, b, 1);
    must_verify(s);

    /* A try that wrote everything but its end, then a try whose batches differ: only the last
     * counts. */
    must_run(s, "ALTER TABLE source DELETE WHERE version > 2");
    while (ask_u64(s, "SELECT count() AS n FROM source WHERE version > 2"))
        usleep(10000);
    store_close(s);
    s = must_open(&p, STORE_WRITE);
    assert_int_equal(import_all(s, 1, other, 500, 0), STORE_RESUME);
    assert_totals(s, other, 1);
    must_verify(s);
    store_close(s);
    batch_free(b);
    batch_free(other);
    zone_free(p.zone);
}

/* --- derived tables --- */

/* methods.md, Volume over time. */
static void volume_spreads_in_proportion_to_time(void **state)
{
    static const uint64_t octets[] = {600, 3800, 3600, 1200};
    struct place p;
    place_named(&p, *state, "spread");
    struct batch *b = batch_new(STAGE_FLOW, 2);
    uint64_t noon = (APRIL_MS / DAY_MS + 1) * DAY_MS + 12 * 3600000;
    uint64_t starts[] = {noon + 230000, noon + 245000}, lengths[] = {150000, 15000},
             sums[] = {9000, 200};
    for (int i = 0; i < 2; i++) {
        size_t row = batch_add(b);
        batch_start_ms(b)[row] = starts[i];
        batch_end_ms(b)[row] = starts[i] + lengths[i];
        batch_octets_out(b)[row] = sums[i];
        batch_sampling(b)[row] = 1;
    }
    struct store *s = must_open(&p, STORE_WRITE);
    import_all(s, 1, b, 2, 0);
    struct buf sql;
    buf_init(&sql, 1 << 20);
    int32_t day = zone_day(p.zone, (int64_t)(noon / 1000));
    buf_text(&sql, "SELECT bin_start, sum(n) AS flows, sum(sum_o_out) AS octets FROM (");
    derive_activity_sql(&sql, p.zone, day, day, 60000);
    buf_text(&sql, ") GROUP BY bin_start ORDER BY bin_start");
    struct block *got = must_query(s, sql.at);
    assert_int_equal(block_rows(got), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(block_u64(got, 0, i), noon / 1000 + 180 + i * 60);
        assert_int_equal(block_u64(got, 2, i), octets[i]);
    }
    assert_int_equal(block_u64(got, 1, 0), 1);
    assert_int_equal(block_u64(got, 1, 1), 1);
    assert_int_equal(block_u64(got, 1, 2), 0);
    block_free(got);
    buf_done(&sql);
    batch_free(b);
    store_close(s);
    zone_free(p.zone);
}

/* Longer than any exporter means: one slot, and nothing lost. */
static void a_conversation_of_months_lies_in_its_first_slot(void **state)
{
    struct place p;
    place_named(&p, *state, "months");
    struct batch *b = batch_new(STAGE_FLOW, 2);
    static const uint64_t lengths[] = {UINT64_C(4294967295), UINT64_C(4294967296)};
    for (int i = 0; i < 2; i++) {
        size_t row = batch_add(b);
        batch_start_ms(b)[row] = APRIL_MS;
        batch_end_ms(b)[row] = APRIL_MS + lengths[i];
        batch_octets_out(b)[row] = UINT64_MAX / 4;
        batch_packets_in(b)[row] = 7;
        batch_sampling(b)[row] = 1;
        batch_service(b)[row] = (uint16_t)i;
    }
    struct store *s = must_open(&p, STORE_WRITE);
    import_all(s, 1, b, 2, 0);
    assert_int_equal(ask_u64(s, "SELECT uniqExact(slot) AS n FROM activity WHERE service = 0"),
                     2387);
    assert_int_equal(ask_u64(s, "SELECT uniqExact(slot) AS n FROM activity WHERE service = 1"), 1);
    assert_true(ask_u64(s, "SELECT sum(octets_out) AS n FROM activity WHERE service = 0") ==
                UINT64_MAX / 4);
    assert_int_equal(ask_u64(s, "SELECT sum(packets_in) AS n FROM activity"), 14);
    assert_totals(s, b, 1);
    store_close(s);
    batch_free(b);
    zone_free(p.zone);
}

/* The same by plain loops. */
enum { SLOTS = 48 * 40 };

struct plain {
    uint64_t base_s, flows[SLOTS], octets[SLOTS], packets[SLOTS];
    uint64_t day_flows[40], day_slots[40];
    int32_t base_day;
};

static void plain_spread(struct plain *plain, const struct batch *b, size_t row, uint64_t bin_ms)
{
    uint64_t start = batch_start_ms(b)[row], end = batch_end_ms(b)[row];
    uint64_t octets = batch_octets_out(b)[row] * scale_of(b, row);
    uint64_t packets = batch_packets_in(b)[row] * scale_of(b, row);
    uint64_t octets_so_far = 0, packets_so_far = 0;
    size_t slot = (size_t)((start / bin_ms * (bin_ms / 1000) - plain->base_s) / (bin_ms / 1000));
    plain->flows[slot]++;
    if (end == start) {
        plain->octets[slot] += octets;
        plain->packets[slot] += packets;
        return;
    }
    for (uint64_t at = start; at < end; slot++) {
        uint64_t bin_end = (at / bin_ms + 1) * bin_ms;
        at = bin_end < end ? bin_end : end;
        uint64_t o = (uint64_t)((__uint128_t)octets * (at - start) / (end - start));
        uint64_t k = (uint64_t)((__uint128_t)packets * (at - start) / (end - start));
        plain->octets[slot] += o - octets_so_far;
        plain->packets[slot] += k - packets_so_far;
        octets_so_far = o;
        packets_so_far = k;
    }
}

static void compare_with_plain(struct store *s, const struct place *p, const struct batch *b,
                               uint64_t from_ms)
{
    struct plain *plain = memory_alloc(sizeof *plain);
    uint64_t bin_ms = (uint64_t)store_slot_s(s) * 1000;
    plain->base_s = from_ms / bin_ms * (bin_ms / 1000);
    plain->base_day = zone_day(p->zone, (int64_t)(from_ms / 1000));
    for (size_t i = 0; i < b->rows; i++) {
        int64_t start_s = (int64_t)(batch_start_ms(b)[i] / 1000);
        int64_t local_s = start_s + zone_offset_s(p->zone, start_s);
        int32_t day = zone_day(p->zone, start_s);
        plain_spread(plain, b, i, bin_ms);
        plain->day_flows[day - plain->base_day]++;
        plain->day_slots[day - plain->base_day] |= UINT64_C(1) << (local_s % 86400 / 1800);
    }
    struct block *got = must_query(
        s, "SELECT slot, sum(flows) AS f, sum(octets_out) AS o, sum(packets_in) AS p FROM activity "
           "GROUP BY slot ORDER BY slot");
    uint64_t seen = 0;
    for (size_t i = 0; i < block_rows(got); i++) {
        size_t slot = (size_t)((block_u64(got, 0, i) - plain->base_s) / (bin_ms / 1000));
        assert_int_equal(block_u64(got, 1, i), plain->flows[slot]);
        assert_int_equal(block_u64(got, 2, i), plain->octets[slot]);
        assert_int_equal(block_u64(got, 3, i), plain->packets[slot]);
        seen += plain->flows[slot];
    }
    assert_int_equal(seen, b->rows);
    block_free(got);
    got = must_query(
        s, "SELECT toUInt16(day) AS d, sum(flows) AS f, groupBitOr(slots) AS s FROM daily "
           "GROUP BY day ORDER BY day");
    for (size_t i = 0; i < block_rows(got); i++) {
        size_t day = (size_t)((int32_t)block_u64(got, 0, i) - plain->base_day);
        assert_int_equal(block_u64(got, 1, i), plain->day_flows[day]);
        assert_int_equal(block_u64(got, 2, i), plain->day_slots[day]);
    }
    block_free(got);
    free(plain);
}

/* Zones with a half hour, three quarters, and clocks that change while the data run: by law
 * (Pyongyang, 2018-05-05), in spring, and in autumn over midnight (Havana). */
static void derived_tables_equal_plain_loops(void **state)
{
    static const struct {
        const char *zone;
        uint64_t from_ms;
        uint32_t slot_s;
    } cases[] = {
        {"Asia/Pyongyang", APRIL_MS, 1800},
        {"Asia/Pyongyang", UINT64_C(1525000000000), 1800},
        {"Europe/Berlin", UINT64_C(1490000000000), 1800},
        {"America/Havana", UINT64_C(1509500000000), 1800},
        {"Asia/Kathmandu", APRIL_MS, 900},
        {"Pacific/Honolulu", APRIL_MS, 1800},
    };
    struct place p;
    place_named(&p, *state, "derived");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct batch *b = flows_of(10 + i, 3000, cases[i].from_ms, 9);
        char suffix[16];
        struct place here;
        snprintf(suffix, sizeof suffix, "derived_%zu", i);
        place_named(&here, *state, suffix);
        set_zone(&here, cases[i].zone);
        struct store *s = must_open(&here, STORE_WRITE);
        assert_int_equal(store_slot_s(s), cases[i].slot_s);
        import_all(s, 1, b, 3000, 0);
        compare_with_plain(s, &here, b, cases[i].from_ms);
        assert_totals(s, b, 1);
        store_close(s);
        zone_free(here.zone);
        batch_free(b);
    }
    zone_free(p.zone);
}

/* Every row of the derived tables, in an order that tells them apart. */
static char *dump_derived(struct store *s, size_t *ret_len)
{
    static const char *const orders[] = {
        "slot, service, category, country, role, basis, ambiguous",
        "local, service, category, role",
        "local, remote, service, category, role, country, asn, owner"};
    static const char *const names[] = {"activity", "daily", "contact"};
    struct buf all;
    buf_init(&all, 1 << 28);
    for (int i = 0; i < 3; i++) {
        char sql[256];
        snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY day, %s, pivot, flows", names[i],
                 orders[i]);
        struct block *b = must_query(s, sql);
        native_encode_block(&all, b);
        block_free(b);
    }
    *ret_len = all.len;
    return buf_take(&all);
}

/* What C makes in memory is what the SQL makes, row for row: also over a change of the clock, with
 * days of which the neighbours are not remade. */
static void derived_in_memory_equal_the_sql(void **state)
{
    static const struct {
        const char *zone;
        uint64_t from_ms;
    } cases[] = {
        {"Asia/Pyongyang", APRIL_MS},
        {"Asia/Pyongyang", UINT64_C(1525000000000)},
        {"Europe/Berlin", UINT64_C(1490000000000)},
        {"America/Havana", UINT64_C(1509500000000)},
        {"Asia/Kathmandu", APRIL_MS},
        {"Pacific/Kiritimati", UINT64_C(1000)},
    };
    struct error err;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct batch *b = flows_of(60 + i, 20000, cases[i].from_ms, 9);
        char suffix[16];
        struct place p;
        snprintf(suffix, sizeof suffix, "memory_%zu", i);
        place_named(&p, *state, suffix);
        set_zone(&p, cases[i].zone);
        struct store *s = must_open(&p, STORE_WRITE);
        import_all(s, 1, b, 3000, 0);
        size_t by_c, by_sql;
        char *c = dump_derived(s, &by_c);
        s->derive_by_sql = true;
        assert_int_equal(store_derive(s, true, &err), 0);
        char *sql = dump_derived(s, &by_sql);
        assert_int_equal(by_c, by_sql);
        assert_memory_equal(c, sql, by_c);
        assert_totals(s, b, 1);
        free(c);
        free(sql);
        store_close(s);
        zone_free(p.zone);
        batch_free(b);
    }
}

static void another_zone_remakes_them(void **state)
{
    struct place p;
    place_named(&p, *state, "zone");
    struct batch *b = flows_of(5, 2000, APRIL_MS, 5);
    struct store *s = must_open(&p, STORE_WRITE);
    import_all(s, 1, b, 2000, 0);
    compare_with_plain(s, &p, b, APRIL_MS);
    store_close(s);
    set_zone(&p, "America/New_York");
    s = must_open(&p, STORE_READ);
    compare_with_plain(s, &p, b, APRIL_MS);
    assert_totals(s, b, 1);
    store_close(s);
    zone_free(p.zone);
    batch_free(b);
}

static void what_derived_tables_lost_is_made_again(void **state)
{
    struct place p;
    place_named(&p, *state, "stale");
    struct batch *b = flows_of(6, 2000, APRIL_MS, 5),
                 *more = flows_of(7, 500, APRIL_MS + DAY_MS, 1);
    struct store *s = must_open(&p, STORE_WRITE);
    struct error err;
    import_all(s, 1, b, 2000, 0);
    must_run(s, "ALTER TABLE contact DROP PARTITION '2017-04-03'");
    store_close(s);
    s = must_open(&p, STORE_READ);
    assert_totals(s, b, 1);
    if (p.study.store_is_server) { /* in the embedded engine that is damaged metadata */
        must_run(s, "DROP TABLE daily");
        store_close(s);
        s = must_open(&p, STORE_WRITE);
        assert_totals(s, b, 1);
    }
    /* An interrupted derivation: marked, and its tables half made. */
    assert_int_equal(derive_mark_stale(s, &err), 0);
    must_run(s, "ALTER TABLE activity DROP PARTITION '2017-04-02'");
    store_close(s);
    s = must_open(&p, STORE_WRITE);
    assert_totals(s, b, 1);
    /* A second source touches one day; the others stay right. */
    import_all(s, 2, more, 500, 0);
    assert_int_equal(ask_u64(s, "SELECT sum(flows) AS n FROM daily"), 2500);
    assert_int_equal(ask_u64(s, "SELECT sum(flows) AS n FROM activity"), 2500);
    store_close(s);
    zone_free(p.zone);
    batch_free(b);
    batch_free(more);
}

/* Derived once after the last source; days that an abandoned import had begun to write count too.
 */
static void deriving_can_wait_for_the_last_source(void **state)
{
    struct place p;
    place_named(&p, *state, "later");
    /* One conversation a day for more days than may wait: some are written before the rest. */
    struct batch *wide = batch_new(STAGE_FLOW, 1030), *b = flows_of(40, 500, APRIL_MS, 3);
    for (uint64_t day = 0; day < 1030; day++) {
        size_t row = batch_add(wide);
        batch_start_ms(wide)[row] = batch_end_ms(wide)[row] = APRIL_MS + day * DAY_MS;
        batch_octets_in(wide)[row] = 40;
        batch_sampling(wide)[row] = 1;
    }
    struct store *s = must_open(&p, STORE_WRITE);
    struct error err;
    store_derive_later(s);
    import_all(s, 1, b, 500, 0);
    assert_int_equal(store_unfinished(s), 1);
    assert_int_equal(store_settle(s, &err), 0);
    assert_int_equal(store_unfinished(s), 0);
    assert_int_equal(ask_u64(s, "SELECT count() AS n FROM daily"), 0);
    import_all(s, 2, wide, 1030, 1030);
    assert_int_equal(store_settle(s, &err), 0);
    assert_int_equal(ask_u64(s, "SELECT count() AS n FROM flow"), 506);
    if (store_derive(s, false, &err))
        fail_msg("%s", err.text);
    assert_int_equal(ask_u64(s, "SELECT sum(flows) AS n FROM daily"), 506);
    assert_int_equal(ask_u64(s, "SELECT sum(flows) AS n FROM activity"), 506);
    assert_int_equal(ask_u64(s, "SELECT sum(flows) AS n FROM contact"), 506);
    store_close(s);
    s = must_open(&p, STORE_READ);
    must_verify(s);
    store_close(s);
    zone_free(p.zone);
    batch_free(wide);
    batch_free(b);
}

static void a_large_day_goes_in_as_several_batches(void **state)
{
    struct place p;
    place_named(&p, *state, "large");
    struct batch *b = flows_of(41, 600000, APRIL_MS / DAY_MS * DAY_MS, 1);
    struct store *s = must_open(&p, STORE_WRITE);
    import_all(s, 1, b, 4096, 0);
    assert_totals(s, b, 1);
    assert_int_equal(ask_u64(s, "SELECT count() AS n FROM ledger"), 2);
    assert_int_equal(ask_u64(s, "SELECT max(rows) AS n FROM ledger"), 524288);
    must_verify(s);
    store_close(s);
    zone_free(p.zone);
    batch_free(b);
}

/* --- damage --- */

static void assert_damaged(struct place *p, const char *what)
{
    for (enum store_mode mode = STORE_READ; mode <= STORE_WRITE; mode++) {
        struct store *s;
        struct error err = {0};
        int status = store_open(&p->study, mode, &s, &err);
        if (status == 0)
            store_close(s);
        assert_int_equal(status, ERROR_DAMAGED);
        if (!strstr(err.text, what))
            fail_msg("'%s' does not say '%s'", err.text, what);
    }
}

static void a_loss_is_seen(void **state)
{
    static const struct {
        const char *sql, *what;
    } losses[] = {
        {"ALTER TABLE flow DROP PARTITION '2017-04-03'", "conversations in a batch"},
        {"ALTER TABLE ledger DELETE WHERE batch = 2", "conversations"},
        {"ALTER TABLE symbol DELETE WHERE kind = 6 AND code = 1", "symbols"},
        {"DROP TABLE coverage", "coverage"},
    };
    need(*state);
    struct batch *b = flows_of(8, 2000, APRIL_MS, 5), *two = flows_of(9, 100, APRIL_MS, 1);
    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        struct place p;
        char name[16];
        snprintf(name, sizeof name, "loss_%zu", i);
        place_named(&p, *state, name);
        struct store *s = must_open(&p, STORE_WRITE);
        import_all(s, 1, b, 2000, 0);
        import_all(s, 2, two, 2000, 0);
        must_run(s, losses[i].sql);
        for (int wait = 0;
             wait < 200 &&
             ask_u64(s, "SELECT count() AS n FROM system.mutations WHERE is_done = 0");
             wait++)
            usleep(10000);
        store_close(s);
        assert_damaged(&p, losses[i].what);
        zone_free(p.zone);
    }
    batch_free(b);
    batch_free(two);
}

static void shell(const char *format, const char *path)
{
    char command[PATH_MAX * 2];
    snprintf(command, sizeof command, format, path);
    assert_int_equal(system(command), 0);
}

static void a_damaged_part_is_seen(void **state)
{
    static const struct {
        const char *command, *what;
    } damages[] = {
        {"truncate -s 5000 '%sdata.bin'", "part"},
        {"rm -rf '%s'", "conversations in a batch"},
        /* The size is right and opening need not read it: the thorough comparison does. */
        {"dd if=/dev/urandom of='%sdata.bin' bs=1000 seek=20 count=1 conv=notrunc 2>/dev/null", ""},
    };
    (void)state;
    need("chdb");
    struct batch *b = flows_of(8, 4000, APRIL_MS, 5);
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct place p;
        char name[16], part[PATH_MAX];
        struct error err;
        snprintf(name, sizeof name, "damage_%zu", i);
        place_named(&p, "chdb", name);
        struct store *s = must_open(&p, STORE_WRITE);
        import_all(s, 1, b, 4000, 0);
        struct block *path = must_query(s, "SELECT path FROM system.parts WHERE active AND "
                                           "table = 'flow' AND partition = '2017-04-02'");
        assert_int_equal(block_rows(path), 1);
        struct bytes at = block_bytes(path, 0, 0);
        snprintf(part, sizeof part, "%.*s", (int)at.len, (const char *)at.at);
        block_free(path);
        store_close(s);
        shell(damages[i].command, part);
        int status = store_open(&p.study, STORE_READ, &s, &err);
        if (status == 0) {
            status = store_verify(s, &err);
            store_close(s);
        }
        assert_int_equal(status, ERROR_DAMAGED);
        assert_non_null(strstr(err.text, damages[i].what));
        zone_free(p.zone);
    }
    batch_free(b);
}

static void damaged_metadata_are_named(void **state)
{
    struct place p;
    (void)state;
    place_named(&p, "chdb", "metadata");
    store_close(must_open(&p, STORE_WRITE));
    store_close(must_open(&p, STORE_READ));
    shell("cd '%s' && f=$(ls store/*/*/flow.sql) && printf X | dd of=$f bs=1 seek=9 conv=notrunc "
          "2>/dev/null",
          p.store);
    assert_damaged(&p, "flow.sql is damaged");
    shell("cd '%s' && cp metadata.copy/*+flow.sql store/*/*/flow.sql", p.store);
    store_close(must_open(&p, STORE_WRITE));
    shell("rm '%s'/metadata/telltale.sql", p.store);
    assert_damaged(&p, "telltale.sql is gone");
    zone_free(p.zone);
}

static void a_reader_makes_no_store(void **state)
{
    struct place p;
    place_named(&p, *state, "nothing");
    struct store *s;
    struct error err;
    assert_int_equal(store_open(&p.study, STORE_READ, &s, &err), ERROR_FAILED);
    assert_non_null(strstr(err.text, "import something first"));
    if (!p.study.store_is_server)
        assert_int_equal(access(p.store, F_OK), -1);
    zone_free(p.zone);
}

/* --- killed --- */

/* The child: imports sources one after the other, so that there is always one to be killed in. */
enum { KILLED_SOURCES = 8, KILLED_ROWS = 2000, KILLS = 10 };

static struct batch *killed_flows(unsigned source)
{
    return flows_of(20 + source, KILLED_ROWS, APRIL_MS, 10 + source);
}

static int child_main(const char *mode, const char *store)
{
    struct place p;
    place_at(&p, store);
    struct store *s = must_open(&p, STORE_WRITE);
    for (unsigned n = 1; strcmp(mode, "import") == 0 && n <= KILLED_SOURCES; n++) {
        struct batch *b = killed_flows(n);
        import_all(s, (uint8_t)n, b, 100, 0);
        batch_free(b);
    }
    store_close(s);
    zone_free(p.zone);
    return 0;
}

static bool run_child(const char *mode, const char *store, unsigned kill_after_ms)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        execl("/proc/self/exe", "store_test", mode, store, (char *)NULL);
        _exit(127);
    }
    for (unsigned ms = 0;; ms++) {
        if (waitpid(pid, &status, WNOHANG) == pid)
            break;
        if (kill_after_ms && ms >= kill_after_ms)
            kill(pid, SIGKILL);
        usleep(1000);
    }
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static unsigned now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned)(t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

static void assert_exact_after_kills(struct store *s)
{
    uint64_t octets = 0, rows = KILLED_SOURCES * KILLED_ROWS;
    for (unsigned n = 1; n <= KILLED_SOURCES; n++) {
        struct batch *b = killed_flows(n);
        for (size_t i = 0; i < b->rows; i++)
            octets += batch_octets_out(b)[i] + batch_octets_in(b)[i];
        batch_free(b);
    }
    assert_int_equal(ask_u64(s, "SELECT count() AS n FROM flow"), rows);
    assert_true(ask_u64(s, "SELECT sum(octets_out + octets_in) AS n FROM flow") == octets);
    assert_int_equal(ask_u64(s, "SELECT sum(flows) AS n FROM activity"), rows);
    assert_int_equal(ask_u64(s, "SELECT sum(flows) AS n FROM daily"), rows);
    assert_int_equal(ask_u64(s, "SELECT sum(flows) AS n FROM contact"), rows);
    assert_int_equal(ask_u64(s, "SELECT sum(records) AS n FROM coverage"), rows);
    assert_int_equal(ask_u64(s, "SELECT sum(rows) AS n FROM ledger"), rows);
    assert_int_equal(ask_u64(s, "SELECT uniqExact(source, batch) AS n FROM ledger"),
                     ask_u64(s, "SELECT count() AS n FROM ledger"));
    must_verify(s);
}

/* Finishes what the kills left of the store at `p`, and holds it against what was given. */
static void finish_and_check(struct place *p)
{
    assert_true(run_child("import", p->store, 0));
    struct store *s = must_open(p, STORE_READ);
    assert_exact_after_kills(s);
    store_close(s);
    zone_free(p->zone);
}

/* A machine may be fast or busy: whenever a run ends before its kill, its store is checked and the
 * next one begins, until enough kills have hit. */
static void killed_at_any_moment_totals_are_exact(void **state)
{
    struct place p, probe;
    struct random r;
    unsigned kills = 0, runs = 0, stores = 0;
    char name[32] = "killed";
    random_init(&r, 99);
    place_named(&probe, *state, "killed_probe");
    place_named(&p, *state, name);
    unsigned begin = now_ms();
    assert_true(run_child("open", probe.store, 0));
    unsigned open_ms = now_ms() - begin;
    begin = now_ms();
    assert_true(run_child("import", probe.store, 0));
    unsigned all_ms = now_ms() - begin;
    while (kills < KILLS && runs < 5 * KILLS) {
        /* From while the store is being opened on. */
        bool was_killed =
            !run_child("import", p.store, open_ms / 2 + (unsigned)random_below(&r, all_ms / 2 + 1));
        runs++;
        kills += was_killed;
        if (!was_killed) {
            finish_and_check(&p);
            snprintf(name, sizeof name, "killed%u", ++stores);
            place_named(&p, *state, name);
        }
    }
    print_message("# killed %u of %u times; opening took %u ms\n", kills, runs, open_ms);
    assert_true(kills >= KILLS / 2);
    finish_and_check(&p);
    zone_free(probe.zone);
}

/* --- both engines, one SQL --- */

struct corpus {
    char *texts[2000];
    size_t count;
};

static void collect(void *ctx, const struct engine *e, const char *sql)
{
    struct corpus *c = ctx;
    (void)e;
    if (strncmp(sql, "SELECT", 6) != 0 || strstr(sql, "system.") || strstr(sql, "version()") ||
        strstr(sql, "max_threads")) /* an order of rows that is the engine's own */
        return;
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->texts[i], sql) == 0)
            return;
    assert_true(c->count < sizeof c->texts / sizeof *c->texts);
    c->texts[c->count++] = memory_text(sql, strlen(sql));
}

static int ignore_block(void *ctx, const struct block *b)
{
    (void)ctx;
    (void)b;
    return 0;
}

static struct store *same_work(struct place *p)
{
    struct batch *b = flows_of(30, 3000, APRIL_MS, 12);
    struct error err;
    uint64_t n;
    struct store *s = must_open(p, STORE_WRITE);
    symbols_code(store_symbols(s), SYMBOL_SERVICE, "facebook", 8);
    import_all(s, 1, b, 999, 0);
    import_all(s, 1, b, 999, 0);
    json_t *sources;
    assert_int_equal(store_sources(s, &sources, &err), 0);
    json_decref(sources);
    for (int basis = 0; basis < 3; basis++) {
        struct store_window w = {APRIL_MS + DAY_MS, APRIL_MS + 3 * DAY_MS, (enum store_basis)basis};
        assert_int_equal(store_flow_query(s, "service = 1", &w, 100, ignore_block, NULL, &err), 0);
        assert_int_equal(store_flow_count(s, "", &w, &n, &err), 0);
    }
    must_verify(s);
    store_close(s);
    batch_free(b);
    return must_open(p, STORE_READ);
}

/* Columns that hold the clock or the engine's own: imported_ms is not asked for by the program. */
static void every_statement_gives_the_same_on_both(void **state)
{
    (void)state;
    struct place here, there;
    struct corpus corpus = {.count = 0};
    place_named(&here, "chdb", "corpus");
    place_named(&there, "http", "corpus");
    engine_trace(collect, &corpus);
    struct store *a = same_work(&here), *b = same_work(&there);
    engine_trace(NULL, NULL);
    /* Whole tables in an order of every column that tells rows apart. */
    static const char *const orders[] = {"", "category, basis, ambiguous, pivot",
                                         "category, role, pivot",
                                         "category, role, pivot, country, asn, owner"};
    for (int i = 1; i <= 3; i++)
        if (tables[i].is_derived) {
            char sql[256];
            snprintf(sql, sizeof sql, "SELECT * FROM %s ORDER BY day, %s, flows, %s",
                     tables[i].name, tables[i].order, orders[i]);
            corpus.texts[corpus.count++] = memory_text(sql, strlen(sql));
        }
    assert_true(corpus.count > 15);
    for (size_t i = 0; i < corpus.count; i++) {
        struct buf x, y;
        buf_init(&x, 1 << 28);
        buf_init(&y, 1 << 28);
        struct block *p = must_query(a, corpus.texts[i]), *q = must_query(b, corpus.texts[i]);
        assert_int_equal(block_rows(p), block_rows(q));
        if (block_rows(p)) {
            native_encode_block(&x, p);
            native_encode_block(&y, q);
            if (x.len != y.len || memcmp(x.at, y.at, x.len) != 0)
                fail_msg("differs: %s", corpus.texts[i]);
        }
        block_free(p);
        block_free(q);
        buf_done(&x);
        buf_done(&y);
        free(corpus.texts[i]);
    }
    store_close(a);
    store_close(b);
    zone_free(here.zone);
    zone_free(there.zone);
}

/* --- */

static int set_up(void **state)
{
    (void)state;
    struct error err;
    struct engine *e;
    char path[PATH_MAX];
    if (!make_folder())
        return -1;
    snprintf(path, sizeof path, "%s/probe", folder);
    if (engine_open_chdb(path, NULL, &e, &err) == 0)
        engine_close(e);
    else
        snprintf(chdb_missing, sizeof chdb_missing, "%s", err.text);
    if (clickhouse_start(&server, &err))
        snprintf(server_missing, sizeof server_missing, "%s", err.text);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    clickhouse_stop(server);
    char command[PATH_MAX];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    return system(command);
}

#define BOTH(test)                                                                                 \
    {#test " (chdb)", test, NULL, NULL, "chdb"},                                                   \
    {                                                                                              \
#test " (clickhouse)", test, NULL, NULL, "http"                                            \
    }

int main(int argc, char **argv)
{
    if (argc == 3)
        return child_main(argv[1], argv[2]);
    const struct CMUnitTest tests[] = {
        BOTH(a_file_counts_once),
        BOTH(windows_add_up),
        BOTH(an_interrupted_import_is_taken_up),
        BOTH(volume_spreads_in_proportion_to_time),
        BOTH(a_conversation_of_months_lies_in_its_first_slot),
        BOTH(derived_tables_equal_plain_loops),
        cmocka_unit_test_prestate(derived_in_memory_equal_the_sql, (void *)"chdb"),
        BOTH(another_zone_remakes_them),
        BOTH(what_derived_tables_lost_is_made_again),
        BOTH(deriving_can_wait_for_the_last_source),
        BOTH(a_large_day_goes_in_as_several_batches),
        BOTH(a_loss_is_seen),
        BOTH(a_reader_makes_no_store),
        BOTH(killed_at_any_moment_totals_are_exact),
        cmocka_unit_test(a_damaged_part_is_seen),
        cmocka_unit_test(damaged_metadata_are_named),
        cmocka_unit_test(every_statement_gives_the_same_on_both),
    };
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
