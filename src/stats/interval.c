/* SPDX-License-Identifier: Apache-2.0 */
/* How an interval is made.
 *
 * The share r = sum(part) / sum(whole) is linearised: its error is the mean of the days' residuals
 * (part - r whole), divided by the mean of whole. The residuals are taken as an AR(1) whose
 * correlation nobody knows; a plug-in estimate is too low on few days, and a t quantile with
 * "effective days" repairs only part of it (coverage 90% at 0.6, docs/methods.md). So the
 * correlation is integrated out: each value on a grid is weighed by its restricted likelihood
 * (REML) and the reference prior of an AR(1), 1 / sqrt(1 - lean^2) (Berger and Yang 1994), and with
 * it goes the variance of the mean; the interval's half width is the quantile of the mixture of
 * Student's t that this gives. Gaps between days enter as powers of the correlation.
 *
 * Small counts hide how days lean on each other: what chance adds to each day by itself leans on
 * nothing, and the sum of both has a small correlation that dies slowly. How much chance adds is
 * known (a count's binomial variance), so that the AR(1) is seen through that much noise: a Kalman
 * filter gives the likelihood.
 *
 * Shares near 0 or 1 are not symmetric. The half width is turned into an effective number of
 * conversations, and the interval is the beta quantiles of that (Korn and Graubard 1998, with half
 * a count added to each side as Jeffreys does instead of a whole to one); for ratios and means the
 * gamma quantiles (Fay and Feuer 1997, likewise). Both go over into the symmetric
 * interval where there is much data and stay right where a service was seen on a few days only. */
#include "stats/interval.h"

#include <assert.h>
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/zone.h"
#include "stats/order.h"
#include "stats/special.h"

enum { GRID = 64, FACTORS = 16 };
static const double LEAN_LOW = -0.5, LEAN_HIGH = 0.98, NOISE_MOST = 0.95, NEGLIGIBLE = 1e-5;
/* On fewer days the prior alone would decide: there it goes over into a flat one. */
static const double PRIOR_DAYS = 56;

/* The grid of correlations: weight and the standard error of the mean at each. */
struct leaning {
    double weight[GRID], scale[GRID], lean[GRID];
    double freedom;
};

/* ln of the restricted likelihood at `lean`, and the standard error of the plain mean there.
 * `noise` is the part of the variance that belongs to each day alone. A Kalman filter over the
 * days, for x and for a row of ones at once: the innovations' sums give the generalised least
 * squares. */
static double restricted(const int32_t *days, const double *x, size_t n, double freedom,
                         double lean, double noise, double *scale)
{
    double ones = 0, cross = 0, squares = 0, log_det = 0, factor = 1, ahead = 0, sum = 0;
    double state_x = 0, state_one = 0, variance = 1 - noise;
    for (size_t i = 0; i < n; i++) {
        if (i > 0) {
            int32_t step = days[i] - days[i - 1];
            double a = step == 1 ? lean : pow(lean, step);
            state_x *= a;
            state_one *= a;
            variance = a * a * variance + (1 - a * a) * (1 - noise);
            ahead = a * (ahead + 1);
            sum += ahead;
        }
        double precision = 1 / (variance + noise), gain = variance * precision;
        double e = x[i] - state_x, one = 1 - state_one;
        ones += one * one * precision;
        cross += one * e * precision;
        squares += e * e * precision;
        factor *= variance + noise;
        if (i % FACTORS == FACTORS - 1 || i + 1 == n) {
            log_det += log(factor);
            factor = 1;
        }
        state_x += gain * e;
        state_one += gain * one;
        variance *= 1 - gain;
    }
    double left = fmax(1e-300, squares - cross * cross / ones);
    *scale = sqrt(left / freedom * ((double)n + 2 * (1 - noise) * sum)) / (double)n;
    return -0.5 * (log_det + log(ones)) - freedom / 2 * log(left);
}

static void leaning_fit(struct leaning *l, const int32_t *days, const double *x, size_t n,
                        int taken, double noise)
{
    double likelihood[GRID], best = -INFINITY, total = 0;
    double prior = 0.5 * fmin(1, (double)n / PRIOR_DAYS);
    l->freedom = (double)n - 1 - taken;
    for (int k = 0; k < GRID; k++) {
        double lean = LEAN_LOW + (LEAN_HIGH - LEAN_LOW) * (k + 0.5) / GRID;
        l->lean[k] = lean;
        likelihood[k] = restricted(days, x, n, l->freedom, lean, noise, &l->scale[k]) -
                        prior * log(1 - lean * lean);
        best = fmax(best, likelihood[k]);
    }
    for (int k = 0; k < GRID; k++)
        total += l->weight[k] = exp(likelihood[k] - best);
    for (int k = 0; k < GRID; k++)
        l->weight[k] /= total;
}

/* P(|T| > t). Student's t becomes a normal by Hill's expansion (1970, CACM algorithm 395), to
 * 1e-6 from five degrees on; the exact one is ten times as slow, and asked thousands of times. */
static double two_tails(double t, double freedom)
{
    if (freedom < 5)
        return 2 * t_cdf(-t, freedom);
    double a = freedom - 0.5, b = 48 * a * a, w = a * log1p(t * t / freedom);
    double z = ((((-0.4 * w - 3.3) * w - 24) * w - 85.5) / (0.8 * w * w + 100 + b) + w + 3) / b + 1;
    return erfc(z * sqrt(w) * M_SQRT1_2);
}

/* P(|error of the mean| > width). */
static double outside(const struct leaning *l, double width)
{
    double p = 0;
    for (int k = 0; k < GRID; k++)
        if (l->weight[k] > NEGLIGIBLE)
            p += l->weight[k] * two_tails(width / l->scale[k], l->freedom);
    return p;
}

/* By the secant on ln P, which is almost a line in ln width; falls back on halving. */
static double half_width(const struct leaning *l, double level)
{
    double low = 0, high = 0, target = 1 - level;
    for (int k = 0; k < GRID; k++)
        high += l->weight[k] * l->scale[k] * 2;
    while (outside(l, high) > target)
        low = high, high *= 1.5;
    for (int i = 0; i < 60 && high - low > 1e-5 * high; i++) {
        double at_low = low > 0 ? log(outside(l, low) / target) : 0;
        double at_high = log(outside(l, high) / target);
        double middle = low > 0 ? low + (high - low) * at_low / (at_low - at_high) : high / 2;
        if (!(middle > low && middle < high) || i % 3 == 2)
            middle = (low + high) / 2;
        if (outside(l, middle) > target)
            low = middle;
        else
            high = middle;
    }
    return high;
}

static double sum_of(const double *x, size_t n)
{
    double s = 0;
    for (size_t i = 0; i < n; i++)
        s += x[i];
    return s;
}

/* Takes the weekdays' own levels out of x where they plainly differ (F test at 0.01, three weeks
 * and more): the week repeats in the long run too, so it is not part of the uncertainty. Returns
 * how many parameters that took. */
static int weekdays_out(const int32_t *days, double *x, size_t n)
{
    double mean[7] = {0}, all = sum_of(x, n) / (double)n, between = 0, within = 0;
    int count[7] = {0};
    if (n < 21)
        return 0;
    for (size_t i = 0; i < n; i++) {
        int w = day_weekday(days[i]);
        mean[w] += x[i];
        count[w]++;
    }
    for (int w = 0; w < 7; w++) {
        if (count[w] < 3)
            return 0;
        mean[w] /= count[w];
        between += count[w] * (mean[w] - all) * (mean[w] - all);
    }
    for (size_t i = 0; i < n; i++) {
        double d = x[i] - mean[day_weekday(days[i])];
        within += d * d;
    }
    double f = within > 0 ? between / 6 / (within / (double)(n - 7)) : 0;
    if (f_cdf(f, 6, (double)(n - 7)) < 0.99)
        return 0;
    for (size_t i = 0; i < n; i++)
        x[i] -= mean[day_weekday(days[i])] - all;
    return 6;
}

/* Error of the mean of x as a symmetric normal one; fills what e says of the days. x is changed.
 * `chance` is the variance that each day has by itself. 0 where x is constant. */
static double mean_error(const int32_t *days, double *x, size_t n, double chance, double level,
                         struct estimate *e)
{
    struct leaning l;
    double spread = 0, inflation = 0;
    int taken = weekdays_out(days, x, n);
    double mean = sum_of(x, n) / (double)n;
    for (size_t i = 0; i < n; i++)
        spread += (x[i] - mean) * (x[i] - mean);
    e->days_effective = (double)n;
    e->lean = 0;
    if (spread <= 0)
        return 0;
    leaning_fit(&l, days, x, n, taken, fmin(NOISE_MOST, chance * (double)(n - 1) / spread));
    for (int k = 0; k < GRID; k++) {
        e->lean += l.weight[k] * l.lean[k];
        inflation += l.weight[k] * l.scale[k] * l.scale[k];
    }
    e->days_effective = fmin((double)n, spread / (double)(n - 1) / inflation);
    return half_width(&l, level) / normal_quantile((1 + level) / 2);
}

/* `unit`: what one conversation adds to `part`, 0 where that is not known. */
static double ratio_error(const int32_t *days, const double *part, const double *whole, size_t n,
                          double unit, double level, struct estimate *e)
{
    double total = sum_of(whole, n), ratio = sum_of(part, n) / total;
    double *x = memory_array(n, sizeof(*x));
    for (size_t i = 0; i < n; i++)
        x[i] = (part[i] - ratio * whole[i]) * (double)n / total;
    double chance = unit * ratio * fmax(0, 1 - ratio) * (double)n / total;
    double error = mean_error(days, x, n, chance, level, e);
    free(x);
    e->value = ratio;
    e->error = error;
    return error;
}

static void gamma_interval(struct estimate *e)
{
    double tail = (1 - e->level) / 2, k = e->value / e->error * (e->value / e->error);
    e->low = e->value * gamma_quantile(tail, k + 0.5) / k;
    e->high = e->value * gamma_quantile(1 - tail, k + 0.5) / k;
}

static void beta_interval(struct estimate *e)
{
    double tail = (1 - e->level) / 2, r = e->value;
    double n = r * (1 - r) / (e->error * e->error);
    e->low = beta_quantile(tail, r * n + 0.5, (1 - r) * n + 0.5);
    e->high = beta_quantile(1 - tail, r * n + 0.5, (1 - r) * n + 0.5);
}

struct estimate share_estimate_of(const int32_t *days, const double *part, const double *whole,
                                  size_t n, double unit, double level)
{
    struct estimate e = {.level = level, .days_effective = (double)n};
    double total = sum_of(whole, n), in = sum_of(part, n);
    assert(n > 0 && total > 0);
    if (in <= 0 || in >= total) {
        double bound = fmin(1, zero_bound(1, level) / total);
        e.value = in <= 0 ? 0 : 1;
        e.low = in <= 0 ? 0 : 1 - bound;
        e.high = in <= 0 ? bound : 1;
        return e;
    }
    if (n < 2) {
        e.value = in / total;
        e.high = 1;
        return e;
    }
    ratio_error(days, part, whole, n, unit, level, &e);
    e.low = e.high = e.value;
    if (e.error > 0)
        beta_interval(&e);
    return e;
}

struct estimate share_estimate(const int32_t *days, const double *part, const double *whole,
                               size_t n, double level)
{
    return share_estimate_of(days, part, whole, n, 1, level);
}

struct estimate ratio_estimate(const int32_t *days, const double *part, const double *whole,
                               size_t n, double level)
{
    struct estimate e = {.level = level, .days_effective = (double)n};
    double total = sum_of(whole, n), in = sum_of(part, n);
    assert(n > 0 && total > 0);
    if (in <= 0 || n < 2) {
        e.value = in / total;
        e.high = in <= 0 ? zero_bound(1, level) / total : INFINITY;
        return e;
    }
    ratio_error(days, part, whole, n, 0, level, &e);
    e.low = e.high = e.value;
    if (e.error > 0)
        gamma_interval(&e);
    return e;
}

struct estimate mean_estimate(const int32_t *days, const double *value, size_t n, double level,
                              bool signed_value)
{
    struct estimate e = {.level = level, .days_effective = (double)n};
    assert(n > 0);
    double *x = memory_array(n, sizeof(*x));
    memcpy(x, value, n * sizeof(*x));
    e.value = e.low = e.high = sum_of(x, n) / (double)n;
    if (n < 2) {
        e.low = signed_value ? -INFINITY : 0;
        e.high = INFINITY;
    } else {
        e.error = mean_error(days, x, n, 0, level, &e);
    }
    double half = e.error * normal_quantile((1 + level) / 2);
    if (e.error > 0 && signed_value)
        e.low -= half, e.high += half;
    else if (e.error > 0 && e.value > 0)
        gamma_interval(&e);
    free(x);
    return e;
}

double share_exceeds_p(const int32_t *days, const double *part, const double *whole, size_t n,
                       double expected)
{
    struct estimate e = share_estimate(days, part, whole, n, 0.95);
    if (e.value <= 0 || e.error <= 0)
        return e.value > expected && n > 1 ? 1e-12 : 1;
    double r = e.value, count = r * (1 - r) / (e.error * e.error);
    double p_beta = beta_cdf(expected, r * count + 0.5, (1 - r) * count + 0.5);
    double p_t = t_cdf((expected - r) / e.error, fmax(2, e.days_effective - 1));
    return fmax(1e-12, fmax(p_beta, p_t)); /* past that the model is not to be believed */
}

struct estimate block_bootstrap_ratio(const double *part, const double *whole, size_t n,
                                      size_t block, size_t draws, uint64_t seed, double level)
{
    struct estimate e = {.level = level, .days_effective = (double)n};
    double *ratio = memory_array(draws, sizeof(*ratio));
    struct random r;
    random_init(&r, seed);
    assert(n > 0 && block > 0 && block <= n && draws > 1);
    for (size_t d = 0; d < draws; d++) {
        double p = 0, w = 0;
        for (size_t taken = 0; taken < n;) {
            size_t at = (size_t)random_below(&r, n - block + 1);
            for (size_t i = 0; i < block && taken < n; i++, taken++)
                p += part[at + i], w += whole[at + i];
        }
        ratio[d] = w > 0 ? p / w : 0;
    }
    sort_doubles(ratio, draws);
    e.value = sum_of(part, n) / sum_of(whole, n);
    e.low = quantile_sorted(ratio, draws, (1 - level) / 2);
    e.high = quantile_sorted(ratio, draws, (1 + level) / 2);
    free(ratio);
    return e;
}

double zero_bound(double interval, double level)
{
    return -log(1 - level) * interval;
}

double sampled_chance(double packets, double interval)
{
    return interval <= 1 ? 1 : -expm1(packets * log1p(-1 / interval));
}

struct estimate sampled_estimate(double seen, double interval, double level)
{
    struct estimate e = {.value = seen * interval, .level = level};
    if (interval <= 1) {
        e.low = e.high = e.value;
    } else {
        double tail = (1 - level) / 2;
        e.low = seen > 0 ? interval * gamma_quantile(tail, seen) : 0;
        e.high =
            seen > 0 ? interval * gamma_quantile(1 - tail, seen + 1) : zero_bound(interval, level);
    }
    return e;
}

struct estimate sampled_part_estimate(double part, double whole, double interval, double level)
{
    double p = part / whole, all = whole * interval;
    double half = normal_quantile((1 + level) / 2) * sqrt(p * (1 - p) / whole);
    struct estimate e = {.value = p * all, .level = level};
    e.low = fmax(0, p - half) * all;
    e.high = part > 0 ? fmin(1, p + half) * all : fmin(all, zero_bound(interval, level));
    return e;
}
