/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "stats/shrink.h"

static const struct shrink_prior printed = {3.25379356, 0.39988854, 2.02612692, 1.90807970,
                                            0.06534557};

static void near(double a, double b, double within)
{
    if (!(fabs(a - b) <= within))
        fail_msg("%.12g is not within %g of %.12g", a, within, b);
}

/* docs/methods.md, Presence: N=1, E=0.0360548 gives Q=0.28197 and EBGM 2.23 (0.49 to 13.85). */
static void shrunk_ratios_equal_the_vectors(void **state)
{
    (void)state;
    struct shrunk s = shrink_ratio(&printed, 1, 0.0360548, 0.05);
    near(s.weight, 0.28197, 5e-6);
    near(s.value, 2.23, 0.005);
    near(s.low, 0.49, 0.005);
    near(s.high, 13.85, 0.007); /* printed cut, not rounded: 13.8561 */
    near(shrink_ratio(&printed, 1, 0.0038737, 0.05).value, 2.58, 0.005);
    near(shrink_ratio(&printed, 1, 0.0765793, 0.05).value, 1.92, 0.005);
}

static void much_data_is_not_shrunk(void **state)
{
    (void)state;
    struct shrunk s = shrink_ratio(&printed, 5000, 1000, 0.025);
    near(s.value, 5, 0.05);
    assert_true(s.low < 5 && 5 < s.high && s.high < 5.3);
}

/* From ratios drawn from a known prior the fit's likelihood beats the truth's, and its shrunk
 * ratios lie nearer to the true ones than the raw ones do. */
static void a_fitted_prior_brings_ratios_nearer_to_the_truth(void **state)
{
    (void)state;
    enum { N = 150 };
    struct random r;
    double count[N], expected[N], truth[N], raw = 0, shrunk = 0;
    random_init(&r, 5);
    for (int i = 0; i < N; i++) {
        bool big = random_unit(&r) < 0.1;
        truth[i] = big ? random_gamma(&r, 8, 0.5) : random_gamma(&r, 10, 0.1);
        expected[i] = 0.2 + 4 * random_unit(&r);
        count[i] = (double)random_poisson(&r, truth[i] * expected[i]);
    }
    struct shrink_prior p = shrink_fit(count, expected, N);
    for (int i = 0; i < N; i++) {
        double s = shrink_ratio(&p, count[i], expected[i], 0.05).value;
        raw += pow(count[i] / expected[i] - truth[i], 2);
        shrunk += pow(s - truth[i], 2);
    }
    assert_true(shrunk < 0.6 * raw);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shrunk_ratios_equal_the_vectors),
        cmocka_unit_test(much_data_is_not_shrunk),
        cmocka_unit_test(a_fitted_prior_brings_ratios_nearer_to_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
