/* SPDX-License-Identifier: Apache-2.0 */
/* Which conversation has been idle longest is kept by a wheel of slots instead of a list in order
 * of use: a packet then touches its own entry alone, not two neighbours in memory, and an entry
 * moves only when its slot comes up and it turns out to have been used since. Whether a
 * conversation is over is always decided by its own times, so the wheel may lag behind (its work
 * per packet is bounded) without any effect on what is reported. */
#include "meter/cache.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/random.h>

#include "base/hash.h"
#include "base/memory.h"

enum {
    SLOTS = 128,
    SLOTS_IDLE = 64,
    SLOT_NONE = UINT8_MAX /* a free entry */,
    OLDEST_LOOKS = 64,
    LINE = 64
};

struct cache {
    void *memory;
    struct flow *flows; /* [0] is not used */
    struct name *names;
    struct told *told;
    uint32_t *buckets;
    uint32_t bucket_mask, free, fresh, count, count_max;
    uint64_t seed, now_ms, tick; /* `tick`: the wheel's position, in units of width_ms */
    uint32_t idle_ms, width_ms;
    uint32_t slots[SLOTS]; /* first entry of each */
    uint32_t any;          /* where cache_any() goes on */
};

static_assert(sizeof(struct flow) == 128, "two cache lines");

struct cache *cache_new(size_t count_max, uint32_t idle_ms)
{
    assert(count_max > 0 && count_max < UINT32_MAX / 4);
    struct cache *c = memory_alloc(sizeof *c);
    uint32_t buckets = 64;
    while (buckets < count_max)
        buckets *= 2;
    c->buckets = memory_array(buckets, sizeof *c->buckets);
    c->bucket_mask = buckets - 1;
    /* Zeroed memory that the system gives page by page when it is first touched. */
    c->memory = memory_array(count_max + 2, sizeof *c->flows);
    c->flows = (struct flow *)(((uintptr_t)c->memory + LINE - 1) / LINE * LINE);
    c->names = memory_array(count_max + 1, sizeof *c->names);
    c->told = memory_array(count_max + 1, sizeof *c->told);
    c->count_max = (uint32_t)count_max;
    c->fresh = 1;
    c->idle_ms = idle_ms;
    c->width_ms = idle_ms / SLOTS_IDLE + 1;
    if (getrandom(&c->seed, sizeof c->seed, GRND_NONBLOCK) != (ssize_t)sizeof c->seed)
        c->seed = (uint64_t)(uintptr_t)c;
    return c;
}

void cache_free(struct cache *c)
{
    if (!c)
        return;
    free(c->memory);
    free(c->names);
    free(c->told);
    free(c->buckets);
    free(c);
}

struct flow *cache_at(const struct cache *c, uint32_t index)
{
    return &c->flows[index];
}

struct name *cache_name(const struct cache *c, uint32_t index)
{
    return &c->names[index];
}

struct told *cache_told(const struct cache *c, uint32_t index)
{
    return &c->told[index];
}

size_t cache_count(const struct cache *c)
{
    return c->count;
}

static uint64_t hash_end(const struct cache *c, const struct flow_key *key, int end)
{
    uint64_t words[2];
    memcpy(words, key->ip[end].octet, sizeof words);
    return hash_mix(hash_mix(words[0] ^ c->seed, words[1]), key->port[end]);
}

/* The same for both directions: the sum of the ends does not know their order. */
uint32_t cache_hash(const struct cache *c, const struct flow_key *key)
{
    uint64_t ends = hash_end(c, key, 0) + hash_end(c, key, 1);
    return (uint32_t)hash_mix(ends, c->seed + key->protocol);
}

static bool end_equal(const struct flow_key *a, int i, const struct flow_key *b, int k)
{
    return a->port[i] == b->port[k] && ip_equal(&a->ip[i], &b->ip[k]);
}

uint32_t cache_find(const struct cache *c, const struct flow_key *key, uint32_t hash,
                    unsigned *direction)
{
    for (uint32_t i = c->buckets[hash & c->bucket_mask]; i; i = c->flows[i].next) {
        const struct flow *f = &c->flows[i];
        if (f->hash != hash || f->key.protocol != key->protocol)
            continue;
        if (end_equal(&f->key, 0, key, 0) && end_equal(&f->key, 1, key, 1))
            *direction = 0;
        else if (end_equal(&f->key, 0, key, 1) && end_equal(&f->key, 1, key, 0))
            *direction = 1;
        else
            continue;
        return i;
    }
    return 0;
}

static void wheel_take(struct cache *c, struct flow *f)
{
    if (f->earlier)
        c->flows[f->earlier].later = f->later;
    else
        c->slots[f->slot] = f->later;
    if (f->later)
        c->flows[f->later].earlier = f->earlier;
}

/* The tick in which the conversation will be over if no more packets come. */
static uint64_t over_tick(const struct cache *c, const struct flow *f)
{
    return (f->end_ms + c->idle_ms) / c->width_ms + 1;
}

static void wheel_put(struct cache *c, uint32_t index)
{
    struct flow *f = &c->flows[index];
    uint64_t tick = over_tick(c, f);
    if (tick <= c->tick)
        tick = c->tick + 1;
    if (tick >= c->tick + SLOTS)
        tick = c->tick + SLOTS - 1;
    f->slot = (uint8_t)(tick % SLOTS);
    f->earlier = 0;
    f->later = c->slots[f->slot];
    if (f->later)
        c->flows[f->later].earlier = index;
    c->slots[f->slot] = index;
}

uint32_t cache_add(struct cache *c, const struct flow_key *key, uint32_t hash, uint64_t time_ms)
{
    if (c->count == c->count_max)
        return 0;
    uint32_t index = c->free ? c->free : c->fresh++;
    struct flow *f = &c->flows[index];
    if (c->free)
        c->free = f->next;
    *f = (struct flow){.key = *key, .hash = hash, .start_ms = time_ms, .end_ms = time_ms};
    f->next = c->buckets[hash & c->bucket_mask];
    c->buckets[hash & c->bucket_mask] = index;
    wheel_put(c, index);
    c->count++;
    return index;
}

void cache_remove(struct cache *c, uint32_t index)
{
    struct flow *f = &c->flows[index];
    assert(index && f->slot != SLOT_NONE && c->count);
    uint32_t *link = &c->buckets[f->hash & c->bucket_mask];
    while (*link != index)
        link = &c->flows[*link].next;
    *link = f->next;
    wheel_take(c, f);
    f->slot = SLOT_NONE;
    f->next = c->free;
    c->free = index;
    c->count--;
}

bool cache_is_over(const struct cache *c, const struct flow *f, uint64_t time_ms)
{
    return time_ms > f->end_ms ? time_ms - f->end_ms > c->idle_ms
                               : f->start_ms > time_ms && f->start_ms - time_ms > c->idle_ms;
}

void cache_clock(struct cache *c, uint64_t time_ms)
{
    if (time_ms > c->now_ms || c->now_ms - time_ms > c->idle_ms)
        c->now_ms = time_ms;
    uint64_t tick = c->now_ms / c->width_ms;
    /* After a leap each slot is visited once, wherever the wheel stood before. */
    if (tick > c->tick + SLOTS)
        c->tick = tick - SLOTS;
    else if (tick < c->tick)
        c->tick = tick;
}

uint32_t cache_idle(struct cache *c, unsigned *budget)
{
    uint64_t until = c->now_ms / c->width_ms;
    while (c->tick < until) {
        uint32_t index = c->slots[c->tick % SLOTS];
        if (index == 0) {
            c->tick++;
            continue;
        }
        if (*budget == 0)
            return 0;
        --*budget;
        struct flow *f = &c->flows[index];
        if (cache_is_over(c, f, c->now_ms))
            return index;
        wheel_take(c, f);
        wheel_put(c, index);
    }
    return 0;
}

uint32_t cache_oldest(struct cache *c)
{
    unsigned looks = 0;
    for (unsigned i = 0; i < SLOTS; i++) {
        uint32_t slot = (uint32_t)((c->tick + i) % SLOTS), index;
        while ((index = c->slots[slot])) {
            struct flow *f = &c->flows[index];
            if (over_tick(c, f) <= c->tick + i || cache_is_over(c, f, c->now_ms) ||
                ++looks > OLDEST_LOOKS)
                return index;
            wheel_take(c, f);
            wheel_put(c, index);
            if (f->slot == slot)
                return index;
        }
    }
    return 0;
}

uint32_t cache_any(struct cache *c)
{
    if (c->count == 0)
        return 0;
    for (;; c->any++) {
        if (c->any == 0 || c->any >= c->fresh)
            c->any = 1;
        if (c->flows[c->any].slot != SLOT_NONE)
            return c->any;
    }
}
