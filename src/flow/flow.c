/* SPDX-License-Identifier: Apache-2.0 */
/* Time here is a clock made of the records' own start times, since files are read faster than they
 * happened. It only moves forward. A start far from the rest (an exporter with a wrong clock) does
 * not move it; when JUMP_RECORDS in a row are far (a quiet week in the telemetry, or an older file
 * after a newer one), the clock jumps, and everything open is complete.
 *
 * A conversation is complete when nothing that belongs to it can come any more: its pause allowance
 * has gone by, and so has the time by which a record may be late. So the halves and slices may
 * come in any order within that time.
 *
 * Rows are taken in chunks: first the keys of all are made and what they will touch is fetched,
 * then they are handled one by one, so that a table larger than the caches costs one wait a chunk.
 */
#include "flow/flow.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "base/memory.h"
#include "flow/role.h"
#include "flow/table.h"
#include "schema/platform.h"

enum {
    CHUNK = 64,
    JUMP_RECORDS = 64,
    CONTACT_SLOTS = 1 << 16, /* endpoints whose conversations are counted */
    APPLICATIONS = 1 << 16,  /* symbol codes whose kind is remembered */
    TOUCH_MS = 1000,         /* the order is kept to this precision */
    ROOM_ROWS = 2,           /* one record ends at most this many conversations at once */
    DAY_MS = 86400000,
    TCP = 6,
    UDP = 17,
    ICMP = 1,
    ICMPV6 = 58,
    FIN_OR_RST = 5,
    SYN = 2,
};

const struct flow_setting flow_setting_default = {.open_max = 1 << 20, .wait_ms = 300000};

/* What an address and port did in other conversations: who is a server, who a peer. A slot is
 * taken over by another endpoint when its count has run down. */
struct contacts {
    uint32_t tag;
    uint8_t all, asked, begun;
};

struct pairer {
    struct flow_setting setting;
    struct table *table;
    struct ports *ports;
    struct contacts *contacts;
    uint8_t *applications; /* by symbol code: 0 not looked at, 1 ordinary, 2 file sharing */
    struct flow_counts counts;
    uint64_t clock_ms;  /* never goes back */
    uint64_t newest_ms; /* newest start that moved it */
    unsigned far_records;
    bool started;
};

/* A row on its way to its conversation. */
struct row {
    struct ends ends;
    uint32_t tag;
    uint8_t source; /* which end sent the record's own direction */
    uint8_t inside, pivot;
    bool kept;
};

/* One direction of a record. */
struct part {
    uint64_t start_ms, end_ms, packets, octets;
    uint32_t exporter;
    uint8_t flags;
};

struct pairer *pairer_new(const struct flow_setting *setting)
{
    struct pairer *p = memory_alloc(sizeof *p);
    p->setting = *setting;
    if (p->setting.late_ms == 0)
        p->setting.late_ms = setting->study->active_ms ? setting->study->active_ms : 1800000;
    if (p->setting.longest_ms == 0)
        p->setting.longest_ms = DAY_MS;
    p->table = table_new(setting->open_max);
    p->ports = ports_new();
    p->contacts = memory_array(CONTACT_SLOTS, sizeof *p->contacts);
    p->applications = memory_alloc(APPLICATIONS);
    return p;
}

void pairer_free(struct pairer *p)
{
    if (!p)
        return;
    table_free(p->table);
    ports_free(p->ports);
    free(p->contacts);
    free(p->applications);
    free(p);
}

struct flow_counts pairer_counts(const struct pairer *p)
{
    return p->counts;
}

/* ------------------------------------------------------------------ keep and key */

static bool in_pivot(const struct study *s, const struct ip *ip, uint64_t time_ms)
{
    for (size_t i = 0; i < s->pivot_count; i++)
        if (time_ms >= s->pivots[i].from_ms && time_ms < s->pivots[i].to_ms &&
            prefix_contains(&s->pivots[i].prefix, ip))
            return true;
    return false;
}

/* ICMP questions and their answers are one conversation: an answer's type becomes the question's,
 * at the end that was asked. RFC 792, 950, 1256, 4443. */
static bool icmp_question(uint8_t protocol, uint16_t type_code, uint16_t *question)
{
    static const uint8_t v4[][2] = {{8, 0}, {10, 9}, {13, 14}, {15, 16}, {17, 18}};
    unsigned type = type_code >> 8;
    if (protocol == ICMPV6 && type == 129) {
        *question = 128 << 8;
        return true;
    }
    for (size_t i = 0; protocol == ICMP && i < sizeof v4 / sizeof *v4; i++)
        if (type == v4[i][1]) {
            *question = (uint16_t)(v4[i][0] << 8);
            return true;
        }
    return false;
}

static void make_key(const struct batch *b, size_t i, struct row *row)
{
    const struct ip *src = &batch_src_ip(b)[i], *dst = &batch_dst_ip(b)[i];
    uint16_t src_port = batch_src_port(b)[i], dst_port = batch_dst_port(b)[i];
    uint8_t protocol = batch_protocol(b)[i];
    uint16_t question;
    if ((protocol == ICMP || protocol == ICMPV6) && icmp_question(protocol, dst_port, &question)) {
        src_port = question;
        dst_port = 0;
    }
    int order = memcmp(src, dst, sizeof *src);
    unsigned s = order > 0 || (order == 0 && src_port > dst_port);
    row->source = (uint8_t)s;
    row->ends.ip[s] = *src;
    row->ends.ip[!s] = *dst;
    row->ends.port[s] = src_port;
    row->ends.port[!s] = dst_port;
    row->ends.protocol = protocol;
    memset(row->ends.zero, 0, sizeof row->ends.zero);
    row->tag = ends_tag(&row->ends);
}

/* Which ends are the population's, or a pivot's at that time; and the keys of those kept. */
static void prepare(const struct pairer *p, const struct batch *b, size_t from, size_t count,
                    struct row rows[CHUNK])
{
    const struct study *s = p->setting.study;
    uint32_t src_in[CHUNK], dst_in[CHUNK];
    lpm_lookup_many(s->population_lpm, batch_src_ip(b) + from, count, src_in);
    lpm_lookup_many(s->population_lpm, batch_dst_ip(b) + from, count, dst_in);
    for (size_t i = 0; i < count; i++) {
        struct row *row = &rows[i];
        bool src = src_in[i] != LPM_NONE, dst = dst_in[i] != LPM_NONE;
        bool src_pivot = false, dst_pivot = false;
        if (s->pivot_count && !(src && dst)) {
            uint64_t start_ms = batch_start_ms(b)[from + i];
            src_pivot = !src && in_pivot(s, &batch_src_ip(b)[from + i], start_ms);
            dst_pivot = !dst && in_pivot(s, &batch_dst_ip(b)[from + i], start_ms);
        }
        row->kept = src || dst || src_pivot || dst_pivot;
        if (!row->kept)
            continue;
        make_key(b, from + i, row);
        row->inside = (uint8_t)(src << row->source | dst << !row->source);
        row->pivot = (uint8_t)(src_pivot << row->source | dst_pivot << !row->source);
    }
    for (size_t i = 0; i < count; i++)
        if (rows[i].kept)
            table_fetch_slot(p->table, rows[i].tag);
    for (size_t i = 0; i < count; i++)
        if (rows[i].kept)
            table_fetch(p->table, rows[i].tag);
}

/* ------------------------------------------------------------------ the clock */

static void clock_see(struct pairer *p, uint64_t start_ms)
{
    if (!p->started) {
        p->started = true;
        p->newest_ms = start_ms;
        return;
    }
    uint64_t far = start_ms > p->newest_ms ? start_ms - p->newest_ms : p->newest_ms - start_ms;
    if (far <= DAY_MS) {
        p->far_records = 0;
        if (start_ms > p->newest_ms) {
            p->clock_ms += far;
            p->newest_ms = start_ms;
        }
    } else if (++p->far_records >= JUMP_RECORDS) {
        p->far_records = 0;
        p->newest_ms = start_ms;
        p->clock_ms += (uint64_t)p->setting.wait_ms + p->setting.late_ms + TOUCH_MS + 1;
    }
}

static bool is_complete(const struct pairer *p, const struct conversation *c)
{
    uint64_t quiet_ms = p->clock_ms - c->touched_ms;
    return quiet_ms > (uint64_t)p->setting.wait_ms + p->setting.late_ms + TOUCH_MS;
}

/* ------------------------------------------------------------------ endpoints and applications */

static uint64_t contacts_hash(const struct ends *e, int end)
{
    uint64_t h = hash_bytes(&e->ip[end], sizeof e->ip[end], e->port[end]);
    return hash_mix(h, e->protocol);
}

static uint32_t contacts_tag(uint64_t hash)
{
    return (uint32_t)(hash >> 32) | 1;
}

static struct contacts contacts_of(const struct pairer *p, const struct ends *e, int end)
{
    uint64_t h = contacts_hash(e, end);
    const struct contacts *c = &p->contacts[h & (CONTACT_SLOTS - 1)];
    return c->tag == contacts_tag(h) ? *c : (struct contacts){0};
}

static void contacts_count(struct pairer *p, const struct ends *e, int source)
{
    if (!role_wants_contacts(p->ports, e->protocol, e->port))
        return;
    bool unknown = !ports_serve(p->ports, e->port[0]) && !ports_serve(p->ports, e->port[1]);
    for (int end = 0; end < 2; end++) {
        uint64_t h = contacts_hash(e, end);
        struct contacts *c = &p->contacts[h & (CONTACT_SLOTS - 1)];
        if (c->tag != contacts_tag(h)) {
            if (c->all && --c->all)
                continue;
            *c = (struct contacts){.tag = contacts_tag(h)};
        }
        c->all = (uint8_t)(c->all < 255 ? c->all + 1 : 255);
        if (c->asked == 255 || c->begun == 255) {
            c->asked /= 2;
            c->begun /= 2;
        }
        c->asked = (uint8_t)(c->asked + (end != source));
        c->begun = (uint8_t)(c->begun + (end == source && unknown));
    }
}

static bool shares_files(struct pairer *p, uint32_t application)
{
    static const char *const names[] = {"bittorrent", "edonkey", "gnutella", "directconnect",
                                        "soulseek",   "winmx",   "kazaa",    "ppstream",
                                        "pplive",     "sopcast", "tvants",   "thunder",
                                        "applejuice", "openft",  "imesh",    "fasttrack"};
    if (!application || application >= APPLICATIONS || !p->setting.symbols)
        return false;
    uint8_t *kind = &p->applications[application];
    if (*kind == 0) {
        const char *text = symbols_text(p->setting.symbols, SYMBOL_APPLICATION, application);
        *kind = 1;
        for (size_t i = 0; i < sizeof names / sizeof *names; i++)
            if (strcasestr(text, names[i]))
                *kind = 2;
    }
    return *kind == 2;
}

/* ------------------------------------------------------------------ conversations go out */

/* Multicast, broadcast, and the last address of a /24 between equal ports (NetBIOS and the like).
 */
static bool is_group(const struct ends *e, int end)
{
    const uint8_t *o = e->ip[end].octet;
    if (!ip_is_v4(&e->ip[end]))
        return o[0] == 0xff;
    return (o[12] >= 224 && o[12] < 240) || (o[12] == 255 && o[15] == 255) ||
           (o[15] == 255 && e->protocol == UDP && e->port[0] == e->port[1]);
}

static struct role_evidence evidence_of(struct pairer *p, const struct conversation *c)
{
    struct role_evidence e = {.protocol = c->ends.protocol,
                              .biflow = c->marks & MARK_BIFLOW,
                              .certain = c->certain,
                              .guess = c->guess,
                              .first_record = c->first_record,
                              .one_clock = c->half[0].exporter == c->half[1].exporter,
                              .sampled = c->sampling > 1,
                              .peer_application = shares_files(p, c->application)};
    bool wanted = role_wants_contacts(p->ports, c->ends.protocol, c->ends.port);
    for (int end = 0; end < 2; end++) {
        const struct half *h = &c->half[end];
        e.flags[end] = h->flags;
        e.port[end] = c->ends.port[end];
        e.packets[end] = h->packets;
        e.octets[end] = h->octets;
        e.first_ms[end] = h->first_ms;
        e.group |= is_group(&c->ends, end);
        struct contacts k = wanted ? contacts_of(p, &c->ends, end) : (struct contacts){0};
        e.asked[end] = k.asked;
        e.begun[end] = k.begun;
    }
    return e;
}

static void put_counters(struct batch *out, size_t row, const struct conversation *c, int local)
{
    const struct half *o = &c->half[local], *i = &c->half[!local];
    batch_packets_out(out)[row] = o->packets;
    batch_packets_in(out)[row] = i->packets;
    batch_octets_out(out)[row] = o->octets;
    batch_octets_in(out)[row] = i->octets;
    batch_tcp_flags_out(out)[row] = o->flags;
    batch_tcp_flags_in(out)[row] = i->flags;
    batch_platform(out)[row] = o->platform;
    batch_platform_basis(out)[row] = o->platform_basis;
}

static void put_translated(const struct pairer *p, struct batch *out, size_t row,
                           struct conversation *c, int local)
{
    const struct translated *t = table_translated(p->table, c, false);
    if (!t)
        return;
    batch_nat_local(out)[row] = t->ip[local];
    batch_nat_remote(out)[row] = t->ip[!local];
    batch_nat_local_port(out)[row] = t->port[local];
    batch_nat_remote_port(out)[row] = t->port[!local];
}

static void put_rest(const struct pairer *p, struct batch *out, size_t row,
                     const struct conversation *c)
{
    char name[TABLE_NAME_MAX];
    size_t len = table_name(p->table, c, name);
    batch_set_text(out, FIELD_server_name, row, name, len);
    batch_start_ms(out)[row] = c->start_ms;
    batch_end_ms(out)[row] = c->end_ms;
    batch_protocol(out)[row] = c->ends.protocol;
    batch_name_kind(out)[row] = c->name_kind;
    batch_application(out)[row] = c->application;
    batch_fingerprint(out)[row] = c->fingerprint;
    batch_tls_version(out)[row] = c->tls_version;
    batch_tls_faults(out)[row] = c->tls_faults;
    batch_exporter(out)[row] = c->exporter;
    batch_sampling(out)[row] = c->sampling;
    uint64_t day = c->start_ms / DAY_MS;
    batch_day(out)[row] = (uint16_t)(day < UINT16_MAX ? day : UINT16_MAX);
}

/* With both ends inside, the client is local; in a study of everything that is no mark. */
static int local_end(const struct conversation *c, int opener)
{
    uint8_t in = c->inside ? c->inside : c->pivot;
    return in == 3 ? opener : in == 1 ? 0 : 1;
}

static void emit(struct pairer *p, struct conversation *c, struct batch *out)
{
    size_t row = batch_add(out);
    struct role_evidence e = evidence_of(p, c);
    bool sure, internal = (c->inside | c->pivot) == 3 && !p->setting.study->everywhere;
    int opener = role_opener(p->ports, &e, &sure);
    int local = local_end(c, opener);
    uint16_t marks = c->marks;
    if (internal)
        marks |= MARK_INTERNAL;
    if (c->pivot & 1 << local)
        marks |= MARK_PIVOT;
    put_rest(p, out, row, c);
    put_counters(out, row, c, local);
    put_translated(p, out, row, c, local);
    batch_local(out)[row] = c->ends.ip[local];
    batch_remote(out)[row] = c->ends.ip[!local];
    batch_local_port(out)[row] = c->ends.port[local];
    batch_remote_port(out)[row] = c->ends.port[!local];
    batch_marks(out)[row] = marks;
    batch_role(out)[row] = (uint8_t)role_of(p->ports, &e, local, opener);
    batch_opener(out)[row] =
        (uint8_t)(opener == local ? (sure ? OPENER_SOURCE : OPENER_SOURCE_GUESS)
                                  : (sure ? OPENER_DESTINATION : OPENER_DESTINATION_GUESS));
    p->counts.conversations++;
    p->counts.paired += (marks & MARK_PAIRED) != 0;
    p->counts.continued += (marks & MARK_CONTINUED) != 0;
    p->counts.internal += internal;
    table_remove(p->table, c);
}

static bool has_room(const struct batch *out)
{
    return batch_room(out) >= ROOM_ROWS &&
           out->text_size - out->text_len >= ROOM_ROWS * TABLE_NAME_MAX;
}

/* Ends what is complete, and those quiet longest where their place or names are needed. False when
 * `out` has no room, and then nothing is lost by asking again. */
static bool make_place(struct pairer *p, struct batch *out)
{
    struct conversation *first;
    while (has_room(out) && (first = table_first(p->table)) && is_complete(p, first))
        emit(p, first, out);
    while (has_room(out) && table_full(p->table)) {
        p->counts.evicted++;
        emit(p, table_first(p->table), out);
    }
    return has_room(out);
}

/* ------------------------------------------------------------------ records come in */

static uint32_t digest_of(const struct part *part)
{
    uint64_t h = hash_mix(part->start_ms, part->end_ms);
    h = hash_mix(h ^ part->packets, part->octets ^ part->flags);
    return (uint32_t)h | 1;
}

/* flow.h: copies. */
static bool is_copy(const struct half *h, const struct part *part)
{
    if (h->last_digest == 0)
        return false;
    if (h->exporter != part->exporter)
        return true;
    return part->packets > 1 && h->last_digest == digest_of(part);
}

static bool has_any(const struct half *h)
{
    return h->packets || h->octets;
}

/* Adds one direction. What the direction had before tells whether this is its other half or a
 * further slice. */
static void add_part(struct conversation *c, int end, const struct part *part)
{
    struct half *h = &c->half[end];
    bool seen = has_any(h);
    if (seen)
        c->marks |= MARK_CONTINUED;
    if (!seen || part->start_ms < h->first_ms)
        h->first_ms = part->start_ms;
    h->packets += part->packets;
    h->octets += part->octets;
    h->flags |= part->flags;
    h->exporter = part->exporter;
    h->last_digest = digest_of(part);
}

/* True when the record goes on with the open conversation. */
static bool belongs(const struct pairer *p, const struct conversation *c, int source,
                    const struct part *part, uint8_t both_flags)
{
    uint64_t gap_ms = part->start_ms > c->end_ms   ? part->start_ms - c->end_ms
                      : c->start_ms > part->end_ms ? c->start_ms - part->end_ms
                                                   : 0;
    if (gap_ms > p->setting.wait_ms)
        return false;
    if (part->start_ms > c->start_ms && part->start_ms - c->start_ms >= p->setting.longest_ms)
        return false;
    /* A handshake after the end, in a direction that was seen already: the ports were used again.
     */
    bool closed = (c->half[0].flags | c->half[1].flags) & FIN_OR_RST;
    bool again = c->ends.protocol == TCP && closed && (both_flags & SYN) &&
                 c->half[source].packets && part->start_ms >= c->end_ms &&
                 part->start_ms > c->start_ms;
    return !again || is_copy(&c->half[source], part);
}

static void note_opener(struct conversation *c, const struct batch *b, size_t i, int source)
{
    int8_t by_source = source == 0 ? 1 : -1;
    switch (batch_opener(b)[i]) {
    case OPENER_SOURCE:
        c->certain = c->certain ? c->certain : by_source;
        break;
    case OPENER_DESTINATION:
        c->certain = c->certain ? c->certain : (int8_t)-by_source;
        break;
    case OPENER_SOURCE_GUESS:
        c->guess = c->guess ? c->guess : by_source;
        break;
    case OPENER_DESTINATION_GUESS:
        c->guess = c->guess ? c->guess : (int8_t)-by_source;
        break;
    default:
        break;
    }
}

/* The first server name stays; another one is marked. */
static void note_name(struct pairer *p, struct conversation *c, const struct batch *b, size_t i)
{
    struct bytes name = batch_text(b, FIELD_server_name, i);
    if (name.len == 0)
        return;
    if (name.len > TABLE_NAME_MAX)
        name.len = TABLE_NAME_MAX;
    if (!c->name) {
        c->name_kind = batch_name_kind(b)[i];
        table_set_name(p->table, c, name);
        return;
    }
    char had[TABLE_NAME_MAX];
    size_t len = table_name(p->table, c, had);
    if (!bytes_equal(name, bytes_of(had, len)))
        c->marks |= MARK_NAME_CONFLICT;
}

/* The first of equal strength stays. */
static void note_platform(struct half *h, uint8_t platform, uint8_t basis)
{
    if (!platform_goes_before(platform, basis, h->platform, h->platform_basis))
        return;
    h->platform = platform;
    h->platform_basis = basis;
}

/* What was seen of the handshake adds up over the records; the first hello is the one. */
static void note_handshake(struct conversation *c, const struct batch *b, size_t i)
{
    c->tls_faults |= batch_tls_faults(b)[i];
    if (!c->fingerprint)
        c->fingerprint = batch_fingerprint(b)[i];
    if (!c->tls_version)
        c->tls_version = batch_tls_version(b)[i];
}

/* The first translation that is told stays, end by end. */
static void note_translated(struct pairer *p, struct conversation *c, const struct batch *b,
                            size_t i, int source)
{
    const struct ip *src = &batch_nat_src_ip(b)[i], *dst = &batch_nat_dst_ip(b)[i];
    uint16_t src_port = batch_nat_src_port(b)[i], dst_port = batch_nat_dst_port(b)[i];
    static const struct ip none;
    bool has_src = src_port || !ip_equal(src, &none), has_dst = dst_port || !ip_equal(dst, &none);
    if (!has_src && !has_dst)
        return;
    struct translated *t = table_translated(p->table, c, true);
    if (has_src && !t->port[source] && ip_equal(&t->ip[source], &none)) {
        t->ip[source] = *src;
        t->port[source] = src_port;
    }
    if (has_dst && !t->port[!source] && ip_equal(&t->ip[!source], &none)) {
        t->ip[!source] = *dst;
        t->port[!source] = dst_port;
    }
}

static void note_rest(struct conversation *c, const struct batch *b, size_t i,
                      const struct row *row)
{
    c->inside |= row->inside;
    c->pivot |= row->pivot;
    c->marks |= batch_marks(b)[i];
    if (!c->first_record)
        c->first_record = row->source == 0 ? 1 : -1;
    if (!c->exporter)
        c->exporter = batch_exporter(b)[i];
    if (!c->sampling)
        c->sampling = batch_sampling(b)[i];
    if (!c->application)
        c->application = batch_application(b)[i];
    note_handshake(c, b, i);
    note_platform(&c->half[row->source], batch_platform(b)[i], batch_platform_basis(b)[i]);
    note_platform(&c->half[!row->source], batch_reverse_platform(b)[i],
                  batch_reverse_platform_basis(b)[i]);
    note_opener(c, b, i, row->source);
}

struct parts {
    struct part forward, reverse;
    bool has_reverse;
};

static struct parts parts_of(const struct batch *b, size_t i)
{
    struct parts s;
    s.forward = (struct part){.start_ms = batch_start_ms(b)[i],
                              .end_ms = batch_end_ms(b)[i],
                              .packets = batch_packets(b)[i],
                              .octets = batch_octets(b)[i],
                              .exporter = batch_exporter(b)[i],
                              .flags = batch_tcp_flags(b)[i]};
    if (s.forward.end_ms < s.forward.start_ms)
        s.forward.end_ms = s.forward.start_ms;
    s.reverse = s.forward;
    s.reverse.packets = batch_reverse_packets(b)[i];
    s.reverse.octets = batch_reverse_octets(b)[i];
    s.reverse.flags = batch_reverse_tcp_flags(b)[i];
    s.has_reverse = s.reverse.packets || s.reverse.octets;
    return s;
}

static void widen(struct conversation *c, const struct part *part, bool is_new)
{
    if (is_new || part->start_ms < c->start_ms)
        c->start_ms = part->start_ms;
    if (is_new || part->end_ms > c->end_ms)
        c->end_ms = part->end_ms;
}

static void drop_copy(struct pairer *p, const struct part *part)
{
    p->counts.copied_packets += part->packets;
    p->counts.copied_octets += part->octets;
}

/* Adds the record to its conversation. A copy changes nothing in it. */
static void join(struct pairer *p, struct conversation *c, bool is_new, const struct batch *b,
                 size_t i, const struct row *row, const struct parts *s, struct tally *tally)
{
    int source = row->source;
    bool forward_copy = !is_new && is_copy(&c->half[source], &s->forward);
    bool reverse_copy = !is_new && s->has_reverse && is_copy(&c->half[!source], &s->reverse);
    if (forward_copy)
        drop_copy(p, &s->forward);
    if (reverse_copy)
        drop_copy(p, &s->reverse);
    if (forward_copy && (reverse_copy || !s->has_reverse)) {
        tally_duplicate(tally, 1);
        return;
    }
    int filled = forward_copy ? !source : source;
    bool pairs = !has_any(&c->half[filled]) && has_any(&c->half[!filled]);
    if (!forward_copy)
        add_part(c, source, &s->forward);
    if (s->has_reverse && !reverse_copy)
        add_part(c, !source, &s->reverse);
    if (s->has_reverse && !forward_copy && !reverse_copy)
        c->marks |= MARK_BIFLOW;
    else if (pairs)
        c->marks |= MARK_PAIRED;
    widen(c, &s->forward, is_new);
    note_rest(c, b, i, row);
}

/* Takes one record. False when `out` has no room for what it ends. */
static bool take(struct pairer *p, const struct batch *b, size_t i, const struct row *row,
                 struct batch *out, struct tally *tally)
{
    if (!row->kept) {
        tally->kept--;
        tally->outside++;
        return true;
    }
    if (!make_place(p, out))
        return false;
    clock_see(p, batch_start_ms(b)[i]);
    struct conversation *c = table_find(p->table, &row->ends, row->tag);
    struct parts s = parts_of(b, i);
    if (c &&
        !belongs(p, c, row->source, &s.forward, (uint8_t)(s.forward.flags | s.reverse.flags))) {
        emit(p, c, out);
        c = NULL;
    }
    bool is_new = c == NULL;
    if (is_new) {
        c = table_add(p->table, &row->ends, row->tag);
        contacts_count(p, &row->ends, row->source);
        c->touched_ms = p->clock_ms;
    } else if (p->clock_ms - c->touched_ms >= TOUCH_MS) {
        table_touch(p->table, c);
        c->touched_ms = p->clock_ms;
    }
    join(p, c, is_new, b, i, row, &s, tally);
    note_name(p, c, b, i);
    note_translated(p, c, b, i, row->source);
    return true;
}

size_t pairer_add(struct pairer *p, const struct batch *records, size_t from, struct batch *out,
                  struct tally *tally)
{
    assert(records->stage == STAGE_RECORD && out->stage == STAGE_FLOW);
    assert(out->rows > 0 || has_room(out));
    struct row rows[CHUNK];
    size_t at = from;
    while (at < records->rows) {
        size_t count = records->rows - at < CHUNK ? records->rows - at : CHUNK;
        prepare(p, records, at, count, rows);
        for (size_t i = 0; i < count; i++)
            if (!take(p, records, at + i, &rows[i], out, tally))
                return at + i - from;
        at += count;
    }
    return at - from;
}

size_t pairer_finish(struct pairer *p, struct batch *out)
{
    size_t rows = out->rows;
    struct conversation *first;
    while (has_room(out) && (first = table_first(p->table)))
        emit(p, first, out);
    return out->rows - rows;
}

/* ------------------------------------------------------------------ open conversations go on */

/* A conversation as it lies, then its name and its translated ends; so the layout is part of what
 * is saved. */
struct saved_head {
    uint32_t version, conversation_octets;
    uint64_t clock_ms, newest_ms, conversations, contacts;
    uint8_t started, zero[7];
};

enum { SAVED_VERSION = 1 };

struct saved_contacts {
    uint32_t slot;
    struct contacts contacts;
};

static void save_contacts(const struct pairer *p, struct buf *out)
{
    for (uint32_t i = 0; i < CONTACT_SLOTS; i++)
        if (p->contacts[i].all) {
            struct saved_contacts s = {.slot = i, .contacts = p->contacts[i]};
            buf_add(out, &s, sizeof s);
        }
}

void pairer_save(struct pairer *p, struct buf *out)
{
    struct saved_head head = {.version = SAVED_VERSION,
                              .conversation_octets = sizeof(struct conversation),
                              .clock_ms = p->clock_ms,
                              .newest_ms = p->newest_ms,
                              .conversations = table_count(p->table),
                              .started = p->started};
    for (size_t i = 0; i < CONTACT_SLOTS; i++)
        head.contacts += p->contacts[i].all != 0;
    buf_add(out, &head, sizeof head);
    save_contacts(p, out);
    for (struct conversation *c; (c = table_first(p->table)); table_remove(p->table, c)) {
        char name[TABLE_NAME_MAX];
        uint8_t len = (uint8_t)table_name(p->table, c, name);
        const struct translated *t = table_translated(p->table, c, false);
        buf_add(out, c, sizeof *c);
        buf_u8(out, len);
        buf_add(out, name, len);
        buf_u8(out, t != NULL);
        if (t)
            buf_add(out, t, sizeof *t);
    }
}

/* One conversation off `in`; false when it is not all there. */
static bool load_one(struct pairer *p, struct bytes *in)
{
    struct conversation saved;
    struct translated translated;
    if (in->len < sizeof saved + 1)
        return false;
    memcpy(&saved, in->at, sizeof saved);
    struct bytes name = bytes_slice(*in, sizeof saved + 1, in->at[sizeof saved]);
    size_t used = sizeof saved + 1 + in->at[sizeof saved];
    if (in->len < used + 1)
        return false;
    bool has_translated = in->at[used++];
    if (has_translated && in->len < used + sizeof translated)
        return false;
    if (has_translated)
        memcpy(&translated, in->at + used, sizeof translated);
    *in = bytes_slice(*in, used + (has_translated ? sizeof translated : 0), SIZE_MAX);
    uint32_t tag = ends_tag(&saved.ends);
    if (table_full(p->table) || table_find(p->table, &saved.ends, tag))
        return false;
    struct conversation *c = table_add(p->table, &saved.ends, tag);
    uint64_t place = c->place;
    *c = saved;
    c->place = place;
    c->tag = tag;
    c->name = c->translated = 0;
    if (name.len)
        table_set_name(p->table, c, name);
    if (has_translated)
        *table_translated(p->table, c, true) = translated;
    return true;
}

int pairer_load(struct pairer *p, struct bytes in, struct error *err)
{
    struct saved_head head;
    struct saved_contacts contacts;
    if (in.len >= sizeof head)
        memcpy(&head, in.at, sizeof head);
    if (in.len < sizeof head || head.version != SAVED_VERSION ||
        head.conversation_octets != sizeof(struct conversation))
        return error_set(err, ERROR_FAILED,
                         "open conversations were saved by another version of telltale");
    in = bytes_slice(in, sizeof head, SIZE_MAX);
    for (uint64_t i = 0; i < head.contacts && in.len >= sizeof contacts; i++) {
        memcpy(&contacts, in.at, sizeof contacts);
        p->contacts[contacts.slot % CONTACT_SLOTS] = contacts.contacts;
        in = bytes_slice(in, sizeof contacts, SIZE_MAX);
    }
    p->clock_ms = head.clock_ms;
    p->newest_ms = head.newest_ms;
    p->started = head.started;
    for (uint64_t i = 0; i < head.conversations; i++)
        if (!load_one(p, &in))
            return error_set(err, ERROR_FAILED, "open conversations were not saved whole");
    return 0;
}
