/* SPDX-License-Identifier: Apache-2.0 */
/* STIX 2.1 (OASIS standard, 10 June 2021). Observables (SCOs) have the ids that section 2.9 gives
 * them: UUID 5 of their contributing properties as canonical JSON (RFC 8785), so that the same
 * address is the same object everywhere. Ours (SDOs, SROs) are UUID 5 in a namespace of our own, of
 * the report's digest and what they are about. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/ip.h"
#include "report/community.h"
#include "report/exchange.h"
#include "schema/values.h"

#define SCO_NAMESPACE "00abedb4-aa42-466c-9c01-fed23315a9b7"
/* UUID 5 of "https://github.com/telltale/report/1" in the namespace of URLs: never change it. */
#define OUR_NAMESPACE  "72d7ac7d-56ee-5a1f-8210-bcb0c0e019a9"
#define TLP_EXTENSION  "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
#define OUR_FIRST_DATE "2026-11-22T00:00:00.000Z"

/* The TLP 2.0 marking definitions that OASIS has published (cti-stix-common-objects). */
static const struct {
    const char *level, *id, *name;
} markings[] = {
    {"clear", "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487", "TLP:CLEAR"},
    {"green", "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb", "TLP:GREEN"},
    {"amber", "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", "TLP:AMBER"},
    {"amber+strict", "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003",
     "TLP:AMBER+STRICT"},
    {"red", "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1", "TLP:RED"},
};

struct bundle {
    const json_t *model;
    const char *digest, *generated, *marking;
    char maker[64], extension[96], relay_network[96];
    json_t *objects;
    json_t *known; /* ids that are there */
    json_t *refs;  /* of the report */
};

/* --- ids --- */

static void id_of(const char *type, const char *name_space, const char *name, char *ret,
                  size_t size)
{
    char uuid[UUID_TEXT_MAX];
    uuid5(name_space, name, strlen(name), uuid);
    snprintf(ret, size, "%s--%s", type, uuid);
}

/* The id of one of our objects: of this report, about `what`. */
static void our_id(const struct bundle *b, const char *type, const char *what, char ret[96])
{
    char name[512];
    snprintf(name, sizeof name, "%s %s %s", b->digest, type, what);
    id_of(type, OUR_NAMESPACE, name, ret, 96);
}

/* Takes `contributing`. */
static void observable_id(const char *type, json_t *contributing, char ret[96])
{
    char *text = json_dumps(contributing, JSON_COMPACT | JSON_SORT_KEYS);
    id_of(type, SCO_NAMESPACE, text, ret, 96);
    free(text);
    json_decref(contributing);
}

/* --- objects --- */

/* Takes `object`; false when one of this id is there. */
static bool add(struct bundle *b, json_t *object, bool in_report)
{
    const char *id = json_string_value(json_object_get(object, "id"));
    if (json_object_get(b->known, id)) {
        json_decref(object);
        return false;
    }
    json_object_set_new(b->known, id, json_true());
    if (in_report)
        json_array_append_new(b->refs, json_string(id));
    json_array_append_new(b->objects, object);
    return true;
}

static void mark(const struct bundle *b, json_t *object)
{
    json_object_set_new(object, "object_marking_refs", json_pack("[s]", b->marking));
}

static json_t *observable(const struct bundle *b, const char *type, const char *id)
{
    json_t *object = json_pack("{s:s, s:s, s:s}", "type", type, "spec_version", "2.1", "id", id);
    mark(b, object);
    return object;
}

static json_t *ours(const struct bundle *b, const char *type, const char *id)
{
    json_t *object =
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "type", type, "spec_version", "2.1", "id", id,
                  "created_by_ref", b->maker, "created", b->generated, "modified", b->generated);
    mark(b, object);
    return object;
}

static void add_marking(struct bundle *b, const char *tlp)
{
    for (size_t i = 0; i < sizeof markings / sizeof *markings; i++) {
        if (strcmp(markings[i].level, tlp) != 0)
            continue;
        b->marking = markings[i].id;
        add(b,
            json_pack("{s:s, s:s, s:s, s:s, s:s, s:{s:{s:s, s:s}}}", "type", "marking-definition",
                      "spec_version", "2.1", "id", markings[i].id, "created",
                      "2022-10-01T00:00:00.000Z", "name", markings[i].name, "extensions",
                      TLP_EXTENSION, "extension_type", "property-extension", "tlp_2_0", tlp),
            false);
    }
}

/* The program, which made it. The same in every bundle. */
static void add_maker(struct bundle *b)
{
    id_of("identity", OUR_NAMESPACE, "telltale", b->maker, sizeof b->maker);
    json_t *maker = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "type", "identity",
                              "spec_version", "2.1", "id", b->maker, "created", OUR_FIRST_DATE,
                              "modified", OUR_FIRST_DATE, "name", "telltale", "identity_class",
                              "system", "description", "Measures flow telemetry of a population");
    add(b, maker, false);
}

/* Community IDs have no property of their own in STIX. */
static void add_extension(struct bundle *b)
{
    id_of("extension-definition", OUR_NAMESPACE, "community-id", b->extension, sizeof b->extension);
    add(b,
        json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:[s], s:s}", "type",
                  "extension-definition", "spec_version", "2.1", "id", b->extension,
                  "created_by_ref", b->maker, "created", OUR_FIRST_DATE, "modified", OUR_FIRST_DATE,
                  "name", "Community ID", "schema",
                  "https://github.com/corelight/community-id-spec", "version", "1.0.0",
                  "extension_types", "property-extension", "description",
                  "community_id: the conversation's Community ID, version 1"),
        false);
}

/* Text of an address to its object's id; false for what is no address. */
static bool add_address(struct bundle *b, const char *text, char ret[96])
{
    struct ip ip;
    if (!text || !ip_parse(text, strlen(text), &ip))
        return false;
    const char *type = ip_is_v4(&ip) ? "ipv4-addr" : "ipv6-addr";
    observable_id(type, json_pack("{s:s}", "value", text), ret);
    json_t *object = observable(b, type, ret);
    json_object_set_new(object, "value", json_string(text));
    add(b, object, true);
    return true;
}

static void add_network(struct bundle *b, const json_t *row, const char *name)
{
    char id[96];
    json_int_t number = json_integer_value(json_object_get(row, "asn"));
    const char *text = json_string_value(json_object_get(row, name));
    if (number <= 0)
        return;
    observable_id("autonomous-system", json_pack("{s:I}", "number", number), id);
    json_t *object = observable(b, "autonomous-system", id);
    json_object_set_new(object, "number", json_integer(number));
    if (text && *text)
        json_object_set_new(object, "name", json_string(text));
    add(b, object, true);
}

static void add_relationship(struct bundle *b, const char *from, const char *how, const char *to)
{
    char id[96], what[256];
    snprintf(what, sizeof what, "%s %s %s", from, how, to);
    our_id(b, "relationship", what, id);
    json_t *object = ours(b, "relationship", id);
    json_object_set_new(object, "relationship_type", json_string(how));
    json_object_set_new(object, "source_ref", json_string(from));
    json_object_set_new(object, "target_ref", json_string(to));
    add(b, object, true);
}

/* --- pairs --- */

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/* Takes `traffic`, which has all but its id. */
static void add_traffic(struct bundle *b, json_t *traffic, char ret[96])
{
    static const char *const contributing[] = {"start",    "end",      "src_ref",   "dst_ref",
                                               "src_port", "dst_port", "protocols", "extensions"};
    json_t *parts = json_object();
    for (size_t i = 0; i < sizeof contributing / sizeof *contributing; i++)
        json_object_set(parts, contributing[i], json_object_get(traffic, contributing[i]));
    observable_id("network-traffic", parts, ret);
    json_t *object = observable(b, "network-traffic", ret);
    json_object_update(object, traffic);
    json_decref(traffic);
    add(b, object, true);
}

static json_t *traffic_of(const char *from, const char *to, const json_t *start, const json_t *end)
{
    const char *family = strncmp(from, "ipv4", 4) == 0 ? "ipv4" : "ipv6";
    return json_pack("{s:O, s:O, s:b, s:s, s:s, s:[s]}", "start", start, "end", end, "is_active", 0,
                     "src_ref", from, "dst_ref", to, "protocols", family);
}

static void set_count(json_t *to, const char *name, const json_t *row, const char *key)
{
    json_int_t sampling = json_integer_value(json_object_get(row, "sampling"));
    json_int_t value = json_integer_value(json_object_get(row, key));
    json_object_set_new(to, name, json_integer(value * (sampling > 1 ? sampling : 1)));
}

/* One conversation behind the pair. */
static void add_conversation(struct bundle *b, const json_t *c, json_t *refs)
{
    char src[96], dst[96], id[96];
    if (!add_address(b, text_at(c, "src_ip"), src) || !add_address(b, text_at(c, "dst_ip"), dst))
        return;
    json_t *t = traffic_of(src, dst, json_object_get(c, "start"), json_object_get(c, "end"));
    unsigned protocol = (unsigned)json_integer_value(json_object_get(c, "protocol"));
    if (protocol_text(protocol))
        json_array_append_new(json_object_get(t, "protocols"),
                              json_string(protocol_text(protocol)));
    bool ports = protocol == 6 || protocol == 17 || protocol == 132;
    for (int i = 0; i < 2 && ports; i++)
        json_object_set(t, i ? "dst_port" : "src_port",
                        json_object_get(c, i ? "dst_port" : "src_port"));
    set_count(t, "src_byte_count", c, "octets");
    set_count(t, "dst_byte_count", c, "reverse_octets");
    set_count(t, "src_packets", c, "packets");
    set_count(t, "dst_packets", c, "reverse_packets");
    json_object_set_new(t, "extensions",
                        json_pack("{s:{s:s, s:s}}", b->extension, "extension_type",
                                  "property-extension", "community_id",
                                  text_at(c, "community_id")));
    add_traffic(b, t, id);
    json_array_append_new(refs, json_string(src));
    json_array_append_new(refs, json_string(dst));
    json_array_append_new(refs, json_string(id));
}

static void add_observed(struct bundle *b, const json_t *pair, const char *what, json_t *refs)
{
    enum { MOST = 999999999 }; /* STIX 2.1 section 4.14 */
    char id[96];
    json_int_t flows = json_integer_value(json_object_get(pair, "flows"));
    our_id(b, "observed-data", what, id);
    json_t *object = ours(b, "observed-data", id);
    json_object_set(object, "first_observed", json_object_get(pair, "first"));
    json_object_set(object, "last_observed", json_object_get(pair, "last"));
    json_object_set_new(object, "number_observed",
                        json_integer(flows < 1      ? 1
                                     : flows > MOST ? MOST
                                                    : flows));
    json_object_set_new(object, "object_refs", refs);
    add(b, object, true);
}

/* A Tor relay is infrastructure that consists of its address. */
static void add_relay(struct bundle *b, const json_t *pair, const char *address)
{
    char id[96];
    const char *relay = text_at(pair, "remote");
    our_id(b, "infrastructure", relay, id);
    json_t *object = ours(b, "infrastructure", id);
    char name[128];
    snprintf(name, sizeof name, "Tor relay %s", relay);
    json_object_set_new(object, "name", json_string(name));
    json_object_set_new(object, "description", json_string(text_at(pair, "text")));
    json_object_set_new(object, "infrastructure_types", json_pack("[s]", "anonymization"));
    if (add(b, object, true))
        add_relationship(b, id, "consists-of", address);
}

static void add_pair(struct bundle *b, const json_t *pair)
{
    char local[96], remote[96], id[96], what[256];
    bool has_local = add_address(b, text_at(pair, "local"), local),
         has_remote = add_address(b, text_at(pair, "remote"), remote);
    bool inward = strcmp(text_at(pair, "kind"), "scanner") == 0 && !has_local;
    json_t *refs = json_array(), *c;
    size_t i;
    if (has_local)
        json_array_append_new(refs, json_string(local));
    if (has_remote)
        json_array_append_new(refs, json_string(remote));
    if (has_local && has_remote) {
        add_traffic(b,
                    traffic_of(inward ? remote : local, inward ? local : remote,
                               json_object_get(pair, "first"), json_object_get(pair, "last")),
                    id);
        json_array_append_new(refs, json_string(id));
    }
    json_array_foreach(json_object_get(pair, "conversations"), i, c) add_conversation(b, c, refs);
    snprintf(what, sizeof what, "%s %s %s %s", text_at(pair, "kind"), text_at(pair, "local"),
             text_at(pair, "remote"), text_at(pair, "text"));
    if (json_array_size(refs) > 0)
        add_observed(b, pair, what, refs);
    else
        json_decref(refs);
    if (strcmp(text_at(pair, "kind"), "tor") == 0 && has_remote)
        add_relay(b, pair, remote);
}

/* --- sections --- */

static void add_technique(struct bundle *b, const json_t *row)
{
    char id[96];
    const char *technique = text_at(row, "technique"), *provider = text_at(row, "provider");
    if (strncmp(technique, "vpn", 3) != 0 && strcmp(technique, "proxy") != 0)
        return;
    our_id(b, "infrastructure", provider, id);
    json_t *object = ours(b, "infrastructure", id), *network;
    json_object_set_new(object, "name", json_string(*provider ? provider : technique));
    json_object_set_new(object, "description", json_string(technique));
    json_object_set_new(object, "infrastructure_types", json_pack("[s]", "anonymization"));
    if (!add(b, object, true))
        return;
    size_t i;
    json_array_foreach(json_object_get(row, "networks"), i, network)
    {
        char as[96];
        json_int_t number = json_integer_value(json_object_get(network, "asn"));
        if (number <= 0)
            continue;
        add_network(b, network, "name");
        observable_id("autonomous-system", json_pack("{s:I}", "number", number), as);
        add_relationship(b, id, "related-to", as);
    }
}

static void add_note(struct bundle *b, const json_t *finding, const char *report)
{
    char id[96];
    our_id(b, "note", text_at(finding, "id"), id);
    const char *confidence = text_at(finding, "confidence"),
               *likelihood = text_at(finding, "likelihood");
    json_t *object = ours(b, "note", id);
    json_object_set_new(object, "abstract", json_string(text_at(finding, "headline")));
    json_object_set_new(object, "content",
                        json_sprintf("%s%s%s%s", text_at(finding, "statement"),
                                     *likelihood ? " Likelihood: " : "", likelihood,
                                     *likelihood ? "." : ""));
    /* STIX 2.1 appendix A: low is 15, medium 50, high 85. */
    json_object_set_new(object, "confidence",
                        json_integer(confidence[0] == 'h'   ? 85
                                     : confidence[0] == 'm' ? 50
                                                            : 15));
    json_object_set_new(object, "object_refs", json_pack("[s]", report));
    add(b, object, false);
}

static void add_report(struct bundle *b)
{
    char id[96];
    size_t i;
    json_t *finding;
    our_id(b, "report", "", id);
    json_t *object = ours(b, "report", id);
    json_object_set_new(object, "name", json_string(exchange_text(b->model, "study", "name")));
    json_object_set_new(object, "description",
                        json_sprintf("%s to %s; digest %s",
                                     exchange_text(b->model, "study", "from"),
                                     exchange_text(b->model, "study", "to"), b->digest));
    json_object_set_new(object, "report_types", json_pack("[s]", "observed-data"));
    json_object_set_new(object, "published", json_string(b->generated));
    if (json_array_size(b->refs) == 0)
        json_array_append_new(b->refs, json_string(b->maker));
    json_object_set(object, "object_refs", b->refs);
    add(b, object, false);
    json_array_foreach(json_object_get(b->model, "findings"), i, finding) add_note(b, finding, id);
}

static void add_sections(struct bundle *b, const json_t *pairs)
{
    size_t i;
    json_t *row;
    const json_t *concealment = json_object_get(b->model, "concealment"),
                 *recon = json_object_get(b->model, "recon");
    json_array_foreach(json_object_get(recon, "sensitive"), i, row)
        add_network(b, row, "organisation");
    json_array_foreach(json_object_get(concealment, "techniques"), i, row) add_technique(b, row);
    json_array_foreach((json_t *)(uintptr_t)pairs, i, row) add_pair(b, row);
}

int stix_bundle(const json_t *model, const json_t *pairs, const char *tlp, json_t **ret,
                struct error *err)
{
    struct bundle b = {.model = model,
                       .digest = exchange_text(model, "provenance", "digest"),
                       .generated = exchange_text(model, "provenance", "generated")};
    if (!*b.digest || !*b.generated)
        return error_set(err, ERROR_FAILED, "the report lacks provenance.digest or .generated");
    char id[96];
    b.objects = json_array();
    b.known = json_object();
    b.refs = json_array();
    add_marking(&b, tlp);
    add_maker(&b);
    add_extension(&b);
    add_sections(&b, pairs);
    add_report(&b);
    our_id(&b, "bundle", tlp, id);
    *ret = json_pack("{s:s, s:s, s:o}", "type", "bundle", "id", id, "objects", b.objects);
    json_decref(b.known);
    json_decref(b.refs);
    return 0;
}
