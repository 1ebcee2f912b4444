/* SPDX-License-Identifier: Apache-2.0 */
/* The tiers of docs/catalogue.md, a row at a time: name on the wire, payload, DNS, prefix, AS,
 * port. The costs are the address (country, AS, prefixes: cached by remote) and the name (a few
 * probes); the rest is table look-ups by number. */
#include "attribute/devices.h"
#include "attribute/dated_flow.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/memory.h"
#include "schema/values.h"

enum {
    LEARNED_ENTRIES = 1 << 19,
    LEARNED_NAMES = 1 << 18,
    DNS_RECENT_MS = 30000, /* of two names for one address the one just asked for is meant ... */
    DNS_APART_MS = 60000,  /* ... when the other was asked for this much earlier */
    DAY_MS = 86400000,
    CHUNK_ROWS = 512,
    TCP = 6,
    SYN = 2,
    ACK = 16,
};

/* What the rows of one batch need, taken out once. */
struct row {
    struct attribution *a;
    const struct address *address;
    struct listed listed; /* what the study's lists say */
    struct bytes host;    /* seen on the wire or told by the exporter */
    struct bytes known;   /* what DNS told when the row was attributed before */
    const struct ip *local, *remote;
    uint64_t start_ms, end_ms;
    int32_t day;
    uint16_t local_port, remote_port;
    uint8_t protocol, role;
    uint32_t application;
    bool one_way; /* the remote side sent nothing */
    bool attempt; /* a TCP conversation that was asked for and never answered */
};

struct verdict {
    int service; /* NO_SERVICE */
    enum basis basis;
    uint32_t candidates;
    uint16_t category;    /* of the candidates, when they agree */
    struct bytes learned; /* name that DNS told */
};

static const struct verdict NOTHING = {.service = NO_SERVICE};

/* --- opening --- */

int attribution_open(const struct study *study, struct symbols *symbols, struct attribution **ret,
                     struct error *err)
{
    struct attribution *a = memory_alloc(sizeof *a);
    a->symbols = symbols;
    int rc =
        catalogue_load(study->catalogue_files, study->catalogue_file_count, &a->catalogue, err);
    if (rc == 0)
        rc = geo_open(study->geo_country_mmdb, study->geo_asn_mmdb, &a->geo, err);
    if (rc == 0)
        rc = listed_open(a, study, err);
    if (rc == 0)
        rc = devices_open(symbols, &a->devices, err);
    if (rc) {
        attribution_free(a);
        return rc;
    }
    a->tables = tables_new(a->catalogue);
    a->proxy_service = catalogue_find(a->catalogue, "socks-proxy", strlen("socks-proxy"));
    a->owners = owners_new(a->catalogue);
    addresses_init(a);
    size_t services = catalogue_services(a->catalogue) + listed_services(a);
    a->service_codes = memory_array(services + 1, sizeof(uint16_t));
    a->category_codes = memory_array(catalogue_categories(a->catalogue) + 1, sizeof(uint16_t));
    a->group_answers = memory_array(tables_groups(a->tables) + 1, sizeof *a->group_answers);
    *ret = a;
    return 0;
}

void attribution_free(struct attribution *a)
{
    if (!a)
        return;
    tables_free(a->tables);
    owners_free(a->owners);
    learned_free(a->learned);
    devices_free(a->devices);
    geo_free(a->geo);
    listed_done(a);
    catalogue_free(a->catalogue);
    addresses_done(a);
    free(a->service_codes);
    free(a->category_codes);
    free(a->labels);
    free(a->group_answers);
    free(a);
}

const struct catalogue *attribution_catalogue(const struct attribution *a)
{
    return a->catalogue;
}

void attribution_learn(struct attribution *a, const struct sightings *seen)
{
    if (seen->count && !a->learned)
        a->learned = learned_new(LEARNED_ENTRIES, LEARNED_NAMES);
    for (size_t i = 0; i < seen->count; i++) {
        const struct sighting *s = &seen->rows[i];
        learned_add(a->learned, &s->client, &s->ip, s->time_ms, s->ttl_s, s->name, s->name_len);
    }
}

/* --- codes --- */

/* A symbol is made when first used, so that a store holds only what occurs in it. */
static uint16_t service_code(struct attribution *a, int service)
{
    if (service < 0)
        return 0;
    uint16_t *code = &a->service_codes[service];
    if (!*code) {
        const char *id = (size_t)service < catalogue_services(a->catalogue)
                             ? catalogue_service_id(a->catalogue, (size_t)service)
                             : listed_service_id(a, (size_t)service);
        *code = (uint16_t)symbols_code(a->symbols, SYMBOL_SERVICE, id, strlen(id));
    }
    return *code;
}

static uint16_t category_code(struct attribution *a, size_t category)
{
    uint16_t *code = &a->category_codes[category];
    if (!*code) {
        const char *id = catalogue_category_id(a->catalogue, category);
        *code = (uint16_t)symbols_code(a->symbols, SYMBOL_CATEGORY, id, strlen(id));
    }
    return *code;
}

static uint16_t category_of(struct attribution *a, int service)
{
    if (service >= 0 && (size_t)service >= catalogue_services(a->catalogue))
        return category_code(a, listed_category(a));
    return service < 0
               ? 0
               : category_code(a, catalogue_service_category_index(a->catalogue, (size_t)service));
}

/* --- candidates --- */

/* Ascending by id; a list is short, but for the tenants of a large CDN. */
static void sort_by_id(const struct catalogue *c, uint16_t *services, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        uint16_t moving = services[i];
        const char *id = catalogue_service_id(c, moving);
        size_t at = i;
        for (; at > 0 && strcmp(catalogue_service_id(c, services[at - 1]), id) > 0; at--)
            services[at] = services[at - 1];
        services[at] = moving;
    }
}

/* The claim with the tenants of its shared providers, as a verdict. */
static void candidates_of(struct attribution *a, const struct claim *claim, struct verdict *v)
{
    size_t room = claim->count, count = claim->count;
    const uint16_t *tenants;
    for (size_t i = 0; i < claim->count; i++)
        room += tables_tenants(a->tables, claim->services[i], &tenants);
    uint16_t *all = memory_array(room, sizeof *all);
    memcpy(all, claim->services, claim->count * sizeof *all);
    for (size_t i = 0; i < claim->count; i++) {
        size_t more = tables_tenants(a->tables, claim->services[i], &tenants);
        memcpy(all + count, tenants, more * sizeof *all);
        count += more;
    }
    sort_by_id(a->catalogue, all, count);
    struct buf text;
    buf_init(&text, 1 << 20);
    v->category = category_of(a, all[0]);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && all[i] == all[i - 1])
            continue;
        buf_format(&text, "%s%s", i ? "|" : "", catalogue_service_id(a->catalogue, all[i]));
        if (category_of(a, all[i]) != v->category)
            v->category = 0;
    }
    v->candidates = symbols_code(a->symbols, SYMBOL_CANDIDATES, text.at, text.len);
    buf_done(&text);
    free(all);
}

/* One party: that. Several, or hosts of many parties: candidates. False when nobody claims. */
static bool verdict_of_claim(struct attribution *a, uint32_t group, const struct claim *claim,
                             enum basis basis, struct verdict *v)
{
    if (claim->count == 0)
        return false;
    v->basis = basis;
    if (claim->count == 1 && !claim->shared) {
        v->service = claim->services[0];
        return true;
    }
    /* Which of a group's services are meant may depend on date and port: kept for the last set. */
    uint64_t key = hash_bytes(claim->services, claim->count * sizeof *claim->services, 1) | 1;
    struct group_answer *kept = &a->group_answers[group];
    if (kept->key != key) {
        candidates_of(a, claim, v);
        *kept = (struct group_answer){key, v->candidates, v->category};
    }
    v->candidates = kept->candidates;
    v->category = kept->category;
    return true;
}

/* --- tiers --- */

enum label_bits { LABEL_PORT = 1 << 28, LABEL_ANSWER = 1 << 29, LABEL_SERVICE = LABEL_PORT - 1 };

/* What libndpi 4.2 says on two or three octets, and is wrong about too often. */
static int32_t label_doubts(const char *text)
{
    static const struct {
        const char *label;
        int32_t bits;
    } DOUBTS[] = {{"Cassandra", LABEL_PORT}, {"MongoDB", LABEL_PORT}, {"OpenVPN", LABEL_ANSWER}};
    for (size_t i = 0; i < sizeof DOUBTS / sizeof *DOUBTS; i++)
        if (strcmp(DOUBTS[i].label, text) == 0)
            return DOUBTS[i].bits;
    return 0;
}

/* Kept by application code: service + 1 with the label's doubts, -1 not asked yet. */
static int32_t *label_slot(struct attribution *a, uint32_t application)
{
    if (application >= a->label_room) {
        size_t room = application + 64;
        a->labels = memory_resize(a->labels, room, sizeof *a->labels);
        memset(a->labels + a->label_room, 0xff, (room - a->label_room) * sizeof *a->labels);
        a->label_room = room;
    }
    return &a->labels[application];
}

/* The service that the payload's protocol stands for. Where the detector is known to err, the port
 * must agree, or the other side must have answered. */
static int label_of(const struct row *r)
{
    if (r->application == 0)
        return NO_SERVICE;
    int32_t *kept = label_slot(r->a, r->application);
    if (*kept < 0) {
        const char *text = symbols_text(r->a->symbols, SYMBOL_APPLICATION, r->application);
        *kept = (tables_label(r->a->tables, text) + 1) | label_doubts(text);
    }
    int service = (*kept & LABEL_SERVICE) - 1;
    if (*kept & LABEL_PORT && tables_port(r->a->tables, r->protocol, r->remote_port) != service &&
        tables_port(r->a->tables, r->protocol, r->local_port) != service)
        return NO_SERVICE;
    return *kept & LABEL_ANSWER && r->one_way ? NO_SERVICE : service;
}

static bool shared_owner(const struct row *r)
{
    return r->address->owner == OWNER_HOSTING || r->address->owner == OWNER_CDN;
}

/* What the study's lists say. 1: that is it; -1: the address is one of many parties', nothing more
 * can be said of it. */
static int by_lists(const struct row *r, bool exclusive, struct verdict *v)
{
    const struct listed *l = &r->listed;
    if (!l->any || l->service == NO_SERVICE || (exclusive && l->address_only))
        return 0;
    if (exclusive && l->shared)
        return -1;
    v->basis = BASIS_PREFIX;
    if (!l->shared) {
        v->service = l->service;
        return 1;
    }
    uint16_t service = (uint16_t)l->service;
    candidates_of(r->a, &(struct claim){.count = 1, .services = &service}, v);
    return 1;
}

/* What the owner of the address and the port say. `exclusive`: only what can be one party alone. */
static bool by_address(const struct row *r, bool exclusive, struct verdict *v)
{
    const uint32_t groups[3] = {r->address->prefix_own, r->address->prefix_built_in,
                                r->address->asn_group};
    struct claim_room room;
    int listed = by_lists(r, exclusive, v);
    if (listed)
        return listed > 0;
    for (int i = 0; i < 3; i++) {
        if (groups[i] == GROUP_NONE)
            continue;
        const struct claim *claim =
            tables_claim(r->a->tables, groups[i], r->protocol, r->remote_port, r->day, &room);
        if (claim->count == 0)
            continue;
        if (exclusive && (claim->count > 1 || claim->shared))
            return false;
        return verdict_of_claim(r->a, groups[i], claim, i < 2 ? BASIS_PREFIX : BASIS_ASN, v);
    }
    return false;
}

/* Whether a flow-wide name may stand for an address: not where many parties share it. */
static bool one_party(const struct row *r)
{
    const uint32_t groups[3] = {r->address->prefix_own, r->address->prefix_built_in,
                                r->address->asn_group};
    struct claim_room room;
    if (shared_owner(r))
        return false;
    for (int i = 0; i < 3; i++) {
        if (groups[i] == GROUP_NONE)
            continue;
        const struct claim *claim =
            tables_claim(r->a->tables, groups[i], r->protocol, r->remote_port, r->day, &room);
        if (claim->count)
            return claim->count == 1 && !claim->shared;
    }
    return true;
}

/* Several names told for one address: the one just asked for, if the others are long ago; else
 * they stay candidates. Returns the chosen name's place in `names`, or -1. */
static int choose_name(const struct row *r, const struct learned_name *names, size_t count,
                       struct verdict *v)
{
    uint16_t services[LEARNED_NAMES_MAX];
    struct claim claim = {.services = services};
    const struct fact *first = NULL;
    bool all_same = true;
    for (size_t i = 0; i < count; i++) {
        const struct fact *f =
            tables_name(r->a->tables, (const char *)names[i].name.at, names[i].name.len, r->day);
        if (i == 0)
            first = f;
        else if ((f ? f->subject : UINT32_MAX) != (first ? first->subject : UINT32_MAX) || !f)
            all_same = false;
        bool there = !f;
        for (size_t j = 0; j < claim.count; j++)
            there |= f && services[j] == f->subject;
        if (!there)
            services[claim.count++] = (uint16_t)f->subject;
    }
    if (first)
        v->service = (int)first->subject;
    if (count == 1 || all_same)
        return 0;
    if (names[0].asked_ms + DNS_RECENT_MS >= r->start_ms &&
        names[1].asked_ms + DNS_APART_MS <= names[0].asked_ms)
        return 0;
    v->service = NO_SERVICE;
    if (claim.count)
        candidates_of(r->a, &claim, v);
    return -1;
}

/* True when DNS settles it: a name (known to the catalogue or not), or candidates. */
static bool by_dns(const struct row *r, struct verdict *v)
{
    struct learned_name names[LEARNED_NAMES_MAX];
    if (r->known.len) {
        names[0] = (struct learned_name){.name = r->known};
        choose_name(r, names, 1, v);
        v->learned = r->known;
        v->basis = v->service != NO_SERVICE ? BASIS_DNS : BASIS_NONE;
        return true;
    }
    if (!r->a->learned)
        return false;
    size_t count = learned_find(r->a->learned, r->local, r->remote, r->start_ms, names);
    const struct ip *client = count ? r->local : NULL;
    if (!count && one_party(r))
        count = learned_find(r->a->learned, NULL, r->remote, r->start_ms, names);
    if (!count)
        return false;
    int chosen = choose_name(r, names, count, v);
    if (chosen >= 0) {
        v->learned = names[chosen].name;
        if (client)
            learned_held(r->a->learned, client, r->remote, names[chosen].number, r->end_ms);
    } else if (!client) { /* told to different clients: says nothing of this one */
        *v = NOTHING;
        return false;
    }
    if (v->service != NO_SERVICE || v->candidates)
        v->basis = BASIS_DNS;
    return true;
}

/* A port that did not even answer says nothing of what would have been there. */
static int by_port(const struct row *r, uint16_t port)
{
    return r->attempt ? NO_SERVICE : tables_port(r->a->tables, r->protocol, port);
}

/* What the population itself serves; the visitor's address says nothing of it. */
static struct verdict served(const struct row *r)
{
    static const struct {
        uint16_t port;
        const char *id;
    } OWN[] = {{80, "own-web"},   {443, "own-web"},  {8080, "own-web"}, {8443, "own-web"},
               {25, "own-mail"},  {465, "own-mail"}, {587, "own-mail"}, {110, "own-mail"},
               {995, "own-mail"}, {143, "own-mail"}, {993, "own-mail"}, {53, "own-dns"}};
    struct verdict v = NOTHING;
    int label = label_of(r);
    const char *id = "own-server";
    for (size_t i = 0; i < sizeof OWN / sizeof *OWN; i++)
        if (OWN[i].port == r->local_port)
            id = OWN[i].id;
    v.service = catalogue_find(r->a->catalogue, id, strlen(id));
    v.basis = BASIS_PORT;
    /* A protocol seen on an odd port: that is what is served. */
    if (strcmp(id, "own-server") == 0 && label != NO_SERVICE &&
        catalogue_service_is_protocol(r->a->catalogue, (size_t)label)) {
        v.service = label;
        v.basis = BASIS_DPI;
    }
    return v;
}

static bool named(const struct row *r)
{
    return r->host.len && !names_is_literal((const char *)r->host.at, r->host.len);
}

/* `v` is of DPI: a protocol. When the address is of one service of the same category, that is it:
 * DNS to 8.8.8.8 is Google Public DNS with payload and without. */
static void refine(const struct row *r, struct verdict *v)
{
    struct verdict other = NOTHING;
    if (!catalogue_service_is_protocol(r->a->catalogue, (size_t)v->service) ||
        !by_address(r, true, &other) || other.service == NO_SERVICE || other.service == v->service)
        return;
    if (category_of(r->a, other.service) == category_of(r->a, v->service))
        *v = other;
}

static struct verdict judge(const struct row *r)
{
    struct verdict v = NOTHING;
    const struct catalogue *c = r->a->catalogue;
    bool is_named = named(r);
    if (r->role == ROLE_UNANSWERED)
        return v;
    int label = label_of(r);
    /* The name asked for through a proxy is where the proxy went; this flow is use of the proxy. */
    if (label != NO_SERVICE && label == r->a->proxy_service && r->role != ROLE_SERVED) {
        v.service = label, v.basis = BASIS_DPI;
        return v;
    }
    if (is_named) {
        const struct fact *f =
            tables_name(r->a->tables, (const char *)r->host.at, r->host.len, r->day);
        if (f) {
            v.service = (int)f->subject, v.basis = BASIS_NAME;
            return v;
        }
        /* "facebook-stories.net": its own or an imitation. */
        f = tables_similar(r->a->tables, (const char *)r->host.at, r->host.len, r->day);
        if (f) {
            uint16_t service = (uint16_t)f->subject;
            candidates_of(r->a, &(struct claim){.count = 1, .services = &service}, &v);
            v.basis = BASIS_NAME;
            return v;
        }
    }
    if (r->role == ROLE_SERVED)
        return served(r);
    if (label != NO_SERVICE && !(is_named && catalogue_service_shared(c, (size_t)label))) {
        v.service = label, v.basis = BASIS_DPI;
        refine(r, &v);
        return v;
    }
    if (r->protocol != 6 && r->protocol != 17 && r->protocol != 132) {
        if ((v.service = by_port(r, 0)) != NO_SERVICE)
            v.basis = BASIS_PORT;
        return v;
    }
    if (!is_named && by_dns(r, &v))
        is_named = v.learned.len > 0;
    if (v.basis)
        return v;
    struct bytes learned = v.learned;
    v = NOTHING;
    if (by_address(r, is_named, &v) && v.service != NO_SERVICE) {
        v.learned = learned;
        return v;
    }
    int port = is_named ? NO_SERVICE : by_port(r, r->remote_port);
    if (port == NO_SERVICE && r->role == ROLE_PEER)
        port = by_port(r, r->local_port);
    if (port != NO_SERVICE)
        v = (struct verdict){.service = port, .basis = BASIS_PORT};
    v.learned = learned;
    return v;
}

/* --- batches --- */

static bool keeps_host_owner(unsigned owner)
{
    return owner == OWNER_HOSTING || owner == OWNER_CDN || owner == OWNER_CONSUMER_SERVICE ||
           owner == OWNER_VPN;
}

/* A university's host inside a carrier's or a national research network's block is the
 * university's; a university's page on a rented host is not. */
static uint8_t owner_of_row(const struct row *r, struct bytes host)
{
    unsigned owner = r->listed.owner ? r->listed.owner : r->address->owner;
    if (r->listed.owner)
        return (uint8_t)owner;
    if (!host.len || r->role == ROLE_SERVED || keeps_host_owner(owner))
        return (uint8_t)owner;
    const struct fact *f = owners_by_host(r->a->owners, (const char *)host.at, host.len);
    return (uint8_t)(f ? catalogue_owner_kind(r->a->catalogue, f->subject) : owner);
}

static void set_row(struct batch *b, size_t i, const struct row *r, const struct verdict *v)
{
    struct attribution *a = r->a;
    batch_service(b)[i] = service_code(a, v->service);
    batch_category(b)[i] = v->service != NO_SERVICE ? category_of(a, v->service) : v->category;
    batch_basis(b)[i] = (uint8_t)v->basis;
    batch_candidates(b)[i] = v->service == NO_SERVICE ? v->candidates : 0;
    batch_country(b)[i] = r->address->place.country;
    batch_asn(b)[i] = r->address->place.asn;
    batch_owner(b)[i] = owner_of_row(r, v->learned.len ? v->learned : r->host);
    if (v->learned.len && !r->host.len && !r->known.len) {
        batch_set_text(b, FIELD_server_name, i, (const char *)v->learned.at, v->learned.len);
        batch_name_kind(b)[i] = NAME_DNS;
    }
}

/* "example.com:8080", as an HTTP Host may be, without its port. */
static struct bytes without_port(struct bytes host)
{
    size_t len = host.len;
    while (len > 0 && host.at[len - 1] >= '0' && host.at[len - 1] <= '9')
        len--;
    if (len > 1 && len < host.len && host.at[len - 1] == ':' && !memchr(host.at, ':', len - 1))
        host.len = len - 1;
    return host;
}

static void attribute_row(struct attribution *a, struct batch *b, size_t i,
                          const struct address *address)
{
    struct row r = {
        .a = a,
        .address = address,
        .local = &batch_local(b)[i],
        .remote = &batch_remote(b)[i],
        .start_ms = batch_start_ms(b)[i],
        .end_ms = batch_end_ms(b)[i],
        .day = (int32_t)(batch_start_ms(b)[i] / DAY_MS),
        .local_port = batch_local_port(b)[i],
        .remote_port = batch_remote_port(b)[i],
        .protocol = batch_protocol(b)[i],
        .role = batch_role(b)[i],
        .application = batch_application(b)[i],
        .one_way = batch_packets_in(b)[i] == 0 && batch_packets_out(b)[i] > 0,
        .attempt = batch_protocol(b)[i] == TCP && batch_packets_in(b)[i] == 0 &&
                   (batch_tcp_flags_out(b)[i] & (SYN | ACK)) == SYN,
        .host = without_port(batch_text(b, FIELD_server_name, i)),
    };
    if (batch_name_kind(b)[i] == NAME_DNS) {
        r.known = r.host;
        r.host.len = 0;
    }
    if (address->listed)
        r.listed = listed_find(a, r.remote, r.protocol, r.remote_port, r.start_ms);
    struct verdict v = judge(&r);
    set_row(b, i, &r, &v);
}

void attribution_batch(struct attribution *a, struct batch *flows)
{
    struct address addresses[CHUNK_ROWS];
    for (size_t from = 0; from < flows->rows; from += CHUNK_ROWS) {
        size_t count = flows->rows - from < CHUNK_ROWS ? flows->rows - from : CHUNK_ROWS;
        addresses_find(a, batch_remote(flows) + from, count, addresses);
        for (size_t i = 0; i < count; i++)
            attribute_row(a, flows, from + i, &addresses[i]);
    }
    devices_batch(a->devices, flows);
}

json_t *attribution_provenance(const struct attribution *a)
{
    char geo_day[TIME_TEXT_MAX], day[TIME_TEXT_MAX];
    date_print((int32_t)(geo_made_s(a->geo) / 86400), geo_day);
    date_print(catalogue_day(a->catalogue), day);
    return json_pack("{s:o, s:o, s:{s:s, s:s}, s:{s:s, s:I, s:s}}", "tor", listed_tor_provenance(a),
                     "lists", listed_provenance(a), "geo", "name", geo_source(a->geo), "date",
                     geo_day, "catalogue", "sha256", catalogue_sha256(a->catalogue), "entries",
                     (json_int_t)catalogue_services(a->catalogue), "date", day);
}
