/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/random.h"
#include "input/capture.h"

/* A writer of one's own octets, in either order. */
struct writer {
    struct buf b;
    bool big;
};

static void put(struct writer *w, uint64_t value, size_t len)
{
    for (size_t i = 0; i < len; i++)
        buf_u8(&w->b, (uint8_t)(value >> 8 * (w->big ? len - 1 - i : i)));
}

static void put_octets(struct writer *w, const char *text)
{
    buf_add(&w->b, text, strlen(text));
    while (w->b.len % 4)
        buf_u8(&w->b, 0);
}

static struct writer writer_new(bool big)
{
    struct writer w = {.big = big};
    buf_init(&w.b, 1 << 20);
    return w;
}

static void put_pcap_header(struct writer *w, uint32_t magic, uint16_t minor, uint32_t link)
{
    put(w, magic, 4);
    put(w, 2, 2);
    put(w, minor, 2);
    put(w, 0, 8);
    put(w, 65535, 4);
    put(w, link, 4);
}

static void put_pcap_packet(struct writer *w, uint32_t s, uint32_t fraction, uint32_t captured,
                            uint32_t original, size_t more)
{
    put(w, s, 4);
    put(w, fraction, 4);
    put(w, captured, 4);
    put(w, original, 4);
    put(w, 0, more);
    for (uint32_t i = 0; i < captured; i++)
        buf_u8(&w->b, (uint8_t)i);
}

static struct capture *open_octets(const struct writer *w)
{
    struct capture *c;
    struct error err;
    struct bytes octets = bytes_of(w->b.at, w->b.len);
    assert_true(capture_is(octets));
    assert_int_equal(capture_open(stream_of_bytes(octets), &c, &err), 0);
    return c;
}

static void every_kind_of_pcap(void **state)
{
    (void)state;
    static const struct {
        uint32_t magic;
        size_t more;
        uint64_t unit_ns;
    } kinds[] = {{0xa1b2c3d4, 0, 1000}, {0xa1b23c4d, 0, 1}, {0xa1b2cd34, 8, 1000}};
    for (size_t k = 0; k < 3; k++) {
        for (int big = 0; big < 2; big++) {
            struct writer w = writer_new(big);
            put_pcap_header(&w, kinds[k].magic, 4, 0x14000071); /* 113 with an FCS length */
            put_pcap_packet(&w, 3000000000u, 999, 10, 60, kinds[k].more);
            put_pcap_packet(&w, 3000000001u, 1, 0, 0, kinds[k].more);
            struct capture *c = open_octets(&w);
            struct capture_packet p;
            assert_string_equal(capture_format(c), "pcap");
            assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
            assert_int_equal(p.time_ns,
                             3000000000u * UINT64_C(1000000000) + 999 * kinds[k].unit_ns);
            assert_int_equal(p.link_type, 113);
            assert_int_equal(p.frame.len, 10);
            assert_int_equal(p.frame.at[9], 9);
            assert_int_equal(p.original_len, 60);
            assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
            assert_int_equal(p.frame.len, 0);
            assert_int_equal(capture_next(c, &p), CAPTURE_END);
            capture_free(c);
            buf_done(&w.b);
        }
    }
}

static void old_pcap_versions_swap_the_lengths(void **state)
{
    (void)state;
    struct writer w = writer_new(false);
    put_pcap_header(&w, 0xa1b2c3d4, 2, 1);
    put(&w, 1, 4), put(&w, 2, 4), put(&w, 60, 4), put(&w, 4, 4);
    put(&w, 0, 4);
    struct capture *c = open_octets(&w);
    struct capture_packet p;
    assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
    assert_int_equal(p.frame.len, 4);
    assert_int_equal(p.original_len, 60);
    assert_int_equal(capture_next(c, &p), CAPTURE_END);
    capture_free(c);
    buf_done(&w.b);
}

/* ------------------------------------------------------------------ pcapng */

static size_t begin_block(struct writer *w, uint32_t type)
{
    put(w, type, 4);
    put(w, 0, 4);
    return w->b.len - 8;
}

static void end_block(struct writer *w, size_t at)
{
    uint32_t len = (uint32_t)(w->b.len - at + 4);
    put(w, len, 4);
    memcpy(w->b.at + at + 4, w->b.at + w->b.len - 4, 4);
}

static void put_section(struct writer *w)
{
    size_t at = begin_block(w, 0x0a0d0d0a);
    put(w, 0x1a2b3c4d, 4);
    put(w, 1, 2);
    put(w, 0, 2);
    put(w, UINT64_MAX, 8);
    end_block(w, at);
}

static void put_interface(struct writer *w, uint16_t link, uint32_t snap, int resolution,
                          int64_t offset_s)
{
    size_t at = begin_block(w, 1);
    put(w, link, 2);
    put(w, 0, 2);
    put(w, snap, 4);
    put(w, 2, 2), put(w, 5, 2);
    put_octets(w, "eth00");
    if (resolution >= 0)
        put(w, 9, 2), put(w, 1, 2), put(w, (uint64_t)resolution, 1), put(w, 0, 3);
    if (offset_s)
        put(w, 14, 2), put(w, 8, 2), put(w, (uint64_t)offset_s, 8);
    put(w, 0, 4);
    end_block(w, at);
}

static void put_enhanced(struct writer *w, uint32_t interface, uint64_t time, const char *text)
{
    size_t at = begin_block(w, 6);
    put(w, interface, 4);
    put(w, time >> 32, 4);
    put(w, time & 0xffffffff, 4);
    put(w, strlen(text), 4);
    put(w, strlen(text) + 100, 4);
    put_octets(w, text);
    end_block(w, at);
}

static void put_pcapng(struct writer *w)
{
    put_section(w);
    put_interface(w, 1, 0, -1, 0);
    put_interface(w, 101, 4, 9, -3600);
    put_interface(w, 113, 0, 0x80 | 10, 0);
    put_interface(w, 105, 0, 12, 0);
    put_enhanced(w, 0, 1500000000123456, "first");
    size_t at = begin_block(w, 4); /* names: goes by */
    put_octets(w, "something of no interest");
    end_block(w, at);
    put_enhanced(w, 1, 1500003600123456789, "second one");
    put_enhanced(w, 2, (1500000000u * UINT64_C(1024)) + 512, "third");
    put_enhanced(w, 3, 1500000000123456789, "fourth");
    at = begin_block(w, 3);
    put(w, 60, 4);
    put_octets(w, "simple--");
    end_block(w, at);
    at = begin_block(w, 2);
    put(w, 1, 2), put(w, 7, 2);
    put(w, UINT64_C(1500003600000000000) >> 32, 4);
    put(w, UINT64_C(1500003600000000000) & 0xffffffff, 4);
    put(w, 3, 4), put(w, 9, 4);
    put_octets(w, "old");
    end_block(w, at);
}

static const struct {
    uint64_t time_ns;
    uint32_t link_type, original_len;
    const char *text;
} wanted[] = {
    {1500000000123456000, 1, 105, "first"},
    {1500000000123456789, 101, 110, "second one"},
    {1500000000500000000, 113, 105, "third"},
    {1500000000123456, 105, 106, "fourth"},
    {0, 1, 60, "simple--"},
    {1500000000000000000, 101, 9, "old"},
};

static void pcapng_sections_interfaces_and_blocks(void **state)
{
    (void)state;
    for (int big = 0; big < 2; big++) {
        struct writer w = writer_new(big);
        put_pcapng(&w);
        w.big = !big; /* the second section in the other order, with interfaces of its own */
        put_pcapng(&w);
        struct capture *c = open_octets(&w);
        struct capture_packet p;
        assert_string_equal(capture_format(c), "pcapng");
        for (size_t i = 0; i < 12; i++) {
            assert_int_equal(capture_next(c, &p), CAPTURE_PACKET);
            assert_int_equal(p.time_ns, wanted[i % 6].time_ns);
            assert_int_equal(p.link_type, wanted[i % 6].link_type);
            assert_int_equal(p.original_len, wanted[i % 6].original_len);
            assert_int_equal(p.frame.len, strlen(wanted[i % 6].text));
            assert_memory_equal(p.frame.at, wanted[i % 6].text, p.frame.len);
        }
        assert_int_equal(capture_next(c, &p), CAPTURE_END);
        capture_free(c);
        buf_done(&w.b);
    }
}

static void read_to_the_end(struct bytes octets, size_t packets_max, enum capture_status *last,
                            size_t *packets)
{
    struct capture *c;
    struct error err;
    *packets = 0;
    *last = CAPTURE_DAMAGED;
    if (capture_open(stream_of_bytes(octets), &c, &err))
        return;
    struct capture_packet p;
    while ((*last = capture_next(c, &p)) == CAPTURE_PACKET) {
        assert_true(++*packets <= packets_max);
        uint8_t sum = 0;
        for (size_t i = 0; i < p.frame.len; i++)
            sum = (uint8_t)(sum + p.frame.at[i]);
        (void)sum;
    }
    assert_int_equal(capture_next(c, &p) == CAPTURE_PACKET, 0);
    capture_free(c);
}

/* A file that ends early: the packets before the cut, then CUT unless it ended between packets. */
static void every_truncation_is_told(void **state)
{
    (void)state;
    for (int ng = 0; ng < 2; ng++) {
        struct writer w = writer_new(false);
        if (ng) {
            put_pcapng(&w);
        } else {
            put_pcap_header(&w, 0xa1b2c3d4, 4, 1);
            for (uint32_t i = 0; i < 6; i++)
                put_pcap_packet(&w, i, 0, 9, 9, 0);
        }
        size_t ends = 0, last_packets = 0;
        for (size_t cut = 0; cut <= w.b.len; cut++) {
            uint8_t *part = malloc(cut ? cut : 1);
            memcpy(part, w.b.at, cut);
            enum capture_status last;
            size_t packets;
            read_to_the_end(bytes_of(part, cut), 6, &last, &packets);
            assert_true(packets >= last_packets);
            last_packets = packets;
            ends += last == CAPTURE_END;
            free(part);
        }
        assert_int_equal(last_packets, 6);
        assert_int_equal(ends, ng ? 1 + 4 + 7 : 7);
        buf_done(&w.b);
    }
}

static void mutated_files_end(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 11);
    for (int ng = 0; ng < 2; ng++) {
        struct writer w = writer_new(false);
        if (ng)
            put_pcapng(&w), put_pcapng(&w);
        else
            put_pcap_header(&w, 0xa1b23c4d, 3, 1), put_pcap_packet(&w, 1, 2, 30, 40, 0),
                put_pcap_packet(&w, 1, 2, 30, 40, 0);
        for (int round = 0; round < 3000; round++) {
            uint8_t *copy = malloc(w.b.len);
            memcpy(copy, w.b.at, w.b.len);
            for (size_t m = 1 + random_below(&r, 3); m > 0; m--)
                copy[random_below(&r, w.b.len)] = (uint8_t)random_u64(&r);
            enum capture_status last;
            size_t packets;
            read_to_the_end(bytes_of(copy, w.b.len), w.b.len, &last, &packets);
            free(copy);
        }
        buf_done(&w.b);
    }
}

static void what_is_no_capture_is_refused(void **state)
{
    (void)state;
    struct capture *c;
    struct error err;
    static const char *const texts[] = {"",
                                        "GET",
                                        "GET / HTTP/1.1",
                                        "\x0a\x0d\x0d\x0a",
                                        "\xd4\xc3\xb2\xa1",
                                        "\x0a\x0d\x0d\x0a 0123 no order"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(capture_open(stream_of_bytes(bytes_of_text(texts[i])), &c, &err),
                         ERROR_FAILED);
    struct writer w = writer_new(false);
    put_pcap_header(&w, 0xa1b2c3d4, 4, 1);
    put(&w, 1, 4), put(&w, 2, 4), put(&w, 262145, 4), put(&w, 4, 4);
    c = open_octets(&w);
    struct capture_packet p;
    assert_int_equal(capture_next(c, &p), CAPTURE_DAMAGED);
    capture_free(c);
    buf_done(&w.b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_kind_of_pcap),
        cmocka_unit_test(old_pcap_versions_swap_the_lengths),
        cmocka_unit_test(pcapng_sections_interfaces_and_blocks),
        cmocka_unit_test(every_truncation_is_told),
        cmocka_unit_test(mutated_files_end),
        cmocka_unit_test(what_is_no_capture_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
