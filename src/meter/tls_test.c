/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "meter/craft.h"
#include "meter/tls.h"

static uint8_t scratch[ASSEMBLY_OCTETS];

static bool is(const struct name *n, const char *text)
{
    return n->len == strlen(text) && memcmp(n->text, text, n->len) == 0;
}

/* Copies of exactly the length, so that a sanitizer sees a read too far. */
static enum look stream_cut(const uint8_t *at, size_t len, struct name *n)
{
    uint8_t *part = memory_alloc(len ? len : 1);
    memcpy(part, at, len);
    enum look look = tls_stream(bytes_of(part, len), scratch, n);
    free(part);
    return look;
}

static void test_hello_in_records(void **state)
{
    (void)state;
    static uint8_t stream[40000];
    const size_t record_lens[] = {1, 2, 5, 37, 100, 16384};
    for (size_t i = 0; i < sizeof record_lens / sizeof *record_lens; i++) {
        struct name n = {0};
        size_t len = craft_tls(stream, "Www.Example.org", 300, record_lens[i]);
        assert_int_equal(stream_cut(stream, len, &n), LOOK_NAME);
        assert_true(is(&n, "www.example.org"));
    }
}

/* Every truncation waits for more until the name is there, and then has it. */
static void test_truncations(void **state)
{
    (void)state;
    static uint8_t stream[4000];
    for (size_t record_len = 20; record_len <= 1000; record_len += 49) {
        size_t len = craft_tls(stream, "a.example", 50, record_len), found = 0;
        for (size_t cut = 0; cut <= len; cut++) {
            struct name n = {0};
            enum look look = stream_cut(stream, cut, &n);
            if (look != LOOK_MORE && look != LOOK_NAME)
                fail_msg("cut at %zu of %zu, records of %zu: %d", cut, len, record_len, (int)look);
            if (look == LOOK_NAME) {
                assert_true(is(&n, "a.example"));
                found++;
            } else {
                assert_int_equal(found, 0);
            }
        }
        assert_true(found > 0);
    }
}

static void test_without_name(void **state)
{
    (void)state;
    static uint8_t stream[4000];
    struct name n = {0};
    size_t len = craft_tls(stream, NULL, 10, 16384);
    assert_int_equal(stream_cut(stream, len, &n), LOOK_NONE);
    len = craft_tls(stream, "192.0.2.7", 10, 16384); /* RFC 6066: literals are not permitted */
    assert_int_equal(stream_cut(stream, len, &n), LOOK_NONE);
    len = craft_tls(stream, "bad name", 10, 16384);
    assert_int_equal(stream_cut(stream, len, &n), LOOK_NONE);
    const uint8_t ssl2[] = {0x80, 0x2e, 1, 3, 1, 0, 0x15, 0, 0, 0, 0x10};
    assert_int_equal(stream_cut(ssl2, sizeof ssl2, &n), LOOK_NONE);
    assert_int_equal(n.len, 0);
}

static void test_other_protocols(void **state)
{
    (void)state;
    struct name n = {0};
    const char *const others[] = {"GET / HTTP/1.1",
                                  "SSH-2.0-x",
                                  "\x16\x02\x01",
                                  "\x17\x03\x03",
                                  "\x16\x03\x03\x01\x40\x02\x01\x02\x03",
                                  "\x16\x03\x09\x01\x01"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(stream_cut((const uint8_t *)others[i], strlen(others[i]), &n), LOOK_NOT);
}

/* No octet of a hello, changed to anything, makes a read outside (sanitizer) or a bad name. */
static void test_changed_octets(void **state)
{
    (void)state;
    uint8_t stream[400], changed[400];
    size_t len = craft_tls(stream, "www.example.com", 9, 16384);
    for (size_t at = 0; at < len; at++)
        for (unsigned value = 0; value < 256; value += 3) {
            struct name n = {0}, again;
            memcpy(changed, stream, len);
            changed[at] = (uint8_t)value;
            if (stream_cut(changed, len, &n) == LOOK_NAME) {
                assert_true(n.len > 0);
                assert_true(name_set(&again, bytes_of(n.text, n.len)));
            }
        }
}

/* One DTLS record with a fragment of the message. */
static size_t dtls_record(uint8_t *out, struct bytes message, size_t from, size_t len)
{
    size_t at = craft_be(out, 0x16fefd, 3);
    at += craft_be(out + at, 0, 8);
    at += craft_be(out + at, 12 + len, 2);
    at += craft_be(out + at, 1, 1);
    at += craft_be(out + at, message.len - 4, 3);
    at += craft_be(out + at, 0, 2);
    at += craft_be(out + at, from, 3);
    at += craft_be(out + at, len, 3);
    memcpy(out + at, message.at + 4 + from, len);
    return at + len;
}

static void test_dtls(void **state)
{
    (void)state;
    uint8_t hello[1000], datagram[1200];
    struct assembly *a = memory_alloc(sizeof *a);
    struct name n = {0};
    struct bytes message = bytes_of(hello, craft_hello(hello, "turn.example.net", 200, true));
    size_t body = message.len - 4, part = body / 3;
    size_t len = dtls_record(datagram, message, 0, body);
    assert_int_equal(dtls_datagram(bytes_of(datagram, len), a, &n), LOOK_NAME);
    assert_true(is(&n, "turn.example.net"));
    /* In three fragments, the last first, one of them twice. */
    const size_t from[] = {2 * part, 0, 0, part}, lens[] = {body - 2 * part, part, part, part};
    memset(&n, 0, sizeof n);
    assembly_start(a, 0);
    for (int i = 0; i < 4; i++) {
        len = dtls_record(datagram, message, from[i], lens[i]);
        assert_int_equal(dtls_datagram(bytes_of(datagram, len), a, &n),
                         i == 3 ? LOOK_NAME : LOOK_MORE);
    }
    assert_true(is(&n, "turn.example.net"));
    for (size_t cut = 0; cut < len; cut++) {
        uint8_t *exact = memory_alloc(cut ? cut : 1);
        memcpy(exact, datagram, cut);
        assembly_start(a, 0);
        assert_int_not_equal(dtls_datagram(bytes_of(exact, cut), a, &n), LOOK_NAME);
        free(exact);
    }
    free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hello_in_records), cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_without_name),     cmocka_unit_test(test_other_protocols),
        cmocka_unit_test(test_changed_octets),   cmocka_unit_test(test_dtls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
