/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_in.h"

#include <inttypes.h>

#include "store/tables.h"

enum { STATEMENT_MAX = 64 << 20 };

static uint64_t day_before(uint64_t ms)
{
    uint64_t day = ms / 86400000;
    return day < DAYS ? day : DAYS - 1;
}

/* The day's part of the condition lets the engine leave out partitions: a conversation that starts
 * in the window has one of its days; one that ends in it or covers it starts no later than its
 * last. */
static void where_sql(struct buf *sql, const char *where, const struct store_window *w)
{
    buf_text(sql, " FROM flow WHERE 1");
    if (w && w->to_ms != UINT64_MAX) {
        if (w->to_ms == 0)
            buf_text(sql, " AND 0");
        else
            buf_format(sql, " AND day <= toDate(toUInt16(%" PRIu64 "))", day_before(w->to_ms - 1));
    }
    if (w && w->basis == STORE_BASIS_START) {
        if (w->from_ms)
            buf_format(sql, " AND day >= toDate(toUInt16(%" PRIu64 ")) AND start_ms >= %" PRIu64,
                       day_before(w->from_ms), w->from_ms);
        buf_format(sql, " AND start_ms < %" PRIu64, w->to_ms);
    } else if (w) {
        buf_format(sql, " AND end_ms >= %" PRIu64 " AND %s < %" PRIu64, w->from_ms,
                   w->basis == STORE_BASIS_END ? "end_ms" : "start_ms", w->to_ms);
    }
    if (where && *where)
        buf_format(sql, " AND (%s)", where);
}

/* The order is of every column that tells rows apart, so that the same store gives the same list.
 */
static void order_sql(struct buf *sql, uint64_t limit)
{
    buf_text(
        sql,
        " ORDER BY start_ms, local, remote, local_port, remote_port, protocol, end_ms, source, "
        "batch");
    if (limit)
        buf_format(sql, " LIMIT %" PRIu64, limit);
}

static int too_long(struct error *err)
{
    return error_set(err, ERROR_USAGE, "the filter is too long");
}

int store_flow_query(struct store *s, const char *where, const struct store_window *window,
                     uint64_t limit, int (*each)(void *ctx, const struct block *b), void *ctx,
                     struct error *err)
{
    struct buf sql;
    buf_init(&sql, STATEMENT_MAX);
    buf_text(&sql, "SELECT ");
    flow_columns(&sql);
    where_sql(&sql, where, window);
    order_sql(&sql, limit);
    int status = sql.failed ? too_long(err) : engine_query_each(s->engine, sql.at, each, ctx, err);
    buf_done(&sql);
    return status;
}

int store_flow_count(struct store *s, const char *where, const struct store_window *window,
                     uint64_t *ret, struct error *err)
{
    struct buf sql;
    struct block *b;
    buf_init(&sql, STATEMENT_MAX);
    buf_text(&sql, "SELECT count() AS n");
    where_sql(&sql, where, window);
    int status = sql.failed ? too_long(err) : engine_query(s->engine, sql.at, &b, err);
    buf_done(&sql);
    if (status)
        return status;
    *ret = block_rows(b) ? block_u64(b, 0, 0) : 0;
    block_free(b);
    return 0;
}

int store_flow_format(struct store *s, const char *columns, const char *where,
                      const struct store_window *window, uint64_t limit, const char *format, int fd,
                      struct error *err)
{
    struct buf sql;
    buf_init(&sql, STATEMENT_MAX);
    /* Sorted inside, so that a column's new name or type cannot stand in the order's way. */
    buf_format(&sql, "SELECT %s FROM (SELECT ", columns);
    flow_columns(&sql);
    where_sql(&sql, where, window);
    order_sql(&sql, limit);
    buf_text(&sql, ") AS f");
    int status =
        sql.failed ? too_long(err) : engine_query_format(s->engine, sql.at, format, fd, err);
    buf_done(&sql);
    return status;
}
