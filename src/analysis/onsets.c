/* SPDX-License-Identifier: Apache-2.0 */
/* What began, stopped or shifted: the daily conversations of every service, category and country.
 * The error budget is one of the whole study: p times the number of series watched is at most 0.2,
 * so that in one study of five at most a single false change is to be expected. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/section.h"
#include "stats/change.h"
#include "stats/special.h"

enum { SHORTEST = 5, CHANGES_MAX = 6, DAYS_MIN = 21, GROWTH_DAYS = 28 };
static const double BUDGET = 0.2, FACTOR = 3, NOTHING = 0.05, TOTAL_MIN = 20;

struct found {
    struct change change;
    const char *kind, *id, *filter;
    const double *x;
    json_t *json;
};

struct watch {
    struct analysis *a;
    size_t *day_of; /* used day -> day of the study */
    size_t n;       /* used days */
    double p_max;
    struct found *found;
    size_t count, room;
};

static double *series_of(struct watch *w, const struct amounts *cells)
{
    double *x = arena_array(w->a->arena, w->n + 1, sizeof(*x));
    for (size_t i = 0; i < w->n; i++)
        x[i] = cells[w->day_of[i]].flows;
    return x;
}

static void watch_row(struct watch *w, const char *kind, const char *id,
                      const struct amounts *cells)
{
    struct change c[CHANGES_MAX];
    double *x = series_of(w, cells);
    size_t n = changes_find(x, w->n, SHORTEST, w->p_max, FACTOR, c, CHANGES_MAX);
    for (size_t i = 0; i < n && w->count < w->room; i++)
        w->found[w->count++] = (struct found){
            .change = c[i],
            .kind = kind,
            .id = id,
            .x = x,
            .filter =
                arena_format(w->a->arena, "%s %s and " USAGE_FILTER, kind, filter_word(w->a, id)),
        };
}

/* Series with too few conversations can show nothing and would only eat the budget. */
static size_t watched(const struct table *t)
{
    size_t count = 0;
    for (size_t i = 0; i < t->rows; i++)
        count += t->keys[i] != 0 && t->sums[i].flows >= TOTAL_MIN;
    return count;
}

static const char *id_of(struct analysis *a, const struct table *t, uint32_t key)
{
    char code[3];
    if (t == &a->services)
        return symbols_text(a->symbols, SYMBOL_SERVICE, key);
    if (t == &a->categories)
        return symbols_text(a->symbols, SYMBOL_CATEGORY, key);
    country_text(key, code);
    return arena_text(a->arena, code, strlen(code));
}

static void watch_table(struct watch *w, const char *kind, const struct table *t)
{
    for (size_t i = 0; i < t->rows; i++)
        if (t->keys[i] != 0 && t->sums[i].flows >= TOTAL_MIN)
            watch_row(w, kind, id_of(w->a, t, t->keys[i]), t->cells + i * t->days);
}

/* Mean of a stretch of used days. */
static struct estimate level_of(struct watch *w, const double *x, size_t from, size_t to)
{
    int32_t *days = arena_array(w->a->arena, to - from + 1, sizeof(*days));
    double sum = 0;
    for (size_t i = from; i < to; i++) {
        days[i - from] = w->a->study->from_day + (int32_t)w->day_of[i];
        sum += x[i];
    }
    struct estimate e = mean_estimate(days, x + from, to - from, LEVEL, false);
    if (sum <= 0) /* nothing seen in so many days */
        e.high = zero_bound(1, LEVEL) / (double)(to - from);
    return e;
}

/* Days for the level to double after an onset, where it plainly grows: a line through the
 * logarithms of the first four weeks. */
static json_t *doubling_json(const double *x, size_t from, size_t to)
{
    double n = 0, sx = 0, sy = 0, sxx = 0, sxy = 0, left = 0;
    if (to > from + GROWTH_DAYS)
        to = from + GROWTH_DAYS;
    for (size_t i = from; i < to; i++) {
        double d = (double)(i - from), y = log(x[i] + 0.5);
        n++, sx += d, sy += y, sxx += d * d, sxy += d * y;
    }
    if (n < 7)
        return json_null();
    double spread = sxx - sx * sx / n, slope = (sxy - sx * sy / n) / spread;
    double base = (sy - slope * sx) / n;
    for (size_t i = from; i < to; i++)
        left += pow(log(x[i] + 0.5) - base - slope * (double)(i - from), 2);
    double error = sqrt(left / (n - 2) / spread), t = t_quantile(0.995, n - 2);
    if (!(slope - t * error > 0))
        return json_null();
    t = t_quantile((1 + LEVEL) / 2, n - 2);
    struct estimate e = {.value = M_LN2 / slope,
                         .low = M_LN2 / (slope + t * error),
                         .high = M_LN2 / (slope - t * error),
                         .level = LEVEL};
    return estimate_json(&e);
}

static const char *change_name(const struct change *c)
{
    if (c->before <= NOTHING * c->after)
        return "onset";
    return c->after <= NOTHING * c->before ? "stop" : "shift";
}

static json_t *found_json(struct watch *w, const struct found *f)
{
    struct analysis *a = w->a;
    const struct change *c = &f->change;
    size_t from = 0, to = w->n;
    for (size_t i = 0; i < w->count; i++) /* the neighbours in the same series */
        if (w->found[i].x == f->x) {
            size_t at = w->found[i].change.at;
            from = at < c->at && at > from ? at : from;
            to = at > c->at && at < to ? at : to;
        }
    struct estimate before = level_of(w, f->x, from, c->at), after = level_of(w, f->x, c->at, to);
    double flows = 0;
    for (size_t i = 0; i < w->n; i++)
        flows += f->x[i];
    int32_t day = a->study->from_day;
    const char *change = change_name(c);
    /* Evidence is of the whole period, thin days too: the same rows that the filter returns. */
    const struct table *t = strcmp(f->kind, "service") == 0    ? &a->services
                            : strcmp(f->kind, "category") == 0 ? &a->categories
                                                               : &a->countries;
    for (size_t i = 0; i < t->rows; i++)
        if (t->keys[i] != 0 && strcmp(id_of(a, t, t->keys[i]), f->id) == 0)
            flows = t->sums[i].flows;
    return json_pack(
        "{s:{s:s, s:s}, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:s, s:i, s:o}, s:o}", "subject",
        "kind", f->kind, "id", f->id, "change", change, "at",
        date_json(day + (int32_t)w->day_of[c->at]), "at_low",
        date_json(day + (int32_t)w->day_of[c->at_low]), "at_high",
        date_json(day + (int32_t)w->day_of[c->at_high]), "before", estimate_json(&before), "after",
        estimate_json(&after), "doubling_days",
        strcmp(change, "onset") == 0 ? doubling_json(f->x, c->at, to) : json_null(), "test", "p",
        number_json(c->p), "method",
        "likelihood ratio of counts over spread and lean, all dates together", "draws", 0, "budget",
        number_json(w->p_max), "evidence", evidence_json(a, f->filter, flows));
}

static int by_p(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->change.p != y->change.p)
        return x->change.p < y->change.p ? -1 : 1;
    if (x->change.statistic != y->change.statistic)
        return x->change.statistic > y->change.statistic ? -1 : 1;
    int kind = strcmp(x->kind, y->kind);
    return kind ? kind : strcmp(x->id, y->id);
}

int onsets_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct watch w = {.a = a};
    (void)err;
    w.day_of = arena_array(a->arena, a->days + 1, sizeof(*w.day_of));
    for (size_t i = 0; i < a->days; i++)
        if (a->used[i])
            w.day_of[w.n++] = i;
    if (w.n < DAYS_MIN) {
        *ret = unsupported("Fewer than 21 days hold enough data to tell when something began, "
                           "stopped or shifted.");
        return 0;
    }
    size_t series = watched(&a->services) + watched(&a->categories) + watched(&a->countries);
    w.p_max = BUDGET / (double)(series > 0 ? series : 1);
    w.room = CHANGES_MAX * (series + 1);
    w.found = arena_array(a->arena, w.room, sizeof(*w.found));
    watch_table(&w, "service", &a->services);
    watch_table(&w, "category", &a->categories);
    watch_table(&w, "country", &a->countries);
    qsort(w.found, w.count, sizeof(*w.found), by_p);
    *ret = json_array();
    for (size_t i = 0; i < w.count; i++)
        json_array_append_new(*ret, found_json(&w, &w.found[i]));
    return 0;
}
