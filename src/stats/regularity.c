/* SPDX-License-Identifier: Apache-2.0 */
/* A score of evenness alone is fooled by bursts (a page's six connections a second apart are very
 * even), so it is held together with `steady`, how much of the time the even intervals fill, and
 * with what arrivals at random by people's daily rhythm would give. */
#include "stats/regularity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "stats/order.h"

enum { DAYS_MIN = 3, EXCEEDED_MAX = 10 };
static const double SPREAD_MIN_S = 10, NEAR = 0.25;
static const double STRETCH_MIN_S = 3600; /* a single burst fills no day */

struct measured {
    struct regularity r;
    double fitness; /* score * steady, days weighed by the time they span: what is tested */
};

static double middle(const double *x, size_t n)
{
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* Quartiles are medians of the halves, the middle one left out of both. */
static double skewness(const double *x, size_t n)
{
    double low = middle(x, n / 2), high = middle(x + (n + 1) / 2, n / 2), median = middle(x, n);
    if (high - low < SPREAD_MIN_S || median == low || median == high)
        return 0;
    return (low + high - 2 * median) / (high - low);
}

/* Median of |x - median| of sorted x: the nearest ones lie around the middle, so two pointers
 * walk outwards from it. */
static double deviation(const double *x, size_t n, double median)
{
    size_t left = n / 2, right = n / 2, taken = 0;
    double last = 0, before = 0;
    while (taken < n / 2 + 1) {
        double a = left > 0 ? fabs(median - x[left - 1]) : INFINITY;
        double b = right < n ? fabs(x[right] - median) : INFINITY;
        before = last;
        last = fmin(a, b);
        if (a <= b)
            left--;
        else
            right++;
        taken++;
    }
    return n % 2 ? last : (before + last) / 2;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Insertion for the short lists of most days, which the null draws by the thousand. */
static void sort(double *x, size_t n)
{
    if (n > 48) {
        qsort(x, n, sizeof(*x), ascending);
        return;
    }
    for (size_t i = 1; i < n; i++) {
        double v = x[i];
        size_t j = i;
        for (; j > 0 && x[j - 1] > v; j--)
            x[j] = x[j - 1];
        x[j] = v;
    }
}

double regularity_score(double *x, size_t n)
{
    size_t zeros = 0;
    sort(x, n);
    while (zeros < n && x[zeros] <= 0)
        zeros++;
    x += zeros;
    n -= zeros;
    if (n < REGULARITY_INTERVALS_MIN)
        return NAN;
    double median = middle(x, n), even = 1;
    if (median >= 1)
        even = fmax(0, (median - deviation(x, n, median)) / median);
    return round((1 - fabs(skewness(x, n)) + even) / 2 * 1000) / 1000;
}

struct stretch {
    double score, period_s, near_s, whole_s;
};

/* Measures one stretch of arrivals; `work` holds n. False where it has too few. */
static int measure(const uint32_t *at, size_t n, double *work, struct stretch *ret)
{
    size_t count = 0;
    *ret = (struct stretch){0};
    for (size_t i = 1; i < n; i++)
        if (at[i] > at[i - 1])
            work[count++] = at[i] - at[i - 1];
    ret->score = regularity_score(work, count);
    if (isnan(ret->score))
        return 0;
    ret->period_s = middle(work, count);
    for (size_t i = 0; i < count; i++) {
        ret->whole_s += work[i];
        ret->near_s += fabs(work[i] - ret->period_s) <= NEAR * ret->period_s ? work[i] : 0;
    }
    ret->whole_s = fmax(ret->whole_s, STRETCH_MIN_S);
    return 1;
}

static size_t full_days(const struct arrivals *a)
{
    size_t count = 0;
    for (size_t d = 0; d < a->days; d++)
        count += a->first[d + 1] - a->first[d] > REGULARITY_INTERVALS_MIN;
    return count;
}

/* `at` are arrivals laid out as a->at_s; `by_day` as the observed ones were taken. `work` holds all
 * arrivals and days. */
static struct measured weigh(const struct arrivals *a, const uint32_t *at, int by_day, double *work)
{
    struct measured sum = {.r = {.score = NAN}};
    struct stretch one;
    size_t all = a->first[a->days], n = 0;
    double *periods = work + all, score = 0, fit = 0, near = 0, whole = 0;
    for (size_t d = 0; d < (by_day ? a->days : 1); d++) {
        size_t from = by_day ? a->first[d] : 0, to = by_day ? a->first[d + 1] : all;
        if (!measure(at + from, to - from, work, &one))
            continue;
        score += one.score;
        fit += one.score * one.near_s;
        near += one.near_s;
        whole += one.whole_s;
        periods[n++] = one.period_s;
    }
    if (n == 0)
        return sum;
    sort(periods, n);
    sum.r =
        (struct regularity){score / (double)n, near / whole, middle(periods, n), by_day ? n : 0};
    sum.fitness = fit / whole;
    return sum;
}

struct regularity regularity_of(const struct arrivals *a)
{
    double *work = memory_array(a->first[a->days] + a->days + 1, sizeof(*work));
    struct measured m = weigh(a, a->at_s, full_days(a) >= DAYS_MIN, work);
    free(work);
    return m.r;
}

static int ascending_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void draw_day(struct random *r, const double until[REGULARITY_SLOTS], uint32_t from_s,
                     uint32_t *at, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double u = random_unit(r);
        uint32_t slot = 0;
        while (slot + 1 < REGULARITY_SLOTS && u >= until[slot])
            slot++;
        at[i] = from_s + slot * 1800 + (uint32_t)random_below(r, 1800);
        size_t j = i; /* in order as they come; long days are sorted below */
        for (; n <= 48 && j > 0 && at[j - 1] > at[j]; j--) {
            uint32_t swap = at[j];
            at[j] = at[j - 1];
            at[j - 1] = swap;
        }
    }
    if (n > 48)
        qsort(at, n, sizeof(*at), ascending_u32);
}

double regularity_p(const struct arrivals *a, const double until[REGULARITY_SLOTS],
                    size_t draws_max, uint64_t seed, size_t *ret_draws)
{
    struct random random;
    size_t all = a->first[a->days], draws = 0, exceeded = 0;
    double *work = memory_array(all + a->days + 1, sizeof(*work));
    uint32_t *at = memory_array(all + 1, sizeof(*at));
    int by_day = full_days(a) >= DAYS_MIN;
    struct measured seen = weigh(a, a->at_s, by_day, work);
    random_init_named(&random, seed, "regularity");
    while (!isnan(seen.r.score) && draws < draws_max && exceeded < EXCEEDED_MAX) {
        for (size_t d = 0; d < a->days; d++)
            draw_day(&random, until, a->day_s[d], at + a->first[d], a->first[d + 1] - a->first[d]);
        struct measured m = weigh(a, at, by_day, work);
        exceeded += !isnan(m.r.score) && m.fitness >= seen.fitness;
        draws++;
    }
    free(work);
    free(at);
    *ret_draws = draws;
    if (isnan(seen.r.score))
        return 1;
    return exceeded >= EXCEEDED_MAX ? (double)exceeded / (double)draws
                                    : (double)(exceeded + 1) / (double)(draws + 1);
}
