/* SPDX-License-Identifier: Apache-2.0 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/ip.h"
#include "base/random.h"

static void error_text_is_cut_visibly(void **state)
{
    (void)state;
    struct error err = {0};
    char *big = test_malloc(3000);
    memset(big, 'x', 2999);
    big[2999] = 0;
    assert_int_equal(error_set(&err, ERROR_USAGE, "%s", big), ERROR_USAGE);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_string_equal(err.text + sizeof err.text - 4, "...");
    test_free(big);
    error_set(&err, ERROR_FAILED, "no such zone");
    error_context(&err, "study.yaml:%d", 3);
    assert_string_equal(err.text, "study.yaml:3: no such zone");
}

static void buffers_stop_at_their_limit(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 10);
    buf_text(&b, "0123456789");
    assert_false(b.failed);
    buf_u8(&b, 'x');
    assert_true(b.failed);
    assert_string_equal(b.at, "0123456789");
    buf_clear(&b);
    buf_format(&b, "%d-%s", 12, "ab");
    assert_string_equal(b.at, "12-ab");
    buf_done(&b);
}

static void arenas_align_and_count(void **state)
{
    (void)state;
    struct arena *a = arena_new(1 << 20);
    char *text = arena_format(a, "%s/%d", "x", 7);
    assert_string_equal(text, "x/7");
    uint64_t *numbers = arena_array(a, 10000, 8);
    assert_int_equal((uintptr_t)numbers % 16, 0);
    for (int i = 0; i < 10000; i++)
        assert_int_equal(numbers[i], 0);
    assert_true(arena_used(a) >= 80000);
    arena_free(a);
}

static void prefixes_read_and_print(void **state)
{
    (void)state;
    static const struct {
        const char *text, *printed;
        int strict_ok;
    } cases[] = {
        {"175.45.176.0/22", "175.45.176.0/22", 1}, {"175.45.177.1/22", "175.45.176.0/22", 0},
        {"10.0.0.1", "10.0.0.1/32", 1},            {"2001:db8::/32", "2001:db8::/32", 1},
        {"0.0.0.0/0", "0.0.0.0/0", 1},             {"::/0", "::/0", 1},
        {"2001:db8::1", "2001:db8::1/128", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct prefix p;
        char text[PREFIX_TEXT_MAX];
        assert_true(prefix_parse(cases[i].text, strlen(cases[i].text), false, &p));
        prefix_print(&p, text);
        assert_string_equal(text, cases[i].printed);
        assert_int_equal(prefix_parse(cases[i].text, strlen(cases[i].text), true, &p),
                         cases[i].strict_ok);
    }
    static const char *const wrong[] = {"", "1.2.3", "1.2.3.4/33", "::/129", "1.2.3.4/", "x/8", "1.2.3.4/-1"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct prefix p;
        assert_false(prefix_parse(wrong[i], strlen(wrong[i]), false, &p));
    }
    struct prefix p;
    struct ip ip, first, last;
    prefix_parse("175.45.176.0/22", 15, true, &p);
    ip_parse("175.45.179.255", 14, &ip);
    assert_true(prefix_contains(&p, &ip));
    prefix_range(&p, &first, &last);
    assert_true(ip_equal(&last, &ip));
    ip_parse("175.45.180.0", 12, &ip);
    assert_false(prefix_contains(&p, &ip));
}

static void random_numbers_have_their_moments(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 1);
    enum { N = 200000 };
    double sum = 0, squares = 0, poisson = 0, poisson_squares = 0, gamma = 0;
    for (int i = 0; i < N; i++) {
        double x = random_normal(&r), p = (double)random_poisson(&r, 100);
        sum += x;
        squares += x * x;
        poisson += p;
        poisson_squares += p * p;
        gamma += random_gamma(&r, 0.5, 2);
    }
    assert_true(fabs(sum / N) < 0.01);
    assert_true(fabs(squares / N - 1) < 0.02);
    double mean = poisson / N, variance = poisson_squares / N - mean * mean;
    assert_true(fabs(mean - 100) < 0.15);
    assert_true(fabs(variance - 100) < 2);
    assert_true(fabs(gamma / N - 1) < 0.02);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(error_text_is_cut_visibly),
        cmocka_unit_test(buffers_stop_at_their_limit),
        cmocka_unit_test(arenas_align_and_count),
        cmocka_unit_test(prefixes_read_and_print),
        cmocka_unit_test(random_numbers_have_their_moments),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
