/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of remote addresses: place, who claims them, kind of owner. A feed comes back to
 * the same remotes, so they are kept in a direct-mapped cache. Once enough addresses missed, all
 * tables (geography, the catalogue's prefixes, the study's, the owners') are compiled into one
 * (0.5 s, 40 MB): an address is then of a class, of which there are some ten thousand, and one
 * look-up, many at a time, finds it. With MMDB files, which are asked by address, it stays at the
 * cache. */
#include "attribute/inside.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "schema/values.h"

enum {
    ADDRESS_CACHE = 1 << 17,
    AS_SLOTS = 4096,
    MANY = 512,
    COMPILE_AFTER = 300000, /* addresses not in the cache: then the table pays for itself */
    AHEAD = 16,             /* classes asked for from memory before they are copied */
};

/* The kind of the first of a group's services that has one. */
static unsigned owner_of_services(const struct attribution *a, uint32_t group)
{
    struct claim_room room;
    const struct claim *claim = tables_claim(a->tables, group, 0, 0, FACT_DAY_MAX, &room);
    for (size_t i = 0; i < claim->count; i++)
        if (catalogue_service_owner(a->catalogue, claim->services[i]))
            return catalogue_service_owner(a->catalogue, claim->services[i]);
    return OWNER_UNKNOWN;
}

static unsigned owner_of_group(const struct attribution *a, uint32_t group)
{
    return group == GROUP_NONE ? OWNER_UNKNOWN : a->group_owners[group];
}

void addresses_init(struct attribution *a)
{
    a->addresses = memory_array(ADDRESS_CACHE, sizeof *a->addresses);
    a->as_mask = AS_SLOTS - 1;
    a->ases = memory_array(AS_SLOTS, sizeof *a->ases);
    a->group_owners = memory_array(tables_groups(a->tables) + 1, sizeof *a->group_owners);
    for (uint32_t i = 0; i < tables_groups(a->tables); i++)
        a->group_owners[i] = (uint8_t)owner_of_services(a, i);
}

void addresses_done(struct attribution *a)
{
    free(a->addresses);
    lpm_free(a->classes);
    free(a->by_class);
    free(a->class_slots);
    free(a->ases);
    free(a->group_owners);
}

static unsigned owner_of_fact(const struct attribution *a, const struct fact *f)
{
    return f ? catalogue_owner_kind(a->catalogue, f->subject) : OWNER_UNKNOWN;
}

static void ases_grow(struct attribution *a)
{
    struct as_info *old = a->ases;
    size_t old_count = a->as_mask + 1;
    a->as_mask = a->as_mask * 2 + 1;
    a->ases = memory_array(a->as_mask + 1, sizeof *a->ases);
    for (size_t i = 0; i < old_count; i++) {
        if (!old[i].asn)
            continue;
        size_t j = hash_mix(old[i].asn, 2) & a->as_mask;
        while (a->ases[j].asn)
            j = (j + 1) & a->as_mask;
        a->ases[j] = old[i];
    }
    free(old);
}

static unsigned owner_of_as(struct attribution *a, uint32_t asn, const struct ip *ip,
                            const struct fact **why)
{
    const struct fact *f = owners_by_asn(a->owners, asn);
    if (!f) {
        unsigned owner = owner_of_group(a, tables_asn(a->tables, asn));
        if (owner)
            return owner;
        char name[256];
        geo_as_name(a->geo, asn, ip, name, sizeof name);
        f = name[0] ? owners_by_as_name(a->owners, name) : NULL;
    }
    if (why)
        *why = f;
    return owner_of_fact(a, f);
}

static const struct as_info *as_of(struct attribution *a, uint32_t asn, const struct ip *ip)
{
    size_t i = hash_mix(asn, 2) & a->as_mask;
    for (; a->ases[i].asn; i = (i + 1) & a->as_mask)
        if (a->ases[i].asn == asn)
            return &a->ases[i];
    if (a->as_count * 2 > a->as_mask) {
        ases_grow(a);
        return as_of(a, asn, ip);
    }
    a->as_count++;
    a->ases[i] = (struct as_info){.asn = asn,
                                  .group = tables_asn(a->tables, asn),
                                  .owner = (uint8_t)owner_of_as(a, asn, ip, NULL)};
    return &a->ases[i];
}

/* In order: the owners' prefixes, the services' prefixes, the database's flag, the AS. */
static unsigned owner_of_address(struct attribution *a, const struct address *at, uint32_t fact)
{
    if (fact != LPM_NONE)
        return owner_of_fact(a, owners_fact(a->owners, fact));
    unsigned owner = owner_of_group(a, at->prefix_own);
    if (!owner)
        owner = owner_of_group(a, at->prefix_built_in);
    if (!owner && (at->place.flags & PLACE_SATELLITE))
        owner = OWNER_SATELLITE;
    if (!owner && at->place.asn)
        owner = as_of(a, at->place.asn, &at->ip)->owner;
    return owner;
}

unsigned attribution_owner(struct attribution *a, const struct ip *ip, const struct fact **why)
{
    struct address at;
    uint32_t fact;
    addresses_find(a, ip, 1, &at);
    owners_by_ip(a->owners, ip, 1, &fact);
    *why = fact != LPM_NONE ? owners_fact(a->owners, fact) : NULL;
    if (!*why && !owner_of_group(a, at.prefix_own) && !owner_of_group(a, at.prefix_built_in) &&
        !(at.place.flags & PLACE_SATELLITE) && at.place.asn)
        owner_of_as(a, at.place.asn, ip, why);
    return at.owner;
}

/* --- classes --- */

enum { OF_PLACE, OF_OWN, OF_BUILT_IN, OF_OWNER, OF_COUNT };

struct making {
    struct attribution *a;
    const struct place *places;
    uint32_t (*keys)[OF_COUNT]; /* by class */
};

static uint64_t class_hash(const uint32_t key[OF_COUNT])
{
    uint64_t words[2];
    memcpy(words, key, sizeof words);
    return hash_mix(words[0], words[1]);
}

static uint32_t *class_slot(struct making *m, const uint32_t key[OF_COUNT])
{
    struct attribution *a = m->a;
    for (size_t i = class_hash(key) & a->class_mask;; i = (i + 1) & a->class_mask) {
        uint32_t n = a->class_slots[i];
        if (n == 0 || memcmp(m->keys[n - 1], key, sizeof m->keys[0]) == 0)
            return &a->class_slots[i];
    }
}

static void classes_grow(struct making *m)
{
    struct attribution *a = m->a;
    a->class_room = a->class_room ? a->class_room * 2 : 1 << 14;
    a->by_class = memory_resize(a->by_class, a->class_room, sizeof *a->by_class);
    m->keys = memory_resize(m->keys, a->class_room, sizeof *m->keys);
    free(a->class_slots);
    a->class_mask = a->class_room * 2 - 1;
    a->class_slots = memory_array(a->class_mask + 1, sizeof *a->class_slots);
    for (size_t i = 0; i < a->class_count; i++)
        *class_slot(m, m->keys[i]) = (uint32_t)i + 1;
}

static void complete(struct attribution *a, struct address *at, uint32_t owner_fact)
{
    at->asn_group = GROUP_NONE;
    if (at->place.asn)
        at->asn_group = as_of(a, at->place.asn, &at->ip)->group;
    at->owner = (uint8_t)owner_of_address(a, at, owner_fact);
}

static uint32_t class_of(void *context, const uint32_t *key)
{
    struct making *m = context;
    struct attribution *a = m->a;
    if (a->class_count == a->class_room)
        classes_grow(m);
    uint32_t *slot = class_slot(m, key);
    if (*slot)
        return *slot - 1;
    struct address *at = &a->by_class[a->class_count];
    *at = (struct address){.prefix_own = key[OF_OWN], .prefix_built_in = key[OF_BUILT_IN]};
    if (key[OF_PLACE] != LPM_NONE)
        at->place = m->places[key[OF_PLACE]];
    complete(a, at, key[OF_OWNER]);
    memcpy(m->keys[a->class_count], key, sizeof m->keys[0]);
    *slot = (uint32_t)++a->class_count;
    return *slot - 1;
}

static void compile(struct attribution *a)
{
    struct making m = {.a = a};
    geo_compile(a->geo);
    const struct lpm *geo = geo_compiled(a->geo, &m.places);
    if (!geo)
        return;
    const struct lpm *tables[OF_COUNT] = {geo, tables_lpm(a->tables, true),
                                          tables_lpm(a->tables, false), owners_lpm(a->owners)};
    a->classes = lpm_combine(tables, OF_COUNT, class_of, &m);
    geo_forget_compiled(a->geo);
    free(m.keys);
    free(a->class_slots);
    a->class_slots = NULL;
}

static void find_by_class(struct attribution *a, const struct ip *ips, size_t count,
                          struct address *ret)
{
    uint32_t numbers[MANY];
    lpm_lookup_many(a->classes, ips, count, numbers);
    for (size_t i = 0; i < count; i++) {
        if (i + AHEAD < count)
            __builtin_prefetch(&a->by_class[numbers[i + AHEAD]]);
        ret[i] = a->by_class[numbers[i]];
        ret[i].ip = ips[i];
        ret[i].listed = listed_has(a, &ips[i]);
    }
}

/* --- one by one, kept --- */

static struct address *slot_of(struct attribution *a, const struct ip *ip)
{
    uint64_t word[2];
    memcpy(word, ip, sizeof word);
    return &a->addresses[hash_mix(word[0], word[1]) & (ADDRESS_CACHE - 1)];
}

/* Looks up `count` addresses that the cache lacks; `where` are their places in `ret`. */
static void find_missing(struct attribution *a, const struct ip *ips, const uint16_t *where,
                         size_t count, struct address *ret)
{
    uint32_t own[MANY], built_in[MANY], facts[MANY];
    struct place places[MANY];
    a->address_misses += count;
    geo_find_many(a->geo, ips, count, places);
    tables_prefixes(a->tables, ips, count, own, built_in);
    owners_by_ip(a->owners, ips, count, facts);
    for (size_t i = 0; i < count; i++) {
        struct address *at = &ret[where[i]];
        *at = (struct address){.ip = ips[i],
                               .place = places[i],
                               .known = true,
                               .listed = listed_has(a, &ips[i]),
                               .prefix_own = own[i],
                               .prefix_built_in = built_in[i]};
        complete(a, at, facts[i]);
        *slot_of(a, &ips[i]) = *at;
    }
}

void addresses_find(struct attribution *a, const struct ip *ips, size_t count, struct address *ret)
{
    struct ip missing[MANY];
    uint16_t where[MANY];
    size_t misses = 0;
    if (!a->classes && a->address_misses >= COMPILE_AFTER && !a->compile_tried) {
        a->compile_tried = true;
        compile(a);
    }
    if (a->classes) {
        find_by_class(a, ips, count, ret);
        return;
    }
    for (size_t i = 0; i < count; i++)
        __builtin_prefetch(slot_of(a, &ips[i]));
    for (size_t i = 0; i < count; i++) {
        const struct address *slot = slot_of(a, &ips[i]);
        if (slot->known && ip_equal(&slot->ip, &ips[i])) {
            ret[i] = *slot;
            continue;
        }
        missing[misses] = ips[i];
        where[misses++] = (uint16_t)i;
    }
    if (misses)
        find_missing(a, missing, where, misses, ret);
}
