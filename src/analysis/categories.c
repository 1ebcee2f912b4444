/* SPDX-License-Identifier: Apache-2.0 */
/* What the services are for. The row "unknown", last, is what has no category, so that the shares
 * add up to one. */
#include <stdlib.h>
#include <string.h>

#include "analysis/section.h"

struct category_row {
    const char *id, *name;
    uint32_t code;
    size_t row;
    double value;
};

static int by_value(const void *a, const void *b)
{
    const struct category_row *x = a, *y = b;
    if ((x->code == 0) != (y->code == 0))
        return x->code == 0 ? 1 : -1;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return strcmp(x->id, y->id);
}

static size_t rows_sorted(struct analysis *a, struct category_row *rows)
{
    const struct catalogue *c = a->in->catalogue;
    for (size_t i = 0; i < a->categories.rows; i++) {
        uint32_t code = a->categories.keys[i];
        const char *id = code ? symbols_text(a->symbols, SYMBOL_CATEGORY, code) : "unknown";
        int at = c && code ? catalogue_category_find(c, id, strlen(id)) : -1;
        rows[i] = (struct category_row){
            .id = id,
            .name = !code     ? "Not attributed"
                    : at >= 0 ? catalogue_category_name(c, (size_t)at)
                              : id,
            .code = code,
            .row = i,
            .value = amount_of(&a->categories.sums[i], a->measure),
        };
    }
    qsort(rows, a->categories.rows, sizeof(*rows), by_value);
    return a->categories.rows;
}

static json_t *category_json(struct analysis *a, const struct category_row *r,
                             const struct counts *hosts)
{
    const struct amounts *cells = a->categories.cells + r->row * a->days;
    const struct amounts *sum = &a->categories.sums[r->row];
    struct estimate share = share_of_days(a, cells, a->usage, a->measure);
    struct estimate octets = share_of_days(a, cells, a->usage, MEASURE_OCTETS);
    const char *filter = arena_format(a->arena, "category %s and " USAGE_FILTER,
                                      r->code ? filter_word(a, r->id) : "unknown");
    json_t *daily = json_array();
    for (size_t i = a->series_from; i < a->series_to; i++)
        json_array_append_new(daily, count_json(cells[i].flows));
    json_t *maybe =
        r->code ? ambiguous_json(a, cells, doubt_may_be_category, r->id, share) : json_null();
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:i, s:o, s:o}", "id", r->id, "name",
        r->name, "share", estimate_json(&share), "octets_share", estimate_json(&octets), "shares",
        shares_json(a, cells), "ambiguous", maybe, "flows", count_json(sum->flows), "octets",
        count_json(sum->octets), "packets", count_json(sum->packets), "local_hosts",
        (json_int_t)counts_get(hosts->a, hosts, r->code), "days", (int)days_with(cells, a->days),
        "daily", daily, "evidence", evidence_json(a, filter, sum->flows));
}

int categories_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct category_row *rows = arena_array(a->arena, a->categories.rows + 1, sizeof(*rows));
    struct counts hosts;
    size_t n = rows_sorted(a, rows);
    int status =
        counts_ask(a, &hosts, err,
                   "SELECT toUInt32(category) AS k, uniqExact(local) AS l FROM reach WHERE " USAGE
                   " GROUP BY k ORDER BY k");
    if (status < 0)
        return status;
    *ret = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(*ret, category_json(a, &rows[i], &hosts));
    return 0;
}
