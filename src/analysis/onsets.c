/* SPDX-License-Identifier: Apache-2.0 */
/* What began, stopped or shifted: the daily conversations of everything that onset_series.h lists.
 * The error budget is one of the whole study: the p allowed to each series, summed over all, is at
 * most 0.2, so that in one study of five at most a single false change is to be expected. Pairs are
 * many and share a quarter of it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/onset_series.h"
#include "base/random.h"
#include "stats/change.h"
#include "stats/order.h"
#include "stats/special.h"

enum { SHORTEST = 5, CHANGES_MAX = 6, DAYS_MIN = 21, GROWTH_DAYS = 28, PLANTED = 60 };
static const double BUDGET = 0.2, OF_PAIRS = 0.25, FACTOR = 3, NOTHING = 0.05, POWER = 0.8;

struct found {
    struct change change;
    const struct onset_series *of;
    const double *x; /* used days */
    double p_max;
};

struct watch {
    struct analysis *a;
    struct onset_list list;
    size_t *day_of; /* used day -> day of the study */
    size_t n;       /* used days */
    double p_max, p_max_pair;
    struct found *found;
    size_t count, room;
};

static double *used_of(struct watch *w, const struct onset_series *s)
{
    double *x = arena_array(w->a->arena, w->n + 1, sizeof(*x));
    for (size_t i = 0; i < w->n; i++)
        x[i] = s->flows[w->day_of[i]];
    return x;
}

static void watch_series(struct watch *w, const struct onset_series *s, double p_max)
{
    struct change c[CHANGES_MAX];
    double *x = used_of(w, s);
    size_t n = changes_find(x, w->n, SHORTEST, p_max, FACTOR, c, CHANGES_MAX);
    for (size_t i = 0; i < n && w->count < w->room; i++)
        w->found[w->count++] = (struct found){.change = c[i], .of = s, .x = x, .p_max = p_max};
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
    int32_t day = a->study->from_day;
    const char *change = change_name(c);
    return json_pack(
        "{s:{s:s, s:s}, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:{s:o, s:s, s:i, s:o}, s:o}", "subject",
        "kind", f->of->kind, "id", f->of->id, "change", change, "at",
        date_json(day + (int32_t)w->day_of[c->at]), "at_low",
        date_json(day + (int32_t)w->day_of[c->at_low]), "at_high",
        date_json(day + (int32_t)w->day_of[c->at_high]), "before", estimate_json(&before), "after",
        estimate_json(&after), "doubling_days",
        strcmp(change, "onset") == 0 ? doubling_json(f->x, c->at, to) : json_null(), "test", "p",
        number_json(c->p), "method",
        "likelihood ratio of counts over spread and lean, all dates together", "draws", 0, "budget",
        number_json(f->p_max), "evidence",
        /* Of the whole period, thin days too: the same rows that the filter returns. */
        evidence_json(a, f->of->filter, f->of->total));
}

static int by_p(const void *a, const void *b)
{
    const struct found *x = a, *y = b;
    if (x->change.p != y->change.p)
        return x->change.p < y->change.p ? -1 : 1;
    if (x->change.statistic != y->change.statistic)
        return x->change.statistic > y->change.statistic ? -1 : 1;
    if (x->of->kind != y->of->kind) /* in the order of the list */
        return x->of < y->of ? -1 : 1;
    return strcmp(x->of->id, y->of->id);
}

/* Spread of days around their level (logarithms): the median of the busier series. */
static double usual_spread(struct watch *w)
{
    double *spread = arena_array(w->a->arena, w->list.count + 1, sizeof(*spread));
    size_t n = 0;
    for (size_t k = 0; k < w->list.count - w->list.pairs; k++) {
        const double *x = used_of(w, &w->list.at[k]);
        double sum = 0, squares = 0;
        if (w->list.at[k].total < 20 * (double)w->n)
            continue;
        for (size_t i = 0; i < w->n; i++)
            sum += log(x[i] + 0.5), squares += pow(log(x[i] + 0.5), 2);
        spread[n++] = sqrt(fmax(0, squares / (double)w->n - pow(sum / (double)w->n, 2)));
    }
    return n ? median_of(spread, n) : 0.4;
}

/* How many conversations a day something must begin with, from nothing and on any day but the first
 * and last ten, to be found with the power: planted, with days as the study's own. */
static double onset_seen(struct watch *w)
{
    static const double levels[] = {0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 40, 80};
    double spread = usual_spread(w), *x = arena_array(w->a->arena, w->n + 1, sizeof(*x));
    struct random random;
    random_init_named(&random, w->a->study->seed, "onset-power");
    for (size_t l = 0; l < sizeof(levels) / sizeof(levels[0]); l++) {
        int seen = 0;
        for (int k = 0; k < PLANTED; k++) {
            struct change c[2];
            size_t margin = w->n / 3 < 10 ? w->n / 3 : 10;
            size_t at = margin + (size_t)random_below(&random, w->n - 2 * margin + 1);
            for (size_t i = 0; i < w->n; i++)
                x[i] = i < at ? 0
                              : (double)random_poisson(
                                    &random, levels[l] * exp(spread * random_normal(&random)));
            seen += changes_find(x, w->n, SHORTEST, w->p_max, FACTOR, c, 2) > 0;
        }
        if (seen >= POWER * PLANTED)
            return levels[l];
    }
    return INFINITY;
}

/* What was watched, and what would have been found: without it "nothing began" says little. */
static json_t *watch_json(struct watch *w)
{
    static const char *const kinds[] = {"service", "category", "country", "port", "pair"};
    json_t *series = json_object();
    for (size_t k = 0; k < sizeof(kinds) / sizeof(kinds[0]); k++) {
        size_t n = 0;
        for (size_t i = 0; i < w->list.count; i++)
            n += strcmp(w->list.at[i].kind, kinds[k]) == 0;
        json_object_set_new(series, kinds[k], json_integer((json_int_t)n));
    }
    return json_pack("{s:i, s:i, s:o, s:f, s:f, s:{s:o, s:f}}", "series_in_all", (int)w->list.count,
                     "days_used", (int)w->n, "series", series, "budget", BUDGET, "factor", FACTOR,
                     "detectable", "onset_a_day", number_json(onset_seen(w)), "power", POWER);
}

int onsets_section(struct analysis *a, json_t **ret, struct error *err)
{
    struct watch w = {.a = a};
    w.day_of = arena_array(a->arena, a->days + 1, sizeof(*w.day_of));
    for (size_t i = 0; i < a->days; i++)
        if (a->used[i])
            w.day_of[w.n++] = i;
    if (w.n < DAYS_MIN) {
        *ret = unsupported("Fewer than 21 days hold enough data to tell when something began, "
                           "stopped or shifted.");
        return 0;
    }
    int status = onset_series_load(a, &w.list, err);
    if (status < 0)
        return status;
    size_t pairs = w.list.pairs, others = w.list.count - pairs;
    w.p_max = BUDGET * (1 - OF_PAIRS) / fmax(1, (double)others);
    w.p_max_pair = BUDGET * OF_PAIRS / fmax(1, (double)pairs);
    w.room = CHANGES_MAX * (w.list.count + 1);
    w.found = arena_array(a->arena, w.room, sizeof(*w.found));
    for (size_t i = 0; i < w.list.count; i++)
        watch_series(&w, &w.list.at[i], i < others ? w.p_max : w.p_max_pair);
    qsort(w.found, w.count, sizeof(*w.found), by_p);
    *ret = json_array();
    for (size_t i = 0; i < w.count; i++)
        json_array_append_new(*ret, found_json(&w, &w.found[i]));
    json_object_set_new(a->model, "onsets_watch", watch_json(&w));
    return 0;
}
