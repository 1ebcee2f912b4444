/* SPDX-License-Identifier: Apache-2.0 */
/* Weekday and trend go out first: events cluster on weekdays, and a shift that moves a Sunday's
 * level onto a Monday would find the week, not the events (docs/methods.md has the false alarms of
 * each null). Circular shifts then keep how days lean on each other, and the events' own clusters.
 */
#include "stats/event.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/random.h"
#include "stats/order.h"

enum { WEEKS_AROUND = 4, WEEKS_MIN = 3, LAG_DRAWS = 999 };

static double median_around(const double *x, size_t n, size_t at)
{
    double near[2 * WEEKS_AROUND];
    size_t count = 0;
    for (int w = 1; count < 2 * WEEKS_AROUND && w <= 2 * WEEKS_AROUND; w++)
        for (int side = -1; side <= 1 && count < 2 * WEEKS_AROUND; side += 2) {
            long day = (long)at + (long)side * w * 7;
            if (day >= 0 && day < (long)n && isfinite(x[day]))
                near[count++] = x[day];
        }
    return count >= WEEKS_MIN ? median_of(near, count) : NAN;
}

void event_series(const double *x, size_t n, int weekday, double *ret)
{
    double *known = memory_array(n + 1, sizeof(*known));
    size_t count = 0;
    (void)weekday; /* steps of seven days need no name for the day */
    for (size_t i = 0; i < n; i++) {
        double usual = median_around(x, n, i);
        ret[i] = isfinite(x[i]) && isfinite(usual) ? log((x[i] + 0.5) / (usual + 0.5)) : NAN;
        if (isfinite(ret[i]))
            known[count++] = ret[i];
    }
    double middle = count > 0 ? median_of(known, count) : 0;
    for (size_t i = 0; i < n; i++)
        ret[i] -= middle;
    free(known);
}

/* Mean over the events' days at lags [first, last], the series turned by `turn`. */
static double mean_at(const double *s, size_t n, const int *events, size_t count, int first,
                      int last, size_t turn)
{
    double sum = 0;
    size_t days = 0;
    for (size_t e = 0; e < count; e++)
        for (int lag = first; lag <= last; lag++) {
            long day = (long)events[e] + lag;
            if (day < 0 || day >= (long)n)
                continue;
            double v = s[((size_t)day + turn) % n];
            if (isfinite(v))
                sum += v, days++;
        }
    return days > 0 ? sum / (double)days : NAN;
}

struct shifts {
    double own, mean, sd;
    double *away; /* |T_s - mean| of the m shifts that have one */
    size_t m;
};

static void shifts_of(struct shifts *t, const double *s, size_t n, const int *events, size_t count,
                      int first, int last)
{
    double sum = 0, squares = 0;
    t->m = 0;
    t->own = mean_at(s, n, events, count, first, last, 0);
    for (size_t turn = 1; turn < n; turn++) {
        double v = mean_at(s, n, events, count, first, last, turn);
        if (isfinite(v))
            t->away[t->m++] = v, sum += v, squares += v * v;
    }
    t->mean = t->m ? sum / (double)t->m : 0;
    t->sd = t->m > 1 ? sqrt(fmax(0, squares / (double)t->m - t->mean * t->mean)) : 0;
    for (size_t i = 0; i < t->m; i++)
        t->away[i] = fabs(t->away[i] - t->mean);
}

static double shift_p(const struct shifts *t)
{
    size_t reached = 0;
    for (size_t i = 0; i < t->m; i++)
        reached += t->away[i] >= fabs(t->own - t->mean) - 1e-12;
    return isfinite(t->own) ? ((double)reached + 1) / ((double)t->m + 1) : 1;
}

/* Quantile of |T - mean| that a two-sided test at 1 - level would need. */
static double shift_quantile(struct shifts *t, double level)
{
    sort_doubles(t->away, t->m);
    size_t at = (size_t)ceil(level * ((double)t->m + 1));
    return t->m == 0 ? INFINITY : t->away[at > t->m ? t->m - 1 : at - 1];
}

static struct event_effect effect_of(struct shifts *t, double level)
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
        double v = mean_at(s, n, events, count, LAG_FIRST + k, LAG_FIRST + k, 0);
        own[k] = in ? fabs(v) * scale[k] : 0;
        best = fmax(best, own[k]);
    }
    for (size_t d = 0; d < LAG_DRAWS; d++) {
        double top = 0;
        surrogate(sorted, amplitude, cosines, n, &random, order, other);
        for (int k = 0; k < LAGS; k++) {
            double v = mean_at(other, n, events, count, LAG_FIRST + k, LAG_FIRST + k, 0);
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

struct event_result event_test(const double *s, size_t n, const int *events, size_t count,
                               double level, uint64_t seed)
{
    static const int first[] = {-7, 0, 1}, last[] = {-1, 0, 3};
    struct event_result r = {.sd = sd_of(s, n), .draws = n - 1, .p_any = 1};
    double *memory = memory_array(n + 1, sizeof(*memory));
    struct shifts t = {.away = memory};
    for (int w = 0; w < EVENT_WINDOWS; w++) {
        shifts_of(&t, s, n, events, count, first[w], last[w]);
        r.window[w] = effect_of(&t, level);
        if (w == EVENT_ON)
            r.equivalence = fabs(r.window[w].effect) + shift_quantile(&t, 2 * level - 1);
    }
    for (int k = 0; k < LAGS; k++) {
        shifts_of(&t, s, n, events, count, LAG_FIRST + k, LAG_FIRST + k);
        r.lag[k] = effect_of(&t, level);
    }
    adjust_lags(&r, s, n, events, count, seed);
    free(memory);
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
    double own = fabs(mean_at(s, n, events, count, 0, 0, 0) - mean);
    for (size_t d = 0; d < draws; d++) {
        size_t step = by_weekday ? 7 : 1;
        for (size_t from = 0; from < step; from++)
            shuffle(s, n, from, step, &random);
        double v = fabs(mean_at(s, n, events, count, 0, 0, 0) - mean);
        reached += isfinite(v) && v >= own - 1e-12;
    }
    free(s);
    return ((double)reached + 1) / ((double)draws + 1);
}

/* Share of the turned positions where a planted log ratio is found. */
static double power_at(const double *x, size_t n, int weekday, const int *events, size_t count,
                       double effect, double *work)
{
    double *planted = work, *series = work + n, *away = work + 2 * n;
    int *moved = memory_array(count + 1, sizeof(*moved));
    struct shifts t = {.away = away};
    size_t found = 0, tried = 0;
    for (size_t turn = 0; turn < n; turn++) {
        for (size_t i = 0; i < n; i++)
            planted[i] = x[i];
        for (size_t e = 0; e < count; e++) {
            moved[e] = (int)(((size_t)events[e] + turn) % n);
            planted[moved[e]] *= exp(effect);
        }
        event_series(planted, n, weekday, series);
        shifts_of(&t, series, n, moved, count, 0, 0);
        tried++;
        found += shift_p(&t) <= 0.05;
    }
    free(moved);
    return (double)found / (double)tried;
}

double event_detectable(const double *x, size_t n, int weekday, const int *events, size_t count,
                        double power)
{
    double *work = memory_array(3 * n + 1, sizeof(*work)), low = 0, high = 0.05;
    while (high < 10 && power_at(x, n, weekday, events, count, high, work) < power)
        low = high, high *= 2;
    for (int i = 0; i < 8; i++) {
        double middle = (low + high) / 2;
        if (power_at(x, n, weekday, events, count, middle, work) < power)
            low = middle;
        else
            high = middle;
    }
    free(work);
    return high >= 10 ? INFINITY : high;
}
