/* SPDX-License-Identifier: Apache-2.0 */
/* Two tables. `names` interns the names (text, numbered). `entries` is set-associative: a hash of
 * (client, address) picks a set of eight, within which the least lately asked goes first; so memory
 * is fixed, a flood of answers costs what it costs, and it can only push out entries of its sets.
 * What anybody was told is the same table with the client zero.
 *
 * Names are never removed one by one: when the text or the number of names reaches its limit, the
 * table of names is renewed with those that entries still use. */
#include "attribute/learned.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

enum { WAYS = 8 };

struct entry {
    struct ip client, ip;
    uint64_t first_ms; /* start of the unbroken time for which the name was held */
    uint64_t asked_ms; /* last answer */
    uint64_t until_ms; /* believed until; 0: the entry is free */
    uint32_t name;     /* index in names, + 1 */
};

struct name {
    uint32_t at;
    uint8_t len;
};

struct learned {
    struct entry *entries;
    size_t set_mask;
    struct name *names;
    uint32_t *slots; /* name number + 1 */
    size_t name_count, name_max, slot_mask;
    char *text;
    size_t text_len, text_max;
    struct learned_counts counts;
    uint64_t seed;
};

struct learned *learned_new(size_t entries, size_t names)
{
    struct learned *l = memory_alloc(sizeof *l);
    size_t sets = 1, slots = 1;
    while (sets * WAYS < entries)
        sets *= 2;
    while (slots < names * 2)
        slots *= 2;
    l->entries = memory_array(sets * WAYS, sizeof *l->entries);
    l->set_mask = sets - 1;
    l->names = memory_array(names, sizeof *l->names);
    l->slots = memory_array(slots, sizeof *l->slots);
    l->slot_mask = slots - 1;
    l->name_max = names;
    l->text_max = names * 32;
    l->text = memory_array(l->text_max, 1);
    l->seed = (uint64_t)(uintptr_t)l;
    return l;
}

void learned_free(struct learned *l)
{
    if (!l)
        return;
    free(l->entries);
    free(l->names);
    free(l->slots);
    free(l->text);
    free(l);
}

/* --- names --- */

static uint32_t *name_slot(const struct learned *l, const char *name, size_t len)
{
    for (size_t i = hash_bytes(name, len, l->seed) & l->slot_mask;; i = (i + 1) & l->slot_mask) {
        uint32_t n = l->slots[i];
        if (n == 0 ||
            (l->names[n - 1].len == len && memcmp(l->text + l->names[n - 1].at, name, len) == 0))
            return &l->slots[i];
    }
}

static uint32_t name_put(struct learned *l, const char *name, size_t len)
{
    uint32_t *slot = name_slot(l, name, len);
    if (*slot)
        return *slot;
    if (l->name_count == l->name_max || l->text_len + len > l->text_max)
        return 0;
    memcpy(l->text + l->text_len, name, len);
    l->names[l->name_count] = (struct name){.at = (uint32_t)l->text_len, .len = (uint8_t)len};
    l->text_len += len;
    return *slot = (uint32_t)++l->name_count;
}

/* Keeps the names that entries use, and if those are still more than half of what there is room
 * for, only those of the entries asked lately. */
static void names_renew(struct learned *l)
{
    struct learned old = *l;
    size_t count = (l->set_mask + 1) * WAYS;
    uint64_t newest = 0, oldest = 0;
    for (size_t i = 0; i < count; i++)
        if (l->entries[i].until_ms && l->entries[i].asked_ms > newest)
            newest = l->entries[i].asked_ms;
    l->names = memory_array(l->name_max, sizeof *l->names);
    l->text = memory_array(l->text_max, 1);
    for (uint64_t span_ms = UINT64_MAX;; span_ms = span_ms == UINT64_MAX ? 86400000 : span_ms / 2) {
        l->name_count = l->text_len = 0;
        memset(l->slots, 0, (l->slot_mask + 1) * sizeof *l->slots);
        oldest = span_ms < newest ? newest - span_ms : 0;
        bool all = true;
        for (size_t i = 0; i < count && all; i++) {
            const struct entry *e = &l->entries[i];
            const struct name *n = e->until_ms ? &old.names[e->name - 1] : NULL;
            if (n && e->asked_ms >= oldest)
                all = name_put(l, old.text + n->at, n->len) && l->name_count <= l->name_max / 2;
        }
        if (all || span_ms == 0)
            break;
    }
    for (size_t i = 0; i < count; i++) {
        struct entry *e = &l->entries[i];
        if (!e->until_ms)
            continue;
        const struct name *n = &old.names[e->name - 1];
        e->name = e->asked_ms >= oldest ? *name_slot(l, old.text + n->at, n->len) : 0;
        if (!e->name)
            e->until_ms = 0, l->counts.evicted++;
    }
    l->counts.names_full++;
    free(old.names);
    free(old.text);
}

/* --- entries --- */

static const struct ip ANYBODY;

static struct entry *set_of(const struct learned *l, const struct ip *client, const struct ip *ip)
{
    uint64_t h = hash_bytes(client, sizeof *client, l->seed);
    return l->entries + (hash_bytes(ip, sizeof *ip, h) & l->set_mask) * WAYS;
}

static bool is_of(const struct entry *e, const struct ip *client, const struct ip *ip)
{
    return e->until_ms && ip_equal(&e->ip, ip) && ip_equal(&e->client, client);
}

/* The entry to write: the same name's; else, of a client that holds several, the oldest past the
 * limit; else a free one; else the least lately asked of the set. */
static struct entry *entry_for(struct learned *l, const struct ip *client, const struct ip *ip,
                               uint32_t name)
{
    struct entry *set = set_of(l, client, ip), *oldest = set, *own = NULL;
    size_t held = 0;
    for (struct entry *e = set; e < set + WAYS; e++) {
        if (is_of(e, client, ip)) {
            if (e->name == name)
                return e;
            held++;
            if (!own || e->asked_ms < own->asked_ms)
                own = e;
        }
        if (oldest->until_ms && (!e->until_ms || e->asked_ms < oldest->asked_ms))
            oldest = e;
    }
    struct entry *e = held >= LEARNED_NAMES_MAX ? own : oldest;
    l->counts.evicted += e->until_ms != 0;
    e->until_ms = 0;
    return e;
}

static void entry_put(struct learned *l, const struct ip *client, const struct ip *ip,
                      uint64_t time_ms, uint64_t until_ms, uint32_t name)
{
    struct entry *e = entry_for(l, client, ip, name);
    if (!e->until_ms || time_ms > e->until_ms + LEARNED_HOLD_MS) {
        *e = (struct entry){.client = *client,
                            .ip = *ip,
                            .first_ms = time_ms,
                            .asked_ms = time_ms,
                            .until_ms = until_ms,
                            .name = name};
        return;
    }
    if (time_ms < e->first_ms)
        e->first_ms = time_ms;
    if (time_ms > e->asked_ms)
        e->asked_ms = time_ms;
    if (until_ms > e->until_ms)
        e->until_ms = until_ms;
}

void learned_add(struct learned *l, const struct ip *client, const struct ip *ip, uint64_t time_ms,
                 uint32_t ttl_s, const char *name, size_t len)
{
    if (len == 0 || len > 255)
        return;
    uint32_t number = name_put(l, name, len);
    if (!number) {
        names_renew(l);
        number = name_put(l, name, len);
    }
    if (!number)
        return;
    l->counts.answers++;
    uint64_t ttl = ttl_s < LEARNED_TTL_MIN_S ? LEARNED_TTL_MIN_S : ttl_s;
    ttl = ttl > LEARNED_TTL_MAX_S ? LEARNED_TTL_MAX_S : ttl;
    uint64_t until_ms = time_ms + ttl * 1000;
    entry_put(l, client, ip, time_ms, until_ms, number);
    entry_put(l, &ANYBODY, ip, time_ms, until_ms, number);
}

size_t learned_find(struct learned *l, const struct ip *client, const struct ip *ip,
                    uint64_t start_ms, struct learned_name ret[LEARNED_NAMES_MAX])
{
    if (!client)
        client = &ANYBODY;
    struct entry *set = set_of(l, client, ip);
    size_t count = 0;
    for (struct entry *e = set; e < set + WAYS && count < LEARNED_NAMES_MAX; e++) {
        if (!is_of(e, client, ip) || start_ms + LEARNED_SLACK_MS < e->first_ms ||
            start_ms > e->until_ms)
            continue;
        const struct name *n = &l->names[e->name - 1];
        uint64_t asked = e->asked_ms <= start_ms + LEARNED_SLACK_MS ? e->asked_ms : e->first_ms;
        size_t at = count++;
        for (; at > 0 && ret[at - 1].asked_ms < asked; at--)
            ret[at] = ret[at - 1];
        ret[at] = (struct learned_name){
            .name = bytes_of(l->text + n->at, n->len), .number = e->name, .asked_ms = asked};
    }
    return count;
}

void learned_held(struct learned *l, const struct ip *client, const struct ip *ip, uint32_t number,
                  uint64_t end_ms)
{
    struct entry *set = set_of(l, client, ip);
    for (struct entry *e = set; e < set + WAYS; e++) {
        if (!is_of(e, client, ip) || e->name != number)
            continue;
        uint64_t last_ms = e->asked_ms + LEARNED_TTL_MAX_S * 1000ull;
        uint64_t until_ms = end_ms + LEARNED_HOLD_MS < last_ms ? end_ms + LEARNED_HOLD_MS : last_ms;
        if (e->until_ms < until_ms)
            e->until_ms = until_ms;
    }
}

struct learned_counts learned_counts(const struct learned *l)
{
    return l->counts;
}
