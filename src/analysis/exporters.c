/* SPDX-License-Identifier: Apache-2.0 */
/* The telemetry exporter by exporter: what came, what is known to be lost, and where it fell silent
 * though it usually speaks. A night without traffic is no gap; an hour in which the same exporter
 * has sent records on its other days is. */
#include <stdlib.h>
#include <string.h>

#include "analysis/section.h"
#include "base/zone.h"
#include "stats/order.h"

enum { SHOWN = 50, GAPS_SHOWN = 5, HOURS_OF_DAY = 24, RATES_MAX = 16 };
static const double GAP_EXPECTED = 10; /* records that a gap would have had */

struct hour {
    uint32_t start_s;
    double records, lost, rejected;
};

struct exporter {
    uint32_t code;
    struct hour *hours; /* ascending */
    size_t count;
    double records, lost, rejected;
    double rates[RATES_MAX];
    size_t rate_count;
};

struct gap {
    uint32_t from_s, to_s;
    double expected;
};

static int by_records(const void *a, const void *b)
{
    const struct exporter *x = a, *y = b;
    if (x->records != y->records)
        return x->records > y->records ? -1 : 1;
    return (x->code > y->code) - (x->code < y->code);
}

static int by_expected(const void *a, const void *b)
{
    const struct gap *x = a, *y = b;
    if (x->expected != y->expected)
        return x->expected > y->expected ? -1 : 1;
    return (x->from_s > y->from_s) - (x->from_s < y->from_s);
}

static void add_rate(struct exporter *e, double rate)
{
    for (size_t i = 0; i < e->rate_count; i++)
        if (e->rates[i] == rate)
            return;
    if (rate > 0 && e->rate_count < RATES_MAX)
        e->rates[e->rate_count++] = rate;
}

/* Rows of (exporter, hour, records, lost, rejected, least and greatest sampling). */
static size_t take(struct analysis *a, const struct block *b, struct exporter **ret)
{
    size_t rows = block_rows(b), count = 0;
    struct exporter *list = arena_array(a->arena, rows + 1, sizeof(*list));
    struct hour *hours = arena_array(a->arena, rows + 1, sizeof(*hours));
    for (size_t i = 0; i < rows; i++) {
        uint32_t code = (uint32_t)block_u64(b, 0, i);
        if (count == 0 || list[count - 1].code != code)
            list[count++] = (struct exporter){.code = code, .hours = &hours[i]};
        struct exporter *e = &list[count - 1];
        struct hour h = {(uint32_t)block_u64(b, 1, i), block_f64(b, 2, i), block_f64(b, 3, i),
                         block_f64(b, 4, i)};
        e->hours[e->count++] = h;
        e->records += h.records;
        e->lost += h.lost;
        e->rejected += h.rejected;
        add_rate(e, block_f64(b, 5, i));
        add_rate(e, block_f64(b, 6, i));
    }
    *ret = list;
    return count;
}

static unsigned hour_of_day(const struct analysis *a, uint32_t s)
{
    return (unsigned)(((int64_t)s + zone_offset_s(a->study->zone, s)) % 86400 / 3600);
}

/* Silent stretches between its first and last hour, weighed by what its other days have at these
 * hours of the day; returns how many would have held records enough to be seen. */
static size_t find_gaps(struct analysis *a, const struct exporter *e, struct gap *ret)
{
    double usual[HOURS_OF_DAY] = {0}, seen[HOURS_OF_DAY] = {0};
    size_t count = 0;
    uint32_t first = e->hours[0].start_s, last = e->hours[e->count - 1].start_s;
    for (uint32_t s = first; s <= last; s += 3600)
        seen[hour_of_day(a, s)]++;
    for (size_t i = 0; i < e->count; i++)
        usual[hour_of_day(a, e->hours[i].start_s)] += e->hours[i].records;
    uint32_t silent_from = first;
    for (size_t i = 0; i < e->count; i++) {
        if (e->hours[i].records <= 0)
            continue;
        struct gap g = {silent_from, e->hours[i].start_s, 0};
        for (uint32_t s = g.from_s; s < g.to_s; s += 3600)
            g.expected += usual[hour_of_day(a, s)] / seen[hour_of_day(a, s)];
        if (g.expected >= GAP_EXPECTED)
            ret[count++] = g;
        silent_from = e->hours[i].start_s + 3600;
    }
    qsort(ret, count, sizeof(*ret), by_expected);
    return count;
}

static json_t *gaps_json(const struct gap *gaps, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < GAPS_SHOWN; i++)
        json_array_append_new(list, json_pack("{s:o, s:o, s:i, s:o}", "from",
                                              time_json(gaps[i].from_s * 1000ull), "to",
                                              time_json(gaps[i].to_s * 1000ull), "hours",
                                              (int)((gaps[i].to_s - gaps[i].from_s) / 3600),
                                              "records_expected", number_json(gaps[i].expected)));
    return list;
}

static json_t *share_or_null(double part, double whole)
{
    return whole > 0 ? number_json(part / whole) : json_null();
}

/* An hour in UTC may begin before the zone's midnight and hold the period's first half hour. */
static int32_t day_of(const struct analysis *a, const struct hour *h)
{
    int32_t day = zone_day(a->study->zone, h->start_s);
    return day < a->study->from_day ? a->study->from_day : day;
}

/* Its days; those with nothing are left out. */
static json_t *daily_json(struct analysis *a, const struct exporter *e, size_t *ret_days)
{
    json_t *list = json_array();
    *ret_days = 0;
    for (size_t i = 0; i < e->count;) {
        int32_t day = day_of(a, &e->hours[i]);
        double records = 0, lost = 0, rejected = 0;
        int hours = 0;
        for (; i < e->count && day_of(a, &e->hours[i]) == day; i++) {
            records += e->hours[i].records;
            lost += e->hours[i].lost;
            rejected += e->hours[i].rejected;
            hours += e->hours[i].records > 0;
        }
        double part = records + lost > 0 ? records / (records + lost) : 1;
        *ret_days += records > 0;
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:o, s:o, s:i, s:o}", "date", date_json(day), "records",
                            count_json(records), "records_lost", count_json(lost), "rejected",
                            count_json(rejected), "hours_with_data", hours, "score",
                            number_json(part * (hours < HOURS_OF_DAY ? hours / 24.0 : 1))));
    }
    return list;
}

static json_t *exporter_json(struct analysis *a, struct exporter *e)
{
    struct gap *gaps = arena_array(a->arena, e->count + 1, sizeof(*gaps));
    size_t gap_count = find_gaps(a, e, gaps), days, hours = 0;
    json_t *sampling = json_array(), *daily = daily_json(a, e, &days);
    sort_doubles(e->rates, e->rate_count);
    for (size_t i = 0; i < e->rate_count; i++)
        json_array_append_new(sampling, count_json(e->rates[i]));
    for (size_t i = 0; i < e->count; i++)
        hours += e->hours[i].records > 0;
    const char *name = e->code ? symbols_text(a->symbols, SYMBOL_EXPORTER, e->code) : "";
    return json_pack(
        "{s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:i, s:o, s:o, s:o, s:i, s:o}", "exporter", name,
        "records", count_json(e->records), "records_lost", count_json(e->lost), "lost_share",
        share_or_null(e->lost, e->lost + e->records), "rejected", count_json(e->rejected),
        "sampling", sampling, "days", (int)days, "hours_with_data", (int)hours, "first",
        time_json(e->hours[0].start_s * 1000ull), "last",
        time_json(e->hours[e->count - 1].start_s * 1000ull), "gaps", gaps_json(gaps, gap_count),
        "gaps_in_all", (int)gap_count, "daily", daily);
}

int exporters_add(struct analysis *a, json_t *fidelity, struct error *err)
{
    struct block *b = NULL;
    struct exporter *list;
    int status = ask(a, &b, err,
                     "SELECT exporter AS e, hour AS h, sum(records) AS n, sum(lost) AS l, "
                     "sum(rejected) AS r, min(sampling_min) AS s, max(sampling_max) AS t FROM "
                     "coverage WHERE hour + 3600 > %llu AND hour < %llu GROUP BY e, h ORDER BY e, "
                     "h",
                     (unsigned long long)(a->study->from_ms / 1000),
                     (unsigned long long)(a->study->to_ms / 1000));
    if (status < 0)
        return status;
    size_t count = take(a, b, &list);
    block_free(b);
    qsort(list, count, sizeof(*list), by_records);
    json_t *exporters = json_array();
    for (size_t i = 0; i < count && i < SHOWN; i++)
        json_array_append_new(exporters, exporter_json(a, &list[i]));
    json_object_set_new(fidelity, "exporters", exporters);
    json_object_set_new(fidelity, "exporters_in_all", json_integer((json_int_t)count));
    return 0;
}

/* Of all that was imported, since a record that is a copy or whose time cannot be right has no day
 * to be told by. */
void sources_add(struct analysis *a, json_t *fidelity)
{
    const json_t *sources = json_object_get(json_object_get(a->model, "provenance"), "sources");
    double records = 0, duplicates = 0, clock = 0;
    for (size_t i = 0; i < json_array_size(sources); i++) {
        const json_t *s = json_array_get(sources, i);
        records += json_number_value(json_object_get(s, "records"));
        duplicates += json_number_value(json_object_get(s, "duplicates"));
        clock += json_number_value(json_object_get(json_object_get(s, "reasons"), "bad_time"));
    }
    json_object_set_new(fidelity, "duplicates",
                        json_pack("{s:o, s:o}", "records", count_json(duplicates), "share",
                                  share_or_null(duplicates, records)));
    json_object_set_new(fidelity, "clock",
                        json_pack("{s:o, s:o}", "records", count_json(clock), "share",
                                  share_or_null(clock, records)));
}
