/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "meter/craft.h"
#include "meter/hello.h"

enum { END = 0xffff };

/* A hello of these lists, each ended by END. */
struct lists {
    uint16_t version; /* the highest of supported_versions; 0: no such extension */
    const uint16_t *ciphers, *extensions, *signatures;
    const char *alpn;
    bool dtls;
};

static size_t put_list(uint8_t *out, const uint16_t *list)
{
    size_t at = 2;
    for (; *list != END; list++)
        at += craft_be(out + at, *list, 2);
    craft_be(out, at - 2, 2);
    return at;
}

static size_t put_extension(uint8_t *out, uint16_t type, const struct lists *l)
{
    size_t at = 4;
    if (type == 0) {
        at += craft_hex(out + at, "000e00000b6578616d706c652e6f7267");
    } else if (type == 13) {
        at += put_list(out + at, l->signatures);
    } else if (type == 16) {
        size_t len = strlen(l->alpn);
        at += craft_be(out + at, len + 1, 2);
        at += craft_be(out + at, len, 1);
        memcpy(out + at, l->alpn, len);
        at += len;
    } else if (type == 43) {
        at += craft_be(out + at, 6, 1);
        at += craft_be(out + at, 0x5a5a, 2); /* RFC 8701 */
        at += craft_be(out + at, l->dtls ? 0xfeff : 0x0301, 2);
        at += craft_be(out + at, l->version, 2);
    }
    craft_be(out, type, 2);
    craft_be(out + 2, at - 4, 2);
    return at;
}

static size_t put_hello(uint8_t *out, const struct lists *l)
{
    size_t at = craft_be(out, l->dtls ? 0xfefd : 0x0303, 2);
    memset(out + at, 0x5a, 32);
    at += 32;
    out[at++] = 0;
    if (l->dtls)
        out[at++] = 0;
    at += put_list(out + at, l->ciphers);
    at += craft_be(out + at, 0x0100, 2);
    size_t from = at;
    at += 2;
    for (const uint16_t *e = l->extensions; *e != END; e++)
        at += put_extension(out + at, *e, l);
    craft_be(out + from, at - from - 2, 2);
    return at;
}

static const uint16_t ciphers[] = {0x0a0a, 0x1301, 0x1302, 0x1303, 0xc02b, 0xc02f,
                                   0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc013, 0xc014,
                                   0x009c, 0x009d, 0x002f, 0x0035, END};
static const uint16_t extensions[] = {0x2a2a, 0x001b, 0x0000, 0x0033, 0x0010, 0x4469,
                                      0x0017, 0x002d, 0x000d, 0x0005, 0x0023, 0x0012,
                                      0x002b, 0xff01, 0x000b, 0x000a, 0x0015, END};
static const uint16_t signatures[] = {0x0403, 0x0804, 0x0401, 0x0503, 0x0805,
                                      0x0501, 0x0806, 0x0601, END};
static const struct lists chrome = {0x0304, ciphers, extensions, signatures, "h2", false};

static void assert_ja4(const struct lists *l, char transport, const char *expected)
{
    static uint8_t body[4096];
    static struct hello h;
    char text[JA4_TEXT + 1];
    struct ja4 *j = ja4_new();
    assert_true(hello_read(bytes_of(body, put_hello(body, l)), l->dtls, &h));
    ja4_text(j, &h, transport, text);
    assert_string_equal(text, expected);
    ja4_free(j);
}

/* The example of FoxIO's specification, with the lists it gives; and the second part of it. */
static void the_published_example(void **state)
{
    (void)state;
    assert_ja4(&chrome, 't', "t13d1516h2_8daaf6152771_e5627efa2ab1");
    assert_ja4(&chrome, 'q', "q13d1516h2_8daaf6152771_e5627efa2ab1");
}

/* Chrome orders its extensions anew for each connection. */
static void order_does_not_matter(void **state)
{
    (void)state;
    struct random dice;
    uint16_t mixed[17];
    struct lists l = chrome;
    l.extensions = mixed;
    random_init(&dice, 4);
    for (int round = 0; round < 50; round++) {
        memcpy(mixed, extensions, sizeof mixed);
        mixed[16] = 0x0015;
        for (size_t i = 15; i; i--) {
            size_t k = random_below(&dice, i + 1);
            uint16_t other = mixed[k];
            mixed[k] = mixed[i];
            mixed[i] = other;
        }
        uint16_t ended[18];
        memcpy(ended, mixed, sizeof mixed);
        ended[17] = END;
        l.extensions = ended;
        assert_ja4(&l, 't', "t13d1516h2_8daaf6152771_e5627efa2ab1");
    }
}

static void what_is_not_there_is_zero(void **state)
{
    (void)state;
    static const uint16_t none[] = {END}, names[] = {0, 16, END}, versions[] = {43, END};
    struct lists l = chrome;
    l.extensions = none;
    assert_ja4(&l, 't', "t12i150000_8daaf6152771_000000000000");
    l.ciphers = none;
    assert_ja4(&l, 't', "t12i000000_000000000000_000000000000");
    l = chrome;
    l.extensions = names; /* both are left out of the third part */
    assert_ja4(&l, 't', "t12d1502h2_8daaf6152771_000000000000");
    l.alpn = "http/1.1";
    assert_ja4(&l, 't', "t12d1502h1_8daaf6152771_000000000000");
    l.alpn = "h";
    assert_ja4(&l, 't', "t12d1502hh_8daaf6152771_000000000000");
    l.alpn = "\xab\xcd"; /* no letters: first and last of "abcd" */
    assert_ja4(&l, 't', "t12d1502ad_8daaf6152771_000000000000");
    l = chrome;
    l.dtls = true;
    l.extensions = versions;
    l.version = 0xfefc;
    char text[JA4_TEXT + 1];
    static uint8_t body[4096];
    static struct hello h;
    struct ja4 *j = ja4_new();
    assert_true(hello_read(bytes_of(body, put_hello(body, &l)), true, &h));
    ja4_text(j, &h, 'd', text);
    text[4] = 0;
    assert_string_equal(text, "dd3i"); /* DTLS counts down: 0xfefc is later than 0xfeff */
    ja4_free(j);
}

static void libraries_are_known_by_their_lists(void **state)
{
    (void)state;
    static const uint16_t apple[] = {0x0403, 0x0804, 0x0401, 0x0503, 0x0203, 0x0805,
                                     0x0805, 0x0501, 0x0806, 0x0601, 0x0201, END};
    static const uint16_t schannel[] = {0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0201, 0x0403,
                                        0x0503, 0x0203, 0x0202, 0x0601, 0x0603, END};
    static uint8_t body[4096];
    static struct hello h;
    struct lists l = chrome;
    assert_true(hello_read(bytes_of(body, put_hello(body, &l)), false, &h));
    assert_int_equal(hello_platform(&h), PLATFORM_UNKNOWN);
    l.signatures = apple;
    assert_true(hello_read(bytes_of(body, put_hello(body, &l)), false, &h));
    assert_int_equal(hello_platform(&h), PLATFORM_APPLE);
    static const uint16_t seven[] = {0x0601, 0x0603, 0x0401, 0x0501, 0x0201,
                                     0x0403, 0x0503, 0x0203, 0x0202, END};
    static const uint16_t nss[] = {0x0401, 0x0501, 0x0201, 0x0403, 0x0503,
                                   0x0203, 0x0402, 0x0202, END}; /* Chrome of 2014: not it */
    l.signatures = seven;
    assert_true(hello_read(bytes_of(body, put_hello(body, &l)), false, &h));
    assert_int_equal(hello_platform(&h), PLATFORM_WINDOWS);
    l.signatures = nss;
    assert_true(hello_read(bytes_of(body, put_hello(body, &l)), false, &h));
    assert_int_equal(hello_platform(&h), PLATFORM_UNKNOWN);
    l.signatures = schannel;
    assert_true(hello_read(bytes_of(body, put_hello(body, &l)), false, &h));
    assert_int_equal(hello_platform(&h), PLATFORM_WINDOWS);
}

static bool read_copy(const uint8_t *at, size_t len)
{
    static struct hello h;
    uint8_t *copy = memory_alloc(len ? len : 1);
    memcpy(copy, at, len);
    bool is = hello_read(bytes_of(copy, len), false, &h);
    free(copy);
    return is;
}

static void damage_is_survived(void **state)
{
    (void)state;
    struct random dice;
    uint8_t body[4096], damaged[4096];
    size_t len = put_hello(body, &chrome);
    for (size_t cut = 0; cut < len; cut++)
        read_copy(body, cut);
    random_init(&dice, 8446);
    for (int round = 0; round < 10000; round++) {
        memcpy(damaged, body, len);
        for (uint64_t n = 1 + random_below(&dice, 4); n; n--)
            damaged[random_below(&dice, len)] = (uint8_t)random_u64(&dice);
        read_copy(damaged, len);
    }
    /* More ciphers than there is room for are no fingerprint, not part of one. */
    uint16_t many[HELLO_CIPHERS_MAX + 2];
    for (size_t i = 0; i <= HELLO_CIPHERS_MAX; i++)
        many[i] = (uint16_t)(0x1000 + i);
    many[HELLO_CIPHERS_MAX + 1] = END;
    struct lists l = chrome;
    l.ciphers = many;
    assert_false(read_copy(body, put_hello(body, &l)));
    many[HELLO_CIPHERS_MAX] = END;
    assert_true(read_copy(body, put_hello(body, &l)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_published_example),
        cmocka_unit_test(order_does_not_matter),
        cmocka_unit_test(what_is_not_there_is_zero),
        cmocka_unit_test(libraries_are_known_by_their_lists),
        cmocka_unit_test(damage_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
