/* SPDX-License-Identifier: Apache-2.0 */
/* Does the population's activity move with the study's events? Never "no relation" without the
 * effect that would have been seen. Asked of all activity, and of each service, category, country
 * and group of hosts that the study names (event_series); p of those are held together by their
 * false discovery rate. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/section.h"
#include "base/zone.h"
#include "stats/event.h"
#include "stats/order.h"

enum { EVENTS_MIN = 3, DAYS_MIN = 42, SHUFFLES = 999 };
static const double A_DAY_MIN = 3;

struct kind {
    const char *name;
    int *days; /* of the study, ascending, each once */
    size_t count, uncertain;
};

/* The study's used days; NAN where the telemetry is missing or thin. */
static double *activity_by_day(struct analysis *a)
{
    double *x = arena_array(a->arena, a->days + 1, sizeof(*x));
    for (size_t i = 0; i < a->days; i++)
        x[i] = a->used[i] ? amount_of(&a->usage[i], a->measure) : NAN;
    return x;
}

/* Days of the events of one kind (NULL: of all), as the zone dates them. */
static struct kind kind_of(struct analysis *a, const char *name)
{
    const struct study *s = a->study;
    struct kind k = {.name = name ? name : "all"};
    k.days = arena_array(a->arena, s->event_count + 1, sizeof(*k.days));
    for (size_t i = 0; i < s->event_count; i++) {
        const struct study_event *e = &s->events[i];
        int64_t day = zone_day(s->zone, (int64_t)(e->time_ms / 1000)) - s->from_day;
        if ((name && strcmp(name, e->kind) != 0) || day < 0 || day >= (int64_t)a->days)
            continue;
        k.uncertain += e->date_only || e->uncertainty_ms >= 43200000;
        if (k.count == 0 || k.days[k.count - 1] != (int)day)
            k.days[k.count++] = (int)day;
    }
    return k;
}

static json_t *effect_json(const struct event_effect *e, double sd, size_t draws)
{
    struct estimate log_ratio = {
        .value = e->effect, .low = e->low, .high = e->high, .level = LEVEL};
    struct estimate in_sd = {
        .value = e->effect / sd, .low = e->low / sd, .high = e->high / sd, .level = LEVEL};
    return json_pack("{s:o, s:o, s:{s:o, s:s, s:i}}", "effect", estimate_json(&log_ratio),
                     "effect_sd", estimate_json(&in_sd), "test", "p", number_json(e->p), "method",
                     "circular shift of the weekday-adjusted series and of its mirror", "draws",
                     (int)draws);
}

static json_t *lags_json(const struct event_result *r)
{
    json_t *lags = json_array();
    for (int k = 0; k < LAGS; k++) {
        struct estimate e = {.value = r->lag[k].effect,
                             .low = r->lag[k].low,
                             .high = r->lag[k].high,
                             .level = LEVEL};
        struct estimate sd = {
            .value = e.value / r->sd, .low = e.low / r->sd, .high = e.high / r->sd, .level = LEVEL};
        json_array_append_new(lags, json_pack("{s:i, s:o, s:o, s:o, s:o}", "day", LAG_FIRST + k,
                                              "effect", estimate_json(&e), "effect_sd",
                                              estimate_json(&sd), "p", number_json(r->lag[k].p),
                                              "p_adjusted", number_json(r->lag_p[k])));
    }
    return lags;
}

/* The list's own doubt about dates: the day's effect if every event were a day off. */
static json_t *moved_json(struct analysis *a, const struct kind *k, const double *x)
{
    json_t *moved = json_array();
    int *days = arena_array(a->arena, k->count + 1, sizeof(*days));
    for (int by = -1; by <= 1; by += 2) {
        for (size_t i = 0; i < k->count; i++)
            days[i] = k->days[i] + by;
        struct event_result r = event_test(x, a->days, days, k->count, LEVEL, a->study->seed);
        json_array_append_new(
            moved, json_pack("{s:i, s:o}", "days", by, "p", number_json(r.window[EVENT_ON].p)));
    }
    return moved;
}

static json_t *test_json(struct analysis *a, const struct kind *k, const double *x,
                         const double *series, bool *ret_moves)
{
    int weekday = day_weekday(a->study->from_day);
    struct event_result r = event_test(x, a->days, k->days, k->count, LEVEL, a->study->seed);
    double detectable = event_detectable(x, a->days, weekday, k->days, k->count, 0.8);
    double shuffled =
        event_p_shuffled(series, a->days, k->days, k->count, weekday, 0, SHUFFLES, a->study->seed);
    double by_weekday =
        event_p_shuffled(series, a->days, k->days, k->count, weekday, 1, SHUFFLES, a->study->seed);
    /* Where dates may be a day off, the day and its neighbours together are a fourth window. */
    bool near = k->uncertain > 0;
    double least = near ? r.near.p : 1;
    for (int w = 0; w < EVENT_WINDOWS; w++)
        least = fmin(least, r.window[w].p);
    *ret_moves = least * (EVENT_WINDOWS + near) <= 0.05;
    json_t *j = json_pack(
        "{s:s, s:i, s:i, s:o, s:o, s:o, s:o, s:{s:o, s:s, s:i}, s:{s:o, s:o, s:f}, s:o, s:{s:o, "
        "s:o}, s:o, s:o, s:b}",
        "kind", k->name, "n", (int)k->count, "uncertain_dates", (int)k->uncertain, "before",
        effect_json(&r.window[EVENT_BEFORE], r.sd, r.draws), "on",
        effect_json(&r.window[EVENT_ON], r.sd, r.draws), "after",
        effect_json(&r.window[EVENT_AFTER], r.sd, r.draws), "lags", lags_json(&r), "any_lag", "p",
        number_json(r.p_any), "method", "largest of all lags, against phase-random surrogates",
        "draws", 999, "detectable", "effect", number_json(detectable), "effect_sd",
        number_json(detectable / r.sd), "power", 0.8, "equivalence", number_json(r.equivalence),
        "sensitivity", "day_shuffle_p", number_json(shuffled), "weekday_shuffle_p",
        number_json(by_weekday), "dates_moved", moved_json(a, k, x), "residual_sd",
        number_json(r.sd), "moves", (int)*ret_moves);
    if (near)
        json_object_set_new(j, "within_a_day", effect_json(&r.near, r.sd, r.draws));
    return j;
}

static const char *percent_change(struct analysis *a, double log_ratio)
{
    return text_percent(a, expm1(log_ratio));
}

static json_t *verdict_json(struct analysis *a, const json_t *test, bool moves)
{
    const json_t *on = json_object_get(json_object_get(test, "on"), "effect");
    double effect = json_number_value(json_object_get(on, "value"));
    double seen = json_number_value(json_object_get(json_object_get(test, "detectable"), "effect"));
    if (moves)
        return json_string(arena_format(
            a->arena,
            "Activity differs around the events: on their days by %s against what weekday and "
            "trend give (the windows' p values are in the table).",
            percent_change(a, effect)));
    if (!json_is_number(json_object_get(json_object_get(test, "detectable"), "effect")))
        return json_string(arena_format(
            a->arena,
            "The events' days differ by %s from what weekday and trend give, but so few days and "
            "events would not have shown an effect of any size.",
            percent_change(a, effect)));
    return json_string(arena_format(
        a->arena,
        "Nothing in the activity tells the events: their days differ by %s from what weekday and "
        "trend give, no more than other days do. A rise of %s on the events' days would have been "
        "found with a power of 80%%; smaller ones may exist.",
        percent_change(a, effect), percent_change(a, seen)));
}

static json_t *tests_json(struct analysis *a, const double *x, const double *series,
                          bool *ret_moves)
{
    const struct study *s = a->study;
    struct kind all = kind_of(a, NULL);
    json_t *tests = json_array();
    bool moves;
    json_array_append_new(tests, test_json(a, &all, x, series, ret_moves));
    for (size_t i = 0; i < s->event_count; i++) {
        bool first = true;
        for (size_t j = 0; j < i; j++)
            first = first && strcmp(s->events[i].kind, s->events[j].kind) != 0;
        struct kind k = kind_of(a, s->events[i].kind);
        if (first && k.count >= EVENTS_MIN && k.count < all.count)
            json_array_append_new(tests, test_json(a, &k, x, series, &moves));
    }
    return tests;
}

/* --- the series that the study asks for --- */

static const struct amounts *cells_of(const struct table *t, uint32_t key)
{
    size_t row = key ? table_row(t, key) : SIZE_MAX;
    return row == SIZE_MAX ? NULL : t->cells + row * t->days;
}

/* A pivot's activity is asked for by its address: is what was done abroad told by the same events? */
static bool is_pivot(const struct study *s, const struct prefix *p)
{
    for (size_t i = 0; i < s->pivot_count; i++)
        if (s->pivots[i].prefix.len_bits <= p->len_bits &&
            prefix_contains(&s->pivots[i].prefix, &p->ip))
            return true;
    return false;
}

static void hosts_sql(const struct analysis *a, struct buf *b, const struct study_event_series *s)
{
    for (size_t i = 0; i < s->host_count; i++) {
        buf_format(b, "%s(%s AND pivot = %d)", i ? " OR " : "", range_sql(a, "local", &s->hosts[i]),
                   (int)is_pivot(a->study, &s->hosts[i]));
    }
}

/* What the hosts did, by day; NULL and 0 where they did nothing. */
static int hosts_cells(struct analysis *a, const struct study_event_series *s,
                       const struct amounts **ret, struct error *err)
{
    struct buf where;
    struct table t = {0};
    buf_init(&where, 1 << 20);
    buf_text(&where, "role IN (1, 3) AND (");
    hosts_sql(a, &where, s);
    buf_text(&where, ")");
    int status = contact_table_ask(a, "1", where.at, &t, err);
    buf_done(&where);
    if (status == 0)
        *ret = cells_of(&t, 1);
    return status;
}

struct asked {
    const char *kind, *id, *filter;
    const struct amounts *cells;
};

static const char *hosts_text(struct analysis *a, const struct study_event_series *s, bool filter)
{
    const char *text = "";
    for (size_t i = 0; i < s->host_count; i++) {
        char prefix[PREFIX_TEXT_MAX];
        prefix_print(&s->hosts[i], prefix);
        const char *between = i == 0 ? "" : filter ? " or " : ", ";
        const char *which = !filter || a->study->pivot_count == 0 ? ""
                            : is_pivot(a->study, &s->hosts[i])    ? "pivot and "
                                                                  : "not pivot and ";
        text = arena_format(a->arena, filter ? "%s%s(%slocal net %s)" : "%s%s%s%s", text, between,
                            which, prefix);
    }
    return text;
}

static int series_asked(struct analysis *a, const struct study_event_series *s, struct asked *ret,
                        struct error *err)
{
    char code[3];
    *ret = (struct asked){.kind = "hosts"};
    if (s->host_count) {
        ret->id = s->label[0] ? s->label : hosts_text(a, s, false);
        ret->filter = arena_format(a->arena, "(%s)", hosts_text(a, s, true));
        return hosts_cells(a, s, &ret->cells, err);
    }
    if (s->country) {
        country_text(s->country, code);
        ret->kind = "country";
        ret->id = arena_text(a->arena, code, strlen(code));
        ret->cells = cells_of(&a->countries, s->country);
    } else if (s->service[0]) {
        ret->kind = "service";
        ret->id = s->service;
        ret->cells = cells_of(
            &a->services, symbols_find(a->symbols, SYMBOL_SERVICE, s->service, strlen(s->service)));
    } else {
        ret->kind = "category";
        ret->id = s->category;
        ret->cells = cells_of(&a->categories, symbols_find(a->symbols, SYMBOL_CATEGORY, s->category,
                                                           strlen(s->category)));
    }
    ret->filter = arena_format(a->arena, "%s %s", ret->kind, filter_word(a, ret->id));
    return 0;
}

/* A series that is nothing on most days cannot be compared with its weekday: log ratios of small
 * counts are noise that no test of days holds. */
static bool is_too_thin(struct analysis *a, const double *x)
{
    double *known = arena_array(a->arena, a->days + 1, sizeof(*known));
    size_t n = 0;
    for (size_t i = 0; i < a->days; i++)
        if (isfinite(x[i]))
            known[n++] = x[i];
    return n == 0 || median_of(known, n) < A_DAY_MIN;
}

static int asked_json(struct analysis *a, const struct study_event_series *s, json_t **ret,
                      struct error *err)
{
    struct asked q;
    double *x = arena_array(a->arena, a->days + 1, sizeof(*x)), flows = 0;
    double *series = arena_array(a->arena, a->days + 1, sizeof(*series));
    int status = series_asked(a, s, &q, err);
    if (status < 0)
        return status;
    for (size_t i = 0; i < a->days; i++) {
        x[i] = !a->used[i] ? NAN : q.cells ? amount_of(&q.cells[i], a->measure) : 0;
        flows += q.cells ? q.cells[i].flows : 0;
    }
    *ret = json_pack(
        "{s:{s:s, s:s}, s:o}", "subject", "kind", q.kind, "id", q.id, "evidence",
        evidence_json(a, arena_format(a->arena, "%s and " USAGE_FILTER, q.filter), flows));
    if (is_too_thin(a, x)) {
        json_object_set_new(*ret, "unsupported",
                            json_string("On most days there is too little of it to be compared "
                                        "with other days."));
        return 0;
    }
    bool moves = false;
    event_series(x, a->days, day_weekday(a->study->from_day), series);
    json_object_set_new(*ret, "tests", tests_json(a, x, series, &moves));
    return 0;
}

static double least_p(const json_t *subject)
{
    static const char *const windows[] = {"before", "on", "after"};
    const json_t *test = json_array_get(json_object_get(subject, "tests"), 0);
    double least = 1;
    for (int w = 0; w < EVENT_WINDOWS && test; w++) {
        const json_t *t = json_object_get(json_object_get(test, windows[w]), "test");
        least = fmin(least, EVENT_WINDOWS * json_number_value(json_object_get(t, "p")));
    }
    return least;
}

/* Of many series asked one or the other differs by chance: only what the false discovery rate over
 * all of them lets stand `moves`. */
static void judge_asked(struct analysis *a, json_t *list)
{
    size_t n = json_array_size(list);
    double *p = arena_array(a->arena, 2 * n + 1, sizeof(*p)), *q = p + n;
    for (size_t i = 0; i < n; i++)
        p[i] = least_p(json_array_get(list, i));
    false_discovery(p, n, q);
    for (size_t i = 0; i < n; i++) {
        json_t *subject = json_array_get(list, i);
        if (!json_object_get(subject, "tests"))
            continue;
        json_object_set_new(subject, "q", number_json(q[i]));
        json_object_set_new(subject, "moves", json_boolean(q[i] <= 0.05));
    }
}

static int by_subject_json(struct analysis *a, json_t **ret, struct error *err)
{
    json_t *list = json_array();
    int status = 0;
    for (size_t i = 0; i < a->study->event_series_count && status == 0; i++) {
        json_t *one = NULL;
        status = asked_json(a, &a->study->event_series[i], &one, err);
        if (status == 0)
            json_array_append_new(list, one);
    }
    if (status < 0) {
        json_decref(list);
        return status;
    }
    judge_asked(a, list);
    *ret = list;
    return 0;
}

int events_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct kind all = kind_of(a, NULL);
    double *x = activity_by_day(a);
    double *series = arena_array(a->arena, a->days + 1, sizeof(*series));
    size_t known = 0;
    bool moves = false;
    event_series(x, a->days, day_weekday(a->study->from_day), series);
    for (size_t i = 0; i < a->days; i++)
        known += isfinite(series[i]);
    if (a->study->event_count == 0) {
        *ret = unsupported("The study names no events.");
        return 0;
    }
    if (all.count < EVENTS_MIN || known < DAYS_MIN) {
        *ret = unsupported_phrase(SAY(a, M_EVENTS_FEW, word_count((double)all.count),
                                      word_count((double)known), word_setting(EVENTS_MIN),
                                      word_setting(DAYS_MIN)));
        return 0;
    }
    json_t *by_subject = NULL;
    int status = by_subject_json(a, &by_subject, err);
    if (status < 0)
        return status;
    json_t *tests = tests_json(a, x, series, &moves);
    json_t *daily = json_array();
    for (size_t i = a->series_from; i < a->series_to; i++)
        json_array_append_new(daily, number_json(series[i]));
    *ret = json_pack("{s:o, s:o, s:o, s:s, s:o}", "tests", tests, "verdict",
                     verdict_json(a, json_array_get(tests, 0), moves), "series", daily, "series_is",
                     "log ratio of each day to the median of its weekday around it", "by_subject",
                     by_subject);
    return 0;
}
