/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/random.h"
#include "wire/cursor.h"
#include "wire/fragments.h"
#include "wire/link.h"
#include "wire/packet.h"

static size_t put_hex(uint8_t *to, const char *hex)
{
    size_t len = 0;
    unsigned value;
    for (; *hex; hex++) {
        if (*hex == ' ')
            continue;
        assert_int_equal(sscanf(hex, "%2x", &value), 1);
        to[len++] = (uint8_t)value;
        hex++;
    }
    return len;
}

#define MACS "020000000001 020000000002 "
#define TCP4                                                                                       \
    "45000030 12344000 4006 0000 c0000201 c6336402 "                                               \
    "04d2 01bb 00000007 00000000 5012 0400 0000 0000 aabbccdd eeff0011"
#define UDP6                                                                                       \
    "60000000 000c 11 40 20010db8000000000000000000000001 20010db8000000000000000000000002 "       \
    "0035 c001 000c 0000 01020304"

static const struct {
    const char *name;
    uint32_t link_type;
    const char *before, *ip;
} frames[] = {
    {"Ethernet", LINK_ETHERNET, MACS "0800", TCP4},
    {"Ethernet, IPv6", LINK_ETHERNET, MACS "86dd", UDP6},
    {"VLAN", LINK_ETHERNET, MACS "8100 0064 0800", TCP4},
    {"QinQ", LINK_ETHERNET, MACS "88a8 0064 8100 0065 86dd", UDP6},
    {"four old tags", LINK_ETHERNET, MACS "9100 0001 9200 0002 9300 0003 8100 0004 0800", TCP4},
    {"LLC SNAP", LINK_ETHERNET, MACS "0038 aaaa03 000000 0800", TCP4},
    {"LLC IP", LINK_ETHERNET, MACS "0033 060603", TCP4},
    {"VLAN, LLC SNAP", LINK_ETHERNET, MACS "8100 0001 0038 aaaa03 000000 86dd", UDP6},
    {"MPLS", LINK_ETHERNET, MACS "8847 00064040 000c8140", TCP4},
    {"MPLS, IPv6", LINK_ETHERNET, MACS "8848 00064140", UDP6},
    {"EoMPLS with control word", LINK_ETHERNET, MACS "8847 00064140 00000000" MACS "0800", TCP4},
    {"EoMPLS without", LINK_ETHERNET, MACS "8847 00064140 " MACS "8100 0003 0800", TCP4},
    {"PPPoE", LINK_ETHERNET, MACS "8864 11 00 0011 0032 0021", TCP4},
    {"PPPoE in QinQ, IPv6", LINK_ETHERNET, MACS "8100 0001 8100 0002 8864 1100 0011 0032 0057",
     UDP6},
    {"Cisco MetaData", LINK_ETHERNET, MACS "8909 01 01 0001 0064 0800", TCP4},
    {"VN-Tag", LINK_ETHERNET, MACS "8926 00000000 8100 0001 0800", TCP4},
    {"provider backbone bridge", LINK_ETHERNET, MACS "88e7 00000001" MACS "0800", TCP4},
    {"FabricPath", LINK_ETHERNET, MACS "8903 0421" MACS "0800", TCP4},
    {"NSH", LINK_ETHERNET, MACS "894f 0fc6 0101 00450000 0000000000000000 0000000000000000", TCP4},
    {"raw", LINK_RAW, "", TCP4},
    {"raw, IPv6", LINK_RAW, "", UDP6},
    {"raw of BSD", LINK_RAW_BSD, "", TCP4},
    {"raw of OpenBSD", LINK_RAW_OPENBSD, "", UDP6},
    {"IPV4", LINK_IPV4, "", TCP4},
    {"IPV6", LINK_IPV6, "", UDP6},
    {"null, little", LINK_NULL, "02000000", TCP4},
    {"null, big", LINK_NULL, "00000002", TCP4},
    {"null, macOS IPv6", LINK_NULL, "1e000000", UDP6},
    {"loop", LINK_LOOP, "00000018", UDP6},
    {"Linux cooked", LINK_LINUX_SLL, "0000 0001 0006 0200000000010000 0800", TCP4},
    {"Linux cooked, VLAN", LINK_LINUX_SLL, "0000 0001 0006 0200000000010000 8100 0002 0800", TCP4},
    {"Linux cooked 2", LINK_LINUX_SLL2, "86dd 0000 00000002 0001 00 06 0200000000010000", UDP6},
    {"PPP", LINK_PPP, "0021", TCP4},
    {"PPP, HDLC-like", LINK_PPP_HDLC, "ff03 0021", TCP4},
    {"PPP, short protocol", LINK_PPP, "ff03 21", TCP4},
    {"PPP, MPLS", LINK_PPP, "ff03 0281 00064140", TCP4},
    {"Cisco HDLC as PPP", LINK_PPP_HDLC, "0f00 0800", TCP4},
    {"Cisco HDLC", LINK_C_HDLC, "0f00 86dd", UDP6},
    {"PPP with direction", LINK_PPP_WITH_DIR, "01 ff03 0021", TCP4},
    {"PPP of pppd", LINK_PPP_PPPD, "00 03 0021", TCP4},
    {"PPPoE alone", LINK_PPP_ETHER, "1100 0001 0032 0021", TCP4},
    {"Frame Relay", LINK_FRAME_RELAY, "1841 03 cc", TCP4},
    {"Frame Relay, SNAP", LINK_FRAME_RELAY, "1841 03 00 80 000000 0800", TCP4},
    {"Frame Relay, Cisco", LINK_FRAME_RELAY, "1841 0800", TCP4},
    {"802.11", LINK_WIFI, "0802 0000" MACS "020000000003 0000 aaaa03 000000 0800", TCP4},
    {"802.11, QoS, four addresses", LINK_WIFI,
     "8803 0000" MACS "020000000003 0000 020000000004 0000 aaaa03 000000 86dd", UDP6},
    {"radiotap", LINK_RADIOTAP,
     "00 00 0800 00000000 0801 0000" MACS "020000000003 0000 aaaa03 000000 0800", TCP4},
    {"radiotap with timer and padding", LINK_RADIOTAP,
     "00 00 1100 03000000 0000000000000000 20"
     "8801 0000" MACS "020000000003 0000 0000 0000 aaaa03 000000 0800",
     TCP4},
    {"FDDI", LINK_FDDI, "50" MACS "aaaa03 000000 0800", TCP4},
    {"Token Ring with route", LINK_TOKEN_RING,
     "10 40 020000000001 820000000002 0430 0010 aaaa03 000000 0800", TCP4},
    {"ATM", LINK_ATM_RFC1483, "aaaa03 000000 0800", TCP4},
    {"PFLOG", LINK_PFLOG,
     "3d 02 00 00 656d3000 0000000000000000 00000000"
     "00000000000000000000000000000000 00000000 00000000 00000000 00000000 00000000 00000000 "
     "00000000",
     TCP4},
    {"IPNET", LINK_IPNET, "01 02 0000 00000030 00000001 00000001 00000000 00000000", TCP4},
    {"NFLOG", LINK_NFLOG, "02 00 0000 0800 0100 08000301 3400 0900", TCP4},
    {"PPI", LINK_PPI, "00 00 0800 01000000" MACS "0800", TCP4},
    {"PKTAP", LINK_PKTAP, "0c000000 01000000 0c000000", TCP4},
    {"Juniper Ethernet", LINK_JUNIPER_ETHER, "4d4743 81 0004 00000000" MACS "0800", TCP4},
    {"Juniper, network layer", LINK_JUNIPER_ETHER, "4d4743 02 00000002", TCP4},
    {"Juniper ATM 1", LINK_JUNIPER_ATM1, "4d4743 00 00000000 aaaa03 000000 0800", TCP4},
};

static void check_inner(const struct packet *p, bool v4)
{
    char src[IP_TEXT_MAX], dst[IP_TEXT_MAX];
    ip_print(&p->src, src);
    ip_print(&p->dst, dst);
    assert_string_equal(src, v4 ? "192.0.2.1" : "2001:db8::1");
    assert_string_equal(dst, v4 ? "198.51.100.2" : "2001:db8::2");
    assert_int_equal(p->protocol, v4 ? 6 : 17);
    assert_int_equal(p->src_port, v4 ? 1234 : 53);
    assert_int_equal(p->dst_port, v4 ? 443 : 49153);
    assert_int_equal(p->octets, v4 ? 48 : 52);
    assert_int_equal(p->l3.len, p->octets);
    assert_int_equal(p->tcp_flags, v4 ? 0x12 : 0);
    assert_int_equal(p->payload.len, v4 ? 8 : 4);
    assert_false(p->fragment || p->snapped || p->tunnelled);
}

static void every_link_type_reaches_its_ip_packet(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        uint8_t octets[256];
        size_t before = put_hex(octets, frames[i].before);
        size_t len = before + put_hex(octets + before, frames[i].ip);
        struct packet p;
        /* Padding after the packet is not the packet's. */
        memset(octets + len, 0x5a, 10);
        enum reason r =
            packet_parse(frames[i].link_type, bytes_of(octets, len + 10), (uint32_t)len + 10, &p);
        if (r != REASON_COUNT)
            print_message("# %s: %s\n", frames[i].name, reason_name(r));
        assert_int_equal(r, REASON_COUNT);
        check_inner(&p, octets[before] >> 4 == 4);
    }
}

/* Each cut in its own allocation, so that a sanitizer sees one octet too many. */
static void every_truncation_is_rejected_or_snapped(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
        uint8_t octets[256];
        size_t before = put_hex(octets, frames[i].before);
        size_t len = before + put_hex(octets + before, frames[i].ip);
        size_t header = octets[before] >> 4 == 4 ? 20 : 40;
        for (size_t cut = 0; cut < len; cut++) {
            uint8_t *part = malloc(cut ? cut : 1);
            memcpy(part, octets, cut);
            struct packet p;
            enum reason r =
                packet_parse(frames[i].link_type, bytes_of(part, cut), (uint32_t)len, &p);
            if (cut < before + header) {
                assert_int_not_equal(r, REASON_COUNT);
            } else {
                assert_int_equal(r, REASON_COUNT);
                assert_true(p.snapped);
                assert_int_equal(p.octets, len - before);
                assert_int_equal(p.l3.len, cut - before);
                assert_int_equal(p.dst_port != 0, cut - before >= header + 4);
            }
            free(part);
        }
    }
}

static void mutated_frames_stay_inside(void **state)
{
    (void)state;
    struct random r;
    random_init(&r, 1);
    for (size_t round = 0; round < 200000; round++) {
        size_t i = random_below(&r, sizeof frames / sizeof *frames);
        uint8_t octets[256];
        size_t len = put_hex(octets, frames[i].before);
        len += put_hex(octets + len, frames[i].ip);
        uint8_t *copy = malloc(len);
        memcpy(copy, octets, len);
        for (size_t m = random_below(&r, 4) + 1; m > 0; m--)
            copy[random_below(&r, len)] = (uint8_t)random_u64(&r);
        struct packet p;
        if (packet_parse(frames[i].link_type, bytes_of(copy, len), (uint32_t)len, &p) ==
            REASON_COUNT) {
            assert_true(p.l3.at >= copy && p.l3.at + p.l3.len <= copy + len);
            assert_true(p.payload.at >= copy && p.payload.at + p.payload.len <= copy + len);
        }
        free(copy);
    }
}

static enum reason parse_hex(const char *hex, uint32_t original_len, struct packet *p)
{
    static uint8_t octets[2048];
    size_t len = put_hex(octets, hex);
    return packet_parse(LINK_RAW, bytes_of(octets, len),
                        original_len ? original_len : (uint32_t)len, p);
}

#define IP6_ENDS "20010db8000000000000000000000001 20010db8000000000000000000000002 "

static void extension_headers_are_skipped(void **state)
{
    (void)state;
    struct packet p;
    assert_int_equal(parse_hex("60000000 0024 00 40 " IP6_ENDS "2b00 010400000000 2b00 000000000000"
                               "3c00 000000000000 1100 010400000000"
                               "0035 c001 0004",
                               0, &p),
                     REASON_COUNT);
    assert_int_equal(p.protocol, 17);
    assert_int_equal(p.src_port, 53);
    /* RFC 4302: an authentication header counts 4-octet words less two. */
    parse_hex("60000000 0020 33 40 " IP6_ENDS "0604 0000 00000000 00000000 000000000000000000000000"
              "1111 2222 00000000",
              0, &p);
    assert_int_equal(p.protocol, 6);
    assert_int_equal(p.src_port, 0x1111);
    /* RFC 6946: an atomic fragment is a whole packet. */
    parse_hex("60000000 0010 2c 40 " IP6_ENDS "1100 0000 00000007 0035 c001 0008 0000", 0, &p);
    assert_false(p.fragment);
    assert_int_equal(p.dst_port, 0xc001);
    parse_hex("60000000 0010 2c 40 " IP6_ENDS "1100 0001 00000007 0035 c001 0008 0000", 0, &p);
    assert_true(p.fragment && !p.fragment_later);
    assert_int_equal(p.ip_id, 7);
    parse_hex("60000000 0010 2c 40 " IP6_ENDS "1100 0010 00000007 0035 c001 0008 0000", 0, &p);
    assert_true(p.fragment_later);
    assert_int_equal(p.protocol, 17);
    assert_int_equal(p.dst_port, 0);
}

static void odd_ip_headers(void **state)
{
    (void)state;
    struct packet p;
    /* ICMP: type * 256 + code. */
    parse_hex("4500001c 00000000 4001 0000 c0000201 c6336402 0301 0000 00000000", 0, &p);
    assert_int_equal(p.dst_port, 0x0301);
    assert_int_equal(p.src_port, 0);
    /* Offloaded segmentation writes length 0: what was on the wire counts. */
    parse_hex("45000000 00000000 4006 0000 c0000201 c6336402 04d2 01bb 00000000", 9000, &p);
    assert_int_equal(p.octets, 9000);
    assert_true(p.snapped);
    assert_int_equal(parse_hex("44000014 00000000 4006 0000 c0000201 c6336402", 0, &p),
                     REASON_bad_ip_header);
    assert_int_equal(parse_hex("55000014 00000000 4006 0000 c0000201 c6336402", 0, &p),
                     REASON_bad_ip_header);
    assert_int_equal(parse_hex("45000010 00000000 4006 0000 c0000201 c6336402", 0, &p),
                     REASON_bad_length);
    /* Options before the transport. */
    parse_hex("47000024 00000000 4011 0000 c0000201 c6336402 0101010101010100 0035 1388 0008 0000",
              0, &p);
    assert_int_equal(p.dst_port, 5000);
    /* GRE keeps the outer addresses and has no ports. */
    parse_hex("4500001c 00000000 402f 0000 c0000201 c6336402 0000 0800 4500001c", 0, &p);
    assert_true(p.tunnelled);
    assert_int_equal(p.protocol, 47);
    assert_int_equal(p.src_port, 0);
    uint8_t arp[42] = {0};
    arp[12] = 8, arp[13] = 6;
    assert_int_equal(packet_parse(LINK_ETHERNET, bytes_of(arp, 42), 42, &p), REASON_not_ip);
    assert_int_equal(packet_parse(60000, bytes_of(arp, 42), 42, &p), REASON_link_type);
    arp[13] = 0; /* says IPv4, is none */
    arp[14] = 0x60;
    assert_int_equal(packet_parse(LINK_ETHERNET, bytes_of(arp, 42), 42, &p), REASON_bad_ip_header);
}

static struct packet fragment(uint32_t id, bool later, uint16_t port)
{
    struct packet p = {.protocol = 17, .ip_id = id, .fragment = true, .fragment_later = later};
    p.src.octet[15] = 1;
    p.dst.octet[15] = 2;
    p.dst_port = port;
    return p;
}

static void later_fragments_get_the_first_ones_ports(void **state)
{
    (void)state;
    struct fragments *f = fragments_new(16);
    struct packet first = fragment(1, false, 53), later = fragment(1, true, 0);
    assert_false(fragments_apply(f, 10, &first));
    assert_true(fragments_apply(f, 20, &later));
    assert_int_equal(later.dst_port, 53);
    struct packet other = fragment(2, true, 0);
    assert_false(fragments_apply(f, 20, &other));
    later.dst_port = 0;
    assert_false(fragments_apply(f, 31000000000u, &later)); /* believed for 30 s */
    /* A flood displaces, it does not grow; what was seen last is there. */
    for (uint32_t id = 0; id < 10000; id++) {
        struct packet p = fragment(id, false, (uint16_t)id);
        fragments_apply(f, 1000 + id, &p);
    }
    struct packet last = fragment(9999, true, 0);
    assert_true(fragments_apply(f, 20000, &last));
    assert_int_equal(last.dst_port, 9999);
    fragments_free(f);
}

static void a_failed_cursor_stays_failed(void **state)
{
    (void)state;
    static const uint8_t octets[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
    struct cursor c = cursor_of(bytes_of(octets, sizeof octets));
    assert_int_equal(cursor_u8(&c), 1);
    assert_int_equal(cursor_be16(&c), 0x0203);
    assert_int_equal(cursor_le16(&c), 0x0504);
    assert_int_equal(cursor_be(&c, 3), 0x060708);
    struct cursor sub = cursor_sub(&c, 1);
    assert_int_equal(cursor_be16(&sub), 0);
    assert_true(sub.failed);
    assert_false(c.failed);
    assert_int_equal(cursor_u8(&c), 0);
    assert_true(c.failed);
    assert_int_equal(cursor_take(&c, 0).len, 0);
    assert_int_equal(cursor_left(&c), 0);
    c = cursor_of(bytes_of(octets, sizeof octets));
    assert_int_equal(cursor_be(&c, 9), 0);
    assert_true(c.failed);
    c = cursor_of(bytes_of(octets, sizeof octets));
    cursor_skip(&c, SIZE_MAX);
    assert_true(c.failed);
    c = cursor_of(bytes_of(NULL, 0));
    assert_int_equal(cursor_be64(&c), 0);
    assert_true(c.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_link_type_reaches_its_ip_packet),
        cmocka_unit_test(every_truncation_is_rejected_or_snapped),
        cmocka_unit_test(mutated_frames_stay_inside),
        cmocka_unit_test(extension_headers_are_skipped),
        cmocka_unit_test(odd_ip_headers),
        cmocka_unit_test(later_fragments_get_the_first_ones_ports),
        cmocka_unit_test(a_failed_cursor_stays_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
