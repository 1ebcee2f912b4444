/* SPDX-License-Identifier: Apache-2.0 */
/* The table of templates of all exporters, and the sets that fill it. */
#include "decode/templates.h"

#include <stdlib.h>

#include "base/hash.h"
#include "base/memory.h"
#include "wire/cursor.h"

enum { SET_TEMPLATE = 2, SET_OPTIONS_TEMPLATE = 3, FIRST_DATA_SET = 256 };

struct templates {
    struct template **buckets;
    size_t mask, limit, limit_an_exporter, octets;
    uint64_t seed;
    struct queue unused, used; /* those that no data ever used go first */
};

struct templates *templates_new(size_t limit, size_t limit_an_exporter, uint64_t seed)
{
    struct templates *s = memory_alloc(sizeof *s);
    size_t buckets = 64;
    while (buckets < limit * 2)
        buckets *= 2;
    s->mask = buckets - 1;
    s->buckets = memory_array(buckets, sizeof(struct template *));
    s->limit = limit ? limit : 1;
    s->limit_an_exporter = limit_an_exporter ? limit_an_exporter : 1;
    s->seed = seed;
    queue_init(&s->unused);
    queue_init(&s->used);
    return s;
}

static size_t slot(const struct templates *s, const struct exporter *e, uint16_t id)
{
    return (size_t)hash_mix((uint64_t)(uintptr_t)e + id * 0x9e3779b97f4a7c15u, s->seed) & s->mask;
}

static void drop(struct templates *s, struct template *t)
{
    struct template **head = &s->buckets[slot(s, t->owner, t->id)];
    while (*head != t)
        head = &(*head)->bucket_next;
    *head = t->bucket_next;
    *t->owner_at = t->owner_next;
    if (t->owner_next)
        t->owner_next->owner_at = t->owner_at;
    if (t->owner->last == t)
        t->owner->last = NULL;
    t->owner->template_count--;
    queue_remove(t->used ? &s->used : &s->unused, &t->age);
    s->octets -= t->octets;
    free(t);
}

void templates_free(struct templates *s)
{
    if (!s)
        return;
    struct queue_link *l;
    while ((l = queue_oldest(&s->unused)) || (l = queue_oldest(&s->used)))
        drop(s, QUEUE_ENTRY(l, struct template, age));
    free(s->buckets);
    free(s);
}

size_t templates_count(const struct templates *s)
{
    return s->unused.count + s->used.count;
}

struct template *templates_find(struct templates *s, struct exporter *e, uint16_t id)
{
    if (e->last && e->last->id == id)
        return e->last;
    struct template *t = s->buckets[slot(s, e, id)];
    while (t && (t->owner != e || t->id != id))
        t = t->bucket_next;
    if (t)
        e->last = t;
    return t;
}

void templates_used(struct templates *s, struct template *t)
{
    if (t->used) {
        queue_renew(&s->used, &t->age);
        return;
    }
    queue_remove(&s->unused, &t->age);
    queue_push(&s->used, &t->age);
    t->used = true;
}

void templates_forget(struct templates *s, struct exporter *e)
{
    while (e->templates)
        drop(s, e->templates);
}

/* Makes room: among one exporter's own first when it has too many, then the stalest of all. */
static void make_room(struct templates *s, struct exporter *e, size_t octets)
{
    if (e->template_count >= s->limit_an_exporter) {
        struct template *last = e->templates;
        while (last->owner_next)
            last = last->owner_next;
        drop(s, last);
    }
    while (templates_count(s) &&
           (templates_count(s) >= s->limit || s->octets + octets > s->limit * TEMPLATE_OCTETS)) {
        struct queue_link *l = queue_oldest(&s->unused);
        if (!l)
            l = queue_oldest(&s->used);
        drop(s, QUEUE_ENTRY(l, struct template, age));
    }
}

static void insert(struct templates *s, struct exporter *e, struct template *t)
{
    make_room(s, e, t->octets);
    s->octets += t->octets;
    t->owner = e;
    struct template **head = &s->buckets[slot(s, e, t->id)];
    t->bucket_next = *head;
    *head = t;
    t->owner_next = e->templates;
    t->owner_at = &e->templates;
    if (t->owner_next)
        t->owner_next->owner_at = &t->owner_next;
    e->templates = t;
    e->template_count++;
    queue_push(&s->unused, &t->age);
}

struct reader {
    struct templates *s;
    struct exporters *x;
    struct exporter *e;
    bool options, netflow9;
    void (*defined)(void *ctx, struct template *t);
    void *ctx;
};

/* A refresh that says the same costs a hash; the compiled template and its age stay. */
static enum reason define(struct reader *r, uint16_t id, struct bytes fields, size_t count,
                          size_t scope)
{
    if (id < FIRST_DATA_SET)
        return REASON_bad_template;
    uint64_t definition =
        hash_mix(hash_bytes(fields.at, fields.len, r->s->seed), (uint64_t)scope << 1 | r->options);
    struct template *old = templates_find(r->s, r->e, id);
    if (old && old->definition == definition) {
        queue_renew(old->used ? &r->s->used : &r->s->unused, &old->age);
        return REASON_COUNT;
    }
    struct template *t = template_compile(fields, count, scope, r->options, r->netflow9);
    if (!t)
        return REASON_bad_template;
    if (old)
        drop(r->s, old);
    t->id = id;
    t->definition = definition;
    exporter_defines(r->x, r->e);
    insert(r->s, r->e, t);
    r->defined(r->ctx, t);
    return REASON_COUNT;
}

/* RFC 7011 section 8.1: field count 0 withdraws; the set's own number withdraws all of the kind. */
static void withdraw(struct reader *r, uint16_t id)
{
    struct template *next;
    if (id >= FIRST_DATA_SET) {
        struct template *t = templates_find(r->s, r->e, id);
        if (t)
            drop(r->s, t);
        return;
    }
    if (id != (r->options ? SET_OPTIONS_TEMPLATE : SET_TEMPLATE))
        return;
    for (struct template *t = r->e->templates; t; t = next) {
        next = t->owner_next;
        if (t->options == r->options)
            drop(r->s, t);
    }
}

/* The octets of `count` field specifiers. */
static struct bytes specifiers(struct cursor *c, size_t count, bool netflow9)
{
    const uint8_t *start = c->at;
    for (size_t i = 0; i < count && !c->failed; i++) {
        uint16_t id = cursor_be16(c);
        cursor_skip(c, !netflow9 && (id & 0x8000) ? 6 : 2);
    }
    return bytes_of(start, c->failed ? 0 : (size_t)(c->at - start));
}

static enum reason read_netflow9(struct reader *r, struct cursor *c)
{
    uint16_t id = cursor_be16(c);
    size_t count, scope = 0;
    if (r->options) {
        size_t scope_octets = cursor_be16(c), option_octets = cursor_be16(c);
        if (scope_octets % 4 || option_octets % 4)
            return REASON_bad_template;
        scope = scope_octets / 4;
        count = scope + option_octets / 4;
    } else {
        count = cursor_be16(c);
    }
    struct bytes fields = specifiers(c, count, true);
    if (c->failed || count == 0)
        return REASON_bad_template;
    return define(r, id, fields, count, scope);
}

static enum reason read_ipfix(struct reader *r, struct cursor *c)
{
    uint16_t id = cursor_be16(c);
    size_t count = cursor_be16(c), scope = 0;
    if (c->failed)
        return REASON_bad_template;
    if (count == 0) {
        withdraw(r, id);
        return REASON_COUNT;
    }
    if (r->options)
        scope = cursor_be16(c);
    struct bytes fields = specifiers(c, count, false);
    if (c->failed || scope > count)
        return REASON_bad_template;
    return define(r, id, fields, count, scope);
}

enum reason templates_read(struct templates *s, struct exporters *x, struct exporter *e,
                           struct bytes set, bool options,
                           void (*defined)(void *ctx, struct template *t), void *ctx)
{
    struct reader r = {.s = s,
                       .x = x,
                       .e = e,
                       .options = options,
                       .netflow9 = e->key.version == 9,
                       .defined = defined,
                       .ctx = ctx};
    struct cursor c = cursor_of(set);
    /* What is shorter than a header is padding, and so are zeros where an id should be. */
    while (cursor_left(&c) >= 4 && octets_be16(c.at) != 0) {
        enum reason wrong = r.netflow9 ? read_netflow9(&r, &c) : read_ipfix(&r, &c);
        if (wrong != REASON_COUNT)
            return wrong;
    }
    return REASON_COUNT;
}
