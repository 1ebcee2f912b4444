/* SPDX-License-Identifier: Apache-2.0 */
/* The population's week and day, in local time, from the days that fidelity lets count. */
#include <math.h>
#include <stdlib.h>

#include "analysis/rhythm_hosts.h"
#include "analysis/section.h"
#include "base/zone.h"
#include "stats/cycle.h"
#include "stats/event.h"

enum { DAYS_MIN = 7, DRAWS = 999, BUSY_DRAWS = 400, WIDE = 6, OFFSET_WIDE_MIN = 300 };

static const char *const weekday_names[7] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                             "Friday", "Saturday", "Sunday"};

struct week {
    size_t days[7];     /* used days by weekday */
    double cell[7][24]; /* sums */
    double workday[SLOTS_A_DAY], weekend[SLOTS_A_DAY];
    size_t workdays, weekend_days, used;
    double *rows;     /* used workdays x SLOTS_A_DAY */
    double *all_rows; /* used days x SLOTS_A_DAY */
};

static int weekday_at(const struct analysis *a, size_t day)
{
    return day_weekday(a->study->from_day + (int32_t)day);
}

static void week_fill(struct analysis *a, struct week *w)
{
    w->rows = arena_array(a->arena, a->days * SLOTS_A_DAY + 1, sizeof(double));
    w->all_rows = arena_array(a->arena, a->days * SLOTS_A_DAY + 1, sizeof(double));
    for (size_t d = 0; d < a->days; d++) {
        if (!a->used[d])
            continue;
        int wd = weekday_at(a, d);
        bool weekend = wd >= 5;
        w->days[wd]++;
        for (int s = 0; s < SLOTS_A_DAY; s++) {
            double x = a->profile[d * SLOTS_A_DAY + (size_t)s];
            w->cell[wd][s / 2] += x;
            (weekend ? w->weekend : w->workday)[s] += x;
            w->all_rows[w->used * SLOTS_A_DAY + (size_t)s] = x;
            if (!weekend)
                w->rows[w->workdays * SLOTS_A_DAY + (size_t)s] = x;
        }
        w->used++;
        if (weekend)
            w->weekend_days++;
        else
            w->workdays++;
    }
}

static json_t *matrix_json(const struct week *w)
{
    json_t *matrix = json_array();
    for (int d = 0; d < 7; d++) {
        json_t *row = json_array();
        for (int h = 0; h < 24; h++)
            json_array_append_new(row, w->days[d] ? number_json(w->cell[d][h] / (double)w->days[d])
                                                  : json_null());
        json_array_append_new(matrix, row);
    }
    return matrix;
}

static json_t *profile_json(const double *sums, size_t days)
{
    json_t *j = json_array();
    for (int s = 0; days && s < SLOTS_A_DAY; s++)
        json_array_append_new(j, number_json(sums[s] / (double)days));
    return days ? j : (json_decref(j), json_null());
}

/* Means of an hour inside and outside the stretch, day by day, and the ratio of the two. */
static void busy_levels(struct analysis *a, const struct week *w, const struct busy *b, json_t *j)
{
    int32_t *days = arena_array(a->arena, w->workdays + 1, sizeof(*days));
    double *in = arena_array(a->arena, w->workdays + 1, sizeof(*in));
    double *out = arena_array(a->arena, w->workdays + 1, sizeof(*out));
    int len = (b->to - b->from + SLOTS_A_DAY) % SLOTS_A_DAY;
    double all_out = 0;
    for (size_t d = 0, n = 0; d < a->days; d++) {
        if (!a->used[d] || weekday_at(a, d) >= 5)
            continue;
        days[n] = a->study->from_day + (int32_t)d;
        for (int s = 0; s < SLOTS_A_DAY; s++) {
            bool inside = (s - b->from + SLOTS_A_DAY) % SLOTS_A_DAY < len;
            (inside ? in : out)[n] +=
                w->rows[n * SLOTS_A_DAY + (size_t)s] * 2 / (inside ? len : SLOTS_A_DAY - len);
        }
        all_out += out[n++];
    }
    struct estimate e = mean_estimate(days, in, w->workdays, LEVEL, false);
    json_object_set_new(j, "inside_mean", estimate_json(&e));
    e = mean_estimate(days, out, w->workdays, LEVEL, false);
    json_object_set_new(j, "outside_mean", estimate_json(&e));
    if (all_out > 0) {
        e = ratio_estimate(days, in, out, w->workdays, LEVEL);
        json_object_set_new(j, "contrast", estimate_json(&e));
    }
}

static json_t *hour_json(int slot)
{
    return json_real(slot / 2.0);
}

/* Half hours from `low` on to `high`, around the clock. */
static int clock_span(int low, int high)
{
    return (high - low + SLOTS_A_DAY) % SLOTS_A_DAY;
}

static json_t *busy_json(struct analysis *a, const struct week *w)
{
    if (w->workdays < 5)
        return unsupported("Fewer than five workdays hold enough data to tell busy hours.");
    struct busy_range r = busy_range(w->rows, w->workdays, BUSY_DRAWS, a->study->seed);
    if (r.found.fit < 0.25 || r.found.contrast < 1.2 ||
        clock_span(r.from_low, r.from_high) > WIDE || clock_span(r.to_low, r.to_high) > WIDE)
        return unsupported("No stretch of the day stands out from the rest as busy.");
    json_t *j = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:i, s:o, s:o}", "from_hour",
                          hour_json(r.found.from), "to_hour", hour_json(r.found.to), "from_low",
                          hour_json(r.from_low), "from_high", hour_json(r.from_high), "to_low",
                          hour_json(r.to_low), "to_high", hour_json(r.to_high), "days",
                          "Monday to Friday", "days_used", (int)w->workdays, "fit",
                          number_json(r.found.fit), "found_share", number_json(r.found_share));
    busy_levels(a, w, &r.found, j);
    return j;
}

static json_t *weekdays_json(struct analysis *a, const struct week *w)
{
    int32_t *days = arena_array(a->arena, a->days + 1, sizeof(*days));
    double *x = arena_array(a->arena, a->days + 1, sizeof(*x));
    struct estimate e[7];
    double value[7], error[49];
    size_t low[7], high[7];
    json_t *list = json_array();
    for (int wd = 0; wd < 7; wd++) {
        size_t n = 0;
        for (size_t d = 0; d < a->days; d++) {
            if (!a->used[d] || weekday_at(a, d) != wd)
                continue;
            days[n] = (a->study->from_day + (int32_t)d) / 7; /* weeks: this weekday's own steps */
            x[n++] = amount_of(&a->usage[d], a->measure);
        }
        e[wd] = n ? mean_estimate(days, x, n, LEVEL, false) : (struct estimate){.level = LEVEL};
        value[wd] = e[wd].value;
    }
    for (int i = 0; i < 7; i++)
        for (int j = 0; j < 7; j++)
            error[i * 7 + j] =
                w->days[i] > 1 && w->days[j] > 1 ? hypot(e[i].error, e[j].error) : INFINITY;
    rank_ranges(value, error, 7, low, high);
    for (int i = 0; i < 7; i++) {
        int rank = 1;
        for (int j = 0; j < 7; j++)
            rank += value[j] > value[i] || (value[j] == value[i] && j < i);
        json_array_append_new(list,
                              json_pack("{s:s, s:i, s:o, s:i, s:i, s:i}", "day", weekday_names[i],
                                        "days", (int)w->days[i], "mean",
                                        w->days[i] ? estimate_json(&e[i]) : json_null(), "rank",
                                        rank, "rank_low", (int)low[i], "rank_high", (int)high[i]));
    }
    return list;
}

static json_t *diurnal_json(struct analysis *a, const struct week *w)
{
    struct diurnal d = diurnal_strength(w->all_rows, w->used, DRAWS, a->study->seed);
    return json_pack(
        "{s:o, s:{s:o, s:s, s:i}}", "strength", number_json(d.strength), "test", "p",
        number_json(d.p), "method",
        "power at one to three cycles a day, against days each turned by a random time", "draws",
        (int)d.draws);
}

/* Whole UTC days of half hours; the study's first and last part days are left out. */
static json_t *offset_json(struct analysis *a)
{
    int64_t first = ((int64_t)(a->study->from_ms / 1000) + 86399) / 86400;
    int64_t end = (int64_t)(a->study->to_ms / 1000) / 86400;
    size_t n = 0, room = end > first ? (size_t)(end - first) : 0;
    double *rows = arena_array(a->arena, room * SLOTS_A_DAY + 1, sizeof(*rows));
    size_t *at = arena_array(a->arena, room + 1, sizeof(*at));
    for (size_t i = 0; i < room; i++) { /* days that fidelity lets count, workdays only */
        int64_t day =
            zone_day(a->study->zone, (first + (int64_t)i) * 86400 + 43200) - a->study->from_day;
        bool use =
            day >= 0 && day < (int64_t)a->days && a->used[day] && weekday_at(a, (size_t)day) < 5;
        at[i] = use ? n++ : SIZE_MAX;
    }
    for (size_t i = 0; i < a->slot_count; i++) {
        int64_t day = a->slot_start[i] / 86400 - first;
        if (day >= 0 && day < (int64_t)room && at[day] != SIZE_MAX)
            rows[at[day] * SLOTS_A_DAY + a->slot_start[i] % 86400 / 1800] +=
                amount_of(&a->slots[i], a->measure);
    }
    if (n < DAYS_MIN)
        return unsupported("Fewer than seven workdays hold enough data to place the population's "
                           "clock.");
    struct utc_offset u = utc_offset_infer(rows, n, BUSY_DRAWS, a->study->seed);
    if (u.high - u.low > OFFSET_WIDE_MIN)
        return unsupported("The busy hours are too uncertain to place the population's clock.");
    int32_t declared = zone_offset_s(a->study->zone, (int64_t)(a->study->from_ms / 1000));
    return json_pack("{s:o, s:o, s:o, s:i, s:s}", "minutes", number_json(u.minutes), "low",
                     number_json(u.low), "high", number_json(u.high), "declared_minutes",
                     declared / 60, "method",
                     "workdays' profile against the ways in which populations are known to spend a "
                     "day, give or take an hour for when they get up");
}

/* The study's holidays, each against what its weekday usually holds. */
static json_t *holidays_json(struct analysis *a)
{
    double *x = arena_array(a->arena, a->days + 1, sizeof(*x));
    double *series = arena_array(a->arena, a->days + 1, sizeof(*series));
    json_t *list = json_array();
    for (size_t d = 0; d < a->days; d++)
        x[d] = a->used[d] ? amount_of(&a->usage[d], a->measure) : NAN;
    event_series(x, a->days, weekday_at(a, 0), series);
    for (size_t i = 0; i < a->study->holiday_count; i++) {
        const struct study_holiday *h = &a->study->holidays[i];
        int32_t day = h->day - a->study->from_day;
        if (day >= 0 && day < (int32_t)a->days)
            json_array_append_new(list,
                                  json_pack("{s:o, s:s, s:o}", "date", date_json(h->day), "label",
                                            h->label, "to_usual", number_json(exp(series[day]))));
    }
    return list;
}

int rhythm_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct week w = {0};
    json_t *hosts = NULL;
    week_fill(a, &w);
    if (w.used < DAYS_MIN) {
        *ret = unsupported("Fewer than seven days hold enough data to tell the rhythm of a week.");
        return 0;
    }
    int status = rhythm_hosts(a, &hosts, err);
    if (status < 0)
        return status;
    *ret = json_pack("{s:s, s:i, s:o, s:{s:o, s:o}, s:o, s:o, s:o, s:o, s:o}", "measure",
                     study_measure_text(a->measure), "days_used", (int)w.used, "matrix",
                     matrix_json(&w), "profile", "workdays", profile_json(w.workday, w.workdays),
                     "weekend", profile_json(w.weekend, w.weekend_days), "busy", busy_json(a, &w),
                     "weekdays", weekdays_json(a, &w), "diurnal", diurnal_json(a, &w), "utc_offset",
                     offset_json(a), "holidays", holidays_json(a));
    json_object_set_new(*ret, "hosts", hosts);
    return 0;
}
