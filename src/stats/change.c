/* SPDX-License-Identifier: Apache-2.0 */
/* Counts of days spread more than a Poisson's and lean on their neighbours. The likelihood ratio of
 * a change (Poisson) is therefore divided by the spread left within the two stretches and by how
 * far their residuals lean; what is left behaves like a chi-squared at each date, and all dates
 * together are held by Bonferroni, which is strict where neighbours agree. */
#include "stats/change.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "stats/special.h"

static const double DATE_BOUND = 7.35, NOTHING = 0.05, LEAN_BOUND = 2.5, NOTHING_BOUND = 1,
                    RANGE = 2.1;

/* Residual squares of x[from, to) from prefix sums. */
static double squares_of(const double *sum, const double *squares, size_t from, size_t to)
{
    double s = sum[to] - sum[from];
    return fmax(0, squares[to] - squares[from] - s * s / (double)(to - from));
}

double breaks_fit(const double *x, size_t n, size_t shortest, size_t breaks, size_t at[BREAKS_MAX],
                  double *ret_bic)
{
    size_t width = n + 1;
    double *sum = memory_array((3 + BREAKS_MAX) * width, sizeof(*sum)), *squares = sum + width;
    double *best = squares + width; /* best[k * width + i]: x[0, i) with k breaks */
    size_t *from = memory_array((BREAKS_MAX + 1) * width, sizeof(*from));
    for (size_t i = 0; i < n; i++) {
        sum[i + 1] = sum[i] + x[i];
        squares[i + 1] = squares[i] + x[i] * x[i];
    }
    for (size_t i = 0; i <= n; i++)
        best[i] = i >= shortest ? squares_of(sum, squares, 0, i) : INFINITY;
    for (size_t k = 1; k <= breaks; k++)
        for (size_t i = 0; i <= n; i++) {
            best[k * width + i] = INFINITY;
            for (size_t j = shortest; j + shortest <= i; j++) {
                double v = best[(k - 1) * width + j] + squares_of(sum, squares, j, i);
                if (v < best[k * width + i])
                    best[k * width + i] = v, from[k * width + i] = j;
            }
        }
    double left = best[breaks * width + n];
    for (size_t k = breaks, i = n; k > 0 && isfinite(left); k--)
        at[k - 1] = i = from[k * width + i];
    if (ret_bic)
        *ret_bic = (double)n * (log(2 * M_PI) + 1 + log(left / (double)n)) +
                   log((double)n) * (2 * (double)breaks + 2);
    free(sum);
    free(from);
    return left;
}

static double entropy(double sum, double days)
{
    return sum > 0 ? sum * log(sum / days) : 0;
}

/* Spread of the two stretches' residuals over the Poisson's, at least 1; and their lean. */
static void left_over(const double *x, size_t n, size_t at, double before, double after,
                      struct change *c)
{
    double chi = 0, cross = 0, squares = 0, last = 0;
    for (size_t i = 0; i < n; i++) {
        double m = fmax(i < at ? before : after, 0.5 / (double)n);
        double e = (x[i] - m) / sqrt(m);
        chi += e * e;
        squares += e * e;
        cross += i > 0 && i != at ? e * last : 0;
        last = e;
    }
    double lean = squares > 0 ? cross / squares : 0;
    lean = (lean * (double)n + 2) / ((double)n - 4); /* two means were fitted: Kendall's bias */
    /* A level that drifts looks like a step, and fitting the step hides the drift: unless one side
     * is next to nothing, where a part of it is enough, the lean is taken at its upper bound. */
    double bound = fmin(before, after) > NOTHING * fmax(before, after) ? LEAN_BOUND : NOTHING_BOUND;
    lean += bound * sqrt(fmax(0, 1 - lean * lean) / (double)n);
    c->lean = fmin(0.98, fmax(0, lean));
    c->dispersion = fmax(1, chi / (double)(n - 2));
}

/* The likeliest change in x[0, n); false when there is no room for one. */
static int change_best(const double *x, size_t n, size_t shortest, struct change *c)
{
    double *ratio = memory_array(n + 1, sizeof(*ratio)), all = 0, best = -1, part = 0;
    if (n < 2 * shortest || n < 6) {
        free(ratio);
        return 0;
    }
    for (size_t i = 0; i < n; i++)
        all += x[i];
    for (size_t i = 0; i < n; i++) {
        if (i >= shortest && i + shortest <= n) {
            ratio[i] = 2 * (entropy(part, (double)i) + entropy(all - part, (double)(n - i)) -
                            entropy(all, (double)n));
            if (ratio[i] > best)
                best = ratio[i], c->at = i, c->before = part / (double)i,
                c->after = (all - part) / (double)(n - i);
        }
        part += x[i];
    }
    left_over(x, n, c->at, c->before, c->after, c);
    double scale = c->dispersion * (1 + c->lean) / (1 - c->lean);
    c->statistic = best / scale;
    double one = 2 * normal_cdf(-sqrt(fmax(0, c->statistic)));
    c->p = fmin(1, fmax(1e-12, one * (double)(n - 2 * shortest + 1)));
    c->at_low = c->at_high = c->at;
    for (size_t i = shortest; i + shortest <= n; i++)
        if ((best - ratio[i]) / scale <= DATE_BOUND) {
            c->at_low = i < c->at_low ? i : c->at_low;
            c->at_high = i > c->at_high ? i : c->at_high;
        }
    free(ratio);
    return 1;
}

/* Days of one level differ too: a shift is told only where it takes the level out of their range,
 * so many of their standard deviations (logarithms) and by the factor. From or to next to nothing
 * the factor is enough. */
static int is_apart(const double *x, size_t n, const struct change *c, double factor)
{
    double low = fmin(c->before, c->after), high = fmax(c->before, c->after);
    if (high < factor * low)
        return 0;
    if (low <= NOTHING * high)
        return 1;
    double sum[2] = {0}, squares = 0, count[2] = {(double)c->at, (double)(n - c->at)};
    for (size_t i = 0; i < n; i++) {
        double v = log(x[i] + 0.5);
        sum[i >= c->at] += v;
        squares += v * v;
    }
    double left = squares - sum[0] * sum[0] / count[0] - sum[1] * sum[1] / count[1];
    double sd = sqrt(fmax(0, left) / (double)(n - 2));
    return log((high + 0.5) / (low + 0.5)) >= RANGE * sd;
}

static size_t find_in(const double *x, size_t from, size_t n, size_t shortest, double p_max,
                      double factor, struct change *ret, size_t room)
{
    struct change c = {0};
    if (room == 0 || !change_best(x + from, n, shortest, &c) || c.p > p_max)
        return 0;
    if (!is_apart(x + from, n, &c, factor))
        return 0;
    size_t at = c.at;
    size_t count = find_in(x, from, at, shortest, p_max, factor, ret, room - 1);
    c.at += from;
    c.at_low += from;
    c.at_high += from;
    ret[count++] = c;
    return count +
           find_in(x, from + at, n - at, shortest, p_max, factor, ret + count, room - count);
}

/* Levels and dates again between the neighbours that were found. */
static void refine(const double *x, size_t n, size_t shortest, struct change *c, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        size_t from = k > 0 ? c[k - 1].at : 0, to = k + 1 < count ? c[k + 1].at : n;
        struct change again = {0};
        if (!change_best(x + from, to - from, shortest, &again))
            continue;
        again.at += from;
        again.at_low += from;
        again.at_high += from;
        c[k] = again;
    }
}

size_t changes_find(const double *count, size_t n, size_t shortest, double p_max, double factor,
                    struct change *ret, size_t room)
{
    size_t found = find_in(count, 0, n, shortest, p_max, factor, ret, room);
    refine(count, n, shortest, ret, found);
    size_t kept = 0;
    for (size_t k = 0; k < found; k++) {
        double low = fmin(ret[k].before, ret[k].after), high = fmax(ret[k].before, ret[k].after);
        if (ret[k].p <= p_max && high >= factor * low)
            ret[kept++] = ret[k];
    }
    return kept;
}
