/* SPDX-License-Identifier: Apache-2.0 */
/* `telltale look`: what is known of an address or a name, fact by fact with source and date, so
 * that the reader can weigh it. The JSON is the result; the text is printed from it alone. */
#include "attribute/dated_flow.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/zone.h"
#include "schema/values.h"

static void add_fact(json_t *facts, const char *fact, const char *value, const char *source,
                     const char *date)
{
    json_array_append_new(facts, json_pack("{s:s, s:s, s:s, s:s}", "fact", fact, "value", value,
                                           "source", source, "date", date));
}

static void day_text(int32_t day, char text[TIME_TEXT_MAX])
{
    text[0] = 0;
    if (day > 0 && day < 1 << 20)
        date_print(day, text);
}

static void geo_day(const struct attribution *a, char text[TIME_TEXT_MAX])
{
    day_text((int32_t)(geo_made_s(a->geo) / 86400), text);
}

/* "catalogue (source; catalogue/social.yaml:12)", dated by the fact or by the catalogue. */
static void add_catalogue_fact(const struct attribution *a, json_t *facts, const char *fact,
                               const char *value, const struct fact *f)
{
    char date[TIME_TEXT_MAX], where[512];
    day_text(f->from_day > 0 ? f->from_day : catalogue_day(a->catalogue), date);
    snprintf(where, sizeof where, "%s (%s:%u)", f->source, f->file, f->line);
    add_fact(facts, fact, value, where, date);
}

static void set_service(const struct attribution *a, json_t *look, int service)
{
    json_object_set_new(look, "service",
                        json_string(catalogue_service_id(a->catalogue, (size_t)service)));
    json_object_set_new(look, "service_name",
                        json_string(catalogue_service_name(a->catalogue, (size_t)service)));
    json_object_set_new(look, "category",
                        json_string(catalogue_service_category(a->catalogue, (size_t)service)));
}

/* Who claims the prefix or AS; what one service alone claims is the service. */
static bool add_group(const struct attribution *a, json_t *look, json_t *facts, uint32_t group,
                      int32_t day, const char *fact)
{
    struct claim_room room;
    if (group == GROUP_NONE)
        return false;
    const struct claim *claim = tables_claim(a->tables, group, 0, 0, day, &room);
    if (claim->count == 0)
        return false;
    if (json_object_get(look, "service") || json_object_get(look, "candidates"))
        return true;
    if (claim->count == 1 && !claim->shared) {
        set_service(a, look, claim->services[0]);
    } else {
        json_t *candidates = json_array();
        for (size_t i = 0; i < claim->count; i++)
            json_array_append_new(
                candidates, json_string(catalogue_service_id(a->catalogue, claim->services[i])));
        json_object_set_new(look, "candidates", candidates);
        json_object_set_new(look, "shared", json_boolean(claim->shared));
    }
    size_t count;
    const struct fact *const *members = tables_group(a->tables, group, &count);
    for (size_t i = 0; i < count; i++) {
        char value[256], limits[64] = "";
        if (members[i]->port_last)
            snprintf(limits, sizeof limits, ", port %u", members[i]->port_first);
        snprintf(value, sizeof value, "%s%s%s%s belongs to %s",
                 members[i]->kind == FACT_ASN ? "AS" : "", members[i]->text, limits,
                 members[i]->from_day > 0 ? " (dated)" : "",
                 catalogue_service_name(a->catalogue, members[i]->subject));
        add_catalogue_fact(a, facts, fact, value, members[i]);
    }
    return true;
}

static void add_owner(struct attribution *a, json_t *look, json_t *facts, const struct ip *ip,
                      const struct place *place)
{
    const struct fact *why;
    unsigned owner = attribution_owner(a, ip, &why);
    json_object_set_new(look, "owner", json_string(owner_text(owner)));
    char date[TIME_TEXT_MAX], value[256];
    geo_day(a, date);
    if (why) {
        bool is_rule = why->kind == FACT_WORD;
        snprintf(value, sizeof value, "%s (%s%s%s)", owner_text(owner),
                 is_rule ? "by the AS name: \"" : catalogue_owner_name(a->catalogue, why->subject),
                 is_rule ? why->text : "", is_rule ? "\"" : "");
        add_catalogue_fact(a, facts, "owner", value, why);
    } else if (owner == OWNER_SATELLITE && (place->flags & PLACE_SATELLITE)) {
        add_fact(facts, "owner", owner_text(owner), geo_source(a->geo), date);
    }
}

static void add_place(struct attribution *a, json_t *look, json_t *facts, const struct ip *ip,
                      const struct place *place)
{
    char text[256], date[TIME_TEXT_MAX];
    geo_day(a, date);
    const char *source = geo_source(a->geo);
    if (place->country) {
        country_text(place->country, text);
        json_object_set_new(look, "country", json_string(text));
        add_fact(facts, "country", text, source, date);
    }
    if (place->prefix_len_bits) {
        struct prefix p = {.ip = *ip, .len_bits = place->prefix_len_bits};
        char prefix[PREFIX_TEXT_MAX];
        for (unsigned bit = p.len_bits; bit < 128; bit++)
            p.ip.octet[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
        prefix_print(&p, prefix);
        json_object_set_new(look, "prefix", json_string(prefix));
        add_fact(facts, "prefix", prefix, source, date);
    }
    if (place->asn) {
        char name[256];
        geo_as_name(a->geo, place->asn, ip, name, sizeof name);
        json_object_set_new(look, "asn", json_integer(place->asn));
        if (name[0])
            json_object_set_new(look, "as_name", json_string(name));
        snprintf(text, sizeof text, "AS%u %.200s", place->asn, name);
        add_fact(facts, "origin AS", text, source, date);
    }
    static const struct {
        unsigned flag;
        const char *text;
    } FLAGS[] = {{PLACE_PROXY, "anonymous proxy"},
                 {PLACE_SATELLITE, "satellite provider"},
                 {PLACE_ANYCAST, "anycast"},
                 {PLACE_HOSTILE, "on a list to be dropped"}};
    for (size_t i = 0; i < sizeof FLAGS / sizeof *FLAGS; i++)
        if (place->flags & FLAGS[i].flag)
            add_fact(facts, "network", FLAGS[i].text, source, date);
}

static void add_learned(struct attribution *a, json_t *look, const struct ip *ip, uint64_t at_ms)
{
    struct learned_name names[LEARNED_NAMES_MAX];
    size_t count = a->learned ? learned_find(a->learned, NULL, ip, at_ms, names) : 0;
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list,
                              json_stringn((const char *)names[i].name.at, names[i].name.len));
    json_object_set_new(look, "names", list);
}

static void look_at_address(struct attribution *a, json_t *look, const struct ip *ip,
                            uint64_t at_ms)
{
    json_t *facts = json_object_get(look, "facts");
    int32_t day = (int32_t)(at_ms / 86400000);
    struct place place = geo_find(a->geo, ip);
    add_place(a, look, facts, ip, &place);
    uint32_t own, built_in;
    tables_prefixes(a->tables, ip, 1, &own, &built_in);
    add_group(a, look, facts, own, day, "service prefix");
    add_group(a, look, facts, built_in, day, "service prefix");
    add_group(a, look, facts, tables_asn(a->tables, place.asn), day, "service AS");
    add_owner(a, look, facts, ip, &place);
    listed_look(a, look, ip, at_ms);
    add_learned(a, look, ip, at_ms);
}

static const char *match_text(enum fact_kind kind)
{
    return kind == FACT_EXACT                        ? "host name"
           : kind == FACT_BRAND || kind == FACT_WORD ? "registered label"
                                                     : "domain";
}

static void look_at_name(struct attribution *a, json_t *look, const char *host, size_t len,
                         uint64_t at_ms)
{
    json_t *facts = json_object_get(look, "facts");
    const struct fact *f = tables_name(a->tables, host, len, (int32_t)(at_ms / 86400000));
    char value[512];
    bool similar = !f;
    if (similar)
        f = tables_similar(a->tables, host, len, (int32_t)(at_ms / 86400000));
    if (f) {
        set_service(a, look, (int)f->subject);
        json_object_set_new(look, "match", json_string(f->text));
        json_object_set_new(look, "similar", json_boolean(similar));
        snprintf(value, sizeof value,
                 similar ? "%s is like \"%s\"%s: of %s, of others about it, or an imitation"
                         : "%s %s%s is %s",
                 match_text(f->kind), f->text, f->kind == FACT_BRAND ? ".*" : "",
                 catalogue_service_name(a->catalogue, f->subject));
        add_catalogue_fact(a, facts, "service name", value, f);
        unsigned owner = catalogue_service_owner(a->catalogue, f->subject);
        if (owner && !similar)
            json_object_set_new(look, "owner", json_string(owner_text(owner)));
    }
    const struct fact *o = owners_by_host(a->owners, host, len);
    if (o) {
        unsigned kind = catalogue_owner_kind(a->catalogue, o->subject);
        if (!json_object_get(look, "owner"))
            json_object_set_new(look, "owner", json_string(owner_text(kind)));
        snprintf(value, sizeof value, "%s (%s)", owner_text(kind),
                 catalogue_owner_name(a->catalogue, o->subject));
        add_catalogue_fact(a, facts, "owner by name", value, o);
    }
}

json_t *attribution_look(struct attribution *a, const char *subject, uint64_t at_ms,
                         struct error *err)
{
    char host[256], at[TIME_TEXT_MAX];
    struct ip ip;
    size_t len = strlen(subject);
    if (len > 0 && subject[len - 1] == '.')
        len--;
    if (len == 0 || len > 253) {
        error_set(err, ERROR_USAGE, "\"%.40s\" is neither an address nor a name", subject);
        return NULL;
    }
    for (size_t i = 0; i < len; i++)
        host[i] = (char)tolower((unsigned char)subject[i]);
    host[len] = 0;
    bool is_address = ip_parse(host, len, &ip);
    const char *dot = strrchr(host, '.'), *last = dot ? dot + 1 : host;
    bool is_number = last[strspn(last, "0123456789")] == 0; /* no top-level domain is one */
    if (!is_address &&
        (is_number || strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != len)) {
        error_set(err, ERROR_USAGE, "\"%.100s\" is neither an address nor a name", subject);
        return NULL;
    }
    time_print_ms(at_ms, at);
    json_t *look = json_pack("{s:s, s:s, s:s, s:[]}", "subject", host, "kind",
                             is_address ? "address" : "name", "at", at, "facts");
    if (is_address)
        look_at_address(a, look, &ip, at_ms);
    else
        look_at_name(a, look, host, len, at_ms);
    return look;
}

/* --- the note --- */

static const char *text_of(const json_t *look, const char *key)
{
    const char *text = json_string_value(json_object_get(look, key));
    return text ? text : "";
}

static void print_address(const json_t *look, FILE *out)
{
    const char *country = text_of(look, "country"), *owner = text_of(look, "owner");
    json_t *asn = json_object_get(look, "asn");
    fprintf(out, "%s is an address ", text_of(look, "subject"));
    if (asn)
        fprintf(out, "announced by AS%lld%s%s%s", (long long)json_integer_value(asn),
                text_of(look, "as_name")[0] ? " (" : "", text_of(look, "as_name"),
                text_of(look, "as_name")[0] ? ")" : "");
    else
        fprintf(out, "without a known origin AS");
    if (text_of(look, "prefix")[0])
        fprintf(out, " within %s", text_of(look, "prefix"));
    fprintf(out, "; country: %s.\n", country[0] ? country : "unknown");
    if (owner[0])
        fprintf(out, "Kind of owner: %s.\n", owner);
}

static void print_service(const json_t *look, FILE *out)
{
    const json_t *candidates = json_object_get(look, "candidates");
    if (text_of(look, "service")[0]) {
        fprintf(out, "Service: %s%s (%s), category %s.\n",
                json_is_true(json_object_get(look, "similar")) ? "perhaps " : "",
                text_of(look, "service_name"), text_of(look, "service"), text_of(look, "category"));
    } else if (json_array_size(candidates)) {
        fprintf(out, "Service: ambiguous without a name; hosts of ");
        for (size_t i = 0; i < json_array_size(candidates); i++)
            fprintf(out, "%s%s", i ? ", " : "", json_string_value(json_array_get(candidates, i)));
        fprintf(out, "%s.\n",
                json_is_true(json_object_get(look, "shared")) ? ", which serve many parties"
                                                              : " share these addresses");
    } else {
        fprintf(out, "Service: not in the catalogue.\n");
    }
}

void attribution_look_print(const json_t *look, FILE *out)
{
    if (strcmp(text_of(look, "kind"), "address") == 0)
        print_address(look, out);
    else
        fprintf(out, "%s is a host name.\n", text_of(look, "subject"));
    print_service(look, out);
    if (strcmp(text_of(look, "kind"), "name") == 0 && text_of(look, "owner")[0])
        fprintf(out, "Kind of owner: %s.\n", text_of(look, "owner"));
    listed_look_print(look, out);
    const json_t *names = json_object_get(look, "names");
    for (size_t i = 0; i < json_array_size(names); i++)
        fprintf(out, "%s%s", i ? ", " : "Names that DNS answers gave it: ",
                json_string_value(json_array_get(names, i)));
    if (json_array_size(names))
        fprintf(out, ".\n");
    const json_t *facts = json_object_get(look, "facts");
    if (json_array_size(facts))
        fprintf(out, "\nEvidence\n");
    for (size_t i = 0; i < json_array_size(facts); i++) {
        const json_t *f = json_array_get(facts, i);
        fprintf(out, "  %-15s %s\n  %-15s   %s%s%s\n", text_of(f, "fact"), text_of(f, "value"), "",
                text_of(f, "source"), text_of(f, "date")[0] ? ", " : "", text_of(f, "date"));
    }
    if (strcmp(text_of(look, "kind"), "address") == 0)
        fprintf(out,
                "\nAddresses change hands: the databases are of the dates given, the question "
                "is about %.10s.\n",
                text_of(look, "at"));
}
