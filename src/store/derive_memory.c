/* SPDX-License-Identifier: Apache-2.0 */
/* Derived days made in this process: the flows are read once, and two threads with a connection
 * each make the days' rows in memory (store/aggregate.h) and insert them. */
#include "store/store_in.h"

#include <inttypes.h>
#include <pthread.h>
#include <string.h>

#include "base/memory.h"
#include "store/aggregate.h"

enum { WORKERS = 2, DAY_S = 86400, MARGIN_S = 3 * 3600 };

struct worker {
    struct store *store;
    struct engine *engine;
    uint8_t wanted[DAYS / 8]; /* days of the zone */
    uint8_t read[DAYS / 8];   /* UTC days with conversations of them */
    struct aggregate *aggregate;
    struct buf native, columns;
    struct error err;
    int status;
};

static int write_table(struct worker *w, int32_t day, enum aggregate_table table)
{
    static const char *const names[] = {"activity", "daily", "contact"};
    buf_clear(&w->native);
    buf_clear(&w->columns);
    size_t rows = aggregate_encode(w->aggregate, day, table, &w->native, &w->columns);
    if (w->native.failed)
        return error_set(&w->err, ERROR_FAILED, "a day of table %s is too large", names[table]);
    return rows ? engine_insert(w->engine, names[table], w->columns.at,
                                bytes_of(w->native.at, w->native.len), &w->err)
                : 0;
}

static int write_ready(struct worker *w, bool all)
{
    int status = 0;
    for (int32_t day; status == 0 && (day = aggregate_ready(w->aggregate, all)) >= 0;) {
        for (int t = 0; t < AGGREGATE_TABLES && status == 0; t++)
            status = write_table(w, day, (enum aggregate_table)t);
        aggregate_drop(w->aggregate, day);
    }
    return status;
}

static int add_block(void *ctx, const struct block *b)
{
    struct worker *w = ctx;
    return aggregate_add(w->aggregate, b, &w->err);
}

static int read_day(struct worker *w, int32_t utc_day)
{
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT %s FROM flow WHERE day = toDate(toUInt16(%" PRId32
             ")) SETTINGS max_threads = 1",
             aggregate_columns, utc_day);
    aggregate_day(w->aggregate, utc_day);
    return engine_query_each(w->engine, sql, add_block, w, &w->err);
}

static void *work(void *at)
{
    struct worker *w = at;
    pthread_setname_np(pthread_self(), "derive");
    for (int32_t day = 0; day < DAYS && w->status == 0; day++) {
        if (!day_bit(w->read, day))
            continue;
        w->status = read_day(w, day);
        if (w->status == 0)
            w->status = write_ready(w, false);
    }
    if (w->status == 0)
        w->status = write_ready(w, true);
    return NULL;
}

static void set_read(struct worker *w, int32_t zone_day)
{
    const struct zone *z = w->store->study->zone;
    int64_t from = (zone_day_start_s(z, zone_day) - MARGIN_S) / DAY_S;
    int64_t to = (zone_day_start_s(z, zone_day + 1) + MARGIN_S - 1) / DAY_S;
    for (int64_t day = from; day <= to; day++)
        day_set_bit(w->read, (int32_t)day);
}

static int worker_begin(struct worker *w, struct store *s)
{
    w->store = s;
    w->aggregate = aggregate_new(s->study->zone, (uint64_t)s->slot_s * 1000, w->wanted);
    buf_init(&w->native, (size_t)1 << 30);
    buf_init(&w->columns, 65536);
    return engine_open(s->study->store, NULL, &w->engine, &w->err);
}

static void worker_done(struct worker *w)
{
    aggregate_free(w->aggregate);
    buf_done(&w->native);
    buf_done(&w->columns);
    engine_close(w->engine);
}

/* Halves of the days, each in one piece: at the seam one UTC day is read twice. */
static void share_out(struct worker *workers, const uint8_t *zone_days)
{
    size_t count = 0, n = 0;
    for (int32_t day = 0; day < DAYS; day++)
        count += day_bit(zone_days, day);
    for (int32_t day = 0; day < DAYS; day++)
        if (day_bit(zone_days, day)) {
            struct worker *w = &workers[n++ * WORKERS / count];
            day_set_bit(w->wanted, day);
            set_read(w, day);
        }
}

int derive_in_memory(struct store *s, const uint8_t zone_days[DAYS / 8], struct error *err)
{
    struct worker *workers = memory_array(WORKERS, sizeof *workers);
    pthread_t threads[WORKERS];
    bool started[WORKERS] = {false};
    int status = 0;
    for (int i = 0; i < WORKERS; i++)
        if ((workers[i].status = worker_begin(&workers[i], s)) != 0)
            status = workers[i].status;
    if (status == 0)
        share_out(workers, zone_days);
    for (int i = 0; i < WORKERS && status == 0; i++) {
        started[i] = pthread_create(&threads[i], NULL, work, &workers[i]) == 0;
        if (!started[i])
            work(&workers[i]);
    }
    for (int i = 0; i < WORKERS; i++) {
        if (started[i])
            pthread_join(threads[i], NULL);
        if (workers[i].status) {
            status = workers[i].status;
            if (err)
                *err = workers[i].err;
        }
        worker_done(&workers[i]);
    }
    free(workers);
    return status;
}
