/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/random.h"
#include "stats/guard.h"

static struct guard_verdict judge(size_t span, size_t relays, size_t host_days)
{
    return guard_judge(
        &(struct guard_use){.span_days = span, .relays = relays, .host_days = host_days});
}

/* The 2017 study called a daily same node a mistake: the design wants it so. */
static void one_relay_on_each_of_97_days_is_normal(void **state)
{
    (void)state;
    assert_true(judge(97, 1, 97).normal);
    assert_true(judge(97, 1, 97).p == 1);
    assert_true(judge(1, 1, 1).normal);
    assert_true(judge(60, 3, 97).normal);
}

static void a_relay_kept_past_its_lifetime_is_not(void **state)
{
    (void)state;
    assert_true(judge(120, 1, 120).normal);
    assert_false(judge(122, 1, 122).normal);
    assert_false(judge(400, 1, 400).normal);
    assert_true(judge(400, 1, 400).p > 0);
}

static void a_new_relay_each_day_is_not(void **state)
{
    (void)state;
    assert_false(judge(1, 97, 97).normal);
    assert_true(judge(30, 8, 97).normal);
    assert_false(judge(30, 25, 97).normal);
}

/* Clients that keep the rules: dated back up to 12 days, dropped after 120, now and then a dead
 * guard (one in 60 days) and its replacement. At most 5% may be called abnormal. */
static void clients_that_keep_the_rules_are_called_normal(void **state)
{
    enum { CLIENTS = 4000, DAYS = 200 };
    struct random r;
    size_t wrong = 0;
    (void)state;
    random_init(&r, 3);
    for (int c = 0; c < CLIENTS; c++) {
        size_t relays = 0, longest = 0;
        for (double at = 0; at < DAYS;) {
            double lasts = fmin(120 - 12 * random_unit(&r), -60 * log(1 - random_unit(&r)));
            double end = fmin(at + lasts, DAYS);
            size_t touched = (size_t)floor(end) - (size_t)floor(at) + 1;
            longest = touched > longest ? touched : longest;
            relays++;
            at += lasts;
        }
        wrong += !judge(longest, relays, DAYS).normal;
    }
    assert_true(wrong <= CLIENTS / 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_relay_on_each_of_97_days_is_normal),
        cmocka_unit_test(a_relay_kept_past_its_lifetime_is_not),
        cmocka_unit_test(a_new_relay_each_day_is_not),
        cmocka_unit_test(clients_that_keep_the_rules_are_called_normal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
