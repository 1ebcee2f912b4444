/* SPDX-License-Identifier: Apache-2.0 */
#include "meter/meter.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"
#include "meter/cache.h"
#include "meter/dns.h"
#include "meter/inspect.h"
#include "meter/syn.h"
#include "schema/values.h"
#include "wire/fragments.h"

enum {
    ICMP = 1,
    TCP = 6,
    UDP = 17,
    ICMP6 = 58,
    FIN = 1,
    SYN = 2,
    RST = 4,
    ACK = 16,
    DNS_PORT = 53,
    IDLE_LOOKS = 32, /* flows tested for their end, per packet */
    PROBES_MIN = 64,
    PROBES_MAX = 32768,
    BUFFERS_MAX = 2048,
    FRAGMENTS_MAX = 8192,
};

const struct meter_setting meter_setting_default = {
    .flows_max = 1u << 20,
    .idle_ms = 60000,
    .active_ms = 1800000,
    .inspect_packets = 24,
    .payload = true,
};

struct meter {
    struct meter_setting setting;
    struct cache *cache;
    struct inspect *inspect; /* NULL: headers only */
    struct fragments *fragments;
    uint32_t exporter;
    uint64_t packets, flows_cut;
};

static size_t clamp(size_t value, size_t low, size_t high)
{
    return value < low ? low : value > high ? high : value;
}

struct meter *meter_new(const struct meter_setting *setting)
{
    static const char exporter[] = "capture";
    struct meter *m = memory_alloc(sizeof *m);
    m->setting = *setting;
    m->cache = cache_new(setting->flows_max, setting->idle_ms);
    m->fragments = fragments_new(FRAGMENTS_MAX);
    m->exporter = symbols_code(setting->symbols, SYMBOL_EXPORTER, exporter, sizeof exporter - 1);
    if (setting->payload && setting->inspect_packets) {
        size_t probes = clamp(setting->flows_max / 8, PROBES_MIN, PROBES_MAX);
        m->inspect = inspect_new(&(struct inspect_setting){
            .packets =
                setting->inspect_packets < UINT16_MAX ? setting->inspect_packets : UINT16_MAX,
            .probes_max = probes,
            .buffers_max = clamp(probes / 8, PROBES_MIN, BUFFERS_MAX),
            .cache = m->cache,
            .symbols = setting->symbols,
        });
    }
    return m;
}

void meter_free(struct meter *m)
{
    if (!m)
        return;
    inspect_free(m->inspect);
    fragments_free(m->fragments);
    cache_free(m->cache);
    free(m);
}

void meter_count(const struct meter *m, struct meter_counts *ret)
{
    static const struct inspect_counts none;
    const struct inspect_counts *c = m->inspect ? inspect_counts(m->inspect) : &none;
    *ret = (struct meter_counts){
        .packets = m->packets,
        .looked = c->looked,
        .flows_cut = m->flows_cut,
        .probes_cut = c->probes_cut,
        .buffers_cut = c->buffers_cut,
        .flows = cache_count(m->cache),
    };
}

/* --- Rows --- */

static bool is_icmp(uint8_t protocol)
{
    return protocol == ICMP || protocol == ICMP6;
}

static void write_told(const struct told *t, size_t row, struct batch *out)
{
    batch_platform(out)[row] = t->platform[0];
    batch_reverse_platform(out)[row] = t->platform[1];
    batch_platform_basis(out)[row] = t->platform_basis[0];
    batch_reverse_platform_basis(out)[row] = t->platform_basis[1];
    batch_fingerprint(out)[row] = t->fingerprint;
    batch_tls_version(out)[row] = t->tls_version;
    batch_tls_faults(out)[row] = t->tls_faults;
}

static void write_row(struct meter *m, uint32_t index, struct batch *out)
{
    const struct flow *f = cache_at(m->cache, index);
    size_t row = batch_add(out);
    batch_start_ms(out)[row] = f->start_ms;
    batch_end_ms(out)[row] = f->end_ms;
    batch_src_ip(out)[row] = f->key.ip[0];
    batch_dst_ip(out)[row] = f->key.ip[1];
    batch_src_port(out)[row] = is_icmp(f->key.protocol) ? 0 : f->key.port[0];
    batch_dst_port(out)[row] = is_icmp(f->key.protocol) ? (uint16_t)f->isn : f->key.port[1];
    batch_protocol(out)[row] = f->key.protocol;
    batch_packets(out)[row] = f->packets[0];
    batch_octets(out)[row] = f->octets[0];
    batch_reverse_packets(out)[row] = f->packets[1];
    batch_reverse_octets(out)[row] = f->octets[1];
    batch_tcp_flags(out)[row] = f->flags[0];
    batch_reverse_tcp_flags(out)[row] = f->flags[1];
    batch_opener(out)[row] = f->opener;
    batch_marks(out)[row] = (uint16_t)(f->marks | MARK_BIFLOW);
    batch_application(out)[row] = f->application;
    batch_exporter(out)[row] = m->exporter;
    batch_sampling(out)[row] = 1;
    if (f->state & FLOW_TOLD)
        write_told(cache_told(m->cache, index), row, out);
    if (f->name_kind) {
        const struct name *name = cache_name(m->cache, index);
        batch_name_kind(out)[row] = f->name_kind;
        batch_set_text(out, FIELD_server_name, row, name->text, name->len);
    }
}

static void end_flow(struct meter *m, uint32_t index, struct batch *out)
{
    if (m->inspect)
        inspect_end(m->inspect, index);
    write_row(m, index, out);
    cache_remove(m->cache, index);
}

/* The active timeout: what was counted so far is a record, and counting begins anew. */
static void cut_flow(struct meter *m, uint32_t index, uint64_t time_ms, struct batch *out)
{
    if (m->inspect)
        inspect_note(m->inspect, index);
    write_row(m, index, out);
    struct flow *f = cache_at(m->cache, index);
    f->start_ms = f->end_ms = time_ms;
    for (int i = 0; i < 2; i++)
        f->packets[i] = f->octets[i] = f->flags[i] = 0;
    f->marks = (uint16_t)((f->marks & (MARK_QUIC | MARK_NAME_CONFLICT)) | MARK_CONTINUED);
}

/* --- Packets --- */

/* An answer belongs to its question: the type of the question stands for both in the key
 * (RFC 792, RFC 950, RFC 4443, RFC 4861). True when this type is an answer. */
static bool icmp_question(uint8_t protocol, uint16_t *type_code)
{
    static const uint8_t v4[][2] = {{0, 8}, {14, 13}, {16, 15}, {18, 17}};
    static const uint8_t v6[][2] = {{129, 128}, {134, 133}, {136, 135}};
    const uint8_t(*pairs)[2] = protocol == ICMP ? v4 : v6;
    size_t count = protocol == ICMP ? sizeof v4 / sizeof *v4 : sizeof v6 / sizeof *v6;
    for (size_t i = 0; i < count; i++)
        if (*type_code >> 8 == pairs[i][0]) {
            *type_code = (uint16_t)(pairs[i][1] << 8 | (*type_code & 0xff));
            return true;
        }
    return false;
}

static struct flow_key key_of(const struct packet *p)
{
    struct flow_key key = {
        .ip = {p->src, p->dst}, .port = {p->src_port, p->dst_port}, .protocol = p->protocol};
    if (is_icmp(p->protocol)) {
        icmp_question(p->protocol, &key.port[1]);
        key.port[0] = key.port[1];
    }
    return key;
}

static uint8_t opener_of(const struct packet *p)
{
    if (p->protocol == TCP && (p->tcp_flags & SYN))
        return p->tcp_flags & ACK ? OPENER_DESTINATION : OPENER_SOURCE;
    uint16_t type_code = p->dst_port;
    if (is_icmp(p->protocol) && icmp_question(p->protocol, &type_code))
        return OPENER_DESTINATION_GUESS;
    return OPENER_SOURCE_GUESS;
}

/* A SYN that is not the one which opened the conversation, after its end was announced. */
static bool opens_again(const struct flow *f, const struct packet *p)
{
    return p->protocol == TCP && (p->tcp_flags & (SYN | ACK)) == SYN && (f->state & FLOW_CLOSED) &&
           (f->opener != OPENER_SOURCE || f->isn != p->tcp_seq);
}

/* Noted beside the conversation, which is zero there until something is told. */
static void tell_syn(struct meter *m, uint32_t index, const struct packet *p)
{
    struct flow *f = cache_at(m->cache, index);
    enum platform platform = syn_platform(p->l3);
    if (platform == PLATFORM_UNKNOWN)
        return;
    struct told *told = cache_told(m->cache, index);
    *told = (struct told){0};
    f->state |= FLOW_TOLD;
    tell_platform(told, 0, platform, PLATFORM_BASIS_TCP);
}

static uint32_t begin_flow(struct meter *m, const struct flow_key *key, uint32_t hash,
                           uint64_t time_ms, const struct packet *p, struct batch *out)
{
    uint32_t index = cache_add(m->cache, key, hash, time_ms);
    if (!index) {
        end_flow(m, cache_oldest(m->cache), out);
        m->flows_cut++;
        index = cache_add(m->cache, key, hash, time_ms);
    }
    struct flow *f = cache_at(m->cache, index);
    f->opener = opener_of(p);
    f->isn = is_icmp(p->protocol) ? p->dst_port : p->tcp_seq;
    if (p->protocol == TCP && (p->tcp_flags & (SYN | ACK)) == SYN)
        tell_syn(m, index, p);
    return index;
}

static uint32_t flow_of(struct meter *m, const struct packet *p, uint64_t time_ms,
                        unsigned *direction, struct batch *out)
{
    struct flow_key key = key_of(p);
    uint32_t hash = cache_hash(m->cache, &key);
    uint32_t index = cache_find(m->cache, &key, hash, direction);
    if (index) {
        const struct flow *f = cache_at(m->cache, index);
        if (!cache_is_over(m->cache, f, time_ms) && !opens_again(f, p)) {
            if (time_ms > f->start_ms && time_ms - f->start_ms >= m->setting.active_ms)
                cut_flow(m, index, time_ms, out);
            return index;
        }
        end_flow(m, index, out);
    }
    *direction = 0;
    return begin_flow(m, &key, hash, time_ms, p, out);
}

static void count_packet(struct flow *f, const struct packet *p, unsigned direction,
                         uint64_t time_ms)
{
    f->packets[direction]++;
    f->octets[direction] += p->octets;
    f->flags[direction] |= p->tcp_flags;
    if (time_ms > f->end_ms)
        f->end_ms = time_ms;
    if (time_ms < f->start_ms)
        f->start_ms = time_ms;
    if (p->tcp_flags & (FIN | RST))
        f->state |= FLOW_CLOSED;
    if (p->fragment)
        f->marks |= MARK_FRAGMENTS;
    if (p->snapped)
        f->marks |= MARK_SNAPPED;
    /* The handshake came after packets that overtook it. */
    if ((p->tcp_flags & SYN) && f->opener == OPENER_SOURCE_GUESS) {
        bool by_source = (direction == 0) == !(p->tcp_flags & ACK);
        f->opener = by_source ? OPENER_SOURCE : OPENER_DESTINATION;
        f->isn = p->tcp_seq;
    }
}

static void look(struct meter *m, uint32_t index, const struct packet *p, unsigned direction,
                 uint64_t time_ms, struct sightings *seen)
{
    if (seen && p->protocol == UDP && p->src_port == DNS_PORT)
        dns_read(p->payload, time_ms, &p->dst, seen);
    if (!(cache_at(m->cache, index)->state & FLOW_LOOKED))
        inspect_packet(m->inspect, index, p, direction, time_ms, seen);
}

static void count_coverage(struct meter *m, uint64_t time_ms, bool rejected)
{
    m->packets++;
    if (!m->setting.coverage)
        return;
    struct coverage_row *row = coverage_at(m->setting.coverage, time_ms, m->exporter);
    row->records++;
    row->rejected += rejected;
    row->sampling_min = row->sampling_max = 1;
}

static bool is_outside(const struct lpm *population, const struct packet *p)
{
    return population && lpm_lookup(population, &p->src) == LPM_NONE &&
           lpm_lookup(population, &p->dst) == LPM_NONE;
}

static void end_idle(struct meter *m, uint64_t time_ms, struct batch *out)
{
    unsigned budget = IDLE_LOOKS;
    cache_clock(m->cache, time_ms);
    for (uint32_t over; (over = cache_idle(m->cache, &budget));)
        end_flow(m, over, out);
}

size_t meter_packet(struct meter *m, uint64_t time_ns, const struct packet *p, struct batch *out,
                    struct sightings *seen, struct tally *tally)
{
    uint64_t time_ms = time_ns / 1000000;
    size_t rows = out->rows;
    assert(out->stage == STAGE_RECORD && batch_room(out) > IDLE_LOOKS + 2);
    count_coverage(m, time_ms, false);
    if (is_outside(m->setting.population, p)) {
        tally_outside(tally, 1);
        return 0;
    }
    tally_keep(tally, 1);
    end_idle(m, time_ms, out);
    struct packet whole;
    if (p->fragment) {
        whole = *p;
        fragments_apply(m->fragments, time_ns, &whole);
        p = &whole;
    }
    unsigned direction = 0;
    uint32_t index = flow_of(m, p, time_ms, &direction, out);
    count_packet(cache_at(m->cache, index), p, direction, time_ms);
    if (m->inspect && (p->payload.len || is_icmp(p->protocol)) && !p->fragment_later)
        look(m, index, p, direction, time_ms, seen);
    return out->rows - rows;
}

size_t meter_frame(struct meter *m, uint64_t time_ns, uint32_t link_type, struct bytes frame,
                   uint32_t original_len, struct batch *out, struct sightings *seen,
                   struct tally *tally)
{
    struct packet p;
    enum reason reason = packet_parse(link_type, frame, original_len, &p);
    if (reason == REASON_COUNT)
        return meter_packet(m, time_ns, &p, out, seen, tally);
    count_coverage(m, time_ns / 1000000, true);
    tally_reject(tally, reason, 1);
    return 0;
}

size_t meter_finish(struct meter *m, struct batch *out)
{
    size_t rows = 0;
    for (uint32_t index; rows < METER_ROWS_MAX && batch_room(out); rows++) {
        index = cache_any(m->cache);
        if (!index)
            break;
        end_flow(m, index, out);
    }
    return rows;
}
