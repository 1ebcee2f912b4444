/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the four above */
#include <cmocka.h>

#include "server/gate.h"

static struct ip v4(unsigned a, unsigned b, unsigned c, unsigned d)
{
    uint8_t octets[4] = {(uint8_t)a, (uint8_t)b, (uint8_t)c, (uint8_t)d};
    return ip_from_v4(octets);
}

static void strangers_are_turned_away(void **state)
{
    (void)state;
    struct lpm *allowed = lpm_new();
    struct prefix p;
    assert_true(prefix_parse("10.0.0.0/8", 10, true, &p));
    lpm_add(allowed, &p, 1);
    lpm_seal(allowed);
    struct gate *g = gate_new(allowed, 0, 100);
    struct ip in = v4(10, 1, 2, 3), out = v4(11, 1, 2, 3);
    struct sender *s = gate_pass(g, &in, 1400, 1000);
    assert_non_null(s);
    assert_int_equal(s->octets, 1400);
    assert_null(gate_pass(g, &out, 1400, 1000));
    assert_int_equal(gate_counts(g).strangers, 1);
    assert_null(gate_find(g, &out));
    assert_ptr_equal(gate_find(g, &in), s);
    gate_allow(g, NULL);
    assert_non_null(gate_pass(g, &out, 1400, 1000));
    gate_free(g);
    lpm_free(allowed);
}

static void each_sender_has_its_rate(void **state)
{
    (void)state;
    struct gate *g = gate_new(NULL, 10, 100);
    struct ip a = v4(10, 0, 0, 1), b = v4(10, 0, 0, 2);
    unsigned passed = 0;
    /* 100 a second for three seconds: the first second's worth at once, then ten a second. */
    for (unsigned i = 0; i < 300; i++)
        passed += gate_pass(g, &a, 100, 50000 + i * 10) != NULL;
    assert_in_range(passed, 38, 40);
    assert_int_equal(gate_counts(g).limited, 300 - passed);
    assert_int_equal(gate_find(g, &a)->limited, 300 - passed);
    assert_non_null(gate_pass(g, &b, 100, 53000)); /* the other's flood is not its own */
    /* A clock that goes back gives nothing away. */
    for (unsigned i = 0; i < 20; i++)
        gate_pass(g, &a, 100, 53000);
    assert_null(gate_pass(g, &a, 100, 1000));
    gate_free(g);
}

static void forged_senders_do_not_push_out_real_ones(void **state)
{
    (void)state;
    struct gate *g = gate_new(NULL, 0, 1024);
    struct ip real[20];
    for (unsigned i = 0; i < 20; i++) {
        real[i] = v4(192, 0, 2, i);
        gate_pass(g, &real[i], 100, 1000)->records = 30;
    }
    for (unsigned i = 0; i < 200000; i++) {
        struct ip forged = v4(10, i >> 16 & 255, i >> 8 & 255, i & 255);
        assert_non_null(gate_pass(g, &forged, 100, 2000 + i));
    }
    for (unsigned i = 0; i < 20; i++) {
        struct sender *s = gate_find(g, &real[i]);
        assert_non_null(s);
        assert_int_equal(s->records, 30);
    }
    const struct sender *some[8];
    assert_in_range(gate_senders(g, some, 8), 1000, 1024);
    assert_in_range(gate_counts(g).forgotten, 198000, 199999);
    gate_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strangers_are_turned_away),
        cmocka_unit_test(each_sender_has_its_rate),
        cmocka_unit_test(forged_senders_do_not_push_out_real_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
