/* SPDX-License-Identifier: Apache-2.0 */
/* A day's rows are written anew to a second table of the same shape, compared with the old ones in
 * all that is fact, and take their place, a group of days at a time.
 *
 * Before that meta's `reattribute` says "ready" and the days, and when it is done it says so;
 * killed in between, the next opening takes the days' rows from the second table again, where they
 * all are. What makes the whole exactly once is that a day whose attribution is what it would
 * become is passed over. */
#include "store/reattribute.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/zone.h"
#include "schema/values.h"
#include "store/order.h"
#include "store/store_in.h"
#include "store/tables.h"

enum {
    ROWS_AT_ONCE = 65536, /* what order.h takes; also one INSERT */
    TEXT_FACTOR = 8,      /* texts a row: at most 512 octets on average */
    READ_ROWS = 262144,   /* one query's, where a batch is not longer by itself */
    STATEMENT_MAX = 1 << 20,
    GROUP_DAYS = 64, /* put in place together */
    GROUP_ROWS = 4 << 20,
};

static const enum field attributed[] = {FIELD_service,    FIELD_category, FIELD_basis,
                                        FIELD_candidates, FIELD_country,  FIELD_asn,
                                        FIELD_owner};
enum { ATTRIBUTED = sizeof attributed / sizeof *attributed };
static const char second[] = "reattributed";

static bool is_attributed(enum field f)
{
    for (size_t i = 0; i < ATTRIBUTED; i++)
        if (attributed[i] == f)
            return true;
    return false;
}

struct work {
    struct store *s;
    store_attribute_fn *attribute;
    void *ctx;
    struct reattribution *sums;
    struct batch *rows;
    void *before[ATTRIBUTED]; /* the columns as they were */
    struct order order;
    struct buf native, columns;
    uint64_t changed; /* of the day */
    bool writes;
    int32_t group[GROUP_DAYS]; /* written anew, not in place yet */
    size_t group_days;
    uint64_t group_rows;
};

/* Batches of the day that are read together. */
struct stretch {
    uint32_t first_source, first_batch, last_source, last_batch;
};

/* ------------------------------------------------------------------ rows */

static void keep_before(struct work *w)
{
    for (size_t i = 0; i < ATTRIBUTED; i++)
        memcpy(w->before[i], w->rows->columns[attributed[i]],
               w->rows->rows * field_type_octets(field_infos[attributed[i]].type));
}

static void put_back(struct work *w, size_t column, size_t row)
{
    size_t width = field_type_octets(field_infos[attributed[column]].type);
    memcpy((uint8_t *)w->rows->columns[attributed[column]] + row * width,
           (const uint8_t *)w->before[column] + row * width, width);
}

/* What several names at one address left ambiguous; the names are in no column. */
static void keep_ambiguous(struct work *w)
{
    enum { SERVICE_TO_CANDIDATES = 4 };
    for (size_t row = 0; row < w->rows->rows; row++)
        if (((const uint8_t *)w->before[2])[row] == BASIS_DNS &&
            batch_text(w->rows, FIELD_server_name, row).len == 0)
            for (size_t column = 0; column < SERVICE_TO_CANDIDATES; column++)
                put_back(w, column, row);
}

static void count_changed(struct work *w)
{
    for (size_t row = 0; row < w->rows->rows; row++) {
        bool same = true;
        for (size_t i = 0; i < ATTRIBUTED && same; i++) {
            size_t width = field_type_octets(field_infos[attributed[i]].type);
            same = memcmp((const uint8_t *)w->rows->columns[attributed[i]] + row * width,
                          (const uint8_t *)w->before[i] + row * width, width) == 0;
        }
        w->changed += !same;
    }
}

static int insert_rows(struct work *w, struct error *err)
{
    const struct batch *batches[1] = {w->rows};
    struct block *symbols = store_new_symbols(w->s);
    int status = symbols ? store_insert(w->s, "symbol", symbols, err) : 0;
    block_free(symbols);
    if (status)
        return status;
    buf_clear(&w->native);
    buf_clear(&w->columns);
    size_t count = order_flows(&w->order, batches, 1);
    flow_encode(&w->native, &w->columns, &w->rows, 1, w->order.rows, count);
    if (w->native.failed || w->columns.failed)
        return error_set(err, ERROR_FAILED, "rows are larger than %zu MB", w->native.limit >> 20);
    return engine_insert(w->s->engine, second, w->columns.at, bytes_of(w->native.at, w->native.len),
                         err);
}

static int take_block(struct work *w, const struct block *b, struct error *err)
{
    for (size_t at = 0; at < block_rows(b);) {
        batch_clear(w->rows);
        w->rows->text_lost = 0;
        int taken = block_to_batch(b, at, w->rows, err);
        if (taken < 0)
            return taken;
        if (w->rows->text_lost)
            return error_set(err, ERROR_FAILED,
                             "texts of conversations are longer than they can be");
        keep_before(w);
        w->attribute(w->ctx, w->rows);
        keep_ambiguous(w);
        count_changed(w);
        int status = w->writes ? insert_rows(w, err) : 0;
        if (status)
            return status;
        at += (size_t)taken;
    }
    return 0;
}

/* ------------------------------------------------------------------ a day */

static int read_stretch(struct work *w, int32_t day, const struct stretch *t, struct error *err)
{
    struct buf sql;
    struct block *b;
    buf_init(&sql, STATEMENT_MAX);
    buf_text(&sql, "SELECT ");
    flow_columns(&sql);
    buf_format(&sql,
               " FROM flow WHERE day = toDate(toUInt16(%" PRId32 ")) AND (source > %" PRIu32
               " OR (source = %" PRIu32 " AND batch >= %" PRIu32 ")) AND (source < %" PRIu32
               " OR (source = %" PRIu32 " AND batch <= %" PRIu32 "))",
               day, t->first_source, t->first_source, t->first_batch, t->last_source,
               t->last_source, t->last_batch);
    int status = engine_query(w->s->engine, sql.at, &b, err);
    buf_done(&sql);
    if (status)
        return status;
    status = take_block(w, b, err);
    block_free(b);
    return status;
}

static int read_day(struct work *w, int32_t day, bool writes, struct error *err)
{
    char sql[256];
    struct block *b;
    snprintf(sql, sizeof sql,
             "SELECT source, batch, count() AS n FROM flow WHERE day = toDate(toUInt16(%" PRId32
             ")) GROUP BY source, batch ORDER BY source, batch",
             day);
    int status = engine_query(w->s->engine, sql, &b, err);
    if (status)
        return status;
    w->changed = 0;
    w->writes = writes;
    for (size_t i = 0; i < block_rows(b) && status == 0;) {
        struct stretch t = {.first_source = (uint32_t)block_u64(b, 0, i),
                            .first_batch = (uint32_t)block_u64(b, 1, i)};
        uint64_t rows = 0;
        do {
            t.last_source = (uint32_t)block_u64(b, 0, i);
            t.last_batch = (uint32_t)block_u64(b, 1, i);
            rows += block_u64(b, 2, i++);
        } while (i < block_rows(b) && rows + block_u64(b, 2, i) <= READ_ROWS);
        status = read_stretch(w, day, &t, err);
    }
    block_free(b);
    return status;
}

/* Everything that is fact, of a day: rows, and a sum over all columns but the attribution's. */
static int facts_of(struct work *w, const char *table, int32_t day, uint64_t ret[2],
                    struct error *err)
{
    struct buf sql;
    struct block *b;
    buf_init(&sql, STATEMENT_MAX);
    buf_text(&sql, "SELECT count() AS n, sum(cityHash64(");
    for (int f = 0, first = 1; f < FIELD_COUNT; f++)
        if ((field_infos[f].stages & STAGE_FLOW) && !is_attributed((enum field)f)) {
            buf_format(&sql, "%s%s", first ? "" : ", ", field_infos[f].name);
            first = 0;
        }
    buf_format(&sql, ")) AS h FROM %s WHERE day = toDate(toUInt16(%" PRId32 "))", table, day);
    int status = engine_query(w->s->engine, sql.at, &b, err);
    buf_done(&sql);
    if (status)
        return status;
    ret[0] = block_rows(b) ? block_u64(b, 0, 0) : 0;
    ret[1] = block_rows(b) ? block_u64(b, 1, 0) : 0;
    block_free(b);
    return 0;
}

static int compare_facts(struct work *w, int32_t day, struct error *err)
{
    uint64_t old[2], new[2];
    int status = facts_of(w, "flow", day, old, err);
    if (status == 0)
        status = facts_of(w, second, day, new, err);
    if (status || (old[0] == new[0] && old[1] == new[1]))
        return status;
    char date[TIME_TEXT_MAX];
    date_print(day, date);
    return error_set(err, ERROR_DAMAGED,
                     "%s: %" PRIu64 " conversations read, %" PRIu64
                     " written, and they are not the same: nothing was replaced",
                     date, old[0], new[0]);
}

/* ------------------------------------------------------------------ taking the place */

static int run(struct store *s, struct error *err, const char *format, const char *text)
{
    char sql[256];
    snprintf(sql, sizeof sql, format, text);
    return engine_run(s->engine, sql, err);
}

static int clear_second(struct store *s, struct error *err)
{
    return run(s, err, "TRUNCATE TABLE %s", second);
}

/* A server replaces in one step and is not killed with us. The embedded engine leaves what REPLACE
 * put aside on the disk for minutes and takes it back when it starts before; what DROP removed is
 * covered by an empty part and stays gone. */
static int replace_day(struct store *s, int32_t day, struct error *err)
{
    char date[TIME_TEXT_MAX], sql[256];
    int status = 0;
    date_print(day, date);
    if (!s->study->store_is_server) {
        snprintf(sql, sizeof sql, "ALTER TABLE flow DROP PARTITION '%s'", date);
        status = engine_run(s->engine, sql, err);
    }
    snprintf(sql, sizeof sql, "ALTER TABLE flow %s PARTITION '%s' FROM %s",
             s->study->store_is_server ? "REPLACE" : "ATTACH", date, second);
    return status ? status : engine_run(s->engine, sql, err);
}

static int replace_days(struct store *s, const int32_t *days, size_t count, struct error *err)
{
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++)
        status = replace_day(s, days[i], err);
    if (status == 0)
        status = store_set_meta(s, "reattribute", "", err);
    return status ? status : clear_second(s, err);
}

/* "ready 2017-04-01 2017-04-02" */
static size_t days_of_mark(struct bytes mark, int32_t days[GROUP_DAYS])
{
    static const char ready[] = "ready";
    size_t count = 0, at = sizeof ready - 1;
    if (mark.len < at || memcmp(mark.at, ready, at) != 0)
        return 0;
    for (; at + 11 <= mark.len && count < GROUP_DAYS; at += 11)
        if (date_parse((const char *)mark.at + at + 1, 10, &days[count]) == 0)
            count++;
    return count;
}

int reattribute_recover(struct store *s, struct error *err)
{
    struct block *b;
    int32_t days[GROUP_DAYS];
    int status = engine_query(
        s->engine, "SELECT argMax(value, version) AS v FROM meta WHERE key = 'reattribute'", &b,
        err);
    if (status)
        return status;
    size_t count = block_rows(b) == 1 ? days_of_mark(block_bytes(b, 0, 0), days) : 0;
    block_free(b);
    return count ? replace_days(s, days, count, err) : 0;
}

static int put_in_place(struct work *w, struct error *err)
{
    struct buf mark;
    int status = 0;
    buf_init(&mark, 65536);
    buf_text(&mark, "ready");
    for (size_t i = 0; i < w->group_days && status == 0; i++) {
        char date[TIME_TEXT_MAX];
        date_print(w->group[i], date);
        buf_format(&mark, " %.10s", date);
        status = compare_facts(w, w->group[i], err);
    }
    if (status == 0 && w->group_days) /* what reports ask at once is of the old rows */
        status = store_set_meta(w->s, "summary", "", err);
    if (status == 0 && w->group_days)
        status = store_set_meta(w->s, "reattribute", mark.at, err);
    if (status == 0 && w->group_days)
        status = replace_days(w->s, w->group, w->group_days, err);
    buf_done(&mark);
    w->group_days = 0;
    w->group_rows = 0;
    return status;
}

static int do_day(struct work *w, int32_t day, uint64_t rows, struct error *err)
{
    int status = read_day(w, day, false, err);
    uint64_t changed = w->changed;
    if (status == 0 && changed) {
        status = read_day(w, day, true, err);
        w->group[w->group_days++] = day;
        w->group_rows += rows;
    }
    if (status == 0 && (w->group_days == GROUP_DAYS || w->group_rows >= GROUP_ROWS))
        status = put_in_place(w, err);
    if (status)
        return status;
    w->sums->days++;
    w->sums->days_changed += changed > 0;
    w->sums->changed += changed;
    if (changed && day >= 0 && day < DAYS)
        w->s->touched[day / 8] |= (uint8_t)(1 << (day % 8));
    return 0;
}

/* ------------------------------------------------------------------ all days */

static int make_second(struct store *s, struct error *err)
{
    struct buf sql;
    struct table t = tables[0]; /* flow's */
    t.name = second;
    buf_init(&sql, STATEMENT_MAX);
    store_table_ddl(&sql, &t, engine_is_modern(s->engine));
    int status = engine_run(s->engine, sql.at, err);
    buf_done(&sql);
    if (status == 0)
        status = engine_keep_metadata(s->engine, err);
    return status ? status : clear_second(s, err);
}

static void work_init(struct work *w, struct store *s)
{
    w->s = s;
    /* Room for the longest texts; the rows are fewer than it was made for. */
    w->rows = batch_new(STAGE_FLOW, (size_t)ROWS_AT_ONCE * TEXT_FACTOR);
    w->rows->capacity = ROWS_AT_ONCE;
    for (size_t i = 0; i < ATTRIBUTED; i++)
        w->before[i] =
            memory_array(ROWS_AT_ONCE, field_type_octets(field_infos[attributed[i]].type));
    buf_init(&w->native, (size_t)1 << 30);
    buf_init(&w->columns, 65536);
}

static void work_done(struct work *w)
{
    w->rows->capacity = (size_t)ROWS_AT_ONCE * TEXT_FACTOR;
    batch_free(w->rows);
    for (size_t i = 0; i < ATTRIBUTED; i++)
        free(w->before[i]);
    order_done(&w->order);
    buf_done(&w->native);
    buf_done(&w->columns);
}

static int do_days(struct work *w, store_progress_fn *progress, struct error *err)
{
    struct block *b;
    uint64_t all = 0, done = 0;
    int status = engine_query(
        w->s->engine,
        "SELECT toInt32(toUInt16(day)) AS d, count() AS n FROM flow GROUP BY d ORDER BY d", &b,
        err);
    if (status)
        return status;
    for (size_t i = 0; i < block_rows(b); i++)
        all += block_u64(b, 1, i);
    for (size_t i = 0; i < block_rows(b) && status == 0; i++) {
        status = do_day(w, (int32_t)block_i64(b, 0, i), block_u64(b, 1, i), err);
        done += block_u64(b, 1, i);
        if (status == 0 && progress)
            progress(w->ctx, done, all);
    }
    block_free(b);
    w->sums->conversations = done;
    return status ? status : put_in_place(w, err);
}

int store_reattribute(struct store *s, store_attribute_fn *attribute, store_progress_fn *progress,
                      void *ctx, struct reattribution *ret, struct error *err)
{
    struct work w = {.attribute = attribute, .ctx = ctx, .sums = ret};
    *ret = (struct reattribution){0};
    int status = store_settle(s, err);
    if (status == 0)
        status = make_second(s, err);
    if (status == 0)
        status = derive_mark_stale(s, err);
    if (status)
        return status;
    work_init(&w, s);
    status = do_days(&w, progress, err);
    work_done(&w);
    if (status == 0)
        status = store_derive(s, false, err);
    return status ? status : store_summary(s, err);
}
