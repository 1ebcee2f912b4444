/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "stats/change.h"

/* Annual flow of the Nile at Aswan, 1871 to 1970, 10^8 m^3 (Cobb 1978). */
static const double nile[100] = {
    1120, 1160, 963, 1210, 1160, 1160, 813,  1230, 1370, 1140, 995,  935,  1110, 994,  1020,
    960,  1180, 799, 958,  1140, 1100, 1210, 1150, 1250, 1260, 1220, 1030, 1100, 774,  840,
    874,  694,  940, 833,  701,  916,  692,  1020, 1050, 969,  831,  726,  456,  824,  702,
    1120, 1100, 832, 764,  821,  768,  845,  864,  862,  698,  845,  744,  796,  1040, 759,
    781,  865,  845, 944,  984,  897,  822,  1010, 771,  676,  649,  846,  812,  742,  801,
    1040, 860,  874, 848,  890,  744,  749,  838,  1050, 918,  986,  797,  923,  975,  815,
    1020, 906,  901, 1170, 912,  746,  919,  718,  714,  740};

static void near(double a, double b, double within)
{
    if (!(fabs(a - b) <= within))
        fail_msg("%.12g is not within %g of %.12g", a, within, b);
}

/* docs/methods.md, Onsets: one break after observation 28 (1898), shortest segment 15. */
static void the_nile_breaks_after_1898(void **state)
{
    (void)state;
    size_t at[BREAKS_MAX];
    double bic, before = 0, after = 0;
    near(breaks_fit(nile, 100, 15, 0, at, &bic), 2835157, 1);
    near(bic, 1318.24, 0.005);
    near(breaks_fit(nile, 100, 15, 1, at, &bic), 1597457, 1);
    near(bic, 1270.08, 0.005);
    assert_int_equal(at[0], 28);
    for (int i = 0; i < 100; i++)
        *(i < 28 ? &before : &after) += nile[i] / (i < 28 ? 28 : 72);
    near(before, 1097.75, 0.005);
    near(after, 849.97, 0.005);
    breaks_fit(nile, 100, 15, 2, at, &bic);
    near(bic, 1276.47, 0.005);
}

enum { DAYS = 97 };

/* Counts with a gamma's spread, leaning on the day before, weekends lower. */
static void draw(struct random *r, double mean, double spread, double lean, double *x)
{
    double z = random_normal(r);
    for (int i = 0; i < DAYS; i++) {
        x[i] = (double)random_poisson(r, mean * exp(spread * z) * (i % 7 >= 5 ? 0.7 : 1));
        z = lean * z + sqrt(1 - lean * lean) * random_normal(r);
    }
}

/* The budget of a study: with p_max = 0.2 / series, at most one false change over all series. */
static void quiet_worlds_hold_at_most_one_false_change(void **state)
{
    (void)state;
    static const double leans[] = {0, 0.3, 0.6, 0.9};
    const char *asked = getenv("TELLTALE_COVERAGE");
    int studies = asked ? atoi(asked) : 4;
    enum { SERIES = 200 };
    for (int l = 0; l < 4; l++) {
        struct random r;
        double false_ones = 0;
        random_init(&r, (uint64_t)l);
        for (int s = 0; s < studies * SERIES; s++) {
            double x[DAYS];
            struct change c[4];
            draw(&r, exp(1 + 6 * random_unit(&r)), 0.4, leans[l], x);
            false_ones += (double)changes_find(x, DAYS, 5, 0.2 / SERIES, 3, c, 4);
        }
        if (asked)
            printf("# lean %.1f: %.2f false changes a study of %d series\n", leans[l],
                   false_ones / studies, SERIES);
        assert_true(false_ones / studies <= 1);
    }
}

static void an_onset_from_nothing_is_found_and_dated(void **state)
{
    (void)state;
    struct random r;
    int found = 0, dated = 0, plain = 0;
    enum { WORLDS = 200 };
    random_init(&r, 9);
    for (int k = 0; k < WORLDS; k++) {
        double x[DAYS];
        struct change c[4];
        size_t at = 12 + random_below(&r, 70);
        draw(&r, 20, 0.4, 0.3, x);
        for (size_t i = 0; i < at; i++)
            x[i] = 0;
        size_t n = changes_find(x, DAYS, 5, 0.2 / 200, 3, c, 4);
        if (n == 0)
            continue;
        found++;
        plain += n == 1;
        dated += c[0].at_low <= at && at <= c[0].at_high;
    }
    if (!(found >= 190 && dated >= 190 && plain >= 180))
        fail_msg("%d found, %d dated, %d alone, of %d", found, dated, plain, WORLDS);
}

static void a_level_that_quadruples_is_found(void **state)
{
    (void)state;
    struct random r;
    int found = 0, dated = 0;
    enum { WORLDS = 200 };
    random_init(&r, 10);
    for (int k = 0; k < WORLDS; k++) {
        double x[DAYS];
        struct change c[4];
        size_t at = 20 + random_below(&r, 57);
        draw(&r, 60, 0.4, 0.3, x);
        for (size_t i = 0; i < at; i++)
            x[i] = round(x[i] / 4);
        size_t n = changes_find(x, DAYS, 5, 0.2 / 200, 3, c, 4);
        found += n > 0;
        dated += n > 0 && c[0].at_low <= at && at <= c[0].at_high;
    }
    if (!(found >= 190 && dated >= 186))
        fail_msg("%d found, %d dated, of %d", found, dated, WORLDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nile_breaks_after_1898),
        cmocka_unit_test(quiet_worlds_hold_at_most_one_false_change),
        cmocka_unit_test(a_level_that_quadruples_is_found),
        cmocka_unit_test(an_onset_from_nothing_is_found_and_dated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
