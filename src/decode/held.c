/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/held.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "decode/exporters.h"
#include "decode/queue.h"

enum { BUCKETS = 1024 };

struct held_entry {
    struct queue_link age, chain;
    struct exporter *e;
    struct held_set set;
    uint8_t octets[];
};

struct held {
    struct queue all;
    struct queue buckets[BUCKETS]; /* by exporter, oldest first */
    size_t octets, limit;
};

struct held *held_new(size_t limit_octets)
{
    struct held *h = memory_alloc(sizeof *h);
    h->limit = limit_octets;
    queue_init(&h->all);
    for (size_t i = 0; i < BUCKETS; i++)
        queue_init(&h->buckets[i]);
    return h;
}

static struct queue *bucket(struct held *h, const struct exporter *e)
{
    return &h->buckets[hash_mix((uint64_t)(uintptr_t)e, 0) % BUCKETS];
}

static size_t cost(size_t octets)
{
    return sizeof(struct held_entry) + octets;
}

void held_drop(struct held *h, struct held_entry *entry)
{
    h->octets -= cost(entry->set.data.len);
    entry->e->held_octets -= cost(entry->set.data.len);
    queue_remove(&h->all, &entry->age);
    queue_remove(bucket(h, entry->e), &entry->chain);
    free(entry);
}

void held_free(struct held *h)
{
    if (!h)
        return;
    held_forget(h, NULL);
    free(h);
}

size_t held_add(struct held *h, struct exporter *e, const struct held_set *set)
{
    size_t dropped = 0, need = cost(set->data.len);
    if (need > h->limit || e->held_octets + need > HELD_AN_EXPORTER_OCTETS)
        return 1;
    for (struct queue_link *l; (l = queue_oldest(&h->all)); dropped++) {
        struct held_entry *oldest = QUEUE_ENTRY(l, struct held_entry, age);
        bool stale = oldest->set.arrival_ms + HELD_AGE_MS < set->arrival_ms;
        if (!stale && h->octets + need <= h->limit)
            break;
        held_drop(h, oldest);
    }
    struct held_entry *entry = memory_alloc(sizeof *entry + set->data.len);
    entry->e = e;
    entry->set = *set;
    memcpy(entry->octets, set->data.at, set->data.len);
    entry->set.data.at = entry->octets;
    queue_push(&h->all, &entry->age);
    queue_push(bucket(h, e), &entry->chain);
    h->octets += need;
    e->held_octets += need;
    return dropped;
}

struct held_entry *held_find(struct held *h, const struct exporter *e, uint16_t id,
                             struct held_set *ret)
{
    struct queue *b = bucket(h, e);
    for (struct queue_link *l = b->ends.younger; l != &b->ends; l = l->younger) {
        struct held_entry *entry = QUEUE_ENTRY(l, struct held_entry, chain);
        if (entry->e == e && entry->set.id == id) {
            *ret = entry->set;
            return entry;
        }
    }
    return NULL;
}

size_t held_forget(struct held *h, const struct exporter *e)
{
    size_t count = 0;
    struct queue *q = e ? bucket(h, e) : &h->all;
    struct queue_link *next;
    for (struct queue_link *l = q->ends.younger; l != &q->ends; l = next) {
        next = l->younger;
        struct held_entry *entry =
            e ? QUEUE_ENTRY(l, struct held_entry, chain) : QUEUE_ENTRY(l, struct held_entry, age);
        if (e && entry->e != e)
            continue;
        held_drop(h, entry);
        count++;
    }
    return count;
}

size_t held_octets(const struct held *h)
{
    return h->octets;
}
