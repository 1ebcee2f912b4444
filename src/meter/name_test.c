/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "meter/name.h"

static bool becomes(const char *text, const char *expected)
{
    struct name n = {0};
    bool ok = name_set(&n, bytes_of_text(text));
    return expected ? ok && n.len == strlen(expected) && memcmp(n.text, expected, n.len) == 0
                    : !ok && n.len == 0;
}

static void test_names(void **state)
{
    (void)state;
    assert_true(becomes("www.example.com", "www.example.com"));
    assert_true(becomes("WWW.Example.COM.", "www.example.com"));
    assert_true(becomes("example.com:8443", "example.com"));
    assert_true(becomes("example.com.:80", "example.com"));
    assert_true(becomes("xn--bcher-kva.example", "xn--bcher-kva.example"));
    assert_true(becomes("_sip._tcp.example.com", "_sip._tcp.example.com"));
    assert_true(becomes("r3---sn-4g5e6nez.googlevideo.com", "r3---sn-4g5e6nez.googlevideo.com"));
    assert_true(becomes("localhost", "localhost"));
    assert_true(becomes("1.2.3.4.in-addr.arpa", "1.2.3.4.in-addr.arpa"));
}

static void test_what_is_no_name(void **state)
{
    (void)state;
    const char *const bad[] = {
        "",
        ".",
        "..",
        "a..b",
        ".com",
        "192.0.2.1",
        "192.0.2.1:80",
        "[::1]",
        "[::1]:80",
        "2001:db8::1",
        "::1",
        "exa mple.com",
        "b\303\274cher.example",
        "a/b",
        "%s",
        "a\nb",
        ":80",
        "<script>",
        "a;b",
        "12345",

        "host:port",
        "a,b.com",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (!becomes(bad[i], NULL))
            fail_msg("taken for a name: %s", bad[i]);
    struct name n = {0};
    assert_false(name_set(&n, bytes_of("a\0b.com", 7)));
}

static void test_lengths(void **state)
{
    (void)state;
    char label[65], name[300];
    memset(label, 'a', 64);
    label[64] = 0;
    assert_true(becomes(label, NULL));
    label[63] = 0;
    assert_true(becomes(label, label));
    snprintf(name, sizeof name, "%s.%s.%s.%.61s", label, label, label, label);
    assert_int_equal(strlen(name), 253);
    assert_true(becomes(name, name));
    snprintf(name, sizeof name, "%s.%s.%s.%.62s", label, label, label, label);
    assert_true(becomes(name, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_what_is_no_name),
        cmocka_unit_test(test_lengths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
