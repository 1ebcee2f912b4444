/* SPDX-License-Identifier: Apache-2.0 */
/* What the payload tells of devices and of TLS, from packets to rows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "meter/craft_tls.h"
#include "meter/meter.h"
#include "meter/tls.h"
#include "schema/values.h"

enum { ROWS = 1 << 13, NOW_S = 1491004800 /* 2017-04-01 */ };

static struct symbols *symbols;
static struct meter *meter;
static struct batch *rows;
static struct sightings seen;
static struct tally tally;

static const struct bytes nothing;
static const struct craft_ends web = {1, 2, 40000, 443};

static void begin(void)
{
    struct meter_setting s = meter_setting_default;
    s.flows_max = 1000;
    s.symbols = symbols = symbols_new(1000);
    meter = meter_new(&s);
    rows = batch_new(STAGE_RECORD, ROWS);
    sightings_init(&seen, 100);
}

static void end(void)
{
    sightings_done(&seen);
    batch_free(rows);
    meter_free(meter);
    symbols_free(symbols);
}

static void finish(void)
{
    while (meter_finish(meter, rows))
        ;
}

/* In memory of exactly the length, so that a sanitizer sees a read too far. */
static void feed(const uint8_t *frame, size_t len)
{
    uint8_t *exact = memory_alloc(len);
    memcpy(exact, frame, len);
    meter_frame(meter, (uint64_t)NOW_S * 1000000000, CRAFT_RAW, bytes_of(exact, len), (uint32_t)len,
                rows, &seen, &tally);
    free(exact);
}

static void tcp(struct craft_ends e, uint8_t flags, uint32_t seq, struct bytes payload)
{
    static uint8_t frame[70000];
    feed(frame, craft_tcp(frame, e, flags, seq, payload));
}

static void udp(struct craft_ends e, struct bytes payload)
{
    static uint8_t frame[70000];
    feed(frame, craft_udp(frame, e, payload));
}

static void shake(struct craft_ends e)
{
    tcp(e, CRAFT_SYN, 100, nothing);
    tcp(craft_back(e), CRAFT_SYN | CRAFT_ACK, 9000, nothing);
    tcp(e, CRAFT_ACK, 101, nothing);
}

static const struct craft_certificate good = {
    .issuer = "Example CA",
    .subject = "www.example.org",
    .not_before = "170101000000Z",
    .not_after = "171231235959Z",
    .alt_names = {"www.example.org", "*.example.org"},
    .key_bits = 2048,
};

/* A whole conversation: hello for `host`, and the answer. */
static void converse(const char *host, struct bytes answer)
{
    static uint8_t hello[4000];
    shake(web);
    tcp(web, CRAFT_PSH | CRAFT_ACK, 101, bytes_of(hello, craft_tls(hello, host, 20, 16384)));
    for (size_t at = 0; at < answer.len; at += 1400)
        tcp(craft_back(web), CRAFT_PSH | CRAFT_ACK, 9001 + (uint32_t)at,
            bytes_slice(answer, at, 1400));
    finish();
}

static unsigned faults_of(const struct craft_certificate *c, uint16_t version, uint16_t cipher,
                          const char *host)
{
    static uint8_t der[4000], stream[9000];
    struct craft_answer a = {.version = version, .cipher = cipher};
    a.certificate = bytes_of(der, craft_certificate(der, c));
    begin();
    converse(host, bytes_of(stream, craft_answer(stream, &a, 16384)));
    assert_int_equal(rows->rows, 1);
    assert_int_equal(batch_tls_version(rows)[0], version);
    unsigned faults = batch_tls_faults(rows)[0];
    end();
    return faults;
}

static void each_fault_is_seen_alone(void **state)
{
    (void)state;
    const unsigned read = TLS_HELLO | TLS_CERTIFICATE;
    const uint16_t v = 0x0303, strong = 0xc02f;
    const char *host = "www.example.org";
    struct craft_certificate c = good;
    assert_int_equal(faults_of(&c, v, strong, host), read);
    assert_int_equal(faults_of(&c, v, strong, NULL), read);
    assert_int_equal(faults_of(&c, v, strong, "www.example.com"), read | TLS_NAME_MISMATCH);
    assert_int_equal(faults_of(&c, 0x0301, strong, host), read | TLS_OBSOLETE);
    assert_int_equal(faults_of(&c, 0x0300, strong, host), read | TLS_OBSOLETE);
    assert_int_equal(faults_of(&c, v, 0x0005, host), read | TLS_WEAK_CIPHER);
    c.not_after = "170331235959Z"; /* the second before */
    assert_int_equal(faults_of(&c, v, strong, host), read | TLS_EXPIRED);
    c.not_after = "170401000000Z"; /* valid to the end of its last second */
    assert_int_equal(faults_of(&c, v, strong, host), read);
    c = good;
    c.not_before = "170401000001Z";
    assert_int_equal(faults_of(&c, v, strong, host), read | TLS_NOT_YET_VALID);
    c = good;
    c.issuer = c.subject;
    assert_int_equal(faults_of(&c, v, strong, host), read | TLS_SELF_SIGNED);
    c = good;
    c.key_bits = 1024;
    assert_int_equal(faults_of(&c, v, strong, host), read | TLS_WEAK_CERTIFICATE);
    c = good;
    c.not_before = "no time";
    assert_int_equal(faults_of(&c, v, strong, host), read | TLS_MALFORMED);
}

static void what_cannot_be_seen_is_said(void **state)
{
    (void)state;
    uint8_t stream[9000];
    struct craft_answer a = {.version = 0x0304, .cipher = 0x1301};
    begin();
    converse("www.example.org", bytes_of(stream, craft_answer(stream, &a, 16384)));
    assert_int_equal(batch_tls_version(rows)[0], 0x0304);
    assert_int_equal(batch_tls_faults(rows)[0], TLS_HELLO | TLS_ENCRYPTED);
    end();
    a = (struct craft_answer){.version = 0x0303, .cipher = 0xc02f};
    begin();
    converse("www.example.org", bytes_of(stream, craft_answer(stream, &a, 16384)));
    assert_int_equal(batch_tls_faults(rows)[0], TLS_HELLO | TLS_RESUMED);
    end();
    begin();
    converse("www.example.org", bytes_of_text("HTTP/1.1 400 Bad Request\r\n\r\n"));
    assert_int_equal(batch_tls_faults(rows)[0], 0);
    assert_int_equal(batch_tls_version(rows)[0], 0);
    end();
}

/* A chain of 9 kB in segments of any order, records of any size, after a warning too. */
static void a_flight_over_segments(void **state)
{
    (void)state;
    static const size_t orders[][8][2] = {
        {{0, 1400}, {1400, 2800}, {2800, 9500}},
        {{1400, 2800}, {0, 1400}, {2800, 9500}},
        {{2800, 9500}, {1400, 2800}, {0, 1400}},
        {{0, 1}, {1, 3}, {3, 7}, {7, 60}, {60, 9500}},
        {{0, 1400}, {0, 1400}, {700, 2000}, {1900, 9500}},
    };
    static const size_t record_lens[] = {16384, 1200, 77};
    static uint8_t der[4000], stream[12000], hello[4000];
    struct craft_certificate c = good;
    c.not_after = "170201000000Z";
    struct craft_answer a = {.version = 0x0303, .cipher = 0xc02f, .padding = 6000};
    a.certificate = bytes_of(der, craft_certificate(der, &c));
    for (size_t r = 0; r < 6; r++)
        for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
            size_t warning = r < 3 ? 0 : craft_hex(stream, "15030300020170");
            size_t len = warning + craft_answer(stream + warning, &a, record_lens[r % 3]);
            begin();
            shake(web);
            tcp(web, CRAFT_PSH, 101, bytes_of(hello, craft_tls(hello, "a.example.org", 9, 999)));
            for (const size_t(*o)[2] = orders[i]; (*o)[1]; o++)
                tcp(craft_back(web), CRAFT_ACK, 9001 + (uint32_t)(*o)[0],
                    bytes_slice(bytes_of(stream, len), (*o)[0], (*o)[1] - (*o)[0]));
            finish();
            if (batch_tls_faults(rows)[0] != (TLS_HELLO | TLS_CERTIFICATE | TLS_EXPIRED))
                fail_msg("order %zu, records of %zu: %x", i, record_lens[r % 3],
                         batch_tls_faults(rows)[0]);
            end();
        }
}

static void the_server_alone_is_enough(void **state)
{
    (void)state;
    static uint8_t der[4000], stream[9000];
    struct craft_certificate c = good;
    c.issuer = c.subject;
    struct craft_answer a = {.version = 0x0302, .cipher = 0xc02f};
    a.certificate = bytes_of(der, craft_certificate(der, &c));
    size_t len = craft_answer(stream, &a, 16384);
    begin();
    tcp(craft_back(web), CRAFT_ACK, 9001, bytes_of(stream, 300));
    tcp(craft_back(web), CRAFT_ACK, 9301, bytes_of(stream + 300, len - 300));
    finish();
    assert_int_equal(batch_tls_faults(rows)[0],
                     TLS_HELLO | TLS_CERTIFICATE | TLS_OBSOLETE | TLS_SELF_SIGNED);
    assert_int_equal(batch_fingerprint(rows)[0], 0);
    end();
}

static void assert_print(size_t row, const char *expected)
{
    assert_string_equal(symbols_text(symbols, SYMBOL_FINGERPRINT, batch_fingerprint(rows)[row]),
                        expected);
}

/* The name may stand in the first segment and what follows it in the next. */
static void a_fingerprint_waits_for_the_whole_hello(void **state)
{
    (void)state;
    static uint8_t hello[4000];
    size_t len = craft_tls(hello, "www.example.org", 10, 16384);
    for (size_t cut = 1; cut < len; cut++) {
        begin();
        shake(web);
        tcp(web, CRAFT_PSH, 101, bytes_of(hello, cut));
        tcp(web, CRAFT_PSH, 101 + (uint32_t)cut, bytes_of(hello + cut, len - cut));
        finish();
        assert_print(0, "t13d010300_0f2cb44170f4_7418e7913c75");
        end();
    }
}

static void http(const char *first, const char *second, const char *reply)
{
    const struct craft_ends e = {1, 2, 1000, 80};
    begin();
    shake(e);
    tcp(e, CRAFT_PSH, 101, bytes_of_text(first));
    if (second)
        tcp(e, CRAFT_PSH, 101 + (uint32_t)strlen(first), bytes_of_text(second));
    if (reply)
        tcp(craft_back(e), CRAFT_PSH, 9001, bytes_of_text(reply));
    finish();
}

static void assert_platforms(unsigned platform, unsigned basis, unsigned reverse)
{
    assert_int_equal(rows->rows, 1);
    assert_int_equal(batch_platform(rows)[0], platform);
    assert_int_equal(batch_platform_basis(rows)[0], basis);
    assert_int_equal(batch_reverse_platform(rows)[0], reverse);
    end();
}

static void http_says_who_speaks(void **state)
{
    (void)state;
    const unsigned agent = PLATFORM_BASIS_USER_AGENT;
    http("GET / HTTP/1.1\r\nHost: a.example\r\nUser-Agent: x (iPhone; y)\r\n\r\n", NULL,
         "HTTP/1.1 200 OK\r\nServer: Microsoft-IIS/8.5\r\n\r\n");
    assert_platforms(PLATFORM_IOS, agent, PLATFORM_WINDOWS);
    http("GET / HTTP/1.1\r\nUSER-AGENT: x (Windows NT 6.1)\r\nHost: a.example\r\n\r\n", NULL, NULL);
    assert_platforms(PLATFORM_WINDOWS, agent, 0);
    http("GET / HTTP/1.1\r\nHost: a.example\r\nUser-Ag", "ent: x (Linux; Android 7)\r\n\r\n", NULL);
    assert_platforms(PLATFORM_ANDROID, agent, 0);
    http("GET / HTTP/1.1\r\nHost: 10.1.1.1\r\nUser-Agent: Microsoft BITS/7.5\r\n\r\n", NULL, NULL);
    assert_platforms(PLATFORM_WINDOWS, agent, 0);
    http("GET / HTTP/1.1\r\nHost: a.example\r\n\r\nUser-Agent: x (iPhone; y)\r\n", NULL, NULL);
    assert_platforms(0, 0, 0); /* a body is no header */
}

static void ssh_says_who_speaks(void **state)
{
    (void)state;
    const struct craft_ends e = {1, 2, 1000, 22};
    begin();
    shake(e);
    tcp(craft_back(e), CRAFT_PSH, 9001, bytes_of_text("SSH-2.0-OpenSSH_7.2p2 Ubuntu-4\r\n"));
    tcp(e, CRAFT_PSH, 101, bytes_of_text("SSH-2.0-PuTTY_Release_0.67\r\n"));
    finish();
    assert_platforms(PLATFORM_WINDOWS, PLATFORM_BASIS_BANNER, PLATFORM_LINUX);
}

static void discovery_says_who_speaks(void **state)
{
    (void)state;
    const struct craft_ends e = {1, 2, 50000, 1900};
    begin();
    udp(e, bytes_of_text("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n"
                         "USER-AGENT: Google Chrome/77.0.3865.90 Mac OS X\r\n\r\n"));
    finish();
    assert_platforms(PLATFORM_MACOS, PLATFORM_BASIS_DISCOVERY, 0);
}

/* SIP, RFC 3261, and Gnutella have HTTP's header fields. */
static void others_say_who_speaks(void **state)
{
    (void)state;
    begin();
    udp((struct craft_ends){1, 2, 5060, 5060},
        bytes_of_text("REGISTER sip:example.org SIP/2.0\r\nMax-Forwards: 70\r\n"
                      "User-Agent: Linphone Desktop/4.2 (Windows 10)\r\n\r\n"));
    finish();
    assert_platforms(PLATFORM_WINDOWS, PLATFORM_BASIS_USER_AGENT, 0);
    begin();
    const struct craft_ends e = {1, 2, 1000, 6346};
    shake(e);
    tcp(e, CRAFT_PSH, 101,
        bytes_of_text(
            "GNUTELLA CONNECT/0.6\r\nUser-Agent: gtk-gnutella/1.2 (GTK2; Linux)\r\n\r\n"));
    finish();
    assert_platforms(PLATFORM_LINUX, PLATFORM_BASIS_USER_AGENT, 0);
}

/* Google's QUIC of 2017: the CHLO is in the clear and carries the user agent. */
static void quic_says_who_speaks(void **state)
{
    (void)state;
    static const char agent[] = "Chrome/57.0.2987.98 Intel Mac OS X 10_12_3",
                      name[] = "www.example.org";
    uint8_t d[400] = {0x09, 1, 2, 3, 4, 5, 6, 7, 8, 'Q', '0', '3', '7'};
    size_t at = 13 + 12 + 4; /* packet number, hash, frame */
    memcpy(d + at, "CHLO\2\0\0\0", 8);
    at += 8;
    const uint32_t ends[2] = {sizeof name - 1, sizeof name - 1 + sizeof agent - 1};
    memcpy(d + at, "SNI\0", 4);
    memcpy(d + at + 4, &ends[0], 4);
    memcpy(d + at + 8, "UAID", 4);
    memcpy(d + at + 12, &ends[1], 4);
    at += 16;
    memcpy(d + at, name, ends[0]);
    memcpy(d + at + ends[0], agent, ends[1] - ends[0]);
    begin();
    udp((struct craft_ends){1, 2, 50000, 443}, bytes_of(d, at + ends[1]));
    finish();
    assert_true(bytes_equal(batch_text(rows, FIELD_server_name, 0), bytes_of_text(name)));
    assert_platforms(PLATFORM_MACOS, PLATFORM_BASIS_QUIC, 0);
}

/* --- The reader of the flight --- */

static uint8_t scratch[ASSEMBLY_OCTETS];

static enum tls_look look_copy(const uint8_t *at, size_t len, struct tls_answer *answer)
{
    uint8_t *copy = memory_alloc(len ? len : 1);
    memcpy(copy, at, len);
    enum tls_look look = tls_server_stream(bytes_of(copy, len), scratch, answer);
    free(copy); /* the certificate lies in `scratch` */
    return look;
}

/* Every truncation waits, and tells nothing that the whole does not. */
static void a_flight_cut_anywhere(void **state)
{
    (void)state;
    static uint8_t der[4000], stream[9000];
    struct craft_answer a = {.version = 0x0303, .cipher = 0xc02f};
    a.certificate = bytes_of(der, craft_certificate(der, &good));
    for (size_t record_len = 60; record_len < 3000; record_len += 97) {
        size_t len = craft_answer(stream, &a, record_len), done = 0;
        for (size_t cut = 1; cut <= len; cut++) {
            struct tls_answer answer;
            enum tls_look look = look_copy(stream, cut, &answer);
            assert_int_not_equal(look, TLS_NOT);
            assert_true(answer.version == 0 || answer.version == 0x0303);
            assert_int_equal(look == TLS_DONE, answer.certificate.len != 0);
            if (answer.certificate.len)
                assert_true(bytes_equal(answer.certificate, a.certificate));
            done += look == TLS_DONE;
        }
        assert_true(done > 0);
    }
}

static void a_flight_damaged(void **state)
{
    (void)state;
    static uint8_t der[4000], stream[9000], damaged[9000];
    struct random dice;
    struct craft_answer a = {.version = 0x0303, .cipher = 0xc02f};
    a.certificate = bytes_of(der, craft_certificate(der, &good));
    random_init(&dice, 5246);
    for (int round = 0; round < 10000; round++) {
        struct tls_answer answer;
        size_t len = craft_answer(stream, &a, 1 + random_below(&dice, 3000));
        memcpy(damaged, stream, len);
        for (uint64_t n = 1 + random_below(&dice, 6); n; n--)
            damaged[random_below(&dice, len)] = (uint8_t)random_u64(&dice);
        look_copy(damaged, random_below(&dice, 4) ? len : random_below(&dice, len + 1), &answer);
        assert_true(answer.certificate.len < sizeof scratch);
    }
}

/* https://www.iana.org/assignments/tls-parameters */
static void weak_suites_are_known(void **state)
{
    (void)state;
    static const uint16_t weak[] = {0x0001, 0x0003, 0x0004, 0x0005, 0x0009, 0x000a, 0x0018, 0x001b,
                                    0x003b, 0x0062, 0xc007, 0xc011, 0xc012, 0xc018, 0x00a6, 0x008a},
                          strong[] = {0x002f, 0x0035, 0x003c, 0x003d, 0x0033, 0x0039, 0x009c,
                                      0x009d, 0x009e, 0xc013, 0xc014, 0xc02b, 0xc02f, 0xc030,
                                      0xcca8, 0xcca9, 0x1301, 0x1302, 0x1303, 0x0041, 0x0084};
    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++)
        assert_true(tls_is_weak_cipher(weak[i]));
    for (size_t i = 0; i < sizeof strong / sizeof *strong; i++)
        assert_false(tls_is_weak_cipher(strong[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_is_seen_alone),
        cmocka_unit_test(what_cannot_be_seen_is_said),
        cmocka_unit_test(a_flight_over_segments),
        cmocka_unit_test(the_server_alone_is_enough),
        cmocka_unit_test(a_fingerprint_waits_for_the_whole_hello),
        cmocka_unit_test(http_says_who_speaks),
        cmocka_unit_test(ssh_says_who_speaks),
        cmocka_unit_test(discovery_says_who_speaks),
        cmocka_unit_test(others_say_who_speaks),
        cmocka_unit_test(quic_says_who_speaks),
        cmocka_unit_test(a_flight_cut_anywhere),
        cmocka_unit_test(a_flight_damaged),
        cmocka_unit_test(weak_suites_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
