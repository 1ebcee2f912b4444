/* SPDX-License-Identifier: Apache-2.0 */
/* NetFlow 5: one-way IPv4 records, 32-bit counters, times relative to the exporter's start. */
#include "world/wire_out.h"

enum { RECORD = 48, RECORDS_MOST = 30, SAMPLING_MOST = 0x3fff, MODE_RANDOM = 2 << 14 };

static void flush(struct wire *w)
{
    if (!w->in_message)
        return;
    struct octets *o = &w->message;
    uint32_t interval = w->options.sampling < SAMPLING_MOST ? w->options.sampling : SAMPLING_MOST;
    o->len = 0;
    put(o, 5, 2);
    put(o, w->in_message, 2);
    put(o, wire_uptime(w, w->export_ms), 4);
    put(o, w->export_ms / 1000, 4);
    put(o, 0, 4);
    put(o, w->sequence, 4);
    put(o, w->options.domain, 2);
    put(o, interval > 1 ? MODE_RANDOM | interval : 0, 2);
    put_bytes(o, w->sets[0].at, w->sets[0].len);
    w->sequence += w->in_message;
    wire_send(w);
}

static void put_record(struct wire *w, const struct one_way *r, uint32_t packets, uint32_t octets)
{
    if (w->in_message == RECORDS_MOST)
        flush(w);
    struct octets *o = &w->sets[0];
    put_bytes(o, r->src.octet + 12, 4);
    put_bytes(o, r->dst.octet + 12, 4);
    put(o, 0, 8); /* next hop, interfaces */
    put(o, packets, 4);
    put(o, octets, 4);
    put(o, wire_uptime(w, r->start_ms), 4);
    put(o, wire_uptime(w, r->end_ms), 4);
    put(o, r->src_port, 2);
    put(o, r->dst_port, 2);
    put(o, r->flags, 2); /* an octet of padding before it */
    put(o, r->protocol, 1);
    put(o, 0, 8);
    put(o, 0, 1);
    w->in_message++;
    w->counts.records++;
    wire_cover(w, r->end_ms);
}

/* What 32 bits cannot hold goes into several records, as an active timeout would have cut it. */
static void record(struct wire *w, const struct one_way *r)
{
    uint64_t packets = r->packets, octets = r->octets;
    while (packets > UINT32_MAX || octets > UINT32_MAX) {
        uint64_t parts = (packets > octets ? packets : octets) / UINT32_MAX + 1;
        put_record(w, r, (uint32_t)(packets / parts), (uint32_t)(octets / parts));
        packets -= packets / parts;
        octets -= octets / parts;
    }
    put_record(w, r, (uint32_t)packets, (uint32_t)octets);
}

static void row(struct wire *w, const struct batch *b, size_t row_index)
{
    struct one_way to = wire_forward(b, row_index), back;
    if (!ip_is_v4(&to.src) || !ip_is_v4(&to.dst)) {
        w->counts.skipped++;
        return;
    }
    record(w, &to);
    if (wire_reverse(b, row_index, &back))
        record(w, &back);
}

static void begin(struct wire *w)
{
    (void)w;
}

const struct wire_writer wire_netflow5 = {begin, row, flush};
