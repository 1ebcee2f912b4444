/* SPDX-License-Identifier: Apache-2.0 */
/* Three hash tables for each day of the zone that is open: of a UTC day's conversations some lie in
 * one and the rest in the next. Rows come sorted by remote and local within a part of the table, so
 * that the pair of the row before is the first guess. */
#include "store/aggregate.h"

#include <assert.h>
#include <string.h>

#include "base/hash.h"
#include "base/ip.h"
#include "base/memory.h"
#include "schema/values.h"

#define DAY_MS INT64_C(86400000)
enum { DAY_S = 86400, HALF_HOUR_MS = 1800000, OPEN_MAX = 8, STRETCHES = 26 };

/* --- tables --- */

struct activity {
    struct activity_key {
        uint32_t slot;
        uint16_t service, category, country;
        uint8_t role, basis, ambiguous, pivot;
        uint16_t none;
    } key;
    uint64_t flows, packets_out, packets_in, octets_out, octets_in;
};
static_assert(sizeof(struct activity_key) == 16, "hashed as it lies");

struct daily {
    struct daily_key {
        struct ip local;
        uint16_t service, category;
        uint8_t role, pivot;
        uint16_t none;
    } key;
    uint64_t flows, packets, octets, slots;
};
static_assert(sizeof(struct daily_key) == 24, "hashed as it lies");

struct contact {
    struct contact_key {
        struct ip local, remote;
        uint32_t asn;
        uint16_t service, category, country;
        uint8_t role, pivot, owner;
        uint8_t none[3];
    } key;
    uint64_t first_ms, last_ms, flows, packets, octets, slots;
};
static_assert(sizeof(struct contact_key) == 48, "hashed as it lies");

/* Entries begin with their key and lie in the order they came. */
struct map {
    uint8_t *entries;
    uint32_t *slots; /* entry + 1; 0 is free */
    size_t count, room, mask;
};

static void map_done(struct map *m)
{
    free(m->entries);
    free(m->slots);
    *m = (struct map){0};
}

static inline uint64_t key_hash(const void *key, size_t key_size)
{
    return hash_bytes(key, key_size, 0x9e3779b97f4a7c15u);
}

static void map_grow(struct map *m, size_t key_size, size_t size)
{
    enum { FIRST = 1024 };
    size_t slots = m->mask ? (m->mask + 1) * 2 : 2 * FIRST;
    m->room = slots / 2;
    m->entries = memory_resize(m->entries, m->room, size);
    free(m->slots);
    m->slots = memory_array(slots, sizeof *m->slots);
    m->mask = slots - 1;
    for (size_t i = 0; i < m->count; i++) {
        size_t at = key_hash(m->entries + i * size, key_size) & m->mask;
        while (m->slots[at])
            at = (at + 1) & m->mask;
        m->slots[at] = (uint32_t)(i + 1);
    }
}

/* The entry of `key`, all zero after the key where it is new. Valid until the next call. Sizes are
 * constants at every call, so that comparing and hashing become a few instructions. */
__attribute__((always_inline)) static inline void *map_at(struct map *m, const void *key,
                                                          size_t key_size, size_t size)
{
    if (m->count == m->room)
        map_grow(m, key_size, size);
    size_t at = key_hash(key, key_size) & m->mask;
    for (; m->slots[at]; at = (at + 1) & m->mask) {
        uint8_t *entry = m->entries + (m->slots[at] - 1) * size;
        if (memcmp(entry, key, key_size) == 0)
            return entry;
    }
    uint8_t *entry = m->entries + m->count++ * size;
    m->slots[at] = (uint32_t)m->count;
    memcpy(entry, key, key_size);
    memset(entry + key_size, 0, size - key_size);
    return entry;
}

struct day {
    int32_t day; /* of the zone */
    struct map maps[AGGREGATE_TABLES];
    size_t last_contact; /* index of the entry of the row before */
};

struct aggregate {
    const struct zone *zone;
    const uint8_t *wanted;
    uint64_t bin_ms;
    int32_t utc_day;
    struct stretch { /* of one offset, up to a moment */
        uint64_t until_ms;
        int64_t offset_ms;
    } stretches[STRETCHES];
    struct day open[OPEN_MAX];
    size_t open_count;
};

struct aggregate *aggregate_new(const struct zone *zone, uint64_t bin_ms, const uint8_t *wanted)
{
    struct aggregate *a = memory_alloc(sizeof *a);
    a->zone = zone;
    a->bin_ms = bin_ms;
    a->wanted = wanted;
    return a;
}

void aggregate_free(struct aggregate *a)
{
    if (!a)
        return;
    while (a->open_count)
        aggregate_drop(a, a->open[0].day);
    free(a);
}

/* --- the zone's clock --- */

void aggregate_day(struct aggregate *a, int32_t utc_day)
{
    int64_t at = (int64_t)utc_day * DAY_S, end = at + DAY_S;
    size_t n = 0;
    a->utc_day = utc_day;
    for (; at < end; at += 3600) {
        int32_t offset_s = zone_offset_s(a->zone, at);
        if (offset_s != zone_offset_s(a->zone, at + 3600))
            a->stretches[n++] =
                (struct stretch){.until_ms = (uint64_t)zone_change_s(a->zone, at, at + 3600) * 1000,
                                 .offset_ms = (int64_t)offset_s * 1000};
    }
    a->stretches[n] = (struct stretch){UINT64_MAX, (int64_t)zone_offset_s(a->zone, end) * 1000};
    assert(n < STRETCHES);
}

static int64_t local_ms(const struct aggregate *a, uint64_t ms)
{
    size_t n = 0;
    while (ms >= a->stretches[n].until_ms && a->stretches[n].until_ms != UINT64_MAX)
        n++;
    return (int64_t)ms + a->stretches[n].offset_ms;
}

static struct day *find_day(struct aggregate *a, int32_t day)
{
    for (size_t d = a->open_count; d > 0; d--)
        if (a->open[d - 1].day == day)
            return &a->open[d - 1];
    assert(a->open_count < OPEN_MAX);
    a->open[a->open_count] = (struct day){.day = day};
    return &a->open[a->open_count++];
}

/* Where a clock goes back over midnight, moments of one date lie on both sides of the next. */
int32_t aggregate_ready(struct aggregate *a, bool all)
{
    enum { MARGIN_S = 3 * 3600 };
    int64_t done_s = ((int64_t)a->utc_day + 1) * DAY_S;
    for (size_t d = 0; d < a->open_count; d++)
        if (all || zone_day_start_s(a->zone, a->open[d].day + 1) + MARGIN_S <= done_s)
            return a->open[d].day;
    return -1;
}

void aggregate_drop(struct aggregate *a, int32_t day)
{
    struct day *d = find_day(a, day);
    for (int t = 0; t < AGGREGATE_TABLES; t++)
        map_done(&d->maps[t]);
    *d = a->open[--a->open_count];
}

/* --- a row --- */

const char aggregate_columns[] =
    "start_ms, length_ms, local, remote, packets_out, packets_in, octets_out, octets_in, marks, "
    "role, "
    "service, category, basis, candidates, country, asn, owner, sampling";

struct columns {
    const uint64_t *start_ms, *length_ms;
    const struct ip *local, *remote;
    const uint64_t *packets_out, *packets_in, *octets_out, *octets_in;
    const uint16_t *marks;
    const uint8_t *role;
    const uint16_t *service, *category;
    const uint8_t *basis;
    const uint32_t *candidates;
    const uint16_t *country;
    const uint32_t *asn;
    const uint8_t *owner;
    const uint32_t *sampling;
};

static const char *const types[] = {
    "UInt64", "UInt64", "FixedString(16)", "FixedString(16)", "UInt64", "UInt64",
    "UInt64", "UInt64", "UInt16",          "UInt8",           "UInt16", "UInt16",
    "UInt8",  "UInt32", "UInt16",          "UInt32",          "UInt8",  "UInt32",
};
enum { COLUMNS = sizeof types / sizeof *types };
static_assert(sizeof(struct columns) == COLUMNS * sizeof(void *), "one pointer a column");

struct sums {
    uint64_t packets_out, packets_in, octets_out, octets_in; /* scaled */
};

static uint64_t part(uint64_t counter, uint64_t span, uint64_t till)
{
    return counter / span * till + counter % span * till / span;
}

static void add_bin(struct map *m, struct activity_key *key, uint64_t bin, uint64_t bin_ms,
                    const struct sums *s, bool is_first)
{
    key->slot = (uint32_t)(bin * bin_ms / 1000);
    struct activity *e = map_at(m, key, sizeof *key, sizeof *e);
    e->flows += is_first;
    e->packets_out += s->packets_out;
    e->packets_in += s->packets_in;
    e->octets_out += s->octets_out;
    e->octets_in += s->octets_in;
}

/* Counters spread over the bins in proportion to time: derive.c, part_sql(). */
static void add_activity(struct aggregate *a, struct day *d, const struct columns *c, size_t row,
                         const struct sums *s)
{
    struct map *m = &d->maps[AGGREGATE_ACTIVITY];
    struct activity_key key = {.service = c->service[row],
                               .category = c->category[row],
                               .country = c->country[row],
                               .role = c->role[row],
                               .basis = c->basis[row],
                               .ambiguous = c->candidates[row] > 0,
                               .pivot = (c->marks[row] & MARK_PIVOT) != 0};
    uint64_t begin = c->start_ms[row], length = c->length_ms[row], bin_ms = a->bin_ms;
    uint64_t span = length > 0 && length < UINT64_C(1) << 32 ? length : 1;
    uint64_t first = begin / bin_ms, last = (begin + span - 1) / bin_ms;
    if (first == last) {
        add_bin(m, &key, first, bin_ms, s, true);
        return;
    }
    struct sums so_far = {0};
    for (uint64_t bin = first; bin <= last; bin++) {
        uint64_t till = bin == last ? span : (bin + 1) * bin_ms - begin;
        struct sums now = {part(s->packets_out, span, till), part(s->packets_in, span, till),
                           part(s->octets_out, span, till), part(s->octets_in, span, till)};
        struct sums here = {now.packets_out - so_far.packets_out,
                            now.packets_in - so_far.packets_in, now.octets_out - so_far.octets_out,
                            now.octets_in - so_far.octets_in};
        add_bin(m, &key, bin, bin_ms, &here, bin == first);
        so_far = now;
    }
}

static void add_daily(struct day *d, const struct columns *c, size_t row, const struct sums *s,
                      uint64_t slot)
{
    struct daily_key key = {.local = c->local[row],
                            .service = c->service[row],
                            .category = c->category[row],
                            .role = c->role[row],
                            .pivot = (c->marks[row] & MARK_PIVOT) != 0};
    struct daily *e = map_at(&d->maps[AGGREGATE_DAILY], &key, sizeof key, sizeof *e);
    e->flows++;
    e->packets += s->packets_out + s->packets_in;
    e->octets += s->octets_out + s->octets_in;
    e->slots |= slot;
}

static struct contact *contact_at(struct day *d, const struct contact_key *key)
{
    struct map *m = &d->maps[AGGREGATE_CONTACT];
    struct contact *e = (struct contact *)m->entries + d->last_contact;
    if (m->count && memcmp(&e->key, key, sizeof *key) == 0)
        return e;
    e = map_at(m, key, sizeof *key, sizeof *e);
    d->last_contact = (size_t)(e - (struct contact *)m->entries);
    return e;
}

static void add_contact(struct day *d, const struct columns *c, size_t row, const struct sums *s,
                        uint64_t slot)
{
    struct contact_key key = {.local = c->local[row],
                              .remote = c->remote[row],
                              .asn = c->asn[row],
                              .service = c->service[row],
                              .category = c->category[row],
                              .country = c->country[row],
                              .role = c->role[row],
                              .pivot = (c->marks[row] & MARK_PIVOT) != 0,
                              .owner = c->owner[row]};
    uint64_t start_ms = c->start_ms[row], end_ms = start_ms + c->length_ms[row];
    struct contact *e = contact_at(d, &key);
    if (e->flows == 0 || start_ms < e->first_ms)
        e->first_ms = start_ms;
    if (end_ms > e->last_ms)
        e->last_ms = end_ms;
    e->flows++;
    e->packets += s->packets_out + s->packets_in;
    e->octets += s->octets_out + s->octets_in;
    e->slots |= slot;
}

static void add_row(struct aggregate *a, const struct columns *c, size_t row)
{
    int64_t at = local_ms(a, c->start_ms[row]);
    int32_t day = (int32_t)(at / DAY_MS);
    if (day < 0 || day > UINT16_MAX || !(a->wanted[day / 8] >> (day % 8) & 1))
        return;
    uint64_t scale = c->sampling[row] ? c->sampling[row] : 1;
    struct sums s = {c->packets_out[row] * scale, c->packets_in[row] * scale,
                     c->octets_out[row] * scale, c->octets_in[row] * scale};
    uint8_t half_hour = (uint8_t)(at % DAY_MS / HALF_HOUR_MS);
    uint64_t slot = half_hour < 64 ? UINT64_C(1) << half_hour : 0;
    struct day *d = find_day(a, day);
    add_activity(a, d, c, row, &s);
    add_daily(d, c, row, &s, slot);
    add_contact(d, c, row, &s, slot);
}

int aggregate_add(struct aggregate *a, const struct block *b, struct error *err)
{
    const void *at[COLUMNS];
    struct columns c;
    if (block_columns(b) != COLUMNS)
        return error_set(err, ERROR_FAILED, "the engine gave %zu columns of %d", block_columns(b),
                         COLUMNS);
    for (size_t i = 0; i < COLUMNS; i++) {
        if (strcmp(block_column_type(b, i), types[i]) != 0)
            return error_set(err, ERROR_FAILED, "column %s has type %s, not %s",
                             block_column_name(b, i), block_column_type(b, i), types[i]);
        at[i] = block_values(b, i);
    }
    memcpy(&c, at, sizeof c);
    for (size_t row = 0; row < block_rows(b); row++)
        add_row(a, &c, row);
    return 0;
}

/* --- rows of a day --- */

struct out_column {
    const char *name, *type;
    size_t at, width;
};

#define OUT(table, name, in, type)                                                                 \
    {                                                                                              \
#name, type, offsetof(struct table, in), sizeof(((struct table *)NULL)->in)                \
    }

static const struct out_column activity_out[] = {
    OUT(activity, slot, key.slot, "UInt32"),
    OUT(activity, service, key.service, "UInt16"),
    OUT(activity, category, key.category, "UInt16"),
    OUT(activity, country, key.country, "UInt16"),
    OUT(activity, role, key.role, "UInt8"),
    OUT(activity, basis, key.basis, "UInt8"),
    OUT(activity, ambiguous, key.ambiguous, "UInt8"),
    OUT(activity, pivot, key.pivot, "UInt8"),
    OUT(activity, flows, flows, "UInt64"),
    OUT(activity, packets_out, packets_out, "UInt64"),
    OUT(activity, packets_in, packets_in, "UInt64"),
    OUT(activity, octets_out, octets_out, "UInt64"),
    OUT(activity, octets_in, octets_in, "UInt64"),
};

static const struct out_column daily_out[] = {
    OUT(daily, local, key.local, "FixedString(16)"),
    OUT(daily, service, key.service, "UInt16"),
    OUT(daily, category, key.category, "UInt16"),
    OUT(daily, role, key.role, "UInt8"),
    OUT(daily, pivot, key.pivot, "UInt8"),
    OUT(daily, flows, flows, "UInt64"),
    OUT(daily, packets, packets, "UInt64"),
    OUT(daily, octets, octets, "UInt64"),
    OUT(daily, slots, slots, "UInt64"),
};

static const struct out_column contact_out[] = {
    OUT(contact, local, key.local, "FixedString(16)"),
    OUT(contact, remote, key.remote, "FixedString(16)"),
    OUT(contact, service, key.service, "UInt16"),
    OUT(contact, category, key.category, "UInt16"),
    OUT(contact, role, key.role, "UInt8"),
    OUT(contact, pivot, key.pivot, "UInt8"),
    OUT(contact, country, key.country, "UInt16"),
    OUT(contact, asn, key.asn, "UInt32"),
    OUT(contact, owner, key.owner, "UInt8"),
    OUT(contact, first_ms, first_ms, "UInt64"),
    OUT(contact, last_ms, last_ms, "UInt64"),
    OUT(contact, flows, flows, "UInt64"),
    OUT(contact, packets, packets, "UInt64"),
    OUT(contact, octets, octets, "UInt64"),
    OUT(contact, slots, slots, "UInt64"),
};

static const struct {
    const struct out_column *columns;
    size_t count, size;
} outs[AGGREGATE_TABLES] = {
    {activity_out, sizeof activity_out / sizeof *activity_out, sizeof(struct activity)},
    {daily_out, sizeof daily_out / sizeof *daily_out, sizeof(struct daily)},
    {contact_out, sizeof contact_out / sizeof *contact_out, sizeof(struct contact)},
};

static void put_values(uint8_t *to, const struct map *m, size_t size, const struct out_column *c)
{
    const uint8_t *from = m->entries + c->at;
#define PUT(octets)                                                                                \
    case octets:                                                                                   \
        for (size_t i = 0; i < m->count; i++)                                                      \
            memcpy(to + i * octets, from + i * size, octets);                                      \
        break
    switch (c->width) {
        PUT(1);
        PUT(2);
        PUT(4);
        PUT(8);
        PUT(16);
    default:
        assert(false);
    }
#undef PUT
}

size_t aggregate_encode(struct aggregate *a, int32_t day, enum aggregate_table table,
                        struct buf *native, struct buf *columns)
{
    const struct map *m = &find_day(a, day)->maps[table];
    native_begin(native, outs[table].count + 1, m->count);
    uint8_t *room = native_column(native, "day", "Date", m->count * sizeof(uint16_t));
    buf_text(columns, "day");
    for (size_t i = 0; room && i < m->count; i++)
        memcpy(room + i * sizeof(uint16_t), &(uint16_t){(uint16_t)day}, sizeof(uint16_t));
    for (size_t i = 0; i < outs[table].count; i++) {
        const struct out_column *c = &outs[table].columns[i];
        buf_format(columns, ", %s", c->name);
        room = native_column(native, c->name, c->type, m->count * c->width);
        if (room)
            put_values(room, m, outs[table].size, c);
    }
    return m->count;
}
