/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/unseen.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/random.h"

/* By hand: S = 20 + 0.9 * 6*5 / (2 * 3), the variance by Chao's formula. */
static void the_formula(void **state)
{
    (void)state;
    struct estimate e = unseen_estimate(20, 6, 2, 10, 1000, 0.95);
    assert_true(fabs(e.value - 24.5) < 1e-9);
    double a = 0.9, r = 3,
           var = 2 * (a / 2 * r * r + a * a * r * r * r + a * a / 4 * r * r * r * r);
    double k = exp(1.959963985 * sqrt(log(1 + var / (4.5 * 4.5))));
    assert_true(fabs(e.low - (20 + 4.5 / k)) < 1e-6);
    assert_true(fabs(e.high - (20 + 4.5 * k)) < 1e-6);
}

static void the_edges(void **state)
{
    (void)state;
    struct estimate e = unseen_estimate(20, 0, 5, 10, 1000, 0.95); /* all came again */
    assert_true(e.value == 20 && e.low == 20 && e.high == 20);
    e = unseen_estimate(20, 20, 0, 10, 30, 0.95); /* none did: only the cap holds it */
    assert_true(e.low >= 20 && e.value == 30 && e.high == 30);
    e = unseen_estimate(20, 1, 0, 10, 1000, 0.95);
    assert_true(e.value == 20 && e.low == 20 && e.high > 20 && e.high < 22);
    e = unseen_estimate(20, 20, 0, 1, 70, 0.95); /* one day */
    assert_true(e.value == 20 && e.low == 20 && e.high == 70);
    e = unseen_estimate(0, 0, 0, 10, 70, 0.95);
    assert_true(e.value == 0 && e.high == 0);
}

/* Hosts that show what they are on a day with one chance: the interval holds the truth as often as
 * it says, and with chances that differ it holds no more than it promises: a lower bound. */
static double held(double chance, double spread)
{
    enum { HOSTS = 120, DAYS = 30, WORLDS = 1000 };
    struct random r;
    double inside = 0;
    random_init(&r, 1987);
    for (int w = 0; w < WORLDS; w++) {
        double seen = 0, once = 0, twice = 0;
        for (int h = 0; h < HOSTS; h++) {
            double p = chance * exp(spread * (random_unit(&r) - 0.5));
            int days = 0;
            for (int d = 0; d < DAYS; d++)
                days += random_unit(&r) < p;
            seen += days > 0;
            once += days == 1;
            twice += days == 2;
        }
        struct estimate e = unseen_estimate(seen, once, twice, DAYS, 1000, 0.95);
        assert_true(e.low >= seen && e.low <= e.value && e.value <= e.high);
        inside += e.low <= HOSTS && HOSTS <= e.high;
    }
    return inside / WORLDS;
}

static void the_interval_holds(void **state)
{
    (void)state;
    static const double chances[] = {0.03, 0.05, 0.1};
    for (size_t i = 0; i < sizeof chances / sizeof *chances; i++) {
        double even = held(chances[i], 0), uneven = held(chances[i], 1.5);
        print_message("# chance %.2f a day: held %.1f%%, with uneven chances %.1f%%\n", chances[i],
                      100 * even, 100 * uneven);
        assert_true(even > 0.91);
        assert_true(uneven > 0.75);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_formula),
        cmocka_unit_test(the_edges),
        cmocka_unit_test(the_interval_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
