/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/records.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "decode/decoder.h"
#include "decode/nested.h"
#include "decode/sampling.h"
#include "decode/texts.h"
#include "decode/times.h"
#include "decode/translated.h"
#include "schema/values.h"
#include "wire/cursor.h"
#include "wire/link.h"
#include "wire/packet.h"

enum {
    BASES_MAX = 16 * RECORDS_AT_ONCE, /* templates with more variable values go in smaller chunks */
    BASES_LIMIT = 65536,              /* what one message can hold */
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_ICMP6 = 58,
};

struct records {
    const uint8_t **bases; /* [base * stride + record] */
    size_t bases_room, stride, bases_used;
    uint16_t pick[RECORDS_AT_ONCE];
    struct ip ips[2 * RECORDS_AT_ONCE]; /* source, destination, source, ... */
    uint32_t found[2 * RECORDS_AT_ONCE];
    uint64_t value[RECORDS_AT_ONCE];
    uint8_t protocol[RECORDS_AT_ONCE];
    struct times times;
    struct packet *packets; /* of frame sections, made at first use */
};

struct records *records_new(void)
{
    struct records *r = memory_alloc(sizeof *r);
    r->bases_room = BASES_MAX;
    r->bases = memory_array(r->bases_room, sizeof *r->bases);
    r->packets = memory_array(RECORDS_AT_ONCE, sizeof *r->packets);
    return r;
}

void records_free(struct records *r)
{
    if (!r)
        return;
    free(r->bases);
    free(r->packets);
    free(r);
}

/* ---- finding records ---- */

static size_t find_fixed(struct records *r, const struct template *t, struct bytes *data)
{
    size_t count = data->len / t->least;
    if (count > RECORDS_AT_ONCE)
        count = RECORDS_AT_ONCE;
    const uint8_t *at = data->at;
    for (size_t i = 0; i < count; i++, at += t->least)
        r->bases[i] = at;
    *data = bytes_of(at, data->len - count * t->least);
    return count;
}

/* Length of the variable-length value at `c`, which is then skipped (RFC 7011 section 7). */
static void skip_variable(struct cursor *c)
{
    size_t len = cursor_u8(c);
    if (len == 255)
        len = cursor_be16(c);
    cursor_skip(c, len);
}

static size_t find_variable(struct records *r, const struct template *t, struct bytes *data,
                            bool *ret_broken)
{
    const uint16_t *gaps = template_gaps(t);
    size_t room = r->bases_room / (t->variables + 1u), count = 0;
    r->stride = room < RECORDS_AT_ONCE ? room : RECORDS_AT_ONCE;
    while (count < r->stride && data->len >= t->least) {
        struct cursor c = cursor_of(*data);
        r->bases[count] = c.at;
        for (size_t k = 0; k < t->variables; k++) {
            cursor_skip(&c, gaps[k]);
            skip_variable(&c);
            r->bases[(k + 1) * r->stride + count] = c.at;
        }
        cursor_skip(&c, gaps[t->variables]);
        if (c.failed) {
            *ret_broken = true;
            *data = bytes_of(data->at, 0);
            break;
        }
        *data = cursor_rest(&c);
        count++;
    }
    return count;
}

size_t records_find(struct records *r, const struct template *t, struct bytes *data,
                    bool *ret_broken)
{
    r->stride = RECORDS_AT_ONCE;
    r->bases_used = t->variables + 1u;
    if (t->variables == 0)
        return find_fixed(r, t, data);
    if (r->bases_used > r->bases_room) { /* once a decoder, for an odd template */
        r->bases_room = BASES_LIMIT;
        r->bases = memory_resize(r->bases, r->bases_room, sizeof *r->bases);
    }
    return find_variable(r, t, data, ret_broken);
}

/* ---- reading values ---- */

static uint64_t number_of(const uint8_t *at, size_t width)
{
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++)
        value = value << 8 | at[i];
    return value;
}

static struct bytes variable_of(const uint8_t *at)
{
    if (at[0] < 255)
        return bytes_of(at + 1, at[0]);
    return bytes_of(at + 3, octets_be16(at + 1));
}

static inline const uint8_t *place(const struct records *r, const struct step *s, size_t i)
{
    return r->bases[s->base * r->stride + i] + s->offset;
}

uint64_t records_number(const struct records *r, const struct step *s, size_t i)
{
    const uint8_t *at = place(r, s, i);
    if (s->width)
        return number_of(at, s->width);
    struct bytes b = variable_of(at);
    return b.len <= 8 ? number_of(b.at, b.len) : 0;
}

struct bytes records_text(const struct records *r, const struct step *s, size_t i)
{
    const uint8_t *at = place(r, s, i);
    return s->text_width ? bytes_of(at, s->text_width) : variable_of(at);
}

/* One value of `count` records into `to`, as one plain loop for each usual width. */
static void load(const struct records *r, const struct step *s, size_t count, uint64_t *to)
{
    const uint8_t *const *at = r->bases + s->base * r->stride;
    const size_t offset = s->offset;
    switch (s->width) {
    case 1:
        for (size_t i = 0; i < count; i++)
            to[i] = at[i][offset];
        break;
    case 2:
        for (size_t i = 0; i < count; i++)
            to[i] = octets_be16(at[i] + offset);
        break;
    case 4:
        for (size_t i = 0; i < count; i++)
            to[i] = octets_be32(at[i] + offset);
        break;
    case 8:
        for (size_t i = 0; i < count; i++)
            to[i] = octets_be64(at[i] + offset);
        break;
    default:
        for (size_t i = 0; i < count; i++)
            to[i] = records_number(r, s, i);
    }
}

/* ---- addresses and population ---- */

static void load_v4(const struct records *r, const struct step *s, size_t count, struct ip *to)
{
    const uint8_t *const *at = r->bases + s->base * r->stride;
    const size_t offset = s->offset;
    for (size_t i = 0; i < count; i++)
        to[2 * i] = ip_from_v4(at[i] + offset);
}

static void load_v6(const struct records *r, const struct step *s, size_t count, struct ip *to)
{
    const uint8_t *const *at = r->bases + s->base * r->stride;
    const size_t offset = s->offset;
    for (size_t i = 0; i < count; i++)
        memcpy(to[2 * i].octet, at[i] + offset, IP_OCTETS);
}

/* Templates with both families have a field of the other family empty, or they describe a tunnel,
 * whose inner packet's elements come last. */
static void load_both(const struct records *r, const struct template *t, size_t count,
                      struct ip *to)
{
    static const struct ip zero;
    const struct ip empty = t->ip6_last ? zero : ip_from_v4(zero.octet);
    if (t->ip6_last) {
        load_v6(r, template_step(t, IE_SRC_V6), count, to);
        load_v6(r, template_step(t, IE_DST_V6), count, to + 1);
    } else {
        load_v4(r, template_step(t, IE_SRC_V4), count, to);
        load_v4(r, template_step(t, IE_DST_V4), count, to + 1);
    }
    for (size_t i = 0; i < count; i++) {
        if (!ip_equal(&to[2 * i], &empty) || !ip_equal(&to[2 * i + 1], &empty))
            continue;
        if (t->ip6_last) {
            to[2 * i] = ip_from_v4(place(r, template_step(t, IE_SRC_V4), i));
            to[2 * i + 1] = ip_from_v4(place(r, template_step(t, IE_DST_V4), i));
        } else {
            memcpy(to[2 * i].octet, place(r, template_step(t, IE_SRC_V6), i), IP_OCTETS);
            memcpy(to[2 * i + 1].octet, place(r, template_step(t, IE_DST_V6), i), IP_OCTETS);
        }
    }
}

static bool has_v4(const struct template *t)
{
    return t->step_of[IE_SRC_V4] && t->step_of[IE_DST_V4];
}

static bool has_v6(const struct template *t)
{
    return t->step_of[IE_SRC_V6] && t->step_of[IE_DST_V6];
}

/* Records that carry the packet itself (RFC 5477) instead of its fields. */
static bool from_packet(const struct template *t)
{
    return !has_v4(t) && !has_v6(t) && t->step_of[IE_FRAME];
}

/* Keeps of `count` records those whose index stands in pick[0 .. kept). */
static void keep(struct records *r, size_t kept)
{
    for (size_t b = 0; b < r->bases_used; b++) {
        const uint8_t **at = r->bases + b * r->stride;
        for (size_t i = 0; i < kept; i++)
            at[i] = at[r->pick[i]];
    }
    for (size_t i = 0; i < kept; i++) {
        size_t from = r->pick[i];
        r->ips[2 * i] = r->ips[2 * from];
        r->ips[2 * i + 1] = r->ips[2 * from + 1];
    }
}

/* Reads the packet sections; those that hold no IP packet are rejected. */
static size_t load_packets(struct message *m, struct records *r, const struct template *t,
                           size_t count)
{
    const struct step *frame = template_step(t, IE_FRAME),
                      *size = template_step(t, IE_FRAME_OCTETS);
    uint32_t link = frame->form == FORM_PACKET ? LINK_RAW : LINK_ETHERNET;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        struct bytes octets = records_text(r, frame, i);
        uint64_t original = size ? records_number(r, size, i) : octets.len;
        if (original < octets.len || original > UINT32_MAX)
            original = octets.len;
        struct packet *p = &r->packets[kept];
        enum reason wrong = packet_parse(link, octets, (uint32_t)original, p);
        if (wrong != REASON_COUNT) {
            message_reject(m, wrong, 1);
            continue;
        }
        r->pick[kept] = (uint16_t)i;
        r->ips[2 * kept] = p->src;
        r->ips[2 * kept + 1] = p->dst;
        kept++;
    }
    for (size_t b = 0; b < r->bases_used; b++)
        for (size_t i = 0; i < kept; i++)
            r->bases[b * r->stride + i] = r->bases[b * r->stride + r->pick[i]];
    return kept;
}

static size_t load_addresses(struct message *m, struct records *r, const struct template *t,
                             size_t count)
{
    if (from_packet(t))
        return load_packets(m, r, t, count);
    if (has_v4(t) && has_v6(t)) {
        load_both(r, t, count, r->ips);
    } else if (has_v4(t)) {
        load_v4(r, template_step(t, IE_SRC_V4), count, r->ips);
        load_v4(r, template_step(t, IE_DST_V4), count, r->ips + 1);
    } else {
        load_v6(r, template_step(t, IE_SRC_V6), count, r->ips);
        load_v6(r, template_step(t, IE_DST_V6), count, r->ips + 1);
    }
    return count;
}

/* Drops records with neither end in the population. */
static size_t keep_population(struct message *m, struct records *r, const struct template *t,
                              size_t count)
{
    const struct lpm *population = m->d->setting.population;
    if (!population)
        return count;
    lpm_lookup_many(population, r->ips, 2 * count, r->found);
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        r->pick[kept] = (uint16_t)i;
        kept += r->found[2 * i] != LPM_NONE || r->found[2 * i + 1] != LPM_NONE;
    }
    if (kept == count)
        return count;
    tally_outside(m->tally, count - kept);
    if (from_packet(t))
        for (size_t i = 0; i < kept; i++)
            r->packets[i] = r->packets[r->pick[i]];
    keep(r, kept);
    return kept;
}

/* ---- events ---- */

static uint64_t number_or_zero(const struct records *r, const struct template *t,
                               enum ie_target target, size_t i)
{
    const struct step *s = template_step(t, target);
    return s ? records_number(r, s, i) : 0;
}

static bool counts_nothing(const struct records *r, const struct template *t, size_t i)
{
    return !number_or_zero(r, t, IE_OCTETS, i) && !number_or_zero(r, t, IE_PACKETS, i) &&
           !number_or_zero(r, t, IE_REVERSE_OCTETS, i) &&
           !number_or_zero(r, t, IE_REVERSE_PACKETS, i);
}

static bool has_counters(const struct template *t)
{
    return t->step_of[IE_OCTETS] || t->step_of[IE_PACKETS] || t->step_of[IE_REVERSE_OCTETS] ||
           t->step_of[IE_REVERSE_PACKETS];
}

/* Firewalls (NSEL) tell one conversation several times: created (1), denied (3), alert (4), each
 * without counters, then updated (5) and deleted (2) with them; the latter are the flow. Address
 * translators (RFC 8158) count nothing: a session's creation (1, 4, 6) stands for it. */
static bool is_conversation(const struct records *r, const struct template *t, size_t i)
{
    uint64_t firewall = number_or_zero(r, t, IE_FIREWALL_EVENT, i);
    if ((firewall == 1 || firewall == 3 || firewall == 4) && counts_nothing(r, t, i))
        return false;
    if (has_counters(t))
        return true;
    uint64_t nat = number_or_zero(r, t, IE_NAT_EVENT, i);
    return nat == 1 || nat == 4 || nat == 6;
}

static size_t keep_conversations(struct message *m, struct records *r, const struct template *t,
                                 size_t count)
{
    bool events = t->step_of[IE_FIREWALL_EVENT] || (t->step_of[IE_NAT_EVENT] && !has_counters(t));
    if (!events || from_packet(t))
        return count;
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        r->pick[kept] = (uint16_t)i;
        kept += is_conversation(r, t, i);
    }
    if (kept == count)
        return count;
    message_reject(m, REASON_not_a_flow, count - kept);
    keep(r, kept);
    return kept;
}

/* ---- times ---- */

/* When the exporter's uptime was 0, as its options told or those of its kin. */
static uint64_t init_of(const struct message *m)
{
    if (m->e->init_ms || m->has_uptime)
        return m->e->init_ms;
    const struct exporter *kin = exporter_kin(m->d->exporters, m->e, NULL);
    return kin ? kin->init_ms : 0;
}

static void load_times(struct records *r, const struct template *t, size_t count,
                       const struct time_base *base)
{
    const struct step *start = template_step(t, IE_START), *end = template_step(t, IE_END);
    const struct step *duration = template_step(t, IE_DURATION);
    const struct step *init = template_step(t, IE_INIT_TIME);
    struct times *times = &r->times;
    times->has_init = init != NULL;
    if (init)
        load(r, init, count, times->init_ms);
    if (start)
        load(r, start, count, times->start_ms);
    else
        memset(times->start_ms, 0, count * sizeof times->start_ms[0]);
    if (end)
        load(r, end, count, times->end_ms);
    else
        memset(times->end_ms, 0, count * sizeof times->end_ms[0]);
    times_convert(times, count, start ? (int)start->form : -1, end ? (int)end->form : -1, base);
    if (duration && start && !end) {
        load(r, duration, count, r->value);
        times_add(times, r->value, count, (enum ie_form)duration->form);
    }
}

static size_t keep_timely(struct message *m, struct records *r, const struct template *t,
                          size_t count)
{
    struct time_base base = {.export_ms = m->export_ms,
                             .uptime_ms = m->uptime_ms,
                             .has_uptime = m->has_uptime,
                             .init_ms = init_of(m)};
    load_times(r, t, count, &base);
    size_t kept = times_settle(&r->times, count, &base, r->pick);
    if (kept < count) {
        message_reject(m, REASON_bad_time, count - kept);
        if (from_packet(t))
            for (size_t i = 0; i < kept; i++)
                r->packets[i] = r->packets[r->pick[i]];
        keep(r, kept);
    }
    return kept;
}

/* ---- rows ---- */

#define COLUMN(r, t, target, count, column)                                                        \
    do {                                                                                           \
        const struct step *column_step = template_step(t, target);                                 \
        if (column_step) {                                                                         \
            load(r, column_step, count, (r)->value);                                               \
            for (size_t column_i = 0; column_i < (count); column_i++)                              \
                (column)[column_i] = (__typeof__((column)[0]))(r)->value[column_i];                \
        }                                                                                          \
    } while (0)

/* ICMP has no ports: type and code stand in the destination's. Exporters give them in elements of
 * their own, or there already. The combined element of zero says nothing beside a port that is not.
 */
static uint16_t icmp_port(const struct records *r, const struct template *t, size_t i, bool v6,
                          uint16_t port)
{
    enum ie_target type = v6 ? IE_ICMP_TYPE_V6 : IE_ICMP_TYPE_V4;
    enum ie_target code = v6 ? IE_ICMP_CODE_V6 : IE_ICMP_CODE_V4;
    if (t->step_of[type])
        return (uint16_t)(number_or_zero(r, t, type, i) << 8 | number_or_zero(r, t, code, i));
    uint64_t both = number_or_zero(r, t, v6 ? IE_ICMP_V6 : IE_ICMP_V4, i);
    if (!both && v6) /* some give ICMPv6 in the element of ICMPv4 */
        both = number_or_zero(r, t, IE_ICMP_V4, i);
    return both ? (uint16_t)both : port;
}

static void write_icmp(struct records *r, const struct template *t, size_t count, struct batch *out,
                       size_t row)
{
    uint16_t *src_port = batch_src_port(out) + row, *dst_port = batch_dst_port(out) + row;
    for (size_t i = 0; i < count; i++) {
        bool v6 = r->protocol[i] == PROTOCOL_ICMP6;
        if (!v6 && r->protocol[i] != PROTOCOL_ICMP)
            continue;
        dst_port[i] = icmp_port(r, t, i, v6, dst_port[i]);
        src_port[i] = 0;
    }
}

static void or_flags(struct records *r, const struct template *t, enum ie_target target,
                     size_t count, uint8_t *to)
{
    unsigned first = t->step_of[target];
    for (size_t k = first ? first - 1 : t->step_count; k < t->step_count; k++) {
        if (t->steps[k].target != target)
            continue;
        load(r, &t->steps[k], count, r->value);
        for (size_t i = 0; i < count; i++)
            if (r->protocol[i] == PROTOCOL_TCP)
                to[i] |= (uint8_t)r->value[i];
    }
}

static void write_transport(struct records *r, const struct template *t, size_t count,
                            struct batch *out, size_t row)
{
    memset(r->protocol, 0, count);
    COLUMN(r, t, IE_PROTOCOL, count, r->protocol);
    memcpy(batch_protocol(out) + row, r->protocol, count);
    COLUMN(r, t, IE_SRC_PORT, count, batch_src_port(out) + row);
    COLUMN(r, t, IE_DST_PORT, count, batch_dst_port(out) + row);
    bool icmp = false;
    for (size_t i = 0; i < count; i++)
        icmp |= r->protocol[i] == PROTOCOL_ICMP || r->protocol[i] == PROTOCOL_ICMP6;
    if (icmp)
        write_icmp(r, t, count, out, row);
    or_flags(r, t, IE_FLAGS, count, batch_tcp_flags(out) + row);
    or_flags(r, t, IE_REVERSE_FLAGS, count, batch_reverse_tcp_flags(out) + row);
}

/* Who opened it, where the record has both directions (RFC 5103 section 6.3: 1 the source did, 2
 * the destination; without the element the meter puts the one seen first in the source). */
static void write_directions(struct records *r, const struct template *t, size_t count,
                             struct batch *out, size_t row)
{
    uint16_t *marks = batch_marks(out) + row;
    uint8_t *opener = batch_opener(out) + row;
    const struct step *direction = template_step(t, IE_BIFLOW_DIRECTION);
    for (size_t i = 0; i < count; i++) {
        bool reverse = batch_reverse_packets(out)[row + i] || batch_reverse_octets(out)[row + i];
        if (t->reverse == REVERSE_POST && !reverse)
            continue;
        marks[i] |= MARK_BIFLOW;
        opener[i] = t->reverse == REVERSE_INITIATOR ? OPENER_SOURCE : OPENER_SOURCE_GUESS;
        uint64_t says = direction ? records_number(r, direction, i) : 0;
        if (says == 1 || says == 2)
            opener[i] = says == 1 ? OPENER_SOURCE : OPENER_DESTINATION;
    }
}

static void write_packets(struct records *r, const struct template *t, size_t count,
                          struct batch *out, size_t row)
{
    for (size_t i = 0; i < count; i++) {
        const struct packet *p = &r->packets[i];
        batch_src_port(out)[row + i] = p->src_port;
        batch_dst_port(out)[row + i] = p->dst_port;
        batch_protocol(out)[row + i] = p->protocol;
        batch_tcp_flags(out)[row + i] = p->tcp_flags;
        if (p->fragment)
            batch_marks(out)[row + i] |= MARK_FRAGMENTS;
        if (!t->step_of[IE_PACKETS])
            batch_packets(out)[row + i] = 1;
        if (!t->step_of[IE_OCTETS])
            batch_octets(out)[row + i] = p->octets;
    }
}

/* What one end became: its elements, and the columns of the end itself. */
struct translation {
    const struct step *v4, *v6, *port;
    const struct ip *ip_before;
    const uint16_t *port_before;
    struct ip *ip;
    uint16_t *port_after;
};

static struct ip translated_ip(const struct records *r, const struct translation *n, size_t i)
{
    static const uint8_t none[IP_OCTETS];
    struct ip ip = {0};
    if (n->v6)
        memcpy(ip.octet, place(r, n->v6, i), IP_OCTETS);
    if (n->v4 && memcmp(ip.octet, none, IP_OCTETS) == 0 && memcmp(place(r, n->v4, i), none, 4) != 0)
        ip = ip_from_v4(place(r, n->v4, i));
    return ip;
}

static void write_translation(struct records *r, const struct translation *n, size_t count)
{
    if (!n->v4 && !n->v6 && !n->port)
        return;
    for (size_t i = 0; i < count; i++) {
        struct ip ip = translated_ip(r, n, i);
        bool icmp = r->protocol[i] == PROTOCOL_ICMP || r->protocol[i] == PROTOCOL_ICMP6;
        uint16_t port = n->port && !icmp ? (uint16_t)records_number(r, n->port, i) : 0;
        if (!is_translated(&n->ip_before[i], n->port_before[i], &ip, port))
            continue;
        n->ip[i] = ip;
        n->port_after[i] = port;
    }
}

static void write_translations(struct records *r, const struct template *t, size_t count,
                               struct batch *out, size_t row)
{
    const struct translation src = {.v4 = template_step(t, IE_NAT_SRC_V4),
                                    .v6 = template_step(t, IE_NAT_SRC_V6),
                                    .port = template_step(t, IE_NAT_SRC_PORT),
                                    .ip_before = batch_src_ip(out) + row,
                                    .port_before = batch_src_port(out) + row,
                                    .ip = batch_nat_src_ip(out) + row,
                                    .port_after = batch_nat_src_port(out) + row};
    const struct translation dst = {.v4 = template_step(t, IE_NAT_DST_V4),
                                    .v6 = template_step(t, IE_NAT_DST_V6),
                                    .port = template_step(t, IE_NAT_DST_PORT),
                                    .ip_before = batch_dst_ip(out) + row,
                                    .port_before = batch_dst_port(out) + row,
                                    .ip = batch_nat_dst_ip(out) + row,
                                    .port_after = batch_nat_dst_port(out) + row};
    write_translation(r, &src, count);
    write_translation(r, &dst, count);
}

static void write_rows(struct message *m, struct records *r, const struct template *t, size_t count)
{
    struct batch *out = m->out;
    size_t row = batch_add_rows(out, count);
    memcpy(batch_start_ms(out) + row, r->times.start_ms, count * sizeof(uint64_t));
    memcpy(batch_end_ms(out) + row, r->times.end_ms, count * sizeof(uint64_t));
    memcpy(batch_marks(out) + row, r->times.marks, count * sizeof(uint16_t));
    struct ip *src = batch_src_ip(out) + row, *dst = batch_dst_ip(out) + row;
    for (size_t i = 0; i < count; i++) {
        src[i] = r->ips[2 * i];
        dst[i] = r->ips[2 * i + 1];
    }
    COLUMN(r, t, IE_PACKETS, count, batch_packets(out) + row);
    COLUMN(r, t, IE_OCTETS, count, batch_octets(out) + row);
    COLUMN(r, t, IE_REVERSE_PACKETS, count, batch_reverse_packets(out) + row);
    COLUMN(r, t, IE_REVERSE_OCTETS, count, batch_reverse_octets(out) + row);
    if (from_packet(t)) {
        write_packets(r, t, count, out, row);
    } else {
        write_transport(r, t, count, out, row);
        write_translations(r, t, count, out, row);
    }
    if (t->reverse != REVERSE_NONE)
        write_directions(r, t, count, out, row);
    sampling_write(m, r, t, count, row);
    texts_write(m, r, t, count, row);
    nested_write(m, r, t, count, row);
    uint32_t *exporter = batch_exporter(out) + row;
    for (size_t i = 0; i < count; i++)
        exporter[i] = m->e->symbol;
}

size_t records_decode(struct message *m, const struct template *t, struct bytes data,
                      bool *ret_broken)
{
    struct records *r = m->d->records;
    size_t total = 0, count;
    while ((count = records_find(r, t, &data, ret_broken)) > 0) {
        total += count;
        if (t->verdict != REASON_COUNT) {
            message_reject(m, (enum reason)t->verdict, count);
            continue;
        }
        count = load_addresses(m, r, t, count);
        count = keep_population(m, r, t, count);
        count = keep_conversations(m, r, t, count);
        if (count)
            count = keep_timely(m, r, t, count);
        if (!count)
            continue;
        write_rows(m, r, t, count);
        tally_keep(m->tally, count);
    }
    if (*ret_broken)
        message_reject(m, REASON_bad_length, 1);
    message_records(m, total + *ret_broken);
    return total;
}
