/* SPDX-License-Identifier: Apache-2.0 */
/* Services in order of the study's measure. Conversations without a service are not a service:
 * totals.unattributed has them. */
#include <stdlib.h>
#include <string.h>

#include "analysis/reference.h"
#include "analysis/section.h"
#include "base/zone.h"

/* Ranks are compared pair by pair up to here; below, rank ranges would say nothing. */
enum { RANKED_PAIRS = 30 };

struct service_row {
    const char *id, *name, *category;
    uint32_t code;
    size_t row;
    double value;
};

struct service_facts {
    struct table basis; /* keys: service * 16 + basis */
    struct counts hosts;
    struct amounts *slots; /* TOP_HOURLY x hours */
    size_t hours;
};

static int by_value(const void *a, const void *b)
{
    const struct service_row *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return strcmp(x->id, y->id);
}

static size_t rows_sorted(struct analysis *a, struct service_row *rows)
{
    const struct catalogue *c = a->in->catalogue;
    size_t n = 0;
    for (size_t i = 0; i < a->services.rows; i++) {
        uint32_t code = a->services.keys[i];
        if (code == 0)
            continue;
        const char *id = symbols_text(a->symbols, SYMBOL_SERVICE, code);
        int at = c ? catalogue_find(c, id, strlen(id)) : -1;
        rows[n++] = (struct service_row){
            .id = id,
            .name = at >= 0 ? catalogue_service_name(c, (size_t)at) : id,
            .category = at >= 0 ? catalogue_service_category(c, (size_t)at) : "",
            .code = code,
            .row = i,
            .value = amount_of(&a->services.sums[i], a->measure),
        };
    }
    qsort(rows, n, sizeof(*rows), by_value);
    return n;
}

static void fill_hourly(struct analysis *a, const struct service_row *rows, size_t n,
                        struct service_facts *f)
{
    uint16_t *place = arena_array(a->arena, 65536, sizeof(*place)); /* by service, from 1 */
    uint64_t from = series_from_s(a);
    f->hours = series_hours(a);
    f->slots = arena_array(a->arena, TOP_HOURLY * f->hours + 1, sizeof(*f->slots));
    for (size_t i = 0; i < n; i++)
        place[rows[i].code & 0xffff] = (uint16_t)(i + 1);
    for (size_t i = 0; i < a->service_slot_count; i++) {
        const struct service_slot *s = &a->service_slots[i];
        size_t at = place[s->service & 0xffff], hour = (s->start_s - from) / 3600;
        if (at > 0 && s->start_s >= from && hour < f->hours)
            f->slots[(at - 1) * f->hours + hour].flows += s->flows;
    }
}

static bool basis_key(const void *ctx, const struct cube_row *r, uint32_t *ret)
{
    (void)ctx;
    *ret = (uint32_t)r->service * 16 + r->basis;
    return cube_is_use(r);
}

static int load_facts(struct analysis *a, struct service_facts *f, struct error *err)
{
    cube_table(a, basis_key, NULL, &f->basis);
    return counts_ask(a, &f->hosts, err,
                      "SELECT toUInt32(service) AS k, uniqExact(local) AS l FROM reach WHERE " USAGE
                      " GROUP BY k ORDER BY k");
}

static json_t *basis_json(const struct service_facts *f, uint32_t code)
{
    json_t *j = json_object();
    for (uint32_t b = BASIS_NAME; b <= BASIS_PORT; b++) {
        size_t row = table_row(&f->basis, code * 16 + b);
        json_object_set_new(j, basis_text(b),
                            count_json(row == SIZE_MAX ? 0 : f->basis.sums[row].flows));
    }
    return j;
}

/* The same service's share of another population, and how many times that it is here. */
static void add_reference(struct analysis *a, const char *id, const struct estimate *share,
                          json_t *j)
{
    struct estimate there;
    if (!a->in->reference)
        return;
    if (!reference_comparable(a->in->reference, study_measure_text(a->measure)) ||
        !reference_find(a->in->reference, REFERENCE_SERVICE, id, &there)) {
        json_object_set_new(j, "reference", json_null());
        return;
    }
    struct estimate ratio = reference_ratio(*share, there);
    json_object_set_new(
        j, "reference",
        json_pack("{s:o, s:o}", "share", estimate_json(&there), "ratio", estimate_json(&ratio)));
}

static json_t *service_json(struct analysis *a, const struct service_row *r, size_t rank,
                            const struct service_facts *f)
{
    const struct amounts *cells = a->services.cells + r->row * a->days;
    const struct amounts *sum = &a->services.sums[r->row];
    struct estimate share = share_of_days(a, cells, a->usage, a->measure);
    struct estimate octets = share_of_days(a, cells, a->usage, MEASURE_OCTETS);
    const char *filter =
        arena_format(a->arena, "service %s and " USAGE_FILTER, filter_word(a, r->id));
    json_t *ambiguous = ambiguous_json(a, cells, doubt_may_be_service, r->id, share);
    double doubtful = json_number_value(json_object_get(ambiguous, "flows"));
    json_t *j = json_pack(
        "{s:s, s:s, s:s, s:i, s:o, s:o, s:o, s:I, s:i, s:o, s:o, s:o, s:o, s:o, s:o, "
        "s:o}",
        "id", r->id, "name", r->name, "category", r->category, "rank", (int)rank + 1, "flows",
        count_json(sum->flows), "octets", count_json(sum->octets), "packets",
        count_json(sum->packets), "local_hosts",
        (json_int_t)counts_get(f->hosts.a, &f->hosts, r->code), "days",
        (int)days_with(cells, a->days), "share", estimate_json(&share), "octets_share",
        estimate_json(&octets), "shares", shares_json(a, cells), "basis", basis_json(f, r->code),
        "ambiguous_share", number_json(sum->flows > 0 ? doubtful / (sum->flows + doubtful) : 0),
        "ambiguous", ambiguous, "evidence", evidence_json(a, filter, sum->flows));
    add_reference(a, r->id, &share, j);
    if (rank < TOP_HOURLY && f->hours > 0) {
        json_t *hourly = json_array();
        for (size_t h = 0; h < f->hours; h++)
            json_array_append_new(hourly, count_json(f->slots[rank * f->hours + h].flows));
        json_object_set_new(j, "hourly", hourly);
    }
    return j;
}

static void add_ranks(struct analysis *a, const struct service_row *rows, size_t n, json_t *list)
{
    const struct amounts *cells[RANKED_PAIRS + 1];
    double value[RANKED_PAIRS];
    size_t low[RANKED_PAIRS], high[RANKED_PAIRS];
    size_t m = n < RANKED_PAIRS ? n : RANKED_PAIRS;
    double use = amount_of(&a->usage_total, a->measure);
    for (size_t i = 0; i < m; i++) {
        cells[i] = a->services.cells + rows[i].row * a->days;
        value[i] = rows[i].value / use;
    }
    rank_ranges(value, share_differences(a, cells, m), m, low, high);
    for (size_t i = 0; i < m; i++) {
        json_t *j = json_array_get(list, i);
        /* A range that reaches the last row compared may reach past it. */
        json_object_set_new(j, "rank_low", json_integer((json_int_t)low[i]));
        json_object_set_new(j, "rank_high",
                            high[i] == m && n > m ? json_null()
                                                  : json_integer((json_int_t)high[i]));
    }
}

/* Use on the days on which a policy says there should be none. A day counts from the day after the
 * policy's first moment, to before its last. */
static void add_policy(struct analysis *a, const struct study_policy *p,
                       const struct service_row *rows, size_t n, json_t *list)
{
    uint64_t from = p->from_ms > a->study->from_ms ? p->from_ms : a->study->from_ms;
    uint64_t to = p->to_ms < a->study->to_ms ? p->to_ms : a->study->to_ms;
    double flows = 0;
    size_t days = 0;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(rows[i].id, p->service) != 0)
            continue;
        const struct amounts *cells = a->services.cells + rows[i].row * a->days;
        for (size_t d = 0; d < a->days; d++) {
            int64_t start = zone_day_start_s(a->study->zone, a->study->from_day + (int32_t)d);
            int64_t end = zone_day_start_s(a->study->zone, a->study->from_day + (int32_t)d + 1);
            if ((uint64_t)start * 1000 < from || (uint64_t)end * 1000 > to)
                continue;
            flows += cells[d].flows;
            days += cells[d].flows > 0;
        }
    }
    if (from >= to)
        return;
    int64_t first =
        zone_day_start_s(a->study->zone, zone_day(a->study->zone, (int64_t)(from / 1000)));
    if ((uint64_t)first * 1000 < from)
        first =
            zone_day_start_s(a->study->zone, zone_day(a->study->zone, (int64_t)(from / 1000)) + 1);
    int64_t last = zone_day_start_s(a->study->zone, zone_day(a->study->zone, (int64_t)(to / 1000)));
    if (first >= last)
        return;
    const char *filter =
        arena_format(a->arena, "service %s and " USAGE_FILTER, filter_word(a, p->service));
    json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:i, s:o}", "service", p->service,
                                          "source", p->source, "flows", count_json(flows), "days",
                                          (int)days, "evidence",
                                          evidence_between(a, filter, (uint64_t)first * 1000,
                                                           (uint64_t)last * 1000, flows)));
}

int policies_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct service_row *rows = arena_array(a->arena, a->services.rows + 1, sizeof(*rows));
    size_t n = rows_sorted(a, rows);
    (void)err;
    *ret = json_array();
    for (size_t i = 0; i < a->study->policy_count; i++)
        add_policy(a, &a->study->policies[i], rows, n, *ret);
    return 0;
}

int services_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct service_row *rows = arena_array(a->arena, a->services.rows + 1, sizeof(*rows));
    struct service_facts facts = {0};
    size_t n = rows_sorted(a, rows);
    int status = load_facts(a, &facts, err);
    if (status < 0)
        return status;
    fill_hourly(a, rows, n < TOP_HOURLY ? n : TOP_HOURLY, &facts);
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, service_json(a, &rows[i], i, &facts));
    add_ranks(a, rows, n, list);
    *ret = list;
    return 0;
}
