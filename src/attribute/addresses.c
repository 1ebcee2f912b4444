/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of remote addresses: place, who claims them, kind of owner. A feed comes back to
 * the same remotes, so they are kept in a direct-mapped cache; what is not there is looked up many
 * at a time, for the tables are larger than the processor's caches and each look-up waits for
 * memory. Geography is compiled into such a table once enough addresses missed (0.3 s). */
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
    COMPILE_AFTER = 300000, /* addresses not in the cache: then geo's table pays for itself */
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
    if (a->address_misses >= COMPILE_AFTER)
        geo_compile(a->geo);
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
                               .prefix_built_in = built_in[i],
                               .asn_group = GROUP_NONE};
        if (places[i].asn)
            at->asn_group = as_of(a, places[i].asn, &ips[i])->group;
        at->owner = (uint8_t)owner_of_address(a, at, facts[i]);
        *slot_of(a, &ips[i]) = *at;
    }
}

void addresses_find(struct attribution *a, const struct ip *ips, size_t count, struct address *ret)
{
    struct ip missing[MANY];
    uint16_t where[MANY];
    size_t misses = 0;
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
