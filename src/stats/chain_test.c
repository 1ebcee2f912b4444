/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
/* cmocka needs the four above */
#include <cmocka.h>
#include <math.h>

#include "stats/chain.h"

enum { LEGS = 400, DAYS = 30 };

static int by_start(const void *a, const void *b)
{
    const struct leg *x = a, *y = b;
    return (x->start_s > y->start_s) - (x->start_s < y->start_s);
}

/* Moments of somebody's day: sessions in the evening, each a burst of a few. */
static size_t session_legs(struct leg *legs, size_t count, struct random *r)
{
    for (size_t i = 0; i < count;) {
        double day = (double)random_below(r, DAYS) * 86400;
        double at = day + (19 + 3 * random_normal(r)) * 3600;
        for (size_t k = 1 + random_below(r, 8); k > 0 && i < count; k--, i++) {
            legs[i].start_s = at;
            legs[i].octets = exp(9 + 1.5 * random_normal(r));
            at += random_exponential(r, 40);
        }
    }
    qsort(legs, count, sizeof *legs, by_start);
    return count;
}

/* Some of what came in goes on, a moment later and a little smaller. */
static size_t go_on(const struct leg *in, size_t n, double part, struct leg *out, struct random *r)
{
    size_t m = 0;
    for (size_t i = 0; i < n; i++)
        if (random_unit(r) < part)
            out[m++] = (struct leg){in[i].start_s + random_exponential(r, 0.5),
                                    in[i].octets * (0.85 + 0.1 * random_unit(r))};
    qsort(out, m, sizeof *out, by_start);
    return m;
}

static void the_plain_count(void **state)
{
    (void)state;
    struct chain_setting s = chain_setting_default;
    double octets;
    struct leg in[] = {{0, 100}, {1, 100}, {100, 1000}, {200, 50}},
               out[] = {{2, 90}, {3, 90}, {4, 90}, {101, 100}, {203, 99}, {260, 50}};
    /* 2 and 3 have 0 and 1; 4 finds both taken; 101 is ten times smaller; 203 is within twice. */
    assert_int_equal(chain_match(in, 4, out, 6, 0, &s, &octets), 3);
    assert_float_equal(octets, 90 + 90 + 99, 1e-9);
    assert_int_equal(chain_match(in, 4, out, 6, 60, &s, NULL), 0);
    assert_int_equal(chain_match(in, 0, out, 6, 0, &s, NULL), 0);
    assert_int_equal(chain_match(in, 4, out, 0, 0, &s, NULL), 0);
}

/* issue: found in 90%, false in 5%. Here the far end is asked for a fifth of what came in, among as
 * much traffic of its own. */
static void planted_chains_are_found_and_others_are_not(void **state)
{
    (void)state;
    static struct leg in[LEGS], out[2 * LEGS];
    struct random r;
    int found = 0, wrong = 0;
    random_init(&r, 20170401);
    for (int i = 0; i < 300; i++) {
        size_t n = session_legs(in, 60 + random_below(&r, LEGS - 60), &r);
        size_t m = go_on(in, n, 0.2, out, &r);
        m += session_legs(out + m, n / 4, &r);
        qsort(out, m, sizeof *out, by_start);
        found += chain_test(in, n, out, m, &chain_setting_default, &r).p <= 0.05;
        m = session_legs(out, m, &r); /* somebody else's evening */
        wrong += chain_test(in, n, out, m, &chain_setting_default, &r).p <= 0.05;
    }
    print_message("planted chains found %.1f%%, false %.1f%%\n", found / 3.0, wrong / 3.0);
    assert_true(found >= 270);
    assert_true(wrong <= 22); /* 5% of 300, and the sampling error of that */
}

/* A family of many pairs needs small p: they come from the null's moments, not from the number of
 * draws alone. */
static void strong_chains_have_small_p(void **state)
{
    (void)state;
    static struct leg in[LEGS], out[LEGS];
    struct random r;
    random_init(&r, 3);
    size_t n = session_legs(in, 200, &r), m = go_on(in, n, 0.9, out, &r);
    struct chain_test t = chain_test(in, n, out, m, &chain_setting_default, &r);
    assert_true(t.matched > 150);
    assert_true(t.p < 1e-6);
    assert_true(t.null_mean < 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_plain_count),
        cmocka_unit_test(planted_chains_are_found_and_others_are_not),
        cmocka_unit_test(strong_chains_have_small_p),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
