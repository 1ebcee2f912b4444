/* SPDX-License-Identifier: Apache-2.0 */
#include "decode/exporters.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"

enum { KIN_STEPS = 16 }; /* how far a chain is searched: forged ports may not make it slow */

struct exporters {
    struct exporter **buckets, **kin;
    size_t mask, limit;
    uint64_t seed;
    struct queue newcomers, established;
    struct exporter *last;
    void (*gone)(void *ctx, struct exporter *e);
    void *ctx;
};

struct exporters *exporters_new(size_t limit, uint64_t seed,
                                void (*gone)(void *ctx, struct exporter *e), void *ctx)
{
    struct exporters *x = memory_alloc(sizeof *x);
    size_t buckets = 64;
    while (buckets < limit * 2)
        buckets *= 2;
    x->mask = buckets - 1;
    x->buckets = memory_array(buckets, sizeof(struct exporter *));
    x->kin = memory_array(buckets, sizeof(struct exporter *));
    x->limit = limit ? limit : 1;
    x->seed = seed;
    x->gone = gone;
    x->ctx = ctx;
    queue_init(&x->newcomers);
    queue_init(&x->established);
    return x;
}

static size_t kin_slot(const struct exporters *x, const struct exporter_key *k)
{
    uint64_t domain = (uint64_t)k->domain << 16 | k->version;
    return (size_t)hash_mix(hash_bytes(k->ip.octet, IP_OCTETS, x->seed), domain) & x->mask;
}

static size_t slot(const struct exporters *x, const struct exporter_key *k)
{
    uint64_t rest = (uint64_t)k->domain << 32 | (uint32_t)k->port << 16 | k->version;
    return (size_t)hash_mix(hash_bytes(k->ip.octet, IP_OCTETS, x->seed), rest) & x->mask;
}

static bool key_equal(const struct exporter_key *a, const struct exporter_key *b)
{
    return a->domain == b->domain && a->port == b->port && a->version == b->version &&
           ip_equal(&a->ip, &b->ip);
}

static void unchain(struct exporter **head, struct exporter *e, bool kin)
{
    while (*head != e)
        head = kin ? &(*head)->kin_next : &(*head)->bucket_next;
    *head = kin ? e->kin_next : e->bucket_next;
}

static void drop(struct exporters *x, struct exporter *e)
{
    x->gone(x->ctx, e);
    unchain(&x->buckets[slot(x, &e->key)], e, false);
    if (e->in_kin)
        unchain(&x->kin[kin_slot(x, &e->key)], e, true);
    queue_remove(e->established ? &x->established : &x->newcomers, &e->age);
    if (x->last == e)
        x->last = NULL;
    free(e);
}

void exporters_free(struct exporters *x)
{
    if (!x)
        return;
    struct queue_link *l;
    while ((l = queue_oldest(&x->newcomers)) || (l = queue_oldest(&x->established)))
        drop(x, QUEUE_ENTRY(l, struct exporter, age));
    free(x->buckets);
    free(x->kin);
    free(x);
}

size_t exporters_count(const struct exporters *x)
{
    return x->newcomers.count + x->established.count;
}

static struct exporter *make(struct exporters *x, const struct exporter_key *key)
{
    if (exporters_count(x) >= x->limit) {
        struct queue_link *l = queue_oldest(&x->newcomers);
        if (!l)
            l = queue_oldest(&x->established);
        drop(x, QUEUE_ENTRY(l, struct exporter, age));
    }
    struct exporter *e = memory_alloc(sizeof *e);
    e->key = *key;
    struct exporter **head = &x->buckets[slot(x, key)];
    e->bucket_next = *head;
    *head = e;
    queue_push(&x->newcomers, &e->age);
    return e;
}

struct exporter *exporter_at(struct exporters *x, const struct exporter_key *key)
{
    struct exporter *e = x->last;
    if (!e || !key_equal(&e->key, key)) {
        e = x->buckets[slot(x, key)];
        while (e && !key_equal(&e->key, key))
            e = e->bucket_next;
        if (!e)
            e = make(x, key);
        x->last = e;
    }
    queue_renew(e->established ? &x->established : &x->newcomers, &e->age);
    return e;
}

void exporter_good(struct exporters *x, struct exporter *e)
{
    if (e->established || ++e->good < ESTABLISHED_AFTER)
        return;
    queue_remove(&x->newcomers, &e->age);
    queue_push(&x->established, &e->age);
    e->established = true;
}

void exporter_defines(struct exporters *x, struct exporter *e)
{
    if (e->in_kin)
        return;
    struct exporter **head = &x->kin[kin_slot(x, &e->key)];
    e->kin_next = *head;
    *head = e;
    e->in_kin = true;
}

struct exporter *exporter_kin(struct exporters *x, const struct exporter *e,
                              const struct exporter *after)
{
    struct exporter *k = after ? after->kin_next : x->kin[kin_slot(x, &e->key)];
    for (int step = 0; k && step < KIN_STEPS; k = k->kin_next, step++)
        if (k != e && k->key.domain == e->key.domain && k->key.version == e->key.version &&
            ip_equal(&k->key.ip, &e->key.ip))
            return k;
    return NULL;
}
