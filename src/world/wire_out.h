/* SPDX-License-Identifier: Apache-2.0 */
/* What the writers share: the file, a message under construction, one-way records. */
#ifndef TELLTALE_WORLD_WIRE_OUT_H
#define TELLTALE_WORLD_WIRE_OUT_H

#include <stddef.h>
#include <stdio.h>

#include "world/wire.h"

enum { MESSAGE_ROOM = 65536, DATAGRAM_OCTETS = 1400, FILE_MESSAGE_OCTETS = 16384 };

/* Octets in network order. */
struct octets {
    size_t len;
    uint8_t at[MESSAGE_ROOM];
};

static inline void put(struct octets *o, uint64_t value, size_t width)
{
    for (size_t i = width; i-- > 0;)
        o->at[o->len++] = (uint8_t)(value >> (8 * i));
}

static inline void put_bytes(struct octets *o, const void *at, size_t len)
{
    memcpy(o->at + o->len, at, len);
    o->len += len;
}

/* One direction of a row. */
struct one_way {
    uint64_t start_ms, end_ms, packets, octets;
    struct ip src, dst;
    uint16_t src_port, dst_port;
    uint8_t protocol, flags;
    uint32_t sampling;
};

enum { WIRE_SETS = 4 };

struct wire {
    const struct wire_writer *writer;
    struct wire_options options;
    struct ip exporter, collector;
    char *path;
    FILE *file;
    bool datagrams;
    uint64_t export_ms; /* the latest end so far, a whole second */
    uint64_t packet_us; /* time of the last packet written */
    uint32_t sequence;
    uint64_t since_templates; /* messages */
    struct wire_counts counts;
    uint32_t in_message; /* records in the message at hand */
    struct octets message, frame;
    struct octets sets[WIRE_SETS]; /* data sets of the message at hand, without headers */
};

/* A format. `row` adds one row, `flush` ends the message at hand (also when there is none). */
struct wire_writer {
    void (*begin)(struct wire *w);
    void (*row)(struct wire *w, const struct batch *b, size_t row);
    void (*flush)(struct wire *w);
};

extern const struct wire_writer wire_ipfix, wire_netflow9, wire_netflow5, wire_csv;

struct one_way wire_forward(const struct batch *b, size_t row);
/* False when nothing came back. */
bool wire_reverse(const struct batch *b, size_t row, struct one_way *ret);

/* Writes w->message as it is, or as a datagram in a pcap (wire_pcap.c). */
void wire_send(struct wire *w);
void wire_write(struct wire *w, const void *at, size_t len);
void pcap_begin(struct wire *w);
void pcap_packet(struct wire *w, const struct octets *payload);
/* The message's export time covers a record that ends then. */
void wire_cover(struct wire *w, uint64_t end_ms);
/* ms since the exporter's start, modulo 2^32. */
uint32_t wire_uptime(struct wire *w, uint64_t ms);
size_t wire_message_octets(const struct wire *w);

#endif
