/* SPDX-License-Identifier: Apache-2.0 */
/* The incomplete beta and gamma functions by the series and continued fractions of DLMF 8.11.4,
 * 8.9.2 and 8.17.22 (modified Lentz); quantiles by bisection on the cdf, which cannot fail to
 * converge and is fast enough for a report's few thousand calls. */
#include "stats/special.h"

#include <assert.h>
#include <math.h>

enum { ITERATIONS = 500, BISECTIONS = 200 };
static const double TINY = 1e-300;

double normal_cdf(double x)
{
    return 0.5 * erfc(-x / M_SQRT2);
}

/* Halves [low, high] until it is one number wide; `cdf` is increasing. */
static double bisect(double (*cdf)(double, const double *), const double *with, double p,
                     double low, double high)
{
    for (int i = 0; i < BISECTIONS; i++) {
        double middle = low + (high - low) / 2;
        if (middle <= low || middle >= high)
            break;
        if (cdf(middle, with) < p)
            low = middle;
        else
            high = middle;
    }
    return low + (high - low) / 2;
}

static double normal_of(double x, const double *with)
{
    (void)with;
    return normal_cdf(x);
}

double normal_quantile(double p)
{
    assert(p > 0 && p < 1);
    return p > 0.5 ? -bisect(normal_of, 0, 1 - p, -40, 40) : bisect(normal_of, 0, p, -40, 40);
}

static double beta_fraction(double x, double a, double b)
{
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < TINY ? TINY : d);
    double f = d;
    for (int m = 1; m <= ITERATIONS; m++) {
        for (int odd = 0; odd < 2; odd++) {
            double k = odd ? -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
                           : m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
            d = 1 + k * d;
            d = 1 / (fabs(d) < TINY ? TINY : d);
            c = 1 + k / c;
            c = fabs(c) < TINY ? TINY : c;
            f *= c * d;
        }
        if (fabs(c * d - 1) < 1e-15)
            break;
    }
    return f;
}

double beta_cdf(double x, double a, double b)
{
    assert(a > 0 && b > 0);
    if (x <= 0)
        return 0;
    if (x >= 1)
        return 1;
    double front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log1p(-x));
    if (x < (a + 1) / (a + b + 2))
        return front * beta_fraction(x, a, b) / a;
    return 1 - front * beta_fraction(1 - x, b, a) / b;
}

static double beta_of(double x, const double *with)
{
    return beta_cdf(x, with[0], with[1]);
}

double beta_quantile(double p, double a, double b)
{
    assert(p > 0 && p < 1);
    return bisect(beta_of, (const double[]){a, b}, p, 0, 1);
}

double t_cdf(double x, double freedom)
{
    double tail = 0.5 * beta_cdf(freedom / (freedom + x * x), freedom / 2, 0.5);
    return x > 0 ? 1 - tail : tail;
}

static double t_of(double x, const double *with)
{
    return t_cdf(x, with[0]);
}

double t_quantile(double p, double freedom)
{
    assert(p > 0 && p < 1 && freedom > 0);
    if (p > 0.5)
        return -t_quantile(1 - p, freedom);
    return p == 0.5 ? 0 : bisect(t_of, &freedom, p, -1e9, 0);
}

static double gamma_series(double x, double a)
{
    double term = 1 / a, sum = term;
    for (int n = 1; n < 20 * ITERATIONS && term > sum * 1e-16; n++)
        sum += term *= x / (a + n);
    return sum * exp(-x + a * log(x) - lgamma(a));
}

static double gamma_fraction(double x, double a)
{
    double b = x + 1 - a, c = 1 / TINY, d = 1 / b, f = d;
    for (int i = 1; i < 20 * ITERATIONS; i++) {
        double k = -i * (i - a);
        b += 2;
        d = k * d + b;
        d = 1 / (fabs(d) < TINY ? TINY : d);
        c = b + k / c;
        c = fabs(c) < TINY ? TINY : c;
        f *= c * d;
        if (fabs(c * d - 1) < 1e-15)
            break;
    }
    return f * exp(-x + a * log(x) - lgamma(a));
}

double gamma_cdf(double x, double shape)
{
    assert(shape > 0);
    if (x <= 0)
        return 0;
    return x < shape + 1 ? gamma_series(x, shape) : 1 - gamma_fraction(x, shape);
}

static double gamma_of(double x, const double *with)
{
    return gamma_cdf(x, with[0]);
}

double gamma_quantile(double p, double shape)
{
    assert(p > 0 && p < 1 && shape > 0);
    double high = shape + 1;
    while (gamma_cdf(high, shape) < p)
        high *= 2;
    return bisect(gamma_of, &shape, p, 0, high);
}

double f_cdf(double x, double freedom1, double freedom2)
{
    if (x <= 0)
        return 0;
    return beta_cdf(freedom1 * x / (freedom1 * x + freedom2), freedom1 / 2, freedom2 / 2);
}

double poisson_at_least(unsigned long count, double mean)
{
    if (count == 0)
        return 1;
    return mean > 0 ? gamma_cdf(mean, (double)count) : 0;
}
