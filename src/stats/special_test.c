/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "stats/order.h"
#include "stats/special.h"

static void near(double a, double b, double within)
{
    if (!(fabs(a - b) <= within))
        fail_msg("%.12g is not within %g of %.12g", a, within, b);
}

/* Tables of the normal, t, chi-squared and F distributions (NIST/SEMATECH handbook 1.3.6.7). */
static void quantiles_equal_the_printed_tables(void **state)
{
    (void)state;
    near(normal_quantile(0.975), 1.959963984540, 1e-10);
    near(normal_quantile(0.001), -3.090232306168, 1e-10);
    near(t_quantile(0.975, 1), 12.706, 5e-4);
    near(t_quantile(0.975, 10), 2.228, 5e-4);
    near(t_quantile(0.95, 27), 1.703, 5e-4);
    near(t_quantile(0.975, 1e6), normal_quantile(0.975), 1e-5);
    near(2 * gamma_quantile(0.95, 5), 18.307, 5e-4);   /* chi-squared, 10 degrees */
    near(2 * gamma_quantile(0.025, 50), 74.222, 5e-4); /* 100 degrees */
    near(f_cdf(2.71, 5, 20), 0.95, 5e-4);
    near(beta_quantile(0.025, 4, 7), 0.12155, 1e-5); /* Clopper-Pearson, 4 of 10: 0.1216 */
    near(poisson_at_least(3, 1.0), 1 - 2.5 * exp(-1), 1e-12);
    near(poisson_at_least(0, 1.0), 1, 0);
}

/* The cdf against Simpson sums of the density. */
static void cdfs_equal_the_summed_density(void **state)
{
    (void)state;
    for (double a = 0.6; a < 60; a *= 2.3)
        for (double b = 0.7; b < 60; b *= 3.1) {
            double x = a / (a + b), sum = 0;
            enum { STEPS = 20000 };
            for (int i = 0; i < STEPS; i++) { /* from x up to 1/2 (x + 1): away from both poles */
                double t = x + (1 - x) / 2 * (i + 0.5) / STEPS;
                sum += exp(lgamma(a + b) - lgamma(a) - lgamma(b) + (a - 1) * log(t) +
                           (b - 1) * log1p(-t)) *
                       (1 - x) / 2 / STEPS;
            }
            near(beta_cdf((x + 1) / 2, a, b) - beta_cdf(x, a, b), sum, 1e-6);
            near(beta_cdf(beta_quantile(0.3, a, b), a, b), 0.3, 1e-9);
            near(gamma_cdf(gamma_quantile(0.7, a), a), 0.7, 1e-9);
        }
}

static void order_statistics(void **state)
{
    (void)state;
    double x[] = {5, 1, 4, 2, 3}, even[] = {4, 1, 3, 2};
    near(median_of(x, 5), 3, 0);
    near(median_of(even, 4), 2.5, 0);
    near(quantile_sorted(x, 5, 0.9), 4.6, 1e-12);
    near(quantile_sorted(x, 5, 1), 5, 0);
}

/* Benjamini and Hochberg 1995, section 4.1: 15 p values; at 0.05 the first four are flagged. */
static void false_discovery_equals_the_paper(void **state)
{
    (void)state;
    double p[] = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                  0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000};
    double q[15];
    false_discovery(p, 15, q);
    near(q[0], 0.0015, 1e-12);
    near(q[3], 0.0095 * 15 / 4, 1e-12);
    for (int i = 0; i < 15; i++)
        assert_true((q[i] <= 0.05) == (i < 4));
    assert_true(q[14] <= 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_equal_the_printed_tables),
        cmocka_unit_test(cdfs_equal_the_summed_density),
        cmocka_unit_test(order_statistics),
        cmocka_unit_test(false_discovery_equals_the_paper),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
