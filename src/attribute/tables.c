/* SPDX-License-Identifier: Apache-2.0 */
/* A prefix or AS that several services claim is a group of facts: who of them is meant is decided
 * at look-up by date and port, and when more than one is left the flow is ambiguous. Facts bound
 * to a port beat those that are not: Apple's 17.0.0.0/8 is of many services, its port 5223 of
 * one. */
#include "attribute/tables.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "attribute/similar.h"
#include "base/hash.h"
#include "base/memory.h"

struct group {
    uint32_t first, count;
    bool conditional;    /* some of its facts depend on date or port */
    struct claim always; /* when not */
};

struct asn_slot {
    uint32_t asn, group; /* asn 0: free */
};

struct label {
    const char *text;
    uint32_t service;
    bool own;
};

struct tables {
    const struct catalogue *c;
    const struct fact *facts;
    size_t fact_count;
    struct names *names[2]; /* 0 built in, 1 own */
    struct lpm *prefixes[2];
    const struct fact **members; /* of groups, one after another */
    struct group *groups;
    uint16_t *claimed; /* services of the claims that are always the same */
    bool *shared;      /* by service */
    size_t group_count, member_count;
    struct asn_slot *asns;
    size_t asn_mask;
    struct label *labels; /* ascending, own first among equals */
    size_t label_count;
    struct similar *similar;
    uint16_t *ports[2];       /* tcp, udp: service + 1 */
    uint16_t protocols[256];  /* protocols without ports: service + 1 */
    uint16_t *tenants;        /* one list after another */
    struct group *tenants_of; /* by service */
};

static void add_names(struct tables *t)
{
    static const enum names_match MATCH[] = {[FACT_NAME] = NAMES_SUFFIX,
                                             [FACT_EXACT] = NAMES_EXACT,
                                             [FACT_BRAND] = NAMES_BRAND,
                                             [FACT_HOST] = NAMES_FIRST};
    for (int own = 0; own < 2; own++)
        t->names[own] = names_new();
    for (size_t i = 0; i < t->fact_count; i++) {
        const struct fact *f = &t->facts[i];
        if (f->kind == FACT_NAME || f->kind == FACT_EXACT || f->kind == FACT_BRAND ||
            f->kind == FACT_HOST)
            names_add(t->names[f->own], MATCH[f->kind], f->text, strlen(f->text), (uint32_t)i);
    }
    for (int own = 0; own < 2; own++)
        names_seal(t->names[own]);
}

static void add_ports(struct tables *t)
{
    for (int i = 0; i < 2; i++)
        t->ports[i] = memory_array(65536, sizeof *t->ports[i]);
    for (size_t i = 0; i < t->fact_count; i++) {
        const struct fact *f = &t->facts[i];
        uint16_t value = (uint16_t)(f->subject + 1);
        if (f->kind != FACT_PORT)
            continue;
        if (f->port_last == 0)
            t->protocols[f->protocol] = value;
        else if (f->protocol == 6 || f->protocol == 17)
            for (unsigned port = f->port_first; port <= f->port_last; port++)
                t->ports[f->protocol == 17][port] = value;
    }
}

static int by_label(const void *left, const void *right)
{
    const struct label *a = left, *b = right;
    int text = strcasecmp(a->text, b->text);
    return text ? text : (int)b->own - (int)a->own;
}

static void add_labels(struct tables *t)
{
    t->labels = memory_array(t->fact_count + 1, sizeof *t->labels);
    for (size_t i = 0; i < t->fact_count; i++)
        if (t->facts[i].kind == FACT_LABEL)
            t->labels[t->label_count++] =
                (struct label){t->facts[i].text, t->facts[i].subject, t->facts[i].own};
    qsort(t->labels, t->label_count, sizeof *t->labels, by_label);
}

static int same_place(const struct fact *a, const struct fact *b)
{
    if (a->kind != b->kind)
        return a->kind < b->kind ? -1 : 1;
    if (a->kind == FACT_ASN)
        return a->asn < b->asn ? -1 : a->asn > b->asn;
    if (a->own != b->own)
        return a->own ? 1 : -1;
    int order = memcmp(&a->prefix.ip, &b->prefix.ip, sizeof a->prefix.ip);
    return order ? order : (int)a->prefix.len_bits - (int)b->prefix.len_bits;
}

/* Within a place by the service's id, so that a claim comes out in order. */
static int by_place(const void *left, const void *right, void *catalogue)
{
    const struct fact *a = *(const struct fact *const *)left;
    const struct fact *b = *(const struct fact *const *)right;
    int place = same_place(a, b);
    return place ? place
                 : strcmp(catalogue_service_id(catalogue, a->subject),
                          catalogue_service_id(catalogue, b->subject));
}

static void asn_put(struct tables *t, uint32_t asn, uint32_t group)
{
    size_t i = hash_mix(asn, 1) & t->asn_mask;
    while (t->asns[i].asn)
        i = (i + 1) & t->asn_mask;
    t->asns[i] = (struct asn_slot){asn, group};
}

static void add_groups(struct tables *t)
{
    t->members = memory_array(t->fact_count + 1, sizeof *t->members);
    t->groups = memory_array(t->fact_count + 1, sizeof *t->groups);
    size_t slots = 64;
    while (slots < t->fact_count * 2)
        slots *= 2;
    t->asns = memory_array(slots, sizeof *t->asns);
    t->asn_mask = slots - 1;
    for (int own = 0; own < 2; own++)
        t->prefixes[own] = lpm_new();
    for (size_t i = 0; i < t->fact_count; i++)
        if (t->facts[i].kind == FACT_PREFIX || t->facts[i].kind == FACT_ASN)
            t->members[t->member_count++] = &t->facts[i];
    qsort_r(t->members, t->member_count, sizeof *t->members, by_place, (void *)t->c);
    for (size_t i = 0; i < t->member_count; i++) {
        const struct fact *f = t->members[i];
        if (i > 0 && same_place(t->members[i - 1], t->members[i]) == 0) {
            t->groups[t->group_count - 1].count++;
            continue;
        }
        uint32_t group = (uint32_t)t->group_count++;
        t->groups[group] = (struct group){.first = (uint32_t)i, .count = 1};
        if (f->kind == FACT_ASN)
            asn_put(t, f->asn, group);
        else
            lpm_add(t->prefixes[f->own], &f->prefix, group);
    }
    for (int own = 0; own < 2; own++)
        lpm_seal(t->prefixes[own]);
}

static void add_shared(struct tables *t)
{
    t->shared = memory_array(catalogue_services(t->c) + 1, sizeof *t->shared);
    for (size_t i = 0; i < catalogue_services(t->c); i++)
        t->shared[i] = catalogue_service_shared(t->c, i);
}

static void add_tenants(struct tables *t)
{
    size_t services = catalogue_services(t->c), total = 0;
    t->tenants_of = memory_array(services + 1, sizeof *t->tenants_of);
    t->tenants = memory_array(t->fact_count + 1, sizeof *t->tenants);
    for (size_t i = 0; i < services; i++) {
        const char *id = catalogue_service_id(t->c, i);
        t->tenants_of[i].first = (uint32_t)total;
        if (!catalogue_service_shared(t->c, i))
            continue;
        for (size_t j = 0; j < t->fact_count; j++)
            if (t->facts[j].kind == FACT_ON && strcmp(t->facts[j].text, id) == 0)
                t->tenants[total++] = (uint16_t)t->facts[j].subject;
        t->tenants_of[i].count = (uint32_t)total - t->tenants_of[i].first;
    }
}

static bool in_force(const struct fact *f, int32_t day)
{
    return day >= f->from_day && day <= f->to_day;
}

static const struct fact *name_at(const struct tables *t, const char *host, size_t len, int32_t day)
{
    uint32_t values[NAMES_MATCHES_MAX];
    for (int own = 1; own >= 0; own--) {
        size_t count = names_find(t->names[own], host, len, values);
        for (size_t i = 0; i < count; i++)
            if (in_force(&t->facts[values[i]], day))
                return &t->facts[values[i]];
    }
    return NULL;
}

/* A shared provider's host name often carries its customer's: www.apple.com.edgekey.net. */
const struct fact *tables_name(const struct tables *t, const char *host, size_t len, int32_t day)
{
    const struct fact *f = name_at(t, host, len, day);
    while (f && f->kind == FACT_NAME && t->shared[f->subject]) {
        size_t suffix = strlen(f->text) + 1;
        if (len <= suffix || !memchr(host, '.', len - suffix))
            break;
        len -= suffix;
        const struct fact *customer = name_at(t, host, len, day);
        if (!customer || customer->kind == FACT_BRAND || !strchr(customer->text, '.'))
            break;
        f = customer;
    }
    return f;
}

const struct fact *tables_similar(const struct tables *t, const char *host, size_t len, int32_t day)
{
    const char *label;
    size_t label_len;
    names_registered(host, len, &label, &label_len);
    return similar_find(t->similar, label, label_len, day);
}

static int label_find(const struct tables *t, const char *text)
{
    size_t low = 0, high = t->label_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (strcasecmp(t->labels[middle].text, text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    bool found = low < t->label_count && strcasecmp(t->labels[low].text, text) == 0;
    return found ? (int)t->labels[low].service : NO_SERVICE;
}

/* Protocols that carry the names of others: a question about a name, or a way through a proxy, is
 * not the use of what is named ("DNS.Apple"). */
static bool carries_names(const char *master)
{
    static const char *const CARRIERS[] = {"DNS",  "MDNS",  "LLMNR",        "NetBIOS",
                                           "DHCP", "SOCKS", "HTTP_Connect", "HTTP_Proxy"};
    for (size_t i = 0; i < sizeof CARRIERS / sizeof *CARRIERS; i++)
        if (strcasecmp(CARRIERS[i], master) == 0)
            return true;
    return false;
}

int tables_label(const struct tables *t, const char *label)
{
    int service = label_find(t, label);
    const char *dot = strrchr(label, '.');
    if (service != NO_SERVICE || !dot)
        return service;
    char master[64];
    size_t len = (size_t)(strchr(label, '.') - label);
    bool fits = len < sizeof master;
    memcpy(master, label, fits ? len : 0);
    master[fits ? len : 0] = 0;
    if (!carries_names(master) && (service = label_find(t, dot + 1)) != NO_SERVICE)
        return service;
    return label_find(t, master);
}

int tables_port(const struct tables *t, uint8_t protocol, uint16_t port)
{
    if (protocol == 6 || protocol == 17)
        return (int)t->ports[protocol == 17][port] - 1;
    return (int)t->protocols[protocol] - 1;
}

static_assert(GROUP_NONE == LPM_NONE, "a prefix without group is one without match");

void tables_prefixes(const struct tables *t, const struct ip *ips, size_t count, uint32_t *own,
                     uint32_t *built_in)
{
    lpm_lookup_many(t->prefixes[1], ips, count, own);
    lpm_lookup_many(t->prefixes[0], ips, count, built_in);
}

const struct lpm *tables_lpm(const struct tables *t, bool own)
{
    return t->prefixes[own];
}

uint32_t tables_asn(const struct tables *t, uint32_t asn)
{
    if (asn == 0)
        return GROUP_NONE;
    for (size_t i = hash_mix(asn, 1) & t->asn_mask; t->asns[i].asn; i = (i + 1) & t->asn_mask)
        if (t->asns[i].asn == asn)
            return t->asns[i].group;
    return GROUP_NONE;
}

static bool port_fits(const struct fact *f, uint8_t protocol, uint16_t port)
{
    return f->protocol == protocol &&
           (f->port_last == 0 || (port >= f->port_first && port <= f->port_last));
}

/* Facts of a group come in order of id, so a service that is there already is the last one. */
static void claim_add(const struct tables *t, struct claim_room *room, const struct fact *f)
{
    struct claim *c = &room->claim;
    uint16_t service = (uint16_t)f->subject;
    if ((c->count && room->services[c->count - 1] == service) || c->count == GROUP_SERVICES_MAX)
        return;
    room->services[c->count++] = service;
    c->fact = f;
    c->shared |= t->shared[service];
}

const struct claim *tables_claim(const struct tables *t, uint32_t group, uint8_t protocol,
                                 uint16_t port, int32_t day, struct claim_room *room)
{
    const struct group *g = &t->groups[group];
    bool bound = false, own = false;
    if (!g->conditional && g->always.count)
        return &g->always;
    room->claim = (struct claim){.services = room->services, .conditional = g->conditional};
    for (uint32_t i = g->first; i < g->first + g->count; i++) {
        const struct fact *f = t->members[i];
        if (in_force(f, day) && (!f->protocol || port_fits(f, protocol, port)))
            bound |= f->protocol != 0, own |= f->own;
    }
    for (uint32_t i = g->first; i < g->first + g->count; i++) {
        const struct fact *f = t->members[i];
        if (in_force(f, day) && (!f->protocol || port_fits(f, protocol, port)) &&
            (f->protocol != 0) == bound && f->own == own)
            claim_add(t, room, f);
    }
    return &room->claim;
}

/* Most groups depend on nothing: their claim is made once. */
static void add_claims(struct tables *t)
{
    struct claim_room *room = memory_alloc(sizeof *room);
    t->claimed = memory_array(t->member_count + 1, sizeof *t->claimed);
    size_t used = 0;
    for (uint32_t group = 0; group < t->group_count; group++) {
        struct group *g = &t->groups[group];
        for (uint32_t i = g->first; i < g->first + g->count; i++) {
            const struct fact *f = t->members[i];
            g->conditional |=
                f->protocol || f->from_day != FACT_DAY_MIN || f->to_day != FACT_DAY_MAX;
        }
        if (g->conditional)
            continue;
        struct claim made = *tables_claim(t, group, 0, 0, 0, room);
        memcpy(t->claimed + used, made.services, made.count * sizeof *t->claimed);
        made.services = t->claimed + used;
        used += made.count;
        g->always = made;
    }
    free(room);
}

struct tables *tables_new(const struct catalogue *c)
{
    struct tables *t = memory_alloc(sizeof *t);
    t->c = c;
    t->facts = catalogue_facts(c, &t->fact_count);
    add_names(t);
    t->similar = similar_new(t->facts, t->fact_count);
    add_ports(t);
    add_labels(t);
    add_shared(t);
    add_groups(t);
    add_claims(t);
    add_tenants(t);
    return t;
}

void tables_free(struct tables *t)
{
    if (!t)
        return;
    for (int i = 0; i < 2; i++) {
        names_free(t->names[i]);
        lpm_free(t->prefixes[i]);
        free(t->ports[i]);
    }
    free(t->members);
    free(t->claimed);
    free(t->shared);
    free(t->groups);
    free(t->asns);
    free(t->labels);
    similar_free(t->similar);
    free(t->tenants);
    free(t->tenants_of);
    free(t);
}

size_t tables_groups(const struct tables *t)
{
    return t->group_count;
}

const struct fact *const *tables_group(const struct tables *t, uint32_t group, size_t *count)
{
    *count = t->groups[group].count;
    return t->members + t->groups[group].first;
}

size_t tables_tenants(const struct tables *t, uint16_t provider, const uint16_t **ret)
{
    *ret = t->tenants + t->tenants_of[provider].first;
    return t->tenants_of[provider].count;
}
