/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "meter/certificate.h"
#include "meter/craft_tls.h"

static uint8_t der[8192];

static const struct craft_certificate usual = {
    .issuer = "Example CA",
    .subject = "www.example.org",
    .not_before = "170101000000Z",
    .not_after = "171231235959Z",
    .alt_names = {"www.example.org", "*.Example.net", "example.com"},
    .key_bits = 2048,
};

static struct certificate read(const struct craft_certificate *c)
{
    struct certificate ret;
    size_t len = craft_certificate(der, c);
    assert_true(certificate_read(bytes_of(der, len), &ret));
    return ret;
}

static void a_certificate_says_what_it_is(void **state)
{
    (void)state;
    struct certificate c = read(&usual);
    assert_int_equal(c.not_before_s, 1483228800);
    assert_int_equal(c.not_after_s, 1514764799);
    assert_true(bytes_equal(c.common_name, bytes_of_text("www.example.org")));
    assert_false(c.self_issued);
    assert_false(c.weak);
    struct craft_certificate other = usual;
    other.issuer = other.subject;
    other.signature = "2a864886f70d010105"; /* its own, so SHA-1 does no more harm */
    c = read(&other);
    assert_true(c.self_issued);
    assert_false(c.weak);
    other = usual;
    other.issuer = other.subject = "";
    assert_false(read(&other).self_issued);
    other = usual;
    other.version_1 = true;
    c = read(&other);
    assert_int_equal(c.alt_names.len, 0);
}

/* RFC 5280 section 4.1.2.5, and what old certificates do. */
static void times_are_utc(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t s;
    } times[] = {
        {"700101000000Z", 0},
        {"491231235959Z", 2524607999},
        {"500101000000Z", -631152000},
        {"20170401073000Z", 1491031800},
        {"99991231235959Z", 253402300799},
        {"160229120000Z", 1456747200},
        {"1704010730Z", 1491031800},
        {"170401160000+0830", 1491031800},
    };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        struct craft_certificate c = usual;
        c.not_after = times[i].text;
        assert_int_equal(read(&c).not_after_s, times[i].s);
    }
    static const char *const wrong[] = {"",          "170401073000", "171301000000Z",
                                        "17040107Z", "1704010730xZ", "170401250000Z"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct craft_certificate c = usual;
        struct certificate ret;
        c.not_before = wrong[i];
        assert_false(certificate_read(bytes_of(der, craft_certificate(der, &c)), &ret));
    }
}

/* RFC 9525 section 6.3. */
static void names_match_by_whole_labels(void **state)
{
    (void)state;
    struct certificate c = read(&usual);
    static const struct {
        const char *host;
        bool is;
    } hosts[] = {
        {"www.example.org", true}, {"example.com", true},      {"a.example.net", true},
        {"example.net", false},    {"a.b.example.net", false}, {"www.example.com", false},
        {"wwwexample.org", false}, {"example.org", false},     {".example.net", false},
        {"xexample.net", false},
    };
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++)
        if (certificate_is_for(&c, bytes_of_text(hosts[i].host)) != hosts[i].is)
            fail_msg("%s", hosts[i].host);
    /* The common name counts only where no host name is among the alternatives. */
    struct craft_certificate other = usual;
    other.alt_names[0] = "other.example";
    other.alt_names[1] = NULL;
    c = read(&other);
    assert_false(certificate_is_for(&c, bytes_of_text("www.example.org")));
    assert_true(certificate_is_for(&c, bytes_of_text("other.example")));
    other.alt_names[0] = NULL;
    c = read(&other);
    assert_true(certificate_is_for(&c, bytes_of_text("www.example.org")));
    other.subject = "w*.example.org"; /* a part of a label is no wildcard */
    c = read(&other);
    assert_false(certificate_is_for(&c, bytes_of_text("www.example.org")));
}

static void weakness_is_of_hash_and_key(void **state)
{
    (void)state;
    static const struct {
        const char *signature;
        size_t key_bits;
        bool weak;
    } all[] = {
        {"2a864886f70d010105", 2048, true},  /* sha1WithRSAEncryption */
        {"2a864886f70d010104", 4096, true},  /* md5WithRSAEncryption */
        {"2a864886f70d01010b", 2048, false}, /* sha256WithRSAEncryption */
        {"2a864886f70d01010b", 2047, true},  {"2a864886f70d01010b", 1024, true},
        {"2a8648ce3d0401", 0, true},    /* ecdsa-with-SHA1 */
        {"2a8648ce3d040302", 0, false}, /* ecdsa-with-SHA256 */
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct craft_certificate c = usual;
        c.signature = all[i].signature;
        c.key_bits = all[i].key_bits;
        assert_int_equal(read(&c).weak, all[i].weak);
    }
}

/* In memory of exactly the length, so that a sanitizer sees a read too far. */
static bool read_copy(const uint8_t *at, size_t len)
{
    struct certificate c;
    uint8_t *copy = memory_alloc(len ? len : 1);
    memcpy(copy, at, len);
    bool is = certificate_read(bytes_of(copy, len), &c);
    if (is)
        certificate_is_for(&c, bytes_of_text("a.example.net"));
    free(copy);
    return is;
}

static void damage_is_survived(void **state)
{
    (void)state;
    struct random dice;
    uint8_t damaged[4096];
    size_t len = craft_certificate(der, &usual);
    for (size_t cut = 0; cut < len; cut++)
        assert_false(read_copy(der, cut));
    assert_true(read_copy(der, len));
    random_init(&dice, 5280);
    for (int round = 0; round < 10000; round++) {
        memcpy(damaged, der, len);
        for (uint64_t n = 1 + random_below(&dice, 4); n; n--)
            damaged[random_below(&dice, len)] = (uint8_t)random_u64(&dice);
        read_copy(damaged, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_says_what_it_is),
        cmocka_unit_test(times_are_utc),
        cmocka_unit_test(names_match_by_whole_labels),
        cmocka_unit_test(weakness_is_of_hash_and_key),
        cmocka_unit_test(damage_is_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
