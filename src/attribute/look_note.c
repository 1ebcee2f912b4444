/* SPDX-License-Identifier: Apache-2.0 */
/* The note of `telltale look`: who, where, which service, what that means, and how old the
 * knowledge is; then the evidence. Printed from the JSON alone, so that both say the same. */
#include "attribute/dated_flow.h"

#include <stdlib.h>
#include <string.h>

#include "base/zone.h"

static const char *text_of(const json_t *look, const char *key)
{
    const char *text = json_string_value(json_object_get(look, key));
    return text ? text : "";
}

static bool is_true(const json_t *look, const char *key)
{
    return json_is_true(json_object_get(look, key));
}

/* "a, b and c" of an array of texts or numbers. */
static void print_list(const json_t *list, const char *before, FILE *out)
{
    size_t count = json_array_size(list);
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(list, i);
        fprintf(out, "%s%s", i == 0 ? "" : i + 1 == count ? " and " : ", ", before);
        if (json_is_integer(item))
            fprintf(out, "%lld", (long long)json_integer_value(item));
        else
            fprintf(out, "%s", json_string_value(item));
    }
}

/* --- who --- */

static void print_place(const json_t *look, FILE *out)
{
    const json_t *asn = json_object_get(look, "asn");
    const char *as_name = text_of(look, "as_name"), *country = text_of(look, "country_name");
    if (text_of(look, "prefix")[0])
        fprintf(out, "%s lies in %s", text_of(look, "subject"), text_of(look, "prefix"));
    else
        fprintf(out, "%s is in no network that the database knows", text_of(look, "subject"));
    if (asn)
        fprintf(out, ", announced by AS%lld%s%s%s", (long long)json_integer_value(asn),
                as_name[0] ? " (" : "", as_name, as_name[0] ? ")" : "");
    else
        fprintf(out, ", which no AS is known to announce");
    if (text_of(look, "country")[0])
        fprintf(out, "; country: %s%s%s%s.\n", text_of(look, "country"), country[0] ? " (" : "",
                country, country[0] ? ")" : "");
    else
        fprintf(out, "; country: unknown.\n");
}

static void print_owner(const json_t *look, FILE *out)
{
    const char *owner = text_of(look, "owner"), *name = text_of(look, "owner_name");
    if (owner[0])
        fprintf(out, "Kind of owner: %s%s%s%s.\n", owner, name[0] ? " (" : "", name,
                name[0] ? ")" : "");
    else if (strcmp(text_of(look, "kind"), "address") == 0)
        fprintf(out, "Kind of owner: not known.\n");
    if (text_of(look, "owner_note")[0])
        fprintf(out, "%s.\n", text_of(look, "owner_note"));
}

/* --- which service --- */

static void print_candidates(const json_t *look, FILE *out)
{
    fprintf(out, "Service: ambiguous without a name; hosts of ");
    print_list(json_object_get(look, "candidates"), "", out);
    fprintf(out, is_true(look, "shared") ? ", which serve many parties.\n"
                                         : " share these addresses.\n");
}

static void print_service(const json_t *look, FILE *out)
{
    if (text_of(look, "service")[0])
        fprintf(out, "Service: %s%s (%s), category %s.\n",
                is_true(look, "similar") ? "perhaps " : "", text_of(look, "service_name"),
                text_of(look, "service"), text_of(look, "category"));
    else if (json_array_size(json_object_get(look, "candidates")))
        print_candidates(look, out);
    else
        fprintf(out, "Service: not in the catalogue.\n");
    if (text_of(look, "service_note")[0])
        fprintf(out, "Note: %s.\n", text_of(look, "service_note"));
}

static void print_extent(const json_t *look, FILE *out)
{
    const json_t *names = json_object_get(look, "service_names");
    const json_t *asns = json_object_get(look, "service_asns");
    const json_t *hosts = json_object_get(look, "service_hosted_by");
    size_t shown = json_array_size(names);
    size_t all = (size_t)json_integer_value(json_object_get(look, "service_names_count"));
    if (is_true(look, "similar") || shown == 0)
        return;
    fprintf(out, "Known by ");
    print_list(names, "", out);
    if (all > shown)
        fprintf(out, " (%zu more domains)", all - shown);
    if (json_array_size(asns)) {
        fprintf(out, ", and in ");
        print_list(asns, "AS", out);
    }
    if (json_array_size(hosts)) {
        fprintf(out, "; also on hosts of ");
        print_list(hosts, "", out);
    }
    fprintf(out, ".\n");
}

/* --- what it means --- */

static const struct {
    const char *owner, *meaning;
} MEANINGS[] = {
    {"carrier and access", "behind such an address are customers (homes, offices, phones) or the "
                           "carrier's own hosts; the address does not tell whose"},
    {"hosting", "machines here are rented: who runs one is not the provider, and a relay, a proxy "
                "or a web site looks the same from the address"},
    {"content delivery", "the host serves many parties; only a server name tells which"},
    {"vpn provider", "traffic to it may be a tunnel: what is behind it cannot be seen; a visit to "
                     "the provider's web site is not use of the tunnel"},
    {"satellite provider", "the terminal may be anywhere in the beam: the country is that of the "
                           "registration, not of the user"},
    {"consumer service", "the operator's own network: a contact is use of its services"},
    {"university", "a campus: staff, students and guests as well as its servers"},
    {"education", "a research or school network: many institutions behind one AS"},
    {"laboratory",
     "a research institution; an unusual contact is worth a look, and says nothing of "
     "intent by itself"},
    {"government",
     "a public body; an unusual contact is worth a look, and says nothing of intent by "
     "itself"},
    {"military", "armed forces; an unusual contact is worth a look, and says nothing of intent by "
                 "itself"},
    {"bank", "a financial institution: customers' use looks the same as anything else"},
    {"news", "a publisher: readers' use is the ordinary case"},
    {"utility",
     "energy, water or transport: an unusual contact is worth a look, and says nothing of "
     "intent by itself"},
};

static void print_address_meaning(const json_t *look, FILE *out)
{
    for (size_t i = 0; i < sizeof MEANINGS / sizeof *MEANINGS; i++)
        if (strcmp(MEANINGS[i].owner, text_of(look, "owner")) == 0)
            fprintf(out, "What it means: %s.\n", MEANINGS[i].meaning);
    if (text_of(look, "service")[0])
        fprintf(out, "A conversation with it counts as %s when no server name says otherwise.\n",
                text_of(look, "service_name"));
    else if (json_array_size(json_object_get(look, "candidates")))
        fprintf(out, "A conversation with it counts for a service only by its server name; without "
                     "one it widens the range of each candidate's share.\n");
    else
        fprintf(out,
                "A conversation with it is known by its server name, its payload or its port, or "
                "stays unknown.\n");
}

static void print_name_meaning(const json_t *look, FILE *out)
{
    if (is_true(look, "similar"))
        fprintf(out,
                "What it means: the label is like the service's mark. It may be the operator's "
                "own, a site about it, or an imitation; it counts as a candidate, never as use.\n");
    else if (is_true(look, "shared_hosts"))
        fprintf(out, "What it means: a host of a provider that serves many parties; its name does "
                     "not tell which.\n");
    else if (text_of(look, "service")[0])
        fprintf(out,
                "What it means: a conversation whose TLS, QUIC or HTTP name or DNS answer ends "
                "in %s counts as %s, whatever its address.\n",
                text_of(look, "match"), text_of(look, "service_name"));
    else
        fprintf(out,
                "What it means: a conversation with this name stays unknown, unless its payload "
                "or an address of one party alone decides.\n");
}

/* --- how old --- */

static void print_age(const json_t *look, FILE *out)
{
    const char *made = text_of(look, "geo_date"), *at = text_of(look, "at");
    int32_t made_day, at_day;
    if (date_parse(made, strlen(made), &made_day) != 0 || strlen(at) < 10 ||
        date_parse(at, 10, &at_day) != 0)
        return;
    int32_t apart = at_day > made_day ? at_day - made_day : made_day - at_day;
    fprintf(out, "\nCountry and AS are as of %s", made);
    if (apart > 31)
        fprintf(out, ", %d %s %s the date asked about (%.10s): addresses change hands", apart / 30,
                apart / 30 == 1 ? "month" : "months", at_day > made_day ? "before" : "after", at);
    fprintf(out, ".\n");
}

static void print_evidence(const json_t *look, FILE *out)
{
    const json_t *facts = json_object_get(look, "facts");
    if (json_array_size(facts))
        fprintf(out, "\nEvidence\n");
    for (size_t i = 0; i < json_array_size(facts); i++) {
        const json_t *f = json_array_get(facts, i);
        fprintf(out, "  %-15s %s\n  %-15s   %s%s%s\n", text_of(f, "fact"), text_of(f, "value"), "",
                text_of(f, "source"), text_of(f, "date")[0] ? ", " : "", text_of(f, "date"));
    }
}

static void print_names(const json_t *look, FILE *out)
{
    const json_t *names = json_object_get(look, "names");
    if (json_array_size(names) == 0)
        return;
    fprintf(out, "Names that DNS answers gave it: ");
    print_list(names, "", out);
    fprintf(out, ".\n");
}

static void print_scope(const json_t *look, FILE *out)
{
    const char *kind = text_of(look, "scope");
    fprintf(out, "%s is a%s %s address (%s): %s.\n", text_of(look, "subject"),
            strchr("aeiou", kind[0]) ? "n" : "", kind, text_of(look, "scope_prefix"),
            text_of(look, "scope_means"));
    fprintf(out,
            "It has no owner, country or AS on the internet: what it is, only the network it was "
            "seen in can tell.\n");
}

void attribution_look_print(const json_t *look, FILE *out)
{
    bool address = strcmp(text_of(look, "kind"), "address") == 0;
    bool special = text_of(look, "scope")[0] != 0;
    if (special)
        print_scope(look, out);
    else if (address)
        print_place(look, out);
    else
        fprintf(out, "%s is a host name.\n", text_of(look, "subject"));
    if (!special || text_of(look, "owner")[0])
        print_owner(look, out);
    if (!special || text_of(look, "service")[0])
        print_service(look, out);
    print_extent(look, out);
    listed_look_print(look, out);
    print_names(look, out);
    if (!special && address)
        print_address_meaning(look, out);
    else if (!special)
        print_name_meaning(look, out);
    if (address && !special)
        print_age(look, out);
    print_evidence(look, out);
}
