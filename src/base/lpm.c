/* SPDX-License-Identifier: Apache-2.0 */
/* Why sorted ranges and not a trie: nested prefixes are flattened once, at the seal, into disjoint
 * ranges in ascending order; an address belongs to the last range that starts at or before it. A
 * first-level index by leading bits narrows the search to a few neighbours that share a cache line.
 *
 *   prefixes   10/8 = A, 10.1/16 = B    ->   ranges   0: -   10.0.0.0: A   10.1.0.0: B
 *                                                     10.2.0.0: A   11.0.0.0: -
 *
 * The index covers only the span between the first and the last boundary, with about one slot a
 * range: a table of three prefixes takes some hundred octets, and IPv6's crowd in 2000::/3 does not
 * waste it. IPv4 has its own ranges of 8 octets, since nearly all traffic and prefixes are that.
 *
 * One look-up is two dependent cache misses, which a core could overlap with those of other
 * addresses; lpm_lookup_many() therefore walks LANES addresses through each step together. */
#include "base/lpm.h"

#include <assert.h>
#include <stdlib.h>

#include "base/memory.h"

typedef unsigned __int128 u128;

enum { LANES = 16, INDEX_BITS_MAX = 22 };

struct added {
    u128 start;
    uint32_t order; /* of lpm_add() */
    uint32_t value;
    uint8_t len_bits;
};

struct range4 {
    uint32_t start, value;
};

struct range6 {
    u128 start;
    uint32_t value;
};

/* Ranges [index[s], index[s + 1]] can hold an address of slot s. */
struct ranges {
    void *at;         /* struct range4 or range6, `count` of them; the first starts at 0 */
    uint32_t *prefix; /* the prefix each range came from, LPM_NONE where none */
    uint32_t *index;
    size_t count;
    u128 base, span; /* addresses base .. base + span fall into slots */
    unsigned shift;
    size_t slots;
};

struct lpm {
    struct added *added;
    size_t count, size;
    bool sealed;
    struct ranges v4, v6; /* v6: every address that is not IPv4 */
};

static const u128 V4_BASE = (u128)0xffff << 32;

static u128 key_of(const struct ip *ip)
{
    uint64_t hi, lo;
    memcpy(&hi, ip->octet, 8);
    memcpy(&lo, ip->octet + 8, 8);
    return (u128)__builtin_bswap64(hi) << 64 | __builtin_bswap64(lo);
}

static u128 last_of(const struct added *a)
{
    return a->len_bits == 128 ? a->start : a->start | (~(u128)0 >> a->len_bits);
}

struct lpm *lpm_new(void)
{
    return memory_alloc(sizeof(struct lpm));
}

void lpm_free(struct lpm *l)
{
    if (!l)
        return;
    struct ranges *both[] = {&l->v4, &l->v6};
    for (size_t i = 0; i < 2; i++) {
        free(both[i]->at);
        free(both[i]->prefix);
        free(both[i]->index);
    }
    free(l->added);
    free(l);
}

void lpm_add(struct lpm *l, const struct prefix *p, uint32_t value)
{
    assert(!l->sealed && value != LPM_NONE && p->len_bits <= 128);
    if (l->count == l->size) {
        l->size = l->size ? l->size * 2 : 16;
        l->added = memory_resize(l->added, l->size, sizeof *l->added);
    }
    u128 host = p->len_bits == 128 ? 0 : ~(u128)0 >> p->len_bits;
    l->added[l->count] = (struct added){.start = key_of(&p->ip) & ~host,
                                        .order = (uint32_t)l->count,
                                        .value = value,
                                        .len_bits = p->len_bits};
    l->count++;
}

static int by_start(const void *left, const void *right)
{
    const struct added *a = left, *b = right;
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    if (a->len_bits != b->len_bits)
        return a->len_bits < b->len_bits ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* A prefix given twice: the later one stays. */
static void drop_replaced(struct lpm *l)
{
    size_t kept = 0;
    for (size_t i = 0; i < l->count; i++) {
        const struct added *next = i + 1 < l->count ? &l->added[i + 1] : NULL;
        if (next && next->start == l->added[i].start && next->len_bits == l->added[i].len_bits)
            continue;
        l->added[kept++] = l->added[i];
    }
    l->count = kept;
}

struct boundary {
    u128 start;
    uint32_t prefix;
};

struct boundaries {
    struct boundary *at;
    size_t count;
};

static void put_boundary(struct boundaries *b, u128 start, uint32_t prefix)
{
    if (b->at[b->count - 1].start == start)
        b->at[b->count - 1].prefix = prefix;
    else
        b->at[b->count++] = (struct boundary){start, prefix};
}

/* The prefixes, outer before inner, on a stack: each start opens a range, each end goes back to
 * the prefix around it. Prefixes nest and never cross, so 129 levels are enough. */
static struct boundaries flatten(const struct lpm *l)
{
    struct boundaries b = {memory_array(2 * l->count + 1, sizeof *b.at), 1};
    b.at[0] = (struct boundary){0, LPM_NONE};
    uint32_t open[130];
    size_t depth = 0;
    for (size_t i = 0; i <= l->count; i++) {
        while (depth > 0) {
            u128 last = last_of(&l->added[open[depth - 1]]);
            if (i < l->count && last >= l->added[i].start)
                break;
            depth--;
            if (last != ~(u128)0)
                put_boundary(&b, last + 1, depth ? open[depth - 1] : LPM_NONE);
        }
        if (i < l->count) {
            put_boundary(&b, l->added[i].start, (uint32_t)i);
            open[depth++] = (uint32_t)i;
        }
    }
    return b;
}

static u128 start_at(const struct ranges *r, bool v4, size_t i)
{
    return v4 ? ((const struct range4 *)r->at)[i].start : ((const struct range6 *)r->at)[i].start;
}

static size_t slot_of(const struct ranges *r, u128 key)
{
    if (key < r->base)
        return 0;
    u128 off = key - r->base;
    return (size_t)((off > r->span ? r->span : off) >> r->shift);
}

static void build_index(struct ranges *r, bool v4)
{
    r->base = r->count > 1 ? start_at(r, v4, 1) : 0;
    r->span = r->count > 1 ? start_at(r, v4, r->count - 1) - r->base : 0;
    unsigned bits = 0, span_bits = 0;
    while (bits < INDEX_BITS_MAX && (size_t)1 << bits < r->count)
        bits++;
    while (span_bits < 128 && r->span >> span_bits)
        span_bits++;
    r->shift = span_bits > bits ? span_bits - bits : 0;
    r->slots = (size_t)(r->span >> r->shift) + 1;
    r->index = memory_array(r->slots + 1, sizeof *r->index);
    size_t i = 0;
    for (size_t s = 0; s < r->slots; s++) {
        /* The last range that starts at or before the slot's first address; slot 0 begins at 0. */
        u128 first = s == 0 ? 0 : r->base + ((u128)s << r->shift);
        while (i + 1 < r->count && start_at(r, v4, i + 1) <= first)
            i++;
        r->index[s] = (uint32_t)i;
    }
    r->index[r->slots] = (uint32_t)(r->count - 1);
}

static void put_range(struct ranges *r, bool v4, u128 start, uint32_t prefix, uint32_t value)
{
    if (v4)
        ((struct range4 *)r->at)[r->count] = (struct range4){(uint32_t)start, value};
    else
        ((struct range6 *)r->at)[r->count] = (struct range6){start, value};
    if (r->prefix)
        r->prefix[r->count] = prefix;
    r->count++;
}

/* The part of the boundaries that lies in IPv4's 96-bit prefix, or all of them. */
static void build_ranges(struct ranges *r, const struct lpm *l, const struct boundaries *b, bool v4)
{
    u128 first = v4 ? V4_BASE : 0, last = v4 ? V4_BASE + UINT32_MAX : ~(u128)0;
    size_t from = 0, to;
    while (from + 1 < b->count && b->at[from + 1].start <= first)
        from++;
    for (to = from; to + 1 < b->count && b->at[to + 1].start <= last;)
        to++;
    r->at = memory_array(to - from + 1, v4 ? sizeof(struct range4) : sizeof(struct range6));
    r->prefix = memory_array(to - from + 1, sizeof *r->prefix);
    for (size_t i = from; i <= to; i++) {
        u128 start = b->at[i].start < first ? first : b->at[i].start;
        /* Ranges that end within IPv4 are never asked for in the other table. */
        if (!v4 && start >= V4_BASE && i < to && b->at[i + 1].start <= V4_BASE + UINT32_MAX + 1)
            continue;
        uint32_t p = b->at[i].prefix;
        put_range(r, v4, start - first, p, p == LPM_NONE ? LPM_NONE : l->added[p].value);
    }
    build_index(r, v4);
}

void lpm_seal(struct lpm *l)
{
    if (l->sealed)
        return;
    if (l->count)
        qsort(l->added, l->count, sizeof *l->added, by_start);
    drop_replaced(l);
    struct boundaries b = flatten(l);
    build_ranges(&l->v4, l, &b, true);
    build_ranges(&l->v6, l, &b, false);
    free(b.at);
    l->sealed = true;
}

static uint32_t value_at(const struct ranges *r, bool v4, size_t i)
{
    return v4 ? ((const struct range4 *)r->at)[i].value : ((const struct range6 *)r->at)[i].value;
}

/* All tables' ranges begin at 0, so each has one that holds any address: they advance together from
 * one change to the next. */
static void combine_ranges(struct ranges *out, const struct ranges *const *in, size_t count,
                           bool v4, uint32_t (*combine)(void *, const uint32_t *), void *context)
{
    size_t at[LPM_COMBINE_MAX] = {0}, room = 0;
    uint32_t values[LPM_COMBINE_MAX];
    u128 start = 0;
    for (size_t k = 0; k < count; k++)
        room += in[k]->count;
    out->at = memory_array(room, v4 ? sizeof(struct range4) : sizeof(struct range6));
    out->prefix = NULL;
    for (bool more = true; more;) {
        for (size_t k = 0; k < count; k++)
            values[k] = value_at(in[k], v4, at[k]);
        uint32_t value = combine(context, values);
        if (out->count == 0 || value_at(out, v4, out->count - 1) != value)
            put_range(out, v4, start, LPM_NONE, value);
        more = false;
        u128 next = 0;
        for (size_t k = 0; k < count; k++)
            if (at[k] + 1 < in[k]->count && (!more || start_at(in[k], v4, at[k] + 1) < next))
                more = true, next = start_at(in[k], v4, at[k] + 1);
        for (size_t k = 0; k < count; k++)
            if (more && at[k] + 1 < in[k]->count && start_at(in[k], v4, at[k] + 1) == next)
                at[k]++;
        start = next;
    }
    build_index(out, v4);
}

struct lpm *lpm_combine(const struct lpm *const *tables, size_t count,
                        uint32_t (*combine)(void *context, const uint32_t *values), void *context)
{
    struct lpm *l = lpm_new();
    const struct ranges *in[LPM_COMBINE_MAX];
    assert(count > 0 && count <= LPM_COMBINE_MAX);
    for (int v4 = 0; v4 < 2; v4++) {
        for (size_t k = 0; k < count; k++) {
            assert(tables[k]->sealed);
            in[k] = v4 ? &tables[k]->v4 : &tables[k]->v6;
        }
        combine_ranges(v4 ? &l->v4 : &l->v6, in, count, v4, combine, context);
    }
    l->sealed = true;
    return l;
}

size_t lpm_count(const struct lpm *l)
{
    return l->count;
}

size_t lpm_memory_octets(const struct lpm *l)
{
    return sizeof *l + l->size * sizeof *l->added +
           l->v4.count * (sizeof(struct range4) + sizeof(uint32_t)) +
           l->v6.count * (sizeof(struct range6) + sizeof(uint32_t)) +
           (l->v4.slots + l->v6.slots + 2) * sizeof(uint32_t);
}

/* Addresses of one family on their way through the steps together. */
struct lanes {
    size_t count;
    u128 key[LANES];
    uint32_t slot[LANES], low[LANES], left[LANES];
    uint32_t *value[LANES]; /* where the answer goes */
};

static void narrow(const struct ranges *r, struct lanes *lanes)
{
    for (size_t i = 0; i < lanes->count; i++) {
        lanes->slot[i] = (uint32_t)slot_of(r, lanes->key[i]);
        __builtin_prefetch(&r->index[lanes->slot[i]]);
    }
    for (size_t i = 0; i < lanes->count; i++) {
        lanes->low[i] = r->index[lanes->slot[i]];
        lanes->left[i] = r->index[lanes->slot[i] + 1] - lanes->low[i] + 1;
    }
}

/* Branch-free binary search for the last start <= key among `left` ranges from `low` on. */
#define DEFINE_SEARCH(name, range, key_type)                                                       \
    static void name(const struct ranges *r, struct lanes *lanes)                                  \
    {                                                                                              \
        const range *at = r->at;                                                                   \
        narrow(r, lanes);                                                                          \
        for (size_t i = 0; i < lanes->count; i++)                                                  \
            __builtin_prefetch(&at[lanes->low[i] + lanes->left[i] / 2]);                           \
        for (bool more = true; more;) {                                                            \
            more = false;                                                                          \
            for (size_t i = 0; i < lanes->count; i++) {                                            \
                uint32_t half = lanes->left[i] / 2;                                                \
                uint32_t mid = lanes->low[i] + half;                                               \
                lanes->low[i] = at[mid].start <= (key_type)lanes->key[i] ? mid : lanes->low[i];    \
                lanes->left[i] -= half;                                                            \
                more |= lanes->left[i] > 1;                                                        \
            }                                                                                      \
        }                                                                                          \
        for (size_t i = 0; i < lanes->count; i++)                                                  \
            *lanes->value[i] = at[lanes->low[i]].value;                                            \
        lanes->count = 0;                                                                          \
    }
DEFINE_SEARCH(search4, struct range4, uint32_t)
DEFINE_SEARCH(search6, struct range6, u128)

static void lane_add(struct lanes *lanes, u128 key, uint32_t *value)
{
    lanes->key[lanes->count] = key;
    lanes->value[lanes->count++] = value;
}

void lpm_lookup_many(const struct lpm *l, const struct ip *ips, size_t count, uint32_t *values)
{
    assert(l->sealed);
    struct lanes v4, v6;
    v4.count = v6.count = 0;
    for (size_t i = 0; i < count; i++) {
        u128 key = key_of(&ips[i]);
        if (key >> 32 == 0xffff) {
            lane_add(&v4, (uint32_t)key, &values[i]);
            if (v4.count == LANES)
                search4(&l->v4, &v4);
        } else {
            lane_add(&v6, key, &values[i]);
            if (v6.count == LANES)
                search6(&l->v6, &v6);
        }
    }
    search4(&l->v4, &v4);
    search6(&l->v6, &v6);
}

void lpm_mark_v4(const struct lpm *l, uint64_t map[LPM_MARK_WORDS])
{
    assert(l->sealed && l->v4.prefix);
    const struct range4 *ranges = l->v4.at;
    for (size_t i = 0; i < l->v4.count; i++) {
        if (ranges[i].value == LPM_NONE)
            continue;
        uint32_t last = i + 1 < l->v4.count ? ranges[i + 1].start - 1 : UINT32_MAX;
        for (uint32_t block = ranges[i].start >> 16; block <= last >> 16; block++)
            map[block / 64] |= UINT64_C(1) << (block % 64);
    }
}

/* The range that holds the address. */
static size_t range_of(const struct ranges *r, bool v4, u128 key)
{
    size_t slot = slot_of(r, key);
    size_t low = r->index[slot], left = r->index[slot + 1] - low + 1;
    while (left > 1) {
        size_t half = left / 2;
        low = start_at(r, v4, low + half) <= key ? low + half : low;
        left -= half;
    }
    return low;
}

uint32_t lpm_lookup(const struct lpm *l, const struct ip *ip)
{
    assert(l->sealed);
    u128 key = key_of(ip);
    if (key >> 32 == 0xffff) {
        const struct range4 *at = l->v4.at;
        return at[range_of(&l->v4, true, (uint32_t)key)].value;
    }
    const struct range6 *at = l->v6.at;
    return at[range_of(&l->v6, false, key)].value;
}

bool lpm_find(const struct lpm *l, const struct ip *ip, struct prefix *ret, uint32_t *value)
{
    assert(l->sealed);
    u128 key = key_of(ip);
    bool v4 = key >> 32 == 0xffff;
    const struct ranges *r = v4 ? &l->v4 : &l->v6;
    assert(r->prefix);
    uint32_t p = r->prefix[range_of(r, v4, v4 ? (uint32_t)key : key)];
    if (p == LPM_NONE)
        return false;
    const struct added *a = &l->added[p];
    uint64_t hi = __builtin_bswap64((uint64_t)(a->start >> 64));
    uint64_t lo = __builtin_bswap64((uint64_t)a->start);
    memcpy(ret->ip.octet, &hi, 8);
    memcpy(ret->ip.octet + 8, &lo, 8);
    ret->len_bits = a->len_bits;
    *value = a->value;
    return true;
}
