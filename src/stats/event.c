/* SPDX-License-Identifier: Apache-2.0 */
/* Weekday and trend go out first: events cluster on weekdays, and a shift that moves a Sunday's
 * level onto a Monday would find the week, not the events (docs/methods.md has the false alarms of
 * each null). Circular shifts then keep how days lean on each other, and the events' own clusters;
 * the mirrored series gives as many again (what leans forward leans backward alike), so that p is
 * not so coarse.
 *
 * The usual of a day must not be made of the days that are tested: events that fall on Saturdays
 * would raise the Saturdays they are held against. So each position of the events, the real one and
 * every turned one, has a usual of its own, without the days it asks about. */
#include "stats/event.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "stats/order.h"

enum { WEEKS_AROUND = 4, WEEKS_MIN = 3, LAG_DRAWS = 999 };

/* One study's positions tell the power in other series of its kind only roughly: half of the
 * misses allowed is kept back (docs/calibration.md has what comes of it). */
static const double MARGIN = 0.5, SPARE = 0.03;

/* Median of the day's weekday in the weeks around it; days marked in `asked` (may be NULL) are left
 * out where enough others remain. */
static double median_around(const double *x, size_t n, size_t at, const bool *asked)
{
    double near[2 * WEEKS_AROUND];
    size_t count = 0;
    for (int w = 1; count < 2 * WEEKS_AROUND && w <= 2 * WEEKS_AROUND; w++)
        for (int side = -1; side <= 1 && count < 2 * WEEKS_AROUND; side += 2) {
            long day = (long)at + (long)side * w * 7;
            if (day >= 0 && day < (long)n && isfinite(x[day]) && !(asked && asked[day]))
                near[count++] = x[day];
        }
    if (count < WEEKS_MIN && asked)
        return median_around(x, n, at, NULL);
    return count >= WEEKS_MIN ? median_of(near, count) : NAN;
}

static double log_ratio(const double *x, size_t n, size_t at, const bool *asked)
{
    if (!isfinite(x[at]))
        return NAN;
    return log((x[at] + 0.5) / (median_around(x, n, at, asked) + 0.5));
}

void event_series(const double *x, size_t n, int weekday, double *ret)
{
    double *known = memory_array(n + 1, sizeof(*known));
    size_t count = 0;
    (void)weekday; /* steps of seven days need no name for the day */
    for (size_t i = 0; i < n; i++) {
        ret[i] = log_ratio(x, n, i, NULL);
        if (isfinite(ret[i]))
            known[count++] = ret[i];
    }
    double middle = count > 0 ? median_of(known, count) : 0;
    for (size_t i = 0; i < n; i++)
        ret[i] -= middle;
    free(known);
}

/* Mean over the events' days at lags [first, last]. */
static double mean_at(const double *s, size_t n, const int *events, size_t count, int first,
                      int last)
{
    double sum = 0;
    size_t days = 0;
    for (size_t e = 0; e < count; e++)
        for (int lag = first; lag <= last; lag++) {
            long day = (long)events[e] + lag;
            if (day >= 0 && day < (long)n && isfinite(s[day]))
                sum += s[day], days++;
        }
    return days > 0 ? sum / (double)days : NAN;
}

/* The events' days and how far each asks, turned in a circle over the raw series and its mirror. */
struct question {
    const double *x, *mirror;
    size_t n, count;
    const int *events;
    int first, last;
    bool *asked; /* n */
};

/* The same mean with a usual of its own, all days turned by `turn`. A window that leaves the study
 * at the real position loses the same days at every other. */
static double mean_asked(const struct question *q, const double *x, size_t turn)
{
    double sum = 0;
    size_t days = 0;
    memset(q->asked, 0, q->n * sizeof(*q->asked));
    for (int pass = 0; pass < 2; pass++)
        for (size_t e = 0; e < q->count; e++)
            for (int lag = q->first; lag <= q->last; lag++) {
                long day = (long)q->events[e] + lag;
                if (day < 0 || day >= (long)q->n)
                    continue;
                size_t at = ((size_t)day + turn) % q->n;
                if (pass == 0) {
                    q->asked[at] = true;
                    continue;
                }
                double v = log_ratio(x, q->n, at, q->asked);
                if (isfinite(v))
                    sum += v, days++;
            }
    return days > 0 ? sum / (double)days : NAN;
}

struct shifts {
    double own;        /* the events' mean over the middle of all positions */
    double *value;     /* 2 n positions, less the middle; the first is the real one; NAN */
    double *away;      /* |value| of the m others that have one, ascending */
    size_t m, n, days; /* positions of the circle, days of the study */
};

static void shifts_of(struct shifts *t, const struct question *q)
{
    size_t known = 0;
    t->n = q->n;
    t->m = 0;
    for (size_t i = 0; i < 2 * q->n; i++) {
        t->value[i] = mean_asked(q, i < q->n ? q->x : q->mirror, i % q->n);
        if (isfinite(t->value[i]))
            t->away[known++] = t->value[i];
    }
    double middle = known ? median_of(t->away, known) : 0;
    for (size_t i = 0; i < 2 * q->n; i++) {
        t->value[i] -= middle;
        if (i > 0 && isfinite(t->value[i]))
            t->away[t->m++] = fabs(t->value[i]);
    }
    t->own = t->value[0];
    sort_doubles(t->away, t->m);
}

/* How many of the others are as far out as `far`. */
static size_t reached_by(const struct shifts *t, double far)
{
    size_t low = 0, high = t->m;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (t->away[middle] < far - 1e-12)
            low = middle + 1;
        else
            high = middle;
    }
    return t->m - low;
}

/* Turning alone cannot give less than 1 / n, and so no less is said. */
static double shift_p(const struct shifts *t)
{
    if (!isfinite(t->own))
        return 1;
    double p = ((double)reached_by(t, fabs(t->own)) + 1) / ((double)t->m + 1);
    return fmax(p, 1 / (double)t->days);
}

/* Quantile of |T - middle| that a two-sided test at 1 - level would need. */
static double shift_quantile(const struct shifts *t, double level)
{
    size_t at = (size_t)ceil(level * ((double)t->m + 1));
    return t->m == 0 ? INFINITY : t->away[at > t->m ? t->m - 1 : at - 1];
}

static struct event_effect effect_of(const struct shifts *t, double level)
{
    struct event_effect e = {.p = shift_p(t), .effect = t->own};
    double half = shift_quantile(t, level);
    e.low = e.effect - half;
    e.high = e.effect + half;
    return e;
}

/* Cosine and sine sums of the series, once; phases are drawn anew for each surrogate. */
static void spectrum(const double *s, size_t n, double *amplitude)
{
    for (size_t k = 1; k <= n / 2; k++) {
        double c = 0, d = 0;
        for (size_t i = 0; i < n; i++) {
            double angle = 2 * M_PI * (double)(k * i % n) / (double)n;
            c += s[i] * cos(angle);
            d += s[i] * sin(angle);
        }
        amplitude[k] = sqrt(c * c + d * d);
    }
}

struct placed {
    double value;
    size_t at;
};

static int by_placed(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* Another series that leans as this one does and has the very same values (Theiler 1992: amplitudes
 * kept, phases random, values put back by rank). `cosines` holds cos(2 pi i / n). */
static void surrogate(const double *sorted, const double *amplitude, const double *cosines,
                      size_t n, struct random *random, struct placed *order, double *ret)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (struct placed){0, i};
    for (size_t k = 1; k <= n / 2; k++) {
        size_t phase = (size_t)random_below(random, n);
        for (size_t i = 0; i < n; i++)
            order[i].value += amplitude[k] * cosines[(k * i + phase) % n];
    }
    qsort(order, n, sizeof(*order), by_placed);
    for (size_t i = 0; i < n; i++)
        ret[order[i].at] = sorted[i];
}

/* Each lag against the largest of all lags (Westfall and Young). Turning the series in a circle
 * cannot serve here: a turn by one makes each lag its neighbour, so the largest of eleven would be
 * compared with itself; surrogates take its place. */
static void adjust_lags(struct event_result *r, const double *series, size_t n, const int *events,
                        size_t count, uint64_t seed)
{
    double *memory = memory_array(5 * n + 1, sizeof(*memory)), *s = memory, *sorted = s + n;
    double *amplitude = sorted + n, *cosines = amplitude + n, *other = cosines + n;
    struct placed *order = memory_array(n + 1, sizeof(*order));
    double own[LAGS], best = 0, scale[LAGS];
    size_t reached[LAGS] = {0}, any = 0;
    struct random random;
    random_init_named(&random, seed, "event-lags");
    for (size_t i = 0; i < n; i++) {
        sorted[i] = s[i] = isfinite(series[i]) ? series[i] : 0;
        cosines[i] = cos(2 * M_PI * (double)i / (double)n);
    }
    spectrum(s, n, amplitude);
    sort_doubles(sorted, n);
    for (int k = 0; k < LAGS; k++) { /* lags that lose events at the edges vary more */
        size_t in = 0;
        for (size_t e = 0; e < count; e++)
            in += events[e] + LAG_FIRST + k >= 0 && events[e] + LAG_FIRST + k < (int)n;
        scale[k] = sqrt((double)in);
        double v = mean_at(s, n, events, count, LAG_FIRST + k, LAG_FIRST + k);
        own[k] = in ? fabs(v) * scale[k] : 0;
        best = fmax(best, own[k]);
    }
    for (size_t d = 0; d < LAG_DRAWS; d++) {
        double top = 0;
        surrogate(sorted, amplitude, cosines, n, &random, order, other);
        for (int k = 0; k < LAGS; k++) {
            double v = mean_at(other, n, events, count, LAG_FIRST + k, LAG_FIRST + k);
            top = isfinite(v) ? fmax(top, fabs(v) * scale[k]) : top;
        }
        any += top >= best - 1e-12;
        for (int k = 0; k < LAGS; k++)
            reached[k] += top >= own[k] - 1e-12;
    }
    r->p_any = ((double)any + 1) / (LAG_DRAWS + 1);
    for (int k = 0; k < LAGS; k++)
        r->lag_p[k] = ((double)reached[k] + 1) / (LAG_DRAWS + 1);
    free(order);
    free(memory);
}

static double sd_of(const double *s, size_t n)
{
    double sum = 0, squares = 0, count = 0;
    for (size_t i = 0; i < n; i++)
        if (isfinite(s[i]))
            sum += s[i], squares += s[i] * s[i], count++;
    return count > 1 ? sqrt(fmax(0, (squares - sum * sum / count) / (count - 1))) : 0;
}

/* The circle has whole weeks, so that turning keeps events of one weekday on one weekday; the days
 * that fill it up have no data. Two series of *n days, x and its mirror. */
static double *circle_of(const double *x, size_t days, size_t *n)
{
    *n = (days + 6) / 7 * 7;
    double *circle = memory_array(2 * *n + 1, sizeof(*circle));
    for (size_t i = 0; i < *n; i++)
        circle[i] = i < days ? x[i] : NAN;
    for (size_t i = 0; i < *n; i++)
        circle[*n + i] = circle[*n - 1 - i];
    return circle;
}

struct event_result event_test(const double *x, size_t n, const int *events, size_t count,
                               double level, uint64_t seed)
{
    static const int first[] = {-7, 0, 1}, last[] = {-1, 0, 3};
    size_t round;
    double *circle = circle_of(x, n, &round);
    double *series = memory_array(n + 4 * round + 1, sizeof(*series));
    bool *asked = memory_array(round + 1, sizeof(*asked));
    struct question q = {circle, circle + round, round, count, events, 0, 0, asked};
    struct shifts t = {.value = series + n, .away = series + n + 2 * round, .days = n};
    event_series(x, n, 0, series);
    struct event_result r = {.sd = sd_of(series, n), .draws = 2 * round - 1, .p_any = 1};
    for (int w = 0; w < EVENT_WINDOWS; w++) {
        q.first = first[w], q.last = last[w];
        shifts_of(&t, &q);
        r.window[w] = effect_of(&t, level);
        if (w == EVENT_ON)
            r.equivalence = fabs(r.window[w].effect) + shift_quantile(&t, 2 * level - 1 + SPARE);
    }
    q.first = -1, q.last = 1;
    shifts_of(&t, &q);
    r.near = effect_of(&t, level);
    for (int k = 0; k < LAGS; k++) {
        q.first = q.last = LAG_FIRST + k;
        shifts_of(&t, &q);
        r.lag[k] = effect_of(&t, level);
    }
    adjust_lags(&r, series, n, events, count, seed);
    free(asked);
    free(circle);
    free(series);
    return r;
}

/* Puts the known days of a group (every day, or the days of one weekday) in random order. */
static void shuffle(double *s, size_t n, size_t from, size_t step, struct random *random)
{
    size_t count = from < n ? (n - from + step - 1) / step : 0;
    for (size_t i = count; i > 1; i--) {
        size_t j = (size_t)random_below(random, i);
        double keep = s[from + (i - 1) * step];
        s[from + (i - 1) * step] = s[from + j * step];
        s[from + j * step] = keep;
    }
}

double event_p_shuffled(const double *series, size_t n, const int *events, size_t count,
                        int weekday, int by_weekday, size_t draws, uint64_t seed)
{
    double *s = memory_array(n + 1, sizeof(*s)), mean = 0, known = 0;
    struct random random;
    size_t reached = 0;
    (void)weekday;
    random_init_named(&random, seed, by_weekday ? "event-weekday-shuffle" : "event-shuffle");
    for (size_t i = 0; i < n; i++) {
        s[i] = series[i];
        if (isfinite(s[i]))
            mean += s[i], known++;
    }
    mean = known > 0 ? mean / known : 0;
    double own = fabs(mean_at(s, n, events, count, 0, 0) - mean);
    for (size_t d = 0; d < draws; d++) {
        size_t step = by_weekday ? 7 : 1;
        for (size_t from = 0; from < step; from++)
            shuffle(s, n, from, step, &random);
        double v = fabs(mean_at(s, n, events, count, 0, 0) - mean);
        reached += isfinite(v) && v >= own - 1e-12;
    }
    free(s);
    return ((double)reached + 1) / ((double)draws + 1);
}

/* Share of the positions at which an effect planted there is found. Planting adds the effect to the
 * position's own mean, and to another position's as far as both ask about the same days: `shared`
 * has that part by how far the two are turned apart (and mirrored). */
static double power_at(const struct shifts *t, const double *shared, const double *shared_mirror,
                       double effect)
{
    size_t n = t->n, found = 0, tried = 0;
    for (size_t at = 0; at < n; at++) {
        if (!isfinite(t->value[at]))
            continue;
        double own = fabs(t->value[at] + effect);
        size_t reached = 0, m = 0;
        for (size_t i = 0; i < 2 * n; i++) {
            if (i == at || !isfinite(t->value[i]))
                continue;
            double part = i < n ? shared[(i + n - at) % n] : shared_mirror[(i - n + at) % n];
            reached += fabs(t->value[i] + effect * part) >= own - 1e-12;
            m++;
        }
        tried++;
        found += (double)(reached + 1) / (double)(m + 1) <= 0.05;
    }
    return tried ? (double)found / (double)tried : 0;
}

/* Part of the events that a turn by k (or turning and mirroring) puts on days of events again. */
static void shared_days(const int *events, size_t count, size_t n, double *turned, double *mirror)
{
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < count; j++) {
            if (events[i] < 0 || events[j] < 0 || events[i] >= (int)n || events[j] >= (int)n)
                continue;
            size_t a = (size_t)events[i], b = (size_t)events[j];
            turned[(a + n - b) % n] += 1 / (double)count;
            mirror[(2 * n - 1 - a - b) % n] += 1 / (double)count;
        }
}

double event_detectable(const double *x, size_t n, int weekday, const int *events, size_t count,
                        double power)
{
    size_t round;
    double *circle = circle_of(x, n, &round);
    double *work = memory_array(6 * round + 1, sizeof(*work)), low = 0, high = 0.05;
    double *shared = work + 4 * round, *shared_mirror = work + 5 * round;
    bool *asked = memory_array(round + 1, sizeof(*asked));
    struct question q = {circle, circle + round, round, count, events, 0, 0, asked};
    struct shifts t = {.value = work, .away = work + 2 * round, .days = n};
    (void)weekday;
    shifts_of(&t, &q);
    shared_days(events, count, round, shared, shared_mirror);
    power = 1 - (1 - power) * MARGIN;
    while (high < 10 && power_at(&t, shared, shared_mirror, high) < power)
        low = high, high *= 2;
    for (int i = 0; i < 12; i++) {
        double middle = (low + high) / 2;
        if (power_at(&t, shared, shared_mirror, middle) < power)
            low = middle;
        else
            high = middle;
    }
    free(asked);
    free(circle);
    free(work);
    return high >= 10 ? INFINITY : high;
}
