/* SPDX-License-Identifier: Apache-2.0 */
/* One captured frame, down to its outermost IP header and the transport header inside.
 * Link types: https://www.tcpdump.org/linktypes.html. All pointers point into the frame. */
#ifndef TELLTALE_WIRE_PACKET_H
#define TELLTALE_WIRE_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/ip.h"
#include "schema/tally.h"

struct packet {
    struct ip src, dst;
    uint8_t protocol;            /* the transport's number, after IPv6 extension headers */
    uint16_t src_port, dst_port; /* 0 where there are none; ICMP: dst_port is type * 256 + code */
    uint8_t tcp_flags;           /* 0 unless TCP */
    uint32_t tcp_seq;
    uint32_t octets;      /* layer 3 length as the IP header states it */
    uint32_t ip_id;       /* IPv4 identification, or the IPv6 fragment header's; for fragments */
    bool fragment;        /* part of a fragmented packet */
    bool fragment_later;  /* ... and not its first part: no ports here */
    bool snapped;         /* captured shorter than `octets` */
    bool tunnelled;       /* the transport is itself a tunnel (GRE, IP-in-IP, ESP...) */
    struct bytes l3;      /* captured octets from the IP header to the packet's end, no padding */
    struct bytes payload; /* captured octets after the transport header */
};

/* Finds the outermost IP packet of a frame behind Ethernet (also VLAN, QinQ, MPLS, PPPoE), raw IP,
 * Linux cooked (v1, v2), loopback, PPP, HDLC, 802.11 with radiotap and the other common link types.
 * REASON_COUNT when `ret` is filled; otherwise why not (REASON_not_ip, bad_ip_header, link_type,
 * truncated, bad_length). Allocates nothing; any thread. */
enum reason packet_parse(uint32_t link_type, struct bytes frame, uint32_t original_len,
                         struct packet *ret);

#endif
