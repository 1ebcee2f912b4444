/* SPDX-License-Identifier: Apache-2.0 */
/* sFlow 5 (sflow.org/sflow_version_5.txt). A flow sample is one packet out of `rate`: a record of
 * one packet, decoded from the header it carries. All numbers are 32 bits in network order. */
#include "decode/decoder.h"
#include "decode/translated.h"
#include "schema/values.h"
#include "wire/cursor.h"
#include "wire/link.h"
#include "wire/packet.h"

enum sample_format { FLOW = 1, COUNTERS = 2, FLOW_EXPANDED = 3, COUNTERS_EXPANDED = 4 };
enum record_format {
    RAW_HEADER = 1,
    SAMPLED_IPV4 = 3,
    SAMPLED_IPV6 = 4,
    EXTENDED_NAT = 1007,
    EXTENDED_NAT_PORT = 1020
};
enum { ADDRESS_V4 = 1, ADDRESS_V6 = 2, PROTOCOL_TCP = 6 };

/* header_protocol of a raw packet header, as link types. */
static const struct {
    uint32_t protocol, link;
} links[] = {
    {1, LINK_ETHERNET}, {4, LINK_FRAME_RELAY}, {7, LINK_PPP}, {11, LINK_RAW}, {12, LINK_RAW}};

static enum reason raw_header(struct cursor *c, struct packet *ret)
{
    uint32_t protocol = cursor_be32(c), frame_octets = cursor_be32(c);
    cursor_skip(c, 4); /* octets stripped from the end */
    struct bytes header = cursor_take(c, cursor_be32(c));
    if (c->failed)
        return REASON_bad_length;
    if (frame_octets < header.len)
        frame_octets = (uint32_t)header.len;
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        if (links[i].protocol == protocol)
            return packet_parse(links[i].link, header, frame_octets, ret);
    return REASON_link_type;
}

static enum reason sampled_ip(struct cursor *c, bool v6, struct packet *ret)
{
    *ret = (struct packet){.octets = cursor_be32(c)};
    ret->protocol = (uint8_t)cursor_be32(c);
    ret->src = v6 ? cursor_ip6(c) : cursor_ip4(c);
    ret->dst = v6 ? cursor_ip6(c) : cursor_ip4(c);
    ret->src_port = (uint16_t)cursor_be32(c);
    ret->dst_port = (uint16_t)cursor_be32(c);
    ret->tcp_flags = (uint8_t)cursor_be32(c);
    if (ret->protocol != PROTOCOL_TCP)
        ret->tcp_flags = 0;
    return c->failed ? REASON_bad_length : REASON_COUNT;
}

/* What the ends of the packet became. */
struct translated_packet {
    struct ip src, dst;
    uint16_t src_port, dst_port;
};

static struct ip any_address(struct cursor *c)
{
    uint32_t kind = cursor_be32(c);
    if (kind == ADDRESS_V4)
        return cursor_ip4(c);
    return kind == ADDRESS_V6 ? cursor_ip6(c) : (struct ip){0};
}

static void extended_nat(struct cursor *c, uint32_t format, struct translated_packet *nat)
{
    struct translated_packet told = *nat;
    if (format == EXTENDED_NAT) {
        told.src = any_address(c);
        told.dst = any_address(c);
    } else {
        told.src_port = (uint16_t)cursor_be32(c);
        told.dst_port = (uint16_t)cursor_be32(c);
    }
    if (!c->failed)
        *nat = told;
}

/* The packet of a flow sample: from its raw header, else from its sampled IP record. */
static enum reason sampled_packet(struct cursor *c, uint32_t records, struct packet *ret,
                                  struct translated_packet *nat)
{
    enum reason result = REASON_not_ip;
    for (uint32_t i = 0; i < records && !c->failed; i++) {
        uint32_t format = cursor_be32(c);
        struct cursor record = cursor_sub(c, cursor_be32(c));
        if (record.failed)
            return result == REASON_COUNT ? result : REASON_bad_length;
        if (format == EXTENDED_NAT || format == EXTENDED_NAT_PORT)
            extended_nat(&record, format, nat);
        else if (result == REASON_COUNT)
            continue;
        else if (format == RAW_HEADER)
            result = raw_header(&record, ret);
        else if (format == SAMPLED_IPV4 || format == SAMPLED_IPV6)
            result = sampled_ip(&record, format == SAMPLED_IPV6, ret);
    }
    return c->failed && result != REASON_COUNT ? REASON_bad_length : result;
}

static bool in_population(const struct message *m, const struct packet *p)
{
    const struct lpm *population = m->d->setting.population;
    return !population || lpm_lookup(population, &p->src) != LPM_NONE ||
           lpm_lookup(population, &p->dst) != LPM_NONE;
}

static void write_translated(struct batch *out, size_t row, const struct packet *p,
                             const struct translated_packet *nat)
{
    if (is_translated(&p->src, p->src_port, &nat->src, nat->src_port)) {
        batch_nat_src_ip(out)[row] = nat->src;
        batch_nat_src_port(out)[row] = nat->src_port;
    }
    if (is_translated(&p->dst, p->dst_port, &nat->dst, nat->dst_port)) {
        batch_nat_dst_ip(out)[row] = nat->dst;
        batch_nat_dst_port(out)[row] = nat->dst_port;
    }
}

static void write_row(struct message *m, const struct packet *p,
                      const struct translated_packet *nat, uint32_t rate)
{
    struct batch *out = m->out;
    size_t row = batch_add(out);
    batch_start_ms(out)[row] = batch_end_ms(out)[row] = m->export_ms;
    batch_src_ip(out)[row] = p->src;
    batch_dst_ip(out)[row] = p->dst;
    batch_src_port(out)[row] = p->src_port;
    batch_dst_port(out)[row] = p->dst_port;
    batch_protocol(out)[row] = p->protocol;
    batch_packets(out)[row] = 1;
    batch_octets(out)[row] = p->octets;
    batch_tcp_flags(out)[row] = p->tcp_flags;
    batch_marks(out)[row] = (uint16_t)(MARK_EXPORT_TIME | (p->fragment ? MARK_FRAGMENTS : 0));
    batch_sampling(out)[row] = rate ? rate : 1;
    batch_exporter(out)[row] = m->e->symbol;
    write_translated(out, row, p, nat);
}

static void flow_sample(struct message *m, struct cursor *c, bool expanded)
{
    uint32_t number = cursor_be32(c);
    uint64_t source = expanded ? cursor_be64(c) : cursor_be32(c);
    uint32_t rate = cursor_be32(c);
    cursor_skip(c, expanded ? 24 : 16); /* pool, drops, interfaces */
    uint32_t records = cursor_be32(c);
    struct packet p;
    struct translated_packet nat = {0};
    enum reason wrong = c->failed ? REASON_bad_length : sampled_packet(c, records, &p, &nat);
    message_records(m, 1);
    if (wrong != REASON_bad_length)
        message_sample(m, source, number);
    if (wrong == REASON_COUNT && !time_is_sane(m->export_ms))
        wrong = REASON_bad_time;
    if (wrong != REASON_COUNT) {
        message_reject(m, wrong, 1);
    } else if (!in_population(m, &p)) {
        tally_outside(m->tally, 1);
    } else {
        write_row(m, &p, &nat, rate);
        message_sampling(m, rate ? rate : 1);
        tally_keep(m->tally, 1);
    }
}

static void one_sample(struct message *m, uint32_t format, struct cursor *c)
{
    if (format == FLOW || format == FLOW_EXPANDED)
        flow_sample(m, c, format == FLOW_EXPANDED);
    else
        message_reject(m, REASON_not_a_flow, 1); /* counters, and what vendors add */
}

static bool read_agent(struct cursor *c)
{
    uint32_t kind = cursor_be32(c);
    cursor_skip(c, kind == ADDRESS_V6 ? 16 : 4);
    return kind == ADDRESS_V4 || kind == ADDRESS_V6;
}

struct bytes sflow_decode(struct message *m, struct bytes in)
{
    struct cursor c = cursor_of(in);
    cursor_skip(&c, 4); /* version */
    bool agent = read_agent(&c);
    m->key.version = SFLOW_KEY;
    m->key.domain = cursor_be32(&c); /* sub-agent */
    cursor_skip(&c, 4);              /* the datagram's number: the samples have their own */
    m->uptime_ms = cursor_be32(&c);
    m->has_uptime = true;
    uint32_t samples = cursor_be32(&c);
    if (c.failed || !agent) {
        message_reject(m, c.failed ? REASON_truncated : REASON_bad_field, 1);
        return bytes_of(in.at, 0);
    }
    m->e = exporter_at(m->d->exporters, &m->key);
    message_good(m);
    message_uptime(m);
    for (uint32_t i = 0; i < samples; i++) {
        uint32_t format = cursor_be32(&c);
        struct cursor sample = cursor_sub(&c, cursor_be32(&c));
        if (c.failed || sample.failed) { /* a part of no octets fits even behind the end */
            message_reject(m, REASON_truncated, 1);
            break;
        }
        one_sample(m, format, &sample);
    }
    return bytes_of(in.at, 0);
}

/* The chain of samples ends where the datagram does. */
bool sflow_guess(struct bytes in)
{
    struct cursor c = cursor_of(in);
    if (cursor_be32(&c) != SFLOW_VERSION || !read_agent(&c))
        return false;
    cursor_skip(&c, 12);
    uint32_t samples = cursor_be32(&c);
    if (c.failed || samples == 0 || samples > in.len / 8)
        return false;
    for (uint32_t i = 0; i < samples; i++) {
        cursor_skip(&c, 4);
        cursor_skip(&c, cursor_be32(&c));
    }
    return !c.failed && cursor_left(&c) < 4;
}
