/* SPDX-License-Identifier: Apache-2.0 */
/* MISP core format (draft-dulaunoy-misp-core-format) with objects of the public templates
 * (github.com/MISP/misp-objects). All UUIDs are version 5 of the report's digest and what they
 * stand for, so that a second import updates the event. Nothing is flagged for detection (to_ids):
 * a contact is no accusation. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/ip.h"
#include "base/zone.h"
#include "report/community.h"
#include "report/exchange.h"
#include "schema/values.h"

#define OUR_NAMESPACE "72d7ac7d-56ee-5a1f-8210-bcb0c0e019a9"

struct template
{
    const char *name, *uuid, *version, *category, *description;
};

static const struct template connection = {"network-connection",
                                           "af16764b-f8e5-4603-9de1-de34d272f80b", "3", "network",
                                           "A local or remote network connection."};
static const struct template netflow = {
    "netflow", "bf148c58-3e7e-414e-8de8-5d96379ca77e", "2", "network",
    "Netflow object describes an network object based on the Netflowv5/v9 minimal definition"};
static const struct template tor_node = {
    "tor-node", "a5fde1c8-318e-4658-a3ea-85ea000bdd33", "1", "misc",
    "Tor node description, of a node that was part of the Tor network at a time."};

struct event {
    const json_t *model;
    const char *digest;
    char timestamp[24];
    json_t *objects, *attributes;
};

static const char *text_at(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static json_t *uuid_of(const struct event *e, const char *what)
{
    char uuid[UUID_TEXT_MAX];
    char *name = NULL;
    json_t *joined = json_sprintf("%s misp %s", e->digest, what);
    name = (char *)(uintptr_t)json_string_value(joined);
    uuid5(OUR_NAMESPACE, name, strlen(name), uuid);
    json_decref(joined);
    return json_string(uuid);
}

/* --- attributes --- */

static json_t *attribute(const struct event *e, const char *of, const char *relation,
                         const char *type, const char *category, const char *value)
{
    json_t *what = json_sprintf("%s %s %s", of, relation, value);
    json_t *made =
        json_pack("{s:o, s:s, s:s, s:s, s:b, s:b, s:s, s:s, s:b, s:s}", "uuid",
                  uuid_of(e, json_string_value(what)), "type", type, "category", category, "value",
                  value, "to_ids", 0, "deleted", 0, "timestamp", e->timestamp, "distribution", "5",
                  "disable_correlation", strncmp(type, "ip-", 3) != 0, "comment", "");
    if (*relation)
        json_object_set_new(made, "object_relation", json_string(relation));
    json_decref(what);
    return made;
}

static void put(const struct event *e, json_t *object, const char *relation, const char *type,
                const char *value)
{
    const char *category = strcmp(type, "datetime") == 0 || strcmp(type, "counter") == 0 ||
                                   strcmp(type, "size-in-bytes") == 0 || strcmp(type, "text") == 0
                               ? "Other"
                               : "Network activity";
    if (*value)
        json_array_append_new(
            json_object_get(object, "Attribute"),
            attribute(e, text_at(object, "uuid"), relation, type, category, value));
}

static void put_number(const struct event *e, json_t *object, const char *relation,
                       const char *type, json_int_t value)
{
    char text[32];
    snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, value);
    put(e, object, relation, type, text);
}

/* --- objects --- */

static json_t *add_object(struct event *e, const struct template *t, const char *what,
                          const char *comment)
{
    json_t *object = json_pack("{s:o, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:[]}", "uuid",
                               uuid_of(e, what), "name", t->name, "meta-category", t->category,
                               "description", t->description, "template_uuid", t->uuid,
                               "template_version", t->version, "timestamp", e->timestamp,
                               "distribution", "5", "deleted", 0, "comment", comment, "Attribute");
    json_array_append_new(e->objects, object);
    return object;
}

static void set_seen(json_t *object, const json_t *first, const json_t *last)
{
    json_object_set(object, "first_seen", (json_t *)(uintptr_t)first);
    json_object_set(object, "last_seen", (json_t *)(uintptr_t)last);
}

static void add_flow(struct event *e, const json_t *c, const char *what)
{
    json_t *o = add_object(e, &netflow, what, "");
    json_int_t sampling = json_integer_value(json_object_get(c, "sampling"));
    json_int_t protocol = json_integer_value(json_object_get(c, "protocol"));
    struct ip ip;
    sampling = sampling > 1 ? sampling : 1;
    set_seen(o, json_object_get(c, "start"), json_object_get(c, "end"));
    put(e, o, "ip-src", "ip-src", text_at(c, "src_ip"));
    put(e, o, "ip-dst", "ip-dst", text_at(c, "dst_ip"));
    if (protocol == 6 || protocol == 17 || protocol == 132) {
        put_number(e, o, "src-port", "port", json_integer_value(json_object_get(c, "src_port")));
        put_number(e, o, "dst-port", "port", json_integer_value(json_object_get(c, "dst_port")));
    } else if (protocol == 1 || protocol == 58) {
        put_number(e, o, "icmp-type", "text",
                   json_integer_value(json_object_get(c, "dst_port")) >> 8);
    }
    put_number(e, o, "ip-protocol-number", "size-in-bytes", protocol);
    put(e, o, "protocol", "text",
        protocol == 6    ? "TCP"
        : protocol == 17 ? "UDP"
        : protocol == 1  ? "ICMP"
                         : "IP");
    bool is_ip = ip_parse(text_at(c, "src_ip"), strlen(text_at(c, "src_ip")), &ip);
    put_number(e, o, "ip_version", "counter", is_ip && !ip_is_v4(&ip) ? 6 : 4);
    put_number(e, o, "packet-count", "counter",
               sampling * (json_integer_value(json_object_get(c, "packets")) +
                           json_integer_value(json_object_get(c, "reverse_packets"))));
    put_number(e, o, "byte-count", "counter",
               sampling * (json_integer_value(json_object_get(c, "octets")) +
                           json_integer_value(json_object_get(c, "reverse_octets"))));
    put(e, o, "first-packet-seen", "datetime", text_at(c, "start"));
    put(e, o, "last-packet-seen", "datetime", text_at(c, "end"));
    put(e, o, "community-id", "community-id", text_at(c, "community_id"));
}

static void add_relay(struct event *e, const json_t *pair, const char *what)
{
    json_t *o = add_object(e, &tor_node, what, text_at(pair, "text"));
    set_seen(o, json_object_get(pair, "first"), json_object_get(pair, "last"));
    put(e, o, "address", "ip-src", text_at(pair, "remote"));
    put(e, o, "first-seen", "datetime", text_at(pair, "first"));
    put(e, o, "last-seen", "datetime", text_at(pair, "last"));
}

static void add_connection(struct event *e, const json_t *pair, const char *what)
{
    const char *local = text_at(pair, "local"), *remote = text_at(pair, "remote");
    bool inward = strcmp(text_at(pair, "kind"), "scanner") == 0 && !*local;
    json_t *comment =
        json_sprintf("%s %s: %" JSON_INTEGER_FORMAT " conversations", text_at(pair, "kind"),
                     text_at(pair, "text"), json_integer_value(json_object_get(pair, "flows")));
    json_t *o = add_object(e, &connection, what, json_string_value(comment));
    set_seen(o, json_object_get(pair, "first"), json_object_get(pair, "last"));
    put(e, o, "ip-src", "ip-src", inward ? remote : local);
    put(e, o, "ip-dst", "ip-dst", inward ? local : remote);
    put(e, o, "layer3-protocol", "text", "IP");
    put(e, o, "first-packet-seen", "datetime", text_at(pair, "first"));
    json_decref(comment);
}

static void add_pair(struct event *e, const json_t *pair)
{
    size_t i;
    json_t *c, *what = json_sprintf("%s %s %s %s", text_at(pair, "kind"), text_at(pair, "local"),
                                    text_at(pair, "remote"), text_at(pair, "text"));
    if (strcmp(text_at(pair, "kind"), "tor") == 0)
        add_relay(e, pair, json_string_value(what));
    else
        add_connection(e, pair, json_string_value(what));
    json_array_foreach(json_object_get(pair, "conversations"), i, c)
    {
        json_t *flow = json_sprintf("%s flow %zu", json_string_value(what), i);
        add_flow(e, c, json_string_value(flow));
        json_decref(flow);
    }
    json_decref(what);
}

static void add_rest(struct event *e)
{
    size_t i;
    json_t *row;
    json_array_foreach(json_object_get(e->model, "findings"), i, row)
        json_array_append_new(e->attributes, attribute(e, text_at(row, "id"), "", "text", "Other",
                                                       text_at(row, "statement")));
    json_array_foreach(json_object_get(json_object_get(e->model, "recon"), "sensitive"), i, row)
    {
        char number[32];
        json_int_t asn = json_integer_value(json_object_get(row, "asn"));
        snprintf(number, sizeof number, "%" JSON_INTEGER_FORMAT, asn);
        if (asn <= 0)
            continue;
        json_t *made =
            attribute(e, text_at(row, "organisation"), "", "AS", "Network activity", number);
        json_object_set(made, "comment", json_object_get(row, "organisation"));
        json_array_append_new(e->attributes, made);
    }
}

int misp_event(const json_t *model, const json_t *pairs, const char *tlp, json_t **ret,
               struct error *err)
{
    struct event e = {.model = model, .digest = exchange_text(model, "provenance", "digest")};
    const char *generated = exchange_text(model, "provenance", "generated");
    char tag[32], date[11] = "";
    uint64_t ms;
    size_t i;
    json_t *pair;
    if (!*e.digest || time_parse_ms(generated, strlen(generated), NULL, 0, &ms) < 0)
        return error_set(err, ERROR_FAILED, "the report lacks provenance.digest or .generated");
    snprintf(e.timestamp, sizeof e.timestamp, "%llu", (unsigned long long)(ms / 1000));
    snprintf(tag, sizeof tag, "tlp:%s", tlp);
    memcpy(date, generated, 10);
    e.objects = json_array();
    e.attributes = json_array();
    json_array_foreach((json_t *)(uintptr_t)pairs, i, pair) add_pair(&e, pair);
    add_rest(&e);
    *ret = json_pack(
        "{s:{s:o, s:s, s:s, s:s, s:s, s:s, s:b, s:s, s:{s:s, s:o}, s:[{s:s}], s:o, s:o}}", "Event",
        "uuid", uuid_of(&e, "event"), "info", exchange_text(model, "study", "name"), "date", date,
        "threat_level_id", "4", "analysis", "2", "distribution", "0", "published", 0, "timestamp",
        e.timestamp, "Orgc", "name", "telltale", "uuid",
        uuid_of(&(struct event){.digest = ""}, "telltale"), "Tag", "name", tag, "Attribute",
        e.attributes, "Object", e.objects);
    return 0;
}
