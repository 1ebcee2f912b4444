/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "meter/craft.h"
#include "meter/meter.h"
#include "schema/values.h"

enum { ROWS = 1 << 15 };

struct bench {
    struct meter *meter;
    struct symbols *symbols;
    struct coverage *coverage;
    struct batch *rows;
    struct sightings seen;
    struct tally tally;
    uint64_t now_ms;
};

static struct bench *bench_new(struct meter_setting s)
{
    struct bench *b = memory_alloc(sizeof *b);
    b->symbols = symbols_new(1000);
    b->coverage = coverage_new(1000);
    s.symbols = b->symbols;
    s.coverage = b->coverage;
    b->meter = meter_new(&s);
    b->rows = batch_new(STAGE_RECORD, ROWS);
    sightings_init(&b->seen, 100);
    b->now_ms = 1491004800000; /* 2017-04-01 */
    return b;
}

static struct meter_setting small(void)
{
    struct meter_setting s = meter_setting_default;
    s.flows_max = 1000;
    return s;
}

static void bench_free(struct bench *b)
{
    assert_true(tally_balanced(&b->tally));
    meter_free(b->meter);
    symbols_free(b->symbols);
    coverage_free(b->coverage);
    batch_free(b->rows);
    sightings_done(&b->seen);
    free(b);
}

/* Takes a copy of exactly the frame's length, so that a sanitizer sees a read too far. */
static void feed(struct bench *b, const uint8_t *frame, size_t len, size_t original_len)
{
    uint8_t *exact = memory_alloc(len ? len : 1);
    memcpy(exact, frame, len);
    meter_frame(b->meter, b->now_ms * 1000000, CRAFT_RAW, bytes_of(exact, len),
                (uint32_t)original_len, b->rows, &b->seen, &b->tally);
    free(exact);
}

static void tcp(struct bench *b, struct craft_ends e, uint8_t flags, uint32_t seq,
                struct bytes payload)
{
    static uint8_t frame[70000];
    size_t len = craft_tcp(frame, e, flags, seq, payload);
    feed(b, frame, len, len);
}

static void udp(struct bench *b, struct craft_ends e, struct bytes payload)
{
    static uint8_t frame[70000];
    size_t len = craft_udp(frame, e, payload);
    feed(b, frame, len, len);
}

static void text(struct bench *b, struct craft_ends e, uint32_t seq, const char *payload)
{
    tcp(b, e, CRAFT_PSH | CRAFT_ACK, seq, bytes_of_text(payload));
}

static size_t finish(struct bench *b)
{
    while (meter_finish(b->meter, b->rows))
        ;
    return b->rows->rows;
}

static bool named(const struct bench *b, size_t row, unsigned kind, const char *name)
{
    return batch_name_kind(b->rows)[row] == kind &&
           bytes_equal(batch_text(b->rows, FIELD_server_name, row), bytes_of_text(name));
}

static const struct bytes nothing;
static const struct craft_ends web = {1, 2, 40000, 443};

static void handshake(struct bench *b, struct craft_ends e, uint32_t isn)
{
    tcp(b, e, CRAFT_SYN, isn, nothing);
    tcp(b, craft_back(e), CRAFT_SYN | CRAFT_ACK, 9000, nothing);
    tcp(b, e, CRAFT_ACK, isn + 1, nothing);
}

static void test_one_conversation(void **state)
{
    (void)state;
    struct bench *b = bench_new(small());
    handshake(b, web, 100);
    b->now_ms += 250;
    text(b, web, 101, "hello");
    text(b, craft_back(web), 9001, "worlds");
    b->now_ms += 250;
    tcp(b, web, CRAFT_FIN | CRAFT_ACK, 106, nothing);
    assert_int_equal(finish(b), 1);
    assert_int_equal(batch_start_ms(b->rows)[0], b->now_ms - 500);
    assert_int_equal(batch_end_ms(b->rows)[0], b->now_ms);
    assert_int_equal(batch_src_ip(b->rows)[0].octet[15], 1);
    assert_int_equal(batch_dst_ip(b->rows)[0].octet[15], 2);
    assert_int_equal(batch_src_port(b->rows)[0], 40000);
    assert_int_equal(batch_dst_port(b->rows)[0], 443);
    assert_int_equal(batch_protocol(b->rows)[0], 6);
    assert_int_equal(batch_packets(b->rows)[0], 4);
    assert_int_equal(batch_octets(b->rows)[0], 4 * 40 + 5);
    assert_int_equal(batch_reverse_packets(b->rows)[0], 2);
    assert_int_equal(batch_reverse_octets(b->rows)[0], 2 * 40 + 6);
    assert_int_equal(batch_tcp_flags(b->rows)[0], CRAFT_SYN | CRAFT_ACK | CRAFT_PSH | CRAFT_FIN);
    assert_int_equal(batch_reverse_tcp_flags(b->rows)[0], CRAFT_SYN | CRAFT_ACK | CRAFT_PSH);
    assert_int_equal(batch_opener(b->rows)[0], OPENER_SOURCE);
    assert_int_equal(batch_marks(b->rows)[0], MARK_BIFLOW);
    assert_int_equal(batch_sampling(b->rows)[0], 1);
    const char *exporter = symbols_text(b->symbols, SYMBOL_EXPORTER, batch_exporter(b->rows)[0]);
    assert_string_equal(exporter, "capture");
    assert_int_equal(b->tally.kept, 6);
    bench_free(b);
}

static void test_openers(void **state)
{
    (void)state;
    struct bench *b = bench_new(small());
    struct craft_ends e = {1, 2, 1, 80};
    tcp(b, craft_back(e), CRAFT_SYN | CRAFT_ACK, 1, nothing);
    e.a_port = 2;
    tcp(b, e, CRAFT_ACK, 1, nothing);
    e.a_port = 3;
    tcp(b, e, CRAFT_ACK, 5, nothing); /* overtook its SYN */
    tcp(b, e, CRAFT_SYN, 4, nothing);
    udp(b, (struct craft_ends){1, 2, 4, 53}, bytes_of_text("x"));
    assert_int_equal(finish(b), 4);
    assert_int_equal(batch_opener(b->rows)[0], OPENER_DESTINATION);
    assert_int_equal(batch_src_port(b->rows)[0], 80);
    assert_int_equal(batch_opener(b->rows)[1], OPENER_SOURCE_GUESS);
    assert_int_equal(batch_opener(b->rows)[2], OPENER_SOURCE);
    assert_int_equal(batch_opener(b->rows)[3], OPENER_SOURCE_GUESS);
    bench_free(b);
}

/* A new SYN with another sequence number after the end begins a new conversation; one repeated, or
 * while nothing has ended, does not. */
static void test_ports_used_again(void **state)
{
    (void)state;
    struct bench *b = bench_new(small());
    handshake(b, web, 100);
    tcp(b, web, CRAFT_SYN, 100, nothing);
    tcp(b, web, CRAFT_SYN, 200, nothing);
    tcp(b, web, CRAFT_FIN | CRAFT_ACK, 101, nothing);
    tcp(b, web, CRAFT_SYN, 100, nothing);
    tcp(b, craft_back(web), CRAFT_FIN | CRAFT_ACK, 9001, nothing);
    assert_int_equal(b->rows->rows, 0);
    handshake(b, web, 7777);
    assert_int_equal(b->rows->rows, 1);
    tcp(b, craft_back(web), CRAFT_RST, 9001, nothing);
    tcp(b, craft_back(web), CRAFT_SYN, 1, nothing);
    assert_int_equal(b->rows->rows, 2);
    assert_int_equal(finish(b), 3);
    assert_int_equal(batch_packets(b->rows)[0] + batch_reverse_packets(b->rows)[0], 8);
    assert_int_equal(batch_packets(b->rows)[1] + batch_reverse_packets(b->rows)[1], 4);
    assert_int_equal(batch_src_port(b->rows)[2], 443);
    bench_free(b);
}

static void test_idle_timeout(void **state)
{
    (void)state;
    struct bench *b = bench_new(small());
    const struct craft_ends one = {1, 2, 1, 9}, two = {1, 2, 2, 9};
    udp(b, one, bytes_of_text("a"));
    b->now_ms += 60000;
    udp(b, craft_back(one), bytes_of_text("b")); /* exactly the timeout: still the same */
    b->now_ms += 60001;
    udp(b, one, bytes_of_text("c"));
    assert_int_equal(b->rows->rows, 1);
    assert_int_equal(batch_packets(b->rows)[0], 1);
    assert_int_equal(batch_reverse_packets(b->rows)[0], 1);
    /* Other traffic moves the clock: what is idle leaves without a packet of its own. */
    for (int i = 0; i < 70; i++) {
        b->now_ms += 1000;
        udp(b, two, bytes_of_text("d"));
    }
    assert_int_equal(b->rows->rows, 2);
    assert_int_equal(finish(b), 3);
    bench_free(b);
}

static void test_active_timeout(void **state)
{
    (void)state;
    struct meter_setting s = small();
    s.active_ms = 100000;
    struct bench *b = bench_new(s);
    uint8_t hello[600];
    handshake(b, web, 100);
    size_t len = craft_tls(hello, "long.example.com", 50, 16384);
    tcp(b, web, CRAFT_PSH, 101, bytes_of(hello, len));
    for (int i = 0; i < 25; i++) {
        b->now_ms += 10000;
        tcp(b, web, CRAFT_ACK, 5000, nothing);
    }
    assert_int_equal(finish(b), 3);
    uint64_t packets = 0;
    for (size_t i = 0; i < 3; i++) {
        assert_true(named(b, i, NAME_SNI, "long.example.com"));
        assert_int_equal(batch_marks(b->rows)[i], i ? MARK_BIFLOW | MARK_CONTINUED : MARK_BIFLOW);
        assert_int_equal(batch_opener(b->rows)[i], OPENER_SOURCE);
        if (i)
            assert_int_equal(batch_application(b->rows)[i], batch_application(b->rows)[0]);
        packets += batch_packets(b->rows)[i] + batch_reverse_packets(b->rows)[i];
    }
    const char *application =
        symbols_text(b->symbols, SYMBOL_APPLICATION, batch_application(b->rows)[0]);
    assert_string_equal(application, "TLS");
    assert_int_equal(packets, 29);
    assert_int_equal(batch_packets(b->rows)[0], 12);
    bench_free(b);
}

static void test_fragments(void **state)
{
    (void)state;
    struct bench *b = bench_new(small());
    uint8_t frame[2000];
    const struct craft_ends e = {1, 2, 5000, 6000};
    size_t len = craft_udp(frame, e, bytes_of_text("first part with ports"));
    frame[4] = 7;    /* identification */
    frame[6] = 0x20; /* more fragments */
    feed(b, frame, len, len);
    len = 20 + craft_ip(frame, 1, 2, 17, 20);
    frame[4] = 7;
    frame[7] = 5; /* offset */
    feed(b, frame, len, len);
    assert_int_equal(finish(b), 1);
    assert_int_equal(batch_packets(b->rows)[0], 2);
    assert_int_equal(batch_octets(b->rows)[0], 20 + 8 + 21 + 40);
    assert_int_equal(batch_marks(b->rows)[0], MARK_BIFLOW | MARK_FRAGMENTS);
    bench_free(b);
}

static void icmp(struct bench *b, uint8_t from, uint8_t to, uint8_t type, uint8_t code)
{
    uint8_t frame[60] = {0};
    craft_ip(frame, from, to, 1, 16);
    frame[20] = type;
    frame[21] = code;
    feed(b, frame, 36, 36);
}

static void test_icmp(void **state)
{
    (void)state;
    struct bench *b = bench_new(small());
    icmp(b, 1, 2, 8, 0);
    icmp(b, 2, 1, 0, 0);
    icmp(b, 2, 1, 3, 1);
    icmp(b, 5, 6, 0, 0); /* the answer alone */
    assert_int_equal(finish(b), 3);
    assert_int_equal(batch_packets(b->rows)[0], 1);
    assert_int_equal(batch_reverse_packets(b->rows)[0], 1);
    assert_int_equal(batch_src_port(b->rows)[0], 0);
    assert_int_equal(batch_dst_port(b->rows)[0], 8 * 256);
    assert_int_equal(batch_dst_port(b->rows)[1], 3 * 256 + 1);
    assert_int_equal(batch_opener(b->rows)[0], OPENER_SOURCE_GUESS);
    assert_int_equal(batch_opener(b->rows)[2], OPENER_DESTINATION_GUESS);
    bench_free(b);
}

static void test_population_and_tally(void **state)
{
    (void)state;
    struct lpm *population = lpm_new();
    struct prefix p;
    assert_true(prefix_parse("10.0.0.7", 8, true, &p));
    lpm_add(population, &p, 0);
    lpm_seal(population);
    struct meter_setting s = small();
    s.population = population;
    struct bench *b = bench_new(s);
    udp(b, (struct craft_ends){1, 7, 1, 2}, bytes_of_text("in"));
    udp(b, (struct craft_ends){7, 1, 2, 1}, bytes_of_text("out"));
    udp(b, (struct craft_ends){8, 9, 2, 1}, bytes_of_text("outside"));
    uint8_t broken[] = {0x45, 0, 0};
    feed(b, broken, sizeof broken, sizeof broken);
    assert_int_equal(b->tally.records, 4);
    assert_int_equal(b->tally.kept, 2);
    assert_int_equal(b->tally.outside, 1);
    assert_int_equal(b->tally.rejected, 1);
    assert_int_equal(finish(b), 1);
    assert_int_equal(coverage_count(b->coverage), 1);
    const struct coverage_row *row = coverage_rows(b->coverage);
    assert_int_equal(row->records, 4);
    assert_int_equal(row->rejected, 1);
    assert_int_equal(row->hour_s, 1491004800);
    assert_int_equal(row->sampling_min, 1);
    bench_free(b);
    lpm_free(population);
}

/* Sends `stream` in the order of `order`: pairs of (from, to), ended by to = 0. */
static void send_parts(struct bench *b, struct craft_ends e, uint32_t seq, struct bytes stream,
                       const size_t (*order)[2])
{
    for (; (*order)[1]; order++)
        tcp(b, e, CRAFT_PSH | CRAFT_ACK, seq + (uint32_t)(*order)[0],
            bytes_slice(stream, (*order)[0], (*order)[1] - (*order)[0]));
}

static void test_hello_over_segments(void **state)
{
    (void)state;
    static const size_t orders[][8][2] = {
        {{0, 500}, {500, 1000}, {1000, 2000}},
        {{500, 1000}, {0, 500}, {1000, 2000}},
        {{1000, 2000}, {500, 1000}, {0, 500}},
        {{0, 1}, {1, 4}, {4, 6}, {6, 2000}},
        {{0, 500}, {0, 500}, {1000, 2000}, {300, 700}, {500, 1000}},
        {{1000, 2000}, {0, 600}, {1000, 2000}, {500, 1000}},
    };
    static const size_t record_lens[] = {16384, 700, 99};
    for (size_t r = 0; r < 3; r++)
        for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
            struct bench *b = bench_new(small());
            uint8_t stream[4000];
            size_t len = craft_tls(stream, "Parts.Example.com", 1700, record_lens[r]);
            uint32_t isn = i == 2 ? 0xfffffe00 : 1000; /* sequence numbers wrap */
            handshake(b, web, isn);
            send_parts(b, web, isn + 1, bytes_of(stream, len), orders[i]);
            assert_int_equal(finish(b), 1);
            if (!named(b, 0, NAME_SNI, "parts.example.com"))
                fail_msg("order %zu, records of %zu", i, record_lens[r]);
            bench_free(b);
        }
}

/* The ClientHello that comes after some talk in the clear. */
static void test_upgrades(void **state)
{
    (void)state;
    static const char *const talks[][6] = {
        {"-220 mail.example ESMTP\r\n", "+EHLO client.example\r\n", "-250 STARTTLS\r\n",
         "+STARTTLS\r\n", "-220 go\r\n"},
        {"-* OK IMAP4rev1\r\n", "+a STARTTLS\r\n", "-a OK\r\n"},
        {"+<stream:stream to='x'>", "-<features/>", "+<starttls/>", "-<proceed/>"},
        {"+\x05\x01\xff", "-\x05\x02", "+\x05\x01\x01\x03", "-\x05\x01\x01\x01"},
        {"+\x03\x01\x13\x0e\xe0", "-\x03\x01\x13\x0e\xd0"},
    };
    for (size_t i = 0; i < sizeof talks / sizeof *talks; i++) {
        struct bench *b = bench_new(small());
        uint32_t seq[2] = {101, 9001};
        handshake(b, web, 100);
        for (int k = 0; k < 6 && talks[i][k]; k++) {
            bool back = talks[i][k][0] == '-';
            text(b, back ? craft_back(web) : web, seq[back], talks[i][k] + 1);
            seq[back] += (uint32_t)strlen(talks[i][k] + 1);
        }
        uint8_t stream[2000];
        size_t len = craft_tls(stream, "upgraded.example.com", 700, 16384);
        static const size_t order[][2] = {{0, 400}, {400, 2000}, {0, 0}};
        send_parts(b, web, seq[0], bytes_of(stream, len), order);
        finish(b);
        if (!named(b, 0, NAME_SNI, "upgraded.example.com"))
            fail_msg("talk %zu", i);
        bench_free(b);
    }
}

/* MySQL's SSLRequest and the hello may share a segment. */
static void test_hello_inside_a_segment(void **state)
{
    (void)state;
    struct bench *b = bench_new(small());
    uint8_t segment[1000] = {0x20, 0, 0, 1, 0x05, 0xae, 0x16, 0x16, 0x03};
    size_t len = 36 + craft_tls(segment + 36, "db.example.com", 100, 16384);
    handshake(b, web, 100);
    tcp(b, web, CRAFT_PSH, 101, bytes_of(segment, len));
    finish(b);
    assert_true(named(b, 0, NAME_SNI, "db.example.com"));
    bench_free(b);
}

static void test_http(void **state)
{
    (void)state;
    struct bench *b = bench_new(small());
    const struct craft_ends e = {1, 2, 1000, 80};
    handshake(b, e, 100);
    text(b, e, 101, "GET / HTTP/1.1\r\nAccept: a\r\nHo");
    text(b, e, 130, "st: www.example.com\r\n\r\n");
    assert_int_equal(finish(b), 1);
    assert_true(named(b, 0, NAME_HTTP, "www.example.com"));
    batch_clear(b->rows);
    /* Two hosts in one conversation: the first is kept, and it is marked. */
    const struct craft_ends proxy = {1, 2, 1001, 9999};
    handshake(b, proxy, 100);
    text(b, proxy, 101, "GET http://192.0.2.1/ HTTP/1.1\r\n\r\n");
    text(b, proxy, 135, "GET http://one.example/ HTTP/1.1\r\nHost: x\r\n\r\n");
    finish(b);
    assert_true(named(b, 0, NAME_HTTP, "one.example"));
    bench_free(b);
}

static void test_headers_only(void **state)
{
    (void)state;
    struct meter_setting s = small();
    s.payload = false;
    struct bench *b = bench_new(s);
    text(b, (struct craft_ends){1, 2, 1000, 80}, 1, "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n");
    assert_int_equal(finish(b), 1);
    assert_true(named(b, 0, NAME_NONE, ""));
    assert_int_equal(batch_application(b->rows)[0], 0);
    bench_free(b);
}

static void test_quic(void **state)
{
    (void)state;
    struct bench *b = bench_new(small());
    struct quic *q = quic_new();
    struct quic_keys keys;
    uint8_t hello[3000], frames[3000], packet[3000];
    const struct bytes dcid = bytes_of("abcdefgh", 8);
    const struct craft_ends e = {1, 2, 5555, 443};
    quic_initial_keys(q, 1, dcid, QUIC_CLIENT, &keys);
    size_t hello_len = craft_hello(hello, "quic.example.com", 1500, false);
    for (size_t from = 0; from < hello_len; from += 1000) {
        size_t len =
            craft_crypto(frames, from, bytes_slice(bytes_of(hello, hello_len), from, 1000));
        len = craft_initial(packet, &keys, dcid, (uint32_t)from, bytes_of(frames, len));
        udp(b, e, bytes_of(packet, len));
    }
    assert_int_equal(finish(b), 1);
    assert_true(named(b, 0, NAME_QUIC, "quic.example.com"));
    assert_true(batch_marks(b->rows)[0] & MARK_QUIC);
    quic_free(q);
    bench_free(b);
}

/* An answer over UDP and over TCP, here with its length and in two segments. */
static void test_dns(void **state)
{
    (void)state;
    uint8_t m[100] = {0}; /* length, header, question "a.b A", answer 192.0.2.1 for an hour */
    size_t len = 2 + craft_hex(m + 2, "123481800001000100000000"
                                      "016101620000010001"
                                      "c00c0001000100000e100004c0000201");
    craft_be(m, len - 2, 2);
    struct bench *b = bench_new(small());
    const struct craft_ends e = {1, 2, 3000, 53};
    udp(b, craft_back(e), bytes_of(m + 2, len - 2));
    assert_int_equal(b->seen.count, 1);
    tcp(b, craft_back(e), CRAFT_ACK, 500, bytes_of(m, 10));
    tcp(b, craft_back(e), CRAFT_ACK, 510, bytes_of(m + 10, len - 10));
    assert_int_equal(b->seen.count, 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(b->seen.rows[i].name_len, 3);
        assert_memory_equal(b->seen.rows[i].name, "a.b", 3);
        assert_int_equal(b->seen.rows[i].client.octet[15], 1);
        assert_int_equal(b->seen.rows[i].ip.octet[12], 192);
        assert_int_equal(b->seen.rows[i].ttl_s, 3600);
    }
    finish(b);
    assert_true(named(b, 0, NAME_NONE, "")); /* the resolver's name is not known */
    bench_free(b);
}

static void test_short_stun(void **state)
{
    (void)state;
    struct bench *b = bench_new(small());
    uint8_t request[20] = {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42, 1, 2, 3};
    udp(b, (struct craft_ends){1, 2, 5000, 40000}, bytes_of(request, sizeof request));
    udp(b, (struct craft_ends){1, 3, 5000, 3478}, bytes_of_text("the port says STUN, no octet"));
    finish(b);
    const char *application =
        symbols_text(b->symbols, SYMBOL_APPLICATION, batch_application(b->rows)[0]);
    assert_string_equal(application, "STUN");
    assert_int_equal(batch_application(b->rows)[1], 0);
    bench_free(b);
}

/* A full cache gives up who was idle longest; nothing is lost. */
static void test_full_cache(void **state)
{
    (void)state;
    struct meter_setting s = small();
    s.flows_max = 100;
    struct bench *b = bench_new(s);
    for (int i = 0; i < 1000; i++) {
        b->now_ms += 100;
        udp(b, (struct craft_ends){1, 2, (uint16_t)(1000 + i), 9}, bytes_of_text("x"));
        udp(b, (struct craft_ends){3, 4, 1, 9}, bytes_of_text("always busy"));
    }
    struct meter_counts counts;
    meter_count(b->meter, &counts);
    assert_int_equal(counts.flows, 100);
    assert_int_equal(counts.flows_cut, 901);
    uint64_t packets = 0, busy = 0;
    finish(b);
    for (size_t i = 0; i < b->rows->rows; i++) {
        packets += batch_packets(b->rows)[i];
        busy += batch_src_port(b->rows)[i] == 1;
    }
    assert_int_equal(packets, 2000);
    assert_int_equal(busy, 1);
    bench_free(b);
}

/* Times near 1970, far ahead, and turning back and forth: they are taken as they are. */
static void test_odd_times(void **state)
{
    (void)state;
    struct bench *b = bench_new(small());
    const uint64_t times_ms[] = {0, 5, 1491004800000, 3, 1491004800500, 18446744073709, 1, 1000000};
    uint64_t packets = 0;
    for (int round = 0; round < 2000; round++)
        for (size_t i = 0; i < sizeof times_ms / sizeof *times_ms; i++) {
            b->now_ms = times_ms[i];
            udp(b, (struct craft_ends){1, 2, (uint16_t)round, 9}, bytes_of_text("x"));
            packets++;
            if (batch_room(b->rows) < 2 * METER_ROWS_MAX)
                batch_clear(b->rows);
        }
    finish(b);
    for (size_t i = 0; i < b->rows->rows; i++)
        assert_true(batch_start_ms(b->rows)[i] <= batch_end_ms(b->rows)[i]);
    assert_int_equal(b->tally.kept, packets);
    bench_free(b);
    /* A little unordered: one conversation, from the least to the greatest. */
    b = bench_new(small());
    const int order[] = {500, 200, 900, 100};
    for (int i = 0; i < 4; i++) {
        b->now_ms = 1491004800000 + (uint64_t)order[i];
        udp(b, (struct craft_ends){1, 2, 3, 9}, bytes_of_text("x"));
    }
    assert_int_equal(finish(b), 1);
    assert_int_equal(batch_start_ms(b->rows)[0], 1491004800100);
    assert_int_equal(batch_end_ms(b->rows)[0], 1491004800900);
    bench_free(b);
}

/* The cache against a plain list of conversations, over random packets in order of time. */
struct plain {
    uint16_t port;
    uint64_t start_ms, end_ms, packets[2];
    bool done;
};

static int by_start(const void *a, const void *b)
{
    const struct plain *x = a, *y = b;
    if (x->port != y->port)
        return x->port < y->port ? -1 : 1;
    return x->start_ms < y->start_ms ? -1 : x->start_ms > y->start_ms;
}

static void plain_packet(struct plain *list, size_t *count, uint16_t port, uint64_t now_ms,
                         const struct meter_setting *s)
{
    for (size_t i = *count; i-- > 0;) {
        struct plain *p = &list[i];
        if (p->port != port || p->done)
            continue;
        if (now_ms - p->end_ms > s->idle_ms || now_ms - p->start_ms >= s->active_ms) {
            p->done = true;
            break;
        }
        p->end_ms = now_ms;
        p->packets[0]++;
        return;
    }
    list[(*count)++] = (struct plain){port, now_ms, now_ms, {1, 0}, false};
}

static void test_against_plain(void **state)
{
    (void)state;
    struct meter_setting s = small();
    s.payload = false;
    s.idle_ms = 5000;
    s.active_ms = 30000;
    struct bench *b = bench_new(s);
    struct plain *list = memory_array(ROWS, sizeof *list), *rows = memory_array(ROWS, sizeof *rows);
    size_t count = 0;
    struct random r;
    random_init(&r, 3);
    for (int i = 0; i < 20000; i++) {
        b->now_ms += random_below(&r, 40) == 0 ? random_below(&r, 7000) : random_below(&r, 60);
        uint16_t port =
            (uint16_t)(random_below(&r, 4) ? random_below(&r, 5) : random_below(&r, 300));
        udp(b, (struct craft_ends){1, 2, port, 9}, nothing);
        plain_packet(list, &count, port, b->now_ms, &s);
    }
    assert_int_equal(finish(b), count);
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct plain){batch_src_port(b->rows)[i],
                                 batch_start_ms(b->rows)[i],
                                 batch_end_ms(b->rows)[i],
                                 {batch_packets(b->rows)[i], 0},
                                 false};
    qsort(list, count, sizeof *list, by_start);
    qsort(rows, count, sizeof *rows, by_start);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(rows[i].port, list[i].port);
        assert_int_equal(rows[i].start_ms, list[i].start_ms);
        assert_int_equal(rows[i].end_ms, list[i].end_ms);
        assert_int_equal(rows[i].packets[0], list[i].packets[0]);
    }
    free(list);
    free(rows);
    bench_free(b);
}

/* More conversations with payload than probes and buffers: the oldest lose theirs, and say so. */
static void test_pools_run_dry(void **state)
{
    (void)state;
    struct bench *b = bench_new(small());
    uint8_t stream[3000];
    size_t len = craft_tls(stream, "never.complete.example", 2000, 16384);
    for (uint16_t i = 0; i < 900; i++)
        tcp(b, (struct craft_ends){1, 2, i, 443}, CRAFT_ACK, 1, bytes_of(stream, 100));
    struct meter_counts counts;
    meter_count(b->meter, &counts);
    assert_true(counts.probes_cut > 0);
    assert_true(counts.buffers_cut > 0 || counts.probes_cut >= 900 - 1000 / 8);
    /* The last ones still get their names. */
    tcp(b, (struct craft_ends){1, 2, 899, 443}, CRAFT_ACK, 101, bytes_of(stream + 100, len - 100));
    finish(b);
    size_t names = 0;
    for (size_t i = 0; i < b->rows->rows; i++)
        names += batch_name_kind(b->rows)[i] == NAME_SNI;
    assert_int_equal(names, 1);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_conversation),
        cmocka_unit_test(test_openers),
        cmocka_unit_test(test_ports_used_again),
        cmocka_unit_test(test_idle_timeout),
        cmocka_unit_test(test_active_timeout),
        cmocka_unit_test(test_fragments),
        cmocka_unit_test(test_icmp),
        cmocka_unit_test(test_population_and_tally),
        cmocka_unit_test(test_hello_over_segments),
        cmocka_unit_test(test_upgrades),
        cmocka_unit_test(test_hello_inside_a_segment),
        cmocka_unit_test(test_http),
        cmocka_unit_test(test_headers_only),
        cmocka_unit_test(test_quic),
        cmocka_unit_test(test_dns),
        cmocka_unit_test(test_short_stun),
        cmocka_unit_test(test_full_cache),
        cmocka_unit_test(test_odd_times),
        cmocka_unit_test(test_against_plain),
        cmocka_unit_test(test_pools_run_dry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
