/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "analysis/analysis.h"
#include "base/random.h"
#include "report/pseudonym.h"

static const char key_text[] = "32-char-str-for-AES-key-and-pad.";
/* The key of the authors' own sample. */
static const uint8_t sample_key[PSEUDONYM_KEY_OCTETS] = {
    21,  34,  23,  141, 51,  164, 207, 128, 19, 10, 91, 22, 73, 144, 125, 16,
    216, 152, 143, 131, 121, 121, 101, 39,  98, 87, 76, 45, 42, 132, 34,  2};

static struct ip address(const char *text)
{
    struct ip ip;
    assert_true(ip_parse(text, strlen(text), &ip));
    return ip;
}

static void assert_maps(struct pseudonyms *p, const char *from, const char *to)
{
    struct ip ip = address(from);
    char text[IP_TEXT_MAX];
    for (int again = 0; again < 2; again++) {
        struct ip made = pseudonym_ip(p, &ip);
        ip_print(&made, text);
        assert_string_equal(text, to);
    }
}

static void published_vectors(void **state)
{
    (void)state;
    struct pseudonyms *p = pseudonyms_new((const uint8_t *)key_text);
    assert_maps(p, "192.0.2.1", "192.0.125.244");
    assert_maps(p, "2001:db8::1", "27fe:8bc7:fee:1e:1e1f:f0fe:f0e1:83fd");
    pseudonyms_free(p);
    p = pseudonyms_new(sample_key);
    assert_maps(p, "128.11.68.132", "135.242.180.132");
    assert_maps(p, "129.118.74.4", "134.136.186.123");
    pseudonyms_free(p);
}

static unsigned shared_bits(const struct ip *a, const struct ip *b)
{
    unsigned n = 0;
    while (n < 128 && !((a->octet[n / 8] ^ b->octet[n / 8]) & (0x80 >> n % 8)))
        n++;
    return n;
}

/* The defining property, on random pairs of both families. */
static void shared_prefixes_stay_shared(void **state)
{
    (void)state;
    struct random r;
    struct pseudonyms *p = pseudonyms_new(sample_key);
    random_init(&r, 7);
    for (int i = 0; i < 2000; i++) {
        struct ip a, b;
        for (int n = 0; n < IP_OCTETS; n++)
            a.octet[n] = (uint8_t)random_u64(&r);
        if (i % 2)
            memcpy(a.octet, IP_V4_MAPPED, sizeof IP_V4_MAPPED);
        b = a;
        unsigned bit = (i % 2 ? 96 : 0) + (unsigned)random_below(&r, i % 2 ? 32 : 128);
        b.octet[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        b.octet[15] ^= (uint8_t)(bit < 120 ? random_u64(&r) : 0);
        struct ip pa = pseudonym_ip(p, &a), pb = pseudonym_ip(p, &b);
        assert_int_equal(shared_bits(&pa, &pb), shared_bits(&a, &b));
        assert_int_equal(ip_is_v4(&pa), i % 2);
        struct prefix of = {a, (uint8_t)(bit + 1)}, made;
        for (unsigned n = of.len_bits; n < 128; n++)
            of.ip.octet[n / 8] &= (uint8_t) ~(0x80 >> (n % 8));
        made = pseudonym_prefix(p, &of);
        assert_true(prefix_contains(&made, &pa));
        assert_false(prefix_contains(&made, &pb));
    }
    pseudonyms_free(p);
}

static void assert_text(struct pseudonyms *p, const char *from, const char *to)
{
    struct buf out;
    buf_init(&out, 1 << 16);
    buf_text(&out, "");
    pseudonym_text(p, bytes_of_text(from), &out);
    assert_string_equal(out.at ? out.at : "", to);
    buf_done(&out);
}

static void addresses_in_texts_in_every_form(void **state)
{
    (void)state;
    struct pseudonyms *p = pseudonyms_new((const uint8_t *)key_text);
    assert_text(p, "", "");
    assert_text(p, "from 192.0.2.1 to it", "from 192.0.125.244 to it");
    assert_text(p, "192.0.2.1.", "192.0.125.244.");
    assert_text(p, "(192.0.2.1:443)", "(192.0.125.244:443)");
    assert_text(p, "feed192.0.2.1-x.pcap", "feed192.0.125.244-x.pcap");
    assert_text(p, "[2001:db8::1]:443", "[27fe:8bc7:fee:1e:1e1f:f0fe:f0e1:83fd]:443");
    assert_text(p, "2001:DB8:0:0:0:0:0:1", "27fe:8bc7:fee:1e:1e1f:f0fe:f0e1:83fd");
    assert_text(p, "::ffff:192.0.2.1", "192.0.125.244");
    assert_text(p, "192.0.2.1/32,192.0.2.1", "192.0.125.244/32,192.0.125.244");
    assert_text(p, "net 0.0.0.0/0", "net 0.0.0.0/0");
    assert_text(p, "at 12:30:00 on 2017-04-01T00:00:00.000Z, 4.5 of 10",
                "at 12:30:00 on 2017-04-01T00:00:00.000Z, 4.5 of 10");
    pseudonyms_free(p);
}

static void keys_are_octets_or_hexadecimal(void **state)
{
    (void)state;
    char path[] = "/tmp/telltale-key-XXXXXX";
    int fd = mkstemp(path);
    struct pseudonyms *p;
    struct error err;
    const char *hex = "33322d636861722d7374722d666f722d4145532d6b65792d616e642d7061642e\n";
    assert_int_equal(write(fd, hex, strlen(hex)), strlen(hex));
    assert_int_equal(pseudonyms_open(path, &p, &err), 0);
    assert_maps(p, "192.0.2.1", "192.0.125.244");
    pseudonyms_free(p);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, key_text, 32, 0), 32);
    assert_int_equal(pseudonyms_open(path, &p, &err), 0);
    assert_maps(p, "192.0.2.1", "192.0.125.244");
    pseudonyms_free(p);
    assert_int_equal(ftruncate(fd, 31), 0);
    assert_int_equal(pseudonyms_open(path, &p, &err), ERROR_USAGE);
    assert_non_null(strstr(err.text, path));
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(pwrite(fd, "zz", 2, 62), 2);
    assert_int_equal(pseudonyms_open(path, &p, &err), ERROR_USAGE);
    close(fd);
    unlink(path);
    assert_int_equal(pseudonyms_open(path, &p, &err), ERROR_FAILED);
}

static bool is_server(void *ctx, const char *word, size_t len)
{
    (void)ctx;
    return bytes_equal(bytes_of(word, len), bytes_of_text("secret.example"));
}

static const char model_text[] =
    "{\"schema\":\"telltale.report/1\","
    "\"study\":{\"name\":\"Of Star "
    "JV\",\"population\":[{\"prefix\":\"192.0.2.0/24\",\"label\":\"Star JV\"}],"
    "\"events\":[{\"label\":\"Launch\"}]},"
    "\"provenance\":{\"generated\":\"2026-11-22T00:00:00.000Z\",\"program_version\":\"1.2.3.4\","
    "\"engine\":{\"kind\":\"chdb\",\"version\":\"26.7.2.1\"},"
    "\"sources\":[{\"path\":\"/data/192.0.2.7/feed.pcap\",\"sha256\":\"00\"}],\"digest\":\"x\"},"
    "\"contacts\":[{\"local\":\"192.0.2.1\",\"remote\":\"2001:db8::1\",\"flows\":7,"
    "\"evidence\":{\"filter\":\"src ip 192.0.2.1 and name SECRET.example.\",\"flows\":7}}],"
    "\"findings\":[{\"headline\":\"Star JV met secret.example, not Starbucks or e.g. "
    "other.example\"}]}";

static void a_model_keeps_its_counts_and_loses_its_addresses(void **state)
{
    (void)state;
    struct pseudonyms *p = pseudonyms_new((const uint8_t *)key_text);
    json_t *model = json_loads(model_text, 0, NULL);
    assert_non_null(model);
    json_t *made = pseudonym_model(p, model, is_server, NULL);
    char *text = json_dumps(made, JSON_COMPACT), digest[ANALYSIS_DIGEST_TEXT];
    static const char *const gone[] = {"192.0.2.", "db8",   "Star JV", "secret.example",
                                       "SECRET",   "/data", "feed"};
    for (size_t i = 0; i < sizeof gone / sizeof *gone; i++)
        assert_null(strstr(text, gone[i]));
    static const char *const there[] = {
        "192.0.125.244\"", "192.0.125.0/24\"", "Launch",
        "26.7.2.1",        "1.2.3.4",          "Starbucks",
        "other.example",   "\"flows\":7",      "src ip 192.0.125.244 and name n-",
        "crypto-pan/1"};
    for (size_t i = 0; i < sizeof there / sizeof *there; i++)
        if (!strstr(text, there[i]))
            fail_msg("'%s' is not in %s", there[i], text);
    analysis_digest(made, digest);
    assert_string_equal(
        json_string_value(json_object_get(json_object_get(made, "provenance"), "digest")), digest);
    json_t *again = pseudonym_model(p, model, is_server, NULL);
    assert_true(json_equal(made, again));
    json_decref(again);
    json_decref(made);
    json_decref(model);
    free(text);
    pseudonyms_free(p);
}

static void names_are_told_apart(void **state)
{
    (void)state;
    char a[PSEUDONYM_NAME_MAX], b[PSEUDONYM_NAME_MAX];
    struct pseudonyms *p = pseudonyms_new((const uint8_t *)key_text),
                      *q = pseudonyms_new(sample_key);
    size_t len = pseudonym_name(p, bytes_of_text("a.example"), NULL, a);
    assert_int_equal(len, strlen(a));
    pseudonym_name(p, bytes_of_text("b.example"), NULL, b);
    assert_string_not_equal(a, b);
    pseudonym_name(q, bytes_of_text("a.example"), NULL, b);
    assert_string_not_equal(a, b);
    pseudonym_name(p, bytes_of_text("a.example"), NULL, b);
    assert_string_equal(a, b);
    assert_int_equal(pseudonym_name(p, bytes_of_text(""), NULL, b), 0);
    pseudonyms_free(p);
    pseudonyms_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_vectors),
        cmocka_unit_test(shared_prefixes_stay_shared),
        cmocka_unit_test(addresses_in_texts_in_every_form),
        cmocka_unit_test(keys_are_octets_or_hexadecimal),
        cmocka_unit_test(a_model_keeps_its_counts_and_loses_its_addresses),
        cmocka_unit_test(names_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
