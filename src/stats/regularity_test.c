/* SPDX-License-Identifier: Apache-2.0 */
/* RITA's own numbers, and worlds in which nobody calls at even intervals, or somebody does. */
#include "stats/regularity.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

static void scores_equal_rita_v5(void **state)
{
    double even[] = {98, 99, 99, 100, 100, 100, 101, 101, 102};
    double two[] = {98, 300, 98, 300, 98, 300, 98, 300, 98, 300};
    double ragged[] = {1, 299, 25, 4975, 90, 2, 42, 500, 1500};
    double one[] = {60, 60, 60}, few[] = {0, 0, 60, 60};
    (void)state;
    assert_true(fabs(regularity_score(even, 9) - 0.995) < 1e-12);
    assert_true(fabs(regularity_score(two, 10) - 0.746) < 1e-12);
    assert_true(fabs(regularity_score(ragged, 9) - 0.083) < 1e-12);
    assert_true(regularity_score(one, 3) == 1);
    assert_true(isnan(regularity_score(few, 4)));
}

/* The walking deviation against the plain one. */
static void the_deviation_is_the_plain_one(void **state)
{
    struct random r;
    (void)state;
    random_init(&r, 1);
    for (int turn = 0; turn < 2000; turn++) {
        double x[60], d[60];
        size_t n = 3 + random_below(&r, 55);
        for (size_t i = 0; i < n; i++)
            x[i] = (double)(1 + random_below(&r, 400));
        double copy[60];
        memcpy(copy, x, sizeof copy);
        double score = regularity_score(x, n); /* x is sorted now */
        double median = n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
        for (size_t i = 0; i < n; i++)
            d[i] = fabs(x[i] - median);
        for (size_t i = 1; i < n; i++)
            for (size_t j = i; j > 0 && d[j - 1] > d[j]; j--) {
                double swap = d[j];
                d[j] = d[j - 1], d[j - 1] = swap;
            }
        double mad = n % 2 ? d[n / 2] : (d[n / 2 - 1] + d[n / 2]) / 2;
        double q1 = n / 2 % 2 ? x[n / 4] : (x[n / 4 - 1] + x[n / 4]) / 2;
        const double *u = x + (n + 1) / 2;
        double q3 = n / 2 % 2 ? u[n / 4] : (u[n / 4 - 1] + u[n / 4]) / 2;
        double skew =
            q3 - q1 < 10 || median == q1 || median == q3 ? 0 : (q1 + q3 - 2 * median) / (q3 - q1);
        double plain = (1 - fabs(skew) + fmax(0, (median - mad) / median)) / 2;
        assert_true(fabs(score - round(plain * 1000) / 1000) < 1e-9);
    }
}

enum { DAYS = 30, ROOM = DAYS * 400 };
static size_t first[DAYS + 1];
static uint32_t at[ROOM], day_s[DAYS];
static double until[REGULARITY_SLOTS];

static struct arrivals begin(void)
{
    for (int s = 0; s < REGULARITY_SLOTS; s++) /* people: eight hours of night */
        until[s] = s < 16 ? 0.1 * (s + 1) / 16 : 0.1 + 0.9 * (s - 15) / 32;
    until[REGULARITY_SLOTS - 1] = 1;
    for (uint32_t d = 0; d < DAYS; d++)
        day_s[d] = d * 86400;
    return (struct arrivals){DAYS, first, at, day_s};
}

static int ascending(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void close_day(size_t d, size_t n)
{
    size_t from = first[d], kept = from;
    qsort(at + from, n, sizeof(*at), ascending);
    for (size_t i = from; i < from + n; i++)
        if (kept == from || at[i] != at[kept - 1])
            at[kept++] = at[i];
    first[d + 1] = kept;
}

static uint32_t person(struct random *r)
{
    double u = random_unit(r);
    uint32_t s = 0;
    while (u >= until[s])
        s++;
    return s * 1800 + (uint32_t)random_below(r, 1800);
}

/* People at random, and people whose visits are bursts a second apart. */
static void nobody_is_regular_by_chance(void **state)
{
    struct random r;
    struct arrivals a = begin();
    size_t low = 0, burst_low = 0, draws;
    (void)state;
    random_init(&r, 2);
    for (int world = 0; world < 200; world++) {
        for (size_t d = 0; d < DAYS; d++) {
            size_t n = 3 + random_poisson(&r, 9);
            for (size_t i = 0; i < n; i++)
                at[first[d] + i] = day_s[d] + person(&r);
            close_day(d, n);
        }
        low += regularity_p(&a, until, 499, (uint64_t)world, &draws) <= 0.05;
        for (size_t d = 0; d < DAYS; d++) {
            size_t n = 0;
            for (uint64_t v = 1 + random_poisson(&r, 3); v > 0; v--) {
                uint32_t t = day_s[d] + person(&r);
                for (uint32_t i = 0; i < 6; i++)
                    at[first[d] + n++] = t + i;
            }
            close_day(d, n);
        }
        burst_low += regularity_p(&a, until, 499, (uint64_t)world, &draws) <= 0.05;
    }
    print_message("at random: %zu of 200 at p <= 0.05; bursts: %zu\n", low, burst_low);
    assert_true(low <= 18 && burst_low == 0);
}

/* Every ten minutes give or take a fifth, in working hours; hourly; once a day at three. */
static void who_is_regular_is_found(void **state)
{
    struct random r;
    struct arrivals a = begin();
    size_t draws;
    (void)state;
    random_init(&r, 3);
    for (size_t d = 0; d < DAYS; d++) {
        double t = day_s[d] + 9 * 3600;
        size_t n = 0;
        while (t < day_s[d] + 18 * 3600) {
            at[first[d] + n++] = (uint32_t)t;
            t += 600 * (0.8 + 0.4 * random_unit(&r));
        }
        close_day(d, n);
    }
    struct regularity x = regularity_of(&a);
    assert_true(x.days == DAYS && fabs(x.period_s - 600) < 30 && x.score > 0.8 && x.steady > 0.9);
    assert_true(regularity_p(&a, until, 999, 1, &draws) == 0.001 && draws == 999);
    for (size_t d = 0; d < DAYS; d++) {
        for (uint32_t h = 0; h < 24; h++)
            at[first[d] + h] = day_s[d] + h * 3600 + (uint32_t)random_below(&r, 60);
        close_day(d, 24);
    }
    x = regularity_of(&a);
    assert_true(fabs(x.period_s - 3600) < 20 && x.score > 0.85 && x.steady > 0.99);
    assert_true(regularity_p(&a, until, 999, 1, &draws) == 0.001);
    for (size_t d = 0; d < DAYS; d++) {
        at[first[d]] = day_s[d] + 3 * 3600 + (uint32_t)random_below(&r, 300);
        close_day(d, 1);
    }
    x = regularity_of(&a);
    assert_true(x.days == 0 && fabs(x.period_s - 86400) < 100 && x.score > 0.8);
    assert_true(regularity_p(&a, until, 999, 1, &draws) == 0.001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scores_equal_rita_v5),
        cmocka_unit_test(the_deviation_is_the_plain_one),
        cmocka_unit_test(nobody_is_regular_by_chance),
        cmocka_unit_test(who_is_regular_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
