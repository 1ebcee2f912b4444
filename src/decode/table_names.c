/* SPDX-License-Identifier: Apache-2.0 */
/* Two generations: names go to the young one; when it is full, the old one is emptied and becomes
 * the young one. Keys are kept as 64-bit hashes: two of a billion ids collide with probability
 * 0.03. */
#include "decode/table_names.h"

#include <string.h>

#include "base/hash.h"
#include "base/memory.h"

enum { OCTETS_A_NAME = 32, LONGEST = 253 };

struct slot {
    uint64_t key; /* 0: free */
    uint32_t at;
    uint8_t len, kind;
};

struct generation {
    struct slot *slots;
    char *pool;
    size_t count, pool_len;
};

struct table_names {
    struct generation g[2];
    int young;
    size_t limit, slot_mask, pool_size;
    uint64_t forgotten;
};

struct table_names *table_names_new(size_t count)
{
    struct table_names *n = memory_alloc(sizeof *n);
    size_t slots = 64;
    n->limit = count / 2 ? count / 2 : 1;
    while (slots < n->limit * 2)
        slots *= 2;
    n->slot_mask = slots - 1;
    n->pool_size = n->limit * OCTETS_A_NAME + LONGEST;
    for (int i = 0; i < 2; i++) {
        n->g[i].slots = memory_array(slots, sizeof *n->g[i].slots);
        n->g[i].pool = memory_alloc(n->pool_size);
    }
    return n;
}

void table_names_free(struct table_names *n)
{
    if (!n)
        return;
    for (int i = 0; i < 2; i++) {
        free(n->g[i].slots);
        free(n->g[i].pool);
    }
    free(n);
}

static void empty(const struct table_names *n, struct generation *g)
{
    if (g->count)
        memset(g->slots, 0, (n->slot_mask + 1) * sizeof *g->slots);
    g->count = 0;
    g->pool_len = 0;
}

void table_names_clear(struct table_names *n)
{
    empty(n, &n->g[0]);
    empty(n, &n->g[1]);
    n->forgotten = 0;
}

static uint64_t key_of(struct bytes key)
{
    uint64_t h = hash_bytes(key.at, key.len, 0x7461626c65);
    return h ? h : 1;
}

/* The key's slot, or the free one where it would go. */
static struct slot *find(const struct table_names *n, const struct generation *g, uint64_t key)
{
    size_t at = (size_t)key & n->slot_mask;
    while (g->slots[at].key && g->slots[at].key != key)
        at = (at + 1) & n->slot_mask;
    return &g->slots[at];
}

static int weight(enum name_kind kind)
{
    static const int weights[] = {[NAME_NONE] = 0, [NAME_SNI] = 4,      [NAME_QUIC] = 3,
                                  [NAME_HTTP] = 2, [NAME_EXPORTER] = 1, [NAME_DNS] = 0};
    return weights[kind];
}

void table_names_set(struct table_names *n, struct bytes key, struct bytes name,
                     enum name_kind kind)
{
    uint64_t k = key_of(key);
    if (key.len == 0 || name.len == 0 || name.len > LONGEST)
        return;
    struct generation *g = &n->g[n->young];
    const struct slot *old = find(n, &n->g[!n->young], k);
    struct slot *s = find(n, g, k);
    if (weight((enum name_kind)old->kind) >= weight(kind) ||
        weight((enum name_kind)s->kind) >= weight(kind))
        return;
    if (g->count >= n->limit || n->pool_size - g->pool_len < name.len) {
        n->young = !n->young;
        g = &n->g[n->young];
        n->forgotten += g->count;
        empty(n, g);
        s = find(n, g, k);
    }
    g->count += s->key == 0;
    *s = (struct slot){
        .key = k, .at = (uint32_t)g->pool_len, .len = (uint8_t)name.len, .kind = (uint8_t)kind};
    memcpy(g->pool + g->pool_len, name.at, name.len);
    g->pool_len += name.len;
}

bool table_names_get(const struct table_names *n, struct bytes key, struct bytes *ret_name,
                     enum name_kind *ret_kind)
{
    uint64_t k = key_of(key);
    for (int i = 0; i < 2; i++) {
        const struct generation *g = &n->g[i ? !n->young : n->young];
        const struct slot *s = find(n, g, k);
        if (!s->key)
            continue;
        *ret_name = bytes_of(g->pool + s->at, s->len);
        *ret_kind = (enum name_kind)s->kind;
        return true;
    }
    return false;
}

uint64_t table_names_forgotten(const struct table_names *n)
{
    return n->forgotten;
}
