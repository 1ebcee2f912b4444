/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 9001 appendix A and RFC 9369 appendix A, and what clients do to their first flight. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "meter/craft.h"
#include "meter/quic.h"

static const uint8_t dcid_octets[] = {0x83, 0x94, 0xc8, 0xf0, 0x3e, 0x51, 0x57, 0x08};
#define DCID bytes_of(dcid_octets, sizeof dcid_octets)

/* Appendix A.2 of both: the CRYPTO frame; PADDING follows up to 1162 octets. */
static const char rfc_crypto[] =
    "060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e86804fe3a47f06a2b69484c0000041301"
    "1302010000c000000010000e00000b6578616d706c652e636f6dff01000100000a00080006001d0017001800100007"
    "000504616c706e000500050100000000003300260024001d00209370b2c9caa47fbabaf4559fedba753de171fa71f5"
    "0f1ce15d43e994ec74d748002b0003020304000d0010000e0403050306030203080408050806002d00020101001c00"
    "024001003900320408ffffffffffffffff05048000ffff07048000ffff0801100104800075300901100f088394c8f0"
    "3e51570806048000ffff";

struct vector {
    uint32_t version;
    enum quic_side side;
    const char *key, *iv, *hp;
    const char *packet_start; /* A.2: the protected packet's first octets; NULL for the server */
    const char *tag;          /* and its last 16, where we quote them */
};

static const struct vector vectors[] = {
    {1, QUIC_CLIENT, "1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c",
     "9f50449e04a0e810283a1e9933adedd2",
     "c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11"
     "d242b123dc9bd8bab936b47d92ec356c0bab7df5976d27cd449f63300099f399",
     "e221af44860018ab0856972e194cd934"},
    {1, QUIC_SERVER, "cf3a5331653c364c88f0f379b6067e37", "0ac1493ca1905853b0bba03e",
     "c206b8d9b9f0f37644430b490eeaa314", NULL, NULL},
    {0x6b3343cf, QUIC_CLIENT, "8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f",
     "45b95e15235d6f45a6b19cbcb0294ba9",
     "d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485"
     "dd04de806071bf03dceebfa162e75d6c96058bdbfb127cdfcbf903388e99ad04",
     NULL},
    {0x6b3343cf, QUIC_SERVER, "82db637861d55e1d011f19ea71d5d2a7", "dd13c276499c0249d3310652",
     "edf6d05c83121201b436e16877593c3a", NULL, NULL},
};

static bool is(const struct name *n, const char *text)
{
    return n->len == strlen(text) && memcmp(n->text, text, n->len) == 0;
}

static void check_packet(struct quic *q, const struct vector *v, const struct quic_keys *keys)
{
    uint8_t plain[1162] = {0}, packet[1300], expected[64];
    craft_hex(plain, rfc_crypto);
    size_t len = craft_initial(packet, keys, DCID, 2, bytes_of(plain, sizeof plain));
    assert_int_equal(len, 1200);
    assert_memory_equal(packet, expected, craft_hex(expected, v->packet_start));
    if (v->tag) {
        craft_hex(expected, v->tag);
        assert_memory_equal(packet + len - 16, expected, 16);
    }
    struct bytes opened = quic_open(q, keys, bytes_of(packet, len), 18, 1182);
    assert_int_equal(opened.len, sizeof plain);
    assert_memory_equal(opened.at, plain, sizeof plain);
    struct quic_keys fresh = {0};
    struct name n = {0};
    struct assembly *a = memory_alloc(sizeof *a);
    assert_int_equal(quic_datagram(q, bytes_of(packet, len), &fresh, a, &n), LOOK_NAME);
    assert_true(is(&n, "example.com"));
    free(a);
}

static void test_rfc_vectors(void **state)
{
    (void)state;
    struct quic *q = quic_new();
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *v = &vectors[i];
        struct quic_keys keys, expected;
        assert_true(quic_initial_keys(q, v->version, DCID, v->side, &keys));
        craft_hex(expected.key, v->key);
        craft_hex(expected.iv, v->iv);
        craft_hex(expected.hp, v->hp);
        assert_memory_equal(keys.key, expected.key, sizeof keys.key);
        assert_memory_equal(keys.iv, expected.iv, sizeof keys.iv);
        assert_memory_equal(keys.hp, expected.hp, sizeof keys.hp);
        if (v->packet_start)
            check_packet(q, v, &keys);
    }
    struct quic_keys none;
    assert_false(quic_initial_keys(q, 0xdeadbeef, DCID, QUIC_CLIENT, &none));
    quic_free(q);
}

struct flight {
    struct quic *q;
    struct quic_keys keys; /* the client's */
    struct quic_keys seen; /* what the reader has derived */
    struct assembly *crypto;
    uint8_t hello[12000];
    size_t hello_len;
    uint32_t number;
    struct name name;
};

static void flight_start(struct flight *f, uint32_t version, size_t padding)
{
    *f = (struct flight){.q = quic_new(), .crypto = memory_alloc(sizeof *f->crypto)};
    f->hello_len = craft_hello(f->hello, "quic.example.com", padding, false);
    quic_initial_keys(f->q, version, DCID, QUIC_CLIENT, &f->keys);
}

static void flight_end(struct flight *f)
{
    quic_free(f->q);
    free(f->crypto);
}

/* Sends frames in one Initial packet. */
static enum look send(struct flight *f, struct bytes frames)
{
    uint8_t packet[20000];
    size_t len = craft_initial(packet, &f->keys, DCID, f->number++, frames);
    return quic_datagram(f->q, bytes_of(packet, len), &f->seen, f->crypto, &f->name);
}

/* A part of the hello with PING and PADDING around it. */
static size_t part(struct flight *f, uint8_t *out, size_t from, size_t len)
{
    size_t at = 0;
    out[at++] = 1;
    out[at++] = 0;
    struct bytes hello = bytes_of(f->hello, f->hello_len);
    at += craft_crypto(out + at, from, bytes_slice(hello, from, len));
    memset(out + at, 0, 20);
    return at + 20;
}

/* Chrome sends its hello in small parts out of order, between PING and PADDING, in one packet. */
static void test_chaos_in_one_packet(void **state)
{
    (void)state;
    const uint32_t versions[] = {1, 0x6b3343cf, 0xff00001d, 0xff00001b, 0xfaceb002, 0xff000022};
    for (size_t v = 0; v < sizeof versions / sizeof *versions; v++) {
        struct flight f;
        uint8_t frames[8000];
        size_t at = 0;
        flight_start(&f, versions[v], 700);
        for (size_t from = (f.hello_len - 1) / 97 * 97;; from -= 97) {
            at += part(&f, frames + at, from, 97);
            if (from == 0)
                break;
        }
        assert_int_equal(send(&f, bytes_of(frames, at)), LOOK_NAME);
        assert_true(is(&f.name, "quic.example.com"));
        flight_end(&f);
    }
}

/* A large hello (post-quantum keys) over several datagrams, the last first, one of them twice. */
static void test_over_datagrams(void **state)
{
    (void)state;
    struct flight f;
    uint8_t frames[2000];
    flight_start(&f, 1, 7800);
    size_t last = (f.hello_len - 1) / 1000;
    for (size_t i = last; i > 0; i--) {
        size_t len = part(&f, frames, i * 1000, 1000);
        assert_int_equal(send(&f, bytes_of(frames, len)), LOOK_MORE);
        if (i == 3)
            assert_int_equal(send(&f, bytes_of(frames, len)), LOOK_MORE);
    }
    assert_int_equal(send(&f, bytes_of(frames, part(&f, frames, 0, 1000))), LOOK_NAME);
    assert_true(is(&f.name, "quic.example.com"));
    flight_end(&f);
}

static void test_coalesced(void **state)
{
    (void)state;
    struct flight f;
    uint8_t frames[2000], datagram[4000];
    flight_start(&f, 1, 900);
    size_t half = f.hello_len / 2, at = 0;
    at += craft_initial(datagram, &f.keys, DCID, 0, bytes_of(frames, part(&f, frames, half, 5000)));
    /* A Handshake packet between them is stepped over. */
    at += craft_be(datagram + at, 0xe3, 1);
    at += craft_be(datagram + at, 1, 4);
    at += craft_be(datagram + at, 0, 2);
    at += craft_be(datagram + at, 0x4000 | 40, 2);
    memset(datagram + at, 0x77, 40);
    at += 40;
    at +=
        craft_initial(datagram + at, &f.keys, DCID, 1, bytes_of(frames, part(&f, frames, 0, half)));
    memset(datagram + at, 0, 30); /* and zeros after the last */
    assert_int_equal(quic_datagram(f.q, bytes_of(datagram, at + 30), &f.seen, f.crypto, &f.name),
                     LOOK_NAME);
    assert_true(is(&f.name, "quic.example.com"));
    flight_end(&f);
}

/* After a Retry the client starts again under the server's connection id: other keys, same hello.
 */
static void test_retry(void **state)
{
    (void)state;
    struct flight f;
    uint8_t frames[2000], packet[3000];
    const uint8_t other[] = {9, 8, 7, 6, 5};
    flight_start(&f, 1, 900);
    size_t half = f.hello_len / 2;
    assert_int_equal(send(&f, bytes_of(frames, part(&f, frames, 0, half))), LOOK_MORE);
    quic_initial_keys(f.q, 1, bytes_of(other, 5), QUIC_CLIENT, &f.keys);
    size_t len = craft_initial(packet, &f.keys, bytes_of(other, 5), 1,
                               bytes_of(frames, part(&f, frames, half, 5000)));
    assert_int_equal(quic_datagram(f.q, bytes_of(packet, len), &f.seen, f.crypto, &f.name),
                     LOOK_NAME);
    /* The other way: the server chose another id, the keys stay those of the first. */
    flight_end(&f);
    flight_start(&f, 1, 900);
    assert_int_equal(send(&f, bytes_of(frames, part(&f, frames, 0, half))), LOOK_MORE);
    len = craft_initial(packet, &f.keys, bytes_of(other, 5), 1,
                        bytes_of(frames, part(&f, frames, half, 5000)));
    assert_int_equal(quic_datagram(f.q, bytes_of(packet, len), &f.seen, f.crypto, &f.name),
                     LOOK_NAME);
    assert_true(is(&f.name, "quic.example.com"));
    flight_end(&f);
}

/* Q043: public flags, connection id, version, packet number, hash, then a stream frame with tags.
 */
static void test_google_in_the_clear(void **state)
{
    (void)state;
    uint8_t d[200] = {0x09, 1, 2, 3, 4, 5, 6, 7, 8, 'Q', '0', '4', '3', 1};
    size_t at = 26;
    memcpy(d + at,
           "\xa0\x01\x00\x01"
           "CHLO",
           8);
    at += 8;
    const uint8_t tags[] = {2, 0, 0,   0,   'P', 'A', 'D', 0, 3, 0,
                            0, 0, 'S', 'N', 'I', 0,   14,  0, 0, 0};
    memcpy(d + at, tags, sizeof tags);
    at += sizeof tags;
    memcpy(d + at, "---www.abc.com", 14);
    at += 14;
    struct quic *q = quic_new();
    struct quic_keys keys = {0};
    struct assembly *a = memory_alloc(sizeof *a);
    struct name n = {0};
    assert_int_equal(quic_datagram(q, bytes_of(d, at), &keys, a, &n), LOOK_NAME);
    assert_true(is(&n, "www.abc.com"));
    for (size_t cut = 0; cut < at; cut++)
        assert_int_not_equal(quic_datagram(q, bytes_of(d, cut), &keys, a, &n), LOOK_NAME);
    free(a);
    quic_free(q);
}

static void test_damage(void **state)
{
    (void)state;
    struct flight f;
    uint8_t frames[2000], packet[3000], changed[3000];
    flight_start(&f, 1, 900);
    size_t len =
        craft_initial(packet, &f.keys, DCID, 1, bytes_of(frames, part(&f, frames, 0, 5000)));
    struct random r;
    random_init(&r, 1);
    for (size_t cut = 0; cut < len; cut++) {
        struct quic_keys keys = {0};
        uint8_t *exact = memory_alloc(cut ? cut : 1);
        memcpy(exact, packet, cut);
        assembly_start(f.crypto, 0);
        assert_int_equal(quic_datagram(f.q, bytes_of(exact, cut), &keys, f.crypto, &f.name),
                         LOOK_NOT);
        free(exact);
        memcpy(changed, packet, len);
        changed[cut] ^= (uint8_t)(1 + random_below(&r, 255));
        enum look look = quic_datagram(f.q, bytes_of(changed, len), &keys, f.crypto, &f.name);
        assert_int_equal(look, LOOK_NOT); /* every octet is under the tag */
    }
    flight_end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc_vectors),    cmocka_unit_test(test_chaos_in_one_packet),
        cmocka_unit_test(test_over_datagrams), cmocka_unit_test(test_coalesced),
        cmocka_unit_test(test_retry),          cmocka_unit_test(test_google_in_the_clear),
        cmocka_unit_test(test_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
