/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the derived tables, and their answers as arrays by day. SQL stays within what
 * docs/engine.md allows; every answer is ordered, so that the same store gives the same bytes. */
#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "analysis/section.h"
#include "stats/special.h"

int ask(struct analysis *a, struct block **ret, struct error *err, const char *format, ...)
{
    char text[4096];
    va_list list;
    va_start(list, format);
    int len = vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    assert(len > 0 && (size_t)len < sizeof(text));
    return engine_query(a->engine, text, ret, err);
}

/* Blocks of (k, d, n, p, o) ordered by k and d become rows. */
static void table_fill(struct analysis *a, const struct block *b, struct table *t)
{
    size_t rows = block_rows(b), at = 0;
    uint32_t last = 0;
    t->days = a->days;
    t->rows = 0;
    for (size_t i = 0; i < rows; i++) {
        uint32_t key = (uint32_t)block_u64(b, 0, i);
        t->rows += i == 0 || key != last;
        last = key;
    }
    t->keys = arena_array(a->arena, t->rows + 1, sizeof(*t->keys));
    t->cells = arena_array(a->arena, t->rows * t->days + 1, sizeof(*t->cells));
    t->sums = arena_array(a->arena, t->rows + 1, sizeof(*t->sums));
    for (size_t i = 0; i < rows; i++) {
        uint32_t key = (uint32_t)block_u64(b, 0, i);
        int64_t day = (int64_t)block_u64(b, 1, i) - a->study->from_day;
        struct amounts x = {block_f64(b, 2, i), block_f64(b, 3, i), block_f64(b, 4, i)};
        at += i > 0 && key != t->keys[at];
        t->keys[at] = key;
        if (day < 0 || day >= (int64_t)t->days)
            continue;
        amounts_add(&t->cells[at * t->days + (size_t)day], &x);
        amounts_add(&t->sums[at], &x);
    }
}

int contact_table_ask(struct analysis *a, const char *key, const char *where, struct table *ret,
                      struct error *err)
{
    return day_table_ask(a, "contact", key, where, ret, err);
}

int day_table_ask(struct analysis *a, const char *from, const char *key, const char *where,
                  struct table *ret, struct error *err)
{
    struct block *b = NULL;
    struct buf sql; /* exclusions may make `where` long */
    buf_init(&sql, 2 << 20);
    buf_format(&sql,
               "SELECT toUInt32(%s) AS k, toUInt32(toUInt16(day)) AS d, sum(flows) AS n, "
               "sum(packets) AS p, sum(octets) AS o FROM %s WHERE %s AND %s GROUP BY k, d "
               "ORDER BY k, d",
               key, from, a->window, where);
    int status = engine_query(a->engine, sql.at, &b, err);
    if (status == 0)
        table_fill(a, b, ret);
    block_free(b);
    buf_done(&sql);
    return status;
}

static uint64_t *counts_column(struct analysis *a, const struct block *b, size_t column)
{
    size_t rows = block_rows(b);
    uint64_t *values = arena_array(a->arena, rows + 1, sizeof(*values));
    for (size_t i = 0; i < rows && column < block_columns(b); i++)
        values[i] = block_u64(b, column, i);
    return values;
}

int counts_ask(struct analysis *a, struct counts *ret, struct error *err, const char *format, ...)
{
    char text[4096];
    struct block *b = NULL;
    va_list list;
    va_start(list, format);
    int len = vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    assert(len > 0 && (size_t)len < sizeof(text));
    int status = engine_query(a->engine, text, &b, err);
    if (status < 0)
        return status;
    ret->rows = block_rows(b);
    ret->keys = arena_array(a->arena, ret->rows + 1, sizeof(*ret->keys));
    for (size_t i = 0; i < ret->rows; i++)
        ret->keys[i] = (uint32_t)block_u64(b, 0, i);
    ret->a = counts_column(a, b, 1);
    ret->b = counts_column(a, b, 2);
    ret->c = counts_column(a, b, 3);
    block_free(b);
    return 0;
}

int fact_ask(struct analysis *a, const char *name, double *ret, struct error *err)
{
    struct block *b = NULL;
    int status = ask(a, &b, err, "SELECT sum(value) AS v FROM fact WHERE name = '%s'", name);
    if (status == 0)
        *ret = block_rows(b) ? block_f64(b, 0, 0) : 0;
    block_free(b);
    return status;
}

static size_t key_row(const uint32_t *keys, size_t rows, uint32_t key)
{
    size_t low = 0, high = rows;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (keys[middle] < key)
            low = middle + 1;
        else
            high = middle;
    }
    return low < rows && keys[low] == key ? low : SIZE_MAX;
}

size_t table_row(const struct table *t, uint32_t key)
{
    return key_row(t->keys, t->rows, key);
}

uint64_t counts_get(const uint64_t *column, const struct counts *c, uint32_t key)
{
    size_t row = key_row(c->keys, c->rows, key);
    return row == SIZE_MAX ? 0 : column[row];
}

double amount_of(const struct amounts *x, enum study_measure m)
{
    return m == MEASURE_FLOWS ? x->flows : m == MEASURE_PACKETS ? x->packets : x->octets;
}

void amounts_add(struct amounts *into, const struct amounts *x)
{
    into->flows += x->flows;
    into->packets += x->packets;
    into->octets += x->octets;
}

size_t days_with(const struct amounts *cells, size_t days)
{
    size_t count = 0;
    for (size_t i = 0; i < days; i++)
        count += cells[i].flows > 0;
    return count;
}

size_t used_days(struct analysis *a, const struct amounts *part, const struct amounts *whole,
                 enum study_measure m, int32_t *days, double *x, double *y)
{
    size_t n = 0;
    for (size_t i = 0; i < a->days; i++) {
        if (!a->used[i] || (whole && amount_of(&whole[i], m) <= 0))
            continue;
        days[n] = a->study->from_day + (int32_t)i;
        x[n] = amount_of(&part[i], m);
        if (y)
            y[n] = amount_of(&whole[i], m);
        n++;
    }
    return n;
}

struct estimate share_of_days(struct analysis *a, const struct amounts *part,
                              const struct amounts *whole, enum study_measure m)
{
    int32_t *days = arena_array(a->arena, a->days + 1, sizeof(*days));
    double *x = arena_array(a->arena, a->days + 1, sizeof(*x));
    double *y = arena_array(a->arena, a->days + 1, sizeof(*y));
    size_t n = used_days(a, part, whole, m, days, x, y);
    if (n == 0)
        return (struct estimate){.high = 1, .level = LEVEL};
    double amount = 0, flows = 0;
    for (size_t i = 0; i < a->days; i++)
        if (a->used[i])
            amount += amount_of(&part[i], m), flows += part[i].flows;
    return share_estimate_of(days, x, y, n, flows > 0 ? amount / flows : 0, LEVEL);
}

/* The difference of two shares of the same days is itself a ratio of sums: (part i - part j) over
 * the whole; its error comes from the same machinery, so that what two services share is not
 * counted against them. */
double *share_differences(struct analysis *a, const struct amounts *const *rows, size_t n)
{
    double *error = arena_array(a->arena, n * n + 1, sizeof(*error));
    int32_t *days = arena_array(a->arena, a->days + 1, sizeof(*days));
    double *x = arena_array(a->arena, a->days + 1, sizeof(*x));
    double *y = arena_array(a->arena, a->days + 1, sizeof(*y));
    double *z = arena_array(a->arena, a->days + 1, sizeof(*z));
    for (size_t i = 0; i < n; i++)
        for (size_t j = i + 1; j < n; j++) {
            size_t m = used_days(a, rows[i], a->usage, a->measure, days, x, y);
            used_days(a, rows[j], a->usage, a->measure, days, z, NULL);
            double whole = 0, part = 0, half;
            for (size_t k = 0; k < m; k++)
                part += x[k] - z[k], whole += y[k];
            if (m < 2 || whole <= 0) {
                half = INFINITY;
            } else {
                for (size_t k = 0; k < m; k++)
                    z[k] = (x[k] - z[k] - part / whole * y[k]) * (double)m / whole;
                half = mean_estimate(days, z, m, LEVEL, true).error;
            }
            error[i * n + j] = error[j * n + i] = half;
        }
    return error;
}

/* A row ranks surely before another when their difference passes the bound that keeps all n (n-1) /
 * 2 comparisons right together (Bonferroni). */
void rank_ranges(const double *value, const double *error, size_t n, size_t *low, size_t *high)
{
    double pairs = fmax(1, (double)n * (double)(n - 1) / 2);
    double bound = normal_quantile(1 - (1 - LEVEL) / 2 / pairs);
    for (size_t i = 0; i < n; i++) {
        low[i] = 1;
        high[i] = n;
        for (size_t j = 0; j < n; j++) {
            double apart = value[j] - value[i], limit = bound * error[i * n + j];
            low[i] += j != i && apart > limit;
            high[i] -= j != i && -apart > limit;
        }
    }
}
