/* SPDX-License-Identifier: Apache-2.0 */
#include "stats/walk.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

static void thresholds_are_jungs(void **state)
{
    struct walk w = {0};
    (void)state;
    for (int i = 0; i < 3; i++)
        walk_step(&w, false);
    assert_int_equal(w.verdict, WALK_PENDING);
    walk_step(&w, false);
    assert_int_equal(w.verdict, WALK_SCANNER); /* four straight failures: 256 is over 99 */
    assert_true(fabs(exp(w.sum) - 256) < 1e-9 && w.failures == 4);
    memset(&w, 0, sizeof w);
    for (int i = 0; i < 4; i++)
        walk_step(&w, true);
    assert_int_equal(w.verdict, WALK_BENIGN); /* 1 / 256 is under 0.0101 */
    for (int i = 0; i < 9; i++)
        walk_step(&w, false); /* decided is decided; the rise sees the turn */
    assert_int_equal(w.verdict, WALK_BENIGN);
    assert_true(fabs(w.peak - 9 * log(4)) < 1e-9);
    assert_true(walk_failures(log(99)) == 4);
    assert_true(walk_failures(walk_peak_bound(1, 0.01)) == 4);
    assert_true(walk_failures(walk_peak_bound(10000, 0.01)) == 10);
}

/* 1,000 studies of 100 benign sources with 200 first contacts each: at most 1% with an alarm. */
static void benign_studies_stay_silent(void **state)
{
    struct random r;
    double bound = walk_peak_bound(100 * 200, 0.01);
    int alarms = 0, jung = 0;
    (void)state;
    random_init(&r, 5);
    for (int study = 0; study < 1000; study++) {
        bool alarm = false;
        for (int source = 0; source < 100; source++) {
            struct walk w = {0};
            for (int i = 0; i < 200; i++)
                walk_step(&w, random_unit(&r) < 0.8);
            alarm = alarm || w.peak >= bound;
            jung += w.verdict == WALK_SCANNER;
        }
        alarms += alarm;
    }
    print_message("studies with an alarm: %d of 1000; at Jung's thresholds %d of 100000 sources\n",
                  alarms, jung);
    assert_true(alarms <= 18 && jung <= 1000);
}

/* A source that fails in 9 of 10 is found once it has met some thirty. */
static void scanners_are_found(void **state)
{
    struct random r;
    double bound = walk_peak_bound(100 * 200, 0.01);
    int found = 0;
    (void)state;
    random_init(&r, 6);
    for (int i = 0; i < 1000; i++) {
        struct walk w = {0};
        for (int k = 0; k < 30; k++)
            walk_step(&w, random_unit(&r) < 0.1);
        found += w.peak >= bound;
    }
    print_message("found: %d of 1000\n", found);
    assert_true(found >= 990);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thresholds_are_jungs),
        cmocka_unit_test(benign_studies_stay_silent),
        cmocka_unit_test(scanners_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
