/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/shrink.h"

#include <math.h>
#include <string.h>

#include "stats/special.h"

enum { PARAMETERS = 5, STEPS = 2000 };
static const double SHAPE_MIN = 0.2;

/* ln of the negative binomial that a Gamma(a, rate b) ratio gives to `n` at expectation `e`. */
static double log_chance(double n, double e, double a, double b)
{
    return lgamma(a + n) - lgamma(a) - lgamma(n + 1) - n * log1p(b / e) - a * log1p(e / b);
}

/* Euler's digamma: recurrence up to 6, then its asymptotic series (DLMF 5.11.2). */
static double digamma(double x)
{
    double sum = 0;
    for (; x < 6; x++)
        sum -= 1 / x;
    double y = 1 / (x * x);
    return sum + log(x) - 0.5 / x - y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y / 240)));
}

static double mixture_cdf(double x, const struct shrink_prior *p, double q, double n, double e)
{
    return q * gamma_cdf(x * (p->beta1 + e), p->alpha1 + n) +
           (1 - q) * gamma_cdf(x * (p->beta2 + e), p->alpha2 + n);
}

static double mixture_quantile(double at, const struct shrink_prior *p, double q, double n,
                               double e)
{
    double low = 0, high = 1;
    while (mixture_cdf(high, p, q, n, e) < at)
        high *= 2;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        if (mixture_cdf(middle, p, q, n, e) < at)
            low = middle;
        else
            high = middle;
    }
    return high;
}

struct shrunk shrink_ratio(const struct shrink_prior *p, double count, double expected, double tail)
{
    double l1 = log_chance(count, expected, p->alpha1, p->beta1);
    double l2 = log_chance(count, expected, p->alpha2, p->beta2);
    double q = p->weight <= 0 ? 0 : 1 / (1 + (1 - p->weight) / p->weight * exp(l2 - l1));
    double mean = q * (digamma(p->alpha1 + count) - log(p->beta1 + expected)) +
                  (1 - q) * (digamma(p->alpha2 + count) - log(p->beta2 + expected));
    return (struct shrunk){.weight = q,
                           .value = exp(mean),
                           .low = mixture_quantile(tail, p, q, count, expected),
                           .high = mixture_quantile(1 - tail, p, q, count, expected)};
}

struct fit {
    const double *count, *expected;
    size_t n;
};

/* Free parameters: logarithms, and the logit of the weight. Shapes stay above SHAPE_MIN: below, the
 * mean of the logarithm runs away from everything else that the posterior says. */
static struct shrink_prior prior_of(const double *x)
{
    return (struct shrink_prior){SHAPE_MIN + exp(x[0]), exp(x[1]), SHAPE_MIN + exp(x[2]), exp(x[3]),
                                 1 / (1 + exp(-x[4]))};
}

static double cost(const struct fit *f, const double *x)
{
    struct shrink_prior p = prior_of(x);
    double sum = 0;
    for (int k = 0; k < PARAMETERS; k++) /* a faint pull, so that no parameter runs away */
        sum += 0.01 * x[k] * x[k];
    for (size_t i = 0; i < f->n; i++) {
        double a = log_chance(f->count[i], f->expected[i], p.alpha1, p.beta1) + log(p.weight);
        double b = log_chance(f->count[i], f->expected[i], p.alpha2, p.beta2) + log1p(-p.weight);
        double top = fmax(a, b);
        sum -= top + log(exp(a - top) + exp(b - top));
    }
    return isfinite(sum) ? sum : 1e300;
}

static void order_simplex(double point[][PARAMETERS], double *value)
{
    for (int i = 1; i <= PARAMETERS; i++)
        for (int j = i; j > 0 && value[j] < value[j - 1]; j--) {
            double v = value[j], keep[PARAMETERS];
            value[j] = value[j - 1];
            value[j - 1] = v;
            memcpy(keep, point[j], sizeof(keep));
            memcpy(point[j], point[j - 1], sizeof(keep));
            memcpy(point[j - 1], keep, sizeof(keep));
        }
}

static double try_point(const struct fit *f, const double *centre, const double *worst, double by,
                        double *ret)
{
    for (int k = 0; k < PARAMETERS; k++)
        ret[k] = centre[k] + by * (worst[k] - centre[k]);
    return cost(f, ret);
}

static void replace_worst(double point[][PARAMETERS], double *value, const double *with, double v)
{
    memcpy(point[PARAMETERS], with, sizeof(point[0]));
    value[PARAMETERS] = v;
}

static void shrink_simplex(const struct fit *f, double point[][PARAMETERS], double *value)
{
    for (int i = 1; i <= PARAMETERS; i++) {
        for (int k = 0; k < PARAMETERS; k++)
            point[i][k] = (point[i][k] + point[0][k]) / 2;
        value[i] = cost(f, point[i]);
    }
}

/* Nelder and Mead 1965, from about DuMouchel's own starting values. */
struct shrink_prior shrink_fit(const double *count, const double *expected, size_t n)
{
    struct fit f = {count, expected, n};
    double point[PARAMETERS + 1][PARAMETERS], value[PARAMETERS + 1];
    const double start[PARAMETERS] = {log(0.1), log(0.1), log(2), log(4), -log(2)};
    for (int i = 0; i <= PARAMETERS; i++) {
        memcpy(point[i], start, sizeof(start));
        if (i > 0)
            point[i][i - 1] += 0.5;
        value[i] = cost(&f, point[i]);
    }
    for (int step = 0; step < STEPS; step++) {
        double centre[PARAMETERS] = {0}, a[PARAMETERS], b[PARAMETERS];
        order_simplex(point, value);
        if (value[PARAMETERS] - value[0] < 1e-10)
            break;
        for (int i = 0; i < PARAMETERS; i++)
            for (int k = 0; k < PARAMETERS; k++)
                centre[k] += point[i][k] / PARAMETERS;
        double va = try_point(&f, centre, point[PARAMETERS], -1, a);
        if (va < value[0]) {
            double vb = try_point(&f, centre, point[PARAMETERS], -2, b);
            replace_worst(point, value, vb < va ? b : a, fmin(va, vb));
        } else if (va < value[PARAMETERS - 1]) {
            replace_worst(point, value, a, va);
        } else {
            double vb =
                try_point(&f, centre, point[PARAMETERS], va < value[PARAMETERS] ? -0.5 : 0.5, b);
            if (vb < fmin(va, value[PARAMETERS]))
                replace_worst(point, value, b, vb);
            else
                shrink_simplex(&f, point, value);
        }
    }
    return prior_of(point[0]);
}
