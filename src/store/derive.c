/* SPDX-License-Identifier: Apache-2.0 */
/* Derived tables, remade by the study zone's day: drop the partition, insert from `flow`. The SQL
 * here says what they are, and makes them on a server; in this process derive_memory.c makes the
 * same rows, several times as fast.
 *
 * That they are older than the flows is written to `meta` before the first row of an import and
 * taken back when the last derived row is there, so that an interruption anywhere is seen at the
 * next opening. Besides, the numbers of rows are compared with those of then: what an engine lost
 * is made again. */
#include "store/store_in.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/zone.h"
#include "schema/values.h"

enum {
    HALF_HOUR_S = 1800,
    QUARTER_S = 900,
    DAY_S = 86400,
    DAYS_AT_ONCE = 64, /* an INSERT may go to 100 partitions */
    /* A day made in memory: at most so many pairs of addresses, 112 octets each and as much again
     * while the table grows; two days of each of two threads are open. */
    DAY_FLOWS_MAX = 2500000,
};
#define DAY_MS UINT64_C(86400000)

/* Raised when the SQL below changes, so that stores made before are derived again. */
static const char derive_version[] = "3";

uint32_t derive_slot_s(const struct study *study)
{
    int64_t from = (int64_t)(study->from_ms / 1000) - DAY_S,
            to = (int64_t)(study->to_ms / 1000) + DAY_S;
    for (int64_t at = from; at <= to; at += DAY_S)
        if (zone_offset_s(study->zone, at) % HALF_HOUR_S != 0)
            return QUARTER_S;
    return HALF_HOUR_S;
}

/* Days of a zone, both included, and a window of time that surely holds them: where a clock goes
 * back over midnight, moments of one date lie on both sides of the next. */
struct days {
    const struct zone *zone;
    int32_t from, to;
    uint64_t from_ms, to_ms;
};

static struct days days_between(const struct zone *z, int32_t from, int32_t to)
{
    enum { MARGIN_S = 3 * 3600 };
    int64_t begin = zone_day_start_s(z, from) - MARGIN_S,
            end = zone_day_start_s(z, to + 1) + MARGIN_S;
    begin = begin < 0 ? 0 : begin;
    return (struct days){.zone = z,
                         .from = from,
                         .to = to,
                         .from_ms = (uint64_t)begin * 1000,
                         .to_ms = (uint64_t)(end > begin ? end : begin + 1) * 1000};
}

/* --- SQL --- */

/* start_ms on the zone's clock: the offset of each stretch of time between changes of the clock. */
static void local_ms_sql(struct buf *out, const struct days *d)
{
    const struct zone *z = d->zone;
    int64_t at = (int64_t)(d->from_ms / 1000), end = (int64_t)(d->to_ms / 1000);
    struct buf stretches;
    size_t changes = 0;
    buf_init(&stretches, 1 << 20);
    for (; at < end; at += 3600) {
        if (zone_offset_s(z, at) == zone_offset_s(z, at + 3600))
            continue;
        int64_t change = zone_change_s(z, at, at + 3600);
        buf_format(&stretches, "start_ms < %" PRId64 ", %" PRId64 ", ", change * 1000,
                   (int64_t)zone_offset_s(z, at) * 1000);
        changes++;
    }
    int64_t last = (int64_t)zone_offset_s(z, end) * 1000;
    if (changes)
        buf_format(out, "(toInt64(start_ms) + multiIf(%s%" PRId64 "))", stretches.at, last);
    else
        buf_format(out, "(toInt64(start_ms) + (%" PRId64 "))", last);
    buf_done(&stretches);
}

/* Conversations whose start has one of the dates; partitions without any are not looked at. */
static void days_sql(struct buf *out, const struct days *d)
{
    uint64_t last = (d->to_ms - 1) / 86400000;
    buf_format(out,
               " FROM flow WHERE day >= toDate(toUInt16(%" PRIu64
               ")) AND day <= toDate(toUInt16(%" PRIu64 ")) AND intDiv(",
               d->from_ms / 86400000, last < DAYS ? last : DAYS - 1);
    local_ms_sql(out, d);
    buf_format(out, ", 86400000) >= %" PRId32 " AND intDiv(", d->from);
    local_ms_sql(out, d);
    buf_format(out, ", 86400000) <= %" PRId32, d->to);
}

#define SCALE "if(sampling = 0, 1, sampling)"
/* MARK_PIVOT: what was done through a pivot is kept apart from the population's own. */
#define PIVOT "toUInt8(bitAnd(marks, 512) > 0)"
static_assert(MARK_PIVOT == 512, "PIVOT");

/* `counter`'s part that falls into bin i: what had come by the bin's end less what had come by its
 * beginning, floor(total * elapsed / duration) each, so that the parts add up exactly. The product
 * is taken apart because it would not fit 64 bits; the rest times duration does (duration < 2^32).
 */
static void part_sql(struct buf *out, const char *counter)
{
    buf_format(out,
               "sum(toUInt64(intDiv(%s, span) * till + intDiv(%s %% span * till, span) - "
               "intDiv(%s, span) * since - intDiv(%s %% span * since, span))) AS sum_%s",
               counter, counter, counter, counter, counter);
}

/* A conversation of one moment, or of more than 49 days (no exporter means that), lies in the slot
 * of its start; the others in every slot from the first to the one before their end's. */
void derive_activity_sql(struct buf *out, const struct zone *zone, int32_t from_day, int32_t to_day,
                         uint64_t bin_ms)
{
    struct days d = days_between(zone, from_day, to_day);
    static const char *const counters[] = {"p_out", "p_in", "o_out", "o_in"};
    buf_format(out,
               "SELECT zone_day, toUInt32(intDiv((first_bin + i) * %" PRIu64
               ", 1000)) AS bin_start, "
               "service, category, country, role, basis, is_ambiguous, is_pivot, "
               "sum(toUInt64(i = 0)) AS n",
               bin_ms);
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        buf_text(out, ", ");
        part_sql(out, counters[i]);
    }
    buf_format(
        out,
        " FROM (SELECT zone_day, service, category, country, role, basis, is_ambiguous, is_pivot, "
        "p_out, p_in, o_out, o_in, span, first_bin, i, "
        "if(i = 0, toUInt64(0), toUInt64((first_bin + i) * %" PRIu64 " - begin)) AS since, "
        "if(i + 1 = bin_count, span, toUInt64((first_bin + i + 1) * %" PRIu64
        " - begin)) AS till FROM (SELECT toDate(toUInt16(intDiv(",
        bin_ms, bin_ms);
    local_ms_sql(out, &d);
    buf_format(
        out,
        ", 86400000))) AS zone_day, service, category, country, role, basis, "
        "toUInt8(candidates > 0) AS is_ambiguous, " PIVOT " AS is_pivot, "
        "packets_out * " SCALE " AS p_out, packets_in * " SCALE " AS p_in, "
        "octets_out * " SCALE " AS o_out, octets_in * " SCALE " AS o_in, start_ms AS begin, "
        "toUInt64(if(end_ms > start_ms AND end_ms < start_ms + 4294967296, end_ms - start_ms, 1)) "
        "AS span, intDiv(start_ms, %" PRIu64 ") AS first_bin, "
        "toUInt64(intDiv(start_ms + span - 1, %" PRIu64 ") - first_bin + 1) AS bin_count, "
        "range(bin_count) AS bins",
        bin_ms, bin_ms);
    days_sql(out, &d);
    buf_text(out,
             ") ARRAY JOIN bins AS i) GROUP BY zone_day, bin_start, service, category, country, "
             "role, basis, is_ambiguous, is_pivot");
}

#define TOTAL(of) "sum((" of "_out + " of "_in) * " SCALE ")"

static void slots_sql(struct buf *out, const struct days *d)
{
    buf_text(out, "groupBitOr(bitShiftLeft(toUInt64(1), toUInt8(intDiv(");
    local_ms_sql(out, d);
    buf_text(out, " % 86400000, 1800000))))");
}

static void zone_day_sql(struct buf *out, const struct days *d)
{
    buf_text(out, "toDate(toUInt16(intDiv(");
    local_ms_sql(out, d);
    buf_text(out, ", 86400000))) AS zone_day");
}

void derive_zone_day_sql(struct buf *out, const struct zone *zone, int32_t from_day, int32_t to_day)
{
    struct days d = days_between(zone, from_day, to_day);
    zone_day_sql(out, &d);
}

static void daily_sql(struct buf *out, const struct days *d)
{
    buf_text(out, "SELECT ");
    zone_day_sql(out, d);
    buf_text(out, ", local, service, category, role, " PIVOT
                  " AS is_pivot, count(), " TOTAL("packets") ", " TOTAL("octets") ", ");
    slots_sql(out, d);
    days_sql(out, d);
    buf_text(out, " GROUP BY zone_day, local, service, category, role, is_pivot");
}

static void contact_sql(struct buf *out, const struct days *d)
{
    buf_text(out, "SELECT ");
    zone_day_sql(out, d);
    buf_text(out, ", local, remote, service, category, role, " PIVOT
                  " AS is_pivot, country, asn, owner, "
                  "min(start_ms), "
                  "max(end_ms), count(), " TOTAL("packets") ", " TOTAL("octets") ", ");
    slots_sql(out, d);
    days_sql(out, d);
    buf_text(out, " GROUP BY zone_day, local, remote, service, category, role, is_pivot, country, "
                  "asn, owner");
}

/* --- remaking --- */

static const char *const derived[] = {"activity", "daily", "contact"};

static int drop_day(struct store *s, const char *table, int32_t day, struct error *err)
{
    char sql[128], date[TIME_TEXT_MAX];
    date_print(day, date);
    snprintf(sql, sizeof sql, "ALTER TABLE %s DROP PARTITION '%s'", table, date);
    return engine_run(s->engine, sql, err);
}

/* Only the days that are there: a drop costs more than asking for all of them. */
static int drop_days(struct store *s, const char *table, int32_t from, int32_t to,
                     struct error *err)
{
    char sql[256];
    struct block *b;
    snprintf(sql, sizeof sql,
             "SELECT DISTINCT toUInt16(day) AS d FROM %s WHERE day >= toDate(toUInt16(%" PRId32
             ")) AND day <= toDate(toUInt16(%" PRId32 ")) ORDER BY d",
             table, from, to);
    int status = engine_query(s->engine, sql, &b, err);
    if (status)
        return status;
    for (size_t i = 0; i < block_rows(b) && status == 0; i++)
        status = drop_day(s, table, (int32_t)block_u64(b, 0, i), err);
    block_free(b);
    return status;
}

static int fill(struct store *s, const char *table, const struct days *d, struct error *err)
{
    struct buf sql;
    buf_init(&sql, 1 << 20);
    if (strcmp(table, "activity") == 0) {
        buf_text(&sql, "INSERT INTO activity (day, slot, service, category, country, role, basis, "
                       "ambiguous, pivot, flows, packets_out, packets_in, octets_out, octets_in) ");
        derive_activity_sql(&sql, d->zone, d->from, d->to, (uint64_t)s->slot_s * 1000);
    } else if (strcmp(table, "daily") == 0) {
        buf_text(&sql,
                 "INSERT INTO daily (day, local, service, category, role, pivot, flows, packets, "
                 "octets, slots) ");
        daily_sql(&sql, d);
    } else {
        buf_text(
            &sql,
            "INSERT INTO contact (day, local, remote, service, category, role, pivot, country, "
            "asn, owner, first_ms, last_ms, flows, packets, octets, slots) ");
        contact_sql(&sql, d);
    }
    int status = sql.failed ? error_set(err, ERROR_FAILED, "the zone's clock changes too often")
                            : engine_run(s->engine, sql.at, err);
    buf_done(&sql);
    return status;
}

/* Neighbouring days, both ends included: one pass over the flows makes them all. */
static int remake(struct store *s, int32_t from, int32_t to, struct error *err)
{
    int status = 0;
    struct days d = days_between(s->study->zone, from, to);
    for (size_t i = 0; i < sizeof derived / sizeof *derived && status == 0; i++)
        status = fill(s, derived[i], &d, err);
    return status;
}

typedef int day_run_fn(struct store *s, int32_t from, int32_t to, struct error *err);

static int each_run(struct store *s, const uint8_t *zone_days, day_run_fn *fn, struct error *err)
{
    int status = 0;
    for (int32_t day = 0; day < DAYS && status == 0; day++) {
        int32_t last = day;
        if (!day_bit(zone_days, day))
            continue;
        while (last + 1 < DAYS && last + 1 < day + DAYS_AT_ONCE && day_bit(zone_days, last + 1))
            last++;
        status = fn(s, day, last, err);
        day = last;
    }
    return status;
}

static int drop_run(struct store *s, int32_t from, int32_t to, struct error *err)
{
    int status = 0;
    for (size_t i = 0; i < sizeof derived / sizeof *derived && status == 0; i++)
        status = drop_days(s, derived[i], from, to, err);
    return status;
}

/* Conversations that days of the zone may have at most, by those of the UTC days they lie in. */
static int count_flows(struct store *s, uint64_t *counts, struct error *err)
{
    struct block *b;
    int status = engine_query(
        s->engine, "SELECT toUInt16(day) AS d, count() AS n FROM flow GROUP BY d ORDER BY d", &b,
        err);
    if (status)
        return status;
    for (size_t i = 0; i < block_rows(b); i++)
        counts[block_u64(b, 0, i)] = block_u64(b, 1, i);
    block_free(b);
    return 0;
}

static uint64_t flows_of(const struct store *s, const uint64_t *counts, int32_t zone_day)
{
    struct days d = days_between(s->study->zone, zone_day, zone_day);
    uint64_t sum = 0, first = d.from_ms / DAY_MS, last = (d.to_ms - 1) / DAY_MS;
    for (uint64_t day = first; day <= last && day < DAYS; day++)
        sum += counts[day];
    return sum;
}

/* In memory what fits there; the others by the engine, which goes to the disk where it must. */
static int remake_embedded(struct store *s, const uint8_t *zone_days, struct error *err)
{
    uint64_t *counts = memory_array(DAYS, sizeof *counts);
    uint8_t *small = memory_alloc(DAYS / 8), *large = memory_alloc(DAYS / 8);
    bool has_small = false;
    int status = count_flows(s, counts, err);
    for (int32_t day = 0; day < DAYS; day++)
        if (day_bit(zone_days, day)) {
            bool is_small = flows_of(s, counts, day) <= DAY_FLOWS_MAX;
            day_set_bit(is_small ? small : large, day);
            has_small |= is_small;
        }
    if (status == 0 && has_small)
        status = derive_in_memory(s, small, err);
    if (status == 0)
        status = each_run(s, large, remake, err);
    free(counts);
    free(small);
    free(large);
    return status;
}

static int remake_days(struct store *s, const uint8_t *zone_days, struct error *err)
{
    int status = each_run(s, zone_days, drop_run, err);
    if (status)
        return status;
    return s->study->store_is_server || s->derive_by_sql ? each_run(s, zone_days, remake, err)
                                                         : remake_embedded(s, zone_days, err);
}

int derive_days(struct store *s, const uint8_t utc_days[DAYS / 8], struct error *err)
{
    uint8_t *zone_days = memory_alloc(DAYS / 8);
    const struct zone *z = s->study->zone;
    for (int32_t u = 0; u < DAYS; u++)
        if (day_bit(utc_days, u)) {
            int32_t last = zone_day(z, (int64_t)u * DAY_S + DAY_S - 1);
            for (int32_t day = zone_day(z, (int64_t)u * DAY_S); day <= last; day++)
                day_set_bit(zone_days, day);
        }
    int status = remake_days(s, zone_days, err);
    free(zone_days);
    return status;
}

static int derive_all(struct store *s, struct error *err)
{
    struct block *b;
    uint8_t *utc_days = memory_alloc(DAYS / 8);
    int status = 0;
    for (size_t i = 0; i < sizeof derived / sizeof *derived && status == 0; i++)
        status = drop_days(s, derived[i], 0, DAYS - 1, err);
    if (status == 0)
        status = engine_query(s->engine, "SELECT DISTINCT toUInt16(day) AS d FROM flow ORDER BY d",
                              &b, err);
    if (status == 0) {
        for (size_t i = 0; i < block_rows(b); i++)
            day_set_bit(utc_days, (int32_t)block_u64(b, 0, i));
        block_free(b);
        status = derive_days(s, utc_days, err);
    }
    free(utc_days);
    return status;
}

/* --- what is known of them --- */

int derive_mark_stale(struct store *s, struct error *err)
{
    if (s->is_stale)
        return 0;
    int status = store_set_meta(s, "derived", "stale", err);
    s->is_stale = status == 0;
    return status;
}

/* Rows of `flow` and of the tables made of it; the engine knows them without reading. */
static int count_rows(struct store *s, uint64_t counts[4], struct error *err)
{
    static const char *const sql[] = {
        "SELECT count() AS n FROM flow", "SELECT count() AS n FROM activity",
        "SELECT count() AS n FROM daily", "SELECT count() AS n FROM contact"};
    for (int i = 0; i < 4; i++) {
        struct block *b;
        int status = engine_query(s->engine, sql[i], &b, err);
        if (status)
            return status;
        counts[i] = block_rows(b) ? block_u64(b, 0, 0) : 0;
        block_free(b);
    }
    return 0;
}

/* With what they were made by: another zone, slot or version makes them stale. */
static void mark_rules(const struct store *s, char text[DERIVED_MARK_MAX])
{
    snprintf(text, DERIVED_MARK_MAX, "fresh %s %" PRIu32 " %s ", derive_version, s->slot_s,
             s->study->timezone);
}

static void mark_counts(const uint64_t counts[4], char text[DERIVED_MARK_MAX])
{
    snprintf(text, DERIVED_MARK_MAX, "%" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64, counts[0],
             counts[1], counts[2], counts[3]);
}

int derive_mark_fresh(struct store *s, struct error *err)
{
    char text[DERIVED_MARK_MAX];
    uint64_t counts[4];
    int status = count_rows(s, counts, err);
    if (status)
        return status;
    mark_rules(s, text);
    size_t len = strlen(text);
    if (len + 4 * 21 < sizeof text)
        mark_counts(counts, text + len);
    status = store_set_meta(s, "derived", text, err);
    if (status == 0)
        s->is_stale = false;
    return status;
}

bool derive_is_fresh(const struct store *s, const char *mark)
{
    char text[DERIVED_MARK_MAX];
    mark_rules(s, text);
    return strncmp(mark, text, strlen(text)) == 0;
}

int derive_differs(struct store *s, const char *mark, bool *ret, struct error *err)
{
    char rules[DERIVED_MARK_MAX], text[DERIVED_MARK_MAX];
    uint64_t counts[4];
    int status = count_rows(s, counts, err);
    if (status)
        return status;
    mark_rules(s, rules);
    mark_counts(counts, text);
    *ret = strcmp(mark + strlen(rules), text) != 0;
    return 0;
}

int store_derive(struct store *s, bool all, struct error *err)
{
    int status = store_settle(s, err);
    if (status || (!all && !s->is_stale))
        return status;
    status = derive_mark_stale(s, err);
    if (status == 0)
        status = all || s->was_stale ? derive_all(s, err) : derive_days(s, s->touched, err);
    if (status == 0)
        status = derive_mark_fresh(s, err);
    if (status == 0) {
        s->was_stale = false;
        memset(s->touched, 0, sizeof s->touched);
    }
    return status;
}

void store_derive_later(struct store *s)
{
    s->derive_later = true;
}
