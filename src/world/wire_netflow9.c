/* SPDX-License-Identifier: Apache-2.0 */
/* NetFlow 9 (RFC 3954): one-way records with times relative to the exporter's start. */
#include "world/wire_out.h"

enum {
    HEADER = 20,
    SET_HEADER = 4,
    FIRST_TEMPLATE = 256,
    TEMPLATES_EVERY = 64,
    RECORD_MOST = 2 * 16 + 40,
};

struct spec {
    uint16_t id, width;
};

static const struct spec addresses[2][2] = {{{8, 4}, {12, 4}}, {{27, 16}, {28, 16}}};
/* 35, samplingAlgorithm: 2 is random. */
static const struct spec others[] = {{7, 2}, {11, 2}, {4, 1},  {6, 1},  {2, 8},
                                     {1, 8}, {22, 4}, {21, 4}, {34, 4}, {35, 1}};
enum { OTHERS = sizeof others / sizeof others[0] };

static void put_fields(struct octets *o, const struct spec *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(o, fields[i].id, 2);
        put(o, fields[i].width, 2);
    }
}

static void put_templates(struct octets *o)
{
    put(o, 0, 2);
    put(o, SET_HEADER + 2 * (4 + 4 * (2 + OTHERS)), 2);
    for (unsigned v6 = 0; v6 < 2; v6++) {
        put(o, FIRST_TEMPLATE + v6, 2);
        put(o, 2 + OTHERS, 2);
        put_fields(o, addresses[v6], 2);
        put_fields(o, others, OTHERS);
    }
}

static void header(struct wire *w, struct octets *o, unsigned count)
{
    o->len = 0;
    put(o, 9, 2);
    put(o, count, 2);
    put(o, wire_uptime(w, w->export_ms), 4);
    put(o, w->export_ms / 1000, 4);
    put(o, w->sequence++, 4);
    put(o, w->options.domain, 4);
}

static void send_templates(struct wire *w)
{
    header(w, &w->message, 2);
    put_templates(&w->message);
    pcap_packet(w, &w->message);
    w->counts.messages++;
    w->since_templates = 0;
}

static size_t message_len(const struct wire *w)
{
    size_t len = HEADER;
    for (int i = 0; i < 2; i++)
        len += w->sets[i].len ? SET_HEADER + w->sets[i].len + 3 : 0;
    return len;
}

static void flush(struct wire *w)
{
    if (!w->in_message)
        return;
    if (w->sequence == 0 || w->since_templates >= TEMPLATES_EVERY)
        send_templates(w);
    header(w, &w->message, w->in_message);
    for (unsigned i = 0; i < 2; i++) {
        struct octets *set = &w->sets[i];
        if (!set->len)
            continue;
        put(set, 0, (4 - set->len % 4) % 4); /* sets end at a multiple of 4 */
        put(&w->message, FIRST_TEMPLATE + i, 2);
        put(&w->message, SET_HEADER + set->len, 2);
        put_bytes(&w->message, set->at, set->len);
    }
    w->since_templates++;
    wire_send(w);
}

static void record(struct wire *w, const struct one_way *r)
{
    bool v6 = !ip_is_v4(&r->src) || !ip_is_v4(&r->dst);
    if (message_len(w) + SET_HEADER + RECORD_MOST > DATAGRAM_OCTETS)
        flush(w);
    struct octets *o = &w->sets[v6];
    size_t from = v6 ? 0 : 12, width = v6 ? 16 : 4;
    put_bytes(o, r->src.octet + from, width);
    put_bytes(o, r->dst.octet + from, width);
    put(o, r->src_port, 2);
    put(o, r->dst_port, 2);
    put(o, r->protocol, 1);
    put(o, r->flags, 1);
    put(o, r->packets, 8);
    put(o, r->octets, 8);
    put(o, wire_uptime(w, r->start_ms), 4);
    put(o, wire_uptime(w, r->end_ms), 4);
    put(o, r->sampling, 4);
    put(o, 2, 1);
    w->in_message++;
    w->counts.records++;
    wire_cover(w, r->end_ms);
}

static void row(struct wire *w, const struct batch *b, size_t row_index)
{
    struct one_way to = wire_forward(b, row_index), back;
    record(w, &to);
    if (wire_reverse(b, row_index, &back))
        record(w, &back);
}

static void begin(struct wire *w)
{
    (void)w;
}

const struct wire_writer wire_netflow9 = {begin, row, flush};
