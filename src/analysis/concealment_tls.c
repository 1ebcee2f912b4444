/* SPDX-License-Identifier: Apache-2.0 */
/* Ports are in table flow only: what a filter of the flow language returns, by day. */
#include <inttypes.h>

#include "analysis/concealment.h"
#include "base/zone.h"
#include "store/filter.h"

enum { QUARTER_MS = 900000, DAY_MS = 86400000 };
#define SCALE "if(sampling = 0, 1, sampling)"

static int flow_ask(struct analysis *a, const char *what, const char *filter, const char *tail,
                    struct block **ret, struct error *err)
{
    struct filter *f;
    struct buf sql;
    const struct study *s = a->study;
    int status = filter_parse(filter, &f, err);
    if (status < 0)
        return status;
    buf_init(&sql, 1 << 20);
    buf_format(&sql,
               "SELECT %s FROM flow WHERE day >= toDate(toUInt16(%" PRIu64
               ")) AND day <= toDate(toUInt16(%" PRIu64 ")) AND start_ms >= %" PRIu64
               " AND start_ms < %" PRIu64 " AND (",
               what, s->from_ms / DAY_MS, s->to_ms / DAY_MS, s->from_ms, s->to_ms);
    filter_sql(f, a->symbols, &sql);
    buf_format(&sql, ") %s", tail);
    status = engine_query(a->engine, sql.at, ret, err);
    buf_done(&sql);
    filter_free(f);
    return status;
}

/* Every zone's midnight lies on a quarter of an hour. */
int concealment_by_filter(struct analysis *a, const char *filter, struct amounts *cells,
                          struct error *err)
{
    struct block *b = NULL;
    int status = flow_ask(a,
                          "toUInt32(intDiv(start_ms, 900000)) AS q, count() AS n, "
                          "sum((packets_out + packets_in) * " SCALE ") AS p, "
                          "sum((octets_out + octets_in) * " SCALE ") AS o",
                          filter, "GROUP BY q ORDER BY q", &b, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < block_rows(b); i++) {
        int64_t at_s = (int64_t)block_u64(b, 0, i) * (QUARTER_MS / 1000);
        int64_t day = zone_day(a->study->zone, at_s) - a->study->from_day;
        struct amounts x = {block_f64(b, 1, i), block_f64(b, 2, i), block_f64(b, 3, i)};
        if (day >= 0 && day < (int64_t)a->days)
            amounts_add(&cells[day], &x);
    }
    block_free(b);
    return 0;
}

int concealment_hosts(struct analysis *a, const char *filter, double *ret, struct error *err)
{
    struct block *b = NULL;
    int status = flow_ask(a, "uniqExact(local) AS l", filter, "", &b, err);
    if (status == 0)
        *ret = block_rows(b) ? block_f64(b, 0, 0) : 0;
    block_free(b);
    return status;
}
