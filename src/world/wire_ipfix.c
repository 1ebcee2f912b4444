/* SPDX-License-Identifier: Apache-2.0 */
/* IPFIX (RFC 7011), as messages in a file (RFC 5655) or as datagrams. Both directions of a row are
 * one record with reverse elements (RFC 5103), or two records. */
#include "schema/values.h"
#include "world/wire_out.h"

enum {
    HEADER = 16,
    SET_HEADER = 4,
    FIRST_TEMPLATE = 256,
    TEMPLATE_SET = 2,
    TEMPLATES_EVERY = 64, /* messages: datagrams may be lost, so templates are repeated */
    NAME_MAX_OCTETS = 253,
    APPLICATION_MAX_OCTETS = 127,
    RECORD_MOST = 2 * 16 + 80 + 3 + NAME_MAX_OCTETS + 1 + APPLICATION_MAX_OCTETS,
    REVERSE_PEN = 29305,
    WITH_V6 = 1, /* template = FIRST_TEMPLATE + these, or-ed */
    WITH_NAME = 2,
};

struct spec {
    uint16_t id, width;
    bool reverse;
};

static const struct spec addresses[2][2] = {{{8, 4, false}, {12, 4, false}},
                                            {{27, 16, false}, {28, 16, false}}};
static const struct spec forward[] = {{7, 2, false},   {11, 2, false},  {4, 1, false},
                                      {6, 2, false},   {2, 8, false},   {1, 8, false},
                                      {152, 8, false}, {153, 8, false}, {34, 4, false}};
static const struct spec reverse[] = {{2, 8, true}, {1, 8, true}, {6, 2, true}, {239, 1, false}};

static void put_fields(struct octets *o, const struct spec *fields, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        put(o, fields[i].id | (fields[i].reverse ? 0x8000 : 0), 2);
        put(o, fields[i].width, 2);
        if (fields[i].reverse)
            put(o, REVERSE_PEN, 4);
    }
}

/* Both texts, or one of them empty, stand in the records of the templates with names. */
static bool has_application(const struct wire *w, unsigned kind)
{
    return kind & WITH_NAME && w->options.symbols;
}

static void put_template(const struct wire *w, struct octets *o, unsigned kind)
{
    size_t counts = sizeof forward / sizeof forward[0];
    size_t more = w->options.one_way ? 0 : sizeof reverse / sizeof reverse[0];
    put(o, FIRST_TEMPLATE + kind, 2);
    put(o, 2 + counts + more + (kind & WITH_NAME ? 1 : 0) + (has_application(w, kind) ? 1 : 0), 2);
    put_fields(o, addresses[kind & WITH_V6], 2);
    put_fields(o, forward, counts);
    put_fields(o, reverse, more);
    if (kind & WITH_NAME) {
        put(o, 460, 2); /* httpRequestHost */
        put(o, 65535, 2);
    }
    if (has_application(w, kind)) {
        put(o, 96, 2); /* applicationName */
        put(o, 65535, 2);
    }
}

static size_t message_len(const struct wire *w)
{
    size_t len = HEADER;
    for (int i = 0; i < WIRE_SETS; i++)
        len += w->sets[i].len ? SET_HEADER + w->sets[i].len : 0;
    return len;
}

static bool templates_due(const struct wire *w)
{
    return w->counts.messages == 0 || (w->datagrams && w->since_templates >= TEMPLATES_EVERY);
}

static void header(struct wire *w, struct octets *o, size_t len)
{
    o->len = 0;
    put(o, 10, 2);
    put(o, len, 2);
    put(o, w->export_ms / 1000, 4);
    put(o, w->sequence, 4);
    put(o, w->options.domain, 4);
}

static void send_templates(struct wire *w)
{
    struct octets *o = &w->message;
    header(w, o, 0);
    put(o, TEMPLATE_SET, 2);
    put(o, 0, 2);
    for (unsigned kind = 0; kind < WIRE_SETS; kind++)
        if (!(kind & WITH_NAME) || !w->options.no_names)
            put_template(w, o, kind);
    size_t len = o->len;
    o->len = 2;
    put(o, len, 2);
    o->len = HEADER + 2;
    put(o, len - HEADER, 2);
    o->len = len;
    w->since_templates = 0;
    if (w->datagrams)
        pcap_packet(w, o);
    else
        wire_write(w, o->at, o->len);
    w->counts.messages++;
}

static void flush(struct wire *w)
{
    if (!w->in_message && w->counts.messages)
        return;
    if (templates_due(w))
        send_templates(w);
    if (!w->in_message)
        return;
    header(w, &w->message, message_len(w));
    for (unsigned i = 0; i < WIRE_SETS; i++) {
        if (!w->sets[i].len)
            continue;
        put(&w->message, FIRST_TEMPLATE + i, 2);
        put(&w->message, SET_HEADER + w->sets[i].len, 2);
        put_bytes(&w->message, w->sets[i].at, w->sets[i].len);
    }
    w->sequence += w->in_message;
    w->since_templates++;
    wire_send(w);
}

static void put_ip(struct octets *o, const struct ip *ip, bool v6)
{
    put_bytes(o, ip->octet + (v6 ? 0 : 12), v6 ? 16 : 4);
}

/* RFC 5103 section 6.3: 0 arbitrary, 1 the source opened it, 2 the destination did. */
static unsigned biflow_direction(unsigned opener)
{
    return opener == OPENER_SOURCE ? 1 : opener == OPENER_DESTINATION ? 2 : 0;
}

struct texts {
    struct bytes name, application;
    bool any;
};

static struct texts texts_of(const struct wire *w, const struct batch *b, size_t row)
{
    struct texts t = {.name = batch_text(b, FIELD_server_name, row)};
    if (w->options.no_names || t.name.len > NAME_MAX_OCTETS)
        t.name.len = 0;
    if (w->options.symbols)
        t.application =
            bytes_slice(bytes_of_text(symbols_text(w->options.symbols, SYMBOL_APPLICATION,
                                                   batch_application(b)[row])),
                        0, APPLICATION_MAX_OCTETS);
    t.any = t.name.len || t.application.len;
    return t;
}

static struct octets *record(struct wire *w, const struct one_way *r, bool texts)
{
    bool v6 = !ip_is_v4(&r->src) || !ip_is_v4(&r->dst);
    if (message_len(w) + SET_HEADER + RECORD_MOST > wire_message_octets(w))
        flush(w);
    struct octets *o = &w->sets[(v6 ? WITH_V6 : 0) | (texts ? WITH_NAME : 0)];
    put_ip(o, &r->src, v6);
    put_ip(o, &r->dst, v6);
    put(o, r->src_port, 2);
    put(o, r->dst_port, 2);
    put(o, r->protocol, 1);
    put(o, r->flags, 2);
    put(o, r->packets, 8);
    put(o, r->octets, 8);
    put(o, r->start_ms, 8);
    put(o, r->end_ms, 8);
    put(o, r->sampling, 4);
    w->in_message++;
    w->counts.records++;
    wire_cover(w, r->end_ms);
    return o;
}

static void put_text(struct octets *o, struct bytes text)
{
    put(o, text.len, 1);
    put_bytes(o, text.at, text.len);
}

static void put_texts(const struct wire *w, struct octets *o, const struct texts *t)
{
    if (t->any)
        put_text(o, t->name);
    if (t->any && w->options.symbols)
        put_text(o, t->application);
}

static void row(struct wire *w, const struct batch *b, size_t row_index)
{
    struct texts texts = texts_of(w, b, row_index);
    struct one_way to = wire_forward(b, row_index), back;
    bool answered = wire_reverse(b, row_index, &back);
    struct octets *o = record(w, &to, texts.any);
    if (!w->options.one_way) {
        put(o, back.packets, 8);
        put(o, back.octets, 8);
        put(o, back.flags, 2);
        put(o, biflow_direction(batch_opener(b)[row_index]), 1);
    }
    put_texts(w, o, &texts);
    if (w->options.one_way && answered)
        put_texts(w, record(w, &back, texts.any), &texts);
}

static void begin(struct wire *w)
{
    (void)w;
}

const struct wire_writer wire_ipfix = {begin, row, flush};
