/* SPDX-License-Identifier: Apache-2.0 */
/* Does the population's activity move with the study's events? Never "no relation" without the
 * effect that would have been seen. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/section.h"
#include "base/zone.h"
#include "stats/event.h"

enum { EVENTS_MIN = 3, DAYS_MIN = 42, SHUFFLES = 999 };

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
    double least = 1;
    for (int w = 0; w < EVENT_WINDOWS; w++)
        least = fmin(least, r.window[w].p * EVENT_WINDOWS);
    *ret_moves = least <= 0.05;
    return json_pack(
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
    return json_string(arena_format(
        a->arena,
        "Nothing in the activity tells the events: their days differ by %s from what weekday and "
        "trend give, no more than other days do. A rise of %s on the events' days would have been "
        "found with a power of 80%%; smaller ones may exist.",
        percent_change(a, effect), percent_change(a, seen)));
}

static int add_kinds(struct analysis *a, const double *x, const double *series, json_t *tests,
                     bool *ret_moves)
{
    const struct study *s = a->study;
    struct kind all = kind_of(a, NULL);
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
    return 0;
}

int events_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct kind all = kind_of(a, NULL);
    double *x = activity_by_day(a);
    double *series = arena_array(a->arena, a->days + 1, sizeof(*series));
    size_t known = 0;
    bool moves = false;
    (void)err;
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
    json_t *tests = json_array();
    add_kinds(a, x, series, tests, &moves);
    json_t *daily = json_array();
    for (size_t i = a->series_from; i < a->series_to; i++)
        json_array_append_new(daily, number_json(series[i]));
    *ret = json_pack("{s:o, s:o, s:o, s:s}", "tests", tests, "verdict",
                     verdict_json(a, json_array_get(tests, 0), moves), "series", daily, "series_is",
                     "log ratio of each day to the median of its weekday around it");
    return 0;
}
