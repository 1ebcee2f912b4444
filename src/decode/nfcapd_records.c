/* SPDX-License-Identifier: Apache-2.0 */
/* Records: type u16, octets u16, then what the type says.
 *
 *   11     flow of nfdump 1.7 ("V3"): elements u16, engine u8 u8, exporter u16, flags u8, version
 * u8; then elements, each with id u16, octets u16 (header included) 1, 10  flow of nfdump 1.6
 * ("common record"): fixed fields, then addresses and counters as wide as flags say, then
 * extensions in the order and of the sizes of an extension map (2) 7      an exporter; 8 what it
 * lost; 9, 15 its samplers
 *
 * Files hold few combinations of elements, so a V3 record is first compared with the layouts seen
 * before: its element headers must stand where the layout has them. That is as strict as walking
 * the elements one by one, and the comparisons do not wait for each other.
 *
 * A coarse map tells of most addresses that they are not in the population; those of CHUNK other
 * records are looked up together, and only what is in the population is decoded. */
#include "decode/nfcapd_in.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "decode/times.h"
#include "decode/translated.h"
#include "schema/values.h"
#include "wire/cursor.h"

enum {
    CHUNK = 256,
    SYSIDS = 65536, /* exporters have 16-bit numbers, extension maps too */
    SETS = 16,      /* layouts kept: SETS * WAYS */
    WAYS = 4,
    ELEMENTS_MAX = 64, /* nfdump 1.7 knows 43, none twice */
    SAMPLERS_MAX = 65536,
    V3_HEADER = 12,
    MAP_EXTENSIONS_MAX = 49,
    HOUR_MS = 3600000,
    PROTOCOL_ICMP = 1,
    PROTOCOL_TCP = 6,
    PROTOCOL_ICMP6 = 58,
};

enum record_type {
    TYPE_COMMON_V0 = 1,
    TYPE_MAP = 2,
    TYPE_EXPORTER = 7,
    TYPE_EXPORTER_STATS = 8,
    TYPE_SAMPLER_OLD = 9,
    TYPE_COMMON = 10,
    TYPE_V3 = 11,
    TYPE_SAMPLER = 15,
    TYPE_IDENT = 0x8001,
    TYPE_STAT = 0x8002,
};

/* Elements of V3 records that are read, and the extensions of 1.6 that say the same. */
enum part {
    PART_FLOW,     /* V3: times, counters, ports, protocol, flags */
    PART_V4,       /* V3 */
    PART_V6,       /* V3 */
    PART_MISC,     /* V3 */
    PART_OUT,      /* V3: flows, packets, octets */
    PART_SAMPLER,  /* V3 */
    PART_FIREWALL, /* time of the event u64, ..., event */
    PART_NAT,      /* ..., event */
    PART_NAT_V4,   /* both ends after translation */
    PART_NAT_V6,
    PART_NAT_PORTS,
    PART_ROUTER4,
    PART_ROUTER6,
    PART_OUT_PACKETS_4, /* 1.6 */
    PART_OUT_PACKETS_8,
    PART_OUT_OCTETS_4,
    PART_OUT_OCTETS_8,
    PART_RECEIVED,
    PART_COUNT,
    PART_NONE = PART_COUNT,
};

struct element {
    uint8_t part, least; /* octets of its data that are read */
};

static const struct element v3_elements[] = {
    [0] = {PART_NONE, 0},         [1] = {PART_FLOW, 48},    [2] = {PART_V4, 8},
    [3] = {PART_V6, 32},          [4] = {PART_MISC, 13},    [5] = {PART_OUT, 24},
    [6 ... 11] = {PART_NONE, 0},  [12] = {PART_ROUTER4, 4}, [13] = {PART_ROUTER6, 16},
    [14 ... 17] = {PART_NONE, 0}, [18] = {PART_SAMPLER, 8}, [19] = {PART_FIREWALL, 15},
    [20] = {PART_NAT_V4, 8},      [21] = {PART_NAT_V6, 32}, [22] = {PART_NAT_PORTS, 4},
    [23 ... 24] = {PART_NONE, 0}, [25] = {PART_NAT, 13},
};

/* Octets of the extensions of 1.6; 0 for numbers it never used. */
static const uint8_t map_sizes[MAP_EXTENSIONS_MAX + 1] = {
    [4] = 4,   [5] = 8,   [6] = 4,   [7] = 8,   [8] = 4,   [9] = 4,  [10] = 16,
    [11] = 4,  [12] = 16, [13] = 4,  [14] = 4,  [15] = 8,  [16] = 4, [17] = 8,
    [18] = 4,  [19] = 8,  [20] = 16, [21] = 16, [22] = 40, [23] = 4, [24] = 16,
    [25] = 4,  [26] = 8,  [27] = 8,  [37] = 20, [38] = 4,  [39] = 8, [40] = 32,
    [41] = 24, [42] = 24, [43] = 72, [45] = 24, [46] = 12, [48] = 8,
};

/* Where the parts are: octets from the start of a V3 record, or of the extensions of 1.6. */
#define NOWHERE UINT16_MAX
struct layout {
    uint16_t part[PART_COUNT];
    uint16_t octets; /* V3: of the record; 1.6: of all extensions */
    uint16_t elements;
    uint16_t at[ELEMENTS_MAX];
    uint32_t head[ELEMENTS_MAX];
    enum reason verdict; /* REASON_COUNT: a flow */
};

struct sampler {
    int64_t id;              /* negative: of the whole exporter */
    uint32_t interval, next; /* index + 1 */
};

struct exporter_of_file {
    uint32_t symbol; /* 0: not told */
    uint32_t first_sampler;
    uint64_t last_ms; /* of its records */
};

/* A flow record found. 1.6: `data` is where addresses begin. */
struct found {
    const uint8_t *at;
    const uint8_t *data;
    const struct layout *layout;
};

struct flow {
    uint64_t start_ms, end_ms, received_ms, event_ms;
    uint64_t packets, octets, reverse_packets, reverse_octets;
    int64_t sampler;
    uint32_t symbol, sampling;
    uint16_t src_port, dst_port, sysid, marks;
    uint8_t protocol, flags, direction, firewall_event, nat_event, opener;
    bool sampled, has_sampler, is_firewall, is_nat;
};

struct nfcapd_records {
    struct decode_setting setting;
    struct layout layouts[SETS][WAYS];
    uint8_t replace[SETS];
    struct layout **maps; /* SYSIDS of them */
    struct exporter_of_file *exporters;
    struct sampler *samplers;
    size_t sampler_count, sampler_room;
    struct ip router; /* the last one that needed a symbol, and that symbol */
    uint32_t router_symbol;
    struct batch *out;
    struct tally *tally;
    struct { /* not yet in coverage: of one hour and exporter */
        uint64_t from_ms, records, rejected;
        uint32_t symbol, sampling_min, sampling_max;
        bool open;
    } cover;
    uint64_t near[LPM_MARK_WORDS]; /* blocks of IPv4 that hold some of the population */
    uint64_t outside;              /* found outside by that, not yet in the tally */
    const struct layout *last;     /* of the record before */
    size_t count;
    struct found found[CHUNK];
    struct ip ips[2 * CHUNK]; /* source, destination, source, ... */
    uint32_t values[2 * CHUNK];
    struct flow flows[CHUNK];
    uint16_t pick[CHUNK];
};

struct nfcapd_records *nfcapd_records_new(const struct decode_setting *setting)
{
    struct nfcapd_records *r = memory_alloc(sizeof *r);
    r->setting = *setting;
    r->maps = memory_array(SYSIDS, sizeof(struct layout *));
    r->exporters = memory_array(SYSIDS, sizeof *r->exporters);
    r->last = &r->layouts[0][0];
    if (setting->population)
        lpm_mark_v4(setting->population, r->near);
    else
        memset(r->near, 0xff, sizeof r->near);
    return r;
}

void nfcapd_records_free(struct nfcapd_records *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < SYSIDS; i++)
        if (r->maps[i]) /* a sanitizer's free() of NULL is slow, and nearly all are */
            free(r->maps[i]);
    free(r->maps);
    free(r->exporters);
    free(r->samplers);
    free(r);
}

/* ---- coverage ---- */

static void cover_flush(struct nfcapd_records *r)
{
    struct coverage *c = r->setting.coverage;
    if (!c || !(r->cover.records || r->cover.rejected))
        return;
    struct coverage_row *row = coverage_at(c, r->cover.from_ms, r->cover.symbol);
    row->records += r->cover.records;
    row->rejected += r->cover.rejected;
    uint32_t min = r->cover.sampling_min, max = r->cover.sampling_max;
    if (min && (row->sampling_min == 0 || min < row->sampling_min))
        row->sampling_min = min;
    if (max > row->sampling_max)
        row->sampling_max = max;
    r->cover.records = r->cover.rejected = 0;
    r->cover.sampling_min = r->cover.sampling_max = 0;
}

/* A record of this time and exporter came. Impossible times count with the record before. */
static inline void cover_to(struct nfcapd_records *r, uint64_t ms, uint32_t symbol)
{
    bool here = r->cover.open && symbol == r->cover.symbol &&
                (ms - r->cover.from_ms < HOUR_MS || ms < TIME_LEAST_MS || ms > TIME_MOST_MS);
    if (__builtin_expect(here, 1))
        return;
    cover_flush(r);
    r->cover.symbol = symbol;
    if (ms >= TIME_LEAST_MS && ms <= TIME_MOST_MS) {
        r->cover.from_ms = ms - ms % HOUR_MS;
        r->cover.open = true;
    }
}

static void cover_sampling(struct nfcapd_records *r, uint32_t interval)
{
    if (r->cover.sampling_min == 0 || interval < r->cover.sampling_min)
        r->cover.sampling_min = interval;
    if (interval > r->cover.sampling_max)
        r->cover.sampling_max = interval;
}

/* A flow record that came and is rejected. */
static void reject(struct nfcapd_records *r, enum reason reason)
{
    tally_reject(r->tally, reason, 1);
    r->cover.rejected++;
}

void nfcapd_records_reject(struct nfcapd_records *r, enum reason reason, uint64_t count,
                           struct tally *tally)
{
    tally_reject(tally, reason, count);
    r->cover.records += count;
    r->cover.rejected += count;
}

void nfcapd_records_finish(struct nfcapd_records *r)
{
    cover_flush(r);
}

/* ---- exporters and samplers ---- */

static struct ip ip_from_le32(const uint8_t *at)
{
    uint8_t octets[4] = {at[3], at[2], at[1], at[0]};
    return ip_from_v4(octets);
}

static inline struct ip ip_from_le64s(const uint8_t *at)
{
    struct ip ip;
    uint64_t high = octets_be64(at), low = octets_be64(at + 8);
    memcpy(ip.octet, &high, 8);
    memcpy(ip.octet + 8, &low, 8);
    return ip;
}

static uint32_t symbol_for(struct nfcapd_records *r, const struct ip *ip, uint32_t domain)
{
    char text[IP_TEXT_MAX + 16];
    size_t len = ip_print(ip, text);
    if (domain)
        len += (size_t)snprintf(text + len, 16, "#%u", domain);
    return symbols_code(r->setting.symbols, SYMBOL_EXPORTER, text, len);
}

/* version u32, address 16, family u16, number u16, observation domain u32 */
static void note_exporter(struct nfcapd_records *r, struct bytes record)
{
    if (record.len < 32)
        return;
    const uint8_t *at = record.at;
    struct ip ip = octets_le16(at + 24) == 2 ? ip_from_le32(at + 16) : ip_from_le64s(at + 8);
    r->exporters[octets_le16(at + 26)].symbol = symbol_for(r, &ip, octets_le32(at + 28));
}

static void note_sampler(struct nfcapd_records *r, uint16_t sysid, int64_t id, uint32_t interval)
{
    struct exporter_of_file *e = &r->exporters[sysid];
    for (uint32_t i = e->first_sampler; i; i = r->samplers[i - 1].next) {
        if (r->samplers[i - 1].id == id) {
            r->samplers[i - 1].interval = interval;
            return;
        }
    }
    if (r->sampler_count == SAMPLERS_MAX) /* its records keep the counters that the file has */
        return;
    if (r->sampler_count == r->sampler_room) {
        r->sampler_room = r->sampler_room ? 2 * r->sampler_room : 16;
        r->samplers = memory_resize(r->samplers, r->sampler_room, sizeof *r->samplers);
    }
    r->samplers[r->sampler_count++] =
        (struct sampler){.id = id, .interval = interval, .next = e->first_sampler};
    e->first_sampler = (uint32_t)r->sampler_count;
}

/* 1.7: exporter u16, algorithm u16, id i64, packets taken u32, packets left out u32
 * 1.6: id i32, interval u32, mode u16, exporter u16 */
static void note_sampler_record(struct nfcapd_records *r, bool old, struct bytes record)
{
    const uint8_t *at = record.at;
    if (old && record.len >= 16) {
        note_sampler(r, octets_le16(at + 14), (int32_t)octets_le32(at + 4), octets_le32(at + 8));
    } else if (!old && record.len >= 24) {
        uint64_t taken = octets_le32(at + 16), space = octets_le32(at + 20);
        uint64_t interval = taken ? (taken + space + taken / 2) / taken : 0;
        if (interval <= UINT32_MAX)
            note_sampler(r, octets_le16(at + 4), (int64_t)octets_le64(at + 8), (uint32_t)interval);
    }
}

/* count u32, then for each exporter: number u32, sequence failures u32, packets u64, flows u64. How
 * many were missing at each failure is not told: lost is at least that many. */
static void note_losses(struct nfcapd_records *r, struct bytes record)
{
    for (size_t at = 8; r->setting.coverage && at + 24 <= record.len; at += 24) {
        uint32_t sysid = octets_le32(record.at + at), failures = octets_le32(record.at + at + 4);
        if (sysid >= SYSIDS || !failures || !r->exporters[sysid].last_ms)
            continue;
        const struct exporter_of_file *e = &r->exporters[sysid];
        coverage_at(r->setting.coverage, e->last_ms, e->symbol)->lost += failures;
    }
}

/* The sampler that the record names, else the exporter's own, else its only one; 0: none known. */
static uint32_t interval_of(const struct nfcapd_records *r, const struct flow *f)
{
    const struct exporter_of_file *e = &r->exporters[f->sysid];
    uint32_t general = 0;
    for (uint32_t i = e->first_sampler; i; i = r->samplers[i - 1].next) {
        const struct sampler *s = &r->samplers[i - 1];
        if (f->has_sampler && s->id == f->sampler)
            return s->interval;
        if (s->id < 0 || (i == e->first_sampler && !s->next))
            general = s->interval;
    }
    return general;
}

/* nfdump multiplies when it collects and flags the record. Rows hold what was exported and the
 * interval beside it, so this is undone where it divides without rest, as it does after a
 * multiplication; else the record stays as it is, and is never multiplied again. */
static void settle_sampling(const struct nfcapd_records *r, struct flow *f)
{
    f->sampling = 1;
    if (!f->sampled) {
        if (!r->exporters[f->sysid].first_sampler && r->setting.sampling)
            f->sampling = r->setting.sampling;
        return;
    }
    uint32_t n = interval_of(r, f);
    if (n < 2 || f->packets % n || f->octets % n || f->reverse_packets % n || f->reverse_octets % n)
        return;
    f->packets /= n;
    f->octets /= n;
    f->reverse_packets /= n;
    f->reverse_octets /= n;
    f->sampling = n;
}

/* ---- layouts ---- */

static void layout_clear(struct layout *l)
{
    memset(l, 0, sizeof *l);
    memset(l->part, 0xff, sizeof l->part);
    l->verdict = REASON_COUNT;
}

/* Walks a V3 record's elements; those it does not know go by. */
static bool layout_read(struct layout *l, struct bytes record)
{
    layout_clear(l);
    l->octets = (uint16_t)record.len;
    l->elements = octets_le16(record.at + 4);
    if (l->elements > ELEMENTS_MAX)
        return false;
    size_t at = V3_HEADER;
    for (size_t i = 0; i < l->elements; i++) {
        if (record.len - at < 4)
            return false;
        uint16_t id = octets_le16(record.at + at), octets = octets_le16(record.at + at + 2);
        if (octets < 4 || octets > record.len - at)
            return false;
        l->at[i] = (uint16_t)at;
        l->head[i] = octets_le32(record.at + at);
        if (id < sizeof v3_elements / sizeof *v3_elements && v3_elements[id].part != PART_NONE &&
            octets >= 4 + v3_elements[id].least)
            l->part[v3_elements[id].part] = (uint16_t)(at + 4);
        at += octets;
    }
    if (l->part[PART_FLOW] == NOWHERE)
        l->verdict = REASON_no_counter;
    else if (l->part[PART_V4] == NOWHERE && l->part[PART_V6] == NOWHERE)
        l->verdict = REASON_no_address;
    return true;
}

static inline bool layout_fits(const struct layout *l, const uint8_t *at, size_t len)
{
    if (l->octets != len || l->elements != octets_le16(at + 4))
        return false;
    uint32_t differ = 0;
    for (size_t i = 0; i < l->elements; i++)
        differ |= octets_le32(at + l->at[i]) ^ l->head[i];
    return differ == 0;
}

static void flush(struct nfcapd_records *r);

/* The layout of a V3 record; NULL when its lengths contradict each other. */
static const struct layout *layout_of(struct nfcapd_records *r, struct bytes record)
{
    size_t set = (record.len / 4 + octets_le16(record.at + 4)) % SETS;
    for (size_t way = 0; way < WAYS; way++)
        if (layout_fits(&r->layouts[set][way], record.at, record.len))
            return &r->layouts[set][way];
    struct layout fresh;
    if (!layout_read(&fresh, record))
        return NULL;
    flush(r); /* what was found may use the one that goes */
    struct layout *l = &r->layouts[set][r->replace[set]++ % WAYS];
    *l = fresh;
    return l;
}

static inline const struct layout *same_or_layout_of(struct nfcapd_records *r, struct bytes record)
{
    if (record.len < V3_HEADER)
        return NULL;
    if (__builtin_expect(!layout_fits(r->last, record.at, record.len), 0)) {
        const struct layout *l = layout_of(r, record);
        if (!l)
            return NULL;
        r->last = l;
    }
    return r->last;
}

static enum part map_part(uint16_t id)
{
    switch (id) {
    case 14:
        return PART_OUT_PACKETS_4;
    case 15:
        return PART_OUT_PACKETS_8;
    case 16:
        return PART_OUT_OCTETS_4;
    case 17:
        return PART_OUT_OCTETS_8;
    case 23:
        return PART_ROUTER4;
    case 24:
        return PART_ROUTER6;
    case 27:
        return PART_RECEIVED;
    case 37:
        return PART_FIREWALL;
    case 38:
        return PART_NAT_PORTS;
    case 39:
        return PART_NAT_V4;
    case 40:
        return PART_NAT_V6;
    case 46:
        return PART_NAT;
    default:
        return PART_NONE;
    }
}

/* An extension map: number u16, octets of all extensions u16, their ids until 0. Nothing behind an
 * extension whose size is not known can be found, and is not read. */
static void note_map(struct nfcapd_records *r, struct bytes record)
{
    if (record.len < 8)
        return;
    struct layout **slot = &r->maps[octets_le16(record.at + 4)];
    if (!*slot)
        *slot = memory_alloc(sizeof **slot);
    struct layout *l = *slot;
    layout_clear(l);
    l->octets = octets_le16(record.at + 6);
    size_t octets = 0;
    for (size_t at = 8; at + 2 <= record.len; at += 2) {
        uint16_t id = octets_le16(record.at + at);
        if (id == 0 || id > MAP_EXTENSIONS_MAX || map_sizes[id] == 0)
            break;
        if (octets + map_sizes[id] > l->octets)
            break;
        enum part part = map_part(id);
        if (part != PART_NONE)
            l->part[part] = (uint16_t)octets;
        octets += map_sizes[id];
    }
}

/* ---- finding flow records ---- */

static inline bool is_near(const struct nfcapd_records *r, uint32_t address)
{
    return r->near[address >> 22] >> (address >> 16 & 63) & 1;
}

/* False where neither address can be of the population: such a record is counted at once, without
 * a place in the chunk. */
static inline bool add_v4(struct nfcapd_records *r, const uint8_t *at)
{
    if (!is_near(r, octets_le32(at)) && !is_near(r, octets_le32(at + 4))) {
        r->outside++;
        return false;
    }
    r->ips[2 * r->count] = ip_from_le32(at);
    r->ips[2 * r->count + 1] = ip_from_le32(at + 4);
    return true;
}

static bool add_v6(struct nfcapd_records *r, const uint8_t *at)
{
    r->ips[2 * r->count] = ip_from_le64s(at);
    r->ips[2 * r->count + 1] = ip_from_le64s(at + 16);
    return true;
}

static uint32_t router_symbol(struct nfcapd_records *r, const struct layout *l, const uint8_t *at)
{
    struct ip ip;
    if (l->part[PART_ROUTER4] != NOWHERE)
        ip = ip_from_le32(at + l->part[PART_ROUTER4]);
    else if (l->part[PART_ROUTER6] != NOWHERE)
        ip = ip_from_le64s(at + l->part[PART_ROUTER6]);
    else
        return 0;
    if (!r->router_symbol || !ip_equal(&ip, &r->router)) {
        r->router = ip;
        r->router_symbol = symbol_for(r, &ip, 0);
    }
    return r->router_symbol;
}

/* Counts the record for coverage: `parts` is where the layout's parts are counted from. */
static inline void cover_record(struct nfcapd_records *r, const struct layout *l, uint64_t ms,
                                uint16_t sysid, const uint8_t *parts)
{
    struct exporter_of_file *e = &r->exporters[sysid];
    uint32_t symbol = e->symbol;
    if (__builtin_expect(!symbol, 0))
        symbol = router_symbol(r, l, parts);
    cover_to(r, ms, symbol);
    if (r->cover.open)
        e->last_ms = r->cover.from_ms;
    r->cover.records++;
}

static inline void find_v3(struct nfcapd_records *r, struct bytes record)
{
    const struct layout *l = same_or_layout_of(r, record);
    if (!l) {
        r->cover.records++;
        reject(r, REASON_bad_length);
        return;
    }
    uint64_t end_ms =
        l->part[PART_FLOW] == NOWHERE ? 0 : octets_le64(record.at + l->part[PART_FLOW] + 8);
    cover_record(r, l, end_ms, octets_le16(record.at + 8), record.at);
    if (l->verdict != REASON_COUNT) {
        reject(r, l->verdict);
        return;
    }
    if (!(l->part[PART_V4] != NOWHERE ? add_v4(r, record.at + l->part[PART_V4])
                                      : add_v6(r, record.at + l->part[PART_V6])))
        return;
    r->found[r->count++] = (struct found){.at = record.at, .layout = l};
    if (r->count == CHUNK)
        flush(r);
}

/* Octets of addresses, packets and octets of a common record with these flags. */
static size_t common_required(uint16_t flags)
{
    return (flags & 1 ? 32u : 8u) + (flags & 2 ? 8u : 4u) + (flags & 4 ? 8u : 4u);
}

static void find_common(struct nfcapd_records *r, struct bytes record, bool v0)
{
    size_t head = v0 ? 28 : 32;
    const struct layout *l = record.len >= head ? r->maps[octets_le16(record.at + 6)] : NULL;
    uint16_t flags = record.len >= head ? octets_le16(record.at + 4) : 0;
    if (!l || head + common_required(flags) + l->octets > record.len) {
        r->cover.records++;
        reject(r, record.len >= head && !l ? REASON_no_template : REASON_bad_length);
        return;
    }
    uint64_t end_ms = octets_le32(record.at + 16) * UINT64_C(1000) + octets_le16(record.at + 10);
    uint16_t sysid = v0 ? record.at[5] : octets_le16(record.at + 28);
    const uint8_t *data = record.at + head;
    cover_record(r, l, end_ms, sysid, data + common_required(flags));
    if (!(flags & 1 ? add_v6(r, data) : add_v4(r, data)))
        return;
    r->found[r->count++] = (struct found){.at = record.at, .data = data, .layout = l};
    if (r->count == CHUNK)
        flush(r);
}

/* ---- decoding those of the population ---- */

static const uint8_t *part_of(const struct layout *l, enum part part, const uint8_t *base)
{
    return l->part[part] == NOWHERE ? NULL : base + l->part[part];
}

static void decode_events(struct flow *f, const uint8_t *firewall, size_t firewall_event,
                          const uint8_t *nat, size_t nat_event)
{
    if (firewall) {
        f->is_firewall = true;
        f->event_ms = octets_le64(firewall);
        f->firewall_event = firewall[firewall_event];
    }
    if (nat) {
        f->is_nat = true;
        f->nat_event = nat[nat_event];
    }
}

static void decode_v3(struct flow *f, const struct found *found)
{
    const uint8_t *at = found->at, *p;
    const struct layout *l = found->layout;
    f->sysid = octets_le16(at + 8);
    f->sampled = at[10] & 2;
    p = part_of(l, PART_FLOW, at);
    f->start_ms = octets_le64(p);
    f->end_ms = octets_le64(p + 8);
    f->received_ms = octets_le64(p + 16);
    f->packets = octets_le64(p + 24);
    f->octets = octets_le64(p + 32);
    f->src_port = octets_le16(p + 40);
    f->dst_port = octets_le16(p + 42);
    f->protocol = p[44];
    f->flags = p[45];
    if ((p = part_of(l, PART_OUT, at))) {
        f->reverse_packets = octets_le64(p + 8);
        f->reverse_octets = octets_le64(p + 16);
    }
    if ((p = part_of(l, PART_MISC, at)))
        f->direction = p[12];
    if ((p = part_of(l, PART_SAMPLER, at))) {
        f->has_sampler = true;
        f->sampler = (int64_t)octets_le64(p);
    }
    p = part_of(l, PART_NAT, at);
    decode_events(f, part_of(l, PART_FIREWALL, at), 14, p, 12);
    if (p && !f->event_ms)
        f->event_ms = octets_le64(p);
}

static uint64_t counter(const uint8_t **at, bool wide)
{
    uint64_t value = wide ? octets_le64(*at) : octets_le32(*at);
    *at += wide ? 8 : 4;
    return value;
}

static void decode_common(struct flow *f, const struct found *found)
{
    const uint8_t *at = found->at, *data = found->data, *p, *wide;
    const struct layout *l = found->layout;
    uint16_t flags = octets_le16(at + 4);
    bool v0 = octets_le16(at) == TYPE_COMMON_V0;
    f->sysid = v0 ? at[5] : octets_le16(at + 28);
    f->sampled = flags & 128;
    f->start_ms = octets_le32(at + 12) * UINT64_C(1000) + octets_le16(at + 8);
    f->end_ms = octets_le32(at + 16) * UINT64_C(1000) + octets_le16(at + 10);
    f->flags = at[21];
    f->protocol = at[22];
    f->src_port = octets_le16(at + 24);
    f->dst_port = octets_le16(at + 26);
    data += flags & 1 ? 32 : 8;
    f->packets = counter(&data, flags & 2);
    f->octets = counter(&data, flags & 4);
    p = part_of(l, PART_OUT_PACKETS_4, data);
    wide = part_of(l, PART_OUT_PACKETS_8, data);
    f->reverse_packets = wide ? octets_le64(wide) : p ? octets_le32(p) : 0;
    p = part_of(l, PART_OUT_OCTETS_4, data);
    wide = part_of(l, PART_OUT_OCTETS_8, data);
    f->reverse_octets = wide ? octets_le64(wide) : p ? octets_le32(p) : 0;
    p = part_of(l, PART_RECEIVED, data);
    f->received_ms = p ? octets_le64(p) : 0;
    decode_events(f, part_of(l, PART_FIREWALL, data), 14, part_of(l, PART_NAT, data), 0);
}

/* As decode/records.c has it for NSEL and RFC 8158. */
static bool is_conversation(const struct flow *f)
{
    if (f->packets || f->octets || f->reverse_packets || f->reverse_octets)
        return true;
    uint8_t fw = f->firewall_event, nat = f->nat_event;
    if (f->is_firewall && (fw == 1 || fw == 3 || fw == 4))
        return false;
    return !f->is_nat || nat == 1 || nat == 4 || nat == 6;
}

static bool sane(uint64_t ms)
{
    return ms >= TIME_LEAST_MS && ms <= TIME_MOST_MS;
}

static bool settle_times(struct flow *f)
{
    if (!f->end_ms)
        f->end_ms = f->event_ms;
    if (!f->start_ms && !f->end_ms) {
        f->start_ms = f->received_ms;
        f->marks |= MARK_EXPORT_TIME;
    }
    f->start_ms = f->start_ms ? f->start_ms : f->end_ms;
    f->end_ms = f->end_ms ? f->end_ms : f->start_ms;
    if (f->start_ms > f->end_ms) {
        uint64_t swap = f->start_ms;
        f->start_ms = f->end_ms;
        f->end_ms = swap;
    }
    return sane(f->start_ms) && sane(f->end_ms);
}

static void settle_direction(struct flow *f)
{
    if (f->protocol == PROTOCOL_ICMP || f->protocol == PROTOCOL_ICMP6)
        f->src_port = 0;
    if (f->protocol != PROTOCOL_TCP)
        f->flags = 0;
    if (!f->reverse_packets && !f->reverse_octets)
        return;
    f->marks |= MARK_BIFLOW;
    f->opener = f->is_firewall ? OPENER_SOURCE : OPENER_SOURCE_GUESS;
    if (f->direction == 1 || f->direction == 2)
        f->opener = f->direction == 1 ? OPENER_SOURCE : OPENER_DESTINATION;
}

/* False when it was rejected. */
static bool decode_flow(struct nfcapd_records *r, const struct found *found, struct flow *f)
{
    *f = (struct flow){0};
    const uint8_t *parts = found->at;
    if (found->data) {
        decode_common(f, found);
        parts = found->data + common_required(octets_le16(found->at + 4));
    } else {
        decode_v3(f, found);
    }
    f->symbol = r->exporters[f->sysid].symbol;
    if (!f->symbol)
        f->symbol = router_symbol(r, found->layout, parts);
    if (!is_conversation(f)) {
        reject(r, REASON_not_a_flow);
        return false;
    }
    if (!settle_times(f)) {
        reject(r, REASON_bad_time);
        return false;
    }
    settle_direction(f);
    settle_sampling(r, f);
    cover_sampling(r, f->sampling);
    return true;
}

/* What the ends became, read from the record again: most files have nothing of it. */
static void write_translated(const struct found *found, struct batch *out, size_t row)
{
    const struct layout *l = found->layout;
    const uint8_t *base =
        found->data ? found->data + common_required(octets_le16(found->at + 4)) : found->at;
    const uint8_t *v4 = part_of(l, PART_NAT_V4, base), *v6 = part_of(l, PART_NAT_V6, base);
    const uint8_t *ports = part_of(l, PART_NAT_PORTS, base);
    uint8_t protocol = batch_protocol(out)[row];
    if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMP6)
        ports = NULL;
    for (size_t end = 0; end < 2; end++) {
        struct ip ip = {0};
        if (v6)
            ip = ip_from_le64s(v6 + 16 * end);
        else if (v4 && octets_le32(v4 + 4 * end))
            ip = ip_from_le32(v4 + 4 * end);
        uint16_t port = ports ? octets_le16(ports + 2 * end) : 0;
        const struct ip *before = end ? &batch_dst_ip(out)[row] : &batch_src_ip(out)[row];
        uint16_t port_before = end ? batch_dst_port(out)[row] : batch_src_port(out)[row];
        if (!is_translated(before, port_before, &ip, port))
            continue;
        *(end ? &batch_nat_dst_ip(out)[row] : &batch_nat_src_ip(out)[row]) = ip;
        *(end ? &batch_nat_dst_port(out)[row] : &batch_nat_src_port(out)[row]) = port;
    }
}

static bool tells_translation(const struct layout *l)
{
    return l->part[PART_NAT_V4] != NOWHERE || l->part[PART_NAT_V6] != NOWHERE ||
           l->part[PART_NAT_PORTS] != NOWHERE;
}

#define WRITE(column, value)                                                                       \
    do {                                                                                           \
        __typeof__(batch_##column(out)) write_to = batch_##column(out) + row;                      \
        for (size_t i = 0; i < count; i++)                                                         \
            write_to[i] = value;                                                                   \
    } while (0)

static void write_rows(struct nfcapd_records *r, size_t count)
{
    struct batch *out = r->out;
    size_t row = batch_add_rows(out, count);
    const struct flow *f = r->flows;
    WRITE(start_ms, f[i].start_ms);
    WRITE(end_ms, f[i].end_ms);
    WRITE(src_ip, r->ips[2 * r->pick[i]]);
    WRITE(dst_ip, r->ips[2 * r->pick[i] + 1]);
    WRITE(src_port, f[i].src_port);
    WRITE(dst_port, f[i].dst_port);
    WRITE(protocol, f[i].protocol);
    WRITE(packets, f[i].packets);
    WRITE(octets, f[i].octets);
    WRITE(reverse_packets, f[i].reverse_packets);
    WRITE(reverse_octets, f[i].reverse_octets);
    WRITE(tcp_flags, f[i].flags);
    WRITE(opener, f[i].opener);
    WRITE(marks, f[i].marks);
    WRITE(exporter, f[i].symbol);
    WRITE(sampling, f[i].sampling);
    for (size_t i = 0; i < count; i++)
        if (tells_translation(r->found[r->pick[i]].layout))
            write_translated(&r->found[r->pick[i]], out, row + i);
}

/* What was found so far becomes rows. */
static void flush(struct nfcapd_records *r)
{
    size_t count = r->count, inside = 0, kept = 0;
    const struct lpm *population = r->setting.population;
    if (population)
        lpm_lookup_many(population, r->ips, 2 * count, r->values);
    for (size_t i = 0; i < count; i++) {
        r->pick[inside] = (uint16_t)i;
        inside += !population || r->values[2 * i] != LPM_NONE || r->values[2 * i + 1] != LPM_NONE;
    }
    tally_outside(r->tally, count - inside + r->outside);
    r->outside = 0;
    for (size_t i = 0; i < inside; i++) {
        r->pick[kept] = r->pick[i];
        kept += decode_flow(r, &r->found[r->pick[i]], &r->flows[kept]);
    }
    if (kept)
        write_rows(r, kept);
    tally_keep(r->tally, kept);
    r->count = 0;
}

/* ---- all records ---- */

/* Records that describe; flows found before one must not see what it changes. */
static void note(struct nfcapd_records *r, uint16_t type, struct bytes record)
{
    flush(r);
    switch (type) {
    case TYPE_MAP:
        note_map(r, record);
        break;
    case TYPE_EXPORTER:
        note_exporter(r, record);
        break;
    case TYPE_EXPORTER_STATS:
        note_losses(r, record);
        break;
    case TYPE_SAMPLER_OLD:
    case TYPE_SAMPLER:
        note_sampler_record(r, type == TYPE_SAMPLER_OLD, record);
        break;
    default: /* 3 to 6 and 12 to 14: histograms, names; then what no nfdump so far has written */
        if (type == 0 || (type > TYPE_SAMPLER && type != TYPE_IDENT && type != TYPE_STAT))
            nfcapd_records_reject(r, REASON_not_a_flow, 1, r->tally);
        break;
    }
}

void nfcapd_records_decode(struct nfcapd_records *r, struct bytes *block, uint32_t *left, bool cut,
                           struct batch *out, struct tally *tally)
{
    const uint8_t *at = block->at, *end = at + block->len;
    uint32_t stated = *left;
    r->out = out;
    r->tally = tally;
    for (size_t n = 0; n < NFCAPD_ROWS_MAX && at < end; n++) {
        size_t room = (size_t)(end - at);
        size_t octets = room >= 4 ? octets_le16(at + 2) : 0;
        if (octets < 4 || octets > room) {
            if (!cut)
                nfcapd_records_reject(r, REASON_bad_length, nfcapd_lost(stated), tally);
            at = end;
            break;
        }
        struct bytes record = bytes_of(at, octets);
        uint16_t type = octets_le16(at);
        if (__builtin_expect(type == TYPE_V3, 1))
            find_v3(r, record);
        else if (type == TYPE_COMMON || type == TYPE_COMMON_V0)
            find_common(r, record, type == TYPE_COMMON_V0);
        else
            note(r, type, record);
        at += octets;
        stated -= stated > 0;
    }
    flush(r);
    *left = stated;
    *block = bytes_of(at, (size_t)(end - at));
}
