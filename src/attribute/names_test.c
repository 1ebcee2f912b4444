/* SPDX-License-Identifier: Apache-2.0 */
/* The suffix matcher against a plain list, and the registered label. */
#include "attribute/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/random.h"

static void add(struct names *n, enum names_match match, const char *text, uint32_t value)
{
    names_add(n, match, text, strlen(text), value);
}

static size_t find(const struct names *n, const char *host, uint32_t values[NAMES_MATCHES_MAX])
{
    return names_find(n, host, strlen(host), values);
}

static void test_best_first(void **state)
{
    (void)state;
    struct names *n = names_new();
    uint32_t v[NAMES_MATCHES_MAX];
    add(n, NAMES_SUFFIX, "com", 1);
    add(n, NAMES_SUFFIX, "google.com", 2);
    add(n, NAMES_SUFFIX, "mail.google.com", 3);
    add(n, NAMES_EXACT, "www.google.com", 4);
    add(n, NAMES_BRAND, "google", 5);
    add(n, NAMES_FIRST, "time", 6);
    names_seal(n);
    assert_int_equal(find(n, "mail.google.com", v), 4);
    assert_int_equal(v[0], 3);
    assert_int_equal(v[1], 2);
    assert_int_equal(v[2], 1);
    assert_int_equal(v[3], 5);
    assert_int_equal(find(n, "www.google.com", v), 4);
    assert_int_equal(v[0], 4);
    assert_int_equal(find(n, "a.www.google.com", v), 3);
    assert_int_equal(v[0], 2);
    assert_int_equal(find(n, "www.google.com.br", v), 1);
    assert_int_equal(v[0], 5);
    assert_int_equal(find(n, "google.de", v), 1);
    assert_int_equal(find(n, "notgoogle.de", v), 0);
    assert_int_equal(find(n, "oogle.com", v), 1); /* com alone */
    assert_int_equal(find(n, "time3-ny.isp.example", v), 1);
    assert_int_equal(v[0], 6);
    assert_int_equal(find(n, "time.isp.co.uk", v), 1);
    assert_int_equal(find(n, "time.co.uk", v), 0); /* its registered label */
    assert_int_equal(find(n, "time.example", v), 0);
    assert_int_equal(find(n, "times.isp.example", v), 0);
    assert_int_equal(find(n, "time.google.com", v), 3); /* what is known decides */
    assert_int_equal(find(n, "google", v), 0);
    assert_int_equal(find(n, "", v), 0);
    assert_int_equal(find(n, "com", v), 1);
    names_free(n);
}

static void test_later_replaces(void **state)
{
    (void)state;
    struct names *n = names_new();
    uint32_t v[NAMES_MATCHES_MAX];
    add(n, NAMES_SUFFIX, "a.example", 1);
    add(n, NAMES_SUFFIX, "a.example", 2);
    names_seal(n);
    assert_int_equal(find(n, "x.a.example", v), 1);
    assert_int_equal(v[0], 2);
    names_free(n);
}

static void registered(const char *host, const char *wanted)
{
    const char *label;
    size_t len;
    names_registered(host, strlen(host), &label, &len);
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(label, wanted, len);
}

static void test_registered_label(void **state)
{
    (void)state;
    registered("www.google.com.br", "google");
    registered("google.de", "google");
    registered("a.b.c.example.co.uk", "example");
    registered("example.com", "example");
    registered("com.br", "com");
    registered("localhost", "");
    registered("x.gov.in", "x");
}

static void test_literals(void **state)
{
    (void)state;
    assert_true(names_is_literal("192.168.1.1", 11));
    assert_true(names_is_literal("2001:db8::1", 11));
    assert_true(names_is_literal("[::1]", 5));
    assert_false(names_is_literal("1.example", 9));
    assert_false(names_is_literal("163.com", 7));
}

enum { SUFFIXES = 400, HOSTS = 20000 };

static void random_name(struct random *r, char text[64])
{
    static const char *const LABELS[] = {"a", "b", "www", "google", "com", "co", "uk", "x-1"};
    text[0] = 0;
    for (uint64_t i = 0, count = 1 + random_below(r, 5); i < count; i++) {
        strcat(text, i ? "." : "");
        strcat(text, LABELS[random_below(r, 8)]);
    }
}

/* Whole labels from the end. */
static bool is_suffix(const char *suffix, const char *host)
{
    size_t s = strlen(suffix), h = strlen(host);
    return h >= s && strcmp(host + h - s, suffix) == 0 && (h == s || host[h - s - 1] == '.');
}

static void test_against_plain_list(void **state)
{
    (void)state;
    static char list[SUFFIXES][64];
    struct random r;
    struct names *n = names_new();
    random_init(&r, 7);
    for (uint32_t i = 0; i < SUFFIXES; i++) {
        random_name(&r, list[i]);
        add(n, NAMES_SUFFIX, list[i], i);
    }
    names_seal(n);
    for (int i = 0; i < HOSTS; i++) {
        char host[64];
        const char *best = NULL;
        uint32_t v[NAMES_MATCHES_MAX];
        random_name(&r, host);
        for (int j = 0; j < SUFFIXES; j++)
            if (is_suffix(list[j], host) && (!best || strlen(list[j]) >= strlen(best)))
                best = list[j];
        size_t count = find(n, host, v);
        assert_int_equal(count > 0, best != NULL);
        if (best)
            assert_string_equal(list[v[0]], best);
    }
    names_free(n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_best_first),         cmocka_unit_test(test_later_replaces),
        cmocka_unit_test(test_registered_label),   cmocka_unit_test(test_literals),
        cmocka_unit_test(test_against_plain_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
