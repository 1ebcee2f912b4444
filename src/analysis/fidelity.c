/* SPDX-License-Identifier: Apache-2.0 */
/* How good the telemetry is, day by day, and which days the other sections may compare.
 *
 * A day's score is the part of its hours that hold any record, times the part of its records that
 * were not lost. Days are used from half the median score up: that takes out a day the collector
 * was mostly off, and keeps a study whose network is asleep for part of every day. */
#include <math.h>
#include <string.h>

#include "analysis/section.h"
#include "base/zone.h"
#include "stats/order.h"

enum { HOURS_MAX = 26, EXPORTERS_MAX = 64, RATES_MAX = 16 };
static const double SCORE_PART = 0.5, ROBUST_PART = 0.75;

struct day_quality {
    double records, lost, rejected, score;
    uint32_t hours; /* bit by hour since the day's start */
    int hour_count; /* hours the zone's day has */
    uint32_t exporters[EXPORTERS_MAX], rates[RATES_MAX];
    int exporter_count, rate_count;
    bool other_rate; /* sampled unlike most days, where that cannot be made good */
};

static void set_add(uint32_t *set, int *count, int max, uint32_t value)
{
    for (int i = 0; i < *count; i++)
        if (set[i] == value)
            return;
    if (*count < max)
        set[(*count)++] = value;
}

static void mark_hour(struct analysis *a, struct day_quality *q, int64_t utc_s)
{
    int64_t day = zone_day(a->study->zone, utc_s) - a->study->from_day;
    if (day < 0 || day >= (int64_t)a->days)
        return;
    int64_t start = zone_day_start_s(a->study->zone, a->study->from_day + (int32_t)day);
    q[day].hours |= 1u << ((utc_s - start) / 3600 % HOURS_MAX);
}

static void take_coverage(struct analysis *a, const struct block *b, struct day_quality *q)
{
    for (size_t i = 0; i < block_rows(b); i++) {
        int64_t hour = (int64_t)block_u64(b, 0, i);
        int64_t day = zone_day(a->study->zone, hour) - a->study->from_day;
        /* An hour in UTC may begin before the zone's midnight and hold the day's first half hour.
         */
        if (day < 0 && zone_day(a->study->zone, hour + 3599) == a->study->from_day)
            day = 0;
        if (day < 0 || day >= (int64_t)a->days)
            continue;
        struct day_quality *d = &q[day];
        d->records += block_f64(b, 2, i);
        d->lost += block_f64(b, 3, i);
        d->rejected += block_f64(b, 4, i);
        set_add(d->exporters, &d->exporter_count, EXPORTERS_MAX, (uint32_t)block_u64(b, 1, i));
        for (size_t k = 5; k < 7; k++)
            if (block_u64(b, k, i) > 0)
                set_add(d->rates, &d->rate_count, RATES_MAX, (uint32_t)block_u64(b, k, i));
        if (block_u64(b, 2, i) > 0)
            mark_hour(a, q, hour);
    }
}

static int load(struct analysis *a, struct day_quality *q, struct error *err)
{
    struct block *b = NULL;
    int status = ask(a, &b, err,
                     "SELECT hour AS h, exporter AS e, sum(records) AS n, sum(lost) AS l, "
                     "sum(rejected) AS r, min(sampling_min) AS s, max(sampling_max) AS t FROM "
                     "coverage WHERE hour + 3600 > %llu AND hour < %llu GROUP BY h, e "
                     "ORDER BY h, e",
                     (unsigned long long)(a->study->from_ms / 1000),
                     (unsigned long long)(a->study->to_ms / 1000));
    if (status < 0)
        return status;
    take_coverage(a, b, q);
    block_free(b);
    /* Sources that tell nothing of themselves still show when they spoke. */
    for (size_t i = 0; i < a->slot_count; i++)
        if (a->slots[i].flows > 0)
            mark_hour(a, q, a->slot_start[i]);
    return 0;
}

static double day_flows(const struct analysis *a, size_t day)
{
    return a->everything[day].flows;
}

static uint32_t greatest_rate(const struct day_quality *q)
{
    uint32_t rate = 0;
    for (int i = 0; i < q->rate_count; i++)
        rate = q->rates[i] > rate ? q->rates[i] : rate;
    return rate;
}

/* Octets and packets are scaled, conversations cannot be: days that were sampled at another rate
 * than most are not compared with these by conversations. Where no rate has half the days there is
 * nothing to match. */
static void match_rates(struct analysis *a, struct day_quality *q)
{
    size_t days = 0, most = 0;
    uint32_t common = 0;
    for (size_t i = 0; i < a->days; i++) {
        size_t alike = 0;
        for (size_t k = 0; a->used[i] && k < a->days; k++)
            alike += a->used[k] && greatest_rate(&q[k]) == greatest_rate(&q[i]);
        days += a->used[i];
        if (alike > most)
            most = alike, common = greatest_rate(&q[i]);
    }
    if (a->measure != MEASURE_FLOWS || 2 * most < days)
        return;
    for (size_t i = 0; i < a->days; i++) {
        q[i].other_rate = a->used[i] && greatest_rate(&q[i]) != common;
        a->used[i] = a->used[i] && !q[i].other_rate;
    }
}

/* Scores, and the days used; returns the least score that was enough. */
static double judge(struct analysis *a, struct day_quality *q)
{
    double *scores = arena_array(a->arena, a->days + 1, sizeof(*scores));
    size_t n = 0;
    for (size_t i = 0; i < a->days; i++) {
        int64_t start = zone_day_start_s(a->study->zone, a->study->from_day + (int32_t)i);
        int64_t end = zone_day_start_s(a->study->zone, a->study->from_day + (int32_t)i + 1);
        q[i].hour_count = (int)((end - start + 3599) / 3600);
        double all = q[i].records + q[i].lost;
        q[i].score = fmin(1, (double)__builtin_popcount(q[i].hours) / q[i].hour_count) *
                     (all > 0 ? q[i].records / all : 1);
        if (q[i].score > 0)
            scores[n++] = q[i].score;
    }
    double enough = n > 0 ? SCORE_PART * median_of(scores, n) : 0;
    for (size_t i = 0; i < a->days; i++)
        a->used[i] = q[i].score > 0 && q[i].score >= enough;
    match_rates(a, q);
    return enough;
}

static json_t *day_json(struct analysis *a, const struct day_quality *q, size_t day)
{
    double packets = a->everything[day].packets, rates[RATES_MAX];
    json_t *sampling = json_array();
    for (int i = 0; i < q->rate_count; i++)
        rates[i] = q->rates[i];
    sort_doubles(rates, (size_t)q->rate_count);
    for (int i = 0; i < q->rate_count; i++)
        json_array_append_new(sampling, count_json(rates[i]));
    double all = q->records + q->lost;
    const char *why = q->score <= 0 ? "empty" : q->other_rate ? "sampling" : "thin";
    return json_pack("{s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:b, s:s?}", "date",
                     date_json(a->study->from_day + (int32_t)day), "flows",
                     count_json(day_flows(a, day)), "packets", count_json(packets), "exporters",
                     q->exporter_count, "records", count_json(q->records), "records_lost",
                     count_json(q->lost), "lost_share", number_json(all > 0 ? q->lost / all : 0),
                     "rejected", count_json(q->rejected), "sampling", sampling, "hours_with_data",
                     __builtin_popcount(q->hours), "score", number_json(q->score), "used",
                     (int)a->used[day], "unused_why", a->used[day] ? NULL : why);
}

/* What the days from `from` to before `to` lack, next to the best day. */
static json_t *lacking_json(struct analysis *a, const struct day_quality *q, size_t from, size_t to)
{
    double score = 0, hours = 0, kept = 0;
    size_t empty = 0, n = to - from;
    if (from >= to)
        return json_null();
    for (size_t i = from; i < to; i++) {
        double all = q[i].records + q[i].lost;
        score += q[i].score / (double)n;
        hours += (double)__builtin_popcount(q[i].hours) / q[i].hour_count / (double)n;
        kept += (all > 0 ? q[i].records / all : 1) / (double)n;
        empty += q[i].hours == 0;
    }
    return json_pack("{s:o, s:o, s:i, s:i, s:o, s:s}", "from",
                     date_json(a->study->from_day + (int32_t)from), "to",
                     date_json(a->study->from_day + (int32_t)to - 1), "days", (int)n, "days_empty",
                     (int)empty, "score", number_json(score), "lacks",
                     2 * empty >= n  ? "records"
                     : hours <= kept ? "hours"
                                     : "lost records");
}

/* The longest run of days in a row whose score is near the best. */
static json_t *robust_json(struct analysis *a, const struct day_quality *q, size_t *ret_days)
{
    double best = 0;
    size_t from = 0, len = 0;
    for (size_t i = 0; i < a->days; i++)
        best = fmax(best, q[i].score);
    for (size_t i = 0, start = 0; best > 0 && i < a->days; i++) {
        if (q[i].score < ROBUST_PART * best)
            start = i + 1;
        else if (i + 1 - start > len)
            from = start, len = i + 1 - start;
    }
    *ret_days = len;
    if (len == 0)
        return json_null();
    const char *why = arena_format(
        a->arena,
        "The longest run of days (%zu of %zu) whose telemetry is at least %.0f%% as complete as "
        "the best day's, by hours with data and records not lost.",
        len, a->days, 100 * ROBUST_PART);
    return json_pack(
        "{s:o, s:o, s:s, s:o, s:o}", "from", date_json(a->study->from_day + (int32_t)from), "to",
        date_json(a->study->from_day + (int32_t)(from + len) - 1), "why", why, "before",
        lacking_json(a, q, 0, from), "after", lacking_json(a, q, from + len, a->days));
}

static struct phrase range_phrase(struct analysis *a, size_t from, size_t to)
{
    char first[TIME_TEXT_MAX], last[TIME_TEXT_MAX];
    date_print(a->study->from_day + (int32_t)from, first);
    date_print(a->study->from_day + (int32_t)to - 1, last);
    return to - from == 1 ? SAY(a, M_ONE, word_date(first))
                          : SAY(a, M_RANGE, word_date(first), word_date(last));
}

/* "11 May 2017, 14 May 2017 to 20 May 2017 and 3 more days" of the days for which `is` holds. */
static struct phrase days_phrase(struct analysis *a, const bool *is, size_t *ret_count)
{
    enum { NAMED = 4 };
    struct phrase named[NAMED] = {0};
    size_t runs = 0, more = 0;
    *ret_count = 0;
    for (size_t i = 0, end; i < a->days; i = end + 1) {
        for (end = i; end < a->days && is[end];)
            end++;
        if (end == i)
            continue;
        *ret_count += end - i;
        if (runs < NAMED)
            named[runs++] = range_phrase(a, i, end);
        else
            more += end - i;
    }
    struct phrase list = phrase_list(a->arena, named, runs, M_COMMA, M_COMMA);
    return more > 0 ? SAY(a, M_DAYS_AND_MORE, word_phrase(list), word_count((double)more)) : list;
}

static void warn(struct analysis *a, struct phrase p)
{
    if (a->warning_count < WARNINGS_MAX)
        a->warnings[a->warning_count++] = p;
}

static void warn_days(struct analysis *a, const bool *is, enum message what)
{
    size_t count;
    struct phrase days = days_phrase(a, is, &count);
    if (count > 0)
        warn(a, SAY(a, what, word_count((double)count), word_count((double)a->days),
                    word_phrase(days)));
}

static void find_warnings(struct analysis *a, const struct day_quality *q)
{
    bool *is = arena_array(a->arena, a->days + 1, sizeof(*is));
    double lost = 0, all = 0, sampled = 0;
    for (size_t i = 0; i < a->days; i++) {
        is[i] = q[i].hours == 0;
        lost += q[i].lost;
        all += q[i].lost + q[i].records;
        for (int k = 0; k < q[i].rate_count; k++)
            sampled += q[i].rates[k] > 1;
    }
    warn_days(a, is, M_WARN_EMPTY);
    for (size_t i = 0; i < a->days; i++)
        is[i] = q[i].hours != 0 && __builtin_popcount(q[i].hours) < q[i].hour_count;
    warn_days(a, is, M_WARN_HOURS);
    for (size_t i = 0; i < a->days; i++)
        is[i] = q[i].hours != 0 && !a->used[i] && !q[i].other_rate;
    warn_days(a, is, M_WARN_THIN);
    for (size_t i = 0; i < a->days; i++)
        is[i] = q[i].other_rate;
    warn_days(a, is, M_WARN_RATE);
    for (size_t i = 0; i < a->days; i++)
        is[i] = q[i].lost > 0.02 * (q[i].lost + q[i].records);
    warn_days(a, is, M_WARN_LOST);
    if (lost > 0)
        warn(a, SAY(a, M_WARN_LOSS, word_part(lost / all)));
    if (sampled > 0)
        warn(a, SAY(a, M_WARN_SAMPLED));
    if (a->measure_why)
        warn(a, SAY(a, M_AS_KNOWN, word_known(a->measure_why)));
}

static json_t *warnings_json(const struct analysis *a, enum language l)
{
    json_t *list = json_array();
    for (size_t i = 0; i < a->warning_count; i++)
        json_array_append_new(list, json_string(a->warnings[i].text[l]));
    return list;
}

/* A period may be stated far wider than its data: series then leave the empty ends out. */
static void choose_series(struct analysis *a, const struct day_quality *q)
{
    size_t from = 0, to = a->days;
    if (a->days > SERIES_DAYS_MAX) {
        while (to > 0 && q[to - 1].hours == 0 && q[to - 1].records <= 0 &&
               day_flows(a, to - 1) <= 0)
            to--;
        while (from < to && q[from].hours == 0 && q[from].records <= 0 && day_flows(a, from) <= 0)
            from++;
    }
    bool none = from == to; /* of no data at all the first day stands for the others */
    a->series_from = none ? 0 : from;
    a->series_to = none ? 1 : to;
}

static void add_range(struct analysis *a, json_t *list, size_t from, size_t to)
{
    if (from < to)
        json_array_append_new(list, json_pack("{s:o, s:o}", "from",
                                              date_json(a->study->from_day + (int32_t)from), "to",
                                              date_json(a->study->from_day + (int32_t)to - 1)));
}

/* Which days each section stands on: counts are of all, what is estimated or compared of the used.
 */
static json_t *sections_json(size_t used, size_t days)
{
    static const struct {
        const char *name;
        bool all;
    } sections[] = {
        {"totals", true},       {"activity", true}, {"services", false}, {"policies", true},
        {"categories", false},  {"rhythm", false},  {"events", false},   {"presence", false},
        {"concealment", false}, {"onsets", false},  {"timelines", true}, {"recon", true},
        {"contacts", true},
    };
    json_t *list = json_array();
    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:i}", "section", sections[i].name,
                                              "days", sections[i].all ? "all" : "used", "days_used",
                                              (int)(sections[i].all ? days : used)));
    return list;
}

int fidelity_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct day_quality *q = arena_array(a->arena, a->days + 1, sizeof(*q));
    size_t used = 0, robust_days;
    int status = load(a, q, err);
    if (status < 0)
        return status;
    double enough = judge(a, q);
    choose_series(a, q);
    find_warnings(a, q);
    json_t *days = json_array(), *empty = json_array();
    for (size_t i = 0; i < a->days; i++)
        used += a->used[i];
    for (size_t i = a->series_from; i < a->series_to; i++)
        json_array_append_new(days, day_json(a, &q[i], i));
    add_range(a, empty, 0, a->series_from);
    add_range(a, empty, a->series_to, a->days);
    json_t *robust = robust_json(a, q, &robust_days);
    *ret = json_pack(
        "{s:o, s:o, s:i, s:i, s:o, s:s, s:o, s:i, s:o}", "days", days, "empty", empty, "days_used",
        (int)used, "days_of_period", (int)a->days, "threshold", number_json(enough), "score_is",
        "hours with data / hours of the day x (1 - share of records lost)", "robust", robust,
        "robust_days", (int)robust_days, "warnings", warnings_json(a, LANGUAGE_EN));
    json_t *text = json_object();
    for (int l = 0; l < LANGUAGES; l++)
        json_object_set_new(text, language_codes[l],
                            json_pack("{s:o}", "warnings", warnings_json(a, (enum language)l)));
    json_object_set_new(*ret, "text", text);
    json_object_set_new(*ret, "sections", sections_json(used, a->days));
    sources_add(a, *ret);
    status = exporters_add(a, *ret, err);
    if (status < 0) {
        json_decref(*ret);
        *ret = NULL;
    }
    return status;
}
