/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "stats/cycle.h"

/* Days of counts: busy in [from, to) half hours at `ratio` times the quiet level, with a lunch dip,
 * an evening peak, and levels of each day of their own. */
static double *days_of(struct random *r, size_t n, int from, int to, double quiet, double ratio)
{
    double *day = calloc(n * CYCLE_SLOTS, sizeof(*day));
    for (size_t i = 0; i < n; i++) {
        double level = exp(0.2 * random_normal(r));
        for (int s = 0; s < CYCLE_SLOTS; s++) {
            int since = (s - from + CYCLE_SLOTS) % CYCLE_SLOTS;
            int len = (to - from + CYCLE_SLOTS) % CYCLE_SLOTS;
            double rate = quiet;
            if (since < len)
                rate *= ratio * (since == len / 3 ? 0.75 : since > 2 * len / 3 ? 1.25 : 1);
            day[i * CYCLE_SLOTS + s] =
                (double)random_poisson(r, rate * level * exp(0.15 * random_normal(r)));
        }
    }
    return day;
}

static void busy_hours_are_found_to_the_half_hour(void **state)
{
    (void)state;
    struct random r;
    int right = 0, near = 0;
    random_init(&r, 1);
    for (int k = 0; k < 40; k++) {
        int from = (int)random_below(&r, 48), to = (from + 14 + (int)random_below(&r, 18)) % 48;
        double *day = days_of(&r, 69, from, to, 60, 3);
        struct busy_range b = busy_range(day, 69, 60, 7);
        int off = abs((b.found.from - from + 72) % 48 - 24) + abs((b.found.to - to + 72) % 48 - 24);
        right += off == 0;
        near += off <= 1;
        assert_true(b.found.contrast > 2 && b.found.contrast < 4);
        free(day);
    }
    assert_int_equal(near, 40);
    assert_true(right >= 39);
}

/* The clever running sums against the plain definition. */
static void busy_equals_the_plain_search(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 2);
    for (int k = 0; k < 50; k++) {
        double p[CYCLE_SLOTS], best = INFINITY;
        int best_from = 0, best_to = 0;
        for (int i = 0; i < CYCLE_SLOTS; i++)
            p[i] = random_unit(&r) * 100;
        for (int from = 0; from < CYCLE_SLOTS; from++)
            for (int len = 4; len <= 44; len++) {
                double m[2] = {0, 0}, left = 0;
                for (int i = 0; i < CYCLE_SLOTS; i++)
                    m[(i - from + 48) % 48 < len] += pow(p[i], 0.7);
                m[1] /= len;
                m[0] /= 48 - len;
                if (m[1] <= m[0])
                    continue;
                for (int i = 0; i < CYCLE_SLOTS; i++)
                    left += pow(pow(p[i], 0.7) - m[(i - from + 48) % 48 < len], 2);
                if (left < best - 1e-9)
                    best = left, best_from = from, best_to = (from + len) % 48;
            }
        struct busy b = busy_find(p);
        assert_int_equal(b.from, best_from);
        assert_int_equal(b.to, best_to);
    }
}

static void a_daily_cycle_is_told_from_none(void **state)
{
    (void)state;
    struct random r;
    int false_alarms = 0;
    random_init(&r, 3);
    for (int k = 0; k < 60; k++) { /* each day has a shape, but at a time of its own */
        double *day = calloc(28 * CYCLE_SLOTS, sizeof(*day));
        for (int d = 0; d < 28; d++) {
            int from = (int)random_below(&r, 48);
            double *one = days_of(&r, 1, from, (from + 20) % 48, 60, 3);
            for (int s = 0; s < CYCLE_SLOTS; s++)
                day[d * CYCLE_SLOTS + s] = one[s];
            free(one);
        }
        false_alarms += diurnal_strength(day, 28, 99, (uint64_t)k).p <= 0.05;
        free(day);
    }
    assert_true(false_alarms <= 8); /* 3 expected */
    double *day = days_of(&r, 28, 18, 41, 60, 3);
    struct diurnal d = diurnal_strength(day, 28, 199, 1);
    assert_true(d.p <= 0.005 + 1e-12 && d.strength > 0.5 && d.strength <= 1);
    assert_true(fabs(d.centre_h - 14.75) < 1);
    free(day);
}

/* 20 hosts, 14 days: a population that lives by the usual clock is placed within 30 minutes. */
static void the_zone_is_inferred_within_half_an_hour(void **state)
{
    (void)state;
    struct random r;
    int right = 0;
    random_init(&r, 4);
    for (int k = 0; k < 24; k++) {
        int offset = k - 11; /* hours */
        int from = ((18 - 2 * offset) % 48 + 48) % 48, to = ((41 - 2 * offset) % 48 + 48) % 48;
        double *day = days_of(&r, 14, from, to, 10, 3);
        struct utc_offset u = utc_offset_infer(day, 14, 100, 1);
        double off = fabs(remainder(u.minutes - offset * 60, 1440));
        right += off <= 30;
        assert_true(u.low <= u.minutes && u.minutes <= u.high);
        free(day);
    }
    assert_true(right >= 23);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(busy_hours_are_found_to_the_half_hour),
        cmocka_unit_test(busy_equals_the_plain_search),
        cmocka_unit_test(a_daily_cycle_is_told_from_none),
        cmocka_unit_test(the_zone_is_inferred_within_half_an_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
