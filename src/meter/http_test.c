/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "meter/http.h"

static enum look cut(const char *text, size_t len, struct name *n)
{
    char *part = memory_alloc(len ? len : 1);
    memcpy(part, text, len);
    enum look look = http_request(bytes_of(part, len), n);
    free(part);
    return look;
}

static bool host_is(const char *request, const char *expected)
{
    struct name n = {0};
    enum look look = cut(request, strlen(request), &n);
    if (!expected)
        return look == LOOK_NONE && n.len == 0;
    return look == LOOK_NAME && n.len == strlen(expected) && memcmp(n.text, expected, n.len) == 0;
}

static void test_hosts(void **state)
{
    (void)state;
    assert_true(host_is("GET / HTTP/1.1\r\nHost: www.Example.com\r\n\r\n", "www.example.com"));
    assert_true(host_is("GET / HTTP/1.0\nX: y\nhOsT:\t example.com:8080 \n\n", "example.com"));
    assert_true(host_is("POST /a b HTTP/1.1\r\nHost:a.b\r\n", "a.b"));
    assert_true(host_is("CCM_POST / HTTP/1.1\r\nHost: a.b\r\n", "a.b"));
    assert_true(host_is("GET /HTTP/1.1\r\nHost: a.b\r\n", "a.b"));
    assert_true(host_is("GET / HTTP/1.\nHost: a.b\n\n", "a.b"));
    assert_true(host_is("OPTIONS HTTP/1.1\r\nHost: a.b\r\n", "a.b"));
    assert_true(host_is("VERSION-CONTROL /x HTTP/1.1\r\nHost: a.b.\r\n", "a.b"));
}

/* RFC 9112 section 3.2: an absolute or authority form counts before the Host field. */
static void test_targets(void **state)
{
    (void)state;
    assert_true(host_is("GET http://origin.example/x HTTP/1.1\r\nHost: proxy.example\r\n\r\n",
                        "origin.example"));
    assert_true(host_is("GET http://u:p@origin.example:81?q HTTP/1.1\r\n\r\n", "origin.example"));
    assert_true(host_is("CONNECT apache.org:443 HTTP/1.1\r\n\r\n", "apache.org"));
    assert_true(host_is("CONNECT 192.0.2.1:443 HTTP/1.1\r\nHost: a.b\r\n\r\n", "a.b"));
    assert_true(host_is("GET /?u=http://other.example/ HTTP/1.1\r\nHost: a.b\r\n\r\n", "a.b"));
}

static void test_no_name(void **state)
{
    (void)state;
    assert_true(host_is("GET / HTTP/1.1\r\n\r\n", NULL));
    assert_true(host_is("GET / HTTP/1.1\r\nHost: 192.0.2.1:80\r\n\r\n", NULL));
    assert_true(host_is("GET / HTTP/1.1\r\nHost: [::1]\r\n\r\n", NULL));
    assert_true(host_is("GET / HTTP/1.1\r\nHost: <script>\r\n\r\n", NULL));
    assert_true(host_is("GET / HTTP/1.1\r\nHost:\r\n\r\n", NULL));
    assert_true(host_is("GET / HTTP/1.1\r\nX-Host: a.b\r\n\r\nHost: c.d\r\n", NULL));
}

static void test_other_protocols(void **state)
{
    (void)state;
    const char *const others[] = {
        "HTTP/1.1 200 OK\r\nHost: a.b\r\n\r\n",
        "EHLO mail.example\r\n",
        "USER anonymous\r\n",
        "INVITE sip:a@b SIP/2.0\r\nHost: a.b\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "* OK IMAP4\r\n",
        "OPTIONS rtsp://a.b RTSP/1.0\r\n",
        "get / HTTP/1.1\r\nHost: a.b\r\n",
        "\x16\x03\x01",
        "-- x",
    };
    struct name n = {0};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (cut(others[i], strlen(others[i]), &n) != LOOK_NOT)
            fail_msg("taken for a request: %s", others[i]);
}

static void test_truncations(void **state)
{
    (void)state;
    const char *const requests[] = {
        "GET /path?x=y HTTP/1.1\r\nAccept: */*\r\nHost: www.example.com\r\nX: y\r\n\r\n",
        "CONNECT www.example.com:443 HTTP/1.1\r\n\r\n",
        "GET http://www.example.com/ HTTP/1.0\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        bool found = false;
        for (size_t len = 0; len <= strlen(requests[i]); len++) {
            struct name n = {0};
            enum look look = cut(requests[i], len, &n);
            if (len == 0)
                continue;
            assert_true(look == LOOK_NAME || (look == LOOK_MORE && !found));
            found = look == LOOK_NAME;
            if (found)
                assert_memory_equal(n.text, "www.example.com", 15);
        }
        assert_true(found);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),       cmocka_unit_test(test_targets),
        cmocka_unit_test(test_no_name),     cmocka_unit_test(test_other_protocols),
        cmocka_unit_test(test_truncations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
