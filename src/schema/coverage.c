/* SPDX-License-Identifier: Apache-2.0 */
#include "schema/coverage.h"

#include <stdlib.h>

#include "base/memory.h"

/* Input is nearly sorted by time, so a sorted array with the last row remembered is enough. */
struct coverage {
    struct coverage_row *rows;
    size_t count, room, limit, last;
};

struct coverage *coverage_new(size_t limit)
{
    struct coverage *c = memory_alloc(sizeof *c);
    c->limit = limit ? limit : 1;
    return c;
}

void coverage_free(struct coverage *c)
{
    if (!c)
        return;
    free(c->rows);
    free(c);
}

static int compare(const struct coverage_row *row, uint32_t hour_s, uint32_t exporter)
{
    if (row->hour_s != hour_s)
        return row->hour_s < hour_s ? -1 : 1;
    return row->exporter == exporter ? 0 : row->exporter < exporter ? -1 : 1;
}

struct coverage_row *coverage_at(struct coverage *c, uint64_t time_ms, uint32_t exporter)
{
    uint64_t s = time_ms / 1000;
    uint32_t hour_s = s > UINT32_MAX ? UINT32_MAX / 3600 * 3600 : (uint32_t)(s / 3600 * 3600);
    if (c->count && compare(&c->rows[c->last], hour_s, exporter) == 0)
        return &c->rows[c->last];
    size_t low = 0, high = c->count;
    while (low < high) {
        size_t mid = (low + high) / 2;
        if (compare(&c->rows[mid], hour_s, exporter) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    c->last = low;
    if (low < c->count && compare(&c->rows[low], hour_s, exporter) == 0)
        return &c->rows[low];
    if (c->count == c->limit) {
        c->last = low ? low - 1 : 0;
        return &c->rows[c->last];
    }
    if (c->count == c->room) {
        c->room = c->room ? c->room * 2 : 64;
        c->rows = memory_resize(c->rows, c->room, sizeof *c->rows);
    }
    for (size_t i = c->count; i > low; i--)
        c->rows[i] = c->rows[i - 1];
    c->rows[low] = (struct coverage_row){.hour_s = hour_s, .exporter = exporter};
    c->count++;
    return &c->rows[low];
}

size_t coverage_count(const struct coverage *c)
{
    return c->count;
}

const struct coverage_row *coverage_rows(struct coverage *c)
{
    return c->rows;
}

void coverage_clear(struct coverage *c)
{
    c->count = c->last = 0;
}
