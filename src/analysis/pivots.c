/* SPDX-License-Identifier: Apache-2.0 */
/* A pivot is a VPN's exit or a rented server with the dates in which the population is held to have
 * come out of it (the study says so, and on what ground is the analyst's to tell). Its
 * conversations are kept like the population's, and told apart from them everywhere. */
#include "analysis/pivots.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/devices.h"
#include "analysis/findings.h"
#include "base/zone.h"

/* What a pivot does by itself for whoever comes out of it: it asks, or shares. */
#define BEHIND "pivot = 1 AND role IN (1, 3)"

struct pivot {
    const struct study_pivot *study;
    const char *net, *range, *days, *where; /* as text, and as SQL over tables with a zone's day */
    const char *filter;                     /* of what was done behind it */
    int32_t from_day, to_day;               /* the zone's dates, both included */
    uint64_t from_ms, to_ms;                /* within the study's period */
    struct table all, services, categories;
};

static struct pivot pivot_of(struct analysis *a, const struct study_pivot *s)
{
    struct pivot p = {.study = s};
    char net[PREFIX_TEXT_MAX], from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];
    prefix_print(&s->prefix, net);
    p.net = arena_format(a->arena, "%s", net);
    p.from_ms = s->from_ms > a->study->from_ms ? s->from_ms : a->study->from_ms;
    p.to_ms = s->to_ms < a->study->to_ms ? s->to_ms : a->study->to_ms;
    if (p.from_ms >= p.to_ms)
        return p;
    p.from_day = zone_day(a->study->zone, (int64_t)(p.from_ms / 1000));
    p.to_day = zone_day(a->study->zone, (int64_t)((p.to_ms - 1) / 1000));
    date_print(p.from_day, from);
    date_print(p.to_day, to);
    p.range = range_sql(a, "local", &s->prefix);
    p.days = arena_format(a->arena, "day >= '%s' AND day <= '%s'", from, to);
    p.where = arena_format(a->arena, BEHIND " AND %s AND %s", p.range, p.days);
    p.filter = arena_format(a->arena, "pivot and local net %s and " USAGE_FILTER, p.net);
    return p;
}

static json_t *evidence(const struct pivot *p, const char *filter, double flows)
{
    return evidence_window(filter, p->from_ms, p->to_ms, flows);
}

/* --- what was done --- */

struct ranked {
    size_t row;
    double value;
    uint32_t key;
};

static int by_value(const void *left, const void *right)
{
    const struct ranked *x = left, *y = right;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return (x->key > y->key) - (x->key < y->key);
}

static const char *name_of(struct analysis *a, enum symbol_kind kind, uint32_t code, const char *id)
{
    const struct catalogue *c = a->in->catalogue;
    if (code == 0)
        return "Not attributed";
    int at = !c                       ? -1
             : kind == SYMBOL_SERVICE ? catalogue_find(c, id, strlen(id))
                                      : catalogue_category_find(c, id, strlen(id));
    if (at < 0)
        return id;
    return kind == SYMBOL_SERVICE ? catalogue_service_name(c, (size_t)at)
                                  : catalogue_category_name(c, (size_t)at);
}

/* Rows of a table in descending order; unknown stays where its amount puts it. */
static json_t *rows_json(struct analysis *a, const struct pivot *p, enum symbol_kind kind)
{
    const struct table *t = kind == SYMBOL_SERVICE ? &p->services : &p->categories;
    struct ranked *order = arena_array(a->arena, t->rows + 1, sizeof(*order));
    json_t *list = json_array();
    for (size_t i = 0; i < t->rows; i++)
        order[i] = (struct ranked){i, amount_of(&t->sums[i], a->measure), t->keys[i]};
    qsort(order, t->rows, sizeof(*order), by_value);
    for (size_t i = 0; i < t->rows; i++) {
        size_t row = order[i].row;
        const struct amounts *sum = &t->sums[row], *cells = t->cells + row * a->days;
        const char *id = t->keys[row] ? symbols_text(a->symbols, kind, t->keys[row]) : "unknown";
        const char *filter = arena_format(a->arena, "%s and %s %s", p->filter,
                                          kind == SYMBOL_SERVICE ? "service" : "category",
                                          t->keys[row] ? filter_word(a, id) : id);
        struct estimate share = share_of_days(a, cells, p->all.cells, a->measure);
        json_array_append_new(
            list,
            json_pack("{s:s, s:s, s:i, s:o, s:o, s:o, s:i, s:o, s:o}", "id", id, "name",
                      name_of(a, kind, t->keys[row], id), "rank", (int)i + 1, "flows",
                      count_json(sum->flows), "octets", count_json(sum->octets), "packets",
                      count_json(sum->packets), "days", (int)days_with(cells, a->days), "share",
                      estimate_json(&share), "evidence", evidence(p, filter, sum->flows)));
    }
    return list;
}

/* Who of the population went there meanwhile. */
static int reached_by(struct analysis *a, const struct pivot *p, json_t **ret, struct error *err)
{
    struct block *b = NULL;
    int status = ask(a, &b, err,
                     "SELECT uniqExact(local) AS l, sum(flows) AS n, sum(octets) AS o FROM contact "
                     "WHERE pivot = 0 AND %s AND %s",
                     range_sql(a, "remote", &p->study->prefix), p->days);
    if (status < 0)
        return status;
    double flows = block_f64(b, 1, 0);
    const char *filter = arena_format(a->arena, "remote net %s and not pivot", p->net);
    *ret = json_pack("{s:o, s:o, s:o, s:o}", "local_hosts", count_json(block_f64(b, 0, 0)), "flows",
                     count_json(flows), "octets", count_json(block_f64(b, 2, 0)), "evidence",
                     evidence(p, filter, flows));
    block_free(b);
    return 0;
}

static int load(struct analysis *a, struct pivot *p, struct error *err)
{
    int status = contact_table_ask(a, "0", p->where, &p->all, err);
    if (status == 0)
        status = contact_table_ask(a, "service", p->where, &p->services, err);
    if (status == 0)
        status = contact_table_ask(a, "category", p->where, &p->categories, err);
    return status;
}

/* The section's rows of devices count over `flow`, whose days are UTC's: by time there. */
static int devices(struct analysis *a, const struct pivot *p, json_t **ret, struct error *err)
{
    const char *where = arena_format(a->arena,
                                     "bitAnd(marks, %d) != 0 AND %s AND start_ms >= %" PRIu64
                                     " AND start_ms < %" PRIu64,
                                     MARK_PIVOT, p->range, p->from_ms, p->to_ms);
    const char *filter = arena_format(a->arena, " and pivot and local net %s", p->net);
    return devices_list(a, where, filter, ret, err);
}

static int pivot_json(struct analysis *a, struct pivot *p, json_t *list, struct error *err)
{
    json_t *platforms = NULL, *reached = NULL;
    int status = load(a, p, err);
    if (status == 0)
        status = devices(a, p, &platforms, err);
    if (status == 0)
        status = reached_by(a, p, &reached, err);
    if (status < 0) {
        json_decref(platforms);
        return status;
    }
    bool any = p->all.rows > 0;
    double flows = any ? p->all.sums[0].flows : 0;
    json_array_append_new(
        list, json_pack("{s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o}",
                        "label", p->study->label, "prefix", p->net, "from", time_json(p->from_ms),
                        "to", time_json(p->to_ms), "from_date", date_json(p->from_day), "to_date",
                        date_json(p->to_day), "flows", count_json(flows), "octets",
                        count_json(any ? p->all.sums[0].octets : 0), "days",
                        any ? (int)days_with(p->all.cells, a->days) : 0, "reached_by", reached,
                        "services", rows_json(a, p, SYMBOL_SERVICE), "categories",
                        rows_json(a, p, SYMBOL_CATEGORY), "devices", platforms, "evidence",
                        evidence(p, p->filter, flows)));
    return 0;
}

int pivots_section(struct analysis *a, json_t **ret, struct error *err)
{
    json_t *list = json_array();
    int status = 0;
    for (size_t i = 0; i < a->study->pivot_count && status == 0; i++) {
        struct pivot p = pivot_of(a, &a->study->pivots[i]);
        if (p.from_ms < p.to_ms)
            status = pivot_json(a, &p, list, err);
    }
    if (status == 0 && json_array_size(list) == 0) {
        json_decref(list);
        *ret = unsupported(a->study->pivot_count
                               ? "The study's pivots all lie outside its period."
                               : "The study names no pivots: addresses that the population came "
                                 "out of for a while.");
        return 0;
    }
    if (status < 0)
        json_decref(list);
    *ret = status < 0 ? NULL : list;
    return status;
}

/* --- sentences --- */

enum { NAMED = 3 };

static struct phrase first_of(struct analysis *a, const json_t *rows)
{
    struct phrase list[NAMED];
    size_t count = 0;
    for (size_t i = 0; i < json_array_size(rows) && count < NAMED; i++) {
        const json_t *r = json_array_get(rows, i);
        if (strcmp(string_of(r, "id"), "unknown") != 0)
            list[count++] = SAY(a, M_PIVOT_ONE, word_known(string_of(r, "name")),
                                word_share(json_object_get(r, "share")));
    }
    return phrase_list(a->arena, list, count, M_COMMA, M_AND);
}

static void say_pivot(struct analysis *a, const json_t *p, size_t number, json_t *findings)
{
    const json_t *services = json_object_get(p, "services"), *first = NULL;
    for (size_t i = 0; i < json_array_size(services) && !first; i++)
        if (strcmp(string_of(json_array_get(services, i), "id"), "unknown") != 0)
            first = json_array_get(services, i);
    const char *label = string_of(p, "label");
    struct word name = word_name(label[0] ? label : string_of(p, "prefix"));
    json_t *f = finding_new(arena_format(a->arena, "pivot-%zu", number), "pivots", "low");
    if (!first) {
        finding_say(f, "headline", SAY(a, M_PIVOT_NOTHING_HEAD, name));
        finding_say(f, "statement",
                    SAY(a, M_PIVOT_NOTHING, name, word_count(value_of(p, "flows"))));
    } else {
        finding_say(f, "headline",
                    SAY(a, M_PIVOT_HEAD, name, word_known(string_of(first, "name"))));
        finding_say(f, "statement",
                    SAY(a, M_PIVOT, name, word_count(value_of(p, "flows")),
                        word_count(value_of(p, "days")), word_phrase(first_of(a, services)),
                        word_units(a)));
        finding_value(f, "share", json_object_get(first, "share"));
    }
    finding_value(f, "flows", json_object_get(p, "flows"));
    finding_say(f, "because",
                SAY(a, M_PIVOT_BECAUSE, word_date(string_of(p, "from_date")),
                    word_date(string_of(p, "to_date"))));
    finding_say(f, "caveats", SAY(a, M_PIVOT_CAVEAT));
    finding_say(f, "alternatives", SAY(a, M_PIVOT_ALTERNATIVE));
    finding_end(findings, f, json_object_get(p, "evidence"));
}

void pivots_findings(struct analysis *a, const json_t *pivots, json_t *findings)
{
    for (size_t i = 0; i < json_array_size(pivots); i++)
        say_pivot(a, json_array_get(pivots, i), i + 1, findings);
}
