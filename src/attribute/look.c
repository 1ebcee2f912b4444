/* SPDX-License-Identifier: Apache-2.0 */
/* `telltale look`: what is known of an address or a name, fact by fact with source and date, so
 * that the reader can weigh it. The JSON is the result; look_note.c prints the text from it. */
#include "attribute/dated_flow.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "attribute/scope.h"
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

/* How the catalogue knows the service: its other names, its networks, who else hosts it. */
static void add_extent(const struct attribution *a, json_t *look, uint32_t service)
{
    enum { NAMES_MAX = 8 };
    size_t count, names_count = 0;
    const struct fact *facts = catalogue_facts(a->catalogue, &count);
    json_t *names = json_array(), *asns = json_array(), *hosts = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct fact *f = &facts[i];
        if (f->subject != service)
            continue;
        names_count += f->kind == FACT_NAME;
        if (f->kind == FACT_NAME && json_array_size(names) < NAMES_MAX)
            json_array_append_new(names, json_string(f->text));
        else if (f->kind == FACT_ASN && !f->protocol)
            json_array_append_new(asns, json_integer(f->asn));
        else if (f->kind == FACT_ON)
            json_array_append_new(hosts, json_string(f->text));
    }
    json_object_set_new(look, "service_names", names);
    json_object_set_new(look, "service_names_count", json_integer((json_int_t)names_count));
    json_object_set_new(look, "service_asns", asns);
    json_object_set_new(look, "service_hosted_by", hosts);
}

static void set_service(const struct attribution *a, json_t *look, int service)
{
    json_object_set_new(look, "service",
                        json_string(catalogue_service_id(a->catalogue, (size_t)service)));
    json_object_set_new(look, "service_name",
                        json_string(catalogue_service_name(a->catalogue, (size_t)service)));
    json_object_set_new(look, "category",
                        json_string(catalogue_service_category(a->catalogue, (size_t)service)));
    const char *note = catalogue_service_note(a->catalogue, (size_t)service);
    if (note[0])
        json_object_set_new(look, "service_note", json_string(note));
    json_object_set_new(look, "shared_hosts",
                        json_boolean(catalogue_service_shared(a->catalogue, (size_t)service)));
    add_extent(a, look, (uint32_t)service);
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

/* An entry that stands for one organisation, not for a kind of them, names it. */
static void set_owner_entry(const struct attribution *a, json_t *look, const struct fact *why)
{
    const char *note = catalogue_owner_note(a->catalogue, why->subject);
    json_object_set_new(look, "owner_name",
                        json_string(catalogue_owner_name(a->catalogue, why->subject)));
    if (note[0])
        json_object_set_new(look, "owner_note", json_string(note));
}

/* "Korea (North)" of KP, from the time zone database's table (ISO 3166); false when it has none. */
static bool country_name(const char *code, char *text, size_t size)
{
    const char *dir = getenv("TZDIR");
    char path[1024], line[256];
    snprintf(path, sizeof path, "%s/iso3166.tab", dir && *dir ? dir : "/usr/share/zoneinfo");
    FILE *f = fopen(path, "re");
    bool found = false;
    while (f && !found && fgets(line, sizeof line, f))
        if (strncmp(line, code, 2) == 0 && line[2] == '\t') {
            line[strcspn(line, "\n")] = 0;
            snprintf(text, size, "%s", line + 3);
            found = true;
        }
    if (f)
        fclose(f);
    return found;
}

static void add_owner(struct attribution *a, json_t *look, json_t *facts, const struct ip *ip,
                      const struct place *place)
{
    const struct fact *why;
    unsigned owner = attribution_owner(a, ip, &why);
    json_object_set_new(look, "owner", json_string(owner_text(owner)));
    if (why && why->kind != FACT_WORD)
        set_owner_entry(a, look, why);
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
    char text[256], name[256], date[TIME_TEXT_MAX];
    geo_day(a, date);
    const char *source = geo_source(a->geo);
    json_object_set_new(look, "geo_date", json_string(date));
    if (place->country) {
        country_text(place->country, text);
        json_object_set_new(look, "country", json_string(text));
        if (country_name(text, name, sizeof name))
            json_object_set_new(look, "country_name", json_string(name));
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

static void add_scope(json_t *look, json_t *facts, const struct scope *scope)
{
    char value[256];
    json_object_set_new(look, "scope", json_string(scope->kind));
    json_object_set_new(look, "scope_prefix", json_string(scope->prefix));
    json_object_set_new(look, "scope_means", json_string(scope->means));
    snprintf(value, sizeof value, "%s (%s): %s", scope->kind, scope->prefix, scope->means);
    add_fact(facts, "special range", value, scope->source, "");
}

static void look_at_address(struct attribution *a, json_t *look, const struct ip *ip,
                            uint64_t at_ms)
{
    json_t *facts = json_object_get(look, "facts");
    int32_t day = (int32_t)(at_ms / 86400000);
    const struct scope *scope = scope_of(ip);
    struct place place = {0};
    if (scope) { /* databases may have the block around it: it says nothing of this one */
        add_scope(look, facts, scope);
    } else {
        place = geo_find(a->geo, ip);
        add_place(a, look, facts, ip, &place);
    }
    uint32_t own, built_in;
    tables_prefixes(a->tables, ip, 1, &own, &built_in);
    add_group(a, look, facts, own, day, "service prefix");
    add_group(a, look, facts, built_in, day, "service prefix");
    add_group(a, look, facts, tables_asn(a->tables, place.asn), day, "service AS");
    if (!scope)
        add_owner(a, look, facts, ip, &place);
    listed_look(a, look, ip, at_ms);
    add_learned(a, look, ip, at_ms);
}

static const char *match_text(enum fact_kind kind)
{
    return kind == FACT_EXACT  ? "host name"
           : kind == FACT_NAME ? "domain"
           : kind == FACT_HOST ? "hosts that begin with"
                               : "registered label";
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
        json_object_set_new(look, "owner", json_string(owner_text(kind)));
        set_owner_entry(a, look, o);
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
